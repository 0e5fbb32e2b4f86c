//! What a granule may be given as: a name, a path, a file object.

use crate::errors::Fault;
use crate::held::Held;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use swathe::io::bytes::ByteSource;
use swathe::io::dataset::Dataset;
use swathe::io::remote;
use swathe::io::stored::StoredFile;
use swathe::job::{
    Gathered, JobError, OnError, expand, gather, gather_datasets, gather_sources, within,
};

/// One granule, or several.
pub enum Input {
    /// A word as on the command line: a file, a folder, a pattern, `@list.txt`.
    Word(String),
    /// A path as it is; of a folder, what is in it.
    Path(PathBuf),
    /// Arrays that Python holds.
    Arrays(Held),
    /// Anything with `seek` and `read`.
    File(Py<PyAny>),
}

impl<'py> FromPyObject<'_, 'py> for Input {
    type Error = PyErr;

    /// Errors that are not about the type, such as Ctrl-C while Python says a path, are not taken for "it is
    /// something else".
    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        let py = object.py();
        // Text that is not Unicode can still be a path.
        if object.is_instance_of::<PyString>()
            && let Ok(word) = object.extract()
        {
            return Ok(Input::Word(word));
        }
        match object.extract::<PathBuf>() {
            Ok(path) => return Ok(Input::Path(path)),
            Err(error) if error.is_instance_of::<PyTypeError>(py) => {}
            Err(error) => return Err(error),
        }
        match object.hasattr("swathe_variables")? {
            true => Ok(Input::Arrays(object.extract()?)),
            false => Ok(Input::File(object.to_owned().unbind())),
        }
    }
}

/// Names the inputs that are local files.
///
/// # Errors
/// A list or folder that cannot be read; a pattern that nothing matches.
pub fn paths(inputs: &[Input]) -> Result<Vec<PathBuf>, JobError> {
    let mut paths = Vec::new();
    for input in inputs {
        match input {
            Input::Word(word) => paths.extend(expand(std::slice::from_ref(word))?),
            Input::Path(path) => paths.extend(within(path)?),
            Input::File(_) | Input::Arrays(_) => {}
        }
    }
    Ok(paths)
}

/// Opens the inputs of a job, on the current thread pool.
///
/// # Errors
/// As [`gather`].
pub fn gather_inputs(
    inputs: &[Input],
    paths: &[PathBuf],
    on_error: OnError,
) -> Result<Gathered, JobError> {
    let mut gathered = gather(paths, on_error)?;
    let sources: Result<Vec<_>, JobError> = inputs
        .iter()
        .filter_map(|input| match input {
            Input::File(object) => Some(source(object)),
            _ => None,
        })
        .collect();
    let held = inputs.iter().filter_map(|input| match input {
        Input::Arrays(held) => Some(held.dataset()),
        _ => None,
    });
    let held = gather_datasets(held.collect(), on_error)?;
    gathered.candidates.extend(held.candidates);
    gathered.skipped.extend(held.skipped);
    let others = gather_sources(sources?, on_error)?;
    gathered.candidates.extend(others.candidates);
    gathered.skipped.extend(others.skipped);
    Ok(gathered)
}

/// The dataset of one input; call it without the interpreter.
///
/// # Errors
/// When it cannot be opened, or means several files.
pub fn dataset(input: &Input) -> Result<Dataset, Fault> {
    match input {
        Input::Arrays(held) => Ok(held.dataset()),
        Input::File(object) => Ok(Dataset::from_source(source(object)?)?),
        Input::Path(path) => Ok(Dataset::open(path)?),
        // One file is wanted: a word is no pattern here.
        Input::Word(word) => {
            if word.contains("://") {
                expand(std::slice::from_ref(word))?;
            }
            Ok(Dataset::open(Path::new(word))?)
        }
    }
}

/// The files of inputs, and where others can open those that are no file objects.
///
/// # Errors
/// A file that cannot be opened.
pub fn stored_files(inputs: &[Input]) -> Result<Vec<StoredFile>, Fault> {
    let mut files = Vec::new();
    for input in inputs {
        let paths = paths(std::slice::from_ref(input))?;
        if let Input::File(_) | Input::Arrays(_) = input {
            let dataset = Arc::new(dataset(input)?);
            files.push(StoredFile {
                dataset,
                path: None,
            });
        }
        for path in paths {
            let dataset = Arc::new(Dataset::open(&path)?);
            let path = match remote::address(&path) {
                Some(_) => path,
                None => std::path::absolute(&path).unwrap_or(path),
            };
            files.push(StoredFile {
                dataset,
                path: Some(path),
            });
        }
    }
    Ok(files)
}

fn source(object: &Py<PyAny>) -> Result<Arc<dyn ByteSource>, JobError> {
    match FileObject::new(object) {
        Ok(source) => Ok(Arc::new(source)),
        Err((name, reason)) => Err(JobError::Granule {
            reason: format!("{name}: {reason}"),
            name,
        }),
    }
}

/// A Python file object: read by `seek` and `read`, one read at a time.
struct FileObject {
    /// The lock is taken before the interpreter's, never the other way round.
    object: Mutex<Py<PyAny>>,
    name: String,
    len: u64,
}

impl FileObject {
    /// Asks an object for its name and length; an error has the name.
    fn new(object: &Py<PyAny>) -> Result<Self, (String, String)> {
        Python::attach(|py| {
            let bound = object.bind(py);
            let name = name_of(bound);
            let len = bound
                .call_method1("seek", (0, 2))
                .and_then(|_| bound.call_method0("tell"))
                .and_then(|end| end.extract::<u64>());
            match len {
                Ok(len) => Ok(FileObject {
                    object: Mutex::new(object.clone_ref(py)),
                    name,
                    len,
                }),
                Err(error) => Err((name, said(py, &error))),
            }
        })
    }
}

impl ByteSource for FileObject {
    fn name(&self) -> &str {
        &self.name
    }

    fn len(&self) -> u64 {
        self.len
    }

    fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let object = self.object.lock().unwrap_or_else(PoisonError::into_inner);
        Python::attach(|py| {
            let failed = |error: PyErr| io::Error::other(said(py, &error));
            let object = object.bind(py);
            object.call_method1("seek", (offset,)).map_err(failed)?;
            let mut filled = 0;
            while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
                let read = object.call_method1("read", (rest.len(),)).map_err(failed)?;
                let bytes = read.cast::<PyBytes>().map_err(|_| {
                    io::Error::other("the file object gives no bytes: open it with mode \"rb\"")
                })?;
                let bytes = bytes.as_bytes();
                match rest.get_mut(..bytes.len()) {
                    Some(_) if bytes.is_empty() => return Err(io::ErrorKind::UnexpectedEof.into()),
                    Some(part) => part.copy_from_slice(bytes),
                    None => return Err(io::Error::other("the file object gives too many bytes")),
                }
                filled += bytes.len();
            }
            Ok(())
        })
    }
}

/// The name of a file object, without a query, which may hold a secret.
fn name_of(object: &Bound<'_, PyAny>) -> String {
    let name = ["full_name", "path", "name"].iter().find_map(|name| {
        let value = object.getattr(*name).ok()?;
        value.extract::<String>().ok()
    });
    match name {
        Some(name) => name.split(['?', '#']).next().unwrap_or(&name).to_owned(),
        None => "file object".to_owned(),
    }
}

/// What an exception says.
fn said(py: Python<'_>, error: &PyErr) -> String {
    let text = error.value(py).to_string();
    match text.is_empty() {
        true => error.to_string(),
        false => text,
    }
}
