//! Lazy arrays in parts, for Dask: tasks, and what they give, as objects that travel as bytes.

use crate::array::{LazyArray, elements, numpy_array};
use crate::errors::Raise;
use crate::pool::pool;
use numpy::PyUntypedArray;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use swathe::core::array::{
    Array, ArrayError, Buffer, ChunkSource, Cut, DType, Earlier, Parts, Share, Work,
};
use swathe::io::stored;
use swathe::job::JobError;

/// What the descriptions of [`Given`] begin with.
const MARK: &[u8] = b"given:";

/// Functions that give chunks by their first indices, by the names of arrays.
pub type Fetchers = HashMap<String, Py<PyAny>>;

/// An array whose chunks Python has, or gets.
pub struct Given {
    name: String,
    fetch: Option<Py<PyAny>>,
    dtype: Option<DType>,
}

impl ChunkSource for Given {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn read(&self, region: &[Range<usize>]) -> Result<Buffer, String> {
        let Some(fetch) = &self.fetch else {
            return Err(format!("{}: its chunks are elsewhere", self.name));
        };
        Python::attach(|py| {
            let starts = PyTuple::new(py, region.iter().map(|range| range.start));
            let values = starts.and_then(|starts| fetch.bind(py).call1((starts,)));
            let values = values.and_then(|values| {
                let values = values.cast::<PyUntypedArray>()?;
                elements(values)
            });
            let values = values.map_err(|error| format!("{}: {error}", self.name))?;
            Ok(match self.dtype {
                Some(dtype) => values.cast(dtype),
                None => values,
            })
        })
    }

    fn description(&self) -> Option<Vec<u8>> {
        Some([MARK, self.name.as_bytes()].concat())
    }

    fn as_any(&self) -> Option<&dyn std::any::Any> {
        Some(self)
    }
}

impl Given {
    /// The function that gives its chunks.
    pub fn fetcher(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.fetch.as_ref().map(|fetch| fetch.clone_ref(py))
    }

    /// An array of chunks that a function gives.
    pub fn array(
        name: String,
        fetch: Py<PyAny>,
        shape: &[usize],
        dtype: DType,
        cuts: &[Cut],
    ) -> Result<Array, ArrayError> {
        let given = Given {
            name,
            fetch: Some(fetch),
            dtype: Some(dtype),
        };
        Array::from_source(Arc::new(given), shape, dtype, cuts)
    }
}

/// Outside arrays of descriptions: files, and what Python has.
pub fn array_of(bytes: &[u8], fetchers: &Fetchers) -> Result<Array, ArrayError> {
    Array::from_bytes(bytes, &|description| match description.strip_prefix(MARK) {
        None => stored::described(description),
        Some(name) => {
            let name = String::from_utf8_lossy(name).into_owned();
            let fetch = fetchers
                .get(&name)
                .map(|fetch| Python::attach(|py| fetch.clone_ref(py)));
            Ok(Arc::new(Given {
                name,
                fetch,
                dtype: None,
            }))
        }
    })
}

/// A computation in parts.
#[pyclass(frozen, module = "swathe._swathe")]
pub struct ArrayParts(Arc<Parts>);

/// What some of the chunks gave.
#[pyclass(frozen, module = "swathe._swathe")]
pub struct ArrayShare(Share);

/// Results of a stage, whole or a chunk of them.
#[pyclass(frozen, module = "swathe._swathe")]
pub struct ArrayResults(Vec<Arc<Buffer>>);

type EarlierResults<'py> = Vec<(usize, PyRef<'py, ArrayResults>)>;

fn earlier(given: &EarlierResults<'_>) -> Earlier {
    let one = |(stage, results): &(usize, PyRef<'_, ArrayResults>)| (*stage, results.0.clone());
    given.iter().map(one).collect()
}

fn shared(results: Vec<Buffer>) -> ArrayResults {
    ArrayResults(results.into_iter().map(Arc::new).collect())
}

thread_local! {
    /// A pool of this thread's own: a scheduler elsewhere counts threads.
    static ONE: Result<ThreadPool, String> =
        ThreadPoolBuilder::new().num_threads(1).build().map_err(|error| error.to_string());
}

/// Does a task without the interpreter, decoding included, on one thread.
fn alone<T: Send>(
    py: Python<'_>,
    work: impl FnOnce(&ThreadPool) -> Result<T, ArrayError> + Send,
) -> PyResult<T> {
    let made = py.detach(|| {
        ONE.with(|pool| match pool {
            Ok(pool) => Ok(pool.install(|| work(pool))),
            Err(error) => Err(error.clone()),
        })
    });
    match made {
        Ok(made) => made.map_err(|error| error.raise(py)),
        Err(error) => Err(PyValueError::new_err(error)),
    }
}

#[pymethods]
impl ArrayParts {
    /// Of an array, or of the bytes of one.
    #[new]
    fn new(py: Python<'_>, bytes: &[u8], fetchers: Fetchers) -> PyResult<Self> {
        let array = array_of(bytes, &fetchers).map_err(|error| error.raise(py))?;
        Ok(ArrayParts(Arc::new(Parts::new(&array))))
    }

    #[staticmethod]
    fn of(array: &LazyArray) -> Self {
        ArrayParts(Arc::new(Parts::new(&array.0)))
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let bytes = self.0.array().to_bytes().map_err(|error| error.raise(py))?;
        let class = py.get_type::<ArrayParts>();
        let fetchers = pyo3::types::PyDict::new(py);
        let made = (class, (PyBytes::new(py, &bytes), fetchers));
        Ok(made.into_pyobject(py)?.into_any())
    }

    /// So many shares are merged at a time.
    #[classattr]
    #[expect(non_upper_case_globals, reason = "an attribute of Python's")]
    const merged: usize = Parts::MERGED;

    /// Of each stage: "chunks", "shares" or "whole"; chunks; shares of each; elements of a share; needs.
    fn stages(&self) -> Vec<(&'static str, usize, usize, usize, Vec<usize>)> {
        let one = |(work, needs): (Work, Vec<usize>)| match work {
            Work::Chunks { chunks } => ("chunks", chunks, 0, 0, needs),
            Work::Shares {
                chunks,
                shares,
                elements,
            } => ("shares", chunks, shares, elements, needs),
            Work::Whole => ("whole", 1, 0, 0, needs),
        };
        self.0.stages().into_iter().map(one).collect()
    }

    /// Bytes that a task of a stage holds at most, and those of a share.
    fn bytes(&self, stage: usize) -> (u64, u64) {
        self.0.bytes(stage)
    }

    /// A chunk of the array, as a numpy array.
    fn chunk<'py>(
        &self,
        py: Python<'py>,
        chunk: usize,
        needed: EarlierResults<'py>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let needed = earlier(&needed);
        let parts = self.0.clone();
        let values = alone(py, move |_| parts.chunk(chunk, &needed))?;
        numpy_array(py, values, &self.shape(chunk))
    }

    fn apply(
        &self,
        py: Python<'_>,
        stage: usize,
        chunk: usize,
        shares: (usize, usize),
        needed: EarlierResults<'_>,
    ) -> PyResult<ArrayShare> {
        let needed = earlier(&needed);
        let parts = self.0.clone();
        let share = alone(py, move |_| {
            parts.apply(stage, chunk, shares.0..shares.1, &needed)
        });
        share.map(ArrayShare)
    }

    fn merge(
        &self,
        py: Python<'_>,
        stage: usize,
        shares: Vec<PyRef<'_, ArrayShare>>,
    ) -> PyResult<ArrayShare> {
        let shares: Vec<Share> = shares.iter().map(|share| share.0.clone()).collect();
        let parts = self.0.clone();
        alone(py, move |_| parts.merge(stage, shares)).map(ArrayShare)
    }

    fn finish(
        &self,
        py: Python<'_>,
        stage: usize,
        chunk: usize,
        share: &ArrayShare,
    ) -> PyResult<ArrayResults> {
        let share = share.0.clone();
        let parts = self.0.clone();
        alone(py, move |_| parts.finish(stage, chunk, share)).map(shared)
    }

    fn gather(
        &self,
        py: Python<'_>,
        stage: usize,
        chunks: Vec<PyRef<'_, ArrayResults>>,
    ) -> PyResult<ArrayResults> {
        let chunks: Vec<Vec<Arc<Buffer>>> = chunks.iter().map(|chunk| chunk.0.clone()).collect();
        let parts = self.0.clone();
        alone(py, move |_| parts.gather(stage, &chunks)).map(shared)
    }

    fn whole(
        &self,
        py: Python<'_>,
        stage: usize,
        needed: EarlierResults<'_>,
    ) -> PyResult<ArrayResults> {
        let needed = earlier(&needed);
        let parts = self.0.clone();
        // Not from within the pool: it does tasks on it.
        let made = py.detach(move || {
            let pool = pool(Some(1))?;
            Ok(parts.whole(stage, &pool, &needed))
        });
        let made = made.map_err(|error: JobError| error.raise(py))?;
        made.map(shared).map_err(|error| error.raise(py))
    }

    /// A chunk of the array, of its results.
    fn values<'py>(
        &self,
        py: Python<'py>,
        chunk: usize,
        results: &ArrayResults,
    ) -> PyResult<Bound<'py, PyAny>> {
        let Some(values) = results.0.first() else {
            return Err(PyValueError::new_err("there is no result"));
        };
        numpy_array(py, (**values).clone(), &self.shape(chunk))
    }

    /// The chunks of arrays that Python has which a task reads: names, and first indices of chunks.
    fn reads(
        &self,
        py: Python<'_>,
        stage: usize,
        chunk: usize,
        shares: (usize, usize),
    ) -> PyResult<Vec<(String, Vec<Vec<usize>>)>> {
        let reads = self.0.reads(stage, chunk, shares.0..shares.1);
        let reads = reads.map_err(|error| error.raise(py))?;
        let given = reads.into_iter().filter_map(|(array, chunks)| {
            let name = given_name(array.source()?)?;
            let starts = |number: usize| {
                let region = array.chunks().region(number);
                region.iter().map(|range| range.start).collect()
            };
            Some((name, chunks.into_iter().map(starts).collect()))
        });
        Ok(given.collect())
    }
}

impl ArrayParts {
    fn shape(&self, chunk: usize) -> Vec<usize> {
        let chunks = self.0.array().chunks();
        match chunk < chunks.count() {
            true => chunks
                .region(chunk)
                .iter()
                .map(|range| range.len())
                .collect(),
            false => Vec::new(),
        }
    }
}

fn given_name(source: &Arc<dyn ChunkSource>) -> Option<String> {
    let description = source.description()?;
    let name = description.strip_prefix(MARK)?;
    Some(String::from_utf8_lossy(name).into_owned())
}

#[pymethods]
impl ArrayShare {
    #[new]
    fn new(py: Python<'_>, bytes: &[u8]) -> PyResult<Self> {
        let share = Share::from_bytes(bytes).map_err(|error| error.raise(py))?;
        Ok(ArrayShare(share))
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let bytes = self.0.to_bytes().map_err(|error| error.raise(py))?;
        let made = (py.get_type::<ArrayShare>(), (PyBytes::new(py, &bytes),));
        Ok(made.into_pyobject(py)?.into_any())
    }
}

#[pymethods]
impl ArrayResults {
    #[new]
    fn new(values: Vec<Bound<'_, PyUntypedArray>>) -> PyResult<Self> {
        let values: PyResult<Vec<Buffer>> = values.iter().map(elements).collect();
        values.map(shared)
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let one = |values: &Arc<Buffer>| numpy_array(py, (**values).clone(), &[values.len()]);
        let values: PyResult<Vec<_>> = self.0.iter().map(one).collect();
        let made = (py.get_type::<ArrayResults>(), (values?,));
        Ok(made.into_pyobject(py)?.into_any())
    }
}
