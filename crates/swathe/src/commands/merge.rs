//! `swathe merge`: one map out of partial results.

use super::live::LiveOption;
use super::progress::{Progress, Style};
use super::report;
use super::write::Outputs;
use crate::failure::{Outcome, Result};
use crate::memory_size::memory_size;
use crate::messages;
use clap::Args;
use std::path::PathBuf;
use swathe::job::{merge, merge_bins};

/// Merge partial results of averages, made with `swathe average ... -o part.swathe`.
///
/// The map is the same, to the last bit, as that of all their granules at once, in whatever order and
/// grouping they are merged. Parts must have been made with the same options, and share no granule, unless
/// all that hold it were made with `--keep granules`: the newer version, and the refined after the
/// near-real-time one, then replaces the other. If all parts keep granules, a merged .swathe does too.
///
/// Level-3 binned files (.nc, made with --grid isin-ROWS, or NASA's) are added as l3bin adds them.
#[derive(Args)]
#[command(after_help = "Examples:
  swathe average day1/ -b -77,36,-73,41 -r 0.015 -o day1.swathe
  swathe average day2/ -b -77,36,-73,41 -r 0.015 -o day2.swathe
  swathe merge day1.swathe day2.swathe -o both.nc -o both.png -o both.swathe
  swathe merge bins1.nc bins2.nc -o both.nc
  swathe merge month.swathe refined.swathe -o new.swathe     # of parts made with --keep granules")]
pub struct Arguments {
    /// Partial results
    #[arg(required = true, value_name = "PART")]
    parts: Vec<PathBuf>,
    /// Output file; its suffix is its format: .nc, .zarr, .tif, .png, .html (a report) or .swathe; repeats
    #[arg(short, long = "output", value_name = "FILE", required = true)]
    outputs: Vec<PathBuf>,
    /// Replace outputs that exist
    #[arg(long)]
    overwrite: bool,
    /// Mix processing versions, or near-real-time with refined granules
    #[arg(long)]
    allow_mixed: bool,
    /// Most memory that merging partial results may take, as 512MiB or 4GiB. Default: half of the machine's
    #[arg(long, value_name = "SIZE", value_parser = memory_size)]
    memory: Option<u64>,
    /// How to show progress on standard error
    #[arg(long, value_enum, default_value_t = Style::Auto, value_name = "STYLE")]
    progress: Style,
    #[command(flatten)]
    live: LiveOption,
}

/// Adds Level-3 binned files over time.
fn add_bins(arguments: &Arguments, outputs: Outputs) -> Result {
    let (table, notes) = merge_bins(&arguments.parts)?;
    for note in &notes {
        messages::warning(note);
    }
    outputs.write_bins(&table, &format!("swathe merge {}", table.sources.join(" ")))?;
    report::merged(
        arguments.parts.len(),
        table.sources.len(),
        &arguments.outputs,
    );
    Ok(Outcome::Done)
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result {
    let outputs = Outputs::new(&arguments.outputs, &arguments.parts, arguments.overwrite)?;
    let is_part = |path: &PathBuf| path.extension().is_some_and(|suffix| suffix == "swathe");
    if !arguments.parts.iter().any(is_part) {
        return add_bins(arguments, outputs);
    }
    arguments.live.watch(|watch| {
        let merged = merge(&arguments.parts, arguments.allow_mixed, arguments.memory)?;
        if let Some(note) = merged.several_sensors() {
            messages::warning(&note);
        }
        if let Some(live) = watch.live() {
            live.merged(&merged, arguments.parts.len());
        }
        let mut progress = Progress::new(arguments.progress);
        let written = outputs.write(&merged, &mut |event| {
            watch.show(event);
            progress.show(event)
        });
        progress.finish();
        written?;
        report::left_out(&merged, false);
        report::merged(arguments.parts.len(), merged.used, &arguments.outputs);
        watch.wrote(&arguments.outputs);
        Ok(Outcome::Done)
    })
}
