//! Smaller images of a band.

use rayon::prelude::*;

use super::TILE;
use super::bands::Band;

/// Reduction factors of the images of a file: 1, 2, 4, ... until one tile holds all.
pub(super) fn factors(rows: usize, columns: usize) -> Vec<usize> {
    let mut factors = vec![1];
    while rows.max(columns).div_ceil(factors[factors.len() - 1]) > TILE {
        factors.push(2 * factors[factors.len() - 1]);
    }
    factors
}

/// A band at one reduction.
#[derive(Debug)]
pub(super) struct Level<'a> {
    /// (rows, columns).
    pub shape: (usize, usize),
    cells: Cells<'a>,
}

#[derive(Debug)]
enum Cells<'a> {
    Full(&'a Band<'a>),
    Reduced(Vec<f64>),
}

impl<'a> Level<'a> {
    /// Reduces a band. Every cell of an average is that of all valid cells of the full image below
    /// it, not an average of averages, which would favour those with few valid neighbours.
    pub fn of(band: &'a Band<'a>, (rows, columns): (usize, usize), factor: usize) -> Self {
        if factor == 1 {
            return Level {
                shape: (rows, columns),
                cells: Cells::Full(band),
            };
        }
        let shape = (rows.div_ceil(factor), columns.div_ceil(factor));
        let mut cells = vec![f64::NAN; shape.0 * shape.1];
        cells
            .par_chunks_mut(shape.1)
            .enumerate()
            .for_each(|(row, cells)| {
                let top = row * factor;
                for (column, cell) in cells.iter_mut().enumerate() {
                    let left = column * factor;
                    *cell = if band.is_integer() {
                        // The upper left one, as GDAL's nearest neighbour takes it.
                        band.value(top * columns + left)
                    } else {
                        let block = (top..rows.min(top + factor)).flat_map(|r| {
                            (left..columns.min(left + factor)).map(move |c| r * columns + c)
                        });
                        average(block.map(|i| band.value(i)))
                    };
                }
            });
        Level {
            shape,
            cells: Cells::Reduced(cells),
        }
    }

    /// Value of a cell, NaN where missing.
    #[inline]
    pub fn value(&self, cell: usize) -> f64 {
        match &self.cells {
            Cells::Full(band) => band.value(cell),
            Cells::Reduced(cells) => cells[cell],
        }
    }
}

/// Mean of those that are there; NaN if none is.
fn average(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values
        .filter(|v| !v.is_nan())
        .fold((0.0, 0.0), |(sum, count), v| (sum + v, count + 1.0));
    sum / count
}
