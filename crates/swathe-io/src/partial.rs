//! Partial results on disk: what some granules gave, to be merged with what others give.
//!
//! ```text
//! "SWATHE part\n"  version: u32
//! frames: kind: u8  field: u32  tile: u32  length: u64  stored length: u64  zlib stream
//!         kind 1: the header;  kind 2: a tile of a field;  kind 3: the end, SHA-256 of all before
//! ```
//!
//! Numbers are little-endian; inside a frame is postcard (<https://postcard.jamesmunns.com/wire-format>).
//! What the header holds is the writer's affair. Nothing read is trusted: lengths are bounded, the
//! digest is checked, and states that no observations could give are refused.

use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::path::Path;

use libdeflater::{CompressionLvl, Compressor, Decompressor};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};
use swathe_core::reduce::{Composite, StoredTile};

use crate::error::{Error, Result};

const MAGIC: &[u8; 12] = b"SWATHE part\n";

/// The version of the format that is written, and the only one that is read.
pub const VERSION: u32 = 1;

const HEADER: u8 = 1;
const TILE: u8 = 2;
const END: u8 = 3;

/// A tile has 2^16 cells of at most 250 bytes; a header names the granules of a mission.
const LARGEST_FRAME: u64 = 256 << 20;

/// Deflate expands by at most this factor.
const DEFLATE_EXPANSION: u64 = 1032;

/// Writes a partial result: a header, and the composite of every field.
///
/// # Errors
/// What `writer` says.
pub fn write<H: Serialize>(
    header: &H,
    composites: &[Composite],
    writer: &mut dyn Write,
) -> Result<()> {
    let mut out = Digesting {
        inner: writer,
        digest: Sha256::new(),
    };
    out.put(MAGIC)?;
    out.put(&VERSION.to_le_bytes())?;
    out.frame(HEADER, 0, 0, header)?;
    for (field, composite) in composites.iter().enumerate() {
        for (tile, stored) in composite.stored_tiles() {
            out.frame(TILE, field as u32, tile as u32, &stored)?;
        }
    }
    out.put(&[END])?;
    let digest = out.digest.finalize();
    out.inner.write_all(&digest).map_err(failed)
}

fn failed(source: std::io::Error) -> Error {
    Error::Io {
        path: "partial result".into(),
        source,
    }
}

struct Digesting<'a> {
    inner: &'a mut dyn Write,
    digest: Sha256,
}

impl Digesting<'_> {
    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.digest.update(bytes);
        self.inner.write_all(bytes).map_err(failed)
    }

    fn frame<T: Serialize>(&mut self, kind: u8, field: u32, tile: u32, value: &T) -> Result<()> {
        let unwritable = |reason: String| Error::Product {
            reason: format!("it cannot be kept as a partial result: {reason}"),
        };
        let plain = postcard::to_stdvec(value).map_err(|e| unwritable(e.to_string()))?;
        // Most of a tile is zeros: the fastest level takes a tenth of the time of the usual one.
        let mut compressor = Compressor::new(CompressionLvl::fastest());
        let mut stored = vec![0; compressor.zlib_compress_bound(plain.len())];
        let length = compressor
            .zlib_compress(&plain, &mut stored)
            .map_err(|e| unwritable(e.to_string()))?;
        self.put(&[kind])?;
        self.put(&field.to_le_bytes())?;
        self.put(&tile.to_le_bytes())?;
        self.put(&(plain.len() as u64).to_le_bytes())?;
        self.put(&(length as u64).to_le_bytes())?;
        self.put(&stored[..length])
    }
}

/// A part of the file, inflated.
struct Frame {
    kind: u8,
    field: u32,
    tile: u32,
    bytes: Vec<u8>,
}

/// A partial result whose header has been read.
pub struct PartialReader {
    name: String,
    file: BufReader<File>,
    digest: Sha256,
}

impl PartialReader {
    /// Opens a partial result and reads its header.
    ///
    /// # Errors
    /// When the file cannot be read, is no partial result, is of another version, or is damaged.
    pub fn open<H: DeserializeOwned>(path: &Path) -> Result<(H, PartialReader)> {
        let name = path.display().to_string();
        let file = File::open(path).map_err(|source| Error::Io {
            path: name.clone(),
            source,
        })?;
        let mut reader = PartialReader {
            name,
            file: BufReader::with_capacity(1 << 20, file),
            digest: Sha256::new(),
        };
        let mut magic = [0; 12];
        reader.take(&mut magic)?;
        if magic != *MAGIC {
            return Err(reader.damaged("it is not a partial result of swathe"));
        }
        let version = reader.number::<4>()? as u32;
        if version != VERSION {
            return Err(Error::Unsupported {
                path: reader.name,
                feature: format!(
                    "version {version} of partial results (this program reads {VERSION})"
                ),
            });
        }
        match reader.frame()? {
            Some(frame) if frame.kind == HEADER => {
                let header = postcard::from_bytes(&frame.bytes)
                    .map_err(|_| reader.damaged("its header is damaged"))?;
                Ok((header, reader))
            }
            _ => Err(reader.damaged("it has no header")),
        }
    }

    /// Puts the tiles into composites that are empty, one for every field.
    ///
    /// # Errors
    /// When the file cannot be read or is damaged; the composites are then of no use.
    pub fn restore(mut self, composites: &mut [Composite]) -> Result<()> {
        while let Some(frame) = self.frame()? {
            let composite = composites.get_mut(frame.field as usize);
            let (TILE, Some(composite)) = (frame.kind, composite) else {
                return Err(self.damaged("a part of it is of no field"));
            };
            let stored: StoredTile = postcard::from_bytes(&frame.bytes)
                .map_err(|_| self.damaged(&format!("tile {} is damaged", frame.tile)))?;
            composite
                .restore(frame.tile as usize, stored)
                .map_err(|e| self.damaged(&e.to_string()))?;
        }
        let expected = self.digest.clone().finalize();
        let mut found = [0; 32];
        self.file
            .read_exact(&mut found)
            .map_err(|_| self.damaged("it is cut off"))?;
        if expected[..] != found {
            return Err(self.damaged("its digest is wrong"));
        }
        Ok(())
    }

    /// The next frame; `None` at the end.
    fn frame(&mut self) -> Result<Option<Frame>> {
        let mut kind = [0];
        self.take(&mut kind)?;
        let [kind] = kind;
        if kind == END {
            return Ok(None);
        }
        let (field, tile) = (self.number::<4>()? as u32, self.number::<4>()? as u32);
        let (length, stored_length) = (self.number::<8>()?, self.number::<8>()?);
        if stored_length > LARGEST_FRAME
            || length > LARGEST_FRAME
            || length > stored_length.saturating_mul(DEFLATE_EXPANSION)
        {
            return Err(self.damaged("a length in it is impossible"));
        }
        let mut stored = Vec::new();
        let taken = (&mut self.file)
            .take(stored_length)
            .read_to_end(&mut stored);
        let taken = taken.map_err(|source| Error::Io {
            path: self.name.clone(),
            source,
        })?;
        if taken as u64 != stored_length {
            return Err(self.damaged("it is cut off"));
        }
        self.digest.update(&stored);
        let mut plain = vec![0; length as usize];
        match Decompressor::new().zlib_decompress(&stored, &mut plain) {
            Ok(found) if found == plain.len() => Ok(Some(Frame {
                kind,
                field,
                tile,
                bytes: plain,
            })),
            _ => Err(self.damaged("a compressed part of it is damaged")),
        }
    }

    fn number<const N: usize>(&mut self) -> Result<u64> {
        let mut bytes = [0; 8];
        let mut own = [0; N];
        self.take(&mut own)?;
        bytes[..N].copy_from_slice(&own);
        Ok(u64::from_le_bytes(bytes))
    }

    fn take(&mut self, bytes: &mut [u8]) -> Result<()> {
        self.file
            .read_exact(bytes)
            .map_err(|source| match source.kind() {
                std::io::ErrorKind::UnexpectedEof => self.damaged("it is cut off"),
                _ => Error::Io {
                    path: self.name.clone(),
                    source,
                },
            })?;
        self.digest.update(bytes);
        Ok(())
    }

    fn damaged(&self, reason: &str) -> Error {
        Error::Format {
            path: self.name.clone(),
            reason: reason.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use swathe_core::reduce::{
        Blank, GranuleState, Observation, Reduction, Statistic, Summation, Tiling, Weight,
    };
    use swathe_core::resample::WEIGHT_ONE;

    fn composite(summation: Summation) -> Composite {
        let tiling = Tiling::new(300, 300).unwrap();
        let reduction = Reduction {
            statistics: vec![Statistic::Mean, Statistic::Std],
            weight: Weight::Observation,
            shares: true,
            summation,
            blank: Blank::default(),
        };
        let mut state = GranuleState::new(tiling, &reduction);
        let observations = (0..5000u32).map(|i| Observation {
            cell: i * 17 % 90_000,
            value: f64::from(i) / 7.0,
            weight: WEIGHT_ONE / u64::from(i % 5 + 1),
        });
        state.add(observations).unwrap();
        let mut composite = Composite::new(tiling, reduction);
        for (tile, part) in state.parts() {
            composite.combine(tile, &part).unwrap();
        }
        composite
    }

    fn stored() -> (Vec<Composite>, Vec<u8>) {
        let composites = vec![
            composite(Summation::Binned),
            composite(Summation::Fixed { exponent: 10 }),
        ];
        let mut bytes = Vec::new();
        write(&("header", 7u8), &composites, &mut bytes).unwrap();
        (composites, bytes)
    }

    fn read(bytes: &[u8], like: &[Composite]) -> Result<(String, Vec<Composite>)> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        let ((text, _), reader) = PartialReader::open::<(String, u8)>(file.path())?;
        let mut composites: Vec<Composite> = like
            .iter()
            .map(|c| Composite::new(*c.tiling(), c.reduction().clone()))
            .collect();
        reader.restore(&mut composites)?;
        Ok((text, composites))
    }

    #[test]
    fn what_was_written_is_read() {
        let (composites, bytes) = stored();
        let (text, read) = read(&bytes, &composites).unwrap();
        assert_eq!((text.as_str(), read), ("header", composites));
    }

    #[test]
    fn damage_is_found() {
        let (composites, bytes) = stored();
        for cut in (0..bytes.len()).step_by(bytes.len() / 97) {
            assert!(read(&bytes[..cut], &composites).is_err(), "cut at {cut}");
        }
        for at in (0..bytes.len()).step_by(bytes.len() / 499) {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << (at % 8);
            assert!(read(&damaged, &composites).is_err(), "flipped at {at}");
        }
        let error = read(b"SWATHE part\n\x02\0\0\0", &composites).unwrap_err();
        assert!(error.to_string().contains("version 2"), "{error}");
        assert!(read(b"CDF\x01 and more than twelve", &composites).is_err());
        assert!(read(&bytes, &composites[..1]).is_err(), "a field too many");
    }
}
