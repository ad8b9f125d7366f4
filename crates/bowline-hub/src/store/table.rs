//! One bucket in memory: what its keys hold, when leases run out, and the latest changes.
//!
//! No clock, no lock, no disk. A write comes in two steps: [`Table::check`] says whether it may be, [`Table::apply`] does
//! it. In between it goes to disk, where there is one. The expired are taken out by [`Table::expire`] before anything else.
//!
//! Revisions of changes follow each other without a gap, so a watcher's place among the latest changes is a subtraction.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::VecDeque;
use std::ops::Bound;
use std::sync::Arc;

use bowline_core::time::Span;
use bowline_core::time::Timestamp;

use crate::limits::MAX_BUCKET_BYTES;
use crate::limits::MAX_BUCKET_ENTRIES;
use crate::limits::MAX_WATCH_HISTORY;
use crate::limits::MAX_WATCH_HISTORY_BYTES;
use crate::store::Bucket;
use crate::store::Change;
use crate::store::ChangeKind;
use crate::store::Entry;
use crate::store::Key;
use crate::store::Listing;
use crate::store::Prefix;
use crate::store::Revision;
use crate::store::StoreError;

#[derive(Debug)]
pub(super) struct Table {
    bucket: Bucket,
    bounds: Bounds,
    slots: BTreeMap<Arc<str>, Slot>,
    deadlines: BTreeSet<(Timestamp, Arc<str>)>,
    /// Of all keys and values.
    bytes: usize,
    revision: u64,
    /// The latest change is at [`revision`](Self::revision), each one before at one less.
    history: VecDeque<(Arc<str>, ChangeKind)>,
    history_bytes: usize,
    /// The latest time that came in: a clock that steps back does not make leases longer than they were.
    now: Timestamp,
}

/// How much a table holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) entries: usize,
    pub(super) bytes: usize,
    pub(super) history: usize,
    pub(super) history_bytes: usize,
}

/// What a key holds.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    pub(super) entry: Entry,
    pub(super) ttl: Option<Span>,
    /// [`Timestamp::NEVER`] without a `ttl`.
    pub(super) deadline: Timestamp,
}

/// What has to hold for a write.
#[derive(Clone, Copy, Debug)]
pub(super) enum Expected {
    Anything,
    Nothing,
    At(Revision),
}

impl Bounds {
    pub(super) const DEFAULT: Self = Self {
        entries: MAX_BUCKET_ENTRIES,
        bytes: MAX_BUCKET_BYTES,
        history: MAX_WATCH_HISTORY,
        history_bytes: MAX_WATCH_HISTORY_BYTES,
    };
}

impl Table {
    /// An empty table whose next change comes after `revision`.
    pub(super) const fn new(bucket: Bucket, revision: Revision, bounds: Bounds) -> Self {
        Self {
            bucket,
            bounds,
            slots: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            bytes: 0,
            revision: revision.get(),
            history: VecDeque::new(),
            history_bytes: 0,
            now: Timestamp::ZERO,
        }
    }

    /// Takes in what was on disk. No change.
    pub(super) fn load(&mut self, path: Arc<str>, slot: Slot) {
        self.revision = self.revision.max(slot.entry.revision.get());
        self.insert(path, slot);
    }

    /// Takes out what has run out, and says which keys that were.
    pub(super) fn expire(&mut self, now: Timestamp) -> Vec<Arc<str>> {
        self.now = self.now.max(now);
        let mut expired = Vec::new();
        while let Some((deadline, path)) = self.deadlines.first() {
            if *deadline > self.now {
                break;
            }
            let path = path.clone();
            self.remove(&path);
            self.note(path.clone(), ChangeKind::Expired);
            expired.push(path);
        }
        expired
    }

    /// Writes what [`check`](Self::check) has allowed, or deletes.
    pub(super) fn apply(
        &mut self,
        path: &Arc<str>,
        value: Option<Arc<[u8]>>,
        ttl: Option<Span>,
    ) -> Revision {
        self.remove(path);
        let kind = value.map_or(ChangeKind::Deleted, ChangeKind::Written);
        let revision = self.note(path.clone(), kind.clone());
        if let ChangeKind::Written(value) = kind {
            let entry = Entry { value, revision };
            let deadline = ttl.map_or(Timestamp::NEVER, |ttl| self.now + ttl);
            let slot = Slot {
                entry,
                ttl,
                deadline,
            };
            self.insert(path.clone(), slot);
        }
        revision
    }

    /// Whether a write of `len` bytes may be, or a deletion. What revision it will have.
    pub(super) fn check(
        &self,
        path: &Arc<str>,
        len: Option<usize>,
        expected: Expected,
    ) -> Result<Revision, StoreError> {
        let key = || Key::of_path(self.bucket, path.clone());
        let slot = self.slots.get(path);
        match (expected, slot) {
            (Expected::Anything, _) | (Expected::Nothing, None) => {}
            (Expected::Nothing, Some(slot)) => {
                return Err(StoreError::Exists {
                    key: key(),
                    found: slot.entry.revision,
                });
            }
            (Expected::At(_), None) => return Err(StoreError::Missing { key: key() }),
            (Expected::At(expected), Some(slot)) if slot.entry.revision != expected => {
                return Err(StoreError::Conflict {
                    key: key(),
                    expected,
                    found: slot.entry.revision,
                });
            }
            (Expected::At(_), Some(_)) => {}
        }
        if let Some(len) = len {
            self.check_room(path, len, slot)?;
        }
        Ok(Revision::new(self.revision + 1))
    }

    pub(super) fn get(&self, path: &str) -> Option<&Slot> {
        self.slots.get(path)
    }

    pub(super) fn list(&self, prefix: &Prefix) -> Listing {
        let from = (Bound::Included(prefix.path()), Bound::Unbounded);
        let entries = self
            .slots
            .range::<str, _>(from)
            .take_while(|(path, _)| path.starts_with(prefix.path()))
            .map(|(path, slot)| (Key::of_path(self.bucket, path.clone()), slot.entry.clone()))
            .collect();
        Listing {
            entries,
            revision: Revision::new(self.revision),
        }
    }

    /// The first change below a prefix after a revision. If there is none, the revision up to which there is none.
    pub(super) fn change_after(
        &self,
        prefix: &Prefix,
        after: Revision,
    ) -> Result<Result<Change, Revision>, StoreError> {
        let oldest = self.revision - self.history.len() as u64;
        let behind = || StoreError::Behind {
            bucket: self.bucket,
            after,
        };
        let skip = after.get().checked_sub(oldest).ok_or_else(behind)?;
        let skip = usize::try_from(skip).map_err(|_| behind())?;
        if skip > self.history.len() {
            return Err(behind());
        }
        for (index, (path, kind)) in self.history.range(skip..).enumerate() {
            if path.starts_with(prefix.path()) {
                return Ok(Ok(Change {
                    key: Key::of_path(self.bucket, path.clone()),
                    revision: Revision::new(after.get() + 1 + index as u64),
                    kind: kind.clone(),
                }));
            }
        }
        Ok(Err(Revision::new(self.revision)))
    }

    /// When the next lease runs out.
    pub(super) fn next_deadline(&self) -> Option<Timestamp> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    fn check_room(
        &self,
        path: &Arc<str>,
        len: usize,
        slot: Option<&Slot>,
    ) -> Result<(), StoreError> {
        let freed = slot.map_or(0, |slot| path.len() + slot.entry.value.len());
        if slot.is_none() && self.slots.len() >= self.bounds.entries {
            let (bucket, max) = (self.bucket, self.bounds.entries);
            return Err(StoreError::Full(format!("{bucket} has {max} keys")));
        }
        if self.bytes - freed + path.len() + len > self.bounds.bytes {
            let (bucket, max) = (self.bucket, self.bounds.bytes);
            return Err(StoreError::Full(format!(
                "{bucket} would hold more than {max} bytes"
            )));
        }
        Ok(())
    }

    fn insert(&mut self, path: Arc<str>, slot: Slot) {
        self.bytes += path.len() + slot.entry.value.len();
        if slot.ttl.is_some() {
            self.deadlines.insert((slot.deadline, path.clone()));
        }
        self.slots.insert(path, slot);
    }

    fn remove(&mut self, path: &Arc<str>) {
        if let Some(slot) = self.slots.remove(path) {
            self.bytes -= path.len() + slot.entry.value.len();
            self.deadlines.remove(&(slot.deadline, path.clone()));
        }
    }

    fn note(&mut self, path: Arc<str>, kind: ChangeKind) -> Revision {
        self.revision += 1;
        self.history_bytes += weight(&path, &kind);
        self.history.push_back((path, kind));
        while self.history.len() > self.bounds.history
            || self.history_bytes > self.bounds.history_bytes
        {
            let Some((path, kind)) = self.history.pop_front() else {
                break;
            };
            self.history_bytes -= weight(&path, &kind);
        }
        Revision::new(self.revision)
    }
}

fn weight(path: &str, kind: &ChangeKind) -> usize {
    path.len()
        + match kind {
            ChangeKind::Written(value) => value.len(),
            ChangeKind::Deleted | ChangeKind::Expired => 0,
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Bounds = Bounds {
        entries: 3,
        bytes: 100,
        history: 4,
        history_bytes: 50,
    };

    fn table() -> Table {
        Table::new(Bucket::Policy, Revision::ZERO, SMALL)
    }

    fn write(table: &mut Table, path: &str, len: usize) -> Result<Revision, StoreError> {
        let path = path.into();
        table.check(&path, Some(len), Expected::Anything)?;
        Ok(table.apply(&path, Some(vec![0; len].into()), None))
    }

    #[test]
    fn limit_keys_of_a_bucket() {
        let mut table = table();
        for path in ["a", "b", "c", "a"] {
            write(&mut table, path, 1).unwrap();
        }
        let error = write(&mut table, "d", 1).unwrap_err();
        assert_eq!(error, StoreError::Full("policy has 3 keys".into()));
        let path = "b".into();
        table.check(&path, None, Expected::Anything).unwrap();
        table.apply(&path, None, None);
        write(&mut table, "d", 1).unwrap();
    }

    #[test]
    fn limit_bytes_of_a_bucket() {
        let mut table = table();
        write(&mut table, "a", 59).unwrap();
        write(&mut table, "b", 39).unwrap();
        let error = write(&mut table, "b", 40).unwrap_err();
        assert!(error.to_string().contains("more than 100 bytes"), "{error}");
        write(&mut table, "a", 58).unwrap();
        write(&mut table, "b", 40).unwrap();
        assert_eq!(table.bytes, 100);
    }

    #[test]
    fn limit_changes_that_are_kept_for_watchers() {
        let mut table = table();
        for _ in 0..10 {
            write(&mut table, "a", 1).unwrap();
        }
        let all = Prefix::all(Bucket::Policy);
        let after = |table: &Table, after| table.change_after(&all, Revision::new(after));
        assert_eq!(table.history.len(), 4);
        assert!(matches!(after(&table, 5), Err(StoreError::Behind { .. })));
        let change = after(&table, 6).unwrap().unwrap();
        assert_eq!(change.revision, Revision::new(7));
        assert_eq!(after(&table, 10), Ok(Err(Revision::new(10))));
        assert!(matches!(after(&table, 11), Err(StoreError::Behind { .. })));

        write(&mut table, "a", 40).unwrap();
        assert_eq!(table.history_bytes, 41 + 2 * 3, "oldest made room");
        write(&mut table, "a", 60).unwrap();
        assert_eq!((table.history.len(), table.history_bytes), (0, 0));
    }
}
