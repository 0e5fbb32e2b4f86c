//! The engine's view of a granule.

use std::ops::Range;

use swathe_core::source::{
    Coordinates, Field, GeolocationArray, LineExtent, SourceError, SwathSource, Values,
};
use swathe_core::watch::{self, Task};

use super::decode::Decoder;
use super::layout::Catalogue;
use super::{Granule, SwathVariable, control_points, flags, into_doubles, read_doubles};
use crate::dataset::Variable;
use crate::error::{Error, Result};

impl SwathSource for Granule {
    fn name(&self) -> &str {
        self.dataset.name()
    }

    fn shape(&self) -> (usize, usize) {
        (self.layout.lines, self.layout.pixels)
    }

    fn line_extents(&self) -> std::result::Result<Option<Vec<LineExtent>>, SourceError> {
        Ok(self.read_line_extents()?)
    }

    fn stored_lines(&self, field: Option<&Field>) -> usize {
        let name = field.map_or(self.flag_path(), |field| Some(&field.variable));
        // What is not there is refused where it is read.
        let variable = name.and_then(|name| self.variable(name).ok());
        variable.map_or(1, SwathVariable::stored_lines)
    }

    fn geolocation(
        &self,
        lines: Range<usize>,
    ) -> std::result::Result<GeolocationArray, SourceError> {
        let _decoding = watch::doing(Task::Decode);
        Ok(self.read_geolocation(lines)?)
    }

    fn values(
        &self,
        fields: &[&Field],
        lines: Range<usize>,
    ) -> std::result::Result<Vec<Values>, SourceError> {
        Ok(self.read_values(fields, lines)?)
    }

    fn flags(&self, lines: Range<usize>) -> std::result::Result<Vec<u32>, SourceError> {
        let _decoding = watch::doing(Task::Decode);
        Ok(self.read_flags(lines)?)
    }
}

impl Granule {
    pub(super) fn read_line_extents(&self) -> Result<Option<Vec<LineExtent>>> {
        let catalogue = Catalogue::new(self.dataset.root());
        let mut columns = Vec::with_capacity(6);
        for name in ["slon", "slat", "clon", "clat", "elon", "elat"] {
            let variable = catalogue.at(&format!("/scan_line_attributes/{name}"));
            match variable.filter(|v| v.shape == [self.layout.lines]) {
                Some(variable) => columns.push(read_doubles(&self.dataset, variable)?),
                None => return Ok(None),
            }
        }
        let [slon, slat, clon, clat, elon, elat] = &columns[..] else {
            return Ok(None);
        };
        // Some files have no _FillValue here; -999 is out of range anyway.
        let position = |lon: f64, lat: f64| {
            if (-90.0..=90.0).contains(&lat) && (-360.0..=360.0).contains(&lon) {
                (lon as f32, lat as f32)
            } else {
                (f32::NAN, f32::NAN)
            }
        };
        let extents = (0..self.layout.lines).map(|line| LineExtent {
            start: position(slon[line], slat[line]),
            centre: position(clon[line], clat[line]),
            end: position(elon[line], elat[line]),
        });
        Ok(Some(extents.collect()))
    }

    pub(super) fn read_geolocation(&self, lines: Range<usize>) -> Result<GeolocationArray> {
        let read = |variable: &Variable| {
            let slab = self.geolocation_slab(variable, lines.clone())?;
            let decoder = Decoder::new(variable, self.dataset.name())?;
            Ok(decoder.decode(self.dataset.read(variable, &slab)?, None))
        };
        let (latitude, longitude) = rayon::join(
            || read(&self.layout.latitude),
            || read(&self.layout.longitude),
        );
        let (latitude, longitude): (Values, Values) = (latitude?, longitude?);
        let pixels = self.layout.pixels;
        let (latitude, longitude) = if self.layout.control_points.is_some() {
            let (latitude, longitude) = control_points::interpolate(
                &into_doubles(latitude),
                &into_doubles(longitude),
                &self.columns,
                pixels,
            );
            (Coordinates::F64(latitude), Coordinates::F64(longitude))
        } else {
            (coordinates(latitude), coordinates(longitude))
        };
        let array = GeolocationArray {
            lines,
            pixels,
            latitude,
            longitude,
        };
        let expected = array.lines.len() * pixels;
        self.check_count(count(&array.latitude), expected, &self.layout.latitude.path)?;
        self.check_count(
            count(&array.longitude),
            expected,
            &self.layout.longitude.path,
        )?;
        Ok(array)
    }

    fn read_flags(&self, lines: Range<usize>) -> Result<Vec<u32>> {
        self.check_lines(&lines)?;
        let place = self.dataset.name();
        let path = self.flag_path().ok_or_else(|| Error::Request {
            path: place.to_owned(),
            reason:
                "it has no quality flags: no variable on the swath has flag_masks and flag_meanings"
                    .into(),
        })?;
        let variable = self.variable(path)?;
        let expected = lines.len() * self.layout.pixels;
        let stored = self
            .dataset
            .read(&variable.variable, &variable.slab(lines, None, place)?)?;
        let bits = flags::bits(stored, &variable.variable).ok_or_else(|| Error::Format {
            path: format!("{place}: {}", variable.path()),
            reason: "flags must be integers".into(),
        })?;
        self.check_count(bits.len(), expected, variable.path())?;
        Ok(bits)
    }

    /// The engine indexes what it gets: a reader that returned less would be found out here.
    pub(super) fn check_count(&self, found: usize, expected: usize, path: &str) -> Result<()> {
        if found == expected {
            return Ok(());
        }
        Err(Error::Format {
            path: format!("{}: {path}", self.dataset.name()),
            reason: format!("{found} values were read where {expected} belong"),
        })
    }
}

fn coordinates(values: Values) -> Coordinates {
    match values {
        Values::F32(values) => Coordinates::F32(values),
        Values::F64(values) => Coordinates::F64(values),
    }
}

fn count(coordinates: &Coordinates) -> usize {
    match coordinates {
        Coordinates::F32(values) => values.len(),
        Coordinates::F64(values) => values.len(),
    }
}
