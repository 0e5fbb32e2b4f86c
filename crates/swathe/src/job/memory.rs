//! How a run shares its memory: decided before it begins, from sizes that are known then.

use super::data_day::Part;
use super::keeping::Keeping;
use super::plan::{Plan, PlannedField, PlannedGranule};
use super::{JobError, Purpose};
use rayon::prelude::*;
use swathe_core::array::{Array, ArrayError};
use swathe_core::reduce::Weight;
use swathe_core::resample::Method;
use swathe_core::run::{Turn, lines_near};
use swathe_core::source::{LineExtent, SwathSource as _};
use swathe_core::sphere::{arc_bound, chord2, sin_cos_deg, unit_vector};
use swathe_core::{stop, watch};

/// What a run holds at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shares {
    /// Whether an average is combined in memory; otherwise what granules gave is read back from the
    /// journal, tile by tile.
    pub(super) combined: bool,
    /// Granules that are begun and not yet combined, at most.
    pub(super) tasks: usize,
    /// What each granule of the plan takes, bytes.
    pub(super) costs: Vec<u64>,
    /// Those that give to some tiles after the other: in which turns.
    pub(super) turns: Vec<Vec<Turn>>,
    /// What granules in flight may take together, bytes.
    pub(super) allowance: u64,
    /// Bytes of granules far away that are asked for before they are needed.
    pub(super) ahead: u64,
    /// Observations that are kept of a unit, and finished at a time on a thread, bytes.
    pub(super) unit: u64,
    /// Bytes that the run takes at most.
    pub projected: u64,
    /// Bytes that it may take.
    pub limit: u64,
}

impl Shares {
    /// Whether what granules gave is combined in memory.
    pub fn combined(&self) -> bool {
        self.combined
    }

    /// How many granules give to some tiles after the other.
    pub fn in_turns(&self) -> usize {
        self.turns.iter().filter(|turns| !turns.is_empty()).count()
    }

    /// Granules that are worked on at a time, if they are the largest ones.
    pub fn in_flight(&self) -> usize {
        let fits = |n: &usize| largest(&self.costs, *n) <= self.allowance;
        (1..=self.tasks).rev().find(fits).unwrap_or(1)
    }
}

/// What parts of a job take, bytes.
pub(super) struct Needs {
    /// Each granule, while it is worked on.
    pub granules: Vec<u64>,
    /// Lines that threads work on.
    pub lines: u64,
    /// Composites of all fields.
    composites: u64,
    /// Tiles that are finished at a time, and their encoding.
    finishing: u64,
    /// A product in memory.
    product: u64,
    /// Pieces of a cube that are kept in memory.
    parts: u64,
}

impl Plan {
    /// Shares memory out.
    ///
    /// # Errors
    /// [`JobError::Plan`] with the least that would do, where the limit does not.
    pub fn shares(&self, threads: usize, keeping: &Keeping) -> Result<Shares, JobError> {
        let (limit, asked) = match keeping.memory {
            Some(limit) => (limit, true),
            None => (memory_available(), false),
        };
        let ahead = self.bytes_ahead(limit);
        let within = limit - ahead;
        let mut needs = self.needs(threads, keeping, |_| None);
        let most = (threads + 1).min(self.granules.len()).max(1);
        let samples = self.fields.iter().any(|f| f.reduction.keeps_samples());
        if samples || largest(&needs.granules, most) > limit / 2 {
            // Every pixel reaching cells of its own is too much: ask each granule what it may reach.
            let reached = watch::carried(|granule| self.reached(granule));
            let all: Vec<Option<Reached>> = self.granules.par_iter().map(reached).collect();
            stop::go_on()?;
            needs = self.needs(threads, keeping, |i| all.get(i).copied().flatten());
        }
        let journal = keeping.journal.is_some();
        let keep = keeping.journal.as_ref().is_some_and(|j| j.granules);
        let average = self.purpose == Purpose::Average && self.windows.is_none();
        let held = |combined: bool| {
            let held = match (combined, self.purpose, journal) {
                (true, ..) => needs.composites,
                (false, _, false) if !average => needs.parts,
                (false, ..) => 0,
            };
            held.saturating_add(needs.product)
        };
        let with = |granules: u64, combined: bool| {
            let working = granules.saturating_add(needs.lines);
            working.max(needs.finishing).saturating_add(held(combined))
        };
        // Granules that are combined could not be told apart afterwards.
        // Observations that are kept are too many to be held for all tiles, where they need not be.
        let combine = average && !keep && !(samples && journal);
        // In memory with all threads busy, or else by way of the journal.
        let ways = [
            (combine, true, most.min(threads)),
            (journal || !average, false, 1),
            (combine, true, 1),
        ];
        let mut least = u64::MAX;
        for (possible, combined, tasks) in ways {
            let needed = with(largest(&needs.granules, tasks), combined);
            if !possible {
                continue;
            }
            least = least.min(needed);
            if needed <= within {
                let allowance = within - held(combined) - needs.lines;
                let taken = largest(&needs.granules, most).min(allowance);
                let left = within.saturating_sub(needs.finishing + held(combined));
                return Ok(Shares {
                    unit: LEAST_UNIT + left / threads as u64,
                    combined,
                    tasks: most,
                    allowance,
                    ahead,
                    projected: with(taken, combined) + ahead,
                    limit,
                    costs: needs.granules,
                    turns: Vec::new(),
                });
            }
        }
        // By way of the journal, large granules in turns.
        if journal {
            let held = held(false);
            let finishing = needs.finishing.saturating_add(held);
            let room = within.checked_sub(held + needs.lines);
            let turns = self.turns(&mut needs.granules, room.unwrap_or(0))?;
            match turns {
                Ok(turns) if finishing <= within => {
                    let allowance = room.unwrap_or(0);
                    let taken = largest(&needs.granules, most).min(allowance);
                    return Ok(Shares {
                        unit: LEAST_UNIT + (within - finishing) / threads as u64,
                        combined: false,
                        tasks: most,
                        allowance,
                        ahead,
                        projected: with(taken, false) + ahead,
                        limit,
                        costs: needs.granules,
                        turns,
                    });
                }
                Ok(_) => {
                    let granule = largest(&needs.granules, 1);
                    least = least.min(with(granule, false));
                }
                Err(granule) => least = least.min(with(granule, false)),
            }
        }
        let hint = match asked {
            true => format!(
                "give --memory {}MiB or more",
                least.saturating_add(ahead).div_ceil(1 << 20)
            ),
            false if keeping.whole => {
                "take a smaller area or a coarser resolution, or write .nc or .zarr alone".into()
            }
            false => "take a smaller area or a coarser resolution".into(),
        };
        Err(JobError::Plan {
            reason: format!(
                "the run needs at least {} of memory, {} {}",
                mebibytes(least.saturating_add(ahead)),
                mebibytes(limit),
                if asked {
                    "are allowed"
                } else {
                    "are available"
                }
            ),
            hint: Some(hint),
        })
    }

    fn needs(
        &self,
        threads: usize,
        keeping: &Keeping,
        reached: impl Fn(usize) -> Option<Reached>,
    ) -> Needs {
        let cells = self.tiling.cells() as u64;
        let fields = self.fields.iter();
        let cell: u64 = fields.map(|f| f.reduction.bytes_per_cell() as u64).sum();
        let widest = self
            .fields
            .iter()
            .map(|f| f.reduction.bytes_per_cell() as u64);
        let widest = widest.max().unwrap_or(0);
        let maps = match self.purpose {
            // Count and granules are written beside what was asked for.
            Purpose::Average => {
                let fields = self
                    .fields
                    .iter()
                    .map(|f| f.reduction.statistics.len() as u64 + 4);
                fields.max().unwrap_or(0)
            }
            Purpose::Cube => 1,
        };
        let steps = match (self.purpose, &self.windows) {
            (Purpose::Average, None) => 1,
            (Purpose::Average, Some((windows, _))) => windows.len() as u64,
            (Purpose::Cube, _) => self.granules.len() as u64,
        };
        let value = |double: bool| if double { 8 } else { 4 };
        let layers: u64 = self.fields.iter().map(|f| maps * value(f.double)).sum();
        let tile = cells.min(TILE_CELLS);
        let granules = self.granules.iter().enumerate();
        let granules = granules.map(|(i, g)| {
            let (lines, pixels) = g.shape;
            let all = Reached {
                lines: lines as u64,
                cells,
            };
            let reached = reached(i).unwrap_or(all);
            let near = reached.lines * pixels as u64;
            self.granule_bytes(near, near, reached.cells) * kept_of(g)
        });
        // A unit is finished as a composite of one tile, its layers in double and then in their own
        // precision, and their encoded form.
        let unit = tile * (2 * widest + maps * (8 + 8 + 8));
        // Observations that are kept: a piece as it is read and what of it is wanted, and so many of all.
        let sample = self.fields.iter().map(|f| self.bytes_per_sample(f));
        let sample = sample.max().unwrap_or(0);
        let samples = if sample > 0 {
            let pieces = self.granules.iter().map(|g| {
                let near = (g.shape.0 * g.shape.1) as u64;
                2 * sample * self.observations(near, tile)
            });
            threads as u64 * (pieces.max().unwrap_or(0) + LEAST_UNIT)
        } else {
            0
        };
        let units = steps * (self.tiling.tiles() * self.fields.len()) as u64;
        let widest_line = self.granules.iter().map(|g| g.shape.1 as u64).max();
        Needs {
            lines: threads as u64 * self.lines_bytes(widest_line.unwrap_or(0)),
            granules: granules.collect(),
            composites: cells.div_ceil(tile.max(1)) * tile * cell,
            finishing: unit * units.min(2 * threads as u64) + samples + (8 << 20),
            product: if keeping.whole {
                2 * cells * steps * layers
            } else {
                0
            },
            parts: match self.purpose {
                Purpose::Cube => cells * steps * self.fields.len() as u64 * 10,
                Purpose::Average => {
                    let fields = self.fields.iter().map(|f| &f.reduction);
                    let cell: usize = fields.map(|r| 2 + r.granule_bytes_per_cell()).sum();
                    cells * self.granules.len() as u64 * cell as u64
                }
            },
        }
    }

    /// What a granule takes while it is worked on, with the positions of some pixels, of which some give to so many
    /// cells; measured, with a fifth more.
    pub(super) fn granule_bytes(&self, near: u64, giving: u64, cells: u64) -> u64 {
        let fields = self.fields.len() as u64;
        // What a cell is given, as it is kept, and before.
        // Single observations: a cell's place and value, and both again as the journal keeps them.
        let single = |f: &PlannedField| match f.reduction.accompanied() {
            // With pixel, criterion and uncertainty.
            true => 34 + 34,
            false if f.double => 10 + 10,
            false => 10 + 6,
        };
        let singles: u64 = self.fields.iter().map(single).sum();
        let given: u64 = match self.method {
            Method::Nearest => 20 + singles,
            Method::Bilinear => 50 + singles,
            Method::Bin | Method::Footprint => {
                let reductions = self.fields.iter().map(|f| &f.reduction);
                let bytes = reductions.map(|r| 2 * r.granule_bytes_per_cell() as u64);
                bytes.sum::<u64>()
            }
        };
        // As they come, with room to grow, or as parts and pieces.
        let samples = self.fields.iter().map(|f| self.bytes_per_sample(f));
        let samples = samples.sum::<u64>() * 5 / 2 * self.observations(giving, cells);
        // Longitude and latitude, and what is read of all lines together.
        let pixel = match self.method {
            Method::Bilinear => 80 + 8 * fields,
            _ => 14,
        };
        (near * pixel + cells * given + samples) * 6 / 5
    }

    /// Memory of an observation that is kept: values that are read in single precision stay so, unless something is
    /// computed of them.
    fn bytes_per_sample(&self, field: &PlannedField) -> u64 {
        let computed = self.granules.iter().any(|g| !g.computed.is_empty());
        let means = field.reduction.weight != Weight::Observation;
        let double = field.double || computed || means || self.method == Method::Bilinear;
        field.reduction.bytes_per_sample(double) as u64
    }

    /// Observations that some pixels give to some cells, at most.
    fn observations(&self, pixels: u64, cells: u64) -> u64 {
        match self.method {
            Method::Nearest | Method::Bilinear => cells.min(pixels),
            Method::Bin => pixels,
            // A pixel that covers A cells meets at most about (sqrt(A) + 1)^2.
            Method::Footprint => {
                let root = (pixels as f64).sqrt() + (cells as f64).sqrt();
                (root * root) as u64
            }
        }
    }

    /// What a thread takes that works on some lines: their values and flags, storage chunks, and what they
    /// give.
    fn lines_bytes(&self, pixels: u64) -> u64 {
        let fields = self.fields.len() as u64;
        let lines = (32 << 20) / (pixels * 4 * fields).max(1);
        pixels * lines.clamp(32, 256) * (4 * fields + 4) + (8 << 20)
    }

    /// What of a granule may meet the grid; `None` where that cannot be told.
    pub(super) fn reached(&self, granule: &PlannedGranule) -> Option<Reached> {
        let opened = granule.candidate.granule().ok()?;
        let region = self.grid.region();
        let Some(lines) = lines_near(&*opened, &region).ok()? else {
            return Some(Reached { lines: 0, cells: 0 });
        };
        let all = self.tiling.cells() as u64;
        let cells = match opened.line_extents().ok()? {
            Some(extents) if self.geobox().crs.is_lonlat() => {
                let extents = extents.get(lines.clone()).unwrap_or_default();
                let (dx, dy) = (self.geobox().x.step().abs(), self.geobox().y.step().abs());
                // Half as many again as under the swath: states are kept by tiles that it may only touch.
                (1.5 * degrees_covered(extents) / (dx * dy)) as u64
            }
            _ => all,
        };
        Some(Reached {
            lines: lines.len() as u64,
            cells: cells.min(all),
        })
    }
}

/// What the `n` largest granules take together.
fn largest(costs: &[u64], n: usize) -> u64 {
    let mut costs = costs.to_vec();
    costs.sort_unstable_by(|a, b| b.cmp(a));
    costs
        .iter()
        .take(n)
        .fold(0, |all, cost| all.saturating_add(*cost))
}

/// What of a granule may meet the grid.
#[derive(Clone, Copy)]
pub(super) struct Reached {
    pub lines: u64,
    pub cells: u64,
}

/// How many times what a granule gives is kept: with its sides, where these and the whole are.
fn kept_of(granule: &PlannedGranule) -> u64 {
    1 + u64::from(granule.is_split() && granule.parts.contains(&Part::Whole))
}

/// The area of lines in degrees of longitude times degrees of latitude, at most.
fn degrees_covered(extents: &[LineExtent]) -> f64 {
    /// A line may end at a pole, not lie there.
    const HIGHEST: f64 = 86.0;
    let mut covered = 0.0;
    for pair in extents.windows(2) {
        let [one, next] = pair else { continue };
        let arc = |a: (f32, f32), b: (f32, f32)| {
            let point = |(lon, lat): (f32, f32)| unit_vector(f64::from(lon), f64::from(lat));
            let chord = chord2(point(a), point(b)).sqrt();
            arc_bound(chord.min(1.0)).to_degrees()
        };
        let length = arc(one.start, one.centre) + arc(one.centre, one.end);
        let step = arc(one.centre, next.centre).max(arc(one.end, next.end));
        // A degree of longitude is as long as the cosine of the latitude; Simpson's rule along the line.
        let wide = |(_, lat): (f32, f32)| {
            let (_, cosine) = sin_cos_deg(f64::from(lat).abs().min(HIGHEST));
            cosine.recip()
        };
        let wide = (wide(one.start) + 4.0 * wide(one.centre) + wide(one.end)) / 6.0;
        let here = length * step * wide;
        // A missing end: as much as may be.
        covered += if here.is_finite() {
            here
        } else {
            360.0 * 180.0
        };
    }
    covered
}

/// Observations of a unit that are finished together, bytes, at least.
pub(super) const LEAST_UNIT: u64 = 24 << 20;

/// Cells of a tile.
pub(super) const TILE_CELLS: u64 =
    (swathe_core::reduce::TILE_SIZE * swathe_core::reduce::TILE_SIZE) as u64;

pub(super) fn mebibytes(bytes: u64) -> String {
    format!("{:.0} MiB", (bytes as f64 / f64::from(1u32 << 20)).ceil())
}

/// Refuses an array that all of the machine's memory does not hold.
///
/// # Errors
/// [`ArrayError::Memory`].
pub fn check_room(array: &Array) -> Result<(), ArrayError> {
    let (needed, limit) = (array.bytes(), memory_available().saturating_mul(2));
    match needed > limit {
        true => Err(ArrayError::Memory {
            what: "the result".into(),
            needed,
            limit,
        }),
        false => Ok(()),
    }
}

/// Half of the machine's memory, of what the process may have, and what is left of it: bytes that a job takes
/// where nothing is said.
pub fn memory_available() -> u64 {
    let number =
        |path: &str| -> Option<u64> { std::fs::read_to_string(path).ok()?.trim().parse().ok() };
    let meminfo = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let entry = |name: &str| {
        let line = meminfo.lines().find_map(|l| l.strip_prefix(name))?;
        let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
        Some(kib * 1024)
    };
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let address_space = || {
        let line = limits
            .lines()
            .find_map(|l| l.strip_prefix("Max address space"))?;
        line.split_whitespace().next()?.parse::<u64>().ok()
    };
    let group = number("/sys/fs/cgroup/memory.max")
        .or_else(|| number("/sys/fs/cgroup/memory/memory.limit_in_bytes"));
    let total = [entry("MemTotal:"), group, address_space()];
    let half = total.into_iter().flatten().min().map(|total| total / 2);
    let left = entry("MemAvailable:");
    [half, left].into_iter().flatten().min().unwrap_or(4 << 30)
}
