//! One output: written under its temporary name, all at once or tile by tile.

use super::temporary::{create_part, remove};
use super::{Format, io_error, named, request};
use crate::bins;
use crate::error::Result;
use crate::product::tiles::TileSink;
use crate::product::{LayerData, Product, ValidRange, netcdf, zarr};
use std::fs::{self, File};
use std::io::{BufWriter, Seek, Write};
use std::path::{Path, PathBuf};
use swathe_core::isin::Isin;
use swathe_core::reduce::Scheme;

/// A file in the making, as writers see it.
pub trait Sink: Write + Seek + Send + Sync {}

impl<T: Write + Seek + Send + Sync> Sink for T {}

/// Bytes that are written to a file at once.
const BUFFER: usize = 1 << 20;

/// One output file of a run.
#[derive(Debug)]
pub struct Output {
    pub(super) path: PathBuf,
    pub(super) format: Format,
    /// `.NAME.part` in the same directory.
    pub(super) part: PathBuf,
    /// `.NAME.old`, where a folder that is replaced waits for its end.
    pub(super) old: PathBuf,
    pub(super) overwrite: bool,
    pub(super) state: State,
}

#[derive(Debug)]
pub(super) enum State {
    /// Nothing written yet, or the file has its name already.
    Idle,
    /// The temporary file is ours.
    Begun,
    /// The temporary folder is ours, and others write into it; open, because that holds its lock.
    Shared(File),
    /// The temporary file is complete and on the disk; open, because that holds its lock.
    Written(#[expect(dead_code, reason = "held for its lock")] File),
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

    /// Whether others were to write it: [`Output::share`].
    pub fn is_shared(&self) -> bool {
        matches!(self.state, State::Shared(_))
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
