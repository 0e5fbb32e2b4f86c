//! Bins in memory: merged over time, written, mapped.

use super::{BinWriter, BinnedProduct, Words};
use crate::dataset::{AttributeValue, Attributes};
use crate::error::{Error, Result};
use crate::granule::attributes::text;
use crate::product::layout::iso_time;
use crate::product::level3::temporal_range;
use crate::product::{Layer, LayerData, Statistic};
use std::collections::BTreeSet;
use std::io::{Seek, Write};
use swathe_core::binned::{FilledBins, MappedBins, Mapping};
use swathe_core::geobox::GeoBox;
use swathe_core::reduce::Blank;

/// The bins of a file in memory.
#[derive(Debug, Clone, PartialEq)]
pub struct BinTable {
    /// Base name of the file.
    pub name: String,
    /// Global attributes.
    pub attributes: Attributes,
    /// Files that it was made of, as it says itself.
    pub sources: Vec<String>,
    /// Names of the flags that its pixels were masked by.
    pub flags: String,
    /// Products.
    pub products: Vec<BinnedProduct>,
    /// Bins and sums.
    pub filled: FilledBins,
    /// Bins whose counts had run over 16 bits, as NASA's do silently, and were set right.
    pub wrapped: usize,
}

impl BinTable {
    /// First and last second since 1970 UTC that it covers, as it says itself.
    pub fn time_coverage(&self) -> Option<(f64, f64)> {
        let (range, _) = crate::granule::time::coverage(&self.attributes);
        let seconds = |time: Option<i64>| Some(time? as f64 / 1000.0);
        seconds(range.start).zip(seconds(range.end))
    }

    /// When it was made, as it says itself.
    pub fn created(&self) -> Option<f64> {
        let created = crate::granule::time::created(&self.attributes)?;
        Some(created as f64 / 1000.0)
    }

    /// The bins of several files together, in order of time and name, whatever the order given.
    ///
    /// # Errors
    /// None at all; other grids, products or ways of averaging.
    pub fn merge(mut tables: Vec<BinTable>) -> Result<BinTable> {
        tables.sort_by(|a, b| {
            let start = |t: &BinTable| t.time_coverage().map_or(f64::INFINITY, |c| c.0);
            start(a)
                .total_cmp(&start(b))
                .then_with(|| a.name.cmp(&b.name))
        });
        let refused = |name: &str, reason: &str| Error::Request {
            path: name.to_owned(),
            reason: reason.to_owned(),
        };
        let mut tables = tables.into_iter();
        let mut all = tables
            .next()
            .ok_or_else(|| refused("merge", "no bins are given"))?;
        for table in tables {
            let same = |a: &BinnedProduct, b: &BinnedProduct| {
                (&a.name, a.scheme, &a.units) == (&b.name, b.scheme, &b.units)
            };
            let fits = all.products.len() == table.products.len()
                && all
                    .products
                    .iter()
                    .zip(&table.products)
                    .all(|(a, b)| same(a, b));
            if !fits {
                return Err(refused(
                    &table.name,
                    &format!(
                        "it has other products, units or averaging than {}",
                        all.name
                    ),
                ));
            }
            let added = all.filled.add(&table.filled);
            added.map_err(|error| refused(&table.name, &error.to_string()))?;
            let coverage = match (all.time_coverage(), table.time_coverage()) {
                (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
                (a, b) => a.or(b),
            };
            all.cover(coverage);
            all.wrapped += table.wrapped;
            for name in ["instrument", "platform", "source", "processing_version"] {
                all.join(name, &table.attributes);
            }
            if let (Some(own), Some(other)) = (all.created(), table.created())
                && let Some(text) = iso_time(own.max(other))
            {
                all.set("date_created", text);
            }
            all.sources.extend(table.sources);
            all.sources.sort();
            all.sources.dedup();
        }
        Ok(all)
    }

    /// Puts what another file says of itself beside what is said already.
    fn join(&mut self, name: &str, other: &Attributes) {
        let (own, other) = (text(&self.attributes, name), text(other, name));
        let (own, other) = (own.unwrap_or_default(), other.unwrap_or_default());
        let all: BTreeSet<&str> = own.split(", ").chain(other.split(", ")).collect();
        let all: Vec<&str> = all.into_iter().filter(|word| !word.is_empty()).collect();
        if own != other && !all.is_empty() {
            self.set(name, all.join(", "));
        }
    }

    /// A text among its global attributes.
    pub fn said(&self, name: &str) -> Option<&str> {
        text(&self.attributes, name)
    }

    /// Names of the flags, in order.
    pub fn flag_names(&self) -> BTreeSet<&str> {
        let names = self.flags.split(',').map(str::trim);
        names.filter(|name| !name.is_empty()).collect()
    }

    fn cover(&mut self, coverage: Option<(f64, f64)>) {
        let Some((start, end)) = coverage else { return };
        for (name, seconds) in [("time_coverage_start", start), ("time_coverage_end", end)] {
            if let Some(text) = iso_time(seconds) {
                self.set(name, text);
            }
        }
        self.set("temporal_range", temporal_range(coverage));
    }

    /// Sets a global attribute.
    pub fn set(&mut self, name: &str, value: String) {
        let value = AttributeValue::Text(value);
        match self.attributes.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => *old = value,
            None => self.attributes.push((name.to_owned(), value)),
        }
    }

    /// Writes it into an empty sink.
    ///
    /// # Errors
    /// As [`BinWriter`].
    pub fn write<W: Write + Seek>(&self, sink: W, options: &str, version: &str) -> Result<W> {
        let said =
            |name: &str, value: &str| (name.to_owned(), AttributeValue::Text(value.to_owned()));
        // What follows from the bins is written anew.
        let kept = |name: &str| {
            let anew = ["northern", "southern", "eastern", "western", "geospatial_l"];
            !anew.iter().any(|start| name.starts_with(start))
                && ![
                    "spatialResolution",
                    "data_bins",
                    "percent_data_bins",
                    "binning_scheme",
                    "history",
                    "software",
                    "digest",
                    "product_name",
                    "id",
                ]
                .contains(&name)
        };
        let global = self
            .attributes
            .iter()
            .filter(|(name, _)| kept(name))
            .cloned();
        let words = Words {
            global: global.chain([said("history", options)]).collect(),
            control: vec![
                said("software_name", "swathe"),
                said("software_version", version),
                said("input_sources", &self.sources.join(",")),
                said("l2_flag_names", &self.flags),
            ],
            parameters: vec![said("options", options)],
        };
        let filled = &self.filled;
        let counts = filled
            .bins
            .iter()
            .map(|bin| bin.observations.max(bin.scenes));
        let most = counts.max().unwrap_or(0);
        let mut writer = BinWriter::create(sink, &filled.isin, &self.products, most, words)?;
        for (i, bin) in filled.bins.iter().enumerate() {
            let sums: Vec<_> = filled
                .sums
                .iter()
                .filter_map(|all| all.get(i).copied())
                .collect();
            writer.put(bin, &sums)?;
        }
        writer.finish(&filled.isin)
    }

    /// Maps of a product: mean, standard deviation, counts of observations and of granules. `described` are
    /// more attributes of the product.
    pub fn layers(
        &self,
        product: usize,
        geobox: &GeoBox,
        mapping: Mapping,
        blank: &Blank,
        described: &Attributes,
    ) -> Vec<Layer> {
        let Some(known) = self.products.get(product) else {
            return Vec::new();
        };
        let maps = self
            .filled
            .map(product, known.scheme, geobox, mapping, blank);
        let attributes = known.attributes_of_maps(described);
        let layers = MAPS.into_iter().zip(layers_of(&maps));
        layers
            .map(|(statistic, data)| statistic.layer(&known.name, &attributes, data, true))
            .collect()
    }
}

/// What maps of bins tell of a product, in this order.
pub const MAPS: [Statistic; 4] = [
    Statistic::Mean,
    Statistic::StandardDeviation,
    Statistic::Count,
    Statistic::Granules,
];

/// Values of these [`MAPS`].
pub fn layers_of(maps: &MappedBins) -> [LayerData; 4] {
    let single = |values: &[f64]| LayerData::F32(values.iter().map(|v| *v as f32).collect());
    [
        single(&maps.mean),
        single(&maps.std),
        LayerData::from_counts(&maps.observations),
        LayerData::from_counts(&maps.scenes),
    ]
}

impl BinnedProduct {
    /// Attributes of its maps. `described` are those of the product that are known otherwise.
    pub fn attributes_of_maps(&self, described: &Attributes) -> Attributes {
        let mut attributes = described.clone();
        let mut add = |name: &str, value: AttributeValue| {
            if text(&attributes, name).is_none() {
                attributes.push((name.to_owned(), value));
            }
        };
        if !self.units.is_empty() {
            add("units", AttributeValue::Text(self.units.clone()));
        }
        if let (Some((low, high)), true) = (self.valid_range, described.is_empty()) {
            add("valid_min", AttributeValue::F32(vec![low]));
            add("valid_max", AttributeValue::F32(vec![high]));
        }
        attributes
    }
}
