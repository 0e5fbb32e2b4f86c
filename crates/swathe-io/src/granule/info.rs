//! What is in a file, for people and as JSON.

use std::fmt::Write as _;
use std::path::Path;

use serde::Serialize;
use swathe_core::source::SwathSource as _;

use super::attributes;
use super::extent::ExtentBuilder;
use super::layout::Catalogue;
use super::{Extent, FlagKind, Granule, Identity, SwathVariable, time_text};
use crate::dataset::Dataset;
use crate::error::{Error, Result};

/// Lines of positions that are read together, at least.
const USUAL_LINES: usize = 128;

/// A file: a swath, or something else with the reason why it is none.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub enum Description {
    /// A granule.
    Swath(Box<GranuleInfo>),
    /// A readable file that is no swath.
    Other(Box<DatasetInfo>),
}

/// What a granule holds.
#[derive(Debug, Clone, Serialize)]
pub struct GranuleInfo {
    /// Base name of the file.
    pub file: String,
    /// Product, instrument, platform, suite, version.
    #[serde(flatten)]
    pub identity: Identity,
    /// First observation, `2024-08-01T16:20:13.000Z`.
    pub time_start: Option<String>,
    /// Last observation.
    pub time_end: Option<String>,
    /// Number of lines.
    pub lines: usize,
    /// Pixels in a line.
    pub pixels: usize,
    /// The box it covers; absent if no pixel has a position.
    pub extent: Option<Extent>,
    /// Paths of latitude and longitude.
    pub geolocation: [String; 2],
    /// Whether geolocation is interpolated from control points.
    pub control_points: bool,
    /// Variables on the swath.
    pub variables: Vec<VariableInfo>,
    /// Path of the quality-flag variable.
    pub quality_flags: Option<String>,
    /// Oddities, in sentences.
    pub warnings: Vec<String>,
}

/// A variable on the swath.
#[derive(Debug, Clone, Serialize)]
pub struct VariableInfo {
    /// Name without groups.
    pub name: String,
    /// Full path.
    pub path: String,
    /// Type as stored.
    pub dtype: String,
    /// Lengths of the dimensions.
    pub shape: Vec<usize>,
    /// Names of the dimensions.
    pub dims: Vec<String>,
    /// Units.
    pub units: Option<String>,
    /// Description.
    pub long_name: Option<String>,
    /// CF standard name.
    pub standard_name: Option<String>,
    /// Least valid value, unpacked.
    pub valid_min: Option<f64>,
    /// Greatest valid value, unpacked.
    pub valid_max: Option<f64>,
    /// Whether values are packed with a factor or an offset.
    pub packed: bool,
    /// Wavelengths of the bands in nm.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wavelengths: Option<Vec<f64>>,
    /// Dimensions beyond lines and pixels.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub bands: Vec<BandInfo>,
    /// Flags or classes by name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<FlagInfo>,
}

/// A dimension beyond lines and pixels.
#[derive(Debug, Clone, Serialize)]
pub struct BandInfo {
    /// Name.
    pub dimension: String,
    /// Length.
    pub length: usize,
    /// Its coordinate, if the file has one and it is not wavelength.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub values: Option<Vec<f64>>,
    /// Units of the coordinate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub units: Option<String>,
    /// Where the coordinate was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// A flag or a class.
#[derive(Debug, Clone, Serialize)]
pub struct FlagInfo {
    /// Name.
    pub name: String,
    /// Its bits, for a flag.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mask: Option<u64>,
    /// Its number, for a class.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<i64>,
}

/// A file that is no swath.
#[derive(Debug, Clone, Serialize)]
pub struct DatasetInfo {
    /// Base name of the file.
    pub file: String,
    /// Why it is no swath, in one sentence.
    pub not_a_swath: String,
    /// All its variables.
    pub variables: Vec<ListedVariable>,
}

/// A variable of a file that is no swath.
#[derive(Debug, Clone, Serialize)]
pub struct ListedVariable {
    /// Full path.
    pub path: String,
    /// Type as stored.
    pub dtype: String,
    /// Lengths of the dimensions.
    pub shape: Vec<usize>,
    /// Names of the dimensions.
    pub dims: Vec<String>,
    /// Units.
    pub units: Option<String>,
}

/// Describes a local file.
///
/// # Errors
/// When it cannot be read at all; one that is merely no swath is described.
pub fn describe(path: &Path) -> Result<Description> {
    describe_dataset(Dataset::open(path)?)
}

fn describe_dataset(dataset: Dataset) -> Result<Description> {
    match Granule::try_from_dataset(dataset) {
        Ok(granule) => Ok(Description::Swath(Box::new(granule.info()?))),
        Err((dataset, Error::NotASwath { reason, .. } | Error::Format { reason, .. })) => {
            let variables = Catalogue::new(dataset.root()).variables;
            let listed = variables.into_iter().map(|v| ListedVariable {
                path: v.path.clone(),
                dtype: v.dtype.name().to_owned(),
                shape: v.shape.clone(),
                dims: v.dims.clone(),
                units: attributes::text(&v.attributes, "units").map(str::to_owned),
            });
            Ok(Description::Other(Box::new(DatasetInfo {
                variables: listed.collect(),
                not_a_swath: reason,
                file: dataset.name().to_owned(),
            })))
        }
        Err((_, error)) => Err(error),
    }
}

impl Granule {
    /// Everything that [`describe`] shows of a granule. Reads the whole geolocation, for the box.
    ///
    /// # Errors
    /// When those, or the coordinates of bands, cannot be read.
    pub fn info(&self) -> Result<GranuleInfo> {
        let (lines, pixels) = self.shape();
        let (latitude, longitude) = self.geolocation_paths();
        let mut warnings = self.warnings().to_vec();
        warnings.extend(
            self.refused()
                .iter()
                .map(|(path, reason)| format!("{path}: {reason}")),
        );
        let extent = self.extent()?;
        if lines == 0 || pixels == 0 {
            warnings.push(format!(
                "it has {lines} lines of {pixels} pixels: nothing to map"
            ));
        } else if extent.is_none() {
            warnings.push("no pixel has a position".into());
        }
        Ok(GranuleInfo {
            file: self.name().to_owned(),
            identity: self.identity().clone(),
            time_start: self.time().start.map(time_text),
            time_end: self.time().end.map(time_text),
            lines,
            pixels,
            extent,
            geolocation: [latitude.to_owned(), longitude.to_owned()],
            control_points: self.layout.control_points.is_some(),
            variables: self
                .variables()
                .iter()
                .map(|v| self.variable_info(v))
                .collect::<Result<_>>()?,
            quality_flags: self.flag_path().map(str::to_owned),
            warnings,
        })
    }

    /// The box that the swath covers, from all its positions, rounded to a millionth of a degree; `None`
    /// if no pixel has a position. (Line extents would not do: a line bulges towards the pole between
    /// its ends, and cropped files keep those of the whole line.)
    ///
    /// # Errors
    /// When geolocation cannot be read.
    pub fn extent(&self) -> Result<Option<Extent>> {
        let (lines, pixels) = self.shape();
        let latitude = &self.layout.latitude;
        let chunk = latitude.chunk_shape.as_ref().and_then(|shape| {
            let axis = latitude.shape.len().checked_sub(2)?;
            shape.get(axis).copied()
        });
        let chunk = chunk.unwrap_or(1).clamp(1, lines.max(1));
        let together = chunk * USUAL_LINES.div_ceil(chunk);
        let mut builder = ExtentBuilder::default();
        for start in (0..lines).step_by(together) {
            let block = self.read_geolocation(start..lines.min(start + together))?;
            for line in 0..block.lines.len() {
                let row = line * pixels..(line + 1) * pixels;
                builder.add_line(row.map(|i| (block.longitude.get(i), block.latitude.get(i))));
            }
        }
        let round = |degrees: f64| (degrees * 1e6).round() / 1e6;
        Ok(builder.finish().map(|extent| Extent {
            west: round(extent.west),
            south: round(extent.south),
            east: round(extent.east),
            north: round(extent.north),
        }))
    }

    fn variable_info(&self, variable: &SwathVariable) -> Result<VariableInfo> {
        let bands = self.bands(variable)?;
        let is_wavelength = bands
            .as_ref()
            .is_some_and(|b| b.units.as_deref() == Some("nm"));
        let valid = variable.valid_range();
        let dims = variable
            .band_dims()
            .into_iter()
            .map(|(name, length)| BandInfo {
                dimension: name.to_owned(),
                length,
                values: bands
                    .as_ref()
                    .filter(|_| !is_wavelength)
                    .map(|b| b.values.clone()),
                units: bands.as_ref().and_then(|b| b.units.clone()),
                source: bands.as_ref().map(|b| b.source.clone()),
            });
        let flags = match variable.flags() {
            Some(FlagKind::Bits(bits)) => bits
                .into_iter()
                .map(|(name, mask)| FlagInfo {
                    name,
                    mask: Some(mask),
                    value: None,
                })
                .collect(),
            Some(FlagKind::Classes(classes)) => classes
                .into_iter()
                .map(|(name, value)| FlagInfo {
                    name,
                    mask: None,
                    value: Some(value),
                })
                .collect(),
            None => Vec::new(),
        };
        Ok(VariableInfo {
            name: variable.name.clone(),
            path: variable.path().to_owned(),
            dtype: variable.variable.dtype.name().to_owned(),
            shape: variable.variable.shape.clone(),
            dims: variable.dims.clone(),
            units: variable.units().map(str::to_owned),
            long_name: variable.long_name().map(str::to_owned),
            standard_name: variable.standard_name().map(str::to_owned),
            valid_min: valid.map(|(low, _)| low).filter(|v| v.is_finite()),
            valid_max: valid.map(|(_, high)| high).filter(|v| v.is_finite()),
            packed: variable.is_packed(),
            bands: dims.collect(),
            wavelengths: bands.filter(|_| is_wavelength).map(|b| b.values),
            flags,
        })
    }
}

impl Description {
    /// For people: aligned, one fact or variable a line.
    pub fn to_text(&self) -> String {
        match self {
            Description::Swath(info) => info.to_text(),
            Description::Other(info) => info.to_text(),
        }
    }
}

impl GranuleInfo {
    /// For people: aligned, one fact or variable a line.
    pub fn to_text(&self) -> String {
        let identity = &self.identity;
        let joined = |parts: [Option<&str>; 2], between: &str| {
            let parts: Vec<&str> = parts.into_iter().flatten().collect();
            (!parts.is_empty()).then(|| parts.join(between))
        };
        let version = identity
            .processing_version
            .as_ref()
            .map(|version| format!("version {version}"));
        let near_real_time = identity.near_real_time.then_some("near real time");
        let product = [
            identity.suite.as_deref(),
            version.as_deref(),
            near_real_time,
        ];
        let product: Vec<&str> = product.into_iter().flatten().collect();
        let facts = [
            ("title", identity.title.clone()),
            ("product", (!product.is_empty()).then(|| product.join(", "))),
            (
                "instrument",
                joined(
                    [identity.instrument.as_deref(), identity.platform.as_deref()],
                    " on ",
                ),
            ),
            ("time", self.time_line()),
            ("orbit", identity.orbit.clone()),
            (
                "swath",
                Some(format!("{} lines of {} pixels", self.lines, self.pixels)),
            ),
            (
                "extent",
                Some(
                    self.extent
                        .as_ref()
                        .map_or_else(|| "no pixel has a position".into(), extent_text),
                ),
            ),
            ("geolocation", Some(self.geolocation_line())),
        ];
        let mut text = format!("{}\n", self.file);
        for (name, fact) in facts {
            if let Some(fact) = fact {
                let _ = writeln!(text, "  {name:<12} {}", one_line(&fact));
            }
        }
        for warning in &self.warnings {
            let _ = writeln!(text, "  {:<12} {}", "note", one_line(warning));
        }
        let rows: Vec<[String; 4]> = self.variables.iter().map(variable_row).collect();
        let _ = writeln!(text, "  {} variables on the swath", rows.len());
        write_table(&mut text, &rows);
        for variable in self.variables.iter().filter(|v| !v.flags.is_empty()) {
            let kind = if variable.flags.iter().any(|flag| flag.mask.is_some()) {
                "flags"
            } else {
                "classes"
            };
            let quality = if self.quality_flags.as_ref() == Some(&variable.path) {
                " (quality)"
            } else {
                ""
            };
            let _ = writeln!(text, "  {kind} of {}{quality}", variable.name);
            let names: Vec<String> = variable.flags.iter().map(flag_text).collect();
            write_wrapped(&mut text, &names);
        }
        text
    }

    fn time_line(&self) -> Option<String> {
        let range = match (&self.time_start, &self.time_end) {
            (Some(start), Some(end)) => format!("{start} to {end}"),
            (Some(start), None) => format!("{start} (end unknown)"),
            (None, Some(end)) => format!("until {end} (start unknown)"),
            (None, None) => "unknown".to_owned(),
        };
        Some(match &self.identity.day_night {
            Some(day_night) => format!("{range}, {day_night}"),
            None => range,
        })
    }

    fn geolocation_line(&self) -> String {
        let [latitude, longitude] = &self.geolocation;
        let how = if self.control_points {
            ", interpolated between control points"
        } else {
            ""
        };
        format!("{latitude}, {longitude}{how}")
    }
}

impl DatasetInfo {
    /// For people: the reason, then one variable a line.
    pub fn to_text(&self) -> String {
        let mut text = format!(
            "{}\n  not a swath: {}\n",
            self.file,
            one_line(&self.not_a_swath)
        );
        let rows: Vec<[String; 4]> = self
            .variables
            .iter()
            .map(|v| {
                [
                    one_line(&v.path),
                    v.dtype.clone(),
                    dims_text(&v.dims, &v.shape),
                    String::new(),
                ]
            })
            .collect();
        let _ = writeln!(text, "  {} variables", rows.len());
        write_table(&mut text, &rows);
        text
    }
}

fn extent_text(extent: &Extent) -> String {
    let crossing = if extent.west > extent.east {
        " (across 180)"
    } else {
        ""
    };
    format!(
        "longitude {:.3} to {:.3}{crossing}, latitude {:.3} to {:.3}",
        extent.west, extent.east, extent.south, extent.north
    )
}

fn variable_row(variable: &VariableInfo) -> [String; 4] {
    let bands: Vec<String> = variable
        .bands
        .iter()
        .map(|band| match variable.wavelengths.as_deref() {
            Some([first, .., last]) => format!("{} bands, {first} to {last} nm", band.length),
            _ => format!("{} {}", band.length, band.dimension),
        })
        .collect();
    let description = variable
        .long_name
        .as_deref()
        .or(variable.standard_name.as_deref())
        .unwrap_or_default();
    let description = one_line(description);
    let notes = match (bands.is_empty(), description.is_empty()) {
        (true, _) => description,
        (false, true) => format!("[{}]", bands.join("; ")),
        (false, false) => format!("{description} [{}]", bands.join("; ")),
    };
    let packed = if variable.packed { " packed" } else { "" };
    [
        one_line(&variable.name),
        format!("{}{packed}", variable.dtype),
        one_line(variable.units.as_deref().unwrap_or("-")),
        notes,
    ]
}

fn dims_text(dims: &[String], shape: &[usize]) -> String {
    let parts = dims
        .iter()
        .zip(shape)
        .map(|(name, len)| format!("{name}: {len}"));
    format!("({})", one_line(&parts.collect::<Vec<_>>().join(", ")))
}

fn flag_text(flag: &FlagInfo) -> String {
    match (flag.mask, flag.value) {
        (Some(mask), _) if mask.is_power_of_two() => {
            format!("{} {}", mask.trailing_zeros(), flag.name)
        }
        (Some(mask), _) => format!("{mask:#x} {}", flag.name),
        (None, Some(value)) => format!("{value} {}", flag.name),
        (None, None) => flag.name.clone(),
    }
}

fn write_table(text: &mut String, rows: &[[String; 4]]) {
    const WIDEST: usize = 48;
    let width = |column: usize| {
        rows.iter()
            .map(|row| row[column].chars().count().min(WIDEST))
            .max()
            .unwrap_or(0)
    };
    let widths = [width(0), width(1), width(2)];
    for row in rows {
        let line = format!(
            "    {:<a$}  {:<b$}  {:<c$}  {}",
            row[0],
            row[1],
            row[2],
            row[3],
            a = widths[0],
            b = widths[1],
            c = widths[2]
        );
        let _ = writeln!(text, "{}", line.trim_end());
    }
}

/// Words at most 96 characters a line, indented.
fn write_wrapped(text: &mut String, words: &[String]) {
    let mut line = String::new();
    for word in words {
        let word = one_line(word);
        if !line.is_empty() && line.chars().count() + word.chars().count() + 2 > 96 {
            let _ = writeln!(text, "    {line}");
            line.clear();
        }
        if !line.is_empty() {
            line += ", ";
        }
        line += &word;
    }
    if !line.is_empty() {
        let _ = writeln!(text, "    {line}");
    }
}

/// Text from a file on one line, without control characters, at most 200 characters.
fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(200)
        .collect::<String>()
        .trim()
        .to_owned()
}
