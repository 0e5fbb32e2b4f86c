//! Which lines of a granule an area needs, found from as little as possible.

use crate::region::Region;
use crate::source::{GeolocationArray, LineExtent, SourceError, SwathSource};
use crate::sphere::{arc_bound, chord2, unit_vector};
use crate::swath::{Centres, Reaches, located};
use crate::watch;
use std::ops::Range;

/// Lines next to those that meet the area which footprint corners depend on.
const HALO: usize = 2;

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
    Ok(Margin::guess(&extents, pixels).lines(region, &extents))
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
    watch::lies(&extents);
    let mut margin = Margin::guess(&extents, pixels);
    loop {
        let Some(near) = margin.lines(region, &extents) else {
            return Ok(None);
        };
        let geolocation = source.geolocation(near.clone())?;
        match margin.needed(&geolocation) {
            Some(wider) if near != (0..lines) => margin = wider,
            _ => return Ok(Some(geolocation)),
        }
    }
}

/// Whether pixels are no wider than they are generously guessed to be from extents.
pub(super) fn guess_holds(
    source: &dyn SwathSource,
    geolocation: &GeolocationArray,
) -> Result<bool, SourceError> {
    let (_, pixels) = source.shape();
    let extents = source.line_extents()?;
    Ok(extents.is_some_and(|extents| {
        Margin::generous(&extents, pixels)
            .needed(geolocation)
            .is_none()
    }))
}

/// Degrees within which a pixel's footprint may meet an area, by the pixel's place between the centre
/// of its line (0) and an end (1).
pub(super) struct Margin {
    /// Of a pixel as long as it is wide.
    along: f64,
    /// At the ends.
    widest: f64,
    /// Times this.
    factor: f64,
}

impl Margin {
    /// A guess from the lengths of the lines and the steps between them.
    pub fn guess(extents: &[LineExtent], pixels: usize) -> Self {
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
        // Pixels at the ends of a scan line are so many times wider than the line's mean: 3.3 for a
        // view of 56.5 degrees from 676 km, 2.9 for MODIS.
        let widest = 4.0 * half / (0.5 * pixels as f64).max(1.0);
        // As in `Reaches`: half a diagonal, and three times the usual step.
        Margin {
            along: 2.5 * along,
            widest: 2.5 * widest,
            factor: 1.0,
        }
    }

    /// Twice the guess, which holds for the pixels of all scanners.
    pub fn generous(extents: &[LineExtent], pixels: usize) -> Self {
        Margin {
            factor: 2.0,
            ..Margin::guess(extents, pixels)
        }
    }

    fn at(&self, place: f64) -> f64 {
        // Scans at equal angles widen faster than the square of the distance from the centre, where
        // they are half as wide as the mean.
        let wide = self.widest * (place * place).max(0.3);
        // Lines may be of no length, one above the other.
        self.factor * wide.max(self.along).max(1e-3)
    }

    /// The margin that holds for the pixels that were read; `None` if this one does.
    fn needed(&self, geolocation: &GeolocationArray) -> Option<Margin> {
        let pixels = geolocation.pixels;
        let middle = geolocation.lines.start + geolocation.lines.len() / 2;
        let line = Centres::new(geolocation, middle..middle + 1, 0..pixels);
        let apart = |a: usize, b: usize| {
            let chord2 = chord2(line.get(middle, a)?, line.get(middle, b)?);
            Some(chord2.sqrt())
        };
        let reaches = Reaches::new(geolocation);
        let factor = reaches.strips().map(|(column, reach)| {
            let (centre, end) = (pixels / 2, if column < pixels / 2 { 0 } else { pixels - 1 });
            let place = apart(centre, column).zip(apart(centre, end));
            let place = place.map_or(0.0, |(from_centre, half)| from_centre / half);
            // A line without length has no places.
            reach
                / self.at(if place.is_finite() {
                    place.min(1.0)
                } else {
                    0.0
                })
        });
        let factor = factor.fold(0.0, f64::max);
        // Twice at least, so that the search ends.
        (factor > 1.0).then(|| Margin {
            factor: self.factor * factor.max(2.0),
            ..*self
        })
    }

    /// The lines that may give to a region.
    pub fn lines(&self, region: &Region, extents: &[LineExtent]) -> Option<Range<usize>> {
        let near = region.lines(extents, |place| self.at(place));
        (!near.is_empty())
            .then(|| near.start.saturating_sub(HALO)..(near.end + HALO).min(extents.len()))
    }
}
