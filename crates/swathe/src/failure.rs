//! How a command ends: exit codes and errors for people.

use std::process::ExitCode;

/// A command did its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// All of it.
    Done,
    /// All but some granules, which were named.
    SomeSkipped,
    /// There was nothing to do: no granule, or none touches the area.
    Nothing,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> ExitCode {
        ExitCode::from(match outcome {
            Outcome::Done => 0,
            Outcome::SomeSkipped => 3,
            Outcome::Nothing => 4,
        })
    }
}

/// A command could not do its work: what was wrong, and what to do about it.
#[derive(Debug)]
pub struct Failure {
    message: String,
    hint: Option<String>,
    code: u8,
}

impl Failure {
    /// Something went wrong: exit code 1.
    pub fn error(message: impl std::fmt::Display) -> Self {
        Failure {
            message: message.to_string(),
            hint: None,
            code: 1,
        }
    }

    /// The command was not called as it should be: exit code 2.
    pub fn usage(message: impl std::fmt::Display) -> Self {
        Failure {
            code: 2,
            ..Failure::error(message)
        }
    }

    /// The same with advice.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Prints it on standard error and gives the exit code.
    pub fn report(&self) -> ExitCode {
        eprintln!("error: {}", self.message);
        if let Some(hint) = &self.hint {
            eprintln!("  hint: {hint}");
        }
        ExitCode::from(self.code)
    }
}

impl From<swathe_io::error::Error> for Failure {
    fn from(error: swathe_io::error::Error) -> Self {
        Failure::error(error)
    }
}

/// What a command returns.
pub type Result<T = Outcome> = std::result::Result<T, Failure>;
