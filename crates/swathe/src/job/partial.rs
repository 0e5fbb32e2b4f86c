//! Partial results: what some granules gave, complete, to be finished or merged with others.

use super::header::{Header, UsedGranule};
use super::order::Key;
use super::{JobError, average};
use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use swathe_core::reduce::{Composite, ReduceError, Tiling};
use swathe_io::error::Error;
use swathe_io::partial::{self, PartialReader};
use swathe_io::product::{GranuleStatus, Product, Times};

/// What some granules gave to an average. Merging is associative and commutative to the last bit.
#[derive(Debug, Clone, PartialEq)]
pub struct Partial {
    pub(super) header: Header,
    pub(super) composites: Vec<Composite>,
}

impl Partial {
    /// Reads a partial result.
    ///
    /// # Errors
    /// When it cannot be read, is of another version, or is damaged.
    pub fn read(path: &Path) -> Result<Partial, JobError> {
        let name = path.display().to_string();
        let at_fault = |e: Error| JobError::granule(&name, e);
        let (header, reader) = PartialReader::open::<Header>(path).map_err(at_fault)?;
        let damaged = |e: &dyn std::fmt::Display| JobError::granule(&name, e);
        let (rows, columns) = header.geobox()?.shape();
        let tiling = Tiling::new(rows, columns).map_err(|e| damaged(&e))?;
        if header.flags.len() != header.fields.len() {
            return Err(damaged(&"its header contradicts itself"));
        }
        let fields = header.fields.iter();
        let mut composites: Vec<Composite> = fields
            .map(|field| Composite::new(tiling, field.reduction.clone()))
            .collect();
        reader.restore(&mut composites).map_err(at_fault)?;
        Ok(Partial { header, composites })
    }

    /// Writes it.
    ///
    /// # Errors
    /// What `writer` says.
    pub fn write(&self, writer: &mut dyn Write) -> Result<(), Error> {
        partial::write(&self.header, &self.composites, writer)
    }

    /// Combines with what other granules gave.
    ///
    /// # Errors
    /// When the parts do not fit together, with the difference; when they share a granule, or hold two
    /// versions of one, with their names.
    pub fn merge(&mut self, other: Partial) -> Result<(), JobError> {
        self.check_fits(&other)?;
        self.check_apart(&other)?;
        for (own, other) in self.composites.iter_mut().zip(other.composites) {
            own.merge(other).map_err(|e| match e {
                ReduceError::Mismatch => JobError::plan(
                    "the parts sum their values in different forms: the valid ranges of their \
                     granules differ; give --valid-range when making them",
                ),
                other => other.into(),
            })?;
        }
        let header = &mut self.header;
        header.programs.extend(other.header.programs);
        for (own, other) in header.flags.iter_mut().zip(&other.header.flags) {
            own.merge(other);
        }
        for granule in other.header.granules {
            if !header.granules.contains(&granule) {
                header.granules.push(granule);
            }
        }
        header.sort();
        Ok(())
    }

    /// The product of what has been combined.
    ///
    /// # Errors
    /// A statistic that was not kept, which a damaged partial result may ask for.
    pub fn product(&self) -> Result<Product, JobError> {
        let layers = average::layers(&self.header, &self.composites)?;
        let window = self.header.window();
        self.header.product(layers, Times::Window(window))
    }

    /// Number of granules that gave values.
    pub fn used(&self) -> usize {
        let granules = self.header.taking_part();
        granules
            .filter(|g| g.record.status == GranuleStatus::Used)
            .count()
    }

    fn check_fits(&self, other: &Partial) -> Result<(), JobError> {
        let (own, other) = (&self.header, &other.header);
        if own.options == other.options {
            return Ok(());
        }
        let parts = |options: &str| -> Vec<String> {
            options
                .split(" -")
                .skip(1)
                .map(|part| format!("-{part}"))
                .collect()
        };
        let (own, other) = (parts(&own.options), parts(&other.options));
        let only = |these: &[String], those: &[String]| {
            let only = these.iter().filter(|part| !those.contains(part));
            only.cloned().collect::<Vec<_>>().join(" ")
        };
        Err(JobError::plan(format!(
            "the parts were made with different options and cannot be merged: one with {}, one with {}",
            only(&own, &other),
            only(&other, &own)
        )))
    }

    /// Refuses granules that are in both, and two versions of one.
    fn check_apart(&self, other: &Partial) -> Result<(), JobError> {
        let names: HashMap<&str, &UsedGranule> = self
            .header
            .taking_part()
            .map(|g| (g.record.name.as_str(), g))
            .collect();
        let keys: HashMap<Key<'_>, &UsedGranule> = self
            .header
            .taking_part()
            .filter_map(|g| Some((Key::of(&g.identity, g.start)?, g)))
            .collect();
        for granule in other.header.taking_part() {
            let name = &granule.record.name;
            if names.contains_key(name.as_str()) {
                return Err(JobError::plan(format!("two parts hold {name}")));
            }
            let key = Key::of(&granule.identity, granule.start);
            if let Some(same) = key.and_then(|key| keys.get(&key)) {
                return Err(JobError::plan(format!(
                    "two parts hold the same observation: {} and {name}",
                    same.record.name
                )));
            }
        }
        Ok(())
    }
}

/// Merges partial results, in any order.
///
/// # Errors
/// When one cannot be read, or they do not fit together; no part at all.
pub fn merge(paths: &[PathBuf]) -> Result<Partial, JobError> {
    let mut merged: Option<Partial> = None;
    for path in paths {
        let part = Partial::read(path)?;
        match &mut merged {
            None => merged = Some(part),
            Some(merged) => merged.merge(part)?,
        }
    }
    merged.ok_or_else(|| JobError::Nothing {
        reason: "no part to merge".into(),
    })
}
