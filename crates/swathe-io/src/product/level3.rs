//! What readers of NASA's Level-3 mapped files look for, in maps of the whole Earth.

use super::layout::{GlobalAttributes, round_to};
use super::statistic::find;
use super::{Layer, Product};
use crate::dataset::{AttributeValue, Attributes};

/// Whether the grid is the whole Earth in longitude and latitude, as Level-3 mapped products are.
pub(super) fn is_global(product: &Product) -> bool {
    let (west, south, east, north) = product.geobox.bounds();
    let near = |a: f64, b: f64| (a - b).abs() < 1e-9;
    product.geobox.crs.is_lonlat()
        && near(west, -180.0)
        && near(east, 180.0)
        && near(south, -90.0)
        && near(north, 90.0)
}

/// Attributes by which such readers know the file and find its grid.
pub(super) fn level3_mapped(all: &mut GlobalAttributes, product: &Product) {
    let geobox = &product.geobox;
    let (rows, columns) = geobox.shape();
    let (dy, dx) = (geobox.y.step().abs(), geobox.x.step());
    // Readers know the kind of a file by these words.
    let instrument = all.given("instrument").unwrap_or_default();
    let title = format!("{instrument} Level-3 Standard Mapped Image");
    all.default_text("title", title.trim_start().to_owned());
    // A cube of granules covers no length of time of its own, and may grow.
    let cube = product.steps().iter().any(|step| step.granule.is_some());
    if let (Some(coverage), false) = (product.time_coverage(), cube) {
        all.text("temporal_range", temporal_range(Some(coverage)));
        all.default_text("product_name", product_name(all, product, coverage));
    }
    all.text("map_projection", "Equidistant Cylindrical".into());
    all.text("latitude_units", "degrees_north".into());
    all.text("longitude_units", "degrees_east".into());
    for (name, value) in [
        ("northernmost_latitude", 90.0),
        ("southernmost_latitude", -90.0),
        ("westernmost_longitude", -180.0),
        ("easternmost_longitude", 180.0),
        ("latitude_step", dy),
        ("longitude_step", dx),
        ("sw_point_latitude", -90.0 + dy / 2.0),
        ("sw_point_longitude", -180.0 + dx / 2.0),
    ] {
        all.set(name, AttributeValue::F32(vec![value as f32]));
    }
    all.text(
        "spatialResolution",
        format!("{:.6} km", round_to(kilometres(dx), 1e-6)),
    );
    all.set(
        "number_of_lines",
        AttributeValue::I32(vec![rows.min(i32::MAX as usize) as i32]),
    );
    all.set(
        "number_of_columns",
        AttributeValue::I32(vec![columns.min(i32::MAX as usize) as i32]),
    );
}

/// Kilometres in degrees of the equator, WGS 84.
fn kilometres(degrees: f64) -> f64 {
    degrees * 6378.137 * std::f64::consts::PI / 180.0
}

/// A name in the form of NASA's, of what the file holds; that of the file itself does not change its content.
fn product_name(all: &GlobalAttributes, product: &Product, (start, end): (f64, f64)) -> String {
    let day = |seconds: f64| {
        let text = super::layout::iso_time(seconds).unwrap_or_default();
        text.chars()
            .take(10)
            .filter(|c| *c != '-')
            .collect::<String>()
    };
    // Windows end where the next begins.
    let (first, last) = (day(start), day((end - 1e-3).max(start)));
    let word = |name: &str| {
        let text = all.given(name).unwrap_or_default();
        text.replace(|c: char| !c.is_ascii_alphanumeric(), "")
    };
    let sensor = [word("platform"), word("instrument")];
    let sensor: Vec<String> = sensor.into_iter().filter(|s| !s.is_empty()).collect();
    let times = if first == last {
        first
    } else {
        format!("{first}_{last}")
    };
    let main = product.layers.first().map_or("", |layer| &layer.name);
    let km = kilometres(product.geobox.x.step()).round();
    let parts = [
        sensor.join("_"),
        times,
        "L3m".into(),
        main.into(),
        format!("{km}km"),
    ];
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join(".") + ".nc"
}

/// The length of time that a file covers, in NASA's words.
pub(crate) fn temporal_range(coverage: Option<(f64, f64)>) -> String {
    let seconds = coverage.map_or(0.0, |(start, end)| end - start);
    let days = (seconds / 86_400.0).round();
    if days == 1.0 {
        "day".to_owned()
    } else if days > 1.0 {
        format!("{days}-day")
    } else {
        format!("{}-hour", (seconds / 3600.0).ceil().max(1.0))
    }
}

/// How values are shown, where their source does not say: chlorophyll as NASA's files have it.
pub(super) fn display(attributes: &mut Attributes, layer: &Layer) {
    if !layer.statistic.keeps_range() || find(attributes, "display_scale").is_some() {
        return;
    }
    let is = |name: &str, text: &str| matches!(find(attributes, name), Some(AttributeValue::Text(t)) if t == text);
    let chlorophyll = is(
        "standard_name",
        "mass_concentration_of_chlorophyll_in_sea_water",
    ) && is("units", "mg m^-3");
    if chlorophyll {
        attributes.push(("display_scale".into(), AttributeValue::Text("log".into())));
        attributes.push(("display_min".into(), AttributeValue::F32(vec![0.01])));
        attributes.push(("display_max".into(), AttributeValue::F32(vec![20.0])));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_nasas() {
        let of = |hours: f64| temporal_range(Some((0.0, hours * 3600.0)));
        // Five minutes, and three days, of l2bin; the day from 00:31 to 01:21 of a mapped file.
        assert_eq!([of(0.08), of(72.2), of(24.8)], ["1-hour", "3-day", "day"]);
        assert_eq!(of(192.0), "8-day");
    }
}
