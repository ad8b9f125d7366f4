//! Every call of the API from eight threads at once, against connections that come and go.
//!
//! A number of random operations per thread, `STRESS_ROUNDS` times as many with that in the environment;
//! `STRESS_SEED` repeats the choice of operations, not the order in which threads get to run. A few
//! connections are never closed: what is sent reliably on those must arrive exactly once.
#![allow(
    clippy::print_stderr,
    clippy::unwrap_used,
    missing_docs,
    unreachable_pub,
    reason = "a test may panic and print, in its helpers too"
)]

mod operations;
mod peers;
mod sessions;
mod watchdog;
mod world;

use std::sync::Arc;
use std::thread;
use std::time::SystemTime;
use std::time::UNIX_EPOCH;

use crate::operations::OPERATIONS;
use crate::watchdog::Watchdog;
use crate::world::Rng;
use crate::world::World;

const THREADS: usize = 8;
/// Operations of each thread in a round.
const OPERATIONS_PER_ROUND: usize = 2500;

#[test]
fn every_call_from_eight_threads_against_closing_connections() {
    let rounds = number("STRESS_ROUNDS").unwrap_or(1);
    let start = number("STRESS_SEED").unwrap_or_else(|| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        since.as_micros() as u64
    });
    for seed in start..start + rounds {
        println!("STRESS_SEED={seed}");
        round(seed);
    }
}

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().expect("a number"))
}

fn round(seed: u64) {
    let watchdog = Watchdog::new(THREADS + 1);
    let world = Arc::new(World::new());
    thread::scope(|scope| {
        for index in 0..THREADS {
            let (world, watchdog) = (Arc::clone(&world), &watchdog);
            scope.spawn(move || {
                let mut rng = Rng::new(seed, index as u64);
                for _ in 0..OPERATIONS_PER_ROUND {
                    let (name, operation) = OPERATIONS[rng.below(OPERATIONS.len())];
                    watchdog.note(index, name);
                    operation(&world, &mut rng, index);
                }
                watchdog.note(index, "done");
            });
        }
    });
    watchdog.note(THREADS, "the end");
    Arc::into_inner(world)
        .expect("the threads are done")
        .finish();
}
