//! The true chlorophyll: a function of place alone, so that the right answer of any average is known.

use swathe_core::sphere::{EARTH_RADIUS_KM, Vec3, dot, sin_cos_deg, unit_vector};

use super::land::Land;

/// Two crossing waves of one length, multiplied: a pattern of eddies.
struct Pattern {
    /// Length of the waves where their vector is level, km.
    length: f64,
    /// Amplitude of the product, decades.
    amplitude: f64,
    /// Direction of each wave vector, and phase in degrees.
    waves: [(Vec3, f64); 2],
}

const fn wave(
    length: f64,
    amplitude: f64,
    one: Vec3,
    phase: f64,
    other: Vec3,
    other_phase: f64,
) -> Pattern {
    Pattern {
        length,
        amplitude,
        waves: [(one, phase), (other, other_phase)],
    }
}

/// Gyres to eddies to filaments; the amplitudes fall about as the root of the length.
const PATTERNS: [Pattern; 9] = [
    wave(
        3300.0,
        0.240,
        [0.019, 0.743, 0.669],
        197.0,
        [-0.933, 0.254, -0.255],
        25.0,
    ),
    wave(
        1700.0,
        0.210,
        [-0.028, 0.375, -0.927],
        358.0,
        [0.994, 0.109, 0.014],
        99.0,
    ),
    wave(
        900.0,
        0.180,
        [-0.372, 0.455, 0.809],
        353.0,
        [0.013, -0.869, 0.494],
        353.0,
    ),
    wave(
        470.0,
        0.165,
        [-0.889, 0.232, -0.394],
        213.0,
        [-0.314, -0.936, 0.157],
        288.0,
    ),
    wave(
        240.0,
        0.135,
        [-0.857, 0.021, 0.515],
        109.0,
        [0.121, -0.963, 0.241],
        154.0,
    ),
    wave(
        125.0,
        0.120,
        [-0.247, 0.449, 0.859],
        62.0,
        [-0.232, -0.888, 0.397],
        72.0,
    ),
    wave(
        64.0,
        0.090,
        [0.605, -0.708, -0.364],
        110.0,
        [-0.689, -0.695, 0.206],
        57.0,
    ),
    wave(
        33.0,
        0.075,
        [-0.417, 0.782, 0.464],
        26.0,
        [0.754, 0.013, 0.656],
        211.0,
    ),
    wave(
        17.0,
        0.045,
        [0.312, 0.307, -0.899],
        2.0,
        [0.950, -0.076, 0.304],
        167.0,
    ),
];

/// Degrees by which one pattern moves the phases of the next.
const BEND: f64 = 80.0;

/// Chlorophyll concentration of the simulated sea in mg m-3, at a longitude and latitude in degrees.
///
/// Its logarithm is smooth: a zonal mean (poor subtropical gyres, richer equator and high latitudes), an
/// increase towards coasts, and eddies of 3300 to 17 km, of waves on the sphere that bend each other. It is defined
/// on land too, has no seam at 180 degrees and does not change with time.
pub fn truth_chlorophyll(lon: f64, lat: f64) -> f64 {
    let place = unit_vector(lon, lat);
    let zonal = -0.95 + 0.22 * sin_cos_deg(6.0 * lat).1 + 0.35 * place[2] * place[2];
    let coast = Land::get().surroundings(lon, lat);
    let coastal = 1.5 * coast * (2.0 - coast);
    libm::exp(std::f64::consts::LN_10 * (zonal + coastal + waves(place)))
}

fn waves(place: Vec3) -> f64 {
    let mut sum = 0.0;
    let mut before = [0.0; 2];
    for pattern in &PATTERNS {
        // 360 degrees of phase to a length along the wave vector.
        let turn = 360.0 * EARTH_RADIUS_KM / pattern.length;
        // Each wave is bent by the crossing one of the longer pattern: fronts and filaments.
        let [one, other] = std::array::from_fn(|i| {
            let (direction, phase) = pattern.waves[i];
            sin_cos_deg(turn * dot(place, direction) + phase + BEND * before[1 - i]).0
        });
        before = [one, other];
        sum += pattern.amplitude * one * other;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_those_of_a_sea() {
        let mut logs = Vec::new();
        for row in 0..140 {
            for column in 0..360 {
                let (lon, lat) = (f64::from(column) - 179.3, f64::from(row) - 69.7);
                if Land::get().share(lon, lat) == 0.0 {
                    logs.push(truth_chlorophyll(lon, lat).log10());
                }
            }
        }
        logs.sort_by(f64::total_cmp);
        let at = |share: f64| logs[(share * logs.len() as f64) as usize];
        // The world ocean: median 0.1 to 0.25, 1 % below 0.03, 1 % above 1.3 to 8 mg m-3.
        assert!((-1.0..-0.6).contains(&at(0.5)), "{}", at(0.5));
        assert!((-1.8..-1.3).contains(&at(0.01)), "{}", at(0.01));
        assert!((0.1..0.9).contains(&at(0.99)), "{}", at(0.99));
        assert!(logs[0] > -3.0 && logs[logs.len() - 1] < 2.0);
    }

    #[test]
    fn it_has_no_seam_and_is_smooth_at_the_scale_of_a_pixel() {
        for i in -890..890 {
            let lat = f64::from(i) * 0.1;
            let (east, west) = (
                truth_chlorophyll(180.0, lat),
                truth_chlorophyll(-180.0, lat),
            );
            assert!((east / west - 1.0).abs() < 1e-9);
            // 100 m change it by at most 1.2 %: the slopes of all waves and of the coast added.
            let (a, b) = (
                truth_chlorophyll(-70.0, lat),
                truth_chlorophyll(-70.0, lat + 0.0009),
            );
            assert!((a / b - 1.0).abs() < 0.05, "{lat} {a} {b}");
        }
    }
}
