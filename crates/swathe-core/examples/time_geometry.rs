//! Times the geometry of a swath on a grid, and gridding a variable with it, without reading: what
//! `benches/geometry.py` sets beside other tools.
//!
//! `time_geometry FOLDER PIXELS f32|f64 CRS PLACE RESOLUTION METHOD REPEATS [THREADS]` (input as of
//! `dump_geometry`) prints the best seconds of: making the grid ready, locating, gridding one f32
//! variable; the best sum of the last two; and the number of entries.

mod swath;

use std::path::Path;
use std::time::Instant;
use swath::Outcome;
use swathe_core::resample::{EntryKind, Grid, WEIGHT_ONE, interpolate, locate};
use swathe_core::source::GeolocationArray;

fn main() -> Outcome<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let (words, threads) = match words.as_slice() {
        [words @ .., threads] if words.len() == 8 => (words, threads.parse()?),
        words => (words, 1),
    };
    let [folder, pixels, kind, crs, place, size, method, repeats] = words else {
        return Err("usage: time_geometry FOLDER PIXELS f32|f64 CRS PLACE RESOLUTION METHOD REPEATS [THREADS]".into());
    };
    let swath = swath::read_swath(Path::new(folder), pixels.parse()?, kind)?;
    let geobox = swath::grid(&swath, crs, place, size)?;
    let method = swath::method(method)?;
    let values: Vec<f32> = (0..swath.latitude.len())
        .map(|i| (i % 1000) as f32)
        .collect();
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build_global()?;
    let mut best = [f64::INFINITY; 4];
    let mut count = 0;
    for _ in 0..repeats.parse::<usize>()? {
        let start = Instant::now();
        let grid = Grid::new(geobox.clone());
        let ready = start.elapsed().as_secs_f64();
        let start = Instant::now();
        let (entries, _) = locate(&swath, &grid, method, 256);
        let located = start.elapsed().as_secs_f64();
        count = 0;
        let kinds = entries.into_iter().map(|entry| entry.kind);
        let start_gridding = Instant::now();
        let map = gridded(
            &swath,
            kinds.inspect(|kind| count += length(kind)),
            geobox.cells(),
            &values,
        );
        let applied = start_gridding.elapsed().as_secs_f64();
        let whole = start.elapsed().as_secs_f64();
        std::hint::black_box(map);
        for (best, time) in best.iter_mut().zip([ready, located, applied, whole]) {
            *best = best.min(time);
        }
    }
    println!("{} {} {} {} {count}", best[0], best[1], best[2], best[3]);
    Ok(())
}

fn length(kind: &EntryKind) -> usize {
    match kind {
        EntryKind::Contributions(contributions) => contributions.len(),
        EntryKind::Stencils(stencils) => stencils.len(),
    }
}

/// The map of one variable: the weighted mean of what each cell gets, NaN where it gets nothing.
fn gridded(
    swath: &GeolocationArray,
    kinds: impl Iterator<Item = EntryKind>,
    cells: usize,
    values: &[f32],
) -> Vec<f32> {
    let mut map = vec![f32::NAN; cells];
    let mut shared: Option<Vec<(f64, f64)>> = None;
    for kind in kinds {
        match kind {
            EntryKind::Contributions(contributions) => {
                for c in &contributions {
                    let (cell, value) = (c.cell as usize, values[c.pixel as usize]);
                    // A cell that one whole pixel gives to needs no sum.
                    if shared.is_none() && c.weight == WEIGHT_ONE && map[cell].is_nan() {
                        map[cell] = value;
                        continue;
                    }
                    let sums = shared.get_or_insert_with(|| {
                        map.iter()
                            .map(|v| {
                                if v.is_nan() {
                                    (0.0, 0.0)
                                } else {
                                    (f64::from(*v), 1.0)
                                }
                            })
                            .collect()
                    });
                    let weight = c.weight as f64 / WEIGHT_ONE as f64;
                    sums[cell].0 += weight * f64::from(value);
                    sums[cell].1 += weight;
                }
            }
            EntryKind::Stencils(stencils) => {
                for s in &stencils {
                    let p = s.pixel as usize;
                    let four = [p, p + 1, p + swath.pixels + 1, p + swath.pixels];
                    map[s.cell as usize] =
                        interpolate(four.map(|i| f64::from(values[i])), s.weights) as f32;
                }
            }
        }
    }
    if let Some(sums) = shared {
        for (value, (sum, weight)) in map.iter_mut().zip(sums) {
            *value = (sum / weight) as f32;
        }
    }
    map
}
