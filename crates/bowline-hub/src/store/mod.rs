//! What a hub remembers, and what several hubs of one service share.
//!
//! [`Store`] is all that the hub asks of it: keys with values and revisions, leases that run out, watchers, a bus and a
//! log. It is as small as that because two kinds of stores are to fit behind it, and both pass the same suite
//! (`conformance`):
//!
//! * [`LocalStore`], for one node: everything in memory, and what must last in a file as well ([`LocalStore::open`]), or
//!   nothing in a file ([`LocalStore::in_memory`]).
//! * A cluster's, over NATS JetStream: a bucket is a stream with a subject per key. Revisions are the stream's sequence
//!   numbers, so they count within a bucket only; `create` and `update` say which one they expect; a renewal is a write.
//!   That is why it is so here, too.
//!
//! # Revisions
//!
//! Each change of a bucket, a lease that runs out included, has a revision, higher than all before. Nobody owns anything
//! by having read it: who wants to own a key creates it, or updates it with the revision that was read, and owns it if that
//! did not fail.
//!
//! # Leases
//!
//! A write may say how long the entry lives. Unless it is [renewed](Store::renew) it is gone then, which watchers are told
//! ([`ChangeKind::Expired`]). Leases are timed by a clock that never steps ([`Clock::now`]), so that a step of the date
//! ends none of them. The date only counts for leases on disk while the hub is down.
//!
//! # What fails
//!
//! Every error says what was wrong ([`StoreError`]). An error of the disk in a write leaves open whether the next start
//! finds it; until then the store says what was before. A write that was acknowledged is on disk.
//!
//! All calls may block, for a disk's or a network's time: they belong on threads that may wait.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bowline_core::time::Span;

mod bus;
mod clock;
#[cfg(any(test, feature = "test-support"))]
pub mod conformance;
mod decisions;
mod disk;
mod error;
mod key;
mod local;
mod log;
mod redb;
mod shelf;
mod table;
#[cfg(test)]
mod tests;

pub use self::clock::Clock;
#[cfg(any(test, feature = "test-support"))]
pub use self::clock::ManualClock;
pub use self::clock::SystemClock;
pub use self::decisions::Decisions;
pub use self::decisions::KeptBlock;
pub use self::decisions::KeptKick;
pub use self::error::StoreError;
pub use self::key::Bucket;
pub use self::key::Key;
pub use self::key::KeyError;
pub use self::key::Prefix;
pub use self::key::Subject;
pub use self::local::LocalStore;

/// Where a hub keeps what it must not forget, and shares what other hubs must know.
pub trait Store: fmt::Debug + Send + Sync {
    /// What a key holds, if anything.
    ///
    /// # Errors
    /// If the store cannot be asked.
    fn get(&self, key: &Key) -> Result<Option<Entry>, StoreError>;

    /// Writes a key that holds nothing. With a `ttl` it is a lease.
    ///
    /// # Errors
    /// [`StoreError::Exists`] if it holds something, or why the store takes no writes.
    fn create(&self, key: &Key, value: &[u8], ttl: Option<Span>) -> Result<Revision, StoreError>;

    /// Writes a key that holds what was read at a revision. The `ttl` replaces that of before.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if it has changed since, [`StoreError::Missing`] if it holds nothing any more, or why the
    /// store takes no writes.
    fn update(
        &self,
        key: &Key,
        value: &[u8],
        expected: Revision,
        ttl: Option<Span>,
    ) -> Result<Revision, StoreError>;

    /// Writes a key, whatever it holds. The `ttl` replaces that of before.
    ///
    /// # Errors
    /// Why the store takes no writes.
    fn put(&self, key: &Key, value: &[u8], ttl: Option<Span>) -> Result<Revision, StoreError>;

    /// Deletes what a key held at a revision, and returns the revision of that change.
    ///
    /// # Errors
    /// As [`update`](Self::update).
    fn delete(&self, key: &Key, expected: Revision) -> Result<Revision, StoreError>;

    /// Lets a lease begin anew: writes the value again. Watchers see it as a write.
    ///
    /// # Errors
    /// As [`update`](Self::update).
    fn renew(&self, key: &Key, expected: Revision, ttl: Span) -> Result<Revision, StoreError> {
        let Some(entry) = self.get(key)? else {
            return Err(StoreError::Missing { key: key.clone() });
        };
        self.update(key, &entry.value, expected, Some(ttl))
    }

    /// The entries below a prefix, in the order of their keys.
    ///
    /// # Errors
    /// If the store cannot be asked.
    fn list(&self, prefix: &Prefix) -> Result<Listing, StoreError>;

    /// Tells all changes below a prefix that come after a revision: that of a [`Listing`], or of the last change that
    /// was seen.
    ///
    /// # Errors
    /// If the store cannot be asked. That too much has happened since is told by [`Watch::next`].
    fn watch(&self, prefix: &Prefix, after: Revision) -> Result<Box<dyn Watch>, StoreError>;

    /// Sends a message to those who subscribe to a subject now. Nobody knows whether it arrives.
    ///
    /// # Errors
    /// If the message is too long, or there is no bus to put it on.
    fn publish(&self, subject: &Subject, message: &[u8]) -> Result<(), StoreError>;

    /// Messages to a subject, from now on.
    ///
    /// # Errors
    /// [`StoreError::Full`] if there are too many subscriptions, or why there is no bus.
    fn subscribe(&self, subject: &Subject) -> Result<Box<dyn Subscription>, StoreError>;

    /// Appends records to a log, all or none, and returns the number of the first. The oldest records make room.
    ///
    /// # Errors
    /// If a record is too long or there are too many, or why the store takes no writes.
    fn append(&self, log: Log, records: &[&[u8]]) -> Result<u64, StoreError>;

    /// Records of a log, from a number on, or from the oldest that there is. At most `max`.
    ///
    /// # Errors
    /// If the store cannot be asked.
    fn read_log(&self, log: Log, from: u64, max: usize) -> Result<Vec<Record>, StoreError>;
}

/// Changes below a prefix, in order, none left out.
pub trait Watch: fmt::Debug + Send {
    /// The next change; `None` if there was none for as long as this was to wait.
    ///
    /// # Errors
    /// [`StoreError::Behind`] if there were more changes than the store keeps, and ever after: list again, and watch from
    /// there.
    fn next(&mut self, wait: Duration) -> Result<Option<Change>, StoreError>;
}

/// Messages to a subject.
pub trait Subscription: fmt::Debug + Send {
    /// The next message; `None` if there was none for as long as this was to wait.
    ///
    /// # Errors
    /// If the bus has gone.
    fn next(&mut self, wait: Duration) -> Result<Option<Arc<[u8]>>, StoreError>;

    /// How many messages were dropped because they were not read in time.
    fn dropped(&self) -> u64;
}

/// Which change of a bucket it was.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Revision(u64);

/// What a key holds.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Entry {
    /// The bytes that were written.
    pub value: Arc<[u8]>,
    /// The change that wrote them.
    pub revision: Revision,
}

/// What is below a prefix.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Listing {
    /// Keys in order, and what they hold.
    pub entries: Vec<(Key, Entry)>,
    /// The last change of the bucket that is in here: where to [watch](Store::watch) from.
    pub revision: Revision,
}

/// Something that happened to a key.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Change {
    /// To which.
    pub key: Key,
    /// Which change of its bucket it was.
    pub revision: Revision,
    /// What.
    pub kind: ChangeKind,
}

/// What happened to a key.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ChangeKind {
    /// It was written.
    Written(Arc<[u8]>),
    /// Somebody deleted it.
    Deleted,
    /// Its lease ran out.
    Expired,
}

/// A log.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Log {
    /// Certificates and tickets that were issued, and refusals.
    Audit,
}

/// A record of a log.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Record {
    /// Its number: one more than the record before.
    pub number: u64,
    /// Its bytes.
    pub bytes: Arc<[u8]>,
}

impl Revision {
    /// Before every change.
    pub const ZERO: Self = Self(0);

    /// The revision with this number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// Its number.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
