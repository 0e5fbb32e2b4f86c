//! Datatype messages, and the form of attribute values.

use super::bytes::Bytes;
use super::description::RecordDescription;
use super::heap::Heap;
use crate::dataset::{AttributeValue, DataType};

/// Bytes of a reference to an object of the global heap.
pub(super) const HEAP_REFERENCE: usize = 16;

/// Datatype message of a variable's elements; `None` for types that cannot be written.
pub(super) fn of(dtype: &DataType) -> Option<Bytes> {
    Some(match dtype {
        DataType::I8 => integer(1, true),
        DataType::U8 => integer(1, false),
        DataType::I16 => integer(2, true),
        DataType::U16 => integer(2, false),
        DataType::I32 => integer(4, true),
        DataType::U32 => integer(4, false),
        DataType::I64 => integer(8, true),
        DataType::U64 => integer(8, false),
        DataType::F32 => float(4, 23, 8, 127),
        DataType::F64 => float(8, 52, 11, 1023),
        DataType::Text => texts(),
        DataType::Other(_) => return None,
    })
}

/// Class and version, 24 bits of class, size.
fn start(class: u8, bits: [u8; 3], size: u32) -> Bytes {
    let mut out = Bytes::new();
    out.u8(0x10 | class).raw(&bits).u32(size);
    out
}

fn integer(size: u8, signed: bool) -> Bytes {
    let mut out = start(0, [u8::from(signed) << 3, 0, 0], size.into());
    out.u16(0).u16(u16::from(size) * 8);
    out
}

/// IEEE 754: sign, exponent, mantissa without its leading one.
fn float(size: u8, mantissa: u8, exponent: u8, bias: u32) -> Bytes {
    let mut out = start(1, [0x20, size * 8 - 1, 0], size.into());
    out.u16(0).u16(u16::from(size) * 8);
    out.u8(mantissa).u8(exponent).u8(0).u8(mantissa).u32(bias);
    out
}

/// Text of a fixed number of bytes, above zero.
fn text(value: &str) -> Bytes {
    let utf8 = u8::from(!value.is_ascii()) << 4;
    start(3, [utf8, 0, 0], value.len().max(1) as u32)
}

/// UTF-8 text of any length, in the global heap.
fn texts() -> Bytes {
    let mut out = start(9, [1, 1, 0], HEAP_REFERENCE as u32);
    out.raw(&integer(1, false).0);
    out
}

/// Address of an object.
fn reference() -> Bytes {
    start(7, [0; 3], 8)
}

/// A list of addresses per element: `DIMENSION_LIST`.
pub(super) fn reference_lists() -> Bytes {
    let mut out = start(9, [0; 3], HEAP_REFERENCE as u32);
    out.raw(&reference().0);
    out
}

/// A variable and the position of a dimension in it: `REFERENCE_LIST`.
pub(super) fn uses() -> Bytes {
    compound(
        16,
        [
            ("dataset", 0, reference()),
            ("dimension", 8, integer(4, true)),
        ],
    )
}

/// Numbers one after the other.
pub(super) fn record(record: &RecordDescription) -> Bytes {
    let mut offset = 0;
    let members = record.fields.iter().filter_map(|(name, dtype)| {
        let at = offset;
        offset += dtype.size()? as u32;
        Some((name.as_str(), at, of(dtype)?))
    });
    compound(record.size() as u32, members.collect::<Vec<_>>())
}

fn compound<'a>(size: u32, members: impl IntoIterator<Item = (&'a str, u32, Bytes)>) -> Bytes {
    let members: Vec<_> = members.into_iter().collect();
    let [low, high] = (members.len() as u16).to_le_bytes();
    let mut out = start(6, [low, high, 0], size);
    for (name, offset, member) in members {
        let padded = (name.len() / 8 + 1) * 8;
        // No array: rank, permutation and four lengths are zero.
        out.raw(name.as_bytes()).zeros(padded - name.len());
        out.u32(offset).zeros(28).raw(&member.0);
    }
    out
}

/// A value as datatype message, number of elements and their bytes.
pub(super) struct Encoded {
    pub(super) dtype: Bytes,
    /// `None` for a scalar.
    pub(super) count: Option<usize>,
    pub(super) data: Vec<u8>,
}

/// An attribute's value: text is one fixed-length string (`NC_CHAR`), texts are in the heap.
pub(super) fn encode(value: &AttributeValue, heap: &mut Heap<'_>) -> Encoded {
    macro_rules! numbers {
        ($kind:ident, $values:expr) => {
            Encoded {
                dtype: of(&DataType::$kind).unwrap_or_default(),
                count: Some($values.len()),
                data: $values.iter().flat_map(|v| v.to_le_bytes()).collect(),
            }
        };
    }
    match value {
        AttributeValue::Text(v) => Encoded {
            dtype: text(v),
            count: None,
            // HDF5 has no strings of length zero: as in netCDF's own files, there is a terminator.
            data: if v.is_empty() {
                vec![0]
            } else {
                v.as_bytes().to_vec()
            },
        },
        AttributeValue::Texts(v) => Encoded {
            dtype: texts(),
            count: Some(v.len()),
            data: v.iter().flat_map(|t| heap.text(t)).collect(),
        },
        AttributeValue::I8(v) => numbers!(I8, v),
        AttributeValue::U8(v) => numbers!(U8, v),
        AttributeValue::I16(v) => numbers!(I16, v),
        AttributeValue::U16(v) => numbers!(U16, v),
        AttributeValue::I32(v) => numbers!(I32, v),
        AttributeValue::U32(v) => numbers!(U32, v),
        AttributeValue::I64(v) => numbers!(I64, v),
        AttributeValue::U64(v) => numbers!(U64, v),
        AttributeValue::F32(v) => numbers!(F32, v),
        AttributeValue::F64(v) => numbers!(F64, v),
    }
}

/// Type and number of elements; for text its bytes.
pub(super) fn form(value: &AttributeValue) -> (DataType, usize) {
    match value {
        AttributeValue::Text(v) => (DataType::Other("NC_CHAR".into()), v.len()),
        AttributeValue::Texts(v) => (DataType::Text, v.len()),
        AttributeValue::I8(v) => (DataType::I8, v.len()),
        AttributeValue::U8(v) => (DataType::U8, v.len()),
        AttributeValue::I16(v) => (DataType::I16, v.len()),
        AttributeValue::U16(v) => (DataType::U16, v.len()),
        AttributeValue::I32(v) => (DataType::I32, v.len()),
        AttributeValue::U32(v) => (DataType::U32, v.len()),
        AttributeValue::I64(v) => (DataType::I64, v.len()),
        AttributeValue::U64(v) => (DataType::U64, v.len()),
        AttributeValue::F32(v) => (DataType::F32, v.len()),
        AttributeValue::F64(v) => (DataType::F64, v.len()),
    }
}

/// Type of a value of one number.
pub(super) fn single(value: &AttributeValue) -> Option<DataType> {
    let (dtype, count) = form(value);
    (count == 1 && dtype.size().is_some()).then_some(dtype)
}

/// Bytes that a value takes, about.
pub(super) fn bytes_of(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::Texts(v) => v.iter().map(|t| t.len() + 48).sum(),
        other => {
            let (dtype, count) = form(other);
            count * dtype.size().unwrap_or(1)
        }
    }
}
