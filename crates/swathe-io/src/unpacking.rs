//! Stored numbers as those they stand for: CF conventions, sections 2.5.1 (missing data) and 8.1 (packed data).

use crate::dataset::Array;
use rayon::prelude::*;

/// Elements that a thread works on at a time.
const BLOCK: usize = 1 << 16;

/// What stored numbers stand for: `stored * scale + offset`, rounded after each step in the precision of the
/// result, and NaN where what is stored is one of the fills. This is what xarray makes of `_FillValue`,
/// `missing_value`, `scale_factor` and `add_offset`, in one pass and in place where the type stays. Granules are unpacked
/// by other rules ([`crate::granule`]): limits count there, and each step is rounded as netCDF4's Python does it.
#[derive(Debug, Clone, PartialEq)]
pub struct Unpacking {
    /// Stored numbers that mean "missing".
    pub fills: Vec<f64>,
    /// Factor, if there is one.
    pub scale: Option<f64>,
    /// What is added, if anything.
    pub offset: Option<f64>,
    /// Whether the result is in double precision.
    pub double: bool,
}

/// A precision to calculate in.
trait Real: Copy + PartialEq + Send + Sync + std::ops::MulAssign + std::ops::AddAssign {
    const NAN: Self;
    fn of(value: f64) -> Self;
}

impl Real for f32 {
    const NAN: Self = f32::NAN;

    fn of(value: f64) -> Self {
        value as f32
    }
}

impl Real for f64 {
    const NAN: Self = f64::NAN;

    fn of(value: f64) -> Self {
        value
    }
}

impl Unpacking {
    /// The numbers that an array stands for; text stays as it is. Large arrays are worked on by the threads of the
    /// pool that the caller is in.
    pub fn unpack(&self, stored: Array) -> Array {
        macro_rules! unpacked {
            ($values:expr) => {
                match self.double {
                    true => Array::F64(self.finish($values.iter().map(|v| *v as f64).collect())),
                    false => Array::F32(self.finish($values.iter().map(|v| *v as f32).collect())),
                }
            };
        }
        match stored {
            Array::F32(values) if !self.double => Array::F32(self.finish(values)),
            Array::F64(values) if self.double => Array::F64(self.finish(values)),
            Array::F32(values) => unpacked!(values),
            Array::F64(values) => unpacked!(values),
            Array::I8(values) => unpacked!(values),
            Array::U8(values) => unpacked!(values),
            Array::I16(values) => unpacked!(values),
            Array::U16(values) => unpacked!(values),
            Array::I32(values) => unpacked!(values),
            Array::U32(values) => unpacked!(values),
            Array::I64(values) => unpacked!(values),
            Array::U64(values) => unpacked!(values),
            Array::Text(texts) => Array::Text(texts),
        }
    }

    fn finish<T: Real>(&self, mut values: Vec<T>) -> Vec<T> {
        let fills: Vec<T> = self.fills.iter().map(|fill| T::of(*fill)).collect();
        let (scale, offset) = (self.scale.map(T::of), self.offset.map(T::of));
        let block = |values: &mut [T]| {
            for fill in &fills {
                for value in values.iter_mut() {
                    *value = if *value == *fill { T::NAN } else { *value };
                }
            }
            if let Some(scale) = scale {
                values.iter_mut().for_each(|value| *value *= scale);
            }
            if let Some(offset) = offset {
                values.iter_mut().for_each(|value| *value += offset);
            }
        };
        match values.len() <= BLOCK {
            true => block(&mut values),
            false => values.par_chunks_mut(BLOCK).for_each(block),
        }
        values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unpacking(double: bool) -> Unpacking {
        Unpacking {
            fills: vec![-32767.0, 7.0],
            scale: Some(f64::from(2e-6_f32)),
            offset: Some(f64::from(0.05_f32)),
            double,
        }
    }

    #[test]
    fn whole_numbers_are_rounded_after_each_step_in_the_precision_of_the_result() {
        let stored: Vec<i16> = (i16::MIN..i16::MAX).collect();
        let Array::F32(single) = unpacking(false).unpack(Array::I16(stored.clone())) else {
            panic!("of single precision");
        };
        let Array::F64(double) = unpacking(true).unpack(Array::I16(stored.clone())) else {
            panic!("of double precision");
        };
        for ((stored, single), double) in stored.into_iter().zip(single).zip(double) {
            if [-32767, 7].contains(&stored) {
                assert!(single.is_nan() && double.is_nan());
                continue;
            }
            let product = f32::from(stored) * 2e-6_f32;
            assert_eq!(single, product + 0.05_f32);
            let product = f64::from(stored) * f64::from(2e-6_f32);
            assert_eq!(double, product + f64::from(0.05_f32));
        }
    }

    #[test]
    fn what_is_not_asked_for_changes_nothing() {
        let nothing = Unpacking {
            fills: vec![-32767.0],
            scale: None,
            offset: None,
            double: false,
        };
        let values = vec![-0.0_f32, 1.5, -32767.0, f32::INFINITY];
        let Array::F32(found) = nothing.unpack(Array::F32(values)) else {
            panic!("of single precision");
        };
        // A product by one or a sum with zero would have changed the sign of the first.
        assert!(found[0] == 0.0 && found[0].is_sign_negative());
        assert_eq!(found[1], 1.5);
        assert!(found[2].is_nan() && found[3] == f32::INFINITY);
        let text = Array::Text(vec!["a".into()]);
        assert_eq!(nothing.unpack(text.clone()), text);
    }
}
