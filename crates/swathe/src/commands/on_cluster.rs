//! Options of commands that can work on a cluster.

use crate::cluster::{self, Cluster, Place};
use crate::failure::Result;
use crate::{interrupt, messages};
use clap::Args;
use rayon::ThreadPool;
use std::ops::ControlFlow;
use std::path::PathBuf;
use swathe::core::array::Step;
use swathe::job::{self, Finished, JobError, Keeping, Observer, Plan};
use swathe::reduction::{Reduced, Reducing, Reduction, reduce};

/// Where to work.
#[derive(Args)]
#[command(next_help_heading = "Cluster (the command of the Python package)")]
pub struct OnCluster {
    /// Work on the Dask cluster of this scheduler, as tcp://10.0.0.1:8786
    #[arg(long, value_name = "ADDRESS", conflicts_with_all = ["dask_gateway", "live"])]
    dask: Option<String>,
    /// Work on a new cluster of this Dask Gateway, which ends with the run. How to sign in, and what
    /// workers are like, is Dask's configuration
    #[arg(long, value_name = "URL", conflicts_with = "live")]
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

    /// Carries a plan out: here, or on the cluster that was asked for. `share`: the folder of a store into which
    /// workers may write the maps.
    ///
    /// # Errors
    /// Those of the run, and of the cluster.
    pub fn run(
        &self,
        plan: &Plan,
        pool: &ThreadPool,
        keeping: &Keeping,
        share: impl FnOnce() -> Result<Option<PathBuf>>,
        observer: Observer<'_>,
    ) -> Result<Finished> {
        let Some(place) = self.place() else {
            return Ok(job::run(plan, pool, keeping, observer)?);
        };
        let keep = keeping.journal.as_ref().is_some_and(|j| j.granules);
        let cluster = provided()?;
        let folder = share()?;
        let finished = cluster.run(&place, plan, keep, folder.as_deref(), observer)?;
        if folder.is_some() && finished.stored().is_none() {
            messages::note("workers do not see the folder of the output: it is written from here");
        }
        Ok(finished)
    }

    /// Carries a reduction out: here, or on the cluster that was asked for.
    ///
    /// # Errors
    /// Those of [`reduce`], and of the cluster.
    pub fn reduce(
        &self,
        paths: &[PathBuf],
        reduction: &Reduction,
        pool: &ThreadPool,
        memory: Option<u64>,
        observer: &mut dyn FnMut(Step) -> ControlFlow<()>,
    ) -> Result<Reduced> {
        let Some(place) = self.place() else {
            return reduce(paths, reduction, pool, memory, observer);
        };
        let cluster = provided()?;
        let reducing = pool.install(|| Reducing::new(paths, reduction))?;
        let values = cluster.reduce(&place, &reducing)?;
        reducing.finish(values)
    }
}

/// Who reaches clusters.
fn provided() -> Result<&'static dyn Cluster> {
    let Some(cluster) = cluster::provided() else {
        return Err(JobError::Cluster {
            reason: "this program does not reach clusters".into(),
            hint: Some("the command of the Python package does: pip install 'swathe[dask]'".into()),
        }
        .into());
    };
    interrupt::before_the_end(|| cluster.abandon());
    Ok(cluster)
}
