//! xarray objects as datasets: their arrays are read when they are needed.

use crate::array::elements;
use numpy::PyUntypedArray;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::ops::Range;
use swathe::core::array::Buffer;
use swathe::io::dataset::{Array, AttributeValue, Attributes, DataType, Dataset, Variable};
use swathe::io::given::{GivenArrays, GivenVariable};

/// An object of `swathe._held`: a name, groups, variables, and `read(path, slab)`.
pub struct Held {
    object: Py<PyAny>,
    name: String,
    groups: Vec<(String, Attributes)>,
    variables: Vec<GivenVariable>,
}

/// Group, name, type, dimensions with their lengths, attributes.
type Told<'py> = (
    String,
    String,
    String,
    Vec<(String, usize)>,
    Bound<'py, PyDict>,
);

impl<'py> FromPyObject<'_, 'py> for Held {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        let variables: Vec<Told<'py>> = object.getattr("swathe_variables")?.extract()?;
        let groups: Vec<(String, Bound<'py, PyDict>)> =
            object.getattr("swathe_groups")?.extract()?;
        let groups = groups
            .into_iter()
            .map(|(path, told)| (path, attributes(&told)));
        let variable = |(group, name, dtype, dims, told): Told<'py>| GivenVariable {
            group,
            name,
            dtype: dtype_named(&dtype),
            dims,
            attributes: attributes(&told),
        };
        Ok(Held {
            name: object.getattr("name")?.extract()?,
            groups: groups.collect(),
            variables: variables.into_iter().map(variable).collect(),
            object: object.to_owned().unbind(),
        })
    }
}

impl Held {
    /// The arrays as a dataset.
    pub fn dataset(&self) -> Dataset {
        let object = Python::attach(|py| self.object.clone_ref(py));
        let (groups, variables) = (self.groups.clone(), self.variables.clone());
        Dataset::from_arrays(&self.name, groups, variables, Box::new(Arrays(object)))
    }
}

fn dtype_named(name: &str) -> DataType {
    match name {
        "int8" => DataType::I8,
        "uint8" => DataType::U8,
        "int16" => DataType::I16,
        "uint16" => DataType::U16,
        "int32" => DataType::I32,
        "uint32" => DataType::U32,
        "int64" => DataType::I64,
        "uint64" => DataType::U64,
        "float32" => DataType::F32,
        "float64" => DataType::F64,
        other => DataType::Other(other.to_owned()),
    }
}

fn attributes(told: &Bound<'_, PyDict>) -> Attributes {
    let value = |value: &Bound<'_, PyAny>| {
        if let Ok(text) = value.extract::<String>() {
            return Some(AttributeValue::Text(text));
        }
        if let Ok(numbers) = value.cast::<PyUntypedArray>() {
            return Some(match elements(numbers).ok()? {
                Buffer::Bool(v) => AttributeValue::U8(v.into_iter().map(u8::from).collect()),
                Buffer::I8(v) => AttributeValue::I8(v),
                Buffer::U8(v) => AttributeValue::U8(v),
                Buffer::I16(v) => AttributeValue::I16(v),
                Buffer::U16(v) => AttributeValue::U16(v),
                Buffer::I32(v) => AttributeValue::I32(v),
                Buffer::U32(v) => AttributeValue::U32(v),
                Buffer::I64(v) => AttributeValue::I64(v),
                Buffer::U64(v) => AttributeValue::U64(v),
                Buffer::F32(v) => AttributeValue::F32(v),
                Buffer::F64(v) => AttributeValue::F64(v),
            });
        }
        value
            .extract::<Vec<String>>()
            .ok()
            .map(AttributeValue::Texts)
    };
    let one = |(name, given): (Bound<'_, PyAny>, Bound<'_, PyAny>)| {
        Some((name.extract().ok()?, value(&given)?))
    };
    told.iter().filter_map(one).collect()
}

struct Arrays(Py<PyAny>);

impl GivenArrays for Arrays {
    fn read(&self, variable: &Variable, slab: &[Range<usize>]) -> Result<Array, String> {
        let slab: Vec<(usize, usize)> = slab.iter().map(|r| (r.start, r.end)).collect();
        let read = Python::attach(|py| {
            let values = self.0.call_method1(py, "read", (&variable.path, slab))?;
            elements(values.bind(py).cast::<PyUntypedArray>()?)
        });
        Ok(match read.map_err(|error| error.to_string())? {
            Buffer::Bool(v) => Array::U8(v.into_iter().map(u8::from).collect()),
            Buffer::I8(v) => Array::I8(v),
            Buffer::U8(v) => Array::U8(v),
            Buffer::I16(v) => Array::I16(v),
            Buffer::U16(v) => Array::U16(v),
            Buffer::I32(v) => Array::I32(v),
            Buffer::U32(v) => Array::U32(v),
            Buffer::I64(v) => Array::I64(v),
            Buffer::U64(v) => Array::U64(v),
            Buffer::F32(v) => Array::F32(v),
            Buffer::F64(v) => Array::F64(v),
        })
    }
}
