//! Whether a wake-up is on its way to the poller already.

use std::sync::atomic::Ordering;

#[cfg(loom)]
use loom::sync::atomic::AtomicBool;
#[cfg(not(loom))]
use std::sync::atomic::AtomicBool;

/// Set from a wake-up until the poller has seen it: further ones in between cost no system call.
#[derive(Debug)]
pub(super) struct WakeFlag(AtomicBool);

impl WakeFlag {
    pub(super) fn new() -> Self {
        Self(AtomicBool::new(false))
    }

    /// Sets it. Tells whether the poller has to be signalled; if not, a signal is on its way, and what
    /// was done before is seen by the poller when it gets there.
    pub(super) fn raise(&self) -> bool {
        !self.0.swap(true, Ordering::AcqRel)
    }

    /// Takes it back, when the poller has seen the signal. What was done before each `raise` up to now is
    /// seen after that; a swap and not a store, because only what it reads tells of that.
    pub(super) fn lower(&self) {
        self.0.swap(false, Ordering::AcqRel);
    }
}

/// `RUSTFLAGS="--cfg loom" cargo test -p bowline-io --no-default-features --release --lib models`
#[cfg(all(test, loom))]
mod models {
    use std::sync::Arc;

    use loom::sync::Condvar;
    use loom::sync::Mutex;
    use loom::sync::atomic::AtomicBool;
    use loom::thread;

    use super::*;

    struct Model {
        flag: WakeFlag,
        /// What the system keeps of a signal until somebody waits.
        signal: Mutex<bool>,
        signalled: Condvar,
        news: [AtomicBool; 2],
    }

    impl Model {
        fn wake(&self) {
            if self.flag.raise() {
                *self.signal.lock().unwrap() = true;
                self.signalled.notify_one();
            }
        }

        fn sleep(&self) {
            let mut signal = self.signal.lock().unwrap();
            while !*signal {
                signal = self.signalled.wait(signal).unwrap();
            }
            *signal = false;
            drop(signal);
            self.flag.lower();
        }

        fn has_all(&self) -> bool {
            self.news.iter().all(|news| news.load(Ordering::Relaxed))
        }
    }

    #[test]
    fn who_is_woken_sees_what_was_done_before() {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = builder.preemption_bound.or(Some(3));
        builder.check(|| {
            let model = Arc::new(Model {
                flag: WakeFlag::new(),
                signal: Mutex::new(false),
                signalled: Condvar::new(),
                news: Default::default(),
            });
            let wakers = [0, 1].map(|index| {
                let model = Arc::clone(&model);
                thread::spawn(move || {
                    model.news[index].store(true, Ordering::Relaxed);
                    model.wake();
                })
            });
            // If a wake-up is lost, this sleeps for ever, which is found.
            while !model.has_all() {
                model.sleep();
            }
            for waker in wakers {
                waker.join().unwrap();
            }
        });
    }
}
