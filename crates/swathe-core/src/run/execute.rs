//! Many tasks on the threads of a pool, their outcomes combined one after another.

use std::panic::resume_unwind;
use std::sync::mpsc;

/// How many tasks may be begun and not yet combined.
#[derive(Debug, Clone, Copy)]
pub struct InFlight<'a> {
    /// At most so many.
    pub tasks: usize,
    /// What each takes, in any unit.
    pub costs: &'a [u64],
    /// Together at most so much, unless one alone takes more.
    pub allowance: u64,
}

/// Runs `task(0)`, ..., `task(count - 1)`, one for each cost, on a rayon pool, and hands every outcome to
/// `combine` on the calling thread, in the order in which they end.
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
    in_flight: InFlight<'_>,
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
        let costs = in_flight.costs;
        let (mut begun, mut running, mut taken) = (0, 0, 0_u64);
        for _ in 0..costs.len() {
            while let Some(cost) = costs.get(begun)
                && (running == 0
                    || (running < in_flight.tasks
                        && taken.saturating_add(*cost) <= in_flight.allowance))
            {
                begin(begun);
                begun += 1;
                running += 1;
                taken = taken.saturating_add(*cost);
            }
            // The sender in this scope lives: receiving cannot fail.
            let Ok((index, outcome)) = take.recv() else {
                break;
            };
            let outcome = outcome.unwrap_or_else(|panic| resume_unwind(panic));
            combine(index, outcome)?;
            running -= 1;
            taken = taken.saturating_sub(costs[index]);
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

    fn alike(tasks: usize, costs: &[u64]) -> InFlight<'_> {
        InFlight {
            tasks,
            costs,
            allowance: u64::MAX,
        }
    }

    #[test]
    fn every_outcome_is_combined_once_and_few_are_in_flight() {
        for (threads, in_flight) in [(1, 1), (2, 3), (4, 2), (2, 0)] {
            let (running, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
            let mut seen = vec![0; 50];
            let done: Result<(), ()> = execute(
                &pool(threads),
                alike(in_flight, &[1; 50]),
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
    fn what_is_in_flight_stays_under_the_allowance() {
        let costs = [3, 9, 1, 1, 1, 12, 4, 4, 4, 0, 11, 2];
        let (taken, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let in_flight = InFlight {
            tasks: 3,
            costs: &costs,
            allowance: 10,
        };
        let mut seen = 0;
        let done: Result<(), ()> = execute(
            &pool(3),
            in_flight,
            |i| {
                let cost = costs[i] as usize;
                let before = taken.fetch_add(cost, Ordering::SeqCst);
                // What is too much runs alone.
                assert!(before == 0 || cost <= 10);
                most.fetch_max(before + cost, Ordering::SeqCst);
            },
            |i, ()| {
                taken.fetch_sub(costs[i] as usize, Ordering::SeqCst);
                seen += 1;
                Ok(())
            },
        );
        assert_eq!((done, seen), (Ok(()), costs.len()));
        assert_eq!(most.into_inner(), 12);
    }

    #[test]
    fn an_error_ends_the_run() {
        let begun = AtomicUsize::new(0);
        let outcome = execute(
            &pool(2),
            alike(2, &[1; 1000]),
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
        let outcome: Result<(), ()> = execute(&pool(1), alike(2, &[]), |_| (), |_, ()| Err(()));
        assert_eq!(outcome, Ok(()));
    }

    #[test]
    #[should_panic(expected = "a task broke")]
    fn a_panic_is_passed_on() {
        let _: Result<(), ()> = execute(
            &pool(2),
            alike(2, &[1; 3]),
            |_| panic!("a task broke"),
            |_, ()| Ok(()),
        );
    }
}
