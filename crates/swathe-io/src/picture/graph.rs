//! Graphs of tasks, from left to right: as SVG, and as text for Mermaid and Graphviz.

use super::font;
use super::svg::{escaped, fitted};
use std::fmt::Write as _;

/// What a node stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeKind {
    /// Something that is there, in a box.
    Data,
    /// Something that is done, in a rounded box.
    Task,
    /// Others like those above and below, which are not drawn.
    Omitted,
}

/// A node of a graph.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// What it stands for.
    pub kind: NodeKind,
    /// The column it is in, from the left.
    pub column: usize,
    /// Its height, in rows from the top.
    pub row: f64,
    /// What it says, at most two lines.
    pub lines: Vec<String>,
}

/// A graph of tasks.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Graph {
    /// What stands above the columns.
    pub headings: Vec<String>,
    /// The nodes.
    pub nodes: Vec<Node>,
    /// Which nodes lead to which, by their numbers.
    pub edges: Vec<(usize, usize)>,
    /// What stands below.
    pub notes: Vec<String>,
}

const SIZE: f64 = 12.0;
const SMALL: f64 = 10.0;
const ROW: f64 = 52.0;
const HEIGHT: f64 = 38.0;
const PAD: f64 = 9.0;
/// Between columns.
const GAP: f64 = 44.0;
/// Around all.
const RIM: f64 = 14.0;
/// A node's text has at most so much room.
const ROOM: f64 = 310.0;

impl Graph {
    /// Adds a node, and gives its number.
    pub fn node(&mut self, kind: NodeKind, column: usize, row: f64, lines: Vec<String>) -> usize {
        self.nodes.push(Node {
            kind,
            column,
            row,
            lines,
        });
        self.nodes.len() - 1
    }

    /// The graph as an SVG document; the same graph gives the same bytes.
    pub fn svg(&self) -> String {
        let columns = self.nodes.iter().map(|n| n.column + 1).max().unwrap_or(0);
        let columns = columns.max(self.headings.len());
        // (left edge, width) of each column.
        let mut places: Vec<(f64, f64)> = Vec::with_capacity(columns);
        let mut right = RIM - GAP;
        for column in 0..columns {
            let nodes = self.nodes.iter().filter(|n| n.column == column);
            let texts = nodes.flat_map(|n| sized(&n.lines));
            let heading = self.headings.get(column).map(|h| (h.as_str(), SIZE));
            let widths = texts
                .chain(heading)
                .map(|(text, size)| font::width(text, size));
            let width = widths.fold(40.0, f64::max).min(ROOM) + 2.0 * PAD;
            places.push((right + GAP, width));
            right += GAP + width;
        }
        let top = RIM + 2.2 * SIZE;
        let rows = self.nodes.iter().map(|n| n.row + 1.0).fold(0.0, f64::max);
        let below = top + rows * ROW + 6.0;
        let noted = self.notes.iter().map(|note| font::width(note, SMALL) + RIM);
        let width = noted.fold(right.max(0.0), f64::max) + RIM;
        let height = below + self.notes.len() as f64 * 1.5 * SMALL + RIM;
        let place = |column: usize| places.get(column).copied().unwrap_or_default();
        let middle = |row: f64| top + (row + 0.5) * ROW;

        let mut svg = format!(
            r##"<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0}" height="{height:.0}" viewBox="0 0 {width:.0} {height:.0}" font-family="{}, sans-serif" font-size="{SIZE}" fill="#222222"><rect width="100%" height="100%" fill="#ffffff"/>
"##,
            font::FAMILY
        );
        for &(from, to) in &self.edges {
            let (Some(from), Some(to)) = (self.nodes.get(from), self.nodes.get(to)) else {
                continue;
            };
            let (left, width) = place(from.column);
            let (x0, y0) = (left + width, middle(from.row));
            let (x1, y1) = (place(to.column).0, middle(to.row));
            // Straight past columns between, where an odd one of a tree has its row for itself.
            let (turn, bend) = (x0.max(x1 - GAP), 0.5 * GAP);
            let _ = writeln!(
                svg,
                r##"<path d="M{x0:.1} {y0:.1}H{turn:.1}C{:.1} {y0:.1} {:.1} {y1:.1} {x1:.1} {y1:.1}" fill="none" stroke="#7d8a96"/><path d="M{x1:.1} {y1:.1}l-7 -3.5v7Z" fill="#7d8a96"/>"##,
                turn + bend,
                x1 - bend
            );
        }
        for (column, heading) in self.headings.iter().enumerate() {
            let (left, width) = place(column);
            let _ = writeln!(
                svg,
                r##"<text x="{:.1}" y="{:.1}" text-anchor="middle" fill="#5b6770">{}</text>"##,
                left + 0.5 * width,
                RIM + SIZE,
                escaped(heading)
            );
        }
        for node in &self.nodes {
            let (left, width) = place(node.column);
            let y = middle(node.row);
            let (fill, style) = match node.kind {
                NodeKind::Data => ("#eef3f7", r##"stroke="#1f5f8b" rx="2""##),
                NodeKind::Task => ("#fdf3e3", r##"stroke="#b5762a" rx="19""##),
                NodeKind::Omitted => (
                    "#ffffff",
                    r##"stroke="#7d8a96" stroke-dasharray="4 3" rx="2""##,
                ),
            };
            let _ = writeln!(
                svg,
                r#"<rect x="{left:.1}" y="{:.1}" width="{width:.1}" height="{HEIGHT}" fill="{fill}" {style}/>"#,
                y - 0.5 * HEIGHT
            );
            let single = node.lines.len() < 2;
            for (i, (text, size)) in sized(&node.lines).enumerate() {
                let baseline = match (single, i) {
                    (true, _) => y + 0.36 * SIZE,
                    (false, 0) => y - 2.5,
                    (false, _) => y + 11.5,
                };
                let _ = writeln!(
                    svg,
                    r#"<text x="{:.1}" y="{baseline:.1}" font-size="{size}" text-anchor="middle">{}</text>"#,
                    left + 0.5 * width,
                    escaped(&fitted(text, size, width - 2.0 * PAD + 1.0))
                );
            }
        }
        for (i, note) in self.notes.iter().enumerate() {
            let _ = writeln!(
                svg,
                r##"<text x="{RIM}" y="{:.1}" font-size="{SMALL}" fill="#5b6770">{}</text>"##,
                below + (i + 1) as f64 * 1.5 * SMALL,
                escaped(note)
            );
        }
        svg + "</svg>\n"
    }

    /// The graph as a Mermaid flowchart.
    pub fn mermaid(&self) -> String {
        let mut text = String::from("flowchart LR\n");
        for note in &self.notes {
            let _ = writeln!(text, "    %% {}", label(note));
        }
        for (i, node) in self.nodes.iter().enumerate() {
            let lines: Vec<String> = node.lines.iter().map(|line| label(line)).collect();
            let said = lines.join("<br/>");
            let _ = match node.kind {
                NodeKind::Data => writeln!(text, "    n{i}[\"{said}\"]"),
                NodeKind::Task => writeln!(text, "    n{i}([\"{said}\"])"),
                NodeKind::Omitted => writeln!(text, "    n{i}[\"{said}\"]:::omitted"),
            };
        }
        for (from, to) in &self.edges {
            let _ = writeln!(text, "    n{from} --> n{to}");
        }
        text + "    classDef omitted stroke-dasharray: 4 3\n"
    }

    /// The graph in Graphviz' language.
    pub fn dot(&self) -> String {
        let quoted = |text: &str| {
            let plain = text.replace(char::is_control, " ");
            plain.replace('\\', "\\\\").replace('"', "\\\"")
        };
        let mut text = String::from("digraph {\n    rankdir=LR\n");
        for note in &self.notes {
            let _ = writeln!(text, "    // {}", note.replace(char::is_control, " "));
        }
        for (i, node) in self.nodes.iter().enumerate() {
            let lines: Vec<String> = node.lines.iter().map(|line| quoted(line)).collect();
            let look = match node.kind {
                NodeKind::Data => "shape=box",
                NodeKind::Task => "shape=box, style=rounded",
                NodeKind::Omitted => "shape=box, style=dashed",
            };
            let _ = writeln!(text, "    n{i} [label=\"{}\", {look}]", lines.join("\\n"));
        }
        for (from, to) in &self.edges {
            let _ = writeln!(text, "    n{from} -> n{to}");
        }
        text + "}\n"
    }
}

/// The lines of a node with their sizes: the first is larger.
fn sized(lines: &[String]) -> impl Iterator<Item = (&str, f64)> {
    let size = |i: usize| if i == 0 { SIZE } else { SMALL };
    let lines = lines.iter().take(2).enumerate();
    lines.map(move |(i, line)| (line.as_str(), size(i)))
}

/// Text in a Mermaid label: what means something there is written by its name or number.
fn label(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' => out.push_str("#quot;"),
            '<' => out.push_str("#lt;"),
            '>' => out.push_str("#gt;"),
            '&' => out.push_str("#amp;"),
            '#' | '`' | '%' | '{' | '}' | '\\' => {
                let _ = write!(out, "#{};", u32::from(c));
            }
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph() -> Graph {
        let mut graph = Graph {
            headings: vec!["from <a>".into(), "to".into()],
            notes: vec!["so & so".into()],
            ..Graph::default()
        };
        let said = vec!["a \"b\" #1 <c> & `d`\n\u{7}".to_owned(), "{%} \\".into()];
        let a = graph.node(NodeKind::Data, 0, 0.0, said.clone());
        let b = graph.node(NodeKind::Omitted, 0, 1.0, vec!["x".repeat(500)]);
        let c = graph.node(NodeKind::Task, 1, 0.5, said);
        graph.edges = vec![(a, c), (b, c)];
        graph
    }

    #[test]
    fn any_text_makes_a_valid_document_of_its_size() {
        let svg = graph().svg();
        let tree = resvg::usvg::Tree::from_str(&svg, &resvg::usvg::Options::default()).unwrap();
        assert_eq!(svg.matches("<rect").count(), 4);
        // What is too long is cut, so that the page stays a page.
        assert!(tree.size().width() < 1000.0 && tree.size().height() < 250.0);
        assert_eq!(svg, graph().svg());
        let empty = Graph::default().svg();
        assert!(resvg::usvg::Tree::from_str(&empty, &resvg::usvg::Options::default()).is_ok());
    }

    #[test]
    fn graphviz_labels_hold_nothing_that_ends_them() {
        let text = graph().dot();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "digraph {");
        assert_eq!(
            lines[3],
            r#"    n0 [label="a \"b\" #1 <c> & `d`  \n{%} \\", shape=box]"#
        );
        assert_eq!(lines[6..8], ["    n0 -> n2", "    n1 -> n2"]);
    }

    #[test]
    fn mermaid_labels_hold_nothing_that_ends_them() {
        let text = graph().mermaid();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "flowchart LR");
        assert_eq!(
            lines[2],
            r##"    n0["a #quot;b#quot; #35;1 #lt;c#gt; #amp; #96;d#96;  <br/>#123;#37;#125; #92;"]"##
        );
        assert_eq!(lines[5..7], ["    n0 --> n2", "    n1 --> n2"]);
        assert!(text.lines().all(|l| l.matches('"').count() % 2 == 0));
    }
}
