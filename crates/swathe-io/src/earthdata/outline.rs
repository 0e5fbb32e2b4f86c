//! Outlines of granules on the sphere, as the catalogue has them.

use swathe_core::sphere::{Vec3, arc_bound, chord2, cross, dot, lonlat, normalize, unit_vector};

/// Longitudes and latitudes in degrees; the first point is the last one too.
pub type Ring = Vec<(f64, f64)>;

/// Degrees by which a granule may reach beyond its outline: the catalogue's has four corners, a swath's
/// sides bend between them.
const BEYOND: f64 = 1.5;
/// Degrees between points that stand for an edge.
const STEP: f64 = 0.5;

/// Whether a granule with these outlines may touch a box (west, south, east, north; west > east means across
/// 180). Outlines are made of great circles, the box of meridians and parallels. It errs towards yes.
pub fn may_touch(outlines: &[Ring], bbox: (f64, f64, f64, f64)) -> bool {
    let border = points_of_box(bbox);
    outlines.iter().any(|ring| {
        let points: Vec<Vec3> = ring
            .iter()
            .map(|&(lon, lat)| unit_vector(lon, lat))
            .collect();
        let edges = points_of_ring(&points);
        let near = |a: &Vec3, b: &Vec3| {
            let chord = chord2(*a, *b).sqrt();
            arc_bound(chord.min(1.0)).to_degrees() <= BEYOND + STEP
        };
        edges.iter().any(|&edge| in_box(lonlat(edge), bbox))
            || border
                .first()
                .is_some_and(|&corner| encloses(&points, corner))
            || border.iter().any(|a| edges.iter().any(|b| near(a, b)))
    })
}

/// A ring turned so that its inside is on the left: the smaller side.
pub(super) fn against_the_clock(ring: &Ring) -> Ring {
    let points: Vec<Vec3> = ring
        .iter()
        .map(|&(lon, lat)| unit_vector(lon, lat))
        .collect();
    // Twice the area as seen from outside (Stokes): the sum of the edges' moments along the mean direction.
    let mut moment = Vec3::default();
    let mut mean = Vec3::default();
    for pair in points.windows(2) {
        let [a, b] = pair else { continue };
        moment = swathe_core::sphere::add(moment, cross(*a, *b));
        mean = swathe_core::sphere::add(mean, *a);
    }
    match dot(moment, mean) < 0.0 {
        true => ring.iter().rev().copied().collect(),
        false => ring.clone(),
    }
}

/// Whether a point is in a ring: the ring turns once around it.
fn encloses(ring: &[Vec3], point: Vec3) -> bool {
    let mut turned = 0.0;
    for pair in ring.windows(2) {
        let [a, b] = pair else { continue };
        let (u, v) = (cross(point, *a), cross(point, *b));
        turned += dot(point, cross(u, v)).atan2(dot(u, v));
    }
    let on_this_side = ring.iter().map(|p| dot(*p, point)).sum::<f64>() > 0.0;
    turned.abs() > std::f64::consts::PI && on_this_side
}

fn points_of_ring(ring: &[Vec3]) -> Vec<Vec3> {
    let mut points = Vec::new();
    for pair in ring.windows(2) {
        let [a, b] = pair else { continue };
        let chord = chord2(*a, *b).sqrt();
        let degrees = 2.0 * (chord / 2.0).min(1.0).asin().to_degrees();
        let steps = (degrees / STEP).ceil().max(1.0);
        let at = |i: usize| {
            let share = i as f64 / steps;
            let mix = |k: usize| a[k] * (1.0 - share) + b[k] * share;
            normalize([mix(0), mix(1), mix(2)])
        };
        points.extend((0..steps as usize).map(at));
    }
    points
}

fn points_of_box((west, south, east, north): (f64, f64, f64, f64)) -> Vec<Vec3> {
    let width = if east < west {
        east - west + 360.0
    } else {
        east - west
    };
    let columns = (width / STEP).ceil().max(1.0) as usize;
    let rows = ((north - south) / STEP).ceil().max(1.0) as usize;
    let lon = |i: usize| west + width * i as f64 / columns as f64;
    let lat = |i: usize| south + (north - south) * i as f64 / rows as f64;
    let along = (0..=columns).flat_map(|i| [(lon(i), south), (lon(i), north)]);
    let across = (0..=rows).flat_map(|i| [(west, lat(i)), (west + width, lat(i))]);
    along
        .chain(across)
        .map(|(lon, lat)| unit_vector(lon, lat))
        .collect()
}

fn in_box((lon, lat): (f64, f64), (west, south, east, north): (f64, f64, f64, f64)) -> bool {
    let width = if east < west {
        east - west + 360.0
    } else {
        east - west
    };
    (south..=north).contains(&lat) && (lon - west).rem_euclid(360.0) <= width
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A real granule over the Atlantic.
    fn granule() -> Vec<Ring> {
        vec![vec![
            (-38.97618, 55.74064),
            (-78.13296, 49.1077),
            (-67.51633, 32.4261),
            (-38.4675, 37.98933),
            (-38.97618, 55.74064),
        ]]
    }

    #[test]
    fn boxes_inside_across_around_and_apart() {
        let touches = |bbox| may_touch(&granule(), bbox);
        assert!(touches((-60.0, 44.0, -59.0, 45.0)));
        assert!(touches((-80.0, 36.0, -60.0, 41.0)));
        assert!(touches((-120.0, 0.0, 0.0, 80.0)));
        assert!(touches((-180.0, -90.0, 180.0, 90.0)));
        assert!(touches((170.0, 30.0, -50.0, 60.0)));
        assert!(!touches((-77.0, 20.0, -73.0, 28.0)));
        assert!(!touches((100.0, 44.0, 120.0, 45.0)));
        assert!(!touches((170.0, -20.0, -170.0, 0.0)));
        // On the other side of the Earth.
        assert!(!touches((120.0, -45.0, 121.0, -44.0)));
    }

    #[test]
    fn a_granule_over_the_pole_and_one_across_180() {
        let pole: Vec<Ring> = vec![vec![
            (0.0, 80.0),
            (120.0, 80.0),
            (-120.0, 80.0),
            (0.0, 80.0),
        ]];
        assert!(may_touch(&pole, (10.0, 85.0, 20.0, 90.0)));
        assert!(!may_touch(&pole, (-180.0, 40.0, 180.0, 70.0)));
        let across: Vec<Ring> = vec![vec![
            (170.0, -10.0),
            (-170.0, -10.0),
            (-170.0, 10.0),
            (170.0, 10.0),
            (170.0, -10.0),
        ]];
        assert!(may_touch(&across, (178.0, -1.0, -178.0, 1.0)));
        assert!(may_touch(&across, (-176.0, -1.0, -175.0, 1.0)));
        assert!(!may_touch(&across, (0.0, -1.0, 10.0, 1.0)));
    }

    #[test]
    fn rings_are_turned_against_the_clock() {
        let square: Ring = vec![(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0), (0.0, 0.0)];
        let other: Ring = square.iter().rev().copied().collect();
        assert_eq!(against_the_clock(&square), square);
        assert_eq!(against_the_clock(&other), square);
        let across: Ring = vec![
            (179.0, 0.0),
            (-179.0, 0.0),
            (-179.0, 1.0),
            (179.0, 1.0),
            (179.0, 0.0),
        ];
        assert_eq!(against_the_clock(&across), across);
    }
}
