//! A plan carried out: every granule applied on the threads of a pool, the outcomes combined.

use super::average::average;
use super::cube::cube;
use super::header::Header;
use super::partial::Partial;
use super::plan::{Plan, PlannedGranule};
use super::record::add;
use super::{Event, Finished, JobError, Observer, OnError, Purpose};
use rayon::ThreadPool;
use swathe_core::mask::FlagReport;
use swathe_core::resample::GeometryReport;
use swathe_core::run::{Applied, Recipe, execute};
use swathe_io::bytes::ReadCounters;
use swathe_io::product::{GranuleRecord, GranuleStatus, Product};

/// Carries a plan out on the threads of a pool, of which the calling thread must not be one.
///
/// # Errors
/// A granule that cannot be used, unless those are to be skipped; nothing in the area.
pub fn run(plan: &Plan, pool: &ThreadPool, observer: Observer<'_>) -> Result<Finished, JobError> {
    match plan.purpose {
        Purpose::Average => average(plan, pool, observer),
        Purpose::Cube => cube(plan, pool, observer),
    }
}

/// What the tasks of a run share, and what they leave.
pub(super) struct Run<'a> {
    plan: &'a Plan,
    pub records: Vec<Option<GranuleRecord>>,
    read: ReadCounters,
    geometry: GeometryReport,
    flags: Vec<FlagReport>,
    touched: usize,
    used: usize,
    failed: usize,
}

/// A task's outcome: what the granule gave and what reading it cost.
type Outcome = (Result<Option<Applied>, String>, ReadCounters);

impl<'a> Run<'a> {
    pub fn new(plan: &'a Plan) -> Self {
        Run {
            plan,
            records: vec![None; plan.granules.len()],
            read: ReadCounters::default(),
            geometry: GeometryReport::default(),
            flags: vec![FlagReport::default(); plan.fields.len()],
            touched: 0,
            used: 0,
            failed: plan.failed,
        }
    }

    /// Puts every granule on the grid, and hands each that gives anything to `combine` by its place
    /// in the order.
    pub fn over_granules(
        &mut self,
        pool: &ThreadPool,
        observer: Observer<'_>,
        mut combine: impl FnMut(usize, Applied) -> Result<(), JobError>,
    ) -> Result<(), JobError> {
        let plan = self.plan;
        let total = plan.granules.len();
        let mut done = 0;
        // One more than there are threads: the next has been read when a thread becomes free.
        let in_flight = pool.current_num_threads() + 1;
        execute(
            pool,
            total,
            in_flight,
            |i| apply(plan, &plan.granules[i]),
            |i, (outcome, read)| {
                add(&mut self.read, read);
                let candidate = &plan.granules[i].candidate;
                let record = match outcome {
                    Ok(None) => candidate.record(GranuleStatus::Empty, "outside the area"),
                    Ok(Some(applied)) => {
                        self.geometry.add(&applied.geometry);
                        for (all, one) in self.flags.iter_mut().zip(&applied.flags) {
                            all.merge(one);
                        }
                        let (located, touched, found) =
                            (applied.located, applied.touched, applied.found);
                        self.touched += usize::from(touched);
                        self.used += usize::from(found);
                        if touched {
                            combine(i, applied)?;
                        }
                        match (found, touched, located) {
                            (true, ..) => candidate.record(GranuleStatus::Used, ""),
                            (_, true, _) => candidate
                                .record(GranuleStatus::Empty, "without a valid pixel in the area"),
                            (.., true) => {
                                candidate.record(GranuleStatus::Empty, "outside the area")
                            }
                            _ => candidate.record(
                                GranuleStatus::Empty,
                                "without a pixel that has a usable position",
                            ),
                        }
                    }
                    Err(reason) if plan.job.on_error == OnError::Skip => {
                        self.failed += 1;
                        candidate.record(GranuleStatus::Skipped, reason)
                    }
                    Err(reason) => return Err(JobError::granule(&candidate.name, reason)),
                };
                done += 1;
                let told = observer(&Event::Granule {
                    record: &record,
                    done,
                    total,
                    read: self.read,
                });
                if told.is_break() {
                    return Err(JobError::Interrupted);
                }
                self.records[i] = Some(record);
                Ok(())
            },
        )
    }

    /// What the run leaves, once its granules are combined.
    ///
    /// # Errors
    /// When no granule touches the area.
    pub fn finish(
        self,
        make: impl FnOnce(&Header) -> Result<(Product, Option<Partial>), JobError>,
    ) -> Result<Finished, JobError> {
        if self.touched == 0 && !self.plan.job.empty_maps {
            let mut reasons: Vec<String> = self
                .records
                .iter()
                .flatten()
                .map(|record| record.reason.clone())
                .collect();
            reasons.sort();
            reasons.dedup();
            return Err(JobError::Nothing {
                reason: format!("no granule touches the area: {}", reasons.join(", ")),
            });
        }
        let header = Header::of_run(self.plan, self.records, self.flags);
        let (product, partial) = make(&header)?;
        let names = header.fields.iter().map(|f| f.name.clone());
        Ok(Finished {
            product,
            partial,
            read: self.read,
            geometry: self.geometry,
            flags: names.zip(header.flags).collect(),
            used: self.used,
            failed: self.failed,
        })
    }
}

/// Puts one granule on the grid.
fn apply(plan: &Plan, granule: &PlannedGranule) -> Outcome {
    let opened = match granule.candidate.granule() {
        Ok(opened) => opened,
        Err(error) => return (Err(error.to_string()), ReadCounters::default()),
    };
    let recipe = Recipe {
        grid: &plan.grid,
        tiling: plan.tiling,
        method: plan.method,
        fields: &granule.recipes,
        mask: &granule.mask,
    };
    let applied = recipe.apply(&*opened).map_err(|e| e.to_string());
    (applied, opened.counters())
}
