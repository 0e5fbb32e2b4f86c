//! What is known of a run that goes on: the run tells, pages ask.
//!
//! States are kept as they are now, what happened as a list that forgets its beginning: a page that asks
//! seldom, or not at all, makes nobody wait and nothing grow. What is new since a page last asked is told by
//! numbers: everything that is noted has one, and later ones are greater.

use super::description::{Look, Maps, lines, step_name};
use super::lanes::Lanes;
use super::preview::Preview;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};
use swathe_core::reduce::Tiling;
use swathe_core::resample::Method;
use swathe_core::watch::{Task, Watcher};
use swathe_io::bytes::ReadCounters;
use swathe_io::picture::SketchLine;
use swathe_io::product::{GranuleRecord, GranuleStatus, Layer, Product, Statistic};

use crate::job::{Event, Plan, Purpose, Shares};

/// Lines of the log that are kept.
const MOST_LINES: usize = 1000;
/// Samples of memory that are kept: of more, every other goes.
const MOST_SAMPLES: usize = 1200;
/// A page that has asked within this time is there.
const PRESENT: Duration = Duration::from_secs(5);
/// Points of the coast.
const COAST: usize = 60_000;

/// What is known of a run.
#[derive(Debug)]
pub struct Hub {
    /// Tells runs apart that answer at the same address one after another.
    run: u32,
    started: Instant,
    /// The greatest number given.
    noted: AtomicU64,
    lanes: Lanes,
    /// How far granules are: waiting, reading, gridding.
    stages: RwLock<Stages>,
    read: AtomicU64,
    state: Mutex<State>,
    map: Mutex<Option<Map>>,
    /// Milliseconds since the start when a page last asked, and when one has seen the end.
    asked: AtomicU64,
    seen: AtomicU64,
}

/// How far the granules of a plan are, and the row of the first of them.
#[derive(Debug, Default)]
struct Stages {
    first: usize,
    granules: Vec<AtomicU8>,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    /// When the phase began, and what of it was done before.
    since: Instant,
    error: Option<String>,
    title: (u64, String, String),
    about: (u64, Vec<(String, String)>),
    graph: Option<(u64, String)>,
    granules: Vec<Row>,
    /// Granules of earlier runs of the same stack.
    before: usize,
    done: usize,
    total: usize,
    tiles: (usize, usize),
    decoded: u64,
    baseline: u64,
    limit: Option<u64>,
    samples: VecDeque<(u64, f64, u64, u64)>,
    sample_every: u32,
    ticks: u32,
    log: VecDeque<(u64, f64, &'static str, String)>,
    ended: Option<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Opening,
    Granules,
    Tiles,
    Reducing,
    Done,
    Failed,
}

/// A granule.
#[derive(Debug, Clone)]
struct Row {
    noted: u64,
    /// Its name and outline are told once.
    described: u64,
    name: String,
    state: &'static str,
    reason: String,
    outline: Vec<SketchLine>,
    centre: Option<(f32, f32)>,
}

#[derive(Debug)]
struct Map {
    noted: u64,
    maps: Maps,
    preview: Preview,
    /// The step that composites are of.
    step: usize,
    /// For every layer of the product, which of these layers it is.
    slots: Vec<Option<usize>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Watcher for Hub {
    fn turns_to(&self, granule: Option<u32>, task: Option<Task>) {
        self.lanes.turn(granule, task, &self.noted);
        let (Some(granule), Some(task)) = (granule, task) else {
            return;
        };
        let stage = match task {
            Task::Fetch | Task::Decode => 1,
            Task::Locate | Task::Grid => 2,
            Task::Combine | Task::Write => return,
        };
        // Given back before the state is locked: nobody holds the one while waiting for the other.
        let row = {
            let stages = self.stages.read().unwrap_or_else(PoisonError::into_inner);
            let known = stages.granules.get(granule as usize);
            let further = known.is_some_and(|known| {
                known.load(Ordering::Relaxed) < stage
                    && known.fetch_max(stage, Ordering::Relaxed) < stage
            });
            further.then_some(stages.first + granule as usize)
        };
        let mut state = match row {
            Some(_) => lock(&self.state),
            None => return,
        };
        if let Some(row) = row.and_then(|row| state.granules.get_mut(row))
            && matches!(row.state, "waiting" | "reading")
        {
            row.state = if stage == 1 { "reading" } else { "gridding" };
            row.noted = self.note();
        }
    }

    fn read(&self, bytes: usize) {
        self.read.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

impl Hub {
    pub fn new(run: u32) -> Self {
        let now = Instant::now();
        Hub {
            run,
            started: now,
            noted: AtomicU64::new(0),
            lanes: Lanes::new(now),
            stages: RwLock::default(),
            read: AtomicU64::new(0),
            state: Mutex::new(State {
                phase: Phase::Opening,
                since: now,
                error: None,
                title: (0, String::new(), String::new()),
                about: (0, Vec::new()),
                graph: None,
                granules: Vec::new(),
                before: 0,
                done: 0,
                total: 0,
                tiles: (0, 0),
                decoded: 0,
                baseline: resident_bytes().unwrap_or(0),
                limit: None,
                samples: VecDeque::new(),
                sample_every: 1,
                ticks: 0,
                log: VecDeque::new(),
                ended: None,
            }),
            map: Mutex::default(),
            asked: AtomicU64::new(0),
            seen: AtomicU64::new(0),
        }
    }

    /// A new number: of something that is noted while what it belongs to is locked, so that who asks for
    /// everything up to a number gets it.
    fn note(&self) -> u64 {
        self.noted.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// The row of the first granule of the plan that is carried out.
    fn first_row(&self) -> usize {
        self.stages
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .first
    }

    fn elapsed(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }

    fn milliseconds(&self) -> u64 {
        self.started.elapsed().as_millis() as u64
    }

    /// What the page is called.
    pub fn title(&self, title: &str, subtitle: &str) {
        let mut state = lock(&self.state);
        state.title = (self.note(), title.to_owned(), subtitle.to_owned());
    }

    /// A line of the log.
    pub fn log(&self, kind: &'static str, text: &str) {
        let mut state = lock(&self.state);
        self.log_in(&mut state, kind, text);
    }

    fn log_in(&self, state: &mut State, kind: &'static str, text: &str) {
        if state.log.len() == MOST_LINES {
            state.log.pop_front();
        }
        let line = (self.note(), self.elapsed(), kind, text.to_owned());
        state.log.push_back(line);
    }

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

    /// The run has ended.
    pub fn end(&self, failure: Option<&str>) {
        let mut state = lock(&self.state);
        state.phase = if failure.is_some() {
            Phase::Failed
        } else {
            Phase::Done
        };
        state.error = failure.map(str::to_owned);
        state.ended = Some(self.elapsed());
        if let Some(failure) = failure {
            self.log_in(&mut state, "error", failure);
        }
    }

    /// Whether a page asks.
    pub fn is_watched(&self) -> bool {
        let asked = self.asked.load(Ordering::Relaxed);
        asked > 0 && self.milliseconds() - asked < PRESENT.as_millis() as u64
    }

    /// A page has what it needs of a run that has ended.
    pub fn has_seen(&self) {
        self.seen.store(self.milliseconds(), Ordering::Relaxed);
    }

    /// Whether a page that asks has not seen the end.
    pub fn is_awaited(&self) -> bool {
        self.is_watched() && self.seen.load(Ordering::Relaxed) == 0
    }

    /// Notes how much memory is in use; called twice a second.
    pub fn tick(&self) {
        let memory = resident_bytes().unwrap_or(0);
        let mut state = lock(&self.state);
        state.ticks += 1;
        if state.ended.is_some() || !state.ticks.is_multiple_of(state.sample_every) {
            return;
        }
        if state.samples.len() == MOST_SAMPLES {
            let mut keep = false;
            state.samples.retain(|_| {
                keep = !keep;
                keep
            });
            state.sample_every *= 2;
        }
        let read = self.read.load(Ordering::Relaxed);
        let sample = (self.note(), self.elapsed(), memory, read);
        state.samples.push_back(sample);
    }

    /// What is new since a number; everything for a page that knows of another run.
    pub fn state(&self, since: u64, run: u32) -> Value {
        self.asked
            .store(self.milliseconds().max(1), Ordering::Relaxed);
        let since = if run == self.run { since } else { 0 };
        let until = self.noted.load(Ordering::SeqCst);
        let new = |noted: u64| noted > since && noted <= until;
        let state = lock(&self.state);
        let granules: Vec<Value> = state
            .granules
            .iter()
            .enumerate()
            .filter(|(_, row)| row.noted > since)
            .map(|(place, row)| {
                let mut known = json!({"row": place, "state": row.state, "reason": row.reason});
                if row.described > since {
                    known["name"] = json!(row.name);
                    known["lines"] = lines(&row.outline);
                    known["centre"] = json!(row.centre);
                }
                known
            })
            .collect();
        let count = |word: &str| {
            state
                .granules
                .iter()
                .filter(|row| row.state == word)
                .count()
        };
        let phase = match state.phase {
            Phase::Opening => "opening",
            Phase::Granules => "granules",
            Phase::Tiles => "tiles",
            Phase::Reducing => "reducing",
            Phase::Done => "done",
            Phase::Failed => "failed",
        };
        let (done, total) = match state.phase {
            Phase::Tiles | Phase::Reducing => state.tiles,
            _ => (state.done, state.total),
        };
        let left = (done > 0 && state.ended.is_none()).then(|| {
            state.since.elapsed().as_secs_f64() * total.saturating_sub(done) as f64 / done as f64
        });
        let mut answer = json!({
            "run": self.run,
            "since": until,
            "phase": phase,
            "error": state.error,
            "elapsed": state.ended.unwrap_or_else(|| self.elapsed()),
            "left": left,
            "granules": granules,
            "counts": {
                "granules": {
                    "done": state.done, "total": state.total, "used": count("used"),
                    "empty": count("empty"), "skipped": count("skipped"),
                },
                "tiles": {"done": state.tiles.0, "total": state.tiles.1},
            },
            "read": {"bytes": self.read.load(Ordering::Relaxed), "decoded": state.decoded},
            "memory": {"baseline": state.baseline, "limit": state.limit},
            "samples": state.samples.iter().filter(|s| new(s.0)).map(|s| json!([rounded(s.1), s.2, s.3])).collect::<Vec<_>>(),
            "log": state.log.iter().filter(|l| new(l.0)).map(|l| json!([rounded(l.1), l.2, l.3])).collect::<Vec<_>>(),
        });
        if state.title.0 > since {
            answer["title"] = json!(state.title.1);
            answer["subtitle"] = json!(state.title.2);
        }
        if state.about.0 > since {
            answer["about"] = json!(state.about.1);
        }
        if state.graph.as_ref().is_some_and(|graph| graph.0 > since) {
            answer["graph"] = json!(true);
        }
        drop(state);
        let pieces = self.lanes.pieces(since, until);
        let task = |task: Task| Task::ALL.iter().position(|t| *t == task);
        answer["workers"] = json!(self.lanes.names());
        let pieces = pieces.iter().map(|p| {
            json!([
                p.lane,
                task(p.task),
                p.granule,
                rounded(p.begin),
                rounded(p.end)
            ])
        });
        answer["segments"] = pieces.collect();
        let current = self.lanes.current().into_iter();
        answer["now"] = current
            .map(|(lane, doing, granule, since)| {
                json!([lane, task(doing), granule, rounded(since)])
            })
            .collect();
        if let Some(map) = lock(&self.map).as_ref() {
            if map.noted > since {
                answer["map"] = map.maps.json(COAST);
            }
            answer["blocks"] = json!(map.preview.has_news(since));
        }
        answer
    }

    /// Parts of the map that are new since a number.
    pub fn blocks(&self, since: u64) -> Vec<u8> {
        let map = lock(&self.map);
        map.as_ref()
            .map_or_else(Vec::new, |map| map.preview.news(since))
    }
}

/// To a ten-thousandth.
fn rounded(seconds: f64) -> f64 {
    (seconds * 1e4).round() / 1e4
}

fn verb(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Average => "average",
        Purpose::Cube => "maps",
    }
}

fn about(plan: &Plan, shares: &Shares, names: &[&str]) -> Vec<(String, String)> {
    let (rows, columns) = plan.geobox().shape();
    let method: Method = plan.method();
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

/// Memory that the process has in use, where the system tells.
pub fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kibibytes * 1024)
}
