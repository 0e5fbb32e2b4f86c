//! Outputs take their names: what had one before gives way, or stays.

use super::temporary::remove;
use super::writing::State;
use super::{Format, Output, io_error, request};
use crate::error::Result;
use crate::zarr::ZarrStore;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

impl Output {
    /// Gives it its name.
    pub(super) fn rename(&mut self) -> Result<()> {
        let failed = |source| io_error(&self.path, source);
        if self.format == Format::Zarr {
            self.rename_folder()?;
        } else if self.overwrite {
            fs::rename(&self.part, &self.path).map_err(failed)?;
        } else {
            // Unlike a renaming, a link does not replace what another program made meanwhile.
            match fs::hard_link(&self.part, &self.path) {
                Ok(()) => fs::remove_file(&self.part).map_err(failed)?,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    return Err(request(
                        &self.path,
                        "another program made it meanwhile; --overwrite replaces it".into(),
                    ));
                }
                // No links on this file system.
                Err(_) => fs::rename(&self.part, &self.path).map_err(failed)?,
            }
        }
        self.state = State::Idle;
        Ok(())
    }

    /// A folder cannot be put in another's place: that one steps aside first, and is removed after.
    fn rename_folder(&self) -> Result<()> {
        let failed = |source| io_error(&self.path, source);
        let replaced = fs::symlink_metadata(&self.path).is_ok();
        if replaced && !self.overwrite {
            return Err(request(
                &self.path,
                "another program made it meanwhile; --overwrite replaces it".into(),
            ));
        }
        if replaced {
            check_store(&self.path, &self.path)?;
            remove(&self.old).map_err(failed)?;
            fs::rename(&self.path, &self.old).map_err(failed)?;
        }
        if let Err(error) = fs::rename(&self.part, &self.path) {
            if replaced {
                // The first error is what the user must see.
                let _ = fs::rename(&self.old, &self.path);
            }
            return Err(failed(error));
        }
        remove(&self.old).map_err(failed)
    }
}

/// Directory and base name.
pub(super) fn split(path: &Path) -> Result<(PathBuf, OsString)> {
    let name = path
        .file_name()
        .ok_or_else(|| request(path, "it is not a file's name".into()))?;
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    Ok((directory, name.to_owned()))
}

/// Refuses to replace what is no Zarr store.
pub(super) fn check_store(path: &Path, target: &Path) -> Result<()> {
    match fs::symlink_metadata(target) {
        Err(_) => Ok(()),
        Ok(found) if found.is_symlink() => Err(request(path, "it is a link".into())),
        Ok(found) if !found.is_dir() => Err(request(path, "it is a file, not a Zarr store".into())),
        Ok(_) if ZarrStore::is_store(target) => Ok(()),
        Ok(_) => Err(request(
            path,
            "it is a directory that is no Zarr store, and stays as it is".into(),
        )),
    }
}
