//! `swathe search`: granules in NASA's catalogue.

use super::catalogue::Catalogue;
use super::gridding::{Four, four};
use crate::failure::{Failure, Outcome, Result};
use crate::messages::tell;
use clap::Args;
use swathe_io::earthdata::record::FoundGranule;

/// Look for granules in NASA's catalogue.
///
/// Of one observation the newest version is shown; near-real-time granules only where there is no refined
/// one.
#[derive(Args)]
#[command(after_help = "Examples:
  swathe search -c PACE_OCI_L2_BGC -t 2024-08-01/2024-08-07 -b -77,36,-73,41
  swathe search -c PACE_OCI_L2_AOP -t 2024-08 --point -76.4,38.5 --cloud-cover 50 --urls")]
pub struct Arguments {
    #[command(flatten)]
    catalogue: Catalogue,
    /// Box in degrees; west > east means across 180
    #[arg(short, long, value_name = "W,S,E,N", allow_hyphen_values = true, value_parser = four)]
    bbox: Option<Four>,
    /// Print JSON: one array with an object for each granule
    #[arg(long, conflicts_with = "urls")]
    json: bool,
    /// Print links alone, one a line
    #[arg(long)]
    urls: bool,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result {
    let catalogue = &arguments.catalogue;
    let query = catalogue.query(arguments.bbox)?.ok_or_else(|| {
        Failure::usage("a collection is needed").with_hint("give -c, as in -c PACE_OCI_L2_BGC")
    })?;
    let session = catalogue.reach.session()?;
    let found = catalogue.find(&session, &query)?;
    if arguments.json {
        let json = serde_json::to_string_pretty(&found.granules).map_err(Failure::error)?;
        tell!("{json}");
    } else if arguments.urls {
        for link in catalogue.links(&session, &found.granules)? {
            tell!("{link}");
        }
    } else {
        table(&found.granules);
    }
    Ok(Outcome::Done)
}

fn table(granules: &[FoundGranule]) {
    let widest = granules.iter().map(|g| g.name.len()).max().unwrap_or(0);
    tell!(
        "{:widest$}  {:20}  {:>8}  {:>6}  {:5}  version",
        "name",
        "start",
        "size",
        "clouds",
        "day"
    );
    for granule in granules {
        let size = granule.size.map_or("?".into(), megabytes);
        let clouds = granule
            .cloud_cover
            .map_or("?".into(), |c| format!("{c:.0} %"));
        let day = granule.day_night.as_deref().unwrap_or("?");
        let start = granule.start.get(..19).unwrap_or(&granule.start);
        let nrt = if granule.near_real_time {
            ", near real time"
        } else {
            ""
        };
        tell!(
            "{:widest$}  {start:20}  {size:>8}  {clouds:>6}  {day:5}  {}{nrt}",
            granule.name,
            granule.version
        );
    }
    let total: u64 = granules.iter().filter_map(|g| g.size).sum();
    let unknown = granules.iter().filter(|g| g.size.is_none()).count();
    let note = match unknown {
        0 => String::new(),
        n => format!(", {n} of unknown size"),
    };
    tell!("{} granules, {}{note}", granules.len(), megabytes(total));
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}
