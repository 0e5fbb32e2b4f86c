//! How a command ends: exit codes and errors for people.

use crate::messages;
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
    cause: Option<Box<Error>>,
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

    /// The error of a file that it comes from.
    pub fn cause(&self) -> Option<&Error> {
        self.cause.as_deref()
    }

    /// Prints it on standard error and gives the exit code.
    pub fn report(&self) -> u8 {
        messages::error(&self.message, self.hint.as_deref(), self.code);
        self.code
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let hint = match &error {
            Error::Auth { hint, .. } => hint.clone(),
            _ => None,
        };
        Failure {
            message: error.to_string(),
            hint,
            code: 1,
            cause: Some(Box::new(error)),
        }
    }
}

/// What a command returns.
pub type Result<T = Outcome> = std::result::Result<T, Failure>;
