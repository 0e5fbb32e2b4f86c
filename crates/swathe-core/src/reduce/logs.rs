//! Sums of logarithms, for geometric means.

use super::fixed::{Quantum, SumOfSquares};

/// Logarithms of doubles lie within 2^10: they are summed in quanta of 2^-46, whatever the values' range.
const EXPONENT: i32 = 10;

/// Sums over the positive values of a cell. Weights are those of the columns that it is part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub(super) struct Logs {
    /// Positive values.
    pub count: u64,
    weight: u128,
    sum: i128,
    squares: SumOfSquares,
}

impl Logs {
    pub fn add(&mut self, value: f64, weight: u64) {
        if value <= 0.0 {
            return;
        }
        let quanta = Quantum::new(EXPONENT).quanta(libm::log(value));
        self.count += 1;
        self.weight += u128::from(weight);
        self.sum += i128::from(quanta) * i128::from(weight);
        self.squares.add(quanta, weight);
    }

    pub fn merge(&mut self, other: &Logs) {
        self.count += other.count;
        self.weight += other.weight;
        self.sum += other.sum;
        self.squares.merge(&other.squares);
    }

    /// Geometric mean; NaN without a positive value.
    pub fn mean(&self) -> f64 {
        match self.count {
            0 => f64::NAN,
            _ => libm::exp(Quantum::new(EXPONENT).mean(self.sum, self.weight)),
        }
    }

    /// Geometric standard deviation, a factor; NaN without a positive value.
    pub fn std(&self) -> f64 {
        if self.count == 0 {
            return f64::NAN;
        }
        let variance = Quantum::new(EXPONENT).variance(self.sum, &self.squares, self.weight);
        libm::exp(variance.square_root())
    }

    /// Whether at most so many values, of at most so many observations with weights in these units, could have
    /// led to it.
    pub fn is_possible(&self, values: u64, observations: u64, bits: u32) -> bool {
        self.count <= values
            && self.weight <= u128::from(observations) << bits
            && self.sum.unsigned_abs() <= self.weight << 56
            && self.squares.is_possible(self.weight)
            && (self.count == 0) == (self.weight == 0)
    }
}
