//! A dataset as it is kept for reading: its header, its checked type, its index of chunks.

use std::sync::OnceLock;

use hdf5_reader::Hdf5File;
use hdf5_reader::filters::FILTER_NBIT;
use hdf5_reader::messages::layout::DataLayout;

use super::decode::Pipeline;
use super::from_hdf5;
use super::index::{ChunkIndex, ChunkedLayout};
use super::objects::{Content, DatasetNode, Unreadable};
use super::raw_header::{self, DATA_LAYOUT, DATATYPE};
use crate::dataset::DataType;
use crate::error::{Error, Result};

/// A dataset, with what is read of it on first use.
pub(super) struct StoredVariable {
    dataset: DatasetNode,
    unsupported: OnceLock<Option<&'static str>>,
    index: OnceLock<ChunkIndex>,
}

impl StoredVariable {
    pub(super) fn new(dataset: DatasetNode) -> StoredVariable {
        StoredVariable {
            dataset,
            unsupported: OnceLock::new(),
            index: OnceLock::new(),
        }
    }

    /// Refuses by name what cannot be read rightly. `place` names file and variable.
    pub(super) fn check_supported(
        &self,
        file: &Hdf5File,
        content: &Content,
        place: &str,
    ) -> Result<()> {
        let found = match self.unsupported.get() {
            Some(found) => *found,
            None => {
                let found = unsupported(file, self.dataset.address, content)
                    .map_err(|error| from_hdf5(place, error))?;
                *self.unsupported.get_or_init(|| found)
            }
        };
        match found {
            Some(feature) => Err(Error::Unsupported {
                path: place.into(),
                feature: feature.into(),
            }),
            None => Ok(()),
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

/// Name of a feature of a dataset that is not supported. The parser does not keep all that this
/// depends on, so the stored bytes are looked at.
fn unsupported(
    file: &Hdf5File,
    address: u64,
    content: &Content,
) -> hdf5_reader::error::Result<Option<&'static str>> {
    if content.external {
        return Ok(Some("data in external files"));
    }
    let packs_bits = content.filters.iter().any(|f| f.id == FILTER_NBIT);
    let number = match content.element.dtype {
        DataType::Text if packs_bits => return Ok(Some("the n-bit filter on text")),
        DataType::F32 | DataType::F64 if packs_bits => {
            return Ok(Some("the n-bit filter on floating point"));
        }
        DataType::Text | DataType::Other(_) => false,
        _ => true,
    };
    // The n-bit filter's output has whole numbers whatever the stored precision.
    if number && !packs_bits {
        let datatype = raw_header::message(file, address, DATATYPE)?;
        if !datatype.is_some_and(|stored| is_plain_number(&stored)) {
            return Ok(Some(
                "a number type with unused bits or of another layout than IEEE's",
            ));
        }
    }
    let layout = raw_header::message(file, address, DATA_LAYOUT)?;
    Ok(match layout.as_deref() {
        // The parser takes its addresses from two bytes too early.
        Some([2, ..]) => Some("data layout version 2, of HDF5 before 1.6.3"),
        // Bit 0: chunks that reach over the edge are stored without filters.
        Some([4 | 5, 2, flags, ..]) if flags & 1 != 0 && !content.filters.is_empty() => {
            Some("filtered data with unfiltered chunks at the edge")
        }
        _ => None,
    })
}

/// Whether a stored datatype (class and flags, size, bit offset, precision, and for floating
/// point the places of exponent and mantissa) is a number that the machine has: HDF5
/// specification, "Datatype Message".
fn is_plain_number(stored: &[u8]) -> bool {
    let Some((head, properties)) = stored.split_first_chunk::<8>() else {
        return false;
    };
    let [class, flags, sign_bit, _, size @ ..] = *head;
    let bits = u32::from_le_bytes(size).saturating_mul(8);
    let Some((&[o0, o1, p0, p1], float)) = properties.split_first_chunk::<4>() else {
        return false;
    };
    let whole =
        u16::from_le_bytes([o0, o1]) == 0 && u32::from(u16::from_le_bytes([p0, p1])) == bits;
    match class & 0x0F {
        0 => whole,
        1 => {
            // Exponent place and size, mantissa place and size, exponent bias; the sign on top,
            // the leading one of the mantissa implied, the byte order not VAX's.
            let ieee: &[u8] = match bits {
                32 => &[23, 8, 0, 23, 127, 0, 0, 0],
                64 => &[52, 11, 0, 52, 0xFF, 0x03, 0, 0],
                _ => return false,
            };
            let implied_one = (flags >> 4) & 0x03 == 2;
            let vax = flags & 0x40 != 0;
            whole
                && implied_one
                && !vax
                && u32::from(sign_bit) == bits - 1
                && float.starts_with(ieee)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const F32: [u8; 20] = [
        0x11, 0x20, 31, 0, 4, 0, 0, 0, 0, 0, 32, 0, 23, 8, 0, 23, 127, 0, 0, 0,
    ];
    const I16: [u8; 12] = [0x10, 0x08, 0, 0, 2, 0, 0, 0, 0, 0, 16, 0];

    #[test]
    fn only_numbers_of_the_machine_are_plain() {
        assert!(is_plain_number(&F32));
        assert!(is_plain_number(&I16));
        let with = |base: &[u8], at: usize, value: u8| {
            let mut changed = base.to_vec();
            changed[at] = value;
            changed
        };
        // Big-endian is plain.
        assert!(is_plain_number(&with(&F32, 1, 0x21)));
        assert!(is_plain_number(&with(&I16, 1, 0x09)));
        // VAX order, no implied one, sign elsewhere, another bias, smaller exponent.
        for (at, value) in [(1, 0x61), (1, 0x00), (2, 15), (16, 126), (13, 7)] {
            assert!(!is_plain_number(&with(&F32, at, value)), "{at} {value}");
        }
        // Twelve bits of sixteen, or off the first bit.
        assert!(!is_plain_number(&with(&I16, 10, 12)));
        assert!(!is_plain_number(&with(&I16, 8, 1)));
        // Not a number, or cut off.
        assert!(!is_plain_number(&with(&I16, 0, 0x13)));
        assert!((0..12).all(|len| !is_plain_number(&I16[..len])));
    }
}
