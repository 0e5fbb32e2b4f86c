//! The grammar: operators by strength, indices and calls. Arrays are made as they are read.

use super::arguments::Arguments;
use super::functions::{function, method, unknown};
use super::tokens::{Kind, Token};
use super::value::{Value, combined, unary};
use super::{Mistake, Opener, Parsed};
use crate::array::dtype::{DType, Scalar};
use crate::array::elementwise::{Binary, Unary};
use crate::array::expression::{Array, Part};
use crate::array::random::Generator;

/// Reads tokens one after another.
pub(super) struct Parser<'a> {
    tokens: &'a [Token],
    /// The next token.
    at: usize,
    /// Column of the end of the line.
    end: usize,
    random: &'a mut Generator,
    opener: &'a Opener<'a>,
    depth: usize,
}

/// Brackets and signs within each other, at most.
const DEEPEST: usize = 100;

/// Strength of operators, as in Python.
fn strength(sign: &str) -> Option<(u8, Binary)> {
    Some(match sign {
        "==" => (1, Binary::Equal),
        "!=" => (1, Binary::NotEqual),
        "<" => (1, Binary::Less),
        "<=" => (1, Binary::LessEqual),
        ">" => (1, Binary::Greater),
        ">=" => (1, Binary::GreaterEqual),
        "|" => (2, Binary::Or),
        "^" => (3, Binary::Xor),
        "&" => (4, Binary::And),
        "+" => (5, Binary::Add),
        "-" => (5, Binary::Subtract),
        "*" => (6, Binary::Multiply),
        "/" => (6, Binary::Divide),
        "//" => (6, Binary::FloorDivide),
        "%" => (6, Binary::Remainder),
        "**" => (8, Binary::Power),
        _ => return None,
    })
}

/// Of signs before an operand: between products and powers.
const SIGNED: u8 = 7;

impl<'a> Parser<'a> {
    /// A parser of a line of `end` characters.
    pub(super) fn new(
        tokens: &'a [Token],
        end: usize,
        random: &'a mut Generator,
        opener: &'a Opener<'a>,
    ) -> Self {
        Parser {
            tokens,
            at: 0,
            end,
            random,
            opener,
            depth: 0,
        }
    }

    /// What the whole line says.
    pub(super) fn whole(mut self) -> Parsed<Array> {
        let value = self.expression(0)?;
        if let Some(token) = self.peek() {
            return Err(Mistake::new(
                token.column,
                format!("{} is not expected here", token.kind.text()),
            ));
        }
        value.array(0)
    }

    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn column(&self) -> usize {
        self.peek().map_or(self.end, |token| token.column)
    }

    /// Whether this sign comes next; it is taken then.
    fn take(&mut self, sign: &str) -> bool {
        let is = matches!(self.peek(), Some(Token { kind: Kind::Sign(next), .. }) if *next == sign);
        self.at += usize::from(is);
        is
    }

    fn expect(&mut self, sign: &str) -> Parsed<()> {
        let column = self.column();
        if self.take(sign) {
            return Ok(());
        }
        let found = self
            .peek()
            .map_or("the end".into(), |token| token.kind.text());
        Err(Mistake::new(
            column,
            format!("{sign:?} is expected, not {found}"),
        ))
    }

    fn expression(&mut self, least: u8) -> Parsed {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(Mistake::new(
                self.column(),
                format!("more than {DEEPEST} within each other"),
            ));
        }
        let mut left = self.signed()?;
        while let Some(Token {
            kind: Kind::Sign(sign),
            column,
        }) = self.peek()
        {
            let (sign, column) = (*sign, *column);
            let Some((strong, operation)) = strength(sign) else {
                break;
            };
            if strong < least {
                break;
            }
            self.at += 1;
            // Powers group from the right.
            let right = self.expression(if sign == "**" { SIGNED } else { strong + 1 })?;
            left = combined(operation, left, right, column)?;
        }
        self.depth -= 1;
        Ok(left)
    }

    fn signed(&mut self) -> Parsed {
        let column = self.column();
        if self.take("-") {
            return match self.expression(SIGNED)? {
                Value::Scalar(Scalar::Int(value)) => Ok(Value::Scalar(Scalar::Int(-value))),
                Value::Scalar(Scalar::Float(value)) => Ok(Value::Scalar(Scalar::Float(-value))),
                value => unary(Unary::Negative, &value, column),
            };
        }
        if self.take("+") {
            return self.expression(SIGNED);
        }
        if self.take("~") {
            let value = self.expression(SIGNED)?;
            return unary(Unary::Not, &value, column);
        }
        self.postfix()
    }

    fn postfix(&mut self) -> Parsed {
        let mut value = self.atom()?;
        loop {
            let column = self.column();
            if self.take(".") {
                let Some(Token {
                    kind: Kind::Name(name),
                    column,
                }) = self.peek().cloned()
                else {
                    return Err(Mistake::new(
                        self.column(),
                        "a name is expected after the dot",
                    ));
                };
                self.at += 1;
                if name == "T" {
                    let array = value.array(column)?;
                    let axes: Vec<i64> = (0..array.shape().len() as i64).rev().collect();
                    value = Value::Array(array.transpose(&axes).map_err(Mistake::of(column))?);
                    continue;
                }
                self.expect("(")?;
                let arguments = self.arguments(&name, column)?;
                value = method(value, arguments)?;
            } else if self.take("[") {
                let parts = self.parts()?;
                let array = value.array(column)?;
                value = Value::Array(array.slice(&parts).map_err(Mistake::of(column))?);
            } else {
                return Ok(value);
            }
        }
    }

    fn atom(&mut self) -> Parsed {
        let column = self.column();
        let Some(token) = self.peek().cloned() else {
            return Err(Mistake::new(column, "an operand is expected, not the end"));
        };
        self.at += 1;
        match token.kind {
            Kind::Number(number) => Ok(Value::Scalar(number)),
            Kind::Text(text) => Ok(Value::Text(text)),
            Kind::Sign("(") => {
                let (values, commas) = self.list(")")?;
                match (values.len(), commas) {
                    (1, 0) => values
                        .into_iter()
                        .next()
                        .ok_or_else(|| Mistake::new(column, "nothing is in brackets")),
                    _ => Ok(Value::Tuple(values)),
                }
            }
            Kind::Sign("[") => Ok(Value::Tuple(self.list("]")?.0)),
            Kind::Name(name) => match name.as_str() {
                "True" => Ok(Value::Scalar(Scalar::Bool(true))),
                "False" => Ok(Value::Scalar(Scalar::Bool(false))),
                "None" => Ok(Value::None),
                "pi" => Ok(Value::Scalar(Scalar::Float(std::f64::consts::PI))),
                "nan" => Ok(Value::Scalar(Scalar::Float(f64::NAN))),
                "inf" => Ok(Value::Scalar(Scalar::Float(f64::INFINITY))),
                // Types are named without quotes too.
                name if name.parse::<DType>().is_ok() => Ok(Value::Text(name.into())),
                _ => {
                    self.expect("(").map_err(|_| unknown(&name, column))?;
                    let arguments = self.arguments(&name, column)?;
                    function(arguments, self.random, self.opener)
                }
            },
            kind => Err(Mistake::new(
                column,
                format!("an operand is expected, not {}", kind.text()),
            )),
        }
    }

    /// Values up to a closing sign, and the number of commas.
    fn list(&mut self, close: &str) -> Parsed<(Vec<Value>, usize)> {
        let (mut values, mut commas) = (Vec::new(), 0);
        while !self.take(close) {
            values.push(self.expression(0)?);
            match self.take(",") {
                true => commas += 1,
                false => {
                    self.expect(close)?;
                    break;
                }
            }
        }
        Ok((values, commas))
    }

    /// Arguments of a call, after its bracket.
    fn arguments(&mut self, name: &str, column: usize) -> Parsed<Arguments> {
        let mut arguments = Arguments {
            name: name.to_owned(),
            column,
            values: Vec::new(),
        };
        while !self.take(")") {
            let at = self.column();
            let keyword = match (self.tokens.get(self.at), self.tokens.get(self.at + 1)) {
                (
                    Some(Token {
                        kind: Kind::Name(name),
                        ..
                    }),
                    Some(Token {
                        kind: Kind::Sign("="),
                        ..
                    }),
                ) => {
                    self.at += 2;
                    Some(name.clone())
                }
                _ => None,
            };
            let value = self.expression(0)?;
            arguments.values.push((keyword, value, at));
            if !self.take(",") {
                self.expect(")")?;
                break;
            }
        }
        Ok(arguments)
    }

    /// Indices and slices, after the bracket.
    fn parts(&mut self) -> Parsed<Vec<Part>> {
        let mut parts = Vec::new();
        while !self.take("]") {
            let mut ends = [None; 3];
            let mut colons = 0;
            let column = self.column();
            loop {
                if self.take(":") {
                    colons += 1;
                    if colons > 2 {
                        return Err(Mistake::new(column, "a slice has at most two colons"));
                    }
                } else if matches!(
                    self.peek(),
                    Some(Token {
                        kind: Kind::Sign("," | "]"),
                        ..
                    }) | None
                ) {
                    break;
                } else {
                    let column = self.column();
                    match self.expression(0)? {
                        Value::None if colons == 0 => ends[0] = None,
                        value => ends[colons] = Some(value.index(column)?),
                    }
                }
            }
            parts.push(match (colons, ends) {
                (0, [Some(index), ..]) => Part::Index(index),
                (0, _) => Part::New,
                (_, [start, stop, step]) => Part::Slice {
                    start,
                    stop,
                    step: step.unwrap_or(1),
                },
            });
            if !self.take(",") {
                self.expect("]")?;
                break;
            }
        }
        Ok(parts)
    }
}
