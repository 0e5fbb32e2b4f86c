//! Values into a file, piece by piece.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io::{Seek, SeekFrom, Write};

use super::chunk_index::StoredChunk;
use super::datatype;
use super::description::{FileDescription, Storage, refused};
use super::front::{self, Content};
use super::heap::Heap;
use crate::dataset::{AttributeValue, DataType};
use crate::error::{Error, Result};

/// Writes a netCDF-4 file whose values come bit by bit.
///
/// The description is fixed at the start. The front of the file is kept free for the superblock, the
/// headers and the indexes of chunks, which [`NetCdf4Writer::finish`] writes; values go behind it in the
/// order in which they are given, so the same calls in the same order make the same bytes. Nothing is
/// held in memory but the description, texts, and some 30 bytes per chunk.
#[derive(Debug)]
pub struct NetCdf4Writer<W> {
    sink: W,
    description: FileDescription,
    contents: Vec<Content>,
    /// Texts by variable, until the end: they share collections of the heap.
    texts: BTreeMap<usize, Vec<String>>,
    front: usize,
    end: u64,
    /// Whether a dimension is shorter than at the start.
    shortened: bool,
}

impl<W: Write + Seek> NetCdf4Writer<W> {
    /// Begins a file. `sink` is empty.
    ///
    /// # Errors
    /// [`Error::Product`] when the description is not consistent or has no form in netCDF-4, and what
    /// `sink` says.
    pub fn create(mut sink: W, description: FileDescription) -> Result<NetCdf4Writer<W>> {
        description.check()?;
        let contents: Vec<Content> = description
            .variables
            .iter()
            .map(|variable| match variable.storage {
                Storage::Contiguous => Content::Piece(super::bytes::UNDEFINED),
                Storage::Chunked { .. } => Content::Chunks(BTreeMap::new()),
            })
            .collect();
        let front = front::encode(&description, &contents, 0).len();
        sink.seek(SeekFrom::Start(front as u64)).map_err(io_error)?;
        Ok(NetCdf4Writer {
            sink,
            description,
            contents,
            texts: BTreeMap::new(),
            front,
            end: front as u64,
            shortened: false,
        })
    }

    /// Writes a chunk of a chunked variable, encoded by [`super::encode_chunk`] with the variable's
    /// filters. `variable` is its index in the description; `chunk` numbers the chunks with the last
    /// dimension fastest. Chunks may come in any order and stay where they are put; those that never
    /// come hold the fill value.
    ///
    /// # Errors
    /// There is no such chunk, it was written before, or `sink` refuses.
    pub fn write_chunk(&mut self, variable: usize, chunk: usize, encoded: &[u8]) -> Result<()> {
        let described = self.description.variables.get(variable);
        let count = described.map_or(0, |v| self.description.chunk_count(v));
        let Some(Content::Chunks(chunks)) = self.contents.get_mut(variable) else {
            return Err(refused(format!("variable {variable} has no chunks")));
        };
        if chunk >= count {
            return Err(refused(format!(
                "chunk {chunk} of variable {variable} is given, it has {count}"
            )));
        }
        let bytes = u32::try_from(encoded.len())
            .map_err(|_| refused(format!("chunk {chunk} is larger than 4 GiB")))?;
        let Entry::Vacant(place) = chunks.entry(chunk) else {
            return Err(refused(format!(
                "chunk {chunk} of variable {variable} is given twice"
            )));
        };
        place.insert(StoredChunk {
            address: self.end,
            bytes,
        });
        self.append(encoded)
    }

    /// Writes all values of a variable that is in one piece: numbers, row-major, little-endian.
    ///
    /// # Errors
    /// The variable is another kind, has another number of bytes or was written before, or `sink`
    /// refuses.
    pub fn write_values(&mut self, variable: usize, bytes: &[u8]) -> Result<()> {
        let described = self.described(variable)?;
        let elements: usize = self.description.shape(described).iter().product();
        if described.dtype == DataType::Text
            || self.description.element_size(&described.dtype) * elements != bytes.len()
        {
            return Err(refused(format!(
                "{} bytes are given for the {elements} elements of {:?}",
                bytes.len(),
                described.name
            )));
        }
        self.place(variable)?;
        self.append(bytes)
    }

    /// Takes all texts of a variable, row-major. They are written at the end.
    ///
    /// # Errors
    /// The variable is another kind, has another number of elements or was written before.
    pub fn write_texts(&mut self, variable: usize, texts: Vec<String>) -> Result<()> {
        let described = self.described(variable)?;
        let elements: usize = self.description.shape(described).iter().product();
        if described.dtype != DataType::Text || elements != texts.len() {
            return Err(refused(format!(
                "{} texts are given for the {elements} elements of {:?}",
                texts.len(),
                described.name
            )));
        }
        let Entry::Vacant(place) = self.texts.entry(variable) else {
            return Err(refused(format!("variable {variable} is given twice")));
        };
        place.insert(texts);
        Ok(())
    }

    /// Gives an attribute of a variable, or of the file, the value that was not known at the start. It
    /// must have the type and the length of the one that stands for it in the description.
    ///
    /// # Errors
    /// There is no such attribute, or it has another form.
    pub fn set_attribute(
        &mut self,
        variable: Option<usize>,
        name: &str,
        value: AttributeValue,
    ) -> Result<()> {
        let attributes = match variable {
            None => Some(&mut self.description.attributes),
            Some(i) => self
                .description
                .variables
                .get_mut(i)
                .map(|v| &mut v.attributes),
        };
        let old = attributes
            .and_then(|all| all.iter_mut().find(|(n, _)| n == name))
            .ok_or_else(|| refused(format!("there is no attribute {name:?}")))?;
        // Texts take room of their own.
        let texts = matches!(value, AttributeValue::Texts(_));
        if texts || datatype::form(&old.1) != datatype::form(&value) {
            return Err(refused(format!(
                "attribute {name:?} has another type or length"
            )));
        }
        old.1 = value;
        Ok(())
    }

    /// Makes a dimension shorter than it was at the start, where its length was not known then.
    ///
    /// # Errors
    /// There is no such dimension, it is shorter already, or chunks beyond its end were written.
    pub fn shorten(&mut self, dimension: usize, len: usize) -> Result<()> {
        match self.description.dimensions.get_mut(dimension) {
            Some((_, old)) if len <= *old => *old = len,
            _ => {
                return Err(refused(format!(
                    "dimension {dimension} has not {len} places"
                )));
            }
        }
        self.shortened = true;
        for (described, content) in self.description.variables.iter().zip(&self.contents) {
            let last = match content {
                Content::Chunks(chunks) => chunks.last_key_value().map(|(number, _)| *number),
                Content::Piece(_) => None,
            };
            if last.is_some_and(|last| last >= self.description.chunk_count(described)) {
                return Err(refused(format!("{:?} has more than {len}", described.name)));
            }
        }
        Ok(())
    }

    /// Writes texts and the front of the file, and gives the sink back, flushed.
    ///
    /// # Errors
    /// What `sink` says.
    pub fn finish(mut self) -> Result<W> {
        self.append_texts()?;
        let mut front = front::encode(&self.description, &self.contents, self.end);
        if self.shortened && front.len() < self.front {
            front.resize(self.front, 0);
        }
        if front.len() != self.front {
            return Err(refused(
                "the headers do not fit where they were meant to be".into(),
            ));
        }
        self.sink.seek(SeekFrom::Start(0)).map_err(io_error)?;
        self.sink.write_all(&front).map_err(io_error)?;
        self.sink
            .seek(SeekFrom::Start(self.end))
            .map_err(io_error)?;
        self.sink.flush().map_err(io_error)?;
        Ok(self.sink)
    }

    fn described(&self, variable: usize) -> Result<&super::VariableDescription> {
        self.description
            .variables
            .get(variable)
            .ok_or_else(|| refused(format!("there is no variable {variable}")))
    }

    /// Notes that the values in one piece are going to be at the end.
    fn place(&mut self, variable: usize) -> Result<()> {
        // Nothing has no address.
        let named = self.described(variable)?;
        let (name, empty) = (
            named.name.clone(),
            self.description.shape(named).contains(&0),
        );
        match self.contents.get_mut(variable) {
            Some(Content::Piece(address)) if *address == super::bytes::UNDEFINED => {
                if !empty {
                    *address = self.end;
                }
                Ok(())
            }
            Some(Content::Piece(_)) => Err(refused(format!("{name:?} is given twice"))),
            _ => Err(refused(format!("{name:?} is in chunks"))),
        }
    }

    /// Writes the references of all text variables, then the collections that they refer to.
    fn append_texts(&mut self) -> Result<()> {
        let texts = std::mem::take(&mut self.texts);
        let all = || texts.values().flatten();
        // The collections' sizes do not depend on their addresses.
        let mut heap = Heap::new(&[]);
        let references = all().map(|text| heap.text(text).len() as u64).sum::<u64>();
        let mut next = self.end + references;
        let mut addresses = Vec::new();
        for collection in heap.encode() {
            addresses.push(next);
            next += collection.len() as u64;
        }
        let mut heap = Heap::new(&addresses);
        for (&variable, texts) in &texts {
            self.place(variable)?;
            let references: Vec<u8> = texts.iter().flat_map(|text| heap.text(text)).collect();
            self.append(&references)?;
        }
        for collection in heap.encode() {
            self.append(&collection.0)?;
        }
        Ok(())
    }

    fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.sink.write_all(bytes).map_err(io_error)?;
        self.end += bytes.len() as u64;
        Ok(())
    }
}

fn io_error(source: std::io::Error) -> Error {
    Error::Io {
        path: "netCDF output".into(),
        source,
    }
}
