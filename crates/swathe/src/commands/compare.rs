//! `swathe compare`: how two maps of one grid agree.

use super::write;
use crate::failure::{Failure, Outcome, Result};
use crate::messages::{say, tell};
use clap::Args;
use serde_json::json;
use std::path::{Path, PathBuf};
use swathe_core::comparison::{Agreement, Comparison};
use swathe_core::geobox::GeoBox;
use swathe_core::source::Values;
use swathe_io::dataset::Attributes;
use swathe_io::picture::{ComparisonPicture, Limits, MapPicture, Palette, Steps};
use swathe_io::product::{Gridded, OutputSet};

/// Compare two maps on the same grid: the second minus the first.
///
/// Bias, root mean square difference and correlation, of the values and of their decimal logarithms, over
/// the cells in which both have a value; how many have one alone; where they differ most.
#[derive(Args)]
#[command(after_help = "Examples:
  swathe compare ours.nc theirs.nc -v chlor_a
  swathe compare a.nc b.nc -v chlor_a --json
  swathe compare a.nc b.nc -v chlor_a -o difference.png")]
pub struct Arguments {
    /// The map that the other is compared with
    #[arg(value_name = "A.nc")]
    first: PathBuf,
    /// The other map
    #[arg(value_name = "B.nc")]
    second: PathBuf,
    /// Variable of both, or as A=B where names differ. Default: the first that both have
    #[arg(short, long, value_name = "NAME")]
    variable: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// How many of the largest differences to list
    #[arg(long, value_name = "N", default_value_t = 5)]
    largest: usize,
    /// Picture of the pairs of values and of the differences, .png
    #[arg(short, long, value_name = "FILE.png")]
    output: Option<PathBuf>,
    /// Replace a picture that exists
    #[arg(long)]
    overwrite: bool,
}

/// One of the two maps.
struct Map {
    name: String,
    variable: String,
    geobox: GeoBox,
    values: Vec<f64>,
    attributes: Attributes,
}

impl Map {
    fn read(gridded: &Gridded, variable: &str) -> Result<Map> {
        let found = gridded.variable(variable)?;
        if found.maps() != 1 {
            return Err(Failure::usage(format!(
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
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result {
    let inputs = [arguments.first.clone(), arguments.second.clone()];
    let output = arguments.output.as_ref();
    let png = |path: &Path| {
        path.extension()
            .is_some_and(|e| e.eq_ignore_ascii_case("png"))
    };
    if let Some(path) = output.filter(|path| !png(path)) {
        return Err(Failure::usage(format!(
            "{}: a picture is a .png",
            path.display()
        )));
    }
    let set =
        output.map(|path| OutputSet::new(std::slice::from_ref(path), &inputs, arguments.overwrite));
    let set = set.transpose()?;
    let (first, second) = (
        Gridded::open(&arguments.first)?,
        Gridded::open(&arguments.second)?,
    );
    let (a, b) = variables(arguments, &first, &second)?;
    let (first, second) = (Map::read(&first, &a)?, Map::read(&second, &b)?);
    check_grids(&first, &second)?;
    let comparison = Comparison::of(&first.values, &second.values, arguments.largest);
    match arguments.json {
        true => tell!("{:#}", as_json(&comparison, &first, &second)),
        false => print(&comparison, &first, &second),
    }
    if let (Some(mut set), Some(path)) = (set, output) {
        write::png(&mut set, path, &picture(&comparison, &first, &second)?)?;
        set.commit()?;
        say!("wrote {}", path.display());
    }
    match comparison.both {
        0 => Err(Failure::nothing("no cell has a value in both maps")),
        _ => Ok(Outcome::Done),
    }
}

fn variables(arguments: &Arguments, first: &Gridded, second: &Gridded) -> Result<(String, String)> {
    if let Some(request) = &arguments.variable {
        let (a, b) = request.split_once('=').unwrap_or((request, request));
        return Ok((a.trim().to_owned(), b.trim().to_owned()));
    }
    let names: Vec<&str> = second.variables().iter().map(|v| v.name()).collect();
    let mut own = first.variables().iter().map(|v| v.name());
    match own.find(|name| names.contains(name)) {
        Some(name) => Ok((name.to_owned(), name.to_owned())),
        None => Err(Failure::usage("the files have no variable in common")
            .with_hint("give -v NAME, or -v NAME_IN_A=NAME_IN_B")),
    }
}

/// Labels of some files are rounded to single precision: grids are the same within a thousandth of a cell.
fn check_grids(first: &Map, second: &Map) -> Result<()> {
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
    Err(Failure::error(format!(
        "the maps are on different grids: {}; {}",
        said(first, a),
        said(second, b)
    ))
    .with_hint("make one with --like the other"))
}

/// Longitude and latitude of a cell's middle.
fn place(geobox: &GeoBox, cell: usize) -> Option<(f64, f64)> {
    let (_, columns) = geobox.shape();
    let (x, y) = (
        geobox.x.centre(cell % columns),
        geobox.y.centre(cell / columns),
    );
    geobox.crs.inverse(x, y)
}

fn print(found: &Comparison, first: &Map, second: &Map) {
    tell!("first      {}: {}", first.name, first.variable);
    tell!("second     {}: {}", second.name, second.variable);
    tell!(
        "cells      {} in both, {} in the first alone, {} in the second alone",
        found.both,
        found.only_first,
        found.only_second
    );
    let line = |agreement: &Agreement| {
        format!(
            "bias {:+.6e}, rms difference {:.6e}, correlation {:.8}",
            agreement.bias, agreement.rmsd, agreement.correlation
        )
    };
    tell!("values     {}", line(&found.linear));
    tell!(
        "log10      {} (of {} positive pairs)",
        line(&found.log10),
        found.positive
    );
    for (cell, a, b) in &found.largest {
        let at = place(&first.geobox, *cell);
        let at = at.map_or(String::new(), |(lon, lat)| format!("{lon:.4} E {lat:.4} N"));
        tell!("differs    {:+.6e} at {at}: {a:.6} and {b:.6}", b - a);
    }
}

fn as_json(found: &Comparison, first: &Map, second: &Map) -> serde_json::Value {
    let agreement =
        |of: &Agreement| json!({"bias": of.bias, "rmsd": of.rmsd, "correlation": of.correlation});
    let largest = found.largest.iter().map(|(cell, a, b)| {
        let at = place(&first.geobox, *cell);
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

fn picture(found: &Comparison, first: &Map, second: &Map) -> Result<Vec<u8>> {
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
    let mut map = MapPicture::of_variable(&first.geobox, &difference, "difference", &Vec::new());
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
    Ok(picture.png()?)
}
