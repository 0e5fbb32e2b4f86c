//! Which values count: flags by name, valid ranges, and the report of what they took.

mod flags;
mod range;
mod report;

pub use flags::{FlagError, FlagMask, FlagSelection, FlagTable};
pub use range::{InvalidRange, ValidRange};
pub use report::{FlagCounts, FlagReport};

/// Single or double precision values, with NaN for missing ones.
pub trait Real: Copy + Into<f64> + PartialOrd + private::Sealed {
    /// Missing.
    const NAN: Self;
    /// The nearest value of this precision.
    fn from_f64(value: f64) -> Self;
    /// Whether the value is neither NaN nor infinite.
    fn is_finite(self) -> bool;
}

impl Real for f32 {
    const NAN: f32 = f32::NAN;
    #[inline]
    fn from_f64(value: f64) -> f32 {
        value as f32
    }
    #[inline]
    fn is_finite(self) -> bool {
        self.is_finite()
    }
}

impl Real for f64 {
    const NAN: f64 = f64::NAN;
    #[inline]
    fn from_f64(value: f64) -> f64 {
        value
    }
    #[inline]
    fn is_finite(self) -> bool {
        self.is_finite()
    }
}

mod private {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}
