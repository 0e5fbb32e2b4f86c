//! Many tasks on the threads of a pool, their outcomes combined one after another.

use std::panic::resume_unwind;
use std::sync::mpsc;

/// Runs `task(0)`, ..., `task(count - 1)` on the current rayon pool, at most `in_flight` of them
/// begun and not yet combined, and hands every outcome to `combine` on the calling thread, in the
/// order in which they end.
///
/// The calling thread must not be one of the pool's. The first error of `combine` ends the run:
/// tasks that have begun are waited for, no other begins.
///
/// # Errors
/// The first error of `combine`.
///
/// # Panics
/// When a task panics.
pub fn execute<T: Send, E>(
    pool: &rayon::ThreadPool,
    count: usize,
    in_flight: usize,
    task: impl Fn(usize) -> T + Sync,
    mut combine: impl FnMut(usize, T) -> Result<(), E>,
) -> Result<(), E> {
    let (give, take) = mpsc::channel::<(usize, std::thread::Result<T>)>();
    let task = &task;
    pool.in_place_scope(|scope| {
        let begin = |index: usize| {
            let give = give.clone();
            scope.spawn(move |_| {
                let run = std::panic::AssertUnwindSafe(|| task(index));
                let outcome = std::panic::catch_unwind(run);
                // The receiver is gone only after an error.
                let _ = give.send((index, outcome));
            });
        };
        let mut begun = count.min(in_flight.max(1));
        (0..begun).for_each(begin);
        for _ in 0..count {
            // The sender in this scope lives: receiving cannot fail.
            let Ok((index, outcome)) = take.recv() else {
                break;
            };
            let outcome = outcome.unwrap_or_else(|panic| resume_unwind(panic));
            combine(index, outcome)?;
            if begun < count {
                begin(begun);
                begun += 1;
            }
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn pool(threads: usize) -> rayon::ThreadPool {
        rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap()
    }

    #[test]
    fn every_outcome_is_combined_once_and_few_are_in_flight() {
        for (threads, in_flight) in [(1, 1), (2, 3), (4, 2), (2, 0)] {
            let (running, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
            let mut seen = vec![0; 50];
            let done: Result<(), ()> = execute(
                &pool(threads),
                50,
                in_flight,
                |i| {
                    let now = running.fetch_add(1, Ordering::SeqCst) + 1;
                    most.fetch_max(now, Ordering::SeqCst);
                    i * i
                },
                |i, square| {
                    running.fetch_sub(1, Ordering::SeqCst);
                    assert_eq!(square, i * i);
                    seen[i] += 1;
                    Ok(())
                },
            );
            assert_eq!(done, Ok(()));
            assert!(seen.into_iter().all(|n| n == 1));
            assert!(most.into_inner() <= in_flight.max(1));
        }
    }

    #[test]
    fn an_error_ends_the_run() {
        let begun = AtomicUsize::new(0);
        let outcome = execute(
            &pool(2),
            1000,
            2,
            |i| {
                begun.fetch_add(1, Ordering::SeqCst);
                i
            },
            |i, _| if i == 3 { Err(i) } else { Ok(()) },
        );
        assert_eq!(outcome, Err(3));
        assert!(begun.into_inner() < 10);
    }

    #[test]
    fn nothing_to_do() {
        let outcome: Result<(), ()> = execute(&pool(1), 0, 2, |_| (), |_, ()| Err(()));
        assert_eq!(outcome, Ok(()));
    }

    #[test]
    #[should_panic(expected = "a task broke")]
    fn a_panic_is_passed_on() {
        let _: Result<(), ()> = execute(&pool(2), 3, 2, |_| panic!("a task broke"), |_, ()| Ok(()));
    }
}
