//! Partial results: what some granules gave, complete, to be finished or merged with others.

use super::JobError;
use super::contents::{Contents, Given, Partial, Unit};
use super::finished::{Finished, Maps, UNITS_IN_FLIGHT};
use super::header::{Header, UsedGranule};
use super::order::check_uniform;
use super::plan::PlannedField;
use super::record::{Observer, tell_tiles};
use super::rivals::{Together, together};
use rayon::prelude::*;
use std::io::Write;
use std::path::{Path, PathBuf};
use swathe_core::mask::FlagReport;
use swathe_core::reduce::{StoredTile, Tiling};
use swathe_io::partial::{PartialFile, PartialWriter};

impl Finished {
    /// Writes what granules gave to an average, to be merged with what others give: combined, or of each
    /// granule if they are kept.
    ///
    /// # Errors
    /// A cube; what was kept cannot be read; what `writer` says.
    pub fn write_partial(
        &self,
        writer: &mut dyn Write,
        mut observer: Observer<'_>,
    ) -> Result<(), JobError> {
        if !matches!(self.maps, Maps::All) {
            return Err(JobError::plan(
                "only averages over all granules can be kept as partial results",
            ));
        }
        let mut out = PartialWriter::create(&self.header, writer)?;
        let written = Written {
            contents: &self.contents,
            tiling: self.tiling,
            fields: &self.header.fields,
            tiles: (0..self.tiling.tiles()).collect(),
            of: None,
        };
        match self.header.kept {
            true => written.granules(&mut out)?,
            false => written.combined(&mut out, &mut observer)?,
        }
        Ok(out.finish()?)
    }
}

/// What is written of what granules gave: tiles of all fields, in order, on the threads of the current pool.
pub(super) struct Written<'a> {
    pub contents: &'a Contents,
    pub tiling: Tiling,
    pub fields: &'a [PlannedField],
    pub tiles: Vec<usize>,
    /// Granules that are combined, by number in order; `None`: all.
    pub of: Option<&'a [usize]>,
}

impl Written<'_> {
    fn place(&self, unit: usize) -> Unit<'_> {
        let fields = self.fields.len();
        Unit {
            tiling: self.tiling,
            tile: self.tiles.get(unit / fields).copied().unwrap_or(usize::MAX),
            field: unit % fields,
            fields: self.fields,
        }
    }

    /// Granules combined.
    pub fn combined(
        &self,
        out: &mut PartialWriter<'_>,
        observer: &mut Observer<'_>,
    ) -> Result<(), JobError> {
        let total = self.tiles.len() * self.fields.len();
        let batch = UNITS_IN_FLIGHT * rayon::current_num_threads();
        for start in (0..total).step_by(batch) {
            let end = (start + batch).min(total);
            let encoded: Result<Vec<Option<Vec<u8>>>, JobError> = (start..end)
                .into_par_iter()
                .map(|number| {
                    let place = self.place(number);
                    let cells = 0..self.tiling.tile_cells(place.tile);
                    self.contents
                        .with_unit(&place, self.of, &cells, |composite| {
                            let stored = composite.and_then(|c| c.stored_tile(place.tile));
                            let encode =
                                |s: StoredTile| PartialWriter::encode(place.field, place.tile, &s);
                            Ok(stored.map(encode).transpose()?)
                        })
                })
                .collect();
            for encoded in encoded?.into_iter().flatten() {
                out.put(&encoded)?;
            }
            tell_tiles(observer, end, total)?;
        }
        Ok(())
    }

    /// Granule by granule: many may meet in one tile.
    pub fn granules(&self, out: &mut PartialWriter<'_>) -> Result<(), JobError> {
        let batch = UNITS_IN_FLIGHT * rayon::current_num_threads();
        let mut due: Vec<(usize, Given)> = Vec::new();
        let mut write = |due: &[(usize, Given)]| {
            let encoded: Result<Vec<Option<Vec<u8>>>, JobError> = due
                .par_iter()
                .map(|(unit, given)| {
                    let place = self.place(*unit);
                    let part = self.contents.part(given, &place)?;
                    let encoded = part.map(|part| {
                        let stored = part.to_stored();
                        PartialWriter::encode_part(place.field, place.tile, given.number, &stored)
                    });
                    Ok(encoded.transpose()?)
                })
                .collect();
            for encoded in encoded?.into_iter().flatten() {
                out.put(&encoded)?;
            }
            Ok::<_, JobError>(())
        };
        for unit in 0..self.tiles.len() * self.fields.len() {
            for given in self.contents.given(&self.place(unit)) {
                due.push((unit, given));
                if due.len() == batch {
                    write(&due)?;
                    due.clear();
                }
            }
        }
        write(&due)
    }
}

/// Merges partial results, in any order: associative and commutative to the last bit. Their tiles stay
/// on disk until they are asked for. If all keep granules, so does what they are merged to, and of two
/// versions of one the newer takes part.
///
/// # Errors
/// When one cannot be read, is of another version, or is damaged; when they do not fit together, with the
/// difference; when they share a granule, or hold two versions of one, and do not keep granules, with
/// their names; no part at all. Unless `allow_mixed`, when they mix processing versions, or near-real-time with
/// refined granules: of parts that keep granules the latter is what comes before all are refined.
pub fn merge(paths: &[PathBuf], allow_mixed: bool) -> Result<Finished, JobError> {
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
    Finished::average(header, Contents::Partials(partials.collect()))
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
