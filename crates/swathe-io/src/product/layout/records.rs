//! What a product says of granules, windows and flags, as variables.

use super::super::{FlagReport, GranuleRecord};
use super::coordinates::{TIME_UNITS, stored_time};
use super::{Data, VariableLayout};
use crate::dataset::{AttributeValue, Attributes};

pub(super) fn texts(
    name: &str,
    dimension: &str,
    values: impl Iterator<Item = String>,
    long_name: &str,
) -> VariableLayout<'static> {
    VariableLayout {
        name: name.into(),
        dims: vec![dimension.into()],
        attributes: vec![("long_name".into(), AttributeValue::Text(long_name.into()))],
        data: Data::Text(values.collect()),
        fill: None,
        chunks: None,
    }
}

pub(super) fn granule_variables(
    granules: &[GranuleRecord],
    dimension: &str,
) -> [VariableLayout<'static>; 5] {
    let times = |name: &str, of: fn(&GranuleRecord) -> f64, long_name: &str| VariableLayout {
        name: name.into(),
        dims: vec![dimension.into()],
        attributes: [
            ("long_name", long_name),
            ("units", TIME_UNITS),
            ("calendar", "standard"),
        ]
        .map(|(n, v)| (n.to_owned(), AttributeValue::Text(v.into())))
        .to_vec(),
        data: Data::F64(granules.iter().map(|g| stored_time(of(g))).collect()),
        fill: None,
        chunks: None,
    };
    let strings = |name: &str, of: fn(&GranuleRecord) -> String, long_name: &str| {
        texts(name, dimension, granules.iter().map(of), long_name)
    };
    [
        strings("granule_name", |g| g.name.clone(), "granule"),
        times(
            "granule_start",
            |g| g.start,
            "time of the granule's first line",
        ),
        times("granule_end", |g| g.end, "time of the granule's last line"),
        strings(
            "granule_status",
            |g| g.status.as_str().into(),
            "used, empty (nothing valid on the grid) or skipped",
        ),
        strings(
            "granule_reason",
            |g| g.reason.clone(),
            "why the granule was not used",
        ),
    ]
}

/// The dimension of the granules of windows, one window after the other.
pub(super) const WINDOW_MEMBER: &str = "window_member";

/// Which granules windows are made of, as a contiguous ragged array (CF section 9.3.3): how many each has, and their
/// numbers, one window after the other.
pub(super) fn window_variables(windows: &[Vec<u32>]) -> [VariableLayout<'static>; 2] {
    let text = |name: &str, value: &str| (name.to_owned(), AttributeValue::Text(value.into()));
    let variable =
        |name: &str, dimension: &str, attributes: Attributes, data: Vec<i32>| VariableLayout {
            name: name.into(),
            dims: vec![dimension.into()],
            attributes,
            data: Data::I32(data.into()),
            fill: None,
            chunks: None,
        };
    [
        variable(
            "window_granules",
            "time",
            vec![
                text(
                    "long_name",
                    "number of granules that gave values to the window",
                ),
                text("sample_dimension", WINDOW_MEMBER),
            ],
            windows
                .iter()
                .map(|granules| granules.len() as i32)
                .collect(),
        ),
        variable(
            "window_granule",
            WINDOW_MEMBER,
            vec![text(
                "long_name",
                "granules of the windows, one window after the other: places in granule_name, from 0",
            )],
            windows
                .iter()
                .flatten()
                .map(|granule| *granule as i32)
                .collect(),
        ),
    ]
}

/// `flag(flag)` names every flag that some variable was masked by; `<variable>_flag_share(flag)` is
/// the share of the variable's valid pixels that carry it, NaN where it was not asked for.
pub(super) fn flag_variables(
    reports: &[FlagReport],
) -> ((String, usize), Vec<VariableLayout<'static>>) {
    let mut names: Vec<&str> = Vec::new();
    for (name, _) in reports.iter().flat_map(|r| &r.by_flag) {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    let mut variables = vec![texts(
        "flag",
        "flag",
        names.iter().map(|n| (*n).to_owned()),
        "quality flag that pixels were masked by",
    )];
    for report in reports {
        let share = |pixels: u64| {
            if report.pixels == 0 {
                f64::NAN
            } else {
                pixels as f64 / report.pixels as f64
            }
        };
        let carrying = names.iter().map(|name| {
            let found = report.by_flag.iter().find(|(n, _)| n == name);
            found.map(|(_, pixels)| *pixels)
        });
        let shares = carrying
            .clone()
            .map(|pixels| pixels.map_or(f64::NAN, share));
        let long_name = format!(
            "share of the valid pixels of {} in the area that carry the flag",
            report.variable
        );
        variables.push(VariableLayout {
            name: format!("{}_flag_share", report.variable),
            dims: vec!["flag".into()],
            attributes: vec![
                ("long_name".into(), AttributeValue::Text(long_name)),
                ("units".into(), AttributeValue::Text("1".into())),
                (
                    "valid_pixels".into(),
                    AttributeValue::F64(vec![report.pixels as f64]),
                ),
                // -1 where it was not asked for. Shares of several products follow from these.
                (
                    "flag_pixels".into(),
                    AttributeValue::F64(carrying.map(|p| p.map_or(-1.0, |p| p as f64)).collect()),
                ),
                (
                    "masked_share".into(),
                    AttributeValue::F64(vec![share(report.removed)]),
                ),
            ],
            data: Data::F64(shares.collect()),
            fill: None,
            chunks: None,
        });
    }
    (("flag".into(), names.len()), variables)
}
