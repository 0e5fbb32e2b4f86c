//! Finding the cells whose centres lie near a point of the sphere.
//!
//! On a longitude/latitude grid the grid is its own index. For any other grid the centres are put
//! into buckets on the sphere, so that cuts and singular points of the projection play no part.

use crate::geobox::GeoBox;
use crate::sphere::{Vec3, sin_cos_deg, unit_vector};

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
    /// the point (and for some that are a little farther).
    #[inline]
    pub fn near(&self, lon: f64, lat: f64, radius: f64, visit: impl FnMut(u32, Vec3)) {
        match self {
            CellIndex::LonLat(cells) => cells.near(lon, lat, radius, visit),
            CellIndex::Buckets(cells) => cells.near(lon, lat, radius, visit),
        }
    }

    /// The centre of a cell; `None` where the projection has no place for it.
    pub fn centre(&self, geobox: &GeoBox, cell: u32) -> Option<Vec3> {
        let (row, column) = (cell as usize / geobox.x.len, cell as usize % geobox.x.len);
        match self {
            CellIndex::LonLat(cells) => {
                let ((sin_lat, cos_lat), (sin_lon, cos_lon)) =
                    (cells.rows[row], cells.columns[column]);
                Some([cos_lat * cos_lon, cos_lat * sin_lon, sin_lat])
            }
            CellIndex::Buckets(_) => cell_centre(geobox, row, column),
        }
    }
}

/// A longitude/latitude grid as an index of itself.
pub struct LonLatCells {
    /// First centre, step (negative southward) and sines and cosines of the rows.
    lat0: f64,
    dlat: f64,
    rows: Vec<(f64, f64)>,
    lon0: f64,
    dlon: f64,
    columns: Vec<(f64, f64)>,
    /// Whether a row's centre is a place (a grid may end beyond a pole).
    valid: Vec<bool>,
}

impl LonLatCells {
    fn new(geobox: &GeoBox) -> Self {
        let lats = geobox.y.centres();
        LonLatCells {
            lat0: geobox.y.centre(0),
            dlat: geobox.y.step(),
            valid: lats.iter().map(|lat| lat.abs() <= 90.0).collect(),
            rows: lats.into_iter().map(sin_cos_deg).collect(),
            lon0: geobox.x.centre(0),
            dlon: geobox.x.step(),
            columns: geobox.x.centres().into_iter().map(sin_cos_deg).collect(),
        }
    }

    #[inline]
    fn near(&self, lon: f64, lat: f64, radius: f64, mut visit: impl FnMut(u32, Vec3)) {
        let reach = radius.to_degrees() * (1.0 + 1e-9);
        let first_row = ((lat + reach - self.lat0) / self.dlat - 1e-9)
            .ceil()
            .max(0.0) as usize;
        let end_row = ((lat - reach - self.lat0) / self.dlat + 1e-9).floor() + 1.0;
        let end_row = (end_row.max(0.0) as usize).min(self.rows.len());
        if first_row >= end_row {
            return;
        }
        let width = self.columns.len();
        let mut row_loop = |first: usize, end: usize| {
            for row in first_row..end_row {
                if !self.valid[row] {
                    continue;
                }
                let (sin_lat, cos_lat) = self.rows[row];
                let base = row * width;
                for column in first..end {
                    let (sin_lon, cos_lon) = self.columns[column];
                    visit(
                        (base + column) as u32,
                        [cos_lat * cos_lon, cos_lat * sin_lon, sin_lat],
                    );
                }
            }
        };
        // asin(sin r / cos lat) <= r / (cos lat - r): the widest longitude of the cap.
        let (_, cosine) = sin_cos_deg(lat);
        let slack = if cosine > 3.0 * radius {
            reach / (cosine - radius)
        } else {
            return row_loop(0, width);
        };
        // The longitude in the turn that starts half a turn before the grid's middle.
        let middle = self.lon0 + 0.5 * self.dlon * (width as f64 - 1.0);
        let offset = lon - middle;
        let lon = lon - 360.0 * ((offset + 180.0) / 360.0).floor();
        for turn in [-360.0, 0.0, 360.0] {
            let first = (lon + turn - slack - self.lon0) / self.dlon - 1e-9;
            let end = (lon + turn + slack - self.lon0) / self.dlon + 1e-9;
            if end < 0.0 || first > (width - 1) as f64 {
                continue;
            }
            row_loop(
                first.ceil().max(0.0) as usize,
                (end.floor() as usize + 1).min(width),
            );
        }
    }
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
    fn near(&self, lon: f64, lat: f64, radius: f64, mut visit: impl FnMut(u32, Vec3)) {
        let reach = radius.to_degrees() * (1.0 + 1e-9) + 1e-9;
        let (_, cosine) = sin_cos_deg(lat);
        let slack = if cosine > 3.0 * radius {
            reach / (cosine - radius)
        } else {
            180.0
        };
        let east = (lon.rem_euclid(360.0)) / 360.0;
        for row in self.row_of(lat - reach)..=self.row_of(lat + reach) {
            let first = self.row_start[row];
            let count = self.row_start[row + 1] - first;
            let low = ((east - slack / 360.0) * count as f64 - 1e-9).floor() as i64;
            let high = ((east + slack / 360.0) * count as f64 + 1e-9).floor() as i64;
            let high = high.min(low + count as i64 - 1);
            for k in low..=high {
                let bucket = first + k.rem_euclid(count as i64) as usize;
                for (cell, centre) in
                    &self.cells[self.start[bucket] as usize..self.start[bucket + 1] as usize]
                {
                    visit(*cell, *centre);
                }
            }
        }
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

fn cell_centre(geobox: &GeoBox, row: usize, column: usize) -> Option<Vec3> {
    cell_lonlat(geobox, row, column).map(|(lon, lat)| unit_vector(lon, lat))
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
