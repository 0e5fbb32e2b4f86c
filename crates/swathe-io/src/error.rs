//! What can go wrong between a file and its values.

/// An error of reading or writing a file. Its text says what was wrong and where.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: String,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The file is not what it claims to be, or is damaged.
    #[error("{path}: {reason}")]
    Format {
        /// The file, with the variable or chunk where one is concerned.
        path: String,
        /// What is wrong.
        reason: String,
    },
    /// The file uses a feature that is not supported.
    #[error("{path}: {feature} is not supported")]
    Unsupported {
        /// The file, with the variable where one is concerned.
        path: String,
        /// Name of the feature.
        feature: String,
    },
    /// Something that was asked for is not there.
    #[error("{path}: no {kind} {name:?}{}", hint.as_deref().map(|h| format!(" ({h})")).unwrap_or_default())]
    Missing {
        /// The file.
        path: String,
        /// "variable", "group", "flag", ...
        kind: &'static str,
        /// The name asked for.
        name: String,
        /// What to do: the nearest name, or the names that exist.
        hint: Option<String>,
    },
    /// What was asked for cannot be done with this file.
    #[error("{path}: {reason}")]
    Request {
        /// The file, with the variable where one is concerned.
        path: String,
        /// Why not, and what could be asked for.
        reason: String,
    },
    /// A product is not consistent, or has no form in the format asked for.
    #[error("the product cannot be written: {reason}")]
    Product {
        /// What is wrong with it.
        reason: String,
    },
    /// A part was asked for that the variable does not have.
    #[error("{path}: elements {slab:?} were asked for, its shape is {shape:?}")]
    Slab {
        /// The file and the variable.
        path: String,
        /// The ranges asked for.
        slab: Vec<std::ops::Range<usize>>,
        /// The lengths of the variable's dimensions.
        shape: Vec<usize>,
    },
    /// A server did not give what it was asked for.
    #[error("{path}: {reason}")]
    Remote {
        /// The address, without its query.
        path: String,
        /// What happened, and what to do.
        reason: String,
    },
    /// A server wants another sign-in, or more of it.
    #[error("{path}: {reason}")]
    Auth {
        /// The address, without its query.
        path: String,
        /// What is missing.
        reason: String,
        /// What to do.
        hint: Option<String>,
    },
    /// The file is readable but is not a swath.
    #[error("{path}: not a swath: {reason}")]
    NotASwath {
        /// The file.
        path: String,
        /// Why, in one sentence.
        reason: String,
    },
    /// The file is readable but holds no map on a regular grid.
    #[error("{path}: not a grid: {reason}")]
    NotAGrid {
        /// The file.
        path: String,
        /// Why, in one sentence.
        reason: String,
    },
    /// The calling thread was asked to stop.
    #[error(transparent)]
    Interrupted(swathe_core::stop::Stopped),
}

impl Error {
    /// A file has no variable of this path.
    pub(crate) fn no_variable(file: &str, path: &str) -> Self {
        Error::Missing {
            path: file.into(),
            kind: "variable",
            name: path.into(),
            hint: None,
        }
    }
}

/// Result of this crate's functions.
pub type Result<T> = std::result::Result<T, Error>;
