//! `swathe compare`: how two maps of one grid agree.

use super::write;
use crate::failure::{Failure, Outcome, Result};
use crate::messages::{self, say, tell};
use clap::Args;
use std::path::{Path, PathBuf};
use swathe::comparing::{Compared, NOTHING_IN_COMMON, compare};
use swathe_core::comparison::Agreement;
use swathe_io::product::OutputSet;

/// Compare two maps on the same grid: the second minus the first.
///
/// Bias, root mean square difference and correlation, of the values and of their decimal logarithms, over
/// the cells in which both have a value; how many have one alone; where they differ most.
#[derive(Args)]
#[command(after_help = "Examples:
  swathe compare ours.nc theirs.nc -v chlor_a
  swathe compare a.nc b.nc -v chlor_a --json
  swathe compare a.nc b.nc -v chlor_a -o difference.png")]
pub struct Arguments {
    /// The map that the other is compared with
    #[arg(value_name = "A.nc")]
    first: PathBuf,
    /// The other map
    #[arg(value_name = "B.nc")]
    second: PathBuf,
    /// Variable of both, or as A=B where names differ. Default: the first that both have
    #[arg(short, long, value_name = "NAME")]
    variable: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// How many of the largest differences to list
    #[arg(long, value_name = "N", default_value_t = 5)]
    largest: usize,
    /// Picture of the pairs of values and of the differences, .png
    #[arg(short, long, value_name = "FILE.png")]
    output: Option<PathBuf>,
    /// Replace a picture that exists
    #[arg(long)]
    overwrite: bool,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result {
    let inputs = [arguments.first.clone(), arguments.second.clone()];
    let output = arguments.output.as_ref();
    let png = |path: &Path| {
        path.extension()
            .is_some_and(|e| e.eq_ignore_ascii_case("png"))
    };
    if let Some(path) = output.filter(|path| !png(path)) {
        return Err(Failure::usage(format!(
            "{}: a picture is a .png",
            path.display()
        )));
    }
    let set =
        output.map(|path| OutputSet::new(std::slice::from_ref(path), &inputs, arguments.overwrite));
    let set = set.transpose()?;
    let compared = compare(
        &arguments.first,
        &arguments.second,
        arguments.variable.as_deref(),
        arguments.largest,
    )?;
    let notes = compared.notes();
    for note in notes.iter().filter(|note| *note != NOTHING_IN_COMMON) {
        messages::warning(note);
    }
    match arguments.json {
        true => tell!("{:#}", compared.as_json()),
        false => print(&compared),
    }
    if let (Some(mut set), Some(path)) = (set, output) {
        write::png(&mut set, path, &compared.picture()?)?;
        set.commit()?;
        say!("wrote {}", path.display());
    }
    match compared.found.both {
        0 => Err(Failure::nothing(NOTHING_IN_COMMON)),
        _ => Ok(Outcome::Done),
    }
}

fn print(compared: &Compared) {
    let (first, second, found) = (&compared.first, &compared.second, &compared.found);
    tell!("first      {}: {}", first.name, first.variable);
    tell!("second     {}: {}", second.name, second.variable);
    tell!(
        "cells      {} in both, {} in the first alone, {} in the second alone",
        found.both,
        found.only_first,
        found.only_second
    );
    let line = |agreement: &Agreement| {
        format!(
            "bias {:+.6e}, rms difference {:.6e}, correlation {:.8}",
            agreement.bias, agreement.rmsd, agreement.correlation
        )
    };
    tell!("values     {}", line(&found.linear));
    tell!(
        "log10      {} (of {} positive pairs)",
        line(&found.log10),
        found.positive
    );
    for (cell, a, b) in &found.largest {
        let at = compared.place(*cell);
        let at = at.map_or(String::new(), |(lon, lat)| format!("{lon:.4} E {lat:.4} N"));
        tell!("differs    {:+.6e} at {at}: {a:.6} and {b:.6}", b - a);
    }
}
