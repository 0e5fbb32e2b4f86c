//! A product as dimensions, variables and attributes: CF-1.8 and ACDD-1.3, and for global geographic
//! grids the layout of NASA's Level-3 mapped products. Says what is in a file, writes none.

use std::borrow::Cow;

use swathe_core::crs::Crs;
use swathe_core::geobox::Axis;
use swathe_core::reduce::TILE_SIZE;

use super::extent::GeographicExtent;
use super::level3::{display, is_global, level3_mapped};
use super::statistic::number;
use super::{
    FILL, FlagReport, GranuleRecord, Layer, LayerData, Product, Statistic, TimeStep, Times,
    ValidRange, grid_mapping,
};
use crate::dataset::{AttributeValue, Attributes, DataType};
use crate::error::{Error, Result};

/// A file's content.
#[derive(Debug, Clone, PartialEq)]
pub struct FileLayout<'a> {
    /// Names and lengths.
    pub dimensions: Vec<(String, usize)>,
    /// Global attributes.
    pub attributes: Attributes,
    /// Variables in file order.
    pub variables: Vec<VariableLayout<'a>>,
}

/// One variable of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct VariableLayout<'a> {
    /// Name.
    pub name: String,
    /// Names of its dimensions, outermost first; none for a scalar.
    pub dims: Vec<String>,
    /// Attributes, without `_FillValue`.
    pub attributes: Attributes,
    /// Values, row-major.
    pub data: Data<'a>,
    /// Value that stands for NaN.
    pub fill: Option<f64>,
    /// Shape of a storage chunk; such variables are shuffled and deflated.
    pub chunks: Option<Vec<usize>>,
}

/// Values of a variable: a layer's own are borrowed.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Data<'a> {
    F32(Cow<'a, [f32]>),
    F64(Cow<'a, [f64]>),
    I32(Cow<'a, [i32]>),
    I64(Cow<'a, [i64]>),
    Text(Vec<String>),
    /// Numbers of this type, which are not in memory but come tile by tile.
    Tiled(DataType),
}

impl<'a> From<&'a LayerData> for Data<'a> {
    fn from(data: &'a LayerData) -> Self {
        match data {
            LayerData::F32(v) => Data::F32(v.into()),
            LayerData::F64(v) => Data::F64(v.into()),
            LayerData::I32(v) => Data::I32(v.into()),
            LayerData::I64(v) => Data::I64(v.into()),
            LayerData::Tiled(dtype) => Data::Tiled(dtype.clone()),
        }
    }
}

impl VariableLayout<'_> {
    /// `_FillValue`, as an element of the variable's type.
    pub(super) fn fill_value(&self) -> Option<AttributeValue> {
        match (self.data.dtype(), self.fill) {
            (DataType::F32, Some(fill)) => Some(AttributeValue::F32(vec![fill as f32])),
            (DataType::F64, Some(fill)) => Some(AttributeValue::F64(vec![fill])),
            _ => None,
        }
    }
}

impl Data<'_> {
    /// Type of the values.
    pub(super) fn dtype(&self) -> DataType {
        match self {
            Data::F32(_) => DataType::F32,
            Data::F64(_) => DataType::F64,
            Data::I32(_) => DataType::I32,
            Data::I64(_) => DataType::I64,
            Data::Text(_) => DataType::Text,
            Data::Tiled(dtype) => dtype.clone(),
        }
    }

    /// Number of values in memory.
    pub(super) fn len(&self) -> usize {
        match self {
            Data::F32(v) => v.len(),
            Data::F64(v) => v.len(),
            Data::I32(v) => v.len(),
            Data::I64(v) => v.len(),
            Data::Text(v) => v.len(),
            Data::Tiled(_) => 0,
        }
    }
}

/// Rows and columns of a storage chunk of a map: a tile of a composite, so that tiles can be written as they
/// are finished.
pub(super) fn chunk_shape((rows, columns): (usize, usize)) -> [usize; 2] {
    [TILE_SIZE.min(rows), TILE_SIZE.min(columns)]
}

/// What stands for NaN in layers of a type.
pub(super) fn fill_of(dtype: &DataType) -> Option<f64> {
    matches!(dtype, DataType::F32 | DataType::F64).then(|| f64::from(FILL))
}

/// Units of times. Readers turn doubles into nanoseconds: whole milliseconds from a near epoch stay exact on that way
/// (their product with 10^6 = 2^6 x 15625 fits a double for 18 years to either side), where seconds since 1970 are
/// off by up to 128 ns, and a granule's time in a product would not equal the granule's own.
const TIME_UNITS: &str = "milliseconds since 2020-01-01 00:00:00";
/// That epoch, milliseconds since 1970 UTC.
const TIME_EPOCH: f64 = 1_577_836_800_000.0;

/// Seconds since 1970 UTC as times are stored; NaN stays.
fn stored_time(seconds: f64) -> f64 {
    (seconds * 1e3).round() - TIME_EPOCH
}

/// A stored time as seconds since 1970 UTC.
pub(super) fn time_of_stored(stored: f64) -> f64 {
    (stored + TIME_EPOCH) / 1e3
}

/// Lays a product out. Of layers that come tile by tile, the attributes that follow from values say that
/// there are none.
///
/// # Errors
/// [`Error::Product`] when a layer does not fill the grid, or names collide.
pub fn layout(product: &Product) -> Result<FileLayout<'_>> {
    product.check()?;
    let geobox = &product.geobox;
    let (rows, columns) = geobox.shape();
    let lonlat = geobox.crs.is_lonlat();
    let (y, x) = if lonlat { ("lat", "lon") } else { ("y", "x") };
    let mut dimensions = vec![(y.to_owned(), rows), (x.to_owned(), columns)];
    let mut variables = Vec::new();

    let steps = product.steps();
    let series = matches!(product.times, Times::Series(_));
    let timed = steps.iter().any(|step| step.time.is_finite()) || series;
    let cube = steps.iter().any(|step| step.granule.is_some());
    if series {
        dimensions.insert(0, ("time".into(), steps.len()));
    }
    if timed {
        dimensions.push(("nv".into(), 2));
    }

    for layer in &product.layers {
        let mut dims = vec![y.to_owned(), x.to_owned()];
        let mut chunks = chunk_shape((rows, columns)).to_vec();
        if series && layer.timed {
            dims.insert(0, "time".into());
            chunks.insert(0, 1);
        }
        let mut attributes = attributes_of(layer);
        if is_global(product) {
            display(&mut attributes, layer);
        }
        let mut push = |name: &str, value: String| {
            attributes.push((name.into(), AttributeValue::Text(value)));
        };
        push("grid_mapping", grid_mapping::NAME.into());
        // Scalar coordinates must be named; with the grid mapping among them, xarray keeps it as a
        // coordinate on its own, which is where rioxarray looks for it (and how it writes files).
        let mut coordinates = Vec::new();
        if timed && !series {
            coordinates.push("time");
        }
        if cube && layer.timed {
            coordinates.push("granule");
        }
        coordinates.push(grid_mapping::NAME);
        push("coordinates", coordinates.join(" "));
        variables.push(VariableLayout {
            name: layer.name.clone(),
            dims,
            attributes,
            data: Data::from(&layer.data),
            fill: fill_of(&layer.data.dtype()),
            chunks: (rows > 0 && columns > 0).then_some(chunks),
        });
    }
    if let Some(main) = product.layers.first() {
        link_ancillary(&mut variables, product, &main.name);
    }

    variables.extend(spatial_coordinates(product));
    variables.push(VariableLayout {
        name: grid_mapping::NAME.into(),
        dims: vec![],
        attributes: grid_mapping::attributes(geobox),
        data: Data::I32(Cow::Owned(vec![0])),
        fill: None,
        chunks: None,
    });
    if timed {
        variables.extend(time_coordinates(steps, series));
    }
    if cube {
        let names = steps.iter().map(|s| s.granule.clone().unwrap_or_default());
        variables.push(texts("granule", "time", names, "granule of this time step"));
    }
    if !product.granules.is_empty() {
        // In a cube, `granule` is the coordinate along time, and a dimension of that name would clash.
        let dimension = if cube { "granule_record" } else { "granule" };
        dimensions.push((dimension.into(), product.granules.len()));
        variables.extend(granule_variables(&product.granules, dimension));
    }
    let members: usize = product.windows.iter().map(Vec::len).sum();
    if members > 0 {
        dimensions.push((WINDOW_MEMBER.into(), members));
        variables.extend(window_variables(&product.windows));
    }
    if !product.flags.is_empty() {
        let (dimension, flags) = flag_variables(&product.flags);
        dimensions.push(dimension);
        variables.extend(flags);
    }

    for (i, variable) in variables.iter().enumerate() {
        if variables[..i]
            .iter()
            .any(|other| other.name == variable.name)
        {
            return Err(Error::Product {
                reason: format!(
                    "a layer may not be named {:?}: the file has such a variable already",
                    variable.name
                ),
            });
        }
    }
    Ok(FileLayout {
        dimensions,
        attributes: global_attributes(product),
        variables,
    })
}

/// Names a variable's counts and spreads on the variable itself (CF section 3.4).
fn link_ancillary(variables: &mut [VariableLayout<'_>], product: &Product, main: &str) {
    let names: Vec<&str> = product
        .layers
        .iter()
        .filter(|l| !l.statistic.keeps_range())
        .filter(|l| {
            l.name
                .strip_prefix(main)
                .is_some_and(|rest| rest.starts_with('_'))
        })
        .map(|l| l.name.as_str())
        .collect();
    if let (Some(first), false) = (variables.first_mut(), names.is_empty()) {
        first.attributes.push((
            "ancillary_variables".into(),
            AttributeValue::Text(names.join(" ")),
        ));
    }
}

fn spatial_coordinates(product: &Product) -> [VariableLayout<'static>; 2] {
    let geobox = &product.geobox;
    let lonlat = geobox.crs.is_lonlat();
    let l3m = is_global(product);
    [("y", "lat", &geobox.y), ("x", "lon", &geobox.x)].map(|(projected, geographic, axis)| {
        let (name, standard_name, long_name, units) = match (lonlat, projected) {
            (true, "y") => ("lat", "latitude", "Latitude", "degrees_north".to_owned()),
            (true, _) => ("lon", "longitude", "Longitude", "degrees_east".to_owned()),
            (false, _) => (
                projected,
                if projected == "y" {
                    "projection_y_coordinate"
                } else {
                    "projection_x_coordinate"
                },
                if projected == "y" {
                    "y coordinate of projection"
                } else {
                    "x coordinate of projection"
                },
                grid_mapping::coordinate_units(&geobox.crs),
            ),
        };
        let mut attributes: Attributes = [
            ("long_name", long_name),
            ("units", units.as_str()),
            ("standard_name", standard_name),
            ("axis", if projected == "y" { "Y" } else { "X" }),
        ]
        .map(|(n, v)| (n.to_owned(), AttributeValue::Text(v.to_owned())))
        .to_vec();
        if l3m {
            let limit = if geographic == "lat" { 90.0 } else { 180.0 };
            attributes.push(("valid_min".into(), AttributeValue::F32(vec![-limit])));
            attributes.push(("valid_max".into(), AttributeValue::F32(vec![limit])));
        }
        VariableLayout {
            name: name.into(),
            dims: vec![name.into()],
            attributes,
            data: if l3m {
                Data::F32(level3_mapped_centres(axis).into())
            } else {
                Data::F64(Cow::Owned(axis.centres()))
            },
            fill: None,
            chunks: None,
        }
    })
}

/// Attributes of a layer as files have them. The range of valid values has the type of the variable, as CF asks for (2.5.1):
/// readers compare without converting. Of whole numbers, those in the range.
pub(super) fn attributes_of(layer: &Layer) -> Attributes {
    let dtype = layer.data.dtype();
    let attributes = layer.attributes.iter().filter_map(|(name, value)| {
        let inwards = match name.as_str() {
            "valid_min" => f64::ceil,
            "valid_max" => f64::floor,
            _ => return Some((name.clone(), value.clone())),
        };
        // A sum carries the range of the values that it is of, for bins. As its own, readers would blank by it.
        let end = number(value).filter(|_| layer.statistic != Statistic::Sum)?;
        let typed = match dtype {
            DataType::F32 => AttributeValue::F32(vec![end as f32]),
            DataType::I32 => AttributeValue::I32(vec![inwards(end) as i32]),
            DataType::I64 => AttributeValue::I64(vec![inwards(end) as i64]),
            _ => AttributeValue::F64(vec![end]),
        };
        Some((name.clone(), typed))
    });
    attributes.collect()
}

/// Cell centres as NASA's Level-3 mapped files label them, to the bit: double precision multiples of
/// a step in single precision. Labels must be equal for `ours - theirs` to join; the rounded step puts
/// the last one of 3600 off by 5e-6 degrees. The grid itself stays exact, and so do the coordinates of
/// every other grid.
fn level3_mapped_centres(axis: &Axis) -> Vec<f32> {
    let (edge, step) = (axis.at(0.0), f64::from(axis.step() as f32));
    let centre = |i: usize| (edge + (i as f64 + 0.5) * step) as f32;
    (0..axis.len).map(centre).collect()
}

fn time_coordinates(steps: &[TimeStep], series: bool) -> [VariableLayout<'static>; 2] {
    let dims: Vec<String> = if series { vec!["time".into()] } else { vec![] };
    let text = |name: &str, value: &str| (name.to_owned(), AttributeValue::Text(value.into()));
    let bounds = steps.iter().flat_map(|s| [s.start, s.end]);
    [
        VariableLayout {
            name: "time".into(),
            dims: dims.clone(),
            attributes: vec![
                text("long_name", "time"),
                text("standard_name", "time"),
                text("units", TIME_UNITS),
                text("calendar", "standard"),
                text("axis", "T"),
                text("bounds", "time_bnds"),
            ],
            data: Data::F64(steps.iter().map(|s| stored_time(s.time)).collect()),
            fill: None,
            chunks: None,
        },
        // Bounds take units and calendar from their coordinate (CF section 7.1).
        VariableLayout {
            name: "time_bnds".into(),
            dims: dims.into_iter().chain(["nv".to_owned()]).collect(),
            attributes: vec![],
            data: Data::F64(bounds.map(stored_time).collect()),
            fill: None,
            chunks: None,
        },
    ]
}

fn texts(
    name: &str,
    dimension: &str,
    values: impl Iterator<Item = String>,
    long_name: &str,
) -> VariableLayout<'static> {
    VariableLayout {
        name: name.into(),
        dims: vec![dimension.into()],
        attributes: vec![("long_name".into(), AttributeValue::Text(long_name.into()))],
        data: Data::Text(values.collect()),
        fill: None,
        chunks: None,
    }
}

fn granule_variables(granules: &[GranuleRecord], dimension: &str) -> [VariableLayout<'static>; 5] {
    let times = |name: &str, of: fn(&GranuleRecord) -> f64, long_name: &str| VariableLayout {
        name: name.into(),
        dims: vec![dimension.into()],
        attributes: [
            ("long_name", long_name),
            ("units", TIME_UNITS),
            ("calendar", "standard"),
        ]
        .map(|(n, v)| (n.to_owned(), AttributeValue::Text(v.into())))
        .to_vec(),
        data: Data::F64(granules.iter().map(|g| stored_time(of(g))).collect()),
        fill: None,
        chunks: None,
    };
    let strings = |name: &str, of: fn(&GranuleRecord) -> String, long_name: &str| {
        texts(name, dimension, granules.iter().map(of), long_name)
    };
    [
        strings("granule_name", |g| g.name.clone(), "granule"),
        times(
            "granule_start",
            |g| g.start,
            "time of the granule's first line",
        ),
        times("granule_end", |g| g.end, "time of the granule's last line"),
        strings(
            "granule_status",
            |g| g.status.as_str().into(),
            "used, empty (nothing valid on the grid) or skipped",
        ),
        strings(
            "granule_reason",
            |g| g.reason.clone(),
            "why the granule was not used",
        ),
    ]
}

/// The dimension of the granules of windows, one window after the other.
const WINDOW_MEMBER: &str = "window_member";

/// Which granules windows are made of, as a contiguous ragged array (CF section 9.3.3): how many each has, and their
/// numbers, one window after the other.
fn window_variables(windows: &[Vec<u32>]) -> [VariableLayout<'static>; 2] {
    let text = |name: &str, value: &str| (name.to_owned(), AttributeValue::Text(value.into()));
    let variable =
        |name: &str, dimension: &str, attributes: Attributes, data: Vec<i32>| VariableLayout {
            name: name.into(),
            dims: vec![dimension.into()],
            attributes,
            data: Data::I32(data.into()),
            fill: None,
            chunks: None,
        };
    [
        variable(
            "window_granules",
            "time",
            vec![
                text(
                    "long_name",
                    "number of granules that gave values to the window",
                ),
                text("sample_dimension", WINDOW_MEMBER),
            ],
            windows
                .iter()
                .map(|granules| granules.len() as i32)
                .collect(),
        ),
        variable(
            "window_granule",
            WINDOW_MEMBER,
            vec![text(
                "long_name",
                "granules of the windows, one window after the other: places in granule_name, from 0",
            )],
            windows
                .iter()
                .flatten()
                .map(|granule| *granule as i32)
                .collect(),
        ),
    ]
}

/// `flag(flag)` names every flag that some variable was masked by; `<variable>_flag_share(flag)` is
/// the share of the variable's valid pixels that carry it, NaN where it was not asked for.
fn flag_variables(reports: &[FlagReport]) -> ((String, usize), Vec<VariableLayout<'static>>) {
    let mut names: Vec<&str> = Vec::new();
    for (name, _) in reports.iter().flat_map(|r| &r.by_flag) {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    let mut variables = vec![texts(
        "flag",
        "flag",
        names.iter().map(|n| (*n).to_owned()),
        "quality flag that pixels were masked by",
    )];
    for report in reports {
        let share = |pixels: u64| {
            if report.pixels == 0 {
                f64::NAN
            } else {
                pixels as f64 / report.pixels as f64
            }
        };
        let carrying = names.iter().map(|name| {
            let found = report.by_flag.iter().find(|(n, _)| n == name);
            found.map(|(_, pixels)| *pixels)
        });
        let shares = carrying
            .clone()
            .map(|pixels| pixels.map_or(f64::NAN, share));
        let long_name = format!(
            "share of the valid pixels of {} in the area that carry the flag",
            report.variable
        );
        variables.push(VariableLayout {
            name: format!("{}_flag_share", report.variable),
            dims: vec!["flag".into()],
            attributes: vec![
                ("long_name".into(), AttributeValue::Text(long_name)),
                ("units".into(), AttributeValue::Text("1".into())),
                (
                    "valid_pixels".into(),
                    AttributeValue::F64(vec![report.pixels as f64]),
                ),
                // -1 where it was not asked for. Shares of several products follow from these.
                (
                    "flag_pixels".into(),
                    AttributeValue::F64(carrying.map(|p| p.map_or(-1.0, |p| p as f64)).collect()),
                ),
                (
                    "masked_share".into(),
                    AttributeValue::F64(vec![share(report.removed)]),
                ),
            ],
            data: Data::F64(shares.collect()),
            fill: None,
            chunks: None,
        });
    }
    (("flag".into(), names.len()), variables)
}

/// Seconds since 1970 as ISO 8601 with milliseconds, as in the granules' own attributes.
pub(crate) fn iso_time(seconds: f64) -> Option<String> {
    let milliseconds = (seconds * 1e3).round();
    if milliseconds.is_nan() || milliseconds.abs() > 1e15 {
        return None;
    }
    let time = jiff::Timestamp::from_millisecond(milliseconds as i64).ok()?;
    Some(time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string())
}

/// Attributes of the file.
pub(super) fn global_attributes(product: &Product) -> Attributes {
    let mut all = GlobalAttributes(product.attributes.clone());
    let provenance = &product.provenance;
    let main = product.layers.first();
    let long_name = main.map_or("", |layer| {
        match super::statistic::find(&layer.attributes, "long_name") {
            Some(AttributeValue::Text(text)) => text,
            _ => &layer.name,
        }
    });

    if is_global(product) {
        level3_mapped(&mut all, product);
    }
    all.default_text("title", format!("Level-3 map: {long_name}"));
    all.text("Conventions", "CF-1.8 ACDD-1.3".into());
    all.default_text("processing_level", "L3 Mapped".into());
    all.text("cdm_data_type", "grid".into());
    all.text("history", provenance.options.clone());
    all.text("software", format!("swathe {}", provenance.version));
    all.text("digest", provenance.digest.clone());
    if let Some(text) = provenance.newest_input.and_then(iso_time) {
        all.text("date_created", text);
    }
    if let Some((start, end)) = product.time_coverage() {
        for (name, seconds) in [("time_coverage_start", start), ("time_coverage_end", end)] {
            if let Some(text) = iso_time(seconds) {
                all.text(name, text);
            }
        }
    }
    if let Some(names) = product.flags.first().map(|report| {
        let names: Vec<&str> = report.by_flag.iter().map(|(n, _)| n.as_str()).collect();
        names.join(",")
    }) {
        all.text("l2_flag_names", names);
    }
    geospatial(&mut all, product);
    if let Some(layer) = main {
        all.text("measure", layer.statistic.measure());
        for (name, value) in range_attributes(layer.data.valid_range()) {
            all.set(&name, value);
        }
    }
    all.0
}

/// Attributes of the file that follow from the values of the main layer. Their size does not depend on the
/// values, so they can be set when those have been written.
pub(super) fn range_attributes(range: Option<ValidRange>) -> Attributes {
    let none = f64::from(FILL);
    let (count, smallest, largest) =
        range.map_or((0, none, none), |r| (r.count, r.smallest, r.largest));
    let count = count.min(i32::MAX as usize) as i32;
    vec![
        ("data_bins".into(), AttributeValue::I32(vec![count])),
        (
            "data_minimum".into(),
            AttributeValue::F32(vec![smallest as f32]),
        ),
        (
            "data_maximum".into(),
            AttributeValue::F32(vec![largest as f32]),
        ),
    ]
}

fn geospatial(all: &mut GlobalAttributes, product: &Product) {
    if let Some(extent) = GeographicExtent::of(&product.geobox) {
        for (name, value) in [
            ("geospatial_lat_min", extent.south),
            ("geospatial_lat_max", extent.north),
            ("geospatial_lon_min", extent.west),
            ("geospatial_lon_max", extent.east),
        ] {
            all.set(name, AttributeValue::F64(vec![value]));
        }
        all.text("geospatial_lat_units", "degrees_north".into());
        all.text("geospatial_lon_units", "degrees_east".into());
        all.text("geospatial_bounds", extent.polygon());
        all.text("geospatial_bounds_crs", "OGC:CRS84".into());
    }
    let resolution = |step: f64, crs: &Crs| {
        if crs.is_lonlat() {
            format!("{} degrees", round_to(step.abs(), 1e-9))
        } else {
            format!("{} {}", step.abs(), grid_mapping::coordinate_units(crs))
        }
    };
    let geobox = &product.geobox;
    let (y, x) = (
        resolution(geobox.y.step(), &geobox.crs),
        resolution(geobox.x.step(), &geobox.crs),
    );
    if geobox.crs.is_lonlat() {
        all.text("geospatial_lat_resolution", y);
        all.text("geospatial_lon_resolution", x);
    } else {
        all.text("geospatial_y_resolution", y);
        all.text("geospatial_x_resolution", x);
    }
}

/// Rounds to a multiple of a decimal unit, so that text shows 0.1 and not 0.09999999999999999.
pub(super) fn round_to(value: f64, unit: f64) -> f64 {
    let per_unit = (1.0 / unit).round();
    (value * per_unit).round() / per_unit
}

/// Global attributes, each name once.
pub(super) struct GlobalAttributes(Attributes);

impl GlobalAttributes {
    /// Sets an attribute, in place of one of this name.
    pub(super) fn set(&mut self, name: &str, value: AttributeValue) {
        match self.0.iter_mut().find(|(n, _)| n == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name.into(), value)),
        }
    }

    /// Sets an attribute that is text.
    pub(super) fn text(&mut self, name: &str, value: String) {
        self.set(name, AttributeValue::Text(value));
    }

    /// The text of an attribute.
    pub(super) fn given(&self, name: &str) -> Option<&str> {
        match super::statistic::find(&self.0, name) {
            Some(AttributeValue::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// Sets an attribute that is text where there is none of this name.
    pub(super) fn default_text(&mut self, name: &str, value: String) {
        if super::statistic::find(&self.0, name).is_none() {
            self.text(name, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use swathe_core::geobox::GeoBox;

    use super::*;
    use crate::product::{GranuleStatus, Layer, provenance};

    fn product(columns: usize, times: Times) -> Product {
        let axis = |origin, numerator, len| Axis::new(origin, numerator, 0, len);
        let steps = match &times {
            Times::Window(_) => 1,
            Times::Series(steps) => steps.len(),
        };
        let data = LayerData::F32(vec![1.5; steps * 180 * columns]);
        Product {
            geobox: GeoBox {
                crs: Crs::lonlat(),
                x: axis(-180.0, 1.0, columns),
                y: axis(90.0, -1.0, 180),
            },
            times,
            windows: Vec::new(),
            layers: vec![Statistic::Mean.layer("x", &vec![], data, true)],
            granules: vec![],
            flags: vec![],
            provenance: provenance(),
            attributes: vec![("title".into(), AttributeValue::Text("mine".into()))],
        }
    }

    fn step(time: f64) -> TimeStep {
        TimeStep {
            time,
            start: time - 1.0,
            end: time + 1.0,
            granule: None,
        }
    }

    fn variable<'a, 'b>(layout: &'b FileLayout<'a>, name: &str) -> &'b VariableLayout<'a> {
        layout.variables.iter().find(|v| v.name == name).unwrap()
    }

    #[test]
    fn an_unknown_time_leaves_no_time_coordinate() {
        let product = product(10, Times::Window(step(f64::NAN)));
        let layout = layout(&product).unwrap();
        assert!(layout.variables.iter().all(|v| !v.name.starts_with("time")));
        assert_eq!(variable(&layout, "x").dims, ["lat", "lon"]);
        assert!(
            layout
                .attributes
                .iter()
                .all(|(n, _)| n != "time_coverage_start")
        );
    }

    #[test]
    fn only_the_whole_earth_is_laid_out_as_level3_mapped() {
        for (columns, single) in [(360, true), (359, false)] {
            let product = product(columns, Times::Window(step(0.0)));
            let layout = layout(&product).unwrap();
            assert_eq!(
                matches!(variable(&layout, "lat").data, Data::F32(_)),
                single
            );
            let lines = layout
                .attributes
                .iter()
                .any(|(n, _)| n == "number_of_lines");
            assert_eq!(lines, single);
        }
    }

    /// Values of lon and lat in NASA's files of 0.1 degrees, and of 4 km.
    #[test]
    fn global_coordinates_are_nasas_to_the_bit() {
        let ends = |name: &str| {
            let grid = GeoBox::named(name).unwrap();
            let [x, y] = [&grid.x, &grid.y].map(level3_mapped_centres);
            [x[0], x[x.len() - 1], y[0], y[y.len() - 1]]
        };
        assert_eq!(ends("0.1deg"), [-179.95, 179.95001, 89.95, -89.950005]);
        assert_eq!(
            ends("l3m-4km"),
            [-179.97917, 179.97917, 89.979164, -89.97917]
        );
    }

    #[test]
    fn times_come_back_to_the_bit() {
        for milliseconds in [0.0, 1_722_529_213_123.0, 1_577_836_799_999.0, 4e12 + 1.0] {
            let seconds = milliseconds / 1e3;
            assert_eq!(stored_time(seconds), milliseconds - TIME_EPOCH);
            assert_eq!(time_of_stored(stored_time(seconds)), seconds);
        }
        assert!(stored_time(f64::NAN).is_nan());
    }

    #[test]
    fn a_series_leads_with_time_and_untimed_layers_do_not() {
        let mut product = product(2, Times::Series(vec![step(0.0), step(10.0)]));
        let mask = LayerData::I32(vec![1; 360]);
        product.layers.push(Layer {
            timed: false,
            ..Statistic::Count.layer("x", &vec![], mask, false)
        });
        let layout = layout(&product).unwrap();
        assert_eq!(variable(&layout, "x").dims, ["time", "lat", "lon"]);
        assert_eq!(variable(&layout, "x").chunks, Some(vec![1, 180, 2]));
        assert_eq!(variable(&layout, "x_count").dims, ["lat", "lon"]);
        assert_eq!(
            variable(&layout, "time_bnds").data,
            Data::F64(
                [-1e3, 1e3, 9e3, 11e3]
                    .map(|time| time - TIME_EPOCH)
                    .to_vec()
                    .into()
            )
        );
        assert!(layout.attributes.contains(&(
            "time_coverage_end".into(),
            AttributeValue::Text("1970-01-01T00:00:11.000Z".into())
        )));
        let title = AttributeValue::Text("mine".into());
        assert!(layout.attributes.contains(&("title".into(), title)));
    }

    #[test]
    fn inconsistent_products_are_refused() {
        let mut short = product(10, Times::Window(step(0.0)));
        short.layers[0].data = LayerData::F32(vec![0.0; 17]);
        let message = layout(&short).unwrap_err().to_string();
        assert!(
            message.contains("\"x\" has 17 values") && message.contains("1800"),
            "{message}"
        );

        let mut twice = product(10, Times::Window(step(0.0)));
        twice.layers.push(twice.layers[0].clone());
        assert!(
            layout(&twice)
                .unwrap_err()
                .to_string()
                .contains("two layers")
        );

        let mut taken = product(10, Times::Window(step(0.0)));
        taken.layers[0].name = "lat".into();
        assert!(layout(&taken).unwrap_err().to_string().contains("\"lat\""));
    }

    #[test]
    fn times_are_written_to_the_millisecond() {
        // Python: datetime.fromtimestamp(1722470400.1235, UTC)
        assert_eq!(
            iso_time(1_722_470_400.123_5).unwrap(),
            "2024-08-01T00:00:00.124Z"
        );
        assert_eq!(iso_time(-0.5).unwrap(), "1969-12-31T23:59:59.500Z");
        assert_eq!(iso_time(f64::NAN), None);
        assert_eq!(iso_time(1e300), None);
    }

    #[test]
    fn skipped_granules_are_listed_with_their_reason() {
        let mut product = product(10, Times::Window(step(0.0)));
        product.granules.push(GranuleRecord {
            name: "a.nc".into(),
            start: f64::NAN,
            end: f64::NAN,
            status: GranuleStatus::Skipped,
            reason: "truncated".into(),
        });
        let layout = layout(&product).unwrap();
        assert_eq!(
            variable(&layout, "granule_reason").data,
            Data::Text(vec!["truncated".into()])
        );
    }
}
