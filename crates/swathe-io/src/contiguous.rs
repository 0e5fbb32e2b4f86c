//! Slabs of a row-major array that lies in one piece in a source of bytes.

use std::io;
use std::ops::Range;

use crate::bytes::ByteSource;
use crate::place::{CommonBox, strides};

/// Rows are read in pieces of about this size where a slab does not want all of them.
const PIECE_BYTES: usize = 4 << 20;

/// A row-major array in a source.
pub(crate) struct ContiguousArray<'a> {
    pub source: &'a dyn ByteSource,
    /// Offset of the first element.
    pub start: u64,
    pub shape: &'a [usize],
    /// Bytes of one element.
    pub element_size: usize,
}

impl ContiguousArray<'_> {
    /// Fills `out` with the elements of a slab. The array must lie inside the source.
    pub(crate) fn read(&self, slab: &[Range<usize>], out: &mut [u8]) -> io::Result<()> {
        if out.is_empty() {
            return Ok(());
        }
        let size = self.element_size;
        let (first, last) = span(slab, self.shape);
        if (last - first) * size == out.len() {
            return self.fetch(first, out);
        }
        // One read for what lies between the first and the last element wanted of some rows.
        let row: usize = self.shape[1..].iter().product();
        let rows = (PIECE_BYTES / (row * size)).max(1);
        let row_out = out.len() / slab[0].len();
        let mut buffer = Vec::new();
        let pieces = slab[0].clone().step_by(rows);
        for (piece, out) in pieces.zip(out.chunks_mut(rows * row_out)) {
            let mut part = slab.to_vec();
            part[0] = piece..(piece + rows).min(slab[0].end);
            let (first, last) = span(&part, self.shape);
            buffer.resize((last - first) * size, 0);
            self.fetch(first, &mut buffer)?;
            let start: Vec<usize> = part.iter().map(|r| r.start).collect();
            let count: Vec<usize> = part.iter().map(Range::len).collect();
            CommonBox {
                source_shape: self.shape,
                source_start: &start,
                target_shape: &count,
                target_start: &vec![0; part.len()],
                count: &count,
            }
            .for_each_run(|from, to, len| {
                let from = (from - first) * size;
                out[to * size..(to + len) * size].copy_from_slice(&buffer[from..from + len * size]);
            });
        }
        Ok(())
    }

    fn fetch(&self, first: usize, buffer: &mut [u8]) -> io::Result<()> {
        let offset = self.start + (first * self.element_size) as u64;
        self.source.read_exact_at(offset, buffer)
    }
}

/// First element of a slab and one past its last, in a row-major array. No range is empty.
pub(crate) fn span(slab: &[Range<usize>], shape: &[usize]) -> (usize, usize) {
    let strides = strides(shape);
    let each = || slab.iter().zip(&strides);
    let first = each().map(|(range, stride)| range.start * stride).sum();
    let last: usize = each().map(|(range, stride)| (range.end - 1) * stride).sum();
    (first, last + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::MemorySource;
    use proptest::prelude::*;

    #[test]
    fn a_scalar_is_one_element() {
        let source = MemorySource::new("m", &b"....abcd"[..]);
        let array = ContiguousArray {
            source: &source,
            start: 4,
            shape: &[],
            element_size: 4,
        };
        let mut out = [0; 4];
        array.read(&[], &mut out).unwrap();
        assert_eq!(&out, b"abcd");
    }

    proptest! {
        #[test]
        fn any_slab_equals_indexing(
            axes in prop::collection::vec((1usize..7).prop_flat_map(|n| (Just(n), 0..n)).prop_flat_map(
                |(n, a)| (Just(n), Just(a), a..=n)), 1..4),
            size in 1usize..5,
        ) {
            let shape: Vec<usize> = axes.iter().map(|a| a.0).collect();
            let slab: Vec<Range<usize>> = axes.iter().map(|a| a.1..a.2).collect();
            let total: usize = shape.iter().product();
            let bytes: Vec<u8> = (0..total * size + 3).map(|i| i as u8).collect();
            let source = MemorySource::new("m", bytes.clone());
            let array = ContiguousArray { source: &source, start: 3, shape: &shape, element_size: size };
            let count: usize = slab.iter().map(Range::len).product();
            let mut out = vec![0; count * size];
            array.read(&slab, &mut out).unwrap();
            let strides = strides(&shape);
            let expected: Vec<u8> = (0..total)
                .filter(|e| slab.iter().zip(&strides).zip(&shape).all(|((r, s), n)| r.contains(&(e / s % n))))
                .flat_map(|e| bytes[3 + e * size..3 + (e + 1) * size].to_vec())
                .collect();
            prop_assert_eq!(out, expected);
        }
    }
}
