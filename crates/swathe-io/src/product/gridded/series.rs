//! Maps of one variable in many files on one grid, as a lazy array: time, rows, columns.

use std::collections::HashMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use swathe_core::array::{Array, Buffer, ChunkSource, Cut, DType};
use swathe_core::geobox::{Axis, GeoBox};
use swathe_core::source::Values;

use super::Gridded;
use crate::dataset::Attributes;
use crate::error::{Error, Result};
use crate::granule::time;
use crate::remote;
use crate::stored::stamp;

/// Maps of one variable, in the order of their times.
#[derive(Debug)]
pub struct Series {
    files: Vec<Arc<Gridded>>,
    /// Where other processes find them.
    places: Vec<Option<PathBuf>>,
    variable: String,
    maps: Vec<SeriesMap>,
    single: bool,
}

/// One map of a series.
#[derive(Debug, Clone, PartialEq)]
pub struct SeriesMap {
    /// Number of the file.
    pub file: usize,
    /// Number of the map in it.
    index: usize,
    /// Seconds since 1970 UTC that it stands for, NaN where unknown.
    pub time: f64,
    /// Start and end of what it covers, likewise.
    pub covered: (f64, f64),
}

/// Elements of a chunk, about: what is decoded at a time.
const CHUNK_CELLS: usize = 1 << 18;

impl Series {
    /// Opens files, in parallel on the current thread pool; a store or a file may hold several maps.
    ///
    /// # Errors
    /// What [`Gridded::open`] says; a variable that is not there, or has other dimensions than time and the
    /// grid's; grids that differ from the first file's, with the difference named.
    pub fn open(paths: &[PathBuf], variable: &str) -> Result<Series> {
        let opened: Vec<Gridded> = paths
            .par_iter()
            .map(|path| Gridded::open(path))
            .collect::<Result<_>>()?;
        let files: Vec<Arc<Gridded>> = opened.into_iter().map(Arc::new).collect();
        let mut maps = Vec::new();
        let mut single = true;
        for (number, file) in files.iter().enumerate() {
            let found = file.variable(variable)?;
            let refuse = |reason: String| Error::Request {
                path: format!("{}: {}", file.dataset().name(), found.path()),
                reason,
            };
            if let Some(difference) = files
                .first()
                .and_then(|first| difference(first.geobox(), file.geobox()))
            {
                let first = files.first().map_or("", |first| first.dataset().name());
                return Err(Error::Request {
                    path: file.dataset().name().into(),
                    reason: format!("its grid is not that of {first}: {difference}"),
                });
            }
            let others: Vec<(&str, usize)> = found
                .other_dims()
                .into_iter()
                .filter(|(_, len)| *len != 1)
                .collect();
            if others.len() > 1
                || others
                    .first()
                    .is_some_and(|(_, len)| *len != file.times().len())
            {
                let names: Vec<String> = others
                    .iter()
                    .map(|(name, len)| format!("{name} ({len})"))
                    .collect();
                return Err(refuse(format!(
                    "it has the dimensions {} besides the grid: only time is taken",
                    names.join(", ")
                )));
            }
            single &= matches!(found.decoder.decode(found.nothing(), None), Values::F32(_));
            let (range, _) = time::coverage(&file.dataset().root().attributes);
            let seconds = |ms: Option<i64>| ms.map_or(f64::NAN, |ms| ms as f64 / 1e3);
            let covered = (seconds(range.start), seconds(range.end));
            let middle = match covered {
                (start, end) if end.is_nan() => start,
                (start, end) => 0.5 * (start + end),
            };
            for index in 0..found.maps() {
                let own = file.times().get(index).copied().filter(|t| !t.is_nan());
                // The middle of what a file covers; its time coordinate where it holds several maps.
                let (time, covered) = match own {
                    Some(time) if found.maps() > 1 || middle.is_nan() => (time, (time, time)),
                    _ => (middle, covered),
                };
                maps.push(SeriesMap {
                    file: number,
                    index,
                    time,
                    covered,
                });
            }
        }
        maps.sort_by(|a, b| {
            a.time
                .total_cmp(&b.time)
                .then(a.file.cmp(&b.file))
                .then(a.index.cmp(&b.index))
        });
        let variable = match files.first() {
            Some(first) => first.variable(variable)?.name().to_owned(),
            None => variable.to_owned(),
        };
        let place = |path: &PathBuf| match remote::address(path) {
            Some(address) => remote::is_plain(address).then(|| path.clone()),
            None => std::path::absolute(path).ok(),
        };
        Ok(Series {
            files,
            places: paths.iter().map(place).collect(),
            variable,
            maps,
            single,
        })
    }

    /// The grid.
    pub fn geobox(&self) -> Option<&GeoBox> {
        self.files.first().map(|file| file.geobox())
    }

    /// Name of the variable, without its group.
    pub fn variable(&self) -> &str {
        &self.variable
    }

    /// The files, in the order given.
    pub fn files(&self) -> &[Arc<Gridded>] {
        &self.files
    }

    /// Where other processes find the files; none where an address holds what may be a secret.
    pub fn places(&self) -> &[Option<PathBuf>] {
        &self.places
    }

    /// Attributes of the variable in the first file.
    pub fn attributes(&self) -> Attributes {
        let first = self
            .files
            .first()
            .and_then(|file| file.variable(&self.variable).ok());
        first
            .map(|variable| variable.attributes().clone())
            .unwrap_or_default()
    }

    /// The maps, by time.
    pub fn maps(&self) -> &[SeriesMap] {
        &self.maps
    }

    /// Some of the maps as an array of time, rows from north to south, columns; NaN where missing. Its
    /// chunks are whole storage chunks.
    ///
    /// # Errors
    /// No maps.
    pub fn array(&self, maps: impl IntoIterator<Item = usize>) -> Result<Array> {
        let dtype = if self.single { DType::F32 } else { DType::F64 };
        let invalid = |error: swathe_core::array::ArrayError| Error::Request {
            path: self.variable.clone(),
            reason: error.to_string(),
        };
        let Some(first) = self.files.first() else {
            return Err(invalid(swathe_core::array::ArrayError::Value(
                "there is no map".into(),
            )));
        };
        let (rows, columns) = first.geobox().shape();
        let cuts = first.cuts(&self.variable)?;
        let cuts = [Cut::Whole, Cut::Sizes(cuts.0), Cut::Sizes(cuts.1)];
        let one = |map: usize| {
            let map = self.maps.get(map)?;
            let source = Map {
                file: self.files.get(map.file)?.clone(),
                place: self.places.get(map.file).cloned().flatten(),
                variable: self.variable.clone(),
                index: map.index,
                dtype,
            };
            Some(Array::from_source(
                Arc::new(source),
                &[1, rows, columns],
                dtype,
                &cuts,
            ))
        };
        let arrays: std::result::Result<Vec<Array>, _> = maps.into_iter().filter_map(one).collect();
        arrays
            .and_then(|arrays| Array::concatenate(&arrays, 0))
            .map_err(invalid)
    }
}

/// One map as an array.
struct Map {
    file: Arc<Gridded>,
    /// Where other processes find the file, if they can.
    place: Option<PathBuf>,
    variable: String,
    index: usize,
    dtype: DType,
}

/// What descriptions of maps begin with.
pub(crate) const MARK: &[u8] = b"map:";

/// What another process needs to read the same map.
#[derive(Serialize, Deserialize)]
struct Description {
    path: PathBuf,
    variable: String,
    index: usize,
    shape: (usize, usize),
    single: bool,
    /// Of the file, so that descriptions of one that has changed differ.
    stamp: Option<(u64, u128)>,
}

/// The map of a description, for a process that got an array from another.
///
/// # Errors
/// A file that is not there, or is not what it was; bytes that are no description.
pub(crate) fn described(told: &[u8]) -> std::result::Result<Arc<dyn ChunkSource>, String> {
    let told: Description =
        postcard::from_bytes(told).map_err(|error| format!("no description of a map: {error}"))?;
    let file = opened(&told.path).map_err(|error| error.to_string())?;
    let variable = file.variable(&told.variable).map_err(|e| e.to_string())?;
    if file.geobox().shape() != told.shape || told.index >= variable.maps() {
        return Err(format!("{}: it is not what it was", file.dataset().name()));
    }
    Ok(Arc::new(Map {
        file: file.clone(),
        place: Some(told.path),
        variable: told.variable,
        index: told.index,
        dtype: if told.single { DType::F32 } else { DType::F64 },
    }))
}

/// Opens a file once, while any map of it is read.
fn opened(path: &Path) -> Result<Arc<Gridded>> {
    static OPEN: Mutex<Option<HashMap<PathBuf, Weak<Gridded>>>> = Mutex::new(None);
    let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    let open = open.get_or_insert_default();
    if let Some(file) = open.get(path).and_then(Weak::upgrade) {
        return Ok(file);
    }
    open.retain(|_, file| file.strong_count() > 0);
    let file = Arc::new(Gridded::open(path)?);
    open.insert(path.to_owned(), Arc::downgrade(&file));
    Ok(file)
}

impl ChunkSource for Map {
    fn name(&self) -> String {
        format!("{}: {}", self.file.dataset().name(), self.variable)
    }

    fn description(&self) -> Option<Vec<u8>> {
        let path = self.place.clone()?;
        let description = Description {
            stamp: stamp(&path),
            path,
            variable: self.variable.clone(),
            index: self.index,
            shape: self.file.geobox().shape(),
            single: self.dtype == DType::F32,
        };
        let told = postcard::to_stdvec(&description).ok()?;
        Some([MARK, &told].concat())
    }

    fn read(&self, region: &[Range<usize>]) -> std::result::Result<Buffer, String> {
        let (rows, columns) = match region {
            [_, rows, columns] => (rows.clone(), columns.clone()),
            _ => return Err(format!("{}: a map has rows and columns", self.name())),
        };
        let values = self
            .file
            .read_part(&self.variable, self.index, rows, columns);
        Ok(match values.map_err(|error| error.to_string())? {
            Values::F32(values) => Buffer::F32(values).cast(self.dtype),
            Values::F64(values) => Buffer::F64(values).cast(self.dtype),
        })
    }
}

/// Lengths of pieces of an axis: whole chunks, together about `wanted`; counted from its end if it is
/// reversed.
pub(super) fn pieces(len: usize, chunk: usize, wanted: usize, reversed: bool) -> Vec<usize> {
    let chunk = chunk.clamp(1, len.max(1));
    let step = (wanted / chunk).max(1) * chunk;
    let mut pieces: Vec<usize> = (0..len)
        .step_by(step)
        .map(|start| step.min(len - start))
        .collect();
    if pieces.is_empty() {
        pieces.push(0);
    }
    if reversed {
        pieces.reverse();
    }
    pieces
}

impl Gridded {
    /// How rows and columns are best cut to read a variable: lengths that are whole storage chunks.
    fn cuts(&self, variable: &str) -> Result<(Vec<usize>, Vec<usize>)> {
        let found = self.variable(variable)?;
        let (rows, columns) = self.geobox.shape();
        let chunk = |axis: usize, usual: usize| match &found.variable.chunk_shape {
            Some(shape) => shape.get(axis).copied().unwrap_or(usual),
            None => usual,
        };
        let (tall, wide) = (chunk(found.axes.0, 1), chunk(found.axes.1, columns));
        // Whole rows, unless a band of chunks is far too much.
        let wide = if tall.saturating_mul(columns) > 8 * CHUNK_CELLS {
            wide
        } else {
            columns
        };
        let rows = pieces(rows, tall, CHUNK_CELLS / wide.max(1), self.flipped.0);
        Ok((rows, pieces(columns, wide, wide, self.flipped.1)))
    }
}

/// What distinguishes a grid from the first, in words.
fn difference(first: &GeoBox, other: &GeoBox) -> Option<String> {
    if first.crs.definition() != other.crs.definition() {
        return Some(format!("its CRS is {}, not {}", other.crs, first.crs));
    }
    if first.shape() != other.shape() {
        let (a, b) = (other.shape(), first.shape());
        return Some(format!(
            "it has {} x {} cells, not {} x {}",
            a.0, a.1, b.0, b.1
        ));
    }
    for (name, first, other) in [
        ("columns", &first.x, &other.x),
        ("rows", &first.y, &other.y),
    ] {
        // Coordinates in single precision are not those of the lattice to the last bit.
        let near = |a: f64, b: f64| (a - b).abs() <= 1e-3 * first.step().abs();
        let ends = |axis: &Axis| (axis.at(0.0), axis.at(axis.len as f64));
        let (a, b) = (ends(other), ends(first));
        if !near(a.0, b.0) || !near(a.1, b.1) {
            return Some(format!(
                "its {name} run from {} to {}, not from {} to {}",
                a.0, a.1, b.0, b.1
            ));
        }
    }
    None
}
