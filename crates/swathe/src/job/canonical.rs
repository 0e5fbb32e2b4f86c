//! How a product was made, in words that do not depend on where and by whom.

use super::Purpose;
use super::plan::Plan;
use std::fmt::Write as _;
use swathe_core::reduce::{Blank, Statistic};

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
                let _ = match field.band {
                    Some(band) => write!(line, " -v {}[{band}]", field.variable),
                    None => write!(line, " -v {}", field.variable),
                };
            }
        }
        let geobox = self.geobox();
        let (west, south, east, north) = geobox.bounds();
        let _ = write!(
            line,
            " --crs '{}' --bounds={west},{south},{east},{north} -r {} -m {} --flags {}",
            geobox.crs.definition(),
            geobox.x.step(),
            self.method.name(),
            self.flags,
        );
        if let Some(range) = &self.job.valid_range {
            let _ = write!(line, " --valid-range={range}");
        }
        if self.purpose == Purpose::Average {
            let names: Vec<&str> = self
                .job
                .statistics
                .iter()
                .map(|s| Statistic::name(*s))
                .collect();
            let _ = write!(
                line,
                " --stat {} --weight {}",
                names.join(","),
                self.job.weight
            );
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
