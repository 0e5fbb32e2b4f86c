//! Links between neighbouring pixels and the corners of their footprints, for a block of lines.
//!
//! A step between neighbours is an *edge*, which no corner and no quad spans, if it is zero,
//! points backward, or is longer than three times what is usual there. What is usual is, for a step
//! along the track, the larger of the median along-track spacing at that column and the pixel's
//! across-track spacing (the smaller of its two steps across); for a step across the track, the
//! larger of the same median and the smaller of the two next steps in the line.

use super::centres::Centres;
use super::quad::Quad;
use super::spacing::{LineDirections, Spacing};
use crate::source::GeolocationArray;
use crate::sphere::{Vec3, add, chord2, dot, normalize, scale, sub, turn_left};
use std::ops::Range;

/// How many lines and columns around a footprint its corners depend on.
const HALO: usize = 2;

/// Squared ratio beyond which a step is an edge.
const EDGE_RATIO2: f64 = 9.0;

/// A block of lines: centres, links and corners of the pixels of `lines` x `columns`.
pub struct Block {
    lines: Range<usize>,
    columns: Range<usize>,
    centres: Centres,
    /// Whether the step from (line, column) to the next line is no edge; laid out as the centres.
    along: Vec<bool>,
    /// Whether the step from (line, column) to the next column is no edge.
    across: Vec<bool>,
    /// The common corner before (line, column), where all four centres around it are linked; else NaN.
    corners: Vec<Vec3>,
}

impl Block {
    /// Works out the block of `lines` x `columns`, which lie within what `geolocation` holds.
    pub fn new(
        geolocation: &GeolocationArray,
        spacing: &Spacing,
        lines: Range<usize>,
        columns: Range<usize>,
    ) -> Self {
        Block::around(geolocation, spacing, lines, columns, |_, _| true)
    }

    /// Works out the footprints of those pixels of `lines` x `columns` for which `of(line, column)` holds.
    pub(crate) fn around(
        geolocation: &GeolocationArray,
        spacing: &Spacing,
        lines: Range<usize>,
        columns: Range<usize>,
        of: impl Fn(usize, usize) -> bool,
    ) -> Self {
        let centres = Centres::new(
            geolocation,
            lines.start.saturating_sub(HALO)..lines.end + HALO,
            columns.start.saturating_sub(HALO + 1)..columns.end + HALO + 1,
        );
        let mut block = Block {
            lines,
            columns,
            along: Vec::new(),
            across: Vec::new(),
            corners: Vec::new(),
            centres,
        };
        block.find_links(geolocation, spacing);
        block.find_corners(of);
        block
    }

    /// Lines whose pixels it describes.
    pub fn lines(&self) -> Range<usize> {
        self.lines.clone()
    }

    /// Columns whose pixels it describes.
    pub fn columns(&self) -> Range<usize> {
        self.columns.clone()
    }

    /// The centre of a pixel, unless its geolocation is missing.
    #[inline]
    pub fn centre(&self, line: usize, column: usize) -> Option<Vec3> {
        self.centres.get(line, column)
    }

    /// The four corners of a pixel's footprint in order around it; `None` where the pixel is
    /// missing or has no neighbour that tells its size.
    #[inline]
    pub fn footprint_corners(&self, line: usize, column: usize) -> Option<[Vec3; 4]> {
        self.centres.get(line, column)?;
        let mut corners = [[0.0; 3]; 4];
        // Corner (i, j) lies before line i and column j; `place` is the pixel's place around it.
        for (corner, (i, j, place)) in corners.iter_mut().zip([
            (line, column, 3),
            (line, column + 1, 2),
            (line + 1, column + 1, 0),
            (line + 1, column, 1),
        ]) {
            let common = self.corners[self.corner_index(i, j)];
            *corner = if common[0].is_nan() {
                self.cut_corner(i, j, place)?
            } else {
                common
            };
        }
        Some(corners)
    }

    /// The four corners of a pixel's footprint in order around it, NaN where they are not common.
    #[inline]
    pub(crate) fn common_corners(&self, line: usize, column: usize) -> [Vec3; 4] {
        let above = self.corner_index(line, column);
        let below = above + self.columns.len() + 1;
        let corners = &self.corners;
        [
            corners[above],
            corners[above + 1],
            corners[below + 1],
            corners[below],
        ]
    }

    /// The common corner before a line and a column, each up to the end of the block's; NaN where none.
    #[inline]
    pub(crate) fn common_corner(&self, line: usize, column: usize) -> Vec3 {
        self.corners[self.corner_index(line, column)]
    }

    /// The quad of the centres of (line, column), (line, column + 1), (line + 1, column + 1) and
    /// (line + 1, column), if no step around it is an edge and it is not folded.
    #[inline]
    pub fn centre_quad(&self, line: usize, column: usize) -> Option<Quad> {
        let i = self.centres.index(line, column)?;
        let below = self.centres.index(line + 1, column)?;
        if !(self.across[i] && self.along[i] && self.across[below] && self.along[i + 1]) {
            return None;
        }
        let v = self.centres.vectors();
        Quad::new([v[i], v[i + 1], v[below + 1], v[below]])
    }

    fn corner_index(&self, i: usize, j: usize) -> usize {
        (i - self.lines.start) * (self.columns.len() + 1) + (j - self.columns.start)
    }

    fn find_links(&mut self, geolocation: &GeolocationArray, spacing: &Spacing) {
        let (lines, columns) = (self.centres.lines(), self.centres.columns());
        let width = columns.len();
        let v = self.centres.vectors();
        let mut across2 = vec![f64::NAN; v.len()];
        for row in 0..lines.len() {
            for c in row * width..(row * width + width).saturating_sub(1) {
                across2[c] = chord2(v[c], v[c + 1]);
            }
        }
        self.along = vec![false; v.len()];
        self.across = vec![false; v.len()];
        if width == 0 {
            return;
        }
        let usual: Vec<f64> = columns.clone().map(|c| spacing.along2(c)).collect();
        let directions = LineDirections::new(geolocation, lines.clone(), columns.clone());
        for row in 0..lines.len() {
            let line = lines.start + row;
            for c in 0..width {
                let i = row * width + c;
                let before = if c > 0 { across2[i - 1] } else { f64::NAN };
                let here = across2[i];
                if c + 1 < width {
                    let after = if c + 2 < width {
                        across2[i + 1]
                    } else {
                        f64::NAN
                    };
                    let limit = EDGE_RATIO2 * before.min(after).max(usual[c]).max(usual[c + 1]);
                    self.across[i] = here > 0.0 && here <= limit;
                }
                if row + 1 < lines.len() {
                    let step = sub(v[i + width], v[i]);
                    let length2 = dot(step, step);
                    let limit = EDGE_RATIO2 * before.min(here).max(usual[c]);
                    self.along[i] = length2 > 0.0
                        && length2 <= limit
                        && directions.forward(step, line, columns.start + c);
                }
            }
        }
    }

    fn find_corners(&mut self, of: impl Fn(usize, usize) -> bool) {
        let (lines, columns) = (self.lines.clone(), self.columns.clone());
        let width = columns.len() + 1;
        let mut corners = vec![[f64::NAN; 3]; (lines.len() + 1) * width];
        let v = self.centres.vectors();
        // Whether any pixel around a corner wants it: the pixels below it in this row, above it in the row before.
        let mut wanted = vec![false; width];
        let mut above = vec![false; width];
        for (i, corners) in (lines.start..=lines.end).zip(corners.chunks_exact_mut(width)) {
            wanted.copy_from_slice(&above);
            above.fill(false);
            if i < lines.end {
                for (k, column) in columns.clone().enumerate() {
                    if of(i, column) {
                        above[k] = true;
                        above[k + 1] = true;
                    }
                }
            }
            for (k, corner) in corners.iter_mut().enumerate() {
                if !(wanted[k] || above[k]) {
                    continue;
                }
                let j = columns.start + k;
                let d = self.centres.index(i, j);
                let a = i
                    .checked_sub(1)
                    .zip(j.checked_sub(1))
                    .and_then(|(i, j)| self.centres.index(i, j));
                if let (Some(a), Some(d)) = (a, d)
                    && self.across[a]
                    && self.along[a]
                    && self.across[d - 1]
                    && self.along[a + 1]
                {
                    *corner = normalize(add(add(v[a], v[a + 1]), add(v[d - 1], v[d])));
                }
            }
        }
        self.corners = corners;
    }

    /// The corner before line `i` and column `j` as the pixel at `place` has it (0: above left of
    /// the corner, 1: above right, 2: below left, 3: below right), where an edge, a missing pixel or
    /// the end of the swath cuts it: the mean of the centres linked with the pixel and of
    /// extrapolated ones in place of the others.
    #[cold]
    fn cut_corner(&self, i: usize, j: usize, place: usize) -> Option<Vec3> {
        let around = Around {
            block: self,
            line: i.wrapping_sub(1),
            column: j.wrapping_sub(1),
        };
        let side = around.side_of(place);
        let mut estimates = [None; 4];
        for (place, estimate) in estimates.iter_mut().enumerate() {
            if side[place] {
                *estimate = around.centre(place);
            }
        }
        let known = estimates;
        for place in 0..4 {
            if known[place].is_none() {
                estimates[place] = around.extrapolated(place, &known);
            }
        }
        // The place across the corner from a lone pixel: the sum of the two extrapolations.
        for place in 0..4 {
            if estimates[place].is_none() {
                let origin = estimates[place ^ 3]?;
                estimates[place] = Some(sub(
                    add(estimates[place ^ 1]?, estimates[place ^ 2]?),
                    origin,
                ));
            }
        }
        let sum = estimates
            .iter()
            .try_fold([0.0; 3], |sum, e| e.map(|e| add(sum, e)))?;
        Some(normalize(sum))
    }

    fn linked_along(&self, line: usize, column: usize) -> bool {
        self.centres
            .index(line, column)
            .is_some_and(|i| self.along[i])
    }

    fn linked_across(&self, line: usize, column: usize) -> bool {
        self.centres
            .index(line, column)
            .is_some_and(|i| self.across[i])
    }
}

/// The four pixels around a corner: place 0 at (line, column), 1 to its right, 2 below, 3 both.
/// Lines and columns wrap below zero, where nothing is held.
struct Around<'a> {
    block: &'a Block,
    line: usize,
    column: usize,
}

impl Around<'_> {
    fn position(&self, place: usize) -> (usize, usize) {
        (
            self.line.wrapping_add(place >> 1),
            self.column.wrapping_add(place & 1),
        )
    }

    fn centre(&self, place: usize) -> Option<Vec3> {
        let (line, column) = self.position(place);
        self.block.centre(line, column)
    }

    /// Which places are connected with `place` by steps that are no edges.
    fn side_of(&self, place: usize) -> [bool; 4] {
        let linked = |from: usize, to: usize| {
            let (line, column) = self.position(from.min(to));
            if from ^ to == 1 {
                self.block.linked_across(line, column)
            } else {
                self.block.linked_along(line, column)
            }
        };
        let mut side = [false; 4];
        side[place] = true;
        // Three rounds reach every place of the cycle 0-1-3-2.
        for _ in 0..3 {
            for from in 0..4 {
                for to in [from ^ 1, from ^ 2] {
                    if side[from] && linked(from, to) {
                        side[to] = true;
                    }
                }
            }
        }
        side
    }

    /// A centre in place of the missing one at `place`, from its known neighbours around the corner:
    /// the mean of the linear extrapolations along and across the track.
    fn extrapolated(&self, place: usize, known: &[Option<Vec3>; 4]) -> Option<Vec3> {
        let along = known[place ^ 2].and_then(|from| {
            let (line, column) = self.position(place ^ 2);
            Some(add(from, self.step_along(line, column, place >= 2)?))
        });
        let across = known[place ^ 1].and_then(|from| {
            let (line, column) = self.position(place ^ 1);
            Some(add(from, self.step_across(line, column, place & 1 == 1)?))
        });
        match (along, across) {
            (Some(a), Some(b)) => return Some(scale(add(a, b), 0.5)),
            (Some(one), None) | (None, Some(one)) => return Some(one),
            (None, None) => {}
        }
        if let (Some(a), Some(b), Some(origin)) =
            (known[place ^ 1], known[place ^ 2], known[place ^ 3])
        {
            return Some(sub(add(a, b), origin));
        }
        // One line or one column: a square, of the other direction's spacing.
        if let Some(from) = known[place ^ 2] {
            let (line, column) = self.position(place ^ 2);
            let step = self
                .step_across(line, column, true)
                .or_else(|| Some(scale(self.step_across(line, column, false)?, -1.0)))?;
            let side = turn_left(from, step);
            return Some(if place >= 2 {
                sub(from, side)
            } else {
                add(from, side)
            });
        }
        if let Some(from) = known[place ^ 1] {
            let (line, column) = self.position(place ^ 1);
            let step = self
                .step_along(line, column, true)
                .or_else(|| Some(scale(self.step_along(line, column, false)?, -1.0)))?;
            let side = turn_left(from, step);
            return Some(if place & 1 == 1 {
                add(from, side)
            } else {
                sub(from, side)
            });
        }
        None
    }

    /// The step along the track that continues from (line, column) down (or up), from the pixel
    /// behind it.
    fn step_along(&self, line: usize, column: usize, down: bool) -> Option<Vec3> {
        let behind = if down { line.checked_sub(1)? } else { line + 1 };
        self.block
            .linked_along(line.min(behind), column)
            .then_some(())?;
        Some(sub(
            self.block.centre(line, column)?,
            self.block.centre(behind, column)?,
        ))
    }

    /// The step across the track that continues from (line, column) to the right (or left).
    fn step_across(&self, line: usize, column: usize, right: bool) -> Option<Vec3> {
        let behind = if right {
            column.checked_sub(1)?
        } else {
            column + 1
        };
        self.block
            .linked_across(line, column.min(behind))
            .then_some(())?;
        Some(sub(
            self.block.centre(line, column)?,
            self.block.centre(line, behind)?,
        ))
    }
}
