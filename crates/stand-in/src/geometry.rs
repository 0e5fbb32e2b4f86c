//! Whether outlines meet: great circles in small steps on the longitude/latitude plane, near enough for a
//! stand-in.

use swathe_core::sphere::{lonlat, normalize, unit_vector};

pub(crate) type Ring = Vec<(f64, f64)>;

/// A box as a ring; west > east runs across 180.
pub(crate) fn ring_of_box((west, south, east, north): (f64, f64, f64, f64)) -> Ring {
    let east = if east < west { east + 360.0 } else { east };
    vec![(west, south), (east, south), (east, north), (west, north)]
}

/// A ring of great circles with points between its corners.
fn stepped(ring: &Ring) -> Ring {
    const STEPS: usize = 64;
    let next = ring.iter().cycle().skip(1);
    let sides = ring.iter().zip(next).take(ring.len());
    sides
        .flat_map(|(p, q)| {
            let (a, b) = (unit_vector(p.0, p.1), unit_vector(q.0, q.1));
            (0..STEPS).map(move |i| {
                let share = i as f64 / STEPS as f64;
                let mix = |k: usize| a[k] * (1.0 - share) + b[k] * share;
                lonlat(normalize([mix(0), mix(1), mix(2)]))
            })
        })
        .collect()
}

/// Whether an outline of great circles meets an area, wherever around the globe its longitudes run.
pub(crate) fn meet(outline: &Ring, area: &Ring) -> bool {
    let (a, b) = (unrolled(&stepped(outline)), unrolled(area));
    [-720.0, -360.0, 0.0, 360.0, 720.0].iter().any(|shift| {
        let moved: Ring = b.iter().map(|(x, y)| (x + shift, *y)).collect();
        meet_in_plane(&a, &moved)
    })
}

/// Longitudes that follow each other without a jump.
fn unrolled(ring: &Ring) -> Ring {
    let mut unrolled = Ring::new();
    for &(x, y) in ring {
        let x = match unrolled.last() {
            Some(&(last, _)) => last + (x - last + 540.0).rem_euclid(360.0) - 180.0,
            None => x,
        };
        unrolled.push((x, y));
    }
    unrolled
}

fn meet_in_plane(a: &Ring, b: &Ring) -> bool {
    let edges = |ring: &Ring| -> Vec<((f64, f64), (f64, f64))> {
        let next = ring.iter().cycle().skip(1);
        ring.iter()
            .copied()
            .zip(next.copied())
            .take(ring.len())
            .collect()
    };
    let crossed = edges(a)
        .iter()
        .any(|&(p, q)| edges(b).iter().any(|&(r, s)| cross(p, q, r, s)));
    let has = |ring: &Ring, point: Option<&(f64, f64)>| point.is_some_and(|p| inside(ring, *p));
    crossed || has(a, b.first()) || has(b, a.first())
}

fn side(p: (f64, f64), q: (f64, f64), r: (f64, f64)) -> f64 {
    (q.0 - p.0) * (r.1 - p.1) - (q.1 - p.1) * (r.0 - p.0)
}

fn cross(p: (f64, f64), q: (f64, f64), r: (f64, f64), s: (f64, f64)) -> bool {
    side(p, q, r) * side(p, q, s) < 0.0 && side(r, s, p) * side(r, s, q) < 0.0
}

fn inside(ring: &Ring, (x, y): (f64, f64)) -> bool {
    let mut inside = false;
    for (i, &(x1, y1)) in ring.iter().enumerate() {
        let (x2, y2) = ring[(i + 1) % ring.len()];
        if (y1 > y) != (y2 > y) && x < x1 + (y - y1) / (y2 - y1) * (x2 - x1) {
            inside = !inside;
        }
    }
    inside
}
