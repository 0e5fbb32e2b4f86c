//! A file that is written at once: it appears whole.

use crate::failure::{Failure, Result};
use crate::interrupt;
use std::path::{Path, PathBuf};
use swathe_io::error::Error;

/// A file that has been checked and can be written.
pub struct PlainFile {
    path: PathBuf,
    /// Where it is until it is whole.
    part: PathBuf,
}

impl PlainFile {
    /// Checks the file, before any work is done.
    pub fn new(path: &Path, inputs: &[PathBuf], overwrite: bool) -> Result<Self> {
        let refuse = |what: &str| Error::Request {
            path: path.display().to_string(),
            reason: what.to_owned(),
        };
        let Some(name) = path.file_name() else {
            return Err(Failure::usage(refuse("it is no file")));
        };
        let real = std::fs::canonicalize(path).ok();
        let mut inputs = inputs.iter().filter_map(|p| std::fs::canonicalize(p).ok());
        if real.is_some() && inputs.any(|input| Some(input) == real) {
            return Err(refuse("it is also an input").into());
        }
        if !overwrite && std::fs::symlink_metadata(path).is_ok() {
            return Err(refuse("it exists; --overwrite replaces it").into());
        }
        let part = path.with_file_name(format!(".{}.part", name.to_string_lossy()));
        interrupt::remove_when_interrupted(std::iter::once(part.as_path()));
        Ok(PlainFile {
            path: path.to_owned(),
            part,
        })
    }

    /// The name that it is going to have.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the file.
    pub fn write(self, content: &[u8]) -> Result<()> {
        let written = std::fs::write(&self.part, content)
            .and_then(|()| std::fs::rename(&self.part, &self.path));
        if let Err(source) = written {
            // It may not even be there.
            let _ = std::fs::remove_file(&self.part);
            let path = self.path.display().to_string();
            return Err(Error::Io { path, source }.into());
        }
        Ok(())
    }
}
