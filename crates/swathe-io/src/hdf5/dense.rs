//! Dense storage: objects of a group or attributes of an object in a fractal heap, found by a tree.

use hdf5_reader::Hdf5File;
use hdf5_reader::btree_v2::{BTreeV2Header, BTreeV2Record, collect_btree_v2_records_storage};
use hdf5_reader::error::Result;
use hdf5_reader::fractal_heap::{FractalHeap, FractalHeapDirectBlockCache};
use hdf5_reader::io::Cursor;

/// The messages in the heap at `heap`, in the order of the identifiers that `chosen` makes of the records of
/// the tree at `tree`; none where there is no heap. `parse` gets a message with its length.
pub(super) fn messages<T>(
    file: &Hdf5File,
    heap: u64,
    tree: u64,
    chosen: impl FnOnce(Vec<BTreeV2Record>) -> Vec<Vec<u8>>,
    parse: impl Fn(&mut Cursor<'_>, u8, u8, usize) -> Result<T>,
) -> Result<Vec<T>> {
    let (storage, superblock) = (file.storage(), file.superblock());
    let (offset_size, length_size) = (superblock.offset_size, superblock.length_size);
    if Cursor::is_undefined_offset(heap, offset_size) {
        return Ok(Vec::new());
    }
    let heap = FractalHeap::parse_at_storage(storage, heap, offset_size, length_size)?;
    let tree = BTreeV2Header::parse_at_storage(storage, tree, offset_size, length_size)?;
    let records = collect_btree_v2_records_storage(
        storage,
        &tree,
        offset_size,
        length_size,
        None,
        &[],
        None,
    )?;
    let mut blocks = FractalHeapDirectBlockCache::default();
    let chosen = chosen(records);
    let read = chosen.iter().map(|id| {
        let bytes =
            heap.get_object_storage_cached(id, storage, offset_size, length_size, &mut blocks)?;
        parse(
            &mut Cursor::new(&bytes),
            offset_size,
            length_size,
            bytes.len(),
        )
    });
    read.collect()
}
