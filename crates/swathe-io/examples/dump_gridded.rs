//! Prints the grid of a file as JSON and writes one map as little-endian f64, for the Python tests:
//! `cargo run -p swathe-io --example dump_gridded -- FILE VARIABLE INDEX OUTPUT`.

use std::error::Error;
use std::path::Path;

use swathe_core::source::Values;
use swathe_io::product::Gridded;

fn main() {
    if let Err(error) = dump() {
        eprintln!("{error}");
        std::process::exit(1);
    }
}

fn dump() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file, variable, index, output] = &arguments[..] else {
        return Err("give FILE VARIABLE INDEX OUTPUT".into());
    };
    let gridded = Gridded::open(Path::new(file))?;
    let geobox = gridded.geobox();
    let (rows, columns) = geobox.shape();
    let found = gridded.variable(variable)?;
    let names: Vec<&str> = gridded.variables().iter().map(|v| v.name()).collect();
    let description = serde_json::json!({
        "crs": geobox.crs.wkt().unwrap_or(geobox.crs.proj_string()),
        "shape": [rows, columns],
        "transform": geobox.geotransform(),
        "variables": names,
        "other_dims": found.other_dims(),
        "times": gridded.times(),
    });
    println!("{description}");
    let values = match gridded.read(variable, index.parse()?)? {
        Values::F32(values) => values.into_iter().map(f64::from).collect(),
        Values::F64(values) => values,
    };
    let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    std::fs::write(output, bytes)?;
    Ok(())
}
