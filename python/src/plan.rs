//! Plans, and their results.

use crate::errors::{Fault, Raise};
use crate::file::outline;
use crate::handed::Handed;
use crate::inputs::{Input, gather_inputs, paths};
use crate::live::{self, Live};
use crate::options::{Options, choose};
use crate::outputs::{Opened, written};
use crate::pool::{pool, within};
use crate::spread::{Made, Part, made, sources, together};
use crate::watched::watched;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyDict};
use rayon::ThreadPool;
use std::path::PathBuf;
use std::sync::Arc;
use swathe::Outputs;
use swathe::core::geobox::GeoBox;
use swathe::io::error::Error;
use swathe::job::{
    self, ByBins, Event, Finishing, JobError, JournalFile, Keeping, Purpose, Shares,
};
use tempfile::TempDir;

/// Points on a side of a granule's outline.
const OUTLINE: usize = 20;

/// Product, names and types of its layers, steps along time.
type LazyCube<'py> = (
    Bound<'py, PyDict>,
    Vec<(String, String)>,
    Vec<Bound<'py, PyBytes>>,
);

/// Everything that is decided before an array is read.
#[pyclass(frozen, module = "swathe._swathe")]
pub struct Plan {
    plan: Arc<job::Plan>,
    pool: Arc<ThreadPool>,
    purpose: Purpose,
    /// The map that is made of bins.
    map: Option<Arc<ByBins>>,
    /// Local files that are read: no output may be one of them.
    paths: Vec<PathBuf>,
    /// Bytes that a run may take at most; by default half of what the machine has.
    limit: Option<u64>,
}

impl Plan {
    /// The grid of the maps.
    fn geobox(&self) -> &GeoBox {
        match &self.map {
            Some(map) => map.geobox(),
            None => self.plan.geobox(),
        }
    }

    /// Whether the result is a product of the plan's own grid, which is handed over as a whole. Bins are a table of those
    /// that have a value; a map that is made of them is small where they are.
    fn is_whole(&self) -> bool {
        match &self.map {
            Some(map) => map.is_large(),
            None => self.plan.isin().is_none(),
        }
    }
}

/// How a run shares its memory. Without outputs, what granules gave is kept on disk only where it must be: for windows of
/// time, which are combined of it, and where there is no room for it in memory. `keeping` then has a journal without a
/// folder.
///
/// # Errors
/// A limit that cannot be kept.
fn shares(plan: &job::Plan, pool: &ThreadPool, keeping: &mut Keeping) -> Result<Shares, JobError> {
    let share =
        |keeping: &Keeping| within(pool, || plan.shares(pool.current_num_threads(), keeping));
    if keeping.journal.is_some() {
        return share(keeping);
    }
    if !plan.keeps_pieces()
        && let Ok(shares) = share(keeping)
    {
        return Ok(shares);
    }
    keeping.journal = Some(JournalFile {
        path: PathBuf::new(),
        resume: false,
        granules: false,
    });
    share(keeping)
}

/// A folder for what a run keeps that has no output beside which it could.
fn scratch(keeping: &mut Keeping) -> Result<Option<TempDir>, Error> {
    let nowhere = |journal: &&mut JournalFile| journal.path.as_os_str().is_empty();
    let Some(journal) = keeping.journal.as_mut().filter(nowhere) else {
        return Ok(None);
    };
    let folder = tempfile::Builder::new().prefix("swathe-").tempdir();
    let folder = folder.map_err(|source| Error::Io {
        path: std::env::temp_dir().display().to_string(),
        source,
    })?;
    journal.path = folder.path().join("run");
    Ok(Some(folder))
}

#[pymethods]
impl Plan {
    #[new]
    fn new(
        py: Python<'_>,
        inputs: Vec<Input>,
        options: Options<'_>,
        threads: Option<usize>,
        memory: Option<u64>,
    ) -> PyResult<Self> {
        let by_bins = options.is_by_bins();
        let (mut job, purpose) = options.job(py)?;
        let map = match by_bins && purpose == Purpose::Average {
            true => ByBins::of(&mut job).map_err(|e| e.raise(py))?,
            false => None,
        };
        watched(py, None, move |watch| {
            let pool = pool(threads)?;
            let paths = paths(&inputs)?;
            let gathered = within(&pool, || gather_inputs(&inputs, &paths, job.on_error))?;
            if watch.go_on().is_break() {
                return Err(JobError::Interrupted);
            }
            let plan = Arc::new(within(&pool, || job::Plan::new(gathered, job, purpose))?);
            Ok(Plan {
                plan,
                pool,
                purpose,
                map: map.map(Arc::new),
                paths,
                limit: memory,
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
        self.geobox().crs.to_string()
    }

    /// (rows, columns).
    #[getter]
    fn shape(&self) -> (usize, usize) {
        self.geobox().shape()
    }

    /// West, south, east, north in units of the CRS.
    #[getter]
    fn bounds(&self) -> (f64, f64, f64, f64) {
        self.geobox().bounds()
    }

    /// So many bytes are needed at most.
    #[getter]
    fn memory(&self) -> Option<u64> {
        let mut keeping = Keeping {
            memory: self.limit,
            whole: self.is_whole(),
            ..Keeping::default()
        };
        let shares = shares(&self.plan, &self.pool, &mut keeping);
        shares.ok().map(|shares| shares.projected)
    }

    /// Outlines of the first granules, as [`outline`] gives them.
    fn outlines(&self, py: Python<'_>, most: usize) -> PyResult<Vec<Vec<(f64, f64)>>> {
        let (plan, pool) = (self.plan.clone(), self.pool.clone());
        watched(py, None, move |_| {
            let mut outlines = Vec::new();
            for candidate in plan.candidates().take(most) {
                let granule = candidate.granule()?;
                outlines.push(within(&pool, || outline(&granule, OUTLINE))?);
            }
            Ok::<_, Fault>(outlines)
        })
    }

    /// The grid's box in degrees, for maps; `None` where the grid is projected.
    #[getter]
    fn r#box(&self) -> Option<[f64; 4]> {
        let geobox = self.geobox();
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
        let estimate = watched(py, None, move |_| within(&pool, || plan.estimate()))?;
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
        let estimate = watched(py, None, move |_| within(&pool, || plan.estimate()))?;
        let graph = self.plan.graph(&estimate, &[]);
        Ok(match mermaid {
            true => graph.mermaid(),
            false => graph.svg(),
        })
    }

    /// Cuts the plan into tasks for processes that have so many bytes of memory for each thread. `finishing`: where maps
    /// are finished, "here", or by them: "sent" or "stored".
    fn spread<'py>(
        &self,
        py: Python<'py>,
        memory: Option<u64>,
        keep: bool,
        finishing: &str,
    ) -> PyResult<Made<'py>> {
        let known = [
            ("here", Finishing::Here),
            ("sent", Finishing::Sent),
            ("stored", Finishing::Stored),
        ];
        let finishing = choose(py, "finishing", finishing, known)?;
        let (plan, pool) = (self.plan.clone(), self.pool.clone());
        let spread = watched(py, None, move |_| {
            within(&pool, || plan.spread(memory, keep, finishing))
        })?;
        Ok(made(py, spread))
    }

    /// The plan of a cube whose layers are made later: the product without their values, names and types of these, and
    /// for every step along time what [`layers`](crate::spread::layers) takes.
    fn lazy_cube<'py>(&self, py: Python<'py>) -> PyResult<LazyCube<'py>> {
        let cube = self.plan.lazy_cube().map_err(|e| e.raise(py))?;
        let layers = cube.product.layers.iter();
        let types = layers
            .map(|layer| (layer.name.clone(), layer.data.dtype().name().to_owned()))
            .collect();
        let handed = Handed::new(cube.product).map_err(|e| e.raise(py))?;
        let steps = cube.steps.iter().map(|step| PyBytes::new(py, step));
        Ok((handed.into_python(py)?, types, steps.collect()))
    }

    /// Checks outputs, before any work is done.
    fn open(
        &self,
        py: Python<'_>,
        outputs: Vec<PathBuf>,
        overwrite: bool,
        keep: Option<String>,
    ) -> PyResult<Opened> {
        let outputs = self.outputs(py, &outputs, overwrite, keep)?;
        Ok(Opened::new(outputs, self.map.is_some()))
    }

    /// Puts together what tasks left, writes outputs, and hands the product over, or the path of the file that holds it;
    /// `tiles`: of maps that workers have finished; `receipts`: of those that they have written. Maps of more than
    /// `most` bytes stay in their file.
    #[expect(clippy::too_many_arguments, reason = "all that came")]
    fn collect<'py>(
        &self,
        py: Python<'py>,
        outputs: &Opened,
        closing: PyBackedBytes,
        parts: Vec<Part>,
        tiles: Option<Vec<Part>>,
        receipts: Option<Vec<Part>>,
        most: u64,
        live: Option<&Live>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let live = live.map(|live| live.0.clone());
        let pool = self.pool.clone();
        let (map, bins) = (self.map.clone(), self.plan.isin().is_some());
        let outputs = outputs.take();
        let written = watched(py, None, move |watch| {
            let live = live.as_deref();
            live::watch(live, || {
                let Some(outputs) = outputs else {
                    return Err(JobError::cluster("the outputs are written already").into());
                };
                let tiles = tiles.map(sources).transpose()?;
                let finished = together(&closing, sources(parts)?, tiles, receipts)?;
                if let Some(live) = live {
                    live.collected(&finished);
                }
                if watch.go_on().is_break() {
                    return Err(JobError::Interrupted.into());
                }
                pool.install(|| {
                    let (map, most) = (map.as_deref(), Some(most));
                    written(&finished, outputs, map, bins, most, live, watch)
                })
            })
        })?;
        written.into_python(py)
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
    ) -> PyResult<Bound<'py, PyAny>> {
        let outputs = self.outputs(py, &outputs, overwrite, keep)?;
        let (plan, pool) = (self.plan.clone(), self.pool.clone());
        let mut keeping = outputs.keeping(self.limit, None, false);
        keeping.whole = self.is_whole();
        let bins = self.plan.isin().is_some();
        let map = self.map.clone();
        let live = live.map(|live| live.0.clone());
        let handed = watched(py, progress, move |watch| {
            let live = live.as_deref();
            live::watch(live, || {
                let shares = shares(&plan, &pool, &mut keeping)?;
                let kept = scratch(&mut keeping)?;
                if let Some(live) = live {
                    live.plan(&plan, &shares, map.as_ref().map(|map| map.geobox()));
                    live.draw(&plan, &[]);
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
                let handed = within(&pool, || {
                    written(&finished, outputs, map.as_deref(), bins, None, live, watch)
                })?;
                finished.clear()?;
                drop(kept);
                Ok::<_, Fault>(handed)
            })
        })?;
        handed.into_python(py)
    }
}

impl Plan {
    /// Shows the plan on the page of a run that tasks elsewhere carry out; the stride of their recorders.
    pub fn begin(&self, live: &swathe::live::Live) -> usize {
        let map = self.map.as_ref().map(|map| map.geobox());
        let stride = live.plan_spread(&self.plan, map);
        live.draw(&self.plan, &[]);
        stride
    }

    fn outputs(
        &self,
        py: Python<'_>,
        outputs: &[PathBuf],
        overwrite: bool,
        keep: Option<String>,
    ) -> PyResult<Outputs> {
        let mut outputs = Outputs::new(outputs, &self.paths, overwrite).map_err(|e| e.raise(py))?;
        if let Some(keep) = keep {
            choose(py, "keep", &keep, [("granules", ())])?;
            outputs = outputs.keeping_granules().map_err(|e| e.raise(py))?;
        }
        if self.purpose == Purpose::Cube {
            outputs
                .check_maps(self.plan.granules())
                .and_then(|()| outputs.check_no_partial("windows (--every) or of a cube"))
                .map_err(|e| e.raise(py))?;
        }
        let checked = match &self.map {
            Some(_) => outputs
                .check_maps(self.plan.windows().unwrap_or(1))
                .and_then(|()| outputs.check_no_partial("a map that is made of bins")),
            None => outputs.check_plan(&self.plan),
        };
        checked.map_err(|e| e.raise(py))?;
        Ok(outputs)
    }
}

/// Merges partial results, writes outputs, and hands the product over, with what should be known of it.
#[pyfunction]
pub fn merge<'py>(
    py: Python<'py>,
    parts: Vec<PathBuf>,
    outputs: Vec<PathBuf>,
    overwrite: bool,
    allow_mixed: bool,
    memory: Option<u64>,
    live: Option<&Live>,
) -> PyResult<(Bound<'py, PyAny>, Vec<String>)> {
    let live = live.map(|live| live.0.clone());
    let outputs = Outputs::new(&outputs, &parts, overwrite).map_err(|e| e.raise(py))?;
    let (handed, notes) = watched(py, None, move |watch| {
        let live = live.as_deref();
        live::watch(live, || {
            within(&*pool(None)?, || {
                let merged = job::merge(&parts, allow_mixed, memory)?;
                if let Some(live) = live {
                    live.merged(&merged, parts.len());
                }
                let bins = merged.isin().is_some();
                let notes = merged.several_sensors().into_iter().collect();
                Ok::<_, Fault>((
                    written(&merged, outputs, None, bins, None, live, watch)?,
                    notes,
                ))
            })
        })
    })?;
    Ok((handed.into_python(py)?, notes))
}
