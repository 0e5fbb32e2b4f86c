//! Pages to watch runs by, and to look at files.

use crate::errors::Fault;
use crate::watched::watched;
use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;
use std::path::PathBuf;
use std::sync::Arc;
use swathe::live::{self, Address};

/// The page of a run. It can be asked for until this is gone.
#[pyclass(frozen, module = "swathe._swathe")]
pub struct Live(pub Arc<live::Live>);

/// Reads where a page is to be served; this machine alone where nothing is said.
fn address(text: Option<&str>) -> PyResult<Address> {
    let parsed = text.map_or(Ok(Address::default()), str::parse);
    parsed.map_err(PyValueError::new_err)
}

#[pymethods]
impl Live {
    #[new]
    fn new(at: Option<&str>) -> PyResult<Self> {
        // Guarded: others may have the same machine, and a notebook's proxy lets them in by name.
        let live = live::Live::start(address(at)?, true);
        let live = live.map_err(|error| PyOSError::new_err(error.to_string()))?;
        Ok(Live(Arc::new(live)))
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
        let address = address(at)?;
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
    let entered = live.watched().enter();
    let outcome = work();
    drop(entered);
    let failure = outcome.as_ref().err().map(Fault::message);
    live.ended(failure.as_deref());
    outcome
}
