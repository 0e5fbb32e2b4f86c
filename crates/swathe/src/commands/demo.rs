//! `swathe demo`: the main job, start to end, on granules made from nothing.

use super::progress::{Progress, Style};
use super::{plot, report, simulate, write};
use crate::failure::{Failure, Outcome, Result};
use crate::messages::say;
use clap::Args;
use std::path::PathBuf;
use swathe::job::{self, GridRequest, Job, Plan, Purpose, gather};
use swathe_core::build_geobox::Resolution;
use swathe_core::reduce::Statistic;
use swathe_io::product::{LayerData, Product};
use swathe_io::simulate::{Simulation, truth_chlorophyll};

/// Make a week of granules over the Chesapeake Bay, average them on a grid, draw the map.
///
/// The granules are simulated: half a minute and 200 MB. What is there already is used again.
#[derive(Args)]
#[command(after_help = "Example:
  swathe demo -d demo")]
pub struct Arguments {
    /// Folder for the granules and the maps; made if it is not there
    #[arg(short, long, value_name = "DIR", default_value = "demo")]
    dir: PathBuf,
}

/// The area of interest: west, south, east, north.
const AREA: [f64; 4] = [-77.0, 36.0, -73.0, 41.0];

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result {
    let folder = arguments.dir.join("granules");
    let granules = Simulation {
        area: Some(AREA),
        ..Simulation::default()
    }
    .granules()?;
    say!(
        "1. a week of simulated PACE granules over the Chesapeake Bay, in {}",
        folder.display()
    );
    let there = |granule: &swathe_io::simulate::GranuleSpec| folder.join(granule.file_name());
    let (old, new): (Vec<_>, Vec<_>) = granules.iter().partition(|g| there(g).exists());
    if !old.is_empty() {
        say!("{} of {} are there already", old.len(), granules.len());
    }
    let new: Vec<_> = new.into_iter().cloned().collect();
    simulate::make(
        &new,
        &folder,
        swathe_io::simulate::Overwrite::Refuse,
        &simulate::say,
    )?;
    let paths: Vec<PathBuf> = granules.iter().map(there).collect();

    let at = |name: &str| arguments.dir.join(name);
    let outputs = [at("mean.nc"), at("mean.tif"), at("mean.png")];
    say!("2. their average on a grid of 0.015 degrees");
    let to_write = write::Outputs::new(&outputs, &paths, true)?;
    let pool = rayon::ThreadPoolBuilder::new()
        .build()
        .map_err(Failure::error)?;
    let [west, south, east, north] = AREA;
    let job = Job {
        variables: vec!["chlor_a".into()],
        grid: GridRequest::Box {
            bbox: (west, south, east, north),
            resolution: Resolution::Degrees(0.015),
            crs: None,
        },
        statistics: vec![Statistic::Mean, Statistic::Std],
        ..Job::default()
    };
    let gathered = pool.install(|| gather(&paths, job.on_error))?;
    let plan = pool.install(|| Plan::new(gathered, job, Purpose::Average))?;
    let mut progress = Progress::new(Style::Auto);
    let keeping = to_write.keeping(None, None, false);
    let mut show = |event: &job::Event<'_>| progress.show(event);
    let written = job::run(&plan, &pool, &keeping, &mut show)
        .map_err(Failure::from)
        .and_then(|finished| {
            pool.install(|| to_write.write(&finished, &mut show))?;
            Ok(finished)
        });
    progress.finish();
    let finished = written?;
    report::finished(&finished, &outputs, false);
    if let Some((cells, bias, spread)) = against_truth(&finished.product()?) {
        say!(
            "against the known truth, over {cells} cells: bias {bias:+.1} %, spread {spread:.1} %"
        );
    }
    finished.clear()?;

    let swath = at("swath.png");
    say!("3. one of the swaths as it lies, with the area");
    let one = &paths[granules.len() / 4];
    plot::run(&plot::Arguments::of(one.clone(), swath, AREA))?;
    say!(
        "look at {} and {}; then try your own granules:\n  swathe average *.nc -v chlor_a -b -77,36,-73,41 -r 0.015 -o mean.nc -o mean.png",
        at("mean.png").display(),
        at("swath.png").display()
    );
    Ok(Outcome::Done)
}

/// Number of cells with a mean, with the geometric mean and spread of its ratio to the truth, less
/// one, in percent.
fn against_truth(product: &Product) -> Option<(usize, f64, f64)> {
    let LayerData::F32(means) = &product.layers.first()?.data else {
        return None;
    };
    let geobox = &product.geobox;
    let (_, columns) = geobox.shape();
    let logs: Vec<f64> = means
        .iter()
        .enumerate()
        .filter(|(_, mean)| mean.is_finite())
        .map(|(cell, mean)| {
            let (lon, lat) = (
                geobox.x.centre(cell % columns),
                geobox.y.centre(cell / columns),
            );
            (f64::from(*mean) / truth_chlorophyll(lon, lat)).ln()
        })
        .collect();
    let count = logs.len() as f64;
    let mean = logs.iter().sum::<f64>() / count;
    let variance = logs.iter().map(|l| (l - mean).powi(2)).sum::<f64>() / count;
    let percent = |log: f64| 100.0 * (log.exp() - 1.0);
    (count > 0.0).then(|| (logs.len(), percent(mean), percent(variance.sqrt())))
}
