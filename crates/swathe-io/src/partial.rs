//! Partial results, on disk or on the wire: what some granules gave, to be merged with what others give.
//!
//! ```text
//! "SWATHE part\n"  version: u32
//! frames: kind: u8  field: u32  tile: u32  granule: u32  length: u64  stored length: u64  zlib stream
//!         kind 1: the header;
//!         kind 2: a tile of a field, all granules combined, in order of tiles, then fields;
//!         kind 3: the end, SHA-256 of all before;
//!         kind 4: what one granule gave to a tile of a field, in order of tiles, fields and granules;
//!         kind 5: observations of a tile of a field, where they are kept: 2^20, the last fewer; before the
//!                 frame of kind 2 of the tile, in order of cells, values and weights
//! ```
//!
//! A file has frames of kind 2 and 5, or of kind 4. Granule stands for a number into what the header lists; in kind 5
//! it is the number of the frame among those of its tile, in kind 2 how many these are; in others it is zero.
//!
//! Numbers are little-endian; inside a frame is postcard (<https://postcard.jamesmunns.com/wire-format>).
//! What the header holds is the writer's affair. Nothing read is trusted: lengths are bounded, the
//! digest is checked, and states that no observations could give are refused.

mod write;

use std::fmt;
use std::io::{BufReader, Read};
use std::path::Path;
use std::sync::Arc;

use libdeflater::Decompressor;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};
use swathe_core::reduce::{StoredPart, StoredSamples, StoredTile};
use swathe_core::stop;

use crate::bytes::{ByteSource, FileSource};
use crate::error::{Error, Result};

pub use write::{PartialWriter, TileFrames};

const MAGIC: &[u8; 12] = b"SWATHE part\n";

/// The version of the format that is written, and the only one that is read.
pub const VERSION: u32 = 6;

const HEADER: u8 = 1;
const TILE: u8 = 2;
const END: u8 = 3;
const PART: u8 = 4;
const SAMPLES: u8 = 5;

/// A tile has 2^16 cells of at most 250 bytes; a header names the granules of a mission.
const LARGEST_FRAME: u64 = 256 << 20;

/// Bytes in front of a frame's stream.
const FRONT: usize = 1 + 4 + 4 + 4 + 8 + 8;

/// Deflate expands by at most this factor.
const DEFLATE_EXPANSION: u64 = 1032;

/// What a frame is of, in the order of the file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    tile: u32,
    field: u32,
    granule: u32,
}

impl Place {
    fn of(tile: usize, field: usize, granule: u32) -> Self {
        Place {
            tile: tile as u32,
            field: field as u32,
            granule,
        }
    }
}

/// A frame: where its stream is, and what it inflates to.
#[derive(Debug, Clone, Copy)]
struct Frame {
    kind: u8,
    place: Place,
    offset: u64,
    length: u64,
    stored_length: u64,
}

/// A partial result whose digest has been checked: its tiles are read one by one.
pub struct PartialFile {
    source: Arc<dyn ByteSource>,
    /// In order of their places, all of one kind.
    frames: Vec<Frame>,
}

impl fmt::Debug for PartialFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("PartialFile");
        shown.field("name", &self.source.name());
        shown.field("frames", &self.frames.len()).finish()
    }
}

impl PartialFile {
    /// Opens a partial result and reads it through: its header is returned, where its tiles are is kept.
    ///
    /// # Errors
    /// When the file cannot be read, is no partial result, is of another version, or is damaged.
    pub fn open<H: DeserializeOwned>(path: &Path) -> Result<(H, PartialFile)> {
        PartialFile::read(Arc::new(FileSource::open(path)?))
    }

    /// The same of a partial result that may be in memory.
    ///
    /// # Errors
    /// As [`PartialFile::open`].
    pub fn read<H: DeserializeOwned>(source: Arc<dyn ByteSource>) -> Result<(H, PartialFile)> {
        let name = source.name().to_owned();
        let bytes = Sequential {
            source: &*source,
            position: 0,
        };
        let mut reader = Scan {
            name: &name,
            file: BufReader::with_capacity(1 << 20, bytes),
            digest: Sha256::new(),
            position: 0,
        };
        let mut magic = [0; 12];
        reader.take(&mut magic)?;
        if magic != *MAGIC {
            return Err(reader.damaged("it is not a partial result of swathe"));
        }
        let version = reader.number::<4>()? as u32;
        if version != VERSION {
            return Err(Error::Unsupported {
                path: name,
                feature: format!(
                    "version {version} of partial results (this program reads {VERSION})"
                ),
            });
        }
        let mut header = None;
        let mut frames: Vec<Frame> = Vec::new();
        while let Some(frame) = reader.frame()? {
            stop::go_on().map_err(Error::Interrupted)?;
            match (frame.kind, &header) {
                (HEADER, None) => header = Some(frame),
                (TILE | SAMPLES, Some(_)) if follows(frames.last(), &frame) => frames.push(frame),
                (PART, Some(_)) if frames.first().is_none_or(|f| f.kind == PART) => {
                    frames.push(frame);
                }
                _ => return Err(reader.damaged("its parts are in disorder")),
            }
        }
        let expected = reader.digest.clone().finalize();
        let mut found = [0; 32];
        let whole = reader.file.read_exact(&mut found);
        if whole.is_err() {
            return Err(reader.damaged("it is cut off"));
        }
        if expected[..] != found {
            return Err(reader.damaged("its digest is wrong"));
        }
        if !frames.is_sorted_by(|a, b| a.place < b.place) {
            return Err(reader.damaged("its tiles are in disorder"));
        }
        if frames.last().is_some_and(|frame| frame.kind == SAMPLES) {
            return Err(reader.damaged("its parts are in disorder"));
        }
        drop(reader);
        let own = PartialFile { source, frames };
        match header {
            Some(header) => Ok((own.content(&header, "its header is damaged")?, own)),
            None => Err(own.damaged("it has no header")),
        }
    }

    /// Fields and tiles of which it holds all granules combined, in order of tiles, then fields.
    pub fn tiles(&self) -> impl Iterator<Item = (usize, usize)> {
        let tiles = self.frames.iter().filter(|frame| frame.kind == TILE);
        tiles.map(|frame| (frame.place.field as usize, frame.place.tile as usize))
    }

    /// Fields, tiles and granules of which it holds what that granule gave, in order of tiles, fields and
    /// granules.
    pub fn parts(&self) -> impl Iterator<Item = (usize, usize, u32)> {
        let parts = self.frames.iter().filter(|frame| frame.kind == PART);
        parts.map(|Frame { place, .. }| (place.field as usize, place.tile as usize, place.granule))
    }

    /// A tile of a field, without its observations, if all granules are combined in it and it holds anything.
    ///
    /// # Errors
    /// When it cannot be read or is damaged.
    pub fn tile(&self, field: usize, tile: usize) -> Result<Option<StoredTile>> {
        match self.frames_of(field, tile).last() {
            Some(frame) if frame.kind == TILE => Ok(Some(self.whole(frame)?)),
            _ => Ok(None),
        }
    }

    /// The observations of a tile of a field, where they are kept, some at a time.
    pub fn samples(
        &self,
        field: usize,
        tile: usize,
    ) -> impl Iterator<Item = Result<StoredSamples>> {
        let frames = self.frames_of(field, tile).iter();
        let frames = frames.filter(|frame| frame.kind == SAMPLES);
        frames.map(|frame| self.whole(frame))
    }

    /// Bytes of the observations of a tile of a field as they are read, or of what granules gave to it, of all of them,
    /// and of those that come together.
    pub fn sample_bytes(&self, field: usize, tile: usize) -> (u64, u64) {
        let frames = self.frames_of(field, tile).iter();
        let lengths = frames.filter(|f| f.kind != TILE).map(|f| f.length);
        lengths.fold((0, 0), |(all, most), length| {
            (all + length, most.max(length))
        })
    }

    /// The frames of a tile of a field.
    fn frames_of(&self, field: usize, tile: usize) -> &[Frame] {
        let unit = Place::of(tile, field, 0);
        let unit = (unit.tile, unit.field);
        let of = |frame: &Frame| (frame.place.tile, frame.place.field);
        let first = self.frames.partition_point(|frame| of(frame) < unit);
        let rest = &self.frames[first..];
        &rest[..rest.partition_point(|frame| of(frame) == unit)]
    }

    /// Granules that gave anything to a tile of a field, in order, where they are kept.
    pub fn granules_of(&self, field: usize, tile: usize) -> impl Iterator<Item = u32> {
        let frames = self.frames_of(field, tile).iter();
        let parts = frames.filter(|frame| frame.kind == PART);
        parts.map(|frame| frame.place.granule)
    }

    /// What a granule gave to a tile of a field, if that is kept.
    ///
    /// # Errors
    /// When it cannot be read or is damaged.
    pub fn part(&self, field: usize, tile: usize, granule: u32) -> Result<Option<StoredPart>> {
        let mut frames = self.frames_of(field, tile).iter();
        let found = frames.find(|frame| (frame.kind, frame.place.granule) == (PART, granule));
        found.map(|frame| self.whole(frame)).transpose()
    }

    /// A tile of a field as [`PartialWriter::put`] takes it.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn encoded_tile(&self, field: usize, tile: usize) -> Result<Option<Vec<u8>>> {
        let [first, ..] = self.frames_of(field, tile) else {
            return Ok(None);
        };
        // They follow each other.
        let frames = self.frames_of(field, tile).iter();
        let length: u64 = frames.map(|f| FRONT as u64 + f.stored_length).sum();
        let mut bytes = vec![0; length as usize];
        self.fill(&mut bytes, first.offset - FRONT as u64)?;
        Ok(Some(bytes))
    }

    fn fill(&self, bytes: &mut [u8], offset: u64) -> Result<()> {
        let read = self.source.read_exact_at(offset, bytes);
        read.map_err(|source| Error::Io {
            path: self.source.name().to_owned(),
            source,
        })
    }

    fn whole<T: DeserializeOwned>(&self, frame: &Frame) -> Result<T> {
        self.content(frame, &format!("tile {} is damaged", frame.place.tile))
    }

    fn content<T: DeserializeOwned>(&self, frame: &Frame, otherwise: &str) -> Result<T> {
        let mut stored = vec![0; frame.stored_length as usize];
        self.fill(&mut stored, frame.offset)?;
        let mut plain = vec![0; frame.length as usize];
        match Decompressor::new().zlib_decompress(&stored, &mut plain) {
            Ok(found) if found == plain.len() => {
                postcard::from_bytes(&plain).map_err(|_| self.damaged(otherwise))
            }
            _ => Err(self.damaged("a compressed part of it is damaged")),
        }
    }

    fn damaged(&self, reason: &str) -> Error {
        damaged(self.source.name(), reason)
    }
}

/// Whether a tile, or observations of one, may come after what is before: observations are numbered, and the tile that
/// they are of comes after them.
fn follows(last: Option<&Frame>, frame: &Frame) -> bool {
    let expected = match last {
        Some(last) if last.kind == SAMPLES => Place {
            granule: last.place.granule.saturating_add(1),
            ..last.place
        },
        Some(last) if last.kind == PART => return false,
        _ => Place {
            granule: 0,
            ..frame.place
        },
    };
    frame.place == expected
}

/// A source read from its beginning to its end.
struct Sequential<'a> {
    source: &'a dyn ByteSource,
    position: u64,
}

impl Read for Sequential<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let left = self.source.len().saturating_sub(self.position);
        let length = buffer
            .len()
            .min(usize::try_from(left).unwrap_or(usize::MAX));
        let part = buffer.get_mut(..length).unwrap_or_default();
        self.source.read_exact_at(self.position, part)?;
        self.position += length as u64;
        Ok(length)
    }
}

/// A pass through a file.
struct Scan<'a> {
    name: &'a str,
    file: BufReader<Sequential<'a>>,
    digest: Sha256,
    position: u64,
}

impl Scan<'_> {
    /// The next frame; `None` at the end.
    fn frame(&mut self) -> Result<Option<Frame>> {
        let mut kind = [0];
        self.take(&mut kind)?;
        let [kind] = kind;
        if kind == END {
            return Ok(None);
        }
        let place = Place {
            field: self.number::<4>()? as u32,
            tile: self.number::<4>()? as u32,
            granule: self.number::<4>()? as u32,
        };
        let (length, stored_length) = (self.number::<8>()?, self.number::<8>()?);
        if stored_length > LARGEST_FRAME
            || length > LARGEST_FRAME
            || length > stored_length.saturating_mul(DEFLATE_EXPANSION)
        {
            return Err(self.damaged("a length in it is impossible"));
        }
        let frame = Frame {
            kind,
            place,
            offset: self.position,
            length,
            stored_length,
        };
        let mut left = stored_length;
        let mut buffer = [0; 1 << 16];
        while left > 0 {
            let part = &mut buffer[..left.min(1 << 16) as usize];
            self.take(part)?;
            left -= part.len() as u64;
        }
        Ok(Some(frame))
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
                    path: self.name.to_owned(),
                    source,
                },
            })?;
        self.position += bytes.len() as u64;
        self.digest.update(bytes);
        Ok(())
    }

    fn damaged(&self, reason: &str) -> Error {
        damaged(self.name, reason)
    }
}

fn damaged(name: &str, reason: &str) -> Error {
    Error::Format {
        path: name.to_owned(),
        reason: reason.into(),
    }
}

#[cfg(test)]
mod tests;
