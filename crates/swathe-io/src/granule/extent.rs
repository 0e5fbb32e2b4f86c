//! The box of longitudes and latitudes that a swath covers, right across 180 degrees and at the poles.

use serde::Serialize;

/// A box in degrees; `west > east` means across 180.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Extent {
    /// Western edge, -180..180.
    pub west: f64,
    /// Southern edge.
    pub south: f64,
    /// Eastern edge, -180..180.
    pub east: f64,
    /// Northern edge.
    pub north: f64,
}

/// Collects lines of positions into an [`Extent`].
///
/// Longitudes are arcs from each position to the next (the shorter way), so that a box is the
/// complement of the largest gap between arcs. If the outline runs once around, a pole is inside.
#[derive(Debug, Default)]
pub(super) struct ExtentBuilder {
    /// (start, end) in degrees, end >= start.
    arcs: Vec<(f64, f64)>,
    south: f64,
    north: f64,
    lines: Option<Edges>,
}

/// Turns of longitude along the outline of the swath.
#[derive(Debug)]
struct Edges {
    first: f64,
    last: f64,
    left: f64,
    right: f64,
    across_first_line: f64,
    across_last_line: f64,
}

impl ExtentBuilder {
    /// Adds a line of (longitude, latitude) in degrees; those that are not positions are skipped.
    pub(super) fn add_line(&mut self, positions: impl Iterator<Item = (f64, f64)>) {
        let mut previous: Option<f64> = None;
        let (mut turned, mut least, mut most) = (0.0_f64, 0.0_f64, 0.0_f64);
        let mut first = 0.0;
        for (lon, lat) in positions {
            if !((-90.0..=90.0).contains(&lat) && (-360.0..=360.0).contains(&lon)) {
                continue;
            }
            match previous {
                None if self.arcs.is_empty() => (self.south, self.north) = (lat, lat),
                _ => {}
            }
            self.south = self.south.min(lat);
            self.north = self.north.max(lat);
            match previous {
                None => {
                    first = lon;
                    // Marks that a position was seen, for the start of south and north.
                    self.arcs.push((lon, lon));
                }
                Some(previous) => {
                    turned += turn(previous, lon);
                    least = least.min(turned);
                    most = most.max(turned);
                }
            }
            previous = Some(lon);
        }
        let Some(last) = previous else {
            return;
        };
        self.arcs.push((first + least, first + most));
        match &mut self.lines {
            None => {
                self.lines = Some(Edges {
                    first,
                    last,
                    left: 0.0,
                    right: 0.0,
                    across_first_line: turned,
                    across_last_line: turned,
                });
            }
            Some(edges) => {
                let left = turn(edges.first, first);
                let right = turn(edges.last, last);
                self.arcs
                    .push((edges.first + left.min(0.0), edges.first + left.max(0.0)));
                self.arcs
                    .push((edges.last + right.min(0.0), edges.last + right.max(0.0)));
                edges.left += left;
                edges.right += right;
                (edges.first, edges.last) = (first, last);
                edges.across_last_line = turned;
            }
        }
        if self.arcs.len() > 100_000 {
            self.arcs = merge(&self.arcs);
        }
    }

    /// The box, or `None` if there was no position.
    pub(super) fn finish(self) -> Option<Extent> {
        let edges = self.lines.as_ref()?;
        let around = edges.across_first_line + edges.right - edges.across_last_line - edges.left;
        let (mut south, mut north) = (self.south, self.north);
        if around.abs() > 300.0 {
            if north.abs() > south.abs() {
                north = 90.0;
            } else {
                south = -90.0;
            }
            return Some(Extent {
                west: -180.0,
                south,
                east: 180.0,
                north,
            });
        }
        let (west, east) = complement_of_largest_gap(&merge(&self.arcs));
        Some(Extent {
            west,
            south,
            east,
            north,
        })
    }
}

/// The shorter way from one longitude to another, -180..180.
fn turn(from: f64, to: f64) -> f64 {
    let difference = (to - from).rem_euclid(360.0);
    if difference > 180.0 {
        difference - 360.0
    } else {
        difference
    }
}

/// Arcs cut at 180 degrees, sorted and joined, all in -180..180.
fn merge(arcs: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut pieces: Vec<(f64, f64)> = Vec::with_capacity(arcs.len() + 16);
    for &(start, end) in arcs {
        if end - start >= 360.0 {
            return vec![(-180.0, 180.0)];
        }
        // Whole turns are exact: no rounding of the ends themselves.
        let turns = ((start + 180.0) / 360.0).floor() * 360.0;
        let (start, end) = (start - turns, end - turns);
        pieces.push((start, end.min(180.0)));
        if end > 180.0 {
            pieces.push((-180.0, end - 360.0));
        }
    }
    pieces.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut merged: Vec<(f64, f64)> = Vec::new();
    for (start, end) in pieces {
        match merged.last_mut() {
            Some((_, reach)) if start <= *reach => *reach = reach.max(end),
            _ => merged.push((start, end)),
        }
    }
    merged
}

fn complement_of_largest_gap(merged: &[(f64, f64)]) -> (f64, f64) {
    let (Some(&(first, _)), Some(&(_, last))) = (merged.first(), merged.last()) else {
        return (-180.0, 180.0);
    };
    let mut widest = first + 360.0 - last;
    let (mut west, mut east) = (first, last);
    for pair in merged.windows(2) {
        if pair[1].0 - pair[0].1 > widest {
            widest = pair[1].0 - pair[0].1;
            (west, east) = (pair[1].0, pair[0].1);
        }
    }
    (west, east)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn extent(lines: &[Vec<(f64, f64)>]) -> Option<Extent> {
        let mut builder = ExtentBuilder::default();
        for line in lines {
            builder.add_line(line.iter().copied());
        }
        builder.finish()
    }

    #[test]
    fn an_ordinary_swath_has_its_least_and_greatest() {
        let found = extent(&[
            vec![(-77.0, 30.0), (-70.0, 31.0), (-60.0, 32.0)],
            vec![(-79.0, 40.0), (f64::NAN, 41.0), (-62.0, 42.0)],
        ]);
        assert_eq!(
            found,
            Some(Extent {
                west: -79.0,
                south: 30.0,
                east: -60.0,
                north: 42.0
            })
        );
    }

    #[test]
    fn across_180_in_either_convention() {
        for east in [-175.0, 185.0] {
            let found = extent(&[
                vec![(170.0, 1.0), (179.0, 2.0), (east, 3.0)],
                vec![(171.0, 5.0), (east, 6.0)],
            ]);
            assert_eq!(
                found,
                Some(Extent {
                    west: 170.0,
                    south: 1.0,
                    east: -175.0,
                    north: 6.0
                })
            );
        }
        let zero_to_360 = extent(&[vec![(355.0, 0.0), (2.0, 0.0)]]);
        assert_eq!(
            zero_to_360,
            Some(Extent {
                west: -5.0,
                south: 0.0,
                east: 2.0,
                north: 0.0
            })
        );
    }

    #[test]
    fn a_pole_inside_makes_the_box_a_cap() {
        // Square around the south pole, in polar stereographic axes.
        let line = |y: f64| {
            (-5..=5)
                .map(|x| {
                    let x = f64::from(x) + 0.3;
                    (x.atan2(y).to_degrees(), -90.0 + (x * x + y * y).sqrt())
                })
                .collect::<Vec<_>>()
        };
        let lines: Vec<_> = (-5..=5).map(|y| line(f64::from(y) + 0.2)).collect();
        let found = extent(&lines).expect("positions");
        assert_eq!(
            (found.west, found.south, found.east),
            (-180.0, -90.0, 180.0)
        );
        assert!(found.north < -80.0);
    }

    #[test]
    fn nothing_and_one_point() {
        assert_eq!(extent(&[vec![(f64::NAN, 1.0)]]), None);
        assert_eq!(extent(&[]), None);
        let one = extent(&[vec![(10.0, 20.0)]]).expect("one");
        assert_eq!(
            (one.west, one.east, one.south, one.north),
            (10.0, 10.0, 20.0, 20.0)
        );
    }
}
