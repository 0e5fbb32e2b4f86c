//! netCDF-4 files of a layout.

use std::io::Write;

use netcdf_writer::{
    DimensionId, NcAttrValue, NcFileBuilder, NcWriteFormat, NcWriteOptions, VariableId,
};

use super::Product;
use super::layout::{Data, FileLayout, VariableLayout, layout};
use crate::dataset::AttributeValue;
use crate::error::{Error, Result};

/// Deflate level: NASA's Level-3 files have 4; on smooth maps higher levels gain under 2 %.
const DEFLATE_LEVEL: u8 = 4;

/// Writes a product as netCDF-4.
///
/// The whole file is made in memory, which takes about three times the product's size.
///
/// # Errors
/// [`Error::Product`] when the product is not consistent or cannot be expressed, and what `writer`
/// says.
pub fn write(product: &Product, writer: &mut dyn Write) -> Result<()> {
    write_layout(&layout(product)?, writer)
}

/// Writes a file of a layout.
///
/// # Errors
/// As [`write`].
pub fn write_layout(layout: &FileLayout<'_>, writer: &mut dyn Write) -> Result<()> {
    let mut builder = NcFileBuilder::new();
    let mut ids = Vec::with_capacity(layout.dimensions.len());
    for (name, len) in &layout.dimensions {
        let id = builder.add_dimension(name, *len as u64).map_err(refused)?;
        ids.push((name.as_str(), id, *len));
    }
    for (name, value) in &layout.attributes {
        builder
            .add_attribute(name, attribute(value))
            .map_err(refused)?;
    }
    for variable in &layout.variables {
        add(&mut builder, variable, &ids).map_err(refused)?;
    }
    let options = NcWriteOptions {
        format: NcWriteFormat::Nc4,
    };
    match builder.write(writer, options) {
        Ok(_) => Ok(()),
        Err(netcdf_writer::Error::Io(source)) => Err(Error::Io {
            path: "netCDF output".into(),
            source,
        }),
        Err(other) => Err(refused(other)),
    }
}

fn refused(error: netcdf_writer::Error) -> Error {
    Error::Product {
        reason: format!("it cannot be written as netCDF-4: {error}"),
    }
}

fn add(
    builder: &mut NcFileBuilder,
    variable: &VariableLayout<'_>,
    ids: &[(&str, DimensionId, usize)],
) -> netcdf_writer::Result<()> {
    let dims: Vec<DimensionId> = variable
        .dims
        .iter()
        .filter_map(|name| ids.iter().find(|(n, ..)| n == name))
        .map(|(_, id, _)| *id)
        .collect();
    let fill = variable.fill;
    let id = match &variable.data {
        Data::F32(values) => {
            let id = builder.add_variable::<f32>(&variable.name, &dims)?;
            match fill {
                Some(fill) => {
                    builder.set_variable_fill_value(id, fill as f32)?;
                    let fill = fill as f32;
                    let filled: Vec<f32> = values
                        .iter()
                        .map(|&v| if v.is_nan() { fill } else { v })
                        .collect();
                    builder.write_variable(id, &filled)?;
                }
                None => builder.write_variable(id, values)?,
            }
            id
        }
        Data::F64(values) => {
            let id = builder.add_variable::<f64>(&variable.name, &dims)?;
            match fill {
                Some(fill) => {
                    builder.set_variable_fill_value(id, fill)?;
                    let filled: Vec<f64> = values
                        .iter()
                        .map(|&v| if v.is_nan() { fill } else { v })
                        .collect();
                    builder.write_variable(id, &filled)?;
                }
                None => builder.write_variable(id, values)?,
            }
            id
        }
        Data::I32(values) => {
            let id = builder.add_variable::<i32>(&variable.name, &dims)?;
            builder.write_variable(id, values)?;
            id
        }
        Data::I64(values) => {
            let id = builder.add_variable::<i64>(&variable.name, &dims)?;
            builder.write_variable(id, values)?;
            id
        }
        Data::Text(values) => {
            let id = builder.add_string_variable(&variable.name, &dims)?;
            builder.write_string_variable(id, values)?;
            id
        }
    };
    storage(builder, id, variable)?;
    for (name, value) in &variable.attributes {
        builder.add_variable_attribute(id, name, attribute(value))?;
    }
    Ok(())
}

fn storage(
    builder: &mut NcFileBuilder,
    id: VariableId,
    variable: &VariableLayout<'_>,
) -> netcdf_writer::Result<()> {
    if let Some(chunks) = &variable.chunks {
        let shape: Vec<u64> = chunks.iter().map(|&n| n as u64).collect();
        builder.set_variable_chunking(id, shape)?;
        builder.set_variable_deflate(id, Some(DEFLATE_LEVEL), true)?;
    }
    Ok(())
}

fn attribute(value: &AttributeValue) -> NcAttrValue {
    match value {
        AttributeValue::Text(v) => NcAttrValue::Chars(v.clone()),
        AttributeValue::Texts(v) => NcAttrValue::Strings(v.clone()),
        AttributeValue::I8(v) => NcAttrValue::Bytes(v.clone()),
        AttributeValue::U8(v) => NcAttrValue::UBytes(v.clone()),
        AttributeValue::I16(v) => NcAttrValue::Shorts(v.clone()),
        AttributeValue::U16(v) => NcAttrValue::UShorts(v.clone()),
        AttributeValue::I32(v) => NcAttrValue::Ints(v.clone()),
        AttributeValue::U32(v) => NcAttrValue::UInts(v.clone()),
        AttributeValue::I64(v) => NcAttrValue::Int64s(v.clone()),
        AttributeValue::U64(v) => NcAttrValue::UInt64s(v.clone()),
        AttributeValue::F32(v) => NcAttrValue::Floats(v.clone()),
        AttributeValue::F64(v) => NcAttrValue::Doubles(v.clone()),
    }
}
