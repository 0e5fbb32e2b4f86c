//! Binned files: a run's bins as a table, tables merged and mapped.

use super::{Finished, JobError, Observer, memory_available};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Cursor;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use swathe_core::binned::Mapping;
use swathe_core::geobox::GeoBox;
use swathe_core::reduce::{Blank, Statistic as Asked};
use swathe_core::suggest::UnknownName;
use swathe_io::bins::{BinTable, BinnedFile, Tiles};
use swathe_io::bytes::MemorySource;
use swathe_io::dataset::{AttributeValue, Attributes, Dataset};
use swathe_io::error::Error;
use swathe_io::product::{
    GranuleRecord, GranuleStatus, LayerData, Product, Provenance, Statistic, TileSink, TimeStep,
    Times,
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
    pub fn options(&self, statistics: &[Asked]) -> String {
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

/// A map of a binned file: of its products of these names, or of all.
///
/// # Errors
/// A file that cannot be read; names and statistics that it does not have; a map that has no room in memory.
pub fn map_bins(
    path: &Path,
    variables: &[String],
    statistics: &[Asked],
    map: &BinMap,
) -> Result<MapOfBins, JobError> {
    let unknown = statistics.iter();
    let mut unknown = unknown.filter(|s| !matches!(s, Asked::Mean | Asked::Std));
    if let Some(unknown) = unknown.next() {
        return Err(JobError::plan_hint(
            format!("bins have no {unknown}"),
            "they give mean and std, with counts",
        ));
    }
    let table = BinnedFile::open(path)?.read()?;
    let names: Vec<&str> = table.products.iter().map(|p| p.name.as_str()).collect();
    let place = |name: &String| {
        let found = names.iter().position(|known| known == name);
        found.ok_or_else(|| JobError::plan(UnknownName::new("product", name, &names).to_string()))
    };
    let products: Vec<usize> = match variables.is_empty() {
        true => (0..names.len()).collect(),
        false => variables.iter().map(place).collect::<Result<_, _>>()?,
    };
    let said: Vec<&str> = products.iter().map(|p| names[*p]).collect();
    // The maps of a product, in memory and encoded: measured, and a third more.
    let needed = (map.geobox.cells() as u64).saturating_mul(100 * products.len() as u64);
    if needed > memory_available() {
        return Err(JobError::plan_hint(
            format!(
                "the map needs about {} MiB of memory, {} MiB are available",
                needed >> 20,
                memory_available() >> 20
            ),
            "take a smaller area, a coarser resolution, or fewer products with -v",
        ));
    }
    let options = format!(
        "swathe map -v {}{}",
        said.join(" -v "),
        map.options(statistics)
    );
    let mut product = map_table(&table, &products, map, &options);
    keep_statistics(&mut product, statistics);
    let mut notes: Vec<String> = ran_over(&table).into_iter().collect();
    // Counts are zero where there is nothing.
    let empty = product.layers.iter().all(|layer| match &layer.data {
        LayerData::I32(_) | LayerData::I64(_) => true,
        values => values.valid_range().is_none(),
    });
    if empty {
        notes.push("no bin with values lies in the area: the map is empty".into());
    }
    Ok(MapOfBins { product, notes })
}

/// A map of a binned file.
pub struct MapOfBins {
    /// The map.
    pub product: Product,
    /// What should be known of it.
    pub notes: Vec<String>,
}

/// Adds binned files, as l3bin does. What should be known of it comes beside it.
///
/// # Errors
/// Files that cannot be read or do not fit together; a granule that two of them hold.
pub fn merge_bins(paths: &[PathBuf]) -> Result<(BinTable, Vec<String>), JobError> {
    let tables = paths.iter().map(|path| BinnedFile::open(path)?.read());
    let tables: Vec<BinTable> = tables.collect::<Result<_, Error>>()?;
    let mut seen = BTreeSet::new();
    let sources = tables.iter().flat_map(|table| &table.sources);
    if let Some(twice) = sources.into_iter().find(|name| !seen.insert(*name)) {
        return Err(JobError::plan_hint(
            format!("two files hold {twice}"),
            "leave one of them out: its observations would count twice",
        ));
    }
    let mut notes: Vec<String> = tables.iter().filter_map(ran_over).collect();
    let mut kinds = tables.iter().map(BinTable::flag_names);
    let first = kinds.next();
    if kinds.any(|other| Some(other) != first) {
        notes.push("the files were masked by different flags".into());
    }
    let of = |name: &'static str| {
        let texts = tables.iter().filter_map(move |table| table.said(name));
        texts.map(str::to_owned).collect::<BTreeSet<_>>()
    };
    for (name, what) in [
        ("instrument", "sensors"),
        ("processing_version", "processing versions"),
    ] {
        let all: Vec<String> = of(name).into_iter().collect();
        if all.len() > 1 {
            notes.push(format!(
                "the files are of several {what}: {}",
                all.join(", ")
            ));
        }
    }
    Ok((BinTable::merge(tables)?, notes))
}

/// Says that counts had run over.
fn ran_over(table: &BinTable) -> Option<String> {
    (table.wrapped > 0).then(|| {
        format!(
            "{}: {} bins have counts below zero, as 16 bits have that ran over: 65536 is added to them",
            table.name, table.wrapped
        )
    })
}

/// A map of a table.
fn map_table(table: &BinTable, products: &[usize], map: &BinMap, options: &str) -> Product {
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
pub fn keep_statistics(product: &mut Product, wanted: &[Asked]) {
    product.layers.retain(|layer| match layer.statistic {
        Statistic::Mean => wanted.contains(&Asked::Mean),
        Statistic::StandardDeviation => wanted.contains(&Asked::Std),
        _ => true,
    });
}
