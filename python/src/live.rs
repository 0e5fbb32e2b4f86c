//! Pages to watch runs by, and to look at files.

use crate::errors::{Fault, Raise as _, exception};
use crate::plan::Plan;
use crate::watched::watched;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyBytes;
use std::path::PathBuf;
use std::sync::Arc;
use swathe::core::watch::here;
use swathe::live::{self, Address};

/// The page of a run. It can be asked for until this is gone.
#[pyclass(frozen, module = "swathe._swathe")]
pub struct Live(pub Arc<live::Live>);

/// Reads where a page is to be served; this machine alone where nothing is said.
fn address(py: Python<'_>, text: Option<&str>) -> PyResult<Address> {
    let parsed = text.map_or(Ok(Address::default()), str::parse);
    parsed.map_err(|reason: String| {
        let given = text.unwrap_or_default();
        exception(py, "PlanError", &format!("live {given:?}: {reason}"), None)
    })
}

#[pymethods]
impl Live {
    #[new]
    fn new(py: Python<'_>, at: Option<&str>) -> PyResult<Self> {
        let address = address(py, at)?;
        // Guarded: others may have the same machine, and a notebook's proxy lets them in by name.
        match live::Live::start(address, true) {
            Ok(live) => Ok(Live(Arc::new(live))),
            Err(error) => {
                let reason = format!("no page can be served at {address}: {error}");
                Err(exception(py, "IoError", &reason, None))
            }
        }
    }

    /// The page's address, with its token.
    #[getter]
    fn link(&self) -> String {
        self.0.link()
    }

    #[getter]
    fn port(&self) -> u16 {
        self.0.port()
    }

    /// A plan begins that tasks elsewhere carry out. Gives the stride for their recorders.
    fn begin(&self, plan: &Plan) -> usize {
        plan.begin(&self.0)
    }

    /// Another page about the run.
    fn see_also(&self, label: &str, address: &str) {
        self.0.see_also(label, address);
    }

    /// Takes what a task noted, on a worker of this name.
    fn take(&self, py: Python<'_>, worker: &str, news: PyBackedBytes) -> PyResult<()> {
        let taken = py.detach(|| self.0.take(worker, &news));
        taken.map_err(|error| error.raise(py))
    }

    /// The run has ended.
    fn ended(&self, failure: Option<&str>) {
        self.0.ended(failure);
    }
}

/// Notes what a task does, for a page elsewhere.
#[pyclass(frozen, module = "swathe._swathe")]
pub struct Recorder(pub Arc<live::Recorder>);

#[pymethods]
impl Recorder {
    #[new]
    fn new(stride: usize) -> Self {
        Recorder(Arc::new(live::Recorder::new(stride)))
    }

    /// What is new, to be sent; None where nothing is.
    fn take<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let news = py.detach(|| self.0.take()).map_err(|e| e.raise(py))?;
        Ok(news.map(|news| PyBytes::new(py, &news)))
    }
}

/// The page of a file. It can be asked for until this is gone.
#[pyclass(frozen, module = "swathe._swathe")]
pub struct Serving(live::Serving);

#[pymethods]
impl Serving {
    #[new]
    fn new(
        py: Python<'_>,
        file: PathBuf,
        variables: Vec<String>,
        at: Option<&str>,
    ) -> PyResult<Self> {
        let address = address(py, at)?;
        watched(py, None, move |_| {
            Ok::<_, Fault>(Serving(live::Serving::start(
                &file, &variables, address, true,
            )?))
        })
    }

    /// The page's address, with its token.
    #[getter]
    fn link(&self) -> String {
        self.0.link()
    }

    #[getter]
    fn port(&self) -> u16 {
        self.0.port()
    }
}

/// Carries work out that a page watches, and tells it how it ended.
pub fn watch<T>(
    live: Option<&live::Live>,
    work: impl FnOnce() -> Result<T, Fault>,
) -> Result<T, Fault> {
    let Some(live) = live else {
        return work();
    };
    let entered = live.watched().stopped_as(&here()).enter();
    let outcome = work();
    drop(entered);
    let failure = outcome.as_ref().err().map(Fault::message);
    live.ended(failure.as_deref());
    outcome
}
