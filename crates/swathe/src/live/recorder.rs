//! What a task of a spread run does, noted in the process that does it, for a page elsewhere.
//!
//! ```text
//! worker: Recorder <-- watch, events;  take() --bytes, some way--> client: Live::take --> Hub
//! ```
//!
//! Times travel as distances from the moment of sending: clocks of two machines differ.

use super::lanes::Lanes;
use super::preview::middle;
use crate::job::{Event, JobError, opened, sealed};
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use swathe_core::reduce::{Composite, Statistic};
use swathe_core::source::LineExtent;
use swathe_core::watch::{Task, Watcher};

/// Lines of a granule that are told.
const LINES: usize = 17;

/// Notes what one task does.
#[derive(Debug)]
pub struct Recorder {
    started: Instant,
    /// One value of so many by so many is told of the map.
    stride: usize,
    sequence: AtomicU64,
    lanes: Lanes,
    read: AtomicU64,
    noted: Mutex<Noted>,
}

#[derive(Debug, Default)]
struct Noted {
    /// The greatest number of the lanes that was told.
    since: u64,
    read: u64,
    /// Of every granule of the task, its number in the plan and how far it is.
    granules: Vec<(u32, u8)>,
    news: News,
}

/// What is new of a task.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct News {
    /// Bytes that were read.
    pub read: u64,
    /// Task, granule, seconds ago when it began and ended.
    pub pieces: Vec<Stretch>,
    /// What the task is in the middle of, since how long.
    pub current: Option<Stretch>,
    /// Granules that are read (1) or gridded (2).
    pub stages: Vec<(u32, u8)>,
    /// Where granules lie: start, centre and end of some lines.
    pub lies: Vec<(u32, Vec<Line>)>,
    /// Granules that are done, with their state and why.
    pub done: Vec<(u32, String, String)>,
    /// What the task gave to the map: once, at its end.
    pub map: Option<Sampled>,
}

/// Task (as in [`Task::ALL`]), granule of the plan, seconds ago when it began and ended.
pub type Stretch = (u8, Option<u32>, f64, f64);

/// Start, centre and end of a line, longitude and latitude.
pub type Line = [(f32, f32); 3];

/// What some granules gave to the squares of a map.
#[derive(Debug, Serialize, Deserialize)]
pub struct Sampled {
    /// The first of the granules.
    pub first: u32,
    pub stride: usize,
    /// Rows and columns of the grid.
    pub shape: (usize, usize),
    /// Squares from the one before, and what they show: a value, observations, granules.
    pub squares: Vec<(u32, f32, f32, f32)>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Recorder {
    /// For a page that draws one cell of `stride` x `stride`.
    pub fn new(stride: usize) -> Self {
        let started = Instant::now();
        Recorder {
            started,
            stride: stride.max(1),
            sequence: AtomicU64::new(0),
            lanes: Lanes::new(started),
            read: AtomicU64::new(0),
            noted: Mutex::default(),
        }
    }

    /// The task is of these granules of the plan.
    pub(crate) fn begin(&self, numbers: &[u32]) {
        lock(&self.noted).granules = numbers.iter().map(|number| (*number, 0)).collect();
    }

    /// Something happened in the task.
    pub(crate) fn event(&self, event: &Event<'_>) {
        if let Event::Granule { number, record, .. } = event {
            let mut noted = lock(&self.noted);
            let known = noted.granules.get(*number).copied();
            if let Some((number, _)) = known {
                let (state, reason) = (record.status.as_str().to_owned(), record.reason.clone());
                noted.news.done.push((number, state, reason));
            }
        }
    }

    /// The task has given this.
    pub(crate) fn gave(&self, composite: &Composite) {
        let mut noted = lock(&self.noted);
        let first = noted.granules.first().map_or(0, |(number, _)| *number);
        noted.news.map = sampled(composite, self.stride, first);
    }

    /// What is new, to be sent; nothing where nothing is.
    ///
    /// # Errors
    /// It cannot be written as bytes.
    pub fn take(&self) -> Result<Option<Vec<u8>>, JobError> {
        let until = self.sequence.load(Ordering::SeqCst);
        let now = self.started.elapsed().as_secs_f64();
        let number = |task: Task| Task::ALL.iter().position(|t| *t == task).unwrap_or(0) as u8;
        let mut noted = lock(&self.noted);
        let since = std::mem::replace(&mut noted.since, until);
        let mut news = std::mem::take(&mut noted.news);
        let of_plan = |granule: Option<u32>| {
            let known = noted.granules.get(granule? as usize);
            known.map(|(number, _)| *number)
        };
        let pieces = self.lanes.pieces(since, until).into_iter();
        news.pieces = pieces
            .map(|p| {
                (
                    number(p.task),
                    of_plan(p.granule),
                    now - p.begin,
                    now - p.end,
                )
            })
            .collect();
        news.current = self
            .lanes
            .current()
            .first()
            .map(|(_, task, granule, begun)| (number(*task), of_plan(*granule), now - begun, 0.0));
        let read = self.read.load(Ordering::Relaxed);
        news.read = read - std::mem::replace(&mut noted.read, read);
        let nothing = news.read == 0
            && news.pieces.is_empty()
            && news.current.is_none()
            && news.stages.is_empty()
            && news.lies.is_empty()
            && news.done.is_empty()
            && news.map.is_none();
        (!nothing).then(|| sealed(&news)).transpose()
    }
}

impl News {
    /// Reads what was sent.
    ///
    /// # Errors
    /// Bytes of another version, or damaged ones.
    pub fn read(bytes: &[u8]) -> Result<News, JobError> {
        opened(bytes)
    }
}

impl Watcher for Recorder {
    fn turns_to(&self, granule: Option<u32>, task: Option<Task>) {
        self.lanes.turn(granule, task, &self.sequence);
        let stage = match task {
            Some(Task::Fetch | Task::Decode) => 1,
            Some(Task::Locate | Task::Grid) => 2,
            _ => return,
        };
        let Some(granule) = granule else { return };
        let mut noted = lock(&self.noted);
        let further = match noted.granules.get_mut(granule as usize) {
            Some((number, known)) if *known < stage => {
                *known = stage;
                Some(*number)
            }
            _ => None,
        };
        if let Some(number) = further {
            noted.news.stages.push((number, stage));
        }
    }

    fn read(&self, bytes: usize) {
        self.read.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    fn lies(&self, granule: u32, extents: &[LineExtent]) {
        let step = extents.len().div_ceil(LINES - 1).max(1);
        let some = extents.iter().step_by(step).chain(extents.last());
        let lines = some
            .map(|line| [line.start, line.centre, line.end])
            .collect();
        let mut noted = lock(&self.noted);
        if let Some((number, _)) = noted.granules.get(granule as usize).copied() {
            noted.news.lies.push((number, lines));
        }
    }
}

/// One cell of every square that has observations.
fn sampled(composite: &Composite, stride: usize, first: u32) -> Option<Sampled> {
    let (rows, columns) = composite.tiling().shape();
    let statistic = composite.reduction().statistics.first().copied();
    let statistic = statistic.unwrap_or(Statistic::Mean);
    let mut squares = Vec::new();
    let mut before = 0;
    for row in 0..rows.div_ceil(stride) {
        let row_cells = middle(row, stride, rows) * columns;
        let cells: Vec<u32> = (0..columns.div_ceil(stride))
            .map(|column| (row_cells + middle(column, stride, columns)) as u32)
            .collect();
        let counts = composite.cell_values(&cells, Statistic::Count).ok()?;
        if !counts.iter().any(|count| *count > 0.0) {
            continue;
        }
        let values = composite.cell_values(&cells, statistic).ok()?;
        let granules = composite.cell_values(&cells, Statistic::Granules).ok()?;
        for (column, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0.0) {
            let square = (row * columns.div_ceil(stride) + column) as u32;
            squares.push((
                square - before,
                values[column] as f32,
                *count as f32,
                granules[column] as f32,
            ));
            before = square;
        }
    }
    Some(Sampled {
        first,
        stride,
        shape: (rows, columns),
        squares,
    })
}
