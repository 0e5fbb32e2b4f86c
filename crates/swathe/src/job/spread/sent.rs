//! Maps that are finished elsewhere and come back tile by tile.
//!
//! ```text
//! length of the index, u64 | index, sealed: where each tile lies | tiles, each a chunk of Zarr
//! ```

use super::{opened, sealed};
use crate::job::JobError;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::Arc;
use swathe_core::reduce::Tiling;
use swathe_io::bytes::ByteSource;
use swathe_io::dataset::DataType;
use swathe_io::product::zarr::{EncodedTile, EncodedTiles, Missing, decode_tile};
use swathe_io::product::{LayerData, ValidRange};

/// Bytes of the length before the index.
const LENGTH: u64 = 8;

/// What lies where.
#[derive(Debug, Serialize, Deserialize)]
struct Index {
    missing: Missing,
    range: Option<ValidRange>,
    /// Layer, step, tile, bytes: one behind the other.
    tiles: Vec<(u32, u32, u32, u32)>,
}

/// Encoded tiles as bytes.
pub(super) fn packed(tiles: &EncodedTiles, missing: Missing) -> Result<Vec<u8>, JobError> {
    let too_large = |_| JobError::cluster("a tile is too large to be sent");
    let entry = |tile: &EncodedTile| {
        let bytes = u32::try_from(tile.bytes.len()).map_err(too_large)?;
        Ok((tile.layer, tile.step, tile.tile, bytes))
    };
    let index = sealed(&Index {
        missing,
        range: tiles.range,
        tiles: tiles
            .tiles
            .iter()
            .map(entry)
            .collect::<Result<_, JobError>>()?,
    })?;
    let mut bytes = (index.len() as u64).to_le_bytes().to_vec();
    bytes.extend(index);
    for tile in &tiles.tiles {
        bytes.extend(&tile.bytes);
    }
    Ok(bytes)
}

/// Encoded tiles of such bytes, for a store.
pub(super) fn unpacked(bytes: &[u8]) -> Result<EncodedTiles, JobError> {
    let (index, mut rest) = split(bytes).ok_or_else(damaged)?;
    let index: Index = opened(index)?;
    let tiles = index.tiles.into_iter().map(|(layer, step, tile, length)| {
        let (bytes, behind) = rest.split_at_checked(length as usize).ok_or_else(damaged)?;
        rest = behind;
        Ok(EncodedTile {
            layer,
            step,
            tile,
            bytes: bytes.to_vec(),
        })
    });
    Ok(EncodedTiles {
        range: index.range,
        tiles: tiles.collect::<Result<_, JobError>>()?,
    })
}

fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<{ LENGTH as usize }>()?;
    rest.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)
}

fn damaged() -> JobError {
    JobError::cluster("a map that was sent to this process is damaged")
}

/// All tiles of some maps, which are read as they are asked for.
pub(in crate::job) struct SentMaps {
    sources: Vec<(Arc<dyn ByteSource>, Missing)>,
    /// By layer, step and tile: number of the source, place, bytes.
    places: HashMap<(u32, u32, u32), (u32, u64, u32)>,
}

impl std::fmt::Debug for SentMaps {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("SentMaps");
        shown.field("tiles", &self.places.len()).finish()
    }
}

impl SentMaps {
    /// Reads where tiles lie.
    ///
    /// # Errors
    /// Bytes that are damaged, another version's, or cannot be read; a tile that is there twice.
    pub fn new(sent: Vec<Arc<dyn ByteSource>>) -> Result<Self, JobError> {
        let mut maps = SentMaps {
            sources: Vec::with_capacity(sent.len()),
            places: HashMap::new(),
        };
        for (number, source) in sent.into_iter().enumerate() {
            let mut length = [0; LENGTH as usize];
            read(&*source, 0, &mut length)?;
            let length = u64::from_le_bytes(length);
            if source
                .len()
                .checked_sub(LENGTH)
                .is_none_or(|all| length > all)
            {
                return Err(damaged());
            }
            let mut index = vec![0; usize::try_from(length).map_err(|_| damaged())?];
            read(&*source, LENGTH, &mut index)?;
            let index: Index = opened(&index)?;
            let mut place = LENGTH + length;
            for (layer, step, tile, bytes) in index.tiles {
                let known = (number as u32, place, bytes);
                if maps.places.insert((layer, step, tile), known).is_some() {
                    return Err(JobError::cluster("a tile of a map came back twice"));
                }
                place += u64::from(bytes);
            }
            if place > source.len() {
                return Err(damaged());
            }
            maps.sources.push((source, index.missing));
        }
        Ok(maps)
    }

    /// Values of a tile.
    ///
    /// # Errors
    /// A tile that is not there, cannot be read or is damaged.
    pub fn tile(
        &self,
        (layer, step, tile): (usize, usize, usize),
        dtype: &DataType,
        tiling: &Tiling,
    ) -> Result<LayerData, JobError> {
        let known = self.places.get(&(layer as u32, step as u32, tile as u32));
        let found = known.and_then(|(number, place, bytes)| {
            let (source, missing) = self.sources.get(*number as usize)?;
            Some((source, *missing, *place, *bytes))
        });
        let Some((source, missing, place, length)) = found else {
            return Err(JobError::cluster("a tile of a map did not come back"));
        };
        let mut bytes = vec![0; length as usize];
        read(&**source, place, &mut bytes)?;
        Ok(decode_tile(&bytes, dtype, tiling, tile, missing)?)
    }
}

fn read(source: &dyn ByteSource, place: u64, buffer: &mut [u8]) -> Result<(), JobError> {
    source
        .read_exact_at(place, buffer)
        .map_err(|reason| JobError::cluster(format!("{} cannot be read: {reason}", source.name())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use swathe_io::bytes::MemorySource;

    fn some() -> Vec<u8> {
        let tile = |layer, tile, bytes: &[u8]| EncodedTile {
            layer,
            step: 0,
            tile,
            bytes: bytes.to_vec(),
        };
        let tiles = EncodedTiles {
            range: None,
            tiles: vec![tile(0, 3, b"abc"), tile(1, 3, b""), tile(0, 4, b"de")],
        };
        packed(&tiles, Missing::Nan).unwrap()
    }

    fn maps(all: &[Vec<u8>]) -> Result<SentMaps, JobError> {
        let source = |bytes: &Vec<u8>| Arc::new(MemorySource::new("x", bytes.clone())) as _;
        SentMaps::new(all.iter().map(source).collect())
    }

    #[test]
    fn tiles_lie_where_the_index_says() {
        let bytes = some();
        let back = unpacked(&bytes).unwrap().tiles;
        let back: Vec<_> = back
            .iter()
            .map(|t| (t.layer, t.tile, &t.bytes[..]))
            .collect();
        assert_eq!(back, [(0, 3, &b"abc"[..]), (1, 3, b""), (0, 4, b"de")]);
        let read = maps(&[bytes]).unwrap();
        let (source, place, length) = read.places[&(0, 0, 4)];
        assert_eq!((source, length), (0, 2));
        assert_eq!(place + 2, some().len() as u64);
    }

    #[test]
    fn what_is_damaged_or_there_twice_is_refused() {
        let bytes = some();
        for length in 0..bytes.len() {
            assert!(maps(&[bytes[..length].to_vec()]).is_err(), "{length}");
            assert!(unpacked(&bytes[..length]).is_err(), "{length}");
        }
        let mut vast = bytes.clone();
        vast[..8].fill(0xFF);
        assert!(maps(&[vast.clone()]).is_err() && unpacked(&vast).is_err());
        let twice = maps(&[bytes.clone(), bytes.clone()]).unwrap_err();
        assert!(twice.to_string().contains("twice"), "{twice}");
        let tiling = Tiling::new(300, 300).unwrap();
        let read = maps(&[bytes]).unwrap();
        let absent = read.tile((2, 0, 0), &DataType::F32, &tiling).unwrap_err();
        assert!(absent.to_string().contains("did not come back"), "{absent}");
        assert!(read.tile((0, 0, 3), &DataType::F32, &tiling).is_err());
    }
}
