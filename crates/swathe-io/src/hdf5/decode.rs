//! Second step of reading: undoing a chunk's filters.

use hdf5_reader::checksum::fletcher32;
use hdf5_reader::filters::{
    FILTER_DEFLATE, FILTER_FLETCHER32, FILTER_LZ4, FILTER_NBIT, FILTER_SCALEOFFSET, FILTER_SHUFFLE,
    FILTER_SZIP, FilterRegistry,
};
use hdf5_reader::messages::filter_pipeline::FilterDescription;
use libdeflater::Decompressor;

use crate::place::{Decoded, unshuffle};

/// Deflate cannot expand more than this: 258 bytes from two bits.
const MAX_DEFLATE_RATIO: u64 = 1032;

/// Why a chunk could not be decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// The bytes are wrong.
    Damaged(String),
    /// The bytes may be right: the filter is not supported.
    Unsupported(String),
}

/// Buffers and the inflater of one thread, kept from chunk to chunk.
pub(super) struct Scratch {
    current: Vec<u8>,
    next: Vec<u8>,
    inflater: Decompressor,
}

impl Scratch {
    pub(super) fn new() -> Scratch {
        Scratch {
            current: Vec::new(),
            next: Vec::new(),
            inflater: Decompressor::new(),
        }
    }

    /// Gives memory back after an unusually large chunk.
    pub(super) fn trim(&mut self) {
        const KEPT: usize = 16 << 20;
        for buffer in [&mut self.current, &mut self.next] {
            if buffer.capacity() > KEPT {
                *buffer = Vec::new();
            }
        }
    }
}

/// The filters of a dataset, in the order they were applied when writing.
#[derive(Debug, Clone)]
pub(super) struct Pipeline {
    pub filters: Vec<FilterDescription>,
    /// Bytes of one element.
    pub element_size: usize,
    /// Bytes of one whole chunk.
    pub chunk_bytes: usize,
}

impl Pipeline {
    /// Undoes the filters of one chunk, except those that `mask` says were skipped. A shuffle
    /// that was applied first is left for placing to undo.
    pub(super) fn decode<'a>(
        &self,
        mask: u32,
        stored: &'a [u8],
        scratch: &'a mut Scratch,
    ) -> Result<Decoded<'a>, Failure> {
        let active: Vec<&FilterDescription> = self
            .filters
            .iter()
            .enumerate()
            .filter(|(i, _)| *i >= 32 || mask & (1 << i) == 0)
            .map(|(_, filter)| filter)
            .collect();
        let mut shuffled = false;
        // Where the bytes are: the first `len` of `stored`, or of `scratch.current`.
        let mut in_scratch = false;
        let mut len = stored.len();
        for (applied, filter) in active.iter().enumerate().rev() {
            let (expected, exact) = self.size_after(&active[..applied]);
            let input = if in_scratch {
                &scratch.current[..len]
            } else {
                &stored[..len]
            };
            match filter.id {
                FILTER_FLETCHER32 => {
                    len = verified(input)?;
                    continue;
                }
                FILTER_SHUFFLE => {
                    let size = filter
                        .client_data
                        .first()
                        .map_or(self.element_size, |&size| size as usize);
                    // As libhdf5: fewer than two elements stay as they are.
                    if size <= 1 || len / size <= 1 {
                        continue;
                    }
                    if applied == 0 && size == self.element_size && len == self.chunk_bytes {
                        shuffled = true;
                        continue;
                    }
                    let out = buffer(&mut scratch.next, len);
                    let whole = len - len % size;
                    unshuffle(&input[..whole], size, 0, &mut out[..whole]);
                    out[whole..].copy_from_slice(&input[whole..]);
                }
                FILTER_DEFLATE => {
                    if exact && expected as u64 > (len as u64).saturating_mul(MAX_DEFLATE_RATIO) {
                        return Err(Failure::Damaged(format!(
                            "{len} bytes cannot inflate to the declared {expected}"
                        )));
                    }
                    let out = buffer(&mut scratch.next, expected);
                    let written = scratch
                        .inflater
                        .zlib_decompress(input, out)
                        .map_err(|error| Failure::Damaged(inflate_reason(&error)))?;
                    if exact && written != expected {
                        return Err(Failure::Damaged(format!(
                            "inflates to {written} bytes, {expected} expected"
                        )));
                    }
                    len = written;
                }
                FILTER_SZIP | FILTER_NBIT | FILTER_SCALEOFFSET | FILTER_LZ4 => {
                    let decoded = FilterRegistry::new()
                        .apply_with_limit(filter, input, self.element_size, Some(expected))
                        .map_err(|error| {
                            Failure::Damaged(format!("{}: {error}", filter_name(filter)))
                        })?;
                    len = decoded.len();
                    scratch.next = decoded;
                }
                _ => return Err(Failure::Unsupported(filter_name(filter))),
            }
            std::mem::swap(&mut scratch.current, &mut scratch.next);
            in_scratch = true;
        }
        if len != self.chunk_bytes {
            return Err(Failure::Damaged(format!(
                "decodes to {len} bytes, {} expected",
                self.chunk_bytes
            )));
        }
        let bytes = if in_scratch {
            &scratch.current[..len]
        } else {
            &stored[..len]
        };
        Ok(Decoded { bytes, shuffled })
    }

    /// Bytes of a chunk after `filters` were applied to it when writing, and whether that is the
    /// size or a bound of it.
    fn size_after(&self, filters: &[&FilterDescription]) -> (usize, bool) {
        let mut size = self.chunk_bytes;
        let mut exact = true;
        for filter in filters {
            match filter.id {
                FILTER_SHUFFLE => {}
                FILTER_FLETCHER32 => size += 4,
                // No known compressor makes incompressible data longer than this.
                _ => {
                    size += size / 8 + 4096;
                    exact = false;
                }
            }
        }
        (size, exact)
    }
}

/// The name of a filter, as users know it.
pub(super) fn filter_name(filter: &FilterDescription) -> String {
    let known = match filter.id {
        FILTER_DEFLATE => "deflate",
        FILTER_SHUFFLE => "shuffle",
        FILTER_FLETCHER32 => "fletcher32",
        FILTER_SZIP => "szip",
        FILTER_NBIT => "n-bit",
        FILTER_SCALEOFFSET => "scale-offset",
        FILTER_LZ4 => "LZ4",
        307 => "bzip2",
        32000 => "LZF",
        32001 => "Blosc",
        32008 => "bitshuffle",
        32013 => "ZFP",
        32015 => "Zstandard",
        32026 => "Blosc2",
        id => return format!("HDF5 filter {id}"),
    };
    format!("HDF5 filter {} ({known})", filter.id)
}

fn buffer(buffer: &mut Vec<u8>, len: usize) -> &mut [u8] {
    if buffer.len() < len {
        buffer.resize(len, 0);
    }
    &mut buffer[..len]
}

fn inflate_reason(error: &libdeflater::DecompressionError) -> String {
    match error {
        libdeflater::DecompressionError::BadData => "the deflate stream is damaged",
        libdeflater::DecompressionError::InsufficientSpace => {
            "the deflate stream is longer than the chunk"
        }
    }
    .into()
}

/// Length of what a Fletcher-32 checksum at the end of `stored` protects, checked. HDF5 before
/// 1.6.3 wrote the bytes of each half in the other order on little-endian machines; libhdf5
/// takes both.
fn verified(stored: &[u8]) -> Result<usize, Failure> {
    let Some((payload, &[a, b, c, d])) = stored.split_last_chunk::<4>() else {
        return Err(Failure::Damaged("too short for its checksum".into()));
    };
    let computed = fletcher32(payload);
    if computed == u32::from_le_bytes([a, b, c, d]) || computed == u32::from_le_bytes([b, a, d, c])
    {
        Ok(payload.len())
    } else {
        Err(Failure::Damaged("wrong Fletcher-32 checksum".into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use libdeflater::{CompressionLvl, Compressor};

    const PLAIN: [u8; 24] = [
        1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24,
    ];

    fn filter(id: u16, client_data: &[u32]) -> FilterDescription {
        FilterDescription {
            id,
            name: None,
            client_data: client_data.to_vec(),
        }
    }

    fn pipeline(filters: Vec<FilterDescription>) -> Pipeline {
        Pipeline {
            filters,
            element_size: 4,
            chunk_bytes: PLAIN.len(),
        }
    }

    fn zlib(plain: &[u8]) -> Vec<u8> {
        let mut compressor = Compressor::new(CompressionLvl::default());
        let mut out = vec![0; compressor.zlib_compress_bound(plain.len())];
        let len = compressor.zlib_compress(plain, &mut out).unwrap();
        out.truncate(len);
        out
    }

    fn shuffled(plain: &[u8], size: usize) -> Vec<u8> {
        let count = plain.len() / size;
        (0..plain.len())
            .map(|i| plain[(i % count) * size + i / count])
            .collect()
    }

    fn with_checksum(mut bytes: Vec<u8>) -> Vec<u8> {
        let sum = fletcher32(&bytes);
        bytes.extend(sum.to_le_bytes());
        bytes
    }

    #[test]
    fn no_filter_borrows_the_stored_bytes() {
        let mut scratch = Scratch::new();
        let decoded = pipeline(vec![]).decode(0, &PLAIN, &mut scratch).unwrap();
        assert_eq!(decoded.bytes.as_ptr(), PLAIN.as_ptr());
        assert!(!decoded.shuffled);
    }

    #[test]
    fn shuffle_then_deflate_is_left_shuffled() {
        let stored = zlib(&shuffled(&PLAIN, 4));
        let p = pipeline(vec![filter(2, &[4]), filter(1, &[4])]);
        let mut scratch = Scratch::new();
        let decoded = p.decode(0, &stored, &mut scratch).unwrap();
        assert!(decoded.shuffled);
        assert_eq!(decoded.bytes, shuffled(&PLAIN, 4));
        let mut out = [0; 24];
        unshuffle(decoded.bytes, 4, 0, &mut out);
        assert_eq!(out, PLAIN);
    }

    #[test]
    fn every_order_of_the_three_common_filters_decodes() {
        let (s, d, f) = (filter(2, &[4]), filter(1, &[6]), filter(3, &[]));
        let mut scratch = Scratch::new();
        for order in [
            vec![s.clone(), d.clone(), f.clone()],
            vec![s.clone(), f.clone(), d.clone()],
            vec![f.clone(), s.clone(), d.clone()],
            vec![f.clone(), d.clone()],
            vec![s.clone(), f.clone()],
            vec![f.clone(), s.clone()],
            vec![f.clone()],
        ] {
            let mut stored = PLAIN.to_vec();
            for filter in &order {
                stored = match filter.id {
                    1 => zlib(&stored),
                    // The four bytes of a checksum are one more element.
                    2 => shuffled(&stored, 4),
                    _ => with_checksum(stored),
                };
            }
            let decoded = pipeline(order.clone())
                .decode(0, &stored, &mut scratch)
                .unwrap();
            let mut out = decoded.bytes.to_vec();
            if decoded.shuffled {
                unshuffle(decoded.bytes, 4, 0, &mut out);
            }
            assert_eq!(out, PLAIN, "{order:?}");
        }
    }

    #[test]
    fn a_filter_the_mask_names_was_skipped() {
        let p = pipeline(vec![filter(2, &[4]), filter(1, &[4])]);
        let mut scratch = Scratch::new();
        let stored = zlib(&PLAIN);
        let decoded = p.decode(0b01, &stored, &mut scratch).unwrap();
        assert!(!decoded.shuffled);
        assert_eq!(decoded.bytes, PLAIN);
        let decoded = p.decode(0b11, &PLAIN, &mut scratch).unwrap();
        assert_eq!(decoded.bytes, PLAIN);
    }

    #[test]
    fn a_shuffle_of_less_than_two_elements_does_nothing() {
        let mut scratch = Scratch::new();
        for size in [13, 24, 25, u32::MAX] {
            let p = pipeline(vec![filter(2, &[size])]);
            let decoded = p.decode(0, &PLAIN, &mut scratch).unwrap();
            assert_eq!((decoded.bytes, decoded.shuffled), (&PLAIN[..], false));
        }
    }

    #[test]
    fn damage_is_an_error() {
        let mut scratch = Scratch::new();
        let deflate = pipeline(vec![filter(1, &[4])]);
        let stored = zlib(&PLAIN);
        for cut in 0..stored.len() {
            assert!(deflate.decode(0, &stored[..cut], &mut scratch).is_err());
        }
        for bit in 0..stored.len() * 8 {
            let mut flipped = stored.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            if let Ok(decoded) = deflate.decode(0, &flipped, &mut scratch) {
                // Only bits that carry no data (the header's level) may go unnoticed.
                assert_eq!(decoded.bytes, PLAIN, "bit {bit}");
            }
        }
        // Longer and shorter than the chunk.
        for wrong in [&PLAIN[..20], &[PLAIN, PLAIN].concat()[..]] {
            assert!(deflate.decode(0, &zlib(wrong), &mut scratch).is_err());
        }
        let checksum = pipeline(vec![filter(3, &[])]);
        let mut stored = with_checksum(PLAIN.to_vec());
        stored[5] ^= 1;
        let failure = checksum.decode(0, &stored, &mut scratch).unwrap_err();
        assert_eq!(
            failure,
            Failure::Damaged("wrong Fletcher-32 checksum".into())
        );
        assert!(checksum.decode(0, &stored[..3], &mut scratch).is_err());
    }

    #[test]
    fn a_bomb_is_refused_before_memory_is_taken() {
        let mut p = pipeline(vec![filter(1, &[9])]);
        p.chunk_bytes = 200 << 20;
        let mut scratch = Scratch::new();
        let failure = p.decode(0, &zlib(&[0; 1000]), &mut scratch).unwrap_err();
        assert!(matches!(failure, Failure::Damaged(reason) if reason.contains("cannot inflate")));
        assert!(scratch.next.capacity() < 1 << 20);
    }

    #[test]
    fn unknown_filters_are_named() {
        let mut scratch = Scratch::new();
        let failure = pipeline(vec![filter(32015, &[])])
            .decode(0, &PLAIN, &mut scratch)
            .unwrap_err();
        assert_eq!(
            failure,
            Failure::Unsupported("HDF5 filter 32015 (Zstandard)".into())
        );
    }
}
