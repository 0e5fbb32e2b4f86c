//! What the flags took, for the run's messages and the product.

use super::FlagMask;

/// Counts of one application of a mask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlagCounts {
    /// Pixels in the area with a value.
    pub valid: u64,
    /// Of these, with any flag of the mask.
    pub removed: u64,
    /// Of these, with each of the mask's members.
    pub carrying: Vec<u64>,
}

impl FlagCounts {
    pub(super) fn new(members: usize) -> Self {
        FlagCounts {
            valid: 0,
            removed: 0,
            carrying: vec![0; members],
        }
    }
}

/// How many of the valid pixels in the area each flag took, over granules whose bits may differ.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct FlagReport {
    valid: u64,
    removed: u64,
    flags: Vec<(String, u64)>,
}

/// A mask that takes more than this share is worth a warning.
const WARNING_PERCENT: f64 = 80.0;

impl FlagReport {
    /// Adds the counts that a mask gave.
    pub fn add(&mut self, mask: &FlagMask, counts: &FlagCounts) {
        self.valid += counts.valid;
        self.removed += counts.removed;
        for ((name, _), carrying) in mask.members().iter().zip(&counts.carrying) {
            self.count(name, *carrying);
        }
    }

    /// Adds another report; the outcome does not depend on the order.
    pub fn merge(&mut self, other: &FlagReport) {
        self.valid += other.valid;
        self.removed += other.removed;
        for (name, carrying) in &other.flags {
            self.count(name, *carrying);
        }
    }

    /// Pixels in the area with a value, before the flags.
    pub fn valid(&self) -> u64 {
        self.valid
    }

    /// Of these, removed by the flags altogether.
    pub fn removed(&self) -> u64 {
        self.removed
    }

    /// Share that the flags removed altogether, in percent (0 where there was nothing).
    pub fn removed_percent(&self) -> f64 {
        percent(self.removed, self.valid)
    }

    /// Flags with the number of valid pixels that carry each and their share in percent; the most
    /// frequent first, equal ones by name.
    pub fn flags(&self) -> Vec<(&str, u64, f64)> {
        let mut flags: Vec<_> = self
            .flags
            .iter()
            .map(|(name, carrying)| (name.as_str(), *carrying, percent(*carrying, self.valid)))
            .collect();
        flags.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        flags
    }

    /// What to say when the flags take more than 80 % of the valid pixels.
    pub fn warning(&self) -> Option<String> {
        let removed = self.removed_percent();
        if removed <= WARNING_PERCENT {
            return None;
        }
        let most: Vec<String> = self
            .flags()
            .into_iter()
            .filter(|(_, carrying, _)| *carrying > 0)
            .take(3)
            .map(|(name, _, share)| format!("{name} {share:.1} %"))
            .collect();
        Some(format!(
            "the flags removed {removed:.1} % of the valid pixels in the area ({})",
            most.join(", ")
        ))
    }

    fn count(&mut self, name: &str, carrying: u64) {
        match self
            .flags
            .binary_search_by(|(known, _)| known.as_str().cmp(name))
        {
            Ok(i) => self.flags[i].1 += carrying,
            Err(i) => self.flags.insert(i, (name.to_owned(), carrying)),
        }
    }
}

fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        return 0.0;
    }
    100.0 * part as f64 / whole as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mask::{FlagSelection, FlagTable};

    fn mask(names: &str, table: &[(&str, u32)]) -> FlagMask {
        let table = FlagTable::new(table.iter().map(|(n, b)| ((*n).to_owned(), *b)));
        names
            .parse::<FlagSelection>()
            .unwrap()
            .resolve(&table)
            .unwrap()
    }

    #[test]
    fn counts_by_name_where_bits_moved() {
        let names = "CLDICE,LAND";
        let old = mask(names, &[("LAND", 2), ("CLDICE", 512)]);
        let new = mask(names, &[("CLDICE", 4), ("LAND", 1 << 31)]);
        let mut first = FlagReport::default();
        let counts = old.apply(
            &mut [1.0f32, 2.0, 3.0, f32::NAN, 5.0],
            &[2, 512, 514, 2, 4],
            &[true; 5],
        );
        first.add(&old, &counts);
        let mut second = FlagReport::default();
        let counts = new.apply(&mut [1.0f64, 2.0], &[4, 1 << 31], &[true, true]);
        second.add(&new, &counts);

        let mut both = first.clone();
        both.merge(&second);
        second.merge(&first);
        assert_eq!(both, second);
        assert_eq!((both.valid(), both.removed()), (6, 5));
        assert_eq!(both.flags(), [("CLDICE", 3, 50.0), ("LAND", 3, 50.0)]);
        assert_eq!(
            both.warning().unwrap(),
            "the flags removed 83.3 % of the valid pixels in the area (CLDICE 50.0 %, LAND 50.0 %)"
        );
        assert_eq!(first.warning(), None);
    }

    #[test]
    fn nothing_seen() {
        let report = FlagReport::default();
        assert_eq!((report.removed_percent(), report.warning()), (0.0, None));
    }
}
