//! The netCDF data model, as read from HDF5/netCDF-4 or classic netCDF-3 files, or Zarr v3 stores.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

pub use crate::bytes::ReadCounters;
use crate::bytes::{ByteSource, CountedSource, FileSource};
use crate::error::{Error, Result};
use crate::given::{Given, GivenArrays, GivenVariable, Nothing, grouped};
use crate::hdf5::Hdf5Backend;
use crate::hdf5::element::RecordField;
use crate::netcdf3::Netcdf3Backend;
use crate::numbers::{numbers, to_native_order};
use crate::sniff::{Format, format_of};
use crate::zarr::ZarrStore;

/// Type of a variable's elements.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum DataType {
    I8,
    U8,
    I16,
    U16,
    I32,
    U32,
    I64,
    U64,
    F32,
    F64,
    /// Text: fixed-length or variable-length strings, or netCDF-3 characters.
    Text,
    /// A type that is listed but not read: its HDF5 class.
    Other(String),
}

impl DataType {
    /// Bytes of a number; `None` for text and other types.
    pub fn size(&self) -> Option<usize> {
        match self {
            DataType::I8 | DataType::U8 => Some(1),
            DataType::I16 | DataType::U16 => Some(2),
            DataType::I32 | DataType::U32 | DataType::F32 => Some(4),
            DataType::I64 | DataType::U64 | DataType::F64 => Some(8),
            DataType::Text | DataType::Other(_) => None,
        }
    }

    /// The name that numpy and Zarr have for it, as `float32`; of text `text`, of another type its own.
    pub fn name(&self) -> &str {
        match self {
            DataType::I8 => "int8",
            DataType::U8 => "uint8",
            DataType::I16 => "int16",
            DataType::U16 => "uint16",
            DataType::I32 => "int32",
            DataType::U32 => "uint32",
            DataType::I64 => "int64",
            DataType::U64 => "uint64",
            DataType::F32 => "float32",
            DataType::F64 => "float64",
            DataType::Text => "text",
            DataType::Other(class) => class,
        }
    }
}

/// Value of an attribute.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub enum AttributeValue {
    Text(String),
    Texts(Vec<String>),
    I8(Vec<i8>),
    U8(Vec<u8>),
    I16(Vec<i16>),
    U16(Vec<u16>),
    I32(Vec<i32>),
    U32(Vec<u32>),
    I64(Vec<i64>),
    U64(Vec<u64>),
    F32(Vec<f32>),
    F64(Vec<f64>),
}

/// Attributes in file order.
pub type Attributes = Vec<(String, AttributeValue)>;

/// Elements of a variable, row-major.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Array {
    I8(Vec<i8>),
    U8(Vec<u8>),
    I16(Vec<i16>),
    U16(Vec<u16>),
    I32(Vec<i32>),
    U32(Vec<u32>),
    I64(Vec<i64>),
    U64(Vec<u64>),
    F32(Vec<f32>),
    F64(Vec<f64>),
    Text(Vec<String>),
}

/// Records of numbers, as they are stored.
#[derive(Debug, Clone)]
pub struct Records {
    pub(crate) size: usize,
    pub(crate) fields: Vec<RecordField>,
    pub(crate) bytes: Vec<u8>,
}

impl Records {
    /// The number of a name of every record; `None` where there is no such number.
    pub fn column(&self, name: &str) -> Option<Vec<f64>> {
        let field = self.fields.iter().find(|field| field.name == name)?;
        let size = field.dtype.size()?;
        let records = self.bytes.chunks_exact(self.size.max(1));
        let mut own = Vec::with_capacity(records.len() * size);
        for record in records {
            own.extend_from_slice(record.get(field.offset..field.offset + size)?);
        }
        to_native_order(&mut own, size, field.order);
        let values = numbers::<std::convert::Infallible>(&field.dtype, own.len() / size, |out| {
            out.copy_from_slice(&own);
            Ok(())
        });
        let Ok(values) = values?;
        Some(values.into_doubles())
    }
}

impl Array {
    /// How many elements.
    pub fn len(&self) -> usize {
        match self {
            Array::I8(v) => v.len(),
            Array::U8(v) => v.len(),
            Array::I16(v) => v.len(),
            Array::U16(v) => v.len(),
            Array::I32(v) => v.len(),
            Array::U32(v) => v.len(),
            Array::I64(v) => v.len(),
            Array::U64(v) => v.len(),
            Array::F32(v) => v.len(),
            Array::F64(v) => v.len(),
            Array::Text(v) => v.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Type of the elements.
    pub fn dtype(&self) -> DataType {
        match self {
            Array::I8(_) => DataType::I8,
            Array::U8(_) => DataType::U8,
            Array::I16(_) => DataType::I16,
            Array::U16(_) => DataType::U16,
            Array::I32(_) => DataType::I32,
            Array::U32(_) => DataType::U32,
            Array::I64(_) => DataType::I64,
            Array::U64(_) => DataType::U64,
            Array::F32(_) => DataType::F32,
            Array::F64(_) => DataType::F64,
            Array::Text(_) => DataType::Text,
        }
    }

    /// The bytes of the numbers, in this machine's order; none of text.
    fn bytes(&self) -> &[u8] {
        match self {
            Array::I8(v) => bytemuck::cast_slice(v),
            Array::U8(v) => v,
            Array::I16(v) => bytemuck::cast_slice(v),
            Array::U16(v) => bytemuck::cast_slice(v),
            Array::I32(v) => bytemuck::cast_slice(v),
            Array::U32(v) => bytemuck::cast_slice(v),
            Array::I64(v) => bytemuck::cast_slice(v),
            Array::U64(v) => bytemuck::cast_slice(v),
            Array::F32(v) => bytemuck::cast_slice(v),
            Array::F64(v) => bytemuck::cast_slice(v),
            Array::Text(_) => &[],
        }
    }

    /// Numbers in double precision; none of text.
    pub fn into_doubles(self) -> Vec<f64> {
        match self {
            Array::I8(v) => v.into_iter().map(f64::from).collect(),
            Array::U8(v) => v.into_iter().map(f64::from).collect(),
            Array::I16(v) => v.into_iter().map(f64::from).collect(),
            Array::U16(v) => v.into_iter().map(f64::from).collect(),
            Array::I32(v) => v.into_iter().map(f64::from).collect(),
            Array::U32(v) => v.into_iter().map(f64::from).collect(),
            Array::I64(v) => v.into_iter().map(|v| v as f64).collect(),
            Array::U64(v) => v.into_iter().map(|v| v as f64).collect(),
            Array::F32(v) => v.into_iter().map(f64::from).collect(),
            Array::F64(v) => v,
            Array::Text(_) => Vec::new(),
        }
    }
}

/// A dimension of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dimension {
    /// Name.
    pub name: String,
    /// Current length.
    pub len: usize,
    /// Whether it can grow.
    pub unlimited: bool,
}

/// A variable: what is known without reading its data.
#[derive(Debug, Clone)]
pub struct Variable {
    /// Full path, `/geophysical_data/chlor_a`.
    pub path: String,
    /// Type of the elements as stored.
    pub dtype: DataType,
    /// Names of the dimensions, outermost first (`phony_dim_N` where the file gives none).
    pub dims: Vec<String>,
    /// Lengths of the dimensions.
    pub shape: Vec<usize>,
    /// Attributes, without netCDF-4's internal ones.
    pub attributes: Attributes,
    /// Shape of a storage chunk, where the data is chunked.
    pub chunk_shape: Option<Vec<usize>>,
}

/// A group: dimensions, variables, subgroups, attributes.
#[derive(Debug, Clone)]
pub struct Group {
    /// Full path, `/` for the root.
    pub path: String,
    /// Dimensions defined here.
    pub dimensions: Vec<Dimension>,
    /// Variables.
    pub variables: Vec<Variable>,
    /// Subgroups.
    pub groups: Vec<Group>,
    /// Attributes.
    pub attributes: Attributes,
}

impl Group {
    /// The variable at a path below this group's file, `/group/name`.
    fn find(&self, path: &str) -> Option<&Variable> {
        if let Some(found) = self.variables.iter().find(|v| v.path == path) {
            return Some(found);
        }
        self.groups
            .iter()
            .filter(|group| {
                path.strip_prefix(group.path.as_str())
                    .is_some_and(|rest| rest.starts_with('/'))
            })
            .find_map(|group| group.find(path))
    }
}

/// An HDF5 filter of a variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// Its registered number: 1 deflate, 2 shuffle, 3 Fletcher-32, ...
    pub id: u16,
    /// Its parameters: of deflate the level.
    pub parameters: Vec<u32>,
}

/// A piece of a file that reading a slab fetches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StorageChunk {
    /// Offset of its first byte in the file.
    pub offset: u64,
    /// Bytes to fetch.
    pub stored_bytes: u64,
    /// Bytes after decoding.
    pub decoded_bytes: u64,
}

/// Who decodes the chunks of a slab.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Workers {
    /// The threads of the pool that the caller is in.
    Pool,
    /// The caller alone: the others have slabs of their own.
    Caller,
}

/// An open file. Its metadata is in memory; elements are read on request, from any number of
/// threads.
pub struct Dataset {
    name: String,
    source: Arc<CountedSource>,
    root: Group,
    backend: Backend,
}

enum Backend {
    Hdf5(Box<Hdf5Backend>),
    Netcdf3(Netcdf3Backend),
    Zarr(Box<ZarrStore>),
    Given(Given),
}

impl std::fmt::Debug for Dataset {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dataset")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl Dataset {
    /// Opens a local file, of the format that its content shows, a folder that is a Zarr store, or the file
    /// at an https or s3 address, with the process's [`crate::remote::session`].
    ///
    /// # Errors
    /// The file cannot be read, is of no supported format, is truncated or damaged.
    pub fn open(path: &Path) -> Result<Dataset> {
        if let Some(address) = crate::remote::address(path) {
            return Dataset::from_source(crate::remote::session()?.open(address)?);
        }
        if ZarrStore::is_store(path) {
            let store = ZarrStore::open(path)?;
            return Ok(Dataset {
                name: base_name(store.counted().name()),
                source: store.counted().clone(),
                root: store.group(),
                backend: Backend::Zarr(Box::new(store)),
            });
        }
        Dataset::from_source(Arc::new(FileSource::open(path)?))
    }

    /// [`Dataset::open`] for any source of bytes.
    ///
    /// # Errors
    /// As [`Dataset::open`].
    pub fn from_source(source: Arc<dyn ByteSource>) -> Result<Dataset> {
        let source = Arc::new(CountedSource::new(source));
        let name = base_name(source.name());
        let opened = match format_of(&*source)? {
            Format::Hdf5 => Hdf5Backend::open(source.clone())
                .map(|(backend, root)| (Backend::Hdf5(Box::new(backend)), root)),
            Format::Netcdf3 => Netcdf3Backend::open(source.clone())
                .map(|(backend, root)| (Backend::Netcdf3(backend), root)),
        };
        // What could not be read is the reason for whatever else is wrong.
        source.check()?;
        let (backend, root) = opened?;
        Ok(Dataset {
            name,
            source,
            root,
            backend,
        })
    }

    /// Arrays that another program holds, under a name; attributes are those of groups, by path.
    pub fn from_arrays(
        name: &str,
        attributes: Vec<(String, Attributes)>,
        variables: Vec<GivenVariable>,
        arrays: Box<dyn GivenArrays>,
    ) -> Dataset {
        Dataset {
            name: base_name(name),
            source: Arc::new(CountedSource::new(Nothing::source(name))),
            root: grouped(attributes, variables),
            backend: Backend::Given(Given {
                arrays,
                name: base_name(name),
            }),
        }
    }

    /// Base name of the file, for messages and products.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it is an HDF5 file, as netCDF-4 files are; else it is classic netCDF.
    pub fn is_hdf5(&self) -> bool {
        matches!(self.backend, Backend::Hdf5(_))
    }

    /// The root group, and all that is below it.
    pub fn root(&self) -> &Group {
        &self.root
    }

    /// The variable at a path, `/group/name` (the first slash may be left out).
    pub fn find(&self, path: &str) -> Option<&Variable> {
        match path.starts_with('/') {
            true => self.root.find(path),
            false => self.root.find(&format!("/{path}")),
        }
    }

    /// Elements of a slab, row-major: one range for each dimension. Only the storage chunks that
    /// the slab touches are fetched; several are decoded in parallel. What is not stored has the
    /// fill value.
    ///
    /// # Errors
    /// The slab does not fit the variable, the data is damaged, or it uses an unsupported
    /// feature, named.
    pub fn read(&self, variable: &Variable, slab: &[Range<usize>]) -> Result<Array> {
        self.check_slab(variable, slab)?;
        match &self.backend {
            Backend::Hdf5(backend) => backend.read(variable, slab),
            Backend::Netcdf3(backend) => backend.read(variable, slab),
            Backend::Zarr(store) => store.read(variable.path.trim_start_matches('/'), slab),
            Backend::Given(given) => given.read(variable, slab),
        }
    }

    /// Numbers of a slab as [`Dataset::read`] gives them, written over all of `out`: memory of the caller's, which
    /// may be better than new memory, or may be used again. As it is there, no more is asked of what is stored.
    ///
    /// # Errors
    /// As [`Dataset::read`], but for slabs of which little is stored; the elements are no numbers, or `out` has not their size in bytes. What `out` holds
    /// then is not told.
    pub fn read_into(
        &self,
        variable: &Variable,
        slab: &[Range<usize>],
        out: &mut [u8],
    ) -> Result<()> {
        self.read_by(Workers::Pool, variable, slab, out)
    }

    /// [`Dataset::read_into`], by the workers that are told.
    pub(crate) fn read_by(
        &self,
        workers: Workers,
        variable: &Variable,
        slab: &[Range<usize>],
        out: &mut [u8],
    ) -> Result<()> {
        self.check_slab(variable, slab)?;
        let place = || format!("{}: {}", self.source.name(), variable.path);
        let Some(size) = variable.dtype.size() else {
            return Err(Error::Unsupported {
                path: place(),
                feature: format!("{} as numbers", variable.dtype.name()),
            });
        };
        let count: usize = slab.iter().map(Range::len).product();
        if count.checked_mul(size) != Some(out.len()) {
            return Err(Error::Request {
                path: place(),
                reason: format!("{count} elements of {size} bytes do not fill {}", out.len()),
            });
        }
        match &self.backend {
            Backend::Hdf5(backend) => backend.read_into(variable, slab, workers, out),
            Backend::Netcdf3(backend) => backend.read_into(variable, slab, out),
            Backend::Zarr(_) | Backend::Given(_) => {
                out.copy_from_slice(self.read(variable, slab)?.bytes());
                Ok(())
            }
        }
    }

    /// Records of a slab of a variable that has records of numbers (`NC_COMPOUND`).
    ///
    /// # Errors
    /// The slab does not fit the variable, its elements are no such records, or the data is damaged.
    pub fn records(&self, variable: &Variable, slab: &[Range<usize>]) -> Result<Records> {
        self.check_slab(variable, slab)?;
        match &self.backend {
            Backend::Hdf5(backend) => backend.records(variable, slab),
            Backend::Netcdf3(_) | Backend::Zarr(_) | Backend::Given(_) => Err(Error::Unsupported {
                path: format!("{}: {}", self.source.name(), variable.path),
                feature: "records".into(),
            }),
        }
    }

    /// The pieces of the file that [`Dataset::read`] of this slab would fetch.
    ///
    /// # Errors
    /// The slab does not fit the variable, or the index of its chunks is damaged.
    pub fn storage_chunks(
        &self,
        variable: &Variable,
        slab: &[Range<usize>],
    ) -> Result<Vec<StorageChunk>> {
        self.check_slab(variable, slab)?;
        match &self.backend {
            Backend::Hdf5(backend) => backend.storage_chunks(variable, slab),
            Backend::Netcdf3(backend) => backend.storage_chunks(variable, slab),
            Backend::Zarr(store) => {
                store.storage_chunks(variable.path.trim_start_matches('/'), slab)
            }
            Backend::Given(_) => Ok(Given::storage_chunks(variable, slab)),
        }
    }

    /// The filters of a variable's chunks, in the order in which they were applied when writing.
    pub fn filters(&self, variable: &Variable) -> Vec<Filter> {
        match &self.backend {
            Backend::Hdf5(backend) => backend.filters(variable),
            Backend::Netcdf3(_) | Backend::Zarr(_) | Backend::Given(_) => Vec::new(),
        }
    }

    /// Whether a variable of text holds single characters, as netCDF's type `char` does: each element then is the
    /// character whose number the stored byte is.
    pub fn is_characters(&self, variable: &Variable) -> bool {
        match &self.backend {
            Backend::Hdf5(backend) => backend.is_characters(variable),
            Backend::Netcdf3(_) => variable.dtype == DataType::Text,
            Backend::Zarr(_) | Backend::Given(_) => false,
        }
    }

    /// Whether the numbers of a variable are stored with the most significant byte first.
    pub fn is_big_endian(&self, variable: &Variable) -> bool {
        match &self.backend {
            Backend::Hdf5(backend) => backend.is_big_endian(variable),
            Backend::Netcdf3(_) => variable.dtype.size().is_some_and(|size| size > 1),
            Backend::Zarr(_) | Backend::Given(_) => false,
        }
    }

    /// Refuses a slab of more elements than are stored, but for some megabytes: a small file could ask for
    /// all memory. [`Dataset::read`] does it itself; to be asked before memory is made for it elsewhere, and where
    /// a slab is read in pieces.
    ///
    /// # Errors
    /// As [`Dataset::read`].
    pub fn check_size(&self, variable: &Variable, slab: &[Range<usize>]) -> Result<()> {
        self.check_slab(variable, slab)?;
        match &self.backend {
            Backend::Hdf5(backend) => backend.check_size(variable, slab),
            Backend::Zarr(store) => store.check_size(variable.path.trim_start_matches('/'), slab),
            // All elements are there.
            Backend::Netcdf3(_) | Backend::Given(_) => Ok(()),
        }
    }

    /// Refuses to go on if a read has failed, though what it was for may have been taken for absent.
    ///
    /// # Errors
    /// The first read that failed.
    pub(crate) fn check_reads(&self) -> Result<()> {
        self.source.check()
    }

    /// The bytes it is read from.
    pub fn source(&self) -> &dyn ByteSource {
        &*self.source
    }

    /// What reading has cost since the file was opened, opening included.
    pub fn counters(&self) -> ReadCounters {
        self.source.counters()
    }

    fn check_slab(&self, variable: &Variable, slab: &[Range<usize>]) -> Result<()> {
        let fits = slab.len() == variable.shape.len()
            && slab
                .iter()
                .zip(&variable.shape)
                .all(|(range, &len)| range.start <= range.end && range.end <= len);
        if fits {
            return Ok(());
        }
        Err(Error::Slab {
            path: format!("{}: {}", self.source.name(), variable.path),
            slab: slab.to_vec(),
            shape: variable.shape.clone(),
        })
    }
}

/// A byte of text as an element of an array of characters: the character of its number, so that no byte is lost in
/// whatever encoding the text is; the zero byte is the empty text, as numpy has it.
pub(crate) fn character(byte: u8) -> String {
    match byte {
        0 => String::new(),
        _ => char::from(byte).into(),
    }
}

fn base_name(name: &str) -> String {
    let name = name.split(['?', '#']).next().unwrap_or(name);
    name.rsplit(['/', '\\']).next().unwrap_or(name).into()
}
