//! Tasks given to a pool, and their outcomes taken when they are needed.

use rayon::ThreadPool;
use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Gives tasks to the threads of a pool.
///
/// ```
/// use swathe_core::run::{Futures, Status, gather};
///
/// let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build()?;
/// let futures = Futures::new(&pool);
/// let squares = futures.map(0..100_u64, |i, _| i * i);
/// let sum = futures.submit(|_| (1..=10).sum::<u64>());
/// assert_eq!(sum.wait()?, 55);
/// assert_eq!(gather(squares)?.iter().sum::<u64>(), 328_350);
///
/// // A task may look whether its outcome is still wanted.
/// let endless = futures.submit(|cancelled| while !cancelled.is_asked() {});
/// endless.cancel();
/// assert!(endless.wait().is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy)]
pub struct Futures<'a> {
    pool: &'a ThreadPool,
}

/// The outcome of a task, now or later. Dropped, it cancels its task.
pub struct Future<T> {
    shared: Arc<Shared<T>>,
}

/// How far a task is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It has not begun.
    Pending,
    /// It is at work.
    Running,
    /// It has an outcome.
    Finished,
    /// It has panicked.
    Failed,
    /// It was cancelled: it does not begin, or its outcome is not kept.
    Cancelled,
}

/// A task has no outcome.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoOutcome {
    /// It has panicked, with this message.
    #[error("a task failed: {0}")]
    Failed(String),
    /// It was cancelled.
    #[error("a task was cancelled")]
    Cancelled,
}

/// Whether a task is asked to end before its time.
#[derive(Debug, Clone)]
pub struct Cancelled(Arc<AtomicBool>);

impl Cancelled {
    /// Whether it is. A long task looks now and then, and returns whatever it likes: nobody takes it.
    pub fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

struct Shared<T> {
    state: Mutex<State<T>>,
    ended: Condvar,
    cancelled: Cancelled,
}

/// What a task does.
type Task<T> = Box<dyn FnOnce(&Cancelled) -> T + Send>;

enum State<T> {
    Pending(Task<T>),
    Running,
    Finished(T),
    Failed(String),
    Cancelled,
}

impl<'a> Futures<'a> {
    /// On these threads.
    pub fn new(pool: &'a ThreadPool) -> Self {
        Futures { pool }
    }

    /// Gives a task to the pool.
    pub fn submit<T: Send + 'static>(
        &self,
        task: impl FnOnce(&Cancelled) -> T + Send + 'static,
    ) -> Future<T> {
        let shared = Arc::new(Shared {
            state: Mutex::new(State::Pending(Box::new(task))),
            ended: Condvar::new(),
            cancelled: Cancelled(Arc::default()),
        });
        let own = shared.clone();
        self.pool.spawn(move || own.run());
        Future { shared }
    }

    /// Gives a task for every item to the pool; futures are in the order of the items.
    pub fn map<I, T>(
        &self,
        items: impl IntoIterator<Item = I>,
        task: impl Fn(I, &Cancelled) -> T + Send + Sync + 'static,
    ) -> Vec<Future<T>>
    where
        I: Send + 'static,
        T: Send + 'static,
    {
        let task = Arc::new(task);
        let give = |item| {
            let task = task.clone();
            self.submit(move |cancelled| task(item, cancelled))
        };
        items.into_iter().map(give).collect()
    }
}

/// Waits for all outcomes, in the order of the futures.
///
/// # Errors
/// That of the first future, in their order, that has none; those after it are cancelled.
pub fn gather<T>(futures: impl IntoIterator<Item = Future<T>>) -> Result<Vec<T>, NoOutcome> {
    // All are held, so that an error drops, and so cancels, those that are left.
    let futures: Vec<Future<T>> = futures.into_iter().collect();
    futures.into_iter().map(Future::wait).collect()
}

impl<T> Future<T> {
    /// How far the task is.
    pub fn status(&self) -> Status {
        match *self.shared.state() {
            State::Pending(_) => Status::Pending,
            State::Running => Status::Running,
            State::Finished(_) => Status::Finished,
            State::Failed(_) => Status::Failed,
            State::Cancelled => Status::Cancelled,
        }
    }

    /// Cancels the task, if it has not ended: one that is pending does not begin, one at work is asked to
    /// end. It has no outcome then.
    pub fn cancel(&self) {
        self.shared.cancel();
    }

    /// Waits until the task has ended, and gives its outcome.
    ///
    /// A thread of a rayon pool that waits for a task which has not begun does it itself, and does nothing
    /// else meanwhile. So tasks may wait for tasks, on one thread too: what a thread holds up is what waits for
    /// the work it does. Tasks must not wait for each other in a circle. Nor may tasks wait on a pool
    /// where others are in the middle of rayon's own parallel work (`join`, `par_iter`): a thread that waits
    /// for a part of that may begin any task, one that waits for this very work too.
    ///
    /// # Errors
    /// [`NoOutcome`] when it has panicked or was cancelled.
    pub fn wait(self) -> Result<T, NoOutcome> {
        if rayon::current_thread_index().is_some() {
            self.shared.run();
        }
        let mut state = self.shared.state();
        while matches!(*state, State::Pending(_) | State::Running) {
            let woken = self.shared.ended.wait(state);
            state = woken.unwrap_or_else(PoisonError::into_inner);
        }
        match std::mem::replace(&mut *state, State::Cancelled) {
            State::Finished(outcome) => Ok(outcome),
            State::Failed(message) => Err(NoOutcome::Failed(message)),
            State::Pending(_) | State::Running | State::Cancelled => Err(NoOutcome::Cancelled),
        }
    }
}

impl<T> Drop for Future<T> {
    fn drop(&mut self) {
        self.shared.cancel();
    }
}

impl<T> fmt::Debug for Future<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Future").field(&self.status()).finish()
    }
}

impl<T> Shared<T> {
    /// No code of others runs under the lock, so a poisoned one holds what a whole one does.
    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn cancel(&self) {
        let mut state = self.state();
        if !matches!(*state, State::Pending(_) | State::Running) {
            return;
        }
        self.cancelled.0.store(true, Ordering::Relaxed);
        let before = std::mem::replace(&mut *state, State::Cancelled);
        self.ended.notify_all();
        // What a task holds may take its time to go: not under the lock.
        drop(state);
        drop(before);
    }

    /// Does the task, if it has not begun.
    fn run(&self) {
        let mut state = self.state();
        let task = match std::mem::replace(&mut *state, State::Running) {
            State::Pending(task) => task,
            other => {
                *state = other;
                return;
            }
        };
        drop(state);
        let outcome = catch_unwind(AssertUnwindSafe(|| task(&self.cancelled)));
        let ended = match outcome {
            Ok(outcome) => State::Finished(outcome),
            Err(panic) => State::Failed(message(&*panic)),
        };
        let mut state = self.state();
        if matches!(*state, State::Running) {
            *state = ended;
            self.ended.notify_all();
        } else {
            drop(state);
            drop(ended);
        }
    }
}

/// What a panic said.
fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "it gave no reason".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;
    use std::sync::mpsc;
    use std::time::Duration;

    const THREADS: [usize; 3] = [1, 2, 8];

    fn pool(threads: usize) -> ThreadPool {
        rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap()
    }

    /// Takes up all threads of a pool until the sender is dropped.
    fn occupy(pool: &ThreadPool) -> (Vec<Future<()>>, Vec<mpsc::Sender<()>>) {
        let (begun, all_begun) = mpsc::channel();
        let threads = pool.current_num_threads();
        let (futures, gates) = (0..threads)
            .map(|_| {
                let (gate, wait) = mpsc::channel::<()>();
                let begun = begun.clone();
                let future = Futures::new(pool).submit(move |_| {
                    begun.send(()).unwrap();
                    let _ = wait.recv();
                });
                (future, gate)
            })
            .unzip();
        (0..threads).for_each(|_| all_begun.recv().unwrap());
        (futures, gates)
    }

    #[test]
    fn outcomes_come_in_order() {
        for threads in THREADS {
            let pool = pool(threads);
            let futures = Futures::new(&pool);
            let squares = futures.map(0..1000_usize, |i, _| i * i);
            let expected: Vec<usize> = (0..1000).map(|i| i * i).collect();
            assert_eq!(gather(squares).unwrap(), expected);
            assert_eq!(gather(futures.map(0..0, |i: usize, _| i)).unwrap(), []);
        }
    }

    #[test]
    fn a_task_is_pending_then_running_then_finished() {
        for threads in THREADS {
            let pool = pool(threads);
            let (blockers, gates) = occupy(&pool);
            let next = Futures::new(&pool).submit(|_| 7);
            assert_eq!(next.status(), Status::Pending);
            assert!(blockers.iter().all(|b| b.status() == Status::Running));
            drop(gates);
            gather(blockers).unwrap();
            while next.status() != Status::Finished {
                std::thread::yield_now();
            }
            assert_eq!(next.wait(), Ok(7));
        }
    }

    #[test]
    fn a_pending_task_that_is_cancelled_or_dropped_does_not_begin() {
        for threads in THREADS {
            let pool = pool(threads);
            let (blockers, gates) = occupy(&pool);
            let begun = Arc::new(AtomicUsize::new(0));
            let futures = Futures::new(&pool);
            let mut waiting = futures.map(0..20, {
                let begun = begun.clone();
                move |_, _| begun.fetch_add(1, Ordering::SeqCst)
            });
            waiting.iter().take(5).for_each(Future::cancel);
            assert_eq!(waiting[4].status(), Status::Cancelled);
            drop(waiting.split_off(10));
            drop(gates);
            gather(blockers).unwrap();
            let outcomes: Vec<_> = waiting.into_iter().map(Future::wait).collect();
            assert!(
                outcomes[..5]
                    .iter()
                    .all(|o| *o == Err(NoOutcome::Cancelled))
            );
            assert!(outcomes[5..].iter().all(Result::is_ok));
            // What was spawned after them has run: so have they, or never will.
            gather(futures.map(0..8 * threads, |_, _| ())).unwrap();
            assert_eq!(begun.load(Ordering::SeqCst), 5);
        }
    }

    #[test]
    fn a_running_task_sees_that_it_is_cancelled() {
        for threads in THREADS {
            let pool = pool(threads);
            let (begun, has_begun) = mpsc::channel();
            let (ended, has_ended) = mpsc::channel();
            let future = Futures::new(&pool).submit(move |cancelled| {
                begun.send(()).unwrap();
                while !cancelled.is_asked() {
                    std::thread::yield_now();
                }
                ended.send(()).unwrap();
            });
            has_begun.recv().unwrap();
            future.cancel();
            assert_eq!(future.status(), Status::Cancelled);
            has_ended.recv().unwrap();
            assert_eq!(future.wait(), Err(NoOutcome::Cancelled));
            // What has ended is not cancelled any more.
            let done = Futures::new(&pool).submit(|_| 1);
            while done.status() != Status::Finished {
                std::thread::yield_now();
            }
            done.cancel();
            assert_eq!(done.wait(), Ok(1));
        }
    }

    #[test]
    fn a_panic_is_a_failure_with_its_message() {
        for threads in THREADS {
            let pool = pool(threads);
            let futures = Futures::new(&pool);
            let failed = futures.map(0..3, |i, _| {
                assert!(i != 1, "task {i} broke");
                i
            });
            while failed[1].status() != Status::Failed {
                std::thread::yield_now();
            }
            let error = gather(failed).unwrap_err();
            assert_eq!(error.to_string(), "a task failed: task 1 broke");
            let plain = futures.submit(|_| -> u8 { panic!("plainly") }).wait();
            assert_eq!(plain, Err(NoOutcome::Failed("plainly".into())));
            let odd = futures.submit(|_| std::panic::panic_any(7)).wait();
            assert_eq!(odd, Err(NoOutcome::Failed("it gave no reason".into())));
            // The pool goes on.
            assert_eq!(futures.submit(|_| 2).wait(), Ok(2));
        }
    }

    #[test]
    fn an_error_cancels_those_after_it() {
        let pool = pool(1);
        let (begun, has_begun) = mpsc::channel();
        let futures = Futures::new(&pool);
        let all = futures.map(0..3, move |i, cancelled| {
            assert!(i != 0, "the first broke");
            let _ = begun.send(i);
            while !cancelled.is_asked() {
                std::thread::yield_now();
            }
        });
        // One thread: whichever order it takes them in, the endless ones end only when they are asked to.
        let first = has_begun.recv_timeout(Duration::from_millis(200));
        assert!(first.is_ok() || all[0].status() == Status::Failed);
        all[1..].iter().for_each(Future::cancel);
        assert!(matches!(gather(all), Err(NoOutcome::Failed(_))));
        assert_eq!(futures.submit(|_| 5).wait(), Ok(5));
    }

    #[test]
    fn tasks_that_wait_for_tasks_do_not_stop_the_pool() {
        fn sum(pool: &Arc<ThreadPool>, from: u64, to: u64) -> u64 {
            if to - from < 4 {
                return (from..to).sum();
            }
            let middle = u64::midpoint(from, to);
            let halves = [(from, middle), (middle, to)];
            let own = pool.clone();
            let parts = Futures::new(pool).map(halves, move |(a, b), _| sum(&own, a, b));
            gather(parts).unwrap().into_iter().sum()
        }
        for threads in THREADS {
            let pool = Arc::new(pool(threads));
            assert_eq!(sum(&pool, 0, 1000), 499_500);
            assert_eq!(pool.install(|| sum(&pool, 0, 1000)), 499_500);
        }
        // A task waits for another that waits for a third, which no other thread may put between them.
        for threads in THREADS {
            let pool = Arc::new(pool(threads));
            for _ in 0..200 {
                let own = pool.clone();
                let first = Futures::new(&pool).submit(move |_| sum(&own, 0, 40));
                let next = Futures::new(&pool).submit(move |_| first.wait().unwrap() + 1);
                let last = Futures::new(&pool).submit(move |_| next.wait().unwrap() + 1);
                assert_eq!(last.wait(), Ok(782));
            }
        }
        // A thread of one pool waits for another pool's task.
        let (one, other) = (pool(1), pool(1));
        let outcome = one.install(|| Futures::new(&other).submit(|_| 3).wait());
        assert_eq!(outcome, Ok(3));
    }
}
