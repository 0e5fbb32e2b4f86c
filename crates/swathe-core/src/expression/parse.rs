//! From words to what they compute: by precedence, each level in a function.

use super::tokens::{Token, tokens};
use super::{Binary, Expression, ExpressionError, Function, Node};
use crate::suggest::UnknownName;

/// Parentheses and signs inside each other.
const DEEPEST: usize = 60;

/// Words of an expression.
const LONGEST: usize = 2000;

pub(super) fn parse(text: &str) -> Result<Expression> {
    let mut parser = Parser {
        text,
        tokens: tokens(text)?,
        at: 0,
        names: Vec::new(),
        places: Vec::new(),
        depth: 0,
    };
    if parser.tokens.len() > LONGEST {
        return Err(parser.error(0, "the expression is too long"));
    }
    let parsed = parser.or()?;
    if let Some((token, place)) = parser.tokens.get(parser.at) {
        let reason = match token {
            Token::Symbol(")") => "there is no ( before it",
            _ => "an operator is missing before it",
        };
        return Err(parser.error(*place, reason));
    }
    Ok(Expression {
        text: text.to_owned(),
        names: parser.names,
        places: parser.places,
        root: parsed.node,
        condition: parsed.condition,
    })
}

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<(Token, usize)>,
    at: usize,
    names: Vec<String>,
    places: Vec<usize>,
    depth: usize,
}

/// A part that is parsed, where it begins, and whether it is a condition.
struct Parsed {
    node: Node,
    place: usize,
    condition: bool,
}

type Result<T> = std::result::Result<T, ExpressionError>;

impl Parser<'_> {
    fn error(&self, place: usize, reason: &str) -> ExpressionError {
        ExpressionError {
            reason: reason.to_owned(),
            text: self.text.to_owned(),
            place,
        }
    }

    fn place(&self) -> usize {
        let here = self.tokens.get(self.at);
        here.map_or(self.text.chars().count(), |(_, place)| *place)
    }

    fn take(&mut self, symbols: &[&str]) -> Option<&'static str> {
        match self.tokens.get(self.at) {
            Some((Token::Symbol(symbol), _)) if symbols.contains(symbol) => {
                self.at += 1;
                Some(symbol)
            }
            _ => None,
        }
    }

    fn wanted(&self, part: Parsed, condition: bool) -> Result<Node> {
        match (part.condition, condition) {
            (true, false) => {
                Err(self.error(part.place, "this is a condition, where a number is wanted"))
            }
            (false, true) => {
                Err(self.error(part.place, "this is a number, where a condition is wanted"))
            }
            _ => Ok(part.node),
        }
    }

    fn binary(
        &self,
        of: Binary,
        a: Parsed,
        b: Parsed,
        conditions: bool,
        gives: bool,
    ) -> Result<Parsed> {
        let place = a.place;
        let a = self.wanted(a, conditions)?;
        let b = self.wanted(b, conditions)?;
        Ok(Parsed {
            node: Node::Binary(of, Box::new(a), Box::new(b)),
            place,
            condition: gives,
        })
    }

    fn or(&mut self) -> Result<Parsed> {
        let mut left = self.and()?;
        while self.take(&["or"]).is_some() {
            let right = self.and()?;
            left = self.binary(Binary::Or, left, right, true, true)?;
        }
        Ok(left)
    }

    fn and(&mut self) -> Result<Parsed> {
        let mut left = self.not()?;
        while self.take(&["and"]).is_some() {
            let right = self.not()?;
            left = self.binary(Binary::And, left, right, true, true)?;
        }
        Ok(left)
    }

    fn not(&mut self) -> Result<Parsed> {
        let place = self.place();
        if self.take(&["not"]).is_none() {
            return self.comparison();
        }
        let inner = self.deeper(Self::not)?;
        Ok(Parsed {
            node: Node::Not(Box::new(self.wanted(inner, true)?)),
            place,
            condition: true,
        })
    }

    fn comparison(&mut self) -> Result<Parsed> {
        const SYMBOLS: [&str; 6] = ["<", "<=", ">", ">=", "==", "!="];
        let left = self.sum()?;
        let Some(symbol) = self.take(&SYMBOLS) else {
            return Ok(left);
        };
        let of = match symbol {
            "<" => Binary::Less,
            "<=" => Binary::LessEqual,
            ">" => Binary::Greater,
            ">=" => Binary::GreaterEqual,
            "==" => Binary::Equal,
            _ => Binary::NotEqual,
        };
        let right = self.sum()?;
        let place = self.place();
        if self.take(&SYMBOLS).is_some() {
            return Err(self.error(place, "join two comparisons by `and`"));
        }
        self.binary(of, left, right, false, true)
    }

    fn sum(&mut self) -> Result<Parsed> {
        let mut left = self.product()?;
        while let Some(symbol) = self.take(&["+", "-"]) {
            let of = if symbol == "+" {
                Binary::Add
            } else {
                Binary::Subtract
            };
            let right = self.product()?;
            left = self.binary(of, left, right, false, false)?;
        }
        Ok(left)
    }

    fn product(&mut self) -> Result<Parsed> {
        let mut left = self.sign()?;
        while let Some(symbol) = self.take(&["*", "/"]) {
            let of = if symbol == "*" {
                Binary::Multiply
            } else {
                Binary::Divide
            };
            let right = self.sign()?;
            left = self.binary(of, left, right, false, false)?;
        }
        Ok(left)
    }

    fn sign(&mut self) -> Result<Parsed> {
        let place = self.place();
        match self.take(&["-", "+"]) {
            None => self.power(),
            Some("+") => self.deeper(Self::sign),
            Some(_) => {
                let inner = self.deeper(Self::sign)?;
                Ok(Parsed {
                    node: Node::Negative(Box::new(self.wanted(inner, false)?)),
                    place,
                    condition: false,
                })
            }
        }
    }

    /// Binds closer than a sign before it, less close than one behind, and to the right.
    fn power(&mut self) -> Result<Parsed> {
        let base = self.value()?;
        if self.take(&["^"]).is_none() {
            return Ok(base);
        }
        let exponent = self.deeper(Self::sign)?;
        self.binary(Binary::Power, base, exponent, false, false)
    }

    fn value(&mut self) -> Result<Parsed> {
        let place = self.place();
        let Some((token, _)) = self.tokens.get(self.at).cloned() else {
            return Err(self.error(place, "the expression ends where a value is wanted"));
        };
        self.at += 1;
        let number = |node| Parsed {
            node,
            place,
            condition: false,
        };
        match token {
            Token::Number(value) => Ok(number(Node::Number(value))),
            Token::Name(name) if self.take(&["("]).is_some() => {
                Ok(number(self.call(&name, place)?))
            }
            Token::Name(name) => {
                let known = self.names.iter().position(|known| *known == name);
                let variable = known.unwrap_or_else(|| {
                    self.names.push(name);
                    self.places.push(place);
                    self.names.len() - 1
                });
                Ok(number(Node::Variable(variable)))
            }
            Token::Symbol("(") => {
                let inner = self.deeper(Self::or)?;
                self.close()?;
                Ok(Parsed { place, ..inner })
            }
            Token::Symbol(_) => Err(self.error(place, "a number, a variable or ( is wanted here")),
        }
    }

    fn call(&mut self, name: &str, place: usize) -> Result<Node> {
        let names = Function::ALL.map(|(name, ..)| name);
        let found = Function::ALL.into_iter().find(|(known, ..)| *known == name);
        let Some((_, function, count)) = found else {
            let unknown = UnknownName::new("function", name, &names);
            return Err(self.error(place, &unknown.to_string()));
        };
        let mut arguments = Vec::new();
        loop {
            let argument = self.deeper(Self::or)?;
            arguments.push(self.wanted(argument, false)?);
            if self.take(&[","]).is_none() {
                break;
            }
        }
        self.close()?;
        if arguments.len() != count {
            let reason = format!("{name} takes {count}, not {}", arguments.len());
            return Err(self.error(place, &reason));
        }
        Ok(Node::Call(function, arguments))
    }

    fn close(&mut self) -> Result<()> {
        match self.take(&[")"]) {
            Some(_) => Ok(()),
            None => Err(self.error(self.place(), "a ) is missing here")),
        }
    }

    fn deeper(&mut self, parse: impl FnOnce(&mut Self) -> Result<Parsed>) -> Result<Parsed> {
        if self.depth == DEEPEST {
            return Err(self.error(self.place(), "the expression is too deep"));
        }
        self.depth += 1;
        let parsed = parse(self);
        self.depth -= 1;
        parsed
    }
}
