//! From values to places on the colour bar: limits, and linear or logarithmic steps.

/// Steps of the colour bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Steps {
    /// Equal differences.
    Linear,
    /// Equal ratios; zero and negative values have the lowest colour.
    Log,
}

/// Where the colour bar begins and ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Limits {
    /// At the smallest and the largest value.
    Auto,
    /// At the 2nd and the 98th percentile, interpolated linearly as numpy does.
    Robust,
    /// At these values.
    Given(f64, f64),
}

/// Limits and steps, worked out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scale {
    pub(super) steps: Steps,
    pub(super) low: f64,
    pub(super) high: f64,
    /// Whether there are values below and above.
    pub(super) beyond: (bool, bool),
}

impl Scale {
    /// Limits for values, of which NaN are missing. Where all are equal, or none is there, the bar
    /// is widened so that it has a length.
    pub(super) fn new(values: &[f32], steps: Steps, limits: Limits) -> Self {
        let usable = |v: &f32| v.is_finite() && (steps == Steps::Linear || *v > 0.0);
        let (mut least, mut greatest) = (f32::INFINITY, f32::NEG_INFINITY);
        for v in values.iter().filter(|v| usable(v)) {
            least = least.min(*v);
            greatest = greatest.max(*v);
        }
        let (low, high) = match limits {
            Limits::Given(low, high) => (low, high),
            _ if least > greatest => (f64::NAN, f64::NAN),
            Limits::Auto => (f64::from(least), f64::from(greatest)),
            Limits::Robust => {
                let mut kept: Vec<f32> = values.iter().copied().filter(usable).collect();
                (percentile(&mut kept, 0.02), percentile(&mut kept, 0.98))
            }
        };
        let (low, high) = with_length(low, high, steps);
        let finite = || values.iter().map(|v| f64::from(*v));
        Scale {
            steps,
            low,
            high,
            beyond: (
                finite().any(|v| v < low && (low - v) > 1e-6 * (high - low)),
                finite().any(|v| v > high && (v - high) > 1e-6 * (high - low)),
            ),
        }
    }

    /// Place between the limits, 0 to 1 and beyond.
    #[inline]
    pub(super) fn place(&self, value: f64) -> f64 {
        match self.steps {
            Steps::Linear => (value - self.low) / (self.high - self.low),
            Steps::Log if value <= 0.0 => 0.0,
            Steps::Log => libm::log(value / self.low) / libm::log(self.high / self.low),
        }
    }
}

fn with_length(low: f64, high: f64, steps: Steps) -> (f64, f64) {
    match steps {
        Steps::Linear if low < high => (low, high),
        Steps::Linear if low.is_finite() => {
            let half = if low == 0.0 { 1.0 } else { 0.1 * low.abs() };
            (low - half, low + half)
        }
        Steps::Linear => (0.0, 1.0),
        Steps::Log if 0.0 < low && low < high => (low, high),
        Steps::Log if high > 0.0 && high.is_finite() => {
            if low == high {
                (low / 2.0, low * 2.0)
            } else {
                (high / 1000.0, high)
            }
        }
        Steps::Log => (0.1, 1.0),
    }
}

/// Percentile of finite values, linear between the two neighbours; reorders them.
fn percentile(values: &mut [f32], share: f64) -> f64 {
    let Some(last) = values.len().checked_sub(1) else {
        return f64::NAN;
    };
    let place = share * last as f64;
    let (at, part) = (place.floor() as usize, place.fract());
    let (_, low, above) = values.select_nth_unstable_by(at, f32::total_cmp);
    let low = f64::from(*low);
    match above.iter().copied().min_by(f32::total_cmp) {
        Some(next) if part > 0.0 => low + (f64::from(next) - low) * part,
        _ => low,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn robust_limits_are_numpys_percentiles() {
        // numpy 2: np.nanpercentile(np.float32([...]), [2, 98]) of i*i for i in 0..100, and NaN.
        let mut values: Vec<f32> = (0..100).rev().map(|i| (i * i) as f32).collect();
        values.push(f32::NAN);
        let scale = Scale::new(&values, Steps::Linear, Limits::Robust);
        // Places 1.98 and 97.02: 1 + 0.98 * 3, 9409 + 0.02 * 195.
        assert!((scale.low - 3.94).abs() < 1e-9, "{}", scale.low);
        assert!((scale.high - 9412.9).abs() < 1e-9, "{}", scale.high);
        assert_eq!(scale.beyond, (true, true));
    }

    #[test]
    fn places_are_linear_or_logarithmic() {
        let scale = Scale::new(&[0.01, 100.0], Steps::Log, Limits::Given(0.01, 100.0));
        assert!((scale.place(1.0) - 0.5).abs() < 1e-12);
        assert_eq!(scale.place(-1.0), 0.0);
        let scale = Scale::new(&[], Steps::Linear, Limits::Given(-2.0, 2.0));
        assert_eq!(scale.place(1.0), 0.75);
        assert_eq!(scale.beyond, (false, false));
    }

    #[test]
    fn a_bar_always_has_a_length() {
        for steps in [Steps::Linear, Steps::Log] {
            for values in [&[][..], &[f32::NAN], &[0.0], &[3.0, 3.0], &[-1.0, -1.0]] {
                for limits in [Limits::Auto, Limits::Robust, Limits::Given(0.0, 0.0)] {
                    let scale = Scale::new(values, steps, limits);
                    assert!(scale.low < scale.high, "{values:?} {steps:?} {limits:?}");
                    assert!(steps == Steps::Linear || scale.low > 0.0);
                }
            }
        }
    }
}
