//! Runs spread over a cluster: bytes, which Python carries between processes.

use crate::errors::{Fault, Raise as _};
use crate::handed::{Handed, numbers};
use crate::live::Recorder;
use crate::pool::pool;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyDict};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use swathe::io::bytes::{ByteSource, FileSource};
use swathe::job::{self, Finished, JobError, Spread};

/// A spread run as Python takes it: tasks (assignment, granules, name of the last, numbers of parts), what closes the
/// run, local files with their lengths, and what is written together: orders, with the numbers of parts of each.
pub type Made<'py> = (
    Vec<(Bound<'py, PyBytes>, usize, String, Vec<usize>)>,
    Bound<'py, PyBytes>,
    Vec<(PathBuf, u64)>,
    Vec<Vec<(Bound<'py, PyBytes>, Vec<usize>)>>,
);

/// Hands a spread run to Python.
pub fn made(py: Python<'_>, spread: Spread) -> Made<'_> {
    let tasks = spread.tasks.into_iter().map(|task| {
        let assignment = PyBytes::new(py, &task.assignment);
        (assignment, task.granules, task.last, task.parts)
    });
    let storing = spread.storing.into_iter().map(|storing| {
        let encodings = storing.encodings.into_iter();
        let encodings = encodings.map(|e| (PyBytes::new(py, &e.order), e.parts));
        encodings.collect()
    });
    (
        tasks.collect(),
        PyBytes::new(py, &spread.closing),
        spread.files,
        storing.collect(),
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

/// Puts together what tasks left; `tiles`: of maps that workers have finished; `receipts`: of those that they have
/// written.
///
/// # Errors
/// Those of [`job::collect`].
pub fn together(
    closing: &[u8],
    mut parts: Vec<Arc<dyn ByteSource>>,
    tiles: Option<Vec<Arc<dyn ByteSource>>>,
    receipts: Option<Vec<Part>>,
) -> Result<Finished, JobError> {
    let Some(tiles) = tiles else {
        return job::collect(closing, parts);
    };
    let Some(came) = parts.pop() else {
        return Err(JobError::cluster("nothing came of the granules"));
    };
    let held = receipts.iter().flatten().map(|receipt| match receipt {
        Part::Bytes(bytes) => Ok(&**bytes),
        Part::File(_) => Err(JobError::cluster("a receipt is bytes")),
    });
    let held: Vec<&[u8]> = held.collect::<Result<_, _>>()?;
    job::collect_finished(closing, came, tiles, receipts.is_some().then_some(&held))
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
#[pyo3(signature = (assignment, memory, scratch, recorder=None))]
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

/// Finishes some maps of a spread run in some tiles, on one thread.
#[pyfunction]
pub fn encode<'py>(
    py: Python<'py>,
    closing: PyBackedBytes,
    order: PyBackedBytes,
    parts: Vec<Part>,
) -> PyResult<Bound<'py, PyBytes>> {
    let encoded = py.detach(|| {
        let pool = pool(Some(1))?;
        job::encode(&closing, &order, sources(parts)?, &pool)
    });
    let encoded = encoded.map_err(|e: JobError| e.raise(py))?;
    Ok(PyBytes::new(py, &encoded))
}

/// Writes tiles into the folder of a store, and gives a receipt.
#[pyfunction]
pub fn store<'py>(
    py: Python<'py>,
    closing: PyBackedBytes,
    folder: PathBuf,
    came: PyBackedBytes,
    encoded: Vec<PyBackedBytes>,
) -> PyResult<Bound<'py, PyBytes>> {
    let receipt = py.detach(|| {
        let encoded: Vec<&[u8]> = encoded.iter().map(|bytes| &**bytes).collect();
        job::store(&closing, &folder, Arc::new(Held(came)), &encoded)
    });
    let receipt = receipt.map_err(|e: JobError| e.raise(py))?;
    Ok(PyBytes::new(py, &receipt))
}

/// Makes the layers of a granule of a lazy cube, on one thread, in so many bytes of memory: an array of rows and columns
/// for every variable.
#[pyfunction]
pub fn layers<'py>(
    py: Python<'py>,
    step: PyBackedBytes,
    shape: (usize, usize),
    memory: Option<u64>,
) -> PyResult<Vec<Bound<'py, PyAny>>> {
    let made = py.detach(|| job::layers(&step, memory, &*pool(Some(1))?));
    let made = made.map_err(|e: JobError| e.raise(py))?;
    let shape = [shape.0, shape.1];
    made.into_iter()
        .map(|layer| numbers(py, layer, &shape))
        .collect()
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
