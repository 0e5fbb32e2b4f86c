//! Formats, by the suffixes of names.

use super::request;
use crate::error::Result;
use std::path::Path;

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
