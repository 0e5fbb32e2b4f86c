//! netCDF-4 files of a layout.

use std::collections::HashMap;
use std::io::{Seek, Write};
use std::sync::Mutex;

use super::elements::elements_of;
use super::layout::{Data, FileLayout, VariableLayout, fill_of, layout};
use super::tiles::{TileSink, TiledLayers, write_all};
use super::{LayerData, Product, Sink};
use crate::error::{Error, Result};
use crate::lock::lock;
use crate::netcdf4::{FileDescription, NetCdf4Writer, Storage, VariableDescription, encode_chunk};

/// Deflate level: NASA's Level-3 files have 4; on smooth maps higher levels gain under 2 %.
const DEFLATE_LEVEL: u8 = 4;

/// Writes a product that is in memory as netCDF-4, from the sink's first byte on. Chunks are compressed on all
/// threads of the current pool; the bytes do not depend on their number.
///
/// # Errors
/// [`Error::Product`] when the product is not consistent, not in memory or cannot be expressed, and what
/// `writer` says.
pub fn write<W: Sink + ?Sized>(product: &Product, writer: &mut W) -> Result<()> {
    product.check_in_memory()?;
    write_all(product, Box::new(Tiles::create(product, writer)?))
}

/// A netCDF-4 file whose layers come tile by tile.
#[derive(Debug)]
pub struct Tiles<W> {
    tiled: TiledLayers,
    writer: NetCdf4Writer<W>,
    /// Chunks that hold one value all over, by their element: half of a map may be without values.
    even: Mutex<HashMap<Vec<u8>, Vec<u8>>>,
}

impl<W: Write + Seek> Tiles<W> {
    /// Begins a file in an empty sink, with all that is not in tiles. Values of the product's layers are not
    /// looked at.
    ///
    /// # Errors
    /// [`Error::Product`] when the product is not consistent or cannot be expressed, and what `writer` says.
    pub fn create(product: &Product, writer: W) -> Result<Tiles<W>> {
        Ok(Tiles {
            tiled: TiledLayers::new(product)?,
            writer: begin(&layout(product)?, writer)?,
            even: Mutex::default(),
        })
    }
}

impl<W: Write + Seek + Send + Sync> TileSink for Tiles<W> {
    fn encode(
        &self,
        layer: usize,
        step: usize,
        tile: usize,
        values: &LayerData,
    ) -> Result<Vec<u8>> {
        self.tiled.check(layer, step, tile, values)?;
        let size = values.dtype().size().unwrap_or(1);
        let fill = fill_of(&values.dtype());
        let elements = self.tiled.chunk(tile, values, fill);
        let first = elements.get(..size).unwrap_or_default().to_vec();
        if elements.is_empty() || elements.chunks_exact(size).any(|element| element != first) {
            return encode_chunk(elements, size, true, Some(DEFLATE_LEVEL));
        }
        if let Some(encoded) = lock(&self.even).get(&first) {
            return Ok(encoded.clone());
        }
        let encoded = encode_chunk(elements, size, true, Some(DEFLATE_LEVEL))?;
        lock(&self.even).insert(first, encoded.clone());
        Ok(encoded)
    }

    fn put(&mut self, layer: usize, step: usize, tile: usize, encoded: &[u8]) -> Result<()> {
        let chunk = self.tiled.place(layer, step, tile)?;
        self.writer.write_chunk(layer, chunk, encoded)
    }

    fn finish(self: Box<Self>) -> Result<()> {
        let Tiles {
            mut tiled,
            mut writer,
            ..
        } = *self;
        for (name, value) in tiled.attributes()? {
            writer.set_attribute(None, &name, value)?;
        }
        writer.finish()?;
        Ok(())
    }
}

/// Begins a file of a layout, with all that is not in chunks.
pub(super) fn begin<W: Write + Seek>(
    layout: &FileLayout<'_>,
    writer: W,
) -> Result<NetCdf4Writer<W>> {
    let variables: Result<Vec<_>> = layout
        .variables
        .iter()
        .map(|v| describe(layout, v))
        .collect();
    let description = FileDescription {
        dimensions: layout.dimensions.clone(),
        attributes: layout.attributes.clone(),
        variables: variables?,
        ..FileDescription::default()
    };
    let elements: Vec<usize> = description
        .variables
        .iter()
        .map(|v| v.dims.iter().map(|&d| layout.dimensions[d].1).product())
        .collect();
    let mut file = NetCdf4Writer::create(writer, description)?;
    for (i, (variable, elements)) in layout.variables.iter().zip(elements).enumerate() {
        match (&variable.chunks, &variable.data) {
            (Some(_), _) => {}
            (None, data) if data.len() != elements => {
                return Err(refused(format!(
                    "{:?} has {} values for {elements} places",
                    variable.name,
                    data.len()
                )));
            }
            (None, Data::Text(texts)) => file.write_texts(i, texts.clone())?,
            // All of it is one chunk; a scalar is a list of one.
            (None, data) => {
                let bytes = elements_of(data, variable.fill, &[elements], &[elements], 0);
                file.write_values(i, &bytes)?;
            }
        }
    }
    Ok(file)
}

fn refused(reason: String) -> Error {
    Error::Product {
        reason: format!("it cannot be written as netCDF-4: {reason}"),
    }
}

fn describe(layout: &FileLayout<'_>, variable: &VariableLayout<'_>) -> Result<VariableDescription> {
    let dimension = |name: &String| {
        let found = layout.dimensions.iter().position(|(n, _)| n == name);
        found.ok_or_else(|| refused(format!("{:?} has no dimension {name:?}", variable.name)))
    };
    let dims: Result<Vec<usize>> = variable.dims.iter().map(dimension).collect();
    Ok(VariableDescription {
        name: variable.name.clone(),
        dims: dims?,
        dtype: variable.data.dtype(),
        attributes: variable.attributes.clone(),
        fill: variable.fill_value(),
        storage: match &variable.chunks {
            Some(shape) => Storage::Chunked {
                shape: shape.clone(),
                shuffle: true,
                deflate: Some(DEFLATE_LEVEL),
            },
            None => Storage::Contiguous,
        },
    })
}
