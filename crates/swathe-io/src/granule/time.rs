//! When a granule was observed: times as milliseconds since 1970 UTC, from whatever spelling a file has.

use jiff::civil;
use jiff::fmt::strtime;
use jiff::tz::TimeZone;

use crate::dataset::Attributes;

use super::attributes;

/// A moment, in milliseconds since 1970-01-01T00:00:00Z.
pub type Milliseconds = i64;

/// Start and end of a granule.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct TimeRange {
    /// First observation.
    pub start: Option<Milliseconds>,
    /// Last observation.
    pub end: Option<Milliseconds>,
}

/// The text of a moment: `2024-08-01T16:20:13.000Z`.
pub fn time_text(milliseconds: Milliseconds) -> String {
    match jiff::Timestamp::from_millisecond(milliseconds) {
        Ok(timestamp) => strtime::format("%Y-%m-%dT%H:%M:%S.%3fZ", timestamp)
            .unwrap_or_else(|_| timestamp.to_string()),
        Err(_) => format!("{milliseconds} ms"),
    }
}

/// Attribute pairs that hold the time coverage, most usual first.
const COVERAGE: [(&str, &str); 5] = [
    ("time_coverage_start", "time_coverage_end"),
    ("start_time", "stop_time"),
    ("start_time", "end_time"),
    ("start_date", "stop_date"),
    ("StartGranuleDateTime", "StopGranuleDateTime"),
];

/// Start and end from global attributes, with a warning for each that is there but cannot be read.
pub(crate) fn coverage(attributes: &Attributes) -> (TimeRange, Vec<String>) {
    let mut warnings = Vec::new();
    let mut range = TimeRange::default();
    // Date and time of day apart (scatterometer winds).
    let split = |date: &str, time: &str| {
        let date = attributes::text(attributes, date)?;
        let time = attributes::text(attributes, time)?;
        parse(&format!("{date}T{time}"))
    };
    for (start, end) in COVERAGE {
        for (name, slot) in [(start, &mut range.start), (end, &mut range.end)] {
            if slot.is_some() {
                continue;
            }
            let Some(text) = attributes::text(attributes, name) else {
                continue;
            };
            match parse(text) {
                Some(time) => *slot = Some(time),
                // A bare time of day, or a bare date, has its other half elsewhere.
                None if is_time_of_day(text) || is_date(text) => {}
                None => warnings.push(format!("{name} is {text:?}, which is not a time")),
            }
        }
    }
    range.start = range.start.or_else(|| split("start_date", "start_time"));
    range.end = range.end.or_else(|| split("stop_date", "stop_time"));
    (range, warnings)
}

/// When a file was made.
pub(crate) fn created(attributes: &Attributes) -> Option<Milliseconds> {
    let names = ["date_created", "creation_date", "CreationDate"];
    names
        .into_iter()
        .find_map(|name| parse(attributes::text(attributes, name)?))
}

/// Refuses an end before the start: the end is forgotten, and said.
pub(super) fn check_order(range: &mut TimeRange, warnings: &mut Vec<String>) {
    if let (Some(start), Some(end)) = (range.start, range.end)
        && end < start
    {
        warnings.push(format!(
            "the time coverage ends ({}) before it starts ({}): the end is ignored",
            time_text(end),
            time_text(start)
        ));
        range.end = None;
    }
}

/// A moment from text: ISO 8601 with `T` or a space, with or without fraction, offset or `Z`, with
/// dashes and colons or without; day of year (`2024214`); `15-APR-2017 10:01:35`. Without an offset it
/// is UTC. A bare date is not a moment.
pub(super) fn parse(text: &str) -> Option<Milliseconds> {
    let text = text.trim();
    if !text.is_ascii() || text.len() > 64 {
        return None;
    }
    let text = text
        .strip_suffix(" UTC")
        .or_else(|| text.strip_suffix("UTC"))
        .unwrap_or(text)
        .trim_end();
    if is_date(text) || is_time_of_day(text) {
        return None;
    }
    if let Ok(timestamp) = text.parse::<jiff::Timestamp>() {
        return Some(timestamp.as_millisecond());
    }
    let bare = text.strip_suffix(['Z', 'z']).unwrap_or(text);
    if let Ok(datetime) = bare.parse::<civil::DateTime>() {
        return utc(datetime);
    }
    const FORMATS: [&str; 6] = [
        "%d-%b-%Y %H:%M:%S%.f",
        "%Y-%jT%H:%M:%S%.f",
        "%Y%jT%H%M%S%.f",
        "%Y%m%dT%H%M%S%.f",
        "%Y%m%d %H:%M:%S%.f",
        "%Y/%m/%d %H:%M:%S%.f",
    ];
    for format in FORMATS {
        if let Some(datetime) = strtime::parse(format, bare)
            .ok()
            .and_then(|parsed| parsed.to_datetime().ok())
        {
            return utc(datetime);
        }
    }
    ocean_color(bare)
}

/// `2014123123456789`: year, day of year, time of day and milliseconds run together, as older
/// ocean-colour files have it.
fn ocean_color(text: &str) -> Option<Milliseconds> {
    if text.len() != 16 || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let part = |range: std::ops::Range<usize>| text.get(range)?.parse::<i64>().ok();
    let year = i16::try_from(part(0..4)?).ok()?;
    let january = civil::date(year, 1, 1).to_datetime(civil::Time::midnight());
    let (day, hour, minute, second) = (part(4..7)?, part(7..9)?, part(9..11)?, part(11..13)?);
    if !(1..=366).contains(&day) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let milliseconds =
        (((day - 1) * 24 + hour) * 60 + minute) * 60_000 + second * 1000 + part(13..16)?;
    utc(january).map(|start| start + milliseconds)
}

fn utc(datetime: civil::DateTime) -> Option<Milliseconds> {
    let timestamp = TimeZone::UTC.to_timestamp(datetime).ok()?;
    Some(timestamp.as_millisecond())
}

fn is_date(text: &str) -> bool {
    text.parse::<civil::Date>().is_ok()
        && !text.contains(['T', 't', ':'])
        && !text.trim().contains(' ')
        && text.len() <= 10
}

fn is_time_of_day(text: &str) -> bool {
    let bytes = text.trim().as_bytes();
    bytes.len() >= 5
        && bytes[2] == b':'
        && bytes[0].is_ascii_digit()
        && bytes[1].is_ascii_digit()
        && text.trim().parse::<civil::Time>().is_ok()
}

/// `seconds since 1981-01-01 00:00:00` as (milliseconds per unit, origin).
pub(crate) fn parse_units(units: &str) -> Option<(f64, Milliseconds)> {
    let (unit, origin) = units.split_once(" since ")?;
    let milliseconds = match unit.trim().to_ascii_lowercase().as_str() {
        "milliseconds" | "millisecond" | "msec" | "ms" => 1.0,
        "seconds" | "second" | "secs" | "sec" | "s" => 1e3,
        "minutes" | "minute" | "mins" | "min" => 6e4,
        "hours" | "hour" | "hrs" | "hr" | "h" => 3.6e6,
        "days" | "day" | "d" => 8.64e7,
        _ => return None,
    };
    let origin = origin.trim();
    let origin = parse(origin).or_else(|| parse(&format!("{origin}T00:00:00")))?;
    Some((milliseconds, origin))
}

/// The moment of a value in CF time units.
pub(crate) fn at(value: f64, (milliseconds, origin): (f64, Milliseconds)) -> Option<Milliseconds> {
    let elapsed = (value * milliseconds).round();
    // About 30,000 years: anything beyond is not a time of observation.
    (elapsed.abs() < 1e15).then(|| origin + elapsed as i64)
}

/// The moment in a file name: `20240801T162013`, or `A2019336.2325` as MODIS products have it.
pub(super) fn from_file_name(name: &str) -> Option<Milliseconds> {
    compact_in(name).or_else(|| modis_in(name))
}

fn modis_in(name: &str) -> Option<Milliseconds> {
    name.match_indices(".A").find_map(|(i, _)| {
        let (day, rest) = name.get(i + 2..)?.split_once('.')?;
        let minute = rest.get(..4)?;
        let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        (day.len() == 7 && digits(day) && digits(minute))
            .then(|| ocean_color(&format!("{day}{minute}00000")))
            .flatten()
    })
}

fn compact_in(name: &str) -> Option<Milliseconds> {
    let bytes = name.as_bytes();
    (0..bytes.len().saturating_sub(14)).find_map(|i| {
        let candidate = name.get(i..i + 15)?;
        let digits = candidate.bytes().enumerate().all(|(k, b)| {
            if k == 8 {
                b == b'T'
            } else {
                b.is_ascii_digit()
            }
        });
        let starts = i == 0 || !bytes[i - 1].is_ascii_digit();
        (digits && starts).then(|| parse(candidate)).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::AttributeValue;

    /// Oracle: Python's `datetime(...).timestamp()`.
    #[test]
    fn spellings_of_real_files_are_read() {
        let cases = [
            ("2024-08-01T16:20:13.000Z", 1_722_529_213_000),
            ("2024-08-01T16:20:13Z", 1_722_529_213_000),
            ("2024-08-01T16:20:13", 1_722_529_213_000),
            ("2024-08-01 16:20:13", 1_722_529_213_000),
            ("2024-08-01T16:20:13.25", 1_722_529_213_250),
            ("2024-08-01T18:20:13+02:00", 1_722_529_213_000),
            ("20190805T065501Z", 1_564_988_101_000),
            ("20100101T000000Z", 1_262_304_000_000),
            ("15-APR-2017 10:01:35.533860", 1_492_250_495_533),
            ("2024-214T16:20:13", 1_722_529_213_000),
            ("2024214162013250", 1_722_529_213_250),
            ("2024-08-01 16:20:13 UTC", 1_722_529_213_000),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text), Some(expected), "{text}");
        }
        for text in [
            "",
            "yesterday",
            "2024-13-01T00:00:00Z",
            "2024-08-01",
            "16:20:13",
            "\u{e9}t\u{e9}",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(time_text(1_722_529_213_250), "2024-08-01T16:20:13.250Z");
    }

    fn text_attributes(pairs: &[(&str, &str)]) -> Attributes {
        pairs
            .iter()
            .map(|(name, text)| ((*name).to_owned(), AttributeValue::Text((*text).to_owned())))
            .collect()
    }

    #[test]
    fn date_and_time_of_day_may_be_apart() {
        let attributes = text_attributes(&[
            ("start_date", "2015-07-02"),
            ("start_time", "08:42:00"),
            ("stop_date", "2015-07-02"),
            ("stop_time", "10:23:56"),
        ]);
        let (range, warnings) = coverage(&attributes);
        assert_eq!(
            range,
            TimeRange {
                start: Some(1_435_826_520_000),
                end: Some(1_435_832_636_000)
            }
        );
        assert!(warnings.is_empty(), "{warnings:?}");
    }

    #[test]
    fn malformed_and_reversed_times_warn() {
        let (range, warnings) = coverage(&text_attributes(&[
            ("time_coverage_start", "noon"),
            ("time_coverage_end", "2024-08-01T00:00:00"),
        ]));
        assert_eq!(range.start, None);
        assert!(warnings[0].contains("noon"), "{warnings:?}");
        let mut range = TimeRange {
            start: Some(10),
            end: Some(5),
        };
        let mut warnings = Vec::new();
        check_order(&mut range, &mut warnings);
        assert_eq!(
            range,
            TimeRange {
                start: Some(10),
                end: None
            }
        );
        assert!(warnings[0].contains("before it starts"));
    }

    #[test]
    fn cf_units_and_file_names_give_times() {
        let units = parse_units("seconds since 1990-01-01 00:00:00").expect("units");
        assert_eq!(at(804_832_920.0, units), Some(1_435_984_920_000));
        assert_eq!(parse_units("days since 1970-01-01"), Some((8.64e7, 0)));
        assert_eq!(parse_units("fortnights since 1970-01-01"), None);
        assert_eq!(at(f64::NAN, units), None);
        assert_eq!(
            from_file_name("PACE_OCI.20240801T162013.L2.OC_BGC.V3_2.nc"),
            Some(1_722_529_213_000)
        );
        assert_eq!(
            from_file_name("MOD05_L2.A2019336.2325.061.2019337072403_stare.nc"),
            Some(1_575_329_100_000)
        );
        assert_eq!(from_file_name("a.nc"), None);
        assert_eq!(from_file_name("\u{e9}\u{e9}20240801T16201\u{e9}"), None);
    }
}
