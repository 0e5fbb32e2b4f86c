//! Windows of time: which granules are in which, by calendar or rolling.

use super::data_day::{DayKind, Part, days};
use super::{Candidate, JobError};
use jiff::civil::Date;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use swathe_core::suggest::UnknownName;

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
    /// Windows of so many days, of which one begins every `step` days.
    Rolling {
        /// Length of a window.
        days: u16,
        /// From the beginning of one to that of the next.
        step: u16,
    },
}

/// A window, and what is in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Window {
    /// Start and end, seconds since 1970 UTC; the end is the start of the next. Of months over years: from the
    /// first to the last.
    pub bounds: (f64, f64),
    /// What gives to it, in order.
    pub members: Vec<Member>,
}

/// What of a granule gives to a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Member {
    /// Its number.
    pub granule: usize,
    /// All of it, or one side.
    pub part: Part,
}

/// What windows to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Windowing {
    /// How long they are.
    pub every: Every,
    /// What a day is; by default what suits the instrument.
    pub day: Option<DayKind>,
}

impl Every {
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
            Every::Rolling { .. } => Some((day, day.tomorrow().ok()?)),
        }
    }
}

impl fmt::Display for Every {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Every::Rolling { days, step: 1 } => write!(f, "rolling-{days}day"),
            Every::Rolling { days, step } => write!(f, "rolling-{days}day/{step}day"),
            other => {
                let named = CALENDAR.iter().find(|(_, every)| every == other);
                f.write_str(named.map_or("", |(name, _)| name))
            }
        }
    }
}

/// Names of the windows of the calendar.
const CALENDAR: [(&str, Every); 7] = [
    ("day", Every::Day),
    ("8day", Every::EightDays),
    ("month", Every::Month),
    ("season", Every::Season),
    ("nasa-season", Every::NasaSeason),
    ("year", Every::Year),
    ("month-of-year", Every::MonthOfYear),
];

/// Longest rolling window, days.
const LONGEST: u16 = 3660;

impl FromStr for Every {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        if let Some((_, every)) = CALENDAR.iter().find(|(name, _)| *name == text) {
            return Ok(*every);
        }
        let days = |text: &str| {
            let number = text.strip_suffix("day")?.parse::<u16>().ok()?;
            (1..=LONGEST).contains(&number).then_some(number)
        };
        let rolling = text.strip_prefix("rolling-").and_then(|rest| {
            let (length, step) = rest.split_once('/').unwrap_or((rest, "1day"));
            let (days, step) = (days(length)?, days(step)?);
            Some(Every::Rolling { days, step })
        });
        rolling.ok_or_else(|| {
            let names = CALENDAR.iter().map(|(name, _)| *name);
            let known: Vec<&str> = names
                .chain(["all", "rolling-8day", "rolling-32day/8day"])
                .collect();
            UnknownName::new("window", text, &known)
        })
    }
}

/// Puts granules into windows, in order of time. Windows without a granule are left out.
///
/// # Errors
/// A granule without a time; one that cannot be read.
pub(super) fn windows(
    granules: &[&Candidate],
    every: Every,
    kind: DayKind,
) -> Result<Vec<Window>, JobError> {
    let days: Vec<Result<_, JobError>> = granules.par_iter().map(|g| days(g, kind)).collect();
    let mut all: BTreeMap<i64, Window> = BTreeMap::new();
    for (granule, days) in days.into_iter().enumerate() {
        let name = &granules[granule].name;
        let no_window = || JobError::granule(name, "its time is in no window");
        let (west, east) = days?;
        let window = |day: i64| {
            let day = jiff::Span::new().try_days(day).ok()?;
            every.days(Date::constant(1970, 1, 1).checked_add(day).ok()?)
        };
        let west = window(west).ok_or_else(no_window)?;
        let east = window(east).ok_or_else(no_window)?;
        let parts = match west == east {
            true => vec![(west, Part::Whole)],
            false => vec![(west, Part::West), (east, Part::East)],
        };
        for ((first, end), part) in parts {
            let (start, end) = (seconds(first), seconds(end));
            let key = match every {
                Every::MonthOfYear => i64::from(first.month()),
                _ => start,
            };
            let window = all.entry(key).or_insert_with(|| Window {
                bounds: (start as f64, end as f64),
                members: Vec::new(),
            });
            window.bounds.0 = window.bounds.0.min(start as f64);
            window.bounds.1 = window.bounds.1.max(end as f64);
            window.members.push(Member { granule, part });
        }
    }
    match every {
        Every::Rolling { days, step } => Ok(rolling(&all, days, step)),
        _ => Ok(all.into_values().collect()),
    }
}

/// For each of so many granules, the parts of it that give to any window.
pub(super) fn parts(windows: &[Window], granules: usize) -> Vec<Vec<Part>> {
    let mut all = vec![Vec::new(); granules];
    for share in windows.iter().flat_map(|window| &window.members) {
        if let Some(parts) = all.get_mut(share.granule) {
            parts.push(share.part);
        }
    }
    for parts in &mut all {
        parts.sort_unstable();
        parts.dedup();
    }
    all
}

/// Members in order; both sides of a granule make it whole.
fn joined(mut members: Vec<Member>) -> Vec<Member> {
    members.sort_unstable();
    let of_granules = members.chunk_by(|a, b| a.granule == b.granule);
    let joined = of_granules.map(|parts| match parts {
        [one] => *one,
        parts => Member {
            part: Part::Whole,
            ..parts[0]
        },
    });
    joined.collect()
}

const DAY: i64 = 86_400;

fn seconds(day: Date) -> i64 {
    day.duration_since(Date::constant(1970, 1, 1)).as_secs()
}

/// Rolling windows over the granules of days: the first begins on the first day that has one, the last ends with
/// the last such day, or is the first. Steps of several days are counted from each 1 January, as windows of
/// eight days are: the first window then begins with the step that the first day is in, and the last is the first
/// that the last day is in.
fn rolling(of_days: &BTreeMap<i64, Window>, days: u16, step: u16) -> Vec<Window> {
    let (Some(first), Some(last)) = (of_days.keys().next(), of_days.keys().next_back()) else {
        return Vec::new();
    };
    let length = i64::from(days) * DAY;
    let mut all = Vec::new();
    let begins = |start: &i64| step == 1 || begins_here(*start, step);
    let before = (0..i64::from(step)).map(|days| first - days * DAY);
    let earliest = before.into_iter().find(begins).unwrap_or(*first);
    let days = (earliest..=*last).step_by(DAY as usize);
    for start in days.filter(begins) {
        let members = of_days
            .range(start..start + length)
            .flat_map(|(_, window)| window.members.iter().copied());
        let members = joined(members.collect());
        if !members.is_empty() {
            all.push(Window {
                bounds: (start as f64, (start + length) as f64),
                members,
            });
        }
        if start + length > *last {
            break;
        }
    }
    all
}

/// Whether a step of so many days begins on a day, counted from 1 January.
fn begins_here(start: i64, step: u16) -> bool {
    let days = jiff::Span::new().try_days(start.div_euclid(DAY)).ok();
    let date = days.and_then(|days| Date::constant(1970, 1, 1).checked_add(days).ok());
    date.is_some_and(|date| (date.day_of_year() - 1).rem_euclid(step as i16) == 0)
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
    fn names_are_read_back() {
        let rolling = |days, step| Every::Rolling { days, step };
        for every in CALENDAR.into_iter().map(|(_, every)| every).chain([
            rolling(8, 1),
            rolling(32, 8),
            rolling(1, 1),
        ]) {
            assert_eq!(every.to_string().parse(), Ok(every));
        }
        for wrong in [
            "rolling-0day",
            "rolling-8",
            "rolling-8day/0day",
            "rolling--8day",
            "8days",
            "rolling-9999day",
            "",
        ] {
            assert!(wrong.parse::<Every>().is_err(), "{wrong}");
        }
        let near = |name: &str| name.parse::<Every>().unwrap_err().nearest;
        assert_eq!(near("8days").as_deref(), Some("8day"));
        assert_eq!(near("nasaseason").as_deref(), Some("nasa-season"));
    }

    /// A day's granules by number.
    fn of_days(days: &[(i64, &[usize])]) -> BTreeMap<i64, Window> {
        let one = |(day, granules): &(i64, &[usize])| {
            let start = day * DAY;
            let bounds = (start as f64, (start + DAY) as f64);
            let share = |granule: &usize| Member {
                granule: *granule,
                part: Part::Whole,
            };
            let members = granules.iter().map(share).collect();
            (start, Window { bounds, members })
        };
        days.iter().map(one).collect()
    }

    #[test]
    fn rolling_windows_begin_every_step() {
        let days = of_days(&[(0, &[0, 3]), (1, &[1]), (4, &[2])]);
        let found = |days: &BTreeMap<i64, Window>, length, step| -> Vec<(f64, f64, Vec<usize>)> {
            let all = rolling(days, length, step).into_iter();
            let granules = |w: &Window| w.members.iter().map(|share| share.granule).collect();
            all.map(|w| (w.bounds.0 / 86_400.0, w.bounds.1 / 86_400.0, granules(&w)))
                .collect()
        };
        assert_eq!(
            found(&days, 2, 1),
            // Days 2 and 3 have nothing.
            [
                (0.0, 2.0, vec![0, 1, 3]),
                (1.0, 3.0, vec![1]),
                (3.0, 5.0, vec![2])
            ]
        );
        assert_eq!(found(&days, 30, 1), [(0.0, 30.0, vec![0, 1, 2, 3])]);
        assert_eq!(found(&days, 1, 1).len(), 3);
        // 1970 began on day 0, 1971 on day 365.
        let year = of_days(&[(356, &[0]), (360, &[1]), (366, &[2]), (380, &[3])]);
        let starts: Vec<f64> = found(&year, 16, 8).into_iter().map(|w| w.0).collect();
        assert_eq!(starts, [352.0, 360.0, 365.0]);
        // Seven days across a step, each in a window as long as the step.
        let week = of_days(&[(5, &[0]), (7, &[1]), (8, &[2]), (11, &[3])]);
        assert_eq!(
            found(&week, 8, 8),
            [(0.0, 8.0, vec![0, 1]), (8.0, 16.0, vec![2, 3])]
        );
        assert_eq!(found(&week, 16, 8), [(0.0, 16.0, vec![0, 1, 2, 3])]);
        assert!(found(&BTreeMap::new(), 8, 1).is_empty());
    }

    #[test]
    fn sides_that_meet_in_a_window_are_the_whole() {
        let share = |granule, part| Member { granule, part };
        let mut days = of_days(&[(0, &[0]), (1, &[])]);
        for (day, shares) in [
            (0, [share(1, Part::East), share(2, Part::Whole)]),
            (1, [share(1, Part::West), share(3, Part::East)]),
        ] {
            days.get_mut(&(day * DAY)).unwrap().members.extend(shares);
        }
        let found: Vec<Vec<Member>> = rolling(&days, 1, 1)
            .into_iter()
            .map(|w| w.members)
            .collect();
        assert_eq!(found[1], [share(1, Part::West), share(3, Part::East)]);
        let both = rolling(&days, 2, 1);
        assert_eq!(
            both[0].members,
            [
                share(0, Part::Whole),
                share(1, Part::Whole),
                share(2, Part::Whole),
                share(3, Part::East)
            ]
        );
        assert_eq!(parts(&both, 5)[1], [Part::Whole]);
        assert_eq!(parts(&both, 5)[4], []);
    }
}
