//! The legend of a map of classes: a colour and a name for each, in rows below the map.

use super::font;
use super::page::Page;
use super::palette::Rgb;
use super::svg::{Anchor, Svg, fitted};
use crate::granule::FlagKind;
use std::collections::BTreeMap;

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

/// Whole numbers up to here are exact in single precision.
const EXACT: f32 = 16_777_216.0;

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
    /// Names of the values that are there: classes in the order in which they are declared, which keeps their
    /// colours from map to map; sums of bits with the most frequent first.
    pub(super) fn new(values: &[f32], kind: &FlagKind) -> Self {
        let mut counts: BTreeMap<u32, (f32, usize)> = BTreeMap::new();
        for value in values.iter().filter(|value| value.is_finite()) {
            counts
                .entry((value + 0.0).to_bits())
                .or_insert((*value, 0))
                .1 += 1;
        }
        let mut found: Vec<(f32, usize)> = counts.into_values().collect();
        let named: Vec<(f32, String, Rgb)> = match kind {
            FlagKind::Classes(classes) => {
                let there = |value: f32| found.iter().any(|(one, _)| *one == value);
                let classes = classes.iter().zip(0..);
                let classes = classes.map(|((name, value), i)| (*value as f32, name.clone(), i));
                let there = classes.filter(|(value, ..)| there(*value));
                there
                    .map(|(value, name, i)| (value, name, COLOURS[i % COLOURS.len()]))
                    .collect()
            }
            FlagKind::Bits(bits) => {
                found.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.total_cmp(&b.0)));
                let sums = found
                    .iter()
                    .filter(|(value, _)| (0.0..EXACT).contains(value) && value.fract() == 0.0);
                let sums = sums.take(COLOURS.len()).zip(COLOURS);
                sums.map(|((value, _), colour)| (*value, sum(*value as u64, bits), colour))
                    .collect()
            }
        };
        let mut entries = Vec::new();
        let mut of_values = BTreeMap::new();
        for (value, name, colour) in named {
            of_values
                .entry((value + 0.0).to_bits())
                .or_insert(entries.len());
            entries.push((name, colour));
        }
        let known = |value: &f32| of_values.contains_key(&(value + 0.0).to_bits());
        let other = found.iter().any(|(value, _)| !known(value)).then(|| {
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

/// Names of the bits of a sum.
fn sum(value: u64, bits: &[(String, u64)]) -> String {
    let set = bits
        .iter()
        .filter(|(_, mask)| value & mask == *mask && *mask > 0);
    let names: Vec<&str> = set.map(|(name, _)| name.as_str()).collect();
    match (names.is_empty(), value) {
        (false, _) => names.join(" + "),
        (true, 0) => "no flag".to_owned(),
        (true, value) => value.to_string(),
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
        let classes = ["land", "water", "ice"].map(str::to_owned);
        let kind = FlagKind::Classes(classes.into_iter().zip(0..).collect());
        let key = Key::new(&[1.0, f32::NAN, 2.0, 1.0, 7.0], &kind);
        assert_eq!(names(&key), ["water", "ice", "other"]);
        let of = |values: &[f32]| key.colour(values.iter());
        assert_eq!(of(&[1.0]), Some(COLOURS[1]));
        assert_eq!(of(&[2.0, 1.0, 2.0]), Some(COLOURS[2]));
        assert_eq!(of(&[7.0]), Some(OTHER));
        assert_eq!(of(&[f32::NAN]), None);
    }

    #[test]
    fn sums_of_bits_are_named() {
        let bits = vec![("LAND".to_owned(), 2), ("CLDICE".to_owned(), 512)];
        let kind = FlagKind::Bits(bits);
        let key = Key::new(&[0.0, 2.0, 514.0, 514.0, -0.0, 0.0, 4.0, 2e9], &kind);
        assert_eq!(
            names(&key),
            ["no flag", "LAND + CLDICE", "LAND", "4", "other"]
        );
        assert_eq!(key.colour([-0.0].iter()), Some(COLOURS[0]));
    }
}
