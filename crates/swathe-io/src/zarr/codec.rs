//! Chunks as they are stored.

use super::blosc;
use super::description::{MOST_CHUNK_BYTES, refused};
use crate::error::Result;

/// Zstandard's own default. On maps, higher levels gain under 2 %.
pub(super) const LEVEL: i32 = 3;
/// Bytes of an entry in a shard's index, and of the checksum behind it.
const ENTRY: usize = 16;
const CHECKSUM: usize = 4;
/// What the index of a shard says of a chunk that is not there.
const NOWHERE: u64 = u64::MAX;

/// How a chunk is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    Zstd,
    Blosc,
}

/// A chunk of numbers as it is stored: shuffled, compressed by Zstandard, in Blosc's container. `elements`
/// are little-endian bytes in row-major order. Chunks can be encoded on any thread; equal input gives
/// equal bytes.
///
/// # Errors
/// [`Error::Product`](crate::error::Error::Product) for a chunk above 1 GiB.
pub fn encode_chunk(elements: &[u8], element_size: usize) -> Result<Vec<u8>> {
    if elements.len() > MOST_CHUNK_BYTES {
        return Err(refused("a chunk is larger than 1 GiB".into()));
    }
    blosc::encode(elements, element_size).map_err(|error| refused(error.to_string()))
}

/// The `bytes` bytes of a chunk that [`encode_chunk`] encoded.
///
/// # Errors
/// What is wrong with it, if it is damaged or holds another number.
pub(crate) fn decode_numbers(stored: &[u8], bytes: usize) -> std::result::Result<Vec<u8>, String> {
    decode_chunk(stored, Compression::Blosc, bytes)
}

/// A Zstandard frame with a checksum.
pub(super) fn zstandard(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut compressor = zstd::bulk::Compressor::new(LEVEL)?;
    compressor.include_checksum(true)?;
    compressor.compress(bytes)
}

/// A chunk of texts as it is stored (`vlen-utf8`): their number, then each behind its length.
///
/// # Errors
/// As [`encode_chunk`], and for a text of 4 GiB.
pub fn encode_texts(texts: &[String]) -> Result<Vec<u8>> {
    let length = |n: usize| {
        let length = u32::try_from(n).map_err(|_| refused("a text is larger than 4 GiB".into()))?;
        Ok(length.to_le_bytes())
    };
    let mut bytes = length(texts.len())?.to_vec();
    for text in texts {
        bytes.extend(length(text.len())?);
        bytes.extend(text.as_bytes());
    }
    zstandard(&bytes).map_err(|error| refused(error.to_string()))
}

/// Elements of a stored chunk.
pub(super) fn decode_chunk(
    stored: &[u8],
    compression: Compression,
    bytes: usize,
) -> std::result::Result<Vec<u8>, String> {
    let decoded = match compression {
        Compression::None => stored.to_vec(),
        Compression::Zstd => decompress(stored, bytes)?,
        Compression::Blosc => blosc::decode(stored, bytes)?,
    };
    if decoded.len() != bytes {
        return Err(format!(
            "{} bytes, where its shape takes {bytes}",
            decoded.len()
        ));
    }
    Ok(decoded)
}

/// Texts of a stored chunk, whose bytes come to `most` at most.
pub(super) fn decode_texts(
    stored: &[u8],
    compression: Compression,
    count: usize,
    most: usize,
) -> std::result::Result<Vec<String>, String> {
    let bytes = match compression {
        Compression::None => stored.to_vec(),
        Compression::Zstd => decompress(stored, most)?,
        Compression::Blosc => return Err("texts in Blosc are not supported".into()),
    };
    let mut rest = bytes.as_slice();
    let mut take = |n: usize| {
        let (taken, behind) = rest.split_at_checked(n).ok_or("its texts are cut off")?;
        rest = behind;
        Ok::<_, String>(taken)
    };
    let number = |bytes: &[u8]| {
        bytes
            .iter()
            .rev()
            .fold(0usize, |n, &b| n << 8 | usize::from(b))
    };
    let found = number(take(4)?);
    if found != count {
        return Err(format!("{found} texts, where its shape takes {count}"));
    }
    let mut texts = Vec::new();
    for _ in 0..count {
        let len = number(take(4)?);
        let text = std::str::from_utf8(take(len)?).map_err(|_| "a text that is not UTF-8")?;
        texts.push(text.to_owned());
    }
    Ok(texts)
}

pub(super) fn decompress(stored: &[u8], most: usize) -> std::result::Result<Vec<u8>, String> {
    use std::io::Read as _;
    // Grows with what comes, not with what a header promises.
    let decompressed = || {
        let mut bytes = Vec::with_capacity(most.min(stored.len().saturating_mul(16)));
        let decoder = zstd::stream::read::Decoder::with_buffer(stored)?;
        decoder.take(most as u64 + 1).read_to_end(&mut bytes)?;
        Ok::<_, std::io::Error>(bytes)
    };
    let bytes = decompressed().map_err(|error| format!("damaged: {error}"))?;
    if bytes.len() > most {
        return Err(format!("more than the {most} bytes that it may take"));
    }
    Ok(bytes)
}

/// Where the chunks of a shard lie: offset and length in its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ShardIndex(Vec<Option<(u64, u64)>>);

impl ShardIndex {
    /// The index of a shard without a chunk.
    pub fn new(chunks: usize) -> Self {
        ShardIndex(vec![None; chunks])
    }

    /// Bytes that the index of so many chunks takes.
    pub fn bytes(chunks: usize) -> usize {
        chunks * ENTRY + CHECKSUM
    }

    /// Puts a chunk down; `false` if it is there already.
    pub fn set(&mut self, chunk: usize, offset: u64, length: u64) -> bool {
        match self.0.get_mut(chunk) {
            Some(place @ None) => {
                *place = Some((offset, length));
                true
            }
            _ => false,
        }
    }

    pub fn get(&self, chunk: usize) -> Option<(u64, u64)> {
        self.0.get(chunk).copied().flatten()
    }

    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(Self::bytes(self.0.len()));
        for place in &self.0 {
            let (offset, length) = place.unwrap_or((NOWHERE, NOWHERE));
            bytes.extend(offset.to_le_bytes());
            bytes.extend(length.to_le_bytes());
        }
        let checksum = crc32c(&bytes);
        bytes.extend(checksum.to_le_bytes());
        bytes
    }

    /// Reads the index at the end of a file of `len` bytes.
    pub fn decode(bytes: &[u8], len: u64) -> std::result::Result<Self, String> {
        let (entries, checksum) = bytes
            .split_last_chunk::<CHECKSUM>()
            .ok_or("the index is cut off")?;
        if crc32c(entries) != u32::from_le_bytes(*checksum) {
            return Err("the index's checksum is wrong".into());
        }
        let number = |bytes: &[u8]| bytes.iter().rev().fold(0u64, |n, &b| n << 8 | u64::from(b));
        let room = len.saturating_sub(bytes.len() as u64);
        let place = |entry: &[u8]| {
            let (offset, length) = entry.split_at(ENTRY / 2);
            match (number(offset), number(length)) {
                (NOWHERE, NOWHERE) => Ok(None),
                (offset, length) if offset.checked_add(length).is_some_and(|end| end <= room) => {
                    Ok(Some((offset, length)))
                }
                _ => Err("the index points beyond the file".to_owned()),
            }
        };
        let places: std::result::Result<_, String> =
            entries.chunks_exact(ENTRY).map(place).collect();
        Ok(ShardIndex(places?))
    }
}

/// CRC-32C (Castagnoli), as iSCSI has it (RFC 3720). Indexes are short: no table.
fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            crc >> 1 ^ if crc & 1 == 1 { 0x82F6_3B78 } else { 0 }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 3720, B.4.
    #[test]
    fn checksums_are_those_of_the_standard() {
        assert_eq!(crc32c(b"123456789"), 0xE306_9283);
        assert_eq!(crc32c(&[0; 32]), 0x8A91_36AA);
        assert_eq!(crc32c(&[0xFF; 32]), 0x62A8_AB43);
    }

    #[test]
    fn texts_come_back_and_damage_is_noticed() {
        let texts = ["", "a", "µm\n"].map(str::to_owned);
        let stored = encode_texts(&texts).unwrap();
        assert_eq!(
            decode_texts(&stored, Compression::Zstd, 3, 100).unwrap(),
            texts
        );
        assert!(
            decode_texts(&stored, Compression::Zstd, 2, 100)
                .unwrap_err()
                .contains("3 texts")
        );
        assert!(
            decode_texts(&stored, Compression::Zstd, 3, 5)
                .unwrap_err()
                .contains("more than")
        );
        assert!(decode_texts(&[1, 0, 0, 0, 9, 0, 0, 0], Compression::None, 1, 100).is_err());
        let mut bad = encode_chunk(&[7; 4096], 4).unwrap();
        assert_eq!(
            decode_chunk(&bad, Compression::Blosc, 4096).unwrap(),
            [7; 4096]
        );
        assert!(decode_chunk(&bad, Compression::Blosc, 4095).is_err());
        *bad.last_mut().unwrap() ^= 1;
        assert!(
            decode_chunk(&bad, Compression::Blosc, 4096)
                .unwrap_err()
                .contains("damaged")
        );
    }

    #[test]
    fn an_index_comes_back_or_is_refused() {
        let mut index = ShardIndex::new(3);
        assert!(index.set(2, 0, 10) && index.set(0, 10, 5) && !index.set(0, 1, 1));
        let bytes = index.encode();
        let len = 15 + bytes.len() as u64;
        assert_eq!(ShardIndex::decode(&bytes, len).unwrap(), index);
        assert!(
            ShardIndex::decode(&bytes, len - 1)
                .unwrap_err()
                .contains("beyond")
        );
        let mut bad = bytes.clone();
        bad[0] ^= 1;
        assert!(
            ShardIndex::decode(&bad, len)
                .unwrap_err()
                .contains("checksum")
        );
        assert!(ShardIndex::decode(&bytes[..3], len).is_err());
    }
}
