//! The generator alone: fills a buffer in cache with normal numbers on two threads, for benches/arrays.py.
//! `cargo run --release --example normal_floor -- COUNT`

use std::time::Instant;
use swathe_core::array::random::{Distribution, Pcg64, SeedSequence};

/// Values that are drawn at once.
const BLOCK: usize = 2048;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let count: usize = std::env::args().nth(1).ok_or("give a count")?.parse()?;
    let distribution = Distribution::normal(1.0, 2.0)?;
    let seeds = SeedSequence::from(1);
    let started = Instant::now();
    let last: f64 = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..2)
            .map(|number| {
                let mut generator = Pcg64::new(&seeds.child(number));
                scope.spawn(move || {
                    let mut buffer = vec![0.0; BLOCK];
                    for _ in 0..count / 2 / BLOCK {
                        distribution.fill(&mut generator, &mut buffer);
                    }
                    buffer.last().copied().unwrap_or(0.0)
                })
            })
            .collect();
        threads.into_iter().filter_map(|t| t.join().ok()).sum()
    });
    let seconds = started.elapsed().as_secs_f64();
    println!("{{\"seconds\": {seconds}, \"last\": {last}}}");
    Ok(())
}
