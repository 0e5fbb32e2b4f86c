//! What a computation consists of, for pictures.

use super::chunks::{lengths, shape_text};
use super::compute::{stages, tasks};
use super::expression::{Array, Operation};
use std::collections::HashSet;

/// One round of chunk, apply, combine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// What a chunk is made of and goes through, in order: all in one task.
    pub operations: Vec<String>,
    /// What is done to a chunk in the end; nothing where chunks are the result.
    pub apply: Option<String>,
    /// What combines them.
    pub combine: String,
    /// Number of tasks.
    pub tasks: usize,
    /// Chunks of the input, and the shape of the largest.
    pub chunks: usize,
    /// Shape of the first chunk.
    pub chunk_shape: Vec<usize>,
    /// Bytes of all chunks.
    pub bytes: u64,
    /// Shape and type of the result.
    pub result: String,
    /// Earlier stages whose results chunks need.
    pub needs: Vec<usize>,
}

/// The rounds that computing an array takes, the last one giving the array.
pub fn outline(array: &Array) -> Vec<Stage> {
    let order = stages(std::slice::from_ref(array));
    let ids: Vec<Vec<usize>> = order
        .iter()
        .map(|stage| stage.iter().map(Array::id).collect())
        .collect();
    let describe = |stage: &Vec<Array>| {
        let first = stage.first()?;
        let (input, apply, combine) = match &first.node.operation {
            Operation::Reduced(reduction) => {
                let names: Vec<String> =
                    stage.iter().map(|one| one.node.operation.name()).collect();
                let names = names.join(", ");
                (
                    &reduction.input,
                    Some(format!("{names}-apply")),
                    format!("{names}-combine"),
                )
            }
            _ => (first, None, "array".to_owned()),
        };
        let (mut operations, mut needs) = (Vec::new(), Vec::new());
        walk(
            input,
            &ids,
            &mut HashSet::new(),
            &mut operations,
            &mut needs,
        );
        needs.sort_unstable();
        needs.dedup();
        let chunks = input.chunks();
        Some(Stage {
            operations,
            apply,
            combine,
            tasks: tasks(stage),
            chunks: chunks.count(),
            chunk_shape: lengths(&chunks.region(0)),
            bytes: input.bytes(),
            result: format!("{} {}", shape_text(first.shape()), first.dtype()),
            needs,
        })
    };
    order.iter().filter_map(describe).collect()
}

fn walk(
    array: &Array,
    stages: &[Vec<usize>],
    seen: &mut HashSet<usize>,
    operations: &mut Vec<String>,
    needs: &mut Vec<usize>,
) {
    if !seen.insert(array.id()) {
        return;
    }
    if let Operation::Reduced(_) = array.node.operation {
        needs.extend(stages.iter().position(|ids| ids.contains(&array.id())));
        return;
    }
    for operand in array.node.operation.operands() {
        walk(operand, stages, seen, operations, needs);
    }
    match &array.node.operation {
        Operation::Constant(_) | Operation::Cast(_) | Operation::Axes { .. } => {}
        operation => operations.push(operation.name()),
    }
}
