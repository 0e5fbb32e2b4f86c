//! What a store holds, without its elements.

use std::collections::HashSet;

use crate::dataset::{AttributeValue, Attributes, DataType};
use crate::error::{Error, Result};
use crate::netcdf4::grid;

/// Attributes and arrays of a store. All arrays are in its root group.
#[derive(Debug, Clone, PartialEq)]
pub struct StoreDescription {
    /// Attributes of the group.
    pub attributes: Attributes,
    /// Arrays in order.
    pub arrays: Vec<ArrayDescription>,
}

/// An array without its elements.
#[derive(Debug, Clone, PartialEq)]
pub struct ArrayDescription {
    /// Name.
    pub name: String,
    /// Names of its dimensions, outermost first; none for a scalar.
    pub dims: Vec<String>,
    /// Their lengths.
    pub shape: Vec<usize>,
    /// Type of the elements.
    pub dtype: DataType,
    /// Attributes, without `_FillValue`.
    pub attributes: Attributes,
    /// `_FillValue`: one element of the array's type, which stands for a missing one. It is also what
    /// chunks hold that are never written; without it they hold NaN, zero or empty texts.
    pub fill: Option<AttributeValue>,
    /// Shape of a chunk. Chunks at the far edges have this shape too.
    pub chunks: Vec<usize>,
    /// Shape of a shard, in elements: whole chunks. `None` for a file for every chunk.
    pub shards: Option<Vec<usize>>,
}

/// Bytes of a chunk, and chunks of a shard, beyond which a description is wrong.
pub(super) const MOST_CHUNK_BYTES: usize = 1 << 30;
pub(super) const MOST_IN_A_SHARD: usize = 1 << 20;
/// Most dimensions of an array, and most bytes of a name: a file system's limit.
const MOST_DIMENSIONS: usize = 32;
const MOST_NAME_BYTES: usize = 255;

impl ArrayDescription {
    /// Number of chunks along each dimension.
    pub fn chunk_grid(&self) -> Vec<usize> {
        grid(&self.shape, &self.chunks)
    }

    /// Elements of a chunk.
    pub(super) fn chunk_elements(&self) -> usize {
        self.chunks.iter().product()
    }

    /// Chunks of a shard along each dimension; ones where there are no shards.
    pub(super) fn shard_grid(&self) -> Vec<usize> {
        match &self.shards {
            Some(shards) => grid(shards, &self.chunks),
            None => vec![1; self.chunks.len()],
        }
    }

    /// Bytes of an element that stands where nothing was written; none for text.
    pub(super) fn unwritten(&self) -> Vec<u8> {
        if let Some(bytes) = self.fill.as_ref().and_then(element_bytes) {
            return bytes;
        }
        match self.dtype {
            DataType::F32 => f32::NAN.to_le_bytes().to_vec(),
            DataType::F64 => f64::NAN.to_le_bytes().to_vec(),
            _ => vec![0; self.dtype.size().unwrap_or(0)],
        }
    }

    /// Says what is wrong with it.
    pub(super) fn check(&self) -> std::result::Result<(), String> {
        let wrong = |reason: String| Err(format!("array {:?}: {reason}", self.name));
        let name = self.name.as_str();
        // No name may lead out of the store, or to what is not an array.
        if name.is_empty()
            || name.starts_with(['.', '_'])
            || name.contains(['/', '\\', '\0', ':'])
            || name == super::METADATA
            || name.len() > MOST_NAME_BYTES
        {
            return wrong("this cannot be a name".into());
        }
        let rank = self.shape.len();
        if rank > MOST_DIMENSIONS || self.dims.len() != rank || self.chunks.len() != rank {
            return wrong(format!(
                "shape {:?}, dimensions {:?} and chunks {:?} do not fit",
                self.shape, self.dims, self.chunks
            ));
        }
        let size = match &self.dtype {
            DataType::Other(class) => return wrong(format!("type {class} is not supported")),
            DataType::Text => size_of::<String>(),
            number => number.size().unwrap_or(1),
        };
        let product = |lengths: &[usize], first: usize| {
            lengths.iter().try_fold(first, |n, &len| n.checked_mul(len))
        };
        if product(&self.shape, size).is_none_or(|bytes| bytes > isize::MAX as usize) {
            return wrong(format!("shape {:?} is too large", self.shape));
        }
        if self.chunks.contains(&0)
            || product(&self.chunks, size).is_none_or(|bytes| bytes > MOST_CHUNK_BYTES)
        {
            return wrong(format!(
                "chunks of {:?} are not 1 byte to 1 GiB",
                self.chunks
            ));
        }
        if let Some(shards) = &self.shards {
            let whole = shards.len() == rank
                && shards
                    .iter()
                    .zip(&self.chunks)
                    .all(|(s, c)| *s > 0 && s % c == 0);
            if !whole || product(&self.shard_grid(), 1).is_none_or(|n| n > MOST_IN_A_SHARD) {
                return wrong(format!(
                    "shards of {shards:?} do not hold whole chunks of {:?}",
                    self.chunks
                ));
            }
        }
        if self
            .fill
            .as_ref()
            .is_some_and(|fill| element_bytes(fill).map(|b| b.len()) != self.dtype.size())
        {
            return wrong("its fill value is not one element of its type".into());
        }
        Ok(())
    }
}

impl StoreDescription {
    pub(super) fn check(&self) -> std::result::Result<(), String> {
        let mut names = HashSet::new();
        for array in &self.arrays {
            array.check()?;
            if !names.insert(array.name.as_str()) {
                return Err(format!("there are two arrays {:?}", array.name));
            }
        }
        Ok(())
    }
}

/// Little-endian bytes of a single number.
pub(super) fn element_bytes(value: &AttributeValue) -> Option<Vec<u8>> {
    fn one<T: Copy, const N: usize>(values: &[T], bytes: fn(T) -> [u8; N]) -> Option<Vec<u8>> {
        match values {
            [value] => Some(bytes(*value).to_vec()),
            _ => None,
        }
    }
    match value {
        AttributeValue::Text(_) | AttributeValue::Texts(_) => None,
        AttributeValue::I8(v) => one(v, i8::to_le_bytes),
        AttributeValue::U8(v) => one(v, u8::to_le_bytes),
        AttributeValue::I16(v) => one(v, i16::to_le_bytes),
        AttributeValue::U16(v) => one(v, u16::to_le_bytes),
        AttributeValue::I32(v) => one(v, i32::to_le_bytes),
        AttributeValue::U32(v) => one(v, u32::to_le_bytes),
        AttributeValue::I64(v) => one(v, i64::to_le_bytes),
        AttributeValue::U64(v) => one(v, u64::to_le_bytes),
        AttributeValue::F32(v) => one(v, f32::to_le_bytes),
        AttributeValue::F64(v) => one(v, f64::to_le_bytes),
    }
}

pub(super) fn refused(reason: String) -> Error {
    Error::Product {
        reason: format!("it cannot be written as Zarr: {reason}"),
    }
}

/// Checks for writers.
pub(super) fn check(description: &StoreDescription) -> Result<()> {
    description.check().map_err(refused)
}
