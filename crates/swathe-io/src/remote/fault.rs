//! Why a request did not do its work, and what may be done about it.

use crate::error::Error;
use std::time::Duration;

/// What may be done about a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cure {
    /// Try again after a while.
    Retry,
    /// Ask for a new signed address.
    NewAddress,
    /// Sign in again.
    SignIn,
    /// Read the file whole: its server knows no ranges.
    Whole,
    /// Nothing.
    None,
}

/// A request that failed. It holds no secret: addresses in it are without their query.
#[derive(Debug, Clone)]
pub struct Fault {
    /// What may be done about it.
    pub cure: Cure,
    /// What happened.
    pub reason: String,
    /// What the user can do.
    pub hint: Option<String>,
    /// How long the server wants to be left alone.
    pub wait: Option<Duration>,
    /// Whether it is a matter of credentials.
    pub sign_in: bool,
    /// Whether it seldom passes by itself: one more try is enough.
    pub lasting: bool,
}

impl Fault {
    /// A fault with its cure.
    pub fn new(cure: Cure, reason: impl Into<String>) -> Fault {
        Fault {
            cure,
            reason: reason.into(),
            hint: None,
            wait: None,
            sign_in: cure == Cure::SignIn,
            lasting: false,
        }
    }

    /// A matter of credentials that only the user can settle.
    pub fn sign_in(reason: impl Into<String>, hint: impl Into<String>) -> Fault {
        Fault {
            hint: Some(hint.into()),
            sign_in: true,
            ..Fault::new(Cure::None, reason)
        }
    }

    /// The same with advice.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Fault {
        self.hint = Some(hint.into());
        self
    }

    /// The error of a file or service of this name.
    pub fn of(self, name: &str) -> Error {
        match self.sign_in {
            true => Error::Auth {
                path: name.to_owned(),
                reason: self.reason,
                hint: self.hint,
            },
            false => Error::Remote {
                path: name.to_owned(),
                reason: match self.hint {
                    Some(hint) => format!("{}; {hint}", self.reason),
                    None => self.reason,
                },
            },
        }
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.reason)?;
        match &self.hint {
            Some(hint) => write!(f, "; {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Fault {}
