//! Geolocation that is stored at some pixels of each line only (`pixel_control_points`).
//!
//! Along a line, unit vectors are interpolated with the cubic through the four nearest control points
//! (Lagrange; they need not be equally spaced) and normalised again: positions, not angles, so that
//! poles and the antimeridian are ordinary. Where one of the four is missing or the line has fewer,
//! the two neighbours alone serve (linear); where one of those is missing, the pixel is. At a control
//! point itself the stored value is kept, to the bit of its double-precision form.

use swathe_core::sphere::{self, Vec3};

/// Columns (pixel positions, increasing) of the control points of a line.
///
/// `stored`, one-based as the ocean-colour files count, is used if it is increasing and inside the
/// line; otherwise the points are spread evenly from the first pixel to the last.
pub(super) fn columns(stored: Option<&[f64]>, points: usize, pixels: usize) -> Vec<f64> {
    if let Some(stored) = stored
        && stored.len() == points
        && stored.windows(2).all(|pair| pair[0] < pair[1])
        && stored.first().is_some_and(|&first| first >= 1.0)
        && stored.last().is_some_and(|&last| last <= pixels as f64)
    {
        return stored.iter().map(|column| column - 1.0).collect();
    }
    let last = pixels.saturating_sub(1) as f64;
    let steps = points.saturating_sub(1).max(1) as f64;
    (0..points).map(|i| i as f64 * last / steps).collect()
}

/// Fills whole lines from their control points. `latitude` and `longitude` hold `columns.len()` values
/// a line in degrees, NaN where missing; the results hold `pixels`.
pub(super) fn interpolate(
    latitude: &[f64],
    longitude: &[f64],
    columns: &[f64],
    pixels: usize,
) -> (Vec<f64>, Vec<f64>) {
    let points = columns.len().max(1);
    let weights: Vec<Stencil> = (0..pixels)
        .map(|pixel| Stencil::new(columns, pixel as f64))
        .collect();
    let lines = latitude.len() / points;
    let mut latitudes = Vec::with_capacity(lines * pixels);
    let mut longitudes = Vec::with_capacity(lines * pixels);
    let mut vectors: Vec<Option<Vec3>> = Vec::with_capacity(points);
    for (lat, lon) in latitude
        .chunks_exact(points)
        .zip(longitude.chunks_exact(points))
    {
        vectors.clear();
        vectors.extend(lat.iter().zip(lon).map(|(&lat, &lon)| {
            let valid = (-90.0..=90.0).contains(&lat) && (-360.0..=360.0).contains(&lon);
            valid.then(|| sphere::unit_vector(lon, lat))
        }));
        for stencil in &weights {
            let (lat, lon) = match stencil {
                Stencil::At(i) if vectors[*i].is_some() => (lat[*i], lon[*i]),
                Stencil::At(_) | Stencil::Outside => (f64::NAN, f64::NAN),
                Stencil::Between {
                    first,
                    cubic,
                    left,
                    linear,
                } => {
                    match weighted(&vectors[*first..], cubic)
                        .or_else(|| weighted(&vectors[*left..], linear))
                    {
                        Some(vector) => {
                            let (lon, lat) = sphere::lonlat(vector);
                            (lat, lon)
                        }
                        None => (f64::NAN, f64::NAN),
                    }
                }
            };
            latitudes.push(lat);
            longitudes.push(lon);
        }
    }
    (latitudes, longitudes)
}

/// How a pixel is made of control points.
#[derive(Debug, Clone)]
enum Stencil {
    /// It is one.
    At(usize),
    /// Weights of the four from `first` on (none where the line has fewer), and of the two from `left`.
    Between {
        first: usize,
        cubic: Vec<f64>,
        left: usize,
        linear: Vec<f64>,
    },
    /// Before the first or after the last.
    Outside,
}

impl Stencil {
    fn new(columns: &[f64], pixel: f64) -> Stencil {
        if let Some(i) = columns.iter().position(|&column| column == pixel) {
            return Stencil::At(i);
        }
        let right = columns.partition_point(|&column| column < pixel);
        if right == 0 || right == columns.len() {
            return Stencil::Outside;
        }
        let left = right - 1;
        let first = left.saturating_sub(1).min(columns.len().saturating_sub(4));
        let nodes = columns.get(first..first + 4).unwrap_or_default();
        Stencil::Between {
            first,
            cubic: lagrange(nodes, pixel),
            left,
            linear: lagrange(&columns[left..=right], pixel),
        }
    }
}

/// Weights of the polynomial through all nodes.
fn lagrange(nodes: &[f64], at: f64) -> Vec<f64> {
    (0..nodes.len())
        .map(|i| {
            (0..nodes.len())
                .filter(|&j| j != i)
                .map(|j| (at - nodes[j]) / (nodes[i] - nodes[j]))
                .product()
        })
        .collect()
}

fn weighted(vectors: &[Option<Vec3>], weights: &[f64]) -> Option<Vec3> {
    if weights.is_empty() {
        return None;
    }
    let mut sum = [0.0; 3];
    for (vector, &weight) in vectors.iter().zip(weights) {
        sum = sphere::add(sum, sphere::scale((*vector)?, weight));
    }
    // Opposite points have nothing between them.
    (sphere::dot(sum, sum) > 1e-12).then(|| sphere::normalize(sum))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A line across the swath: a great circle of 20 degrees through the given point, at `n` pixels.
    fn line(centre: (f64, f64), azimuth: f64, pixels: usize) -> (Vec<f64>, Vec<f64>) {
        let (lon, lat) = centre;
        let at = sphere::unit_vector(lon, lat);
        let (sin_lon, cos_lon) = sphere::sin_cos_deg(lon);
        let (sin_lat, cos_lat) = sphere::sin_cos_deg(lat);
        let north = [-sin_lat * cos_lon, -sin_lat * sin_lon, cos_lat];
        let east = [-sin_lon, cos_lon, 0.0];
        let (s, c) = sphere::sin_cos_deg(azimuth);
        let along = sphere::add(sphere::scale(north, c), sphere::scale(east, s));
        (0..pixels)
            .map(|i| {
                // Pixels grow towards the edge, as a scanner's do.
                let x = i as f64 / (pixels - 1) as f64 * 2.0 - 1.0;
                let (s, c) = sphere::sin_cos_deg(10.0 * x * (1.0 + 0.5 * x * x) / 1.5);
                let (lon, lat) =
                    sphere::lonlat(sphere::add(sphere::scale(at, c), sphere::scale(along, s)));
                (lat, lon)
            })
            .unzip()
    }

    #[test]
    fn every_eighth_pixel_reproduces_a_scan_line_anywhere_on_the_globe() {
        let pixels = 161;
        for centre in [
            (0.0, 0.0),
            (180.0, 10.0),
            (-179.5, -60.0),
            (30.0, 89.9),
            (0.0, -90.0),
        ] {
            let (lat, lon) = line(centre, 70.0, pixels);
            let stored: Vec<f64> = (0..pixels).step_by(8).map(|i| i as f64 + 1.0).collect();
            let columns = columns(Some(&stored), stored.len(), pixels);
            let pick = |all: &[f64]| all.iter().copied().step_by(8).collect::<Vec<_>>();
            let (new_lat, new_lon) = interpolate(&pick(&lat), &pick(&lon), &columns, pixels);
            for i in 0..pixels {
                let d = sphere::chord2(
                    sphere::unit_vector(lon[i], lat[i]),
                    sphere::unit_vector(new_lon[i], new_lat[i]),
                )
                .sqrt();
                // 1.6 m were seen, at the first pixel, where the cubic is one-sided.
                assert!(
                    d * sphere::EARTH_RADIUS_KM < 0.003,
                    "{centre:?} pixel {i}: {d}"
                );
                if i % 8 == 0 {
                    assert_eq!((lat[i], lon[i]), (new_lat[i], new_lon[i]));
                }
            }
        }
    }

    #[test]
    fn a_missing_control_point_takes_its_neighbourhood_with_it_and_no_more() {
        let (mut lat, lon) = line((10.0, 20.0), 90.0, 9);
        lat[4] = f64::NAN;
        let columns = columns(None, 9, 33);
        assert_eq!(columns[1], 4.0);
        let (lat, lon) = interpolate(&lat, &lon, &columns, 33);
        for i in 0..33 {
            assert_eq!(lat[i].is_nan(), (13..=19).contains(&i), "pixel {i}");
            assert_eq!(lat[i].is_nan(), lon[i].is_nan());
        }
    }

    #[test]
    fn few_points_and_bad_columns_are_bounded() {
        assert_eq!(columns(Some(&[3.0, 2.0]), 2, 5), [0.0, 4.0]);
        assert_eq!(columns(Some(&[1.0, 99.0]), 2, 5), [0.0, 4.0]);
        assert_eq!(columns(None, 1, 5), [0.0]);
        let (lat, _) = interpolate(&[1.0, 3.0], &[0.0, 0.0], &[0.0, 4.0], 5);
        assert!((lat[2] - 2.0).abs() < 1e-12, "two points: linear");
        let (lat, _) = interpolate(&[1.0], &[0.0], &[0.0], 3);
        assert!(lat[0] == 1.0 && lat[1].is_nan() && lat[2].is_nan());
        assert!(interpolate(&[], &[], &[], 3).0.is_empty());
    }
}
