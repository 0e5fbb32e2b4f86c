//! Which granules take part, and in which order: sorted, one of each identity, of one kind.

use super::{Candidate, JobError};
use std::cmp::Ordering;
use std::collections::{BTreeSet, HashMap};
use swathe_io::granule::Identity;
use swathe_io::product::{GranuleRecord, GranuleStatus};

/// A granule that gave way to another of the same identity.
#[derive(Debug, Clone, PartialEq)]
pub struct Preferred {
    /// The one that stays.
    pub kept: String,
    /// The one that goes, as products record it.
    pub dropped: GranuleRecord,
}

/// What makes two files the same observation: platform, instrument, suite, start to the second.
#[derive(PartialEq, Eq, Hash)]
pub(super) struct Key<'a> {
    platform: Option<&'a str>,
    instrument: Option<&'a str>,
    suite: Option<&'a str>,
    /// Where none of these is known.
    title: Option<&'a str>,
    start: i64,
}

impl<'a> Key<'a> {
    /// The key of an observation; `None` where there is no evidence: without any of platform,
    /// instrument, suite and title, equal starts are none.
    pub fn of(identity: &'a Identity, start: Option<i64>) -> Option<Self> {
        let [platform, instrument, suite, title] = [
            &identity.platform,
            &identity.instrument,
            &identity.suite,
            &identity.title,
        ]
        .map(Option::as_deref);
        let known = platform.is_some() || instrument.is_some() || suite.is_some();
        let title = title.filter(|_| !known);
        (known || title.is_some()).then_some(Key {
            platform,
            instrument,
            suite,
            title,
            start: start?.div_euclid(1000),
        })
    }
}

/// Sorts candidates by start and name, and keeps one of each identity, by [`preference`].
pub(super) fn order(mut candidates: Vec<Candidate>) -> (Vec<Candidate>, Vec<Preferred>) {
    candidates.sort_by(|a, b| {
        let start = |c: &Candidate| c.time.start.unwrap_or(i64::MAX);
        (start(a), &a.name, &a.path).cmp(&(start(b), &b.name, &b.path))
    });
    let mut best: HashMap<Key<'_>, usize> = HashMap::new();
    let mut gives_way: Vec<Option<usize>> = vec![None; candidates.len()];
    for (i, candidate) in candidates.iter().enumerate() {
        let Some(key) = Key::of(&candidate.identity, candidate.time.start) else {
            continue;
        };
        match best.get_mut(&key) {
            None => {
                best.insert(key, i);
            }
            Some(held) if preferred_to(candidate, &candidates[*held]) == Ordering::Greater => {
                gives_way[*held] = Some(i);
                *held = i;
            }
            Some(held) => gives_way[i] = Some(*held),
        }
    }
    // One that gave way to one that gave way in turn: follow to the one that stays.
    let stays = |mut i: usize| {
        while let Some(next) = gives_way[i] {
            i = next;
        }
        i
    };
    let preferred = (0..candidates.len())
        .filter(|&i| gives_way[i].is_some())
        .map(|i| {
            let kept = &candidates[stays(i)].name;
            let dropped = &candidates[i];
            let reason = reason(&dropped.name, kept);
            Preferred {
                kept: kept.clone(),
                dropped: dropped.record(GranuleStatus::Skipped, reason),
            }
        })
        .collect();
    let kept = candidates
        .into_iter()
        .zip(&gives_way)
        .filter(|(_, gives_way)| gives_way.is_none())
        .map(|(candidate, _)| candidate)
        .collect();
    (kept, preferred)
}

/// Why one that gave way takes no part.
pub(super) fn reason(dropped: &str, kept: &str) -> String {
    if dropped == kept {
        "given twice".to_owned()
    } else {
        format!("{kept} is the same observation, and is preferred")
    }
}

fn preferred_to(a: &Candidate, b: &Candidate) -> Ordering {
    preference((&a.identity, &a.name), (&b.identity, &b.name))
}

/// Of two granules of one observation, with their names, which is preferred, as the greater: the higher
/// version, of one version the refined before the near-real-time one, of equals the first by name.
pub(super) fn preference(a: (&Identity, &str), b: (&Identity, &str)) -> Ordering {
    let version = |identity: &Identity| version_numbers(identity.processing_version.as_deref());
    let refined = |identity: &Identity| !identity.near_real_time;
    version(a.0)
        .cmp(&version(b.0))
        .then(refined(a.0).cmp(&refined(b.0)))
        .then(b.1.cmp(a.1))
}

/// The numbers in a version: 3.10 comes after 3.2.
fn version_numbers(version: Option<&str>) -> Vec<u64> {
    version
        .unwrap_or("")
        .split(|c: char| !c.is_ascii_digit())
        .filter_map(|digits| digits.parse().ok())
        .collect()
}

/// Refuses a set that mixes processing versions of one suite, or near-real-time with refined granules.
///
/// # Errors
/// [`JobError::Plan`] that names one granule of each kind.
pub(super) fn check_uniform<'a>(
    granules: impl Iterator<Item = (&'a str, &'a Identity)>,
) -> Result<(), JobError> {
    let mut first: HashMap<_, (&str, &Identity)> = HashMap::new();
    for (name, identity) in granules {
        let kind = (&identity.platform, &identity.instrument, &identity.suite);
        let (other, others) = *first.entry(kind).or_insert((name, identity));
        let hint = "choose one kind, or give --allow-mixed";
        let versions = [others, identity].map(|one| one.processing_version.as_deref());
        if version_numbers(versions[0]) != version_numbers(versions[1]) {
            let said = versions.map(|v| v.unwrap_or("unknown"));
            return Err(JobError::plan_hint(
                format!(
                    "the granules mix processing versions: {} has {}, {} has {}",
                    other, said[0], name, said[1]
                ),
                hint,
            ));
        }
        if identity.near_real_time != others.near_real_time {
            let (nrt, refined) = if identity.near_real_time {
                (name, other)
            } else {
                (other, name)
            };
            return Err(JobError::plan_hint(
                format!(
                    "the granules mix near-real-time ({}) and refined ({}) processing",
                    nrt, refined
                ),
                hint,
            ));
        }
    }
    Ok(())
}

/// Says that granules are of several sensors, which is allowed: their values differ by more than noise.
pub(super) fn several_sensors<'a>(granules: impl Iterator<Item = &'a Identity>) -> Option<String> {
    let sensor = |identity: &Identity| {
        let instrument = identity.instrument.as_deref()?;
        Some(match identity.platform.as_deref() {
            Some(platform) => format!("{instrument} on {platform}"),
            None => instrument.to_owned(),
        })
    };
    let all: BTreeSet<String> = granules.filter_map(sensor).collect();
    let all: Vec<String> = all.into_iter().collect();
    (all.len() > 1).then(|| {
        format!(
            "the granules are of several sensors, {}: their values may differ",
            all.join(", ")
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_numbers() {
        let of = |text| version_numbers(Some(text));
        assert!(of("3.10") > of("3.2"));
        assert!(of("V3_1") < of("3.2"));
        assert_eq!(of("V3.1"), of("3_1"));
        assert!(version_numbers(None) < of("0"));
    }
}
