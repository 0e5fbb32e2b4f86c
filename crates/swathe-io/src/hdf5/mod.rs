//! HDF5 and netCDF-4 files.
//!
//! The format's structures (headers, heaps, trees, indexes of chunks) are parsed by
//! `hdf5-reader`, through a block cache over our byte source; nothing of it holds a global lock.
//! What follows is ours: the tree of objects (`objects`, `links`, `attributes`), netCDF's view of
//! it (`netcdf4`), and reading a slab in three steps: where its chunks are (`index`) and fetching
//! them (`slab`), undoing their filters (`decode`), putting their elements in place
//! ([`crate::place`]).

mod attributes;
mod decode;
mod dense;
pub(crate) mod element;
mod index;
mod links;
mod netcdf4;
mod objects;
mod raw_header;
mod slab;
mod storage;
mod text;
mod variable;

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use hdf5_reader::{Hdf5File, OpenOptions};

use self::attributes::HeapCache;
use self::element::Encoding;
use self::storage::BlockStorage;
use self::variable::StoredVariable;
use crate::bytes::{ByteSource, CountedSource};
use crate::dataset::{Array, DataType, Filter, Group, Records, StorageChunk, Variable, Workers};
use crate::error::{Error, Result};
use crate::numbers::{ByteOrder, numbers};

/// Largest object header that is read. Real ones take some kB.
const MAX_HEADER_BYTES: usize = 16 << 20;

/// An open HDF5 file.
pub(crate) struct Hdf5Backend {
    file: Hdf5File,
    source: Arc<CountedSource>,
    heaps: HeapCache,
    variables: HashMap<String, StoredVariable>,
}

impl Hdf5Backend {
    /// Reads the metadata of a file whose HDF5 signature was found.
    pub(crate) fn open(source: Arc<CountedSource>) -> Result<(Hdf5Backend, Group)> {
        let failed = |error| from_hdf5(source.name(), error);
        let options = OpenOptions::default()
            .with_chunk_cache_bytes(0)
            .with_max_object_header_bytes(MAX_HEADER_BYTES)
            .with_max_read_bytes(0);
        let storage = Arc::new(BlockStorage::new(source.clone()));
        let file = Hdf5File::from_storage_with_options(storage, options).map_err(failed)?;
        check_length(&file, &*source)?;
        let heaps = HeapCache::default();
        let root = objects::read(&file).map_err(failed)?;
        let (group, linked) = netcdf4::build(&file, &heaps, root).map_err(failed)?;
        let variables = linked
            .into_iter()
            .map(|linked| (linked.path, StoredVariable::new(linked.dataset)))
            .collect();
        let backend = Hdf5Backend {
            file,
            source,
            heaps,
            variables,
        };
        Ok((backend, group))
    }

    /// Elements of a slab inside the variable's shape.
    pub(crate) fn read(&self, variable: &Variable, slab: &[Range<usize>]) -> Result<Array> {
        let stored = self.stored(variable)?;
        let place = self.place_of(variable);
        let content = stored.content(&place)?;
        match &content.element.dtype {
            DataType::Other(what) => Err(Error::Unsupported {
                path: place,
                feature: what.clone(),
            }),
            DataType::Text => text::read(self, stored, content, slab, &place),
            dtype => {
                slab::check_size(self, stored, content, slab, &place)?;
                let count = slab.iter().map(Range::len).product();
                numbers(dtype, count, |out| {
                    slab::read(self, stored, content, slab, Workers::Pool, out, &place)
                })
                .unwrap_or_else(|| {
                    Err(Error::Unsupported {
                        path: place.clone(),
                        feature: format!("{dtype:?}"),
                    })
                })
            }
        }
    }

    /// Numbers of a slab that has been checked, written over `out`, which has their size.
    pub(crate) fn read_into(
        &self,
        variable: &Variable,
        slab: &[Range<usize>],
        workers: Workers,
        out: &mut [u8],
    ) -> Result<()> {
        let stored = self.stored(variable)?;
        let place = self.place_of(variable);
        let content = stored.content(&place)?;
        slab::read(self, stored, content, slab, workers, out, &place)
    }

    /// Records of a slab, as they are stored.
    pub(crate) fn records(&self, variable: &Variable, slab: &[Range<usize>]) -> Result<Records> {
        let stored = self.stored(variable)?;
        let place = self.place_of(variable);
        let content = stored.content(&place)?;
        let element = &content.element;
        if element.record.is_empty() {
            return Err(Error::Unsupported {
                path: place,
                feature: "elements that are no records of numbers".into(),
            });
        }
        slab::check_size(self, stored, content, slab, &place)?;
        let count: usize = slab.iter().map(Range::len).product();
        let mut bytes = vec![0; count * element.size];
        slab::read_stored_order(
            self,
            stored,
            content,
            slab,
            Workers::Pool,
            &mut bytes,
            &place,
        )?;
        self.source.count_decoded(bytes.len());
        Ok(Records {
            size: element.size,
            fields: element.record.clone(),
            bytes,
        })
    }

    /// Refuses a slab that is larger than the file can fill.
    pub(crate) fn check_size(&self, variable: &Variable, slab: &[Range<usize>]) -> Result<()> {
        let stored = self.stored(variable)?;
        let place = self.place_of(variable);
        let content = stored.content(&place)?;
        slab::check_size(self, stored, content, slab, &place)
    }

    /// The stored pieces that reading a slab fetches.
    pub(crate) fn storage_chunks(
        &self,
        variable: &Variable,
        slab: &[Range<usize>],
    ) -> Result<Vec<StorageChunk>> {
        let stored = self.stored(variable)?;
        let place = self.place_of(variable);
        let content = stored.content(&place)?;
        slab::storage_chunks(self, stored, content, slab, &place)
    }

    /// The filters of a variable's chunks, in the order in which they were applied when writing.
    pub(crate) fn filters(&self, variable: &Variable) -> Vec<Filter> {
        let content = self.stored(variable).and_then(|stored| stored.content(""));
        let filters = content.map(|content| content.filters.iter());
        filters
            .into_iter()
            .flatten()
            .map(|filter| Filter {
                id: filter.id,
                parameters: filter.client_data.clone(),
            })
            .collect()
    }

    /// Whether a variable of text holds single characters: strings of one byte.
    pub(crate) fn is_characters(&self, variable: &Variable) -> bool {
        let content = self.stored(variable).and_then(|stored| stored.content(""));
        variable.dtype == DataType::Text && content.is_ok_and(|content| content.element.size == 1)
    }

    /// Whether numbers are stored with the most significant byte first.
    pub(crate) fn is_big_endian(&self, variable: &Variable) -> bool {
        let content = self.stored(variable).and_then(|stored| stored.content(""));
        content.is_ok_and(|content| {
            content.element.encoding == Encoding::Number(ByteOrder::Big) && content.element.size > 1
        })
    }

    fn stored(&self, variable: &Variable) -> Result<&StoredVariable> {
        self.variables
            .get(&variable.path)
            .ok_or_else(|| Error::no_variable(self.source.name(), &variable.path))
    }

    fn place_of(&self, variable: &Variable) -> String {
        format!("{}: {}", self.source.name(), variable.path)
    }
}

/// A file shorter than its superblock says was cut off.
fn check_length(file: &Hdf5File, source: &dyn ByteSource) -> Result<()> {
    let needed = file.superblock().eof_address;
    if needed > source.len() {
        return Err(Error::Format {
            path: source.name().into(),
            reason: format!(
                "the file is truncated: it has {} bytes, its header says {needed}; fetch it again",
                source.len()
            ),
        });
    }
    Ok(())
}

/// An error of the HDF5 parser, with the file (and variable) it happened in.
fn from_hdf5(path: &str, error: hdf5_reader::error::Error) -> Error {
    use hdf5_reader::error::Error as Inner;
    match error {
        Inner::Io(source) => Error::Io {
            path: path.into(),
            source,
        },
        Inner::Context { source, .. } => from_hdf5(path, *source),
        Inner::UnsupportedEncoding(feature) => Error::Unsupported {
            path: path.into(),
            feature,
        },
        other => Error::Format {
            path: path.into(),
            reason: format!("damaged HDF5 file: {other}"),
        },
    }
}
