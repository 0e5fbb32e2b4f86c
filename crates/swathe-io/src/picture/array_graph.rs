//! The tasks of a lazy array as a graph: chunk, apply, combine.

use super::graph::{Graph, NodeKind};
use swathe_core::array::{Stage, shape_text};

/// So many chunks are drawn; of more, the first and the last, and between them a row for the others.
const MOST: usize = 6;
const FIRST: usize = 4;

/// The graph of these stages.
pub fn array_graph(stages: &[Stage]) -> Graph {
    let mut graph = Graph::default();
    let mut results: Vec<usize> = Vec::new();
    let mut column = 0;
    for stage in stages {
        let rows = rows(stage.chunks);
        let last = rows.len().saturating_sub(1) as f64;
        let what = stage.operations.join(", ");
        let width = if stage.apply.is_some() { 2 } else { 1 };
        graph.headings.resize(column, String::new());
        graph.headings.push("chunk".into());
        if stage.apply.is_some() {
            graph.headings.push("apply".into());
        }
        graph.headings.push("combine".into());
        let mut ends = Vec::new();
        for (row, number) in rows.iter().enumerate() {
            let place = row as f64;
            let (kind, said) = match number {
                Some(number) => (
                    NodeKind::Data,
                    vec![
                        what.clone(),
                        format!("chunk {number}: {}", shape_text(&stage.chunk_shape)),
                    ],
                ),
                None => (
                    NodeKind::Omitted,
                    vec![format!("{} more", stage.chunks + 1 - rows.len())],
                ),
            };
            let mut end = graph.node(kind, column, place, said);
            for needed in &stage.needs {
                if let Some(result) = results.get(*needed) {
                    graph.edges.push((*result, end));
                }
            }
            if let Some(apply) = &stage.apply {
                let kind = if number.is_some() {
                    NodeKind::Task
                } else {
                    NodeKind::Omitted
                };
                let task = graph.node(kind, column + 1, place, vec![apply.clone()]);
                graph.edges.push((end, task));
                end = task;
            }
            ends.push(end);
        }
        let said = vec![stage.combine.clone(), stage.result.clone()];
        let combine = graph.node(NodeKind::Task, column + width, 0.5 * last, said);
        graph
            .edges
            .extend(ends.into_iter().map(|end| (end, combine)));
        results.push(combine);
        column += width + 1;
    }
    let bytes: u64 = stages.iter().map(|stage| stage.bytes).sum();
    let tasks: usize = stages.iter().map(|stage| stage.tasks).sum();
    graph.notes = vec![format!(
        "{tasks} tasks, {bytes} bytes in chunks, none of them held longer than a task needs"
    )];
    graph
}

/// Numbers of the chunks that are drawn, and the place of those that are not.
fn rows(chunks: usize) -> Vec<Option<usize>> {
    match chunks <= MOST {
        true => (0..chunks).map(Some).collect(),
        false => {
            let first = (0..FIRST).map(Some);
            first.chain([None, Some(chunks - 1)]).collect()
        }
    }
}
