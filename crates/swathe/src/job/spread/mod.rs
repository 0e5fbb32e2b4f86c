//! A run spread over several processes: what a task is given, what it leaves, how that is put together. All of
//! it is bytes, and who carries them from process to process does not matter.
//!
//! ```text
//! Plan --spread--> tasks: granules, with everything that was decided
//!     task --Worker::carry_out--> parts: one of what came of granules, and one for every window of a large grid
//!         parts of a window --combine--> a part, in any order and grouping, to the last bit the same
//!             parts --collect--> Finished, with the bytes of a run in one process
//!             parts --encode--> tiles of maps --collect_finished--> the same
//!                 tiles --store--> files of a Zarr store
//! Plan of a cube --lazy_cube--> steps along time --layers--> the values of each, when they are asked for
//! ```
//!
//! A part is a partial result as `swathe_io::partial` writes them, with another header. Where granules must be
//! told apart (a cube; `--keep granules`) what they gave is not combined; for windows of time it is combined by
//! group.

mod assignment;
mod blocks;
mod collect;
mod cube;
mod groups;
mod part;
mod sent;
mod store;

pub use assignment::Worker;
pub use collect::collect;
pub use cube::{LazyCube, layers};
pub use part::combine;
pub(in crate::job) use sent::SentMaps;
pub use store::{Encoding, Storing, collect_finished, encode, store};

use super::keeping::{JournalFile, Keeping};
use super::plan::{Plan, PlannedGranule};
use super::{Event, JobError, Purpose};
use assignment::{Assignment, Share};
use blocks::Window;
use collect::Closing;
use groups::{Groups, union};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::ops::{ControlFlow, Range};
use std::path::PathBuf;
use swathe_core::run::TileRegions;

/// Granules of a task, at most: a cluster takes some milliseconds for a task, a small granule as much.
const MOST_GRANULES: usize = 32;
/// Tasks that a run is cut into, if it has as many granules: workers come and go, and are not equally fast.
const TASKS: usize = 32;

/// A plan cut into tasks for other processes.
#[derive(Debug)]
pub struct Spread {
    /// Tasks of their own.
    pub tasks: Vec<Task>,
    /// For [`collect`].
    pub closing: Vec<u8>,
    /// Local files that the tasks read, with their lengths.
    pub files: Vec<(PathBuf, u64)>,
    /// How maps are finished elsewhere, if they are to be.
    pub storing: Vec<Storing>,
}

/// Where the maps of a spread run are finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finishing {
    /// By who collects the parts: partial results are made of them.
    Here,
    /// Where the parts are; the maps are sent.
    Sent,
    /// There, for a Zarr store, which is written there too.
    Stored,
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
    /// Numbers of the parts that it leaves, in this order; before them it leaves one of what came of granules.
    /// Parts of one number, of whichever tasks, are combined with each other, those first parts too.
    pub parts: Vec<usize>,
}

/// Granules of a task, by number in the plan.
#[derive(Debug)]
struct Batch {
    granules: Range<usize>,
}

impl Plan {
    /// Cuts the plan into tasks for processes that have `memory` bytes for each of their threads, as far as that is
    /// known. `keep`: the partial result is to keep what each granule gave.
    ///
    /// # Errors
    /// A granule that other processes cannot read; memory that a task cannot do with, with the least that would do.
    pub fn spread(
        &self,
        memory: Option<u64>,
        keep: bool,
        finishing: Finishing,
    ) -> Result<Spread, JobError> {
        if let Some(memory) = memory {
            self.check_memory(memory)?;
        }
        let apart = keep || self.purpose == Purpose::Cube;
        let (windows, groups) = (self.cut(memory), Groups::of(self));
        let near = match apart {
            true => Vec::new(),
            false => self.windows_near(&windows),
        };
        let places = self.places()?;
        let near_by = self.granules.iter().zip(&places);
        let near_by = near_by.filter(|(granule, _)| !granule.candidate.is_remote());
        let files = near_by.map(|(granule, place)| (place.clone(), granule.candidate.length));
        let files = files.collect();
        let each = (self.granules.len() / TASKS).clamp(1, MOST_GRANULES);
        let starts = (0..self.granules.len()).step_by(each);
        let batches: Vec<Batch> = starts
            .map(|start| Batch {
                granules: start..(start + each).min(self.granules.len()),
            })
            .collect();
        let whole = Assignment::of(self, apart);
        let tasks = batches.iter().enumerate().map(|(number, batch)| {
            let last = self.granules.get(batch.granules.end - 1);
            let (shares, parts) = match apart {
                true => (vec![Share::default()], vec![number]),
                false => shares(batch, &windows, &groups, &near),
            };
            let assignment = whole.with_granules(self, &places, batch.granules.clone(), shares);
            Ok(Task {
                granules: batch.granules.len(),
                last: last.map_or_else(String::new, |g| g.candidate.name.clone()),
                parts,
                assignment: sealed(&assignment)?,
            })
        });
        Ok(Spread {
            tasks: tasks.collect::<Result<_, JobError>>()?,
            closing: sealed(&Closing::of(self, keep))?,
            files,
            storing: self.storing(&batches, &groups, &windows, finishing)?,
        })
    }

    /// Where other processes find the granules.
    fn places(&self) -> Result<Vec<PathBuf>, JobError> {
        let place = |granule: &PlannedGranule| {
            let candidate = &granule.candidate;
            candidate.place().map_err(|reason| JobError::Cluster {
                reason: format!("{} cannot be sent to workers: {reason}", candidate.name),
                hint: Some("give a path that workers see, or an address without a query".into()),
            })
        };
        self.granules.iter().map(place).collect()
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

    /// For every granule, the windows that it may give to: all, where that cannot be told at once.
    fn windows_near(&self, windows: &[Window]) -> Vec<Vec<usize>> {
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
                    let holds = |window: &Window| {
                        let mut tiles = tiles.iter();
                        tiles.any(|tile| window.block.contains(*tile, &self.tiling))
                    };
                    let all = windows.iter().enumerate();
                    all.filter(|(_, w)| holds(w)).map(|(i, _)| i).collect()
                }
                None => (0..windows.len()).collect(),
            })
            .collect()
    }
}

/// What a task makes parts of, and their numbers.
fn shares(
    batch: &Batch,
    windows: &[Window],
    groups: &Groups,
    near: &[Vec<usize>],
) -> (Vec<Share>, Vec<usize>) {
    let blocks = |own: &[usize]| {
        let own = own.iter().filter_map(|window| windows.get(*window));
        own.map(|window| window.block.clone()).collect()
    };
    if groups.is_one() {
        let own = union(near, batch.granules.clone());
        let share = Share {
            of: None,
            windows: blocks(&own),
        };
        return (vec![share], own);
    }
    let (mut shares, mut parts) = (Vec::new(), Vec::new());
    for (group, first, members) in groups.meeting(&batch.granules) {
        let own = union(near, members.iter().map(|member| member.granule));
        let windows_of = own.iter().map(|window| Some(*window));
        let numbers = [None].into_iter().chain(windows_of);
        parts.extend(numbers.map(|window| groups.number(group, window, windows.len())));
        shares.push(Share {
            of: Some((first, members)),
            windows: blocks(&own),
        });
    }
    (shares, parts)
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

/// Nobody watches.
fn go_on(_: &Event<'_>) -> ControlFlow<()> {
    ControlFlow::Continue(())
}
