//! Moving elements between row-major boxes.

use super::buffer::{Buffer, Element, with_buffer};

/// Elements at `offset + sum(index * stride)` for all indices of a shape, row-major. Strides may be zero or
/// negative.
pub(super) fn gather(source: &Buffer, offset: isize, strides: &[isize], shape: &[usize]) -> Buffer {
    with_buffer!(source, v => {
        let mut out = Vec::with_capacity(shape.iter().product());
        rows(offset, strides, shape, |start, stride, len| copy_row(v, start, stride, len, &mut out));
        Element::buffer(out)
    })
}

fn copy_row<T: Element>(source: &[T], start: isize, stride: isize, len: usize, out: &mut Vec<T>) {
    let from = start as usize;
    match stride {
        1 => out.extend_from_slice(source.get(from..from + len).unwrap_or_default()),
        0 => out.extend(std::iter::repeat_n(
            source.get(from).copied().unwrap_or_default(),
            len,
        )),
        _ => out.extend((0..len as isize).map(|i| {
            let at = (start + i * stride) as usize;
            source.get(at).copied().unwrap_or_default()
        })),
    }
}

/// The inverse: puts the elements of a box at `offset + sum(index * stride)`; the types are the same.
pub(super) fn scatter(
    target: &mut Buffer,
    offset: isize,
    strides: &[isize],
    shape: &[usize],
    source: &Buffer,
) {
    fn typed<T: Element>(
        target: &mut [T],
        offset: isize,
        strides: &[isize],
        shape: &[usize],
        source: &Buffer,
    ) {
        let mut source = T::slice(source).unwrap_or_default();
        rows(offset, strides, shape, |start, stride, len| {
            let (row, rest) = source.split_at(len.min(source.len()));
            source = rest;
            let from = start as usize;
            if stride == 1
                && let Some(to) = target.get_mut(from..from + row.len())
            {
                to.copy_from_slice(row);
                return;
            }
            for (i, value) in row.iter().enumerate() {
                if let Some(to) = target.get_mut((start + i as isize * stride) as usize) {
                    *to = *value;
                }
            }
        });
    }
    with_buffer!(target, v => typed(v, offset, strides, shape, source));
}

/// Calls with start, stride and length of every row along the last axis; axes that follow each other
/// without a gap make one.
fn rows(
    offset: isize,
    strides: &[isize],
    shape: &[usize],
    mut row: impl FnMut(isize, isize, usize),
) {
    if shape.contains(&0) {
        return;
    }
    let mut axes: Vec<(isize, usize)> = Vec::with_capacity(shape.len());
    for (&stride, &len) in strides.iter().zip(shape) {
        match axes.last_mut() {
            _ if len == 1 => {}
            Some(last) if last.0 == stride * len as isize => *last = (stride, last.1 * len),
            _ => axes.push((stride, len)),
        }
    }
    let Some(((stride, len), outer)) = axes.split_last().map(|(last, outer)| (*last, outer)) else {
        return row(offset, 1, 1);
    };
    let mut index = vec![0_usize; outer.len()];
    let mut start = offset;
    'all: loop {
        row(start, stride, len);
        for (i, (stride, len)) in outer.iter().enumerate().rev() {
            index[i] += 1;
            start += stride;
            if index[i] < *len {
                continue 'all;
            }
            start -= stride * *len as isize;
            index[i] = 0;
        }
        return;
    }
}
