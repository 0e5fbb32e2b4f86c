//! Binned files: a run's bins as a table, tables merged and mapped.

use super::{Finished, JobError, Observer};
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;
use std::io::Cursor;
use std::ops::ControlFlow;
use std::sync::Arc;
use swathe_core::binned::Mapping;
use swathe_core::geobox::GeoBox;
use swathe_core::reduce::Blank;
use swathe_io::bins::{BinTable, BinnedFile, Tiles};
use swathe_io::bytes::MemorySource;
use swathe_io::dataset::{AttributeValue, Attributes, Dataset};
use swathe_io::product::{
    GranuleRecord, GranuleStatus, Product, Provenance, Statistic, TileSink, TimeStep, Times,
};

/// How bins become a map.
#[derive(Debug, Clone)]
pub struct BinMap {
    /// The grid.
    pub geobox: GeoBox,
    /// Which bins give to a cell.
    pub mapping: Mapping,
    /// What is required of a cell.
    pub blank: Blank,
}

impl BinMap {
    /// How the map is made, as options of a command line.
    pub fn options(&self, statistics: &[swathe_core::reduce::Statistic]) -> String {
        let (west, south, east, north) = self.geobox.bounds();
        let method = match self.mapping {
            Mapping::Nearest => "nearest",
            Mapping::Overlapping => "bin",
            Mapping::Area => "area",
        };
        let statistics: Vec<&str> = statistics.iter().map(|s| s.name()).collect();
        let mut line = format!(
            " --crs '{}' --bounds={west},{south},{east},{north} -r {} -m {method} --stat {}",
            self.geobox.crs.definition(),
            self.geobox.x.step(),
            statistics.join(","),
        );
        let blank = [
            ("count", self.blank.min_count),
            ("granules", self.blank.min_granules),
        ];
        for (of, least) in blank.into_iter().filter(|(_, least)| *least > 0) {
            let _ = write!(line, " --min-{of} {least}");
        }
        line
    }
}

impl Finished {
    /// A run on bins as the table that its file would hold, rounded as there; of windows, that of one of them.
    /// Tells of its tiles.
    ///
    /// # Errors
    /// A run on another grid; what was kept cannot be read; the observer breaks it off.
    pub fn table(&self, window: usize, observer: Observer<'_>) -> Result<BinTable, JobError> {
        let tiles: Vec<usize> = (0..self.tiling.tiles()).collect();
        self.table_from(window, &tiles, observer)
    }

    /// The same, of some tiles.
    pub(super) fn table_of(&self, window: usize, tiles: &[usize]) -> Result<BinTable, JobError> {
        self.table_from(window, tiles, &mut |_| ControlFlow::Continue(()))
    }

    fn table_from(
        &self,
        window: usize,
        tiles: &[usize],
        mut observer: Observer<'_>,
    ) -> Result<BinTable, JobError> {
        let Some(isin) = self.isin() else {
            return Err(JobError::plan("the run is not on bins"));
        };
        let mut file = Cursor::new(Vec::new());
        {
            let (most, scheme) = (self.most(), self.scheme());
            let description = self.description_of(window);
            let sink = Tiles::create(&description, isin, most, scheme, &mut file)?;
            let mut sinks: [Box<dyn TileSink + '_>; 1] = [Box::new(sink)];
            let steps = window..window + 1;
            self.feed_some(steps, window, tiles, &mut sinks, &mut observer)?;
            let [sink] = sinks;
            sink.finish()?;
        }
        let source = MemorySource::new("bins.nc", file.into_inner());
        let dataset = Dataset::from_source(Arc::new(source))?;
        Ok(BinnedFile::from_dataset(dataset)?.read()?)
    }

    /// The description, as if there were but one window.
    fn description_of(&self, window: usize) -> Product {
        let mut description = self.description().clone();
        if let Times::Series(steps) = &description.times
            && let Some(step) = steps.get(window)
        {
            let members = description.windows.get(window).cloned().unwrap_or_default();
            let granules = description.granules.iter().enumerate();
            let granules = granules.filter(|(i, _)| members.contains(&(*i as u32)));
            let granules = granules.map(|(_, granule)| granule.clone()).collect();
            description.times = Times::Window(step.clone());
            description.granules = granules;
            description.windows.clear();
        }
        for layer in &mut description.layers {
            layer.timed = false;
        }
        description
    }
}

/// A map of a table.
pub fn map_table(table: &BinTable, products: &[usize], map: &BinMap, options: &str) -> Product {
    let layers = products.iter().flat_map(|product| {
        table.layers(
            *product,
            &map.geobox,
            map.mapping,
            &map.blank,
            &Attributes::new(),
        )
    });
    let (start, end) = table.time_coverage().unwrap_or((f64::NAN, f64::NAN));
    let kept = ["instrument", "platform", "source", "processing_version"];
    let attributes = table.attributes.iter();
    let kept = attributes
        .filter(|(name, _)| kept.contains(&name.as_str()))
        .cloned();
    let flags = AttributeValue::Text(table.flags.clone());
    let mut hash = Sha256::new();
    hash.update(options);
    for bin in &table.filled.bins {
        hash.update(bin.number.to_le_bytes());
        hash.update(bin.weights.to_le_bytes());
    }
    for sums in table.filled.sums.iter().flatten() {
        hash.update(sums.sum.to_le_bytes());
    }
    let digest = hash.finalize();
    Product {
        geobox: map.geobox.clone(),
        windows: Vec::new(),
        times: Times::Window(TimeStep {
            time: ((start + end) * 500.0).round() / 1000.0,
            start,
            end,
            granule: None,
        }),
        layers: layers.collect(),
        granules: table
            .sources
            .iter()
            .map(|name| GranuleRecord {
                name: name.clone(),
                start: f64::NAN,
                end: f64::NAN,
                status: GranuleStatus::Used,
                reason: String::new(),
            })
            .collect(),
        flags: Vec::new(),
        provenance: Provenance {
            options: options.to_owned(),
            digest: digest.iter().fold(String::new(), |mut text, byte| {
                let _ = write!(text, "{byte:02x}");
                text
            }),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            newest_input: table.created(),
        },
        attributes: kept.chain([("l2_flag_names".to_owned(), flags)]).collect(),
    }
}

/// What of the layers of a map is asked for: counts stay.
pub fn keep_statistics(product: &mut Product, wanted: &[swathe_core::reduce::Statistic]) {
    use swathe_core::reduce::Statistic as Asked;
    product.layers.retain(|layer| match layer.statistic {
        Statistic::Mean => wanted.contains(&Asked::Mean),
        Statistic::StandardDeviation => wanted.contains(&Asked::Std),
        _ => true,
    });
}
