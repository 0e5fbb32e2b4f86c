//! Arithmetic beyond 53 and 128 bits, for finishing: quotients of sums are rounded once.

/// An unevaluated sum of two doubles, about 106 bits (Dekker 1971).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct DoubleDouble {
    high: f64,
    low: f64,
}

impl DoubleDouble {
    #[inline]
    pub fn from_u128(n: u128) -> Self {
        // Parts of 43 bits convert exactly by the instruction for i64; a direct conversion is a call.
        const MASK: u128 = (1 << 43) - 1;
        let top = (n >> 86) as i64 as f64 * TWO_86;
        let middle = ((n >> 43) & MASK) as i64 as f64 * TWO_43;
        let bottom = (n & MASK) as i64 as f64;
        let (high, rest) = fast_two_sum(top, middle);
        let (high, low) = fast_two_sum(high, rest + bottom);
        DoubleDouble { high, low }
    }

    /// The quotient, rounded once but for an error of 2^-100 before rounding.
    #[inline]
    pub fn divided_by(self, divisor: DoubleDouble) -> f64 {
        let quotient = self.high / divisor.high;
        let (product, error) = two_product(quotient, divisor.high);
        let rest = (self.high - product) - error + self.low - quotient * divisor.low;
        quotient + rest / divisor.high
    }
}

/// `numerator / denominator` rounded once; NaN for 0/0.
#[inline]
pub(super) fn ratio(numerator: i128, denominator: u128) -> f64 {
    let magnitude = DoubleDouble::from_u128(numerator.unsigned_abs())
        .divided_by(DoubleDouble::from_u128(denominator));
    if numerator < 0 { -magnitude } else { magnitude }
}

/// `mantissa * 2^exponent`, apart from each other so that squares of any double fit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scaled {
    pub mantissa: f64,
    pub exponent: i32,
}

impl Scaled {
    pub fn value(self) -> f64 {
        libm::scalbn(self.mantissa, self.exponent)
    }

    pub fn square_root(self) -> f64 {
        let odd = self.exponent & 1;
        let mantissa = self.mantissa * f64::from(1 + odd);
        libm::scalbn(mantissa.sqrt(), (self.exponent - odd) / 2)
    }
}

/// An unsigned integer of `N` limbs of 64 bits, lowest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wide<const N: usize>(pub [u64; N]);

impl<const N: usize> Wide<N> {
    pub const ZERO: Self = Wide([0; N]);

    /// `n * 2^(64 shift)`.
    pub fn from_u128(n: u128, shift: usize) -> Self {
        let mut limbs = [0; N];
        limbs[shift] = n as u64;
        limbs[shift + 1] = (n >> 64) as u64;
        Wide(limbs)
    }

    pub fn plus(mut self, other: &Self) -> Self {
        let mut carry = 0u128;
        for (limb, addend) in self.0.iter_mut().zip(&other.0) {
            carry += u128::from(*limb) + u128::from(*addend);
            *limb = carry as u64;
            carry >>= 64;
        }
        debug_assert_eq!(carry, 0);
        self
    }

    /// `self - other` where that is not negative, else `None`.
    pub fn minus(mut self, other: &Self) -> Option<Self> {
        let mut borrow = false;
        for (limb, subtrahend) in self.0.iter_mut().zip(&other.0) {
            let (first, one) = limb.overflowing_sub(*subtrahend);
            let (second, two) = first.overflowing_sub(u64::from(borrow));
            *limb = second;
            borrow = one | two;
        }
        (!borrow).then_some(self)
    }

    /// The product, which must fit.
    pub fn times<const M: usize>(&self, other: &Wide<M>) -> Self {
        let mut product = [0; N];
        for (i, &a) in self.0.iter().enumerate().filter(|(_, a)| **a != 0) {
            let mut carry = 0u128;
            for (j, &b) in other.0.iter().enumerate() {
                let Some(limb) = product.get_mut(i + j) else {
                    debug_assert!(b == 0 && carry == 0);
                    break;
                };
                carry += u128::from(*limb) + u128::from(a) * u128::from(b);
                *limb = carry as u64;
                carry >>= 64;
            }
            if let Some(limb) = product.get_mut(i + M) {
                *limb = carry as u64;
            }
        }
        Wide(product)
    }

    /// `self * 2^(64 limbs)`, which must fit.
    pub fn raised(mut self, limbs: usize) -> Self {
        debug_assert!(self.0[N - limbs..].iter().all(|l| *l == 0));
        self.0.rotate_right(limbs);
        self
    }

    /// The first 128 bits, and the power of two to multiply them by.
    fn leading(&self) -> (u128, i32) {
        let Some(top) = self.0.iter().rposition(|limb| *limb != 0) else {
            return (0, 0);
        };
        let limb = |i: Option<usize>| i.map_or(0, |i| self.0[i]);
        let high = u128::from(self.0[top]) << 64 | u128::from(limb(top.checked_sub(1)));
        let low = limb(top.checked_sub(2));
        let shift = high.leading_zeros();
        let bits = if shift == 0 {
            high
        } else {
            high << shift | u128::from(low >> (64 - shift))
        };
        (bits, 64 * (top as i32 - 1) - shift as i32)
    }

    /// `self / divisor`, rounded once.
    pub fn divided_by<const M: usize>(&self, divisor: &Wide<M>) -> Scaled {
        let (numerator, up) = self.leading();
        let (denominator, down) = divisor.leading();
        Scaled {
            mantissa: DoubleDouble::from_u128(numerator)
                .divided_by(DoubleDouble::from_u128(denominator)),
            exponent: up - down,
        }
    }
}

const TWO_43: f64 = (1u64 << 43) as f64;
const TWO_86: f64 = TWO_43 * TWO_43;

/// a + b and its rounding error, for |a| >= |b| or a = 0.
#[inline]
fn fast_two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    (sum, b - (sum - a))
}

/// a * b and its rounding error (Veltkamp's splitting), for |a|, |b| < 2^480: `mul_add` is a call
/// where the processor is not known to have the instruction.
#[inline]
fn two_product(a: f64, b: f64) -> (f64, f64) {
    let product = a * b;
    let (a_high, a_low) = split(a);
    let (b_high, b_low) = split(b);
    let error = ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low;
    (product, error)
}

#[inline]
fn split(a: f64) -> (f64, f64) {
    let scaled = a * 134_217_729.0;
    let high = scaled - (scaled - a);
    (high, a - high)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use num_bigint::BigUint;
    use proptest::prelude::*;

    fn big<const N: usize>(wide: &Wide<N>) -> BigUint {
        wide.0
            .iter()
            .rev()
            .fold(BigUint::default(), |n, limb| (n << 64) + limb)
    }

    /// The double nearest to a / b * 2^exponent, by integers.
    pub(in crate::reduce) fn nearest_ratio(a: &BigUint, b: &BigUint, exponent: i32) -> f64 {
        let shift = 64 + b.bits() as i64 - a.bits() as i64;
        let (a, b) = if shift >= 0 {
            (a << shift, b.clone())
        } else {
            (a.clone(), b << -shift)
        };
        let quotient = &a / &b;
        let sticky = u128::from(&quotient * &b != a);
        // 64 or 65 bits and one that says "and a little more": `as` rounds to nearest, ties to even.
        let bits = u128::try_from(quotient).unwrap() << 1 | sticky;
        libm::scalbn(bits as f64, exponent - shift as i32 - 1)
    }

    proptest! {
        #[test]
        fn ratios_are_rounded_once(a: i128, b in 1u128.., down in 0u32..126, less in 0u32..126) {
            let (a, b) = (a >> down, (b >> less).max(1));
            let expected = nearest_ratio(&a.unsigned_abs().into(), &b.into(), 0) * a.signum() as f64;
            let got = ratio(a, b);
            prop_assert_eq!(got.to_bits(), (expected + if a < 0 { -0.0 } else { 0.0 }).to_bits(),
                "{} / {}: {} {}", a, b, got, expected);
        }

        #[test]
        fn wide_integers_compute(a: [u64; 4], b: [u64; 2], c: [u64; 5]) {
            let (a8, c8) = (widened(&a), widened(&c));
            let product = a8.times(&Wide(b));
            prop_assert_eq!(big(&product), big(&Wide(a)) * big(&Wide(b)));
            let sum = product.plus(&c8);
            prop_assert_eq!(big(&sum), big(&product) + big(&Wide(c)));
            prop_assert_eq!(sum.minus(&c8), Some(product));
            prop_assert_eq!(product.minus(&sum).is_none(), c != [0; 5]);
            prop_assert_eq!(big(&a8.raised(3)), big(&a8) << 192);
        }

        #[test]
        fn wide_quotients_are_rounded_once(a: [u64; 4], b: [u64; 3], zeros in 0usize..4, less in 0usize..3) {
            let (mut a, mut b) = (a, b);
            a[4 - zeros..].fill(0);
            b[3 - less..].fill(0);
            prop_assume!(a != [0; 4] && b != [0; 3]);
            let quotient = Wide(a).divided_by(&Wide(b));
            let expected = nearest_ratio(&big(&Wide(a)), &big(&Wide(b)), 0);
            prop_assert_eq!(quotient.value(), expected);
            let root = quotient.square_root();
            prop_assert!((root * root / expected - 1.0).abs() < 4e-16 || expected.is_infinite());
        }
    }

    fn widened<const M: usize>(a: &[u64; M]) -> Wide<8> {
        let mut limbs = [0; 8];
        limbs[..M].copy_from_slice(a);
        Wide(limbs)
    }

    #[test]
    fn nothing_divided() {
        assert_eq!(ratio(0, 7).to_bits(), 0.0f64.to_bits());
        assert!(ratio(0, 0).is_nan());
        assert_eq!(Wide::<4>::ZERO.divided_by(&Wide([7, 0])).value(), 0.0);
    }
}
