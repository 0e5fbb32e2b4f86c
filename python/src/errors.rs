//! Errors of the library as exceptions of `swathe.errors`: a class for every variant, by its name.

use pyo3::exceptions::{PyKeyboardInterrupt, PyRuntimeError};
use pyo3::prelude::*;
use swathe::io::error::Error;
use swathe::job::JobError;
use swathe::{Failure, shortened};

/// What options are called in Python, longest first: messages speak the command line's language.
const WORDS: [(&str, &str); 25] = [
    (
        "as in -b -77,36,-73,41 -r 0.015",
        "as in bbox=(-77, 36, -73, 41), resolution=0.015",
    ),
    ("--overwrite replaces it", "overwrite=True replaces it"),
    ("--flags none", "flags=\"none\""),
    ("--valid-range", "valid_range"),
    ("--allow-mixed", "allow_mixed=True"),
    ("--bounds", "bounds"),
    ("--linear", "log=False"),
    ("--weight equal", "weight=\"equal\""),
    ("--every", "every"),
    ("--limits ", "limits="),
    ("-m nearest", "method=\"nearest\""),
    (
        "choose a variable with -v; `swathe info` lists them",
        "choose a variable; swathe.open(path).variables lists them",
    ),
    ("`swathe grid`", "swathe.grid"),
    (
        "use --best smallest:view_angle",
        "use best=\"smallest:view_angle\"",
    ),
    ("use --weight observation", "use weight=\"observation\""),
    (
        "and does not go with --weight ",
        "and does not go with weight ",
    ),
    (
        "use --stat mode, share, first or last",
        "use stat \"mode\", \"share\", \"first\" or \"last\"",
    ),
    (
        "for the latest observation --stat last",
        "for the latest observation stat=\"last\"",
    ),
    (
        "for the earliest observation --stat first",
        "for the earliest observation stat=\"first\"",
    ),
    (
        "mask by them with --flags, or with a condition in --where",
        "mask by them with flags, or with a condition in where",
    ),
    ("as in --grid isin-4320", "as in grid=\"isin-4320\""),
    (
        "`swathe map` puts them on a map, `swathe merge` adds them",
        "swathe.map puts them on a map, swathe.merge adds them",
    ),
    ("--best is of observations", "best is of observations"),
    ("use --stat mode", "use stat=\"mode\""),
    ("use --stat median", "use stat=\"median\""),
];

/// Text for people who write Python.
fn in_python(text: &str) -> String {
    let text = WORDS
        .iter()
        .fold(shortened(text).into_owned(), |text, (word, meant)| {
            text.replace(word, meant)
        });
    // As in `--memory 300MiB or more`.
    let Some((before, after)) = text.split_once("--memory ") else {
        return text;
    };
    let (size, rest) = after.split_at(after.find(' ').unwrap_or(after.len()));
    format!("{before}memory=\"{size}\"{rest}")
}

/// An exception of a class of `swathe.errors`.
pub fn exception(py: Python<'_>, class: &str, message: &str, hint: Option<&str>) -> PyErr {
    let made = py
        .import("swathe.errors")
        .and_then(|errors| errors.getattr(class))
        .and_then(|class| class.call1((in_python(message), hint.map(in_python))));
    match made {
        Ok(made) => PyErr::from_value(made),
        // Ctrl-C came at this very moment.
        Err(raised) if raised.is_instance_of::<PyKeyboardInterrupt>(py) => raised,
        // A package without its Python part.
        Err(_) => PyRuntimeError::new_err(message.to_owned()),
    }
}

/// An error that Python can raise.
pub trait Raise {
    /// The exception.
    fn raise(&self, py: Python<'_>) -> PyErr;
}

/// The class of a job's error; `None` for Python's own, which Ctrl-C raises.
fn class_of_job(error: &JobError) -> Option<&'static str> {
    Some(match error {
        JobError::Granule { .. } => "GranuleError",
        JobError::Plan { .. } => "PlanError",
        JobError::Nothing { .. } => "NothingToDoError",
        JobError::Grid(_) => "GridError",
        JobError::Crs(_) => "CrsError",
        JobError::Flags { .. } => "FlagsError",
        JobError::Reduce(_) => "ReduceError",
        JobError::Interrupted => return None,
        JobError::Cluster { .. } => "ClusterError",
        JobError::Threads(_) => "ThreadsError",
        JobError::Files(error) => return class_of_file(error),
        _ => "SwatheError",
    })
}

/// The class of a file's error; `None` as of a job's.
fn class_of_file(error: &Error) -> Option<&'static str> {
    Some(match error {
        Error::Interrupted(_) => return None,
        Error::Io { .. } => "IoError",
        Error::Format { .. } => "FormatError",
        Error::Unsupported { .. } => "UnsupportedError",
        Error::Missing { .. } => "MissingError",
        Error::Request { .. } => "RequestError",
        Error::Product { .. } => "ProductError",
        Error::Slab { .. } => "SlabError",
        Error::NotASwath { .. } => "NotASwathError",
        Error::NotAGrid { .. } => "NotAGridError",
        Error::Remote { .. } => "RemoteError",
        Error::Auth { .. } => "AuthError",
        _ => "SwatheError",
    })
}

/// An exception of a class of `swathe.errors`, or Python's own.
fn raised(py: Python<'_>, class: Option<&str>, message: &str, hint: Option<&str>) -> PyErr {
    match class {
        Some(class) => exception(py, class, message, hint),
        None => PyKeyboardInterrupt::new_err(()),
    }
}

impl Raise for JobError {
    fn raise(&self, py: Python<'_>) -> PyErr {
        raised(py, class_of_job(self), &self.to_string(), self.hint())
    }
}

impl Raise for Error {
    fn raise(&self, py: Python<'_>) -> PyErr {
        let hint = match self {
            Error::Auth { hint, .. } => hint.as_deref(),
            _ => None,
        };
        raised(py, class_of_file(self), &self.to_string(), hint)
    }
}

impl Raise for Failure {
    fn raise(&self, py: Python<'_>) -> PyErr {
        let class = match (self.cause(), self.code()) {
            (Some(cause), _) => class_of_job(cause),
            (None, 2) => Some("PlanError"),
            (None, 4) => Some("NothingToDoError"),
            (None, _) => Some("SwatheError"),
        };
        raised(py, class, self.message(), self.hint())
    }
}

/// What a task may end with besides its result.
#[derive(Debug)]
pub enum Fault {
    /// A job cannot be done.
    Job(JobError),
    /// A file cannot be read or written.
    File(Error),
    /// A command cannot do its work.
    Command(Failure),
}

impl Fault {
    /// What went wrong.
    pub fn message(&self) -> String {
        match self {
            Fault::Job(error) => error.to_string(),
            Fault::File(error) => error.to_string(),
            Fault::Command(failure) => failure.message().to_owned(),
        }
    }
}

impl Raise for Fault {
    fn raise(&self, py: Python<'_>) -> PyErr {
        match self {
            Fault::Job(error) => error.raise(py),
            Fault::File(error) => error.raise(py),
            Fault::Command(error) => error.raise(py),
        }
    }
}

impl From<JobError> for Fault {
    fn from(error: JobError) -> Self {
        Fault::Job(error)
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Fault::File(error)
    }
}

impl From<Failure> for Fault {
    fn from(error: Failure) -> Self {
        Fault::Command(error)
    }
}
