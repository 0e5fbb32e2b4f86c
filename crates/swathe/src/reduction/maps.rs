//! Maps as a product.

use super::groups::Group;
use super::{Every, Reduction};
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;
use swathe_core::array::{self, Buffer};
use swathe_core::geobox::GeoBox;
use swathe_io::dataset::Attributes;
use swathe_io::product::gridded::Series;
use swathe_io::product::{
    GranuleRecord, GranuleStatus, LayerData, Product, Provenance, Statistic, TimeStep, Times,
};

/// The product of values, which are of each group and in it of each statistic.
pub(super) fn product(
    series: &Series,
    reduction: &Reduction,
    geobox: GeoBox,
    groups: &[Group],
    statistics: &[Statistic],
    values: Vec<Buffer>,
) -> Product {
    let source = series.attributes();
    let timed = reduction.every.is_some_and(|every| every != Every::All);
    let mut layers: Vec<LayerData> = Vec::with_capacity(statistics.len());
    for (i, buffer) in values.into_iter().enumerate() {
        let data = match buffer {
            Buffer::F32(values) => LayerData::F32(values),
            Buffer::I32(counts) => LayerData::I32(counts),
            other => match other.cast(array::DType::F64) {
                Buffer::F64(values) => LayerData::F64(values),
                _ => LayerData::F64(Vec::new()),
            },
        };
        match layers.get_mut(i % statistics.len()) {
            Some(all) if i >= statistics.len() => append(all, data),
            _ => layers.push(data),
        }
    }
    let layers = statistics.iter().zip(layers);
    let layers = layers
        .map(|(s, data)| s.layer(series.variable(), &source, data, timed))
        .collect();
    let steps = || groups.iter().map(|group| group.step.clone());
    let times = match timed {
        true => Times::Series(steps().collect()),
        false => Times::Window(steps().next().unwrap_or(TimeStep {
            time: f64::NAN,
            start: f64::NAN,
            end: f64::NAN,
            granule: None,
        })),
    };
    Product {
        geobox,
        times,
        windows: Vec::new(),
        layers,
        granules: records(series),
        flags: Vec::new(),
        provenance: provenance(series, reduction, statistics),
        attributes: Attributes::new(),
    }
}

/// Another map of the same statistic.
fn append(all: &mut LayerData, more: LayerData) {
    match (all, more) {
        (LayerData::F32(all), LayerData::F32(more)) => all.extend(more),
        (LayerData::F64(all), LayerData::F64(more)) => all.extend(more),
        (LayerData::I32(all), LayerData::I32(more)) => all.extend(more),
        // A statistic is of one type.
        _ => {}
    }
}

/// The files that maps are of.
fn records(series: &Series) -> Vec<GranuleRecord> {
    let mut records: Vec<GranuleRecord> = Vec::new();
    for map in series.maps() {
        let name = series
            .files()
            .get(map.file)
            .map_or("", |file| file.dataset().name());
        match records.iter_mut().find(|record| record.name == name) {
            Some(record) => record.end = map.covered.1,
            None => records.push(GranuleRecord {
                name: name.to_owned(),
                start: map.covered.0,
                end: map.covered.1,
                status: GranuleStatus::Used,
                reason: String::new(),
            }),
        }
    }
    records
}

/// Options, and a digest over them and the files' names.
fn provenance(series: &Series, reduction: &Reduction, statistics: &[Statistic]) -> Provenance {
    let names: Vec<String> = statistics
        .iter()
        .map(|s| s.measure().to_lowercase())
        .collect();
    let mut options = format!(
        "swathe reduce -v {} --over time --stat '{}'",
        series.variable(),
        names.join(",")
    );
    if let Some(every) = reduction.every {
        let _ = write!(options, " --every {}", every.name());
    }
    if let Some([west, south, east, north]) = reduction.bbox {
        let _ = write!(options, " -b {west},{south},{east},{north}");
    }
    let mut hash = Sha256::new();
    hash.update(&options);
    for record in records(series) {
        hash.update(format!("\n{}", record.name));
    }
    let hex = |mut text: String, byte: &u8| {
        let _ = write!(text, "{byte:02x}");
        text
    };
    Provenance {
        options,
        digest: hash.finalize().iter().fold(String::new(), hex),
        version: env!("CARGO_PKG_VERSION").into(),
        newest_input: None,
    }
}
