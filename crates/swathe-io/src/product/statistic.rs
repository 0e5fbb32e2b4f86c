//! What a layer is of its variable: the name, units and CF cell methods that follow.

use super::{Layer, LayerData};
use crate::dataset::{AttributeValue, Attributes};

/// What a layer holds of a variable's observations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Statistic {
    /// The gridded value itself, of one granule.
    Value,
    /// Weighted mean.
    Mean,
    /// Standard deviation.
    StandardDeviation,
    /// Variance.
    Variance,
    /// Smallest value.
    Minimum,
    /// Largest value.
    Maximum,
    /// Weighted sum.
    Sum,
    /// Number of contributing pixels.
    Count,
    /// Number of contributing granules.
    Granules,
    /// Share of the cell that observations cover.
    Coverage,
    /// Median.
    Median,
    /// A percentile, 0 to 100.
    Percentile(u8),
    /// Geometric mean.
    GeometricMean,
    /// Geometric standard deviation, a factor.
    GeometricStandardDeviation,
    /// Earliest observation.
    First,
    /// Latest observation.
    Last,
    /// Number of positive values, which a geometric mean is of.
    GeometricCount,
    /// Sum of weights.
    Weights,
    /// Weighted sum of squares.
    SumSquared,
    /// The observation where something else is smallest or largest.
    Best,
    /// The most frequent class.
    Mode,
    /// Share of the observations that are of the most frequent class.
    ModeShare,
    /// Share of the observations that are of one class, which the layer's name tells.
    Share,
    /// Standard uncertainty of the mean, of fully correlated errors.
    Uncertainty,
    /// Standard uncertainty of the mean, of independent errors.
    IndependentUncertainty,
}

impl Statistic {
    /// Name of the layer for a variable: the mean and the value carry the variable's own.
    pub fn layer_name(self, variable: &str) -> String {
        let suffix = match self {
            Statistic::Value | Statistic::Mean => return variable.into(),
            Statistic::Percentile(percent) => return format!("{variable}_p{percent:02}"),
            Statistic::StandardDeviation => "std",
            Statistic::Variance => "var",
            Statistic::Minimum => "min",
            Statistic::Maximum => "max",
            Statistic::Sum => "sum",
            Statistic::Count => "count",
            Statistic::Granules => "granules",
            Statistic::Coverage => "coverage",
            Statistic::Median => "median",
            Statistic::GeometricMean => "geomean",
            Statistic::GeometricStandardDeviation => "geostd",
            Statistic::First => "first",
            Statistic::Last => "last",
            Statistic::GeometricCount => "geomean_count",
            Statistic::Weights => "weights",
            Statistic::SumSquared => "sum_squared",
            Statistic::Best => "best",
            Statistic::Mode => "mode",
            Statistic::ModeShare => "mode_share",
            Statistic::Share => "share",
            Statistic::Uncertainty => "unc",
            Statistic::IndependentUncertainty => "unc_independent",
        };
        format!("{variable}_{suffix}")
    }

    /// Words for titles and the `measure` attribute of Level-3 mapped files.
    pub fn measure(self) -> String {
        match self {
            Statistic::Value => "Value",
            Statistic::Mean => "Mean",
            Statistic::StandardDeviation => "Standard Deviation",
            Statistic::Variance => "Variance",
            Statistic::Minimum => "Minimum",
            Statistic::Maximum => "Maximum",
            Statistic::Sum => "Sum",
            Statistic::Count => "Number of Observations",
            Statistic::Granules => "Number of Granules",
            Statistic::Coverage => "Coverage",
            Statistic::Median => "Median",
            Statistic::Percentile(percent) => return format!("Percentile {percent}"),
            Statistic::GeometricMean => "Geometric Mean",
            Statistic::GeometricStandardDeviation => "Geometric Standard Deviation",
            Statistic::First => "First",
            Statistic::Last => "Last",
            Statistic::GeometricCount => "Number of Positive Values",
            Statistic::Weights => "Sum of Weights",
            Statistic::SumSquared => "Sum of Squares",
            Statistic::Best => "Best",
            Statistic::Mode => "Mode",
            Statistic::ModeShare => "Share of the Mode",
            Statistic::Share => "Share",
            Statistic::Uncertainty => "Uncertainty",
            Statistic::IndependentUncertainty => "Uncertainty of Independent Errors",
        }
        .into()
    }

    /// Whether values are of the variable's own kind and range.
    pub fn keeps_range(self) -> bool {
        matches!(
            self,
            Statistic::Value
                | Statistic::Mean
                | Statistic::Minimum
                | Statistic::Maximum
                | Statistic::Median
                | Statistic::Percentile(_)
                | Statistic::GeometricMean
                | Statistic::First
                | Statistic::Last
                | Statistic::Best
                | Statistic::Mode
        )
    }

    /// CF-1.8 appendix E; percentiles, geometric means, first and last have no method there.
    fn cell_methods(self) -> Option<&'static str> {
        Some(match self {
            Statistic::Mean => "time: mean",
            Statistic::StandardDeviation => "time: standard_deviation",
            Statistic::Variance => "time: variance",
            Statistic::Minimum => "time: minimum",
            Statistic::Maximum => "time: maximum",
            Statistic::Sum | Statistic::Count | Statistic::Granules => "time: sum",
            Statistic::Median => "time: median",
            Statistic::Mode => "time: mode",
            _ => return None,
        })
    }

    /// What an uncertainty takes for granted.
    fn assumption(self) -> Option<&'static str> {
        Some(match self {
            Statistic::Uncertainty => {
                "errors of the observations of a cell are fully correlated: weighted mean of their standard uncertainties"
            }
            Statistic::IndependentUncertainty => {
                "errors of the observations of a cell are independent: root of the sum of squares of weight times standard uncertainty, over the sum of weights"
            }
            _ => return None,
        })
    }

    /// A layer of a variable with the attributes that follow from the source's.
    pub fn layer(self, variable: &str, source: &Attributes, data: LayerData, timed: bool) -> Layer {
        Layer {
            name: self.layer_name(variable),
            statistic: self,
            data,
            attributes: self.attributes(variable, source),
            timed,
        }
    }

    /// Attributes of the layer: the source's name, units and standard name as far as they still hold.
    pub fn attributes(self, variable: &str, source: &Attributes) -> Attributes {
        let text = |name: &str| match find(source, name) {
            Some(AttributeValue::Text(text)) => Some(text.as_str()),
            _ => None,
        };
        let long_name = text("long_name").unwrap_or(variable);
        let long_name = match self {
            Statistic::Value | Statistic::Mean => long_name.to_owned(),
            other => format!("{long_name}: {}", other.measure().to_lowercase()),
        };
        let units = text("units").map(|units| match self {
            Statistic::Count
            | Statistic::Granules
            | Statistic::Coverage
            | Statistic::GeometricCount
            | Statistic::GeometricStandardDeviation => "1".to_owned(),
            Statistic::Variance | Statistic::SumSquared if units.is_empty() || units == "1" => {
                "1".to_owned()
            }
            Statistic::Variance | Statistic::SumSquared => format!("({units})^2"),
            _ => units.to_owned(),
        });
        let counted = matches!(
            self,
            Statistic::Count
                | Statistic::Granules
                | Statistic::Coverage
                | Statistic::Weights
                | Statistic::GeometricCount
                | Statistic::GeometricStandardDeviation
                | Statistic::ModeShare
                | Statistic::Share
        );
        let units = if counted { Some("1".to_owned()) } else { units };
        let standard_name = text("standard_name").filter(|name| !name.is_empty());
        let standard_name = match self {
            Statistic::Count => standard_name.map(|name| format!("{name} number_of_observations")),
            Statistic::Uncertainty | Statistic::IndependentUncertainty => {
                standard_name.map(|name| format!("{name} standard_error"))
            }
            _ if counted => None,
            _ => standard_name.map(str::to_owned),
        };

        let mut attributes = vec![("long_name".to_owned(), AttributeValue::Text(long_name))];
        attributes.extend(units.map(|u| ("units".to_owned(), AttributeValue::Text(u))));
        attributes
            .extend(standard_name.map(|n| ("standard_name".to_owned(), AttributeValue::Text(n))));
        if let Some(methods) = self.cell_methods() {
            attributes.push(("cell_methods".into(), AttributeValue::Text(methods.into())));
        }
        if let Some(assumption) = self.assumption() {
            let assumption = AttributeValue::Text(assumption.into());
            attributes.push(("uncertainty_assumption".into(), assumption));
        }
        // Sums of bins tell which values they are of.
        if self.keeps_range() || self == Statistic::Sum {
            attributes.extend(unpacked_range(source));
        }
        if self.keeps_range() {
            for name in ["display_scale", "display_min", "display_max"] {
                attributes.extend(find(source, name).map(|v| (name.to_owned(), v.clone())));
            }
        }
        if !counted {
            for name in ["reference", "references", "comment"] {
                attributes.extend(find(source, name).map(|v| (name.to_owned(), v.clone())));
            }
        }
        attributes
    }
}

/// Value of an attribute.
pub(crate) fn find<'a>(attributes: &'a Attributes, name: &str) -> Option<&'a AttributeValue> {
    attributes.iter().find(|(n, _)| n == name).map(|(_, v)| v)
}

/// First number of an attribute.
pub(crate) fn number(value: &AttributeValue) -> Option<f64> {
    match value {
        AttributeValue::I8(v) => v.first().map(|&x| f64::from(x)),
        AttributeValue::U8(v) => v.first().map(|&x| f64::from(x)),
        AttributeValue::I16(v) => v.first().map(|&x| f64::from(x)),
        AttributeValue::U16(v) => v.first().map(|&x| f64::from(x)),
        AttributeValue::I32(v) => v.first().map(|&x| f64::from(x)),
        AttributeValue::U32(v) => v.first().map(|&x| f64::from(x)),
        AttributeValue::I64(v) => v.first().map(|&x| x as f64),
        AttributeValue::U64(v) => v.first().map(|&x| x as f64),
        AttributeValue::F32(v) => v.first().map(|&x| f64::from(x)),
        AttributeValue::F64(v) => v.first().copied(),
        AttributeValue::Text(_) | AttributeValue::Texts(_) => None,
    }
}

/// `valid_min` and `valid_max` in unpacked units. The layout of a product gives them the type of their layer.
fn unpacked_range(source: &Attributes) -> Attributes {
    let numeric = |name| find(source, name).and_then(number);
    let scale = numeric("scale_factor").unwrap_or(1.0);
    let offset = numeric("add_offset").unwrap_or(0.0);
    ["valid_min", "valid_max"]
        .into_iter()
        .filter_map(|name| {
            let value = numeric(name)? * scale + offset;
            Some((name.to_owned(), AttributeValue::F64(vec![value])))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text<'a>(attributes: &'a Attributes, name: &str) -> Option<&'a str> {
        match find(attributes, name)? {
            AttributeValue::Text(text) => Some(text),
            _ => None,
        }
    }

    fn source() -> Attributes {
        vec![
            (
                "long_name".into(),
                AttributeValue::Text("Chlorophyll".into()),
            ),
            ("units".into(), AttributeValue::Text("mg m^-3".into())),
            (
                "standard_name".into(),
                AttributeValue::Text("mass_concentration_of_chlorophyll_in_sea_water".into()),
            ),
            ("_FillValue".into(), AttributeValue::F32(vec![-32767.0])),
            ("valid_min".into(), AttributeValue::I16(vec![-32000])),
            ("scale_factor".into(), AttributeValue::F32(vec![0.5])),
            ("add_offset".into(), AttributeValue::F32(vec![20.0])),
        ]
    }

    #[test]
    fn the_mean_carries_the_source_and_its_unpacked_range() {
        let attributes = Statistic::Mean.attributes("chlor_a", &source());
        assert_eq!(text(&attributes, "long_name"), Some("Chlorophyll"));
        assert_eq!(text(&attributes, "cell_methods"), Some("time: mean"));
        assert_eq!(
            find(&attributes, "valid_min"),
            Some(&AttributeValue::F64(vec![-15980.0]))
        );
        assert_eq!(find(&attributes, "_FillValue"), None);
        assert_eq!(find(&attributes, "scale_factor"), None);
    }

    #[test]
    fn uncertainties_name_what_they_assume() {
        for (statistic, assumed) in [
            (Statistic::Uncertainty, "fully correlated"),
            (Statistic::IndependentUncertainty, "independent"),
        ] {
            let attributes = statistic.attributes("chlor_a", &source());
            let assumption = text(&attributes, "uncertainty_assumption").unwrap();
            assert!(assumption.contains(assumed), "{assumption}");
            assert_eq!(text(&attributes, "units"), Some("mg m^-3"));
            assert!(
                text(&attributes, "standard_name").is_some_and(|n| n.ends_with(" standard_error"))
            );
            assert_eq!(find(&attributes, "valid_min"), None);
        }
    }

    #[test]
    fn counts_and_variances_have_their_own_units() {
        let count = Statistic::Count.attributes("chlor_a", &source());
        assert_eq!(text(&count, "units"), Some("1"));
        assert_eq!(find(&count, "valid_min"), None);
        assert_eq!(
            text(&count, "standard_name"),
            Some("mass_concentration_of_chlorophyll_in_sea_water number_of_observations")
        );
        let variance = Statistic::Variance.attributes("chlor_a", &source());
        assert_eq!(text(&variance, "units"), Some("(mg m^-3)^2"));
        assert_eq!(Statistic::Percentile(5).layer_name("x"), "x_p05");
        assert_eq!(Statistic::Count.attributes("x", &vec![])[0].0, "long_name");
    }
}
