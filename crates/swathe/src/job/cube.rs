//! One map for every granule, stacked on time.

use super::average::single;
use super::plan::Plan;
use super::run::Run;
use super::{Finished, JobError, Observer};
use rayon::ThreadPool;
use swathe_core::reduce::{Composite, Statistic};
use swathe_io::product::{self, GranuleRecord, LayerData, TimeStep, Times};

/// Maps every granule of a plan on the threads of a pool. Granules are in order of their start; those
/// that have nothing in the area give an empty map, those that cannot be read give none.
///
/// # Errors
/// A granule that cannot be used, unless those are to be skipped; nothing in the area.
pub(super) fn cube(
    plan: &Plan,
    pool: &ThreadPool,
    observer: Observer<'_>,
) -> Result<Finished, JobError> {
    let (cells, count) = (plan.tiling.cells(), plan.granules.len());
    let mut maps: Vec<Vec<Option<Vec<f64>>>> = vec![vec![None; count]; plan.fields.len()];
    let mut run = Run::new(plan);
    run.over_granules(pool, observer, |i, applied| {
        for (field, parts) in applied.parts.iter().enumerate() {
            let reduction = plan.granules[i].recipes[field].reduction.clone();
            let mut composite = Composite::new(plan.tiling, reduction);
            for (tile, part) in parts {
                composite.combine(*tile, part)?;
            }
            maps[field][i] = Some(composite.values(Statistic::Mean)?);
        }
        Ok(())
    })?;
    // A granule that could not be read has no layer; one that is empty has.
    let kept: Vec<usize> = (0..count)
        .filter(|&i| {
            let record = run.records[i].as_ref();
            record.is_some_and(|r| r.status != product::GranuleStatus::Skipped)
        })
        .collect();
    let steps: Vec<TimeStep> = kept
        .iter()
        .filter_map(|&i| run.records[i].as_ref().map(step))
        .collect();
    let timed = plan.job.stack || steps.len() != 1;
    let mut layers = Vec::with_capacity(plan.fields.len());
    for (field, mut maps) in plan.fields.iter().zip(maps) {
        let mut take = |i: &usize| maps[*i].take().unwrap_or_else(|| vec![f64::NAN; cells]);
        let data = if field.double {
            LayerData::F64(kept.iter().flat_map(&mut take).collect())
        } else {
            LayerData::F32(kept.iter().flat_map(|i| single(take(i))).collect())
        };
        layers.push(product::Statistic::Value.layer(&field.name, &field.attributes, data, timed));
    }
    let times = match <[TimeStep; 1]>::try_from(steps) {
        Ok([step]) if !timed => Times::Window(TimeStep {
            granule: None,
            ..step
        }),
        Ok([step]) => Times::Series(vec![step]),
        Err(steps) => Times::Series(steps),
    };
    run.finish(|header| Ok((header.product(layers, times)?, None)))
}

fn step(record: &GranuleRecord) -> TimeStep {
    TimeStep {
        time: record.start,
        start: record.start,
        end: if record.end.is_nan() {
            record.start
        } else {
            record.end
        },
        granule: Some(record.name.clone()),
    }
}
