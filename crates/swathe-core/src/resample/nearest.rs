//! `nearest`: the pixel whose centre is nearest to the cell's centre by great circle, where the
//! cell's centre lies in the union of the swath's footprints.
//!
//! Two questions, answered in two sweeps over the swath: which cells lie in a footprint, and which
//! centre is nearest (a depth buffer over cells: each pixel offers itself to the cells within its
//! [reach](super::reach)). Nothing is searched for, and overlapping scans need no special case.

use super::reach::{Patch, Reach};
use super::{
    BLOCK_LINES, Contribution, Entries, GeometryReport, Grid, Selected, WEIGHT_ONE, entries_by_line,
};
use crate::sphere::{Vec3, add, arc_bound, chord2, normalize};
use crate::swath::{Block, Centres, Quad};
use rayon::prelude::*;
use std::ops::Range;

/// Columns of a patch: one bound on the reach serves all its pixels.
const PATCH_COLUMNS: usize = 32;

/// The first sweep offers pixels this much farther than their own footprints reach, so that the
/// second has to return only where footprints grow faster than that.
const HEADROOM: f64 = 1.15;

const NOBODY: u32 = u32::MAX;

pub(super) fn locate(
    swath: &Selected<'_>,
    grid: &Grid,
    line_block: usize,
) -> (Vec<Entries>, GeometryReport) {
    let blocks = swath.blocks(BLOCK_LINES);
    // One part per thread: their outcomes merge to the same bits however they are cut.
    let share = blocks.len().div_ceil(rayon::current_num_threads()).max(1);
    let parts: Vec<Part> = blocks
        .par_chunks(share)
        .map(|blocks| Part::first_sweep(swath, grid, blocks))
        .collect();
    let mut reach = Reach::new();
    for part in &parts {
        reach.merge(&part.reach);
    }
    let mut parts: Vec<Part> = parts
        .into_par_iter()
        .map(|mut part| {
            part.second_sweep(swath, grid, &reach);
            part
        })
        .collect();
    let mut report = GeometryReport::default();
    for part in &parts {
        report.add(&part.report);
    }
    let Some(mut nearest) = parts.pop() else {
        return (Vec::new(), report);
    };
    for part in parts {
        nearest.depth.merge(part.depth);
    }
    let mut contributions = nearest.depth.contributions();
    contributions.sort_unstable_by_key(|c| (c.pixel, c.cell));
    (
        entries_by_line(contributions, swath.geolocation.pixels, line_block),
        report,
    )
}

/// Depth buffer over the rows of cells that a part of a swath may touch.
struct Depth {
    width: usize,
    rows: Range<usize>,
    cells: Vec<Depthcell>,
}

#[derive(Clone, Copy)]
struct Depthcell {
    distance2: f64,
    pixel: u32,
    covered: bool,
}

impl Depthcell {
    const EMPTY: Depthcell = Depthcell {
        distance2: f64::INFINITY,
        pixel: NOBODY,
        covered: false,
    };

    #[inline]
    fn offer(&mut self, distance2: f64, pixel: u32) {
        // The first pixel in the granule wins a tie, whoever offers first.
        if distance2 < self.distance2 || (distance2 == self.distance2 && pixel < self.pixel) {
            self.distance2 = distance2;
            self.pixel = pixel;
        }
    }
}

impl Depth {
    fn new(width: usize) -> Self {
        Depth {
            width,
            rows: 0..0,
            cells: Vec::new(),
        }
    }

    #[inline]
    fn at(&mut self, cell: u32) -> &mut Depthcell {
        let cell = cell as usize;
        let i = cell.wrapping_sub(self.rows.start * self.width);
        if i >= self.cells.len() {
            self.grow(cell / self.width);
        }
        &mut self.cells[cell - self.rows.start * self.width]
    }

    #[cold]
    fn grow(&mut self, row: usize) {
        if self.cells.is_empty() {
            self.rows = row..row + 1;
            self.cells = vec![Depthcell::EMPTY; self.width];
            return;
        }
        if row < self.rows.start {
            // By half of what is held, so that growing row by row stays cheap.
            let start = row.min(self.rows.start.saturating_sub(self.rows.len() / 2));
            let mut cells = vec![Depthcell::EMPTY; (self.rows.start - start) * self.width];
            cells.append(&mut self.cells);
            self.cells = cells;
            self.rows.start = start;
        } else {
            self.rows.end = row + 1;
            self.cells
                .resize((row + 1 - self.rows.start) * self.width, Depthcell::EMPTY);
        }
    }

    fn merge(&mut self, other: Depth) {
        let first = other.rows.start * other.width;
        for (i, theirs) in other.cells.into_iter().enumerate() {
            if theirs.pixel != NOBODY {
                let mine = self.at((first + i) as u32);
                mine.offer(theirs.distance2, theirs.pixel);
                mine.covered |= theirs.covered;
            }
        }
    }

    fn contributions(&self) -> Vec<Contribution> {
        let first = self.rows.start * self.width;
        self.cells
            .iter()
            .enumerate()
            .filter(|(_, depth)| depth.covered)
            .map(|(i, depth)| Contribution {
                cell: (first + i) as u32,
                pixel: depth.pixel,
                weight: WEIGHT_ONE,
            })
            .collect()
    }
}

/// What the sweeps over some blocks of lines find.
struct Part {
    depth: Depth,
    reach: Reach,
    patches: Vec<(Range<usize>, Range<usize>, Patch, f64)>,
    report: GeometryReport,
}

impl Part {
    /// Marks the cells inside footprints, and offers each pixel to the cells around it.
    fn first_sweep(swath: &Selected<'_>, grid: &Grid, blocks: &[Range<usize>]) -> Self {
        let mut part = Part {
            depth: Depth::new(grid.geobox().x.len),
            reach: Reach::new(),
            patches: Vec::new(),
            report: GeometryReport::default(),
        };
        for lines in blocks {
            let block = swath.block(lines.clone());
            let columns = block.columns();
            for start in columns.clone().step_by(PATCH_COLUMNS) {
                let patch = start..(start + PATCH_COLUMNS).min(columns.end);
                part.sweep_patch(swath, grid, &block, patch);
            }
        }
        part
    }

    fn sweep_patch(
        &mut self,
        swath: &Selected<'_>,
        grid: &Grid,
        block: &Block,
        columns: Range<usize>,
    ) {
        let (mut sum, mut largest2, mut least2): (Vec3, f64, f64) = ([0.0; 3], 0.0, f64::INFINITY);
        for line in block.lines() {
            let selected = swath.columns(line);
            for column in selected.start.max(columns.start)..selected.end.min(columns.end) {
                self.report.selected += 1;
                let Some(centre) = block.centre(line, column) else {
                    self.report.missing += 1;
                    continue;
                };
                sum = add(sum, centre);
                let footprint = block.footprint_corners(line, column).and_then(Quad::new);
                if footprint.is_none() {
                    self.report.folded += 1;
                }
                let radius2 = footprint.map_or(0.0, |quad| quad.radius2(centre));
                largest2 = largest2.max(radius2);
                least2 = least2.min(radius2);
                self.offer_and_cover(
                    swath,
                    grid,
                    (line, column),
                    centre,
                    footprint.as_ref(),
                    radius2,
                );
            }
        }
        if largest2 == 0.0 {
            // No footprint here: the pixels may still be nearest to cells in others' footprints.
            if sum == [0.0; 3] {
                return;
            }
        }
        let centre = normalize(sum);
        let mut radius2: f64 = 0.0;
        for line in block.lines() {
            for column in columns.clone() {
                if let Some(v) = block.centre(line, column) {
                    radius2 = radius2.max(chord2(v, centre));
                }
            }
        }
        let patch = Patch {
            centre,
            radius: if radius2.is_nan() {
                2.0
            } else {
                radius2.sqrt()
            },
            largest: largest2.sqrt(),
        };
        self.reach.note(&patch);
        self.patches
            .push((block.lines(), columns, patch, least2.sqrt()));
    }

    #[inline]
    fn offer_and_cover(
        &mut self,
        swath: &Selected<'_>,
        grid: &Grid,
        (line, column): (usize, usize),
        centre: Vec3,
        footprint: Option<&Quad>,
        radius2: f64,
    ) {
        let pixel = swath.pixel(line, column);
        let i = (line - swath.geolocation.lines.start) * swath.geolocation.pixels + column;
        let (lon, lat) = (
            swath.geolocation.longitude.get(i),
            swath.geolocation.latitude.get(i),
        );
        let radius = arc_bound(HEADROOM * radius2.sqrt());
        let depth = &mut self.depth;
        grid.index.near(lon, lat, radius, |cell, x| {
            let distance2 = chord2(x, centre);
            let held = depth.at(cell);
            held.offer(distance2, pixel);
            // A little more than the radius: the farthest corner itself is inside.
            if !held.covered && distance2 <= radius2 * (1.0 + 1e-9) {
                held.covered = footprint.is_some_and(|quad| quad.contains(x));
            }
        });
    }

    /// Offers the pixels of a patch again where the first sweep did not look far enough.
    fn second_sweep(&mut self, swath: &Selected<'_>, grid: &Grid, reach: &Reach) {
        for (lines, columns, patch, least) in std::mem::take(&mut self.patches) {
            let radius = reach.around(&patch);
            if radius <= HEADROOM * least {
                continue;
            }
            let centres = Centres::new(swath.geolocation, lines.clone(), columns.clone());
            for line in lines {
                let selected = swath.columns(line);
                for column in selected.start.max(columns.start)..selected.end.min(columns.end) {
                    let Some(centre) = centres.get(line, column) else {
                        continue;
                    };
                    let pixel = swath.pixel(line, column);
                    let i =
                        (line - swath.geolocation.lines.start) * swath.geolocation.pixels + column;
                    let (lon, lat) = (
                        swath.geolocation.longitude.get(i),
                        swath.geolocation.latitude.get(i),
                    );
                    let depth = &mut self.depth;
                    grid.index.near(lon, lat, arc_bound(radius), |cell, x| {
                        depth.at(cell).offer(chord2(x, centre), pixel);
                    });
                }
            }
        }
    }
}
