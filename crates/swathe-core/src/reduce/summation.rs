//! How values are summed so that order and grouping do not show.

use super::fixed::Quantum;

/// The form of a variable's sums; part of the plan, so that every worker and every day uses the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum Summation {
    /// Integers in a quantum of `2^(exponent - 56)`, for |v| <= `2^exponent`: a value is rounded once
    /// to the quantum, its products and sums with weights are exact.
    Fixed {
        /// Power of two above every value's magnitude.
        exponent: i32,
    },
    /// Digits in bins of 64 bits of absolute exponent, of which the top three are kept: exact to
    /// 2^-128 of the greatest term, for any values.
    Binned,
}

/// Ranges up to here are taken for what they say. Some files declare 1e30 or the type's limit to
/// mean "anything": a quantum from that would swallow the values.
const LARGEST_RANGE: f64 = (1u64 << 20) as f64;

/// Span of magnitudes that keeps 32 bits of the smallest value.
const WIDEST_SPAN: f64 = (1u64 << 24) as f64;

impl Summation {
    /// The form for a variable whose values lie in `range`, both ends in.
    ///
    /// Fixed point where the range tells the magnitude: zero is outside and the ends are within a
    /// factor of 2^24, or nothing is greater than 2^20 (there, a value of 0.001 still keeps 26 bits
    /// in the worst case). Binned otherwise.
    pub fn for_range(range: Option<(f64, f64)>) -> Self {
        let Some((low, high)) = range else {
            return Summation::Binned;
        };
        let greatest = low.abs().max(high.abs());
        let least = if low > 0.0 || high < 0.0 {
            low.abs().min(high.abs())
        } else {
            0.0
        };
        let telling = greatest <= LARGEST_RANGE || greatest <= least * WIDEST_SPAN;
        // Beyond 2^900 either way the scale factors leave the range of doubles.
        if !(telling && low <= high && greatest > 1e-270 && greatest < 1e270) {
            return Summation::Binned;
        }
        Summation::Fixed {
            exponent: libm::ilogb(greatest) + 1,
        }
    }

    /// The greatest magnitude that can be summed.
    pub fn limit(&self) -> f64 {
        match self {
            Summation::Fixed { exponent } => Quantum::new(*exponent).limit(),
            Summation::Binned => f64::MAX,
        }
    }

    /// The value that a sum of this one value gives.
    #[inline]
    pub(super) fn rounded(&self, value: f64) -> f64 {
        match self {
            Summation::Fixed { exponent } => {
                let quantum = Quantum::new(*exponent);
                quantum.value(quantum.quanta(value))
            }
            Summation::Binned => value,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_range_decides() {
        let fixed = |exponent| Summation::Fixed { exponent };
        for (low, high, form) in [
            (0.001, 100.0, fixed(7)),
            (-2.0, 45.0, fixed(6)),
            (0.0, 64.0, fixed(7)),
            (-0.01, 0.1, fixed(-3)),
            (0.0, 1.0, fixed(1)),
            (-300.0, 1.0, fixed(9)),
            // Molecules per square metre: far from one, but the range says so.
            (1e24, 1e27, fixed(90)),
            (0.0, 1e27, Summation::Binned),
            (-1e30, 1e30, Summation::Binned),
            (f64::from(f32::MIN), f64::from(f32::MAX), Summation::Binned),
            (1e-30, 1e30, Summation::Binned),
            (1e299, 1e300, Summation::Binned),
            (0.0, 0.0, Summation::Binned),
            (5.0, 1.0, Summation::Binned),
            (f64::NAN, 1.0, Summation::Binned),
            (0.0, f64::NAN, Summation::Binned),
            (0.0, f64::INFINITY, Summation::Binned),
        ] {
            assert_eq!(
                Summation::for_range(Some((low, high))),
                form,
                "{low} {high}"
            );
            assert!(form.limit() > low.abs().max(high.abs()) || form == Summation::Binned);
        }
        assert_eq!(Summation::for_range(None), Summation::Binned);
    }
}
