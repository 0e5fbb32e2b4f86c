//! Which pixels of a granule may meet a region: whole groups, told by the extremes of their coordinates.

use super::GROUP;
use crate::region::Region;
use crate::source::{Coordinates, GeolocationArray};
use std::ops::Range;

/// For each strip of `GROUP` lines that `geolocation` holds (cut at multiples of as many), the columns of
/// the groups that may hold a pixel within `margin` of the region, degrees for the columns of a group,
/// and of those between them.
pub(super) fn columns(
    region: &Region,
    geolocation: &GeolocationArray,
    margin: impl Fn(&Range<usize>) -> f64,
) -> Vec<Range<usize>> {
    if region.is_earth() {
        let strips = groups_of(geolocation.lines.clone());
        return strips.map(|_| 0..geolocation.pixels).collect();
    }
    let near = Near {
        regions: groups_of(0..geolocation.pixels)
            .map(|columns| region.widened(margin(&columns)))
            .collect(),
        lines: geolocation.lines.clone(),
        pixels: geolocation.pixels,
    };
    match (&geolocation.longitude, &geolocation.latitude) {
        (Coordinates::F32(lon), Coordinates::F32(lat)) => near.columns(lon, lat),
        (Coordinates::F64(lon), Coordinates::F64(lat)) => near.columns(lon, lat),
        (Coordinates::F32(lon), Coordinates::F64(lat)) => near.columns(&doubled(lon), lat),
        (Coordinates::F64(lon), Coordinates::F32(lat)) => near.columns(lon, &doubled(lat)),
    }
}

fn doubled(values: &[f32]) -> Vec<f64> {
    values.iter().map(|v| f64::from(*v)).collect()
}

/// Ranges of lines or columns within one group each: cut at multiples of `GROUP`.
pub(super) fn groups_of(range: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    (range.start / GROUP..range.end.div_ceil(GROUP)).map(move |k| {
        let (start, end) = (k * GROUP, (k + 1) * GROUP);
        start.max(range.start)..end.min(range.end)
    })
}

struct Near {
    /// For each group of columns.
    regions: Vec<Region>,
    lines: Range<usize>,
    pixels: usize,
}

impl Near {
    fn columns<T>(&self, lon: &[T], lat: &[T]) -> Vec<Range<usize>>
    where
        T: Copy + Into<f64> + From<f32> + PartialOrd,
    {
        let (mut lons, mut lats) = (Extremes::new(self.pixels), Extremes::new(self.pixels));
        groups_of(self.lines.clone())
            .map(|lines| {
                let held = self.lines.start;
                let strip = (lines.start - held) * self.pixels..(lines.end - held) * self.pixels;
                let (lon, lat) = (&lon[strip.clone()], &lat[strip]);
                lons.set(lon);
                lats.set(lat);
                let meets = |columns: &Range<usize>| {
                    let region = &self.regions[columns.start / GROUP];
                    meets(region, lons.of(columns), lats.of(columns)).unwrap_or_else(|| {
                        columns.clone().any(|column| {
                            let place = |k: usize| {
                                let i = k * self.pixels + column;
                                (lon[i].into(), lat[i].into())
                            };
                            (0..lines.len()).map(place).any(|(lon, lat)| {
                                crate::swath::located(lon, lat) && region.contains(lon, lat)
                            })
                        })
                    })
                };
                let mut meeting = groups_of(0..self.pixels).filter(meets);
                let Some(first) = meeting.next() else {
                    return 0..0;
                };
                first.start..meeting.last().unwrap_or(first).end
            })
            .collect()
    }
}

/// Whether pixels with these least and largest coordinates may meet the region; `None` where the
/// extremes do not tell, for missing pixels or a cut among longitudes.
fn meets(region: &Region, (west, east): (f64, f64), (south, north): (f64, f64)) -> Option<bool> {
    if west > east || south > north {
        return Some(false);
    }
    let places = west >= -180.0 && east <= 360.0 && south >= -90.0 && north <= 90.0;
    if !places || east - west > 180.0 {
        return None;
    }
    let start = (west - region.west).rem_euclid(360.0);
    let beside = start > region.width && start + (east - west) < 360.0;
    Some(!beside && south <= region.north && north >= region.south)
}

/// The least and the largest number in each column of a strip; missing ones play no part.
struct Extremes<T> {
    low: Vec<T>,
    high: Vec<T>,
}

impl<T: Copy + Into<f64> + From<f32> + PartialOrd> Extremes<T> {
    fn new(pixels: usize) -> Self {
        Extremes {
            low: vec![T::from(f32::INFINITY); pixels],
            high: vec![T::from(f32::NEG_INFINITY); pixels],
        }
    }

    fn set(&mut self, strip: &[T]) {
        self.low.fill(T::from(f32::INFINITY));
        self.high.fill(T::from(f32::NEG_INFINITY));
        for line in strip.chunks_exact(self.low.len().max(1)) {
            for ((low, high), v) in self.low.iter_mut().zip(&mut self.high).zip(line) {
                *low = if *v < *low { *v } else { *low };
                *high = if *v > *high { *v } else { *high };
            }
        }
    }

    fn of(&self, columns: &Range<usize>) -> (f64, f64) {
        let low = self.low[columns.clone()].iter();
        let high = self.high[columns.clone()].iter();
        (
            low.fold(f64::INFINITY, |low, v| low.min((*v).into())),
            high.fold(f64::NEG_INFINITY, |high, v| high.max((*v).into())),
        )
    }
}
