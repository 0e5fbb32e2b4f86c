//! Shapes that go together: axes of length 1, and axes that an array does not have, are repeated.

use super::{Array, Operation};
use crate::array::chunks::{Chunks, shape_text};
use crate::array::error::ArrayError;

impl Array {
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
}

/// The shape of arrays side by side.
pub(super) fn broadcast_shape(name: &str, arrays: &[&Array]) -> Result<Vec<usize>, ArrayError> {
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
pub(super) fn common_chunks(shape: &[usize], arrays: &[&Array]) -> Chunks {
    let cuts = shape.iter().enumerate().map(|(axis, &len)| {
        let own = arrays.iter().filter_map(|array| {
            let own = (axis + array.shape().len()).checked_sub(shape.len())?;
            (array.shape()[own] == len).then(|| array.chunks().cuts(own))
        });
        merged_cuts(own.chain([&[0, len][..]]))
    });
    Chunks::from_cuts(cuts.collect())
}

/// Cuts wherever one of all has one.
pub(super) fn merged_cuts<'a>(all: impl Iterator<Item = &'a [usize]>) -> Vec<usize> {
    let mut cuts: Vec<usize> = all.flatten().copied().collect();
    cuts.sort_unstable();
    cuts.dedup();
    // An axis of length zero has one chunk.
    if cuts.len() == 1 {
        cuts.push(0);
    }
    cuts
}
