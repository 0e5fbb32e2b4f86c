//! Sums of values whose range is not known: digits in bins of absolute exponent (after Demmel and
//! Nguyen, "Parallel Reproducible Summation", 2015).
//!
//! The exact product w v (or w v^2) of an observation is a binary number of at most 139 bits. The
//! exponent axis is cut at multiples of 64, and the number's digit in bin b is its bits there: it
//! depends on the observation alone. A sum keeps, as integers, the sums of digits of three bins: T,
//! T-1 and T-2, where T is the highest bin that holds a bit of any observation so far.
//!
//! *Order and grouping do not show.* Let F be the highest bin over all observations. Whatever the
//! order, T only grows, and T <= F for every partial sum. A digit in a bin b >= F-2 is at or above
//! T-2 whenever it is added, merged or carried along, so it is never dropped; a digit in a bin
//! b < F-2 is dropped at the latest when T reaches F, and a dropped bin never returns. So the final
//! state is the set of exact integer sums of all digits in bins F, F-1, F-2: integer addition is
//! associative and commutative. Sums of digits stay apart per bin (carries are never propagated
//! before finishing, as a carry out of a bin that is later dropped would show).
//!
//! *Accuracy.* The greatest term has a bit in bin F, so what is dropped of any term is less than
//! 2^-128 of the greatest. Terms of up to 64 + 1 bits below the top bin's end are exact: any w v of
//! f32 or f64 values with comparable magnitudes.
//!
//! *Room.* A digit is below 2^64 and a cell holds fewer than 2^39 observations: below 2^103.

use super::arithmetic::{Scaled, Wide};

/// A sum of products; 64 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub(super) struct BinnedSum {
    /// Sums of digits of the bins top, top - 1, top - 2.
    digits: [i128; 3],
    top: i32,
}

/// Added to exponents so that bins are numbered from 0: the least double is 2^-1074, and
/// 1088 = 17 * 64.
const BIAS: i32 = 1088;

impl BinnedSum {
    /// Adds w v; v is finite.
    #[inline]
    pub fn add(&mut self, value: f64, weight: u64) {
        let (mantissa, exponent) = decompose(value);
        let product = u128::from(mantissa) * u128::from(weight);
        self.add_product([product, 0], exponent + BIAS, value < 0.0);
    }

    /// Adds w v^2.
    #[inline]
    pub fn add_square(&mut self, value: f64, weight: u64) {
        let (mantissa, exponent) = decompose(value);
        let square = u128::from(mantissa) * u128::from(mantissa);
        let low = (square & u128::from(u64::MAX)) * u128::from(weight);
        let high = (square >> 64) * u128::from(weight) + (low >> 64);
        let bottom = low & u128::from(u64::MAX);
        self.add_product(
            [bottom | high << 64, high >> 64],
            2 * (exponent + BIAS),
            false,
        );
    }

    /// Adds `weight` times the mean of the values of another sum, whose weights sum to `divisor` and whose
    /// squares have a mean of `mean_square`; `weight` is below 2^53.
    ///
    /// The top bin is raised as their root mean square asks for: a mean may be zero where values cancel,
    /// and `variance` needs bins that fit those of the squares.
    pub fn add_mean(&mut self, other: &BinnedSum, divisor: u128, mean_square: Scaled, weight: u64) {
        let (mantissa, exponent) = decompose(mean_square.square_root());
        let product = u128::from(mantissa) * u128::from(weight);
        if product > 0 {
            self.raise((exponent + BIAS + product.ilog2() as i32) / 64);
        }
        self.add(other.mean(divisor), weight);
    }

    /// Adds `weight` times a mean of squares.
    pub fn add_mean_square(&mut self, mean_square: Scaled, weight: u64) {
        let (mantissa, exponent) = decompose(mean_square.mantissa);
        let product = u128::from(mantissa) * u128::from(weight);
        let position = exponent + mean_square.exponent + 2 * BIAS;
        // Squares of the least doubles reach below the lowest bin, where nothing is kept.
        if position >= 0 {
            self.add_product([product, 0], position, false);
        }
    }

    /// sum(w v^2) / `weight`, of a sum of squares.
    pub fn mean_square(&self, weight: u128) -> Scaled {
        let (_, magnitude) = self.signed::<4>();
        let mut mean = magnitude.divided_by(&Wide::<2>::from_u128(weight, 0));
        mean.exponent += 64 * (self.top - 2) - 2 * BIAS;
        mean
    }

    /// sum(w v^2), of a sum of squares, in units of the weight.
    pub fn sum_squared(&self) -> f64 {
        self.mean_square(1).value()
    }

    /// Adds another sum of the same kind.
    #[inline]
    pub fn merge(&mut self, other: &BinnedSum) {
        self.raise(other.top);
        let down = (self.top - other.top) as usize;
        for (digit, other) in self.digits.iter_mut().skip(down).zip(other.digits) {
            *digit += other;
        }
    }

    /// Whether sums of digits of fewer than 2^39 products of doubles may have led to it.
    pub fn is_possible(&self) -> bool {
        // The greatest product is below 2^(1024 + 32), the greatest square below 2^(2048 + 32).
        (0..=2 * (BIAS + 1024 + 32) / 64).contains(&self.top)
            && self.digits.iter().all(|d| d.unsigned_abs() < 1 << 103)
    }

    /// The same, where `sum` is of the values whose squares these are.
    pub fn is_possible_square_of(&self, sum: &BinnedSum) -> bool {
        // As `variance` needs it.
        let between = (self.top - 2) - 2 * (sum.top - 2);
        self.is_possible() && (0..=5).contains(&between)
    }

    #[cfg(test)]
    pub fn impossible() -> Self {
        BinnedSum {
            digits: [i128::MIN; 3],
            top: i32::MAX,
        }
    }

    /// The sum, in units of the weight.
    pub fn value(&self) -> f64 {
        self.mean(1)
    }

    /// sum(w v) / `weight`.
    pub fn mean(&self, weight: u128) -> f64 {
        let (negative, magnitude) = self.signed::<4>();
        let mut mean = magnitude.divided_by(&Wide::<2>::from_u128(weight, 0));
        mean.exponent += 64 * (self.top - 2) - BIAS;
        if negative {
            -mean.value()
        } else {
            mean.value()
        }
    }

    /// (W S2 - S^2) / W^2, where `self` is S; zero where dropped digits make it negative.
    pub fn variance(&self, squares: &BinnedSum, weight: u128) -> Scaled {
        let (_, sum) = self.signed::<12>();
        let (_, squares_sum) = squares.signed::<12>();
        // Bins of S^2 and of W S2 have the same cuts: only whole limbs lie between them, 0 to 5 as
        // weights differ by at most 2^32.
        let (base_sum, base_squares) = (2 * (self.top - 2), squares.top - 2);
        let base = base_sum.min(base_squares);
        let sum = sum.times(&sum).raised((base_sum - base) as usize);
        let weight = Wide::<2>::from_u128(weight, 0);
        let squares_sum = squares_sum
            .times(&weight)
            .raised((base_squares - base) as usize);
        let numerator = squares_sum.minus(&sum).unwrap_or(Wide::ZERO);
        let weight = Wide::<4>([weight.0[0], weight.0[1], 0, 0]);
        let mut variance = numerator.divided_by(&weight.times(&weight));
        variance.exponent += 64 * base - 2 * BIAS;
        variance
    }

    /// Adds the digits of a number `product * 2^(position - bias)`, lowest half first.
    #[inline]
    fn add_product(&mut self, product: [u128; 2], position: i32, negative: bool) {
        let (bin, shift) = (position / 64, position % 64);
        let limbs = shifted(product, shift as u32);
        let Some(highest) = limbs.iter().rposition(|limb| *limb != 0) else {
            return;
        };
        self.raise(bin + highest as i32);
        for (i, limb) in limbs.into_iter().enumerate().take(highest + 1) {
            let place = self.top - bin - i as i32;
            if let Some(digit) = self.digits.get_mut(place as usize) {
                let limb = i128::from(limb);
                *digit += if negative { -limb } else { limb };
            }
        }
    }

    /// Makes `top` the top bin, if it is higher.
    #[inline]
    fn raise(&mut self, top: i32) {
        if top > self.top {
            let [first, second, _] = self.digits;
            self.digits = match top - self.top {
                1 => [0, first, second],
                2 => [0, 0, first],
                _ => [0; 3],
            };
            self.top = top;
        }
    }

    /// Sign and magnitude in units of the lowest kept bin: 231 bits, so `N` is at least 4.
    fn signed<const N: usize>(&self) -> (bool, Wide<N>) {
        let mut parts = [Wide::<N>::ZERO; 2];
        for (limb, digit) in [2, 1, 0].into_iter().zip(self.digits) {
            let part = &mut parts[usize::from(digit < 0)];
            *part = part.plus(&Wide::from_u128(digit.unsigned_abs(), limb));
        }
        let [positive, negative] = parts;
        match positive.minus(&negative) {
            Some(magnitude) => (false, magnitude),
            None => (true, negative.minus(&positive).unwrap_or(Wide::ZERO)),
        }
    }
}

/// |v| = mantissa * 2^exponent with a mantissa below 2^53.
#[inline]
fn decompose(value: f64) -> (u64, i32) {
    let bits = value.to_bits();
    let fraction = bits & ((1 << 52) - 1);
    match (bits >> 52) as i32 & 0x7ff {
        0 => (fraction, -1074),
        exponent => (fraction | 1 << 52, exponent - 1075),
    }
}

/// A number of at most 139 bits times 2^shift (0 to 63), in limbs.
#[inline]
fn shifted(product: [u128; 2], shift: u32) -> [u64; 4] {
    let low = product[0] << shift;
    // Two steps, as a shift by 128 is none.
    let carried = (product[0] >> 64) >> (64 - shift);
    let high = product[1] << shift | carried;
    [
        low as u64,
        (low >> 64) as u64,
        high as u64,
        (high >> 64) as u64,
    ]
}
