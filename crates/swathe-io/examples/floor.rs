//! The floor under any reader, and this reader above it.
//!
//! `cargo run --release -p swathe-io --example floor -- GRANULE... [--bbox W,S,E,N] [--variable chlor_a]
//! [--threads 2] [--repeat 7] [--without-flags] [--whole]`
//!
//! *Floor*: inflate and unshuffle alone, from memory to memory, of every chunk that holds a pixel whose
//! footprint meets the area: latitude, longitude, one variable, flags; each chunk once, on N threads.
//! `--whole`: of every chunk that the file has, and no reader.
//! *Reader*: open, bound the lines, geolocation, then values and flags of the lines that meet the area.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use libdeflater::Decompressor;
use rayon::prelude::*;
use swathe_core::region::Region;
use swathe_core::source::{Field, GeolocationArray, SwathSource};
use swathe_io::dataset::{Dataset, StorageChunk, Variable};
use swathe_io::granule::{Granule, ReadCost};

/// HDF5's number of the filter.
const DEFLATE: u16 = 1;

type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

struct Options {
    files: Vec<PathBuf>,
    /// West, south, east, north.
    bbox: [f64; 4],
    variable: String,
    threads: usize,
    repeat: usize,
    flags: bool,
    whole: bool,
}

fn main() -> Outcome<()> {
    let options = options()?;
    rayon::ThreadPoolBuilder::new()
        .num_threads(options.threads)
        .build_global()?;
    if options.whole {
        return whole(&options);
    }
    let plans: Vec<Plan> = options
        .files
        .iter()
        .map(|path| plan(path, &options))
        .collect::<Outcome<_>>()?;
    let chunks: Vec<&StoredChunk> = plans.iter().flat_map(|plan| &plan.chunks).collect();
    let stored: usize = chunks.iter().map(|chunk| chunk.bytes.len()).sum();
    let decoded: usize = chunks.iter().map(|chunk| chunk.decoded).sum();
    println!(
        "{} granules, {} chunks: {:.1} MB stored, {:.1} MB decoded, {} threads",
        plans.len(),
        chunks.len(),
        stored as f64 / 1e6,
        decoded as f64 / 1e6,
        options.threads
    );
    let mut steps = Steps::default();
    let (mut floor, mut reader) = (Duration::MAX, Duration::MAX);
    let (mut floor_cpu, mut reader_cpu) = (Duration::ZERO, Duration::ZERO);
    let repeat = options.repeat.max(1);
    // In turns, so that another job on the machine slows both.
    for _ in 0..repeat {
        let (started, busy) = (Instant::now(), cpu_time());
        decode_all(&chunks)?;
        floor = floor.min(started.elapsed());
        floor_cpu += cpu_time() - busy;
        let (started, busy) = (Instant::now(), cpu_time());
        let all: Vec<Steps> = plans
            .par_iter()
            .map(|plan| read(plan, &options))
            .collect::<Outcome<_>>()?;
        reader = reader.min(started.elapsed());
        reader_cpu += cpu_time() - busy;
        steps = all.iter().fold(Steps::default(), Steps::add);
    }
    println!("floor    {:8.1} ms", milliseconds(floor));
    let cost = plans.iter().map(|plan| plan.cost);
    println!(
        "the reader decodes {} chunks, {:.1} MB stored",
        cost.clone().map(|cost| cost.chunks).sum::<usize>(),
        cost.map(|cost| cost.stored_bytes).sum::<u64>() as f64 / 1e6
    );
    println!(
        "reader   {:8.1} ms, {:.2} x the floor; {:.1} MB read",
        milliseconds(reader),
        reader.as_secs_f64() / floor.as_secs_f64(),
        steps.bytes_read as f64 / 1e6
    );
    if !floor_cpu.is_zero() {
        println!(
            "processor time, mean of {repeat}: floor {:.1} ms, reader {:.1} ms, {:.2} x",
            milliseconds(floor_cpu) / repeat as f64,
            milliseconds(reader_cpu) / repeat as f64,
            reader_cpu.as_secs_f64() / floor_cpu.as_secs_f64()
        );
    }
    println!(
        "steps, summed over threads in the last turn: open {:.1}, line extents {:.1}, geolocation {:.1}, \
         values {:.1}, flags {:.1}, close {:.1} ms",
        milliseconds(steps.open),
        milliseconds(steps.extents),
        milliseconds(steps.geolocation),
        milliseconds(steps.values),
        milliseconds(steps.flags),
        milliseconds(steps.close)
    );
    Ok(())
}

fn options() -> Outcome<Options> {
    let mut options = Options {
        files: Vec::new(),
        bbox: [-77.0, 36.0, -73.0, 41.0],
        variable: "chlor_a".into(),
        threads: 2,
        repeat: 7,
        flags: true,
        whole: false,
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(word) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{word} needs a value"));
        match word.as_str() {
            "--bbox" => {
                let text = value()?;
                let sides: Vec<f64> = text.split(',').map(str::parse).collect::<Result<_, _>>()?;
                options.bbox = sides.try_into().map_err(|_| "--bbox W,S,E,N")?;
            }
            "--variable" => options.variable = value()?,
            "--threads" => options.threads = value()?.parse()?,
            "--repeat" => options.repeat = value()?.parse()?,
            "--without-flags" => options.flags = false,
            "--whole" => options.whole = true,
            _ => options.files.push(word.into()),
        }
    }
    match options.files.is_empty() {
        true => {
            Err("usage: floor GRANULE... [--bbox W,S,E,N] [--variable NAME] [--threads N]".into())
        }
        false => Ok(options),
    }
}

/// What an area needs of a granule.
struct Plan {
    path: PathBuf,
    field: Field,
    /// Lines with a pixel that meets the area.
    lines: Range<usize>,
    chunks: Vec<StoredChunk>,
    /// What the reader fetches: geolocation of all lines that come near, values of those that meet.
    cost: ReadCost,
}

/// A chunk's stored bytes, in memory.
struct StoredChunk {
    bytes: Vec<u8>,
    decoded: usize,
    element: usize,
}

impl StoredChunk {
    fn fetch(dataset: &Dataset, variable: &Variable, chunk: &StorageChunk) -> Outcome<StoredChunk> {
        let mut bytes = vec![0; chunk.stored_bytes as usize];
        dataset.source().read_exact_at(chunk.offset, &mut bytes)?;
        Ok(StoredChunk {
            bytes,
            decoded: chunk.decoded_bytes as usize,
            element: variable.dtype.size().ok_or("not numbers")?,
        })
    }
}

/// The floor of everything that is deflated in the files.
fn whole(options: &Options) -> Outcome<()> {
    let mut chunks = Vec::new();
    for path in &options.files {
        let dataset = Dataset::open(path)?;
        let mut groups = vec![dataset.root()];
        while let Some(group) = groups.pop() {
            groups.extend(&group.groups);
            for variable in &group.variables {
                if !dataset.filters(variable).iter().any(|f| f.id == DEFLATE) {
                    continue;
                }
                let all: Vec<_> = variable.shape.iter().map(|length| 0..*length).collect();
                for chunk in dataset.storage_chunks(variable, &all)? {
                    chunks.push(StoredChunk::fetch(&dataset, variable, &chunk)?);
                }
            }
        }
    }
    let chunks: Vec<&StoredChunk> = chunks.iter().collect();
    decode_all(&chunks)?;
    let mut floors = Vec::new();
    for _ in 0..options.repeat.max(1) {
        let started = Instant::now();
        decode_all(&chunks)?;
        floors.push(started.elapsed());
    }
    floors.sort();
    println!(
        "floor    {:8.1} ms, median of {}, {} chunks",
        milliseconds(floors[floors.len() / 2]),
        floors.len(),
        chunks.len()
    );
    Ok(())
}

fn plan(path: &Path, options: &Options) -> Outcome<Plan> {
    let granule = Granule::open(path)?;
    let (lines, pixels) = granule.shape();
    let geolocation = granule.geolocation(0..lines)?;
    let needed = meeting(&geolocation, options.bbox);
    let of_line = |line: &usize| needed[line * pixels..(line + 1) * pixels].contains(&true);
    let first = (0..lines).find(of_line).unwrap_or(0);
    let last = (0..lines).rev().find(of_line).map_or(0, |line| line + 1);
    let dataset = granule.dataset();
    let variable = granule.variable(&options.variable)?;
    let (latitude, longitude) = granule.geolocation_paths();
    let mut paths = vec![latitude, longitude, variable.path()];
    paths.extend(granule.flag_path().filter(|_| options.flags));
    let mut chunks = Vec::new();
    for path in paths {
        let variable = dataset.find(path).ok_or("no such variable")?;
        for chunk in needed_chunks(dataset, variable, &needed)? {
            chunks.push(StoredChunk::fetch(dataset, variable, &chunk)?);
        }
    }
    let field = Field {
        name: options.variable.clone(),
        variable: options.variable.clone(),
        band: None,
        valid_range: None,
        exact: false,
    };
    let near = granule.read_cost(&[], false, bounded(&granule, options.bbox)?)?;
    let all = granule.read_cost(std::slice::from_ref(&field), options.flags, first..last)?;
    let geolocation = granule.read_cost(&[], false, first..last)?;
    Ok(Plan {
        path: path.to_path_buf(),
        field,
        lines: first..last,
        chunks,
        cost: ReadCost {
            chunks: near.chunks + all.chunks - geolocation.chunks,
            stored_bytes: near.stored_bytes + all.stored_bytes - geolocation.stored_bytes,
            decoded_bytes: near.decoded_bytes + all.decoded_bytes - geolocation.decoded_bytes,
        },
    })
}

/// Pixels whose footprint meets the box, by the box around its corners: midway to the neighbours.
fn meeting(geolocation: &GeolocationArray, [west, south, east, north]: [f64; 4]) -> Vec<bool> {
    let (lines, pixels) = (geolocation.lines.len(), geolocation.pixels);
    let at = |line: usize, pixel: usize| {
        let i = line * pixels + pixel;
        [geolocation.longitude.get(i), geolocation.latitude.get(i)]
    };
    let around = |i: usize, n: usize| [i.saturating_sub(1), i, (i + 1).min(n - 1)];
    let mut needed = vec![false; lines * pixels];
    for line in 0..lines {
        for pixel in 0..pixels {
            let centre = at(line, pixel);
            let (mut low, mut high) = (centre, centre);
            for l in around(line, lines) {
                for p in around(pixel, pixels) {
                    let other = at(l, p);
                    for axis in 0..2 {
                        let corner = (centre[axis] + other[axis]) / 2.0;
                        low[axis] = low[axis].min(corner);
                        high[axis] = high[axis].max(corner);
                    }
                }
            }
            needed[line * pixels + pixel] =
                high[0] >= west && low[0] <= east && high[1] >= south && low[1] <= north;
        }
    }
    needed
}

fn needed_chunks(
    dataset: &Dataset,
    variable: &Variable,
    needed: &[bool],
) -> Outcome<Vec<StorageChunk>> {
    let shape: [usize; 2] = variable
        .shape
        .clone()
        .try_into()
        .map_err(|_| "not two-dimensional")?;
    let chunk = variable.chunk_shape.clone().ok_or("not chunked")?;
    let mut found = Vec::new();
    for line in (0..shape[0]).step_by(chunk[0]) {
        for pixel in (0..shape[1]).step_by(chunk[1]) {
            let slab = [
                line..shape[0].min(line + chunk[0]),
                pixel..shape[1].min(pixel + chunk[1]),
            ];
            let row = |l: usize| &needed[l * shape[1] + slab[1].start..l * shape[1] + slab[1].end];
            if slab[0].clone().any(|l| row(l).contains(&true)) {
                found.extend(dataset.storage_chunks(variable, &slab)?);
            }
        }
    }
    Ok(found)
}

fn decode_all(chunks: &[&StoredChunk]) -> Outcome<()> {
    chunks.par_iter().try_for_each_init(
        || (Decompressor::new(), Vec::new(), Vec::new()),
        |(inflater, shuffled, plain), chunk| {
            for buffer in [&mut *shuffled, plain] {
                if buffer.len() < chunk.decoded {
                    buffer.resize(chunk.decoded, 0u8);
                }
            }
            let shuffled = &mut shuffled[..chunk.decoded];
            inflater.zlib_decompress(&chunk.bytes, shuffled)?;
            unshuffle(shuffled, &mut plain[..chunk.decoded], chunk.element);
            std::hint::black_box(&plain);
            Ok(())
        },
    )
}

fn unshuffle(shuffled: &[u8], plain: &mut [u8], element: usize) {
    let count = shuffled.len() / element;
    let plane = |byte: usize| &shuffled[byte * count..(byte + 1) * count];
    match element {
        1 => plain.copy_from_slice(shuffled),
        4 => {
            let (a, b, c, d) = (plane(0), plane(1), plane(2), plane(3));
            for (i, out) in plain.as_chunks_mut::<4>().0.iter_mut().enumerate() {
                *out = [a[i], b[i], c[i], d[i]];
            }
        }
        // Few arrays have others.
        _ => {
            for (i, out) in plain.chunks_exact_mut(element).enumerate() {
                for (byte, place) in out.iter_mut().enumerate() {
                    *place = shuffled[byte * count + i];
                }
            }
        }
    }
}

/// Time of each step.
#[derive(Default, Clone, Copy)]
struct Steps {
    open: Duration,
    extents: Duration,
    geolocation: Duration,
    values: Duration,
    flags: Duration,
    close: Duration,
    bytes_read: u64,
}

impl Steps {
    fn add(self, other: &Steps) -> Steps {
        Steps {
            open: self.open + other.open,
            extents: self.extents + other.extents,
            geolocation: self.geolocation + other.geolocation,
            values: self.values + other.values,
            flags: self.flags + other.flags,
            close: self.close + other.close,
            bytes_read: self.bytes_read + other.bytes_read,
        }
    }
}

fn read(plan: &Plan, options: &Options) -> Outcome<Steps> {
    let mut clock = Instant::now();
    let mut lap = || {
        let passed = clock.elapsed();
        clock = Instant::now();
        passed
    };
    let granule = Granule::open(&plan.path)?;
    let open = lap();
    let lines = bounded(&granule, options.bbox)?;
    let extents = lap();
    std::hint::black_box(granule.geolocation(lines)?);
    let geolocation = lap();
    std::hint::black_box(granule.values(&[&plan.field], plan.lines.clone())?);
    let values = lap();
    if options.flags && granule.flag_table().is_some() {
        std::hint::black_box(granule.flags(plan.lines.clone())?);
    }
    let flags = lap();
    let bytes_read = granule.counters().bytes_read;
    drop(granule);
    Ok(Steps {
        open,
        extents,
        geolocation,
        values,
        flags,
        close: lap(),
        bytes_read,
    })
}

/// Lines that come near the area, as the engine finds them.
fn bounded(granule: &Granule, [west, south, east, north]: [f64; 4]) -> Outcome<Range<usize>> {
    let region = Region {
        west,
        width: (east - west).rem_euclid(360.0),
        south,
        north,
    };
    Ok(swathe_core::run::lines_near(granule, &region)?.unwrap_or(0..0))
}

/// Processor time of all threads, which other jobs on the machine disturb less than the clock's; zero
/// where the system does not tell.
fn cpu_time() -> Duration {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten();
    let nanoseconds = tasks.flatten().filter_map(|task| {
        let text = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(nanoseconds.sum())
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
