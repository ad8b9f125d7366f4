//! Ending a wait from another thread.

use std::fmt;
use std::sync::Arc;

use crate::driver::Inner;
use crate::driver::lobby::Nudge;
use crate::sockets::Sockets;

/// Ends a [`Sockets::wait`] of another thread, made by [`Sockets::waker`]: for a thread that serves connections and
/// something else besides, such as a queue that other threads put work into.
///
/// Keeps nothing open: when all handles of the interface are gone it does nothing.
#[derive(Clone)]
pub struct Waker {
    inner: std::sync::Weak<Inner>,
}

impl Sockets {
    /// What ends [`wait`](Self::wait) from another thread.
    pub fn waker(&self) -> Waker {
        Waker {
            inner: Arc::downgrade(self.inner()),
        }
    }
}

impl Waker {
    /// Ends the [`Sockets::wait`] that is under way, or else the next one. However often it is called before that, it ends
    /// one.
    pub fn wake(&self) {
        let Some(inner) = self.inner.upgrade() else {
            return;
        };
        let mut nudge = Nudge::default();
        inner.lobby.wake_waiter(&mut nudge);
        inner
            .lobby
            .act_on(nudge, |shards| inner.shards.wake(shards));
    }
}

impl fmt::Debug for Waker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waker").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;
    use std::time::Instant;

    use crate::ServiceMode;
    use crate::Sockets;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn a_wait_is_ended_by_another_thread_and_only_once() {
        for mode in [ServiceMode::Thread, ServiceMode::Manual] {
            let sockets = Sockets::builder().service(mode).build().unwrap();
            let waker = sockets.waker();
            let start = Instant::now();
            let other = std::thread::spawn(move || {
                std::thread::sleep(Duration::from_millis(30));
                waker.wake();
            });
            assert!(!sockets.wait(LONG), "there is nothing to read");
            assert!(start.elapsed() < LONG / 2);
            other.join().unwrap();
            let pause = Duration::from_millis(20);
            let again = Instant::now();
            assert!(!sockets.wait(pause));
            assert!(again.elapsed() >= pause);
        }
    }

    #[test]
    fn regression_one_wake_ends_one_wait() {
        let sockets = Sockets::new().unwrap();
        let waker = sockets.waker();
        let pause = Duration::from_millis(400);
        let waits = [(); 2].map(|()| {
            let sockets = sockets.clone();
            std::thread::spawn(move || {
                let start = Instant::now();
                (sockets.wait(pause), start.elapsed() < pause)
            })
        });
        std::thread::sleep(pause / 4);
        waker.wake();
        let ended = waits.map(|wait| wait.join().unwrap());
        assert!(ended.iter().all(|(has_news, _)| !has_news), "{ended:?}");
        let early = ended.iter().filter(|(_, early)| *early).count();
        assert_eq!(early, 1, "{ended:?}");
    }

    #[test]
    fn whoever_is_woken_before_it_waits_does_not_wait() {
        let sockets = Sockets::new().unwrap();
        let waker = sockets.waker();
        waker.wake();
        waker.wake();
        let start = Instant::now();
        assert!(!sockets.wait(LONG));
        assert!(start.elapsed() < LONG / 2);
        drop(sockets);
        waker.wake();
    }
}
