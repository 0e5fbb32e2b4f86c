//! The map of a run as far as it is: one cell of every square of a grid, of a few layers.

use super::lattice::Lattice;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};
use swathe_core::geobox::GeoBox;
use swathe_core::isin::Isin;
use swathe_core::reduce::{Composite, Scheme, Statistic, TILE_SIZE, Tiling};
use swathe_io::product::LayerData;

/// Numbers that are kept in all: 8 MB; and where they come from other machines.
pub const MOST: usize = 2 << 20;
pub const FEW: usize = 1 << 18;
/// Cells of a square at most.
const WIDEST: usize = 64;

/// A part of the map that has changed.
#[derive(Debug, Clone)]
struct Block {
    noted: u64,
    values: Vec<f32>,
}

/// One cell of every square, the middle one.
#[derive(Debug)]
pub struct Preview {
    tiling: Tiling,
    stride: usize,
    steps: usize,
    /// By layer, step and tile.
    blocks: BTreeMap<(usize, usize, usize), Block>,
    /// Which bins are drawn, where the run is on bins.
    lattice: Option<Lattice>,
    /// Of bins, weights of the tile whose sums come next: step, tile, values.
    weights: Option<(usize, usize, Vec<f32>)>,
    /// Tiles of the run that have changed and are not sampled yet.
    changed: BTreeSet<usize>,
    /// When tiles may be sampled again: so that it takes a small share of the time.
    due: Instant,
}

impl Preview {
    /// Of so many layers and steps, as fine as `most` numbers allow.
    pub fn new(tiling: Tiling, layers: usize, steps: usize, most: usize) -> Self {
        let (rows, columns) = tiling.shape();
        let maps = (layers * steps).max(1);
        let mut stride = 1;
        while stride < WIDEST
            && rows.div_ceil(stride) * columns.div_ceil(stride) > (most / maps).max(1)
        {
            stride *= 2;
        }
        let one = rows.div_ceil(stride) * columns.div_ceil(stride) * layers.max(1);
        Preview {
            tiling,
            stride,
            steps: steps.min((most / one.max(1)).max(1)),
            blocks: BTreeMap::new(),
            lattice: None,
            weights: None,
            changed: BTreeSet::new(),
            due: Instant::now(),
        }
    }

    /// Of a grid of bins, drawn on a rectangular one.
    pub fn of_bins(
        isin: &Isin,
        geobox: &GeoBox,
        layers: usize,
        steps: usize,
        most: usize,
    ) -> Option<Self> {
        let (rows, columns) = geobox.shape();
        let tiling = Tiling::new(rows, columns).ok()?;
        let preview = Preview::new(tiling, layers, steps, most);
        let lattice = Lattice::new(isin, geobox, &tiling, preview.stride)?;
        Some(Preview {
            lattice: Some(lattice),
            ..preview
        })
    }

    /// The level of its numbers: squares are of 2^level x 2^level cells.
    pub fn level(&self) -> u32 {
        self.stride.trailing_zeros()
    }

    /// Notes tiles that are not what they were.
    pub fn change(&mut self, tiles: &[usize]) {
        self.changed.extend(tiles);
    }

    /// Takes the tiles that have changed from a composite, its first statistic, count and granules: not more
    /// often than that it takes a hundredth of the time, unless it must be (`now`).
    pub fn sample(
        &mut self,
        step: usize,
        composite: &Composite,
        now: bool,
        mut note: impl FnMut() -> u64,
    ) {
        let begun = Instant::now();
        if self.changed.is_empty() || (!now && begun < self.due) || step >= self.steps {
            return;
        }
        let first = composite.reduction().statistics.first().copied();
        let statistics = [
            first.unwrap_or(Statistic::Mean),
            Statistic::Count,
            Statistic::Granules,
        ];
        let changed = std::mem::take(&mut self.changed);
        let changed = match &self.lattice {
            Some(lattice) => lattice.showing(changed),
            None => changed,
        };
        let scheme = composite.reduction().scheme;
        for tile in changed {
            for (layer, statistic) in statistics.into_iter().enumerate() {
                let values = match &self.lattice {
                    Some(lattice) => composite
                        .cell_values(lattice.cells(tile), statistic)
                        .map(Some),
                    None => composite.tile_sample(tile, statistic, self.stride),
                };
                // What was not asked for is not there to be shown.
                let Ok(Some(values)) = values else {
                    continue;
                };
                let shown = |value: f64| match statistic {
                    Statistic::Mean => scheme.inverse(value) as f32,
                    _ => value as f32,
                };
                let block = Block {
                    noted: note(),
                    values: values.into_iter().map(shown).collect(),
                };
                self.blocks.insert((layer, step, tile), block);
            }
        }
        let took = begun.elapsed();
        self.due = Instant::now() + (100 * took).max(Duration::from_millis(150));
    }

    /// Takes a map of a layer that is in memory, all steps one after another.
    pub fn put_map(
        &mut self,
        layer: usize,
        step: usize,
        values: &LayerData,
        mut note: impl FnMut() -> u64,
    ) {
        let (_, across) = self.tiling.shape();
        for tile in 0..self.tiling.tiles() {
            let (rows, columns) = self.tiling.extent(tile);
            let first = step * self.tiling.cells() + rows.start * across + columns.start;
            self.put_from(layer, step, tile, values, (first, across), note());
        }
    }

    /// Takes a tile that is finished.
    pub fn put(&mut self, layer: usize, step: usize, tile: usize, values: &LayerData, noted: u64) {
        let across = self.tiling.extent(tile).1.len();
        self.put_from(layer, step, tile, values, (0, across), noted);
    }

    /// Takes weights of a tile of bins that is finished: its sums come next.
    pub fn put_weights(&mut self, step: usize, tile: usize, values: &LayerData) {
        let numbers = (0..values.len()).map(|at| number(values, at));
        self.weights = Some((step, tile, numbers.collect()));
    }

    /// Takes sums of a tile of bins, whose means of this scheme are drawn.
    pub fn put_sums(
        &mut self,
        step: usize,
        tile: usize,
        values: &LayerData,
        scheme: Scheme,
        note: impl FnMut() -> u64,
    ) {
        let weights = self.weights.take();
        let Some((_, _, weights)) = weights.filter(|(s, t, _)| (*s, *t) == (step, tile)) else {
            return;
        };
        let mean = |at: usize| {
            let weight = weights.get(at).copied().unwrap_or(f32::NAN);
            scheme.inverse(f64::from(number(values, at) / weight)) as f32
        };
        self.put_bins(0, step, tile, mean, note);
    }

    /// Takes a tile of bins that is finished, or nothing where the run is not on bins.
    pub fn put_bins(
        &mut self,
        layer: usize,
        step: usize,
        tile: usize,
        value: impl Fn(usize) -> f32,
        mut note: impl FnMut() -> u64,
    ) {
        let Some(lattice) = self.lattice.as_ref().filter(|_| step < self.steps) else {
            return;
        };
        for shown in lattice.showing([tile]) {
            let block = self.blocks.entry((layer, step, shown)).or_insert(Block {
                noted: 0,
                values: vec![f32::NAN; lattice.cells(shown).len()],
            });
            block.noted = note();
            for (square, within) in lattice.places(shown, tile) {
                if let Some(square) = block.values.get_mut(square) {
                    *square = value(within);
                }
            }
        }
    }

    /// Cells to the side of a square.
    pub fn stride(&self) -> usize {
        self.stride
    }

    /// Draws all squares anew, of so many layers, from what the run's cells have: by layer, row and column.
    pub fn redraw(
        &mut self,
        layers: usize,
        value: impl Fn(usize, usize, usize) -> f32,
        mut note: impl FnMut() -> u64,
    ) {
        for tile in 0..self.tiling.tiles() {
            let cells: Vec<Option<(usize, usize)>> = match &self.lattice {
                Some(lattice) => lattice.kept_at(tile).collect(),
                None => {
                    let (rows, columns) = self.tiling.extent(tile);
                    let stride = self.stride;
                    let places = |span: &std::ops::Range<usize>| {
                        let (start, len) = (span.start, span.len());
                        (0..len.div_ceil(stride)).map(move |i| start + middle(i, stride, len))
                    };
                    places(&rows)
                        .flat_map(|row| places(&columns).map(move |column| Some((row, column))))
                        .collect()
                }
            };
            for layer in 0..layers {
                let drawn = cells.iter().map(|cell| match cell {
                    Some((row, column)) => value(layer, *row, *column),
                    None => f32::NAN,
                });
                let drawn: Vec<f32> = drawn.collect();
                let known = self.blocks.get(&(layer, 0, tile));
                let same = |a: &f32, b: &f32| a.to_bits() == b.to_bits();
                let changed = match known {
                    Some(known) => !known.values.iter().zip(&drawn).all(|(a, b)| same(a, b)),
                    None => drawn.iter().any(|v| v.is_finite() && *v != 0.0),
                };
                if changed {
                    let (noted, values) = (note(), drawn);
                    self.blocks
                        .insert((layer, 0, tile), Block { noted, values });
                }
            }
        }
    }

    /// Whether it is of bins.
    pub fn is_of_bins(&self) -> bool {
        self.lattice.is_some()
    }

    /// Takes a tile from values in which its first cell is at `first` and rows are `across` apart.
    fn put_from(
        &mut self,
        layer: usize,
        step: usize,
        tile: usize,
        values: &LayerData,
        (first, across): (usize, usize),
        noted: u64,
    ) {
        if step >= self.steps {
            return;
        }
        let (rows, columns) = self.tiling.extent(tile);
        let (stride, columns) = (self.stride, columns.len());
        let places = (0..rows.len().div_ceil(stride)).flat_map(|row| {
            let row = first + middle(row, stride, rows.len()) * across;
            (0..columns.div_ceil(stride)).map(move |column| row + middle(column, stride, columns))
        });
        let values = places.map(|at| number(values, at)).collect();
        self.blocks
            .insert((layer, step, tile), Block { noted, values });
    }

    /// Whether anything has been noted after `since`.
    pub fn has_news(&self, since: u64) -> bool {
        self.blocks.values().any(|block| block.noted > since)
    }

    /// Blocks that were noted after `since`, one after another: layer, step, first row and column in numbers
    /// of this level, height, width as u32, then the numbers as f32, all little-endian.
    pub fn news(&self, since: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        for ((layer, step, tile), block) in &self.blocks {
            if block.noted <= since {
                continue;
            }
            let (rows, columns) = self.tiling.extent(*tile);
            let head = [
                *layer,
                *step,
                rows.start / self.stride,
                columns.start / self.stride,
                rows.len().div_ceil(self.stride),
                columns.len().div_ceil(self.stride),
            ];
            bytes.extend(head.iter().flat_map(|n| (*n as u32).to_le_bytes()));
            bytes.extend(block.values.iter().flat_map(|v| v.to_le_bytes()));
        }
        bytes
    }
}

/// The middle one of a square's cells, of so many in all.
pub fn middle(square: usize, stride: usize, len: usize) -> usize {
    (square * stride + stride / 2).min(len.saturating_sub(1))
}

/// A value, NaN where there is none.
pub fn number(values: &LayerData, at: usize) -> f32 {
    let found = match values {
        LayerData::F32(v) => v.get(at).copied(),
        LayerData::F64(v) => v.get(at).map(|v| *v as f32),
        LayerData::I32(v) => v.get(at).map(|v| *v as f32),
        LayerData::I64(v) => v.get(at).map(|v| *v as f32),
        LayerData::Tiled(_) => None,
    };
    found.unwrap_or(f32::NAN)
}

// Squares do not reach over the edges of tiles.
const _: () = assert!(TILE_SIZE.is_multiple_of(WIDEST));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_as_fine_as_there_is_room() {
        let level = |rows, columns, layers, steps| {
            Preview::new(Tiling::new(rows, columns).unwrap(), layers, steps, MOST).level()
        };
        assert_eq!(level(334, 267, 3, 1), 0);
        assert_eq!(level(4320, 8640, 3, 1), 3);
        assert_eq!(level(4320, 8640, 1, 1), 3);
        assert_eq!(level(4320, 8640, 1, 500), 6);
        let many = Preview::new(Tiling::new(43_200, 86_400).unwrap(), 1, 500, MOST);
        assert_eq!((many.level(), many.steps), (6, 2));
    }

    #[test]
    fn news_are_the_middles_of_squares() {
        // 8640 x 4320 with three layers: squares of 8 x 8; the last tile is narrower.
        let tiling = Tiling::new(4320, 8640).unwrap();
        let mut preview = Preview::new(tiling, 3, 1, MOST);
        let last = tiling.tiles() - 1;
        let (rows, columns) = tiling.extent(last);
        let values = rows.clone().flat_map(|row| {
            columns
                .clone()
                .map(move |column| (row * 10_000 + column) as i32)
        });
        preview.put(2, 0, last, &LayerData::I32(values.collect()), 7);
        assert!(preview.has_news(6) && !preview.has_news(7));
        assert!(preview.news(7).is_empty());
        let news = preview.news(0);
        let word = |i: usize| u32::from_le_bytes(news[4 * i..4 * i + 4].try_into().unwrap());
        let head: Vec<usize> = (0..6).map(|i| word(i) as usize).collect();
        let (height, width) = (rows.len() / 8, columns.len() / 8);
        assert_eq!(
            head,
            [2, 0, rows.start / 8, columns.start / 8, height, width]
        );
        assert_eq!(news.len(), 4 * (6 + height * width));
        let number = |row: usize, column: usize| f32::from_bits(word(6 + row * width + column));
        let expected = |row: usize, column: usize| {
            ((rows.start + 8 * row + 4) * 10_000 + columns.start + 8 * column + 4) as f32
        };
        assert_eq!(number(0, 0), expected(0, 0));
        assert_eq!(number(3, 5), expected(3, 5));
    }
}
