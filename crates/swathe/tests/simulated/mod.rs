//! Simulated granules for tests.

use std::path::PathBuf;
use swathe_io::simulate::{Overwrite, Simulation};

/// The granules of a simulation, in a folder that goes with what is returned.
pub fn granules(simulation: Simulation) -> (tempfile::TempDir, Vec<PathBuf>) {
    let folder = tempfile::tempdir().unwrap();
    let made = simulation.granules().unwrap();
    let made = made
        .iter()
        .map(|g| g.write(folder.path(), Overwrite::Refuse));
    let paths = made.map(Result::unwrap).collect();
    (folder, paths)
}
