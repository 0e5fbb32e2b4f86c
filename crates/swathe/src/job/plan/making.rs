//! From candidates and options to a plan.

use super::bins::check_bins;
use super::grid::{grid_of, is_global};
use super::resolved::{
    Resolved, ResolvedField, common_range, criterion, requests, resolve, same_fields,
};
use super::{Plan, PlannedField, PlannedGranule};
use crate::job::computed::{Used, same_inputs};
use crate::job::data_day::{DayKind, Part};
use crate::job::order::{check_uniform, order, several_sensors};
use crate::job::statistics;
use crate::job::windows::{Window, parts, windows};
use crate::job::{Candidate, Finished, Gathered, GridRequest, Job, JobError, OnError, Purpose};
use rayon::prelude::*;
use swathe_core::mask::FlagSelection;
use swathe_core::reduce::{Reduction, Scheme, Statistic, Summation, Tiling, Weight};
use swathe_core::resample::{Grid, Method};
use swathe_core::run::FieldRecipe;
use swathe_core::{stop, watch};
use swathe_io::granule::Granule;
use swathe_io::product::{GranuleRecord, GranuleStatus};

impl Plan {
    /// Plans a job for a purpose.
    ///
    /// # Errors
    /// Options that do not fit together or do not fit the granules; nothing to do.
    pub fn new(gathered: Gathered, mut job: Job, purpose: Purpose) -> Result<Plan, JobError> {
        complete_statistics(&mut job)?;
        let (candidates, preferred) = order(gathered.candidates);
        let mut failed = gathered.skipped.len();
        let mut skipped = gathered.skipped;
        let mut notes = Vec::new();
        for one in preferred {
            skipped.push(one.dropped);
        }
        if !job.allow_mixed {
            check_uniform(candidates.iter().map(|c| (c.name.as_str(), &c.identity)))?;
        }
        let Some(first) = candidates.first() else {
            return Err(nothing(&skipped));
        };
        let opened = first
            .granule()
            .map_err(|e| JobError::granule(&first.name, e))?;
        let requests = requests(&job, &opened, &mut notes)?;
        let suite = first.identity.suite.as_deref();
        let flags = masks(&job, &requests, &opened, suite, &mut notes);
        drop(opened);

        let mut ready = Vec::with_capacity(candidates.len());
        for (candidate, resolved) in resolve_all(candidates, &requests, &flags, &job) {
            stop::go_on()?;
            match (resolved, job.on_error) {
                (Ok(resolved), _) => ready.push((candidate, resolved)),
                (Err(error), OnError::Stop) => return Err(error),
                (Err(error), OnError::Skip) => {
                    failed += 1;
                    skipped.push(candidate.record(GranuleStatus::Skipped, error.to_string()));
                }
            }
        }
        let Some((model_name, model, used)) = ready
            .first()
            .map(|(c, r)| (c.name.clone(), &r.fields, &r.used))
        else {
            return Err(JobError::Nothing {
                reason: "none of the granules can be used".into(),
            });
        };
        for (candidate, resolved) in &ready {
            same_fields(&model_name, model, &candidate.name, &resolved.fields)?;
            same_inputs(&model_name, used, &candidate.name, &resolved.used)?;
        }
        let identities = ready.iter().map(|(candidate, _)| &candidate.identity);
        notes.extend(several_sensors(identities).map(|note| format!("warning: {note}")));
        notes.extend(flags_unknown(&ready));
        for bands in model.chunk_by(|a, b| a.selected.field.variable == b.selected.field.variable) {
            if let [first, _, ..] = bands {
                notes.push(format!(
                    "the bands of {} share one mask: a pixel counts only where it is valid in all",
                    first.selected.field.variable
                ));
            }
        }
        let bins = matches!(job.grid, GridRequest::Bins(_));
        let any_flags = model.iter().any(|f| f.holds.is_flags());
        let method = job.method.unwrap_or(match any_flags {
            true => Method::Nearest,
            false if bins => Method::Bin,
            false => Method::Footprint,
        });
        if purpose == Purpose::Average {
            for field in model {
                statistics::check(&field.selected.field.name, &field.holds, &job.statistics)?;
            }
            if any_flags && job.method.is_none() {
                notes.push(
                    "method: nearest, the default of classes: each granule gives one pixel to a cell; -m bin and \
                     -m footprint take all"
                        .into(),
                );
            }
        }
        if !bins && job.scheme != Scheme::Arithmetic {
            return Err(JobError::plan_hint(
                format!("the averaging scheme {} is for bins", job.scheme),
                "give a grid of bins, as in --grid isin-4320",
            ));
        }
        if bins {
            check_bins(&mut job, purpose, method)?;
            let variable = |f: &ResolvedField| f.selected.field.variable.clone();
            if !job.joint && model.iter().any(|f| variable(f) != variable(&model[0])) {
                job.joint = true;
                notes.push("mask: joint, as bins have one weight for all variables".into());
            }
        }
        if method == Method::Bin && matches!(&job.grid, GridRequest::Exact(g) if is_global(g)) {
            notes.push(
                "warning: bin onto a grid in longitude and latitude leaves holes and is not how NASA's Level-3 \
                 products are made: --preset nasa-l3 is"
                    .into(),
            );
        }
        let weight = job.weight.unwrap_or(match bins {
            true => Weight::L2bin,
            false => Weight::Observation,
        });
        let mixes = match purpose {
            // A cube holds means of cells.
            Purpose::Cube => method != Method::Nearest,
            Purpose::Average => method == Method::Bilinear,
        };
        if any_flags && mixes {
            return Err(JobError::plan_hint(
                format!(
                    "flags and classes cannot be mixed by method {}",
                    method.name()
                ),
                "use -m nearest",
            ));
        }
        if purpose == Purpose::Average {
            statistics::check_weight(&job.statistics, weight, method)?;
        }
        let reductions: Vec<Reduction> = (0..model.len())
            .map(|i| Reduction {
                statistics: match purpose {
                    Purpose::Average => model[i].holds.statistics(&job.statistics),
                    Purpose::Cube => vec![Statistic::Mean],
                },
                weight,
                shares: method == Method::Footprint,
                summation: Summation::for_range(
                    common_range(ready.iter().map(|(_, r)| r.fields[i].range))
                        .and_then(|range| job.scheme.range(range)),
                ),
                blank: job.blank,
                scheme: job.scheme,
            })
            .collect();
        let fields = model
            .iter()
            .zip(&reductions)
            .map(|(f, reduction)| PlannedField {
                name: f.selected.field.name.clone(),
                attributes: f.attributes.clone(),
                double: f.double,
                reduction: reduction.clone(),
            })
            .collect();
        notes.extend(model.iter().filter_map(|f| f.selected.note()));
        for note in used.iter().filter_map(Used::note) {
            if !notes.contains(&note) {
                notes.push(note);
            }
        }
        let mut granules: Vec<PlannedGranule> = ready
            .into_iter()
            .map(|(candidate, resolved)| PlannedGranule {
                recipes: resolved
                    .fields
                    .into_iter()
                    .zip(&reductions)
                    .map(|(f, reduction)| FieldRecipe {
                        field: f.selected.field,
                        reduction: reduction.clone(),
                        criterion: job.best.as_ref().map(|_| criterion()),
                        uncertainty: f.uncertainty,
                    })
                    .collect(),
                mask: resolved.mask,
                computed: resolved.computed,
                condition: resolved.condition,
                created: resolved.created,
                shape: resolved.shape,
                parts: vec![Part::Whole],
                candidate,
            })
            .collect();
        let target = grid_of(&job.grid, &granules)?;
        let (rows, columns) = target.shape();
        let windows = match purpose {
            Purpose::Average => windowed(&job, &mut granules, &mut notes)?,
            Purpose::Cube => None,
        };
        let plan = Plan {
            granules,
            skipped,
            failed,
            tiling: Tiling::new(rows, columns)?,
            frame: target.frame(),
            grid: Grid::new(target),
            method,
            flags,
            fields,
            job,
            purpose,
            windows,
            notes,
        };
        Finished::check_names(&plan)?;
        stop::go_on()?;
        Ok(plan)
    }
}

/// Asks for what goes without saying: the mean, and the best where there is a criterion of it.
///
/// # Errors
/// A value at the best, without a criterion.
fn complete_statistics(job: &mut Job) -> Result<(), JobError> {
    if job.statistics.is_empty() && job.best.is_none() {
        job.statistics.push(Statistic::Mean);
    }
    if let Some(best) = &job.best
        && !job.statistics.contains(&best.statistic())
    {
        job.statistics.push(best.statistic());
    }
    if job.best.is_none()
        && let Some(statistic) = job
            .statistics
            .iter()
            .find(|s| matches!(s, Statistic::AtSmallest | Statistic::AtLargest))
    {
        return Err(JobError::plan_hint(
            format!("{statistic} of what is not said"),
            "use --best smallest:view_angle or the like",
        ));
    }
    Ok(())
}

/// Nothing to work on, with the first reasons.
fn nothing(skipped: &[GranuleRecord]) -> JobError {
    let named: Vec<String> = skipped
        .iter()
        .take(3)
        .map(|record| format!("{}: {}", record.name, record.reason))
        .collect();
    let reason = match (named.is_empty(), skipped.len() - named.len()) {
        (true, _) => "no granule to work on".into(),
        (false, 0) => format!("no granule to work on ({})", named.join("; ")),
        (false, more) => format!(
            "no granule to work on ({}; and {more} more)",
            named.join("; ")
        ),
    };
    JobError::Nothing { reason }
}

/// The flags that are asked for, or the default of the suite.
fn masks(
    job: &Job,
    requests: &[String],
    granule: &Granule,
    suite: Option<&str>,
    notes: &mut Vec<String>,
) -> FlagSelection {
    let only_flags = !requests.is_empty()
        && requests.iter().all(|request| {
            let variable = granule.variable(request);
            variable.is_ok_and(|variable| variable.flags().is_some())
        });
    match &job.flags {
        Some(flags) => flags.clone(),
        // A mask would take what the map is to show.
        None if only_flags => FlagSelection::default(),
        None => {
            let flags = FlagSelection::default_for(suite);
            notes.push(match (suite, flags.is_empty()) {
                (Some(suite), false) => format!("flags: set l3, the default of {suite}"),
                (Some(suite), true) => format!("flags: none, the default of {suite}"),
                (None, _) => "flags: none, the default where the suite is not known".into(),
            });
            flags
        }
    }
}

/// Says which flags of the sets that are asked for granules do not know: they cannot be masked by them.
fn flags_unknown(ready: &[(Candidate, Resolved)]) -> Option<String> {
    let absent = |resolved: &Resolved| resolved.mask.absent().join(", ");
    let (candidate, odd) = ready.iter().find(|(_, r)| !r.mask.absent().is_empty())?;
    Some(match ready.iter().all(|(_, r)| absent(r) == absent(odd)) {
        true => format!("flags: the granules do not know {}", absent(odd)),
        false => format!(
            "warning: the granules know different flags: {} does not know {}, and is not masked by it",
            candidate.name,
            absent(odd)
        ),
    })
}

/// Each granule with what it has of what is asked for.
fn resolve_all(
    candidates: Vec<Candidate>,
    requests: &[String],
    flags: &FlagSelection,
    job: &Job,
) -> Vec<(Candidate, Result<Resolved, JobError>)> {
    let resolve = watch::carried(|candidate: Candidate| {
        let resolved = resolve(&candidate, requests, flags, job);
        (candidate, resolved)
    });
    candidates.into_par_iter().map(resolve).collect()
}

/// The windows of time, if any are asked for; granules are split among them.
///
/// # Errors
/// A grid that is not common to granules, windows that cannot be made of them.
fn windowed(
    job: &Job,
    granules: &mut [PlannedGranule],
    notes: &mut Vec<String>,
) -> Result<Option<(Vec<Window>, DayKind)>, JobError> {
    let Some(windowing) = job.windows else {
        return Ok(None);
    };
    if matches!(job.grid, GridRequest::Own { .. }) {
        return Err(JobError::plan_hint(
            "windows need a grid in common",
            "give a box and a resolution, as in -b -77,36,-73,41 -r 0.015",
        ));
    }
    let candidates: Vec<&Candidate> = granules.iter().map(|g| &g.candidate).collect();
    let instrument = candidates.first();
    let instrument = instrument.and_then(|c| c.identity.instrument.as_deref());
    let day = windowing
        .day
        .unwrap_or_else(|| DayKind::for_instrument(instrument));
    let windows = windows(&candidates, windowing.every, day)?;
    let parts = parts(&windows, granules.len());
    for (granule, parts) in granules.iter_mut().zip(parts) {
        granule.parts = parts;
    }
    let split = granules.iter().filter(|g| g.is_split()).count();
    let split = match split {
        0 => String::new(),
        1 => "; 1 granule lies across 180 degrees and is in two days".to_owned(),
        n => format!("; {n} granules lie across 180 degrees and are in two days each"),
    };
    notes.push(format!(
        "{} window{}, {}, days are {}{split}",
        windows.len(),
        if windows.len() == 1 { "" } else { "s" },
        windowing.every,
        day.name()
    ));
    Ok(Some((windows, day)))
}
