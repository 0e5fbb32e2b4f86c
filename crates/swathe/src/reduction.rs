//! Gridded files reduced: maps over time, or numbers over an area.
//!
//! ```text
//! paths --Series::open--> maps of one variable on one grid, by time --period--> groups
//!     --compute--> Reduced: a product (over time), or a table (over the area)
//! ```

use crate::failure::{Failure, Result};
use crate::job::JobError;
use jiff::{Timestamp, civil, tz::TimeZone};
use rayon::ThreadPool;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::{ControlFlow, Range};
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use swathe_core::array::{self, Array, Buffer, Cut, Over, Part, Scalar, Step};
use swathe_core::geobox::{Axis, GeoBox};
use swathe_core::suggest::UnknownName;
use swathe_io::dataset::Attributes;
use swathe_io::granule::time_text;
use swathe_io::product::gridded::{Series, SeriesMap};
use swathe_io::product::{
    GranuleRecord, GranuleStatus, LayerData, Product, Provenance, Statistic, TimeStep, Times,
};

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

/// What came of it.
#[derive(Debug)]
pub enum Reduced {
    /// A map, or one for every period.
    Maps(Box<Product>),
    /// Numbers.
    Table(Table),
}

/// Numbers over an area.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// The variable, and its units.
    pub variable: String,
    /// Units as the files have them.
    pub units: String,
    /// Names of the values: mean, count.
    pub columns: Vec<String>,
    /// Rows, by time.
    pub rows: Vec<Row>,
}

/// A row of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The period, or the time of the map.
    pub label: String,
    /// Its middle, seconds since 1970 UTC.
    pub time: f64,
    /// Number of maps in it.
    pub maps: usize,
    /// The values.
    pub values: Vec<f64>,
}

/// Reduces gridded files.
///
/// # Errors
/// Those of [`Reducing::new`]; a limit that is too small.
pub fn reduce(
    paths: &[PathBuf],
    reduction: &Reduction,
    pool: &ThreadPool,
    memory: Option<u64>,
    observer: &mut dyn FnMut(Step) -> ControlFlow<()>,
) -> Result<Reduced> {
    let reducing = pool.install(|| Reducing::new(paths, reduction))?;
    let values = array::compute_all(&reducing.arrays, pool, memory, observer);
    reducing.finish(values.map_err(Failure::error)?)
}

/// A reduction that is planned: arrays, to be computed here or elsewhere.
pub struct Reducing {
    reduction: Reduction,
    series: Series,
    geobox: GeoBox,
    groups: Vec<Group>,
    statistics: Vec<Statistic>,
    arrays: Vec<Array>,
}

impl Reducing {
    /// Opens the files, on the current thread pool, and plans.
    ///
    /// # Errors
    /// Files that cannot be read or are on other grids, statistics or a box that cannot be had.
    pub fn new(paths: &[PathBuf], reduction: &Reduction) -> Result<Self> {
        let series = Series::open(paths, &reduction.variable)?;
        let Some(geobox) = series.geobox() else {
            return Err(Failure::nothing("there is no file"));
        };
        if reduction.over != Dimensions::Time && reduction.by_area {
            let weighed = |s: &&Statistic| {
                matches!(
                    s,
                    Statistic::StandardDeviation
                        | Statistic::Variance
                        | Statistic::Sum
                        | Statistic::Median
                        | Statistic::Percentile(_)
                )
            };
            if let Some(statistic) = reduction.statistics.iter().find(weighed) {
                return Err(Failure::usage(format!(
                    "cells do not count by their area in {}",
                    statistic.measure().to_lowercase()
                ))
                .with_hint("--weight equal lets all cells count the same"));
            }
        }
        let part = match reduction.bbox {
            Some(bbox) => Window::of(geobox, bbox)?,
            None => Window::whole(geobox),
        };
        let groups = groups(&series, reduction)?;
        let mut statistics = reduction.statistics.clone();
        if !statistics.contains(&Statistic::Count) {
            statistics.push(Statistic::Count);
        }
        let mut arrays = Vec::new();
        for group in &groups {
            let maps = part.of_array(&series.array(group.maps.iter().copied())?)?;
            let over = Over {
                axes: (reduction.over == Dimensions::Time).then(|| vec![0]),
                keep: false,
                skip_missing: true,
            };
            let weights = match reduction.over == Dimensions::Time || !reduction.by_area {
                true => None,
                false => Some(areas(&part.geobox)?),
            };
            for statistic in &statistics {
                arrays.push(
                    match (statistic, &weights) {
                        (Statistic::Mean, Some(weights)) => maps.weighted_mean(weights, &over),
                        // Maps of counts are large, the number of maps is not.
                        (Statistic::Count, None) if reduction.over == Dimensions::Time => {
                            maps.reduce_as(array::Statistic::Count, &over, array::DType::I32)
                        }
                        _ => maps.reduce(in_core(*statistic)?, &over),
                    }
                    .map_err(Failure::error)?,
                );
            }
        }
        Ok(Reducing {
            reduction: reduction.clone(),
            geobox: part.geobox,
            series,
            groups,
            statistics,
            arrays,
        })
    }

    /// What is to be computed.
    pub fn arrays(&self) -> &[Array] {
        &self.arrays
    }

    /// Local files and folders that are read, with the lengths of files, for those who compute elsewhere.
    ///
    /// # Errors
    /// A file that other processes cannot read.
    pub fn files(&self) -> std::result::Result<Vec<(PathBuf, Option<u64>)>, JobError> {
        let length = |path: &PathBuf| {
            let about = std::fs::metadata(path).ok()?;
            about.is_file().then_some(about.len())
        };
        let mut files = Vec::new();
        for (place, file) in self.series.places().iter().zip(self.series.files()) {
            let Some(place) = place else {
                return Err(JobError::Cluster {
                    reason: format!("{} cannot be sent to workers", file.dataset().name()),
                    hint: Some(
                        "give a path that workers see, or an address without a query".into(),
                    ),
                });
            };
            if swathe_io::remote::address(place).is_none() {
                files.push((place.clone(), length(place)));
            }
        }
        Ok(files)
    }

    /// The result, of the values of the arrays.
    ///
    /// # Errors
    /// Another number of arrays, or of elements in one.
    pub fn finish(self, values: Vec<Buffer>) -> Result<Reduced> {
        let shapes = self
            .arrays
            .iter()
            .map(|a| a.shape().iter().product::<usize>());
        let given = values.iter().map(Buffer::len);
        if !given.eq(shapes) {
            return Err(Failure::error("values of other arrays are given"));
        }
        Ok(match self.reduction.over {
            Dimensions::Time => Reduced::Maps(Box::new(product(
                &self.series,
                &self.reduction,
                self.geobox,
                &self.groups,
                &self.statistics,
                values,
            ))),
            _ => Reduced::Table(table(&self.series, &self.groups, &self.statistics, &values)),
        })
    }
}

/// Maps that make one result.
struct Group {
    label: String,
    maps: Vec<usize>,
    step: TimeStep,
}

fn groups(series: &Series, reduction: &Reduction) -> Result<Vec<Group>> {
    let mut found: BTreeMap<(i64, String), Vec<usize>> = BTreeMap::new();
    for (number, map) in series.maps().iter().enumerate() {
        let key = match reduction.every {
            Some(every) => period(every, map).ok_or_else(|| {
                let file = series
                    .files()
                    .get(map.file)
                    .map_or("", |file| file.dataset().name());
                Failure::error(format!(
                    "{file}: it does not say its time, which --every needs"
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

/// A part of a grid.
struct Window {
    geobox: GeoBox,
    rows: Range<usize>,
    /// One range, or two where a box crosses the edge of a grid around the world.
    columns: Vec<Range<usize>>,
}

impl Window {
    fn whole(geobox: &GeoBox) -> Self {
        let (rows, columns) = geobox.shape();
        Window {
            geobox: geobox.clone(),
            rows: 0..rows,
            columns: std::iter::once(0..columns).collect(),
        }
    }

    /// The cells whose centres are in a box.
    fn of(geobox: &GeoBox, [west, south, east, north]: [f64; 4]) -> Result<Self> {
        if !geobox.crs.is_lonlat() {
            return Err(Failure::usage(
                "a box in degrees needs a grid of longitudes and latitudes",
            ));
        }
        let nothing = || Failure::nothing("no cell of the grid has its centre in the box");
        let inside = |axis: &Axis, from: f64, to: f64| {
            let first = (axis.position(from) - 0.5 - 1e-9).ceil() as i64;
            let last = (axis.position(to) - 0.5 + 1e-9).floor() as i64;
            first..last + 1
        };
        let clipped = |range: Range<i64>, len: usize| -> Option<Range<usize>> {
            let (first, last) = (
                range.start.clamp(0, len as i64),
                range.end.clamp(0, len as i64),
            );
            (first < last).then_some(first as usize..last as usize)
        };
        let rows = clipped(inside(&geobox.y, north, south), geobox.y.len).ok_or_else(nothing)?;
        let wanted = inside(
            &geobox.x,
            west,
            if east < west { east + 360.0 } else { east },
        );
        let around = (360.0 / geobox.x.step()).round() as i64;
        let len = geobox.x.len as i64;
        let (first, columns) = if len == around {
            let first = wanted.start;
            let count = (wanted.end - first).clamp(0, len);
            let start = first.rem_euclid(len);
            let head = start..(start + count).min(len);
            let tail = 0..count - (head.end - head.start);
            let ranges = [head, tail]
                .into_iter()
                .filter_map(|r| clipped(r, geobox.x.len));
            (first, ranges.collect::<Vec<_>>())
        } else {
            let shifted = [0, -around, around]
                .into_iter()
                .find_map(|shift| clipped(wanted.start + shift..wanted.end + shift, geobox.x.len));
            let range = shifted.ok_or_else(nothing)?;
            (range.start as i64, vec![range])
        };
        let count: usize = columns.iter().map(Range::len).sum();
        if count == 0 {
            return Err(nothing());
        }
        let part = |axis: &Axis, first: i64, len: usize| Axis {
            first: axis.first + first,
            len,
            ..axis.clone()
        };
        Ok(Window {
            geobox: GeoBox {
                crs: geobox.crs.clone(),
                x: part(&geobox.x, first, count),
                y: part(&geobox.y, rows.start as i64, rows.len()),
            },
            rows,
            columns,
        })
    }

    /// These cells of maps on the whole grid.
    fn of_array(&self, maps: &Array) -> Result<Array> {
        let slice = |range: &Range<usize>| Part::Slice {
            start: Some(range.start as i64),
            stop: Some(range.end as i64),
            step: 1,
        };
        let all = Part::Slice {
            start: None,
            stop: None,
            step: 1,
        };
        if maps.shape().get(1..)
            == Some(&[self.rows.len(), self.columns.iter().map(Range::len).sum()])
        {
            return Ok(maps.clone());
        }
        let one = |columns: &Range<usize>| maps.slice(&[all, slice(&self.rows), slice(columns)]);
        let parts: std::result::Result<Vec<Array>, _> = self.columns.iter().map(one).collect();
        parts
            .and_then(|parts| Array::concatenate(&parts, -1))
            .map_err(Failure::error)
    }
}

/// Areas of a grid's cells, of shape (rows, 1): on longitudes and latitudes those of the sphere, by Archimedes'
/// theorem; elsewhere all the same.
fn areas(geobox: &GeoBox) -> Result<Array> {
    let height = |row: usize| match geobox.crs.is_lonlat() {
        true => {
            let sine = |edge: usize| {
                swathe_core::sphere::sin_cos_deg(geobox.y.at(edge as f64).clamp(-90.0, 90.0)).0
            };
            (sine(row) - sine(row + 1)).abs()
        }
        false => 1.0,
    };
    let heights: Vec<f64> = (0..geobox.y.len).map(height).collect();
    let shape = [heights.len(), 1];
    Array::from_memory(Arc::new(Buffer::F64(heights)), &shape, &[Cut::Whole])
        .map_err(Failure::error)
}

fn in_core(statistic: Statistic) -> Result<array::Statistic> {
    use array::Statistic as Core;
    Ok(match statistic {
        Statistic::Mean => Core::Mean,
        Statistic::StandardDeviation => Core::Std { ddof: 0.0 },
        Statistic::Variance => Core::Var { ddof: 0.0 },
        Statistic::Minimum => Core::Min,
        Statistic::Maximum => Core::Max,
        Statistic::Sum => Core::Sum,
        Statistic::Count => Core::Count,
        Statistic::Median => Core::Quantile { q: 0.5 },
        Statistic::Percentile(percent) => Core::Quantile {
            q: f64::from(percent) / 100.0,
        },
        other => {
            return Err(Failure::usage(format!(
                "{} is not a statistic of gridded files",
                other.measure().to_lowercase()
            )));
        }
    })
}

fn product(
    series: &Series,
    reduction: &Reduction,
    geobox: GeoBox,
    groups: &[Group],
    statistics: &[Statistic],
    values: Vec<Buffer>,
) -> Product {
    let source = series.attributes();
    let timed = reduction.every.is_some_and(|every| every != Every::All);
    let mut layers: Vec<LayerData> = Vec::with_capacity(statistics.len());
    for (i, buffer) in values.into_iter().enumerate() {
        let data = match buffer {
            Buffer::F32(values) => LayerData::F32(values),
            Buffer::I32(counts) => LayerData::I32(counts),
            other => match other.cast(array::DType::F64) {
                Buffer::F64(values) => LayerData::F64(values),
                _ => LayerData::F64(Vec::new()),
            },
        };
        match layers.get_mut(i % statistics.len()) {
            Some(all) if i >= statistics.len() => append(all, data),
            _ => layers.push(data),
        }
    }
    let layers = statistics.iter().zip(layers);
    let layers = layers
        .map(|(s, data)| s.layer(series.variable(), &source, data, timed))
        .collect();
    let steps = || groups.iter().map(|group| group.step.clone());
    let times = match timed {
        true => Times::Series(steps().collect()),
        false => Times::Window(steps().next().unwrap_or(TimeStep {
            time: f64::NAN,
            start: f64::NAN,
            end: f64::NAN,
            granule: None,
        })),
    };
    Product {
        geobox,
        times,
        windows: Vec::new(),
        layers,
        granules: records(series),
        flags: Vec::new(),
        provenance: provenance(series, reduction, statistics),
        attributes: Attributes::new(),
    }
}

fn append(all: &mut LayerData, more: LayerData) {
    match (all, more) {
        (LayerData::F32(all), LayerData::F32(more)) => all.extend(more),
        (LayerData::F64(all), LayerData::F64(more)) => all.extend(more),
        (LayerData::I32(all), LayerData::I32(more)) => all.extend(more),
        // A statistic is of one type.
        _ => {}
    }
}

fn records(series: &Series) -> Vec<GranuleRecord> {
    let mut records: Vec<GranuleRecord> = Vec::new();
    for map in series.maps() {
        let name = series
            .files()
            .get(map.file)
            .map_or("", |file| file.dataset().name());
        match records.iter_mut().find(|record| record.name == name) {
            Some(record) => record.end = map.covered.1,
            None => records.push(GranuleRecord {
                name: name.to_owned(),
                start: map.covered.0,
                end: map.covered.1,
                status: GranuleStatus::Used,
                reason: String::new(),
            }),
        }
    }
    records
}

/// Options, and a digest over them and the files' names.
fn provenance(series: &Series, reduction: &Reduction, statistics: &[Statistic]) -> Provenance {
    let names: Vec<String> = statistics
        .iter()
        .map(|s| s.measure().to_lowercase())
        .collect();
    let mut options = format!(
        "swathe reduce -v {} --over time --stat '{}'",
        series.variable(),
        names.join(",")
    );
    if let Some(every) = reduction.every {
        let _ = write!(options, " --every {}", every.name());
    }
    if let Some([west, south, east, north]) = reduction.bbox {
        let _ = write!(options, " -b {west},{south},{east},{north}");
    }
    let mut hash = Sha256::new();
    hash.update(&options);
    for record in records(series) {
        hash.update(format!("\n{}", record.name));
    }
    let hex = |mut text: String, byte: &u8| {
        let _ = write!(text, "{byte:02x}");
        text
    };
    Provenance {
        options,
        digest: hash.finalize().iter().fold(String::new(), hex),
        version: env!("CARGO_PKG_VERSION").into(),
        newest_input: None,
    }
}

fn table(series: &Series, groups: &[Group], statistics: &[Statistic], values: &[Buffer]) -> Table {
    let number = |buffer: &Buffer| match buffer.get(0) {
        Some(Scalar::Float(value)) => value,
        Some(Scalar::Int(value)) => value as f64,
        _ => f64::NAN,
    };
    let row = |(group, values): (&Group, &[Buffer])| Row {
        label: group.label.clone(),
        time: group.step.time,
        maps: group.maps.len(),
        values: values.iter().map(number).collect(),
    };
    let text = |name: &str| {
        let attributes = series.attributes();
        let found = attributes.into_iter().find(|(key, _)| key == name);
        match found {
            Some((_, swathe_io::dataset::AttributeValue::Text(text))) => text,
            _ => String::new(),
        }
    };
    let column = |s: &Statistic| match s.layer_name("") {
        name if name.is_empty() => "mean".to_owned(),
        name => name.trim_start_matches('_').to_owned(),
    };
    Table {
        variable: series.variable().to_owned(),
        units: text("units"),
        columns: statistics.iter().map(column).collect(),
        rows: groups
            .iter()
            .zip(values.chunks(statistics.len().max(1)))
            .map(row)
            .collect(),
    }
}

impl Table {
    /// As comma-separated values.
    pub fn csv(&self) -> String {
        let mut text = format!("time,maps,{}\n", self.columns.join(","));
        for row in &self.rows {
            let values: Vec<String> = row.values.iter().map(f64::to_string).collect();
            let _ = writeln!(text, "{},{},{}", row.label, row.maps, values.join(","));
        }
        text
    }

    /// As JSON: an object with a row for each time; NaN is null.
    pub fn json(&self) -> Value {
        let row = |row: &Row| {
            let mut all = serde_json::Map::new();
            all.insert("time".into(), row.label.clone().into());
            all.insert("maps".into(), row.maps.into());
            for (name, value) in self.columns.iter().zip(&row.values) {
                all.insert(name.clone(), (*value).into());
            }
            Value::Object(all)
        };
        let rows: Vec<Value> = self.rows.iter().map(row).collect();
        json!({ "variable": self.variable, "units": self.units, "rows": rows })
    }
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
