//! `swathe grid`: one layer for every granule.

use super::gridding::Gridding;
use super::{report, write};
use crate::failure::{Outcome, Result};
use clap::Args;
use swathe::job::{Plan, cube, gather};

/// Put granules on a grid, one layer for each, stacked on time.
///
/// One granule needs no grid: it is put on one around itself, at its own resolution.
#[derive(Args)]
#[command(after_help = "Examples:
  swathe grid GRANULE.nc -o map.tif
  swathe grid *.nc -v chlor_a -b -77,36,-73,41 -r 0.015 -o cube.nc
  swathe grid GRANULE.nc -v Rrs@443,555 --like other.nc -m nearest -o rrs.nc")]
pub struct Arguments {
    #[command(flatten)]
    gridding: Gridding,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result {
    let gridding = &arguments.gridding;
    let paths = gridding.paths()?;
    let outputs = write::Outputs::check(gridding, &paths)?;
    let pool = gridding.pool()?;
    let job = gridding.job()?;
    let gathered = pool.install(|| gather(&paths, job.on_error))?;
    let plan = pool.install(|| Plan::cube(gathered, job))?;
    if gridding.dry_run {
        report::plan(&plan, &pool)?;
        return Ok(Outcome::Done);
    }
    outputs.check_maps(plan.granules())?;
    gridding.say(&plan);
    let mut progress = gridding.progress(plan.granules());
    let finished = cube(&plan, &pool, &mut |event| progress.show(event));
    progress.finish();
    let finished = finished?;
    outputs.write(&finished.product)?;
    Ok(report::finished(
        &finished,
        &gridding.outputs,
        gridding.verbose,
    ))
}
