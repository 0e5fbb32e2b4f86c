//! Attributes of an object: in its header, or beside it where one is too large for that.

use super::bytes::{Bytes, UNDEFINED};
use super::checksum::checksum;
use super::datatype::{self, Encoded};
use super::heap::Heap;
use super::messages::{self, ATTRIBUTE, ATTRIBUTE_INFO, MAX_MESSAGE, Message};
use super::objects::{Attribute, Value};

/// Messages for the header, and what follows the header in the file.
pub(super) struct Stored {
    pub(super) messages: Vec<Message>,
    pub(super) beside: Bytes,
}

/// Encodes the attributes of an object. `objects` are the addresses of all headers, `beside` that of
/// what follows this one's.
pub(super) fn encode(
    attributes: &[Attribute<'_>],
    heap: &mut Heap<'_>,
    objects: &[u64],
    beside: u64,
) -> Stored {
    let count = attributes.len();
    let bodies: Vec<Bytes> = attributes
        .iter()
        .map(|a| message(a, heap, objects))
        .collect();
    // They are all in the header, or none is.
    if bodies.iter().all(|body| body.len() <= MAX_MESSAGE) {
        let info = messages::attribute_info(count, UNDEFINED, UNDEFINED, UNDEFINED);
        let mut messages = vec![Message::new(ATTRIBUTE_INFO, info)];
        messages.extend(bodies.into_iter().enumerate().map(|(i, body)| Message {
            kind: ATTRIBUTE,
            body,
            order: i as u16,
        }));
        return Stored {
            messages,
            beside: Bytes::new(),
        };
    }
    let names: Vec<&str> = attributes.iter().map(|a| a.name).collect();
    let (info, beside) = dense(&names, &bodies, beside);
    Stored {
        messages: vec![Message::new(ATTRIBUTE_INFO, info)],
        beside,
    }
}

/// Attribute message, version 3.
fn message(attribute: &Attribute<'_>, heap: &mut Heap<'_>, objects: &[u64]) -> Bytes {
    let at = |object: usize| objects.get(object).copied().unwrap_or(0);
    let Encoded { dtype, count, data } = match &attribute.value {
        Value::Plain(value) => datatype::encode(value, heap),
        Value::Identifier(id) => {
            let mut plain = datatype::encode(&crate::dataset::AttributeValue::I32(vec![*id]), heap);
            plain.count = None;
            plain
        }
        Value::Scales(scales) => Encoded {
            dtype: datatype::reference_lists(),
            count: Some(scales.len()),
            data: scales.iter().flat_map(|&s| heap.address(at(s))).collect(),
        },
        Value::Uses(uses) => {
            let mut data = Bytes::new();
            for &(object, position) in uses {
                data.u64(at(object)).u32(position as u32).u32(0);
            }
            Encoded {
                dtype: datatype::uses(),
                count: Some(uses.len()),
                data: data.0,
            }
        }
    };
    let shape = count.map(|n| [n]);
    let space = match &shape {
        Some([0]) => messages::dataspace(Some(&[])),
        Some(shape) => messages::dataspace(Some(shape)),
        None => messages::dataspace(None),
    };
    let mut out = Bytes::new();
    out.u8(3).u8(0).u16(attribute.name.len() as u16 + 1);
    out.u16(dtype.len() as u16).u16(space.len() as u16);
    out.u8(u8::from(!attribute.name.is_ascii()));
    out.raw(attribute.name.as_bytes()).u8(0);
    out.raw(&dtype.0).raw(&space.0).raw(&data);
    out
}

/// Attributes as "huge" objects of a fractal heap, which lie in the file as they are; the heap has no
/// blocks of its own. Three indexes find them: by the heap's numbers, by name, by order.
fn dense(names: &[&str], bodies: &[Bytes], start: u64) -> (Bytes, Bytes) {
    const HEAP_BYTES: usize = 146;
    let count = bodies.len();
    let mut out = Bytes::new();
    out.zeros(HEAP_BYTES).align();
    // Numbers in the heap begin with one.
    let id = |i: usize| {
        let mut id = (i as u64 + 1) << 8;
        id |= 0x10;
        id
    };

    let mut by_number = Vec::with_capacity(count);
    for (i, body) in bodies.iter().enumerate() {
        let mut record = Bytes::new();
        record
            .u64(start + out.len() as u64)
            .u64(body.len() as u64)
            .u64(i as u64 + 1);
        by_number.push(record);
        out.raw(&body.0).align();
    }
    let mut named: Vec<(u32, usize)> = names
        .iter()
        .enumerate()
        .map(|(i, name)| (checksum(name.as_bytes()), i))
        .collect();
    // Equal hashes are in order of names.
    named.sort_by_key(|&(hash, i)| (hash, names[i]));
    let by_name = named.iter().map(|&(hash, i)| {
        let mut record = Bytes::new();
        record.u64(id(i)).u8(0).u32(i as u32).u32(hash);
        record
    });
    let by_order = (0..count).map(|i| {
        let mut record = Bytes::new();
        record.u64(id(i)).u8(0).u32(i as u32);
        record
    });
    let mut tree = |kind, records: Vec<Bytes>| {
        let address = start + out.len() as u64;
        let tree = one_leaf_tree(kind, &records, address);
        out.raw(&tree.0).align();
        address
    };
    let numbers = tree(1, by_number);
    let name_tree = tree(8, by_name.collect());
    let order_tree = tree(9, by_order.collect());

    let total = bodies.iter().map(|b| b.len() as u64).sum();
    let heap = heap_header(numbers, count as u64, total);
    out.0[..heap.len()].copy_from_slice(&heap.0);
    (
        messages::attribute_info(count, start, name_tree, order_tree),
        out,
    )
}

/// Header of a fractal heap of huge objects alone, with the block sizes that HDF5 itself has for
/// attributes.
fn heap_header(numbers: u64, objects: u64, bytes: u64) -> Bytes {
    let mut out = Bytes::new();
    out.raw(b"FRHP").u8(0);
    // Bytes of an object's number, no filters, checksums.
    out.u16(8).u16(0).u8(2);
    // Largest object in blocks; last number given; index of numbers.
    out.u32(4096).u64(objects).u64(numbers);
    // Free space in blocks and its manager; space of blocks, allocated, next block, objects in them.
    out.u64(0).u64(UNDEFINED).u64(0).u64(0).u64(0).u64(0);
    // Huge objects, tiny objects: bytes and number.
    out.u64(bytes).u64(objects).u64(0).u64(0);
    // Columns of blocks, first and largest block, bits of an offset, rows at the start, root, rows.
    out.u16(4).u64(1024).u64(65_536).u16(40).u16(1);
    out.u64(UNDEFINED).u16(0).checksum();
    out
}

/// A version 2 B-tree: a header and a single leaf, as large as it must be.
fn one_leaf_tree(kind: u8, records: &[Bytes], address: u64) -> Bytes {
    const HEADER_BYTES: u64 = 38;
    let record = records.first().map_or(0, Bytes::len);
    // Signature, version, kind; records; checksum.
    let node = (10 + record * records.len()).max(512);
    let mut out = Bytes::new();
    out.raw(b"BTHD").u8(0).u8(kind).u32(node as u32);
    // Depth; shares at which nodes are split and merged.
    out.u16(record as u16).u16(0).u8(100).u8(40);
    out.u64(address + HEADER_BYTES).u16(records.len() as u16);
    out.u64(records.len() as u64).checksum();

    let mut leaf = Bytes::new();
    leaf.raw(b"BTLF").u8(0).u8(kind);
    for record in records {
        leaf.raw(&record.0);
    }
    leaf.checksum();
    let used = leaf.len();
    out.raw(&leaf.0).zeros(node - used);
    out
}
