//! `swathe download`: whole granules into a folder.

use super::catalogue::Catalogue;
use super::gridding::{Four, four};
use crate::failure::{Failure, Outcome, Result};
use crate::messages;
use clap::Args;
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use swathe::job::expand;
use swathe_io::remote::{Downloaded, Expected, Session, address};

/// Download granules into a folder.
///
/// What is there already, with the size and checksum that the catalogue tells, is left; what an earlier
/// download began is gone on with.
#[derive(Args)]
#[command(after_help = "Examples:
  swathe download -c PACE_OCI_L2_BGC -t 2024-08-01 -b -77,36,-73,41 -d week
  swathe download @links.txt -d week")]
pub struct Arguments {
    /// Addresses of files; @list.txt, or - for addresses on standard input
    #[arg(
        required_unless_present = "collection",
        conflicts_with = "collection",
        value_name = "ADDRESS"
    )]
    addresses: Vec<String>,
    /// Folder; it is made if it is not there
    #[arg(short, long, value_name = "DIR")]
    directory: PathBuf,
    #[command(flatten)]
    catalogue: Catalogue,
    /// Box in degrees; west > east means across 180
    #[arg(short, long, value_name = "W,S,E,N", allow_hyphen_values = true, value_parser = four, requires = "collection")]
    bbox: Option<Four>,
    /// Files that are fetched at a time
    #[arg(long, default_value_t = 6, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=32))]
    parallel: u16,
}

struct Task {
    address: String,
    path: PathBuf,
    expected: Expected,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result {
    let session = arguments.catalogue.reach.session()?;
    let mut wanted: Vec<(String, Expected)> = Vec::new();
    if let Some(query) = arguments.catalogue.query(arguments.bbox)? {
        let found = arguments.catalogue.find(&session, &query)?;
        let links = arguments.catalogue.links(&session, &found.granules)?;
        let expected = found.granules.iter().map(|granule| granule.expected());
        wanted.extend(links.into_iter().zip(expected));
    }
    for path in expand(&arguments.addresses)? {
        match address(&path) {
            Some(address) => wanted.push((address.to_owned(), Expected::default())),
            None => {
                let what = format!("{} is no address", path.display());
                return Err(Failure::usage(what).with_hint("give https:// or s3:// addresses"));
            }
        }
    }
    let folder = &arguments.directory;
    std::fs::create_dir_all(folder)
        .map_err(|e| Failure::error(format!("{}: {e}", folder.display())))?;
    let tasks = named(wanted, folder)?;
    let next = AtomicUsize::new(0);
    let failures: Vec<Failure> = std::thread::scope(|scope| {
        let work = || {
            let mut failures = Vec::new();
            while let Some(task) = tasks.get(next.fetch_add(1, Ordering::Relaxed)) {
                match session.download(&task.address, &task.path, &task.expected) {
                    Ok(done) => say(task, done),
                    Err(error) => failures.push(Failure::from(error)),
                }
            }
            failures
        };
        let workers: Vec<_> = (0..arguments.parallel).map(|_| scope.spawn(work)).collect();
        let joined = workers
            .into_iter()
            .map(|worker| worker.join().unwrap_or_default());
        joined.flatten().collect()
    });
    let (bad, all) = (failures.len(), tasks.len());
    match failures.into_iter().next() {
        None => Ok(Outcome::Done),
        Some(only) if bad == 1 && all == 1 => Err(only),
        Some(first) => {
            let hint = first.hint().map(str::to_owned);
            let failure = Failure::error(format!(
                "{bad} of {all} files could not be fetched; the first: {}",
                first.message()
            ));
            Err(match hint {
                Some(hint) => failure.with_hint(hint),
                None => failure,
            })
        }
    }
}

fn say(task: &Task, done: Downloaded) {
    let name = task.path.file_name().unwrap_or_default().to_string_lossy();
    let what = match done {
        Downloaded::Present => "is there already".to_owned(),
        Downloaded::Fetched { bytes, resumed: 0 } => format!("{:.1} MB", bytes as f64 / 1e6),
        Downloaded::Fetched { bytes, resumed } => format!(
            "{:.1} MB, of which {:.1} were there",
            bytes as f64 / 1e6,
            resumed as f64 / 1e6
        ),
    };
    messages::note(&format!("{name}: {what}"));
}

/// A path for every address: no two have the same, on file systems that do not tell cases apart either.
fn named(wanted: Vec<(String, Expected)>, folder: &Path) -> Result<Vec<Task>> {
    let mut addresses = HashSet::new();
    let mut names = HashSet::new();
    let mut tasks = Vec::new();
    for (address, expected) in wanted {
        if !addresses.insert(address.clone()) {
            continue;
        }
        let plain = Session::file_name(&address)?;
        let mut name = plain.clone();
        let mut number = 1;
        while !names.insert(name.to_lowercase()) {
            number += 1;
            name = match plain.rsplit_once('.') {
                Some((stem, suffix)) => format!("{stem}_{number}.{suffix}"),
                None => format!("{plain}_{number}"),
            };
        }
        tasks.push(Task {
            address,
            path: folder.join(name),
            expected,
        });
    }
    Ok(tasks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_do_not_collide() {
        let wanted = [
            "https://a.org/x.nc",
            "https://b.org/X.nc",
            "https://a.org/x.nc",
            "https://c.org/x.nc?a=1",
        ];
        let wanted = wanted.map(|address| (address.to_owned(), Expected::default()));
        let tasks = named(wanted.to_vec(), Path::new("d")).unwrap();
        let paths: Vec<_> = tasks.iter().map(|t| t.path.display().to_string()).collect();
        assert_eq!(paths, ["d/x.nc", "d/X_2.nc", "d/x_3.nc"]);
    }
}
