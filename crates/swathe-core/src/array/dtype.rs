//! Types of elements, and how they mix: the rules of NumPy 2.

use super::error::ArrayError;
use std::fmt;
use std::str::FromStr;

/// Type of an array's elements.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[expect(missing_docs, reason = "the names say it")]
pub enum DType {
    Bool,
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
}

/// Kinds of types, from the narrowest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// True or false.
    Bool,
    /// Signed or unsigned integers.
    Integer,
    /// Floating point.
    Float,
}

impl DType {
    /// All types.
    pub const ALL: [DType; 11] = [
        DType::Bool,
        DType::I8,
        DType::U8,
        DType::I16,
        DType::U16,
        DType::I32,
        DType::U32,
        DType::I64,
        DType::U64,
        DType::F32,
        DType::F64,
    ];

    /// numpy's name.
    pub fn name(self) -> &'static str {
        match self {
            DType::Bool => "bool",
            DType::I8 => "int8",
            DType::U8 => "uint8",
            DType::I16 => "int16",
            DType::U16 => "uint16",
            DType::I32 => "int32",
            DType::U32 => "uint32",
            DType::I64 => "int64",
            DType::U64 => "uint64",
            DType::F32 => "float32",
            DType::F64 => "float64",
        }
    }

    /// Bytes of an element.
    pub fn size(self) -> usize {
        match self {
            DType::Bool | DType::I8 | DType::U8 => 1,
            DType::I16 | DType::U16 => 2,
            DType::I32 | DType::U32 | DType::F32 => 4,
            DType::I64 | DType::U64 | DType::F64 => 8,
        }
    }

    /// Its kind.
    pub fn kind(self) -> Kind {
        match self {
            DType::Bool => Kind::Bool,
            DType::F32 | DType::F64 => Kind::Float,
            _ => Kind::Integer,
        }
    }

    /// Whether it is an integer without sign (or bool).
    pub fn is_unsigned(self) -> bool {
        use DType::{Bool, U8, U16, U32, U64};
        matches!(self, Bool | U8 | U16 | U32 | U64)
    }

    /// Least and greatest integer that it holds; of bool 0 and 1, of floating point none.
    pub fn integer_range(self) -> Option<(i128, i128)> {
        let bits = 8 * self.size() as u32;
        match self {
            DType::Bool => Some((0, 1)),
            DType::F32 | DType::F64 => None,
            _ if self.is_unsigned() => Some((0, (1 << bits) - 1)),
            _ => Some((-(1 << (bits - 1)), (1 << (bits - 1)) - 1)),
        }
    }

    /// The type of both together.
    pub fn promote(self, other: DType) -> DType {
        let (narrow, wide) = match self <= other {
            true => (self, other),
            false => (other, self),
        };
        if narrow == wide || narrow == DType::Bool {
            return wide;
        }
        if wide.kind() == Kind::Float {
            // Single precision holds integers of 16 bits.
            let fits = narrow.kind() == Kind::Float || narrow.size() <= 2;
            return if fits { wide } else { DType::F64 };
        }
        if narrow.is_unsigned() == wide.is_unsigned() {
            return wide;
        }
        let (unsigned, signed) = match narrow.is_unsigned() {
            true => (narrow, wide),
            false => (wide, narrow),
        };
        if signed.size() > unsigned.size() {
            return signed;
        }
        match unsigned.size() {
            1 => DType::I16,
            2 => DType::I32,
            4 => DType::I64,
            _ => DType::F64,
        }
    }

    /// The type of all together: not that of each with the next, since small integers of both signs fit into
    /// single precision, but their common integer type does not.
    pub fn promote_all(all: impl IntoIterator<Item = DType> + Clone) -> DType {
        let holds_all = |held: &DType| {
            all.clone()
                .into_iter()
                .all(|one| one.promote(*held) == *held)
        };
        DType::ALL.into_iter().find(holds_all).unwrap_or(DType::F64)
    }

    /// The floating point type of this one: for division, roots, logarithms.
    pub fn float(self) -> DType {
        match self {
            DType::F32 => DType::F32,
            _ => DType::F64,
        }
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for DType {
    type Err = ArrayError;

    fn from_str(name: &str) -> Result<Self, ArrayError> {
        let short = |d: &DType| match d {
            DType::Bool => "b1",
            DType::I8 => "i1",
            DType::U8 => "u1",
            DType::I16 => "i2",
            DType::U16 => "u2",
            DType::I32 => "i4",
            DType::U32 => "u4",
            DType::I64 => "i8",
            DType::U64 => "u8",
            DType::F32 => "f4",
            DType::F64 => "f8",
        };
        let also = match name {
            "float" => Some(DType::F64),
            "int" => Some(DType::I64),
            _ => None,
        };
        let found = DType::ALL
            .into_iter()
            .find(|d| d.name() == name || short(d) == name);
        also.or(found).ok_or_else(|| {
            let names: Vec<&str> = DType::ALL.iter().map(|d| d.name()).collect();
            ArrayError::Value(format!("dtype {name:?} is not one of {}", names.join(", ")))
        })
    }
}

/// One number, as an operand: it takes the type of the array that it meets, where that holds its kind.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub enum Scalar {
    /// True or false.
    Bool(bool),
    /// Whole.
    Int(i128),
    /// Floating point.
    Float(f64),
}

impl Scalar {
    /// The type beside an array of this type.
    ///
    /// # Errors
    /// An integer that the array's type does not hold.
    pub fn dtype_beside(self, other: DType) -> Result<DType, ArrayError> {
        match self {
            Scalar::Bool(_) => Ok(other),
            Scalar::Float(_) if other.kind() == Kind::Float => Ok(other),
            Scalar::Float(_) => Ok(DType::F64),
            Scalar::Int(_) if other.kind() == Kind::Float => Ok(other),
            Scalar::Int(_) if other.kind() == Kind::Bool => {
                self.fits(DType::I64)?;
                Ok(DType::I64)
            }
            Scalar::Int(_) => {
                self.fits(other)?;
                Ok(other)
            }
        }
    }

    /// Its type on its own.
    ///
    /// # Errors
    /// An integer of more than 64 bits.
    pub fn dtype(self) -> Result<DType, ArrayError> {
        match self {
            Scalar::Bool(_) => Ok(DType::Bool),
            Scalar::Float(_) => Ok(DType::F64),
            Scalar::Int(value) if i64::try_from(value).is_ok() => Ok(DType::I64),
            Scalar::Int(_) => {
                self.fits(DType::U64)?;
                Ok(DType::U64)
            }
        }
    }

    fn fits(self, dtype: DType) -> Result<(), ArrayError> {
        let (Scalar::Int(value), Some((least, greatest))) = (self, dtype.integer_range()) else {
            return Ok(());
        };
        match (least..=greatest).contains(&value) {
            true => Ok(()),
            false => Err(ArrayError::Overflow { value, dtype }),
        }
    }
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Scalar::Bool(true) => f.write_str("True"),
            Scalar::Bool(false) => f.write_str("False"),
            Scalar::Int(value) => write!(f, "{value}"),
            Scalar::Float(value) => write!(f, "{value:?}"),
        }
    }
}
