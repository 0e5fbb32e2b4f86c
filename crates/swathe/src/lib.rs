//! Many satellite swaths in, one map out.

// The command is written as any program on the library would be.
extern crate self as swathe;

pub use swathe_core as core;
pub use swathe_io as io;

mod allocator;
mod cli;
pub mod cluster;
mod commands;
pub mod comparing;
mod config;
mod failure;
mod interrupt;
pub mod job;
pub mod live;
mod memory_size;
mod messages;
pub mod reduction;

/// Tasks given to a thread pool, and their outcomes taken when they are needed.
pub mod futures {
    pub use swathe_core::run::{Cancelled, Future, Futures, NoOutcome, Status, gather};
}

pub use cli::command;
pub use commands::plot::{Arguments as PlotArguments, draw};
pub use commands::reduced::ReducedOutputs;
pub use commands::simulate::make as make_granules;
pub use commands::write::Outputs;
pub use failure::Failure;
pub use memory_size::memory_size;
pub use messages::shortened;
