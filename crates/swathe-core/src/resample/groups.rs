//! Small groups of neighbouring pixels: what one bound on the reach and one look at the borders serve.

use super::cells::Bounds;
use super::reach::Buckets;
use super::selection::groups_of;
use super::smooth::{LINES_AROUND, Strip, Window, smooth};
use super::{BLOCK_LINES, GROUP, GeometryReport, Selected};
use crate::sphere::{Vec3, chord2, cross, dot};
use crate::swath::{Block, Quad};
use rayon::prelude::*;
use std::ops::Range;

/// A group of pixels.
pub(super) struct Group {
    pub(super) lines: Range<usize>,
    pub(super) columns: Range<usize>,
    /// Of the coordinates as stored.
    pub(super) bounds: Bounds,
    /// Largest distance from a centre to a corner of its footprint, as a chord.
    pub(super) largest: f64,
    /// How far its pixels look for cells, as a chord.
    pub(super) reach: f64,
    /// Within that, where they can be nearest; known of smooth groups.
    pub(super) window: Option<Window>,
    /// Pixels of which a cell that they are nearest to may lie outside of all footprints: one bit each.
    pub(super) unsure: u64,
    /// Whether one of its footprints may hold such a cell.
    pub(super) covers: bool,
}

/// The groups of a swath, in order of lines, then columns.
///
/// A pixel is *whole* if all four corners of its footprint are common, and these run around its
/// centre in the same sense as most of the granule's; it is on a *border* if it is not. Whole
/// footprints lie on opposite sides of a shared edge, so the outline of the union of all footprints
/// consists of edges of pixels on a border. Let p have the cell x within its reach, and let x lie
/// outside the union. If p is on no border it lies in its own footprint, so the arc from p to x leaves
/// the union at a point y of the footprint of a pixel b on a border, and
/// |p-b| <= |p-y| + |y-b| <= reach(p) + r(b). Hence where no such b is near, whatever p reaches is
/// inside, and need not be looked for in footprints. As |x-b| is within the same bound, every such b
/// is among the pixels within two margins of the grid.
pub(super) fn groups(swath: &Selected<'_>) -> (Vec<Group>, GeometryReport) {
    let sense = sense(swath);
    let parts: Vec<Part> = swath
        .blocks(BLOCK_LINES)
        .into_par_iter()
        .map(|lines| groups_of_block(swath, lines, sense))
        .collect();
    let mut all = Part::default();
    for part in parts {
        all.groups.extend(part.groups);
        all.borders.extend(part.borders);
        all.report.add(&part.report);
    }
    let mut groups = all.groups;
    let mut bounds = Bounds::NOWHERE;
    for group in &groups {
        bounds.add(group.bounds.west, group.bounds.south);
        bounds.add(group.bounds.east, group.bounds.north);
    }
    let buckets = Buckets::new(swath.spacing().largest(), &bounds);
    let (mut largest, mut borders) = (buckets.filled(0.0_f32), buckets.filled(false));
    for group in &groups {
        // Rounded up, so that no bound is lost to single precision.
        let radius = (group.largest as f32).next_up();
        buckets.raise(&mut largest, &group.bounds, 2.0 * group.largest, radius);
    }
    for ((lon, lat), radius) in all.borders {
        buckets.mark(&mut borders, &Bounds::of_point(lon, lat), radius);
    }
    groups.par_iter_mut().for_each(|group| {
        group.reach = buckets.largest(&largest, &group.bounds).into();
        if buckets.marked(&borders, &group.bounds, group.reach) {
            group.unsure = group.pixels().fold(0, |unsure, (line, column)| {
                let (lon, lat) = swath.coordinates(line, column);
                let near = crate::swath::located(lon, lat)
                    && buckets.marked(&borders, &Bounds::of_point(lon, lat), group.reach);
                unsure | (u64::from(near) << group.bit(line, column))
            });
        }
    });
    let mut unsure = buckets.filled(false);
    for group in groups.iter().filter(|group| group.unsure != 0) {
        for (line, column) in group.pixels() {
            if group.unsure >> group.bit(line, column) & 1 == 1 {
                let (lon, lat) = swath.coordinates(line, column);
                buckets.mark(&mut unsure, &Bounds::of_point(lon, lat), 0.0);
            }
        }
    }
    groups.par_iter_mut().for_each(|group| {
        group.covers =
            group.largest > 0.0 && buckets.marked(&unsure, &group.bounds, 2.0 * group.largest);
    });
    (groups, all.report)
}

impl Group {
    /// Its pixels: (line, column).
    fn pixels(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        let columns = self.columns.clone();
        self.lines
            .clone()
            .flat_map(move |line| columns.clone().map(move |column| (line, column)))
    }

    /// The number of a pixel's bit.
    fn bit(&self, line: usize, column: usize) -> usize {
        (line - self.lines.start) * GROUP + column - self.columns.start
    }

    /// Whether pixels of a line are unsure: one bit for each column.
    pub(super) fn unsure_in(&self, line: usize) -> u32 {
        (self.unsure >> self.bit(line, self.columns.start)) as u32 & ((1 << GROUP) - 1)
    }
}

/// What comes of a block of lines.
#[derive(Default)]
struct Part {
    groups: Vec<Group>,
    /// Pixels on a border: longitude and latitude, and the radius of the footprint as a chord.
    borders: Vec<((f64, f64), f64)>,
    report: GeometryReport,
}

fn groups_of_block(swath: &Selected<'_>, lines: Range<usize>, sense: f64) -> Part {
    let mut part = Part::default();
    let held = swath.geolocation.lines.clone();
    let around = lines.start.saturating_sub(LINES_AROUND).max(held.start)
        ..(lines.end + LINES_AROUND).min(held.end);
    let parts: Vec<Range<usize>> = groups_of(swath.span(lines.clone())).collect();
    // Line by line, as they are stored.
    let strips: Vec<Vec<Strip>> = around
        .clone()
        .map(|line| parts.iter().map(|c| Strip::new(swath, line, c)).collect())
        .collect();
    for lines in groups_of(lines) {
        let near = lines.start.saturating_sub(LINES_AROUND).max(held.start)
            ..(lines.end + LINES_AROUND).min(held.end - 1);
        let mut all = vec![Strip::EMPTY; parts.len()];
        for line in near {
            for (all, strip) in all.iter_mut().zip(&strips[line - around.start]) {
                all.merge(strip, lines.contains(&line));
            }
        }
        let selected = swath.columns(lines.start);
        // Links and corners depend on the next line on either side, and on the step from there.
        let inner = lines.start > held.start && lines.end + 1 < held.end;
        for (columns, all) in parts.iter().zip(&all) {
            if selected.contains(&columns.start) {
                let smooth = smooth_group(swath, all, &lines, columns, sense).filter(|_| inner);
                let group = match smooth {
                    Some(group) => {
                        part.report.selected += (lines.len() * columns.len()) as u64;
                        Some(group)
                    }
                    None => group(swath, lines.clone(), columns.clone(), sense, &mut part),
                };
                part.groups.extend(group);
            }
        }
    }
    part
}

/// The group of pixels that are surely regular. `all` joins the strips of its lines and around.
fn smooth_group(
    swath: &Selected<'_>,
    all: &Strip,
    lines: &Range<usize>,
    columns: &Range<usize>,
    sense: f64,
) -> Option<Group> {
    let around = columns.start.saturating_sub(1)..columns.end + 1;
    let usual2 = around
        .map(|column| swath.spacing().along2(column))
        .fold(f64::INFINITY, f64::min);
    let smooth = smooth(all, usual2, sense)?;
    Some(Group {
        lines: lines.clone(),
        columns: columns.clone(),
        bounds: smooth.bounds,
        largest: smooth.largest,
        window: Some(smooth.window),
        reach: 0.0,
        unsure: 0,
        covers: false,
    })
}

/// One group; `None` without a located pixel.
fn group(
    swath: &Selected<'_>,
    lines: Range<usize>,
    columns: Range<usize>,
    sense: f64,
    part: &mut Part,
) -> Option<Group> {
    let report = &mut part.report;
    let block = &swath.block_of(lines.clone(), columns.clone());
    let mut bounds = Bounds::NOWHERE;
    let mut largest2: f64 = 0.0;
    for line in lines.clone() {
        report.selected += columns.len() as u64;
        for column in columns.clone() {
            let Some(centre) = block.centre(line, column) else {
                report.missing += 1;
                continue;
            };
            let (lon, lat) = swath.coordinates(line, column);
            bounds.add(lon, lat);
            let whole = whole_radius2(block, line, column, centre, sense);
            if let Some(radius2) = whole {
                largest2 = largest2.max(radius2);
                continue;
            }
            let corners = block.footprint_corners(line, column);
            report.folded += u64::from(corners.and_then(Quad::new).is_none());
            let radius2 = corners.map_or(0.0, |corners| radius2(corners, centre));
            largest2 = largest2.max(radius2);
            part.borders.push(((lon, lat), radius2.sqrt()));
        }
    }
    // Without a located pixel there is no group.
    (bounds.west <= bounds.east).then(|| Group {
        lines,
        columns,
        bounds,
        largest: largest2.sqrt(),
        window: None,
        reach: 0.0,
        unsure: 0,
        covers: false,
    })
}

/// Squared radius of the footprint of a whole pixel; `None` for any other.
#[inline]
fn whole_radius2(
    block: &Block,
    line: usize,
    column: usize,
    centre: Vec3,
    sense: f64,
) -> Option<f64> {
    let [a, b, c, d] = block.common_corners(line, column);
    let around = |from: Vec3, to: Vec3| sense * dot(cross(from, to), centre) > 0.0;
    // Four triangles of the same sense around the centre: a simple outline with the centre inside.
    (around(a, b) && around(b, c) && around(c, d) && around(d, a))
        .then(|| radius2([a, b, c, d], centre))
}

#[inline]
fn radius2(corners: [Vec3; 4], centre: Vec3) -> f64 {
    let [a, b, c, d] = corners.map(|corner| chord2(corner, centre));
    a.max(b).max(c.max(d))
}

/// In which sense the corners of footprints run around their centres: 1 or -1, as the first four
/// neighbours have it from the middle of the swath on.
fn sense(swath: &Selected<'_>) -> f64 {
    let held = swath.geolocation.lines.clone();
    let middle = held.start + held.len() / 2;
    for line in (middle..held.end).chain(held.start..middle) {
        if line + 1 >= held.end {
            continue;
        }
        let selected = swath.columns(line);
        let start = selected.start + selected.len() / 2;
        if start + 1 >= selected.end {
            continue;
        }
        let at = |line: usize, column: usize| {
            let (lon, lat) = swath.coordinates(line, column);
            crate::swath::vector(lon, lat)
        };
        let (here, right, below) = (at(line, start), at(line, start + 1), at(line + 1, start));
        let turn = dot(cross(right, below), here);
        if turn != 0.0 && turn.is_finite() {
            return turn.signum();
        }
    }
    1.0
}
