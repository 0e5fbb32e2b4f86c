//! Pictures of granules and maps.

use pyo3::prelude::*;

/// Draws.
#[pyfunction]
pub fn picture(_py: Python<'_>) {}
