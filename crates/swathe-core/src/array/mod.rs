//! Lazy n-dimensional arrays, larger than memory: chunk, apply, combine.
//!
//! ```text
//! sources --operations--> Array (lazy) --reduce--> Array (lazy)
//!                           `--compute: tasks on chunks, blocks in cache--> Buffer
//! ```

mod buffer;
mod chunks;
mod compute;
mod dtype;
mod elementwise;
mod error;
mod evaluate;
mod expression;
pub mod language;
mod layout;
mod outline;
mod parts;
mod portable;
pub mod random;
mod reach;
mod reduction;
mod select;
mod state;
mod tree;

pub use buffer::{Buffer, Element};
pub use chunks::{Chunks, Cut, Region, shape_text};
pub use compute::{Observer, Step, compute, compute_all, compute_observed};
pub use dtype::{DType, Kind, Scalar};
pub use elementwise::{Binary, Unary};
pub use error::ArrayError;
pub use expression::{Array, ChunkSource, Function, Part};
pub use outline::{Stage, outline};
pub use parts::{Earlier, Parts, Reads, Share, Work};
pub use portable::Sources;
pub use reduction::{Over, Statistic};
