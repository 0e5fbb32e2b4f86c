//! Granules far away are asked for what a run will read of them before it is needed, in their order, as long
//! as what is on its way or waits to be read is not too much.

use super::header::Done;
use super::plan::{Plan, PlannedGranule};
use std::ops::Range;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::Scope;
use swathe_core::run::lines_near;
use swathe_io::error::Error;
use swathe_io::granule::Granule;

/// Bytes that are asked for ahead, at most.
const MOST: u64 = 64 << 20;
/// Threads that work out what is needed of granules.
const THREADS: usize = 4;

impl Plan {
    /// Bytes that may be held of what is read ahead, of a limit on all memory.
    pub(super) fn bytes_ahead(&self, limit: u64) -> u64 {
        let mut candidates = self.granules.iter().map(|granule| &granule.candidate);
        match candidates.any(super::Candidate::is_remote) {
            true => (limit / 4).min(MOST),
            false => 0,
        }
    }
}

/// What is read ahead of a run.
pub(super) struct Ahead<'a> {
    plan: &'a Plan,
    most: u64,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    granules: Vec<Step>,
    stopped: bool,
}

/// How far a granule is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Nobody has thought of it.
    Todo,
    /// What is needed of it is worked out.
    Asking,
    /// So many bytes were asked for.
    Held(u64),
    /// It was read, or there is nothing to ask for.
    Done,
}

impl State {
    fn held(&self) -> u64 {
        let held = self.granules.iter().map(|step| match step {
            Step::Held(bytes) => *bytes,
            Step::Todo | Step::Asking | Step::Done => 0,
        });
        held.sum()
    }
}

impl<'a> Ahead<'a> {
    pub fn new(plan: &'a Plan, most: u64, done: &[Option<Done>]) -> Self {
        let granules = plan.granules.iter().zip(done);
        let step = |(granule, done): (&PlannedGranule, &Option<Done>)| match most > 0
            && granule.candidate.is_remote()
            && done.is_none()
        {
            true => Step::Todo,
            false => Step::Done,
        };
        Ahead {
            plan,
            most,
            state: Mutex::new(State {
                granules: granules.map(step).collect(),
                stopped: false,
            }),
            changed: Condvar::new(),
        }
    }

    /// Begins with the first granules.
    pub fn start<'s>(&'s self, scope: &'s Scope<'s, '_>) {
        if self.lock().granules.contains(&Step::Todo) {
            for _ in 0..THREADS {
                scope.spawn(|| while self.next() {});
            }
        }
    }

    /// Asks for what is needed of the next granule; whether there was one.
    fn next(&self) -> bool {
        let mut state = self.lock();
        // What is left must be worth asking for: a granule is better asked for as a whole.
        while !state.stopped && state.held() > self.most / 2 {
            state = self.wait(state);
        }
        let next = state.granules.iter().position(|step| *step == Step::Todo);
        match next.filter(|_| !state.stopped) {
            Some(granule) => {
                drop(self.ask(state, granule));
                true
            }
            None => false,
        }
    }

    /// Returns once the granule has been asked for what is needed of it.
    pub fn is_due(&self, granule: usize) {
        let mut state = self.lock();
        loop {
            match state.granules[granule] {
                Step::Todo => state = self.ask(state, granule),
                Step::Asking => state = self.wait(state),
                Step::Held(_) | Step::Done => return,
            }
        }
    }

    /// A granule has been read: what was held of it goes.
    pub fn is_read(&self, granule: usize) {
        let mut state = self.lock();
        if matches!(state.granules[granule], Step::Held(_)) {
            if let Some(kept) = self.plan.granules[granule].candidate.kept() {
                kept.dataset().source().release();
            }
            state.granules[granule] = Step::Done;
            drop(state);
            self.changed.notify_all();
        }
    }

    /// Asks for nothing more.
    pub fn stop(&self) {
        self.lock().stopped = true;
        self.changed.notify_all();
    }

    fn ask<'m>(
        &'m self,
        mut state: MutexGuard<'m, State>,
        granule: usize,
    ) -> MutexGuard<'m, State> {
        state.granules[granule] = Step::Asking;
        drop(state);
        let planned = &self.plan.granules[granule];
        // What goes wrong here goes wrong again where it is read, and is told there.
        let kept = planned.candidate.kept();
        let ranges = kept.as_deref().map(|kept| needed(self.plan, planned, kept));
        let mut state = self.lock();
        let left = self.most.saturating_sub(state.held());
        let held = match kept.as_deref().zip(ranges) {
            Some((kept, Ok(ranges))) => prepare(kept, ranges, left),
            _ => 0,
        };
        state.granules[granule] = Step::Held(held);
        self.changed.notify_all();
        state
    }

    fn wait<'m>(&self, state: MutexGuard<'m, State>) -> MutexGuard<'m, State> {
        self.changed
            .wait(state)
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Asks for what is needed of a granule that was opened again, as long as it is no more than so many bytes.
pub(super) fn ask_for(plan: &Plan, planned: &PlannedGranule, granule: &Granule, most: u64) {
    // What goes wrong here goes wrong again where it is read, and is told there.
    if let Ok(ranges) = needed(plan, planned, granule) {
        prepare(granule, ranges, most);
    }
}

/// The bytes that are needed of a granule, chunk by chunk.
fn needed(
    plan: &Plan,
    planned: &PlannedGranule,
    granule: &Granule,
) -> Result<Vec<Range<u64>>, Error> {
    let fields: Vec<_> = planned.recipes.iter().map(|r| r.field.clone()).collect();
    match lines_near(granule, &plan.grid.region()) {
        Ok(Some(lines)) => granule.stored_ranges(&fields, planned.mask.bits() != 0, lines),
        _ => Ok(Vec::new()),
    }
}

/// Asks for the first ranges that are no more than so many bytes; how many they are.
fn prepare(granule: &Granule, mut ranges: Vec<Range<u64>>, most: u64) -> u64 {
    let mut bytes = 0;
    ranges.retain(|range| {
        let length = range.end - range.start;
        let fits = bytes + length <= most;
        bytes += if fits { length } else { 0 };
        fits
    });
    granule.dataset().source().prepare(&ranges);
    bytes
}
