//! Attributes of a cube and of new layers together.

use sha2::{Digest as _, Sha256};

use crate::dataset::{AttributeValue, Attributes};
use crate::product::statistic;
use crate::zarr::ArrayDescription;

/// The variable with the flags' names.
pub(super) const FLAG: &str = "flag";
/// Attributes of a flag's shares that follow from those of both parts.
pub(super) const FLAG_PIXELS: &str = "flag_pixels";
pub(super) const VALID_PIXELS: &str = "valid_pixels";
pub(super) const MASKED_SHARE: &str = "masked_share";
pub(super) const SUMMED: [&str; 3] = [FLAG_PIXELS, VALID_PIXELS, MASKED_SHARE];

pub(super) fn find<'a>(attributes: &'a Attributes, name: &str) -> Option<&'a AttributeValue> {
    statistic::find(attributes, name)
}

/// All numbers of an attribute.
fn all_numbers(attributes: &Attributes, name: &str) -> Vec<f64> {
    let found = find(attributes, name).and_then(crate::granule::attributes::numbers);
    found
        .unwrap_or_default()
        .into_iter()
        .map(|n| n.as_f64())
        .collect()
}

pub(super) fn one_number(attributes: &Attributes, name: &str) -> Option<f64> {
    all_numbers(attributes, name).first().copied()
}

/// What the flags took: pixels of both parts. `flags` says where the new part has the flags of the old.
pub(super) fn add_flags(old: &mut Attributes, new: &Attributes, flags: &[usize]) {
    if find(new, FLAG_PIXELS).is_none() {
        return;
    }
    let of = |attributes: &Attributes| {
        let valid = one_number(attributes, VALID_PIXELS).unwrap_or(0.0);
        // Nothing is masked of nothing.
        let share = one_number(attributes, MASKED_SHARE).filter(|share| share.is_finite());
        let removed = share.map_or(0.0, |share| (share * valid).round());
        (valid, removed, all_numbers(attributes, FLAG_PIXELS))
    };
    let ((a, removed_a, flags_a), (b, removed_b, flags_b)) = (of(old), of(new));
    let both = |(a, b): (f64, f64)| if a < 0.0 || b < 0.0 { a.max(b) } else { a + b };
    let flags_b = flags
        .iter()
        .map(|&i| flags_b.get(i).copied().unwrap_or(-1.0));
    let flags = flags_a.iter().copied().zip(flags_b).map(both).collect();
    for (name, values) in [
        (VALID_PIXELS, vec![a + b]),
        (FLAG_PIXELS, flags),
        (MASKED_SHARE, vec![(removed_a + removed_b) / (a + b)]),
    ] {
        if let Some((_, value)) = old.iter_mut().find(|(n, _)| n == name) {
            *value = AttributeValue::F64(values);
        }
    }
}

/// Shares of the flags by their pixels.
pub(super) fn merged_shares(array: &ArrayDescription) -> Option<Vec<f64>> {
    find(&array.attributes, FLAG_PIXELS)?;
    let valid = one_number(&array.attributes, VALID_PIXELS)?;
    let share = |pixels: f64| {
        if pixels < 0.0 || valid == 0.0 {
            f64::NAN
        } else {
            pixels / valid
        }
    };
    Some(
        all_numbers(&array.attributes, FLAG_PIXELS)
            .into_iter()
            .map(share)
            .collect(),
    )
}

/// Global attributes of both parts: those that follow from the layers are worked out anew, all others must
/// be equal.
pub(super) fn merge_attributes(
    old: &Attributes,
    new: &Attributes,
) -> std::result::Result<Attributes, String> {
    let mut merged = old.clone();
    let bins = |attributes| one_number(attributes, "data_bins").unwrap_or(0.0);
    let (bins_a, bins_b) = (bins(old), bins(new));
    for (name, theirs) in new {
        let Some((_, value)) = merged.iter_mut().find(|(n, _)| n == name) else {
            return Err(format!(
                "{name} is missing in it, and {} in the new layers",
                text(theirs)
            ));
        };
        let pick = |smaller: bool| match (text(value), text(theirs)) {
            (a, b) if (a < b) == smaller => a,
            (_, b) => b,
        };
        let extreme = |choose: fn(f64, f64) -> f64| {
            let (a, b) = (one_number(old, name), one_number(new, name));
            match (a, b) {
                (Some(a), Some(b)) if bins_a > 0.0 && bins_b > 0.0 => choose(a, b),
                (_, Some(b)) if bins_b > 0.0 => b,
                (a, b) => a.or(b).unwrap_or(f64::NAN),
            }
        };
        *value = match name.as_str() {
            "digest" => AttributeValue::Text(digest(&text(value), &text(theirs))),
            "software" => AttributeValue::Text(union(&text(value), &text(theirs))),
            "date_created" | "time_coverage_end" => AttributeValue::Text(pick(false)),
            "time_coverage_start" => AttributeValue::Text(pick(true)),
            "data_bins" => {
                AttributeValue::I32(vec![(bins_a + bins_b).min(f64::from(i32::MAX)) as i32])
            }
            "data_minimum" => AttributeValue::F64(vec![extreme(f64::min)]),
            "data_maximum" => AttributeValue::F64(vec![extreme(f64::max)]),
            // The same flags: their variable has been compared.
            "l2_flag_names" => continue,
            _ if value == theirs => continue,
            _ => return Err(differs(name, Some(value), theirs)),
        };
    }
    match old.iter().find(|(name, _)| find(new, name).is_none()) {
        Some((name, value)) => Err(format!(
            "{name} is {} in it, and missing in the new layers",
            text(value)
        )),
        None => Ok(merged),
    }
}

/// A digest of what both parts were made of.
fn digest(old: &str, new: &str) -> String {
    let bytes = Sha256::digest(format!("{old}\n{new}"));
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Versions of the program that took part: `swathe 0.1.0, 0.2.0`.
fn union(old: &str, new: &str) -> String {
    let versions = |text: &str| -> Vec<String> {
        let text = text.strip_prefix("swathe ").unwrap_or(text);
        text.split(", ").map(str::to_owned).collect()
    };
    let mut all = versions(old);
    all.extend(versions(new));
    all.sort();
    all.dedup();
    format!("swathe {}", all.join(", "))
}

pub(super) fn text(value: &AttributeValue) -> String {
    match value {
        AttributeValue::Text(text) => text.clone(),
        other => format!("{other:?}"),
    }
}

pub(super) fn differs(what: &str, old: Option<&AttributeValue>, new: &AttributeValue) -> String {
    let old = old.map_or("missing".to_owned(), |old| format!("{:?}", text(old)));
    format!(
        "{what} differs: {old} in it, {:?} in the new layers",
        text(new)
    )
}
