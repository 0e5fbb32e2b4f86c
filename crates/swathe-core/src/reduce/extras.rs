//! Columns that only some statistics need: observations picked, uncertainties, tallies of classes.

use super::columns::{Batch, Layout};
use super::pick::{Best, Pick, Picks};
use super::stored::only;
use super::tally::{Tallies, Tally};
use super::uncertainty::Uncertainty;
use super::{Beside, Statistic};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// Which of them there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct ExtraLayout {
    first: bool,
    last: bool,
    smallest: bool,
    largest: bool,
    correlated: bool,
    independent: bool,
    tallies: bool,
}

impl ExtraLayout {
    /// Columns for these statistics; `None` where they need none.
    pub fn of(statistics: &[Statistic]) -> Option<Self> {
        let any = |wanted: &[Statistic]| statistics.iter().any(|s| wanted.contains(s));
        let layout = ExtraLayout {
            first: any(&[Statistic::First]),
            last: any(&[Statistic::Last]),
            smallest: any(&[Statistic::AtSmallest]),
            largest: any(&[Statistic::AtLargest]),
            correlated: any(&[Statistic::Uncertainty]),
            independent: any(&[Statistic::IndependentUncertainty]),
            tallies: any(&[Statistic::Mode, Statistic::ModeShare])
                || statistics.iter().any(|s| matches!(s, Statistic::Share(_))),
        };
        (layout != ExtraLayout::default()).then_some(layout)
    }

    /// Memory of a cell.
    pub fn bytes_per_cell(&self) -> usize {
        usize::from(self.first) * size_of::<Pick>()
            + usize::from(self.last) * size_of::<Pick>()
            + usize::from(self.smallest) * size_of::<Best>()
            + usize::from(self.largest) * size_of::<Best>()
            + usize::from(self.correlated) * size_of::<Uncertainty>()
            + usize::from(self.independent) * size_of::<Uncertainty>()
            // About two classes, loose and in order.
            + usize::from(self.tallies) * 4 * size_of::<Tally>()
    }

    /// Whether values of classes are counted.
    pub fn keeps_tallies(&self) -> bool {
        self.tallies
    }

    /// Whether something of what comes beside observations is kept.
    pub fn accompanied(&self) -> bool {
        *self
            != ExtraLayout {
                tallies: self.tallies,
                ..ExtraLayout::default()
            }
    }
}

/// State of the cells of one tile; columns that are not kept are empty.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Extras {
    pub picks: Picks,
    correlated: Vec<Uncertainty>,
    independent: Vec<Uncertainty>,
    pub tallies: Tallies,
}

impl Extras {
    pub fn new(layout: &ExtraLayout, cells: usize) -> Self {
        fn column<T: Clone>(value: T, wanted: bool, cells: usize) -> Vec<T> {
            vec![value; if wanted { cells } else { 0 }]
        }
        Extras {
            picks: Picks {
                first: column(Pick::NONE, layout.first, cells),
                last: column(Pick::NONE, layout.last, cells),
                smallest: column(Best::NONE, layout.smallest, cells),
                largest: column(Best::NONE, layout.largest, cells),
            },
            correlated: column(Uncertainty::default(), layout.correlated, cells),
            independent: column(Uncertainty::default(), layout.independent, cells),
            tallies: Tallies::default(),
        }
    }

    /// Adds the observations of a batch.
    pub fn add(&mut self, layout: &Layout, batch: &Batch) {
        for (i, (cell, value, weight)) in batch.weighted().enumerate() {
            let beside = batch.beside(i);
            self.add_one(layout, cell, value, weight, batch.granule, &beside);
        }
    }

    /// Adds an observation.
    pub fn add_one(
        &mut self,
        layout: &Layout,
        cell: usize,
        value: f64,
        weight: u64,
        granule: u32,
        beside: &Beside,
    ) {
        self.picks.add(cell, value, granule, beside);
        if let Some(uncertainty) = self.correlated.get_mut(cell) {
            uncertainty.add_correlated(beside.uncertainty, weight);
        }
        if let Some(uncertainty) = self.independent.get_mut(cell) {
            uncertainty.add_independent(beside.uncertainty, weight);
        }
        if layout.keeps_tallies() {
            self.tallies.push(Tally {
                cell: cell as u16,
                value,
                weight: u128::from(if layout.shares { weight } else { 1 }),
            });
        }
    }

    /// Adds the cells of another from `first` to `end`, each to its own.
    pub fn merge(&mut self, other: &Extras, first: usize, end: usize) {
        for cell in first..end {
            self.merge_cell(cell, other, cell, None);
        }
        self.tallies.extend(&other.tallies, Some);
    }

    /// Adds what a granule gave, each cell to the one that stands at its place in `cells`.
    pub fn merge_at(&mut self, other: &Extras, cells: &[u16], granule: u32) {
        for (from, cell) in cells.iter().enumerate() {
            self.merge_cell(usize::from(*cell), other, from, Some(granule));
        }
        let place = |cell: u16| cells.get(usize::from(cell)).copied();
        self.tallies.extend(&other.tallies, place);
    }

    fn merge_cell(&mut self, cell: usize, other: &Extras, from: usize, granule: Option<u32>) {
        self.picks.merge(cell, &other.picks, from, granule);
        let columns = [
            (&mut self.correlated, &other.correlated),
            (&mut self.independent, &other.independent),
        ];
        for (own, other) in columns {
            if let (Some(own), Some(other)) = (own.get_mut(cell), other.get(from)) {
                own.merge(other);
            }
        }
    }

    /// The state of some cells, which are in order.
    pub fn selected(&self, cells: &[u16]) -> Self {
        fn each<T: Copy>(column: &[T], cells: &[u16]) -> Vec<T> {
            let chosen = cells.iter().map(|cell| column.get(usize::from(*cell)));
            // Columns that are not kept are empty.
            chosen.flatten().copied().collect()
        }
        let mut tallies = Tallies::default();
        let place = |cell: u16| cells.binary_search(&cell).ok().map(|i| i as u16);
        tallies.extend(&self.tallies, place);
        Extras {
            picks: Picks {
                first: each(&self.picks.first, cells),
                last: each(&self.picks.last, cells),
                smallest: each(&self.picks.smallest, cells),
                largest: each(&self.picks.largest, cells),
            },
            correlated: each(&self.correlated, cells),
            independent: each(&self.independent, cells),
            tallies,
        }
    }

    /// Empties all cells but some.
    pub fn keep_only(&mut self, cells: &Range<usize>) {
        only(&mut self.picks.first, cells, Pick::NONE);
        only(&mut self.picks.last, cells, Pick::NONE);
        only(&mut self.picks.smallest, cells, Best::NONE);
        only(&mut self.picks.largest, cells, Best::NONE);
        only(&mut self.correlated, cells, Uncertainty::default());
        only(&mut self.independent, cells, Uncertainty::default());
        let all = std::mem::take(&mut self.tallies);
        let inside = |cell: u16| cells.contains(&usize::from(cell)).then_some(cell);
        self.tallies.extend(&all, inside);
    }

    /// A statistic of a cell that has observations; `None` for one that is not of these.
    pub fn value(&self, cell: usize, statistic: Statistic) -> Option<f64> {
        let (picks, place) = (&self.picks, cell as u16);
        Some(match statistic {
            Statistic::First => picks.first.get(cell)?.value(),
            Statistic::Last => picks.last.get(cell)?.value(),
            Statistic::AtSmallest => picks.smallest.get(cell)?.value(),
            Statistic::AtLargest => picks.largest.get(cell)?.value(),
            Statistic::Uncertainty => self.correlated.get(cell)?.correlated(),
            Statistic::IndependentUncertainty => self.independent.get(cell)?.independent(),
            Statistic::Mode => self.tallies.mode(place).0,
            Statistic::ModeShare => self.tallies.mode(place).1,
            Statistic::Share(class) => self.tallies.share(place, |value| class.holds(value)),
            _ => return None,
        })
    }

    pub fn lengths(&self) -> [usize; 6] {
        let picks = &self.picks;
        [
            picks.first.len(),
            picks.last.len(),
            picks.smallest.len(),
            picks.largest.len(),
            self.correlated.len(),
            self.independent.len(),
        ]
    }

    /// Whether cells with so many observations and so much weight could have led to it; `observations` are
    /// those of pixels.
    pub fn is_possible(
        &self,
        layout: &Layout,
        counts: &[u64],
        observations: &[u64],
        weights: impl Iterator<Item = u128>,
    ) -> bool {
        let limit = layout.summation.limit();
        let tallies = match layout.keeps_tallies() {
            true => self.tallies.is_possible(weights, limit),
            false => self.tallies.ordered().is_empty(),
        };
        let mut uncertainties = self.correlated.iter().zip(observations);
        let mut independent = self.independent.iter().zip(observations);
        tallies
            && self.picks.is_possible(counts, limit)
            && uncertainties.all(|(u, count)| u.is_possible(*count))
            && independent.all(|(u, count)| u.is_possible(*count))
    }
}

impl Layout {
    /// Whether something of what comes beside observations is kept.
    pub fn accompanied(&self) -> bool {
        self.extras.is_some_and(|extras| extras.accompanied())
    }

    fn keeps_tallies(&self) -> bool {
        self.extras.is_some_and(|extras| extras.tallies)
    }
}
