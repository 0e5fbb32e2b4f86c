//! Meridians and parallels at round degrees, and where their names go.

use super::font;
use super::frame::{Frame, Line};
use super::ticks;

/// Where a name stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// Below the panel, centred.
    Bottom,
    /// Left of the panel.
    Left,
    /// On the map, centred.
    Inside,
    /// On the map, left of a place at the edge of the projected Earth.
    Edge,
}

/// The name of a meridian or parallel, at a pixel of the panel.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Label {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) side: Side,
    pub(super) text: String,
    /// Which multiple of the graticule's step it is.
    number: i64,
}

/// The graticule of a panel.
pub(super) struct Graticule {
    pub(super) lines: Vec<Line>,
    pub(super) labels: Vec<Label>,
}

/// Draws up the graticule. `em` is the size of its text in pixels.
pub(super) fn graticule(frame: &Frame, em: f64) -> Graticule {
    let region = frame.region;
    let height = region.north - region.south;
    let polar = frame.shows_pole();
    let mut lat_step = ticks::degree_step(|step| {
        frame.height as f64 * step / height >= 3.6 * em
            && height / step < 8.5
            && (height < 150.0 || step >= 30.0)
    });
    let mut lon_step = ticks::degree_step(|step| {
        let longest = ticks::longitude(-(region.west.abs().min(179.0) + 1.0).floor() - step, step);
        frame.width as f64 * step / region.width >= font::width(&longest, em) + 1.1 * em
            && region.width / step < 12.5
    });
    if polar {
        lon_step = 30.0;
        lat_step = ticks::degree_step(|step| height / step < 5.5);
    } else if frame.is_lonlat() && region.width < 30.0 {
        // One step for both, unless that leaves one side nearly bare.
        let common = lat_step.max(lon_step);
        if height / common >= 3.0 {
            lat_step = common;
        }
        if region.width / common >= 3.0 {
            lon_step = common;
        }
    }
    let lons = multiples(region.west, region.west + region.width, lon_step, polar);
    let lats = multiples(region.south, region.north, lat_step, false);

    let mut graticule = Graticule {
        lines: Vec::new(),
        labels: Vec::new(),
    };
    let within = |lat: f64| lat.clamp(-90.0, 90.0);
    let (south, north) = if frame.is_lonlat() {
        (region.south - height, region.north + height)
    } else {
        (
            within(region.south - lat_step),
            within(region.north + lat_step),
        )
    };
    for &lon in &lons {
        // In polar maps only every third meridian reaches the pole.
        let (low, high) = match polar && multiple(lon, lon_step) % 3 != 0 {
            true => (south.max(-90.0 + lat_step), north.min(90.0 - lat_step)),
            false => (south, north),
        };
        let pieces = frame.trace_here(&path((lon, low), (lon, high)));
        let (text, number) = (ticks::longitude(lon, lon_step), multiple(lon, lon_step));
        if polar {
            graticule.label_leaving(frame, &pieces, &text, em);
        } else if let Some(x) =
            crossing_or_end(&pieces, |p| (p.1, p.0), frame.height as f64, frame.width)
        {
            graticule.add(Side::Bottom, (x, frame.height as f64), text, number);
        }
        graticule.lines.extend(pieces);
    }
    let margin = if frame.is_lonlat() { region.width } else { 0.0 };
    for &lat in &lats {
        if lat.abs() == 90.0 && !frame.is_lonlat() {
            continue;
        }
        let (west, east) = (region.west - margin, region.west + region.width + margin);
        let pieces = frame.trace_here(&path((west, lat), (east, lat)));
        let (text, number) = (ticks::latitude(lat, lat_step), multiple(lat, lat_step));
        if polar {
            // Named below, along one meridian.
        } else if let Some(y) = crossing_or_end(&pieces, |p| p, 0.0, frame.height) {
            graticule.add(Side::Left, (0.0, y), text, number);
        } else if !frame.all_on_earth
            && let Some((x, y)) = western_end(&pieces)
        {
            graticule.add(Side::Edge, (x, y), text, number);
        }
        graticule.lines.extend(pieces);
    }
    if polar {
        graticule.label_parallels(frame, &lats, lat_step, em);
    }
    graticule.thin(em);
    graticule
}

/// Whole multiples of a step between two ends; a whole turn has its last meridian once.
fn multiples(low: f64, high: f64, step: f64, turn: bool) -> Vec<f64> {
    let (first, last) = (
        (low / step - 1e-9).ceil() as i64,
        (high / step + 1e-9).floor() as i64,
    );
    let values = (first..=last).map(|i| i as f64 * step);
    values
        .filter(|v| !(turn && *v >= first as f64 * step + 360.0))
        .collect()
}

fn multiple(degrees: f64, step: f64) -> i64 {
    (degrees / step).round() as i64
}

fn path(from: (f64, f64), to: (f64, f64)) -> Vec<(f64, f64)> {
    const PARTS: usize = 60;
    (0..=PARTS)
        .map(|i| {
            let share = i as f64 / PARTS as f64;
            (
                from.0 + share * (to.0 - from.0),
                from.1 + share * (to.1 - from.1),
            )
        })
        .collect()
}

/// Where lines cross a border of the panel: `turn` makes the first coordinate the one that is
/// constant along the border.
fn crossing(
    pieces: &[Line],
    turn: fn((f64, f64)) -> (f64, f64),
    border: f64,
    length: usize,
) -> Option<f64> {
    let wide = |p: (f32, f32)| turn((f64::from(p.0), f64::from(p.1)));
    pieces
        .iter()
        .flat_map(|line| line.windows(2))
        .find_map(|pair| {
            let (a, b) = (wide(pair[0]), wide(pair[1]));
            if (a.0 - border) * (b.0 - border) > 0.0 || a.0 == b.0 {
                return None;
            }
            let along = a.1 + (b.1 - a.1) * (border - a.0) / (b.0 - a.0);
            (along >= -0.5 && along <= length as f64 + 0.5).then_some(along)
        })
}

/// As [`crossing`], or where a line ends within a few pixels of the border: on a map that reaches a
/// little beyond 180, or to a pole.
fn crossing_or_end(
    pieces: &[Line],
    turn: fn((f64, f64)) -> (f64, f64),
    border: f64,
    length: usize,
) -> Option<f64> {
    const NEAR: f64 = 12.0;
    crossing(pieces, turn, border, length).or_else(|| {
        let ends = pieces.iter().flat_map(|line| [line.first(), line.last()]);
        let wide = |p: &(f32, f32)| turn((f64::from(p.0), f64::from(p.1)));
        let mut ends = ends.flatten().map(wide);
        let (_, along) = ends.find(|(across, along)| {
            (across - border).abs() < NEAR && (0.0..=length as f64).contains(along)
        })?;
        Some(along)
    })
}

/// The leftmost point of lines.
fn western_end(pieces: &[Line]) -> Option<(f64, f64)> {
    let points = pieces.iter().flatten();
    let (x, y) = points.min_by(|a, b| a.0.total_cmp(&b.0))?;
    Some((f64::from(*x), f64::from(*y)))
}

impl Graticule {
    fn add(&mut self, side: Side, (x, y): (f64, f64), text: String, number: i64) {
        self.labels.push(Label {
            x,
            y,
            side,
            text,
            number,
        });
    }

    /// Names a meridian of a polar map where it leaves the panel, on the map.
    fn label_leaving(&mut self, frame: &Frame, pieces: &[Line], text: &str, em: f64) {
        let (w, h) = (frame.width as f64, frame.height as f64);
        let (half, line) = (0.5 * font::width(text, em) + 0.4 * em, 0.9 * em);
        let places = [
            crossing(pieces, |p| (p.1, p.0), h, frame.width).map(|x| (x, h)),
            crossing(pieces, |p| (p.1, p.0), 0.0, frame.width).map(|x| (x, 0.0)),
            crossing(pieces, |p| p, 0.0, frame.height).map(|y| (0.0, y)),
            crossing(pieces, |p| p, w, frame.height).map(|y| (w, y)),
        ];
        for (x, y) in places.into_iter().flatten() {
            let place = (x.clamp(half, w - half), y.clamp(line, h - line));
            self.add(Side::Inside, place, text.to_owned(), 0);
        }
    }

    /// Names the parallels of a polar map along the meridian between two others that shows most.
    fn label_parallels(&mut self, frame: &Frame, lats: &[f64], step: f64, em: f64) {
        let (w, h) = (frame.width as f64, frame.height as f64);
        let inside = |(x, y): &(f64, f64)| {
            *x > 3.0 * em && *x < w - 3.0 * em && *y > 2.0 * em && *y < h - 2.0 * em
        };
        let along = |lon: f64| -> Vec<(f64, (f64, f64))> {
            let places = lats.iter().filter(|lat| lat.abs() < 90.0);
            let places = places.filter_map(|lat| Some((*lat, frame.place(lon, *lat)?)));
            places.filter(|(_, place)| inside(place)).collect()
        };
        let mut best = Vec::new();
        for k in 0..12 {
            let labels = along(15.0 + 30.0 * f64::from(k));
            if labels.len() > best.len() {
                best = labels;
            }
        }
        for (lat, place) in best {
            self.add(Side::Inside, place, ticks::latitude(lat, step), 0);
        }
    }

    /// Leaves out names that would touch: below the map every other one, or more, so that they stay
    /// evenly spaced; elsewhere those that touch one before them.
    fn thin(&mut self, em: f64) {
        let (below, others): (Vec<Label>, Vec<Label>) =
            self.labels.drain(..).partition(|l| l.side == Side::Bottom);
        let mut kept: Vec<Label> = [1, 2, 3, 4, 6]
            .into_iter()
            .map(|every| {
                let some = below.iter().filter(|l| l.number % every == 0);
                some.cloned().collect::<Vec<Label>>()
            })
            .find(|some| some.windows(2).all(|pair| !touch(&pair[0], &pair[1], em)))
            .unwrap_or_default();
        for label in others {
            if kept.iter().all(|other| !touch(other, &label, em)) {
                kept.push(label);
            }
        }
        self.labels = kept;
    }
}

/// Whether two names on one side would touch.
fn touch(a: &Label, b: &Label, em: f64) -> bool {
    let extent = |label: &Label| {
        let width = font::width(&label.text, em);
        match label.side {
            Side::Left | Side::Edge => (label.x - width, label.x),
            Side::Bottom | Side::Inside => (label.x - 0.5 * width, label.x + 0.5 * width),
        }
    };
    let ((left, right), (l, r)) = (extent(a), extent(b));
    a.side == b.side && (a.y - b.y).abs() < 1.2 * em && left < r + 0.6 * em && l < right + 0.6 * em
}

#[cfg(test)]
mod tests {
    use super::*;
    use swathe_core::build_geobox::Resolution;
    use swathe_core::crs::Crs;
    use swathe_core::geobox::GeoBox;

    fn labels(crs: &str, bbox: (f64, f64, f64, f64), resolution: f64) -> Vec<Label> {
        let crs = Crs::parse(crs).unwrap();
        let geobox = GeoBox::from_bbox(crs, bbox, Resolution::Units(resolution)).unwrap();
        graticule(&Frame::new(&geobox, geobox.x.len, geobox.y.len), 20.0).labels
    }

    fn texts(labels: &[Label], side: Side) -> Vec<&str> {
        labels
            .iter()
            .filter(|l| l.side == side)
            .map(|l| l.text.as_str())
            .collect()
    }

    #[test]
    fn a_box_across_180_has_names_of_both_sides() {
        let labels = labels("EPSG:4326", (170.0, -10.0, -170.0, 10.0), 0.02);
        assert_eq!(
            texts(&labels, Side::Bottom),
            ["170°E", "175°E", "180°", "175°W", "170°W"]
        );
        let middle = labels.iter().find(|l| l.text == "180°").unwrap();
        assert!((middle.x - 500.0).abs() < 1e-3, "{middle:?}");
    }

    #[test]
    fn the_world_has_its_corners() {
        let labels = labels("EPSG:4326", (-180.0, -90.0, 180.0, 90.0), 0.2);
        let below = texts(&labels, Side::Bottom);
        assert_eq!(
            (below.first(), below.last()),
            (Some(&"180°"), Some(&"180°"))
        );
        let left = texts(&labels, Side::Left);
        assert!(
            left.contains(&"90°N") && left.contains(&"90°S") && left.contains(&"0°"),
            "{left:?}"
        );
    }

    #[test]
    fn projected_maps_have_names() {
        let polar = labels("EPSG:3413", (-180.0, 60.0, 180.0, 90.0), 8000.0);
        let inside = texts(&polar, Side::Inside);
        assert!(
            inside.contains(&"0°") && inside.contains(&"70°N"),
            "{inside:?}"
        );
        let utm = labels("EPSG:32618", (-77.0, 36.0, -73.0, 41.0), 500.0);
        assert!(texts(&utm, Side::Bottom).contains(&"75°W"), "{utm:?}");
        assert!(texts(&utm, Side::Left).contains(&"38°N"), "{utm:?}");
    }
}
