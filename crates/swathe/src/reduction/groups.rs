//! Maps by periods of time.

use super::{Dimensions, Every, Reduction};
use crate::failure::{Failure, Result};
use crate::job::JobError;
use jiff::{Timestamp, civil, tz::TimeZone};
use std::collections::BTreeMap;
use swathe_io::granule::time_text;
use swathe_io::product::TimeStep;
use swathe_io::product::gridded::{Series, SeriesMap};

/// Maps that make one result.
pub(super) struct Group {
    pub label: String,
    /// Numbers of the maps in the series.
    pub maps: Vec<usize>,
    pub step: TimeStep,
}

/// The groups that are asked for, by time.
pub(super) fn groups(series: &Series, reduction: &Reduction) -> Result<Vec<Group>> {
    let mut found: BTreeMap<(i64, String), Vec<usize>> = BTreeMap::new();
    for (number, map) in series.maps().iter().enumerate() {
        let key = match reduction.every {
            Some(every) => period(every, map).ok_or_else(|| {
                let file = series
                    .files()
                    .get(map.file)
                    .map_or("", |file| file.dataset().name());
                Failure::from(JobError::granule(
                    file,
                    "it does not say its time, which --every needs",
                ))
            })?,
            None if reduction.over == Dimensions::Area => {
                let text = match map.time.is_finite() {
                    true => time_text((map.time * 1e3) as i64),
                    false => series
                        .files()
                        .get(map.file)
                        .map_or("", |f| f.dataset().name())
                        .to_owned(),
                };
                (number as i64, text)
            }
            None => (0, "all".to_owned()),
        };
        found.entry(key).or_default().push(number);
    }
    let group = |((_, label), maps): ((i64, String), Vec<usize>)| {
        let members = || maps.iter().filter_map(|&map| series.maps().get(map));
        let start = members().map(|m| m.covered.0).fold(f64::NAN, f64::min);
        let end = members().map(|m| m.covered.1).fold(f64::NAN, f64::max);
        let times: Vec<f64> = members()
            .map(|m| m.time)
            .filter(|t| t.is_finite())
            .collect();
        let middle = match (start.is_finite() && end.is_finite(), times.first()) {
            (true, _) => 0.5 * (start + end),
            (false, Some(time)) => *time,
            (false, None) => f64::NAN,
        };
        let step = TimeStep {
            time: middle,
            start,
            end,
            granule: None,
        };
        Group { label, maps, step }
    };
    Ok(found.into_iter().map(group).collect())
}

/// The period of a map: a number that orders it, and its name.
fn period(every: Every, map: &SeriesMap) -> Option<(i64, String)> {
    if every == Every::All {
        return Some((0, "all".into()));
    }
    let moment =
        Timestamp::from_millisecond((map.time.is_finite().then_some(map.time)? * 1e3) as i64)
            .ok()?;
    let date: civil::Date = TimeZone::UTC.to_datetime(moment).date();
    let (year, month) = (i64::from(date.year()), i64::from(date.month()));
    Some(match every {
        Every::All => (0, "all".into()),
        Every::Day => (
            (year * 12 + month) * 31 + i64::from(date.day()),
            date.to_string(),
        ),
        Every::Month => (year * 12 + month, format!("{year:04}-{month:02}")),
        Every::Season => {
            let (year, season) = (year + month / 12, month % 12 / 3);
            let name = ["DJF", "MAM", "JJA", "SON"].get(usize::try_from(season).ok()?)?;
            (year * 4 + season, format!("{year:04}-{name}"))
        }
        Every::Year => (year, format!("{year:04}")),
        Every::MonthOfYear => (month, format!("{month:02}")),
    })
}
