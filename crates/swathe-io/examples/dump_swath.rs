//! Describes a file as JSON, and writes the decoded values of all its swath variables, its geolocation
//! and its flags as raw little-endian doubles: what `tests/python/test_granule.py` compares with
//! netCDF4-python.
//!
//! `dump_swath FILE [DIRECTORY]`

use std::path::Path;

use serde_json::{Value, json};
use swathe_core::source::{Coordinates, Field, SwathSource, Values};
use swathe_io::granule::{Granule, describe};

type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let report = match arguments.as_slice() {
        [file] => describe_file(file.as_ref()),
        [file, directory] => dump(file.as_ref(), directory.as_ref()),
        _ => Err("usage: dump_swath FILE [DIRECTORY]".into()),
    };
    println!(
        "{}",
        report.unwrap_or_else(|error| json!({ "error": error.to_string() }))
    );
}

fn describe_file(file: &Path) -> Outcome<Value> {
    let description = describe(file)?;
    let mut report = serde_json::to_value(&description)?;
    report["text"] = json!(description.to_text());
    Ok(report)
}

fn dump(file: &Path, directory: &Path) -> Outcome<Value> {
    let granule = Granule::open(file)?;
    let (lines, _) = granule.shape();
    let mut written = Vec::new();
    let mut write = |path: &str, band: Option<usize>, values: Vec<f64>| -> Outcome<()> {
        let name = format!("{}.f64", written.len());
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        std::fs::write(directory.join(&name), bytes)?;
        written.push(json!({ "path": path, "band": band, "file": name }));
        Ok(())
    };
    for variable in granule.variables() {
        let bands: Vec<Option<usize>> = match variable.band_dims().is_empty() {
            true => vec![None],
            false => (0..variable.bands()).map(Some).collect(),
        };
        let fields = bands.iter().map(|&band| Field {
            name: variable.name.clone(),
            variable: variable.path().to_owned(),
            band,
            valid_range: None,
            exact: false,
        });
        let fields: Vec<Field> = fields.collect();
        let fields: Vec<&Field> = fields.iter().collect();
        // In two reads, so that the seam is tested too.
        let first = granule.values(&fields, 0..lines / 3)?;
        let second = granule.values(&fields, lines / 3..lines)?;
        for ((band, first), second) in bands.into_iter().zip(first).zip(second) {
            let mut values = doubles(first);
            values.extend(doubles(second));
            write(variable.path(), band, values)?;
        }
    }
    let geolocation = granule.geolocation(0..lines)?;
    write("latitude", None, coordinates(geolocation.latitude))?;
    write("longitude", None, coordinates(geolocation.longitude))?;
    if granule.flag_table().is_some() {
        let flags = granule.flags(0..lines)?;
        write("flags", None, flags.into_iter().map(f64::from).collect())?;
    }
    let mut report = describe_file(file)?;
    report["written"] = json!(written);
    Ok(report)
}

fn doubles(values: Values) -> Vec<f64> {
    match values {
        Values::F32(values) => values.into_iter().map(f64::from).collect(),
        Values::F64(values) => values,
    }
}

fn coordinates(coordinates: Coordinates) -> Vec<f64> {
    match coordinates {
        Coordinates::F32(values) => values.into_iter().map(f64::from).collect(),
        Coordinates::F64(values) => values,
    }
}
