//! How the command reaches a cluster: by a program around it that can, such as the Python package.

use crate::job::{Finished, JobError, Observer, Plan};
use crate::live::Live;
use crate::reduction::Reducing;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use swathe_core::array::Buffer;

/// Which cluster to work on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// That of a scheduler: its address.
    Scheduler(String),
    /// A new one of a gateway, which goes afterwards.
    Gateway {
        /// The gateway's address.
        address: String,
        /// Number of workers.
        workers: u16,
    },
}

/// What is wanted of a run elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// What granules gave, for partial results. `keep`: what each of them gave.
    Parts {
        /// See above.
        keep: bool,
    },
    /// The maps.
    Maps,
    /// The maps as a Zarr store, in a folder that is seen there; otherwise they are wanted here.
    Store {
        /// It is there, and empty.
        folder: PathBuf,
        /// Whether the maps are wanted besides.
        maps: bool,
    },
}

/// Who carries plans out on clusters.
pub trait Cluster: Send + Sync {
    /// Carries a plan out. `live`: the page of the run, with the stride for recorders of tasks.
    ///
    /// # Errors
    /// Those of the run; a cluster that cannot be reached, or whose workers do not fit.
    fn run(
        &self,
        place: &Place,
        plan: &Plan,
        wanted: &Wanted,
        live: Option<(&Arc<Live>, usize)>,
        observer: Observer<'_>,
    ) -> Result<Finished, JobError>;

    /// Computes the arrays of a reduction.
    ///
    /// # Errors
    /// As [`Cluster::run`].
    fn reduce(&self, place: &Place, reducing: &Reducing) -> Result<Vec<Buffer>, JobError>;

    /// Gives up what a run has made for itself: the process is about to end.
    fn abandon(&self);
}

static CLUSTER: OnceLock<Box<dyn Cluster>> = OnceLock::new();

/// From now on the command reaches clusters by this; the first one stays.
pub fn provide(cluster: Box<dyn Cluster>) {
    // A second one is as good as the first.
    let _ = CLUSTER.set(cluster);
}

/// Who reaches clusters, if anybody does.
pub(crate) fn provided() -> Option<&'static dyn Cluster> {
    CLUSTER.get().map(|cluster| &**cluster)
}
