//! Zarr stores of a layout: the variables, dimensions and attributes of the netCDF file.

use std::path::Path;

use rayon::prelude::*;

use super::elements::elements_of;
use super::layout::{Data, FileLayout, VariableLayout, fill_of, layout};
use super::tiles::{TileSink, TiledLayers, write_all};
use super::{LayerData, Product};
use crate::error::{Error, Result};
use crate::netcdf4::grid;
use crate::zarr::{ArrayDescription, StoreDescription, ZarrWriter, encode_chunk};

mod shared;

pub use shared::{
    EncodedTile, EncodedTiles, Encoder, Missing, complete, decode_tile, tiles_of_a_file,
    write_tiles,
};

/// Maps of more chunks than this are written in shards, or a folder would hold thousands of files.
const MOST_FILES_OF_A_MAP: usize = 64;
/// Chunks of a shard along rows and columns: 4096 x 4096 cells.
const SHARD: usize = 16;
/// Steps in a chunk of what goes along a dimension that can grow: coordinates of a cube on time, lists of
/// granules.
const STEPS: usize = 1024;
/// Dimensions along which a cube grows.
pub(super) const GROWING: [&str; 2] = ["time", "granule_record"];

/// Chunks per thread that are compressed before any of them is written.
const CHUNKS_IN_FLIGHT: usize = 16;

/// Writes a product that is in memory as a Zarr v3 store into an empty folder. Chunks are compressed on all
/// threads of the current pool; the bytes do not depend on their number.
///
/// # Errors
/// [`Error::Product`] when the product is not consistent, not in memory or cannot be expressed; the system's
/// refusals.
pub fn write(product: &Product, directory: &Path) -> Result<()> {
    product.check_in_memory()?;
    write_all(product, Box::new(Tiles::create(product, directory)?))
}

/// A Zarr v3 store whose layers come tile by tile.
#[derive(Debug)]
pub struct Tiles {
    tiled: TiledLayers,
    writer: ZarrWriter,
}

impl Tiles {
    /// Begins a store in an empty folder, with all that is not in tiles. Values of the product's layers are
    /// not looked at.
    ///
    /// # Errors
    /// [`Error::Product`] when the product is not consistent or cannot be expressed; the system's refusals.
    pub fn create(product: &Product, directory: &Path) -> Result<Tiles> {
        let layout = layout(product)?;
        let described = describe(&layout)?;
        let mut writer = ZarrWriter::create(directory, described)?;
        write_variables(&mut writer, &layout)?;
        Ok(Tiles {
            tiled: TiledLayers::new(product)?,
            writer,
        })
    }
}

impl TileSink for Tiles {
    fn encode(
        &self,
        layer: usize,
        step: usize,
        tile: usize,
        values: &LayerData,
    ) -> Result<Vec<u8>> {
        let fill = fill_of(&values.dtype());
        encode_tile(&self.tiled, layer, step, tile, values, fill)
    }

    fn put(&mut self, layer: usize, step: usize, tile: usize, encoded: &[u8]) -> Result<()> {
        let chunk = self.tiled.place(layer, step, tile)?;
        self.writer.write_chunk(layer, chunk, encoded)
    }

    fn finish(self: Box<Self>) -> Result<()> {
        let Tiles {
            mut tiled,
            mut writer,
        } = *self;
        for (name, value) in tiled.attributes()? {
            writer.set_attribute(None, &name, value)?;
        }
        writer.finish()
    }
}

/// A tile as the chunk of a store; `fill` stands for NaN.
fn encode_tile(
    tiled: &TiledLayers,
    layer: usize,
    step: usize,
    tile: usize,
    values: &LayerData,
    fill: Option<f64>,
) -> Result<Vec<u8>> {
    tiled.check(layer, step, tile, values)?;
    let size = values.dtype().size().unwrap_or(1);
    encode_chunk(&tiled.chunk(tile, values, fill), size)
}

/// Writes all that is not in tiles.
fn write_variables(writer: &mut ZarrWriter, layout: &FileLayout<'_>) -> Result<()> {
    let arrays = writer.description().arrays.clone();
    for (i, (variable, array)) in layout.variables.iter().zip(&arrays).enumerate() {
        if variable.chunks.is_none() {
            write_variable(writer, i, variable, array, 0)?;
        }
    }
    Ok(())
}

/// What a store of a layout holds. Chunks and shards depend on the grid alone.
///
/// # Errors
/// [`Error::Product`] for a variable on a dimension that the layout does not have.
pub fn describe(layout: &FileLayout<'_>) -> Result<StoreDescription> {
    let arrays: Result<_> = layout.variables.iter().map(|v| array(layout, v)).collect();
    Ok(StoreDescription {
        attributes: layout.attributes.clone(),
        arrays: arrays?,
    })
}

fn array(layout: &FileLayout<'_>, variable: &VariableLayout<'_>) -> Result<ArrayDescription> {
    let length = |name: &String| {
        let found = layout.dimensions.iter().find(|(n, _)| n == name);
        found.map(|(_, len)| *len).ok_or_else(|| Error::Product {
            reason: format!("{:?} has no dimension {name:?}", variable.name),
        })
    };
    let shape = variable
        .dims
        .iter()
        .map(length)
        .collect::<Result<Vec<_>>>()?;
    let series = layout.dimensions.iter().any(|(name, _)| name == GROWING[0]);
    let (chunks, shards) = match &variable.chunks {
        Some(chunks) => (chunks.clone(), shards(&shape, chunks)),
        None => {
            let mut chunks: Vec<usize> = shape.iter().map(|&len| len.max(1)).collect();
            if let (true, Some(dim), Some(first)) =
                (series, variable.dims.first(), chunks.first_mut())
                && GROWING.contains(&dim.as_str())
            {
                *first = STEPS;
            }
            (chunks, None)
        }
    };
    Ok(ArrayDescription {
        name: variable.name.clone(),
        dims: variable.dims.clone(),
        shape,
        dtype: variable.data.dtype(),
        attributes: variable.attributes.clone(),
        fill: variable.fill_value(),
        chunks,
        shards,
    })
}

/// Shards of large maps. Every map of a stack is on its own, so that a stack can grow.
fn shards(shape: &[usize], chunks: &[usize]) -> Option<Vec<usize>> {
    let grid = grid(shape, chunks);
    let map = grid.len().saturating_sub(2);
    let files: usize = grid[map..].iter().product();
    (files > MOST_FILES_OF_A_MAP).then(|| {
        let along = |(axis, (chunk, &count)): (usize, (&usize, &usize))| match axis < map {
            true => *chunk,
            false => chunk * count.min(SHARD),
        };
        chunks.iter().zip(&grid).enumerate().map(along).collect()
    })
}

/// Writes all values of one variable, the `i`th of the store, with the shape and chunks that its own layout
/// has, behind the first `before` indices of its first dimension, in chunks of one.
pub(super) fn write_variable(
    writer: &mut ZarrWriter,
    i: usize,
    variable: &VariableLayout<'_>,
    described: &ArrayDescription,
    before: usize,
) -> Result<()> {
    if let Data::Text(texts) = &variable.data {
        return writer.write_texts(i, texts);
    }
    let ArrayDescription { shape, chunks, .. } = described;
    if variable.data.len() != shape.iter().product::<usize>() {
        return Err(Error::Product {
            reason: format!(
                "{:?} has {} values for {shape:?} places",
                variable.name,
                variable.data.len()
            ),
        });
    }
    let size = variable.data.dtype().size().unwrap_or(1);
    let grid = described.chunk_grid();
    let first = before * grid.iter().skip(1).product::<usize>();
    let numbers: Vec<usize> = (0..grid.iter().product()).collect();
    for batch in numbers.chunks(CHUNKS_IN_FLIGHT * rayon::current_num_threads()) {
        let encode = |&number: &usize| {
            let elements = elements_of(&variable.data, variable.fill, shape, chunks, number);
            encode_chunk(&elements, size)
        };
        let encoded: Result<Vec<Vec<u8>>> = batch.par_iter().map(encode).collect();
        for (&number, bytes) in batch.iter().zip(encoded?) {
            writer.write_chunk(i, first + number, &bytes)?;
        }
    }
    Ok(())
}
