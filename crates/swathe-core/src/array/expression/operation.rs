//! What an array is made by.

use super::{Array, ChunkSource};
use crate::array::buffer::Buffer;
use crate::array::dtype::Scalar;
use crate::array::elementwise::{Binary, Unary};
use crate::array::random::{Distribution, Streams};
use crate::array::reduction::Reduction;
use std::sync::Arc;

/// A number for every index.
pub type Function = dyn Fn(&[usize]) -> f64 + Send + Sync;

/// What an array is made by, and of which other arrays.
pub(in crate::array) enum Operation {
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

impl Operation {
    pub(in crate::array) fn operands(&self) -> impl Iterator<Item = &Array> {
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
    pub(in crate::array) fn name(&self) -> String {
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
