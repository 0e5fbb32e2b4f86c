//! What one element of a dataset or attribute is, and how its bytes become values.

use hdf5_reader::error::ByteOrder as StoredOrder;
use hdf5_reader::{Datatype, StringPadding, StringSize, VarLenKind};

use crate::dataset::DataType;
use crate::numbers::ByteOrder;

/// An element as stored.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Element {
    /// What the element is to the reader of the file.
    pub dtype: DataType,
    /// Bytes of one stored element.
    pub size: usize,
    /// How the bytes are to be understood.
    pub encoding: Encoding,
    /// The numbers of a record.
    pub record: Vec<RecordField>,
}

/// A number of a record.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RecordField {
    pub name: String,
    pub dtype: DataType,
    /// Bytes before it.
    pub offset: usize,
    pub order: ByteOrder,
}

/// How the bytes of an element are to be understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Number(ByteOrder),
    FixedText(StringPadding),
    /// A reference into a global heap: length, address, index.
    HeapText(StringPadding),
    /// Listed, not read.
    Opaque,
}

impl Element {
    /// The element a datatype describes; `offset_size` is the file's address width.
    pub(super) fn new(datatype: &Datatype, offset_size: u8) -> Element {
        let heap_reference = 8 + usize::from(offset_size);
        let number = |dtype, size, order: &StoredOrder| Element {
            dtype,
            size,
            encoding: Encoding::Number(match order {
                StoredOrder::LittleEndian => ByteOrder::Little,
                StoredOrder::BigEndian => ByteOrder::Big,
            }),
            record: Vec::new(),
        };
        let other = |name: String, size| Element {
            dtype: DataType::Other(name),
            size,
            encoding: Encoding::Opaque,
            record: Vec::new(),
        };
        match datatype {
            Datatype::FixedPoint {
                size,
                signed,
                byte_order,
            } => match integer(*size, *signed) {
                Some(dtype) => number(dtype, usize::from(*size), byte_order),
                None => other(format!("{size}-byte integer"), usize::from(*size)),
            },
            Datatype::FloatingPoint { size, byte_order } => match size {
                4 => number(DataType::F32, 4, byte_order),
                8 => number(DataType::F64, 8, byte_order),
                _ => other(format!("{size}-byte floating point"), usize::from(*size)),
            },
            Datatype::String {
                size: StringSize::Fixed(len),
                padding,
                ..
            } => Element {
                dtype: DataType::Text,
                size: *len as usize,
                encoding: Encoding::FixedText(*padding),
                record: Vec::new(),
            },
            Datatype::String {
                size: StringSize::Variable,
                padding,
                ..
            } => Element {
                dtype: DataType::Text,
                size: heap_reference,
                encoding: Encoding::HeapText(*padding),
                record: Vec::new(),
            },
            Datatype::VarLen {
                base,
                kind: VarLenKind::String,
                padding,
                ..
            } if base.is_vlen_string_base() => Element {
                dtype: DataType::Text,
                size: heap_reference,
                encoding: Encoding::HeapText(*padding),
                record: Vec::new(),
            },
            Datatype::VarLen { .. } => other("variable-length sequence".into(), heap_reference),
            Datatype::Compound { size, fields } => {
                let fields = fields.iter().filter_map(|field| {
                    let Element {
                        dtype, encoding, ..
                    } = Element::new(&field.datatype, offset_size);
                    let Encoding::Number(order) = encoding else {
                        return None;
                    };
                    Some(RecordField {
                        name: field.name.clone(),
                        dtype,
                        offset: field.byte_offset as usize,
                        order,
                    })
                });
                Element {
                    record: fields.collect(),
                    ..other("compound type".into(), *size as usize)
                }
            }
            Datatype::Enum { base, .. } => {
                other("enumeration".into(), Element::new(base, offset_size).size)
            }
            Datatype::Array { base, dims } => {
                let inner = Element::new(base, offset_size).size;
                let size = dims
                    .iter()
                    .try_fold(inner, |size, &dim| {
                        size.checked_mul(usize::try_from(dim).ok()?)
                    })
                    .unwrap_or(usize::MAX);
                other("array type".into(), size)
            }
            Datatype::Opaque { size, .. } => other("opaque type".into(), *size as usize),
            Datatype::Reference { size, .. } => other("reference".into(), usize::from(*size)),
            Datatype::Bitfield { size, .. } => other("bit field".into(), usize::from(*size)),
        }
    }
}

fn integer(size: u8, signed: bool) -> Option<DataType> {
    Some(match (size, signed) {
        (1, true) => DataType::I8,
        (1, false) => DataType::U8,
        (2, true) => DataType::I16,
        (2, false) => DataType::U16,
        (4, true) => DataType::I32,
        (4, false) => DataType::U32,
        (8, true) => DataType::I64,
        (8, false) => DataType::U64,
        _ => return None,
    })
}

/// Text of one stored string. Trailing spaces stay, as in netCDF4-python and h5py; bytes that
/// are not UTF-8 become U+FFFD.
pub(super) fn text(bytes: &[u8], padding: StringPadding) -> String {
    let end = match padding {
        StringPadding::NullTerminate => bytes.iter().position(|&b| b == 0).unwrap_or(bytes.len()),
        StringPadding::NullPad | StringPadding::SpacePad => bytes
            .iter()
            .rposition(|&b| b != 0)
            .map_or(0, |last| last + 1),
    };
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}
