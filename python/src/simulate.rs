//! Simulated granules.

use crate::errors::{Fault, exception};
use crate::pool::pool;
use crate::watched::watched;
use pyo3::prelude::*;
use rayon::prelude::*;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use swathe::io::simulate::{GranuleSpec, Overwrite, Simulation, Suite, Version};
use swathe::job::JobError;

/// Memory that granules in the making may take together; one is made in any case.
const MEMORY: usize = 1 << 30;

/// Options by name.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct SimulationOptions {
    bbox: Option<[f64; 4]>,
    start: String,
    days: u32,
    count: Option<usize>,
    suite: String,
    version: String,
    nrt: bool,
    lines: Option<usize>,
    wavelengths: usize,
    clear: f64,
    seed: u64,
    overwrite: bool,
}

impl SimulationOptions {
    fn simulation(&self) -> Result<Simulation, String> {
        Ok(Simulation {
            area: self.bbox,
            start: self
                .start
                .parse()
                .map_err(|error| format!("start {:?}: {error}", self.start))?,
            days: self.days,
            count: self.count,
            seed: self.seed,
            suite: match self.suite.as_str() {
                "bgc" => Suite::Biogeochemical,
                "aop" => Suite::ApparentOptical,
                other => return Err(format!("unknown suite {other:?}: known are bgc, aop")),
            },
            version: match self.version.as_str() {
                "3.1" => Version::V3_1,
                "3.2" => Version::V3_2,
                other => return Err(format!("unknown version {other:?}: known are 3.1, 3.2")),
            },
            near_real_time: self.nrt,
            lines: self.lines,
            wavelengths: self.wavelengths,
            clear: self.clear,
            ..Simulation::default()
        })
    }
}

/// Makes granules in a folder, and gives their paths in order of time.
#[pyfunction]
pub fn simulate(
    py: Python<'_>,
    folder: PathBuf,
    options: SimulationOptions,
    progress: Option<&Bound<'_, PyAny>>,
) -> PyResult<Vec<PathBuf>> {
    let simulation = options
        .simulation()
        .map_err(|reason| exception(py, "PlanError", &reason, None))?;
    let overwrite = match options.overwrite {
        true => Overwrite::Replace,
        false => Overwrite::Refuse,
    };
    watched(py, progress, move |watch| {
        let granules = simulation.granules()?;
        if granules.is_empty() {
            return Err(Fault::Job(JobError::Nothing {
                reason: "no granule touches the area in this time".into(),
            }));
        }
        std::fs::create_dir_all(&folder).map_err(|source| swathe::io::error::Error::Io {
            path: folder.display().to_string(),
            source,
        })?;
        let largest = granules.iter().map(GranuleSpec::memory_bytes).max();
        let pool = pool(None)?;
        let at_once = MEMORY / largest.unwrap_or(1).max(1);
        let at_once = at_once.clamp(1, pool.current_num_threads());
        let done = AtomicUsize::new(0);
        let make = |granule: &GranuleSpec| {
            let path = granule.write(&folder, overwrite)?;
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            match watch
                .step((done, granules.len(), 0, granule.file_name()))
                .is_break()
            {
                true => Err(Fault::Job(JobError::Interrupted)),
                false => Ok(path),
            }
        };
        let mut paths = Vec::with_capacity(granules.len());
        for together in granules.chunks(at_once) {
            let made: Result<Vec<PathBuf>, Fault> =
                pool.install(|| together.par_iter().map(make).collect());
            paths.extend(made?);
        }
        Ok(paths)
    })
}
