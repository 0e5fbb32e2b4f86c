//! `swathe average`: one map out of many granules.

use super::gridding::Gridding;
use super::write::Outputs;
use crate::failure::Result;
use clap::{Args, ValueEnum};
use std::str::FromStr;
use swathe::job::{Best, ByBins, DayKind, Every, Job, Preset, Purpose, Windowing};
use swathe_core::reduce::{Blank, Scheme, Statistic, Weight};
use swathe_core::suggest::UnknownName;

/// Average granules on a grid.
///
/// Count and number of granules are written beside every statistic.
#[derive(Args)]
#[command(after_help = "Examples:
  swathe average *.nc -v chlor_a -b -77,36,-73,41 -r 0.015 -o mean.nc -o mean.png
  swathe average week/ -b 170,-20,-170,0 -r 1km --stat mean,std,max -o across.tif
  swathe average @list.txt --grid l3m-4km -m bin -o global.nc
  swathe average year/ -b -77,36,-73,41 -r 0.05 --every month -o months.nc
  swathe average *.nc --grid isin-4320 -o bins.nc
  swathe average *.nc --crs EPSG:3413 -b -60,60,-10,84 -r 2km -o greenland.nc --dry-run")]
pub struct Arguments {
    #[command(flatten)]
    gridding: Gridding,
    /// Statistics: mean, std, var, min, max, sum, count, granules, coverage, geomean (with geostd), median,
    /// pNN (percentiles, p0 to p100), first, last; of classes mode and share; from NAME_unc of the granules
    /// unc (of correlated errors) and unc_independent; several with commas. Default: mean
    #[arg(long = "stat", value_name = "STAT", value_delimiter = ',')]
    statistics: Vec<Statistic>,
    /// The value of the best pixel: where something is smallest or largest, as smallest:view_angle or
    /// largest:chlor_a/Kd_490. Alone unless there is --stat
    #[arg(long, value_name = "WHICH:WHAT")]
    best: Option<Best>,
    /// How granules are weighted against each other. Default: observation, on bins l2bin
    #[arg(long, value_enum, value_name = "HOW")]
    weight: Option<WeightName>,
    /// What is averaged on bins (--grid isin-ROWS): the values, their logarithms, inverses or squares:
    /// arithmetic, geometric, harmonic, quadratic
    #[arg(
        long,
        default_value_t = Scheme::Arithmetic,
        hide_default_value = true,
        value_name = "SCHEME"
    )]
    scheme: Scheme,
    /// Blank cells with fewer contributing pixels
    #[arg(long, default_value_t = 0, hide_default_value = true, value_name = "N")]
    min_count: u64,
    /// Blank cells with fewer granules
    #[arg(long, default_value_t = 0, hide_default_value = true, value_name = "N")]
    min_granules: u64,
    /// Blank cells of which no granule covers this share
    #[arg(
        long,
        default_value_t = 0.0,
        hide_default_value = true,
        value_name = "SHARE", value_parser = share
    )]
    min_coverage: f64,
    /// A map for every window of time, stacked on time: day, 8day (from each 1 January anew), month, season
    /// (from December, March, June, September), nasa-season (from the 21st of these), year, month-of-year,
    /// all; or rolling-8day: eight days from every day on, rolling-32day/8day: 32 days from every eighth
    #[arg(long, value_name = "WINDOW")]
    every: Option<EveryOption>,
    /// What a day is: data-day (NASA's, from 180 degrees to 180 degrees; granules are split there) or utc.
    /// Default: data-day for instruments on sun-synchronous satellites, utc for others
    #[arg(long, value_name = "KIND", requires = "every")]
    day: Option<DayKind>,
    /// A set of options, which explicit ones override: tutorial (nearest, no flags, weight granule: what
    /// NASA's tutorial does), nasa-l3 (bins of equal area, weight l2bin, flags l3, joint masks, mapped by the
    /// nearest bin: as NASA's Level-3 products are made)
    #[arg(long, value_name = "NAME")]
    preset: Option<Preset>,
    /// What a partial result (.swathe) keeps apart: with `granules`, `swathe merge` replaces a granule
    /// by a newer version of it. Default: all granules are combined, and take no more space
    /// however many they are
    #[arg(long, value_enum, value_name = "WHAT")]
    keep: Option<Keep>,
}

/// Reads a share, 0 to 1.
fn share(text: &str) -> std::result::Result<f64, String> {
    text.parse::<f64>()
        .ok()
        .filter(|share| (0.0..=1.0).contains(share))
        .ok_or_else(|| "expected a share of the cell, 0 to 1".to_owned())
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum WeightName {
    /// Every observation by its own weight
    Observation,
    /// Every granule's mean in the cell counts once
    Granule,
    /// Every granule's mean in the cell counts by the root of its number of pixels, as in NASA's bins
    L2bin,
}

/// A window; `None`: all in one.
#[derive(Debug, Clone, Copy)]
struct EveryOption(Option<Every>);

impl FromStr for EveryOption {
    type Err = UnknownName;

    fn from_str(text: &str) -> std::result::Result<Self, UnknownName> {
        match text {
            "all" => Ok(EveryOption(None)),
            other => Ok(EveryOption(Some(other.parse()?))),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Keep {
    /// What each granule gave
    Granules,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result {
    let mut job = arguments.job()?;
    if arguments.preset == Some(Preset::NasaL3)
        && let Some(map) = ByBins::of(&mut job)?
    {
        return arguments.gridding.run_binned(job, &map);
    }
    let keep = arguments.keep == Some(Keep::Granules);
    arguments
        .gridding
        .run(job, Purpose::Average, |paths, inputs, overwrite| {
            let outputs = Outputs::new(paths, inputs, overwrite)?;
            match keep {
                true => outputs.keeping_granules(),
                false => Ok(outputs),
            }
        })
}

impl Arguments {
    fn job(&self) -> Result<Job> {
        let mut job = self.gridding.job()?;
        if let Some(weight) = self.weight {
            job.weight = Some(match weight {
                WeightName::Observation => Weight::Observation,
                WeightName::Granule => Weight::Granule,
                WeightName::L2bin => Weight::L2bin,
            });
        }
        job.statistics = self.statistics.clone();
        if let Some(preset) = self.preset {
            preset.apply(&mut job);
        }
        job.best.clone_from(&self.best);
        job.windows = self.every.and_then(|EveryOption(every)| {
            Some(Windowing {
                every: every?,
                day: self.day,
            })
        });
        job.scheme = self.scheme;
        job.blank = Blank {
            min_count: self.min_count,
            min_granules: self.min_granules,
            min_coverage: self.min_coverage,
        };
        Ok(job)
    }
}
