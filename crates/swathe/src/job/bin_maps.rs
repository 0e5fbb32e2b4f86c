//! Maps that are made of a run's bins, tile by tile: of the bins, those of some rows are in memory at a time.

use super::bins::BinMap;
use super::finished::{Finished, UNITS_IN_FLIGHT};
use super::record::{Event, Observer, tell_tiles};
use super::{JobError, MapSource};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::ops::Range;
use swathe_core::binned::{BinsByPlace, FilledBins, Mapper};
use swathe_core::isin::Isin;
use swathe_core::reduce::{Scheme, Statistic as Asked, Tiling};
use swathe_core::watch::{self, Task};
use swathe_io::bins::{MAPS, layers_of};
use swathe_io::product::{LayerData, Product, Provenance, Statistic, TileSink, Times, feed};

/// Maps of a run on bins, as its file would be mapped; of windows, a map of each.
#[derive(Debug)]
pub struct BinMaps<'a> {
    finished: &'a Finished,
    isin: &'a Isin,
    map: &'a BinMap,
    description: Product,
    /// How each product was averaged.
    schemes: Vec<Scheme>,
    /// Which of [`MAPS`] there are of each.
    kept: Vec<usize>,
}

impl Finished {
    /// A map of a run on bins; of what of its values is asked for, counts are always there.
    ///
    /// # Errors
    /// A run on another grid; what was kept cannot be read.
    pub fn mapped<'a>(
        &'a self,
        map: &'a BinMap,
        statistics: &[Asked],
        options: &str,
    ) -> Result<BinMaps<'a>, JobError> {
        let Some(isin) = self.isin() else {
            return Err(JobError::plan("the run is not on bins"));
        };
        let description = self.description();
        let timed = matches!(description.times, Times::Series(_));
        let kept = (0..MAPS.len()).filter(|kind| match MAPS[*kind] {
            Statistic::Mean => statistics.contains(&Asked::Mean),
            Statistic::StandardDeviation => statistics.contains(&Asked::Std),
            _ => true,
        });
        let kept: Vec<usize> = kept.collect();
        let wide = i32::try_from(self.most()).is_err();
        // Without a bin, for what it says of its products.
        let table = self.table_of(0, &[])?;
        let mut layers = Vec::new();
        for (product, field) in table.products.iter().zip(&self.header.fields) {
            let attributes = product.attributes_of_maps(&field.attributes);
            layers.extend(kept.iter().map(|kind| {
                let values = match MAPS[*kind] {
                    Statistic::Count if wide => LayerData::I64(Vec::new()),
                    Statistic::Count | Statistic::Granules => LayerData::I32(Vec::new()),
                    _ => LayerData::F32(Vec::new()),
                };
                let data = LayerData::Tiled(values.dtype());
                MAPS[*kind].layer(&product.name, &attributes, data, timed)
            }));
        }
        Ok(BinMaps {
            finished: self,
            isin,
            map,
            description: Product {
                geobox: map.geobox.clone(),
                layers,
                provenance: Provenance {
                    options: options.to_owned(),
                    ..description.provenance.clone()
                },
                times: description.times.clone(),
                windows: description.windows.clone(),
                granules: description.granules.clone(),
                flags: description.flags.clone(),
                attributes: description.attributes.clone(),
            },
            schemes: table
                .products
                .iter()
                .map(|product| product.scheme)
                .collect(),
            kept,
        })
    }
}

impl MapSource for BinMaps<'_> {
    fn description(&self) -> &Product {
        &self.description
    }

    fn feed(
        &self,
        sinks: &mut [Box<dyn TileSink + '_>],
        mut observer: Observer<'_>,
    ) -> Result<(), JobError> {
        let maps = Event::Maps {
            product: &self.description,
        };
        if observer(&maps).is_break() {
            return Err(JobError::Interrupted);
        }
        let (rows, columns) = self.map.geobox.shape();
        let tiling = Tiling::new(rows, columns)?;
        let across = tiling.across().max(1);
        let (steps, tiles) = (self.finished.steps(), tiling.tiles());
        let mapper = Mapper {
            geobox: &self.map.geobox,
            mapping: self.map.mapping,
            blank: &self.map.blank,
        };
        let watched = watch::here();
        for step in 0..steps {
            let mut near = Near::new(self, step);
            for first in (0..tiles).step_by(across) {
                let rows = tiling.extent(first).0;
                let filled = near.filled(mapper.rows_giving(self.isin, rows))?;
                let bins = filled.by_place();
                let together = UNITS_IN_FLIGHT * rayon::current_num_threads();
                let of_row: Vec<usize> = (first..first + across).collect();
                for some in of_row.chunks(together) {
                    let finished = some.par_iter().flat_map_iter(|tile| {
                        let _entered = watched.enter();
                        let _combining = watch::doing(Task::Combine);
                        self.tile(&mapper, &bins, &tiling, step, *tile)
                    });
                    let finished: Vec<_> = finished.collect();
                    for (layer, step, tile, values) in &finished {
                        let told = observer(&Event::Tile {
                            layer: *layer,
                            step: *step,
                            tile: *tile,
                            values,
                        });
                        if told.is_break() {
                            return Err(JobError::Interrupted);
                        }
                    }
                    feed(sinks, finished)?;
                    let last = some.last().map_or(0, |tile| tile + 1);
                    tell_tiles(&mut observer, step * tiles + last, steps * tiles)?;
                }
            }
        }
        Ok(())
    }
}

impl BinMaps<'_> {
    /// All layers of a tile.
    fn tile(
        &self,
        mapper: &Mapper<'_>,
        bins: &BinsByPlace<'_>,
        tiling: &Tiling,
        step: usize,
        tile: usize,
    ) -> Vec<(usize, usize, usize, LayerData)> {
        let mut all = Vec::with_capacity(self.description.layers.len());
        for (product, scheme) in self.schemes.iter().enumerate() {
            let maps = mapper.map(bins, product, *scheme, tiling.extent(tile));
            let mut layers = layers_of(&maps).map(Some);
            for kind in &self.kept {
                let Some(mut values) = layers[*kind].take() else {
                    continue;
                };
                let layer = all.len();
                if let (LayerData::I32(narrow), LayerData::Tiled(dtype)) =
                    (&values, &self.description.layers[layer].data)
                    && values.dtype() != *dtype
                {
                    values = LayerData::I64(narrow.iter().map(|n| i64::from(*n)).collect());
                }
                all.push((layer, step, tile, values));
            }
        }
        all
    }
}

/// The bins of a step, as far as they are needed: those of some rows of tiles.
struct Near<'a> {
    maps: &'a BinMaps<'a>,
    step: usize,
    /// By row of tiles.
    known: BTreeMap<usize, FilledBins>,
}

impl<'a> Near<'a> {
    fn new(maps: &'a BinMaps<'a>, step: usize) -> Self {
        Near {
            maps,
            step,
            known: BTreeMap::new(),
        }
    }

    /// The bins of some rows, and others; no more is kept.
    fn filled(&mut self, rows: Range<usize>) -> Result<FilledBins, JobError> {
        let tiling = &self.maps.finished.tiling;
        let (across, all) = (tiling.across().max(1), tiling.tiles());
        let height = tiling.extent(0).0.len().max(1);
        let wanted = rows.start / height..rows.end.div_ceil(height);
        self.known.retain(|row, _| wanted.contains(row));
        let mut together = FilledBins {
            isin: self.maps.isin.clone(),
            bins: Vec::new(),
            sums: vec![Vec::new(); self.maps.schemes.len()],
        };
        for row in wanted {
            if !self.known.contains_key(&row) {
                let tiles: Vec<usize> = (row * across..((row + 1) * across).min(all)).collect();
                let table = self.maps.finished.table_of(self.step, &tiles)?;
                self.known.insert(row, table.filled);
            }
            // In order of rows, bins are in order of their numbers.
            let Some(own) = self.known.get(&row) else {
                continue;
            };
            together.bins.extend(&own.bins);
            for (all, own) in together.sums.iter_mut().zip(&own.sums) {
                all.extend(own);
            }
        }
        Ok(together)
    }
}
