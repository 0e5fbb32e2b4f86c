//! Granules that are combined with each other: all of them, or those that are in the same windows of time.

use crate::job::plan::Plan;
use crate::job::windows::Member;
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
    /// These, by number in the plan, in order, or sides of them; granules that are in no window of time are in none.
    Several(Vec<Vec<Member>>),
}

impl Groups {
    pub fn of(plan: &Plan) -> Self {
        let Some((windows, _)) = &plan.windows else {
            return Groups::One;
        };
        let mut of_members: BTreeMap<Member, Vec<usize>> = BTreeMap::new();
        for (number, window) in windows.iter().enumerate() {
            for member in &window.members {
                of_members.entry(*member).or_default().push(number);
            }
        }
        let mut groups: BTreeMap<Vec<usize>, Vec<Member>> = BTreeMap::new();
        for (member, windows) in of_members {
            groups.entry(windows).or_default().push(member);
        }
        Groups::Several(groups.into_values().collect())
    }

    pub fn is_one(&self) -> bool {
        matches!(self, Groups::One)
    }

    /// Groups whose members are among these, which come in order: all of a group, or none.
    pub fn within<'a>(&'a self, members: &'a [Member]) -> impl Iterator<Item = usize> + 'a {
        let several = match self {
            Groups::One => &[][..],
            Groups::Several(groups) => groups,
        };
        let first = |group: &Vec<Member>| group.first().copied();
        let there = move |member: Member| members.binary_search(&member).is_ok();
        several
            .iter()
            .enumerate()
            .filter(move |(_, group)| first(group).is_some_and(there))
            .map(|(number, _)| number)
    }

    /// Groups of which some members are of a batch: the number, one member of the group, and those of the batch.
    pub fn meeting(&self, batch: &Range<usize>) -> Vec<(usize, Member, Vec<Member>)> {
        let several = match self {
            Groups::One => &[][..],
            Groups::Several(groups) => groups,
        };
        let own = several.iter().enumerate().filter_map(|(number, group)| {
            let members = group
                .iter()
                .copied()
                .filter(|member| batch.contains(&member.granule));
            let members: Vec<Member> = members.collect();
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
