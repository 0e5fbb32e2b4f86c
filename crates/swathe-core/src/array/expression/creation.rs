//! Arrays made of no other array.

use super::{Array, ChunkSource, Function, Operation};
use crate::array::buffer::Buffer;
use crate::array::chunks::{Chunks, Cut, shape_text};
use crate::array::dtype::{DType, Kind, Scalar};
use crate::array::error::ArrayError;
use crate::array::random::{Distribution, Streams};
use std::sync::Arc;

impl Array {
    /// One value everywhere.
    ///
    /// # Errors
    /// Chunks that do not suit the shape, a whole number that the type does not hold.
    pub fn full(
        shape: &[usize],
        value: Scalar,
        dtype: Option<DType>,
        cuts: &[Cut],
    ) -> Result<Self, ArrayError> {
        let scalar = Array::scalar(value, dtype)?;
        let dtype = scalar.dtype();
        let chunks = Chunks::new(shape, cuts, dtype)?;
        Array::new(shape.to_vec(), chunks, dtype, Operation::Broadcast(scalar))
    }

    /// A single value, without axes.
    ///
    /// # Errors
    /// A whole number that the type does not hold.
    pub fn scalar(value: Scalar, dtype: Option<DType>) -> Result<Self, ArrayError> {
        let dtype = match dtype {
            Some(dtype) => match (value, dtype.integer_range()) {
                (Scalar::Int(value), Some((least, greatest)))
                    if dtype != DType::Bool && !(least..=greatest).contains(&value) =>
                {
                    return Err(ArrayError::Overflow { value, dtype });
                }
                _ => dtype,
            },
            None => value.dtype()?,
        };
        let constant = Operation::Constant(Buffer::of(value, dtype));
        Array::new(Vec::new(), Chunks::whole(&[]), dtype, constant)
    }

    /// Numbers from `start` to before `stop`, evenly spaced.
    ///
    /// # Errors
    /// A step of zero, or too many numbers.
    pub fn arange(
        start: f64,
        stop: f64,
        step: f64,
        dtype: DType,
        cuts: &[Cut],
    ) -> Result<Self, ArrayError> {
        let count = ((stop - start) / step).ceil();
        if step == 0.0 || !count.is_finite() || count > 1e15 {
            return Err(ArrayError::Value(format!(
                "arange({start}, {stop}, {step}) is too long or without end"
            )));
        }
        let shape = [count.max(0.0) as usize];
        let whole = dtype.kind() != Kind::Float;
        let number = |value: f64| match whole {
            true => Scalar::Int(value as i128),
            false => Scalar::Float(value),
        };
        // As numpy: the step is what lies between the first two.
        let step = if whole { step } else { (start + step) - start };
        let range = Operation::Range {
            start: number(start),
            step: number(step),
            last: None,
        };
        Array::new(
            shape.to_vec(),
            Chunks::new(&shape, cuts, dtype)?,
            dtype,
            range,
        )
    }

    /// So many numbers from `start` to `stop`, the latter taken in, evenly spaced.
    ///
    /// # Errors
    /// Chunks that do not suit the length.
    pub fn linspace(start: f64, stop: f64, count: usize, cuts: &[Cut]) -> Result<Self, ArrayError> {
        let step = (stop - start) / count.saturating_sub(1).max(1) as f64;
        let range = Operation::Range {
            start: Scalar::Float(start),
            step: Scalar::Float(step),
            last: (count > 1).then_some(stop),
        };
        let chunks = Chunks::new(&[count], cuts, DType::F64)?;
        Array::new(vec![count], chunks, DType::F64, range)
    }

    /// A function of the index, in double precision.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use swathe_core::array::{Array, Buffer, Cut, compute};
    ///
    /// let products = Array::from_function(&[2, 3], &[Cut::Size(2)], Arc::new(|at| (at[0] * at[1]) as f64))?;
    /// let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build()?;
    /// assert_eq!(compute(&products, &pool, None)?, Buffer::F64(vec![0.0, 0.0, 0.0, 0.0, 1.0, 2.0]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Chunks that do not suit the shape.
    pub fn from_function(
        shape: &[usize],
        cuts: &[Cut],
        function: Arc<Function>,
    ) -> Result<Self, ArrayError> {
        let chunks = Chunks::new(shape, cuts, DType::F64)?;
        Array::new(
            shape.to_vec(),
            chunks,
            DType::F64,
            Operation::Function(function),
        )
    }

    /// Random numbers.
    ///
    /// # Errors
    /// Never for streams that suit the chunks.
    pub fn random(
        shape: &[usize],
        chunks: Chunks,
        distribution: Distribution,
        streams: Streams,
    ) -> Result<Self, ArrayError> {
        let random = Operation::Random {
            distribution,
            streams,
        };
        Array::new(shape.to_vec(), chunks, distribution.dtype(), random)
    }

    /// What is in memory, row-major.
    ///
    /// # Errors
    /// Elements that do not fill the shape, chunks that do not suit it.
    pub fn from_memory(
        elements: Arc<Buffer>,
        shape: &[usize],
        cuts: &[Cut],
    ) -> Result<Self, ArrayError> {
        let dtype = elements.dtype();
        let chunks = Chunks::new(shape, cuts, dtype)?;
        if shape.iter().product::<usize>() != elements.len() {
            return Err(ArrayError::Shape(format!(
                "{} elements do not fill the shape {}",
                elements.len(),
                shape_text(shape)
            )));
        }
        Array::new(shape.to_vec(), chunks, dtype, Operation::Memory(elements))
    }

    /// An array outside; whole chunks are read.
    ///
    /// # Errors
    /// Chunks that do not suit the shape.
    pub fn from_source(
        source: Arc<dyn ChunkSource>,
        shape: &[usize],
        dtype: DType,
        cuts: &[Cut],
    ) -> Result<Self, ArrayError> {
        let chunks = Chunks::new(shape, cuts, dtype)?;
        Array::new(shape.to_vec(), chunks, dtype, Operation::Source(source))
    }
}
