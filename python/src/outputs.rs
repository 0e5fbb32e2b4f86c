//! Outputs of a plan: checked before any work, written at the end.

use crate::errors::{Fault, Raise};
use crate::handed::Handed;
use crate::watched::Watch;
use pyo3::prelude::*;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use swathe::Outputs;
use swathe::job::{ByBins, Finished};

/// Outputs that have been checked, until they are written.
#[pyclass(frozen, module = "swathe._swathe")]
pub struct Opened {
    outputs: Mutex<Option<Outputs>>,
    /// Whether the maps are made here, of bins.
    by_bins: bool,
}

impl Opened {
    /// Outputs of maps; `by_bins`: of maps that are made here, of bins.
    pub fn new(outputs: Outputs, by_bins: bool) -> Self {
        Opened {
            outputs: Mutex::new(Some(outputs)),
            by_bins,
        }
    }

    /// The outputs, to be written; none where they have been taken or given up.
    pub fn take(&self) -> Option<Outputs> {
        self.lock().take()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Outputs>> {
        self.outputs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl Opened {
    /// Gives up what is not written, whoever still holds this.
    fn close(&self) {
        drop(self.take());
    }

    /// The folder into which workers may write the maps, if a Zarr store is all that there is to write.
    fn share(&self, py: Python<'_>) -> PyResult<Option<OsString>> {
        match self.lock().as_mut().filter(|_| !self.by_bins) {
            Some(outputs) => {
                let folder = outputs.share().map_err(|e| e.raise(py))?;
                Ok(folder.map(PathBuf::into_os_string))
            }
            None => Ok(None),
        }
    }
}

/// Writes outputs of a run that is done, and hands the product over: of bins, or a map that is made of them.
pub fn written(
    finished: &Finished,
    outputs: Outputs,
    map: Option<&ByBins>,
    bins: bool,
    live: Option<&swathe::live::Live>,
    watch: &Watch,
) -> Result<Handed, Fault> {
    if let (None, true) = (map, bins) {
        let table = finished.table(0, &mut |event| {
            if let Some(live) = live {
                live.show(event);
            }
            watch.go_on()
        })?;
        outputs.write(finished, &mut |_| watch.go_on())?;
        return Ok(Handed::of_bins(table));
    }
    let product = match map {
        Some(map) => map.product(finished)?,
        None => finished.product()?,
    };
    if let Some(live) = live {
        live.product(&product);
    }
    match map {
        Some(_) => outputs.write_product(&product)?,
        None => outputs.write(finished, &mut |_| watch.go_on())?,
    }
    Ok(Handed::new(product)?)
}
