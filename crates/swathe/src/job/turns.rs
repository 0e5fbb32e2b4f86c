//! Granules that give to some tiles after the other, where what they give to all has no room: tiles that follow each
//! other in a turn, as many as there is room for, so that as few lines as may be are read again.

use super::JobError;
use super::memory::Shares;
use super::placed::PIECES_HELD;
use super::plan::{Plan, PlannedGranule};
use rayon::prelude::*;
use std::ops::Range;
use swathe_core::run::{TileRegions, Turn, lines_near};
use swathe_core::source::Field;

/// The turns of a granule, and what it takes in the largest; or what it takes of one tile.
type Turns = Result<(Vec<Turn>, u64), u64>;

impl Plan {
    /// Turns of the granules that have no room, whose costs are made those of their largest turns; or the least that
    /// all of them would need.
    ///
    /// # Errors
    /// A granule whose extents cannot be read.
    pub(super) fn turns(
        &self,
        costs: &mut [u64],
        room: u64,
    ) -> Result<Result<Vec<Vec<Turn>>, u64>, JobError> {
        let regions = TileRegions::new(self.grid.target(), &self.tiling);
        let all = self
            .granules
            .par_iter()
            .zip(&*costs)
            .map(|(granule, cost)| match *cost > room {
                true => self.turns_of(granule, &regions, room),
                false => Ok(Ok((Vec::new(), *cost))),
            });
        let all = all.collect::<Result<Vec<Turns>, JobError>>()?;
        let least = all.iter().filter_map(|turns| turns.as_ref().err()).max();
        if let Some(least) = least {
            return Ok(Err(*least));
        }
        let all = all
            .into_iter()
            .flatten()
            .zip(costs)
            .map(|((turns, most), cost)| {
                *cost = most;
                turns
            });
        Ok(Ok(all.collect()))
    }

    /// How many times what is needed of granules is decoded, on average, where some take turns: in each turn the
    /// positions of all lines near the area, and values of its own lines.
    ///
    /// # Errors
    /// A granule whose extents or chunk index cannot be read.
    pub fn decoded_times(&self, shares: &Shares) -> Result<f64, JobError> {
        let granules = self.granules.par_iter().enumerate().map(|(i, granule)| {
            let at_fault =
                |error: &dyn std::fmt::Display| JobError::granule(&granule.candidate.name, error);
            let opened = granule.candidate.granule().map_err(|e| at_fault(&e))?;
            let near = lines_near(&*opened, &self.grid.region()).map_err(|e| at_fault(&e))?;
            let Some(near) = near else { return Ok((0, 0)) };
            let fields = granule.read_fields();
            let masked = granule.mask.bits() != 0;
            let bytes = |fields: &[Field], masked, lines: &Range<usize>| {
                let cost = opened.read_cost(fields, masked, lines.clone());
                cost.map(|cost| cost.decoded_bytes)
                    .map_err(|e| at_fault(&e))
            };
            let once = bytes(&fields, masked, &near)?;
            let positions = bytes(&[], false, &near)?;
            let mut all = once;
            let turns = shares.turns.get(i).into_iter().flatten();
            for turn in turns.filter(|turn| !turn.tells) {
                let own = bytes(&fields, masked, &turn.lines)?;
                all += positions + own.saturating_sub(bytes(&[], false, &turn.lines)?);
            }
            Ok::<_, JobError>((once, all))
        });
        let all: Vec<(u64, u64)> = granules.collect::<Result<_, _>>()?;
        let (once, all) = all.iter().fold((0, 0), |(a, b), (c, d)| (a + c, b + d));
        Ok(all as f64 / once.max(1) as f64)
    }

    fn turns_of(
        &self,
        granule: &PlannedGranule,
        regions: &TileRegions,
        room: u64,
    ) -> Result<Turns, JobError> {
        let name = &granule.candidate.name;
        let at_fault = |error: &dyn std::fmt::Display| JobError::granule(name, error);
        let opened = granule.candidate.granule().map_err(|e| at_fault(&e))?;
        let near = regions.lines_near(&*opened).map_err(|e| at_fault(&e))?;
        let pixels = granule.shape.1 as u64;
        let lines = |lines: &Range<usize>| lines.len() as u64 * pixels;
        let (lines_of_all, cells_of_all) = self
            .reached(granule)
            .map_or((granule.shape.0 as u64 * pixels, u64::MAX), |reached| {
                (reached.lines * pixels, reached.cells)
            });
        let cost = |tiles: &[(usize, Range<usize>)]| {
            let cells = tiles
                .iter()
                .map(|(tile, _)| self.tiling.tile_cells(*tile) as u64);
            let cells = cells.sum::<u64>().min(cells_of_all);
            let bytes = self.granule_bytes(lines_of_all, lines(&hull(tiles)), cells);
            bytes + 2 * PIECES_HELD as u64
        };
        let least = near.iter().map(|tile| cost(std::slice::from_ref(tile)));
        let least = least.max().unwrap_or(0);
        if least > room {
            return Ok(Err(least));
        }
        let (mut turns, mut most, mut first) = (Vec::new(), 0, 0);
        let mut begins = 0;
        for next in 1..=near.len() {
            if next < near.len() && cost(&near[first..next + 1]) <= room {
                continue;
            }
            // Up to the next tile that it may give to, whatever the guess.
            let ends = near
                .get(next)
                .map_or(self.tiling.tiles(), |(tile, _)| *tile);
            let some = &near[first..next];
            most = most.max(cost(some));
            turns.push(Turn {
                tiles: begins..ends,
                lines: hull(some),
                tells: first == 0,
            });
            (first, begins) = (next, ends);
        }
        Ok(Ok((turns, most)))
    }
}

/// From the first to the last line of tiles.
fn hull(tiles: &[(usize, Range<usize>)]) -> Range<usize> {
    let start = tiles.iter().map(|(_, lines)| lines.start).min();
    let end = tiles.iter().map(|(_, lines)| lines.end).max();
    start.unwrap_or(0)..end.unwrap_or(0)
}
