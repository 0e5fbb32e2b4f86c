//! The values of a map in few numbers, put together from tiles.

use serde_json::{Value, json};
use std::collections::BTreeMap;

/// How many values, their sum, their range, and how they are distributed over fine bins.
///
/// A bin holds the values in single precision that agree in their sign, exponent and first seven bits: it is
/// less than a hundredth of its values wide, wherever they lie. It stands for the middle of those it holds, so
/// that a number which many share, as counts and classes do, is told as it is.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Summary {
    count: u64,
    sum: f64,
    range: Option<(f64, f64)>,
    /// By the first 16 bits.
    bins: BTreeMap<u16, Bin>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Bin {
    count: u64,
    low: f32,
    high: f32,
}

impl Bin {
    const EMPTY: Bin = Bin {
        count: 0,
        low: f32::INFINITY,
        high: f32::NEG_INFINITY,
    };

    fn add(&mut self, other: Bin) {
        self.count += other.count;
        self.low = self.low.min(other.low);
        self.high = self.high.max(other.high);
    }

    fn middle(&self) -> f64 {
        f64::midpoint(f64::from(self.low), f64::from(self.high))
    }
}

impl Summary {
    /// Of these; what is not finite is no value.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut summary = Summary::default();
        let mut bins = vec![Bin::EMPTY; 1 << 16];
        for value in values.into_iter().filter(|value| value.is_finite()) {
            summary.count += 1;
            summary.sum += value;
            let (low, high) = summary.range.unwrap_or((value, value));
            summary.range = Some((low.min(value), high.max(value)));
            let value = value as f32;
            bins[(value.to_bits() >> 16) as usize].add(Bin {
                count: 1,
                low: value,
                high: value,
            });
        }
        let bins = (0..=u16::MAX).zip(bins);
        summary.bins = bins.filter(|(_, bin)| bin.count > 0).collect();
        summary
    }

    /// Adds another. The sum depends on the order in the last bits: tiles are added in theirs.
    pub fn add(&mut self, other: &Summary) {
        self.count += other.count;
        self.sum += other.sum;
        self.range = match (self.range, other.range) {
            (Some((a, b)), Some((c, d))) => Some((a.min(c), b.max(d))),
            (one, other) => one.or(other),
        };
        for (number, bin) in &other.bins {
            self.bins.entry(*number).or_insert(Bin::EMPTY).add(*bin);
        }
    }

    /// As the page takes it; `coarse`: bins four times as wide.
    pub fn json(&self, coarse: bool) -> Value {
        let mask: u16 = if coarse { !3 } else { !0 };
        let mut merged: BTreeMap<u16, Bin> = BTreeMap::new();
        for (number, bin) in &self.bins {
            merged.entry(number & mask).or_insert(Bin::EMPTY).add(*bin);
        }
        let bins = merged.values().map(|bin| (bin.middle(), bin.count));
        let mut bins: Vec<(f64, u64)> = bins.collect();
        // Negative numbers come last, from small to large size.
        bins.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut below = 0;
        let median = bins.iter().find(|(_, count)| {
            below += count;
            2 * below >= self.count
        });
        let numbers = bins
            .iter()
            .flat_map(|(middle, count)| [significant(*middle), json!(count)]);
        json!({
            "count": self.count,
            "mean": (self.count > 0).then(|| self.sum / self.count as f64),
            "smallest": self.range.map(|range| range.0),
            "largest": self.range.map(|range| range.1),
            "median": median.map(|(middle, _)| significant(*middle)),
            "bins": numbers.collect::<Vec<_>>(),
        })
    }
}

/// A number to four digits: bins are no finer.
fn significant(value: f64) -> Value {
    let text = format!("{value:.3e}");
    text.parse::<f64>()
        .map_or(Value::Null, |value| json!(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_give_the_same_as_the_whole() {
        let value = |i: usize| match i % 5 {
            0 => f64::NAN,
            1 => -(i as f64) / 16.0,
            _ => (i * i % 97) as f64 / 8.0,
        };
        let values: Vec<f64> = (0..1000).map(value).collect();
        let whole = Summary::of(values.iter().copied());
        let mut parts = Summary::default();
        values
            .chunks(64)
            .for_each(|part| parts.add(&Summary::of(part.iter().copied())));
        assert_eq!(whole, parts);
        assert_eq!(whole.count, 800);
        assert_eq!(whole.json(false)["smallest"], json!(-996.0 / 16.0));
        assert_eq!(whole.json(false)["largest"], json!(12.0));
    }

    #[test]
    fn what_many_share_is_told_as_it_is() {
        let median = |values: &[f64], coarse| {
            Summary::of(values.iter().copied()).json(coarse)["median"].clone()
        };
        for coarse in [false, true] {
            assert_eq!(median(&[0.0, 0.0, 0.0, 4.0], coarse), json!(0.0));
            assert_eq!(median(&[-0.0, 0.0, 0.0], coarse), json!(0.0));
            assert_eq!(median(&[3.0, 3.0, 3.0, 7.0], coarse), json!(3.0));
            assert_eq!(median(&[0.0, 1024.0, 1024.0], coarse), json!(1024.0));
        }
    }

    #[test]
    fn bins_lie_where_the_values_are() {
        let values = [-3.0, 0.0, 0.011, 0.5, 0.5, 1.0, 2.0, 7.0, 250.0];
        let summary = Summary::of(values);
        for (coarse, wide) in [(false, 0.008), (true, 0.032)] {
            let json = summary.json(coarse);
            let bins: Vec<f64> = json["bins"]
                .as_array()
                .unwrap()
                .iter()
                .map(|v| v.as_f64().unwrap())
                .collect();
            let middles: Vec<f64> = bins
                .chunks(2)
                .flat_map(|b| vec![b[0]; b[1] as usize])
                .collect();
            assert_eq!(middles.len(), values.len());
            for (middle, value) in middles.iter().zip(values) {
                assert!(
                    (middle - value).abs() <= wide * value.abs() + 1e-30,
                    "{middle} {value}"
                );
            }
            assert!((json["median"].as_f64().unwrap() - 0.5).abs() <= 0.5 * wide);
        }
        assert_eq!(Summary::default().json(false)["mean"], Value::Null);
    }
}
