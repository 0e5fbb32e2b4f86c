//! Stored bytes of an object header's messages, for what the parser does not keep: unused bits of
//! numbers, the version of a data layout. HDF5 specification, "Data Object Headers".

use std::collections::HashSet;

use hdf5_reader::Hdf5File;
use hdf5_reader::error::{Error, Result};
use hdf5_reader::io::Cursor;

/// Message types.
pub(super) const DATATYPE: u16 = 0x03;
pub(super) const DATA_LAYOUT: u16 = 0x08;
const CONTINUATION: u16 = 0x10;

/// Pieces of one header that are followed.
const MAX_PIECES: usize = 256;
/// Flag of a message that stands in another header.
const SHARED: u8 = 0x02;

/// Body of the first message of a type in the header at `address`, shared ones resolved.
pub(super) fn message(file: &Hdf5File, address: u64, wanted: u16) -> Result<Option<Vec<u8>>> {
    match find(file, address, wanted)? {
        Some((flags, body)) if flags & SHARED != 0 => {
            // Versions 2 and 3 name the address of the header that holds the message.
            let mut cursor = Cursor::new(&body);
            let version = cursor.read_u8()?;
            let kind = cursor.read_u8()?;
            if version == 1 {
                cursor.skip(6)?;
            }
            if version == 3 && kind != 2 {
                return Ok(None);
            }
            let target = cursor.read_offset(file.superblock().offset_size)?;
            let found = find(file, target, wanted)?;
            Ok(found
                .filter(|(flags, _)| flags & SHARED == 0)
                .map(|(_, body)| body))
        }
        found => Ok(found.map(|(_, body)| body)),
    }
}

fn find(file: &Hdf5File, address: u64, wanted: u16) -> Result<Option<(u8, Vec<u8>)>> {
    let storage = file.storage();
    let mut pieces = Vec::new();
    let mut entered = HashSet::new();
    let signature = storage.read_range(address, 4)?;
    let format = if &signature[..] == b"OHDR" {
        let head_len = (storage.len() - address).min(64) as usize;
        let head = storage.read_range(address, head_len)?;
        let mut cursor = Cursor::new(&head);
        cursor.skip(5)?;
        let flags = cursor.read_u8()?;
        cursor.skip(if flags & 0x20 != 0 { 16 } else { 0 })?;
        cursor.skip(if flags & 0x10 != 0 { 4 } else { 0 })?;
        let len = cursor.read_uvar(1 << (flags & 0x03))?;
        pieces.push((address + cursor.position(), len));
        Format::Second {
            order: flags & 0x04 != 0,
        }
    } else {
        let head = storage.read_range(address, 16)?;
        let mut cursor = Cursor::new(&head);
        cursor.skip(8)?;
        let len = u64::from(cursor.read_u32_le()?);
        pieces.push((address + 16, len));
        Format::First
    };
    while let Some((start, len)) = pieces.pop() {
        if !entered.insert(start) || entered.len() > MAX_PIECES {
            return Err(Error::InvalidData("an object header without end".into()));
        }
        let len = usize::try_from(len).map_err(|_| Error::OffsetOutOfBounds(start))?;
        let bytes = storage.read_range(start, len)?;
        let mut cursor = Cursor::new(&bytes);
        while let Some((kind, flags, size)) = format.next(&mut cursor)? {
            let body = cursor.read_bytes(size)?;
            if kind == wanted {
                return Ok(Some((flags, body.to_vec())));
            }
            if kind == CONTINUATION {
                let superblock = file.superblock();
                let mut cursor = Cursor::new(body);
                let start = cursor.read_offset(superblock.offset_size)?;
                let len = cursor.read_length(superblock.length_size)?;
                pieces.push(match format {
                    Format::First => (start, len),
                    // A signature before the messages, a checksum behind.
                    Format::Second { .. } => (start.saturating_add(4), len.saturating_sub(8)),
                });
            }
        }
    }
    Ok(None)
}

/// Versions of object headers.
#[derive(Clone, Copy)]
enum Format {
    First,
    /// With or without the order in which messages were made.
    Second {
        order: bool,
    },
}

impl Format {
    /// Type, flags and size of the next message; `None` at the end.
    fn next(self, cursor: &mut Cursor<'_>) -> Result<Option<(u16, u8, usize)>> {
        let prefix = match self {
            Format::First => 8,
            Format::Second { order: false } => 4,
            Format::Second { order: true } => 6,
        };
        if cursor.remaining() < prefix {
            return Ok(None);
        }
        let kind = match self {
            Format::First => cursor.read_u16_le()?,
            Format::Second { .. } => u16::from(cursor.read_u8()?),
        };
        let size = usize::from(cursor.read_u16_le()?);
        let flags = cursor.read_u8()?;
        match self {
            Format::First => cursor.skip(3)?,
            Format::Second { order } => cursor.skip(if order { 2 } else { 0 })?,
        }
        Ok(Some((kind, flags, size)))
    }
}
