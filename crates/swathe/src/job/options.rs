//! What is asked for.

use super::statistics::Best;
use super::windows::Windowing;
use swathe_core::build_geobox::Resolution;
use swathe_core::expression::Expression;
use swathe_core::geobox::GeoBox;
use swathe_core::isin::Isin;
use swathe_core::mask::{FlagSelection, ValidRange};
use swathe_core::reduce::{Blank, Scheme, Statistic, Weight};
use swathe_core::resample::Method;

/// What is asked for, apart from the granules. `None` means: choose by the granules, and say so.
#[derive(Debug, Clone)]
pub struct Job {
    /// Variables as [`swathe_io::granule::Granule::select`] takes them, or computed from others, as in
    /// `ratio=Rrs@443/Rrs@555`; none: the main product.
    pub variables: Vec<String>,
    /// The grid.
    pub grid: GridRequest,
    /// How values reach cells; by default `footprint`, for classes `nearest`, on bins `bin`.
    pub method: Option<Method>,
    /// Flags that make a pixel missing; by default those of the suite.
    pub flags: Option<FlagSelection>,
    /// Pixels of which it does not hold are missing.
    pub condition: Option<Expression>,
    /// Valid range in unpacked units, in place of the files' own.
    pub valid_range: Option<ValidRange>,
    /// What to compute of every cell; count and granules come with it.
    pub statistics: Vec<Statistic>,
    /// The observation that stands for a cell, beside the statistics.
    pub best: Option<Best>,
    /// Maps of windows of time; otherwise one of all granules.
    pub windows: Option<Windowing>,
    /// How granules are weighted against each other; by default by observation, on bins as l2bin does.
    pub weight: Option<Weight>,
    /// Whether a pixel counts only where all variables are valid; otherwise each is masked by itself.
    pub joint: bool,
    /// What is required of a cell.
    pub blank: Blank,
    /// What of the values is averaged, on bins.
    pub scheme: Scheme,
    /// What to do about a granule that cannot be used.
    pub on_error: OnError,
    /// Whether processing versions, or near-real-time and refined granules, may be mixed.
    pub allow_mixed: bool,
    /// Whether a cube has a time dimension even if it holds one map only.
    pub stack: bool,
    /// Whether granules that are all outside the area give an empty map; else there is nothing to do.
    pub empty_maps: bool,
}

impl Default for Job {
    fn default() -> Self {
        Job {
            variables: Vec::new(),
            grid: GridRequest::Own {
                crs: None,
                resolution: None,
            },
            method: None,
            flags: None,
            condition: None,
            valid_range: None,
            statistics: vec![Statistic::Mean],
            best: None,
            windows: None,
            weight: None,
            joint: false,
            blank: Blank::default(),
            scheme: Scheme::Arithmetic,
            on_error: OnError::Stop,
            allow_mixed: false,
            stack: false,
            empty_maps: false,
        }
    }
}

/// The grid that is asked for.
#[derive(Debug, Clone, PartialEq)]
pub enum GridRequest {
    /// Around one granule, at a resolution or at its own.
    Own {
        /// Longitude/latitude if `None`.
        crs: Option<String>,
        /// The granule's own if `None`.
        resolution: Option<Resolution>,
    },
    /// Over a longitude/latitude box (west, south, east, north).
    Box {
        /// Degrees; west > east means across 180.
        bbox: (f64, f64, f64, f64),
        /// Cell size.
        resolution: Resolution,
        /// Longitude/latitude if `None`.
        crs: Option<String>,
    },
    /// Over bounds (left, bottom, right, top) in units of the CRS.
    Bounds {
        /// In units of the CRS.
        bounds: (f64, f64, f64, f64),
        /// Cell size.
        resolution: Resolution,
        /// Longitude/latitude if `None`.
        crs: Option<String>,
    },
    /// Exactly this one: a named grid, or that of another file.
    Exact(GeoBox),
    /// Bins of equal area.
    Bins(Isin),
}

/// What to make of the granules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// One map over all of them.
    Average,
    /// A map of each.
    Cube,
}

/// What to do about a granule that cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnError {
    /// End the run before anything is written.
    #[default]
    Stop,
    /// Go on without it, and name it.
    Skip,
}
