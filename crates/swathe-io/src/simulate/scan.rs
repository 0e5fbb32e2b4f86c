//! Where the pixels of a scan lie: a rotating telescope on a tilting platform above the WGS84 ellipsoid.

use rayon::prelude::*;
use swathe_core::sphere::{Vec3, add, cross, dot, scale, sub};

use super::orbit::{
    EARTH_RATE, EQUATORIAL_RADIUS, POLAR_RADIUS, mean_motion, position, sidereal_degrees, state,
    sun,
};

/// Pixels of a line.
pub const PIXELS: usize = 1272;

/// Time between lines: granules of 300 s hold 1709 or 1710 of them, without a gap between granules.
pub(super) const LINE_SECONDS: f64 = 300.0 / 1709.6;

/// Turns of the telescope per second.
const TURNS_PER_SECOND: f64 = 5.737;
/// View angle of the last pixel from the middle of the line, degrees.
const HALF_SCAN: f64 = 56.5;
/// Tilt of the telescope, degrees: aft before the sub-solar latitude, fore behind it.
const TILT: f64 = 20.0;
/// Time from one tilt to the other.
const SLEW_SECONDS: f64 = 13.0;

/// How an instrument sweeps the ground.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scanner {
    /// A rotating telescope that sees one line in a turn, as OCI's.
    #[default]
    Telescope,
    /// A mirror that sweeps ten lines at once, as MODIS does: scans grow towards their ends and
    /// overlap there (bow-tie). Does not tilt.
    TenLines,
}

impl Scanner {
    fn lines(self) -> i64 {
        match self {
            Scanner::Telescope => 1,
            Scanner::TenLines => 10,
        }
    }
}

/// Geometry of the pixels of some lines, row-major.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ScanGeometry {
    /// Pixels of a line.
    pub pixels: usize,
    /// Geodetic latitude of the pixel centres, degrees.
    pub latitude: Vec<f64>,
    /// Longitude of the pixel centres, degrees, -180..180.
    pub longitude: Vec<f64>,
    /// Cosine of the angle between the local vertical and the platform.
    pub cos_sensor_zenith: Vec<f32>,
    /// Cosine of the angle between the local vertical and the Sun.
    pub cos_solar_zenith: Vec<f32>,
    /// Cosine of the angle between the view and the Sun's mirror image.
    pub cos_glint: Vec<f32>,
    /// Tilt of each line, degrees.
    pub tilt: Vec<f64>,
    /// Time of each line's middle, seconds since 1970.
    pub time: Vec<f64>,
}

/// Number of the first line at or after a time.
pub(super) fn first_line_from(time: f64) -> i64 {
    (time / LINE_SECONDS - 0.5).ceil() as i64
}

/// Time of a line's middle, seconds since the epoch.
pub(super) fn line_time(line: i64) -> f64 {
    (line as f64 + 0.5) * LINE_SECONDS
}

/// Tilt at a time, degrees; it changes once an orbit, where the platform passes the sub-solar latitude
/// northward, and once on the night side.
pub(super) fn tilt(time: f64) -> f64 {
    let at = state(time);
    let argument = at.argument.rem_euclid(std::f64::consts::TAU);
    let inclination = super::orbit::INCLINATION_DEGREES.to_radians();
    let highest = libm::sin(inclination);
    let turn = libm::asin((sun(time)[2] / highest).clamp(-1.0, 1.0));
    // Angle flown since the sub-solar latitude, -pi..pi.
    let flown = (argument - turn + std::f64::consts::PI).rem_euclid(std::f64::consts::TAU)
        - std::f64::consts::PI;
    let slew = (flown / mean_motion() / (SLEW_SECONDS / 2.0)).clamp(-1.0, 1.0);
    TILT * slew
}

/// Geometry of lines by their numbers since the epoch, with every `step`-th pixel.
pub(super) fn geometry(scanner: Scanner, lines: &[i64], step: usize) -> ScanGeometry {
    let columns: Vec<usize> = (0..PIXELS).step_by(step.max(1)).collect();
    let pixels = columns.len();
    let views: Vec<View> = columns.iter().map(|&column| View::of(column)).collect();
    let count = lines.len() * pixels;
    let mut out = ScanGeometry {
        pixels,
        latitude: vec![0.0; count],
        longitude: vec![0.0; count],
        cos_sensor_zenith: vec![0.0; count],
        cos_solar_zenith: vec![0.0; count],
        cos_glint: vec![0.0; count],
        tilt: Vec::with_capacity(lines.len()),
        time: Vec::with_capacity(lines.len()),
    };
    let frames: Vec<Frame> = lines
        .iter()
        .map(|&line| Frame::new(scanner, line))
        .collect();
    for frame in &frames {
        out.tilt.push(frame.tilt);
        out.time
            .push(super::orbit::EPOCH_UNIX_SECONDS as f64 + frame.time);
    }
    out.latitude
        .par_chunks_mut(pixels)
        .zip(out.longitude.par_chunks_mut(pixels))
        .zip(out.cos_sensor_zenith.par_chunks_mut(pixels))
        .zip(out.cos_solar_zenith.par_chunks_mut(pixels))
        .zip(out.cos_glint.par_chunks_mut(pixels))
        .zip(&frames)
        .for_each(
            |(((((latitude, longitude), sensor), solar), glint), frame)| {
                for (i, view) in views.iter().enumerate() {
                    let seen = frame.look(view);
                    latitude[i] = seen.latitude;
                    longitude[i] = seen.longitude;
                    sensor[i] = seen.cos_sensor_zenith as f32;
                    solar[i] = seen.cos_solar_zenith as f32;
                    glint[i] = seen.cos_glint as f32;
                }
            },
        );
    out
}

/// Direction and time of a pixel within its line.
struct View {
    sin: f64,
    cos: f64,
    /// Seconds after the line's middle.
    delay: f64,
}

impl View {
    fn of(column: usize) -> View {
        let degrees = HALF_SCAN * (2.0 * column as f64 / (PIXELS - 1) as f64 - 1.0);
        let (sin, cos) = libm::sincos(degrees.to_radians());
        View {
            sin,
            cos,
            delay: degrees / 360.0 / TURNS_PER_SECOND,
        }
    }
}

/// Platform, Sun and Earth at the middle of a line.
struct Frame {
    time: f64,
    tilt: f64,
    sin_tilt: f64,
    cos_tilt: f64,
    /// Sine and cosine of the angle by which a detector looks ahead of the middle of its scan.
    ahead: (f64, f64),
    up: Vec3,
    forward: Vec3,
    right: Vec3,
    radius: f64,
    sun: Vec3,
    sidereal: f64,
}

struct Seen {
    latitude: f64,
    longitude: f64,
    cos_sensor_zenith: f64,
    cos_solar_zenith: f64,
    cos_glint: f64,
}

impl Frame {
    fn new(scanner: Scanner, line: i64) -> Frame {
        let together = scanner.lines();
        let scan = line.div_euclid(together);
        let middle = (together - 1) as f64 / 2.0;
        let time = (scan * together) as f64 * LINE_SECONDS + (middle + 0.5) * LINE_SECONDS;
        let at = state(time);
        let radius = dot(position(&at), position(&at)).sqrt();
        // Lines of a scan are as far apart below the platform as the platform flies in their time.
        let spacing =
            mean_motion() * LINE_SECONDS * EQUATORIAL_RADIUS / (radius - EQUATORIAL_RADIUS);
        let tilt = match scanner {
            Scanner::Telescope => tilt(time),
            Scanner::TenLines => 0.0,
        };
        let (sin_tilt, cos_tilt) = libm::sincos(tilt.to_radians());
        Frame {
            time,
            tilt,
            sin_tilt,
            cos_tilt,
            ahead: libm::sincos((line.rem_euclid(together) as f64 - middle) * spacing),
            up: at.up,
            forward: at.forward,
            right: cross(at.forward, at.up),
            radius,
            sun: sun(time),
            sidereal: sidereal_degrees(time),
        }
    }

    /// Where a pixel's line of sight meets the ellipsoid, and the angles there.
    fn look(&self, view: &View) -> Seen {
        // The platform flies on while the telescope turns: at most 0.03 s, so the series is exact to
        // 1e-19 of the radius.
        let flown = mean_motion() * view.delay;
        let (sin, cos) = (
            flown * (1.0 - flown * flown / 6.0),
            1.0 - flown * flown / 2.0,
        );
        let up = add(scale(self.up, cos), scale(self.forward, sin));
        let forward = sub(scale(self.forward, cos), scale(self.up, sin));
        let position = scale(up, self.radius);
        let middle = sub(scale(forward, self.sin_tilt), scale(up, self.cos_tilt));
        let swept = add(scale(middle, view.cos), scale(self.right, view.sin));
        let sight = add(scale(swept, self.ahead.1), scale(forward, self.ahead.0));

        // In coordinates divided by the axes the ellipsoid is the unit sphere.
        const AXES: Vec3 = [
            1.0 / EQUATORIAL_RADIUS,
            1.0 / EQUATORIAL_RADIUS,
            1.0 / POLAR_RADIUS,
        ];
        let shrink = |v: Vec3| [v[0] * AXES[0], v[1] * AXES[1], v[2] * AXES[2]];
        let (p, d) = (shrink(position), shrink(sight));
        let (a, b, c) = (dot(d, d), dot(p, d), dot(p, p) - 1.0);
        // The widest view, tilt included, is 58.8 degrees off the vertical and the horizon 64.7: it meets.
        let distance = (-b - (b * b - a * c).max(0.0).sqrt()) / a;
        let ground = add(position, scale(sight, distance));

        // The normal of the ellipsoid has the direction of the geodetic latitude.
        let normal = shrink(shrink(ground));
        let normal = scale(normal, 1.0 / dot(normal, normal).sqrt());
        let horizontal = (normal[0] * normal[0] + normal[1] * normal[1]).sqrt();
        let turned = self.sidereal + (EARTH_RATE * view.delay).to_degrees();
        let longitude = libm::atan2(normal[1], normal[0]).to_degrees() - turned;
        let cos_solar_zenith = dot(normal, self.sun);
        let mirrored = sub(scale(normal, 2.0 * cos_solar_zenith), self.sun);
        Seen {
            latitude: libm::atan2(normal[2], horizontal).to_degrees(),
            longitude: wrap(longitude),
            cos_sensor_zenith: -dot(sight, normal),
            cos_solar_zenith,
            cos_glint: -dot(sight, mirrored),
        }
    }
}

/// A longitude as -180..180.
fn wrap(longitude: f64) -> f64 {
    longitude - 360.0 * ((longitude + 180.0) / 360.0).floor()
}
