//! Columns of numbers stored as their bytes, little-endian: one copy, where an encoder of single numbers
//! would be called a million times.

use serde::de::{Deserializer, Error, Visitor};
use serde::ser::Serializer;
use std::fmt;
use std::marker::PhantomData;

/// A number that is stored as its bytes.
pub trait Number: Copy {
    /// Appends the bytes of all.
    fn put(all: &[Self], bytes: &mut Vec<u8>);
    /// The numbers of these bytes; `None` if they are not a whole number of them.
    fn take(bytes: &[u8]) -> Option<Vec<Self>>;
}

macro_rules! number {
    ($($number:ty),*) => {$(
        impl Number for $number {
            fn put(all: &[Self], bytes: &mut Vec<u8>) {
                bytes.extend(all.iter().flat_map(|number| number.to_le_bytes()));
            }

            fn take(bytes: &[u8]) -> Option<Vec<Self>> {
                let (numbers, rest) = bytes.as_chunks();
                rest.is_empty()
                    .then(|| numbers.iter().map(|number| Self::from_le_bytes(*number)).collect())
            }
        }
    )*};
}

number!(u16, f32, f64);

/// For serde's `with`.
pub fn serialize<T: Number, S: Serializer>(all: &[T], to: S) -> Result<S::Ok, S::Error> {
    let mut bytes = Vec::with_capacity(size_of_val(all));
    T::put(all, &mut bytes);
    to.serialize_bytes(&bytes)
}

/// For serde's `with`.
pub fn deserialize<'de, T: Number, D: Deserializer<'de>>(from: D) -> Result<Vec<T>, D::Error> {
    struct Bytes<T>(PhantomData<T>);
    impl<T: Number> Visitor<'_> for Bytes<T> {
        type Value = Vec<T>;

        fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(to, "the bytes of numbers of {} bytes each", size_of::<T>())
        }

        fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Vec<T>, E> {
            T::take(bytes).ok_or_else(|| E::invalid_length(bytes.len(), &self))
        }
    }
    from.deserialize_bytes(Bytes(PhantomData))
}
