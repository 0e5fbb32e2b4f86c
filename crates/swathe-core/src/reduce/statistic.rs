//! The statistics that can be asked for, and how observations are weighted.

use crate::suggest::UnknownName;
use std::fmt;
use std::str::FromStr;

/// What is computed from a cell's observations. Observation i has value v and weight w.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub enum Statistic {
    /// sum(w v) / sum(w).
    Mean,
    /// Square root of the variance.
    Std,
    /// sum(w (v - mean)^2) / sum(w): of the population, without a correction for its size.
    Var,
    /// Least value.
    Min,
    /// Greatest value.
    Max,
    /// sum(w v).
    Sum,
    /// Number of contributing pixels.
    Count,
    /// Number of granules with at least one observation.
    Granules,
    /// Covered share of the cell: the greatest over the granules, of which each covers
    /// min(1, sum of its weights).
    Coverage,
    /// sum(w).
    Weights,
    /// sum(w v^2).
    SumSquared,
}

impl Statistic {
    /// All statistics, in the order in which they are listed.
    pub const ALL: [Statistic; 11] = [
        Statistic::Mean,
        Statistic::Std,
        Statistic::Var,
        Statistic::Min,
        Statistic::Max,
        Statistic::Sum,
        Statistic::Count,
        Statistic::Granules,
        Statistic::Coverage,
        Statistic::Weights,
        Statistic::SumSquared,
    ];

    /// Name in options and in products.
    pub fn name(self) -> &'static str {
        match self {
            Statistic::Mean => "mean",
            Statistic::Std => "std",
            Statistic::Var => "var",
            Statistic::Min => "min",
            Statistic::Max => "max",
            Statistic::Sum => "sum",
            Statistic::Count => "count",
            Statistic::Granules => "granules",
            Statistic::Coverage => "coverage",
            Statistic::Weights => "weights",
            Statistic::SumSquared => "sum_squared",
        }
    }
}

impl fmt::Display for Statistic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Statistic {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        let known = Statistic::ALL.map(Statistic::name);
        Statistic::ALL
            .into_iter()
            .find(|s| s.name() == name)
            .ok_or_else(|| UnknownName::new("statistic", name, &known))
    }
}

/// How the observations of several granules are weighted against each other.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize,
)]
pub enum Weight {
    /// Every observation by its own weight.
    #[default]
    Observation,
    /// Every granule's cell mean is one observation of weight one.
    Granule,
    /// Every granule's cell mean is one observation of weight sqrt(W), where W is the sum of its own
    /// weights there, and the mean of its squares that of the square: as NASA's Level-3 bins are made.
    /// The variance is that of their maps, corrected for the number of granules n:
    /// (S2/W - (S/W)^2) W^2 / (W^2 - n), and zero where W^2 <= n.
    L2bin,
}

impl Weight {
    /// All ways.
    pub const ALL: [Weight; 3] = [Weight::Observation, Weight::Granule, Weight::L2bin];

    /// Name in options.
    pub fn name(self) -> &'static str {
        match self {
            Weight::Observation => "observation",
            Weight::Granule => "granule",
            Weight::L2bin => "l2bin",
        }
    }
}

impl fmt::Display for Weight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Weight {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        let known = Weight::ALL.map(Weight::name);
        Weight::ALL
            .into_iter()
            .find(|w| w.name() == name)
            .ok_or_else(|| UnknownName::new("weight", name, &known))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for statistic in Statistic::ALL {
            assert_eq!(statistic.to_string().parse(), Ok(statistic));
        }
        for weight in Weight::ALL {
            assert_eq!(weight.to_string().parse(), Ok(weight));
        }
        let error = "granuls".parse::<Statistic>().unwrap_err();
        assert_eq!(error.nearest.as_deref(), Some("granules"));
        let error = "granules".parse::<Weight>().unwrap_err();
        assert_eq!(error.nearest.as_deref(), Some("granule"));
    }
}
