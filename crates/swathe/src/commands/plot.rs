//! `swathe plot`: a picture of a granule or of a gridded file.

use crate::failure::{Failure, Outcome, Result};
use clap::Args;
use std::path::{Path, PathBuf};
use swathe_core::crs::Crs;
use swathe_core::mask::{FlagSelection, FlagTable};
use swathe_core::source::{SwathSource, Values};
use swathe_io::dataset::{AttributeValue, Attributes};
use swathe_io::granule::{Granule, TimeRange, time_text};
use swathe_io::picture::{Limits, MapPicture, Palette, Steps, WIDTHS, draw_swath, grid_for_swath};

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
    file: PathBuf,
    /// What to draw: chlor_a, Rrs@443, NAME[2]; else the file's main variable
    #[arg(short, long, value_name = "VAR")]
    variable: Option<String>,
    /// Picture to write; else the file's name with .png, in the current directory
    #[arg(short, long, value_name = "FILE.png")]
    output: Option<PathBuf>,
    /// Longitude/latitude box to outline in red
    #[arg(long = "box", value_name = "W,S,E,N", value_parser = parse_box, allow_hyphen_values = true)]
    area: Option<[f64; 4]>,
    /// Ends of the colour bar at the 2nd and 98th percentile
    #[arg(long, conflicts_with = "limits")]
    robust: bool,
    /// Ends of the colour bar
    #[arg(long, value_name = "LO,HI", value_parser = parse_limits, allow_hyphen_values = true)]
    limits: Option<[f64; 2]>,
    /// Logarithmic colours (default for variables that ask for it, and chlorophyll)
    #[arg(long)]
    log: bool,
    /// Linear colours
    #[arg(long, conflicts_with = "log")]
    linear: bool,
    /// Colours: viridis, cividis, inferno, turbo, gray, algae, thermal, haline, deep, matter, speed,
    /// balance
    #[arg(long, value_name = "NAME")]
    palette: Option<String>,
    /// Line above the map
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,
    /// Width of the picture in pixels; tall maps come out narrower
    #[arg(long, value_name = "PX", default_value_t = MapPicture::USUAL_WIDTH,
          value_parser = clap::value_parser!(u32).range(i64::from(*WIDTHS.start())..=i64::from(*WIDTHS.end())))]
    width: u32,
    /// Projection of a granule's map: EPSG code, PROJ string or WKT
    #[arg(long, value_name = "CRS")]
    crs: Option<String>,
    /// Leave out a granule's pixels with these quality flags: l3, l2, ... or names
    #[arg(
        long,
        value_name = "FLAGS",
        default_value = "none",
        hide_default_value = true
    )]
    flags: String,
    /// Replace an existing picture
    #[arg(long)]
    overwrite: bool,
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
    let output = output_path(arguments)?;
    let palette = match &arguments.palette {
        Some(name) => Some(Palette::named(name).map_err(Failure::usage)?),
        None => None,
    };
    let granule = Granule::open(&arguments.file)?;
    let subject = Subject::of_granule(&granule, arguments)?;
    if subject.values.iter().all(|value| value.is_nan()) {
        eprintln!("warning: {} has no valid value", subject.name);
    }
    let picture = MapPicture {
        geobox: &subject.geobox,
        values: &subject.values,
        title: match &arguments.title {
            Some(title) => title.clone(),
            None => subject.title.clone(),
        },
        subtitles: subject.subtitles.clone(),
        label: subject.name.clone(),
        units: subject.units.clone(),
        steps: steps(arguments, &subject),
        limits: limits(arguments, &subject)?,
        palette,
        area: arguments.area,
        width: arguments.width,
        name: subject.name.clone(),
        standard_name: subject.standard_name.clone(),
    };
    write_new(&output, &picture.png()?)
        .map_err(|error| Failure::error(format!("{}: {error}", output.display())))?;
    println!("{}", output.display());
    Ok(Outcome::Done)
}

/// What is drawn, from whatever file.
struct Subject {
    geobox: swathe_core::geobox::GeoBox,
    values: Vec<f32>,
    name: String,
    standard_name: Option<String>,
    title: String,
    subtitles: Vec<String>,
    units: String,
    /// Shown on a logarithmic scale.
    log: bool,
    display_range: Option<(f64, f64)>,
}

impl Subject {
    fn of_granule(granule: &Granule, arguments: &Arguments) -> Result<Subject> {
        let request = match &arguments.variable {
            Some(request) => request.clone(),
            None => {
                let main = granule.main_product()?;
                eprintln!("drawing {}, {}", main.name, main.reason);
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
            eprintln!("{note}");
        }
        let (lines, _) = granule.shape();
        let geolocation = granule.geolocation(0..lines).map_err(Failure::error)?;
        let values = granule.values(&selected.field, 0..lines);
        let mut values = match values.map_err(Failure::error)? {
            Values::F32(values) => values,
            Values::F64(values) => values.into_iter().map(|v| v as f32).collect(),
        };
        remove_flagged(granule, &arguments.flags, &mut values)?;
        let crs = match &arguments.crs {
            Some(text) => Some(Crs::parse(text).map_err(Failure::usage)?),
            None => None,
        };
        let geobox = grid_for_swath(&geolocation, crs, arguments.width)
            .map_err(|error| Failure::error(format!("{}: {error}", arguments.file.display())))?;
        let variable = granule.variable(&selected.field.variable)?;
        let attributes = &variable.variable.attributes;
        let long_name = variable.long_name().unwrap_or(&variable.name);
        let title = match &selected.band {
            Some(band) => format!(
                "{}, {} {}",
                capitalised(long_name),
                band.chosen,
                band.units.as_deref().unwrap_or_default()
            ),
            None => capitalised(long_name),
        };
        let mut subtitles = Vec::new();
        subtitles.extend(time_line(granule.time()));
        subtitles.push(granule.dataset().name().to_owned());
        Ok(Subject {
            values: draw_swath(&geolocation, &values, &geobox),
            geobox,
            name: selected.field.name.clone(),
            standard_name: variable.standard_name().map(str::to_owned),
            title: title.trim_end().to_owned(),
            subtitles,
            units: variable.units().unwrap_or_default().to_owned(),
            log: is_log(&variable.name, attributes),
            display_range: display_range(attributes),
        })
    }
}

/// Flagged pixels become missing.
fn remove_flagged(granule: &Granule, flags: &str, values: &mut [f32]) -> Result<()> {
    let selection: FlagSelection = flags.parse().map_err(Failure::usage)?;
    if selection.is_empty() {
        return Ok(());
    }
    let Some(table) = granule.flag_table() else {
        return Err(Failure::error(format!(
            "{} has no quality flags",
            granule.dataset().name()
        )));
    };
    let mask = selection
        .resolve(&FlagTable::new(table.flags.iter().cloned()))
        .map_err(Failure::usage)?;
    let (lines, _) = granule.shape();
    let bits = granule.flags(0..lines).map_err(Failure::error)?;
    let area = vec![true; values.len()];
    mask.apply(values, &bits, &area);
    Ok(())
}

fn steps(arguments: &Arguments, subject: &Subject) -> Steps {
    match (arguments.log, arguments.linear) {
        (true, _) => Steps::Log,
        (_, true) => Steps::Linear,
        _ if subject.log => Steps::Log,
        _ => Steps::Linear,
    }
}

fn limits(arguments: &Arguments, subject: &Subject) -> Result<Limits> {
    if let Some([low, high]) = arguments.limits {
        if steps(arguments, subject) == Steps::Log && low <= 0.0 {
            return Err(Failure::usage(format!(
                "--limits {low},{high}: a logarithmic colour bar begins above zero"
            )));
        }
        return Ok(Limits::Given(low, high));
    }
    Ok(match subject.display_range {
        _ if arguments.robust => Limits::Robust,
        Some((low, high)) => Limits::Given(low, high),
        None => Limits::Auto,
    })
}

fn attribute<'a>(attributes: &'a Attributes, name: &str) -> Option<&'a AttributeValue> {
    let found = attributes.iter().find(|(known, _)| known == name);
    found.map(|(_, value)| value)
}

/// A text attribute.
pub(super) fn text_of<'a>(attributes: &'a Attributes, name: &str) -> Option<&'a str> {
    match attribute(attributes, name)? {
        AttributeValue::Text(text) => Some(text),
        _ => None,
    }
}

/// Whether a variable is shown on a logarithmic scale: if its maker says so, and chlorophyll.
pub(super) fn is_log(name: &str, attributes: &Attributes) -> bool {
    let name = name.to_lowercase();
    text_of(attributes, "display_scale").is_some_and(|text| text.eq_ignore_ascii_case("log"))
        || name.starts_with("chl")
        || name == "conc_chl"
}

/// Limits that the file's maker chose for display.
pub(super) fn display_range(attributes: &Attributes) -> Option<(f64, f64)> {
    let number = |name| match attribute(attributes, name)? {
        AttributeValue::F32(v) => v.first().map(|v| f64::from(*v)),
        AttributeValue::F64(v) => v.first().copied(),
        _ => None,
    };
    let (low, high) = (number("display_min")?, number("display_max")?);
    (low < high).then_some((low, high))
}

pub(super) fn capitalised(text: &str) -> String {
    let mut characters = text.trim().chars();
    characters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(characters).collect()
    })
}

/// `2024-08-01 16:20:13 to 16:25:12 UTC`.
pub(super) fn time_line(time: TimeRange) -> Option<String> {
    let short = |milliseconds| {
        let text = time_text(milliseconds).replace('T', " ");
        text.get(..19).unwrap_or(&text).to_owned()
    };
    match (time.start.map(short), time.end.map(short)) {
        (Some(start), Some(end)) if start == end => Some(format!("{start} UTC")),
        (Some(start), Some(end)) => {
            let same_day = start.get(..10) == end.get(..10);
            let end = end.get(if same_day { 11 } else { 0 }..).unwrap_or_default();
            Some(format!("{start} to {end} UTC"))
        }
        (Some(one), None) | (None, Some(one)) => Some(format!("{one} UTC")),
        (None, None) => None,
    }
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
    if output.exists() && !arguments.overwrite {
        return Err(Failure::error(format!("{} exists", output.display()))
            .with_hint("give another name with -o, or --overwrite"));
    }
    Ok(output)
}

/// Writes a file beside its final name and renames it.
fn write_new(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(format!(".{}.tmp", std::process::id()));
    let temporary = PathBuf::from(temporary);
    let written =
        std::fs::write(&temporary, content).and_then(|()| std::fs::rename(&temporary, path));
    if written.is_err() {
        let _ = std::fs::remove_file(&temporary);
    }
    written
}

fn numbers<const N: usize>(text: &str) -> Option<[f64; N]> {
    let parts = text.split(',').map(|part| part.trim().parse::<f64>().ok());
    let numbers: Vec<f64> = parts.collect::<Option<_>>()?;
    let numbers: [f64; N] = numbers.try_into().ok()?;
    numbers.iter().all(|n| n.is_finite()).then_some(numbers)
}

fn parse_box(text: &str) -> std::result::Result<[f64; 4], String> {
    let area: [f64; 4] = numbers(text).ok_or("expected four numbers: west,south,east,north")?;
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
    match numbers(text) {
        Some([low, high]) if low < high => Ok([low, high]),
        _ => Err("expected two numbers, the smaller one first: 0.01,20".into()),
    }
}
