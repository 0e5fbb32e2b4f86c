//! Binned files mapped and added, and maps compared.

use crate::errors::{Fault, Raise, exception};
use crate::grid::Grid;
use crate::handed::Handed;
use crate::options::choose;
use crate::watched::watched;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use std::path::PathBuf;
use swathe::Outputs;
use swathe::comparing;
use swathe::core::binned::Mapping;
use swathe::core::reduce::{Blank, Statistic};
use swathe::job::{self, BinMap};

/// How a binned file is mapped, by name.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct MapOptions<'py> {
    variables: Vec<String>,
    grid: Bound<'py, Grid>,
    method: String,
    statistics: Vec<String>,
    min_count: u64,
    min_granules: u64,
}

/// Maps a binned file, writes outputs, and hands the map over, with what should be known of it.
#[pyfunction]
pub fn map_bins<'py>(
    py: Python<'py>,
    bins: PathBuf,
    options: MapOptions<'py>,
    outputs: Vec<PathBuf>,
    overwrite: bool,
) -> PyResult<(Bound<'py, PyDict>, Vec<String>)> {
    let statistics = options.statistics.iter().map(|name| {
        let known = name.parse::<Statistic>();
        known.map_err(|error| exception(py, "PlanError", &error.to_string(), None))
    });
    let statistics: Vec<Statistic> = statistics.collect::<PyResult<_>>()?;
    let map = BinMap {
        geobox: options.grid.get().0.rectangle().map_err(|e| e.raise(py))?,
        mapping: choose(py, "method", &options.method, Mapping::ALL)?,
        blank: Blank {
            min_count: options.min_count,
            min_granules: options.min_granules,
            ..Blank::default()
        },
    };
    let inputs = std::slice::from_ref(&bins);
    let outputs = Outputs::new(&outputs, inputs, overwrite).map_err(|e| e.raise(py))?;
    let variables = options.variables;
    let (handed, notes) = watched(py, None, move |_| {
        let found = job::map_bins(&bins, &variables, &statistics, &map)?;
        outputs.write_product(&found.product)?;
        Ok::<_, Fault>((Handed::new(found.product)?, found.notes))
    })?;
    Ok((handed.into_python(py)?, notes))
}

/// Adds binned files, writes outputs, and hands the bins over, with what should be known of them.
#[pyfunction]
pub fn add_bins(
    py: Python<'_>,
    parts: Vec<PathBuf>,
    outputs: Vec<PathBuf>,
    overwrite: bool,
) -> PyResult<(Bound<'_, PyDict>, Vec<String>)> {
    let outputs = Outputs::new(&outputs, &parts, overwrite).map_err(|e| e.raise(py))?;
    let (handed, notes) = watched(py, None, move |_| {
        let (table, notes) = job::merge_bins(&parts)?;
        outputs.write_bins(&table, &format!("swathe merge {}", table.sources.join(" ")))?;
        Ok::<_, Fault>((Handed::of_bins(table), notes))
    })?;
    Ok((handed.into_python(py)?, notes))
}

/// Compares two maps: how they agree as JSON, notes, and if it is asked for a picture.
#[pyfunction]
pub fn compare(
    py: Python<'_>,
    first: PathBuf,
    second: PathBuf,
    variable: Option<String>,
    largest: usize,
    picture: bool,
) -> PyResult<(String, Vec<String>, Option<Bound<'_, PyBytes>>)> {
    let (told, notes, png) = watched(py, None, move |_| {
        let compared = comparing::compare(&first, &second, variable.as_deref(), largest)?;
        let picture = picture.then(|| compared.picture()).transpose()?;
        Ok::<_, Fault>((compared.as_json().to_string(), compared.notes(), picture))
    })?;
    Ok((told, notes, png.map(|png| PyBytes::new(py, &png))))
}
