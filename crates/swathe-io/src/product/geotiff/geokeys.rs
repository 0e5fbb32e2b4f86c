//! A CRS as GeoTIFF keys (OGC 19-008).

use swathe_core::crs::Crs;

use super::super::grid_mapping;
use super::super::projection::{self, Datum, Parsed, Projected};
use super::container::Value;

/// "The keys say it", for what has no code.
const USER_DEFINED: u16 = 32767;

const MODEL_TYPE: u16 = 1024;
const RASTER_TYPE: u16 = 1025;
const CITATION: u16 = 1026;
const GEOGRAPHIC: u16 = 2048;
const GEOGRAPHIC_CITATION: u16 = 2049;
const DATUM: u16 = 2050;
const ANGULAR_UNITS: u16 = 2054;
const ELLIPSOID: u16 = 2056;
const SEMI_MAJOR: u16 = 2057;
const SEMI_MINOR: u16 = 2058;
const INVERSE_FLATTENING: u16 = 2059;
const PROJECTED: u16 = 3072;
const PROJECTED_CITATION: u16 = 3073;
const PROJECTION: u16 = 3074;
const METHOD: u16 = 3075;
const LINEAR_UNITS: u16 = 3076;
const LINEAR_UNIT_SIZE: u16 = 3077;

#[derive(Debug, Default)]
struct Keys {
    /// (key, tag that holds the value or 0, count, value or index).
    entries: Vec<[u16; 4]>,
    doubles: Vec<f64>,
    text: String,
}

impl Keys {
    fn short(&mut self, key: u16, value: u16) {
        self.entries.push([key, 0, 1, value]);
    }

    fn double(&mut self, key: u16, value: f64) {
        self.entries
            .push([key, 34736, 1, self.doubles.len() as u16]);
        self.doubles.push(value);
    }

    fn text(&mut self, key: u16, text: &str) {
        // The format ends texts with a bar.
        let text = text.replace('|', " ");
        let index = self.text.len() as u16;
        self.entries
            .push([key, 34737, text.len() as u16 + 1, index]);
        self.text += &text;
        self.text.push('|');
    }
}

/// The tags that describe a CRS.
pub(super) fn tags(crs: &Crs) -> Vec<(u16, Value)> {
    let mut keys = Keys::default();
    let parsed = projection::parse(crs.proj_string());
    keys.short(
        MODEL_TYPE,
        match (crs.epsg(), &parsed) {
            (None, None) => USER_DEFINED,
            _ if crs.is_lonlat() => 2,
            _ => 1,
        },
    );
    // Cells are areas: the tie point is the outer corner of the first.
    keys.short(RASTER_TYPE, 1);
    match (crs.epsg(), parsed) {
        (Some(code), _) if crs.is_lonlat() => keys.short(GEOGRAPHIC, code),
        (Some(code), _) => keys.short(PROJECTED, code),
        (None, Some(Parsed::LonLat(datum))) => geographic(&mut keys, datum),
        (None, Some(Parsed::Projected(projected))) => projected_keys(&mut keys, &projected),
        (None, None) => {
            // What GDAL writes, and reads, where keys have no words for a projection.
            let wkt = grid_mapping::well_known_text(crs);
            keys.text(PROJECTED_CITATION, &format!("ESRI PE String = {wkt}"));
        }
    }
    keys.entries.sort_unstable();
    let mut directory = vec![1, 1, 0, keys.entries.len() as u16];
    directory.extend(keys.entries.iter().flatten());
    let mut tags = vec![(34735, Value::Shorts(directory))];
    if !keys.doubles.is_empty() {
        tags.push((34736, Value::Doubles(keys.doubles)));
    }
    if !keys.text.is_empty() {
        tags.push((34737, Value::Text(keys.text)));
    }
    tags
}

fn geographic(keys: &mut Keys, datum: Datum) {
    keys.short(ANGULAR_UNITS, 9102);
    match datum {
        Datum::Wgs84 => keys.short(GEOGRAPHIC, 4326),
        Datum::Nad83 => keys.short(GEOGRAPHIC, 4269),
        Datum::Unknown(ellipsoid) => {
            keys.short(GEOGRAPHIC, USER_DEFINED);
            keys.text(GEOGRAPHIC_CITATION, "unknown");
            keys.short(DATUM, USER_DEFINED);
            keys.short(ELLIPSOID, USER_DEFINED);
            keys.double(SEMI_MAJOR, ellipsoid.semi_major);
            if ellipsoid.inverse_flattening == 0.0 {
                keys.double(SEMI_MINOR, ellipsoid.semi_major);
            } else {
                keys.double(INVERSE_FLATTENING, ellipsoid.inverse_flattening);
            }
        }
    }
}

fn projected_keys(keys: &mut Keys, projected: &Projected) {
    geographic(keys, projected.datum);
    keys.text(CITATION, "unknown");
    keys.short(PROJECTED, USER_DEFINED);
    keys.short(PROJECTION, USER_DEFINED);
    keys.short(METHOD, projected.method.geotiff);
    match projection::unit(projected.metres_per_unit) {
        Some(unit) => keys.short(LINEAR_UNITS, unit.epsg),
        None => {
            keys.short(LINEAR_UNITS, USER_DEFINED);
            keys.double(LINEAR_UNIT_SIZE, projected.metres_per_unit);
        }
    }
    for (parameter, value) in projected.parameters() {
        if let Some(key) = parameter.geokey {
            keys.double(key, value);
        }
    }
}
