//! What is kept of the elements seen so far, for every cell of a reduction's result.
//!
//! Whatever the order in which tasks end, states are updated in the order of blocks and merged in the order of chunks:
//! results do not depend on threads. Sums of floating point numbers are kept in two parts (Knuth's two-sum), each
//! block of at most [`super::evaluate::BLOCK`] elements being summed in sixteen interleaved parts.

use super::buffer::{Buffer, with_buffer};
use super::chunks::unravel;
use super::dtype::{DType, Kind};
use super::error::ArrayError;
use super::reduction::{Reduction, Statistic};
use std::borrow::Cow;
use std::ops::Range;

/// Sums in two parts: the rounded sums, and what rounding left.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub(super) struct Totals {
    high: Vec<f64>,
    low: Vec<f64>,
}

/// Count, mean and sum of squared deviations (Welford; merged as Chan, Golub and LeVeque do).
#[derive(Debug, Clone, Copy, Default, serde::Serialize, serde::Deserialize)]
pub(super) struct Moments {
    count: f64,
    mean: f64,
    squares: f64,
}

/// The best so far and its index.
#[derive(Debug, Clone, Copy, serde::Serialize, serde::Deserialize)]
pub(super) struct Best<T> {
    value: T,
    index: u64,
    seen: bool,
}

#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub(super) enum State {
    /// Bits of sums that wrap.
    Whole(Vec<u64>),
    Sums {
        values: Totals,
        /// Counts, or weights.
        weights: Totals,
    },
    Moments(Vec<Moments>),
    Float(Vec<Best<f64>>),
    Signed(Vec<Best<i64>>),
    Unsigned(Vec<Best<u64>>),
    Flags(Vec<bool>),
    Counts(Vec<u64>),
    Values(Vec<Vec<f64>>),
}

/// How the elements of a block lie among the cells of a result's chunk.
pub(super) struct Walk {
    /// For each axis of the block: elements of the chunk's cells from one index to the next (0 where it is
    /// reduced), and its length.
    axes: Vec<(usize, usize)>,
    /// Cell of the first element.
    cell: usize,
    /// Index of the first element for argmin and argmax, and from one to the next along each axis.
    index: u64,
    index_steps: Vec<u64>,
}

impl Walk {
    /// Of a block of the input, for a chunk of the result.
    pub fn new(reduction: &Reduction, block: &[Range<usize>], chunk: &[Range<usize>]) -> Self {
        let shape = reduction.input.shape();
        let mut kept = chunk.iter().rev();
        let mut cells = 1;
        let mut axes = vec![(0, 0); block.len()];
        let mut cell = 0;
        for (axis, range) in block.iter().enumerate().rev() {
            axes[axis] = (0, range.len());
            if !reduction.reduced[axis]
                && let Some(own) = kept.next()
            {
                axes[axis].0 = cells;
                cell += (range.start - own.start) * cells;
                cells *= own.len();
            }
        }
        let all = reduction.reduced.iter().all(|r| *r);
        let mut step = 1;
        let mut index_steps = vec![0_u64; block.len()];
        for axis in (0..block.len()).rev() {
            if reduction.reduced[axis] {
                index_steps[axis] = step;
                step *= if all { shape[axis] as u64 } else { 1 };
            }
        }
        let index = block
            .iter()
            .zip(&index_steps)
            .map(|(r, s)| r.start as u64 * s)
            .sum();
        Walk {
            axes,
            cell,
            index,
            index_steps,
        }
    }

    /// Calls for every row of elements with the first one's number, its cell, and the row's length; `true` where
    /// all are of that cell, else each is of the next.
    fn rows(&self, mut row: impl FnMut(Range<usize>, usize, bool)) {
        let mut axes: Vec<(usize, usize)> = Vec::with_capacity(self.axes.len());
        for &(step, len) in &self.axes {
            match axes.last_mut() {
                _ if len == 1 => {}
                Some(last) if last.0 == step * len && (step > 0 || last.0 == 0) => {
                    *last = (step, last.1 * len);
                }
                _ => axes.push((step, len)),
            }
        }
        let ((step, len), outer) = match axes.split_last() {
            Some((last, outer)) => (*last, outer),
            None => ((0, 1), &axes[..]),
        };
        let lengths: Vec<usize> = outer.iter().map(|a| a.1).collect();
        for number in 0..lengths.iter().product() {
            let position = unravel(number, &lengths);
            let cell: usize = position
                .iter()
                .zip(outer)
                .map(|(p, (step, _))| p * step)
                .sum();
            row(
                number * len..(number + 1) * len,
                self.cell + cell,
                step == 0,
            );
        }
    }

    /// Calls for every element with its number, its cell and its index.
    fn each(&self, mut one: impl FnMut(usize, usize, u64)) {
        let lengths: Vec<usize> = self.axes.iter().map(|a| a.1).collect();
        let (len, outer) = lengths.split_last().map_or((1, &[][..]), |(l, o)| (*l, o));
        let cell_step = self.axes.last().map_or(0, |a| a.0);
        let index_step = self.index_steps.last().copied().unwrap_or(0);
        for number in 0..outer.iter().product() {
            let position = unravel(number, outer);
            let mut cell = self.cell;
            let mut index = self.index;
            for (at, ((step, _), index_step)) in
                position.iter().zip(self.axes.iter().zip(&self.index_steps))
            {
                cell += at * step;
                index += *at as u64 * index_step;
            }
            for i in 0..len {
                one(
                    number * len + i,
                    cell + i * cell_step,
                    index + i as u64 * index_step,
                );
            }
        }
    }
}

impl State {
    /// Of nothing, for so many cells.
    pub fn new(reduction: &Reduction, cells: usize) -> Self {
        let dtype = reduction.input.dtype();
        let best_f = Best {
            value: 0.0,
            index: 0,
            seen: false,
        };
        let best_i = Best {
            value: 0_i64,
            index: 0,
            seen: false,
        };
        let best_u = Best {
            value: 0_u64,
            index: 0,
            seen: false,
        };
        match &reduction.statistic {
            Statistic::Sum if dtype.kind() != Kind::Float => State::Whole(vec![0; cells]),
            Statistic::Sum | Statistic::Mean => State::Sums {
                values: Totals::new(cells),
                weights: Totals::new(cells),
            },
            Statistic::Var { .. } | Statistic::Std { .. } => {
                State::Moments(vec![Moments::default(); cells])
            }
            Statistic::Min | Statistic::Max | Statistic::ArgMin | Statistic::ArgMax => {
                match dtype {
                    _ if dtype.kind() == Kind::Float => State::Float(vec![best_f; cells]),
                    DType::U64 => State::Unsigned(vec![best_u; cells]),
                    _ => State::Signed(vec![best_i; cells]),
                }
            }
            Statistic::Any => State::Flags(vec![false; cells]),
            Statistic::All => State::Flags(vec![true; cells]),
            Statistic::Count => State::Counts(vec![0; cells]),
            Statistic::Quantile { .. } => State::Values(vec![Vec::new(); cells]),
            Statistic::Histogram { edges } => State::Counts(vec![0; edges.len() - 1]),
        }
    }

    /// Whether another state can be merged into this one: it is of the same kind, for as many cells.
    pub fn is_like(&self, other: &State) -> bool {
        let lengths = |state: &State| match state {
            State::Whole(v) => (v.len(), 0),
            State::Sums { values, weights } => {
                let all = [&values.high, &values.low, &weights.high, &weights.low];
                let len = values.high.len();
                (len, all.iter().filter(|v| v.len() != len).count())
            }
            State::Moments(v) => (v.len(), 0),
            State::Float(v) => (v.len(), 0),
            State::Signed(v) => (v.len(), 0),
            State::Unsigned(v) => (v.len(), 0),
            State::Flags(v) => (v.len(), 0),
            State::Counts(v) => (v.len(), 0),
            State::Values(v) => (v.len(), 0),
        };
        std::mem::discriminant(self) == std::mem::discriminant(other)
            && lengths(self) == lengths(other)
    }

    /// At most so many bytes for a cell that sees so many elements.
    pub fn bytes_per_cell(reduction: &Reduction, elements: usize) -> usize {
        match &reduction.statistic {
            Statistic::Sum | Statistic::Mean => 32,
            Statistic::Quantile { .. } => 24 + 16 * elements,
            Statistic::Histogram { .. } => 8,
            _ => 24,
        }
    }

    /// Takes in the elements of a block.
    pub fn update(
        &mut self,
        reduction: &Reduction,
        walk: &Walk,
        values: &Buffer,
        weights: Option<&Buffer>,
    ) {
        let skip = reduction.skip_missing && values.dtype().kind() == Kind::Float;
        let least = matches!(reduction.statistic, Statistic::Min | Statistic::ArgMin);
        match self {
            State::Whole(sums) => {
                let values = match values {
                    Buffer::U64(v) => Cow::Owned(v.iter().map(|&x| x as i64).collect()),
                    values => signed(values),
                };
                walk.rows(|row, cell, one| add_whole(&mut sums[cell..], &values[row], one));
            }
            State::Sums {
                values: sums,
                weights: totals,
            } => {
                let values = floats(values);
                match weights.map(floats) {
                    Some(weights) => walk.rows(|row, cell, one| {
                        let (values, weights) = (&values[row.clone()], &weights[row]);
                        add_weighted(sums, totals, cell, values, weights, one, skip);
                    }),
                    None => walk.rows(|row, cell, one| match one {
                        true => {
                            let (sum, count) = if skip {
                                sum_present(&values[row])
                            } else {
                                (sum(&values[row.clone()]), row.len() as f64)
                            };
                            sums.add(cell, sum);
                            totals.add(cell, count);
                        }
                        false => add_each(sums, totals, cell, &values[row], skip),
                    }),
                }
            }
            State::Moments(cells) => {
                let values = floats(values);
                walk.rows(|row, cell, one| match one {
                    true => cells[cell].merge(moments(&values[row], skip)),
                    false => {
                        for (cell, &x) in cells[cell..].iter_mut().zip(&values[row]) {
                            if !(skip && x.is_nan()) {
                                cell.add(x);
                            }
                        }
                    }
                });
            }
            State::Float(cells) => {
                let values = floats(values);
                walk.each(|i, cell, index| {
                    let value = values[i];
                    if !(skip && value.is_nan()) {
                        cells[cell].offer(value, index, least, f64::is_nan);
                    }
                });
            }
            State::Signed(cells) => {
                let values = signed(values);
                walk.each(|i, cell, index| cells[cell].offer(values[i], index, least, |_| false));
            }
            State::Unsigned(cells) => {
                if let Buffer::U64(values) = values {
                    walk.each(|i, cell, index| {
                        cells[cell].offer(values[i], index, least, |_| false)
                    });
                }
            }
            State::Flags(flags) => {
                let any = matches!(reduction.statistic, Statistic::Any);
                // NaN is not zero.
                let Buffer::Bool(values) = values.clone().cast(DType::Bool) else {
                    return;
                };
                walk.rows(|row, cell, one| match one {
                    true if any => flags[cell] |= values[row].contains(&true),
                    true => flags[cell] &= !values[row].contains(&false),
                    false => {
                        for (flag, &value) in flags[cell..].iter_mut().zip(&values[row]) {
                            *flag = if any { *flag | value } else { *flag & value };
                        }
                    }
                });
            }
            State::Counts(counts) => match &reduction.statistic {
                Statistic::Histogram { edges } => count_between(counts, edges, &floats(values)),
                _ => {
                    let values = floats(values);
                    walk.rows(|row, cell, one| match one {
                        true => {
                            counts[cell] += values[row]
                                .iter()
                                .map(|x| u64::from(!x.is_nan()))
                                .sum::<u64>()
                        }
                        false => {
                            for (count, x) in counts[cell..].iter_mut().zip(&values[row]) {
                                *count += u64::from(!x.is_nan());
                            }
                        }
                    });
                }
            },
            State::Values(cells) => {
                let values = floats(values);
                walk.rows(|row, cell, one| match one {
                    true => {
                        cells[cell].extend(values[row].iter().filter(|x| !(skip && x.is_nan())))
                    }
                    false => {
                        for (cell, x) in cells[cell..].iter_mut().zip(&values[row]) {
                            if !(skip && x.is_nan()) {
                                cell.push(*x);
                            }
                        }
                    }
                });
            }
        }
    }

    /// Takes in another state of the same reduction, of what comes after.
    pub fn merge(&mut self, reduction: &Reduction, other: State) {
        let least = matches!(reduction.statistic, Statistic::Min | Statistic::ArgMin);
        match (self, other) {
            (State::Whole(all), State::Whole(more)) => {
                all.iter_mut()
                    .zip(more)
                    .for_each(|(a, b)| *a = a.wrapping_add(b));
            }
            (
                State::Sums { values, weights },
                State::Sums {
                    values: more_values,
                    weights: more_weights,
                },
            ) => {
                values.merge(&more_values);
                weights.merge(&more_weights);
            }
            (State::Moments(all), State::Moments(more)) => {
                all.iter_mut().zip(more).for_each(|(a, b)| a.merge(b));
            }
            (State::Float(all), State::Float(more)) => merge_best(all, more, least, f64::is_nan),
            (State::Signed(all), State::Signed(more)) => merge_best(all, more, least, |_| false),
            (State::Unsigned(all), State::Unsigned(more)) => {
                merge_best(all, more, least, |_| false)
            }
            (State::Flags(all), State::Flags(more)) => {
                let any = matches!(reduction.statistic, Statistic::Any);
                all.iter_mut()
                    .zip(more)
                    .for_each(|(a, b)| *a = if any { *a | b } else { *a & b });
            }
            (State::Counts(all), State::Counts(more)) => {
                all.iter_mut().zip(more).for_each(|(a, b)| *a += b);
            }
            (State::Values(all), State::Values(more)) => {
                all.iter_mut()
                    .zip(more)
                    .for_each(|(a, mut b)| a.append(&mut b));
            }
            // One reduction has states of one kind.
            _ => {}
        }
    }

    /// The result.
    ///
    /// # Errors
    /// The index of an extreme where all are NaN and left out.
    pub fn finish(self, reduction: &Reduction, dtype: DType) -> Result<Buffer, ArrayError> {
        let statistic = &reduction.statistic;
        let is_index = matches!(statistic, Statistic::ArgMin | Statistic::ArgMax);
        let indices = |found: Vec<(u64, bool)>| {
            if found.iter().any(|(_, seen)| !seen) {
                return Err(ArrayError::Value(format!(
                    "{} of a slice that is all NaN",
                    statistic.name()
                )));
            }
            Ok(Buffer::I64(
                found.into_iter().map(|(index, _)| index as i64).collect(),
            ))
        };
        let buffer = match self {
            State::Whole(sums) => match dtype {
                DType::U64 => Buffer::U64(sums),
                _ => Buffer::I64(sums.into_iter().map(|s| s as i64).collect()),
            },
            State::Sums { values, weights } => {
                let mean = matches!(statistic, Statistic::Mean);
                let one = |i: usize| match mean {
                    true => values.get(i) / weights.get(i),
                    false => values.get(i),
                };
                Buffer::F64((0..values.high.len()).map(one).collect())
            }
            State::Moments(cells) => {
                let (ddof, root) = match statistic {
                    Statistic::Std { ddof } => (*ddof, true),
                    Statistic::Var { ddof } => (*ddof, false),
                    _ => (0.0, false),
                };
                let one = |m: Moments| {
                    // Of no elements NaN, as 0 / 0.
                    let variance = match m.count - ddof {
                        free if free > 0.0 => m.squares / free,
                        _ => m.squares / 0.0,
                    };
                    if root { variance.sqrt() } else { variance }
                };
                Buffer::F64(cells.into_iter().map(one).collect())
            }
            State::Float(cells) if is_index => {
                indices(cells.iter().map(|b| (b.index, b.seen)).collect())?
            }
            State::Signed(cells) if is_index => {
                indices(cells.iter().map(|b| (b.index, b.seen)).collect())?
            }
            State::Unsigned(cells) if is_index => {
                indices(cells.iter().map(|b| (b.index, b.seen)).collect())?
            }
            State::Float(cells) => {
                let one = |b: Best<f64>| if b.seen { b.value } else { f64::NAN };
                Buffer::F64(cells.into_iter().map(one).collect())
            }
            State::Signed(cells) => Buffer::I64(cells.into_iter().map(|b| b.value).collect()),
            State::Unsigned(cells) => Buffer::U64(cells.into_iter().map(|b| b.value).collect()),
            State::Flags(flags) => Buffer::Bool(flags),
            State::Counts(counts) => Buffer::I64(counts.into_iter().map(|c| c as i64).collect()),
            State::Values(cells) => {
                let q = match statistic {
                    Statistic::Quantile { q } => *q,
                    _ => f64::NAN,
                };
                Buffer::F64(
                    cells
                        .into_iter()
                        .map(|mut values| quantile(&mut values, q))
                        .collect(),
                )
            }
        };
        Ok(buffer.cast(dtype))
    }
}

impl Totals {
    fn new(cells: usize) -> Self {
        Totals {
            high: vec![0.0; cells],
            low: vec![0.0; cells],
        }
    }

    #[inline(always)]
    fn add(&mut self, cell: usize, value: f64) {
        let (sum, error) = two_sum(self.high[cell], value);
        self.high[cell] = sum;
        self.low[cell] += error;
    }

    fn merge(&mut self, other: &Totals) {
        for cell in 0..self.high.len() {
            self.add(cell, other.high[cell]);
            self.low[cell] += other.low[cell];
        }
    }

    fn get(&self, cell: usize) -> f64 {
        let (high, low) = (self.high[cell], self.low[cell]);
        // Infinity leaves NaN behind.
        if high.is_finite() { high + low } else { high }
    }
}

#[inline(always)]
fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let from_b = sum - a;
    (sum, (a - (sum - from_b)) + (b - from_b))
}

const LANES: usize = 16;

/// The sum in interleaved parts, which are then added in pairs.
fn sum(values: &[f64]) -> f64 {
    let mut lanes = [0.0; LANES];
    let (whole, rest) = values.as_chunks::<LANES>();
    for chunk in whole {
        for (lane, x) in lanes.iter_mut().zip(chunk) {
            *lane += x;
        }
    }
    in_pairs(lanes) + rest.iter().sum::<f64>()
}

fn in_pairs(mut lanes: [f64; LANES]) -> f64 {
    let mut len = LANES / 2;
    while len > 0 {
        for i in 0..len {
            lanes[i] += lanes[i + len];
        }
        len /= 2;
    }
    lanes[0]
}

/// The sum and count of those that are not NaN.
fn sum_present(values: &[f64]) -> (f64, f64) {
    let (mut lanes, mut counts) = ([0.0; LANES], [0.0; LANES]);
    for chunk in values.chunks(LANES) {
        for ((lane, count), x) in lanes.iter_mut().zip(&mut counts).zip(chunk) {
            let here = !x.is_nan();
            *lane += if here { *x } else { 0.0 };
            *count += if here { 1.0 } else { 0.0 };
        }
    }
    (in_pairs(lanes), in_pairs(counts))
}

fn add_each(sums: &mut Totals, totals: &mut Totals, cell: usize, values: &[f64], skip: bool) {
    let high = sums.high[cell..].iter_mut().zip(&mut sums.low[cell..]);
    let cells = high.zip(&mut totals.high[cell..]);
    for (((high, low), count), &x) in cells.zip(values) {
        let here = !(skip && x.is_nan());
        let (sum, error) = two_sum(*high, if here { x } else { 0.0 });
        *high = sum;
        *low += error;
        *count += if here { 1.0 } else { 0.0 };
    }
}

fn add_weighted(
    sums: &mut Totals,
    totals: &mut Totals,
    cell: usize,
    values: &[f64],
    weights: &[f64],
    one: bool,
    skip: bool,
) {
    let here = |x: f64| !(skip && x.is_nan());
    let both = || values.iter().zip(weights).filter(|(x, _)| here(**x));
    if one {
        let weighted: Vec<f64> = both().map(|(x, w)| x * w).collect();
        let present: Vec<f64> = both().map(|(_, w)| *w).collect();
        sums.add(cell, sum(&weighted));
        totals.add(cell, sum(&present));
        return;
    }
    for (i, (x, w)) in values.iter().zip(weights).enumerate() {
        if here(*x) {
            sums.add(cell + i, x * w);
            totals.add(cell + i, *w);
        }
    }
}

fn add_whole(sums: &mut [u64], values: &[i64], one: bool) {
    let bits = values.iter().map(|&x| x as u64);
    match (one, sums.first_mut()) {
        (true, Some(sum)) => *sum = bits.fold(*sum, u64::wrapping_add),
        _ => sums
            .iter_mut()
            .zip(bits)
            .for_each(|(sum, x)| *sum = sum.wrapping_add(x)),
    }
}

impl Moments {
    #[inline]
    fn add(&mut self, x: f64) {
        self.count += 1.0;
        let before = x - self.mean;
        self.mean += before / self.count;
        self.squares += before * (x - self.mean);
    }

    fn merge(&mut self, other: Moments) {
        if other.count == 0.0 {
            return;
        }
        let count = self.count + other.count;
        let apart = other.mean - self.mean;
        self.mean += apart * (other.count / count);
        self.squares += other.squares + apart * apart * (self.count * other.count / count);
        self.count = count;
    }
}

/// Of a row, in two passes.
fn moments(values: &[f64], skip: bool) -> Moments {
    let (total, count) = match skip {
        true => sum_present(values),
        false => (sum(values), values.len() as f64),
    };
    if count == 0.0 {
        return Moments::default();
    }
    let mean = total / count;
    let mut lanes = [0.0; LANES];
    for chunk in values.chunks(LANES) {
        for (lane, x) in lanes.iter_mut().zip(chunk) {
            let apart = x - mean;
            *lane += if skip && x.is_nan() {
                0.0
            } else {
                apart * apart
            };
        }
    }
    Moments {
        count,
        mean,
        squares: in_pairs(lanes),
    }
}

impl<T: Copy + PartialOrd> Best<T> {
    /// The better one stays; of equal ones that with the lower index. NaN is better than all.
    #[inline]
    fn offer(&mut self, value: T, index: u64, least: bool, is_nan: impl Fn(T) -> bool) {
        let better = if least {
            value < self.value
        } else {
            value > self.value
        };
        let equal = value == self.value;
        let wins = match (is_nan(value), self.seen && is_nan(self.value)) {
            _ if !self.seen => true,
            (true, true) => index < self.index,
            (true, false) => true,
            (false, true) => false,
            (false, false) => better || (equal && index < self.index),
        };
        if wins {
            *self = Best {
                value,
                index,
                seen: true,
            };
        }
    }
}

fn merge_best<T: Copy + PartialOrd>(
    all: &mut [Best<T>],
    more: Vec<Best<T>>,
    least: bool,
    is_nan: impl Fn(T) -> bool + Copy,
) {
    for (best, other) in all.iter_mut().zip(more) {
        if other.seen {
            best.offer(other.value, other.index, least, is_nan);
        }
    }
}

fn count_between(counts: &mut [u64], edges: &[f64], values: &[f64]) {
    let (Some(&low), Some(&high)) = (edges.first(), edges.last()) else {
        return;
    };
    for &x in values {
        if x >= low && x <= high {
            let bin = edges.partition_point(|&edge| edge <= x);
            counts[bin.saturating_sub(1).min(counts.len() - 1)] += 1;
        }
    }
}

/// By linear interpolation between the two nearest ranks, as numpy; NaN of none, or with NaN among them.
pub(super) fn quantile(values: &mut [f64], q: f64) -> f64 {
    if values.is_empty() || values.iter().any(|x| x.is_nan()) {
        return f64::NAN;
    }
    let at = q * (values.len() - 1) as f64;
    let below = (at.floor() as usize).min(values.len() - 1);
    let (_, &mut low, rest) = values.select_nth_unstable_by(below, f64::total_cmp);
    let high = rest.iter().copied().min_by(f64::total_cmp).unwrap_or(low);
    interpolated(low, high, at - below as f64)
}

/// numpy's `_lerp`.
pub(super) fn interpolated(low: f64, high: f64, share: f64) -> f64 {
    let apart = high - low;
    if low == high {
        return low;
    }
    match share >= 0.5 {
        true => high - apart * (1.0 - share),
        false => low + apart * share,
    }
}

fn floats(values: &Buffer) -> Cow<'_, [f64]> {
    match values {
        Buffer::F64(v) => Cow::Borrowed(v),
        other => Cow::Owned(with_buffer!(other, v => {
            v.iter().map(|x| super::buffer::Element::cast::<f64>(*x)).collect()
        })),
    }
}

fn signed(values: &Buffer) -> Cow<'_, [i64]> {
    match values {
        Buffer::I64(v) => Cow::Borrowed(v),
        other => Cow::Owned(with_buffer!(other, v => {
            v.iter().map(|x| super::buffer::Element::cast::<i64>(*x)).collect()
        })),
    }
}
