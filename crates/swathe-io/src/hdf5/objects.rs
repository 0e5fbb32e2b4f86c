//! The HDF5 objects of a file as a tree of groups and datasets, before netCDF's conventions.

use std::collections::HashSet;
use std::sync::Arc;

use hdf5_reader::Hdf5File;
use hdf5_reader::error::{Error, Result};
use hdf5_reader::messages::HdfMessage;
use hdf5_reader::messages::attribute::AttributeMessage;
use hdf5_reader::messages::dataspace::{DataspaceMessage, DataspaceType};
use hdf5_reader::messages::filter_pipeline::FilterDescription;
use hdf5_reader::messages::layout::DataLayout;
use hdf5_reader::object_header::ObjectHeader;

use super::attributes;
use super::element::Element;
use super::links;
use super::raw_header;

/// Groups inside groups.
const MAX_DEPTH: usize = 32;
/// Bytes that names, paths and attributes of one file may take, over all objects. A PACE granule
/// takes 60 kB.
pub(super) const MAX_METADATA_BYTES: usize = 128 << 20;
/// What an object takes besides its names and attributes.
const OBJECT_BYTES: usize = 512;

/// A group and all below it.
#[derive(Debug)]
pub(super) struct GroupNode {
    pub path: String,
    pub attributes: Vec<AttributeMessage>,
    pub datasets: Vec<DatasetNode>,
    pub groups: Vec<GroupNode>,
}

/// A dataset: what its header says.
#[derive(Debug)]
pub(super) struct DatasetNode {
    pub name: String,
    /// Address of its header, by which dimension lists refer to it.
    pub address: u64,
    pub content: std::result::Result<Content, Unreadable>,
}

/// Why a dataset is listed without being readable.
#[derive(Debug, Clone)]
pub(super) enum Unreadable {
    /// A feature that is not supported.
    Unsupported(String),
    /// Damage.
    Damaged(String),
}

/// What the header of a dataset says.
#[derive(Debug)]
pub(super) struct Content {
    pub element: Element,
    pub extent: Vec<u64>,
    pub max_extent: Option<Vec<u64>>,
    pub layout: DataLayout,
    pub filters: Vec<FilterDescription>,
    pub fill: Option<Vec<u8>>,
    pub external: bool,
    pub attributes: Vec<AttributeMessage>,
}

/// Reads the tree of a file. Every group is entered once, so that links in a loop end.
pub(super) fn read(file: &Hdf5File) -> Result<GroupNode> {
    let address = file.superblock().root_object_header_address()?;
    let header = raw_header::parsed(file, address)?;
    if !is_group(&header) {
        return Err(Error::InvalidData("the root is not a group".into()));
    }
    let mut walk = Walk {
        file,
        entered: HashSet::from([address]),
        budget: MAX_METADATA_BYTES,
    };
    walk.group(address, &header, "/".into(), 0)
}

struct Walk<'a> {
    file: &'a Hdf5File,
    entered: HashSet<u64>,
    budget: usize,
}

impl Walk<'_> {
    fn spend(&mut self, bytes: usize) -> Result<()> {
        self.budget = self.budget.checked_sub(bytes).ok_or_else(|| {
            Error::ResourceLimit(format!(
                "names and attributes take more than {} MiB",
                MAX_METADATA_BYTES >> 20
            ))
        })?;
        Ok(())
    }

    fn attributes(&mut self, header: &ObjectHeader) -> Result<Vec<AttributeMessage>> {
        let found = attributes::messages(self.file, header)?;
        let bytes = found.iter().map(|a| a.name.len() + a.raw_data.len() + 64);
        self.spend(bytes.sum())?;
        Ok(found)
    }

    fn group(
        &mut self,
        address: u64,
        header: &ObjectHeader,
        path: String,
        depth: usize,
    ) -> Result<GroupNode> {
        let attributes = self.attributes(header)?;
        let children = links::children(self.file, address)?;
        let mut node = GroupNode {
            path,
            attributes,
            datasets: Vec::new(),
            groups: Vec::new(),
        };
        let mut groups: Vec<(String, u64, Arc<ObjectHeader>)> = Vec::new();
        for child in children {
            self.spend(OBJECT_BYTES + node.path.len() + 2 * child.name.len())?;
            match raw_header::parsed(self.file, child.address) {
                Ok(header) if is_group(&header) => {
                    if self.entered.insert(child.address) {
                        groups.push((child.name, child.address, header));
                    }
                }
                Ok(header) if is_dataset(&header) => node.datasets.push(DatasetNode {
                    content: self.dataset(&header),
                    name: child.name,
                    address: child.address,
                }),
                // A named type.
                Ok(_) => {}
                Err(error) => node.datasets.push(DatasetNode {
                    content: Err(unreadable(&error)),
                    name: child.name,
                    address: child.address,
                }),
            }
        }
        if depth >= MAX_DEPTH && !groups.is_empty() {
            return Err(Error::InvalidData(format!(
                "groups are nested more than {MAX_DEPTH} deep"
            )));
        }
        for (name, address, header) in groups {
            let path = join(&node.path, &name);
            node.groups
                .push(self.group(address, &header, path, depth + 1)?);
        }
        Ok(node)
    }

    fn dataset(&mut self, header: &ObjectHeader) -> std::result::Result<Content, Unreadable> {
        let content = content(self.file, header).map_err(|error| unreadable(&error))?;
        let attributes = self
            .attributes(header)
            .map_err(|error| unreadable(&error))?;
        Ok(Content {
            attributes,
            ..content
        })
    }
}

/// Path of a child.
pub(super) fn join(parent: &str, name: &str) -> String {
    format!("{}/{name}", parent.trim_end_matches('/'))
}

fn is_group(header: &ObjectHeader) -> bool {
    header.messages.iter().any(|message| {
        matches!(
            message,
            HdfMessage::SymbolTable(_)
                | HdfMessage::Link(_)
                | HdfMessage::LinkInfo(_)
                | HdfMessage::GroupInfo(_)
        )
    })
}

fn is_dataset(header: &ObjectHeader) -> bool {
    header.messages.iter().any(|message| {
        matches!(
            message,
            HdfMessage::DataLayout(_) | HdfMessage::Dataspace(_) | HdfMessage::FilterPipeline(_)
        )
    })
}

fn content(file: &Hdf5File, header: &ObjectHeader) -> Result<Content> {
    let missing = |what: &str| Error::InvalidData(format!("the dataset has no {what}"));
    let mut dataspace: Option<&DataspaceMessage> = None;
    let mut datatype = None;
    let mut layout: Option<&DataLayout> = None;
    let mut filters = Vec::new();
    let mut fill = None;
    let mut external = false;
    for message in &header.messages {
        match message {
            HdfMessage::Dataspace(found) => dataspace = Some(found),
            HdfMessage::Datatype(found) => datatype = Some(&found.datatype),
            HdfMessage::DataLayout(found) => layout = Some(&found.layout),
            HdfMessage::FilterPipeline(found) => filters.clone_from(&found.filters),
            // A dataset may carry the old message and the new one: both name the same value.
            HdfMessage::FillValue(found) => fill = found.value.clone().or(fill),
            HdfMessage::ExternalFiles(_) => external = true,
            _ => {}
        }
    }
    let dataspace = dataspace.ok_or_else(|| missing("dataspace"))?;
    let datatype = datatype.ok_or_else(|| missing("datatype"))?;
    let mut layout = layout.ok_or_else(|| missing("layout"))?.clone();
    let extent = match dataspace.dataspace_type {
        DataspaceType::Null => vec![0],
        _ => dataspace.dims.clone(),
    };
    if let DataLayout::Chunked { dims, .. } = &mut layout {
        // Version 4 layouts count the bytes of an element as one more axis.
        if dims.len() == extent.len() + 1 {
            dims.pop();
        }
    }
    Ok(Content {
        element: Element::new(datatype, file.superblock().offset_size),
        extent,
        max_extent: dataspace.max_dims.clone(),
        layout,
        filters,
        fill,
        external,
        attributes: Vec::new(),
    })
}

fn unreadable(error: &Error) -> Unreadable {
    match error {
        Error::UnsupportedLayoutClass(3) => Unreadable::Unsupported("a virtual dataset".into()),
        Error::UnsupportedEncoding(what) => Unreadable::Unsupported(what.clone()),
        Error::Context { source, .. } => unreadable(source),
        other => {
            let text = other.to_string();
            match text.strip_prefix("unsupported ") {
                Some(feature) => Unreadable::Unsupported(format!("HDF5 {feature}")),
                None => Unreadable::Damaged(text),
            }
        }
    }
}
