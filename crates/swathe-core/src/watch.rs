//! What the threads of a run are doing, told to whoever watches.
//!
//! ```text
//! Watched::new(watcher).enter()            this thread, until the guard goes, is watched
//! here() --clone--> enter() elsewhere      so are the threads that work for it
//! doing(Task::Decode)                      until the guard goes, that is what the thread does
//! ```
//!
//! Where nobody watches, `doing` looks at a flag of its thread and does nothing more. A task inside another
//! suspends it: what is told are the pieces, one after another, of what each thread does by itself.

use crate::source::LineExtent;
use crate::stop::{self, Stop};
use std::cell::{Cell, RefCell};
use std::marker::PhantomData;
use std::sync::Arc;

/// What a thread may be doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Task {
    /// Bytes are read, or waited for.
    Fetch,
    /// Bytes become numbers.
    Decode,
    /// It is worked out which pixels give to which cells.
    Locate,
    /// Values are masked and given to cells.
    Grid,
    /// What granules gave is combined, or finished.
    Combine,
    /// Outputs are encoded and written.
    Write,
}

impl Task {
    /// All, in the order of a granule's way.
    pub const ALL: [Task; 6] = [
        Task::Fetch,
        Task::Decode,
        Task::Locate,
        Task::Grid,
        Task::Combine,
        Task::Write,
    ];
}

/// Who is told. It is called from the threads that work, in the middle of it: it must be quick, and wait for
/// nothing.
pub trait Watcher: Send + Sync {
    /// From now on the calling thread does this, for the granule of this number in the run; `None`: nothing
    /// more that is watched.
    fn turns_to(&self, granule: Option<u32>, task: Option<Task>);
    /// So many bytes have been read.
    fn read(&self, bytes: usize);
    /// Where the lines of the granule of this number lie is known from now on.
    fn lies(&self, granule: u32, extents: &[LineExtent]);
}

/// For whom a thread works: who watches it, which granule it is at, and who may ask it to [stop](crate::stop).
#[derive(Clone, Default)]
pub struct Watched {
    place: Option<Place>,
    stop: Option<Stop>,
}

#[derive(Clone)]
struct Place {
    watcher: Arc<dyn Watcher>,
    granule: Option<u32>,
}

thread_local! {
    static IS_WATCHED: Cell<bool> = const { Cell::new(false) };
    static HERE: RefCell<Here> = const { RefCell::new(Here { place: None, task: None }) };
}

struct Here {
    place: Option<Place>,
    task: Option<Task>,
}

impl Here {
    fn tell(&self) {
        if let Some(place) = &self.place {
            place.watcher.turns_to(place.granule, self.task);
        }
    }
}

/// For whom the calling thread works, to be entered by threads that work for it.
pub fn here() -> Watched {
    Watched {
        place: match IS_WATCHED.get() {
            true => HERE.with_borrow(|here| here.place.clone()),
            false => None,
        },
        stop: stop::here(),
    }
}

/// Work of the calling thread, to be done by others.
pub fn carried<A, R>(work: impl Fn(A) -> R) -> impl Fn(A) -> R {
    let watched = here();
    move |what| {
        let _entered = watched.enter();
        work(what)
    }
}

/// The calling thread does this until the guard goes; then again what it did before.
pub fn doing(task: Task) -> Doing {
    if !IS_WATCHED.get() {
        return Doing {
            before: None,
            here: PhantomData,
        };
    }
    let before = HERE.with_borrow_mut(|here| {
        let before = here.task.replace(task);
        if before != Some(task) {
            here.tell();
        }
        before
    });
    Doing {
        before: Some(before),
        here: PhantomData,
    }
}

/// Tells of bytes that have been read.
pub fn read(bytes: usize) {
    if IS_WATCHED.get() {
        HERE.with_borrow(|here| {
            if let Some(place) = &here.place {
                place.watcher.read(bytes);
            }
        });
    }
}

/// Tells where the lines of the granule lie that the thread works on.
pub fn lies(extents: &[LineExtent]) {
    if IS_WATCHED.get() {
        // Lent out while it is told: it may take a moment.
        let place = HERE.with_borrow(|here| here.place.clone());
        if let Some((place, granule)) =
            place.and_then(|place| Some((place.clone(), place.granule?)))
        {
            place.watcher.lies(granule, extents);
        }
    }
}

/// While it lives, the thread does a task.
#[must_use]
pub struct Doing {
    /// What it did before; nothing where it is not watched.
    before: Option<Option<Task>>,
    /// It must go on the thread where it was made.
    here: PhantomData<*const ()>,
}

impl Drop for Doing {
    fn drop(&mut self) {
        if let Some(before) = self.before {
            HERE.with_borrow_mut(|here| {
                if std::mem::replace(&mut here.task, before) != before {
                    here.tell();
                }
            });
        }
    }
}

impl Watched {
    /// Watched by this one.
    pub fn new(watcher: Arc<dyn Watcher>) -> Self {
        Watched {
            place: Some(Place {
                watcher,
                granule: None,
            }),
            stop: None,
        }
    }

    /// The same, asked to stop by this one.
    #[must_use]
    pub fn with_stop(self, stop: Stop) -> Self {
        Watched {
            stop: Some(stop),
            ..self
        }
    }

    /// The same, asked to stop as another is.
    #[must_use]
    pub fn stopped_as(self, other: &Watched) -> Self {
        Watched {
            stop: other.stop.clone(),
            ..self
        }
    }

    /// The same, at the granule of this number.
    pub fn at_granule(&self, granule: u32) -> Self {
        Watched {
            place: self.place.as_ref().map(|place| Place {
                watcher: place.watcher.clone(),
                granule: Some(granule),
            }),
            stop: self.stop.clone(),
        }
    }

    /// The calling thread works for this until the guard goes; then again for whom it did before. A thread
    /// of a pool that waits may take up work of others: its own goes on afterwards.
    pub fn enter(&self) -> Entered {
        let stop = stop::enter(self.stop.clone());
        // Nobody watched before or does now: nothing changes.
        if self.place.is_none() && !IS_WATCHED.get() {
            return Entered {
                before: None,
                _stop: stop,
                here: PhantomData,
            };
        }
        let now = Here {
            place: self.place.clone(),
            task: None,
        };
        IS_WATCHED.set(now.place.is_some());
        let before = HERE.replace(now);
        if let (Some(place), Some(_)) = (&before.place, before.task) {
            place.watcher.turns_to(place.granule, None);
        }
        Entered {
            before: Some(before),
            _stop: stop,
            here: PhantomData,
        }
    }
}

/// While it lives, the thread works for somebody.
#[must_use]
pub struct Entered {
    before: Option<Here>,
    _stop: stop::Entered,
    here: PhantomData<*const ()>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        if let Some(before) = self.before.take() {
            IS_WATCHED.set(before.place.is_some());
            if before.task.is_some() {
                before.tell();
            }
            drop(HERE.replace(before));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[derive(Default)]
    struct Notes(Mutex<Vec<(Option<u32>, Option<Task>)>>, Mutex<usize>);

    impl Watcher for Notes {
        fn turns_to(&self, granule: Option<u32>, task: Option<Task>) {
            self.0.lock().unwrap().push((granule, task));
        }
        fn read(&self, bytes: usize) {
            *self.1.lock().unwrap() += bytes;
        }
        fn lies(&self, granule: u32, extents: &[LineExtent]) {
            *self.1.lock().unwrap() += 1000 * granule as usize + extents.len();
        }
    }

    #[test]
    fn an_inner_task_suspends_the_outer_one() {
        let notes = Arc::new(Notes::default());
        {
            let _entered = Watched::new(notes.clone()).at_granule(3).enter();
            let _grid = doing(Task::Grid);
            {
                let _decode = doing(Task::Decode);
                let _again = doing(Task::Decode);
                read(7);
            }
        }
        let told = notes.0.lock().unwrap().clone();
        let tasks = [Some(Task::Grid), Some(Task::Decode), Some(Task::Grid), None];
        assert_eq!(told, tasks.map(|task| (Some(3), task)));
        assert_eq!(*notes.1.lock().unwrap(), 7);
    }

    #[test]
    fn where_lines_lie_is_told_of_the_granule_that_is_worked_on() {
        let notes = Arc::new(Notes::default());
        let nowhere = LineExtent {
            start: (0.0, 0.0),
            centre: (0.0, 0.0),
            end: (0.0, 0.0),
        };
        lies(&[nowhere]);
        let _entered = Watched::new(notes.clone()).enter();
        // Of no granule.
        lies(&[nowhere]);
        assert_eq!(*notes.1.lock().unwrap(), 0);
        let _entered = here().at_granule(4).enter();
        lies(&[nowhere, nowhere]);
        assert_eq!(*notes.1.lock().unwrap(), 4002);
    }

    #[test]
    fn nobody_is_told_where_nobody_watches() {
        let notes = Arc::new(Notes::default());
        let _grid = doing(Task::Grid);
        read(1);
        {
            let _entered = Watched::new(notes.clone()).enter();
        }
        let _decode = doing(Task::Decode);
        read(1);
        assert!(notes.0.lock().unwrap().is_empty());
        assert_eq!(*notes.1.lock().unwrap(), 0);
    }

    #[test]
    fn work_for_others_is_told_apart_and_the_own_goes_on() {
        let (own, other) = (Arc::new(Notes::default()), Arc::new(Notes::default()));
        let _entered = Watched::new(own.clone()).at_granule(1).enter();
        let _grid = doing(Task::Grid);
        {
            let _entered = Watched::new(other.clone()).at_granule(2).enter();
            let _fetch = doing(Task::Fetch);
        }
        let of = |notes: &Notes| notes.0.lock().unwrap().clone();
        let grid = (Some(1), Some(Task::Grid));
        assert_eq!(of(&own), [grid, (Some(1), None), grid]);
        assert_eq!(of(&other), [(Some(2), Some(Task::Fetch)), (Some(2), None)]);
    }

    #[test]
    fn a_panic_leaves_the_thread_as_it_was() {
        let notes = Arc::new(Notes::default());
        let broke = std::panic::catch_unwind(|| {
            let _entered = Watched::new(notes.clone()).enter();
            let _grid = doing(Task::Grid);
            panic!("in the middle");
        });
        assert!(broke.is_err());
        assert!(here().place.is_none());
        let told = notes.0.lock().unwrap().clone();
        assert_eq!(told, [(None, Some(Task::Grid)), (None, None)]);
    }

    #[test]
    fn threads_that_work_for_it_enter() {
        let notes = Arc::new(Notes::default());
        let _entered = Watched::new(notes.clone()).enter();
        let watched = here();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let _entered = watched.at_granule(5).enter();
                let _decode = doing(Task::Decode);
            });
        });
        let told = notes.0.lock().unwrap().clone();
        assert_eq!(told, [(Some(5), Some(Task::Decode)), (Some(5), None)]);
    }
}
