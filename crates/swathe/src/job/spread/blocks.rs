//! A grid cut into windows: rectangles of tiles, whose states are combined and finished each by itself.

use crate::job::plan::Plan;
use serde::{Deserialize, Serialize};
use std::ops::Range;
use swathe_core::reduce::Tiling;
use swathe_io::product::zarr::tiles_of_a_file;

/// Bytes of a part of a window, as they travel: about so many, or less where workers are small.
pub(super) const WINDOW: u64 = 64 << 20;
/// Of a worker's memory, the part of a window takes this share: several are combined at a time.
const SHARE: u64 = 10;

/// A rectangle of tiles.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Block {
    rows: Range<usize>,
    columns: Range<usize>,
}

/// A window of a grid.
#[derive(Debug, Clone)]
pub(super) struct Window {
    pub block: Block,
    /// Windows of one number share files of a Zarr store; those of different numbers do not.
    pub files: usize,
}

impl Block {
    /// Its tiles, in order.
    pub fn tiles(&self, tiling: &Tiling) -> Vec<usize> {
        let across = tiling.across();
        let columns = self.columns.start..self.columns.end.min(across);
        let rows = self
            .rows
            .clone()
            .take_while(|r| r * across < tiling.tiles());
        rows.flat_map(|row| columns.clone().map(move |column| row * across + column))
            .collect()
    }

    /// Whether a tile is in it.
    pub fn contains(&self, tile: usize, tiling: &Tiling) -> bool {
        let across = tiling.across().max(1);
        self.rows.contains(&(tile / across)) && self.columns.contains(&(tile % across))
    }
}

impl Plan {
    /// The windows of the grid; none where it is small enough.
    pub(super) fn cut(&self, memory: Option<u64>) -> Vec<Window> {
        let fields = self.fields.iter();
        let cell: u64 = fields.map(|f| f.reduction.bytes_per_cell() as u64).sum();
        // Compressed, tiles that are filled take about a third.
        let bytes = |tiles: usize| (tiles as u64 * TILE_CELLS).saturating_mul(cell) / 3;
        let most = memory.map_or(WINDOW, |memory| (memory / SHARE).clamp(1 << 20, WINDOW));
        if (self.tiling.cells() as u64).saturating_mul(cell) / 3 <= most {
            return Vec::new();
        }
        let across = self.tiling.across();
        let down = self.tiling.tiles() / across.max(1);
        let (height, width) = match tiles_of_a_file(&self.tiling) {
            (1, 1) => (down.max(1), across.max(1)),
            shard => shard,
        };
        let mut windows = Vec::new();
        let firsts = (0..down).step_by(height).flat_map(|row| {
            let columns = (0..across).step_by(width);
            columns.map(move |column| (row, column))
        });
        for (files, (row, column)) in firsts.enumerate() {
            let rows = row..(row + height).min(down);
            let columns = column..(column + width).min(across);
            let pieces = bytes(rows.len() * columns.len()).div_ceil(most) as usize;
            let vertical = pieces.clamp(1, rows.len());
            let horizontal = pieces.div_ceil(vertical).clamp(1, columns.len());
            for (i, j) in (0..vertical).flat_map(|i| (0..horizontal).map(move |j| (i, j))) {
                let part = |all: &Range<usize>, i: usize, n: usize| {
                    all.start + all.len() * i / n..all.start + all.len() * (i + 1) / n
                };
                windows.push(Window {
                    block: Block {
                        rows: part(&rows, i, vertical),
                        columns: part(&columns, j, horizontal),
                    },
                    files,
                });
            }
        }
        match windows.len() {
            1 => Vec::new(),
            _ => windows,
        }
    }
}

/// Cells of a whole tile.
const TILE_CELLS: u64 = (swathe_core::reduce::TILE_SIZE * swathe_core::reduce::TILE_SIZE) as u64;
