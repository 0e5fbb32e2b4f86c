//! Projects points: reads lines of `lon lat`, prints `x y lon lat` there and back.
//! `cargo run --example project -- EPSG:3413 < points.txt`

use std::io::BufRead;
use swathe_core::crs::Crs;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let definition = std::env::args().nth(1).ok_or("usage: project CRS")?;
    let crs = Crs::parse(&definition)?;
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let (lon, lat) = line.split_once(' ').ok_or("expected: lon lat")?;
        match crs.forward(lon.parse()?, lat.parse()?) {
            Some((x, y)) => {
                let (lon, lat) = crs.inverse(x, y).unwrap_or((f64::NAN, f64::NAN));
                println!("{x} {y} {lon} {lat}");
            }
            None => println!("nan nan nan nan"),
        }
    }
    Ok(())
}
