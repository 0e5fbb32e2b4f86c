//! The layers that a field has, and their values of a tile.

use super::plan::{Plan, PlannedField};
use super::statistics::Holds;
use super::{JobError, Purpose};
use swathe_core::reduce::{Composite, Statistic};
use swathe_io::dataset::{AttributeValue, DataType};
use swathe_io::granule::FlagKind;
use swathe_io::product::{self, Layer, LayerData};

/// What a layer holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A statistic over granules.
    Statistic(Statistic),
    /// The value of one granule.
    Value,
    /// In bins: what its sums, weight and counts are where one observation stands for all.
    Single(Statistic),
}

impl Plan {
    /// The first field's layers that say most, without values: of an average, the first statistic that is
    /// asked for, count and granules; of a cube, the values.
    pub fn main_layers(&self) -> Vec<Layer> {
        let Some(field) = self.fields.first() else {
            return Vec::new();
        };
        let kinds = match self.purpose {
            Purpose::Cube => vec![Kind::Value],
            Purpose::Average => {
                let first = field.reduction.statistics.first().copied();
                let first = first.unwrap_or(Statistic::Mean);
                [first, Statistic::Count, Statistic::Granules]
                    .map(Kind::Statistic)
                    .to_vec()
            }
        };
        kinds
            .iter()
            .map(|kind| kind.layer(field, 0, false))
            .collect()
    }
}

impl Kind {
    /// The layers of statistics: those of a field, and what comes with them.
    pub fn of_statistics(field: &PlannedField) -> Vec<Self> {
        use Statistic::{
            Count, GeometricCount, GeometricMean, GeometricStd, Granules, Mode, ModeShare,
        };
        let mut all: Vec<Statistic> = Vec::new();
        let mut add = |statistic: Statistic| {
            if !all.contains(&statistic) {
                all.push(statistic);
            }
        };
        let asked = &field.reduction.statistics;
        asked.iter().copied().for_each(&mut add);
        // A geometric mean comes with its spread, and the number of values that it is of.
        if asked.contains(&GeometricMean) {
            [GeometricStd, GeometricCount]
                .into_iter()
                .for_each(&mut add);
        }
        // A mode comes with how frequent it is.
        if asked.contains(&Mode) {
            add(ModeShare);
        }
        [Count, Granules].into_iter().for_each(add);
        all.into_iter().map(Kind::Statistic).collect()
    }

    /// The layers of a binned file.
    pub fn of_bins(field: &PlannedField) -> Vec<Self> {
        use Statistic::{AtLargest, AtSmallest, Count, Granules, Sum, SumSquared, Weights};
        let all = [Weights, Sum, SumSquared, Count, Granules];
        let statistics = &field.reduction.statistics;
        match statistics
            .iter()
            .any(|s| matches!(s, AtSmallest | AtLargest))
        {
            true => all.map(Kind::Single).to_vec(),
            false => all.map(Kind::Statistic).to_vec(),
        }
    }

    /// The layer of a field, which comes tile by tile. No cell has more than `most` observations.
    pub fn layer(self, field: &PlannedField, most: u64, timed: bool) -> Layer {
        let dtype = self.dtype(field, most);
        let data = LayerData::Tiled(dtype.clone());
        let statistic = self.product_statistic();
        let mut layer = statistic.layer(&field.name, &field.attributes, data, timed);
        let Holds::Classes(classes) = Holds::of(FlagKind::of(&field.attributes), false) else {
            return layer;
        };
        match self {
            Kind::Statistic(Statistic::Share(class)) => {
                let label = classes.into_iter().find(|(_, known)| *known == class);
                let label = label.map_or_else(String::new, |(label, _)| label);
                name_class(&mut layer, &field.name, &label);
            }
            _ if statistic.keeps_range() => declare(&mut layer, field, &dtype),
            _ => {}
        }
        layer
    }

    fn dtype(self, field: &PlannedField, most: u64) -> DataType {
        match self {
            Kind::Single(statistic) => Kind::Statistic(statistic).dtype(field, most),
            Kind::Statistic(Statistic::Count | Statistic::GeometricCount)
                if i32::try_from(most).is_err() =>
            {
                DataType::I64
            }
            Kind::Statistic(Statistic::Count | Statistic::GeometricCount | Statistic::Granules) => {
                DataType::I32
            }
            Kind::Statistic(Statistic::Sum | Statistic::SumSquared | Statistic::Weights) => {
                DataType::F64
            }
            Kind::Statistic(Statistic::Share(_) | Statistic::ModeShare) => DataType::F32,
            _ if field.double => DataType::F64,
            _ => DataType::F32,
        }
    }

    /// The cells of a tile; `None` stands for a composite without an observation.
    pub fn data(
        self,
        composite: Option<&Composite>,
        tile: usize,
        cells: usize,
        dtype: &DataType,
    ) -> Result<LayerData, JobError> {
        let (statistic, empty) = match self {
            Kind::Single(statistic) => {
                return single(statistic, composite, tile, cells, dtype);
            }
            Kind::Statistic(
                statistic @ (Statistic::Count
                | Statistic::Granules
                | Statistic::Coverage
                | Statistic::GeometricCount),
            ) => (statistic, 0.0),
            Kind::Statistic(statistic) => (statistic, f64::NAN),
            Kind::Value => (Statistic::Mean, f64::NAN),
        };
        let values = match composite {
            Some(composite) => composite.tile_values(tile, statistic)?,
            None => None,
        };
        let values = values.unwrap_or_else(|| vec![empty; cells]);
        Ok(of_type(values, dtype))
    }

    fn product_statistic(self) -> product::Statistic {
        let statistic = match self {
            Kind::Value => return product::Statistic::Value,
            Kind::Statistic(statistic) | Kind::Single(statistic) => statistic,
        };
        match statistic {
            Statistic::Mean => product::Statistic::Mean,
            Statistic::Std => product::Statistic::StandardDeviation,
            Statistic::Var => product::Statistic::Variance,
            Statistic::Min => product::Statistic::Minimum,
            Statistic::Max => product::Statistic::Maximum,
            Statistic::Sum => product::Statistic::Sum,
            Statistic::Count => product::Statistic::Count,
            Statistic::Granules => product::Statistic::Granules,
            Statistic::Coverage => product::Statistic::Coverage,
            Statistic::Weights => product::Statistic::Weights,
            Statistic::SumSquared => product::Statistic::SumSquared,
            Statistic::GeometricMean => product::Statistic::GeometricMean,
            Statistic::GeometricStd => product::Statistic::GeometricStandardDeviation,
            Statistic::GeometricCount => product::Statistic::GeometricCount,
            Statistic::MEDIAN => product::Statistic::Median,
            Statistic::Percentile(percent) => product::Statistic::Percentile(percent),
            Statistic::First => product::Statistic::First,
            Statistic::Last => product::Statistic::Last,
            Statistic::AtSmallest | Statistic::AtLargest => product::Statistic::Best,
            Statistic::Mode => product::Statistic::Mode,
            Statistic::ModeShare => product::Statistic::ModeShare,
            Statistic::Share(_) => product::Statistic::Share,
            Statistic::Uncertainty => product::Statistic::Uncertainty,
            Statistic::IndependentUncertainty => product::Statistic::IndependentUncertainty,
        }
    }
}

/// Values in the type of their layer.
fn of_type(values: Vec<f64>, dtype: &DataType) -> LayerData {
    let values = values.into_iter();
    match dtype {
        DataType::F64 => LayerData::F64(values.collect()),
        DataType::I32 => LayerData::I32(values.map(|v| v as i32).collect()),
        DataType::I64 => LayerData::I64(values.map(|v| v as i64).collect()),
        _ => LayerData::F32(values.map(|v| v as f32).collect()),
    }
}

/// What a bin has of which one observation stands for all: its value, of weight one, seen once.
fn single(
    statistic: Statistic,
    composite: Option<&Composite>,
    tile: usize,
    cells: usize,
    dtype: &DataType,
) -> Result<LayerData, JobError> {
    let mut values = vec![f64::NAN; cells];
    if let Some(composite) = composite {
        let statistics = composite.reduction().statistics.iter();
        for of in statistics.filter(|s| matches!(s, Statistic::AtSmallest | Statistic::AtLargest)) {
            values = composite.tile_values(tile, *of)?.unwrap_or(values);
        }
    }
    for value in &mut values {
        *value = match statistic {
            Statistic::Sum => *value,
            Statistic::SumSquared => *value * *value,
            _ if value.is_finite() => 1.0,
            _ => 0.0,
        };
    }
    Ok(of_type(values, dtype))
}

/// The layer is of one class.
fn name_class(layer: &mut Layer, field: &str, label: &str) {
    let word = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    layer.name = format!(
        "{field}_share_{}",
        label.chars().map(word).collect::<String>()
    );
    for (name, value) in &mut layer.attributes {
        if let (true, AttributeValue::Text(text)) = (name == "long_name", value) {
            text.push_str(&format!(" of {label}"));
        }
    }
}

/// Declares classes in the layer's own type (CF section 3.5). Masks are not for floating point, so the bits of
/// flags are told in words.
fn declare(layer: &mut Layer, field: &PlannedField, dtype: &DataType) {
    let meanings = field
        .attributes
        .iter()
        .find(|(name, _)| name == "flag_meanings");
    match FlagKind::of(&field.attributes) {
        Some(FlagKind::Classes(classes)) => {
            let values = || classes.iter().map(|(_, value)| *value);
            let values = match dtype {
                DataType::F64 => AttributeValue::F64(values().map(|v| v as f64).collect()),
                _ => AttributeValue::F32(values().map(|v| v as f32).collect()),
            };
            let names: Vec<&str> = classes.iter().map(|(name, _)| name.as_str()).collect();
            let names = AttributeValue::Text(names.join(" "));
            layer.attributes.push(("flag_values".to_owned(), values));
            layer.attributes.push(("flag_meanings".to_owned(), names));
        }
        Some(FlagKind::Bits(bits)) if meanings.is_some() => {
            let bits: Vec<String> = bits
                .iter()
                .map(|(name, mask)| format!("{mask} {name}"))
                .collect();
            let text = format!("sums of bits: {}", bits.join(", "));
            layer
                .attributes
                .push(("comment_on_flags".to_owned(), AttributeValue::Text(text)));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use swathe_core::reduce::{Blank, GranuleState, Observation, Reduction, Summation};
    use swathe_core::reduce::{Tiling, Weight};
    use swathe_core::resample::WEIGHT_ONE;

    /// More observations of a cell than 31 bits hold, by adding what one granule gave to itself again and again.
    #[test]
    fn counts_beyond_31_bits_are_right() {
        let tiling = Tiling::new(1, 2).unwrap();
        let reduction = Reduction {
            statistics: vec![Statistic::Mean, Statistic::GeometricMean],
            weight: Weight::Observation,
            shares: false,
            summation: Summation::for_range(Some((0.001, 100.0))),
            blank: Blank::default(),
            scheme: Default::default(),
        };
        let mut state = GranuleState::new(tiling, &reduction);
        let observations = (0..3).map(|i| Observation {
            cell: 1,
            value: f64::from(i + 1),
            weight: WEIGHT_ONE,
        });
        state.add(observations).unwrap();
        let mut composite = Composite::new(tiling, reduction.clone());
        for (tile, part) in state.parts() {
            composite.combine(tile, &part, 0).unwrap();
        }
        for _ in 0..30 {
            let again = composite.clone();
            composite.merge(again).unwrap();
        }
        let count = 3_i64 << 30;
        let field = PlannedField {
            name: "chl".into(),
            attributes: Vec::new(),
            double: false,
            reduction,
        };
        for statistic in [Statistic::Count, Statistic::GeometricCount] {
            let kind = Kind::Statistic(statistic);
            let dtype = kind.dtype(&field, count as u64);
            assert_eq!(dtype, DataType::I64);
            let data = kind.data(Some(&composite), 0, 2, &dtype).unwrap();
            assert_eq!(data, LayerData::I64(vec![0, count]));
        }
        let most = i32::MAX as u64;
        assert_eq!(
            Kind::Statistic(Statistic::Count).dtype(&field, most),
            DataType::I32
        );
        let mean = composite.tile_values(0, Statistic::Mean).unwrap().unwrap();
        assert_eq!(mean[1], 2.0);
    }
}
