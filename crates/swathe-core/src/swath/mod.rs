//! The shape of a swath on the ground: pixel centres, the steps between them, footprints.
//!
//! ```text
//! GeolocationArray --Spacing (once per granule)--+
//!                  --Centres (a block of lines)--+--> Block: links, corners, footprints
//! ```
//! Everything is worked out by blocks of lines: a whole granule's vectors in double precision
//! would take 52 MB.

mod block;
mod centres;
mod quad;
mod spacing;

pub use block::Block;
pub use centres::Centres;
pub use centres::located;
pub(crate) use centres::{TOGETHER, padded, vector, vectors_together};
pub use quad::{Quad, QuadShape};
pub use spacing::{Reaches, Spacing};
