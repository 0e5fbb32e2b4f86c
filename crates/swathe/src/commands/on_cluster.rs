//! Options of commands that can work on a cluster.

use crate::cluster::{self, Place};
use crate::interrupt;
use clap::Args;
use rayon::ThreadPool;
use std::sync::Arc;
use swathe::job::{self, Finished, JobError, Keeping, Observer, Plan};
use swathe::live::Live;
use swathe_core::geobox::GeoBox;

/// Where to work.
#[derive(Args)]
#[command(next_help_heading = "Cluster (the command of the Python package)")]
pub struct OnCluster {
    /// Work on the Dask cluster of this scheduler, as tcp://10.0.0.1:8786
    #[arg(long, value_name = "ADDRESS", conflicts_with_all = ["dask_gateway", "resume"])]
    dask: Option<String>,
    /// Work on a new cluster of this Dask Gateway, which ends with the run. How to sign in, and what
    /// workers are like, is Dask's configuration
    #[arg(long, value_name = "URL", conflicts_with = "resume")]
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

    /// Whether work is done elsewhere.
    pub fn is_asked_for(&self) -> bool {
        self.place().is_some()
    }

    /// Carries a plan out: here, or on the cluster that was asked for. `live`: the page of the run, and the map that
    /// is made of bins.
    ///
    /// # Errors
    /// Those of the run, and of the cluster.
    pub fn run(
        &self,
        plan: &Arc<Plan>,
        pool: &ThreadPool,
        keeping: &Keeping,
        live: Option<(&Arc<Live>, Option<&GeoBox>)>,
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
        let live = live.map(|(live, map)| {
            let stride = live.plan_spread(plan, map);
            live.draw(plan, &[]);
            (live, stride)
        });
        cluster.run(&place, plan, keep, live, observer)
    }
}
