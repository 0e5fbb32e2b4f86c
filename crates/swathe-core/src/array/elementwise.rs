//! Operations on elements, with numpy's meaning.

use super::buffer::{Buffer, Element, with_type};
use super::dtype::{DType, Kind};
use super::error::ArrayError;

/// An operation on one operand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[expect(missing_docs, reason = "numpy's names say it")]
pub enum Unary {
    Negative,
    Abs,
    Sqrt,
    Exp,
    Log,
    Log10,
    Floor,
    Ceil,
    Sin,
    Cos,
    IsNan,
    IsFinite,
    Not,
}

/// An operation on two operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[expect(missing_docs, reason = "numpy's names say it")]
pub enum Binary {
    Add,
    Subtract,
    Multiply,
    Divide,
    FloorDivide,
    Remainder,
    Power,
    Minimum,
    Maximum,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    And,
    Or,
    Xor,
}

impl Unary {
    /// numpy's name.
    pub fn name(self) -> &'static str {
        match self {
            Unary::Negative => "negative",
            Unary::Abs => "abs",
            Unary::Sqrt => "sqrt",
            Unary::Exp => "exp",
            Unary::Log => "log",
            Unary::Log10 => "log10",
            Unary::Floor => "floor",
            Unary::Ceil => "ceil",
            Unary::Sin => "sin",
            Unary::Cos => "cos",
            Unary::IsNan => "isnan",
            Unary::IsFinite => "isfinite",
            Unary::Not => "invert",
        }
    }

    /// All of them.
    pub const ALL: [Unary; 13] = [
        Unary::Negative,
        Unary::Abs,
        Unary::Sqrt,
        Unary::Exp,
        Unary::Log,
        Unary::Log10,
        Unary::Floor,
        Unary::Ceil,
        Unary::Sin,
        Unary::Cos,
        Unary::IsNan,
        Unary::IsFinite,
        Unary::Not,
    ];

    /// The type computed in, and that of the result.
    ///
    /// # Errors
    /// An operation that the type does not have.
    pub(super) fn types(self, operand: DType) -> Result<(DType, DType), ArrayError> {
        match (self, operand.kind()) {
            (Unary::Sqrt | Unary::Exp | Unary::Log | Unary::Log10 | Unary::Sin | Unary::Cos, _) => {
                // numpy computes small integers in half and single precision; here in double.
                Ok((operand.float(), operand.float()))
            }
            (Unary::IsNan | Unary::IsFinite, _) => Ok((operand, DType::Bool)),
            (Unary::Not, Kind::Float) | (Unary::Negative, Kind::Bool) => Err(ArrayError::Type(
                format!("{} has no meaning for {operand}", self.name()),
            )),
            _ => Ok((operand, operand)),
        }
    }

    pub(super) fn apply(self, operand: Buffer) -> Buffer {
        macro_rules! float {
            ($double:expr, $single:expr) => {
                match operand {
                    Buffer::F64(v) => Buffer::F64(mapped(v, $double)),
                    Buffer::F32(v) => Buffer::F32(mapped(v, $single)),
                    other => other,
                }
            };
        }
        macro_rules! signed {
            ($whole:ident, $float:expr, $float_single:expr) => {
                match operand {
                    Buffer::I8(v) => Buffer::I8(mapped(v, i8::$whole)),
                    Buffer::I16(v) => Buffer::I16(mapped(v, i16::$whole)),
                    Buffer::I32(v) => Buffer::I32(mapped(v, i32::$whole)),
                    Buffer::I64(v) => Buffer::I64(mapped(v, i64::$whole)),
                    Buffer::F64(v) => Buffer::F64(mapped(v, $float)),
                    Buffer::F32(v) => Buffer::F32(mapped(v, $float_single)),
                    other => other,
                }
            };
        }
        match self {
            Unary::Negative => match operand {
                Buffer::U8(v) => Buffer::U8(mapped(v, u8::wrapping_neg)),
                Buffer::U16(v) => Buffer::U16(mapped(v, u16::wrapping_neg)),
                Buffer::U32(v) => Buffer::U32(mapped(v, u32::wrapping_neg)),
                Buffer::U64(v) => Buffer::U64(mapped(v, u64::wrapping_neg)),
                operand => signed_negative(operand),
            },
            Unary::Abs => signed!(wrapping_abs, f64::abs, f32::abs),
            Unary::Sqrt => float!(f64::sqrt, f32::sqrt),
            Unary::Floor => float!(f64::floor, f32::floor),
            Unary::Ceil => float!(f64::ceil, f32::ceil),
            Unary::Exp => float!(libm::exp, |x| libm::exp(f64::from(x)) as f32),
            Unary::Log => float!(libm::log, |x| libm::log(f64::from(x)) as f32),
            Unary::Log10 => float!(libm::log10, |x| libm::log10(f64::from(x)) as f32),
            Unary::Sin => float!(libm::sin, |x| libm::sin(f64::from(x)) as f32),
            Unary::Cos => float!(libm::cos, |x| libm::cos(f64::from(x)) as f32),
            Unary::IsNan => tested(operand, f64::is_nan),
            Unary::IsFinite => tested(operand, f64::is_finite),
            Unary::Not => match operand {
                Buffer::Bool(v) => Buffer::Bool(mapped(v, |x| !x)),
                Buffer::I8(v) => Buffer::I8(mapped(v, |x| !x)),
                Buffer::U8(v) => Buffer::U8(mapped(v, |x| !x)),
                Buffer::I16(v) => Buffer::I16(mapped(v, |x| !x)),
                Buffer::U16(v) => Buffer::U16(mapped(v, |x| !x)),
                Buffer::I32(v) => Buffer::I32(mapped(v, |x| !x)),
                Buffer::U32(v) => Buffer::U32(mapped(v, |x| !x)),
                Buffer::I64(v) => Buffer::I64(mapped(v, |x| !x)),
                Buffer::U64(v) => Buffer::U64(mapped(v, |x| !x)),
                other => other,
            },
        }
    }
}

fn signed_negative(operand: Buffer) -> Buffer {
    match operand {
        Buffer::I8(v) => Buffer::I8(mapped(v, i8::wrapping_neg)),
        Buffer::I16(v) => Buffer::I16(mapped(v, i16::wrapping_neg)),
        Buffer::I32(v) => Buffer::I32(mapped(v, i32::wrapping_neg)),
        Buffer::I64(v) => Buffer::I64(mapped(v, i64::wrapping_neg)),
        Buffer::F32(v) => Buffer::F32(mapped(v, |x| -x)),
        Buffer::F64(v) => Buffer::F64(mapped(v, |x| -x)),
        other => other,
    }
}

#[inline(always)]
fn mapped<T: Copy>(mut values: Vec<T>, operation: impl Fn(T) -> T) -> Vec<T> {
    values.iter_mut().for_each(|x| *x = operation(*x));
    values
}

/// A test of floating point numbers; whole ones are all finite.
fn tested(operand: Buffer, test: impl Fn(f64) -> bool) -> Buffer {
    Buffer::Bool(match operand {
        Buffer::F64(v) => v.into_iter().map(test).collect(),
        Buffer::F32(v) => v.into_iter().map(|x| test(x.into())).collect(),
        other => vec![test(0.0); other.len()],
    })
}

impl Binary {
    /// All of them.
    pub const ALL: [Binary; 18] = [
        Binary::Add,
        Binary::Subtract,
        Binary::Multiply,
        Binary::Divide,
        Binary::FloorDivide,
        Binary::Remainder,
        Binary::Power,
        Binary::Minimum,
        Binary::Maximum,
        Binary::Equal,
        Binary::NotEqual,
        Binary::Less,
        Binary::LessEqual,
        Binary::Greater,
        Binary::GreaterEqual,
        Binary::And,
        Binary::Or,
        Binary::Xor,
    ];

    /// numpy's name.
    pub fn name(self) -> &'static str {
        match self {
            Binary::Add => "add",
            Binary::Subtract => "subtract",
            Binary::Multiply => "multiply",
            Binary::Divide => "divide",
            Binary::FloorDivide => "floor_divide",
            Binary::Remainder => "remainder",
            Binary::Power => "power",
            Binary::Minimum => "minimum",
            Binary::Maximum => "maximum",
            Binary::Equal => "equal",
            Binary::NotEqual => "not_equal",
            Binary::Less => "less",
            Binary::LessEqual => "less_equal",
            Binary::Greater => "greater",
            Binary::GreaterEqual => "greater_equal",
            Binary::And => "bitwise_and",
            Binary::Or => "bitwise_or",
            Binary::Xor => "bitwise_xor",
        }
    }

    /// Whether the result is true or false whatever the operands.
    pub(super) fn is_comparison(self) -> bool {
        use Binary::{Equal, Greater, GreaterEqual, Less, LessEqual, NotEqual};
        matches!(
            self,
            Equal | NotEqual | Less | LessEqual | Greater | GreaterEqual
        )
    }

    /// The type computed in, and that of the result, for operands that promote to this type.
    ///
    /// # Errors
    /// An operation that the type does not have.
    pub(super) fn types(self, operands: DType) -> Result<(DType, DType), ArrayError> {
        use Binary::{Divide, FloorDivide, Power, Remainder, Subtract};
        if self.is_comparison() {
            return Ok((operands, DType::Bool));
        }
        match (self, operands.kind()) {
            (Divide, _) => Ok((operands.float(), operands.float())),
            (FloorDivide | Remainder | Power, Kind::Bool) => Ok((DType::I8, DType::I8)),
            (Subtract, Kind::Bool) => Err(ArrayError::Type(
                "subtract has no meaning for bool: use ^ or !=".into(),
            )),
            (Binary::And | Binary::Or | Binary::Xor, Kind::Float) => Err(ArrayError::Type(
                format!("{} has no meaning for {operands}", self.name()),
            )),
            _ => Ok((operands, operands)),
        }
    }

    /// Of operands of the type computed in; one of a single element stands beside all of the other.
    ///
    /// # Errors
    /// A negative power of whole numbers.
    pub(super) fn apply(self, left: &Buffer, right: &Buffer) -> Result<Buffer, ArrayError> {
        with_type!(left.dtype(), T => {
            let (left, right) = (T::slice(left).unwrap_or_default(), T::slice(right).unwrap_or_default());
            self.typed(left, right)
        })
    }

    fn typed<T: Number>(self, left: &[T], right: &[T]) -> Result<Buffer, ArrayError> {
        macro_rules! values {
            ($operation:expr) => {
                T::buffer(zipped(left, right, $operation))
            };
        }
        macro_rules! tests {
            ($operation:expr) => {
                Buffer::Bool(zipped(left, right, $operation))
            };
        }
        Ok(match self {
            Binary::Add => values!(T::add),
            Binary::Subtract => values!(T::subtract),
            Binary::Multiply => values!(T::multiply),
            Binary::Divide => values!(T::divide),
            Binary::FloorDivide => values!(T::floor_divide),
            Binary::Remainder => values!(T::remainder),
            Binary::Power => {
                if right.iter().any(|&r| T::is_forbidden_power(r)) {
                    return Err(ArrayError::Value(
                        "integers to negative integer powers are not allowed".into(),
                    ));
                }
                values!(T::power)
            }
            Binary::Minimum => values!(|a: T, b: T| if a < b || a.is_missing() { a } else { b }),
            Binary::Maximum => values!(|a: T, b: T| if a > b || a.is_missing() { a } else { b }),
            Binary::Equal => tests!(|a, b| a == b),
            Binary::NotEqual => tests!(|a, b| a != b),
            Binary::Less => tests!(|a, b| a < b),
            Binary::LessEqual => tests!(|a, b| a <= b),
            Binary::Greater => tests!(|a, b| a > b),
            Binary::GreaterEqual => tests!(|a, b| a >= b),
            Binary::And => values!(T::and),
            Binary::Or => values!(T::or),
            Binary::Xor => values!(T::xor),
        })
    }
}

#[inline(always)]
fn zipped<T: Copy, U>(left: &[T], right: &[T], operation: impl Fn(T, T) -> U) -> Vec<U> {
    match (left, right) {
        (left, &[right]) => left.iter().map(|&left| operation(left, right)).collect(),
        (&[left], right) => right.iter().map(|&right| operation(left, right)).collect(),
        _ => {
            let both = left.iter().zip(right);
            both.map(|(&left, &right)| operation(left, right)).collect()
        }
    }
}

/// Arithmetic with numpy's outcomes: whole numbers wrap, and divided by zero give zero.
trait Number: Element {
    fn add(self, other: Self) -> Self;
    fn subtract(self, other: Self) -> Self;
    fn multiply(self, other: Self) -> Self;
    fn divide(self, other: Self) -> Self;
    fn floor_divide(self, other: Self) -> Self;
    fn remainder(self, other: Self) -> Self;
    fn power(self, other: Self) -> Self;
    fn and(self, other: Self) -> Self;
    fn or(self, other: Self) -> Self;
    fn xor(self, other: Self) -> Self;
    /// Whether it is NaN.
    fn is_missing(self) -> bool {
        false
    }
    /// Whether it is no power for numbers of this type.
    fn is_forbidden_power(_: Self) -> bool {
        false
    }
}

macro_rules! whole_number {
    ($type:ty, $is_signed:literal) => {
        impl Number for $type {
            #[inline(always)]
            fn add(self, other: Self) -> Self {
                self.wrapping_add(other)
            }

            #[inline(always)]
            fn subtract(self, other: Self) -> Self {
                self.wrapping_sub(other)
            }

            #[inline(always)]
            fn multiply(self, other: Self) -> Self {
                self.wrapping_mul(other)
            }

            /// Never asked for: quotients are floating point.
            fn divide(self, other: Self) -> Self {
                self.floor_divide(other)
            }

            #[inline]
            fn floor_divide(self, other: Self) -> Self {
                if other == 0 {
                    return 0;
                }
                let quotient = self.wrapping_div(other);
                let apart = $is_signed && (self < 0 as $type) != (other < 0 as $type);
                match apart && self.wrapping_rem(other) != 0 {
                    true => quotient.wrapping_sub(1),
                    false => quotient,
                }
            }

            #[inline]
            fn remainder(self, other: Self) -> Self {
                if other == 0 {
                    return 0;
                }
                let rest = self.wrapping_rem(other);
                let apart = $is_signed && (rest < 0 as $type) != (other < 0 as $type);
                match apart && rest != 0 {
                    true => rest.wrapping_add(other),
                    false => rest,
                }
            }

            #[inline]
            fn power(self, other: Self) -> Self {
                let (mut base, mut exponent, mut power): (Self, Self, Self) = (self, other, 1);
                while exponent > 0 {
                    if exponent & 1 == 1 {
                        power = power.wrapping_mul(base);
                    }
                    base = base.wrapping_mul(base);
                    exponent >>= 1;
                }
                power
            }

            #[inline(always)]
            fn and(self, other: Self) -> Self {
                self & other
            }

            #[inline(always)]
            fn or(self, other: Self) -> Self {
                self | other
            }

            #[inline(always)]
            fn xor(self, other: Self) -> Self {
                self ^ other
            }

            fn is_forbidden_power(power: Self) -> bool {
                $is_signed && power < 0 as $type
            }
        }
    };
}

whole_number!(i8, true);
whole_number!(i16, true);
whole_number!(i32, true);
whole_number!(i64, true);
whole_number!(u8, false);
whole_number!(u16, false);
whole_number!(u32, false);
whole_number!(u64, false);

macro_rules! float_number {
    ($type:ty, $power:expr) => {
        impl Number for $type {
            #[inline(always)]
            fn add(self, other: Self) -> Self {
                self + other
            }

            #[inline(always)]
            fn subtract(self, other: Self) -> Self {
                self - other
            }

            #[inline(always)]
            fn multiply(self, other: Self) -> Self {
                self * other
            }

            #[inline(always)]
            fn divide(self, other: Self) -> Self {
                self / other
            }

            /// Python's: the floor of the quotient, right where the division is exact.
            #[inline]
            fn floor_divide(self, other: Self) -> Self {
                if other == 0.0 {
                    return self / other;
                }
                let rest = self % other;
                let mut quotient = (self - rest) / other;
                if rest != 0.0 && (other < 0.0) != (rest < 0.0) {
                    quotient -= 1.0;
                }
                if quotient == 0.0 {
                    return (0.0 as $type).copysign(self / other);
                }
                let floor = quotient.floor();
                if quotient - floor > 0.5 {
                    floor + 1.0
                } else {
                    floor
                }
            }

            #[inline]
            fn remainder(self, other: Self) -> Self {
                let rest = self % other;
                if rest == 0.0 {
                    return (0.0 as $type).copysign(other);
                }
                match (other < 0.0) != (rest < 0.0) {
                    true => rest + other,
                    false => rest,
                }
            }

            #[inline]
            fn power(self, other: Self) -> Self {
                // The usual ones, exactly rounded and fast.
                match other {
                    2.0 => self * self,
                    1.0 => self,
                    _ => $power(self, other),
                }
            }

            /// Never asked for, as the two below.
            fn and(self, _: Self) -> Self {
                self
            }

            fn or(self, _: Self) -> Self {
                self
            }

            fn xor(self, _: Self) -> Self {
                self
            }

            #[inline(always)]
            fn is_missing(self) -> bool {
                self.is_nan()
            }
        }
    };
}

float_number!(f64, libm::pow);
float_number!(f32, |a: f32, b: f32| libm::pow(f64::from(a), f64::from(b))
    as f32);

impl Number for bool {
    fn add(self, other: Self) -> Self {
        self | other
    }

    fn multiply(self, other: Self) -> Self {
        self & other
    }

    /// Never asked for, as the other arithmetic: it is refused, or done in another type.
    fn subtract(self, other: Self) -> Self {
        self ^ other
    }

    fn divide(self, other: Self) -> Self {
        self & other
    }

    fn floor_divide(self, other: Self) -> Self {
        self & other
    }

    fn remainder(self, other: Self) -> Self {
        self & !other
    }

    fn power(self, other: Self) -> Self {
        self | !other
    }

    fn and(self, other: Self) -> Self {
        self & other
    }

    fn or(self, other: Self) -> Self {
        self | other
    }

    fn xor(self, other: Self) -> Self {
        self ^ other
    }
}

/// Elements of one or the other.
pub(super) fn choose(condition: &Buffer, yes: &Buffer, no: &Buffer, len: usize) -> Buffer {
    fn typed<T: Element>(condition: &[bool], yes: &Buffer, no: &Buffer, len: usize) -> Buffer {
        let (yes, no) = (
            T::slice(yes).unwrap_or_default(),
            T::slice(no).unwrap_or_default(),
        );
        let at = |v: &[T], i: usize| {
            v.get(if v.len() == 1 { 0 } else { i })
                .copied()
                .unwrap_or_default()
        };
        let chosen = |i: usize| {
            let place = if condition.len() == 1 { 0 } else { i };
            match condition.get(place) {
                Some(true) => at(yes, i),
                _ => at(no, i),
            }
        };
        T::buffer((0..len).map(chosen).collect())
    }
    let condition = <bool as Element>::slice(condition).unwrap_or_default();
    with_type!(yes.dtype(), T => typed::<T>(condition, yes, no, len))
}
