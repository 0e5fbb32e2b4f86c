//! The grid of a job.

use super::PlannedGranule;
use crate::job::{GridRequest, JobError};
use swathe_core::build_geobox::Resolution;
use swathe_core::crs::Crs;
use swathe_core::geobox::GeoBox;
use swathe_core::source::SwathSource as _;
use swathe_core::target::Target;

/// Whether a grid is of longitude and latitude, around the whole Earth.
pub(super) fn is_global(geobox: &GeoBox) -> bool {
    let (west, south, east, north) = geobox.bounds();
    geobox.crs.is_lonlat() && east - west >= 360.0 - 1e-9 && north - south >= 180.0 - 1e-9
}

/// The grid that is asked for, or that of the only granule.
pub(super) fn grid_of(
    request: &GridRequest,
    granules: &[PlannedGranule],
) -> Result<Target, JobError> {
    Ok(match request {
        GridRequest::Bins(isin) => isin.clone().into(),
        GridRequest::Own { crs, resolution } => {
            own_grid(parse_crs(crs.as_deref())?, *resolution, granules)?.into()
        }
        other => other.rectangle()?.into(),
    })
}

fn parse_crs(definition: Option<&str>) -> Result<Crs, JobError> {
    Ok(match definition {
        Some(definition) => Crs::parse(definition)?,
        None => Crs::lonlat(),
    })
}

impl GridRequest {
    /// A rectangular grid that needs no granule.
    ///
    /// # Errors
    /// Another one, or one that cannot be made.
    pub fn rectangle(&self) -> Result<GeoBox, JobError> {
        Ok(match self {
            GridRequest::Exact(geobox) => geobox.clone(),
            GridRequest::Box {
                bbox,
                resolution,
                crs,
            } => GeoBox::from_bbox(parse_crs(crs.as_deref())?, *bbox, *resolution)?,
            GridRequest::Bounds {
                bounds,
                resolution,
                crs,
            } => GeoBox::from_bounds(parse_crs(crs.as_deref())?, *bounds, *resolution)?,
            GridRequest::Own { .. } | GridRequest::Bins(_) => {
                return Err(JobError::plan_hint(
                    "bins are mapped to a rectangular grid",
                    "give --grid l3m-4km, or a box and a resolution, as in -b -77,36,-73,41 -r 0.05",
                ));
            }
        })
    }
}

/// The grid around the only granule.
fn own_grid(
    crs: Crs,
    resolution: Option<Resolution>,
    granules: &[PlannedGranule],
) -> Result<GeoBox, JobError> {
    let [only] = granules else {
        return Err(JobError::plan_hint(
            format!("{} granules need a grid in common", granules.len()),
            "give a box and a resolution, as in -b -77,36,-73,41 -r 0.015",
        ));
    };
    let name = &only.candidate.name;
    let granule = only
        .candidate
        .granule()
        .map_err(|e| JobError::granule(name, e))?;
    let (lines, _) = granule.shape();
    let geolocation = granule
        .geolocation(0..lines)
        .map_err(|e| JobError::granule(name, e))?;
    GeoBox::around(&geolocation, crs, resolution).map_err(|e| JobError::granule(name, e))
}
