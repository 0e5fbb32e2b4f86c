//! Binned files read back, ours and NASA's.

use super::{Bin, BinTable, BinnedProduct, GROUP, Sums};
use crate::dataset::{AttributeValue, Dataset, Records, Variable};
use crate::error::{Error, Result};
use crate::product::statistic::{find, number};
use std::path::Path;
use swathe_core::binned::FilledBins;
use swathe_core::isin::{Bins, Isin};
use swathe_core::reduce::Scheme;

/// A binned file that is open.
#[derive(Debug)]
pub struct BinnedFile {
    dataset: Dataset,
    isin: Isin,
    products: Vec<BinnedProduct>,
}

impl BinnedFile {
    /// Opens a binned file.
    ///
    /// # Errors
    /// When it cannot be read, or holds no bins.
    pub fn open(path: &Path) -> Result<Self> {
        BinnedFile::from_dataset(Dataset::open(path)?)
    }

    /// The bins in an open file.
    ///
    /// # Errors
    /// When it holds none, or is damaged.
    pub fn from_dataset(dataset: Dataset) -> Result<Self> {
        let refused = |reason: String| Error::Format {
            path: dataset.name().to_owned(),
            reason,
        };
        let index = dataset.find(&format!("/{GROUP}/BinIndex"));
        let rows = match index.map(|index| index.shape.as_slice()) {
            Some([rows]) => u32::try_from(*rows).unwrap_or(u32::MAX),
            _ => return Err(refused("it has no bins of a Level-3 binned product".into())),
        };
        let isin = Isin::new(rows, None).map_err(|e| refused(e.to_string()))?;
        let group = dataset
            .root()
            .groups
            .iter()
            .find(|g| g.path.ends_with(GROUP));
        let units = match find(&dataset.root().attributes, "units") {
            Some(AttributeValue::Text(text)) => text.clone(),
            _ => String::new(),
        };
        let product = |variable: &Variable| {
            let name = variable
                .path
                .rsplit('/')
                .next()
                .unwrap_or_default()
                .to_owned();
            let attribute = |name: &str| find(&variable.attributes, name);
            let limit = |name: &str| attribute(name).and_then(number).map(|v| v as f32);
            let scheme = match attribute("averaging_scheme") {
                Some(AttributeValue::Text(text)) => text.parse().unwrap_or_default(),
                _ => Scheme::Arithmetic,
            };
            let known = units.split(',').find_map(|unit| {
                let (product, unit) = unit.split_once(':')?;
                (product == name).then(|| unit.to_owned())
            });
            BinnedProduct {
                units: known.unwrap_or_default(),
                valid_range: limit("valid_min").zip(limit("valid_max")),
                scheme,
                name,
            }
        };
        let variables = group.into_iter().flat_map(|group| &group.variables);
        let products = variables
            .filter(|v| {
                !["BinList", "BinIndex", "qual_l3"]
                    .iter()
                    .any(|n| v.path.ends_with(n))
            })
            .map(product)
            .collect();
        Ok(BinnedFile {
            dataset,
            isin,
            products,
        })
    }

    /// The grid.
    pub fn isin(&self) -> &Isin {
        &self.isin
    }

    /// The products.
    pub fn products(&self) -> &[BinnedProduct] {
        &self.products
    }

    /// The file.
    pub fn dataset(&self) -> &Dataset {
        &self.dataset
    }

    /// All bins.
    ///
    /// # Errors
    /// When the tables cannot be read, contradict each other, or are not in order.
    pub fn read(&self) -> Result<BinTable> {
        let list = self.records("BinList")?;
        let column = |name: &str| self.column(&list, "BinList", name);
        let (numbers, observations) = (column("bin_num")?, column("nobs")?);
        let (scenes, weights) = (column("nscenes")?, column("weights")?);
        // NASA's 16 bits run over without a word: what is below zero has done so once.
        let ran_over = |count: &f64| (-32_768.0..0.0).contains(count);
        let count = |count: &f64| match ran_over(count) {
            true => (count + 65_536.0) as u64,
            false => *count as u64,
        };
        let counts = || observations.iter().zip(&scenes);
        let wrapped = counts().filter(|(a, b)| ran_over(a) || ran_over(b)).count();
        let whole = counts().all(|(a, b)| *a >= -32_768.0 && *b >= -32_768.0);
        if !whole || !weights.iter().all(|weight| *weight >= 0.0) {
            return Err(self.refused("it has counts or weights that are below zero".into()));
        }
        let columns = numbers.iter().zip(&observations).zip(&scenes).zip(&weights);
        let bins: Vec<Bin> = columns
            .map(|(((number, observations), scenes), weights)| Bin {
                number: *number as u64,
                observations: count(observations),
                scenes: count(scenes),
                weights: *weights,
            })
            .collect();
        let count = Bins::new(&self.isin).count();
        let ascending = bins.is_sorted_by(|a, b| a.number < b.number);
        let inside = |bin: &Bin| (1..=count).contains(&bin.number);
        if !ascending || !bins.iter().all(inside) {
            return Err(self.refused("its bins are out of order, or not of its grid".into()));
        }
        if self.products.is_empty() {
            return Err(self.refused("it has bins, but no product".into()));
        }
        let mut sums = Vec::with_capacity(self.products.len());
        for product in &self.products {
            let table = self.records(&product.name)?;
            let column = |name: &str| self.column(&table, &product.name, name);
            let (sum, squares) = (column("sum")?, column("sum_squared")?);
            if sum.len() != bins.len() {
                return Err(self.refused(format!(
                    "{} has {} bins, BinList {}",
                    product.name,
                    sum.len(),
                    bins.len()
                )));
            }
            let pairs = sum.into_iter().zip(squares);
            sums.push(pairs.map(|(sum, squares)| Sums { sum, squares }).collect());
        }
        let control = self.dataset.root().groups.iter();
        let control = control.filter(|group| group.path == "/processing_control");
        let said: Vec<_> = control.flat_map(|group| group.attributes.clone()).collect();
        let text = |name: &str| match find(&said, name) {
            Some(AttributeValue::Text(text)) => text.clone(),
            _ => String::new(),
        };
        let base = |name: &str| name.rsplit('/').next().unwrap_or(name).trim().to_owned();
        Ok(BinTable {
            wrapped,
            name: self.dataset.name().to_owned(),
            attributes: self.dataset.root().attributes.clone(),
            sources: text("input_sources")
                .split(',')
                .map(base)
                .filter(|name| !name.is_empty())
                .collect(),
            flags: text("l2_flag_names"),
            products: self.products.clone(),
            filled: FilledBins {
                isin: self.isin.clone(),
                bins,
                sums,
            },
        })
    }

    fn records(&self, name: &str) -> Result<Records> {
        let path = format!("/{GROUP}/{name}");
        let variable = self.dataset.find(&path);
        let variable = variable.ok_or_else(|| self.refused(format!("it has no {name}")))?;
        let all: Vec<_> = variable.shape.iter().map(|len| 0..*len).collect();
        self.dataset.records(variable, &all)
    }

    fn column(&self, records: &Records, table: &str, name: &str) -> Result<Vec<f64>> {
        let column = records.column(name);
        column.ok_or_else(|| self.refused(format!("{table} has no numbers {name}")))
    }

    fn refused(&self, reason: String) -> Error {
        Error::Format {
            path: self.dataset.name().to_owned(),
            reason,
        }
    }
}
