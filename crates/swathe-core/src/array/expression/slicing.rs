//! Parts of axes, as Python's indices and slices.

use super::{Array, Operation};
use crate::array::chunks::Chunks;
use crate::array::error::ArrayError;

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

impl Array {
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
    pub(in crate::array) fn taken(
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
