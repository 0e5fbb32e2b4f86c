//! The global heap: collections of objects of any length, and references to them.

use super::bytes::Bytes;

/// Smallest collection that HDF5 makes.
const MIN_COLLECTION: usize = 4096;
/// A collection takes no more objects beyond this, so that readers that keep whole collections need
/// little memory. One larger object has a collection to itself.
const FULL: usize = 65_536;
/// `GCOL`, version, size.
const PREFIX: usize = 16;
/// Index, references, size of an object.
const OBJECT_PREFIX: usize = 16;

/// Collections that are filled, at addresses known from the same content laid out before; without
/// them (the first time) references are to address zero.
#[derive(Debug)]
pub(super) struct Heap<'a> {
    addresses: &'a [u64],
    collections: Vec<Collection>,
}

#[derive(Debug)]
struct Collection {
    objects: Bytes,
    count: u16,
}

impl<'a> Heap<'a> {
    pub(super) fn new(addresses: &'a [u64]) -> Heap<'a> {
        Heap {
            addresses,
            collections: Vec::new(),
        }
    }

    /// Stores a text and gives the 16 bytes that stand for it.
    pub(super) fn text(&mut self, text: &str) -> [u8; 16] {
        // An empty one has an object too, of no bytes: without it readers see no text at all.
        self.push(text.as_bytes(), text.len() as u32)
    }

    /// Stores a list of one address.
    pub(super) fn address(&mut self, address: u64) -> [u8; 16] {
        self.push(&address.to_le_bytes(), 1)
    }

    fn push(&mut self, bytes: &[u8], elements: u32) -> [u8; 16] {
        let size = OBJECT_PREFIX + bytes.len().next_multiple_of(8);
        let fits = |c: &Collection| c.objects.len() + size <= FULL - PREFIX;
        if !self.collections.last().is_some_and(fits) {
            self.collections.push(Collection {
                objects: Bytes::new(),
                count: 0,
            });
        }
        let collection = self.collections.len() - 1;
        let mut index = 0;
        if let Some(Collection { objects, count }) = self.collections.last_mut() {
            *count += 1;
            index = *count;
            objects.u16(index).u16(1).u32(0).u64(bytes.len() as u64);
            objects.raw(bytes).align();
        }
        let address = self.addresses.get(collection).copied().unwrap_or(0);
        let mut reference = Bytes::new();
        reference.u32(elements).u64(address).u32(index.into());
        let mut out = [0; 16];
        out.copy_from_slice(&reference.0);
        out
    }

    /// The collections' bytes, in order.
    pub(super) fn encode(&self) -> Vec<Bytes> {
        self.collections.iter().map(Collection::encode).collect()
    }
}

impl Collection {
    fn encode(&self) -> Bytes {
        let used = PREFIX + self.objects.len();
        let size = used.max(MIN_COLLECTION);
        let mut out = Bytes::new();
        out.raw(b"GCOL")
            .u32(1)
            .u64(size as u64)
            .raw(&self.objects.0);
        if size - used >= OBJECT_PREFIX {
            // Object zero is the free space, its own prefix included.
            out.u64(0).u64((size - used) as u64);
        }
        out.zeros(size - out.len());
        out
    }
}
