//! What cannot be done with arrays.

use super::dtype::DType;

/// An array cannot be described or computed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ArrayError {
    /// Shapes that do not go together.
    #[error("{0}")]
    Shape(String),
    /// An axis that is not there.
    #[error("axis {axis} is out of bounds for array of dimension {dimensions}")]
    Axis {
        /// The axis asked for.
        axis: i64,
        /// How many there are.
        dimensions: usize,
    },
    /// An index or slice that cannot be taken.
    #[error("{0}")]
    Index(String),
    /// Chunks that cannot be.
    #[error("{0}")]
    Chunks(String),
    /// An argument out of its range.
    #[error("{0}")]
    Value(String),
    /// An operation that a type does not have.
    #[error("{0}")]
    Type(String),
    /// A whole number that a type does not hold.
    #[error("{value} is out of bounds for {dtype}")]
    Overflow {
        /// The number.
        value: i128,
        /// The type.
        dtype: DType,
    },
    /// More memory than is allowed.
    #[error("{what} needs {needed} bytes, {limit} are allowed")]
    Memory {
        /// What needs it.
        what: String,
        /// At least so many bytes.
        needed: u64,
        /// The limit.
        limit: u64,
    },
    /// A source that cannot be read.
    #[error("{0}")]
    Source(String),
    /// The computation was stopped by who asked for it.
    #[error("interrupted")]
    Interrupted,
}
