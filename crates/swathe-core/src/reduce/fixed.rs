//! Sums of values with a known range: integers in a quantum.
//!
//! With |v| <= 2^E, q = v 2^(56-E) rounded to an integer has |q| <= 2^56; a weight is at most 2^32
//! units, and a cell holds fewer than 2^39 observations. So |sum(w q)| < 2^127 fits an `i128` and
//! sum(w q^2) < 2^183 fits 192 bits: nothing is rounded after q.

use super::arithmetic::{Scaled, Wide, ratio};

/// The step to which values are rounded.
#[derive(Debug, Clone, Copy)]
pub(super) struct Quantum {
    exponent: i32,
    to_quanta: f64,
    to_value: f64,
}

impl Quantum {
    #[inline]
    pub fn new(exponent: i32) -> Self {
        Quantum {
            exponent,
            to_quanta: power_of_two(56 - exponent),
            to_value: power_of_two(exponent - 56),
        }
    }

    /// Greatest magnitude of a value: 2^E.
    pub fn limit(self) -> f64 {
        power_of_two(self.exponent)
    }

    /// The value in quanta, rounded to the nearest integer (ties to even).
    #[inline]
    pub fn quanta(self, value: f64) -> i64 {
        const TWO_52: f64 = (1u64 << 52) as f64;
        let scaled = value * self.to_quanta;
        // Doubles from 2^52 on are integers; below, adding 2^52 drops the fraction. `round` is a
        // call where the processor is not known to have the instruction.
        let magic = TWO_52.copysign(scaled);
        let rounded = if scaled.abs() < TWO_52 {
            (scaled + magic) - magic
        } else {
            scaled
        };
        rounded as i64
    }

    /// A number of quanta as a value.
    #[inline]
    pub fn value(self, quanta: i64) -> f64 {
        quanta as f64 * self.to_value
    }

    /// sum(w q) / sum(w) as a value.
    #[inline]
    pub fn mean(self, sum: i128, weight: u128) -> f64 {
        ratio(sum, weight) * self.to_value
    }

    /// sum(w q) as a value, in units of the weight.
    pub fn sum(self, sum: i128) -> f64 {
        sum as f64 * self.to_value
    }

    /// sum(w q^2) as a value, in units of the weight.
    pub fn sum_squared(self, squares: &SumOfSquares) -> f64 {
        let [low, middle, high] = squares.0;
        let mut sum = Wide([low, middle, high]).divided_by(&Wide::<2>::from_u128(1, 0));
        sum.exponent += 2 * (self.exponent - 56);
        sum.value()
    }

    /// The variance sum(w v^2)/W - (sum(w v)/W)^2, as one exact fraction: (W S2 - S^2) / W^2. It is
    /// not negative, by the inequality of Cauchy and Schwarz.
    pub fn variance(self, sum: i128, squares: &SumOfSquares, weight: u128) -> Scaled {
        let [low, middle, high] = squares.0;
        let squares = Wide([low, middle, high, 0]).times(&Wide::<2>::from_u128(weight, 0));
        let sum = Wide::<4>::from_u128(sum.unsigned_abs(), 0);
        let numerator = squares.minus(&sum.times(&sum)).unwrap_or(Wide::ZERO);
        let weight = Wide::<4>::from_u128(weight, 0);
        let mut variance = numerator.divided_by(&weight.times(&weight));
        variance.exponent += 2 * (self.exponent - 56);
        variance
    }
}

/// sum(w q^2), exact, in 192 bits (lowest limb first).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub(super) struct SumOfSquares([u64; 3]);

impl SumOfSquares {
    #[inline]
    pub fn add(&mut self, quanta: i64, weight: u64) {
        let magnitude = u128::from(quanta.unsigned_abs());
        let square = magnitude * magnitude;
        let low = (square & u128::from(u64::MAX)) * u128::from(weight);
        let high = (square >> 64) * u128::from(weight) + (low >> 64);
        self.merge(&SumOfSquares([
            low as u64,
            high as u64,
            (high >> 64) as u64,
        ]));
    }

    /// Adds `weight` times the mean of the squares of another sum, whose weights sum to `divisor`, to the
    /// nearest integer. The mean is at most 2^112, the weight at most 2^52: as large as any observation of
    /// that weight may be.
    pub fn add_mean(&mut self, other: &Self, divisor: u128, weight: u64) {
        let mean = other.mean(divisor);
        let low = (mean & u128::from(u64::MAX)) * u128::from(weight);
        let high = (mean >> 64) * u128::from(weight) + (low >> 64);
        self.merge(&SumOfSquares([
            low as u64,
            high as u64,
            (high >> 64) as u64,
        ]));
    }

    /// sum(w q^2) / `divisor`, the sum of the weights, to the nearest integer.
    fn mean(&self, divisor: u128) -> u128 {
        let [low, middle, high] = self.0;
        let top = (u128::from(high) << 64) | u128::from(middle);
        // One limb at a time, the rest of the one before in front; weights are below 2^71.
        let (mut quotient, mut rest) = (top / divisor, top % divisor);
        for shift in [32, 0] {
            let digit = u128::from(low >> shift) & u128::from(u32::MAX);
            let next = (rest << 32) | digit;
            quotient = (quotient << 32) | (next / divisor);
            rest = next % divisor;
        }
        quotient + u128::from(2 * rest >= divisor)
    }

    #[cfg(test)]
    pub fn impossible() -> Self {
        SumOfSquares([u64::MAX; 3])
    }

    /// Whether observations of this weight in all may have led to it: at most 2^112 for each unit.
    pub fn is_possible(&self, weight: u128) -> bool {
        let most = Wide::<4>::from_u128(weight, 1).times(&Wide::<2>([1 << 48, 0]));
        let [low, middle, high] = self.0;
        most.minus(&Wide([low, middle, high, 0])).is_some()
    }

    #[inline]
    pub fn merge(&mut self, other: &Self) {
        let [a, b, c] = &mut self.0;
        let low = u128::from(*a) + u128::from(other.0[0]);
        let middle = u128::from(*b) + u128::from(other.0[1]) + (low >> 64);
        *a = low as u64;
        *b = middle as u64;
        // Below 2^183 in all, see above.
        *c = c
            .wrapping_add(other.0[2])
            .wrapping_add((middle >> 64) as u64);
    }
}

/// 2^exponent for normal doubles.
#[inline]
fn power_of_two(exponent: i32) -> f64 {
    f64::from_bits(((exponent + 1023) as u64) << 52)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn quanta_are_the_nearest_integers() {
        let quantum = Quantum::new(56);
        for (value, quanta) in [
            (0.0, 0),
            (0.49999999999999994, 0),
            (0.5, 0),
            (1.5, 2),
            (-2.5, -2),
            (-2.500001, -3),
            (4503599627370495.5, 4503599627370496),
            (4503599627370497.0, 4503599627370497),
            (9007199254740993.0, 9007199254740992),
            (72057594037927936.0, 1 << 56),
            (-72057594037927936.0, -(1 << 56)),
        ] {
            assert_eq!(quantum.quanta(value), quanta, "{value}");
        }
        assert_eq!(Quantum::new(7).quanta(100.0), 100 << 49);
        assert_eq!(Quantum::new(7).value(100 << 49), 100.0);
        assert_eq!(Quantum::new(-890).limit(), libm::scalbn(1.0, -890));
        assert_eq!(Quantum::new(890).value(1), libm::scalbn(1.0, 834));
    }

    proptest! {
        #[test]
        fn quanta_agree_with_the_standard_library(value in -1e17f64..1e17, shift in 0i32..60) {
            let value = value / f64::from(1 << (shift / 2)) / f64::from(1 << (shift - shift / 2));
            prop_assume!(value.abs() <= (1u64 << 56) as f64);
            prop_assert_eq!(Quantum::new(56).quanta(value), value.round_ties_even() as i64);
        }
    }
}
