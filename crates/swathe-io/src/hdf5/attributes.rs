//! Attributes of an HDF5 object, compact and dense, and their values.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use hdf5_reader::Datatype;
use hdf5_reader::Hdf5File;
use hdf5_reader::btree_v2::BTreeV2Record;
use hdf5_reader::error::{Error, Result};
use hdf5_reader::global_heap::GlobalHeapCollection;
use hdf5_reader::io::Cursor;
use hdf5_reader::messages::HdfMessage;
use hdf5_reader::messages::attribute::{self, AttributeMessage};
use hdf5_reader::messages::attribute_info::AttributeInfoMessage;
use hdf5_reader::messages::dataspace::DataspaceType;
use hdf5_reader::object_header::ObjectHeader;

use super::element::{Element, Encoding, text};
use crate::dataset::AttributeValue;
use crate::numbers::attribute_numbers;

/// Collections of one file kept parsed; real ones are 4 KiB.
const MAX_HEAP_CACHE_BYTES: usize = 16 << 20;

/// All attribute messages of an object, in creation order where it is tracked.
pub(super) fn messages(file: &Hdf5File, header: &ObjectHeader) -> Result<Vec<AttributeMessage>> {
    let mut found = Vec::new();
    for message in &header.messages {
        match message {
            HdfMessage::Attribute(attribute) => found.push(attribute.clone()),
            HdfMessage::AttributeInfo(info) => found.extend(dense(file, info)?),
            _ => {}
        }
    }
    Ok(found)
}

fn dense(file: &Hdf5File, info: &AttributeInfoMessage) -> Result<Vec<AttributeMessage>> {
    let tracked = info.btree_creation_order_address;
    let tree = tracked
        .filter(|&address| !Cursor::is_undefined_offset(address, file.superblock().offset_size))
        .unwrap_or(info.btree_name_index_address);
    let in_order = |records: Vec<BTreeV2Record>| {
        let mut ordered = Vec::new();
        for record in records {
            match record {
                BTreeV2Record::AttributeNameHash {
                    heap_id,
                    creation_order,
                    ..
                } => ordered.push((creation_order, heap_id)),
                BTreeV2Record::AttributeCreationOrder { heap_id, order } => {
                    ordered.push((order, heap_id));
                }
                _ => {}
            }
        }
        ordered.sort_by_key(|(order, _)| *order);
        ordered.into_iter().map(|(_, id)| id).collect()
    };
    super::dense::messages(
        file,
        info.fractal_heap_address,
        tree,
        in_order,
        attribute::parse,
    )
}

/// Value of an attribute; `None` for types that netCDF has no attribute of (references,
/// compounds, sequences) and for text that cannot be resolved.
pub(super) fn value(
    file: &Hdf5File,
    heaps: &HeapCache,
    message: &AttributeMessage,
    max_bytes: usize,
) -> Result<Option<AttributeValue>> {
    let mut datatype = &message.datatype;
    if let Datatype::Enum { base, .. } = datatype {
        datatype = base;
    }
    let element = Element::new(datatype, file.superblock().offset_size);
    let count = match message.dataspace.dataspace_type {
        DataspaceType::Null => 0,
        _ => message.dataspace.num_elements()?,
    };
    let bytes = usize::try_from(count)
        .ok()
        .and_then(|count| count.checked_mul(element.size))
        .and_then(|len| message.raw_data.get(..len))
        .ok_or_else(|| {
            Error::InvalidData(format!(
                "attribute {:?} declares {count} elements and holds {} bytes",
                message.name,
                message.raw_data.len()
            ))
        })?;
    match element.encoding {
        Encoding::Number(order) => Ok(attribute_numbers(&element.dtype, bytes, order)),
        Encoding::FixedText(padding) => {
            let texts = bytes.chunks_exact(element.size.max(1));
            Ok(Some(text_value(texts.map(|t| text(t, padding)).collect())))
        }
        Encoding::HeapText(padding) => {
            let mut texts = Vec::new();
            let mut total = 0usize;
            for reference in bytes.chunks_exact(element.size) {
                let (heap, index) = match heaps.locate(file, reference)? {
                    Some(found) => found,
                    None => {
                        texts.push(String::new());
                        continue;
                    }
                };
                let stored = heap_object(&heap, index)?;
                total = total.saturating_add(stored.len());
                if total > max_bytes {
                    return Err(Error::ResourceLimit(format!(
                        "the attributes of the file take more than {max_bytes} bytes"
                    )));
                }
                texts.push(text(stored, padding));
            }
            Ok(Some(text_value(texts)))
        }
        Encoding::Opaque => Ok(None),
    }
}

fn text_value(mut texts: Vec<String>) -> AttributeValue {
    match texts.len() {
        0 => AttributeValue::Text(String::new()),
        1 => AttributeValue::Text(texts.swap_remove(0)),
        _ => AttributeValue::Texts(texts),
    }
}

/// Parsed global heap collections: the text of many attributes lies in one.
#[derive(Default)]
pub(super) struct HeapCache {
    collections: Mutex<HashCollections>,
}

#[derive(Default)]
struct HashCollections {
    by_address: HashMap<u64, Arc<GlobalHeapCollection>>,
    bytes: usize,
}

impl HeapCache {
    /// The collection and object index a stored reference (length, address, index) names; `None`
    /// for a null reference, which is an empty text.
    pub(super) fn locate(
        &self,
        file: &Hdf5File,
        reference: &[u8],
    ) -> Result<Option<(Arc<GlobalHeapCollection>, u16)>> {
        let offset_size = file.superblock().offset_size;
        let mut cursor = Cursor::new(reference);
        let _length = cursor.read_u32_le()?;
        let address = cursor.read_offset(offset_size)?;
        let index = cursor.read_u32_le()?;
        if Cursor::is_undefined_offset(address, offset_size) || index == 0 {
            return Ok(None);
        }
        let index = u16::try_from(index)
            .map_err(|_| Error::InvalidData(format!("global heap object {index} is impossible")))?;
        let lock = || {
            self.collections
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
        };
        if let Some(found) = lock().by_address.get(&address) {
            return Ok(Some((found.clone(), index)));
        }
        let collection = Arc::new(GlobalHeapCollection::parse_at_storage(
            file.storage(),
            address,
            offset_size,
            file.superblock().length_size,
        )?);
        let size: usize = collection.objects.iter().map(|o| o.data.len() + 40).sum();
        let mut kept = lock();
        if kept.bytes + size > MAX_HEAP_CACHE_BYTES {
            kept.by_address.clear();
            kept.bytes = 0;
        }
        kept.bytes += size;
        kept.by_address.insert(address, collection.clone());
        Ok(Some((collection, index)))
    }
}

/// Bytes of an object of a collection.
pub(super) fn heap_object(collection: &GlobalHeapCollection, index: u16) -> Result<&[u8]> {
    collection
        .get_object(index)
        .map(|object| object.data.as_slice())
        .ok_or_else(|| Error::InvalidData(format!("global heap object {index} is missing")))
}
