//! Datasets that are no files: arrays that another program holds, with what it says of them.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use crate::bytes::ByteSource;
use crate::dataset::{Array, Attributes, DataType, Dimension, Group, StorageChunk, Variable};
use crate::error::{Error, Result};

/// Arrays that are read by slabs, from any number of threads.
pub trait GivenArrays: Send + Sync {
    /// Elements of a slab, row-major, of the variable's type.
    ///
    /// # Errors
    /// What went wrong, in a sentence.
    fn read(
        &self,
        variable: &Variable,
        slab: &[Range<usize>],
    ) -> std::result::Result<Array, String>;
}

/// A variable, as it is given.
#[derive(Debug, Clone)]
pub struct GivenVariable {
    /// Path of its group, `/` for the root.
    pub group: String,
    /// Name.
    pub name: String,
    /// Type of the elements.
    pub dtype: DataType,
    /// Names and lengths of the dimensions, outermost first.
    pub dims: Vec<(String, usize)>,
    /// Attributes.
    pub attributes: Attributes,
}

/// The arrays of a dataset that is no file.
pub(crate) struct Given {
    pub(crate) arrays: Box<dyn GivenArrays>,
    pub(crate) name: String,
}

impl Given {
    pub(crate) fn read(&self, variable: &Variable, slab: &[Range<usize>]) -> Result<Array> {
        let place = || format!("{}: {}", self.name, variable.path);
        let read = self.arrays.read(variable, slab);
        let read = read.map_err(|reason| Error::Format {
            path: place(),
            reason,
        })?;
        let expected: usize = slab.iter().map(ExactSizeIterator::len).product();
        if read.len() != expected || read.dtype() != variable.dtype {
            return Err(Error::Format {
                path: place(),
                reason: format!(
                    "{} elements of {:?} were given for {expected} of {:?}",
                    read.len(),
                    read.dtype(),
                    variable.dtype
                ),
            });
        }
        Ok(read)
    }

    /// What is read is in memory, or on its way there: it counts as one piece.
    pub(crate) fn storage_chunks(variable: &Variable, slab: &[Range<usize>]) -> Vec<StorageChunk> {
        let elements: usize = slab.iter().map(ExactSizeIterator::len).product();
        let bytes = (elements * variable.dtype.size().unwrap_or(1)) as u64;
        vec![StorageChunk {
            offset: 0,
            stored_bytes: 0,
            decoded_bytes: bytes,
        }]
    }
}

/// The groups of variables.
pub(crate) fn grouped(
    attributes: Vec<(String, Attributes)>,
    variables: Vec<GivenVariable>,
) -> Group {
    let mut root = group("/".into());
    for (path, attributes) in attributes {
        at(&mut root, &path).attributes = attributes;
    }
    for given in variables {
        let group = at(&mut root, &given.group);
        for (name, len) in &given.dims {
            if group.dimensions.iter().all(|known| known.name != *name) {
                group.dimensions.push(Dimension {
                    name: name.clone(),
                    len: *len,
                    unlimited: false,
                });
            }
        }
        let (dims, shape) = given.dims.into_iter().unzip();
        group.variables.push(Variable {
            path: format!("{}/{}", group.path.trim_end_matches('/'), given.name),
            dtype: given.dtype,
            dims,
            shape,
            attributes: given.attributes,
            chunk_shape: None,
        });
    }
    root
}

fn group(path: String) -> Group {
    Group {
        path,
        dimensions: Vec::new(),
        variables: Vec::new(),
        groups: Vec::new(),
        attributes: Attributes::new(),
    }
}

/// The group of a path, made if it is not there.
fn at<'a>(root: &'a mut Group, path: &str) -> &'a mut Group {
    let mut here = root;
    for name in path.split('/').filter(|name| !name.is_empty()) {
        let path = format!("{}/{name}", here.path.trim_end_matches('/'));
        let place = match here.groups.iter().position(|group| group.path == path) {
            Some(place) => place,
            None => {
                here.groups.push(group(path));
                here.groups.len() - 1
            }
        };
        here = &mut here.groups[place];
    }
    here
}

/// No bytes, with a name.
pub(crate) struct Nothing(pub(crate) String);

impl ByteSource for Nothing {
    fn name(&self) -> &str {
        &self.0
    }

    fn len(&self) -> u64 {
        0
    }

    fn read_exact_at(&self, _offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        match buffer.is_empty() {
            true => Ok(()),
            false => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

impl Nothing {
    pub(crate) fn source(name: &str) -> Arc<dyn ByteSource> {
        Arc::new(Nothing(name.to_owned()))
    }
}
