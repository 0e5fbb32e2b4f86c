//! `swathe grid`: one layer for every granule.

use super::gridding::Gridding;
use crate::failure::Result;
use clap::Args;
use swathe::job::Purpose;

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
    arguments
        .gridding
        .run(arguments.gridding.job()?, Purpose::Cube)
}
