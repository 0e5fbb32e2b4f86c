//! The CRS that a grid mapping variable describes.

use swathe_core::crs::Crs;

use super::super::projection::{self, Datum, Ellipsoid};
use crate::dataset::Attributes;
use crate::granule::attributes::{find, first_text, numbers, text, text_or_number};

/// Reads a grid mapping, by the surest description in it: an EPSG code, well-known text, a PROJ
/// string, CF's parameters. `metres_per_unit` is that of the coordinates, for the last.
///
/// # Errors
/// Why none of them can be used.
pub(super) fn of(attributes: &Attributes, metres_per_unit: f64) -> Result<Crs, String> {
    let name = text(attributes, "grid_mapping_name");
    if name == Some("rotated_latitude_longitude") {
        return Err("its latitudes and longitudes are rotated, which is not supported".into());
    }
    let mut refused = None;
    let mut parse = |definition: &str| match Crs::parse(definition) {
        Ok(crs) => Some(crs),
        Err(error) => {
            refused = Some(error.to_string());
            None
        }
    };
    let wkt = text(attributes, "crs_wkt").or_else(|| text(attributes, "spatial_ref"));
    let code = ["epsg_code", "epsg"]
        .iter()
        .find_map(|name| text_or_number(attributes, name))
        .or_else(|| wkt.and_then(authority_code).map(str::to_owned));
    if let Some(crs) = code.and_then(|code| parse(&code)) {
        return Ok(crs);
    }
    let proj = first_text(
        attributes,
        &["proj4", "proj4text", "proj4_params", "proj4string"],
    )
    .and_then(|proj| parse(&proj));
    let wkt = wkt.and_then(&mut parse);
    // A WKT that was made from a PROJ string may say it in other terms; one that says the same has
    // names besides.
    match (wkt, proj) {
        (Some(wkt), Some(proj)) => return Ok(if wkt == proj { wkt } else { proj }),
        (Some(crs), None) | (None, Some(crs)) => return Ok(crs),
        (None, None) => {}
    }
    if let Some(crs) = name.and_then(|name| from_parameters(name, attributes, metres_per_unit)) {
        return crs;
    }
    Err(match (refused, name) {
        (Some(reason), _) => format!("its CRS cannot be used: {reason}"),
        (None, Some(name)) => {
            format!("grid mapping {name} without well-known text is not supported")
        }
        (None, None) => "its grid mapping names no CRS".into(),
    })
}

/// The EPSG code of a whole WKT, not of a part: `...,AUTHORITY["EPSG","32618"]]`, `...,ID["EPSG",32618]]`.
fn authority_code(wkt: &str) -> Option<&str> {
    let inner = wkt.strip_suffix(']')?.trim_end().strip_suffix(']')?;
    let (_, code) = inner.rsplit_once("[\"EPSG\",")?;
    let code = code.trim().trim_matches('"');
    (!code.is_empty() && code.bytes().all(|b| b.is_ascii_digit())).then_some(code)
}

/// CF's parameters; `None` where they are not those of a projection that is known.
fn from_parameters(
    name: &str,
    attributes: &Attributes,
    metres_per_unit: f64,
) -> Option<Result<Crs, String>> {
    let values = |name: &str| -> Option<Vec<f64>> {
        let values = numbers(find(attributes, name)?)?;
        Some(values.into_iter().map(|v| v.as_f64()).collect())
    };
    let number = |name: &str| values(name).and_then(|v| v.first().copied());
    if number("longitude_of_prime_meridian").is_some_and(|v| v != 0.0) {
        return None;
    }
    let datum = datum(&number);
    let proj = match (name, datum) {
        ("latitude_longitude", Datum::Wgs84) => return Some(Ok(Crs::lonlat())),
        ("latitude_longitude", datum) => {
            format!("+proj=longlat{} +no_defs", projection::datum_text(datum))
        }
        _ => projection::from_cf(name, &values, datum, metres_per_unit)?.proj_string(),
    };
    Some(Crs::parse(&proj).map_err(|error| error.to_string()))
}

fn datum(number: &impl Fn(&str) -> Option<f64>) -> Datum {
    let Some(semi_major) = number("semi_major_axis").or_else(|| number("earth_radius")) else {
        return Datum::Wgs84;
    };
    let inverse_flattening = match (number("inverse_flattening"), number("semi_minor_axis")) {
        (Some(inverse), _) => inverse,
        (None, Some(minor)) if minor != semi_major => semi_major / (semi_major - minor),
        _ => 0.0,
    };
    let ellipsoid = Ellipsoid {
        semi_major,
        inverse_flattening,
    };
    let wgs84 = Datum::Wgs84.ellipsoid();
    let same = semi_major == wgs84.semi_major
        && (inverse_flattening - wgs84.inverse_flattening).abs() < 1e-6;
    if same {
        Datum::Wgs84
    } else {
        Datum::Unknown(ellipsoid)
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::grid_mapping;
    use super::*;
    use crate::dataset::AttributeValue::{F64, I32, Text};

    fn attributes(definition: &str, leave_out: &[&str]) -> Attributes {
        let axis = |numerator| swathe_core::geobox::Axis::new(0.0, numerator, 0, 1);
        let mut attributes = grid_mapping::attributes(&swathe_core::geobox::GeoBox {
            crs: Crs::parse(definition).unwrap(),
            x: axis(1.0),
            y: axis(-1.0),
        });
        attributes.retain(|(name, _)| !leave_out.contains(&name.as_str()));
        attributes
    }

    const WKT: [&str; 2] = ["crs_wkt", "spatial_ref"];
    const ALBERS: &str =
        "+proj=aea +lat_1=29.5 +lat_2=45.5 +lat_0=23 +lon_0=-96 +datum=WGS84 +units=m";

    #[test]
    fn what_was_written_comes_back() {
        for definition in [
            "EPSG:4326",
            "EPSG:32618",
            "EPSG:3413",
            ALBERS,
            "+proj=robin",
        ] {
            let crs = Crs::parse(definition).unwrap();
            let found = of(&attributes(definition, &[]), 1.0).unwrap();
            assert_eq!(found, crs, "{definition}");
            assert_eq!(found.epsg(), crs.epsg(), "{definition}");
        }
        // Well-known text stays as it is.
        let wkt = Crs::parse("EPSG:32618")
            .unwrap()
            .wkt()
            .unwrap()
            .replace("32618", "0");
        assert_eq!(
            of(&attributes(&wkt, &[]), 1.0).unwrap().wkt(),
            Some(wkt.as_str())
        );
    }

    /// Each description alone puts points at the same place.
    #[test]
    fn every_description_is_enough() {
        for definition in [
            "EPSG:32618",
            "EPSG:3413",
            "EPSG:3035",
            ALBERS,
            "+proj=lcc +lat_1=30 +lat_2=60 +lat_0=38 +lon_0=-70 +R=6371229",
            "+proj=merc +lat_ts=20 +datum=WGS84",
            "+proj=laea +lat_0=38 +lon_0=-75 +x_0=1000 +R=6371000 +units=km",
        ] {
            let crs = Crs::parse(definition).unwrap();
            let unit = crs.metres_per_unit();
            for left_out in [
                &["epsg_code"][..],
                &["epsg_code", "proj4"],
                &["epsg_code", WKT[0], WKT[1]],
                &["epsg_code", "proj4", WKT[0], WKT[1]],
            ] {
                let found = of(&attributes(definition, left_out), unit).unwrap();
                let (x, y) = crs.forward(-74.0, 39.0).unwrap();
                let (u, v) = found.forward(-74.0, 39.0).unwrap();
                let off = (x - u).hypot(y - v) * unit;
                assert!(
                    off < 1e-3,
                    "{definition} without {left_out:?}: {off} m, {found}"
                );
            }
        }
    }

    #[test]
    fn codes_of_parts_are_not_codes_of_the_whole() {
        let wkt = Crs::parse("EPSG:32618").unwrap().wkt().unwrap().to_owned();
        assert_eq!(authority_code(&wkt), Some("32618"));
        assert_eq!(
            authority_code(r#"PROJCRS["x",CS[Cartesian,2],ID["EPSG",3413]]"#),
            Some("3413")
        );
        assert_eq!(
            authority_code(r#"PROJCS["x",UNIT["metre",1,AUTHORITY["EPSG","9001"]]]"#),
            None
        );
        assert_eq!(authority_code("]]"), None);
    }

    #[test]
    fn what_cannot_be_said_is_refused() {
        let one = |name: &str, value| vec![(name.to_owned(), value)];
        let rotated = one(
            "grid_mapping_name",
            Text("rotated_latitude_longitude".into()),
        );
        assert!(of(&rotated, 1.0).unwrap_err().contains("rotated"));
        assert!(of(&vec![], 1.0).unwrap_err().contains("no CRS"));
        let broken = one("crs_wkt", Text("PROJCS[".into()));
        assert!(of(&broken, 1.0).unwrap_err().contains("cannot be used"));
        let vertical = one("grid_mapping_name", Text("vertical_perspective".into()));
        assert!(
            of(&vertical, 1.0)
                .unwrap_err()
                .contains("vertical_perspective")
        );
        // A scale that the method does not have must not be lost.
        let scaled = vec![
            (
                "grid_mapping_name".to_owned(),
                Text("albers_conical_equal_area".into()),
            ),
            (
                "scale_factor_at_projection_origin".to_owned(),
                F64(vec![0.9]),
            ),
        ];
        assert!(of(&scaled, 1.0).is_err());
        assert_eq!(
            of(&one("epsg", I32(vec![4326])), 1.0).unwrap(),
            Crs::lonlat()
        );
    }
}
