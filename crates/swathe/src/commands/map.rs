//! `swathe map`: a map of a Level-3 binned file.

use super::gridding::GridOptions;
use super::report;
use super::write::Outputs;
use crate::failure::{Failure, Outcome, Result};
use crate::messages;
use clap::{Args, ValueEnum};
use std::path::PathBuf;
use swathe::job::{BinMap, keep_statistics, map_table, memory_available};
use swathe_core::binned::Mapping;
use swathe_core::reduce::{Blank, Statistic};
use swathe_io::bins::BinnedFile;
use swathe_io::product::LayerData;

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
    let unknown = arguments
        .statistics
        .iter()
        .find(|s| !matches!(s, Statistic::Mean | Statistic::Std));
    if let Some(unknown) = unknown {
        return Err(Failure::usage(format!("bins have no {unknown}"))
            .with_hint("they give mean and std, with counts"));
    }
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
    let table = BinnedFile::open(&arguments.bins)?.read()?;
    let names: Vec<&str> = table.products.iter().map(|p| p.name.as_str()).collect();
    let products: Vec<usize> = match arguments.variables.is_empty() {
        true => (0..names.len()).collect(),
        false => {
            let place = |name: &String| {
                let found = names.iter().position(|known| known == name);
                found.ok_or_else(|| {
                    let error = swathe_core::suggest::UnknownName::new("product", name, &names);
                    Failure::usage(error)
                })
            };
            arguments
                .variables
                .iter()
                .map(place)
                .collect::<Result<_>>()?
        }
    };
    let said: Vec<&str> = products.iter().map(|p| names[*p]).collect();
    // The maps of a product, in memory and encoded: measured, and a third more.
    let needed = (map.geobox.cells() as u64).saturating_mul(100 * products.len() as u64);
    if needed > memory_available() {
        return Err(Failure::usage(format!(
            "the map needs about {} MiB of memory, {} MiB are available",
            needed >> 20,
            memory_available() >> 20
        ))
        .with_hint("take a smaller area, a coarser resolution, or fewer products with -v"));
    }
    let options = format!(
        "swathe map -v {}{}",
        said.join(" -v "),
        map.options(&arguments.statistics)
    );
    let mut product = map_table(&table, &products, &map, &options);
    keep_statistics(&mut product, &arguments.statistics);
    if product.layers.iter().all(|l| match &l.data {
        // Counts are zero where there is nothing.
        LayerData::I32(_) | LayerData::I64(_) => true,
        values => values.valid_range().is_none(),
    }) {
        messages::warning("no bin with values lies in the area: the map is empty");
    }
    outputs.write_product(&product)?;
    report::wrote(&arguments.outputs);
    Ok(Outcome::Done)
}
