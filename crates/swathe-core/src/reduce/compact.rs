//! Columns of observations in as few bytes as hold them.

/// Values in single precision as long as that changes none.
#[derive(Debug, Clone)]
pub(super) enum CompactValues {
    Single(Vec<f32>),
    Double(Vec<f64>),
}

impl CompactValues {
    /// Those of a column.
    pub fn of(values: Vec<f64>) -> Self {
        let mut own = CompactValues::Single(Vec::with_capacity(values.len()));
        values.into_iter().for_each(|value| own.push(value));
        own
    }

    pub fn push(&mut self, value: f64) {
        let narrow = value as f32;
        let exact = f64::from(narrow).to_bits() == value.to_bits();
        match self {
            CompactValues::Single(own) if exact => own.push(narrow),
            CompactValues::Single(own) => {
                let mut wide: Vec<f64> = Vec::with_capacity(own.len() + 1);
                wide.extend(own.iter().map(|value| f64::from(*value)));
                wide.push(value);
                *self = CompactValues::Double(wide);
            }
            CompactValues::Double(own) => own.push(value),
        }
    }

    pub fn at(&self, place: usize) -> f64 {
        match self {
            CompactValues::Single(own) => f64::from(own[place]),
            CompactValues::Double(own) => own[place],
        }
    }

    pub fn shrink(&mut self) {
        match self {
            CompactValues::Single(own) => own.shrink_to_fit(),
            CompactValues::Double(own) => own.shrink_to_fit(),
        }
    }
}

/// Weights from zero on: none as long as all are one, in 32 bits as long as they are at most 2^32 and none is zero.
#[derive(Debug, Clone)]
pub(super) enum CompactWeights {
    Ones,
    /// Less one.
    Narrow(Vec<u32>),
    Wide(Vec<u64>),
}

impl CompactWeights {
    /// Appends the weight that comes after so many.
    pub fn push(&mut self, weight: u64, after: usize) {
        let narrow = weight
            .checked_sub(1)
            .and_then(|less| u32::try_from(less).ok());
        match (&mut *self, narrow) {
            (CompactWeights::Ones, Some(0)) => {}
            (CompactWeights::Ones, _) => {
                *self = CompactWeights::Narrow(vec![0; after]);
                self.push(weight, after);
            }
            (CompactWeights::Narrow(own), Some(narrow)) => own.push(narrow),
            (CompactWeights::Narrow(own), None) => {
                let mut wide: Vec<u64> = own.iter().map(|less| u64::from(*less) + 1).collect();
                wide.push(weight);
                *self = CompactWeights::Wide(wide);
            }
            (CompactWeights::Wide(own), _) => own.push(weight),
        }
    }

    pub fn at(&self, place: usize) -> u64 {
        match self {
            CompactWeights::Ones => 1,
            CompactWeights::Narrow(own) => u64::from(own[place]) + 1,
            CompactWeights::Wide(own) => own[place],
        }
    }

    pub fn shrink(&mut self) {
        match self {
            CompactWeights::Ones => {}
            CompactWeights::Narrow(own) => own.shrink_to_fit(),
            CompactWeights::Wide(own) => own.shrink_to_fit(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_in_comes_out() {
        let values = [1.5, -0.25, 0.1, f64::from(0.1f32), 1e300, 0.0];
        for order in [values, [0.1, 1.5, 0.0, 1e300, -0.25, 2.0]] {
            let compact = CompactValues::of(order.to_vec());
            for (i, value) in order.iter().enumerate() {
                assert_eq!(compact.at(i).to_bits(), value.to_bits());
            }
        }
        assert!(matches!(
            CompactValues::of(vec![1.5, 2.5]),
            CompactValues::Single(_)
        ));
        for weights in [
            vec![1, 1, 1],
            vec![1, 1, 1 << 32, 7, 1],
            vec![1, 5, (1 << 32) + 1, 1, 0],
            vec![0, 1],
        ] {
            let mut compact = CompactWeights::Ones;
            for (i, weight) in weights.iter().enumerate() {
                compact.push(*weight, i);
            }
            for (i, weight) in weights.iter().enumerate() {
                assert_eq!(compact.at(i), *weight);
            }
        }
    }
}
