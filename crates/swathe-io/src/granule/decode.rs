//! From stored values to CF values: fill, missing and out-of-range become NaN, packed ones are unpacked.
//!
//! The rules are those of netCDF4-python's automatic masking and scaling, to the bit, because that is
//! what every other tool of the field shows:
//! - `_FillValue`, `missing_value` (any number of them), `valid_range` (of two) or else `valid_min` and
//!   `valid_max` hold in *stored* units, and only if the type of the variable represents them exactly;
//! - without a `_FillValue` the netCDF library's default fill value of the type is missing too;
//! - `_Unsigned = "true"` makes a signed integer unsigned, attributes included;
//! - `stored * scale_factor + add_offset` in numpy's promoted type: single precision only if the
//!   stored integers have at most 16 bits and the attributes are single precision.
//!
//! Beyond that, infinities are missing, and integers times integer factors are computed in double
//! precision (numpy would wrap around).

use swathe_core::source::Values;

use super::attributes::{self, Number};
use crate::dataset::{Array, AttributeValue, Attributes, DataType, Variable};
use crate::error::{Error, Result};

/// How to decode one variable.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Decoder {
    limits: Limits,
    unsigned: bool,
    packing: Packing,
}

/// What is missing, in stored units, in the widest type that holds every attribute exactly.
#[derive(Debug, Clone, PartialEq)]
enum Limits {
    Integer(Limit<i128>),
    Float(Limit<f64>),
}

#[derive(Debug, Clone, PartialEq)]
struct Limit<N> {
    missing: Vec<N>,
    low: Option<N>,
    high: Option<N>,
}

/// Arithmetic of unpacking, with the precision of each step.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Packing {
    /// As stored, in the smallest floating type that holds the stored type.
    None,
    /// As stored, in double precision (a factor of one in double precision).
    Widen,
    /// As stored, in single precision (a factor of one in single precision).
    Narrow,
    Scale32(f32),
    Scale64(f64),
    Offset32(f32),
    Offset64(f64),
    Both32(f32, f32),
    Both64(f64, f64),
    /// Product in single precision, sum in double.
    Both32Then64(f32, f64),
    /// Worked out in double precision, rounded once.
    Exact32(f64, f64),
}

impl Decoder {
    /// Reads the attributes of a variable; `place` names the file for messages.
    ///
    /// # Errors
    /// When the variable is not numeric, or its packing makes no sense.
    pub(crate) fn new(variable: &Variable, place: &str) -> Result<Decoder> {
        let fail = |reason: String| Error::Format {
            path: format!("{place}: {}", variable.path),
            reason,
        };
        let attributes = &variable.attributes;
        let unsigned = matches!(
            variable.dtype,
            DataType::I8 | DataType::I16 | DataType::I32 | DataType::I64
        ) && matches!(
            attributes::find(attributes, "_Unsigned"),
            Some(AttributeValue::Text(text)) if text == "true" || text == "True"
        );
        let limits = match &variable.dtype {
            DataType::F32 => Limits::Float(float_limits(attributes, true)),
            DataType::F64 => Limits::Float(float_limits(attributes, false)),
            DataType::Text | DataType::Other(_) => {
                return Err(fail(format!(
                    "holds {}, not numbers",
                    variable.dtype.name()
                )));
            }
            integer => Limits::Integer(integer_limits(attributes, integer, unsigned)),
        };
        let packing = packing(attributes, stored_precision(&variable.dtype)).map_err(fail)?;
        Ok(Decoder {
            limits,
            unsigned,
            packing,
        })
    }

    /// Whether values are packed: stored in other units than their meaning.
    pub(super) fn is_packed(&self) -> bool {
        !matches!(
            self.packing,
            Packing::None | Packing::Widen | Packing::Narrow
        )
    }

    /// The file's valid range in unpacked units, both ends in; an open end is infinite.
    pub(crate) fn valid_range(&self) -> Option<(f64, f64)> {
        let (low, high) = match &self.limits {
            Limits::Integer(limit) => (limit.low.map(|v| v as f64), limit.high.map(|v| v as f64)),
            Limits::Float(limit) => (limit.low, limit.high),
        };
        if low.is_none() && high.is_none() {
            return None;
        }
        let a = low.map_or(f64::NEG_INFINITY, |v| self.packing.unpack(v));
        let b = high.map_or(f64::INFINITY, |v| self.packing.unpack(v));
        // A negative factor turns the range around; an infinity must keep its side.
        match self.packing.factor() < 0.0 {
            true => Some((
                if b.is_finite() { b } else { -b },
                if a.is_finite() { a } else { -a },
            )),
            false => Some((a, b)),
        }
    }

    /// Decodes stored values. `valid_range`, in unpacked units, takes the place of the file's own.
    pub(crate) fn decode(&self, stored: Array, valid_range: Option<(f64, f64)>) -> Values {
        let own_range = valid_range.is_none();
        let mut values = match stored {
            Array::F32(data) if self.packing == Packing::None => {
                Values::F32(self.mask_in_place(data, own_range))
            }
            Array::F64(data) if matches!(self.packing, Packing::None | Packing::Widen) => {
                Values::F64(self.mask_in_place(data, own_range))
            }
            Array::I8(data) if self.unsigned => {
                self.unpack(&reinterpret(data, |v: i8| v as u8), own_range)
            }
            Array::I16(data) if self.unsigned => {
                self.unpack(&reinterpret(data, |v: i16| v as u16), own_range)
            }
            Array::I32(data) if self.unsigned => {
                self.unpack(&reinterpret(data, |v: i32| v as u32), own_range)
            }
            Array::I64(data) if self.unsigned => {
                self.unpack(&reinterpret(data, |v: i64| v as u64), own_range)
            }
            Array::I8(data) => self.unpack(&data, own_range),
            Array::U8(data) => self.unpack(&data, own_range),
            Array::I16(data) => self.unpack(&data, own_range),
            Array::U16(data) => self.unpack(&data, own_range),
            Array::I32(data) => self.unpack(&data, own_range),
            Array::U32(data) => self.unpack(&data, own_range),
            Array::I64(data) => self.unpack(&data, own_range),
            Array::U64(data) => self.unpack(&data, own_range),
            Array::F32(data) => self.unpack(&data, own_range),
            Array::F64(data) => self.unpack(&data, own_range),
            // `new` refuses text.
            Array::Text(data) => Values::F64(vec![f64::NAN; data.len()]),
        };
        if let Some((low, high)) = valid_range {
            keep_range(&mut values, low, high);
        }
        values
    }

    /// Floating values that need no arithmetic: the buffer that was read becomes the result.
    fn mask_in_place<T: Stored + Float>(&self, mut data: Vec<T>, own_range: bool) -> Vec<T> {
        let (low, high, missing) = self.typed_limits::<T>(own_range);
        // Infinities and NaN fail the comparison, since `low` and `high` are finite.
        match missing.as_slice() {
            &[] => keep_where(&mut data, |v| (v >= low) & (v <= high)),
            &[fill] => keep_where(&mut data, |v| (v >= low) & (v <= high) & (v != fill)),
            several => keep_where(&mut data, |v| {
                v >= low && v <= high && !several.contains(&v)
            }),
        }
        data
    }

    /// The same, with what is worked out in single precision worked out in double precision and rounded
    /// once.
    pub(crate) fn exact(mut self) -> Self {
        let double = f64::from;
        self.packing = match self.packing {
            Packing::Both32(s, o) => Packing::Exact32(double(s), double(o)),
            Packing::Both32Then64(s, o) => Packing::Both64(double(s), o),
            other => other,
        };
        self
    }

    fn unpack<T: Stored>(&self, data: &[T], own_range: bool) -> Values {
        match self.packing {
            Packing::None if T::FITS_F32 => Values::F32(self.map(data, own_range, T::to_f32)),
            Packing::None | Packing::Widen => Values::F64(self.map(data, own_range, T::to_f64)),
            Packing::Narrow => Values::F32(self.map(data, own_range, T::to_f32)),
            Packing::Scale32(s) => Values::F32(self.map(data, own_range, |v| v.to_f32() * s)),
            Packing::Scale64(s) => Values::F64(self.map(data, own_range, |v| v.to_f64() * s)),
            Packing::Offset32(o) => Values::F32(self.map(data, own_range, |v| v.to_f32() + o)),
            Packing::Offset64(o) => Values::F64(self.map(data, own_range, |v| v.to_f64() + o)),
            Packing::Both32(s, o) => Values::F32(self.map(data, own_range, |v| v.to_f32() * s + o)),
            Packing::Both64(s, o) => Values::F64(self.map(data, own_range, |v| v.to_f64() * s + o)),
            Packing::Exact32(s, o) => {
                Values::F32(self.map(data, own_range, |v| (v.to_f64() * s + o) as f32))
            }
            Packing::Both32Then64(s, o) => {
                Values::F64(self.map(data, own_range, |v| f64::from(v.to_f32() * s) + o))
            }
        }
    }

    fn map<T: Stored, O: Float>(
        &self,
        data: &[T],
        own_range: bool,
        unpack: impl Fn(T) -> O,
    ) -> Vec<O> {
        let (low, high, missing) = self.typed_limits::<T>(own_range);
        let finite = |value: O| if value.is_finite() { value } else { O::NAN };
        match missing.as_slice() {
            &[] => data
                .iter()
                .map(|&v| {
                    if v >= low && v <= high {
                        finite(unpack(v))
                    } else {
                        O::NAN
                    }
                })
                .collect(),
            &[fill] => data
                .iter()
                .map(|&v| {
                    if v >= low && v <= high && v != fill {
                        finite(unpack(v))
                    } else {
                        O::NAN
                    }
                })
                .collect(),
            several => data
                .iter()
                .map(|&v| {
                    if v >= low && v <= high && !several.contains(&v) {
                        finite(unpack(v))
                    } else {
                        O::NAN
                    }
                })
                .collect(),
        }
    }

    fn typed_limits<T: Stored>(&self, own_range: bool) -> (T, T, Vec<T>) {
        let (low, high, missing) = match &self.limits {
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

impl Packing {
    fn factor(self) -> f64 {
        match self {
            Packing::Scale32(s) | Packing::Both32(s, _) | Packing::Both32Then64(s, _) => s.into(),
            Packing::Scale64(s) | Packing::Both64(s, _) | Packing::Exact32(s, _) => s,
            _ => 1.0,
        }
    }

    fn unpack(self, v: f64) -> f64 {
        match self {
            Packing::None | Packing::Widen => v,
            Packing::Narrow => (v as f32).into(),
            Packing::Scale32(s) => (v as f32 * s).into(),
            Packing::Scale64(s) => v * s,
            Packing::Offset32(o) => (v as f32 + o).into(),
            Packing::Offset64(o) => v + o,
            Packing::Both32(s, o) => (v as f32 * s + o).into(),
            Packing::Both64(s, o) => v * s + o,
            Packing::Exact32(s, o) => ((v * s + o) as f32).into(),
            Packing::Both32Then64(s, o) => f64::from(v as f32 * s) + o,
        }
    }
}

/// Makes NaN of what does not pass. Positions seldom miss any: a block is written to only if one does.
fn keep_where<T: Float>(data: &mut [T], pass: impl Fn(T) -> bool) {
    for block in data.chunks_mut(1024) {
        if !block.iter().fold(true, |all, v| all & pass(*v)) {
            for v in block {
                *v = if pass(*v) { *v } else { T::NAN };
            }
        }
    }
}

/// Values outside a range, both ends in, become NaN. The ends are taken in the precision of the
/// values, so that a limit written `0.1` lets a single-precision 0.1 pass.
fn keep_range(values: &mut Values, low: f64, high: f64) {
    match values {
        Values::F32(values) => {
            let (low, high) = (low as f32, high as f32);
            for v in values.iter_mut().filter(|v| !(**v >= low && **v <= high)) {
                *v = f32::NAN;
            }
        }
        Values::F64(values) => {
            for v in values.iter_mut().filter(|v| !(**v >= low && **v <= high)) {
                *v = f64::NAN;
            }
        }
    }
}

/// Precision that numpy gives to the product of a stored type and a single-precision factor.
fn stored_precision(dtype: &DataType) -> Precision {
    match dtype {
        DataType::I8 | DataType::U8 | DataType::I16 | DataType::U16 => Precision::Small,
        DataType::F32 => Precision::Single,
        DataType::F64 => Precision::Double,
        _ => Precision::Large,
    }
}

/// A type in the eyes of numpy's promotion.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Precision {
    /// Integers of at most 16 bits, exact in single precision.
    Small,
    /// Integers of 32 bits and more: single precision does not hold them.
    Large,
    Single,
    Double,
}

/// `numpy.promote_types`, with integers among themselves taken as double precision.
fn promote(a: Precision, b: Precision) -> Precision {
    use Precision::{Double, Single, Small};
    match (a, b) {
        (Single, Single | Small) | (Small, Single) => Single,
        _ => Double,
    }
}

fn packing(attributes: &Attributes, stored: Precision) -> std::result::Result<Packing, String> {
    let scale = packing_attribute(attributes, "scale_factor")?;
    let offset = packing_attribute(attributes, "add_offset")?;
    if let Some((value, _)) = scale
        && (value == 0.0 || !value.is_finite())
    {
        return Err(format!(
            "scale_factor is {value}: the stored values cannot be unpacked"
        ));
    }
    if let Some((value, _)) = offset
        && !value.is_finite()
    {
        return Err(format!(
            "add_offset is {value}: the stored values cannot be unpacked"
        ));
    }
    let single = |value: f64| value as f32;
    Ok(match (scale, offset) {
        (Some((s, s_type)), Some((o, o_type))) if s != 1.0 || o != 0.0 => {
            let product = promote(stored, s_type);
            match (product, promote(product, o_type)) {
                (Precision::Single, Precision::Single) => Packing::Both32(single(s), single(o)),
                (Precision::Single, _) => Packing::Both32Then64(single(s), o),
                _ => Packing::Both64(s, o),
            }
        }
        (Some((_, Precision::Double)), Some(_)) => Packing::Widen,
        (Some((_, Precision::Single)), Some(_))
            if matches!(stored, Precision::Large | Precision::Double) =>
        {
            Packing::Narrow
        }
        (Some((s, s_type)), None) if s != 1.0 => match promote(stored, s_type) {
            Precision::Single => Packing::Scale32(single(s)),
            _ => Packing::Scale64(s),
        },
        (None, Some((o, o_type))) if o != 0.0 => match promote(stored, o_type) {
            Precision::Single => Packing::Offset32(single(o)),
            _ => Packing::Offset64(o),
        },
        _ => Packing::None,
    })
}

fn packing_attribute(
    attributes: &Attributes,
    name: &str,
) -> std::result::Result<Option<(f64, Precision)>, String> {
    let Some((_, value)) = attributes.iter().find(|(key, _)| key == name) else {
        return Ok(None);
    };
    let precision = match value {
        AttributeValue::I8(_)
        | AttributeValue::U8(_)
        | AttributeValue::I16(_)
        | AttributeValue::U16(_) => Precision::Small,
        AttributeValue::F32(_) => Precision::Single,
        AttributeValue::F64(_) => Precision::Double,
        AttributeValue::Text(text) => {
            return match text.trim().parse::<f64>() {
                Ok(value) => Ok(Some((value, Precision::Double))),
                Err(_) => Err(format!("{name} is {text:?}, not a number")),
            };
        }
        AttributeValue::Texts(_) => return Err(format!("{name} is text, not a number")),
        _ => Precision::Large,
    };
    match attributes::numbers(value).as_deref() {
        Some([number]) => Ok(Some((number.as_f64(), precision))),
        Some(several) => Err(format!(
            "{name} has {} values where one is expected",
            several.len()
        )),
        None => Err(format!("{name} is text, not a number")),
    }
}

/// The default fill values of the netCDF library (netcdf.h, NC_FILL_*).
const DEFAULT_FILL_FLOAT: f32 = 9.969_21e36;

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
    let limit = limits(attributes, |number| {
        let value = match number {
            Number::Integer(value) => value,
            Number::Float(value) if value.fract() == 0.0 && value.abs() < 1e20 => value as i128,
            Number::Float(_) => return None,
        };
        (least..=most).contains(&value).then(|| view(value))
    });
    let mut limit = limit;
    if let (None, Some(fill)) = (limit.1, default_fill(dtype))
        && !unsigned
    {
        limit.0.missing.push(fill);
    }
    limit.0.missing.dedup();
    limit.0
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

fn reinterpret<T, U>(data: Vec<T>, cast: impl Fn(T) -> U) -> Vec<U> {
    data.into_iter().map(cast).collect()
}

/// A stored type.
trait Stored: Copy + PartialOrd {
    const LOWEST: Self;
    const HIGHEST: Self;
    /// Whether single precision holds every value.
    const FITS_F32: bool;
    fn to_f32(self) -> f32;
    fn to_f64(self) -> f64;
    fn from_integer(value: i128) -> Self;
    fn from_float(value: f64) -> Self;
}

macro_rules! stored {
    ($($type:ty: $fits:expr),*) => {$(
        impl Stored for $type {
            const LOWEST: Self = <$type>::MIN;
            const HIGHEST: Self = <$type>::MAX;
            const FITS_F32: bool = $fits;
            #[inline]
            fn to_f32(self) -> f32 { self as f32 }
            #[inline]
            fn to_f64(self) -> f64 { self as f64 }
            fn from_integer(value: i128) -> Self { value as $type }
            fn from_float(value: f64) -> Self { value as $type }
        }
    )*};
}
stored!(i8: true, u8: true, i16: true, u16: true, i32: false, u32: false, i64: false, u64: false, f32: true, f64: false);

/// A result type.
trait Float: Copy + PartialOrd {
    const NAN: Self;
    fn is_finite(self) -> bool;
}

impl Float for f32 {
    const NAN: f32 = f32::NAN;
    #[inline]
    fn is_finite(self) -> bool {
        f32::is_finite(self)
    }
}

impl Float for f64 {
    const NAN: f64 = f64::NAN;
    #[inline]
    fn is_finite(self) -> bool {
        f64::is_finite(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variable(dtype: DataType, attributes: Vec<(&str, AttributeValue)>) -> Variable {
        Variable {
            path: "/v".into(),
            dtype,
            dims: vec![],
            shape: vec![],
            attributes: attributes
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
            chunk_shape: None,
        }
    }

    fn decoded(dtype: DataType, attributes: Vec<(&str, AttributeValue)>, stored: Array) -> Values {
        Decoder::new(&variable(dtype, attributes), "a.nc")
            .expect("decodable")
            .decode(stored, None)
    }

    /// Bits, so that NaN equals NaN and the type counts.
    fn bits(values: &Values) -> (bool, Vec<u64>) {
        match values {
            Values::F32(v) => (
                true,
                v.iter()
                    .map(|v| {
                        if v.is_nan() {
                            u64::MAX
                        } else {
                            v.to_bits().into()
                        }
                    })
                    .collect(),
            ),
            Values::F64(v) => (
                false,
                v.iter()
                    .map(|v| if v.is_nan() { u64::MAX } else { v.to_bits() })
                    .collect(),
            ),
        }
    }

    fn assert_same(found: &Values, expected: &Values) {
        assert_eq!(bits(found), bits(expected), "{found:?} is not {expected:?}");
    }

    const NAN32: f32 = f32::NAN;

    #[test]
    fn plain_floats_lose_fill_range_nan_and_infinity() {
        let attributes = vec![
            ("_FillValue", AttributeValue::F32(vec![-32767.0])),
            ("valid_min", AttributeValue::F32(vec![0.001])),
            ("valid_max", AttributeValue::F32(vec![100.0])),
        ];
        let stored = vec![
            0.001,
            100.0,
            100.1,
            -999.0,
            -32767.0,
            NAN32,
            f32::INFINITY,
            5.0,
        ];
        let expected = vec![0.001, 100.0, NAN32, NAN32, NAN32, NAN32, NAN32, 5.0];
        assert_same(
            &decoded(DataType::F32, attributes, Array::F32(stored)),
            &Values::F32(expected),
        );
    }

    #[test]
    fn the_default_fill_value_counts_only_without_an_own_one() {
        let default = 9.969_21e36_f32;
        let stored = || Array::F32(vec![default, 1.0]);
        assert_same(
            &decoded(DataType::F32, vec![], stored()),
            &Values::F32(vec![NAN32, 1.0]),
        );
        let own = vec![("_FillValue", AttributeValue::F32(vec![-1.0]))];
        assert_same(
            &decoded(DataType::F32, own, stored()),
            &Values::F32(vec![default, 1.0]),
        );
        let bytes = decoded(DataType::U8, vec![], Array::U8(vec![255, 254]));
        assert_same(&bytes, &Values::F32(vec![NAN32, 254.0]));
        let large = decoded(
            DataType::I64,
            vec![],
            Array::I64(vec![-9_223_372_036_854_775_806, 7]),
        );
        assert_same(&large, &Values::F64(vec![f64::NAN, 7.0]));
    }

    #[test]
    fn limits_that_the_type_cannot_hold_are_no_limits() {
        // numpy: 0.001 in double precision is not a float32; 40000 is not an int16; text is no number.
        let float = vec![
            ("valid_min", AttributeValue::F64(vec![0.001])),
            ("_FillValue", AttributeValue::Text("-1".into())),
        ];
        assert_same(
            &decoded(DataType::F32, float, Array::F32(vec![-1.0])),
            &Values::F32(vec![-1.0]),
        );
        let integer = vec![
            ("valid_max", AttributeValue::I32(vec![40_000])),
            ("valid_min", AttributeValue::F64(vec![0.5])),
        ];
        assert_same(
            &decoded(DataType::I16, integer, Array::I16(vec![-3])),
            &Values::F32(vec![-3.0]),
        );
        // A valid_range of three is none, and does not hide valid_min.
        let three = vec![
            ("valid_range", AttributeValue::I16(vec![0, 1, 2])),
            ("valid_min", AttributeValue::I16(vec![1])),
        ];
        assert_same(
            &decoded(DataType::I16, three, Array::I16(vec![0, 9])),
            &Values::F32(vec![NAN32, 9.0]),
        );
    }

    #[test]
    fn every_missing_value_is_missing() {
        let attributes = vec![
            ("missing_value", AttributeValue::I16(vec![-9999, -999])),
            ("_FillValue", AttributeValue::I16(vec![-32767])),
        ];
        let stored = Array::I16(vec![-9999, -999, -32767, -32768, 3]);
        assert_same(
            &decoded(DataType::I16, attributes, stored),
            &Values::F32(vec![NAN32, NAN32, NAN32, -32768.0, 3.0]),
        );
    }

    /// Oracle: numpy 2, `np.int16(v) * scale + offset` and so on.
    #[test]
    fn packing_follows_numpy_types() {
        let scaled = |dtype, scale, offset, stored| {
            decoded(
                dtype,
                vec![("scale_factor", scale), ("add_offset", offset)],
                stored,
            )
        };
        use AttributeValue::{F32, F64};
        let rrs = scaled(
            DataType::I16,
            F32(vec![2e-6]),
            F32(vec![0.05]),
            Array::I16(vec![-24_321]),
        );
        assert_same(&rrs, &Values::F32(vec![-24_321.0_f32 * 2e-6 + 0.05]));
        let aerosol = scaled(
            DataType::I16,
            F64(vec![0.001]),
            F64(vec![0.0]),
            Array::I16(vec![1234]),
        );
        assert_same(&aerosol, &Values::F64(vec![1.234]));
        let wide = scaled(
            DataType::I32,
            F32(vec![0.1]),
            F32(vec![0.0]),
            Array::I32(vec![3]),
        );
        assert_same(&wide, &Values::F64(vec![3.0 * f64::from(0.1_f32)]));
        let mixed = scaled(
            DataType::I16,
            F32(vec![0.1]),
            F64(vec![0.1]),
            Array::I16(vec![3]),
        );
        assert_same(
            &mixed,
            &Values::F64(vec![f64::from(3.0_f32 * 0.1_f32) + 0.1]),
        );
        let unit = scaled(
            DataType::F32,
            F64(vec![1.0]),
            F64(vec![0.0]),
            Array::F32(vec![0.1]),
        );
        assert_same(&unit, &Values::F64(vec![f64::from(0.1_f32)]));
        let narrow = scaled(
            DataType::I32,
            F32(vec![1.0]),
            F32(vec![0.0]),
            Array::I32(vec![16_777_217]),
        );
        assert_same(&narrow, &Values::F32(vec![16_777_216.0]));
        let only = decoded(
            DataType::U8,
            vec![("scale_factor", F32(vec![0.01]))],
            Array::U8(vec![50]),
        );
        assert_same(&only, &Values::F32(vec![50.0 * 0.01_f32]));
        let offset = decoded(
            DataType::I16,
            vec![("add_offset", F64(vec![0.5]))],
            Array::I16(vec![1]),
        );
        assert_same(&offset, &Values::F64(vec![1.5]));
        let text = decoded(
            DataType::I16,
            vec![("scale_factor", AttributeValue::Text("0.5".into()))],
            Array::I16(vec![3]),
        );
        assert_same(&text, &Values::F64(vec![1.5]));
    }

    #[test]
    fn unsigned_applies_to_values_and_attributes() {
        let attributes = || {
            vec![
                ("_Unsigned", AttributeValue::Text("true".into())),
                ("_FillValue", AttributeValue::I8(vec![-1])),
                ("valid_min", AttributeValue::I8(vec![1])),
                ("valid_max", AttributeValue::I8(vec![-2])),
            ]
        };
        let stored = Array::I8(vec![-1, -2, 0, 127, -128]);
        assert_same(
            &decoded(DataType::I8, attributes(), stored),
            &Values::F32(vec![NAN32, 254.0, NAN32, 127.0, 128.0]),
        );
        let decoder =
            Decoder::new(&variable(DataType::I8, attributes()), "a.nc").expect("decodable");
        assert_eq!(decoder.valid_range(), Some((1.0, 254.0)));
    }

    #[test]
    fn the_callers_range_takes_the_place_of_the_files() {
        let attributes = vec![
            ("valid_min", AttributeValue::F32(vec![0.0])),
            ("valid_max", AttributeValue::F32(vec![1.0])),
            ("_FillValue", AttributeValue::F32(vec![-1.0])),
        ];
        let decoder =
            Decoder::new(&variable(DataType::F32, attributes), "a.nc").expect("decodable");
        let stored = || Array::F32(vec![-2.0, -1.0, 0.1, 2.0, 3.0]);
        assert_same(
            &decoder.decode(stored(), Some((0.1, 2.0))),
            &Values::F32(vec![NAN32, NAN32, 0.1, 2.0, NAN32]),
        );
        let all = Some((f64::NEG_INFINITY, f64::INFINITY));
        assert_same(
            &decoder.decode(stored(), all),
            &Values::F32(vec![-2.0, NAN32, 0.1, 2.0, 3.0]),
        );
    }

    #[test]
    fn valid_ranges_are_unpacked_and_turned_by_a_negative_factor() {
        let range = |scale: f64, low: Option<i16>, high: Option<i16>| {
            let mut attributes = vec![("scale_factor", AttributeValue::F64(vec![scale]))];
            attributes.extend(low.map(|v| ("valid_min", AttributeValue::I16(vec![v]))));
            attributes.extend(high.map(|v| ("valid_max", AttributeValue::I16(vec![v]))));
            Decoder::new(&variable(DataType::I16, attributes), "a.nc")
                .expect("decodable")
                .valid_range()
        };
        assert_eq!(range(0.5, Some(-2), Some(8)), Some((-1.0, 4.0)));
        assert_eq!(range(-0.5, Some(-2), Some(8)), Some((-4.0, 1.0)));
        assert_eq!(range(-0.5, Some(-2), None), Some((f64::NEG_INFINITY, 1.0)));
        assert_eq!(range(0.5, None, Some(8)), Some((f64::NEG_INFINITY, 4.0)));
        assert_eq!(range(0.5, None, None), None);
    }

    #[test]
    fn senseless_packing_is_refused() {
        let refused = |attribute: AttributeValue| {
            let variable = variable(DataType::I16, vec![("scale_factor", attribute)]);
            Decoder::new(&variable, "a.nc")
                .expect_err("refused")
                .to_string()
        };
        assert!(refused(AttributeValue::F32(vec![0.0])).contains("scale_factor is 0"));
        assert!(refused(AttributeValue::F64(vec![f64::NAN])).contains("NaN"));
        assert!(refused(AttributeValue::F64(vec![1.0, 2.0])).contains("2 values"));
        assert!(refused(AttributeValue::Text("big".into())).contains("\"big\""));
        let text = variable(DataType::Text, vec![]);
        assert!(Decoder::new(&text, "a.nc").is_err());
    }
}
