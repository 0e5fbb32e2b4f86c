//! The part of the Earth that a target covers, in longitude and latitude, and what of a granule may
//! meet it: lines from their extents, pixels from their coordinates.

use crate::geobox::GeoBox;
use crate::source::LineExtent;
use crate::sphere::{Vec3, add, arc_bound, chord2, cross, dot, lonlat, scale, sub, unit_vector};
use std::ops::Range;

/// A longitude interval times a latitude interval, degrees. `west + width` may pass 180.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
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

    /// No place at all.
    pub const NOTHING: Region = Region {
        west: 0.0,
        width: 0.0,
        south: 90.0,
        north: -90.0,
    };

    /// A box (west, south, east, north); west > east means across 180.
    ///
    /// # Errors
    /// A box that is empty or out of range, in words.
    pub fn of_box((west, south, east, north): (f64, f64, f64, f64)) -> Result<Self, &'static str> {
        let longitudes = [west, east].iter().all(|v| (-360.0..=360.0).contains(v));
        if !longitudes || !(-90.0..=90.0).contains(&south) || !(-90.0..=90.0).contains(&north) {
            return Err("longitudes lie between -360 and 360, latitudes between -90 and 90");
        }
        if south >= north || west == east {
            return Err("it is empty (the order is west,south,east,north)");
        }
        let width = if east > west {
            (east - west).min(360.0)
        } else {
            (east - west).rem_euclid(360.0)
        };
        Ok(Region {
            west,
            width,
            south,
            north,
        })
    }

    /// Whether it leaves out no place.
    pub fn is_earth(&self) -> bool {
        self.width >= 360.0 && self.south <= -90.0 && self.north >= 90.0
    }

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
            return Region::NOTHING;
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

    /// The lines that may hold a pixel within `margin` of the region, from the lines' extents.
    /// `margin` gives degrees for a pixel's distance from the centre of its line, 0 there and 1 at the
    /// ends, and does not decrease.
    ///
    /// A line on the ground is the small circle through its start, centre and end, which
    /// is exact for a scanner that turns in a plane. Empty when none does.
    pub fn lines(&self, extents: &[LineExtent], margin: impl Fn(f64) -> f64) -> Range<usize> {
        const STRIDE: usize = 8;
        let near = |line: usize, more: f64| {
            let margin = |place: f64| margin(place) + OFF_CIRCLE + more;
            extents
                .get(line)
                .is_some_and(|extent| self.meets(extent, &margin))
        };
        // Between two lines the others are no farther from the one than the two are apart.
        let meeting = (0..extents.len()).step_by(STRIDE).filter(|&line| {
            let next = (line + STRIDE).min(extents.len() - 1);
            let apart = extents[line].apart(&extents[next]);
            apart.is_none_or(|apart| near(line, apart))
        });
        let Some((first, last)) = meeting.fold(None, |found, line| {
            Some((found.map_or(line, |(first, _)| first), line))
        }) else {
            return 0..0;
        };
        let end = (last + STRIDE).min(extents.len());
        match (first..end).find(|&line| near(line, 0.0)) {
            Some(first) => {
                let last = (first..end).rev().find(|&line| near(line, 0.0));
                first..last.unwrap_or(first) + 1
            }
            None => 0..0,
        }
    }

    /// Whether a line comes within a margin of the region; a line with missing ends may.
    fn meets(&self, extent: &LineExtent, margin: &impl Fn(f64) -> f64) -> bool {
        let Some(points) = extent.points() else {
            return true;
        };
        match ScanLine::through(points) {
            Some(line) => self.meets_arc(&line, margin, 0.0, 1.0),
            None => {
                let far = distance(points[0], points[1]).max(distance(points[0], points[2]));
                let (lon, lat) = lonlat(points[0]);
                self.widened(far + margin(1.0)).contains(lon, lat)
            }
        }
    }

    /// Whether a part of a line comes within a margin: its middle is looked at, and its halves where
    /// that does not tell.
    fn meets_arc(&self, line: &ScanLine, margin: &impl Fn(f64) -> f64, from: f64, to: f64) -> bool {
        let half = 0.5 * (to - from);
        let length = (line.length * half).to_degrees();
        let outermost = (2.0 * from - 1.0).abs().max((2.0 * to - 1.0).abs());
        let reach = length + margin(outermost);
        let (lon, lat) = lonlat(line.at(from + half));
        if lat < self.south - reach || lat > self.north + reach {
            return false;
        }
        if self.contains(lon, lat) {
            return true;
        }
        if !self.widened(reach).contains(lon, lat) {
            return false;
        }
        length < FINEST
            || self.meets_arc(line, margin, from, from + half)
            || self.meets_arc(line, margin, from + half, to)
    }
}

/// Degrees that pixels may lie beside the small circle of their line: the Earth turns under a scan
/// and is no sphere. 0.002 has been seen.
const OFF_CIRCLE: f64 = 0.02;

/// Half the length, in degrees, of the parts of a line that are not looked at more closely.
const FINEST: f64 = 0.01;

/// The small circle on the ground that a line lies on, from its start to its end.
struct ScanLine {
    middle: Vec3,
    /// Two radii at right angles, the first towards the start.
    axes: [Vec3; 2],
    /// Angle from start to end, degrees.
    angle: f64,
    /// Length from start to end on the unit sphere.
    length: f64,
}

impl ScanLine {
    /// The circle through three points; `None` where they are so close that none is defined.
    fn through([start, centre, end]: [Vec3; 3]) -> Option<Self> {
        let axis = cross(sub(centre, start), sub(end, centre));
        let size = dot(axis, axis);
        if size.is_nan() || size <= 1e-14 {
            return None;
        }
        let axis = scale(axis, 1.0 / size.sqrt());
        let middle = scale(axis, dot(axis, start));
        let u = sub(start, middle);
        let w = cross(axis, u);
        let last = sub(end, middle);
        let angle = libm::atan2(dot(last, w), dot(last, u));
        let angle = if angle < 0.0 {
            angle + 2.0 * std::f64::consts::PI
        } else {
            angle
        };
        Some(ScanLine {
            middle,
            axes: [u, w],
            angle: angle.to_degrees(),
            length: angle * dot(u, u).sqrt(),
        })
    }

    /// The point at a fraction of the way.
    fn at(&self, fraction: f64) -> Vec3 {
        let (sine, cosine) = crate::sphere::sin_cos_deg(self.angle * fraction);
        let [u, w] = self.axes;
        add(self.middle, add(scale(u, cosine), scale(w, sine)))
    }
}

impl LineExtent {
    fn points(&self) -> Option<[Vec3; 3]> {
        let point = |(lon, lat): (f32, f32)| {
            let (lon, lat) = (f64::from(lon), f64::from(lat));
            crate::swath::located(lon, lat).then(|| unit_vector(lon, lat))
        };
        Some([point(self.start)?, point(self.centre)?, point(self.end)?])
    }

    /// How far, in degrees, the three points are from those of another line at most; `None` where one
    /// is missing.
    fn apart(&self, other: &LineExtent) -> Option<f64> {
        let (own, other) = (self.points()?, other.points()?);
        let arcs = own.into_iter().zip(other).map(|(a, b)| distance(a, b));
        Some(arcs.fold(0.0, f64::max))
    }
}

/// An upper bound of the distance of two points of one neighbourhood, degrees.
fn distance(a: Vec3, b: Vec3) -> f64 {
    arc_bound(chord2(a, b).sqrt().min(1.0)).to_degrees()
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
        let axis = |first: i64, step: f64| crate::geobox::Axis::new(0.0, step, first, 200);
        let geobox = GeoBox {
            crs: crate::crs::Crs::parse("EPSG:3413").unwrap(),
            x: axis(-100, 10_000.0),
            y: axis(-100, -10_000.0),
        };
        let region = Region::of(&geobox);
        assert_eq!((region.width, region.north), (360.0, 90.0));
        assert!(region.south > 70.0 && region.south < 80.0, "{region:?}");
    }

    /// A scanner in an inclined orbit that turns in a plane: position of a pixel, radians of view.
    fn scanned(line: usize, view: f64) -> (f64, f64) {
        let along = -0.6 + line as f64 * 0.0004;
        let (si, ci) = (1.7_f64.sin(), 1.7_f64.cos());
        let (sa, ca) = (along.sin(), along.cos());
        let below = [ca, sa * ci, sa * si];
        let side = [0.0, -si, ci];
        let back = cross(side, below);
        let tilted = |v: Vec3, t: f64| add(scale(v, t.cos()), scale(back, t.sin()));
        let (sv, cv) = (view.sin(), view.cos());
        lonlat(add(scale(tilted(below, 0.05), cv), scale(side, sv)))
    }

    #[test]
    fn the_lines_near_a_box_are_found_and_few_others() {
        let views: Vec<f64> = (-40..=40).map(|k| f64::from(k) * 0.005).collect();
        let single = |(lon, lat): (f64, f64)| (lon as f32, lat as f32);
        let extents: Vec<LineExtent> = (0..700)
            .map(|line| LineExtent {
                start: single(scanned(line, views[0])),
                centre: single(scanned(line, 0.0)),
                end: single(scanned(line, views[80])),
            })
            .collect();
        let mut state = 7_u64;
        let mut random = |low: f64, high: f64| {
            state = state
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            low + (high - low) * (state >> 11) as f64 / (1_u64 << 53) as f64
        };
        let (mut met, mut more) = (0, 0);
        for _ in 0..400 {
            let (lon, lat) = scanned(random(0.0, 700.0) as usize, random(-0.3, 0.3));
            let region = Region {
                west: lon + random(-3.0, 0.0),
                width: random(0.1, 4.0),
                south: lat + random(-2.0, 0.0),
                north: lat + random(0.1, 2.0),
            };
            let margin = random(0.0, 0.3);
            let wide = region.widened(margin);
            let near = |line: &usize| {
                views.iter().any(|view| {
                    let (lon, lat) = scanned(*line, *view);
                    wide.contains(lon, lat)
                })
            };
            let found = region.lines(&extents, |_| margin);
            if let Some(first) = (0..700).find(near) {
                let last = (0..700).rev().find(near).unwrap();
                assert!(
                    found.start <= first && last < found.end,
                    "{found:?} {first}..={last}"
                );
                met += 1;
                more += found.len() - (last + 1 - first);
            } else {
                assert!(found.len() < 40, "{found:?}");
            }
        }
        // A line is 0.023 degrees; what is tolerated beside a circle and the views between ours.
        assert!(met > 200 && more < 12 * met, "{met} {more}");
    }
}
