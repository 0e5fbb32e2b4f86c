//! A line of text that says an array: Python's syntax, numpy's names.
//!
//! ```text
//! text --tokens--> signs, names, numbers --parser--> operators, indices, calls
//!                                            `--functions: arguments of a call--> value: an Array, or a number
//! ```

mod arguments;
mod functions;
mod parser;
mod tokens;
mod value;

use super::Cut;
use super::error::ArrayError;
use super::expression::Array;
use super::random::Generator;
use parser::Parser;
use tokens::tokens;
use value::Value;

/// What a line says: an array, or a number alone.
///
/// # Errors
/// A mistake with the column where it is; what cannot be done with arrays, with that of the operation.
pub fn parse(text: &str, random: &mut Generator, opener: &Opener<'_>) -> Result<Array, Mistake> {
    let tokens = tokens(text)?;
    Parser::new(&tokens, text.chars().count(), random, opener).whole()
}

/// What `open(...)` says: a variable of files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// The files, as words of the command line.
    pub files: Vec<String>,
    /// Name or path of the variable.
    pub variable: String,
    /// The dimension that files are joined along.
    pub along: Option<String>,
    /// How each is cut.
    pub cuts: Option<Vec<Cut>>,
    /// Whether values are left as they are stored.
    pub stored: bool,
}

/// Opens variables of files: files are not this crate's.
pub type Opener<'a> = dyn Fn(&Opened) -> Result<Array, ArrayError> + 'a;

/// What is wrong in a line, and where.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("column {}: {what}", column + 1)]
pub struct Mistake {
    /// Characters before it.
    pub column: usize,
    /// What it is.
    pub what: String,
}

impl Mistake {
    fn new(column: usize, what: impl Into<String>) -> Self {
        Mistake {
            column,
            what: what.into(),
        }
    }

    fn of(column: usize) -> impl Fn(ArrayError) -> Mistake {
        move |error| Mistake::new(column, error.to_string())
    }
}

type Parsed<T = Value> = Result<T, Mistake>;
