//! A run's bins into a file, tile by tile.

use super::writer::{BinWriter, Words};
use super::{Bin, BinnedProduct, Sums};
use crate::dataset::AttributeValue;
use crate::error::{Error, Result};
use crate::product::statistic::{find, number};
use crate::product::{LayerData, Product, Statistic, TileSink};
use std::io::{Seek, Write};
use swathe_core::isin::{Bins, Isin};
use swathe_core::reduce::{Scheme, Tiling};

/// A binned file whose layers come tile by tile, on the rectangle in which the bins are numbered: for every
/// product the sums of weights, of values and of their squares, the counts of observations and of granules.
/// The weights and counts of the first stand for all.
#[derive(Debug)]
pub struct Tiles<W> {
    writer: BinWriter<W>,
    isin: Isin,
    bins: Bins,
    tiling: Tiling,
    layers: Vec<Statistic>,
    products: usize,
    /// Values of the tile that is not complete, by layer.
    tile: Vec<Vec<f64>>,
    /// Bins of the row of tiles that is not complete.
    band: Vec<(Bin, Vec<Sums>)>,
}

impl<W: Write + Seek> Tiles<W> {
    /// Begins a file in an empty sink. No bin has more than `most` observations.
    ///
    /// # Errors
    /// [`Error::Product`] when the layers are others, and what `sink` says.
    pub fn create(
        product: &Product,
        isin: &Isin,
        most: u64,
        scheme: Scheme,
        sink: W,
    ) -> Result<Self> {
        let layers: Vec<Statistic> = product.layers.iter().map(|l| l.statistic).collect();
        let kinds = [
            Statistic::Weights,
            Statistic::Sum,
            Statistic::SumSquared,
            Statistic::Count,
            Statistic::Granules,
        ];
        if layers.is_empty() || layers.chunks(kinds.len()).any(|chunk| chunk != kinds) {
            return Err(Error::Product {
                reason: "bins are written from their sums, squares, weights and counts".into(),
            });
        }
        let (rows, columns) = isin.shape();
        let tiling = Tiling::new(rows, columns).map_err(|e| Error::Product {
            reason: e.to_string(),
        })?;
        let products: Vec<BinnedProduct> = product
            .layers
            .iter()
            .filter(|layer| layer.statistic == Statistic::Sum)
            .map(|layer| {
                let text = |name: &str| match find(&layer.attributes, name) {
                    Some(AttributeValue::Text(text)) => text.clone(),
                    _ => String::new(),
                };
                let limit = |name: &str| {
                    let value = find(&layer.attributes, name).and_then(number)?;
                    Some(value as f32)
                };
                let name = layer.name.strip_suffix("_sum").unwrap_or(&layer.name);
                BinnedProduct {
                    name: name.to_owned(),
                    units: text("units"),
                    valid_range: limit("valid_min").zip(limit("valid_max")),
                    scheme,
                }
            })
            .collect();
        let words = Words::of_product(product, &products);
        Ok(Tiles {
            writer: BinWriter::create(sink, isin, &products, most, words)?,
            bins: Bins::new(isin),
            isin: isin.clone(),
            tiling,
            tile: vec![Vec::new(); layers.len()],
            layers,
            products: products.len(),
            band: Vec::new(),
        })
    }

    /// Takes the bins of a tile whose layers are all there.
    fn take_tile(&mut self, tile: usize) {
        if self.tile.get(3).is_none_or(Vec::is_empty) {
            return;
        }
        let (rows, columns) = self.tiling.extent(tile);
        let width = columns.len();
        let per_product = self.layers.len() / self.products.max(1);
        for (i, row) in rows.enumerate() {
            for (j, column) in columns.clone().enumerate() {
                let at = |layer: usize| {
                    let values = self.tile.get(layer);
                    values.and_then(|values| values.get(i * width + j)).copied()
                };
                let observations = at(3).unwrap_or(0.0);
                let Some(number) = self.bins.number(row, column).filter(|_| observations > 0.0)
                else {
                    continue;
                };
                let bin = Bin {
                    number,
                    observations: observations as u64,
                    scenes: at(4).unwrap_or(0.0) as u64,
                    weights: at(0).unwrap_or(0.0),
                };
                let sums = (0..self.products).map(|product| Sums {
                    sum: at(product * per_product + 1).unwrap_or(0.0),
                    squares: at(product * per_product + 2).unwrap_or(0.0),
                });
                self.band.push((bin, sums.collect()));
            }
        }
    }

    fn write_band(&mut self) -> Result<()> {
        let mut band = std::mem::take(&mut self.band);
        band.sort_unstable_by_key(|(bin, _)| bin.number);
        for (bin, sums) in band {
            self.writer.put(&bin, &sums)?;
        }
        Ok(())
    }
}

impl<W: Write + Seek + Send + Sync> TileSink for Tiles<W> {
    fn encode(&self, _: usize, _: usize, _: usize, values: &LayerData) -> Result<Vec<u8>> {
        let doubles: Vec<f64> = match values {
            LayerData::F64(v) => v.clone(),
            LayerData::F32(v) => v.iter().map(|v| f64::from(*v)).collect(),
            LayerData::I32(v) => v.iter().map(|v| f64::from(*v)).collect(),
            LayerData::I64(v) => v.iter().map(|v| *v as f64).collect(),
            LayerData::Tiled(_) => Vec::new(),
        };
        // Most tiles of a region's bins hold nothing: they are not carried on.
        if doubles.iter().all(|v| v.is_nan() || *v == 0.0) {
            return Ok(Vec::new());
        }
        Ok(doubles.into_iter().flat_map(f64::to_le_bytes).collect())
    }

    fn put(&mut self, layer: usize, _: usize, tile: usize, encoded: &[u8]) -> Result<()> {
        let (elements, _) = encoded.as_chunks::<8>();
        let Some(held) = self.tile.get_mut(layer) else {
            return Err(Error::Product {
                reason: format!("there is no layer {layer}"),
            });
        };
        *held = elements.iter().map(|e| f64::from_le_bytes(*e)).collect();
        if layer + 1 < self.layers.len() {
            return Ok(());
        }
        self.take_tile(tile);
        let (_, columns) = self.tiling.extent(tile);
        match columns.end == self.tiling.shape().1 {
            true => self.write_band(),
            false => Ok(()),
        }
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        self.write_band()?;
        let Tiles { writer, isin, .. } = *self;
        writer.finish(&isin)?;
        Ok(())
    }
}
