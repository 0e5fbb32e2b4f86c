//! Bins over time and on maps: sums of Level-3 binned products, added and mapped as NASA's l3bin and
//! l3mapgen do it.

use crate::geobox::GeoBox;
use crate::isin::{Bins, Isin};
use crate::reduce::{Blank, Scheme};
use rayon::prelude::*;
use std::ops::Range;

/// What observations gave to one bin, for all products.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Bin {
    /// Its number, from 1.
    pub number: u64,
    /// Observations.
    pub observations: u64,
    /// Granules with at least one of them.
    pub scenes: u64,
    /// Sum of weights.
    pub weights: f64,
}

/// Sums of one product in one bin.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Sums {
    /// Weighted sum of values.
    pub sum: f64,
    /// Weighted sum of their squares.
    pub squares: f64,
}

/// Filled bins of a grid, in ascending order, with their sums of some products.
#[derive(Debug, Clone, PartialEq)]
pub struct FilledBins {
    /// The grid.
    pub isin: Isin,
    /// The bins.
    pub bins: Vec<Bin>,
    /// For each product, its sums in each of these.
    pub sums: Vec<Vec<Sums>>,
}

/// Which bins give to a cell of a map, and by how much.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mapping {
    /// The bin that holds the cell's middle.
    #[default]
    Nearest,
    /// All bins that overlap the cell, each with its own sums.
    Overlapping,
    /// All bins that overlap the cell, each with the share of it that does.
    Area,
}

impl Mapping {
    /// All ways, with their names.
    pub const ALL: [(&'static str, Mapping); 3] = [
        ("nearest", Mapping::Nearest),
        ("bin", Mapping::Overlapping),
        ("area", Mapping::Area),
    ];
}

/// A product of bins on the cells of a map, row by row.
#[derive(Debug, Clone, PartialEq)]
pub struct MappedBins {
    /// Mean, NaN where there is none.
    pub mean: Vec<f64>,
    /// Standard deviation: sqrt((S2/W - (S/W)^2) V^2 / (V^2 - n)) over n granules, 0 where V^2 <= n. V is the weight
    /// of the bins that give, whole; W that of their shares.
    pub std: Vec<f64>,
    /// Observations.
    pub observations: Vec<u64>,
    /// Granules; of several bins the sum over them.
    pub scenes: Vec<u64>,
}

/// Bins that cannot be put together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("bins of {0} and of {1} rows cannot be added, nor those of other products")]
pub struct OtherBins(u32, u32);

impl FilledBins {
    /// Adds the bins of another time.
    ///
    /// # Errors
    /// Bins of another grid, or another number of products.
    pub fn add(&mut self, other: &FilledBins) -> Result<(), OtherBins> {
        if self.isin.rows() != other.isin.rows() || self.sums.len() != other.sums.len() {
            return Err(OtherBins(self.isin.rows(), other.isin.rows()));
        }
        let (mut bins, mut i, mut j) = (Vec::with_capacity(self.bins.len()), 0, 0);
        let mut sums = vec![Vec::with_capacity(self.bins.len()); self.sums.len()];
        loop {
            let (own, theirs) = (self.bins.get(i), other.bins.get(j));
            let take = match (own, theirs) {
                (None, None) => break,
                (Some(_), None) => (true, false),
                (None, Some(_)) => (false, true),
                (Some(own), Some(theirs)) => {
                    (own.number <= theirs.number, theirs.number <= own.number)
                }
            };
            let mut bin = Bin::default();
            for taken in [own.filter(|_| take.0), theirs.filter(|_| take.1)]
                .into_iter()
                .flatten()
            {
                bin.number = taken.number;
                bin.observations += taken.observations;
                bin.scenes += taken.scenes;
                bin.weights += taken.weights;
            }
            bins.push(bin);
            for (product, all) in sums.iter_mut().enumerate() {
                let own = self.sums[product].get(i).filter(|_| take.0);
                let theirs = other.sums[product].get(j).filter(|_| take.1);
                let mut sum = Sums::default();
                for taken in [own, theirs].into_iter().flatten() {
                    sum.sum += taken.sum;
                    sum.squares += taken.squares;
                }
                all.push(sum);
            }
            i += usize::from(take.0);
            j += usize::from(take.1);
        }
        (self.bins, self.sums) = (bins, sums);
        Ok(())
    }

    /// A product on the cells of a map; cells below what `blank` asks for have no values.
    ///
    /// A cell of a map that is not in longitude and latitude is its middle, for all ways.
    pub fn map(
        &self,
        product: usize,
        scheme: Scheme,
        geobox: &GeoBox,
        mapping: Mapping,
        blank: &Blank,
    ) -> MappedBins {
        let (rows, columns) = geobox.shape();
        let mapper = Mapper {
            geobox,
            mapping,
            blank,
        };
        mapper.map(&self.by_place(), product, scheme, (0..rows, 0..columns))
    }

    /// The same bins, findable by place.
    pub fn by_place(&self) -> BinsByPlace<'_> {
        BinsByPlace {
            bins: Bins::new(&self.isin),
            filled: self,
            starts: row_starts(&self.isin, &self.bins),
        }
    }
}

/// How bins become a map.
#[derive(Debug, Clone, Copy)]
pub struct Mapper<'a> {
    /// The grid of the map.
    pub geobox: &'a GeoBox,
    /// Which bins give to a cell.
    pub mapping: Mapping,
    /// What is required of a cell.
    pub blank: &'a Blank,
}

impl Mapper<'_> {
    /// A product on some rows and columns of the map, as [`FilledBins::map`].
    pub fn map(
        &self,
        bins: &BinsByPlace<'_>,
        product: usize,
        scheme: Scheme,
        (rows, columns): (Range<usize>, Range<usize>),
    ) -> MappedBins {
        let sums = bins.filled.sums.get(product).map_or(&[][..], Vec::as_slice);
        let cells: Vec<Cell> = rows
            .into_par_iter()
            .flat_map_iter(|row| {
                columns.clone().map(move |column| {
                    let mut cell = Cell::default();
                    bins.giving(self.geobox, self.mapping, row, column, |bin, share| {
                        let sums = sums.get(bin).copied().unwrap_or_default();
                        cell.add(&bins.filled.bins[bin], &sums, share);
                    });
                    cell
                })
            })
            .collect();
        let blank = self.blank;
        let shown = |cell: &Cell| {
            cell.observations >= blank.min_count.max(1) && cell.scenes >= blank.min_granules
        };
        let values = |value: &dyn Fn(&Cell) -> f64| {
            let value = |cell: &Cell| if shown(cell) { value(cell) } else { f64::NAN };
            cells.iter().map(value).collect()
        };
        MappedBins {
            mean: values(&|cell| scheme.inverse(cell.mean())),
            std: values(&Cell::std),
            observations: cells.iter().map(|cell| cell.observations).collect(),
            scenes: cells.iter().map(|cell| cell.scenes).collect(),
        }
    }

    /// The rows of bins that may give to some rows of the map, where these run along parallels.
    pub fn rows_giving(&self, isin: &Isin, rows: Range<usize>) -> Range<usize> {
        if !self.geobox.crs.is_lonlat() {
            return 0..isin.rows() as usize;
        }
        // Edges of the first and the last row; a bin's row that an edge lies on is among them.
        let edges = [rows.start, rows.end].map(|row| self.geobox.y.at(row as f64));
        let row = |latitude: f64| (latitude + 90.0) / isin.height();
        let (low, high) = (row(edges[0].min(edges[1])), row(edges[0].max(edges[1])));
        let within = |row: f64| row.clamp(0.0, f64::from(isin.rows())) as usize;
        within(low.floor() - 1.0)..within(high.ceil() + 1.0)
    }
}

/// What a cell is given.
#[derive(Debug, Clone, Copy, Default)]
struct Cell {
    observations: u64,
    scenes: u64,
    /// Weights of whole bins.
    whole: f64,
    weights: f64,
    sum: f64,
    squares: f64,
}

impl Cell {
    fn add(&mut self, bin: &Bin, sums: &Sums, share: f64) {
        self.observations += bin.observations;
        self.scenes += bin.scenes;
        self.whole += bin.weights;
        self.weights += bin.weights * share;
        self.sum += sums.sum * share;
        self.squares += sums.squares * share;
    }

    fn mean(&self) -> f64 {
        self.sum / self.weights
    }

    fn std(&self) -> f64 {
        // Shares take nothing from what is known of a spread: of them, the root of n may fall below any weight.
        let squared = self.whole * self.whole;
        let scenes = self.scenes as f64;
        if squared <= scenes {
            return 0.0;
        }
        let mean = self.mean();
        let variance = (self.squares / self.weights - mean * mean) * squared / (squared - scenes);
        variance.max(0.0).sqrt()
    }
}

/// Filled bins, findable by place.
#[derive(Debug)]
pub struct BinsByPlace<'a> {
    bins: Bins,
    filled: &'a FilledBins,
    /// Position of the first filled bin of each row, and of their end.
    starts: Vec<usize>,
}

/// Position of the first filled bin of each row, and of their end.
fn row_starts(isin: &Isin, filled: &[Bin]) -> Vec<usize> {
    let bins = Bins::new(isin);
    let first = |row| filled.partition_point(|bin| bin.number < bins.first(row));
    (0..=bins.rows()).map(first).collect()
}

/// Overlaps of less than this share of a row or column are of rounding.
const NOTHING: f64 = 1e-6;

impl BinsByPlace<'_> {
    /// Calls `give(position, share)` for the filled bins that give to a cell.
    fn giving(
        &self,
        geobox: &GeoBox,
        mapping: Mapping,
        row: usize,
        column: usize,
        mut give: impl FnMut(usize, f64),
    ) {
        let (x, y) = (geobox.x.centre(column), geobox.y.centre(row));
        if mapping == Mapping::Nearest || !geobox.crs.is_lonlat() {
            let Some((lon, lat)) = geobox.crs.inverse(x, y) else {
                return;
            };
            if !(-90.0..=90.0).contains(&lat) || !lon.is_finite() {
                return;
            }
            let (row, column) = self.bins.holding(lon, lat);
            if let Some(position) = self.position(row, column) {
                give(position, 1.0);
            }
            return;
        }
        let rows = self.bins.rows() as f64;
        let (south, north) = (geobox.y.at(row as f64 + 1.0), geobox.y.at(row as f64));
        let (west, east) = (geobox.x.at(column as f64), geobox.x.at(column as f64 + 1.0));
        let in_rows = |latitude: f64| (latitude + 90.0) * rows / 180.0;
        for (row, high) in parts(in_rows(south), in_rows(north), 0..self.bins.rows() as i64) {
            let bins = i64::from(self.bins.of_row(row as usize));
            let in_bins = |longitude: f64| (longitude + 180.0) * bins as f64 / 360.0;
            for (column, wide) in parts(in_bins(west), in_bins(east), i64::MIN..i64::MAX) {
                let column = column.rem_euclid(bins.max(1)) as usize;
                if let Some(position) = self.position(row as usize, column) {
                    let share = match mapping {
                        Mapping::Area => high * wide,
                        _ => 1.0,
                    };
                    give(position, share);
                }
            }
        }
    }

    /// Position of a bin among those that are filled.
    fn position(&self, row: usize, column: usize) -> Option<usize> {
        let number = self.bins.number(row, column)?;
        let (start, end) = (*self.starts.get(row)?, *self.starts.get(row + 1)?);
        let filled = self.filled.bins.get(start..end)?;
        let found = filled.binary_search_by_key(&number, |bin| bin.number);
        Some(start + found.ok()?)
    }
}

/// The unit intervals that an interval overlaps, with how much of each it does.
fn parts(from: f64, to: f64, within: Range<i64>) -> impl Iterator<Item = (i64, f64)> {
    let first = (from.floor() as i64).max(within.start);
    let end = (to.ceil() as i64).min(within.end);
    (first..end).filter_map(move |place| {
        let start = place as f64;
        let share = to.min(start + 1.0) - from.max(start);
        (share > NOTHING).then_some((place, share))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crs::Crs;
    use crate::geobox::Axis;

    fn filled(numbers: &[(u64, f64)]) -> FilledBins {
        let bins = numbers.iter().map(|(number, _)| Bin {
            number: *number,
            observations: 4,
            scenes: 1,
            weights: 2.0,
        });
        let sums = numbers.iter().map(|(_, mean)| Sums {
            sum: 2.0 * mean,
            squares: 2.0 * mean * mean,
        });
        FilledBins {
            isin: Isin::new(180, None).unwrap(),
            bins: bins.collect(),
            sums: vec![sums.collect()],
        }
    }

    #[test]
    fn bins_of_two_times_are_added() {
        let mut all = filled(&[(1, 1.0), (5, 2.0), (9, 4.0)]);
        all.add(&filled(&[(3, 8.0), (5, 4.0)])).unwrap();
        let numbers: Vec<u64> = all.bins.iter().map(|bin| bin.number).collect();
        assert_eq!(numbers, [1, 3, 5, 9]);
        let (bin, sums) = (all.bins[2], all.sums[0][2]);
        assert_eq!((bin.observations, bin.scenes, bin.weights), (8, 2, 4.0));
        assert_eq!(sums.sum / bin.weights, 3.0);
        let other = FilledBins {
            isin: Isin::new(540, None).unwrap(),
            ..all.clone()
        };
        assert!(all.add(&other).is_err());
    }

    #[test]
    fn cells_take_from_bins() {
        // Row 90 begins at the equator; bins of a row there are a degree wide.
        let bins = Bins::new(&Isin::new(180, None).unwrap());
        assert_eq!(bins.of_row(90), 360);
        let number = |column| bins.number(90, column).unwrap();
        let data = filled(&[(number(180), 1.0), (number(181), 3.0)]);
        let axis = |first, step: f64, len| Axis::new(0.0, step, first, len);
        // Cells of two degrees from 0 E, the first around both bins.
        let geobox = GeoBox {
            crs: Crs::lonlat(),
            x: axis(0, 2.0, 2),
            y: axis(-1, -1.0, 1),
        };
        let map = |mapping| data.map(0, Scheme::Arithmetic, &geobox, mapping, &Blank::default());
        let nearest = map(Mapping::Nearest);
        assert_eq!(nearest.mean[0], 3.0);
        assert!(nearest.mean[1].is_nan() && nearest.observations[1] == 0);
        let overlapping = map(Mapping::Overlapping);
        assert_eq!((overlapping.mean[0], overlapping.observations[0]), (2.0, 8));
        let area = map(Mapping::Area);
        assert_eq!((area.mean[0], area.scenes[0]), (2.0, 2));
        // (S2/W - mean^2) W^2/(W^2 - n), of W 4, n 2.
        assert!((area.std[0] - (16.0f64 / 14.0).sqrt()).abs() < 1e-15);
        // A cell that is a small part of a bin has its spread, as by the bin at its middle.
        let part = GeoBox {
            crs: Crs::lonlat(),
            x: Axis::new(0.0, 0.1, 4, 1),
            y: Axis::new(0.0, -0.1, -4, 1),
        };
        let mut spread = data.clone();
        spread.sums[0][0].squares = 4.0;
        for mapping in [Mapping::Nearest, Mapping::Area] {
            let map = spread.map(0, Scheme::Arithmetic, &part, mapping, &Blank::default());
            assert_eq!(map.mean[0], 1.0);
            assert!(
                (map.std[0] - (4.0f64 / 3.0).sqrt()).abs() < 1e-12,
                "{mapping:?}"
            );
        }
        let blank = Blank {
            min_count: 9,
            ..Blank::default()
        };
        let blank = data.map(0, Scheme::Arithmetic, &geobox, Mapping::Area, &blank);
        assert!(blank.mean[0].is_nan() && blank.observations[0] == 8);
    }

    #[test]
    fn rows_that_give_are_all_that_do() {
        let isin = Isin::new(180, None).unwrap();
        let bins = Bins::new(&isin);
        for step in [-0.7, -2.0, 0.3, -1.0] {
            let len = (180.0 / f64::abs(step)) as usize;
            let geobox = GeoBox {
                crs: Crs::lonlat(),
                x: Axis::new(0.0, 1.0, 0, 1),
                y: Axis::new(if step < 0.0 { 90.0 } else { -90.0 }, step, 0, len),
            };
            let mapper = Mapper {
                geobox: &geobox,
                mapping: Mapping::Nearest,
                blank: &Blank::default(),
            };
            for start in (0..len).step_by(7) {
                let rows = start..(start + 7).min(len);
                let giving = mapper.rows_giving(&isin, rows.clone());
                for row in rows {
                    let (of, _) = bins.holding(0.5, geobox.y.centre(row));
                    assert!(
                        giving.contains(&of),
                        "{row} of {step}: {of} not in {giving:?}"
                    );
                }
                assert!(giving.len() < 7 * 2 + 5, "{giving:?}");
            }
        }
    }
}
