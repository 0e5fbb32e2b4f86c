//! Layers that come tile by tile.
//!
//! ```text
//! TileOrder --values of a tile--> TileSink::encode (any thread) --> TileSink::put (in order) --> finish
//! ```
//!
//! A tile is a storage chunk of netCDF files and Zarr stores. So what a sink holds in memory is the index of
//! its chunks, whatever the size of the product.

mod memory;

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;
use swathe_core::reduce::Tiling;
use swathe_core::stop;
use swathe_core::watch::{self, Task};

use super::elements::elements_of;
use super::layout::{Data, chunk_shape, range_attributes};
use super::{LayerData, Product, ValidRange};
use crate::dataset::{Attributes, DataType};
use crate::error::{Error, Result};

pub use memory::MemoryTiles;

/// Tiles per thread of a product in memory that are encoded before any of them is put.
const TILES_IN_FLIGHT: usize = 16;

/// Takes the layers of a product tile by tile.
///
/// Every tile of every layer is put, once, in the order of [`TileOrder`]. Then the same values give the same
/// bytes, whatever encoded them where. Layers and time steps are numbered as in the product, tiles as in
/// [`Tiling`]; a layer without a time axis has step 0 alone.
pub trait TileSink: Send + Sync {
    /// Encodes the cells of a tile, which are in row-major order within [`Tiling::extent`]. They are of the
    /// layer's type; in floating point NaN is missing.
    ///
    /// # Errors
    /// [`Error::Product`] for a tile that the product does not have, and for values of another type or number.
    fn encode(&self, layer: usize, step: usize, tile: usize, values: &LayerData)
    -> Result<Vec<u8>>;

    /// Takes a tile that this sink has encoded.
    ///
    /// # Errors
    /// [`Error::Product`] for another tile than the next one; the system's refusals.
    fn put(&mut self, layer: usize, step: usize, tile: usize, encoded: &[u8]) -> Result<()>;

    /// Completes the product.
    ///
    /// # Errors
    /// [`Error::Product`] when tiles are missing; the system's refusals.
    fn finish(self: Box<Self>) -> Result<()>;
}

/// The tiles of a product in the order in which sinks take them, as (layer, step, tile): step by step, in a
/// step tile by tile, of a tile layer by layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TileOrder {
    /// Time steps of every layer.
    maps: Vec<usize>,
    steps: usize,
    tiles: usize,
    layer: usize,
    step: usize,
    tile: usize,
}

impl TileOrder {
    /// All tiles of a product.
    ///
    /// # Errors
    /// [`Error::Product`] for a grid of 2^32 cells or more.
    pub fn new(product: &Product) -> Result<TileOrder> {
        let maps: Vec<usize> = product.layers.iter().map(|l| product.maps(l)).collect();
        Ok(TileOrder {
            steps: maps.iter().copied().max().unwrap_or(0),
            maps,
            tiles: tiling(product)?.tiles(),
            layer: 0,
            step: 0,
            tile: 0,
        })
    }
}

impl Iterator for TileOrder {
    type Item = (usize, usize, usize);

    fn next(&mut self) -> Option<Self::Item> {
        while self.step < self.steps && self.tiles > 0 {
            let layer = self.layer;
            if self.tile == self.tiles {
                (self.step, self.tile) = (self.step + 1, 0);
            } else if let Some(&maps) = self.maps.get(layer) {
                self.layer += 1;
                if self.step < maps {
                    return Some((layer, self.step, self.tile));
                }
            } else {
                (self.tile, self.layer) = (self.tile + 1, 0);
            }
        }
        None
    }
}

/// Encodes tiles for all sinks on the threads of the current pool, and puts them. `batch` has (layer, step,
/// tile, values) in the order of [`TileOrder`], and goes on where the batch before it ended.
///
/// # Errors
/// Those of the sinks.
pub fn feed(
    sinks: &mut [Box<dyn TileSink + '_>],
    batch: Vec<(usize, usize, usize, LayerData)>,
) -> Result<()> {
    let watched = watch::here();
    let readers: &[Box<dyn TileSink + '_>] = sinks;
    let encoded: Vec<Vec<Vec<u8>>> = batch
        .par_iter()
        .map(|(layer, step, tile, values)| {
            let sinks = readers.par_iter();
            sinks
                .map(|sink| {
                    let _entered = watched.enter();
                    stop::go_on().map_err(Error::Interrupted)?;
                    let _writing = watch::doing(Task::Write);
                    sink.encode(*layer, *step, *tile, values)
                })
                .collect()
        })
        .collect::<Result<_>>()?;
    let _writing = watch::doing(Task::Write);
    for ((layer, step, tile, _), encoded) in batch.iter().zip(&encoded) {
        for (sink, bytes) in sinks.iter_mut().zip(encoded) {
            sink.put(*layer, *step, *tile, bytes)?;
        }
    }
    Ok(())
}

/// Hands a product that is in memory to a sink, and completes it.
///
/// # Errors
/// Those of the sink.
pub fn write_all(product: &Product, sink: Box<dyn TileSink + '_>) -> Result<()> {
    let tiling = tiling(product)?;
    let mut order = TileOrder::new(product)?;
    let mut sinks = [sink];
    loop {
        let next = order
            .by_ref()
            .take(TILES_IN_FLIGHT * rayon::current_num_threads());
        let batch: Vec<_> = next
            .filter_map(|(layer, step, tile)| {
                let data = &product.layers.get(layer)?.data;
                Some((layer, step, tile, data.tile(&tiling, step, tile)))
            })
            .collect();
        if batch.is_empty() {
            break;
        }
        feed(&mut sinks, batch)?;
    }
    let [sink] = sinks;
    sink.finish()
}

/// The tiles of a product's grid.
fn tiling(product: &Product) -> Result<Tiling> {
    let (rows, columns) = product.geobox.shape();
    Tiling::new(rows, columns).map_err(|error| refused(error.to_string()))
}

fn refused(reason: String) -> Error {
    Error::Product { reason }
}

impl LayerData {
    /// The cells of a tile at a time step, row by row; those that are not there are left out.
    fn tile(&self, tiling: &Tiling, step: usize, tile: usize) -> LayerData {
        fn cut<T: Copy>(values: &[T], tiling: &Tiling, step: usize, tile: usize) -> Vec<T> {
            let (rows, columns) = tiling.extent(tile);
            let mut out = Vec::with_capacity(rows.len() * columns.len());
            for row in rows {
                let start = step * tiling.cells() + row * tiling.shape().1;
                let cells = values.get(start + columns.start..start + columns.end);
                out.extend_from_slice(cells.unwrap_or_default());
            }
            out
        }
        match self {
            LayerData::F32(v) => LayerData::F32(cut(v, tiling, step, tile)),
            LayerData::F64(v) => LayerData::F64(cut(v, tiling, step, tile)),
            LayerData::I32(v) => LayerData::I32(cut(v, tiling, step, tile)),
            LayerData::I64(v) => LayerData::I64(cut(v, tiling, step, tile)),
            LayerData::Tiled(dtype) => LayerData::Tiled(dtype.clone()),
        }
    }
}

/// What all sinks know of a product: which tile comes next, and what is in the layers.
#[derive(Debug)]
pub(super) struct TiledLayers {
    tiling: Tiling,
    layers: Vec<TiledLayer>,
    /// What comes next, where all tiles come in order.
    order: Option<std::iter::Peekable<TileOrder>>,
    /// Ranges of the main layer's tiles that are encoded but not put, by step and tile.
    encoded: Mutex<HashMap<(usize, usize), Option<ValidRange>>>,
    /// Range of what was put of the main layer.
    range: Option<ValidRange>,
}

#[derive(Debug)]
struct TiledLayer {
    name: String,
    dtype: DataType,
    maps: usize,
}

impl TiledLayers {
    pub fn new(product: &Product) -> Result<TiledLayers> {
        let of = |layer: &super::Layer| TiledLayer {
            name: layer.name.clone(),
            dtype: layer.data.dtype(),
            maps: product.maps(layer),
        };
        Ok(TiledLayers {
            tiling: tiling(product)?,
            layers: product.layers.iter().map(of).collect(),
            order: Some(TileOrder::new(product)?.peekable()),
            encoded: Mutex::default(),
            range: None,
        })
    }

    /// For some tiles in any order, of which each is put once.
    pub fn in_any_order(product: &Product) -> Result<TiledLayers> {
        Ok(TiledLayers {
            order: None,
            ..TiledLayers::new(product)?
        })
    }

    /// Range of what was put of the main layer.
    pub fn range(&self) -> Option<ValidRange> {
        self.range
    }

    /// Checks the values of a tile, and notes what is needed of them when it is put.
    pub fn check(&self, layer: usize, step: usize, tile: usize, values: &LayerData) -> Result<()> {
        let Some(described) = self.layers.get(layer) else {
            return Err(refused(format!("there is no layer {layer}")));
        };
        let name = &described.name;
        if step >= described.maps || tile >= self.tiling.tiles() {
            return Err(refused(format!(
                "layer {name:?} has no tile {tile} at step {step}"
            )));
        }
        let cells = self.tiling.tile_cells(tile);
        if matches!(values, LayerData::Tiled(_)) || values.len() != cells {
            return Err(refused(format!(
                "tile {tile} of layer {name:?} has {} values for {cells} cells",
                values.len()
            )));
        }
        if values.dtype() != described.dtype {
            return Err(refused(format!(
                "layer {name:?} has values of {:?}, tile {tile} has {:?}",
                described.dtype,
                values.dtype()
            )));
        }
        if layer == 0 {
            let range = ValidRange::of(values);
            let mut encoded = self.encoded.lock().unwrap_or_else(PoisonError::into_inner);
            encoded.insert((step, tile), range);
        }
        Ok(())
    }

    /// The bytes of a tile as a storage chunk, padded beyond the edges of the grid; `fill` stands for NaN.
    pub fn chunk(&self, tile: usize, values: &LayerData, fill: Option<f64>) -> Vec<u8> {
        let (rows, columns) = self.tiling.extent(tile);
        let shape = [rows.len(), columns.len()];
        let chunk = chunk_shape(self.tiling.shape());
        elements_of(&Data::from(values), fill, &shape, &chunk, 0)
    }

    /// Notes that a tile is put. Its chunk's number, last dimension fastest.
    pub fn place(&mut self, layer: usize, step: usize, tile: usize) -> Result<usize> {
        if let Some(order) = &mut self.order
            && order.next_if_eq(&(layer, step, tile)).is_none()
        {
            let next = match order.peek() {
                Some((layer, step, tile)) => {
                    format!("tile {tile} of layer {layer} at step {step} is next")
                }
                None => "all tiles have been put".into(),
            };
            return Err(refused(format!(
                "tile {tile} of layer {layer} at step {step} is put, {next}"
            )));
        }
        if layer == 0 {
            let encoded = self.encoded.get_mut();
            let encoded = encoded.unwrap_or_else(PoisonError::into_inner);
            let Some(range) = encoded.remove(&(step, tile)) else {
                return Err(refused(format!("tile {tile} was not encoded")));
            };
            self.range = ValidRange::join(self.range, range);
        }
        Ok(step * self.tiling.tiles() + tile)
    }

    /// Makes sure that all tiles have been put.
    pub fn check_all_put(&mut self) -> Result<()> {
        match self.order.as_mut().and_then(|order| order.peek()) {
            Some((layer, step, tile)) => {
                let name = self.layers.get(*layer).map_or("", |l| l.name.as_str());
                Err(refused(format!(
                    "tile {tile} of layer {name:?} at step {step} was not put"
                )))
            }
            None => Ok(()),
        }
    }

    /// Global attributes that follow from the values, once all are put.
    pub fn attributes(&mut self) -> Result<Attributes> {
        self.check_all_put()?;
        Ok(match self.layers.is_empty() {
            true => Attributes::new(),
            false => range_attributes(self.range),
        })
    }
}

#[cfg(test)]
mod tests;
