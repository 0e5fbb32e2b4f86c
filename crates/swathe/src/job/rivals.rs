//! Which granules take part where several partial results hold one, or several versions of one.

use super::JobError;
use super::header::{Header, UsedGranule};
use super::order::{Key, preference, reason};
use std::cmp::Ordering;
use std::collections::HashMap;
use swathe_io::product::{GranuleRecord, GranuleStatus};

/// The granules of several parts together.
pub(super) struct Together {
    /// As the header of all lists them.
    pub granules: Vec<UsedGranule>,
    /// For every part and granule that its header lists, the number in the list of all, of those that
    /// take part.
    pub numbers: Vec<Vec<Option<u32>>>,
}

/// Puts the granules of parts together. Where parts that keep granules hold the same observation, the
/// newer replaces the older, as in a run over all of them; the same file counts once.
///
/// # Errors
/// When a granule, or another version of it, is in a part where granules are combined; when it cannot be
/// told which is newer; with their names.
pub(super) fn together(parts: &[Header]) -> Result<Together, JobError> {
    let mut rivals = Rivals {
        parts,
        ..Rivals::default()
    };
    for (part, header) in parts.iter().enumerate() {
        for (index, granule) in header.granules.iter().enumerate() {
            if granule.takes_part() {
                rivals.add(At { part, index })?;
            }
        }
    }
    Ok(rivals.resolved())
}

/// A granule of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct At {
    part: usize,
    index: usize,
}

#[derive(Default)]
struct Rivals<'a> {
    parts: &'a [Header],
    /// Those that take part, so far.
    stays: Vec<At>,
    /// Those that gave way, and to which place.
    gave_way: Vec<(At, usize)>,
    /// Places by observation, and by the names of all that contended for them.
    by_key: HashMap<Key<'a>, usize>,
    by_name: HashMap<&'a str, Vec<usize>>,
}

impl<'a> Rivals<'a> {
    fn granule(&self, at: At) -> &'a UsedGranule {
        &self.parts[at.part].granules[at.index]
    }

    fn add(&mut self, at: At) -> Result<(), JobError> {
        let new = self.granule(at);
        let key = || Key::of(&new.identity, new.start);
        let place = self.rival(at)?;
        let place = match place {
            None => {
                self.stays.push(at);
                self.stays.len() - 1
            }
            Some(place) => {
                let held = self.stays[place];
                match self.newer(at, held)? {
                    Ordering::Greater => {
                        self.stays[place] = at;
                        self.gave_way.push((held, place));
                    }
                    Ordering::Less => self.gave_way.push((at, place)),
                    Ordering::Equal => {}
                }
                place
            }
        };
        if let Some(key) = key() {
            self.by_key.insert(key, place);
        }
        let named = self.by_name.entry(&new.record.name).or_default();
        if !named.contains(&place) {
            named.push(place);
        }
        Ok(())
    }

    /// The place that a granule contends for: that of its observation, or else of its name.
    fn rival(&self, at: At) -> Result<Option<usize>, JobError> {
        let new = self.granule(at);
        let name = &new.record.name;
        // A part has been a run of its own: its granules are no rivals of each other.
        let other = |place: &usize| self.stays[*place].part != at.part;
        let key = Key::of(&new.identity, new.start);
        let observed = key.and_then(|key| self.by_key.get(&key).copied());
        if let Some(place) = observed.filter(other) {
            return Ok(Some(place));
        }
        let named = self.by_name.get(name.as_str()).into_iter().flatten();
        let named: Vec<usize> = named.copied().filter(other).collect();
        match named[..] {
            [] => Ok(None),
            [place] => Ok(Some(place)),
            _ => Err(JobError::plan(format!("several parts hold {name}"))),
        }
    }

    /// Which of two rivals is newer, as the greater; equal if they are the same.
    fn newer(&self, new: At, held: At) -> Result<Ordering, JobError> {
        let kept = self.parts[new.part].kept && self.parts[held.part].kept;
        let (new, held) = (self.granule(new), self.granule(held));
        let names = [held, new].map(|granule| granule.record.name.as_str());
        let reason = if names[0] == names[1] {
            format!("two parts hold {}", names[1])
        } else {
            format!(
                "two parts hold the same observation: {} and {}",
                names[0], names[1]
            )
        };
        if !kept {
            return Err(JobError::plan_hint(
                reason,
                "of parts that are made with --keep granules, the newer granule replaces the older",
            ));
        }
        if new.is(held) {
            return Ok(Ordering::Equal);
        }
        let keys = [new, held].map(|granule| Key::of(&granule.identity, granule.start));
        if let [Some(new), Some(held)] = keys
            && new != held
        {
            return Err(JobError::plan(format!(
                "{reason}, of different observations"
            )));
        }
        // NaN is no time.
        let created = |granule: &UsedGranule| granule.created.unwrap_or(f64::NEG_INFINITY);
        let order = preference(
            (&new.identity, &new.record.name),
            (&held.identity, &held.record.name),
        );
        match order.then(created(new).total_cmp(&created(held))) {
            Ordering::Equal => Err(JobError::plan(format!(
                "{reason}, which differ, and neither is newer"
            ))),
            order => Ok(order),
        }
    }

    fn resolved(self) -> Together {
        let kept_name = |place: usize| self.granule(self.stays[place]).record.name.as_str();
        let skipped = |record: &GranuleRecord, kept: &str| {
            UsedGranule::skipped(GranuleRecord {
                status: GranuleStatus::Skipped,
                reason: reason(&record.name, kept),
                ..record.clone()
            })
        };
        let mut all: Vec<(Option<At>, UsedGranule)> = Vec::new();
        for at in &self.stays {
            all.push((Some(*at), self.granule(*at).clone()));
        }
        // What gave way to one that gives way now, gave way to the one that stays.
        let mut passed_on: HashMap<String, usize> = HashMap::new();
        for (at, place) in &self.gave_way {
            let record = &self.granule(*at).record;
            passed_on.insert(reason("", &record.name), *place);
            all.push((None, skipped(record, kept_name(*place))));
        }
        for granule in self.parts.iter().flat_map(|part| &part.granules) {
            if granule.takes_part() {
                continue;
            }
            let record = &granule.record;
            all.push(match passed_on.get(&record.reason) {
                Some(place) => (None, skipped(record, kept_name(*place))),
                None => (None, granule.clone()),
            });
        }
        all.sort_by(|(_, a), (_, b)| a.by_start(b));
        all.dedup_by(|(_, a), (_, b)| !a.takes_part() && a.is(b));
        let lengths = self.parts.iter().map(|part| part.granules.len());
        let mut numbers: Vec<Vec<Option<u32>>> = lengths.map(|n| vec![None; n]).collect();
        for (number, (at, _)) in all.iter().enumerate() {
            if let Some(At { part, index }) = at {
                numbers[*part][*index] = Some(number as u32);
            }
        }
        Together {
            granules: all.into_iter().map(|(_, granule)| granule).collect(),
            numbers,
        }
    }
}
