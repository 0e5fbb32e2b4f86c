//! Gridded files reduced.

use crate::array::{LazyArray, elements};
use crate::errors::{Fault, Raise as _, exception};
use crate::handed::{Handed, array};
use crate::inputs::{Input, paths};
use crate::live::{self, Live};
use crate::pool::{pool, within};
use crate::watched::watched;
use numpy::PyUntypedArray;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use swathe::ReducedOutputs;
use swathe::core::array::Buffer;
use swathe::job::JobError;
use swathe::reduction::{self, Reduced, Reduction, Table, reduce as reduce_files, statistic_named};

/// What is asked for, in the command line's words.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct Asked {
    variable: String,
    over: String,
    statistics: Vec<String>,
    every: Option<String>,
    weight: String,
    bbox: Option<[f64; 4]>,
    memory: Option<u64>,
    threads: Option<usize>,
}

impl Asked {
    fn reduction(&self, py: Python<'_>) -> PyResult<Reduction> {
        let refuse = |message: String| exception(py, "PlanError", &message, None);
        let statistics = self.statistics.iter().map(|name| statistic_named(name));
        let by_area = match self.weight.as_str() {
            "area" => true,
            "equal" => false,
            other => return Err(refuse(format!("weight is area or equal, not {other:?}"))),
        };
        Ok(Reduction {
            variable: self.variable.clone(),
            over: self.over.parse().map_err(refuse)?,
            statistics: statistics.collect::<Result<_, _>>().map_err(refuse)?,
            every: self
                .every
                .as_deref()
                .map(FromStr::from_str)
                .transpose()
                .map_err(refuse)?,
            by_area,
            bbox: self.bbox,
        })
    }
}

enum Made {
    Maps(Handed),
    Table(Table),
}

/// Reduces gridded files, writes outputs, and hands the result over: as [`Handed`] does it, or as
/// `{"variable", "units", "columns", "labels", "times", "maps", "values"}`.
#[pyfunction]
pub fn reduce<'py>(
    py: Python<'py>,
    inputs: Vec<Input>,
    asked: Asked,
    outputs: Vec<PathBuf>,
    overwrite: bool,
    progress: Option<&Bound<'py, PyAny>>,
    live: Option<&Live>,
) -> PyResult<Bound<'py, PyDict>> {
    let reduction = asked.reduction(py)?;
    let live = live.map(|live| live.0.clone());
    let made = watched(py, progress, move |watch| {
        let live = live.as_deref();
        live::watch(live, || {
            let paths = paths(&inputs)?;
            let outputs = ReducedOutputs::new(&outputs, &paths, &reduction, overwrite)?;
            let pool = pool(asked.threads)?;
            let mut observer = |step: swathe::core::array::Step| {
                if let Some(live) = live {
                    live.reduced(&reduction.variable, paths.len(), step.done, step.total);
                }
                watch.step((step.done, step.total, 0, String::new()))
            };
            let reduced = reduce_files(&paths, &reduction, &pool, asked.memory, &mut observer)?;
            if let (Some(live), Reduced::Maps(product)) = (live, &reduced) {
                live.product(product);
            }
            within(&pool, || outputs.write(&reduced))?;
            Made::of(reduced)
        })
    })?;
    made.into_python(py)
}

impl Made {
    fn of(reduced: Reduced) -> Result<Self, Fault> {
        Ok(match reduced {
            Reduced::Maps(product) => Made::Maps(Handed::new(*product)?),
            Reduced::Table(table) => Made::Table(table),
        })
    }

    fn into_python(self, py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
        match self {
            Made::Maps(handed) => handed.into_python(py),
            Made::Table(table) => told(py, table),
        }
    }
}

/// A reduction whose arrays are computed elsewhere, with its outputs, which have been checked.
#[pyclass(frozen, module = "swathe._swathe")]
pub struct Reducing(Mutex<Option<(reduction::Reducing, ReducedOutputs)>>);

impl Reducing {
    fn lock(&self) -> MutexGuard<'_, Option<(reduction::Reducing, ReducedOutputs)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl Reducing {
    #[new]
    fn new(
        py: Python<'_>,
        inputs: Vec<Input>,
        asked: Asked,
        outputs: Vec<PathBuf>,
        overwrite: bool,
    ) -> PyResult<Self> {
        let reduction = asked.reduction(py)?;
        watched(py, None, move |_| {
            let paths = paths(&inputs)?;
            let outputs = ReducedOutputs::new(&outputs, &paths, &reduction, overwrite)?;
            let reducing = within(&*pool(None)?, || {
                reduction::Reducing::new(&paths, &reduction)
            })?;
            Ok::<_, Fault>(Reducing(Mutex::new(Some((reducing, outputs)))))
        })
    }

    /// What is to be computed.
    fn arrays(&self) -> Vec<LazyArray> {
        let held = self.lock();
        let arrays = held.iter().flat_map(|(reducing, _)| reducing.arrays());
        arrays.cloned().map(LazyArray).collect()
    }

    /// Local files and folders that are read, with the lengths of files.
    fn files(&self, py: Python<'_>) -> PyResult<Vec<(PathBuf, Option<u64>)>> {
        match &*self.lock() {
            Some((reducing, _)) => reducing.files().map_err(|e| e.raise(py)),
            None => Ok(Vec::new()),
        }
    }

    /// Takes the values of the arrays, writes outputs, and hands the result over: as [`reduce`] does.
    fn finish<'py>(
        &self,
        py: Python<'py>,
        values: Vec<Bound<'py, PyUntypedArray>>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let values: PyResult<Vec<Buffer>> = values.iter().map(elements).collect();
        let values = values?;
        let Some((reducing, outputs)) = self.lock().take() else {
            return Err(JobError::cluster("it is finished already").raise(py));
        };
        let made = watched(py, None, move |_| {
            let reduced = reducing.finish(values)?;
            within(&*pool(None)?, || outputs.write(&reduced))?;
            Made::of(reduced)
        })?;
        made.into_python(py)
    }
}

fn told(py: Python<'_>, table: Table) -> PyResult<Bound<'_, PyDict>> {
    let dict = PyDict::new(py);
    let (rows, columns) = (table.rows.len(), table.columns.len());
    let labels: Vec<&str> = table.rows.iter().map(|row| row.label.as_str()).collect();
    dict.set_item("labels", labels)?;
    let times = table.rows.iter().map(|row| row.time).collect();
    dict.set_item("times", array(py, times, &[rows])?)?;
    let maps = table.rows.iter().map(|row| row.maps as i64).collect();
    dict.set_item("maps", array(py, maps, &[rows])?)?;
    let values = table.rows.iter().flat_map(|row| row.values.iter().copied());
    dict.set_item("values", array(py, values.collect(), &[rows, columns])?)?;
    dict.set_item("variable", table.variable)?;
    dict.set_item("units", table.units)?;
    dict.set_item("columns", table.columns)?;
    Ok(dict)
}
