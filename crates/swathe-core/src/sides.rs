//! The two sides of 180 degrees, at which days of sun-synchronous satellites begin and end.

use crate::derived::leave_out;
use crate::source::{
    Field, GeolocationArray, LineExtent, SourceError, SwathSource, Values, as_the_source_has_it,
};
use crate::swath::located;
use std::ops::Range;

/// A side of 180 degrees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// To its west: longitudes from 0 to 180.
    West,
    /// To its east: longitudes from -180 to 0.
    East,
}

impl Side {
    /// The side of a longitude, -360 to 360 degrees; 180 itself is in the west, -180 in the east.
    pub fn of(longitude: f64) -> Self {
        let east = (-180.0..0.0).contains(&longitude) || longitude > 180.0;
        match east {
            true => Side::East,
            false => Side::West,
        }
    }
}

/// How a swath lies to 180 degrees.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Crossing {
    /// It does not reach across.
    None,
    /// It reaches so many degrees to the west and to the east of it.
    Across {
        /// Degrees.
        west: f64,
        /// Degrees.
        east: f64,
    },
    /// A pole is inside.
    Pole,
}

impl Crossing {
    /// That of a swath, of the outlines of its lines. Lines without a place are skipped.
    pub fn of(lines: &[LineExtent]) -> Self {
        let placed = |(lon, lat): (f32, f32)| located(f64::from(lon), f64::from(lat));
        let known = lines
            .iter()
            .filter(|l| placed(l.start) && placed(l.centre) && placed(l.end));
        // Longitudes that run on, along the starts of lines, along their ends, and along lines.
        let mut before: Option<(f64, f64)> = None;
        let mut last: Option<&LineExtent> = None;
        let (mut least, mut most) = (f64::INFINITY, f64::NEG_INFINITY);
        for line in known {
            let turn_to = |from: (f32, f32), to: (f32, f32)| turn(from.0.into(), to.0.into());
            let start = match (before, last) {
                (Some((start, _)), Some(last)) => start + turn_to(last.start, line.start),
                _ => f64::from(line.start.0),
            };
            let centre = start + turn_to(line.start, line.centre);
            let end = centre + turn_to(line.centre, line.end);
            if let (Some((_, ends)), Some(last)) = (before, last)
                && (end - ends - turn_to(last.end, line.end)).abs() > 180.0
            {
                // Around the strip between two lines longitude does not come back to where it was.
                return Crossing::Pole;
            }
            for longitude in [start, centre, end] {
                least = least.min(longitude);
                most = most.max(longitude);
            }
            (before, last) = (Some((start, end)), Some(line));
        }
        let meridian = ((least - 180.0) / 360.0).ceil() * 360.0 + 180.0;
        match least < meridian && meridian < most {
            true => Crossing::Across {
                west: meridian - least,
                east: most - meridian,
            },
            false => Crossing::None,
        }
    }
}

/// The shorter way from one longitude to another, degrees.
fn turn(from: f64, to: f64) -> f64 {
    (to - from + 180.0).rem_euclid(360.0) - 180.0
}

/// A granule of which only pixels on one side of 180 degrees have values.
pub struct OneSide<'a> {
    /// The granule itself.
    pub source: &'a dyn SwathSource,
    /// Which side.
    pub side: Side,
}

impl SwathSource for OneSide<'_> {
    as_the_source_has_it!();

    fn stored_lines(&self, field: Option<&Field>) -> usize {
        self.source.stored_lines(field)
    }

    fn values(&self, fields: &[&Field], lines: Range<usize>) -> Result<Vec<Values>, SourceError> {
        let mut all = self.source.values(fields, lines.clone())?;
        let longitude = self.source.geolocation(lines)?.longitude;
        let here = |i| f64::from(u8::from(Side::of(longitude.get(i)) == self.side));
        let here: Vec<f64> = (0..longitude.len()).map(here).collect();
        for values in &mut all {
            leave_out(values, &here);
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides_of_longitudes() {
        for (longitude, side) in [
            (0.0, Side::West),
            (179.9, Side::West),
            (180.0, Side::West),
            (180.1, Side::East),
            (359.9, Side::East),
            (-0.1, Side::East),
            (-180.0, Side::East),
            (-180.1, Side::West),
            (-359.0, Side::West),
        ] {
            assert_eq!(Side::of(longitude), side, "{longitude}");
        }
    }

    /// A swath whose lines are 2 degrees apart along a great circle through a place, of some half width.
    fn swath(longitude: f64, latitude: f64, lines: usize, half: f64) -> Vec<LineExtent> {
        let line = |i: usize| {
            let along = (i as f64 - lines as f64 / 2.0) * 2.0;
            let place = |across: f64| {
                // Northwards along the meridian, and over the pole; then sideways.
                let lat = latitude + along;
                let (lon, lat) = match lat > 90.0 {
                    true => (longitude + 180.0, 180.0 - lat),
                    false => (longitude, lat),
                };
                let sideways = if (longitude - lon).abs() > 1.0 {
                    -across
                } else {
                    across
                };
                let (sin, cos) = lat.to_radians().sin_cos();
                let (s, c) = (sideways.to_radians().sin(), sideways.to_radians().cos());
                let (x, y, z) = (cos * c, s, sin * c);
                let lon = (lon + y.atan2(x).to_degrees() + 180.0).rem_euclid(360.0) - 180.0;
                (lon as f32, z.asin().to_degrees() as f32)
            };
            LineExtent {
                start: place(-half),
                centre: place(0.0),
                end: place(half),
            }
        };
        (0..lines).map(line).collect()
    }

    #[test]
    fn crossings_of_swaths() {
        assert_eq!(Crossing::of(&swath(0.0, 0.0, 10, 12.0)), Crossing::None);
        assert_eq!(Crossing::of(&swath(165.0, 0.0, 10, 12.0)), Crossing::None);
        assert_eq!(Crossing::of(&[]), Crossing::None);
        let Crossing::Across { west, east } = Crossing::of(&swath(175.0, 0.0, 10, 12.0)) else {
            panic!("it does cross");
        };
        assert!(
            (west - 17.0).abs() < 0.3 && (east - 7.0).abs() < 0.3,
            "{west} {east}"
        );
        for longitude in [0.0, 100.0, 180.0, -60.0] {
            assert_eq!(
                Crossing::of(&swath(longitude, 88.0, 10, 12.0)),
                Crossing::Pole
            );
        }
        // Longitudes of 0 to 360, and lines that have no place.
        let mut lines = swath(175.0, 30.0, 10, 12.0);
        for line in &mut lines {
            for place in [&mut line.start, &mut line.centre, &mut line.end] {
                place.0 = place.0.rem_euclid(360.0);
            }
        }
        lines[3].centre.0 = f32::NAN;
        assert!(matches!(Crossing::of(&lines), Crossing::Across { .. }));
    }
}
