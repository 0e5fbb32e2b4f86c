//! What a run tells while it goes on.

use super::JobError;
use std::ops::ControlFlow;
use swathe_core::reduce::Composite;
use swathe_io::bytes::ReadCounters;
use swathe_io::product::{GranuleRecord, LayerData, Product};

/// Something happened that a person who waits may want to see.
#[derive(Debug)]
pub enum Event<'a> {
    /// A granule has been worked on, or skipped.
    Granule {
        /// Its place in the plan.
        number: usize,
        /// What became of it.
        record: &'a GranuleRecord,
        /// Granules done, with this one.
        done: usize,
        /// Granules in all.
        total: usize,
        /// What reading has cost so far.
        read: ReadCounters,
    },
    /// What granules gave to the first field was combined, in these tiles.
    Combined {
        /// What they have given so far.
        composite: &'a Composite,
        /// The tiles that have changed.
        tiles: &'a [usize],
    },
    /// Maps are going to be finished: their product, without its values.
    Maps {
        /// It.
        product: &'a Product,
    },
    /// A tile of a map is finished.
    Tile {
        /// Its layer.
        layer: usize,
        /// Its time step.
        step: usize,
        /// Its number.
        tile: usize,
        /// Its cells.
        values: &'a LayerData,
    },
    /// Tiles of maps, or of a partial result, have been finished and handed on.
    Tiles {
        /// Tiles done, of every field and step.
        done: usize,
        /// Tiles in all. An output that is written after others begins anew.
        total: usize,
    },
}

/// Who is told, and may break the run off; called on the thread that started it.
pub type Observer<'a> = &'a mut (dyn FnMut(&Event<'_>) -> ControlFlow<()> + Send);

/// Tells of tiles that are done.
pub(super) fn tell_tiles(
    observer: &mut Observer<'_>,
    done: usize,
    total: usize,
) -> Result<(), JobError> {
    match observer(&Event::Tiles { done, total }) {
        ControlFlow::Break(()) => Err(JobError::Interrupted),
        ControlFlow::Continue(()) => Ok(()),
    }
}

/// Adds up reading costs.
pub(super) fn add(total: &mut ReadCounters, part: ReadCounters) {
    total.reads += part.reads;
    total.bytes_read += part.bytes_read;
    total.bytes_decoded += part.bytes_decoded;
}
