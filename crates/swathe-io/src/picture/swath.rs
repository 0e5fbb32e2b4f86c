//! A swath as it lies on the Earth: every pixel of the picture that lies in a pixel's footprint has
//! its colour, as matplotlib's pcolormesh draws it.

use super::page::panel_size;
use swathe_core::build_geobox::InvalidGrid;
use swathe_core::crs::Crs;
use swathe_core::geobox::{Axis, GeoBox};
use swathe_core::resample::{EntryKind, Grid, Method, locate};
use swathe_core::source::GeolocationArray;

/// The grid for a picture around a swath, one cell for each pixel of the picture's panel. `width` is
/// the picture's. Without a CRS it is longitude/latitude, or polar stereographic where the swath goes
/// round one pole only.
///
/// # Errors
/// A swath without usable geolocation, or one that has no place in the CRS.
pub fn grid_for_swath(
    geolocation: &GeolocationArray,
    crs: Option<Crs>,
    width: u32,
) -> Result<GeoBox, InvalidGrid> {
    let chosen = crs.clone().unwrap_or_else(Crs::lonlat);
    let mut around = GeoBox::around(geolocation, chosen, None)?;
    if crs.is_none()
        && let Some(polar) = polar(&around)
    {
        around = GeoBox::around(geolocation, polar, None)?;
    }
    let (mut west, mut south, mut east, mut north) = around.bounds();
    let margin = 0.03 * (east - west).max(north - south);
    (west, south, east, north) = (west - margin, south - margin, east + margin, north + margin);
    if around.crs.is_lonlat() {
        if east - west > 345.0 {
            (west, east) = (-180.0, 180.0);
        }
        if north - south > 165.0 {
            (south, north) = (-90.0, 90.0);
        }
        (south, north) = (south.max(-90.0), north.min(90.0));
    }
    let (columns, rows) = panel_size(&around.crs, (west, south, east, north), width);
    let axis = |from: f64, to: f64, len: usize| Axis {
        origin: from,
        numerator: to - from,
        denominator: len as f64,
        first: 0,
        len,
    };
    Ok(GeoBox {
        crs: around.crs,
        x: axis(west, east, columns),
        y: axis(north, south, rows),
    })
}

/// Polar stereographic, for a swath around one pole.
fn polar(around: &GeoBox) -> Option<Crs> {
    let (west, south, east, north) = around.bounds();
    if east - west < 300.0 {
        return None;
    }
    let definition = if north > 80.0 && south > 30.0 {
        "+proj=stere +lat_0=90 +lat_ts=70 +lon_0=0 +datum=WGS84 +units=m"
    } else if south < -80.0 && north < -30.0 {
        "+proj=stere +lat_0=-90 +lat_ts=-70 +lon_0=0 +datum=WGS84 +units=m"
    } else {
        return None;
    };
    Crs::parse(definition).ok()
}

/// Values of a whole swath on a grid: each cell has the value of the pixel whose footprint it lies
/// in, NaN where there is none.
pub fn draw_swath(geolocation: &GeolocationArray, values: &[f32], geobox: &GeoBox) -> Vec<f32> {
    let grid = Grid::new(geobox.clone());
    let (entries, _) = locate(
        geolocation,
        &grid,
        Method::Nearest,
        geolocation.lines.end.max(1),
    );
    let mut cells = vec![f32::NAN; geobox.cells()];
    let first = geolocation.lines.start * geolocation.pixels;
    for entry in entries {
        let EntryKind::Contributions(contributions) = entry.kind else {
            continue;
        };
        for c in contributions {
            let value = values.get((c.pixel as usize).wrapping_sub(first));
            if let (Some(cell), Some(value)) = (cells.get_mut(c.cell as usize), value) {
                *cell = *value;
            }
        }
    }
    cells
}

#[cfg(test)]
mod tests {
    use super::*;
    use swathe_core::source::Coordinates;

    /// Five lines of five pixels around a place.
    fn swath(centre: (f64, f64), spacing: f64) -> GeolocationArray {
        let place = |i: usize| {
            let (line, pixel) = ((i / 5) as f64 - 2.0, (i % 5) as f64 - 2.0);
            let lon = centre.0 + spacing * pixel;
            let wrapped = (lon + 180.0).rem_euclid(360.0) - 180.0;
            (wrapped, centre.1 - spacing * line)
        };
        GeolocationArray {
            lines: 0..5,
            pixels: 5,
            latitude: Coordinates::F64((0..25).map(|i| place(i).1).collect()),
            longitude: Coordinates::F64((0..25).map(|i| place(i).0).collect()),
        }
    }

    #[test]
    fn a_pixel_fills_its_footprint_across_180_too() {
        for centre in [(-75.0, 38.0), (180.0, 10.0)] {
            let swath = swath(centre, 0.5);
            let geobox = grid_for_swath(&swath, None, 400).unwrap();
            let mut values = vec![0.0; 25];
            values[13] = 7.0;
            let drawn = draw_swath(&swath, &values, &geobox);
            let at = |lon: f64, lat: f64| {
                let (column, row) = (geobox.x.position(lon), geobox.y.position(lat));
                drawn[row as usize * geobox.x.len + column as usize]
            };
            // Line 2, pixel 3: half a degree east of the middle.
            for (east, north, value) in [
                (0.5, 0.0, 7.0),
                (0.27, 0.23, 7.0),
                (0.73, -0.23, 7.0),
                (0.23, 0.0, 0.0),
                (0.77, 0.0, 0.0),
                (0.5, 0.27, 0.0),
            ] {
                assert_eq!(
                    at(centre.0 + east, centre.1 + north),
                    value,
                    "{east} {north}"
                );
            }
            // Beyond the swath: the outermost footprint ends 1.25 degrees from the middle.
            assert_eq!(at(centre.0 + 1.23, centre.1), 0.0);
            assert!(at(centre.0 + 1.27, centre.1).is_nan());
        }
    }

    #[test]
    fn a_swath_around_a_pole_is_drawn_from_above() {
        let around = |lat: f64| {
            let lons = (0..720).map(|i| f64::from(i % 36) * 10.0);
            let lats = (0..720).map(|i| lat * (1.0 - f64::from(i / 36) * 0.01));
            GeolocationArray {
                lines: 0..20,
                pixels: 36,
                latitude: Coordinates::F64(lats.collect()),
                longitude: Coordinates::F64(lons.collect()),
            }
        };
        for lat in [89.0, -89.0] {
            let geobox = grid_for_swath(&around(lat), None, 400).unwrap();
            assert!(geobox.crs.proj_string().contains("stere"), "{lat}");
        }
        assert!(
            grid_for_swath(&around(40.0), None, 400)
                .unwrap()
                .crs
                .is_lonlat()
        );
    }
}
