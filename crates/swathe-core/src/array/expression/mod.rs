//! Lazy arrays: what is to be computed, checked when it is said, computed later.
//!
//! ```text
//! creation: from nothing, from memory, from files
//! elements: element by element      slicing: parts of axes
//! axes: axes in another order       broadcasting: axes repeated      joining: many arrays made one
//! ```

mod axes;
mod broadcasting;
mod creation;
mod elements;
mod joining;
mod operation;
mod slicing;

use super::buffer::Buffer;
use super::chunks::{Chunks, shape_text};
use super::dtype::DType;
use super::error::ArrayError;
use super::reduction::Reduction;
pub(super) use axes::normal_axis;
pub use operation::Function;
pub(super) use operation::Operation;
pub use slicing::Part;
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
        (self.len() as u64).saturating_mul(self.dtype().size() as u64)
    }

    pub(super) fn reduced(
        shape: Vec<usize>,
        chunks: Chunks,
        dtype: DType,
        reduction: Reduction,
    ) -> Result<Self, ArrayError> {
        Array::new(shape, chunks, dtype, Operation::Reduced(reduction))
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
