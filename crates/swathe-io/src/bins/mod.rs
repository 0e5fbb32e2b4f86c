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
mod table;
mod tiles;
mod writer;

pub use reader::BinnedFile;
pub use swathe_core::binned::{Bin, Sums};
pub use table::{BinTable, MAPS, layers_of};
pub use tiles::Tiles;
pub use writer::{BinWriter, Words};

use swathe_core::reduce::Scheme;

/// The group that holds the bins.
const GROUP: &str = "level-3_binned_data";

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
