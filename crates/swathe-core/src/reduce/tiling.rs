//! Where cells are kept: tiles of at most 256 x 256, made when first touched.

use super::ReduceError;
use std::ops::Range;

/// Rows and columns of a tile. A tile of a mean takes 1.8 MB, and a granule on a grid as fine as its
/// pixels meets about sixty of them.
pub const TILE_SIZE: usize = 256;

/// A grid of cells cut into tiles. It depends on the grid's shape alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tiling {
    rows: usize,
    columns: usize,
    /// ceil(2^64 / columns), see `row_of`.
    reciprocal: u64,
}

/// Where a cell is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub tile: usize,
    pub within: usize,
}

impl Tiling {
    /// Cuts a grid.
    ///
    /// # Errors
    /// When the grid has 2^32 cells or more: cells are numbered by `u32`.
    pub fn new(rows: usize, columns: usize) -> Result<Self, ReduceError> {
        match rows.checked_mul(columns) {
            Some(cells) if u32::try_from(cells).is_ok() => Ok(Tiling {
                rows,
                columns,
                reciprocal: (u64::MAX / columns.max(2) as u64).wrapping_add(1),
            }),
            _ => Err(ReduceError::GridTooLarge { rows, columns }),
        }
    }

    /// (rows, columns) of the grid.
    pub fn shape(&self) -> (usize, usize) {
        (self.rows, self.columns)
    }

    /// Number of cells.
    pub fn cells(&self) -> usize {
        self.rows * self.columns
    }

    /// Number of tiles.
    pub fn tiles(&self) -> usize {
        self.rows.div_ceil(TILE_SIZE) * self.across()
    }

    /// Rows and columns of the grid that a tile holds; tiles are numbered row by row. Its cells are
    /// in row-major order.
    pub fn extent(&self, tile: usize) -> (Range<usize>, Range<usize>) {
        let across = self.across().max(1);
        let span = |index: usize, len: usize| {
            let start = (index * TILE_SIZE).min(len);
            start..(start + TILE_SIZE).min(len)
        };
        (
            span(tile / across, self.rows),
            span(tile % across, self.columns),
        )
    }

    /// Number of cells in a tile.
    pub fn tile_cells(&self, tile: usize) -> usize {
        let (rows, columns) = self.extent(tile);
        rows.len() * columns.len()
    }

    /// The tile of a cell that is in the grid.
    #[inline]
    pub fn tile_of(&self, cell: u32) -> usize {
        self.place(cell).tile
    }

    /// Number of tiles in a row of them.
    pub fn across(&self) -> usize {
        self.columns.div_ceil(TILE_SIZE)
    }

    /// The tile of a cell that is in the grid, and its position in it.
    #[inline]
    pub(super) fn place(&self, cell: u32) -> Place {
        let row = self.row_of(cell);
        let column = cell as usize - row * self.columns;
        let (tile_row, tile_column) = (row / TILE_SIZE, column / TILE_SIZE);
        let width = (self.columns - tile_column * TILE_SIZE).min(TILE_SIZE);
        Place {
            tile: tile_row * self.across() + tile_column,
            within: (row % TILE_SIZE) * width + column % TILE_SIZE,
        }
    }

    /// `cell / columns` by multiplication: with m = ceil(2^64 / d), floor(n m / 2^64) = floor(n / d)
    /// for all 32-bit n and 2 <= d < 2^32 (Lemire, Kaser and Kurz 2019, theorem 1). A division takes
    /// longer than everything else that is done for an observation.
    #[inline]
    fn row_of(&self, cell: u32) -> usize {
        if self.columns == 1 {
            return cell as usize;
        }
        ((u128::from(self.reciprocal) * u128::from(cell)) >> 64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_cell_has_its_own_place() {
        for (rows, columns) in [
            (1, 1),
            (1, 700),
            (700, 1),
            (256, 256),
            (257, 513),
            (241, 302),
        ] {
            let tiling = Tiling::new(rows, columns).unwrap();
            let mut seen = vec![false; rows * columns];
            for tile in 0..tiling.tiles() {
                let (tile_rows, tile_columns) = tiling.extent(tile);
                assert!(!tile_rows.is_empty() && !tile_columns.is_empty());
                let mut within = 0;
                for row in tile_rows {
                    for column in tile_columns.clone() {
                        let cell = row * columns + column;
                        assert_eq!(tiling.place(cell as u32), Place { tile, within });
                        assert!(!std::mem::replace(&mut seen[cell], true));
                        within += 1;
                    }
                }
            }
            assert!(seen.into_iter().all(|s| s));
        }
    }

    #[test]
    fn grids_without_cells_and_without_end() {
        assert_eq!(Tiling::new(0, 5).unwrap().tiles(), 0);
        assert_eq!(Tiling::new(5, 0).unwrap().tiles(), 0);
        assert!(Tiling::new(1 << 16, 1 << 16).is_err());
        assert!(Tiling::new(usize::MAX, 2).is_err());
    }

    proptest! {
        #[test]
        fn division_by_multiplication_is_exact(cell: u32, columns in 1usize..u32::MAX as usize) {
            let tiling = Tiling::new(1, columns).unwrap();
            prop_assert_eq!(tiling.row_of(cell), cell as usize / columns);
        }
    }
}
