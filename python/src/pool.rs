//! Threads for calls from Python.

use rayon::{ThreadPool, ThreadPoolBuilder};
use std::sync::{Arc, Mutex, PoisonError};
use swathe::core::watch::here;
use swathe::job::JobError;

/// A pool with the process that made it: after a fork its threads are not there.
type Shared = Mutex<Option<(u32, Arc<ThreadPool>)>>;

/// The pool that jobs share.
static JOBS: Shared = Mutex::new(None);
/// The pool that decodes what Python reads. Not that of jobs: a job may wait for what Python reads on other
/// threads, as chunked arrays of xarray do.
static READING: Shared = Mutex::new(None);

/// A pool of so many threads; of one for each processor, shared between calls, where nothing is said.
///
/// # Errors
/// When the system gives no thread.
pub fn pool(threads: Option<usize>) -> Result<Arc<ThreadPool>, JobError> {
    if let Some(threads) = threads {
        let pool = ThreadPoolBuilder::new().num_threads(threads).build()?;
        return Ok(Arc::new(pool));
    }
    shared_pool(&JOBS)
}

/// A pool to decode what Python reads of an open file.
///
/// # Errors
/// When the system gives no thread.
pub fn reading() -> Result<Arc<ThreadPool>, JobError> {
    shared_pool(&READING)
}

/// Works on a pool for whom the calling thread works: who watches it, and may stop it.
pub fn within<R: Send>(pool: &ThreadPool, work: impl FnOnce() -> R + Send) -> R {
    let here = here();
    pool.install(|| {
        let _entered = here.enter();
        work()
    })
}

fn shared_pool(of: &Shared) -> Result<Arc<ThreadPool>, JobError> {
    let process = std::process::id();
    let mut shared = of.lock().unwrap_or_else(PoisonError::into_inner);
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
