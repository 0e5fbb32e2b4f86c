//! How a command ends: exit codes and errors for people.

use crate::messages;
use swathe::job::JobError;
use swathe_core::array::ArrayError;
use swathe_io::error::Error;

/// A command did its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// All of it.
    Done,
    /// All but some granules, which were named.
    SomeSkipped,
}

impl Outcome {
    /// The exit code.
    pub fn code(self) -> u8 {
        match self {
            Outcome::Done => 0,
            Outcome::SomeSkipped => 3,
        }
    }
}

/// A command could not do its work: what was wrong, and what to do about it.
#[derive(Debug)]
pub struct Failure {
    message: String,
    hint: Option<String>,
    code: u8,
    cause: Option<Box<JobError>>,
}

impl Failure {
    /// Something went wrong: exit code 1.
    pub fn error(message: impl std::fmt::Display) -> Self {
        Failure {
            message: message.to_string(),
            hint: None,
            code: 1,
            cause: None,
        }
    }

    /// The command was not called as it should be: exit code 2.
    pub fn usage(message: impl std::fmt::Display) -> Self {
        Failure {
            code: 2,
            ..Failure::error(message)
        }
    }

    /// There is nothing to do: exit code 4.
    pub fn nothing(message: impl std::fmt::Display) -> Self {
        Failure {
            code: 4,
            ..Failure::error(message)
        }
    }

    /// The same with advice.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Whether it says what to do.
    pub fn has_hint(&self) -> bool {
        self.hint.is_some()
    }

    /// What was wrong.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// The exit code that says so.
    pub fn code(&self) -> u8 {
        self.code
    }

    /// The error that it comes from, if it is one of a job or a file.
    pub fn cause(&self) -> Option<&JobError> {
        self.cause.as_deref()
    }

    /// Whether the system refused to read or write: it may do so another time.
    pub fn is_of_the_system(&self) -> bool {
        matches!(self.cause(), Some(JobError::Files(Error::Io { .. })))
    }

    /// Prints it on standard error and gives the exit code.
    pub fn report(&self) -> u8 {
        messages::error(&self.message, self.hint.as_deref(), self.code);
        self.code
    }
}

impl From<JobError> for Failure {
    fn from(error: JobError) -> Self {
        let failure = match &error {
            JobError::Nothing { .. } => Failure::nothing(&error),
            JobError::Plan { .. }
            | JobError::Grid(_)
            | JobError::Crs(_)
            | JobError::Flags { .. } => Failure::usage(&error),
            _ => Failure::error(&error),
        };
        Failure {
            hint: error.hint().map(str::to_owned),
            cause: Some(Box::new(error)),
            ..failure
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        JobError::from(error).into()
    }
}

impl From<ArrayError> for Failure {
    fn from(error: ArrayError) -> Self {
        let failure = match error {
            ArrayError::Memory { needed, .. } => JobError::Plan {
                reason: error.to_string(),
                hint: Some(format!(
                    "give --memory {}MiB or more",
                    needed.div_ceil(1 << 20)
                )),
            },
            ArrayError::Source(reason) => JobError::Granule {
                name: String::new(),
                reason,
            },
            ArrayError::Interrupted => JobError::Interrupted,
            other => return Failure::usage(other),
        };
        failure.into()
    }
}

/// What a command returns.
pub type Result<T = Outcome> = std::result::Result<T, Failure>;
