//! Why a job cannot be done.

use swathe_core::build_geobox::InvalidGrid;
use swathe_core::crs::InvalidCrs;
use swathe_core::mask::FlagError;
use swathe_core::reduce::ReduceError;

/// A job cannot be done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JobError {
    /// A granule is at fault; the text names it.
    #[error("{reason}")]
    Granule {
        /// Base name.
        name: String,
        /// What is wrong, with the name.
        reason: String,
    },
    /// The options do not fit together, or do not fit the granules.
    #[error("{reason}")]
    Plan {
        /// What is wrong.
        reason: String,
        /// What to do.
        hint: Option<String>,
    },
    /// There is nothing to do.
    #[error("{reason}")]
    Nothing {
        /// Why.
        reason: String,
    },
    /// The grid cannot be made.
    #[error(transparent)]
    Grid(#[from] InvalidGrid),
    /// The coordinate reference system cannot be used.
    #[error(transparent)]
    Crs(#[from] InvalidCrs),
    /// The flags cannot be chosen.
    #[error("{granule}: {source}")]
    Flags {
        /// Base name of the granule whose flags they are.
        granule: String,
        /// Why not.
        source: FlagError,
    },
    /// The states of granules cannot be combined.
    #[error(transparent)]
    Reduce(#[from] ReduceError),
    /// What a run keeps on disk, or its outputs, cannot be written or read.
    #[error(transparent)]
    Files(swathe_io::error::Error),
    /// A run cannot be spread over other processes, or these do not fit this one.
    #[error("{reason}")]
    Cluster {
        /// What is wrong.
        reason: String,
        /// What to do.
        hint: Option<String>,
    },
    /// The run was broken off by who watches it.
    #[error("interrupted")]
    Interrupted,
    /// Threads cannot be started.
    #[error("threads cannot be started: {0}")]
    Threads(#[from] rayon::ThreadPoolBuildError),
}

impl JobError {
    /// The options do not fit.
    pub(crate) fn plan(reason: impl Into<String>) -> Self {
        JobError::Plan {
            reason: reason.into(),
            hint: None,
        }
    }

    /// The options do not fit, with advice.
    pub(crate) fn plan_hint(reason: impl Into<String>, hint: impl Into<String>) -> Self {
        JobError::Plan {
            reason: reason.into(),
            hint: Some(hint.into()),
        }
    }

    /// A run cannot be spread.
    pub fn cluster(reason: impl Into<String>) -> Self {
        JobError::Cluster {
            reason: reason.into(),
            hint: None,
        }
    }

    /// A granule is at fault.
    pub(crate) fn granule(name: &str, reason: impl std::fmt::Display) -> Self {
        let text = reason.to_string();
        let reason = if text.contains(name) {
            text
        } else {
            format!("{name}: {text}")
        };
        JobError::Granule {
            name: name.to_owned(),
            reason,
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<&str> {
        match self {
            JobError::Plan { hint, .. }
            | JobError::Cluster { hint, .. }
            | JobError::Files(swathe_io::error::Error::Auth { hint, .. }) => hint.as_deref(),
            _ => None,
        }
    }
}
