//! What is known of a swath by place: how far its pixels must look for cells, where it has borders.
//!
//! Let a cell's centre x lie in the footprint of pixel q, whose corners are at most r(q) from its
//! centre, and let p be the pixel nearest to x. Then |x-p| <= |x-q| <= r(q), so |p-q| <= 2 r(q): p need
//! look for cells no farther than the largest r(q) over all q with |p-q| <= 2 r(q). That maximum is
//! kept by buckets on the sphere, which makes it exact for scans and orbits that overlap too.

use crate::sphere::{arc_bound, sin_cos_deg};
use std::ops::Range;

/// Buckets of nearly equal size on the sphere.
pub(super) struct Buckets {
    /// Degrees.
    height: f64,
    /// Rows of the sphere to the south of the first.
    south_rows: usize,
    /// First bucket of each row from there, and the number of buckets.
    row_start: Vec<usize>,
}

/// A round patch of the sphere.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cap {
    /// Longitude and latitude of its centre.
    pub(super) lon: f64,
    pub(super) lat: f64,
    /// Radius, as a chord.
    pub(super) radius: f64,
}

impl Cap {
    /// The cap and all that is within a chord of it.
    pub(super) fn grown(self, by: f64) -> Self {
        Cap {
            radius: self.radius + by,
            ..self
        }
    }
}

impl Buckets {
    /// Buckets for a swath between two latitudes whose pixels are usually `spacing` (a chord) apart:
    /// small enough to follow the pixels' growth toward the ends of a line, at least 0.1 degrees. Places
    /// beyond the latitudes belong to the rows at their ends.
    pub(super) fn new(spacing: f64, [low, high]: [f64; 2]) -> Self {
        let height = (2.0 * spacing.to_degrees()).clamp(0.1, 2.0);
        let row_of = |lat: f64| ((lat + 90.0).clamp(0.0, 180.0) / height) as usize;
        let rows = row_of(low)..=row_of(high.max(low));
        let mut row_start = Vec::new();
        let mut total = 0;
        for row in rows.clone() {
            row_start.push(total);
            let south = -90.0 + row as f64 * height;
            let widest = south.max(-(south + height)).max(0.0);
            let (_, cosine) = sin_cos_deg(widest.min(90.0));
            total += ((360.0 * cosine / height).ceil() as usize).max(1);
        }
        row_start.push(total);
        Buckets {
            height,
            south_rows: *rows.start(),
            row_start,
        }
    }

    /// One value for each bucket.
    pub(super) fn filled<T: Clone>(&self, value: T) -> Vec<T> {
        vec![value; self.row_start.last().copied().unwrap_or(0)]
    }

    /// Calls `visit` with ranges that hold all buckets that a cap touches.
    pub(super) fn touched(&self, cap: Cap, mut visit: impl FnMut(Range<usize>)) {
        let radius = if cap.radius < 1.0 {
            arc_bound(cap.radius)
        } else {
            std::f64::consts::PI
        };
        let reach = radius.to_degrees() + 1e-6;
        let row_of = |lat: f64| {
            let row = ((lat + 90.0) / self.height).max(0.0) as usize;
            row.saturating_sub(self.south_rows)
                .min(self.row_start.len() - 2)
        };
        let (_, cosine) = sin_cos_deg(cap.lat);
        let slack = if cosine > 3.0 * radius {
            reach / (cosine - radius)
        } else {
            180.0
        };
        for row in row_of(cap.lat - reach)..=row_of(cap.lat + reach) {
            let first = self.row_start[row];
            let count = self.row_start[row + 1] - first;
            let share = |lon: f64| (lon / 360.0 * count as f64).floor() as i64;
            let (low, high) = (share(cap.lon - slack), share(cap.lon + slack));
            if high - low + 1 >= count as i64 {
                visit(first..first + count);
                continue;
            }
            let (low, high) = (
                low.rem_euclid(count as i64) as usize,
                high.rem_euclid(count as i64) as usize,
            );
            if low <= high {
                visit(first + low..first + high + 1);
            } else {
                visit(first + low..first + count);
                visit(first..first + high + 1);
            }
        }
    }

    /// Raises the values of all buckets that a cap touches to at least `value`.
    pub(super) fn raise(&self, values: &mut [f32], cap: Cap, value: f32) {
        self.touched(cap, |range| {
            for held in &mut values[range] {
                *held = held.max(value);
            }
        });
    }

    /// The largest value of the buckets that a cap touches.
    pub(super) fn largest(&self, values: &[f32], cap: Cap) -> f32 {
        let mut largest = 0.0_f32;
        self.touched(cap, |range| {
            largest = values[range].iter().fold(largest, |m, v| m.max(*v));
        });
        largest
    }

    /// Marks all buckets that a cap touches.
    pub(super) fn mark(&self, marks: &mut [bool], cap: Cap) {
        self.touched(cap, |range| marks[range].fill(true));
    }

    /// Whether a bucket that a cap touches is marked.
    pub(super) fn marked(&self, marks: &[bool], cap: Cap) -> bool {
        let mut marked = false;
        self.touched(cap, |range| marked |= marks[range].iter().any(|m| *m));
        marked
    }
}
