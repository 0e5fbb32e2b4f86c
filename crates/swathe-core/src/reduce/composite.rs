//! The reduction of many granules: combined in any order, finished into layers.

use super::columns::{Batch, Columns, Layout};
use super::{ReduceError, Reduction, Statistic, Tiling, Weight};
use crate::resample::WEIGHT_ONE;
use rayon::prelude::*;

/// The state of a target's cells over all granules so far.
///
/// It is the same to the last bit for any order of granules and any grouping into composites that
/// are merged.
#[derive(Debug, Clone, PartialEq)]
pub struct Composite {
    pub(super) tiling: Tiling,
    pub(super) reduction: Reduction,
    pub(super) layout: Layout,
    pub(super) tiles: Vec<Option<Box<CompositeTile>>>,
}

/// Cells of one tile.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct CompositeTile {
    pub columns: Columns,
    /// Granules with at least one observation in the cell.
    pub granules: Vec<u32>,
    /// Contributing pixels, where the columns count granules instead.
    pub pixels: Vec<u64>,
    /// Greatest coverage by one granule in units of 2^-32, where it is asked for and weights are
    /// shares.
    pub coverage: Vec<u64>,
}

impl Composite {
    /// An empty composite. Tiles are made when first touched.
    pub fn new(tiling: Tiling, reduction: Reduction) -> Self {
        Composite {
            tiling,
            layout: reduction.composite_layout(),
            reduction,
            tiles: vec![None; tiling.tiles()],
        }
    }

    /// The grid.
    pub fn tiling(&self) -> &Tiling {
        &self.tiling
    }

    /// What is kept.
    pub fn reduction(&self) -> &Reduction {
        &self.reduction
    }

    /// Combines with a composite of other granules.
    ///
    /// # Errors
    /// When the other is of another grid or reduction, or a cell is full.
    pub fn merge(&mut self, other: Composite) -> Result<(), ReduceError> {
        if self.tiling != other.tiling || self.reduction != other.reduction {
            return Err(ReduceError::Mismatch);
        }
        for (own, other) in self.tiles.iter_mut().zip(other.tiles) {
            match (own, other) {
                (_, None) => {}
                (own @ None, other) => *own = other,
                (Some(own), Some(other)) => own.merge(&other)?,
            }
        }
        Ok(())
    }

    /// A statistic of every cell, row by row.
    ///
    /// Cells without observations, or with fewer than the reduction's [`Blank`](super::Blank) asks
    /// for, are NaN. `Count`, `Granules` and `Coverage` are what they are, never blank: they tell why
    /// others are.
    ///
    /// # Errors
    /// When the statistic was not asked for.
    pub fn values(&self, statistic: Statistic) -> Result<Vec<f64>, ReduceError> {
        self.check_kept(statistic)?;
        let empty = if never_blank(statistic) {
            0.0
        } else {
            f64::NAN
        };
        Ok(self.layer(empty, |tile, cell| self.cell_value(tile, cell, statistic)))
    }

    /// Number of contributing pixels of every cell, row by row.
    pub fn counts(&self) -> Vec<u64> {
        self.layer(0, |tile, cell| tile.count(cell))
    }

    /// Number of granules with at least one observation, of every cell, row by row.
    pub fn granules(&self) -> Vec<u64> {
        self.layer(0, |tile, cell| u64::from(tile.granules[cell]))
    }

    /// A statistic of the cells of one tile, in the order of [`Tiling::extent`]; `None` where no
    /// granule touched the tile.
    ///
    /// # Errors
    /// When the statistic was not asked for.
    pub fn tile_values(
        &self,
        tile: usize,
        statistic: Statistic,
    ) -> Result<Option<Vec<f64>>, ReduceError> {
        self.check_kept(statistic)?;
        Ok(self.tiles.get(tile).and_then(Option::as_deref).map(|tile| {
            (0..tile.granules.len())
                .map(|cell| self.cell_value(tile, cell, statistic))
                .collect()
        }))
    }

    pub(super) fn tile(&mut self, index: usize) -> &mut CompositeTile {
        let (tiling, layout, reduction) = (&self.tiling, self.layout, &self.reduction);
        self.tiles[index].get_or_insert_with(|| {
            let cells = tiling.tile_cells(index);
            Box::new(CompositeTile::empty(layout, reduction, cells))
        })
    }

    /// A statistic of one cell of every square of `stride` x `stride` cells of a tile, its middle one, row by
    /// row; `None` where no granule touched the tile.
    ///
    /// # Errors
    /// When the statistic was not asked for.
    pub fn tile_sample(
        &self,
        tile: usize,
        statistic: Statistic,
        stride: usize,
    ) -> Result<Option<Vec<f64>>, ReduceError> {
        self.check_kept(statistic)?;
        let Some(cells) = self.tiles.get(tile).and_then(Option::as_deref) else {
            return Ok(None);
        };
        let (rows, columns) = self.tiling.extent(tile);
        let (rows, columns) = (rows.len(), columns.len());
        Ok(Some(
            middles(rows, stride)
                .flat_map(|row| middles(columns, stride).map(move |column| row * columns + column))
                .map(|cell| self.cell_value(cells, cell, statistic))
                .collect(),
        ))
    }

    /// A statistic of single cells, numbered row by row; NaN where no granule touched the tile, and beyond the
    /// grid.
    ///
    /// # Errors
    /// When the statistic was not asked for.
    pub fn cell_values(
        &self,
        cells: &[u32],
        statistic: Statistic,
    ) -> Result<Vec<f64>, ReduceError> {
        self.check_kept(statistic)?;
        let value = |cell: &u32| {
            let inside = (*cell as usize) < self.tiling.cells();
            let place = inside.then(|| self.tiling.place(*cell))?;
            let tile = self.tiles.get(place.tile)?.as_deref()?;
            Some(self.cell_value(tile, place.within, statistic))
        };
        let values = cells.iter().map(|cell| value(cell).unwrap_or(f64::NAN));
        Ok(values.collect())
    }

    fn check_kept(&self, statistic: Statistic) -> Result<(), ReduceError> {
        let kept = self.reduction.statistics.contains(&statistic)
            || matches!(statistic, Statistic::Count | Statistic::Granules | Statistic::Coverage)
            // Any percentile follows from the observations.
            || (matches!(statistic, Statistic::Percentile(_)) && self.layout.samples)
            || (self.layout.logs
                && matches!(
                    statistic,
                    Statistic::GeometricMean | Statistic::GeometricStd | Statistic::GeometricCount
                ));
        let extras = self.layout.extras;
        let kept = kept
            || matches!(
                statistic,
                Statistic::Mode | Statistic::ModeShare | Statistic::Share(_)
            ) && extras.is_some_and(|extras| extras.keeps_tallies());
        if kept {
            // Coverage of shares needs its column.
            if statistic != Statistic::Coverage
                || self.reduction.keeps_coverage()
                || !self.reduction.shares
            {
                return Ok(());
            }
        }
        Err(ReduceError::NotKept { statistic })
    }

    fn cell_value(&self, tile: &CompositeTile, cell: usize, statistic: Statistic) -> f64 {
        match statistic {
            Statistic::Count => return tile.count(cell) as f64,
            Statistic::Granules => return f64::from(tile.granules[cell]),
            Statistic::Coverage => return tile.coverage(cell),
            Statistic::GeometricCount => return tile.columns.logs[cell].count as f64,
            _ => {}
        }
        let blank = &self.reduction.blank;
        if tile.granules[cell] == 0
            || tile.count(cell) < blank.min_count
            || u64::from(tile.granules[cell]) < blank.min_granules
            || (blank.min_coverage > 0.0 && tile.coverage(cell) < blank.min_coverage)
        {
            return f64::NAN;
        }
        let columns = &tile.columns;
        match statistic {
            Statistic::Mean => columns.mean(cell),
            Statistic::Std => columns.variance(cell).square_root() * self.spread(tile, cell).sqrt(),
            Statistic::Var => columns.variance(cell).value() * self.spread(tile, cell),
            Statistic::Weights => columns.weights(cell),
            Statistic::SumSquared => columns.sum_squared(cell),
            Statistic::GeometricMean => columns.logs[cell].mean(),
            Statistic::GeometricStd => columns.logs[cell].std(),
            Statistic::Percentile(percent) => {
                let shares = self.layout.shares;
                columns.samples.percentile(cell as u16, percent, shares)
            }
            Statistic::Min => columns.least(cell),
            Statistic::Max => columns.greatest(cell),
            Statistic::Sum => columns.sum(cell),
            Statistic::First
            | Statistic::Last
            | Statistic::AtSmallest
            | Statistic::AtLargest
            | Statistic::Mode
            | Statistic::ModeShare
            | Statistic::Share(_)
            | Statistic::Uncertainty
            | Statistic::IndependentUncertainty => {
                let extras = columns.extras.as_ref();
                let value = extras.and_then(|extras| extras.value(cell, statistic));
                value.unwrap_or(f64::NAN)
            }
            Statistic::Count
            | Statistic::Granules
            | Statistic::Coverage
            | Statistic::GeometricCount => f64::NAN,
        }
    }

    /// What the variance of a cell is multiplied by: one, unless granules are weighted as l2bin does.
    fn spread(&self, tile: &CompositeTile, cell: usize) -> f64 {
        if self.reduction.weight != Weight::L2bin {
            return 1.0;
        }
        let weight = tile.columns.weights(cell);
        let (squared, granules) = (weight * weight, f64::from(tile.granules[cell]));
        if squared <= granules {
            return 0.0;
        }
        squared / (squared - granules)
    }

    /// A quantity of every cell, row by row; bands of tiles are filled in parallel.
    fn layer<T: Copy + Send + Sync>(
        &self,
        empty: T,
        value: impl Fn(&CompositeTile, usize) -> T + Sync,
    ) -> Vec<T> {
        let (_, columns) = self.tiling.shape();
        let mut layer = vec![empty; self.tiling.cells()];
        let across = columns.div_ceil(super::TILE_SIZE).max(1);
        layer
            .par_chunks_mut((columns * super::TILE_SIZE).max(1))
            .zip(self.tiles.par_chunks(across))
            .enumerate()
            .for_each(|(band, (out, tiles))| {
                for (i, tile) in tiles.iter().enumerate() {
                    let Some(tile) = tile else { continue };
                    let (_, span) = self.tiling.extent(band * across + i);
                    for (row, out) in out.chunks_mut(columns).enumerate() {
                        let first = row * span.len();
                        for (within, out) in out[span.clone()].iter_mut().enumerate() {
                            *out = value(tile, first + within);
                        }
                    }
                }
            });
        layer
    }
}

impl CompositeTile {
    pub(super) fn empty(layout: Layout, reduction: &Reduction, cells: usize) -> Self {
        let column = |wanted: bool| vec![0; if wanted { cells } else { 0 }];
        CompositeTile {
            columns: Columns::new(layout, cells),
            granules: vec![0; cells],
            pixels: column(reduction.counts_pixels()),
            coverage: column(reduction.keeps_coverage()),
        }
    }

    /// Counts a granule that has one pixel in each cell of the batch.
    pub(super) fn count_singles(&mut self, batch: &Batch) {
        for &cell in batch.cells() {
            self.granules[cell as usize] += 1;
        }
        if !self.pixels.is_empty() {
            for &cell in batch.cells() {
                self.pixels[cell as usize] += 1;
            }
        }
        if !self.coverage.is_empty() {
            for (&cell, &weight) in batch.cells().iter().zip(&batch.weights) {
                let coverage = &mut self.coverage[cell as usize];
                *coverage = (*coverage).max(weight.min(WEIGHT_ONE));
            }
        }
    }

    fn merge(&mut self, other: &CompositeTile) -> Result<(), ReduceError> {
        self.columns
            .merge(&other.columns, 0, other.granules.len())?;
        for (own, other) in self.granules.iter_mut().zip(&other.granules) {
            *own = own.checked_add(*other).ok_or(ReduceError::CellFull)?;
        }
        for (own, other) in self.pixels.iter_mut().zip(&other.pixels) {
            *own = own.checked_add(*other).ok_or(ReduceError::CellFull)?;
        }
        for (own, other) in self.coverage.iter_mut().zip(&other.coverage) {
            *own = (*own).max(*other);
        }
        Ok(())
    }

    fn count(&self, cell: usize) -> u64 {
        match self.pixels.get(cell) {
            Some(pixels) => *pixels,
            None => self.columns.counts()[cell],
        }
    }

    fn coverage(&self, cell: usize) -> f64 {
        match self.coverage.get(cell) {
            Some(coverage) => *coverage as f64 / WEIGHT_ONE as f64,
            None => f64::from(u8::from(self.granules[cell] > 0)),
        }
    }
}

/// The middle of every `stride` places.
fn middles(len: usize, stride: usize) -> impl Iterator<Item = usize> + Clone {
    let stride = stride.max(1);
    (0..len)
        .step_by(stride)
        .map(move |start| (start + stride / 2).min(len - 1))
}

fn never_blank(statistic: Statistic) -> bool {
    matches!(
        statistic,
        Statistic::Count | Statistic::Granules | Statistic::Coverage | Statistic::GeometricCount
    )
}
