//! Simulated granules.

use crate::errors::{Fault, exception};
use crate::pool::{pool, within};
use crate::watched::watched;
use pyo3::prelude::*;
use std::path::{Path, PathBuf};
use swathe::io::simulate::{Overwrite, Simulation, Suite, Version};
use swathe::job::JobError;
use swathe::make_granules;

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
        let told = |done, all, path: &Path| {
            let name = path.file_name().unwrap_or_default();
            watch.step((done, all, 0, name.to_string_lossy().into_owned()))
        };
        let make = || make_granules(&granules, &folder, overwrite, &told);
        Ok(within(&*pool(None)?, make)?)
    })
}
