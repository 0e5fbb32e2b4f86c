//! What is looked for in the catalogue.

use super::outline::{Ring, against_the_clock};
use super::period::Period;
use swathe_core::region::Region;

/// A search for granules of a collection.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Query {
    /// Short name of the collection: `PACE_OCI_L2_BGC`.
    pub collection: String,
    /// Version of the collection.
    pub version: Option<String>,
    /// Data centre: `OB_CLOUD`.
    pub provider: Option<String>,
    /// When it was observed.
    pub period: Option<Period>,
    /// West, south, east, north in degrees; west > east means across 180.
    pub bbox: Option<(f64, f64, f64, f64)>,
    /// Longitude and latitude.
    pub point: Option<(f64, f64)>,
    /// Outer rings of longitude and latitude; a granule may touch any of them.
    pub polygons: Vec<Ring>,
    /// Least and most per cent.
    pub cloud_cover: Option<(f64, f64)>,
    /// `day`, `night` or `unspecified`.
    pub day_night: Option<String>,
    /// Pattern of names, with `*` and `?`.
    pub name: Option<String>,
    /// At most so many granules, the earliest.
    pub limit: Option<usize>,
}

impl Query {
    /// # Errors
    /// A box, place or limit that the catalogue would refuse, in words.
    pub fn check(&self) -> Result<(), String> {
        if self.collection.trim().is_empty() {
            return Err("no collection is named".into());
        }
        if let Some((west, south, east, north)) = self.bbox {
            Region::of_box((west, south, east, north))
                .map_err(|why| format!("the box {west},{south},{east},{north}: {why}"))?;
        }
        let places = self.polygons.iter().flatten().chain(&self.point);
        for (lon, lat) in places {
            if !(-180.0..=180.0).contains(lon) || !(-90.0..=90.0).contains(lat) {
                return Err(format!(
                    "{lon},{lat}: a longitude lies between -180 and 180, a latitude between -90 and 90"
                ));
            }
        }
        if let Some((low, high)) = self.cloud_cover
            && !(0.0 <= low && low <= high && high <= 100.0)
        {
            return Err(format!("{low},{high}: clouds cover 0 to 100 per cent"));
        }
        if self.limit == Some(0) {
            return Err("a limit of 0 granules leaves nothing".into());
        }
        Ok(())
    }

    /// Names and values of the request's parameters, but for paging.
    pub(super) fn parameters(&self) -> Vec<(&'static str, String)> {
        let mut parameters = vec![("short_name", self.collection.clone())];
        let mut add = |name, value: Option<String>| parameters.extend(value.map(|v| (name, v)));
        add("version", self.version.clone());
        add("provider", self.provider.clone());
        add("temporal[]", self.period.map(|period| period.parameter()));
        add(
            "bounding_box",
            self.bbox.map(|(w, s, e, n)| format!("{w},{s},{e},{n}")),
        );
        add("point", self.point.map(|(lon, lat)| format!("{lon},{lat}")));
        for polygon in &self.polygons {
            let points: Vec<String> = against_the_clock(polygon)
                .iter()
                .map(|(lon, lat)| format!("{lon},{lat}"))
                .collect();
            add("polygon[]", Some(points.join(",")));
        }
        if self.polygons.len() > 1 {
            add("options[polygon][or]", Some("true".into()));
        }
        add(
            "cloud_cover",
            self.cloud_cover.map(|(low, high)| format!("{low},{high}")),
        );
        add("day_night_flag", self.day_night.clone());
        if let Some(name) = &self.name {
            add("readable_granule_name[]", Some(name.clone()));
            add(
                "options[readable_granule_name][pattern]",
                Some("true".into()),
            );
        }
        // By start, so that a limit is not by chance.
        add("sort_key[]", Some("start_date".into()));
        parameters
    }
}

/// The outer rings of a GeoJSON text: a polygon, several, or features with them.
///
/// # Errors
/// It is not GeoJSON, or holds no polygon.
pub fn polygons_of_geojson(text: &str) -> Result<Vec<Ring>, String> {
    let json: serde_json::Value =
        serde_json::from_str(text).map_err(|e| format!("not GeoJSON: {e}"))?;
    let mut rings = Vec::new();
    collect(&json, &mut rings, 0)?;
    match rings.is_empty() {
        true => Err("no polygon in it".into()),
        false => Ok(rings),
    }
}

fn collect(json: &serde_json::Value, rings: &mut Vec<Ring>, depth: usize) -> Result<(), String> {
    let list = |name: &str| json.get(name).and_then(|v| v.as_array());
    let kind = json
        .get("type")
        .and_then(|v| v.as_str())
        .unwrap_or_default();
    if depth > 8 {
        return Err("geometries nested too deeply".into());
    }
    match kind {
        "FeatureCollection" => {
            let features = list("features").into_iter().flatten();
            features
                .into_iter()
                .try_for_each(|f| collect(f, rings, depth + 1))
        }
        "GeometryCollection" => {
            let geometries = list("geometries").into_iter().flatten();
            geometries
                .into_iter()
                .try_for_each(|g| collect(g, rings, depth + 1))
        }
        "Feature" => match json.get("geometry") {
            Some(geometry) if !geometry.is_null() => collect(geometry, rings, depth + 1),
            _ => Ok(()),
        },
        "Polygon" => {
            rings.push(ring(list("coordinates").and_then(|rings| rings.first()))?);
            Ok(())
        }
        "MultiPolygon" => {
            for polygon in list("coordinates").into_iter().flatten() {
                rings.push(ring(polygon.get(0))?);
            }
            Ok(())
        }
        "" => Err("not GeoJSON: no type".into()),
        other => Err(format!("{other} is not a polygon")),
    }
}

fn ring(json: Option<&serde_json::Value>) -> Result<Ring, String> {
    let points = json
        .and_then(|v| v.as_array())
        .ok_or("a polygon without a ring")?;
    let degrees = |point: &serde_json::Value, i: usize| point.get(i).and_then(|v| v.as_f64());
    let ring: Option<Ring> = points
        .iter()
        .map(|p| degrees(p, 0).zip(degrees(p, 1)))
        .collect();
    let mut ring = ring.ok_or("a ring with a point that is no pair of numbers")?;
    let outside = |(lon, lat): &(f64, f64)| lon.abs() > 180.0 || lat.abs() > 90.0;
    if ring.iter().any(outside) {
        return Err("longitudes must be in -180..180, latitudes in -90..90".into());
    }
    if ring.first() != ring.last() {
        ring.extend(ring.first().copied());
    }
    match ring.len() {
        0..4 => Err("a ring of fewer than three points".into()),
        _ => Ok(ring),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_catalogue_would_refuse_is_refused_here() {
        let good = Query {
            collection: "PACE_OCI_L2_BGC".into(),
            bbox: Some((170.0, -10.0, -170.0, 10.0)),
            point: Some((-180.0, 90.0)),
            cloud_cover: Some((0.0, 100.0)),
            limit: Some(1),
            ..Query::default()
        };
        assert_eq!(good.check(), Ok(()));
        type Spoil = fn(&mut Query);
        let spoil: [(&str, Spoil); 9] = [
            ("collection", |q| q.collection = " ".into()),
            ("10,5,12,5", |q| q.bbox = Some((10.0, 5.0, 12.0, 5.0))),
            ("NaN", |q| q.bbox = Some((f64::NAN, 0.0, 1.0, 1.0))),
            ("between -90 and 90", |q| {
                q.bbox = Some((0.0, -91.0, 1.0, 1.0))
            }),
            ("181", |q| q.point = Some((181.0, 0.0))),
            ("inf", |q| q.point = Some((0.0, f64::INFINITY))),
            ("-95", |q| q.polygons = vec![vec![(0.0, -95.0); 4]]),
            ("clouds", |q| q.cloud_cover = Some((60.0, 40.0))),
            ("limit", |q| q.limit = Some(0)),
        ];
        for (word, spoil) in spoil {
            let mut query = good.clone();
            spoil(&mut query);
            let why = query.check().expect_err(word);
            assert!(why.contains(word), "{word}: {why}");
        }
    }

    #[test]
    fn parameters_are_as_the_catalogue_takes_them() {
        let query = Query {
            collection: "PACE_OCI_L2_BGC".into(),
            period: "2024-08-01/2024-08-07".parse().ok(),
            bbox: Some((-77.0, 36.0, -73.5, 41.0)),
            cloud_cover: Some((0.0, 50.0)),
            name: Some("*20240801*".into()),
            polygons: vec![vec![(0.0, 0.0), (0.0, 1.0), (1.0, 1.0), (0.0, 0.0)]],
            ..Query::default()
        };
        let expected = [
            ("short_name", "PACE_OCI_L2_BGC"),
            ("temporal[]", "2024-08-01T00:00:00Z,2024-08-07T23:59:59Z"),
            ("bounding_box", "-77,36,-73.5,41"),
            // Turned round: the catalogue wants it against the clock.
            ("polygon[]", "0,0,1,1,0,1,0,0"),
            ("cloud_cover", "0,50"),
            ("readable_granule_name[]", "*20240801*"),
            ("options[readable_granule_name][pattern]", "true"),
            ("sort_key[]", "start_date"),
        ];
        let found = query.parameters();
        let found: Vec<(&str, &str)> = found.iter().map(|(n, v)| (*n, v.as_str())).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn geojson_gives_rings() {
        let polygon = r#"{"type":"Polygon","coordinates":[[[0,0],[1,0],[1,1]],[[0.1,0.1],[0.2,0.1],[0.2,0.2]]]}"#;
        let ring = vec![(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 0.0)];
        assert_eq!(polygons_of_geojson(polygon).unwrap(), vec![ring.clone()]);
        let feature = format!(
            r#"{{"type":"FeatureCollection","features":[{{"type":"Feature","geometry":{polygon}}},{{"type":"Feature","geometry":null}}]}}"#
        );
        assert_eq!(polygons_of_geojson(&feature).unwrap(), vec![ring.clone()]);
        let several = r#"{"type":"MultiPolygon","coordinates":[[[[0,0],[1,0],[1,1],[0,0]]]]}"#;
        assert_eq!(polygons_of_geojson(several).unwrap(), vec![ring]);
        for bad in [
            "",
            "{}",
            r#"{"type":"Point","coordinates":[0,0]}"#,
            r#"{"type":"Polygon","coordinates":[[[0,0],[1,0]]]}"#,
            r#"{"type":"Polygon","coordinates":[[[0,0],[200,0],[1,1]]]}"#,
            r#"{"type":"Polygon","coordinates":[[[0,0],["x",0],[1,1]]]}"#,
            r#"{"type":"FeatureCollection","features":[]}"#,
        ] {
            assert!(polygons_of_geojson(bad).is_err(), "{bad}");
        }
    }
}
