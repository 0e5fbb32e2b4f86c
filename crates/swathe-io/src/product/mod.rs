//! What comes out of a run, and the files of it.
//!
//! ```text
//! Product --layout--> FileLayout --netcdf::Tiles--> .nc       (CF-1.8, ACDD-1.3)
//!                                --zarr::Tiles----> .zarr     (the same variables, as a folder of chunks)
//!         --geotiff::write------------------------> .tif      (cloud-optimized GeoTIFF)
//! TileSink: layers tile by tile, from memory or as they are finished
//! OutputSet: every file appears whole, all of a run's files together
//! Gridded: the way back, for other programs' maps too
//! ```

mod append;
mod elements;
mod extent;
pub mod geotiff;
pub mod gridded;
pub mod layout;
pub(crate) mod level3;
pub mod netcdf;
mod output;
pub mod statistic;
mod tiles;
pub mod zarr;

mod grid_mapping;
mod projection;

use std::ops::Range;
use swathe_core::geobox::GeoBox;

use crate::dataset::{Attributes, DataType};
use crate::error::{Error, Result};

pub use append::{Novelty, StoredCube};
pub use gridded::{Gridded, GriddedVariable, Series};
pub use output::{Format, Output, OutputSet, Sink};
pub use statistic::Statistic;
pub use tiles::{MemoryTiles, TileOrder, TileSink, feed, write_all};

/// Stands for a missing value in files, as in NASA's Level-3 mapped products.
pub const FILL: i16 = -32767;

/// A finished map, or a stack of maps, in memory or on its way tile by tile.
#[derive(Debug, Clone, PartialEq)]
pub struct Product {
    /// The grid of every layer.
    pub geobox: GeoBox,
    /// The times that layers stand for.
    pub times: Times,
    /// Of a series of windows, the granules that each is made of, by their numbers in `granules`; empty
    /// where there are none.
    pub windows: Vec<Vec<u32>>,
    /// The maps. The first one is the main one.
    pub layers: Vec<Layer>,
    /// Granules that were given, used or not.
    pub granules: Vec<GranuleRecord>,
    /// What the quality flags removed, per variable.
    pub flags: Vec<FlagReport>,
    /// How it was made.
    pub provenance: Provenance,
    /// Global attributes from the source (instrument, platform, ...) or the caller. They come before
    /// those that follow from the content, which win where names meet.
    pub attributes: Attributes,
}

/// The times that layers stand for, in seconds since 1970-01-01 00:00:00 UTC.
#[derive(Debug, Clone, PartialEq)]
pub enum Times {
    /// One window: layers are two-dimensional.
    Window(TimeStep),
    /// Several windows, or a cube of granules: timed layers have a leading dimension.
    Series(Vec<TimeStep>),
}

/// One step of the time axis. Unknown times are NaN.
#[derive(Debug, Clone, PartialEq)]
pub struct TimeStep {
    /// The coordinate.
    pub time: f64,
    /// Start of the interval.
    pub start: f64,
    /// End of the interval.
    pub end: f64,
    /// In a cube of granules, the granule's name.
    pub granule: Option<String>,
}

/// One map, or one map for every time step.
#[derive(Debug, Clone, PartialEq)]
pub struct Layer {
    /// Name of the variable in files: `chlor_a`, `chlor_a_count`.
    pub name: String,
    /// What it is of the source's variable.
    pub statistic: Statistic,
    /// Values in rows from north to south; time outermost if `timed`.
    pub data: LayerData,
    /// Attributes, without those that come from the file's form (`_FillValue`, `grid_mapping`, ...).
    pub attributes: Attributes,
    /// Whether it has one map for every step of [`Times::Series`].
    pub timed: bool,
}

/// Values of a layer. In floating point, NaN is missing; integers are all there.
#[derive(Debug, Clone, PartialEq)]
pub enum LayerData {
    /// Single precision.
    F32(Vec<f32>),
    /// Double precision.
    F64(Vec<f64>),
    /// Counts and classes.
    I32(Vec<i32>),
    /// Counts beyond 32 bits.
    I64(Vec<i64>),
    /// Values of this type (one of the above), which are not in memory: a [`TileSink`] takes them tile by
    /// tile.
    Tiled(DataType),
}

impl LayerData {
    /// Counts in the narrowest type that holds them (CF-1.8 has no unsigned 64-bit integers).
    pub fn from_counts(counts: &[u64]) -> Self {
        if counts.iter().all(|&n| i32::try_from(n).is_ok()) {
            LayerData::I32(counts.iter().map(|&n| n as i32).collect())
        } else {
            let clamp = |&n: &u64| i64::try_from(n).unwrap_or(i64::MAX);
            LayerData::I64(counts.iter().map(clamp).collect())
        }
    }

    /// Type of the values.
    pub fn dtype(&self) -> DataType {
        match self {
            LayerData::F32(_) => DataType::F32,
            LayerData::F64(_) => DataType::F64,
            LayerData::I32(_) => DataType::I32,
            LayerData::I64(_) => DataType::I64,
            LayerData::Tiled(dtype) => dtype.clone(),
        }
    }

    /// Number of values in memory.
    pub fn len(&self) -> usize {
        match self {
            LayerData::F32(v) => v.len(),
            LayerData::F64(v) => v.len(),
            LayerData::I32(v) => v.len(),
            LayerData::I64(v) => v.len(),
            LayerData::Tiled(_) => 0,
        }
    }

    /// Whether there is no value in memory.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes some values over from a layer of the same type and length.
    pub fn copy_range(&mut self, other: &LayerData, range: &Range<usize>) {
        fn copy<T: Copy>(own: &mut [T], other: &[T], range: &Range<usize>) {
            if let (Some(own), Some(other)) = (own.get_mut(range.clone()), other.get(range.clone()))
            {
                own.copy_from_slice(other);
            }
        }
        match (self, other) {
            (LayerData::F32(own), LayerData::F32(other)) => copy(own, other, range),
            (LayerData::F64(own), LayerData::F64(other)) => copy(own, other, range),
            (LayerData::I32(own), LayerData::I32(other)) => copy(own, other, range),
            (LayerData::I64(own), LayerData::I64(other)) => copy(own, other, range),
            _ => {}
        }
    }

    /// Range of the values in memory.
    pub fn valid_range(&self) -> Option<ValidRange> {
        ValidRange::of(self)
    }
}

/// Number and range of the values that are there. -0 is smaller than 0, so that a range does not depend on
/// the order of the values.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct ValidRange {
    /// How many.
    pub count: usize,
    /// The smallest.
    pub smallest: f64,
    /// The largest.
    pub largest: f64,
}

impl ValidRange {
    /// Range of values in memory; `None` if none is there.
    pub fn of(data: &LayerData) -> Option<ValidRange> {
        match data {
            LayerData::F32(v) => Self::of_values(v.iter().map(|&x| f64::from(x))),
            LayerData::F64(v) => Self::of_values(v.iter().copied()),
            LayerData::I32(v) => Self::of_values(v.iter().map(|&x| f64::from(x))),
            LayerData::I64(v) => Self::of_values(v.iter().map(|&x| x as f64)),
            LayerData::Tiled(_) => None,
        }
    }

    fn of_values(values: impl Iterator<Item = f64>) -> Option<ValidRange> {
        let one = |value| ValidRange {
            count: 1,
            smallest: value,
            largest: value,
        };
        values
            .filter(|value| !value.is_nan())
            .fold(None, |seen, value| Self::join(seen, Some(one(value))))
    }

    /// Range of two sets of values together.
    pub fn join(a: Option<ValidRange>, b: Option<ValidRange>) -> Option<ValidRange> {
        let (Some(a), Some(b)) = (a, b) else {
            return a.or(b);
        };
        Some(ValidRange {
            count: a.count + b.count,
            smallest: std::cmp::min_by(a.smallest, b.smallest, f64::total_cmp),
            largest: std::cmp::max_by(a.largest, b.largest, f64::total_cmp),
        })
    }
}

/// What became of one granule.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct GranuleRecord {
    /// Base name.
    pub name: String,
    /// First line's time, seconds since 1970 UTC; NaN where unknown.
    pub start: f64,
    /// Last line's time, seconds since 1970 UTC; NaN where unknown.
    pub end: f64,
    /// Used or not.
    pub status: GranuleStatus,
    /// Why it was not used; empty for those that were.
    pub reason: String,
}

/// Whether a granule gave something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum GranuleStatus {
    /// It gave values.
    Used,
    /// It is on the grid but has no valid value there, or does not reach the grid.
    Empty,
    /// It could not be read, or another version of it was preferred.
    Skipped,
}

impl GranuleStatus {
    /// The word used in files.
    pub fn as_str(self) -> &'static str {
        match self {
            GranuleStatus::Used => "used",
            GranuleStatus::Empty => "empty",
            GranuleStatus::Skipped => "skipped",
        }
    }
}

/// What the quality flags took from one variable.
#[derive(Debug, Clone, PartialEq)]
pub struct FlagReport {
    /// The variable.
    pub variable: String,
    /// Valid pixels in the area, before the flags.
    pub pixels: u64,
    /// Pixels removed by at least one flag.
    pub removed: u64,
    /// For every flag that was asked for, the valid pixels that carry it.
    pub by_flag: Vec<(String, u64)>,
}

/// How a product was made: nothing of the machine, the clock or the paths.
#[derive(Debug, Clone, PartialEq)]
pub struct Provenance {
    /// The canonical options, one line.
    pub options: String,
    /// Digest of inputs and options.
    pub digest: String,
    /// Version of the program.
    pub version: String,
    /// Creation time of the newest input, seconds since 1970 UTC.
    pub newest_input: Option<f64>,
}

/// Where products come from that tests make.
#[cfg(test)]
fn provenance() -> Provenance {
    Provenance {
        options: "swathe average".into(),
        digest: "00".into(),
        version: "0.1.0".into(),
        newest_input: None,
    }
}

impl Product {
    /// The steps of the time axis: one, or many.
    pub fn steps(&self) -> &[TimeStep] {
        match &self.times {
            Times::Window(step) => std::slice::from_ref(step),
            Times::Series(steps) => steps,
        }
    }

    /// Earliest start and latest end over all steps, where known.
    pub fn time_coverage(&self) -> Option<(f64, f64)> {
        let steps = self.steps();
        let starts = ValidRange::of_values(steps.iter().map(|s| s.start))?;
        let ends = ValidRange::of_values(steps.iter().map(|s| s.end))?;
        Some((starts.smallest, ends.largest))
    }

    /// Maps of a layer: the number of time steps, or one.
    pub fn maps(&self, layer: &Layer) -> usize {
        match &self.times {
            Times::Series(steps) if layer.timed => steps.len(),
            _ => 1,
        }
    }

    /// Bytes that the values of all layers take in memory.
    pub fn bytes(&self) -> u64 {
        let layers = self.layers.iter().map(|layer| {
            let size = layer.data.dtype().size().unwrap_or(0);
            self.maps(layer) as u64 * self.geobox.cells() as u64 * size as u64
        });
        layers.sum()
    }

    /// Checks that every layer fills the grid, or comes tile by tile, and that no two have the same name.
    ///
    /// # Errors
    /// [`Error::Product`] with the layer's name.
    pub fn check(&self) -> Result<()> {
        for (i, layer) in self.layers.iter().enumerate() {
            let expected = self.maps(layer) * self.geobox.cells();
            if let LayerData::Tiled(dtype) = &layer.data {
                use DataType::{F32, F64, I32, I64};
                if !matches!(dtype, F32 | F64 | I32 | I64) {
                    return Err(Error::Product {
                        reason: format!("layer {:?} is of type {dtype:?}", layer.name),
                    });
                }
            } else if layer.data.len() != expected {
                return Err(Error::Product {
                    reason: format!(
                        "layer {:?} has {} values where the grid and its times need {expected}",
                        layer.name,
                        layer.data.len()
                    ),
                });
            }
            if self.layers[..i]
                .iter()
                .any(|other| other.name == layer.name)
            {
                return Err(Error::Product {
                    reason: format!("two layers are named {:?}", layer.name),
                });
            }
        }
        Ok(())
    }

    /// Checks a product that is to be written whole, from memory.
    ///
    /// # Errors
    /// As for [`Product::check`]; [`Error::Product`] with the name of a layer that comes tile by tile.
    pub fn check_in_memory(&self) -> Result<()> {
        self.check()?;
        let mut layers = self.layers.iter();
        match layers.find(|layer| matches!(layer.data, LayerData::Tiled(_))) {
            Some(layer) => Err(Error::Product {
                reason: format!(
                    "the values of layer {:?} are not in memory, but come tile by tile",
                    layer.name
                ),
            }),
            None => Ok(()),
        }
    }
}
