//! How the command reaches a cluster: by a program around it that can, such as the Python package.

use crate::job::{Finished, JobError, Observer, Plan};
use crate::reduction::Reducing;
use std::path::Path;
use std::sync::OnceLock;
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

/// Who carries plans out on clusters.
pub trait Cluster: Send + Sync {
    /// Carries a plan out. `keep`: the partial result is to keep what each granule gave. `folder`: where workers may
    /// write the maps, if they see it.
    ///
    /// # Errors
    /// Those of the run; a cluster that cannot be reached, or whose workers do not fit.
    fn run(
        &self,
        place: &Place,
        plan: &Plan,
        keep: bool,
        folder: Option<&Path>,
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
