//! How far apart a granule's pixels are: the scale against which gaps are judged.

use super::centres::{Centres, vector};
use crate::source::GeolocationArray;
use crate::sphere::{Vec3, arc_bound, chord2, dot, sub};
use std::ops::Range;

/// Line pairs that the median is taken over: the threshold is three times it, so that a sample does.
const SAMPLES: usize = 41;

/// The same where only a margin depends on it, of strips of columns.
const ROUGH_SAMPLES: usize = 9;
/// Columns from one strip to the next, and in a strip.
const STRIP_STEP: usize = 64;
const STRIP: usize = 8;

/// Every how many columns the line direction is worked out: it turns by one degree in 110 km.
pub(super) const DIRECTION_STRIDE: usize = 16;

/// Median along-track spacing at each pixel column, and the largest usual spacing of all.
#[derive(Debug, Clone)]
pub struct Spacing {
    columns: Range<usize>,
    along2: Vec<f64>,
    largest: f64,
}

impl Spacing {
    /// Medians over a fixed low-discrepancy sample of the line pairs that `geolocation` holds, for
    /// `columns`. A regular sample would fall in step with the scans of a multi-line scanner.
    pub fn new(geolocation: &GeolocationArray, columns: Range<usize>) -> Self {
        Spacing::sampled(geolocation, columns, SAMPLES)
    }

    fn sampled(geolocation: &GeolocationArray, columns: Range<usize>, samples: usize) -> Self {
        let lines = geolocation.lines.clone();
        let pairs = lines.len().saturating_sub(1);
        let sampled: Vec<usize> = if pairs <= samples {
            (0..pairs).collect()
        } else {
            // Multiples of the golden ratio modulo one spread evenly over any range.
            (1..=samples)
                .map(|k| ((k as f64 * 0.618_033_988_749_894_9).fract() * pairs as f64) as usize)
                .collect()
        };
        let width = columns.len();
        let mut steps = vec![f64::NAN; sampled.len() * width];
        let mut across = Vec::with_capacity(sampled.len());
        for (k, &pair) in sampled.iter().enumerate() {
            let line = lines.start + pair;
            let centres = Centres::new(geolocation, line..line + 2, columns.clone());
            let (here, next) = centres.vectors().split_at(width);
            for (c, (here, next)) in here.iter().zip(next).enumerate() {
                steps[c * sampled.len() + k] = chord2(*here, *next);
            }
            for (c, pair) in here.windows(2).enumerate() {
                if width <= STRIP || (k * 31 + c + 1) % 8 == 0 {
                    across.push(chord2(pair[0], pair[1]));
                }
            }
        }
        across.retain(|step| step.is_finite());
        let along2: Vec<f64> = steps
            .chunks_mut(sampled.len().max(1))
            .map(median_of_finite)
            .collect();
        let largest_along = along2.iter().copied().fold(0.0, f64::max);
        // The upper quartile stands for the wide pixels at a swath's ends.
        let wide_across = upper(&mut across, 0.98);
        Spacing {
            columns,
            along2: if width == 0 { Vec::new() } else { along2 },
            largest: largest_along.max(wide_across).sqrt(),
        }
    }

    /// Squared median chord between successive lines at `column`; zero where nothing is known.
    #[inline]
    pub fn along2(&self, column: usize) -> f64 {
        column
            .checked_sub(self.columns.start)
            .and_then(|c| self.along2.get(c))
            .copied()
            .unwrap_or(0.0)
    }

    /// A usual spacing that few pixels exceed, along or across the track, as a chord.
    pub fn largest(&self) -> f64 {
        self.largest
    }
}

/// How far, in degrees, footprints reach from their centres across a granule, from a few lines and
/// strips of columns: a margin for what may meet a target, not a measure.
#[derive(Debug, Clone)]
pub struct Reaches {
    /// At the first column of each strip.
    strips: Vec<(usize, f64)>,
}

impl Reaches {
    /// From the lines that `geolocation` holds.
    pub fn new(geolocation: &GeolocationArray) -> Self {
        let pixels = geolocation.pixels;
        let last = pixels.saturating_sub(STRIP);
        let starts = (0..last).step_by(STRIP_STEP).chain([last]);
        let strips = starts.map(|start| {
            let columns = start..(start + STRIP).min(pixels);
            let largest = Spacing::sampled(geolocation, columns, ROUGH_SAMPLES).largest;
            // A footprint reaches half a diagonal from its centre; extrapolated and unusually long
            // steps (up to three times the usual) make it larger.
            (start, (arc_bound(largest.min(1.0)) * 2.5).to_degrees())
        });
        Reaches {
            strips: strips.collect(),
        }
    }

    /// The first column of each strip and the reach there.
    pub fn strips(&self) -> impl Iterator<Item = (usize, f64)> {
        self.strips.iter().copied()
    }

    /// The greatest reach among columns.
    pub fn among(&self, columns: &Range<usize>) -> f64 {
        // From the strip before the first column to the one after the last.
        let first = self
            .strips
            .partition_point(|(start, _)| *start <= columns.start);
        let end = self
            .strips
            .partition_point(|(start, _)| *start < columns.end);
        let strips = first.saturating_sub(1)..(end + 1).min(self.strips.len());
        let reaches = self.strips[strips].iter().map(|(_, reach)| *reach);
        reaches.fold(0.0, f64::max)
    }
}

/// Directions in which the lines advance, for each step from a line to the next.
///
/// Defined as the component-wise median of the steps at the same column over nine lines. Where a
/// step and its two neighbours agree within 30 degrees, at every `DIRECTION_STRIDE`th column, that
/// step serves for all that are like it: only the side matters.
pub(super) struct LineDirections<'a> {
    geolocation: &'a GeolocationArray,
    first_line: usize,
    first_group: usize,
    groups: usize,
    /// The null vector where steps do not agree.
    agreed: Vec<Vec3>,
}

impl<'a> LineDirections<'a> {
    /// Directions for the steps from each of `lines` to the next line, around `columns`.
    pub(super) fn new(
        geolocation: &'a GeolocationArray,
        lines: Range<usize>,
        columns: Range<usize>,
    ) -> Self {
        let first_group = columns.start / DIRECTION_STRIDE;
        let groups = columns.end.div_ceil(DIRECTION_STRIDE).max(first_group) - first_group;
        let held = geolocation.lines.clone();
        let window = lines.start.saturating_sub(1).max(held.start)
            ..(lines.end + 1)
                .min(held.end.saturating_sub(1))
                .max(held.start);
        // Steps at the sampled columns over the window, NaN where none.
        let mut steps = Vec::with_capacity(window.len() * groups);
        for line in window.clone() {
            for group in first_group..first_group + groups {
                steps.push(sample_step(geolocation, line, group));
            }
        }
        let step = |line: Option<usize>, group: usize| -> Vec3 {
            line.filter(|line| window.contains(line))
                .map_or([f64::NAN; 3], |line| {
                    steps[(line - window.start) * groups + group]
                })
        };
        let mut agreed = Vec::with_capacity(lines.len() * groups);
        for line in lines.clone() {
            for group in 0..groups {
                let here = step(Some(line), group);
                let like_here = |other: Vec3| agree(other, here);
                let both = like_here(step(line.checked_sub(1), group))
                    && like_here(step(Some(line + 1), group));
                agreed.push(if both { here } else { [0.0; 3] });
            }
        }
        LineDirections {
            geolocation,
            first_line: lines.start,
            first_group,
            groups,
            agreed,
        }
    }

    /// Whether `step`, from (line, column) to the next line, does not point backward.
    #[inline]
    pub(super) fn forward(&self, step: Vec3, line: usize, column: usize) -> bool {
        let agreed = self.agreed
            [(line - self.first_line) * self.groups + column / DIRECTION_STRIDE - self.first_group];
        let d = dot(step, agreed);
        // Within 60 degrees of what lines around agree upon: surely on the same side.
        (d > 0.0 && 4.0 * d * d >= dot(step, step) * dot(agreed, agreed))
            || dot(step, self.median(line, column)) >= 0.0
    }

    #[cold]
    fn median(&self, line: usize, column: usize) -> Vec3 {
        let g = self.geolocation;
        let lines = line.saturating_sub(4).max(g.lines.start)
            ..(line + 5).min(g.lines.end.saturating_sub(1));
        let at = |line: usize| {
            let i = (line - g.lines.start) * g.pixels + column;
            vector(g.longitude.get(i), g.latitude.get(i))
        };
        let steps: Vec<Vec3> = lines.map(|line| sub(at(line + 1), at(line))).collect();
        std::array::from_fn(|k| {
            let mut values: Vec<f64> = steps.iter().map(|s| s[k]).collect();
            median_of_finite(&mut values)
        })
    }
}

/// The step from `line` to the next at the first column of a group where both ends are located.
fn sample_step(geolocation: &GeolocationArray, line: usize, group: usize) -> Vec3 {
    let start = (line - geolocation.lines.start) * geolocation.pixels;
    let first = group * DIRECTION_STRIDE;
    let end = (first + DIRECTION_STRIDE).min(geolocation.pixels);
    let middle = (first + DIRECTION_STRIDE / 2).min(end.saturating_sub(1));
    let at = |i: usize| vector(geolocation.longitude.get(i), geolocation.latitude.get(i));
    for column in std::iter::once(middle).chain(first..end) {
        let step = sub(at(start + geolocation.pixels + column), at(start + column));
        if !step[0].is_nan() {
            return step;
        }
    }
    [f64::NAN; 3]
}

/// Whether two steps point the same way within 30 degrees.
fn agree(a: Vec3, b: Vec3) -> bool {
    let d = dot(a, b);
    d > 0.0 && d * d > 0.75 * dot(a, a) * dot(b, b)
}

/// Median (the lower one of an even number) of the values that are not NaN; zero if there is none.
fn median_of_finite(values: &mut [f64]) -> f64 {
    let mut count = 0;
    for i in 0..values.len() {
        if !values[i].is_nan() {
            values.swap(i, count);
            count += 1;
        }
    }
    if count == 0 {
        return 0.0;
    }
    let middle = (count - 1) / 2;
    *values[..count]
        .select_nth_unstable_by(middle, f64::total_cmp)
        .1
}

fn upper(values: &mut [f64], share: f64) -> f64 {
    if values.is_empty() {
        return 0.0;
    }
    let k = ((values.len() - 1) as f64 * share) as usize;
    *values.select_nth_unstable_by(k, f64::total_cmp).1
}
