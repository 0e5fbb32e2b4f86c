//! The compiled part of the `swathe` Python package: it translates, and computes nothing itself.
//!
//! ```text
//! granules --inputs--> paths, sources      options --options, grid--> Job
//!     Plan --watched (signals, progress)--> Product --handed--> numpy arrays and dictionaries
//! ```

mod array;
mod attributes;
mod cluster;
mod earthdata;
mod errors;
mod file;
mod grid;
mod handed;
mod held;
mod inputs;
mod level3;
mod live;
mod options;
mod outputs;
mod parts;
mod picture;
mod plan;
mod pool;
mod reduction;
mod simulate;
mod spread;
mod watched;

use pyo3::prelude::*;
use std::ffi::OsString;

#[pymodule]
mod _swathe {
    #[pymodule_export]
    use super::array::{LazyArray, RandomGenerator};
    #[pymodule_export]
    use super::earthdata::{login, search, set_token};
    #[pymodule_export]
    use super::file::{File, Granule};
    #[pymodule_export]
    use super::grid::Grid;
    #[pymodule_export]
    use super::level3::{add_bins, compare, map_bins};
    #[pymodule_export]
    use super::live::{Live, Recorder, Serving};
    #[pymodule_export]
    use super::outputs::Opened;
    #[pymodule_export]
    use super::parts::{ArrayParts, ArrayResults, ArrayShare};
    #[pymodule_export]
    use super::picture::{locator, picture};
    #[pymodule_export]
    use super::plan::{Plan, merge};
    #[pymodule_export]
    use super::reduction::{Reducing, reduce};
    #[pymodule_export]
    use super::simulate::simulate;
    #[pymodule_export]
    use super::spread::{carry_out, collect, combine, encode, layers, store};
    #[pymodule_export]
    use super::{command, memory_size, nearest};

    #[pymodule_export]
    #[expect(non_upper_case_globals, reason = "Python's name")]
    const __version__: &str = env!("CARGO_PKG_VERSION");
}

/// Runs the `swathe` command and gives its exit code. It takes over Ctrl-C: for a process that does
/// nothing else.
#[pyfunction]
fn command(py: Python<'_>, words: Vec<OsString>) -> u8 {
    ::swathe::cluster::provide(Box::new(cluster::Dask::default()));
    py.detach(|| ::swathe::command(words.into_iter()))
}

/// The candidate that was probably meant by a name, if any is near.
#[pyfunction]
fn nearest(name: &str, candidates: Vec<String>) -> Option<String> {
    let candidates = candidates.iter().map(String::as_str);
    ::swathe::core::suggest::nearest(name, candidates).map(str::to_owned)
}

/// Bytes of memory, as text has them with a unit; nothing where it is no size.
#[pyfunction]
fn memory_size(text: &str) -> Option<u64> {
    ::swathe::memory_size(text).ok()
}
