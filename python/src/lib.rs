//! The compiled part of the `swathe` Python package.

use pyo3::prelude::*;

#[pymodule]
fn _swathe(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))
}
