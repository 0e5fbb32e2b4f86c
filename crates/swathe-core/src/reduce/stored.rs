//! The state of a tile as it is stored: what partial results on disk and on the wire are made of.

use super::binned::BinnedSum;
use super::columns::{Columns, Layout, MOST_OBSERVATIONS, MOST_WEIGHT};
use super::composite::{Composite, CompositeTile};
use super::extras::Extras;
use super::fixed::SumOfSquares;
use super::logs::Logs;
use super::samples::{Samples, StoredSamples};
use super::{ReduceError, Summation};
use crate::resample::WEIGHT_ONE;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// The cells of one tile of a composite, column by column; columns that are not kept are empty.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredTile {
    granules: Vec<u32>,
    pixels: Vec<u64>,
    coverage: Vec<u64>,
    pub(super) counts: Vec<u64>,
    pub(super) weights: Vec<u128>,
    pub(super) sums: Vec<i128>,
    pub(super) squares: Vec<SumOfSquares>,
    pub(super) binned_sums: Vec<BinnedSum>,
    pub(super) binned_squares: Vec<BinnedSum>,
    pub(super) least: Vec<f64>,
    pub(super) greatest: Vec<f64>,
    pub(super) logs: Vec<Logs>,
    /// Observations: cells, values, weights (none where all are one).
    pub(super) sample_cells: Vec<u16>,
    pub(super) sample_values: Vec<f64>,
    pub(super) sample_weights: Vec<u64>,
    pub(super) extras: Option<Box<Extras>>,
}

impl StoredTile {
    /// Takes its observations, that it can be stored without them.
    pub fn take_samples(&mut self) -> StoredSamples {
        StoredSamples {
            cells: std::mem::take(&mut self.sample_cells),
            values: std::mem::take(&mut self.sample_values),
            weights: std::mem::take(&mut self.sample_weights),
        }
    }
}

impl Composite {
    /// A tile as it is stored, if it holds anything.
    pub fn stored_tile(&self, tile: usize) -> Option<StoredTile> {
        Some(self.tiles.get(tile)?.as_deref()?.to_stored())
    }

    /// Combines with some cells of a tile of other granules that was stored without its observations, whose granules
    /// have these places in the order of all; the observations of all cells come after it, some at a time.
    ///
    /// # Errors
    /// As [`Composite::restore`]; when a cell is full; what reading observations says.
    pub fn combine_stored<E: From<ReduceError>>(
        &mut self,
        index: usize,
        tile: StoredTile,
        samples: impl Iterator<Item = Result<StoredSamples, E>>,
        cells: &Range<usize>,
        numbers: &[Option<u32>],
    ) -> Result<(), E> {
        let damaged = || E::from(ReduceError::Damaged { tile: index });
        let mut other = Composite::new(self.tiling, self.reduction.clone());
        if !tile.sample_cells.is_empty() {
            return Err(damaged());
        }
        other.put(index, tile, false)?;
        other.renumber(numbers)?;
        if let Some(own) = other.tiles.get_mut(index).and_then(Option::as_deref_mut) {
            own.keep_only(cells);
            let mut left = own.columns.counts.clone();
            for some in samples {
                let limit = self.layout.summation.limit();
                some?
                    .each(self.layout.shares, |cell, value, weight| {
                        if !cells.contains(&usize::from(cell)) {
                            return Some(());
                        }
                        let left = left.get_mut(usize::from(cell))?;
                        *left = left.checked_sub(1)?;
                        (value.abs() <= limit && weight > 0).then_some(())?;
                        own.columns.samples.push(cell, value, weight);
                        Some(())
                    })
                    .ok_or_else(damaged)?;
            }
            if self.layout.samples && left.iter().any(|left| *left > 0) {
                return Err(damaged());
            }
        }
        Ok(self.merge(other)?)
    }

    /// Takes the observations out of a tile, in order of cells, values and weights.
    pub fn take_samples(&mut self, tile: usize) -> StoredSamples {
        let own = self.tiles.get_mut(tile).and_then(Option::as_deref_mut);
        own.map_or_else(StoredSamples::default, |own| {
            let samples = std::mem::take(&mut own.columns.samples);
            let weights = match self.layout.shares {
                true => samples.ordered().map(|sample| sample.weight).collect(),
                false => Vec::new(),
            };
            StoredSamples {
                cells: samples.ordered().map(|sample| sample.cell).collect(),
                values: samples.ordered().map(|sample| sample.value).collect(),
                weights,
            }
        })
    }

    /// Gives granules other places in the order of all, of which those of two are as they were. It matters
    /// where first, last or best observations are kept.
    ///
    /// # Errors
    /// When a granule that gave an observation has none.
    pub fn renumber(&mut self, numbers: &[Option<u32>]) -> Result<(), ReduceError> {
        for (tile, own) in self.tiles.iter_mut().enumerate() {
            let extras = own.as_mut().and_then(|own| own.columns.extras.as_mut());
            if let Some(extras) = extras {
                let renumbered = extras.picks.renumber(numbers);
                renumbered.ok_or(ReduceError::Damaged { tile })?;
            }
        }
        Ok(())
    }

    /// Puts a tile that was stored into its place, which must be empty.
    ///
    /// # Errors
    /// When the tile is not of this grid and reduction, its place is taken, or no observations could
    /// have led to it: what is stored may be damaged.
    pub fn restore(&mut self, index: usize, tile: StoredTile) -> Result<(), ReduceError> {
        self.put(index, tile, true)
    }

    /// The same, of a tile with its observations or without them.
    fn put(&mut self, index: usize, tile: StoredTile, samples: bool) -> Result<(), ReduceError> {
        let cells = match self.tiles.get(index) {
            Some(None) => self.tiling.tile_cells(index),
            _ => return Err(ReduceError::Damaged { tile: index }),
        };
        let tile = CompositeTile::from_stored(tile, self.layout);
        let empty = CompositeTile::empty(self.layout, &self.reduction, cells);
        let whole = !samples || tile.columns.samples_are_possible();
        if !(tile.has_form_of(&empty) && whole && tile.is_possible()) {
            return Err(ReduceError::Damaged { tile: index });
        }
        self.tiles[index] = Some(Box::new(tile));
        Ok(())
    }
}

impl CompositeTile {
    fn to_stored(&self) -> StoredTile {
        let mut stored = self.columns.to_stored();
        stored.granules.clone_from(&self.granules);
        stored.pixels.clone_from(&self.pixels);
        stored.coverage.clone_from(&self.coverage);
        stored
    }

    fn from_stored(mut stored: StoredTile, layout: Layout) -> Self {
        CompositeTile {
            granules: std::mem::take(&mut stored.granules),
            pixels: std::mem::take(&mut stored.pixels),
            coverage: std::mem::take(&mut stored.coverage),
            columns: Columns::from_stored(stored, layout),
        }
    }

    fn has_form_of(&self, other: &Self) -> bool {
        let form = |tile: &Self| {
            let own = [tile.granules.len(), tile.pixels.len(), tile.coverage.len()];
            (own, tile.columns.lengths())
        };
        form(self) == form(other)
    }

    /// Whether some observations could have led to this state: sums then stay within the limits on
    /// which the arithmetic rests.
    fn is_possible(&self) -> bool {
        let least = self.granules.iter().zip(self.columns.counts());
        least.clone().all(|(granules, count)| {
            // Where granules are weighted the columns count granules.
            (*granules == 0) == (*count == 0) && u64::from(*granules) <= *count
        }) && self.pixels.iter().all(|pixels| *pixels < MOST_OBSERVATIONS)
            && self.coverage.iter().all(|share| *share <= WEIGHT_ONE)
            && self.columns.are_possible(self.observations())
    }

    /// Empties all cells but some; of a tile without its observations.
    fn keep_only(&mut self, cells: &Range<usize>) {
        only(&mut self.granules, cells, 0);
        only(&mut self.pixels, cells, 0);
        only(&mut self.coverage, cells, 0);
        self.columns.keep_only(cells);
    }

    /// Of each cell, as many as its weights may have come from.
    fn observations(&self) -> &[u64] {
        match self.pixels.is_empty() {
            true => self.columns.counts(),
            false => &self.pixels,
        }
    }
}

/// Puts a value into all places but some; columns that are not kept are empty.
pub(super) fn only<T: Clone>(column: &mut [T], cells: &Range<usize>, empty: T) {
    let end = cells.end.min(column.len());
    let start = cells.start.min(end);
    column[..start].fill(empty.clone());
    column[end..].fill(empty);
}

impl Columns {
    fn keep_only(&mut self, cells: &Range<usize>) {
        only(&mut self.counts, cells, 0);
        only(&mut self.weights, cells, 0);
        only(&mut self.sums, cells, 0);
        only(&mut self.squares, cells, SumOfSquares::default());
        only(&mut self.binned_sums, cells, BinnedSum::default());
        only(&mut self.binned_squares, cells, BinnedSum::default());
        only(&mut self.least, cells, f64::INFINITY);
        only(&mut self.greatest, cells, f64::NEG_INFINITY);
        only(&mut self.logs, cells, Logs::default());
        if let Some(extras) = &mut self.extras {
            extras.keep_only(cells);
        }
    }

    pub(super) fn to_stored(&self) -> StoredTile {
        let samples = || self.samples.ordered();
        StoredTile {
            extras: self.extras.clone(),
            logs: self.logs.clone(),
            sample_cells: samples().map(|sample| sample.cell).collect(),
            sample_values: samples().map(|sample| sample.value).collect(),
            sample_weights: match self.layout.shares {
                true => samples().map(|sample| sample.weight).collect(),
                false => Vec::new(),
            },
            granules: Vec::new(),
            pixels: Vec::new(),
            coverage: Vec::new(),
            counts: self.counts.clone(),
            weights: self.weights.clone(),
            sums: self.sums.clone(),
            squares: self.squares.clone(),
            binned_sums: self.binned_sums.clone(),
            binned_squares: self.binned_squares.clone(),
            least: self.least.clone(),
            greatest: self.greatest.clone(),
        }
    }

    pub(super) fn from_stored(stored: StoredTile, layout: Layout) -> Self {
        // Weights that are not there are found out.
        let weights = match layout.shares {
            true => {
                let mut weights = stored.sample_weights;
                weights.resize(stored.sample_cells.len(), 0);
                weights
            }
            false => Vec::new(),
        };
        let samples = Samples::of_columns(stored.sample_cells, stored.sample_values, weights);
        Columns {
            extras: stored.extras,
            logs: stored.logs,
            samples,
            layout,
            counts: stored.counts,
            weights: stored.weights,
            sums: stored.sums,
            squares: stored.squares,
            binned_sums: stored.binned_sums,
            binned_squares: stored.binned_squares,
            least: stored.least,
            greatest: stored.greatest,
        }
    }

    pub(super) fn lengths(&self) -> ([usize; 9], Option<[usize; 6]>) {
        let extras = self.extras.as_ref().map(|extras| extras.lengths());
        let own = [
            self.counts.len(),
            self.weights.len(),
            self.sums.len(),
            self.squares.len(),
            self.binned_sums.len(),
            self.binned_squares.len(),
            self.least.len(),
            self.greatest.len(),
            self.logs.len(),
        ];
        (own, extras)
    }

    /// Whether each cell has as many observations as are counted, which can be.
    pub(super) fn samples_are_possible(&self) -> bool {
        if !self.layout.samples {
            return self.samples.len() == 0;
        }
        let limit = self.layout.summation.limit();
        let mut left = self.counts.clone();
        let each = self.samples.ordered().all(|sample| {
            let counted = match left.get_mut(usize::from(sample.cell)) {
                Some(left) if *left > 0 => {
                    *left -= 1;
                    true
                }
                _ => false,
            };
            counted && sample.value.abs() <= limit && sample.weight > 0
        });
        each && left.iter().all(|left| *left == 0)
    }

    /// Whether sums are within the limits that follow from the numbers of observations.
    pub(super) fn are_possible(&self, observations: &[u64]) -> bool {
        let counts = self.counts.iter().all(|count| *count < MOST_OBSERVATIONS);
        let weights = self.weights.iter().zip(observations);
        let weights = weights
            .into_iter()
            .all(|(weight, count)| *weight <= u128::from(*count) << self.layout.weight_bits)
            && self.weights.iter().all(|weight| *weight < MOST_WEIGHT);
        if !(counts && weights) {
            return false;
        }
        let bits = if self.layout.shares {
            self.layout.weight_bits
        } else {
            0
        };
        let mut logs = self.logs.iter().zip(&self.counts).zip(observations);
        if !logs.all(|((logs, count), most)| logs.is_possible(*count, *most, bits)) {
            return false;
        }
        let own_weights = (0..self.counts.len()).map(|cell| self.own_weight(cell));
        let extras = self.extras.as_ref();
        if extras.is_some_and(|extras| {
            !extras.is_possible(&self.layout, &self.counts, observations, own_weights)
        }) {
            return false;
        }
        match self.layout.summation {
            Summation::Fixed { .. } => (0..self.counts.len()).all(|cell| {
                let weight = self.own_weight(cell);
                let sum = self.sums.get(cell).copied().unwrap_or(0);
                let squares = self.squares.get(cell).copied().unwrap_or_default();
                sum.unsigned_abs() <= weight << 56 && squares.is_possible(weight)
            }),
            Summation::Binned => {
                let sums = self.binned_sums.iter().all(BinnedSum::is_possible);
                // A square's top bin is twice the value's, but for the carry of a digit.
                let squares = self.binned_squares.iter().zip(&self.binned_sums);
                sums && squares
                    .into_iter()
                    .all(|(squares, sum)| squares.is_possible_square_of(sum))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reduce::tests::reduction;
    use crate::reduce::{GranuleState, Observation, Reduction, Statistic, Tiling, Weight};

    fn stored_tiles(composite: &Composite) -> Vec<(usize, StoredTile)> {
        let tiles = 0..composite.tiling().tiles();
        tiles
            .filter_map(|tile| Some((tile, composite.stored_tile(tile)?)))
            .collect()
    }

    fn composite(weight: Weight, shares: bool, summation: Summation) -> Composite {
        composite_of(reduction(weight, shares, summation))
    }

    fn composite_of(reduction: Reduction) -> Composite {
        let tiling = Tiling::new(3, 520).unwrap();
        let shares = reduction.shares;
        let mut composite = Composite::new(tiling, reduction.clone());
        for granule in 0..3u64 {
            let mut state = GranuleState::new(tiling, &reduction);
            let observations = (0..200u64).map(|i| Observation {
                cell: ((i * 37 + granule * 11) % 400) as u32,
                value: ((i * 7919 + granule) % 1000) as f64 / 37.0 - 3.0,
                weight: if shares { (i + 1) << 20 } else { WEIGHT_ONE },
            });
            state.add(observations).unwrap();
            for (tile, part) in state.parts() {
                composite.combine(tile, &part, granule as u32).unwrap();
            }
        }
        composite
    }

    fn all() -> Vec<Composite> {
        let mut all = Vec::new();
        for weight in Weight::ALL {
            for shares in [false, true] {
                for summation in [Summation::Fixed { exponent: 5 }, Summation::Binned] {
                    all.push(composite(weight, shares, summation));
                }
            }
        }
        all
    }

    fn restored(
        of: &Composite,
        change: impl Fn(&mut StoredTile),
    ) -> Result<Composite, ReduceError> {
        let mut new = Composite::new(*of.tiling(), of.reduction().clone());
        for (index, mut tile) in stored_tiles(of) {
            change(&mut tile);
            new.restore(index, tile)?;
        }
        Ok(new)
    }

    #[test]
    fn what_was_stored_comes_back() {
        for composite in all() {
            assert_eq!(restored(&composite, |_| ()), Ok(composite.clone()));
            assert!(stored_tiles(&composite).len() > 1);
        }
    }

    /// Of more granules than a test can make: a tile whose counts say so.
    #[test]
    fn counts_beyond_32_bits_are_right() {
        let few = composite_of(Reduction {
            statistics: vec![Statistic::Mean, Statistic::Std],
            ..reduction(Weight::Observation, false, Summation::Fixed { exponent: 5 })
        });
        let many = |tile: &mut StoredTile| {
            for count in tile.counts.iter_mut().filter(|count| **count > 0) {
                *count *= 1 << 30;
            }
        };
        let mut all = restored(&few, many).unwrap();
        let values = |of: &Composite, statistic| -> Vec<u64> {
            let values = of.values(statistic).unwrap();
            values.into_iter().map(f64::to_bits).collect()
        };
        let once = all.clone();
        all.merge(all.clone()).unwrap();
        let expected: Vec<u64> = few.counts().iter().map(|count| count << 31).collect();
        assert!(expected.iter().any(|count| *count > u64::from(u32::MAX)));
        assert_eq!(all.counts(), expected);
        // Of twice the same the mean and the spread are the same.
        for statistic in [Statistic::Mean, Statistic::Std] {
            assert!(
                values(&all, statistic) == values(&once, statistic),
                "{statistic}"
            );
        }
    }

    #[test]
    fn what_no_observations_could_give_is_refused() {
        let changes: [fn(&mut StoredTile); 7] = [
            |tile| tile.counts[0] = 1 << 39,
            |tile| tile.counts.truncate(1),
            |tile| tile.granules[0] = u32::MAX,
            |tile| tile.least.push(0.0),
            |tile| tile.weights.iter_mut().for_each(|w| *w = u128::MAX),
            |tile| {
                tile.sums.iter_mut().for_each(|s| *s = i128::MAX);
                tile.binned_sums
                    .iter_mut()
                    .for_each(|s| *s = BinnedSum::impossible());
            },
            |tile| {
                tile.squares
                    .iter_mut()
                    .for_each(|s| *s = SumOfSquares::impossible());
                let impossible = |s: &mut BinnedSum| *s = BinnedSum::impossible();
                tile.binned_squares.iter_mut().for_each(impossible);
            },
        ];
        for (i, change) in changes.into_iter().enumerate() {
            for composite in all() {
                // Weights are kept only where they are shares of observations.
                let has_weights = stored_tiles(&composite)
                    .iter()
                    .any(|(_, t)| !t.weights.is_empty());
                if i == 4 && !has_weights {
                    continue;
                }
                let refused = restored(&composite, change);
                assert!(
                    matches!(refused, Err(ReduceError::Damaged { .. })),
                    "change {i}"
                );
            }
        }
        let composite = composite(Weight::Observation, false, Summation::Binned);
        let (index, tile) = stored_tiles(&composite).remove(0);
        let mut new = composite.clone();
        assert!(
            new.restore(index, tile.clone()).is_err(),
            "the place is taken"
        );
        assert!(new.restore(usize::MAX, tile).is_err());
    }
}
