//! A run spread over several processes: what a task is given, what it leaves, how that is put together. All of
//! it is bytes, and who carries them from process to process does not matter.
//!
//! ```text
//! Plan --spread--> tasks: granules, with everything that was decided
//!     task --Worker::carry_out--> parts: one of what came of granules, and one for every window of a large grid
//!         parts of a window --combine--> a part, in any order and grouping, to the last bit the same
//!             parts --collect--> Finished, with the bytes of a run in one process
//! ```
//!
//! A part is a partial result as `swathe_io::partial` writes them, with another header. Where granules must be
//! told apart (a cube; `--keep granules`) parts are not combined.

mod assignment;
mod collect;
mod part;

pub use assignment::Worker;
pub use collect::collect;
pub use part::combine;

use super::keeping::{JournalFile, Keeping};
use super::plan::{Plan, PlannedGranule};
use super::{JobError, Purpose};
use assignment::Assignment;
use collect::Closing;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::ops::Range;
use std::path::PathBuf;
use swathe_core::run::TileRegions;

/// Granules of a task, at most: a cluster takes some milliseconds for a task, a small granule as much.
const MOST_GRANULES: usize = 32;
/// Tasks that a run is cut into, if it has as many granules: workers come and go, and are not equally fast.
const TASKS: usize = 32;
/// Bytes of a part of a window, as they travel: about so many, or less where workers are small.
const WINDOW: u64 = 64 << 20;
/// Of a worker's memory, the part of a window takes this share: several are combined at a time.
const SHARE: u64 = 10;

/// A plan cut into tasks for other processes.
#[derive(Debug)]
pub struct Spread {
    /// Tasks of their own.
    pub tasks: Vec<Task>,
    /// Whether parts of a window are combined; otherwise all are collected as they are.
    pub combined: bool,
    /// For [`collect`].
    pub closing: Vec<u8>,
    /// Local files that the tasks read, with their lengths.
    pub files: Vec<(PathBuf, u64)>,
}

/// What one task does.
#[derive(Debug)]
pub struct Task {
    /// For [`Worker::carry_out`].
    pub assignment: Vec<u8>,
    /// Number of granules.
    pub granules: usize,
    /// Name of the last of them.
    pub last: String,
    /// Windows of the grid for which it leaves a part, in this order; before them it leaves one of what came of
    /// granules, with all that is in no window.
    pub windows: Vec<usize>,
}

impl Plan {
    /// Cuts the plan into tasks for processes that have `memory` bytes for each of their threads, as far as that is
    /// known. `keep`: the partial result is to keep what each granule gave.
    ///
    /// # Errors
    /// A granule that other processes cannot read; memory that a task cannot do with, with the least that would do.
    pub fn spread(&self, memory: Option<u64>, keep: bool) -> Result<Spread, JobError> {
        if self.windows.is_some() {
            return Err(JobError::Cluster {
                reason: "maps of windows of time (every) are not made on clusters".into(),
                hint: Some("give the granules of one window at a time".into()),
            });
        }
        if let Some(memory) = memory {
            self.check_memory(memory)?;
        }
        let combined = self.purpose == Purpose::Average && !keep;
        let windows = match combined {
            true => self.cut(memory),
            false => Vec::new(),
        };
        let near = self.windows_near(&windows);
        let mut files = Vec::new();
        let mut places = Vec::with_capacity(self.granules.len());
        for granule in &self.granules {
            let candidate = &granule.candidate;
            let place = candidate.place().map_err(|reason| JobError::Cluster {
                reason: format!("{} cannot be sent to workers: {reason}", candidate.name),
                hint: Some("give a path that workers see, or an address without a query".into()),
            })?;
            if !candidate.is_remote() {
                files.push((place.clone(), candidate.length));
            }
            places.push(place);
        }
        let each = (self.granules.len() / TASKS).clamp(1, MOST_GRANULES);
        let whole = Assignment::of(self, keep);
        let starts = (0..self.granules.len()).step_by(each);
        let tasks = starts.map(|start| {
            let batch: Range<usize> = start..(start + each).min(self.granules.len());
            let last = self.granules.get(batch.end - 1);
            let last = last.map_or_else(String::new, |g| g.candidate.name.clone());
            let own: BTreeSet<usize> = near
                .get(batch.clone())
                .into_iter()
                .flatten()
                .flatten()
                .copied()
                .collect();
            let cut = own
                .iter()
                .filter_map(|window| windows.get(*window).cloned())
                .collect();
            let cut = (!windows.is_empty()).then_some(cut);
            Ok(Task {
                granules: batch.len(),
                last,
                windows: own.into_iter().collect(),
                assignment: sealed(&whole.with_granules(self, &places, batch, cut))?,
            })
        });
        Ok(Spread {
            tasks: tasks.collect::<Result<_, JobError>>()?,
            combined,
            closing: sealed(&Closing::of(self, keep))?,
            files,
        })
    }

    /// Refuses memory in which a task cannot be done.
    fn check_memory(&self, memory: u64) -> Result<(), JobError> {
        let keeping = Keeping {
            memory: Some(memory),
            journal: Some(JournalFile {
                path: PathBuf::new(),
                resume: false,
                granules: false,
            }),
            whole: false,
        };
        match self.shares(1, &keeping) {
            Ok(_) => Ok(()),
            Err(JobError::Plan { reason, .. }) => Err(JobError::Cluster {
                reason: format!("in a thread of a worker {reason}"),
                hint: Some("take workers with more memory, or with fewer threads".into()),
            }),
            Err(error) => Err(error),
        }
    }

    /// The tiles of every window; none where the grid is small enough.
    fn cut(&self, memory: Option<u64>) -> Vec<Range<usize>> {
        let cells = self.tiling.cells() as u64;
        let fields = self.fields.iter();
        let cell: u64 = fields.map(|f| f.reduction.bytes_per_cell() as u64).sum();
        // Compressed, tiles that are filled take about a third.
        let all = cells.saturating_mul(cell) / 3;
        let most = memory.map_or(WINDOW, |memory| (memory / SHARE).clamp(1 << 20, WINDOW));
        let tiles = self.tiling.tiles();
        let count = (all.div_ceil(most) as usize).clamp(1, tiles.max(1));
        match count {
            1 => Vec::new(),
            _ => (0..count)
                .map(|i| tiles * i / count..tiles * (i + 1) / count)
                .collect(),
        }
    }

    /// For every granule, the windows that it may give to: all, where that cannot be told at once.
    fn windows_near(&self, windows: &[Range<usize>]) -> Vec<Vec<usize>> {
        if windows.is_empty() {
            return Vec::new();
        }
        let regions = TileRegions::new(self.grid.target(), &self.tiling);
        let near = |granule: &PlannedGranule| {
            let candidate = &granule.candidate;
            let opened = match candidate.is_remote() {
                true => candidate.kept()?,
                false => candidate.granule().ok()?,
            };
            regions.near(&*opened).ok()
        };
        let granules = self.granules.par_iter();
        granules
            .map(|granule| match near(granule) {
                Some(tiles) => {
                    let holds = |w: &Range<usize>| tiles.iter().any(|tile| w.contains(tile));
                    let all = windows.iter().enumerate();
                    all.filter(|(_, w)| holds(w)).map(|(i, _)| i).collect()
                }
                None => (0..windows.len()).collect(),
            })
            .collect()
    }
}

/// Bytes that tell by which version of the program they were made.
pub(crate) fn sealed<T: Serialize>(value: &T) -> Result<Vec<u8>, JobError> {
    let whole = (env!("CARGO_PKG_VERSION"), value);
    postcard::to_stdvec(&whole)
        .map_err(|e| JobError::cluster(format!("a task cannot be sent: {e}")))
}

/// What such bytes hold.
///
/// # Errors
/// When they are another version's, or damaged.
pub(crate) fn opened<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, JobError> {
    let damaged = |_| JobError::cluster("what was sent to this process is damaged");
    let (program, rest) = postcard::take_from_bytes::<&str>(bytes).map_err(damaged)?;
    check_program(program)?;
    postcard::from_bytes(rest).map_err(damaged)
}

/// Refuses what another version of the program has made.
fn check_program(program: &str) -> Result<(), JobError> {
    let own = env!("CARGO_PKG_VERSION");
    match program == own {
        true => Ok(()),
        false => Err(JobError::Cluster {
            reason: format!("swathe is {program} there and {own} here"),
            hint: Some("workers and client need the same version".into()),
        }),
    }
}
