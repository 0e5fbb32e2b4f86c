//! netCDF-4 files of a layout.

use std::io::{Seek, Write};

use rayon::prelude::*;

use super::Product;
use super::layout::{Data, FileLayout, VariableLayout, layout};
use crate::dataset::{AttributeValue, DataType};
use crate::error::{Error, Result};
use crate::netcdf4::{
    FileDescription, NetCdf4Writer, Storage, VariableDescription, encode_chunk, gather, grid,
};

/// Deflate level: NASA's Level-3 files have 4; on smooth maps higher levels gain under 2 %.
const DEFLATE_LEVEL: u8 = 4;

/// Chunks per thread that are compressed before any of them is written.
const CHUNKS_IN_FLIGHT: usize = 4;

/// Writes a product as netCDF-4, from the sink's first byte on. Chunks are compressed on all threads of
/// the current pool; the bytes do not depend on their number.
///
/// # Errors
/// [`Error::Product`] when the product is not consistent or cannot be expressed, and what `writer`
/// says.
pub fn write<W: Write + Seek + ?Sized>(product: &Product, writer: &mut W) -> Result<()> {
    write_layout(&layout(product)?, writer)
}

/// Writes a file of a layout.
///
/// # Errors
/// As [`write()`].
pub fn write_layout<W: Write + Seek + ?Sized>(
    layout: &FileLayout<'_>,
    writer: &mut W,
) -> Result<()> {
    let variables: Result<Vec<_>> = layout
        .variables
        .iter()
        .map(|v| describe(layout, v))
        .collect();
    let description = FileDescription {
        dimensions: layout.dimensions.clone(),
        attributes: layout.attributes.clone(),
        variables: variables?,
    };
    let shapes: Vec<Vec<usize>> = description
        .variables
        .iter()
        .map(|v| v.dims.iter().map(|&d| layout.dimensions[d].1).collect())
        .collect();
    let mut file = NetCdf4Writer::create(writer, description)?;
    let mut chunks = Vec::new();
    for (i, (variable, shape)) in layout.variables.iter().zip(&shapes).enumerate() {
        let elements: usize = shape.iter().product();
        if variable.data.len() != elements {
            return Err(refused(format!(
                "{:?} has {} values for {elements} places",
                variable.name,
                variable.data.len()
            )));
        }
        match (&variable.chunks, &variable.data) {
            (Some(chunk), _) => {
                let count: usize = grid(shape, chunk).iter().product();
                chunks.extend((0..count).map(|number| (i, number)));
            }
            (None, Data::Text(texts)) => file.write_texts(i, texts.clone())?,
            // All of it is one chunk; a scalar is a list of one.
            (None, _) => {
                file.write_values(i, &elements_of(variable, &[elements], &[elements], 0))?
            }
        }
    }
    // Together, so that the pool is busy across variables; in order, so that bytes stay the same.
    for batch in chunks.chunks(CHUNKS_IN_FLIGHT * rayon::current_num_threads()) {
        let encoded: Result<Vec<Vec<u8>>> = batch
            .par_iter()
            .map(|&(i, number)| {
                let variable = &layout.variables[i];
                let chunk = variable.chunks.as_deref().unwrap_or_default();
                let elements = elements_of(variable, &shapes[i], chunk, number);
                let size = dtype(&variable.data).size().unwrap_or(1);
                encode_chunk(elements, size, true, Some(DEFLATE_LEVEL))
            })
            .collect();
        for (&(i, number), bytes) in batch.iter().zip(encoded?) {
            file.write_chunk(i, number, &bytes)?;
        }
    }
    file.finish()?;
    Ok(())
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
        dtype: dtype(&variable.data),
        attributes: variable.attributes.clone(),
        fill: fill(variable),
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

/// `_FillValue`, as an element of the variable's type.
pub(super) fn fill(variable: &VariableLayout<'_>) -> Option<AttributeValue> {
    match (&variable.data, variable.fill) {
        (Data::F32(_), Some(fill)) => Some(AttributeValue::F32(vec![fill as f32])),
        (Data::F64(_), Some(fill)) => Some(AttributeValue::F64(vec![fill])),
        _ => None,
    }
}

pub(super) fn dtype(data: &Data<'_>) -> DataType {
    match data {
        Data::F32(_) => DataType::F32,
        Data::F64(_) => DataType::F64,
        Data::I32(_) => DataType::I32,
        Data::I64(_) => DataType::I64,
        Data::Text(_) => DataType::Text,
    }
}

/// Bytes of a chunk, the fill value for NaN and beyond the edges.
pub(super) fn elements_of(
    variable: &VariableLayout<'_>,
    shape: &[usize],
    chunk: &[usize],
    number: usize,
) -> Vec<u8> {
    let fill = variable.fill;
    match &variable.data {
        Data::F32(v) => {
            let fill = fill.map(|f| f as f32);
            let bytes = |x: f32| if x.is_nan() { fill.unwrap_or(x) } else { x }.to_le_bytes();
            gather(
                v,
                shape,
                chunk,
                number,
                fill.unwrap_or(0.0).to_le_bytes(),
                bytes,
            )
        }
        Data::F64(v) => {
            let bytes = |x: f64| if x.is_nan() { fill.unwrap_or(x) } else { x }.to_le_bytes();
            gather(
                v,
                shape,
                chunk,
                number,
                fill.unwrap_or(0.0).to_le_bytes(),
                bytes,
            )
        }
        Data::I32(v) => gather(v, shape, chunk, number, [0; 4], i32::to_le_bytes),
        Data::I64(v) => gather(v, shape, chunk, number, [0; 8], i64::to_le_bytes),
        Data::Text(_) => Vec::new(),
    }
}
