//! Header messages of datasets and groups, and the object header (version 2) that holds them.

use super::bytes::{Bytes, UNDEFINED};

/// Kinds of messages.
pub(super) const DATASPACE: u8 = 0x01;
pub(super) const LINK_INFO: u8 = 0x02;
pub(super) const DATATYPE: u8 = 0x03;
pub(super) const FILL: u8 = 0x05;
pub(super) const LINK: u8 = 0x06;
pub(super) const LAYOUT: u8 = 0x08;
pub(super) const GROUP_INFO: u8 = 0x0a;
pub(super) const FILTERS: u8 = 0x0b;
pub(super) const ATTRIBUTE: u8 = 0x0c;
pub(super) const ATTRIBUTE_INFO: u8 = 0x15;

/// Largest message of a header: its size is a 16-bit number.
pub(super) const MAX_MESSAGE: usize = 65_535;

/// One message.
pub(super) struct Message {
    pub(super) kind: u8,
    pub(super) body: Bytes,
    /// Position among the object's attributes.
    pub(super) order: u16,
}

impl Message {
    pub(super) fn new(kind: u8, body: Bytes) -> Message {
        Message {
            kind,
            body,
            order: 0,
        }
    }
}

/// An object header. Times are not stored, the order of attributes is.
pub(super) fn object_header(messages: &[Message]) -> Bytes {
    const ATTRIBUTE_ORDER_TRACKED_AND_INDEXED: u8 = 0b1100;
    const SIZE_OF_FOUR_BYTES: u8 = 2;
    let mut body = Bytes::new();
    for message in messages {
        // Type, fill value and filters never change.
        let constant = matches!(message.kind, DATATYPE | FILL | FILTERS | GROUP_INFO);
        body.u8(message.kind).u16(message.body.len() as u16);
        body.u8(constant.into()).u16(message.order);
        body.raw(&message.body.0);
    }
    let mut out = Bytes::new();
    out.raw(b"OHDR").u8(2);
    out.u8(ATTRIBUTE_ORDER_TRACKED_AND_INDEXED | SIZE_OF_FOUR_BYTES);
    out.u32(body.len() as u32).raw(&body.0).checksum();
    out
}

/// Lengths of an array; `None` for a scalar. An array of nothing, which has no shape, is `&[]`.
pub(super) fn dataspace(shape: Option<&[usize]>) -> Bytes {
    space(shape, false)
}

/// Lengths of an array that can grow along every dimension.
pub(super) fn growing(shape: &[usize]) -> Bytes {
    space(Some(shape), true)
}

fn space(shape: Option<&[usize]>, grows: bool) -> Bytes {
    let mut out = Bytes::new();
    let (rank, kind) = match shape {
        None => (0, 0),
        Some([]) => (0, 2),
        Some(shape) => (shape.len() as u8, 1),
    };
    out.u8(2).u8(rank).u8(grows.into()).u8(kind);
    for &len in shape.unwrap_or_default() {
        out.u64(len as u64);
    }
    if grows {
        for _ in shape.unwrap_or_default() {
            out.u64(UNDEFINED);
        }
    }
    out
}

/// What elements hold that are not in the file: `value`, or zero.
pub(super) fn fill(value: Option<&[u8]>, chunked: bool) -> Bytes {
    const IF_SET: u8 = 2 << 2;
    const DEFINED: u8 = 1 << 5;
    // Space is taken late, by chunk.
    let allocation = if chunked { 3 } else { 2 };
    let mut out = Bytes::new();
    out.u8(3);
    match value {
        Some(value) => out
            .u8(allocation | IF_SET | DEFINED)
            .u32(value.len() as u32)
            .raw(value),
        None => out.u8(allocation | IF_SET),
    };
    out
}

/// Elements in one piece.
pub(super) fn contiguous(address: u64, bytes: u64) -> Bytes {
    let mut out = Bytes::new();
    out.u8(3).u8(1).u64(address).u64(bytes);
    out
}

/// Elements in chunks, found through a version 1 B-tree.
pub(super) fn chunked(tree: u64, shape: &[usize], element: usize) -> Bytes {
    let mut out = Bytes::new();
    out.u8(3).u8(2).u8(shape.len() as u8 + 1).u64(tree);
    for &len in shape {
        out.u32(len as u32);
    }
    out.u32(element as u32);
    out
}

/// Shuffle and deflate, in this order; `None` if there is neither.
pub(super) fn filters(shuffle: bool, deflate: Option<u8>, element: usize) -> Option<Bytes> {
    const OPTIONAL: u16 = 1;
    let shuffle = shuffle.then_some((2, element as u32));
    let deflate = deflate.map(|level| (1, u32::from(level)));
    let filters: Vec<(u16, u32)> = shuffle.into_iter().chain(deflate).collect();
    let mut out = Bytes::new();
    out.u8(2).u8(filters.len() as u8);
    for (id, parameter) in &filters {
        out.u16(*id).u16(OPTIONAL).u16(1).u32(*parameter);
    }
    (!filters.is_empty()).then_some(out)
}

/// Links are in the group's header, in order of creation.
pub(super) fn link_info(links: usize) -> Bytes {
    let mut out = Bytes::new();
    out.u8(0).u8(0b11).u64(links as u64);
    out.u64(UNDEFINED).u64(UNDEFINED).u64(UNDEFINED);
    out
}

/// Group information without any.
pub(super) fn group_info() -> Bytes {
    let mut out = Bytes::new();
    out.u8(0).u8(0);
    out
}

/// A name for the object whose header is at an address.
pub(super) fn link(name: &str, order: usize, address: u64) -> Bytes {
    const UTF8: u8 = 1 << 4;
    const ORDER: u8 = 1 << 2;
    const LENGTH_OF_TWO_BYTES: u8 = 1;
    let mut out = Bytes::new();
    out.u8(1).u8(UTF8 | ORDER | LENGTH_OF_TWO_BYTES);
    out.u64(order as u64).u8(1).u16(name.len() as u16);
    out.raw(name.as_bytes()).u64(address);
    out
}

/// Where attributes are that are not in the header.
pub(super) fn attribute_info(count: usize, heap: u64, by_name: u64, by_order: u64) -> Bytes {
    let mut out = Bytes::new();
    out.u8(0).u8(0b11).u16(count as u16);
    out.u64(heap).u64(by_name).u64(by_order);
    out
}
