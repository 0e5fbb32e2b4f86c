//! A store written as its chunks come.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::codec::{ShardIndex, encode_chunk, encode_texts};
use super::description::{ArrayDescription, StoreDescription, check, refused};
use super::document::{array_json, group_json};
use super::files::{METADATA, folder, io_error, key, make_folders, replace, sync, sync_folder};
use crate::dataset::{AttributeValue, DataType};
use crate::error::Result;
use crate::netcdf4::{gather, position};

/// Writes a store. It holds in memory the places of the chunks of unfinished shards, and no chunk.
///
/// The same calls give the same bytes: chunks of a shard lie in the order in which they were given.
#[derive(Debug)]
pub struct ZarrWriter {
    directory: PathBuf,
    description: StoreDescription,
    /// Shards with chunks to come, by array and number.
    shards: BTreeMap<(usize, usize), OpenShard>,
    /// Files of chunks, still to be written down to the disk.
    files: Vec<PathBuf>,
    folders: BTreeSet<PathBuf>,
}

#[derive(Debug)]
struct OpenShard {
    path: PathBuf,
    index: ShardIndex,
    length: u64,
    /// Chunks inside the array that have not come.
    missing: usize,
}

impl ZarrWriter {
    /// Begins a store in an empty folder.
    ///
    /// # Errors
    /// [`Error::Product`](crate::error::Error::Product) for a description that no store can have; the
    /// system's refusals.
    pub fn create(directory: &Path, description: StoreDescription) -> Result<ZarrWriter> {
        let writer = ZarrWriter::onto(directory, description)?;
        for array in &writer.description.arrays {
            let folder = folder(directory, array);
            fs::create_dir(&folder).map_err(|source| io_error(&folder, source))?;
        }
        Ok(writer)
    }

    /// Continues a store, with a description of what it shall become. Its folders exist, its old chunks stay;
    /// what it says it has changes in [`ZarrWriter::finish`].
    ///
    /// # Errors
    /// As [`ZarrWriter::create`].
    pub fn onto(directory: &Path, description: StoreDescription) -> Result<ZarrWriter> {
        check(&description)?;
        Ok(ZarrWriter {
            directory: directory.to_owned(),
            description,
            shards: BTreeMap::new(),
            files: Vec::new(),
            folders: BTreeSet::new(),
        })
    }

    /// Continues a store of which others have written files of chunks, and nothing else.
    ///
    /// # Errors
    /// As [`ZarrWriter::create`].
    pub fn beside(directory: &Path, description: StoreDescription) -> Result<ZarrWriter> {
        let writer = ZarrWriter::onto(directory, description)?;
        for array in &writer.description.arrays {
            let folder = folder(directory, array);
            match fs::create_dir(&folder) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                    return Err(io_error(&folder, error));
                }
                _ => {}
            }
        }
        Ok(writer)
    }

    /// A file of chunks of an array that is not there.
    ///
    /// # Errors
    /// [`Error::Product`](crate::error::Error::Product) for an array that is not there.
    pub fn missing(&self, array: usize) -> Result<Option<PathBuf>> {
        let described = self.described(array)?;
        let chunks = described.chunk_grid();
        let in_file = described.shard_grid();
        let files: Vec<usize> = chunks
            .iter()
            .zip(&in_file)
            .map(|(chunks, n)| chunks.div_ceil(*n))
            .collect();
        let base = folder(&self.directory, described);
        let all = 0..files.iter().product::<usize>();
        let mut paths = all.map(|number| base.join(key(&position(number, &files), '/')));
        Ok(paths.find(|path| !path.is_file()))
    }

    /// What is being written.
    pub fn description(&self) -> &StoreDescription {
        &self.description
    }

    /// Writes a chunk that [`encode_chunk`] gave. `array` is its place in the description, `chunk` the
    /// number in the array's grid of chunks, last dimension fastest. Chunks that never come hold the fill
    /// value.
    ///
    /// # Errors
    /// [`Error::Product`](crate::error::Error::Product) for an array or a chunk that is not there, or a
    /// shard's chunk that has been given already; the system's refusals.
    pub fn write_chunk(&mut self, array: usize, chunk: usize, encoded: &[u8]) -> Result<()> {
        let described = self.described(array)?;
        let chunks = described.chunk_grid();
        let count: usize = chunks.iter().product();
        if chunk >= count {
            return Err(refused(format!(
                "chunk {chunk} of {:?} is given, it has {count}",
                described.name
            )));
        }
        let place = position(chunk, &chunks);
        let shard_grid = described.shard_grid();
        let shard: Vec<usize> = place.iter().zip(&shard_grid).map(|(p, n)| p / n).collect();
        let base = folder(&self.directory, described);
        let path = base.join(key(&shard, '/'));
        if described.shards.is_none() {
            self.begin(&base, &path)?;
            return replace(&path, encoded, path.exists());
        }

        // Its number among shards, and the chunk's number within.
        let shards: Vec<usize> = chunks
            .iter()
            .zip(&shard_grid)
            .map(|(c, n)| c.div_ceil(*n))
            .collect();
        let flat = |place: &mut dyn Iterator<Item = usize>, grid: &[usize]| {
            place.zip(grid).fold(0, |number, (p, len)| number * len + p)
        };
        let number = flat(&mut shard.iter().copied(), &shards);
        let within = flat(
            &mut place.iter().zip(&shard_grid).map(|(p, n)| p % n),
            &shard_grid,
        );
        if !self.shards.contains_key(&(array, number)) {
            // Chunks of this shard that are inside the array.
            let inside = |(s, (n, c)): (&usize, (&usize, &usize))| (c - s * n).min(*n);
            let missing = shard
                .iter()
                .zip(shard_grid.iter().zip(&chunks))
                .map(inside)
                .product();
            self.begin(&base, &path)?;
            fs::write(&path, []).map_err(|source| io_error(&path, source))?;
            let index = ShardIndex::new(shard_grid.iter().product());
            let open = OpenShard {
                path,
                index,
                length: 0,
                missing,
            };
            self.shards.insert((array, number), open);
        }
        let Some(open) = self.shards.get_mut(&(array, number)) else {
            return Ok(());
        };
        let length = encoded.len() as u64;
        if !open.index.set(within, open.length, length) {
            return Err(refused(format!("chunk {chunk} of an array is given twice")));
        }
        open.append(encoded)?;
        open.length += length;
        open.missing -= 1;
        if open.missing == 0
            && let Some(complete) = self.shards.remove(&(array, number))
        {
            complete.append(&complete.index.encode())?;
        }
        Ok(())
    }

    /// Encodes and writes all numbers of an array: little-endian bytes, row-major.
    ///
    /// # Errors
    /// As [`ZarrWriter::write_chunk`]; another number of bytes than the array has.
    pub fn write_values(&mut self, array: usize, bytes: &[u8]) -> Result<()> {
        let described = self.described(array)?;
        let elements: usize = described.shape.iter().product();
        if described.dtype.size().map(|size| size * elements) != Some(bytes.len()) {
            return Err(refused(format!(
                "{} bytes are given for the {elements} elements of {:?}",
                bytes.len(),
                described.name
            )));
        }
        let size = described.dtype.size().unwrap_or(1);
        let padding = described.unwritten();
        let count: usize = described.chunk_grid().iter().product();
        for chunk in 0..count {
            let described = self.described(array)?;
            let bytes = cut(bytes, described, chunk, size, &padding);
            self.write_chunk(array, chunk, &encode_chunk(&bytes, size)?)?;
        }
        Ok(())
    }

    /// Encodes and writes all texts of an array of at most one dimension.
    ///
    /// # Errors
    /// As [`ZarrWriter::write_chunk`]; another number of texts than the array has, or an array that has
    /// several dimensions.
    pub fn write_texts(&mut self, array: usize, texts: &[String]) -> Result<()> {
        let described = self.described(array)?;
        let elements: usize = described.shape.iter().product();
        if described.dtype != DataType::Text || described.shape.len() > 1 || elements != texts.len()
        {
            return Err(refused(format!(
                "{} texts are given for the elements {:?} of {:?}",
                texts.len(),
                described.shape,
                described.name
            )));
        }
        let length = described.chunk_elements();
        for (chunk, texts) in texts.chunks(length).enumerate() {
            let mut texts = texts.to_vec();
            texts.resize(length, String::new());
            self.write_chunk(array, chunk, &encode_texts(&texts)?)?;
        }
        Ok(())
    }

    /// Gives an attribute of an array, or of the group for `None`, another value, or adds it.
    ///
    /// # Errors
    /// [`Error::Product`](crate::error::Error::Product) for an array that is not there.
    pub fn set_attribute(
        &mut self,
        array: Option<usize>,
        name: &str,
        value: AttributeValue,
    ) -> Result<()> {
        let attributes = match array {
            None => &mut self.description.attributes,
            Some(array) => match self.description.arrays.get_mut(array) {
                Some(described) => &mut described.attributes,
                None => return Err(refused(format!("there is no array {array}"))),
            },
        };
        match attributes.iter_mut().find(|(n, _)| n == name) {
            Some((_, old)) => *old = value,
            None => attributes.push((name.into(), value)),
        }
        Ok(())
    }

    /// Completes the store: chunks down to the disk, then the arrays' metadata, then that of the group,
    /// which has it all and makes the store what it says.
    ///
    /// # Errors
    /// The system's refusals.
    pub fn finish(mut self) -> Result<()> {
        for shard in std::mem::take(&mut self.shards).into_values() {
            shard.append(&shard.index.encode())?;
        }
        for path in &self.files {
            sync(path)?;
        }
        for folder in &self.folders {
            sync_folder(folder);
        }
        for array in &self.description.arrays {
            let path = folder(&self.directory, array).join(METADATA);
            replace(&path, &array_json(array), true)?;
        }
        let path = self.directory.join(METADATA);
        replace(&path, &group_json(&self.description), true)?;
        sync_folder(&self.directory);
        Ok(())
    }

    /// Ends without metadata: the files of chunks, down to the disk.
    ///
    /// # Errors
    /// [`Error::Product`](crate::error::Error::Product) for a shard that is not complete; the system's refusals.
    pub fn into_files(self) -> Result<Vec<PathBuf>> {
        if let Some(shard) = self.shards.values().next() {
            return Err(refused(format!(
                "{} lacks {} chunks",
                shard.path.display(),
                shard.missing
            )));
        }
        for path in &self.files {
            sync(path)?;
        }
        Ok(self.files)
    }

    fn described(&self, array: usize) -> Result<&ArrayDescription> {
        let found = self.description.arrays.get(array);
        found.ok_or_else(|| refused(format!("there is no array {array}")))
    }

    /// Makes a file's folder, and notes what has to reach the disk.
    fn begin(&mut self, base: &Path, path: &Path) -> Result<()> {
        if let Some(parent) = path.parent()
            && !self.folders.contains(parent)
        {
            make_folders(base, path).map_err(|source| io_error(path, source))?;
            let between = parent.ancestors().take_while(|folder| *folder != base);
            self.folders.extend(between.map(Path::to_owned));
        }
        self.files.push(path.to_owned());
        Ok(())
    }
}

impl OpenShard {
    /// Adds to the file. It is not kept open: a spectrum's map has thousands of shards.
    fn append(&self, bytes: &[u8]) -> Result<()> {
        let open = OpenOptions::new().append(true).open(&self.path);
        open.and_then(|mut file| file.write_all(bytes))
            .map_err(|source| io_error(&self.path, source))
    }
}

/// Bytes of a chunk out of all of an array.
fn cut(
    bytes: &[u8],
    array: &ArrayDescription,
    chunk: usize,
    size: usize,
    padding: &[u8],
) -> Vec<u8> {
    fn of<const N: usize>(
        bytes: &[u8],
        array: &ArrayDescription,
        chunk: usize,
        padding: &[u8],
    ) -> Vec<u8> {
        let (elements, _) = bytes.as_chunks::<N>();
        let padding = padding.try_into().unwrap_or([0; N]);
        gather(
            elements,
            &array.shape,
            &array.chunks,
            chunk,
            padding,
            |element| element,
        )
    }
    match size {
        1 => of::<1>(bytes, array, chunk, padding),
        2 => of::<2>(bytes, array, chunk, padding),
        4 => of::<4>(bytes, array, chunk, padding),
        _ => of::<8>(bytes, array, chunk, padding),
    }
}
