//! The front of a file: superblock, headers, heap of attributes, indexes of chunks. Its size follows
//! from the description alone, so that it can be kept free and written last.

use super::attributes;
use super::bytes::{Bytes, UNDEFINED};
use super::chunk;
use super::chunk_index::{self, ChunkGrid, StoredChunk};
use super::datatype;
use super::description::{FileDescription, Storage};
use super::heap::Heap;
use super::messages::{self, Message};
use super::objects::{self, Object};

const SUPERBLOCK_BYTES: usize = 48;

/// Where the values of a variable are.
#[derive(Debug, Clone)]
pub(super) enum Content {
    /// Address of one piece; `UNDEFINED` while it is not written.
    Piece(u64),
    /// Chunks by number.
    Chunks(std::collections::BTreeMap<usize, StoredChunk>),
}

/// Addresses of all structures of the front.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Addresses {
    /// Headers of the groups, the root first.
    groups: Vec<u64>,
    /// Types of records.
    records: Vec<u64>,
    /// Headers of the datasets.
    objects: Vec<u64>,
    /// What follows each group's header, and each dataset's.
    beside: Vec<u64>,
    /// Collections of the heap.
    heaps: Vec<u64>,
    /// Trees of chunks.
    trees: Vec<u64>,
}

/// Bytes of the front of a file. `end` is the length of the whole file.
pub(super) fn encode(description: &FileDescription, contents: &[Content], end: u64) -> Vec<u8> {
    // No size depends on an address: what is laid out once has its place.
    let (_, addresses) = pass(description, contents, end, &Addresses::default());
    pass(description, contents, end, &addresses).0.0
}

fn pass(
    description: &FileDescription,
    contents: &[Content],
    end: u64,
    known: &Addresses,
) -> (Bytes, Addresses) {
    let objects = objects::objects(description);
    let mut heap = Heap::new(&known.heaps);
    let mut found = Addresses::default();
    let mut out = Bytes::new();
    out.raw(&superblock(end).0);

    let known_at = |list: &[u64], i: usize| list.get(i).copied().unwrap_or(0);
    // The root, then the others.
    for group in 0..=description.groups.len() {
        let place = group.checked_sub(1);
        let attributes = match place.and_then(|place| description.groups.get(place)) {
            Some(group) => objects::plain(&group.attributes).collect(),
            None => objects::root(description),
        };
        let stored = attributes::encode(
            &attributes,
            &mut heap,
            &known.objects,
            known_at(&known.beside, group),
        );
        let links = links(description, &objects, place, known);
        let mut messages = vec![
            Message::new(messages::LINK_INFO, messages::link_info(links.len())),
            Message::new(messages::GROUP_INFO, messages::group_info()),
        ];
        for (i, (name, address)) in links.into_iter().enumerate() {
            messages.push(Message::new(
                messages::LINK,
                messages::link(name, i, address),
            ));
        }
        messages.extend(stored.messages);
        found.groups.push(out.len() as u64);
        out.raw(&messages::object_header(&messages).0).align();
        found.beside.push(out.len() as u64);
        out.raw(&stored.beside.0).align();
    }
    for record in &description.records {
        found.records.push(out.len() as u64);
        let message = Message::new(messages::DATATYPE, datatype::record(record));
        out.raw(&messages::object_header(&[message]).0).align();
    }

    // Trees are needed by the headers before them; their roots depend on the chunks that are there.
    let trees: Vec<(u64, Bytes)> = objects
        .iter()
        .enumerate()
        .map(|(i, object)| tree(object, contents.get(i), known_at(&known.trees, i)))
        .collect();
    for (i, object) in objects.iter().enumerate() {
        let stored = attributes::encode(
            &object.attributes,
            &mut heap,
            &known.objects,
            known_at(&known.beside, description.groups.len() + 1 + i),
        );
        let data = match contents.get(i) {
            Some(Content::Piece(address)) => *address,
            Some(Content::Chunks(_)) => trees[i].0,
            None => UNDEFINED,
        };
        let mut messages = dataset(object, data, description.unlimited);
        messages.extend(stored.messages);
        found.objects.push(out.len() as u64);
        out.raw(&messages::object_header(&messages).0).align();
        found.beside.push(out.len() as u64);
        out.raw(&stored.beside.0).align();
    }
    for collection in heap.encode() {
        found.heaps.push(out.len() as u64);
        out.raw(&collection.0).align();
    }
    for (variable, (_, tree)) in description.variables.iter().zip(&trees) {
        let chunks = description.chunk_count(variable);
        let room = chunk_index::tree_bytes(chunks, variable.dims.len());
        found.trees.push(out.len() as u64);
        out.raw(&tree.0).zeros(room - tree.len()).align();
    }
    (out, found)
}

/// Superblock, version 2. The root group follows it.
fn superblock(end: u64) -> Bytes {
    let mut out = Bytes::new();
    // Version, bytes of addresses and lengths, flags.
    out.raw(b"\x89HDF\r\n\x1a\n").u8(2).u8(8).u8(8).u8(0);
    // First byte, extension, end of file, root group.
    out.u64(0)
        .u64(UNDEFINED)
        .u64(end)
        .u64(SUPERBLOCK_BYTES as u64);
    out.checksum();
    out
}

/// What is in a group (the root if `None`), by name: groups, types, datasets.
fn links<'a>(
    description: &'a FileDescription,
    objects: &[Object<'a>],
    group: Option<usize>,
    known: &Addresses,
) -> Vec<(&'a str, u64)> {
    let at = |list: &[u64], i: usize| list.get(i).copied().unwrap_or(0);
    let groups = description.groups.iter().enumerate();
    let mut links: Vec<(&str, u64)> = groups
        .filter(|(_, inner)| inner.parent == group)
        .map(|(i, inner)| (inner.name.as_str(), at(&known.groups, i + 1)))
        .collect();
    if description.home == group {
        let records = description.records.iter().enumerate();
        links.extend(records.map(|(i, record)| (record.name.as_str(), at(&known.records, i))));
        let objects = objects.iter().enumerate();
        links.extend(objects.map(|(i, object)| (object.name, at(&known.objects, i))));
    }
    links
}

fn tree(object: &Object<'_>, content: Option<&Content>, start: u64) -> (u64, Bytes) {
    let (Storage::Chunked { shape, .. }, Some(Content::Chunks(chunks))) =
        (&*object.storage, content)
    else {
        return (UNDEFINED, Bytes::new());
    };
    let chunks: Vec<(usize, StoredChunk)> = chunks.iter().map(|(n, c)| (*n, *c)).collect();
    let grid = ChunkGrid {
        chunk: shape,
        grid: &chunk::grid(&object.shape, shape),
        element: object.element,
    };
    chunk_index::tree(&chunks, &grid, start)
}

/// Messages of a dataset, without its attributes. `data` is the address of its values or their index.
fn dataset(object: &Object<'_>, data: u64, unlimited: bool) -> Vec<Message> {
    let element = object.element;
    let scalar = object.shape.is_empty();
    let space = match unlimited {
        true => messages::growing(&object.shape),
        false => messages::dataspace((!scalar).then_some(&object.shape)),
    };
    let fill = object
        .fill
        .map(|value| datatype::encode(value, &mut Heap::new(&[])).data);
    let chunked = matches!(*object.storage, Storage::Chunked { .. });
    let mut out = vec![
        Message::new(messages::DATASPACE, space),
        Message::new(messages::DATATYPE, object.dtype.clone()),
        Message::new(messages::FILL, messages::fill(fill.as_deref(), chunked)),
    ];
    match &*object.storage {
        Storage::Contiguous => {
            let bytes = object.shape.iter().product::<usize>() * element;
            let layout = messages::contiguous(data, bytes as u64);
            out.push(Message::new(messages::LAYOUT, layout));
        }
        Storage::Chunked {
            shape,
            shuffle,
            deflate,
        } => {
            let layout = messages::chunked(data, shape, element);
            out.push(Message::new(messages::LAYOUT, layout));
            out.extend(
                messages::filters(*shuffle, *deflate, element)
                    .map(|body| Message::new(messages::FILTERS, body)),
            );
        }
    }
    out
}
