//! `swathe array`: an array larger than memory, said in one line and computed.

use super::graph::GraphFile;
use crate::failure::{Failure, Outcome, Result};
use crate::memory_size::memory_size;
use crate::messages::{say, tell};
use clap::Args;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;
use swathe::job::{JobError, check_room, expand};
use swathe_core::array::random::{Generator, SeedSequence, StreamKind, words_of_decimal};
use swathe_core::array::{
    Array, ArrayError, Buffer, Scalar, compute, language, outline, shape_text,
};
use swathe_io::dataset::Dataset;
use swathe_io::picture::array_graph;
use swathe_io::stored::{self, Opening, StoredFile};

/// Compute an array that may be larger than memory: chunk, apply, combine.
///
/// The line is Python's syntax with numpy's names: random numbers (normal, uniform, random, exponential,
/// lognormal, integers), arange, linspace, full, zeros, ones; variables of files, open("a.nc", "chlor_a"); arithmetic, comparisons, where, clip, astype; slices;
/// sum, mean, var, std, min, max, argmin, argmax, any, all, count, quantile over `axis`, leaving out NaN with
/// `skipna=True`. With `--streams dask` (the default) random numbers are those of dask.array's default_rng for the same
/// seed, size and chunks; with `numpy`, those of numpy's default_rng; with `place`, they do not depend on chunks.
#[derive(Args)]
#[command(after_help = "Examples:
  swathe array \"normal(1, 2, size=2**27, chunks=2**22).mean()\" --seed 42
  swathe array \"normal(1, 2, size=2**27, chunks=2**22).mean()\" --seed 42 --memory 64MiB --graph mean.svg
  swathe array \"open('*.nc', 'chlor_a').mean(skipna=True)\"
  swathe array \"(uniform(size=(10000, 10000), chunks=1000) ** 2).std(axis=0)\" --json")]
pub struct Arguments {
    /// The array
    #[arg(value_name = "EXPRESSION")]
    expression: String,
    /// Seed of random numbers: whole numbers of any size, separated by commas
    #[arg(long, value_name = "SEED", default_value = "0", value_parser = seed)]
    seed: SeedSequence,
    /// Where the random numbers of chunks come from: dask, numpy or place
    #[arg(long, value_name = "KIND", default_value = "dask")]
    streams: StreamKind,
    /// Number of threads, up to 512. Default: one for each processor
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=512))]
    threads: Option<u16>,
    /// Most memory that chunks may take, as 512MiB or 4GiB
    #[arg(long, value_name = "SIZE", value_parser = memory_size)]
    memory: Option<u64>,
    /// Draw the tasks into a file, .svg, .mmd (Mermaid) or .dot (Graphviz)
    #[arg(long, value_name = "FILE")]
    graph: Option<PathBuf>,
    /// Replace a graph that exists
    #[arg(long)]
    overwrite: bool,
    /// Show shape, chunks and bytes; compute nothing
    #[arg(long)]
    dry_run: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result {
    let mut random = Generator::new(arguments.seed.clone(), 0, arguments.streams);
    let array =
        language::parse(&arguments.expression, &mut random, &opened).map_err(|mistake| {
            let marked = format!("{}\n{}^", arguments.expression, " ".repeat(mistake.column));
            Failure::usage(format!("{mistake}\n{marked}"))
        })?;
    if let Some(path) = &arguments.graph {
        GraphFile::new(path, &[], arguments.overwrite)?.write(&array_graph(&outline(&array)))?;
    }
    let threads = arguments.threads.map_or(0, usize::from);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    let pool = pool.map_err(Failure::error)?;
    let stages = outline(&array);
    let chunks: usize = stages.iter().map(|stage| stage.chunks).sum();
    let bytes: u64 = stages.iter().map(|stage| stage.bytes).sum();
    if arguments.dry_run {
        let said = json!({
            "shape": array.shape(), "dtype": array.dtype().name(), "bytes": array.bytes(),
            "chunks": chunks, "chunk_bytes": bytes,
        });
        match arguments.json {
            true => tell!("{said}"),
            false => tell!(
                "{} {}, {} in {chunks} chunks",
                shape_text(array.shape()),
                array.dtype(),
                in_units(bytes as f64, "B")
            ),
        }
        return Ok(Outcome::Done);
    }
    check_room(&array).map_err(|error| JobError::Plan {
        reason: error.to_string(),
        hint: Some("reduce it, or take a part of it".into()),
    })?;
    let started = Instant::now();
    let values = compute(&array, &pool, arguments.memory)?;
    let seconds = started.elapsed().as_secs_f64();
    let peak = peak_bytes();
    if arguments.json {
        let said = json!({
            "value": nested(&values, array.shape(), &mut 0), "shape": array.shape(),
            "dtype": array.dtype().name(), "seconds": seconds, "bytes": bytes,
            "bytes_per_second": bytes as f64 / seconds, "peak_bytes": peak,
            "threads": pool.current_num_threads(),
        });
        tell!("{said}");
        return Ok(Outcome::Done);
    }
    tell!("{}", shown(&array, &values));
    let rate = in_units(bytes as f64 / seconds, "B/s");
    let peak = peak.map_or(String::new(), |peak| {
        format!(", peak memory {}", in_units(peak as f64, "B"))
    });
    say!(
        "{} in {chunks} chunks, {seconds:.3} s, {rate}, {} threads{peak}",
        in_units(bytes as f64, "B"),
        pool.current_num_threads()
    );
    Ok(Outcome::Done)
}

/// A variable of files, for the line.
fn opened(asked: &language::Opened) -> std::result::Result<Array, ArrayError> {
    let said = |error: &dyn std::fmt::Display| ArrayError::Source(error.to_string());
    let paths = expand(&asked.files).map_err(|error| said(&error))?;
    let open = |path: &PathBuf| {
        let dataset = Dataset::open(path).map_err(|error| said(&error))?;
        Ok(StoredFile {
            dataset: Arc::new(dataset),
            path: Some(path.clone()),
        })
    };
    let files: std::result::Result<Vec<StoredFile>, ArrayError> = paths.iter().map(open).collect();
    let opening = Opening {
        variable: asked.variable.clone(),
        along: asked.along.clone(),
        cuts: asked.cuts.clone(),
        stored: asked.stored,
    };
    stored::open(&files?, &opening).map_err(|error| said(&error))
}

fn seed(text: &str) -> std::result::Result<SeedSequence, String> {
    let words = text.split(',').map(|part| {
        words_of_decimal(part.trim()).ok_or_else(|| format!("{part:?} is no whole number"))
    });
    let words: Vec<Vec<u32>> = words.collect::<std::result::Result<_, _>>()?;
    Ok(SeedSequence::new(words.concat(), Vec::new()))
}

/// A number as JSON; what JSON has no number for is null.
fn number(scalar: Scalar) -> Value {
    match scalar {
        Scalar::Bool(value) => value.into(),
        Scalar::Int(value) => match i64::try_from(value) {
            Ok(value) => value.into(),
            Err(_) => u64::try_from(value).map_or(Value::Null, Value::from),
        },
        Scalar::Float(value) => value.into(),
    }
}

fn nested(values: &Buffer, shape: &[usize], at: &mut usize) -> Value {
    match shape.split_first() {
        None => {
            *at += 1;
            values.get(*at - 1).map_or(Value::Null, number)
        }
        Some((&len, rest)) => (0..len).map(|_| nested(values, rest, at)).collect(),
    }
}

/// Values that are printed at most.
const PRINTED: usize = 1000;

fn shown(array: &Array, values: &Buffer) -> String {
    let text = |i: usize| {
        values
            .get(i)
            .map_or(String::new(), |value| value.to_string())
    };
    match values.len() {
        1 => text(0),
        len => {
            let few: Vec<String> = (0..len.min(PRINTED)).map(text).collect();
            let more = if len > PRINTED { ", ..." } else { "" };
            let shape = shape_text(array.shape());
            format!(
                "[{}{more}]\nshape {shape}, {}",
                few.join(", "),
                array.dtype()
            )
        }
    }
}

fn in_units(value: f64, unit: &str) -> String {
    let (value, prefix) = match value {
        v if v >= f64::from(1 << 30) => (v / f64::from(1 << 30), "Gi"),
        v if v >= f64::from(1 << 20) => (v / f64::from(1 << 20), "Mi"),
        v if v >= 1024.0 => (v / 1024.0, "Ki"),
        v => (v, ""),
    };
    format!("{value:.1} {prefix}{unit}")
}

/// The most memory that the process has had.
fn peak_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib * 1024)
}
