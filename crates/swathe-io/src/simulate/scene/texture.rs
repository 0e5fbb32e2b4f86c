//! Correlated noise: lattices of random numbers, interpolated, of several spacings.

use swathe_core::sphere::Vec3;

use super::super::random::Stream;

/// Cubic step: 0 at 0, 1 at 1, level at both.
#[inline]
fn smooth(t: f32) -> f32 {
    t * t * (3.0 - 2.0 * t)
}

#[inline]
fn blend(a: f32, b: f32, t: f32) -> f32 {
    a + (b - a) * t
}

/// Noise on the ground at a point of the unit sphere, about -1..1; `cells` lattice cells to the radius.
pub(in super::super) fn on_ground(stream: Stream, place: Vec3, cells: f64) -> f32 {
    let scaled = place.map(|x| x * cells);
    let corner = scaled.map(|x| x.floor() as i64);
    let [tx, ty, tz] = std::array::from_fn(|i| smooth((scaled[i] - scaled[i].floor()) as f32));
    let at = |dx: i64, dy: i64, dz: i64| {
        let part = |i: usize, d: i64| ((corner[i] + d) as u64) & 0xF_FFFF;
        stream.signed(part(0, dx) << 40 | part(1, dy) << 20 | part(2, dz))
    };
    let edge = |dy, dz| blend(at(0, dy, dz), at(1, dy, dz), tx);
    let face = |dz| blend(edge(0, dz), edge(1, dz), ty);
    blend(face(0), face(1), tz)
}

/// Adds noise on the plane of line numbers and columns to one line; `spacing` of the lattice in pixels.
pub(in super::super) fn add_on_lines(
    stream: Stream,
    line: i64,
    spacing: usize,
    amplitude: f32,
    out: &mut [f32],
) {
    let rows = spacing as i64;
    let row = line.div_euclid(rows);
    let down = smooth(line.rem_euclid(rows) as f32 / spacing as f32);
    let node = |column: u64| {
        let at = |row: i64| stream.signed((row as u64) << 16 | column);
        amplitude * blend(at(row), at(row + 1), down)
    };
    let mut left = node(0);
    for (cell, values) in out.chunks_mut(spacing).enumerate() {
        let right = node(cell as u64 + 1);
        for (i, value) in values.iter_mut().enumerate() {
            *value += blend(left, right, smooth(i as f32 / spacing as f32));
        }
        left = right;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use swathe_core::sphere::unit_vector;

    #[test]
    fn noise_on_the_ground_is_continuous_and_has_mean_zero() {
        let stream = Stream::new(1);
        let (mut sum, mut last) = (0.0, None::<f32>);
        for i in 0..100_000 {
            let place = unit_vector(f64::from(i) * 0.01, f64::from(i) * 0.000_8 - 40.0);
            let here = on_ground(stream, place, 10.0);
            if let Some(last) = last {
                // Steps of 1.7e-4 radii are 1.7e-3 cells; the slope is at most 2 * 1.5 an axis.
                assert!((here - last).abs() < 0.01);
            }
            last = Some(here);
            sum += f64::from(here);
        }
        assert!((sum / 1e5).abs() < 0.05);
    }

    #[test]
    fn lines_follow_each_other_smoothly() {
        let stream = Stream::new(2);
        let line = |number| {
            let mut out = vec![0.0; 1272];
            add_on_lines(stream, number, 16, 1.0, &mut out);
            out
        };
        for number in -40..40 {
            for (a, b) in line(number).iter().zip(line(number + 1)) {
                assert!((a - b).abs() < 0.2 && a.abs() <= 1.0);
            }
        }
        assert_ne!(line(0), line(16));
    }
}
