//! What a file is going to hold.

use std::collections::HashSet;

use crate::dataset::{AttributeValue, Attributes, DataType};
use crate::error::{Error, Result};

/// Dimensions, attributes and variables of a file.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FileDescription {
    /// Names and lengths.
    pub dimensions: Vec<(String, usize)>,
    /// Global attributes.
    pub attributes: Attributes,
    /// Variables in file order.
    pub variables: Vec<VariableDescription>,
    /// Types of records; a variable of the type [`DataType::Other`] has records of the type of that name.
    pub records: Vec<RecordDescription>,
    /// Groups besides the root.
    pub groups: Vec<GroupDescription>,
    /// The group, of these, that has the dimensions, the variables and the types; the root if `None`.
    pub home: Option<usize>,
    /// Whether the dimensions can grow. All variables are then chunked, and dimensions have no coordinates.
    pub unlimited: bool,
}

/// A group besides the root.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupDescription {
    /// Name.
    pub name: String,
    /// The group that it is in, of those before it; the root if `None`.
    pub parent: Option<usize>,
    /// Its attributes.
    pub attributes: Attributes,
}

/// A type of records (`NC_COMPOUND`): numbers one after the other, without gaps.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordDescription {
    /// Name.
    pub name: String,
    /// Names and types of its numbers.
    pub fields: Vec<(String, DataType)>,
}

impl RecordDescription {
    /// Bytes of a record.
    pub fn size(&self) -> usize {
        let sizes = self.fields.iter().map(|(_, dtype)| dtype.size());
        sizes.map(|size| size.unwrap_or(0)).sum()
    }
}

/// A variable without its values.
#[derive(Debug, Clone, PartialEq)]
pub struct VariableDescription {
    /// Name.
    pub name: String,
    /// Its dimensions, outermost first, as indices into [`FileDescription::dimensions`]; none for a
    /// scalar. A variable that is named as a dimension is that dimension's coordinate and has it alone.
    pub dims: Vec<usize>,
    /// Type of the elements. Text is of variable length (`NC_STRING`).
    pub dtype: DataType,
    /// Attributes, without `_FillValue`.
    pub attributes: Attributes,
    /// `_FillValue`: one element of the variable's type. It is also what chunks hold that are never
    /// written; without it they hold zero.
    pub fill: Option<AttributeValue>,
    /// How the elements lie in the file.
    pub storage: Storage,
}

/// How the elements of a variable lie in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Storage {
    /// In one piece, as they are.
    Contiguous,
    /// In chunks, each filtered on its own.
    Chunked {
        /// Shape of a chunk. Chunks at the far edges have this shape too.
        shape: Vec<usize>,
        /// Whether bytes of equal significance are put together before deflating.
        shuffle: bool,
        /// Deflate level 0 to 9; `None` for chunks that are stored as they are.
        deflate: Option<u8>,
    },
}

/// Elements per chunk limit of the index: a chunk's bytes are counted in 32 bits.
const MAX_CHUNK_BYTES: u64 = u32::MAX as u64;

impl FileDescription {
    /// Shape of a variable.
    pub(super) fn shape(&self, variable: &VariableDescription) -> Vec<usize> {
        let len = |&dim: &usize| self.dimensions.get(dim).map_or(0, |(_, len)| *len);
        variable.dims.iter().map(len).collect()
    }

    /// The type of a variable's records, if it has records.
    pub(super) fn record(&self, dtype: &DataType) -> Option<&RecordDescription> {
        match dtype {
            DataType::Other(name) => self.records.iter().find(|record| record.name == *name),
            _ => None,
        }
    }

    /// Bytes of an element of a variable.
    pub(super) fn element_size(&self, dtype: &DataType) -> usize {
        let record = self.record(dtype).map(RecordDescription::size);
        let size = record.or_else(|| dtype.size());
        size.unwrap_or(super::datatype::HEAP_REFERENCE)
    }

    /// Number of chunks of a variable; zero if it is not chunked.
    pub(super) fn chunk_count(&self, variable: &VariableDescription) -> usize {
        match &variable.storage {
            Storage::Contiguous => 0,
            Storage::Chunked { shape, .. } => super::chunk::grid(&self.shape(variable), shape)
                .iter()
                .product(),
        }
    }

    /// Checks all that a file could not be read for.
    pub(super) fn check(&self) -> Result<()> {
        let mut names = HashSet::new();
        for (name, _) in &self.dimensions {
            check_name(name)?;
            if !names.insert(name) {
                return Err(refused(format!("there are two dimensions {name:?}")));
            }
        }
        check_attributes("the file", &self.attributes)?;
        names.clear();
        self.check_groups()?;
        for variable in &self.variables {
            check_name(&variable.name)?;
            if !names.insert(&variable.name) {
                return Err(refused(format!(
                    "there are two variables {:?}",
                    variable.name
                )));
            }
            self.check_variable(variable)?;
        }
        Ok(())
    }

    fn check_groups(&self) -> Result<()> {
        let earlier = |place: Option<usize>, end: usize| place.is_none_or(|place| place < end);
        for (i, group) in self.groups.iter().enumerate() {
            check_name(&group.name)?;
            check_attributes(&group.name, &group.attributes)?;
            if !earlier(group.parent, i) {
                return Err(refused(format!(
                    "group {:?} is in none before it",
                    group.name
                )));
            }
        }
        if !earlier(self.home, self.groups.len()) {
            return Err(refused(
                "the variables are in a group that is not there".into(),
            ));
        }
        for record in &self.records {
            check_name(&record.name)?;
            if record.size() == 0 || record.fields.iter().any(|(_, t)| t.size().is_none()) {
                return Err(refused(format!(
                    "records {:?} are not of numbers",
                    record.name
                )));
            }
        }
        let chunked = |v: &VariableDescription| matches!(v.storage, Storage::Chunked { .. });
        if self.unlimited && !self.variables.iter().all(chunked) {
            return Err(refused("what can grow must be in chunks".into()));
        }
        Ok(())
    }

    fn check_variable(&self, variable: &VariableDescription) -> Result<()> {
        let refused = |reason: String| refused(format!("variable {:?}: {reason}", variable.name));
        check_attributes(&variable.name, &variable.attributes)?;
        if let Some(dim) = variable.dims.iter().find(|&&d| d >= self.dimensions.len()) {
            return Err(refused(format!("there is no dimension {dim}")));
        }
        if variable.dims.len() > 31 {
            return Err(refused("it has more than 31 dimensions".into()));
        }
        let named = self
            .dimensions
            .iter()
            .position(|(n, _)| *n == variable.name);
        if named.is_some_and(|dim| variable.dims != [dim]) {
            return Err(refused(
                "it is named as a dimension that is not its only one".into(),
            ));
        }
        let element = match &variable.dtype {
            DataType::Other(class) if self.record(&variable.dtype).is_none() => {
                return Err(refused(format!("{class} cannot be written")));
            }
            dtype => self.element_size(dtype) as u64,
        };
        let total = self
            .shape(variable)
            .iter()
            .try_fold(element, |n, &len| n.checked_mul(len as u64));
        if total.is_none_or(|n| n > i64::MAX as u64) {
            return Err(refused("it has too many elements".into()));
        }
        let fill = variable.fill.as_ref();
        if fill.is_some_and(|fill| super::datatype::single(fill).as_ref() != Some(&variable.dtype))
        {
            return Err(refused(
                "the fill value is not one element of its type".into(),
            ));
        }
        let Storage::Chunked { shape, deflate, .. } = &variable.storage else {
            return Ok(());
        };
        if variable.dtype == DataType::Text || variable.dims.is_empty() {
            return Err(refused("text and scalars cannot be chunked".into()));
        }
        let lengths = self.shape(variable);
        if shape.len() != lengths.len()
            || shape
                .iter()
                .zip(&lengths)
                .any(|(&chunk, &len)| chunk == 0 || chunk > len.max(1))
        {
            return Err(refused(format!(
                "chunks of {shape:?} do not fit in {lengths:?}"
            )));
        }
        let bytes = shape
            .iter()
            .try_fold(element, |n, &len| n.checked_mul(len as u64));
        if bytes.is_none_or(|n| n > MAX_CHUNK_BYTES) {
            return Err(refused(format!(
                "chunks of {shape:?} are larger than 4 GiB"
            )));
        }
        if deflate.is_some_and(|level| level > 9) {
            return Err(refused("the deflate level is above 9".into()));
        }
        Ok(())
    }
}

fn check_name(name: &str) -> Result<()> {
    if name.is_empty() || name.contains(['/', '\0']) || name.len() > 60_000 {
        return Err(refused(format!("{name:?} cannot be a name")));
    }
    Ok(())
}

fn check_attributes(owner: &str, attributes: &Attributes) -> Result<()> {
    let mut names = HashSet::new();
    for (name, value) in attributes {
        // A slash is nothing special here.
        check_name(&name.replace('/', " "))?;
        if !names.insert(name) {
            return Err(refused(format!("{owner} has two attributes {name:?}")));
        }
        if super::objects::RESERVED.contains(&name.as_str()) {
            return Err(refused(format!(
                "netCDF-4 keeps the attribute {name:?} for itself"
            )));
        }
        if super::datatype::bytes_of(value) > 1 << 30 {
            return Err(refused(format!(
                "attribute {name:?} of {owner} is larger than 1 GiB"
            )));
        }
    }
    // One is counted in 16 bits, and some are netCDF's own.
    if attributes.len() > 60_000 {
        return Err(refused(format!("{owner} has more than 60000 attributes")));
    }
    Ok(())
}

pub(super) fn refused(reason: String) -> Error {
    Error::Product {
        reason: format!("it cannot be written as netCDF-4: {reason}"),
    }
}
