//! One granule's observations on the target's cells, complete before granules are weighted.

use super::columns::{BATCH, Batch, Columns, Layout};
use super::{Observation, Observed, ReduceError, Reduction, Summation, TilePart, Tiling};
use crate::resample::WEIGHT_ONE;

/// The state of the cells that one granule, or a part of it, gives to.
#[derive(Debug, Clone)]
pub struct GranuleState {
    pub(super) tiling: Tiling,
    pub(super) layout: Layout,
    pub(super) tiles: Vec<Option<Box<GranuleTile>>>,
}

/// Cells of one tile.
#[derive(Debug, Clone)]
pub(super) struct GranuleTile {
    pub columns: Columns,
    /// Cells from `first` to `end` may hold something; all others are empty.
    pub first: usize,
    pub end: usize,
}

impl GranuleState {
    /// An empty state. Tiles are made when first touched.
    pub fn new(tiling: Tiling, reduction: &Reduction) -> Self {
        GranuleState {
            tiling,
            layout: reduction.granule_layout(),
            tiles: vec![None; tiling.tiles()],
        }
    }

    /// Adds observations, in any order. Values that are not finite are missing and leave no trace,
    /// and so do weights of zero; weights above one, which rounding leaves, are one.
    ///
    /// # Errors
    /// When a value is beyond the summation's limit, a cell is not in the grid or is full. The state
    /// is then of no use.
    pub fn add(
        &mut self,
        observations: impl IntoIterator<Item: Observed>,
    ) -> Result<(), ReduceError> {
        let (tiling, layout, tiles) = (self.tiling, self.layout, &mut self.tiles);
        batched(&tiling, layout.summation, observations, |tile, batch| {
            let tile = tiles[tile].get_or_insert_with(|| {
                let cells = tiling.tile_cells(tile);
                Box::new(GranuleTile {
                    columns: Columns::new(layout, cells),
                    first: cells,
                    end: 0,
                })
            });
            for &cell in batch.cells() {
                tile.first = tile.first.min(cell as usize);
                tile.end = tile.end.max(cell as usize + 1);
            }
            tile.columns.add(batch)
        })
    }

    /// Adds another part of the same granule.
    ///
    /// # Errors
    /// When the parts are of different grids or reductions, or a cell is full.
    pub fn merge(&mut self, other: &GranuleState) -> Result<(), ReduceError> {
        if self.tiling != other.tiling || self.layout != other.layout {
            return Err(ReduceError::Mismatch);
        }
        for (own, other) in self.tiles.iter_mut().zip(&other.tiles) {
            match (own, other) {
                (_, None) => {}
                (own @ None, Some(other)) => *own = Some(other.clone()),
                (Some(own), Some(other)) => {
                    if other.first < other.end {
                        own.columns.merge(&other.columns, other.first, other.end)?;
                        own.first = own.first.min(other.first);
                        own.end = own.end.max(other.end);
                    }
                }
            }
        }
        Ok(())
    }

    /// What it gives to each tile, of which the state is given up one by one; tiles without an observation are left
    /// out.
    pub fn into_parts(self) -> impl Iterator<Item = (usize, TilePart)> {
        let tiles = self.tiles.into_iter().enumerate();
        tiles
            .filter_map(|(index, tile)| Some((index, TilePart::of_tile(&*tile?))))
            .filter(|(_, part)| !part.is_empty())
    }

    /// What it gives to each tile; tiles without an observation are left out.
    pub fn parts(&self) -> impl Iterator<Item = (usize, TilePart)> {
        let tiles = self.tiles.iter().enumerate();
        tiles
            .filter_map(|(index, tile)| Some((index, TilePart::of_tile(tile.as_deref()?))))
            .filter(|(_, part)| !part.is_empty())
    }
}

/// Gathers observations that have a value into batches of one tile each.
fn batched<O: Observed>(
    tiling: &Tiling,
    summation: Summation,
    observations: impl IntoIterator<Item = O>,
    mut give: impl FnMut(usize, &Batch) -> Result<(), ReduceError>,
) -> Result<(), ReduceError> {
    let limit = summation.limit();
    let cells = tiling.cells() as u64;
    // The granule has its place among others when it is combined with them.
    let mut batch = Batch::new(0);
    let mut tile = 0;
    for observed in observations {
        let Observation {
            cell,
            value,
            weight,
        } = observed.observation();
        if value.is_nan() || value.abs() > limit {
            if value.is_finite() {
                return Err(ReduceError::BeyondLimit { value, limit });
            }
            continue;
        }
        if weight == 0 {
            continue;
        }
        if u64::from(cell) >= cells {
            return Err(ReduceError::NoSuchCell { cell });
        }
        let place = tiling.place(cell);
        if place.tile != tile || batch.len == BATCH {
            if batch.len > 0 {
                give(tile, &batch)?;
            }
            batch.clear();
            tile = place.tile;
        }
        batch.push(place.within as u32, value, weight.min(WEIGHT_ONE));
        if O::ACCOMPANIED {
            batch.besides.push(observed.beside());
        }
    }
    if batch.len > 0 {
        give(tile, &batch)?;
    }
    Ok(())
}
