//! The reduction against exact integers, against plain loops, and against itself in other orders.

use super::*;
use crate::resample::WEIGHT_ONE;
use num_bigint::{BigInt, BigUint, Sign};
use proptest::prelude::*;

const ROWS: usize = 3;
const COLUMNS: usize = 520;

/// Cells on both sides of the borders between tiles.
const CELLS: [u32; 6] = [0, 255, 256, 519, 2 * 520 + 511, 2 * 520 + 512];

#[derive(Debug, Clone, Copy)]
struct Given {
    granule: usize,
    cell: usize,
    value: f64,
    weight: u64,
}

impl Given {
    fn observation(&self) -> Observation {
        Observation {
            cell: CELLS[self.cell],
            value: self.value,
            weight: self.weight,
        }
    }
}

fn tiling() -> Tiling {
    Tiling::new(ROWS, COLUMNS).unwrap()
}

/// Of all statistics.
pub(super) fn reduction(weight: Weight, shares: bool, summation: Summation) -> Reduction {
    Reduction {
        statistics: Statistic::ALL.to_vec(),
        weight,
        shares,
        summation,
        blank: Blank::default(),
        scheme: Default::default(),
    }
}

/// Granule by granule, in order.
fn composed<'a>(reduction: &Reduction, given: impl IntoIterator<Item = &'a Given>) -> Composite {
    let mut granules: Vec<Vec<Observation>> = Vec::new();
    for g in given {
        granules.resize(granules.len().max(g.granule + 1), Vec::new());
        granules[g.granule].push(g.observation());
    }
    let mut composite = Composite::new(tiling(), reduction.clone());
    for (number, granule) in granules.into_iter().enumerate() {
        let mut state = GranuleState::new(tiling(), reduction);
        state.add(granule).unwrap();
        combine(&mut composite, &state, number);
    }
    composite
}

/// By way of the stored form.
fn combine(composite: &mut Composite, state: &GranuleState, granule: usize) {
    for (tile, part) in state.parts() {
        let reduction = composite.reduction().clone();
        let restored = TilePart::from_stored(part.to_stored(), &tiling(), &reduction, tile);
        let restored = restored.unwrap();
        assert_eq!(restored, part);
        composite.combine(tile, &restored, granule as u32).unwrap();
    }
}

/// All layers at the cells in use, as bits.
fn layers(composite: &Composite) -> Vec<u64> {
    let mut bits = Vec::new();
    for statistic in Statistic::ALL {
        let values = composite.values(statistic).unwrap();
        bits.extend(CELLS.map(|cell| values[cell as usize].to_bits()));
    }
    bits
}

fn at(composite: &Composite, statistic: Statistic, cell: usize) -> f64 {
    composite.values(statistic).unwrap()[CELLS[cell] as usize]
}

/// Sums of one cell in integers, in units of 2^-1074 (2^-2148 for squares), and of weights.
struct Exact {
    sum: BigInt,
    squares: BigInt,
    weight: BigUint,
}

impl Exact {
    fn of(given: &[(f64, u64)]) -> Self {
        let mut exact = Exact {
            sum: BigInt::ZERO,
            squares: BigInt::ZERO,
            weight: BigUint::ZERO,
        };
        for &(value, weight) in given {
            let bits = value.abs().to_bits();
            let (fraction, exponent) = (bits & ((1 << 52) - 1), bits >> 52);
            let magnitude = if exponent == 0 {
                BigUint::from(fraction)
            } else {
                BigUint::from(fraction | 1 << 52) << (exponent - 1)
            };
            let sign = if value < 0.0 { Sign::Minus } else { Sign::Plus };
            let integer = BigInt::from_biguint(sign, magnitude);
            exact.sum += &integer * weight;
            exact.squares += &integer * &integer * weight;
            exact.weight += weight;
        }
        exact
    }

    fn mean(&self) -> f64 {
        nearest_ratio(&self.sum, &self.weight, -1074)
    }

    fn sum(&self) -> f64 {
        nearest_ratio(&self.sum, &BigUint::from(WEIGHT_ONE), -1074)
    }

    fn variance(&self) -> f64 {
        let weight = BigInt::from(self.weight.clone());
        let numerator = &weight * &self.squares - &self.sum * &self.sum;
        nearest_ratio(&numerator, &(&self.weight * &self.weight), -2148)
    }
}

/// The double nearest to a / b * 2^exponent.
fn nearest_ratio(a: &BigInt, b: &BigUint, exponent: i32) -> f64 {
    let magnitude = arithmetic::tests::nearest_ratio(a.magnitude(), b, exponent);
    if a.sign() == Sign::Minus {
        -magnitude
    } else {
        magnitude
    }
}

/// Means over granules as the exact rational of each, for `Weight::Granule`.
fn granule_means(given: &[Given], cell: usize) -> Vec<(f64, u64)> {
    let granules = given.iter().map(|g| g.granule + 1).max().unwrap_or(0);
    (0..granules)
        .filter_map(|granule| {
            let of: Vec<(f64, u64)> = given
                .iter()
                .filter(|g| g.granule == granule && g.cell == cell && g.weight > 0)
                .map(|g| (g.value, g.weight))
                .collect();
            (!of.is_empty()).then(|| (Exact::of(&of).mean(), WEIGHT_ONE))
        })
        .collect()
}

/// The definition, by counting.
fn percentile(of: &[(f64, u64)], percent: u8, weighted: bool) -> f64 {
    let mut of = of.to_vec();
    of.sort_by(|a, b| a.0.total_cmp(&b.0));
    if weighted {
        let total: u128 = of.iter().map(|o| u128::from(o.1)).sum();
        let below = |v: f64| {
            of.iter()
                .filter(|o| o.0 <= v)
                .map(|o| u128::from(o.1))
                .sum::<u128>()
        };
        let reaches = |o: &&(f64, u64)| below(o.0) * 100 >= total * u128::from(percent);
        return of.iter().find(reaches).unwrap().0;
    }
    let place = (of.len() - 1) as f64 * f64::from(percent) / 100.0;
    let (low, high) = (place.floor() as usize, place.ceil() as usize);
    of[low].0 + (of[high].0 - of[low].0) * (place - place.floor())
}

/// Weights, sum, sum of squares, mean, variance and number of pixels of a cell, and what the formulas of l2bin
/// and l3mapgen give.
fn l2bin(composite: &Composite, given: &[Given], cell: usize) -> ([f64; 6], [f64; 6]) {
    use Statistic::{Count, Mean, Sum, SumSquared, Var, Weights};
    let found = [Weights, Sum, SumSquared, Mean, Var, Count].map(|s| at(composite, s, cell));
    let (mut w, mut s, mut s2, mut scenes, mut count) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for granule in 0..4 {
        let mine = || {
            given
                .iter()
                .filter(|g| (g.granule, g.cell) == (granule, cell))
        };
        let share = |g: &Given| g.weight as f64 / WEIGHT_ONE as f64;
        let n: f64 = mine().map(share).sum();
        if n > 0.0 {
            w += n.sqrt();
            s += mine().map(|g| g.value * share(g)).sum::<f64>() / n.sqrt();
            s2 += mine().map(|g| g.value * g.value * share(g)).sum::<f64>() / n.sqrt();
            scenes += 1.0;
            count += mine().count() as f64;
        }
    }
    let variance = (s2 / w - (s / w) * (s / w)) * w * w / (w * w - scenes);
    let variance = if w * w <= scenes { found[4] } else { variance };
    (found, [w, s, s2, s / w, variance, count])
}

fn weights(shares: bool) -> BoxedStrategy<u64> {
    if shares {
        prop_oneof![0..=WEIGHT_ONE, 0..100u64, Just(WEIGHT_ONE)].boxed()
    } else {
        Just(WEIGHT_ONE).boxed()
    }
}

fn given_with(
    values: impl Strategy<Value = f64> + 'static,
    shares: bool,
) -> impl Strategy<Value = Vec<Given>> {
    let one = (0..4usize, 0..CELLS.len(), values, weights(shares));
    prop::collection::vec(one, 1..80).prop_map(|all| {
        all.into_iter()
            .map(|(granule, cell, value, weight)| Given {
                granule,
                cell,
                value,
                weight,
            })
            .collect()
    })
}

/// Single-precision values of a chlorophyll-like range: exact in a fixed quantum.
fn chlorophyll() -> impl Strategy<Value = f64> {
    (-9.0f32..6.6).prop_map(|power| f64::from(libm::exp2f(power).clamp(0.002, 100.0)))
}

/// Doubles of any size and sign.
fn wild() -> impl Strategy<Value = f64> {
    prop_oneof![
        prop::num::f64::NORMAL.prop_filter("squares are finite", |v| v.abs() < 1e150),
        prop::num::f64::SUBNORMAL,
        -1.0..1.0f64,
        Just(0.0),
        Just(-0.0),
        (-1e30..1e30f64),
    ]
}

fn methods() -> impl Strategy<Value = (Weight, bool, bool)> {
    (
        prop_oneof![
            Just(Weight::Observation),
            Just(Weight::Granule),
            Just(Weight::L2bin)
        ],
        any::<bool>(),
        any::<bool>(),
    )
}

const CHLOROPHYLL: (f64, f64) = (0.001, 100.0);

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn order_and_grouping_do_not_show(
        ((weight, shares, fixed), given, order, parts, merges) in methods().prop_flat_map(|m| {
            let values = if m.2 { chlorophyll().boxed() } else { wild().boxed() };
            (Just(m), given_with(values, m.1), any::<u64>(),
                prop::collection::vec(0..3usize, 4), any::<bool>())
        })
    ) {
        let range = fixed.then_some(CHLOROPHYLL);
        let reduction = reduction(weight, shares, Summation::for_range(range));
        let expected = composed(&reduction, &given);

        // Other orders, granules in other composites, granules in parts.
        let mut shuffled = given.clone();
        shuffle(&mut shuffled, order);
        let mut composites = vec![Composite::new(tiling(), reduction.clone()); 3];
        let mut granules: Vec<usize> = (0..4).collect();
        shuffle(&mut granules, order >> 7);
        for granule in granules {
            let observations: Vec<Observation> = shuffled
                .iter()
                .filter(|g| g.granule == granule)
                .map(Given::observation)
                .collect();
            let (first, second) = observations.split_at(observations.len() / 3);
            let mut states = [first, second].map(|part| {
                let mut state = GranuleState::new(tiling(), &reduction);
                state.add(part.iter().copied()).unwrap();
                state
            });
            let [one, other] = &mut states;
            if merges { one.merge(other).unwrap() } else { other.merge(one).unwrap() }
            let whole = if merges { one } else { other };
            combine(&mut composites[parts[granule]], whole, granule);
        }
        let mut all = Composite::new(tiling(), reduction);
        if order & 1 == 0 {
            composites.reverse();
        }
        for composite in composites {
            if order & 2 == 0 {
                all.merge(composite).unwrap();
            } else {
                let rest = std::mem::replace(&mut all, composite);
                all.merge(rest).unwrap();
            }
        }
        prop_assert_eq!(layers(&all), layers(&expected));
        prop_assert_eq!(all, expected);
    }

    #[test]
    fn fixed_sums_of_single_precision_are_rounded_once(
        (shares, given) in any::<bool>().prop_flat_map(|s| (Just(s), given_with(chlorophyll(), s)))
    ) {
        let summation = Summation::for_range(Some(CHLOROPHYLL));
        prop_assert_eq!(summation, Summation::Fixed { exponent: 7 });
        check_exact(&given, shares, summation)?;
    }

    #[test]
    fn binned_sums_of_like_values_are_rounded_once(
        (shares, given) in any::<bool>().prop_flat_map(|s| {
            (Just(s), given_with(prop_oneof![-1e6f64..-1e-3, 1e-3..1e6f64, Just(0.0)], s))
        })
    ) {
        check_exact(&given, shares, Summation::Binned)?;
    }

    #[test]
    fn statistics_agree_with_two_passes(
        (weight, shares, fixed) in methods(),
        seed in any::<u64>(),
    ) {
        let mut next = sequence(seed);
        let given: Vec<Given> = (0..500).map(|_| Given {
            granule: (next() % 4) as usize,
            cell: (next() % 6) as usize,
            value: 280.0 + (next() % 10_000) as f64 * 0.001,
            weight: if shares { next() % WEIGHT_ONE + 1 } else { WEIGHT_ONE },
        }).collect();
        let range = fixed.then_some((-300.0, 400.0));
        let composite = composed(&reduction(weight, shares, Summation::for_range(range)), &given);
        for cell in 0..CELLS.len() {
            let of = match weight {
                Weight::Observation => given
                    .iter()
                    .filter(|g| g.cell == cell)
                    .map(|g| (g.value, g.weight))
                    .collect(),
                Weight::Granule => granule_means(&given, cell),
                Weight::L2bin => {
                    let (found, expected) = l2bin(&composite, &given, cell);
                    for (found, expected) in found.into_iter().zip(expected) {
                        prop_assert!((found / expected - 1.0).abs() < 1e-8, "{} {}", found, expected);
                    }
                    continue;
                }
            };
            let total: f64 = of.iter().map(|(_, w)| *w as f64).sum();
            let mean = of.iter().map(|(v, w)| v * *w as f64).sum::<f64>() / total;
            let var = of.iter().map(|(v, w)| *w as f64 * (v - mean).powi(2)).sum::<f64>() / total;
            let close = |statistic, expected: f64, tolerance: f64| {
                let got = at(&composite, statistic, cell);
                ((got - expected) / expected).abs() < tolerance
            };
            prop_assert!(close(Statistic::Mean, mean, 1e-13));
            prop_assert!(close(Statistic::Var, var, 1e-11));
            prop_assert!(close(Statistic::Std, var.sqrt(), 1e-11));
            prop_assert!(close(Statistic::Sum, mean * total / WEIGHT_ONE as f64, 1e-13));
            let least = of.iter().map(|o| o.0).fold(f64::INFINITY, f64::min);
            let greatest = of.iter().map(|o| o.0).fold(f64::NEG_INFINITY, f64::max);
            prop_assert!(close(Statistic::Min, least, 1e-15));
            prop_assert!(close(Statistic::Max, greatest, 1e-15));
            let logs: Vec<(f64, f64)> = of.iter().map(|(v, w)| (v.ln(), *w as f64)).collect();
            let log = logs.iter().map(|(l, w)| l * w).sum::<f64>() / total;
            let spread = logs.iter().map(|(l, w)| w * (l - log).powi(2)).sum::<f64>() / total;
            prop_assert!(close(Statistic::GeometricMean, log.exp(), 1e-11));
            prop_assert!(close(Statistic::GeometricStd, spread.sqrt().exp(), 1e-9));
            prop_assert_eq!(at(&composite, Statistic::GeometricCount, cell), of.len() as f64);
            for percent in [0u8, 5, 50, 90, 100] {
                let expected = percentile(&of, percent, shares && weight == Weight::Observation);
                prop_assert!(close(Statistic::Percentile(percent), expected, 1e-13));
            }
            let mine = || given.iter().filter(|g| g.cell == cell);
            prop_assert_eq!(at(&composite, Statistic::Count, cell), mine().count() as f64);
            let mut covered = [0.0; 4];
            mine().for_each(|g| covered[g.granule] += g.weight as f64 / WEIGHT_ONE as f64);
            let granules = covered.iter().filter(|c| **c > 0.0).count();
            prop_assert_eq!(at(&composite, Statistic::Granules, cell), granules as f64);
            let most = covered.into_iter().fold(0.0, f64::max).min(1.0);
            prop_assert!(close(Statistic::Coverage, most, 1e-12));
        }
    }

    #[test]
    fn single_observations_need_no_granule_state(
        (weight, shares, fixed) in methods(),
        values in prop::collection::vec(wild(), 24),
    ) {
        // Values that are no multiples of the quantum, too.
        let summation = Summation::for_range(fixed.then_some((-1.5, 700.0)));
        let reduction = reduction(weight, shares, summation);
        let given: Vec<Given> = values.iter().enumerate().map(|(i, value)| Given {
            granule: i / 6,
            cell: i % 6,
            value: if fixed { value % 700.0 } else { *value },
            weight: WEIGHT_ONE,
        }).collect();
        let expected = composed(&reduction, &given);
        let mut composite = Composite::new(tiling(), reduction);
        for (number, granule) in given.chunks(6).enumerate() {
            let observations = granule.iter().map(Given::observation);
            for (tile, part) in TilePart::singles(&tiling(), summation, observations).unwrap() {
                composite.combine(tile, &part, number as u32).unwrap();
            }
        }
        prop_assert_eq!(layers(&composite), layers(&expected));
        prop_assert_eq!(composite, expected);
    }
}

/// Mean, sum and variance are the doubles nearest to the exact ones, by observation and by granule.
fn check_exact(given: &[Given], shares: bool, summation: Summation) -> Result<(), TestCaseError> {
    let composite = composed(&reduction(Weight::Observation, shares, summation), given);
    let by_granule = composed(&reduction(Weight::Granule, shares, summation), given);
    for cell in 0..CELLS.len() {
        let of: Vec<(f64, u64)> = given
            .iter()
            .filter(|g| g.cell == cell && g.weight > 0)
            .map(|g| (g.value, g.weight))
            .collect();
        if of.is_empty() {
            prop_assert!(at(&composite, Statistic::Mean, cell).is_nan());
            continue;
        }
        let exact = Exact::of(&of);
        prop_assert_eq!(at(&composite, Statistic::Mean, cell), exact.mean());
        prop_assert_eq!(at(&composite, Statistic::Sum, cell), exact.sum());
        let variance = at(&composite, Statistic::Var, cell);
        match summation {
            Summation::Fixed { .. } => prop_assert_eq!(variance, exact.variance()),
            // Squares are cut at 2^-128 of the greatest.
            Summation::Binned => {
                let error = (variance - exact.variance()).abs();
                prop_assert!(
                    error <= 1e-30 * exact.mean().powi(2).max(variance) + 3e-16 * variance
                );
            }
        }
        let std = at(&composite, Statistic::Std, cell);
        prop_assert!((std - variance.sqrt()).abs() <= 3e-16 * std);

        let of = granule_means(given, cell);
        let exact = Exact::of(&of);
        let mean = at(&by_granule, Statistic::Mean, cell);
        match summation {
            // A granule's mean is rounded to a quantum of 2^-49, and the mean of them to a double.
            Summation::Fixed { .. } => {
                prop_assert!((mean - exact.mean()).abs() < libm::scalbn(1.0, -49) + 2e-16 * mean)
            }
            Summation::Binned => prop_assert_eq!(mean, exact.mean()),
        }
    }
    Ok(())
}

fn shuffle<T>(items: &mut [T], seed: u64) {
    let mut next = sequence(seed);
    for i in (1..items.len()).rev() {
        items.swap(i, (next() % (i as u64 + 1)) as usize);
    }
}

/// SplitMix64.
fn sequence(seed: u64) -> impl FnMut() -> u64 {
    let mut state = seed;
    move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

fn in_cell_0(granule: usize, value: f64) -> Given {
    Given {
        granule,
        cell: 0,
        value,
        weight: WEIGHT_ONE,
    }
}

const FORMS: [Summation; 2] = [Summation::Binned, Summation::Fixed { exponent: 9 }];

#[test]
fn stored_answers() {
    // 0.5 with half the cell, 2 with a quarter in one granule; 8 with the whole cell in another.
    let given = [
        (0, 0.5, WEIGHT_ONE / 2),
        (0, 2.0, WEIGHT_ONE / 4),
        (1, 8.0, WEIGHT_ONE),
    ];
    let given = given.map(|(granule, value, weight)| Given {
        granule,
        cell: 0,
        value,
        weight,
    });
    for summation in FORMS {
        let by_observation = composed(&reduction(Weight::Observation, true, summation), &given);
        let by_granule = composed(&reduction(Weight::Granule, true, summation), &given);
        for (statistic, observation, granule) in [
            (Statistic::Count, 3.0, 3.0),
            (Statistic::Granules, 2.0, 2.0),
            (Statistic::Coverage, 1.0, 1.0),
            // (0.25 + 0.5 + 8) / 1.75 and (1 + 8) / 2
            (Statistic::Mean, 5.0, 4.5),
            (Statistic::Sum, 8.75, 9.0),
            // (0.125 + 1 + 64) / 1.75 - 25 and 12.25
            (Statistic::Var, 85.5 / 7.0, 12.25),
            (Statistic::Std, 3.494_894_235_064_305, 3.5),
            (Statistic::Min, 0.5, 1.0),
            (Statistic::Max, 8.0, 8.0),
        ] {
            assert_eq!(
                at(&by_observation, statistic, 0),
                observation,
                "{statistic}"
            );
            assert_eq!(at(&by_granule, statistic, 0), granule, "{statistic}");
        }
        let values = by_observation.values(Statistic::Mean).unwrap();
        assert_eq!(values.len(), ROWS * COLUMNS);
        assert_eq!(values.iter().filter(|v| !v.is_nan()).count(), 1);
        assert_eq!(by_observation.counts().iter().sum::<u64>(), 3);
        assert_eq!(by_observation.granules()[0], 2);
        assert_eq!(by_observation.values(Statistic::Coverage).unwrap()[1], 0.0);
    }
}

#[test]
fn spread_of_nearly_equal_values() {
    // Brightness temperatures of 290 K +- 0.01 in single precision: the naive formula in f64 is
    // wrong in the sixth digit, in f32 everywhere.
    let values: Vec<f64> = (0..1000)
        .map(|i| f64::from(290.0f32 + 0.01 * libm::sinf(i as f32)))
        .collect();
    let mean = values.iter().sum::<f64>() / 1000.0;
    let var = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 1000.0;
    let given: Vec<Given> = values.iter().map(|v| in_cell_0(0, *v)).collect();
    for summation in FORMS {
        let composite = composed(&reduction(Weight::Observation, false, summation), &given);
        let std = at(&composite, Statistic::Std, 0);
        assert!(
            (std / var.sqrt() - 1.0).abs() < 1e-9,
            "{std} {}",
            var.sqrt()
        );
        assert!((std - 0.007).abs() < 1e-4);
    }
}

#[test]
fn equal_values_have_no_spread() {
    for (summation, value) in [
        (FORMS[0], 0.1),
        (FORMS[1], 0.1),
        (FORMS[0], -1e-200),
        (FORMS[0], 3e150),
    ] {
        let given: Vec<Given> = (0..7).map(|i| in_cell_0(i, value)).collect();
        for weight in Weight::ALL {
            let composite = composed(&reduction(weight, false, summation), &given);
            assert_eq!(at(&composite, Statistic::Std, 0), 0.0);
            assert!((at(&composite, Statistic::Mean, 0) / value - 1.0).abs() < 1e-13);
        }
    }
}

#[test]
fn extreme_values() {
    let of = |values: &[f64]| {
        let given: Vec<Given> = values.iter().map(|v| in_cell_0(0, *v)).collect();
        composed(
            &reduction(Weight::Observation, false, Summation::Binned),
            &given,
        )
    };
    let tiny = f64::from_bits(1);
    let composite = of(&[tiny, tiny, tiny, 5.0 * tiny]);
    assert_eq!(at(&composite, Statistic::Mean, 0), 2.0 * tiny);
    assert_eq!(at(&composite, Statistic::Sum, 0), 8.0 * tiny);
    // sqrt((1 + 1 + 1 + 9) / 4)
    assert_eq!(at(&composite, Statistic::Std, 0), 2.0 * tiny);
    assert_eq!(at(&composite, Statistic::Var, 0), 0.0);

    let composite = of(&[1e200, 3e200]);
    assert_eq!(at(&composite, Statistic::Mean, 0), 2e200);
    assert_eq!(at(&composite, Statistic::Std, 0), 1e200);
    assert_eq!(at(&composite, Statistic::Var, 0), f64::INFINITY);

    let composite = of(&[f64::MAX, f64::MAX]);
    assert_eq!(at(&composite, Statistic::Mean, 0), f64::MAX);
    assert_eq!(at(&composite, Statistic::Sum, 0), f64::INFINITY);

    // What a plain loop loses: 1e16 + 1 - 1e16 = 0.
    for order in [[1e16, 1.0, -1e16], [1.0, -1e16, 1e16], [-1e16, 1e16, 1.0]] {
        assert_eq!(at(&of(&order), Statistic::Sum, 0), 1.0);
    }
    // Beyond what is kept, the same in any order.
    for order in [[1e60, 1.0, -1e60], [1.0, -1e60, 1e60], [-1e60, 1e60, 1.0]] {
        assert_eq!(at(&of(&order), Statistic::Sum, 0), 0.0);
    }
    let composite = of(&[-0.0, 0.0]);
    assert_eq!(at(&composite, Statistic::Min, 0).to_bits(), 0);
    assert_eq!(at(&of(&[0.0, -0.0]), Statistic::Max, 0).to_bits(), 0);
}

#[test]
fn missing_values_leave_no_trace() {
    for summation in FORMS {
        let reduction = reduction(Weight::Observation, true, summation);
        let missing = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
        let mut given: Vec<Given> = missing.iter().map(|v| in_cell_0(0, *v)).collect();
        given.push(Given {
            weight: 0,
            ..in_cell_0(0, 3.0)
        });
        let composite = composed(&reduction, &given);
        assert_eq!(composite, Composite::new(tiling(), reduction));
    }
}

#[test]
fn very_many_observations() {
    let mut next = sequence(7);
    let given: Vec<Given> = (0..1024)
        .map(|_| in_cell_0(0, (next() % 1000) as f64 / 8.0))
        .collect();
    for summation in FORMS {
        for shares in [false, true] {
            // Percentiles keep the observations themselves: so many have no room.
            let mut sums = reduction(Weight::Observation, shares, summation);
            sums.statistics.retain(|s| *s != Statistic::MEDIAN);
            let mut composite = composed(&sums, &given);
            let before = composite.values(Statistic::Sum).unwrap();
            let of = |statistic| at(&composite, statistic, 0);
            let (mean, std, sum) = (of(Statistic::Mean), of(Statistic::Std), of(Statistic::Sum));
            for _ in 0..28 {
                composite.merge(composite.clone()).unwrap();
            }
            assert_eq!(composite.counts()[0], 1 << 38);
            assert_eq!(composite.granules()[0], 1 << 28);
            let of = |statistic| at(&composite, statistic, 0);
            assert_eq!(of(Statistic::Mean), mean);
            assert_eq!(of(Statistic::Std), std);
            assert_eq!(of(Statistic::Sum), sum * f64::from(1 << 28));
            assert_ne!(composite.values(Statistic::Sum).unwrap(), before);
            assert_eq!(of(Statistic::GeometricCount) as u64 % (1 << 28), 0);
            // One more doubling would leave the proof's bounds: it is refused.
            assert_eq!(
                composite.merge(composite.clone()),
                Err(ReduceError::CellFull)
            );
        }
    }
}

#[test]
fn thin_cells_are_blank() {
    // Cell 0: 3 pixels of 2 granules, half covered; cell 1: 1 pixel, fully covered.
    let given = [
        (0, 0, WEIGHT_ONE / 4),
        (0, 0, WEIGHT_ONE / 4),
        (1, 0, WEIGHT_ONE / 4),
        (0, 1, WEIGHT_ONE),
    ]
    .map(|(granule, cell, weight)| Given {
        granule,
        cell,
        value: 1.0,
        weight,
    });
    for (blank, kept) in [
        (Blank::default(), [true, true]),
        (
            Blank {
                min_count: 3,
                ..Blank::default()
            },
            [true, false],
        ),
        (
            Blank {
                min_count: 4,
                ..Blank::default()
            },
            [false, false],
        ),
        (
            Blank {
                min_granules: 2,
                ..Blank::default()
            },
            [true, false],
        ),
        (
            Blank {
                min_coverage: 0.5,
                ..Blank::default()
            },
            [true, true],
        ),
        (
            Blank {
                min_coverage: 0.51,
                ..Blank::default()
            },
            [false, true],
        ),
    ] {
        for weight in Weight::ALL {
            let reduction = Reduction {
                statistics: vec![Statistic::Mean],
                blank,
                ..reduction(weight, true, FORMS[1])
            };
            let composite = composed(&reduction, &given);
            for (cell, kept) in kept.into_iter().enumerate() {
                assert_eq!(
                    !at(&composite, Statistic::Mean, cell).is_nan(),
                    kept,
                    "{blank:?}"
                );
            }
            assert_eq!(composite.counts()[0], 3);
            assert_eq!(at(&composite, Statistic::Granules, 0), 2.0);
        }
    }
}

#[test]
fn only_what_is_asked_for_is_kept() {
    let mut reduction = reduction(Weight::Observation, true, FORMS[1]);
    reduction.statistics = vec![Statistic::Mean];
    let composite = Composite::new(tiling(), reduction.clone());
    for statistic in [Statistic::Std, Statistic::Max, Statistic::Coverage] {
        assert_eq!(
            composite.values(statistic),
            Err(ReduceError::NotKept { statistic })
        );
    }
    assert_eq!(composite.tile_values(0, Statistic::Mean), Ok(None));
    // The table in the documentation.
    assert_eq!(reduction.bytes_per_cell(), 8 + 4 + 16 + 16);
    reduction.shares = false;
    assert_eq!(reduction.bytes_per_cell(), 8 + 4 + 16);
    reduction.weight = Weight::Granule;
    assert_eq!(reduction.bytes_per_cell(), 8 + 4 + 16 + 8);
    reduction.summation = Summation::Binned;
    reduction.statistics = vec![Statistic::Std, Statistic::Min];
    assert_eq!(reduction.bytes_per_cell(), 8 + 4 + 64 + 64 + 8 + 8);
}

#[test]
fn what_does_not_fit_is_refused() {
    let first = reduction(Weight::Observation, false, FORMS[1]);
    let mut state = GranuleState::new(tiling(), &first);
    let of = |cell, value| {
        [Observation {
            cell,
            value,
            weight: WEIGHT_ONE,
        }]
    };
    assert_eq!(
        state.add(of(0, 513.0)),
        Err(ReduceError::BeyondLimit {
            value: 513.0,
            limit: 512.0
        })
    );
    let cell = (ROWS * COLUMNS) as u32;
    assert_eq!(
        state.add(of(cell, 1.0)),
        Err(ReduceError::NoSuchCell { cell })
    );

    let single = |observation| TilePart::singles(&tiling(), first.summation, observation);
    assert!(single(of(0, 513.0)).is_err() && single(of(cell, 1.0)).is_err());
    assert!(single(of(0, f64::NAN)).unwrap().is_empty());

    let mut composite = Composite::new(tiling(), first.clone());
    let other = reduction(Weight::Observation, false, FORMS[0]);
    let mut state = GranuleState::new(tiling(), &other);
    state.add(of(0, 1.0)).unwrap();
    let (_, part) = state.parts().next().unwrap();
    assert_eq!(composite.combine(0, &part, 0), Err(ReduceError::Mismatch));
    let (_, part) = single(of(0, 1.0)).unwrap().pop().unwrap();
    assert_eq!(composite.combine(99, &part, 0), Err(ReduceError::Mismatch));
    let (_, part) = single(of(255, 1.0)).unwrap().pop().unwrap();
    assert_eq!(composite.combine(2, &part, 0), Err(ReduceError::Mismatch));

    // Parts that were damaged where they were stored.
    let refused = |stored, tile| {
        let restored = TilePart::from_stored(stored, &tiling(), &first, tile);
        assert_eq!(restored, Err(ReduceError::Damaged { tile }));
    };
    refused(StoredPart::Single(vec![1, 2], vec![1.0]), 0);
    refused(StoredPart::Single(vec![1], vec![513.0]), 0);
    refused(StoredPart::Single(vec![1], vec![f64::NAN]), 0);
    refused(StoredPart::Single(vec![30], vec![1.0]), 2);
    let (_, several) = state.parts().next().unwrap();
    refused(several.to_stored(), 0);
    let others = Composite::new(tiling(), other);
    assert_eq!(composite.merge(others), Err(ReduceError::Mismatch));
}

#[test]
fn tiles_hold_what_the_layer_holds() {
    let given: Vec<Given> = (0..6)
        .map(|cell| Given {
            granule: 0,
            cell,
            value: cell as f64,
            weight: WEIGHT_ONE,
        })
        .collect();
    let composite = composed(&reduction(Weight::Observation, false, FORMS[1]), &given);
    let layer = composite.values(Statistic::Mean).unwrap();
    for tile in 0..tiling().tiles() {
        let Some(values) = composite.tile_values(tile, Statistic::Mean).unwrap() else {
            continue;
        };
        let (rows, columns) = tiling().extent(tile);
        let cells = rows.flat_map(|row| columns.clone().map(move |column| row * COLUMNS + column));
        for (cell, value) in cells.zip(values) {
            assert_eq!(layer[cell].to_bits(), value.to_bits());
        }
    }
    for (i, cell) in CELLS.into_iter().enumerate() {
        assert_eq!(layer[cell as usize], i as f64);
    }
}

#[test]
fn values_of_single_precision_are_stored_in_it() {
    let of = |values: [f64; 3]| {
        let observations = values
            .into_iter()
            .enumerate()
            .map(|(cell, value)| Observation {
                cell: cell as u32,
                value,
                weight: WEIGHT_ONE,
            });
        let mut parts = TilePart::singles(&tiling(), FORMS[1], observations).unwrap();
        parts.pop().unwrap().1
    };
    let reduction = reduction(Weight::Observation, false, FORMS[1]);
    for (values, narrow) in [
        ([1.5, -0.0, f64::from(0.1_f32)], true),
        ([1.5, 0.0, 0.1], false),
    ] {
        let part = of(values);
        let stored = part.to_stored();
        assert_eq!(matches!(stored, StoredPart::SingleNarrow(..)), narrow);
        let restored = TilePart::from_stored(stored, &tiling(), &reduction, 0).unwrap();
        assert_eq!(restored, part);
    }
    let refused = StoredPart::SingleNarrow(vec![1], vec![f32::INFINITY]);
    assert!(TilePart::from_stored(refused, &tiling(), &reduction, 0).is_err());
}
