//! Notices a deadlock and tells what every thread was doing.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::mpsc;
use std::sync::mpsc::RecvTimeoutError;
use std::thread;
use std::time::Duration;

/// Much longer than any operation takes on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);

/// What every thread does; if none begins anything new for [`LIMIT`], the process ends with a table.
pub struct Watchdog {
    threads: Arc<Mutex<Vec<Doing>>>,
    _alive: mpsc::Sender<()>,
}

#[derive(Clone, Copy, PartialEq)]
struct Doing {
    name: &'static str,
    count: u64,
}

impl Watchdog {
    pub fn new(threads: usize) -> Self {
        let idle = Doing {
            name: "nothing yet",
            count: 0,
        };
        let threads = Arc::new(Mutex::new(vec![idle; threads]));
        let (alive, is_over) = mpsc::channel::<()>();
        let watched = Arc::clone(&threads);
        thread::spawn(move || {
            let mut before = Vec::new();
            while is_over.recv_timeout(LIMIT) == Err(RecvTimeoutError::Timeout) {
                let now = watched.lock().unwrap().clone();
                if now == before {
                    report(&now);
                }
                before = now;
            }
        });
        Self {
            threads,
            _alive: alive,
        }
    }

    /// A thread begins something.
    pub fn note(&self, thread: usize, name: &'static str) {
        let doing = &mut self.threads.lock().unwrap()[thread];
        doing.name = name;
        doing.count += 1;
    }
}

fn report(threads: &[Doing]) -> ! {
    eprintln!("deadlock: nothing began for {LIMIT:?}");
    for (index, Doing { name, count }) in threads.iter().enumerate() {
        eprintln!("thread {index}: {name}, after {count} operations");
    }
    std::process::abort();
}
