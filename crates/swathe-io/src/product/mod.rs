//! What comes out of a run, and the files of it.
//!
//! ```text
//! Product --layout--> FileLayout --netcdf::write--> .nc       (CF-1.8, ACDD-1.3)
//!                     --zarr::write----> .zarr     (the same variables, as a folder of chunks)
//!         --geotiff::write---------------------->  .tif      (cloud-optimized GeoTIFF)
//! OutputSet: every file appears whole, all of a run's files together
//! Gridded: the way back, for other programs' maps too
//! ```

mod append;
mod extent;
pub mod geotiff;
pub mod gridded;
pub mod layout;
pub mod netcdf;
mod output;
pub mod statistic;
pub mod zarr;

mod grid_mapping;
mod projection;

use swathe_core::geobox::GeoBox;

use crate::dataset::Attributes;
use crate::error::{Error, Result};

pub use append::{Novelty, StoredCube};
pub use gridded::{Gridded, GriddedVariable};
pub use output::{Format, OutputSet, Sink};
pub use statistic::Statistic;

/// Stands for a missing value in files, as in NASA's Level-3 mapped products.
pub const FILL: i16 = -32767;

/// A finished map, or a stack of maps, in memory.
#[derive(Debug, Clone, PartialEq)]
pub struct Product {
    /// The grid of every layer.
    pub geobox: GeoBox,
    /// The times that layers stand for.
    pub times: Times,
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

    /// Number of values.
    pub fn len(&self) -> usize {
        match self {
            LayerData::F32(v) => v.len(),
            LayerData::F64(v) => v.len(),
            LayerData::I32(v) => v.len(),
            LayerData::I64(v) => v.len(),
        }
    }

    /// Whether there is no value.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of values that are there, with the smallest and largest of them.
    pub fn valid_range(&self) -> Option<(usize, f64, f64)> {
        match self {
            LayerData::F32(v) => range(v.iter().map(|&x| f64::from(x))),
            LayerData::F64(v) => range(v.iter().copied()),
            LayerData::I32(v) => range(v.iter().map(|&x| f64::from(x))),
            LayerData::I64(v) => range(v.iter().map(|&x| x as f64)),
        }
    }
}

fn range(values: impl Iterator<Item = f64>) -> Option<(usize, f64, f64)> {
    values.filter(|v| !v.is_nan()).fold(None, |seen, v| {
        let (n, low, high) = seen.unwrap_or((0, v, v));
        Some((n + 1, low.min(v), high.max(v)))
    })
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
        let (_, start, _) = range(steps.iter().map(|s| s.start))?;
        let (_, _, end) = range(steps.iter().map(|s| s.end))?;
        Some((start, end))
    }

    /// Maps of a layer: the number of time steps, or one.
    pub fn maps(&self, layer: &Layer) -> usize {
        match &self.times {
            Times::Series(steps) if layer.timed => steps.len(),
            _ => 1,
        }
    }

    /// Checks that every layer fills the grid, and that no two have the same name.
    ///
    /// # Errors
    /// [`Error::Product`] with the layer's name.
    pub fn check(&self) -> Result<()> {
        for (i, layer) in self.layers.iter().enumerate() {
            let expected = self.maps(layer) * self.geobox.cells();
            if layer.data.len() != expected {
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
}
