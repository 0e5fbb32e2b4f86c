//! `swathe reduce`: maps reduced over time, or over an area.

use super::live::LiveOption;
use super::on_cluster::OnCluster;
use super::reduced::ReducedOutputs;
use super::report;
use crate::failure::{Failure, Outcome, Result};
use crate::memory_size::memory_size;
use crate::messages::tell;
use clap::{Args, ValueEnum};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::str::FromStr as _;
use swathe::core::array::Step;
use swathe::job::expand;
use swathe::reduction::{Dimensions, Every, Reduced, Reduction, statistic_named};
use swathe_io::product::Statistic;

/// Reduce gridded files over time, or over an area: a year of Level-3 days, any CF file, a Zarr store.
///
/// Over time the result is a map for each period (.nc, .zarr, .tif, .png). Over the area (lat,lon) it is a
/// table, with a row for each map or period: .csv, .json, a line plot as .png; without an output it is printed.
/// There, cells count by their area on the sphere. Missing values are left out; count is always given.
#[derive(Args)]
#[command(after_help = "Examples:
  swathe reduce *.L3m.DAY.*.nc -v chlor_a --over time -o mean.nc
  swathe reduce *.L3m.DAY.*.nc -v chlor_a --over time --every month --stat mean,std -o months.nc
  swathe reduce *.L3m.DAY.*.nc -v chlor_a --over lat,lon -b -77,36,-73,41 -o bay.csv -o bay.png")]
pub struct Arguments {
    /// Gridded files; folders, patterns, @list.txt, or - for names on standard input
    #[arg(required = true, value_name = "GRIDDED")]
    files: Vec<String>,
    /// The variable
    #[arg(short = 'v', long, value_name = "NAME")]
    variable: String,
    /// Dimensions to reduce: time, lat,lon or time,lat,lon
    #[arg(long, value_name = "DIMS", default_value = "time", value_parser = Dimensions::from_str)]
    over: Dimensions,
    /// Statistics: mean, std, var, min, max, sum, count, median, pNN; several with commas
    #[arg(long, value_name = "STATS", default_value = "mean", value_delimiter = ',', value_parser = statistic_named)]
    stat: Vec<Statistic>,
    /// Group maps: all, day, month, season, year or month-of-year
    #[arg(long, value_name = "PERIOD", value_parser = Every::from_str)]
    every: Option<Every>,
    /// How cells count in means over an area
    #[arg(long, value_enum, default_value_t = WeightName::Area, value_name = "WEIGHT")]
    weight: WeightName,
    /// Cells in this box alone: W,S,E,N in degrees; west > east means across 180
    #[arg(
        short,
        long,
        value_name = "W,S,E,N",
        value_delimiter = ',',
        num_args = 1,
        allow_hyphen_values = true
    )]
    bbox: Vec<f64>,
    /// Output file; its suffix is its format; repeats
    #[arg(short, long = "output", value_name = "FILE")]
    outputs: Vec<PathBuf>,
    /// Replace outputs that exist
    #[arg(long)]
    overwrite: bool,
    /// Number of threads, up to 512. Default: one for each processor
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=512))]
    threads: Option<u16>,
    /// Most memory that chunks may take, as 512MiB or 4GiB; the result comes on top
    #[arg(long, value_name = "SIZE", value_parser = memory_size)]
    memory: Option<u64>,
    #[command(flatten)]
    cluster: OnCluster,
    #[command(flatten)]
    live: LiveOption,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum WeightName {
    Area,
    Equal,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result {
    let paths = expand(&arguments.files)?;
    let bbox = match arguments.bbox[..] {
        [] => None,
        [west, south, east, north]
            if south < north && arguments.bbox.iter().all(|side| side.is_finite()) =>
        {
            Some([west, south, east, north])
        }
        _ => {
            return Err(Failure::usage(
                "a box is four finite numbers W,S,E,N, its south below its north",
            ));
        }
    };
    let reduction = Reduction {
        variable: arguments.variable.clone(),
        over: arguments.over,
        statistics: arguments.stat.clone(),
        every: arguments.every,
        by_area: arguments.weight == WeightName::Area,
        bbox,
    };
    if arguments.cluster.is_asked_for() && arguments.live.is_asked_for() {
        return Err(
            Failure::usage("a reduction on a cluster has no page of its own")
                .with_hint("watch Dask's dashboard"),
        );
    }
    if arguments.outputs.is_empty() && arguments.over == Dimensions::Time {
        return Err(Failure::usage("a map needs an output: -o mean.nc"));
    }
    let outputs = ReducedOutputs::new(&arguments.outputs, &paths, &reduction, arguments.overwrite)?;
    let threads = arguments.threads.map_or(0, usize::from);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    let pool = pool.map_err(Failure::error)?;
    arguments.live.watch(|watch| {
        let mut observer = |step: Step| {
            if let Some(live) = watch.live() {
                live.reduced(&reduction.variable, paths.len(), step.done, step.total);
            }
            ControlFlow::Continue(())
        };
        let reduced =
            arguments
                .cluster
                .reduce(&paths, &reduction, &pool, arguments.memory, &mut observer)?;
        match &reduced {
            Reduced::Table(table) if arguments.outputs.is_empty() => {
                tell!("{}", table.csv().trim_end())
            }
            Reduced::Table(_) => {}
            Reduced::Maps(product) => {
                if let Some(live) = watch.live() {
                    live.product(product);
                }
            }
        }
        outputs.write(&reduced)?;
        report::wrote(&arguments.outputs);
        watch.wrote(&arguments.outputs);
        Ok(Outcome::Done)
    })
}
