//! Groups of pixels that are surely regular, told by the differences of stored coordinates alone: the
//! great part of a swath, for which no footprint need be worked out.

use super::Selected;
use super::cells::Bounds;
use crate::source::Coordinates;
use std::ops::Range;

/// Steps this much longer than what is usual are left to the exact rule, which allows three times.
const WITHIN: f64 = 2.5;

/// The radius may be larger than the flat one by this factor: chords against flat steps, corners that
/// are means of chords. Both differ by less than the turn of north between neighbours, a degree.
const FLAT: f64 = 1.03;

/// What the sphere adds to a window: steps of up to a degree are flat within 1e-4.
const ROUND: f64 = 1.001;

/// Columns of a strip: those of a group and two on either side. Narrower ones, at the end of a
/// selection, are left to the exact rule.
const WIDTH: usize = crate::swath::TOGETHER + 4;

/// Lines around a group that its links depend on: the line direction is a median over nine.
pub(super) const LINES_AROUND: usize = 5;

/// A coordinate as stored. Steps in single precision carry its rounding, which all bounds have room for.
trait Number: Copy + PartialOrd + From<f32> + Into<f64> + std::ops::Sub<Output = Self> {}

impl Number for f32 {}
impl Number for f64 {}

/// Least and largest of some numbers.
#[derive(Debug, Clone, Copy)]
struct Interval {
    low: f64,
    high: f64,
}

impl Interval {
    const EMPTY: Interval = Interval {
        low: f64::INFINITY,
        high: f64::NEG_INFINITY,
    };

    /// Of values none of which is NaN.
    #[inline]
    fn of<T: Number>(values: &[T; WIDTH]) -> Interval {
        let least = |a: T, b: T| if a < b { a } else { b };
        let most = |a: T, b: T| if a > b { a } else { b };
        // By fours, so that four comparisons go on side by side.
        let (mut low, mut high) = ([values[0]; 4], [values[0]; 4]);
        for four in values.as_chunks::<4>().0 {
            for k in 0..4 {
                low[k] = least(four[k], low[k]);
                high[k] = most(four[k], high[k]);
            }
        }
        Interval {
            low: least(least(low[0], low[1]), least(low[2], low[3])).into(),
            high: most(most(high[0], high[1]), most(high[2], high[3])).into(),
        }
    }

    #[inline]
    fn merge(&mut self, other: Interval) {
        let (low, high) = (other.low, other.high);
        self.low = if low < self.low { low } else { self.low };
        self.high = if high > self.high { high } else { self.high };
    }

    fn scaled(self, by: f64) -> Middle {
        Middle {
            at: 0.5 * by * (self.low + self.high),
            off: 0.5 * by * (self.high - self.low),
        }
    }
}

/// The same as a middle and the largest distance from it.
#[derive(Debug, Clone, Copy)]
struct Middle {
    at: f64,
    off: f64,
}

impl Middle {
    fn largest(self) -> f64 {
        self.at.abs() + self.off
    }

    fn least(self) -> f64 {
        (self.at.abs() - self.off).max(0.0)
    }

    fn plus(self, other: Middle, sign: f64) -> Middle {
        Middle {
            at: self.at + sign * other.at,
            off: self.off + other.off,
        }
    }
}

/// Steps along and across the track, in degrees as stored, from the pixels of one line in the columns
/// of a group and two beyond; and the coordinates of the group's own pixels.
#[derive(Debug, Clone, Copy)]
pub(super) struct Strip {
    along: [Interval; 2],
    across: [Interval; 2],
    own: [Interval; 2],
    /// Whether every coordinate is a number, and the swath holds them all.
    known: bool,
}

impl Strip {
    pub(super) const EMPTY: Strip = Strip {
        along: [Interval::EMPTY; 2],
        across: [Interval::EMPTY; 2],
        own: [Interval::EMPTY; 2],
        known: true,
    };

    /// The strip of `columns` in `line`; unknown where the swath does not extend beyond it.
    pub(super) fn new(swath: &Selected<'_>, line: usize, columns: &Range<usize>) -> Strip {
        let mut strip = Strip::EMPTY;
        strip.known = strip.fill(swath, line, columns).is_some() && strip.known;
        strip
    }

    #[inline]
    fn fill(&mut self, swath: &Selected<'_>, line: usize, columns: &Range<usize>) -> Option<()> {
        let g = swath.geolocation;
        let row = line.checked_sub(g.lines.start)?;
        if columns.start < 2 || columns.end + 2 > g.pixels || line + 1 >= g.lines.end {
            return None;
        }
        let here = row * g.pixels + columns.start - 2..row * g.pixels + columns.end + 2;
        let next = here.start + g.pixels..here.end + g.pixels;
        for (k, coordinates) in [&g.longitude, &g.latitude].into_iter().enumerate() {
            let (here, next) = (here.clone(), next.clone());
            match coordinates {
                Coordinates::F32(v) => self.add(k, v[here].first_chunk()?, v[next].first_chunk()?),
                Coordinates::F64(v) => self.add(k, v[here].first_chunk()?, v[next].first_chunk()?),
            }
        }
        Some(())
    }

    #[inline]
    fn add<T: Number>(&mut self, k: usize, here: &[T; WIDTH], next: &[T; WIDTH]) {
        // Whole arrays at a time: these become vector instructions.
        let (mut along, mut across, mut own) =
            ([here[0]; WIDTH], [here[0]; WIDTH], [here[2]; WIDTH]);
        for i in 0..WIDTH {
            along[i] = next[i] - here[i];
        }
        for i in 0..WIDTH - 1 {
            across[i] = here[i + 1] - here[i];
        }
        across[WIDTH - 1] = across[0];
        own[2..WIDTH - 2].copy_from_slice(&here[2..WIDTH - 2]);
        self.along[k] = Interval::of(&along);
        self.across[k] = Interval::of(&across);
        self.own[k] = Interval::of(&own);
        // Comparisons would pass over a missing one.
        let zero = T::from(0.0);
        let number = |v: &T| (*v < zero) | (*v >= zero);
        self.known &= along.iter().fold(true, |known, v| known & number(v));
    }

    /// Joins another line's; `own` where it belongs to the group.
    #[inline]
    pub(super) fn merge(&mut self, other: &Strip, own: bool) {
        for k in 0..2 {
            self.along[k].merge(other.along[k]);
            self.across[k].merge(other.across[k]);
            if own {
                self.own[k].merge(other.own[k]);
            }
        }
        self.known &= other.known;
    }
}

/// What is known of a smooth group.
pub(super) struct Smooth {
    /// Of its pixels' coordinates.
    pub(super) bounds: Bounds,
    /// No corner of a footprint is farther from its centre, as a chord.
    pub(super) largest: f64,
    /// Where its pixels can be nearest.
    pub(super) window: Window,
}

/// Half widths, in degrees as stored, of the box around a pixel outside of which another is nearer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    pub(super) lon: f64,
    pub(super) lat: f64,
}

/// Whether the pixels of a group are surely linked among themselves and with their neighbours, and
/// whole, in the given sense, from the strips of its lines and of `LINES_AROUND` on either side.
///
/// In the plane of longitude times the cosine of latitude, and latitude, let all steps along be
/// a = A +- da, all steps across b = B +- db, component by component. Corners are half sums and
/// differences of such steps, and two successive ones span an area of at least
/// (2 min a x b - max a x a' - max b x b') / 4.
pub(super) fn smooth(all: &Strip, usual2: f64, sense: f64) -> Option<Smooth> {
    let [lon, lat] = all.own;
    let usable =
        all.known && lat.low > -88.0 && lat.high < 88.0 && lon.low > -179.0 && lon.high < 359.0;
    if !usable {
        return None;
    }
    let steepest = lat.low.abs().max(lat.high.abs());
    let (_, cosine) = crate::sphere::sin_cos_deg(steepest);
    let widest = if lat.low <= 0.0 && lat.high >= 0.0 {
        1.0
    } else {
        crate::sphere::sin_cos_deg(lat.low.abs().min(lat.high.abs())).1
    };
    // Two lines and columns beyond the group the cosine is still within its range and a step of it.
    let slack = 4.0
        * all.along[1]
            .scaled(1.0)
            .largest()
            .max(all.across[1].scaled(1.0).largest());
    let (narrow, wide) = (cosine - slack.to_radians(), widest + slack.to_radians());
    if narrow < 0.02 || wide > 1.2 * narrow || lon.high - lon.low > 20.0 {
        return None;
    }
    // Longitudes are scaled by a cosine within `spread` of each pixel's own.
    let spread = 0.5 * (wide - narrow) / narrow;
    let middle = 0.5 * (wide + narrow);
    let scaled = |steps: [Interval; 2]| {
        let mut x = steps[0].scaled(middle);
        x.off += spread * x.largest();
        [x, steps[1].scaled(1.0)]
    };
    let (a, b) = (scaled(all.along), scaled(all.across));
    if all.along[0]
        .scaled(1.0)
        .largest()
        .max(all.across[0].scaled(1.0).largest())
        > 1.0
    {
        return None;
    }
    let cross_off = |p: [Middle; 2], q: [Middle; 2]| {
        p[0].at.abs() * q[1].off
            + p[1].at.abs() * q[0].off
            + q[0].at.abs() * p[1].off
            + q[1].at.abs() * p[0].off
            + p[0].off * q[1].off
            + p[1].off * q[0].off
    };
    // Rows run along a, columns along b: the corners' sense is that of b x a.
    let area = sense * (b[0].at * a[1].at - b[1].at * a[0].at);
    let whole = 2.0 * (area - cross_off(a, b)) - cross_off(a, a) - cross_off(b, b);
    // A tenth of it is kept for the sphere's sake.
    if whole.is_nan() || whole < 0.2 * area || area <= 0.0 {
        return None;
    }
    let length = |p: [Middle; 2]| length_of(p[0].largest(), p[1].largest());
    let least = |p: [Middle; 2]| length_of(p[0].least(), p[1].least());
    // All steps along have one direction within 60 degrees, so they agree with any median of them.
    let forward = length_of(a[0].off, a[1].off) < 0.5 * length_of(a[0].at, a[1].at);
    let usual = usual2.sqrt().to_degrees();
    if !forward || length(a) > WITHIN * usual.max(least(b)) || length(b) > WITHIN * least(b) {
        return None;
    }
    let window = window(a, b, slack.to_radians() / 4.0 / narrow)?;
    let diagonal = |sign: f64| {
        length_of(
            a[0].plus(b[0], sign).largest(),
            a[1].plus(b[1], sign).largest(),
        )
    };
    Some(Smooth {
        bounds: Bounds {
            west: lon.low,
            east: lon.high,
            south: lat.low,
            north: lat.high,
        },
        largest: FLAT * 0.5 * diagonal(1.0).max(diagonal(-1.0)).to_radians(),
        window: Window {
            lon: window[0] / narrow,
            lat: window[1],
        },
    })
}

/// Half widths of the box that holds the Voronoi cell of each pixel among neighbours that are steps
/// +-a and +-b away; `turn` bounds how much the scale of longitudes differs between neighbours.
///
/// Let v run from a pixel to a point that no neighbour is nearer to: v.s <= s.s / 2 for each step s.
/// With s = S + ds that is |v.A| <= F(a) = max a.a / 2 + |v|.da, and the same for b; so
/// |v_x| <= (|B_y| F(a) + |A_y| F(b)) / |A x B|, which bounds v by itself: a linear system for F.
fn window(a: [Middle; 2], b: [Middle; 2], turn: f64) -> Option<[f64; 2]> {
    let square = |p: [Middle; 2]| p[0].largest().powi(2) + p[1].largest().powi(2);
    let area = (a[0].at * b[1].at - a[1].at * b[0].at).abs();
    // Shares of F(a) and F(b) in |v_x| and |v_y|.
    let from_a = [b[1].at.abs() / area, b[0].at.abs() / area];
    let from_b = [a[1].at.abs() / area, a[0].at.abs() / area];
    let along = |share: [f64; 2], p: [Middle; 2]| share[0] * p[0].off + share[1] * p[1].off;
    let [[aa, ab], [ba, bb]] = [a, b].map(|p| [along(from_a, p), along(from_b, p)]);
    // Squared distances from two neighbours are in scales that differ by `turn`; the farther one is
    // less than two of the longer steps away.
    let uneven = 4.0 * turn * square(a).max(square(b));
    let (half_a, half_b) = (0.5 * (square(a) + uneven), 0.5 * (square(b) + uneven));
    let whole = (1.0 - aa) * (1.0 - bb) - ab * ba;
    if aa >= 1.0 || bb >= 1.0 || whole.is_nan() || whole < 0.25 {
        return None;
    }
    let f_a = (half_a * (1.0 - bb) + half_b * ab) / whole;
    let f_b = (half_b * (1.0 - aa) + half_a * ba) / whole;
    Some([0, 1].map(|k| ROUND * (from_a[k] * f_a + from_b[k] * f_b)))
}

/// As hypot, which would come from the system's library.
fn length_of(x: f64, y: f64) -> f64 {
    (x * x + y * y).sqrt()
}
