//! Pixel centres of a block of lines as points on the unit sphere.

use crate::source::{Coordinates, GeolocationArray};
use crate::sphere::{Vec3, unit_vector};
use std::ops::Range;

const MISSING: Vec3 = [f64::NAN; 3];

/// Unit vectors of pixel centres for a rectangle of lines x columns of a granule.
#[derive(Debug, Clone)]
pub struct Centres {
    lines: Range<usize>,
    columns: Range<usize>,
    vectors: Vec<Vec3>,
}

impl Centres {
    /// The centres of `lines` x `columns`, both cut to what `geolocation` holds.
    pub fn new(geolocation: &GeolocationArray, lines: Range<usize>, columns: Range<usize>) -> Self {
        let lines = lines.start.max(geolocation.lines.start)..lines.end.min(geolocation.lines.end);
        let columns = columns.start..columns.end.min(geolocation.pixels);
        let mut vectors = Vec::with_capacity(lines.len() * columns.len());
        for line in lines.clone() {
            let start = (line - geolocation.lines.start) * geolocation.pixels;
            let row = start + columns.start..start + columns.end;
            match (&geolocation.longitude, &geolocation.latitude) {
                (Coordinates::F32(lon), Coordinates::F32(lat)) => {
                    push_row(&mut vectors, &lon[row.clone()], &lat[row]);
                }
                (Coordinates::F64(lon), Coordinates::F64(lat)) => {
                    push_row(&mut vectors, &lon[row.clone()], &lat[row]);
                }
                _ => vectors.extend(
                    row.map(|i| vector(geolocation.longitude.get(i), geolocation.latitude.get(i))),
                ),
            }
        }
        Centres {
            lines,
            columns,
            vectors,
        }
    }

    /// Lines held.
    pub fn lines(&self) -> Range<usize> {
        self.lines.clone()
    }

    /// Columns held.
    pub fn columns(&self) -> Range<usize> {
        self.columns.clone()
    }

    /// Position of (line, column) in row-major order, if it is held.
    #[inline]
    pub fn index(&self, line: usize, column: usize) -> Option<usize> {
        (self.lines.contains(&line) && self.columns.contains(&column))
            .then(|| (line - self.lines.start) * self.columns.len() + (column - self.columns.start))
    }

    /// All vectors, row-major; NaN where the geolocation is missing.
    #[inline]
    pub fn vectors(&self) -> &[Vec3] {
        &self.vectors
    }

    /// One centre; `None` where it is missing or not held.
    #[inline]
    pub fn get(&self, line: usize, column: usize) -> Option<Vec3> {
        let v = self.vectors[self.index(line, column)?];
        (!v[0].is_nan()).then_some(v)
    }
}

/// The point of a geolocated pixel, NaN where longitude or latitude is NaN, fill or out of range.
#[inline]
pub(crate) fn vector(lon: f64, lat: f64) -> Vec3 {
    if located(lon, lat) {
        unit_vector(lon, lat)
    } else {
        MISSING
    }
}

/// Whether a longitude (-180..180 or 0..360) and a latitude name a place.
#[inline]
pub fn located(lon: f64, lat: f64) -> bool {
    (-90.0..=90.0).contains(&lat) && (-360.0..=360.0).contains(&lon)
}

/// Pixels that are worked out together, in columns of numbers, so that the compiler can use vector
/// instructions.
pub(crate) const TOGETHER: usize = 8;

/// Up to [`TOGETHER`] coordinates in double precision, with NaN to fill up.
#[inline(always)]
pub(crate) fn padded<T: Copy + Into<f64>>(values: &[T]) -> [f64; TOGETHER] {
    // As a whole where possible: vector loads from what was stored piece by piece would wait.
    if let Some(all) = values.first_chunk::<TOGETHER>() {
        return all.map(Into::into);
    }
    let mut held = [f64::NAN; TOGETHER];
    for (held, value) in held.iter_mut().zip(values) {
        *held = (*value).into();
    }
    held
}

/// x, y and z of the points of geolocated pixels; NaN as [`vector`] has it.
#[inline(always)]
pub(crate) fn vectors_together(
    lon: &[f64; TOGETHER],
    lat: &[f64; TOGETHER],
) -> [[f64; TOGETHER]; 3] {
    let [mut x, mut y, mut z] = [[f64::NAN; TOGETHER]; 3];
    for k in 0..TOGETHER {
        let place = if located(lon[k], lat[k]) {
            lon[k]
        } else {
            f64::NAN
        };
        [x[k], y[k], z[k]] = unit_vector(place, lat[k]);
    }
    [x, y, z]
}

fn push_row<T: Copy + Into<f64>>(vectors: &mut Vec<Vec3>, lon: &[T], lat: &[T]) {
    for (lon, lat) in lon.chunks(TOGETHER).zip(lat.chunks(TOGETHER)) {
        let [x, y, z] = vectors_together(&padded(lon), &padded(lat));
        vectors.extend((0..lon.len()).map(|k| [x[k], y[k], z[k]]));
    }
}
