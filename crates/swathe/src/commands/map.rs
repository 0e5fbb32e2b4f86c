//! `swathe map`: a map of a Level-3 binned file.

use super::gridding::GridOptions;
use super::report;
use super::write::Outputs;
use crate::failure::{Outcome, Result};
use crate::messages;
use clap::{Args, ValueEnum};
use std::path::PathBuf;
use swathe::job::{BinMap, map_bins};
use swathe_core::binned::Mapping;
use swathe_core::reduce::{Blank, Statistic};

/// Map a Level-3 binned file, ours or NASA's, as l3mapgen does.
#[derive(Args)]
#[command(after_help = "Examples:
  swathe map bins.nc --grid l3m-4km -o map.nc
  swathe map bins.nc -v chlor_a -b -77,36,-73,41 -r 0.05 -m area -o map.nc -o map.png")]
pub struct Arguments {
    /// The binned file
    #[arg(value_name = "BINS.nc")]
    bins: PathBuf,
    /// Product; repeats. Default: all
    #[arg(short, long = "variable", value_name = "NAME")]
    variables: Vec<String>,
    /// Output file; its suffix is its format: .nc, .zarr, .tif, .png or .html (a report); repeats
    #[arg(short, long = "output", value_name = "FILE", required = true)]
    outputs: Vec<PathBuf>,
    /// Replace outputs that exist
    #[arg(long)]
    overwrite: bool,
    #[command(flatten)]
    grid: GridOptions,
    /// Which bins give to a cell
    #[arg(short, long, value_enum, default_value_t = MappingName::Nearest, value_name = "METHOD")]
    method: MappingName,
    /// Statistics: mean, std; several with commas. Counts are always written
    #[arg(
        long = "stat",
        value_name = "STAT",
        value_delimiter = ',',
        default_value = "mean"
    )]
    statistics: Vec<Statistic>,
    /// Blank cells with fewer observations
    #[arg(long, default_value_t = 0, hide_default_value = true, value_name = "N")]
    min_count: u64,
    /// Blank cells with fewer granules
    #[arg(long, default_value_t = 0, hide_default_value = true, value_name = "N")]
    min_granules: u64,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum MappingName {
    /// The bin that holds the cell's middle
    Nearest,
    /// All bins that overlap the cell
    Bin,
    /// All bins that overlap the cell, by the share of them that does
    Area,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result {
    let inputs = std::slice::from_ref(&arguments.bins);
    let outputs = Outputs::new(&arguments.outputs, inputs, arguments.overwrite)?;
    let map = BinMap {
        geobox: arguments.grid.request()?.rectangle()?,
        mapping: match arguments.method {
            MappingName::Nearest => Mapping::Nearest,
            MappingName::Bin => Mapping::Overlapping,
            MappingName::Area => Mapping::Area,
        },
        blank: Blank {
            min_count: arguments.min_count,
            min_granules: arguments.min_granules,
            ..Blank::default()
        },
    };
    let found = map_bins(
        &arguments.bins,
        &arguments.variables,
        &arguments.statistics,
        &map,
    )?;
    for note in &found.notes {
        messages::warning(note);
    }
    outputs.write_product(&found.product)?;
    report::wrote(&arguments.outputs);
    Ok(Outcome::Done)
}
