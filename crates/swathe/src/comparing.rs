//! How two maps of one grid agree: the second minus the first.

use crate::job::JobError;
use serde_json::json;
use std::path::Path;
use swathe_core::comparison::{Agreement, Comparison};
use swathe_core::geobox::GeoBox;
use swathe_core::source::Values;
use swathe_io::dataset::{AttributeValue, Attributes};
use swathe_io::error::Error;
use swathe_io::picture::{ComparisonPicture, Limits, MapPicture, Palette, Steps};
use swathe_io::product::Gridded;

/// Said of maps that cannot be compared.
pub(crate) const NOTHING_IN_COMMON: &str = "no cell has a value in both maps";

/// One of the two maps.
pub struct Map {
    /// Base name of its file.
    pub name: String,
    /// The variable.
    pub variable: String,
    geobox: GeoBox,
    values: Vec<f64>,
    attributes: Attributes,
}

/// Two maps that have been compared.
pub struct Compared {
    /// The one that the other is compared with.
    pub first: Map,
    /// The other.
    pub second: Map,
    /// How they agree.
    pub found: Comparison,
}

/// Compares a variable of two gridded files, `NAME` or `NAME_IN_A=NAME_IN_B`; by default the first that both have.
/// `largest` of the largest differences are listed.
///
/// # Errors
/// Files that cannot be read, have no such variable or more than one map of it, or lie on different grids.
pub fn compare(
    first: &Path,
    second: &Path,
    variable: Option<&str>,
    largest: usize,
) -> Result<Compared, JobError> {
    let (first, second) = (Gridded::open(first)?, Gridded::open(second)?);
    let (a, b) = variables(variable, &first, &second)?;
    let (first, second) = (Map::read(&first, &a)?, Map::read(&second, &b)?);
    check_grids(&first, &second)?;
    Ok(Compared {
        found: Comparison::of(&first.values, &second.values, largest),
        first,
        second,
    })
}

impl Map {
    fn read(gridded: &Gridded, variable: &str) -> Result<Map, JobError> {
        let found = gridded.variable(variable)?;
        if found.maps() != 1 {
            return Err(JobError::plan(format!(
                "{}: {variable} has {} maps, one is compared",
                gridded.dataset().name(),
                found.maps()
            )));
        }
        Ok(Map {
            name: gridded.dataset().name().to_owned(),
            variable: found.name().to_owned(),
            geobox: gridded.geobox().clone(),
            values: match gridded.read(found.path(), 0)? {
                Values::F32(values) => values.into_iter().map(f64::from).collect(),
                Values::F64(values) => values,
            },
            attributes: found.attributes().clone(),
        })
    }

    fn units(&self) -> Option<&str> {
        let mut attributes = self.attributes.iter();
        attributes.find_map(|(name, value)| match (name.as_str(), value) {
            ("units", AttributeValue::Text(text)) => Some(text.as_str()),
            _ => None,
        })
    }
}

fn variables(
    variable: Option<&str>,
    first: &Gridded,
    second: &Gridded,
) -> Result<(String, String), JobError> {
    if let Some(request) = variable {
        let (a, b) = request.split_once('=').unwrap_or((request, request));
        return Ok((a.trim().to_owned(), b.trim().to_owned()));
    }
    let names: Vec<&str> = second.variables().iter().map(|v| v.name()).collect();
    let mut own = first.variables().iter().map(|v| v.name());
    match own.find(|name| names.contains(name)) {
        Some(name) => Ok((name.to_owned(), name.to_owned())),
        None => Err(JobError::plan_hint(
            "the files have no variable in common",
            "give -v NAME, or -v NAME_IN_A=NAME_IN_B",
        )),
    }
}

/// Labels of some files are rounded to single precision: grids are the same within a thousandth of a cell.
fn check_grids(first: &Map, second: &Map) -> Result<(), JobError> {
    let of = |geobox: &GeoBox| {
        let (west, south, east, north) = geobox.bounds();
        [west, south, east, north]
    };
    let (a, b) = (of(&first.geobox), of(&second.geobox));
    let near = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-3 * first.geobox.x.step().abs();
    let same = first.geobox.shape() == second.geobox.shape()
        && first.geobox.crs.definition() == second.geobox.crs.definition()
        && a.iter().zip(&b).all(near);
    if same {
        return Ok(());
    }
    let said = |map: &Map, bounds: [f64; 4]| {
        let (rows, columns) = map.geobox.shape();
        format!(
            "{}: {columns} x {rows} cells in {bounds:?} of {}",
            map.name, map.geobox.crs
        )
    };
    Err(JobError::plan_hint(
        format!(
            "the maps are on different grids: {}; {}",
            said(first, a),
            said(second, b)
        ),
        "make one with --like the other",
    ))
}

impl Compared {
    /// Longitude and latitude of a cell's middle.
    pub fn place(&self, cell: usize) -> Option<(f64, f64)> {
        let geobox = &self.first.geobox;
        let (_, columns) = geobox.shape();
        let (x, y) = (
            geobox.x.centre(cell % columns),
            geobox.y.centre(cell / columns),
        );
        geobox.crs.inverse(x, y)
    }

    /// What should be known of it: units that differ, maps that have no cell in common.
    pub fn notes(&self) -> Vec<String> {
        let units = self.first.units().zip(self.second.units());
        let units = units.filter(|(a, b)| a != b);
        let units = units.map(|(a, b)| format!("the units differ: {a:?} and {b:?}"));
        let apart = (self.found.both == 0).then(|| NOTHING_IN_COMMON.to_owned());
        units.into_iter().chain(apart).collect()
    }

    /// All of it as JSON.
    pub fn as_json(&self) -> serde_json::Value {
        let (first, second, found) = (&self.first, &self.second, &self.found);
        let agreement = |of: &Agreement| json!({"bias": of.bias, "rmsd": of.rmsd, "correlation": of.correlation});
        let largest = found.largest.iter().map(|(cell, a, b)| {
            let at = self.place(*cell);
            json!({
                "longitude": at.map(|at| at.0),
                "latitude": at.map(|at| at.1),
                "first": a,
                "second": b,
                "difference": b - a,
            })
        });
        json!({
            "first": {"file": first.name, "variable": first.variable},
            "second": {"file": second.name, "variable": second.variable},
            "cells": {
                "both": found.both,
                "only_first": found.only_first,
                "only_second": found.only_second,
                "positive": found.positive,
            },
            "values": agreement(&found.linear),
            "log10": agreement(&found.log10),
            "largest": largest.collect::<Vec<_>>(),
        })
    }

    /// The pairs of values, and the differences as a map, as PNG.
    ///
    /// # Errors
    /// A map that cannot be drawn.
    pub fn picture(&self) -> Result<Vec<u8>, Error> {
        let (first, second, found) = (&self.first, &self.second, &self.found);
        let single = |values: &[f64]| -> Vec<f32> { values.iter().map(|v| *v as f32).collect() };
        let (a, b) = (single(&first.values), single(&second.values));
        let usual = MapPicture::of_variable(&first.geobox, &a, &first.variable, &first.attributes);
        let steps = match usual.steps == Steps::Log && found.positive > 0 {
            true => Steps::Log,
            false => Steps::Linear,
        };
        let difference: Vec<f32> = first
            .values
            .iter()
            .zip(&second.values)
            .map(|(a, b)| match steps {
                Steps::Linear => (b - a) as f32,
                Steps::Log if *a > 0.0 && *b > 0.0 => (b / a).log10() as f32,
                Steps::Log => f32::NAN,
            })
            .collect();
        let greatest = difference.iter().filter(|v| v.is_finite());
        let greatest = greatest.fold(0f32, |most, v| most.max(v.abs()));
        let limit = if greatest > 0.0 {
            f64::from(greatest)
        } else {
            1.0
        };
        let mut map =
            MapPicture::of_variable(&first.geobox, &difference, "difference", &Vec::new());
        map.steps = Steps::Linear;
        map.limits = Limits::Given(-limit, limit);
        map.palette = Palette::named("balance").ok();
        map.title = format!("{} minus {}", second.name, first.name);
        map.width = 1000;
        (map.label, map.units) = match steps {
            Steps::Linear => (
                format!("difference of {}", first.variable),
                usual.units.clone(),
            ),
            Steps::Log => (
                format!("difference of log10 {}", first.variable),
                String::new(),
            ),
        };
        let shown = match steps {
            Steps::Linear => found.linear,
            Steps::Log => found.log10,
        };
        let of = if steps == Steps::Log { " of log10" } else { "" };
        let lines = vec![
            format!("{} cells in both maps", found.both),
            format!(
                "bias{of} {:+.4e}, rms difference {:.4e}",
                shown.bias, shown.rmsd
            ),
            format!("correlation{of} {:.6}", shown.correlation),
        ];
        let labels = [first, second].map(|map| format!("{} of {}", map.variable, map.name));
        let picture = ComparisonPicture {
            first: &a,
            second: &b,
            labels,
            steps,
            lines,
            map,
        };
        picture.png()
    }
}
