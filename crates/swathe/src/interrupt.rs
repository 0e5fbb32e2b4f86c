//! What happens at Ctrl-C, or when the process is asked to end: temporary files go, exit code 130.

use crate::messages;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

static INTERRUPTED: AtomicBool = AtomicBool::new(false);
static TEMPORARY: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

static RESUMABLE: Mutex<Option<PathBuf>> = Mutex::new(None);
static LAST: Mutex<Option<Box<dyn FnOnce() + Send>>> = Mutex::new(None);

/// From now on an interruption ends the process with exit code 130.
pub fn watch() {
    // Without a handler the process ends all the same, only less tidily.
    let _ = ctrlc::set_handler(|| {
        INTERRUPTED.store(true, Ordering::SeqCst);
        let temporary = TEMPORARY.lock().unwrap_or_else(PoisonError::into_inner);
        for path in temporary.iter() {
            remove(path);
        }
        let journal = RESUMABLE.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = journal.as_ref().is_some_and(|path| path.exists());
        messages::interrupted(kept.then_some(messages::RESUME));
        let last = LAST.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(last) = last {
            last();
        }
        std::process::exit(130);
    });
}

/// Does not return once an interruption has come: what a command then fails for is the removal of the
/// files it was writing, and the process is about to end with the code of the interruption.
pub fn give_way() {
    while INTERRUPTED.load(Ordering::SeqCst) {
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Removes a file, or a folder that others may still be writing into.
fn remove(path: &Path) {
    for _ in 0..3 {
        let gone = if path.is_dir() && !path.is_symlink() {
            std::fs::remove_dir_all(path)
        } else {
            std::fs::remove_file(path)
        };
        if gone.is_ok() || !path.exists() {
            return;
        }
    }
}

/// Names the journal by which what is interrupted can go on.
pub fn resumable(journal: &Path) {
    *RESUMABLE.lock().unwrap_or_else(PoisonError::into_inner) = Some(journal.to_owned());
}

/// What an interruption does before the process ends.
pub fn before_the_end(last: impl FnOnce() + Send + 'static) {
    *LAST.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(last));
}

/// Names files and folders that an interruption removes, if they are there.
pub fn remove_when_interrupted<'a>(paths: impl Iterator<Item = &'a Path>) {
    let mut temporary = TEMPORARY.lock().unwrap_or_else(PoisonError::into_inner);
    temporary.extend(paths.map(Path::to_owned));
}
