//! Reads thousands of damaged copies of good files: no panic, no hang, no more memory than twice the
//! decoded size, and an error for every file that is cut off.
//!
//! `cargo run --release -p swathe-io --example mutate -- FILE... [--count 2000] [--seed 1] [--seconds 10]`
//!
//! Mutant `i` of a file has seed `SEED * 1000000 + i`; `--count 1 --seed` with `--only SEED` repeats one.

#[path = "../tests/mutation/mod.rs"]
mod mutation;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use mutation::{Original, memory_bound, read_all};
use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

struct Options {
    files: Vec<String>,
    count: u64,
    seed: u64,
    seconds: u64,
    only: Option<u64>,
}

fn main() {
    let options = options().unwrap_or_else(|usage| {
        eprintln!("{usage}");
        std::process::exit(2)
    });
    let mut failures = 0;
    for file in &options.files {
        failures += run(file, &options);
    }
    if failures > 0 {
        println!("{failures} failures");
        std::process::exit(1);
    }
}

fn options() -> Result<Options, String> {
    let mut options = Options {
        files: Vec::new(),
        count: 2000,
        seed: 1,
        seconds: 10,
        only: None,
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(word) = arguments.next() {
        let mut number = || {
            let value = arguments.next().and_then(|text| text.parse().ok());
            value.ok_or(format!("{word} needs a number"))
        };
        match word.as_str() {
            "--count" => options.count = number()?,
            "--seed" => options.seed = number()?,
            "--seconds" => options.seconds = number()?,
            "--only" => options.only = Some(number()?),
            _ => options.files.push(word),
        }
    }
    match options.files.is_empty() {
        true => Err("usage: mutate FILE... [--count N] [--seed N] [--seconds N] [--only N]".into()),
        false => Ok(options),
    }
}

#[derive(Default)]
struct Tally {
    refused: u64,
    partly: u64,
    whole: u64,
    failures: u64,
    /// Largest share of the memory bound that was used.
    memory: f64,
    longest: Duration,
}

fn run(file: &str, options: &Options) -> u64 {
    let bytes = match std::fs::read(file) {
        Ok(bytes) => bytes,
        Err(error) => {
            println!("{file}: {error}");
            return 1;
        }
    };
    let len = bytes.len();
    let original = Original::new(bytes.clone());
    let good = read_all(bytes.into());
    let started = Instant::now();
    let watch = Watch::start(options.seconds);
    let mut tally = Tally::default();
    for percent in 0..100 {
        let reading = one(
            &mut tally,
            &watch,
            good.declared,
            &format!("cut at {percent} %"),
            || (original.truncated(percent), String::new()),
        );
        if reading.is_some_and(|errors| errors == 0) {
            tally.failures += 1;
            println!("{file}, cut at {percent} %: read without an error");
        }
    }
    let first = options.seed * 1_000_000;
    let seeds = options
        .only
        .map_or(first..first + options.count, |only| only..only + 1);
    for seed in seeds {
        one(
            &mut tally,
            &watch,
            good.declared,
            &format!("mutant {seed}"),
            || original.mutant(seed),
        );
    }
    watch.end();
    println!(
        "{}: {len} bytes, {} decoded; 100 cut off and {} mutants in {:.1} s: {} refused, {} read in part, \
         {} whole; longest {:.2} s, memory at most {:.2} of the bound; {} failures",
        file.rsplit('/').next().unwrap_or(file),
        good.declared,
        options.count,
        started.elapsed().as_secs_f64(),
        tally.refused,
        tally.partly,
        tally.whole,
        tally.longest.as_secs_f64(),
        tally.memory,
        tally.failures,
    );
    tally.failures
}

/// Reads one damaged file; the number of errors, or nothing after a panic.
fn one(
    tally: &mut Tally,
    watch: &Watch,
    decoded: u64,
    name: &str,
    make: impl FnOnce() -> (Vec<u8>, String),
) -> Option<usize> {
    let (bytes, done) = make();
    let bytes: Arc<[u8]> = bytes.into();
    let started = Instant::now();
    watch.begin(name, &done);
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    // The harness goes on after a failure; the library itself never catches panics.
    let read = std::panic::catch_unwind(|| read_all(bytes.clone()));
    let used = MEMORY.peak_usage().saturating_sub(before) as u64;
    watch.rest();
    tally.longest = tally.longest.max(started.elapsed());
    let Ok(reading) = read else {
        tally.failures += 1;
        println!("{name} ({done}): PANIC");
        return None;
    };
    let bound = memory_bound(decoded, reading.declared);
    tally.memory = tally.memory.max(used as f64 / bound as f64);
    if used > bound {
        tally.failures += 1;
        println!("{name} ({done}): {used} bytes of memory, {bound} allowed");
    }
    if started.elapsed() > Duration::from_secs(2) {
        println!("{name} ({done}): {:.1} s", started.elapsed().as_secs_f64());
    }
    match (reading.declared, reading.errors.len()) {
        (0, _) => tally.refused += 1,
        (_, 0) => tally.whole += 1,
        _ => tally.partly += 1,
    }
    Some(reading.errors.len())
}

/// Ends the program, naming the mutant, when one takes too long.
struct Watch {
    since: Arc<AtomicU64>,
    name: Arc<Mutex<String>>,
}

const RESTING: u64 = u64::MAX;
const ENDED: u64 = u64::MAX - 1;

impl Watch {
    fn start(seconds: u64) -> Watch {
        let since = Arc::new(AtomicU64::new(RESTING));
        let name = Arc::new(Mutex::new(String::new()));
        let (theirs, current) = (since.clone(), name.clone());
        std::thread::spawn(move || {
            loop {
                std::thread::sleep(Duration::from_millis(200));
                match theirs.load(Ordering::Relaxed) {
                    RESTING => {}
                    ENDED => return,
                    begun if now() > begun + 1000 * seconds => {
                        println!("{}: HANG, more than {seconds} s", held(&current));
                        std::process::exit(1);
                    }
                    _ => {}
                }
            }
        });
        Watch { since, name }
    }

    fn begin(&self, name: &str, done: &str) {
        *held(&self.name) = format!("{name} ({done})");
        self.since.store(now(), Ordering::Relaxed);
    }

    fn rest(&self) {
        self.since.store(RESTING, Ordering::Relaxed);
    }

    fn end(&self) {
        self.since.store(ENDED, Ordering::Relaxed);
    }
}

fn held(name: &Mutex<String>) -> MutexGuard<'_, String> {
    name.lock().unwrap_or_else(PoisonError::into_inner)
}

fn now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |d| d.as_millis() as u64)
}
