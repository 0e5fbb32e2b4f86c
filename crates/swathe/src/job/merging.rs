//! Partial results merged: what some granules gave with what others give.

use super::JobError;
use super::contents::{Contents, Partial};
use super::finished::{Finished, UNITS_IN_FLIGHT};
use super::header::{Header, UsedGranule};
use super::memory::{LEAST_UNIT, TILE_CELLS, mebibytes, memory_available};
use super::order::check_uniform;
use super::plan::PlannedField;
use super::rivals::{Together, together};
use std::path::{Path, PathBuf};
use swathe_core::mask::FlagReport;
use swathe_io::partial::PartialFile;

/// Merges partial results, in any order: associative and commutative to the last bit. Their tiles stay
/// on disk until they are asked for. If all keep granules, so does what they are merged to, and of two
/// versions of one the newer takes part.
///
/// # Errors
/// When one cannot be read, is of another version, or is damaged; when they do not fit together, with the
/// difference; when they share a granule, or hold two versions of one, and do not keep granules, with
/// their names; no part at all; when a tile of them does not fit in memory (by default half of what the machine has).
/// Unless `allow_mixed`, when they mix processing versions, or near-real-time with
/// refined granules: of parts that keep granules the latter is what comes before all are refined.
pub fn merge(
    paths: &[PathBuf],
    allow_mixed: bool,
    memory: Option<u64>,
) -> Result<Finished, JobError> {
    let mut headers: Vec<Header> = Vec::with_capacity(paths.len());
    let mut files = Vec::with_capacity(paths.len());
    for path in paths {
        let (header, file) = open(path)?;
        if let Some(first) = headers.first() {
            check_fits(first, &header)?;
        }
        headers.push(header);
        files.push(file);
    }
    let Together { granules, numbers } = together(&headers)?;
    let Some(header) = joined(&headers, granules, &numbers) else {
        return Err(JobError::Nothing {
            reason: "no part to merge".into(),
        });
    };
    if !allow_mixed {
        let taking_part = header.granules.iter().filter(|g| g.takes_part());
        let identities: Vec<_> = taking_part
            .map(|g| {
                let mut identity = g.identity.clone();
                identity.near_real_time &= !header.kept;
                (g.record.name.as_str(), identity)
            })
            .collect();
        check_uniform(identities.iter().map(|(name, identity)| (*name, identity)))?;
    }
    let parts = headers.iter().zip(files).zip(numbers);
    let partials = parts.map(|((part, file), numbers)| Partial {
        file,
        kept: part.kept,
        numbers,
        of: None,
    });
    let mut merged = Finished::average(header, Contents::Partials(partials.collect()))?;
    merged.keep_within(memory.unwrap_or_else(memory_available))?;
    Ok(merged)
}

/// What reading observations takes, of their bytes as they are stored: these, their columns, and their order.
const READING: u64 = 6;

impl Finished {
    /// Shares out memory for maps that are made of partial results, on the threads of the current pool: as many
    /// observations are held at a time as have room.
    fn keep_within(&mut self, limit: u64) -> Result<(), JobError> {
        let threads = rayon::current_num_threads() as u64;
        let fields = &self.header.fields;
        let cells = (self.tiling.cells() as u64).min(TILE_CELLS);
        let unit = |field: &PlannedField| {
            let layers = field.reduction.statistics.len() as u64 + 4;
            // What is combined and what is read, and layers, finished and encoded.
            cells * (3 * field.reduction.bytes_per_cell() as u64 + 24 * layers)
        };
        let unit = fields.iter().map(unit).max().unwrap_or(0);
        let units = 0..self.tiling.tiles() * fields.len();
        let together = units.map(|number| {
            let unit = self.place(number / fields.len(), number % fields.len());
            self.contents.read_together(&unit)
        });
        let together = READING * together.max().unwrap_or(0);
        let samples = fields.iter().any(|field| field.reduction.keeps_samples());
        let least_unit = if samples { LEAST_UNIT } else { 0 };
        let least = threads * (UNITS_IN_FLIGHT as u64 * unit + together + least_unit) + (8 << 20);
        if least > limit {
            return Err(JobError::plan_hint(
                format!(
                    "merging needs at least {} of memory, {} are allowed",
                    mebibytes(least),
                    mebibytes(limit)
                ),
                format!("give --memory {}MiB or more", least.div_ceil(1 << 20)),
            ));
        }
        self.unit_bytes = least_unit + (limit - least) / threads;
        Ok(())
    }
}

fn open(path: &Path) -> Result<(Header, PartialFile), JobError> {
    let name = path.display().to_string();
    let opened = PartialFile::open::<Header>(path);
    let (header, file) = opened.map_err(|e| JobError::granule(&name, e))?;
    let fields = header.fields.len();
    let granules = header.granules.len();
    let known = if header.kept {
        let mut flags = vec![FlagReport::default(); fields];
        for granule in &header.granules {
            add_flags(&mut flags, &granule.flags);
        }
        let mut parts = file.parts();
        file.tiles().next().is_none()
            && parts.all(|(field, _, granule)| field < fields && (granule as usize) < granules)
            && flags == header.flags
    } else {
        file.parts().next().is_none() && file.tiles().all(|(field, _)| field < fields)
    };
    if header.flags.len() != fields || !known {
        return Err(JobError::granule(&name, "its header contradicts itself"));
    }
    Ok((header, file))
}

/// The header of parts that fit together, with the granules of all.
fn joined(
    parts: &[Header],
    mut granules: Vec<UsedGranule>,
    numbers: &[Vec<Option<u32>>],
) -> Option<Header> {
    // As in a run over all of them, the first granule describes the fields.
    let first = granules.iter().position(UsedGranule::takes_part);
    let first = first.map(|number| Some(number as u32));
    let describes = |numbers: &Vec<Option<u32>>| first.is_some_and(|one| numbers.contains(&one));
    let model = parts.get(numbers.iter().position(describes).unwrap_or(0))?;
    let mut flags = vec![FlagReport::default(); model.fields.len()];
    for (part, numbers) in parts.iter().zip(numbers) {
        if part.kept {
            let taking_part = part.granules.iter().zip(numbers);
            for (granule, _) in taking_part.filter(|(_, number)| number.is_some()) {
                add_flags(&mut flags, &granule.flags);
            }
        } else {
            add_flags(&mut flags, &part.flags);
        }
    }
    let kept = parts.iter().all(|part| part.kept);
    if !kept {
        for granule in &mut granules {
            granule.flags.clear();
        }
    }
    let mut header = model.clone();
    header.programs = parts.iter().flat_map(|p| p.programs.clone()).collect();
    header.kept = kept;
    header.granules = granules;
    header.flags = flags;
    Some(header)
}

fn add_flags(all: &mut [FlagReport], one: &[FlagReport]) {
    for (all, one) in all.iter_mut().zip(one) {
        all.merge(one);
    }
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
    Err(JobError::plan(format!(
        "the parts were made with different options and cannot be merged: {}",
        difference(&own.options, &other.options)
    )))
}

/// In what two lines of options differ.
pub fn difference(own: &str, other: &str) -> String {
    let parts = |options: &str| -> Vec<String> {
        options
            .split(" -")
            .skip(1)
            .map(|part| format!("-{part}"))
            .collect()
    };
    let (own, other) = (parts(own), parts(other));
    let only = |these: &[String], those: &[String]| {
        let only = these.iter().filter(|part| !those.contains(part));
        only.cloned().collect::<Vec<_>>().join(" ")
    };
    let (own, other) = (only(&own, &other), only(&other, &own));
    match (own.is_empty(), other.is_empty()) {
        (true, _) => format!("one with {other}, one without"),
        (_, true) => format!("one with {own}, one without"),
        _ => format!("one with {own}, one with {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::difference;

    #[test]
    fn differences_name_both_sides() {
        let line = "swathe average -v chlor_a -m bin";
        assert_eq!(
            difference(line, "swathe average -v chlor_a -m nearest"),
            "one with -m bin, one with -m nearest"
        );
        let more = format!("{line} --valid-range=0,1");
        assert_eq!(
            difference(line, &more),
            "one with --valid-range=0,1, one without"
        );
        assert_eq!(
            difference(&more, line),
            "one with --valid-range=0,1, one without"
        );
    }
}
