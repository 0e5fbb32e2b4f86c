//! One observation of many: the first, the last, the one where something else is least or greatest.
//!
//! Observations are in a total order: by granule (in the order of start and name), then line and pixel. What is
//! picked from a set is therefore the same however the set was put together.

use super::Beside;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;

/// An observation and its place in the order of all.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Pick {
    value: f64,
    granule: u32,
    pixel: u32,
}

impl Pick {
    /// No observation.
    pub const NONE: Pick = Pick {
        value: 0.0,
        granule: u32::MAX,
        pixel: u32::MAX,
    };

    pub fn new(value: f64, granule: u32, pixel: u32) -> Self {
        Pick {
            value,
            granule,
            pixel,
        }
    }

    pub fn is_none(&self) -> bool {
        (self.granule, self.pixel) == (u32::MAX, u32::MAX)
    }

    /// The value; NaN of none.
    pub fn value(&self) -> f64 {
        if self.is_none() { f64::NAN } else { self.value }
    }

    /// The value decides where a pixel gives twice.
    fn order(&self, other: &Pick) -> Ordering {
        let place = |pick: &Pick| (pick.granule, pick.pixel);
        let values = || self.value.total_cmp(&other.value);
        place(self).cmp(&place(other)).then_with(values)
    }

    /// Keeps the earlier of both.
    pub fn earlier(&mut self, other: &Pick) {
        if other.order(self) == Ordering::Less {
            *self = *other;
        }
    }

    /// Keeps the later of both.
    pub fn later(&mut self, other: &Pick) {
        if self.is_none() || (!other.is_none() && other.order(self) == Ordering::Greater) {
            *self = *other;
        }
    }

    fn renumber(&mut self, numbers: &[Option<u32>]) -> Option<()> {
        if !self.is_none() {
            self.granule = (*numbers.get(self.granule as usize)?)?;
        }
        Some(())
    }
}

/// The observation where a criterion is least or greatest; of equals the earliest.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Best {
    /// Lower is better.
    rank: f64,
    pick: Pick,
}

impl Best {
    pub const NONE: Best = Best {
        rank: f64::INFINITY,
        pick: Pick::NONE,
    };

    /// An observation, unless its criterion is missing.
    pub fn new(pick: Pick, rank: f64) -> Self {
        match rank.is_finite() {
            // A zero has one sign.
            true => Best {
                rank: rank + 0.0,
                pick,
            },
            false => Best::NONE,
        }
    }

    pub fn value(&self) -> f64 {
        self.pick.value()
    }

    /// Keeps the better of both.
    pub fn merge(&mut self, other: &Best) {
        if other.rank < self.rank {
            *self = *other;
        } else if other.rank == self.rank {
            self.pick.earlier(&other.pick);
        }
    }
}

/// What is picked of each cell; columns that are not kept are empty.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Picks {
    pub first: Vec<Pick>,
    pub last: Vec<Pick>,
    pub smallest: Vec<Best>,
    pub largest: Vec<Best>,
}

impl Picks {
    pub fn add(&mut self, cell: usize, value: f64, granule: u32, beside: &Beside) {
        let pick = Pick::new(value, granule, beside.pixel);
        if let Some(first) = self.first.get_mut(cell) {
            first.earlier(&pick);
        }
        if let Some(last) = self.last.get_mut(cell) {
            last.later(&pick);
        }
        if let Some(smallest) = self.smallest.get_mut(cell) {
            smallest.merge(&Best::new(pick, beside.criterion));
        }
        if let Some(largest) = self.largest.get_mut(cell) {
            largest.merge(&Best::new(pick, -beside.criterion));
        }
    }

    /// Adds a cell of another; if they are all of one granule, of this one.
    pub fn merge(&mut self, cell: usize, other: &Picks, from: usize, granule: Option<u32>) {
        let placed = |pick: &Pick| match granule {
            Some(granule) if !pick.is_none() => Pick { granule, ..*pick },
            _ => *pick,
        };
        let best = |best: &Best| Best {
            pick: placed(&best.pick),
            ..*best
        };
        if let (Some(own), Some(other)) = (self.first.get_mut(cell), other.first.get(from)) {
            own.earlier(&placed(other));
        }
        if let (Some(own), Some(other)) = (self.last.get_mut(cell), other.last.get(from)) {
            own.later(&placed(other));
        }
        if let (Some(own), Some(other)) = (self.smallest.get_mut(cell), other.smallest.get(from)) {
            own.merge(&best(other));
        }
        if let (Some(own), Some(other)) = (self.largest.get_mut(cell), other.largest.get(from)) {
            own.merge(&best(other));
        }
    }

    /// Gives granules other numbers; `None` where one has none.
    pub fn renumber(&mut self, numbers: &[Option<u32>]) -> Option<()> {
        let picks = self.first.iter_mut().chain(&mut self.last);
        let bests = self.smallest.iter_mut().chain(&mut self.largest);
        picks
            .chain(bests.map(|best| &mut best.pick))
            .try_for_each(|pick| pick.renumber(numbers))
    }

    /// Whether cells with as many observations may have led to it.
    pub fn is_possible(&self, counts: &[u64], limit: f64) -> bool {
        let known = |pick: &Pick| pick.is_none() || pick.value.abs() <= limit;
        let all = |picks: &[Pick]| {
            let mut picks = picks.iter().zip(counts);
            picks.all(|(pick, count)| known(pick) && pick.is_none() == (*count == 0))
        };
        let some = |bests: &[Best]| {
            let mut bests = bests.iter().zip(counts);
            bests.all(|(best, count)| {
                known(&best.pick)
                    && best.pick.is_none() == (best.rank == f64::INFINITY)
                    && !best.rank.is_nan()
                    && (best.pick.is_none() || *count > 0)
            })
        };
        all(&self.first) && all(&self.last) && some(&self.smallest) && some(&self.largest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_last_and_best() {
        let mut picks = Picks {
            first: vec![Pick::NONE],
            last: vec![Pick::NONE],
            smallest: vec![Best::NONE],
            largest: vec![Best::NONE],
        };
        let values = |picks: &Picks| {
            [
                picks.first[0].value(),
                picks.last[0].value(),
                picks.smallest[0].value(),
                picks.largest[0].value(),
            ]
        };
        assert!(values(&picks).iter().all(|value| value.is_nan()));
        for (value, granule, pixel, criterion) in [
            (1.0, 3, 7, 5.0),
            (2.0, 3, 6, -0.0),
            (3.0, 1, 9, f64::NAN),
            (4.0, 2, 1, 5.0),
            (5.0, 3, 8, 0.0),
        ] {
            let beside = Beside {
                pixel,
                criterion,
                uncertainty: 0.0,
            };
            picks.add(0, value, granule, &beside);
        }
        // Of the two smallest the earlier in its granule, of the two largest the earlier granule.
        assert_eq!(values(&picks), [3.0, 5.0, 2.0, 4.0]);
        assert!(picks.is_possible(&[5], 5.0));
        assert!(!picks.is_possible(&[5], 4.0) && !picks.is_possible(&[0], 5.0));
        let numbers = [None, Some(10), Some(11), Some(20)];
        assert_eq!(picks.renumber(&numbers), Some(()));
        assert_eq!(picks.renumber(&numbers), None);
    }
}
