//! Records of the catalogue: as PACE's are, made from what granules say of themselves.

use serde_json::{Value, json};
use std::path::Path;
use swathe_core::source::SwathSource as _;
use swathe_io::granule::{Granule, time_text};

/// A record of a granule: `{"meta": .., "umm": ..}`.
#[derive(Debug, Clone)]
pub struct Record(pub Value);

impl Record {
    /// The record with `{archive}` in its links replaced.
    pub(crate) fn linked(self, base: &str) -> Record {
        let text = self
            .0
            .to_string()
            .replace("{archive}", &format!("{base}/archive"));
        let text = text.replace("{services}", base);
        Record(serde_json::from_str(&text).unwrap_or(self.0))
    }

    pub(crate) fn text(&self, pointer: &str) -> &str {
        self.0
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    pub(crate) fn number(&self, pointer: &str) -> Option<f64> {
        self.0.pointer(pointer).and_then(Value::as_f64)
    }

    /// Rings of longitude and latitude.
    pub(crate) fn polygons(&self) -> Vec<Vec<(f64, f64)>> {
        let at = "/umm/SpatialExtent/HorizontalSpatialDomain/Geometry/GPolygons";
        let polygons = self.0.pointer(at).and_then(Value::as_array);
        let ring = |polygon: &Value| {
            let points = polygon
                .pointer("/Boundary/Points")
                .and_then(Value::as_array);
            let degrees = |p: &Value, name: &str| p.get(name).and_then(Value::as_f64);
            let point = |p: &Value| Some((degrees(p, "Longitude")?, degrees(p, "Latitude")?));
            points.into_iter().flatten().filter_map(point).collect()
        };
        polygons.into_iter().flatten().map(ring).collect()
    }
}

/// Records of the netCDF files in a folder, by name.
///
/// # Errors
/// A file that is no granule.
pub fn records_of_folder(folder: &Path) -> Result<Vec<Record>, String> {
    let files = std::fs::read_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let mut paths: Vec<_> = files.flatten().map(|file| file.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|suffix| suffix == "nc"));
    paths.sort();
    let records = paths.iter().enumerate();
    records
        .map(|(number, path)| record_of(path, number))
        .collect()
}

fn record_of(path: &Path, number: usize) -> Result<Record, String> {
    use md5::{Digest as _, Md5};
    let granule = Granule::open(path).map_err(|e| e.to_string())?;
    let name = granule.dataset().name().to_owned();
    let failed = |e: &dyn std::fmt::Display| format!("{name}: {e}");
    let (lines, pixels) = granule.shape();
    let ring = |line: usize| {
        let row = granule
            .geolocation(line..line + 1)
            .map_err(|e| failed(&e))?;
        let at = |pixel: usize| (row.longitude.get(pixel), row.latitude.get(pixel));
        Ok::<_, String>((at(0), at(pixels - 1)))
    };
    let ((a, b), (d, c)) = (ring(0)?, ring(lines - 1)?);
    // Round the granule against the clock, as the catalogue wants it, and closed.
    let mut corners = vec![a, b, c, d];
    let turn = |p: (f64, f64), q: (f64, f64)| (q.0 - p.0 + 540.0).rem_euclid(360.0) - 180.0;
    let along = (c.0 - b.0 + 540.0).rem_euclid(360.0) - 180.0;
    if turn(a, b) * (c.1 - b.1) - (b.1 - a.1) * along < 0.0 {
        corners.reverse();
    }
    corners.push(corners[0]);
    let points: Vec<Value> = corners
        .iter()
        .map(|(lon, lat)| json!({ "Longitude": lon, "Latitude": lat }))
        .collect();
    let bytes = std::fs::read(path).map_err(|e| failed(&e))?;
    let checksum = Md5::digest(&bytes);
    let checksum: String = checksum.iter().map(|byte| format!("{byte:02x}")).collect();
    let time = granule.time();
    let text = |ms: Option<i64>| time_text(ms.unwrap_or_default() / 1000 * 1000);
    let parts: Vec<&str> = name.split('.').collect();
    let suite = parts.get(3).copied().unwrap_or_default();
    let nrt = if name.contains(".NRT.") { "_NRT" } else { "" };
    let short_name = format!("PACE_OCI_L2_{}{nrt}", suite.trim_start_matches("OC_"));
    let version = parts.get(4).copied().unwrap_or_default();
    let version = version.trim_start_matches('V').replace('_', ".");
    Ok(Record(json!({
        "meta": {
            "concept-type": "granule",
            "concept-id": format!("G{}-OB_CLOUD", 3_000_000_000_u64 + number as u64),
            "revision-id": 1,
            "native-id": format!("{short_name}_{name}_{version}"),
            "collection-concept-id": "C3000000000-OB_CLOUD",
            "provider-id": "OB_CLOUD",
            "format": "application/vnd.nasa.cmr.umm+json",
            "revision-date": "2024-09-20T17:09:38.382Z",
        },
        "umm": {
            "TemporalExtent": { "RangeDateTime": {
                "BeginningDateTime": text(time.start), "EndingDateTime": text(time.end) } },
            "GranuleUR": format!("{short_name}_{name}_{version}"),
            "SpatialExtent": { "HorizontalSpatialDomain": { "Geometry": {
                "GPolygons": [ { "Boundary": { "Points": points } } ] } } },
            "CollectionReference": { "ShortName": short_name, "Version": version },
            "RelatedUrls": [
                { "URL": format!("{{archive}}/{name}"), "Type": "GET DATA" },
                { "URL": format!("s3://ob-cumulus-prod-public/{name}"), "Type": "GET DATA VIA DIRECT ACCESS" },
                { "URL": "{services}/s3credentials", "Type": "VIEW RELATED INFORMATION" },
            ],
            "CloudCover": (number * 37 % 101) as f64,
            "DataGranule": {
                "DayNightFlag": "Day",
                "Identifiers": [ { "Identifier": name, "IdentifierType": "ProducerGranuleId" } ],
                "ArchiveAndDistributionInformation": [ {
                    "Name": name, "SizeInBytes": bytes.len(),
                    "Size": bytes.len() as f64 / 1_048_576.0, "SizeUnit": "MB",
                    "Checksum": { "Value": checksum, "Algorithm": "MD5" },
                } ],
                "ProductionDateTime": "2024-09-20T05:56:27.643Z",
            },
        },
    })))
}
