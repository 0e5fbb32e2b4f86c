//! A store that several processes write: each the chunks of some files, one of them all the rest.
//!
//! ```text
//! some tiles --Encoder--> EncodedTiles   (bytes, from anywhere)
//!     all tiles of some files --write_tiles--> files under their names     (one call for each file of chunks)
//!     all files there --complete--> the store that `Tiles` writes, to the byte
//! EncodedTile --decode_tile--> the values that were encoded
//! ```
//!
//! A file appears whole under its name, so that a call that is made twice, or that ends in the middle, does no harm.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};
use swathe_core::reduce::Tiling;

use super::super::layout::{chunk_shape, fill_of, layout, range_attributes};
use super::super::tiles::{TileSink, TiledLayers};
use super::super::{LayerData, Product, ValidRange};
use super::{describe, encode_tile, shards, write_variables};
use crate::dataset::DataType;
use crate::error::{Error, Result};
use crate::zarr::ZarrWriter;

/// Names of folders in which files are made begin so.
const STAGING: &str = ".writer-";

/// How many tiles along rows and columns share a file of a map: one, or those of a shard. Blocks begin at the first
/// row and column.
pub fn tiles_of_a_file(tiling: &Tiling) -> (usize, usize) {
    let (rows, columns) = tiling.shape();
    let shape = [rows, columns];
    let chunks = chunk_shape((rows, columns));
    let along = |shard: &[usize], axis: usize| match (shard.get(axis), chunks.get(axis)) {
        (Some(shard), Some(chunk)) => shard / (*chunk).max(1),
        _ => 1,
    };
    match shards(&shape, &chunks) {
        Some(shard) => (along(&shard, 0), along(&shard, 1)),
        None => (1, 1),
    }
}

/// Encoded tiles of a product.
#[derive(Debug, Default)]
pub struct EncodedTiles {
    /// Range of those of the first layer.
    pub range: Option<ValidRange>,
    /// The tiles.
    pub tiles: Vec<EncodedTile>,
}

/// A tile as a chunk.
#[derive(Debug)]
pub struct EncodedTile {
    /// Number of the layer.
    pub layer: u32,
    /// Number of the time step.
    pub step: u32,
    /// Number of the tile.
    pub tile: u32,
    /// The chunk.
    pub bytes: Vec<u8>,
}

/// What stands in encoded tiles for a cell without a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Missing {
    /// NaN, as in memory: no number is lost.
    Nan,
    /// [`FILL`](super::super::FILL), as in files: so the chunks of a store are.
    Fill,
}

impl Missing {
    fn value(self, dtype: &DataType) -> Option<f64> {
        match self {
            Missing::Nan => None,
            Missing::Fill => fill_of(dtype),
        }
    }
}

/// Encodes some tiles of a product: they are put in any order, and kept.
#[derive(Debug)]
pub struct Encoder {
    tiled: TiledLayers,
    missing: Missing,
    encoded: Vec<EncodedTile>,
}

impl Encoder {
    /// For the tiles of a product.
    ///
    /// # Errors
    /// [`Error::Product`] for a grid of 2^32 cells or more.
    pub fn new(product: &Product, missing: Missing) -> Result<Encoder> {
        Ok(Encoder {
            tiled: TiledLayers::in_any_order(product)?,
            missing,
            encoded: Vec::new(),
        })
    }

    /// What has been put.
    pub fn into_tiles(self) -> EncodedTiles {
        EncodedTiles {
            range: self.tiled.range(),
            tiles: self.encoded,
        }
    }
}

impl TileSink for &mut Encoder {
    fn encode(
        &self,
        layer: usize,
        step: usize,
        tile: usize,
        values: &LayerData,
    ) -> Result<Vec<u8>> {
        if self.missing == Missing::Nan
            && let Some(element) = even(values)
        {
            self.tiled.check(layer, step, tile, values)?;
            return Ok(element);
        }
        let missing = self.missing.value(&values.dtype());
        encode_tile(&self.tiled, layer, step, tile, values, missing)
    }

    fn put(&mut self, layer: usize, step: usize, tile: usize, encoded: &[u8]) -> Result<()> {
        self.tiled.place(layer, step, tile)?;
        let number = |n: usize| u32::try_from(n).map_err(|_| refused("it has too many tiles"));
        self.encoded.push(EncodedTile {
            layer: number(layer)?,
            step: number(step)?,
            tile: number(tile)?,
            bytes: encoded.to_vec(),
        });
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}

/// The element of which all values are, to the bit: most tiles of a large grid hold nothing.
fn even(values: &LayerData) -> Option<Vec<u8>> {
    fn all<T: Copy, const N: usize>(values: &[T], bytes: fn(T) -> [u8; N]) -> Option<Vec<u8>> {
        let first = bytes(*values.first()?);
        let even = values.iter().all(|value| bytes(*value) == first);
        even.then(|| first.to_vec())
    }
    match values {
        LayerData::F32(v) => all(v, f32::to_le_bytes),
        LayerData::F64(v) => all(v, f64::to_le_bytes),
        LayerData::I32(v) => all(v, i32::to_le_bytes),
        LayerData::I64(v) => all(v, i64::to_le_bytes),
        LayerData::Tiled(_) => None,
    }
}

/// Values of an encoded tile, of this type, in row-major order within [`Tiling::extent`].
///
/// # Errors
/// [`Error::Product`] for bytes that are damaged or of another tile.
pub fn decode_tile(
    bytes: &[u8],
    dtype: &DataType,
    tiling: &Tiling,
    tile: usize,
    missing: Missing,
) -> Result<LayerData> {
    let [height, width] = chunk_shape(tiling.shape());
    let size = dtype.size().unwrap_or(1);
    let decoded = match bytes.len() == size {
        // One element stands for all; a chunk has a longer head.
        true => Ok(bytes.repeat(height * width)),
        false => crate::zarr::decode_numbers(bytes, height * width * size),
    };
    let decoded = decoded.map_err(|reason| refused(&format!("tile {tile}: {reason}")))?;
    let (rows, columns) = tiling.extent(tile);
    let row = |row: usize| {
        let start = row * width * size;
        let bytes = decoded.get(start..start + columns.len() * size);
        bytes.unwrap_or_default()
    };
    let rows = (0..rows.len()).map(row);
    Ok(match (dtype, missing.value(dtype)) {
        (DataType::F32, missing) => {
            let missing = missing.map(|fill| fill as f32);
            let value = |bytes| Some(f32::from_le_bytes(bytes)).filter(|v| Some(*v) != missing);
            LayerData::F32(numbers(rows, |bytes| value(bytes).unwrap_or(f32::NAN)))
        }
        (DataType::F64, missing) => {
            let value = |bytes| Some(f64::from_le_bytes(bytes)).filter(|v| Some(*v) != missing);
            LayerData::F64(numbers(rows, |bytes| value(bytes).unwrap_or(f64::NAN)))
        }
        (DataType::I32, _) => LayerData::I32(numbers(rows, i32::from_le_bytes)),
        (DataType::I64, _) => LayerData::I64(numbers(rows, i64::from_le_bytes)),
        _ => return Err(refused(&format!("tile {tile} is of {dtype:?}"))),
    })
}

fn numbers<'a, T, const N: usize>(
    rows: impl Iterator<Item = &'a [u8]>,
    value: impl Fn([u8; N]) -> T,
) -> Vec<T> {
    let elements = rows.flat_map(|row| row.as_chunks::<N>().0);
    elements.map(|bytes| value(*bytes)).collect()
}

/// Writes encoded tiles into the folder of a store in the making: all of those files of which any is there. Gives
/// the range of the first layer's.
///
/// # Errors
/// [`Error::Product`] for tiles that the product does not have, or not all of a file; the system's refusals.
pub fn write_tiles(
    product: &Product,
    folder: &Path,
    encoded: Vec<EncodedTiles>,
) -> Result<Option<ValidRange>> {
    let failed = |path: &Path, source| Error::Io {
        path: path.display().to_string(),
        source,
    };
    let described = describe(&layout(product)?)?;
    let mut range = None;
    let mut chunks = Vec::new();
    for part in encoded {
        range = ValidRange::join(range, part.range);
        chunks.extend(part.tiles);
    }
    // In the order in which one process writes them: so they lie in shards.
    chunks.sort_by_key(|chunk| (chunk.step, chunk.tile, chunk.layer));
    let (rows, columns) = product.geobox.shape();
    let tiling = Tiling::new(rows, columns).map_err(|e| refused(&e.to_string()))?;
    let tiles = tiling.tiles();
    let staging = tempfile::Builder::new().prefix(STAGING).tempdir_in(folder);
    let staging = staging.map_err(|source| failed(folder, source))?;
    let mut writer = ZarrWriter::create(staging.path(), described)?;
    for chunk in &chunks {
        let layer = product.layers.get(chunk.layer as usize);
        let there = layer.is_some_and(|layer| (chunk.step as usize) < product.maps(layer));
        if !there || chunk.tile as usize >= tiles {
            return Err(refused("a tile of another product is to be written"));
        }
        let number = chunk.step as usize * tiles + chunk.tile as usize;
        writer.write_chunk(chunk.layer as usize, number, &chunk.bytes)?;
    }
    for file in writer.into_files()? {
        let name = file.strip_prefix(staging.path()).unwrap_or(&file);
        let path = folder.join(name);
        let place = path.parent().unwrap_or(folder);
        fs::create_dir_all(place).map_err(|source| failed(place, source))?;
        fs::rename(&file, &path).map_err(|source| failed(&path, source))?;
        crate::zarr::sync_folder(place);
    }
    Ok(range)
}

/// Completes a store whose tiles are all written: all that is not in tiles, then the metadata.
///
/// # Errors
/// [`Error::Product`] when files of chunks are missing; the system's refusals.
pub fn complete(product: &Product, folder: &Path, range: Option<ValidRange>) -> Result<()> {
    let failed = |source| Error::Io {
        path: folder.display().to_string(),
        source,
    };
    // Left by processes that were killed.
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if entry.file_name().to_string_lossy().starts_with(STAGING) {
            fs::remove_dir_all(entry.path()).map_err(failed)?;
        }
    }
    let layout = layout(product)?;
    let mut writer = ZarrWriter::beside(folder, describe(&layout)?)?;
    for layer in 0..product.layers.len() {
        if let Some(missing) = writer.missing(layer)? {
            return Err(refused(&format!("{} was not written", missing.display())));
        }
    }
    write_variables(&mut writer, &layout)?;
    if !product.layers.is_empty() {
        for (name, value) in range_attributes(range) {
            writer.set_attribute(None, &name, value)?;
        }
    }
    writer.finish()
}

fn refused(reason: &str) -> Error {
    Error::Product {
        reason: reason.to_owned(),
    }
}
