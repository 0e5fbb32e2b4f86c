//! What each thread has been doing: pieces of time, kept for a while.
//!
//! A thread may turn from one task to another ten thousand times a second. What it does within a few
//! milliseconds is told as one piece a task, in sums that are exact.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use swathe_core::watch::Task;

/// Pieces that are kept of each thread; the oldest go first.
const KEPT: usize = 8192;
/// Within this time tasks are put together.
const TOGETHER: Duration = Duration::from_millis(8);

/// What one thread did, from begin to end in seconds since the run began.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Piece {
    /// When it was noted: later ones have greater numbers.
    pub noted: u64,
    pub lane: usize,
    pub task: Task,
    pub granule: Option<u32>,
    pub begin: f64,
    pub end: f64,
}

/// Task, granule, begin and end.
pub type Stretch = (Task, Option<u32>, f64, f64);

/// What all threads do.
#[derive(Debug)]
pub struct Lanes {
    started: Instant,
    /// Tells these lanes from others that a thread may have met.
    id: u64,
    lanes: Mutex<Vec<Arc<Lane>>>,
}

/// A thread.
#[derive(Debug)]
struct Lane {
    name: String,
    number: usize,
    doing: Mutex<Activity>,
}

#[derive(Debug, Default)]
struct Activity {
    current: Option<(Task, Option<u32>, Instant)>,
    slot: Option<Slot>,
    pieces: VecDeque<Piece>,
}

/// What was done within a few milliseconds, for one granule.
#[derive(Debug)]
struct Slot {
    begin: Instant,
    end: Instant,
    granule: Option<u32>,
    tasks: Vec<(Task, Duration)>,
}

thread_local! {
    /// The lane of this thread, and whose it is.
    static OWN: RefCell<Option<(u64, Arc<Lane>)>> = const { RefCell::new(None) };
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Lanes {
    pub fn new(started: Instant) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Lanes {
            started,
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            lanes: Mutex::default(),
        }
    }

    /// The calling thread does this from now on. `sequence` numbers what is noted.
    pub fn turn(&self, granule: Option<u32>, task: Option<Task>, sequence: &AtomicU64) {
        OWN.with_borrow_mut(|own| {
            let lane = match own {
                Some((id, lane)) if *id == self.id => lane,
                _ => &own.insert((self.id, self.join())).1,
            };
            let now = Instant::now();
            let mut activity = lock(&lane.doing);
            if let Some((task, granule, since)) = activity.current.take() {
                activity.add(task, granule, since..now, |slot| {
                    slot.pieces(lane.number, self.started, sequence)
                });
            }
            activity.current = task.map(|task| (task, granule, now));
            if task.is_none() {
                activity.close(|slot| slot.pieces(lane.number, self.started, sequence));
            }
        });
    }

    /// What a process elsewhere did, in seconds since the run began, and what it is in the middle of.
    pub fn take(
        &self,
        name: &str,
        pieces: impl IntoIterator<Item = Stretch>,
        current: Option<(Task, Option<u32>, Instant)>,
        sequence: &AtomicU64,
    ) {
        let lane = {
            let mut lanes = lock(&self.lanes);
            let known = lanes.iter().find(|lane| lane.name == name).cloned();
            known.unwrap_or_else(|| {
                let lane = Arc::new(Lane {
                    name: name.to_owned(),
                    number: lanes.len(),
                    doing: Mutex::default(),
                });
                lanes.push(lane.clone());
                lane
            })
        };
        let mut activity = lock(&lane.doing);
        activity.current = current;
        let pieces = pieces.into_iter().map(|(task, granule, begin, end)| Piece {
            noted: sequence.fetch_add(1, Ordering::SeqCst) + 1,
            lane: lane.number,
            task,
            granule,
            begin,
            end,
        });
        activity.keep(pieces.collect());
    }

    fn join(&self) -> Arc<Lane> {
        let mut lanes = lock(&self.lanes);
        let count = |what: &str| lanes.iter().filter(|l| l.name.starts_with(what)).count();
        let name = match (rayon::current_thread_index(), std::thread::current().name()) {
            (Some(number), _) => format!("thread {}", number + 1),
            (None, Some("main")) => "main".to_owned(),
            (None, _) => format!("reader {}", count("reader") + 1),
        };
        let lane = Arc::new(Lane {
            name,
            number: lanes.len(),
            doing: Mutex::default(),
        });
        lanes.push(lane.clone());
        lane
    }

    /// Names of the threads.
    pub fn names(&self) -> Vec<String> {
        lock(&self.lanes)
            .iter()
            .map(|lane| lane.name.clone())
            .collect()
    }

    /// Pieces that were noted after `since`, up to `until`.
    pub fn pieces(&self, since: u64, until: u64) -> Vec<Piece> {
        let lanes = lock(&self.lanes).clone();
        let mut all = Vec::new();
        for lane in lanes {
            let activity = lock(&lane.doing);
            let new = activity.pieces.iter().rev();
            let new = new.take_while(|piece| piece.noted > since);
            all.extend(new.filter(|piece| piece.noted <= until).copied());
        }
        all.sort_unstable_by_key(|piece| piece.noted);
        all
    }

    /// What threads are in the middle of: thread, task, granule, since when.
    pub fn current(&self) -> Vec<(usize, Task, Option<u32>, f64)> {
        let lanes = lock(&self.lanes).clone();
        let current = lanes.iter().filter_map(|lane| {
            let (task, granule, since) = lock(&lane.doing).current?;
            Some((
                lane.number,
                task,
                granule,
                (since - self.started).as_secs_f64(),
            ))
        });
        current.collect()
    }
}

impl Activity {
    /// Adds a stretch of time; slots that are full are handed to `close`.
    fn add(
        &mut self,
        task: Task,
        granule: Option<u32>,
        time: std::ops::Range<Instant>,
        close: impl Fn(Slot) -> Vec<Piece>,
    ) {
        let fits = self.slot.as_ref().is_some_and(|slot| {
            slot.granule == granule
                && time.start - slot.end < TOGETHER
                && time.start - slot.begin < TOGETHER
        });
        if !fits {
            self.close(close);
        }
        let slot = self.slot.get_or_insert_with(|| Slot {
            begin: time.start,
            end: time.start,
            granule,
            tasks: Vec::with_capacity(4),
        });
        let length = time.end - time.start;
        match slot.tasks.iter_mut().find(|(other, _)| *other == task) {
            Some((_, all)) => *all += length,
            None => slot.tasks.push((task, length)),
        }
        slot.end = time.end;
    }

    fn close(&mut self, close: impl Fn(Slot) -> Vec<Piece>) {
        if let Some(slot) = self.slot.take() {
            self.keep(close(slot));
        }
    }

    fn keep(&mut self, pieces: Vec<Piece>) {
        let over = (self.pieces.len() + pieces.len()).saturating_sub(KEPT);
        self.pieces.drain(..over.min(self.pieces.len()));
        self.pieces.extend(pieces);
    }
}

impl Slot {
    /// One piece a task, one after another.
    fn pieces(self, lane: usize, started: Instant, sequence: &AtomicU64) -> Vec<Piece> {
        let mut at = (self.begin - started).as_secs_f64();
        let pieces = self.tasks.iter().map(|(task, length)| {
            let begin = at;
            at += length.as_secs_f64();
            Piece {
                noted: sequence.fetch_add(1, Ordering::SeqCst) + 1,
                lane,
                task: *task,
                granule: self.granule,
                begin,
                end: at,
            }
        });
        pieces.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_within_moments_are_put_together_and_sums_are_exact() {
        let lanes = Lanes::new(Instant::now());
        let sequence = AtomicU64::new(0);
        let begun = Instant::now();
        let mut turns = 0;
        while begun.elapsed() < Duration::from_millis(60) {
            for task in [Task::Fetch, Task::Decode] {
                lanes.turn(Some(1), Some(task), &sequence);
                turns += 1;
            }
        }
        lanes.turn(Some(1), None, &sequence);
        let took = begun.elapsed().as_secs_f64();
        let pieces = lanes.pieces(0, u64::MAX);
        assert!(
            pieces.len() >= 2 && pieces.len() < turns / 4,
            "{} of {turns}",
            pieces.len()
        );
        let sum: f64 = pieces.iter().map(|p| p.end - p.begin).sum();
        assert!(sum <= took && sum > 0.9 * took, "{sum} of {took}");
        assert!(pieces.windows(2).all(|p| p[0].noted < p[1].noted));
        assert!(pieces.windows(2).all(|p| p[0].end <= p[1].begin + 1e-9));
        // Nothing is told twice.
        let last = pieces[pieces.len() - 1].noted;
        assert!(lanes.pieces(last, u64::MAX).is_empty());
        assert!(lanes.current().is_empty());
    }

    #[test]
    fn the_oldest_pieces_go() {
        let lanes = Lanes::new(Instant::now());
        let sequence = AtomicU64::new(0);
        for granule in 0..KEPT as u32 + 100 {
            lanes.turn(Some(granule), Some(Task::Grid), &sequence);
        }
        lanes.turn(None, None, &sequence);
        let pieces = lanes.pieces(0, u64::MAX);
        assert_eq!(pieces.len(), KEPT);
        assert_eq!(pieces[0].granule, Some(100));
    }

    #[test]
    fn threads_have_lanes_of_their_own() {
        let lanes = Lanes::new(Instant::now());
        let sequence = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for granule in 0..3 {
                let (lanes, sequence) = (&lanes, &sequence);
                scope.spawn(move || {
                    lanes.turn(Some(granule), Some(Task::Grid), sequence);
                    lanes.turn(Some(granule), None, sequence);
                });
            }
        });
        let mut found: Vec<usize> = lanes.pieces(0, u64::MAX).iter().map(|p| p.lane).collect();
        found.sort_unstable();
        assert_eq!(found, [0, 1, 2]);
        assert_eq!(lanes.names(), ["reader 1", "reader 2", "reader 3"]);
    }
}
