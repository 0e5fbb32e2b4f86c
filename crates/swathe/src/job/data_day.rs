//! Days: of universal time, and NASA's data-days, which begin and end at 180 degrees.

use super::{Candidate, JobError};
use serde::{Deserialize, Serialize};
use std::str::FromStr;
use swathe_core::sides::{Crossing, Side};
use swathe_core::source::{LineExtent, SwathSource};
use swathe_core::suggest::UnknownName;
use swathe_core::swath::located;
use swathe_io::granule::Identity;

/// What a day is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DayKind {
    /// The day in which a sun-synchronous satellite, which crosses all longitudes at the same local time, goes once
    /// around the Earth, from 180 degrees to 180 degrees: NASA's data-day. A granule that lies across gives the
    /// pixels to its west to the later of two days, those to its east to the earlier.
    DataDay,
    /// The day of universal time.
    Utc,
}

impl DayKind {
    /// Name in options.
    pub fn name(self) -> &'static str {
        match self {
            DayKind::DataDay => "data-day",
            DayKind::Utc => "utc",
        }
    }

    /// What suits an instrument: data-days for those on sun-synchronous satellites.
    pub fn for_instrument(instrument: Option<&str>) -> Self {
        const SUN_SYNCHRONOUS: [&str; 9] = [
            "OCI", "MODIS", "VIIRS", "SEAWIFS", "OLCI", "MERIS", "CZCS", "OCTS", "HAWKEYE",
        ];
        let instrument = instrument.unwrap_or_default().to_uppercase();
        match SUN_SYNCHRONOUS
            .iter()
            .any(|known| instrument.starts_with(known))
        {
            true => DayKind::DataDay,
            false => DayKind::Utc,
        }
    }
}

impl FromStr for DayKind {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        let all = [DayKind::DataDay, DayKind::Utc];
        let found = all.into_iter().find(|kind| kind.name() == text);
        found.ok_or_else(|| UnknownName::new("day", text, &all.map(DayKind::name)))
    }
}

/// What of a granule is in a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum Part {
    /// All its pixels.
    Whole,
    /// Those west of 180 degrees.
    West,
    /// Those east of it.
    East,
}

impl Part {
    /// How many there are.
    pub const COUNT: usize = 3;

    /// The side, if it is one.
    pub fn side(self) -> Option<Side> {
        match self {
            Part::Whole => None,
            Part::West => Some(Side::West),
            Part::East => Some(Side::East),
        }
    }
}

/// The days, since 1970, of a granule's pixels west and east of 180 degrees: the same where it does not lie across.
///
/// # Errors
/// A granule without a time; one that cannot be read.
pub(super) fn days(candidate: &Candidate, kind: DayKind) -> Result<(i64, i64), JobError> {
    let start = candidate.time.start.ok_or_else(|| {
        JobError::granule(&candidate.name, "its time is not known: it is in no window")
    })?;
    if kind == DayKind::Utc {
        let day = start.div_euclid(DAY);
        return Ok((day, day));
    }
    let at_fault = |error: &dyn std::fmt::Display| JobError::granule(&candidate.name, error);
    let granule = candidate.granule().map_err(|e| at_fault(&e))?;
    let extents = granule.line_extents().map_err(|e| at_fault(&e))?;
    let extents = match extents {
        Some(extents) => extents,
        None => extents_of(&*granule).map_err(|e| at_fault(&e))?,
    };
    let crossing = Crossing::of(&extents);
    let local = equator_crossing(&candidate.identity);
    Ok(data_days(start, local, crossing))
}

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

/// NASA's rule (l2bin, by what it does): the day of the start, moved so that a granule at 180 degrees and the equator
/// begins a day; one across 180 degrees within six hours of the turn of the day gives its west to the later day. One
/// that is further off has come over a pole, at night.
fn data_days(start: i64, local_hours: f64, crossing: Crossing) -> (i64, i64) {
    let reference = start + ((12.0 - local_hours) * HOUR as f64) as i64;
    let (day, rest) = (reference.div_euclid(DAY), reference.rem_euclid(DAY));
    let begun = (day, day - 1);
    let ends = (day + 1, day);
    match crossing {
        Crossing::None => (day, day),
        _ if rest < 6 * HOUR => begun,
        _ if rest > 18 * HOUR => ends,
        Crossing::Pole => (day, day),
        Crossing::Across { west, east } if west > east => begun,
        Crossing::Across { .. } => ends,
    }
}

/// Mean local time, in hours, at which a satellite crosses the equator on the day side, nominally.
fn equator_crossing(identity: &Identity) -> f64 {
    let upper = |text: &Option<String>| text.as_deref().unwrap_or_default().to_uppercase();
    let (instrument, platform) = (upper(&identity.instrument), upper(&identity.platform));
    let known = [
        ("OCI", 13.0),
        (
            "MODIS",
            if platform.contains("TERRA") {
                10.5
            } else {
                13.5
            },
        ),
        ("VIIRS", 13.5),
        ("OLCI", 10.0),
        ("MERIS", 10.0),
        ("OCTS", 10.5),
    ];
    let found = known.iter().find(|(name, _)| instrument.starts_with(name));
    found.map_or(12.0, |(_, hours)| *hours)
}

/// Outlines of lines, of positions: first, middle and last pixel that has a place.
fn extents_of(
    granule: &dyn SwathSource,
) -> Result<Vec<LineExtent>, swathe_core::source::SourceError> {
    /// Lines that are read at a time.
    const LINES: usize = 256;
    let (lines, pixels) = granule.shape();
    let mut extents = Vec::with_capacity(lines);
    for first in (0..lines).step_by(LINES) {
        let some = granule.geolocation(first..(first + LINES).min(lines))?;
        for line in 0..some.lines.len() {
            let place = |pixel: usize| {
                let i = line * pixels + pixel;
                (some.longitude.get(i), some.latitude.get(i))
            };
            let known: Vec<usize> = (0..pixels)
                .filter(|pixel| located(place(*pixel).0, place(*pixel).1))
                .collect();
            let (Some(start), Some(end)) = (known.first(), known.last()) else {
                continue;
            };
            let single = |pixel: usize| (place(pixel).0 as f32, place(pixel).1 as f32);
            extents.push(LineExtent {
                start: single(*start),
                centre: single(known[known.len() / 2]),
                end: single(*end),
            });
        }
    }
    Ok(extents)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_of_instruments() {
        for (instrument, kind) in [
            (Some("OCI"), DayKind::DataDay),
            (Some("VIIRS-NPP"), DayKind::DataDay),
            (Some("GOCI"), DayKind::Utc),
            (None, DayKind::Utc),
        ] {
            assert_eq!(DayKind::for_instrument(instrument), kind);
        }
    }

    #[test]
    fn days_of_nasa() {
        let hour = |hours: f64| (hours * HOUR as f64) as i64 + 100 * DAY;
        let across = |west, east| Crossing::Across { west, east };
        for (hours, local, crossing, west, east) in [
            // The middle of a day, over Africa.
            (13.0, 13.0, Crossing::None, 100, 100),
            // A little before and after midnight, at 180 degrees.
            (0.2, 12.0, across(5.0, 10.0), 100, 99),
            (0.2, 13.0, across(5.0, 10.0), 100, 99),
            (-0.2, 12.0, across(10.0, 5.0), 100, 99),
            // East of it, and not across.
            (0.7, 13.0, Crossing::None, 99, 99),
            (1.2, 13.0, Crossing::None, 100, 100),
            // Over a pole.
            (3.0, 12.0, Crossing::Pole, 100, 99),
            (12.0, 12.0, Crossing::Pole, 100, 100),
            (22.0, 12.0, Crossing::Pole, 101, 100),
            // At night.
            (12.0, 12.0, across(10.0, 5.0), 100, 99),
            (12.0, 12.0, across(5.0, 10.0), 101, 100),
        ] {
            let found = data_days(hour(hours), local, crossing);
            assert_eq!(found, (west, east), "{hours} {local} {crossing:?}");
        }
    }
}
