//! Coordinates: of rows and columns, and of time.

use std::borrow::Cow;

use swathe_core::geobox::Axis;

use super::super::level3::is_global;
use super::super::{Product, TimeStep, grid_mapping};
use super::{Data, VariableLayout};
use crate::dataset::{AttributeValue, Attributes};

/// Units of times. Readers turn doubles into nanoseconds: whole milliseconds from a near epoch stay exact on that way
/// (their product with 10^6 = 2^6 x 15625 fits a double for 18 years to either side), where seconds since 1970 are
/// off by up to 128 ns, and a granule's time in a product would not equal the granule's own.
pub(super) const TIME_UNITS: &str = "milliseconds since 2020-01-01 00:00:00";
/// That epoch, milliseconds since 1970 UTC.
pub(super) const TIME_EPOCH: f64 = 1_577_836_800_000.0;

/// Seconds since 1970 UTC as times are stored; NaN stays.
pub(super) fn stored_time(seconds: f64) -> f64 {
    (seconds * 1e3).round() - TIME_EPOCH
}

/// A stored time as seconds since 1970 UTC.
pub(in super::super) fn time_of_stored(stored: f64) -> f64 {
    (stored + TIME_EPOCH) / 1e3
}

pub(super) fn spatial_coordinates(product: &Product) -> [VariableLayout<'static>; 2] {
    let geobox = &product.geobox;
    let lonlat = geobox.crs.is_lonlat();
    let l3m = is_global(product);
    [("y", "lat", &geobox.y), ("x", "lon", &geobox.x)].map(|(projected, geographic, axis)| {
        let (name, standard_name, long_name, units) = match (lonlat, projected) {
            (true, "y") => ("lat", "latitude", "Latitude", "degrees_north".to_owned()),
            (true, _) => ("lon", "longitude", "Longitude", "degrees_east".to_owned()),
            (false, _) => (
                projected,
                if projected == "y" {
                    "projection_y_coordinate"
                } else {
                    "projection_x_coordinate"
                },
                if projected == "y" {
                    "y coordinate of projection"
                } else {
                    "x coordinate of projection"
                },
                grid_mapping::coordinate_units(&geobox.crs),
            ),
        };
        let mut attributes: Attributes = [
            ("long_name", long_name),
            ("units", units.as_str()),
            ("standard_name", standard_name),
            ("axis", if projected == "y" { "Y" } else { "X" }),
        ]
        .map(|(n, v)| (n.to_owned(), AttributeValue::Text(v.to_owned())))
        .to_vec();
        if l3m {
            let limit = if geographic == "lat" { 90.0 } else { 180.0 };
            attributes.push(("valid_min".into(), AttributeValue::F32(vec![-limit])));
            attributes.push(("valid_max".into(), AttributeValue::F32(vec![limit])));
        }
        VariableLayout {
            name: name.into(),
            dims: vec![name.into()],
            attributes,
            data: if l3m {
                Data::F32(level3_mapped_centres(axis).into())
            } else {
                Data::F64(Cow::Owned(axis.centres()))
            },
            fill: None,
            chunks: None,
        }
    })
}

/// Cell centres as NASA's Level-3 mapped files label them, to the bit: double precision multiples of
/// a step in single precision. Labels must be equal for `ours - theirs` to join; the rounded step puts
/// the last one of 3600 off by 5e-6 degrees. The grid itself stays exact, and so do the coordinates of
/// every other grid.
fn level3_mapped_centres(axis: &Axis) -> Vec<f32> {
    let (edge, step) = (axis.at(0.0), f64::from(axis.step() as f32));
    let centre = |i: usize| (edge + (i as f64 + 0.5) * step) as f32;
    (0..axis.len).map(centre).collect()
}

pub(super) fn time_coordinates(steps: &[TimeStep], series: bool) -> [VariableLayout<'static>; 2] {
    let dims: Vec<String> = if series { vec!["time".into()] } else { vec![] };
    let text = |name: &str, value: &str| (name.to_owned(), AttributeValue::Text(value.into()));
    let bounds = steps.iter().flat_map(|s| [s.start, s.end]);
    [
        VariableLayout {
            name: "time".into(),
            dims: dims.clone(),
            attributes: vec![
                text("long_name", "time"),
                text("standard_name", "time"),
                text("units", TIME_UNITS),
                text("calendar", "standard"),
                text("axis", "T"),
                text("bounds", "time_bnds"),
            ],
            data: Data::F64(steps.iter().map(|s| stored_time(s.time)).collect()),
            fill: None,
            chunks: None,
        },
        // Bounds take units and calendar from their coordinate (CF section 7.1).
        VariableLayout {
            name: "time_bnds".into(),
            dims: dims.into_iter().chain(["nv".to_owned()]).collect(),
            attributes: vec![],
            data: Data::F64(bounds.map(stored_time).collect()),
            fill: None,
            chunks: None,
        },
    ]
}

#[cfg(test)]
mod tests {
    use swathe_core::geobox::GeoBox;

    use super::*;

    /// Values of lon and lat in NASA's files of 0.1 degrees, and of 4 km.
    #[test]
    fn global_coordinates_are_nasas_to_the_bit() {
        let ends = |name: &str| {
            let grid = GeoBox::named(name).unwrap();
            let [x, y] = [&grid.x, &grid.y].map(level3_mapped_centres);
            [x[0], x[x.len() - 1], y[0], y[y.len() - 1]]
        };
        assert_eq!(ends("0.1deg"), [-179.95, 179.95001, 89.95, -89.950005]);
        assert_eq!(
            ends("l3m-4km"),
            [-179.97917, 179.97917, 89.979164, -89.97917]
        );
    }

    #[test]
    fn times_come_back_to_the_bit() {
        for milliseconds in [0.0, 1_722_529_213_123.0, 1_577_836_799_999.0, 4e12 + 1.0] {
            let seconds = milliseconds / 1e3;
            assert_eq!(stored_time(seconds), milliseconds - TIME_EPOCH);
            assert_eq!(time_of_stored(stored_time(seconds)), seconds);
        }
        assert!(stored_time(f64::NAN).is_nan());
    }
}
