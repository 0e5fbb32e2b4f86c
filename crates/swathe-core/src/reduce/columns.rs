//! The state of a tile's cells: one column per quantity, and only those that are asked for.

use super::arithmetic::Scaled;
use super::binned::BinnedSum;
use super::extras::{ExtraLayout, Extras};
use super::fixed::{Quantum, SumOfSquares};
use super::logs::Logs;
use super::samples::Samples;
use super::{Beside, ReduceError, Statistic, Summation};

/// Observations of one cell that can be held; the proofs of `fixed` and `binned` rest on it.
pub(super) const MOST_OBSERVATIONS: u64 = 1 << 39;

/// A cell's weight stays below, in whatever units: as MOST_OBSERVATIONS of weight one in units of 2^-32.
pub(super) const MOST_WEIGHT: u128 = 1 << 71;

/// Observations that are added together, column by column: they fit the first-level cache.
pub(super) const BATCH: usize = 256;

/// Which columns there are, and their form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layout {
    /// Whether weights differ from one; otherwise counts serve as weights.
    pub shares: bool,
    pub sums: bool,
    pub squares: bool,
    pub least: bool,
    pub greatest: bool,
    /// Sums of logarithms of positive values.
    pub logs: bool,
    /// The observations themselves.
    pub samples: bool,
    /// What only some statistics need.
    pub extras: Option<ExtraLayout>,
    pub summation: Summation,
    /// Weights that are kept are in units of 2^-bits.
    pub weight_bits: u32,
}

impl Layout {
    /// Columns for these statistics.
    pub fn of(statistics: &[Statistic], shares: bool, summation: Summation) -> Self {
        let any = |wanted: &[Statistic]| statistics.iter().any(|s| wanted.contains(s));
        use Statistic::{
            GeometricCount, GeometricMean, GeometricStd, Max, Mean, Min, Std, Sum, SumSquared, Var,
        };
        Layout {
            shares,
            sums: any(&[Mean, Std, Var, Sum, SumSquared]),
            squares: any(&[Std, Var, SumSquared]),
            least: any(&[Min]),
            greatest: any(&[Max]),
            logs: any(&[GeometricMean, GeometricStd, GeometricCount]),
            samples: statistics
                .iter()
                .any(|s| matches!(s, Statistic::Percentile(_))),
            extras: ExtraLayout::of(statistics),
            summation,
            weight_bits: 32,
        }
    }

    /// Memory of a cell.
    pub fn bytes_per_cell(&self) -> usize {
        let (sum, squares) = match self.summation {
            Summation::Fixed { .. } => (size_of::<i128>(), size_of::<SumOfSquares>()),
            Summation::Binned => (size_of::<BinnedSum>(), size_of::<BinnedSum>()),
        };
        size_of::<u64>()
            + usize::from(self.shares) * size_of::<u128>()
            + usize::from(self.sums) * sum
            + usize::from(self.squares) * squares
            + usize::from(self.least) * size_of::<f64>()
            + usize::from(self.greatest) * size_of::<f64>()
            + usize::from(self.logs) * size_of::<Logs>()
            // One observation each.
            + usize::from(self.samples) * Samples::bytes(self.shares, true)
            + self.extras.map_or(0, |extras| extras.bytes_per_cell())
    }
}

/// Observations of cells of one tile.
pub(super) struct Batch {
    pub len: usize,
    pub cells: [u32; BATCH],
    pub values: [f64; BATCH],
    pub weights: [u64; BATCH],
    /// What comes beside them; none where nothing does.
    pub besides: Vec<Beside>,
    /// The granule that they are of, in the order of all.
    pub granule: u32,
}

impl Batch {
    pub fn new(granule: u32) -> Self {
        Batch {
            besides: Vec::new(),
            granule,
            len: 0,
            cells: [0; BATCH],
            values: [0.0; BATCH],
            weights: [0; BATCH],
        }
    }

    /// Appends one; the batch must not be full.
    #[inline]
    pub fn push(&mut self, cell: u32, value: f64, weight: u64) {
        self.cells[self.len] = cell;
        // A zero has one sign: the least of 0 and -0 must not depend on their order.
        self.values[self.len] = value + 0.0;
        self.weights[self.len] = weight;
        self.len += 1;
    }

    pub fn cells(&self) -> &[u32] {
        &self.cells[..self.len]
    }

    /// Makes it empty.
    pub fn clear(&mut self) {
        self.len = 0;
        self.besides.clear();
    }

    /// What comes beside an observation.
    pub fn beside(&self, i: usize) -> Beside {
        self.besides.get(i).copied().unwrap_or(Beside::NOTHING)
    }

    fn valued(&self) -> impl Iterator<Item = (usize, f64)> {
        let values = &self.values[..self.len];
        self.cells()
            .iter()
            .map(|c| *c as usize)
            .zip(values.iter().copied())
    }

    pub fn weighted(&self) -> impl Iterator<Item = (usize, f64, u64)> {
        let weights = &self.weights[..self.len];
        self.valued()
            .zip(weights)
            .map(|((cell, value), weight)| (cell, value, *weight))
    }
}

/// State of the cells of one tile; columns that are not kept are empty.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Columns {
    pub(super) layout: Layout,
    pub(super) counts: Vec<u64>,
    pub(super) weights: Vec<u128>,
    pub(super) sums: Vec<i128>,
    pub(super) squares: Vec<SumOfSquares>,
    pub(super) binned_sums: Vec<BinnedSum>,
    pub(super) binned_squares: Vec<BinnedSum>,
    pub(super) least: Vec<f64>,
    pub(super) greatest: Vec<f64>,
    pub(super) logs: Vec<Logs>,
    pub(super) samples: Samples,
    pub(super) extras: Option<Box<Extras>>,
}

impl Columns {
    pub fn new(layout: Layout, cells: usize) -> Self {
        fn column<T: Clone>(value: T, wanted: bool, cells: usize) -> Vec<T> {
            vec![value; if wanted { cells } else { 0 }]
        }
        let fixed = matches!(layout.summation, Summation::Fixed { .. });
        Columns {
            layout,
            counts: vec![0; cells],
            weights: column(0, layout.shares, cells),
            sums: column(0, layout.sums && fixed, cells),
            squares: column(SumOfSquares::default(), layout.squares && fixed, cells),
            binned_sums: column(BinnedSum::default(), layout.sums && !fixed, cells),
            binned_squares: column(BinnedSum::default(), layout.squares && !fixed, cells),
            least: column(f64::INFINITY, layout.least, cells),
            greatest: column(f64::NEG_INFINITY, layout.greatest, cells),
            logs: column(Logs::default(), layout.logs, cells),
            samples: Samples::default(),
            extras: layout
                .extras
                .map(|extras| Box::new(Extras::new(&extras, cells))),
        }
    }

    /// Observations of each cell.
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// Adds observations, whose values are within the summation's limit and whose weights are at
    /// most one. Where weights are not kept they count as one.
    ///
    /// # Errors
    /// When a cell is full; the columns are then of no use.
    pub fn add(&mut self, batch: &Batch) -> Result<(), ReduceError> {
        let mut seen = 0;
        for &cell in batch.cells() {
            let count = &mut self.counts[cell as usize];
            *count += 1;
            seen |= *count;
        }
        check_counts(seen)?;
        if self.layout.shares {
            for (cell, _, weight) in batch.weighted() {
                self.weights[cell] += u128::from(weight);
            }
        }
        match self.layout.summation {
            Summation::Fixed { exponent } => self.add_fixed(batch, Quantum::new(exponent)),
            Summation::Binned => self.add_binned(batch),
        }
        if self.layout.least {
            for (cell, value) in batch.valued() {
                self.least[cell] = self.least[cell].min(value);
            }
        }
        if self.layout.greatest {
            for (cell, value) in batch.valued() {
                self.greatest[cell] = self.greatest[cell].max(value);
            }
        }
        if self.layout.logs {
            for (cell, value, weight) in batch.weighted() {
                let weight = if self.layout.shares { weight } else { 1 };
                self.logs[cell].add(value, weight);
            }
        }
        if self.layout.samples {
            for (cell, value, weight) in batch.weighted() {
                let weight = if self.layout.shares { weight } else { 1 };
                self.samples.push(cell as u16, value, weight);
            }
        }
        if let Some(extras) = &mut self.extras {
            extras.add(&self.layout, batch);
        }
        Ok(())
    }

    fn add_fixed(&mut self, batch: &Batch, quantum: Quantum) {
        let mut quanta = [0i64; BATCH];
        for (quanta, (_, value)) in quanta.iter_mut().zip(batch.valued()) {
            *quanta = quantum.quanta(value);
        }
        let weighted = || batch.weighted().zip(&quanta);
        match (self.layout.sums, self.layout.shares) {
            (false, _) => {}
            (true, false) => {
                for ((cell, _, _), quanta) in weighted() {
                    self.sums[cell] += i128::from(*quanta);
                }
            }
            (true, true) => {
                for ((cell, _, weight), quanta) in weighted() {
                    self.sums[cell] += i128::from(*quanta) * i128::from(weight);
                }
            }
        }
        if self.layout.squares {
            for ((cell, _, weight), quanta) in weighted() {
                let weight = if self.layout.shares { weight } else { 1 };
                self.squares[cell].add(*quanta, weight);
            }
        }
    }

    fn add_binned(&mut self, batch: &Batch) {
        let shares = self.layout.shares;
        let unit = |weight| if shares { weight } else { 1 };
        if self.layout.sums {
            for (cell, value, weight) in batch.weighted() {
                self.binned_sums[cell].add(value, unit(weight));
            }
        }
        if self.layout.squares {
            for (cell, value, weight) in batch.weighted() {
                self.binned_squares[cell].add_square(value, unit(weight));
            }
        }
    }

    /// Adds the state of the same cells of another part, for the cells from `first` to `end`.
    ///
    /// # Errors
    /// When a cell is full; the columns are then of no use.
    pub fn merge(&mut self, other: &Columns, first: usize, end: usize) -> Result<(), ReduceError> {
        fn each<T>(own: &mut [T], other: &[T], span: (usize, usize), merge: impl Fn(&mut T, &T)) {
            // Columns that are not kept are empty.
            if let (Some(own), Some(other)) =
                (own.get_mut(span.0..span.1), other.get(span.0..span.1))
            {
                own.iter_mut().zip(other).for_each(|(a, b)| merge(a, b));
            }
        }
        let span = (first, end);
        let mut seen = 0;
        for (count, other) in self.counts[first..end]
            .iter_mut()
            .zip(&other.counts[first..end])
        {
            *count += other;
            seen |= *count;
        }
        check_counts(seen)?;
        each(&mut self.weights, &other.weights, span, |a, b| *a += b);
        check_weights(self.weights.get(first..end).unwrap_or_default())?;
        each(&mut self.sums, &other.sums, span, |a, b| *a += b);
        each(&mut self.squares, &other.squares, span, SumOfSquares::merge);
        each(
            &mut self.binned_sums,
            &other.binned_sums,
            span,
            BinnedSum::merge,
        );
        each(
            &mut self.binned_squares,
            &other.binned_squares,
            span,
            BinnedSum::merge,
        );
        each(&mut self.least, &other.least, span, |a, b| *a = a.min(*b));
        each(&mut self.greatest, &other.greatest, span, |a, b| {
            *a = a.max(*b)
        });
        each(&mut self.logs, &other.logs, span, Logs::merge);
        self.samples.extend(&other.samples, Some);
        if let (Some(extras), Some(other)) = (&mut self.extras, &other.extras) {
            extras.merge(other, first, end);
        }
        Ok(())
    }

    /// Adds states that a granule gave, each to the cell that stands at its place in `cells`.
    ///
    /// # Errors
    /// When a cell is full; the columns are then of no use.
    pub fn merge_at(
        &mut self,
        other: &Columns,
        cells: &[u16],
        granule: u32,
    ) -> Result<(), ReduceError> {
        fn each<T>(own: &mut [T], other: &[T], cells: &[u16], merge: impl Fn(&mut T, &T)) {
            // Columns that are not kept are empty.
            for (cell, other) in cells.iter().zip(other) {
                merge(&mut own[usize::from(*cell)], other);
            }
        }
        let mut seen = 0;
        for (cell, other) in cells.iter().zip(&other.counts) {
            let count = &mut self.counts[usize::from(*cell)];
            *count += other;
            seen |= *count;
        }
        check_counts(seen)?;
        each(&mut self.weights, &other.weights, cells, |a, b| *a += b);
        each(&mut self.sums, &other.sums, cells, |a, b| *a += b);
        each(
            &mut self.squares,
            &other.squares,
            cells,
            SumOfSquares::merge,
        );
        each(
            &mut self.binned_sums,
            &other.binned_sums,
            cells,
            BinnedSum::merge,
        );
        each(
            &mut self.binned_squares,
            &other.binned_squares,
            cells,
            BinnedSum::merge,
        );
        each(&mut self.least, &other.least, cells, |a, b| *a = a.min(*b));
        each(&mut self.greatest, &other.greatest, cells, |a, b| {
            *a = a.max(*b)
        });
        each(&mut self.logs, &other.logs, cells, Logs::merge);
        let place = |cell: u16| cells.get(usize::from(cell)).copied();
        self.samples.extend(&other.samples, place);
        if let (Some(extras), Some(other)) = (&mut self.extras, &other.extras) {
            extras.merge_at(other, cells, granule);
        }
        Ok(())
    }

    /// Sum of a cell's weights in units of 2^-32.
    #[inline]
    pub fn weight(&self, cell: usize) -> u128 {
        if self.layout.shares {
            self.weights[cell]
        } else {
            u128::from(self.counts[cell]) << 32
        }
    }

    /// Mean of a cell that has observations.
    #[inline]
    pub fn mean(&self, cell: usize) -> f64 {
        let weight = self.own_weight(cell);
        match self.layout.summation {
            Summation::Fixed { exponent } => Quantum::new(exponent).mean(self.sums[cell], weight),
            Summation::Binned => self.binned_sums[cell].mean(weight),
        }
    }

    /// Weighted sum of a cell.
    pub fn sum(&self, cell: usize) -> f64 {
        let sum = match self.layout.summation {
            Summation::Fixed { exponent } => Quantum::new(exponent).sum(self.sums[cell]),
            Summation::Binned => self.binned_sums[cell].value(),
        };
        self.in_ones(sum)
    }

    /// A sum in units of the weight.
    fn in_ones(&self, sum: f64) -> f64 {
        match self.layout.shares {
            true => sum / (1u64 << self.layout.weight_bits) as f64,
            false => sum,
        }
    }

    /// Sum of a cell's weights.
    pub fn weights(&self, cell: usize) -> f64 {
        self.in_ones(self.own_weight(cell) as f64)
    }

    /// Weighted sum of a cell's squares.
    pub fn sum_squared(&self, cell: usize) -> f64 {
        let sum = match self.layout.summation {
            Summation::Fixed { exponent } => {
                Quantum::new(exponent).sum_squared(&self.squares[cell])
            }
            Summation::Binned => self.binned_squares[cell].sum_squared(),
        };
        self.in_ones(sum)
    }

    /// Variance of a cell that has observations.
    pub fn variance(&self, cell: usize) -> Scaled {
        let weight = self.own_weight(cell);
        match self.layout.summation {
            Summation::Fixed { exponent } => {
                Quantum::new(exponent).variance(self.sums[cell], &self.squares[cell], weight)
            }
            Summation::Binned => {
                self.binned_sums[cell].variance(&self.binned_squares[cell], weight)
            }
        }
    }

    /// Least value of a cell that has observations.
    pub fn least(&self, cell: usize) -> f64 {
        self.least[cell]
    }

    /// Greatest value of a cell that has observations.
    pub fn greatest(&self, cell: usize) -> f64 {
        self.greatest[cell]
    }

    /// Sum of a cell's weights in the units that its sums have.
    #[inline]
    pub(super) fn own_weight(&self, cell: usize) -> u128 {
        if self.layout.shares {
            self.weights[cell]
        } else {
            u128::from(self.counts[cell])
        }
    }
}

/// Weights are in units in which they may be too large before there are too many observations.
fn check_weights(weights: &[u128]) -> Result<(), ReduceError> {
    match weights.iter().all(|weight| *weight < MOST_WEIGHT) {
        true => Ok(()),
        false => Err(ReduceError::CellFull),
    }
}

/// `seen` is the bitwise or of counts.
pub(super) fn check_counts(seen: u64) -> Result<(), ReduceError> {
    if seen >= MOST_OBSERVATIONS {
        return Err(ReduceError::CellFull);
    }
    Ok(())
}
