//! Third step of reading: putting decoded elements where the slab wants them.

/// A decoded chunk: its elements in file order of bytes, row-major, or still shuffled.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Decoded<'a> {
    pub bytes: &'a [u8],
    /// Byte 0 of all elements first, then byte 1 of all, ... (HDF5's shuffle filter): undone
    /// while placing, so that the elements are moved once.
    pub shuffled: bool,
}

/// A box of elements that lies in two row-major arrays, a source and a destination.
#[derive(Debug, Clone)]
pub(crate) struct CommonBox<'a> {
    pub source_shape: &'a [usize],
    pub source_start: &'a [usize],
    pub target_shape: &'a [usize],
    pub target_start: &'a [usize],
    pub count: &'a [usize],
}

impl CommonBox<'_> {
    /// Calls `visit(source element, target element, length)` for the longest runs of elements
    /// that are consecutive in both arrays.
    pub(crate) fn for_each_run(&self, mut visit: impl FnMut(usize, usize, usize)) {
        let rank = self.count.len();
        if self.count.contains(&0) {
            return;
        }
        let mut outer = rank;
        let mut run = 1;
        while outer > 0 {
            outer -= 1;
            run *= self.count[outer];
            let whole = self.count[outer] == self.source_shape[outer]
                && self.count[outer] == self.target_shape[outer];
            if !whole {
                break;
            }
        }
        let source_strides = strides(self.source_shape);
        let target_strides = strides(self.target_shape);
        let offset = |start: &[usize], strides: &[usize]| -> usize {
            start.iter().zip(strides).map(|(a, b)| a * b).sum()
        };
        let mut source = offset(self.source_start, &source_strides);
        let mut target = offset(self.target_start, &target_strides);
        let mut step = vec![0; outer];
        loop {
            visit(source, target, run);
            let mut axis = outer;
            loop {
                if axis == 0 {
                    return;
                }
                axis -= 1;
                step[axis] += 1;
                source += source_strides[axis];
                target += target_strides[axis];
                if step[axis] < self.count[axis] {
                    break;
                }
                step[axis] = 0;
                source -= source_strides[axis] * self.count[axis];
                target -= target_strides[axis] * self.count[axis];
            }
        }
    }
}

/// Copies the elements of `common` (of `size` bytes each) from a chunk into `target`.
pub(crate) fn place(chunk: Decoded<'_>, common: &CommonBox<'_>, size: usize, target: &mut [u8]) {
    common.for_each_run(|from, to, len| {
        let out = &mut target[to * size..(to + len) * size];
        if chunk.shuffled && size > 1 {
            unshuffle(chunk.bytes, size, from, out);
        } else {
            out.copy_from_slice(&chunk.bytes[from * size..(from + len) * size]);
        }
    });
}

/// Fills `out` with the elements from number `from` on of a shuffled chunk.
pub(crate) fn unshuffle(shuffled: &[u8], size: usize, from: usize, out: &mut [u8]) {
    let task = Unshuffle {
        shuffled,
        size,
        from,
        out,
    };
    pulp::Arch::new().dispatch(task);
}

/// Compiled twice: three times as fast with the vector instructions that processors have had since 2013.
struct Unshuffle<'a> {
    shuffled: &'a [u8],
    size: usize,
    from: usize,
    out: &'a mut [u8],
}

impl pulp::NullaryFnOnce for Unshuffle<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        unshuffle_here(self.shuffled, self.size, self.from, self.out);
    }
}

#[inline(always)]
fn unshuffle_here(shuffled: &[u8], size: usize, from: usize, out: &mut [u8]) {
    let count = shuffled.len() / size;
    let len = out.len() / size;
    let plane = |byte: usize| &shuffled[byte * count + from..][..len];
    match size {
        2 => {
            let (p0, p1) = (plane(0), plane(1));
            for (i, element) in out.as_chunks_mut::<2>().0.iter_mut().enumerate() {
                *element = [p0[i], p1[i]];
            }
        }
        4 => {
            let (p0, p1, p2, p3) = (plane(0), plane(1), plane(2), plane(3));
            for (i, element) in out.as_chunks_mut::<4>().0.iter_mut().enumerate() {
                *element = [p0[i], p1[i], p2[i], p3[i]];
            }
        }
        8 => {
            let p: [&[u8]; 8] = std::array::from_fn(plane);
            for (i, element) in out.as_chunks_mut::<8>().0.iter_mut().enumerate() {
                *element = std::array::from_fn(|byte| p[byte][i]);
            }
        }
        _ => {
            for byte in 0..size {
                for (element, &value) in out.chunks_exact_mut(size).zip(plane(byte)) {
                    element[byte] = value;
                }
            }
        }
    }
}

/// Elements to step over per index of each axis of a row-major array.
pub(crate) fn strides(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis];
    }
    strides
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shuffle(plain: &[u8], size: usize) -> Vec<u8> {
        let count = plain.len() / size;
        let mut shuffled = vec![0; plain.len()];
        for element in 0..count {
            for byte in 0..size {
                shuffled[byte * count + element] = plain[element * size + byte];
            }
        }
        shuffled
    }

    #[test]
    fn runs_join_axes_that_are_whole_in_both_arrays() {
        let common = CommonBox {
            source_shape: &[4, 6],
            source_start: &[1, 0],
            target_shape: &[10, 6],
            target_start: &[5, 0],
            count: &[3, 6],
        };
        let mut runs = Vec::new();
        common.for_each_run(|s, t, n| runs.push((s, t, n)));
        assert_eq!(runs, [(6, 30, 18)]);

        let narrow = CommonBox {
            source_start: &[1, 2],
            target_start: &[5, 1],
            count: &[2, 3],
            ..common
        };
        let mut runs = Vec::new();
        narrow.for_each_run(|s, t, n| runs.push((s, t, n)));
        assert_eq!(runs, [(8, 31, 3), (14, 37, 3)]);
    }

    #[test]
    fn a_scalar_is_one_run() {
        let mut runs = Vec::new();
        CommonBox {
            source_shape: &[],
            source_start: &[],
            target_shape: &[],
            target_start: &[],
            count: &[],
        }
        .for_each_run(|s, t, n| runs.push((s, t, n)));
        assert_eq!(runs, [(0, 0, 1)]);
    }

    proptest! {
        /// Any box of any 3-D arrays, shuffled or not, against indexing element by element.
        #[test]
        fn place_equals_indexing(
            size in 1usize..10,
            shape in prop::array::uniform3((1usize..6, 0usize..3, 1usize..6, 0usize..3, 0usize..3)),
            seed in any::<u8>(),
        ) {
            // Per axis: count, margins before/after in the source and before/after in the target.
            let count = shape.map(|(n, ..)| n);
            let source_start = shape.map(|(_, a, ..)| a);
            let source_shape = shape.map(|(n, a, b, ..)| n + a + b - 1);
            let target_start = shape.map(|(.., a, _)| a);
            let target_shape = shape.map(|(n, .., a, b)| n + a + b);
            let elements: usize = source_shape.iter().product();
            let plain: Vec<u8> = (0..elements * size).map(|i| (i as u8).wrapping_mul(31) ^ seed).collect();
            let shuffled = shuffle(&plain, size);
            let common = CommonBox {
                source_shape: &source_shape,
                source_start: &source_start,
                target_shape: &target_shape,
                target_start: &target_start,
                count: &count,
            };
            let target_len: usize = target_shape.iter().product::<usize>() * size;
            let mut expected = vec![0xEE; target_len];
            for i in 0..count[0] { for j in 0..count[1] { for k in 0..count[2] {
                let s = ((source_start[0] + i) * source_shape[1] + source_start[1] + j) * source_shape[2] + source_start[2] + k;
                let t = ((target_start[0] + i) * target_shape[1] + target_start[1] + j) * target_shape[2] + target_start[2] + k;
                expected[t * size..(t + 1) * size].copy_from_slice(&plain[s * size..(s + 1) * size]);
            }}}
            for (bytes, is_shuffled) in [(&plain, false), (&shuffled, true)] {
                let mut target = vec![0xEE; target_len];
                place(Decoded { bytes, shuffled: is_shuffled }, &common, size, &mut target);
                prop_assert_eq!(&target, &expected);
            }
        }
    }
}
