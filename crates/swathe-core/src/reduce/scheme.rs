//! What of the values is averaged.

use crate::suggest::UnknownName;
use std::fmt;
use std::str::FromStr;

/// What of the values is averaged, as NASA's binning programs name it.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize,
)]
pub enum Scheme {
    /// The values.
    #[default]
    Arithmetic,
    /// Their natural logarithms; values that are not positive are left out.
    Geometric,
    /// Their inverses; zeros are left out.
    Harmonic,
    /// Their squares.
    Quadratic,
}

impl Scheme {
    /// All schemes.
    pub const ALL: [Scheme; 4] = [
        Scheme::Arithmetic,
        Scheme::Geometric,
        Scheme::Harmonic,
        Scheme::Quadratic,
    ];

    /// Name in options and files.
    pub fn name(self) -> &'static str {
        match self {
            Scheme::Arithmetic => "arithmetic",
            Scheme::Geometric => "geometric",
            Scheme::Harmonic => "harmonic",
            Scheme::Quadratic => "quadratic",
        }
    }

    /// What is averaged of a value; NaN where nothing is.
    #[inline]
    pub fn of(self, value: f64) -> f64 {
        match self {
            Scheme::Arithmetic => value,
            Scheme::Geometric if value > 0.0 => libm::log(value),
            Scheme::Harmonic if value != 0.0 => value.recip(),
            Scheme::Quadratic => value * value,
            Scheme::Geometric | Scheme::Harmonic => f64::NAN,
        }
    }

    /// The value of which this is averaged: of a mean, the mean of the scheme's name.
    pub fn inverse(self, mean: f64) -> f64 {
        match self {
            Scheme::Arithmetic => mean,
            Scheme::Geometric => libm::exp(mean),
            Scheme::Harmonic => mean.recip(),
            Scheme::Quadratic => mean.sqrt(),
        }
    }

    /// The range of what is averaged of values in a range; `None` where it has no bounds.
    pub fn range(self, range: (f64, f64)) -> Option<(f64, f64)> {
        let (low, high) = range;
        match self {
            Scheme::Arithmetic => Some(range),
            Scheme::Geometric => (low > 0.0).then(|| (self.of(low), self.of(high))),
            Scheme::Harmonic => (low * high > 0.0).then(|| (self.of(high), self.of(low))),
            Scheme::Quadratic => {
                let greatest = low.abs().max(high.abs());
                Some((0.0, greatest * greatest))
            }
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Scheme {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        let known = Scheme::ALL.map(Scheme::name);
        Scheme::ALL
            .into_iter()
            .find(|s| s.name() == name)
            .ok_or_else(|| UnknownName::new("averaging scheme", name, &known))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_come_back() {
        for scheme in Scheme::ALL {
            assert!(
                (scheme.inverse(scheme.of(0.7)) - 0.7).abs() < 1e-15,
                "{scheme}"
            );
            let (low, high) = scheme.range((0.001, 100.0)).unwrap();
            for value in [0.001, 0.3, 100.0] {
                assert!((low..=high).contains(&scheme.of(value)), "{scheme}");
            }
            assert_eq!(scheme.name().parse(), Ok(scheme));
        }
        assert!(Scheme::Geometric.of(0.0).is_nan() && Scheme::Harmonic.of(0.0).is_nan());
        assert_eq!(Scheme::Harmonic.range((-1.0, 1.0)), None);
    }
}
