//! netCDF-4's conventions over HDF5: dimensions from dimension scales, hidden attributes.
//! Names and nesting are those that netCDF4-python shows; the rules are those of netcdf-c's
//! `hdf5open.c`, phony dimensions and their numbers included.

use std::collections::{HashMap, HashSet};

use hdf5_reader::Hdf5File;
use hdf5_reader::error::Result;
use hdf5_reader::io::Cursor;
use hdf5_reader::messages::attribute::AttributeMessage;
use hdf5_reader::messages::dataspace::UNLIMITED;
use hdf5_reader::messages::layout::DataLayout;
use hdf5_reader::{Datatype, VarLenKind};

use super::attributes::{self, HeapCache, heap_object};
use super::objects::{Content, DatasetNode, GroupNode, MAX_METADATA_BYTES, Unreadable, join};
use crate::dataset::{AttributeValue, Attributes, DataType, Dimension, Group, Variable};

/// Attributes that netCDF keeps for itself.
const HIDDEN: [&str; 11] = [
    "CLASS",
    "DIMENSION_LIST",
    "NAME",
    "REFERENCE_LIST",
    "_Codecs",
    "_IsNetcdf4",
    "_NCProperties",
    "_Netcdf4Coordinates",
    "_Netcdf4Dimid",
    "_SuperblockVersion",
    "_nc3_strict",
];
const PURE_DIMENSION: &str = "This is a netCDF dimension but not a netCDF variable";
/// Put before the name of a variable that is named like a dimension but is not its coordinate.
const NOT_A_COORDINATE: &str = "_nc4_non_coord_";

/// A variable and the dataset behind it.
pub(super) struct Linked {
    pub path: String,
    pub dataset: DatasetNode,
    /// Numbers of its dimensions.
    dims: Vec<i64>,
}

/// Builds the tree of groups; the datasets of its variables come beside it, by variable path.
pub(super) fn build(
    file: &Hdf5File,
    heaps: &HeapCache,
    root: GroupNode,
) -> Result<(Group, Vec<Linked>)> {
    let mut scales = Scales::default();
    scales.collect(file, &root);
    let mut builder = Builder {
        file,
        heaps,
        scales,
        linked: Vec::new(),
        paths: HashSet::new(),
        dimension_ids: HashMap::new(),
        attribute_bytes: MAX_METADATA_BYTES,
    };
    let mut group = builder.group(root, &[])?;
    let lengths = builder.unlimited_lengths();
    builder.stretch(&mut group, &lengths);
    Ok((group, builder.linked))
}

/// A dimension of the whole file.
#[derive(Debug, Clone)]
struct Scale {
    id: i64,
    name: String,
    len: u64,
    unlimited: bool,
}

/// The dimensions that dimension scales define, and the next free number.
#[derive(Debug, Default)]
struct Scales {
    by_address: HashMap<u64, Scale>,
    next_id: i64,
}

impl Scales {
    /// Numbers the scales in the order in which netcdf-c meets them.
    fn collect(&mut self, file: &Hdf5File, group: &GroupNode) {
        for dataset in &group.datasets {
            let Ok(content) = &dataset.content else {
                continue;
            };
            let Some(&len) = content.extent.first() else {
                continue;
            };
            if !is_scale(content) {
                continue;
            }
            let assigned = integers(file, &content.attributes, "_Netcdf4Dimid")
                .and_then(|ids| ids.first().copied())
                .filter(|&id| (0..i64::from(i32::MAX)).contains(&id));
            let id = assigned.unwrap_or(self.next_id);
            self.next_id = self.next_id.max(id + 1);
            self.by_address.entry(dataset.address).or_insert(Scale {
                id,
                name: dataset.name.clone(),
                len,
                unlimited: is_unlimited(content, 0),
            });
        }
        for child in &group.groups {
            self.collect(file, child);
        }
    }
}

struct Builder<'a> {
    file: &'a Hdf5File,
    heaps: &'a HeapCache,
    scales: Scales,
    linked: Vec<Linked>,
    /// Of all variables: one path is one variable, though a damaged group lists two.
    paths: HashSet<String>,
    /// Numbers of the dimensions of each group, by its path.
    dimension_ids: HashMap<String, Vec<i64>>,
    attribute_bytes: usize,
}

impl Builder<'_> {
    /// `above` holds the dimensions of the groups around, innermost last.
    fn group(&mut self, node: GroupNode, above: &[Vec<Scale>]) -> Result<Group> {
        let mut own: Vec<Scale> = node
            .datasets
            .iter()
            .filter(|dataset| dataset.content.as_ref().is_ok_and(is_scale))
            .filter_map(|dataset| self.scales.by_address.get(&dataset.address).cloned())
            .collect();
        let mut groups = Vec::new();
        if !node.groups.is_empty() {
            let mut around = above.to_vec();
            around.push(own.clone());
            for child in node.groups {
                groups.push(self.group(child, &around)?);
            }
        }
        let mut variables = Vec::new();
        for dataset in node.datasets {
            if let Some((variable, dims)) = self.variable(&node.path, &dataset, above, &mut own)?
                && self.paths.insert(variable.path.clone())
            {
                self.linked.push(Linked {
                    path: variable.path.clone(),
                    dataset,
                    dims,
                });
                variables.push(variable);
            }
        }
        let ids = own.iter().map(|scale| scale.id).collect();
        self.dimension_ids.insert(node.path.clone(), ids);
        Ok(Group {
            attributes: self.attributes(&node.attributes)?,
            path: node.path,
            dimensions: own
                .into_iter()
                .map(|scale| Dimension {
                    name: scale.name,
                    len: scale.len as usize,
                    unlimited: scale.unlimited,
                })
                .collect(),
            variables,
            groups,
        })
    }

    fn variable(
        &mut self,
        group: &str,
        dataset: &DatasetNode,
        above: &[Vec<Scale>],
        own: &mut Vec<Scale>,
    ) -> Result<Option<(Variable, Vec<i64>)>> {
        let name = dataset
            .name
            .strip_prefix(NOT_A_COORDINATE)
            .filter(|rest| !rest.is_empty())
            .unwrap_or(&dataset.name);
        let path = join(group, name);
        let content = match &dataset.content {
            Ok(content) => content,
            Err(why) => {
                let what = match why {
                    Unreadable::Unsupported(what) => what.clone(),
                    Unreadable::Damaged(_) => "damaged".into(),
                };
                let variable = Variable {
                    path,
                    dtype: DataType::Other(what),
                    dims: Vec::new(),
                    shape: Vec::new(),
                    attributes: Vec::new(),
                    chunk_shape: None,
                };
                return Ok(Some((variable, Vec::new())));
            }
        };
        if is_pure_dimension(content) {
            return Ok(None);
        }
        let dims = self.dimensions(dataset.address, content, above, own);
        let chunk_shape = match &content.layout {
            DataLayout::Chunked { dims, .. } => Some(dims.iter().map(|&n| n as usize).collect()),
            _ => None,
        };
        let (dims, ids) = dims.into_iter().map(|scale| (scale.name, scale.id)).unzip();
        let variable = Variable {
            path,
            dtype: content.element.dtype.clone(),
            shape: content.extent.iter().map(|&n| n as usize).collect(),
            dims,
            attributes: self.attributes(&content.attributes)?,
            chunk_shape,
        };
        Ok(Some((variable, ids)))
    }

    /// A dataset's dimensions: those of the scales attached to it, or phony ones.
    fn dimensions(
        &mut self,
        address: u64,
        content: &Content,
        above: &[Vec<Scale>],
        own: &mut Vec<Scale>,
    ) -> Vec<Scale> {
        let rank = content.extent.len();
        let mut known: Vec<Option<Scale>> = vec![None; rank];
        // A coordinate of several dimensions, and variables of newer files, list the numbers.
        if let Some(ids) = integers(self.file, &content.attributes, "_Netcdf4Coordinates")
            && ids.len() == rank
        {
            let visible = || own.iter().rev().chain(above.iter().rev().flatten());
            for (scale, id) in known.iter_mut().zip(ids) {
                *scale = visible().find(|scale| scale.id == id).cloned();
            }
        }
        if rank == 1 && is_scale(content) {
            known[0] = self.scales.by_address.get(&address).cloned();
        }
        if known.iter().any(Option::is_none)
            && let Some(list) = find(&content.attributes, "DIMENSION_LIST")
        {
            for (axis, scale) in known.iter_mut().enumerate() {
                if scale.is_none() {
                    *scale = self
                        .attached_scale(list, axis)
                        .and_then(|address| self.scales.by_address.get(&address))
                        .cloned();
                }
            }
        }
        let mut dims: Vec<Scale> = Vec::with_capacity(rank);
        for (axis, scale) in known.into_iter().enumerate() {
            let scale = match scale {
                Some(scale) => scale,
                None => self.phony_dimension(content, axis, own, &dims),
            };
            dims.push(scale);
        }
        dims
    }

    /// Address of the first scale attached to an axis.
    fn attached_scale(&self, list: &AttributeMessage, axis: usize) -> Option<u64> {
        let offset_size = self.file.superblock().offset_size;
        let Datatype::VarLen {
            kind: VarLenKind::Sequence,
            ..
        } = list.datatype
        else {
            return None;
        };
        let size = 8 + usize::from(offset_size);
        let reference = list.raw_data.get(axis * size..(axis + 1) * size)?;
        let (heap, index) = self.heaps.locate(self.file, reference).ok()??;
        let object = heap_object(&heap, index).ok()?;
        Cursor::new(object).read_offset(offset_size).ok()
    }

    /// A dimension of the right length without a scale, shared within the group but not within
    /// one variable.
    fn phony_dimension(
        &mut self,
        content: &Content,
        axis: usize,
        own: &mut Vec<Scale>,
        used: &[Scale],
    ) -> Scale {
        let len = content.extent[axis];
        let unlimited = is_unlimited(content, axis);
        let found = own.iter().find(|scale| {
            scale.len == len
                && scale.unlimited == unlimited
                && !used.iter().any(|other| other.id == scale.id)
        });
        if let Some(scale) = found {
            return scale.clone();
        }
        let scale = Scale {
            id: self.scales.next_id,
            name: format!("phony_dim_{}", self.scales.next_id),
            len,
            unlimited,
        };
        self.scales.next_id += 1;
        own.push(scale.clone());
        scale
    }

    fn attributes(&mut self, messages: &[AttributeMessage]) -> Result<Attributes> {
        let mut found = Vec::with_capacity(messages.len());
        for message in messages {
            if HIDDEN.contains(&message.name.as_str()) {
                continue;
            }
            let value = attributes::value(self.file, self.heaps, message, self.attribute_bytes);
            // One damaged attribute does not make a file unreadable; it is left out, as are
            // those of types that netCDF does not have.
            let Ok(Some(value)) = value else { continue };
            let size = match &value {
                AttributeValue::Text(text) => text.len(),
                AttributeValue::Texts(texts) => texts.iter().map(|t| t.len() + 24).sum(),
                _ => message.raw_data.len(),
            };
            self.attribute_bytes = self.attribute_bytes.saturating_sub(size);
            found.push((message.name.clone(), value));
        }
        Ok(found)
    }

    /// An unlimited dimension is as long as the longest variable on it.
    fn unlimited_lengths(&self) -> HashMap<i64, u64> {
        let mut lengths = HashMap::new();
        for linked in &self.linked {
            let Ok(content) = &linked.dataset.content else {
                continue;
            };
            for (axis, (&id, &extent)) in linked.dims.iter().zip(&content.extent).enumerate() {
                if is_unlimited(content, axis) {
                    let len = lengths.entry(id).or_insert(0);
                    *len = extent.max(*len);
                }
            }
        }
        lengths
    }

    /// Gives unlimited dimensions their lengths, and these to variables that are shorter: the
    /// rest of them is fill.
    fn stretch(&self, group: &mut Group, lengths: &HashMap<i64, u64>) {
        let linked: HashMap<&str, &Linked> =
            self.linked.iter().map(|l| (l.path.as_str(), l)).collect();
        self.stretch_group(group, &linked, lengths);
    }

    fn stretch_group(
        &self,
        group: &mut Group,
        linked: &HashMap<&str, &Linked>,
        lengths: &HashMap<i64, u64>,
    ) {
        let ids = self.dimension_ids.get(&group.path).into_iter().flatten();
        for (dimension, id) in group.dimensions.iter_mut().zip(ids) {
            if dimension.unlimited {
                dimension.len = lengths.get(id).map_or(0, |&len| len as usize);
            }
        }
        for variable in &mut group.variables {
            let Some(linked) = linked.get(variable.path.as_str()) else {
                continue;
            };
            let Ok(content) = &linked.dataset.content else {
                continue;
            };
            for (axis, (len, id)) in variable.shape.iter_mut().zip(&linked.dims).enumerate() {
                if is_unlimited(content, axis)
                    && let Some(&longest) = lengths.get(id)
                {
                    *len = longest as usize;
                }
            }
        }
        for child in &mut group.groups {
            self.stretch_group(child, linked, lengths);
        }
    }
}

fn is_unlimited(content: &Content, axis: usize) -> bool {
    matches!(content.layout, DataLayout::Chunked { .. })
        && content
            .max_extent
            .as_ref()
            .is_some_and(|max| max.get(axis) == Some(&UNLIMITED))
}

fn find<'a>(attributes: &'a [AttributeMessage], name: &str) -> Option<&'a AttributeMessage> {
    attributes.iter().find(|a| a.name == name)
}

fn fixed_text(attributes: &[AttributeMessage], name: &str) -> Option<String> {
    let message = find(attributes, name)?;
    let end = message.raw_data.iter().position(|&b| b == 0);
    let bytes = &message.raw_data[..end.unwrap_or(message.raw_data.len())];
    matches!(message.datatype, Datatype::String { .. })
        .then(|| String::from_utf8_lossy(bytes).into_owned())
}

fn integers(file: &Hdf5File, attributes: &[AttributeMessage], name: &str) -> Option<Vec<i64>> {
    let message = find(attributes, name)?;
    match attributes::value(file, &HeapCache::default(), message, 0) {
        Ok(Some(AttributeValue::I32(values))) => Some(values.into_iter().map(i64::from).collect()),
        Ok(Some(AttributeValue::I64(values))) => Some(values),
        _ => None,
    }
}

fn is_scale(content: &Content) -> bool {
    !content.extent.is_empty()
        && fixed_text(&content.attributes, "CLASS").as_deref() == Some("DIMENSION_SCALE")
}

fn is_pure_dimension(content: &Content) -> bool {
    is_scale(content)
        && fixed_text(&content.attributes, "NAME").is_some_and(|n| n.starts_with(PURE_DIMENSION))
}
