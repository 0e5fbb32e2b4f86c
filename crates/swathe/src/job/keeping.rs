//! What a run keeps on disk while it goes on, so that it can go on after a stop.

use super::placed::GranuleOutcome;
use super::plan::Plan;
use super::{JobError, Purpose};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use swathe_io::journal::Journal;

/// How much memory a run may take, and where it keeps what cannot be lost.
#[derive(Debug, Clone, Default)]
pub struct Keeping {
    /// Bytes of memory beyond what the process has taken; by default half of what the machine has.
    pub memory: Option<u64>,
    /// Where what granules gave is kept; without it a run that is stopped begins anew, and what does
    /// not fit in memory is refused.
    pub journal: Option<JournalFile>,
    /// Whether the product is going to be in memory as a whole.
    pub whole: bool,
}

/// Where a run is kept.
#[derive(Debug, Clone)]
pub struct JournalFile {
    /// The file; it goes when the run is complete.
    pub path: PathBuf,
    /// Whether to go on with what is there.
    pub resume: bool,
    /// Whether what each granule gave is to be kept in the partial result too, so that another version
    /// of one can take its place.
    pub granules: bool,
}

impl JournalFile {
    /// Beside an output, or in a folder for scratch files: `.NAME.run`.
    pub fn of_output(output: &Path, scratch: Option<&Path>) -> PathBuf {
        let name = output.file_name().unwrap_or_default().to_string_lossy();
        let folder = scratch.or(output.parent()).unwrap_or(Path::new(""));
        folder.join(format!(".{name}.run"))
    }
}

/// What a run is of: one that goes on must be of the same.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct RunIdentity {
    program: String,
    options: String,
    cube: bool,
    granules: Vec<InputIdentity>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct InputIdentity {
    name: String,
    length: u64,
    /// Nanoseconds since 1970, of the file's time stamp.
    modified: Option<i128>,
}

impl RunIdentity {
    fn of(plan: &Plan) -> Self {
        RunIdentity {
            program: env!("CARGO_PKG_VERSION").to_owned(),
            options: plan.canonical(),
            cube: plan.purpose == Purpose::Cube,
            granules: plan
                .granules
                .iter()
                .map(|granule| InputIdentity {
                    name: granule.candidate.name.clone(),
                    length: granule.candidate.length,
                    modified: granule.candidate.modified,
                })
                .collect(),
        }
    }

    /// What is different, in words.
    fn difference(&self, now: &RunIdentity) -> String {
        if self.program != now.program {
            return format!(
                "it was begun by version {} of the program, this is {}",
                self.program, now.program
            );
        }
        if self.options != now.options {
            return format!(
                "its options were\n  {}\nand are now\n  {}",
                self.options, now.options
            );
        }
        let changed = |one: &InputIdentity| {
            let same = now.granules.iter().find(|other| other.name == one.name);
            match same {
                None => Some(format!("{} takes no part any more", one.name)),
                Some(same) if same != one => Some(format!("{} has been changed", one.name)),
                Some(_) => None,
            }
        };
        let new = || {
            let new = now
                .granules
                .iter()
                .find(|one| self.granules.iter().all(|other| other.name != one.name));
            new.map(|one| format!("{} is new", one.name))
        };
        let first = self.granules.iter().find_map(changed);
        first
            .or_else(new)
            .unwrap_or_else(|| "its granules are in another order".into())
    }
}

/// A granule that an earlier run has done.
pub(super) struct Kept {
    pub granule: usize,
    pub outcome: GranuleOutcome,
}

/// Opens the journal of a run, with what is in it if the run is to go on.
pub(super) fn open_journal(
    plan: &Plan,
    file: &JournalFile,
) -> Result<(Journal, Vec<Kept>), JobError> {
    let identity = RunIdentity::of(plan);
    if file.resume
        && let Some((before, journal)) = Journal::open::<RunIdentity>(&file.path)?
    {
        if before != identity {
            return Err(JobError::Plan {
                reason: format!(
                    "the run that was stopped is another one: {}",
                    before.difference(&identity)
                ),
                hint: Some("without --resume it is given up, and this run begins anew".into()),
            });
        }
        let kept: Result<Vec<Kept>, JobError> = (0..journal.len())
            .map(|record| {
                let (granule, outcome) = journal.outcome(record)?;
                Ok(Kept {
                    granule: granule as usize,
                    outcome,
                })
            })
            .collect();
        let kept = kept?;
        return Ok((journal, kept));
    }
    Ok((Journal::create(&file.path, &identity)?, Vec::new()))
}
