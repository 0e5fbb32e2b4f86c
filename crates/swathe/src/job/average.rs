//! The average over granules.

use super::header::Header;
use super::partial::Partial;
use super::plan::Plan;
use super::run::Run;
use super::{Finished, JobError, Observer};
use rayon::ThreadPool;
use swathe_core::reduce::{Composite, Statistic};
use swathe_io::product::{self, Layer, LayerData};

/// Averages the granules of a plan on the threads of a pool.
///
/// # Errors
/// A granule that cannot be used, unless those are to be skipped; nothing in the area.
pub(super) fn average(
    plan: &Plan,
    pool: &ThreadPool,
    observer: Observer<'_>,
) -> Result<Finished, JobError> {
    let fields = plan.fields.iter();
    let mut composites: Vec<Composite> = fields
        .map(|field| Composite::new(plan.tiling, field.reduction.clone()))
        .collect();
    let mut run = Run::new(plan);
    run.over_granules(pool, observer, |_, applied| {
        for (composite, parts) in composites.iter_mut().zip(&applied.parts) {
            for (tile, part) in parts {
                composite.combine(*tile, part)?;
            }
        }
        Ok(())
    })?;
    run.finish(|header| {
        let partial = Partial {
            header: header.clone(),
            composites,
        };
        Ok((pool.install(|| partial.product())?, Some(partial)))
    })
}

/// The layers of composites.
pub(super) fn layers(header: &Header, composites: &[Composite]) -> Result<Vec<Layer>, JobError> {
    let mut layers = Vec::new();
    for (composite, field) in composites.iter().zip(&header.fields) {
        for statistic in statistics(&header.statistics) {
            let kind = product_statistic(statistic);
            let data = match statistic {
                Statistic::Count => LayerData::from_counts(&composite.counts()),
                Statistic::Granules => LayerData::from_counts(&composite.granules()),
                Statistic::Sum => LayerData::F64(composite.values(statistic)?),
                _ if field.double => LayerData::F64(composite.values(statistic)?),
                _ => LayerData::F32(single(composite.values(statistic)?)),
            };
            layers.push(kind.layer(&field.name, &field.attributes, data, false));
        }
    }
    Ok(layers)
}

/// The statistics to write: those asked for, with count and granules.
fn statistics(asked: &[Statistic]) -> Vec<Statistic> {
    let mut all = asked.to_vec();
    for always in [Statistic::Count, Statistic::Granules] {
        all.push(always);
    }
    let mut seen = Vec::new();
    all.retain(|s| {
        !seen.contains(s) && {
            seen.push(*s);
            true
        }
    });
    all
}

fn product_statistic(statistic: Statistic) -> product::Statistic {
    match statistic {
        Statistic::Mean => product::Statistic::Mean,
        Statistic::Std => product::Statistic::StandardDeviation,
        Statistic::Var => product::Statistic::Variance,
        Statistic::Min => product::Statistic::Minimum,
        Statistic::Max => product::Statistic::Maximum,
        Statistic::Sum => product::Statistic::Sum,
        Statistic::Count => product::Statistic::Count,
        Statistic::Granules => product::Statistic::Granules,
        Statistic::Coverage => product::Statistic::Coverage,
    }
}

pub(super) fn single(values: Vec<f64>) -> Vec<f32> {
    values.into_iter().map(|v| v as f32).collect()
}
