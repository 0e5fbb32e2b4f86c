//! Variables of files as lazy arrays: of one file, or of many joined along a dimension.

use std::collections::HashMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use serde::{Deserialize, Serialize};
use swathe_core::array::{Array, ArrayError, Buffer, ChunkSource, Cut, DType, shape_text};
use swathe_core::source::Values;
use swathe_core::suggest::nearest;

use crate::dataset::{self, Attributes, DataType, Dataset, Group, Variable};
use crate::error::{Error, Result};
use crate::granule::attributes::find;
use crate::granule::decode::Decoder;
use crate::granule::layout::base_name;
use crate::product::gridded::series;

/// What of files is wanted, and how.
#[derive(Debug, Clone, Default)]
pub struct Opening {
    /// Name or path of the variable.
    pub variable: String,
    /// The dimension that files are joined along: the variable's own, or a new one, which comes first.
    /// Several files without it are stacked along a new one.
    pub along: Option<String>,
    /// How each file's variable is cut; whole storage chunks where nothing is said.
    pub cuts: Option<Vec<Cut>>,
    /// As stored: neither unpacked nor are missing values NaN.
    pub stored: bool,
}

/// An open file, and where others can open it, if they can.
#[derive(Debug, Clone)]
pub struct StoredFile {
    /// The file.
    pub dataset: Arc<Dataset>,
    /// Its path or address.
    pub path: Option<PathBuf>,
}

/// Elements of a chunk, about: what is read at a time.
const CHUNK_ELEMENTS: usize = 1 << 18;

/// A variable of files as a lazy array. Missing values are NaN and packed ones are unpacked, by the rules
/// of granules; whole numbers that are flags, or neither packed nor have missing values, stay what they are.
///
/// # Errors
/// No file; a variable that is not there or holds no numbers; shapes that differ in other dimensions than
/// the one along which files are joined.
pub fn open(files: &[StoredFile], opening: &Opening) -> Result<Array> {
    let mut arrays = Vec::with_capacity(files.len());
    let mut axis = None;
    let mut first: Option<(String, Vec<usize>)> = None;
    for file in files {
        let variable = find_variable(&file.dataset, &opening.variable)?;
        let own = opening.along.as_ref();
        let own = own.and_then(|along| variable.dims.iter().position(|dim| dim == along));
        let mut shape = variable.shape.clone();
        if let Some(length) = own.and_then(|own| shape.get_mut(own)) {
            *length = 0;
        }
        let place = format!("{}: {}", file.dataset.name(), variable.path);
        match &first {
            Some((name, other)) if *other != shape || axis != own => {
                return Err(Error::Request {
                    path: place,
                    reason: format!(
                        "its shape {} does not go with that of {name}, {}: only along one dimension can files \
                         be joined",
                        shape_text(&shape),
                        shape_text(other)
                    ),
                });
            }
            Some(_) => {}
            None => first = Some((file.dataset.name().to_owned(), shape)),
        }
        axis = own;
        arrays.push(one(file, variable, opening)?);
    }
    let refused = |error: ArrayError| Error::Request {
        path: opening.variable.clone(),
        reason: error.to_string(),
    };
    match (&arrays[..], axis) {
        ([], _) => Err(refused(ArrayError::Value("there is no file".into()))),
        ([array], None) if opening.along.is_none() => Ok(array.clone()),
        (arrays, None) => Array::stack(arrays, 0).map_err(refused),
        (arrays, Some(axis)) => Array::concatenate(arrays, axis as i64).map_err(refused),
    }
}

/// The variable of one file.
fn one(file: &StoredFile, variable: &Variable, opening: &Opening) -> Result<Array> {
    let source = StoredVariable::new(file, variable, opening.stored)?;
    let cuts = match &opening.cuts {
        Some(cuts) => cuts.clone(),
        None => usual_cuts(&variable.shape, variable.chunk_shape.as_deref()),
    };
    let dtype = source.dtype;
    let name = source.name();
    Array::from_source(Arc::new(source), &variable.shape, dtype, &cuts).map_err(|error| {
        Error::Request {
            path: name,
            reason: error.to_string(),
        }
    })
}

/// Whole storage chunks, together about so many elements, the last dimensions first.
fn usual_cuts(shape: &[usize], chunk: Option<&[usize]>) -> Vec<Cut> {
    let mut cuts: Vec<usize> = match chunk {
        Some(chunk) if chunk.len() == shape.len() => chunk.to_vec(),
        _ => vec![1; shape.len()],
    };
    let mut elements: usize = cuts.iter().fold(1, |all, len| all.saturating_mul(*len));
    for (cut, &len) in cuts.iter_mut().zip(shape).rev() {
        *cut = (*cut).max(1);
        let more = (CHUNK_ELEMENTS / elements.max(1)).clamp(1, len.div_ceil(*cut).max(1));
        *cut *= more;
        elements = elements.saturating_mul(more);
    }
    cuts.into_iter().map(Cut::Size).collect()
}

/// The variable of a name, or of a path.
fn find_variable<'a>(dataset: &'a Dataset, name: &str) -> Result<&'a Variable> {
    fn all<'a>(group: &'a Group, found: &mut Vec<&'a Variable>) {
        found.extend(&group.variables);
        group.groups.iter().for_each(|below| all(below, found));
    }
    if let Some(found) = dataset.find(name) {
        return Ok(found);
    }
    let mut variables = Vec::new();
    all(dataset.root(), &mut variables);
    let named: Vec<&&Variable> = variables
        .iter()
        .filter(|variable| base_name(&variable.path) == name)
        .collect();
    let missing = |hint: String| Error::Missing {
        path: dataset.name().into(),
        kind: "variable",
        name: name.into(),
        hint: Some(hint),
    };
    match named[..] {
        [found] => Ok(found),
        [] => {
            let names = || variables.iter().map(|variable| base_name(&variable.path));
            let list = names().take(40).collect::<Vec<_>>().join(", ");
            Err(missing(match nearest(name, names()) {
                Some(near) => format!("did you mean {near}? there are {list}"),
                None => format!("there are {list}"),
            }))
        }
        _ => {
            let paths: Vec<&str> = named
                .iter()
                .map(|variable| variable.path.as_str())
                .collect();
            Err(missing(format!("which of {}?", paths.join(", "))))
        }
    }
}

/// A variable that is read by boxes.
struct StoredVariable {
    file: StoredFile,
    variable: Variable,
    decoder: Option<Decoder>,
    dtype: DType,
}

/// What descriptions begin with.
const MARK: &[u8] = b"file:";

/// What another process needs to read the same.
#[derive(Serialize, Deserialize)]
struct Description {
    path: PathBuf,
    variable: String,
    shape: Vec<usize>,
    stored: bool,
    /// Bytes of the file and when it was written, so that descriptions of a file that has changed differ.
    stamp: Option<(u64, u128)>,
}

pub(crate) fn stamp(path: &Path) -> Option<(u64, u128)> {
    let about = std::fs::metadata(path).ok()?;
    let written = about.modified().ok()?;
    let since = written.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some((about.len(), since.as_nanos()))
}

impl StoredVariable {
    fn new(file: &StoredFile, variable: &Variable, stored: bool) -> Result<Self> {
        let own = match variable.dtype {
            DataType::I8 => DType::I8,
            DataType::U8 => DType::U8,
            DataType::I16 => DType::I16,
            DataType::U16 => DType::U16,
            DataType::I32 => DType::I32,
            DataType::U32 => DType::U32,
            DataType::I64 => DType::I64,
            DataType::U64 => DType::U64,
            DataType::F32 => DType::F32,
            DataType::F64 => DType::F64,
            DataType::Text | DataType::Other(_) => {
                return Err(Error::Request {
                    path: format!("{}: {}", file.dataset.name(), variable.path),
                    reason: "it holds no numbers".into(),
                });
            }
        };
        let whole = !matches!(variable.dtype, DataType::F32 | DataType::F64);
        let mut decoder = None;
        let mut dtype = own;
        let flags = find(&variable.attributes, "flag_meanings").is_some();
        if !stored && !(whole && (flags || is_plain(&variable.attributes))) {
            let decode = Decoder::new(variable, file.dataset.name())?;
            dtype = match decode.decode(nothing(own), None) {
                Values::F32(_) => DType::F32,
                Values::F64(_) => DType::F64,
            };
            decoder = Some(decode);
        }
        Ok(StoredVariable {
            file: file.clone(),
            variable: variable.clone(),
            decoder,
            dtype,
        })
    }
}

/// Whether nothing says that values are packed or missing.
fn is_plain(attributes: &Attributes) -> bool {
    const SAYING: [&str; 8] = [
        "_FillValue",
        "missing_value",
        "valid_range",
        "valid_min",
        "valid_max",
        "scale_factor",
        "add_offset",
        "_Unsigned",
    ];
    SAYING.iter().all(|name| find(attributes, name).is_none())
}

fn nothing(dtype: DType) -> dataset::Array {
    use dataset::Array;
    match dtype {
        DType::I8 => Array::I8(Vec::new()),
        DType::U8 | DType::Bool => Array::U8(Vec::new()),
        DType::I16 => Array::I16(Vec::new()),
        DType::U16 => Array::U16(Vec::new()),
        DType::I32 => Array::I32(Vec::new()),
        DType::U32 => Array::U32(Vec::new()),
        DType::I64 => Array::I64(Vec::new()),
        DType::U64 => Array::U64(Vec::new()),
        DType::F32 => Array::F32(Vec::new()),
        DType::F64 => Array::F64(Vec::new()),
    }
}

impl ChunkSource for StoredVariable {
    fn name(&self) -> String {
        let variable = self.variable.path.trim_start_matches('/');
        format!("{}: {variable}", self.file.dataset.name())
    }

    fn read(&self, region: &[Range<usize>]) -> std::result::Result<Buffer, String> {
        let stored = self.file.dataset.read(&self.variable, region);
        let stored = stored.map_err(|error| error.to_string())?;
        if let Some(decoder) = &self.decoder {
            return Ok(match decoder.decode(stored, None) {
                Values::F32(values) => Buffer::F32(values),
                Values::F64(values) => Buffer::F64(values),
            });
        }
        Ok(match stored {
            dataset::Array::I8(v) => Buffer::I8(v),
            dataset::Array::U8(v) => Buffer::U8(v),
            dataset::Array::I16(v) => Buffer::I16(v),
            dataset::Array::U16(v) => Buffer::U16(v),
            dataset::Array::I32(v) => Buffer::I32(v),
            dataset::Array::U32(v) => Buffer::U32(v),
            dataset::Array::I64(v) => Buffer::I64(v),
            dataset::Array::U64(v) => Buffer::U64(v),
            dataset::Array::F32(v) => Buffer::F32(v),
            dataset::Array::F64(v) => Buffer::F64(v),
            dataset::Array::Text(_) => return Err(format!("{}: it holds text", self.name())),
        })
    }

    fn description(&self) -> Option<Vec<u8>> {
        let path = self.file.path.clone()?;
        let description = Description {
            stamp: stamp(&path),
            path,
            variable: self.variable.path.clone(),
            shape: self.variable.shape.clone(),
            stored: self.decoder.is_none(),
        };
        let told = postcard::to_stdvec(&description).ok()?;
        Some([MARK, &told].concat())
    }
}

/// The source of a description of a variable or a map, for a process that got an array from another. Files are opened once, while
/// any array reads them.
///
/// # Errors
/// A file that is not there, or is not what it was; bytes that are no description.
pub fn described(description: &[u8]) -> std::result::Result<Arc<dyn ChunkSource>, String> {
    if let Some(map) = description.strip_prefix(series::MARK) {
        return series::described(map);
    }
    let told = description.strip_prefix(MARK).unwrap_or_default();
    let told: Description =
        postcard::from_bytes(told).map_err(|error| format!("no description of a file: {error}"))?;
    let file = StoredFile {
        dataset: opened(&told.path).map_err(|error| error.to_string())?,
        path: Some(told.path),
    };
    let variable = find_variable(&file.dataset, &told.variable).map_err(|e| e.to_string())?;
    if variable.shape != told.shape {
        return Err(format!(
            "{}: {}: its shape was {}, it is {}",
            file.dataset.name(),
            variable.path,
            shape_text(&told.shape),
            shape_text(&variable.shape)
        ));
    }
    let variable = variable.clone();
    let source = StoredVariable::new(&file, &variable, told.stored).map_err(|e| e.to_string())?;
    Ok(Arc::new(source))
}

fn opened(path: &Path) -> Result<Arc<Dataset>> {
    static OPEN: Mutex<Option<HashMap<PathBuf, Weak<Dataset>>>> = Mutex::new(None);
    let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    let open = open.get_or_insert_default();
    if let Some(dataset) = open.get(path).and_then(Weak::upgrade) {
        return Ok(dataset);
    }
    open.retain(|_, dataset| dataset.strong_count() > 0);
    let dataset = Arc::new(Dataset::open(path)?);
    open.insert(path.to_owned(), Arc::downgrade(&dataset));
    Ok(dataset)
}
