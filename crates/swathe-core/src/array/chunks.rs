//! How an array is cut into chunks.

use super::dtype::DType;
use super::error::ArrayError;
use std::ops::Range;

/// A box of indices, one range for each axis.
pub type Region = Vec<Range<usize>>;

/// The region that a region of a slice is made from: the slice begins at `starts` and goes on by `steps`, which
/// may be backward.
pub(super) fn sliced(region: &[Range<usize>], starts: &[usize], steps: &[isize]) -> Region {
    let along = |((range, start), step): ((&Range<usize>, &usize), &isize)| {
        if range.is_empty() {
            return 0..0;
        }
        let at = |i: usize| (*start as isize + i as isize * step) as usize;
        let (first, last) = (at(range.start), at(range.end - 1));
        first.min(last)..first.max(last) + 1
    };
    region.iter().zip(starts).zip(steps).map(along).collect()
}

/// How an axis is to be cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cut {
    /// Into pieces of this length, the last one what is left.
    Size(usize),
    /// Into pieces of these lengths.
    Sizes(Vec<usize>),
    /// Not at all.
    Whole,
    /// So that a chunk has at most 128 MiB, as dask does.
    Auto,
}

/// More chunks than this are a mistake: each is a task.
const MOST_CHUNKS: usize = 1 << 22;

/// Bytes of a chunk where nothing is said: dask's.
const USUAL_BYTES: f64 = 134_217_728.0;

/// The cuts along every axis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunks {
    /// For each axis the start of every chunk, and the end of the last.
    cuts: Vec<Vec<usize>>,
}

fn too_many(count: usize) -> ArrayError {
    ArrayError::Chunks(format!(
        "{count} chunks are too many ({MOST_CHUNKS} at most): take larger ones"
    ))
}

impl Chunks {
    /// Cuts a shape: one way for all axes, or one for each.
    ///
    /// # Errors
    /// Chunks of zero, that do not add up to the shape, or not as many as there are axes.
    pub fn new(shape: &[usize], cuts: &[Cut], dtype: DType) -> Result<Self, ArrayError> {
        let cuts: Vec<Cut> = match cuts {
            [one @ (Cut::Size(_) | Cut::Whole | Cut::Auto)] => vec![one.clone(); shape.len()],
            [Cut::Sizes(_)] if shape.len() == 1 => cuts.to_vec(),
            cuts if cuts.len() == shape.len() => cuts.to_vec(),
            cuts => {
                return Err(ArrayError::Chunks(format!(
                    "chunks are given for {} axes, the shape {} has {}",
                    cuts.len(),
                    shape_text(shape),
                    shape.len()
                )));
            }
        };
        let cuts = automatic(shape, cuts, dtype);
        let axis = |(axis, (&len, cut)): (usize, (&usize, &Cut))| {
            let refuse =
                |what: String| Err(ArrayError::Chunks(format!("chunks of axis {axis} {what}")));
            match cut {
                Cut::Whole | Cut::Auto => Ok(vec![0, len]),
                Cut::Size(0) if len > 0 => refuse("are zero".into()),
                Cut::Size(_) if len == 0 => Ok(vec![0, 0]),
                Cut::Size(size) if len.div_ceil(*size) > MOST_CHUNKS => {
                    Err(too_many(len.div_ceil(*size)))
                }
                Cut::Size(size) => Ok((0..len).step_by(*size).chain([len]).collect()),
                Cut::Sizes(sizes) => {
                    if sizes.is_empty() || (len > 0 && sizes.contains(&0)) {
                        return refuse("are zero".into());
                    }
                    let mut ends = vec![0_usize];
                    for size in sizes {
                        let last = ends.last().copied().unwrap_or(0);
                        ends.push(last.saturating_add(*size));
                    }
                    match ends.last() == Some(&len) {
                        true => Ok(ends),
                        false => refuse(format!("are {sizes:?}, which does not add up to {len}")),
                    }
                }
            }
        };
        let cuts = shape.iter().zip(&cuts).enumerate().map(axis);
        let chunks = Chunks {
            cuts: cuts.collect::<Result<_, _>>()?,
        };
        let count = chunks.counts().into_iter().fold(1, usize::saturating_mul);
        match count > MOST_CHUNKS {
            true => Err(too_many(count)),
            false => Ok(chunks),
        }
    }

    /// One chunk of all.
    pub fn whole(shape: &[usize]) -> Self {
        Chunks {
            cuts: shape.iter().map(|&len| vec![0, len]).collect(),
        }
    }

    /// Of these starts, and the end, for each axis.
    pub(super) fn from_cuts(cuts: Vec<Vec<usize>>) -> Self {
        Chunks { cuts }
    }

    /// The start of every chunk along an axis, and the end of the last.
    pub fn cuts(&self, axis: usize) -> &[usize] {
        self.cuts.get(axis).map_or(&[0, 1], Vec::as_slice)
    }

    /// Lengths of the chunks along each axis.
    pub fn sizes(&self) -> Vec<Vec<usize>> {
        let sizes = |cuts: &Vec<usize>| cuts.windows(2).map(|w| w[1] - w[0]).collect();
        self.cuts.iter().map(sizes).collect()
    }

    /// Number of chunks along each axis.
    pub fn counts(&self) -> Vec<usize> {
        self.cuts.iter().map(|cuts| cuts.len() - 1).collect()
    }

    /// Number of chunks.
    pub fn count(&self) -> usize {
        self.counts().iter().product()
    }

    /// Elements of the largest chunk.
    pub fn largest(&self) -> usize {
        let sizes = self.sizes();
        sizes
            .iter()
            .map(|s| s.iter().copied().max().unwrap_or(0))
            .product()
    }

    /// The chunk of this number; the last axis counts fastest.
    pub fn region(&self, number: usize) -> Region {
        let position = unravel(number, &self.counts());
        let range = |(cuts, i): (&Vec<usize>, usize)| cuts[i]..cuts[i + 1];
        self.cuts.iter().zip(position).map(range).collect()
    }

    /// Numbers of the chunks that meet a region, in order, each with the part of the region in it.
    pub fn meeting(&self, region: &[Range<usize>]) -> Vec<(usize, Region)> {
        let counts = self.counts();
        let along = |(cuts, range): (&Vec<usize>, &Range<usize>)| {
            let first = cuts
                .partition_point(|&cut| cut <= range.start)
                .saturating_sub(1);
            let last = cuts.partition_point(|&cut| cut < range.end);
            first.min(cuts.len() - 2)..last.max(first + 1).min(cuts.len() - 1)
        };
        let ranges: Vec<Range<usize>> = self.cuts.iter().zip(region).map(along).collect();
        let lengths: Vec<usize> = ranges.iter().map(Range::len).collect();
        let total = lengths.iter().product();
        let chunk = |number: usize| {
            let position = unravel(number, &lengths);
            let position: Vec<usize> = position
                .iter()
                .zip(&ranges)
                .map(|(p, r)| p + r.start)
                .collect();
            let part = |axis: usize| {
                let (start, end) = (
                    self.cuts[axis][position[axis]],
                    self.cuts[axis][position[axis] + 1],
                );
                region[axis].start.max(start)..region[axis].end.min(end)
            };
            let part = (0..position.len()).map(part).collect();
            (ravel(&position, &counts), part)
        };
        (0..total).map(chunk).collect()
    }
}

/// dask's rule for chunks of its own choice: as near to cubes as the shape allows.
fn automatic(shape: &[usize], mut cuts: Vec<Cut>, dtype: DType) -> Vec<Cut> {
    let largest = |cut: &Cut, len: usize| match cut {
        Cut::Size(size) => *size,
        Cut::Sizes(sizes) => sizes.iter().copied().max().unwrap_or(1),
        Cut::Whole => len,
        Cut::Auto => 1,
    };
    loop {
        let others = cuts
            .iter()
            .zip(shape)
            .map(|(cut, &len)| largest(cut, len).max(1));
        let others: f64 = others.map(|len| len as f64).product();
        let open: Vec<usize> = (0..cuts.len()).filter(|&i| cuts[i] == Cut::Auto).collect();
        if open.is_empty() {
            return cuts;
        }
        let room = (USUAL_BYTES / dtype.size() as f64 / others).max(1.0);
        let side = libm::pow(room, 1.0 / open.len() as f64);
        let small: Vec<usize> = open
            .iter()
            .copied()
            .filter(|&i| (shape[i] as f64) < side)
            .collect();
        if small.is_empty() {
            for i in open {
                cuts[i] = Cut::Size((side as usize).max(1));
            }
            return cuts;
        }
        for i in small {
            cuts[i] = Cut::Whole;
        }
    }
}

/// The indices of a number in a shape; the last counts fastest.
pub(super) fn unravel(mut number: usize, shape: &[usize]) -> Vec<usize> {
    let mut position = vec![0; shape.len()];
    for (place, &len) in position.iter_mut().zip(shape).rev() {
        *place = number % len.max(1);
        number /= len.max(1);
    }
    position
}

/// The number of indices in a shape.
pub(super) fn ravel(position: &[usize], shape: &[usize]) -> usize {
    position
        .iter()
        .zip(shape)
        .fold(0, |number, (place, len)| number * len + place)
}

/// Elements of a region.
pub(super) fn elements(region: &[Range<usize>]) -> usize {
    region.iter().map(Range::len).product()
}

/// Lengths of a region.
pub(super) fn lengths(region: &[Range<usize>]) -> Vec<usize> {
    region.iter().map(Range::len).collect()
}

/// Elements from one index to the next along each axis, row-major.
pub(super) fn strides(shape: &[usize]) -> Vec<isize> {
    let mut strides = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis] as isize;
    }
    strides
}

/// A region cut into pieces of at most so many elements that follow each other in its row-major order.
pub(super) fn blocks(region: &[Range<usize>], most: usize) -> impl Iterator<Item = Region> {
    let shape = lengths(region);
    // Axes after `axis` are taken whole, those before it one index at a time.
    let mut axis = shape.len();
    let mut inner = 1;
    while axis > 0 && inner * shape[axis - 1] <= most {
        axis -= 1;
        inner *= shape[axis];
    }
    let (outer, step, along) = match axis.checked_sub(1) {
        Some(axis) => (&shape[..axis], (most / inner.max(1)).max(1), shape[axis]),
        None => (&shape[..0], 1, 1),
    };
    let outer = outer.to_vec();
    let pieces = along.div_ceil(step);
    let empty = shape.contains(&0);
    let count = if empty {
        0
    } else {
        outer.iter().product::<usize>() * pieces
    };
    let region = region.to_vec();
    (0..count).map(move |number| {
        let position = unravel(number / pieces, &outer);
        let mut block = region.clone();
        for (range, at) in block.iter_mut().zip(position) {
            *range = range.start + at..range.start + at + 1;
        }
        if let Some(axis) = axis.checked_sub(1) {
            let from = region[axis].start + number % pieces * step;
            block[axis] = from..(from + step).min(region[axis].end);
        }
        block
    })
}

/// A shape as Python writes it.
pub fn shape_text(shape: &[usize]) -> String {
    match shape {
        [one] => format!("({one},)"),
        shape => {
            let parts: Vec<String> = shape.iter().map(usize::to_string).collect();
            format!("({})", parts.join(", "))
        }
    }
}
