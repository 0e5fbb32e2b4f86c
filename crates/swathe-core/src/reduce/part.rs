//! What one granule gives to the cells of one tile: the unit that is combined, kept on disk, and sent
//! to other machines.

use super::columns::{BATCH, Batch, Columns};
use super::composite::CompositeTile;
use super::granule::GranuleTile;
use super::samples::Samples;
use super::stored::StoredTile;
use super::{
    Beside, Composite, Observation, Observed, ReduceError, Reduction, Summation, Tiling, Weight,
    numbers,
};
use crate::resample::WEIGHT_ONE;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What one granule, complete, gives to the cells of one tile.
#[derive(Debug, Clone, PartialEq)]
pub struct TilePart {
    /// Places of the cells in the tile.
    cells: Vec<u16>,
    given: Given,
}

#[derive(Debug, Clone, PartialEq)]
enum Given {
    /// One observation each, of weight one, and what comes beside it; nothing where nothing does.
    Single(Vec<f64>, Vec<Beside>),
    /// Sums over their observations.
    Several(Box<Columns>),
}

/// The form in which a part is stored: the cells' places in the tile, and what they are given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum StoredPart {
    /// One observation each.
    Single(
        #[serde(with = "numbers")] Vec<u16>,
        #[serde(with = "numbers")] Vec<f64>,
    ),
    /// The same, of values that are exact in single precision: half as long.
    SingleNarrow(
        #[serde(with = "numbers")] Vec<u16>,
        #[serde(with = "numbers")] Vec<f32>,
    ),
    /// Sums.
    Several(#[serde(with = "numbers")] Vec<u16>, Box<StoredTile>),
    /// One observation each, and what comes beside it.
    SingleAccompanied(
        #[serde(with = "numbers")] Vec<u16>,
        #[serde(with = "numbers")] Vec<f64>,
        Vec<Beside>,
    ),
}

/// Observations of one tile, on their way to a part.
#[derive(Default)]
struct Singles {
    cells: Vec<u16>,
    values: Vec<f64>,
    besides: Vec<Beside>,
}

impl Singles {
    fn into_part(mut self) -> TilePart {
        // Kept until the granule is complete.
        self.cells.shrink_to_fit();
        self.values.shrink_to_fit();
        self.besides.shrink_to_fit();
        TilePart {
            cells: self.cells,
            given: Given::Single(self.values, self.besides),
        }
    }
}

impl TilePart {
    /// Parts of observations of which no two have the same cell, each of weight one. Values that are
    /// not finite are missing.
    ///
    /// # Errors
    /// When a value is beyond the summation's limit, or a cell is not in the grid.
    pub fn singles<O: Observed>(
        tiling: &Tiling,
        summation: Summation,
        observations: impl IntoIterator<Item = O>,
    ) -> Result<Vec<(usize, TilePart)>, ReduceError> {
        let limit = summation.limit();
        let cells = tiling.cells() as u64;
        let mut parts: Vec<(usize, Singles)> = Vec::new();
        let mut places = BTreeMap::new();
        // Neighbours are mostly in one tile.
        let mut current = usize::MAX;
        for observed in observations {
            let Observation { cell, value, .. } = observed.observation();
            if !value.is_finite() {
                continue;
            }
            if value.abs() > limit {
                return Err(ReduceError::BeyondLimit { value, limit });
            }
            if u64::from(cell) >= cells {
                return Err(ReduceError::NoSuchCell { cell });
            }
            let place = tiling.place(cell);
            if parts
                .get(current)
                .is_none_or(|(tile, ..)| *tile != place.tile)
            {
                current = *places.entry(place.tile).or_insert_with(|| {
                    parts.push((place.tile, Singles::default()));
                    parts.len() - 1
                });
            }
            let (_, singles) = &mut parts[current];
            singles.cells.push(place.within as u16);
            singles.values.push(value);
            if O::ACCOMPANIED {
                singles.besides.push(observed.beside());
            }
        }
        let parts = parts.into_iter();
        let parts = parts.map(|(tile, singles)| (tile, singles.into_part()));
        Ok(parts.collect())
    }

    /// Joins parts of single observations that lines of one granule gave, no two to the same cell: one part for
    /// each tile, in order of tiles.
    ///
    /// # Errors
    /// When two parts of a tile hold sums.
    pub fn joined(
        mut parts: Vec<(usize, TilePart)>,
    ) -> Result<Vec<(usize, TilePart)>, ReduceError> {
        parts.sort_by_key(|(tile, _)| *tile);
        let mut joined: Vec<(usize, TilePart)> = Vec::new();
        for (tile, part) in parts {
            match joined.last_mut() {
                Some((last, own)) if *last == tile => match (&mut own.given, part.given) {
                    (Given::Single(values, besides), Given::Single(more, beside)) => {
                        own.cells.extend(part.cells);
                        values.extend(more);
                        besides.extend(beside);
                    }
                    _ => return Err(ReduceError::Mismatch),
                },
                _ => joined.push((tile, part)),
            }
        }
        Ok(joined)
    }

    /// The cells of a tile that have observations.
    pub(super) fn of_tile(tile: &GranuleTile) -> Self {
        let counts = tile.columns.counts();
        let cells: Vec<u16> = (tile.first..tile.end)
            .filter(|&cell| counts[cell] > 0)
            .map(|cell| cell as u16)
            .collect();
        TilePart {
            given: Given::Several(Box::new(tile.columns.selected(&cells))),
            cells,
        }
    }

    /// What of it is for cells of a range of a tile.
    #[must_use]
    pub fn within(&self, range: &std::ops::Range<usize>) -> Self {
        let inside = |cell: &u16| range.contains(&usize::from(*cell));
        let chosen = self.cells.iter().enumerate();
        let chosen: Vec<usize> = chosen.filter(|(_, c)| inside(c)).map(|(i, _)| i).collect();
        let given = match &self.given {
            Given::Single(values, besides) => Given::Single(
                chosen.iter().map(|i| values[*i]).collect(),
                chosen
                    .iter()
                    .filter_map(|i| besides.get(*i).copied())
                    .collect(),
            ),
            Given::Several(columns) => {
                let places: Vec<u16> = chosen.iter().map(|i| *i as u16).collect();
                Given::Several(Box::new(columns.selected(&places)))
            }
        };
        TilePart {
            cells: chosen.iter().map(|i| self.cells[*i]).collect(),
            given,
        }
    }

    /// Whether it gives nothing.
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// The greatest number of observations in a cell.
    pub fn most(&self) -> u64 {
        match &self.given {
            Given::Single(values, _) => u64::from(!values.is_empty()),
            Given::Several(columns) => columns.counts().iter().copied().max().unwrap_or(0),
        }
    }

    /// The same in order of cells, the form in which it is kept for good: observations come in the order
    /// of the swath, which is nobody's business later.
    #[must_use]
    pub fn sorted(self) -> Self {
        match self.given {
            Given::Single(values, besides) => {
                let pairs = self.cells.into_iter().zip(values).enumerate();
                let mut pairs: Vec<(usize, (u16, f64))> = pairs.collect();
                pairs.sort_unstable_by_key(|(_, (cell, _))| *cell);
                let beside = |(i, _): &(usize, _)| besides.get(*i).copied();
                let besides = pairs.iter().filter_map(beside).collect();
                let (cells, values) = pairs.into_iter().map(|(_, pair)| pair).unzip();
                TilePart {
                    cells,
                    given: Given::Single(values, besides),
                }
            }
            // They were taken from a tile in order.
            Given::Several(_) => self,
        }
    }

    /// Whether its cells are in order, and each is there once.
    pub fn is_sorted(&self) -> bool {
        self.cells.is_sorted_by(|a, b| a < b)
    }

    /// Memory that it takes, bytes.
    pub fn bytes(&self, reduction: &Reduction) -> usize {
        let cell = match &self.given {
            Given::Single(_, besides) if besides.is_empty() => size_of::<f64>(),
            Given::Single(..) => size_of::<f64>() + size_of::<Beside>(),
            Given::Several(columns) => {
                let samples = columns.samples.len() * Samples::bytes(reduction.shares, true);
                let columns = reduction.granule_bytes_per_cell();
                return self.cells.len() * (size_of::<u16>() + columns) + samples;
            }
        };
        self.cells.len() * (size_of::<u16>() + cell)
    }

    /// The stored form.
    pub fn to_stored(&self) -> StoredPart {
        match &self.given {
            Given::Single(values, besides) if !besides.is_empty() => {
                StoredPart::SingleAccompanied(self.cells.clone(), values.clone(), besides.clone())
            }
            Given::Single(values, _) => match narrow(values) {
                Some(narrow) => StoredPart::SingleNarrow(self.cells.clone(), narrow),
                None => StoredPart::Single(self.cells.clone(), values.clone()),
            },
            Given::Several(columns) => {
                StoredPart::Several(self.cells.clone(), Box::new(columns.to_stored()))
            }
        }
    }

    /// A part from its stored form.
    ///
    /// # Errors
    /// When it is not of this tile and reduction, or no observations could have led to it.
    pub fn from_stored(
        stored: StoredPart,
        tiling: &Tiling,
        reduction: &Reduction,
        tile: usize,
    ) -> Result<Self, ReduceError> {
        let part = match stored {
            StoredPart::Single(cells, values) => TilePart {
                cells,
                given: Given::Single(values, Vec::new()),
            },
            StoredPart::SingleNarrow(cells, values) => TilePart {
                cells,
                given: Given::Single(values.into_iter().map(f64::from).collect(), Vec::new()),
            },
            StoredPart::SingleAccompanied(cells, values, besides) => TilePart {
                cells,
                given: Given::Single(values, besides),
            },
            StoredPart::Several(cells, stored) => TilePart {
                cells,
                given: Given::Several(Box::new(Columns::from_stored(
                    *stored,
                    reduction.granule_layout(),
                ))),
            },
        };
        let limit = reduction.summation.limit();
        let possible = match &part.given {
            Given::Single(values, besides) => {
                values.len() == part.cells.len()
                    && (besides.is_empty() || besides.len() == values.len())
                    && values.iter().all(|v| v.is_finite() && v.abs() <= limit)
            }
            Given::Several(columns) => {
                let form = Columns::new(reduction.granule_layout(), part.cells.len());
                columns.lengths() == form.lengths()
                    && columns.counts().iter().all(|count| *count > 0)
                    && columns.samples_are_possible()
                    && columns.are_possible(columns.counts())
            }
        };
        let cells = tiling.tile_cells(tile);
        if !(possible && part.cells.iter().all(|cell| usize::from(*cell) < cells)) {
            return Err(ReduceError::Damaged { tile });
        }
        Ok(part)
    }
}

/// The values in single precision, if that changes none.
fn narrow(values: &[f64]) -> Option<Vec<f32>> {
    let narrow: Vec<f32> = values.iter().map(|value| *value as f32).collect();
    let exact = |(narrow, value): (&f32, &f64)| f64::from(*narrow).to_bits() == value.to_bits();
    narrow.iter().zip(values).all(exact).then_some(narrow)
}

impl Composite {
    /// Combines what a granule gives to a tile; once for each granule and tile. `granule` is its place in
    /// the order of all, which tells the first observation from the last.
    ///
    /// # Errors
    /// When the part is of another reduction, the tile not of this grid, or a cell is full. The
    /// composite is then of no use.
    pub fn combine(
        &mut self,
        tile: usize,
        part: &TilePart,
        granule: u32,
    ) -> Result<(), ReduceError> {
        if tile >= self.tiling.tiles() {
            return Err(ReduceError::Mismatch);
        }
        let reduction = self.reduction.clone();
        let layout = reduction.granule_layout();
        let size = self.tiling.tile_cells(tile);
        if part.cells.iter().any(|cell| usize::from(*cell) >= size) {
            return Err(ReduceError::Mismatch);
        }
        let own = self.tile(tile);
        match &part.given {
            Given::Single(values, besides) => {
                own.add_singles(&part.cells, values, besides, &reduction, granule)
            }
            Given::Several(columns) if columns.layout == layout => {
                own.add_several(&part.cells, columns, reduction.weight, granule)
            }
            Given::Several(_) => Err(ReduceError::Mismatch),
        }
    }
}

impl CompositeTile {
    fn add_singles(
        &mut self,
        cells: &[u16],
        values: &[f64],
        besides: &[Beside],
        reduction: &Reduction,
        granule: u32,
    ) -> Result<(), ReduceError> {
        // A granule's mean is a sum's value, which is rounded to the sum's quantum.
        let by_granule = reduction.weight != Weight::Observation;
        let one = 1 << self.columns.layout.weight_bits;
        let mut batch = Batch::new(granule);
        let mut besides = besides.chunks(BATCH);
        for (cells, values) in cells.chunks(BATCH).zip(values.chunks(BATCH)) {
            batch.clear();
            batch.besides.extend(besides.next().unwrap_or_default());
            for (cell, value) in cells.iter().zip(values) {
                let value = if by_granule {
                    reduction.summation.rounded(*value)
                } else {
                    *value
                };
                batch.push(u32::from(*cell), value, one);
            }
            self.count_singles(&batch);
            self.columns.add(&batch)?;
        }
        Ok(())
    }

    fn add_several(
        &mut self,
        cells: &[u16],
        columns: &Columns,
        weight: Weight,
        granule: u32,
    ) -> Result<(), ReduceError> {
        self.count_granule(cells, columns);
        match weight {
            Weight::Observation => self.columns.merge_at(columns, cells, granule),
            Weight::L2bin => self.columns.add_l2bin(columns, cells, granule),
            Weight::Granule => {
                let mut batch = Batch::new(granule);
                for (index, cell) in cells.iter().enumerate() {
                    batch.push(u32::from(*cell), columns.mean(index), WEIGHT_ONE);
                    if batch.len == BATCH {
                        self.columns.add(&batch)?;
                        batch.clear();
                    }
                }
                self.columns.add(&batch)
            }
        }
    }

    /// Counts a granule, its pixels and its coverage.
    fn count_granule(&mut self, cells: &[u16], columns: &Columns) {
        let cells = || cells.iter().map(|cell| usize::from(*cell)).enumerate();
        for (_, cell) in cells() {
            self.granules[cell] += 1;
        }
        if !self.pixels.is_empty() {
            for (index, cell) in cells() {
                self.pixels[cell] += columns.counts()[index];
            }
        }
        if !self.coverage.is_empty() {
            for (index, cell) in cells() {
                let covered = columns.weight(index).min(u128::from(WEIGHT_ONE));
                self.coverage[cell] = self.coverage[cell].max(covered as u64);
            }
        }
    }
}

impl Columns {
    /// The state of some cells.
    fn selected(&self, cells: &[u16]) -> Columns {
        fn each<T: Copy>(column: &[T], cells: &[u16]) -> Vec<T> {
            // Columns that are not kept are empty.
            if column.is_empty() {
                return Vec::new();
            }
            cells
                .iter()
                .map(|cell| column[usize::from(*cell)])
                .collect()
        }
        Columns {
            layout: self.layout,
            counts: each(&self.counts, cells),
            weights: each(&self.weights, cells),
            sums: each(&self.sums, cells),
            squares: each(&self.squares, cells),
            binned_sums: each(&self.binned_sums, cells),
            binned_squares: each(&self.binned_squares, cells),
            least: each(&self.least, cells),
            greatest: each(&self.greatest, cells),
            logs: each(&self.logs, cells),
            samples: {
                let mut samples = Samples::default();
                // Cells are in order.
                let place = |cell: u16| cells.binary_search(&cell).ok().map(|i| i as u16);
                samples.extend(&self.samples, place);
                samples.shrink();
                samples
            },
            extras: self
                .extras
                .as_ref()
                .map(|extras| Box::new(extras.selected(cells))),
        }
    }
}
