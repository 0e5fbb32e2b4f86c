//! `bin`: every valid pixel whose centre is in the cell.

use super::{Contribution, GeometryReport, Selected, WEIGHT_ONE};
use crate::geobox::GeoBox;
use std::ops::Range;

/// What works out some lines.
pub(super) fn locate<'a>(
    swath: &'a Selected<'_>,
    geobox: &'a GeoBox,
) -> impl Fn(Range<usize>, &mut Vec<Contribution>) -> GeometryReport + Sync + 'a {
    let locator = CellLocator::new(geobox);
    move |lines, contributions| {
        let mut report = GeometryReport::default();
        for line in lines {
            for column in swath.columns(line) {
                let i = (line - swath.geolocation.lines.start) * swath.geolocation.pixels + column;
                let (lon, lat) = (
                    swath.geolocation.longitude.get(i),
                    swath.geolocation.latitude.get(i),
                );
                report.selected += 1;
                if !crate::swath::located(lon, lat) {
                    report.missing += 1;
                    continue;
                }
                let Some((x, y)) = geobox.crs.forward(lon, lat) else {
                    report.untransformed += 1;
                    continue;
                };
                if let Some(cell) = locator.cell(x, y) {
                    contributions.push(Contribution {
                        cell,
                        pixel: swath.pixel(line, column),
                        weight: WEIGHT_ONE,
                    });
                }
            }
        }
        report
    }
}

/// The cell that holds a point: `col = floor((x - x0)/dx)`, `row = ceil((y0 - y)/dy) - 1`.
struct CellLocator<'a> {
    geobox: &'a GeoBox,
    x0: f64,
    y0: f64,
    wraps: bool,
}

impl<'a> CellLocator<'a> {
    fn new(geobox: &'a GeoBox) -> Self {
        CellLocator {
            geobox,
            x0: geobox.x.at(0.0),
            y0: geobox.y.at(0.0),
            wraps: geobox.crs.is_lonlat(),
        }
    }

    #[inline]
    fn cell(&self, x: f64, y: f64) -> Option<u32> {
        let mut column = self.geobox.x.position(x);
        if self.wraps {
            let turn = 360.0 / self.geobox.x.step();
            // Any representation of the longitude; +180 of a grid from -180 wraps to column 0.
            while column < 0.0 {
                column += turn;
            }
            while column >= turn {
                column -= turn;
            }
        }
        let mut row =
            ((y - self.y0) * self.geobox.y.denominator / self.geobox.y.numerator).ceil() - 1.0;
        // The north pole is on the outer edge of a grid that reaches it, and belongs to its first row.
        if self.wraps && row == -1.0 && y == 90.0 && self.y0 == 90.0 {
            row = 0.0;
        }
        let column = column.floor();
        (self.x0.is_finite()
            && column >= 0.0
            && row >= 0.0
            && column < self.geobox.x.len as f64
            && row < self.geobox.y.len as f64)
            .then(|| (row as usize * self.geobox.x.len + column as usize) as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crs::Crs;
    use crate::geobox::Axis;

    fn global(denominator: f64, columns: usize, rows: usize) -> GeoBox {
        GeoBox {
            crs: Crs::lonlat(),
            x: Axis {
                origin: 0.0,
                numerator: 1.0,
                denominator,
                first: -(columns as i64) / 2,
                len: columns,
            },
            y: Axis {
                origin: 0.0,
                numerator: -1.0,
                denominator,
                first: -(rows as i64) / 2,
                len: rows,
            },
        }
    }

    #[test]
    fn borders_belong_to_one_cell_each() {
        let geobox = global(24.0, 8640, 4320);
        let cells = CellLocator::new(&geobox);
        let at = |lon, lat| {
            cells
                .cell(lon, lat)
                .map(|c| (c as usize / 8640, c as usize % 8640))
        };
        assert_eq!(at(180.0, 0.0), at(-180.0, 0.0));
        assert_eq!(at(-180.0, -90.0), Some((4319, 0)));
        assert_eq!(at(0.0, 90.0), Some((0, 4320)));
        // A point on the edge between two rows belongs to the upper one.
        assert_eq!(at(0.0, 0.0), Some((2159, 4320)));
        assert_eq!(at(359.99, 10.0), at(-0.01, 10.0));
    }
}
