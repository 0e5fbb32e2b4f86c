//! A store that several processes write: each the chunks of some files, one of them all the rest.
//!
//! ```text
//! some tiles --Encoder--> EncodedTiles   (bytes, from anywhere)
//!     all tiles of some files --write_tiles--> files under their names     (one call for each file of chunks)
//!     all files there --complete--> the store that `Tiles` writes, to the byte
//! ```
//!
//! A file appears whole under its name, so that a call that is made twice, or that ends in the middle, does no harm.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};
use swathe_core::reduce::Tiling;

use super::super::layout::{chunk_shape, layout, range_attributes};
use super::super::tiles::{TileSink, TiledLayers};
use super::super::{LayerData, Product, ValidRange};
use super::{describe, encode_tile, shards, write_variables};
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

/// Encoded tiles of a store.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct EncodedTiles {
    /// Range of those of the first layer.
    pub range: Option<ValidRange>,
    chunks: Vec<EncodedTile>,
}

/// A tile as a chunk.
#[derive(Debug, Serialize, Deserialize)]
struct EncodedTile {
    layer: u32,
    step: u32,
    tile: u32,
    bytes: Vec<u8>,
}

/// Encodes some tiles of a store: they are put in any order, and kept.
#[derive(Debug)]
pub struct Encoder {
    tiled: TiledLayers,
    encoded: Vec<EncodedTile>,
}

impl Encoder {
    /// For the tiles of a product.
    ///
    /// # Errors
    /// [`Error::Product`] for a grid of 2^32 cells or more.
    pub fn new(product: &Product) -> Result<Encoder> {
        Ok(Encoder {
            tiled: TiledLayers::in_any_order(product)?,
            encoded: Vec::new(),
        })
    }

    /// What has been put.
    pub fn into_tiles(self) -> EncodedTiles {
        EncodedTiles {
            range: self.tiled.range(),
            chunks: self.encoded,
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
        encode_tile(&self.tiled, layer, step, tile, values)
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
        chunks.extend(part.chunks);
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
