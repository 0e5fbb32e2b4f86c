//! How a product was made, in words that do not depend on where and by whom.

use super::Purpose;
use super::plan::Plan;
use std::fmt::Write as _;
use swathe_core::reduce::{Blank, Scheme, Statistic};

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
                let _ = match field.band {
                    Some(band) => write!(line, " -v {}[{band}]", field.variable),
                    None => write!(line, " -v {}", field.variable),
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
