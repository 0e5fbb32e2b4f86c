//! Points and arcs on the unit sphere. Angles are degrees at every interface; geodetic latitude is
//! taken as spherical latitude (the design's choice: differences cancel between pixels and cells).

/// Mean Earth radius in km (IUGG R1), for turning arcs into kilometres.
pub const EARTH_RADIUS_KM: f64 = 6371.0088;

/// A vector in three dimensions; on the unit sphere unless said otherwise.
pub type Vec3 = [f64; 3];

/// Scalar product.
#[inline]
pub fn dot(a: Vec3, b: Vec3) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

/// Vector product.
#[inline]
pub fn cross(a: Vec3, b: Vec3) -> Vec3 {
    [
        a[1] * b[2] - a[2] * b[1],
        a[2] * b[0] - a[0] * b[2],
        a[0] * b[1] - a[1] * b[0],
    ]
}

/// `a + b`.
#[inline]
pub fn add(a: Vec3, b: Vec3) -> Vec3 {
    [a[0] + b[0], a[1] + b[1], a[2] + b[2]]
}

/// `a - b`.
#[inline]
pub fn sub(a: Vec3, b: Vec3) -> Vec3 {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

/// `s * a`.
#[inline]
pub fn scale(a: Vec3, s: f64) -> Vec3 {
    [a[0] * s, a[1] * s, a[2] * s]
}

/// The vector of length one in the direction of `a` (NaN for the null vector).
#[inline]
pub fn normalize(a: Vec3) -> Vec3 {
    scale(a, 1.0 / dot(a, a).sqrt())
}

/// Squared chord between two points: monotonic in the great-circle distance.
#[inline]
pub fn chord2(a: Vec3, b: Vec3) -> f64 {
    let d = sub(a, b);
    dot(d, d)
}

/// Sine and cosine of an angle in degrees, for |degrees| up to 1e9 (NaN for NaN).
///
/// The reduction to [-45, 45] is exact in degrees, and the polynomials (the minimax ones of Cephes,
/// double precision) are the build's own, so results do not depend on the system's C library.
#[inline]
pub fn sin_cos_deg(degrees: f64) -> (f64, f64) {
    // Adding 1.5 * 2^52 rounds to the nearest integer, and leaves it in the low bits: no library
    // call and no branch, so that loops over pixels become vector instructions.
    const ROUND: f64 = 6_755_399_441_055_744.0;
    let rounded = degrees * (1.0 / 90.0) + ROUND;
    let quadrant = rounded.to_bits();
    let r = (degrees - (rounded - ROUND) * 90.0) * (std::f64::consts::PI / 180.0);
    let z = r * r;
    let s = r + r
        * z
        * (((((1.589_623_015_765_465_6e-10 * z - 2.505_074_776_285_780_7e-8) * z
            + 2.755_731_362_138_572_4e-6)
            * z
            - 1.984_126_982_958_954e-4)
            * z
            + 8.333_333_333_322_118e-3)
            * z
            - 1.666_666_666_666_663e-1);
    let c = 1.0 - 0.5 * z
        + z * z
            * (((((-1.135_853_652_138_768_2e-11 * z + 2.087_570_084_197_473e-9) * z
                - 2.755_731_417_929_674e-7)
                * z
                + 2.480_158_728_885_171e-5)
                * z
                - 1.388_888_888_887_305_6e-3)
                * z
                + 4.166_666_666_666_659_3e-2);
    // Odd quadrants swap the two; the sign of each turns in two of the four.
    let swap = (quadrant & 1).wrapping_neg();
    let (s, c) = (s.to_bits(), c.to_bits());
    let (sine, cosine) = ((s & !swap) | (c & swap), (c & !swap) | (s & swap));
    (
        f64::from_bits(sine ^ ((quadrant & 2) << 62)),
        f64::from_bits(cosine ^ ((quadrant.wrapping_add(1) & 2) << 62)),
    )
}

/// The point at a longitude and latitude in degrees.
#[inline]
pub fn unit_vector(lon: f64, lat: f64) -> Vec3 {
    let (sin_lat, cos_lat) = sin_cos_deg(lat);
    let (sin_lon, cos_lon) = sin_cos_deg(lon);
    [cos_lat * cos_lon, cos_lat * sin_lon, sin_lat]
}

/// Longitude (-180..=180) and latitude in degrees of a direction (any length but zero).
#[inline]
pub fn lonlat(v: Vec3) -> (f64, f64) {
    let horizontal = (v[0] * v[0] + v[1] * v[1]).sqrt();
    (
        libm::atan2(v[1], v[0]).to_degrees(),
        libm::atan2(v[2], horizontal).to_degrees(),
    )
}

/// Perpendicular of a tangent vector at `at`, turned by a right angle to the left seen from outside.
#[inline]
pub fn turn_left(at: Vec3, tangent: Vec3) -> Vec3 {
    cross(at, tangent)
}

/// An upper bound of the arc, in radians, of a chord (of the unit sphere, up to 1).
#[inline]
pub fn arc_bound(chord: f64) -> f64 {
    // 2 asin(c / 2) = c (1 + c^2/24 + 3 c^4/640 + ...) < c (1 + c^2/16) for c <= 1.
    chord * (1.0 + chord * chord / 16.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sine_and_cosine_agree_with_libm() {
        let mut worst: f64 = 0.0;
        for i in -200_000..200_000 {
            let degrees = f64::from(i) * 0.003_6;
            let (s, c) = sin_cos_deg(degrees);
            let (es, ec) = (
                libm::sin(degrees.to_radians()),
                libm::cos(degrees.to_radians()),
            );
            worst = worst.max((s - es).abs()).max((c - ec).abs());
        }
        // to_radians itself rounds: 720 degrees carry 1e-15 of it.
        assert!(worst < 2e-15, "{worst}");
        assert_eq!(sin_cos_deg(90.0), (1.0, -0.0));
        assert_eq!(sin_cos_deg(180.0).0, 0.0);
    }

    #[test]
    fn lonlat_inverts_unit_vector() {
        for (lon, lat) in [(0.0, 0.0), (-77.25, 38.5), (179.999, -89.9), (12.0, 89.99)] {
            let (x, y) = lonlat(unit_vector(lon, lat));
            assert!(
                (x - lon).abs() < 1e-10 && (y - lat).abs() < 1e-12,
                "{x} {y}"
            );
        }
    }
}
