//! What a swath is put on.

use crate::crs::Crs;
use crate::geobox::{Axis, GeoBox};
use crate::isin::Isin;
use crate::region::Region;

/// The grid that swaths are put on.
#[derive(Debug, Clone, PartialEq)]
pub enum Target {
    /// A rectangular grid.
    GeoBox(GeoBox),
    /// The integerized sinusoidal grid of NASA's Level-3 binned products.
    Isin(Isin),
}

impl Target {
    /// Rows and columns of the rectangle in which its cells are numbered.
    pub fn shape(&self) -> (usize, usize) {
        match self {
            Target::GeoBox(geobox) => geobox.shape(),
            Target::Isin(isin) => isin.shape(),
        }
    }

    /// Where it lies.
    pub fn region(&self) -> Region {
        match self {
            Target::GeoBox(geobox) => Region::of(geobox),
            Target::Isin(isin) => isin.region(),
        }
    }

    /// A rectangular grid of the same shape: the grid itself, or the rectangle in which bins are numbered,
    /// over the whole Earth, whose cells lie elsewhere than the bins.
    pub fn frame(&self) -> GeoBox {
        let isin = match self {
            Target::GeoBox(geobox) => return geobox.clone(),
            Target::Isin(isin) => isin,
        };
        let axis = |len: u32, sign: f64, turn: f64| Axis {
            origin: 0.0,
            numerator: sign * turn,
            denominator: f64::from(len),
            first: -i64::from(len / 2),
            len: len as usize,
        };
        GeoBox {
            crs: Crs::lonlat(),
            x: axis(2 * isin.rows(), 1.0, 360.0),
            y: axis(isin.rows(), -1.0, 180.0),
        }
    }

    /// The rectangular grid, if it is one.
    pub fn geobox(&self) -> Option<&GeoBox> {
        match self {
            Target::GeoBox(geobox) => Some(geobox),
            Target::Isin(_) => None,
        }
    }

    /// The integerized sinusoidal grid, if it is one.
    pub fn isin(&self) -> Option<&Isin> {
        match self {
            Target::GeoBox(_) => None,
            Target::Isin(isin) => Some(isin),
        }
    }
}

impl From<GeoBox> for Target {
    fn from(geobox: GeoBox) -> Self {
        Target::GeoBox(geobox)
    }
}

impl From<Isin> for Target {
    fn from(isin: Isin) -> Self {
        Target::Isin(isin)
    }
}
