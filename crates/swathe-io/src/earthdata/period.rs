//! Spans of time as people write them.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

/// A span of time, UTC; both ends count, an open one is `None`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Period {
    /// First instant.
    pub start: Option<Timestamp>,
    /// Last instant, to the second.
    pub end: Option<Timestamp>,
}

impl Period {
    /// From two words; an empty one or `..` is open.
    ///
    /// # Errors
    /// A word that is no time, or an end before the start.
    pub fn between(start: &str, end: &str) -> Result<Period, String> {
        let open = |word: &str| word.is_empty() || word == "..";
        let period = Period {
            start: match open(start) {
                true => None,
                false => Some(span(start)?.0),
            },
            end: match open(end) {
                true => None,
                false => Some(span(end)?.1),
            },
        };
        match (period.start, period.end) {
            (Some(start), Some(end)) if end < start => {
                Err(format!("the time ends before it starts: {start} to {end}"))
            }
            (None, None) => Err("a time that is open at both ends is none".into()),
            _ => Ok(period),
        }
    }

    /// As the catalogue takes it.
    pub(super) fn parameter(&self) -> String {
        let text = |time: Option<Timestamp>| {
            time.map_or(String::new(), |time| {
                time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
            })
        };
        format!("{},{}", text(self.start), text(self.end))
    }
}

impl std::str::FromStr for Period {
    type Err = String;

    /// `2024-08-01/2024-08-07`, `2024-08`, `2024-08-01T12:00/..`: whole days, months and years are meant by
    /// their names, ends included.
    fn from_str(text: &str) -> Result<Period, String> {
        let text = text.trim();
        match text.split_once('/').or_else(|| text.split_once(',')) {
            Some((start, end)) => Period::between(start.trim(), end.trim()),
            None => Period::between(text, text),
        }
    }
}

/// First and last second of what a word names.
fn span(word: &str) -> Result<(Timestamp, Timestamp), String> {
    let unfit = || {
        format!(
            "{word:?} is not a time: expected 2024-08-01, 2024-08, 2024, or 2024-08-01T12:00:00Z"
        )
    };
    let utc = |at: DateTime| TimeZone::UTC.to_timestamp(at).map_err(|_| unfit());
    let whole =
        |first: Date, last: Date| Ok((utc(first.at(0, 0, 0, 0))?, utc(last.at(23, 59, 59, 0))?));
    let number = |text: &str, digits: usize| -> Option<i16> {
        let plain = text.len() == digits && text.bytes().all(|b| b.is_ascii_digit());
        plain.then(|| text.parse().ok()).flatten()
    };
    let parts: Vec<&str> = word.split('-').collect();
    match parts[..] {
        [year] => {
            let year = number(year, 4).ok_or_else(unfit)?;
            let day = |month, day| Date::new(year, month, day).map_err(|_| unfit());
            whole(day(1, 1)?, day(12, 31)?)
        }
        [year, month] => {
            let (year, month) = number(year, 4).zip(number(month, 2)).ok_or_else(unfit)?;
            let first = Date::new(year, month as i8, 1).map_err(|_| unfit())?;
            whole(first, first.last_of_month())
        }
        _ if word.len() == 10 => {
            let day: Date = word.parse().map_err(|_| unfit())?;
            whole(day, day)
        }
        _ => {
            if let Ok(instant) = word.parse::<Timestamp>() {
                return Ok((instant, instant));
            }
            let at: DateTime = word.parse().map_err(|_| unfit())?;
            Ok((utc(at)?, utc(at)?))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameter(text: &str) -> Result<String, String> {
        text.parse::<Period>().map(|period| period.parameter())
    }

    #[test]
    fn words_mean_whole_periods() {
        for (text, expected) in [
            (
                "2024-08-01/2024-08-07",
                "2024-08-01T00:00:00Z,2024-08-07T23:59:59Z",
            ),
            ("2024-08-01", "2024-08-01T00:00:00Z,2024-08-01T23:59:59Z"),
            ("2024-02", "2024-02-01T00:00:00Z,2024-02-29T23:59:59Z"),
            (
                "2024-02/2024-03",
                "2024-02-01T00:00:00Z,2024-03-31T23:59:59Z",
            ),
            ("2024", "2024-01-01T00:00:00Z,2024-12-31T23:59:59Z"),
            ("2024-08-01/..", "2024-08-01T00:00:00Z,"),
            ("/2024-08-01", ",2024-08-01T23:59:59Z"),
            (
                "2024-08-01T12:00/2024-08-01T13:30:30Z",
                "2024-08-01T12:00:00Z,2024-08-01T13:30:30Z",
            ),
            (
                "2024-08-01T02:00+02:00/2024-08-02",
                "2024-08-01T00:00:00Z,2024-08-02T23:59:59Z",
            ),
        ] {
            assert_eq!(parameter(text).as_deref(), Ok(expected), "{text}");
        }
        for bad in [
            "",
            "..",
            "2024-13",
            "2024-02-30",
            "24-08-01",
            "yesterday",
            "2024-08-02/2024-08-01",
        ] {
            assert!(parameter(bad).is_err(), "{bad}");
        }
    }
}
