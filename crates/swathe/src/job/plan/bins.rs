//! What files of bins hold, and what they do not.

use crate::job::statistics::Best;
use crate::job::{Job, JobError, Purpose};
use swathe_core::reduce::{Blank, Scheme, Statistic, Weight};
use swathe_core::resample::Method;

/// Refuses what a file of bins does not hold, and asks for what it does.
pub(super) fn check_bins(job: &mut Job, purpose: Purpose, method: Method) -> Result<(), JobError> {
    if purpose == Purpose::Cube {
        return Err(JobError::plan_hint(
            "bins hold sums over granules, not a layer of each",
            "use `swathe average`",
        ));
    }
    if !matches!(method, Method::Bin | Method::Footprint) {
        return Err(JobError::plan_hint(
            format!("method {} does not give to bins", method.name()),
            "use -m bin or -m footprint",
        ));
    }
    let best: Vec<Statistic> = job.best.iter().map(Best::statistic).collect();
    if job.statistics != [Statistic::Mean]
        && (job.statistics != best || job.scheme != Scheme::Arithmetic)
    {
        return Err(JobError::plan_hint(
            "bins hold sums, squares and weights, from which statistics are made when they are mapped",
            "leave --stat out",
        ));
    }
    if job.blank != Blank::default() {
        return Err(JobError::plan_hint(
            "bins are not blanked",
            "use --min-count and the like when they are mapped",
        ));
    }
    if job.statistics == [Statistic::Mean] {
        job.statistics = BINNED.to_vec();
    } else {
        // One observation stands for a bin.
        job.weight.get_or_insert(Weight::Observation);
    }
    Ok(())
}

/// What is kept of bins, beside counts.
const BINNED: [Statistic; 3] = [Statistic::Weights, Statistic::Sum, Statistic::SumSquared];
