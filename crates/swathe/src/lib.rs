//! Many satellite swaths in, one map out.

pub use swathe_core as core;
pub use swathe_io as io;

pub mod job;
