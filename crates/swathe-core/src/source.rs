//! Where granules come from: the traits that input layers implement.

use std::ops::Range;

/// Coordinates as stored: single or double precision, degrees. Missing ones are NaN.
#[derive(Debug, Clone, PartialEq)]
pub enum Coordinates {
    /// As most sensors store them.
    F32(Vec<f32>),
    /// Where the file has double precision, or unpacks to it.
    F64(Vec<f64>),
}

/// Latitude and longitude of pixel centres, for a contiguous range of a granule's lines.
///
/// Both hold `lines.len() * pixels` values, line by line, in degrees. Longitude may be -180..180 or
/// 0..360; anything not finite or out of range is a missing pixel.
#[derive(Debug, Clone, PartialEq)]
pub struct GeolocationArray {
    /// The lines that are held, in the granule's own numbering.
    pub lines: Range<usize>,
    /// Pixels in a line.
    pub pixels: usize,
    /// Latitudes.
    pub latitude: Coordinates,
    /// Longitudes.
    pub longitude: Coordinates,
}

/// Start, centre and end of one line, in degrees: enough to bound the lines an area needs without
/// reading the two-dimensional arrays. Each is (longitude, latitude); NaN where missing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LineExtent {
    /// First pixel.
    pub start: (f32, f32),
    /// Middle pixel.
    pub centre: (f32, f32),
    /// Last pixel.
    pub end: (f32, f32),
}

/// Unpacked values with NaN for everything missing: fill, NaN in the file, out of valid range.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// Single precision.
    F32(Vec<f32>),
    /// Double precision.
    F64(Vec<f64>),
}

/// One selected field of a granule: a variable, or one band of a spectral variable.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Field {
    /// Name in products: `chlor_a`, `Rrs_443`.
    pub name: String,
    /// The granule's variable.
    pub variable: String,
    /// Index along the third dimension, for a spectral variable.
    pub band: Option<usize>,
    /// Valid range in unpacked units, both ends in; values outside are missing.
    pub valid_range: Option<(f64, f64)>,
    /// Whether packed values are worked out in double precision and rounded once, as NASA's binning programs
    /// do it. Otherwise factors of single precision are applied in single precision, as in Python.
    pub exact: bool,
}

/// A granule cannot be read.
pub type SourceError = Box<dyn std::error::Error + Send + Sync + 'static>;

/// One granule, as the engine sees it. Every read is independent and may come from any thread.
pub trait SwathSource: Send + Sync {
    /// Base name of the file.
    fn name(&self) -> &str;
    /// (lines, pixels).
    fn shape(&self) -> (usize, usize);
    /// Start, centre and end of every line, where the granule carries them.
    ///
    /// # Errors
    /// When they cannot be read.
    fn line_extents(&self) -> Result<Option<Vec<LineExtent>>, SourceError>;
    /// Lines that are stored together of a field, or of the flags where none is given, at least 1: reads that
    /// start and end on multiples of it decode nothing twice.
    fn stored_lines(&self, field: Option<&Field>) -> usize;
    /// Geolocation of a range of lines.
    ///
    /// # Errors
    /// When it cannot be read.
    fn geolocation(&self, lines: Range<usize>) -> Result<GeolocationArray, SourceError>;
    /// Values of fields for a range of lines: `lines.len() * pixels` of each field, in the order of the fields.
    /// What bands of a variable have stored together is decoded once for all of them.
    ///
    /// # Errors
    /// When they cannot be read.
    fn values(&self, fields: &[&Field], lines: Range<usize>) -> Result<Vec<Values>, SourceError>;
    /// Quality flags for a range of lines, one bit per flag as the granule numbers them.
    ///
    /// # Errors
    /// When the granule has none, or they cannot be read.
    fn flags(&self, lines: Range<usize>) -> Result<Vec<u32>, SourceError>;
}

/// What a source that stands before another one, its field `source`, hands on as it is.
macro_rules! as_the_source_has_it {
    () => {
        fn name(&self) -> &str {
            self.source.name()
        }

        fn shape(&self) -> (usize, usize) {
            self.source.shape()
        }

        fn line_extents(&self) -> Result<Option<Vec<$crate::source::LineExtent>>, SourceError> {
            self.source.line_extents()
        }

        fn geolocation(&self, lines: Range<usize>) -> Result<GeolocationArray, SourceError> {
            self.source.geolocation(lines)
        }

        fn flags(&self, lines: Range<usize>) -> Result<Vec<u32>, SourceError> {
            self.source.flags(lines)
        }
    };
}
pub(crate) use as_the_source_has_it;

impl Coordinates {
    /// One coordinate in double precision.
    #[inline]
    pub fn get(&self, i: usize) -> f64 {
        match self {
            Coordinates::F32(values) => f64::from(values[i]),
            Coordinates::F64(values) => values[i],
        }
    }

    /// Number of coordinates.
    pub fn len(&self) -> usize {
        match self {
            Coordinates::F32(values) => values.len(),
            Coordinates::F64(values) => values.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
