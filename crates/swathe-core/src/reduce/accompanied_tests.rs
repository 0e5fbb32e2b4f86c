//! Picks, uncertainties and classes against plain loops over all observations, in any order and grouping.

use super::*;
use crate::resample::WEIGHT_ONE;
use proptest::prelude::*;

const CELLS: u32 = 5;

/// A cell's place in the grid: on both sides of the borders between tiles.
fn place(cell: u32) -> u32 {
    [0, 255, 256, 519, 2 * 520 + 512][cell as usize]
}

#[derive(Debug, Clone, Copy)]
struct Given {
    granule: u32,
    cell: u32,
    value: f64,
    weight: u64,
    beside: Beside,
}

fn tiling() -> Tiling {
    Tiling::new(3, 520).unwrap()
}

fn reduction(shares: bool) -> Reduction {
    Reduction {
        statistics: vec![
            Statistic::First,
            Statistic::Last,
            Statistic::AtSmallest,
            Statistic::AtLargest,
            Statistic::Mode,
            Statistic::Share(Class::of_value(2)),
            Statistic::Share(Class::of_mask(4)),
            Statistic::Uncertainty,
            Statistic::IndependentUncertainty,
            Statistic::MEDIAN,
        ],
        weight: Weight::Observation,
        shares,
        summation: Summation::Binned,
        blank: Blank::default(),
        scheme: Scheme::Arithmetic,
    }
}

fn given(shares: bool) -> impl Strategy<Value = Vec<Given>> {
    let missing = prop_oneof![4 => (0..6u32).prop_map(f64::from), 1 => Just(f64::NAN)];
    let weight = if shares {
        (1..=WEIGHT_ONE).boxed()
    } else {
        Just(WEIGHT_ONE).boxed()
    };
    let one = (
        0..4u32,
        0..CELLS,
        0..8u32,
        weight,
        missing,
        any::<bool>(),
        0.0..2.0f64,
    );
    prop::collection::vec(one, 1..120).prop_map(|all| {
        let all = all.into_iter().enumerate();
        all.map(
            |(i, (granule, cell, value, weight, criterion, known, uncertainty))| Given {
                granule,
                cell,
                value: f64::from(value),
                weight,
                beside: Beside {
                    // Each observation has a pixel of its own; not in the order in which they come.
                    pixel: (i as u32 * 7919) % 1009,
                    criterion,
                    uncertainty: if known { uncertainty } else { f64::NAN },
                },
            },
        )
        .collect()
    })
}

/// What one granule gives, in the stored form.
fn parts(given: &[Given], granule: u32, shares: bool) -> Vec<(usize, TilePart)> {
    let own = given.iter().filter(|g| g.granule == granule);
    let mut state = GranuleState::new(tiling(), &reduction(shares));
    let observations = own.map(|g| {
        let observation = Observation {
            cell: place(g.cell),
            value: g.value,
            weight: g.weight,
        };
        (observation, g.beside)
    });
    state.add(observations).unwrap();
    let parts = state.parts().map(|(tile, part)| {
        let stored = part.to_stored();
        let restored = TilePart::from_stored(stored, &tiling(), &reduction(shares), tile).unwrap();
        assert_eq!(restored, part);
        (tile, restored)
    });
    parts.collect()
}

/// The statistics of a cell, by the definitions.
fn expected(given: &[Given], cell: u32) -> Option<Vec<f64>> {
    let mut own: Vec<Given> = given.iter().copied().filter(|g| g.cell == cell).collect();
    own.sort_by_key(|g| (g.granule, g.beside.pixel));
    let (first, last) = (own.first()?.value, own.last()?.value);
    let known: Vec<&Given> = own
        .iter()
        .filter(|g| g.beside.criterion.is_finite())
        .collect();
    let at = |extreme: f64| known.iter().find(|g| g.beside.criterion == extreme);
    let value = |extreme: f64| at(extreme).map_or(f64::NAN, |g| g.value);
    let criteria = || known.iter().map(|g| g.beside.criterion);
    let weight = |g: &Given| g.weight as f64 / WEIGHT_ONE as f64;
    let total: f64 = own.iter().map(weight).sum();
    let of = |holds: &dyn Fn(u32) -> bool| -> f64 {
        own.iter()
            .filter(|g| holds(g.value as u32))
            .map(weight)
            .sum()
    };
    let whole = |class: u32| -> u64 {
        own.iter()
            .filter(|g| g.value as u32 == class)
            .map(|g| g.weight)
            .sum()
    };
    let mode = (0..8).rev().max_by_key(|class| whole(*class)).unwrap();
    let sure: Vec<&Given> = own
        .iter()
        .filter(|g| g.beside.uncertainty.is_finite())
        .collect();
    let sure_weight: f64 = sure.iter().map(|g| weight(g)).sum();
    let linear: f64 = sure.iter().map(|g| weight(g) * g.beside.uncertainty).sum();
    let squares: f64 = sure
        .iter()
        .map(|g| (weight(g) * g.beside.uncertainty).powi(2))
        .sum();
    Some(vec![
        first,
        last,
        value(criteria().fold(f64::INFINITY, f64::min)),
        value(criteria().fold(f64::NEG_INFINITY, f64::max)),
        f64::from(mode),
        of(&|v| v == 2) / total,
        of(&|v| v & 4 == 4) / total,
        linear / sure_weight,
        squares.sqrt() / sure_weight,
    ])
}

fn layers(composite: &Composite) -> Vec<Vec<f64>> {
    let statistics = composite.reduction().statistics.iter();
    statistics.map(|s| composite.values(*s).unwrap()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn as_defined_in_any_order_and_grouping(
        (shares, given) in any::<bool>().prop_flat_map(|s| (Just(s), given(s))),
        groups in prop::collection::vec(0..3usize, 4),
        backwards in any::<bool>(),
    ) {
        let mut all = Composite::new(tiling(), reduction(shares));
        for granule in 0..4 {
            for (tile, part) in parts(&given, granule, shares) {
                all.combine(tile, &part, granule).unwrap();
            }
        }
        let found = layers(&all);
        for cell in 0..CELLS {
            let found = found.iter().map(|layer| layer[place(cell) as usize]);
            let Some(expected) = expected(&given, cell) else {
                prop_assert!(found.clone().all(f64::is_nan));
                continue;
            };
            for (i, (found, expected)) in found.zip(expected).enumerate() {
                let close = (found - expected).abs() <= 1e-12 * expected.abs();
                prop_assert!(close || found.is_nan() && expected.is_nan(), "{} {} {}", i, found, expected);
            }
        }

        // Granules in some composites, each with numbers of its own, stored and put together; and the
        // observations in another order.
        let mut shuffled = given.clone();
        shuffled.reverse();
        let mut merged = Composite::new(tiling(), reduction(shares));
        let mut order = [0usize, 1, 2];
        if backwards {
            order.reverse();
        }
        for group in order {
            let members: Vec<u32> = (0..4).filter(|g| groups[*g as usize] == group).collect();
            let mut composite = Composite::new(tiling(), reduction(shares));
            for (number, granule) in members.iter().enumerate().rev() {
                for (tile, part) in parts(&shuffled, *granule, shares) {
                    composite.combine(tile, &part, number as u32).unwrap();
                }
            }
            let numbers: Vec<Option<u32>> = members.iter().copied().map(Some).collect();
            for tile in 0..tiling().tiles() {
                if let Some(stored) = composite.stored_tile(tile) {
                    let bytes = postcard::to_stdvec(&stored).unwrap();
                    let mut stored: StoredTile = postcard::from_bytes(&bytes).unwrap();
                    let mut samples = stored.take_samples();
                    let samples = [samples.take(3), samples];
                    // Some cells after the others.
                    let cells = all.tiling().tile_cells(tile);
                    for strip in [0..1, 1..cells] {
                        let (stored, samples) = (stored.clone(), samples.clone());
                        let samples = samples.into_iter().map(Ok::<_, ReduceError>);
                        merged
                            .combine_stored(tile, stored, samples, &strip, &numbers)
                            .unwrap();
                    }
                    // One observation too many, or too few.
                    let [some, rest] = samples.clone();
                    let too_many = [some.clone(), rest, some];
                    for wrong in [too_many, Default::default()] {
                        let wrong = wrong.into_iter().map(Ok::<_, ReduceError>);
                        let mut other = Composite::new(tiling(), reduction(shares));
                        prop_assert!(
                            other
                                .combine_stored(tile, stored.clone(), wrong, &(0..cells), &numbers)
                                .is_err()
                        );
                    }
                }
            }
        }
        prop_assert_eq!(&merged, &all);
        let bits = |layers: Vec<Vec<f64>>| -> Vec<u64> {
            layers.into_iter().flatten().map(f64::to_bits).collect()
        };
        prop_assert_eq!(bits(layers(&merged)), bits(found));
    }

    #[test]
    fn single_observations_are_the_same(given in given(false)) {
        let mut seen = std::collections::BTreeSet::new();
        let given: Vec<Given> =
            given.into_iter().filter(|g| seen.insert((g.granule, g.cell))).collect();
        let (mut states, mut singles) = (
            Composite::new(tiling(), reduction(false)),
            Composite::new(tiling(), reduction(false)),
        );
        for granule in 0..4 {
            for (tile, part) in parts(&given, granule, false) {
                states.combine(tile, &part, granule).unwrap();
            }
            let own = given.iter().filter(|g| g.granule == granule).map(|g| {
                let (cell, value, weight) = (place(g.cell), g.value, WEIGHT_ONE);
                (Observation { cell, value, weight }, g.beside)
            });
            for (tile, part) in TilePart::singles(&tiling(), Summation::Binned, own).unwrap() {
                let stored = part.sorted().to_stored();
                let part = TilePart::from_stored(stored, &tiling(), &reduction(false), tile).unwrap();
                singles.combine(tile, &part, granule).unwrap();
            }
        }
        prop_assert_eq!(singles, states);
    }
}

#[test]
fn granules_without_a_number_are_damage() {
    let observation = Observation {
        cell: 0,
        value: 1.0,
        weight: WEIGHT_ONE,
    };
    let mut composite = Composite::new(tiling(), reduction(false));
    let parts = TilePart::singles(&tiling(), Summation::Binned, [observation]).unwrap();
    composite.combine(parts[0].0, &parts[0].1, 3).unwrap();
    for numbers in [vec![Some(0); 3], vec![Some(0), Some(1), Some(2), None]] {
        let refused = composite.clone().renumber(&numbers);
        assert_eq!(refused, Err(ReduceError::Damaged { tile: 0 }));
    }
    assert_eq!(composite.renumber(&[Some(0); 4]), Ok(()));
}
