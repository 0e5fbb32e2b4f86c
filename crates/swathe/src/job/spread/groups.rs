//! Granules that are combined with each other: all of them, or those that are in the same windows of time.

use crate::job::plan::Plan;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// Which granules are combined with which.
///
/// A granule is in many windows that roll: it is combined once, with those that are in all the same ones, and a
/// window is finished from several such groups.
#[derive(Debug)]
pub(super) enum Groups {
    /// All.
    One,
    /// These, by number in the plan, in order; granules that are in no window of time are in none.
    Several(Vec<Vec<usize>>),
}

impl Groups {
    pub fn of(plan: &Plan) -> Self {
        let Some((windows, _)) = &plan.windows else {
            return Groups::One;
        };
        let mut of_granules: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (number, window) in windows.iter().enumerate() {
            for granule in &window.granules {
                of_granules.entry(*granule).or_default().push(number);
            }
        }
        let mut groups: BTreeMap<Vec<usize>, Vec<usize>> = BTreeMap::new();
        for (granule, windows) in of_granules {
            groups.entry(windows).or_default().push(granule);
        }
        Groups::Several(groups.into_values().collect())
    }

    pub fn is_one(&self) -> bool {
        matches!(self, Groups::One)
    }

    /// Groups whose granules are among these, which come in order: all of a group, or none.
    pub fn within<'a>(&'a self, granules: &'a [usize]) -> impl Iterator<Item = usize> + 'a {
        let several = match self {
            Groups::One => &[][..],
            Groups::Several(groups) => groups,
        };
        let first = |group: &Vec<usize>| group.first().copied();
        let there = move |granule: usize| granules.binary_search(&granule).is_ok();
        several
            .iter()
            .enumerate()
            .filter(move |(_, group)| first(group).is_some_and(there))
            .map(|(number, _)| number)
    }

    /// Groups of which some granules are of a batch: the number, one granule of the group, and those of the batch.
    pub fn meeting(&self, batch: &Range<usize>) -> Vec<(usize, usize, Vec<usize>)> {
        let several = match self {
            Groups::One => &[][..],
            Groups::Several(groups) => groups,
        };
        let own = several.iter().enumerate().filter_map(|(number, group)| {
            let members = group
                .iter()
                .copied()
                .filter(|granule| batch.contains(granule));
            let members: Vec<usize> = members.collect();
            (!members.is_empty()).then_some((number, *group.first()?, members))
        });
        own.collect()
    }

    /// The number of the parts of a group in a window of the grid, of so many; `None`: of what is in no window.
    pub fn number(&self, group: usize, window: Option<usize>, windows: usize) -> usize {
        group * (windows + 1) + window.map_or(0, |window| window + 1)
    }
}

/// The windows of some granules, where each has its own.
pub(super) fn union(near: &[Vec<usize>], granules: impl Iterator<Item = usize>) -> Vec<usize> {
    let all: BTreeSet<usize> = granules
        .filter_map(|granule| near.get(granule))
        .flatten()
        .copied()
        .collect();
    all.into_iter().collect()
}
