//! Coordinate reference systems: longitude/latitude itself, or a map projection of it.

use std::fmt;
use std::sync::Arc;

/// A coordinate reference system cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("invalid CRS (got {definition:?}): {reason}")]
pub struct InvalidCrs {
    /// What was asked for.
    pub definition: String,
    /// Why it cannot be used.
    pub reason: String,
}

/// A coordinate reference system: any EPSG code, PROJ string or WKT.
///
/// Coordinates are always (x, y) = (longitude, latitude) in degrees, or (easting, northing) in the
/// units of the projection; axis order of the authority is never used.
#[derive(Clone)]
pub struct Crs {
    definition: String,
    epsg: Option<u16>,
    proj: String,
    wkt: Option<String>,
    projection: Option<Arc<proj4rs::Proj>>,
    to_metre: f64,
}

impl Crs {
    /// Geographic WGS 84, longitude first: EPSG:4326.
    pub fn lonlat() -> Self {
        Crs {
            definition: "EPSG:4326".into(),
            epsg: Some(4326),
            proj: "+proj=longlat +datum=WGS84 +no_defs".into(),
            wkt: crs_definitions::from_code(4326).map(|d| d.wkt.to_owned()),
            projection: None,
            to_metre: 1.0,
        }
    }

    /// Parses `EPSG:32618`, `epsg:4326`, a bare code, a PROJ string or WKT.
    ///
    /// # Errors
    /// [`InvalidCrs`] for an unknown code, an unsupported projection, or text that is none of these.
    pub fn parse(definition: &str) -> Result<Self, InvalidCrs> {
        let text = definition.trim();
        let invalid = |reason: String| InvalidCrs {
            definition: definition.into(),
            reason,
        };
        let code = text
            .split_once(':')
            .filter(|(authority, _)| authority.eq_ignore_ascii_case("epsg"))
            .map_or(text, |(_, code)| code.trim());
        let (epsg, proj, wkt) =
            if text.eq_ignore_ascii_case("OGC:CRS84") || text.eq_ignore_ascii_case("CRS84") {
                return Ok(Crs::lonlat());
            } else if let Ok(code) = code.parse::<u16>() {
                let def = crs_definitions::from_code(code)
                    .ok_or_else(|| invalid(format!("no EPSG code {code} is known")))?;
                (Some(code), def.proj4.to_owned(), Some(def.wkt.to_owned()))
            } else if text.starts_with('+') || text.contains("+proj=") {
                (None, text.to_owned(), None)
            } else if text.contains('[') {
                let proj = proj4wkt::wkt_to_projstring(text).map_err(|e| invalid(e.to_string()))?;
                (None, proj, Some(text.to_owned()))
            } else {
                return Err(invalid(
                    "expected EPSG:<code>, a PROJ string (+proj=...) or WKT".into(),
                ));
            };
        let projection =
            proj4rs::Proj::from_proj_string(&proj).map_err(|e| invalid(e.to_string()))?;
        if projection.is_geocent() {
            return Err(invalid("geocentric coordinates make no map".into()));
        }
        let geographic = projection.is_latlong();
        let invertible = projection.has_forward() && projection.has_inverse();
        if !geographic && !invertible {
            return Err(invalid("the projection has no inverse".into()));
        }
        Ok(Crs {
            definition: text.into(),
            epsg,
            proj,
            wkt,
            to_metre: projection.to_meter(),
            projection: (!geographic).then(|| Arc::new(projection)),
        })
    }

    /// Whether coordinates are longitude and latitude in degrees.
    pub fn is_lonlat(&self) -> bool {
        self.projection.is_none()
    }

    /// The text it was made from (`EPSG:32618`, a PROJ string, WKT).
    pub fn definition(&self) -> &str {
        &self.definition
    }

    /// The EPSG code, where it was made from one.
    pub fn epsg(&self) -> Option<u16> {
        self.epsg
    }

    /// The PROJ string.
    pub fn proj_string(&self) -> &str {
        &self.proj
    }

    /// Well-known text (version 1), where it is known.
    pub fn wkt(&self) -> Option<&str> {
        self.wkt.as_deref()
    }

    /// Metres in one unit of x and y (1 for metres; meaningless for longitude/latitude).
    pub fn metres_per_unit(&self) -> f64 {
        self.to_metre
    }

    /// Map coordinates of a longitude and latitude in degrees; `None` where the projection has none.
    #[inline]
    pub fn forward(&self, lon: f64, lat: f64) -> Option<(f64, f64)> {
        match &self.projection {
            None => Some((lon, lat)),
            Some(projection) => {
                let mut point = (lon.to_radians(), lat.to_radians(), 0.0);
                proj4rs::transform::transform(wgs84(), projection, &mut point).ok()?;
                (point.0.is_finite() && point.1.is_finite()).then_some((point.0, point.1))
            }
        }
    }

    /// Longitude and latitude in degrees of map coordinates; `None` outside the projection.
    #[inline]
    pub fn inverse(&self, x: f64, y: f64) -> Option<(f64, f64)> {
        match &self.projection {
            None => Some((x, y)),
            Some(projection) => {
                let mut point = (x, y, 0.0);
                proj4rs::transform::transform(projection, wgs84(), &mut point).ok()?;
                let (lon, lat) = (point.0.to_degrees(), point.1.to_degrees());
                (lon.is_finite() && lat.is_finite()).then_some((lon, lat))
            }
        }
    }
}

fn wgs84() -> &'static proj4rs::Proj {
    static WGS84: std::sync::OnceLock<proj4rs::Proj> = std::sync::OnceLock::new();
    WGS84.get_or_init(|| {
        #[expect(
            clippy::expect_used,
            reason = "a constant definition, covered by every test here"
        )]
        proj4rs::Proj::from_proj_string("+proj=longlat +datum=WGS84 +no_defs")
            .expect("WGS 84 is a valid definition")
    })
}

impl PartialEq for Crs {
    fn eq(&self, other: &Self) -> bool {
        self.proj == other.proj
    }
}

impl fmt::Debug for Crs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Crs({})", self.definition)
    }
}

impl fmt::Display for Crs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.definition)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn utm_goes_there_and_back() {
        let crs = Crs::parse("EPSG:32618").unwrap();
        let (x, y) = crs.forward(-75.0, 38.0).unwrap();
        assert!((x - 500_000.0).abs() < 1e-6, "{x}");
        // pyproj 3.7.2: 4205815.019947
        assert!((y - 4_205_815.019_947).abs() < 1e-4, "{y}");
        let (lon, lat) = crs.inverse(x, y).unwrap();
        assert!((lon + 75.0).abs() < 1e-9 && (lat - 38.0).abs() < 1e-9);
    }

    #[test]
    fn projections_agree_with_pyproj() {
        // pyproj 3.7.2, always_xy.
        for (definition, lon, lat, x, y) in [
            ("EPSG:3413", 10.0, 80.0, 889_533.831_544, -622_858.294_340),
            (
                "+proj=laea +lat_0=38 +lon_0=-75 +datum=WGS84",
                -70.0,
                41.0,
                420_549.118_703,
                344_474.540_173,
            ),
        ] {
            let (got_x, got_y) = Crs::parse(definition).unwrap().forward(lon, lat).unwrap();
            assert!(
                (got_x - x).abs() < 1e-3 && (got_y - y).abs() < 1e-3,
                "{definition}: {got_x} {got_y}"
            );
        }
    }

    #[test]
    fn nonsense_is_refused_with_what_was_given() {
        for text in ["EPSG:1", "mercator", "+proj=nosuch", ""] {
            let error = Crs::parse(text).unwrap_err();
            assert_eq!(error.definition, text);
        }
    }
}
