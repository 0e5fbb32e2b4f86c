//! Input of the geometry examples: a swath as raw arrays, and the words that name a grid.

use std::path::Path;
use swathe_core::build_geobox::Resolution;
use swathe_core::crs::Crs;
use swathe_core::geobox::GeoBox;
use swathe_core::resample::Method;
use swathe_core::source::{Coordinates, GeolocationArray};

pub type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// `folder/latitude` and `folder/longitude`, raw little-endian, `pixels` a line.
pub fn read_swath(folder: &Path, pixels: usize, kind: &str) -> Outcome<GeolocationArray> {
    let read = |name: &str| -> Outcome<Coordinates> {
        let bytes = std::fs::read(folder.join(name))?;
        Ok(match kind {
            "f32" => Coordinates::F32(
                bytes
                    .as_chunks()
                    .0
                    .iter()
                    .map(|b| f32::from_le_bytes(*b))
                    .collect(),
            ),
            "f64" => Coordinates::F64(
                bytes
                    .as_chunks()
                    .0
                    .iter()
                    .map(|b| f64::from_le_bytes(*b))
                    .collect(),
            ),
            _ => return Err("expected f32 or f64".into()),
        })
    };
    let (latitude, longitude) = (read("latitude")?, read("longitude")?);
    if pixels == 0 || latitude.len() != longitude.len() || !latitude.len().is_multiple_of(pixels) {
        return Err("latitude and longitude do not fit lines of so many pixels".into());
    }
    Ok(GeolocationArray {
        lines: 0..latitude.len() / pixels,
        pixels,
        latitude,
        longitude,
    })
}

/// `around`, `bbox=W,S,E,N` or `bounds=L,B,R,T`, in a CRS and at a resolution.
pub fn grid(swath: &GeolocationArray, crs: &str, place: &str, size: &str) -> Outcome<GeoBox> {
    let crs = Crs::parse(crs)?;
    let resolution: Resolution = size.parse()?;
    if place == "around" {
        return Ok(GeoBox::around(swath, crs, Some(resolution))?);
    }
    let (name, numbers) = place.split_once('=').ok_or("expected bbox=W,S,E,N")?;
    let numbers: Vec<f64> = numbers
        .split(',')
        .map(str::parse)
        .collect::<Result<_, _>>()?;
    let &[left, bottom, right, top] = numbers.as_slice() else {
        return Err("expected four numbers".into());
    };
    let bounds = (left, bottom, right, top);
    Ok(match name {
        "bbox" => GeoBox::from_bbox(crs, bounds, resolution)?,
        "bounds" => GeoBox::from_bounds(crs, bounds, resolution)?,
        _ => return Err("expected bbox= or bounds=".into()),
    })
}

/// A method by its name.
pub fn method(name: &str) -> Outcome<Method> {
    Ok(Method::ALL
        .into_iter()
        .find(|method| method.name() == name)
        .ok_or("unknown method")?)
}
