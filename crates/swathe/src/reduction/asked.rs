//! What is asked for, and the words for it.

use std::str::FromStr;
use swathe_core::suggest::UnknownName;
use swathe_io::product::Statistic;

/// The dimensions that are reduced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dimensions {
    /// Time: maps stay.
    Time,
    /// Rows and columns: a number for every map, or for every period.
    Area,
    /// All.
    All,
}

/// What maps are grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Every {
    /// Not at all.
    All,
    /// Days.
    Day,
    /// Months.
    Month,
    /// DJF, MAM, JJA, SON; December belongs to the next year's.
    Season,
    /// Years.
    Year,
    /// January of all years, February of all years, ...
    MonthOfYear,
}

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Reduction {
    /// The variable.
    pub variable: String,
    /// Dimensions.
    pub over: Dimensions,
    /// Statistics, the first one the main one.
    pub statistics: Vec<Statistic>,
    /// Groups; over the area, nothing gives a row for every map.
    pub every: Option<Every>,
    /// Whether cells count by their area, in means over the area.
    pub by_area: bool,
    /// Of this box alone: west, south, east, north in degrees; west > east across 180.
    pub bbox: Option<[f64; 4]>,
}

impl FromStr for Dimensions {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let mut found = (false, false, false);
        for word in text.split(',').map(str::trim) {
            match word {
                "time" => found.0 = true,
                "lat" | "latitude" | "y" => found.1 = true,
                "lon" | "longitude" | "x" => found.2 = true,
                _ => return Err(format!("{word:?} is not time, lat or lon")),
            }
        }
        match found {
            (true, false, false) => Ok(Dimensions::Time),
            (false, true, true) => Ok(Dimensions::Area),
            (true, true, true) => Ok(Dimensions::All),
            _ => Err("time, lat,lon or time,lat,lon can be reduced".into()),
        }
    }
}

impl Every {
    /// All of them.
    pub const ALL: [Every; 6] = [
        Every::All,
        Every::Day,
        Every::Month,
        Every::Season,
        Every::Year,
        Every::MonthOfYear,
    ];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Every::All => "all",
            Every::Day => "day",
            Every::Month => "month",
            Every::Season => "season",
            Every::Year => "year",
            Every::MonthOfYear => "month-of-year",
        }
    }
}

impl FromStr for Every {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let names = Every::ALL.map(Every::name);
        let found = Every::ALL.into_iter().find(|every| every.name() == text);
        found.ok_or_else(|| UnknownName::new("period", text, &names).to_string())
    }
}

/// The statistic of a name.
///
/// # Errors
/// None has this name.
pub fn statistic_named(name: &str) -> std::result::Result<Statistic, String> {
    Ok(match name {
        "mean" => Statistic::Mean,
        "std" => Statistic::StandardDeviation,
        "var" => Statistic::Variance,
        "min" => Statistic::Minimum,
        "max" => Statistic::Maximum,
        "sum" => Statistic::Sum,
        "count" => Statistic::Count,
        "median" => Statistic::Median,
        name => match name.strip_prefix('p').and_then(|n| n.parse::<u8>().ok()) {
            Some(percent) if percent <= 100 => Statistic::Percentile(percent),
            _ => {
                return Err(format!(
                    "{name:?} is not one of mean, std, var, min, max, sum, count, median, pNN"
                ));
            }
        },
    })
}
