//! What a [`LocalStore`](crate::store::LocalStore) asks of a disk.

use std::fmt;
use std::sync::Arc;

use crate::store::Bucket;
use crate::store::Record;
use crate::store::StoreError;
use crate::store::table::Slot;

/// Where what must last is written.
pub(super) trait Disk: fmt::Debug + Send + Sync {
    /// Does all of it or nothing, and returns when it will outlast a power cut.
    ///
    /// After an error it may have been done nevertheless; the caller says again what it wants, in its next batch.
    fn commit(&self, batch: &[Op<'_>]) -> Result<(), StoreError>;
}

/// A change on disk.
#[derive(Debug)]
pub(super) enum Op<'a> {
    Set {
        bucket: Bucket,
        path: &'a str,
        saved: Saved<'a>,
    },
    Remove {
        bucket: Bucket,
        path: &'a str,
    },
    /// Records of the log from this number on are to be these.
    LogTail {
        first: u64,
        records: &'a [&'a [u8]],
    },
    /// Records of the log below this number are not needed any more.
    LogForget {
        below: u64,
    },
}

/// What is on disk of a key.
#[derive(Clone, Copy, Debug)]
pub(super) struct Saved<'a> {
    pub(super) value: &'a [u8],
    pub(super) revision: u64,
    /// Zero for what is no lease.
    pub(super) ttl_us: u64,
    /// In microseconds since 1970; zero for what is no lease.
    pub(super) expiry_unix_us: u64,
}

/// What was on disk at the start.
#[derive(Debug, Default)]
pub(super) struct Loaded {
    /// Revisions of this run come after this one, and are higher than those of any run before.
    pub(super) first_revision: u64,
    pub(super) slots: Vec<(Bucket, Arc<str>, Slot)>,
    pub(super) log: Vec<Record>,
}
