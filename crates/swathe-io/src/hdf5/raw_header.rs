//! Stored bytes of an object header's messages, for what the parser does not keep: unused bits of
//! numbers, the version of a data layout; and for what it takes on trust. HDF5 specification, "Data
//! Object Headers".

use std::collections::HashSet;
use std::sync::Arc;

use hdf5_reader::Hdf5File;
use hdf5_reader::error::{Error, Result};
use hdf5_reader::io::Cursor;
use hdf5_reader::object_header::ObjectHeader;

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

/// The parsed header at `address`, for which the parser's own arithmetic cannot overflow.
pub(super) fn parsed(file: &Hdf5File, address: u64) -> Result<Arc<ObjectHeader>> {
    let offset_size = file.superblock().offset_size;
    let mut plausible = true;
    // What cannot be walked the parser refuses too.
    let _ = for_each(file, address, &mut |kind, _, body| {
        plausible &= kind != DATA_LAYOUT || is_old_size_plausible(body, offset_size);
        plausible
    });
    if !plausible {
        return Err(Error::InvalidData(
            "a dataset larger than 2^64 bytes".into(),
        ));
    }
    file.get_or_parse_header(address)
}

/// Whether the lengths in a data layout of version 1 or 2, if it is one, have a product: the parser
/// multiplies them unchecked.
fn is_old_size_plausible(layout: &[u8], offset_size: u8) -> bool {
    let &[version @ (1 | 2), rank, ..] = layout else {
        return true;
    };
    let reserved = if version == 1 { 5 } else { 3 };
    let lengths = layout.get(3 + reserved + usize::from(offset_size)..);
    lengths
        .unwrap_or_default()
        .as_chunks::<4>()
        .0
        .iter()
        .take(usize::from(rank))
        .try_fold(1u64, |size, &len| {
            size.checked_mul(u32::from_le_bytes(len).into())
        })
        .is_some()
}

fn find(file: &Hdf5File, address: u64, wanted: u16) -> Result<Option<(u8, Vec<u8>)>> {
    let mut found = None;
    for_each(file, address, &mut |kind, flags, body| {
        if kind == wanted {
            found = Some((flags, body.to_vec()));
        }
        kind != wanted
    })?;
    Ok(found)
}

/// Shows `visit` the type, flags and body of every message of a header, until it has seen enough.
fn for_each(
    file: &Hdf5File,
    address: u64,
    visit: &mut dyn FnMut(u16, u8, &[u8]) -> bool,
) -> Result<()> {
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
            if !visit(kind, flags, body) {
                return Ok(());
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
    Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_layouts_without_a_size_are_found() {
        let layout = |version: u8, reserved: usize, lengths: &[u32]| {
            let mut body = vec![version, lengths.len() as u8, 1];
            body.extend(vec![0; reserved + 8]);
            lengths
                .iter()
                .for_each(|len| body.extend(len.to_le_bytes()));
            body
        };
        assert!(is_old_size_plausible(&layout(1, 5, &[3, 4, 5]), 8));
        assert!(is_old_size_plausible(
            &layout(1, 5, &[u32::MAX, u32::MAX]),
            8
        ));
        assert!(!is_old_size_plausible(&layout(1, 5, &[u32::MAX; 3]), 8));
        assert!(!is_old_size_plausible(&layout(2, 3, &[u32::MAX; 3]), 8));
        assert!(is_old_size_plausible(&layout(3, 3, &[u32::MAX; 3]), 8));
        assert!(is_old_size_plausible(&[1, 200, 1], 8) && is_old_size_plausible(&[], 8));
    }
}
