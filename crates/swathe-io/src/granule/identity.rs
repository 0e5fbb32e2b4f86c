//! What a granule is: product, instrument, platform, suite, version; as its attributes say, and where
//! they are silent as its file name says.

use serde::Serialize;

use crate::dataset::{Attributes, Group};

use super::attributes;

/// Who made a granule and of what kind it is. Absent facts are `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, serde::Deserialize)]
pub struct Identity {
    /// Name of the product file as its maker called it (`product_name`), which survives renaming.
    pub product_name: Option<String>,
    /// `OCI`, `MODIS`, ...
    pub instrument: Option<String>,
    /// `PACE`, `Aqua`, ...
    pub platform: Option<String>,
    /// Product suite: `OC_BGC`, `OC_AOP`, ...
    pub suite: Option<String>,
    /// Processing version as text: `3.1`.
    pub processing_version: Option<String>,
    /// Whether it is a near-real-time product.
    pub near_real_time: bool,
    /// Orbit number.
    pub orbit: Option<String>,
    /// `Day`, `Night`, ...
    pub day_night: Option<String>,
    /// Title.
    pub title: Option<String>,
}

impl Identity {
    pub(super) fn new(root: &Group, file_name: &str) -> Identity {
        let global = &root.attributes;
        let header = header_record(global);
        let text = |names: &[&str]| {
            attributes::first_text(global, names).or_else(|| attributes::first_text(&header, names))
        };
        let product_name = text(&[
            "product_name",
            "granule_name",
            "local_granule_id",
            "LocalGranuleID",
            "FileName",
        ]);
        let suite = product_name
            .iter()
            .map(String::as_str)
            .chain([file_name])
            .find_map(suite_of_name)
            .or_else(|| suite_parameter(root))
            .or_else(|| text(&["collection_shortname", "DOIshortName"]));
        Identity {
            near_real_time: product_name
                .iter()
                .map(String::as_str)
                .chain([file_name])
                .any(is_near_real_time)
                || text(&["collection_shortname"]).is_some_and(|name| name.ends_with("_NRT")),
            instrument: text(&[
                "instrument",
                "sensor",
                "instrument_name",
                "InstrumentName",
                "sensor_name",
            ]),
            platform: text(&["platform", "satellite", "SatelliteName", "platform_name"]),
            processing_version: text(&["processing_version", "product_version", "ProductVersion"]),
            orbit: text(&["orbit_number", "orbit", "start_orbit_number", "OrbitNumber"]),
            day_night: text(&["day_night_flag", "DayNightFlag"]),
            title: text(&["title"]),
            suite,
            product_name,
        }
    }
}

/// GPM keeps `key=value;` lines in one attribute.
pub(super) fn header_record(attributes: &Attributes) -> Attributes {
    let Some(text) = attributes::text(attributes, "FileHeader") else {
        return Attributes::new();
    };
    text.split(';')
        .take(256)
        .filter_map(|entry| entry.trim().split_once('='))
        .filter(|(_, value)| !value.trim().is_empty())
        .map(|(key, value)| {
            let value = crate::dataset::AttributeValue::Text(value.trim().to_owned());
            (key.trim().to_owned(), value)
        })
        .collect()
}

/// `OC_BGC` of `PACE_OCI.20240801T162013.L2.OC_BGC.V3_2.nc`, or of `....L2_LAC_OC.nc`.
fn suite_of_name(name: &str) -> Option<String> {
    let mut parts = name
        .split('.')
        .skip_while(|part| !(*part == "L2" || part.starts_with("L2_")));
    let level = parts.next()?;
    let suite = if level == "L2" {
        parts.next()?
    } else {
        level.rsplit('_').next()?
    };
    let plain = suite
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b == b'_');
    (plain && !suite.is_empty() && suite != "nc" && suite != "NRT").then(|| suite.to_owned())
}

/// The suite that l2gen ran for: `AOP` in its parameters makes `OC_AOP`.
fn suite_parameter(root: &Group) -> Option<String> {
    let control = root
        .groups
        .iter()
        .find(|g| g.path == "/processing_control")?;
    let parameters = control
        .groups
        .iter()
        .find(|g| g.path == "/processing_control/input_parameters")?;
    let suite = attributes::text(&parameters.attributes, "suite")?;
    Some(match suite {
        "AOP" | "BGC" | "IOP" => format!("OC_{suite}"),
        other => other.to_owned(),
    })
}

fn is_near_real_time(name: &str) -> bool {
    name.split(['.', '_'])
        .any(|part| part.eq_ignore_ascii_case("NRT"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::AttributeValue;

    fn root(pairs: &[(&str, &str)]) -> Group {
        Group {
            path: "/".into(),
            dimensions: vec![],
            variables: vec![],
            groups: vec![],
            attributes: pairs
                .iter()
                .map(|(name, text)| ((*name).to_owned(), AttributeValue::Text((*text).to_owned())))
                .collect(),
        }
    }

    #[test]
    fn the_product_name_decides_before_the_file_name() {
        let root = root(&[(
            "product_name",
            "PACE_OCI.20240801T162013.L2.OC_BGC.V3_2.NRT.nc",
        )]);
        let identity = Identity::new(&root, "renamed.L2.OC_AOP.V3_1.nc");
        assert_eq!(identity.suite.as_deref(), Some("OC_BGC"));
        assert!(identity.near_real_time);
        let identity = Identity::new(
            &super::tests::root(&[]),
            "AQUA_MODIS.20220101T000001.L2.OC.nc",
        );
        assert_eq!(identity.suite.as_deref(), Some("OC"));
        assert!(!identity.near_real_time);
        assert_eq!(
            suite_of_name("A2002365234500.L2_LAC_OC.nc").as_deref(),
            Some("OC")
        );
        assert_eq!(suite_of_name("plain.nc"), None);
    }

    #[test]
    fn gpm_header_lines_are_attributes() {
        let root = root(&[(
            "FileHeader",
            "InstrumentName=DPR;\nSatelliteName=GPM;\nEmpty=;\nStartGranuleDateTime=2014-12-06T09:50:02.500Z;\n",
        )]);
        let identity = Identity::new(&root, "x.HDF5");
        assert_eq!(identity.instrument.as_deref(), Some("DPR"));
        assert_eq!(identity.platform.as_deref(), Some("GPM"));
        assert_eq!(header_record(&root.attributes).len(), 3);
    }
}
