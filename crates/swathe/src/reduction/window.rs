//! A box of a grid, and the areas of its cells.

use crate::failure::{Failure, Result};
use std::ops::Range;
use std::sync::Arc;
use swathe_core::array::{Array, Buffer, Cut, Part};
use swathe_core::geobox::{Axis, GeoBox};

/// A part of a grid.
pub(super) struct Window {
    /// The grid of the part.
    pub geobox: GeoBox,
    rows: Range<usize>,
    /// One range, or two where a box crosses the edge of a grid around the world.
    columns: Vec<Range<usize>>,
}

impl Window {
    /// All of a grid.
    pub fn whole(geobox: &GeoBox) -> Self {
        let (rows, columns) = geobox.shape();
        Window {
            geobox: geobox.clone(),
            rows: 0..rows,
            columns: std::iter::once(0..columns).collect(),
        }
    }

    /// The cells whose centres are in a box.
    pub fn of(geobox: &GeoBox, [west, south, east, north]: [f64; 4]) -> Result<Self> {
        if !geobox.crs.is_lonlat() {
            return Err(Failure::usage(
                "a box in degrees needs a grid of longitudes and latitudes",
            ));
        }
        let nothing = || Failure::nothing("no cell of the grid has its centre in the box");
        let inside = |axis: &Axis, from: f64, to: f64| {
            let first = (axis.position(from) - 0.5 - 1e-9).ceil() as i64;
            let last = (axis.position(to) - 0.5 + 1e-9).floor() as i64;
            first..last + 1
        };
        let clipped = |range: Range<i64>, len: usize| -> Option<Range<usize>> {
            let (first, last) = (
                range.start.clamp(0, len as i64),
                range.end.clamp(0, len as i64),
            );
            (first < last).then_some(first as usize..last as usize)
        };
        let rows = clipped(inside(&geobox.y, north, south), geobox.y.len).ok_or_else(nothing)?;
        let wanted = inside(
            &geobox.x,
            west,
            if east < west { east + 360.0 } else { east },
        );
        let around = (360.0 / geobox.x.step()).round() as i64;
        let len = geobox.x.len as i64;
        let (first, columns) = if len == around {
            let first = wanted.start;
            let count = (wanted.end - first).clamp(0, len);
            let start = first.rem_euclid(len);
            let head = start..(start + count).min(len);
            let tail = 0..count - (head.end - head.start);
            let ranges = [head, tail]
                .into_iter()
                .filter_map(|r| clipped(r, geobox.x.len));
            (first, ranges.collect::<Vec<_>>())
        } else {
            let shifted = [0, -around, around]
                .into_iter()
                .find_map(|shift| clipped(wanted.start + shift..wanted.end + shift, geobox.x.len));
            let range = shifted.ok_or_else(nothing)?;
            (range.start as i64, vec![range])
        };
        let count: usize = columns.iter().map(Range::len).sum();
        if count == 0 {
            return Err(nothing());
        }
        let part = |axis: &Axis, first: i64, len: usize| Axis {
            first: axis.first + first,
            len,
            ..axis.clone()
        };
        Ok(Window {
            geobox: GeoBox {
                crs: geobox.crs.clone(),
                x: part(&geobox.x, first, count),
                y: part(&geobox.y, rows.start as i64, rows.len()),
            },
            rows,
            columns,
        })
    }

    /// These cells of maps on the whole grid.
    pub fn of_array(&self, maps: &Array) -> Result<Array> {
        let slice = |range: &Range<usize>| Part::Slice {
            start: Some(range.start as i64),
            stop: Some(range.end as i64),
            step: 1,
        };
        let all = Part::Slice {
            start: None,
            stop: None,
            step: 1,
        };
        if maps.shape().get(1..)
            == Some(&[self.rows.len(), self.columns.iter().map(Range::len).sum()])
        {
            return Ok(maps.clone());
        }
        let one = |columns: &Range<usize>| maps.slice(&[all, slice(&self.rows), slice(columns)]);
        let parts: std::result::Result<Vec<Array>, _> = self.columns.iter().map(one).collect();
        Ok(Array::concatenate(&parts?, -1)?)
    }
}

/// Areas of a grid's cells, of shape (rows, 1): on longitudes and latitudes those of the sphere, by Archimedes'
/// theorem; elsewhere all the same.
pub(super) fn areas(geobox: &GeoBox) -> Result<Array> {
    let height = |row: usize| match geobox.crs.is_lonlat() {
        true => {
            let sine = |edge: usize| {
                swathe_core::sphere::sin_cos_deg(geobox.y.at(edge as f64).clamp(-90.0, 90.0)).0
            };
            (sine(row) - sine(row + 1)).abs()
        }
        false => 1.0,
    };
    let heights: Vec<f64> = (0..geobox.y.len).map(height).collect();
    let shape = [heights.len(), 1];
    let heights = Arc::new(Buffer::F64(heights));
    Ok(Array::from_memory(heights, &shape, &[Cut::Whole])?)
}
