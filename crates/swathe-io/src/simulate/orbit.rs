//! Where the platform is, where the Sun is, how the Earth is turned.
//!
//! Inertial frame: equator and equinox of date, metres. Times are seconds since [`EPOCH_UNIX_SECONDS`].

use swathe_core::sphere::{Vec3, scale};

/// 2024-03-05T00:00:13Z, where the mission's record begins: the first granule starts here.
pub(super) const EPOCH_UNIX_SECONDS: i64 = 1_709_596_813;

/// WGS84 semi-major axis, m.
pub(super) const EQUATORIAL_RADIUS: f64 = 6_378_137.0;
/// WGS84 flattening.
const FLATTENING: f64 = 1.0 / 298.257_223_563;
/// WGS84 semi-minor axis, m.
pub(super) const POLAR_RADIUS: f64 = EQUATORIAL_RADIUS * (1.0 - FLATTENING);
/// Earth's gravitational parameter (WGS84), m3 s-2.
const GRAVITY: f64 = 3.986_004_418e14;
/// Second zonal harmonic of the gravity field (EGM96).
const J2: f64 = 1.082_626_68e-3;

const ALTITUDE: f64 = 676_500.0;
/// The inclination at which a node at this altitude follows the mean Sun; the mission's is 98 degrees.
pub(super) const INCLINATION_DEGREES: f64 = 98.092;
/// Mean local time of the ascending node.
const NODE_HOURS: f64 = 13.0;
/// Orbits flown between launch (2024-02-08) and the epoch.
const ORBITS_BEFORE_EPOCH: i64 = 381;

/// Turn of the Earth relative to the equinox, degrees per day (IAU 1982).
const EARTH_TURN: f64 = 360.985_647_366_29;
/// The same in rad/s.
pub(super) const EARTH_RATE: f64 = EARTH_TURN / 86_400.0 * (std::f64::consts::PI / 180.0);

/// The platform at a time.
#[derive(Debug, Clone, Copy)]
pub(super) struct State {
    /// Direction from the Earth's centre.
    pub up: Vec3,
    /// Direction of flight.
    pub forward: Vec3,
    /// Angle from the ascending node, rad, since the epoch's node (not reduced).
    pub argument: f64,
}

/// Distance from the Earth's centre, m.
pub(super) const ORBIT_RADIUS: f64 = EQUATORIAL_RADIUS + ALTITUDE;

/// Mean motion, rad/s (Kepler's third law).
pub(super) fn mean_motion() -> f64 {
    (GRAVITY / (ORBIT_RADIUS * ORBIT_RADIUS * ORBIT_RADIUS)).sqrt()
}

/// Drift of the node by the Earth's oblateness, rad/s: -3/2 J2 (R/a)^2 n cos i (Vallado, eq. 9-37).
pub(super) fn node_rate() -> f64 {
    let ratio = EQUATORIAL_RADIUS / ORBIT_RADIUS;
    -1.5 * J2 * ratio * ratio * mean_motion() * libm::cos(INCLINATION_DEGREES.to_radians())
}

/// The platform at `time`.
pub(super) fn state(time: f64) -> State {
    let node =
        (mean_sun_degrees(0.0) + 15.0 * (NODE_HOURS - 12.0)).to_radians() + node_rate() * time;
    let argument = mean_motion() * time;
    let (sin_u, cos_u) = libm::sincos(argument);
    let (sin_node, cos_node) = libm::sincos(node);
    let (sin_i, cos_i) = libm::sincos(INCLINATION_DEGREES.to_radians());
    State {
        up: [
            cos_node * cos_u - sin_node * sin_u * cos_i,
            sin_node * cos_u + cos_node * sin_u * cos_i,
            sin_u * sin_i,
        ],
        forward: [
            -cos_node * sin_u - sin_node * cos_u * cos_i,
            -sin_node * sin_u + cos_node * cos_u * cos_i,
            cos_u * sin_i,
        ],
        argument,
    }
}

/// Number of the orbit, counted from launch at ascending nodes.
pub(super) fn orbit_number(time: f64) -> i64 {
    (mean_motion() * time / std::f64::consts::TAU).floor() as i64 + ORBITS_BEFORE_EPOCH
}

/// Days since 2000-01-01T12:00Z.
fn days_since_j2000(time: f64) -> f64 {
    // 946,728,000 is that moment in Unix seconds; the whole part is exact.
    ((EPOCH_UNIX_SECONDS - 946_728_000) as f64 + time) / 86_400.0
}

/// Mean longitude of the Sun, degrees (Astronomical Almanac, low precision).
fn mean_sun_degrees(time: f64) -> f64 {
    280.460 + 0.985_647_4 * days_since_j2000(time)
}

/// Direction of the Sun (Astronomical Almanac, low precision: 0.01 degrees).
pub(super) fn sun(time: f64) -> Vec3 {
    let days = days_since_j2000(time);
    let anomaly = (357.528 + 0.985_600_3 * days).to_radians();
    let longitude =
        (mean_sun_degrees(time) + 1.915 * libm::sin(anomaly) + 0.020 * libm::sin(2.0 * anomaly))
            .to_radians();
    let obliquity = (23.439 - 4e-7 * days).to_radians();
    let (sin_l, cos_l) = libm::sincos(longitude);
    let (sin_o, cos_o) = libm::sincos(obliquity);
    [cos_l, cos_o * sin_l, sin_o * sin_l]
}

/// Square of the mean over the actual distance of the Sun.
pub(super) fn sun_distance_correction(time: f64) -> f64 {
    let anomaly = (357.528 + 0.985_600_3 * days_since_j2000(time)).to_radians();
    let distance = 1.000_14 - 0.016_71 * libm::cos(anomaly) - 0.000_14 * libm::cos(2.0 * anomaly);
    1.0 / (distance * distance)
}

/// Greenwich mean sidereal angle, degrees in 0..360 (UT1 taken as UTC).
pub(super) fn sidereal_degrees(time: f64) -> f64 {
    let days = days_since_j2000(time);
    // Whole turns are dropped before they cost digits.
    let whole = days.floor();
    let turned = 280.460_618_37 + (EARTH_TURN - 360.0) * whole + EARTH_TURN * (days - whole);
    turned.rem_euclid(360.0)
}

/// Geocentric position of the platform, m.
pub(super) fn position(state: &State) -> Vec3 {
    scale(state.up, ORBIT_RADIUS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use swathe_core::sphere::dot;

    #[test]
    fn the_period_and_the_node_are_those_of_the_mission() {
        let period = std::f64::consts::TAU / mean_motion();
        assert!((period / 60.0 - 98.28).abs() < 0.05, "{period}");
        // Sun-synchronous: one turn in a tropical year.
        let a_year = node_rate().to_degrees() * 365.242_19 * 86_400.0;
        assert!((a_year - 360.0).abs() < 0.05, "{a_year}");
    }

    #[test]
    fn the_ascending_node_is_crossed_at_one_in_the_afternoon() {
        for orbit in [0.0, 100.0, 5000.0, 12_000.0] {
            let time = orbit * std::f64::consts::TAU / mean_motion();
            let at = state(time);
            assert!(at.up[2].abs() < 1e-6 && at.forward[2] > 0.9);
            let node = libm::atan2(at.up[1], at.up[0]).to_degrees();
            let hours = 12.0 + (node - mean_sun_degrees(time)) / 15.0;
            assert!((hours.rem_euclid(24.0) - 13.0).abs() < 0.01, "{hours}");
            assert!(dot(at.up, at.forward).abs() < 1e-12);
        }
    }

    #[test]
    fn sun_and_earth_agree_with_published_values() {
        let at = |unix: i64| (unix - EPOCH_UNIX_SECONDS) as f64;
        // Meeus, Astronomical Algorithms, example 25.a: 1992-10-13 0h, declination -7.785 degrees.
        let declination = libm::asin(sun(at(718_934_400))[2]).to_degrees();
        assert!((declination + 7.785).abs() < 0.01, "{declination}");
        // Example 12.b: 1987-04-10 19:21:00 UT, 8h 34m 57.0896s.
        let sidereal = sidereal_degrees(at(545_080_860));
        let expected = (8.0 + 34.0 / 60.0 + 57.089_6 / 3600.0) * 15.0;
        assert!((sidereal - expected).abs() < 1e-5, "{sidereal} {expected}");
    }
}
