//! The files of a store, and how they become permanent.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::description::ArrayDescription;
use crate::error::{Error, Result};

/// Name of the file that describes an array or a group.
pub(super) const METADATA: &str = "zarr.json";

pub(super) fn io_error(path: &Path, source: io::Error) -> Error {
    Error::Io {
        path: path.display().to_string(),
        source,
    }
}

/// File of a chunk or shard below an array's folder: `c/1/2`, or `c` for a scalar.
pub(super) fn key(position: &[usize], separator: char) -> PathBuf {
    let mut key = String::from("c");
    for number in position {
        key.push(separator);
        key.push_str(&number.to_string());
    }
    PathBuf::from(key)
}

/// Folder of an array.
pub(super) fn folder(store: &Path, array: &ArrayDescription) -> PathBuf {
    store.join(&array.name)
}

/// Makes the folders of a file below one that exists. That one is not made again: it may have been
/// removed meanwhile, at an interruption.
pub(super) fn make_folders(base: &Path, file: &Path) -> io::Result<()> {
    let mut folder = base.to_owned();
    let between = file.strip_prefix(base).ok().and_then(Path::parent);
    for component in between.into_iter().flat_map(Path::components) {
        folder.push(component);
        match fs::create_dir(&folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// Writes a file whole, under a temporary name first; what had the name is there until then. With `sync`
/// it is on the disk before it has its name.
pub(super) fn replace(path: &Path, bytes: &[u8], sync: bool) -> Result<()> {
    let failed = |source| io_error(path, source);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let part = path.with_file_name(format!(".{name}.part"));
    let write = || {
        let mut file = File::create(&part)?;
        file.write_all(bytes)?;
        if sync {
            file.sync_all()?;
        }
        fs::rename(&part, path)
    };
    write().map_err(|error| {
        // The first error is what the user must see.
        let _ = fs::remove_file(&part);
        failed(error)
    })
}

/// Writes a file's content down to the disk.
pub(super) fn sync(path: &Path) -> Result<()> {
    let open = OpenOptions::new().append(true).open(path);
    open.and_then(|file| file.sync_all())
        .map_err(|source| io_error(path, source))
}

/// Makes names in a folder last through a power failure, on systems where folders can be opened.
pub(crate) fn sync_folder(folder: &Path) {
    if let Ok(folder) = File::open(folder) {
        let _ = folder.sync_all();
    }
}
