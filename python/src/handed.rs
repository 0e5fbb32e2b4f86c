//! A product handed over to Python: the file layout's dimensions, variables and attributes, with the
//! arrays moved, not copied.

use crate::attributes;
use numpy::{Element, PyArray1, PyArrayMethods as _};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use std::borrow::Cow;
use std::collections::HashMap;
use swathe::core::binned::{Bin, FilledBins};
use swathe::core::isin::Bins;
use swathe::io::bins::BinTable;
use swathe::io::dataset::{AttributeValue, Attributes};
use swathe::io::error::Error;
use swathe::io::product::layout::{Data, layout};
use swathe::io::product::{LayerData, Product};

/// Everything that a netCDF file of the product would hold.
pub struct Handed {
    attributes: Attributes,
    variables: Vec<Variable>,
}

struct Variable {
    name: String,
    dims: Vec<String>,
    shape: Vec<usize>,
    attributes: Attributes,
    fill: Option<f64>,
    chunks: Option<Vec<usize>>,
    values: Values,
}

enum Values {
    Numbers(LayerData),
    Texts(Vec<String>),
    /// The product's own layer of this name.
    Layer,
}

impl Handed {
    /// Lays a product out.
    ///
    /// # Errors
    /// As [`layout`].
    pub fn new(product: Product) -> Result<Self, Error> {
        let layout = layout(&product)?;
        let lengths: HashMap<&str, usize> = layout
            .dimensions
            .iter()
            .map(|(name, len)| (name.as_str(), *len))
            .collect();
        let shape = |dims: &[String]| {
            let length = |dim: &String| lengths.get(dim.as_str()).copied().unwrap_or(0);
            dims.iter().map(length).collect()
        };
        let mut variables: Vec<Variable> = layout
            .variables
            .into_iter()
            .map(|variable| Variable {
                shape: shape(&variable.dims),
                name: variable.name,
                dims: variable.dims,
                attributes: variable.attributes,
                fill: variable.fill,
                chunks: variable.chunks,
                values: match variable.data {
                    Data::Text(texts) => Values::Texts(texts),
                    Data::F32(Cow::Owned(v)) => Values::Numbers(LayerData::F32(v)),
                    Data::F64(Cow::Owned(v)) => Values::Numbers(LayerData::F64(v)),
                    Data::I32(Cow::Owned(v)) => Values::Numbers(LayerData::I32(v)),
                    Data::I64(Cow::Owned(v)) => Values::Numbers(LayerData::I64(v)),
                    Data::F32(_) | Data::F64(_) | Data::I32(_) | Data::I64(_) | Data::Tiled(_) => {
                        Values::Layer
                    }
                },
            })
            .collect();
        let attributes = layout.attributes;
        let layers = product.layers.into_iter();
        let mut layers: HashMap<String, LayerData> = layers.map(|l| (l.name, l.data)).collect();
        for variable in &mut variables {
            if let (Values::Layer, Some(data)) = (&variable.values, layers.remove(&variable.name)) {
                variable.values = Values::Numbers(data);
            }
        }
        Ok(Handed {
            attributes,
            variables,
        })
    }

    /// Bins as columns: number, place of the middle, counts, weights, and of every product its mean, sum and sum
    /// of squares.
    pub fn of_bins(table: BinTable) -> Self {
        let FilledBins { isin, bins, sums } = table.filled;
        let grid = Bins::new(&isin);
        let middles = bins.iter().map(|bin| {
            let (row, column) = grid.place(bin.number).unwrap_or_default();
            let width = 360.0 / f64::from(grid.of_row(row).max(1));
            let lon = (column as f64 + 0.5) * width - 180.0;
            (isin.latitude(row as u32), lon)
        });
        let (lat, lon): (Vec<f64>, Vec<f64>) = middles.unzip();
        let text = |name: &str, value: &str| (name.to_owned(), AttributeValue::Text(value.into()));
        let length = bins.len();
        let column = |name: String, attributes: Attributes, values: LayerData| Variable {
            name,
            dims: vec!["bin".into()],
            shape: vec![length],
            attributes,
            fill: None,
            chunks: None,
            values: Values::Numbers(values),
        };
        let counts = |of: fn(&Bin) -> u64| bins.iter().map(|bin| of(bin) as i64).collect();
        let place =
            |name: &str, units: &str| vec![text("standard_name", name), text("units", units)];
        let described = |name: &str| vec![text("long_name", name), text("units", "1")];
        let mut variables = vec![
            column(
                "bin".into(),
                described("number of the bin"),
                LayerData::I64(counts(|b| b.number)),
            ),
            column(
                "lat".into(),
                place("latitude", "degrees_north"),
                LayerData::F64(lat),
            ),
            column(
                "lon".into(),
                place("longitude", "degrees_east"),
                LayerData::F64(lon),
            ),
            column(
                "count".into(),
                described("number of observations"),
                LayerData::I64(counts(|b| b.observations)),
            ),
            column(
                "granules".into(),
                described("number of granules"),
                LayerData::I64(counts(|b| b.scenes)),
            ),
            column(
                "weights".into(),
                described("sum of weights"),
                LayerData::F64(bins.iter().map(|b| b.weights).collect()),
            ),
        ];
        for (product, sums) in table.products.iter().zip(&sums) {
            let own = || match product.units.as_str() {
                "" => Vec::new(),
                units => vec![text("units", units)],
            };
            let means = sums.iter().zip(&bins);
            let means = means.map(|(sums, bin)| product.scheme.inverse(sums.sum / bin.weights));
            let name = &product.name;
            variables.push(column(name.clone(), own(), LayerData::F64(means.collect())));
            let sum = sums.iter().map(|s| s.sum).collect();
            variables.push(column(format!("{name}_sum"), own(), LayerData::F64(sum)));
            let squares = sums.iter().map(|s| s.squares).collect();
            let squared = format!("{name}_sum_squared");
            variables.push(column(squared, Vec::new(), LayerData::F64(squares)));
        }
        let mut attributes = table.attributes;
        attributes.push((
            "isin_rows".into(),
            AttributeValue::I64(vec![i64::from(isin.rows())]),
        ));
        Handed {
            attributes,
            variables,
        }
    }

    /// `{"attributes": {...}, "variables": [(name, dims, values, attributes, fill, chunks), ...]}`.
    pub fn into_python(self, py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
        let handed = PyDict::new(py);
        handed.set_item("attributes", attributes::to_dict(py, &self.attributes)?)?;
        let variables = PyList::empty(py);
        for variable in self.variables {
            let values = match variable.values {
                Values::Numbers(data) => numbers(py, data, &variable.shape)?,
                Values::Texts(texts) => PyList::new(py, texts)?.into_any(),
                Values::Layer => py.None().into_bound(py),
            };
            variables.append((
                variable.name,
                variable.dims,
                values,
                attributes::to_dict(py, &variable.attributes)?,
                variable.fill,
                variable.chunks,
            ))?;
        }
        handed.set_item("variables", variables)?;
        Ok(handed)
    }
}

/// A numpy array of a layer; of one whose values are not in memory `None`.
pub fn numbers<'py>(
    py: Python<'py>,
    data: LayerData,
    shape: &[usize],
) -> PyResult<Bound<'py, PyAny>> {
    match data {
        LayerData::F32(v) => array(py, v, shape),
        LayerData::F64(v) => array(py, v, shape),
        LayerData::I32(v) => array(py, v, shape),
        LayerData::I64(v) => array(py, v, shape),
        LayerData::Tiled(_) => Ok(py.None().into_bound(py)),
    }
}

/// A numpy array that owns the vector.
pub fn array<'py, T: Element>(
    py: Python<'py>,
    values: Vec<T>,
    shape: &[usize],
) -> PyResult<Bound<'py, PyAny>> {
    Ok(PyArray1::from_vec(py, values).reshape(shape)?.into_any())
}
