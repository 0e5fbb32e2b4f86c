//! The command's way to Dask clusters: by way of `swathe._command_dask`.

use crate::array::{LazyArray, elements};
use crate::spread::{Part, made, sources, together};
use numpy::PyUntypedArray;
use pyo3::prelude::*;
use std::path::Path;
use std::sync::{Arc, Mutex};
use swathe::cluster::{Cluster, Place, Wanted};
use swathe::core::array::Buffer;
use swathe::io::product::{GranuleRecord, GranuleStatus};
use swathe::job::{Event, Finished, Finishing, JobError, Observer, Plan};
use swathe::live::Live;
use swathe::reduction::Reducing;

/// The cluster that a run has connected to.
#[derive(Default)]
pub struct Dask(Mutex<Option<Py<PyAny>>>);

/// What comes on its way, with its kind; or a step: granules done, all, the name of the last.
#[derive(FromPyObject)]
enum Came {
    Step((usize, usize, String)),
    Content((String, Part)),
}

impl Cluster for Dask {
    fn reduce(&self, place: &Place, reducing: &Reducing) -> Result<Vec<Buffer>, JobError> {
        let files = reducing.files()?;
        let connected = self.connect(place)?;
        let values = Python::attach(|py| {
            let arrays = reducing.arrays().iter().cloned().map(LazyArray);
            let arrays: Vec<LazyArray> = arrays.collect();
            let values = connected.call_method1(py, "computed", (arrays, files))?;
            let values: Vec<Bound<'_, PyUntypedArray>> = values.extract(py)?;
            values
                .iter()
                .map(elements)
                .collect::<PyResult<Vec<Buffer>>>()
        });
        self.abandon();
        values.map_err(|error: PyErr| job_error(&error))
    }

    fn run(
        &self,
        place: &Place,
        plan: &Plan,
        wanted: &Wanted,
        live: Option<(&Arc<Live>, usize)>,
        observer: Observer<'_>,
    ) -> Result<Finished, JobError> {
        let connected = self.connect(place)?;
        let finished = on(&connected, plan, wanted, live, observer);
        self.abandon();
        finished
    }

    fn abandon(&self) {
        if let Some(connected) = self.hold(None) {
            // It ends with the process, or by the gateway's own rules.
            let _ = Python::attach(|py| connected.call_method0(py, "close"));
        }
    }
}

impl Dask {
    /// Connects to a cluster, which is left by [`Cluster::abandon`].
    fn connect(&self, place: &Place) -> Result<Py<PyAny>, JobError> {
        let (scheduler, gateway, workers) = match place {
            Place::Scheduler(address) => (Some(address), None, 0),
            Place::Gateway { address, workers } => (None, Some(address), *workers),
        };
        Python::attach(|py| {
            let module = py.import("swathe._command_dask")?;
            let connected = module.call_method1("Connected", (scheduler, gateway, workers))?;
            self.hold(Some(connected.clone().unbind()));
            Ok(connected.unbind())
        })
        .map_err(|error: PyErr| job_error(&error))
    }

    fn hold(&self, connected: Option<Py<PyAny>>) -> Option<Py<PyAny>> {
        let mut held = self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        std::mem::replace(&mut *held, connected)
    }
}

/// Carries a plan out on a cluster that was connected to.
fn on(
    connected: &Py<PyAny>,
    plan: &Plan,
    wanted: &Wanted,
    live: Option<(&Arc<Live>, usize)>,
    observer: Observer<'_>,
) -> Result<Finished, JobError> {
    let folder = match wanted {
        Wanted::Store { folder, .. } => Some(folder.as_path()),
        Wanted::Parts { .. } | Wanted::Maps => None,
    };
    let asked = Python::attach(|py| {
        let memory: Option<u64> = connected.getattr(py, "memory")?.extract(py)?;
        let seen = match folder {
            Some(folder) => connected
                .call_method1(py, "sees", (folder.as_os_str(),))?
                .extract(py)?,
            None => false,
        };
        Ok((memory, folder.filter(|_| seen)))
    });
    let (memory, folder) = asked.map_err(|e: PyErr| job_error(&e))?;
    let (finishing, keep, tiles) = match (wanted, folder) {
        (Wanted::Parts { keep }, _) => (Finishing::Here, *keep, false),
        (Wanted::Store { maps, .. }, Some(_)) => (Finishing::Stored, false, *maps),
        _ => (Finishing::Sent, false, true),
    };
    let spread = plan.spread(memory, keep, finishing)?;
    let closing = spread.closing.clone();
    let (page, stride) = live
        .map(|(live, stride)| (crate::live::Live(live.clone()), stride))
        .unzip();
    let steps = Python::attach(|py| {
        let folder = folder.map(Path::as_os_str);
        let made = made(py, spread);
        connected.call_method1(py, "steps", (made, folder, tiles, page, stride))
    });
    let steps = steps.map_err(|error: PyErr| job_error(&error))?;
    let (mut parts, mut tiles, mut receipts) = (Vec::new(), Vec::new(), Vec::new());
    loop {
        let came = Python::attach(|py| {
            let next = steps.bind(py).try_iter()?.next();
            next.map(|came| came?.extract::<Came>()).transpose()
        });
        match came.map_err(|error: PyErr| job_error(&error))? {
            None => break,
            Some(Came::Content((kind, content))) => match kind.as_str() {
                "part" => parts.extend(sources(vec![content])?),
                "tiles" => tiles.extend(sources(vec![content])?),
                _ => receipts.push(content),
            },
            Some(Came::Step((done, total, name))) => {
                let record = GranuleRecord {
                    name,
                    start: f64::NAN,
                    end: f64::NAN,
                    status: GranuleStatus::Used,
                    reason: String::new(),
                };
                let event = Event::Granule {
                    // Which one is not known here.
                    number: done.saturating_sub(1),
                    record: &record,
                    done,
                    total,
                    read: Default::default(),
                };
                if observer(&event).is_break() {
                    return Err(JobError::Interrupted);
                }
            }
        }
    }
    let told = Python::attach(|py| {
        let told = |name| connected.getattr(py, name)?.extract::<bool>(py);
        Ok((told("finished")?, told("stored")?))
    });
    let (maps, stored) = told.map_err(|e: PyErr| job_error(&e))?;
    let (tiles, receipts) = (maps.then_some(tiles), stored.then_some(receipts));
    let finished = together(&closing, parts, tiles, receipts)?;
    if let Some((live, _)) = live {
        live.collected(&finished);
    }
    Ok(finished)
}

/// An exception, as the command tells it.
fn job_error(error: &PyErr) -> JobError {
    Python::attach(|py| {
        let value = error.value(py);
        let hint = value.getattr("hint").and_then(|hint| hint.extract()).ok();
        let said = value
            .getattr("args")
            .and_then(|args| args.get_item(0)?.extract::<String>())
            .unwrap_or_else(|_| error.to_string());
        let kind = value.get_type().name().map(|name| name.to_string());
        match kind.as_deref() {
            Ok("KeyboardInterrupt") => JobError::Interrupted,
            Ok("GranuleError") => JobError::Granule {
                name: String::new(),
                reason: said,
            },
            Ok("PlanError") => JobError::Plan {
                reason: said,
                hint: hint.flatten(),
            },
            Ok("ClusterError" | "SwatheError") => JobError::Cluster {
                reason: said,
                hint: hint.flatten(),
            },
            _ => JobError::Cluster {
                reason: error.to_string(),
                hint: None,
            },
        }
    })
}
