//! Records of the catalogue, an array of them on standard input, as granules in JSON: for comparison with
//! other readers.

use swathe_io::earthdata::record::FoundGranule;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let records: Vec<serde_json::Value> = serde_json::from_reader(std::io::stdin())?;
    let found: Result<Vec<_>, _> = records.iter().map(FoundGranule::from_umm).collect();
    println!("{}", serde_json::to_string(&found?)?);
    Ok(())
}
