//! A report: one file with the map, what its values are, and how it was made.
//!
//! Maps come tile by tile, as to every output; what is kept of them are means of squares of cells and a
//! summary of the values, so that a report of the Earth takes no more memory than one of a bay. The same
//! product gives the same bytes.

use super::description::{Look, Maps, step_name};
use super::page::Page;
use super::squares::Squares;
use super::summary::Summary;
use crate::job::quoted;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use libdeflater::{CompressionLvl, Compressor};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use swathe_core::reduce::{TILE_SIZE, Tiling};
use swathe_io::error::{Error, Result};
use swathe_io::product::{GranuleStatus, LayerData, Product, TileSink};

/// Numbers that are kept of all maps together.
const MOST: usize = 1_500_000;
/// Layers that are kept.
const MOST_LAYERS: usize = 12;
/// Granules that are named in the command.
const NAMED: usize = 8;

/// A report in the making: a sink of tiles.
#[derive(Debug)]
pub struct Report {
    product: Product,
    tiling: Tiling,
    /// For every layer of the product, which of the kept ones it is.
    kept: Vec<Option<usize>>,
    side: usize,
    /// By kept layer and step.
    maps: Vec<Vec<Map>>,
    /// Of tiles that are encoded and not put.
    encoded: Mutex<HashMap<(usize, usize, usize), Summary>>,
}

#[derive(Debug, Clone)]
struct Map {
    means: Vec<f32>,
    summary: Summary,
}

impl Report {
    /// Of a product, whose values are not looked at.
    ///
    /// # Errors
    /// [`Error::Product`] for a grid of 2^32 cells or more.
    pub fn new(product: &Product) -> Result<Report> {
        let (rows, columns) = product.geobox.shape();
        let refused = |error: swathe_core::reduce::ReduceError| Error::Product {
            reason: error.to_string(),
        };
        let tiling = Tiling::new(rows, columns).map_err(refused)?;
        let steps = product.steps().len();
        // Of a stack, the maps alone and how many values they are of.
        let most = if steps > 1 { 2 } else { MOST_LAYERS };
        let mut kept = Vec::new();
        let mut layers = 0;
        for layer in &product.layers {
            let wanted = steps == 1
                || layers == 0
                || layer.statistic == swathe_io::product::Statistic::Count;
            let number = (wanted && layers < most).then_some(layers);
            layers += usize::from(number.is_some());
            kept.push(number);
        }
        let maps = product
            .layers
            .iter()
            .zip(&kept)
            .filter(|(_, kept)| kept.is_some());
        let maps: Vec<usize> = maps.map(|(layer, _)| product.maps(layer)).collect();
        let all: usize = maps.iter().sum();
        let mut side = 1;
        while side < TILE_SIZE && rows.div_ceil(side) * columns.div_ceil(side) * all > MOST {
            side *= 2;
        }
        let empty = Map {
            means: vec![f32::NAN; rows.div_ceil(side) * columns.div_ceil(side)],
            summary: Summary::default(),
        };
        Ok(Report {
            product: without_values(product),
            tiling,
            kept,
            side,
            maps: maps
                .into_iter()
                .map(|steps| vec![empty.clone(); steps])
                .collect(),
            encoded: Mutex::default(),
        })
    }

    /// The file, once all tiles have been put.
    pub fn html(&self) -> String {
        let product = &self.product;
        let shown = || {
            product
                .layers
                .iter()
                .zip(&self.kept)
                .filter(|(_, kept)| kept.is_some())
        };
        let looks = shown().map(|(layer, _)| {
            Look::new(
                &product.geobox,
                &layer.name,
                &layer.attributes,
                Some(layer.statistic),
            )
        });
        let maps = Maps {
            geobox: product.geobox.clone(),
            layers: looks.collect(),
            steps: product.steps().iter().map(step_name).collect(),
            times: product.steps().iter().map(|step| step.time).collect(),
            levels: vec![self.side.trailing_zeros()],
            mean: true,
        };
        let several = product.steps().len() > 1;
        let mut rasters = Vec::new();
        for (layer, steps) in self.maps.iter().enumerate() {
            for (step, map) in steps.iter().enumerate() {
                rasters.push(json!({"layer": layer, "step": step, "values": packed(&map.means)}));
            }
        }
        let summaries = self.maps.iter().map(|steps| {
            let all = steps.iter().map(|map| map.summary.json(several));
            all.collect::<Vec<_>>()
        });
        let granules = product
            .granules
            .iter()
            .map(|granule| json!([granule.name, granule.status.as_str(), granule.reason]));
        let covered = product.time_coverage();
        let period = covered
            .map(super::description::period_name)
            .unwrap_or_default();
        let title = product
            .layers
            .first()
            .map_or("Swathe", |layer| layer.name.as_str());
        let data = json!({
            "mode": "report",
            "subtitle": period,
            "map": maps.json(),
            "rasters": rasters,
            "summaries": summaries.collect::<Vec<_>>(),
            "granules": granules.collect::<Vec<_>>(),
            "about": self.about(),
        });
        Page::new(title, data).html
    }

    /// What it says about itself: name, text, and how the text is shown.
    fn about(&self) -> Vec<Value> {
        let product = &self.product;
        let made = &product.provenance;
        let (rows, columns) = product.geobox.shape();
        let step = product.geobox.x.step();
        let grid = format!(
            "{columns} × {rows} cells of {step} in {}",
            product.geobox.crs
        );
        let mut about = vec![
            json!(["command", self.command(), "code"]),
            json!(["grid", grid]),
        ];
        if self.command().contains("@granules.txt") {
            let said =
                "the names of the granules that are not skipped, one a line: the table above";
            about.push(json!(["granules.txt", said]));
        }
        let layers = self.kept.iter().flatten().count();
        if layers < self.kept.len() {
            about.push(json!([
                "layers",
                format!("{layers} of {} are shown", self.kept.len())
            ]));
        }
        if self.side > 1 {
            let shown = format!(
                "means of {0} × {0} cells; numbers beside the map are of all cells",
                self.side
            );
            about.push(json!(["shown", shown]));
        }
        for report in &product.flags {
            let share = |n: u64| 100.0 * n as f64 / report.pixels.max(1) as f64;
            let mut flags: Vec<&(String, u64)> =
                report.by_flag.iter().filter(|(_, n)| *n > 0).collect();
            flags.sort_by_key(|(name, n)| (std::cmp::Reverse(*n), name.clone()));
            let each: Vec<String> = flags
                .iter()
                .map(|(name, n)| format!("{name} {:.1} %", share(*n)))
                .collect();
            let removed = match report.pixels {
                0 => "no valid pixel in the area".to_owned(),
                pixels => format!(
                    "{:.1} % of {pixels} valid pixels removed",
                    share(report.removed)
                ),
            };
            let each = match each.is_empty() {
                true => String::new(),
                false => format!(" ({})", each.join(", ")),
            };
            about.push(json!([
                format!("flags, {}", report.variable),
                removed + &each
            ]));
        }
        about.push(json!(["version", made.version]));
        about.push(json!(["digest", made.digest, "code"]));
        about
    }

    /// The command that makes the product again.
    fn command(&self) -> String {
        let used = self.product.granules.iter();
        let used = used.filter(|granule| granule.status != GranuleStatus::Skipped);
        let names: Vec<String> = used.map(|granule| given(&granule.name)).collect();
        let options = &self.product.provenance.options;
        // Its first two words are the program and the command; what they work on comes next.
        let mut words = options.splitn(3, ' ');
        let (Some("swathe"), Some(verb @ ("average" | "grid")), rest) =
            (words.next(), words.next(), words.next())
        else {
            return options.clone();
        };
        let inputs = match names.len() {
            1..=NAMED => names.join(" "),
            _ => "@granules.txt".to_owned(),
        };
        format!(
            "swathe {verb} {inputs} {} -o report.html",
            rest.unwrap_or_default()
        )
    }
}

/// The name of a granule as a word of a command: one that begins as an option or a list does is told as a path.
fn given(name: &str) -> String {
    match name.starts_with(['-', '@']) {
        true => quoted(&format!("./{name}")).into_owned(),
        false => quoted(name).into_owned(),
    }
}

/// The product with what describes it alone.
fn without_values(product: &Product) -> Product {
    let layers = product
        .layers
        .iter()
        .map(|layer| swathe_io::product::Layer {
            name: layer.name.clone(),
            statistic: layer.statistic,
            data: LayerData::Tiled(layer.data.dtype()),
            attributes: layer.attributes.clone(),
            timed: layer.timed,
        });
    Product {
        geobox: product.geobox.clone(),
        times: product.times.clone(),
        layers: layers.collect(),
        granules: product.granules.clone(),
        windows: product.windows.clone(),
        flags: product.flags.clone(),
        provenance: product.provenance.clone(),
        attributes: product.attributes.clone(),
    }
}

/// Numbers deflated, the bytes of each rank together, in base64.
fn packed(values: &[f32]) -> String {
    let mut ranks = Vec::with_capacity(4 * values.len());
    for rank in 0..4 {
        ranks.extend(values.iter().map(|value| value.to_le_bytes()[rank]));
    }
    let mut compressor = Compressor::new(CompressionLvl::best());
    let mut out = vec![0; compressor.zlib_compress_bound(ranks.len())];
    // The room suffices by its definition.
    let length = compressor.zlib_compress(&ranks, &mut out).unwrap_or(0);
    out.truncate(length);
    BASE64.encode(out)
}

/// The values of a tile; in whole numbers all are there.
fn values(data: &LayerData) -> Box<dyn Iterator<Item = f64> + '_> {
    match data {
        LayerData::F32(v) => Box::new(v.iter().map(|v| f64::from(*v))),
        LayerData::F64(v) => Box::new(v.iter().copied()),
        LayerData::I32(v) => Box::new(v.iter().map(|v| f64::from(*v))),
        LayerData::I64(v) => Box::new(v.iter().map(|v| *v as f64)),
        LayerData::Tiled(_) => Box::new(std::iter::empty()),
    }
}

impl TileSink for &mut Report {
    fn encode(&self, layer: usize, step: usize, tile: usize, data: &LayerData) -> Result<Vec<u8>> {
        let Some(Some(kept)) = self.kept.get(layer) else {
            return Ok(Vec::new());
        };
        let (rows, columns) = self.tiling.extent(tile);
        let (height, width) = (
            rows.len().div_ceil(self.side),
            columns.len().div_ceil(self.side),
        );
        let mut squares = Squares::empty(height, width);
        squares.add_rows(0, columns.len(), self.side, values(data));
        let mut encoded = self.encoded.lock().unwrap_or_else(PoisonError::into_inner);
        encoded.insert((*kept, step, tile), Summary::of(values(data)));
        Ok(squares.means().flat_map(f32::to_le_bytes).collect())
    }

    fn put(&mut self, layer: usize, step: usize, tile: usize, encoded: &[u8]) -> Result<()> {
        let Some(Some(kept)) = self.kept.get(layer).copied() else {
            return Ok(());
        };
        let summaries = self
            .encoded
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        let summary = summaries.remove(&(kept, step, tile)).unwrap_or_default();
        let (rows, columns) = self.tiling.extent(tile);
        let across = self.tiling.shape().1.div_ceil(self.side);
        let (row, column) = (rows.start / self.side, columns.start / self.side);
        let width = columns.len().div_ceil(self.side);
        let Some(map) = self
            .maps
            .get_mut(kept)
            .and_then(|steps| steps.get_mut(step))
        else {
            return Ok(());
        };
        map.summary.add(&summary);
        let (numbers, _) = encoded.as_chunks::<4>();
        for (i, line) in numbers.chunks(width.max(1)).enumerate() {
            let start = (row + i) * across + column;
            let target = map
                .means
                .get_mut(start..start + line.len())
                .unwrap_or_default();
            for (to, from) in target.iter_mut().zip(line) {
                *to = f32::from_le_bytes(*from);
            }
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}
