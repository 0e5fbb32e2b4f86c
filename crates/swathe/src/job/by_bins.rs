//! Maps by way of bins of equal area, as NASA's Level-3 products are made; and presets.

use super::{BinMap, BinMaps, Finished, GridRequest, Job, JobError};
use std::str::FromStr;
use swathe_core::binned::Mapping;
use swathe_core::geobox::GeoBox;
use swathe_core::isin::{Isin, RESOLUTIONS};
use swathe_core::mask::FlagSelection;
use swathe_core::reduce::{Statistic, Weight};
use swathe_core::region::Region;
use swathe_core::resample::Method;
use swathe_core::suggest::UnknownName;

/// A set of options.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preset {
    /// Nearest, no flags, weight granule: what NASA's tutorial does.
    Tutorial,
    /// Bins of equal area, weight l2bin, flags l3, joint masks, mapped by the nearest bin: as NASA's Level-3
    /// products are made.
    NasaL3,
}

impl Preset {
    const NAMES: [(&str, Preset); 2] =
        [("tutorial", Preset::Tutorial), ("nasa-l3", Preset::NasaL3)];

    /// Sets the options of a job that are left open.
    pub fn apply(self, job: &mut Job) {
        let (method, flags, weight) = match self {
            Preset::Tutorial => (Method::Nearest, FlagSelection::default(), Weight::Granule),
            Preset::NasaL3 => {
                // The set l3.
                let flags = FlagSelection::default_for(Some("OC_BGC"));
                (Method::Bin, flags, Weight::L2bin)
            }
        };
        job.method.get_or_insert(method);
        job.flags.get_or_insert(flags);
        job.weight.get_or_insert(weight);
        job.joint |= self == Preset::NasaL3;
    }
}

impl FromStr for Preset {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        let found = Preset::NAMES.iter().find(|(known, _)| *known == name);
        let names = Preset::NAMES.map(|(name, _)| name);
        found
            .map(|(_, preset)| *preset)
            .ok_or_else(|| UnknownName::new("preset", name, &names))
    }
}

/// A map that is made of bins.
#[derive(Debug, Clone)]
pub struct ByBins {
    map: BinMap,
    statistics: Vec<Statistic>,
    rows: u32,
}

impl ByBins {
    /// Makes a job whose grid is rectangular one on bins, of which its map is made; `None` where it is on bins
    /// already.
    ///
    /// # Errors
    /// Statistics that bins do not give; a grid that needs a granule.
    pub fn of(job: &mut Job) -> Result<Option<ByBins>, JobError> {
        if matches!(job.grid, GridRequest::Bins(_)) {
            return Ok(None);
        }
        let geobox = job.grid.rectangle()?;
        if job.best.is_some()
            || job
                .statistics
                .iter()
                .any(|s| !matches!(s, Statistic::Mean | Statistic::Std))
        {
            return Err(JobError::plan("bins give mean and std, with counts"));
        }
        if job.blank.min_coverage > 0.0 {
            return Err(JobError::plan_hint(
                "bins do not tell how much of a cell is covered",
                "leave --min-coverage out: --min-count and --min-granules blank thin cells",
            ));
        }
        let mut statistics = std::mem::replace(&mut job.statistics, vec![Statistic::Mean]);
        if statistics.is_empty() {
            statistics.push(Statistic::Mean);
        }
        let isin = isin_for(&geobox)?;
        let rows = isin.rows();
        job.grid = GridRequest::Bins(isin);
        let map = BinMap {
            geobox,
            mapping: Mapping::Nearest,
            blank: std::mem::take(&mut job.blank),
        };
        Ok(Some(ByBins {
            map,
            statistics,
            rows,
        }))
    }

    /// The grid of the map.
    pub fn geobox(&self) -> &GeoBox {
        &self.map.geobox
    }

    /// Rows of the grid of bins.
    pub fn rows(&self) -> u32 {
        self.rows
    }

    /// Whether the map takes as much memory as one of all bins.
    pub fn is_large(&self) -> bool {
        self.map.geobox.cells() > 1 << 22
    }

    /// The map of a run on the bins.
    ///
    /// # Errors
    /// What was kept cannot be read.
    pub fn maps<'a>(&'a self, finished: &'a Finished) -> Result<BinMaps<'a>, JobError> {
        let options = format!(
            "{} # then swathe map{}",
            finished.description().provenance.options,
            self.map.options(&self.statistics),
        );
        finished.mapped(&self.map, &self.statistics, &options)
    }
}

/// The grid of bins, of those that NASA's products have, whose rows are nearest to a map's in height.
fn isin_for(geobox: &GeoBox) -> Result<Isin, JobError> {
    let step = geobox.y.step().abs();
    let degrees = match geobox.crs.is_lonlat() {
        true => step,
        false => step * geobox.crs.metres_per_unit() / 111_320.0,
    };
    let distance = |rows: u32| (180.0 / f64::from(rows) / degrees).ln().abs();
    let known = RESOLUTIONS.into_iter().map(|(_, rows)| rows);
    let rows = known
        .filter(|rows| *rows <= 34_560)
        .min_by(|a, b| distance(*a).total_cmp(&distance(*b)));
    let rows = rows.unwrap_or(4320);
    // Bins around the map: those that its edges cut are whole.
    let area = Region::of(geobox).widened(2.0 * 180.0 / f64::from(rows));
    Isin::new(rows, Some(area)).map_err(|e| JobError::plan(e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_of_the_map_are_told() {
        let geobox = GeoBox::named("l3m-9km").unwrap();
        let mut job = Job {
            grid: GridRequest::Exact(geobox),
            statistics: vec![Statistic::Std],
            ..Job::default()
        };
        job.blank.min_count = 5;
        let told = |job: &Job| {
            let map = ByBins::of(&mut job.clone())?.unwrap();
            Ok::<_, JobError>(map.map.options(&map.statistics))
        };
        let said = told(&job).unwrap();
        assert!(
            said.ends_with(" -m nearest --stat std --min-count 5"),
            "{said}"
        );
        job.blank.min_coverage = 0.5;
        assert!(told(&job).unwrap_err().to_string().contains("covered"));
    }

    #[test]
    fn presets_leave_what_is_said() {
        let mut job = Job {
            method: Some(Method::Footprint),
            ..Job::default()
        };
        Preset::NasaL3.apply(&mut job);
        assert_eq!(job.method, Some(Method::Footprint));
        assert_eq!((job.weight, job.joint), (Some(Weight::L2bin), true));
        assert_eq!(job.flags, Some("l3".parse().unwrap()));
        let error = "nasa".parse::<Preset>().unwrap_err();
        assert!(error.to_string().contains("tutorial"), "{error}");
    }
}
