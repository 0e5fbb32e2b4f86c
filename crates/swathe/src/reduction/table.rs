//! Numbers over an area, as a table.

use super::groups::Group;
use serde_json::{Value, json};
use std::fmt::Write as _;
use swathe_core::array::{Buffer, Scalar};
use swathe_io::dataset::AttributeValue;
use swathe_io::product::Statistic;
use swathe_io::product::gridded::Series;

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

/// The table of values, each a number, which are of each group and in it of each statistic.
pub(super) fn table(
    series: &Series,
    groups: &[Group],
    statistics: &[Statistic],
    values: &[Buffer],
) -> Table {
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
            Some((_, AttributeValue::Text(text))) => text,
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
