//! The children of an HDF5 group: symbol tables (old), link messages (new), dense links.

use hdf5_reader::Hdf5File;
use hdf5_reader::btree_v1::collect_btree_v1_leaves_storage;
use hdf5_reader::btree_v2::BTreeV2Record;
use hdf5_reader::error::{Error, Result};
use hdf5_reader::io::Cursor;
use hdf5_reader::local_heap::LocalHeap;
use hdf5_reader::messages::HdfMessage;
use hdf5_reader::messages::link::{self, LinkMessage, LinkTarget};
use hdf5_reader::messages::link_info::LinkInfoMessage;
use hdf5_reader::messages::symbol_table_msg::SymbolTableMessage;
use hdf5_reader::object_header::ObjectHeader;
use hdf5_reader::symbol_table::SymbolTableNode;

use super::raw_header;

/// Soft links that may lead to soft links.
const MAX_SOFT_LINK_DEPTH: u32 = 8;

/// Where a link of a group leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Child {
    pub name: String,
    /// Address of the object's header.
    pub address: u64,
}

/// The children of the group at `address`, in creation order where the file tracks it, else by
/// name, as netCDF lists them. Soft links are followed within the file; those that lead nowhere,
/// and links into other files, are left out.
pub(super) fn children(file: &Hdf5File, address: u64) -> Result<Vec<Child>> {
    let mut found = Vec::new();
    for link in links(file, address)? {
        let target = match link.target {
            LinkTarget::Hard { address } => Some(address),
            LinkTarget::Soft { path } => follow(file, address, &path, MAX_SOFT_LINK_DEPTH),
            LinkTarget::External { .. } => None,
        };
        if let Some(address) = target {
            found.push(Child {
                name: link.name,
                address,
            });
        }
    }
    Ok(found)
}

/// Address of the object a soft link's path leads to, if it leads anywhere.
fn follow(file: &Hdf5File, group: u64, path: &str, depth: u32) -> Option<u64> {
    let depth = depth.checked_sub(1)?;
    let mut here = if path.starts_with('/') {
        file.superblock().root_object_header_address().ok()?
    } else {
        group
    };
    let parts = path
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".");
    // Each component costs a listing of its group: as many as a real path has.
    for part in parts.take(32) {
        let link = links(file, here)
            .ok()?
            .into_iter()
            .find(|l| l.name == part)?;
        here = match link.target {
            LinkTarget::Hard { address } => address,
            LinkTarget::Soft { path } => follow(file, here, &path, depth)?,
            LinkTarget::External { .. } => return None,
        };
    }
    Some(here)
}

fn links(file: &Hdf5File, address: u64) -> Result<Vec<LinkMessage>> {
    let header: &ObjectHeader = &*raw_header::parsed(file, address)?;
    let mut found = Vec::new();
    for message in &header.messages {
        match message {
            HdfMessage::SymbolTable(table) => symbol_table(file, table, &mut found)?,
            HdfMessage::Link(link) => found.push(link.clone()),
            HdfMessage::LinkInfo(info) => found.extend(dense_links(file, info)?),
            _ => {}
        }
    }
    if found.iter().all(|link| link.creation_order.is_some()) {
        found.sort_by_key(|link| link.creation_order);
    } else {
        found.sort_by(|a, b| a.name.cmp(&b.name));
    }
    Ok(found)
}

fn symbol_table(
    file: &Hdf5File,
    table: &SymbolTableMessage,
    found: &mut Vec<LinkMessage>,
) -> Result<()> {
    let (storage, superblock) = (file.storage(), file.superblock());
    let (offset_size, length_size) = (superblock.offset_size, superblock.length_size);
    let heap = LocalHeap::parse_at_storage(storage, table.heap_address, offset_size, length_size)?;
    let leaves = collect_btree_v1_leaves_storage(
        storage,
        table.btree_address,
        offset_size,
        length_size,
        None,
        &[],
        None,
    )?;
    let mut names = None;
    for (_, node) in leaves {
        let prefix = storage.read_range(node, 8)?;
        let count = u16::from_le_bytes([prefix[6], prefix[7]]);
        let entry = 2 * usize::from(offset_size) + 24;
        let bytes = storage.read_range(node, 8 + usize::from(count) * entry)?;
        let node = SymbolTableNode::parse(&mut Cursor::new(&bytes), offset_size, length_size)?;
        for entry in node.entries {
            let names = match &names {
                Some(names) => names,
                None => names.insert(storage.read_range(
                    heap.data_segment_address,
                    usize::try_from(heap.data_segment_size).unwrap_or(usize::MAX),
                )?),
            };
            let target = if entry.cache_type == 2 {
                // A soft link keeps the heap offset of its path in the scratch pad.
                let scratch = &entry.scratch;
                let offset = u32::from_le_bytes([scratch[0], scratch[1], scratch[2], scratch[3]]);
                LinkTarget::Soft {
                    path: heap_text(names, u64::from(offset))?,
                }
            } else {
                LinkTarget::Hard {
                    address: entry.object_header_address,
                }
            };
            found.push(LinkMessage {
                name: heap_text(names, entry.link_name_offset)?,
                target,
                creation_order: None,
            });
        }
    }
    Ok(())
}

fn heap_text(names: &[u8], offset: u64) -> Result<String> {
    let bytes = usize::try_from(offset)
        .ok()
        .and_then(|start| names.get(start..))
        .ok_or(Error::OffsetOutOfBounds(offset))?;
    let end = bytes
        .iter()
        .position(|&b| b == 0)
        .ok_or_else(|| Error::InvalidData("a link's name in the local heap has no end".into()))?;
    Ok(String::from_utf8_lossy(&bytes[..end]).into_owned())
}

fn dense_links(file: &Hdf5File, info: &LinkInfoMessage) -> Result<Vec<LinkMessage>> {
    let links = |records: Vec<BTreeV2Record>| {
        let links = records.into_iter().filter_map(|record| match record {
            BTreeV2Record::LinkNameHash { heap_id, .. }
            | BTreeV2Record::CreationOrder { heap_id, .. } => Some(heap_id),
            _ => None,
        });
        links.collect()
    };
    super::dense::messages(
        file,
        info.fractal_heap_address,
        info.btree_name_index_address,
        links,
        link::parse,
    )
}
