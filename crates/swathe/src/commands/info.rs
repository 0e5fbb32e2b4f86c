//! `swathe info`: what is in a file.

use crate::failure::{Failure, Outcome, Result};
use clap::Args;
use swathe::job::expand;
use swathe_io::granule::{Description, describe};

/// Show what is in granules: product, time, extent, variables, flags.
///
/// Of a file that is no swath it says why, and lists its variables.
#[derive(Args)]
#[command(after_help = "Examples:
  swathe info PACE_OCI.20240801T162013.L2.OC_BGC.V3_2.nc
  swathe info --json *.nc | jq '.[].time_start'")]
pub struct Arguments {
    /// Files to look into; folders, patterns, @list.txt, or - for names on standard input
    #[arg(required = true, value_name = "GRANULE")]
    granules: Vec<String>,
    /// Print JSON: one array with an object for each file
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result {
    let paths = expand(&arguments.granules)?;
    let mut described: Vec<Description> = Vec::new();
    let mut failed = false;
    for path in &paths {
        match describe(path) {
            Ok(description) => {
                if !arguments.json {
                    if paths.len() > 1 && !described.is_empty() {
                        println!();
                    }
                    print!("{}", description.to_text());
                }
                described.push(description);
            }
            Err(error) => {
                failed = true;
                eprintln!("error: {error}");
            }
        }
    }
    if arguments.json {
        let json = serde_json::to_string_pretty(&described).map_err(Failure::error)?;
        println!("{json}");
    }
    if failed {
        let (bad, all) = (paths.len() - described.len(), paths.len());
        return Err(Failure::error(format!(
            "{bad} of {all} files cannot be read"
        )));
    }
    Ok(Outcome::Done)
}
