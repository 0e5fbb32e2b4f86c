//! `swathe plot`: a picture of a granule or of a gridded file.

use super::write;
use crate::failure::{Failure, Outcome, Result};
use crate::job::JobError;
use crate::messages::{say, tell};
use clap::Args;
use std::path::PathBuf;
use swathe_core::crs::Crs;
use swathe_core::geobox::GeoBox;
use swathe_core::mask::FlagSelection;
use swathe_core::source::{SwathSource, Values};
use swathe_io::dataset::Attributes;
use swathe_io::error::Error;
use swathe_io::granule::Granule;
use swathe_io::picture::{
    Classes, Limits, MapPicture, Palette, Steps, WIDTHS, classes, draw_swath, flag_kind,
    grid_for_swath, time_covered, time_line,
};
use swathe_io::product::{Gridded, OutputSet};

/// Draw one variable as a map: PNG with coastlines, graticule and colour bar.
///
/// Of a granule every pixel is drawn where it lies, flags ignored unless --flags is given.
#[derive(Args)]
#[command(after_help = "Examples:
  swathe plot PACE_OCI.20240801T162013.L2.OC_BGC.V3_2.nc -v chlor_a --log --robust
  swathe plot granule.nc -v Rrs@443 --box -77,36,-73,41 -o rrs.png
  swathe plot mean.nc -o mean.png")]
pub struct Arguments {
    /// Granule or gridded file
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// What to draw: chlor_a, Rrs@443, NAME[2]; else the file's main variable
    #[arg(short, long, value_name = "VAR")]
    pub variable: Option<String>,
    /// Picture to write; else the file's name with .png, in the current directory
    #[arg(short, long, value_name = "FILE.png")]
    pub output: Option<PathBuf>,
    /// Longitude/latitude box to outline in red
    #[arg(long = "box", value_name = "W,S,E,N", value_parser = parse_box, allow_hyphen_values = true)]
    pub area: Option<[f64; 4]>,
    /// Ends of the colour bar at the 2nd and 98th percentile
    #[arg(long, conflicts_with = "limits")]
    pub robust: bool,
    /// Ends of the colour bar
    #[arg(long, value_name = "LO,HI", value_parser = parse_limits, allow_hyphen_values = true)]
    pub limits: Option<[f64; 2]>,
    /// Logarithmic colours (default for variables that ask for it, and chlorophyll)
    #[arg(long)]
    pub log: bool,
    /// Linear colours
    #[arg(long, conflicts_with = "log")]
    pub linear: bool,
    /// Colours: viridis, cividis, inferno, turbo, gray, algae, thermal, haline, deep, matter, speed,
    /// balance
    #[arg(long, value_name = "NAME")]
    pub palette: Option<String>,
    /// Line above the map
    #[arg(long, value_name = "TEXT")]
    pub title: Option<String>,
    /// Width of the picture in pixels; tall maps come out narrower
    #[arg(long, value_name = "PX", default_value_t = MapPicture::USUAL_WIDTH,
          value_parser = clap::value_parser!(u32).range(i64::from(*WIDTHS.start())..=i64::from(*WIDTHS.end())))]
    pub width: u32,
    /// Projection of a granule's map: EPSG code, PROJ string or WKT
    #[arg(long, value_name = "CRS")]
    pub crs: Option<String>,
    /// Leave out a granule's pixels with these quality flags: l3, l2, ... or names
    #[arg(
        long,
        value_name = "FLAGS",
        default_value = "none",
        hide_default_value = true
    )]
    pub flags: String,
    /// Replace an existing picture
    #[arg(long)]
    pub overwrite: bool,
}

impl Arguments {
    /// Draws a granule's main variable, as its flags leave it, with an area outlined.
    pub(super) fn of(file: PathBuf, output: PathBuf, area: [f64; 4]) -> Self {
        Arguments {
            file,
            variable: None,
            output: Some(output),
            area: Some(area),
            robust: true,
            limits: None,
            log: false,
            linear: false,
            palette: None,
            title: None,
            width: MapPicture::USUAL_WIDTH,
            crs: None,
            flags: "none".into(),
            overwrite: true,
        }
    }
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result {
    let path = output_path(arguments)?;
    let inputs = std::slice::from_ref(&arguments.file);
    let mut output = OutputSet::new(std::slice::from_ref(&path), inputs, arguments.overwrite)?;
    let png = draw(arguments)?;
    write::png(&mut output, &path, &png)?;
    output.commit()?;
    tell!("{}", path.display());
    Ok(Outcome::Done)
}

/// Draws the picture and encodes it.
pub fn draw(arguments: &Arguments) -> Result<Vec<u8>> {
    if let Some(area) = arguments.area {
        check_box(area).map_err(Failure::usage)?;
    }
    if let Some(limits) = arguments.limits {
        check_limits(limits).map_err(Failure::usage)?;
    }
    let palette = match &arguments.palette {
        Some(name) => Some(Palette::named(name).map_err(Failure::usage)?),
        None => None,
    };
    let subject = Subject::open(arguments)?;
    if subject.values.iter().all(|value| value.is_nan()) {
        say!("warning: {} has no valid value", subject.name);
    }
    let mut picture = MapPicture::of_variable(
        &subject.geobox,
        &subject.values,
        &subject.name,
        &subject.attributes,
    );
    if let Some(detail) = &subject.detail {
        picture.title = format!("{}, {detail}", picture.title);
    }
    if let Some(title) = &arguments.title {
        picture.title.clone_from(title);
    }
    picture.subtitles = subject.subtitles;
    picture.classes = subject.classes;
    if arguments.log || arguments.linear {
        picture.steps = if arguments.log {
            Steps::Log
        } else {
            Steps::Linear
        };
    }
    if arguments.robust {
        picture.limits = Limits::Robust;
    } else if let Some([low, high]) = arguments.limits {
        if picture.steps == Steps::Log && low <= 0.0 {
            return Err(Failure::usage(format!(
                "--limits {low},{high}: a logarithmic colour bar begins above zero"
            ))
            .with_hint("--linear makes it linear"));
        }
        picture.limits = Limits::Given(low, high);
    }
    picture.palette = palette;
    picture.area = arguments.area;
    picture.width = arguments.width;
    Ok(picture.png()?)
}

/// What is drawn, from whatever file.
struct Subject {
    geobox: GeoBox,
    values: Vec<f32>,
    /// What they are called, if they are flags or classes.
    classes: Option<Classes>,
    name: String,
    attributes: Attributes,
    /// Band, for the title.
    detail: Option<String>,
    subtitles: Vec<String>,
}

impl Subject {
    /// A granule, or else a gridded file.
    fn open(arguments: &Arguments) -> Result<Subject> {
        let swath = match Granule::open(&arguments.file) {
            Ok(granule) => return Subject::of_granule(&granule, arguments),
            Err(Error::NotASwath { reason, .. }) => reason,
            Err(error) => return Err(error.into()),
        };
        match Gridded::open(&arguments.file) {
            Ok(gridded) => Subject::of_gridded(&gridded, arguments),
            Err(Error::NotAGrid { reason, .. }) => Err(at_fault(
                arguments,
                format!("neither a swath nor a grid: {swath}; {reason}"),
            )),
            Err(error) => Err(error.into()),
        }
    }

    fn of_granule(granule: &Granule, arguments: &Arguments) -> Result<Subject> {
        let request = match &arguments.variable {
            Some(request) => request.clone(),
            None => {
                let main = granule.main_product()?;
                say!("drawing {}, {}", main.name, main.reason);
                main.name
            }
        };
        let selected = granule.select(&request)?;
        let [selected] = selected.as_slice() else {
            return Err(Failure::usage(format!(
                "{request} means {} fields: a picture shows one",
                selected.len()
            )));
        };
        if let Some(note) = selected.note() {
            say!("{note}");
        }
        let (lines, _) = granule.shape();
        let geolocation = granule.geolocation(0..lines);
        let geolocation = geolocation.map_err(|error| at_fault(arguments, error))?;
        let values = granule.values(&[&selected.field], 0..lines);
        let attributes = &granule
            .variable(&selected.field.variable)?
            .variable
            .attributes;
        let values = values
            .map_err(|error| at_fault(arguments, error))?
            .remove(0);
        let (mut values, classes) = drawn(values, attributes);
        remove_flagged(granule, arguments, &mut values)?;
        let crs = match &arguments.crs {
            Some(text) => Some(Crs::parse(text).map_err(Failure::usage)?),
            None => None,
        };
        let geobox = grid_for_swath(&geolocation, crs, arguments.width)
            .map_err(|error| at_fault(arguments, error))?;
        let time = granule.time();
        let mut subtitles: Vec<String> = time_line(time.start, time.end).into_iter().collect();
        subtitles.push(granule.dataset().name().to_owned());
        Ok(Subject {
            values: draw_swath(&geolocation, &values, &geobox),
            classes,
            geobox,
            name: selected.field.name.clone(),
            attributes: attributes.clone(),
            detail: selected.band.as_ref().map(|band| {
                let units = band.units.as_deref().unwrap_or_default();
                format!("{} {units}", band.chosen).trim_end().to_owned()
            }),
            subtitles,
        })
    }

    fn of_gridded(gridded: &Gridded, arguments: &Arguments) -> Result<Subject> {
        if arguments.crs.is_some() || arguments.flags != "none" {
            return Err(Failure::usage(format!(
                "{} is gridded: --crs and --flags are for granules",
                gridded.dataset().name()
            )));
        }
        let request = match (&arguments.variable, gridded.variables().first()) {
            (Some(request), _) => request.clone(),
            (None, Some(first)) => {
                say!("drawing {}, the first variable on the grid", first.path());
                first.path().to_owned()
            }
            (None, None) => {
                return Err(at_fault(arguments, "no variable lies on its grid"));
            }
        };
        let (name, index) = match request.strip_suffix(']').and_then(|r| r.rsplit_once('[')) {
            Some((name, index)) => (name, Some(index)),
            None => (request.as_str(), None),
        };
        let variable = gridded.variable(name)?;
        let index = match index.map(str::parse) {
            Some(Ok(index)) => index,
            Some(Err(_)) => {
                return Err(Failure::usage(format!(
                    "{request}: expected NAME[i], with i from 0"
                )));
            }
            None => {
                if variable.maps() > 1 {
                    let last = variable.maps() - 1;
                    say!("drawing {name}[0], the first of its maps 0 to {last}");
                }
                0
            }
        };
        let values = gridded.read(variable.path(), index)?;
        let (values, classes) = drawn(values, variable.attributes());
        let dims = variable.other_dims();
        let at_time = matches!(dims.as_slice(), [("time", _)]);
        let time = match gridded
            .times()
            .get(index)
            .filter(|t| at_time && t.is_finite())
        {
            Some(seconds) => time_line(Some((seconds * 1e3) as i64), None),
            None => time_covered(&gridded.dataset().root().attributes),
        };
        let mut subtitles: Vec<String> = time.into_iter().collect();
        subtitles.push(gridded.dataset().name().to_owned());
        Ok(Subject {
            geobox: gridded.geobox().clone(),
            values,
            classes,
            name: variable.name().to_owned(),
            attributes: variable.attributes().clone(),
            detail: None,
            subtitles,
        })
    }
}

/// Values as they are drawn; what they are called, if they are flags or classes.
fn drawn(values: Values, attributes: &Attributes) -> (Vec<f32>, Option<Classes>) {
    let single = |values| match values {
        Values::F32(values) => values,
        Values::F64(values) => values.into_iter().map(|v| v as f32).collect(),
    };
    let kind = flag_kind(attributes);
    if kind.is_none() {
        return (single(values), None);
    }
    let doubles: Vec<f64> = match values {
        Values::F32(values) => values.into_iter().map(f64::from).collect(),
        Values::F64(values) => values,
    };
    match classes(&doubles, kind) {
        Some((values, names)) => (values, Some(names)),
        None => (single(Values::F64(doubles)), None),
    }
}

/// The file cannot be drawn.
fn at_fault(arguments: &Arguments, reason: impl std::fmt::Display) -> Failure {
    JobError::granule(&arguments.file.display().to_string(), reason).into()
}

/// Flagged pixels become missing.
fn remove_flagged(granule: &Granule, arguments: &Arguments, values: &mut [f32]) -> Result<()> {
    let selection: FlagSelection = arguments.flags.parse().map_err(Failure::usage)?;
    if selection.is_empty() {
        return Ok(());
    }
    let Some(table) = granule.flag_table() else {
        return Err(at_fault(arguments, "it has no quality flags"));
    };
    let mask = selection.resolve(table).map_err(Failure::usage)?;
    let (lines, _) = granule.shape();
    let bits = granule.flags(0..lines);
    let bits = bits.map_err(|error| at_fault(arguments, error))?;
    let area = vec![true; values.len()];
    mask.apply(values, &bits, &area);
    Ok(())
}

fn output_path(arguments: &Arguments) -> Result<PathBuf> {
    let output = match &arguments.output {
        Some(path) => path.clone(),
        None => {
            let stem = arguments.file.file_stem().unwrap_or_default();
            let mut name = stem.to_owned();
            name.push(".png");
            PathBuf::from(name)
        }
    };
    let is_png = output
        .extension()
        .is_some_and(|e| e.eq_ignore_ascii_case("png"));
    if !is_png {
        return Err(Failure::usage(format!(
            "{}: pictures are PNG files: give a name that ends in .png",
            output.display()
        )));
    }
    Ok(output)
}

fn numbers<const N: usize>(text: &str) -> Option<[f64; N]> {
    let parts = text.split(',').map(|part| part.trim().parse::<f64>().ok());
    let numbers: Vec<f64> = parts.collect::<Option<_>>()?;
    let numbers: [f64; N] = numbers.try_into().ok()?;
    numbers.iter().all(|n| n.is_finite()).then_some(numbers)
}

fn parse_box(text: &str) -> std::result::Result<[f64; 4], String> {
    check_box(numbers(text).ok_or("expected four numbers: west,south,east,north")?)
}

fn check_box(area: [f64; 4]) -> std::result::Result<[f64; 4], String> {
    let [west, south, east, north] = area;
    if !(-90.0 <= south && south < north && north <= 90.0) {
        return Err("south must be less than north, within -90..90".into());
    }
    if west == east || west.abs() > 360.0 || east.abs() > 360.0 {
        return Err("west must differ from east, within -180..180".into());
    }
    Ok(area)
}

fn parse_limits(text: &str) -> std::result::Result<[f64; 2], String> {
    check_limits(numbers(text).unwrap_or_default())
}

fn check_limits([low, high]: [f64; 2]) -> std::result::Result<[f64; 2], String> {
    match low < high {
        true => Ok([low, high]),
        false => Err("expected two numbers, the smaller one first: 0.01,20".into()),
    }
}
