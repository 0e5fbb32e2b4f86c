//! One chunk: its elements out of a whole array, and its filters.

use libdeflater::{CompressionLvl, Compressor};

use super::description::refused;
use crate::error::Result;

/// Number of chunks along each dimension.
pub fn grid(shape: &[usize], chunk: &[usize]) -> Vec<usize> {
    let along = |(len, chunk): (&usize, &usize)| len.div_ceil((*chunk).max(1));
    shape.iter().zip(chunk).map(along).collect()
}

/// Position in the grid of chunks of the chunk with a number. Chunks are numbered with the last
/// dimension fastest.
pub(crate) fn position(number: usize, grid: &[usize]) -> Vec<usize> {
    let mut rest = number;
    let mut out = vec![0; grid.len()];
    for (place, &len) in out.iter_mut().zip(grid).rev() {
        *place = rest % len.max(1);
        rest /= len.max(1);
    }
    out
}

/// Elements of a chunk, as bytes, out of the row-major values of a whole array. Beyond the array's
/// edges it is padded. Elements that `values` is too short for are left out.
///
/// `shape` and `chunk` are the lengths of the array and of a chunk; `number` is the chunk's (last
/// dimension fastest); `bytes_of` gives an element's bytes, little-endian.
pub fn gather<T: Copy, const N: usize>(
    values: &[T],
    shape: &[usize],
    chunk: &[usize],
    number: usize,
    padding: [u8; N],
    bytes_of: impl Fn(T) -> [u8; N],
) -> Vec<u8> {
    let place = position(number, &grid(shape, chunk));
    let first: Vec<usize> = place.iter().zip(chunk).map(|(p, c)| p * c).collect();
    let elements: usize = chunk.iter().product();
    let mut out = padding.repeat(elements);
    // The part of the chunk that is inside the array, by rows of the last dimension.
    let inside: Vec<usize> = (0..shape.len())
        .map(|d| chunk[d].min(shape[d].saturating_sub(first[d])))
        .collect();
    let Some((&width, outer)) = inside.split_last() else {
        // A scalar.
        if let (Some(&value), Some(target)) = (values.first(), out.first_chunk_mut::<N>()) {
            *target = bytes_of(value);
        }
        return out;
    };
    let rows: usize = outer.iter().product();
    for row in 0..rows {
        let at = position(row, outer);
        let (mut from, mut to) = (0, 0);
        for d in 0..shape.len() {
            let along = at.get(d).copied().unwrap_or(0);
            from = from * shape[d] + first[d] + along;
            to = to * chunk[d] + along;
        }
        let source = values.get(from..from + width).unwrap_or_default();
        let target = out[to * N..].chunks_exact_mut(N);
        for (target, &value) in target.zip(source) {
            target.copy_from_slice(&bytes_of(value));
        }
    }
    out
}

/// A chunk as it is stored: shuffled if asked for, then deflated (zlib) if a level is given. Chunks
/// can be encoded on any thread; equal input gives equal bytes.
///
/// # Errors
/// [`Error::Product`](crate::error::Error::Product) for a level above 9.
pub fn encode_chunk(
    elements: Vec<u8>,
    element_size: usize,
    shuffle: bool,
    deflate: Option<u8>,
) -> Result<Vec<u8>> {
    let shuffled = if shuffle && element_size > 1 {
        shuffled(&elements, element_size)
    } else {
        elements
    };
    let Some(level) = deflate else {
        return Ok(shuffled);
    };
    let level = CompressionLvl::new(level.into())
        .map_err(|_| refused(format!("deflate level {level} is not 0 to 9")))?;
    let mut compressor = Compressor::new(level);
    let mut out = vec![0; compressor.zlib_compress_bound(shuffled.len())];
    let length = compressor
        .zlib_compress(&shuffled, &mut out)
        .map_err(|error| refused(error.to_string()))?;
    out.truncate(length);
    Ok(out)
}

/// All first bytes, all second bytes, ...; a rest shorter than an element stays at the end.
pub(crate) fn shuffled(bytes: &[u8], size: usize) -> Vec<u8> {
    let count = bytes.len() / size;
    let mut out = vec![0; bytes.len()];
    let (planes, rest) = out.split_at_mut(count * size);
    for (k, plane) in planes.chunks_exact_mut(count.max(1)).enumerate() {
        for (target, element) in plane.iter_mut().zip(bytes.chunks_exact(size)) {
            *target = element[k];
        }
    }
    rest.copy_from_slice(&bytes[count * size..]);
    out
}
