//! Two maps of one grid against each other.

/// How the values of two maps agree, over the cells in which both have one.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// Cells in which both have a value.
    pub both: usize,
    /// Cells in which the first alone has.
    pub only_first: usize,
    /// Cells in which the second alone has.
    pub only_second: usize,
    /// Of the values.
    pub linear: Agreement,
    /// Cells in which both values are positive.
    pub positive: usize,
    /// Of their decimal logarithms.
    pub log10: Agreement,
    /// The largest differences, the largest first: cell, first value, second value.
    pub largest: Vec<(usize, f64, f64)>,
}

/// Bias, spread and correlation; NaN where there are no cells, or no spread to correlate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Agreement {
    /// Mean of second minus first.
    pub bias: f64,
    /// Root of the mean square of second minus first.
    pub rmsd: f64,
    /// Pearson's correlation.
    pub correlation: f64,
}

impl Comparison {
    /// Compares cell by cell; missing values are NaN. `most` is the number of largest differences wanted.
    pub fn of(first: &[f64], second: &[f64], most: usize) -> Self {
        let cells = || first.iter().copied().zip(second.iter().copied());
        let pairs: Vec<(f64, f64)> = cells()
            .filter(|(a, b)| a.is_finite() && b.is_finite())
            .collect();
        let logs: Vec<(f64, f64)> = pairs
            .iter()
            .filter(|(a, b)| *a > 0.0 && *b > 0.0)
            .map(|(a, b)| (libm::log10(*a), libm::log10(*b)))
            .collect();
        let mut largest: Vec<(usize, f64, f64)> = cells()
            .enumerate()
            .filter(|(_, (a, b))| a.is_finite() && b.is_finite() && a != b)
            .map(|(cell, (a, b))| (cell, a, b))
            .collect();
        let difference = |(_, a, b): &(usize, f64, f64)| (b - a).abs();
        let order = |a: &(usize, f64, f64), b: &(usize, f64, f64)| {
            let larger = difference(b).total_cmp(&difference(a));
            larger.then(a.0.cmp(&b.0))
        };
        if largest.len() > most && most > 0 {
            largest.select_nth_unstable_by(most - 1, order);
        }
        largest.truncate(most);
        largest.sort_by(order);
        Comparison {
            both: pairs.len(),
            only_first: cells()
                .filter(|(a, b)| a.is_finite() && !b.is_finite())
                .count(),
            only_second: cells()
                .filter(|(a, b)| b.is_finite() && !a.is_finite())
                .count(),
            linear: Agreement::of(&pairs),
            positive: logs.len(),
            log10: Agreement::of(&logs),
            largest,
        }
    }
}

impl Agreement {
    /// Two passes: differences from the means, so that nothing cancels.
    fn of(pairs: &[(f64, f64)]) -> Self {
        let count = pairs.len() as f64;
        let mean = |of: &dyn Fn(&(f64, f64)) -> f64| pairs.iter().map(of).sum::<f64>() / count;
        let (mean_a, mean_b) = (mean(&|p| p.0), mean(&|p| p.1));
        let (mut aa, mut bb, mut ab) = (0.0, 0.0, 0.0);
        for (a, b) in pairs {
            let (a, b) = (a - mean_a, b - mean_b);
            aa += a * a;
            bb += b * b;
            ab += a * b;
        }
        Agreement {
            bias: mean(&|p| p.1 - p.0),
            rmsd: mean(&|p| (p.1 - p.0) * (p.1 - p.0)).sqrt(),
            correlation: ab / (aa * bb).sqrt(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_agrees_and_what_does_not() {
        let nan = f64::NAN;
        let first = [1.0, 2.0, 3.0, 4.0, nan, 5.0, nan];
        let second = [1.0, 2.5, 2.0, 8.0, 1.0, nan, nan];
        let found = Comparison::of(&first, &second, 2);
        assert_eq!((found.both, found.only_first, found.only_second), (4, 1, 1));
        assert_eq!(found.linear.bias, 0.875);
        assert!((found.linear.rmsd - (17.25f64 / 4.0).sqrt()).abs() < 1e-15);
        // numpy.corrcoef([1, 2, 3, 4], [1, 2.5, 2, 8])[0, 1]
        assert!((found.linear.correlation - 0.841_302_248_709_826_4).abs() < 1e-14);
        assert_eq!(found.largest, [(3, 4.0, 8.0), (2, 3.0, 2.0)]);
        let bias = (1.25f64.log10() - 1.5f64.log10() + 2f64.log10()) / 4.0;
        assert!((found.log10.bias - bias).abs() < 1e-15 && found.positive == 4);
    }

    #[test]
    fn nothing_in_common() {
        let found = Comparison::of(&[1.0, f64::NAN], &[f64::NAN, 1.0], 5);
        assert_eq!((found.both, found.largest.len()), (0, 0));
        assert!(found.linear.bias.is_nan() && found.linear.correlation.is_nan());
    }
}
