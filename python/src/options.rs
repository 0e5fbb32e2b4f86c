//! Options of a job as Python gives them.

use crate::errors::exception;
use crate::grid::Grid;
use pyo3::prelude::*;
use std::fmt::Display;
use std::str::FromStr;
use swathe::core::expression::Expression;
use swathe::core::reduce::Blank;
use swathe::core::resample::Method;
use swathe::core::suggest::UnknownName;
use swathe::job::{Job, OnError, Preset, Purpose, Windowing};

/// Options by name; texts are in the command line's form. What is `None` is chosen by the granules.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct Options<'py> {
    purpose: String,
    variables: Vec<String>,
    grid: Bound<'py, Grid>,
    method: Option<String>,
    flags: Option<String>,
    valid_range: Option<String>,
    condition: Option<String>,
    mask: String,
    statistics: Vec<String>,
    best: Option<String>,
    every: Option<String>,
    day: Option<String>,
    preset: Option<String>,
    weight: Option<String>,
    scheme: String,
    min_count: u64,
    min_granules: u64,
    min_coverage: f64,
    on_error: String,
    allow_mixed: bool,
    empty_maps: bool,
}

impl Options<'_> {
    /// Whether maps are made of bins.
    pub fn is_by_bins(&self) -> bool {
        self.preset.as_deref() == Some("nasa-l3")
    }

    /// The job, and what it is for.
    ///
    /// # Errors
    /// A word that none of the options knows.
    pub fn job(self, py: Python<'_>) -> PyResult<(Job, Purpose)> {
        let methods = Method::ALL.map(|method| (method.name(), method));
        let method = self.method.map(|name| choose(py, "method", &name, methods));
        if !(0.0..=1.0).contains(&self.min_coverage) {
            let reason = format!(
                "min_coverage is a share of the cell, 0 to 1, got {}",
                self.min_coverage
            );
            return Err(exception(py, "PlanError", &reason, None));
        }
        let condition = self.condition.as_deref().map(|text| {
            let condition = Expression::condition(text);
            condition.map_err(|error| exception(py, "PlanError", &error.to_string(), None))
        });
        let best = self.best.as_deref().map(|text| parse(py, text));
        let day = self
            .day
            .as_deref()
            .map(|text| parse(py, text))
            .transpose()?;
        let windows = match self.every.as_deref() {
            None | Some("all") => None,
            Some(every) => Some(Windowing {
                every: parse(py, every)?,
                day,
            }),
        };
        let preset = self.preset.as_deref().map(|text| parse::<Preset>(py, text));
        let weight = self.weight.as_deref().map(|text| parse(py, text));
        let statistics = self.statistics.iter().map(|name| parse(py, name));
        let mut job = Job {
            stack: false,
            variables: self.variables,
            grid: self.grid.get().0.clone(),
            method: method.transpose()?,
            flags: self.flags.map(|text| parse(py, &text)).transpose()?,
            valid_range: self.valid_range.map(|text| parse(py, &text)).transpose()?,
            statistics: statistics.collect::<PyResult<_>>()?,
            best: best.transpose()?,
            windows,
            weight: weight.transpose()?,
            joint: choose(py, "mask", &self.mask, [("each", false), ("joint", true)])?,
            blank: Blank {
                min_count: self.min_count,
                min_granules: self.min_granules,
                min_coverage: self.min_coverage,
            },
            condition: condition.transpose()?,
            scheme: parse(py, &self.scheme)?,
            on_error: choose(
                py,
                "on_error",
                &self.on_error,
                [("stop", OnError::Stop), ("skip", OnError::Skip)],
            )?,
            allow_mixed: self.allow_mixed,
            empty_maps: self.empty_maps,
        };
        if let Some(preset) = preset.transpose()? {
            preset.apply(&mut job);
        }
        let purposes = [("average", Purpose::Average), ("grid", Purpose::Cube)];
        Ok((job, choose(py, "purpose", &self.purpose, purposes)?))
    }
}

fn parse<T: FromStr<Err: Display>>(py: Python<'_>, text: &str) -> PyResult<T> {
    text.parse()
        .map_err(|error: T::Err| exception(py, "PlanError", &error.to_string(), None))
}

/// The value of a name.
pub fn choose<T, const N: usize>(
    py: Python<'_>,
    what: &'static str,
    name: &str,
    known: [(&str, T); N],
) -> PyResult<T> {
    let names = known.each_ref().map(|(name, _)| (*name).to_owned());
    let found = known.into_iter().find(|(known, _)| *known == name);
    match found {
        Some((_, value)) => Ok(value),
        None => {
            let error = UnknownName::new(what, name, &names);
            Err(exception(py, "PlanError", &error.to_string(), None))
        }
    }
}
