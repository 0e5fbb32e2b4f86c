//! Temporary files and folders, locked by the run that writes them.

use super::{io_error, request};
use crate::error::Result;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;

/// Removes a file, a link or a folder with all in it, if it is there.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    let removed = match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Makes the temporary file or folder, locked for as long as it is open. One that no run holds was left by
/// one that was killed, and is replaced, not written into: it may be a link.
pub(super) fn create_part(path: &Path, part: &Path, folder: bool) -> Result<File> {
    let failed = |source| io_error(path, source);
    if let Ok(found) = fs::symlink_metadata(part) {
        let open = match found.is_dir() {
            true => File::open(part),
            false => OpenOptions::new().write(true).open(part),
        };
        let held = !found.is_symlink()
            && open.is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)));
        if held {
            return Err(request(path, "another run is writing it".into()));
        }
        remove(part).map_err(failed)?;
    }
    let file = if folder {
        fs::create_dir(part).and_then(|()| File::open(part))
    } else {
        OpenOptions::new().write(true).create_new(true).open(part)
    };
    let file = file.map_err(failed)?;
    // Some file systems have no locks; two runs at once are then the user's own care.
    let _ = file.try_lock();
    Ok(file)
}

/// Makes a renaming last through a power failure, on systems where directories can be opened.
pub(super) fn sync_directory(file: &Path) {
    if let Some(directory) = file.parent().and_then(|d| File::open(d).ok()) {
        let _ = directory.sync_all();
    }
}
