//! A store read piece by piece.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;

use super::attributes::FILL;
use super::codec::{ShardIndex, decode_chunk, decode_texts};
use super::description::ArrayDescription;
use super::document::{StoredArray, read_array, read_group};
use super::files::{METADATA, folder, io_error, key};
use crate::bytes::{CountedSource, MemorySource};
use crate::dataset::{Array, Attributes, DataType, Dimension, Group, StorageChunk, Variable};
use crate::error::{Error, Result};
use crate::netcdf4::position;
use crate::numbers::{ByteOrder, numbers, to_native_order};
use crate::place::{CommonBox, Decoded, place};

/// Largest `zarr.json`.
const MOST_METADATA_BYTES: u64 = 256 << 20;
/// What the texts of a chunk may take.
const MOST_TEXT_BYTES: usize = 64 << 20;
/// What a slab may take beyond the chunks that are there: others cost nothing in the store.
const MOST_UNWRITTEN_BYTES: usize = 64 << 20;

/// An open store: its metadata. Chunks are read on request, from any number of threads.
pub struct ZarrStore {
    directory: PathBuf,
    attributes: Attributes,
    arrays: Vec<StoredArray>,
    counted: Arc<CountedSource>,
}

impl std::fmt::Debug for ZarrStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ZarrStore")
            .field("directory", &self.directory)
            .finish_non_exhaustive()
    }
}

/// A chunk in the grid of chunks of an array.
struct ChunkPlace {
    position: Vec<usize>,
    path: PathBuf,
    /// Its number within the shard.
    within: usize,
}

impl ZarrStore {
    /// Whether a folder is, or was meant to be, a Zarr store of version 2 or 3.
    pub fn is_store(directory: &Path) -> bool {
        let names = [METADATA, ".zgroup", ".zarray", ".zmetadata"];
        names.iter().any(|name| directory.join(name).is_file())
    }

    /// Opens the store in a folder: a Zarr v3 group. Its arrays are those of the consolidated metadata,
    /// where there is such, else those in its subfolders. Groups within are left out.
    ///
    /// # Errors
    /// There is no `zarr.json`, or it is damaged; Zarr v2.
    pub fn open(directory: &Path) -> Result<ZarrStore> {
        let path = directory.join(METADATA);
        let name = directory.display().to_string();
        let format = |path: &Path, reason: String| Error::Format {
            path: path.display().to_string(),
            reason,
        };
        if !path.is_file() && directory.is_dir() {
            let reason = match ZarrStore::is_store(directory) {
                true => "a Zarr store of version 2, where 3 is read",
                false => "this is a folder without zarr.json, no Zarr store",
            };
            return Err(format(directory, reason.into()));
        }
        let json = read_metadata(&path)?;
        let group =
            read_group(&json).map_err(|reason| format(&path, format!("damaged: {reason}")))?;
        let arrays = match group.arrays {
            Some(arrays) => arrays,
            None => arrays_in(directory)?,
        };
        let counted = CountedSource::new(Arc::new(MemorySource::new(name, Vec::new())));
        counted.count_read(json.len());
        Ok(ZarrStore {
            directory: directory.to_owned(),
            attributes: group.attributes,
            arrays,
            counted: Arc::new(counted),
        })
    }

    /// Attributes of the group.
    pub fn attributes(&self) -> &Attributes {
        &self.attributes
    }

    /// The arrays, in order. Of one that cannot be read the type is [`DataType::Other`].
    pub fn arrays(&self) -> impl Iterator<Item = &ArrayDescription> {
        self.arrays.iter().map(|array| &array.description)
    }

    /// Elements of a chunk, row-major, padded at the far edges; the fill value if it was never written.
    ///
    /// # Errors
    /// No such array or chunk; the chunk is damaged; a codec that is not supported, named.
    pub fn read_chunk(&self, array: &str, chunk: usize) -> Result<Array> {
        let stored = self.stored(array)?;
        let grid = stored.description.chunk_grid();
        if chunk >= grid.iter().product() {
            return Err(Error::Request {
                path: self.place(stored),
                reason: format!(
                    "chunk {chunk} was asked for, there are {}",
                    grid.iter().product::<usize>()
                ),
            });
        }
        // As a slab of an array that ends with a chunk.
        let place = position(chunk, &grid);
        let starts = place.iter().zip(&stored.description.chunks);
        let slab: Vec<Range<usize>> = starts.map(|(p, len)| p * len..(p + 1) * len).collect();
        self.read_slab(stored, &slab)
    }

    /// Elements of a slab, row-major: one range for each dimension. Only chunks that it touches are read;
    /// several are decoded in parallel.
    ///
    /// # Errors
    /// As [`ZarrStore::read_chunk`]; a slab beyond the array.
    pub fn read(&self, array: &str, slab: &[Range<usize>]) -> Result<Array> {
        let stored = self.stored(array)?;
        let shape = &stored.description.shape;
        let fits = slab.len() == shape.len()
            && slab
                .iter()
                .zip(shape)
                .all(|(r, &len)| r.start <= r.end && r.end <= len);
        if !fits {
            return Err(Error::Slab {
                path: self.place(stored),
                slab: slab.to_vec(),
                shape: shape.clone(),
            });
        }
        self.read_slab(stored, slab)
    }

    /// The pieces that reading a slab fetches, with offsets in their own files.
    pub(crate) fn storage_chunks(
        &self,
        array: &str,
        slab: &[Range<usize>],
    ) -> Result<Vec<StorageChunk>> {
        let stored = self.stored(array)?;
        let size = stored
            .description
            .dtype
            .size()
            .unwrap_or(size_of::<String>());
        let decoded_bytes = (stored.description.chunk_elements() * size) as u64;
        let mut chunks = Vec::new();
        for place in chunks_of(&self.directory, &stored.description, stored.separator, slab) {
            if let Some((offset, stored_bytes)) = self.locate(stored, &place)? {
                chunks.push(StorageChunk {
                    offset,
                    stored_bytes,
                    decoded_bytes,
                });
            }
        }
        Ok(chunks)
    }

    /// The store as a group of netCDF's data model. `_FillValue` is an attribute there.
    pub(crate) fn group(&self) -> Group {
        let mut dimensions: Vec<Dimension> = Vec::new();
        for array in self.arrays() {
            for (name, &len) in array.dims.iter().zip(&array.shape) {
                if dimensions.iter().all(|d| d.name != *name) {
                    let (name, unlimited) = (name.clone(), false);
                    dimensions.push(Dimension {
                        name,
                        len,
                        unlimited,
                    });
                }
            }
        }
        let variable = |array: &ArrayDescription| {
            let fill = array
                .fill
                .iter()
                .map(|fill| (FILL.to_owned(), fill.clone()));
            Variable {
                path: format!("/{}", array.name),
                dtype: array.dtype.clone(),
                dims: array.dims.clone(),
                shape: array.shape.clone(),
                attributes: fill.chain(array.attributes.iter().cloned()).collect(),
                chunk_shape: Some(array.chunks.clone()),
            }
        };
        Group {
            path: "/".into(),
            dimensions,
            variables: self.arrays().map(variable).collect(),
            groups: Vec::new(),
            attributes: self.attributes.clone(),
        }
    }

    /// Counts what is read; named as the store.
    pub(crate) fn counted(&self) -> &Arc<CountedSource> {
        &self.counted
    }

    fn place(&self, stored: &StoredArray) -> String {
        format!("{}: {}", self.directory.display(), stored.description.name)
    }

    fn stored(&self, array: &str) -> Result<&StoredArray> {
        let found = self.arrays.iter().find(|a| a.description.name == array);
        found.ok_or_else(|| Error::Missing {
            path: self.directory.display().to_string(),
            kind: "array",
            name: array.into(),
            hint: None,
        })
    }

    /// Refuses a slab inside the array of more elements than are stored, but for some megabytes.
    pub(crate) fn check_size(&self, array: &str, slab: &[Range<usize>]) -> Result<()> {
        let stored = self.stored(array)?;
        let places = chunks_of(&self.directory, &stored.description, stored.separator, slab);
        self.checked_count(stored, slab, &places).map(|_| ())
    }

    /// How many elements a slab has: a number that can be allocated.
    fn checked_count(
        &self,
        stored: &StoredArray,
        slab: &[Range<usize>],
        places: &[ChunkPlace],
    ) -> Result<usize> {
        let array = &stored.description;
        let size = array.dtype.size().unwrap_or(size_of::<String>());
        let count = slab
            .iter()
            .try_fold(1usize, |n, range| n.checked_mul(range.len()));
        let bytes = count.and_then(|count| count.checked_mul(size));
        if bytes.is_some_and(|bytes| bytes <= MOST_UNWRITTEN_BYTES) {
            return Ok(count.unwrap_or(0));
        }
        let mut there = 0;
        for place in places {
            there += usize::from(self.locate(stored, place)?.is_some());
        }
        let most = there.saturating_mul(array.chunk_elements() * size);
        match (count, bytes) {
            (Some(count), Some(bytes)) if bytes <= most.saturating_add(MOST_UNWRITTEN_BYTES) => {
                Ok(count)
            }
            _ => Err(Error::Format {
                path: self.place(stored),
                reason: format!(
                    "elements {slab:?} were asked for, but only {there} of their {} chunks are there: \
                     read it in parts",
                    places.len()
                ),
            }),
        }
    }

    /// Elements of a slab that may reach beyond the array, into the padding of its last chunks.
    fn read_slab(&self, stored: &StoredArray, slab: &[Range<usize>]) -> Result<Array> {
        let array = &stored.description;
        if let Some(feature) = &stored.unsupported {
            return Err(Error::Unsupported {
                path: self.place(stored),
                feature: feature.clone(),
            });
        }
        let places = chunks_of(&self.directory, array, stored.separator, slab);
        let size = array.dtype.size().unwrap_or(size_of::<String>());
        let count = self.checked_count(stored, slab, &places)?;
        if array.dtype == DataType::Text {
            return self.read_texts(stored, &places, slab, count);
        }
        let fill = |out: &mut [u8]| -> Result<()> {
            if stored.unwritten.iter().any(|&byte| byte != 0) {
                out.chunks_exact_mut(size)
                    .for_each(|e| e.copy_from_slice(&stored.unwritten));
            }
            // One batch of decoded chunks at a time.
            for batch in places.chunks(2 * rayon::current_num_threads()) {
                let decoded: Result<Vec<Option<Vec<u8>>>> = batch
                    .par_iter()
                    .map(|place| self.decoded(stored, place, array.chunk_elements() * size))
                    .collect();
                for (chunk, bytes) in batch.iter().zip(decoded?) {
                    if let Some(bytes) = bytes {
                        let bytes = Decoded {
                            bytes: &bytes,
                            shuffled: false,
                        };
                        common(array, chunk, slab, |common| place(bytes, common, size, out));
                    }
                }
            }
            to_native_order(out, size, ByteOrder::Little);
            Ok(())
        };
        numbers(&array.dtype, count, fill).unwrap_or_else(|| {
            Err(Error::Unsupported {
                path: self.place(stored),
                feature: format!("type {:?}", array.dtype),
            })
        })
    }

    fn read_texts(
        &self,
        stored: &StoredArray,
        places: &[ChunkPlace],
        slab: &[Range<usize>],
        count: usize,
    ) -> Result<Array> {
        let array = &stored.description;
        let mut texts = vec![String::new(); count];
        for place in places {
            let Some(bytes) = self.fetch(stored, place)? else {
                continue;
            };
            let found = decode_texts(
                &bytes,
                stored.compression,
                array.chunk_elements(),
                MOST_TEXT_BYTES,
            )
            .map_err(|reason| self.damaged(stored, place, reason))?;
            common(array, place, slab, |common| {
                common.for_each_run(|from, to, len| {
                    texts[to..to + len].clone_from_slice(&found[from..from + len]);
                });
            });
        }
        Ok(Array::Text(texts))
    }

    fn decoded(
        &self,
        stored: &StoredArray,
        place: &ChunkPlace,
        bytes: usize,
    ) -> Result<Option<Vec<u8>>> {
        let Some(fetched) = self.fetch(stored, place)? else {
            return Ok(None);
        };
        let decoded = decode_chunk(&fetched, stored.compression, bytes)
            .map_err(|reason| self.damaged(stored, place, reason))?;
        self.counted.count_decoded(decoded.len());
        Ok(Some(decoded))
    }

    fn damaged(&self, stored: &StoredArray, place: &ChunkPlace, reason: String) -> Error {
        Error::Format {
            path: format!("{}: chunk {:?}", self.place(stored), place.position),
            reason,
        }
    }

    /// Offset and length of a chunk in its file; `None` if it was never written.
    fn locate(&self, stored: &StoredArray, place: &ChunkPlace) -> Result<Option<(u64, u64)>> {
        let failed = |source| io_error(&place.path, source);
        let mut file = match File::open(&place.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other.map_err(failed)?,
        };
        let len = file.metadata().map_err(failed)?.len();
        if stored.description.shards.is_none() {
            return Ok(Some((0, len)));
        }
        let chunks = stored.description.shard_grid().iter().product();
        let bytes = ShardIndex::bytes(chunks);
        if (len as usize) < bytes {
            return Err(self.damaged(stored, place, "its shard is cut off".into()));
        }
        file.seek(SeekFrom::End(-(bytes as i64))).map_err(failed)?;
        let mut index = vec![0; bytes];
        file.read_exact(&mut index).map_err(failed)?;
        self.counted.count_read(bytes);
        let index = ShardIndex::decode(&index, len).map_err(|reason| {
            self.damaged(stored, place, format!("its shard is damaged: {reason}"))
        })?;
        Ok(index.get(place.within))
    }

    fn fetch(&self, stored: &StoredArray, place: &ChunkPlace) -> Result<Option<Vec<u8>>> {
        let failed = |source| io_error(&place.path, source);
        let Some((offset, length)) = self.locate(stored, place)? else {
            return Ok(None);
        };
        let mut file = File::open(&place.path).map_err(failed)?;
        file.seek(SeekFrom::Start(offset)).map_err(failed)?;
        // `length` is not beyond the file's end.
        let mut bytes = Vec::with_capacity(length as usize);
        file.take(length).read_to_end(&mut bytes).map_err(failed)?;
        self.counted.count_read(bytes.len());
        Ok(Some(bytes))
    }
}

fn read_metadata(path: &Path) -> Result<Vec<u8>> {
    let failed = |source| io_error(path, source);
    let file = File::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(MOST_METADATA_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if bytes.len() as u64 > MOST_METADATA_BYTES {
        return Err(Error::Format {
            path: path.display().to_string(),
            reason: "it is larger than 256 MiB".into(),
        });
    }
    Ok(bytes)
}

/// Arrays in the folders of a store without consolidated metadata, by name.
fn arrays_in(directory: &Path) -> Result<Vec<StoredArray>> {
    let failed = |source| io_error(directory, source);
    let mut arrays = Vec::new();
    for entry in fs::read_dir(directory).map_err(failed)? {
        let path = entry.map_err(failed)?.path().join(METADATA);
        let name = path
            .parent()
            .and_then(Path::file_name)
            .and_then(|n| n.to_str());
        if let (Some(name), true) = (name, path.is_file()) {
            let read = read_array(name, &read_metadata(&path)?);
            arrays.extend(read.map_err(|reason| Error::Format {
                path: path.display().to_string(),
                reason: format!("damaged: {reason}"),
            })?);
        }
    }
    arrays.sort_by(|a, b| a.description.name.cmp(&b.description.name));
    Ok(arrays)
}

/// The chunks that a slab touches.
fn chunks_of(
    directory: &Path,
    array: &ArrayDescription,
    separator: char,
    slab: &[Range<usize>],
) -> Vec<ChunkPlace> {
    if slab.iter().any(Range::is_empty) {
        return Vec::new();
    }
    let spans: Vec<Range<usize>> = slab
        .iter()
        .zip(&array.chunks)
        .map(|(range, &len)| range.start / len..range.end.div_ceil(len))
        .collect();
    let counts: Vec<usize> = spans.iter().map(Range::len).collect();
    let shard_grid = array.shard_grid();
    (0..counts.iter().product())
        .map(|number| {
            let steps = position(number, &counts);
            let place: Vec<usize> = spans.iter().zip(steps).map(|(s, n)| s.start + n).collect();
            let shard: Vec<usize> = place.iter().zip(&shard_grid).map(|(p, n)| p / n).collect();
            let within = place.iter().zip(&shard_grid);
            ChunkPlace {
                within: within.fold(0, |number, (p, len)| number * len + p % len),
                path: folder(directory, array).join(key(&shard, separator)),
                position: place,
            }
        })
        .collect()
}

/// The elements that a chunk and a slab have in common.
fn common(
    array: &ArrayDescription,
    place: &ChunkPlace,
    slab: &[Range<usize>],
    visit: impl FnOnce(&CommonBox<'_>),
) {
    let (mut from, mut to, mut count, mut target) = (vec![], vec![], vec![], vec![]);
    for ((range, &position), &len) in slab.iter().zip(&place.position).zip(&array.chunks) {
        let first = position * len;
        let start = range.start.max(first);
        from.push(start - first);
        to.push(start - range.start);
        count.push(range.end.min(first + len).saturating_sub(start));
        target.push(range.len());
    }
    visit(&CommonBox {
        source_shape: &array.chunks,
        source_start: &from,
        target_shape: &target,
        target_start: &to,
        count: &count,
    });
}
