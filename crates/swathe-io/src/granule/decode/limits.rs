//! What is missing: fill and missing values and valid ranges, where the stored type holds them exactly.

use super::stored::Stored;
use crate::dataset::{Attributes, DataType};
use crate::granule::attributes::{self, Number};

/// What is missing, in stored units, in the widest type that holds every attribute exactly.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Limits {
    Integer(Limit<i128>),
    Float(Limit<f64>),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Limit<N> {
    missing: Vec<N>,
    low: Option<N>,
    high: Option<N>,
}

impl Limits {
    /// The limits that the attributes of a variable tell; `None` for what holds no numbers.
    pub(super) fn of(attributes: &Attributes, dtype: &DataType, unsigned: bool) -> Option<Self> {
        Some(match dtype {
            DataType::F32 => Limits::Float(float_limits(attributes, true)),
            DataType::F64 => Limits::Float(float_limits(attributes, false)),
            DataType::Text | DataType::Other(_) => return None,
            integer => Limits::Integer(integer_limits(attributes, integer, unsigned)),
        })
    }

    /// Both ends of the valid range, in stored units.
    pub(super) fn ends(&self) -> (Option<f64>, Option<f64>) {
        match self {
            Limits::Integer(limit) => (limit.low.map(|v| v as f64), limit.high.map(|v| v as f64)),
            Limits::Float(limit) => (limit.low, limit.high),
        }
    }

    /// Both ends of the valid range and what is missing, as the stored type; without its own range, all that
    /// the type holds is valid.
    pub(super) fn typed<T: Stored>(&self, own_range: bool) -> (T, T, Vec<T>) {
        let (low, high, missing) = match self {
            Limits::Integer(limit) => (
                limit.low.map(T::from_integer),
                limit.high.map(T::from_integer),
                limit.missing.iter().map(|&v| T::from_integer(v)).collect(),
            ),
            Limits::Float(limit) => (
                limit.low.map(T::from_float),
                limit.high.map(T::from_float),
                limit.missing.iter().map(|&v| T::from_float(v)).collect(),
            ),
        };
        if own_range {
            (
                low.unwrap_or(T::LOWEST),
                high.unwrap_or(T::HIGHEST),
                missing,
            )
        } else {
            (T::LOWEST, T::HIGHEST, missing)
        }
    }
}

/// The default fill value of the netCDF library (netcdf.h, NC_FILL_FLOAT and NC_FILL_DOUBLE).
const DEFAULT_FILL_FLOAT: f32 = 9.969_21e36;

/// The same of integers (NC_FILL_BYTE and its like).
fn default_fill(dtype: &DataType) -> Option<i128> {
    Some(match dtype {
        DataType::I8 => -127,
        DataType::U8 => 255,
        DataType::I16 => -32767,
        DataType::U16 => 65535,
        DataType::I32 => -2_147_483_647,
        DataType::U32 => 4_294_967_295,
        DataType::I64 => -9_223_372_036_854_775_806,
        DataType::U64 => 18_446_744_073_709_551_614,
        _ => return None,
    })
}

fn integer_range(dtype: &DataType) -> (i128, i128) {
    match dtype {
        DataType::I8 => (i8::MIN.into(), i8::MAX.into()),
        DataType::U8 => (0, u8::MAX.into()),
        DataType::I16 => (i16::MIN.into(), i16::MAX.into()),
        DataType::U16 => (0, u16::MAX.into()),
        DataType::I32 => (i32::MIN.into(), i32::MAX.into()),
        DataType::U32 => (0, u32::MAX.into()),
        DataType::U64 => (0, u64::MAX.into()),
        _ => (i64::MIN.into(), i64::MAX.into()),
    }
}

fn integer_limits(attributes: &Attributes, dtype: &DataType, unsigned: bool) -> Limit<i128> {
    let (least, most) = integer_range(dtype);
    // Attributes of an `_Unsigned` variable are signed too: seen as unsigned, like its values.
    let view = |value: i128| {
        if unsigned && value < 0 {
            value + (most - least + 1)
        } else {
            value
        }
    };
    let (mut limit, fill) = limits(attributes, |number| {
        let value = match number {
            Number::Integer(value) => value,
            Number::Float(value) if value.fract() == 0.0 && value.abs() < 1e20 => value as i128,
            Number::Float(_) => return None,
        };
        (least..=most).contains(&value).then(|| view(value))
    });
    if let (None, Some(fill)) = (fill, default_fill(dtype))
        && !unsigned
    {
        limit.missing.push(fill);
    }
    limit.missing.dedup();
    limit
}

fn float_limits(attributes: &Attributes, single: bool) -> Limit<f64> {
    let (mut limit, fill) = limits(attributes, |number| {
        let value = number.as_f64();
        let exact = !single || value.is_nan() || f64::from(value as f32) == value;
        let integer_exact = match number {
            Number::Integer(integer) => {
                let back = value as i128;
                back == integer
            }
            Number::Float(_) => true,
        };
        (exact && integer_exact).then_some(value)
    });
    if fill.is_none() {
        limit.missing.push(DEFAULT_FILL_FLOAT.into());
    }
    // NaN is missing in any case.
    limit.missing.retain(|value| !value.is_nan());
    limit.missing.dedup();
    // A NaN limit rejects nothing, as in numpy's comparison.
    limit.low = limit.low.filter(|value| value.is_finite());
    limit.high = limit.high.filter(|value| value.is_finite());
    limit
}

/// The limits that the type of the variable represents exactly, and its fill value if it has one.
fn limits<N: Copy>(
    attributes: &Attributes,
    exact: impl Fn(Number) -> Option<N>,
) -> (Limit<N>, Option<N>) {
    let all = |name: &str| -> Option<Vec<N>> {
        let (_, value) = attributes.iter().find(|(key, _)| key == name)?;
        attributes::numbers(value)?
            .into_iter()
            .map(&exact)
            .collect()
    };
    let one =
        |name: &str| all(name).and_then(|values| if let [v] = values[..] { Some(v) } else { None });
    let mut missing = all("missing_value").unwrap_or_default();
    let fill = one("_FillValue");
    missing.extend(fill);
    let (low, high) = match all("valid_range").as_deref() {
        Some(&[low, high]) => (Some(low), Some(high)),
        _ => (one("valid_min"), one("valid_max")),
    };
    (Limit { missing, low, high }, fill)
}
