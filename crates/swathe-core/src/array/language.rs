//! A line of text that says an array: Python's syntax, numpy's names.

use super::Cut;
use super::dtype::{DType, Scalar};
use super::elementwise::{Binary, Unary};
use super::error::ArrayError;
use super::expression::{Array, Part};
use super::random::{Distribution, Generator};
use super::reduction::{Over, Statistic};
use crate::suggest;

/// What a line says: an array, or a number alone.
///
/// # Errors
/// A mistake with the column where it is; what cannot be done with arrays, with that of the operation.
pub fn parse(text: &str, random: &mut Generator, opener: &Opener<'_>) -> Result<Array, Mistake> {
    let tokens = tokens(text)?;
    let mut parser = Parser {
        tokens: &tokens,
        at: 0,
        end: text.chars().count(),
        random,
        opener,
        depth: 0,
    };
    let value = parser.expression(0)?;
    if let Some(token) = parser.peek() {
        return Err(Mistake::new(
            token.column,
            format!("{} is not expected here", token.kind.text()),
        ));
    }
    value.array(0)
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

#[derive(Debug, Clone, PartialEq)]
enum Kind {
    Number(Scalar),
    Name(String),
    Text(String),
    Sign(&'static str),
}

impl Kind {
    fn text(&self) -> String {
        match self {
            Kind::Number(number) => number.to_string(),
            Kind::Name(name) => name.clone(),
            Kind::Text(text) => format!("{text:?}"),
            Kind::Sign(sign) => format!("{sign:?}"),
        }
    }
}

#[derive(Debug, Clone)]
struct Token {
    kind: Kind,
    column: usize,
}

/// Longest first.
const SIGNS: [&str; 26] = [
    "**", "//", "<=", ">=", "==", "!=", "+", "-", "*", "/", "%", "<", ">", "&", "|", "^", "~", "(",
    ")", "[", "]", ",", ":", ".", "=", "@",
];

fn tokens(text: &str) -> Parsed<Vec<Token>> {
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

#[derive(Debug, Clone)]
enum Value {
    Scalar(Scalar),
    Array(Array),
    Tuple(Vec<Value>),
    Text(String),
    None,
}

struct Parser<'a> {
    tokens: &'a [Token],
    at: usize,
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

impl Parser<'_> {
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

impl Value {
    fn array(self, column: usize) -> Parsed<Array> {
        match self {
            Value::Array(array) => Ok(array),
            Value::Scalar(scalar) => Array::scalar(scalar, None).map_err(Mistake::of(column)),
            _ => Err(Mistake::new(column, "an array is expected")),
        }
    }

    fn index(self, column: usize) -> Parsed<i64> {
        match self {
            Value::Scalar(Scalar::Int(value)) => i64::try_from(value)
                .map_err(|_| Mistake::new(column, format!("{value} is too large"))),
            _ => Err(Mistake::new(column, "a whole number is expected")),
        }
    }

    fn number(self, column: usize) -> Parsed<f64> {
        match self {
            Value::Scalar(Scalar::Int(value)) => Ok(value as f64),
            Value::Scalar(Scalar::Float(value)) => Ok(value),
            _ => Err(Mistake::new(column, "a number is expected")),
        }
    }

    fn lengths(self, column: usize) -> Parsed<Vec<usize>> {
        let length = |value: Value| {
            let index = value.index(column)?;
            usize::try_from(index)
                .map_err(|_| Mistake::new(column, format!("{index} is no length")))
        };
        match self {
            Value::Tuple(values) => values.into_iter().map(length).collect(),
            value => Ok(vec![length(value)?]),
        }
    }

    fn cut(self, column: usize) -> Parsed<Cut> {
        match self {
            Value::Text(text) if text == "auto" => Ok(Cut::Auto),
            Value::None | Value::Scalar(Scalar::Int(-1)) => Ok(Cut::Whole),
            Value::Tuple(sizes) => Ok(Cut::Sizes(Value::Tuple(sizes).lengths(column)?)),
            value => Ok(Cut::Size(
                value.lengths(column)?.first().copied().unwrap_or(0),
            )),
        }
    }

    fn dtype(self, column: usize) -> Parsed<DType> {
        match self {
            Value::Text(name) => name.parse().map_err(Mistake::of(column)),
            _ => Err(Mistake::new(column, "the name of a type is expected")),
        }
    }
}

fn combined(operation: Binary, left: Value, right: Value, column: usize) -> Parsed {
    let fault = Mistake::of(column);
    if let (Value::Scalar(left), Value::Scalar(right)) = (&left, &right)
        && let Some(folded) = folded(operation, *left, *right)
    {
        return Ok(Value::Scalar(folded));
    }
    let array = match (left, right) {
        (Value::Scalar(left), Value::Array(right)) => {
            Array::binary_with(operation, &right, left, true)
        }
        (Value::Array(left), Value::Scalar(right)) => {
            Array::binary_with(operation, &left, right, false)
        }
        (left, right) => Array::binary(operation, &left.array(column)?, &right.array(column)?),
    };
    array.map(Value::Array).map_err(fault)
}

/// Arithmetic of plain numbers, as Python does it; `None` where it has another meaning or no result.
fn folded(operation: Binary, left: Scalar, right: Scalar) -> Option<Scalar> {
    let float = |s: Scalar| match s {
        Scalar::Int(value) => Some(value as f64),
        Scalar::Float(value) => Some(value),
        Scalar::Bool(_) => None,
    };
    if let (Scalar::Int(a), Scalar::Int(b)) = (left, right) {
        let whole = match operation {
            Binary::Add => a.checked_add(b),
            Binary::Subtract => a.checked_sub(b),
            Binary::Multiply => a.checked_mul(b),
            Binary::FloorDivide => a.checked_div_euclid(b).filter(|_| b > 0),
            Binary::Remainder => a.checked_rem_euclid(b).filter(|_| b > 0),
            Binary::Power => u32::try_from(b).ok().and_then(|b| a.checked_pow(b)),
            _ => None,
        };
        if whole.is_some() {
            return whole.map(Scalar::Int);
        }
    }
    let (a, b) = (float(left)?, float(right)?);
    let value = match operation {
        Binary::Add => a + b,
        Binary::Subtract => a - b,
        Binary::Multiply => a * b,
        Binary::Divide => a / b,
        Binary::Power => libm::pow(a, b),
        _ => return None,
    };
    Some(Scalar::Float(value))
}

fn unary(operation: Unary, value: &Value, column: usize) -> Parsed {
    let array = value.clone().array(column)?;
    Array::unary(operation, &array)
        .map(Value::Array)
        .map_err(Mistake::of(column))
}

/// The arguments of a call, taken by position or name.
struct Arguments {
    name: String,
    column: usize,
    values: Vec<(Option<String>, Value, usize)>,
}

impl Arguments {
    /// The argument of this name, or the first one without name.
    fn next(&mut self, name: &str) -> Option<(Value, usize)> {
        let named = |(key, ..): &(Option<String>, Value, usize)| key.as_deref() == Some(name);
        let first = |(key, ..): &(Option<String>, Value, usize)| key.is_none();
        let found = self
            .values
            .iter()
            .position(named)
            .or_else(|| self.values.iter().position(first));
        found
            .map(|i| self.values.remove(i))
            .map(|(_, value, column)| (value, column))
    }

    /// The argument of this name.
    fn named(&mut self, name: &str) -> Option<(Value, usize)> {
        let found = self
            .values
            .iter()
            .position(|(key, ..)| key.as_deref() == Some(name));
        found
            .map(|i| self.values.remove(i))
            .map(|(_, value, column)| (value, column))
    }

    fn required(&mut self, name: &str) -> Parsed<(Value, usize)> {
        let column = self.column;
        let missing = format!("{} needs {name}", self.name);
        self.next(name).ok_or_else(|| Mistake::new(column, missing))
    }

    fn number(&mut self, name: &str, usual: f64) -> Parsed<f64> {
        self.next(name)
            .map_or(Ok(usual), |(value, column)| value.number(column))
    }

    fn array(&mut self, name: &str) -> Parsed<Array> {
        let (value, column) = self.required(name)?;
        value.array(column)
    }

    fn dtype(&mut self, usual: DType) -> Parsed<DType> {
        self.next("dtype")
            .map_or(Ok(usual), |(value, column)| value.dtype(column))
    }

    fn shape(&mut self, name: &str) -> Parsed<Vec<usize>> {
        self.next(name)
            .map_or(Ok(Vec::new()), |(value, column)| value.lengths(column))
    }

    fn cuts(&mut self) -> Parsed<Vec<Cut>> {
        match self.next("chunks") {
            Some((Value::Tuple(cuts), column)) => {
                cuts.into_iter().map(|cut| cut.cut(column)).collect()
            }
            Some((value, column)) => Ok(vec![value.cut(column)?]),
            None => Ok(vec![Cut::Auto]),
        }
    }

    /// What `open` is to open.
    fn opened(&mut self) -> Parsed<Opened> {
        let text = |(value, at): (Value, usize)| match value {
            Value::Text(text) => Ok(text),
            _ => Err(Mistake::new(at, "a text is expected")),
        };
        let files = match self.required("path")? {
            (Value::Tuple(files), at) => {
                let files = files.into_iter().map(|file| text((file, at)));
                files.collect::<Parsed<_>>()?
            }
            file => vec![text(file)?],
        };
        let variable = text(self.required("variable")?)?;
        let cuts = match self
            .values
            .iter()
            .any(|(key, ..)| key.as_deref() == Some("chunks"))
        {
            true => Some(self.cuts()?),
            false => None,
        };
        let along = match self.named("along") {
            Some((Value::None, _)) | None => None,
            Some(along) => Some(text(along)?),
        };
        let stored = match self.named("decode") {
            Some((Value::Scalar(Scalar::Bool(decode)), _)) => !decode,
            Some((_, at)) => return Err(Mistake::new(at, "decode is True or False")),
            None => false,
        };
        Ok(Opened {
            files,
            variable,
            along,
            cuts,
            stored,
        })
    }

    /// The axes and flags of a reduction.
    fn over(&mut self) -> Parsed<Over> {
        let axes = match self.next("axis") {
            Some((Value::None, _)) | None => None,
            Some((Value::Tuple(axes), column)) => Some(
                axes.into_iter()
                    .map(|a| a.index(column))
                    .collect::<Parsed<_>>()?,
            ),
            Some((value, column)) => Some(vec![value.index(column)?]),
        };
        let mut flag = |name: &str| match self.named(name) {
            Some((Value::Scalar(Scalar::Bool(value)), _)) => Ok(value),
            Some((_, column)) => Err(Mistake::new(column, format!("{name} is True or False"))),
            None => Ok(false),
        };
        Ok(Over {
            axes,
            keep: flag("keepdims")?,
            skip_missing: flag("skipna")?,
        })
    }

    fn done(&self) -> Parsed<()> {
        match self.values.first() {
            Some((Some(name), _, column)) => Err(Mistake::new(
                *column,
                format!("{} has no argument {name}", self.name),
            )),
            Some((None, _, column)) => Err(Mistake::new(
                *column,
                format!("{} has too many arguments", self.name),
            )),
            None => Ok(()),
        }
    }
}

/// Functions besides those on every element and the reductions.
const FUNCTIONS: [&str; 20] = [
    "normal",
    "standard_normal",
    "uniform",
    "random",
    "exponential",
    "lognormal",
    "integers",
    "arange",
    "linspace",
    "zeros",
    "ones",
    "full",
    "where",
    "concatenate",
    "stack",
    "minimum",
    "maximum",
    "broadcast_to",
    "array",
    "open",
];
const STATISTICS: [&str; 12] = [
    "sum", "mean", "var", "std", "min", "max", "argmin", "argmax", "any", "all", "count",
    "quantile",
];

fn unknown(name: &str, column: usize) -> Mistake {
    let known = FUNCTIONS.iter().chain(&STATISTICS).copied();
    let known = known.chain(Unary::ALL.map(Unary::name));
    let meant = suggest::nearest(name, known);
    let hint = meant.map_or(String::new(), |meant| format!("; did you mean {meant}?"));
    Mistake::new(column, format!("{name} is not known{hint}"))
}

fn function(mut arguments: Arguments, random: &mut Generator, opener: &Opener<'_>) -> Parsed {
    let column = arguments.column;
    let fault = Mistake::of(column);
    let name = arguments.name.clone();
    let distribution = match name.as_str() {
        "normal" => Some(Distribution::normal(
            arguments.number("loc", 0.0)?,
            arguments.number("scale", 1.0)?,
        )),
        "standard_normal" => Some(Distribution::normal(0.0, 1.0)),
        "uniform" => Some(Distribution::uniform(
            arguments.number("low", 0.0)?,
            arguments.number("high", 1.0)?,
        )),
        "random" => Some(Ok(Distribution::Random)),
        "exponential" => Some(Distribution::exponential(arguments.number("scale", 1.0)?)),
        "lognormal" => Some(Distribution::lognormal(
            arguments.number("mean", 0.0)?,
            arguments.number("sigma", 1.0)?,
        )),
        "integers" => {
            let (low, at) = arguments.required("low")?;
            let low = low.index(at)?;
            let (low, high) = match arguments.next("high") {
                Some((Value::None, _)) | None => (0, low),
                Some((high, at)) => (low, high.index(at)?),
            };
            let shape = arguments.shape("size")?;
            let dtype = arguments.dtype(DType::I64)?;
            let drawn =
                Distribution::integers(low.into(), high.into(), false, dtype).map_err(&fault)?;
            let cuts = arguments.cuts()?;
            arguments.done()?;
            return random
                .draw(drawn, &shape, &cuts)
                .map(Value::Array)
                .map_err(fault);
        }
        _ => None,
    };
    if let Some(distribution) = distribution {
        let distribution = distribution.map_err(&fault)?;
        let (shape, cuts) = (arguments.shape("size")?, arguments.cuts()?);
        arguments.done()?;
        return random
            .draw(distribution, &shape, &cuts)
            .map(Value::Array)
            .map_err(fault);
    }
    let array = match name.as_str() {
        "arange" => {
            let first = arguments.number("start", 0.0)?;
            let (start, stop) = match arguments.next("stop") {
                Some((stop, at)) => (first, stop.number(at)?),
                None => (0.0, first),
            };
            let step = arguments.number("step", 1.0)?;
            let whole = [start, stop, step].iter().all(|x| x.fract() == 0.0);
            let dtype = arguments.dtype(if whole { DType::I64 } else { DType::F64 })?;
            Array::arange(start, stop, step, dtype, &arguments.cuts()?)
        }
        "linspace" => {
            let (start, stop) = (
                arguments.number("start", 0.0)?,
                arguments.number("stop", 1.0)?,
            );
            let count = match arguments.next("num") {
                Some((value, at)) => value.lengths(at)?.first().copied().unwrap_or(0),
                None => 50,
            };
            Array::linspace(start, stop, count, &arguments.cuts()?)
        }
        "zeros" | "ones" | "full" => {
            let shape = arguments.shape("shape")?;
            let (value, dtype) = match name.as_str() {
                "zeros" => (Scalar::Int(0), Some(arguments.dtype(DType::F64)?)),
                "ones" => (Scalar::Int(1), Some(arguments.dtype(DType::F64)?)),
                _ => match arguments.required("value")? {
                    (Value::Scalar(scalar), _) => {
                        let dtype = arguments.next("dtype").map(|(v, at)| v.dtype(at));
                        (scalar, dtype.transpose()?)
                    }
                    (_, at) => return Err(Mistake::new(at, "a number is expected")),
                },
            };
            Array::full(&shape, value, dtype, &arguments.cuts()?)
        }
        "where" => {
            let condition = arguments.array("condition")?;
            let (yes, no) = (arguments.array("x")?, arguments.array("y")?);
            Array::choose(&condition, &yes, &no)
        }
        "minimum" | "maximum" => {
            let operation = if name == "minimum" {
                Binary::Minimum
            } else {
                Binary::Maximum
            };
            let (left, right) = (arguments.required("x")?.0, arguments.required("y")?.0);
            arguments.done()?;
            return combined(operation, left, right, column);
        }
        "concatenate" | "stack" => {
            let (arrays, at) = arguments.required("arrays")?;
            let Value::Tuple(arrays) = arrays else {
                return Err(Mistake::new(at, "a list of arrays is expected"));
            };
            let arrays: Vec<Array> = arrays
                .into_iter()
                .map(|a| a.array(at))
                .collect::<Parsed<_>>()?;
            let axis = arguments
                .next("axis")
                .map_or(Ok(0), |(axis, at)| axis.index(at))?;
            match name.as_str() {
                "stack" => Array::stack(&arrays, axis),
                _ => Array::concatenate(&arrays, axis),
            }
        }
        "broadcast_to" => {
            let array = arguments.array("array")?;
            array.broadcast_to(&arguments.shape("shape")?)
        }
        "array" => return literal(arguments),
        "open" => opener(&arguments.opened()?),
        _ => {
            let is_known =
                STATISTICS.contains(&name.as_str()) || Unary::ALL.iter().any(|u| u.name() == name);
            let Some((value, _)) = arguments.next("a").filter(|_| is_known) else {
                return Err(unknown(&name, column));
            };
            return method(value, arguments);
        }
    };
    arguments.done()?;
    array.map(Value::Array).map_err(fault)
}

/// A list of numbers.
fn literal(mut arguments: Arguments) -> Parsed {
    let (value, at) = arguments.required("values")?;
    let Value::Tuple(values) = value else {
        return Err(Mistake::new(at, "a list of numbers is expected"));
    };
    let values: Vec<Array> = values
        .into_iter()
        .map(|v| v.array(at))
        .collect::<Parsed<_>>()?;
    arguments.done()?;
    Array::stack(&values, 0)
        .map(Value::Array)
        .map_err(Mistake::of(at))
}

fn method(value: Value, mut arguments: Arguments) -> Parsed {
    let column = arguments.column;
    let fault = Mistake::of(column);
    let name = arguments.name.clone();
    if let Some(operation) = Unary::ALL.into_iter().find(|u| u.name() == name) {
        arguments.done()?;
        return unary(operation, &value, column);
    }
    let array = value.array(column)?;
    let made = match name.as_str() {
        "astype" => {
            let (dtype, at) = arguments.required("dtype")?;
            array.cast(dtype.dtype(at)?)
        }
        "clip" => {
            let (low, high) = (arguments.next("min"), arguments.next("max"));
            let mut clipped = Value::Array(array);
            for (end, operation) in [(low, Binary::Maximum), (high, Binary::Minimum)] {
                if let Some((end, at)) = end.filter(|(end, _)| !matches!(end, Value::None)) {
                    clipped = combined(operation, clipped, end, at)?;
                }
            }
            arguments.done()?;
            return Ok(clipped);
        }
        "transpose" => {
            let axes = match arguments.next("axes") {
                Some((Value::Tuple(axes), at)) => axes
                    .into_iter()
                    .map(|a| a.index(at))
                    .collect::<Parsed<Vec<i64>>>()?,
                Some((_, at)) => return Err(Mistake::new(at, "a list of axes is expected")),
                None => (0..array.shape().len() as i64).rev().collect(),
            };
            array.transpose(&axes)
        }
        name => {
            let number = match name {
                "var" | "std" => arguments
                    .named("ddof")
                    .map_or(Ok(0.0), |(v, at)| v.number(at))?,
                "quantile" => {
                    let (q, at) = arguments.required("q")?;
                    q.number(at)?
                }
                _ => 0.0,
            };
            let statistic = Statistic::named(name, number, Vec::new())
                .filter(|_| STATISTICS.contains(&name))
                .ok_or_else(|| unknown(name, column))?;
            let over = arguments.over()?;
            array.reduce(statistic, &over)
        }
    };
    arguments.done()?;
    made.map(Value::Array).map_err(fault)
}
