//! A netCDF-4 file written as its values come, with no more in memory than one piece of them.
//!
//! ```text
//! superblock | headers | texts of attributes | room for chunk indexes | values in the order given
//! \_______________ front: written by finish(), size known at create() _______________/
//! ```
//!
//! [`encode_chunk`] filters a chunk, on any thread; [`NetCdf4Writer`] puts pieces in place. All else here
//! are pure functions that give the bytes of one structure of the HDF5 file format (The HDF Group,
//! "HDF5 File Format Specification", version 3.0), in the forms that libraries since HDF5 1.8 read:
//! superblock 2 and object headers 2 with checksums, version 1 B-trees for chunks. The netCDF-4 conventions
//! of the Unidata library's file format (dimension scales, hidden attributes) are in `objects`.

mod attributes;
mod bytes;
mod checksum;
mod chunk;
mod chunk_index;
mod datatype;
mod description;
mod front;
mod heap;
mod messages;
mod objects;
mod writer;

#[cfg(test)]
mod tests;

pub use chunk::{encode_chunk, gather, grid};
pub(crate) use chunk::{position, shuffled};
pub use description::{
    FileDescription, GroupDescription, RecordDescription, Storage, VariableDescription,
};
pub use writer::NetCdf4Writer;
