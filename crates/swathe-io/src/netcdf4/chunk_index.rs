//! The index of a variable's chunks: a version 1 B-tree, which every HDF5 library reads.

use super::bytes::{Bytes, UNDEFINED};

/// Most children of a node: twice the rank that HDF5 has where a file names none.
const FANOUT: usize = 64;
/// `TREE`, kind, level, number of children, two neighbours.
const NODE_PREFIX: usize = 24;

/// A chunk that was written.
#[derive(Debug, Clone, Copy)]
pub(super) struct StoredChunk {
    pub(super) address: u64,
    pub(super) bytes: u32,
}

/// Shape of the chunks of a variable and of their grid.
pub(super) struct ChunkGrid<'a> {
    /// Elements of a chunk along each dimension.
    pub(super) chunk: &'a [usize],
    /// Chunks along each dimension.
    pub(super) grid: &'a [usize],
    /// Bytes of an element.
    pub(super) element: usize,
}

fn node_bytes(rank: usize) -> usize {
    NODE_PREFIX + FANOUT * 8 + (FANOUT + 1) * key_bytes(rank)
}

/// Size, filter mask, first element along every dimension and in the element itself.
fn key_bytes(rank: usize) -> usize {
    8 + 8 * (rank + 1)
}

/// Bytes of the tree of so many chunks.
pub(super) fn tree_bytes(chunks: usize, rank: usize) -> usize {
    let mut nodes = 0;
    let mut level = chunks;
    while level > 0 {
        level = level.div_ceil(FANOUT);
        nodes += level;
        if level == 1 {
            break;
        }
    }
    nodes * node_bytes(rank)
}

/// The tree of the chunks that are there, in order of their numbers, and the address of its root.
/// `start` is the address of the bytes returned.
pub(super) fn tree(
    chunks: &[(usize, StoredChunk)],
    shape: &ChunkGrid<'_>,
    start: u64,
) -> (u64, Bytes) {
    let size = node_bytes(shape.chunk.len());
    let mut out = Bytes::new();
    if chunks.is_empty() {
        return (UNDEFINED, out);
    }
    let mut children: Vec<(Vec<u8>, u64)> = chunks
        .iter()
        .map(|(number, chunk)| (shape.key(*number, chunk.bytes, 0), chunk.address))
        .collect();
    let last = chunks.last().map_or(0, |(number, _)| *number);
    // Every chunk lies below it.
    let end = shape.key(last, 0, 1);
    let mut level = 0;
    loop {
        let first = start + out.len() as u64;
        let nodes = children.len().div_ceil(FANOUT);
        let at = |node: usize| first + (node * size) as u64;
        let mut parents = Vec::with_capacity(nodes);
        for (node, members) in children.chunks(FANOUT).enumerate() {
            let begin = out.len();
            let left = if node == 0 { UNDEFINED } else { at(node - 1) };
            let right = if node + 1 < nodes {
                at(node + 1)
            } else {
                UNDEFINED
            };
            out.raw(b"TREE").u8(1).u8(level).u16(members.len() as u16);
            out.u64(left).u64(right);
            for (key, child) in members {
                out.raw(key).u64(*child);
            }
            let next = children.get((node + 1) * FANOUT);
            out.raw(next.map_or(&end, |(key, _)| key));
            out.zeros(size - (out.len() - begin));
            parents.extend(members.first().map(|(key, _)| (key.clone(), at(node))));
        }
        if nodes == 1 {
            return (first, out);
        }
        children = parents;
        level += 1;
    }
}

impl ChunkGrid<'_> {
    /// Key of a chunk, or of the one `beyond` it along every dimension.
    fn key(&self, number: usize, bytes: u32, beyond: u64) -> Vec<u8> {
        let mut out = Bytes::new();
        out.u32(bytes).u32(0);
        let position = super::chunk::position(number, self.grid);
        for (place, len) in position.iter().zip(self.chunk) {
            out.u64((*place as u64 + beyond) * *len as u64);
        }
        out.u64(beyond * self.element as u64);
        out.0
    }
}
