//! Elements in memory, row-major.

use super::dtype::{DType, Scalar};

/// Elements of one type.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Buffer {
    Bool(Vec<bool>),
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

/// Evaluates an expression for the vector of a buffer, whatever its type.
macro_rules! with_buffer {
    ($buffer:expr, $v:ident => $body:expr) => {
        match $buffer {
            $crate::array::buffer::Buffer::Bool($v) => $body,
            $crate::array::buffer::Buffer::I8($v) => $body,
            $crate::array::buffer::Buffer::U8($v) => $body,
            $crate::array::buffer::Buffer::I16($v) => $body,
            $crate::array::buffer::Buffer::U16($v) => $body,
            $crate::array::buffer::Buffer::I32($v) => $body,
            $crate::array::buffer::Buffer::U32($v) => $body,
            $crate::array::buffer::Buffer::I64($v) => $body,
            $crate::array::buffer::Buffer::U64($v) => $body,
            $crate::array::buffer::Buffer::F32($v) => $body,
            $crate::array::buffer::Buffer::F64($v) => $body,
        }
    };
}

/// Evaluates an expression with `$T` as the type of a dtype.
macro_rules! with_type {
    ($dtype:expr, $T:ident => $body:expr) => {
        with_type!(@ $dtype, $T, $body; Bool bool, I8 i8, U8 u8, I16 i16, U16 u16, I32 i32, U32 u32,
            I64 i64, U64 u64, F32 f32, F64 f64)
    };
    (@ $dtype:expr, $T:ident, $body:expr; $($name:ident $type:ty),*) => {
        match $dtype {
            $($crate::array::dtype::DType::$name => {
                type $T = $type;
                $body
            })*
        }
    };
}

pub(super) use {with_buffer, with_type};

/// An element of an array.
pub trait Element: Copy + Send + Sync + Default + PartialOrd + 'static {
    /// Its type.
    const DTYPE: DType;
    /// Of these elements.
    fn buffer(elements: Vec<Self>) -> Buffer;
    /// The elements, if they are of this type.
    fn slice(buffer: &Buffer) -> Option<&[Self]>;
    /// The elements, if they are of this type.
    fn slice_mut(buffer: &mut Buffer) -> Option<&mut Vec<Self>>;
    /// The number, converted as numpy's `astype` does: whole numbers wrap. A number with fraction that the type does not
    /// hold, where numpy promises nothing, becomes the nearest it holds, NaN 0.
    fn cast<T: Element>(self) -> T;
    #[doc(hidden)]
    fn from_whole(value: i64) -> Self;
    #[doc(hidden)]
    fn from_unsigned(value: u64) -> Self;
    #[doc(hidden)]
    fn from_f32(value: f32) -> Self;
    #[doc(hidden)]
    fn from_f64(value: f64) -> Self;
}

macro_rules! element {
    ($name:ident, $type:ident, $from:ident, $wide:ty) => {
        impl Element for $type {
            const DTYPE: DType = DType::$name;

            fn buffer(elements: Vec<Self>) -> Buffer {
                Buffer::$name(elements)
            }

            fn slice(buffer: &Buffer) -> Option<&[Self]> {
                match buffer {
                    Buffer::$name(elements) => Some(elements),
                    _ => None,
                }
            }

            fn slice_mut(buffer: &mut Buffer) -> Option<&mut Vec<Self>> {
                match buffer {
                    Buffer::$name(elements) => Some(elements),
                    _ => None,
                }
            }

            #[inline(always)]
            fn cast<T: Element>(self) -> T {
                T::$from(self as $wide)
            }

            element!(@ $type);
        }
    };
    (@ bool) => {
        #[inline(always)]
        fn from_whole(value: i64) -> Self {
            value != 0
        }

        #[inline(always)]
        fn from_unsigned(value: u64) -> Self {
            value != 0
        }

        #[inline(always)]
        fn from_f32(value: f32) -> Self {
            value != 0.0
        }

        #[inline(always)]
        fn from_f64(value: f64) -> Self {
            value != 0.0
        }
    };
    (@ $type:ty) => {
        #[inline(always)]
        fn from_whole(value: i64) -> Self {
            value as $type
        }

        #[inline(always)]
        fn from_unsigned(value: u64) -> Self {
            value as $type
        }

        #[inline(always)]
        fn from_f32(value: f32) -> Self {
            value as $type
        }

        #[inline(always)]
        fn from_f64(value: f64) -> Self {
            value as $type
        }
    };
}

element!(Bool, bool, from_whole, i64);
element!(I8, i8, from_whole, i64);
element!(U8, u8, from_whole, i64);
element!(I16, i16, from_whole, i64);
element!(U16, u16, from_whole, i64);
element!(I32, i32, from_whole, i64);
element!(U32, u32, from_whole, i64);
element!(I64, i64, from_whole, i64);
element!(U64, u64, from_unsigned, u64);
element!(F32, f32, from_f32, f32);
element!(F64, f64, from_f64, f64);

impl Buffer {
    /// None yet, with room for so many.
    pub fn with_capacity(dtype: DType, capacity: usize) -> Self {
        with_type!(dtype, T => T::buffer(Vec::with_capacity(capacity)))
    }

    /// So many zeros.
    pub fn zeros(dtype: DType, len: usize) -> Self {
        with_type!(dtype, T => T::buffer(vec![T::default(); len]))
    }

    /// One element.
    pub fn of(scalar: Scalar, dtype: DType) -> Self {
        with_type!(dtype, T => T::buffer(vec![match scalar {
            Scalar::Bool(value) => value.cast::<T>(),
            Scalar::Int(value) => match i64::try_from(value) {
                Ok(value) => T::from_whole(value),
                // Beyond 64 bits only beside floating point.
                Err(_) => match u64::try_from(value) {
                    Ok(value) => T::from_unsigned(value),
                    Err(_) => T::from_f64(value as f64),
                },
            },
            Scalar::Float(value) => T::from_f64(value),
        }]))
    }

    /// Type of the elements.
    pub fn dtype(&self) -> DType {
        match self {
            Buffer::Bool(_) => DType::Bool,
            Buffer::I8(_) => DType::I8,
            Buffer::U8(_) => DType::U8,
            Buffer::I16(_) => DType::I16,
            Buffer::U16(_) => DType::U16,
            Buffer::I32(_) => DType::I32,
            Buffer::U32(_) => DType::U32,
            Buffer::I64(_) => DType::I64,
            Buffer::U64(_) => DType::U64,
            Buffer::F32(_) => DType::F32,
            Buffer::F64(_) => DType::F64,
        }
    }

    /// How many.
    pub fn len(&self) -> usize {
        with_buffer!(self, v => v.len())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The same numbers as another type.
    pub fn cast(self, dtype: DType) -> Buffer {
        if self.dtype() == dtype {
            return self;
        }
        with_buffer!(&self, v => with_type!(dtype, T => {
            T::buffer(v.iter().map(|x| x.cast::<T>()).collect())
        }))
    }

    /// An element, if it is there.
    pub fn get(&self, index: usize) -> Option<Scalar> {
        Some(match self {
            Buffer::Bool(v) => Scalar::Bool(*v.get(index)?),
            Buffer::F32(v) => Scalar::Float(f64::from(*v.get(index)?)),
            Buffer::F64(v) => Scalar::Float(*v.get(index)?),
            Buffer::U64(v) => Scalar::Int(i128::from(*v.get(index)?)),
            whole => Scalar::Int(with_buffer!(whole, v => v.get(index)?.cast::<i64>()).into()),
        })
    }

    /// Appends the elements of another buffer of the same type; of another type it takes nothing.
    pub fn extend(&mut self, other: &Buffer) {
        with_buffer!(self, all => all.extend_from_slice(Element::slice(other).unwrap_or_default()));
    }
}
