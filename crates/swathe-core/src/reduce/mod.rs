//! From observations to a map: reductions whose result does not depend on order or grouping.
//!
//! ```text
//! Observation (cell, value, weight) --add--> GranuleState    (one granule on the cells it meets)
//! GranuleState --parts--> TilePart                           (complete, for one tile)
//! TilePart --combine(Weight)--> Composite                    (all granules so far)
//! Composite --merge--> Composite --values(Statistic)--> layers
//! ```
//!
//! Every sum is an integer, so addition is associative and commutative and the result is the same to
//! the last bit for any order of observations and granules, any split into states and composites,
//! and any number of threads. See docs/design/005-reduction.md.

mod arithmetic;
mod beside;
mod binned;
mod class;
mod columns;
mod compact;
mod composite;
mod extras;
mod fixed;
mod granule;
mod l2bin;
mod logs;
mod numbers;
mod observation;
mod part;
mod pick;
mod samples;
mod scheme;
mod statistic;
mod stored;
mod summation;
mod tally;
mod tiling;
mod uncertainty;

#[cfg(test)]
mod accompanied_tests;
#[cfg(test)]
mod tests;

pub use beside::{Beside, Observed};
pub use class::Class;
pub use composite::Composite;
pub use granule::GranuleState;
pub use observation::{Observation, contributed, interpolated};
pub use part::{StoredPart, TilePart};
pub use samples::StoredSamples;
pub use scheme::Scheme;
pub use statistic::{Statistic, Weight};
pub use stored::StoredTile;
pub use summation::Summation;
pub use tiling::{TILE_SIZE, Tiling};

use columns::Layout;

/// What to keep of the observations of one field.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Reduction {
    /// The statistics that can be asked for at the end. `Count` and `Granules` always can.
    pub statistics: Vec<Statistic>,
    /// How granules are weighted against each other.
    pub weight: Weight,
    /// Whether weights are shares of a cell (`footprint`); otherwise all are one.
    pub shares: bool,
    /// How values are summed.
    pub summation: Summation,
    /// What is required of a cell.
    pub blank: Blank,
    /// What of the values is summed.
    pub scheme: Scheme,
}

/// Cells below any of these are blank in the layers of values.
#[derive(Debug, Clone, Copy, PartialEq, Default, serde::Serialize, serde::Deserialize)]
pub struct Blank {
    /// Contributing pixels.
    pub min_count: u64,
    /// Granules with at least one observation.
    pub min_granules: u64,
    /// Share of the cell that one granule covers.
    pub min_coverage: f64,
}

impl Reduction {
    /// Memory of a cell in a composite: 8 bytes for the count and 4 for the granules, and
    ///
    /// | | known range | unknown range |
    /// |---|---|---|
    /// | mean, sum | 16 | 64 |
    /// | std, var, sum_squared | 16 + 24 | 64 + 64 |
    /// | min, max | 8 each | 8 each |
    /// | geometric mean | 64 | 64 |
    /// | first, last | 16 each | 16 each |
    /// | best | 24 | 24 |
    /// | uncertainties | 80 each | 80 each |
    /// | mode, shares | 64 for a class of a cell | 64 for a class of a cell |
    /// | percentiles | 10 to 18 for an observation | 10 to 18 for an observation |
    /// | weights, where shares and by observation, or l2bin | 16 | 16 |
    /// | coverage, where shares | 8 | 8 |
    /// | pixels, where by granule or l2bin | 8 | 8 |
    pub fn bytes_per_cell(&self) -> usize {
        self.composite_layout().bytes_per_cell()
            + size_of::<u32>()
            + usize::from(self.counts_pixels()) * size_of::<u64>()
            + usize::from(self.keeps_coverage()) * size_of::<u64>()
    }

    /// Whether observations themselves are kept: memory then grows with their number.
    pub fn keeps_samples(&self) -> bool {
        self.composite_layout().samples
    }

    /// Whether something of what comes beside observations is kept.
    pub fn accompanied(&self) -> bool {
        self.composite_layout().accompanied()
    }

    /// Memory of an observation that is kept, beside that of its cell: of values of double precision, or of
    /// single.
    pub fn bytes_per_sample(&self, double: bool) -> usize {
        match self.keeps_samples() {
            true => samples::Samples::bytes(self.composite_layout().shares, double),
            false => 0,
        }
    }

    /// Memory of a cell in a granule state.
    pub fn granule_bytes_per_cell(&self) -> usize {
        self.granule_layout().bytes_per_cell()
    }

    fn granule_layout(&self) -> Layout {
        match self.weight {
            Weight::Observation => Layout::of(&self.statistics, self.shares, self.summation),
            Weight::Granule => Layout::of(&[Statistic::Mean], self.shares, self.summation),
            Weight::L2bin => {
                let mut layout = Layout::of(&self.statistics, self.shares, self.summation);
                (layout.sums, layout.least, layout.greatest) = (true, false, false);
                (layout.logs, layout.samples, layout.extras) = (false, false, None);
                layout
            }
        }
    }

    fn composite_layout(&self) -> Layout {
        let shares = match self.weight {
            Weight::Observation => self.shares,
            Weight::Granule => false,
            Weight::L2bin => true,
        };
        let mut layout = Layout::of(&self.statistics, shares, self.summation);
        if self.weight == Weight::L2bin {
            layout.weight_bits = l2bin::WEIGHT_BITS;
        }
        layout
    }

    fn counts_pixels(&self) -> bool {
        self.weight != Weight::Observation
    }

    fn keeps_coverage(&self) -> bool {
        let wanted = self.statistics.contains(&Statistic::Coverage);
        self.shares && (wanted || self.blank.min_coverage > 0.0)
    }
}

/// Observations cannot be reduced.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ReduceError {
    /// Cells are numbered by `u32`.
    #[error(
        "a grid of {rows} rows x {columns} columns has 2^32 cells or more: use a smaller area or a coarser resolution"
    )]
    GridTooLarge {
        /// Rows.
        rows: usize,
        /// Columns.
        columns: usize,
    },
    /// A value was to be masked, or the range is wrong.
    #[error(
        "the value {value} is beyond {limit}, the limit that follows from the variable's valid range: give --valid-range"
    )]
    BeyondLimit {
        /// The value.
        value: f64,
        /// Greatest magnitude.
        limit: f64,
    },
    /// Geometry of another grid.
    #[error("cell {cell} is not in the grid")]
    NoSuchCell {
        /// The cell.
        cell: u32,
    },
    /// Sums would no longer be exact.
    #[error("a cell has 2^39 observations or more, which its sums cannot hold: use a finer grid")]
    CellFull,
    /// States of different plans.
    #[error("the parts were made for different grids or different statistics and cannot be merged")]
    Mismatch,
    /// What was stored does not fit, or no observations could have led to it.
    #[error("the stored state of tile {tile} is damaged")]
    Damaged {
        /// Number of the tile.
        tile: usize,
    },
    /// Only what was asked for is kept.
    #[error("{statistic} was not asked for when the reduction began")]
    NotKept {
        /// The statistic.
        statistic: Statistic,
    },
}
