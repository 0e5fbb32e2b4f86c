//! What a result is of, without its numbers: the same for a product and for a partial result.

use super::JobError;
use super::plan::{Plan, PlannedField};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use swathe_core::crs::Crs;
use swathe_core::geobox::{Axis, GeoBox};
use swathe_core::mask::FlagReport;
use swathe_core::reduce::Statistic;
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
    pub fields: Vec<PlannedField>,
    pub statistics: Vec<Statistic>,
    /// Whether any flags were asked for.
    flagged: bool,
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
    length: u64,
    /// When the file was made, seconds since 1970 UTC.
    created: Option<f64>,
    /// The most observations that it gives to a cell.
    most: u64,
}

impl Header {
    /// The header of a run, with what became of its granules in the plan's order.
    pub fn of_run(
        plan: &Plan,
        done: &[Option<(GranuleRecord, u64)>],
        flags: Vec<FlagReport>,
    ) -> Self {
        let geobox = plan.geobox();
        let ran = plan.granules.iter().zip(done);
        let ran = ran.filter_map(|(granule, done)| {
            let (record, most) = done.clone()?;
            Some(UsedGranule {
                record,
                most,
                start: granule.candidate.time.start,
                identity: granule.candidate.identity.clone(),
                length: granule.candidate.length,
                created: granule.created,
            })
        });
        let skipped = plan.skipped.iter().map(|record| UsedGranule {
            record: record.clone(),
            start: record
                .start
                .is_finite()
                .then_some((record.start * 1000.0).round() as i64),
            identity: Identity::default(),
            length: 0,
            created: None,
            most: 0,
        });
        let mut header = Header {
            programs: BTreeSet::from([env!("CARGO_PKG_VERSION").to_owned()]),
            options: plan.canonical(),
            crs: geobox.crs.definition().to_owned(),
            x: geobox.x.clone(),
            y: geobox.y.clone(),
            fields: plan.fields.clone(),
            statistics: plan.job.statistics.clone(),
            flagged: !plan.flags.is_empty(),
            granules: ran.chain(skipped).collect(),
            flags,
        };
        header.sort();
        header
    }

    /// Puts the granules into their order.
    pub fn sort(&mut self) {
        self.granules.sort_by(|a, b| {
            let key = |g: &UsedGranule| g.start.unwrap_or(i64::MAX);
            (key(a), &a.record.name, &a.record.reason).cmp(&(
                key(b),
                &b.record.name,
                &b.record.reason,
            ))
        });
    }

    /// The grid.
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
        self.granules
            .iter()
            .filter(|g| g.record.status != GranuleStatus::Skipped)
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
