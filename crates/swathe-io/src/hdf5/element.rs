//! What one element of a dataset or attribute is, and how its bytes become values.

use hdf5_reader::error::ByteOrder;
use hdf5_reader::{Datatype, StringPadding, StringSize, VarLenKind};

use crate::dataset::{Array, DataType};

/// An element as stored.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Element {
    /// What the element is to the reader of the file.
    pub dtype: DataType,
    /// Bytes of one stored element.
    pub size: usize,
    /// How the bytes are to be understood.
    pub encoding: Encoding,
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
        let number = |dtype, size, order: &ByteOrder| Element {
            dtype,
            size,
            encoding: Encoding::Number(*order),
        };
        let other = |name: String, size| Element {
            dtype: DataType::Other(name),
            size,
            encoding: Encoding::Opaque,
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
            },
            Datatype::String {
                size: StringSize::Variable,
                padding,
                ..
            } => Element {
                dtype: DataType::Text,
                size: heap_reference,
                encoding: Encoding::HeapText(*padding),
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
            },
            Datatype::VarLen { .. } => other("variable-length sequence".into(), heap_reference),
            Datatype::Compound { size, .. } => other("compound type".into(), *size as usize),
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

/// An array of `count` zeros of a numeric type, with its bytes filled by `fill`; the bytes are
/// in this machine's order. `None` for text and other types.
pub(crate) fn numbers<E>(
    dtype: &DataType,
    count: usize,
    fill: impl FnOnce(&mut [u8]) -> Result<(), E>,
) -> Option<Result<Array, E>> {
    macro_rules! typed {
        ($variant:ident, $zero:expr) => {{
            let mut values = vec![$zero; count];
            fill(bytemuck::cast_slice_mut(&mut values)).map(|()| Array::$variant(values))
        }};
    }
    Some(match dtype {
        DataType::I8 => typed!(I8, 0i8),
        DataType::U8 => typed!(U8, 0u8),
        DataType::I16 => typed!(I16, 0i16),
        DataType::U16 => typed!(U16, 0u16),
        DataType::I32 => typed!(I32, 0i32),
        DataType::U32 => typed!(U32, 0u32),
        DataType::I64 => typed!(I64, 0i64),
        DataType::U64 => typed!(U64, 0u64),
        DataType::F32 => typed!(F32, 0f32),
        DataType::F64 => typed!(F64, 0f64),
        DataType::Text | DataType::Other(_) => return None,
    })
}

/// Turns elements of `size` bytes from a file's byte order into this machine's, in place.
pub(crate) fn to_native_order(bytes: &mut [u8], size: usize, order: ByteOrder) {
    let native = if cfg!(target_endian = "little") {
        ByteOrder::LittleEndian
    } else {
        ByteOrder::BigEndian
    };
    if order == native {
        return;
    }
    match size {
        2 => bytes
            .as_chunks_mut::<2>()
            .0
            .iter_mut()
            .for_each(|e| e.reverse()),
        4 => bytes
            .as_chunks_mut::<4>()
            .0
            .iter_mut()
            .for_each(|e| e.reverse()),
        8 => bytes
            .as_chunks_mut::<8>()
            .0
            .iter_mut()
            .for_each(|e| e.reverse()),
        _ => {}
    }
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
