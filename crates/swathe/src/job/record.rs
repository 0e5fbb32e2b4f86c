//! What a run tells while it goes on.

use super::JobError;
use std::ops::ControlFlow;
use swathe_io::bytes::ReadCounters;
use swathe_io::product::GranuleRecord;

/// Something happened that a person who waits may want to see.
#[derive(Debug)]
pub enum Event<'a> {
    /// A granule has been worked on, or skipped.
    Granule {
        /// What became of it.
        record: &'a GranuleRecord,
        /// Granules done, with this one.
        done: usize,
        /// Granules in all.
        total: usize,
        /// What reading has cost so far.
        read: ReadCounters,
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
