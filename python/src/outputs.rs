//! Outputs of a plan: checked before any work, written at the end.

use crate::errors::{Fault, Raise};
use crate::handed::Handed;
use crate::watched::Watch;
use pyo3::prelude::*;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use swathe::Outputs;
use swathe::cluster::Wanted;
use swathe::job::{ByBins, Event, Finished, MapSource};

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

    /// What is wanted of workers: whether parts that are not finished; the folder of a store into which they may
    /// write the maps; whether the maps are wanted here.
    fn wanted(&self, py: Python<'_>) -> PyResult<(bool, Option<OsString>, bool)> {
        let wanted = match self.lock().as_mut().filter(|_| !self.by_bins) {
            Some(outputs) => outputs.wanted().map_err(|e| e.raise(py))?,
            None => Wanted::Maps,
        };
        Ok(match wanted {
            Wanted::Parts { .. } => (true, None, false),
            Wanted::Maps => (false, None, true),
            Wanted::Store { folder, maps } => (false, Some(folder.into_os_string()), maps),
        })
    }
}

/// The result of a run, for Python.
pub enum Written {
    /// In memory.
    Handed(Handed),
    /// In a file that has been written.
    File(PathBuf),
}

/// Writes outputs of a run that is done, and hands the product over: of bins, or a map that is made of them. Maps of
/// more than `most` bytes stay in a file, if one of them is written.
pub fn written(
    finished: &Finished,
    outputs: Outputs,
    map: Option<&ByBins>,
    bins: bool,
    most: Option<u64>,
    live: Option<&swathe::live::Live>,
    watch: &Watch,
) -> Result<Written, Fault> {
    let mut show = |event: &Event<'_>| {
        if let Some(live) = live {
            live.show(event);
        }
        watch.go_on()
    };
    if let (None, true) = (map, bins) {
        let table = finished.table(0, &mut show)?;
        outputs.write(finished, &mut |_| watch.go_on())?;
        return Ok(Written::Handed(Handed::of_bins(table)));
    }
    let mapped;
    let maps: &dyn MapSource = match map {
        Some(map) => {
            mapped = map.maps(finished)?;
            &mapped
        }
        None => finished,
    };
    let large = most.is_some_and(|most| maps.description().bytes() > most);
    let stays = large || finished.stored().is_some();
    if let Some(path) = outputs.maps_file().filter(|_| stays) {
        outputs.write_maps(maps, &mut show)?;
        return Ok(Written::File(path));
    }
    let product = outputs.write_and_keep(maps, &mut show)?;
    Ok(Written::Handed(Handed::new(product)?))
}

impl Written {
    /// A dictionary of its variables, or the file's path.
    ///
    /// # Errors
    /// Python has no memory for it.
    pub fn into_python(self, py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
        match self {
            Written::Handed(handed) => Ok(handed.into_python(py)?.into_any()),
            Written::File(path) => Ok(path.into_os_string().into_pyobject(py)?.into_any()),
        }
    }
}
