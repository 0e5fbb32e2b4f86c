//! The observations of a tile's cells themselves, for percentiles.

use std::sync::OnceLock;

/// An observation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sample {
    /// Its cell's place in the tile, or among the cells of a part.
    pub cell: u16,
    pub value: f64,
    /// One where weights are not kept.
    pub weight: u64,
}

/// Observations, in no order that means anything.
#[derive(Debug, Clone, Default)]
pub(super) struct Samples {
    list: Vec<Sample>,
    ordered: OnceLock<Vec<Sample>>,
}

impl PartialEq for Samples {
    fn eq(&self, other: &Self) -> bool {
        self.ordered() == other.ordered()
    }
}

impl Samples {
    pub fn push(&mut self, cell: u16, value: f64, weight: u64) {
        self.ordered.take();
        self.list.push(Sample {
            cell,
            value,
            weight,
        });
    }

    /// Adds others, each to the cell that stands for its own; none where there is no such.
    pub fn extend(&mut self, other: &Samples, cell: impl Fn(u16) -> Option<u16>) {
        if other.list.is_empty() {
            return;
        }
        self.ordered.take();
        let placed = other.list.iter().filter_map(|sample| {
            Some(Sample {
                cell: cell(sample.cell)?,
                ..*sample
            })
        });
        self.list.extend(placed);
    }

    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// In order of cells, then values, then weights.
    pub fn ordered(&self) -> &[Sample] {
        self.ordered.get_or_init(|| {
            let mut ordered = self.list.clone();
            ordered.sort_unstable_by(|a, b| {
                let places = a.cell.cmp(&b.cell).then(a.value.total_cmp(&b.value));
                places.then(a.weight.cmp(&b.weight))
            });
            ordered
        })
    }

    /// A percentile of the observations of a cell; NaN where there are none.
    pub fn percentile(&self, cell: u16, percent: u8, weighted: bool) -> f64 {
        let ordered = self.ordered();
        let first = ordered.partition_point(|sample| sample.cell < cell);
        let rest = &ordered[first..];
        let own = &rest[..rest.partition_point(|sample| sample.cell == cell)];
        match weighted {
            true => weighted_percentile(own, percent),
            false => linear_percentile(own, percent),
        }
    }
}

/// The least value whose weight, with that of all below it, reaches so many percent.
fn weighted_percentile(own: &[Sample], percent: u8) -> f64 {
    let total: u128 = own.iter().map(|sample| u128::from(sample.weight)).sum();
    let mut reached = 0;
    for sample in own {
        reached += u128::from(sample.weight);
        if reached * 100 >= total * u128::from(percent) {
            return sample.value;
        }
    }
    f64::NAN
}

/// As numpy's `linear`: between the two observations around the place (n - 1) percent / 100.
fn linear_percentile(own: &[Sample], percent: u8) -> f64 {
    let place = own.len().saturating_sub(1) as f64 * (f64::from(percent) / 100.0);
    let below = place.floor();
    let share = place - below;
    let (Some(a), Some(b)) = (
        own.get(below as usize),
        own.get(below as usize + 1).or(own.last()),
    ) else {
        return f64::NAN;
    };
    let step = b.value - a.value;
    if share >= 0.5 {
        b.value - step * (1.0 - share)
    } else {
        a.value + step * share
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_of_a_cell() {
        let mut samples = Samples::default();
        for (cell, value, weight) in [
            (7, 3.0, 1),
            (3, 10.0, 1),
            (7, 1.0, 2),
            (7, 2.0, 1),
            (7, 9.0, 4),
        ] {
            samples.push(cell, value, weight);
        }
        let of = |percent, weighted| samples.percentile(7, percent, weighted);
        // numpy.percentile([1, 2, 3, 9], ...).
        let linear = [0, 10, 50, 75, 99, 100].map(|p| of(p, false));
        let expected = [1.0, 1.3, 2.5, 4.5, 8.82, 9.0];
        for (found, expected) in linear.into_iter().zip(expected) {
            assert!((found - expected).abs() < 1e-14, "{found} {expected}");
        }
        let weighted = [0, 25, 26, 37, 38, 50, 51, 100].map(|p| of(p, true));
        assert_eq!(weighted, [1.0, 1.0, 2.0, 2.0, 3.0, 3.0, 9.0, 9.0]);
        assert_eq!(samples.percentile(3, 50, false), 10.0);
        assert!(
            samples.percentile(4, 50, false).is_nan() && samples.percentile(8, 5, true).is_nan()
        );
    }
}
