//! Blocks of lines, each located when its turn comes: what is held of the geometry is a few lines a thread.

use super::{
    BLOCK_LINES, Contribution, Entries, EntryKind, GeometryReport, Grid, Index, Method, Selected,
    bilinear, bin, footprint, isin, nearest,
};
use crate::source::GeolocationArray;
use crate::target::Target;
use crate::watch::{self, Task};
use rayon::prelude::*;
use std::ops::Range;

/// Contributions that are handed on together, about: 16 MB.
const MOST_TOGETHER: usize = 1 << 20;

/// Where the lines of a granule are cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cuts {
    /// Blocks lie between multiples of so many lines, at least 1: each is the work of one thread.
    pub block: usize,
    /// No entries reach over a multiple of so many lines, at least 1, unless cells are interpolated. Blocks
    /// should be multiples of it.
    pub entries: usize,
}

/// The entries of one block of lines, in order of lines: worked out as they are asked for, a few lines at a
/// time, but where they depend on all lines.
pub struct BlockEntries<'a> {
    lines: Range<usize>,
    source: Source<'a>,
    report: GeometryReport,
}

/// What a pixel has to give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gives {
    /// No value of any field.
    Nothing,
    /// A value that flags take.
    Flagged,
    /// A value.
    Value,
}

/// Says what the pixels of some lines have to give, in order; nothing where that is not known.
pub type Giving<'a> = dyn FnMut(Range<usize>) -> Option<Vec<Gives>> + 'a;

/// What the pixels of some lines have to give: asked for once one of them lies in the grid, since until then
/// no value need be read.
pub(super) struct Given<'a, 'g> {
    giving: &'a mut Giving<'g>,
    lines: Range<usize>,
    pixels: usize,
    asked: bool,
    known: Option<Vec<Gives>>,
}

impl<'a, 'g> Given<'a, 'g> {
    /// Of lines of so many pixels.
    pub fn new(giving: &'a mut Giving<'g>, lines: Range<usize>, pixels: usize) -> Self {
        Given {
            giving,
            lines,
            pixels,
            asked: false,
            known: None,
        }
    }

    /// Asks, if that was not yet done.
    #[inline]
    pub fn ask(&mut self) {
        if !self.asked {
            self.asked = true;
            self.known = (self.giving)(self.lines.clone());
        }
    }

    /// What some pixels of a line have to give; `None` before it was asked, or if it is not known.
    #[inline]
    pub fn of(&self, line: usize, columns: Range<usize>) -> Option<&[Gives]> {
        let start = (line - self.lines.start) * self.pixels;
        let known = self.known.as_ref()?;
        known.get(start + columns.start..start + columns.end)
    }
}

/// Works out some lines: adds their contributions in order of pixels.
pub(super) type LocateLines<'a> =
    dyn Fn(Range<usize>, &mut Giving<'_>, &mut Vec<Contribution>) -> GeometryReport + Sync + 'a;

enum Source<'a> {
    /// From line `next` on.
    Lines {
        next: usize,
        /// How many lines are worked out together: a power of two.
        together: usize,
        most: usize,
        pixels: usize,
        locate: &'a LocateLines<'a>,
    },
    Ready(std::vec::IntoIter<Entries>),
}

impl BlockEntries<'_> {
    /// Lines that may be named.
    pub fn lines(&self) -> Range<usize> {
        self.lines.clone()
    }
}

impl BlockEntries<'_> {
    /// The next entries. Pixels of which `giving` says that they have nothing to give are left out, but some that
    /// show that the swath reaches a cell. For those that flags take one cell may stand for all, with weight zero,
    /// where it is much work to know all.
    pub fn next(&mut self, giving: &mut Giving<'_>) -> Option<Entries> {
        match &mut self.source {
            Source::Ready(entries) => entries.next(),
            Source::Lines {
                next,
                together,
                most,
                pixels,
                locate,
            } => {
                while *next < self.lines.end {
                    let cut = |step: usize| (*next / step + 1) * step;
                    let end = cut(*together).min(cut(*most)).min(self.lines.end);
                    let mut contributions = Vec::new();
                    let locating = watch::doing(Task::Locate);
                    let report = locate(*next..end, giving, &mut contributions);
                    drop(locating);
                    self.report.add(&report);
                    *next = end;
                    // How many a line gives follows from pixels and cells: much the same all over a block.
                    if contributions.len() > MOST_TOGETHER {
                        *together = (*together / 2).max(1);
                    } else if contributions.len() <= MOST_TOGETHER / 2 {
                        *together = (*together * 2).min(BLOCK_LINES);
                    }
                    let line = |c: &Contribution| c.pixel as usize / *pixels;
                    if let [first, .., last] | [first @ last] = contributions.as_slice() {
                        return Some(Entries {
                            lines: line(first)..line(last) + 1,
                            kind: EntryKind::Contributions(contributions),
                        });
                    }
                }
                None
            }
        }
    }

    /// Leaves out all that are left, which are not counted either.
    pub fn skip(&mut self) {
        match &mut self.source {
            Source::Ready(entries) => entries.by_ref().for_each(drop),
            Source::Lines { next, .. } => *next = self.lines.end,
        }
    }

    /// All that are left, of all pixels.
    pub fn rest(&mut self) -> impl Iterator<Item = Entries> {
        std::iter::from_fn(|| self.next(&mut |_| None))
    }
}

/// Works out who gives to whom for the lines that `geolocation` holds, block by block in parallel, and lets
/// `work` make something of each. What it makes comes in order of lines; blocks that have nothing in them
/// may be among them or not.
///
/// What the blocks hold in sum does not depend on how they are cut, nor on how many threads work.
///
/// # Errors
/// What `work` says; no further block is begun then.
pub fn locate_blocks<T: Send, E: Send>(
    geolocation: &GeolocationArray,
    grid: &Grid,
    method: Method,
    cuts: Cuts,
    work: impl Fn(&mut BlockEntries<'_>) -> Result<T, E> + Sync + Send,
) -> Result<(Vec<T>, GeometryReport), E> {
    // `nearest` must also know of the borders of the swath within reach of whatever reaches a cell.
    let margins = if method == Method::Nearest { 2.0 } else { 1.0 };
    let swath = Selected::new(geolocation, grid, margins);
    match (&grid.target, &grid.index) {
        (Target::GeoBox(geobox), Index::Cells(index)) => match method {
            Method::Bin => by_lines(&swath, cuts, &bin::locate(&swath, geobox), work),
            Method::Footprint => {
                let (rows, columns) = geobox.shape();
                let cells = footprint::Cells::Grid(rows, columns);
                by_lines(
                    &swath,
                    cuts,
                    &footprint::locate(&swath, geobox, cells),
                    work,
                )
            }
            Method::Nearest => ready(nearest::locate(&swath, index, cuts.entries), cuts, work),
            Method::Bilinear => ready(bilinear::locate(&swath, geobox, index), cuts, work),
        },
        (Target::Isin(target), Index::Bins(bins, frame)) => match method {
            Method::Bin => by_lines(&swath, cuts, &isin::by_centres(&swath, target, bins), work),
            Method::Footprint => {
                let cells = footprint::Cells::Bins(target, bins);
                by_lines(&swath, cuts, &footprint::locate(&swath, frame, cells), work)
            }
            // Refused where runs are planned.
            Method::Nearest | Method::Bilinear => Ok((Vec::new(), GeometryReport::default())),
        },
        // The one was made for the other.
        _ => Ok((Vec::new(), GeometryReport::default())),
    }
}

/// All entries at once, cut at multiples of `line_block`.
pub fn locate(
    geolocation: &GeolocationArray,
    grid: &Grid,
    method: Method,
    line_block: usize,
) -> (Vec<Entries>, GeometryReport) {
    let cuts = Cuts {
        block: line_block,
        entries: line_block,
    };
    let all =
        |block: &mut BlockEntries<'_>| Ok::<_, std::convert::Infallible>(block.rest().collect());
    let Ok((blocks, report)) =
        locate_blocks::<Vec<Entries>, _>(geolocation, grid, method, cuts, all);
    (blocks.into_iter().flatten().collect(), report)
}

/// Blocks whose lines are worked out each by itself.
fn by_lines<T: Send, E: Send>(
    swath: &Selected<'_>,
    cuts: Cuts,
    locate: &LocateLines<'_>,
    work: impl Fn(&mut BlockEntries<'_>) -> Result<T, E> + Sync + Send,
) -> Result<(Vec<T>, GeometryReport), E> {
    let blocks = swath.blocks(cuts.block).into_par_iter().map(|lines| {
        let mut block = BlockEntries {
            source: Source::Lines {
                next: lines.start,
                // Where cells are much smaller than pixels, 32 lines may be too many.
                together: BLOCK_LINES / 4,
                most: cuts.entries,
                pixels: swath.geolocation.pixels,
                locate,
            },
            lines,
            report: GeometryReport::default(),
        };
        let made = work(&mut block)?;
        // What was not asked for counts too.
        block.rest().for_each(drop);
        Ok((made, block.report))
    });
    let (made, reports): (Vec<T>, Vec<GeometryReport>) =
        blocks.collect::<Result<Vec<_>, E>>()?.into_iter().unzip();
    let mut report = GeometryReport::default();
    reports.iter().for_each(|counts| report.add(counts));
    Ok((made, report))
}

/// Blocks of entries that are there.
fn ready<T: Send, E: Send>(
    (entries, report): (Vec<Entries>, GeometryReport),
    cuts: Cuts,
    work: impl Fn(&mut BlockEntries<'_>) -> Result<T, E> + Sync + Send,
) -> Result<(Vec<T>, GeometryReport), E> {
    let mut blocks: Vec<Vec<Entries>> = Vec::new();
    for entries in entries {
        let number = |entries: &Entries| entries.lines.start / cuts.block;
        match blocks.last_mut() {
            Some(block) if block.first().map(number) == Some(number(&entries)) => {
                block.push(entries);
            }
            _ => blocks.push(vec![entries]),
        }
    }
    let made = blocks.into_par_iter().map(|entries| {
        let start = entries.first().map_or(0, |entries| entries.lines.start);
        let end = entries.last().map_or(start, |entries| entries.lines.end);
        work(&mut BlockEntries {
            lines: start..end,
            source: Source::Ready(entries.into_iter()),
            report: GeometryReport::default(),
        })
    });
    Ok((made.collect::<Result<_, E>>()?, report))
}
