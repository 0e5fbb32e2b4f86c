//! Small maps that show where something lies, as SVG: outlines over coastlines.

use super::coastline::{Coastline, Detail};
use std::fmt::Write as _;

/// Room around what is shown, as a share of its size.
const MARGIN: f64 = 0.15;
/// Degrees that a map shows at least.
const LEAST: f64 = 4.0;
/// Longest side in pixels.
const SIDE: f64 = 320.0;

/// A map of closed outlines, each of (longitude, latitude) in degrees, and of a box (west, south, east,
/// north; west > east across 180) in red. Longitudes of neighbours that differ by more than 180 cross
/// 180. Equal steps of longitude are equally wide.
pub fn locator(outlines: &[Vec<(f64, f64)>], area: Option<[f64; 4]>) -> String {
    let mut rings: Vec<Vec<(f64, f64)>> = outlines.iter().map(|ring| run_on(ring)).collect();
    let boxed = area.map(|[west, south, east, north]| {
        let east = if east < west { east + 360.0 } else { east };
        vec![(west, south), (east, south), (east, north), (west, north)]
    });
    // All on one turn around the Earth: that of the box, else of the first.
    let reference = boxed.iter().chain(&rings).find_map(|ring| centre(ring));
    let Some(reference) = reference else {
        return empty();
    };
    for ring in &mut rings {
        if let Some(own) = centre(ring) {
            let turn = 360.0 * ((reference - own) / 360.0).round();
            ring.iter_mut().for_each(|(lon, _)| *lon += turn);
        }
    }
    let view = View::around(rings.iter().chain(&boxed).flatten());
    let mut svg = format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {w:.0} {h:.0}" width="{w:.0}" height="{h:.0}"><rect width="100%" height="100%" fill="#eef3f7"/>"##,
        w = view.width,
        h = view.height
    );
    let mut coast = String::new();
    let detail = Detail::for_pixel((view.north - view.south) / view.height);
    for line in Coastline::of(detail).lines() {
        for turn in [-360.0, 0.0, 360.0] {
            view.add_line(&mut coast, &line, turn);
        }
    }
    let _ = write!(
        svg,
        r##"<path d="{coast}" fill="none" stroke="#7d8a96" stroke-width="0.8"/>"##
    );
    for ring in &rings {
        let _ = write!(
            svg,
            r##"<path d="{}" fill="#2a7fb8" fill-opacity="0.18" stroke="#1f5f8b" stroke-width="1"/>"##,
            view.ring(ring)
        );
    }
    if let Some(ring) = &boxed {
        let _ = write!(
            svg,
            r##"<path d="{}" fill="none" stroke="#d62728" stroke-width="1.5"/>"##,
            view.ring(ring)
        );
    }
    svg + "</svg>"
}

fn empty() -> String {
    r#"<svg xmlns="http://www.w3.org/2000/svg" width="0" height="0"></svg>"#.into()
}

/// Longitudes that go on across 180.
fn run_on(ring: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let finite = ring.iter().filter(|(lon, lat)| (lon + lat).is_finite());
    let mut run: Vec<(f64, f64)> = Vec::with_capacity(ring.len());
    for &(lon, lat) in finite {
        let turn = run
            .last()
            .map_or(0.0, |(before, _)| 360.0 * ((before - lon) / 360.0).round());
        run.push((lon + turn, lat));
    }
    run
}

/// The middle of a ring's longitudes.
fn centre(ring: &[(f64, f64)]) -> Option<f64> {
    let west = ring.iter().map(|p| p.0).reduce(f64::min)?;
    let east = ring.iter().map(|p| p.0).reduce(f64::max)?;
    Some((west + east) / 2.0)
}

/// What part of the Earth is shown, and how large.
struct View {
    west: f64,
    south: f64,
    north: f64,
    east: f64,
    width: f64,
    height: f64,
}

impl View {
    fn around<'a>(points: impl Iterator<Item = &'a (f64, f64)>) -> Self {
        let (mut west, mut south, mut east, mut north) = (f64::MAX, 90f64, f64::MIN, -90f64);
        for &(lon, lat) in points {
            (west, east) = (west.min(lon), east.max(lon));
            (south, north) = (south.min(lat), north.max(lat));
        }
        let widen = |low: f64, high: f64| {
            let half = ((high - low) * (0.5 + MARGIN)).max(LEAST / 2.0);
            let middle = (low + high) / 2.0;
            (middle - half, middle + half)
        };
        let (west, east) = widen(west, east);
        let (south, north) = widen(south, north);
        let (south, north) = (south.max(-90.0), north.min(90.0));
        // A degree of longitude is narrower away from the equator.
        let narrow = ((south + north) / 2.0).to_radians().cos().max(0.2);
        let (across, up) = ((east - west) * narrow, north - south);
        let scale = SIDE / across.max(up);
        View {
            west,
            south,
            north,
            east,
            width: across * scale,
            height: up * scale,
        }
    }

    fn place(&self, (lon, lat): (f64, f64)) -> (f64, f64) {
        (
            (lon - self.west) / (self.east - self.west) * self.width,
            (self.north - lat) / (self.north - self.south) * self.height,
        )
    }

    fn ring(&self, ring: &[(f64, f64)]) -> String {
        let mut path = String::new();
        for (i, &point) in ring.iter().enumerate() {
            let (x, y) = self.place(point);
            let _ = write!(path, "{}{x:.1} {y:.1}", if i == 0 { "M" } else { "L" });
        }
        path + "Z"
    }

    /// Adds the parts of a line that may be seen.
    fn add_line(&self, path: &mut String, line: &[(f64, f64)], turn: f64) {
        let mut last: Option<(f64, f64)> = None;
        for pair in line.windows(2) {
            let [(a, b), (c, d)] = [pair[0], pair[1]];
            let (a, c) = (a + turn, c + turn);
            let seen = a.max(c) >= self.west
                && a.min(c) <= self.east
                && b.max(d) >= self.south
                && b.min(d) <= self.north;
            if !seen {
                last = None;
                continue;
            }
            if last.is_none() {
                let (x, y) = self.place((a, b));
                let _ = write!(path, "M{x:.1} {y:.1}");
            }
            let (x, y) = self.place((c, d));
            let _ = write!(path, "L{x:.1} {y:.1}");
            last = Some((c, d));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(svg: &str, mark: &str) -> Vec<(f64, f64)> {
        let path = svg
            .split("<path d=\"")
            .find(|part| part.contains(mark))
            .unwrap();
        let path = path.split('Z').next().unwrap();
        let numbers = path.split(['M', 'L']).filter(|p| !p.is_empty());
        numbers
            .map(|p| {
                let (x, y) = p.split_once(' ').unwrap();
                (x.parse().unwrap(), y.parse().unwrap())
            })
            .collect()
    }

    #[test]
    fn an_outline_across_180_stays_in_one_piece_with_its_box() {
        let ring = vec![
            (175.0, 10.0),
            (-175.0, 10.0),
            (-175.0, -10.0),
            (175.0, -10.0),
        ];
        let svg = locator(&[ring], Some([-178.0, -5.0, -176.0, 5.0]));
        let (outline, area) = (points(&svg, "#2a7fb8"), points(&svg, "#d62728"));
        let (west, east) = (outline[0].0, outline[1].0);
        assert!(west > 0.0 && east <= SIDE && east > west);
        // The box is within, and in proportion: 7 to 9 of 10 degrees.
        let share = |x: f64| (x - west) / (east - west);
        assert!((share(area[0].0) - 0.7).abs() < 0.01 && (share(area[1].0) - 0.9).abs() < 0.01);
    }

    #[test]
    fn nothing_to_show_is_an_empty_picture() {
        assert_eq!(locator(&[], None), empty());
        assert_eq!(locator(&[vec![(f64::NAN, 0.0)]], None), empty());
    }
}
