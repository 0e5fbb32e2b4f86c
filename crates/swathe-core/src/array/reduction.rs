//! Reductions over axes: what they are called, what they give.

use super::chunks::{Chunks, shape_text};
use super::dtype::{DType, Kind};
use super::error::ArrayError;
use super::expression::Array;

/// What is made of many elements.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub enum Statistic {
    /// Their sum: whole numbers as 64 bits, which wrap.
    Sum,
    /// Their mean; weighted where weights are given.
    Mean,
    /// Variance, the sum of squares divided by the count less `ddof`.
    Var {
        /// Degrees of freedom taken away.
        ddof: f64,
    },
    /// Root of the variance.
    Std {
        /// Degrees of freedom taken away.
        ddof: f64,
    },
    /// The least.
    Min,
    /// The greatest.
    Max,
    /// Index of the least: along the axis, or in the whole array.
    ArgMin,
    /// Index of the greatest.
    ArgMax,
    /// Whether any is not zero.
    Any,
    /// Whether none is zero.
    All,
    /// How many are not NaN.
    Count,
    /// The value below which this share of them lies, by numpy's linear interpolation.
    Quantile {
        /// From 0 to 1.
        q: f64,
    },
    /// How many lie between one edge and the next; the last edge is in.
    Histogram {
        /// Edges of the bins, rising.
        edges: Vec<f64>,
    },
}

/// Over which axes, and how.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Over {
    /// The axes; all where there is nothing.
    pub axes: Option<Vec<i64>>,
    /// Whether they stay, with length 1.
    pub keep: bool,
    /// Whether NaN is left out.
    pub skip_missing: bool,
}

impl Over {
    /// All axes.
    pub fn all() -> Self {
        Over::default()
    }

    /// These axes.
    pub fn axes(axes: &[i64]) -> Self {
        Over {
            axes: Some(axes.to_vec()),
            ..Over::default()
        }
    }
}

pub(super) struct Reduction {
    pub input: Array,
    /// Of the input's shape.
    pub weights: Option<Array>,
    pub statistic: Statistic,
    /// Whether each axis is reduced.
    pub reduced: Vec<bool>,
    pub skip_missing: bool,
}

impl Statistic {
    /// The statistic of a name; `number` is the ddof of var and std and the q of a quantile, `edges` are a
    /// histogram's.
    pub fn named(name: &str, number: f64, edges: Vec<f64>) -> Option<Self> {
        Some(match name {
            "sum" => Statistic::Sum,
            "mean" => Statistic::Mean,
            "var" => Statistic::Var { ddof: number },
            "std" => Statistic::Std { ddof: number },
            "min" => Statistic::Min,
            "max" => Statistic::Max,
            "argmin" => Statistic::ArgMin,
            "argmax" => Statistic::ArgMax,
            "any" => Statistic::Any,
            "all" => Statistic::All,
            "count" => Statistic::Count,
            "quantile" => Statistic::Quantile { q: number },
            "histogram" => Statistic::Histogram { edges },
            _ => return None,
        })
    }

    /// numpy's name.
    pub fn name(&self) -> &'static str {
        match self {
            Statistic::Sum => "sum",
            Statistic::Mean => "mean",
            Statistic::Var { .. } => "var",
            Statistic::Std { .. } => "std",
            Statistic::Min => "min",
            Statistic::Max => "max",
            Statistic::ArgMin => "argmin",
            Statistic::ArgMax => "argmax",
            Statistic::Any => "any",
            Statistic::All => "all",
            Statistic::Count => "count",
            Statistic::Quantile { .. } => "quantile",
            Statistic::Histogram { .. } => "histogram",
        }
    }

    fn dtype(&self, of: DType) -> DType {
        match self {
            Statistic::Sum => match of {
                _ if of.kind() == Kind::Float => of,
                DType::Bool => DType::I64,
                _ if of.is_unsigned() => DType::U64,
                _ => DType::I64,
            },
            Statistic::Mean | Statistic::Var { .. } | Statistic::Std { .. } => of.float(),
            Statistic::Quantile { .. } => of.float(),
            Statistic::Min | Statistic::Max => of,
            Statistic::ArgMin
            | Statistic::ArgMax
            | Statistic::Count
            | Statistic::Histogram { .. } => DType::I64,
            Statistic::Any | Statistic::All => DType::Bool,
        }
    }
}

impl Array {
    /// A statistic over axes, lazily.
    ///
    /// # Errors
    /// Axes that are not there or named twice; an extreme of no elements; `argmin` over some axes out of several; a
    /// quantile outside 0 to 1.
    pub fn reduce(&self, statistic: Statistic, over: &Over) -> Result<Array, ArrayError> {
        self.reduce_with(statistic, over, None, None)
    }

    /// The same, the result being of this type.
    ///
    /// # Errors
    /// As [`Array::reduce`].
    pub fn reduce_as(
        &self,
        statistic: Statistic,
        over: &Over,
        dtype: DType,
    ) -> Result<Array, ArrayError> {
        self.reduce_with(statistic, over, None, Some(dtype))
    }

    /// The mean weighted by an array that is repeated to this one's shape. A missing value's weight does not
    /// count where NaN is left out.
    ///
    /// # Errors
    /// As [`Array::reduce`]; weights that do not fit the shape.
    pub fn weighted_mean(&self, weights: &Array, over: &Over) -> Result<Array, ArrayError> {
        self.reduce_with(Statistic::Mean, over, Some(weights), None)
    }

    pub(super) fn reduce_with(
        &self,
        statistic: Statistic,
        over: &Over,
        weights: Option<&Array>,
        dtype: Option<DType>,
    ) -> Result<Array, ArrayError> {
        let dimensions = self.shape().len();
        let mut reduced = vec![over.axes.is_none(); dimensions];
        for &axis in over.axes.iter().flatten() {
            let place = self.axis(axis)?;
            if std::mem::replace(&mut reduced[place], true) {
                return Err(ArrayError::Value(format!("duplicate value {axis} in axis")));
            }
        }
        self.check(&statistic, &reduced)?;
        let kept: Vec<usize> = (0..dimensions).filter(|&axis| !reduced[axis]).collect();
        let mut shape: Vec<usize> = kept.iter().map(|&axis| self.shape()[axis]).collect();
        let mut cuts: Vec<Vec<usize>> = kept
            .iter()
            .map(|&a| self.chunks().cuts(a).to_vec())
            .collect();
        if let Statistic::Histogram { edges } = &statistic {
            shape = vec![edges.len() - 1];
            cuts = vec![vec![0, edges.len() - 1]];
        }
        let dtype = dtype.unwrap_or_else(|| match weights {
            Some(weights) => self.dtype().promote(weights.dtype()).float(),
            None => statistic.dtype(self.dtype()),
        });
        let weights = weights.map(|w| match w.cast(DType::F64)? {
            fitting if fitting.shape() == self.shape() => Ok(fitting),
            other => other.broadcast_to(self.shape()),
        });
        let reduction = Reduction {
            input: self.clone(),
            weights: weights.transpose()?,
            statistic,
            reduced: reduced.clone(),
            skip_missing: over.skip_missing,
        };
        let result = Array::reduced(shape, Chunks::from_cuts(cuts), dtype, reduction)?;
        if !over.keep {
            return Ok(result);
        }
        let mut next = 0..;
        let axes = reduced
            .iter()
            .map(|&gone| if gone { None } else { next.next() });
        result.with_axes(axes.collect())
    }

    fn check(&self, statistic: &Statistic, reduced: &[bool]) -> Result<(), ArrayError> {
        let refuse = |what: String| Err(ArrayError::Value(what));
        let over: usize = reduced
            .iter()
            .zip(self.shape())
            .filter(|(r, _)| **r)
            .map(|(_, len)| len)
            .product();
        let count = reduced.iter().filter(|r| **r).count();
        match statistic {
            Statistic::Min | Statistic::Max | Statistic::ArgMin | Statistic::ArgMax
                if over == 0 =>
            {
                refuse(format!(
                    "{} of no elements: the shape is {}",
                    statistic.name(),
                    shape_text(self.shape())
                ))
            }
            Statistic::ArgMin | Statistic::ArgMax if count > 1 && count < reduced.len() => {
                refuse(format!("{} takes one axis or all", statistic.name()))
            }
            Statistic::Quantile { q } if !(0.0..=1.0).contains(q) => {
                refuse(format!("quantile {q} is not in the range 0 to 1"))
            }
            Statistic::Histogram { edges } => {
                let rising = edges.windows(2).all(|w| w[0] <= w[1]);
                match edges.len() >= 2 && rising && edges.iter().all(|e| e.is_finite()) {
                    _ if count < reduced.len() => refuse("a histogram takes all axes".into()),
                    true => Ok(()),
                    false => refuse(
                        "edges of a histogram are at least two finite numbers that rise".into(),
                    ),
                }
            }
            _ => Ok(()),
        }
    }
}
