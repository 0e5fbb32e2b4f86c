//! The datasets that make up a netCDF-4 file: variables, and dimensions that have no coordinate.
//! What netCDF needs of HDF5's dimension scales is in attributes that its readers hide.

use super::bytes::Bytes;
use super::datatype;
use super::description::{FileDescription, Storage, VariableDescription};
use crate::dataset::{AttributeValue, DataType};

/// Attributes that readers of netCDF-4 take for its own.
pub(super) const RESERVED: [&str; 9] = [
    "CLASS",
    "NAME",
    "DIMENSION_LIST",
    "REFERENCE_LIST",
    "DIMENSION_LABELS",
    "_Netcdf4Dimid",
    "_Netcdf4Coordinates",
    "_NCProperties",
    "_FillValue",
];

/// One dataset.
pub(super) struct Object<'a> {
    pub(super) name: &'a str,
    pub(super) dtype: Bytes,
    /// Bytes of an element.
    pub(super) element: usize,
    pub(super) shape: Vec<usize>,
    pub(super) fill: Option<&'a AttributeValue>,
    pub(super) storage: std::borrow::Cow<'a, Storage>,
    pub(super) attributes: Vec<Attribute<'a>>,
}

/// An attribute as it is stored.
pub(super) struct Attribute<'a> {
    pub(super) name: &'a str,
    pub(super) value: Value<'a>,
}

/// Values, and references by the index of an object.
pub(super) enum Value<'a> {
    Plain(std::borrow::Cow<'a, AttributeValue>),
    /// A single number, not a list of one.
    Identifier(i32),
    /// The scale of each dimension.
    Scales(Vec<usize>),
    /// The objects that have a dimension, and its position there.
    Uses(Vec<(usize, usize)>),
}

fn text(value: String) -> Value<'static> {
    Value::Plain(std::borrow::Cow::Owned(AttributeValue::Text(value)))
}

/// Attributes of the root group.
pub(super) fn root(description: &FileDescription) -> Vec<Attribute<'_>> {
    let properties = format!("version=2,swathe={}", env!("CARGO_PKG_VERSION"));
    let own = Attribute {
        name: "_NCProperties",
        value: text(properties),
    };
    std::iter::once(own)
        .chain(plain(&description.attributes))
        .collect()
}

pub(super) fn plain(
    attributes: &[(String, AttributeValue)],
) -> impl Iterator<Item = Attribute<'_>> {
    attributes.iter().map(|(name, value)| Attribute {
        name,
        value: Value::Plain(std::borrow::Cow::Borrowed(value)),
    })
}

/// The datasets: variables in their order, then dimensions without a coordinate.
pub(super) fn objects(description: &FileDescription) -> Vec<Object<'_>> {
    let variables = &description.variables;
    let mut scales = Vec::with_capacity(description.dimensions.len());
    let mut bare = Vec::new();
    for (id, (name, _)) in description.dimensions.iter().enumerate() {
        let coordinate = variables.iter().position(|v| v.name == *name);
        scales.push(coordinate.unwrap_or_else(|| {
            bare.push(id);
            variables.len() + bare.len() - 1
        }));
    }
    let coordinate_of = |i: usize| scales.iter().position(|&scale| scale == i);
    let mut uses = vec![Vec::new(); scales.len()];
    for (i, variable) in variables.iter().enumerate() {
        if coordinate_of(i).is_none() {
            for (position, &dim) in variable.dims.iter().enumerate() {
                if let Some(uses) = uses.get_mut(dim) {
                    uses.push((i, position));
                }
            }
        }
    }
    let mut scale_attributes = |id: usize, label: String| {
        let mut out = vec![
            Attribute {
                name: "CLASS",
                // The reader in HDF5's high-level library wants the terminator.
                value: text("DIMENSION_SCALE\0".into()),
            },
            Attribute {
                name: "NAME",
                value: text(label + "\0"),
            },
            Attribute {
                name: "_Netcdf4Dimid",
                value: Value::Identifier(id as i32),
            },
        ];
        let uses = uses.get_mut(id).map(std::mem::take).unwrap_or_default();
        if !uses.is_empty() {
            out.push(Attribute {
                name: "REFERENCE_LIST",
                value: Value::Uses(uses),
            });
        }
        out
    };
    let mut out: Vec<Object<'_>> = Vec::with_capacity(variables.len() + bare.len());
    for (i, variable) in variables.iter().enumerate() {
        let mut attributes = match coordinate_of(i) {
            Some(id) => scale_attributes(id, variable.name.clone()),
            None => dimension_list(variable, &scales),
        };
        if let Some(fill) = &variable.fill {
            attributes.push(Attribute {
                name: "_FillValue",
                value: Value::Plain(std::borrow::Cow::Borrowed(fill)),
            });
        }
        attributes.extend(plain(&variable.attributes));
        out.push(Object {
            name: &variable.name,
            dtype: match description.record(&variable.dtype) {
                Some(record) => datatype::record(record),
                None => datatype::of(&variable.dtype).unwrap_or_default(),
            },
            element: description.element_size(&variable.dtype),
            shape: description.shape(variable),
            fill: variable.fill.as_ref(),
            storage: std::borrow::Cow::Borrowed(&variable.storage),
            attributes,
        });
    }
    for id in bare {
        let (name, len) = &description.dimensions[id];
        // netCDF's own words: by them its readers know that there is no variable.
        let label = format!("This is a netCDF dimension but not a netCDF variable.{len:10}");
        out.push(Object {
            name,
            dtype: datatype::of(&DataType::F32).unwrap_or_default(),
            element: 4,
            shape: vec![*len],
            fill: None,
            storage: std::borrow::Cow::Owned(match description.unlimited {
                // Never written, but what can grow is in chunks.
                true => Storage::Chunked {
                    shape: vec![512],
                    shuffle: false,
                    deflate: None,
                },
                false => Storage::Contiguous,
            }),
            attributes: scale_attributes(id, label),
        });
    }
    out
}

fn dimension_list(variable: &VariableDescription, scales: &[usize]) -> Vec<Attribute<'static>> {
    if variable.dims.is_empty() {
        return Vec::new();
    }
    let scales = variable
        .dims
        .iter()
        .filter_map(|&dim| scales.get(dim).copied());
    vec![Attribute {
        name: "DIMENSION_LIST",
        value: Value::Scales(scales.collect()),
    }]
}
