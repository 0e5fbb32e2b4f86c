//! What a run tells: its plan, its granules, its maps.

use super::super::description::{Look, Maps, step_name};
use super::super::gathered::Gathered;
use super::super::outlines::outline;
use super::super::preview::{FEW, MOST, Preview, number};
use super::{Graph, Hub, MOST_OUTLINES, Map, Phase, Row, Slot, Stages, lock};
use crate::job::{Event, Plan, Purpose, Shares};
use std::sync::atomic::AtomicU8;
use std::sync::{Arc, PoisonError};
use std::time::Instant;
use swathe_core::build_geobox::Resolution;
use swathe_core::crs::Crs;
use swathe_core::geobox::GeoBox;
use swathe_core::isin::Isin;
use swathe_core::reduce::{Scheme, Tiling};
use swathe_core::source::LineExtent;
use swathe_io::bytes::ReadCounters;
use swathe_io::picture::Sketch;
use swathe_io::product::{GranuleRecord, GranuleStatus, Layer, Product, Statistic};

impl Hub {
    /// Takes what was planned. Bins are drawn on the map that is made of them, or on one of their own.
    pub fn plan(&self, plan: &Plan, shares: Option<&Shares>, map: Option<&GeoBox>) {
        let own = || plan.isin().and_then(of_bins);
        let drawn = map.cloned().or_else(own).unwrap_or(plan.geobox().clone());
        let names: Vec<&str> = plan.fields().collect();
        let layers = plan.main_layers();
        self.title(
            layers.first().map_or("Swathe", |layer| layer.name.as_str()),
            &format!(
                "{} of {} granules, {}",
                verb(plan.purpose()),
                plan.granules(),
                plan.method().name()
            ),
        );
        {
            let first = lock(&self.state).granules.len();
            *self.stages.write().unwrap_or_else(PoisonError::into_inner) = Stages {
                first,
                granules: (0..plan.granules()).map(|_| AtomicU8::new(0)).collect(),
                sketch: Some(Arc::new(Sketch::new(&drawn))),
            };
            let mut state = lock(&self.state);
            state.phase = Phase::Granules;
            state.since = Instant::now();
            state.limit = shares.map(|shares| shares.limit);
            state.spread = shares.is_none();
            state.total = state.done + plan.granules();
            state.before = state.done;
            let rows = plan.candidates().map(|candidate| Row {
                noted: self.note(),
                described: self.note(),
                name: candidate.name.clone(),
                state: "waiting",
                reason: String::new(),
                outline: Vec::new(),
                centre: None,
            });
            let rows: Vec<Row> = rows.collect();
            state.granules.extend(rows);
            let skipped: Vec<Row> = plan
                .skipped()
                .iter()
                .map(|record| self.row(record))
                .collect();
            for row in &skipped {
                self.log_in(
                    &mut state,
                    "warning",
                    &format!("{}: {}", row.name, row.reason),
                );
            }
            state.granules.extend(skipped);
            state.about = (self.note(), about(plan, shares, &names));
            for note in plan.notes() {
                self.log_in(&mut state, "note", note);
            }
        }
        let steps = match plan.purpose() {
            Purpose::Cube => plan.granules(),
            Purpose::Average => plan.windows().unwrap_or(1),
        };
        let most = if shares.is_some() { MOST } else { FEW };
        let preview = match plan.isin() {
            None => Tiling::new(plan.geobox().shape().0, plan.geobox().shape().1)
                .ok()
                .map(|tiling| Preview::new(tiling, layers.len(), steps, most)),
            Some(isin) => Preview::of_bins(isin, &drawn, layers.len(), steps, most),
        };
        let Some(preview) = preview else { return };
        let looks = layers.iter().map(|layer| {
            let statistic = Some(layer.statistic);
            Look::new(&drawn, &layer.name, &layer.attributes, statistic)
        });
        let names: Vec<String> = match plan.purpose() {
            Purpose::Cube => plan.starts().map(|(name, _)| name.to_owned()).collect(),
            Purpose::Average if plan.windows().is_none() => Vec::new(),
            Purpose::Average => (1..=steps).map(|n| format!("map {n} of {steps}")).collect(),
        };
        // What granules give is combined here, or told by tasks that combine what theirs do; otherwise it is kept apart.
        let fills_in = match shares {
            Some(shares) => shares.combined(),
            None => plan.purpose() == Purpose::Average && plan.windows().is_none(),
        };
        let gathered = match (plan.purpose(), shares, layers.first()) {
            (Purpose::Average, None, Some(layer)) => Some(Gathered::new(
                layer.statistic,
                preview.stride(),
                plan.geobox().shape(),
            )),
            _ => None,
        };
        *lock(&self.map) = Some(Map {
            noted: self.note(),
            maps: Maps {
                layers: looks.collect(),
                times: vec![f64::NAN; names.len()],
                steps: names,
                levels: vec![preview.level()],
                mean: false,
                geobox: drawn,
            },
            preview,
            slots: Vec::new(),
            gathered,
            scheme: plan.scheme(),
            fills_in,
        });
    }

    fn row(&self, record: &GranuleRecord) -> Row {
        Row {
            noted: self.note(),
            described: self.note(),
            name: record.name.clone(),
            state: record.status.as_str(),
            reason: record.reason.clone(),
            outline: Vec::new(),
            centre: None,
        }
    }

    /// Takes what was merged of so many parts: what became of their granules.
    pub fn merged(&self, product: &Product, parts: usize) {
        let name = product
            .layers
            .first()
            .map_or("Swathe", |layer| layer.name.as_str());
        self.title(
            name,
            &format!(
                "{} granules in {parts} parts merged",
                product.granules.len()
            ),
        );
        let mut state = lock(&self.state);
        let rows: Vec<Row> = product
            .granules
            .iter()
            .map(|record| self.row(record))
            .collect();
        (state.done, state.total) = (rows.len(), rows.len());
        state.granules = rows;
        let options = ("options".to_owned(), product.provenance.options.clone());
        state.about = (self.note(), vec![options]);
    }

    /// How far a reduction of so many files is.
    pub fn reduced(&self, variable: &str, files: usize, done: usize, total: usize) {
        if lock(&self.state).phase == Phase::Opening {
            self.title(variable, &format!("{files} files reduced"));
        }
        let mut state = lock(&self.state);
        if state.phase != Phase::Reducing {
            (state.phase, state.since) = (Phase::Reducing, Instant::now());
        }
        state.tiles = (done, total);
    }

    /// A product that is in memory.
    pub fn product(&self, product: &Product) {
        self.maps(product);
        if let Some(map) = lock(&self.map).as_mut() {
            let slots = map.slots.clone();
            for (layer, slot) in product.layers.iter().zip(slots) {
                let Some(Slot::Layer(slot)) = slot else {
                    continue;
                };
                for step in 0..product.maps(layer) {
                    map.preview.put_map(slot, step, &layer.data, || self.note());
                }
            }
        }
    }

    /// Whether a granule of the plan has not been drawn, but is to be.
    pub fn is_to_be_drawn(&self, granule: usize) -> bool {
        let row = self.first_row() + granule;
        let state = lock(&self.state);
        let row = state.granules.get(row).filter(|_| row < MOST_OUTLINES);
        row.is_some_and(|row| row.outline.is_empty())
    }

    /// Draws where the lines of a granule of the plan lie on the map.
    pub fn draw(&self, granule: usize, extents: &[LineExtent]) {
        if !self.is_to_be_drawn(granule) {
            return;
        }
        let (first, sketch) = {
            let stages = self.stages.read().unwrap_or_else(PoisonError::into_inner);
            (stages.first, stages.sketch.clone())
        };
        let Some(sketch) = sketch else { return };
        let (outline, centre) = outline(&sketch, extents);
        let mut state = lock(&self.state);
        if let Some(row) = state.granules.get_mut(first + granule) {
            (row.outline, row.centre) = (outline, centre);
            (row.noted, row.described) = (self.note(), self.note());
        }
    }

    /// Takes the plan whose graph may be asked for, with the names of its outputs.
    pub fn graph_of(&self, plan: Arc<Plan>, outputs: Vec<String>) {
        *lock(&self.graph) = Graph::Of(plan, outputs);
        lock(&self.state).graph = self.note();
    }

    /// The plan as a picture: drawn for who first asks for it, on one thread.
    pub fn graph_svg(&self) -> Option<String> {
        let mut graph = lock(&self.graph);
        if let Graph::Of(plan, outputs) = &*graph {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(1);
            let estimate = pool.build().ok()?.install(|| plan.estimate()).ok()?;
            *graph = Graph::Drawn(plan.graph(&estimate, outputs).svg());
        }
        match &*graph {
            Graph::Drawn(svg) => Some(svg.clone()),
            _ => None,
        }
    }

    /// Something happened in the run.
    pub fn event(&self, event: &Event<'_>) {
        match event {
            Event::Granule {
                number,
                record,
                done,
                total,
                read,
            } => {
                let spread = lock(&self.state).spread;
                match spread {
                    // Which one it was, tasks elsewhere tell.
                    true => self.steps_elsewhere(*done, *total),
                    false => self.granule_done(*number, record, *done, *total, *read),
                }
            }
            Event::Combined { composite, tiles } => {
                let watched = self.is_watched();
                if let Some(map) = lock(&self.map).as_mut() {
                    map.preview.change(tiles);
                    if watched {
                        map.preview.sample(0, composite, false, || self.note());
                    }
                }
            }
            Event::Maps { product } => self.maps(product),
            Event::Tile {
                layer,
                step,
                tile,
                values,
            } => {
                if let Some(map) = lock(&self.map).as_mut()
                    && let Some(Some(slot)) = map.slots.get(*layer)
                {
                    let (slot, scheme, note) = (*slot, map.scheme, || self.note());
                    // A map that is made of bins in the end comes as it is.
                    let bins = map.slots.contains(&Some(Slot::Weights));
                    let preview = &mut map.preview;
                    match slot {
                        Slot::Layer(slot) if bins && preview.is_of_bins() => {
                            let value = |at| number(values, at);
                            preview.put_bins(slot, *step, *tile, value, note);
                        }
                        Slot::Layer(slot) => preview.put(slot, *step, *tile, values, note()),
                        Slot::Weights => preview.put_weights(*step, *tile, values),
                        Slot::Sums => preview.put_sums(*step, *tile, values, scheme, note),
                    }
                }
            }
            Event::Tiles { done, total } => {
                let mut state = lock(&self.state);
                if state.phase != Phase::Tiles {
                    (state.phase, state.since) = (Phase::Tiles, Instant::now());
                }
                state.tiles = (*done, *total);
            }
        }
    }

    fn granule_done(
        &self,
        number: usize,
        record: &GranuleRecord,
        done: usize,
        total: usize,
        read: ReadCounters,
    ) {
        let first = self.first_row();
        let mut state = lock(&self.state);
        state.decoded = read.bytes_decoded;
        (state.done, state.total) = (state.before + done, state.before + total);
        let noted = self.note();
        if let Some(row) = state.granules.get_mut(first + number) {
            row.noted = noted;
            row.state = record.status.as_str();
            row.reason.clone_from(&record.reason);
        }
        if record.status == GranuleStatus::Skipped {
            self.log_in(
                &mut state,
                "warning",
                &format!("{}: {}", record.name, record.reason),
            );
        }
    }

    /// Maps are going to be finished.
    fn maps(&self, product: &Product) {
        let mut map = lock(&self.map);
        // What was drawn so far may be on another grid: a map that is made of bins in the end.
        let same = map.as_ref().is_some_and(|map| {
            map.preview.is_of_bins() || map.maps.geobox.shape() == product.geobox.shape()
        });
        if !same {
            *map = self.map_of(product);
            return;
        }
        if let Some(map) = map.as_mut() {
            map.slots = slots(product);
            if product.steps().len() > 1 || !map.maps.steps.is_empty() {
                map.maps.steps = product.steps().iter().map(step_name).collect();
                map.maps.times = product.steps().iter().map(|step| step.time).collect();
                map.noted = self.note();
            }
        }
    }

    /// A map where nothing was planned: parts that are merged.
    fn map_of(&self, product: &Product) -> Option<Map> {
        let (rows, columns) = product.geobox.shape();
        let tiling = Tiling::new(rows, columns).ok()?;
        let slots = slots(product);
        let layers = slots.iter().zip(&product.layers);
        let mut shown: Vec<(usize, &Layer)> = layers
            .filter_map(|(slot, layer)| match slot {
                Some(Slot::Layer(slot)) => Some((*slot, layer)),
                _ => None,
            })
            .collect();
        shown.sort_by_key(|(slot, _)| *slot);
        let preview = Preview::new(tiling, shown.len(), product.steps().len(), MOST);
        Some(Map {
            noted: self.note(),
            maps: Maps {
                geobox: product.geobox.clone(),
                layers: shown
                    .iter()
                    .map(|(_, layer)| {
                        let statistic = Some(layer.statistic);
                        Look::new(&product.geobox, &layer.name, &layer.attributes, statistic)
                    })
                    .collect(),
                steps: product.steps().iter().map(step_name).collect(),
                times: product.steps().iter().map(|step| step.time).collect(),
                levels: vec![preview.level()],
                mean: false,
            },
            preview,
            slots,
            gathered: None,
            scheme: Scheme::Arithmetic,
            fills_in: false,
        })
    }
}

/// What the layers of a product are in a preview: the first field's first statistic, count and granules.
fn slots(product: &Product) -> Vec<Option<Slot>> {
    let mut taken: Vec<Slot> = Vec::new();
    let slot = |layer: &Layer| {
        let slot = match layer.statistic {
            Statistic::Count => Slot::Layer(1),
            Statistic::Granules => Slot::Layer(2),
            Statistic::Weights => Slot::Weights,
            Statistic::Sum if taken.contains(&Slot::Weights) => Slot::Sums,
            _ => Slot::Layer(0),
        };
        // What bins are kept as is no picture.
        let hidden = slot == Slot::Layer(0) && taken.contains(&Slot::Weights);
        let first = !hidden && !taken.contains(&slot);
        taken.push(slot);
        first.then_some(slot)
    };
    product.layers.iter().map(slot).collect()
}

/// A map on which bins are drawn: as many rows as they have, over their area.
fn of_bins(isin: &Isin) -> Option<GeoBox> {
    let region = isin.region();
    let bounds = (
        region.west,
        region.south,
        region.west + region.width,
        region.north,
    );
    GeoBox::from_bbox(Crs::lonlat(), bounds, Resolution::Units(isin.height())).ok()
}

fn verb(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Average => "average",
        Purpose::Cube => "maps",
    }
}

fn about(plan: &Plan, shares: Option<&Shares>, names: &[&str]) -> Vec<(String, String)> {
    let (rows, columns) = plan.geobox().shape();
    let method = plan.method();
    let step = plan.geobox().x.step();
    [
        ("variables", names.join(", ")),
        (
            "grid",
            format!(
                "{columns} × {rows} cells of {step} in {}",
                plan.geobox().crs
            ),
        ),
        ("method", method.name().to_owned()),
        (
            "combined",
            match shares.map(Shares::combined) {
                Some(true) => "in memory",
                Some(false) => "tile by tile, from a journal on disk",
                None => "by tasks on a cluster",
            }
            .to_owned(),
        ),
        ("options", plan.options()),
        ("version", env!("CARGO_PKG_VERSION").to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec()
}
