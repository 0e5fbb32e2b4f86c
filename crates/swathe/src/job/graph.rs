//! A plan as a picture: chunks of granules, applied, combined, finished, written.

use super::Purpose;
use super::estimate::{Estimate, GranuleEstimate};
use super::plan::Plan;
use std::collections::BTreeSet;
use swathe_io::picture::{Graph, NodeKind};

/// So many granules are drawn, each in a row; of more, the first and the last, and between them a row for
/// the others.
const MOST: usize = 8;
const FIRST: usize = 4;
const LAST: usize = 2;

/// A row of the picture: granules that are drawn as one.
struct Row<'a> {
    granules: &'a [&'a GranuleEstimate],
    omitted: bool,
}

impl Plan {
    /// The plan as a graph of tasks, with the names of its outputs.
    pub fn graph(&self, estimate: &Estimate, outputs: &[String]) -> Graph {
        let near: Vec<&GranuleEstimate> = estimate
            .granules
            .iter()
            .filter(|granule| granule.near.is_some())
            .collect();
        let mut graph = Graph {
            headings: vec!["chunks".into(), "apply".into()],
            notes: self.notes_of_graph(estimate, near.len()),
            ..Graph::default()
        };
        let mut applied = Vec::new();
        for (i, row) in rows(&near).iter().enumerate() {
            let place = i as f64;
            let kind = |usual| {
                if row.omitted {
                    NodeKind::Omitted
                } else {
                    usual
                }
            };
            let chunks = graph.node(kind(NodeKind::Data), 0, place, row.said());
            let tiles = row.tiles();
            let said = vec![
                format!("apply {}", self.method.name()),
                count(tiles.len(), "tile"),
            ];
            let apply = graph.node(kind(NodeKind::Task), 1, place, said);
            graph.edges.push((chunks, apply));
            applied.push(Applied {
                node: apply,
                place,
                tiles,
                omitted: row.omitted,
            });
        }
        let finished = match self.purpose {
            Purpose::Average => combine(&mut graph, applied, estimate.finished),
            Purpose::Cube => each(&mut graph, applied),
        };
        self.add_outputs(&mut graph, &finished, outputs);
        graph
    }

    fn add_outputs(&self, graph: &mut Graph, finished: &[(usize, f64)], outputs: &[String]) {
        let fields = || vec![self.fields().collect::<Vec<_>>().join(", ")];
        let names = if outputs.is_empty() {
            fields()
        } else {
            outputs.to_vec()
        };
        let column = graph.headings.len();
        graph.headings.push("outputs".into());
        let places = finished.iter().map(|(_, place)| place);
        let middle = places.sum::<f64>() / finished.len().max(1) as f64;
        for (i, name) in names.iter().enumerate() {
            let place = middle + i as f64 - 0.5 * (names.len() - 1) as f64;
            let output = graph.node(NodeKind::Data, column, place, vec![name.clone()]);
            graph
                .edges
                .extend(finished.iter().map(|(node, _)| (*node, output)));
        }
        let top = graph.nodes.iter().map(|n| n.row).fold(0.0, f64::min);
        graph.nodes.iter_mut().for_each(|node| node.row -= top);
    }

    fn notes_of_graph(&self, estimate: &Estimate, near: usize) -> Vec<String> {
        let (rows, columns) = self.geobox().shape();
        let mut notes = vec![format!(
            "{columns} x {rows} cells in {}; {} may give to {}",
            count(self.tiling.tiles(), "tile"),
            count(near, "granule"),
            count(union(&estimate.granules).len(), "tile")
        )];
        let far = estimate.granules.len() - near;
        if far > 0 {
            notes.push(format!(
                "{} outside the area: nothing is read of them",
                count(far, "granule")
            ));
        }
        if self.purpose == Purpose::Average && near > 1 {
            notes.push(
                "Granules are combined as they end: sums are exact, so every order and grouping gives the same."
                    .into(),
            );
        }
        notes
    }
}

/// A granule that was applied, or several that were combined.
struct Applied {
    node: usize,
    place: f64,
    tiles: BTreeSet<usize>,
    omitted: bool,
}

/// Combines two and two until one is left, and finishes it.
fn combine(graph: &mut Graph, mut level: Vec<Applied>, tiles: usize) -> Vec<(usize, f64)> {
    while level.len() > 1 {
        let column = graph.headings.len();
        graph.headings.push("combine".into());
        let mut next = Vec::with_capacity(level.len().div_ceil(2));
        let mut parts = level.into_iter();
        while let Some(first) = parts.next() {
            // An odd one goes on as it is.
            let Some(second) = parts.next() else {
                next.push(first);
                break;
            };
            let place = 0.5 * (first.place + second.place);
            let both: BTreeSet<usize> = first.tiles.union(&second.tiles).copied().collect();
            let said = vec!["combine".into(), count(both.len(), "tile")];
            let node = graph.node(NodeKind::Task, column, place, said);
            graph
                .edges
                .extend([(first.node, node), (second.node, node)]);
            next.push(Applied {
                node,
                place,
                tiles: both,
                omitted: false,
            });
        }
        level = next;
    }
    finish(graph, level, |_| count(tiles, "tile"))
}

/// Finishes every granule for itself.
fn each(graph: &mut Graph, applied: Vec<Applied>) -> Vec<(usize, f64)> {
    finish(graph, applied, |one| match one.omitted {
        true => "their maps".into(),
        false => "one map".into(),
    })
}

fn finish(
    graph: &mut Graph,
    applied: Vec<Applied>,
    said: impl Fn(&Applied) -> String,
) -> Vec<(usize, f64)> {
    let column = graph.headings.len();
    graph.headings.push("finish".into());
    let mut finished = Vec::with_capacity(applied.len());
    for one in applied {
        let kind = if one.omitted {
            NodeKind::Omitted
        } else {
            NodeKind::Task
        };
        let node = graph.node(kind, column, one.place, vec!["finish".into(), said(&one)]);
        graph.edges.push((one.node, node));
        finished.push((node, one.place));
    }
    finished
}

/// What is drawn of granules.
fn rows<'a>(near: &'a [&'a GranuleEstimate]) -> Vec<Row<'a>> {
    let each = |granules: &'a [&'a GranuleEstimate]| {
        granules.chunks(1).map(|granules| Row {
            granules,
            omitted: false,
        })
    };
    if near.len() <= MOST {
        return each(near).collect();
    }
    let (first, rest) = near.split_at(FIRST);
    let (others, last) = rest.split_at(rest.len() - LAST);
    let others = Row {
        granules: others,
        omitted: true,
    };
    each(first).chain([others]).chain(each(last)).collect()
}

impl Row<'_> {
    fn tiles(&self) -> BTreeSet<usize> {
        union(self.granules.iter().copied())
    }

    fn said(&self) -> Vec<String> {
        let chunks = self
            .granules
            .iter()
            .map(|granule| granule.cost.chunks)
            .sum();
        match (self.granules, self.omitted) {
            ([granule], false) => {
                let lines = granule.near.clone().unwrap_or_default();
                let (start, end) = (lines.start, lines.end);
                vec![
                    granule.name.clone(),
                    format!("{}, lines {start} to {end}", count(chunks, "chunk")),
                ]
            }
            (others, _) => vec![format!("... {} more", others.len()), count(chunks, "chunk")],
        }
    }
}

fn union<'a>(granules: impl IntoIterator<Item = &'a GranuleEstimate>) -> BTreeSet<usize> {
    let tiles = granules.into_iter().flat_map(|granule| &granule.tiles);
    tiles.copied().collect()
}

/// A number of things.
fn count(number: usize, thing: &str) -> String {
    match number {
        1 => format!("1 {thing}"),
        _ => format!("{number} {thing}s"),
    }
}
