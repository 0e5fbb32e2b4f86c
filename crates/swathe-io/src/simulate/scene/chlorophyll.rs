//! The true chlorophyll: a function of place alone, so that the right answer of any average is known.

use swathe_core::sphere::{EARTH_RADIUS_KM, Vec3, dot, sin_cos_deg, unit_vector};

use super::land::Land;

/// One wave: its length on the ground in km, its amplitude in decades, phase in degrees, and the
/// direction of its wave vector as longitude and latitude.
struct Wave {
    length: f64,
    amplitude: f64,
    phase: f64,
    direction: (f64, f64),
}

const fn wave(length: f64, amplitude: f64, phase: f64, lon: f64, lat: f64) -> Wave {
    Wave {
        length,
        amplitude,
        phase,
        direction: (lon, lat),
    }
}

/// Gyres to eddies to filaments; the amplitudes fall about as the root of the length.
const WAVES: [Wave; 9] = [
    wave(3300.0, 0.16, 17.0, 31.0, 52.0),
    wave(1700.0, 0.14, 211.0, 124.0, -18.0),
    wave(900.0, 0.12, 95.0, -77.0, 35.0),
    wave(470.0, 0.11, 304.0, 62.0, 11.0),
    wave(240.0, 0.09, 158.0, -12.0, 63.0),
    wave(125.0, 0.08, 40.0, 171.0, 27.0),
    wave(64.0, 0.06, 262.0, 88.0, -41.0),
    wave(33.0, 0.05, 129.0, -140.0, 44.0),
    wave(17.0, 0.03, 333.0, 9.0, -5.0),
];

/// Chlorophyll concentration of the simulated sea in mg m-3, at a longitude and latitude in degrees.
///
/// Its logarithm is smooth: a zonal mean (poor subtropical gyres, richer equator and high latitudes), an
/// increase towards coasts, and waves of 3300 to 17 km on the sphere that bend each other. It is defined
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
    // Each wave's phase is moved by the wave before it: fronts bend.
    let mut before = 0.0;
    for wave in &WAVES {
        // Degrees of phase: 360 per length along the wave vector.
        let cycles = EARTH_RADIUS_KM / wave.length;
        let along = dot(place, unit_vector(wave.direction.0, wave.direction.1));
        let phase = 360.0 * cycles * along + wave.phase + 45.0 * before;
        before = sin_cos_deg(phase).0;
        sum += wave.amplitude * before;
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
        // The world ocean: median 0.1 to 0.25, 1 % below 0.03, 1 % above 3 mg m-3.
        assert!((-1.0..-0.6).contains(&at(0.5)), "{}", at(0.5));
        assert!((-1.8..-1.3).contains(&at(0.01)), "{}", at(0.01));
        assert!((0.2..0.9).contains(&at(0.99)), "{}", at(0.99));
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
