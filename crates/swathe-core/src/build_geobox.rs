//! Making grids: from a box and a resolution, from a name, around a swath.

use crate::crs::Crs;
use crate::geobox::{Axis, GeoBox};
use crate::source::GeolocationArray;
use crate::sphere::{EARTH_RADIUS_KM, chord2, unit_vector};
use std::str::FromStr;

/// A grid cannot be made.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum InvalidGrid {
    /// The resolution's text.
    #[error(
        "invalid resolution (got {0:?}): expected a positive number of CRS units, or 1km, 250m, 0.015deg, 1/24deg"
    )]
    Resolution(String),
    /// The box.
    #[error("invalid box (got {0}): {1}")]
    Bounds(String, &'static str),
    /// The name.
    #[error("unknown grid {0:?}: known are {known}, and isin-ROWS (isin-4320)", known = NAMED.map(|n| n.0).join(", "))]
    Name(String),
    /// The box has no image in the projection.
    #[error("the box {0} reaches places that {1} cannot show: take a smaller box, or --bounds")]
    Projection(String, String),
    /// Too many cells.
    #[error(
        "the grid would have {0} x {1} cells: more than 4 billion; take a coarser resolution or a smaller box"
    )]
    TooLarge(u64, u64),
    /// Cells larger than the Earth.
    #[error("the resolution {0:?} is more than the Earth measures, {1} of the CRS's units")]
    TooCoarse(f64, f64),
    /// A swath without usable geolocation has no extent.
    #[error("the granule has no usable geolocation to make a grid around")]
    NoLocation,
}

/// A cell size with its unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Resolution {
    /// Units of the CRS.
    Units(f64),
    /// Metres on the ground.
    Metres(f64),
    /// Degrees of arc.
    Degrees(f64),
}

impl FromStr for Resolution {
    type Err = InvalidGrid;

    fn from_str(text: &str) -> Result<Self, InvalidGrid> {
        let text = text.trim();
        let (number, make): (&str, fn(f64) -> Resolution) = if let Some(n) = text.strip_suffix("km")
        {
            (n, |v| Resolution::Metres(v * 1000.0))
        } else if let Some(n) = text.strip_suffix("deg") {
            (n, Resolution::Degrees)
        } else if let Some(n) = text.strip_suffix('m') {
            (n, Resolution::Metres)
        } else {
            (text, Resolution::Units)
        };
        let number = match number.split_once('/') {
            Some((part, whole)) => part.trim().parse::<f64>().and_then(|part| {
                let whole = whole.trim().parse::<f64>();
                whole.map(|whole| part / whole)
            }),
            None => number.trim().parse::<f64>(),
        };
        match number {
            Ok(value) if value.is_finite() && value > 0.0 => Ok(make(value)),
            _ => Err(InvalidGrid::Resolution(text.into())),
        }
    }
}

impl Resolution {
    /// The size in units of a CRS. A degree of arc is 111.195 km (the mean sphere).
    pub fn in_units(self, crs: &Crs) -> f64 {
        let metres_per_degree = EARTH_RADIUS_KM * 1000.0 * std::f64::consts::PI / 180.0;
        match (self, crs.is_lonlat()) {
            (Resolution::Units(v), _) | (Resolution::Degrees(v), true) => v,
            (Resolution::Metres(v), true) => v / metres_per_degree,
            (Resolution::Metres(v), false) => v / crs.metres_per_unit(),
            (Resolution::Degrees(v), false) => v * metres_per_degree / crs.metres_per_unit(),
        }
    }
}

/// Metres around the equator of WGS84.
const EARTH_CIRCUMFERENCE: f64 = 40_075_017.0;

/// Named global grids: columns, rows, and cells per degree.
const NAMED: [(&str, usize, usize, f64, f64); 3] = [
    ("l3m-4km", 8640, 4320, 1.0, 24.0),
    ("l3m-9km", 4320, 2160, 1.0, 12.0),
    ("0.1deg", 3600, 1800, 1.0, 10.0),
];

impl GeoBox {
    /// A named global grid: `l3m-4km`, `l3m-9km`, `0.1deg`.
    ///
    /// # Errors
    /// An unknown name.
    pub fn named(name: &str) -> Result<Self, InvalidGrid> {
        let (_, columns, rows, numerator, denominator) = NAMED
            .into_iter()
            .find(|known| known.0.eq_ignore_ascii_case(name))
            .ok_or_else(|| InvalidGrid::Name(name.into()))?;
        let axis = |len: usize, sign: f64| Axis {
            origin: 0.0,
            numerator: sign * numerator,
            denominator,
            first: -(len as i64) / 2,
            len,
        };
        Ok(GeoBox {
            crs: Crs::lonlat(),
            x: axis(columns, 1.0),
            y: axis(rows, -1.0),
        })
    }

    /// The grid over a longitude/latitude box (west, south, east, north); west > east means across
    /// 180. For a projected CRS the box's densified outline is projected. Edges are snapped outward
    /// to multiples of the resolution.
    ///
    /// # Errors
    /// A box that is empty or out of range, or has no place in the projection; too many cells.
    pub fn from_bbox(
        crs: Crs,
        (west, south, east, north): (f64, f64, f64, f64),
        resolution: Resolution,
    ) -> Result<Self, InvalidGrid> {
        let given = format!("{west},{south},{east},{north}");
        let invalid = |reason| Err(InvalidGrid::Bounds(given.clone(), reason));
        if ![west, south, east, north].iter().all(|v| v.is_finite()) {
            return invalid("not finite");
        }
        if south < -90.0 || north > 90.0 {
            return invalid("latitudes lie between -90 and 90");
        }
        if south >= north {
            return invalid("south must be less than north (the order is west,south,east,north)");
        }
        if !(-360.0..=360.0).contains(&west) || !(-360.0..=360.0).contains(&east) || west == east {
            return invalid("longitudes lie between -180 and 180, and west differs from east");
        }
        let east = if west > east { east + 360.0 } else { east };
        if east - west > 360.0 {
            return invalid("wider than the Earth");
        }
        if crs.is_lonlat() {
            return Self::from_bounds(crs, (west, south, east, north), resolution);
        }
        const POINTS: usize = 256;
        let (mut left, mut bottom, mut right, mut top) = (
            f64::INFINITY,
            f64::INFINITY,
            f64::NEG_INFINITY,
            f64::NEG_INFINITY,
        );
        for k in 0..=POINTS {
            let share = k as f64 / POINTS as f64;
            let (lon, lat) = (
                west + share * (east - west),
                south + share * (north - south),
            );
            for (lon, lat) in [(lon, south), (lon, north), (west, lat), (east, lat)] {
                if let Some((x, y)) = crs.forward(lon, lat) {
                    left = left.min(x);
                    right = right.max(x);
                    bottom = bottom.min(y);
                    top = top.max(y);
                }
            }
        }
        // No map of the Earth that shows its places is larger than twice around it: beyond, the box
        // comes near a point that the projection sends to infinity.
        let most = 2.0 * EARTH_CIRCUMFERENCE / crs.metres_per_unit();
        if !(left < right && bottom < top && right - left <= most && top - bottom <= most) {
            return Err(InvalidGrid::Projection(given, crs.definition().into()));
        }
        Self::from_bounds(crs, (left, bottom, right, top), resolution)
    }

    /// The grid over bounds (left, bottom, right, top) in CRS units, snapped outward to multiples of
    /// the resolution with a tolerance of 1e-9 of it.
    ///
    /// # Errors
    /// Bounds that are empty, too many cells, or cells larger than the Earth.
    pub fn from_bounds(
        crs: Crs,
        (left, bottom, right, top): (f64, f64, f64, f64),
        resolution: Resolution,
    ) -> Result<Self, InvalidGrid> {
        if !(left < right && bottom < top && (right - left + top - bottom).is_finite()) {
            let given = format!("{left},{bottom},{right},{top}");
            return Err(InvalidGrid::Bounds(
                given,
                "left must be less than right, bottom less than top",
            ));
        }
        let size = resolution.in_units(&crs);
        let around = match crs.is_lonlat() {
            true => 360.0,
            false => EARTH_CIRCUMFERENCE / crs.metres_per_unit(),
        };
        if size > around {
            return Err(InvalidGrid::TooCoarse(size, around.round()));
        }
        let low = |v: f64| (v / size + 1e-9).floor();
        let high = |v: f64| (v / size - 1e-9).ceil();
        let (x0, x1, y0, y1) = (low(left), high(right), low(bottom), high(top));
        let (columns, rows) = ((x1 - x0).max(1.0), (y1 - y0).max(1.0));
        if columns * rows >= f64::from(u32::MAX) || x0.abs() > 1e15 || y1.abs() > 1e15 {
            return Err(InvalidGrid::TooLarge(columns as u64, rows as u64));
        }
        Ok(GeoBox {
            crs,
            x: Axis::new(0.0, size, x0 as i64, columns as usize),
            y: Axis::new(0.0, -size, -(y1 as i64), rows as usize),
        })
    }

    /// The grid around one swath, at a resolution or at the swath's own (the median spacing of its
    /// pixels, in units of the CRS to two digits); right across 180 too.
    ///
    /// # Errors
    /// A swath with no usable geolocation.
    pub fn around(
        geolocation: &GeolocationArray,
        crs: Crs,
        resolution: Option<Resolution>,
    ) -> Result<Self, InvalidGrid> {
        let count = geolocation.latitude.len();
        let located: Vec<(f64, f64)> = (0..count)
            .map(|i| (geolocation.longitude.get(i), geolocation.latitude.get(i)))
            .filter(|(lon, lat)| crate::swath::located(*lon, *lat))
            .collect();
        if located.is_empty() {
            return Err(InvalidGrid::NoLocation);
        }
        let size = match resolution {
            Some(resolution) => resolution.in_units(&crs),
            None => {
                let own = own_spacing_metres(geolocation).ok_or(InvalidGrid::NoLocation)?;
                two_digits(Resolution::Metres(own).in_units(&crs))
            }
        };
        let bound = |pick: &dyn Fn(&(f64, f64)) -> f64| {
            located
                .iter()
                .map(pick)
                .fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| {
                    (l.min(v), h.max(v))
                })
        };
        let half = 0.5 * size;
        if crs.is_lonlat() {
            let (south, north) = bound(&|p| p.1);
            let (west, east) = longitude_span(located.iter().map(|p| p.0));
            return Self::from_bounds(
                crs,
                (
                    west - half,
                    (south - half).max(-90.0),
                    east + half,
                    (north + half).min(90.0),
                ),
                Resolution::Units(size),
            );
        }
        let (mut left, mut bottom, mut right, mut top) = (
            f64::INFINITY,
            f64::INFINITY,
            f64::NEG_INFINITY,
            f64::NEG_INFINITY,
        );
        for (lon, lat) in &located {
            if let Some((x, y)) = crs.forward(*lon, *lat) {
                left = left.min(x);
                right = right.max(x);
                bottom = bottom.min(y);
                top = top.max(y);
            }
        }
        if left > right {
            return Err(InvalidGrid::NoLocation);
        }
        Self::from_bounds(
            crs,
            (left - half, bottom - half, right + half, top + half),
            Resolution::Units(size),
        )
    }
}

/// West and east limits of longitudes: outside their largest gap, east maybe beyond 180.
fn longitude_span(lons: impl Iterator<Item = f64>) -> (f64, f64) {
    // Occupied sixteenths of a degree find the gap without sorting millions of longitudes.
    const PER_DEGREE: usize = 16;
    const SLOTS: usize = 360 * PER_DEGREE;
    let mut slots = vec![(f64::INFINITY, f64::NEG_INFINITY); SLOTS];
    for lon in lons {
        let lon = (lon + 180.0).rem_euclid(360.0) - 180.0;
        let slot = &mut slots[(((lon + 180.0) * PER_DEGREE as f64) as usize).min(SLOTS - 1)];
        *slot = (slot.0.min(lon), slot.1.max(lon));
    }
    let filled: Vec<(f64, f64)> = slots.into_iter().filter(|s| s.0 <= s.1).collect();
    let (mut gap, mut west, mut east) = (
        filled[0].0 + 360.0 - filled[filled.len() - 1].1,
        filled[0].0,
        filled[filled.len() - 1].1,
    );
    for pair in filled.windows(2) {
        if pair[1].0 - pair[0].1 > gap {
            gap = pair[1].0 - pair[0].1;
            (west, east) = (pair[1].0, pair[0].1 + 360.0);
        }
    }
    if gap < 1.0 {
        (-180.0, 180.0)
    } else {
        (west, east)
    }
}

/// Median step along the track and across it, in metres.
fn own_spacing_metres(geolocation: &GeolocationArray) -> Option<f64> {
    let at = |i: usize| {
        let (lon, lat) = (geolocation.longitude.get(i), geolocation.latitude.get(i));
        crate::swath::located(lon, lat).then(|| unit_vector(lon, lat))
    };
    let count = geolocation.latitude.len();
    let stride = (count / 20_000).max(1);
    let mut steps = Vec::new();
    for i in (0..count).step_by(stride) {
        for neighbour in [i + 1, i + geolocation.pixels] {
            let same_line = neighbour != i + 1 || (i + 1) % geolocation.pixels != 0;
            if neighbour < count
                && same_line
                && let (Some(a), Some(b)) = (at(i), at(neighbour))
            {
                let step = chord2(a, b);
                if step > 0.0 {
                    steps.push(step);
                }
            }
        }
    }
    let middle = steps.len() / 2;
    if steps.is_empty() {
        return None;
    }
    let median = steps
        .select_nth_unstable_by(middle, f64::total_cmp)
        .1
        .sqrt()
        * EARTH_RADIUS_KM
        * 1000.0;
    Some(median)
}

/// Rounds a positive number to two digits.
fn two_digits(value: f64) -> f64 {
    let exponent = libm::floor(libm::log10(value)) as i32 - 1;
    // A division by a power of ten gives the double nearest to the decimal number.
    if exponent < 0 {
        let scale = libm::pow(10.0, f64::from(-exponent));
        (value * scale).round() / scale
    } else {
        let scale = libm::pow(10.0, f64::from(exponent));
        (value / scale).round() * scale
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tutorial_box_lines_up() {
        let geobox = GeoBox::from_bbox(
            Crs::lonlat(),
            (-77.0, 36.0, -73.0, 41.0),
            "0.015".parse().unwrap(),
        )
        .unwrap();
        assert_eq!(geobox.shape(), (334, 268));
        assert_eq!((geobox.x.first, geobox.y.first), (-5134, -2734));
        // A box made elsewhere shares the lattice to the last bit.
        let other = GeoBox::from_bbox(
            Crs::lonlat(),
            (-75.0, 37.0, -70.0, 40.0),
            "0.015".parse().unwrap(),
        )
        .unwrap();
        let shift = (other.x.first - geobox.x.first) as usize;
        assert_eq!(geobox.x.centre(shift), other.x.centre(0));
    }

    #[test]
    fn two_digits_are_kept() {
        for (value, rounded) in [
            (0.002_428_165, 0.0024),
            (0.0199, 0.02),
            (1234.0, 1200.0),
            (0.096, 0.096),
            (9.96, 10.0),
            (1.0, 1.0),
        ] {
            assert_eq!(two_digits(value), rounded);
        }
    }

    #[test]
    fn across_180_longitude_runs_on() {
        let geobox = GeoBox::from_bbox(
            Crs::lonlat(),
            (170.0, -10.0, -170.0, 10.0),
            Resolution::Degrees(1.0),
        )
        .unwrap();
        assert_eq!(geobox.bounds(), (170.0, -10.0, 190.0, 10.0));
    }

    #[test]
    fn named_grids_reach_the_edges() {
        for (name, columns, rows) in [
            ("l3m-4km", 8640, 4320),
            ("l3m-9km", 4320, 2160),
            ("0.1deg", 3600, 1800),
        ] {
            let geobox = GeoBox::named(name).unwrap();
            assert_eq!(geobox.shape(), (rows, columns));
            assert_eq!(geobox.bounds(), (-180.0, -90.0, 180.0, 90.0));
        }
        assert!(
            GeoBox::named("l3m")
                .unwrap_err()
                .to_string()
                .contains("l3m-4km")
        );
    }

    #[test]
    fn bad_boxes_are_refused() {
        let r = Resolution::Degrees(1.0);
        for bbox in [
            (0.0, 10.0, 5.0, 10.0),
            (0.0, 0.0, 0.0, 1.0),
            (0.0, -91.0, 1.0, 0.0),
            (f64::NAN, 0.0, 1.0, 1.0),
        ] {
            assert!(
                GeoBox::from_bbox(Crs::lonlat(), bbox, r).is_err(),
                "{bbox:?}"
            );
        }
        assert!(matches!(
            GeoBox::from_bbox(
                Crs::lonlat(),
                (-180.0, -90.0, 180.0, 90.0),
                Resolution::Metres(1.0)
            ),
            Err(InvalidGrid::TooLarge(..))
        ));
        for text in [
            "0", "-1", "km", "abc", "inf", "1/0", "0/0", "1/24/2", "/24", "-1/24",
        ] {
            assert!(text.parse::<Resolution>().is_err(), "{text}");
        }
        assert_eq!(
            "1/24deg".parse(),
            Ok::<_, InvalidGrid>(Resolution::Degrees(1.0 / 24.0))
        );
    }
}
