//! The outputs of a run.

use crate::failure::{Failure, Result};
use crate::interrupt;
use std::path::{Path, PathBuf};
use swathe::job::Partial;
use swathe_io::error::Error;
use swathe_io::picture::{MapPicture, layer_values};
use swathe_io::product::{Format, OutputSet, Product, geotiff, netcdf, zarr};

/// Outputs that have been checked and can be written.
pub struct Outputs(OutputSet);

impl Outputs {
    /// Checks the outputs of a run on these inputs, before any work is done.
    pub fn new(paths: &[PathBuf], inputs: &[PathBuf], overwrite: bool) -> Result<Self> {
        for path in paths {
            Format::of(path).map_err(Failure::usage)?;
        }
        let set = OutputSet::new(paths, inputs, overwrite)?;
        interrupt::remove_when_interrupted(set.temporary_paths());
        Ok(Outputs(set))
    }

    /// Refuses a picture of several maps.
    pub fn check_maps(&self, maps: usize) -> Result<()> {
        let picture = |path: &&Path| Format::of(path).is_ok_and(|format| format == Format::Png);
        match self.0.paths().find(picture) {
            Some(path) if maps > 1 => Err(Failure::usage(format!(
                "{}: a picture shows one map, {maps} granules give {maps}",
                path.display()
            ))
            .with_hint("write .nc, and draw one of its maps with `swathe plot`")),
            _ => Ok(()),
        }
    }

    /// Refuses to keep what is no average.
    pub fn check_no_partial(&self) -> Result<()> {
        let partial = |path: &&Path| Format::of(path).is_ok_and(|f| f == Format::Partial);
        match self.0.paths().find(partial) {
            Some(path) => Err(Failure::usage(format!(
                "{}: only averages can be kept as partial results",
                path.display()
            ))),
            None => Ok(()),
        }
    }

    /// Writes a product, and what it was finished from, to all outputs; they appear together.
    pub fn write(mut self, product: &Product, partial: Option<&Partial>) -> Result<()> {
        let paths: Vec<PathBuf> = self.0.paths().map(Path::to_owned).collect();
        for path in paths {
            match Format::of(&path)? {
                Format::NetCdf => self.0.write(&path, |file| netcdf::write(product, file))?,
                Format::Zarr => self
                    .0
                    .write_folder(&path, |folder| zarr::write(product, folder))?,
                Format::GeoTiff => self.0.write(&path, |file| geotiff::write(product, file))?,
                Format::Partial => {
                    let Some(partial) = partial else {
                        return Err(Failure::error("there is no partial result to keep"));
                    };
                    self.0.write(&path, |file| partial.write(file))?;
                }
                Format::Png => png(&mut self.0, &path, &picture(product)?)?,
            }
        }
        Ok(self.0.commit()?)
    }
}

/// Writes a picture that is encoded already.
pub fn png(outputs: &mut OutputSet, path: &Path, png: &[u8]) -> Result<()> {
    outputs.write(path, |file| {
        file.write_all(png).map_err(|source| Error::Io {
            path: path.display().to_string(),
            source,
        })
    })?;
    Ok(())
}

/// The first map of a product's main layer.
fn picture(product: &Product) -> Result<Vec<u8>> {
    let Some(layer) = product.layers.first() else {
        return Err(Failure::error("there is no layer to draw"));
    };
    let values = layer_values(product, layer, 0);
    if product
        .layers
        .iter()
        .any(|l| l.statistic.keeps_range() && l.name != layer.name)
    {
        eprintln!("the picture shows {}, the first of the maps", layer.name);
    }
    Ok(MapPicture::of_layer(product, layer, 0, &values).png()?)
}
