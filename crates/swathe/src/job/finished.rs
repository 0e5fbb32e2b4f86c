//! A run's outcome: what it is of, and its maps, tile by tile.

use super::contents::{Contents, Unit};
use super::header::Header;
use super::plan::{Plan, PlannedField};
use super::record::{Event, Observer, tell_tiles};
use super::{JobError, Purpose};
use rayon::prelude::*;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use swathe_core::isin::Isin;
use swathe_core::mask::FlagReport;
use swathe_core::reduce::{Composite, Scheme, Statistic, Tiling};
use swathe_core::resample::GeometryReport;
use swathe_core::watch::{self, Task};
use swathe_io::bytes::ReadCounters;
use swathe_io::dataset::DataType;
use swathe_io::product::{
    self, GranuleRecord, GranuleStatus, Layer, LayerData, MemoryTiles, Product, TileSink, TimeStep,
    Times, feed,
};

/// Units per thread that are finished before any of them is handed on.
pub(super) const UNITS_IN_FLIGHT: usize = 2;

/// A run whose granules are all done. Its maps are finished as they are asked for.
#[derive(Debug)]
pub struct Finished {
    pub(super) header: Header,
    description: Product,
    pub(super) contents: Contents,
    pub(super) tiling: Tiling,
    pub(super) maps: Maps,
    /// Whether a cell of the first layer that was handed on has a value.
    valued: AtomicBool,
    /// What reading has cost.
    pub read: ReadCounters,
    /// What became of the pixels near the area.
    pub geometry: GeometryReport,
    /// What the flags took, by field.
    pub flags: Vec<(String, FlagReport)>,
    /// Number of granules that gave values.
    pub used: usize,
    /// Number of granules that could not be read.
    pub failed: usize,
}

/// What maps there are.
#[derive(Debug)]
pub(super) enum Maps {
    /// These statistics over all granules.
    Statistics(Vec<Statistic>),
    /// One of each of these granules.
    Granules(Vec<usize>),
}

impl Finished {
    /// An average, of what granules gave.
    pub(super) fn average(header: Header, contents: Contents) -> Result<Self, JobError> {
        let mut statistics = Vec::new();
        // Count and granules are always written.
        for statistic in header.statistics.iter().copied() {
            if !statistics.contains(&statistic) {
                statistics.push(statistic);
            }
        }
        // A geometric mean comes with its spread, and the number of values that it is of.
        if statistics.contains(&Statistic::GeometricMean) {
            for beside in [Statistic::GeometricStd, Statistic::GeometricCount] {
                if !statistics.contains(&beside) {
                    statistics.push(beside);
                }
            }
        }
        for always in [Statistic::Count, Statistic::Granules] {
            if !statistics.contains(&always) {
                statistics.push(always);
            }
        }
        let times = Times::Window(header.window());
        Finished::new(header, contents, Maps::Statistics(statistics), times)
    }

    /// A cube, of granules in order; `stack`: with a time dimension even for one.
    pub(super) fn cube(
        header: Header,
        contents: Contents,
        records: &[Option<GranuleRecord>],
        stack: bool,
    ) -> Result<Self, JobError> {
        // A granule that could not be read has no layer; one that is empty has.
        let kept = records.iter().enumerate().filter_map(|(granule, record)| {
            let record = record.as_ref()?;
            (record.status != GranuleStatus::Skipped).then(|| (granule, step(record)))
        });
        let (granules, steps): (Vec<usize>, Vec<TimeStep>) = kept.unzip();
        let times = match <[TimeStep; 1]>::try_from(steps) {
            Ok([step]) if !stack => Times::Window(TimeStep {
                granule: None,
                ..step
            }),
            Ok([step]) => Times::Series(vec![step]),
            Err(steps) => Times::Series(steps),
        };
        Finished::new(header, contents, Maps::Granules(granules), times)
    }

    fn new(header: Header, contents: Contents, maps: Maps, times: Times) -> Result<Self, JobError> {
        let (rows, columns) = header.geobox()?.shape();
        let tiling = Tiling::new(rows, columns)?;
        let timed = matches!(times, Times::Series(_));
        let most = header.most();
        let mut layers = Vec::new();
        for field in &header.fields {
            for kind in maps.kinds() {
                let data = LayerData::Tiled(kind.dtype(field, most));
                let layer = kind.product_statistic();
                layers.push(layer.layer(&field.name, &field.attributes, data, timed));
            }
        }
        let description = header.product(layers, times)?;
        let names = header.fields.iter().map(|f| f.name.clone());
        let used = header.used();
        Ok(Finished {
            description,
            contents,
            tiling,
            maps,
            valued: AtomicBool::new(false),
            read: ReadCounters::default(),
            geometry: GeometryReport::default(),
            flags: names.zip(header.flags.iter().cloned()).collect(),
            used,
            failed: 0,
            header,
        })
    }

    /// The grid, if it is of bins.
    pub fn isin(&self) -> Option<&Isin> {
        self.header.isin.as_ref()
    }

    /// What of the values was averaged.
    pub fn scheme(&self) -> Scheme {
        let first = self.header.fields.first();
        first.map_or(Scheme::Arithmetic, |field| field.reduction.scheme)
    }

    /// No cell has more observations.
    pub fn most(&self) -> u64 {
        self.header.most()
    }

    /// The product without its values. On bins, its grid is the rectangle in which they are numbered.
    pub fn description(&self) -> &Product {
        &self.description
    }

    /// Hands all tiles to sinks, on the threads of the current pool, and tells how many are done.
    ///
    /// # Errors
    /// What was kept cannot be read; those of the sinks; the observer breaks it off.
    pub fn feed(
        &self,
        sinks: &mut [Box<dyn TileSink + '_>],
        mut observer: Observer<'_>,
    ) -> Result<(), JobError> {
        let steps = match &self.maps {
            Maps::Statistics(_) => 1,
            Maps::Granules(granules) => granules.len(),
        };
        let fields = self.header.fields.len();
        let (tiles, total) = (self.tiling.tiles(), steps * self.tiling.tiles() * fields);
        let maps = Event::Maps {
            product: &self.description,
        };
        if observer(&maps).is_break() {
            return Err(JobError::Interrupted);
        }
        let batch = UNITS_IN_FLIGHT * rayon::current_num_threads();
        let watched = watch::here();
        for start in (0..total).step_by(batch) {
            let end = (start + batch).min(total);
            let units = start..end;
            let finished: Result<Vec<_>, JobError> = units
                .into_par_iter()
                .map(|number| {
                    let _entered = watched.enter();
                    let _combining = watch::doing(Task::Combine);
                    let (step, rest) = (number / (tiles * fields), number % (tiles * fields));
                    self.unit(step, rest / fields, rest % fields)
                })
                .collect();
            let finished: Vec<_> = finished?.into_iter().flatten().collect();
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
            tell_tiles(&mut observer, end, total)?;
        }
        Ok(())
    }

    /// Whether no cell of the first layer had a value, when its tiles were handed on.
    pub fn is_blank(&self) -> bool {
        !self.valued.load(Ordering::Relaxed)
    }

    /// The product in memory.
    ///
    /// # Errors
    /// What was kept cannot be read.
    pub fn product(&self) -> Result<Product, JobError> {
        let mut memory = MemoryTiles::create(&self.description)?;
        self.feed(&mut [Box::new(&mut memory)], &mut |_| {
            ControlFlow::Continue(())
        })?;
        Ok(memory.into_product()?)
    }

    /// What was kept for this run on disk can go.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn clear(self) -> Result<(), JobError> {
        match self.contents {
            Contents::Journal(journal) | Contents::Composites(_, Some(journal)) => {
                Ok(journal.remove()?)
            }
            Contents::Composites(_, None) | Contents::Parts(_) | Contents::Partials(_) => Ok(()),
        }
    }

    pub(super) fn place(&self, tile: usize, field: usize) -> Unit<'_> {
        Unit {
            tiling: self.tiling,
            tile,
            field,
            fields: &self.header.fields,
        }
    }

    /// The layers of a unit at a step.
    fn unit(
        &self,
        step: usize,
        tile: usize,
        field: usize,
    ) -> Result<Vec<(usize, usize, usize, LayerData)>, JobError> {
        let place = self.place(tile, field);
        let kinds = self.maps.kinds();
        let first = field * kinds.len();
        let layers = |composite: Option<&Composite>| {
            let kinds = kinds.iter().enumerate();
            kinds
                .map(|(k, kind)| {
                    let dtype = self.description.layers[first + k].data.dtype();
                    let cells = self.tiling.tile_cells(tile);
                    let data = kind.data(composite, tile, cells, &dtype)?;
                    if first + k == 0 && data.valid_range().is_some() {
                        self.valued.store(true, Ordering::Relaxed);
                    }
                    Ok((first + k, step, tile, data))
                })
                .collect()
        };
        match &self.maps {
            Maps::Statistics(_) => self.contents.with_unit(&place, layers),
            Maps::Granules(granules) => {
                let granule = granules.get(step).copied().unwrap_or(usize::MAX);
                layers(self.contents.of_granule(granule, &place)?.as_ref())
            }
        }
    }
}

impl Plan {
    /// The first field's layers that say most, without values: of an average, the first statistic that is
    /// asked for, count and granules; of a cube, the values.
    pub fn main_layers(&self) -> Vec<Layer> {
        let Some(field) = self.fields.first() else {
            return Vec::new();
        };
        let kinds = match self.purpose {
            Purpose::Cube => vec![Kind::Value],
            Purpose::Average => {
                let first = self.job.statistics.first().copied();
                let first = first.unwrap_or(Statistic::Mean);
                [first, Statistic::Count, Statistic::Granules]
                    .map(Kind::Statistic)
                    .to_vec()
            }
        };
        let layer = |kind: &Kind| {
            let data = LayerData::Tiled(kind.dtype(field, 0));
            let statistic = kind.product_statistic();
            statistic.layer(&field.name, &field.attributes, data, false)
        };
        kinds.iter().map(layer).collect()
    }
}

/// What a layer holds.
#[derive(Clone, Copy)]
enum Kind {
    /// A statistic over granules.
    Statistic(Statistic),
    /// The value of one granule.
    Value,
}

impl Maps {
    fn kinds(&self) -> Vec<Kind> {
        match self {
            Maps::Statistics(statistics) => {
                statistics.iter().map(|s| Kind::Statistic(*s)).collect()
            }
            Maps::Granules(_) => vec![Kind::Value],
        }
    }
}

impl Kind {
    fn dtype(self, field: &PlannedField, most: u64) -> DataType {
        match self {
            Kind::Statistic(Statistic::Count | Statistic::GeometricCount)
                if i32::try_from(most).is_err() =>
            {
                DataType::I64
            }
            Kind::Statistic(Statistic::Count | Statistic::GeometricCount | Statistic::Granules) => {
                DataType::I32
            }
            Kind::Statistic(Statistic::Sum | Statistic::SumSquared | Statistic::Weights) => {
                DataType::F64
            }
            _ if field.double => DataType::F64,
            _ => DataType::F32,
        }
    }

    /// The cells of a tile; `None` stands for a composite without an observation.
    fn data(
        self,
        composite: Option<&Composite>,
        tile: usize,
        cells: usize,
        dtype: &DataType,
    ) -> Result<LayerData, JobError> {
        let (statistic, empty) = match self {
            Kind::Statistic(
                statistic @ (Statistic::Count
                | Statistic::Granules
                | Statistic::Coverage
                | Statistic::GeometricCount),
            ) => (statistic, 0.0),
            Kind::Statistic(statistic) => (statistic, f64::NAN),
            Kind::Value => (Statistic::Mean, f64::NAN),
        };
        let values = match composite {
            Some(composite) => composite.tile_values(tile, statistic)?,
            None => None,
        };
        let values = values.unwrap_or_else(|| vec![empty; cells]);
        let values = values.into_iter();
        Ok(match dtype {
            DataType::F64 => LayerData::F64(values.collect()),
            DataType::I32 => LayerData::I32(values.map(|v| v as i32).collect()),
            DataType::I64 => LayerData::I64(values.map(|v| v as i64).collect()),
            _ => LayerData::F32(values.map(|v| v as f32).collect()),
        })
    }

    fn product_statistic(self) -> product::Statistic {
        match self {
            Kind::Value => product::Statistic::Value,
            Kind::Statistic(Statistic::Mean) => product::Statistic::Mean,
            Kind::Statistic(Statistic::Std) => product::Statistic::StandardDeviation,
            Kind::Statistic(Statistic::Var) => product::Statistic::Variance,
            Kind::Statistic(Statistic::Min) => product::Statistic::Minimum,
            Kind::Statistic(Statistic::Max) => product::Statistic::Maximum,
            Kind::Statistic(Statistic::Sum) => product::Statistic::Sum,
            Kind::Statistic(Statistic::Count) => product::Statistic::Count,
            Kind::Statistic(Statistic::Granules) => product::Statistic::Granules,
            Kind::Statistic(Statistic::Coverage) => product::Statistic::Coverage,
            Kind::Statistic(Statistic::Weights) => product::Statistic::Weights,
            Kind::Statistic(Statistic::SumSquared) => product::Statistic::SumSquared,
            Kind::Statistic(Statistic::GeometricMean) => product::Statistic::GeometricMean,
            Kind::Statistic(Statistic::GeometricStd) => {
                product::Statistic::GeometricStandardDeviation
            }
            Kind::Statistic(Statistic::GeometricCount) => product::Statistic::GeometricCount,
            Kind::Statistic(Statistic::MEDIAN) => product::Statistic::Median,
            Kind::Statistic(Statistic::Percentile(percent)) => {
                product::Statistic::Percentile(percent)
            }
        }
    }
}

fn step(record: &GranuleRecord) -> TimeStep {
    TimeStep {
        time: record.start,
        start: record.start,
        end: if record.end.is_nan() {
            record.start
        } else {
            record.end
        },
        granule: Some(record.name.clone()),
    }
}
