//! Runs spread over a cluster: bytes, which Python carries between processes.

use crate::errors::{Fault, Raise as _};
use crate::handed::Handed;
use crate::live::Recorder;
use crate::pool::pool;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyDict};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use swathe::io::bytes::{ByteSource, FileSource};
use swathe::job::{self, JobError, Spread};

/// A spread run as Python takes it: tasks (assignment, granules, name of the last, windows), whether parts are
/// combined, what closes the run, local files with their lengths.
pub type Made<'py> = (
    Vec<(Bound<'py, PyBytes>, usize, String, Vec<usize>)>,
    bool,
    Bound<'py, PyBytes>,
    Vec<(PathBuf, u64)>,
);

/// Hands a spread run to Python.
pub fn made(py: Python<'_>, spread: Spread) -> Made<'_> {
    let tasks = spread.tasks.into_iter().map(|task| {
        let assignment = PyBytes::new(py, &task.assignment);
        (assignment, task.granules, task.last, task.windows)
    });
    (
        tasks.collect(),
        spread.combined,
        PyBytes::new(py, &spread.closing),
        spread.files,
    )
}

/// What a task left: bytes, or a file of them.
#[derive(FromPyObject)]
pub enum Part {
    /// As Python holds them.
    #[pyo3(transparent)]
    Bytes(PyBackedBytes),
    /// A local file.
    #[pyo3(transparent)]
    File(PathBuf),
}

impl Part {
    fn source(self) -> Result<Arc<dyn ByteSource>, JobError> {
        Ok(match self {
            Part::Bytes(bytes) => Arc::new(Held(bytes)),
            Part::File(path) => Arc::new(FileSource::open(&path).map_err(JobError::Files)?),
        })
    }
}

/// Reads parts where they are.
///
/// # Errors
/// A file that cannot be read.
pub fn sources(parts: Vec<Part>) -> Result<Vec<Arc<dyn ByteSource>>, JobError> {
    parts.into_iter().map(Part::source).collect()
}

/// Bytes that Python holds, not copied.
struct Held(PyBackedBytes);

impl ByteSource for Held {
    fn name(&self) -> &str {
        "what a task left"
    }

    fn len(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let start = usize::try_from(offset).map_err(|_| io::ErrorKind::UnexpectedEof)?;
        let end = start.checked_add(buffer.len());
        let part = end.and_then(|end| self.0.get(start..end));
        buffer.copy_from_slice(part.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

/// Does a task of a spread run on one thread, in so many bytes of memory, and gives the parts that it leaves. What
/// it does is noted by a recorder, if there is one.
#[pyfunction]
pub fn carry_out<'py>(
    py: Python<'py>,
    assignment: PyBackedBytes,
    memory: Option<u64>,
    scratch: PathBuf,
    recorder: Option<&Recorder>,
) -> PyResult<Vec<Bound<'py, PyBytes>>> {
    let recorder = recorder.map(|recorder| recorder.0.clone());
    let parts = py.detach(|| {
        let scratch = &scratch;
        let worker = job::Worker { memory, scratch };
        worker.carry_out_watched(&assignment, &*pool(Some(1))?, recorder.as_ref())
    });
    let parts = parts.map_err(|e: JobError| e.raise(py))?;
    Ok(parts.iter().map(|part| PyBytes::new(py, part)).collect())
}

/// Combines parts of one window.
#[pyfunction]
pub fn combine(py: Python<'_>, parts: Vec<Part>) -> PyResult<Bound<'_, PyBytes>> {
    let combined = py.detach(|| job::combine(sources(parts)?));
    let combined = combined.map_err(|e: JobError| e.raise(py))?;
    Ok(PyBytes::new(py, &combined))
}

/// Puts parts together to a product, on one thread, and hands it over.
#[pyfunction]
pub fn collect<'py>(
    py: Python<'py>,
    closing: PyBackedBytes,
    parts: Vec<Part>,
) -> PyResult<Bound<'py, PyDict>> {
    let handed = py.detach(|| {
        let finished = job::collect(&closing, sources(parts)?)?;
        let product = pool(Some(1))?.install(|| finished.product())?;
        Ok::<_, Fault>(Handed::new(product)?)
    });
    handed.map_err(|e| e.raise(py))?.into_python(py)
}
