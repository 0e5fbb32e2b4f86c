//! Arrays are computed: chunk, apply, combine, under a memory limit.

use super::buffer::Buffer;
use super::chunks::{Region, elements, lengths, ravel, strides, unravel};
use super::error::ArrayError;
use super::evaluate::{BLOCK, Evaluator, Known};
use super::expression::{Array, Operation};
use super::layout::scatter;
use super::random::Streams;
use super::reduction::{Reduction, Statistic};
use super::select;
use super::state::State;
use crate::run::execute;
use rayon::ThreadPool;
use std::collections::{BTreeMap, HashSet};
use std::ops::{ControlFlow, Range};
use std::sync::Arc;

/// How far a computation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Tasks that have ended.
    pub done: usize,
    /// Tasks in all.
    pub total: usize,
}

/// Told of every step; may end the computation.
pub type Observer<'a> = dyn FnMut(Step) -> ControlFlow<()> + 'a;

/// Chunks of fewer elements share a task: a task costs some microseconds.
const WORTH_A_TASK: usize = 1 << 16;
/// A state of more bytes is not split among tasks without need.
const SMALL_STATE: usize = 1 << 16;
/// Tasks that are enough for any number of threads: states are not split into more.
const ENOUGH_TASKS: usize = 64;
/// Quantiles of more elements are found without holding them.
const HELD_FOR_QUANTILE: usize = 1 << 21;

/// Computes an array: its elements, row-major. The result does not depend on the pool or the limit.
///
/// The calling thread must not be one of the pool's.
///
/// # Errors
/// A source that cannot be read; a limit that is too small for one task.
pub fn compute(array: &Array, pool: &ThreadPool, memory: Option<u64>) -> Result<Buffer, ArrayError> {
    compute_observed(array, pool, memory, &mut |_| ControlFlow::Continue(()))
}

/// The same, telling of every step.
///
/// # Errors
/// As [`compute`]; [`ArrayError::Interrupted`] when the observer ends it.
pub fn compute_observed(
    array: &Array,
    pool: &ThreadPool,
    memory: Option<u64>,
    observer: &mut Observer<'_>,
) -> Result<Buffer, ArrayError> {
    let order = stages(array);
    let mut run = Run {
        pool,
        memory,
        known: Known::new(),
        shared: shared(array),
        observer,
        step: Step {
            done: 0,
            total: order.iter().map(tasks).sum(),
        },
    };
    let mut result = None;
    for stage in &order {
        let values = Arc::new(run.stage(stage)?);
        match stage.id() == array.id() {
            true => result = Some(values),
            false => {
                run.known.insert(stage.id(), values);
            }
        }
    }
    let result = result.ok_or_else(|| ArrayError::Value("nothing was computed".into()))?;
    Ok(Arc::try_unwrap(result).unwrap_or_else(|shared| (*shared).clone()))
}

/// What is computed one after another: reductions that others stand upon, and at last the array.
pub(super) fn stages(array: &Array) -> Vec<Array> {
    fn visit(array: &Array, seen: &mut HashSet<usize>, order: &mut Vec<Array>) {
        if !seen.insert(array.id()) {
            return;
        }
        for operand in array.node.operation.operands() {
            visit(operand, seen, order);
        }
        if matches!(array.node.operation, Operation::Reduced(_)) {
            order.push(array.clone());
        }
    }
    let mut order = Vec::new();
    visit(array, &mut HashSet::new(), &mut order);
    if order.last().is_none_or(|last| last.id() != array.id()) {
        order.push(array.clone());
    }
    order
}

/// Arrays that more than one operand refers to.
fn shared(array: &Array) -> HashSet<usize> {
    fn visit(array: &Array, seen: &mut HashSet<usize>, shared: &mut HashSet<usize>) {
        if !seen.insert(array.id()) {
            if !matches!(array.node.operation, Operation::Constant(_)) {
                shared.insert(array.id());
            }
            return;
        }
        for operand in array.node.operation.operands() {
            visit(operand, seen, shared);
        }
    }
    let mut shared = HashSet::new();
    visit(array, &mut HashSet::new(), &mut shared);
    shared
}

/// A part of a stage: chunks of the input for one chunk of the result.
struct Job {
    chunk: usize,
    /// Of the input's chunks that the result's chunk stands upon, these.
    inputs: Range<usize>,
    /// Whether they are all.
    alone: bool,
}

/// Number of tasks of a stage.
pub(super) fn tasks(stage: &Array) -> usize {
    match &stage.node.operation {
        Operation::Reduced(reduction) if is_selected(reduction) => {
            select::PASSES * reduction.input.chunks().count()
        }
        Operation::Reduced(reduction) => jobs(reduction, stage).len(),
        _ => stage.chunks().count(),
    }
}

/// Whether a quantile is found without holding the elements.
fn is_selected(reduction: &Reduction) -> bool {
    matches!(reduction.statistic, Statistic::Quantile { .. })
        && reduction.reduced.iter().all(|r| *r)
        && reduction.input.len() > HELD_FOR_QUANTILE
}

fn jobs(reduction: &Reduction, result: &Array) -> Vec<Job> {
    let column = column(reduction);
    let outputs = match reduction.statistic {
        Statistic::Histogram { .. } => 1,
        _ => result.chunks().count(),
    };
    let per_chunk = reduction.input.chunks().largest().max(1);
    let cell = State::bytes_per_cell(reduction, reduced_elements(reduction));
    let small = result.chunks().largest().saturating_mul(cell) <= SMALL_STATE;
    let group = match small {
        true => WORTH_A_TASK.div_ceil(per_chunk),
        false => column.div_ceil((ENOUGH_TASKS / outputs.max(1)).max(1)),
    };
    let group = group.clamp(1, column.max(1));
    let mut jobs = Vec::with_capacity(outputs * column.div_ceil(group));
    for chunk in 0..outputs {
        for start in (0..column.max(1)).step_by(group) {
            let inputs = start..(start + group).min(column);
            let alone = inputs.len() == column;
            jobs.push(Job { chunk, inputs, alone });
        }
    }
    jobs
}

/// Number of input chunks that each chunk of the result stands upon.
fn column(reduction: &Reduction) -> usize {
    let counts = reduction.input.chunks().counts();
    let reduced = counts.iter().zip(&reduction.reduced);
    reduced.map(|(count, gone)| if *gone { *count } else { 1 }).product()
}

/// Elements that each element of the result stands upon.
fn reduced_elements(reduction: &Reduction) -> usize {
    let reduced = reduction.input.shape().iter().zip(&reduction.reduced);
    reduced.map(|(len, gone)| if *gone { *len } else { 1 }).product()
}

/// Where the input's chunk of this number lies, for a chunk of the result.
fn input_region(reduction: &Reduction, result: &Array, chunk: usize, number: usize) -> Region {
    let counts = reduction.input.chunks().counts();
    let gone: Vec<usize> = counts
        .iter()
        .zip(&reduction.reduced)
        .filter_map(|(count, gone)| gone.then_some(*count))
        .collect();
    let mut along = unravel(number, &gone).into_iter();
    let kept = match reduction.statistic {
        Statistic::Histogram { .. } => Vec::new(),
        _ => unravel(chunk, &result.chunks().counts()),
    };
    let mut kept = kept.into_iter();
    let position: Vec<usize> = reduction
        .reduced
        .iter()
        .map(|gone| if *gone { along.next() } else { kept.next() }.unwrap_or(0))
        .collect();
    reduction.input.chunks().region(ravel(&position, &counts))
}

/// A computation at work.
pub(super) struct Run<'a, 'o> {
    pool: &'a ThreadPool,
    memory: Option<u64>,
    known: Known,
    shared: HashSet<usize>,
    observer: &'a mut Observer<'o>,
    step: Step,
}

impl Run<'_, '_> {
    fn stage(&mut self, stage: &Array) -> Result<Buffer, ArrayError> {
        match &stage.node.operation {
            Operation::Reduced(reduction) => match reduction.statistic {
                Statistic::Quantile { q } if is_selected(reduction) => {
                    select::quantile(self, reduction, q).map(|b| b.cast(stage.dtype()))
                }
                _ => self.reduce(reduction, stage),
            },
            _ => self.elements(stage),
        }
    }

    fn elements(&mut self, array: &Array) -> Result<Buffer, ArrayError> {
        let mut all = Buffer::zeros(array.dtype(), array.len());
        let to = strides(array.shape());
        let chunks = array.chunks();
        let bytes = task_bytes(array) + (chunks.largest() * array.dtype().size()) as u64;
        self.in_order(
            chunks.count(),
            bytes,
            |evaluator, chunk| evaluator.region(array, &chunks.region(chunk)),
            |chunk, values| {
                let region = chunks.region(chunk);
                let offset = region.iter().zip(&to).map(|(r, s)| r.start as isize * s).sum();
                scatter(&mut all, offset, &to, &lengths(&region), &values);
                Ok(())
            },
        )?;
        Ok(all)
    }

    fn reduce(&mut self, reduction: &Reduction, result: &Array) -> Result<Buffer, ArrayError> {
        enum Made {
            Part(State),
            Finished(Buffer),
        }
        let jobs = jobs(reduction, result);
        let is_histogram = matches!(reduction.statistic, Statistic::Histogram { .. });
        let cells_of = |chunk: usize| match is_histogram {
            true => vec![0..result.len()],
            false => result.chunks().region(chunk),
        };
        let per_cell = State::bytes_per_cell(reduction, reduced_elements(reduction));
        let cells = result.chunks().largest() as u64;
        let weights = reduction.weights.as_ref().map_or(0, task_bytes);
        let bytes = task_bytes(&reduction.input) + weights + cells * per_cell as u64;
        let mut all = Buffer::zeros(result.dtype(), result.len());
        let to = strides(result.shape());
        let mut put = |chunk: usize, values: &Buffer| {
            let region = cells_of(chunk);
            let offset = region.iter().zip(&to).map(|(r, s)| r.start as isize * s).sum();
            scatter(&mut all, offset, &to, &lengths(&region), values);
        };
        let mut open: Option<(usize, State)> = None;
        self.in_order(
            jobs.len(),
            bytes,
            |evaluator, job| {
                let Job { chunk, inputs, alone } = &jobs[job];
                let region = cells_of(*chunk);
                let mut state = State::new(reduction, elements(&region));
                for number in inputs.clone() {
                    let input = input_region(reduction, result, *chunk, number);
                    evaluator.reduce(reduction, &input, &region, &mut state)?;
                }
                match alone {
                    true => state.finish(reduction, result.dtype()).map(Made::Finished),
                    false => Ok(Made::Part(state)),
                }
            },
            |job, made| {
                let Job { chunk, inputs, .. } = &jobs[job];
                match made {
                    Made::Finished(values) => put(*chunk, &values),
                    Made::Part(part) => {
                        match &mut open {
                            Some((_, state)) if inputs.start > 0 => state.merge(reduction, part),
                            _ => open = Some((*chunk, part)),
                        }
                        let ends = jobs.get(job + 1).is_none_or(|next| next.chunk != *chunk);
                        if ends && let Some((chunk, state)) = open.take() {
                            put(chunk, &state.finish(reduction, result.dtype())?);
                        }
                    }
                }
                Ok(())
            },
        )?;
        Ok(all)
    }

    /// Does tasks on the pool, as many at a time as the limit allows, and combines what they give in their
    /// order.
    pub(super) fn in_order<T: Send>(
        &mut self,
        count: usize,
        bytes: u64,
        task: impl Fn(&mut Evaluator<'_>, usize) -> Result<T, ArrayError> + Sync,
        mut combine: impl FnMut(usize, T) -> Result<(), ArrayError>,
    ) -> Result<(), ArrayError> {
        let threads = self.pool.current_num_threads();
        let in_flight = match self.memory {
            Some(limit) if bytes > limit => {
                return Err(ArrayError::Memory {
                    what: "a task of this array".into(),
                    needed: bytes,
                    limit,
                });
            }
            Some(limit) => usize::try_from(limit / bytes.max(1)).unwrap_or(usize::MAX),
            None => usize::MAX,
        };
        let in_flight = in_flight.clamp(1, 2 * threads);
        let (known, shared) = (&self.known, &self.shared);
        let (observer, step) = (&mut *self.observer, &mut self.step);
        let mut waiting = BTreeMap::new();
        let mut next = 0;
        execute(
            self.pool,
            count,
            in_flight,
            |index| task(&mut Evaluator::new(known, shared), index),
            |index, made| {
                waiting.insert(index, made?);
                while let Some(made) = waiting.remove(&next) {
                    combine(next, made)?;
                    next += 1;
                }
                step.done += 1;
                match observer(*step) {
                    ControlFlow::Continue(()) => Ok(()),
                    ControlFlow::Break(()) => Err(ArrayError::Interrupted),
                }
            },
        )
    }
}

/// At most so many bytes does a task on a chunk of this array hold, its result left out.
pub(super) fn task_bytes(array: &Array) -> u64 {
    fn visit(array: &Array, root: &Array, streamed: bool, seen: &mut HashSet<usize>) -> u64 {
        if !seen.insert(array.id()) {
            return 0;
        }
        let chunk = (array.chunks().largest() * array.dtype().size()) as u64;
        let own = match &array.node.operation {
            Operation::Random { streams, .. } => match streams {
                Streams::ByPlace { .. } => 0,
                _ if streamed && array.chunks() == root.chunks() => 0,
                _ => chunk,
            },
            // What is read is decoded from something of like size.
            Operation::Source(_) => 2 * chunk,
            Operation::Slice { .. } | Operation::Axes { .. } | Operation::Concatenate { .. } => {
                chunk.min((BLOCK * BLOCK) as u64)
            }
            _ => 0,
        };
        let elementwise = matches!(
            array.node.operation,
            Operation::Unary(..) | Operation::Binary(..) | Operation::Where(..) | Operation::Cast(_)
        );
        let operands = array.node.operation.operands();
        let below: u64 = match array.node.operation {
            Operation::Reduced(_) => 0,
            _ => operands.map(|o| visit(o, root, streamed && elementwise, seen)).sum(),
        };
        own + below + 2 * (BLOCK * 8) as u64
    }
    visit(array, array, true, &mut HashSet::new())
}
