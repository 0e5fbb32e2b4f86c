//! Values meet geometry: what reaches the cells.

use crate::mask::Real;
use crate::resample::{Contribution, Stencil, interpolate};

/// A value that reaches a cell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Observation {
    /// row * columns + column of the target.
    pub cell: u32,
    /// Missing where not finite.
    pub value: f64,
    /// In units of 2^-32, at most [`WEIGHT_ONE`](crate::resample::WEIGHT_ONE).
    pub weight: u64,
}

/// The observations of pixels that give their own values.
///
/// `values` are those of whole lines; the first is that of the granule's pixel number `first`. Pixels
/// beyond the values are missing.
#[inline]
pub fn contributed<T: Real>(
    contributions: &[Contribution],
    values: &[T],
    first: usize,
) -> impl Iterator<Item = Observation> {
    contributions.iter().map(move |c| Observation {
        cell: c.cell,
        value: value_at(values, (c.pixel as usize).wrapping_sub(first)),
        weight: c.weight,
    })
}

/// The observations of cells that are interpolated between four pixels, each with weight one.
///
/// `values` are those of whole lines of `pixels` pixels; the first is that of the granule's pixel
/// number `first`. Pixels beyond the values are missing.
#[inline]
pub fn interpolated<T: Real>(
    stencils: &[Stencil],
    values: &[T],
    first: usize,
    pixels: usize,
) -> impl Iterator<Item = Observation> {
    stencils.iter().map(move |s| {
        let upper = (s.pixel as usize).wrapping_sub(first);
        let corners = [0, 1, pixels + 1, pixels];
        Observation {
            cell: s.cell,
            value: interpolate(
                corners.map(|offset| value_at(values, upper.wrapping_add(offset))),
                s.weights,
            ),
            weight: crate::resample::WEIGHT_ONE,
        }
    })
}

#[inline]
fn value_at<T: Real>(values: &[T], i: usize) -> f64 {
    values.get(i).map_or(f64::NAN, |value| (*value).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resample::WEIGHT_ONE;

    #[test]
    fn pixels_are_found_in_their_lines() {
        // Lines 10 and 11 of a granule of 3 pixels a line.
        let values = [1.0f32, 2.0, 4.0, 8.0, 16.0, f32::NAN];
        let contributions = [29, 30, 34, 35, 36].map(|pixel| Contribution {
            cell: 7,
            pixel,
            weight: 5,
        });
        let found: Vec<f64> = contributed(&contributions, &values, 30)
            .map(|o| o.value)
            .collect();
        assert_eq!(found[1..3], [1.0, 16.0]);
        assert!([0, 3, 4].iter().all(|i| found[*i].is_nan()));
        let first = contributed(&contributions[1..], &values, 30).next();
        let expected = Observation {
            cell: 7,
            value: 1.0,
            weight: 5,
        };
        assert_eq!(first, Some(expected));
    }

    #[test]
    fn corners_go_round() {
        let values = [1.0f64, 10.0, 0.0, 1000.0, 100.0, f64::NAN];
        // Upper left, upper right, lower right, lower left.
        let of = |pixel, weights| {
            let stencil = Stencil {
                cell: 3,
                pixel,
                weights,
            };
            interpolated(&[stencil], &values, 30, 3).next().unwrap()
        };
        let o = of(30, [0.1, 0.2, 0.3, 0.4]);
        assert_eq!((o.cell, o.value, o.weight), (3, 432.1, WEIGHT_ONE));
        assert_eq!(of(31, [0.5, 0.0, 0.5, 0.0]).value, 10.0);
        assert!(of(31, [0.4, 0.0, 0.6, 0.0]).value.is_nan());
        assert!(of(34, [0.25; 4]).value.is_nan());
    }
}
