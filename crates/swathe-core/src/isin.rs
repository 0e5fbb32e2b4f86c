//! The integerized sinusoidal grid of NASA's Level-3 binned products
//! (Campbell, Blaisdell and Darzi, 1995, SeaWiFS Technical Report 32).

/// An integerized sinusoidal grid: rows of equal height whose bins have nearly equal area.
#[derive(Debug, Clone, PartialEq)]
pub struct Isin {
    /// Number of rows, pole to pole.
    pub rows: u32,
}
