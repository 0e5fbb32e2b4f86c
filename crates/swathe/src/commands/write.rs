//! The outputs of a run.

use super::gridding::Gridding;
use super::plot::{capitalised, display_range, is_log, text_of, time_line};
use crate::failure::{Failure, Result};
use std::path::{Path, PathBuf};
use swathe_io::granule::TimeRange;
use swathe_io::picture::{Limits, MapPicture, Steps};
use swathe_io::product::{Format, LayerData, OutputSet, Product, geotiff, netcdf};

/// Outputs that have been checked and can be written.
pub struct Outputs(OutputSet);

impl Outputs {
    /// Checks the outputs before any work is done.
    pub fn check(gridding: &Gridding, inputs: &[PathBuf]) -> Result<Self> {
        Outputs::new(&gridding.outputs, inputs, gridding.overwrite)
    }

    /// Checks these outputs of a run on these inputs.
    pub fn new(paths: &[PathBuf], inputs: &[PathBuf], overwrite: bool) -> Result<Self> {
        for path in paths {
            Format::of(path).map_err(Failure::usage)?;
        }
        Ok(Outputs(OutputSet::new(paths, inputs, overwrite)?))
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

    /// Writes a product to all outputs; they appear together.
    pub fn write(mut self, product: &Product) -> Result<()> {
        let paths: Vec<PathBuf> = self.0.paths().map(Path::to_owned).collect();
        for path in paths {
            match Format::of(&path)? {
                Format::NetCdf => self.0.write(&path, |file| netcdf::write(product, file))?,
                Format::GeoTiff => self.0.write(&path, |file| geotiff::write(product, file))?,
                Format::Png => {
                    let png = picture(product)?;
                    let refused = |source| swathe_io::error::Error::Io {
                        path: path.display().to_string(),
                        source,
                    };
                    self.0
                        .write(&path, |file| file.write_all(&png).map_err(refused))?;
                }
            }
        }
        Ok(self.0.commit()?)
    }
}

/// The main layer of a product as a map for people.
fn picture(product: &Product) -> Result<Vec<u8>> {
    let Some(layer) = product.layers.first() else {
        return Err(Failure::error("there is no layer to draw"));
    };
    let values: Vec<f32> = match &layer.data {
        LayerData::F32(values) => values.clone(),
        LayerData::F64(values) => values.iter().map(|v| *v as f32).collect(),
        LayerData::I32(values) => values.iter().map(|v| *v as f32).collect(),
        LayerData::I64(values) => values.iter().map(|v| *v as f32).collect(),
    };
    let attributes = &layer.attributes;
    let long_name = text_of(attributes, "long_name").unwrap_or(&layer.name);
    let milliseconds = |seconds: f64| seconds.is_finite().then_some((seconds * 1000.0) as i64);
    let time = product.time_coverage().map(|(start, end)| TimeRange {
        start: milliseconds(start),
        end: milliseconds(end),
    });
    let used = product
        .granules
        .iter()
        .filter(|g| g.status == swathe_io::product::GranuleStatus::Used)
        .count();
    let mut subtitles: Vec<String> = time.and_then(time_line).into_iter().collect();
    subtitles.push(format!(
        "{} of {used} granule{}",
        layer.statistic.measure(),
        if used == 1 { "" } else { "s" }
    ));
    let log = is_log(&layer.name, attributes) && layer.statistic.keeps_range();
    let picture = MapPicture {
        geobox: &product.geobox,
        values: &values,
        name: layer.name.clone(),
        standard_name: text_of(attributes, "standard_name").map(str::to_owned),
        title: capitalised(long_name),
        subtitles,
        label: layer.name.clone(),
        units: text_of(attributes, "units").unwrap_or_default().to_owned(),
        steps: if log { Steps::Log } else { Steps::Linear },
        limits: match display_range(attributes) {
            Some((low, high)) if layer.statistic.keeps_range() => Limits::Given(low, high),
            _ => Limits::Robust,
        },
        palette: None,
        area: None,
        width: MapPicture::USUAL_WIDTH,
    };
    Ok(picture.png()?)
}
