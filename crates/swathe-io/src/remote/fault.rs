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
        // Faults of a request name its address, which is the file's unless it was redirected.
        let told = self.reason.strip_prefix(name);
        let told = told.and_then(|rest| rest.strip_prefix(": ").or(rest.strip_prefix(' ')));
        let reason = told.unwrap_or(&self.reason).to_owned();
        match self.sign_in {
            true => Error::Auth {
                path: name.to_owned(),
                reason,
                hint: self.hint,
            },
            false => Error::Remote {
                path: name.to_owned(),
                reason: match self.hint {
                    Some(hint) => format!("{reason}; {hint}"),
                    None => reason,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_named_once() {
        for (reason, expected) in [
            (
                "https://a.org/x did not answer",
                "https://a.org/x: did not answer",
            ),
            (
                "https://a.org/x: not an address",
                "https://a.org/x: not an address",
            ),
            (
                "https://b.org/ did not answer",
                "https://a.org/x: https://b.org/ did not answer",
            ),
            (
                "https://a.org/xy is gone",
                "https://a.org/x: https://a.org/xy is gone",
            ),
            ("it is damaged", "https://a.org/x: it is damaged"),
        ] {
            let fault = Fault::new(Cure::None, reason);
            assert_eq!(fault.of("https://a.org/x").to_string(), expected);
        }
    }
}
