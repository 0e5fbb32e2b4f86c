//! What is known of a swath by place: how far its pixels must look for cells, where it has borders.
//!
//! Let a cell's centre x lie in the footprint of pixel q, whose corners are at most r(q) from its
//! centre, and let p be the pixel nearest to x. Then |x-p| <= |x-q| <= r(q), so |p-q| <= 2 r(q): p need
//! look for cells no farther than the largest r(q) over all q with |p-q| <= 2 r(q). That maximum is
//! kept by buckets on the sphere, which makes it exact for scans and orbits that overlap too.

use super::cells::Bounds;
use crate::sphere::{arc_bound, sin_cos_deg};
use std::ops::Range;

/// Buckets of nearly equal size on the part of the sphere where a swath lies. All other places belong to
/// those at its rim: they are held in common with places where they are not, and never lost.
pub(super) struct Buckets {
    /// Degrees.
    height: f64,
    /// Western end.
    west: f64,
    /// Rows of the sphere to the south of the first.
    south_rows: usize,
    /// Buckets per degree of longitude in each row.
    per_degree: Vec<f64>,
    /// First bucket of each row, and the number of buckets.
    row_start: Vec<usize>,
}

impl Buckets {
    /// Buckets for a swath within bounds whose pixels are usually `spacing` (a chord) apart: small enough
    /// to follow the pixels' growth toward the ends of a line, at least 0.03 degrees.
    pub(super) fn new(spacing: f64, bounds: &Bounds) -> Self {
        let height = spacing.to_degrees().clamp(0.03, 2.0);
        let row_of = |lat: f64| ((lat + 90.0).clamp(0.0, 180.0) / height) as usize;
        let rows = row_of(bounds.south)..=row_of(bounds.north.max(bounds.south));
        let width = (bounds.east - bounds.west).clamp(0.0, 360.0);
        let (mut per_degree, mut row_start) = (Vec::new(), Vec::new());
        let mut total = 0;
        for row in rows.clone() {
            row_start.push(total);
            let south = -90.0 + row as f64 * height;
            let widest = south.max(-(south + height)).max(0.0);
            let (_, cosine) = sin_cos_deg(widest.min(90.0));
            per_degree.push(cosine / height);
            total += (width * cosine / height) as usize + 1;
        }
        row_start.push(total);
        Buckets {
            height,
            west: bounds.west,
            south_rows: *rows.start(),
            per_degree,
            row_start,
        }
    }

    /// One value for each bucket.
    pub(super) fn filled<T: Clone>(&self, value: T) -> Vec<T> {
        vec![value; self.row_start.last().copied().unwrap_or(0)]
    }

    /// Calls `visit` with ranges that hold all buckets within a chord of any place within bounds.
    fn touched(&self, bounds: &Bounds, radius: f64, mut visit: impl FnMut(Range<usize>)) {
        let radius = if radius < 1.0 {
            arc_bound(radius)
        } else {
            std::f64::consts::PI
        };
        let reach = radius.to_degrees() + 1e-6;
        let row_of = |lat: f64| {
            let row = ((lat + 90.0) / self.height).max(0.0) as usize;
            row.saturating_sub(self.south_rows)
                .min(self.row_start.len() - 2)
        };
        let (_, cosine) = sin_cos_deg(bounds.south.abs().max(bounds.north.abs()));
        let slack = if cosine > 3.0 * radius {
            reach / (cosine - radius)
        } else {
            180.0
        };
        let start = (bounds.west - slack - self.west).rem_euclid(360.0);
        let end = start + (bounds.east - bounds.west) + 2.0 * slack;
        for row in row_of(bounds.south - reach)..=row_of(bounds.north + reach) {
            let (first, next) = (self.row_start[row], self.row_start[row + 1]);
            let bucket = |east: f64| (first + (east * self.per_degree[row]) as usize).min(next - 1);
            if end >= start + 360.0 {
                visit(first..next);
                continue;
            }
            visit(bucket(start)..bucket(end) + 1);
            if end >= 360.0 {
                visit(first..bucket(end - 360.0) + 1);
            }
        }
    }

    /// Raises the values of all buckets within a chord of bounds to at least `value`.
    pub(super) fn raise(&self, values: &mut [f32], bounds: &Bounds, radius: f64, value: f32) {
        self.touched(bounds, radius, |range| {
            for held in &mut values[range] {
                *held = held.max(value);
            }
        });
    }

    /// The largest value of the buckets that bounds touch.
    pub(super) fn largest(&self, values: &[f32], bounds: &Bounds) -> f32 {
        let mut largest = 0.0_f32;
        self.touched(bounds, 0.0, |range| {
            largest = values[range].iter().fold(largest, |m, v| m.max(*v));
        });
        largest
    }

    /// Marks all buckets within a chord of bounds.
    pub(super) fn mark(&self, marks: &mut [bool], bounds: &Bounds, radius: f64) {
        self.touched(bounds, radius, |range| marks[range].fill(true));
    }

    /// Whether a bucket within a chord of bounds is marked.
    pub(super) fn marked(&self, marks: &[bool], bounds: &Bounds, radius: f64) -> bool {
        let mut marked = false;
        self.touched(bounds, radius, |range| {
            marked |= marks[range].iter().any(|m| *m)
        });
        marked
    }
}
