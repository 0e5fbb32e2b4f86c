//! From what a user asks for, `chlor_a` or `Rrs@443,555`, to the fields to read.

use swathe_core::source::Field;
use swathe_core::suggest::nearest;

use crate::error::{Error, Result};

use super::layout::Catalogue;
use super::{Bands, FlagKind, Granule, SwathVariable};

/// A field that was chosen, and why it is this one.
#[derive(Debug, Clone, PartialEq)]
pub struct Selected {
    /// What to read.
    pub field: Field,
    /// Value of the band coordinate that was asked for, with the nearest one there is.
    pub band: Option<ChosenBand>,
}

/// The band that came nearest.
#[derive(Debug, Clone, PartialEq)]
pub struct ChosenBand {
    /// What was asked for.
    pub asked: f64,
    /// What there is.
    pub chosen: f64,
    /// Units of both.
    pub units: Option<String>,
}

/// What stands for a granule when nothing is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MainProduct {
    /// To be given to [`Granule::select`].
    pub name: String,
    /// Why: "the main product of OC_BGC".
    pub reason: String,
}

/// Main products of suites; those of several bands need a selection.
const SUITES: [(&str, &str); 13] = [
    ("OC_BGC", "chlor_a"),
    ("OC_AOP", "Rrs"),
    ("OC_IOP", "bbp"),
    ("OC", "chlor_a"),
    ("SST", "sst"),
    ("SST4", "sst4"),
    ("SST3", "sst_triple"),
    ("PAR", "par_day_planar_above"),
    ("SFREFL", "rhos"),
    ("LANDVI", "ndvi"),
    ("CLOUD", "cloud_fraction"),
    ("UAA", "Aerosol_Optical_Depth"),
    ("AER_UAA", "Aerosol_Optical_Depth"),
];

/// Names that are what people want of a file without a known suite, best first.
const USUAL: [&str; 10] = [
    "chlor_a",
    "sea_surface_temperature",
    "sst",
    "wind_speed",
    "conc_chl",
    "chl",
    "CHL",
    "ndvi",
    "carbonmonoxide_total_column",
    "vertical_column_troposphere",
];

impl Granule {
    /// The fields that a request means: `chlor_a`, a full path, `Rrs@443,555` (nearest bands, by
    /// wavelength or whatever the third dimension's coordinate is), `Rrs_443` (likewise), `NAME[3]` or
    /// `NAME[1,4]` (by index from 0).
    ///
    /// # Errors
    /// [`Error::Missing`] with the nearest name for one that is not there; [`Error::Request`] where a
    /// band must be chosen or cannot be.
    pub fn select(&self, request: &str) -> Result<Vec<Selected>> {
        let request = request.trim();
        if let Some((name, bands)) = request.split_once('@') {
            return self.select_nearest(self.variable(name.trim())?, bands);
        }
        if let Some((name, indices)) = request.strip_suffix(']').and_then(|r| r.split_once('[')) {
            return Ok(vec![
                self.select_index(self.variable(name.trim())?, indices)?,
            ]);
        }
        let variable = match self.variable(request) {
            Ok(variable) => variable,
            Err(error) => {
                // `Rrs_443`, as level-3 products are called.
                let spectral = request.rsplit_once('_').and_then(|(name, band)| {
                    let variable = self
                        .variable(name)
                        .ok()
                        .filter(|v| v.band_dims().len() == 1)?;
                    band.parse::<f64>().ok()?;
                    Some((variable, band))
                });
                return match spectral {
                    Some((variable, band)) => self.select_nearest(variable, band),
                    None => Err(error),
                };
            }
        };
        if !variable.band_dims().is_empty() {
            return Err(self.band_needed(variable));
        }
        Ok(vec![Selected {
            field: Field {
                name: variable.name.clone(),
                variable: variable.path().to_owned(),
                band: None,
                valid_range: None,
                exact: false,
            },
            band: None,
        }])
    }

    /// What to take when nothing is asked for: the main product of the suite, else a usual name, else
    /// the first two-dimensional variable that is no flag, angle, time, uncertainty or coordinate.
    ///
    /// # Errors
    /// [`Error::Request`] if there is none, or it has bands to choose from.
    pub fn main_product(&self) -> Result<MainProduct> {
        let suite = self.identity().suite.as_deref();
        let of_suite = SUITES.iter().find(|(name, _)| Some(*name) == suite);
        if let Some((suite, product)) = of_suite
            && let Some(variable) = self.variables().iter().find(|v| v.name == *product)
        {
            if !variable.band_dims().is_empty() {
                return Err(self.band_needed(variable));
            }
            return Ok(MainProduct {
                name: variable.path().to_owned(),
                reason: format!("the main product of {suite}"),
            });
        }
        let sensible: Vec<&SwathVariable> = self
            .variables()
            .iter()
            .filter(|v| v.band_dims().is_empty() && self.is_sensible(v))
            .collect();
        let usual = USUAL
            .iter()
            .find_map(|name| sensible.iter().find(|v| v.name == *name));
        let (variable, reason) = match (usual, sensible.as_slice()) {
            (Some(variable), _) => (variable, "the usual main variable".to_owned()),
            (None, [only]) => (only, "the only two-dimensional variable".to_owned()),
            (None, [first, ..]) => (
                first,
                format!("the first of {} two-dimensional variables", sensible.len()),
            ),
            (None, []) => {
                return Err(Error::Request {
                    path: self.name_text(),
                    reason: match self.variables().iter().find(|v| !v.band_dims().is_empty()) {
                        Some(variable) => return Err(self.band_needed(variable)),
                        None => "it has geolocation but no variable to map".into(),
                    },
                });
            }
        };
        Ok(MainProduct {
            name: variable.path().to_owned(),
            reason,
        })
    }

    /// One field of what stands for the granule: of a product of bands the middle one.
    ///
    /// # Errors
    /// As [`Granule::main_product`].
    pub fn main_field(&self) -> Result<Selected> {
        let suite = self.identity().suite.as_deref();
        let of_suite = SUITES.iter().find(|(name, _)| Some(*name) == suite);
        let variable = of_suite.and_then(|(_, product)| {
            let mut all = self.variables().iter();
            all.find(|v| v.name == *product)
        });
        if let Some(variable) = variable
            && let [(_, bands)] = variable.band_dims().as_slice()
        {
            return self.select_index(variable, &(bands / 2).to_string());
        }
        let main = self.main_product()?;
        let fields = self.select(&main.name)?;
        let first = fields.into_iter().next();
        first.ok_or_else(|| Error::Request {
            path: self.name_text(),
            reason: format!("{} gives no field", main.name),
        })
    }

    /// The swath variable of a name or path.
    ///
    /// # Errors
    /// [`Error::Missing`] with the nearest name and the list; [`Error::Request`] if several have the name;
    /// [`Error::Format`] if the variable is there but does not lie on the swath.
    pub fn variable(&self, name: &str) -> Result<&SwathVariable> {
        let path = if name.starts_with('/') {
            name.to_owned()
        } else {
            format!("/{name}")
        };
        if let Some(found) = self.variables().iter().find(|v| v.path() == path) {
            return Ok(found);
        }
        let named: Vec<&SwathVariable> =
            self.variables().iter().filter(|v| v.name == name).collect();
        match named[..] {
            [one] => return Ok(one),
            [] => {}
            _ => {
                let paths: Vec<&str> = named.iter().map(|v| v.path()).collect();
                return Err(Error::Request {
                    path: self.name_text(),
                    reason: format!(
                        "{name:?} is the name of {} variables: write one of {}",
                        paths.len(),
                        paths.join(", ")
                    ),
                });
            }
        }
        if let Some((path, reason)) = self
            .refused()
            .iter()
            .find(|(p, _)| *p == path || p.rsplit('/').next() == Some(name))
        {
            return Err(Error::Format {
                path: format!("{}: {path}", self.name_text()),
                reason: reason.clone(),
            });
        }
        let elsewhere = Catalogue::new(self.dataset.root());
        if let Some(other) = elsewhere
            .variables
            .iter()
            .find(|v| v.path == path || v.path.rsplit('/').next() == Some(name))
        {
            let shape: Vec<String> = other.shape.iter().map(usize::to_string).collect();
            return Err(Error::Request {
                path: format!("{}: {}", self.name_text(), other.path),
                reason: format!(
                    "it does not lie on the swath: it is {}, the swath has {} lines of {} pixels",
                    match shape.len() {
                        0 => "a single value".to_owned(),
                        _ => shape.join(" x "),
                    },
                    self.layout.lines,
                    self.layout.pixels
                ),
            });
        }
        Err(Error::Missing {
            path: self.name_text(),
            kind: "variable",
            name: name.to_owned(),
            hint: Some(self.name_hint(name)),
        })
    }

    fn name_hint(&self, name: &str) -> String {
        const MOST: usize = 40;
        let names: Vec<&str> = self.variables().iter().map(|v| v.name.as_str()).collect();
        let mut list = names[..names.len().min(MOST)].join(", ");
        if names.len() > MOST {
            list += &format!(" and {} more", names.len() - MOST);
        }
        match nearest(name, names.iter().copied()) {
            Some(near) => format!("did you mean {near}? there are {list}"),
            None if names.is_empty() => "the swath has no variables".into(),
            None => format!("there are {list}"),
        }
    }

    fn select_nearest(&self, variable: &SwathVariable, list: &str) -> Result<Vec<Selected>> {
        let refuse = |reason: String| Error::Request {
            path: format!("{}: {}", self.name_text(), variable.path()),
            reason,
        };
        let bands = match (variable.band_dims().len(), self.bands(variable)?) {
            (1, Some(bands)) => bands,
            (0, _) => return Err(refuse(format!("it has no bands: write {}", variable.name))),
            _ => {
                return Err(refuse(format!(
                    "its bands have no coordinate: choose by index, {}",
                    index_example(variable)
                )));
            }
        };
        let mut selected: Vec<Selected> = Vec::new();
        for word in list.split(',') {
            let asked = word.trim().parse::<f64>().ok().filter(|v| v.is_finite());
            let asked = asked.ok_or_else(|| {
                refuse(format!(
                    "{word:?} is not a number: write {}@{}",
                    variable.name,
                    example(&bands)
                ))
            })?;
            let index = nearest_band(&bands.values, asked).map_err(|range| {
                refuse(format!(
                    "it has no band near {asked}: they are {range}{}",
                    units_suffix(&bands)
                ))
            })?;
            if selected.iter().any(|s| s.field.band == Some(index)) {
                continue;
            }
            selected.push(Selected {
                field: Field {
                    name: format!("{}_{}", variable.name, band_label(&bands.values, index)),
                    variable: variable.path().to_owned(),
                    band: Some(index),
                    valid_range: None,
                    exact: false,
                },
                band: Some(ChosenBand {
                    asked,
                    chosen: bands.values[index],
                    units: bands.units.clone(),
                }),
            });
        }
        Ok(selected)
    }

    fn select_index(&self, variable: &SwathVariable, indices: &str) -> Result<Selected> {
        let dims = variable.band_dims();
        let refuse = |reason: String| Error::Request {
            path: format!("{}: {}", self.name_text(), variable.path()),
            reason,
        };
        let parsed: Option<Vec<usize>> = indices
            .split(',')
            .map(|word| word.trim().parse().ok())
            .collect();
        let parsed = parsed
            .filter(|parsed| parsed.len() == dims.len())
            .ok_or_else(|| {
                let names: Vec<String> = dims
                    .iter()
                    .map(|(name, len)| format!("{name} ({len})"))
                    .collect();
                refuse(match names.is_empty() {
                    true => format!("it has no bands: write {}", variable.name),
                    false => format!(
                        "[{indices}] does not choose one of each of {}",
                        names.join(", ")
                    ),
                })
            })?;
        let mut band = 0;
        for (&index, (name, len)) in parsed.iter().zip(&dims) {
            if index >= *len {
                return Err(refuse(format!(
                    "index {index} was asked for, {name} goes from 0 to {}",
                    len - 1
                )));
            }
            band = band * len + index;
        }
        let suffix: Vec<String> = parsed.iter().map(usize::to_string).collect();
        // Two granules may have other bands at one place: what it is must be known to tell.
        let chosen = match dims.len() {
            1 => self.bands(variable)?,
            _ => None,
        };
        let chosen = chosen.and_then(|bands| {
            let value = *bands.values.get(band)?;
            Some(ChosenBand {
                asked: value,
                chosen: value,
                units: bands.units,
            })
        });
        Ok(Selected {
            field: Field {
                name: format!("{}_{}", variable.name, suffix.join("_")),
                variable: variable.path().to_owned(),
                band: Some(band),
                valid_range: None,
                exact: false,
            },
            band: chosen,
        })
    }

    fn band_needed(&self, variable: &SwathVariable) -> Error {
        let bands = self.bands(variable).ok().flatten();
        let dims: Vec<String> = variable
            .band_dims()
            .iter()
            .map(|(name, len)| format!("{name} ({len})"))
            .collect();
        let how = match &bands {
            Some(bands) => format!(
                "{}@{} ({}{})",
                variable.name,
                example(bands),
                range_text(&bands.values),
                units_suffix(bands)
            ),
            None => index_example(variable),
        };
        Error::Request {
            path: format!("{}: {}", self.name_text(), variable.path()),
            reason: format!(
                "it has bands along {}: choose some, as in {how}",
                dims.join(", ")
            ),
        }
    }

    /// Whether a variable may stand for the granule.
    fn is_sensible(&self, variable: &SwathVariable) -> bool {
        let path = variable.path().to_ascii_lowercase();
        let name = variable.name.to_ascii_lowercase();
        let words: Vec<&str> = name.split('_').collect();
        let standard = variable.standard_name().unwrap_or_default();
        !(self.is_geolocation(variable.path())
            || path.contains("/geolocation")
            || path.contains("/navigation")
            || matches!(
                variable.flags(),
                Some(FlagKind::Bits(_) | FlagKind::Classes(_))
            )
            || ["latitude", "longitude", "time"].contains(&standard)
            || standard.ends_with("_angle")
            || words.iter().any(|word| {
                matches!(
                    *word,
                    "lat"
                        | "lon"
                        | "latitude"
                        | "longitude"
                        | "flag"
                        | "flags"
                        | "quality"
                        | "qa"
                        | "unc"
                        | "uncertainty"
                        | "precision"
                        | "time"
                        | "dtime"
                        | "angle"
                        | "index"
                        | "mask"
                )
            })
            || name.starts_with("flag")
            || name.starts_with("quality"))
    }

    fn name_text(&self) -> String {
        use swathe_core::source::SwathSource as _;
        self.name().to_owned()
    }
}

impl Selected {
    /// A sentence for the log, where the band is not the one asked for: "Rrs@443: nearest is 442.5 nm".
    pub fn note(&self) -> Option<String> {
        let band = self
            .band
            .as_ref()
            .filter(|band| band.asked != band.chosen)?;
        let units = band.units.as_deref().unwrap_or_default();
        Some(
            format!(
                "{}: nearest to {} is {} {units}",
                self.field.name,
                band.asked,
                short(band.chosen)
            )
            .trim_end()
            .to_owned(),
        )
    }
}

/// A number as a person writes it: single-precision ones without the digits of double precision.
fn short(value: f64) -> String {
    if f64::from(value as f32) == value {
        (value as f32).to_string()
    } else {
        value.to_string()
    }
}

/// Index of the band nearest to a value; the lower one of two that are equally near. A value beyond the
/// bands by more than their widest spacing is refused with the range there is.
fn nearest_band(values: &[f64], asked: f64) -> std::result::Result<usize, String> {
    let finite = || values.iter().copied().filter(|v| v.is_finite());
    let low = finite().fold(f64::INFINITY, f64::min);
    let high = finite().fold(f64::NEG_INFINITY, f64::max);
    let mut sorted: Vec<f64> = finite().collect();
    sorted.sort_by(f64::total_cmp);
    let spacing = sorted
        .windows(2)
        .map(|pair| pair[1] - pair[0])
        .fold(0.05 * high.abs(), f64::max);
    if !(asked >= low - spacing && asked <= high + spacing) {
        return Err(range_text(values));
    }
    let best = values
        .iter()
        .enumerate()
        .filter(|(_, v)| v.is_finite())
        .min_by(|(_, a), (_, b)| {
            (*a - asked)
                .abs()
                .total_cmp(&(*b - asked).abs())
                .then(a.total_cmp(b))
        });
    best.map(|(index, _)| index)
        .ok_or_else(|| range_text(values))
}

/// How a band is called in a product: `443`, or with as many decimals as tell it from its neighbours.
fn band_label(values: &[f64], index: usize) -> String {
    let label = |value: f64, decimals: usize| format!("{value:.decimals$}");
    let value = values[index];
    let decimals = (0..=6)
        .find(|&decimals| {
            let own = label(value, decimals);
            (0..values.len()).all(|other| other == index || label(values[other], decimals) != own)
        })
        .unwrap_or(6);
    label(value, decimals).replace('.', "_").replace('-', "m")
}

fn range_text(values: &[f64]) -> String {
    let finite = || values.iter().copied().filter(|v| v.is_finite());
    match values.len() {
        0..=12 => finite()
            .map(|v| v.to_string())
            .collect::<Vec<_>>()
            .join(", "),
        len => format!(
            "{len} from {} to {}",
            finite().fold(f64::INFINITY, f64::min),
            finite().fold(f64::NEG_INFINITY, f64::max)
        ),
    }
}

fn units_suffix(bands: &Bands) -> String {
    bands
        .units
        .as_ref()
        .map(|units| format!(" {units}"))
        .unwrap_or_default()
}

/// Two values to show how a request is written.
fn example(bands: &Bands) -> String {
    let usual = |wanted: f64| nearest_band(&bands.values, wanted).ok();
    let indices = match (usual(443.0), usual(555.0)) {
        (Some(a), Some(b)) if a != b => vec![a, b],
        _ => (0..bands.values.len().min(2)).collect(),
    };
    let words: Vec<String> = indices
        .into_iter()
        .map(|i| bands.values[i].to_string())
        .collect();
    words.join(",")
}

fn index_example(variable: &SwathVariable) -> String {
    let zeros = vec!["0"; variable.band_dims().len()];
    format!("{}[{}]", variable.name, zeros.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_band_is_found_and_far_ones_refused() {
        let bands = [346.0, 351.0, 442.0, 444.0, 719.0];
        assert_eq!(
            nearest_band(&bands, 443.0),
            Ok(2),
            "a tie goes to the lower one"
        );
        assert_eq!(nearest_band(&bands, 443.1), Ok(3));
        assert_eq!(nearest_band(&bands, 300.0), Ok(0));
        assert_eq!(
            nearest_band(&bands, 5000.0),
            Err("346, 351, 442, 444, 719".into())
        );
        assert_eq!(nearest_band(&[f64::NAN], 1.0), Err(String::new()));
        assert_eq!(nearest_band(&[], 1.0), Err(String::new()));
    }

    #[test]
    fn labels_are_whole_numbers_unless_they_would_repeat() {
        assert_eq!(band_label(&[442.5, 555.0], 1), "555");
        assert_eq!(band_label(&[664.564, 664.9, 700.0], 0), "664_6");
        assert_eq!(band_label(&[5.0, 5.0], 0), "5_000000");
        assert_eq!(band_label(&[-1.0, 2.0], 0), "m1");
    }
}
