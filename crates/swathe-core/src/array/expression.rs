//! Lazy arrays: what is to be computed, checked when it is said, computed later.

use super::buffer::Buffer;
use super::chunks::{Chunks, Cut, shape_text};
use super::dtype::{DType, Scalar};
use super::elementwise::{Binary, Unary};
use super::error::ArrayError;
use super::random::{Distribution, Streams};
use super::reduction::Reduction;
use std::any::Any;
use std::collections::HashSet;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// An n-dimensional array of which nothing is computed before it is asked for.
///
/// ```
/// use swathe_core::array::{Array, Binary, Cut, DType, Over, Statistic, compute};
///
/// let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build()?;
/// let x = Array::arange(0.0, 1000.0, 1.0, DType::F64, &[Cut::Size(64)])?;
/// let squares = Array::binary(Binary::Multiply, &x, &x)?;
/// let mean = squares.reduce(Statistic::Mean, &Over::all())?;
/// assert_eq!(compute(&mean, &pool, None)?.get(0), Some(swathe_core::array::Scalar::Float(332_833.5)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Array {
    pub(super) node: Arc<Node>,
}

pub(super) struct Node {
    pub dtype: DType,
    pub shape: Vec<usize>,
    pub chunks: Chunks,
    pub operation: Operation,
    /// Nodes from here to the furthest source.
    depth: usize,
}

/// A number for every index.
pub type Function = dyn Fn(&[usize]) -> f64 + Send + Sync;

pub(super) enum Operation {
    /// One element for all.
    Constant(Buffer),
    /// `start + index * step` along the only axis; the last one as given.
    Range {
        start: Scalar,
        step: Scalar,
        last: Option<f64>,
    },
    Function(Arc<Function>),
    Random {
        distribution: Distribution,
        streams: Streams,
    },
    Memory(Arc<Buffer>),
    Source(Arc<dyn ChunkSource>),
    Unary(Unary, Array),
    Binary(Binary, Array, Array),
    Where(Array, Array, Array),
    Cast(Array),
    /// Each index is `start + index * step` of the operand's.
    Slice {
        array: Array,
        starts: Vec<usize>,
        steps: Vec<isize>,
    },
    /// Axis i is the operand's `axes[i]`, or a new one of length 1.
    Axes {
        array: Array,
        axes: Vec<Option<usize>>,
    },
    Broadcast(Array),
    Concatenate {
        arrays: Vec<Array>,
        axis: usize,
        /// Where each array begins along the axis.
        starts: Vec<usize>,
    },
    Reduced(Reduction),
}

/// An array outside, read by boxes.
pub trait ChunkSource: Send + Sync {
    /// A name for graphs and messages.
    fn name(&self) -> String;

    /// Elements of a box, row-major, of the type that the array was made with.
    ///
    /// # Errors
    /// What went wrong, in a sentence that names the file.
    fn read(&self, region: &[Range<usize>]) -> Result<Buffer, String>;

    /// What another process needs to read the same; nothing where it cannot.
    fn description(&self) -> Option<Vec<u8>> {
        None
    }

    /// The source itself, for those who made it.
    fn as_any(&self) -> Option<&dyn Any> {
        None
    }
}

/// Part of an axis, as Python's slices and indices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// One index; the axis goes. From the end if negative.
    Index(i64),
    /// A slice; ends from the end if negative.
    Slice {
        /// First index.
        start: Option<i64>,
        /// First index not taken.
        stop: Option<i64>,
        /// From one index to the next.
        step: i64,
    },
    /// A new axis of length 1.
    New,
}

/// Longer chains of operations are refused: they are walked by recursion.
const DEEPEST: usize = 500;

impl Array {
    pub(super) fn new(
        shape: Vec<usize>,
        chunks: Chunks,
        dtype: DType,
        operation: Operation,
    ) -> Result<Self, ArrayError> {
        if shape
            .iter()
            .try_fold(1_usize, |all, len| all.checked_mul(*len))
            .is_none()
            || shape.iter().any(|&len| len > isize::MAX as usize / 16)
        {
            return Err(ArrayError::Shape(format!(
                "the shape {} is too large",
                shape_text(&shape)
            )));
        }
        let depth = operation
            .operands()
            .map(|o| o.node.depth + 1)
            .max()
            .unwrap_or(0);
        if depth > DEEPEST {
            return Err(ArrayError::Value(format!(
                "more than {DEEPEST} operations stand one upon another"
            )));
        }
        let node = Node {
            dtype,
            shape,
            chunks,
            operation,
            depth,
        };
        Ok(Array {
            node: Arc::new(node),
        })
    }

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
        let whole = dtype.kind() != super::dtype::Kind::Float;
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

    /// A function of the index.
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

    /// Type of the elements.
    pub fn dtype(&self) -> DType {
        self.node.dtype
    }

    /// Length of every axis.
    pub fn shape(&self) -> &[usize] {
        &self.node.shape
    }

    /// How it is cut.
    pub fn chunks(&self) -> &Chunks {
        &self.node.chunks
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.node.shape.iter().product()
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of all elements.
    pub fn bytes(&self) -> u64 {
        self.len() as u64 * self.dtype().size() as u64
    }

    /// An operation on every element.
    ///
    /// # Errors
    /// An operation that the type does not have.
    pub fn unary(operation: Unary, operand: &Array) -> Result<Self, ArrayError> {
        let (computed, result) = operation.types(operand.dtype())?;
        let operand = operand.cast(computed)?;
        let (shape, chunks) = (operand.shape().to_vec(), operand.chunks().clone());
        Array::new(shape, chunks, result, Operation::Unary(operation, operand))
    }

    /// An operation on the elements of two arrays; axes of length 1, and axes that one does not have, are
    /// repeated.
    ///
    /// # Errors
    /// Shapes that do not go together, an operation that the types do not have.
    pub fn binary(operation: Binary, left: &Array, right: &Array) -> Result<Self, ArrayError> {
        let operands = left.dtype().promote(right.dtype());
        let (computed, result) = operation.types(operands)?;
        let (left, right) = (left.cast(computed)?, right.cast(computed)?);
        let shape = broadcast_shape(operation.name(), &[&left, &right])?;
        let chunks = common_chunks(&shape, &[&left, &right]);
        Array::new(
            shape,
            chunks,
            result,
            Operation::Binary(operation, left, right),
        )
    }

    /// The same with a number on the right, or on the left if `swapped`; it takes the array's type where that
    /// holds its kind.
    ///
    /// # Errors
    /// As [`Array::binary`]; a whole number that the type does not hold.
    pub fn binary_with(
        operation: Binary,
        array: &Array,
        scalar: Scalar,
        swapped: bool,
    ) -> Result<Self, ArrayError> {
        let beside = match scalar.dtype_beside(array.dtype()) {
            // A comparison or a quotient has an answer all the same.
            Err(ArrayError::Overflow { .. })
                if operation.is_comparison() || operation == Binary::Divide =>
            {
                DType::F64
            }
            beside => beside?,
        };
        let scalar = Array::new(
            Vec::new(),
            Chunks::whole(&[]),
            beside,
            Operation::Constant(Buffer::of(scalar, beside)),
        )?;
        match swapped {
            true => Array::binary(operation, &scalar, array),
            false => Array::binary(operation, array, &scalar),
        }
    }

    /// Elements of `yes` where the condition is true, else of `no`.
    ///
    /// # Errors
    /// Shapes that do not go together.
    pub fn choose(condition: &Array, yes: &Array, no: &Array) -> Result<Self, ArrayError> {
        let dtype = yes.dtype().promote(no.dtype());
        let condition = condition.cast(DType::Bool)?;
        let (yes, no) = (yes.cast(dtype)?, no.cast(dtype)?);
        let shape = broadcast_shape("where", &[&condition, &yes, &no])?;
        let chunks = common_chunks(&shape, &[&condition, &yes, &no]);
        Array::new(shape, chunks, dtype, Operation::Where(condition, yes, no))
    }

    /// The same numbers as another type.
    ///
    /// # Errors
    /// A chain of operations that is too long.
    pub fn cast(&self, dtype: DType) -> Result<Self, ArrayError> {
        if self.dtype() == dtype {
            return Ok(self.clone());
        }
        let (shape, chunks) = (self.shape().to_vec(), self.chunks().clone());
        Array::new(shape, chunks, dtype, Operation::Cast(self.clone()))
    }

    /// Parts of the axes, the first ones; those not named are taken whole.
    ///
    /// # Errors
    /// An index out of range, a step of zero, more parts than axes.
    pub fn slice(&self, parts: &[Part]) -> Result<Self, ArrayError> {
        let named = parts.iter().filter(|p| **p != Part::New).count();
        if named > self.shape().len() {
            return Err(ArrayError::Index(format!(
                "too many indices: array is {}-dimensional, but {named} were indexed",
                self.shape().len()
            )));
        }
        let whole = Part::Slice {
            start: None,
            stop: None,
            step: 1,
        };
        let rest = std::iter::repeat_n(&whole, self.shape().len() - named);
        let (mut starts, mut steps, mut shape) = (vec![], vec![], vec![]);
        let mut axes = Vec::new();
        for part in parts.iter().chain(rest) {
            let axis = starts.len();
            let len = self.shape().get(axis).copied().unwrap_or(1);
            match *part {
                Part::New => {
                    axes.push(None);
                    continue;
                }
                Part::Index(index) => {
                    let at = if index < 0 { index + len as i64 } else { index };
                    if !(0..len as i64).contains(&at) {
                        return Err(ArrayError::Index(format!(
                            "index {index} is out of bounds for axis {axis} with size {len}"
                        )));
                    }
                    starts.push(at as usize);
                    steps.push(1);
                    shape.push(1);
                    continue;
                }
                Part::Slice { start, stop, step } => {
                    let (first, count) = python_slice(start, stop, step, len)?;
                    axes.push(Some(axis));
                    starts.push(first);
                    steps.push(step as isize);
                    shape.push(count);
                }
            }
        }
        self.taken(starts, steps, shape)?.with_axes(axes)
    }

    /// Of each axis so many indices, from the first by steps; they are there.
    pub(super) fn taken(
        &self,
        starts: Vec<usize>,
        steps: Vec<isize>,
        shape: Vec<usize>,
    ) -> Result<Self, ArrayError> {
        let along = starts.iter().zip(&steps).zip(&shape).enumerate();
        let cuts = along.map(|(axis, ((&start, &step), &count))| {
            sliced_cuts(self.chunks().cuts(axis), start, step, count)
        });
        let chunks = Chunks::from_cuts(cuts.collect());
        let sliced = Operation::Slice {
            array: self.clone(),
            starts,
            steps,
        };
        Array::new(shape, chunks, self.dtype(), sliced)
    }

    /// With the axes in this order.
    ///
    /// # Errors
    /// Axes that are not there, or named twice, or left out.
    pub fn transpose(&self, axes: &[i64]) -> Result<Self, ArrayError> {
        let axes: Vec<usize> = axes
            .iter()
            .map(|&a| self.axis(a))
            .collect::<Result<_, _>>()?;
        let mut sorted = axes.clone();
        sorted.sort_unstable();
        if sorted != (0..self.shape().len()).collect::<Vec<_>>() {
            return Err(ArrayError::Shape(format!(
                "axes {axes:?} do not match array"
            )));
        }
        self.with_axes(axes.into_iter().map(Some).collect())
    }

    /// With axes rearranged, left out (of length 1), or new.
    pub(super) fn with_axes(&self, axes: Vec<Option<usize>>) -> Result<Self, ArrayError> {
        if axes.len() == self.shape().len() && axes.iter().enumerate().all(|(i, a)| *a == Some(i)) {
            return Ok(self.clone());
        }
        let shape = axes
            .iter()
            .map(|a| a.map_or(1, |a| self.shape()[a]))
            .collect();
        let cuts = axes
            .iter()
            .map(|a| a.map_or(vec![0, 1], |a| self.chunks().cuts(a).to_vec()));
        let chunks = Chunks::from_cuts(cuts.collect());
        let array = self.clone();
        Array::new(shape, chunks, self.dtype(), Operation::Axes { array, axes })
    }

    /// Repeated to a shape.
    ///
    /// # Errors
    /// A shape that it does not fit.
    pub fn broadcast_to(&self, shape: &[usize]) -> Result<Self, ArrayError> {
        let refuse = || {
            Err(ArrayError::Shape(format!(
                "array of shape {} cannot be broadcast to {}",
                shape_text(self.shape()),
                shape_text(shape)
            )))
        };
        let Some(new) = shape.len().checked_sub(self.shape().len()) else {
            return refuse();
        };
        if self
            .shape()
            .iter()
            .zip(&shape[new..])
            .any(|(own, len)| own != len && *own != 1)
        {
            return refuse();
        }
        let chunks = common_chunks(shape, &[self]);
        Array::new(
            shape.to_vec(),
            chunks,
            self.dtype(),
            Operation::Broadcast(self.clone()),
        )
    }

    /// One after another along an axis.
    ///
    /// # Errors
    /// No arrays, or shapes that differ in other axes.
    pub fn concatenate(arrays: &[Array], axis: i64) -> Result<Self, ArrayError> {
        let Some(first) = arrays.first() else {
            return Err(ArrayError::Value(
                "need at least one array to concatenate".into(),
            ));
        };
        let axis = first.axis(axis)?;
        let mut shape = first.shape().to_vec();
        for (i, array) in arrays.iter().enumerate().skip(1) {
            let others = |a: &Array| {
                let mut shape = a.shape().to_vec();
                shape[axis] = 0;
                shape
            };
            if others(array) != others(first) {
                return Err(ArrayError::Shape(format!(
                    "shapes {} and {} (array {i}) differ in another axis than {axis}, along which they are joined",
                    shape_text(first.shape()),
                    shape_text(array.shape())
                )));
            }
            shape[axis] += array.shape()[axis];
        }
        let dtype = DType::promote_all(arrays.iter().map(Array::dtype));
        let arrays: Vec<Array> = arrays
            .iter()
            .map(|a| a.cast(dtype))
            .collect::<Result<_, _>>()?;
        let cuts = (0..shape.len()).map(|a| match a == axis {
            true => {
                let mut cuts = vec![0];
                let mut from = 0;
                for array in &arrays {
                    cuts.extend(array.chunks().cuts(a).iter().skip(1).map(|cut| from + cut));
                    from += array.shape()[a];
                }
                cuts.dedup();
                if cuts.len() == 1 { vec![0, 0] } else { cuts }
            }
            false => merged_cuts(arrays.iter().map(|array| array.chunks().cuts(a))),
        });
        let chunks = Chunks::from_cuts(cuts.collect());
        let mut end = 0;
        let starts = arrays.iter().map(|array| {
            let start = end;
            end += array.shape()[axis];
            start
        });
        let starts = starts.collect();
        Array::new(
            shape,
            chunks,
            dtype,
            Operation::Concatenate {
                arrays,
                axis,
                starts,
            },
        )
    }

    /// Beside each other along a new axis.
    ///
    /// # Errors
    /// No arrays, or shapes that differ.
    pub fn stack(arrays: &[Array], axis: i64) -> Result<Self, ArrayError> {
        let Some(first) = arrays.first() else {
            return Err(ArrayError::Value("need at least one array to stack".into()));
        };
        if let Some(other) = arrays.iter().find(|a| a.shape() != first.shape()) {
            return Err(ArrayError::Shape(format!(
                "shapes {} and {} differ: only arrays of one shape are stacked",
                shape_text(first.shape()),
                shape_text(other.shape())
            )));
        }
        let dimensions = first.shape().len() + 1;
        let at = normal_axis(axis, dimensions)?;
        let mut axes: Vec<Option<usize>> = (0..dimensions - 1).map(Some).collect();
        axes.insert(at, None);
        let arrays: Vec<Array> = arrays
            .iter()
            .map(|a| a.with_axes(axes.clone()))
            .collect::<Result<_, _>>()?;
        Array::concatenate(&arrays, at as i64)
    }

    pub(super) fn reduced(
        shape: Vec<usize>,
        chunks: Chunks,
        dtype: DType,
        reduction: Reduction,
    ) -> Result<Self, ArrayError> {
        Array::new(shape, chunks, dtype, Operation::Reduced(reduction))
    }

    /// An axis of this array, from the end if negative.
    ///
    /// # Errors
    /// An axis that is not there.
    pub fn axis(&self, axis: i64) -> Result<usize, ArrayError> {
        normal_axis(axis, self.shape().len())
    }

    /// The last operation in a word, as graphs name it.
    pub fn name(&self) -> String {
        match &self.node.operation {
            Operation::Source(_) => "open".into(),
            operation => operation.name(),
        }
    }

    /// The outside array that this is, if it is one.
    pub fn source(&self) -> Option<&Arc<dyn ChunkSource>> {
        match &self.node.operation {
            Operation::Source(source) => Some(source),
            _ => None,
        }
    }

    /// All outside arrays that it stands upon.
    pub fn sources(&self) -> Vec<Arc<dyn ChunkSource>> {
        fn visit(array: &Array, seen: &mut HashSet<usize>, found: &mut Vec<Arc<dyn ChunkSource>>) {
            if !seen.insert(array.id()) {
                return;
            }
            found.extend(array.source().cloned());
            for operand in array.node.operation.operands() {
                visit(operand, seen, found);
            }
        }
        let mut found = Vec::new();
        visit(self, &mut HashSet::new(), &mut found);
        found
    }

    /// What tells arrays apart while they live.
    pub(super) fn id(&self) -> usize {
        Arc::as_ptr(&self.node) as usize
    }
}

impl Operation {
    pub(super) fn operands(&self) -> impl Iterator<Item = &Array> {
        let (one, many): ([Option<&Array>; 3], &[Array]) = match self {
            Operation::Constant(_)
            | Operation::Range { .. }
            | Operation::Function(_)
            | Operation::Random { .. }
            | Operation::Memory(_)
            | Operation::Source(_) => ([None; 3], &[]),
            Operation::Unary(_, a)
            | Operation::Cast(a)
            | Operation::Broadcast(a)
            | Operation::Slice { array: a, .. }
            | Operation::Axes { array: a, .. } => ([Some(a), None, None], &[]),
            Operation::Binary(_, a, b) => ([Some(a), Some(b), None], &[]),
            Operation::Where(a, b, c) => ([Some(a), Some(b), Some(c)], &[]),
            Operation::Concatenate { arrays, .. } => ([None; 3], arrays),
            Operation::Reduced(reduction) => (
                [Some(&reduction.input), reduction.weights.as_ref(), None],
                &[],
            ),
        };
        one.into_iter().flatten().chain(many)
    }

    /// What it is called.
    pub(super) fn name(&self) -> String {
        match self {
            Operation::Constant(_) => "constant".into(),
            Operation::Range { .. } => "range".into(),
            Operation::Function(_) => "function".into(),
            Operation::Random { distribution, .. } => distribution.name().into(),
            Operation::Memory(_) => "memory".into(),
            Operation::Source(source) => source.name(),
            Operation::Unary(unary, _) => unary.name().into(),
            Operation::Binary(binary, ..) => binary.name().into(),
            Operation::Where(..) => "where".into(),
            Operation::Cast(_) => "astype".into(),
            Operation::Slice { .. } => "getitem".into(),
            Operation::Axes { .. } => "transpose".into(),
            Operation::Broadcast(_) => "broadcast_to".into(),
            Operation::Concatenate { .. } => "concatenate".into(),
            Operation::Reduced(reduction) => reduction.statistic.name().into(),
        }
    }
}

impl fmt::Debug for Array {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Array({}, shape={}, dtype={})",
            self.node.operation.name(),
            shape_text(self.shape()),
            self.dtype()
        )
    }
}

/// An axis, from the end if negative.
pub(super) fn normal_axis(axis: i64, dimensions: usize) -> Result<usize, ArrayError> {
    let from_start = if axis < 0 {
        axis + dimensions as i64
    } else {
        axis
    };
    match usize::try_from(from_start) {
        Ok(found) if found < dimensions => Ok(found),
        _ => Err(ArrayError::Axis { axis, dimensions }),
    }
}

/// The shape of arrays side by side.
fn broadcast_shape(name: &str, arrays: &[&Array]) -> Result<Vec<usize>, ArrayError> {
    let dimensions = arrays.iter().map(|a| a.shape().len()).max().unwrap_or(0);
    let mut shape = vec![1; dimensions];
    for array in arrays {
        let new = dimensions - array.shape().len();
        for (len, own) in shape[new..].iter_mut().zip(array.shape()) {
            if *len == 1 {
                *len = *own;
            } else if *own != 1 && own != len {
                let shapes: Vec<String> = arrays.iter().map(|a| shape_text(a.shape())).collect();
                return Err(ArrayError::Shape(format!(
                    "operands of {name} could not be broadcast together with shapes {}",
                    shapes.join(" ")
                )));
            }
        }
    }
    Ok(shape)
}

/// Chunks of a shape that arrays are broadcast to: cut where any of them is.
fn common_chunks(shape: &[usize], arrays: &[&Array]) -> Chunks {
    let cuts = shape.iter().enumerate().map(|(axis, &len)| {
        let own = arrays.iter().filter_map(|array| {
            let own = (axis + array.shape().len()).checked_sub(shape.len())?;
            (array.shape()[own] == len).then(|| array.chunks().cuts(own))
        });
        merged_cuts(own.chain([&[0, len][..]]))
    });
    Chunks::from_cuts(cuts.collect())
}

fn merged_cuts<'a>(all: impl Iterator<Item = &'a [usize]>) -> Vec<usize> {
    let mut cuts: Vec<usize> = all.flatten().copied().collect();
    cuts.sort_unstable();
    cuts.dedup();
    // An axis of length zero has one chunk.
    if cuts.len() == 1 {
        cuts.push(0);
    }
    cuts
}

/// First index and number of indices of a Python slice.
fn python_slice(
    start: Option<i64>,
    stop: Option<i64>,
    step: i64,
    len: usize,
) -> Result<(usize, usize), ArrayError> {
    if step == 0 {
        return Err(ArrayError::Index("slice step cannot be zero".into()));
    }
    let len = len as i64;
    let (least, greatest) = if step > 0 { (0, len) } else { (-1, len - 1) };
    let end = |end: Option<i64>, usual: i64| match end {
        Some(end) if end < 0 => end.saturating_add(len).max(least),
        Some(end) => end.min(greatest),
        None => usual,
    };
    let (start, stop) = match step > 0 {
        true => (end(start, 0), end(stop, len)),
        false => (end(start, len - 1), end(stop, -1)),
    };
    let span = if step > 0 { stop - start } else { start - stop };
    let count = if span <= 0 {
        0
    } else {
        (span - 1) / step.saturating_abs() + 1
    };
    Ok((start.max(0) as usize, count as usize))
}

/// Where the cuts of an axis are in a slice of it.
fn sliced_cuts(cuts: &[usize], first: usize, step: isize, count: usize) -> Vec<usize> {
    if count == 0 {
        return vec![0, 0];
    }
    let reach = step.unsigned_abs();
    // Of each cut, the first index of the slice on its far side.
    let far = |&cut: &usize| match step > 0 {
        true => cut.saturating_sub(first).div_ceil(reach),
        false => (first + 1).saturating_sub(cut).div_ceil(reach),
    };
    let inner = cuts.iter().map(far).filter(|&at| at > 0 && at < count);
    let mut cuts: Vec<usize> = inner.chain([0, count]).collect();
    cuts.sort_unstable();
    cuts.dedup();
    cuts
}
