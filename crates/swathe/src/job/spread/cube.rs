//! A cube of which nothing is made yet: layers are made when they are asked for, each by itself, wherever.

use super::assignment::{Assignment, Share};
use super::{go_on, opened, sealed};
use crate::job::finished::Finished;
use crate::job::gather::{self, Candidate};
use crate::job::header::{Done, Header};
use crate::job::keeping::Keeping;
use crate::job::plan::Plan;
use crate::job::run::run;
use crate::job::{JobError, Purpose};
use rayon::ThreadPool;
use swathe_io::product::{GranuleStatus, LayerData, Product};

/// A cube, planned.
#[derive(Debug)]
pub struct LazyCube {
    /// The product without values, and without what only they tell: what came of granules, what flags took.
    pub product: Product,
    /// For [`layers`]: how each step along time is made, of one granule.
    pub steps: Vec<Vec<u8>>,
}

impl Plan {
    /// The plan of a cube, cut into layers that are made later.
    ///
    /// # Errors
    /// The plan is not of a cube; a granule that cannot be found again by a path or an address.
    pub fn lazy_cube(&self) -> Result<LazyCube, JobError> {
        if self.purpose != Purpose::Cube {
            return Err(JobError::plan(
                "only the layers of a cube can be made later",
            ));
        }
        let places = self.granules.iter().map(|granule| {
            let candidate = &granule.candidate;
            candidate.place().map_err(|reason| {
                let reason = format!("{} cannot be read later: {reason}", candidate.name);
                JobError::plan_hint(reason, "give a path, or an address without a query")
            })
        });
        let places = places.collect::<Result<Vec<_>, JobError>>()?;
        let whole = Assignment::of(self, true).that_stops();
        let steps = (0..self.granules.len()).map(|number| {
            let batch = number..number + 1;
            sealed(&whole.with_granules(self, &places, batch, vec![Share::default()]))
        });
        let steps = steps.collect::<Result<_, JobError>>()?;
        // As if every granule gave something: then each has its layer, as one that gives nothing has.
        let done = self.candidates().map(|candidate| {
            Some(Done {
                record: candidate.record(GranuleStatus::Used, ""),
                most: 0,
                flags: Vec::new(),
                gave: Vec::new(),
            })
        });
        let done: Vec<Option<Done>> = done.collect();
        let header = Header::of_plan(self, false);
        let flags = header.flags.clone();
        let (header, _) = header.with_outcomes(&done, flags);
        let records: Vec<_> = done.into_iter().map(|d| d.map(|d| d.record)).collect();
        let mut product = Finished::cube_without_values(header, &records, self.job.stack)?;
        product.granules.clear();
        product.flags.clear();
        Ok(LazyCube { product, steps })
    }
}

/// Makes the layers of a granule, one for every variable, on the threads of a pool, of which the calling thread must
/// not be one: row-major, all missing where the granule has nothing in the area. `memory`: bytes that it may take; by
/// default half of what the machine has.
///
/// # Errors
/// A step of another version; a granule that cannot be used; memory that does not do.
pub fn layers(
    step: &[u8],
    memory: Option<u64>,
    pool: &ThreadPool,
) -> Result<Vec<LayerData>, JobError> {
    let plan = opened::<Assignment>(step)?.plan()?;
    if plan.candidates().any(Candidate::is_remote) {
        gather::open_far(plan.candidates())?;
    }
    let keeping = Keeping {
        memory,
        whole: true,
        ..Keeping::default()
    };
    let finished = run(&plan, pool, &keeping, &mut go_on)?;
    let product = pool.install(|| finished.product())?;
    Ok(product.layers.into_iter().map(|layer| layer.data).collect())
}
