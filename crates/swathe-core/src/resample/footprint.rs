//! `footprint`: every pixel whose footprint overlaps the cell, weighted by the overlapped share of
//! the cell; both are polygons in the target's plane.

use super::polygon::overlap;
use super::{Contribution, GeometryReport, Given, Gives, Giving, Selected, WEIGHT_ONE};
use crate::geobox::GeoBox;
use crate::isin::{Bins, Isin};
use crate::sphere::{Vec3, add, chord2, lonlat, normalize};
use crate::swath::{Block, Quad, located};
use std::ops::Range;

/// Edges are split until they bend by less than this share of a cell.
const BEND: f64 = 0.01;

/// In radians, rounded up.
const ONE_DEGREE: f64 = 0.0175;

/// Halvings of an edge at most: 1024 pieces.
const DEEPEST: u32 = 10;

/// What a pixel does in the lines that are worked out together.
#[derive(Clone, Copy)]
enum Part {
    /// Nothing: it lies where none gives, or has nothing to give.
    None,
    /// Flags take what it has to give: the cell of its centre stands for all that it overlaps.
    Mark(u32),
    /// It gives to all that its footprint overlaps.
    Whole,
}

/// What works out some lines. The shape of the swath is worked out around the pixels that give: in a granule
/// of the ocean's colour they are few, and all the rest of the work is in them.
pub(super) fn locate<'a>(
    swath: &'a Selected<'_>,
    geobox: &'a GeoBox,
    cells: Cells<'a>,
) -> impl Fn(Range<usize>, &mut Giving<'_>, &mut Vec<Contribution>) -> GeometryReport + Sync + 'a {
    let plane = Plane::new(geobox);
    move |lines, giving, contributions| {
        let mut report = GeometryReport::default();
        let span = swath.span(lines.clone());
        let parts = parts(swath, &plane, cells, &lines, giving, &mut report);
        let width = span.len();
        let part =
            |line: usize, column: usize| parts[(line - lines.start) * width + column - span.start];
        let whole = |line: usize, column: usize| matches!(part(line, column), Part::Whole);
        let block = swath.block_around(lines.clone(), whole);
        let places = Places::new(&plane, &block);
        let (mut outline, mut scratch) = (Vec::new(), Vec::new());
        for line in lines.clone() {
            for column in swath.columns(line) {
                let pixel = swath.pixel(line, column);
                match part(line, column) {
                    Part::None => continue,
                    Part::Mark(cell) => {
                        contributions.push(Contribution {
                            cell,
                            pixel,
                            weight: 0,
                        });
                        continue;
                    }
                    Part::Whole => {}
                }
                let Some(centre) = block.centre(line, column) else {
                    continue;
                };
                let Some(quad) = block.footprint_corners(line, column).and_then(Quad::new) else {
                    report.folded += 1;
                    continue;
                };
                let (lon, lat) = swath.coordinates(line, column);
                let position = plane.position(lon, lat);
                let corners = places.around(&quad, line, column);
                let placed = position.zip(corners).is_some_and(|(at, corners)| {
                    plane.outline(&quad, centre, at, corners, &mut outline)
                });
                if !placed {
                    report.untransformed += 1;
                    continue;
                }
                plane.copies(&mut outline, |polygon| {
                    cells.overlap(polygon, &mut scratch, |cell, share| {
                        // Rounded once: sums of weights are exact from here on.
                        let weight = (share * WEIGHT_ONE as f64 + 0.5) as u64;
                        if weight > 0 {
                            contributions.push(Contribution {
                                cell,
                                pixel,
                                weight,
                            });
                        }
                    });
                });
            }
        }
        report
    }
}

/// The part of each pixel of the columns that `lines` span together.
fn parts(
    swath: &Selected<'_>,
    plane: &Plane<'_>,
    cells: Cells<'_>,
    lines: &Range<usize>,
    giving: &mut Giving<'_>,
    report: &mut GeometryReport,
) -> Vec<Part> {
    let span = swath.span(lines.clone());
    let mut parts = vec![Part::None; lines.len() * span.len()];
    let mut given = Given::new(giving, lines.clone(), swath.geolocation.pixels);
    for (parts, line) in parts.chunks_mut(span.len().max(1)).zip(lines.clone()) {
        for column in swath.columns(line) {
            report.selected += 1;
            let (lon, lat) = swath.coordinates(line, column);
            if !located(lon, lat) {
                report.missing += 1;
                continue;
            }
            if !cells.take(lon, lat)
                || given.of(line, column..column + 1) == Some(&[Gives::Nothing])
            {
                continue;
            }
            let position = plane.position(lon, lat);
            let holding = position.and_then(|at| cells.holding(plane, at, lon, lat));
            parts[column - span.start] = match holding {
                Some(cell) => {
                    // The first, whatever it has to give, shows that the swath reaches a cell.
                    given.ask();
                    match given.of(line, column..column + 1) {
                        Some([Gives::Nothing | Gives::Flagged]) => Part::Mark(cell),
                        _ => Part::Whole,
                    }
                }
                None => Part::Whole,
            };
        }
    }
    parts
}

/// The cells that footprints overlap, in the plane of a rectangular grid.
#[derive(Clone, Copy)]
pub(super) enum Cells<'a> {
    /// Those of the grid: rows and columns.
    Grid(usize, usize),
    /// Bins: those of a row are as high as a row of the rectangle in which they are numbered, seen as a grid
    /// around the Earth, and as wide as there are fewer of them. Row 0 is in the south.
    Bins(&'a Isin, &'a Bins),
}

impl Cells<'_> {
    /// Whether a pixel with its centre there gives.
    fn take(&self, lon: f64, lat: f64) -> bool {
        match self {
            Cells::Grid(..) => true,
            Cells::Bins(isin, _) => isin.area().is_none_or(|area| area.contains(lon, lat)),
        }
    }

    /// The cell of a place in the plane, which is that of a longitude and latitude; `None` beyond the grid.
    fn holding(&self, plane: &Plane<'_>, at: (f64, f64), lon: f64, lat: f64) -> Option<u32> {
        match self {
            Cells::Grid(..) => plane.cell(at),
            Cells::Bins(_, bins) => {
                let (row, column) = bins.holding(lon, lat);
                Some(bins.cell(row, column))
            }
        }
    }

    /// Calls `visit(cell, share)` for the cells that a polygon overlaps.
    fn overlap(
        &self,
        polygon: &[(f64, f64)],
        scratch: &mut Vec<f64>,
        mut visit: impl FnMut(u32, f64),
    ) {
        let bins = match self {
            Cells::Grid(rows, columns) => {
                return overlap(polygon, *rows, *columns, scratch, |row, column, share| {
                    visit((row * columns + column) as u32, share);
                });
            }
            Cells::Bins(_, bins) => bins,
        };
        let fold = |start, of: fn(f64, f64) -> f64| {
            let ys = polygon.iter().map(|point| point.1);
            ys.fold(start, of)
        };
        let rows = bins.rows();
        let top = fold(f64::INFINITY, f64::min).floor().max(0.0) as usize;
        let bottom = (fold(f64::NEG_INFINITY, f64::max).ceil().max(0.0) as usize).min(rows);
        let mut scaled = Vec::with_capacity(polygon.len());
        for below_top in top..bottom {
            let row = rows - 1 - below_top;
            let count = bins.of_row(row) as usize;
            let wide = count as f64 / (2 * rows) as f64;
            let place = |(x, y): &(f64, f64)| (x * wide, y - below_top as f64);
            scaled.clear();
            scaled.extend(polygon.iter().map(place));
            overlap(&scaled, 1, count, scratch, |_, column, share| {
                visit(bins.cell(row, column), share);
            });
        }
    }
}

/// The places of a block's common corners, each worked out once for the footprints around it.
struct Places<'a> {
    plane: &'a Plane<'a>,
    block: &'a Block,
    common: Vec<Option<(f64, f64)>>,
}

impl<'a> Places<'a> {
    fn new(plane: &'a Plane<'a>, block: &'a Block) -> Self {
        let (lines, columns) = (block.lines(), block.columns());
        let mut common = Vec::with_capacity((lines.len() + 1) * (columns.len() + 1));
        for line in lines.start..=lines.end {
            for column in columns.start..=columns.end {
                let corner = block.common_corner(line, column);
                let located = !corner[0].is_nan();
                common.push(located.then(|| plane.position_of(corner)).flatten());
            }
        }
        Places {
            plane,
            block,
            common,
        }
    }

    /// Positions of the corners of a pixel's footprint, in any turn; `None` where the projection has none.
    fn around(&self, quad: &Quad, line: usize, column: usize) -> Option<[(f64, f64); 4]> {
        let width = self.block.columns().len() + 1;
        let above = (line - self.block.lines().start) * width + column - self.block.columns().start;
        let own = [above, above + 1, above + width + 1, above + width];
        let mut corners = [(0.0, 0.0); 4];
        for k in 0..4 {
            corners[k] = match self.common[own[k]] {
                Some(place) => place,
                // Cut off from its neighbours, or without a place.
                None => self.plane.position_of(quad.corners[k])?,
            };
        }
        Some(corners)
    }
}

/// The target's plane, measured in cells from its upper left corner.
struct Plane<'a> {
    geobox: &'a GeoBox,
    /// Columns in a full turn, on a longitude/latitude grid.
    turn: Option<f64>,
    /// Its middle column.
    middle: f64,
    /// What an edge's squared chord times its sine of latitude, over the squared cosine, must stay below to bend
    /// less than allowed; zero where only trying tells.
    straight2: f64,
}

impl<'a> Plane<'a> {
    fn new(geobox: &'a GeoBox) -> Self {
        let lonlat = geobox.crs.is_lonlat();
        let cell = geobox
            .x
            .step()
            .abs()
            .min(geobox.y.step().abs())
            .to_radians();
        Plane {
            geobox,
            turn: lonlat.then(|| 360.0 / geobox.x.step()),
            middle: geobox.x.len as f64 * 0.5,
            // A great circle of length L departs from a straight line in longitude and latitude by
            // no more than L^2/8 * 2 tan(lat) / cos(lat).
            straight2: if lonlat { BEND * cell * 4.0 } else { 0.0 },
        }
    }

    /// The footprint around a centre `at` as a polygon in cells; false where the projection tears it.
    fn outline(
        &self,
        quad: &Quad,
        centre: Vec3,
        at: (f64, f64),
        corners: [(f64, f64); 4],
        out: &mut Vec<(f64, f64)>,
    ) -> bool {
        out.clear();
        let origin = self.turned(at, self.middle);
        let mut start = self.turned(corners[0], origin.0);
        for k in 0..4 {
            let next = (k + 1) % 4;
            let (from, to) = (quad.corners[k], quad.corners[next]);
            let end = self.turned(corners[next], start.0);
            out.push(start);
            if !self.split(from, to, start, end, DEEPEST, out) {
                return false;
            }
            start = end;
        }
        let last = start;
        if let Some(turn) = self.turn {
            let first = out[0];
            // Once around the pole: close the outline along the pole's edge of the plane.
            if (last.0 - first.0).abs() > 0.5 * turn {
                let pole = if centre[2] > 0.0 { 90.0 } else { -90.0 };
                let row = self.geobox.y.position(pole);
                out.push(last);
                out.push((last.0, row));
                out.push((first.0, row));
            }
            return true;
        }
        // A projection that tears the footprint apart puts its corners far from each other.
        let size = out.iter().fold(0.0_f64, |m, p| {
            m.max((p.0 - origin.0).abs()).max((p.1 - origin.1).abs())
        });
        let metres = self.geobox.crs.metres_per_unit()
            * self.geobox.x.step().abs().min(self.geobox.y.step().abs());
        let expected = quad.radius2(centre).sqrt() * 6.4e6 / metres;
        size <= 20.0 * expected + 2.0
    }

    /// Calls `use_it` with the polygon in each turn of longitude in which it meets the grid.
    fn copies(&self, polygon: &mut [(f64, f64)], mut use_it: impl FnMut(&[(f64, f64)])) {
        let Some(turn) = self.turn else {
            return use_it(polygon);
        };
        let (mut left, mut right) = (f64::INFINITY, f64::NEG_INFINITY);
        for (column, _) in polygon.iter() {
            left = left.min(*column);
            right = right.max(*column);
        }
        let first = (-right / turn).ceil() as i64;
        let last = ((self.geobox.x.len as f64 - left) / turn).floor() as i64;
        let mut shifted = 0.0;
        for k in first..=last {
            let shift = k as f64 * turn;
            if shift != shifted {
                for point in polygon.iter_mut() {
                    point.0 += shift - shifted;
                }
                shifted = shift;
            }
            use_it(polygon);
        }
    }

    /// Position of a point in cells, in any turn.
    fn position_of(&self, point: Vec3) -> Option<(f64, f64)> {
        let (lon, lat) = lonlat(point);
        self.position(lon, lat)
    }

    fn position(&self, lon: f64, lat: f64) -> Option<(f64, f64)> {
        let (x, y) = if self.turn.is_some() {
            (lon, lat)
        } else {
            self.geobox.crs.forward(lon, lat)?
        };
        Some((self.geobox.x.position(x), self.geobox.y.position(y)))
    }

    /// The cell of a position, if it is in the grid.
    fn cell(&self, (column, row): (f64, f64)) -> Option<u32> {
        let (rows, columns) = self.geobox.shape();
        let column = match self.turn {
            Some(turn) if column < 0.0 => column + turn,
            Some(turn) if column >= columns as f64 => column - turn,
            _ => column,
        };
        let inside = (0.0..columns as f64).contains(&column) && (0.0..rows as f64).contains(&row);
        inside.then(|| (row as usize * columns + column as usize) as u32)
    }

    /// On a longitude/latitude grid, a position in the turn in which it is nearest to a column.
    fn turned(&self, at: (f64, f64), near: f64) -> (f64, f64) {
        self.turn.map_or(at, |turn| {
            let turns = (at.0 - near) / turn;
            // Mostly none: rounding is a call into the system's library.
            if turns.abs() < 0.5 {
                at
            } else {
                (at.0 - turn * turns.round(), at.1)
            }
        })
    }

    /// Adds the points between `from` and `to` that keep the edge's bend under the limit.
    fn split(
        &self,
        from: Vec3,
        to: Vec3,
        start: (f64, f64),
        end: (f64, f64),
        depth: u32,
        out: &mut Vec<(f64, f64)>,
    ) -> bool {
        // The edge may reach beyond its ends: by less than a degree, or it is long.
        let sine = (from[2].abs().max(to[2].abs()) + ONE_DEGREE).min(1.0);
        let straight = chord2(from, to) * sine < self.straight2 * (1.0 - sine * sine);
        if depth == 0 || straight {
            return true;
        }
        let middle = normalize(add(from, to));
        let Some(place) = self.position_of(middle) else {
            return false;
        };
        let place = self.turned(place, start.0);
        let (dx, dy) = (end.0 - start.0, end.1 - start.1);
        let (mx, my) = (place.0 - start.0, place.1 - start.1);
        let length = (dx * dx + dy * dy).sqrt();
        let bend = if length > 0.0 {
            (dx * my - dy * mx).abs() / length
        } else {
            (mx * mx + my * my).sqrt()
        };
        if bend < BEND {
            return true;
        }
        if !self.split(from, middle, start, place, depth - 1, out) {
            return false;
        }
        out.push(place);
        self.split(middle, to, place, end, depth - 1, out)
    }
}
