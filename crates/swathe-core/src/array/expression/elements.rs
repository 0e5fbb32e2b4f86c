//! Operations element by element, as numpy types them.

use super::broadcasting::{broadcast_shape, common_chunks};
use super::{Array, Operation};
use crate::array::buffer::Buffer;
use crate::array::chunks::Chunks;
use crate::array::dtype::{DType, Scalar};
use crate::array::elementwise::{Binary, Unary};
use crate::array::error::ArrayError;

impl Array {
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
}
