//! The outputs of a run.

use super::gridding::Gridding;
use crate::failure::{Failure, Result};
use std::path::PathBuf;
use swathe_io::product::{Product, netcdf};

/// Outputs that have been checked and can be written.
pub struct Outputs(Vec<PathBuf>);

impl Outputs {
    /// Checks the outputs before any work is done.
    pub fn check(gridding: &Gridding) -> Result<Self> {
        Ok(Outputs(gridding.outputs.clone()))
    }

    /// Writes a product to all outputs.
    pub fn write(self, product: &Product) -> Result<()> {
        for path in self.0 {
            let mut file = std::fs::File::create(&path).map_err(Failure::error)?;
            netcdf::write(product, &mut file)?;
        }
        Ok(())
    }
}
