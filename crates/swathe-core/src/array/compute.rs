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
use super::tree::Tree;
use crate::run::{InFlight, execute};
use crate::watch::{self, Task};
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
/// States of more cells are not kept for many tasks at once without need.
const SMALL_STATE: usize = 1 << 11;
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
pub fn compute(
    array: &Array,
    pool: &ThreadPool,
    memory: Option<u64>,
) -> Result<Buffer, ArrayError> {
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
    let mut values = compute_all(std::slice::from_ref(array), pool, memory, observer)?;
    values.pop().ok_or_else(nothing)
}

/// Several arrays. Reductions of one array over the same axes see its elements at the same time: it is
/// generated or read once for all of them.
///
/// # Errors
/// As [`compute_observed`].
pub fn compute_all(
    arrays: &[Array],
    pool: &ThreadPool,
    memory: Option<u64>,
    observer: &mut Observer<'_>,
) -> Result<Vec<Buffer>, ArrayError> {
    let order = stages(arrays);
    let mut run = Run {
        pool,
        memory,
        known: Known::new(),
        shared: shared(arrays),
        observer,
        step: Step {
            done: 0,
            total: order.iter().map(|stage| tasks(stage)).sum(),
        },
    };
    for stage in &order {
        let values = run.stage(stage)?;
        let made = stage
            .iter()
            .map(Array::id)
            .zip(values.into_iter().map(Arc::new));
        run.known.extend(made);
    }
    let mut known = run.known;
    let last = |i: usize| {
        arrays
            .iter()
            .skip(i + 1)
            .all(|later| later.id() != arrays[i].id())
    };
    let values = arrays.iter().enumerate().map(|(i, array)| {
        let values = if last(i) {
            known.remove(&array.id())
        } else {
            known.get(&array.id()).cloned()
        };
        let values = values.ok_or_else(nothing)?;
        Ok(Arc::try_unwrap(values).unwrap_or_else(|shared| (*shared).clone()))
    });
    values.collect()
}

fn nothing() -> ArrayError {
    ArrayError::Value("nothing was computed".into())
}

/// What is computed one after another: reductions that others stand upon, those of one array together, and
/// the arrays.
pub(super) fn stages(arrays: &[Array]) -> Vec<Vec<Array>> {
    fn visit(array: &Array, is_root: bool, seen: &mut HashSet<usize>, order: &mut Vec<Array>) {
        if !seen.insert(array.id()) {
            return;
        }
        for operand in array.node.operation.operands() {
            visit(operand, false, seen, order);
        }
        if is_root || matches!(array.node.operation, Operation::Reduced(_)) {
            order.push(array.clone());
        }
    }
    let mut order = Vec::new();
    let mut seen = HashSet::new();
    for array in arrays {
        visit(array, true, &mut seen, &mut order);
        // It was met before, within another.
        if order.iter().all(|one| one.id() != array.id()) {
            order.push(array.clone());
        }
    }
    let together = |array: &Array| match &array.node.operation {
        Operation::Reduced(r)
            if !is_selected(r) && !matches!(r.statistic, Statistic::Histogram { .. }) =>
        {
            Some((
                r.input.id(),
                r.weights.as_ref().map(Array::id),
                r.reduced.clone(),
            ))
        }
        _ => None,
    };
    let mut stages: Vec<Vec<Array>> = Vec::new();
    for array in order {
        let key = together(&array);
        let same = |stage: &&mut Vec<Array>| {
            key.is_some() && stage.first().is_some_and(|a| together(a) == key)
        };
        match stages.iter_mut().find(same) {
            Some(stage) => stage.push(array),
            None => stages.push(vec![array]),
        }
    }
    stages
}

/// Arrays that more than one operand refers to.
pub(super) fn shared(arrays: &[Array]) -> HashSet<usize> {
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
    let (mut seen, mut shared) = (HashSet::new(), HashSet::new());
    arrays
        .iter()
        .for_each(|array| visit(array, &mut seen, &mut shared));
    shared
}

/// A part of a stage: chunks of the input for one chunk of the result.
pub(super) struct Job {
    pub chunk: usize,
    /// Of the input's chunks that the result's chunk stands upon, these.
    pub inputs: Range<usize>,
    /// Whether they are all.
    alone: bool,
}

/// Number of tasks of a stage.
pub(super) fn tasks(stage: &[Array]) -> usize {
    let Some(stage) = stage.first() else {
        return 0;
    };
    match &stage.node.operation {
        Operation::Reduced(reduction) if is_selected(reduction) => {
            select::PASSES * reduction.input.chunks().count()
        }
        Operation::Reduced(reduction) => jobs(reduction, stage).len(),
        _ => stage.chunks().count(),
    }
}

/// Whether a quantile is found without holding the elements.
pub(super) fn is_selected(reduction: &Reduction) -> bool {
    matches!(reduction.statistic, Statistic::Quantile { .. })
        && reduction.reduced.iter().all(|r| *r)
        && reduction.input.len() > HELD_FOR_QUANTILE
}

pub(super) fn jobs(reduction: &Reduction, result: &Array) -> Vec<Job> {
    let column = column(reduction);
    let outputs = match reduction.statistic {
        Statistic::Histogram { .. } => 1,
        _ => result.chunks().count(),
    };
    let per_chunk = reduction.input.chunks().largest().max(1);
    let small = result.chunks().largest() <= SMALL_STATE;
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
            jobs.push(Job {
                chunk,
                inputs,
                alone,
            });
        }
    }
    jobs
}

/// Number of input chunks that each chunk of the result stands upon.
fn column(reduction: &Reduction) -> usize {
    let counts = reduction.input.chunks().counts();
    let reduced = counts.iter().zip(&reduction.reduced);
    reduced
        .map(|(count, gone)| if *gone { *count } else { 1 })
        .product()
}

/// Elements that each element of the result stands upon.
pub(super) fn reduced_elements(reduction: &Reduction) -> usize {
    let reduced = reduction.input.shape().iter().zip(&reduction.reduced);
    reduced
        .map(|(len, gone)| if *gone { *len } else { 1 })
        .product()
}

/// Where the input's chunk of this number lies, for a chunk of the result.
pub(super) fn input_region(
    reduction: &Reduction,
    result: &Array,
    chunk: usize,
    number: usize,
) -> Region {
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

/// The cells of a chunk of the result: of a histogram all.
pub(super) fn cells_of(reduction: &Reduction, result: &Array, chunk: usize) -> Region {
    match reduction.statistic {
        Statistic::Histogram { .. } => std::iter::once(0..result.len()).collect(),
        _ => result.chunks().region(chunk),
    }
}

/// Reductions of one array over the same axes, each with its result.
pub(super) type Together<'a> = [(&'a Reduction, &'a Array)];

/// States of nothing, for a chunk of the results.
pub(super) fn empty_states(all: &Together<'_>, chunk: usize) -> Vec<State> {
    let new = |(reduction, result): &(&Reduction, &Array)| {
        State::new(reduction, elements(&cells_of(reduction, result, chunk)))
    };
    all.iter().map(new).collect()
}

/// States for a chunk of the results, of some of the input's chunks that it stands upon.
pub(super) fn reduced(
    all: &Together<'_>,
    chunk: usize,
    inputs: Range<usize>,
    evaluator: &mut Evaluator<'_>,
) -> Result<Vec<State>, ArrayError> {
    let mut states = empty_states(all, chunk);
    if let Some((first, result)) = all.first() {
        let region = cells_of(first, result, chunk);
        for number in inputs {
            let input = input_region(first, result, chunk, number);
            evaluator.reduce(all, &input, &region, &mut states)?;
        }
    }
    Ok(states)
}

/// Merges what comes after into states.
pub(super) fn merge(all: &Together<'_>, into: &mut [State], more: Vec<State>) {
    for ((state, part), (reduction, _)) in into.iter_mut().zip(more).zip(all) {
        state.merge(reduction, part);
    }
}

/// The results of states.
pub(super) fn finish(all: &Together<'_>, states: Vec<State>) -> Result<Vec<Buffer>, ArrayError> {
    let one = |(state, (reduction, array)): (State, &(&Reduction, &Array))| {
        state.finish(reduction, array.dtype())
    };
    states.into_iter().zip(all).map(one).collect()
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

impl<'a, 'o> Run<'a, 'o> {
    /// Of a stage, what it needs being known.
    pub(super) fn new(
        pool: &'a ThreadPool,
        known: Known,
        shared: HashSet<usize>,
        observer: &'a mut Observer<'o>,
    ) -> Self {
        let step = Step { done: 0, total: 0 };
        Run {
            pool,
            memory: None,
            known,
            shared,
            observer,
            step,
        }
    }
}

impl Run<'_, '_> {
    pub(super) fn stage(&mut self, stage: &[Array]) -> Result<Vec<Buffer>, ArrayError> {
        let mut reductions = Vec::with_capacity(stage.len());
        for array in stage {
            match &array.node.operation {
                Operation::Reduced(reduction) => reductions.push((reduction, array)),
                _ => return self.elements(array).map(|values| vec![values]),
            }
        }
        if let [(reduction, array)] = reductions[..]
            && let Statistic::Quantile { q } = reduction.statistic
            && is_selected(reduction)
        {
            return Ok(vec![
                select::quantile(self, reduction, q)?.cast(array.dtype()),
            ]);
        }
        self.reduce(&reductions)
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
                let offset = region
                    .iter()
                    .zip(&to)
                    .map(|(r, s)| r.start as isize * s)
                    .sum();
                scatter(&mut all, offset, &to, &lengths(&region), &values);
                Ok(())
            },
        )?;
        Ok(all)
    }

    /// Reductions of one array over the same axes.
    fn reduce(&mut self, all: &[(&Reduction, &Array)]) -> Result<Vec<Buffer>, ArrayError> {
        enum Made {
            Parts(Vec<State>),
            Finished(Vec<Buffer>),
        }
        let Some(&(first, result)) = all.first() else {
            return Ok(Vec::new());
        };
        let jobs = jobs(first, result);
        let cells_of = |chunk: usize| cells_of(first, result, chunk);
        let seen = reduced_elements(first);
        let per_cell: usize = all
            .iter()
            .map(|(r, _)| State::bytes_per_cell(r, seen))
            .sum();
        let cells = result.chunks().largest() as u64;
        let weights = first.weights.as_ref().map_or(0, task_bytes);
        let bytes = task_bytes(&first.input) + weights + cells * per_cell as u64;
        let zeros = |(_, array): &(&Reduction, &Array)| Buffer::zeros(array.dtype(), array.len());
        let mut results: Vec<Buffer> = all.iter().map(zeros).collect();
        let to = strides(result.shape());
        let mut put = |chunk: usize, values: &[Buffer]| {
            let region = cells_of(chunk);
            let offset = region
                .iter()
                .zip(&to)
                .map(|(r, s)| r.start as isize * s)
                .sum();
            for (result, values) in results.iter_mut().zip(values) {
                scatter(result, offset, &to, &lengths(&region), values);
            }
        };
        let finish = |states: Vec<State>| finish(all, states);
        let mut open = Tree::default();
        let merge = |into: &mut Vec<State>, more: Vec<State>| merge(all, into, more);
        self.in_order(
            jobs.len(),
            bytes,
            |evaluator, job| {
                let Job {
                    chunk,
                    inputs,
                    alone,
                } = &jobs[job];
                let states = reduced(all, *chunk, inputs.clone(), evaluator)?;
                match alone {
                    true => finish(states).map(Made::Finished),
                    false => Ok(Made::Parts(states)),
                }
            },
            |job, made| {
                let Job { chunk, .. } = &jobs[job];
                match made {
                    Made::Finished(values) => put(*chunk, &values),
                    Made::Parts(parts) => open.push(parts, merge),
                }
                let ends = jobs.get(job + 1).is_none_or(|next| next.chunk != *chunk);
                match std::mem::take(&mut open) {
                    tree if !ends => open = tree,
                    tree => {
                        if let Some(states) = tree.finish(merge) {
                            put(*chunk, &finish(states)?);
                        }
                    }
                }
                Ok(())
            },
        )?;
        Ok(results)
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
        let watched = watch::here();
        execute(
            self.pool,
            InFlight {
                tasks: in_flight,
                costs: &vec![1; count],
                allowance: u64::MAX,
            },
            |index| {
                let _entered = watched.enter();
                let _combining = watch::doing(Task::Combine);
                task(&mut Evaluator::new(known, shared), index)
            },
            |index, made| {
                let combining = watch::doing(Task::Combine);
                waiting.insert(index, made?);
                while let Some(made) = waiting.remove(&next) {
                    combine(next, made)?;
                    next += 1;
                }
                drop(combining);
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
            Operation::Unary(..)
                | Operation::Binary(..)
                | Operation::Where(..)
                | Operation::Cast(_)
        );
        let operands = array.node.operation.operands();
        let below: u64 = match array.node.operation {
            Operation::Reduced(_) => 0,
            // Chunks of one, and of the one before it.
            Operation::Concatenate { .. } => {
                2 * operands
                    .map(|o| visit(o, root, false, seen))
                    .max()
                    .unwrap_or(0)
            }
            _ => operands
                .map(|o| visit(o, root, streamed && elementwise, seen))
                .sum(),
        };
        own + below + 2 * (BLOCK * 8) as u64
    }
    visit(array, array, true, &mut HashSet::new())
}
