//! Quality flags by name: a bit means what the granule's own table says it means.

use super::{FlagCounts, Real};
use crate::suggest::{UnknownName, nearest};
use std::fmt;
use std::str::FromStr;

/// A granule's flags: names and the bits that stand for them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FlagTable {
    flags: Vec<(String, u32)>,
}

/// Flags chosen by text, before any granule is known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FlagSelection {
    /// The named sets that were given, for messages.
    sets: Vec<&'static str>,
    members: Vec<Member>,
}

/// Flags chosen, as bits of one granule.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct FlagMask {
    members: Vec<(String, u32)>,
    absent: Vec<String>,
}

/// Flags cannot be chosen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FlagError {
    /// No such flag in the granule.
    #[error(transparent)]
    Unknown(#[from] UnknownName),
    /// A part of the list is empty or only a sign.
    #[error(
        "invalid flags {0:?}: give one of the sets l3, l2, l2bin, matchup or none, or names, separated by commas, as in l3,-COCCOLITH,+MODGLINT"
    )]
    Malformed(String),
    /// `-NAME` of a flag that is not chosen.
    #[error("cannot remove flag {name:?}{}: chosen so far are {chosen}", hint(.nearest.as_deref()))]
    NotChosen {
        /// The flag.
        name: String,
        /// What it could be removed from.
        chosen: String,
        /// The one that was probably meant.
        nearest: Option<String>,
    },
    /// The granule is of another kind than the set is for.
    #[error(
        "the granule has none of the flags of set {set}: it has {known}; choose from these, or none"
    )]
    NoneOfSet {
        /// The set.
        set: &'static str,
        /// The granule's flags.
        known: String,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Member {
    name: String,
    /// Asked for by name; members of a set may be absent from a granule.
    explicit: bool,
}

/// The flags that NASA's Level-3 processing of ocean colour excludes.
const L3: &[&str] = &[
    "ATMFAIL",
    "LAND",
    "HIGLINT",
    "HILT",
    "HISATZEN",
    "STRAYLIGHT",
    "CLDICE",
    "COCCOLITH",
    "HISOLZEN",
    "LOWLW",
    "CHLFAIL",
    "NAVWARN",
    "MAXAERITER",
    "CHLWARN",
    "ATMWARN",
    "NAVFAIL",
    "FILTER",
];

/// The default that is compiled into NASA's l2bin.
const L2BIN: &[&str] = &[
    "ATMFAIL",
    "LAND",
    "HILT",
    "HISATZEN",
    "STRAYLIGHT",
    "CLDICE",
    "COCCOLITH",
    "LOWLW",
    "CHLFAIL",
    "CHLWARN",
    "NAVWARN",
    "ABSAER",
    "MAXAERITER",
    "ATMWARN",
    "HISOLZEN",
    "NAVFAIL",
    "FILTER",
];

/// The default for displaying Level-2 ocean colour.
const L2: &[&str] = &[
    "ATMFAIL", "LAND", "HILT", "CLDICE", "CHLFAIL", "NAVWARN", "ATMWARN",
];

/// Validation against measurements at sea (Bailey and Werdell 2006): 0x0601431B of the standard bits.
const MATCHUP: &[&str] = &[
    "ATMFAIL",
    "LAND",
    "HIGLINT",
    "HILT",
    "STRAYLIGHT",
    "CLDICE",
    "LOWLW",
    "NAVWARN",
    "NAVFAIL",
    "FILTER",
];

const SETS: [(&str, &[&str]); 5] = [
    ("l3", L3),
    ("l2", L2),
    ("l2bin", L2BIN),
    ("matchup", MATCHUP),
    ("none", &[]),
];

impl FlagTable {
    /// A table from names and bits. `SPARE` is the name of bits that mean nothing; a name that is
    /// repeated stands for all its bits.
    pub fn new(flags: impl IntoIterator<Item = (String, u32)>) -> Self {
        let mut table = FlagTable::default();
        for (name, bits) in flags {
            if name.eq_ignore_ascii_case("SPARE") || bits == 0 {
                continue;
            }
            match table.flags.iter_mut().find(|(known, _)| *known == name) {
                Some((_, known)) => *known |= bits,
                None => table.flags.push((name, bits)),
            }
        }
        table
    }

    /// The bits of a flag; upper or lower case matters only where both spellings exist.
    pub fn bits(&self, name: &str) -> Option<u32> {
        self.entry(name).map(|(_, bits)| *bits)
    }

    /// All names, in the granule's order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.flags.iter().map(|(name, _)| name.as_str())
    }

    fn entry(&self, name: &str) -> Option<&(String, u32)> {
        let exact = self.flags.iter().find(|(known, _)| known == name);
        exact.or_else(|| {
            self.flags
                .iter()
                .find(|(known, _)| known.eq_ignore_ascii_case(name))
        })
    }

    fn known(&self) -> Vec<&str> {
        self.names().collect()
    }
}

impl FlagSelection {
    /// The default for a suite: `l3` for the ocean colour suites `OC_BGC`, `OC_AOP` and `OC_IOP`,
    /// `none` for all others.
    pub fn default_for(suite: Option<&str>) -> Self {
        let mut selection = FlagSelection::default();
        match suite {
            Some("OC_BGC" | "OC_AOP" | "OC_IOP") => selection.add_set("l3", L3),
            _ => selection.add_set("none", &[]),
        }
        selection
    }

    /// Whether no flag is chosen.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Names of the chosen flags.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.members.iter().map(|m| m.name.as_str())
    }

    /// The chosen flags as bits of a granule. Members of a set that its table lacks are passed over,
    /// and named in the result.
    ///
    /// # Errors
    /// When a name that was given is not in the table, or nothing of a set is.
    pub fn resolve(&self, table: &FlagTable) -> Result<FlagMask, FlagError> {
        let mut mask = FlagMask::default();
        for member in &self.members {
            match table.entry(&member.name) {
                Some(entry) => mask.members.push(entry.clone()),
                None if member.explicit => {
                    let mut unknown = UnknownName::new("flag", &member.name, &table.known());
                    // A slip in the name of a set reads as the name of a flag.
                    let sets = SETS.into_iter().map(|(set, _)| set);
                    let set = nearest(&member.name, sets).map(str::to_owned);
                    unknown.nearest = unknown.nearest.or(set);
                    return Err(unknown.into());
                }
                None => mask.absent.push(member.name.clone()),
            }
        }
        for set in &self.sets {
            let members = set_named(set).map_or(&[][..], |(_, members)| members);
            if !members.is_empty() && members.iter().all(|name| table.bits(name).is_none()) {
                return Err(FlagError::NoneOfSet {
                    set,
                    known: table.known().join(", "),
                });
            }
        }
        Ok(mask)
    }

    fn add_set(&mut self, set: &'static str, members: &[&str]) {
        self.sets.push(set);
        for name in members {
            self.add(name, false);
        }
    }

    fn add(&mut self, name: &str, explicit: bool) {
        match self.position(name) {
            Some(i) => self.members[i].explicit |= explicit,
            None => self.members.push(Member {
                name: name.to_owned(),
                explicit,
            }),
        }
    }

    fn position(&self, name: &str) -> Option<usize> {
        self.members
            .iter()
            .position(|m| m.name.eq_ignore_ascii_case(name))
    }
}

impl fmt::Display for FlagSelection {
    /// The names, separated by commas: a canonical form that reads back.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("none");
        }
        let names: Vec<&str> = self.names().collect();
        f.write_str(&names.join(","))
    }
}

impl FromStr for FlagSelection {
    type Err = FlagError;

    fn from_str(text: &str) -> Result<Self, FlagError> {
        let mut selection = FlagSelection::default();
        for part in text.split(',').map(str::trim) {
            let (sign, name) = match part.as_bytes().first() {
                Some(b'+') => ('+', &part[1..]),
                Some(b'-') => ('-', &part[1..]),
                _ => (' ', part),
            };
            if name.is_empty() || name.contains(char::is_whitespace) {
                return Err(FlagError::Malformed(text.to_owned()));
            }
            match (sign, set_named(name)) {
                ('-', _) => {
                    let position = selection.position(name).ok_or_else(|| {
                        let chosen = selection.names();
                        FlagError::NotChosen {
                            name: name.to_owned(),
                            nearest: nearest(name, chosen).map(str::to_owned),
                            chosen: selection.to_string(),
                        }
                    })?;
                    selection.members.remove(position);
                }
                (' ', Some((set, members))) => selection.add_set(set, members),
                _ => selection.add(name, true),
            }
        }
        Ok(selection)
    }
}

impl FlagMask {
    /// All bits.
    pub fn bits(&self) -> u32 {
        self.members.iter().fold(0, |all, (_, bits)| all | bits)
    }

    /// Names and bits of the flags.
    pub fn members(&self) -> &[(String, u32)] {
        &self.members
    }

    /// Members of a set that the granule does not know.
    pub fn absent(&self) -> &[String] {
        &self.absent
    }

    /// Makes flagged values missing, and counts. Only pixels that are in the `area` count and are
    /// touched: those that give to a cell.
    ///
    /// `values`, `flags` and `area` run in parallel; what is beyond the shortest is left alone.
    pub fn apply<T: Real>(&self, values: &mut [T], flags: &[u32], area: &[bool]) -> FlagCounts {
        let mask = self.bits();
        let mut by_bit = [0u64; 32];
        let several: Vec<(usize, u32)> = self
            .members
            .iter()
            .enumerate()
            .filter(|(_, (_, bits))| bits.count_ones() > 1)
            .map(|(i, (_, bits))| (i, *bits))
            .collect();
        let mut counts = FlagCounts::new(self.members.len());
        for ((value, flags), _) in values
            .iter_mut()
            .zip(flags)
            .zip(area)
            .filter(|(_, inside)| **inside)
        {
            if !value.is_finite() {
                continue;
            }
            counts.valid += 1;
            let mut found = flags & mask;
            if found == 0 {
                continue;
            }
            counts.removed += 1;
            *value = T::NAN;
            for (member, bits) in &several {
                counts.carrying[*member] += u64::from(found & bits != 0);
            }
            while found != 0 {
                by_bit[found.trailing_zeros() as usize] += 1;
                found &= found - 1;
            }
        }
        for (carrying, (_, bits)) in counts.carrying.iter_mut().zip(&self.members) {
            if bits.is_power_of_two() {
                *carrying = by_bit[bits.trailing_zeros() as usize];
            }
        }
        counts
    }
}

fn set_named(name: &str) -> Option<(&'static str, &'static [&'static str])> {
    SETS.into_iter()
        .find(|(set, _)| set.eq_ignore_ascii_case(name))
}

fn hint(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |name| format!(" (did you mean {name:?}?)"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The flags of OBPG Level-2 files, bit 0 first.
    const STANDARD: &str = "ATMFAIL LAND PRODWARN HIGLINT HILT HISATZEN COASTZ SPARE STRAYLIGHT \
        CLDICE COCCOLITH TURBIDW HISOLZEN SPARE LOWLW CHLFAIL NAVWARN ABSAER SPARE MAXAERITER \
        MODGLINT CHLWARN ATMWARN SPARE SEAICE NAVFAIL FILTER SPARE BOWTIEDEL HIPOL PRODFAIL SPARE";

    fn standard() -> FlagTable {
        let names = STANDARD.split_whitespace().enumerate();
        FlagTable::new(names.map(|(bit, name)| (name.to_owned(), 1 << bit)))
    }

    fn resolved(text: &str, table: &FlagTable) -> Result<u32, FlagError> {
        Ok(text.parse::<FlagSelection>()?.resolve(table)?.bits())
    }

    #[test]
    fn sets_are_the_published_masks() {
        let table = standard();
        assert_eq!(table.names().count(), 26);
        for (set, bits) in [
            ("l3", 0x0669_D73B),
            ("l2bin", 0x066B_D733),
            ("l2", 0x0041_8213),
            ("matchup", 0x0601_431B),
            ("none", 0),
        ] {
            assert_eq!(resolved(set, &table), Ok(bits), "{set}");
        }
    }

    #[test]
    fn sets_are_edited() {
        let table = standard();
        let l3 = 0x0669_D73B;
        let (coccolith, modglint) = (1 << 10, 1 << 20);
        for (text, bits) in [
            ("l3,-COCCOLITH,+MODGLINT", (l3 & !coccolith) | modglint),
            (" l3 , modglint ", l3 | modglint),
            ("LAND,CLDICE", 2 | 512),
            ("none,+LAND", 2),
            ("LAND,-LAND", 0),
            ("l2,l2", 0x0041_8213),
            ("l2,matchup", 0x0041_8213 | 0x0601_431B),
            ("+LAND,LAND", 2),
        ] {
            assert_eq!(resolved(text, &table), Ok(bits), "{text}");
        }
        let selection: FlagSelection = "l2,-LAND".parse().unwrap();
        assert_eq!(
            selection.to_string(),
            "ATMFAIL,HILT,CLDICE,CHLFAIL,NAVWARN,ATMWARN"
        );
        assert_eq!("none".parse::<FlagSelection>().unwrap().to_string(), "none");
    }

    #[test]
    fn bits_come_from_the_granule() {
        let moved = FlagTable::new([
            ("CLDICE".to_owned(), 1),
            ("SPARE".to_owned(), 2),
            ("LAND".to_owned(), 1 << 31),
            ("SPARE".to_owned(), 4),
        ]);
        let mask = "l2"
            .parse::<FlagSelection>()
            .unwrap()
            .resolve(&moved)
            .unwrap();
        assert_eq!(mask.bits(), 1 | 1 << 31);
        assert_eq!(
            mask.absent(),
            ["ATMFAIL", "HILT", "CHLFAIL", "NAVWARN", "ATMWARN"]
        );
    }

    #[test]
    fn mistakes_are_explained() {
        let table = standard();
        let error = |text: &str| resolved(text, &table).unwrap_err().to_string();
        let unknown = error("l3,+COCOLITH");
        assert!(unknown.contains("unknown flag \"COCOLITH\" (did you mean \"COCCOLITH\"?)"));
        assert!(unknown.contains("known are ATMFAIL, LAND, PRODWARN"));
        assert!(error("SPARE").contains("unknown flag \"SPARE\""));
        // The name of a set.
        assert!(error("matchp").contains("(did you mean \"matchup\"?)"));
        assert!(error("l3,-COCOLITH").contains("did you mean \"COCCOLITH\""));
        assert!(error("none,-LAND").contains("chosen so far are none"));
        for malformed in ["", "l3,,LAND", "+", "l3,-", "LAND CLDICE", "+ LAND"] {
            assert!(error(malformed).contains("invalid flags"), "{malformed}");
        }
        // Of a set, a member may be absent; a name that was given may not.
        let small = FlagTable::new([("LAND".to_owned(), 2)]);
        assert_eq!(resolved("l3", &small), Ok(2));
        assert!(resolved("l3,FILTER", &small).is_err());
        assert_eq!(resolved("l3,-FILTER", &small), Ok(2));
        let other = FlagTable::new([("ice".to_owned(), 2), ("rain".to_owned(), 4)]);
        assert_eq!(
            resolved("l3", &other).unwrap_err().to_string(),
            "the granule has none of the flags of set l3: it has ice, rain; choose from these, or none"
        );
        assert_eq!(resolved("none", &other), Ok(0));
        assert_eq!(resolved("Ice", &other), Ok(2));
    }

    #[test]
    fn defaults_follow_the_suite() {
        for (suite, text) in [
            (Some("OC_BGC"), "l3"),
            (Some("OC_AOP"), "l3"),
            (Some("OC_IOP"), "l3"),
            (Some("SST"), "none"),
            (None, "none"),
        ] {
            assert_eq!(FlagSelection::default_for(suite), text.parse().unwrap());
        }
    }

    proptest! {
        #[test]
        fn masks_apply_as_a_plain_loop_does(
            pixels in prop::collection::vec((0u32..64, any::<bool>(), any::<bool>()), 0..200)
        ) {
            // Two of the flags have two bits.
            let table = [("A", 1), ("B", 6), ("C", 8), ("D", 48)];
            let table = FlagTable::new(table.map(|(n, b)| (n.to_owned(), b)));
            let mask = "A,B,D".parse::<FlagSelection>().unwrap().resolve(&table).unwrap();
            let flags: Vec<u32> = pixels.iter().map(|p| p.0).collect();
            let area: Vec<bool> = pixels.iter().map(|p| p.1).collect();
            let before: Vec<f32> = pixels.iter().map(|p| if p.2 { 1.5 } else { f32::NAN }).collect();
            let mut after = before.clone();
            let counts = mask.apply(&mut after, &flags, &area);

            let counted = |bits: u32| {
                let carries = |p: &&(u32, bool, bool)| p.1 && p.2 && p.0 & bits != 0;
                pixels.iter().filter(carries).count() as u64
            };
            prop_assert_eq!(counts.valid, pixels.iter().filter(|p| p.1 && p.2).count() as u64);
            prop_assert_eq!(counts.removed, counted(1 | 6 | 48));
            prop_assert_eq!(counts.carrying, vec![counted(1), counted(6), counted(48)]);
            for ((pixel, before), after) in pixels.iter().zip(before).zip(after) {
                let removed = pixel.1 && pixel.0 & 0x37 != 0;
                prop_assert_eq!(after.is_nan(), before.is_nan() || removed);
            }
        }
    }
}
