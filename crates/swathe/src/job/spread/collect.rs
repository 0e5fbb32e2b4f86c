//! Parts put together to the result of the run.

use super::part::{Came, open};
use crate::job::contents::{Contents, Partial};
use crate::job::data_day::Part;
use crate::job::finished::Finished;
use crate::job::header::{Done, Header};
use crate::job::plan::Plan;
use crate::job::run::nothing_touched;
use crate::job::windows::Window;
use crate::job::{JobError, Purpose};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use swathe_core::reduce::{Reduction, Tiling};
use swathe_io::bytes::ByteSource;

/// What is known of a result before its granules are done.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Closing {
    header: Header,
    /// Granules of the plan, the first of the header.
    granules: usize,
    cube: bool,
    stack: bool,
    empty_maps: bool,
    /// Granules that could not even be planned for.
    failed: usize,
    /// Windows of time, if there are any.
    windows: Option<Vec<Window>>,
}

impl Closing {
    pub fn of(plan: &Plan, keep: bool) -> Self {
        Closing {
            header: Header::of_plan(plan, keep),
            granules: plan.granules.len(),
            cube: plan.purpose == Purpose::Cube,
            stack: plan.job.stack,
            empty_maps: plan.job.empty_maps,
            failed: plan.failed,
            windows: plan.windows.as_ref().map(|(windows, _)| windows.clone()),
        }
    }
}

/// Puts together what tasks left, combined or not, in any order: the result is that of the run in one process.
/// Parts are read tile by tile as they are needed.
///
/// # Errors
/// A part that is damaged, another version's, or of another run; a granule that is missing or there twice;
/// nothing in the area.
pub fn collect(closing: &[u8], parts: Vec<Arc<dyn ByteSource>>) -> Result<Finished, JobError> {
    let closing: Closing = super::opened(closing)?;
    let (rows, columns) = closing.header.geobox()?.shape();
    let tiling = Tiling::new(rows, columns)?;
    let fields = closing.header.fields.iter();
    let reductions: Vec<&Reduction> = fields.map(|field| &field.reduction).collect();
    let mut came = Came::default();
    let mut files = Vec::with_capacity(parts.len());
    for part in parts {
        let (header, file) = open(part)?;
        header.check(tiling, &reductions)?;
        came.add(header.came);
        files.push((header.of, file));
    }
    let mut done: Vec<Option<Done>> = vec![None; closing.granules];
    for (number, one) in came.granules {
        match done.get_mut(number as usize) {
            Some(place @ None) => *place = Some(one),
            _ => return Err(JobError::cluster("a granule came back twice")),
        }
    }
    if done.iter().any(Option::is_none) {
        return Err(JobError::cluster("a granule did not come back"));
    }
    if came.touched == 0 && !closing.empty_maps {
        return Err(nothing_touched(&done));
    }
    let kept = closing.header.kept;
    let (header, numbers) = closing.header.with_outcomes(&done, came.flags);
    let places: Vec<Option<u32>> = match closing.windows {
        // Windows know granules by their numbers in the plan.
        Some(_) => (0..numbers.len() as u32).map(Some).collect(),
        None => numbers.iter().copied().map(Some).collect(),
    };
    let files = files.into_iter().map(|(of, file)| Partial {
        file,
        kept,
        numbers: places.clone(),
        of,
    });
    let contents = Contents::Partials(files.collect());
    let mut finished = match (closing.cube, &closing.windows) {
        (false, Some(windows)) => {
            let gave = done
                .into_iter()
                .map(|d| d.map_or_else(Vec::new, |d| d.gave));
            let gave: Vec<(u32, Vec<Part>)> = numbers.into_iter().zip(gave).collect();
            Finished::windows(header, contents, windows, &gave)?
        }
        (false, None) => Finished::average(header, contents)?,
        (true, _) => {
            let records: Vec<_> = done.into_iter().map(|d| d.map(|d| d.record)).collect();
            Finished::cube(header, contents, &records, closing.stack)?
        }
    };
    finished.read = came.read;
    finished.geometry = came.geometry;
    finished.failed = closing.failed + came.failed;
    Ok(finished)
}
