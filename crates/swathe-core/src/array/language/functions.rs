//! Functions and methods by numpy's names.

use super::arguments::Arguments;
use super::value::{Value, combined, unary};
use super::{Mistake, Opener, Parsed};
use crate::array::dtype::{DType, Scalar};
use crate::array::elementwise::{Binary, Unary};
use crate::array::expression::Array;
use crate::array::random::{Distribution, Generator};
use crate::array::reduction::Statistic;
use crate::suggest;

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

/// A name that no function has.
pub(super) fn unknown(name: &str, column: usize) -> Mistake {
    let known = FUNCTIONS.iter().chain(&STATISTICS).copied();
    let known = known.chain(Unary::ALL.map(Unary::name));
    let meant = suggest::nearest(name, known);
    let hint = meant.map_or(String::new(), |meant| format!("; did you mean {meant}?"));
    Mistake::new(column, format!("{name} is not known{hint}"))
}

/// What a call of a function by name gives.
pub(super) fn function(
    mut arguments: Arguments,
    random: &mut Generator,
    opener: &Opener<'_>,
) -> Parsed {
    if let Some(drawn) = drawn(&mut arguments, random)? {
        return Ok(drawn);
    }
    let column = arguments.column;
    let name = arguments.name.clone();
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
    array.map(Value::Array).map_err(Mistake::of(column))
}

/// Random numbers, where the function names a distribution of them.
fn drawn(arguments: &mut Arguments, random: &mut Generator) -> Parsed<Option<Value>> {
    let fault = Mistake::of(arguments.column);
    let mut shape = None;
    let distribution = match arguments.name.as_str() {
        "normal" => Distribution::normal(
            arguments.number("loc", 0.0)?,
            arguments.number("scale", 1.0)?,
        ),
        "standard_normal" => Distribution::normal(0.0, 1.0),
        "uniform" => Distribution::uniform(
            arguments.number("low", 0.0)?,
            arguments.number("high", 1.0)?,
        ),
        "random" => Ok(Distribution::Random),
        "exponential" => Distribution::exponential(arguments.number("scale", 1.0)?),
        "lognormal" => Distribution::lognormal(
            arguments.number("mean", 0.0)?,
            arguments.number("sigma", 1.0)?,
        ),
        "integers" => {
            let (low, at) = arguments.required("low")?;
            let low = low.index(at)?;
            let (low, high) = match arguments.next("high") {
                Some((Value::None, _)) | None => (0, low),
                Some((high, at)) => (low, high.index(at)?),
            };
            // Before the type, where they are told by position.
            shape = Some(arguments.shape("size")?);
            let dtype = arguments.dtype(DType::I64)?;
            Distribution::integers(low.into(), high.into(), false, dtype)
        }
        _ => return Ok(None),
    };
    let distribution = distribution.map_err(&fault)?;
    let shape = match shape {
        Some(shape) => shape,
        None => arguments.shape("size")?,
    };
    let cuts = arguments.cuts()?;
    arguments.done()?;
    let array = random.draw(distribution, &shape, &cuts).map_err(fault)?;
    Ok(Some(Value::Array(array)))
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

/// What a call of a method gives, or of the function of that name with the value first.
pub(super) fn method(value: Value, mut arguments: Arguments) -> Parsed {
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
