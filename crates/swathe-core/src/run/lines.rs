//! Which lines of a granule an area needs, found from as little as possible.

use crate::region::Region;
use crate::source::{GeolocationArray, LineExtent, SourceError, SwathSource};
use crate::sphere::{arc_bound, chord2, unit_vector};
use crate::swath::{Spacing, located};
use std::ops::Range;

/// Lines next to those that meet the area which footprint corners depend on.
const HALO: usize = 2;

/// Pixels at the ends of a scan line are this many times wider than the line's mean: 3.3 for a view
/// of 56.5 degrees from 676 km, 2.9 for MODIS.
const WIDEST: f64 = 4.0;

/// The lines of a granule that may give to a region, from the extents of its lines; all lines where
/// it carries none, `None` where none can give.
///
/// # Errors
/// When the extents cannot be read.
pub fn lines_near(
    source: &dyn SwathSource,
    region: &Region,
) -> Result<Option<Range<usize>>, SourceError> {
    let (lines, pixels) = source.shape();
    if lines == 0 || pixels == 0 {
        return Ok(None);
    }
    let Some(extents) = source.line_extents()? else {
        return Ok(Some(0..lines));
    };
    Ok(within(region, &extents, guessed_margin(&extents, pixels)))
}

/// Geolocation of the lines that may give to a region; `None` where none can.
///
/// Extents tell the lines by a guess of how wide pixels are; where the pixels that were read turn out
/// wider, more lines are read.
pub(super) fn geolocation_near(
    source: &dyn SwathSource,
    region: &Region,
) -> Result<Option<GeolocationArray>, SourceError> {
    let (lines, pixels) = source.shape();
    if lines == 0 || pixels == 0 {
        return Ok(None);
    }
    let Some(extents) = source.line_extents()? else {
        return source.geolocation(0..lines).map(Some);
    };
    let mut margin = guessed_margin(&extents, pixels);
    loop {
        let Some(near) = within(region, &extents, margin) else {
            return Ok(None);
        };
        let geolocation = source.geolocation(near.clone())?;
        let needed = crate::resample::margin(&Spacing::rough(&geolocation));
        if needed <= margin || near == (0..lines) {
            return Ok(Some(geolocation));
        }
        margin = needed.max(2.0 * margin);
    }
}

fn within(region: &Region, extents: &[LineExtent], margin: f64) -> Option<Range<usize>> {
    let near = region.lines(extents, margin);
    (!near.is_empty())
        .then(|| near.start.saturating_sub(HALO)..(near.end + HALO).min(extents.len()))
}

/// Degrees within which a pixel's footprint may meet an area, from the lengths of the lines and the
/// steps between them.
fn guessed_margin(extents: &[LineExtent], pixels: usize) -> f64 {
    let point = |(lon, lat): (f32, f32)| {
        let (lon, lat) = (f64::from(lon), f64::from(lat));
        located(lon, lat).then(|| unit_vector(lon, lat))
    };
    let arc = |a: (f32, f32), b: (f32, f32)| {
        let chord = chord2(point(a)?, point(b)?).sqrt();
        Some(arc_bound(chord.min(1.0)).to_degrees())
    };
    let median = |mut arcs: Vec<f64>| {
        arcs.sort_unstable_by(f64::total_cmp);
        arcs.get(arcs.len() / 2).copied().unwrap_or(0.0)
    };
    let stride = (extents.len() / 64).max(1);
    let halves = extents.iter().step_by(stride);
    let half = median(halves.filter_map(|e| arc(e.start, e.centre)).collect());
    let pairs = extents.windows(2).step_by(stride);
    let along = median(
        pairs
            .filter_map(|pair| arc(pair[0].centre, pair[1].centre))
            .collect(),
    );
    let across = WIDEST * half / (0.5 * pixels as f64).max(1.0);
    // As in `resample::margin`: reaching half a diagonal, and three times the usual step.
    2.5 * across.max(along)
}
