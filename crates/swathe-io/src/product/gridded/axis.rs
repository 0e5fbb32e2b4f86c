//! The lattice behind a coordinate variable.

use swathe_core::geobox::Axis;

/// Share of a cell by which a coordinate may be off its place. A Gaussian grid of 96 rows, the most
/// regular of the irregular, is off by 0.008.
const TOLERANCE: f64 = 1e-3;
/// Share of a cell within which edges count as multiples of the step.
const ON_LATTICE: f64 = 1e-6;
/// Largest denominator of a step that is taken for a fraction: 1/24, 3/200, not 2718281/999983.
const MOST_DENOMINATOR: f64 = 100_000.0;

/// Which way coordinates run along an axis of a grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// Columns.
    Rising,
    /// Rows, north to south.
    Falling,
}

/// Cell centres as a file has them.
#[derive(Debug, Clone)]
pub(super) struct Centres {
    /// In the units of the CRS, in the order of the file.
    pub values: Vec<f64>,
    /// Machine epsilon of the type that they are stored in.
    pub epsilon: f64,
    /// Whether 360 more is the same place.
    pub wraps: bool,
    /// The way that a grid needs.
    pub direction: Direction,
    /// Origin, numerator, denominator and first index of the lattice, where the file has them.
    pub lattice: Option<[f64; 4]>,
}

/// An axis, and whether it runs against the order of the file.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fitted {
    pub axis: Axis,
    pub flipped: bool,
}

impl Centres {
    /// The axis with these centres: on the file's own lattice if the centres lie on it (a part of a
    /// map does, too), else on the simplest one that they allow.
    ///
    /// # Errors
    /// What is wrong with the coordinates, after their name: "is empty".
    pub(super) fn fit(mut self) -> Result<Fitted, String> {
        if self.values.iter().any(|v| !v.is_finite()) {
            return Err("has missing values".into());
        }
        if self.wraps {
            run_on(&mut self.values);
        }
        let (Some(&first), Some(&last)) = (self.values.first(), self.values.last()) else {
            return Err("is empty".into());
        };
        let flipped =
            self.values.len() > 1 && (last > first) == (self.direction == Direction::Falling);
        if flipped {
            self.values.reverse();
        }
        if let Some(axis) = self.lattice.and_then(|lattice| self.on_lattice(lattice)) {
            return Ok(Fitted { axis, flipped });
        }
        let axis = self.evenly_spaced()?;
        Ok(Fitted { axis, flipped })
    }

    /// Largest rounding error of a stored coordinate.
    fn rounding(&self) -> f64 {
        let most = self
            .values
            .iter()
            .fold(0.0, |most: f64, v| most.max(v.abs()));
        2.0 * most * self.epsilon
    }

    fn on_lattice(&self, [origin, numerator, denominator, _]: [f64; 4]) -> Option<Axis> {
        let step = numerator / denominator;
        let right_way = (step > 0.0) == (self.direction == Direction::Rising);
        if !(origin.is_finite()
            && step.is_finite()
            && step != 0.0
            && denominator > 0.0
            && right_way)
        {
            return None;
        }
        let first = ((self.values.first()? - origin) / step - 0.5).round();
        if first.abs() > 1e15 {
            return None;
        }
        let axis = Axis {
            origin,
            numerator,
            denominator,
            first: first as i64,
            len: self.values.len(),
        };
        let tolerance = TOLERANCE * step.abs() + self.rounding();
        let near = |(i, &value): (usize, &f64)| (axis.centre(i) - value).abs() <= tolerance;
        self.values.iter().enumerate().all(near).then_some(axis)
    }

    fn evenly_spaced(&self) -> Result<Axis, String> {
        let (first, last) = match self.values[..] {
            [] | [_] => return Err("has one value, which gives no cell size".into()),
            [first, .., last] => (first, last),
        };
        let steps = (self.values.len() - 1) as f64;
        let step = (last - first) / steps;
        let rounding = self.rounding();
        if step.abs() < 4.0 * rounding || !step.is_finite() || step == 0.0 {
            return Err(format!("does not tell its cells apart (steps of {step})"));
        }
        let tolerance = TOLERANCE * step.abs() + rounding;
        for (i, &value) in self.values.iter().enumerate() {
            let expected = first + i as f64 * step;
            if (value - expected).abs() > tolerance {
                return Err(format!(
                    "is not evenly spaced ({value} where steps of {step} give {expected})"
                ));
            }
        }
        // Both ends are rounded, and some writers round the step before they multiply it.
        let slack = 2.0 * rounding / steps + 2.0 * self.epsilon * step.abs();
        let (numerator, denominator) = simplest(step.abs(), slack).unwrap_or((step.abs(), 1.0));
        let numerator = numerator.copysign(step);
        let edge = first - numerator / denominator / 2.0;
        let index = edge * denominator / numerator;
        let off = (index - index.round()).abs() * step.abs();
        let on_lattice = off <= ON_LATTICE * step.abs() + rounding && index.abs() < 1e15;
        Ok(Axis {
            origin: if on_lattice { 0.0 } else { edge },
            numerator,
            denominator,
            first: if on_lattice { index.round() as i64 } else { 0 },
            len: self.values.len(),
        })
    }
}

/// Lets longitudes run on where they jump by a turn: 179, -179 becomes 179, 181.
fn run_on(longitudes: &mut [f64]) {
    let mut turns = 0.0;
    let mut before = None;
    for longitude in longitudes {
        let stored = *longitude;
        if let Some(before) = before {
            let jump: f64 = stored - before;
            if jump.abs() > 180.0 {
                turns -= 360f64.copysign(jump);
            }
        }
        before = Some(stored);
        *longitude += turns;
    }
}

/// The fraction with the smallest denominator within `slack` of a positive value, by continued
/// fractions; `None` where it is not simple.
fn simplest(value: f64, slack: f64) -> Option<(f64, f64)> {
    let (mut low, mut high) = (value - slack, value + slack);
    // Terms of the continued fraction: the last two convergents, older first.
    let (mut p0, mut q0, mut p1, mut q1) = (0.0, 1.0, 1.0, 0.0);
    // Every other term doubles the denominator at least.
    for _ in 0..64 {
        let whole = low.floor();
        let inside = low == whole || whole + 1.0 <= high;
        let term = if low == whole {
            whole
        } else if inside {
            whole + 1.0
        } else {
            whole
        };
        (p0, p1) = (p1, term * p1 + p0);
        (q0, q1) = (q1, term * q1 + q0);
        if q1 > MOST_DENOMINATOR {
            return None;
        }
        if inside {
            // Reciprocals lose a little: check the result itself.
            return ((p1 / q1 - value).abs() <= slack + f64::EPSILON * value).then_some((p1, q1));
        }
        (low, high) = (1.0 / (high - whole), 1.0 / (low - whole));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn centres(values: Vec<f64>, direction: Direction) -> Centres {
        Centres {
            values,
            epsilon: f64::EPSILON,
            wraps: false,
            direction,
            lattice: None,
        }
    }

    fn lattice(axis: &Axis) -> (f64, f64, f64, i64, usize) {
        (
            axis.origin,
            axis.numerator,
            axis.denominator,
            axis.first,
            axis.len,
        )
    }

    #[test]
    fn fractions_are_recognised_by_their_size() {
        assert_eq!(simplest(0.1, 1e-9), Some((1.0, 10.0)));
        assert_eq!(simplest(f64::from(1.0f32 / 24.0), 5e-9), Some((1.0, 24.0)));
        assert_eq!(simplest(0.015, 1e-12), Some((3.0, 200.0)));
        assert_eq!(simplest(1000.0, 0.0), Some((1000.0, 1.0)));
        assert_eq!(simplest(std::f64::consts::PI, 1e-15), None);
    }

    #[test]
    fn ascending_latitudes_are_turned() {
        let fitted = centres(vec![-0.75, -0.25, 0.25], Direction::Falling)
            .fit()
            .unwrap();
        assert!(fitted.flipped);
        assert_eq!(lattice(&fitted.axis), (0.0, -1.0, 2.0, -1, 3));
        assert_eq!(fitted.axis.centres(), [0.25, -0.25, -0.75]);
    }

    #[test]
    fn centres_off_the_multiples_keep_their_place() {
        let fitted = centres(vec![0.0, 0.25, 0.5], Direction::Rising)
            .fit()
            .unwrap();
        assert!(!fitted.flipped);
        assert_eq!(fitted.axis.centres(), [0.0, 0.25, 0.5]);
        assert_eq!(fitted.axis.at(0.0), -0.125);
    }

    #[test]
    fn longitudes_run_on_across_180() {
        let mut across = centres(vec![179.0, -179.0, -177.0], Direction::Rising);
        across.wraps = true;
        assert_eq!(across.fit().unwrap().axis.centres(), [179.0, 181.0, 183.0]);
    }

    #[test]
    fn a_part_of_a_map_stays_on_its_lattice() {
        let whole = Axis {
            origin: 0.1,
            numerator: 1.0,
            denominator: 3.0,
            first: -7,
            len: 50,
        };
        let part = Axis {
            first: 3,
            len: 5,
            ..whole.clone()
        };
        let mut centres = centres(part.centres(), Direction::Rising);
        centres.lattice = Some([0.1, 1.0, 3.0, -7.0]);
        assert_eq!(centres.clone().fit().unwrap().axis, part);
        // One cell is enough then.
        centres.values.truncate(1);
        assert_eq!(centres.clone().fit().unwrap().axis, Axis { len: 1, ..part });
        // A coarsened map is not on it: what the coordinates say counts.
        centres.values = vec![1.0, 2.0, 3.0];
        assert_eq!(centres.fit().unwrap().axis.step(), 1.0);
    }

    #[test]
    fn irregular_coordinates_are_refused() {
        let reason = |values: Vec<f64>| centres(values, Direction::Rising).fit().unwrap_err();
        assert!(reason(vec![0.0, 1.0, 2.1]).contains("not evenly spaced"));
        assert!(reason(vec![0.0, 1.0, 0.0]).contains("tell its cells apart"));
        assert!(reason(vec![1.0]).contains("one value"));
        assert!(reason(vec![]).contains("empty"));
        assert!(reason(vec![0.0, f64::NAN]).contains("missing"));
        assert!(reason(vec![-1e308, 1e308]).contains("tell its cells apart"));
    }
}
