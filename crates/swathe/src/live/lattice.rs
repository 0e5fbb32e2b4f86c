//! Bins drawn on a rectangular map: of every square, the bin that its middle lies in.

use super::preview::middle;
use std::collections::BTreeSet;
use swathe_core::geobox::GeoBox;
use swathe_core::isin::{Bins, Isin};
use swathe_core::reduce::Tiling;

/// No bin: a number that no cell has.
const NOWHERE: u32 = u32::MAX;

/// Which bins are drawn.
#[derive(Debug)]
pub struct Lattice {
    /// Where bins are kept: the rectangle in which they are numbered.
    kept: Tiling,
    /// Of every tile of the map, the cells that its squares show, row by row.
    cells: Vec<Vec<u32>>,
    /// Tiles of the map that show bins of each tile that is kept.
    shown: Vec<BTreeSet<usize>>,
}

impl Lattice {
    /// Draws a grid of bins on a map that is cut so, a square of `stride` x `stride` cells at a time. Nothing
    /// where the grid has too many bins.
    pub fn new(isin: &Isin, geobox: &GeoBox, map: &Tiling, stride: usize) -> Option<Lattice> {
        let (rows, columns) = isin.shape();
        let kept = Tiling::new(rows, columns).ok()?;
        let bins = Bins::new(isin);
        let area = isin.region();
        let mut shown = vec![BTreeSet::new(); kept.tiles()];
        let cells = (0..map.tiles()).map(|tile| {
            let (rows, columns) = map.extent(tile);
            let middles = |span: &std::ops::Range<usize>| {
                let (start, len) = (span.start, span.len());
                (0..len.div_ceil(stride)).map(move |i| start + middle(i, stride, len))
            };
            let places =
                middles(&rows).flat_map(|row| middles(&columns).map(move |column| (row, column)));
            places
                .map(|(row, column)| {
                    let (x, y) = (geobox.x.centre(column), geobox.y.centre(row));
                    let place = geobox.crs.inverse(x, y);
                    let inside = place.filter(|(lon, lat)| area.contains(*lon, *lat));
                    let Some((lon, lat)) = inside else {
                        return NOWHERE;
                    };
                    let (row, column) = bins.holding(lon, lat);
                    let cell = bins.cell(row, column);
                    if let Some(shown) = shown.get_mut(kept.tile_of(cell)) {
                        shown.insert(tile);
                    }
                    cell
                })
                .collect()
        });
        let cells = cells.collect();
        Some(Lattice { kept, cells, shown })
    }

    /// Tiles of the map that show bins of these tiles.
    pub fn showing(&self, tiles: impl IntoIterator<Item = usize>) -> BTreeSet<usize> {
        let shown = tiles.into_iter().filter_map(|tile| self.shown.get(tile));
        shown.flatten().copied().collect()
    }

    /// The cells that a tile of the map shows.
    pub fn cells(&self, tile: usize) -> &[u32] {
        self.cells.get(tile).map_or(&[], Vec::as_slice)
    }

    /// Row and column in the rectangle of bins of what a tile of the map shows.
    pub fn kept_at(&self, tile: usize) -> impl Iterator<Item = Option<(usize, usize)>> {
        let across = self.kept.shape().1.max(1);
        let cells = self.cells(tile).iter().map(|cell| *cell as usize);
        cells.map(move |cell| (cell != NOWHERE as usize).then(|| (cell / across, cell % across)))
    }

    /// What a tile of the map shows of a tile that is kept: the place of each square in the one and of its cell in
    /// the other.
    pub fn places(&self, tile: usize, kept: usize) -> impl Iterator<Item = (usize, usize)> {
        let (rows, columns) = self.kept.extent(kept);
        self.kept_at(tile)
            .enumerate()
            .filter_map(move |(square, cell)| {
                let (row, column) = cell?;
                let inside = rows.contains(&row) && columns.contains(&column);
                inside.then(|| {
                    let within = (row - rows.start) * columns.len() + column - columns.start;
                    (square, within)
                })
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use swathe_core::build_geobox::Resolution;
    use swathe_core::crs::Crs;
    use swathe_core::region::Region;

    #[test]
    fn squares_show_the_bin_of_their_middle_and_nothing_outside_the_area() {
        let area = Region::of_box((-100.0, -40.0, 60.0, 80.0)).unwrap();
        let isin = Isin::new(540, Some(area)).unwrap();
        let bounds = (-180.0, -90.0, 180.0, 90.0);
        let degrees = Resolution::Units(0.25);
        let geobox = GeoBox::from_bbox(Crs::lonlat(), bounds, degrees).unwrap();
        let (rows, columns) = geobox.shape();
        let map = Tiling::new(rows, columns).unwrap();
        let (bins, stride) = (Bins::new(&isin), 4);
        let lattice = Lattice::new(&isin, &geobox, &map, stride).unwrap();
        let kept = Tiling::new(540, 1080).unwrap();
        let mut inside = 0;
        for tile in 0..map.tiles() {
            let (rows, columns) = map.extent(tile);
            let across = columns.len().div_ceil(stride);
            for (i, cell) in lattice.cells(tile).iter().enumerate() {
                let middle =
                    |start: usize, len: usize, at: usize| start + (at * 4 + 2).min(len - 1);
                let row = middle(rows.start, rows.len(), i / across);
                let column = middle(columns.start, columns.len(), i % across);
                let (lon, lat) = (
                    -180.0 + 0.25 * (column as f64 + 0.5),
                    90.0 - 0.25 * (row as f64 + 0.5),
                );
                if !(-100.0..=60.0).contains(&lon) || !(-40.0..=80.0).contains(&lat) {
                    assert_eq!(*cell, NOWHERE);
                    continue;
                }
                // By its definition: rows of 1/3 degree from the south, cut from 180 W.
                let bin_row = ((lat + 90.0) * 3.0) as usize;
                let number = bins.of_row(bin_row);
                let bin = ((lon + 180.0) / 360.0 * f64::from(number)) as usize;
                assert_eq!(*cell as usize, bin_row * 1080 + bin, "{lon} {lat}");
                let of = kept.tile_of(*cell);
                assert!(lattice.showing([of]).contains(&tile));
                let (krows, kcolumns) = kept.extent(of);
                let within = (bin_row - krows.start) * kcolumns.len() + bin - kcolumns.start;
                assert!(lattice.places(tile, of).any(|place| place == (i, within)));
                inside += 1;
            }
        }
        assert!(inside > 10_000, "{inside}");
    }
}
