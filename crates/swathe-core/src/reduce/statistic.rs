//! The statistics that can be asked for, and how observations are weighted.

use super::Class;
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
    /// exp(sum(w ln v) / sum(w)) over positive values.
    GeometricMean,
    /// exp of the standard deviation of ln v over positive values: a factor.
    GeometricStd,
    /// Number of positive values: those that a geometric mean is of.
    GeometricCount,
    /// The value that so many percent of the observations are not above: of equal weights interpolated as
    /// numpy does it (`linear`), of others the least whose share, with all below, reaches it. 0 to 100.
    Percentile(u8),
    /// The observation that comes first in the order of granules (start, name), lines and pixels.
    First,
    /// The observation that comes last.
    Last,
    /// The observation where the criterion is least; of equals the first.
    AtSmallest,
    /// The observation where the criterion is greatest; of equals the first.
    AtLargest,
    /// The value with the greatest weight; of equals the least.
    Mode,
    /// The mode's share of the weight.
    ModeShare,
    /// The share of the weight that a class has.
    Share(Class),
    /// sum(w u) / sum(w), where u is the standard uncertainty of v: that of the mean, if the errors of all
    /// observations are fully correlated.
    Uncertainty,
    /// sqrt(sum((w u)^2)) / sum(w): the same, if they are independent.
    IndependentUncertainty,
}

#[rustfmt::skip]
const PERCENTILES: [&str; 101] = ["p0", "p1", "p2", "p3", "p4", "p5", "p6", "p7", "p8", "p9", "p10", "p11", "p12", "p13", "p14", "p15", "p16", "p17", "p18", "p19", "p20", "p21", "p22", "p23", "p24", "p25", "p26", "p27", "p28", "p29", "p30", "p31", "p32", "p33", "p34", "p35", "p36", "p37", "p38", "p39", "p40", "p41", "p42", "p43", "p44", "p45", "p46", "p47", "p48", "p49", "p50", "p51", "p52", "p53", "p54", "p55", "p56", "p57", "p58", "p59", "p60", "p61", "p62", "p63", "p64", "p65", "p66", "p67", "p68", "p69", "p70", "p71", "p72", "p73", "p74", "p75", "p76", "p77", "p78", "p79", "p80", "p81", "p82", "p83", "p84", "p85", "p86", "p87", "p88", "p89", "p90", "p91", "p92", "p93", "p94", "p95", "p96", "p97", "p98", "p99", "p100"];

impl Statistic {
    /// All statistics, in the order in which they are listed; of the percentiles the median, and the share of
    /// any class.
    pub const ALL: [Statistic; 24] = [
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
        Statistic::GeometricMean,
        Statistic::GeometricStd,
        Statistic::GeometricCount,
        Statistic::MEDIAN,
        Statistic::First,
        Statistic::Last,
        Statistic::AtSmallest,
        Statistic::AtLargest,
        Statistic::Mode,
        Statistic::ModeShare,
        Statistic::Share(Class::ANY),
        Statistic::Uncertainty,
        Statistic::IndependentUncertainty,
    ];

    /// Half of the observations are not above.
    pub const MEDIAN: Statistic = Statistic::Percentile(50);

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
            Statistic::GeometricMean => "geomean",
            Statistic::GeometricStd => "geostd",
            Statistic::GeometricCount => "geocount",
            Statistic::MEDIAN => "median",
            Statistic::Percentile(percent) => PERCENTILES
                .get(usize::from(percent))
                .copied()
                .unwrap_or("p100"),
            Statistic::First => "first",
            Statistic::Last => "last",
            Statistic::AtSmallest => "at_smallest",
            Statistic::AtLargest => "at_largest",
            Statistic::Mode => "mode",
            Statistic::ModeShare => "mode_share",
            Statistic::Share(_) => "share",
            Statistic::Uncertainty => "unc",
            Statistic::IndependentUncertainty => "unc_independent",
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
        if let Some(percent) = PERCENTILES.iter().position(|known| *known == name) {
            return Ok(Statistic::Percentile(percent as u8));
        }
        // p05 is p5.
        let short = name.strip_prefix("p0").filter(|rest| rest.len() == 1);
        if let Some(Ok(percent @ 1..)) = short.map(str::parse) {
            return Ok(Statistic::Percentile(percent));
        }
        Statistic::ALL
            .into_iter()
            .find(|s| s.name() == name)
            .ok_or_else(|| {
                let mut known = Statistic::ALL.map(Statistic::name).to_vec();
                known.push("pNN (percentiles, p0 to p100)");
                UnknownName::new("statistic", name, &known)
            })
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
        for (name, percent) in [
            ("p95", 95),
            ("p5", 5),
            ("p05", 5),
            ("p50", 50),
            ("p100", 100),
            ("p0", 0),
        ] {
            assert_eq!(name.parse(), Ok(Statistic::Percentile(percent)));
        }
        assert!("p101".parse::<Statistic>().is_err() && "p".parse::<Statistic>().is_err());
        let error = "granuls".parse::<Statistic>().unwrap_err();
        assert_eq!(error.nearest.as_deref(), Some("granules"));
        let error = "granules".parse::<Weight>().unwrap_err();
        assert_eq!(error.nearest.as_deref(), Some("granule"));
    }
}
