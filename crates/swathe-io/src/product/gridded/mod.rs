//! Maps read back: our own files, NASA's Level-3 mapped ones, any CF file on a regular grid.
//!
//! ```text
//! Dataset --find--> y and x coordinates, variables on them --axis::fit, crs::of--> GeoBox
//! ```
//!
//! Nothing but coordinates is read before a map is asked for.

mod axis;
mod crs;
pub(crate) mod series;

use std::ops::Range;
use std::path::Path;

use swathe_core::crs::Crs;
use swathe_core::geobox::GeoBox;
use swathe_core::source::Values;
use swathe_core::suggest::nearest;

pub use self::series::{Series, SeriesMap};

use self::axis::{Centres, Direction, Fitted};
use crate::dataset::{Array, Attributes, DataType, Dataset, Variable};
use crate::error::{Error, Result};
use crate::granule::attributes::{find, numbers, text};
use crate::granule::decode::Decoder;
use crate::granule::layout::{Axis, Catalogue, base_name, evidence, group_of};
use crate::granule::time;

/// Most cells of a grid, and of one side (10 m around the equator have 4 million): beyond them a
/// header is wrong, or one map is too large for memory.
const MOST_CELLS: usize = 1 << 32;
const MOST_ON_A_SIDE: usize = 1 << 24;

/// An open file with maps on one regular grid.
#[derive(Debug)]
pub struct Gridded {
    dataset: Dataset,
    geobox: GeoBox,
    /// Whether rows in the file run from south to north, and columns from east to west.
    flipped: (bool, bool),
    variables: Vec<GriddedVariable>,
    times: Vec<f64>,
}

/// A variable that has a value for every cell, once or several times.
#[derive(Debug, Clone)]
pub struct GriddedVariable {
    variable: Variable,
    /// Positions of rows and columns among its dimensions.
    axes: (usize, usize),
    decoder: Decoder,
}

impl GriddedVariable {
    /// Name without its group.
    pub fn name(&self) -> &str {
        base_name(&self.variable.path)
    }

    /// Full path, `/chlor_a`.
    pub fn path(&self) -> &str {
        &self.variable.path
    }

    /// Attributes as they are in the file.
    pub fn attributes(&self) -> &Attributes {
        &self.variable.attributes
    }

    /// The file's valid range in unpacked units; an open end is infinite.
    pub fn valid_range(&self) -> Option<(f64, f64)> {
        self.decoder.valid_range()
    }

    /// Names and lengths of the dimensions besides rows and columns, outermost first: time, wavelength.
    pub fn other_dims(&self) -> Vec<(&str, usize)> {
        let Variable { dims, shape, .. } = &self.variable;
        let all = dims.iter().map(String::as_str).zip(shape.iter().copied());
        all.enumerate()
            .filter(|(i, _)| *i != self.axes.0 && *i != self.axes.1)
            .map(|(_, dim)| dim)
            .collect()
    }

    /// No elements of the stored type.
    fn nothing(&self) -> Array {
        match self.variable.dtype {
            DataType::I8 => Array::I8(Vec::new()),
            DataType::U8 => Array::U8(Vec::new()),
            DataType::I16 => Array::I16(Vec::new()),
            DataType::U16 => Array::U16(Vec::new()),
            DataType::I32 => Array::I32(Vec::new()),
            DataType::U32 => Array::U32(Vec::new()),
            DataType::I64 => Array::I64(Vec::new()),
            DataType::U64 => Array::U64(Vec::new()),
            DataType::F32 => Array::F32(Vec::new()),
            _ => Array::F64(Vec::new()),
        }
    }

    /// Number of maps: the product of the lengths of the other dimensions.
    pub fn maps(&self) -> usize {
        let lengths = self.other_dims().into_iter().map(|(_, len)| len);
        lengths.fold(1, usize::saturating_mul)
    }
}

impl Gridded {
    /// Opens a local file.
    ///
    /// # Errors
    /// What [`Dataset::open`] says; [`Error::NotAGrid`], in one sentence, for a swath, coordinates
    /// that are not evenly spaced, a rotated grid, or a CRS that cannot be used.
    pub fn open(path: &Path) -> Result<Gridded> {
        Gridded::from_dataset(Dataset::open(path)?)
    }

    /// The maps in an open dataset.
    ///
    /// # Errors
    /// As [`Gridded::open`], without those of opening.
    pub fn from_dataset(dataset: Dataset) -> Result<Gridded> {
        let refuse = |reason: String| Error::NotAGrid {
            path: dataset.name().into(),
            reason,
        };
        let catalogue = Catalogue::new(dataset.root());
        let coordinates = Coordinates::find(&catalogue).map_err(refuse)?;
        let variables = coordinates.variables(&catalogue, dataset.name());
        let mapping = grid_mapping(&catalogue, &variables);
        let (geobox, flipped) = grid(&dataset, &coordinates, mapping)?;
        let times = times(&dataset, &catalogue, &variables)?;
        Ok(Gridded {
            geobox,
            flipped,
            variables,
            times,
            dataset,
        })
    }

    /// The grid. For a file of ours, or a part of one, the very lattice that was written.
    pub fn geobox(&self) -> &GeoBox {
        &self.geobox
    }

    /// Variables on the grid, in file order.
    pub fn variables(&self) -> &[GriddedVariable] {
        &self.variables
    }

    /// The variable of a name, with or without its group.
    ///
    /// # Errors
    /// [`Error::Missing`] with the names that exist.
    pub fn variable(&self, name: &str) -> Result<&GriddedVariable> {
        let found = self.variables.iter().find(|v| v.path() == name);
        let found = found.or_else(|| self.variables.iter().find(|v| v.name() == name));
        found.ok_or_else(|| {
            let names = || self.variables.iter().map(GriddedVariable::name);
            let list = names().take(40).collect::<Vec<_>>().join(", ");
            let hint = match nearest(name, names()) {
                Some(near) => format!("did you mean {near}? there are {list}"),
                None => format!("there are {list}"),
            };
            Error::Missing {
                path: self.dataset.name().into(),
                kind: "variable",
                name: name.into(),
                hint: Some(hint),
            }
        })
    }

    /// The time coordinate in seconds since 1970-01-01 UTC, NaN where unknown; empty without one. A
    /// variable with a dimension `time` has a map for each.
    pub fn times(&self) -> &[f64] {
        &self.times
    }

    /// The open file: its name and global attributes.
    pub fn dataset(&self) -> &Dataset {
        &self.dataset
    }

    /// One map of a variable: rows from north to south, NaN where missing, decoded as a granule's
    /// values are. `index` counts the variable's maps, its last other dimension fastest.
    ///
    /// # Errors
    /// [`Error::Missing`] for a name that is not there, [`Error::Request`] for an index beyond the
    /// maps, and what reading says.
    pub fn read(&self, variable: &str, index: usize) -> Result<Values> {
        let (rows, columns) = self.geobox.shape();
        self.read_part(variable, index, 0..rows, 0..columns)
    }

    /// A part of one map, by rows and columns of the grid.
    ///
    /// # Errors
    /// As [`Gridded::read`]; [`Error::Request`] for a part beyond the grid.
    pub fn read_part(
        &self,
        variable: &str,
        index: usize,
        rows: Range<usize>,
        columns: Range<usize>,
    ) -> Result<Values> {
        let gridded = self.variable(variable)?;
        let GriddedVariable {
            variable,
            axes,
            decoder,
        } = gridded;
        let place = || format!("{}: {}", self.dataset.name(), variable.path);
        if index >= gridded.maps() {
            return Err(Error::Request {
                path: place(),
                reason: format!("map {index} was asked for, there are {}", gridded.maps()),
            });
        }
        let shape = self.geobox.shape();
        if rows.end > shape.0
            || columns.end > shape.1
            || rows.start > rows.end
            || columns.start > columns.end
        {
            return Err(Error::Request {
                path: place(),
                reason: format!(
                    "rows {rows:?}, columns {columns:?} were asked for, the grid is {shape:?}"
                ),
            });
        }
        let stored = |range: &Range<usize>, len: usize, flipped: bool| match flipped {
            true => len - range.end..len - range.start,
            false => range.clone(),
        };
        let mut left = index;
        let mut slab: Vec<Range<usize>> = variable.shape.iter().map(|&len| 0..len).collect();
        for (axis, range) in slab.iter_mut().enumerate().rev() {
            if axis == axes.0 {
                *range = stored(&rows, shape.0, self.flipped.0);
            } else if axis == axes.1 {
                *range = stored(&columns, shape.1, self.flipped.1);
            } else {
                let (len, i) = (range.end, left % range.end);
                left /= len;
                *range = i..i + 1;
            }
        }
        let values = decoder.decode(self.dataset.read(variable, &slab)?, None);
        let transposed = axes.1 < axes.0;
        let part = (rows.len(), columns.len());
        Ok(match values {
            Values::F32(values) => Values::F32(self.north_up(values, part, transposed, place)?),
            Values::F64(values) => Values::F64(self.north_up(values, part, transposed, place)?),
        })
    }

    /// Cells in the order of the grid.
    fn north_up<T: Copy>(
        &self,
        stored: Vec<T>,
        (rows, columns): (usize, usize),
        transposed: bool,
        place: impl Fn() -> String,
    ) -> Result<Vec<T>> {
        if stored.len() != rows * columns {
            return Err(Error::Format {
                path: place(),
                reason: format!("{} values for {rows} x {columns} cells", stored.len()),
            });
        }
        if !transposed && self.flipped == (false, false) {
            return Ok(stored);
        }
        let mut cells = Vec::with_capacity(stored.len());
        for row in 0..rows {
            let row = if self.flipped.0 { rows - 1 - row } else { row };
            for column in 0..columns {
                let column = if self.flipped.1 {
                    columns - 1 - column
                } else {
                    column
                };
                let at = if transposed {
                    column * rows + row
                } else {
                    row * columns + column
                };
                cells.push(stored[at]);
            }
        }
        Ok(cells)
    }
}

/// The coordinate variables of rows and columns.
struct Coordinates<'a> {
    y: &'a Variable,
    x: &'a Variable,
    lonlat: bool,
}

impl<'a> Coordinates<'a> {
    /// The first pair of one group that some variable lies on; longitude and latitude go first.
    fn find(catalogue: &Catalogue<'a>) -> std::result::Result<Self, String> {
        let along = |is: &dyn Fn(&Variable) -> bool| -> Vec<&'a Variable> {
            let one = catalogue
                .variables
                .iter()
                .filter(|v| v.shape.len() == 1 && is_number(v));
            one.filter(|v| is(v)).take(16).copied().collect()
        };
        let mut seen = false;
        for lonlat in [true, false] {
            let (ys, xs) = if lonlat {
                (
                    along(&|v| evidence(v, Axis::Latitude).is_some()),
                    along(&|v| evidence(v, Axis::Longitude).is_some()),
                )
            } else {
                (
                    along(&|v| is_projected(v, "y")),
                    along(&|v| is_projected(v, "x")),
                )
            };
            for y in &ys {
                for x in &xs {
                    if y.dims == x.dims || group_of(&y.path) != group_of(&x.path) {
                        continue;
                    }
                    seen = true;
                    let pair = Coordinates { y, x, lonlat };
                    if catalogue
                        .variables
                        .iter()
                        .any(|v| pair.axes_of(v).is_some())
                    {
                        return Ok(pair);
                    }
                }
            }
        }
        let rotated = |v: &&Variable| {
            text(&v.attributes, "grid_mapping_name") == Some("rotated_latitude_longitude")
                || text(&v.attributes, "standard_name") == Some("grid_latitude")
        };
        let in_two = |v: &&Variable| v.shape.len() >= 2 && evidence(v, Axis::Latitude).is_some();
        let all = &catalogue.variables;
        Err(if all.iter().copied().any(|v| rotated(&v)) {
            "its latitudes and longitudes are rotated, which is not supported".into()
        } else if all.iter().copied().any(|v| in_two(&v)) {
            "latitude and longitude have two dimensions, as in a swath".into()
        } else if seen {
            "no variable lies on its coordinates".into()
        } else {
            "there are no coordinates lat and lon, or y and x, of one dimension each".into()
        })
    }

    /// Positions of rows and columns among a variable's dimensions.
    fn axes_of(&self, variable: &Variable) -> Option<(usize, usize)> {
        let position = |coordinate: &Variable| {
            let name = coordinate.dims.first()?;
            let len = coordinate.shape.first()?;
            let mut found = variable.dims.iter().zip(&variable.shape).enumerate();
            let (at, (_, length)) = found.find(|(_, (dim, _))| *dim == name)?;
            (length == len).then_some(at)
        };
        let axes = (position(self.y)?, position(self.x)?);
        (variable.dims.len() == variable.shape.len() && is_number(variable)).then_some(axes)
    }

    fn variables(&self, catalogue: &Catalogue<'_>, place: &str) -> Vec<GriddedVariable> {
        let on_grid = |&variable: &&Variable| {
            let axes = self.axes_of(variable)?;
            // Packing without sense: not a variable that can be read.
            let decoder = Decoder::new(variable, place).ok()?;
            let variable = variable.clone();
            Some(GriddedVariable {
                variable,
                axes,
                decoder,
            })
        };
        catalogue.variables.iter().filter_map(on_grid).collect()
    }
}

/// The variable that describes the CRS: the one that variables name, or, since programs lose the name
/// easily, the only one of its kind.
fn grid_mapping<'a>(
    catalogue: &Catalogue<'a>,
    variables: &[GriddedVariable],
) -> Option<&'a Variable> {
    let named = variables.iter().find_map(|v| {
        let name = text(v.attributes(), "grid_mapping")?;
        // The extended form names coordinates too: `crs: x y`.
        catalogue.resolve(v.path(), name.split([':', ' ']).next()?)
    });
    let describes = |v: &&&Variable| {
        let names = ["grid_mapping_name", "crs_wkt", "spatial_ref"];
        names.iter().any(|name| text(&v.attributes, name).is_some())
    };
    let mut all = catalogue.variables.iter().filter(describes).copied();
    named.or_else(|| all.next().filter(|_| all.next().is_none()))
}

fn is_number(variable: &Variable) -> bool {
    !matches!(variable.dtype, DataType::Text | DataType::Other(_))
}

/// Whether a variable is the projection's coordinate `x` or `y`: by CF's standard name, else by name.
fn is_projected(variable: &Variable, which: &str) -> bool {
    match text(&variable.attributes, "standard_name") {
        Some(name) => name == format!("projection_{which}_coordinate"),
        None => base_name(&variable.path).eq_ignore_ascii_case(which),
    }
}

fn grid(
    dataset: &Dataset,
    coordinates: &Coordinates<'_>,
    mapping: Option<&Variable>,
) -> Result<(GeoBox, (bool, bool))> {
    let refuse = |reason: String| Error::NotAGrid {
        path: dataset.name().into(),
        reason,
    };
    let Coordinates { y, x, lonlat } = *coordinates;
    let sides = y.shape.iter().chain(&x.shape);
    let fits =
        sides.clone().all(|&side| side <= MOST_ON_A_SIDE) && sides.product::<usize>() <= MOST_CELLS;
    if !fits {
        return Err(refuse(format!(
            "{:?} x {:?} cells are too many",
            y.shape, x.shape
        )));
    }
    let labels = |variable: &Variable| -> Result<Labels> {
        Ok(Labels {
            name: base_name(&variable.path).to_owned(),
            values: crate::granule::read_doubles(dataset, variable)?,
            epsilon: match variable.dtype {
                DataType::F32 => f32::EPSILON.into(),
                _ => f64::EPSILON,
            },
            units: text(&variable.attributes, "units").map(str::to_owned),
        })
    };
    let mapping = mapping.map(|m| &m.attributes);
    labelled_grid(labels(y)?, labels(x)?, lonlat, mapping).map_err(refuse)
}

/// Cell centres along one axis, as a file or a data set in memory has them.
#[derive(Debug, Clone)]
pub struct Labels {
    /// Name of the coordinate, for messages.
    pub name: String,
    /// The centres, in order.
    pub values: Vec<f64>,
    /// Machine epsilon of the type that they are stored in.
    pub epsilon: f64,
    /// Units of the coordinate, where it has any.
    pub units: Option<String>,
}

/// The grid with these cell centres, and the CRS of a grid mapping's attributes (longitude and latitude
/// where there is none and the coordinates are those). One cell alone takes its size from the mapping's
/// `GeoTransform`.
///
/// # Errors
/// In one sentence: coordinates that are not evenly spaced, a rotated grid, a CRS that cannot be used.
pub fn geobox_of_labels(
    y: Labels,
    x: Labels,
    lonlat: bool,
    mapping: Option<&Attributes>,
) -> std::result::Result<GeoBox, String> {
    labelled_grid(y, x, lonlat, mapping).map(|(geobox, _)| geobox)
}

/// The grid, and whether rows run from south to north and columns from east to west.
fn labelled_grid(
    y: Labels,
    x: Labels,
    lonlat: bool,
    mapping: Option<&Attributes>,
) -> std::result::Result<(GeoBox, (bool, bool)), String> {
    let unit = match lonlat {
        true => 1.0,
        false => metres(&x)?,
    };
    let crs = match mapping {
        Some(mapping) => crs::of(mapping, unit)?,
        None if lonlat => Crs::lonlat(),
        None => return Err("y and x have no grid mapping that says their CRS".into()),
    };
    if lonlat && !crs.is_lonlat() {
        return Err(format!("its coordinates are degrees, its CRS is {crs}"));
    }
    // Coordinates may be kilometres where the CRS says metres.
    let factor = |labels: &Labels| -> std::result::Result<f64, String> {
        if crs.is_lonlat() {
            return Ok(1.0);
        }
        let metres = metres(labels)?;
        let same = (metres - crs.metres_per_unit()).abs() <= 1e-9 * metres;
        Ok(if same || labels.units.is_none() {
            1.0
        } else {
            metres / crs.metres_per_unit()
        })
    };
    let lattice = |name: &str| -> Option<[f64; 4]> {
        let all = numbers(find(mapping?, name)?)?;
        let all: Vec<f64> = all.into_iter().map(|v| v.as_f64()).collect();
        all.try_into().ok()
    };
    let fit = |labels: Labels, direction: Direction| -> std::result::Result<Fitted, String> {
        let factor = factor(&labels)?;
        let (own, [origin, step]) = match direction {
            Direction::Falling => ("lattice_y", [3, 5]),
            Direction::Rising => ("lattice_x", [0, 1]),
        };
        let single = || match labels.values.len() {
            1 => geotransform(mapping?).map(|t| [t[origin], t[step], 1.0, 0.0]),
            _ => None,
        };
        let lattice = lattice(own).or_else(single);
        let centres = Centres {
            values: labels.values.into_iter().map(|v| v * factor).collect(),
            epsilon: labels.epsilon,
            wraps: lonlat && direction == Direction::Rising,
            direction,
            lattice,
        };
        let name = &labels.name;
        centres.fit().map_err(|reason| format!("{name} {reason}"))
    };
    let y = fit(y, Direction::Falling)?;
    let x = fit(x, Direction::Rising)?;
    let geobox = GeoBox {
        crs,
        x: x.axis,
        y: y.axis,
    };
    Ok((geobox, (y.flipped, x.flipped)))
}

/// GDAL's transform, as rioxarray writes it: x0 dx 0 y0 0 dy.
fn geotransform(mapping: &Attributes) -> Option<[f64; 6]> {
    let words = text(mapping, "GeoTransform")?.split_whitespace();
    let all: Vec<f64> = words.map(|word| word.parse().ok()).collect::<Option<_>>()?;
    all.try_into().ok()
}

/// Metres in a unit of a projection's coordinate; metres where it says nothing.
fn metres(coordinate: &Labels) -> std::result::Result<f64, String> {
    let Some(units) = &coordinate.units else {
        return Ok(1.0);
    };
    let named = super::projection::unit_named(units).map(|unit| unit.metres);
    // "500 m", as our own files have units without a name.
    let counted = || {
        units
            .strip_suffix(" m")
            .and_then(|n| n.trim().parse::<f64>().ok())
    };
    named
        .or_else(counted)
        .filter(|metres| metres.is_finite() && *metres > 0.0)
        .ok_or_else(|| format!("units {units:?} of {} are no length", coordinate.name))
}

/// Values of the coordinate `time`, in the units that it names.
fn times(
    dataset: &Dataset,
    catalogue: &Catalogue<'_>,
    variables: &[GriddedVariable],
) -> Result<Vec<f64>> {
    let Some(variable) = variables
        .iter()
        .find_map(|v| catalogue.resolve(&v.variable.path, "time"))
        .filter(|v| v.shape.len() <= 1 && is_number(v))
        .filter(|v| v.shape.iter().all(|&len| len <= MOST_ON_A_SIDE))
    else {
        return Ok(Vec::new());
    };
    let Some(units) = text(&variable.attributes, "units").and_then(time::parse_units) else {
        return Ok(Vec::new());
    };
    let seconds = |value: f64| time::at(value, units).map_or(f64::NAN, |ms| ms as f64 / 1e3);
    let values = crate::granule::read_doubles(dataset, variable)?;
    Ok(values.into_iter().map(seconds).collect())
}

#[cfg(test)]
mod tests;
