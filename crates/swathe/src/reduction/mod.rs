//! Gridded files reduced: maps over time, or numbers over an area.
//!
//! ```text
//! paths --Series::open--> maps of one variable on one grid, by time --groups: period--> groups
//!     --window: box--> arrays --compute--> Reduced: maps (over time), or a table (over the area)
//! ```

mod asked;
mod groups;
mod maps;
mod table;
mod window;

pub use asked::{Dimensions, Every, Reduction, statistic_named};
pub use table::{Row, Table};

use crate::failure::{Failure, Result};
use crate::job::JobError;
use groups::{Group, groups};
use maps::product;
use rayon::ThreadPool;
use std::ops::ControlFlow;
use std::path::PathBuf;
use swathe_core::array::{self, Array, Buffer, Over, Step};
use swathe_core::geobox::GeoBox;
use swathe_core::watch;
use swathe_io::product::gridded::Series;
use swathe_io::product::{Product, Statistic};
use table::table;
use window::{Window, areas};

/// What came of it.
#[derive(Debug)]
pub enum Reduced {
    /// A map, or one for every period.
    Maps(Box<Product>),
    /// Numbers.
    Table(Table),
}

/// Reduces gridded files.
///
/// # Errors
/// Those of [`Reducing::new`]; a limit that is too small.
pub fn reduce(
    paths: &[PathBuf],
    reduction: &Reduction,
    pool: &ThreadPool,
    memory: Option<u64>,
    observer: &mut dyn FnMut(Step) -> ControlFlow<()>,
) -> Result<Reduced> {
    let watched = watch::here();
    let reducing = pool.install(|| {
        let _entered = watched.enter();
        Reducing::new(paths, reduction)
    })?;
    let values = array::compute_all(&reducing.arrays, pool, memory, observer);
    reducing.finish(values?)
}

/// A reduction that is planned: arrays, to be computed here or elsewhere.
pub struct Reducing {
    reduction: Reduction,
    series: Series,
    geobox: GeoBox,
    groups: Vec<Group>,
    statistics: Vec<Statistic>,
    arrays: Vec<Array>,
}

impl Reducing {
    /// Opens the files, on the current thread pool, and plans.
    ///
    /// # Errors
    /// Files that cannot be read or are on other grids, statistics or a box that cannot be had.
    pub fn new(paths: &[PathBuf], reduction: &Reduction) -> Result<Self> {
        let series = Series::open(paths, &reduction.variable)?;
        let Some(geobox) = series.geobox() else {
            return Err(Failure::nothing("there is no file"));
        };
        if reduction.over != Dimensions::Time && reduction.by_area {
            let weighed = |s: &&Statistic| {
                matches!(
                    s,
                    Statistic::StandardDeviation
                        | Statistic::Variance
                        | Statistic::Sum
                        | Statistic::Median
                        | Statistic::Percentile(_)
                )
            };
            if let Some(statistic) = reduction.statistics.iter().find(weighed) {
                return Err(Failure::usage(format!(
                    "cells do not count by their area in {}",
                    statistic.measure().to_lowercase()
                ))
                .with_hint("--weight equal lets all cells count the same"));
            }
        }
        let part = match reduction.bbox {
            Some(bbox) => Window::of(geobox, bbox)?,
            None => Window::whole(geobox),
        };
        let groups = groups(&series, reduction)?;
        let mut statistics = reduction.statistics.clone();
        if !statistics.contains(&Statistic::Count) {
            statistics.push(Statistic::Count);
        }
        let mut arrays = Vec::new();
        for group in &groups {
            let maps = part.of_array(&series.array(group.maps.iter().copied())?)?;
            let over = Over {
                axes: (reduction.over == Dimensions::Time).then(|| vec![0]),
                keep: false,
                skip_missing: true,
            };
            let weights = match reduction.over == Dimensions::Time || !reduction.by_area {
                true => None,
                false => Some(areas(&part.geobox)?),
            };
            for statistic in &statistics {
                arrays.push(match (statistic, &weights) {
                    (Statistic::Mean, Some(weights)) => maps.weighted_mean(weights, &over)?,
                    // Maps of counts are large, the number of maps is not.
                    (Statistic::Count, None) if reduction.over == Dimensions::Time => {
                        maps.reduce_as(array::Statistic::Count, &over, array::DType::I32)?
                    }
                    _ => maps.reduce(in_core(*statistic)?, &over)?,
                });
            }
        }
        Ok(Reducing {
            reduction: reduction.clone(),
            geobox: part.geobox,
            series,
            groups,
            statistics,
            arrays,
        })
    }

    /// What is to be computed.
    pub fn arrays(&self) -> &[Array] {
        &self.arrays
    }

    /// Local files and folders that are read, with the lengths of files, for those who compute elsewhere.
    ///
    /// # Errors
    /// A file that other processes cannot read.
    pub fn files(&self) -> std::result::Result<Vec<(PathBuf, Option<u64>)>, JobError> {
        let length = |path: &PathBuf| {
            let about = std::fs::metadata(path).ok()?;
            about.is_file().then_some(about.len())
        };
        let mut files = Vec::new();
        for (place, file) in self.series.places().iter().zip(self.series.files()) {
            let Some(place) = place else {
                return Err(JobError::Cluster {
                    reason: format!("{} cannot be sent to workers", file.dataset().name()),
                    hint: Some(
                        "give a path that workers see, or an address without a query".into(),
                    ),
                });
            };
            if swathe_io::remote::address(place).is_none() {
                files.push((place.clone(), length(place)));
            }
        }
        Ok(files)
    }

    /// The result, of the values of the arrays.
    ///
    /// # Errors
    /// Another number of arrays, or of elements in one.
    pub fn finish(self, values: Vec<Buffer>) -> Result<Reduced> {
        let shapes = self
            .arrays
            .iter()
            .map(|a| a.shape().iter().product::<usize>());
        let given = values.iter().map(Buffer::len);
        if !given.eq(shapes) {
            return Err(Failure::error("values of other arrays are given"));
        }
        Ok(match self.reduction.over {
            Dimensions::Time => Reduced::Maps(Box::new(product(
                &self.series,
                &self.reduction,
                self.geobox,
                &self.groups,
                &self.statistics,
                values,
            ))),
            _ => Reduced::Table(table(&self.series, &self.groups, &self.statistics, &values)),
        })
    }
}

/// A statistic of products as one of arrays.
fn in_core(statistic: Statistic) -> Result<array::Statistic> {
    use array::Statistic as Core;
    Ok(match statistic {
        Statistic::Mean => Core::Mean,
        Statistic::StandardDeviation => Core::Std { ddof: 0.0 },
        Statistic::Variance => Core::Var { ddof: 0.0 },
        Statistic::Minimum => Core::Min,
        Statistic::Maximum => Core::Max,
        Statistic::Sum => Core::Sum,
        Statistic::Count => Core::Count,
        Statistic::Median => Core::Quantile { q: 0.5 },
        Statistic::Percentile(percent) => Core::Quantile {
            q: f64::from(percent) / 100.0,
        },
        other => {
            return Err(Failure::usage(format!(
                "{} is not a statistic of gridded files",
                other.measure().to_lowercase()
            )));
        }
    })
}
