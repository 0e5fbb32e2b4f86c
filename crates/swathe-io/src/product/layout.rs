//! A product as dimensions, variables and attributes: CF-1.8 and ACDD-1.3, and for global geographic
//! grids the layout of NASA's Level-3 mapped products. Says what is in a file, writes none.

mod attributes;
mod coordinates;
mod records;

use std::borrow::Cow;

use swathe_core::reduce::TILE_SIZE;

pub(crate) use attributes::iso_time;
pub(super) use attributes::{GlobalAttributes, global_attributes, range_attributes, round_to};
pub(super) use coordinates::time_of_stored;
use coordinates::{spatial_coordinates, time_coordinates};
use records::{WINDOW_MEMBER, flag_variables, granule_variables, texts, window_variables};

use super::level3::{display, is_global};
use super::statistic::number;
use super::{FILL, Layer, LayerData, Product, Statistic, Times, grid_mapping};
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

#[cfg(test)]
mod tests {
    use swathe_core::crs::Crs;
    use swathe_core::geobox::{Axis, GeoBox};

    use super::coordinates::TIME_EPOCH;
    use super::*;
    use crate::product::{GranuleRecord, GranuleStatus, Layer, TimeStep, provenance};

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
