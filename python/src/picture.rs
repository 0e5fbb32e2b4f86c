//! Pictures of granules and maps.

use crate::errors::{Fault, exception};
use crate::watched::watched;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use std::path::PathBuf;
use swathe::PlotArguments;
use swathe::io::picture as maps;

/// Options by name.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct PictureOptions {
    variable: Option<String>,
    area: Option<[f64; 4]>,
    robust: bool,
    limits: Option<[f64; 2]>,
    log: Option<bool>,
    palette: Option<String>,
    title: Option<String>,
    width: u32,
    crs: Option<String>,
    flags: String,
}

/// A picture of a granule or a gridded file, as PNG.
#[pyfunction]
pub fn picture(
    py: Python<'_>,
    file: PathBuf,
    options: PictureOptions,
) -> PyResult<Bound<'_, PyBytes>> {
    if !maps::WIDTHS.contains(&options.width) {
        let (least, most) = (maps::WIDTHS.start(), maps::WIDTHS.end());
        let reason = format!("width is {least} to {most} pixels, got {}", options.width);
        return Err(exception(py, "PlanError", &reason, None));
    }
    let arguments = PlotArguments {
        file,
        variable: options.variable,
        output: None,
        area: options.area,
        robust: options.robust,
        limits: options.limits,
        log: options.log == Some(true),
        linear: options.log == Some(false),
        palette: options.palette,
        title: options.title,
        width: options.width,
        crs: options.crs,
        flags: options.flags,
        overwrite: false,
    };
    let png = watched(py, None, move |_| {
        ::swathe::draw(&arguments).map_err(Fault::Command)
    })?;
    Ok(PyBytes::new(py, &png))
}

/// A small map of outlines and a box over coastlines, as SVG.
#[pyfunction]
pub fn locator(outlines: Vec<Vec<(f64, f64)>>, area: Option<[f64; 4]>) -> String {
    maps::locator(&outlines, area)
}
