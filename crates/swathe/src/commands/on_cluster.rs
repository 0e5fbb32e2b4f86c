//! Options of commands that can work on a cluster.

use crate::cluster::{self, Cluster, Place, Wanted};
use crate::failure::Result;
use crate::{interrupt, messages};
use clap::Args;
use rayon::ThreadPool;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use swathe::core::array::Step;
use swathe::core::geobox::GeoBox;
use swathe::job::{self, Finished, JobError, Keeping, Observer, Plan};
use swathe::live::Live;
use swathe::reduction::{Reduced, Reducing, Reduction, reduce};

/// Where to work.
#[derive(Args)]
#[command(next_help_heading = "Cluster (the command of the Python package)")]
pub struct OnCluster {
    /// Work on the Dask cluster of this scheduler, as tcp://10.0.0.1:8786
    #[arg(long, value_name = "ADDRESS", conflicts_with = "dask_gateway")]
    dask: Option<String>,
    /// Work on a new cluster of this Dask Gateway, which ends with the run. How to sign in, and what
    /// workers are like, is Dask's configuration
    #[arg(long, value_name = "URL")]
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

    /// Carries a plan out: here, or on the cluster that was asked for, where this is `wanted`; `live`: the page of the
    /// run, and the map that is made of bins.
    ///
    /// # Errors
    /// Those of the run, and of the cluster.
    pub fn run(
        &self,
        plan: &Arc<Plan>,
        pool: &ThreadPool,
        keeping: &Keeping,
        wanted: impl FnOnce() -> Result<Wanted>,
        live: Option<(&Arc<Live>, Option<&GeoBox>)>,
        observer: Observer<'_>,
    ) -> Result<Finished> {
        let Some(place) = self.place() else {
            return Ok(job::run(plan, pool, keeping, observer)?);
        };
        let cluster = provided()?;
        let wanted = wanted()?;
        let live = live.map(|(live, map)| {
            let stride = live.plan_spread(plan, map);
            live.draw(plan, &[]);
            (live, stride)
        });
        let finished = cluster.run(&place, plan, &wanted, live, observer)?;
        if matches!(wanted, Wanted::Store { .. }) && finished.stored().is_none() {
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
