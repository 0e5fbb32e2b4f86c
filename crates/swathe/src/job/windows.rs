//! Windows of time: granules by calendar, a map of each window, stacked on time.

use super::order::{check_uniform, order};
use super::{Candidate, Gathered, JobError, Preferred};
use jiff::civil::Date;
use std::collections::BTreeMap;
use swathe_core::source::SwathSource as _;
use swathe_io::product::{LayerData, Product, TimeStep, Times};

/// What a map is made of each of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Every {
    /// Days.
    Day,
    /// Eight days, from each 1 January anew; the last of a year has five or six.
    EightDays,
    /// Months.
    Month,
    /// December to February, March to May, June to August, September to November.
    Season,
    /// From the 21st of March, June, September and December.
    NasaSeason,
    /// Years.
    Year,
    /// All Januaries, all Februaries, and so on.
    MonthOfYear,
}

/// What a day is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DayKind {
    /// The day of mean solar time where the granule's middle is: the day that a sun-synchronous satellite,
    /// which crosses all longitudes at the same local time, goes around the Earth in. As in NASA's data-days, a
    /// day begins and ends at 180 degrees.
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

/// A window, and the granules in it.
#[derive(Debug)]
pub struct Window {
    /// Start and end, seconds since 1970 UTC; the end is the start of the next. Of months over years: from the
    /// first to the last.
    pub bounds: (f64, f64),
    /// Its granules.
    pub gathered: Gathered,
}

impl Every {
    /// Name in options.
    pub fn name(self) -> &'static str {
        match self {
            Every::Day => "day",
            Every::EightDays => "8day",
            Every::Month => "month",
            Every::Season => "season",
            Every::NasaSeason => "nasa-season",
            Every::Year => "year",
            Every::MonthOfYear => "month-of-year",
        }
    }

    /// First day of the window that holds a day, and of the next one.
    fn days(self, day: Date) -> Option<(Date, Date)> {
        let first = |year: i16, month: i8, day: i8| Date::new(year, month, day).ok();
        let (year, month) = (day.year(), day.month());
        let months_from = |start: Date, count: i8| {
            let next = i32::from(start.month()) - 1 + i32::from(count);
            let year = start.year() + (next / 12) as i16;
            Some((start, first(year, (next % 12) as i8 + 1, start.day())?))
        };
        match self {
            Every::Day => Some((day, day.tomorrow().ok()?)),
            Every::EightDays => {
                let number = (day.day_of_year() - 1) / 8;
                let new_year = first(year, 1, 1)?;
                let start = new_year
                    .checked_add(jiff::Span::new().days(number * 8))
                    .ok()?;
                let end = start.checked_add(jiff::Span::new().days(8)).ok()?;
                Some((start, end.min(first(year + 1, 1, 1)?)))
            }
            Every::Month | Every::MonthOfYear => months_from(first(year, month, 1)?, 1),
            Every::Season => {
                let start = month - month % 3;
                match start {
                    // January and February are of the winter that began the year before.
                    0 => months_from(first(year - 1, 12, 1)?, 3),
                    _ => months_from(first(year, start, 1)?, 3),
                }
            }
            Every::NasaSeason => {
                let last = month - month % 3;
                let begun = month % 3 != 0 || day.day() >= 21;
                let start = if begun { last } else { last - 3 };
                match start {
                    0 => months_from(first(year - 1, 12, 21)?, 3),
                    _ => months_from(first(year, start, 21)?, 3),
                }
            }
            Every::Year => Some((first(year, 1, 1)?, first(year + 1, 1, 1)?)),
        }
    }
}

/// Puts granules into windows, in order of time. Windows without a granule are left out.
///
/// # Errors
/// A granule without a time; sets that mix versions, unless `allow_mixed`.
pub fn windows(
    gathered: Gathered,
    every: Every,
    kind: DayKind,
    allow_mixed: bool,
) -> Result<Vec<Window>, JobError> {
    let (candidates, preferred) = order(gathered.candidates);
    if !allow_mixed {
        check_uniform(&candidates)?;
    }
    let mut all: BTreeMap<i64, Window> = BTreeMap::new();
    for candidate in candidates {
        let (first, end) = days_of(&candidate, every, kind)?;
        let seconds = |day: Date| {
            let epoch = day.duration_since(Date::constant(1970, 1, 1));
            epoch.as_secs()
        };
        let (start, end) = (seconds(first), seconds(end));
        let key = match every {
            Every::MonthOfYear => i64::from(first.month()),
            _ => start,
        };
        let window = all.entry(key).or_insert_with(|| Window {
            bounds: (start as f64, end as f64),
            gathered: Gathered::default(),
        });
        window.bounds.0 = window.bounds.0.min(start as f64);
        window.bounds.1 = window.bounds.1.max(end as f64);
        window.gathered.candidates.push(candidate);
    }
    let dropped = preferred
        .into_iter()
        .map(|Preferred { dropped, .. }| dropped);
    if let Some(mut first) = all.first_entry() {
        let skipped = &mut first.get_mut().gathered.skipped;
        skipped.extend(gathered.skipped.into_iter().chain(dropped));
    }
    Ok(all.into_values().collect())
}

fn days_of(candidate: &Candidate, every: Every, kind: DayKind) -> Result<(Date, Date), JobError> {
    let no_time =
        || JobError::granule(&candidate.name, "its time is not known: it is in no window");
    let start = candidate.time.start.ok_or_else(no_time)?;
    // A day of solar time at 180 E begins twelve hours before that of universal time.
    let shift = match kind {
        DayKind::DataDay => middle_longitude(candidate)? / 15.0 * 3_600_000.0,
        DayKind::Utc => 0.0,
    };
    let day = (start + shift as i64).div_euclid(86_400_000);
    let day = Date::constant(1970, 1, 1)
        .checked_add(jiff::Span::new().try_days(day).map_err(|_| no_time())?);
    day.ok().and_then(|day| every.days(day)).ok_or_else(no_time)
}

/// Longitude of the middle of a granule, -180 to 180; 0 where it says nothing of its lines.
fn middle_longitude(candidate: &Candidate) -> Result<f64, JobError> {
    let granule = candidate
        .granule()
        .map_err(|e| JobError::granule(&candidate.name, e))?;
    let (lines, pixels) = granule.shape();
    let extents = granule.line_extents();
    let extents = extents.map_err(|e| JobError::granule(&candidate.name, e))?;
    let middle = extents.and_then(|extents| extents.get(lines / 2).map(|e| f64::from(e.centre.0)));
    let longitude = match middle {
        Some(longitude) if longitude.is_finite() => longitude,
        _ if lines == 0 || pixels == 0 => 0.0,
        _ => {
            let line = granule.geolocation(lines / 2..lines / 2 + 1);
            let line = line.map_err(|e| JobError::granule(&candidate.name, e))?;
            let places = (0..pixels).map(|i| line.longitude.get((pixels / 2 + i) % pixels));
            places
                .into_iter()
                .find(|lon| lon.abs() <= 360.0)
                .unwrap_or(0.0)
        }
    };
    Ok((longitude + 180.0).rem_euclid(360.0) - 180.0)
}

/// The maps of windows as one product on time, in order.
///
/// # Errors
/// Maps of other layers; none at all.
pub fn stack(maps: Vec<((f64, f64), Product)>, options: &str) -> Result<Product, JobError> {
    let mut maps = maps.into_iter();
    let mismatch = || JobError::plan("the maps of the windows have different layers");
    let Some((bounds, mut all)) = maps.next() else {
        return Err(JobError::Nothing {
            reason: "no window has a granule".into(),
        });
    };
    let step = |bounds: (f64, f64)| TimeStep {
        time: 0.5 * (bounds.0 + bounds.1),
        start: bounds.0,
        end: bounds.1,
        granule: None,
    };
    let mut steps = vec![step(bounds)];
    for (bounds, map) in maps {
        steps.push(step(bounds));
        if all.layers.len() != map.layers.len() {
            return Err(mismatch());
        }
        for (own, other) in all.layers.iter_mut().zip(map.layers) {
            if own.name != other.name {
                return Err(mismatch());
            }
            append(&mut own.data, other.data).ok_or_else(mismatch)?;
        }
        all.granules.extend(map.granules);
        for (own, other) in all.flags.iter_mut().zip(map.flags) {
            own.pixels += other.pixels;
            own.removed += other.removed;
            for (name, pixels) in other.by_flag {
                match own.by_flag.iter_mut().find(|(known, _)| *known == name) {
                    Some((_, total)) => *total += pixels,
                    None => own.by_flag.push((name, pixels)),
                }
            }
        }
        let newest = (all.provenance.newest_input, map.provenance.newest_input);
        all.provenance.newest_input = match newest {
            (Some(a), Some(b)) => Some(a.max(b)),
            (a, b) => a.or(b),
        };
        all.provenance.digest = digest(&all.provenance.digest, &map.provenance.digest);
    }
    all.provenance.options = options.to_owned();
    all.times = Times::Series(steps);
    for layer in &mut all.layers {
        layer.timed = true;
    }
    Ok(all)
}

fn digest(own: &str, other: &str) -> String {
    use sha2::Digest as _;
    let hash = sha2::Sha256::digest(format!("{own}\n{other}"));
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Appends values; counts are widened where one of the two is.
fn append(own: &mut LayerData, other: LayerData) -> Option<()> {
    match (&mut *own, other) {
        (LayerData::F32(own), LayerData::F32(other)) => own.extend(other),
        (LayerData::F64(own), LayerData::F64(other)) => own.extend(other),
        (LayerData::I32(own), LayerData::I32(other)) => own.extend(other),
        (LayerData::I64(own), LayerData::I64(other)) => own.extend(other),
        (LayerData::I64(own), LayerData::I32(other)) => {
            own.extend(other.into_iter().map(i64::from))
        }
        (LayerData::I32(narrow), LayerData::I64(other)) => {
            let wide = narrow.iter().map(|v| i64::from(*v)).chain(other).collect();
            *own = LayerData::I64(wide);
        }
        _ => return None,
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_of_the_calendar() {
        let date = |text: &str| text.parse::<Date>().unwrap();
        for (every, day, start, end) in [
            (Every::Day, "2024-02-29", "2024-02-29", "2024-03-01"),
            (Every::EightDays, "2024-01-08", "2024-01-01", "2024-01-09"),
            (Every::EightDays, "2024-01-09", "2024-01-09", "2024-01-17"),
            (Every::EightDays, "2024-12-31", "2024-12-26", "2025-01-01"),
            (Every::EightDays, "2023-12-31", "2023-12-27", "2024-01-01"),
            (Every::Month, "2024-12-31", "2024-12-01", "2025-01-01"),
            (Every::Season, "2024-02-29", "2023-12-01", "2024-03-01"),
            (Every::Season, "2024-12-01", "2024-12-01", "2025-03-01"),
            (Every::Season, "2024-08-31", "2024-06-01", "2024-09-01"),
            (Every::NasaSeason, "2024-03-20", "2023-12-21", "2024-03-21"),
            (Every::NasaSeason, "2024-03-21", "2024-03-21", "2024-06-21"),
            (Every::NasaSeason, "2024-12-20", "2024-09-21", "2024-12-21"),
            (Every::NasaSeason, "2024-12-21", "2024-12-21", "2025-03-21"),
            (Every::NasaSeason, "2024-01-01", "2023-12-21", "2024-03-21"),
            (Every::Year, "2024-07-01", "2024-01-01", "2025-01-01"),
            (Every::MonthOfYear, "2024-07-15", "2024-07-01", "2024-08-01"),
        ] {
            let found = every.days(date(day));
            assert_eq!(found, Some((date(start), date(end))), "{every:?} {day}");
        }
    }

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
}
