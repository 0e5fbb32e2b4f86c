//! What a binned file says of itself, in the words of NASA's.

use super::BinnedProduct;
use super::writer::Words;
use crate::dataset::{AttributeValue, Attributes};
use crate::product::layout::iso_time;
use crate::product::level3::temporal_range;
use crate::product::statistic::find;
use crate::product::{GranuleStatus, Product};
use swathe_core::isin::{Bins, Isin};

/// Where the filled bins lie: their middles, degrees.
#[derive(Debug, Clone)]
pub(super) struct Extent {
    south: f64,
    north: f64,
    /// Least and greatest longitude of each slice of the Earth.
    slices: Vec<(f64, f64)>,
}

/// Slices of the Earth in which longitudes are kept apart, to find the widest gap between them.
const SLICES: usize = 720;

impl Default for Extent {
    fn default() -> Self {
        Extent {
            south: f64::INFINITY,
            north: f64::NEG_INFINITY,
            slices: vec![(f64::INFINITY, f64::NEG_INFINITY); SLICES],
        }
    }
}

impl Extent {
    /// Adds a bin.
    pub fn add(&mut self, row: usize, column: usize, bins: &Bins) {
        let height = 180.0 / bins.rows() as f64;
        let latitude = (row as f64 + 0.5) * height - 90.0;
        self.south = self.south.min(latitude);
        self.north = self.north.max(latitude);
        let longitude = (column as f64 + 0.5) * 360.0 / f64::from(bins.of_row(row)) - 180.0;
        let slice = ((longitude + 180.0) * SLICES as f64 / 360.0) as usize;
        let slice = &mut self.slices[slice.min(SLICES - 1)];
        *slice = (slice.0.min(longitude), slice.1.max(longitude));
    }

    /// Western and eastern limit, outside the widest gap; west > east where they lie across 180.
    fn longitudes(&self) -> (f64, f64) {
        let filled: Vec<(f64, f64)> = self.slices.iter().copied().filter(|s| s.0 <= s.1).collect();
        let (Some(first), Some(last)) = (filled.first(), filled.last()) else {
            return (f64::NAN, f64::NAN);
        };
        let (mut gap, mut limits) = (first.0 + 360.0 - last.1, (first.0, last.1));
        for pair in filled.windows(2) {
            if pair[1].0 - pair[0].1 > gap {
                (gap, limits) = (pair[1].0 - pair[0].1, (pair[1].0, pair[0].1));
            }
        }
        limits
    }

    /// Attributes that follow from the bins; their size does not depend on them.
    pub fn attributes(&self, isin: &Isin, filled: usize, bins: u64) -> Attributes {
        let (west, east) = self.longitudes();
        let text = |name: &str, value: String| (name.to_owned(), AttributeValue::Text(value));
        let degrees = |name: &str, v: f64| (name.to_owned(), AttributeValue::F32(vec![v as f32]));
        let double = |name: &str, v: f64| {
            (
                name.to_owned(),
                AttributeValue::F64(vec![f64::from(v as f32)]),
            )
        };
        // Kilometres in a row, of the Earth's radius at the equator.
        let kilometres = 6378.137 * std::f64::consts::PI / f64::from(isin.rows());
        let resolution = format!("{kilometres:.6} km");
        let percent = filled as f64 / bins as f64 * 100.0;
        vec![
            degrees("northernmost_latitude", self.north),
            degrees("southernmost_latitude", self.south),
            degrees("easternmost_longitude", east),
            degrees("westernmost_longitude", west),
            double("geospatial_lat_max", self.north),
            double("geospatial_lat_min", self.south),
            double("geospatial_lon_max", east),
            double("geospatial_lon_min", west),
            text("geospatial_lat_units", "degrees_north".into()),
            text("geospatial_lon_units", "degrees_east".into()),
            text("geospatial_lat_resolution", resolution.clone()),
            text("geospatial_lon_resolution", resolution.clone()),
            text("spatialResolution", resolution),
            (
                "data_bins".into(),
                AttributeValue::I32(vec![filled.min(i32::MAX as usize) as i32]),
            ),
            degrees("percent_data_bins", percent),
            text("binning_scheme", "Integerized Sinusoidal Grid".into()),
        ]
    }
}

impl Words {
    /// What a run's product says.
    pub(super) fn of_product(product: &Product, products: &[BinnedProduct]) -> Self {
        let text = |name: &str, value: String| (name.to_owned(), AttributeValue::Text(value));
        let given = |name: &str| match find(&product.attributes, name) {
            Some(AttributeValue::Text(value)) => value.clone(),
            _ => String::new(),
        };
        let instrument = given("instrument");
        let flags = product.flags.first().map_or(String::new(), |report| {
            let names: Vec<&str> = report
                .by_flag
                .iter()
                .map(|(name, _)| name.as_str())
                .collect();
            names.join(",")
        });
        let used = product
            .granules
            .iter()
            .filter(|g| g.status != GranuleStatus::Skipped);
        let sources: Vec<&str> = used.map(|g| g.name.as_str()).collect();
        let provenance = &product.provenance;
        let coverage = product.time_coverage();
        let mut global = vec![
            text(
                "title",
                format!("{instrument} Level-3 Binned Data")
                    .trim_start()
                    .to_owned(),
            ),
            text("instrument", instrument),
            text("platform", given("platform")),
            text("temporal_range", temporal_range(coverage)),
            ("start_orbit_number".into(), AttributeValue::I32(vec![0])),
            ("end_orbit_number".into(), AttributeValue::I32(vec![0])),
        ];
        if let Some(created) = provenance.newest_input.and_then(iso_time) {
            global.push(text("date_created", created));
        }
        global.push(text("processing_version", given("processing_version")));
        global.push(text("source", given("source")));
        global.push(text("history", provenance.options.clone()));
        for (name, seconds) in [
            ("time_coverage_start", coverage.map(|c| c.0)),
            ("time_coverage_end", coverage.map(|c| c.1)),
        ] {
            global.extend(seconds.and_then(iso_time).map(|value| text(name, value)));
        }
        let units = products.iter().map(|p| format!("{}:{}", p.name, p.units));
        global.push(text("units", units.collect::<Vec<_>>().join(",")));
        global.push(text("Conventions", "CF-1.6 ACDD-1.3".into()));
        global.push(text("processing_level", "L3 Binned".into()));
        global.push(text("cdm_data_type", "point".into()));
        global.push(text("software", format!("swathe {}", provenance.version)));
        global.push(text("digest", provenance.digest.clone()));
        Words {
            global,
            control: vec![
                text("software_name", "swathe".into()),
                text("software_version", provenance.version.clone()),
                text("input_sources", sources.join(",")),
                text("l2_flag_names", flags),
            ],
            parameters: vec![text("options", provenance.options.clone())],
        }
    }
}
