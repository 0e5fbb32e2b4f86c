//! Output files: each appears whole or not at all, and all of a run's files together.
//!
//! A Zarr store is a folder, and is made, renamed and removed as one. One that replaces another waits until
//! that one has been renamed to `.NAME.old`; a run that is killed just then leaves it there, and the next run
//! gives it its name back.

mod format;
mod naming;
mod temporary;
#[cfg(test)]
mod tests;
mod writing;

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
pub use format::Format;
use naming::{check_store, split};
pub(crate) use temporary::remove;
use temporary::{create_part, sync_directory};
use writing::State;
pub use writing::{Output, Sink};

/// The output files of one run. They are written under temporary names beside their own, and take
/// those in [`OutputSet::commit`]; dropped before that, they leave nothing behind.
#[derive(Debug)]
pub struct OutputSet {
    outputs: Vec<Output>,
}

impl OutputSet {
    /// Checks the outputs of a run before any work is done. Nothing is left in their directories.
    ///
    /// # Errors
    /// Each names the output: a suffix that is not known; a directory that is missing or not
    /// writable; a file that exists, without `overwrite`; two outputs of one name; an output that is
    /// one of `inputs`, a directory, or for a Zarr store, something else than one.
    pub fn new(paths: &[PathBuf], inputs: &[PathBuf], overwrite: bool) -> Result<OutputSet> {
        let inputs: Vec<PathBuf> = inputs
            .iter()
            .filter_map(|p| fs::canonicalize(p).ok())
            .collect();
        let mut real: Vec<PathBuf> = Vec::with_capacity(paths.len());
        let mut outputs = Vec::with_capacity(paths.len());
        for path in paths {
            let format = Format::of(path)?;
            let folder = format == Format::Zarr;
            let (directory, name) = split(path)?;
            let directory = match fs::canonicalize(&directory) {
                Ok(real) if real.is_dir() => real,
                _ => {
                    return Err(request(
                        path,
                        format!("there is no directory {}", directory.display()),
                    ));
                }
            };
            let hidden = |suffix: &str| {
                let mut hidden = OsString::from(".");
                hidden.push(&name);
                hidden.push(suffix);
                directory.join(hidden)
            };
            let (part, old) = (hidden(".part"), hidden(".old"));
            // A link's target stays what it is: the link itself is replaced.
            let target = directory.join(&name);
            if real.contains(&target) {
                return Err(request(path, "it is given twice as output".into()));
            }
            if folder {
                if fs::symlink_metadata(&target).is_err() && old.is_dir() {
                    fs::rename(&old, &target).map_err(|source| io_error(path, source))?;
                }
                check_store(path, &target)?;
            } else if target.is_dir() {
                return Err(request(path, "it is a directory".into()));
            }
            if fs::canonicalize(&target).is_ok_and(|target| inputs.contains(&target)) {
                return Err(request(path, "it is also an input".into()));
            }
            if !overwrite && fs::symlink_metadata(&target).is_ok() {
                return Err(request(path, "it exists; --overwrite replaces it".into()));
            }
            // The only sure way to know whether the directory can be written.
            drop(create_part(path, &part, folder)?);
            remove(&part).map_err(|source| io_error(path, source))?;
            real.push(target);
            outputs.push(Output {
                path: path.clone(),
                format,
                part,
                old,
                overwrite,
                state: State::Idle,
            });
        }
        Ok(OutputSet { outputs })
    }

    /// The outputs in the order given.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.outputs.iter().map(|output| output.path.as_path())
    }

    /// The temporary names, for those who must clean up after an interruption.
    pub fn temporary_paths(&self) -> impl Iterator<Item = &Path> {
        self.outputs.iter().map(|output| output.part.as_path())
    }

    /// The outputs in the order given. Several can be written at the same time.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Output> {
        self.outputs.iter_mut()
    }

    /// Writes one of the outputs; see [`Output::write`].
    ///
    /// # Errors
    /// As [`Output::write`].
    pub fn write(
        &mut self,
        path: &Path,
        content: impl FnOnce(&mut dyn Sink) -> Result<()>,
    ) -> Result<()> {
        self.output(path)?.write(content)
    }

    /// Writes one of the outputs that is a folder; see [`Output::write_folder`].
    ///
    /// # Errors
    /// As [`Output::write`].
    pub fn write_folder(
        &mut self,
        path: &Path,
        content: impl FnOnce(&Path) -> Result<()>,
    ) -> Result<()> {
        self.output(path)?.write_folder(content)
    }

    fn output(&mut self, path: &Path) -> Result<&mut Output> {
        let found = self.outputs.iter_mut().find(|output| output.path == path);
        found.ok_or_else(|| request(path, "it is not an output of this run".into()))
    }

    /// Gives all files their names. If one cannot have its name, those that are new and had theirs
    /// already lose it again.
    ///
    /// # Errors
    /// An output was not written, was made by another program meanwhile, or cannot be renamed.
    pub fn commit(mut self) -> Result<()> {
        for output in &self.outputs {
            if !matches!(output.state, State::Written(_)) {
                return Err(request(&output.path, "it was not written".into()));
            }
        }
        for i in 0..self.outputs.len() {
            if let Err(error) = self.outputs[i].rename() {
                for earlier in self.outputs[..i].iter().filter(|o| !o.overwrite) {
                    // The first error is what the user must see.
                    let _ = remove(&earlier.path);
                }
                return Err(error);
            }
        }
        for output in &self.outputs {
            sync_directory(&output.part);
        }
        Ok(())
    }
}

fn request(path: &Path, reason: String) -> Error {
    Error::Request {
        path: path.display().to_string(),
        reason,
    }
}

/// The name that the user knows: writers know none, or the temporary one.
fn named(path: &Path, error: Error) -> Error {
    match error {
        Error::Io { source, .. } => io_error(path, source),
        other => other,
    }
}

fn io_error(path: &Path, source: io::Error) -> Error {
    Error::Io {
        path: path.display().to_string(),
        source,
    }
}
