//! `swathe login`: whether the sign-in works.

use crate::failure::{Outcome, Result};
use crate::messages::tell;
use clap::Args;
use swathe_io::remote::session;

/// Check the sign-in to NASA's Earthdata, and say what was found, without showing it.
///
/// Credentials are looked for in EARTHDATA_TOKEN; EARTHDATA_USERNAME and EARTHDATA_PASSWORD; and for machine
/// urs.earthdata.nasa.gov in the file that NETRC names, else ~/.netrc.
#[derive(Args)]
#[command(after_help = "Examples:
  swathe login
  swathe login https://obdaac-tea.earthdatacloud.nasa.gov/ob-cumulus-prod-public/GRANULE.nc")]
pub struct Arguments {
    /// Address of a file: check that it can be read
    address: Option<String>,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result {
    let session = session()?;
    let report = session.check_login()?;
    let unchecked = report.user.is_none();
    match report.user {
        Some(user) => tell!("signed in as {user}, with what {} says", report.from),
        None => tell!("{} has a token", report.from),
    }
    match report.expires {
        Some(end) => tell!(
            "the token holds until {}",
            end.strftime("%Y-%m-%d %H:%M UTC")
        ),
        None => tell!("the token does not say how long it holds"),
    }
    if let Some(address) = &arguments.address {
        session.reaches(address)?;
        tell!("the file can be read");
    } else if unchecked {
        tell!("whether it is accepted shows with the address of a file: swathe login ADDRESS");
    }
    Ok(Outcome::Done)
}
