//! What a swath is put on.

use crate::geobox::GeoBox;
use crate::isin::Isin;

/// The grid that swaths are put on.
#[derive(Debug, Clone, PartialEq)]
pub enum Target {
    /// A rectangular grid.
    GeoBox(GeoBox),
    /// The integerized sinusoidal grid of NASA's Level-3 binned products.
    Isin(Isin),
}
