//! Partial results written: what some granules gave, complete, to be finished or merged with others.

use super::JobError;
use super::contents::{Contents, Given, Unit};
use super::finished::{Finished, Maps, UNITS_IN_FLIGHT};
use super::plan::PlannedField;
use super::record::{Observer, tell_tiles};
use super::windows::Member;
use rayon::prelude::*;
use std::io::Write;
use swathe_core::reduce::{Composite, StoredTile, Tiling};
use swathe_io::partial::{PartialWriter, TileFrames};

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
            unit_bytes: self.unit_bytes,
            of: None,
            parts: 1,
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
    /// Observations of a unit that are held at a time on a thread, bytes.
    pub unit_bytes: u64,
    /// What is combined, in order; `None`: all granules.
    pub of: Option<&'a [Member]>,
    /// In how many parts granules may be kept.
    pub parts: usize,
}

/// A unit as it is put into a file.
enum Encoded {
    /// Its bytes.
    Whole(Vec<u8>),
    /// So many cells at a time have room.
    InStrips(usize),
}

impl Written<'_> {
    fn place(&self, unit: usize) -> Unit<'_> {
        let fields = self.fields.len();
        Unit {
            tiling: self.tiling,
            tile: self.tiles.get(unit / fields).copied().unwrap_or(usize::MAX),
            field: unit % fields,
            fields: self.fields,
            parts: self.parts,
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
            let encoded: Result<Vec<Encoded>, JobError> = (start..end)
                .into_par_iter()
                .map(|number| self.encoded(number))
                .collect();
            for (number, encoded) in (start..end).zip(encoded?) {
                match encoded {
                    Encoded::Whole(bytes) => out.put(&bytes)?,
                    Encoded::InStrips(length) => self.put_in_strips(number, length, out)?,
                }
            }
            tell_tiles(observer, end, total)?;
        }
        Ok(())
    }

    fn encoded(&self, number: usize) -> Result<Encoded, JobError> {
        let place = self.place(number);
        let cells = self.tiling.tile_cells(place.tile);
        let length = self.contents.strip(&place, self.of, self.unit_bytes, cells);
        if length < cells {
            return Ok(Encoded::InStrips(length));
        }
        let bytes = self
            .contents
            .with_unit(&place, self.of, &(0..cells), |composite| {
                let stored = composite.and_then(|c| c.stored_tile(place.tile));
                let encode = |s: StoredTile| PartialWriter::encode(place.field, place.tile, s);
                Ok(stored.map(encode).transpose()?)
            })?;
        Ok(Encoded::Whole(bytes.unwrap_or_default()))
    }

    /// A unit whose observations have no room: so many cells after the other, of which the sums are brought together.
    fn put_in_strips(
        &self,
        number: usize,
        length: usize,
        out: &mut PartialWriter<'_>,
    ) -> Result<(), JobError> {
        let place = self.place(number);
        let cells = self.tiling.tile_cells(place.tile);
        let mut frames = TileFrames::new(place.field, place.tile);
        let mut all: Option<Composite> = None;
        for start in (0..cells).step_by(length.max(1)) {
            let strip = start..(start + length).min(cells);
            let some = self
                .contents
                .with_unit(&place, self.of, &strip, |composite| Ok(composite.cloned()))?;
            let Some(mut some) = some else { continue };
            out.put(&frames.add(some.take_samples(place.tile))?)?;
            match &mut all {
                None => all = Some(some),
                Some(all) => all.merge(some)?,
            }
        }
        if let Some(stored) = all.and_then(|all| all.stored_tile(place.tile)) {
            out.put(&frames.finish(&stored)?)?;
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
