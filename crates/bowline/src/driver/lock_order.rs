//! Mutexes that know their place: a debug build panics where the lock rules are broken.
//!
//! The rules, for which [`Rank`] stands: the endpoint lock and a connection's lock are never held
//! together, nor are two connections'; the leaf locks are taken last, in the order of their ranks; the right
//! to bring two interfaces together comes before all;
//! nothing at all is held across a system call ([`assert_none_held`]) or while application code runs;
//! and the thread that drives for all ([`Driving`]) never waits for a connection's lock.
//! In a release build all of this is a plain mutex.

use std::ops::Deref;
use std::ops::DerefMut;
use std::sync::PoisonError;
use std::sync::RwLock;
use std::sync::RwLockReadGuard;
use std::sync::RwLockWriteGuard;
use std::sync::TryLockError;
use std::time::Duration;

use crate::driver::sync::primitives::Condvar;
use crate::driver::sync::primitives::Mutex;
use crate::driver::sync::primitives::MutexGuard;

/// Where a lock stands. A thread may take one only if all that it holds have a lower level.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Rank {
    /// The right to bring two interfaces of the process together. Their locks are taken under it, one after the
    /// other.
    Matchmaking,
    /// The endpoint, its sockets and the connection table.
    Endpoint,
    /// One connection.
    Connection,
    /// The sessions of messages to identities.
    Sessions,
    /// The client of a hub.
    HubLink,
    /// Events, readiness and who drives the sockets.
    Lobby,
    /// The ready list of one poll group.
    PollGroup,
    /// Datagrams that are late on purpose.
    Network,
    /// What waits for a connection whose lock was taken.
    Inbox,
    /// The deadlines of all connections.
    Timers,
    /// The settings of an interface, or of the process.
    Settings,
    /// The connections by number.
    Index,
}

#[cfg(all(debug_assertions, not(loom)))]
impl Rank {
    /// Endpoint and connections share a level, and so exclude each other.
    const fn level(self) -> u8 {
        match self {
            Self::Matchmaking => 0,
            Self::Endpoint | Self::Connection => 1,
            Self::Sessions | Self::HubLink => 2,
            Self::Lobby => 3,
            Self::PollGroup | Self::Network | Self::Inbox => 4,
            Self::Timers => 5,
            Self::Settings | Self::Index => 6,
        }
    }
}

/// A mutex with a rank. Poisoning is ignored: a panic elsewhere must not take the library down twice.
#[derive(Debug)]
pub(crate) struct Lock<T> {
    rank: Rank,
    mutex: Mutex<T>,
}

impl<T> Lock<T> {
    pub(crate) fn new(rank: Rank, value: T) -> Self {
        Self {
            rank,
            mutex: Mutex::new(value),
        }
    }

    /// What is locked, for who has it alone anyway.
    pub(crate) fn get_mut(&mut self) -> &mut T {
        self.mutex.get_mut().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the lock.
    ///
    /// # Panics
    /// In debug builds, if the thread holds a lock that forbids it, or drives and the lock is a
    /// connection's.
    pub(crate) fn lock(&self) -> Guard<'_, T> {
        assert_may_wait(self.rank);
        let held = Held::take(self.rank);
        let guard = self.mutex.lock().unwrap_or_else(PoisonError::into_inner);
        Guard { guard, held }
    }

    /// Takes the lock unless another thread has it.
    ///
    /// # Panics
    /// In debug builds, if the thread holds a lock that forbids it.
    pub(crate) fn try_lock(&self) -> Option<Guard<'_, T>> {
        let held = Held::take(self.rank);
        let guard = match self.mutex.try_lock() {
            Ok(guard) => guard,
            Err(TryLockError::Poisoned(error)) => error.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        Some(Guard { guard, held })
    }
}

/// A lock with a rank that readers share. No model has one: it is a leaf, and nobody waits behind it.
#[derive(Debug)]
pub(crate) struct SharedLock<T> {
    rank: Rank,
    lock: RwLock<T>,
}

impl<T> SharedLock<T> {
    pub(crate) const fn new(rank: Rank, value: T) -> Self {
        Self {
            rank,
            lock: RwLock::new(value),
        }
    }

    /// Waits for whoever writes.
    ///
    /// # Panics
    /// In debug builds, if the thread holds a lock that forbids it.
    pub(crate) fn read(&self) -> Guarded<RwLockReadGuard<'_, T>> {
        let held = Held::take(self.rank);
        let guard = self.lock.read().unwrap_or_else(PoisonError::into_inner);
        Guarded { guard, _held: held }
    }

    /// Waits for all others.
    ///
    /// # Panics
    /// In debug builds, if the thread holds a lock that forbids it.
    pub(crate) fn write(&self) -> Guarded<RwLockWriteGuard<'_, T>> {
        let held = Held::take(self.rank);
        let guard = self.lock.write().unwrap_or_else(PoisonError::into_inner);
        Guarded { guard, _held: held }
    }
}

/// A held [`SharedLock`].
#[derive(Debug)]
pub(crate) struct Guarded<G> {
    guard: G,
    _held: Held,
}

impl<G: Deref> Deref for Guarded<G> {
    type Target = G::Target;
    fn deref(&self) -> &G::Target {
        &self.guard
    }
}

impl<G: DerefMut> DerefMut for Guarded<G> {
    fn deref_mut(&mut self) -> &mut G::Target {
        &mut self.guard
    }
}

/// A held [`Lock`].
#[derive(Debug)]
pub(crate) struct Guard<'a, T> {
    guard: MutexGuard<'a, T>,
    held: Held,
}

impl<T> Guard<'_, T> {
    /// Gives the lock up until `condvar` is notified or `timeout` has passed; `None` is no timeout.
    pub(crate) fn wait(self, condvar: &Condvar, timeout: Option<Duration>) -> Self {
        let Self { guard, held } = self;
        let guard = match timeout {
            Some(timeout) => {
                let (guard, _) = condvar
                    .wait_timeout(guard, timeout)
                    .unwrap_or_else(PoisonError::into_inner);
                guard
            }
            None => condvar.wait(guard).unwrap_or_else(PoisonError::into_inner),
        };
        Self { guard, held }
    }
}

impl<T> Deref for Guard<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.guard
    }
}

impl<T> DerefMut for Guard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.guard
    }
}

// The threads of a model are one thread to the system, which would mix up what each holds.
#[cfg(all(debug_assertions, not(loom)))]
use checked as rules;
#[cfg(not(all(debug_assertions, not(loom))))]
use unchecked as rules;

pub(crate) use rules::Driving;
use rules::Held;
use rules::assert_may_wait;
pub(crate) use rules::assert_none_held;

#[cfg(all(debug_assertions, not(loom)))]
mod checked {
    use std::cell::Cell;

    use super::Rank;

    thread_local! {
        /// One bit per level of the locks that this thread holds.
        static HELD: Cell<u8> = const { Cell::new(0) };
        /// This thread drives for all.
        static DRIVES: Cell<bool> = const { Cell::new(false) };
    }

    /// Notes that a lock is held for as long as this lives.
    #[derive(Debug)]
    pub(super) struct Held(Rank);

    impl Held {
        pub(super) fn take(rank: Rank) -> Self {
            let held = HELD.get();
            assert!(
                held >> rank.level() == 0,
                "lock order: {rank:?} may not be taken with locks {held:#b} held"
            );
            HELD.set(held | 1 << rank.level());
            Self(rank)
        }
    }

    impl Drop for Held {
        fn drop(&mut self) {
            HELD.set(HELD.get() & !(1 << self.0.level()));
        }
    }

    /// For as long as this lives, the thread drives for all, or does not.
    #[derive(Debug)]
    pub(crate) struct Driving {
        before: bool,
    }

    impl Driving {
        pub(crate) fn begin() -> Self {
            Self {
                before: DRIVES.replace(true),
            }
        }

        /// For as long as the result lives, the thread is one of the application: it runs the
        /// application's code, which may wait.
        pub(crate) fn suspend() -> Self {
            Self {
                before: DRIVES.replace(false),
            }
        }
    }

    impl Drop for Driving {
        fn drop(&mut self) {
            DRIVES.set(self.before);
        }
    }

    /// Panics if this thread drives for all and `rank` is a connection's.
    pub(super) fn assert_may_wait(rank: Rank) {
        let waits_for_one = rank == Rank::Connection && DRIVES.get();
        assert!(
            !waits_for_one,
            "the driving thread may not wait for a connection"
        );
    }

    /// Panics if this thread holds any lock. Stands before every system call that may take long.
    pub(crate) fn assert_none_held() {
        assert_eq!(HELD.get(), 0, "a lock is held across a system call");
    }
}

#[cfg(not(all(debug_assertions, not(loom))))]
mod unchecked {
    use super::Rank;

    #[derive(Debug)]
    pub(super) struct Held;

    impl Held {
        #[inline]
        pub(super) const fn take(_: Rank) -> Self {
            Self
        }
    }

    #[derive(Debug)]
    pub(crate) struct Driving;

    impl Driving {
        #[inline]
        pub(crate) const fn begin() -> Self {
            Self
        }

        #[inline]
        pub(crate) const fn suspend() -> Self {
            Self
        }
    }

    #[inline]
    pub(super) const fn assert_may_wait(_: Rank) {}

    #[inline]
    pub(crate) const fn assert_none_held() {}
}

#[cfg(all(test, debug_assertions, not(loom)))]
mod tests {
    use std::panic::AssertUnwindSafe;
    use std::panic::catch_unwind;

    use super::*;

    fn panics(action: impl FnOnce()) -> bool {
        catch_unwind(AssertUnwindSafe(action)).is_err()
    }

    #[test]
    fn leaf_locks_are_taken_last() {
        let connection = Lock::new(Rank::Connection, ());
        let lobby = Lock::new(Rank::Lobby, ());
        let timers = Lock::new(Rank::Timers, ());
        {
            let _connection = connection.lock();
            drop(lobby.lock());
            drop(timers.lock());
        }
        let _lobby = lobby.lock();
        let _timers = timers.lock();
        assert!(panics(|| drop(connection.lock())));
    }

    #[test]
    fn endpoint_and_connections_exclude_each_other() {
        let endpoint = Lock::new(Rank::Endpoint, ());
        let one = Lock::new(Rank::Connection, ());
        let other = Lock::new(Rank::Connection, ());
        {
            let _endpoint = endpoint.lock();
            assert!(panics(|| drop(one.lock())));
        }
        {
            let _one = one.lock();
            assert!(panics(|| drop(endpoint.lock())));
            assert!(panics(|| drop(other.lock())));
        }
        drop(other.lock());
    }

    #[test]
    fn a_system_call_under_a_lock_is_caught() {
        let lobby = Lock::new(Rank::Lobby, ());
        assert_none_held();
        let guard = lobby.lock();
        assert!(panics(assert_none_held));
        drop(guard);
        assert_none_held();
    }

    #[test]
    fn who_drives_may_try_a_connection_but_not_wait_for_it() {
        let connection = Lock::new(Rank::Connection, ());
        let lobby = Lock::new(Rank::Lobby, ());
        let driving = Driving::begin();
        assert!(connection.try_lock().is_some());
        assert!(panics(|| drop(connection.lock())));
        drop(lobby.lock());
        drop(Driving::begin());
        assert!(panics(|| drop(connection.lock())), "still driving");
        let suspended = Driving::suspend();
        drop(connection.lock());
        drop(suspended);
        assert!(panics(|| drop(connection.lock())), "driving again");
        drop(driving);
        drop(connection.lock());
    }

    #[test]
    fn a_lock_that_is_taken_is_not_waited_for() {
        let connection = Lock::new(Rank::Connection, ());
        let guard = connection.lock();
        std::thread::scope(|scope| {
            scope.spawn(|| assert!(connection.try_lock().is_none()));
        });
        drop(guard);
        assert!(connection.try_lock().is_some());
        assert_none_held();
    }

    #[test]
    fn a_wait_with_a_timeout_comes_back_with_the_lock() {
        let lobby = Lock::new(Rank::Lobby, 7);
        let guard = lobby
            .lock()
            .wait(&Condvar::new(), Some(Duration::from_micros(1)));
        assert_eq!(*guard, 7);
        assert!(panics(assert_none_held));
    }
}
