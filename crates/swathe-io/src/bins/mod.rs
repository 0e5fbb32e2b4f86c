//! Level-3 binned files: the layout of NASA's l2bin and l3bin.
//!
//! ```text
//! /level-3_binned_data   BinList (one record a filled bin, ascending), one table of sums a product, BinIndex
//! /processing_control    how it was made
//! ```
//!
//! mean = sum / weights. [`Tiles`] writes a run's bins as they are finished, [`BinnedFile`] reads any such
//! file, [`BinTable`] is one in memory.

mod attributes;
mod reader;
mod tiles;
mod writer;

pub use reader::BinnedFile;
pub use tiles::Tiles;
pub use writer::BinWriter;

use crate::dataset::Attributes;
use swathe_core::isin::Isin;
use swathe_core::reduce::Scheme;

/// The group that holds the bins.
const GROUP: &str = "level-3_binned_data";

/// What observations gave to one bin, for all products.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Bin {
    /// Its number, from 1.
    pub number: u64,
    /// Observations.
    pub observations: u64,
    /// Granules with at least one of them.
    pub scenes: u64,
    /// Sum of weights.
    pub weights: f64,
}

/// Sums of one product in one bin.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Sums {
    /// Weighted sum of values.
    pub sum: f64,
    /// Weighted sum of their squares.
    pub squares: f64,
}

/// A product of a binned file.
#[derive(Debug, Clone, PartialEq)]
pub struct BinnedProduct {
    /// Name.
    pub name: String,
    /// Units; empty where none are known.
    pub units: String,
    /// Valid range, where known.
    pub valid_range: Option<(f32, f32)>,
    /// What of the values is averaged.
    pub scheme: Scheme,
}

/// The bins of a file in memory, in ascending order.
#[derive(Debug, Clone, PartialEq)]
pub struct BinTable {
    /// The grid.
    pub isin: Isin,
    /// Global attributes.
    pub attributes: Attributes,
    /// Products.
    pub products: Vec<BinnedProduct>,
    /// Filled bins.
    pub bins: Vec<Bin>,
    /// For each product, its sums in each of these.
    pub sums: Vec<Vec<Sums>>,
}
