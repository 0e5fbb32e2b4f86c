//! What a task is given, and how it is done.

use super::blocks::Block;
use super::part::{Came, PartHeader};
use super::{go_on, opened};
use crate::allocator::keep_memory;
use crate::job::contents::Contents;
use crate::job::data_day::Part;
use crate::job::gather::Candidate;
use crate::job::keeping::{JournalFile, Keeping};
use crate::job::options::{GridRequest, Job, OnError, Purpose};
use crate::job::partial::Written;
use crate::job::plan::{Plan, PlannedField, PlannedGranule};
use crate::job::run::over_granules;
use crate::job::windows::Member;
use crate::job::{Event, JobError, gather};
use crate::live::Recorder;
use rayon::ThreadPool;
use serde::{Deserialize, Serialize};
use std::ops::{ControlFlow, Range};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use swathe_core::crs::Crs;
use swathe_core::derived::{Computed, Input};
use swathe_core::expression::Expression;
use swathe_core::geobox::{Axis, GeoBox};
use swathe_core::isin::Isin;
use swathe_core::mask::FlagMask;
use swathe_core::resample::Method;
use swathe_core::run::FieldRecipe;
use swathe_core::source::Field;
use swathe_core::target::Target;
use swathe_core::watch::Watched;
use swathe_io::granule::{Identity, TimeRange};
use swathe_io::partial::PartialWriter;

/// Some granules of a plan, and what was decided of them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Assignment {
    crs: String,
    x: Axis,
    y: Axis,
    isin: Option<Isin>,
    method: String,
    joint: bool,
    skip: bool,
    cube: bool,
    /// Whether what each granule gave is told apart.
    keep: bool,
    /// Granules of the whole plan.
    planned: usize,
    fields: Vec<PlannedField>,
    /// What parts are made of.
    shares: Vec<Share>,
    /// What is read of granules: that of most is the same.
    readings: Vec<Reading>,
    granules: Vec<Assigned>,
}

/// What parts are made of: one for every window, and before them one of all that is in none.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Share {
    /// What is combined, by granules' numbers in the plan, in order, and before them one of all that they are combined
    /// with; `None`: all granules.
    pub of: Option<(Member, Vec<Member>)>,
    /// Windows of the grid that they may give to.
    pub windows: Vec<Block>,
}

/// What is read of a granule, and which of its pixels count.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Reading {
    fields: Vec<ReadField>,
    mask: FlagMask,
    computed: Vec<(String, Formula)>,
    condition: Option<Formula>,
}

/// A field, with what is read beside it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct ReadField {
    field: Field,
    criterion: Option<Field>,
    uncertainty: Option<Field>,
}

/// An expression, with what its names are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Formula {
    text: String,
    inputs: Vec<Input>,
}

/// A granule.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Assigned {
    /// In the plan.
    number: u32,
    place: PathBuf,
    length: u64,
    /// Its time stamp where it was planned: a task on other content has other bytes.
    modified: Option<i128>,
    identity: Identity,
    time: TimeRange,
    shape: (usize, usize),
    /// Which of the readings.
    reading: usize,
    /// What of it is kept apart.
    parts: Vec<Part>,
}

impl Formula {
    fn of(computed: &Computed) -> Self {
        Formula {
            text: computed.expression.to_string(),
            inputs: computed.inputs.clone(),
        }
    }

    fn computed(self, expression: Expression) -> Computed {
        Computed {
            expression,
            inputs: self.inputs,
        }
    }
}

impl Reading {
    fn of(granule: &PlannedGranule) -> Self {
        let computed = granule.computed.iter();
        let recipes = granule.recipes.iter().map(|recipe| ReadField {
            field: recipe.field.clone(),
            criterion: recipe.criterion.clone(),
            uncertainty: recipe.uncertainty.clone(),
        });
        Reading {
            fields: recipes.collect(),
            mask: granule.mask.clone(),
            computed: computed
                .map(|(name, computed)| (name.clone(), Formula::of(computed)))
                .collect(),
            condition: granule.condition.as_ref().map(Formula::of),
        }
    }
}

impl Assignment {
    /// What all tasks of a plan are given.
    pub fn of(plan: &Plan, keep: bool) -> Self {
        let geobox = plan.geobox();
        let fields = plan.fields.iter().map(|field| PlannedField {
            attributes: Vec::new(),
            ..field.clone()
        });
        let cube = plan.purpose == Purpose::Cube;
        Assignment {
            crs: geobox.crs.definition().to_owned(),
            x: geobox.x.clone(),
            y: geobox.y.clone(),
            isin: plan.isin().cloned(),
            method: plan.method.name().to_owned(),
            joint: plan.job.joint,
            skip: plan.job.on_error == OnError::Skip,
            cube,
            keep,
            planned: plan.granules.len(),
            fields: fields.collect(),
            shares: Vec::new(),
            readings: Vec::new(),
            granules: Vec::new(),
        }
    }

    /// The same for some of the plan's granules, which other processes find at these places.
    pub fn with_granules(
        &self,
        plan: &Plan,
        places: &[PathBuf],
        batch: Range<usize>,
        shares: Vec<Share>,
    ) -> Self {
        let mut own = Assignment {
            shares,
            ..self.clone()
        };
        let all = plan.granules.iter().zip(places).enumerate();
        for (number, (granule, place)) in all.skip(batch.start).take(batch.len()) {
            let reading = Reading::of(granule);
            let known = own.readings.iter().position(|known| *known == reading);
            let reading = known.unwrap_or_else(|| {
                own.readings.push(reading);
                own.readings.len() - 1
            });
            let candidate = &granule.candidate;
            own.granules.push(Assigned {
                number: number as u32,
                place: place.clone(),
                length: candidate.length,
                modified: candidate.modified,
                identity: candidate.identity.clone(),
                time: candidate.time,
                shape: granule.shape,
                reading,
                parts: granule.parts.clone(),
            });
        }
        own
    }

    /// The same, where a granule that cannot be used is an error, whatever the plan says.
    pub fn that_stops(self) -> Self {
        Assignment {
            skip: false,
            ..self
        }
    }

    /// The plan of these granules alone.
    pub fn plan(&self) -> Result<Plan, JobError> {
        let target = match &self.isin {
            Some(isin) => Target::from(isin.clone()),
            None => Target::from(GeoBox {
                crs: Crs::parse(&self.crs)?,
                x: self.x.clone(),
                y: self.y.clone(),
            }),
        };
        let method = Method::ALL.into_iter().find(|m| m.name() == self.method);
        let method = method.ok_or_else(|| JobError::cluster("a task has no method"))?;
        let statistics = self.fields.first();
        let job = Job {
            grid: GridRequest::Own {
                crs: None,
                resolution: None,
            },
            statistics: statistics.map_or_else(Vec::new, |f| f.reduction.statistics.clone()),
            joint: self.joint,
            on_error: match self.skip {
                true => OnError::Skip,
                false => OnError::Stop,
            },
            empty_maps: true,
            ..Job::default()
        };
        let purpose = match self.cube {
            true => Purpose::Cube,
            false => Purpose::Average,
        };
        let granules: Result<_, _> = self.granules.iter().map(|g| self.granule(g)).collect();
        Plan::assigned(target, method, self.fields.clone(), job, purpose, granules?)
    }

    fn granule(&self, assigned: &Assigned) -> Result<PlannedGranule, JobError> {
        let reading = self.readings.get(assigned.reading).cloned();
        let reading = reading.ok_or_else(|| JobError::cluster("a task contradicts itself"))?;
        let fields = reading.fields.into_iter().zip(&self.fields);
        let recipes = fields.map(|(read, planned)| FieldRecipe {
            field: read.field,
            criterion: read.criterion,
            uncertainty: read.uncertainty,
            reduction: planned.reduction.clone(),
        });
        let computed = reading.computed.into_iter().map(|(name, formula)| {
            let expression = Expression::number(&formula.text)?;
            Ok((name, formula.computed(expression)))
        });
        let condition = reading.condition.map(|formula| {
            let expression = Expression::condition(&formula.text)?;
            Ok::<_, JobError>(formula.computed(expression))
        });
        Ok(PlannedGranule {
            candidate: Candidate::found_elsewhere(
                &assigned.place,
                assigned.length,
                assigned.identity.clone(),
                assigned.time,
            ),
            recipes: recipes.collect(),
            mask: reading.mask,
            computed: computed.collect::<Result<_, JobError>>()?,
            condition: condition.transpose()?,
            created: None,
            shape: assigned.shape,
            parts: assigned.parts.clone(),
        })
    }
}

/// A process that does tasks.
#[derive(Debug)]
pub struct Worker<'a> {
    /// Bytes of memory that a task may take; by default half of what the machine has.
    pub memory: Option<u64>,
    /// Folder on its own disk, for what is larger than that.
    pub scratch: &'a Path,
}

impl Worker<'_> {
    /// Does a task on the threads of a pool, of which the calling thread must not be one. From then on the process
    /// keeps up to 64 MiB of memory that it has freed.
    ///
    /// # Errors
    /// A task of another version; a granule that cannot be used, unless those are to be skipped; memory that
    /// does not do; a scratch folder that cannot be written.
    pub fn carry_out(
        &self,
        assignment: &[u8],
        pool: &ThreadPool,
    ) -> Result<Vec<Vec<u8>>, JobError> {
        self.carry_out_watched(assignment, pool, None)
    }

    /// The same, noting what the task does.
    ///
    /// # Errors
    /// As [`carry_out`](Self::carry_out).
    pub fn carry_out_watched(
        &self,
        assignment: &[u8],
        pool: &ThreadPool,
        recorder: Option<&Arc<Recorder>>,
    ) -> Result<Vec<Vec<u8>>, JobError> {
        let assignment: Assignment = opened(assignment)?;
        keep_memory();
        let numbers: Vec<u32> = assignment.granules.iter().map(|g| g.number).collect();
        let watched = recorder.map(|recorder| {
            recorder.begin(&numbers);
            Watched::new(recorder.clone())
        });
        let _entered = watched.as_ref().map(Watched::enter);
        let mut observer = |event: &Event<'_>| {
            if let Some(recorder) = recorder {
                recorder.event(event);
            }
            ControlFlow::Continue(())
        };
        let plan = assignment.plan()?;
        if plan.candidates().any(Candidate::is_remote) {
            gather::open_far(plan.candidates())?;
        }
        // What granules gave is told apart until parts are made of it.
        let apart = assignment.keep || assignment.shares.iter().any(|share| share.of.is_some());
        let in_memory = Keeping {
            memory: self.memory,
            ..Keeping::default()
        };
        let shares = pool.install(|| plan.shares(pool.current_num_threads(), &in_memory));
        let (keeping, shares, _scratch) = match shares {
            Ok(shares) if !apart => (in_memory, shares, None),
            _ => {
                let scratch = ScratchFile::new(self.scratch);
                let keeping = Keeping {
                    journal: Some(JournalFile {
                        path: scratch.0.clone(),
                        resume: false,
                        granules: apart,
                    }),
                    ..in_memory
                };
                let shares = pool.install(|| plan.shares(pool.current_num_threads(), &keeping))?;
                (keeping, shares, Some(scratch))
            }
        };
        let mut run = over_granules(&plan, pool, &keeping, &shares, &mut observer)?;
        let contents = run.contents(Some(&numbers))?;
        let done = numbers.iter().zip(std::mem::take(&mut run.done));
        let came = Came {
            granules: done.filter_map(|(n, done)| Some((*n, done?))).collect(),
            flags: std::mem::take(&mut run.flags),
            geometry: run.geometry,
            read: run.read,
            touched: run.touched,
            failed: run.failed,
        };
        if let (Some(recorder), Contents::Composites(composites, _)) = (recorder, &contents)
            && let Some(composite) = composites.first()
        {
            recorder.gave(composite);
        }
        let mut came = Some(came);
        let make = |share: &Share, tiles: Vec<usize>, came: Came| {
            let of = share.of.as_ref();
            let written = Written {
                contents: &contents,
                tiling: plan.tiling,
                fields: &plan.fields,
                tiles,
                // Its bytes are in memory as a whole anyway.
                unit_bytes: u64::MAX,
                of: of.map(|(_, members)| members.as_slice()),
                parts: plan.parts(),
            };
            let reductions = plan.fields.iter().map(|f| f.reduction.clone()).collect();
            let of = of.map(|(first, _)| *first);
            let header = PartHeader::new(plan.tiling, assignment.planned, reductions, of, came);
            part(&header, &written, assignment.keep)
        };
        pool.install(|| {
            let mut parts = Vec::new();
            if apart {
                parts.push(make(
                    &Share::default(),
                    Vec::new(),
                    came.take().unwrap_or_default(),
                )?);
            }
            for share in &assignment.shares {
                let windows = &share.windows;
                // Where granules give is a guess: what is in none of the windows goes by itself.
                let rest = (0..plan.tiling.tiles())
                    .filter(|tile| windows.iter().all(|w| !w.contains(*tile, &plan.tiling)));
                parts.push(make(
                    share,
                    rest.collect(),
                    came.take().unwrap_or_default(),
                )?);
                for window in windows {
                    parts.push(make(share, window.tiles(&plan.tiling), Came::default())?);
                }
            }
            Ok(parts)
        })
    }
}

/// What granules gave to some tiles: combined, or each by itself.
fn part(header: &PartHeader, written: &Written<'_>, keep: bool) -> Result<Vec<u8>, JobError> {
    let mut bytes = Vec::new();
    let mut out = PartialWriter::create(header, &mut bytes)?;
    match keep {
        true => written.granules(&mut out)?,
        false => written.combined(&mut out, &mut (&mut go_on as _))?,
    }
    out.finish()?;
    Ok(bytes)
}

/// A file that goes with the task.
struct ScratchFile(PathBuf);

impl ScratchFile {
    fn new(folder: &Path) -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!(".swathe-{}-{number}.run", std::process::id());
        ScratchFile(folder.join(name))
    }
}

impl Drop for ScratchFile {
    fn drop(&mut self) {
        // Nobody is left to be told; the worker's folder goes with it.
        let _ = std::fs::remove_file(&self.0);
    }
}
