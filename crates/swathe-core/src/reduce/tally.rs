//! How often each value was seen in the cells of a tile: for classes.

use serde::{Deserialize, Serialize};
use std::sync::OnceLock;

/// A value of a cell, and the weight with which it was seen.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Tally {
    /// The cell's place in the tile, or among the cells of a part.
    pub cell: u16,
    pub value: f64,
    /// In units of the columns' weights.
    pub weight: u128,
}

/// Tallies, each value of a cell once when they are looked at.
#[derive(Debug, Clone, Default)]
pub(super) struct Tallies {
    list: Vec<Tally>,
    /// So many of the list's first are in order, each value of a cell once.
    settled: usize,
    ordered: OnceLock<Vec<Tally>>,
}

impl PartialEq for Tallies {
    fn eq(&self, other: &Self) -> bool {
        self.ordered() == other.ordered()
    }
}

/// As many are added before values are brought together.
const LOOSE: usize = 1 << 16;

impl Tallies {
    pub fn push(&mut self, tally: Tally) {
        self.ordered.take();
        self.list.push(tally);
        if self.list.len() > 2 * self.settled + LOOSE {
            self.list = settle(std::mem::take(&mut self.list));
            self.settled = self.list.len();
        }
    }

    /// Adds others, each to the cell that stands for its own; none where there is no such.
    pub fn extend(&mut self, other: &Tallies, cell: impl Fn(u16) -> Option<u16>) {
        for tally in other.ordered() {
            if let Some(cell) = cell(tally.cell) {
                self.push(Tally { cell, ..*tally });
            }
        }
    }

    /// In order of cells, then values.
    pub fn ordered(&self) -> &[Tally] {
        self.ordered.get_or_init(|| settle(self.list.clone()))
    }

    fn of(&self, cell: u16) -> &[Tally] {
        let ordered = self.ordered();
        let first = ordered.partition_point(|tally| tally.cell < cell);
        let rest = &ordered[first..];
        &rest[..rest.partition_point(|tally| tally.cell == cell)]
    }

    /// The value with the greatest weight, of equals the least, and its share of all; NaN where there is none.
    pub fn mode(&self, cell: u16) -> (f64, f64) {
        let own = self.of(cell);
        let most = own.iter().reduce(|most, tally| {
            if tally.weight > most.weight {
                tally
            } else {
                most
            }
        });
        match most {
            Some(most) => (most.value, share(most.weight, own)),
            None => (f64::NAN, f64::NAN),
        }
    }

    /// The share of the weight that values have for which something holds; NaN where there is none.
    pub fn share(&self, cell: u16, holds: impl Fn(f64) -> bool) -> f64 {
        let own = self.of(cell);
        let held = own.iter().filter(|tally| holds(tally.value));
        share(held.map(|tally| tally.weight).sum(), own)
    }

    /// Whether cells with these weights may have led to it.
    pub fn is_possible(&self, weights: impl Iterator<Item = u128>, limit: f64) -> bool {
        let mut left: Vec<u128> = weights.collect();
        let each = self.list.iter().all(|tally| {
            let rest = left
                .get_mut(usize::from(tally.cell))
                .and_then(|left| Some((left.checked_sub(tally.weight)?, left)));
            let held = tally.weight > 0 && tally.value.abs() <= limit;
            match rest {
                Some((rest, left)) if held => {
                    *left = rest;
                    true
                }
                _ => false,
            }
        });
        each && left.iter().all(|left| *left == 0)
    }
}

fn share(weight: u128, of: &[Tally]) -> f64 {
    let total: u128 = of.iter().map(|tally| tally.weight).sum();
    weight as f64 / total as f64
}

/// In order, each value of a cell once.
fn settle(mut list: Vec<Tally>) -> Vec<Tally> {
    list.sort_unstable_by(|a, b| {
        let cells = a.cell.cmp(&b.cell);
        cells.then_with(|| a.value.total_cmp(&b.value))
    });
    list.dedup_by(|next, kept| {
        let same = next.cell == kept.cell && next.value == kept.value;
        if same {
            kept.weight += next.weight;
        }
        same
    });
    list
}

impl Serialize for Tallies {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.ordered().serialize(to)
    }
}

impl<'de> Deserialize<'de> for Tallies {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let list = Vec::<Tally>::deserialize(from)?;
        Ok(Tallies {
            // What is stored need not be in order.
            settled: 0,
            list,
            ordered: OnceLock::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_and_shares() {
        let mut tallies = Tallies::default();
        for i in 0..300_000u32 {
            let (cell, value) = ((i % 3) as u16, f64::from(i / 3 % 5));
            let weight = if value == 2.0 && cell == 1 { 3 } else { 1 };
            tallies.push(Tally {
                cell,
                value,
                weight,
            });
        }
        assert!(
            tallies.list.len() < 2 * LOOSE,
            "values are brought together"
        );
        assert_eq!(tallies.mode(0), (0.0, 0.2), "of equals the least");
        assert_eq!(tallies.mode(1), (2.0, 3.0 / 7.0));
        assert_eq!(tallies.share(1, |value| value >= 3.0), 2.0 / 7.0);
        assert!(tallies.mode(3).0.is_nan() && tallies.share(3, |_| true).is_nan());
        let weights = [100_000, 140_000, 100_000];
        assert!(tallies.is_possible(weights.into_iter(), 4.0));
        assert!(!tallies.is_possible(weights.into_iter(), 3.0));
        for wrong in [[100_000, 140_000, 99_999], [100_001, 140_000, 100_000]] {
            assert!(!tallies.is_possible(wrong.into_iter(), 4.0));
        }
    }
}
