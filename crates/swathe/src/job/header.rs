//! What a result is of, without its numbers: the same for a product and for a partial result.

use super::JobError;
use super::data_day::Part;
use super::plan::{Plan, PlannedField};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use swathe_core::crs::Crs;
use swathe_core::geobox::{Axis, GeoBox};
use swathe_core::isin::Isin;
use swathe_core::mask::FlagReport;
use swathe_io::dataset::{AttributeValue, Attributes};
use swathe_io::granule::Identity;
use swathe_io::product::{
    self, GranuleRecord, GranuleStatus, Layer, Product, Provenance, TimeStep, Times,
};

/// What a result is of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Header {
    /// Versions of the program that took part.
    pub programs: BTreeSet<String>,
    /// The options as one command line.
    pub options: String,
    crs: String,
    x: Axis,
    y: Axis,
    /// The grid, if it is of bins; the other is then the rectangle in which they are numbered.
    pub isin: Option<Isin>,
    pub fields: Vec<PlannedField>,
    /// By what the best observation is chosen.
    pub best: Option<String>,
    /// Whether any flags were asked for.
    flagged: bool,
    /// Whether what each granule gave is kept; otherwise granules are combined.
    pub kept: bool,
    /// In order of time, then name; those that were skipped too.
    pub granules: Vec<UsedGranule>,
    /// What the flags took, for every field.
    pub flags: Vec<FlagReport>,
}

/// A granule, and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct UsedGranule {
    pub record: GranuleRecord,
    /// Start in milliseconds since 1970 UTC.
    pub start: Option<i64>,
    pub identity: Identity,
    /// Length of the file in bytes.
    pub length: u64,
    /// When the file was made, seconds since 1970 UTC.
    pub created: Option<f64>,
    /// The most observations that it gives to a cell.
    most: u64,
    /// What the flags took of it, for every field; empty where it has none in the area, and where
    /// granules are combined.
    pub flags: Vec<FlagReport>,
}

/// What came of a granule of a run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Done {
    pub record: GranuleRecord,
    /// The most observations that it gave to a cell.
    pub most: u64,
    /// What the flags took of it, where granules are kept.
    pub flags: Vec<FlagReport>,
    /// Its parts that gave anything.
    pub gave: Vec<Part>,
}

impl UsedGranule {
    /// One that takes no part.
    pub fn skipped(record: GranuleRecord) -> Self {
        UsedGranule {
            start: record
                .start
                .is_finite()
                .then_some((record.start * 1000.0).round() as i64),
            record,
            identity: Identity::default(),
            length: 0,
            created: None,
            most: 0,
            flags: Vec::new(),
        }
    }

    /// Whether it takes part.
    pub fn takes_part(&self) -> bool {
        self.record.status != GranuleStatus::Skipped
    }

    /// Whether it is the same file, of which the same came. Times that are not known are equal.
    pub fn is(&self, other: &UsedGranule) -> bool {
        let numbers = |g: &UsedGranule| {
            let record = [g.record.start, g.record.end].map(f64::to_bits);
            (
                record,
                g.start,
                g.length,
                g.created.map(f64::to_bits),
                g.most,
            )
        };
        let facts = |g: &UsedGranule| {
            (
                g.record.status,
                g.record.name.clone(),
                g.record.reason.clone(),
            )
        };
        numbers(self) == numbers(other)
            && facts(self) == facts(other)
            && self.identity == other.identity
            && self.flags == other.flags
    }

    /// The order of granules in a header: by start, then name.
    pub fn by_start(&self, other: &UsedGranule) -> Ordering {
        let start = |g: &UsedGranule| g.start.unwrap_or(i64::MAX);
        let (a, b) = (&self.record, &other.record);
        (start(self), &a.name, &a.reason).cmp(&(start(other), &b.name, &b.reason))
    }
}

impl Header {
    /// The header of a run that has not begun: granules in the plan's order, then those that take no part.
    pub fn of_plan(plan: &Plan, kept: bool) -> Self {
        let geobox = plan.geobox();
        let planned = plan.granules.iter().map(|granule| UsedGranule {
            record: granule.candidate.record(GranuleStatus::Skipped, ""),
            most: 0,
            flags: Vec::new(),
            start: granule.candidate.time.start,
            identity: granule.candidate.identity.clone(),
            length: granule.candidate.length,
            created: granule.created,
        });
        let skipped = plan.skipped.iter().cloned().map(UsedGranule::skipped);
        Header {
            programs: BTreeSet::from([env!("CARGO_PKG_VERSION").to_owned()]),
            options: plan.canonical(),
            crs: geobox.crs.definition().to_owned(),
            x: geobox.x.clone(),
            y: geobox.y.clone(),
            isin: plan.isin().cloned(),
            fields: plan.fields.clone(),
            best: plan
                .job
                .best
                .as_ref()
                .map(|best| best.to_string().replace(':', " ")),
            flagged: !plan.flags.is_empty(),
            kept,
            granules: planned.chain(skipped).collect(),
            flags: vec![FlagReport::default(); plan.fields.len()],
        }
    }

    /// The header with what became of the granules, in the plan's order, and their numbers in it. Those of
    /// which nothing is known are left out.
    pub fn with_outcomes(self, done: &[Option<Done>], flags: Vec<FlagReport>) -> (Self, Vec<u32>) {
        let all = self.granules.into_iter().enumerate();
        let mut granules: Vec<(usize, UsedGranule)> = all
            .filter_map(|(place, granule)| match done.get(place) {
                Some(done) => {
                    let Done {
                        record,
                        most,
                        flags,
                        gave: _,
                    } = done.clone()?;
                    let used = UsedGranule {
                        record,
                        most,
                        flags,
                        ..granule
                    };
                    Some((place, used))
                }
                None => Some((place, granule)),
            })
            .collect();
        granules.sort_by(|(_, a), (_, b)| a.by_start(b));
        let mut numbers = vec![0; done.len()];
        for (number, (place, _)) in granules.iter().enumerate() {
            if let Some(own) = numbers.get_mut(*place) {
                *own = number as u32;
            }
        }
        let header = Header {
            granules: granules.into_iter().map(|(_, granule)| granule).collect(),
            flags,
            ..self
        };
        (header, numbers)
    }

    /// The grid, or the rectangle in which bins are numbered.
    ///
    /// # Errors
    /// A CRS that cannot be used, which a damaged partial result may hold.
    pub fn geobox(&self) -> Result<GeoBox, JobError> {
        Ok(GeoBox {
            crs: Crs::parse(&self.crs)?,
            x: self.x.clone(),
            y: self.y.clone(),
        })
    }

    /// Number of granules that gave values.
    pub fn used(&self) -> usize {
        self.taking_part()
            .filter(|g| g.record.status == GranuleStatus::Used)
            .count()
    }

    /// No cell has more observations.
    pub fn most(&self) -> u64 {
        let most = self.granules.iter().map(|granule| granule.most);
        most.fold(0, u64::saturating_add)
    }

    /// Granules that were not skipped.
    pub fn taking_part(&self) -> impl Iterator<Item = &UsedGranule> {
        self.granules.iter().filter(|g| g.takes_part())
    }

    /// From the first to the last line of the granules that gave values; of all, if none did.
    pub fn window(&self) -> TimeStep {
        let any = self
            .taking_part()
            .any(|g| g.record.status == GranuleStatus::Used);
        let records = || {
            let records = self.taking_part().map(|g| &g.record);
            records.filter(move |r| !any || r.status == GranuleStatus::Used)
        };
        let least = records().map(|r| r.start).fold(f64::NAN, f64::min);
        let most = records()
            .map(|r| if r.end.is_nan() { r.start } else { r.end })
            .fold(f64::NAN, f64::max);
        TimeStep {
            // To the millisecond, as granules have it.
            time: ((least + most) * 500.0).round() / 1000.0,
            start: least,
            end: most,
            granule: None,
        }
    }

    /// The product, of layers that are ready.
    ///
    /// # Errors
    /// As [`Header::geobox`].
    pub fn product(&self, layers: Vec<Layer>, times: Times) -> Result<Product, JobError> {
        let reports = self.fields.iter().zip(&self.flags);
        let reports = reports
            .filter(|_| self.flagged)
            .map(|(field, report)| product::FlagReport {
                variable: field.name.clone(),
                pixels: report.valid(),
                removed: report.removed(),
                by_flag: report
                    .flags()
                    .into_iter()
                    .map(|(name, carrying, _)| (name.to_owned(), carrying))
                    .collect(),
            });
        Ok(Product {
            geobox: self.geobox()?,
            times,
            windows: Vec::new(),
            layers,
            granules: self.granules.iter().map(|g| g.record.clone()).collect(),
            flags: reports.collect(),
            provenance: self.provenance(),
            attributes: self.source(),
        })
    }

    /// Options, digest, version: the digest is over the options and the granules' names, lengths and
    /// versions, in order.
    fn provenance(&self) -> Provenance {
        let mut hash = Sha256::new();
        hash.update(&self.options);
        for granule in self.taking_part() {
            let version = granule.identity.processing_version.as_deref();
            hash.update(format!(
                "\n{}\t{}\t{}",
                granule.record.name,
                granule.length,
                version.unwrap_or("")
            ));
        }
        let created = self.taking_part().filter_map(|g| g.created);
        Provenance {
            options: self.options.clone(),
            digest: hash
                .finalize()
                .iter()
                .fold(String::new(), |mut text, byte| {
                    let _ = write!(text, "{byte:02x}");
                    text
                }),
            version: self.programs.iter().cloned().collect::<Vec<_>>().join(", "),
            newest_input: created.reduce(f64::max),
        }
    }

    /// Global attributes that say where a product comes from.
    fn source(&self) -> Attributes {
        let text = |pick: fn(&Identity) -> Option<&String>| -> Option<String> {
            let all: BTreeSet<&str> = self
                .taking_part()
                .filter_map(|g| pick(&g.identity))
                .map(String::as_str)
                .collect();
            (!all.is_empty()).then(|| all.into_iter().collect::<Vec<_>>().join(", "))
        };
        let instrument = text(|i| i.instrument.as_ref());
        let platform = text(|i| i.platform.as_ref());
        let source = match (&instrument, &platform) {
            (Some(instrument), Some(platform)) => Some(format!(
                "satellite observations from {instrument}-{platform}"
            )),
            _ => None,
        };
        [
            ("instrument", instrument),
            ("platform", platform),
            ("source", source),
            ("source_suite", text(|i| i.suite.as_ref())),
            (
                "processing_version",
                text(|i| i.processing_version.as_ref()),
            ),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), AttributeValue::Text(value?))))
        .collect()
    }
}
