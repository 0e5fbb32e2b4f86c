//! Lazy arrays, and what makes random ones.

use crate::errors::{Raise, exception};
use crate::handed;
use crate::inputs::{Input, stored_files};
use crate::parts::{Fetchers, Given, array_of};
use crate::pool::pool;
use crate::watched::watched;
use numpy::{PyReadonlyArrayDyn, PyUntypedArray, PyUntypedArrayMethods as _};
use pyo3::exceptions::{
    PyIndexError, PyKeyboardInterrupt, PyMemoryError, PyOverflowError, PyTypeError, PyValueError,
};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use std::sync::{Arc, Mutex, PoisonError};
use swathe::core::array::random::{self, Distribution, Pcg64, SeedSequence, StreamKind};
use swathe::core::array::{
    self, Array, ArrayError, Binary, Buffer, ChunkSource as _, Cut, DType, Over, Part, Scalar,
    Statistic, Unary,
};
use swathe::io::picture::array_graph;
use swathe::io::stored::{self, Opening};
use swathe::job::{JobError, check_room};

impl Raise for ArrayError {
    fn raise(&self, py: Python<'_>) -> PyErr {
        let said = self.to_string();
        match self {
            ArrayError::Axis { .. } => {
                let class = py
                    .import("numpy.exceptions")
                    .and_then(|numpy| numpy.getattr("AxisError"));
                match class.and_then(|class| class.call1((said.clone(),))) {
                    Ok(made) => PyErr::from_value(made),
                    Err(_) => PyIndexError::new_err(said),
                }
            }
            ArrayError::Index(_) => PyIndexError::new_err(said),
            ArrayError::Type(_) => PyTypeError::new_err(said),
            ArrayError::Overflow { .. } => PyOverflowError::new_err(said),
            ArrayError::Memory { .. } => PyMemoryError::new_err(said),
            ArrayError::Source(_) => exception(py, "FormatError", &said, None),
            ArrayError::Interrupted => PyKeyboardInterrupt::new_err(()),
            _ => PyValueError::new_err(said),
        }
    }
}

/// What computing may end with besides a result.
enum Fault {
    Array(ArrayError),
    Threads(JobError),
}

impl Raise for Fault {
    fn raise(&self, py: Python<'_>) -> PyErr {
        match self {
            Fault::Array(error) => error.raise(py),
            Fault::Threads(error) => error.raise(py),
        }
    }
}

/// Raises what a call ends with.
trait OrRaise<T> {
    fn or_raise(self, py: Python<'_>) -> PyResult<T>;
}

impl<T> OrRaise<T> for Result<T, ArrayError> {
    fn or_raise(self, py: Python<'_>) -> PyResult<T> {
        self.map_err(|error| error.raise(py))
    }
}

/// How an axis is cut: a length (-1 for all of it), lengths, or "auto".
#[derive(FromPyObject)]
pub enum Cutting {
    Size(i64),
    Sizes(Vec<usize>),
    Auto(String),
}

fn cuts(cuts: Vec<Cutting>) -> PyResult<Vec<Cut>> {
    let one = |cut| match cut {
        Cutting::Size(-1) => Ok(Cut::Whole),
        Cutting::Size(size) => match usize::try_from(size) {
            Ok(size) => Ok(Cut::Size(size)),
            Err(_) => Err(PyValueError::new_err(format!(
                "chunks of {size} are no length"
            ))),
        },
        Cutting::Sizes(sizes) => Ok(Cut::Sizes(sizes)),
        Cutting::Auto(word) if word == "auto" => Ok(Cut::Auto),
        Cutting::Auto(word) => Err(PyValueError::new_err(format!(
            "chunks {word:?} are not \"auto\""
        ))),
    };
    cuts.into_iter().map(one).collect()
}

/// A plain number of Python's.
#[derive(FromPyObject)]
pub enum Number {
    Bool(bool),
    Int(i128),
    Float(f64),
}

impl From<Number> for Scalar {
    fn from(number: Number) -> Self {
        match number {
            Number::Bool(value) => Scalar::Bool(value),
            Number::Int(value) => Scalar::Int(value),
            Number::Float(value) => Scalar::Float(value),
        }
    }
}

/// Part of an axis: an index alone, a slice's ends and step, or, of neither, a new axis.
type Taken = (Option<i64>, Option<(Option<i64>, Option<i64>, i64)>);

/// An array that is computed when it is asked for.
#[pyclass(frozen, module = "swathe._swathe")]
pub struct LazyArray(pub Array);

fn dtype(py: Python<'_>, name: &str) -> PyResult<DType> {
    name.parse::<DType>().or_raise(py)
}

fn unary_named(name: &str) -> PyResult<Unary> {
    let found = Unary::ALL.into_iter().find(|u| u.name() == name);
    found.ok_or_else(|| PyValueError::new_err(format!("no operation {name}")))
}

fn binary_named(name: &str) -> PyResult<Binary> {
    let found = Binary::ALL.into_iter().find(|b| b.name() == name);
    found.ok_or_else(|| PyValueError::new_err(format!("no operation {name}")))
}

#[pymethods]
impl LazyArray {
    #[staticmethod]
    fn full(
        py: Python<'_>,
        shape: Vec<usize>,
        value: Number,
        r#type: Option<&str>,
        chunks: Vec<Cutting>,
    ) -> PyResult<Self> {
        let r#type = r#type.map(|name| dtype(py, name)).transpose()?;
        Array::full(&shape, value.into(), r#type, &cuts(chunks)?)
            .or_raise(py)
            .map(LazyArray)
    }

    #[staticmethod]
    fn scalar(py: Python<'_>, value: Number, r#type: Option<&str>) -> PyResult<Self> {
        let r#type = r#type.map(|name| dtype(py, name)).transpose()?;
        Array::scalar(value.into(), r#type)
            .or_raise(py)
            .map(LazyArray)
    }

    #[staticmethod]
    fn arange(
        py: Python<'_>,
        start: f64,
        stop: f64,
        step: f64,
        r#type: &str,
        chunks: Vec<Cutting>,
    ) -> PyResult<Self> {
        let r#type = dtype(py, r#type)?;
        Array::arange(start, stop, step, r#type, &cuts(chunks)?)
            .or_raise(py)
            .map(LazyArray)
    }

    #[staticmethod]
    fn linspace(
        py: Python<'_>,
        start: f64,
        stop: f64,
        count: usize,
        chunks: Vec<Cutting>,
    ) -> PyResult<Self> {
        Array::linspace(start, stop, count, &cuts(chunks)?)
            .or_raise(py)
            .map(LazyArray)
    }

    /// What is in a numpy array, copied.
    #[staticmethod]
    fn memory(
        py: Python<'_>,
        values: &Bound<'_, PyUntypedArray>,
        chunks: Vec<Cutting>,
    ) -> PyResult<Self> {
        let shape = values.shape().to_vec();
        let elements = Arc::new(elements(values)?);
        Array::from_memory(elements, &shape, &cuts(chunks)?)
            .or_raise(py)
            .map(LazyArray)
    }

    /// A variable of files.
    #[staticmethod]
    fn stored(
        py: Python<'_>,
        inputs: Vec<Input>,
        variable: String,
        along: Option<String>,
        chunks: Option<Vec<Cutting>>,
        stored: bool,
    ) -> PyResult<Self> {
        let cuts = chunks.map(cuts).transpose()?;
        let opening = Opening {
            variable,
            along,
            cuts,
            stored,
        };
        watched(py, None, move |_| {
            let files = stored_files(&inputs)?;
            Ok::<_, crate::errors::Fault>(LazyArray(stored::open(&files, &opening)?))
        })
    }

    /// An array of chunks that a function gives, called with the first indices of each.
    #[staticmethod]
    fn given(
        py: Python<'_>,
        name: String,
        fetch: Py<PyAny>,
        shape: Vec<usize>,
        r#type: &str,
        chunks: Vec<Cutting>,
    ) -> PyResult<Self> {
        let array = Given::array(name, fetch, &shape, dtype(py, r#type)?, &cuts(chunks)?);
        array.or_raise(py).map(LazyArray)
    }

    /// What it is, in a word.
    #[getter]
    fn name(&self) -> String {
        self.0.name()
    }

    /// The array as bytes, for other processes.
    fn to_bytes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let bytes = py.detach(|| self.0.to_bytes()).or_raise(py)?;
        Ok(PyBytes::new(py, &bytes))
    }

    /// An array of bytes; what it was given is given by functions, by name.
    #[staticmethod]
    fn from_bytes(py: Python<'_>, bytes: &[u8], fetchers: Fetchers) -> PyResult<Self> {
        array_of(bytes, &fetchers).or_raise(py).map(LazyArray)
    }

    /// The functions of the arrays that it was given, by name.
    fn fetchers(&self, py: Python<'_>) -> Fetchers {
        let given = self.0.sources().into_iter().filter_map(|source| {
            let given: &dyn std::any::Any = source.as_any()?;
            let given = given.downcast_ref::<Given>()?;
            Some((given.name(), given.fetcher(py)?))
        });
        given.collect()
    }

    #[getter]
    fn shape(&self) -> Vec<usize> {
        self.0.shape().to_vec()
    }

    #[getter]
    fn dtype(&self) -> &'static str {
        self.0.dtype().name()
    }

    /// Lengths of the chunks along each axis.
    #[getter]
    fn chunks(&self) -> Vec<Vec<usize>> {
        self.0.chunks().sizes()
    }

    fn unary(&self, py: Python<'_>, name: &str) -> PyResult<Self> {
        Array::unary(unary_named(name)?, &self.0)
            .or_raise(py)
            .map(LazyArray)
    }

    fn binary(&self, py: Python<'_>, name: &str, other: &LazyArray) -> PyResult<Self> {
        Array::binary(binary_named(name)?, &self.0, &other.0)
            .or_raise(py)
            .map(LazyArray)
    }

    fn binary_with(
        &self,
        py: Python<'_>,
        name: &str,
        number: Number,
        swapped: bool,
    ) -> PyResult<Self> {
        let made = Array::binary_with(binary_named(name)?, &self.0, number.into(), swapped);
        made.or_raise(py).map(LazyArray)
    }

    /// Elements of one where this is true, of the other elsewhere.
    fn choose(&self, py: Python<'_>, yes: &LazyArray, no: &LazyArray) -> PyResult<Self> {
        Array::choose(&self.0, &yes.0, &no.0)
            .or_raise(py)
            .map(LazyArray)
    }

    fn cast(&self, py: Python<'_>, r#type: &str) -> PyResult<Self> {
        self.0.cast(dtype(py, r#type)?).or_raise(py).map(LazyArray)
    }

    fn slice(&self, py: Python<'_>, parts: Vec<Taken>) -> PyResult<Self> {
        let part = |part: Taken| match part {
            (Some(index), _) => Part::Index(index),
            (None, Some((start, stop, step))) => Part::Slice { start, stop, step },
            (None, None) => Part::New,
        };
        let parts: Vec<Part> = parts.into_iter().map(part).collect();
        self.0.slice(&parts).or_raise(py).map(LazyArray)
    }

    fn transpose(&self, py: Python<'_>, axes: Vec<i64>) -> PyResult<Self> {
        self.0.transpose(&axes).or_raise(py).map(LazyArray)
    }

    fn broadcast_to(&self, py: Python<'_>, shape: Vec<usize>) -> PyResult<Self> {
        self.0.broadcast_to(&shape).or_raise(py).map(LazyArray)
    }

    #[staticmethod]
    fn concatenate(py: Python<'_>, arrays: Vec<PyRef<'_, LazyArray>>, axis: i64) -> PyResult<Self> {
        let arrays: Vec<Array> = arrays.iter().map(|a| a.0.clone()).collect();
        Array::concatenate(&arrays, axis)
            .or_raise(py)
            .map(LazyArray)
    }

    #[staticmethod]
    fn stack(py: Python<'_>, arrays: Vec<PyRef<'_, LazyArray>>, axis: i64) -> PyResult<Self> {
        let arrays: Vec<Array> = arrays.iter().map(|a| a.0.clone()).collect();
        Array::stack(&arrays, axis).or_raise(py).map(LazyArray)
    }

    /// A statistic over axes. `number` is ddof of var and std, q of a quantile; `edges` are a histogram's.
    #[expect(clippy::too_many_arguments, reason = "a call's words")]
    fn reduce(
        &self,
        py: Python<'_>,
        name: &str,
        axes: Option<Vec<i64>>,
        keep: bool,
        skip_missing: bool,
        number: f64,
        edges: Vec<f64>,
    ) -> PyResult<Self> {
        let over = Over {
            axes,
            keep,
            skip_missing,
        };
        let statistic = Statistic::named(name, number, edges);
        let statistic =
            statistic.ok_or_else(|| PyValueError::new_err(format!("no statistic {name}")))?;
        self.0.reduce(statistic, &over).or_raise(py).map(LazyArray)
    }

    fn weighted_mean(
        &self,
        py: Python<'_>,
        weights: &LazyArray,
        axes: Option<Vec<i64>>,
        keep: bool,
        skip_missing: bool,
    ) -> PyResult<Self> {
        let over = Over {
            axes,
            keep,
            skip_missing,
        };
        self.0
            .weighted_mean(&weights.0, &over)
            .or_raise(py)
            .map(LazyArray)
    }

    /// The elements, as a numpy array.
    fn compute<'py>(
        &self,
        py: Python<'py>,
        threads: Option<usize>,
        memory: Option<u64>,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let lazy = self.0.clone();
        check_room(&lazy).or_raise(py)?;
        let values = watched(py, progress, move |watch| {
            let pool = pool(threads).map_err(Fault::Threads)?;
            let mut observer =
                |step: array::Step| watch.step((step.done, step.total, 0, String::new()));
            array::compute_observed(&lazy, &pool, memory, &mut observer).map_err(Fault::Array)
        })?;
        numpy_array(py, values, self.0.shape())
    }

    /// The tasks as a picture: "svg", "mmd" or "dot".
    fn graph(&self, form: &str) -> PyResult<String> {
        let graph = array_graph(&array::outline(&self.0));
        match form {
            "svg" => Ok(graph.svg()),
            "mmd" => Ok(graph.mermaid()),
            "dot" => Ok(graph.dot()),
            _ => Err(PyValueError::new_err(format!(
                "a graph is svg, mmd or dot, not {form}"
            ))),
        }
    }

    /// Number of tasks that computing it takes.
    #[getter]
    fn tasks(&self) -> usize {
        array::outline(&self.0)
            .iter()
            .map(|stage| stage.tasks)
            .sum()
    }
}

pub fn numpy_array<'py>(
    py: Python<'py>,
    values: Buffer,
    shape: &[usize],
) -> PyResult<Bound<'py, PyAny>> {
    match values {
        Buffer::Bool(v) => handed::array(py, v, shape),
        Buffer::I8(v) => handed::array(py, v, shape),
        Buffer::U8(v) => handed::array(py, v, shape),
        Buffer::I16(v) => handed::array(py, v, shape),
        Buffer::U16(v) => handed::array(py, v, shape),
        Buffer::I32(v) => handed::array(py, v, shape),
        Buffer::U32(v) => handed::array(py, v, shape),
        Buffer::I64(v) => handed::array(py, v, shape),
        Buffer::U64(v) => handed::array(py, v, shape),
        Buffer::F32(v) => handed::array(py, v, shape),
        Buffer::F64(v) => handed::array(py, v, shape),
    }
}

pub fn elements(values: &Bound<'_, PyUntypedArray>) -> PyResult<Buffer> {
    // What comes off a wire may lie anywhere.
    let aligned: bool = values.getattr("flags")?.getattr("aligned")?.extract()?;
    if !aligned {
        let copy = values.call_method0("copy")?;
        return elements(copy.cast::<PyUntypedArray>()?);
    }
    macro_rules! typed {
        ($($variant:ident $type:ty),*) => {
            $(if let Ok(array) = values.extract::<PyReadonlyArrayDyn<'_, $type>>() {
                return Ok(Buffer::$variant(match array.as_slice() {
                    Ok(slice) if array.is_c_contiguous() => slice.to_vec(),
                    _ => array.as_array().iter().copied().collect(),
                }));
            })*
        };
    }
    typed!(F64 f64, F32 f32, I64 i64, I32 i32, I16 i16, I8 i8, U64 u64, U32 u32, U16 u16, U8 u8, Bool bool);
    Err(PyTypeError::new_err(format!(
        "arrays of {} are not supported",
        values.dtype()
    )))
}

/// Makes random arrays.
#[pyclass(frozen, module = "swathe._swathe")]
pub struct RandomGenerator(Mutex<random::Generator>);

#[pymethods]
impl RandomGenerator {
    /// Of words of entropy and of a spawn key, from which so many children have been spawned; of a
    /// generator in some state (state, increment, half a draw).
    #[new]
    fn new(
        py: Python<'_>,
        entropy: Vec<u32>,
        key: Vec<u32>,
        spawned: u32,
        streams: &str,
        state: Option<(u128, u128, Option<u32>)>,
    ) -> PyResult<Self> {
        let kind = streams.parse::<StreamKind>().or_raise(py)?;
        let mut generator = random::Generator::new(SeedSequence::new(entropy, key), spawned, kind);
        if let Some((state, increment, half)) = state {
            generator = generator.in_state(Pcg64::from_state(state, increment, half));
        }
        Ok(RandomGenerator(Mutex::new(generator)))
    }

    /// The number of the next child.
    #[getter]
    fn spawned(&self) -> u32 {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .spawned()
    }

    /// A random array of a distribution of one or two numbers.
    fn draw(
        &self,
        py: Python<'_>,
        name: &str,
        numbers: (f64, f64),
        shape: Vec<usize>,
        chunks: Vec<Cutting>,
    ) -> PyResult<LazyArray> {
        let (a, b) = numbers;
        let distribution = match name {
            "random" => Ok(Distribution::Random),
            "normal" => Distribution::normal(a, b),
            "uniform" => Distribution::uniform(a, b),
            "exponential" => Distribution::exponential(a),
            "lognormal" => Distribution::lognormal(a, b),
            _ => Err(ArrayError::Value(format!("no distribution {name}"))),
        };
        self.drawn(py, distribution, &shape, chunks)
    }

    /// Random integers.
    #[expect(clippy::too_many_arguments, reason = "a call's words")]
    fn integers(
        &self,
        py: Python<'_>,
        low: i128,
        high: i128,
        endpoint: bool,
        r#type: &str,
        shape: Vec<usize>,
        chunks: Vec<Cutting>,
    ) -> PyResult<LazyArray> {
        let distribution = Distribution::integers(low, high, endpoint, dtype(py, r#type)?);
        self.drawn(py, distribution, &shape, chunks)
    }
}

impl RandomGenerator {
    fn drawn(
        &self,
        py: Python<'_>,
        distribution: Result<Distribution, ArrayError>,
        shape: &[usize],
        chunks: Vec<Cutting>,
    ) -> PyResult<LazyArray> {
        let chunks = cuts(chunks)?;
        let mut generator = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let drawn = distribution.and_then(|d| generator.draw(d, shape, &chunks));
        drawn.or_raise(py).map(LazyArray)
    }
}
