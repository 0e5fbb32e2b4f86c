//! What a run tells: its plan, its granules, its maps.

use super::super::description::{Look, Maps, step_name};
use super::super::preview::Preview;
use super::{Hub, Map, Phase, Row, Stages, lock};
use crate::job::{Event, Plan, Purpose, Shares};
use std::sync::PoisonError;
use std::sync::atomic::AtomicU8;
use std::time::Instant;
use swathe_core::reduce::Tiling;
use swathe_io::bytes::ReadCounters;
use swathe_io::picture::SketchLine;
use swathe_io::product::{GranuleRecord, GranuleStatus, Layer, Product, Statistic};

impl Hub {
    /// Takes what was planned. `step` of `steps`: of several runs, one for every map of a stack.
    pub fn plan(&self, plan: &Plan, shares: &Shares, step: usize, steps: &[String]) {
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
            };
            let mut state = lock(&self.state);
            state.phase = Phase::Granules;
            state.since = Instant::now();
            state.limit = Some(shares.limit);
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
        if plan.isin().is_some() {
            return;
        }
        let (rows, columns) = plan.geobox().shape();
        let Ok(tiling) = Tiling::new(rows, columns) else {
            return;
        };
        let names: Vec<String> = match (plan.purpose(), steps) {
            (Purpose::Cube, _) => plan.starts().map(|(name, _)| name.to_owned()).collect(),
            (Purpose::Average, steps) => steps.to_vec(),
        };
        let mut map = lock(&self.map);
        if map.is_none() {
            let looks = layers.iter().map(|layer| {
                Look::new(
                    plan.geobox(),
                    &layer.name,
                    &layer.attributes,
                    Some(layer.statistic),
                )
            });
            let preview = Preview::new(tiling, layers.len(), names.len().max(1));
            *map = Some(Map {
                noted: self.note(),
                maps: Maps {
                    geobox: plan.geobox().clone(),
                    layers: looks.collect(),
                    times: vec![f64::NAN; names.len()],
                    steps: names,
                    levels: vec![preview.level()],
                    mean: false,
                },
                preview,
                step,
                slots: Vec::new(),
            });
        }
        if let Some(map) = map.as_mut() {
            map.step = step;
        }
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
                let Some(slot) = slot else { continue };
                for step in 0..product.maps(layer) {
                    map.preview.put_map(slot, step, &layer.data, || self.note());
                }
            }
        }
    }

    /// Where a granule lies on the map, in cells.
    pub fn outline(&self, granule: usize, outline: Vec<SketchLine>, centre: Option<(f32, f32)>) {
        let first = self.first_row();
        let mut state = lock(&self.state);
        if let Some(row) = state.granules.get_mut(first + granule) {
            (row.outline, row.centre) = (outline, centre);
            (row.noted, row.described) = (self.note(), self.note());
        }
    }

    /// The plan as a picture.
    pub fn graph(&self, svg: String) {
        let mut state = lock(&self.state);
        state.graph = Some((self.note(), svg));
    }

    /// The picture of the plan.
    pub fn graph_svg(&self) -> Option<String> {
        lock(&self.state).graph.as_ref().map(|(_, svg)| svg.clone())
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
                self.granule_done(*number, record, *done, *total, *read);
            }
            Event::Combined { composite, tiles } => {
                let watched = self.is_watched();
                if let Some(map) = lock(&self.map).as_mut() {
                    map.preview.change(tiles);
                    if watched {
                        let step = map.step;
                        map.preview.sample(step, composite, false, || self.note());
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
                    let slot = *slot;
                    map.preview.put(slot, *step, *tile, values, self.note());
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
        let slot = |layer: &Layer, taken: &mut Vec<Statistic>| {
            let known = match layer.statistic {
                Statistic::Count => 1,
                Statistic::Granules => 2,
                _ => 0,
            };
            let kind = layer.statistic;
            // The first field's, and of its statistics the first.
            let first = if known == 0 {
                taken.is_empty()
            } else {
                !taken.contains(&kind)
            };
            taken.push(kind);
            first.then_some(known)
        };
        match map.as_mut() {
            Some(map) => {
                let mut taken = Vec::new();
                map.slots = product
                    .layers
                    .iter()
                    .map(|layer| slot(layer, &mut taken))
                    .collect();
                if product.steps().len() == map.maps.steps.len() || map.maps.steps.len() > 1 {
                    map.maps.steps = product.steps().iter().map(step_name).collect();
                    map.maps.times = product.steps().iter().map(|step| step.time).collect();
                    map.noted = self.note();
                }
            }
            None => *map = self.map_of(product, &slot),
        }
    }

    /// A map where nothing was planned: parts that are merged.
    fn map_of(
        &self,
        product: &Product,
        slot: &dyn Fn(&Layer, &mut Vec<Statistic>) -> Option<usize>,
    ) -> Option<Map> {
        let (rows, columns) = product.geobox.shape();
        let tiling = Tiling::new(rows, columns).ok()?;
        let mut taken = Vec::new();
        let slots: Vec<Option<usize>> = product
            .layers
            .iter()
            .map(|layer| slot(layer, &mut taken))
            .collect();
        let mut shown: Vec<(usize, &Layer)> = slots
            .iter()
            .zip(&product.layers)
            .filter_map(|(slot, layer)| Some(((*slot)?, layer)))
            .collect();
        shown.sort_by_key(|(slot, _)| *slot);
        let preview = Preview::new(tiling, shown.len(), product.steps().len());
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
            step: 0,
            slots,
        })
    }
}

fn verb(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Average => "average",
        Purpose::Cube => "maps",
    }
}

fn about(plan: &Plan, shares: &Shares, names: &[&str]) -> Vec<(String, String)> {
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
            if shares.combined() {
                "in memory"
            } else {
                "tile by tile, from a journal on disk"
            }
            .to_owned(),
        ),
        ("options", plan.options()),
        ("version", env!("CARGO_PKG_VERSION").to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec()
}
