//! The variables of a granule that lie on its lines and pixels.

use std::ops::Range;

use crate::dataset::Variable;
use crate::error::{Error, Result};

use super::attributes;
use super::decode::Decoder;
use super::flags::{FlagKind, flag_kind};
use super::layout::{Axes, Catalogue, Fit, Layout, base_name, dimension_names};

/// A variable on the lines and pixels of the swath, with at most a few bands or layers each.
#[derive(Debug, Clone)]
pub struct SwathVariable {
    /// Name without its groups: `chlor_a`.
    pub name: String,
    /// The file's variable, with path, type, dimensions and attributes.
    pub variable: Variable,
    /// Names of its dimensions; those of HDF5 files without any come from attributes, if there.
    pub dims: Vec<String>,
    axes: Axes,
}

impl SwathVariable {
    /// Full path: `/geophysical_data/chlor_a`.
    pub fn path(&self) -> &str {
        &self.variable.path
    }

    /// Units as the file spells them.
    pub fn units(&self) -> Option<&str> {
        attributes::text(&self.variable.attributes, "units")
    }

    /// What it is, for people.
    pub fn long_name(&self) -> Option<&str> {
        attributes::text(&self.variable.attributes, "long_name")
    }

    /// CF standard name.
    pub fn standard_name(&self) -> Option<&str> {
        attributes::text(&self.variable.attributes, "standard_name")
    }

    /// Dimensions beyond lines and pixels, longer than one: name and length.
    pub fn band_dims(&self) -> Vec<(&str, usize)> {
        let axes = self.axes.bands.iter();
        axes.map(|&i| {
            (
                self.dims.get(i).map_or("", String::as_str),
                self.variable.shape[i],
            )
        })
        .collect()
    }

    /// Number of values at each pixel (0 if a band dimension is empty).
    pub fn bands(&self) -> usize {
        let lengths = self.axes.bands.iter().map(|&i| self.variable.shape[i]);
        lengths.fold(1, usize::saturating_mul)
    }

    /// Bits or classes, if it is a variable of flags: its values must not be averaged.
    pub fn flags(&self) -> Option<FlagKind> {
        flag_kind(&self.variable.attributes)
    }

    /// Valid range in unpacked units, both ends in; an open end is infinite.
    pub fn valid_range(&self) -> Option<(f64, f64)> {
        Decoder::new(&self.variable, "").ok()?.valid_range()
    }

    /// Whether values are packed with a factor or an offset.
    pub fn is_packed(&self) -> bool {
        Decoder::new(&self.variable, "").is_ok_and(|decoder| decoder.is_packed())
    }

    /// Where lines and pixels are among the dimensions.
    pub(super) fn line_and_pixel_axes(&self) -> (usize, usize) {
        (self.axes.line, self.axes.pixel)
    }

    /// Where bands are among the dimensions.
    pub(super) fn band_axes(&self) -> &[usize] {
        &self.axes.bands
    }

    /// Lines of a storage chunk; 1 where lines are stored one by one.
    pub(super) fn stored_lines(&self) -> usize {
        let chunk = self.variable.chunk_shape.as_ref();
        let lines = chunk.and_then(|shape| shape.get(self.axes.line));
        lines.map_or(1, |&lines| {
            lines.clamp(1, self.variable.shape[self.axes.line].max(1))
        })
    }

    /// The part of the variable that holds some lines of one band. Bands of several dimensions are
    /// numbered together, the last dimension fastest.
    pub(super) fn slab(
        &self,
        lines: Range<usize>,
        band: Option<usize>,
        place: &str,
    ) -> Result<Vec<Range<usize>>> {
        let bands = self.bands();
        let mut index = match (band, self.axes.bands.is_empty()) {
            (None, true) => 0,
            (Some(index), false) if index < bands => index,
            (band, _) => {
                return Err(Error::Request {
                    path: format!("{place}: {}", self.path()),
                    reason: match band {
                        Some(index) => format!("band {index} was asked for, it has {bands}"),
                        None => format!("it has {bands} bands: one must be chosen"),
                    },
                });
            }
        };
        let mut slab: Vec<Range<usize>> = vec![0..1; self.variable.shape.len()];
        slab[self.axes.line] = lines;
        slab[self.axes.pixel] = 0..self.variable.shape[self.axes.pixel];
        for &axis in self.axes.bands.iter().rev() {
            let len = self.variable.shape[axis];
            slab[axis] = index % len..index % len + 1;
            index /= len;
        }
        Ok(slab)
    }
}

/// The swath variables of a dataset, and those that should be but do not fit, with the reason.
pub(super) fn on_swath(
    catalogue: &Catalogue<'_>,
    layout: &Layout,
) -> (Vec<SwathVariable>, Vec<(String, String)>) {
    let mut found = Vec::new();
    let mut refused = Vec::new();
    for variable in &catalogue.variables {
        match layout.fit(variable, catalogue) {
            Fit::On(axes) => found.push(SwathVariable {
                name: base_name(&variable.path).to_owned(),
                variable: (*variable).clone(),
                dims: dimension_names(variable),
                axes,
            }),
            Fit::Mismatch(reason) => refused.push((variable.path.clone(), reason)),
            Fit::Elsewhere => {}
        }
    }
    (found, refused)
}
