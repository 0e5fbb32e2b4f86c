//! Longitudes and latitudes that a grid covers.

use swathe_core::geobox::GeoBox;

use super::layout::round_to;

/// West, south, east and north in degrees. Where `west > east`, it crosses 180 degrees, as ACDD has it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct GeographicExtent {
    pub west: f64,
    pub south: f64,
    pub east: f64,
    pub north: f64,
}

/// Points along each side of a projected grid.
const POINTS: usize = 100;

impl GeographicExtent {
    /// Extent of a grid to a millionth of a degree; `None` where no point of a projected grid's
    /// outline lies on the Earth.
    pub fn of(geobox: &GeoBox) -> Option<Self> {
        let (west, south, east, north) = geobox.bounds();
        if geobox.crs.is_lonlat() {
            return Some(Self::new(west, east, south.max(-90.0), north.min(90.0)));
        }
        let side =
            |a: f64, b: f64| (0..POINTS).map(move |i| a + (b - a) * i as f64 / POINTS as f64);
        let outline = side(west, east)
            .map(|x| (x, south))
            .chain(side(south, north).map(|y| (east, y)))
            .chain(side(east, west).map(|x| (x, north)))
            .chain(side(north, south).map(|y| (west, y)));
        let mut points = outline.filter_map(|(x, y)| geobox.crs.inverse(x, y));
        let first = points.next()?;
        let (mut low, mut high) = (first, first);
        // Longitude runs on along the outline, so that crossing 180 is nothing special.
        let mut longitude = first.0;
        for (lon, lat) in points {
            longitude += wrap(lon - longitude);
            low = (low.0.min(longitude), low.1.min(lat));
            high = (high.0.max(longitude), high.1.max(lat));
        }
        // A pole inside: every longitude meets there. Its own x and y must lie in the grid.
        for pole in [-90.0, 90.0] {
            let inside = geobox
                .crs
                .forward(0.0, pole)
                .is_some_and(|(x, y)| x >= west && x <= east && y >= south && y <= north);
            if inside {
                low = (-180.0, low.1.min(pole));
                high = (180.0, high.1.max(pole));
            }
        }
        Some(Self::new(low.0, high.0, low.1, high.1))
    }

    fn new(west: f64, east: f64, south: f64, north: f64) -> Self {
        let (west, east) = if east - west >= 360.0 - 1e-9 {
            (-180.0, 180.0)
        } else {
            let east_wrapped = wrap(east);
            // An eastern edge at 180 stays there.
            let at_seam = east_wrapped == -180.0 && wrap(west) > -180.0;
            (wrap(west), if at_seam { 180.0 } else { east_wrapped })
        };
        let round = |v| round_to(v, 1e-6);
        GeographicExtent {
            west: round(west),
            south: round(south),
            east: round(east),
            north: round(north),
        }
    }

    /// The outline as WKT; longitudes run on beyond 180 where it crosses.
    pub fn polygon(&self) -> String {
        let Self {
            west,
            south,
            east,
            north,
        } = *self;
        let east = if east < west { east + 360.0 } else { east };
        format!(
            "POLYGON (({west} {south}, {east} {south}, {east} {north}, {west} {north}, {west} {south}))"
        )
    }
}

/// To -180..180, the lower end in.
fn wrap(longitude: f64) -> f64 {
    (longitude + 180.0).rem_euclid(360.0) - 180.0
}

#[cfg(test)]
mod tests {
    use swathe_core::crs::Crs;
    use swathe_core::geobox::Axis;

    use super::*;

    fn grid(crs: &str, west: f64, north: f64, step: f64, rows: usize, columns: usize) -> GeoBox {
        let axis = |origin, numerator, len| Axis::new(origin, numerator, 0, len);
        GeoBox {
            crs: Crs::parse(crs).unwrap(),
            x: axis(west, step, columns),
            y: axis(north, -step, rows),
        }
    }

    fn extent(geobox: &GeoBox) -> [f64; 4] {
        let e = GeographicExtent::of(geobox).unwrap();
        [e.west, e.south, e.east, e.north]
    }

    #[test]
    fn longitude_latitude_boxes() {
        assert_eq!(
            extent(&grid("EPSG:4326", 170.0, 10.0, 1.0, 5, 20)),
            [170.0, 5.0, -170.0, 10.0]
        );
        assert_eq!(
            extent(&grid("EPSG:4326", 170.0, 10.0, 1.0, 5, 10)),
            [170.0, 5.0, 180.0, 10.0]
        );
        assert_eq!(
            extent(&grid("EPSG:4326", 0.0, 90.0, 1.0, 180, 360)),
            [-180.0, -90.0, 180.0, 90.0]
        );
        assert_eq!(
            extent(&grid("EPSG:4326", -180.0, 10.0, 1.0, 5, 10)),
            [-180.0, 5.0, -170.0, 10.0]
        );
    }

    #[test]
    fn a_pole_inside_is_all_longitudes() {
        let e = extent(&grid("EPSG:3413", -1e6, 1e6, 1e4, 200, 200));
        assert_eq!((e[0], e[2], e[3]), (-180.0, 180.0, 90.0));
        // pyproj 3.7: the corner (-1e6, 1e6) is at latitude 76.832...
        assert!((e[1] - 76.8).abs() < 0.2, "{e:?}");
    }

    #[test]
    fn a_projected_box_across_180() {
        // UTM zone 1 starts at 180 W.
        let e = extent(&grid("EPSG:32601", 1e5, 1e5, 1e4, 10, 20));
        assert!(e[0] > 170.0 && e[2] < -170.0, "{e:?}");
    }
}
