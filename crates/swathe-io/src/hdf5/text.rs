//! Slabs of text: strings of fixed length, and strings in global heaps.

use std::ops::Range;

use super::attributes::heap_object;
use super::element::{Encoding, text};
use super::objects::Content;
use super::slab;
use super::variable::StoredVariable;
use super::{Hdf5Backend, from_hdf5};
use crate::dataset::{Array, Workers, character};
use crate::error::{Error, Result};

/// Text one read may produce: a heap object may be referred to any number of times.
const MAX_TEXT_BYTES: usize = 256 << 20;

/// Reads a slab of text.
pub(super) fn read(
    backend: &Hdf5Backend,
    variable: &StoredVariable,
    content: &Content,
    range: &[Range<usize>],
    place: &str,
) -> Result<Array> {
    slab::check_size(backend, variable, content, range, place)?;
    let size = content.element.size;
    let count: usize = range.iter().map(Range::len).product();
    if size == 0 {
        return Ok(Array::Text(vec![String::new(); count]));
    }
    let mut bytes = vec![0; count * size];
    slab::read_stored_order(
        backend,
        variable,
        content,
        range,
        Workers::Pool,
        &mut bytes,
        place,
    )?;
    backend.source.count_decoded(bytes.len());
    let elements = bytes.chunks_exact(size);
    let values = match content.element.encoding {
        Encoding::HeapText(padding) => {
            let mut room = MAX_TEXT_BYTES;
            let resolve = |reference: &[u8]| {
                let failed = |error| from_hdf5(place, error);
                let Some((heap, index)) = backend
                    .heaps
                    .locate(&backend.file, reference)
                    .map_err(failed)?
                else {
                    return Ok(String::new());
                };
                let value = text(heap_object(&heap, index).map_err(failed)?, padding);
                room = room.checked_sub(value.len()).ok_or_else(|| Error::Format {
                    path: place.into(),
                    reason: format!("the text takes more than {} MiB", MAX_TEXT_BYTES >> 20),
                })?;
                Ok(value)
            };
            elements.map(resolve).collect::<Result<_>>()?
        }
        Encoding::FixedText(_) if size == 1 => bytes.iter().map(|&byte| character(byte)).collect(),
        Encoding::FixedText(padding) => elements.map(|bytes| text(bytes, padding)).collect(),
        Encoding::Number(_) | Encoding::Opaque => Vec::new(),
    };
    Ok(Array::Text(values))
}
