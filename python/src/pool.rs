//! Threads for calls from Python.

use rayon::{ThreadPool, ThreadPoolBuilder};
use std::sync::{Arc, Mutex, PoisonError};
use swathe::job::JobError;

/// The pool that calls share, with the process that made it: after a fork its threads are not there.
static SHARED: Mutex<Option<(u32, Arc<ThreadPool>)>> = Mutex::new(None);

/// A pool of so many threads; of one for each processor, shared between calls, where nothing is said.
///
/// # Errors
/// When the system gives no thread.
pub fn pool(threads: Option<usize>) -> Result<Arc<ThreadPool>, JobError> {
    if let Some(threads) = threads {
        let pool = ThreadPoolBuilder::new().num_threads(threads).build()?;
        return Ok(Arc::new(pool));
    }
    let process = std::process::id();
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    match &*shared {
        Some((owner, pool)) if *owner == process => Ok(pool.clone()),
        _ => {
            let pool = Arc::new(ThreadPoolBuilder::new().build()?);
            // Dropping a pool without its threads would wait for them.
            std::mem::forget(shared.replace((process, pool.clone())));
            Ok(pool)
        }
    }
}
