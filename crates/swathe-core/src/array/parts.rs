//! A computation in parts, for runners that are elsewhere: tasks on chunks give parts, parts are merged in a
//! tree, what comes out is finished. All of it has the bytes of [`super::compute`].

use super::buffer::Buffer;
use super::chunks::{Region, elements, lengths, strides};
use super::compute::{
    Job, Run, cells_of, empty_states, finish, input_region, is_selected, jobs, merge, reduced,
    reduced_elements, shared, stages, task_bytes,
};
use super::error::ArrayError;
use super::evaluate::{Evaluator, Known};
use super::expression::{Array, Operation};
use super::layout::scatter;
use super::reach::{Reach, reach};
use super::state::State;
use super::tree::{FAN, Tree};
use rayon::ThreadPool;
use std::collections::HashSet;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;

/// An array's computation, cut into tasks.
pub struct Parts {
    array: Array,
    stages: Vec<Vec<Array>>,
    shared: HashSet<usize>,
    /// Of each stage the tasks, those of a chunk of the result together.
    jobs: Vec<Vec<Job>>,
}

/// What a stage consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// Chunks of the result, each made by a task.
    Chunks {
        /// Number of chunks.
        chunks: usize,
    },
    /// Shares, which are merged for every chunk of the result.
    Shares {
        /// Number of chunks of the result.
        chunks: usize,
        /// Number of shares of each.
        shares: usize,
        /// Elements that a share is made of, at most.
        elements: usize,
    },
    /// One task.
    Whole,
}

/// What some of the chunks gave.
#[derive(Debug, Clone)]
pub struct Share(Vec<State>);

/// Results of stages that others need, by their numbers.
pub type Earlier = Vec<(usize, Vec<Arc<Buffer>>)>;

/// Outside arrays, each with the numbers of its chunks that a task reads.
pub type Reads = Vec<(Array, Vec<usize>)>;

fn unknown() -> ArrayError {
    ArrayError::Value("there is no such task".into())
}

impl Parts {
    /// So many parts are merged at a time: the first so many, the next so many, and again of those.
    pub const MERGED: usize = FAN;

    /// Of an array.
    pub fn new(array: &Array) -> Self {
        let arrays = std::slice::from_ref(array);
        let stages = stages(arrays);
        let tasks = |stage: &Vec<Array>| match stage.first() {
            Some(result) => match &result.node.operation {
                Operation::Reduced(reduction) if !is_selected(reduction) => jobs(reduction, result),
                _ => Vec::new(),
            },
            None => Vec::new(),
        };
        Parts {
            array: array.clone(),
            jobs: stages.iter().map(tasks).collect(),
            stages,
            shared: shared(arrays),
        }
    }

    /// The array.
    pub fn array(&self) -> &Array {
        &self.array
    }

    /// What each stage consists of, and the numbers of the stages that it needs; the last one gives the array.
    pub fn stages(&self) -> Vec<(Work, Vec<usize>)> {
        let one = |(number, stage): (usize, &Vec<Array>)| {
            let first = stage.first().map(|array| (array, &array.node.operation));
            let work = match first {
                Some((_, Operation::Reduced(reduction))) => {
                    match self.jobs.get(number).map(Vec::as_slice) {
                        Some(jobs @ [job, ..]) => Work::Shares {
                            chunks: jobs.last().map_or(0, |job| job.chunk + 1),
                            shares: jobs.iter().take_while(|job| job.chunk == 0).count(),
                            elements: job
                                .inputs
                                .len()
                                .saturating_mul(reduction.input.chunks().largest()),
                        },
                        _ => Work::Whole,
                    }
                }
                _ => Work::Chunks {
                    chunks: first.map_or(0, |(array, _)| array.chunks().count()),
                },
            };
            (work, self.needs(stage))
        };
        self.stages.iter().enumerate().map(one).collect()
    }

    /// Bytes that a task of a stage holds, at most, with the results of stages that it needs; and those of a share, where
    /// there are shares: to merge some takes twice their bytes.
    pub fn bytes(&self, stage: usize) -> (u64, u64) {
        let Some(arrays) = self.stages.get(stage) else {
            return (0, 0);
        };
        let all = |array: &Array| (array.len() * array.dtype().size()) as u64;
        let chunk = |array: &Array| (array.chunks().largest() * array.dtype().size()) as u64;
        let needed: u64 = self
            .needs(arrays)
            .iter()
            .map(|stage| {
                let arrays = self.stages.get(*stage);
                arrays.into_iter().flatten().map(all).sum::<u64>()
            })
            .sum();
        let jobs = self.jobs.get(stage).map_or(&[][..], Vec::as_slice);
        match (self.reductions(arrays), jobs.is_empty()) {
            (Some(reductions), false) => {
                let (mut share, mut reading, mut finished) = (0, 0, 0);
                for (reduction, array) in reductions {
                    let cells = array.chunks().largest() as u64;
                    let each = State::bytes_per_cell(reduction, reduced_elements(reduction));
                    share += cells.saturating_mul(each as u64);
                    let weights = reduction.weights.as_ref().map_or(0, task_bytes);
                    reading = reading.max(task_bytes(&reduction.input) + weights);
                    finished += chunk(array);
                }
                let made = share.saturating_mul(2).saturating_add(finished);
                (needed + made.max(share.saturating_add(reading)), share)
            }
            (Some(reductions), true) => {
                // Two at a time, on one thread.
                let reading = reductions.iter().map(|(r, _)| 2 * task_bytes(&r.input));
                (needed + reading.max().unwrap_or(0), 0)
            }
            (None, _) => {
                let made = arrays.iter().map(|array| task_bytes(array) + chunk(array));
                (needed + made.max().unwrap_or(0), 0)
            }
        }
    }

    /// Tasks of a chunk of a stage's results.
    fn jobs_of(
        &self,
        stage: usize,
        chunk: usize,
        shares: Range<usize>,
    ) -> Result<&[Job], ArrayError> {
        let jobs = self.jobs.get(stage).ok_or_else(unknown)?;
        let each = jobs.iter().take_while(|job| job.chunk == 0).count();
        let start = chunk.checked_mul(each).ok_or_else(unknown)?;
        let own = jobs
            .get(start..start.saturating_add(each))
            .ok_or_else(unknown)?;
        own.get(shares)
            .filter(|own| !own.is_empty())
            .ok_or_else(unknown)
    }

    /// The reductions of a stage; nothing where it is made of chunks.
    fn reductions<'a>(
        &self,
        stage: &'a [Array],
    ) -> Option<Vec<(&'a super::reduction::Reduction, &'a Array)>> {
        let one = |array: &'a Array| match &array.node.operation {
            Operation::Reduced(reduction) => Some((reduction, array)),
            _ => None,
        };
        stage.iter().map(one).collect()
    }

    /// Stages whose results one stands upon.
    fn needs(&self, stage: &[Array]) -> Vec<usize> {
        fn visit(array: &Array, root: bool, seen: &mut HashSet<usize>, met: &mut HashSet<usize>) {
            if !seen.insert(array.id()) {
                return;
            }
            if !root && matches!(array.node.operation, Operation::Reduced(_)) {
                met.insert(array.id());
                return;
            }
            for operand in array.node.operation.operands() {
                visit(operand, false, seen, met);
            }
        }
        let mut met = HashSet::new();
        for array in stage {
            visit(array, true, &mut HashSet::new(), &mut met);
        }
        let has = |stage: &Vec<Array>| stage.iter().any(|array| met.contains(&array.id()));
        let numbers = self.stages.iter().enumerate();
        numbers
            .filter_map(|(number, stage)| has(stage).then_some(number))
            .collect()
    }

    fn stage(&self, stage: usize) -> Result<&[Array], ArrayError> {
        self.stages
            .get(stage)
            .map(Vec::as_slice)
            .ok_or_else(unknown)
    }

    fn together(
        &self,
        stage: usize,
    ) -> Result<Vec<(&super::reduction::Reduction, &Array)>, ArrayError> {
        self.reductions(self.stage(stage)?).ok_or_else(unknown)
    }

    fn known(&self, earlier: &Earlier) -> Result<Known, ArrayError> {
        let mut known = Known::new();
        for (stage, results) in earlier {
            let arrays = self.stage(*stage)?;
            for (array, values) in arrays.iter().zip(results.iter()) {
                if values.len() != array.len() || values.dtype() != array.dtype() {
                    return Err(unknown());
                }
                known.insert(array.id(), values.clone());
            }
        }
        Ok(known)
    }

    /// A chunk of the array, where its stage is made of chunks.
    ///
    /// # Errors
    /// A source that cannot be read; a chunk that is not there.
    pub fn chunk(&self, chunk: usize, earlier: &Earlier) -> Result<Buffer, ArrayError> {
        let chunks = self.array.chunks();
        if chunk >= chunks.count() {
            return Err(unknown());
        }
        let known = self.known(earlier)?;
        Evaluator::new(&known, &self.shared).region(&self.array, &chunks.region(chunk))
    }

    /// Parts of a chunk of the result, merged as they are in the tree: of so many as [`Parts::MERGED`] or a
    /// power of it, beginning at a multiple, or of all that are left.
    ///
    /// # Errors
    /// As [`Parts::chunk`].
    pub fn apply(
        &self,
        stage: usize,
        chunk: usize,
        shares: Range<usize>,
        earlier: &Earlier,
    ) -> Result<Share, ArrayError> {
        let all = self.together(stage)?;
        let own = self.jobs_of(stage, chunk, shares)?;
        let known = self.known(earlier)?;
        let mut evaluator = Evaluator::new(&known, &self.shared);
        let mut tree = Tree::default();
        let join = |into: &mut Vec<State>, more: Vec<State>| merge(&all, into, more);
        for job in own {
            tree.push(
                reduced(&all, chunk, job.inputs.clone(), &mut evaluator)?,
                join,
            );
        }
        tree.finish(join).map(Share).ok_or_else(unknown)
    }

    /// Parts that follow each other, merged; at most [`Parts::MERGED`].
    ///
    /// # Errors
    /// Parts of other stages or chunks.
    pub fn merge(&self, stage: usize, parts: Vec<Share>) -> Result<Share, ArrayError> {
        let all = self.together(stage)?;
        let mut parts = parts.into_iter();
        let mut first = parts.next().ok_or_else(unknown)?;
        for part in parts {
            let alike = first.0.len() == part.0.len()
                && first.0.iter().zip(&part.0).all(|(a, b)| a.is_like(b));
            if !alike {
                return Err(unknown());
            }
            merge(&all, &mut first.0, part.0);
        }
        Ok(first)
    }

    /// The results of a stage in a chunk of them.
    ///
    /// # Errors
    /// A part of another stage or chunk; an index of an extreme where all are NaN and left out.
    pub fn finish(
        &self,
        stage: usize,
        chunk: usize,
        part: Share,
    ) -> Result<Vec<Buffer>, ArrayError> {
        let all = self.together(stage)?;
        let (first, result) = all.first().ok_or_else(unknown)?;
        if jobs(first, result)
            .last()
            .is_none_or(|job| chunk > job.chunk)
        {
            return Err(unknown());
        }
        let like = empty_states(&all, chunk);
        if like.len() != part.0.len() || like.iter().zip(&part.0).any(|(a, b)| !a.is_like(b)) {
            return Err(unknown());
        }
        finish(&all, part.0)
    }

    /// The results of a stage, of its chunks in order.
    ///
    /// # Errors
    /// Not all chunks, or others.
    pub fn gather(
        &self,
        stage: usize,
        chunks: &[Vec<Arc<Buffer>>],
    ) -> Result<Vec<Buffer>, ArrayError> {
        let all = self.together(stage)?;
        let mut whole = Vec::with_capacity(all.len());
        for (place, (reduction, result)) in all.iter().enumerate() {
            let mut values = Buffer::zeros(result.dtype(), result.len());
            let to = strides(result.shape());
            let mut have = 0;
            for (number, chunk) in chunks.iter().enumerate() {
                let region: Region = cells_of(reduction, result, number);
                let own = chunk.get(place).ok_or_else(unknown)?;
                if own.len() != elements(&region) || own.dtype() != result.dtype() {
                    return Err(unknown());
                }
                have += own.len();
                let offset = region.iter().zip(&to).map(|(r, s)| r.start as isize * s);
                scatter(&mut values, offset.sum(), &to, &lengths(&region), own);
            }
            if have != result.len() {
                return Err(unknown());
            }
            whole.push(values);
        }
        Ok(whole)
    }

    /// The results of a stage that is one task.
    ///
    /// # Errors
    /// As [`Parts::chunk`].
    pub fn whole(
        &self,
        stage: usize,
        pool: &ThreadPool,
        earlier: &Earlier,
    ) -> Result<Vec<Buffer>, ArrayError> {
        let arrays = self.stage(stage)?;
        let mut observer = |_| ControlFlow::Continue(());
        let known = self.known(earlier)?;
        Run::new(pool, known, self.shared.clone(), &mut observer).stage(arrays)
    }

    /// The chunks of outside arrays that a task reads: of a chunk of the array, or of parts of a stage.
    ///
    /// # Errors
    /// A task that is not there.
    pub fn reads(
        &self,
        stage: usize,
        chunk: usize,
        shares: Range<usize>,
    ) -> Result<Reads, ArrayError> {
        let arrays = self.stage(stage)?;
        let mut found = Reach::new();
        match self.reductions(arrays) {
            None => {
                let chunks = self.array.chunks();
                if chunk >= chunks.count() {
                    return Err(unknown());
                }
                reach(&self.array, &chunks.region(chunk), &mut found);
            }
            Some(all) => {
                let (first, result) = all.first().ok_or_else(unknown)?;
                if is_selected(first) {
                    let whole: Region = first.input.shape().iter().map(|&len| 0..len).collect();
                    reach(&first.input, &whole, &mut found);
                } else {
                    for job in self.jobs_of(stage, chunk, shares)? {
                        for number in job.inputs.clone() {
                            let region = input_region(first, result, chunk, number);
                            reach(&first.input, &region, &mut found);
                            if let Some(weights) = &first.weights {
                                reach(weights, &region, &mut found);
                            }
                        }
                    }
                }
            }
        }
        let reads = found
            .into_values()
            .map(|(array, chunks)| (array, chunks.into_iter().collect()));
        Ok(reads.collect())
    }
}

impl Share {
    /// As bytes.
    ///
    /// # Errors
    /// Never, in practice.
    pub fn to_bytes(&self) -> Result<Vec<u8>, ArrayError> {
        postcard::to_stdvec(&self.0).map_err(|error| ArrayError::Value(error.to_string()))
    }

    /// Of bytes; what does not belong to a stage is refused where it is used.
    ///
    /// # Errors
    /// Bytes that are no part.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ArrayError> {
        let states = postcard::from_bytes(bytes);
        states
            .map(Share)
            .map_err(|error| ArrayError::Value(format!("a part as bytes is damaged: {error}")))
    }
}
