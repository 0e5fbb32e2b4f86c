//! What happens at Ctrl-C, or when the process is asked to end: temporary files go, exit code 130.

use crate::messages;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

static TEMPORARY: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// From now on an interruption ends the process with exit code 130.
pub fn watch() {
    // Without a handler the process ends all the same, only less tidily.
    let _ = ctrlc::set_handler(|| {
        let temporary = TEMPORARY.lock().unwrap_or_else(PoisonError::into_inner);
        for path in temporary.iter() {
            remove(path);
        }
        messages::interrupted();
        std::process::exit(130);
    });
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

/// Names files and folders that an interruption removes, if they are there.
pub fn remove_when_interrupted<'a>(paths: impl Iterator<Item = &'a Path>) {
    let mut temporary = TEMPORARY.lock().unwrap_or_else(PoisonError::into_inner);
    temporary.extend(paths.map(Path::to_owned));
}
