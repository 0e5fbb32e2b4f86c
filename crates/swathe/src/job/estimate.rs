//! What a plan would read, without reading it.

use super::JobError;
use super::plan::{Plan, PlannedGranule};
use rayon::prelude::*;
use std::ops::Range;
use swathe_core::run::lines_near;
use swathe_core::source::SwathSource as _;
use swathe_io::granule::ReadCost;

/// What reading the granules of a plan would cost.
#[derive(Debug, Clone)]
pub struct Estimate {
    /// For every granule of the plan, in order.
    pub granules: Vec<GranuleEstimate>,
}

/// What reading one granule would cost.
#[derive(Debug, Clone)]
pub struct GranuleEstimate {
    /// Base name.
    pub name: String,
    /// Lines that it has.
    pub lines: usize,
    /// Lines that may meet the area; `None`: none does.
    pub near: Option<Range<usize>>,
    /// At most so much is read: geolocation, fields and flags of these lines.
    pub cost: ReadCost,
}

impl Plan {
    /// Works out what would be read, from metadata and line extents alone. Runs on the current
    /// thread pool.
    ///
    /// # Errors
    /// A granule whose extents or chunk index cannot be read.
    pub fn estimate(&self) -> Result<Estimate, JobError> {
        let granules: Result<Vec<_>, _> = self.granules.par_iter().map(|g| self.one(g)).collect();
        Ok(Estimate {
            granules: granules?,
        })
    }

    fn one(&self, planned: &PlannedGranule) -> Result<GranuleEstimate, JobError> {
        let name = &planned.candidate.name;
        let granule = planned
            .candidate
            .granule()
            .map_err(|e| JobError::granule(name, e))?;
        let near =
            lines_near(&*granule, &self.grid.region()).map_err(|e| JobError::granule(name, e))?;
        let fields: Vec<_> = planned.recipes.iter().map(|r| r.field.clone()).collect();
        let cost = match &near {
            Some(lines) => granule
                .read_cost(&fields, planned.mask.bits() != 0, lines.clone())
                .map_err(|e| JobError::granule(name, e))?,
            None => ReadCost::default(),
        };
        Ok(GranuleEstimate {
            name: name.clone(),
            lines: granule.shape().0,
            near,
            cost,
        })
    }
}
