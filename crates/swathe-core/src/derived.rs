//! A granule with variables that are computed from others, and pixels left out by a condition.

use crate::expression::Expression;
use crate::mask::{Real, ValidRange};
use crate::source::{
    Field, GeolocationArray, SourceError, SwathSource, Values, as_the_source_has_it,
};
use crate::sphere::{chord2, unit_vector};
use std::ops::Range;

/// An expression, with what each of its names is.
#[derive(Debug, Clone, PartialEq)]
pub struct Computed {
    /// What is computed.
    pub expression: Expression,
    /// For each name of the expression.
    pub inputs: Vec<Input>,
}

/// What a name of an expression is.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub enum Input {
    /// A variable, or a band of one.
    Field(Field),
    /// The angle between the zenith and the sensor at the pixel, degrees: from the pixel's distance to the
    /// middle of its line, as if the sensor flew over it at 700 km. Approximate: orbits differ by some
    /// percent of height, and a sensor that is tilted along its track sees its middle at that angle.
    ViewAngle,
    /// The distance between pixels along the line, kilometres: the mean of those to both neighbours.
    PixelSize,
    /// Longitude of the pixel's centre, degrees, -180 to 180.
    Longitude,
    /// Latitude of the pixel's centre, degrees.
    Latitude,
}

/// Names of what is computed from positions, with what it is.
pub const FROM_POSITIONS: [(&str, Input); 4] = [
    ("view_angle", Input::ViewAngle),
    ("pixel_size", Input::PixelSize),
    ("longitude", Input::Longitude),
    ("latitude", Input::Latitude),
];

/// A granule with computed variables and a condition.
pub struct Derived<'a> {
    /// The granule itself.
    pub source: &'a dyn SwathSource,
    /// Computed variables by name.
    pub computed: &'a [(String, Computed)],
    /// Pixels of which it does not hold are missing, in all variables.
    pub condition: Option<&'a Computed>,
}

impl Derived<'_> {
    fn computed(&self, field: &Field) -> Option<&Computed> {
        let found = self
            .computed
            .iter()
            .find(|(name, _)| *name == field.variable);
        found.map(|(_, computed)| computed)
    }

    fn evaluate(&self, computed: &Computed, lines: Range<usize>) -> Result<Vec<f64>, SourceError> {
        let (_, pixels) = self.source.shape();
        let count = lines.len() * pixels;
        let mut columns = Vec::with_capacity(computed.inputs.len());
        for input in &computed.inputs {
            columns.push(match input {
                Input::Field(field) => {
                    let values = self.source.values(&[field], lines.clone())?;
                    values
                        .into_iter()
                        .next()
                        .map_or_else(Vec::new, into_doubles)
                }
                Input::ViewAngle => view_angles(&self.source.geolocation(lines.clone())?),
                Input::PixelSize => pixel_sizes(&self.source.geolocation(lines.clone())?),
                Input::Longitude => {
                    positions(&self.source.geolocation(lines.clone())?, |lon, _| {
                        (lon + 180.0).rem_euclid(360.0) - 180.0
                    })
                }
                Input::Latitude => {
                    positions(&self.source.geolocation(lines.clone())?, |_, lat| lat)
                }
            });
        }
        Ok(computed.expression.evaluate(&columns, count))
    }
}

impl SwathSource for Derived<'_> {
    as_the_source_has_it!();

    fn stored_lines(&self, field: Option<&Field>) -> usize {
        match field.and_then(|field| self.computed(field)) {
            Some(computed) => {
                let lines = computed.inputs.iter().map(|input| match input {
                    Input::Field(field) => self.source.stored_lines(Some(field)),
                    _ => 1,
                });
                lines.max().unwrap_or(1)
            }
            None => self.source.stored_lines(field),
        }
    }

    fn values(&self, fields: &[&Field], lines: Range<usize>) -> Result<Vec<Values>, SourceError> {
        let own: Vec<&Field> = fields
            .iter()
            .copied()
            .filter(|field| self.computed(field).is_none())
            .collect();
        let mut read = match own.is_empty() {
            true => Vec::new(),
            false => self.source.values(&own, lines.clone())?,
        }
        .into_iter();
        let mut all = Vec::with_capacity(fields.len());
        for field in fields {
            let Some(computed) = self.computed(field) else {
                all.extend(read.next());
                continue;
            };
            let mut values = self.evaluate(computed, lines.clone())?;
            let (low, high) = field
                .valid_range
                .unwrap_or((f64::NEG_INFINITY, f64::INFINITY));
            ValidRange { low, high }.apply(&mut values);
            all.push(Values::F64(values));
        }
        if let Some(condition) = self.condition {
            let holds = self.evaluate(condition, lines)?;
            for values in &mut all {
                leave_out(values, &holds);
            }
        }
        Ok(all)
    }
}

fn into_doubles(values: Values) -> Vec<f64> {
    match values {
        Values::F32(values) => values.into_iter().map(f64::from).collect(),
        Values::F64(values) => values,
    }
}

/// Makes values missing where something does not hold, which is told by one.
pub(crate) fn leave_out(values: &mut Values, holds: &[f64]) {
    fn of<T: Real>(values: &mut [T], holds: &[f64]) {
        for (value, holds) in values.iter_mut().zip(holds) {
            if *holds != 1.0 {
                *value = T::NAN;
            }
        }
    }
    match values {
        Values::F32(values) => of(values, holds),
        Values::F64(values) => of(values, holds),
    }
}

/// Mean radius of the Earth, and height of the sensors, kilometres.
const EARTH: f64 = 6371.0;
const HEIGHT: f64 = 700.0;

/// Something of the place of every pixel that has one.
fn positions(geolocation: &GeolocationArray, of: impl Fn(f64, f64) -> f64) -> Vec<f64> {
    let (lons, lats) = (&geolocation.longitude, &geolocation.latitude);
    let places = (0..lons.len()).map(|i| (lons.get(i), lats.get(i)));
    let known = |(lon, lat)| match crate::swath::located(lon, lat) {
        true => of(lon, lat),
        false => f64::NAN,
    };
    places.map(known).collect()
}

fn view_angles(geolocation: &GeolocationArray) -> Vec<f64> {
    over_lines(geolocation, |line| {
        let middle = line.get(line.len() / 2).copied().flatten();
        let angle = |place: &Option<[f64; 3]>| {
            let (Some(place), Some(middle)) = (place, middle) else {
                return f64::NAN;
            };
            // At the Earth's centre.
            let ground = 2.0 * libm::asin((chord2(*place, middle).sqrt() * 0.5).min(1.0));
            let ratio = (EARTH + HEIGHT) / EARTH;
            let nadir = libm::atan2(libm::sin(ground), ratio - libm::cos(ground));
            (ground + nadir).to_degrees()
        };
        line.iter().map(angle).collect()
    })
}

fn pixel_sizes(geolocation: &GeolocationArray) -> Vec<f64> {
    over_lines(geolocation, |line| {
        let apart = |a: usize, b: usize| {
            let (a, b) = (
                line.get(a).copied().flatten()?,
                line.get(b).copied().flatten()?,
            );
            let chord = chord2(a, b).sqrt();
            Some(2.0 * libm::asin((chord * 0.5).min(1.0)) * EARTH)
        };
        (0..line.len())
            .map(|i| {
                let before = i.checked_sub(1).and_then(|before| apart(before, i));
                match (before, apart(i, i + 1)) {
                    (Some(before), Some(after)) => 0.5 * (before + after),
                    (one, other) => one.or(other).unwrap_or(f64::NAN),
                }
            })
            .collect()
    })
}

/// Something of every line, from the places of its pixels.
fn over_lines(
    geolocation: &GeolocationArray,
    of: impl Fn(&[Option<[f64; 3]>]) -> Vec<f64>,
) -> Vec<f64> {
    let pixels = geolocation.pixels;
    let (lons, lats) = (&geolocation.longitude, &geolocation.latitude);
    let mut all = Vec::with_capacity(lons.len());
    let mut line = Vec::with_capacity(pixels);
    for first in (0..lons.len()).step_by(pixels.max(1)) {
        line.clear();
        for i in first..(first + pixels).min(lons.len()) {
            let (lon, lat) = (lons.get(i), lats.get(i));
            line.push(crate::swath::located(lon, lat).then(|| unit_vector(lon, lat)));
        }
        all.extend(of(&line));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Coordinates;

    #[test]
    fn angles_and_sizes_of_a_line_on_the_equator() {
        // Pixels a hundredth of a degree apart, one without a place.
        let longitudes: Vec<f64> = (0..2001).map(|i| f64::from(i) * 0.01).collect();
        let mut latitudes = vec![0.0; longitudes.len()];
        latitudes[3] = f64::NAN;
        let geolocation = GeolocationArray {
            lines: 0..1,
            pixels: longitudes.len(),
            latitude: Coordinates::F64(latitudes),
            longitude: Coordinates::F64(longitudes),
        };
        let angles = view_angles(&geolocation);
        assert_eq!(angles[1000], 0.0);
        assert!(angles[3].is_nan() && (angles[900] - angles[1100]).abs() < 1e-9);
        // The sine rule: sin(zenith) / (R + H) = sin(nadir) / R, with nadir + ground = zenith.
        let (zenith, ground) = (angles[2000].to_radians(), 10f64.to_radians());
        let rule = zenith.sin() / (EARTH + HEIGHT) - (zenith - ground).sin() / EARTH;
        assert!(
            rule.abs() < 1e-12 && (60.0..70.0).contains(&angles[2000]),
            "{}",
            angles[2000]
        );
        let sizes = pixel_sizes(&geolocation);
        for i in [0, 1, 2, 4, 1000, 2000] {
            assert!(
                (sizes[i] - 0.01f64.to_radians() * EARTH).abs() < 1e-9,
                "{i}"
            );
        }
        assert!(sizes[3].is_nan());
    }
}
