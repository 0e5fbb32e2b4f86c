//! `swathe average`: one map out of many granules.

use super::gridding::Gridding;
use super::write::Outputs;
use crate::failure::{Failure, Result};
use clap::{Args, ValueEnum};
use swathe::job::{BinMap, DayKind, Every, GridRequest, Job, Purpose, keep_statistics};
use swathe_core::binned::Mapping;
use swathe_core::geobox::GeoBox;
use swathe_core::isin::{InvalidIsin, Isin, RESOLUTIONS};
use swathe_core::reduce::{Blank, Scheme, Statistic, Weight};
use swathe_core::region::Region;

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
    /// p0 to p100 (percentiles); several with commas
    #[arg(
        long = "stat",
        value_name = "STAT",
        value_delimiter = ',',
        default_value = "mean"
    )]
    statistics: Vec<Statistic>,
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
    /// A map for every window of time, stacked on time. With data-days, those of a month or year too
    #[arg(long, value_enum, value_name = "WINDOW")]
    every: Option<EveryName>,
    /// What a day is. Default: data-day for instruments on sun-synchronous satellites, utc for others
    #[arg(long, value_enum, value_name = "KIND", requires = "every")]
    day: Option<DayName>,
    /// A set of options, which explicit ones override
    #[arg(long, value_enum, value_name = "NAME")]
    preset: Option<Preset>,
    /// What a partial result (.swathe) keeps apart: with `granules`, `swathe merge` replaces a granule
    /// by a newer version of it. Default: all granules are combined, and take no more space
    /// however many they are
    #[arg(long, value_enum, value_name = "WHAT")]
    keep: Option<Keep>,
}

/// The grid of bins, of those that NASA's products have, whose rows are nearest to a map's in height.
fn isin_for(geobox: &GeoBox) -> std::result::Result<Isin, InvalidIsin> {
    let step = geobox.y.step().abs();
    let degrees = match geobox.crs.is_lonlat() {
        true => step,
        false => step * geobox.crs.metres_per_unit() / 111_320.0,
    };
    let distance = |rows: u32| (180.0 / f64::from(rows) / degrees).ln().abs();
    let known = RESOLUTIONS.into_iter().map(|(_, rows)| rows);
    let rows = known
        .filter(|rows| *rows <= 34_560)
        .min_by(|a, b| distance(*a).total_cmp(&distance(*b)));
    let rows = rows.unwrap_or(4320);
    // Bins around the map: those that its edges cut are whole.
    let area = Region::of(geobox).widened(2.0 * 180.0 / f64::from(rows));
    Isin::new(rows, Some(area))
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

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum EveryName {
    /// Days
    Day,
    /// Eight days, from each 1 January anew
    #[value(name = "8day")]
    EightDays,
    /// Months
    Month,
    /// December to February, March to May, June to August, September to November
    Season,
    /// From the 21st of March, June, September and December
    NasaSeason,
    /// Years
    Year,
    /// All in one window
    All,
    /// All Januaries, all Februaries, and so on
    MonthOfYear,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum DayName {
    /// By mean solar time at the granule's middle
    DataDay,
    /// By universal time
    Utc,
}

impl EveryName {
    /// `None`: all in one.
    fn windows(self) -> Option<Every> {
        match self {
            EveryName::Day => Some(Every::Day),
            EveryName::EightDays => Some(Every::EightDays),
            EveryName::Month => Some(Every::Month),
            EveryName::Season => Some(Every::Season),
            EveryName::NasaSeason => Some(Every::NasaSeason),
            EveryName::Year => Some(Every::Year),
            EveryName::All => None,
            EveryName::MonthOfYear => Some(Every::MonthOfYear),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Keep {
    /// What each granule gave
    Granules,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Preset {
    /// Nearest, no flags, weight granule: what NASA's tutorial does
    Tutorial,
    /// Bins of equal area, weight l2bin, flags l3, joint masks, mapped by the nearest bin: as NASA's
    /// Level-3 products are made
    NasaL3,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result {
    let job = arguments.job()?;
    if let Some(every) = arguments.every.and_then(EveryName::windows) {
        if arguments.preset == Some(Preset::NasaL3) {
            return Err(Failure::usage("--every does not go with --preset nasa-l3"));
        }
        let day = arguments.day.map(|day| match day {
            DayName::DataDay => DayKind::DataDay,
            DayName::Utc => DayKind::Utc,
        });
        return arguments.gridding.run_windows(job, every, day);
    }
    if arguments.preset == Some(Preset::NasaL3) && !matches!(job.grid, GridRequest::Bins(_)) {
        return arguments.by_way_of_bins(job);
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
    /// Bins the granules, and maps the bins.
    fn by_way_of_bins(&self, mut job: Job) -> Result {
        let geobox = super::map::geobox(std::mem::replace(
            &mut job.grid,
            GridRequest::Own {
                crs: None,
                resolution: None,
            },
        ))?;
        if job
            .statistics
            .iter()
            .any(|s| !matches!(s, Statistic::Mean | Statistic::Std))
        {
            return Err(Failure::usage("bins give mean and std, with counts"));
        }
        let statistics = std::mem::replace(&mut job.statistics, vec![Statistic::Mean]);
        let blank = std::mem::take(&mut job.blank);
        let isin = isin_for(&geobox).map_err(Failure::usage)?;
        let rows = isin.rows();
        job.grid = GridRequest::Bins(isin);
        let map = BinMap {
            geobox,
            mapping: Mapping::Nearest,
            blank,
        };
        let large = map.geobox.cells() > 1 << 22;
        self.gridding.run_binned(job, large, |finished, outputs| {
            let (west, south, east, north) = map.geobox.bounds();
            let options = format!(
                "{} # then swathe map --crs '{}' --bounds={west},{south},{east},{north} -r {} -m nearest",
                finished.description().provenance.options,
                map.geobox.crs.definition(),
                map.geobox.x.step(),
            );
            let mut product = finished.mapped(&map, &options)?;
            keep_statistics(&mut product, &statistics);
            crate::messages::note(&format!("mapped from bins of isin-{rows}"));
            outputs.write_product(&product)
        })
    }

    fn job(&self) -> Result<Job> {
        let mut job = self.gridding.job()?;
        if self.preset == Some(Preset::Tutorial) {
            job.method
                .get_or_insert(swathe_core::resample::Method::Nearest);
            job.flags.get_or_insert_default();
            job.weight = Some(Weight::Granule);
        }
        if self.preset == Some(Preset::NasaL3) {
            job.method.get_or_insert(swathe_core::resample::Method::Bin);
            if job.flags.is_none() {
                job.flags = Some("l3".parse().map_err(Failure::usage)?);
            }
            job.weight = Some(Weight::L2bin);
            job.joint = true;
        }
        if let Some(weight) = self.weight {
            job.weight = Some(match weight {
                WeightName::Observation => Weight::Observation,
                WeightName::Granule => Weight::Granule,
                WeightName::L2bin => Weight::L2bin,
            });
        }
        job.statistics = self.statistics.clone();
        job.scheme = self.scheme;
        job.blank = Blank {
            min_count: self.min_count,
            min_granules: self.min_granules,
            min_coverage: self.min_coverage,
        };
        Ok(job)
    }
}
