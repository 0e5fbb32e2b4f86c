//! Prints every group, dimension, attribute and variable of files, with a digest of each
//! variable's elements, one JSON object a file: what `tests/python/test_read.py` compares with
//! netCDF4 and h5py.

use serde_json::{Map, Value, json};
use swathe_io::dataset::{Array, AttributeValue, DataType, Dataset, Group, Variable};

fn main() {
    for path in std::env::args().skip(1) {
        let mut report = Map::new();
        report.insert("file".into(), json!(path));
        match Dataset::open(path.as_ref()) {
            Ok(dataset) => add_group(&dataset, dataset.root(), &mut report),
            Err(error) => {
                report.insert("error".into(), json!(error.to_string()));
            }
        }
        println!("{}", Value::Object(report));
    }
}

fn add_group(dataset: &Dataset, group: &Group, report: &mut Map<String, Value>) {
    let dimensions: Vec<Value> = group
        .dimensions
        .iter()
        .map(|d| json!([d.name, d.len, d.unlimited]))
        .collect();
    report.insert("path".into(), json!(group.path));
    report.insert("dimensions".into(), json!(dimensions));
    report.insert("attributes".into(), attributes(&group.attributes));
    let variables = group.variables.iter().map(|v| variable(dataset, v));
    report.insert("variables".into(), variables.collect());
    let groups = group.groups.iter().map(|child| {
        let mut inner = Map::new();
        add_group(dataset, child, &mut inner);
        Value::Object(inner)
    });
    report.insert("groups".into(), groups.collect());
}

fn variable(dataset: &Dataset, variable: &Variable) -> Value {
    let slab: Vec<_> = variable.shape.iter().map(|&len| 0..len).collect();
    let (digest, refused) = match dataset.read(variable, &slab) {
        Ok(array) => (Some(digest(&array)), None),
        Err(error) => (None, Some(error.to_string())),
    };
    json!({
        "path": variable.path,
        "dtype": type_name(&variable.dtype),
        "dims": variable.dims,
        "shape": variable.shape,
        "chunks": variable.chunk_shape,
        "attributes": attributes(&variable.attributes),
        "digest": digest,
        "refused": refused,
    })
}

fn type_name(dtype: &DataType) -> String {
    match dtype {
        DataType::Other(what) => what.clone(),
        known => format!("{known:?}").to_lowercase(),
    }
}

/// Non-finite numbers have no JSON: they become their names.
fn attributes(attributes: &[(String, AttributeValue)]) -> Value {
    let list = |v: Vec<Value>| Value::Array(v);
    let float = |v: f64| match v.is_finite() {
        true => json!(v),
        false => json!(v.to_string().to_lowercase()),
    };
    attributes
        .iter()
        .map(|(name, value)| {
            let value = match value {
                AttributeValue::Text(v) => json!(v),
                AttributeValue::Texts(v) => json!(v),
                AttributeValue::I8(v) => json!(v),
                AttributeValue::U8(v) => list(v.iter().map(|v| json!(v)).collect()),
                AttributeValue::I16(v) => json!(v),
                AttributeValue::U16(v) => json!(v),
                AttributeValue::I32(v) => json!(v),
                AttributeValue::U32(v) => json!(v),
                AttributeValue::I64(v) => json!(v),
                AttributeValue::U64(v) => json!(v),
                AttributeValue::F32(v) => list(v.iter().map(|&v| float(v.into())).collect()),
                AttributeValue::F64(v) => list(v.iter().map(|&v| float(v)).collect()),
            };
            json!([name, value])
        })
        .collect()
}

/// CRC-32 and number of the little-endian bytes of numbers; of the UTF-8 of texts, each followed
/// by a zero byte.
fn digest(array: &Array) -> String {
    let mut bytes = Vec::new();
    macro_rules! numbers {
        ($values:expr) => {
            $values.iter().for_each(|v| bytes.extend(v.to_le_bytes()))
        };
    }
    match array {
        Array::I8(v) => numbers!(v),
        Array::U8(v) => numbers!(v),
        Array::I16(v) => numbers!(v),
        Array::U16(v) => numbers!(v),
        Array::I32(v) => numbers!(v),
        Array::U32(v) => numbers!(v),
        Array::I64(v) => numbers!(v),
        Array::U64(v) => numbers!(v),
        Array::F32(v) => numbers!(v),
        Array::F64(v) => numbers!(v),
        Array::Text(v) => v.iter().for_each(|text| {
            bytes.extend(text.as_bytes());
            bytes.push(0);
        }),
    }
    let mut crc = libdeflater::Crc::new();
    crc.update(&bytes);
    format!("{:08x}-{}", crc.sum(), bytes.len())
}
