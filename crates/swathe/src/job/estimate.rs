//! What a plan would read and do, without reading any array.

use super::plan::{Plan, PlannedField, PlannedGranule};
use super::{JobError, Purpose};
use rayon::prelude::*;
use std::ops::Range;
use swathe_core::resample::Method;
use swathe_core::run::{TileRegions, lines_near};
use swathe_core::source::SwathSource as _;
use swathe_core::watch;
use swathe_io::granule::ReadCost;

/// What a plan would read and do.
#[derive(Debug, Clone)]
pub struct Estimate {
    /// For every granule of the plan, in order.
    pub granules: Vec<GranuleEstimate>,
    /// Pieces that are combined: a tile of a field, of one granule.
    pub pieces: usize,
    /// Tiles that are finished: of every field and every map.
    pub finished: usize,
    /// Bytes that are kept on disk at most, where a run keeps what granules give.
    pub journal_bytes: u64,
}

/// What one granule would take.
#[derive(Debug, Clone)]
pub struct GranuleEstimate {
    /// Base name.
    pub name: String,
    /// Lines that it has.
    pub lines: usize,
    /// Lines that may meet the area; `None`: none does.
    pub near: Option<Range<usize>>,
    /// Tiles of the grid that it may give to.
    pub tiles: Vec<usize>,
    /// At most so much is read: geolocation, fields and flags of these lines.
    pub cost: ReadCost,
    /// Bytes that are kept of it on disk at most.
    pub journal_bytes: u64,
}

impl Plan {
    /// Works out what would be read and done, from metadata and line extents alone. Runs on the current
    /// thread pool.
    ///
    /// # Errors
    /// A granule whose extents or chunk index cannot be read.
    pub fn estimate(&self) -> Result<Estimate, JobError> {
        let regions = TileRegions::new(self.grid.target(), &self.tiling);
        let one = watch::carried(|granule| self.one(granule, &regions));
        let granules = self.granules.par_iter().map(one);
        let granules = granules.collect::<Result<Vec<_>, _>>()?;
        let fields = self.fields.len();
        let maps = match (self.purpose, &self.windows) {
            (Purpose::Average, None) => 1,
            (Purpose::Average, Some((windows, _))) => windows.len(),
            (Purpose::Cube, _) => granules.len(),
        };
        Ok(Estimate {
            pieces: granules.iter().map(|g| g.tiles.len() * fields).sum(),
            finished: maps * self.tiling.tiles() * fields,
            journal_bytes: granules.iter().map(|g| g.journal_bytes).sum(),
            granules,
        })
    }

    fn one(
        &self,
        planned: &PlannedGranule,
        regions: &TileRegions,
    ) -> Result<GranuleEstimate, JobError> {
        let name = &planned.candidate.name;
        let at_fault = |error: &dyn std::fmt::Display| JobError::granule(name, error);
        let granule = planned.candidate.granule().map_err(|e| at_fault(&e))?;
        let near = lines_near(&*granule, &self.grid.region()).map_err(|e| at_fault(&e))?;
        let fields = planned.read_fields();
        let (cost, tiles) = match &near {
            Some(lines) => (
                granule
                    .read_cost(&fields, planned.mask.bits() != 0, lines.clone())
                    .map_err(|e| at_fault(&e))?,
                regions.near(&*granule).map_err(|e| at_fault(&e))?,
            ),
            None => (ReadCost::default(), Vec::new()),
        };
        let (lines, pixels) = granule.shape();
        let pixels = near.as_ref().map_or(0, |near| near.len() * pixels);
        Ok(GranuleEstimate {
            name: name.clone(),
            lines,
            near,
            cost,
            journal_bytes: self.journal_bytes(&tiles, pixels as u64),
            tiles,
        })
    }

    /// What a journal takes at most for a granule that may give to some tiles and has so many pixels near.
    fn journal_bytes(&self, tiles: &[usize], pixels: u64) -> u64 {
        if tiles.is_empty() {
            return RECORD;
        }
        let cells = tiles
            .iter()
            .map(|&tile| self.tiling.tile_cells(tile) as u64);
        let cells: u64 = cells.sum();
        let cell = |field: &PlannedField| field.reduction.granule_bytes_per_cell() as u64;
        let fields = self.fields.iter().map(|field| match self.method {
            // A value a cell, and its place in the tile in up to 3 bytes.
            Method::Nearest | Method::Bilinear if field.reduction.accompanied() => {
                cells * (3 + 8 + 5 + 16)
            }
            Method::Nearest | Method::Bilinear => cells * (3 + 8),
            // Numbers of 8 bytes take up to 10 as they are kept. A pixel is in one cell.
            Method::Bin => cells.min(pixels) * (3 + cell(field) * 5 / 4),
            Method::Footprint => cells * (3 + cell(field) * 5 / 4),
        });
        let pieces = (tiles.len() * self.fields.len()) as u64;
        fields.sum::<u64>() + pieces * PIECE + RECORD
    }
}

/// What a journal has of a granule beside its pieces, and of a piece beside its cells: its name, what its
/// flags took; the lengths of columns. Generous.
const RECORD: u64 = 16 << 10;
const PIECE: u64 = 128;
