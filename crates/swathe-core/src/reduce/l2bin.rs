//! Granules weighted as NASA's l2bin weights files: the sums of a granule's observations in a cell are
//! divided by the root of their number, and so is the number.
//!
//! With n observations of mean m, or weights of sum n: sum += sqrt(n) m, squares += sqrt(n) mean(v^2),
//! weights += sqrt(n). The root is rounded once to a multiple of 2^-43, m and the mean of squares once to
//! the precision of the sums; from there all is exact, so the order of granules does not show. (2^-32, to which other weights are rounded,
//! shows in sums of logarithms that nearly cancel.)

use super::columns::{Columns, MOST_WEIGHT, check_counts};
use super::fixed::Quantum;
use super::summation::Summation;
use super::{Beside, ReduceError};

/// Weights are in units of 2^-43: a cell's are below 2^28 in sum.
pub(super) const WEIGHT_BITS: u32 = 43;

impl Columns {
    /// Adds what a granule gives to some cells: `other` has its sums, one for each of `cells`.
    ///
    /// # Errors
    /// When a cell is full; the columns are then of no use.
    pub fn add_l2bin(
        &mut self,
        other: &Columns,
        cells: &[u16],
        granule: u32,
    ) -> Result<(), ReduceError> {
        let mut seen = 0;
        for (i, cell) in cells.iter().map(|cell| usize::from(*cell)).enumerate() {
            self.counts[cell] += 1;
            seen |= self.counts[cell];
            let divisor = other.own_weight(i);
            let weight = root_weight(other.weight(i));
            self.weights[cell] += u128::from(weight);
            if self.weights[cell] >= MOST_WEIGHT {
                return Err(ReduceError::CellFull);
            }
            match self.layout.summation {
                Summation::Fixed { exponent } => {
                    let mean = rounded_ratio(other.sums[i], divisor);
                    self.sums[cell] += mean * i128::from(weight);
                    if self.layout.squares {
                        self.squares[cell].add_mean(&other.squares[i], divisor, weight);
                    }
                    self.add_value(
                        cell,
                        Quantum::new(exponent).value(mean as i64),
                        weight,
                        granule,
                    );
                }
                // As exact as it came.
                Summation::Binned if other.counts[i] == 1 && weight == 1 << WEIGHT_BITS => {
                    let value = other.binned_sums[i].mean(divisor);
                    self.binned_sums[cell].add(value, weight);
                    if let Some(squares) = self.binned_squares.get_mut(cell) {
                        squares.add_square(value, weight);
                    }
                    self.add_value(cell, value, weight, granule);
                }
                Summation::Binned if self.layout.squares => {
                    let square = other.binned_squares[i].mean_square(divisor);
                    let sum = &other.binned_sums[i];
                    self.binned_sums[cell].add_mean(sum, divisor, square, weight);
                    self.binned_squares[cell].add_mean_square(square, weight);
                    self.add_value(cell, sum.mean(divisor), weight, granule);
                }
                Summation::Binned => {
                    let mean = other.binned_sums[i].mean(divisor);
                    self.binned_sums[cell].add(mean, weight);
                    self.add_value(cell, mean, weight, granule);
                }
            }
        }
        check_counts(seen)
    }

    fn add_value(&mut self, cell: usize, value: f64, weight: u64, granule: u32) {
        if let Some(logs) = self.logs.get_mut(cell) {
            logs.add(value, weight);
        }
        if self.layout.samples {
            self.samples.push(cell as u16, value, weight);
        }
        if let Some(extras) = &mut self.extras {
            let beside = &Beside::NOTHING;
            extras.add_one(&self.layout, cell, value, weight, granule, beside);
        }
        if let Some(least) = self.least.get_mut(cell) {
            *least = least.min(value);
        }
        if let Some(greatest) = self.greatest.get_mut(cell) {
            *greatest = greatest.max(value);
        }
    }
}

/// The root of a weight in units of 2^-32, in units of 2^-43, to the nearest integer. A cell's weight is at
/// most 2^71.
fn root_weight(weight: u128) -> u64 {
    // sqrt(n 2^-32) 2^43 = sqrt(n 2^54).
    let square = weight << (2 * WEIGHT_BITS - 32);
    let root = square.isqrt();
    // Nearer to the next one if beyond root^2 + root + 1/4.
    (root + u128::from(square - root * root > root)) as u64
}

/// The quotient to the nearest integer, halves away from zero.
fn rounded_ratio(numerator: i128, denominator: u128) -> i128 {
    let magnitude = numerator.unsigned_abs();
    let quotient = magnitude / denominator;
    let rest = magnitude % denominator;
    let rounded = (quotient + u128::from(rest >= denominator - rest)) as i128;
    if numerator < 0 { -rounded } else { rounded }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resample::WEIGHT_ONE;

    #[test]
    fn roots_of_weights() {
        let (one, root_one) = (u128::from(WEIGHT_ONE), 1u64 << WEIGHT_BITS);
        assert_eq!(root_weight(one), root_one);
        assert_eq!(root_weight(4 * one), 2 * root_one);
        assert_eq!(root_weight(0), 0);
        for n in [2u32, 3, 5, 1000, 40_000] {
            let expected = (f64::from(n).sqrt() * root_one as f64).round() as u64;
            assert!(
                root_weight(u128::from(n) * one).abs_diff(expected) <= 1,
                "{n}"
            );
        }
        assert_eq!(root_weight((1 << 71) - 1) >> 62, 1);
    }

    #[test]
    fn quotients_are_nearest() {
        for (a, b, c) in [
            (7, 2, 4),
            (-7, 2, -4),
            (6, 4, 2),
            (5, 4, 1),
            (-5, 3, -2),
            (0, 9, 0),
        ] {
            assert_eq!(rounded_ratio(a, b), c, "{a}/{b}");
        }
    }
}
