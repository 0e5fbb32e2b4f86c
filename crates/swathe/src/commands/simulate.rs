//! `swathe simulate`: granules made from nothing.

use super::gridding::{Four, four};
use crate::failure::{Failure, Outcome, Result};
use crate::job::JobError;
use crate::messages::say;
use clap::{Args, ValueEnum};
use jiff::civil::Date;
use rayon::prelude::*;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use swathe_io::error::Error;
use swathe_io::simulate::{GranuleSpec, Overwrite, Simulation, Suite, Version};

/// Make granules like those of PACE OCI, for tests, demonstrations and benchmarks.
///
/// Their structure, orbit and scan are those of the real ones; clouds, land, flags and noise are like
/// them; the true chlorophyll is known. Without options: a week over the Chesapeake Bay.
#[derive(Args)]
#[command(after_help = "Examples:
  swathe simulate -d granules
  swathe simulate -d granules -b=-10,35,5,45 --start 2024-08-01 --days 3 --suite aop
  swathe simulate -d day --global --days 1")]
pub struct Arguments {
    /// Folder for the granules; made if it is not there
    #[arg(short, long, value_name = "DIR")]
    dir: PathBuf,
    /// Only granules that touch this area, in degrees
    #[arg(
        short,
        long,
        value_name = "W,S,E,N",
        value_parser = four,
        allow_hyphen_values = true,
        default_value = "-77,36,-73,41"
    )]
    bbox: Four,
    /// All granules of the day side of the Earth
    #[arg(long, conflicts_with = "bbox")]
    global: bool,
    /// First day, UTC
    #[arg(long, value_name = "DATE", default_value = "2024-08-01")]
    start: Date,
    /// Number of days
    #[arg(long, value_name = "N", default_value_t = 7)]
    days: u32,
    /// At most so many granules
    #[arg(long, value_name = "N")]
    count: Option<usize>,
    /// What the granules hold
    #[arg(long, value_enum, default_value_t = SuiteName::Bgc)]
    suite: SuiteName,
    /// Processing version, and with it the layout
    #[arg(long = "processing", value_enum, value_name = "VERSION", default_value_t = VersionName::V3_2)]
    version: VersionName,
    /// Make near-real-time granules
    #[arg(long)]
    nrt: bool,
    /// Only the first lines of each granule
    #[arg(long, value_name = "N")]
    lines: Option<usize>,
    /// Number of wavelengths of the suite aop
    #[arg(long, value_name = "N", default_value_t = 172)]
    wavelengths: usize,
    /// Share of pixels without clouds and other flags
    #[arg(long, value_name = "SHARE", default_value_t = 0.24)]
    clear: f64,
    /// Seed of clouds and noise
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Replace files that exist
    #[arg(long)]
    overwrite: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum SuiteName {
    Bgc,
    Aop,
}

#[derive(Clone, Copy, ValueEnum)]
enum VersionName {
    #[value(name = "3.1")]
    V3_1,
    #[value(name = "3.2")]
    V3_2,
}

/// Memory that granules in the making may take together; one is made in any case.
const MEMORY: usize = 1 << 30;

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result {
    let (west, south, east, north) = arguments.bbox;
    let simulation = Simulation {
        area: (!arguments.global).then_some([west, south, east, north]),
        start: arguments.start,
        days: arguments.days,
        count: arguments.count,
        seed: arguments.seed,
        suite: match arguments.suite {
            SuiteName::Bgc => Suite::Biogeochemical,
            SuiteName::Aop => Suite::ApparentOptical,
        },
        version: match arguments.version {
            VersionName::V3_1 => Version::V3_1,
            VersionName::V3_2 => Version::V3_2,
        },
        near_real_time: arguments.nrt,
        lines: arguments.lines,
        wavelengths: arguments.wavelengths,
        clear: arguments.clear,
        ..Simulation::default()
    };
    let granules = simulation.granules()?;
    if granules.is_empty() {
        return Err(Failure::nothing("no granule touches the area in this time"));
    }
    let overwrite = if arguments.overwrite {
        Overwrite::Replace
    } else {
        // Before the first is made, not after an hour.
        let exists = |granule: &&GranuleSpec| arguments.dir.join(granule.file_name()).exists();
        if let Some(granule) = granules.iter().find(exists) {
            let path = arguments.dir.join(granule.file_name());
            return Err(Error::Request {
                path: path.display().to_string(),
                reason: "it exists; --overwrite replaces it".into(),
            }
            .into());
        }
        Overwrite::Refuse
    };
    make(&granules, &arguments.dir, overwrite, &say)?;
    Ok(Outcome::Done)
}

/// Says which granule has been made.
pub(super) fn say(done: usize, all: usize, path: &Path) -> ControlFlow<()> {
    say!("{done}/{all} {}", path.display());
    ControlFlow::Continue(())
}

/// Writes granules into a folder, which is made if it is not there, several at once on the current
/// thread pool. `told` hears of each, the number done, all and its file, and may break off.
///
/// # Errors
/// A file that cannot be written, or exists.
pub fn make(
    granules: &[GranuleSpec],
    folder: &Path,
    overwrite: Overwrite,
    told: &(dyn Fn(usize, usize, &Path) -> ControlFlow<()> + Sync),
) -> Result<Vec<PathBuf>> {
    std::fs::create_dir_all(folder).map_err(|source| Error::Io {
        path: folder.display().to_string(),
        source,
    })?;

    let largest = granules
        .iter()
        .map(GranuleSpec::memory_bytes)
        .max()
        .unwrap_or(1);
    let at_once = (MEMORY / largest.max(1)).clamp(1, rayon::current_num_threads());
    let done = AtomicUsize::new(0);
    let mut paths = Vec::with_capacity(granules.len());
    for together in granules.chunks(at_once) {
        let made: Result<Vec<PathBuf>> = together
            .par_iter()
            .map(|granule| {
                let path = granule.write(folder, overwrite)?;
                let done = done.fetch_add(1, Ordering::Relaxed) + 1;
                match told(done, granules.len(), &path) {
                    ControlFlow::Continue(()) => Ok(path),
                    ControlFlow::Break(()) => Err(JobError::Interrupted.into()),
                }
            })
            .collect();
        paths.extend(made?);
    }
    Ok(paths)
}
