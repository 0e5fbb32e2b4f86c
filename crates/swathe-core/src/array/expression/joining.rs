//! Many arrays made one.

use super::broadcasting::merged_cuts;
use super::{Array, Operation, normal_axis};
use crate::array::chunks::{Chunks, shape_text};
use crate::array::dtype::DType;
use crate::array::error::ArrayError;

impl Array {
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
}
