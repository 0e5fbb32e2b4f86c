//! Lines on a grid, in cells of it: coasts and outlines for maps that others draw.

use super::coastline::{Coastline, Detail};
use super::frame::Frame;
use swathe_core::geobox::GeoBox;

/// Points as (column, row) from the grid's upper left corner, in cells and parts of cells.
pub type SketchLine = Vec<(f32, f32)>;

/// Draws lines of the Earth on a grid.
pub struct Sketch(Frame);

impl Sketch {
    /// On this grid.
    pub fn new(geobox: &GeoBox) -> Self {
        let (rows, columns) = geobox.shape();
        Sketch(Frame::new(geobox, columns, rows))
    }

    /// What is on the grid of a line of (longitude, latitude), whose longitudes run on across 180. Pieces
    /// reach at most one point beyond its edges.
    pub fn trace(&self, line: &[(f64, f64)]) -> Vec<SketchLine> {
        self.0.trace(line)
    }

    /// Coasts in the most detail that has no more than so many points on the grid; the least there is, if
    /// all have more.
    pub fn coast(&self, most: usize) -> Vec<SketchLine> {
        let mut coast = Vec::new();
        for detail in [Detail::Coarse, Detail::Medium, Detail::Fine] {
            let lines = Coastline::of(detail).lines();
            let pieces: Vec<SketchLine> = lines.iter().flat_map(|line| self.trace(line)).collect();
            let points: usize = pieces.iter().map(Vec::len).sum();
            if points > most && !coast.is_empty() {
                break;
            }
            coast = pieces;
            // The next has several times as many: it need not be looked at to know that.
            if points * 4 > most {
                break;
            }
        }
        coast
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use swathe_core::build_geobox::Resolution;
    use swathe_core::crs::Crs;

    #[test]
    fn lines_are_in_cells() {
        let geobox = GeoBox::from_bbox(
            Crs::lonlat(),
            (170.0, -10.0, -170.0, 10.0),
            Resolution::Units(0.5),
        )
        .unwrap();
        let sketch = Sketch::new(&geobox);
        let line = sketch.trace(&[(175.0, 5.0), (185.0, -5.0)]);
        assert_eq!(line, [vec![(10.0, 10.0), (30.0, 30.0)]]);
    }

    #[test]
    fn the_detail_of_the_coast_follows_from_the_points_that_are_allowed() {
        let bay = (-77.0, 36.0, -73.0, 41.0);
        let geobox = GeoBox::from_bbox(Crs::lonlat(), bay, Resolution::Units(0.015)).unwrap();
        let points = |lines: &[SketchLine]| lines.iter().map(Vec::len).sum::<usize>();
        let sketch = Sketch::new(&geobox);
        let (few, many) = (sketch.coast(50), sketch.coast(20_000));
        assert!(points(&few) > 0 && points(&few) < points(&many));
        assert!(points(&many) <= 20_000);
        let (rows, columns) = geobox.shape();
        let inside = |(x, y): &(f32, f32)| {
            (0.0..=columns as f32).contains(x) && (0.0..=rows as f32).contains(y)
        };
        assert!(many.iter().flatten().filter(|p| inside(p)).count() > points(&many) / 2);
    }
}
