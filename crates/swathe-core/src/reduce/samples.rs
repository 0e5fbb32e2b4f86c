//! The observations of a tile's cells themselves, for percentiles.

use super::compact::{CompactValues, CompactWeights};
use serde::{Deserialize, Serialize};
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
#[derive(Debug, Clone)]
pub(super) struct Samples {
    cells: Vec<u16>,
    values: CompactValues,
    weights: CompactWeights,
    grouped: OnceLock<Grouped>,
}

/// Observations of a tile's cells as they are stored, all or some.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct StoredSamples {
    pub(super) cells: Vec<u16>,
    pub(super) values: Vec<f64>,
    /// None where all are one.
    pub(super) weights: Vec<u64>,
}

impl StoredSamples {
    /// Number of them.
    pub fn len(&self) -> usize {
        self.cells.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// Appends others.
    pub fn append(&mut self, mut others: StoredSamples) {
        self.cells.append(&mut others.cells);
        self.values.append(&mut others.values);
        self.weights.append(&mut others.weights);
    }

    /// Takes so many of the first; all, if there are no more.
    #[must_use]
    pub fn take(&mut self, count: usize) -> Self {
        fn first<T>(column: &mut Vec<T>, count: usize) -> Vec<T> {
            let rest = column.split_off(count.min(column.len()));
            std::mem::replace(column, rest)
        }
        StoredSamples {
            cells: first(&mut self.cells, count),
            values: first(&mut self.values, count),
            weights: first(&mut self.weights, count),
        }
    }

    /// Hands on cell, value and weight of each, until something is wrong with one; `None` too where columns are not
    /// equally long.
    pub(super) fn each(
        &self,
        weighted: bool,
        mut take: impl FnMut(u16, f64, u64) -> Option<()>,
    ) -> Option<()> {
        let weights = if weighted { self.cells.len() } else { 0 };
        let whole = self.values.len() == self.cells.len() && self.weights.len() == weights;
        whole.then_some(())?;
        let mut weights = self.weights.iter();
        for (cell, value) in self.cells.iter().zip(&self.values) {
            take(*cell, *value, weights.next().copied().unwrap_or(1))?;
        }
        Some(())
    }
}

impl Default for Samples {
    fn default() -> Self {
        Samples {
            cells: Vec::new(),
            values: CompactValues::Single(Vec::new()),
            weights: CompactWeights::Ones,
            grouped: OnceLock::new(),
        }
    }
}

/// The places of observations in order of cells, then values, then weights.
#[derive(Debug, Clone)]
struct Grouped {
    /// For each cell, where its observations begin; and where the last end.
    starts: Vec<u32>,
    places: Vec<u32>,
}

impl PartialEq for Samples {
    fn eq(&self, other: &Self) -> bool {
        self.ordered().eq(other.ordered())
    }
}

impl Samples {
    /// Memory of an observation, and of its place in the order: with a weight, and with a value that needs double
    /// precision.
    pub const fn bytes(weighted: bool, double: bool) -> usize {
        let weight = if weighted { size_of::<u32>() } else { 0 };
        let value = if double {
            size_of::<f64>()
        } else {
            size_of::<f32>()
        };
        size_of::<u16>() + value + weight + size_of::<u32>()
    }

    /// Of columns as they are stored; weights are none where all are one.
    pub fn of_columns(cells: Vec<u16>, mut values: Vec<f64>, weights: Vec<u64>) -> Self {
        // Lengths that do not fit are found out by the counts.
        values.resize(cells.len(), f64::NAN);
        let mut own = CompactWeights::Ones;
        for (place, weight) in weights.into_iter().take(cells.len()).enumerate() {
            own.push(weight, place);
        }
        Samples {
            cells,
            values: CompactValues::of(values),
            weights: own,
            grouped: OnceLock::new(),
        }
    }

    pub fn push(&mut self, cell: u16, value: f64, weight: u64) {
        self.grouped.take();
        self.weights.push(weight, self.cells.len());
        self.cells.push(cell);
        self.values.push(value);
    }

    /// Adds others, each to the cell that stands for its own; none where there is no such.
    pub fn extend(&mut self, other: &Samples, cell: impl Fn(u16) -> Option<u16>) {
        for place in 0..other.len() {
            let sample = other.at(place);
            if let Some(cell) = cell(sample.cell) {
                self.push(cell, sample.value, sample.weight);
            }
        }
    }

    /// Gives room back that is not used.
    pub fn shrink(&mut self) {
        self.cells.shrink_to_fit();
        self.values.shrink();
        self.weights.shrink();
    }

    pub fn len(&self) -> usize {
        self.cells.len()
    }

    fn at(&self, place: usize) -> Sample {
        Sample {
            cell: self.cells[place],
            value: self.values.at(place),
            weight: self.weights.at(place),
        }
    }

    /// In order of cells, then values, then weights.
    pub fn ordered(&self) -> impl Iterator<Item = Sample> {
        let places = self.grouped().places.iter();
        places.map(|place| self.at(*place as usize))
    }

    fn grouped(&self) -> &Grouped {
        self.grouped.get_or_init(|| {
            let cells = self.cells.iter().map(|cell| usize::from(*cell));
            let mut starts = vec![0u32; cells.clone().max().map_or(1, |last| last + 2)];
            for cell in cells.clone() {
                starts[cell + 1] += 1;
            }
            let mut before = 0;
            for start in &mut starts {
                before += *start;
                *start = before;
            }
            let mut next = starts.clone();
            let mut places = vec![0u32; self.len()];
            for (place, cell) in cells.enumerate() {
                places[next[cell] as usize] = place as u32;
                next[cell] += 1;
            }
            for cell in starts.windows(2) {
                let [first, end] = cell else { continue };
                places[*first as usize..*end as usize].sort_unstable_by(|a, b| {
                    let (a, b) = (self.at(*a as usize), self.at(*b as usize));
                    let values = a.value.total_cmp(&b.value);
                    values.then(a.weight.cmp(&b.weight))
                });
            }
            Grouped { starts, places }
        })
    }

    /// A percentile of the observations of a cell; NaN where there are none.
    pub fn percentile(&self, cell: u16, percent: u8, weighted: bool) -> f64 {
        let Grouped { starts, places } = self.grouped();
        let bounds = starts
            .get(usize::from(cell))
            .zip(starts.get(usize::from(cell) + 1));
        let own = bounds.map_or(&[][..], |(first, end)| {
            &places[*first as usize..*end as usize]
        });
        let own: Vec<Sample> = own.iter().map(|place| self.at(*place as usize)).collect();
        match weighted {
            true => weighted_percentile(&own, percent),
            false => linear_percentile(&own, percent),
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
