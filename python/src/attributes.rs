//! Attributes as Python has them: text, lists of text, numpy scalars, numpy arrays.

use numpy::{Element, PyArray1};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString};
use swathe::io::dataset::{AttributeValue, Attributes};

/// A dictionary of attributes, in their order.
pub fn to_dict<'py>(py: Python<'py>, attributes: &Attributes) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    for (name, value) in attributes {
        dict.set_item(name, to_python(py, value)?)?;
    }
    Ok(dict)
}

fn to_python<'py>(py: Python<'py>, value: &AttributeValue) -> PyResult<Bound<'py, PyAny>> {
    match value {
        AttributeValue::Text(text) => Ok(PyString::new(py, text).into_any()),
        AttributeValue::Texts(texts) => match &texts[..] {
            [one] => Ok(PyString::new(py, one).into_any()),
            _ => Ok(PyList::new(py, texts)?.into_any()),
        },
        AttributeValue::I8(v) => numbers(py, v),
        AttributeValue::U8(v) => numbers(py, v),
        AttributeValue::I16(v) => numbers(py, v),
        AttributeValue::U16(v) => numbers(py, v),
        AttributeValue::I32(v) => numbers(py, v),
        AttributeValue::U32(v) => numbers(py, v),
        AttributeValue::I64(v) => numbers(py, v),
        AttributeValue::U64(v) => numbers(py, v),
        AttributeValue::F32(v) => numbers(py, v),
        AttributeValue::F64(v) => numbers(py, v),
    }
}

/// One number is a scalar of its type, as netCDF4 gives it.
fn numbers<'py, T: Element + Copy>(py: Python<'py>, values: &[T]) -> PyResult<Bound<'py, PyAny>> {
    let array = PyArray1::from_slice(py, values);
    match values {
        [_] => array.as_any().get_item(0),
        _ => Ok(array.into_any()),
    }
}

/// Attributes that Python gives: text and numbers; others are passed over.
pub fn from_dict(dict: &Bound<'_, PyDict>) -> Attributes {
    let value = |value: &Bound<'_, PyAny>| {
        if let Ok(text) = value.extract::<String>() {
            return Some(AttributeValue::Text(text));
        }
        if let Ok(number) = value.extract::<f64>() {
            return Some(AttributeValue::F64(vec![number]));
        }
        value.extract::<Vec<f64>>().ok().map(AttributeValue::F64)
    };
    dict.iter()
        .filter_map(|(name, given)| Some((name.extract().ok()?, value(&given)?)))
        .collect()
}
