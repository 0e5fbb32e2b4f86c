//! Mutexes of what stays whole when a thread that holds it panics.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// The contents, also after a panic elsewhere.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
