//! Long work, watched from the thread that Python called on: Ctrl-C is answered, progress is shown.

use crate::errors::Raise;
use pyo3::prelude::*;
use std::ops::ControlFlow;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Mutex, Once, PoisonError};
use std::time::{Duration, Instant};
use swathe::core::stop::Stop;
use swathe::core::watch::Watched;

/// Between looks at Python's signals.
const LOOK: Duration = Duration::from_millis(50);
/// So long an interrupted task may take to end before the caller no longer waits: it ends where it next
/// [looks](swathe::core::stop), which one that waits for a server may do late, and leaves nothing behind.
const PATIENCE: Duration = Duration::from_secs(5);

/// A step of the work: done, total, bytes read so far, what was done.
pub type Step = (usize, usize, u64, String);

/// The task's end of the watch.
#[derive(Clone)]
pub struct Watch {
    stop: Stop,
    steps: Sender<Step>,
}

impl Watch {
    /// Tells of a step, and asks whether to go on.
    pub fn step(&self, step: Step) -> ControlFlow<()> {
        // A caller that no longer waits has set `stop`.
        let _ = self.steps.send(step);
        self.go_on()
    }

    /// Whether to go on.
    pub fn go_on(&self) -> ControlFlow<()> {
        match self.stop.is_asked() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }
}

/// Loads numpy's interface, once, on a thread that answers no signals: where Ctrl-C came while a result is handed over
/// for the first time, loading would fail, and the crate ends in a panic then.
fn load_numpy(py: Python<'_>) {
    static LOADED: Once = Once::new();
    if LOADED.is_completed() {
        return;
    }
    let load = || {
        Python::attach(|py| {
            numpy::dtype::<f64>(py);
        });
    };
    py.detach(|| {
        LOADED.call_once(|| {
            // What fails here fails again, and is told, where numpy is used.
            let _ = std::thread::spawn(load).join();
        });
    });
}

/// Does work on a thread of its own, without the interpreter, and calls `progress` with its steps.
///
/// # Errors
/// What the work, `progress` or a signal handler raises; the last two stop the work.
pub fn watched<T, E>(
    py: Python<'_>,
    progress: Option<&Bound<'_, PyAny>>,
    work: impl FnOnce(&Watch) -> Result<T, E> + Send + 'static,
) -> PyResult<T>
where
    T: Send + 'static,
    E: Raise + Send + 'static,
{
    load_numpy(py);
    let (steps, told) = mpsc::channel();
    let stop = Stop::default();
    let watch = Watch {
        stop: stop.clone(),
        steps,
    };
    let (give, outcome) = mpsc::channel();
    let task = std::thread::spawn(move || {
        let _entered = Watched::default().with_stop(watch.stop.clone()).enter();
        // Nobody takes it where the caller no longer waits.
        let _ = give.send(work(&watch));
    });
    if let Err(raised) = watch_over(py, progress, &Mutex::new(told)) {
        stop.ask();
        let since = Instant::now();
        while !task.is_finished() && since.elapsed() < PATIENCE {
            py.detach(|| std::thread::sleep(Duration::from_millis(5)));
        }
        return Err(raised);
    }
    match py.detach(move || outcome.recv()) {
        Ok(outcome) => outcome.map_err(|error| error.raise(py)),
        // It panicked: so does this thread, and PyO3 raises.
        Err(_) => match py.detach(move || task.join()) {
            Err(panic) => std::panic::resume_unwind(panic),
            Ok(()) => Err(pyo3::exceptions::PyRuntimeError::new_err(
                "the task ended without a result",
            )),
        },
    }
}

/// Returns when the task has dropped its end.
fn watch_over(
    py: Python<'_>,
    progress: Option<&Bound<'_, PyAny>>,
    told: &Mutex<Receiver<Step>>,
) -> PyResult<()> {
    loop {
        let wait = || {
            let told = told.lock().unwrap_or_else(PoisonError::into_inner);
            told.recv_timeout(LOOK)
        };
        match py.detach(wait) {
            Ok(step) => {
                if let Some(progress) = progress {
                    progress.call1(step)?;
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        }
        py.check_signals()?;
    }
}
