//! Times of observation from variables, where global attributes are silent.

use crate::dataset::{DataType, Dataset, Variable};

use super::attributes;
use super::layout::{Catalogue, base_name, group_of};
use super::read_doubles;
use super::time::{self, Milliseconds};

/// More elements than this are not a time of each line.
const MOST_TIMES: usize = 1 << 20;

/// First and last time in the file's time variables, with the path of the one that was used: times in
/// CF units, seconds of `scan_line_attributes`, or year, day and milliseconds apart.
pub(super) fn from_variables(
    dataset: &Dataset,
    catalogue: &Catalogue<'_>,
) -> Option<(Milliseconds, Milliseconds, String)> {
    let numeric = |v: &&Variable| {
        let elements = v
            .shape
            .iter()
            .try_fold(1_usize, |n, &len| n.checked_mul(len));
        !matches!(v.dtype, DataType::Text | DataType::Other(_))
            && elements.is_some_and(|n| (1..=MOST_TIMES).contains(&n))
    };
    for variable in catalogue.variables.iter().copied().filter(numeric) {
        let attributes = &variable.attributes;
        let name = base_name(&variable.path);
        let is_time = attributes::text(attributes, "standard_name") == Some("time")
            || name.eq_ignore_ascii_case("time")
            || name.eq_ignore_ascii_case("scan_time");
        if !is_time {
            continue;
        }
        let units = attributes::text(attributes, "units").and_then(time::parse_units);
        let in_scan_lines = group_of(&variable.path).ends_with("/scan_line_attributes");
        // Ocean-colour files write "seconds" and mean those since 1970.
        let Some(units) = units.or(in_scan_lines.then_some((1e3, 0))) else {
            continue;
        };
        let values = read_doubles(dataset, variable).ok()?;
        let times = values
            .into_iter()
            .filter_map(|value| time::at(value, units));
        if let Some((first, last)) = least_and_greatest(times) {
            return Some((first, last, variable.path.clone()));
        }
    }
    year_day_msec(dataset, catalogue)
}

/// `scan_line_attributes` of files without a `time` variable.
fn year_day_msec(
    dataset: &Dataset,
    catalogue: &Catalogue<'_>,
) -> Option<(Milliseconds, Milliseconds, String)> {
    let read = |name: &str| {
        let variable = catalogue.at(&format!("/scan_line_attributes/{name}"))?;
        (variable.shape.len() == 1 && variable.shape[0] <= MOST_TIMES)
            .then(|| read_doubles(dataset, variable).ok())
            .flatten()
    };
    let (years, days, msecs) = (read("year")?, read("day")?, read("msec")?);
    let times = years
        .iter()
        .zip(&days)
        .zip(&msecs)
        .filter_map(|((&year, &day), &msec)| {
            if !(1950.0..=2200.0).contains(&year)
                || !(1.0..=366.0).contains(&day)
                || !(0.0..=86_401_000.0).contains(&msec)
            {
                return None;
            }
            let start = time::parse(&format!("{year:04}-01-01T00:00:00"))?;
            Some(start + (day as i64 - 1) * 86_400_000 + msec as i64)
        });
    let (first, last) = least_and_greatest(times)?;
    Some((first, last, "/scan_line_attributes/{year,day,msec}".into()))
}

fn least_and_greatest(
    times: impl Iterator<Item = Milliseconds>,
) -> Option<(Milliseconds, Milliseconds)> {
    times.fold(None, |range: Option<(i64, i64)>, t| match range {
        None => Some((t, t)),
        Some((first, last)) => Some((first.min(t), last.max(t))),
    })
}
