//! How far from a pixel's centre lie the cells that may be nearest to it.
//!
//! Let a cell's centre x lie in the footprint of pixel q, whose corners are at most r(q) from its
//! centre, and let p be the pixel nearest to x. Then |x-p| <= |x-q| <= r(q), so |p-q| <= 2 r(q): p need
//! look for cells no farther than the largest r(q) over all q with |p-q| <= 2 r(q). That maximum is
//! kept by buckets on the sphere, which makes it exact for scans and orbits that overlap too.

use crate::sphere::{Vec3, arc_bound, lonlat, sin_cos_deg};

/// Bucket size in degrees.
const HEIGHT: f64 = 0.5;

/// Largest footprint radius by place on the sphere.
pub(super) struct Reach {
    row_start: Vec<usize>,
    largest: Vec<f32>,
}

/// A patch of pixels: all lie within `radius` (a chord) of `centre`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patch {
    pub(super) centre: Vec3,
    pub(super) radius: f64,
    /// Largest footprint radius in it, as a chord.
    pub(super) largest: f64,
}

impl Reach {
    pub(super) fn new() -> Self {
        let rows = (180.0 / HEIGHT) as usize;
        let mut row_start = Vec::with_capacity(rows + 1);
        let mut total = 0;
        for row in 0..rows {
            row_start.push(total);
            let south = -90.0 + row as f64 * HEIGHT;
            let widest = if south < 0.0 {
                -(south + HEIGHT)
            } else {
                south
            };
            let (_, cosine) = sin_cos_deg(widest.max(0.0));
            total += ((360.0 * cosine / HEIGHT).ceil() as usize).max(1);
        }
        row_start.push(total);
        Reach {
            row_start,
            largest: vec![0.0; total],
        }
    }

    /// Notes a patch's largest footprint wherever a pixel may be within twice its radius.
    pub(super) fn note(&mut self, patch: &Patch) {
        // Rounded up, so that no bound is lost to single precision.
        let largest = (patch.largest as f32).next_up();
        let buckets = self.buckets(patch.centre, patch.radius + 2.0 * patch.largest);
        for range in buckets {
            for bucket in &mut self.largest[range] {
                *bucket = bucket.max(largest);
            }
        }
    }

    /// The radius within which the pixels of a patch must look for cells.
    pub(super) fn around(&self, patch: &Patch) -> f64 {
        self.buckets(patch.centre, patch.radius)
            .into_iter()
            .flat_map(|range| &self.largest[range])
            .fold(0.0_f32, |m, r| m.max(*r))
            .into()
    }

    /// Takes over what another has noted.
    pub(super) fn merge(&mut self, other: &Reach) {
        for (mine, theirs) in self.largest.iter_mut().zip(&other.largest) {
            *mine = mine.max(*theirs);
        }
    }

    fn buckets(&self, centre: Vec3, chord: f64) -> Vec<std::ops::Range<usize>> {
        let (lon, lat) = lonlat(centre);
        let radius = if chord < 1.0 {
            arc_bound(chord)
        } else {
            std::f64::consts::PI
        };
        let reach = radius.to_degrees() + 1e-6;
        let row_of =
            |lat: f64| (((lat + 90.0) / HEIGHT).max(0.0) as usize).min(self.row_start.len() - 2);
        let (_, cosine) = sin_cos_deg(lat);
        let slack = if cosine > 3.0 * radius {
            reach / (cosine - radius)
        } else {
            180.0
        };
        let mut ranges = Vec::new();
        for row in row_of(lat - reach)..=row_of(lat + reach) {
            let first = self.row_start[row];
            let count = self.row_start[row + 1] - first;
            let share = |lon: f64| (lon / 360.0 * count as f64).floor() as i64;
            let (low, high) = (share(lon - slack), share(lon + slack));
            if high - low + 1 >= count as i64 {
                ranges.push(first..first + count);
                continue;
            }
            let (low, high) = (
                low.rem_euclid(count as i64) as usize,
                high.rem_euclid(count as i64) as usize,
            );
            if low <= high {
                ranges.push(first + low..first + high + 1);
            } else {
                ranges.push(first + low..first + count);
                ranges.push(first..first + high + 1);
            }
        }
        ranges
    }
}
