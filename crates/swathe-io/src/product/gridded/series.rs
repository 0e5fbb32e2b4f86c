//! Maps of one variable in many files on one grid, as a lazy array: time, rows, columns.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use rayon::prelude::*;
use swathe_core::array::{Array, Buffer, ChunkSource, Cut, DType};
use swathe_core::geobox::{Axis, GeoBox};
use swathe_core::source::Values;

use super::Gridded;
use crate::dataset::Attributes;
use crate::error::{Error, Result};
use crate::granule::time;

/// Maps of one variable, in the order of their times.
#[derive(Debug)]
pub struct Series {
    files: Vec<Arc<Gridded>>,
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
        Ok(Series {
            files,
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
    variable: String,
    index: usize,
    dtype: DType,
}

impl ChunkSource for Map {
    fn name(&self) -> String {
        format!("{}: {}", self.file.dataset().name(), self.variable)
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
