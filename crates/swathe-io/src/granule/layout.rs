//! Where a granule keeps its latitude and longitude, and which variables lie on them.
//!
//! Everything here looks at names, dimensions and attributes only; nothing is read. The order of
//! evidence is CF's: the `coordinates` attribute of data variables, then standard names and units,
//! then plain names.

use std::collections::HashMap;

use crate::dataset::{DataType, Group, Variable};
use crate::error::{Error, Result};

use super::attributes;

/// The two-dimensional latitude and longitude of a granule.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    pub(super) latitude: Variable,
    pub(super) longitude: Variable,
    /// Lines and pixels of the swath.
    pub(super) lines: usize,
    pub(super) pixels: usize,
    /// Dimension names of lines and pixels.
    pub(super) line_dim: String,
    pub(super) pixel_dim: String,
    /// Whether latitude and longitude are given at control points of each line only.
    pub(super) control_points: Option<usize>,
}

/// Where the dimensions of a variable are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Axes {
    pub(super) line: usize,
    pub(super) pixel: usize,
    /// Further dimensions longer than one: bands, layers.
    pub(super) bands: Vec<usize>,
}

/// How a variable lies relative to the geolocation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fit {
    /// On lines and pixels.
    On(Axes),
    /// It should be, but is not: the reason.
    Mismatch(String),
    /// It is something else.
    Elsewhere,
}

/// All variables of a dataset in file order, found by path or name.
pub(crate) struct Catalogue<'a> {
    pub(crate) variables: Vec<&'a Variable>,
    by_path: HashMap<&'a str, &'a Variable>,
    by_name: HashMap<&'a str, &'a Variable>,
}

impl<'a> Catalogue<'a> {
    pub(crate) fn new(root: &'a Group) -> Catalogue<'a> {
        let mut variables = Vec::new();
        let mut stack = vec![root];
        while let Some(group) = stack.pop() {
            variables.extend(&group.variables);
            stack.extend(group.groups.iter().rev());
        }
        let by_path = variables.iter().map(|v| (v.path.as_str(), *v)).collect();
        // The first of a name, in file order.
        let by_name = variables
            .iter()
            .rev()
            .map(|v| (base_name(&v.path), *v))
            .collect();
        Catalogue {
            variables,
            by_path,
            by_name,
        }
    }

    /// The variable at a path.
    pub(super) fn at(&self, path: &str) -> Option<&'a Variable> {
        self.by_path.get(path).copied()
    }

    /// Resolves a variable name used in an attribute of a variable at `from`, as CF 1.8 section 2.7
    /// says: a path as it stands, a plain name in the same group, then upwards, then anywhere.
    pub(crate) fn resolve(&self, from: &str, name: &str) -> Option<&'a Variable> {
        if name.starts_with('/') {
            return self.at(name);
        }
        let mut group = group_of(from);
        loop {
            if let Some(found) = self.at(&format!("{group}/{name}")) {
                return Some(found);
            }
            if group.is_empty() {
                return self.by_name.get(name).copied();
            }
            group = group_of(group);
        }
    }

    /// The variables that the `coordinates` attribute of a variable names.
    fn coordinates_of(&self, variable: &Variable) -> Vec<&'a Variable> {
        attributes::text(&variable.attributes, "coordinates")
            .into_iter()
            .flat_map(|list| list.split_whitespace().take(16))
            .filter_map(|name| self.resolve(&variable.path, name))
            .collect()
    }
}

/// Base name of a path.
pub(crate) fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Path of the group that holds a variable, `""` for the root.
pub(crate) fn group_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(group, _)| group)
}

impl Layout {
    /// Finds the geolocation of a dataset called `place` in messages.
    ///
    /// # Errors
    /// [`Error::NotASwath`] when there is none in two dimensions, [`Error::Format`] when latitude and
    /// longitude do not belong together.
    pub(super) fn find(catalogue: &Catalogue<'_>, place: &str) -> Result<Layout> {
        let not_a_swath = |reason: String| Error::NotASwath {
            path: place.to_owned(),
            reason,
        };
        let referenced = coordinate_references(catalogue);
        let latitudes = candidates(catalogue, Axis::Latitude, &referenced);
        let longitudes = candidates(catalogue, Axis::Longitude, &referenced);
        let two_dimensional = |list: &[Candidate<'_>]| list.iter().any(|c| c.dims.len() == 2);
        let mut variables = catalogue.variables.iter();
        if variables.any(|variable| variable.path.ends_with("/level-3_binned_data/BinIndex")) {
            let reason =
                "it holds Level-3 bins: `swathe map` puts them on a map, `swathe merge` adds them";
            return Err(not_a_swath(reason.into()));
        }
        if !two_dimensional(&latitudes) || !two_dimensional(&longitudes) {
            return Err(not_a_swath(why_not(&latitudes, &longitudes)));
        }

        let mut best: Option<(Score, Layout)> = None;
        let mut unpaired = None;
        for latitude in latitudes.iter().filter(|c| c.dims.len() == 2) {
            for longitude in longitudes.iter().filter(|c| c.dims.len() == 2) {
                if latitude.dims != longitude.dims {
                    unpaired.get_or_insert((latitude.variable, longitude.variable));
                    continue;
                }
                let layout = Layout::of_pair(latitude, longitude, catalogue);
                let score = Score {
                    references: latitude.references + longitude.references,
                    same_group: group_of(&latitude.variable.path)
                        == group_of(&longitude.variable.path),
                    covered: catalogue
                        .variables
                        .iter()
                        .filter(|v| matches!(layout.fit(v, catalogue), Fit::On(_)))
                        .count(),
                    evidence: latitude.evidence + longitude.evidence,
                };
                if best.as_ref().is_none_or(|(other, _)| score > *other) {
                    best = Some((score, layout));
                }
            }
        }
        if let Some((_, layout)) = best {
            return Ok(layout);
        }
        match unpaired {
            Some((latitude, longitude)) => Err(Error::Format {
                path: place.to_owned(),
                reason: format!(
                    "latitude {} has shape {} but longitude {} has {}: they must be equal",
                    latitude.path,
                    shape_text(latitude),
                    longitude.path,
                    shape_text(longitude)
                ),
            }),
            None => Err(not_a_swath(why_not(&latitudes, &longitudes))),
        }
    }

    fn of_pair(
        latitude: &Candidate<'_>,
        longitude: &Candidate<'_>,
        catalogue: &Catalogue<'_>,
    ) -> Layout {
        let [(line_dim, lines), (pixel_dim, pixels)] = [&latitude.dims[0], &latitude.dims[1]];
        let mut layout = Layout {
            latitude: latitude.variable.clone(),
            longitude: longitude.variable.clone(),
            lines: *lines,
            pixels: *pixels,
            line_dim: line_dim.clone(),
            pixel_dim: pixel_dim.clone(),
            control_points: None,
        };
        if pixel_dim.to_ascii_lowercase().contains("control_point")
            && let Some((name, len)) = pixels_behind_control_points(&layout, &catalogue.variables)
        {
            layout.pixel_dim = name;
            if len != *pixels {
                layout.control_points = Some(*pixels);
                layout.pixels = len;
            }
        }
        layout
    }

    /// How a variable lies on this geolocation.
    pub(super) fn fit(&self, variable: &Variable, catalogue: &Catalogue<'_>) -> Fit {
        if matches!(variable.dtype, DataType::Text | DataType::Other(_)) || variable.shape.len() < 2
        {
            return Fit::Elsewhere;
        }
        let names = dimension_names(variable);
        let position = |name: &str| names.iter().position(|n| n == name);
        if let (Some(line), Some(pixel)) = (position(&self.line_dim), position(&self.pixel_dim)) {
            if self.is_phony()
                && (variable.shape[line], variable.shape[pixel]) != (self.lines, self.pixels)
            {
                return Fit::Elsewhere;
            }
            return self.check(variable, line, pixel);
        }
        if self.is_phony() || is_phony(&names) {
            // Without names the lengths must tell, within the group tree of the geolocation.
            let group = top_group(&self.latitude.path);
            let pair = (0..variable.shape.len().saturating_sub(1))
                .find(|&i| variable.shape[i..i + 2] == [self.lines, self.pixels]);
            return match pair {
                Some(line) if top_group(&variable.path) == group => {
                    self.check(variable, line, line + 1)
                }
                _ => Fit::Elsewhere,
            };
        }
        if !self.is_referenced_by(variable, catalogue) {
            return Fit::Elsewhere;
        }
        // Other dimension names, but the variable says that this is its geolocation.
        let ones = variable.shape.iter().take_while(|&&len| len == 1).count();
        let line = ones.min(variable.shape.len() - 2);
        self.check(variable, line, line + 1)
    }

    fn check(&self, variable: &Variable, line: usize, pixel: usize) -> Fit {
        if (variable.shape[line], variable.shape[pixel]) != (self.lines, self.pixels) {
            return Fit::Mismatch(format!(
                "its shape {} is not that of latitude and longitude ({} lines of {} pixels)",
                shape_text(variable),
                self.lines,
                self.pixels
            ));
        }
        if pixel < line {
            return Fit::Mismatch(format!(
                "its pixels come before its lines ({})",
                dimension_names(variable).join(", ")
            ));
        }
        let bands = (0..variable.shape.len())
            .filter(|&i| i != line && i != pixel && variable.shape[i] != 1)
            .collect();
        Fit::On(Axes { line, pixel, bands })
    }

    fn is_phony(&self) -> bool {
        self.line_dim.starts_with("phony_dim_") || self.pixel_dim.starts_with("phony_dim_")
    }

    fn is_referenced_by(&self, variable: &Variable, catalogue: &Catalogue<'_>) -> bool {
        catalogue
            .coordinates_of(variable)
            .iter()
            .any(|v| v.path == self.latitude.path || v.path == self.longitude.path)
    }
}

/// The first component of a path: `/NS` of `/NS/CSF/flagBB`.
fn top_group(path: &str) -> &str {
    path.trim_start_matches('/')
        .split_once('/')
        .map_or("", |(top, _)| top)
}

fn is_phony(names: &[String]) -> bool {
    names.iter().any(|name| name.starts_with("phony_dim_"))
}

/// Names of a variable's dimensions: the file's own, or those that GPM keeps in `DimensionNames`.
pub(super) fn dimension_names(variable: &Variable) -> Vec<String> {
    if is_phony(&variable.dims)
        && let Some(list) = attributes::text(&variable.attributes, "DimensionNames")
    {
        let names: Vec<String> = list.split(',').map(|n| n.trim().to_owned()).collect();
        if names.len() == variable.dims.len() {
            return names;
        }
    }
    variable.dims.clone()
}

/// Shape in the usual notation, `(1710, 1272)`.
pub(super) fn shape_text(variable: &Variable) -> String {
    let lengths: Vec<String> = variable.shape.iter().map(usize::to_string).collect();
    format!("({})", lengths.join(", "))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Axis {
    Latitude,
    Longitude,
}

/// Which geolocation to take where several are possible: compared field by field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Score {
    references: usize,
    same_group: bool,
    covered: usize,
    evidence: u8,
}

struct Candidate<'a> {
    variable: &'a Variable,
    /// Dimensions without leading ones of length one.
    dims: Vec<(String, usize)>,
    /// How many variables name it as a coordinate.
    references: usize,
    /// 3: standard name, 2: units, 1: name.
    evidence: u8,
}

/// How often each variable is named in a `coordinates` attribute, by path.
fn coordinate_references<'a>(catalogue: &Catalogue<'a>) -> HashMap<&'a str, usize> {
    let mut counts = HashMap::new();
    for variable in &catalogue.variables {
        for found in catalogue.coordinates_of(variable) {
            *counts.entry(found.path.as_str()).or_insert(0) += 1;
        }
    }
    counts
}

fn candidates<'a>(
    catalogue: &Catalogue<'a>,
    axis: Axis,
    referenced: &HashMap<&str, usize>,
) -> Vec<Candidate<'a>> {
    catalogue
        .variables
        .iter()
        .filter(|v| !matches!(v.dtype, DataType::Text | DataType::Other(_)) && !v.shape.is_empty())
        .filter_map(|&variable| {
            let evidence = evidence(variable, axis)?;
            let names = dimension_names(variable);
            let leading = variable.shape.iter().take_while(|&&len| len == 1).count();
            let skip = leading.min(variable.shape.len().saturating_sub(2));
            let dims = names
                .into_iter()
                .zip(variable.shape.iter().copied())
                .skip(skip)
                .collect();
            let references = referenced.get(variable.path.as_str()).copied().unwrap_or(0);
            Some(Candidate {
                variable,
                dims,
                references,
                evidence,
            })
        })
        // Real files have a few; every pair of them is looked at.
        .take(64)
        .collect()
}

/// Spellings of CF section 4.1 and 4.2, and two that files really use.
pub(crate) fn evidence(variable: &Variable, axis: Axis) -> Option<u8> {
    let (standard, units, names): (&str, &[&str], &[&str]) = match axis {
        Axis::Latitude => (
            "latitude",
            &[
                "degrees_north",
                "degree_north",
                "degree_n",
                "degrees_n",
                "degreen",
                "degreesn",
            ],
            &["latitude", "lat"],
        ),
        Axis::Longitude => (
            "longitude",
            &[
                "degrees_east",
                "degree_east",
                "degree_e",
                "degrees_e",
                "degreee",
                "degreese",
            ],
            &["longitude", "lon"],
        ),
    };
    let attribute =
        |name| attributes::text(&variable.attributes, name).map(str::to_ascii_lowercase);
    if let Some(name) = attribute("standard_name") {
        return (name == standard).then_some(3);
    }
    if attribute("units").is_some_and(|u| units.contains(&u.as_str())) {
        return Some(2);
    }
    let name = base_name(&variable.path).to_ascii_lowercase();
    names.contains(&name.as_str()).then_some(1)
}

/// The dimension of whole lines, where geolocation has control points: the one that most variables
/// have beside the line dimension.
fn pixels_behind_control_points(
    layout: &Layout,
    variables: &[&Variable],
) -> Option<(String, usize)> {
    let mut counts: Vec<(String, usize, usize)> = Vec::new();
    for variable in variables {
        let Some(line) = variable.dims.iter().position(|d| *d == layout.line_dim) else {
            continue;
        };
        if variable.shape.get(line) != Some(&layout.lines) {
            continue;
        }
        let (Some(name), Some(&len)) = (variable.dims.get(line + 1), variable.shape.get(line + 1))
        else {
            continue;
        };
        if *name == layout.pixel_dim || len < layout.pixels {
            continue;
        }
        match counts.iter_mut().find(|(n, l, _)| n == name && *l == len) {
            Some((_, _, count)) => *count += 1,
            None => counts.push((name.clone(), len, 1)),
        }
    }
    // The first of the most frequent ones, in file order.
    let most = counts.iter().map(|(_, _, count)| *count).max()?;
    counts
        .into_iter()
        .find(|(_, _, count)| *count == most)
        .map(|(name, len, _)| (name, len))
}

/// One sentence on why there is no swath.
fn why_not(latitudes: &[Candidate<'_>], longitudes: &[Candidate<'_>]) -> String {
    let text = |c: &Candidate<'_>| format!("{}{}", c.variable.path, shape_text(c.variable));
    match (latitudes.first(), longitudes.first()) {
        (None, None) => {
            "it has no latitude and longitude (no variable has these standard names, units or names)".into()
        }
        (Some(latitude), None) => format!("it has a latitude ({}) but no longitude", text(latitude)),
        (None, Some(longitude)) => format!("it has a longitude ({}) but no latitude", text(longitude)),
        (Some(latitude), Some(longitude)) => {
            let what = if latitude.dims.len() > 2 || longitude.dims.len() > 2 {
                "have more than two dimensions"
            } else if latitude.variable.shape.contains(&0) {
                "have one dimension and hold no value"
            } else if latitude.dims == longitude.dims {
                "have one dimension in common: a list of points"
            } else {
                "have one dimension each: a grid"
            };
            format!("its latitude and longitude {what} ({}, {})", text(latitude), text(longitude))
        }
    }
}
