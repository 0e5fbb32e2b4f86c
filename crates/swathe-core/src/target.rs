//! What a swath is put on.

use crate::geobox::GeoBox;
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
