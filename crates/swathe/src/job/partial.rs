//! Partial results: what some granules gave, complete, to be finished or merged with others.

use super::JobError;
use super::contents::Contents;
use super::finished::Finished;
use super::header::{Header, UsedGranule};
use super::order::Key;
use std::collections::HashMap;
use std::path::PathBuf;
use swathe_io::partial::PartialFile;

/// Merges partial results, in any order: associative and commutative to the last bit. Their tiles stay
/// on disk until they are asked for.
///
/// # Errors
/// When one cannot be read, is of another version, or is damaged; when they do not fit together, with the
/// difference; when they share a granule, or hold two versions of one, with their names; no part at all.
pub fn merge(paths: &[PathBuf]) -> Result<Finished, JobError> {
    let mut merged: Option<Header> = None;
    let mut files = Vec::with_capacity(paths.len());
    for path in paths {
        let name = path.display().to_string();
        let opened = PartialFile::open::<Header>(path);
        let (header, file) = opened.map_err(|e| JobError::granule(&name, e))?;
        let fields = header.fields.len();
        if header.flags.len() != fields || file.tiles().any(|(field, _)| field >= fields) {
            return Err(JobError::granule(&name, "its header contradicts itself"));
        }
        files.push(file);
        match &mut merged {
            None => merged = Some(header),
            Some(merged) => join(merged, header)?,
        }
    }
    match merged {
        Some(header) => Finished::average(header, Contents::Partials(files)),
        None => Err(JobError::Nothing {
            reason: "no part to merge".into(),
        }),
    }
}

/// Joins the header of other granules to one.
fn join(own: &mut Header, other: Header) -> Result<(), JobError> {
    check_fits(own, &other)?;
    check_apart(own, &other)?;
    own.programs.extend(other.programs);
    for (own, other) in own.flags.iter_mut().zip(&other.flags) {
        own.merge(other);
    }
    for granule in other.granules {
        if !own.granules.contains(&granule) {
            own.granules.push(granule);
        }
    }
    own.sort();
    Ok(())
}

fn check_fits(own: &Header, other: &Header) -> Result<(), JobError> {
    if own.options == other.options {
        let mut fields = own.fields.iter().zip(&other.fields);
        if own.fields.len() == other.fields.len() && fields.all(|(a, b)| a.reduction == b.reduction)
        {
            return Ok(());
        }
        return Err(JobError::plan(
            "the parts sum their values in different forms: the valid ranges of their granules differ; \
             give --valid-range when making them",
        ));
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
fn check_apart(own: &Header, other: &Header) -> Result<(), JobError> {
    let names: HashMap<&str, &UsedGranule> = own
        .taking_part()
        .map(|g| (g.record.name.as_str(), g))
        .collect();
    let keys: HashMap<Key<'_>, &UsedGranule> = own
        .taking_part()
        .filter_map(|g| Some((Key::of(&g.identity, g.start)?, g)))
        .collect();
    for granule in other.taking_part() {
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
