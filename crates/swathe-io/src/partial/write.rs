//! Partial results written: frame by frame, in the order of the file.

use std::io::Write;

use libdeflater::{CompressionLvl, Compressor};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use swathe_core::reduce::{StoredPart, StoredSamples, StoredTile};

use super::{END, FRONT, HEADER, MAGIC, PART, Place, SAMPLES, TILE, VERSION};
use crate::error::{Error, Result};

/// Observations in a frame.
const TOGETHER: usize = 1 << 20;

/// A partial result that is being written.
pub struct PartialWriter<'a> {
    out: Digesting<'a>,
}

impl<'a> PartialWriter<'a> {
    /// Begins with the header.
    ///
    /// # Errors
    /// What `writer` says.
    pub fn create<H: Serialize>(header: &H, writer: &'a mut dyn Write) -> Result<Self> {
        let mut out = Digesting {
            inner: writer,
            digest: Sha256::new(),
        };
        out.put(MAGIC)?;
        out.put(&VERSION.to_le_bytes())?;
        out.put(&frame(HEADER, Place::default(), header)?)?;
        Ok(PartialWriter { out })
    }

    /// The stored form of a tile of a field, on any thread.
    ///
    /// # Errors
    /// When it cannot be expressed.
    pub fn encode(field: usize, tile: usize, mut stored: StoredTile) -> Result<Vec<u8>> {
        let mut frames = TileFrames::new(field, tile);
        let mut bytes = frames.add(stored.take_samples())?;
        bytes.extend(frames.finish(&stored)?);
        Ok(bytes)
    }

    /// The stored form of what one granule gave to a tile of a field, on any thread.
    ///
    /// # Errors
    /// When it cannot be expressed.
    pub fn encode_part(
        field: usize,
        tile: usize,
        granule: u32,
        stored: &StoredPart,
    ) -> Result<Vec<u8>> {
        frame(PART, Place::of(tile, field, granule), stored)
    }

    /// Puts an encoded tile, or what a granule gave to it; a file takes either the one or the other.
    /// They must come in order of tiles, fields and granules.
    ///
    /// # Errors
    /// What the writer says.
    pub fn put(&mut self, encoded: &[u8]) -> Result<()> {
        self.out.put(encoded)
    }

    /// Ends it.
    ///
    /// # Errors
    /// What the writer says.
    pub fn finish(mut self) -> Result<()> {
        self.out.put(&[END])?;
        let digest = self.out.digest.finalize();
        self.out.inner.write_all(&digest).map_err(failed)
    }
}

/// The frames of a tile of a field, whose observations come some at a time.
pub struct TileFrames {
    place: Place,
    waiting: StoredSamples,
}

impl TileFrames {
    /// Those of a tile of a field.
    pub fn new(field: usize, tile: usize) -> Self {
        TileFrames {
            place: Place::of(tile, field, 0),
            waiting: StoredSamples::default(),
        }
    }

    /// Takes observations, in order of cells, values and weights; the frames that are full with them.
    ///
    /// # Errors
    /// When they cannot be expressed.
    pub fn add(&mut self, samples: StoredSamples) -> Result<Vec<u8>> {
        self.waiting.append(samples);
        let mut bytes = Vec::new();
        while self.waiting.len() >= TOGETHER {
            let some = self.waiting.take(TOGETHER);
            bytes.extend(self.next(&some)?);
        }
        Ok(bytes)
    }

    /// The last frames: observations that wait, and the tile, without any.
    ///
    /// # Errors
    /// When they cannot be expressed.
    pub fn finish(mut self, stored: &StoredTile) -> Result<Vec<u8>> {
        let waiting = std::mem::take(&mut self.waiting);
        let mut bytes = match waiting.is_empty() {
            true => Vec::new(),
            false => self.next(&waiting)?,
        };
        bytes.extend(frame(TILE, self.place, stored)?);
        Ok(bytes)
    }

    fn next(&mut self, samples: &StoredSamples) -> Result<Vec<u8>> {
        let bytes = frame(SAMPLES, self.place, samples)?;
        self.place.granule += 1;
        Ok(bytes)
    }
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
}

fn frame<T: Serialize>(kind: u8, place: Place, value: &T) -> Result<Vec<u8>> {
    let unwritable = |reason: String| Error::Product {
        reason: format!("it cannot be kept as a partial result: {reason}"),
    };
    let plain = postcard::to_stdvec(value).map_err(|e| unwritable(e.to_string()))?;
    // Most of a tile is zeros: the fastest level takes a tenth of the time of the usual one.
    let mut compressor = Compressor::new(CompressionLvl::fastest());
    let bound = compressor.zlib_compress_bound(plain.len());
    let mut bytes = Vec::with_capacity(FRONT + bound);
    bytes.push(kind);
    for number in [place.field, place.tile, place.granule] {
        bytes.extend(number.to_le_bytes());
    }
    bytes.extend((plain.len() as u64).to_le_bytes());
    bytes.resize(FRONT + bound, 0);
    let length = compressor
        .zlib_compress(&plain, &mut bytes[FRONT..])
        .map_err(|e| unwritable(e.to_string()))?;
    bytes[FRONT - 8..FRONT].copy_from_slice(&(length as u64).to_le_bytes());
    bytes.truncate(FRONT + length);
    Ok(bytes)
}
