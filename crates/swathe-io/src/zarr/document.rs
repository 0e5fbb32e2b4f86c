//! `zarr.json`: descriptions to and from the documents of the core specification.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::attributes::{
    Entries, FILL, element_from_json, fill_to_json, from_entries, number, to_entries,
};
use super::codec::{Compression, LEVEL};
use super::description::{ArrayDescription, StoreDescription, element_bytes};
use crate::dataset::{AttributeValue, Attributes, DataType};

/// Types by their names in the specification.
const TYPES: [(&str, DataType); 11] = [
    ("int8", DataType::I8),
    ("uint8", DataType::U8),
    ("int16", DataType::I16),
    ("uint16", DataType::U16),
    ("int32", DataType::I32),
    ("uint32", DataType::U32),
    ("int64", DataType::I64),
    ("uint64", DataType::U64),
    ("float32", DataType::F32),
    ("float64", DataType::F64),
    ("string", DataType::Text),
];

#[derive(Debug, Serialize, Deserialize)]
struct ArrayDocument {
    zarr_format: u64,
    node_type: String,
    shape: Vec<usize>,
    data_type: Value,
    chunk_grid: Named,
    chunk_key_encoding: Named,
    fill_value: Value,
    codecs: Vec<Named>,
    #[serde(default)]
    attributes: Entries,
    #[serde(default)]
    dimension_names: Option<Vec<Option<String>>>,
    #[serde(default)]
    storage_transformers: Vec<Value>,
}

#[derive(Debug, Serialize, Deserialize)]
struct GroupDocument {
    zarr_format: u64,
    node_type: String,
    #[serde(default)]
    attributes: Entries,
    #[serde(default)]
    consolidated_metadata: Option<Consolidated>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Consolidated {
    kind: String,
    must_understand: bool,
    metadata: Entries<Node>,
}

/// What a group holds.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Node {
    Array(Box<ArrayDocument>),
    Other(Value),
}

#[derive(Debug, Serialize, Deserialize)]
struct Named {
    name: String,
    #[serde(default, skip_serializing_if = "Value::is_null")]
    configuration: Value,
}

/// An array as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct StoredArray {
    pub description: ArrayDescription,
    /// An element where nothing was written; none for text.
    pub unwritten: Vec<u8>,
    /// What stands between the numbers of a chunk's key.
    pub separator: char,
    /// How chunks are compressed.
    pub compression: Compression,
    /// Why it cannot be read.
    pub unsupported: Option<String>,
}

/// `zarr.json` of an array.
pub(super) fn array_json(array: &ArrayDescription) -> Vec<u8> {
    pretty(&array_document(array))
}

/// `zarr.json` of the group, with the metadata of all its arrays.
pub(super) fn group_json(store: &StoreDescription) -> Vec<u8> {
    let node = |array: &ArrayDescription| {
        let document = Node::Array(Box::new(array_document(array)));
        (array.name.clone(), document)
    };
    pretty(&GroupDocument {
        zarr_format: 3,
        node_type: "group".into(),
        attributes: to_entries(&store.attributes),
        consolidated_metadata: Some(Consolidated {
            kind: "inline".into(),
            must_understand: false,
            metadata: Entries(store.arrays.iter().map(node).collect()),
        }),
    })
}

fn pretty(document: &impl Serialize) -> Vec<u8> {
    // Keys are texts and numbers finite: nothing that JSON could not write.
    let mut bytes = serde_json::to_vec_pretty(document).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

fn named(name: &str, configuration: Value) -> Named {
    Named {
        name: name.into(),
        configuration,
    }
}

fn array_document(array: &ArrayDescription) -> ArrayDocument {
    let little = || json!({"endian": "little"});
    let codecs = || match array.dtype.size() {
        None => vec![
            named("vlen-utf8", json!({})),
            named("zstd", json!({"level": LEVEL, "checksum": true})),
        ],
        Some(size) => vec![
            named("bytes", little()),
            named(
                "blosc",
                json!({
                    "typesize": size,
                    "cname": "zstd",
                    "clevel": LEVEL,
                    "shuffle": if size > 1 { "shuffle" } else { "noshuffle" },
                    "blocksize": 0,
                }),
            ),
        ],
    };
    let codecs = match &array.shards {
        None => codecs(),
        Some(_) => vec![named(
            "sharding_indexed",
            json!({
                "chunk_shape": array.chunks,
                "codecs": codecs(),
                "index_codecs": [named("bytes", little()), named("crc32c", Value::Null)],
                "index_location": "end",
            }),
        )],
    };
    let mut attributes = to_entries(&array.attributes);
    if let Some(fill) = &array.fill {
        attributes.0.push((FILL.into(), fill_to_json(fill)));
    }
    let real = |x: Option<&f64>| number(x.copied().unwrap_or(f64::NAN));
    let known = TYPES.iter().find(|(_, dtype)| *dtype == array.dtype);
    ArrayDocument {
        zarr_format: 3,
        node_type: "array".into(),
        shape: array.shape.clone(),
        data_type: known.map_or("", |(name, _)| name).into(),
        chunk_grid: named(
            "regular",
            json!({"chunk_shape": array.shards.as_ref().unwrap_or(&array.chunks)}),
        ),
        chunk_key_encoding: named("default", json!({"separator": "/"})),
        fill_value: match (&array.fill, &array.dtype) {
            (Some(AttributeValue::F32(v)), _) => real(v.first().map(|&x| f64::from(x)).as_ref()),
            (Some(AttributeValue::F64(v)), _) => real(v.first()),
            (Some(whole), _) => fill_to_json(whole),
            (None, DataType::F32 | DataType::F64) => real(None),
            (None, DataType::Text) => "".into(),
            (None, _) => 0.into(),
        },
        codecs,
        attributes,
        dimension_names: Some(array.dims.iter().cloned().map(Some).collect()),
        storage_transformers: vec![],
    }
}

/// What `zarr.json` of a group says: attributes, and its arrays if they are in it.
pub(super) struct Group {
    pub attributes: Attributes,
    pub arrays: Option<Vec<StoredArray>>,
}

/// Reads `zarr.json` of a group.
pub(super) fn read_group(json: &[u8]) -> Result<Group, String> {
    let group: GroupDocument = serde_json::from_slice(json).map_err(|e| e.to_string())?;
    check_kind(group.zarr_format, &group.node_type, "group")?;
    let read = |(name, node): (String, Node)| match node {
        // Arrays of groups within are not looked for.
        _ if name.contains('/') => Ok(None),
        Node::Array(document) => array(name, *document).map(Some),
        Node::Other(value) if value.get("node_type") == Some(&"array".into()) => {
            let document = serde_json::from_value::<ArrayDocument>(value);
            document
                .map(|_| None)
                .map_err(|e| format!("array {name:?}: {e}"))
        }
        Node::Other(_) => Ok(None),
    };
    let arrays = group.consolidated_metadata.map(|all| {
        let arrays: Result<Vec<_>, String> = all.metadata.0.into_iter().map(read).collect();
        arrays.map(|arrays| arrays.into_iter().flatten().collect())
    });
    Ok(Group {
        attributes: from_entries(&group.attributes, None).0,
        arrays: arrays.transpose()?,
    })
}

/// Reads `zarr.json` of an array; `None` if it is a group's.
pub(super) fn read_array(name: &str, json: &[u8]) -> Result<Option<StoredArray>, String> {
    let wrong = |error: serde_json::Error| format!("array {name:?}: {error}");
    match serde_json::from_slice::<Node>(json).map_err(wrong)? {
        Node::Array(document) => array(name.into(), *document).map(Some),
        Node::Other(value) if value.get("node_type") == Some(&"group".into()) => Ok(None),
        Node::Other(value) => match serde_json::from_value::<ArrayDocument>(value) {
            Ok(_) => Ok(None),
            Err(error) => Err(wrong(error)),
        },
    }
}

fn check_kind(format: u64, found: &str, kind: &str) -> Result<(), String> {
    if format != 3 {
        return Err(format!("Zarr format {format}, where 3 is read"));
    }
    match found == kind {
        true => Ok(()),
        false => Err(format!("it describes a {found:?}, not a {kind}")),
    }
}

fn array(name: String, document: ArrayDocument) -> Result<StoredArray, String> {
    let at = |reason: &str| format!("array {name:?}: {reason}");
    check_kind(document.zarr_format, &document.node_type, "array").map_err(|e| at(&e))?;
    let lengths = |value: Option<&Value>| -> Option<Vec<usize>> {
        let lengths = value?.as_array()?.iter();
        lengths.map(|v| usize::try_from(v.as_u64()?).ok()).collect()
    };
    let mut unsupported = None;
    let mut refuse = |what: String| {
        unsupported.get_or_insert(what);
    };

    let type_name = document.data_type.as_str().unwrap_or("an extension");
    let dtype = match TYPES.iter().find(|(name, _)| *name == type_name) {
        Some((_, dtype)) => dtype.clone(),
        None => {
            refuse(format!("type {type_name}"));
            DataType::Other(type_name.into())
        }
    };
    if document.chunk_grid.name != "regular" {
        refuse(format!("chunk grid {:?}", document.chunk_grid.name));
    }
    if let [transformer, ..] = &document.storage_transformers[..] {
        refuse(format!("storage transformer {transformer}"));
    }
    let keys = &document.chunk_key_encoding;
    let separator = match keys.configuration.get("separator").map(Value::as_str) {
        Some(Some(".")) => '.',
        _ => '/',
    };
    if keys.name != "default" {
        refuse(format!("chunk key encoding {:?}", keys.name));
    }
    let files = lengths(document.chunk_grid.configuration.get("chunk_shape"))
        .ok_or_else(|| at("its chunks have no shape"))?;
    let (chunks, shards, inner) = match &document.codecs[..] {
        [sharding] if sharding.name == "sharding_indexed" => {
            let configuration = &sharding.configuration;
            let chunks = lengths(configuration.get("chunk_shape"))
                .ok_or_else(|| at("the chunks of its shards have no shape"))?;
            if configuration
                .get("index_location")
                .is_some_and(|v| v != "end")
            {
                refuse("a shard's index at the start".into());
            }
            let names = codec_names(configuration.get("index_codecs"));
            if names != ["bytes", "crc32c"] {
                refuse(format!("codecs {names:?} of a shard's index"));
            }
            (
                chunks,
                Some(files),
                codec_names(configuration.get("codecs")),
            )
        }
        codecs => {
            let names = codecs.iter().map(codec_name).collect();
            (files, None, names)
        }
    };
    let elements = if dtype == DataType::Text {
        "vlen-utf8"
    } else {
        "bytes"
    };
    let compression = match &inner.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [first] if *first == elements => Compression::None,
        [first, "zstd"] if *first == elements => Compression::Zstd,
        [first, "blosc"] if *first == elements => Compression::Blosc,
        codecs => {
            refuse(format!("compression by {codecs:?}"));
            Compression::None
        }
    };
    let (attributes, fill) = from_entries(&document.attributes, Some(&dtype));
    let dims = match document.dimension_names {
        Some(names) => names
            .into_iter()
            .enumerate()
            .map(|(i, name)| name.unwrap_or_else(|| format!("phony_dim_{i}")))
            .collect(),
        None => (0..document.shape.len())
            .map(|i| format!("phony_dim_{i}"))
            .collect(),
    };
    let unwritten = match element_from_json(&document.fill_value, &dtype) {
        Some(element) => element_bytes(&element).unwrap_or_default(),
        None if matches!(dtype, DataType::Text | DataType::Other(_)) => Vec::new(),
        None => return Err(at(&format!("{} is no {type_name}", document.fill_value))),
    };
    let stored = StoredArray {
        description: ArrayDescription {
            name,
            dims,
            shape: document.shape,
            dtype,
            attributes,
            fill,
            chunks,
            shards,
        },
        unwritten,
        separator,
        compression,
        unsupported,
    };
    // What is not read is listed only.
    if stored.unsupported.is_none() {
        stored.description.check()?;
    }
    Ok(stored)
}

fn codec_name(codec: &Named) -> String {
    match codec.configuration.get("endian").map(Value::as_str) {
        Some(Some(endian)) if endian != "little" => format!("{} ({endian} endian)", codec.name),
        _ => codec.name.clone(),
    }
}

fn codec_names(codecs: Option<&Value>) -> Vec<String> {
    let codecs: Vec<Named> = codecs
        .and_then(|codecs| serde_json::from_value(codecs.clone()).ok())
        .unwrap_or_default();
    codecs.iter().map(codec_name).collect()
}
