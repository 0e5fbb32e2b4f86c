//! Valid ranges, in unpacked units.

use super::Real;
use std::fmt;
use std::str::FromStr;

/// The values that count: both ends are in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ValidRange {
    /// Least valid value.
    pub low: f64,
    /// Greatest valid value.
    pub high: f64,
}

/// Text is not a range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid range {0:?}: give two numbers, the lower first, as in 0.001,100")]
pub struct InvalidRange(pub String);

impl ValidRange {
    /// Makes all values outside missing, infinite ones too.
    ///
    /// The ends are rounded to the values' precision first: 0.1 is valid up to 0.1, though the
    /// single-precision 0.1 is greater than the double-precision one.
    pub fn apply<T: Real>(&self, values: &mut [T]) {
        let (low, high) = (T::from_f64(self.low), T::from_f64(self.high));
        for value in values {
            if !(low <= *value && *value <= high && value.is_finite()) {
                *value = T::NAN;
            }
        }
    }
}

impl fmt::Display for ValidRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{},{}", self.low, self.high)
    }
}

impl FromStr for ValidRange {
    type Err = InvalidRange;

    fn from_str(text: &str) -> Result<Self, InvalidRange> {
        let number = |part: &str| part.trim().parse::<f64>().ok();
        text.split_once(',')
            .and_then(|(low, high)| Some((number(low)?, number(high)?)))
            .filter(|(low, high)| low <= high)
            .map(|(low, high)| ValidRange { low, high })
            .ok_or_else(|| InvalidRange(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_are_in() {
        let range: ValidRange = "0.001, 0.1".parse().unwrap();
        let below = f32::from_bits(0.001f32.to_bits() - 1);
        let above = f32::from_bits(0.1f32.to_bits() + 1);
        let mut values = [
            below,
            0.001,
            0.05,
            0.1,
            above,
            f32::NAN,
            f32::INFINITY,
            -1.0,
        ];
        range.apply(&mut values);
        let kept = values.map(|v| !v.is_nan());
        assert_eq!(kept, [false, true, true, true, false, false, false, false]);

        let mut values = [0.1f32.into(), 0.1f64, 0.001];
        range.apply(&mut values);
        assert_eq!(values.map(|v| !v.is_nan()), [false, true, true]);
    }

    #[test]
    fn infinity_is_never_valid() {
        let range: ValidRange = "-inf,inf".parse().unwrap();
        let mut values = [f64::INFINITY, f64::NEG_INFINITY, 1e308];
        range.apply(&mut values);
        assert!(values[0].is_nan() && values[1].is_nan() && values[2] == 1e308);
    }

    #[test]
    fn text_that_is_no_range() {
        for text in ["", "1", "1,", "2,1", "a,b", "1,2,3", "nan,1"] {
            let error = text.parse::<ValidRange>().unwrap_err();
            assert!(error.to_string().contains("0.001,100"), "{text}");
        }
        assert_eq!(
            "-2.5,45".parse::<ValidRange>().unwrap().to_string(),
            "-2.5,45"
        );
    }
}
