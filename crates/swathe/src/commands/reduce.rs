//! `swathe reduce`: maps reduced over time, or over an area.

use super::gridding::size;
use super::live::LiveOption;
use super::plain_file::PlainFile;
use super::report;
use super::write::Outputs;
use crate::failure::{Failure, Outcome, Result};
use crate::messages::tell;
use clap::{Args, ValueEnum};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use swathe::core::array::Step;
use swathe::job::expand;
use swathe::reduction::{Dimensions, Every, Reduced, Reduction, Table, reduce};
use swathe_io::picture::LinePlot;
use swathe_io::product::{Format, Statistic};

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
    #[arg(long, value_name = "DIMS", default_value = "time", value_parser = dimensions)]
    over: Dimensions,
    /// Statistics: mean, std, var, min, max, sum, count, median, pNN; several with commas
    #[arg(long, value_name = "STATS", default_value = "mean", value_delimiter = ',', value_parser = statistic)]
    stat: Vec<Statistic>,
    /// Group maps: all, day, month, season, year or month-of-year
    #[arg(long, value_enum, value_name = "PERIOD")]
    every: Option<EveryName>,
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
    #[arg(long, value_name = "SIZE", value_parser = size)]
    memory: Option<u64>,
    #[command(flatten)]
    live: LiveOption,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum EveryName {
    All,
    Day,
    Month,
    Season,
    Year,
    MonthOfYear,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum WeightName {
    Area,
    Equal,
}

fn dimensions(text: &str) -> std::result::Result<Dimensions, String> {
    let mut found = (false, false, false);
    for word in text.split(',').map(str::trim) {
        match word {
            "time" => found.0 = true,
            "lat" | "latitude" | "y" => found.1 = true,
            "lon" | "longitude" | "x" => found.2 = true,
            _ => return Err(format!("{word:?} is not time, lat or lon")),
        }
    }
    match found {
        (true, false, false) => Ok(Dimensions::Time),
        (false, true, true) => Ok(Dimensions::Area),
        (true, true, true) => Ok(Dimensions::All),
        _ => Err("time, lat,lon or time,lat,lon can be reduced".into()),
    }
}

fn statistic(name: &str) -> std::result::Result<Statistic, String> {
    Ok(match name {
        "mean" => Statistic::Mean,
        "std" => Statistic::StandardDeviation,
        "var" => Statistic::Variance,
        "min" => Statistic::Minimum,
        "max" => Statistic::Maximum,
        "sum" => Statistic::Sum,
        "count" => Statistic::Count,
        "median" => Statistic::Median,
        name => match name.strip_prefix('p').and_then(|n| n.parse::<u8>().ok()) {
            Some(percent) if percent <= 100 => Statistic::Percentile(percent),
            _ => return Err("not one of mean, std, var, min, max, sum, count, median, pNN".into()),
        },
    })
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
    let every = arguments.every.map(|name| match name {
        EveryName::All => Every::All,
        EveryName::Day => Every::Day,
        EveryName::Month => Every::Month,
        EveryName::Season => Every::Season,
        EveryName::Year => Every::Year,
        EveryName::MonthOfYear => Every::MonthOfYear,
    });
    let reduction = Reduction {
        variable: arguments.variable.clone(),
        over: arguments.over,
        statistics: arguments.stat.clone(),
        every,
        by_area: arguments.weight == WeightName::Area,
        bbox,
    };
    let outputs = Checked::new(arguments, &paths)?;
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
        let reduced = reduce(&paths, &reduction, &pool, arguments.memory, &mut observer)?;
        match (reduced, outputs) {
            (Reduced::Maps(product), Checked::Maps(maps)) => {
                if let Some(live) = watch.live() {
                    live.product(&product);
                }
                maps.write_product(&product)?;
                report::wrote(&arguments.outputs);
            }
            (Reduced::Table(table), Checked::Table(files)) => {
                if files.is_empty() {
                    tell!("{}", table.csv().trim_end());
                }
                for file in files {
                    write_table(&table, file)?;
                }
            }
            // The outputs were checked for what is reduced.
            _ => return Err(Failure::error("the outputs do not suit the result")),
        }
        watch.wrote(&arguments.outputs);
        Ok(Outcome::Done)
    })
}

/// Outputs that can be written.
enum Checked {
    Maps(Box<Outputs>),
    Table(Vec<PlainFile>),
}

impl Checked {
    fn new(arguments: &Arguments, inputs: &[PathBuf]) -> Result<Self> {
        let refuse =
            |path: &Path, what: &str| Err(Failure::usage(format!("{}: {what}", path.display())));
        if arguments.over == Dimensions::Time {
            if arguments.outputs.is_empty() {
                return Err(Failure::usage("a map needs an output: -o mean.nc"));
            }
            let many = arguments.every.is_some_and(|every| every != EveryName::All);
            for path in &arguments.outputs {
                match Format::of(path).map_err(Failure::usage)? {
                    Format::Partial => {
                        return refuse(path, "only averages can be kept as partial results");
                    }
                    Format::Png if many => {
                        return refuse(
                            path,
                            "a picture shows one map: write .nc, and draw one with `swathe plot`",
                        );
                    }
                    _ => {}
                }
            }
            let maps = Outputs::new(&arguments.outputs, inputs, arguments.overwrite)?;
            return Ok(Checked::Maps(Box::new(maps)));
        }
        let mut files = Vec::new();
        for path in &arguments.outputs {
            if !matches!(suffix(path), "csv" | "json" | "png") {
                return refuse(
                    path,
                    "numbers over an area are written as .csv, .json or .png",
                );
            }
            files.push(PlainFile::new(path, inputs, arguments.overwrite)?);
        }
        Ok(Checked::Table(files))
    }
}

fn suffix(path: &Path) -> &str {
    path.extension()
        .and_then(|s| s.to_str())
        .unwrap_or_default()
}

fn write_table(table: &Table, file: PlainFile) -> Result<()> {
    let content = match suffix(file.path()) {
        "csv" => table.csv().into_bytes(),
        "json" => format!("{:#}\n", table.json()).into_bytes(),
        _ => {
            let name = table.columns.first().map_or("", String::as_str);
            let point = |row: &swathe::reduction::Row| {
                (row.time, row.values.first().copied().unwrap_or(f64::NAN))
            };
            LinePlot {
                title: format!("{}: {name}", table.variable),
                label: table.variable.clone(),
                units: table.units.clone(),
                points: table.rows.iter().map(point).collect(),
            }
            .png()?
        }
    };
    file.write(&content)
}
