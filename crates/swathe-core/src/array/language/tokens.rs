//! Signs, names and numbers of a line, each with its column.

use super::{Mistake, Parsed};
use crate::array::dtype::Scalar;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    Number(Scalar),
    Name(String),
    Text(String),
    Sign(&'static str),
}

impl Kind {
    pub(super) fn text(&self) -> String {
        match self {
            Kind::Number(number) => number.to_string(),
            Kind::Name(name) => name.clone(),
            Kind::Text(text) => format!("{text:?}"),
            Kind::Sign(sign) => format!("{sign:?}"),
        }
    }
}

#[derive(Debug, Clone)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) column: usize,
}

/// Longest first.
const SIGNS: [&str; 26] = [
    "**", "//", "<=", ">=", "==", "!=", "+", "-", "*", "/", "%", "<", ">", "&", "|", "^", "~", "(",
    ")", "[", "]", ",", ":", ".", "=", "@",
];

pub(super) fn tokens(text: &str) -> Parsed<Vec<Token>> {
    let chars: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(&c) = chars.get(at) {
        let column = at;
        let run = |from: usize, is: &dyn Fn(char) -> bool| {
            from + chars[from..].iter().take_while(|c| is(**c)).count()
        };
        let kind = if c.is_whitespace() {
            at += 1;
            continue;
        } else if c.is_alphabetic() || c == '_' {
            at = run(at, &|c| c.is_alphanumeric() || c == '_');
            Kind::Name(chars[column..at].iter().collect())
        } else if c.is_ascii_digit()
            || (c == '.' && chars.get(at + 1).is_some_and(char::is_ascii_digit))
        {
            let digit = |c: char| c.is_ascii_digit() || c == '_';
            at = run(at, &digit);
            if chars.get(at) == Some(&'.') {
                at = run(at + 1, &digit);
            }
            if matches!(chars.get(at), Some('e' | 'E')) {
                let sign = matches!(chars.get(at + 1), Some('+' | '-'));
                let digits = at + 1 + usize::from(sign);
                if chars.get(digits).is_some_and(char::is_ascii_digit) {
                    at = run(digits, &digit);
                }
            }
            let text: String = chars[column..at].iter().filter(|c| **c != '_').collect();
            let whole = text.parse().ok().map(Scalar::Int);
            let number = whole.or_else(|| text.parse().ok().map(Scalar::Float));
            Kind::Number(
                number.ok_or_else(|| Mistake::new(column, format!("{text} is no number")))?,
            )
        } else if c == '"' || c == '\'' {
            at = run(at + 1, &|other| other != c);
            if at == chars.len() {
                return Err(Mistake::new(column, "a text that does not end"));
            }
            at += 1;
            Kind::Text(chars[column + 1..at - 1].iter().collect())
        } else {
            let rest: String = chars[at..chars.len().min(at + 2)].iter().collect();
            let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) else {
                return Err(Mistake::new(column, format!("{c:?} is not understood")));
            };
            at += sign.len();
            Kind::Sign(sign)
        };
        tokens.push(Token { kind, column });
    }
    Ok(tokens)
}
