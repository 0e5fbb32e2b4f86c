//! Blosc's container, as far as it holds shuffled bytes compressed by Zstandard. Bytes of equal
//! significance put together make maps a tenth smaller, and counts a third.
//!
//! ```text
//! version 2 | codec's version | flags | element size | bytes | bytes of a block | bytes of all, u32 each
//! offset of every block, i32 | blocks: length, i32, then a Zstandard frame, or the bytes if as many
//! ```
//!
//! Reference: c-blosc 1, README_CHUNK_FORMAT.rst.

use super::codec::{decompress, zstandard};
use crate::netcdf4::shuffled;
use crate::place::unshuffle;

const HEADER: usize = 16;
const VERSION: u8 = 2;
const ZSTD_VERSION: u8 = 1;
const SHUFFLED: u8 = 0x01;
const AS_IT_IS: u8 = 0x02;
const BITS_SHUFFLED: u8 = 0x04;
/// Blocks are compressed whole, not by planes of bytes.
const WHOLE_BLOCKS: u8 = 0x10;
const ZSTD: u8 = 4 << 5;

/// One block of all bytes. They come to less than 2^31.
pub(super) fn encode(bytes: &[u8], element_size: usize) -> std::io::Result<Vec<u8>> {
    let length = |n: usize| (n as u32).to_le_bytes();
    let mut flags = WHOLE_BLOCKS | ZSTD;
    let compressed = if element_size > 1 {
        flags |= SHUFFLED;
        zstandard(&shuffled(bytes, element_size))?
    } else {
        zstandard(bytes)?
    };
    let packed = 8 + compressed.len() < bytes.len();
    let mut out = vec![VERSION, ZSTD_VERSION, flags, element_size as u8];
    if !packed {
        out[2] = flags | AS_IT_IS;
    }
    out.extend(length(bytes.len()));
    out.extend(length(bytes.len()));
    if packed {
        out.extend(length(HEADER + 8 + compressed.len()));
        out.extend(length(HEADER + 4));
        out.extend(length(compressed.len()));
        out.extend(compressed);
    } else {
        out.extend(length(HEADER + bytes.len()));
        out.extend(bytes);
    }
    Ok(out)
}

/// The `count` bytes of a chunk.
pub(super) fn decode(stored: &[u8], count: usize) -> Result<Vec<u8>, String> {
    let cut = || "it is cut off".to_owned();
    let number = |at: usize| -> Result<usize, String> {
        let bytes = stored
            .get(at..)
            .and_then(|b| b.first_chunk::<4>())
            .ok_or_else(cut)?;
        Ok(u32::from_le_bytes(*bytes) as usize)
    };
    let (total, block, all) = (number(4)?, number(8)?, number(12)?);
    let (flags, size) = (stored[2], usize::from(stored[3]));
    if stored[0] != VERSION || all != stored.len() || total != count || size == 0 {
        return Err(format!("its header does not fit {count} bytes"));
    }
    if flags & AS_IT_IS != 0 {
        return match stored.get(HEADER..) {
            Some(bytes) if bytes.len() == count => Ok(bytes.to_vec()),
            _ => Err(cut()),
        };
    }
    if flags & 0xE0 != ZSTD || flags & BITS_SHUFFLED != 0 || flags & WHOLE_BLOCKS == 0 {
        return Err(format!("Blosc with flags {flags:#04x} is not supported"));
    }
    if block == 0 || !block.is_multiple_of(size) || !count.is_multiple_of(size) {
        return Err("its blocks do not hold whole elements".into());
    }
    // Grows with the blocks that are there, not with what the header promises.
    let mut out = Vec::new();
    for (i, start) in (0..count).step_by(block).enumerate() {
        let bytes = block.min(count - start);
        let at = number(HEADER + 4 * i)?;
        let length = number(at)?;
        let packed = at.checked_add(4).zip(at.checked_add(4 + length));
        let packed = packed
            .and_then(|(from, to)| stored.get(from..to))
            .ok_or_else(cut)?;
        let unpacked = match length == bytes {
            true => packed.to_vec(),
            false => decompress(packed, bytes)?,
        };
        if unpacked.len() != bytes {
            return Err(format!(
                "block {i} has {} bytes, not {bytes}",
                unpacked.len()
            ));
        }
        if flags & SHUFFLED != 0 && size > 1 {
            out.resize(start + bytes, 0);
            unshuffle(&unpacked, size, 0, &mut out[start..]);
        } else {
            out.extend(unpacked);
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back() {
        let regular: Vec<u8> = (0..4000u32).flat_map(u32::to_le_bytes).collect();
        let random: Vec<u8> = (0..4000u32)
            .map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8)
            .collect();
        for bytes in [&regular[..], &random[..], &[]] {
            for size in [1, 2, 4, 8] {
                let stored = encode(bytes, size).unwrap();
                assert!(stored.len() <= bytes.len() + HEADER);
                assert_eq!(decode(&stored, bytes.len()).unwrap(), bytes);
                assert!(decode(&stored, bytes.len() + 1).is_err());
            }
        }
        assert!(encode(&regular, 4).unwrap().len() < regular.len() / 20);
    }

    /// numcodecs 0.16, Blosc(cname="zstd", clevel=3, shuffle=1, blocksize=160).encode(np.arange(100, dtype="i4") // 3 * 1000)
    #[test]
    fn blocks_of_another_program() {
        let stored = include_bytes!("testdata/blosc.bin");
        let want: Vec<u8> = (0..100i32)
            .flat_map(|i| (i / 3 * 1000).to_le_bytes())
            .collect();
        assert_eq!(decode(stored, 400).unwrap(), want);
        for len in 0..stored.len() {
            assert!(decode(&stored[..len], 400).is_err());
        }
    }
}
