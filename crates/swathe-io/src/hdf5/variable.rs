//! A dataset as it is kept for reading: its header, its checked type, its index of chunks.

use std::sync::OnceLock;

use hdf5_reader::Hdf5File;
use hdf5_reader::filters::FILTER_NBIT;
use hdf5_reader::messages::layout::DataLayout;

use super::decode::Pipeline;
use super::element::Encoding;
use super::from_hdf5;
use super::index::{ChunkIndex, ChunkedLayout};
use super::objects::{Content, DatasetNode, Unreadable};
use crate::dataset::DataType;
use crate::error::{Error, Result};

/// A dataset, with what is read of it on first use.
pub(super) struct StoredVariable {
    dataset: DatasetNode,
    index: OnceLock<ChunkIndex>,
}

impl StoredVariable {
    pub(super) fn new(dataset: DatasetNode) -> StoredVariable {
        StoredVariable {
            dataset,
            index: OnceLock::new(),
        }
    }

    /// What the header says, or why it cannot be read. `place` names file and variable.
    pub(super) fn content(&self, place: &str) -> Result<&Content> {
        match &self.dataset.content {
            Ok(content) => Ok(content),
            Err(Unreadable::Unsupported(feature)) => Err(Error::Unsupported {
                path: place.into(),
                feature: feature.clone(),
            }),
            Err(Unreadable::Damaged(reason)) => Err(Error::Format {
                path: place.into(),
                reason: format!("damaged: {reason}"),
            }),
        }
    }

    /// The index of a chunked dataset, read on first use.
    pub(super) fn index(
        &self,
        file: &Hdf5File,
        content: &Content,
        place: &str,
    ) -> Result<&ChunkIndex> {
        if let Some(index) = self.index.get() {
            return Ok(index);
        }
        let DataLayout::Chunked {
            address,
            dims,
            chunk_indexing,
            ..
        } = &content.layout
        else {
            return Err(Error::Format {
                path: place.into(),
                reason: "the data is not chunked".into(),
            });
        };
        let layout = ChunkedLayout {
            address: *address,
            chunk: dims,
            indexing: chunk_indexing.as_ref(),
            extent: &content.extent,
            max_extent: content.max_extent.as_deref(),
            element_size: content.element.size,
            filtered: !content.filters.is_empty(),
        };
        let index = ChunkIndex::read(file, &layout).map_err(|error| from_hdf5(place, error))?;
        // Two threads may both have read it: either is as good.
        Ok(self.index.get_or_init(|| index))
    }
}

impl Content {
    /// The filters of a chunk of `chunk_bytes`.
    pub(super) fn pipeline(&self, chunk_bytes: usize) -> Pipeline {
        Pipeline {
            filters: self.filters.clone(),
            element_size: self.element.size,
            chunk_bytes,
        }
    }

    /// Refuses by name what cannot be read rightly.
    pub(super) fn check_supported(&self, place: &str) -> Result<()> {
        let refuse = |feature: &str| {
            Err(Error::Unsupported {
                path: place.into(),
                feature: feature.into(),
            })
        };
        if self.external {
            return refuse("data in external files");
        }
        let is_float = matches!(self.element.dtype, DataType::F32 | DataType::F64);
        let packs_bits = self.filters.iter().any(|f| f.id == FILTER_NBIT);
        if packs_bits && (is_float || !matches!(self.element.encoding, Encoding::Number(_))) {
            return refuse("the n-bit filter on other than integers");
        }
        Ok(())
    }

    /// The value of elements that are not stored: one element in file order, or nothing for zero.
    pub(super) fn fill(&self, place: &str) -> Result<Option<&[u8]>> {
        match &self.fill {
            Some(value) if value.len() != self.element.size => Err(Error::Format {
                path: place.into(),
                reason: format!(
                    "the fill value has {} bytes, an element {}",
                    value.len(),
                    self.element.size
                ),
            }),
            Some(value) if value.iter().any(|&b| b != 0) => Ok(Some(value)),
            _ => Ok(None),
        }
    }
}
