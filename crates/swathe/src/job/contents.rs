//! What granules gave, wherever it is kept, read tile by tile.

use super::JobError;
use super::plan::PlannedField;
use swathe_core::reduce::{Composite, StoredPart, TilePart, Tiling};
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
    /// Each granule's pieces, in memory: by granule, field and tile.
    Parts(Vec<Vec<Vec<(usize, TilePart)>>>),
    /// Partial results on disk, which are combined with each other.
    Partials(Vec<PartialFile>),
}

/// The number of a unit: what is combined at a time.
pub(super) fn unit(tile: usize, field: usize, fields: usize) -> u32 {
    (tile * fields + field) as u32
}

/// A tile of a field, of what shape and in which form.
#[derive(Clone, Copy)]
pub(super) struct Unit<'a> {
    pub tiling: Tiling,
    pub tile: usize,
    pub field: usize,
    pub fields: &'a [PlannedField],
}

impl Unit<'_> {
    fn number(&self) -> u32 {
        unit(self.tile, self.field, self.fields.len())
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
    /// Hands over a composite that holds a unit, of all granules; nothing where none gave anything.
    ///
    /// # Errors
    /// When it cannot be read, or a cell is full.
    pub fn with_unit<T>(
        &self,
        unit: &Unit<'_>,
        take: impl FnOnce(Option<&Composite>) -> Result<T, JobError>,
    ) -> Result<T, JobError> {
        let mut composite = unit.empty();
        let mut any = false;
        match self {
            Contents::Composites(composites, _) => return take(composites.get(unit.field)),
            Contents::Journal(journal) => {
                for piece in of_unit(journal.pieces(), unit.number()) {
                    let part = unit.part(journal.piece(piece)?)?;
                    composite.combine(unit.tile, &part)?;
                    any = true;
                }
            }
            Contents::Parts(granules) => {
                for granule in granules {
                    if let Some(part) = part_of(granule, unit) {
                        composite.combine(unit.tile, part)?;
                        any = true;
                    }
                }
            }
            Contents::Partials(files) => {
                for file in files {
                    if let Some(stored) = file.tile(unit.field, unit.tile)? {
                        composite.combine_stored(unit.tile, stored)?;
                        any = true;
                    }
                }
            }
        }
        take(any.then_some(&composite))
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
                let pieces = of_unit(journal.pieces(), unit.number());
                let found = pieces.binary_search_by_key(&(granule as u32), |p| p.granule);
                let Ok(found) = found else { return Ok(None) };
                let part = unit.part(journal.piece(&pieces[found])?)?;
                composite.combine(unit.tile, &part)?;
            }
            Contents::Parts(granules) => {
                let part = granules.get(granule).and_then(|g| part_of(g, unit));
                let Some(part) = part else { return Ok(None) };
                composite.combine(unit.tile, part)?;
            }
            Contents::Composites(..) | Contents::Partials(_) => return Ok(None),
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

fn part_of<'a>(granule: &'a [Vec<(usize, TilePart)>], unit: &Unit<'_>) -> Option<&'a TilePart> {
    let parts = granule.get(unit.field)?;
    let found = parts.binary_search_by_key(&unit.tile, |(tile, _)| *tile);
    Some(&parts.get(found.ok()?)?.1)
}

impl From<Error> for JobError {
    fn from(error: Error) -> Self {
        JobError::Files(error)
    }
}
