//! Grids as Python asks for them.

use crate::attributes;
use crate::errors::{Raise, exception};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::path::PathBuf;
use swathe::core::build_geobox::Resolution;
use swathe::core::crs::Crs;
use swathe::core::geobox::{Axis, GeoBox};
use swathe::core::isin::Isin;
use swathe::core::region::Region;
use swathe::io::product::gridded::{Gridded, Labels, geobox_of_labels};
use swathe::job::{GridRequest, JobError};

type Four = (f64, f64, f64, f64);

/// A grid that is asked for.
#[pyclass(frozen, module = "swathe._swathe")]
pub struct Grid(pub GridRequest);

#[pymethods]
impl Grid {
    /// Around the only granule.
    #[staticmethod]
    fn own(py: Python<'_>, crs: Option<String>, resolution: Option<&str>) -> PyResult<Self> {
        let resolution = resolution.map(|text| parse(py, text)).transpose()?;
        Ok(Grid(GridRequest::Own { crs, resolution }))
    }

    /// Over a longitude/latitude box.
    #[staticmethod]
    fn bbox(py: Python<'_>, bbox: Four, resolution: &str, crs: Option<String>) -> PyResult<Self> {
        Ok(Grid(GridRequest::Box {
            bbox,
            resolution: parse(py, resolution)?,
            crs,
        }))
    }

    /// Over bounds in units of the CRS.
    #[staticmethod]
    fn bounds(
        py: Python<'_>,
        bounds: Four,
        resolution: &str,
        crs: Option<String>,
    ) -> PyResult<Self> {
        Ok(Grid(GridRequest::Bounds {
            bounds,
            resolution: parse(py, resolution)?,
            crs,
        }))
    }

    /// A named global grid, or bins, of pixels in a box alone.
    #[staticmethod]
    #[pyo3(signature = (name, bbox=None))]
    fn named(py: Python<'_>, name: &str, bbox: Option<Four>) -> PyResult<Self> {
        if let Some(rows) = name
            .strip_prefix("isin-")
            .and_then(|rows| rows.parse().ok())
        {
            let refuse = |reason: String| exception(py, "PlanError", &reason, None);
            let area = bbox.map(Region::of_box).transpose();
            let area = area.map_err(|e| refuse(format!("invalid box: {e}")))?;
            let isin = Isin::new(rows, area).map_err(|e| refuse(e.to_string()))?;
            return Ok(Grid(GridRequest::Bins(isin)));
        }
        let geobox = GeoBox::named(name).map_err(|e| JobError::from(e).raise(py))?;
        Ok(Grid(GridRequest::Exact(geobox)))
    }

    /// That of another gridded file.
    #[staticmethod]
    fn file(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        let gridded = py.detach(|| Gridded::open(&path));
        let gridded = gridded.map_err(|e| e.raise(py))?;
        Ok(Grid(GridRequest::Exact(gridded.geobox().clone())))
    }

    /// Of a transform (x0, dx, 0, y0, 0, dy), as GDAL orders it.
    #[staticmethod]
    fn transform(
        py: Python<'_>,
        crs: &str,
        shape: (usize, usize),
        transform: [f64; 6],
    ) -> PyResult<Self> {
        let refuse = |reason: String| exception(py, "PlanError", &reason, None);
        let [x0, dx, x_turn, y0, y_turn, dy] = transform;
        if !transform.iter().all(|v| v.is_finite()) {
            return Err(refuse(format!(
                "the transform is not finite: {transform:?}"
            )));
        }
        if x_turn != 0.0 || y_turn != 0.0 {
            return Err(refuse("a rotated transform is not supported".into()));
        }
        if dx <= 0.0 || dy >= 0.0 {
            return Err(refuse(format!(
                "rows run from north to south and columns from west to east: the transform's steps \
                 must be positive in x and negative in y, they are {dx} and {dy}"
            )));
        }
        let (rows, columns) = shape;
        if rows == 0 || columns == 0 {
            return Err(refuse(format!(
                "a grid of {rows} x {columns} cells is empty"
            )));
        }
        let axis = |origin, numerator, len| Axis::new(origin, numerator, 0, len);
        Ok(Grid(GridRequest::Exact(GeoBox {
            crs: Crs::parse(crs).map_err(|e| JobError::from(e).raise(py))?,
            x: axis(x0, dx, columns),
            y: axis(y0, dy, rows),
        })))
    }

    /// Of coordinates: name, values, machine epsilon of their type, units.
    #[staticmethod]
    fn labels(
        py: Python<'_>,
        y: (String, Vec<f64>, f64, Option<String>),
        x: (String, Vec<f64>, f64, Option<String>),
        lonlat: bool,
        mapping: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let [y, x] = [y, x].map(|(name, values, epsilon, units)| Labels {
            name,
            values,
            epsilon,
            units,
        });
        let mapping = mapping.map(attributes::from_dict);
        let geobox = geobox_of_labels(y, x, lonlat, mapping.as_ref())
            .map_err(|reason| exception(py, "PlanError", &reason, None))?;
        Ok(Grid(GridRequest::Exact(geobox)))
    }
}

fn parse(py: Python<'_>, text: &str) -> PyResult<Resolution> {
    text.parse()
        .map_err(|error| JobError::Grid(error).raise(py))
}
