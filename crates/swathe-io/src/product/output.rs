//! Output files: each appears whole or not at all, and all of a run's files together.
//!
//! A Zarr store is a folder, and is made, renamed and removed as one. One that replaces another waits until
//! that one has been renamed to `.NAME.old`; a run that is killed just then leaves it there, and the next run
//! gives it its name back.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufWriter, Seek, Write};
use std::path::{Path, PathBuf};

use super::tiles::TileSink;
use super::{LayerData, Product, ValidRange, netcdf, zarr};
use crate::bins;
use crate::error::{Error, Result};
use crate::zarr::ZarrStore;
use swathe_core::isin::Isin;
use swathe_core::reduce::Scheme;

/// What is written under a suffix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `.nc`, `.nc4`: netCDF-4.
    NetCdf,
    /// `.zarr`: a Zarr store, which is a folder.
    Zarr,
    /// `.tif`, `.tiff`: cloud-optimized GeoTIFF.
    GeoTiff,
    /// `.png`: a picture.
    Png,
    /// `.html`: a report.
    Html,
    /// `.swathe`: a partial result.
    Partial,
}

impl Format {
    /// The format of a file's suffix.
    ///
    /// # Errors
    /// [`Error::Request`] with the suffixes that are known.
    pub fn of(path: &Path) -> Result<Format> {
        let suffix = path
            .extension()
            .and_then(|s| s.to_str())
            .unwrap_or_default();
        match suffix.to_ascii_lowercase().as_str() {
            "nc" | "nc4" => Ok(Format::NetCdf),
            "zarr" => Ok(Format::Zarr),
            "tif" | "tiff" => Ok(Format::GeoTiff),
            "png" => Ok(Format::Png),
            "html" => Ok(Format::Html),
            "swathe" => Ok(Format::Partial),
            _ => Err(request(
                path,
                "the name must end in .nc (netCDF), .zarr (Zarr), .tif (GeoTIFF), .png (a picture), .html (a \
                 report) or .swathe (a partial result)".into(),
            )),
        }
    }
}

/// A file in the making, as writers see it.
pub trait Sink: Write + Seek + Send + Sync {}

impl<T: Write + Seek + Send + Sync> Sink for T {}

/// Bytes that are written to a file at once.
const BUFFER: usize = 1 << 20;

/// The output files of one run. They are written under temporary names beside their own, and take
/// those in [`OutputSet::commit`]; dropped before that, they leave nothing behind.
#[derive(Debug)]
pub struct OutputSet {
    outputs: Vec<Output>,
}

/// One output file of a run.
#[derive(Debug)]
pub struct Output {
    path: PathBuf,
    format: Format,
    /// `.NAME.part` in the same directory.
    part: PathBuf,
    /// `.NAME.old`, where a folder that is replaced waits for its end.
    old: PathBuf,
    overwrite: bool,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Nothing written yet, or the file has its name already.
    Idle,
    /// The temporary file is ours.
    Begun,
    /// The temporary folder is ours, and others write into it; open, because that holds its lock.
    Shared(File),
    /// The temporary file is complete and on the disk; open, because that holds its lock.
    Written(#[expect(dead_code, reason = "held for its lock")] File),
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

impl Output {
    /// The name that it is going to have.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What is written under that name.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Writes it, by `content`, under its temporary name, down to the disk. What an earlier run left under
    /// that name is replaced.
    ///
    /// # Errors
    /// What `content` says, and the system's refusals (a full disk), with the output's name.
    pub fn write(&mut self, content: impl FnOnce(&mut dyn Sink) -> Result<()>) -> Result<()> {
        let file = self.begin()?;
        let mut writer = BufWriter::with_capacity(BUFFER, file);
        content(&mut writer).map_err(|error| named(&self.path, error))?;
        let failed = |source| io_error(&self.path, source);
        let file = writer
            .into_inner()
            .map_err(|error| failed(error.into_error()))?;
        file.sync_all().map_err(failed)?;
        self.state = State::Written(file);
        Ok(())
    }

    /// Writes a folder, by `content`, which finds it empty under its temporary name and leaves all of it on
    /// the disk.
    ///
    /// # Errors
    /// As [`Output::write`].
    pub fn write_folder(&mut self, content: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
        let lock = self.begin()?;
        content(&self.part).map_err(|error| named(&self.path, error))?;
        self.state = State::Written(lock);
        Ok(())
    }

    /// Begins it under its temporary name, as a netCDF file or Zarr store whose layers come tile by tile. It
    /// is written when the sink has finished; if that is dropped before, nothing is left of it.
    ///
    /// # Errors
    /// [`Error::Request`] for another format; those of [`netcdf::Tiles::create`] or [`zarr::Tiles::create`].
    pub fn tiles<'a>(&'a mut self, product: &Product) -> Result<Box<dyn TileSink + 'a>> {
        if !matches!(self.format, Format::NetCdf | Format::Zarr) {
            return Err(request(
                &self.path,
                "only .nc and .zarr are written tile by tile".into(),
            ));
        }
        let file = self.begin()?;
        let sink: Result<Box<dyn TileSink>> = match self.format {
            Format::Zarr => zarr::Tiles::create(product, &self.part).map(|t| Box::new(t) as _),
            _ => {
                let writer = self.buffered(&file)?;
                netcdf::Tiles::create(product, writer).map(|t| Box::new(t) as _)
            }
        };
        self.sink(sink, file)
    }

    /// Begins a Zarr store under its temporary name, for several processes to write: see
    /// [`zarr::write_tiles`]. The folder that they write into.
    ///
    /// # Errors
    /// [`Error::Request`] for another format; the system's refusals.
    pub fn share(&mut self) -> Result<PathBuf> {
        if self.format != Format::Zarr {
            return Err(request(
                &self.path,
                "only a .zarr is written by several processes".into(),
            ));
        }
        let lock = self.begin()?;
        self.state = State::Shared(lock);
        // Processes elsewhere have other working directories.
        fs::canonicalize(&self.part).map_err(|source| io_error(&self.path, source))
    }

    /// Completes a store whose tiles others have written, since [`Output::share`]. `range`: of the first layer's
    /// values.
    ///
    /// # Errors
    /// As [`Output::write`]; those of [`zarr::complete`].
    pub fn complete(&mut self, product: &Product, range: Option<ValidRange>) -> Result<()> {
        match std::mem::replace(&mut self.state, State::Begun) {
            State::Shared(lock) => {
                zarr::complete(product, &self.part, range)
                    .map_err(|error| named(&self.path, error))?;
                self.state = State::Written(lock);
                Ok(())
            }
            other => {
                self.state = other;
                Err(request(&self.path, "nobody else was to write it".into()))
            }
        }
    }

    /// Begins it under its temporary name, as a file of bins whose layers come tile by tile; see
    /// [`Output::tiles`] and [`bins::Tiles::create`].
    ///
    /// # Errors
    /// [`Error::Request`] for another format than netCDF; those of [`bins::Tiles::create`].
    pub fn bins<'a>(
        &'a mut self,
        product: &Product,
        isin: &Isin,
        most: u64,
        scheme: Scheme,
    ) -> Result<Box<dyn TileSink + 'a>> {
        if self.format != Format::NetCdf {
            return Err(request(&self.path, "bins are written as .nc".into()));
        }
        let file = self.begin()?;
        let writer = self.buffered(&file)?;
        let sink = bins::Tiles::create(product, isin, most, scheme, writer);
        self.sink(sink.map(|t| Box::new(t) as _), file)
    }

    fn buffered(&self, file: &File) -> Result<BufWriter<File>> {
        let same = file.try_clone();
        let same = same.map_err(|source| io_error(&self.path, source))?;
        Ok(BufWriter::with_capacity(BUFFER, same))
    }

    fn sink<'a>(
        &'a mut self,
        sink: Result<Box<dyn TileSink>>,
        file: File,
    ) -> Result<Box<dyn TileSink + 'a>> {
        Ok(Box::new(OutputTiles {
            sink: sink.map_err(|error| named(&self.path, error))?,
            file,
            output: self,
        }))
    }

    /// The temporary file or folder, ours and empty.
    fn begin(&mut self) -> Result<File> {
        if let State::Written(_) | State::Shared(_) = self.state {
            // What was written before is given up, with its lock.
            self.state = State::Begun;
        }
        let file = create_part(&self.path, &self.part, self.format == Format::Zarr)?;
        self.state = State::Begun;
        Ok(file)
    }

    fn rename(&mut self) -> Result<()> {
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

/// An output in the making.
struct OutputTiles<'a> {
    sink: Box<dyn TileSink + 'a>,
    /// The temporary file or folder, which is locked for as long as it is open.
    file: File,
    output: &'a mut Output,
}

impl TileSink for OutputTiles<'_> {
    fn encode(
        &self,
        layer: usize,
        step: usize,
        tile: usize,
        values: &LayerData,
    ) -> Result<Vec<u8>> {
        self.sink.encode(layer, step, tile, values)
    }

    fn put(&mut self, layer: usize, step: usize, tile: usize, encoded: &[u8]) -> Result<()> {
        let put = self.sink.put(layer, step, tile, encoded);
        put.map_err(|error| named(&self.output.path, error))
    }

    fn finish(self: Box<Self>) -> Result<()> {
        let OutputTiles { sink, file, output } = *self;
        sink.finish().map_err(|error| named(&output.path, error))?;
        if output.format != Format::Zarr {
            file.sync_all()
                .map_err(|source| io_error(&output.path, source))?;
        }
        output.state = State::Written(file);
        Ok(())
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if !matches!(self.state, State::Idle) {
            // Nobody is left to be told.
            let _ = remove(&self.part);
        }
    }
}

/// Directory and base name.
fn split(path: &Path) -> Result<(PathBuf, OsString)> {
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
fn check_store(path: &Path, target: &Path) -> Result<()> {
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
fn create_part(path: &Path, part: &Path, folder: bool) -> Result<File> {
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
fn sync_directory(file: &Path) {
    if let Some(directory) = file.parent().and_then(|d| File::open(d).ok()) {
        let _ = directory.sync_all();
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

#[cfg(test)]
mod tests {
    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).unwrap();
        let mut names: Vec<String> = entries
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    fn text(content: &'static str) -> impl FnOnce(&mut dyn Sink) -> Result<()> {
        move |writer| {
            writer
                .write_all(content.as_bytes())
                .map_err(|source| Error::Io {
                    path: "x output".into(),
                    source,
                })
        }
    }

    fn message<T>(result: Result<T>) -> String {
        match result {
            Ok(_) => panic!("it should be refused"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn files_appear_together_at_the_end() {
        let directory = tempfile::tempdir().unwrap();
        let paths = ["a.nc", "b.TIF"].map(|name| directory.path().join(name));
        let mut outputs = OutputSet::new(&paths, &[], false).unwrap();
        assert!(names(directory.path()).is_empty());
        outputs.write(&paths[0], text("a")).unwrap();
        assert_eq!(names(directory.path()), [".a.nc.part"]);
        outputs.write(&paths[1], text("b")).unwrap();
        outputs.commit().unwrap();
        assert_eq!(names(directory.path()), ["a.nc", "b.TIF"]);
        assert_eq!(fs::read_to_string(&paths[1]).unwrap(), "b");
    }

    #[test]
    fn a_failure_in_the_middle_leaves_everything_as_it_was() {
        let directory = tempfile::tempdir().unwrap();
        let paths = ["a.nc", "b.png"].map(|name| directory.path().join(name));
        fs::write(&paths[0], "old").unwrap();
        // An unfinished file of a run that was killed is no hindrance.
        fs::write(directory.path().join(".b.png.part"), "stale").unwrap();
        let mut outputs = OutputSet::new(&paths, &[], true).unwrap();
        outputs.write(&paths[0], text("new")).unwrap();
        let full = outputs.write(&paths[1], |writer| {
            writer.write_all(b"half").unwrap();
            let source = io::Error::from(io::ErrorKind::StorageFull);
            Err(Error::Io {
                path: "x output".into(),
                source,
            })
        });
        let full = message(full);
        assert!(full.starts_with(&paths[1].display().to_string()), "{full}");
        assert!(message(outputs.commit()).contains("not written"));
        assert_eq!(names(directory.path()), ["a.nc"]);
        assert_eq!(fs::read_to_string(&paths[0]).unwrap(), "old");
    }

    #[test]
    fn what_another_program_made_meanwhile_stays() {
        let directory = tempfile::tempdir().unwrap();
        let paths = ["a.nc", "b.nc"].map(|name| directory.path().join(name));
        let mut outputs = OutputSet::new(&paths, &[], false).unwrap();
        outputs.write(&paths[0], text("a")).unwrap();
        outputs.write(&paths[1], text("b")).unwrap();
        fs::write(&paths[1], "theirs").unwrap();
        assert!(message(outputs.commit()).contains("meanwhile"));
        assert_eq!(names(directory.path()), ["b.nc"]);
        assert_eq!(fs::read_to_string(&paths[1]).unwrap(), "theirs");
    }

    #[test]
    fn two_runs_do_not_write_one_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.nc");
        let new = || OutputSet::new(std::slice::from_ref(&path), &[], false);
        let mut first = new().unwrap();
        let mut second = new().unwrap();
        first.write(&path, text("first")).unwrap();
        assert!(message(new()).contains("another run is writing it"));
        assert!(message(second.write(&path, text("second"))).contains("another run"));
        drop(second);
        // Its own file it may write again.
        first.write(&path, text("again")).unwrap();
        first.commit().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "again");
    }

    fn store(content: &'static str) -> impl FnOnce(&Path) -> Result<()> {
        move |folder| {
            for name in ["zarr.json", "chunk"] {
                fs::write(folder.join(name), content).unwrap();
            }
            Ok(())
        }
    }

    #[test]
    fn a_store_appears_whole_and_replaces_a_store_whole() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.zarr");
        let new = |overwrite| OutputSet::new(std::slice::from_ref(&path), &[], overwrite);
        let content = || fs::read_to_string(path.join("chunk")).unwrap();
        let mut first = new(false).unwrap();
        first.write_folder(&path, store("first")).unwrap();
        assert!(!path.exists());
        assert!(message(new(false)).contains("another run is writing it"));
        first.commit().unwrap();
        assert_eq!(
            (names(directory.path()), content()),
            (vec!["a.zarr".into()], "first".into())
        );

        assert!(message(new(false)).contains("--overwrite"));
        let mut second = new(true).unwrap();
        second.write_folder(&path, store("second")).unwrap();
        assert_eq!(content(), "first");
        second.commit().unwrap();
        assert_eq!(
            (names(directory.path()), content()),
            (vec!["a.zarr".into()], "second".into())
        );

        let mut failed = new(true).unwrap();
        failed.write_folder(&path, store("third")).unwrap();
        drop(failed);
        assert_eq!(
            (names(directory.path()), content()),
            (vec!["a.zarr".into()], "second".into())
        );

        // A run that was killed between two renamings.
        fs::rename(&path, directory.path().join(".a.zarr.old")).unwrap();
        fs::create_dir(directory.path().join(".a.zarr.part")).unwrap();
        drop(new(true).unwrap());
        assert_eq!(
            (names(directory.path()), content()),
            (vec!["a.zarr".into()], "second".into())
        );
    }

    #[test]
    fn only_a_store_gives_way_to_a_store() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.zarr");
        let new = || OutputSet::new(std::slice::from_ref(&path), &[], true);
        fs::create_dir(&path).unwrap();
        fs::write(path.join("thesis.txt"), "kept").unwrap();
        assert!(message(new()).contains("no Zarr store"));
        assert_eq!(fs::read_to_string(path.join("thesis.txt")).unwrap(), "kept");
        remove(&path).unwrap();
        fs::write(&path, "kept").unwrap();
        assert!(message(new()).contains("it is a file"));
        remove(&path).unwrap();

        // Made meanwhile.
        let mut outputs = new().unwrap();
        outputs.write_folder(&path, store("ours")).unwrap();
        fs::create_dir(&path).unwrap();
        fs::write(path.join("thesis.txt"), "kept").unwrap();
        assert!(message(outputs.commit()).contains("no Zarr store"));
        assert_eq!(names(directory.path()), ["a.zarr"]);
        assert_eq!(names(&path), ["thesis.txt"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_under_the_temporary_name_is_not_followed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.nc");
        let victim = directory.path().join("victim");
        fs::write(&victim, "kept").unwrap();
        let mut outputs = OutputSet::new(std::slice::from_ref(&path), &[], false).unwrap();
        std::os::unix::fs::symlink(&victim, directory.path().join(".a.nc.part")).unwrap();
        outputs.write(&path, text("a")).unwrap();
        outputs.commit().unwrap();
        assert_eq!(fs::read_to_string(&victim).unwrap(), "kept");
        assert_eq!(names(directory.path()), ["a.nc", "victim"]);
    }

    #[test]
    fn bad_outputs_are_refused_before_any_work() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        fs::write(at("there.nc"), "").unwrap();
        fs::create_dir(at("folder.nc")).unwrap();
        let new = |paths: &[PathBuf], overwrite| {
            message(OutputSet::new(paths, &[at("there.nc")], overwrite))
        };
        assert!(new(&[at("a.nc"), at("b.jpg")], false).contains("b.jpg: the name must end in .nc"));
        assert!(new(&[at("no/a.nc")], false).contains("there is no directory"));
        assert!(
            new(
                &[at("a.nc"), at("../").join(directory.path()).join("./a.nc")],
                false
            )
            .contains("twice")
        );
        assert!(new(&[at("folder.nc")], true).contains("is a directory"));
        assert!(new(&[at("there.nc")], true).contains("also an input"));
        fs::write(at("other.nc"), "").unwrap();
        assert!(new(&[at("other.nc")], false).contains("--overwrite"));
        assert!(OutputSet::new(&[at("other.nc")], &[], true).is_ok());
        assert_eq!(
            names(directory.path()),
            ["folder.nc", "other.nc", "there.nc"]
        );
    }

    /// A map of 2 x 3 cells.
    fn map() -> Product {
        use crate::product::{Provenance, Statistic, TimeStep, Times};
        let axis = |numerator, len| swathe_core::geobox::Axis {
            origin: 0.0,
            numerator,
            denominator: 1.0,
            first: 0,
            len,
        };
        let values = LayerData::F32(vec![1.0, 2.0, f32::NAN, 4.0, 5.0, 6.0]);
        Product {
            geobox: swathe_core::geobox::GeoBox {
                crs: swathe_core::crs::Crs::lonlat(),
                x: axis(1.0, 3),
                y: axis(-1.0, 2),
            },
            windows: Vec::new(),
            times: Times::Window(TimeStep {
                time: 0.0,
                start: 0.0,
                end: 1.0,
                granule: None,
            }),
            layers: vec![Statistic::Mean.layer("x", &vec![], values, true)],
            granules: vec![],
            flags: vec![],
            provenance: Provenance {
                options: "swathe average".into(),
                digest: "00".into(),
                version: "0.1.0".into(),
                newest_input: None,
            },
            attributes: vec![],
        }
    }

    #[test]
    fn outputs_are_written_tile_by_tile_at_the_same_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let paths = [path("a.nc"), path("a.zarr"), path("a.png")];
        let product = map();
        let mut outputs = OutputSet::new(&paths, &[], false).unwrap();
        let mut sinks: Vec<Box<dyn TileSink + '_>> = Vec::new();
        for output in outputs.iter_mut() {
            match output.format() {
                Format::Png => {
                    let refused = output.tiles(&product).err().unwrap().to_string();
                    assert!(refused.contains("a.png: only .nc and .zarr"), "{refused}");
                    output.write(text("picture")).unwrap();
                }
                _ => sinks.push(output.tiles(&product).unwrap()),
            }
        }
        assert_eq!(
            names(folder.path()),
            [".a.nc.part", ".a.png.part", ".a.zarr.part"]
        );
        let busy = OutputSet::new(&paths[..1], &[], false).unwrap_err();
        assert!(busy.to_string().contains("another run"), "{busy}");
        let values = product.layers[0].data.clone();
        crate::product::feed(&mut sinks, vec![(0, 0, 0, values)]).unwrap();
        for sink in sinks {
            sink.finish().unwrap();
        }
        let busy = OutputSet::new(&paths[..1], &[], false).unwrap_err();
        assert!(busy.to_string().contains("another run"), "{busy}");
        outputs.commit().unwrap();
        assert_eq!(names(folder.path()), ["a.nc", "a.png", "a.zarr"]);

        let mut whole = io::Cursor::new(Vec::new());
        netcdf::write(&product, &mut whole).unwrap();
        assert!(fs::read(&paths[0]).unwrap() == whole.into_inner());
        assert!(ZarrStore::is_store(&paths[1]));
    }

    #[test]
    fn what_has_not_all_its_tiles_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        for (name, finish) in [("a.nc", true), ("a.nc", false), ("a.zarr", true)] {
            let path = folder.path().join(name);
            let mut outputs = OutputSet::new(&[path], &[], false).unwrap();
            let sink = outputs.iter_mut().next().unwrap().tiles(&map()).unwrap();
            if finish {
                let missing = sink.finish().unwrap_err().to_string();
                assert!(missing.contains("was not put"), "{missing}");
            } else {
                drop(sink);
            }
            let missing = outputs.commit().unwrap_err().to_string();
            assert!(missing.contains("it was not written"), "{missing}");
            assert_eq!(names(folder.path()), [""; 0]);
        }
    }
}
