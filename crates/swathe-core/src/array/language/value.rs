//! What a part of a line is worth: an array, a number, or words and lists that calls take.

use super::{Mistake, Parsed};
use crate::array::Cut;
use crate::array::dtype::{DType, Scalar};
use crate::array::elementwise::{Binary, Unary};
use crate::array::expression::Array;

#[derive(Debug, Clone)]
pub(super) enum Value {
    Scalar(Scalar),
    Array(Array),
    Tuple(Vec<Value>),
    Text(String),
    None,
}

impl Value {
    pub(super) fn array(self, column: usize) -> Parsed<Array> {
        match self {
            Value::Array(array) => Ok(array),
            Value::Scalar(scalar) => Array::scalar(scalar, None).map_err(Mistake::of(column)),
            _ => Err(Mistake::new(column, "an array is expected")),
        }
    }

    pub(super) fn index(self, column: usize) -> Parsed<i64> {
        match self {
            Value::Scalar(Scalar::Int(value)) => i64::try_from(value)
                .map_err(|_| Mistake::new(column, format!("{value} is too large"))),
            _ => Err(Mistake::new(column, "a whole number is expected")),
        }
    }

    pub(super) fn number(self, column: usize) -> Parsed<f64> {
        match self {
            Value::Scalar(Scalar::Int(value)) => Ok(value as f64),
            Value::Scalar(Scalar::Float(value)) => Ok(value),
            _ => Err(Mistake::new(column, "a number is expected")),
        }
    }

    pub(super) fn lengths(self, column: usize) -> Parsed<Vec<usize>> {
        let length = |value: Value| {
            let index = value.index(column)?;
            usize::try_from(index)
                .map_err(|_| Mistake::new(column, format!("{index} is no length")))
        };
        match self {
            Value::Tuple(values) => values.into_iter().map(length).collect(),
            value => Ok(vec![length(value)?]),
        }
    }

    pub(super) fn cut(self, column: usize) -> Parsed<Cut> {
        match self {
            Value::Text(text) if text == "auto" => Ok(Cut::Auto),
            Value::None | Value::Scalar(Scalar::Int(-1)) => Ok(Cut::Whole),
            Value::Tuple(sizes) => Ok(Cut::Sizes(Value::Tuple(sizes).lengths(column)?)),
            value => Ok(Cut::Size(
                value.lengths(column)?.first().copied().unwrap_or(0),
            )),
        }
    }

    pub(super) fn dtype(self, column: usize) -> Parsed<DType> {
        match self {
            Value::Text(name) => name.parse().map_err(Mistake::of(column)),
            _ => Err(Mistake::new(column, "the name of a type is expected")),
        }
    }
}

pub(super) fn combined(operation: Binary, left: Value, right: Value, column: usize) -> Parsed {
    let fault = Mistake::of(column);
    if let (Value::Scalar(left), Value::Scalar(right)) = (&left, &right)
        && let Some(folded) = folded(operation, *left, *right)
    {
        return Ok(Value::Scalar(folded));
    }
    let array = match (left, right) {
        (Value::Scalar(left), Value::Array(right)) => {
            Array::binary_with(operation, &right, left, true)
        }
        (Value::Array(left), Value::Scalar(right)) => {
            Array::binary_with(operation, &left, right, false)
        }
        (left, right) => Array::binary(operation, &left.array(column)?, &right.array(column)?),
    };
    array.map(Value::Array).map_err(fault)
}

/// Arithmetic of plain numbers, as Python does it; `None` where it has another meaning or no result.
fn folded(operation: Binary, left: Scalar, right: Scalar) -> Option<Scalar> {
    let float = |s: Scalar| match s {
        Scalar::Int(value) => Some(value as f64),
        Scalar::Float(value) => Some(value),
        Scalar::Bool(_) => None,
    };
    if let (Scalar::Int(a), Scalar::Int(b)) = (left, right) {
        let whole = match operation {
            Binary::Add => a.checked_add(b),
            Binary::Subtract => a.checked_sub(b),
            Binary::Multiply => a.checked_mul(b),
            Binary::FloorDivide => a.checked_div_euclid(b).filter(|_| b > 0),
            Binary::Remainder => a.checked_rem_euclid(b).filter(|_| b > 0),
            Binary::Power => u32::try_from(b).ok().and_then(|b| a.checked_pow(b)),
            _ => None,
        };
        if whole.is_some() {
            return whole.map(Scalar::Int);
        }
    }
    let (a, b) = (float(left)?, float(right)?);
    let value = match operation {
        Binary::Add => a + b,
        Binary::Subtract => a - b,
        Binary::Multiply => a * b,
        Binary::Divide => a / b,
        Binary::Power => libm::pow(a, b),
        _ => return None,
    };
    Some(Scalar::Float(value))
}

pub(super) fn unary(operation: Unary, value: &Value, column: usize) -> Parsed {
    let array = value.clone().array(column)?;
    Array::unary(operation, &array)
        .map(Value::Array)
        .map_err(Mistake::of(column))
}
