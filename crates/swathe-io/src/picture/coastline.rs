//! The coastlines of the Earth in three details, and whether a place is on land.
//!
//! The data is Natural Earth's; `data/README.md` says how the files were made and of what form they
//! are. Rings run on across 180, one goes round the South pole.

use std::sync::OnceLock;
use swathe_core::region::Region;

/// How much of the coast to draw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Detail {
    /// For 1:110 million: small maps of the world.
    Coarse,
    /// For 1:50 million.
    Medium,
    /// For 1:10 million: regions.
    Fine,
}

impl Detail {
    /// The detail that a map shows of which a pixel is this many degrees of latitude high.
    pub(super) fn for_pixel(degrees: f64) -> Self {
        if degrees < 0.015 {
            Detail::Fine
        } else if degrees < 0.3 {
            Detail::Medium
        } else {
            Detail::Coarse
        }
    }
}

/// Closed rings of (longitude, latitude) in degrees. The first point is not repeated at the end. A ring
/// begins within -180..180; longitudes of neighbours differ by less than 180, so that it may leave it.
#[derive(Debug)]
pub(super) struct Coastline {
    pub(super) rings: Vec<Vec<(f32, f32)>>,
}

impl Coastline {
    /// The coastline of a detail, decoded once.
    pub(super) fn of(detail: Detail) -> &'static Coastline {
        static DECODED: [OnceLock<Coastline>; 3] = [const { OnceLock::new() }; 3];
        let (place, data): (_, &[u8]) = match detail {
            Detail::Coarse => (&DECODED[0], include_bytes!("../../data/coastline-110m.bin")),
            Detail::Medium => (&DECODED[1], include_bytes!("../../data/coastline-50m.bin")),
            Detail::Fine => (&DECODED[2], include_bytes!("../../data/coastline-10m.bin")),
        };
        place.get_or_init(|| Coastline::decode(data))
    }

    fn decode(data: &[u8]) -> Coastline {
        let mut numbers = Numbers(data.iter());
        let units = numbers.next().unwrap_or(1).clamp(1, 1 << 30) as i64;
        let (mut x, mut y) = (0i64, 0i64);
        let mut rings = Vec::new();
        while let Some(count) = numbers.next() {
            let mut ring = Vec::with_capacity(count as usize);
            for _ in 0..count {
                let (Some(east), Some(north)) = (numbers.difference(), numbers.difference()) else {
                    break;
                };
                x += east;
                y += north;
                if ring.is_empty() {
                    x = (x + 180 * units).rem_euclid(360 * units) - 180 * units;
                }
                let degrees = |v: i64| (v as f64 / units as f64) as f32;
                ring.push((degrees(x), degrees(y)));
            }
            rings.push(ring);
        }
        Coastline { rings }
    }

    /// Edges of a ring, the closing one included. The second point's longitude is within 180 of the
    /// first one's.
    fn edges(ring: &[(f32, f32)]) -> impl Iterator<Item = Edge> {
        let closing = ring.last().zip(ring.first());
        let pairs = ring.windows(2).map(|pair| (pair[0], pair[1]));
        pairs.chain(closing.map(|(a, b)| (*a, *b))).map(|(a, b)| {
            let east = f64::from(b.0) - f64::from(a.0);
            Edge {
                lon: f64::from(a.0),
                lat: f64::from(a.1),
                east: east - 360.0 * (east / 360.0).round(),
                north: f64::from(b.1) - f64::from(a.1),
            }
        })
    }

    /// The coast as lines: rings closed, without the edges along 180 and along the South pole that
    /// only close the polygons. Longitudes run on within a line.
    pub(super) fn lines(&self) -> Vec<Vec<(f64, f64)>> {
        let mut lines = Vec::with_capacity(self.rings.len());
        for ring in &self.rings {
            let mut line: Vec<(f64, f64)> = Vec::with_capacity(ring.len() + 1);
            for edge in Self::edges(ring) {
                let end = (edge.lon + edge.east, edge.lat + edge.north);
                let seam = edge.east == 0.0 && edge.lon.rem_euclid(360.0) == 180.0;
                if seam || (edge.lat == -90.0 && end.1 == -90.0) {
                    lines.push(std::mem::take(&mut line));
                    continue;
                }
                if line.is_empty() {
                    line.push((edge.lon, edge.lat));
                }
                line.push(end);
            }
            lines.push(line);
        }
        lines.retain(|line| line.len() > 1);
        lines
    }
}

struct Numbers<'a>(std::slice::Iter<'a, u8>);

impl Numbers<'_> {
    fn next(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = *self.0.next()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    fn difference(&mut self) -> Option<i64> {
        let folded = self.next()?;
        Some((folded >> 1) as i64 ^ -((folded & 1) as i64))
    }
}

#[derive(Debug, Clone, Copy)]
struct Edge {
    lon: f64,
    lat: f64,
    east: f64,
    north: f64,
}

impl Edge {
    /// Latitude where the edge crosses a meridian. Of its two ends the western one belongs to it.
    #[inline]
    fn crosses(&self, lon: f64) -> Option<f64> {
        let mut along = (lon - self.lon).rem_euclid(360.0);
        if self.east < 0.0 && along > 0.0 {
            along -= 360.0;
        }
        let crossed = if self.east > 0.0 {
            along < self.east
        } else {
            along < 0.0 && along >= self.east
        };
        crossed.then(|| self.lat + self.north * along / self.east)
    }
}

/// Answers whether places in a region are on land: the meridian from there to the North pole, which
/// is sea, crosses the coast an odd number of times.
pub(super) struct Land {
    /// Edges by the bin of longitude they reach into.
    start: Vec<u32>,
    edges: Vec<Edge>,
}

/// Bins in a degree of longitude.
const PER_DEGREE: f64 = 10.0;
const BINS: i64 = 3600;

impl Land {
    pub(super) fn new(coastline: &Coastline, region: Region) -> Self {
        let needed: Vec<bool> = (0..BINS)
            .map(|bin| {
                let west = bin as f64 / PER_DEGREE;
                let after = (west - region.west).rem_euclid(360.0);
                after <= region.width + 0.1 || after >= 359.8
            })
            .collect();
        let mut binned: Vec<Vec<Edge>> = vec![Vec::new(); BINS as usize];
        for ring in &coastline.rings {
            for edge in Coastline::edges(ring) {
                // What lies wholly south of the region is never crossed on the way north.
                if edge.lat.max(edge.lat + edge.north) < region.south - 0.1 {
                    continue;
                }
                let (west, east) = (
                    edge.lon.min(edge.lon + edge.east),
                    edge.lon.max(edge.lon + edge.east),
                );
                let (first, last) = (
                    (west * PER_DEGREE).floor() as i64,
                    (east * PER_DEGREE).floor() as i64,
                );
                for bin in first..=last {
                    let bin = bin.rem_euclid(BINS) as usize;
                    if needed[bin] {
                        binned[bin].push(edge);
                    }
                }
            }
        }
        let mut start = vec![0];
        let mut edges = Vec::new();
        for bin in binned {
            edges.extend(bin);
            start.push(edges.len() as u32);
        }
        Land { start, edges }
    }

    /// Whether a place of the region is on land.
    pub(super) fn contains(&self, lon: f64, lat: f64) -> bool {
        let bin = (lon * PER_DEGREE).floor().rem_euclid(BINS as f64) as usize;
        let (Some(&start), Some(&end)) = (self.start.get(bin), self.start.get(bin + 1)) else {
            return false;
        };
        let edges = &self.edges[start as usize..end as usize];
        let north = edges.iter().filter_map(|edge| edge.crosses(lon));
        north.filter(|crossing| *crossing > lat).count() % 2 == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DETAILS: [Detail; 3] = [Detail::Coarse, Detail::Medium, Detail::Fine];

    #[test]
    fn known_places_are_land_or_sea() {
        for detail in DETAILS {
            let land = Land::new(Coastline::of(detail), Region::EARTH);
            for (lon, lat, expected) in [
                (-77.0, 39.0, true),
                (-75.0, 37.0, false),
                (2.35, 48.85, true),
                (-30.0, 40.0, false),
                (0.0, 0.0, false),
                (135.0, -25.0, true),
                (178.0, 68.0, true),
                (-178.0, 67.0, true),
                (182.0, 67.0, true),
                (180.0, 68.5, true),
                (180.0, 60.0, false),
                (-180.0, -45.0, false),
                (0.0, 90.0, false),
                (0.0, 89.0, false),
                (0.0, -90.0, true),
                (123.0, -89.5, true),
                (-180.0, -89.0, true),
                (179.99, -85.0, true),
                (-150.0, -70.0, false),
                (-40.0, 75.0, true),
                (51.0, 42.0, false),
            ] {
                assert_eq!(
                    land.contains(lon, lat),
                    expected,
                    "{detail:?} at {lon}, {lat}"
                );
            }
        }
    }

    #[test]
    fn land_is_29_percent_of_the_earth() {
        for detail in DETAILS {
            let land = Land::new(Coastline::of(detail), Region::EARTH);
            let (mut all, mut inside) = (0.0, 0.0);
            for row in 0..360 {
                let lat = -89.75 + f64::from(row) * 0.5;
                for column in 0..720 {
                    let lon = -179.75 + f64::from(column) * 0.5;
                    let weight = lat.to_radians().cos();
                    all += weight;
                    inside += weight * f64::from(u8::from(land.contains(lon, lat)));
                }
            }
            // 29.2 % by the usual count; ice shelves count as land here.
            let share = inside / all;
            assert!((0.283..0.298).contains(&share), "{detail:?}: {share}");
        }
    }

    #[test]
    fn a_region_answers_as_the_earth_does() {
        let coastline = Coastline::of(Detail::Medium);
        let all = Land::new(coastline, Region::EARTH);
        for region in [
            Region {
                west: 165.0,
                width: 30.0,
                south: -50.0,
                north: -10.0,
            },
            Region {
                west: -78.0,
                width: 6.0,
                south: 35.0,
                north: 42.0,
            },
            Region {
                west: 355.0,
                width: 20.0,
                south: 35.0,
                north: 60.0,
            },
        ] {
            let land = Land::new(coastline, region);
            for i in 0..2000 {
                let lon = region.west + region.width * f64::from(i % 47) / 46.0;
                let lat = region.south + (region.north - region.south) * f64::from(i) / 1999.0;
                assert_eq!(
                    land.contains(lon, lat),
                    all.contains(lon, lat),
                    "{lon} {lat}"
                );
            }
        }
    }

    #[test]
    fn lines_do_not_close_polygons_along_180_or_the_pole() {
        for detail in DETAILS {
            for line in Coastline::of(detail).lines() {
                for pair in line.windows(2) {
                    assert!((pair[0].0 - pair[1].0).abs() < 180.0);
                    assert!(pair[0].1 > -90.0 || pair[1].1 > -90.0);
                }
            }
        }
    }
}
