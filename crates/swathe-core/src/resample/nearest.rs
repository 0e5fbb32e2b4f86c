//! `nearest`: the pixel whose centre is nearest to the cell's centre by great circle, where the
//! cell's centre lies in the union of the swath's footprints.
//!
//! A depth buffer over cells answers which centre is nearest: each pixel offers itself to the cells
//! within its [reach](super::reach). Which cells lie in a footprint is asked only near the borders
//! of the swath; elsewhere it [follows](super::groups). Nothing is searched for, and overlapping
//! scans need no special case.

use super::cells::{Band, CellIndex, Look, Pixels, Scored};
use super::groups::{Group, groups};
use super::{Contribution, Entries, EntryKind, GeometryReport, Selected, WEIGHT_ONE};
use crate::sphere::{Vec3, arc_bound, chord2};
use crate::stop;
use crate::swath::{Quad, vectors_together};
use crate::watch::{self, Task};
use rayon::prelude::*;
use std::ops::Range;

/// Cells of a band: their buffer fits the processor's caches.
const BAND_CELLS: usize = 1 << 18;

const NOBODY: u32 = u32::MAX;

/// Marks unsure pixels; granules of more pixels are refused where they are opened.
const UNSURE: u32 = 1 << 31;

pub(super) fn locate(
    swath: &Selected<'_>,
    index: &CellIndex,
    line_block: usize,
) -> (Vec<Entries>, GeometryReport) {
    let (groups, report) = groups(swath);
    // A band's outcome depends on its own cells alone: threads play no part in it.
    let watched = watch::here();
    let bands: Vec<Vec<Vec<Contribution>>> = index
        .bands(BAND_CELLS)
        .into_par_iter()
        // A buffer serves one band after another.
        .map_init(Vec::new, |cells, band| {
            let _entered = watched.enter();
            // What is located by then is given up.
            if stop::is_asked() {
                return Vec::new();
            }
            let _locating = watch::doing(Task::Locate);
            let near: Vec<&Group> = groups
                .iter()
                .filter(|group| {
                    let reach = arc_bound(group.reach.min(1.0)).to_degrees() + 1e-6;
                    group.bounds.south - reach <= band.north
                        && group.bounds.north + reach >= band.south
                })
                .collect();
            if near.is_empty() {
                return Vec::new();
            }
            let mut depth = Depth::new(band, cells);
            for group in &near {
                depth.offer(swath, index, group);
            }
            for group in near.iter().filter(|group| group.covers) {
                depth.cover(swath, index, group);
            }
            depth.contributions(swath, index, line_block)
        })
        .collect();
    (joined(bands, swath.geolocation.pixels), report)
}

/// The nearest pixel so far.
#[derive(Debug, Clone, Copy)]
struct Nearest {
    /// Scalar product of the cell's centre with the pixel's.
    score: f64,
    pixel: u32,
}

/// The nearest pixel so far of each cell of a band.
struct Depth<'a> {
    band: Band,
    cells: &'a mut Vec<Nearest>,
    /// Cells inside footprints, where it was asked.
    covered: Vec<bool>,
}

impl<'a> Depth<'a> {
    fn new(band: Band, cells: &'a mut Vec<Nearest>) -> Self {
        let nobody = Nearest {
            score: -2.0,
            pixel: NOBODY,
        };
        cells.clear();
        cells.resize(band.slots.len(), nobody);
        Depth {
            cells,
            band,
            covered: Vec::new(),
        }
    }

    /// Offers the pixels of a group to the cells within their reach.
    fn offer(&mut self, swath: &Selected<'_>, index: &CellIndex, group: &Group) {
        let mut look = index.look(&group.bounds, arc_bound(group.reach.min(1.0)));
        if look.beside() {
            return;
        }
        if let Some(window) = group.window {
            look.narrow(window.lon, window.lat);
        }
        // Not beyond the reach, so that what is said about borders holds.
        let least = 1.0 - 0.5 * group.reach * group.reach - 1e-15;
        pulp::Arch::new().dispatch(Offering {
            swath,
            index,
            group,
            look,
            least,
            band: &self.band,
            cells: self.cells,
        });
    }

    /// Marks the cells inside the footprints of a group.
    fn cover(&mut self, swath: &Selected<'_>, index: &CellIndex, group: &Group) {
        let first = self.band.slots.start;
        // Most groups near a border reach no cell that is in doubt.
        let doubtful = |cell: &Nearest| (UNSURE..NOBODY).contains(&cell.pixel);
        let look = index.look(&group.bounds, arc_bound(group.largest.min(1.0)));
        let mut asked = false;
        index.around_in_band(&look, &self.band, &group.bounds, |slots| {
            asked |= self.cells[slots.start - first..slots.end - first]
                .iter()
                .any(doubtful);
        });
        if !asked {
            return;
        }
        if self.covered.is_empty() {
            self.covered = vec![false; self.cells.len()];
        }
        let block = swath.block_of(group.lines.clone(), group.columns.clone());
        for line in group.lines.clone() {
            for column in group.columns.clone() {
                let Some(centre) = block.centre(line, column) else {
                    continue;
                };
                let Some(quad) = block.footprint_corners(line, column).and_then(Quad::new) else {
                    continue;
                };
                // A little more than the radius: the farthest corner itself is inside.
                let radius2 = quad.radius2(centre) * (1.0 + 1e-9);
                let look = index.look(&group.bounds, arc_bound(radius2.sqrt().min(1.0)));
                let (cells, covered) = (&self.cells, &mut self.covered);
                let inside = |x: Vec3| chord2(x, centre) <= radius2 && quad.contains(x);
                let place = swath.coordinates(line, column);
                index.near_in_band(&look, &self.band, place, |slot, x| {
                    let held = &mut covered[slot - first];
                    *held = *held || (doubtful(&cells[slot - first]) && inside(x));
                });
            }
        }
    }

    /// Who gives to whom, by blocks of lines.
    fn contributions(
        &self,
        swath: &Selected<'_>,
        index: &CellIndex,
        line_block: usize,
    ) -> Vec<Vec<Contribution>> {
        let step = swath.geolocation.pixels * line_block;
        let first_block = swath.geolocation.lines.start / line_block;
        let mut blocks: Vec<Vec<Contribution>> = Vec::new();
        let (mut current, mut held) = (0, 0..0);
        for (i, &Nearest { pixel, .. }) in self.cells.iter().enumerate() {
            let inside = pixel < UNSURE
                || (pixel != NOBODY && self.covered.get(i).is_some_and(|covered| *covered));
            if !inside {
                continue;
            }
            let pixel = pixel & !UNSURE;
            if !held.contains(&(pixel as usize)) {
                let block = pixel as usize / step;
                held = block * step..(block + 1) * step;
                current = block - first_block;
                if current >= blocks.len() {
                    blocks.resize_with(current + 1, Vec::new);
                }
                if blocks[current].is_empty() {
                    // Room for all that may come: growing would copy, and what is not touched is free.
                    blocks[current].reserve(self.cells.len() - i);
                }
            }
            blocks[current].push(Contribution {
                cell: index.cell(self.band.slots.start + i),
                pixel,
                weight: WEIGHT_ONE,
            });
        }
        blocks
    }
}

/// A group's pixels offer themselves: compiled twice, for any processor and for those with the vector
/// instructions of 2013.
struct Offering<'a, 'g> {
    swath: &'a Selected<'g>,
    index: &'a CellIndex,
    group: &'a Group,
    look: Look,
    least: f64,
    band: &'a Band,
    cells: &'a mut [Nearest],
}

impl pulp::NullaryFnOnce for Offering<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let (swath, group) = (self.swath, self.group);
        for line in group.lines.clone() {
            let [lon, lat] = swath.places(line, group.columns.clone());
            let [x, y, z] = vectors_together(&lon, &lat);
            let mut offer = Offer {
                first: swath.pixel(line, group.columns.start),
                unsure: group.unsure_in(line),
                least: self.least,
                first_slot: self.band.slots.start,
                cells: &mut *self.cells,
            };
            let pixels = Pixels { lon, lat, x, y, z };
            self.index
                .score_in_band(&self.look, self.band, &pixels, &mut offer);
        }
    }
}

/// Pixels that offer themselves to cells.
struct Offer<'a> {
    first: u32,
    /// One bit for each.
    unsure: u32,
    least: f64,
    first_slot: usize,
    cells: &'a mut [Nearest],
}

impl Scored for Offer<'_> {
    #[inline(always)]
    fn run(&mut self, k: usize, slots: Range<usize>, score: impl Fn(usize) -> f64) {
        let mine = (self.first + k as u32) | (self.unsure >> k << 31);
        let held = &mut self.cells[slots.start - self.first_slot..slots.end - self.first_slot];
        for (i, cell) in held.iter_mut().enumerate() {
            let score = score(i);
            // The first of equals stays. Without a branch: half the offers win.
            let better = (score > cell.score) & (score >= self.least);
            cell.score = if better { score } else { cell.score };
            cell.pixel = if better { mine } else { cell.pixel };
        }
    }
}

/// Entries of the bands' contributions by blocks of lines.
fn joined(mut bands: Vec<Vec<Vec<Contribution>>>, pixels: usize) -> Vec<Entries> {
    let blocks = bands.iter().map(Vec::len).max().unwrap_or(0);
    let mut by_block: Vec<Vec<Vec<Contribution>>> = Vec::new();
    by_block.resize_with(blocks, Vec::new);
    for band in &mut bands {
        for (parts, part) in by_block.iter_mut().zip(std::mem::take(band)) {
            parts.push(part);
        }
    }
    by_block
        .into_par_iter()
        .filter_map(|mut parts| {
            parts.retain(|part| !part.is_empty());
            let contributions = match parts.len() {
                1 => parts.remove(0),
                _ => parts.concat(),
            };
            let (first, last) = contributions.iter().fold((u32::MAX, 0), |(low, high), c| {
                (low.min(c.pixel), high.max(c.pixel))
            });
            (!contributions.is_empty()).then(|| Entries {
                lines: first as usize / pixels..last as usize / pixels + 1,
                kind: EntryKind::Contributions(contributions),
            })
        })
        .collect()
}
