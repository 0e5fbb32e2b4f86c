//! The arguments of a call, and what functions take of them.

use super::value::Value;
use super::{Mistake, Opened, Parsed};
use crate::array::Cut;
use crate::array::dtype::{DType, Scalar};
use crate::array::expression::Array;
use crate::array::reduction::Over;

/// The arguments of a call, taken by position or name.
pub(super) struct Arguments {
    pub(super) name: String,
    pub(super) column: usize,
    pub(super) values: Vec<(Option<String>, Value, usize)>,
}

impl Arguments {
    /// The argument of this name, or the first one without name.
    pub(super) fn next(&mut self, name: &str) -> Option<(Value, usize)> {
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
    pub(super) fn named(&mut self, name: &str) -> Option<(Value, usize)> {
        let found = self
            .values
            .iter()
            .position(|(key, ..)| key.as_deref() == Some(name));
        found
            .map(|i| self.values.remove(i))
            .map(|(_, value, column)| (value, column))
    }

    pub(super) fn required(&mut self, name: &str) -> Parsed<(Value, usize)> {
        let column = self.column;
        let missing = format!("{} needs {name}", self.name);
        self.next(name).ok_or_else(|| Mistake::new(column, missing))
    }

    pub(super) fn number(&mut self, name: &str, usual: f64) -> Parsed<f64> {
        self.next(name)
            .map_or(Ok(usual), |(value, column)| value.number(column))
    }

    pub(super) fn array(&mut self, name: &str) -> Parsed<Array> {
        let (value, column) = self.required(name)?;
        value.array(column)
    }

    pub(super) fn dtype(&mut self, usual: DType) -> Parsed<DType> {
        self.next("dtype")
            .map_or(Ok(usual), |(value, column)| value.dtype(column))
    }

    pub(super) fn shape(&mut self, name: &str) -> Parsed<Vec<usize>> {
        self.next(name)
            .map_or(Ok(Vec::new()), |(value, column)| value.lengths(column))
    }

    pub(super) fn cuts(&mut self) -> Parsed<Vec<Cut>> {
        match self.next("chunks") {
            Some((Value::Tuple(cuts), column)) => {
                cuts.into_iter().map(|cut| cut.cut(column)).collect()
            }
            Some((value, column)) => Ok(vec![value.cut(column)?]),
            None => Ok(vec![Cut::Auto]),
        }
    }

    /// What `open` is to open.
    pub(super) fn opened(&mut self) -> Parsed<Opened> {
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
    pub(super) fn over(&mut self) -> Parsed<Over> {
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

    pub(super) fn done(&self) -> Parsed<()> {
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
