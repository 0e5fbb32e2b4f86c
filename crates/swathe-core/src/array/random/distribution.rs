//! Distributions that arrays are drawn from, bit for bit as numpy's `Generator` draws them.

use super::bits::Bits;
use super::pcg64::Pcg64;
use super::ziggurat;
use crate::array::buffer::Buffer;
use crate::array::dtype::DType;
use crate::array::error::ArrayError;

/// What is drawn.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub enum Distribution {
    /// Uniform in [0, 1).
    Random,
    /// Normal.
    Normal {
        /// Mean.
        loc: f64,
        /// Standard deviation.
        scale: f64,
    },
    /// Uniform in [low, low + range).
    Uniform {
        /// Lower end.
        low: f64,
        /// Width.
        range: f64,
    },
    /// Exponential.
    Exponential {
        /// Mean.
        scale: f64,
    },
    /// Lognormal; `exp` is the system's, as in numpy.
    Lognormal {
        /// Mean of the logarithm.
        mean: f64,
        /// Standard deviation of the logarithm.
        sigma: f64,
    },
    /// Whole numbers, all as likely.
    Integers {
        /// Least, as the bits of a 64-bit integer.
        low: u64,
        /// Greatest less least.
        span: u64,
        /// Their type: an integer or bool.
        dtype: DType,
    },
}

/// Bits of a draw of 32 that are left for small integers.
#[derive(Debug, Clone, Copy, Default, serde::Serialize, serde::Deserialize)]
pub struct Leftover {
    bits: u32,
    count: u32,
}

impl Distribution {
    /// A normal distribution.
    ///
    /// # Errors
    /// A scale below zero or NaN.
    pub fn normal(loc: f64, scale: f64) -> Result<Self, ArrayError> {
        not_negative("scale", scale)?;
        Ok(Distribution::Normal { loc, scale })
    }

    /// A uniform distribution in [low, high).
    ///
    /// # Errors
    /// A width that is negative or not finite.
    pub fn uniform(low: f64, high: f64) -> Result<Self, ArrayError> {
        let range = high - low;
        if !range.is_finite() {
            return Err(ArrayError::Value(
                "high - low of uniform is not finite".into(),
            ));
        }
        not_negative("high - low", range)?;
        Ok(Distribution::Uniform { low, range })
    }

    /// An exponential distribution.
    ///
    /// # Errors
    /// A scale below zero or NaN.
    pub fn exponential(scale: f64) -> Result<Self, ArrayError> {
        not_negative("scale", scale)?;
        Ok(Distribution::Exponential { scale })
    }

    /// A lognormal distribution.
    ///
    /// # Errors
    /// A sigma below zero or NaN.
    pub fn lognormal(mean: f64, sigma: f64) -> Result<Self, ArrayError> {
        not_negative("sigma", sigma)?;
        Ok(Distribution::Lognormal { mean, sigma })
    }

    /// Whole numbers from `low` to `high`, the latter only if `endpoint` says so.
    ///
    /// # Errors
    /// No number between them, ends that the type does not hold, or a type of no integers.
    pub fn integers(
        low: i128,
        high: i128,
        endpoint: bool,
        dtype: DType,
    ) -> Result<Self, ArrayError> {
        let Some((least, greatest)) = dtype.integer_range() else {
            return Err(ArrayError::Value(format!(
                "integers are not drawn as {dtype}"
            )));
        };
        let high = if endpoint { high } else { high - 1 };
        let refuse = |what: String| Err(ArrayError::Value(what));
        if low < least {
            return refuse(format!("low = {low} is out of bounds for {dtype}"));
        }
        if high > greatest {
            return refuse(format!(
                "high is out of bounds for {dtype}: up to {high} with low = {low}"
            ));
        }
        if low > high {
            let sign = if endpoint { ">" } else { ">=" };
            return refuse(format!("low {sign} high: there are no integers between"));
        }
        Ok(Distribution::Integers {
            low: low as u64,
            span: (high - low) as u64,
            dtype,
        })
    }

    /// The type of what is drawn.
    pub fn dtype(&self) -> DType {
        match self {
            Distribution::Integers { dtype, .. } => *dtype,
            _ => DType::F64,
        }
    }

    /// numpy's name.
    pub fn name(&self) -> &'static str {
        match self {
            Distribution::Random => "random",
            Distribution::Normal { .. } => "normal",
            Distribution::Uniform { .. } => "uniform",
            Distribution::Exponential { .. } => "exponential",
            Distribution::Lognormal { .. } => "lognormal",
            Distribution::Integers { .. } => "integers",
        }
    }

    /// How many draws of 64 bits a number takes, if all take as many.
    pub fn draws(&self) -> Option<u128> {
        match self {
            Distribution::Random | Distribution::Uniform { .. } => Some(1),
            _ => None,
        }
    }

    /// Draws so many numbers from a stream.
    pub fn draw(&self, bits: &mut impl Bits, left: &mut Leftover, count: usize) -> Buffer {
        match *self {
            Distribution::Integers { low, span, dtype } => {
                integers(bits, left, count, low, span, dtype)
            }
            _ => {
                let mut numbers = vec![0.0; count];
                self.floats(&mut numbers, bits);
                Buffer::F64(numbers)
            }
        }
    }

    /// Fills a buffer with floating point numbers from a generator; integers are not drawn.
    pub fn fill(&self, generator: &mut Pcg64, out: &mut [f64]) {
        self.floats(out, generator);
    }

    fn floats(&self, out: &mut [f64], bits: &mut impl Bits) {
        match *self {
            Distribution::Random => bits.fill(out, |b| b.unit()),
            Distribution::Normal { loc, scale } => {
                bits.fill(out, |b| loc + scale * ziggurat::normal(b));
            }
            Distribution::Uniform { low, range } => bits.fill(out, |b| low + range * b.unit()),
            Distribution::Exponential { scale } => {
                bits.fill(out, |b| scale * ziggurat::exponential(b));
            }
            Distribution::Lognormal { mean, sigma } => {
                bits.fill(out, |b| (mean + sigma * ziggurat::normal(b)).exp());
            }
            Distribution::Integers { .. } => {}
        }
    }
}

#[inline(always)]
fn drawn<T, B: Bits>(count: usize, bits: &mut B, mut one: impl FnMut(&mut B) -> T) -> Vec<T> {
    let number = |_| {
        bits.next_number();
        one(bits)
    };
    (0..count).map(number).collect()
}

fn not_negative(name: &str, value: f64) -> Result<(), ArrayError> {
    match value >= 0.0 {
        true => Ok(()),
        false => Err(ArrayError::Value(format!("{name} = {value} is below 0"))),
    }
}

fn integers(
    bits: &mut impl Bits,
    left: &mut Leftover,
    count: usize,
    low: u64,
    span: u64,
    dtype: DType,
) -> Buffer {
    macro_rules! wide {
        ($variant:ident, $type:ty) => {
            Buffer::$variant(drawn(count, bits, |b| {
                low.wrapping_add(below_64(b, span)) as $type
            }))
        };
    }
    macro_rules! narrow {
        ($variant:ident, $type:ty, $below:ident) => {
            Buffer::$variant(narrow(count, bits, left, |b, left| {
                (low as u32).wrapping_add($below(b, left, span as u32)) as $type
            }))
        };
    }
    match dtype {
        DType::I64 => wide!(I64, i64),
        DType::U64 => wide!(U64, u64),
        DType::I32 => narrow!(I32, i32, below_32),
        DType::U32 => narrow!(U32, u32, below_32),
        DType::I16 => narrow!(I16, i16, below_16),
        DType::U16 => narrow!(U16, u16, below_16),
        DType::I8 => narrow!(I8, i8, below_8),
        DType::U8 => narrow!(U8, u8, below_8),
        DType::Bool | DType::F32 | DType::F64 => {
            Buffer::Bool(narrow(count, bits, left, |b, left| match span {
                0 => low & 1 == 1,
                _ => left.take(b, 1, 1) == 1,
            }))
        }
    }
}

#[inline(always)]
fn narrow<T, B: Bits>(
    count: usize,
    bits: &mut B,
    left: &mut Leftover,
    one: impl Fn(&mut B, &mut Leftover) -> T,
) -> Vec<T> {
    let number = |_| {
        if !bits.next_number() {
            *left = Leftover::default();
        }
        one(bits, left)
    };
    (0..count).map(number).collect()
}

impl Leftover {
    /// The lowest `width` bits of those left; 32 more are drawn when none are.
    #[inline]
    fn take(&mut self, bits: &mut impl Bits, width: u32, mask: u32) -> u32 {
        if self.count == 0 {
            *self = Leftover {
                bits: bits.half_bits(),
                count: 32 / width - 1,
            };
        } else {
            self.bits >>= width;
            self.count -= 1;
        }
        self.bits & mask
    }
}

/// At most `span`, by Lemire's method (2019); from 32 bits where they are enough.
#[inline]
fn below_64(bits: &mut impl Bits, span: u64) -> u64 {
    if let Ok(span) = u32::try_from(span) {
        return below_32(bits, &mut Leftover::default(), span).into();
    }
    let Some(count) = span.checked_add(1) else {
        return bits.bits();
    };
    let mut product = u128::from(bits.bits()) * u128::from(count);
    if (product as u64) < count {
        let least = (u64::MAX - span) % count;
        while (product as u64) < least {
            product = u128::from(bits.bits()) * u128::from(count);
        }
    }
    (product >> 64) as u64
}

#[inline]
fn below_32(bits: &mut impl Bits, _: &mut Leftover, span: u32) -> u32 {
    let Some(count) = span.checked_add(1) else {
        return bits.half_bits();
    };
    if span == 0 {
        return 0;
    }
    let mut product = u64::from(bits.half_bits()) * u64::from(count);
    if (product as u32) < count {
        let least = (u32::MAX - span) % count;
        while (product as u32) < least {
            product = u64::from(bits.half_bits()) * u64::from(count);
        }
    }
    (product >> 32) as u32
}

#[inline]
fn below_16(bits: &mut impl Bits, left: &mut Leftover, span: u32) -> u32 {
    below_narrow(bits, left, span, 16)
}

#[inline]
fn below_8(bits: &mut impl Bits, left: &mut Leftover, span: u32) -> u32 {
    below_narrow(bits, left, span, 8)
}

/// At most `span`, from `width` bits at a time.
#[inline(always)]
fn below_narrow(bits: &mut impl Bits, left: &mut Leftover, span: u32, width: u32) -> u32 {
    let mask = (1 << width) - 1;
    match span {
        0 => return 0,
        _ if span == mask => return left.take(bits, width, mask),
        _ => {}
    }
    let count = span + 1;
    let mut product = left.take(bits, width, mask) * count;
    if product & mask < count {
        let least = (mask - span) % count;
        while product & mask < least {
            product = left.take(bits, width, mask) * count;
        }
    }
    product >> width
}
