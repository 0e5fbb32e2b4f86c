//! What is known of a run that goes on: the run tells, pages ask.
//!
//! States are kept as they are now, what happened as a list that forgets its beginning: a page that asks
//! seldom, or not at all, makes nobody wait and nothing grow. What is new since a page last asked is told by
//! numbers: everything that is noted has one, and later ones are greater.

mod answer;
mod elsewhere;
mod told;

use super::description::Maps;
use super::gathered::Gathered;
use super::lanes::Lanes;
use super::preview::Preview;
use crate::job::Plan;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};
use swathe_core::reduce::Scheme;
use swathe_core::source::LineExtent;
use swathe_core::watch::{Task, Watcher};
use swathe_io::picture::{Sketch, SketchLine};

/// Lines of the log that are kept.
const MOST_LINES: usize = 1000;
/// Samples of memory that are kept: of more, every other goes.
const MOST_SAMPLES: usize = 1200;
/// Outlines that are kept.
const MOST_OUTLINES: usize = 4000;
/// A page that has asked within this time is there.
const PRESENT: Duration = Duration::from_secs(5);

/// What is known of a run.
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
    graph: Mutex<Graph>,
    /// Milliseconds since the start when a page last asked, and when one has seen the end.
    asked: AtomicU64,
    seen: AtomicU64,
}

/// How far the granules of a plan are, the row of the first of them, and the map that they are drawn on.
#[derive(Default)]
struct Stages {
    first: usize,
    granules: Vec<AtomicU8>,
    sketch: Option<Arc<Sketch>>,
}

/// The plan as a picture, which takes a look at every granule to be drawn.
enum Graph {
    None,
    Of(Arc<Plan>, Vec<String>),
    Drawn(String),
}

#[derive(Debug)]
struct State {
    phase: Phase,
    /// When the phase began, and what of it was done before.
    since: Instant,
    error: Option<String>,
    title: (u64, String, String),
    about: (u64, Vec<(String, String)>),
    /// Labels and addresses of other pages.
    links: (u64, Vec<(String, String)>),
    /// Whether others carry the run out.
    spread: bool,
    /// When there was a graph to ask for.
    graph: u64,
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
    /// For every layer of the product, what it is here.
    slots: Vec<Option<Slot>>,
    /// What tasks elsewhere gave.
    gathered: Option<Gathered>,
    /// What of bins is averaged.
    scheme: Scheme,
    /// Whether it fills in while granules are worked on; otherwise it comes when all of them are done.
    fills_in: bool,
}

/// What a layer of a product is in a preview.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Slot {
    /// The layer of this number.
    Layer(usize),
    /// Of bins, what the first layer is made of.
    Weights,
    Sums,
}

impl std::fmt::Debug for Hub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hub")
            .field("run", &self.run)
            .finish_non_exhaustive()
    }
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
        self.further(granule, stage);
    }

    fn read(&self, bytes: usize) {
        self.read.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    fn lies(&self, granule: u32, extents: &[LineExtent]) {
        self.draw(granule as usize, extents);
    }
}

impl Hub {
    /// A granule of the plan is read (1) or gridded (2).
    fn further(&self, granule: u32, stage: u8) {
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
                links: (0, Vec::new()),
                spread: false,
                graph: 0,
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
            graph: Mutex::new(Graph::None),
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

    /// Whether the run has ended.
    pub fn has_ended(&self) -> bool {
        lock(&self.state).ended.is_some()
    }

    /// Whether a page asks.
    pub fn is_watched(&self) -> bool {
        let asked = self.asked.load(Ordering::Relaxed);
        asked > 0 && self.milliseconds() - asked < PRESENT.as_millis() as u64
    }

    /// A page has been closed. Others ask again soon.
    pub fn has_gone(&self) {
        self.asked.store(0, Ordering::Relaxed);
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
