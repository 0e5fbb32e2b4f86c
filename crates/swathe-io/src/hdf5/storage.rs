//! HDF5 metadata is read in many tiny pieces; this serves them from blocks read once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use hdf5_reader::StorageBuffer;
use hdf5_reader::error::{Error, Result};
use hdf5_reader::storage::Storage;

use crate::bytes::{ByteSource, CountedSource};

/// Metadata of a PACE granule lies in half a dozen places; larger blocks read half a megabyte for it.
const BLOCK: u64 = 16 * 1024;
/// Blocks kept before all are dropped: 32 MiB, several times the metadata of the largest granule.
const MAX_BLOCKS: usize = 2048;
/// Longer pieces are not metadata that comes back: read straight, not kept.
const LARGE: usize = 256 * 1024;

type Block = Arc<dyn AsRef<[u8]> + Send + Sync>;

/// Metadata view of a source: whole blocks, read once and shared.
pub(super) struct BlockStorage {
    source: Arc<CountedSource>,
    blocks: Mutex<HashMap<u64, Block>>,
}

impl BlockStorage {
    pub(super) fn new(source: Arc<CountedSource>) -> BlockStorage {
        BlockStorage {
            source,
            blocks: Mutex::new(HashMap::new()),
        }
    }

    fn read(&self, offset: u64, len: usize) -> Result<Vec<u8>> {
        let mut buffer = vec![0; len];
        self.source.read_exact_at(offset, &mut buffer)?;
        Ok(buffer)
    }

    fn block(&self, index: u64) -> Result<Block> {
        let kept = |blocks: &HashMap<u64, Block>| blocks.get(&index).cloned();
        if let Some(block) = kept(&self.blocks.lock().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(block);
        }
        let start = index * BLOCK;
        let len = (self.source.len() - start).min(BLOCK) as usize;
        let block: Block = Arc::new(self.read(start, len)?);
        let mut blocks = self.blocks.lock().unwrap_or_else(PoisonError::into_inner);
        if blocks.len() >= MAX_BLOCKS {
            blocks.clear();
        }
        blocks.insert(index, block.clone());
        Ok(block)
    }
}

impl Storage for BlockStorage {
    fn len(&self) -> u64 {
        self.source.len()
    }

    fn read_range(&self, offset: u64, len: usize) -> Result<StorageBuffer> {
        let end = offset
            .checked_add(len as u64)
            .ok_or(Error::OffsetOutOfBounds(offset))?;
        if end > self.len() {
            // Before any allocation: `len` comes from the file.
            return Err(Error::UnexpectedEof {
                offset,
                needed: len as u64,
                available: self.len().saturating_sub(offset),
            });
        }
        if len > LARGE {
            return Ok(StorageBuffer::from_vec(self.read(offset, len)?));
        }
        let first = offset / BLOCK;
        let within = (offset % BLOCK) as usize;
        if len == 0 || end <= (first + 1) * BLOCK {
            if len == 0 {
                return Ok(StorageBuffer::from_vec(Vec::new()));
            }
            return StorageBuffer::from_shared_owner(self.block(first)?, within, len);
        }
        let mut joined = Vec::with_capacity(len);
        for index in first..end.div_ceil(BLOCK) {
            let block = self.block(index)?;
            let bytes = (*block).as_ref();
            let from = if index == first { within } else { 0 };
            let upto = (end - index * BLOCK).min(BLOCK) as usize;
            joined.extend_from_slice(&bytes[from..upto]);
        }
        Ok(StorageBuffer::from_vec(joined))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::MemorySource;

    #[test]
    fn every_range_equals_the_source_and_blocks_are_read_once() {
        let bytes: Vec<u8> = (0..400_000u32).map(|i| (i * 7 + i / 251) as u8).collect();
        let source = Arc::new(CountedSource::new(Arc::new(MemorySource::new(
            "m",
            bytes.clone(),
        ))));
        let storage = BlockStorage::new(source.clone());
        for (offset, len) in [
            (0, 0),
            (0, 1),
            (16_383, 1),
            (16_383, 2),
            (16_384, 16_384),
            (10, 200_000),
            (399_999, 1),
            (400_000, 0),
            (1, 399_000),
        ] {
            let got = storage.read_range(offset, len).unwrap();
            assert_eq!(&got[..], &bytes[offset as usize..offset as usize + len]);
        }
        // Blocks 0 to 12 and 24, and the one long piece read straight.
        assert_eq!(source.counters().reads, 15);
        assert!(storage.read_range(399_999, 2).is_err());
        assert!(storage.read_range(u64::MAX, 2).is_err());
        assert!(storage.read_range(0, usize::MAX).is_err());
    }
}
