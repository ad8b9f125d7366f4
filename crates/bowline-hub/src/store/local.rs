//! The store of a single node.
//!
//! All of it is in memory, each bucket behind a lock of its own. A write to a lasting bucket goes to disk first, while
//! the bucket is locked: who reads it meanwhile waits, and nobody sees what may not last. Buckets of leases never wait
//! for a disk.

use std::path::Path;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use bowline_core::time::Span;

use crate::limits::MAX_VALUE_LEN;
use crate::store::Bucket;
use crate::store::Clock;
use crate::store::Entry;
use crate::store::Key;
use crate::store::Listing;
use crate::store::Log;
use crate::store::Prefix;
use crate::store::Record;
use crate::store::Revision;
use crate::store::Store;
use crate::store::StoreError;
use crate::store::Subject;
use crate::store::Subscription;
use crate::store::Watch;
use crate::store::bus::Bus;
use crate::store::disk::Disk;
use crate::store::disk::Loaded;
use crate::store::disk::Op;
use crate::store::log::LogTail;
use crate::store::redb::RedbDisk;
use crate::store::shelf::Shelf;
use crate::store::shelf::Write;
use crate::store::table::Bounds;
use crate::store::table::Expected;
use crate::store::table::Table;

/// The store of a hub that is alone.
#[derive(Debug)]
pub struct LocalStore {
    /// In the order of [`Bucket::ALL`].
    shelves: Vec<Arc<Shelf>>,
    bus: Arc<Bus>,
    audit: Mutex<LogTail>,
    disk: Option<Arc<dyn Disk>>,
}

impl LocalStore {
    /// A store that forgets everything with the process.
    pub fn in_memory(clock: Arc<dyn Clock>) -> Self {
        Self::new(clock, None, Loaded::default())
    }

    /// A store whose [lasting buckets](Bucket::is_durable) and log are in a file, which is made if there is none.
    /// The file is let go when the store and its watchers are.
    ///
    /// # Errors
    /// If the file is damaged, in use, of a later version, or cannot be written.
    pub fn open(path: &Path, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        let (disk, loaded) = RedbDisk::open(path, clock.as_ref())?;
        Ok(Self::new(clock, Some(Arc::new(disk)), loaded))
    }

    pub(super) fn new(clock: Arc<dyn Clock>, disk: Option<Arc<dyn Disk>>, loaded: Loaded) -> Self {
        let first = Revision::new(loaded.first_revision);
        let mut tables = Bucket::ALL.map(|bucket| Table::new(bucket, first, Bounds::DEFAULT));
        for (bucket, path, slot) in loaded.slots {
            if let Some(table) = tables.get_mut(bucket as usize) {
                table.load(path, slot);
            }
        }
        let shelf = |(bucket, table): (Bucket, Table)| {
            let disk = disk.clone().filter(|_| bucket.is_durable());
            Arc::new(Shelf::new(bucket, clock.clone(), disk, table))
        };
        Self {
            shelves: Bucket::ALL.into_iter().zip(tables).map(shelf).collect(),
            bus: Arc::default(),
            audit: Mutex::new(LogTail::load(loaded.log)),
            disk,
        }
    }

    fn write(
        &self,
        key: &Key,
        value: Option<&[u8]>,
        expected: Expected,
        ttl: Option<Span>,
    ) -> Result<Revision, StoreError> {
        let size = value.map_or(0, <[u8]>::len);
        if size > MAX_VALUE_LEN {
            return Err(StoreError::TooLarge {
                what: "bytes of a value",
                size,
                max: MAX_VALUE_LEN,
            });
        }
        self.shelf(key.bucket()).write(&Write {
            path: key.shared_path(),
            value,
            ttl,
            expected,
        })
    }

    fn shelf(&self, bucket: Bucket) -> &Arc<Shelf> {
        // A bucket's number is its place in `Bucket::ALL`, which a test holds.
        &self.shelves[bucket as usize]
    }

    fn log(&self, log: Log) -> MutexGuard<'_, LogTail> {
        match log {
            Log::Audit => self.audit.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }
}

impl Store for LocalStore {
    fn get(&self, key: &Key) -> Result<Option<Entry>, StoreError> {
        let state = self.shelf(key.bucket()).lock();
        Ok(state.table.get(key.path()).map(|slot| slot.entry.clone()))
    }

    fn create(&self, key: &Key, value: &[u8], ttl: Option<Span>) -> Result<Revision, StoreError> {
        self.write(key, Some(value), Expected::Nothing, ttl)
    }

    fn update(
        &self,
        key: &Key,
        value: &[u8],
        expected: Revision,
        ttl: Option<Span>,
    ) -> Result<Revision, StoreError> {
        self.write(key, Some(value), Expected::At(expected), ttl)
    }

    fn put(&self, key: &Key, value: &[u8], ttl: Option<Span>) -> Result<Revision, StoreError> {
        self.write(key, Some(value), Expected::Anything, ttl)
    }

    fn delete(&self, key: &Key, expected: Revision) -> Result<Revision, StoreError> {
        self.write(key, None, Expected::At(expected), None)
    }

    fn list(&self, prefix: &Prefix) -> Result<Listing, StoreError> {
        Ok(self.shelf(prefix.bucket()).lock().table.list(prefix))
    }

    fn watch(&self, prefix: &Prefix, after: Revision) -> Result<Box<dyn Watch>, StoreError> {
        Ok(Box::new(self.shelf(prefix.bucket()).watch(prefix, after)))
    }

    fn publish(&self, subject: &Subject, message: &[u8]) -> Result<(), StoreError> {
        self.bus.publish(subject, message)
    }

    fn subscribe(&self, subject: &Subject) -> Result<Box<dyn Subscription>, StoreError> {
        self.bus.subscribe(subject)
    }

    fn append(&self, log: Log, records: &[&[u8]]) -> Result<u64, StoreError> {
        LogTail::check(records)?;
        let mut tail = self.log(log);
        let first = tail.next_number();
        if let Some(disk) = &self.disk {
            let below = tail.first();
            disk.commit(&[Op::LogForget { below }, Op::LogTail { first, records }])?;
        }
        for record in records {
            tail.push(record);
        }
        Ok(first)
    }

    fn read_log(&self, log: Log, from: u64, max: usize) -> Result<Vec<Record>, StoreError> {
        Ok(self.log(log).read(from, max))
    }
}

impl Drop for LocalStore {
    fn drop(&mut self) {
        for shelf in &self.shelves {
            if let Err(error) = shelf.flush() {
                tracing::warn!(%error, "what has run out stays in the store until the next start");
            }
        }
    }
}
