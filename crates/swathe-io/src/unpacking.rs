//! Stored numbers as those they stand for: CF conventions, sections 2.5.1 (missing data) and 8.1 (packed data).

use crate::dataset::{DataType, Dataset, Variable, Workers};
use crate::error::Result;
use rayon::prelude::*;
use std::cell::Cell;
use std::ops::Range;

/// Elements that a thread works on at a time, where it need not be whole chunks.
const BLOCK: usize = 1 << 16;
/// The most memory that a thread keeps for the next block.
const KEPT: usize = (16 << 20) / size_of::<u64>();

thread_local! {
    /// What a thread reads stored numbers into that have another type than the result.
    static STORED: Cell<Vec<u64>> = const { Cell::new(Vec::new()) };
}

/// What stored numbers stand for: `stored * scale + offset`, rounded after each step in the precision of the
/// result, and NaN where what is stored is one of the fills. This is what xarray makes of `_FillValue`,
/// `missing_value`, `scale_factor` and `add_offset`, in one pass, and in place where the type stays. Granules are unpacked
/// by other rules ([`crate::granule`]): limits count there, and each step is rounded as netCDF4's Python does it.
#[derive(Debug, Clone, PartialEq)]
pub struct Unpacking {
    /// Stored numbers that mean "missing".
    pub fills: Vec<f64>,
    /// Factor, if there is one.
    pub scale: Option<f64>,
    /// What is added, if anything.
    pub offset: Option<f64>,
}

/// A precision of results: `f32` or `f64`.
pub trait Real:
    bytemuck::Pod + PartialEq + Send + Sync + std::ops::MulAssign + std::ops::AddAssign
{
    /// Its name as a stored type.
    const DTYPE: DataType;
    /// Not a number.
    const NAN: Self;
    /// The nearest number of this precision.
    fn of(value: f64) -> Self;
    /// Stored numbers of a type, from their bytes in this machine's order; what is beyond either end is left.
    fn convert(dtype: &DataType, stored: &[u64], out: &mut [Self]);
}

macro_rules! real {
    ($real:ident, $dtype:ident) => {
        impl Real for $real {
            const DTYPE: DataType = DataType::$dtype;
            const NAN: Self = $real::NAN;

            fn of(value: f64) -> Self {
                value as $real
            }

            fn convert(dtype: &DataType, stored: &[u64], out: &mut [Self]) {
                macro_rules! from {
                    ($stored:ty) => {{
                        let stored: &[$stored] = bytemuck::cast_slice(stored);
                        let each = out.iter_mut().zip(stored);
                        each.for_each(|(out, stored)| *out = *stored as $real);
                    }};
                }
                match dtype {
                    DataType::I8 => from!(i8),
                    DataType::U8 => from!(u8),
                    DataType::I16 => from!(i16),
                    DataType::U16 => from!(u16),
                    DataType::I32 => from!(i32),
                    DataType::U32 => from!(u32),
                    DataType::I64 => from!(i64),
                    DataType::U64 => from!(u64),
                    DataType::F32 => from!(f32),
                    DataType::F64 => from!(f64),
                    DataType::Text | DataType::Other(_) => {}
                }
            }
        }
    };
}

real!(f32, F32);
real!(f64, F64);

impl Unpacking {
    /// Reads a slab of numbers and writes what they stand for over all of `out`, row-major. The threads of the pool
    /// that the caller is in read bands of storage chunks, and unpack each while it is at hand.
    ///
    /// # Errors
    /// As [`Dataset::read_into`].
    pub fn read_into<T: Real>(
        &self,
        dataset: &Dataset,
        variable: &Variable,
        slab: &[Range<usize>],
        out: &mut [T],
    ) -> Result<()> {
        let mut bands = bands(variable, slab, out);
        match bands.as_mut_slice() {
            [(slab, out)] => self.read_band(dataset, Workers::Pool, variable, slab, out),
            bands => bands.par_iter_mut().try_for_each(|(slab, out)| {
                self.read_band(dataset, Workers::Caller, variable, slab, out)
            }),
        }
    }

    fn read_band<T: Real>(
        &self,
        dataset: &Dataset,
        workers: Workers,
        variable: &Variable,
        slab: &[Range<usize>],
        out: &mut [T],
    ) -> Result<()> {
        if variable.dtype == T::DTYPE {
            dataset.read_by(workers, variable, slab, bytemuck::cast_slice_mut(out))?;
            self.finish(out);
            return Ok(());
        }
        let bytes = out.len() * variable.dtype.size().unwrap_or(0);
        // Taken, not borrowed: while this thread waits for others that decode chunks, it may be given another band.
        let mut stored = STORED.take();
        if stored.len() < bytes.div_ceil(size_of::<u64>()) {
            stored.resize(bytes.div_ceil(size_of::<u64>()), 0);
        }
        let read = bytemuck::cast_slice_mut(&mut stored);
        dataset.read_by(workers, variable, slab, &mut read[..bytes])?;
        T::convert(&variable.dtype, &stored, out);
        if stored.len() <= KEPT {
            STORED.set(stored);
        }
        self.finish(out);
        Ok(())
    }

    fn finish<T: Real>(&self, values: &mut [T]) {
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
            true => block(values),
            false => values.par_chunks_mut(BLOCK).for_each(block),
        }
    }
}

/// A slab cut along its first axis where storage chunks end, with the part of `out` that each piece fills.
fn bands<'o, T>(
    variable: &Variable,
    slab: &[Range<usize>],
    mut out: &'o mut [T],
) -> Vec<(Vec<Range<usize>>, &'o mut [T])> {
    let chunk = variable
        .chunk_shape
        .as_ref()
        .and_then(|shape| shape.first());
    let (Some(&chunk @ 1..), Some(rows)) = (chunk, slab.first()) else {
        return vec![(slab.to_vec(), out)];
    };
    if rows.is_empty() {
        return Vec::new();
    }
    let row = out.len() / rows.len();
    // Chunks of a few rows are taken together.
    let step = chunk * BLOCK.div_ceil((chunk * row).max(1));
    let mut bands = Vec::new();
    let mut from = rows.start;
    while from < rows.end {
        let upto = ((from / step + 1) * step).min(rows.end);
        let (here, rest) = out.split_at_mut((upto - from) * row);
        let mut part = slab.to_vec();
        part[0] = from..upto;
        bands.push((part, here));
        (out, from) = (rest, upto);
    }
    bands
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Array;
    use crate::given::{GivenArrays, GivenVariable};

    /// One variable, `/v`, whose arrays are a long one cut.
    struct Held(Array);

    impl GivenArrays for Held {
        fn read(&self, _: &Variable, slab: &[Range<usize>]) -> std::result::Result<Array, String> {
            match &self.0 {
                Array::I16(v) => Ok(Array::I16(v[slab[0].clone()].to_vec())),
                Array::F32(v) => Ok(Array::F32(v[slab[0].clone()].to_vec())),
                other => Err(format!("{:?}", other.dtype())),
            }
        }
    }

    fn unpacked<T: Real>(unpacking: &Unpacking, stored: Array) -> Vec<T> {
        let mut out = vec![T::of(1e9); stored.len()];
        let given = GivenVariable {
            group: "/".into(),
            name: "v".into(),
            dtype: stored.dtype(),
            dims: vec![("x".into(), stored.len())],
            attributes: Vec::new(),
        };
        let dataset = Dataset::from_arrays("held", Vec::new(), vec![given], Box::new(Held(stored)));
        let variable = dataset.find("/v").unwrap();
        let all = vec![Range {
            start: 0,
            end: out.len(),
        }];
        unpacking
            .read_into(&dataset, variable, &all, &mut out)
            .unwrap();
        out
    }

    fn unpacking() -> Unpacking {
        Unpacking {
            fills: vec![-32767.0, 7.0],
            scale: Some(f64::from(2e-6_f32)),
            offset: Some(f64::from(0.05_f32)),
        }
    }

    #[test]
    fn whole_numbers_are_rounded_after_each_step_in_the_precision_of_the_result() {
        let stored: Vec<i16> = (i16::MIN..i16::MAX).collect();
        let single: Vec<f32> = unpacked(&unpacking(), Array::I16(stored.clone()));
        let double: Vec<f64> = unpacked(&unpacking(), Array::I16(stored.clone()));
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
        };
        let values = vec![-0.0_f32, 1.5, -32767.0, f32::INFINITY];
        let found: Vec<f32> = unpacked(&nothing, Array::F32(values));
        // A product by one or a sum with zero would have changed the sign of the first.
        assert!(found[0] == 0.0 && found[0].is_sign_negative());
        assert_eq!(found[1], 1.5);
        assert!(found[2].is_nan() && found[3] == f32::INFINITY);
    }

    #[test]
    fn bands_are_whole_chunks_and_all_of_the_slab() {
        let variable = Variable {
            path: "/v".into(),
            dtype: DataType::I16,
            dims: vec!["line".into(), "pixel".into()],
            shape: vec![1000, 1000],
            attributes: Vec::new(),
            chunk_shape: Some(vec![32, 100]),
        };
        let slab = [10..1000, 0..1000];
        let mut out = vec![0.0_f32; 990 * 1000];
        let bands = bands(&variable, &slab, &mut out);
        let mut at = 10;
        for (part, out) in &bands {
            assert_eq!(part[0].start, at);
            assert_eq!(part[1], slab[1]);
            assert_eq!(out.len(), part[0].len() * 1000);
            // Three rows of chunks make a block.
            assert!(part[0].end % 96 == 0 || part[0].end == 1000);
            at = part[0].end;
        }
        assert_eq!((bands.len(), at), (11, 1000));
    }
}
