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

mod limits;
mod packing;
mod stored;
#[cfg(test)]
mod tests;

use swathe_core::source::Values;

use super::attributes;
use crate::dataset::{Array, AttributeValue, DataType, Variable};
use crate::error::{Error, Result};
use limits::Limits;
use packing::Packing;
use stored::{Float, Stored};

/// How to decode one variable.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Decoder {
    limits: Limits,
    unsigned: bool,
    packing: Packing,
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
        let Some(limits) = Limits::of(attributes, &variable.dtype, unsigned) else {
            return Err(fail(format!(
                "holds {}, not numbers",
                variable.dtype.name()
            )));
        };
        let packing = Packing::of(attributes, &variable.dtype).map_err(fail)?;
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
        let (low, high) = self.limits.ends();
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
        let (low, high, missing) = self.limits.typed::<T>(own_range);
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
        let (low, high, missing) = self.limits.typed::<T>(own_range);
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

/// Signed integers as the unsigned ones of the same bits.
fn reinterpret<T, U>(data: Vec<T>, cast: impl Fn(T) -> U) -> Vec<U> {
    data.into_iter().map(cast).collect()
}
