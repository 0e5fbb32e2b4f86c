//! Where granules lie on the map.
//!
//! A run reads where the lines of a granule lie before anything else of it, and tells. Those that wait are
//! drawn ahead of it by a thread that rests most of the time, while a page is there.

use super::hub::Hub;
use crate::job::Plan;
use std::sync::Weak;
use std::time::{Duration, Instant};
use swathe_core::source::{LineExtent, SwathSource as _};
use swathe_io::picture::{Sketch, SketchLine};

/// Points on a side of an outline.
const POINTS: usize = 16;
/// So many times as long as the thread draws, it rests.
const REST: u32 = 100;
/// Between looks whether a page is there.
const PAUSE: Duration = Duration::from_millis(200);

/// Draws granules that wait. Files far away are left to the run: reading there takes requests.
pub fn draw_ahead(plan: &Plan, hub: &Weak<Hub>) {
    for (number, candidate) in plan.candidates().enumerate() {
        let hub = loop {
            match hub.upgrade() {
                Some(hub) if hub.has_ended() => return,
                Some(hub) if hub.is_watched() => break hub,
                Some(_) => std::thread::sleep(PAUSE),
                None => return,
            }
        };
        if candidate.is_remote() || !hub.is_to_be_drawn(number) {
            continue;
        }
        let begun = Instant::now();
        // What cannot be read is told where it is needed.
        if let Ok(granule) = candidate.granule()
            && let Ok(Some(extents)) = granule.line_extents()
        {
            hub.draw(number, &extents);
        }
        drop(hub);
        std::thread::sleep(begun.elapsed() * REST);
    }
}

/// The outline of a granule on the map, from the ends of its lines, and a point inside it.
pub fn outline(sketch: &Sketch, extents: &[LineExtent]) -> (Vec<SketchLine>, Option<(f32, f32)>) {
    let step = extents.len().div_ceil(POINTS).max(1);
    let mut some: Vec<&LineExtent> = extents.iter().step_by(step).collect();
    some.extend(extents.last());
    let ends = some.first().zip(some.last());
    let Some((first, last)) = ends else {
        return (Vec::new(), None);
    };
    let starts = some.iter().rev().map(|line| line.start);
    let ring = std::iter::once(first.centre)
        .chain(some.iter().map(|line| line.end))
        .chain([last.centre])
        .chain(starts)
        .chain([first.centre]);
    // Longitudes run on across 180.
    let mut line: Vec<(f64, f64)> = Vec::new();
    for (lon, lat) in ring.filter(|(lon, lat)| lon.is_finite() && lat.is_finite()) {
        let (lon, lat) = (f64::from(lon), f64::from(lat));
        let lon = match line.last() {
            Some((before, _)) => lon - 360.0 * ((lon - before) / 360.0).round(),
            None => lon,
        };
        line.push((lon, lat));
    }
    let lines = sketch.trace(&line);
    // Across 180 a granule lies at both edges of a map: its point is in the larger part.
    let largest = lines.iter().max_by_key(|line| line.len());
    let centre = largest.map(|line| {
        let sum = line.iter().fold((0.0, 0.0), |(x, y), p| (x + p.0, y + p.1));
        let points = line.len().max(1) as f32;
        (sum.0 / points, sum.1 / points)
    });
    (lines, centre)
}

#[cfg(test)]
mod tests {
    use super::*;
    use swathe_core::build_geobox::Resolution;
    use swathe_core::crs::Crs;
    use swathe_core::geobox::GeoBox;

    #[test]
    fn an_outline_goes_around_its_lines_and_its_point_is_inside() {
        let earth = (-180.0, -90.0, 180.0, 90.0);
        let geobox = GeoBox::from_bbox(Crs::lonlat(), earth, Resolution::Units(1.0)).unwrap();
        let sketch = Sketch::new(&geobox);
        // Across 180, most of it in the west of the map; lines from 10 S to 10 N.
        let lines: Vec<LineExtent> = (0..101)
            .map(|line| {
                let lat = -10.0 + 0.2 * line as f32;
                LineExtent {
                    start: (175.0, lat),
                    centre: (-175.0, lat),
                    end: (-165.0, lat),
                }
            })
            .collect();
        let (pieces, centre) = outline(&sketch, &lines);
        let points = || pieces.iter().flatten();
        assert!(pieces.len() >= 2 && points().count() < 80);
        assert!(points().all(|(_, y)| (79.9..=100.1).contains(y)));
        // Pieces reach a point beyond the edges of the map.
        assert!(points().all(|(x, _)| *x <= 15.1 || *x >= 354.9));
        let (x, y) = centre.unwrap();
        assert!(
            (-5.0..=15.0).contains(&x) && (80.0..=100.0).contains(&y),
            "{x} {y}"
        );
        // What has no place is not drawn.
        let nowhere = LineExtent {
            start: (f32::NAN, 0.0),
            centre: (f32::NAN, f32::NAN),
            end: (0.0, f32::INFINITY),
        };
        assert_eq!(outline(&sketch, &[nowhere; 3]), (Vec::new(), None));
        assert_eq!(outline(&sketch, &[]), (Vec::new(), None));
    }
}
