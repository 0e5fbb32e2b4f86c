//! Rectangular grids: a CRS, an affine transform without rotation, and a shape.

use crate::crs::Crs;

/// One axis of a grid: `len` cells of equal size, with edges at
/// `origin + (first + i) * numerator / denominator`.
///
/// The index `first` is an integer, so that grids made at other times from other boxes line up to
/// the last bit; the step is a fraction, so that 1/24 degree is exact.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Axis {
    /// Coordinate of edge number zero of the lattice.
    pub origin: f64,
    /// Numerator of the step; negative where coordinates fall along the axis (rows run south).
    pub numerator: f64,
    /// Denominator of the step, positive.
    pub denominator: f64,
    /// Lattice index of the axis's first edge.
    pub first: i64,
    /// Number of cells.
    pub len: usize,
}

impl Axis {
    /// An axis of `len` cells, each `step` long, from edge `first` of the lattice whose edge zero is at `origin`.
    pub fn new(origin: f64, step: f64, first: i64, len: usize) -> Self {
        Axis {
            origin,
            numerator: step,
            denominator: 1.0,
            first,
            len,
        }
    }

    /// Signed cell size.
    #[inline]
    pub fn step(&self) -> f64 {
        self.numerator / self.denominator
    }

    /// Coordinate of edge `i`, 0 to `len` (fractions are inside cells).
    #[inline]
    pub fn at(&self, i: f64) -> f64 {
        self.origin + (self.first as f64 + i) * self.numerator / self.denominator
    }

    /// Coordinate of the centre of cell `i`.
    #[inline]
    pub fn centre(&self, i: usize) -> f64 {
        self.at(i as f64 + 0.5)
    }

    /// Coordinates of all cell centres.
    pub fn centres(&self) -> Vec<f64> {
        (0..self.len).map(|i| self.centre(i)).collect()
    }

    /// Position of a coordinate in cells from the first edge.
    #[inline]
    pub fn position(&self, coordinate: f64) -> f64 {
        (coordinate - self.at(0.0)) * self.denominator / self.numerator
    }
}

/// A rectangular grid: `y.len` rows running north to south, `x.len` columns running west to east.
///
/// In longitude/latitude, x may run beyond 180 (a box across the antimeridian is 170..190).
#[derive(Debug, Clone, PartialEq)]
pub struct GeoBox {
    /// Coordinate reference system of x and y.
    pub crs: Crs,
    /// Columns.
    pub x: Axis,
    /// Rows; its step is negative.
    pub y: Axis,
}

impl GeoBox {
    /// (rows, columns).
    pub fn shape(&self) -> (usize, usize) {
        (self.y.len, self.x.len)
    }

    /// Number of cells.
    pub fn cells(&self) -> usize {
        self.y.len * self.x.len
    }

    /// Outer edges (west, south, east, north) in CRS units.
    pub fn bounds(&self) -> (f64, f64, f64, f64) {
        (
            self.x.at(0.0),
            self.y.at(self.y.len as f64),
            self.x.at(self.x.len as f64),
            self.y.at(0.0),
        )
    }

    /// Affine transform in the order of GDAL's geotransform: x0, dx, 0, y0, 0, dy.
    pub fn geotransform(&self) -> [f64; 6] {
        [
            self.x.at(0.0),
            self.x.step(),
            0.0,
            self.y.at(0.0),
            0.0,
            self.y.step(),
        ]
    }
}
