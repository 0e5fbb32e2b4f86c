//! A plan carried out: every granule applied on the threads of a pool, and what it gave kept.

use super::ahead::Ahead;
use super::contents::Contents;
use super::data_day::Part;
use super::finished::Finished;
use super::header::{Done, Header};
use super::keeping::{Keeping, Kept, open_journal};
use super::memory::Shares;
use super::placed::{GranuleOutcome, Keep, Placing};
use super::plan::Plan;
use super::record::add;
use super::{Event, JobError, Observer, OnError, Purpose};
use rayon::ThreadPool;
use std::ops::ControlFlow;
use swathe_core::mask::FlagReport;
use swathe_core::reduce::{Composite, TilePart};
use swathe_core::resample::GeometryReport;
use swathe_core::run::{InFlight, execute};
use swathe_core::watch::{self, Task as Doing};
use swathe_io::bytes::ReadCounters;
use swathe_io::journal::Journal;
use swathe_io::product::GranuleStatus;

/// Carries a plan out on the threads of a pool, of which the calling thread must not be one.
///
/// # Errors
/// A granule that cannot be used, unless those are to be skipped; nothing in the area; a memory limit
/// that cannot be kept; a run that is to go on and does not fit.
pub fn run(
    plan: &Plan,
    pool: &ThreadPool,
    keeping: &Keeping,
    observer: Observer<'_>,
) -> Result<Finished, JobError> {
    let shares = plan.shares(pool.current_num_threads(), keeping)?;
    over_granules(plan, pool, keeping, &shares, observer)?.finish()
}

/// Puts all granules of a plan on the grid, and keeps what they give.
///
/// # Errors
/// As [`run`].
pub(super) fn over_granules<'a>(
    plan: &'a Plan,
    pool: &ThreadPool,
    keeping: &Keeping,
    shares: &Shares,
    observer: Observer<'_>,
) -> Result<Run<'a>, JobError> {
    let mut run = Run::new(plan, shares);
    if let Some(file) = &keeping.journal {
        run.keep = file.granules;
        let (journal, kept) = open_journal(plan, file)?;
        run.journal = Some(journal);
        run.restore(kept)?;
    }
    let ahead = Ahead::new(plan, shares.ahead, &run.done);
    let outcome = std::thread::scope(|scope| {
        ahead.start(scope);
        let outcome = run.over_granules(pool, shares, &ahead, observer);
        ahead.stop();
        outcome
    });
    if outcome.is_err()
        && let Some(journal) = run.journal.take_if(|journal| journal.is_empty())
    {
        journal.remove()?;
    }
    outcome?;
    Ok(run)
}

/// A run on its way.
pub(super) struct Run<'a> {
    plan: &'a Plan,
    /// What became of each granule.
    pub done: Vec<Option<Done>>,
    /// Whether the partial result is to keep what each granule gave.
    keep: bool,
    /// For an average that fits in memory.
    composites: Option<Vec<Composite>>,
    pub journal: Option<Journal>,
    /// What granules gave, where it is neither combined nor in a journal.
    parts: Vec<Vec<Vec<(usize, TilePart)>>>,
    pub read: ReadCounters,
    pub geometry: GeometryReport,
    pub flags: Vec<FlagReport>,
    pub touched: usize,
    pub failed: usize,
    /// Observations that are finished at a time on a thread, bytes.
    unit_bytes: u64,
}

impl<'a> Run<'a> {
    fn new(plan: &'a Plan, shares: &Shares) -> Self {
        let fields = plan.fields.iter();
        Run {
            plan,
            done: vec![None; plan.granules.len()],
            composites: shares.combined.then(|| {
                fields
                    .map(|field| Composite::new(plan.tiling, field.reduction.clone()))
                    .collect()
            }),
            keep: false,
            journal: None,
            parts: Vec::new(),
            read: ReadCounters::default(),
            geometry: GeometryReport::default(),
            flags: vec![FlagReport::default(); plan.fields.len()],
            touched: 0,
            failed: plan.failed,
            unit_bytes: shares.unit,
        }
    }

    /// Takes over what an earlier run kept.
    fn restore(&mut self, kept: Vec<Kept>) -> Result<(), JobError> {
        for Kept { granule, outcome } in kept {
            self.note(granule, outcome);
        }
        let (Some(composites), Some(journal)) = (&mut self.composites, &self.journal) else {
            return Ok(());
        };
        let fields = self.plan.fields.len();
        for piece in journal.pieces() {
            let (tile, field) = (piece.unit as usize / fields, piece.unit as usize % fields);
            if let Some(composite) = composites.get_mut(field) {
                let stored = journal.piece(piece)?;
                let reduction = composite.reduction().clone();
                let part = TilePart::from_stored(stored, &self.plan.tiling, &reduction, tile)?;
                composite.combine(tile, &part, piece.granule)?;
            }
        }
        Ok(())
    }

    /// Puts every granule that is not done on the grid.
    fn over_granules(
        &mut self,
        pool: &ThreadPool,
        shares: &Shares,
        ahead: &Ahead<'_>,
        observer: Observer<'_>,
    ) -> Result<(), JobError> {
        let plan = self.plan;
        let total = plan.granules.len();
        let todo: Vec<usize> = (0..total).filter(|i| self.done[*i].is_none()).collect();
        let mut done = total - todo.len();
        let keep = match (&self.journal, &self.composites) {
            (None, _) => Keep::Nothing,
            (Some(_), Some(_)) => Keep::Beside,
            (Some(journal), None) => Keep::Alone(journal.folder().to_owned()),
        };
        let costs: Vec<u64> = todo
            .iter()
            .map(|i| shares.costs.get(*i).copied().unwrap_or(0))
            .collect();
        let in_flight = InFlight {
            tasks: shares.tasks,
            costs: &costs,
            allowance: shares.allowance,
        };
        let each = shares.ahead / shares.tasks.max(1) as u64;
        let watched = watch::here();
        if done > 0 {
            self.tell_combined(&(0..plan.tiling.tiles()).collect::<Vec<_>>(), observer)?;
        }
        execute(
            pool,
            in_flight,
            |i| {
                let _entered = watched.at_granule(todo[i] as u32).enter();
                ahead.is_due(todo[i]);
                let placing = Placing {
                    keep: &keep,
                    turns: shares.turns.get(todo[i]).map_or(&[][..], Vec::as_slice),
                    ahead: each,
                };
                let task = placing.place(plan, &plan.granules[todo[i]]);
                ahead.is_read(todo[i]);
                task
            },
            |i, task| {
                let granule = todo[i];
                let _entered = watched.at_granule(granule as u32).enter();
                let combining = watch::doing(Doing::Combine);
                add(&mut self.read, task.read);
                let candidate = &plan.granules[granule].candidate;
                match task.outcome {
                    Ok(outcome) => {
                        if let Some(journal) = &mut self.journal {
                            journal.append(granule as u32, &outcome, &task.pieces)?;
                        }
                        let first = task.parts.first().into_iter().flatten();
                        let tiles: Vec<usize> = first.map(|(tile, _)| *tile).collect();
                        self.combine(granule, task.parts)?;
                        self.note(granule, outcome);
                        self.tell_combined(&tiles, observer)?;
                    }
                    Err(reason) if plan.job.on_error == OnError::Skip => {
                        self.failed += 1;
                        let record = candidate.record(GranuleStatus::Skipped, reason);
                        self.done[granule] = Some(Done {
                            record,
                            most: 0,
                            flags: Vec::new(),
                            gave: Vec::new(),
                        });
                    }
                    Err(reason) => return Err(JobError::granule(&candidate.name, reason)),
                }
                drop(combining);
                done += 1;
                if let Some(Done { record, .. }) = &self.done[granule] {
                    let told = observer(&Event::Granule {
                        number: granule,
                        record,
                        done,
                        total,
                        read: self.read,
                    });
                    if told.is_break() {
                        return Err(JobError::Interrupted);
                    }
                }
                Ok(())
            },
        )
    }

    /// Tells that tiles have changed, of an average that is combined in memory.
    fn tell_combined(&self, tiles: &[usize], observer: Observer<'_>) -> Result<(), JobError> {
        let Some(composite) = self.composites.as_ref().and_then(|all| all.first()) else {
            return Ok(());
        };
        match observer(&Event::Combined { composite, tiles }) {
            ControlFlow::Break(()) => Err(JobError::Interrupted),
            ControlFlow::Continue(()) => Ok(()),
        }
    }

    fn combine(
        &mut self,
        granule: usize,
        parts: Vec<Vec<(usize, TilePart)>>,
    ) -> Result<(), JobError> {
        match (&mut self.composites, &self.journal) {
            (Some(composites), _) => {
                for (composite, parts) in composites.iter_mut().zip(&parts) {
                    for (tile, part) in parts {
                        composite.combine(*tile, part, granule as u32)?;
                    }
                }
            }
            (None, Some(_)) => {}
            (None, None) => {
                self.parts.resize_with(self.plan.granules.len(), Vec::new);
                self.parts[granule] = parts;
            }
        }
        Ok(())
    }

    /// Counts a granule that is done.
    fn note(&mut self, granule: usize, outcome: GranuleOutcome) {
        self.geometry.add(&outcome.geometry);
        for (all, one) in self.flags.iter_mut().zip(&outcome.flags) {
            all.merge(one);
        }
        self.touched += usize::from(outcome.touched);
        if let Some(done) = self.done.get_mut(granule) {
            *done = Some(Done {
                record: outcome.record,
                most: outcome.most,
                flags: if self.keep { outcome.flags } else { Vec::new() },
                gave: outcome.gave,
            });
        }
    }

    /// What the granules gave, as it is kept, told apart by these numbers; without any, by those of the plan.
    ///
    /// # Errors
    /// A granule without a number.
    pub fn contents(&mut self, numbers: Option<&[u32]>) -> Result<Contents, JobError> {
        Ok(match (self.composites.take(), self.journal.take()) {
            (Some(mut composites), journal) => {
                if let Some(numbers) = numbers {
                    let numbers: Vec<Option<u32>> = numbers.iter().copied().map(Some).collect();
                    for composite in &mut composites {
                        composite.renumber(&numbers)?;
                    }
                }
                Contents::Composites(composites, journal)
            }
            (None, Some(mut journal)) => {
                if let Some(numbers) = numbers {
                    journal.renumber(numbers);
                }
                journal.sorted();
                Contents::Journal(journal)
            }
            (None, None) => Contents::Parts(std::mem::take(&mut self.parts)),
        })
    }

    /// What the run leaves.
    fn finish(mut self) -> Result<Finished, JobError> {
        let plan = self.plan;
        if self.touched == 0 && !plan.job.empty_maps {
            if let Some(journal) = self.journal {
                journal.remove()?;
            }
            return Err(nothing_touched(&self.done));
        }
        let flags = std::mem::take(&mut self.flags);
        let header = Header::of_plan(plan, self.keep);
        let (header, numbers) = header.with_outcomes(&self.done, flags);
        // What can be merged with others is kept with the numbers of the header.
        let one = plan.purpose == Purpose::Average && plan.windows.is_none();
        let contents = self.contents(one.then_some(&numbers))?;
        let unit_bytes = self.unit_bytes;
        let mut finished = match (plan.purpose, &plan.windows) {
            (Purpose::Average, Some((windows, _))) => {
                let gave = self.done.into_iter();
                let gave = gave.map(|done| done.map_or_else(Vec::new, |done| done.gave));
                let gave: Vec<(u32, Vec<Part>)> = numbers.into_iter().zip(gave).collect();
                Finished::windows(header, contents, windows, &gave)?
            }
            (Purpose::Average, None) => Finished::average(header, contents)?,
            (Purpose::Cube, _) => {
                let records = self.done.into_iter().map(|d| d.map(|done| done.record));
                let records: Vec<_> = records.collect();
                Finished::cube(header, contents, &records, plan.job.stack)?
            }
        };
        finished.unit_bytes = unit_bytes;
        finished.parts = plan.parts();
        finished.read = self.read;
        finished.geometry = self.geometry;
        finished.failed = self.failed;
        Ok(finished)
    }
}

/// Why a run over these granules has no result.
pub(super) fn nothing_touched(done: &[Option<Done>]) -> JobError {
    let records = || done.iter().flatten().map(|done| &done.record);
    let skipped = records().any(|record| record.status == GranuleStatus::Skipped);
    let what = match skipped {
        true => "no granule can be used",
        false => "no granule touches the area",
    };
    let mut reasons: Vec<&str> = records().map(|record| record.reason.as_str()).collect();
    reasons.sort_unstable();
    reasons.dedup();
    JobError::Nothing {
        reason: format!("{what}: {}", reasons.join(", ")),
    }
}
