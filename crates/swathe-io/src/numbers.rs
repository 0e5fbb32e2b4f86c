//! Arrays of numbers, filled as bytes.

use crate::dataset::{Array, AttributeValue, DataType};

/// Order of the bytes of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ByteOrder {
    Little,
    Big,
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
    if (order == ByteOrder::Little) == cfg!(target_endian = "little") {
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

/// Numbers of a type from their bytes in a file, as an attribute's value; `None` for text and
/// other types.
pub(crate) fn attribute_numbers(
    dtype: &DataType,
    bytes: &[u8],
    order: ByteOrder,
) -> Option<AttributeValue> {
    let size = dtype.size()?;
    let array = numbers::<std::convert::Infallible>(dtype, bytes.len() / size, |out| {
        out.copy_from_slice(&bytes[..bytes.len() / size * size]);
        to_native_order(out, size, order);
        Ok(())
    });
    let Ok(array) = array?;
    Some(match array {
        Array::I8(v) => AttributeValue::I8(v),
        Array::U8(v) => AttributeValue::U8(v),
        Array::I16(v) => AttributeValue::I16(v),
        Array::U16(v) => AttributeValue::U16(v),
        Array::I32(v) => AttributeValue::I32(v),
        Array::U32(v) => AttributeValue::U32(v),
        Array::I64(v) => AttributeValue::I64(v),
        Array::U64(v) => AttributeValue::U64(v),
        Array::F32(v) => AttributeValue::F32(v),
        Array::F64(v) => AttributeValue::F64(v),
        Array::Text(v) => AttributeValue::Texts(v),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_byte_orders_give_the_same_numbers() {
        let value = |bytes: &[u8], dtype, order| attribute_numbers(&dtype, bytes, order);
        for (order, bytes) in [
            (ByteOrder::Big, [1, 2, 0xFF, 0xFE]),
            (ByteOrder::Little, [2, 1, 0xFE, 0xFF]),
        ] {
            let expected = AttributeValue::I16(vec![0x0102, -2]);
            assert_eq!(value(&bytes, DataType::I16, order), Some(expected));
        }
        let big = value(&1.5f64.to_be_bytes(), DataType::F64, ByteOrder::Big);
        assert_eq!(big, Some(AttributeValue::F64(vec![1.5])));
        let big = value(&7u32.to_be_bytes(), DataType::U32, ByteOrder::Big);
        assert_eq!(big, Some(AttributeValue::U32(vec![7])));
        assert_eq!(value(b"x", DataType::Text, ByteOrder::Big), None);
    }
}
