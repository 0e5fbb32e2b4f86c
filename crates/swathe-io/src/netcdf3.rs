//! Classic netCDF files: CDF-1, CDF-2 (64-bit offsets), CDF-5 (64-bit data).
//!
//! The header lists dimensions, attributes and variables with their offsets. Variables without
//! the record dimension lie in one piece; those with it are interleaved, record after record.
//! Reference: the netCDF file format specifications, appendix "NetCDF Classic Format".

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use crate::bytes::{ByteSource, CountedSource};
use crate::contiguous::{ContiguousArray, span};
use crate::dataset::{
    Array, AttributeValue, Attributes, DataType, Dimension, Group, StorageChunk, Variable,
    character,
};
use crate::error::{Error, Result};
use crate::numbers::{ByteOrder, attribute_numbers, numbers, to_native_order};

/// First part of the file that is read for the header; doubled while it does not suffice.
const FIRST_READ: u64 = 64 * 1024;
/// Largest header.
const MAX_HEADER: u64 = 64 << 20;
/// What the names of all variables' dimensions may take.
const MAX_NAME_BYTES: usize = 64 << 20;
/// Records this long are read one by one, shorter ones together with what lies between them.
const LONG_RECORD: usize = 16 * 1024;
/// About as much is read at a time of short records.
const PIECE_BYTES: u64 = 4 << 20;

/// An open classic file.
pub(crate) struct Netcdf3Backend {
    source: Arc<CountedSource>,
    variables: HashMap<String, StoredVariable>,
}

/// Where a variable lies.
#[derive(Debug, Clone)]
struct StoredVariable {
    begin: u64,
    element_size: usize,
    shape: Vec<usize>,
    /// Bytes from one record to the next, where the first dimension is the record dimension.
    record_step: Option<u64>,
}

impl Netcdf3Backend {
    /// Reads the header of a file whose `CDF` signature was found.
    pub(crate) fn open(source: Arc<CountedSource>) -> Result<(Netcdf3Backend, Group)> {
        let format = |reason| Error::Format {
            path: source.name().into(),
            reason,
        };
        let mut len = FIRST_READ.min(source.len());
        let (root, variables) = loop {
            let mut bytes = vec![0; len as usize];
            source
                .read_exact_at(0, &mut bytes)
                .map_err(|error| Error::Io {
                    path: source.name().into(),
                    source: error,
                })?;
            match Header::new(&bytes, source.len()).parse() {
                Ok(parsed) => break parsed,
                Err(Failure::Wrong(reason)) => {
                    return Err(format(format!("damaged netCDF-3 file: {reason}")));
                }
                Err(Failure::Short) if len == source.len() => {
                    return Err(format(format!(
                        "the file is truncated: its header is longer than its {len} bytes; \
                         fetch it again"
                    )));
                }
                Err(Failure::Short) if len >= MAX_HEADER => {
                    return Err(format("damaged netCDF-3 file: endless header".into()));
                }
                Err(Failure::Short) => len = (2 * len).min(source.len()),
            }
        };
        Ok((Netcdf3Backend { source, variables }, root))
    }

    /// Elements of a slab inside the variable's shape.
    pub(crate) fn read(&self, variable: &Variable, slab: &[Range<usize>]) -> Result<Array> {
        let count: usize = slab.iter().map(Range::len).product();
        let read = |out: &mut [u8]| self.read_into(variable, slab, out);
        match numbers(&variable.dtype, count, read) {
            Some(array) => array,
            None => {
                let mut bytes = vec![0; count];
                read(&mut bytes)?;
                Ok(Array::Text(
                    bytes.iter().map(|&byte| character(byte)).collect(),
                ))
            }
        }
    }

    /// Elements of a slab inside the variable's shape, written over `out`, which has their size.
    pub(crate) fn read_into(
        &self,
        variable: &Variable,
        slab: &[Range<usize>],
        out: &mut [u8],
    ) -> Result<()> {
        let stored = self.stored(variable)?;
        let read = stored.read(&self.source, slab, out);
        read.map_err(|source| Error::Io {
            path: format!("{}: {}", self.source.name(), variable.path),
            source,
        })?;
        self.source.count_decoded(out.len());
        to_native_order(out, stored.element_size, ByteOrder::Big);
        Ok(())
    }

    /// The pieces that reading a slab fetches.
    pub(crate) fn storage_chunks(
        &self,
        variable: &Variable,
        slab: &[Range<usize>],
    ) -> Result<Vec<StorageChunk>> {
        let stored = self.stored(variable)?;
        if slab.iter().any(Range::is_empty) {
            return Ok(Vec::new());
        }
        let piece = |begin: u64, slab: &[Range<usize>], shape: &[usize]| {
            let (first, last) = span(slab, shape);
            let bytes = ((last - first) * stored.element_size) as u64;
            StorageChunk {
                offset: begin + (first * stored.element_size) as u64,
                stored_bytes: bytes,
                decoded_bytes: bytes,
            }
        };
        Ok(match stored.record_step {
            None => vec![piece(stored.begin, slab, &stored.shape)],
            Some(step) => slab[0]
                .clone()
                .map(|record| {
                    let begin = stored.begin + record as u64 * step;
                    piece(begin, &slab[1..], &stored.shape[1..])
                })
                .collect(),
        })
    }

    fn stored(&self, variable: &Variable) -> Result<&StoredVariable> {
        self.variables
            .get(&variable.path)
            .ok_or_else(|| Error::no_variable(self.source.name(), &variable.path))
    }
}

impl StoredVariable {
    fn read(
        &self,
        source: &CountedSource,
        slab: &[Range<usize>],
        out: &mut [u8],
    ) -> std::io::Result<()> {
        let Some(step) = self.record_step else {
            let array = ContiguousArray {
                source,
                start: self.begin,
                shape: &self.shape,
                element_size: self.element_size,
            };
            return array.read(slab, out);
        };
        if out.is_empty() {
            return Ok(());
        }
        let (records, inner) = (slab[0].clone(), &slab[1..]);
        let shape = &self.shape[1..];
        let own: usize = shape.iter().product::<usize>() * self.element_size;
        let record_out = out.len() / records.len();
        let at = |record: usize| self.begin + record as u64 * step;
        if own >= LONG_RECORD {
            for (record, out) in records.zip(out.chunks_mut(record_out)) {
                let array = ContiguousArray {
                    source,
                    start: at(record),
                    shape,
                    element_size: self.element_size,
                };
                array.read(inner, out)?;
            }
            return Ok(());
        }
        let together = (PIECE_BYTES / step.max(1)).max(1) as usize;
        let mut buffer = Vec::new();
        let pieces = records.clone().step_by(together);
        for (first, out) in pieces.zip(out.chunks_mut(together * record_out)) {
            let last = (first + together).min(records.end) - 1;
            buffer.resize((at(last) - at(first)) as usize + own, 0);
            source.read_exact_at(at(first), &mut buffer)?;
            for (index, out) in out.chunks_mut(record_out).enumerate() {
                let start = index * step as usize;
                let record = Record(&buffer[start..start + own]);
                let array = ContiguousArray {
                    source: &record,
                    start: 0,
                    shape,
                    element_size: self.element_size,
                };
                array.read(inner, out)?;
            }
        }
        Ok(())
    }
}

/// One record, already read.
struct Record<'a>(&'a [u8]);

impl ByteSource for Record<'_> {
    fn name(&self) -> &str {
        "record"
    }

    fn len(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> std::io::Result<()> {
        let start = offset as usize;
        let part = self.0.get(start..start + buffer.len());
        buffer.copy_from_slice(part.ok_or(std::io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

/// Why a header could not be parsed.
enum Failure {
    /// It goes on after the bytes that are there.
    Short,
    Wrong(String),
}

type Parsed<T> = std::result::Result<T, Failure>;

fn wrong<T>(reason: impl Into<String>) -> Parsed<T> {
    Err(Failure::Wrong(reason.into()))
}

const TAG_DIMENSION: u32 = 10;
const TAG_VARIABLE: u32 = 11;
const TAG_ATTRIBUTE: u32 = 12;
/// Number of records of a file that was still being written.
const STREAMING: u64 = u64::MAX;

struct Header<'a> {
    bytes: &'a [u8],
    position: usize,
    file_len: u64,
    /// 1, 2 or 5.
    version: u8,
}

/// A variable as the header lists it.
struct Listed {
    name: String,
    dims: Vec<usize>,
    attributes: Attributes,
    dtype: DataType,
    element_size: usize,
    begin: u64,
}

impl<'a> Header<'a> {
    fn new(bytes: &'a [u8], file_len: u64) -> Header<'a> {
        Header {
            bytes,
            position: 0,
            file_len,
            version: 1,
        }
    }

    fn parse(mut self) -> Parsed<(Group, HashMap<String, StoredVariable>)> {
        let [_, _, _, version] = *self.take::<4>()?;
        self.version = version;
        let records = match (self.version, self.size()?) {
            (5, u64::MAX) | (1 | 2, 0xFFFF_FFFF) => STREAMING,
            (_, records) => records,
        };
        let dimensions = self.list(TAG_DIMENSION, Header::dimension)?;
        let attributes = self.list(TAG_ATTRIBUTE, Header::attribute)?;
        let listed = self.list(TAG_VARIABLE, Header::variable)?;
        let layout = Layout::new(&dimensions, &listed, records, self.file_len)?;
        let mut variables = Vec::new();
        let mut stored = HashMap::new();
        let mut name_bytes = 0;
        for (variable, place) in listed.into_iter().zip(layout.places) {
            let path = format!("/{}", variable.name);
            // Any number of variables may name a long name any number of times.
            name_bytes += variable
                .dims
                .iter()
                .map(|&d| dimensions[d].0.len())
                .sum::<usize>();
            if name_bytes > MAX_NAME_BYTES {
                return wrong("the names of dimensions take too much");
            }
            variables.push(Variable {
                path: path.clone(),
                dtype: variable.dtype,
                dims: variable
                    .dims
                    .iter()
                    .map(|&d| dimensions[d].0.clone())
                    .collect(),
                shape: place.shape.clone(),
                attributes: variable.attributes,
                chunk_shape: None,
            });
            if stored.insert(path, place).is_some() {
                return wrong("two variables of one name");
            }
        }
        let dimensions = dimensions
            .into_iter()
            .map(|(name, len)| Dimension {
                name,
                unlimited: len == 0,
                len: if len == 0 {
                    layout.records
                } else {
                    len as usize
                },
            })
            .collect();
        let root = Group {
            path: "/".into(),
            dimensions,
            variables,
            groups: Vec::new(),
            attributes,
        };
        Ok((root, stored))
    }

    fn take<const N: usize>(&mut self) -> Parsed<&'a [u8; N]> {
        let found = self.bytes[self.position..].first_chunk::<N>();
        self.position += if found.is_some() { N } else { 0 };
        found.ok_or(Failure::Short)
    }

    fn word(&mut self) -> Parsed<u32> {
        Ok(u32::from_be_bytes(*self.take()?))
    }

    /// A count or length: 8 bytes in CDF-5.
    fn size(&mut self) -> Parsed<u64> {
        match self.version {
            5 => Ok(u64::from_be_bytes(*self.take()?)),
            _ => Ok(u64::from(self.word()?)),
        }
    }

    /// `len` bytes, padded to a multiple of four.
    fn padded(&mut self, len: u64) -> Parsed<&'a [u8]> {
        if len > self.file_len {
            return wrong(format!("a name or value of {len} bytes"));
        }
        let len = len as usize;
        let start = self.position;
        let end = start + len.next_multiple_of(4);
        if end > self.bytes.len() {
            return Err(Failure::Short);
        }
        self.position = end;
        Ok(&self.bytes[start..start + len])
    }

    fn name(&mut self) -> Parsed<String> {
        let len = self.size()?;
        Ok(String::from_utf8_lossy(self.padded(len)?).into_owned())
    }

    fn list<T>(
        &mut self,
        tag: u32,
        mut item: impl FnMut(&mut Self) -> Parsed<T>,
    ) -> Parsed<Vec<T>> {
        let found = self.word()?;
        let count = self.size()?;
        if found == 0 && count == 0 {
            return Ok(Vec::new());
        }
        // An item takes eight bytes at least.
        if found != tag || count > self.file_len / 8 {
            return wrong(format!("a list with tag {found} and {count} items"));
        }
        // Grown item by item: each is paid for by bytes of the header.
        let mut items = Vec::new();
        for _ in 0..count {
            items.push(item(self)?);
        }
        Ok(items)
    }

    fn dimension(&mut self) -> Parsed<(String, u64)> {
        Ok((self.name()?, self.size()?))
    }

    fn attribute(&mut self) -> Parsed<(String, AttributeValue)> {
        let name = self.name()?;
        let (dtype, size) = self.dtype()?;
        let count = self.size()?;
        let bytes = match count.checked_mul(size as u64) {
            Some(len) => self.padded(len)?,
            None => return wrong(format!("attribute {name:?} of {count} elements")),
        };
        let value = attribute_numbers(&dtype, bytes, ByteOrder::Big).unwrap_or_else(|| {
            let text = String::from_utf8_lossy(bytes);
            AttributeValue::Text(text.trim_end_matches('\0').to_string())
        });
        Ok((name, value))
    }

    fn dtype(&mut self) -> Parsed<(DataType, usize)> {
        let (dtype, size) = match self.word()? {
            1 => (DataType::I8, 1),
            2 => (DataType::Text, 1),
            3 => (DataType::I16, 2),
            4 => (DataType::I32, 4),
            5 => (DataType::F32, 4),
            6 => (DataType::F64, 8),
            7 if self.version == 5 => (DataType::U8, 1),
            8 if self.version == 5 => (DataType::U16, 2),
            9 if self.version == 5 => (DataType::U32, 4),
            10 if self.version == 5 => (DataType::I64, 8),
            11 if self.version == 5 => (DataType::U64, 8),
            other => return wrong(format!("type number {other}")),
        };
        Ok((dtype, size))
    }

    fn variable(&mut self) -> Parsed<Listed> {
        let name = self.name()?;
        let rank = self.size()?;
        // netCDF's own limit.
        if rank > 1024 {
            return wrong(format!("variable {name:?} of {rank} dimensions"));
        }
        let dims = (0..rank)
            .map(|_| Ok(usize::try_from(self.size()?).unwrap_or(usize::MAX)))
            .collect::<Parsed<_>>()?;
        let attributes = self.list(TAG_ATTRIBUTE, Header::attribute)?;
        let (dtype, element_size) = self.dtype()?;
        // The stored size is not used: it is wrong by specification for large variables.
        let _vsize = self.size()?;
        let begin = match self.version {
            1 => u64::from(self.word()?),
            _ => u64::from_be_bytes(*self.take()?),
        };
        Ok(Listed {
            name,
            dims,
            attributes,
            dtype,
            element_size,
            begin,
        })
    }
}

/// Shapes and places of all variables, checked against the length of the file.
struct Layout {
    places: Vec<StoredVariable>,
    records: usize,
}

impl Layout {
    fn new(
        dimensions: &[(String, u64)],
        listed: &[Listed],
        records: u64,
        file_len: u64,
    ) -> Parsed<Layout> {
        if dimensions.iter().filter(|(_, len)| *len == 0).count() > 1 {
            return wrong("two record dimensions");
        }
        let mut own_bytes = Vec::with_capacity(listed.len());
        for variable in listed {
            own_bytes.push(bytes_of(variable, dimensions)?);
        }
        let is_record = |v: &Listed| v.dims.first().is_some_and(|&d| dimensions[d].1 == 0);
        let record_bytes: Vec<u64> = listed
            .iter()
            .zip(&own_bytes)
            .filter(|(variable, _)| is_record(variable))
            .map(|(_, &bytes)| bytes)
            .collect();
        // Records are padded to four bytes, unless there is one record variable only.
        let step = match record_bytes.as_slice() {
            [only] => *only,
            several => several
                .iter()
                .try_fold(0u64, |sum, bytes| {
                    sum.checked_add(bytes.checked_next_multiple_of(4)?)
                })
                .map_or_else(|| wrong("records without end"), Ok)?,
        };
        let first_record = listed
            .iter()
            .filter(|v| is_record(v))
            .map(|v| v.begin)
            .min();
        let records = match (records, first_record) {
            (STREAMING, Some(begin)) => file_len.saturating_sub(begin) / step.max(1),
            (STREAMING, None) => 0,
            (records, _) => records,
        };
        let mut places = Vec::with_capacity(listed.len());
        for (variable, bytes) in listed.iter().zip(own_bytes) {
            let record = is_record(variable);
            let end = if record {
                match records.checked_sub(1) {
                    Some(last) => last
                        .checked_mul(step)
                        .and_then(|offset| offset.checked_add(bytes))
                        .and_then(|size| variable.begin.checked_add(size)),
                    None => Some(0),
                }
            } else {
                variable.begin.checked_add(bytes)
            };
            if bytes > 0 && end.is_none_or(|end| end > file_len) {
                return wrong(format!(
                    "variable {:?} ends beyond the file of {file_len} bytes, which is truncated: \
                     fetch it again",
                    variable.name
                ));
            }
            let shape = variable
                .dims
                .iter()
                .map(|&d| match dimensions[d].1 {
                    0 => records as usize,
                    len => len as usize,
                })
                .collect();
            places.push(StoredVariable {
                begin: variable.begin,
                element_size: variable.element_size,
                shape,
                record_step: record.then_some(step),
            });
        }
        Ok(Layout {
            places,
            records: records as usize,
        })
    }
}

/// Bytes of a variable, or of one record of it.
fn bytes_of(variable: &Listed, dimensions: &[(String, u64)]) -> Parsed<u64> {
    let mut bytes = variable.element_size as u64;
    for (axis, &dimension) in variable.dims.iter().enumerate() {
        let len = match dimensions.get(dimension) {
            Some((_, 0)) if axis == 0 => 1,
            Some((name, 0)) => {
                return wrong(format!(
                    "variable {:?} has the record dimension {name:?} inside",
                    variable.name
                ));
            }
            Some((_, len)) => *len,
            None => {
                return wrong(format!(
                    "variable {:?} has no dimension {dimension}",
                    variable.name
                ));
            }
        };
        bytes = match bytes.checked_mul(len) {
            Some(bytes) => bytes,
            None => {
                return wrong(format!(
                    "variable {:?} is larger than 2^64 bytes",
                    variable.name
                ));
            }
        };
    }
    Ok(bytes)
}
