//! From swath to cells: which pixel gives to which cell, and with what weight.
//!
//! The geometry of a granule is worked out once per target and serves all its variables. It comes
//! out a few lines at a time, so that a run reads and applies values a storage chunk at a time.

mod bilinear;
mod bin;
mod blocks;
mod cells;
mod footprint;
mod groups;
mod isin;
mod nearest;
mod polygon;
mod reach;
mod selection;
mod smooth;

pub use bilinear::{interpolate, stencil_centres};
use blocks::Given;
pub use blocks::{BlockEntries, Cuts, Gives, Giving, locate, locate_blocks};
use cells::CellIndex;

use crate::geobox::GeoBox;
use crate::isin::Bins;
use crate::region::Region;
use crate::source::{Coordinates, GeolocationArray};
use crate::swath::{Block, Reaches, Spacing, TOGETHER};
use crate::target::Target;
use crate::watch::{self, Task};
use rayon::prelude::*;
use std::ops::Range;
use std::sync::OnceLock;

/// Weight one: weights are integers in units of 2^-32.
pub const WEIGHT_ONE: u64 = 1 << 32;

/// Lines that are worked out together: their vectors and corners fit the second-level cache.
const BLOCK_LINES: usize = 32;

/// Lines and columns of a group: pixels that one look at their common bounds serves.
const GROUP: usize = TOGETHER;

/// How swath values reach cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// The value of the pixel whose centre is nearest, where the cell's centre lies in the swath.
    Nearest,
    /// Interpolation between the four pixel centres around the cell's centre.
    Bilinear,
    /// Every pixel whose centre lies in the cell, weight one.
    Bin,
    /// Every pixel whose footprint overlaps the cell, weighted by the overlapped share of the cell.
    Footprint,
}

impl Method {
    /// Name as options spell it.
    pub fn name(self) -> &'static str {
        match self {
            Method::Nearest => "nearest",
            Method::Bilinear => "bilinear",
            Method::Bin => "bin",
            Method::Footprint => "footprint",
        }
    }

    /// Whether it can put swaths on a grid of this kind: `bin` and `footprint` alone give to bins.
    pub fn takes(self, target: &Target) -> bool {
        match target {
            Target::GeoBox(_) => true,
            Target::Isin(_) => matches!(self, Method::Bin | Method::Footprint),
        }
    }

    /// All methods.
    pub const ALL: [Method; 4] = [
        Method::Nearest,
        Method::Bilinear,
        Method::Bin,
        Method::Footprint,
    ];
}

/// A pixel gives to a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contribution {
    /// Cell: row * columns + column of the target.
    pub cell: u32,
    /// Pixel: line * pixels + column of the granule.
    pub pixel: u32,
    /// Weight in units of 2^-32.
    pub weight: u64,
}

/// A cell's value is interpolated between four pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stencil {
    /// Cell: row * columns + column of the target.
    pub cell: u32,
    /// Upper left pixel of the quad: line * pixels + column; the others are to its right, below
    /// right, and below.
    pub pixel: u32,
    /// Weights of the four, in the same order, with sum one.
    pub weights: [f64; 4],
}

/// A block of the geometry's outcome: `lines` hold every pixel that is named.
#[derive(Debug, Clone, PartialEq)]
pub struct Entries {
    /// Lines whose values are needed.
    pub lines: Range<usize>,
    /// Who gives to whom.
    pub kind: EntryKind,
}

/// The two forms of giving.
#[derive(Debug, Clone, PartialEq)]
pub enum EntryKind {
    /// Pixels give their own values.
    Contributions(Vec<Contribution>),
    /// Cells are interpolated.
    Stencils(Vec<Stencil>),
}

/// What happened to a granule's pixels, besides giving.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct GeometryReport {
    /// Pixels near the target that were looked at.
    pub selected: u64,
    /// Of these, without a usable location.
    pub missing: u64,
    /// Footprints, of pixels that have something to give, or quads that are folded or have no area.
    pub folded: u64,
    /// Footprints, of pixels that have something to give, that the target's projection cannot place.
    pub untransformed: u64,
}

impl GeometryReport {
    /// Adds the counts of another part.
    pub fn add(&mut self, other: &GeometryReport) {
        self.selected += other.selected;
        self.missing += other.missing;
        self.folded += other.folded;
        self.untransformed += other.untransformed;
    }
}

/// A grid made ready to receive swaths: worked out once, used for every granule.
pub struct Grid {
    target: Target,
    region: Region,
    index: Index,
}

/// What finds cells by place.
enum Index {
    Cells(CellIndex),
    /// With the rectangle in which they are numbered.
    Bins(Bins, GeoBox),
}

impl Grid {
    /// Prepares a grid.
    pub fn new(target: impl Into<Target>) -> Self {
        let target = target.into();
        Grid {
            region: target.region(),
            index: match &target {
                Target::GeoBox(geobox) => Index::Cells(CellIndex::new(geobox)),
                Target::Isin(isin) => Index::Bins(Bins::new(isin), target.frame()),
            },
            target,
        }
    }

    /// The grid itself.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Where it lies.
    pub fn region(&self) -> Region {
        self.region
    }
}

/// The pixels of a granule that may meet a grid.
struct Selected<'a> {
    geolocation: &'a GeolocationArray,
    /// Worked out when the shape of the swath is asked for: `bin` needs none.
    spacing: OnceLock<Spacing>,
    /// Columns of each strip of `GROUP` lines.
    columns: Vec<Range<usize>>,
}

impl<'a> Selected<'a> {
    /// Those within some margins of the grid.
    fn new(geolocation: &'a GeolocationArray, grid: &Grid, margins: f64) -> Self {
        let reaches = Reaches::new(geolocation);
        let columns = selection::columns(&grid.region, geolocation, |columns| {
            margins * reaches.among(columns)
        });
        Selected {
            geolocation,
            spacing: OnceLock::new(),
            columns,
        }
    }

    /// How far apart the pixels are.
    fn spacing(&self) -> &Spacing {
        self.spacing.get_or_init(|| {
            let columns = spanned(self.columns.iter().cloned());
            let halo =
                columns.start.saturating_sub(4)..(columns.end + 4).min(self.geolocation.pixels);
            Spacing::new(self.geolocation, halo)
        })
    }

    /// The columns of one line: whole groups.
    fn columns(&self, line: usize) -> Range<usize> {
        self.columns[line / GROUP - self.geolocation.lines.start / GROUP].clone()
    }

    /// Longitude and latitude of a pixel, as stored.
    #[inline]
    fn coordinates(&self, line: usize, column: usize) -> (f64, f64) {
        let i = (line - self.geolocation.lines.start) * self.geolocation.pixels + column;
        (
            self.geolocation.longitude.get(i),
            self.geolocation.latitude.get(i),
        )
    }

    /// Longitudes and latitudes of a few pixels of a line, as stored; NaN beyond `columns`.
    #[inline]
    fn places(&self, line: usize, columns: Range<usize>) -> [[f64; TOGETHER]; 2] {
        let start = (line - self.geolocation.lines.start) * self.geolocation.pixels;
        let row = start + columns.start..start + columns.end;
        [&self.geolocation.longitude, &self.geolocation.latitude].map(|coordinates| {
            match coordinates {
                Coordinates::F32(v) => crate::swath::padded(&v[row.clone()]),
                Coordinates::F64(v) => crate::swath::padded(&v[row.clone()]),
            }
        })
    }

    /// Ranges of at most `lines` lines that hold anything, cut at multiples of `lines`.
    fn blocks(&self, lines: usize) -> Vec<Range<usize>> {
        let held = self.geolocation.lines.clone();
        let mut blocks = Vec::new();
        let mut start = held.start;
        while start < held.end {
            let end = ((start / lines + 1) * lines).min(held.end);
            if (start..end).any(|line| !self.columns(line).is_empty()) {
                blocks.push(start..end);
            }
            start = end;
        }
        blocks
    }

    /// The columns that some lines span together.
    fn span(&self, lines: Range<usize>) -> Range<usize> {
        spanned(lines.map(|line| self.columns(line)))
    }

    /// The shape of the swath for a range of lines.
    fn block(&self, lines: Range<usize>) -> Block {
        self.block_of(lines.clone(), self.span(lines))
    }

    /// The shape of the swath for a range of lines, around the pixels that `of` tells.
    fn block_around(&self, lines: Range<usize>, of: impl Fn(usize, usize) -> bool) -> Block {
        let span = self.span(lines.clone());
        let any = |column: &usize| lines.clone().any(|line| of(line, *column));
        let first = span.clone().find(any).unwrap_or(span.end);
        let end = span.rev().find(any).map_or(first, |last| last + 1);
        Block::around(self.geolocation, self.spacing(), lines, first..end, of)
    }

    /// The shape of the swath for some of its lines and columns.
    fn block_of(&self, lines: Range<usize>, columns: Range<usize>) -> Block {
        Block::new(self.geolocation, self.spacing(), lines, columns)
    }

    /// Position of a pixel in the granule.
    fn pixel(&self, line: usize, column: usize) -> u32 {
        // Granules of more than 2^31 pixels are refused where they are opened.
        (line * self.geolocation.pixels + column) as u32
    }
}

/// What some ranges span together, from the first that is not empty; nothing if all are.
fn spanned(ranges: impl Iterator<Item = Range<usize>>) -> Range<usize> {
    let (first, end) = ranges
        .filter(|range| !range.is_empty())
        .fold((usize::MAX, 0), |(first, end), range| {
            (first.min(range.start), end.max(range.end))
        });
    first.min(end)..end
}

/// Runs `work` over blocks of lines in parallel and gathers the outcomes in order.
fn over_blocks<T: Send>(
    swath: &Selected<'_>,
    work: impl Fn(Range<usize>) -> T + Sync + Send,
) -> Vec<T> {
    let watched = watch::here();
    swath
        .blocks(BLOCK_LINES)
        .into_par_iter()
        .map(|lines| {
            let _entered = watched.enter();
            let _locating = watch::doing(Task::Locate);
            work(lines)
        })
        .collect()
}
