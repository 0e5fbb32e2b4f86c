//! Axes in another order.

use super::{Array, Operation};
use crate::array::chunks::Chunks;
use crate::array::error::ArrayError;

impl Array {
    /// An axis of this array, from the end if negative.
    ///
    /// # Errors
    /// An axis that is not there.
    pub fn axis(&self, axis: i64) -> Result<usize, ArrayError> {
        normal_axis(axis, self.shape().len())
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
    pub(in crate::array) fn with_axes(&self, axes: Vec<Option<usize>>) -> Result<Self, ArrayError> {
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
}

/// An axis, from the end if negative.
pub(in crate::array) fn normal_axis(axis: i64, dimensions: usize) -> Result<usize, ArrayError> {
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
