//! The types that values are stored in, and those that they become.

/// A stored type.
pub(super) trait Stored: Copy + PartialOrd {
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
pub(super) trait Float: Copy + PartialOrd {
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
