//! The part of the Earth that a target covers, in longitude and latitude, and what of a granule may
//! meet it: lines from their extents, pixels from their coordinates.

use crate::geobox::GeoBox;
use crate::source::LineExtent;
use crate::sphere::{
    Vec3, add, arc_bound, chord2, cross, dot, lonlat, normalize, scale, sub, unit_vector,
};
use std::ops::Range;

/// A longitude interval times a latitude interval, degrees. `west + width` may pass 180.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Region {
    /// Western limit, any representation of the longitude.
    pub west: f64,
    /// Extent eastward, 0 to 360.
    pub width: f64,
    /// Southern limit.
    pub south: f64,
    /// Northern limit.
    pub north: f64,
}

impl Region {
    /// The whole Earth.
    pub const EARTH: Region = Region {
        west: -180.0,
        width: 360.0,
        south: -90.0,
        north: 90.0,
    };

    /// Whether a point lies inside or on the border.
    #[inline]
    pub fn contains(&self, lon: f64, lat: f64) -> bool {
        lat >= self.south && lat <= self.north && self.holds_longitude(lon)
    }

    #[inline]
    fn holds_longitude(&self, lon: f64) -> bool {
        if self.width >= 360.0 {
            return lon.is_finite();
        }
        let mut east = lon - self.west;
        while east < 0.0 {
            east += 360.0;
        }
        while east >= 360.0 {
            east -= 360.0;
        }
        east <= self.width
    }

    /// The smallest region that holds a grid. A projected grid is sampled along its outline and
    /// inside, and widened by the distance between samples.
    pub fn of(geobox: &GeoBox) -> Self {
        let (west, south, east, north) = geobox.bounds();
        if geobox.crs.is_lonlat() {
            return Region {
                west,
                width: (east - west).min(360.0),
                south: south.max(-90.0),
                north: north.min(90.0),
            };
        }
        const SAMPLES: usize = 64;
        let (mut lons, mut low, mut high) = (Vec::new(), f64::INFINITY, f64::NEG_INFINITY);
        let mut gap2: f64 = 0.0;
        let mut above: Vec<Option<Vec3>> = vec![None; SAMPLES + 1];
        for i in 0..=SAMPLES {
            let y = geobox.y.at(geobox.y.len as f64 * i as f64 / SAMPLES as f64);
            let mut left: Option<Vec3> = None;
            for (j, above) in above.iter_mut().enumerate() {
                let x = geobox.x.at(geobox.x.len as f64 * j as f64 / SAMPLES as f64);
                let here = geobox.crs.inverse(x, y).map(|(lon, lat)| {
                    lons.push(lon.rem_euclid(360.0));
                    low = low.min(lat);
                    high = high.max(lat);
                    unit_vector(lon, lat)
                });
                for other in [left, *above] {
                    if let (Some(a), Some(b)) = (here, other) {
                        gap2 = gap2.max(chord2(a, b));
                    }
                }
                left = here;
                *above = here;
            }
        }
        if lons.is_empty() {
            return Region {
                west: 0.0,
                width: 0.0,
                south: 90.0,
                north: -90.0,
            };
        }
        let inside = |lat: f64| {
            geobox
                .crs
                .forward(0.0, lat)
                .is_some_and(|(x, y)| x >= west && x <= east && y >= south && y <= north)
        };
        let margin = arc_bound(gap2.sqrt().min(1.0)).to_degrees();
        let (low, high) = (
            if inside(-90.0) {
                -90.0
            } else {
                (low - margin).max(-90.0)
            },
            if inside(90.0) {
                90.0
            } else {
                (high + margin).min(90.0)
            },
        );
        if low <= -90.0 || high >= 90.0 {
            return Region {
                west: -180.0,
                width: 360.0,
                south: low,
                north: high,
            };
        }
        // The longitudes lie outside their largest gap.
        lons.sort_by(f64::total_cmp);
        let (mut gap, mut start) = (lons[0] + 360.0 - lons[lons.len() - 1], lons[0]);
        for pair in lons.windows(2) {
            if pair[1] - pair[0] > gap {
                (gap, start) = (pair[1] - pair[0], pair[1]);
            }
        }
        Region {
            west: start,
            width: 360.0 - gap,
            south: low,
            north: high,
        }
        .widened(margin)
    }

    /// The region and all that is within `margin` degrees of arc of it.
    pub fn widened(&self, margin: f64) -> Self {
        let (south, north) = (
            (self.south - margin).max(-90.0),
            (self.north + margin).min(90.0),
        );
        let slack = longitude_slack(south.abs().max(north.abs()), margin);
        if self.width + 2.0 * slack >= 360.0 {
            return Region {
                west: -180.0,
                width: 360.0,
                south,
                north,
            };
        }
        Region {
            west: self.west - slack,
            width: self.width + 2.0 * slack,
            south,
            north,
        }
    }

    /// The lines that may hold a pixel within `margin` degrees of the region, from the lines'
    /// extents: a line on the ground is the small circle through its start, centre and end, which
    /// is exact for a scanner that turns in a plane. Empty when none does.
    pub fn lines(&self, extents: &[LineExtent], margin: f64) -> Range<usize> {
        const STRIDE: usize = 8;
        let near = self.widened(margin + 0.1);
        let mut found: Option<Range<usize>> = None;
        let last = extents.len().saturating_sub(1);
        for line in (0..extents.len()).step_by(STRIDE).chain([last]) {
            if extents.get(line).is_some_and(|extent| near.meets(extent)) {
                let span = line.saturating_sub(STRIDE)..(line + STRIDE + 1).min(extents.len());
                found = Some(found.map_or(span.clone(), |f| {
                    f.start.min(span.start)..f.end.max(span.end)
                }));
            }
        }
        found.unwrap_or(0..0)
    }

    /// Whether a line may meet the region; a line with missing ends may.
    fn meets(&self, extent: &LineExtent) -> bool {
        let ends = [extent.start, extent.centre, extent.end];
        if ends
            .iter()
            .any(|(lon, lat)| !crate::swath::located(f64::from(*lon), f64::from(*lat)))
        {
            return true;
        }
        let [start, centre, end] =
            ends.map(|(lon, lat)| unit_vector(f64::from(lon), f64::from(lat)));
        arc_points(start, centre, end).windows(2).any(|pair| {
            // The box of each small piece, grown by its own length's sagitta.
            let piece = arc_bound(chord2(pair[0], pair[1]).sqrt().min(1.0)).to_degrees();
            let (lon, lat) = lonlat(normalize(add(pair[0], pair[1])));
            self.widened(0.5 * piece + 0.05).contains(lon, lat)
        })
    }
}

/// Degrees of longitude that `margin` degrees of arc span at most at a latitude (360: all).
fn longitude_slack(latitude: f64, margin: f64) -> f64 {
    if latitude + margin >= 89.9 {
        return 360.0;
    }
    let (sine, _) = crate::sphere::sin_cos_deg(margin.min(90.0));
    let (_, cosine) = crate::sphere::sin_cos_deg(latitude + margin);
    (libm::asin((sine / cosine).min(1.0))).to_degrees()
}

/// Points along the small circle through three points, from the first to the last.
fn arc_points(start: Vec3, centre: Vec3, end: Vec3) -> Vec<Vec3> {
    const PIECES: usize = 32;
    let axis = cross(sub(centre, start), sub(end, centre));
    let size = dot(axis, axis);
    // Nearly coincident points: the straight pieces do.
    if size.is_nan() || size <= 1e-14 {
        return vec![start, centre, end];
    }
    let axis = scale(axis, 1.0 / size.sqrt());
    let height = dot(axis, start);
    let middle = scale(axis, height);
    let (u, w) = (sub(start, middle), cross(axis, sub(start, middle)));
    let angle = |p: Vec3| {
        let p = sub(p, middle);
        let a = libm::atan2(dot(p, w), dot(p, u));
        if a < 0.0 {
            a + 2.0 * std::f64::consts::PI
        } else {
            a
        }
    };
    let total = angle(end);
    (0..=PIECES)
        .map(|k| {
            let (s, c) =
                crate::sphere::sin_cos_deg((total * k as f64 / PIECES as f64).to_degrees());
            add(middle, add(scale(u, c), scale(w, s)))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn longitudes_wrap() {
        let region = Region {
            west: 170.0,
            width: 20.0,
            south: -10.0,
            north: 10.0,
        };
        assert!(region.contains(-175.0, 0.0) && region.contains(185.0, 0.0));
        assert!(!region.contains(-165.0, 0.0) && !region.contains(0.0, 0.0));
    }

    #[test]
    fn a_polar_grid_holds_all_longitudes() {
        let axis = |first: i64, step: f64| crate::geobox::Axis {
            origin: 0.0,
            numerator: step,
            denominator: 1.0,
            first,
            len: 200,
        };
        let geobox = GeoBox {
            crs: crate::crs::Crs::parse("EPSG:3413").unwrap(),
            x: axis(-100, 10_000.0),
            y: axis(-100, -10_000.0),
        };
        let region = Region::of(&geobox);
        assert_eq!((region.width, region.north), (360.0, 90.0));
        assert!(region.south > 70.0 && region.south < 80.0, "{region:?}");
    }
}
