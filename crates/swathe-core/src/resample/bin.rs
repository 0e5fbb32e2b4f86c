//! `bin`: every valid pixel whose centre is in the cell.

use super::{Contribution, GeometryReport, Given, Gives, Giving, Selected, WEIGHT_ONE};
use crate::geobox::{Axis, GeoBox};
use crate::swath::{TOGETHER, located};
use std::ops::Range;

/// What works out some lines.
pub(super) fn locate<'a>(
    swath: &'a Selected<'_>,
    geobox: &'a GeoBox,
) -> impl Fn(Range<usize>, &mut Giving<'_>, &mut Vec<Contribution>) -> GeometryReport + Sync + 'a {
    let locator = CellLocator::new(geobox);
    move |lines, giving, contributions| {
        let mut report = GeometryReport::default();
        let mut given = Given::new(giving, lines.clone(), swath.geolocation.pixels);
        for line in lines {
            pulp::Arch::new().dispatch(Line {
                swath,
                locator: &locator,
                line,
                given: &mut given,
                report: &mut report,
                contributions,
            });
        }
        report
    }
}

/// A line's pixels are put into cells: compiled twice, for any processor and for those with the vector
/// instructions of 2013.
struct Line<'a, 'g, 'h, 'i> {
    swath: &'a Selected<'g>,
    locator: &'a CellLocator<'a>,
    line: usize,
    given: &'a mut Given<'h, 'i>,
    report: &'a mut GeometryReport,
    contributions: &'a mut Vec<Contribution>,
}

impl pulp::NullaryFnOnce for Line<'_, '_, '_, '_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let columns = self.swath.columns(self.line);
        self.report.selected += columns.len() as u64;
        for start in columns.clone().step_by(TOGETHER) {
            let some = start..(start + TOGETHER).min(columns.end);
            let count = some.len();
            let first = self.swath.pixel(self.line, start);
            let [lon, lat] = self.swath.places(self.line, some.clone());
            // What has no place is NaN, and in no cell.
            let [mut x, mut y] = [[f64::NAN; TOGETHER]; 2];
            for k in 0..TOGETHER {
                let there = located(lon[k], lat[k]);
                x[k] = if there { lon[k] } else { f64::NAN };
                y[k] = if there { lat[k] } else { f64::NAN };
            }
            let missing = x[..count].iter().filter(|x| x.is_nan()).count();
            self.report.missing += missing as u64;
            let mut gives = [true; TOGETHER];
            if let Some(given) = self.given.of(self.line, some.clone()) {
                for (gives, given) in gives.iter_mut().zip(given) {
                    *gives = *given != Gives::Nothing;
                }
                // Most of the ocean is under clouds.
                if gives[..count].iter().all(|gives| !gives) {
                    continue;
                }
            }
            if !self.locator.geobox.crs.is_lonlat() {
                for k in 0..count {
                    if x[k].is_nan() || !gives[k] {
                        continue;
                    }
                    let place = self.locator.geobox.crs.forward(x[k], y[k]);
                    self.report.untransformed += u64::from(place.is_none());
                    (x[k], y[k]) = place.unwrap_or((f64::NAN, f64::NAN));
                }
            }
            let places = self.locator.places(&x, &y);
            for k in 0..count {
                if !gives[k] {
                    continue;
                }
                if let Some(cell) = self.locator.cell(places[0][k], places[1][k], y[k]) {
                    self.contributions.push(Contribution {
                        cell,
                        pixel: first + k as u32,
                        weight: WEIGHT_ONE,
                    });
                    self.given.ask();
                }
            }
        }
    }
}

/// The cell that holds a point: `col = floor((x - x0)/dx)`, `row = ceil((y0 - y)/dy) - 1`.
struct CellLocator<'a> {
    geobox: &'a GeoBox,
    x0: f64,
    y0: f64,
    /// Columns of a full turn, on a longitude/latitude grid.
    turn: Option<f64>,
}

impl<'a> CellLocator<'a> {
    fn new(geobox: &'a GeoBox) -> Self {
        let turn = 360.0 / geobox.x.step();
        CellLocator {
            geobox,
            x0: geobox.x.at(0.0),
            y0: geobox.y.at(0.0),
            turn: geobox.crs.is_lonlat().then_some(turn),
        }
    }

    /// Positions in columns and rows, as [`Axis::position`] has them.
    #[inline(always)]
    fn places(&self, x: &[f64; TOGETHER], y: &[f64; TOGETHER]) -> [[f64; TOGETHER]; 2] {
        let position = |at: &[f64; TOGETHER], origin: f64, axis: &Axis| {
            at.map(|at| (at - origin) * axis.denominator / axis.numerator)
        };
        [
            position(x, self.x0, &self.geobox.x),
            position(y, self.y0, &self.geobox.y),
        ]
    }

    /// The cell of a position, none of one that is not a number; `y` is the coordinate that led to it.
    #[inline(always)]
    fn cell(&self, mut column: f64, row: f64, y: f64) -> Option<u32> {
        let (rows, columns) = self.geobox.shape();
        if let Some(turn) = self.turn {
            // Any representation of the longitude; +180 of a grid from -180 wraps to column 0.
            while column < 0.0 {
                column += turn;
            }
            while column >= turn {
                column -= turn;
            }
        }
        // An upper edge belongs to the row above it.
        let whole = row as u64;
        let row = if row > 0.0 && whole as f64 == row {
            whole - 1
        } else if row > 0.0 {
            whole
        } else if row == 0.0 && self.turn.is_some() && y == 90.0 {
            // The north pole is on the outer edge of a grid that reaches it, and belongs to its first row.
            0
        } else {
            return None;
        };
        (column >= 0.0 && column < columns as f64 && row < rows as u64)
            .then(|| (row as usize * columns + column as usize) as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crs::Crs;

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
            let [columns, rows] = cells.places(&[lon; TOGETHER], &[lat; TOGETHER]);
            cells
                .cell(columns[0], rows[0], lat)
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
