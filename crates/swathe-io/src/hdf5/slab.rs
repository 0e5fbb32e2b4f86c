//! Reading a slab: fetch its pieces, decode them, place their elements.

use std::cell::RefCell;
use std::ops::Range;

use hdf5_reader::io::Cursor;
use hdf5_reader::messages::layout::DataLayout;
use rayon::prelude::*;
use swathe_core::watch::{self, Task};

use super::Hdf5Backend;
use super::decode::{Failure, Pipeline, Scratch};
use super::element::Encoding;
use super::index::{ChunkIndex, Location};
use super::objects::Content;

use super::variable::StoredVariable;
use crate::bytes::{ByteSource, CountedSource};
use crate::contiguous::{ContiguousArray, span};
use crate::dataset::{StorageChunk, Workers};
use crate::error::{Error, Result};
use crate::numbers::to_native_order;
use crate::place::{CommonBox, Decoded, place};

/// A slab may take this much memory beyond what its stored chunks decode to: elements that are
/// not stored cost nothing in the file, so a file of 1 kB could ask for all memory.
const MAX_UNSTORED_BYTES: u64 = 64 << 20;
/// Below this, handing chunks to other threads costs more than it gains (10 us to wake one).
const PARALLEL_BYTES: usize = 256 * 1024;

thread_local! {
    static BUFFERS: RefCell<Buffers> = RefCell::new(Buffers {
        stored: Vec::new(),
        scratch: Scratch::new(),
    });
}

/// What a thread keeps from chunk to chunk.
struct Buffers {
    stored: Vec<u8>,
    scratch: Scratch,
}

/// Refuses a slab that is larger than the file can fill: afterwards its size in bytes is a number
/// that can be allocated.
pub(super) fn check_size(
    backend: &Hdf5Backend,
    variable: &StoredVariable,
    content: &Content,
    slab: &[Range<usize>],
    place: &str,
) -> Result<()> {
    variable.check_supported(&backend.file, content, place)?;
    let element = match content.element.encoding {
        // What a text takes in memory, though it be empty.
        Encoding::FixedText(_) | Encoding::HeapText(_) => size_of::<String>(),
        Encoding::Number(_) | Encoding::Opaque => 1,
    };
    let element = element.max(content.element.size) as u64;
    let size = slab
        .iter()
        .try_fold(element, |size, range| size.checked_mul(range.len() as u64));
    if size.is_some_and(|size| size <= MAX_UNSTORED_BYTES) {
        return Ok(());
    }
    let stored = match &content.layout {
        DataLayout::Chunked { .. } => storage_chunks(backend, variable, content, slab, place)?
            .iter()
            .map(|chunk| chunk.decoded_bytes)
            .sum(),
        _ => backend.source.len(),
    };
    match size {
        Some(size) if size <= stored.saturating_add(MAX_UNSTORED_BYTES) => Ok(()),
        _ => Err(Error::Format {
            path: place.into(),
            reason: format!(
                "elements {slab:?} take {} bytes, of which at most {stored} are stored: \
                 read it in parts",
                size.map_or_else(|| "more than 2^64".to_string(), |size| size.to_string())
            ),
        }),
    }
}

/// Fills `out` with the elements of a slab, in this machine's byte order. What is not stored is
/// the fill value, or zero where there is none.
pub(super) fn read(
    backend: &Hdf5Backend,
    variable: &StoredVariable,
    content: &Content,
    slab: &[Range<usize>],
    workers: Workers,
    out: &mut [u8],
    place: &str,
) -> Result<()> {
    read_stored_order(backend, variable, content, slab, workers, out, place)?;
    backend.source.count_decoded(out.len());
    if let Encoding::Number(order) = content.element.encoding {
        to_native_order(out, content.element.size, order);
    }
    Ok(())
}

/// [`read`], with the bytes of elements in the file's order.
pub(super) fn read_stored_order(
    backend: &Hdf5Backend,
    variable: &StoredVariable,
    content: &Content,
    slab: &[Range<usize>],
    workers: Workers,
    out: &mut [u8],
    place: &str,
) -> Result<()> {
    if out.is_empty() {
        return Ok(());
    }
    match &content.layout {
        DataLayout::Compact { data } => {
            let extent = extent(content);
            let size = content.element.size;
            if stored_bytes(content) != Some(data.len() as u64) {
                return Err(Error::Format {
                    path: place.into(),
                    reason: format!(
                        "{} bytes are stored for {extent:?} elements of {size} bytes",
                        data.len()
                    ),
                });
            }
            let chunk = Decoded {
                bytes: data,
                shuffled: false,
            };
            place_slab(chunk, &extent, slab, size, out);
            Ok(())
        }
        DataLayout::Contiguous { address, size } => {
            contiguous(backend, content, (*address, *size), slab, out, place)
        }
        DataLayout::Chunked { dims, .. } => {
            let index = variable.index(&backend.file, content, place)?;
            let chunk: Vec<usize> = dims.iter().map(|&n| n as usize).collect();
            let reading = ChunkedRead {
                source: &backend.source,
                index,
                pipeline: content.pipeline(index.chunk_bytes),
                extent: extent(content),
                chunk,
                fill: content.fill(place)?,
                place,
                workers,
            };
            reading.read(slab, out)
        }
    }
}

/// The stored pieces under a slab.
pub(super) fn storage_chunks(
    backend: &Hdf5Backend,
    variable: &StoredVariable,
    content: &Content,
    slab: &[Range<usize>],
    place: &str,
) -> Result<Vec<StorageChunk>> {
    variable.check_supported(&backend.file, content, place)?;
    if slab.iter().any(Range::is_empty) {
        return Ok(Vec::new());
    }
    match &content.layout {
        DataLayout::Compact { .. } => Ok(Vec::new()),
        DataLayout::Contiguous { address, size } => {
            let Some(start) = contiguous_start(backend, content, (*address, *size), place)? else {
                return Ok(Vec::new());
            };
            let extent = extent(content);
            let size = content.element.size as u64;
            let (first, last) = span(slab, &extent);
            let bytes = (last - first) as u64 * size;
            Ok(vec![StorageChunk {
                offset: start + first as u64 * size,
                stored_bytes: bytes,
                decoded_bytes: bytes,
            }])
        }
        DataLayout::Chunked { dims, .. } => {
            let index = variable.index(&backend.file, content, place)?;
            let chunk: Vec<usize> = dims.iter().map(|&n| n as usize).collect();
            let ranges = chunk_ranges(slab, &extent(content), &chunk);
            let found = ranges.map_or_else(Vec::new, |ranges| index.within(&ranges));
            Ok(found
                .into_iter()
                .map(|(_, location)| StorageChunk {
                    offset: location.offset,
                    stored_bytes: location.len as u64,
                    decoded_bytes: index.chunk_bytes as u64,
                })
                .collect())
        }
    }
}

fn extent(content: &Content) -> Vec<usize> {
    content.extent.iter().map(|&n| n as usize).collect()
}

fn place_slab(
    chunk: Decoded<'_>,
    extent: &[usize],
    slab: &[Range<usize>],
    size: usize,
    out: &mut [u8],
) {
    let start: Vec<usize> = slab.iter().map(|r| r.start).collect();
    let count: Vec<usize> = slab.iter().map(Range::len).collect();
    let zero = vec![0; slab.len()];
    let common = CommonBox {
        source_shape: extent,
        source_start: &start,
        target_shape: &count,
        target_start: &zero,
        count: &count,
    };
    place(chunk, &common, size, out);
}

/// Bytes of all elements as stored, undecoded.
fn stored_bytes(content: &Content) -> Option<u64> {
    let size = content.element.size as u64;
    content
        .extent
        .iter()
        .try_fold(size, |bytes, &n| bytes.checked_mul(n))
}

/// Where the elements of a contiguous dataset start, checked to lie inside the file; `None` if
/// none were written.
fn contiguous_start(
    backend: &Hdf5Backend,
    content: &Content,
    (address, stored): (u64, u64),
    place: &str,
) -> Result<Option<u64>> {
    let superblock = backend.file.superblock();
    if Cursor::is_undefined_offset(address, superblock.offset_size) {
        return Ok(None);
    }
    let size = content.element.size;
    let start = superblock.base_address.checked_add(address);
    let needed = stored_bytes(content);
    let fits = needed.zip(start).is_some_and(|(needed, start)| {
        // Versions 1 and 2 of the layout give the number of elements, later ones that of bytes.
        let elements = needed / (size as u64).max(1);
        (stored >= needed || stored == elements)
            && start
                .checked_add(needed)
                .is_some_and(|end| end <= backend.source.len())
    });
    match start.filter(|_| fits) {
        Some(start) => Ok(Some(start)),
        None => Err(Error::Format {
            path: place.into(),
            reason: format!(
                "{stored} bytes at {address:#x} cannot hold {:?} elements of {size} bytes",
                content.extent
            ),
        }),
    }
}

fn contiguous(
    backend: &Hdf5Backend,
    content: &Content,
    stored: (u64, u64),
    slab: &[Range<usize>],
    out: &mut [u8],
    place: &str,
) -> Result<()> {
    let Some(start) = contiguous_start(backend, content, stored, place)? else {
        fill_with(out, content.fill(place)?);
        return Ok(());
    };
    let array = ContiguousArray {
        source: &*backend.source,
        start,
        shape: &extent(content),
        element_size: content.element.size,
    };
    array.read(slab, out).map_err(|source| Error::Io {
        path: place.into(),
        source,
    })
}

fn fill_with(out: &mut [u8], fill: Option<&[u8]>) {
    match fill {
        Some(fill) => out
            .chunks_exact_mut(fill.len())
            .for_each(|element| element.copy_from_slice(fill)),
        None => out.fill(0),
    }
}

/// Positions in the grid of chunks that a slab touches, along each axis; `None` if it lies
/// beyond what is stored.
fn chunk_ranges(
    slab: &[Range<usize>],
    extent: &[usize],
    chunk: &[usize],
) -> Option<Vec<Range<u64>>> {
    let mut ranges = Vec::with_capacity(slab.len());
    for ((range, &extent), &chunk) in slab.iter().zip(extent).zip(chunk) {
        let end = range.end.min(extent);
        if range.start >= end || chunk == 0 {
            return None;
        }
        ranges.push((range.start / chunk) as u64..(end.div_ceil(chunk)) as u64);
    }
    Some(ranges)
}

struct ChunkedRead<'a> {
    source: &'a CountedSource,
    index: &'a ChunkIndex,
    pipeline: Pipeline,
    extent: Vec<usize>,
    chunk: Vec<usize>,
    fill: Option<&'a [u8]>,
    place: &'a str,
    workers: Workers,
}

/// A row of chunks along the first axis, and the part of the output it fills.
struct Band<'o> {
    /// The part of the slab.
    slab: Vec<Range<usize>>,
    out: &'o mut [u8],
    chunks: Vec<(Vec<u64>, Location)>,
}

impl ChunkedRead<'_> {
    fn read(&self, slab: &[Range<usize>], out: &mut [u8]) -> Result<()> {
        let ranges = chunk_ranges(slab, &self.extent, &self.chunk);
        let wanted = ranges.as_ref().and_then(|ranges| {
            ranges.iter().try_fold(1u64, |count, range| {
                count.checked_mul(range.end - range.start)
            })
        });
        let stored = ranges.map_or_else(Vec::new, |ranges| self.index.within(&ranges));
        let beyond = slab.iter().zip(&self.extent).any(|(r, &n)| r.end > n);
        if beyond || wanted != Some(stored.len() as u64) {
            fill_with(out, self.fill);
        }
        let chunks = stored.len();
        let mut bands = self.bands(slab, stored, out);
        let parallel = self.workers == Workers::Pool
            && chunks > 1
            && chunks * self.index.chunk_bytes >= PARALLEL_BYTES;
        match bands.as_mut_slice() {
            [band] if parallel => self.read_one_band(band),
            bands if parallel => {
                let watched = watch::here();
                bands.par_iter_mut().try_for_each(|band| {
                    let _entered = watched.enter();
                    self.read_band(band)
                })
            }
            bands => bands.iter_mut().try_for_each(|band| self.read_band(band)),
        }
    }

    /// Cuts the output along the first axis at the chunks' borders: each band is its own slice,
    /// so that threads write without sharing. Only bands with stored chunks are made.
    fn bands<'o>(
        &self,
        slab: &[Range<usize>],
        stored: Vec<(Vec<u64>, Location)>,
        mut out: &'o mut [u8],
    ) -> Vec<Band<'o>> {
        let row = out.len() / slab[0].len();
        let mut bands: Vec<Band<'o>> = Vec::new();
        let mut number = None;
        let mut at = slab[0].start;
        for (position, location) in stored {
            if number != Some(position[0]) {
                number = Some(position[0]);
                let first = position[0] as usize * self.chunk[0];
                let from = first.max(slab[0].start);
                let upto = (first + self.chunk[0]).min(slab[0].end);
                let (_, rest) = out.split_at_mut((from - at) * row);
                let (here, rest) = rest.split_at_mut((upto - from) * row);
                (out, at) = (rest, upto);
                let mut part = slab.to_vec();
                part[0] = from..upto;
                bands.push(Band {
                    slab: part,
                    out: here,
                    chunks: Vec::new(),
                });
            }
            if let Some(band) = bands.last_mut() {
                band.chunks.push((position, location));
            }
        }
        bands
    }

    /// Fetch, decode and place, chunk after chunk.
    fn read_band(&self, band: &mut Band<'_>) -> Result<()> {
        for (position, location) in &band.chunks {
            self.with_decoded(position, *location, |decoded| {
                self.place_chunk(decoded, position, &band.slab, band.out);
            })?;
        }
        Ok(())
    }

    /// The same where all chunks fill one band: decoded side by side, placed one by one.
    fn read_one_band(&self, band: &mut Band<'_>) -> Result<()> {
        // As many at a time as there are threads, so that memory does not grow with the slab.
        let watched = watch::here();
        for batch in band.chunks.chunks(rayon::current_num_threads().max(1)) {
            let decoded: Vec<(Vec<u8>, bool)> = batch
                .par_iter()
                .map(|(position, location)| {
                    let _entered = watched.enter();
                    self.with_decoded(position, *location, |decoded| {
                        (decoded.bytes.to_vec(), decoded.shuffled)
                    })
                })
                .collect::<Result<_>>()?;
            for ((position, _), (bytes, shuffled)) in batch.iter().zip(decoded) {
                let decoded = Decoded {
                    bytes: &bytes,
                    shuffled,
                };
                self.place_chunk(decoded, position, &band.slab, band.out);
            }
        }
        Ok(())
    }

    /// Fetches and decodes a chunk into this thread's buffers and hands it on.
    fn with_decoded<T>(
        &self,
        position: &[u64],
        location: Location,
        take: impl FnOnce(Decoded<'_>) -> T,
    ) -> Result<T> {
        let _decoding = watch::doing(Task::Decode);
        BUFFERS.with_borrow_mut(|buffers| {
            let stored =
                fetch(self.source, location, &mut buffers.stored).map_err(|source| Error::Io {
                    path: self.chunk_name(position),
                    source,
                })?;
            let decoded = self
                .pipeline
                .decode(location.mask, stored, &mut buffers.scratch)
                .map_err(|failure| match failure {
                    Failure::Damaged(reason) => Error::Format {
                        path: self.chunk_name(position),
                        reason,
                    },
                    Failure::Unsupported(feature) => Error::Unsupported {
                        path: self.place.into(),
                        feature,
                    },
                })?;
            let taken = take(decoded);
            buffers.scratch.trim();
            Ok(taken)
        })
    }

    fn chunk_name(&self, position: &[u64]) -> String {
        let first: Vec<u64> = position
            .iter()
            .zip(&self.chunk)
            .map(|(&p, &n)| p * n as u64)
            .collect();
        format!("{}, chunk at {first:?}", self.place)
    }

    fn place_chunk(
        &self,
        decoded: Decoded<'_>,
        position: &[u64],
        slab: &[Range<usize>],
        out: &mut [u8],
    ) {
        let rank = slab.len();
        let mut source_start = Vec::with_capacity(rank);
        let mut target_start = Vec::with_capacity(rank);
        let mut count = Vec::with_capacity(rank);
        for (axis, range) in slab.iter().enumerate() {
            let first = position[axis] as usize * self.chunk[axis];
            let from = range.start.max(first);
            let upto = range
                .end
                .min(first + self.chunk[axis])
                .min(self.extent[axis]);
            source_start.push(from - first);
            target_start.push(from - range.start);
            count.push(upto.saturating_sub(from));
        }
        let target_shape: Vec<usize> = slab.iter().map(Range::len).collect();
        let common = CommonBox {
            source_shape: &self.chunk,
            source_start: &source_start,
            target_shape: &target_shape,
            target_start: &target_start,
            count: &count,
        };
        place(decoded, &common, self.pipeline.element_size, out);
    }
}

/// First step of reading: the stored bytes of a chunk.
fn fetch<'b>(
    source: &CountedSource,
    location: Location,
    buffer: &'b mut Vec<u8>,
) -> std::io::Result<&'b [u8]> {
    const KEPT: usize = 16 << 20;
    if location.len < KEPT && buffer.len() > KEPT {
        *buffer = Vec::new();
    }
    if buffer.len() < location.len {
        buffer.resize(location.len, 0);
    }
    source.read_exact_at(location.offset, &mut buffer[..location.len])?;
    Ok(&buffer[..location.len])
}
