//! `bilinear`: interpolation in the quad of four pixel centres around the cell's centre.

use super::cells::{Bounds, CellIndex};
use super::{Entries, EntryKind, GeometryReport, Selected, Stencil, over_blocks};
use crate::geobox::GeoBox;
use crate::sphere::{Vec3, add, arc_bound, chord2, cross, dot, lonlat, normalize, sub};
use crate::stop;
use crate::swath::{Centres, Quad};

/// No quad holds the cell.
const NOBODY: u32 = u32::MAX;

pub(super) fn locate(
    swath: &Selected<'_>,
    geobox: &GeoBox,
    index: &CellIndex,
) -> (Vec<Entries>, GeometryReport) {
    let parts = over_blocks(swath, |lines| {
        let mut report = GeometryReport::default();
        let mut offers = Vec::new();
        let block = swath.block(lines.clone());
        for line in lines {
            // What is located by then is given up.
            if stop::is_asked() {
                break;
            }
            for column in swath.columns(line) {
                report.selected += 1;
                if block.centre(line, column).is_none() {
                    report.missing += 1;
                    continue;
                }
                let Some(quad) = block.centre_quad(line, column) else {
                    continue;
                };
                let middle = normalize(quad.corners.into_iter().fold([0.0; 3], add));
                let (bounds, radius) = extent(swath, line, column, &quad, middle);
                index.near(&bounds, radius, |cell, x| {
                    if !quad.contains(x) {
                        return;
                    }
                    let Some(weights) = weights(quad.corners, x) else {
                        return;
                    };
                    let stencil = Stencil {
                        cell,
                        pixel: swath.pixel(line, column),
                        weights,
                    };
                    offers.push((chord2(x, middle), stencil));
                });
            }
        }
        (offers, report)
    });
    let mut report = GeometryReport::default();
    // Of the quads that hold a cell, the one whose middle is nearest; the first of equals.
    let mut best: Vec<(f64, Stencil)> =
        Vec::with_capacity(parts.iter().map(|(o, _)| o.len()).sum());
    let mut place = vec![NOBODY; geobox.cells()];
    for (offers, counts) in parts {
        if stop::is_asked() {
            break;
        }
        report.add(&counts);
        for (distance2, stencil) in offers {
            let place = &mut place[stencil.cell as usize];
            match best.get_mut(*place as usize) {
                Some(held) if (distance2, stencil.pixel) < (held.0, held.1.pixel) => {
                    *held = (distance2, stencil);
                }
                Some(_) => {}
                None => {
                    *place = best.len() as u32;
                    best.push((distance2, stencil));
                }
            }
        }
    }
    let held = place.iter().filter_map(|place| best.get(*place as usize));
    let stencils: Vec<Stencil> = held.map(|(_, stencil)| *stencil).collect();
    let line = |s: &Stencil| s.pixel as usize / swath.geolocation.pixels;
    let first = stencils.iter().map(line).min();
    let last = stencils.iter().map(line).max();
    let entries = first.zip(last).map(|(first, last)| Entries {
        lines: first..last + 2,
        kind: EntryKind::Stencils(stencils),
    });
    (entries.into_iter().collect(), report)
}

/// Bounds and a distance from them within which a quad lies, whose upper left pixel and middle are given.
fn extent(
    swath: &Selected<'_>,
    line: usize,
    column: usize,
    quad: &Quad,
    middle: Vec3,
) -> (Bounds, f64) {
    let radius = arc_bound(quad.radius2(middle).sqrt().min(1.0));
    let mut bounds = Bounds::NOWHERE;
    for (line, column) in [
        (line, column),
        (line, column + 1),
        (line + 1, column),
        (line + 1, column + 1),
    ] {
        let (lon, lat) = swath.coordinates(line, column);
        bounds.add(lon, lat);
    }
    // An edge of length L bends by L^2/8 tan(lat) out of the corners' bounds, and L < 2 radius.
    if bounds.east - bounds.west < 180.0 && bounds.south > -80.0 && bounds.north < 80.0 {
        return (bounds, 3.0 * radius * radius);
    }
    let (lon, lat) = lonlat(middle);
    (Bounds::of_point(lon, lat), radius)
}

/// Bilinear weights of a quad's corners a, b, c, d (around it) at `x` inside it: the weighted sum of
/// the corners has exactly the direction of `x`.
///
/// In the plane tangent at x, with s running from a to b and t from a to d, the point solves
/// a + s (b-a) + t (d-a) + s t (a-b+c-d) = 0: a quadratic in t.
fn weights([a, b, c, d]: [Vec3; 4], x: Vec3) -> Option<[f64; 4]> {
    let east = normalize(if x[2].abs() < 0.9 {
        cross([0.0, 0.0, 1.0], x)
    } else {
        cross([1.0, 0.0, 0.0], x)
    });
    let north = cross(x, east);
    let flat = |v: Vec3| -> [f64; 2] {
        let v = sub(v, x);
        [dot(v, east), dot(v, north)]
    };
    let [a, b, c, d] = [flat(a), flat(b), flat(c), flat(d)];
    let minus = |p: [f64; 2], q: [f64; 2]| [p[0] - q[0], p[1] - q[1]];
    let wedge = |p: [f64; 2], q: [f64; 2]| p[0] * q[1] - p[1] * q[0];
    let (u, v) = (minus(b, a), minus(d, a));
    let w = minus(minus(c, b), v);
    let e = [-a[0], -a[1]];
    // wedge(e - t v, u + t w) = 0
    let (p, q, r) = (-wedge(v, w), wedge(e, w) - wedge(v, u), wedge(e, u));
    let candidates = quadratic_roots(p, q, r);
    let mut found: Option<(f64, f64, f64)> = None;
    for t in candidates.into_iter().flatten() {
        let along = [u[0] + t * w[0], u[1] + t * w[1]];
        let rest = [e[0] - t * v[0], e[1] - t * v[1]];
        let size = along[0] * along[0] + along[1] * along[1];
        if size == 0.0 {
            continue;
        }
        let s = (rest[0] * along[0] + rest[1] * along[1]) / size;
        // How far outside the unit square; rounding puts points on an edge a little outside.
        let outside = (-s).max(s - 1.0).max(-t).max(t - 1.0).max(0.0);
        if outside.is_finite() && found.is_none_or(|(least, ..)| outside < least) {
            found = Some((outside, s, t));
        }
    }
    let (outside, s, t) = found?;
    if outside > 1e-6 {
        return None;
    }
    let (s, t) = (s.clamp(0.0, 1.0), t.clamp(0.0, 1.0));
    Some([(1.0 - s) * (1.0 - t), s * (1.0 - t), s * t, (1.0 - s) * t])
}

/// Real roots of p t^2 + q t + r without cancellation.
fn quadratic_roots(p: f64, q: f64, r: f64) -> [Option<f64>; 2] {
    let discriminant = q * q - 4.0 * p * r;
    if discriminant < 0.0 {
        // Touching within rounding.
        return [
            (p != 0.0 && discriminant > -1e-9 * q * q).then(|| -q / (2.0 * p)),
            None,
        ];
    }
    let half = -0.5 * (q + discriminant.sqrt().copysign(q));
    let first = (half != 0.0).then(|| r / half);
    // The other root is meaningless where the quad is nearly a parallelogram.
    let second = (p.abs() > 1e-14 * q.abs()).then(|| half / p);
    [first.or((r == 0.0).then_some(0.0)), second]
}

/// Value at a cell from four pixels: weights are renormalised over the valid ones (not NaN), of
/// which at least half the weight must be; NaN otherwise.
#[inline]
pub fn interpolate(values: [f64; 4], weights: [f64; 4]) -> f64 {
    let (mut sum, mut total) = (0.0, 0.0);
    for (value, weight) in values.into_iter().zip(weights) {
        if !value.is_nan() {
            sum += weight * value;
            total += weight;
        }
    }
    // Half the weight, but for rounding: two of four equal corners are enough.
    if total >= 0.5 - 1e-12 {
        sum / total
    } else {
        f64::NAN
    }
}

/// The centres that a stencil names, for tests of its geometry.
pub fn stencil_centres(
    geolocation: &crate::source::GeolocationArray,
    pixel: u32,
) -> Option<[Vec3; 4]> {
    let (line, column) = (
        pixel as usize / geolocation.pixels,
        pixel as usize % geolocation.pixels,
    );
    let centres = Centres::new(geolocation, line..line + 2, column..column + 2);
    Some([
        centres.get(line, column)?,
        centres.get(line, column + 1)?,
        centres.get(line + 1, column + 1)?,
        centres.get(line + 1, column)?,
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sphere::{scale, unit_vector};

    #[test]
    fn weights_reproduce_the_point() {
        let corners = [(10.0, 80.0), (12.0, 80.2), (12.5, 81.0), (9.5, 80.8)]
            .map(|(lon, lat)| unit_vector(lon, lat));
        for (lon, lat) in [(11.0, 80.5), (10.0, 80.3), (12.0, 80.7)] {
            let x = unit_vector(lon, lat);
            let w = weights(corners, x).unwrap();
            let sum = corners
                .iter()
                .zip(w)
                .fold([0.0; 3], |sum, (c, w)| add(sum, scale(*c, w)));
            assert!(chord2(normalize(sum), x).sqrt() < 1e-14, "{w:?}");
        }
    }

    #[test]
    fn half_the_weight_must_be_valid() {
        let nan = f64::NAN;
        assert_eq!(interpolate([1.0, 3.0, nan, nan], [0.25; 4]), 2.0);
        assert!(interpolate([1.0, nan, nan, nan], [0.25; 4]).is_nan());
    }
}
