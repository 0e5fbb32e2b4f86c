//! Attributes of the file: ACDD-1.3, and those of NASA's Level-3 mapped products.

use swathe_core::crs::Crs;

use super::super::extent::GeographicExtent;
use super::super::level3::{is_global, level3_mapped};
use super::super::statistic::find;
use super::super::{FILL, Product, ValidRange, grid_mapping};
use crate::dataset::{AttributeValue, Attributes};

/// Seconds since 1970 as ISO 8601 with milliseconds, as in the granules' own attributes.
pub(crate) fn iso_time(seconds: f64) -> Option<String> {
    let milliseconds = (seconds * 1e3).round();
    if milliseconds.is_nan() || milliseconds.abs() > 1e15 {
        return None;
    }
    let time = jiff::Timestamp::from_millisecond(milliseconds as i64).ok()?;
    Some(time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string())
}

/// Attributes of the file.
pub(in super::super) fn global_attributes(product: &Product) -> Attributes {
    let mut all = GlobalAttributes(product.attributes.clone());
    let provenance = &product.provenance;
    let main = product.layers.first();
    let long_name = main.map_or("", |layer| match find(&layer.attributes, "long_name") {
        Some(AttributeValue::Text(text)) => text,
        _ => &layer.name,
    });

    if is_global(product) {
        level3_mapped(&mut all, product);
    }
    all.default_text("title", format!("Level-3 map: {long_name}"));
    all.text("Conventions", "CF-1.8 ACDD-1.3".into());
    all.default_text("processing_level", "L3 Mapped".into());
    all.text("cdm_data_type", "grid".into());
    all.text("history", provenance.options.clone());
    all.text("software", format!("swathe {}", provenance.version));
    all.text("digest", provenance.digest.clone());
    if let Some(text) = provenance.newest_input.and_then(iso_time) {
        all.text("date_created", text);
    }
    if let Some((start, end)) = product.time_coverage() {
        for (name, seconds) in [("time_coverage_start", start), ("time_coverage_end", end)] {
            if let Some(text) = iso_time(seconds) {
                all.text(name, text);
            }
        }
    }
    if let Some(names) = product.flags.first().map(|report| {
        let names: Vec<&str> = report.by_flag.iter().map(|(n, _)| n.as_str()).collect();
        names.join(",")
    }) {
        all.text("l2_flag_names", names);
    }
    geospatial(&mut all, product);
    if let Some(layer) = main {
        all.text("measure", layer.statistic.measure());
        for (name, value) in range_attributes(layer.data.valid_range()) {
            all.set(&name, value);
        }
    }
    all.0
}

/// Attributes of the file that follow from the values of the main layer. Their size does not depend on the
/// values, so they can be set when those have been written.
pub(in super::super) fn range_attributes(range: Option<ValidRange>) -> Attributes {
    let none = f64::from(FILL);
    let (count, smallest, largest) =
        range.map_or((0, none, none), |r| (r.count, r.smallest, r.largest));
    let count = count.min(i32::MAX as usize) as i32;
    vec![
        ("data_bins".into(), AttributeValue::I32(vec![count])),
        (
            "data_minimum".into(),
            AttributeValue::F32(vec![smallest as f32]),
        ),
        (
            "data_maximum".into(),
            AttributeValue::F32(vec![largest as f32]),
        ),
    ]
}

fn geospatial(all: &mut GlobalAttributes, product: &Product) {
    if let Some(extent) = GeographicExtent::of(&product.geobox) {
        for (name, value) in [
            ("geospatial_lat_min", extent.south),
            ("geospatial_lat_max", extent.north),
            ("geospatial_lon_min", extent.west),
            ("geospatial_lon_max", extent.east),
        ] {
            all.set(name, AttributeValue::F64(vec![value]));
        }
        all.text("geospatial_lat_units", "degrees_north".into());
        all.text("geospatial_lon_units", "degrees_east".into());
        all.text("geospatial_bounds", extent.polygon());
        all.text("geospatial_bounds_crs", "OGC:CRS84".into());
    }
    let resolution = |step: f64, crs: &Crs| {
        if crs.is_lonlat() {
            format!("{} degrees", round_to(step.abs(), 1e-9))
        } else {
            format!("{} {}", step.abs(), grid_mapping::coordinate_units(crs))
        }
    };
    let geobox = &product.geobox;
    let (y, x) = (
        resolution(geobox.y.step(), &geobox.crs),
        resolution(geobox.x.step(), &geobox.crs),
    );
    if geobox.crs.is_lonlat() {
        all.text("geospatial_lat_resolution", y);
        all.text("geospatial_lon_resolution", x);
    } else {
        all.text("geospatial_y_resolution", y);
        all.text("geospatial_x_resolution", x);
    }
}

/// Rounds to a multiple of a decimal unit, so that text shows 0.1 and not 0.09999999999999999.
pub(in super::super) fn round_to(value: f64, unit: f64) -> f64 {
    let per_unit = (1.0 / unit).round();
    (value * per_unit).round() / per_unit
}

/// Global attributes, each name once.
pub(in super::super) struct GlobalAttributes(Attributes);

impl GlobalAttributes {
    /// Sets an attribute, in place of one of this name.
    pub(in super::super) fn set(&mut self, name: &str, value: AttributeValue) {
        match self.0.iter_mut().find(|(n, _)| n == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name.into(), value)),
        }
    }

    /// Sets an attribute that is text.
    pub(in super::super) fn text(&mut self, name: &str, value: String) {
        self.set(name, AttributeValue::Text(value));
    }

    /// The text of an attribute.
    pub(in super::super) fn given(&self, name: &str) -> Option<&str> {
        match find(&self.0, name) {
            Some(AttributeValue::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// Sets an attribute that is text where there is none of this name.
    pub(in super::super) fn default_text(&mut self, name: &str, value: String) {
        if find(&self.0, name).is_none() {
            self.text(name, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_to_the_millisecond() {
        // Python: datetime.fromtimestamp(1722470400.1235, UTC)
        assert_eq!(
            iso_time(1_722_470_400.123_5).unwrap(),
            "2024-08-01T00:00:00.124Z"
        );
        assert_eq!(iso_time(-0.5).unwrap(), "1969-12-31T23:59:59.500Z");
        assert_eq!(iso_time(f64::NAN), None);
        assert_eq!(iso_time(1e300), None);
    }
}
