//! `swathe serve`: a gridded file looked at in a browser.

use crate::failure::Result;
use crate::messages::{self, say};
use clap::Args;
use serde_json::json;
use std::path::PathBuf;
use swathe::live::{Address, Serving};

/// Look at a gridded file in a browser: netCDF or Zarr, ours or others', larger than memory.
///
/// Only what is in view is read. It goes on until it is interrupted (Ctrl-C).
#[derive(Args)]
#[command(after_help = "Examples:
  swathe serve mean.nc
  swathe serve cube.zarr -v chlor_a --address 8080")]
pub struct Arguments {
    /// The file, or the folder of a Zarr store
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Variable; repeats. Default: all that are on the grid
    #[arg(short, long = "variable", value_name = "NAME")]
    variables: Vec<String>,
    /// Port, or an address that others can reach, as 0.0.0.0:8765: then the link holds a token. Default:
    /// 127.0.0.1:8765, or any free port
    #[arg(long, value_name = "ADDR")]
    address: Option<Address>,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result {
    let address = arguments.address.unwrap_or_default();
    let serving = Serving::start(&arguments.file, &arguments.variables, address, false)?;
    let link = serving.link();
    match messages::in_json() {
        true => messages::event("live", json!({ "link": link })),
        false => say!("look at it at {link} (Ctrl-C ends)"),
    }
    loop {
        // An interruption ends the process.
        std::thread::park();
    }
}
