//! The integerized sinusoidal grid of NASA's Level-3 binned products
//! (Campbell, Blaisdell and Darzi, 1995, SeaWiFS Technical Report 32).
//!
//! Rows of equal height run from the south pole to the north pole; each is cut, from 180 W eastward,
//! into as many bins as keep their area nearly equal: `nint(2 rows cos(latitude))`. Bins are numbered
//! from 1, row by row.
//!
//! Cells of a target are numbered in a rectangle: cell = row * 2 rows + column, row 0 in the south. A
//! row has bins in its first columns alone. So tiles hold bins that lie near each other, and bins in
//! order of cells are in order of their numbers.

use crate::region::Region;
use crate::sphere::sin_cos_deg;
use std::ops::Range;

/// An integerized sinusoidal grid, or what of it lies in an area.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Isin {
    rows: u32,
    area: Option<Region>,
}

/// No such grid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no integerized sinusoidal grid of {0} rows: it has 2 to 46340, an even number")]
pub struct InvalidIsin(pub u32);

/// Rows that NASA's products have, with the names of their resolutions.
pub const RESOLUTIONS: [(&str, u32); 9] = [
    ("1D", 180),
    ("36", 540),
    ("18", 1080),
    ("9", 2160),
    ("4", 4320),
    ("2", 8640),
    ("1", 17280),
    ("H", 34560),
    ("Q", 69120),
];

impl Isin {
    /// A grid of so many rows, from pole to pole; of it, only pixels whose centres lie in `area` (its border
    /// is in) give to bins.
    ///
    /// # Errors
    /// An odd number of rows, none, or so many that cells cannot be numbered by `u32`.
    pub fn new(rows: u32, area: Option<Region>) -> Result<Self, InvalidIsin> {
        if !(2..=46340).contains(&rows) || !rows.is_multiple_of(2) {
            return Err(InvalidIsin(rows));
        }
        Ok(Isin { rows, area })
    }

    /// Number of rows.
    pub fn rows(&self) -> u32 {
        self.rows
    }

    /// The area that pixels must lie in.
    pub fn area(&self) -> Option<&Region> {
        self.area.as_ref()
    }

    /// Rows and columns of the rectangle in which cells are numbered.
    pub fn shape(&self) -> (usize, usize) {
        (self.rows as usize, 2 * self.rows as usize)
    }

    /// Where pixels may lie.
    pub fn region(&self) -> Region {
        self.area.unwrap_or(Region::EARTH)
    }

    /// Height of a row in degrees.
    pub fn height(&self) -> f64 {
        180.0 / f64::from(self.rows)
    }

    /// Latitude of the middle of a row, degrees.
    pub fn latitude(&self, row: u32) -> f64 {
        (f64::from(row) + 0.5) * self.height() - 90.0
    }

    /// Bins of a row.
    pub fn bins_of(&self, row: u32) -> u32 {
        let (_, cosine) = sin_cos_deg(self.latitude(row));
        (cosine * (2.0 * f64::from(self.rows)) + 0.5) as u32
    }

    /// The rows that a range of rows of the rectangle and the longitudes that a range of its columns cover:
    /// nothing where no row has such a column.
    pub fn covered(&self, rows: Range<usize>, columns: Range<usize>) -> Region {
        let (mut west, mut east) = (f64::INFINITY, f64::NEG_INFINITY);
        for row in rows.clone() {
            let bins = self.bins_of(row as u32) as usize;
            if columns.start < bins {
                let width = 360.0 / bins as f64;
                west = west.min(columns.start as f64 * width - 180.0);
                east = east.max(columns.end.min(bins) as f64 * width - 180.0);
            }
        }
        if west > east {
            return Region::NOTHING;
        }
        Region {
            west,
            width: east - west,
            south: rows.start as f64 * self.height() - 90.0,
            north: rows.end as f64 * self.height() - 90.0,
        }
    }
}

/// The bins of a grid, by row: worked out once.
#[derive(Debug, Clone)]
pub struct Bins {
    /// Bins of each row, and bins of the rows before it.
    rows: Vec<(u32, u64)>,
    width: usize,
}

impl Bins {
    /// Those of a grid.
    pub fn new(isin: &Isin) -> Self {
        let mut before = 0;
        let rows = (0..isin.rows).map(|row| {
            let bins = isin.bins_of(row);
            before += u64::from(bins);
            (bins, before - u64::from(bins))
        });
        Bins {
            rows: rows.collect(),
            width: 2 * isin.rows as usize,
        }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows.len()
    }

    /// Number of bins in all.
    pub fn count(&self) -> u64 {
        let last = self.rows.last();
        last.map_or(0, |(bins, before)| before + u64::from(*bins))
    }

    /// Bins of a row; none of a row that is not there.
    pub fn of_row(&self, row: usize) -> u32 {
        self.rows.get(row).map_or(0, |(bins, _)| *bins)
    }

    /// Number of the first bin of a row.
    pub fn first(&self, row: usize) -> u64 {
        self.rows
            .get(row)
            .map_or(self.count() + 1, |(_, before)| before + 1)
    }

    /// Number of a bin; `None` for a column that its row does not have.
    pub fn number(&self, row: usize, column: usize) -> Option<u64> {
        let (bins, before) = self.rows.get(row)?;
        (column < *bins as usize).then(|| before + column as u64 + 1)
    }

    /// Row and column of the bin with a number.
    pub fn place(&self, number: u64) -> Option<(usize, usize)> {
        let rows = self.rows.partition_point(|(_, before)| *before < number);
        let row = rows.checked_sub(1)?;
        let (bins, before) = self.rows.get(row)?;
        let column = number - before - 1;
        (column < u64::from(*bins)).then_some((row, column as usize))
    }

    /// Row and column of the bin that holds a point, degrees; the latitude is -90 to 90, the longitude any.
    /// 180 E belongs to the last bin of its row, 180 W to the first.
    #[inline]
    pub fn holding(&self, lon: f64, lat: f64) -> (usize, usize) {
        let rows = self.rows.len();
        let row = ((90.0 + lat) * rows as f64 / 180.0) as usize;
        let row = row.min(rows.saturating_sub(1));
        let lon = if lon > 180.0 || lon <= -180.0 {
            let turned = lon % 360.0;
            match turned {
                _ if turned > 180.0 => turned - 360.0,
                _ if turned < -180.0 => turned + 360.0,
                _ => turned,
            }
        } else {
            lon
        };
        let (bins, _) = self.rows[row];
        let column = (f64::from(bins) * (lon + 180.0) / 360.0) as usize;
        (row, column.min(bins as usize - 1))
    }

    /// The cell of the rectangle.
    #[inline]
    pub fn cell(&self, row: usize, column: usize) -> u32 {
        (row * self.width + column) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_bins_as_the_products_have() {
        // Numbers of bins in NASA's documentation of Level-3 binned products.
        for (rows, count) in [
            (180, 41_252),
            (540, 371_272),
            (1080, 1_485_108),
            (2160, 5_940_422),
            (4320, 23_761_676),
            (8640, 95_046_858),
        ] {
            let isin = Isin::new(rows, None).unwrap();
            assert_eq!(Bins::new(&isin).count(), count, "{rows}");
        }
    }

    #[test]
    fn numbers_and_places() {
        let isin = Isin::new(180, None).unwrap();
        let bins = Bins::new(&isin);
        assert_eq!(bins.of_row(0), 3);
        for number in [1, 3, 4, 20_000, 41_252] {
            let (row, column) = bins.place(number).unwrap();
            assert_eq!(bins.number(row, column), Some(number));
        }
        assert_eq!((bins.place(0), bins.place(41_253)), (None, None));
        assert_eq!(bins.number(0, 3), None);
        assert_eq!((bins.first(1), bins.first(180)), (4, 41_253));
    }

    #[test]
    fn edges_belong_where_they_do_in_nasas_bins() {
        let isin = Isin::new(4320, None).unwrap();
        let bins = Bins::new(&isin);
        let last = bins.of_row(2160) as usize - 1;
        assert_eq!(bins.holding(180.0, 0.0), (2160, last));
        assert_eq!(bins.holding(-180.0, 0.0), (2160, 0));
        assert_eq!(bins.holding(360.0, 0.0), bins.holding(0.0, 0.0));
        assert_eq!(bins.holding(-200.0, 10.0), bins.holding(160.0, 10.0));
        assert_eq!(bins.holding(181.0, 10.0), bins.holding(-179.0, 10.0));
        assert_eq!(bins.holding(0.0, 90.0).0, 4319);
        assert_eq!(bins.holding(0.0, -90.0).0, 0);
    }

    #[test]
    fn a_tile_covers_its_bins() {
        let isin = Isin::new(540, None).unwrap();
        let bins = Bins::new(&isin);
        let region = isin.covered(256..512, 256..512);
        for (row, column) in [(256, 256), (300, 511), (511, 280)] {
            let width = 360.0 / f64::from(bins.of_row(row));
            let lon = (column as f64 + 0.5) * width - 180.0;
            if bins.number(row, column).is_some() {
                assert!(
                    region.contains(lon, isin.latitude(row as u32)),
                    "{row} {column}"
                );
            }
        }
        assert_eq!(isin.covered(0..100, 1024..1080), Region::NOTHING);
    }

    #[test]
    fn grids_that_are_none() {
        for rows in [0, 1, 181, 69_120] {
            assert_eq!(Isin::new(rows, None), Err(InvalidIsin(rows)));
        }
    }
}
