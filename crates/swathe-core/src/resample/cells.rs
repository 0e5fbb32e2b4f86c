//! Finding the cells whose centres lie near a point of the sphere.
//!
//! On a longitude/latitude grid the grid is its own index. For any other grid the centres are put
//! into buckets on the sphere, so that cuts and singular points of the projection play no part.

use crate::geobox::GeoBox;
use crate::sphere::{Vec3, dot, sin_cos_deg, unit_vector};
use crate::swath::TOGETHER;
use std::ops::{Range, RangeInclusive};

/// The centres of a grid's cells, findable by place.
pub enum CellIndex {
    /// A longitude/latitude grid.
    LonLat(LonLatCells),
    /// Any other grid.
    Buckets(BucketCells),
}

impl CellIndex {
    pub(super) fn new(geobox: &GeoBox) -> Self {
        if geobox.crs.is_lonlat() {
            CellIndex::LonLat(LonLatCells::new(geobox))
        } else {
            CellIndex::Buckets(BucketCells::new(geobox))
        }
    }

    /// Calls `visit(cell, centre)` for every cell whose centre is within `radius` radians of arc of
    /// a place within bounds (and for some that are a little farther).
    #[inline]
    pub(super) fn near(&self, bounds: &Bounds, radius: f64, mut visit: impl FnMut(u32, Vec3)) {
        match self {
            CellIndex::LonLat(cells) => {
                let look = cells.look(bounds, radius);
                let all = 0..cells.rows.len();
                cells.near(&look, &all, bounds, |slot, x| visit(slot as u32, x));
            }
            CellIndex::Buckets(cells) => {
                let all = 0..cells.row_start.len() - 1;
                cells.near(&Look::new(bounds, radius), &all, bounds, |slots| {
                    for (cell, x) in &cells.cells[slots] {
                        visit(*cell, *x);
                    }
                });
            }
        }
    }

    /// Calls `visit(slot, centre)` for the cells of a band near a pixel of the look's group.
    #[inline]
    pub(super) fn near_in_band(
        &self,
        look: &Look,
        band: &Band,
        (lon, lat): (f64, f64),
        mut visit: impl FnMut(usize, Vec3),
    ) {
        match self {
            CellIndex::LonLat(cells) => {
                cells.near(look, &band.rows, &Bounds::of_point(lon, lat), visit);
            }
            CellIndex::Buckets(cells) => {
                cells.near(look, &band.rows, &Bounds::of_point(lon, lat), |slots| {
                    for slot in slots {
                        visit(slot, cells.cells[slot].1);
                    }
                })
            }
        }
    }

    /// Calls `visit` with ranges that hold the slots of a band near any place within bounds.
    #[inline]
    pub(super) fn around_in_band(
        &self,
        look: &Look,
        band: &Band,
        bounds: &Bounds,
        mut visit: impl FnMut(Range<usize>),
    ) {
        match self {
            CellIndex::LonLat(cells) => cells.around(look, &band.rows, bounds, |row, columns| {
                let start = row * cells.columns.len();
                visit(start + columns.start..start + columns.end);
            }),
            CellIndex::Buckets(cells) => cells.near(look, &band.rows, bounds, visit),
        }
    }

    /// For some pixels of the look's group: the scalar products of each with the centres of the cells
    /// of a band near it. The larger, the nearer. Unlocated pixels have NaN for x.
    #[inline(always)]
    pub(super) fn score_in_band(
        &self,
        look: &Look,
        band: &Band,
        pixels: &Pixels,
        scored: &mut impl Scored,
    ) {
        match self {
            CellIndex::LonLat(cells) => cells.score(look, &band.rows, pixels, scored),
            CellIndex::Buckets(cells) => {
                for k in (0..TOGETHER).filter(|k| !pixels.x[*k].is_nan()) {
                    let pixel = [pixels.x[k], pixels.y[k], pixels.z[k]];
                    let place = Bounds::of_point(pixels.lon[k], pixels.lat[k]);
                    cells.near(look, &band.rows, &place, |slots| {
                        let near = &cells.cells[slots.clone()];
                        scored.run(k, slots, |i| dot(near[i].1, pixel));
                    });
                }
            }
        }
    }

    /// How to look around the pixels of a group within `radius` radians of arc.
    pub(super) fn look(&self, bounds: &Bounds, radius: f64) -> Look {
        match self {
            CellIndex::LonLat(cells) => cells.look(bounds, radius),
            CellIndex::Buckets(_) => Look::new(bounds, radius),
        }
    }

    /// All cells in bands of about `size` cells, which lie between two latitudes each.
    pub(super) fn bands(&self, size: usize) -> Vec<Band> {
        match self {
            CellIndex::LonLat(cells) => cells.bands(size),
            CellIndex::Buckets(cells) => cells.bands(size),
        }
    }

    /// The cell in a slot: its number in the grid.
    #[inline]
    pub(super) fn cell(&self, slot: usize) -> u32 {
        match self {
            CellIndex::LonLat(_) => slot as u32,
            CellIndex::Buckets(cells) => cells.cells[slot].0,
        }
    }
}

/// Neighbouring cells that are worked on together: consecutive slots of the index.
#[derive(Debug, Clone)]
pub(super) struct Band {
    /// Rows of the index.
    rows: Range<usize>,
    /// Their slots.
    pub(super) slots: Range<usize>,
    /// The centres lie between these latitudes.
    pub(super) south: f64,
    pub(super) north: f64,
}

/// Takes the scores of cells.
pub(super) trait Scored {
    /// Scores that pixel number `k` has in consecutive slots, the first of them number zero.
    fn run(&mut self, k: usize, slots: Range<usize>, score: impl Fn(usize) -> f64);
}

/// Pixels that are worked out together: coordinates as stored, and points on the sphere.
pub(super) struct Pixels {
    pub(super) lon: [f64; TOGETHER],
    pub(super) lat: [f64; TOGETHER],
    pub(super) x: [f64; TOGETHER],
    pub(super) y: [f64; TOGETHER],
    pub(super) z: [f64; TOGETHER],
}

/// Limits of some pixels' coordinates as they are stored.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) west: f64,
    pub(super) east: f64,
    pub(super) south: f64,
    pub(super) north: f64,
}

impl Bounds {
    pub(super) const NOWHERE: Bounds = Bounds {
        west: f64::INFINITY,
        east: f64::NEG_INFINITY,
        south: f64::INFINITY,
        north: f64::NEG_INFINITY,
    };

    #[inline]
    pub(super) fn of_point(lon: f64, lat: f64) -> Self {
        Bounds {
            west: lon,
            east: lon,
            south: lat,
            north: lat,
        }
    }

    #[inline]
    pub(super) fn add(&mut self, lon: f64, lat: f64) {
        self.west = self.west.min(lon);
        self.east = self.east.max(lon);
        self.south = self.south.min(lat);
        self.north = self.north.max(lat);
    }
}

/// How far the pixels of a group look for cells.
#[derive(Debug, Clone)]
pub(super) struct Look {
    /// Degrees of latitude.
    reach: f64,
    /// Degrees of longitude; infinite where the cap holds a pole.
    slack: f64,
    /// Full turns to add to a stored longitude to meet the grid.
    turns: RangeInclusive<i32>,
}

impl Look {
    /// Within `radius` radians of arc of any place within bounds, on any grid.
    #[inline]
    fn new(bounds: &Bounds, radius: f64) -> Self {
        let reach = radius.to_degrees() * (1.0 + 1e-9);
        // asin(sin r / cos lat) <= r / (cos lat - r): the widest longitude of a cap.
        let (_, cosine) = sin_cos_deg(bounds.south.abs().max(bounds.north.abs()));
        let slack = if cosine > 3.0 * radius {
            reach / (cosine - radius)
        } else {
            f64::INFINITY
        };
        Look {
            reach,
            slack,
            turns: 0..=0,
        }
    }

    /// Whether all places look past the grid.
    pub(super) fn beside(&self) -> bool {
        self.turns.is_empty()
    }

    /// Not farther than some degrees of longitude and latitude.
    pub(super) fn narrow(&mut self, lon: f64, lat: f64) {
        self.slack = self.slack.min(lon);
        self.reach = self.reach.min(lat);
    }
}

/// A longitude/latitude grid as an index of itself.
pub struct LonLatCells {
    /// First centre, step (negative southward) and sines and cosines of the rows.
    lat0: f64,
    dlat: f64,
    per_dlat: f64,
    rows: Vec<(f64, f64)>,
    /// The same of the columns.
    lon0: f64,
    dlon: f64,
    per_dlon: f64,
    columns: Vec<(f64, f64)>,
    /// Rows whose centres are places: a grid may end beyond a pole.
    places: Range<usize>,
}

impl LonLatCells {
    fn new(geobox: &GeoBox) -> Self {
        let lats = geobox.y.centres();
        let place = |lat: &f64| lat.abs() <= 90.0;
        let first = lats.iter().position(place).unwrap_or(0);
        LonLatCells {
            lat0: geobox.y.centre(0),
            dlat: geobox.y.step(),
            per_dlat: 1.0 / geobox.y.step(),
            places: first..lats.iter().rposition(place).map_or(first, |last| last + 1),
            rows: lats.into_iter().map(sin_cos_deg).collect(),
            lon0: geobox.x.centre(0),
            dlon: geobox.x.step(),
            per_dlon: 1.0 / geobox.x.step(),
            columns: geobox.x.centres().into_iter().map(sin_cos_deg).collect(),
        }
    }

    #[inline]
    fn look(&self, bounds: &Bounds, radius: f64) -> Look {
        let look = Look::new(bounds, radius);
        if look.slack.is_infinite() {
            return look;
        }
        let last = self.lon0 + self.dlon * (self.columns.len() as f64 - 1.0);
        let first_turn = ((self.lon0 - bounds.east - look.slack) / 360.0 - 1e-9).ceil();
        let last_turn = ((last - bounds.west + look.slack) / 360.0 + 1e-9).floor();
        Look {
            turns: first_turn as i32..=last_turn as i32,
            ..look
        }
    }

    /// Rows and columns within reach of any place within bounds, of those of a band.
    #[inline]
    fn around(
        &self,
        look: &Look,
        band: &Range<usize>,
        bounds: &Bounds,
        mut visit: impl FnMut(usize, Range<usize>),
    ) {
        // A grid may end beyond a pole: there is no place.
        let first = first_index((bounds.north + look.reach - self.lat0) * self.per_dlat)
            .max(band.start.max(self.places.start));
        let end = end_index((bounds.south - look.reach - self.lat0) * self.per_dlat)
            .min(band.end.min(self.places.end));
        let width = self.columns.len();
        for turn in look.turns.clone() {
            let origin = self.lon0 - 360.0 * f64::from(turn);
            let columns = if look.slack.is_infinite() {
                0..width
            } else {
                first_index((bounds.west - look.slack - origin) * self.per_dlon)
                    ..end_index((bounds.east + look.slack - origin) * self.per_dlon).min(width)
            };
            if columns.start < columns.end {
                for row in first..end {
                    visit(row, columns.clone());
                }
            }
        }
    }

    #[inline]
    fn near(
        &self,
        look: &Look,
        band: &Range<usize>,
        bounds: &Bounds,
        mut visit: impl FnMut(usize, Vec3),
    ) {
        self.around(look, band, bounds, |row, columns| {
            let (sin_lat, cos_lat) = self.rows[row];
            let first = row * self.columns.len() + columns.start;
            for (i, (sin_lon, cos_lon)) in self.columns[columns].iter().enumerate() {
                visit(first + i, [cos_lat * cos_lon, cos_lat * sin_lon, sin_lat]);
            }
        });
    }

    #[inline(always)]
    fn score(&self, look: &Look, band: &Range<usize>, pixels: &Pixels, scored: &mut impl Scored) {
        let width = self.columns.len();
        let rows = indices(
            &pixels.lat,
            [look.reach, -look.reach],
            self.lat0,
            self.per_dlat,
            band,
        );
        for turn in look.turns.clone() {
            let columns = if look.slack.is_infinite() {
                [(0, width); TOGETHER]
            } else {
                let origin = self.lon0 - 360.0 * f64::from(turn);
                let reach = [-look.slack, look.slack];
                indices(&pixels.lon, reach, origin, self.per_dlon, &(0..width))
            };
            for k in 0..TOGETHER {
                let ((first_row, end_row), (first, end)) = (rows[k], columns[k]);
                if first >= end || pixels.x[k].is_nan() {
                    continue;
                }
                let sines = &self.columns[first..end];
                for row in first_row..end_row {
                    let (sin_lat, cos_lat) = self.rows[row];
                    let (a, b) = (cos_lat * pixels.x[k], cos_lat * pixels.y[k]);
                    let c = sin_lat * pixels.z[k];
                    let start = row * width + first;
                    scored.run(k, start..start + sines.len(), |i| {
                        let (sin_lon, cos_lon) = sines[i];
                        a * cos_lon + b * sin_lon + c
                    });
                }
            }
        }
    }

    fn bands(&self, size: usize) -> Vec<Band> {
        let (width, step) = (
            self.columns.len(),
            (size / self.columns.len().max(1)).max(1),
        );
        let latitude = |row: usize| self.lat0 + self.dlat * row as f64;
        self.places
            .clone()
            .step_by(step)
            .map(|start| {
                let end = (start + step).min(self.places.end);
                let (one, other) = (latitude(start), latitude(end - 1));
                Band {
                    rows: start..end,
                    slots: start * width..end * width,
                    south: one.min(other) - 1e-9,
                    north: one.max(other) + 1e-9,
                }
            })
            .collect()
    }
}

/// First and end index of the cells from `reach[0]` to `reach[1]` around coordinates, within limits;
/// cells are centred on `origin` and on.
#[inline(always)]
fn indices(
    coordinates: &[f64; TOGETHER],
    reach: [f64; 2],
    origin: f64,
    per_step: f64,
    limits: &Range<usize>,
) -> [(usize, usize); TOGETHER] {
    let [from, to] = reach.map(|reach| (reach - origin) * per_step);
    let (low, high) = (limits.start as f64, limits.end as f64);
    // In whole numbers of double precision until the last step: vector instructions.
    let clamp = |v: f64| {
        let v = if v > low { v } else { low };
        if v < high { v } else { high }
    };
    let [mut first, mut end] = [[0.0; TOGETHER]; 2];
    for k in 0..TOGETHER {
        let at = coordinates[k] * per_step;
        first[k] = clamp(at + from + (0.5 - 1e-9) + ROUND - ROUND);
        end[k] = clamp(at + to - (0.5 - 1e-9) + ROUND - ROUND + 1.0);
    }
    std::array::from_fn(|k| (first[k] as i64 as usize, end[k] as i64 as usize))
}

/// Added and taken away, it leaves the nearest whole number; added, that number in the low bits.
/// Without SSE4.1 a floor or a ceiling is a call into the system's library.
const ROUND: f64 = 6_755_399_441_055_744.0;

/// First whole number not below a position (but for rounding), from zero.
#[inline]
fn first_index(position: f64) -> usize {
    nearest_whole(position + (0.5 - 1e-9)).max(0) as usize
}

/// One more than the last whole number not above a position (but for rounding).
#[inline]
fn end_index(position: f64) -> usize {
    (nearest_whole(position - (0.5 - 1e-9)) + 1).max(0) as usize
}

/// The nearest whole number, for |position| below 2^51.
#[inline]
fn nearest_whole(position: f64) -> i64 {
    (position + ROUND).to_bits() as i64 - ROUND.to_bits() as i64
}

/// Cell centres in buckets of nearly equal size on the sphere.
pub struct BucketCells {
    height: f64,
    /// First bucket of each row of buckets, and the number of buckets.
    row_start: Vec<usize>,
    /// First cell of each bucket.
    start: Vec<u32>,
    cells: Vec<(u32, Vec3)>,
}

impl BucketCells {
    fn new(geobox: &GeoBox) -> Self {
        let (rows, columns) = geobox.shape();
        let mut located = Vec::with_capacity(rows * columns);
        for row in 0..rows {
            for column in 0..columns {
                if let Some((lon, lat)) = cell_lonlat(geobox, row, column) {
                    located.push(((row * columns + column) as u32, lon, lat));
                }
            }
        }
        let height = bucket_height(geobox, located.len());
        let bucket_rows = (180.0 / height).ceil() as usize;
        let mut row_start = Vec::with_capacity(bucket_rows + 1);
        let mut total = 0;
        for row in 0..bucket_rows {
            row_start.push(total);
            let south = -90.0 + row as f64 * height;
            // The widest parallel of the row.
            let widest = if south < 0.0 && south + height > 0.0 {
                0.0
            } else {
                south.abs().min((south + height).abs())
            };
            let (_, cosine) = sin_cos_deg(widest.min(90.0));
            total += ((360.0 * cosine / height).ceil() as usize).max(1);
        }
        row_start.push(total);
        let mut index = BucketCells {
            height,
            row_start,
            start: Vec::new(),
            cells: Vec::new(),
        };
        let buckets: Vec<u32> = located
            .iter()
            .map(|(_, lon, lat)| index.bucket(*lon, *lat) as u32)
            .collect();
        // Counting sort: cells of a bucket stay in order of their numbers.
        let mut start = vec![0u32; total + 1];
        for bucket in &buckets {
            start[*bucket as usize + 1] += 1;
        }
        for i in 0..total {
            start[i + 1] += start[i];
        }
        let mut next = start.clone();
        index.cells = vec![(0, [0.0; 3]); located.len()];
        for ((cell, lon, lat), bucket) in located.into_iter().zip(buckets) {
            let place = &mut next[bucket as usize];
            index.cells[*place as usize] = (cell, unit_vector(lon, lat));
            *place += 1;
        }
        index.start = start;
        index
    }

    fn row_of(&self, lat: f64) -> usize {
        (((lat + 90.0) / self.height).max(0.0) as usize).min(self.row_start.len() - 2)
    }

    fn bucket(&self, lon: f64, lat: f64) -> usize {
        let row = self.row_of(lat);
        let count = self.row_start[row + 1] - self.row_start[row];
        let share = lon.rem_euclid(360.0) / 360.0;
        self.row_start[row] + ((share * count as f64) as usize).min(count - 1)
    }

    #[inline]
    fn near(
        &self,
        look: &Look,
        rows: &Range<usize>,
        bounds: &Bounds,
        mut visit: impl FnMut(Range<usize>),
    ) {
        let (reach, slack) = (look.reach + 1e-9, look.slack.min(180.0) / 360.0);
        let west = bounds.west.rem_euclid(360.0) / 360.0 - slack;
        let east = west + (bounds.east - bounds.west) / 360.0 + 2.0 * slack;
        let first_row = self.row_of(bounds.south - reach).max(rows.start);
        let end_row = (self.row_of(bounds.north + reach) + 1).min(rows.end);
        for row in first_row..end_row {
            let first = self.row_start[row];
            let count = self.row_start[row + 1] - first;
            let low = (west * count as f64 - 1e-9).floor() as i64;
            let high = (east * count as f64 + 1e-9).floor() as i64;
            let high = high.min(low + count as i64 - 1);
            // Neighbouring buckets hold neighbouring slots, but for the cut.
            let (low, high) = (low.rem_euclid(count as i64) as usize, (high - low) as usize);
            let slots = |buckets: Range<usize>| {
                self.start[first + buckets.start] as usize..self.start[first + buckets.end] as usize
            };
            visit(slots(low..(low + high + 1).min(count)));
            if low + high >= count {
                visit(slots(0..low + high + 1 - count));
            }
        }
    }

    fn bands(&self, size: usize) -> Vec<Band> {
        let slot = |row: usize| self.start[self.row_start[row]] as usize;
        let (rows, mut bands, mut start) = (self.row_start.len() - 1, Vec::new(), 0);
        for row in 0..rows {
            let slots = slot(start)..slot(row + 1);
            if slots.len() >= size || (row + 1 == rows && !slots.is_empty()) {
                bands.push(Band {
                    rows: start..row + 1,
                    slots,
                    south: -90.0 + start as f64 * self.height - 1e-9,
                    north: -90.0 + (row + 1) as f64 * self.height + 1e-9,
                });
                start = row + 1;
            }
        }
        bands
    }
}

/// Longitude and latitude of a cell's centre, where the projection has one that leads back to it.
fn cell_lonlat(geobox: &GeoBox, row: usize, column: usize) -> Option<(f64, f64)> {
    let (x, y) = (geobox.x.centre(column), geobox.y.centre(row));
    let (lon, lat) = geobox.crs.inverse(x, y)?;
    let (back_x, back_y) = geobox.crs.forward(lon, lat)?;
    let close = (back_x - x).abs() <= 1e-3 * geobox.x.step().abs()
        && (back_y - y).abs() <= 1e-3 * geobox.y.step().abs();
    (close && lat.abs() <= 90.0).then_some((lon, lat))
}

/// Bucket height in degrees: about twice the spacing of cells, at most a few million buckets.
fn bucket_height(geobox: &GeoBox, located: usize) -> f64 {
    let metres = geobox.crs.metres_per_unit() * geobox.x.step().abs().max(geobox.y.step().abs());
    let spacing = metres / 111_195.0;
    let by_count = 2.0 * (41_253.0 / located.max(1) as f64).sqrt();
    (2.0 * spacing)
        .clamp(0.05, 10.0)
        .min(by_count.max(0.05))
        .clamp(0.05, 10.0)
}
