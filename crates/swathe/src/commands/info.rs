//! `swathe info`: what is in a file.

use crate::failure::{Failure, Outcome, Result};
use crate::messages::{say, tell};
use clap::Args;
use serde_json::json;
use std::path::Path;
use swathe::job::expand;
use swathe_core::source::{SwathSource as _, Values};
use swathe_io::granule::{Description, Granule, describe};

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
    /// Show what share of the pixels each quality flag is set in, and of those that have a value of the main
    /// product
    #[arg(long)]
    flags: bool,
    /// Print JSON: one array with an object for each file
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result {
    let paths = expand(&arguments.granules)?;
    if paths.is_empty() {
        return Err(Failure::nothing("no file is named"));
    }
    let mut described: Vec<Told> = Vec::new();
    let (mut failed, mut flagless) = (0, 0);
    for path in &paths {
        match describe(path) {
            Ok(description) => {
                // Other files may have some.
                let shares = match arguments.flags.then(|| FlagShares::of(path)) {
                    None => None,
                    Some(Ok(None)) => {
                        flagless += 1;
                        say!("error: {}: it has no quality flags", path.display());
                        None
                    }
                    Some(Ok(shares)) => shares,
                    Some(Err(error)) => {
                        failed += 1;
                        say!("error: {}", error.message());
                        None
                    }
                };
                if !arguments.json {
                    if paths.len() > 1 && !described.is_empty() {
                        tell!("");
                    }
                    tell!("{}", description.to_text().trim_end());
                    if let Some(shares) = &shares {
                        shares.print();
                    }
                }
                described.push(Told::new(description, shares.as_ref()));
            }
            Err(error) => {
                failed += 1;
                say!("error: {error}");
            }
        }
    }
    if arguments.json {
        let json = serde_json::to_string_pretty(&described).map_err(Failure::error)?;
        tell!("{json}");
    }
    if failed > 0 {
        return Err(Failure::error(format!(
            "{failed} of {} files cannot be read",
            paths.len()
        )));
    }
    if flagless > 0 {
        return Err(Failure::error(format!(
            "{flagless} of {} files have no quality flags",
            paths.len()
        )));
    }
    Ok(Outcome::Done)
}

/// Lines that are read together.
const TOGETHER: usize = 256;

/// How many pixels carry each flag.
struct FlagShares {
    /// Where values are asked for, the variable.
    product: Option<String>,
    pixels: u64,
    valid: u64,
    /// Name, pixels that carry it, of these with a value.
    flags: Vec<(String, u64, u64)>,
}

impl FlagShares {
    /// Those of a granule; `None` where it has no flags.
    fn of(path: &Path) -> Result<Option<Self>> {
        let granule = Granule::open(path)?;
        let Some(table) = granule.flag_table() else {
            return Ok(None);
        };
        let bits = |name: &str| table.bits(name).unwrap_or(0);
        let mut names: Vec<(String, u32)> = Vec::new();
        for name in table.names() {
            if names.iter().all(|(known, _)| known != name) {
                names.push((name.to_owned(), bits(name)));
            }
        }
        let field = granule.main_field().ok().map(|selected| selected.field);
        let mut shares = FlagShares {
            product: field.as_ref().map(|field| field.name.clone()),
            pixels: 0,
            valid: 0,
            flags: names.iter().map(|(name, _)| (name.clone(), 0, 0)).collect(),
        };
        let (lines, pixels) = granule.shape();
        for first in (0..lines).step_by(TOGETHER) {
            let lines = first..(first + TOGETHER).min(lines);
            let count = lines.len() * pixels;
            let flags = granule.flags(lines.clone()).map_err(Failure::error)?;
            let there: Vec<bool> = match &field {
                Some(field) => {
                    let values = granule.values(&[field], lines).map_err(Failure::error)?;
                    match values.first() {
                        Some(Values::F32(v)) => v.iter().map(|v| v.is_finite()).collect(),
                        Some(Values::F64(v)) => v.iter().map(|v| v.is_finite()).collect(),
                        None => vec![false; count],
                    }
                }
                None => vec![false; count],
            };
            shares.pixels += count as u64;
            shares.valid += there.iter().filter(|there| **there).count() as u64;
            for ((_, carrying, valid), (_, bits)) in shares.flags.iter_mut().zip(&names) {
                for (flags, there) in flags.iter().zip(&there) {
                    let set = flags & bits != 0;
                    *carrying += u64::from(set);
                    *valid += u64::from(set && *there);
                }
            }
        }
        shares
            .flags
            .sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        Ok(Some(shares))
    }

    fn as_json(&self) -> serde_json::Value {
        let flags = self.flags.iter().map(|(name, carrying, valid)| {
            json!({"name": name, "pixels": carrying, "valid_pixels": valid})
        });
        json!({
            "variable": self.product,
            "pixels": self.pixels,
            "valid_pixels": self.valid,
            "flags": flags.collect::<Vec<_>>(),
        })
    }

    fn print(&self) {
        let percent = |part: u64, whole: u64| 100.0 * part as f64 / (whole.max(1)) as f64;
        match &self.product {
            Some(product) => tell!(
                "flags, in % of {} pixels, and of {} with {product}",
                self.pixels,
                self.valid
            ),
            None => tell!("flags, in % of {} pixels", self.pixels),
        }
        for (name, carrying, valid) in &self.flags {
            let (all, own) = (percent(*carrying, self.pixels), percent(*valid, self.valid));
            match self.product {
                Some(_) => tell!("  {name:<12} {all:>6.2} {own:>6.2}"),
                None => tell!("  {name:<12} {all:>6.2}"),
            }
        }
    }
}

/// What is told of a file in JSON.
#[derive(serde::Serialize)]
struct Told {
    #[serde(flatten)]
    description: Description,
    #[serde(skip_serializing_if = "Option::is_none")]
    flag_shares: Option<serde_json::Value>,
}

impl Told {
    fn new(description: Description, shares: Option<&FlagShares>) -> Self {
        Told {
            description,
            flag_shares: shares.map(FlagShares::as_json),
        }
    }
}
