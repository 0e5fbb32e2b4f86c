//! What is written around a map, and how it is coloured, from a variable's attributes.

use super::{Classes, Limits, MapPicture, Steps, classes};
use crate::dataset::Attributes;
use crate::granule::attributes::{find, numbers, text};
use crate::granule::{FlagKind, Milliseconds, time, time_text};
use crate::product::{GranuleStatus, Layer, LayerData, Product};
use swathe_core::geobox::GeoBox;

impl<'a> MapPicture<'a> {
    /// The picture of a variable as its attributes ask for it: title from `long_name`; logarithmic
    /// where `display_scale` is "log" and for chlorophyll; ends of the colour bar from `display_min`
    /// and `display_max`, else from the values.
    pub fn of_variable(
        geobox: &'a GeoBox,
        values: &'a [f32],
        name: &str,
        attributes: &Attributes,
    ) -> Self {
        let long_name = text(attributes, "long_name").unwrap_or(name);
        let standard_name = text(attributes, "standard_name");
        let logarithmic = match text(attributes, "display_scale") {
            Some(scale) => scale.eq_ignore_ascii_case("log"),
            // Counts and shares of chlorophyll are none.
            None if text(attributes, "units") == Some("1") => false,
            None => {
                name.to_lowercase().starts_with("chl")
                    || name == "conc_chl"
                    || standard_name.is_some_and(|s| s.contains("concentration_of_chlorophyll"))
            }
        };
        MapPicture {
            geobox,
            values,
            name: name.to_owned(),
            standard_name: standard_name.map(str::to_owned),
            title: capitalised(long_name),
            subtitles: Vec::new(),
            label: name.to_owned(),
            units: text(attributes, "units").unwrap_or_default().to_owned(),
            steps: if logarithmic {
                Steps::Log
            } else {
                Steps::Linear
            },
            limits: match display_limits(attributes) {
                Some((low, high)) => Limits::Given(low, high),
                None => Limits::Auto,
            },
            palette: None,
            classes: None,
            area: None,
            width: Self::USUAL_WIDTH,
        }
    }

    /// The picture of one map of a product's layer, whose values are [`layer_values`]. Below the title
    /// stand the time covered and the number of granules used.
    pub fn of_layer(product: &'a Product, layer: &Layer, step: usize, values: &'a [f32]) -> Self {
        let mut picture =
            MapPicture::of_variable(&product.geobox, values, &layer.name, &layer.attributes);
        let milliseconds = |seconds: f64| seconds.is_finite().then_some((seconds * 1e3) as i64);
        let covered = match product.steps().get(step) {
            Some(one) if layer.timed => Some((one.start, one.end)),
            _ => product.time_coverage(),
        };
        if let Some((start, end)) = covered {
            let line = time_line(milliseconds(start), milliseconds(end));
            picture.subtitles.extend(line);
        }
        let used = product.granules.iter();
        match used.filter(|g| g.status == GranuleStatus::Used).count() {
            0 => {}
            1 => picture.subtitles.push("1 granule".into()),
            n => picture.subtitles.push(format!("{n} granules")),
        }
        picture
    }
}

/// The values of one map of a layer, for a picture; empty if there is no such map in memory. Of flags and classes as
/// they are drawn, with their names.
pub fn layer_values(product: &Product, layer: &Layer, step: usize) -> (Vec<f32>, Option<Classes>) {
    fn each<T, U>(values: Option<&[T]>, convert: impl Fn(&T) -> U) -> Vec<U> {
        values.unwrap_or_default().iter().map(convert).collect()
    }
    let cells = product.geobox.cells();
    let range = step * cells..(step + 1) * cells;
    if let Some(kind) = flag_kind(&layer.attributes) {
        let values = match &layer.data {
            LayerData::F32(v) => each(v.get(range), |v| f64::from(*v)),
            LayerData::F64(v) => each(v.get(range), |v| *v),
            LayerData::I32(v) => each(v.get(range), |v| f64::from(*v)),
            LayerData::I64(v) => each(v.get(range), |v| *v as f64),
            LayerData::Tiled(_) => Vec::new(),
        };
        let classes = classes(&values, Some(kind));
        return classes.map_or_else(Default::default, |(v, names)| (v, Some(names)));
    }
    let values = match &layer.data {
        LayerData::F32(v) => v.get(range).unwrap_or_default().to_vec(),
        LayerData::F64(v) => each(v.get(range), |v| *v as f32),
        LayerData::I32(v) => each(v.get(range), |v| *v as f32),
        LayerData::I64(v) => each(v.get(range), |v| *v as f32),
        LayerData::Tiled(_) => Vec::new(),
    };
    (values, None)
}

/// What the values of a variable stand for, of a file or of a product.
pub fn flag_kind(attributes: &Attributes) -> Option<FlagKind> {
    FlagKind::of(attributes).or_else(|| told_in_words(attributes))
}

/// Limits that a file's maker chose for display.
fn display_limits(attributes: &Attributes) -> Option<(f64, f64)> {
    let number = |name| Some(numbers(find(attributes, name)?)?.first()?.as_f64());
    let (low, high) = (number("display_min")?, number("display_max")?);
    (low < high && low.is_finite() && high.is_finite()).then_some((low, high))
}

/// Bits of flags as products tell them, which have no masks for floating point: `sums of bits: 1 ATMFAIL, 2 LAND`.
fn told_in_words(attributes: &Attributes) -> Option<FlagKind> {
    let told = text(attributes, "comment_on_flags")?.strip_prefix("sums of bits: ")?;
    let bits = told.split(", ").map(|bit| {
        let (mask, name) = bit.split_once(' ')?;
        Some((name.to_owned(), mask.parse().ok()?))
    });
    Some(FlagKind::Bits(bits.collect::<Option<_>>()?))
}

/// Text with its first letter large.
fn capitalised(text: &str) -> String {
    let mut characters = text.trim().chars();
    characters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(characters).collect()
    })
}

/// [`time_line`] of the time coverage in a file's global attributes.
pub fn time_covered(attributes: &Attributes) -> Option<String> {
    let (range, _) = time::coverage(attributes);
    time_line(range.start, range.end)
}

/// `2024-08-01 16:20:13 to 16:25:12 UTC`; whole days without their times.
pub fn time_line(start: Option<Milliseconds>, end: Option<Milliseconds>) -> Option<String> {
    let parts = |milliseconds| {
        let text = time_text(milliseconds);
        let (date, time) = text.split_once('T')?;
        Some((date.to_owned(), time.get(..8)?.to_owned()))
    };
    let one = |(date, time)| format!("{date} {time} UTC");
    let (start, end) = match (start.and_then(parts), end.and_then(parts)) {
        (Some(start), Some(end)) if start == end => return Some(one(start)),
        (Some(start), Some(end)) => (start, end),
        (Some(known), None) | (None, Some(known)) => return Some(one(known)),
        (None, None) => return None,
    };
    let whole_days = start.1 == "00:00:00" && end.1.starts_with("23:59");
    Some(match (whole_days, start.0 == end.0) {
        (true, true) => start.0,
        (true, false) => format!("{} to {}", start.0, end.0),
        (false, true) => format!("{} {} to {} UTC", start.0, start.1, end.1),
        (false, false) => format!("{} {} to {} {} UTC", start.0, start.1, end.0, end.1),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::AttributeValue;
    use swathe_core::crs::Crs;
    use swathe_core::geobox::Axis;

    #[test]
    fn attributes_decide() {
        let axis = |step| Axis::new(0.0, step, 0, 1);
        let geobox = GeoBox {
            crs: Crs::lonlat(),
            x: axis(1.0),
            y: axis(-1.0),
        };
        let attributes = vec![
            (
                "long_name".into(),
                AttributeValue::Text("chlorophyll Concentration".into()),
            ),
            ("units".into(), AttributeValue::Text("mg m^-3".into())),
            ("display_scale".into(), AttributeValue::Text("log".into())),
            ("display_min".into(), AttributeValue::F32(vec![0.5])),
            ("display_max".into(), AttributeValue::F64(vec![20.0])),
        ];
        let picture = MapPicture::of_variable(&geobox, &[1.0], "x", &attributes);
        assert_eq!(picture.title, "Chlorophyll Concentration");
        assert_eq!(picture.steps, Steps::Log);
        assert_eq!(picture.limits, Limits::Given(0.5, 20.0));
        let picture = MapPicture::of_variable(&geobox, &[1.0], "x", &vec![]);
        assert_eq!(
            (picture.steps, picture.limits),
            (Steps::Linear, Limits::Auto)
        );
        let picture = MapPicture::of_variable(&geobox, &[1.0], "chlor_a", &vec![]);
        assert_eq!(picture.steps, Steps::Log);
    }

    #[test]
    fn bits_are_told_in_words() {
        let told = |text: &str| {
            let value = AttributeValue::Text(text.into());
            told_in_words(&vec![("comment_on_flags".into(), value)])
        };
        let bits = vec![("ATMFAIL".to_owned(), 1), ("LAND".to_owned(), 2)];
        assert_eq!(
            told("sums of bits: 1 ATMFAIL, 2 LAND"),
            Some(FlagKind::Bits(bits))
        );
        for wrong in ["", "sums of bits: ", "sums of bits: x LAND", "1 LAND"] {
            assert_eq!(told(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_layer_of_a_product_brings_its_caption() {
        use crate::product::{GranuleRecord, Provenance, Statistic, TimeStep, Times};
        let axis = |step: f64, len| Axis::new(0.0, step, 0, len);
        let step = |day: f64| TimeStep {
            time: day * 86_400.0,
            start: day * 86_400.0,
            end: day * 86_400.0 + 86_399.0,
            granule: None,
        };
        let granule = |status| GranuleRecord {
            name: "g.nc".into(),
            start: 0.0,
            end: 1.0,
            status,
            reason: String::new(),
        };
        let data = LayerData::F64(vec![1.0, 2.0, 3.0, 4.0]);
        let product = Product {
            geobox: GeoBox {
                crs: Crs::lonlat(),
                x: axis(1.0, 2),
                y: axis(-1.0, 1),
            },
            windows: Vec::new(),
            times: Times::Series(vec![step(0.0), step(1.0)]),
            layers: vec![Statistic::Mean.layer("chlor_a", &vec![], data, true)],
            granules: vec![
                granule(GranuleStatus::Used),
                granule(GranuleStatus::Empty),
                granule(GranuleStatus::Used),
            ],
            flags: vec![],
            provenance: Provenance {
                options: String::new(),
                digest: String::new(),
                version: String::new(),
                newest_input: None,
            },
            attributes: vec![],
        };
        let layer = &product.layers[0];
        let (values, classes) = layer_values(&product, layer, 1);
        assert_eq!((values.as_slice(), classes), (&[3.0, 4.0][..], None));
        assert!(layer_values(&product, layer, 2).0.is_empty());
        let picture = MapPicture::of_layer(&product, layer, 1, &values);
        assert_eq!(picture.subtitles, ["1970-01-02", "2 granules"]);
        assert_eq!(picture.steps, Steps::Log);
        assert!(picture.png().is_ok());
    }

    #[test]
    fn times_are_short() {
        let day = 86_400_000;
        let of = |start, end| time_line(Some(start), Some(end)).unwrap();
        assert_eq!(of(0, 1000), "1970-01-01 00:00:00 to 00:00:01 UTC");
        assert_eq!(of(0, day - 1), "1970-01-01");
        assert_eq!(of(0, 7 * day - 1000), "1970-01-01 to 1970-01-07");
        assert_eq!(
            of(1000, day),
            "1970-01-01 00:00:01 to 1970-01-02 00:00:00 UTC"
        );
        assert_eq!(of(1000, 1000), "1970-01-01 00:00:01 UTC");
        assert_eq!(time_line(None, None), None);
    }
}
