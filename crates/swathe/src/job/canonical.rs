//! How a product was made, in words that do not depend on where and by whom.

use super::Purpose;
use super::plan::Plan;
use std::borrow::Cow;
use std::fmt::Write as _;
use swathe_core::reduce::{Blank, Scheme, Statistic};

/// A word as a shell takes it, in quotes where it would mean something else there.
pub(crate) fn quoted(word: &str) -> Cow<'_, str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-+./:,@%=".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => Cow::Borrowed(word),
        false => Cow::Owned(format!("'{}'", word.replace('\'', r"'\''"))),
    }
}

impl Plan {
    /// The options as one command line that gives the same product, with everything that was chosen
    /// for the user spelt out.
    pub(super) fn canonical(&self) -> String {
        let verb = match self.purpose {
            Purpose::Average => "average",
            Purpose::Cube => "grid",
        };
        let mut line = format!("swathe {verb}");
        if let Some(granule) = self.granules.first() {
            for recipe in &granule.recipes {
                let field = &recipe.field;
                let mut computed = granule.computed.iter();
                if let Some((name, computed)) = computed.find(|(name, _)| *name == field.variable) {
                    let _ = write!(line, " -v '{name}={}'", computed.expression);
                    continue;
                }
                let variable = quoted(&field.variable);
                let _ = match field.band {
                    Some(band) => write!(line, " -v {variable}[{band}]"),
                    None => write!(line, " -v {variable}"),
                };
            }
        }
        let geobox = self.geobox();
        let _ = match self.isin() {
            Some(isin) => {
                let area = isin.area().map(|area| {
                    let (west, east) = (area.west, area.west + area.width);
                    format!(" -b={west},{},{east},{}", area.south, area.north)
                });
                let area = area.unwrap_or_default();
                write!(line, " --grid isin-{}{area}", isin.rows())
            }
            None => {
                let (west, south, east, north) = geobox.bounds();
                let (crs, step) = (geobox.crs.definition(), geobox.x.step());
                write!(
                    line,
                    " --crs '{crs}' --bounds={west},{south},{east},{north} -r {step}"
                )
            }
        };
        let _ = write!(line, " -m {} --flags {}", self.method.name(), self.flags);
        if self.job.joint {
            line.push_str(" --mask joint");
        }
        if let Some(condition) = &self.job.condition {
            let _ = write!(line, " --where '{condition}'");
        }
        if let Some(range) = &self.job.valid_range {
            let _ = write!(line, " --valid-range={range}");
        }
        if self.purpose == Purpose::Average {
            let names: Vec<&str> = self
                .job
                .statistics
                .iter()
                .filter(|s| !matches!(s, Statistic::AtSmallest | Statistic::AtLargest))
                .map(|s| Statistic::name(*s))
                .collect();
            if self.isin().is_none() {
                let _ = write!(line, " --stat {}", names.join(","));
            }
            if let Some(best) = &self.job.best {
                let _ = write!(line, " --best '{best}'");
            }
            if let (Some(windowing), Some((_, day))) = (&self.job.windows, &self.windows) {
                let _ = write!(line, " --every {} --day {}", windowing.every, day.name());
            }
            let _ = write!(line, " --weight {}", self.weight());
            if self.job.scheme != Scheme::Arithmetic {
                let _ = write!(line, " --scheme {}", self.job.scheme);
            }
            let Blank {
                min_count,
                min_granules,
                min_coverage,
            } = self.job.blank;
            if min_count > 0 {
                let _ = write!(line, " --min-count {min_count}");
            }
            if min_granules > 0 {
                let _ = write!(line, " --min-granules {min_granules}");
            }
            if min_coverage > 0.0 {
                let _ = write!(line, " --min-coverage {min_coverage}");
            }
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_reach_a_shell_as_they_are() {
        for plain in ["PACE_OCI.20240801T180013.L2.OC_BGC.V3_2.nc", "/a/b-c_d"] {
            assert_eq!(quoted(plain), plain);
        }
        for odd in [
            "a b.nc",
            "$(touch x).nc",
            "it's; `x`.nc",
            "a\nb.nc",
            "",
            "é*[1]",
        ] {
            let line = format!("printf %s {}", quoted(odd));
            let shell = std::process::Command::new("sh")
                .args(["-c", &line])
                .output();
            assert_eq!(String::from_utf8(shell.unwrap().stdout).unwrap(), odd);
        }
    }
}
