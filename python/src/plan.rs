//! Plans, and their results.

use crate::errors::{Fault, Raise};
use crate::file::outline;
use crate::handed::Handed;
use crate::inputs::{Input, gather_inputs, paths};
use crate::live::{self, Live};
use crate::options::{Options, choose};
use crate::pool::pool;
use crate::watched::watched;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use rayon::ThreadPool;
use std::path::PathBuf;
use std::sync::Arc;
use swathe::Outputs;
use swathe::core::watch::here;
use swathe::job::{self, Event, JobError, Keeping, Purpose};

/// Points on a side of a granule's outline.
const OUTLINE: usize = 20;

/// Everything that is decided before an array is read.
#[pyclass(frozen, module = "swathe._swathe")]
pub struct Plan {
    plan: Arc<job::Plan>,
    pool: Arc<ThreadPool>,
    purpose: Purpose,
    /// Local files that are read: no output may be one of them.
    paths: Vec<PathBuf>,
}

#[pymethods]
impl Plan {
    #[new]
    fn new(
        py: Python<'_>,
        inputs: Vec<Input>,
        options: Options<'_>,
        threads: Option<usize>,
    ) -> PyResult<Self> {
        let (job, purpose) = options.job(py)?;
        watched(py, None, move |watch| {
            let pool = pool(threads)?;
            let paths = paths(&inputs)?;
            let gathered = pool.install(|| gather_inputs(&inputs, &paths, job.on_error))?;
            if watch.go_on().is_break() {
                return Err(JobError::Interrupted);
            }
            let plan = Arc::new(pool.install(|| job::Plan::new(gathered, job, purpose))?);
            Ok(Plan {
                plan,
                pool,
                purpose,
                paths,
            })
        })
    }

    /// What was chosen, in sentences.
    #[getter]
    fn notes(&self) -> Vec<String> {
        self.plan.notes().to_vec()
    }

    /// Names of the fields.
    #[getter]
    fn fields(&self) -> Vec<String> {
        self.plan.fields().map(str::to_owned).collect()
    }

    #[getter]
    fn method(&self) -> &'static str {
        self.plan.method().name()
    }

    /// Number of granules that take part.
    #[getter]
    fn granules(&self) -> usize {
        self.plan.granules()
    }

    /// Name and reason of granules that take no part.
    #[getter]
    fn skipped(&self) -> Vec<(String, String)> {
        let skipped = self.plan.skipped().iter();
        skipped
            .map(|r| (r.name.clone(), r.reason.clone()))
            .collect()
    }

    #[getter]
    fn crs(&self) -> String {
        self.plan.geobox().crs.to_string()
    }

    /// (rows, columns).
    #[getter]
    fn shape(&self) -> (usize, usize) {
        self.plan.geobox().shape()
    }

    /// West, south, east, north in units of the CRS.
    #[getter]
    fn bounds(&self) -> (f64, f64, f64, f64) {
        self.plan.geobox().bounds()
    }

    /// So many bytes are needed at most.
    #[getter]
    fn memory(&self) -> Option<u64> {
        let keeping = Keeping {
            whole: true,
            ..Keeping::default()
        };
        let shares = self.plan.shares(self.pool.current_num_threads(), &keeping);
        shares.ok().map(|shares| shares.projected)
    }

    /// Outlines of the first granules, as [`outline`] gives them.
    fn outlines(&self, py: Python<'_>, most: usize) -> PyResult<Vec<Vec<(f64, f64)>>> {
        let (plan, pool) = (self.plan.clone(), self.pool.clone());
        watched(py, None, move |_| {
            let mut outlines = Vec::new();
            for candidate in plan.candidates().take(most) {
                let granule = candidate.granule()?;
                outlines.push(pool.install(|| outline(&granule, OUTLINE))?);
            }
            Ok::<_, Fault>(outlines)
        })
    }

    /// The grid's box in degrees, for maps; `None` where the grid is projected.
    #[getter]
    fn r#box(&self) -> Option<[f64; 4]> {
        let geobox = self.plan.geobox();
        let (west, south, east, north) = geobox.bounds();
        geobox.crs.is_lonlat().then_some([west, south, east, north])
    }

    /// For every granule: name, lines, lines near the area, tiles, chunks, bytes to read, bytes decoded.
    #[expect(clippy::type_complexity, reason = "a row of a table")]
    fn estimate(
        &self,
        py: Python<'_>,
    ) -> PyResult<
        Vec<(
            String,
            usize,
            Option<(usize, usize)>,
            usize,
            usize,
            u64,
            u64,
        )>,
    > {
        let (plan, pool) = (self.plan.clone(), self.pool.clone());
        let estimate = watched(py, None, move |_| pool.install(|| plan.estimate()))?;
        let rows = estimate.granules.into_iter().map(|granule| {
            let near = granule.near.map(|lines| (lines.start, lines.end));
            let cost = granule.cost;
            (
                granule.name,
                granule.lines,
                near,
                granule.tiles.len(),
                cost.chunks,
                cost.stored_bytes,
                cost.decoded_bytes,
            )
        });
        Ok(rows.collect())
    }

    /// The plan as a picture: SVG, or Mermaid text.
    fn graph(&self, py: Python<'_>, mermaid: bool) -> PyResult<String> {
        let (plan, pool) = (self.plan.clone(), self.pool.clone());
        let estimate = watched(py, None, move |_| pool.install(|| plan.estimate()))?;
        let graph = self.plan.graph(&estimate, &[]);
        Ok(match mermaid {
            true => graph.mermaid(),
            false => graph.svg(),
        })
    }

    /// Carries the plan out, writes outputs, and hands the product over.
    fn run<'py>(
        &self,
        py: Python<'py>,
        progress: Option<&Bound<'py, PyAny>>,
        outputs: Vec<PathBuf>,
        overwrite: bool,
        keep: Option<String>,
        live: Option<&Live>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let mut outputs =
            Outputs::new(&outputs, &self.paths, overwrite).map_err(|e| e.raise(py))?;
        if let Some(keep) = keep {
            choose(py, "keep", &keep, [("granules", ())])?;
            outputs = outputs.keeping_granules().map_err(|e| e.raise(py))?;
        }
        if self.purpose == Purpose::Cube {
            outputs
                .check_maps(self.plan.granules())
                .and_then(|()| outputs.check_no_partial())
                .map_err(|e| e.raise(py))?;
        }
        let (plan, pool) = (self.plan.clone(), self.pool.clone());
        let keeping = outputs.keeping(None, None, false);
        let live = live.map(|live| live.0.clone());
        let handed = watched(py, progress, move |watch| {
            let live = live.as_deref();
            live::watch(live, || {
                if let Some(live) = live {
                    let shares =
                        pool.install(|| plan.shares(pool.current_num_threads(), &keeping))?;
                    live.plan(&plan, &shares, 0, &[]);
                    pool.install(|| live.draw(&plan, &[]))?;
                }
                let finished = job::run(&plan, &pool, &keeping, &mut |event| {
                    if let Some(live) = live {
                        live.show(event);
                    }
                    match event {
                        Event::Granule {
                            record,
                            done,
                            total,
                            read,
                            ..
                        } => watch.step((*done, *total, read.bytes_read, record.name.clone())),
                        _ => watch.go_on(),
                    }
                })?;
                if watch.go_on().is_break() {
                    return Err(JobError::Interrupted.into());
                }
                let here = here();
                let product = pool.install(|| {
                    let _entered = here.enter();
                    finished.product()
                })?;
                if let Some(live) = live {
                    live.product(&product);
                }
                pool.install(|| {
                    let _entered = here.enter();
                    outputs.write(&finished, &mut |_| watch.go_on())
                })?;
                finished.clear()?;
                Ok::<_, Fault>(Handed::new(product)?)
            })
        })?;
        handed.into_python(py)
    }
}

/// Merges partial results, writes outputs, and hands the product over.
#[pyfunction]
pub fn merge<'py>(
    py: Python<'py>,
    parts: Vec<PathBuf>,
    outputs: Vec<PathBuf>,
    overwrite: bool,
    live: Option<&Live>,
) -> PyResult<Bound<'py, PyDict>> {
    let live = live.map(|live| live.0.clone());
    let outputs = Outputs::new(&outputs, &parts, overwrite).map_err(|e| e.raise(py))?;
    let handed = watched(py, None, move |watch| {
        let live = live.as_deref();
        live::watch(live, || {
            let merged = job::merge(&parts)?;
            if let Some(live) = live {
                live.merged(&merged, parts.len());
            }
            let product = merged.product()?;
            if let Some(live) = live {
                live.product(&product);
            }
            if watch.go_on().is_break() {
                return Err(JobError::Interrupted.into());
            }
            outputs.write(&merged, &mut |_| watch.go_on())?;
            Ok::<_, Fault>(Handed::new(product)?)
        })
    })?;
    handed.into_python(py)
}
