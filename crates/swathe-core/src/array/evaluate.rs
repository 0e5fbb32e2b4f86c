//! Elements of a lazy array, a block at a time: a block is generated, transformed and reduced while it is in
//! cache.

use super::buffer::{Buffer, Element, with_type};
use super::chunks::{Region, blocks, elements, lengths, ravel, sliced, strides, unravel};
use super::dtype::Scalar;
use super::elementwise::choose;
use super::error::ArrayError;
use super::expression::{Array, Operation};
use super::layout::{gather, scatter};
use super::random::{Distribution, Stream, Streams, draw_places};
use super::reduction::Reduction;
use super::state::{State, Walk};
use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

/// Elements that are computed at once: with an operand or two they fit in a processor's nearest cache.
pub(super) const BLOCK: usize = 2048;

/// Results of reductions that others stand upon, by their arrays.
pub(super) type Known = HashMap<usize, Arc<Buffer>>;

/// The state of one task.
pub(super) struct Evaluator<'a> {
    known: &'a Known,
    /// Arrays that more than one operand refers to.
    shared: &'a HashSet<usize>,
    /// Values of shared arrays in the block at hand.
    last: HashMap<usize, (Region, Buffer)>,
    /// Streams of random chunks, by array and chunk.
    streams: HashMap<(usize, usize), Stream>,
    /// Chunks that are whole in memory, one for each array.
    held: HashMap<usize, (usize, Buffer)>,
    /// Arrays whose chunks were looked at since the last region: the others' go.
    in_use: HashSet<usize>,
}

impl<'a> Evaluator<'a> {
    pub fn new(known: &'a Known, shared: &'a HashSet<usize>) -> Self {
        Evaluator {
            known,
            shared,
            last: HashMap::new(),
            streams: HashMap::new(),
            held: HashMap::new(),
            in_use: HashSet::new(),
        }
    }

    /// All elements of a region, block by block.
    pub fn region(&mut self, array: &Array, region: &[Range<usize>]) -> Result<Buffer, ArrayError> {
        let mut all = Buffer::with_capacity(array.dtype(), elements(region));
        for block in blocks(region, BLOCK) {
            all.extend(&self.block(array, &block)?);
        }
        Ok(all)
    }

    /// Reduces the elements of a region into states for a chunk of the results, for reductions of one array
    /// over the same axes.
    pub fn reduce(
        &mut self,
        reductions: &[(&Reduction, &Array)],
        region: &[Range<usize>],
        chunk: &[Range<usize>],
        states: &mut [State],
    ) -> Result<(), ArrayError> {
        let Some(&(first, _)) = reductions.first() else {
            return Ok(());
        };
        self.held.retain(|id, _| self.in_use.contains(id));
        self.in_use.clear();
        for block in blocks(region, BLOCK) {
            let values = self.block(&first.input, &block)?;
            let weights = first
                .weights
                .as_ref()
                .map(|w| self.block(w, &block))
                .transpose()?;
            let walk = Walk::new(first, &block, chunk);
            for (state, (reduction, _)) in states.iter_mut().zip(reductions) {
                state.update(reduction, &walk, &values, weights.as_ref());
            }
        }
        Ok(())
    }

    /// The elements of a block, row-major.
    pub fn block(&mut self, array: &Array, block: &[Range<usize>]) -> Result<Buffer, ArrayError> {
        let id = array.id();
        if !self.shared.contains(&id) {
            return self.compute(array, block);
        }
        if let Some((region, values)) = self.last.get(&id)
            && region == block
        {
            return Ok(values.clone());
        }
        let values = self.compute(array, block)?;
        self.last.insert(id, (block.to_vec(), values.clone()));
        Ok(values)
    }

    fn compute(&mut self, array: &Array, block: &[Range<usize>]) -> Result<Buffer, ArrayError> {
        let len = elements(block);
        match &array.node.operation {
            Operation::Constant(one) => Ok(one.clone()),
            Operation::Range { start, step, last } => {
                let range = block.first().cloned().unwrap_or(0..0);
                let is_end = last.filter(|_| array.shape().first() == Some(&range.end));
                let mut values = numbers(array, *start, *step, range);
                if let (Buffer::F64(values), Some(end)) = (&mut values, is_end)
                    && let Some(last) = values.last_mut()
                {
                    *last = end;
                }
                Ok(values)
            }
            Operation::Function(function) => {
                let shape = lengths(block);
                let one = |i: usize| {
                    let mut index = unravel(i, &shape);
                    index.iter_mut().zip(block).for_each(|(i, r)| *i += r.start);
                    function(&index)
                };
                Ok(Buffer::F64((0..len).map(one).collect()))
            }
            Operation::Random {
                distribution,
                streams,
            } => self.random(array, *distribution, streams, block),
            Operation::Memory(all) => Ok(taken(all, array.shape(), block)),
            Operation::Source(source) => self.in_chunks(array, block, |_, chunk| {
                let read = source
                    .read(&array.chunks().region(chunk))
                    .map_err(ArrayError::Source)?;
                let expected = elements(&array.chunks().region(chunk));
                if read.len() != expected || read.dtype() != array.dtype() {
                    return Err(ArrayError::Source(format!(
                        "{}: {} elements of {} were read for {expected} of {}",
                        source.name(),
                        read.len(),
                        read.dtype(),
                        array.dtype()
                    )));
                }
                Ok(read)
            }),
            Operation::Unary(unary, operand) => Ok(unary.apply(self.block(operand, block)?)),
            Operation::Cast(operand) => Ok(self.block(operand, block)?.cast(array.dtype())),
            Operation::Binary(binary, left, right) => {
                let left = self.beside(left, block)?;
                let right = self.beside(right, block)?;
                binary.apply(&left, &right).map(|made| filled(made, len))
            }
            Operation::Where(condition, yes, no) => {
                let condition = self.beside(condition, block)?;
                let yes = self.beside(yes, block)?;
                let no = self.beside(no, block)?;
                Ok(choose(&condition, &yes, &no, len))
            }
            Operation::Broadcast(operand) => {
                self.beside(operand, block).map(|one| filled(one, len))
            }
            Operation::Slice {
                array: operand,
                starts,
                steps,
            } => {
                let region = sliced(block, starts, steps);
                let values = self.large(operand, &region)?;
                if steps.iter().all(|&step| step == 1) {
                    return Ok(values);
                }
                let shape = lengths(block);
                let own = strides(&lengths(&region));
                let mut offset = 0;
                for (axis, &step) in steps.iter().enumerate() {
                    if step < 0 {
                        offset += own[axis] * (region[axis].len() as isize - 1).max(0);
                    }
                }
                let strides: Vec<isize> = own.iter().zip(steps).map(|(s, step)| s * step).collect();
                Ok(gather(&values, offset, &strides, &shape))
            }
            Operation::Axes {
                array: operand,
                axes,
            } => {
                let mut region: Region = vec![0..1; operand.shape().len()];
                for (range, axis) in block.iter().zip(axes) {
                    if let Some(axis) = axis {
                        region[*axis] = range.clone();
                    }
                }
                let values = self.large(operand, &region)?;
                let own = strides(&lengths(&region));
                let strides: Vec<isize> = axes.iter().map(|a| a.map_or(0, |a| own[a])).collect();
                Ok(gather(&values, 0, &strides, &lengths(block)))
            }
            Operation::Concatenate {
                arrays,
                axis,
                starts,
            } => {
                let along = &block[*axis];
                let first = starts
                    .partition_point(|start| *start <= along.start)
                    .saturating_sub(1);
                let mut out = Buffer::with_capacity(array.dtype(), 0);
                let to = strides(&lengths(block));
                for (part, &from) in arrays.iter().zip(starts).skip(first) {
                    if from >= along.end {
                        break;
                    }
                    let end = from + part.shape()[*axis];
                    let meets = along.start.max(from)..along.end.min(end);
                    if meets.is_empty() {
                        continue;
                    }
                    let mut region = block.to_vec();
                    region[*axis] = meets.start - from..meets.end - from;
                    let values = self.large(part, &region)?;
                    if meets == *along {
                        return Ok(values);
                    }
                    if out.is_empty() {
                        out = Buffer::zeros(array.dtype(), len);
                    }
                    let offset = (meets.start - along.start) as isize * to[*axis];
                    scatter(&mut out, offset, &to, &lengths(&region), &values);
                }
                Ok(out)
            }
            Operation::Reduced(_) => match self.known.get(&array.id()) {
                Some(all) => Ok(taken(all, array.shape(), block)),
                None => Err(ArrayError::Value(
                    "a reduction was asked for before its turn".into(),
                )),
            },
        }
    }

    /// A region of an operand that may be larger than a block.
    fn large(&mut self, operand: &Array, region: &[Range<usize>]) -> Result<Buffer, ArrayError> {
        match elements(region) <= BLOCK {
            true => self.block(operand, region),
            false => self.region(operand, region),
        }
    }

    /// An operand's elements beside those of a block: one, or as many.
    fn beside(&mut self, operand: &Array, block: &[Range<usize>]) -> Result<Buffer, ArrayError> {
        let new = block.len() - operand.shape().len();
        let own = operand.shape().iter().zip(&block[new..]);
        let region: Region = own
            .map(|(&len, range)| if len == 1 { 0..1 } else { range.clone() })
            .collect();
        let values = self.block(operand, &region)?;
        let (have, wanted) = (elements(&region), elements(block));
        if have == wanted || have == 1 {
            return Ok(values);
        }
        let shape = lengths(block);
        let own = strides(&lengths(&region));
        let repeated = |axis: usize| match axis.checked_sub(new) {
            Some(axis) if region[axis].len() == shape[axis + new] => own[axis],
            _ => 0,
        };
        let strides: Vec<isize> = (0..block.len()).map(repeated).collect();
        Ok(gather(&values, 0, &strides, &shape))
    }

    fn random(
        &mut self,
        array: &Array,
        distribution: Distribution,
        streams: &Streams,
        block: &[Range<usize>],
    ) -> Result<Buffer, ArrayError> {
        if let Streams::ByPlace { key } = *streams {
            return Ok(by_place(array, distribution, key, block));
        }
        let id = array.id();
        let meeting = array.chunks().meeting(block);
        if let [(chunk, _)] = meeting[..] {
            let whole = array.chunks().region(chunk);
            let held = self.held.get(&id).is_some_and(|(held, _)| *held == chunk);
            if !held && let Some(at) = place_in_order(&whole, block) {
                let len = elements(&whole);
                // One stream an array is enough: chunks come one after another.
                if at == 0 {
                    self.streams.retain(|(array, _), _| *array != id);
                    if let Some(stream) = streams.open(distribution, chunk, len) {
                        self.streams.insert((id, chunk), stream);
                    }
                }
                if let Some(stream) = self.streams.get_mut(&(id, chunk))
                    && stream.drawn() == at
                {
                    return Ok(stream.draw(elements(block)));
                }
            }
        }
        self.in_chunks(array, block, |_, chunk| {
            let len = elements(&array.chunks().region(chunk));
            match streams.open(distribution, chunk, len) {
                Some(mut stream) => Ok(stream.draw(len)),
                None => Ok(Buffer::zeros(distribution.dtype(), len)),
            }
        })
    }

    /// A block out of chunks that are made whole; the last one is kept.
    fn in_chunks(
        &mut self,
        array: &Array,
        block: &[Range<usize>],
        make: impl Fn(&mut Self, usize) -> Result<Buffer, ArrayError>,
    ) -> Result<Buffer, ArrayError> {
        let id = array.id();
        self.in_use.insert(id);
        let meeting = array.chunks().meeting(block);
        let alone = meeting.len() == 1;
        let mut out = Buffer::with_capacity(array.dtype(), 0);
        if !alone {
            out = Buffer::zeros(array.dtype(), elements(block));
        }
        let to = strides(&lengths(block));
        for (chunk, part) in meeting {
            let whole = array.chunks().region(chunk);
            if self.held.get(&id).is_none_or(|(held, _)| *held != chunk) {
                self.held.remove(&id);
                let made = make(self, chunk)?;
                self.held.insert(id, (chunk, made));
            }
            let Some((_, values)) = self.held.get(&id) else {
                continue;
            };
            let inside: Region = part
                .iter()
                .zip(&whole)
                .map(|(p, w)| p.start - w.start..p.end - w.start)
                .collect();
            let values = taken(values, &lengths(&whole), &inside);
            if alone {
                return Ok(values);
            }
            let at = part.iter().zip(block).zip(&to);
            let offset = at.map(|((p, b), s)| (p.start - b.start) as isize * s).sum();
            scatter(&mut out, offset, &to, &lengths(&part), &values);
        }
        Ok(out)
    }
}

/// Elements of a box in a larger row-major one.
fn taken(all: &Buffer, shape: &[usize], region: &[Range<usize>]) -> Buffer {
    let own = strides(shape);
    let offset = region
        .iter()
        .zip(&own)
        .map(|(r, s)| r.start as isize * s)
        .sum();
    gather(all, offset, &own, &lengths(region))
}

/// The number of a block's first element in a chunk, if its elements follow each other there.
fn place_in_order(chunk: &[Range<usize>], block: &[Range<usize>]) -> Option<usize> {
    let mut whole_so_far = true;
    for (own, range) in chunk.iter().zip(block).rev() {
        if !whole_so_far && range.len() != 1 {
            return None;
        }
        whole_so_far &= own.len() == range.len();
    }
    let start: Vec<usize> = block
        .iter()
        .zip(chunk)
        .map(|(b, c)| b.start - c.start)
        .collect();
    Some(ravel(&start, &lengths(chunk)))
}

/// Random numbers of which each has its own bits.
fn by_place(array: &Array, distribution: Distribution, key: u64, block: &[Range<usize>]) -> Buffer {
    let (outer, along) = match block.split_last() {
        Some((along, outer)) => (outer, along.clone()),
        None => (&block[..0], 0..1),
    };
    let shape = lengths(outer);
    let all = array.shape();
    let row = |number: usize| {
        let mut index: Vec<usize> = unravel(number, &shape);
        index.iter_mut().zip(outer).for_each(|(i, r)| *i += r.start);
        index.push(along.start);
        let place = if all.is_empty() {
            0
        } else {
            ravel(&index, all)
        };
        draw_places(distribution, key, place as u64, along.len())
    };
    let count: usize = shape.iter().product();
    if count == 1 {
        return row(0);
    }
    let mut out = Buffer::with_capacity(distribution.dtype(), elements(block));
    (0..count).for_each(|number| out.extend(&row(number)));
    out
}

fn numbers(array: &Array, start: Scalar, step: Scalar, range: Range<usize>) -> Buffer {
    with_type!(array.dtype(), T => T::buffer(match (start, step) {
        (Scalar::Int(start), Scalar::Int(step)) => range
            .map(|i| T::from_whole((start + i as i128 * step) as i64))
            .collect(),
        (start, step) => {
            let float = |s: Scalar| match s {
                Scalar::Float(value) => value,
                Scalar::Int(value) => value as f64,
                Scalar::Bool(value) => f64::from(u8::from(value)),
            };
            let (start, step) = (float(start), float(step));
            range.map(|i| T::from_f64(start + i as f64 * step)).collect()
        }
    }))
}

/// One element for all, where there is one.
fn filled(values: Buffer, len: usize) -> Buffer {
    match values.len() == 1 && len != 1 {
        true => gather(&values, 0, &[0], &[len]),
        false => values,
    }
}
