//! Little-endian structures in the making.

use super::checksum::checksum;

/// The address of what is not in the file.
pub(super) const UNDEFINED: u64 = u64::MAX;

/// Bytes that are put together.
#[derive(Debug, Clone, Default)]
pub(super) struct Bytes(pub(super) Vec<u8>);

impl Bytes {
    pub(super) fn new() -> Bytes {
        Bytes::default()
    }

    pub(super) fn raw(&mut self, bytes: &[u8]) -> &mut Bytes {
        self.0.extend_from_slice(bytes);
        self
    }

    pub(super) fn u8(&mut self, value: u8) -> &mut Bytes {
        self.raw(&[value])
    }

    pub(super) fn u16(&mut self, value: u16) -> &mut Bytes {
        self.raw(&value.to_le_bytes())
    }

    pub(super) fn u32(&mut self, value: u32) -> &mut Bytes {
        self.raw(&value.to_le_bytes())
    }

    pub(super) fn u64(&mut self, value: u64) -> &mut Bytes {
        self.raw(&value.to_le_bytes())
    }

    pub(super) fn zeros(&mut self, count: usize) -> &mut Bytes {
        self.0.resize(self.0.len() + count, 0);
        self
    }

    /// Zeros up to a multiple of eight bytes.
    pub(super) fn align(&mut self) -> &mut Bytes {
        self.zeros(self.0.len().next_multiple_of(8) - self.0.len())
    }

    /// Checksum of all bytes so far.
    pub(super) fn checksum(&mut self) -> &mut Bytes {
        let sum = checksum(&self.0);
        self.u32(sum)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}
