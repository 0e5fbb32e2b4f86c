//! The panel of a picture: which place on Earth is at which pixel.

use swathe_core::crs::Crs;
use swathe_core::geobox::GeoBox;
use swathe_core::region::Region;

/// A line on the panel, in pixels from its upper left corner.
pub(super) type Line = Vec<(f32, f32)>;

/// The map's part of the page: `width` x `height` pixels over bounds in CRS units.
pub(super) struct Frame {
    crs: Crs,
    west: f64,
    north: f64,
    /// CRS units in a pixel.
    dx: f64,
    dy: f64,
    pub(super) width: usize,
    pub(super) height: usize,
    /// What of the Earth it shows; longitudes of a longitude/latitude map as the map has them.
    pub(super) region: Region,
    /// Whether every pixel has a place on Earth.
    pub(super) all_on_earth: bool,
    /// Steps in which lines are followed in a projection, degrees.
    stride: f64,
}

impl Frame {
    pub(super) fn new(geobox: &GeoBox, width: usize, height: usize) -> Self {
        let (west, south, east, north) = geobox.bounds();
        let region = Region::of(geobox);
        let extent = region.width.min(region.north - region.south);
        let mut frame = Frame {
            crs: geobox.crs.clone(),
            west,
            north,
            dx: (east - west) / width as f64,
            dy: (north - south) / height as f64,
            width,
            height,
            region,
            all_on_earth: true,
            stride: (extent / 40.0).clamp(0.01, 1.0),
        };
        const SAMPLES: usize = 32;
        let share = |i: usize, of: usize| of as f64 * i as f64 / SAMPLES as f64;
        frame.all_on_earth = (0..=SAMPLES).all(|i| {
            (0..=SAMPLES).all(|j| frame.lonlat(share(j, width), share(i, height)).is_some())
        });
        frame
    }

    /// Whether the map is a longitude/latitude grid.
    pub(super) fn is_lonlat(&self) -> bool {
        self.crs.is_lonlat()
    }

    /// Whether a pole lies on a projected map as a point that meridians leave on all sides.
    pub(super) fn shows_pole(&self) -> bool {
        let apart = |(x, y): (f64, f64), (u, v): (f64, f64)| (x - u).abs().max((y - v).abs()) > 1.0;
        let inside = |(x, y): (f64, f64)| {
            (0.0..=self.width as f64).contains(&x) && (0.0..=self.height as f64).contains(&y)
        };
        !self.is_lonlat()
            && [90.0, -90.0].into_iter().any(|lat| {
                let places = (self.place(0.0, lat), self.place(90.0, lat));
                matches!(places, (Some(a), Some(b)) if inside(a) && !apart(a, b))
            })
    }

    /// Degrees of latitude in the height of a pixel, about.
    pub(super) fn pixel_degrees(&self) -> f64 {
        if self.is_lonlat() {
            self.dy
        } else {
            self.dy * self.crs.metres_per_unit() / 111_195.0
        }
    }

    /// Pixel of a place. On a longitude/latitude map the longitude is taken as it is.
    pub(super) fn place(&self, lon: f64, lat: f64) -> Option<(f64, f64)> {
        let (x, y) = self.crs.forward(lon, lat)?;
        Some(((x - self.west) / self.dx, (self.north - y) / self.dy))
    }

    /// The place at a pixel.
    pub(super) fn lonlat(&self, x: f64, y: f64) -> Option<(f64, f64)> {
        self.crs
            .inverse(self.west + x * self.dx, self.north - y * self.dy)
    }

    /// The visible pieces of a line on the Earth, whose longitudes run on. They reach at most one
    /// segment beyond the panel.
    pub(super) fn trace(&self, line: &[(f64, f64)]) -> Vec<Line> {
        let mut pieces = Pieces::new(self);
        if self.is_lonlat() {
            let (west, east) = line
                .iter()
                .fold((f64::INFINITY, f64::NEG_INFINITY), |(w, e), p| {
                    (w.min(p.0), e.max(p.0))
                });
            let map_east = self.west + self.dx * self.width as f64;
            let first = ((self.west - east) / 360.0).ceil() as i32;
            let last = ((map_east - west) / 360.0).floor() as i32;
            for turn in first..=last {
                for (lon, lat) in line {
                    pieces.add(self.place(lon + 360.0 * f64::from(turn), *lat));
                }
                pieces.cut();
            }
        } else {
            let mut before: Option<(f64, f64)> = None;
            for &(lon, lat) in line {
                if let Some((lon0, lat0)) = before {
                    let longest = (lon - lon0).abs().max((lat - lat0).abs());
                    let parts = (longest / self.stride).ceil().max(1.0) as usize;
                    for k in 1..parts {
                        let share = k as f64 / parts as f64;
                        let (lon, lat) = (lon0 + share * (lon - lon0), lat0 + share * (lat - lat0));
                        pieces.add(self.near(lon, lat));
                    }
                }
                pieces.add(self.near(lon, lat));
                before = Some((lon, lat));
            }
        }
        pieces.done()
    }

    /// As [`Frame::trace`] of a line whose longitudes are already those of the map.
    pub(super) fn trace_here(&self, line: &[(f64, f64)]) -> Vec<Line> {
        if !self.is_lonlat() {
            return self.trace(line);
        }
        let mut pieces = Pieces::new(self);
        for (lon, lat) in line {
            pieces.add(self.place(*lon, *lat));
        }
        pieces.done()
    }

    /// Pixel of a place near the map. A projection may put others anywhere.
    fn near(&self, lon: f64, lat: f64) -> Option<(f64, f64)> {
        let margin = self.stride;
        let wide = Region {
            west: self.region.west - margin,
            width: (self.region.width + 2.0 * margin).min(360.0),
            south: self.region.south - margin,
            north: self.region.north + margin,
        };
        wide.contains(lon, lat).then(|| self.place(lon, lat))?
    }
}

/// Gathers points into lines, leaving out what lies outside the panel.
struct Pieces {
    width: f64,
    height: f64,
    /// A longer step in a projection is no line but a cut of the map.
    longest: f64,
    pieces: Vec<Line>,
    current: Line,
    before: Option<(f64, f64)>,
}

impl Pieces {
    fn new(frame: &Frame) -> Self {
        let (width, height) = (frame.width as f64, frame.height as f64);
        Pieces {
            width,
            height,
            longest: if frame.is_lonlat() {
                f64::INFINITY
            } else {
                0.25 * width.max(height)
            },
            pieces: Vec::new(),
            current: Vec::new(),
            before: None,
        }
    }

    fn add(&mut self, point: Option<(f64, f64)>) {
        let Some(point) = point else {
            return self.cut();
        };
        if let Some(before) = self.before {
            let beyond = |a: f64, b: f64, end: f64| (a < -2.0 && b < -2.0) || (a > end && b > end);
            let outside = beyond(before.0, point.0, self.width + 2.0)
                || beyond(before.1, point.1, self.height + 2.0);
            let far = (point.0 - before.0).abs().max((point.1 - before.1).abs()) > self.longest;
            if outside || far {
                self.cut();
            } else {
                if self.current.is_empty() {
                    self.current.push((before.0 as f32, before.1 as f32));
                }
                self.current.push((point.0 as f32, point.1 as f32));
            }
        }
        self.before = Some(point);
    }

    fn cut(&mut self) {
        if self.current.len() > 1 {
            self.pieces.push(std::mem::take(&mut self.current));
        }
        self.current.clear();
        self.before = None;
    }

    fn done(mut self) -> Vec<Line> {
        self.cut();
        self.pieces
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use swathe_core::build_geobox::Resolution;

    fn frame(crs: &str, bbox: (f64, f64, f64, f64), resolution: f64) -> Frame {
        let crs = Crs::parse(crs).unwrap();
        let geobox = GeoBox::from_bbox(crs, bbox, Resolution::Units(resolution)).unwrap();
        Frame::new(&geobox, geobox.x.len, geobox.y.len)
    }

    #[test]
    fn lines_appear_on_both_sides_of_180() {
        let frame = frame("EPSG:4326", (170.0, -10.0, -170.0, 10.0), 0.1);
        for lon in [175.0, -175.0, 185.0] {
            let pieces = frame.trace(&[(lon, -5.0), (lon, 5.0)]);
            assert_eq!(pieces.len(), 1, "{lon}");
            let x = (lon - 170.0_f64).rem_euclid(360.0) * 10.0;
            assert!((f64::from(pieces[0][0].0) - x).abs() < 1e-3);
        }
        assert!(frame.trace(&[(0.0, -5.0), (0.0, 5.0)]).is_empty());
    }

    #[test]
    fn a_line_outside_leaves_no_piece_and_one_that_passes_does() {
        let frame = frame("EPSG:4326", (0.0, 0.0, 10.0, 10.0), 0.1);
        assert!(frame.trace(&[(-5.0, 1.0), (-1.0, 9.0)]).is_empty());
        let pieces = frame.trace(&[(-5.0, 5.0), (5.0, 5.0), (15.0, 5.0), (20.0, 5.0)]);
        assert_eq!(pieces, [[(-50.0, 50.0), (50.0, 50.0), (150.0, 50.0)]]);
    }

    #[test]
    fn a_projection_has_no_lines_from_the_other_side_of_the_earth() {
        let frame = frame("EPSG:3413", (-180.0, 60.0, 180.0, 90.0), 25_000.0);
        assert!(frame.shows_pole());
        assert!(frame.trace(&[(0.0, -80.0), (90.0, -80.0)]).is_empty());
        for piece in frame.trace(&[(0.0, 75.0), (360.0, 75.0)]) {
            for pair in piece.windows(2) {
                assert!((pair[0].0 - pair[1].0).hypot(pair[0].1 - pair[1].1) < 5.0);
            }
        }
    }
}
