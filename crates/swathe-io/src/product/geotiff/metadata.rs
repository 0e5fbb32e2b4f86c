//! GDAL's metadata tag: names, units and attributes of bands and of the file.

use super::super::layout::{attributes_of, global_attributes, iso_time};
use super::super::{Product, TimeStep};
use super::bands::Band;
use crate::dataset::AttributeValue;

/// The XML that GDAL keeps in tag 42112.
pub(super) fn xml(product: &Product, bands: &[Band<'_>]) -> String {
    let mut xml = String::from("<GDALMetadata>\n");
    for (name, value) in global_attributes(product) {
        item(&mut xml, &name, "", &text(&value));
    }
    for (i, band) in bands.iter().enumerate() {
        let step = band.step.and_then(|step| product.steps().get(step));
        let role = |role: &str| format!(" sample=\"{i}\" role=\"{role}\"");
        let sample = format!(" sample=\"{i}\"");
        let name = match step {
            Some(step) => format!("{} {}", band.layer.name, label(step)),
            None => band.layer.name.clone(),
        };
        item(&mut xml, "DESCRIPTION", &role("description"), &name);
        item(
            &mut xml,
            "statistic",
            &sample,
            &band.layer.statistic.measure(),
        );
        for (name, value) in &attributes_of(band.layer) {
            match name.as_str() {
                "units" => item(&mut xml, "UNITTYPE", &role("unittype"), &text(value)),
                _ => item(&mut xml, name, &sample, &text(value)),
            }
        }
    }
    xml + "</GDALMetadata>"
}

/// What tells a step from the others.
fn label(step: &TimeStep) -> String {
    let time = || iso_time(step.time).unwrap_or_else(|| "unknown time".into());
    step.granule.clone().unwrap_or_else(time)
}

fn item(xml: &mut String, name: &str, attributes: &str, value: &str) {
    let (name, value) = (escape(name), escape(value));
    xml.push_str(&format!(
        "  <Item name=\"{name}\"{attributes}>{value}</Item>\n"
    ));
}

/// For element and attribute content. Control characters have no place in XML 1.0.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' => escaped.push(c),
            c if c.is_control() => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}

fn text(value: &AttributeValue) -> String {
    fn list<T: ToString>(values: &[T]) -> String {
        let texts: Vec<String> = values.iter().map(T::to_string).collect();
        texts.join(",")
    }
    match value {
        AttributeValue::Text(v) => v.clone(),
        AttributeValue::Texts(v) => v.join(","),
        AttributeValue::I8(v) => list(v),
        AttributeValue::U8(v) => list(v),
        AttributeValue::I16(v) => list(v),
        AttributeValue::U16(v) => list(v),
        AttributeValue::I32(v) => list(v),
        AttributeValue::U32(v) => list(v),
        AttributeValue::I64(v) => list(v),
        AttributeValue::U64(v) => list(v),
        AttributeValue::F32(v) => list(v),
        AttributeValue::F64(v) => list(v),
    }
}
