//! Granules like those of PACE OCI, made from nothing: for tests, demonstrations and benchmarks.
//!
//! ```text
//! Simulation --granules--> GranuleSpec --simulate--> SimulatedGranule --into_bytes--> netCDF-4
//! orbit + scan: where every pixel lies       scene: chlorophyll, land, clouds      writer: the layout
//! ```
//!
//! The structure is that of the real files; the geometry is that of the real orbit and telescope on the WGS84
//! ellipsoid; the sea's chlorophyll is [`truth_chlorophyll`], so the right answer of an average is known. A
//! granule is a function of the options and its time alone: not of threads, nor of which others are made.

mod flags;
mod granule;
mod orbit;
mod plan;
mod product;
mod random;
mod scan;
mod scene;
mod spectrum;
#[cfg(test)]
mod tests;
mod writer;

pub use granule::{SimulatedGranule, SimulatedProduct, SimulatedValues};
pub use plan::{GranuleSpec, Overwrite, Simulation};
pub use scan::{PIXELS, ScanGeometry, Scanner};
pub use scene::chlorophyll::truth_chlorophyll;

/// What a granule holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Suite {
    /// Chlorophyll, carbon: `OC_BGC`.
    #[default]
    Biogeochemical,
    /// Reflectance by wavelength, aerosols: `OC_AOP`.
    ApparentOptical,
}

impl Suite {
    fn name(self) -> &'static str {
        match self {
            Suite::Biogeochemical => "OC_BGC",
            Suite::ApparentOptical => "OC_AOP",
        }
    }
}

/// Processing version, and with it the layout of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Version {
    /// Spectral products on `wavelength_3d`, its coordinate in `sensor_band_parameters`.
    V3_1,
    /// Spectral products on `wavelength`, its coordinate beside them.
    #[default]
    V3_2,
}

impl Version {
    fn number(self) -> &'static str {
        match self {
            Version::V3_1 => "3.1",
            Version::V3_2 => "3.2",
        }
    }

    fn in_file_name(self) -> &'static str {
        match self {
            Version::V3_1 => "V3_1",
            Version::V3_2 => "V3_2",
        }
    }
}

/// Something odd about the lines of a granule, numbered within it; lines that it does not have are passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Defect {
    /// Lines that repeat the one before the first of them.
    Repeated {
        /// First of the lines.
        first: usize,
        /// Number of lines.
        count: usize,
    },
    /// Lines in reversed order.
    Reversed {
        /// First of the lines.
        first: usize,
        /// Number of lines.
        count: usize,
    },
    /// Lines without geolocation: fill values, `NAVFAIL` raised.
    NoGeolocation {
        /// First of the lines.
        first: usize,
        /// Number of lines.
        count: usize,
    },
}
