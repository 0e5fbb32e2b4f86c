//! `swathe grid`: one layer for every granule.

use super::gridding::Gridding;
use super::write::Outputs;
use crate::failure::Result;
use clap::Args;
use swathe::job::{GridRequest, Purpose};
use swathe_io::product::Gridded;

/// Put granules on a grid, one layer for each, stacked on time.
///
/// One granule needs no grid: it is put on one around itself, at its own resolution.
#[derive(Args)]
#[command(after_help = "Examples:
  swathe grid GRANULE.nc -o map.tif
  swathe grid *.nc -v chlor_a -b -77,36,-73,41 -r 0.015 -o cube.nc
  swathe grid today/ -b -77,36,-73,41 -r 0.015 -o cube.zarr --append
  swathe grid GRANULE.nc -v Rrs@443,555 --like other.nc -m nearest -o rrs.nc")]
pub struct Arguments {
    #[command(flatten)]
    gridding: Gridding,
    /// Add the layers to the cube on time that is the output, a .zarr; make it if it is not there.
    /// Without a grid, that of the cube
    #[arg(long, conflicts_with = "overwrite")]
    append: bool,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result {
    let gridding = &arguments.gridding;
    let mut job = gridding.job()?;
    if !arguments.append {
        return gridding.run(job, Purpose::Cube, Outputs::new);
    }
    job.stack = true;
    if let ([cube], true) = (gridding.outputs(), gridding.grid_is_left_open())
        && cube.exists()
    {
        job.grid = GridRequest::Exact(Gridded::open(cube)?.geobox().clone());
    }
    gridding.run(job, Purpose::Cube, |paths, inputs, _| {
        Outputs::appending(paths, inputs)
    })
}
