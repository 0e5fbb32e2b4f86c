//! The command as a user calls it: exit codes, what it says, what it leaves.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

mod averages;
mod cubes;
#[cfg(unix)]
mod interruption;
mod mistakes;
mod partial_results;
mod plans;
mod progress;
#[path = "../simulated/mod.rs"]
mod simulated;

use assert_cmd::Command;
use std::path::{Path, PathBuf};
use swathe_io::dataset::{Array, Dataset};
use swathe_io::simulate::Simulation;
use tempfile::TempDir;

/// So many granules of 60 lines that overlap a part of the Atlantic.
fn over_the_atlantic(count: usize) -> Simulation {
    Simulation {
        area: Some([-80.0, 30.0, -60.0, 45.0]),
        count: Some(count),
        lines: Some(60),
        ..Simulation::default()
    }
}

/// Three of them.
fn granules() -> (TempDir, Vec<PathBuf>) {
    simulated::granules(over_the_atlantic(3))
}

/// The names of files.
fn names(paths: &[PathBuf]) -> Vec<String> {
    let name = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
    paths.iter().map(name).collect()
}

fn swathe(folder: &Path, line: &str) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("swathe"));
    command.current_dir(folder).args(line.split_whitespace());
    command
}

/// Exit code, standard output, standard error.
fn outcome(folder: &Path, line: &str) -> (i32, String, String) {
    let output = swathe(folder, line).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code().unwrap(),
        text(output.stdout),
        text(output.stderr),
    )
}

/// Standard error of a line that must succeed.
fn done(folder: &Path, line: &str) -> String {
    let (code, _, stderr) = outcome(folder, line);
    assert_eq!(code, 0, "{line}: {stderr}");
    stderr
}

fn texts(path: &Path, variable: &str) -> Vec<String> {
    let dataset = Dataset::open(path).unwrap();
    let variable = dataset.find(variable).unwrap().clone();
    let all: Vec<_> = variable.shape.iter().map(|n| 0..*n).collect();
    match dataset.read(&variable, &all).unwrap() {
        Array::Text(texts) => texts,
        other => panic!("{other:?}"),
    }
}

const GRID: &str = "-b -80,30,-60,45 -r 0.1";
