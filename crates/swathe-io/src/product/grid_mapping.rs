//! The grid mapping variable: a CRS as CF attributes, as well-known text, and as GDAL reads it.

use swathe_core::crs::Crs;
use swathe_core::geobox::{Axis, GeoBox};

use super::projection::{self, Datum, Parsed, Projected};
use crate::dataset::{AttributeValue, Attributes};

/// Name of the variable, the one that rioxarray and GDAL write.
pub(super) const NAME: &str = "spatial_ref";

/// Attributes of the grid mapping variable of a grid.
///
/// `crs_wkt` is CF's, `spatial_ref` and `GeoTransform` are GDAL's; `lattice_x` and `lattice_y` keep
/// an axis's integer lattice (origin, numerator, denominator, first), so that a grid read back is
/// the same to the last bit.
pub(super) fn attributes(geobox: &GeoBox) -> Attributes {
    let crs = &geobox.crs;
    let text = |value: String| AttributeValue::Text(value);
    let wkt = well_known_text(crs);
    let mut attributes = cf_attributes(crs);
    attributes.push(("crs_wkt".into(), text(wkt.clone())));
    attributes.push(("spatial_ref".into(), text(wkt)));
    let transform = geobox.geotransform().map(|v| v.to_string()).join(" ");
    attributes.push(("GeoTransform".into(), text(transform)));
    if let Some(code) = crs.epsg() {
        attributes.push(("epsg_code".into(), text(format!("EPSG:{code}"))));
    }
    attributes.push(("proj4".into(), text(crs.proj_string().trim().into())));
    for (name, axis) in [("lattice_x", &geobox.x), ("lattice_y", &geobox.y)] {
        attributes.push((name.into(), AttributeValue::F64(lattice(axis))));
    }
    attributes
}

/// Well-known text (version 1, as GDAL 2 and later read it).
pub(super) fn well_known_text(crs: &Crs) -> String {
    if let Some(wkt) = crs.wkt() {
        return wkt.to_owned();
    }
    match projection::parse(crs.proj_string()) {
        Some(Parsed::LonLat(datum)) => geographic_text(datum),
        Some(Parsed::Projected(projected)) => projected_text(&projected),
        // GDAL's and PROJ's own way to carry a projection that WKT has no name for.
        None => format!(
            "PROJCS[\"unknown\",{},PROJECTION[\"custom_proj4\"],UNIT[\"metre\",1],EXTENSION[\"PROJ4\",\"{}\"]]",
            geographic_text(Datum::Wgs84),
            crs.proj_string().trim().replace('"', "")
        ),
    }
}

fn lattice(axis: &Axis) -> Vec<f64> {
    vec![
        axis.origin,
        axis.numerator,
        axis.denominator,
        axis.first as f64,
    ]
}

fn cf_attributes(crs: &Crs) -> Attributes {
    let number = |name: &str, value: f64| (name.to_owned(), AttributeValue::F64(vec![value]));
    let ellipsoid = |datum: Datum| {
        let e = datum.ellipsoid();
        let mut attributes = vec![number("semi_major_axis", e.semi_major)];
        if e.inverse_flattening == 0.0 {
            attributes.push(number("semi_minor_axis", e.semi_major));
        } else {
            attributes.push(number("inverse_flattening", e.inverse_flattening));
        }
        attributes.push(number("longitude_of_prime_meridian", 0.0));
        attributes
    };
    let name = |name: &str| {
        (
            "grid_mapping_name".to_owned(),
            AttributeValue::Text(name.into()),
        )
    };
    match projection::parse(crs.proj_string()) {
        Some(Parsed::LonLat(datum)) => {
            let mut attributes = vec![name("latitude_longitude")];
            attributes.extend(ellipsoid(datum));
            attributes
        }
        Some(Parsed::Projected(projected)) if cf_can_say(&projected) => {
            let mut attributes = vec![name(projected.method.cf)];
            for (parameter, value) in projected.parameters() {
                let Some(cf) = parameter.cf else { continue };
                match attributes.iter_mut().find(|(n, _)| n == cf) {
                    // Two standard parallels are one attribute.
                    Some((_, AttributeValue::F64(values))) => values.push(value),
                    _ => attributes.push(number(cf, value)),
                }
            }
            attributes.extend(ellipsoid(projected.datum));
            attributes
        }
        _ => Vec::new(),
    }
}

/// Whether every parameter that is not at its default has a CF attribute.
fn cf_can_say(projected: &Projected) -> bool {
    projected
        .parameters()
        .all(|(parameter, value)| parameter.cf.is_some() || value == parameter.default)
}

fn geographic_text(datum: Datum) -> String {
    const TAIL: &str = r#"PRIMEM["Greenwich",0,AUTHORITY["EPSG","8901"]],UNIT["degree",0.0174532925199433,AUTHORITY["EPSG","9122"]]"#;
    match datum {
        Datum::Wgs84 => format!(
            r#"GEOGCS["WGS 84",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.257223563,AUTHORITY["EPSG","7030"]],AUTHORITY["EPSG","6326"]],{TAIL},AUTHORITY["EPSG","4326"]]"#
        ),
        Datum::Nad83 => format!(
            r#"GEOGCS["NAD83",DATUM["North_American_Datum_1983",SPHEROID["GRS 1980",6378137,298.257222101,AUTHORITY["EPSG","7019"]],AUTHORITY["EPSG","6269"]],{TAIL},AUTHORITY["EPSG","4269"]]"#
        ),
        Datum::Unknown(e) => format!(
            r#"GEOGCS["unknown",DATUM["unknown",SPHEROID["unknown",{},{}]],{TAIL}]"#,
            e.semi_major, e.inverse_flattening
        ),
    }
}

fn projected_text(projected: &Projected) -> String {
    let mut text = format!(
        r#"PROJCS["unknown",{},PROJECTION["{}"]"#,
        geographic_text(projected.datum),
        projected.method.wkt
    );
    for (parameter, value) in projected.parameters() {
        if let Some(name) = parameter.wkt {
            text.push_str(&format!(r#",PARAMETER["{name}",{value}]"#));
        }
    }
    text.push_str(&match projection::unit(projected.metres_per_unit) {
        Some(unit) => format!(
            r#",UNIT["{}",{},AUTHORITY["EPSG","{}"]]"#,
            unit.wkt, unit.metres, unit.epsg
        ),
        None => format!(r#",UNIT["unknown",{}]"#, projected.metres_per_unit),
    });
    text + r#",AXIS["Easting",EAST],AXIS["Northing",NORTH]]"#
}

/// Units of x and y that UDUNITS knows.
pub(super) fn coordinate_units(crs: &Crs) -> String {
    match projection::unit(crs.metres_per_unit()) {
        Some(unit) => unit.udunits.into(),
        None => format!("{} m", crs.metres_per_unit()),
    }
}
