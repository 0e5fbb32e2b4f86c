//! Uncertainties of means, from those of the observations.
//!
//! With weights w and standard uncertainties u, and errors that are
//!
//! ```text
//! fully correlated   sum(w u) / sum(w)             what observations share, averaging does not take away
//! independent        sqrt(sum((w u)^2)) / sum(w)   goes down with the root of their number
//! ```
//!
//! Both are over the observations whose uncertainty is known.

use super::binned::BinnedSum;
use crate::resample::WEIGHT_ONE;
use serde::{Deserialize, Serialize};

/// Sums of the uncertainties of a cell's observations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Uncertainty {
    /// Of the observations whose uncertainty is known, in units of 2^-32.
    weight: u128,
    /// sum(w u), or sum((w u)^2).
    sum: BinnedSum,
}

impl Uncertainty {
    pub fn add_correlated(&mut self, uncertainty: f64, weight: u64) {
        if uncertainty.is_finite() {
            self.weight += u128::from(weight);
            self.sum.add(uncertainty, weight);
        }
    }

    pub fn add_independent(&mut self, uncertainty: f64, weight: u64) {
        if uncertainty.is_finite() {
            self.weight += u128::from(weight);
            // Each product is rounded once, by itself: their sum does not depend on order.
            let share = weight as f64 / WEIGHT_ONE as f64;
            self.sum.add_square(share * uncertainty, 1);
        }
    }

    pub fn merge(&mut self, other: &Uncertainty) {
        self.weight += other.weight;
        self.sum.merge(&other.sum);
    }

    /// Of a mean of correlated errors; NaN where no uncertainty is known.
    pub fn correlated(&self) -> f64 {
        match self.weight {
            0 => f64::NAN,
            weight => self.sum.mean(weight),
        }
    }

    /// Of a mean of independent errors; NaN where no uncertainty is known.
    pub fn independent(&self) -> f64 {
        match self.weight {
            0 => f64::NAN,
            weight => self.sum.sum_squared().sqrt() / (weight as f64 / WEIGHT_ONE as f64),
        }
    }

    /// Whether so many observations could have led to it.
    pub fn is_possible(&self, observations: u64) -> bool {
        self.weight <= u128::from(observations) << 32 && self.sum.is_possible()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_correlated_and_independent_errors() {
        let (mut correlated, mut independent) = (Uncertainty::default(), Uncertainty::default());
        assert!(correlated.correlated().is_nan() && independent.independent().is_nan());
        for (uncertainty, weight) in [(3.0, 1.0), (4.0, 1.0), (f64::NAN, 1.0), (12.0, 0.5)] {
            let weight = (weight * WEIGHT_ONE as f64) as u64;
            correlated.add_correlated(uncertainty, weight);
            independent.add_independent(uncertainty, weight);
        }
        assert_eq!(correlated.correlated(), 13.0 / 2.5);
        assert_eq!(independent.independent(), 61f64.sqrt() / 2.5);
        assert!(correlated.is_possible(3) && !correlated.is_possible(2));
    }
}
