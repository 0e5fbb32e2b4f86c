//! What granules gave, wherever it is kept, read tile by tile.

use super::JobError;
use super::data_day::Part;
use super::plan::PlannedField;
use super::windows::Member;
use std::ops::Range;
use swathe_core::reduce::{Composite, ReduceError, StoredPart, TilePart, Tiling};
use swathe_core::stop::{self, Stopped};
use swathe_io::error::Error;
use swathe_io::journal::{Journal, Piece};
use swathe_io::partial::PartialFile;

/// What granules gave to the tiles of a grid.
#[derive(Debug)]
pub(super) enum Contents {
    /// Combined, in memory: a composite of every field; and the journal, which is of no more use.
    Composites(Vec<Composite>, Option<Journal>),
    /// Each granule's pieces, in a journal.
    Journal(Journal),
    /// Each granule's pieces, in memory: by granule, part and field, and tile.
    Parts(Vec<Vec<Vec<(usize, TilePart)>>>),
    /// Partial results, which are combined with each other.
    Partials(Vec<Partial>),
}

/// A partial result, on disk or in memory.
#[derive(Debug)]
pub(super) struct Partial {
    pub file: PartialFile,
    /// Whether it keeps granules apart.
    pub kept: bool,
    /// For each granule that its header lists, the number in the header of all, or `None` for one that
    /// takes no part.
    pub numbers: Vec<Option<u32>>,
    /// One of those that it combines, where it does not combine all: these are in the same windows of time.
    pub of: Option<Member>,
}

impl Partial {
    /// Bytes of the observations of a unit, of all and of those that are read together.
    fn bytes_of(&self, unit: &Unit<'_>) -> (u64, u64) {
        self.file.sample_bytes(unit.field, unit.tile)
    }
}

/// What one granule gave to a unit: its number in the header, in which partial result it is, and its
/// number there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Given {
    pub number: u32,
    partial: usize,
    granule: u32,
}

/// The number of a unit: what is combined at a time. Where granules are kept in parts, each part has fields of its own.
pub(super) fn unit(tile: usize, field: usize, fields: usize) -> u32 {
    (tile * fields + field) as u32
}

/// The number of a field of a part, of all that are kept.
pub(super) fn column(part: Part, field: usize, fields: usize) -> usize {
    part as usize * fields + field
}

/// A tile of a field, of what shape and in which form.
#[derive(Clone, Copy)]
pub(super) struct Unit<'a> {
    pub tiling: Tiling,
    pub tile: usize,
    pub field: usize,
    pub fields: &'a [PlannedField],
    /// In how many parts granules may be kept.
    pub parts: usize,
}

impl Unit<'_> {
    fn number(&self) -> u32 {
        self.number_of(Part::Whole)
    }

    fn number_of(&self, part: Part) -> u32 {
        let fields = self.fields.len();
        let column = column(part, self.field, fields);
        unit(self.tile, column, fields * self.parts)
    }

    /// The parts that granules may be kept in.
    fn parts(&self) -> impl Iterator<Item = Part> + use<> {
        [Part::Whole, Part::West, Part::East]
            .into_iter()
            .take(self.parts)
    }

    fn empty(&self) -> Composite {
        Composite::new(self.tiling, self.fields[self.field].reduction.clone())
    }

    fn part(&self, stored: StoredPart) -> Result<TilePart, JobError> {
        let reduction = &self.fields[self.field].reduction;
        Ok(TilePart::from_stored(
            stored,
            &self.tiling,
            reduction,
            self.tile,
        )?)
    }
}

impl Contents {
    /// Hands over a composite that holds a unit, of all granules, or of some that are not combined yet, whose
    /// numbers come in order, in some of its cells; nothing where none gave anything. All cells are there where what
    /// granules gave is combined already.
    ///
    /// # Errors
    /// When it cannot be read, or a cell is full.
    pub fn with_unit<T>(
        &self,
        unit: &Unit<'_>,
        of: Option<&[Member]>,
        cells: &Range<usize>,
        take: impl FnOnce(Option<&Composite>) -> Result<T, JobError>,
    ) -> Result<T, JobError> {
        let mut composite = unit.empty();
        let mut any = false;
        let whole = cells.len() == unit.tiling.tile_cells(unit.tile);
        match self {
            Contents::Composites(composites, _) => return take(composites.get(unit.field)),
            Contents::Journal(journal) => {
                for piece in wanted(journal, unit, of) {
                    stop::go_on()?;
                    let mut part = unit.part(journal.piece(piece)?)?;
                    if !whole {
                        part = part.within(cells);
                    }
                    composite.combine(unit.tile, &part, piece.granule)?;
                    any = true;
                }
            }
            Contents::Parts(granules) => {
                for (granule, given) in granules.iter().enumerate() {
                    stop::go_on()?;
                    for part in unit.parts() {
                        if gives(of, granule, part)
                            && let Some(part) = part_of(given, unit, part)
                        {
                            composite.combine(unit.tile, part, granule as u32)?;
                            any = true;
                        }
                    }
                }
            }
            Contents::Partials(partials) => {
                let is_of = |m: &Member| gives(of, m.granule, m.part);
                for partial in partials.iter().filter(|p| p.of.as_ref().is_none_or(is_of)) {
                    stop::go_on()?;
                    let file = &partial.file;
                    if let Some(stored) = file.tile(unit.field, unit.tile)? {
                        let samples = file.samples(unit.field, unit.tile);
                        let samples = samples.map(|some| Ok::<_, JobError>(some?));
                        let numbers = &partial.numbers;
                        composite.combine_stored(unit.tile, stored, samples, cells, numbers)?;
                        any = true;
                    }
                }
                for given in self.given(unit) {
                    stop::go_on()?;
                    if let Some(mut part) = self.part(&given, unit)? {
                        if !whole {
                            part = part.within(cells);
                        }
                        composite.combine(unit.tile, &part, given.number)?;
                        any = true;
                    }
                }
            }
        }
        take(any.then_some(&composite))
    }

    /// Bytes of observations that a composite of a unit would hold, where they are many: those that are kept for
    /// percentiles, at most.
    pub fn bytes_of(&self, unit: &Unit<'_>, of: Option<&[Member]>) -> u64 {
        /// A cell's place and a double take no less as they are kept.
        const STORED: u64 = 9;
        let sample = self.sample_bytes(unit);
        if sample == 0 {
            return 0;
        }
        let bytes = match self {
            Contents::Journal(journal) => wanted(journal, unit, of).map(Piece::bytes).sum(),
            Contents::Partials(partials) => partials
                .iter()
                .map(|partial| partial.bytes_of(unit).0)
                .sum(),
            Contents::Composites(..) | Contents::Parts(_) => 0,
        };
        // With room to grow.
        bytes / STORED * sample * 2
    }

    /// How many cells of a unit, at a time, have observations of no more than so many bytes.
    pub fn strip(&self, unit: &Unit<'_>, of: Option<&[Member]>, bytes: u64, cells: usize) -> usize {
        let strips = self.bytes_of(unit, of) / bytes.max(1) + 1;
        let strips = usize::try_from(strips).unwrap_or(cells);
        cells.div_ceil(strips.clamp(1, cells.max(1)))
    }

    /// Bytes that reading what is kept of a unit takes at a time, as they are stored, at most.
    pub fn read_together(&self, unit: &Unit<'_>) -> u64 {
        match self {
            Contents::Partials(partials) => {
                let each = partials.iter().map(|partial| partial.bytes_of(unit).1);
                each.max().unwrap_or(0)
            }
            _ => 0,
        }
    }

    fn sample_bytes(&self, unit: &Unit<'_>) -> u64 {
        let field = unit.fields.get(unit.field);
        field.map_or(0, |field| field.reduction.bytes_per_sample(true) as u64)
    }

    /// What granules gave to a unit, where they are kept with the numbers of the header: in order of
    /// these.
    pub fn given(&self, unit: &Unit<'_>) -> Vec<Given> {
        let mut all: Vec<Given> = match self {
            Contents::Journal(journal) => of_unit(journal.pieces(), unit.number())
                .iter()
                .map(|piece| Given {
                    number: piece.granule,
                    partial: 0,
                    granule: piece.granule,
                })
                .collect(),
            Contents::Partials(partials) => partials
                .iter()
                .enumerate()
                .filter(|(_, partial)| partial.kept)
                .map(|(i, partial)| (i, &partial.file, &partial.numbers))
                .flat_map(|(partial, file, numbers)| {
                    let granules = file.granules_of(unit.field, unit.tile);
                    granules.filter_map(move |granule| {
                        Some(Given {
                            number: numbers.get(granule as usize).copied().flatten()?,
                            partial,
                            granule,
                        })
                    })
                })
                .collect(),
            Contents::Composites(..) | Contents::Parts(_) => Vec::new(),
        };
        all.sort_unstable();
        all
    }

    /// One of these parts, in order of cells.
    ///
    /// # Errors
    /// When it cannot be read, or is damaged.
    pub fn part(&self, given: &Given, unit: &Unit<'_>) -> Result<Option<TilePart>, JobError> {
        match self {
            Contents::Journal(journal) => {
                let part = piece_of(journal, given.granule, unit)?;
                Ok(part.map(TilePart::sorted))
            }
            Contents::Partials(partials) => {
                let Some(Partial { file, .. }) = partials.get(given.partial) else {
                    return Ok(None);
                };
                let Some(stored) = file.part(unit.field, unit.tile, given.granule)? else {
                    return Ok(None);
                };
                let part = unit.part(stored)?;
                if !part.is_sorted() {
                    return Err(ReduceError::Damaged { tile: unit.tile }.into());
                }
                Ok(Some(part))
            }
            Contents::Composites(..) | Contents::Parts(_) => Ok(None),
        }
    }

    /// A composite that holds what one granule gave to a unit; `None` where it gave nothing, or granules
    /// are combined already.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn of_granule(
        &self,
        granule: usize,
        unit: &Unit<'_>,
    ) -> Result<Option<Composite>, JobError> {
        let mut composite = unit.empty();
        match self {
            Contents::Journal(journal) => {
                let Some(part) = piece_of(journal, granule as u32, unit)? else {
                    return Ok(None);
                };
                composite.combine(unit.tile, &part, 0)?;
            }
            Contents::Parts(granules) => {
                let part = granules.get(granule);
                let part = part.and_then(|g| part_of(g, unit, Part::Whole));
                let Some(part) = part else { return Ok(None) };
                composite.combine(unit.tile, part, 0)?;
            }
            Contents::Partials(partials) => {
                let granule = granule as u32;
                let stored = partials
                    .iter()
                    .find_map(|p| p.file.part(unit.field, unit.tile, granule).transpose());
                let Some(stored) = stored else {
                    return Ok(None);
                };
                composite.combine(unit.tile, &unit.part(stored?)?, 0)?;
            }
            Contents::Composites(..) => return Ok(None),
        }
        Ok(Some(composite))
    }
}

/// The pieces of a unit, of all that are sorted.
fn of_unit(pieces: &[Piece], unit: u32) -> &[Piece] {
    let first = pieces.partition_point(|piece| piece.unit < unit);
    let count = pieces[first..].partition_point(|piece| piece.unit == unit);
    &pieces[first..first + count]
}

/// What a granule gave to a unit, from a journal that is sorted.
fn piece_of(
    journal: &Journal,
    granule: u32,
    unit: &Unit<'_>,
) -> Result<Option<TilePart>, JobError> {
    let pieces = of_unit(journal.pieces(), unit.number());
    match pieces.binary_search_by_key(&granule, |piece| piece.granule) {
        Ok(found) => Ok(Some(unit.part(journal.piece(&pieces[found])?)?)),
        Err(_) => Ok(None),
    }
}

/// The pieces of a unit that some shares of granules gave, or all granules.
fn wanted<'a>(
    journal: &'a Journal,
    unit: &Unit<'_>,
    of: Option<&'a [Member]>,
) -> impl Iterator<Item = &'a Piece> + use<'a> {
    let numbers: Vec<(Part, u32)> = unit.parts().map(|p| (p, unit.number_of(p))).collect();
    numbers.into_iter().flat_map(move |(part, number)| {
        of_unit(journal.pieces(), number)
            .iter()
            .filter(move |piece| gives(of, piece.granule as usize, part))
    })
}

/// Whether a part of a granule is among shares, which are in order; all are where none are named.
fn gives(of: Option<&[Member]>, granule: usize, part: Part) -> bool {
    of.is_none_or(|some| some.binary_search(&Member { granule, part }).is_ok())
}

fn part_of<'a>(
    granule: &'a [Vec<(usize, TilePart)>],
    unit: &Unit<'_>,
    part: Part,
) -> Option<&'a TilePart> {
    let parts = granule.get(column(part, unit.field, unit.fields.len()))?;
    let found = parts.binary_search_by_key(&unit.tile, |(tile, _)| *tile);
    Some(&parts.get(found.ok()?)?.1)
}

impl From<Error> for JobError {
    fn from(error: Error) -> Self {
        match error {
            Error::Interrupted(_) => JobError::Interrupted,
            error => JobError::Files(error),
        }
    }
}

impl From<Stopped> for JobError {
    fn from(_: Stopped) -> Self {
        JobError::Interrupted
    }
}
