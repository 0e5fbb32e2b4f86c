//! Zarr v3 stores: folders of chunks, written and read piece by piece.
//!
//! ```text
//! x.zarr/zarr.json          the group, with the metadata of all arrays in it (consolidated)
//! x.zarr/NAME/zarr.json     an array
//! x.zarr/NAME/c/0/3/7       a chunk, or a shard: chunks in the order written, then their index
//! ```
//!
//! [`encode_chunk`] compresses a chunk, on any thread; [`ZarrWriter`] puts it in its file. Metadata is
//! written last, so a store that can be opened is complete. Forms: the Zarr core specification 3.0 (codecs
//! `bytes`, `blosc`, `sharding_indexed`, `crc32c`), the registered extensions `zstd`, `string` and `vlen-utf8`, and
//! consolidated metadata as zarr-python 3 has it.

mod attributes;
mod blosc;
mod codec;
mod description;
mod document;
mod files;
mod reader;
mod writer;

#[cfg(test)]
mod tests;

pub(crate) use attributes::as_stored;
pub(crate) use codec::decode_numbers;
pub use codec::{encode_chunk, encode_texts};
pub use description::{ArrayDescription, StoreDescription};
use files::METADATA;
pub(crate) use files::sync_folder;
pub use reader::ZarrStore;
pub use writer::ZarrWriter;
