//! Whether a thread is asked to stop, because nobody waits any more for what it makes.
//!
//! ```text
//! Watched::default().with_stop(stop).enter()    what this thread does may be stopped, until the guard goes
//! stop::go_on()?                                 where it is at work: an error, if it is to stop
//! stop.ask()                                     from any other thread
//! ```
//!
//! It goes with [`watch::here`](crate::watch::here) to the threads that work for it. What is made on the way of a
//! thread that has been asked to stop is incomplete: it must come to a [`go_on`] before it is used.

use std::cell::RefCell;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Between looks of a thread that sleeps.
const LOOK: Duration = Duration::from_millis(20);

/// Asks threads to stop.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

/// A thread has been asked to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("interrupted")]
pub struct Stopped;

impl Stop {
    /// Asks those who work under it to stop.
    pub fn ask(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether they are asked to.
    pub fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

thread_local! {
    static HERE: RefCell<Option<Stop>> = const { RefCell::new(None) };
}

/// By whom the calling thread may be asked to stop.
pub(crate) fn here() -> Option<Stop> {
    HERE.with_borrow(Clone::clone)
}

/// The calling thread may be asked to stop by this one alone, until the guard goes.
pub(crate) fn enter(stop: Option<Stop>) -> Entered {
    Entered {
        before: HERE.replace(stop),
        here: PhantomData,
    }
}

/// Whether the calling thread is to stop.
pub fn is_asked() -> bool {
    HERE.with_borrow(|here| here.as_ref().is_some_and(Stop::is_asked))
}

/// Whether the calling thread may go on.
///
/// # Errors
/// It is to stop.
pub fn go_on() -> Result<(), Stopped> {
    match is_asked() {
        true => Err(Stopped),
        false => Ok(()),
    }
}

/// Waits, unless the calling thread is to stop.
///
/// # Errors
/// It is.
pub fn sleep(time: Duration) -> Result<(), Stopped> {
    let since = Instant::now();
    loop {
        go_on()?;
        match time.saturating_sub(since.elapsed()) {
            Duration::ZERO => return Ok(()),
            left => std::thread::sleep(left.min(LOOK)),
        }
    }
}

/// While it lives, the thread may be stopped by another.
#[must_use]
pub(crate) struct Entered {
    before: Option<Stop>,
    /// It must go on the thread where it was made.
    here: PhantomData<*const ()>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        HERE.set(self.before.take());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::{self, Watched};

    #[test]
    fn a_thread_stops_for_whom_it_works() {
        let (own, other) = (Stop::default(), Stop::default());
        assert_eq!(go_on(), Ok(()));
        let entered = Watched::default().with_stop(own.clone()).enter();
        other.ask();
        assert_eq!(go_on(), Ok(()));
        {
            // As a thread of a pool does that takes up work of others while it waits.
            let _entered = Watched::default().with_stop(other).enter();
            assert_eq!(go_on(), Err(Stopped));
            let _entered = Watched::default().enter();
            assert_eq!(go_on(), Ok(()));
        }
        own.ask();
        assert_eq!(go_on(), Err(Stopped));
        drop(entered);
        assert_eq!(go_on(), Ok(()));
    }

    #[test]
    fn it_goes_to_threads_that_work_for_it() {
        let stop = Stop::default();
        let _entered = Watched::default().with_stop(stop.clone()).enter();
        let look = watch::carried(|granule: u32| {
            let _entered = watch::here().at_granule(granule).enter();
            go_on()
        });
        std::thread::scope(|scope| {
            assert_eq!(scope.spawn(|| look(1)).join().unwrap(), Ok(()));
            assert_eq!(scope.spawn(go_on).join().unwrap(), Ok(()));
            stop.ask();
            assert_eq!(scope.spawn(|| look(2)).join().unwrap(), Err(Stopped));
            assert_eq!(scope.spawn(go_on).join().unwrap(), Ok(()));
        });
    }

    #[test]
    fn a_sleeper_wakes_up() {
        let stop = Stop::default();
        let watched = Watched::default().with_stop(stop.clone());
        std::thread::scope(|scope| {
            let sleeper = scope.spawn(|| {
                let _entered = watched.enter();
                sleep(Duration::from_secs(3600))
            });
            stop.ask();
            assert_eq!(sleeper.join().unwrap(), Err(Stopped));
        });
        assert_eq!(sleep(Duration::from_millis(1)), Ok(()));
    }
}
