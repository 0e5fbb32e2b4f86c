//! Arithmetic and conditions on the variables of a granule, pixel by pixel: `Rrs@443/Rrs@555`,
//! `view_angle <= 60 and chlor_a > 0.01`.
//!
//! ```text
//! or, and, not | < <= > >= == != | + - | * / | ^ | -x | f(x), (x), 1.5e-3, chlor_a, Rrs@443, Rrs[3]
//! ```
//!
//! A missing value (NaN) makes what is computed of it missing. A comparison with it is neither true nor false;
//! `and` is false where one side is, `or` true where one side is.

mod parse;
mod tokens;

use std::fmt;

/// A parsed expression.
#[derive(Debug, Clone, PartialEq)]
pub struct Expression {
    text: String,
    /// Names of the variables, each once, in order of appearance.
    names: Vec<String>,
    /// Characters before the first appearance of each.
    places: Vec<usize>,
    root: Node,
    condition: bool,
}

/// What an expression computes.
#[derive(Debug, Clone, PartialEq)]
enum Node {
    Number(f64),
    /// By place among the names.
    Variable(usize),
    Negative(Box<Node>),
    Not(Box<Node>),
    Binary(Binary, Box<Node>, Box<Node>),
    Call(Function, Vec<Node>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Binary {
    Add,
    Subtract,
    Multiply,
    Divide,
    Power,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Equal,
    NotEqual,
    And,
    Or,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Function {
    Log,
    Log10,
    Exp,
    Sqrt,
    Abs,
    Min,
    Max,
}

impl Function {
    const ALL: [(&'static str, Function, usize); 7] = [
        ("log", Function::Log, 1),
        ("log10", Function::Log10, 1),
        ("exp", Function::Exp, 1),
        ("sqrt", Function::Sqrt, 1),
        ("abs", Function::Abs, 1),
        ("min", Function::Min, 2),
        ("max", Function::Max, 2),
    ];
}

/// Text is no expression; says where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}\n  {text}\n  {}^", " ".repeat(*.place))]
pub struct ExpressionError {
    /// What is wrong.
    pub reason: String,
    /// The expression.
    pub text: String,
    /// Characters before the place.
    pub place: usize,
}

impl Expression {
    /// Parses arithmetic, which gives a number.
    ///
    /// # Errors
    /// What is wrong, and where; a condition.
    pub fn number(text: &str) -> Result<Self, ExpressionError> {
        let expression = parse::parse(text)?;
        match expression.condition {
            true => Err(expression.refused("a condition, where a number is wanted")),
            false => Ok(expression),
        }
    }

    /// Parses a condition.
    ///
    /// # Errors
    /// What is wrong, and where; a number.
    pub fn condition(text: &str) -> Result<Self, ExpressionError> {
        let expression = parse::parse(text)?;
        match expression.condition {
            true => Ok(expression),
            false => Err(expression.refused("a number, where a condition is wanted")),
        }
    }

    fn refused(&self, reason: &str) -> ExpressionError {
        ExpressionError {
            reason: reason.to_owned(),
            text: self.text.clone(),
            place: 0,
        }
    }

    /// The variables that it is of, each once.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The error that one of its names is not known, with its place.
    pub fn unknown(&self, name: &str, reason: impl fmt::Display) -> ExpressionError {
        let number = self.names.iter().position(|known| known == name);
        let place = number.and_then(|number| self.places.get(number));
        ExpressionError {
            reason: reason.to_string(),
            text: self.text.clone(),
            place: place.copied().unwrap_or(0),
        }
    }

    /// Its value for every pixel of a block; `values` has a column for each name, `count` long. Of a
    /// condition 1 is true and 0 is false.
    pub fn evaluate(&self, values: &[Vec<f64>], count: usize) -> Vec<f64> {
        self.root.evaluate(values, count)
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Node {
    fn evaluate(&self, values: &[Vec<f64>], count: usize) -> Vec<f64> {
        match self {
            Node::Number(number) => vec![*number; count],
            Node::Variable(place) => {
                let mut column = values.get(*place).cloned().unwrap_or_default();
                column.resize(count, f64::NAN);
                column
            }
            Node::Negative(inner) => each(inner.evaluate(values, count), |v| -v),
            Node::Not(inner) => each(inner.evaluate(values, count), |v| 1.0 - v),
            Node::Binary(operator, a, b) => {
                let (a, b) = (a.evaluate(values, count), b.evaluate(values, count));
                both(a, &b, operator.function())
            }
            Node::Call(function, arguments) => {
                let mut arguments = arguments.iter().map(|a| a.evaluate(values, count));
                let first = arguments.next().unwrap_or_default();
                match (function, arguments.next()) {
                    (Function::Min, Some(second)) => both(first, &second, least),
                    (Function::Max, Some(second)) => both(first, &second, |a, b| -least(-a, -b)),
                    (Function::Log, _) => each(first, libm::log),
                    (Function::Log10, _) => each(first, libm::log10),
                    (Function::Exp, _) => each(first, libm::exp),
                    (Function::Sqrt, _) => each(first, f64::sqrt),
                    (Function::Abs, _) => each(first, f64::abs),
                    (Function::Min | Function::Max, None) => first,
                }
            }
        }
    }
}

fn each(mut column: Vec<f64>, of: impl Fn(f64) -> f64) -> Vec<f64> {
    for value in &mut column {
        *value = of(*value);
    }
    column
}

fn both(mut a: Vec<f64>, b: &[f64], of: impl Fn(f64, f64) -> f64) -> Vec<f64> {
    for (a, b) in a.iter_mut().zip(b) {
        *a = of(*a, *b);
    }
    a
}

/// The lesser; missing where either is.
fn least(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() {
        f64::NAN
    } else {
        a.min(b)
    }
}

/// A comparison; neither true nor false of missing values.
fn compared(a: f64, b: f64, holds: bool) -> f64 {
    if a.is_nan() || b.is_nan() {
        f64::NAN
    } else {
        f64::from(u8::from(holds))
    }
}

impl Binary {
    fn function(self) -> fn(f64, f64) -> f64 {
        match self {
            Binary::Add => |a, b| a + b,
            Binary::Subtract => |a, b| a - b,
            Binary::Multiply => |a, b| a * b,
            Binary::Divide => |a, b| a / b,
            Binary::Power => libm::pow,
            Binary::Less => |a, b| compared(a, b, a < b),
            Binary::LessEqual => |a, b| compared(a, b, a <= b),
            Binary::Greater => |a, b| compared(a, b, a > b),
            Binary::GreaterEqual => |a, b| compared(a, b, a >= b),
            Binary::Equal => |a, b| compared(a, b, a == b),
            Binary::NotEqual => |a, b| compared(a, b, a != b),
            Binary::And => |a, b| if a == 0.0 || b == 0.0 { 0.0 } else { a * b },
            Binary::Or => |a, b| if a == 1.0 || b == 1.0 { 1.0 } else { a + b },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str, variables: &[(&str, f64)]) -> f64 {
        let expression = parse::parse(text).unwrap();
        let columns: Vec<Vec<f64>> = expression
            .names()
            .iter()
            .map(|name| {
                let found = variables.iter().find(|(known, _)| known == name);
                vec![found.map_or(f64::NAN, |(_, value)| *value)]
            })
            .collect();
        expression.evaluate(&columns, 1)[0]
    }

    #[test]
    fn arithmetic_as_in_python() {
        for (text, expected) in [
            ("1 + 2*3", 7.0),
            ("(1 + 2)*3", 9.0),
            ("2 - 3 - 4", -5.0),
            ("2^3^2", 512.0),
            ("2**3", 8.0),
            ("-2^2", -4.0),
            ("12/4/3", 1.0),
            ("-(-3)", 3.0),
            ("2^-1", 0.5),
            ("1.5e-3*1e3", 1.5),
            (".5 + 1.", 1.5),
            ("max(2, min(5, 3))", 3.0),
            ("log10(1000) + abs(-1) + sqrt(16)", 8.0),
            ("exp(0) + log(1)", 1.0),
        ] {
            assert!((value(text, &[]) - expected).abs() < 1e-12, "{text}");
        }
        assert_eq!(
            value("Rrs@443/Rrs@555", &[("Rrs@443", 6.0), ("Rrs@555", 3.0)]),
            2.0
        );
        assert_eq!(
            value(
                "Rrs[3] + Rrs@442.33",
                &[("Rrs[3]", 1.0), ("Rrs@442.33", 2.0)]
            ),
            3.0
        );
    }

    #[test]
    fn conditions_and_what_is_missing() {
        let at = |text: &str, x: f64, y: f64| value(text, &[("x", x), ("y", y)]);
        assert_eq!(at("x <= 60 and y > 0.01", 60.0, 1.0), 1.0);
        assert_eq!(at("x <= 60 and y > 0.01", 61.0, 1.0), 0.0);
        assert_eq!(at("not x < 1 or y != 2", 0.0, 2.0), 0.0);
        assert_eq!(at("x == 1 || y >= 2 && x < 0", 1.0, 0.0), 1.0);
        assert_eq!(at("!(x == 1)", 2.0, 0.0), 1.0);
        // Neither the comparison nor its opposite holds of a missing value.
        assert!(at("x < 1", f64::NAN, 0.0).is_nan() && at("not x < 1", f64::NAN, 0.0).is_nan());
        assert_eq!(at("x < 1 or y == 0", f64::NAN, 0.0), 1.0);
        assert_eq!(at("x < 1 and y == 1", f64::NAN, 0.0), 0.0);
        assert!(at("x + y", f64::NAN, 0.0).is_nan() && at("min(x, y)", f64::NAN, 0.0).is_nan());
    }

    #[test]
    fn names_appear_once() {
        let expression = Expression::number("(a - b)/(a + b)").unwrap();
        assert_eq!(expression.names(), ["a", "b"]);
    }

    #[test]
    fn errors_point_at_the_place() {
        for (text, place, reason) in [
            ("Rrs@443/", 8, "ends"),
            ("1 + * 2", 4, "number"),
            ("(1 + 2", 6, ")"),
            ("1 2", 2, "operator"),
            ("a $ b", 2, "character"),
            ("sqr(2)", 0, "sqrt"),
            ("min(1)", 0, "2"),
            ("1e400", 0, "number"),
            ("Rrs@x", 4, "band"),
            ("", 0, "ends"),
            ("a < b < c", 6, "and"),
            ("a + (b < c)", 4, "condition"),
            ("a and b", 0, "number"),
            ("a = b", 2, "write =="),
            ("a < 1 & b < 1", 6, "write and"),
        ] {
            let error = parse::parse(text).unwrap_err();
            assert_eq!(error.place, place, "{text}: {error}");
            assert!(error.reason.contains(reason), "{text}: {error}");
        }
        // Where a name stands, not where its letters do.
        let expression = Expression::number("chlor_a + log(a)*a").unwrap();
        assert_eq!(expression.unknown("a", "unknown").place, 14);
        let shown = Expression::number("a +* b").unwrap_err().to_string();
        assert!(shown.ends_with("\n  a +* b\n     ^"), "{shown}");
        assert!(Expression::condition("a + b").is_err() && Expression::number("a < b").is_err());
        // Deep nesting is refused, not followed.
        let deep = "(".repeat(1000);
        assert!(parse::parse(&deep).unwrap_err().reason.contains("deep"));
        let deep = "-".repeat(1000);
        assert!(parse::parse(&deep).unwrap_err().reason.contains("deep"));
        let long = vec!["a"; 5000].join("+");
        assert!(parse::parse(&long).unwrap_err().reason.contains("long"));
    }
}
