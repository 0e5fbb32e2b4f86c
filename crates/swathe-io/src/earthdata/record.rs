//! A granule as the catalogue describes it (UMM-G).

use super::outline::Ring;
use crate::remote::{Expected, base_name};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A granule that was found.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct FoundGranule {
    /// Name of its file.
    pub name: String,
    /// The catalogue's number for it.
    pub id: String,
    /// Collection.
    pub collection: String,
    /// Version of the collection.
    pub version: String,
    /// Start of observation as the catalogue writes it: ISO 8601, UTC.
    pub start: String,
    /// End of observation.
    pub end: String,
    /// Outlines: longitude and latitude in degrees, closed; boxes too.
    pub outlines: Vec<Ring>,
    /// `Day`, `Night`, `Both`.
    pub day_night: Option<String>,
    /// Per cent.
    pub cloud_cover: Option<f64>,
    /// Whether it is a near-real-time product.
    pub near_real_time: bool,
    /// Bytes.
    pub size: Option<u64>,
    /// Algorithm and value.
    pub checksum: Option<(String, String)>,
    /// The link by https.
    pub https: Option<String>,
    /// The link for direct access.
    pub s3: Option<String>,
    /// Where credentials for it are to be had.
    pub s3_credentials: Option<String>,
    /// A picture of it.
    pub browse: Option<String>,
}

impl FoundGranule {
    /// Reads a record: `{"meta": .., "umm": ..}`.
    ///
    /// # Errors
    /// What it lacks.
    pub fn from_umm(record: &Value) -> Result<FoundGranule, String> {
        let text = |at: &str| {
            record
                .pointer(at)
                .and_then(Value::as_str)
                .map(str::to_owned)
        };
        let list = |at: &str| {
            record
                .pointer(at)
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
        };
        let id = text("/meta/concept-id").unwrap_or_default();
        let title = text("/umm/GranuleUR").ok_or_else(|| format!("record {id}: no GranuleUR"))?;
        let range = "/umm/TemporalExtent/RangeDateTime";
        let single = || text("/umm/TemporalExtent/SingleDateTime");
        let start = text(&format!("{range}/BeginningDateTime")).or_else(single);
        let end = text(&format!("{range}/EndingDateTime")).or_else(|| start.clone());
        let mut found = FoundGranule {
            collection: text("/umm/CollectionReference/ShortName").unwrap_or_default(),
            version: text("/umm/CollectionReference/Version").unwrap_or_default(),
            start: start.unwrap_or_default(),
            end: end.unwrap_or_default(),
            outlines: outlines(record),
            day_night: text("/umm/DataGranule/DayNightFlag"),
            cloud_cover: record.pointer("/umm/CloudCover").and_then(Value::as_f64),
            id,
            ..FoundGranule::default()
        };
        for link in list("/umm/RelatedUrls") {
            let part = |name: &str| link.get(name).and_then(Value::as_str).unwrap_or_default();
            let url = part("URL").to_owned();
            // It may end up in a list of links, or on a terminal.
            if url.contains(|c: char| c.is_whitespace() || c.is_control()) {
                continue;
            }
            match part("Type") {
                _ if url.contains("/s3credentials") && !url.contains("README") => {
                    found.s3_credentials.get_or_insert(url);
                }
                "GET DATA" if !url.starts_with("s3://") => {
                    // The archive in the cloud knows ranges, the older hosts may not.
                    let better = url.contains("earthdatacloud.nasa.gov");
                    if found.https.is_none() || better {
                        found.https = Some(url);
                    }
                }
                "GET DATA" | "GET DATA VIA DIRECT ACCESS" if url.starts_with("s3://") => {
                    found.s3.get_or_insert(url);
                }
                "GET RELATED VISUALIZATION" => {
                    found.browse.get_or_insert(url);
                }
                _ => {}
            }
        }
        let link = found.https.as_deref().or(found.s3.as_deref());
        let identifier = list("/umm/DataGranule/Identifiers")
            .find_map(|i| i.get("Identifier")?.as_str().map(str::to_owned));
        found.name = match link.map(base_name).filter(|name| !name.is_empty()) {
            Some(name) => name.to_owned(),
            None => {
                let name = identifier.unwrap_or_else(|| title.clone());
                name.replace(char::is_control, "_")
            }
        };
        let name = &found.name;
        found.near_real_time =
            found.collection.ends_with("_NRT") || name.contains(".NRT.") || title.contains(".NRT.");
        let files = || list("/umm/DataGranule/ArchiveAndDistributionInformation");
        let named = files().find(|file| file.get("Name").and_then(Value::as_str) == Some(name));
        // Of several files none that is named otherwise; of one it may be called anything.
        if let Some(file) = named.or_else(|| (files().count() == 1).then(|| files().next())?) {
            found.size = file.get("SizeInBytes").and_then(Value::as_u64);
            let checksum = |name: &str| {
                file.pointer(name)
                    .and_then(Value::as_str)
                    .map(str::to_owned)
            };
            found.checksum = checksum("/Checksum/Algorithm").zip(checksum("/Checksum/Value"));
        }
        Ok(found)
    }

    /// What its file must be.
    pub fn expected(&self) -> Expected {
        Expected {
            size: self.size,
            checksum: self.checksum.clone(),
        }
    }

    /// What observation it is, whatever its version.
    pub(super) fn observation(&self) -> (&str, &str) {
        let collection = self
            .collection
            .strip_suffix("_NRT")
            .unwrap_or(&self.collection);
        // To the second.
        (collection, self.start.get(..19).unwrap_or(&self.start))
    }

    /// The version as numbers: of the name (`V3_1`), else of the collection.
    pub(super) fn version_numbers(&self) -> Vec<u64> {
        let in_name = self.name.split('.').find_map(|part| {
            let digits = part.strip_prefix('V')?;
            let plain = digits.bytes().all(|b| b.is_ascii_digit() || b == b'_');
            (plain && !digits.is_empty()).then(|| digits.replace('_', "."))
        });
        let text = in_name.unwrap_or_else(|| self.version.clone());
        text.split('.')
            .map(|part| part.parse().unwrap_or(0))
            .collect()
    }
}

fn outlines(record: &Value) -> Vec<Ring> {
    let geometry = "/umm/SpatialExtent/HorizontalSpatialDomain/Geometry";
    let Some(geometry) = record.pointer(geometry) else {
        return Vec::new();
    };
    let list = |name: &str| {
        geometry
            .get(name)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
    };
    let degrees = |at: &Value, name: &str| at.get(name).and_then(Value::as_f64);
    let polygons = list("GPolygons").filter_map(|polygon| {
        let points = polygon.pointer("/Boundary/Points")?.as_array()?;
        let point = |p: &Value| degrees(p, "Longitude").zip(degrees(p, "Latitude"));
        points.iter().map(point).collect::<Option<Ring>>()
    });
    let boxes = list("BoundingRectangles").filter_map(|rectangle| {
        let side = |name: &str| degrees(rectangle, &format!("{name}BoundingCoordinate"));
        let (w, s, e, n) = (side("West")?, side("South")?, side("East")?, side("North")?);
        let width = if e < w { e - w + 360.0 } else { e - w };
        // Sides along parallels, as pieces that great circles are near to.
        let steps = (width / 5.0).ceil().max(1.0) as usize;
        let lon =
            |i: usize| (w + width * i as f64 / steps as f64 + 180.0).rem_euclid(360.0) - 180.0;
        let along = (0..=steps).map(|i| (lon(i), s));
        let back = (0..=steps).rev().map(|i| (lon(i), n));
        Some(along.chain(back).chain([(lon(0), s)]).collect())
    });
    polygons.chain(boxes).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_record_without_anything_but_a_title_is_read() {
        let found = FoundGranule::from_umm(&json!({"umm": {"GranuleUR": "x"}})).unwrap();
        assert_eq!(
            (found.name.as_str(), found.size, found.https),
            ("x", None, None)
        );
        assert!(FoundGranule::from_umm(&json!({"umm": {}})).is_err());
        let urls = json!([{"URL": "https://a.org/x\nhttps://b.org/y", "Type": "GET DATA"}]);
        let hostile = json!({"umm": {"GranuleUR": "x\u{1b}[2J", "RelatedUrls": urls}});
        let found = FoundGranule::from_umm(&hostile).unwrap();
        assert_eq!((found.name.as_str(), found.https), ("x_[2J", None));
        assert!(FoundGranule::from_umm(&json!(7)).is_err());
    }

    #[test]
    fn versions_are_numbers() {
        let of = |name: &str, version: &str| {
            FoundGranule {
                name: name.into(),
                version: version.into(),
                ..FoundGranule::default()
            }
            .version_numbers()
        };
        assert_eq!(
            of("PACE_OCI.20250305T160933.L2.OC_AOP.V3_1.nc", "9"),
            [3, 1]
        );
        assert!(of("a.V3_10.nc", "") > of("a.V3_2.nc", ""));
        assert_eq!(of("MOD02QKM.hdf", "6.1"), [6, 1]);
    }
}
