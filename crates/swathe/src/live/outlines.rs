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
    let points = lines.iter().flatten().count() as f32;
    let sum = lines
        .iter()
        .flatten()
        .fold((0.0, 0.0), |(x, y), p| (x + p.0, y + p.1));
    let centre = (points > 0.0).then(|| (sum.0 / points, sum.1 / points));
    (lines, centre)
}
