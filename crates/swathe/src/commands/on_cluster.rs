//! Options of commands that can work on a cluster.

use crate::cluster::{self, Place};
use crate::interrupt;
use clap::Args;
use rayon::ThreadPool;
use swathe::job::{self, Finished, JobError, Keeping, Observer, Plan};

/// Where to work.
#[derive(Args)]
#[command(next_help_heading = "Cluster (the command of the Python package)")]
pub struct OnCluster {
    /// Work on the Dask cluster of this scheduler, as tcp://10.0.0.1:8786
    #[arg(long, value_name = "ADDRESS", conflicts_with_all = ["dask_gateway", "resume", "live"])]
    dask: Option<String>,
    /// Work on a new cluster of this Dask Gateway, which ends with the run. How to sign in, and what
    /// workers are like, is Dask's configuration
    #[arg(long, value_name = "URL", conflicts_with_all = ["resume", "live"])]
    dask_gateway: Option<String>,
    /// Workers of the new cluster
    #[arg(long, value_name = "N", default_value_t = 2, hide_default_value = true, requires = "dask_gateway",
          value_parser = clap::value_parser!(u16).range(1..))]
    workers: u16,
}

impl OnCluster {
    fn place(&self) -> Option<Place> {
        match (&self.dask, &self.dask_gateway) {
            (Some(address), _) => Some(Place::Scheduler(address.clone())),
            (None, Some(address)) => Some(Place::Gateway {
                address: address.clone(),
                workers: self.workers,
            }),
            (None, None) => None,
        }
    }

    /// Carries a plan out: here, or on the cluster that was asked for.
    ///
    /// # Errors
    /// Those of the run, and of the cluster.
    pub fn run(
        &self,
        plan: &Plan,
        pool: &ThreadPool,
        keeping: &Keeping,
        observer: Observer<'_>,
    ) -> Result<Finished, JobError> {
        let Some(place) = self.place() else {
            return job::run(plan, pool, keeping, observer);
        };
        let Some(cluster) = cluster::provided() else {
            return Err(JobError::Cluster {
                reason: "this program does not reach clusters".into(),
                hint: Some(
                    "the command of the Python package does: pip install 'swathe[dask]'".into(),
                ),
            });
        };
        let keep = keeping.journal.as_ref().is_some_and(|j| j.granules);
        interrupt::before_the_end(|| cluster.abandon());
        cluster.run(&place, plan, keep, observer)
    }
}
