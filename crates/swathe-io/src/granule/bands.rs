//! What the bands of a variable stand for: wavelengths, heights, ...

use crate::dataset::{DataType, Dataset, Variable};
use crate::error::Result;

use super::attributes;
use super::layout::{Catalogue, base_name, group_of};
use super::read_doubles;
use super::variables::SwathVariable;

/// The coordinate along a band dimension.
#[derive(Debug, Clone, PartialEq)]
pub struct Bands {
    /// Name of the dimension.
    pub dimension: String,
    /// A value for each band; NaN where the file has none.
    pub values: Vec<f64>,
    /// Units of the values; wavelengths are in nm.
    pub units: Option<String>,
    /// Where the values come from: a variable's path, or `long_name`.
    pub source: String,
}

/// A coordinate longer than this is not a list of bands.
const MOST_BANDS: usize = 65_536;

/// The coordinate of the band dimension of a variable that has exactly one.
pub(super) fn bands_of(
    dataset: &Dataset,
    catalogue: &Catalogue<'_>,
    variable: &SwathVariable,
) -> Result<Option<Bands>> {
    let [(dimension, len)] = variable.band_dims()[..] else {
        return Ok(None);
    };
    if len > MOST_BANDS {
        return Ok(None);
    }
    if let Some(coordinate) = coordinate_variable(catalogue, variable.path(), dimension, len) {
        let values = read_doubles(dataset, coordinate)?;
        let (values, units) =
            in_nanometres(values, attributes::text(&coordinate.attributes, "units"));
        return Ok(Some(Bands {
            dimension: dimension.into(),
            values,
            units,
            source: coordinate.path.clone(),
        }));
    }
    Ok(variable
        .long_name()
        .and_then(|text| wavelengths_in_text(text, len))
        .map(|values| Bands {
            dimension: dimension.into(),
            values,
            units: Some("nm".into()),
            source: "long_name".into(),
        }))
}

/// A variable with the dimension's name on that dimension, in the variable's own group, then upwards,
/// then in `sensor_band_parameters` by name or by length, then anywhere by name.
fn coordinate_variable<'a>(
    catalogue: &Catalogue<'a>,
    path: &str,
    dimension: &str,
    len: usize,
) -> Option<&'a Variable> {
    let fits = |v: &&'a Variable| {
        v.shape == [len] && !matches!(v.dtype, DataType::Text | DataType::Other(_))
    };
    let mut group = group_of(path);
    loop {
        if let Some(found) = catalogue.at(&format!("{group}/{dimension}")).filter(fits) {
            return Some(found);
        }
        if group.is_empty() {
            break;
        }
        group = group_of(group);
    }
    [dimension, "wavelength_3d", "wavelength"]
        .iter()
        .find_map(|name| {
            catalogue
                .at(&format!("/sensor_band_parameters/{name}"))
                .filter(fits)
        })
        .or_else(|| {
            let mut named = catalogue.variables.iter().copied().filter(fits);
            named.find(|v| base_name(&v.path) == dimension && v.dims == [dimension])
        })
}

/// Wavelengths in nanometres, whatever length unit the file uses; other coordinates as they are.
fn in_nanometres(values: Vec<f64>, units: Option<&str>) -> (Vec<f64>, Option<String>) {
    let scale = match units.map(str::to_ascii_lowercase).as_deref() {
        Some("nm" | "nanometer" | "nanometers" | "nanometre" | "nanometres") => 1.0,
        Some(
            "um" | "micron" | "microns" | "micrometer" | "micrometers" | "micrometre"
            | "micrometres",
        ) => 1e3,
        _ => return (values, units.map(str::to_owned)),
    };
    (
        values.into_iter().map(|v| v * scale).collect(),
        Some("nm".into()),
    )
}

/// The wavelengths that a description spells out, `AOT at 0.354, 0.388 and 0.55 micron`: taken only if
/// there are exactly as many decimal numbers before the unit as there are bands.
fn wavelengths_in_text(text: &str, len: usize) -> Option<Vec<f64>> {
    let end = text.to_ascii_lowercase().find("micron")?;
    let values: Vec<f64> = text[..end]
        .split(|c: char| !(c.is_ascii_digit() || c == '.'))
        .filter(|word| word.contains('.') && word.starts_with(|c: char| c.is_ascii_digit()))
        .filter_map(|word| word.parse().ok())
        // Rounded to a picometre: 0.354 um is 354 nm, not 353.99999999999994.
        .map(|micrometres: f64| (micrometres * 1e6).round() / 1e3)
        .collect();
    (values.len() == len && values.windows(2).all(|pair| pair[0] < pair[1])).then_some(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wavelengths_in_a_description_count_only_if_complete() {
        let text = "Retrieved AOT at 0.354,0.388 0.48, 0.55, 0.67, 0.87 1.24, 1.64, 2.2 micron";
        assert_eq!(
            wavelengths_in_text(text, 9).expect("nine"),
            [
                354.0, 388.0, 480.0, 550.0, 670.0, 870.0, 1240.0, 1640.0, 2200.0
            ]
        );
        assert_eq!(wavelengths_in_text(text, 8), None);
        let levels = "AOD for 0.354, 0.388, 0.550 micron at 5 levels(3, 6, 9, 12, 15 km)";
        assert_eq!(
            wavelengths_in_text(levels, 3).expect("three"),
            [354.0, 388.0, 550.0]
        );
        assert_eq!(wavelengths_in_text(levels, 5), None);
    }

    #[test]
    fn micrometres_become_nanometres_and_heights_stay() {
        assert_eq!(
            in_nanometres(vec![0.5], Some("um")),
            (vec![500.0], Some("nm".into()))
        );
        assert_eq!(
            in_nanometres(vec![3.0], Some("km")),
            (vec![3.0], Some("km".into()))
        );
    }
}
