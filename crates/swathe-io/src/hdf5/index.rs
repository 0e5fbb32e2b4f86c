//! Where the chunks of a dataset are stored.

use std::ops::Range;

use hdf5_reader::Hdf5File;
use hdf5_reader::btree_v1::{BTreeV1Key, collect_btree_v1_leaves_storage};
use hdf5_reader::chunk_index::{
    ChunkEntry, collect_implicit_chunk_entries, collect_v2_chunk_entries_storage,
    single_chunk_entry,
};
use hdf5_reader::error::{Error, Result};
use hdf5_reader::extensible_array::collect_extensible_array_chunk_entries_storage;
use hdf5_reader::fixed_array::collect_fixed_array_chunk_entries_storage;
use hdf5_reader::io::Cursor;
use hdf5_reader::messages::layout::ChunkIndexing;

/// Largest decoded chunk that is read; writers make 1 to 4 MiB, the format allows 4 GiB.
const MAX_CHUNK_BYTES: u64 = 256 << 20;
/// Larger chunks must not be larger than twice the dataset: a whole chunk is decoded even if little
/// of it lies inside, and a damaged shape could declare any.
const USUAL_CHUNK_BYTES: u64 = 16 << 20;

/// A chunked layout as the file describes it.
#[derive(Debug, Clone)]
pub(super) struct ChunkedLayout<'a> {
    /// Address of the index.
    pub address: u64,
    /// Elements of a chunk along each axis.
    pub chunk: &'a [u32],
    /// Kind of index; `None` is the version 1 B-tree.
    pub indexing: Option<&'a ChunkIndexing>,
    /// Stored extent along each axis.
    pub extent: &'a [u64],
    /// Largest extent along each axis, where the file says.
    pub max_extent: Option<&'a [u64]>,
    /// Bytes of an element.
    pub element_size: usize,
    /// Whether chunks are filtered: then their stored size is their own.
    pub filtered: bool,
}

/// A stored chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Location {
    /// Offset in the file, from its first byte.
    pub offset: u64,
    /// Bytes there.
    pub len: usize,
    /// Filters that were not applied, a bit each.
    pub mask: u32,
}

/// The stored chunks of a dataset.
#[derive(Debug)]
pub(super) struct ChunkIndex {
    /// Chunks along each axis.
    grid: Vec<u64>,
    /// Sorted by row-major number in the grid.
    stored: Vec<(u64, Location)>,
    /// Bytes of one decoded chunk.
    pub chunk_bytes: usize,
}

impl ChunkIndex {
    /// Reads and checks the index: chunks lie on the grid, once each, inside the file and apart.
    pub(super) fn read(file: &Hdf5File, layout: &ChunkedLayout<'_>) -> Result<ChunkIndex> {
        let rank = layout.extent.len();
        if rank == 0 || layout.chunk.len() != rank || layout.chunk.contains(&0) {
            return Err(Error::InvalidData(format!(
                "chunks of shape {:?} in a dataset of shape {:?}",
                layout.chunk, layout.extent
            )));
        }
        let chunk_bytes = chunk_bytes(layout)?;
        let grid: Vec<u64> = layout
            .extent
            .iter()
            .zip(layout.chunk)
            .map(|(&extent, &chunk)| extent.div_ceil(u64::from(chunk)))
            .collect();
        if grid
            .iter()
            .try_fold(1u64, |count, &n| count.checked_mul(n.max(1)))
            .is_none()
        {
            return Err(Error::InvalidData(format!(
                "a dataset of shape {:?} cannot be",
                layout.extent
            )));
        }
        let base = file.superblock().base_address;
        let file_len = file.storage().len();
        let mut stored = Vec::new();
        for entry in entries(file, layout)? {
            if entry.offsets.len() != rank {
                return Err(Error::InvalidData("a chunk of another rank".into()));
            }
            if Cursor::is_undefined_offset(entry.address, file.superblock().offset_size) {
                continue;
            }
            let Some(number) = grid_number(&entry.offsets, layout, &grid)? else {
                continue;
            };
            let len = if layout.filtered && entry.size != 0 {
                entry.size
            } else {
                chunk_bytes
            };
            let end = entry.address.checked_add(len);
            if end.is_none_or(|end| end > file_len) {
                return Err(Error::InvalidData(format!(
                    "the chunk at {:?} ({len} bytes at {:#x}) ends beyond the file",
                    entry.offsets, entry.address
                )));
            }
            let location = Location {
                offset: base.saturating_add(entry.address),
                len: len as usize,
                mask: entry.filter_mask,
            };
            stored.push((number, location));
        }
        stored.sort_unstable_by_key(|(number, _)| *number);
        if stored.windows(2).any(|pair| pair[0].0 == pair[1].0) {
            return Err(Error::InvalidData("a chunk is stored twice".into()));
        }
        check_apart(&stored)?;
        Ok(ChunkIndex {
            grid,
            stored,
            chunk_bytes: chunk_bytes as usize,
        })
    }

    /// The stored chunks in a box of the grid with their positions, in row-major order. Takes time
    /// for what is stored or what is asked for, whichever is less: a damaged shape may declare any
    /// number of chunks.
    pub(super) fn within(&self, ranges: &[Range<u64>]) -> Vec<(Vec<u64>, Location)> {
        let wanted = ranges.iter().try_fold(1u64, |count, range| {
            count.checked_mul(range.end.saturating_sub(range.start))
        });
        if wanted.is_none_or(|wanted| wanted > self.stored.len() as u64) {
            return self.stored_within(ranges);
        }
        let mut found = Vec::new();
        for_each_position(ranges, |position| {
            if let Some(location) = self.get(position) {
                found.push((position.to_vec(), location));
            }
        });
        found
    }

    fn stored_within(&self, ranges: &[Range<u64>]) -> Vec<(Vec<u64>, Location)> {
        let position = |mut number: u64| {
            let mut position = vec![0; self.grid.len()];
            for (place, &count) in position.iter_mut().zip(&self.grid).rev() {
                *place = number % count.max(1);
                number /= count.max(1);
            }
            position
        };
        self.stored
            .iter()
            .map(|&(number, location)| (position(number), location))
            .filter(|(position, _)| position.iter().zip(ranges).all(|(p, r)| r.contains(p)))
            .collect()
    }

    /// The chunk at a position of the grid, if it is stored.
    fn get(&self, position: &[u64]) -> Option<Location> {
        let number = position
            .iter()
            .zip(&self.grid)
            .try_fold(0u64, |number, (&p, &n)| (p < n).then(|| number * n + p))?;
        let found = self
            .stored
            .binary_search_by_key(&number, |(n, _)| *n)
            .ok()?;
        Some(self.stored[found].1)
    }
}

/// Calls `visit` with every position of a box that is nowhere empty, row-major.
fn for_each_position(ranges: &[Range<u64>], mut visit: impl FnMut(&[u64])) {
    if ranges.iter().any(Range::is_empty) {
        return;
    }
    let mut position: Vec<u64> = ranges.iter().map(|r| r.start).collect();
    loop {
        visit(&position);
        let mut axis = ranges.len();
        loop {
            if axis == 0 {
                return;
            }
            axis -= 1;
            position[axis] += 1;
            if position[axis] < ranges[axis].end {
                break;
            }
            position[axis] = ranges[axis].start;
        }
    }
}

fn chunk_bytes(layout: &ChunkedLayout<'_>) -> Result<u64> {
    let dataset = layout
        .extent
        .iter()
        .fold(layout.element_size as u64, |size, &n| {
            size.saturating_mul(n)
        });
    let most = MAX_CHUNK_BYTES.min(USUAL_CHUNK_BYTES.max(dataset.saturating_mul(2)));
    layout
        .chunk
        .iter()
        .try_fold(layout.element_size as u64, |size, &n| {
            size.checked_mul(u64::from(n))
        })
        .filter(|&size| size > 0 && size <= most)
        .ok_or_else(|| {
            Error::ResourceLimit(format!(
                "chunks of {:?} elements of {} bytes are outside 1 byte to {} MiB, \
                 the most that is read of a dataset of {dataset} bytes",
                layout.chunk,
                layout.element_size,
                most >> 20
            ))
        })
}

/// Row-major number of a chunk in the grid; `None` for one outside the extent, which a dataset
/// that was made smaller leaves behind.
fn grid_number(offsets: &[u64], layout: &ChunkedLayout<'_>, grid: &[u64]) -> Result<Option<u64>> {
    let mut number = 0u64;
    for ((&offset, &chunk), &count) in offsets.iter().zip(layout.chunk).zip(grid) {
        if offset % u64::from(chunk) != 0 {
            return Err(Error::InvalidData(format!(
                "a chunk at {offsets:?} is off the grid of {:?}",
                layout.chunk
            )));
        }
        let position = offset / u64::from(chunk);
        if position >= count {
            return Ok(None);
        }
        number = number * count + position;
    }
    Ok(Some(number))
}

/// Two chunks in the same bytes: a damaged index, or one made to inflate a file many times.
fn check_apart(stored: &[(u64, Location)]) -> Result<()> {
    let mut places: Vec<(u64, u64)> = stored
        .iter()
        .map(|(_, l)| (l.offset, l.offset + l.len as u64))
        .collect();
    places.sort_unstable();
    match places.windows(2).find(|pair| pair[0].1 > pair[1].0) {
        Some(pair) => Err(Error::InvalidData(format!(
            "two chunks share the bytes at {:#x}",
            pair[1].0
        ))),
        None => Ok(()),
    }
}

fn entries(file: &Hdf5File, layout: &ChunkedLayout<'_>) -> Result<Vec<ChunkEntry>> {
    let (storage, superblock) = (file.storage(), file.superblock());
    let (offset_size, length_size) = (superblock.offset_size, superblock.length_size);
    if Cursor::is_undefined_offset(layout.address, offset_size) || layout.extent.contains(&0) {
        return Ok(Vec::new());
    }
    let rank = layout.extent.len();
    match layout.indexing {
        None => {
            let leaves = collect_btree_v1_leaves_storage(
                storage,
                layout.address,
                offset_size,
                length_size,
                Some(rank as u32),
                layout.chunk,
                None,
            )?;
            leaves
                .into_iter()
                .map(|(key, address)| match key {
                    BTreeV1Key::RawData {
                        chunk_size,
                        filter_mask,
                        mut offsets,
                    } => {
                        // The last offset is that of a byte in the element.
                        offsets.truncate(rank);
                        Ok(ChunkEntry {
                            address,
                            size: u64::from(chunk_size),
                            filter_mask,
                            offsets,
                        })
                    }
                    BTreeV1Key::Group { .. } => Err(Error::InvalidData(
                        "the index of chunks is an index of a group".into(),
                    )),
                })
                .collect()
        }
        Some(ChunkIndexing::SingleChunk {
            filtered_size,
            filters,
        }) => Ok(vec![single_chunk_entry(
            layout.address,
            *filtered_size,
            *filters,
            rank,
        )]),
        Some(ChunkIndexing::Implicit) => collect_implicit_chunk_entries(
            layout.address,
            layout.extent,
            layout.chunk,
            layout.element_size,
            None,
            storage.len(),
        ),
        Some(ChunkIndexing::FixedArray { .. }) => collect_fixed_array_chunk_entries_storage(
            storage,
            layout.address,
            offset_size,
            length_size,
            layout.extent,
            layout.chunk,
            None,
        ),
        Some(ChunkIndexing::ExtensibleArray { .. }) => {
            collect_extensible_array_chunk_entries_storage(
                storage,
                layout.address,
                offset_size,
                length_size,
                layout.extent,
                layout.max_extent,
                layout.chunk,
                None,
            )
        }
        Some(ChunkIndexing::BTreeV2) => collect_v2_chunk_entries_storage(
            storage,
            layout.address,
            offset_size,
            length_size,
            rank as u32,
            layout.chunk,
            None,
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_to_find_chunks_in_a_box_agree() {
        let location = |number: u64| Location {
            offset: 1000 * number,
            len: 10,
            mask: 0,
        };
        let numbers = [0, 1, 4, 7, 8, 11, 17, 23];
        let index = ChunkIndex {
            grid: vec![2, 3, 4],
            stored: numbers.map(|n| (n, location(n))).to_vec(),
            chunk_bytes: 10,
        };
        for box_ in [
            [0..2, 0..3, 0..4],
            [0..1, 1..3, 0..4],
            [1..2, 2..3, 3..4],
            [0..1, 0..1, 0..1],
            [0..2, 1..1, 0..4],
        ] {
            let expected: Vec<(Vec<u64>, Location)> = numbers
                .iter()
                .map(|&n| (vec![n / 12, n / 4 % 3, n % 4], location(n)))
                .filter(|(p, _)| p.iter().zip(&box_).all(|(p, r)| r.contains(p)))
                .collect();
            assert_eq!(index.within(&box_), expected, "{box_:?}");
            assert_eq!(index.stored_within(&box_), expected, "{box_:?}");
        }
        // A grid that could not be walked.
        let huge = ChunkIndex {
            grid: vec![1 << 40, 3],
            stored: vec![(5, location(5))],
            chunk_bytes: 10,
        };
        let found = huge.within(&[0..1 << 40, 0..3]);
        assert_eq!(found, [(vec![1, 2], location(5))]);
    }
}
