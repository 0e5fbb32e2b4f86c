//! The catalogue and the sign-in, for Python.

use crate::errors::{Fault, Raise};
use crate::watched::watched;
use pyo3::prelude::*;
use swathe::io::earthdata::period::Period;
use swathe::io::earthdata::query::{Query, polygons_of_geojson};
use swathe::io::remote::{secret::Secret, session};

/// What is looked for.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct Asked {
    collection: String,
    version: Option<String>,
    provider: Option<String>,
    /// Start and end as text, each perhaps empty.
    time: Option<(String, String)>,
    bbox: Option<(f64, f64, f64, f64)>,
    point: Option<(f64, f64)>,
    /// GeoJSON.
    polygon: Option<String>,
    cloud_cover: Option<(f64, f64)>,
    day_night: Option<String>,
    name: Option<String>,
    limit: Option<usize>,
}

/// Asks the catalogue; granules as JSON.
#[pyfunction]
pub fn search(py: Python<'_>, asked: Asked) -> PyResult<String> {
    let unfit = |why: String| crate::errors::exception(py, "PlanError", &why, None);
    let period = asked.time.map(|(start, end)| Period::between(&start, &end));
    let polygons = asked.polygon.map(|text| polygons_of_geojson(&text));
    let query = Query {
        collection: asked.collection,
        version: asked.version,
        provider: asked.provider,
        period: period.transpose().map_err(unfit)?,
        bbox: asked.bbox,
        point: asked.point,
        polygons: polygons.transpose().map_err(unfit)?.unwrap_or_default(),
        cloud_cover: asked.cloud_cover,
        day_night: asked.day_night,
        name: asked.name,
        limit: asked.limit,
    };
    query.check().map_err(unfit)?;
    let found = watched(py, None, move |_| {
        Ok::<_, Fault>(session()?.search(&query)?)
    })?;
    serde_json::to_string(&found.granules).map_err(|e| unfit(e.to_string()))
}

/// From now on this token is sent to NASA's hosts.
#[pyfunction]
pub fn set_token(py: Python<'_>, token: &str, origin: &str) -> PyResult<()> {
    let session = session().map_err(|error| error.raise(py))?;
    session.login().set_token(Secret::new(token), origin);
    Ok(())
}

/// Signs in: the user, where the credentials come from, and when they expire, where that is known.
#[pyfunction]
pub fn login(py: Python<'_>) -> PyResult<(Option<String>, String, Option<String>)> {
    watched(py, None, |_| {
        let report = session()?.check_login()?;
        let expires = report.expires.map(|end| end.to_string());
        Ok::<_, Fault>((report.user, report.from, expires))
    })
}
