//! A bucket that threads share, what is to be written to disk of it, and its watchers.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::Condvar;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::Duration;
use std::time::Instant;

use bowline_core::time::Span;
use bowline_core::time::Timestamp;

use crate::limits::WATCH_RECHECK;
use crate::store::Bucket;
use crate::store::Change;
use crate::store::Clock;
use crate::store::Prefix;
use crate::store::Revision;
use crate::store::StoreError;
use crate::store::Watch;
use crate::store::disk::Disk;
use crate::store::disk::Op;
use crate::store::disk::Saved;
use crate::store::table::Expected;
use crate::store::table::Table;

#[derive(Debug)]
pub(super) struct Shelf {
    bucket: Bucket,
    clock: Arc<dyn Clock>,
    /// None for a bucket in memory only.
    disk: Option<Arc<dyn Disk>>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) table: Table,
    /// Keys of which disk and table may differ: what ran out, and what failed to be written. At most as many as there ever
    /// were in the table, and one: nothing new is tried while there are any.
    stale: BTreeSet<Arc<str>>,
}

/// A write.
#[derive(Debug)]
pub(super) struct Write<'a> {
    pub(super) path: &'a Arc<str>,
    /// None to delete.
    pub(super) value: Option<&'a [u8]>,
    pub(super) ttl: Option<Span>,
    pub(super) expected: Expected,
}

#[derive(Debug)]
pub(super) struct LocalWatch {
    shelf: Arc<Shelf>,
    prefix: Prefix,
    after: Revision,
}

impl Shelf {
    pub(super) fn new(
        bucket: Bucket,
        clock: Arc<dyn Clock>,
        disk: Option<Arc<dyn Disk>>,
        table: Table,
    ) -> Self {
        Self {
            bucket,
            clock,
            disk,
            state: Mutex::new(State {
                table,
                stale: BTreeSet::new(),
            }),
            changed: Condvar::new(),
        }
    }

    /// What is there now, without what has run out.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        let mut state = self.lock_as_is();
        self.expire(&mut state);
        state
    }

    pub(super) fn write(&self, write: &Write<'_>) -> Result<Revision, StoreError> {
        let mut state = self.lock();
        let len = write.value.map(<[u8]>::len);
        let revision = state.table.check(write.path, len, write.expected)?;
        if let Some(disk) = &self.disk {
            self.save_stale(disk.as_ref(), &mut state)?;
            let op = match write.value {
                Some(value) => Op::Set {
                    bucket: self.bucket,
                    path: write.path,
                    saved: Saved {
                        value,
                        revision: revision.get(),
                        ttl_us: write.ttl.map_or(0, Span::as_micros),
                        expiry_unix_us: self.expiry(write.ttl),
                    },
                },
                None => Op::Remove {
                    bucket: self.bucket,
                    path: write.path,
                },
            };
            if let Err(error) = disk.commit(&[op]) {
                state.stale.insert(write.path.clone());
                return Err(error);
            }
        }
        let value = write.value.map(Arc::from);
        let revision = state.table.apply(write.path, value, write.ttl);
        drop(state);
        self.changed.notify_all();
        Ok(revision)
    }

    pub(super) fn watch(self: &Arc<Self>, prefix: &Prefix, after: Revision) -> LocalWatch {
        LocalWatch {
            shelf: self.clone(),
            prefix: prefix.clone(),
            after,
        }
    }

    /// Writes to disk what has run out.
    pub(super) fn flush(&self) -> Result<(), StoreError> {
        let mut state = self.lock();
        match &self.disk {
            Some(disk) => self.save_stale(disk.as_ref(), &mut state),
            None => Ok(()),
        }
    }

    /// Makes the disk say of stale keys what the table does.
    fn save_stale(&self, disk: &dyn Disk, state: &mut State) -> Result<(), StoreError> {
        if state.stale.is_empty() {
            return Ok(());
        }
        let (now, unix_us) = (self.clock.now(), self.clock.unix_micros());
        let op = |path| match state.table.get(path) {
            None => Op::Remove {
                bucket: self.bucket,
                path,
            },
            Some(slot) => Op::Set {
                bucket: self.bucket,
                path,
                saved: Saved {
                    value: &slot.entry.value,
                    revision: slot.entry.revision.get(),
                    ttl_us: slot.ttl.map_or(0, Span::as_micros),
                    expiry_unix_us: slot.ttl.map_or(0, |_| {
                        unix_us.saturating_add(slot.deadline.since(now).as_micros())
                    }),
                },
            },
        };
        let batch: Vec<_> = state.stale.iter().map(|path| op(path)).collect();
        disk.commit(&batch)?;
        state.stale.clear();
        Ok(())
    }

    fn expiry(&self, ttl: Option<Span>) -> u64 {
        ttl.map_or(0, |ttl| {
            self.clock.unix_micros().saturating_add(ttl.as_micros())
        })
    }

    fn expire(&self, state: &mut State) {
        let expired = state.table.expire(self.clock.now());
        if expired.is_empty() {
            return;
        }
        if self.disk.is_some() {
            state.stale.extend(expired);
        }
        self.changed.notify_all();
    }

    fn lock_as_is(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LocalWatch {
    /// How long nothing can happen that nobody would be woken for.
    fn until_recheck(&self, deadline: Option<Timestamp>) -> Duration {
        let span = deadline.map_or(WATCH_RECHECK, |at| at.since(self.shelf.clock.now()));
        Duration::from_micros(span.min(WATCH_RECHECK).as_micros())
    }
}

impl Watch for LocalWatch {
    fn next(&mut self, wait: Duration) -> Result<Option<Change>, StoreError> {
        let start = Instant::now();
        let mut state = self.shelf.lock();
        loop {
            match state.table.change_after(&self.prefix, self.after)? {
                Ok(change) => {
                    self.after = change.revision;
                    return Ok(Some(change));
                }
                Err(after) => self.after = after,
            }
            let left = wait.saturating_sub(start.elapsed());
            if left.is_zero() {
                return Ok(None);
            }
            // A lease that is due makes the next look come at once; it does not make it spin, as the look takes it out.
            let wait = left.min(self.until_recheck(state.table.next_deadline()));
            let waited = self.shelf.changed.wait_timeout(state, wait);
            (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
            self.shelf.expire(&mut state);
        }
    }
}
