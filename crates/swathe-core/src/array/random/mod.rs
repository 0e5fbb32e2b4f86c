//! Random arrays: numpy's generator and distributions, bit for bit; dask's streams for chunks; and numbers that
//! do not depend on chunks at all.

mod bits;
mod distribution;
mod generator;
mod pcg64;
mod seed;
mod stream;
mod ziggurat;

pub use distribution::Distribution;
pub(super) use distribution::Leftover;
pub use generator::{Generator, StreamKind};
pub use pcg64::Pcg64;
pub use seed::{SeedSequence, words_of_decimal};
pub use stream::{OneStream, Streams};
pub(super) use stream::{Stream, draw_places};
