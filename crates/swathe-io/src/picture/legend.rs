//! The legend of a map of classes: a colour and a name for each, in rows below the map.

use super::font;
use super::page::Page;
use super::palette::Rgb;
use super::svg::{Anchor, Svg, fitted};
use crate::granule::FlagKind;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// Colours that are told apart by everybody: those of Okabe and Ito, then of Tol.
const COLOURS: [Rgb; 14] = [
    [0, 114, 178],
    [230, 159, 0],
    [0, 158, 115],
    [204, 121, 167],
    [86, 180, 233],
    [213, 94, 0],
    [240, 228, 66],
    [51, 34, 136],
    [136, 34, 85],
    [153, 153, 51],
    [68, 170, 153],
    [170, 68, 153],
    [17, 119, 51],
    [221, 204, 119],
];

/// Of classes that have no name of their own.
const OTHER: Rgb = [120, 120, 120];

/// Names of the values of a map, in the order in which they are declared.
pub type Classes = Vec<(String, f32)>;

/// What the values of a map of classes are, and how they are drawn.
pub(super) struct Key {
    /// By the bits of the value: its place among the entries.
    of_values: BTreeMap<u32, usize>,
    /// Names and colours, of those that are on the map.
    entries: Vec<(String, Rgb)>,
    /// The entry of values that have none, if there are any.
    other: Option<usize>,
}

impl Key {
    /// Of the classes that are there; each keeps its colour from map to map.
    pub(super) fn new(values: &[f32], classes: &Classes) -> Self {
        let bits = |value: &f32| (value + 0.0).to_bits();
        let there: BTreeSet<u32> = values.iter().filter(|v| v.is_finite()).map(bits).collect();
        let mut entries = Vec::new();
        let mut of_values = BTreeMap::new();
        for (i, (name, value)) in classes.iter().enumerate() {
            if there.contains(&bits(value)) && !of_values.contains_key(&bits(value)) {
                of_values.insert(bits(value), entries.len());
                entries.push((name.clone(), COLOURS[i % COLOURS.len()]));
            }
        }
        let other = there
            .iter()
            .any(|value| !of_values.contains_key(value))
            .then(|| {
                entries.push(("other".to_owned(), OTHER));
                entries.len() - 1
            });
        Key {
            of_values,
            entries,
            other,
        }
    }

    /// The most frequent class of some values, of equals the first; `None` where there is none.
    pub(super) fn colour<'a>(&self, values: impl Iterator<Item = &'a f32>) -> Option<Rgb> {
        let mut counts: Vec<(usize, u32)> = Vec::new();
        for value in values.filter(|value| value.is_finite()) {
            let entry = self.of_values.get(&(value + 0.0).to_bits()).copied();
            let Some(entry) = entry.or(self.other) else {
                continue;
            };
            match counts.iter_mut().find(|(one, _)| *one == entry) {
                Some((_, count)) => *count += 1,
                None => counts.push((entry, 1)),
            }
        }
        let most = counts
            .into_iter()
            .reduce(|a, b| if b.1 > a.1 { b } else { a });
        self.entries.get(most?.0).map(|(_, colour)| *colour)
    }
}

/// A map of flags or classes as it is drawn: its values, and what they are called; `None` for anything else. Sums of
/// bits, which single precision may not hold, are numbered, the most frequent first; only these have names.
pub fn classes(values: &[f64], kind: Option<FlagKind>) -> Option<(Vec<f32>, Classes)> {
    match kind? {
        FlagKind::Classes(classes) => {
            let classes = classes
                .into_iter()
                .map(|(name, value)| (name, value as f32));
            let values = values.iter().map(|value| *value as f32);
            Some((values.collect(), classes.collect()))
        }
        FlagKind::Bits(bits) => {
            let mut counts: BTreeMap<u64, usize> = BTreeMap::new();
            let finite = values.iter().filter(|value| value.is_finite());
            for value in finite {
                *counts.entry((value + 0.0).to_bits()).or_default() += 1;
            }
            let mut sums: Vec<(u64, usize)> = counts.into_iter().collect();
            sums.sort_by_key(|(value, count)| (Reverse(*count), *value));
            let places: BTreeMap<u64, f32> = sums
                .iter()
                .zip(0..)
                .map(|((v, _), i)| (*v, i as f32))
                .collect();
            let place = |value: &f64| places.get(&(value + 0.0).to_bits()).copied();
            let values = values.iter().map(|value| place(value).unwrap_or(f32::NAN));
            let names = sums.iter().take(COLOURS.len()).zip(0..);
            let names = names.map(|((value, _), i)| (sum(f64::from_bits(*value), &bits), i as f32));
            Some((values.collect(), names.collect()))
        }
    }
}

/// Names of the bits of a sum.
fn sum(value: f64, bits: &[(String, u64)]) -> String {
    // A sign is the highest of 32 bits.
    let whole = if value < 0.0 {
        u64::from(value as i32 as u32)
    } else {
        value as u64
    };
    let set = bits
        .iter()
        .filter(|(_, mask)| whole & mask == *mask && *mask > 0);
    let names: Vec<&str> = set.map(|(name, _)| name.as_str()).collect();
    match (names.is_empty(), whole) {
        (false, _) => names.join(" + "),
        (true, 0) => "no flag".to_owned(),
        (true, _) => value.to_string(),
    }
}

/// A key laid out below a map.
pub(super) struct Legend<'a> {
    key: &'a Key,
    /// Of each entry, relative to the panel's lower left corner.
    places: Vec<(f64, f64)>,
    label: &'a str,
    height: f64,
    room: f64,
}

impl<'a> Legend<'a> {
    pub(super) fn new(key: &'a Key, label: &'a str, page: &Page) -> Self {
        let (em, room) = (page.em, page.panel_width as f64);
        let mut places = Vec::new();
        let (mut x, mut y) = (0.0, 2.9 * em);
        if !label.is_empty() {
            y += 1.9 * em;
        }
        for (name, _) in &key.entries {
            let width = (2.0 * em + font::width(name, em)).min(room);
            if x > 0.0 && x + width > room {
                (x, y) = (0.0, y + 1.7 * em);
            }
            places.push((x, y));
            x += width + 1.6 * em;
        }
        Legend {
            key,
            places,
            label,
            height: y + 2.0 * em,
            room,
        }
    }

    /// Room below the panel that it takes.
    pub(super) fn height(&self) -> f64 {
        self.height.round()
    }

    /// Draws it below the panel, whose lower left corner is given.
    pub(super) fn draw(&self, (left, bottom): (f64, f64), em: f64, svg: &mut Svg) {
        let label = fitted(self.label, 1.05 * em, self.room);
        svg.text((left, bottom + 3.2 * em), 1.05 * em, Anchor::Start, &label);
        for ((name, colour), (x, y)) in self.key.entries.iter().zip(&self.places) {
            let (x, y) = (left + x, bottom + y);
            let square = [
                (x, y),
                (x + 1.1 * em, y),
                (x + 1.1 * em, y + 1.1 * em),
                (x, y + 1.1 * em),
            ];
            svg.outline(&square, 0.06 * em, Some(*colour));
            let name = fitted(name, em, self.room - 2.0 * em);
            svg.text((x + 1.6 * em, y + 0.9 * em), em, Anchor::Start, &name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(key: &Key) -> Vec<&str> {
        key.entries.iter().map(|(name, _)| name.as_str()).collect()
    }

    #[test]
    fn classes_keep_their_colours() {
        let named = ["land", "water", "ice"].map(str::to_owned);
        let kind = FlagKind::Classes(named.into_iter().zip(0..).collect());
        let (values, classes) = classes(&[1.0, f64::NAN, 2.0, 1.0, 7.0], Some(kind)).unwrap();
        let key = Key::new(&values, &classes);
        assert_eq!(names(&key), ["water", "ice", "other"]);
        let of = |values: &[f32]| key.colour(values.iter());
        assert_eq!(of(&[1.0]), Some(COLOURS[1]));
        assert_eq!(of(&[2.0, 1.0, 2.0]), Some(COLOURS[2]));
        assert_eq!(of(&[7.0]), Some(OTHER));
        assert_eq!(of(&[f32::NAN]), None);
        assert_eq!(super::classes(&[1.0], None), None);
    }

    #[test]
    fn sums_of_bits_are_named() {
        let high = 1u64 << 30;
        let bits = [
            ("LAND", 2),
            ("CLDICE", 512),
            ("PRODFAIL", high),
            ("SIGN", 1 << 31),
        ];
        let kind = FlagKind::Bits(bits.map(|(name, mask)| (name.to_owned(), mask)).to_vec());
        let both = (high + 2) as f64;
        let all = [
            0.0,
            2.0,
            both,
            both,
            -0.0,
            0.0,
            4.0,
            f64::from(i32::MIN),
            f64::NAN,
        ];
        let (values, classes) = classes(&all, Some(kind)).unwrap();
        let key = Key::new(&values, &classes);
        let expected = ["no flag", "LAND + PRODFAIL", "LAND", "4", "SIGN"];
        assert_eq!(names(&key), expected);
        assert_eq!(key.colour(values[4..5].iter()), Some(COLOURS[0]));
        assert_eq!(key.colour(values[2..3].iter()), Some(COLOURS[1]));
        assert_eq!(key.colour(values[8..].iter()), None);
        // More than there are colours for.
        let many: Vec<f64> = (0..40).map(f64::from).collect();
        let kind = FlagKind::Bits(vec![("A".into(), 1)]);
        let (values, classes) = super::classes(&many, Some(kind)).unwrap();
        let key = Key::new(&values, &classes);
        assert_eq!(key.entries.len(), COLOURS.len() + 1);
        assert_eq!(key.colour(values[39..].iter()), Some(OTHER));
    }
}
