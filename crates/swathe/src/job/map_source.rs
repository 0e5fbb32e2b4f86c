//! Maps that come tile by tile, whatever they are made of.

use super::{Finished, JobError, Observer};
use swathe_io::product::{Product, TileSink};

/// Maps of a run that is done.
pub trait MapSource {
    /// Their product, without its values.
    fn description(&self) -> &Product;

    /// Hands all tiles to sinks, on the threads of the current pool, and tells of them.
    ///
    /// # Errors
    /// What was kept cannot be read; those of the sinks; the observer breaks it off.
    fn feed(
        &self,
        sinks: &mut [Box<dyn TileSink + '_>],
        observer: Observer<'_>,
    ) -> Result<(), JobError>;

    /// The run itself, if these are its own maps and not made of them.
    fn run(&self) -> Option<&Finished> {
        None
    }
}

impl MapSource for Finished {
    fn description(&self) -> &Product {
        Finished::description(self)
    }

    fn feed(
        &self,
        sinks: &mut [Box<dyn TileSink + '_>],
        observer: Observer<'_>,
    ) -> Result<(), JobError> {
        Finished::feed(self, sinks, observer)
    }

    fn run(&self) -> Option<&Finished> {
        Some(self)
    }
}
