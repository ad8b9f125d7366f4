//! Disks that fail, and power that does.

use std::collections::BTreeMap;
use std::iter;
use std::sync::MutexGuard;

use redb::StorageBackend;

use super::*;

/// A disk in memory that remembers what was done to it, and fails when it is told to.
#[derive(Clone, Debug, Default)]
struct FakeDisk(Arc<Mutex<Content>>);

#[derive(Debug, Default)]
struct Content {
    bytes: Vec<u8>,
    /// What was done, for images of the disk at any time.
    journal: Vec<Action>,
    /// What writes and syncs say after so many more of them.
    fault: Option<(usize, io::ErrorKind)>,
}

#[derive(Clone, Debug)]
enum Action {
    Write(usize, Vec<u8>),
    SetLen(usize),
    Sync,
}

impl FakeDisk {
    fn lock(&self) -> MutexGuard<'_, Content> {
        self.0.lock().unwrap()
    }

    fn open(&self, clock: &Arc<ManualClock>) -> Result<LocalStore, StoreError> {
        let disk = self.clone();
        let opener: Opener =
            Box::new(move |_| Database::builder().create_with_backend(disk.clone()));
        let (disk, loaded) = RedbDisk::open_with(Path::new("fake"), opener, clock.as_ref())?;
        Ok(LocalStore::new(clock.clone(), Some(Arc::new(disk)), loaded))
    }

    fn fail(&self, after: usize, kind: io::ErrorKind) {
        self.lock().fault = Some((after, kind));
    }

    fn mend(&self) {
        self.lock().fault = None;
    }
}

impl Content {
    fn act(&mut self, action: Action) -> io::Result<()> {
        match &mut self.fault {
            Some((0, kind)) => return Err((*kind).into()),
            Some((left, _)) => *left -= 1,
            None => {}
        }
        action.apply(&mut self.bytes);
        self.journal.push(action);
        Ok(())
    }
}

impl Action {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Write(at, data) => bytes[*at..at + data.len()].copy_from_slice(data),
            Self::SetLen(len) => bytes.resize(*len, 0),
            Self::Sync => {}
        }
    }
}

impl StorageBackend for FakeDisk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.lock().bytes.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let at = offset as usize;
        let content = self.lock();
        let bytes = content.bytes.get(at..at + out.len());
        out.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.lock().act(Action::SetLen(len as usize))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.lock().act(Action::Sync)
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.lock()
            .act(Action::Write(offset as usize, data.to_vec()))
    }
}

fn values(store: &LocalStore) -> BTreeMap<String, Vec<u8>> {
    let listing = store.list(&Prefix::all(Bucket::FakeIp)).unwrap();
    let values = listing.entries.iter();
    let values = values.map(|(key, entry)| (key.path().to_owned(), entry.value.to_vec()));
    values.collect()
}

#[test]
fn a_full_disk_says_so_and_works_again_when_there_is_room() {
    let (disk, clock) = (FakeDisk::default(), Arc::new(ManualClock::new()));
    let store = disk.open(&clock).unwrap();
    let first = store.create(&fake_ip("a"), b"1", None).unwrap();
    disk.fail(0, io::ErrorKind::StorageFull);
    for _ in 0..3 {
        let error = store.create(&fake_ip("b"), b"2", None).unwrap_err();
        assert!(matches!(&error, StoreError::Full(text) if text.contains("fake")));
        let error = store.update(&fake_ip("a"), b"3", first, None).unwrap_err();
        assert!(matches!(error, StoreError::Full(_)));
        let error = store.append(Log::Audit, &[b"1"]).unwrap_err();
        assert!(matches!(error, StoreError::Full(_)));
    }
    let entry = store.get(&fake_ip("a")).unwrap().unwrap();
    assert_eq!((&*entry.value, entry.revision), (&b"1"[..], first));
    assert_eq!(store.get(&fake_ip("b")), Ok(None));
    store.put(&key(Bucket::Presence, "a"), b"", None).unwrap();

    disk.mend();
    store.update(&fake_ip("a"), b"4", first, None).unwrap();
    assert_eq!(store.append(Log::Audit, &[b"2"]), Ok(0));
    drop(store);
    let store = disk.open(&clock).unwrap();
    assert_eq!(
        values(&store),
        BTreeMap::from([("a".into(), b"4".to_vec())])
    );
    let records = store.read_log(Log::Audit, 0, 9).unwrap();
    assert_eq!(records.len(), 1);
}

#[test]
fn a_disk_that_turns_read_only_says_so() {
    let (disk, clock) = (FakeDisk::default(), Arc::new(ManualClock::new()));
    let store = disk.open(&clock).unwrap();
    disk.fail(0, io::ErrorKind::ReadOnlyFilesystem);
    let error = store.put(&fake_ip("a"), b"", None).unwrap_err();
    assert!(matches!(error, StoreError::ReadOnly { .. }), "{error:?}");
    assert!(error.to_string().contains("fake cannot be written"));
    drop(store);
    let error = disk.open(&clock).unwrap_err();
    assert!(matches!(error, StoreError::ReadOnly { .. }), "{error:?}");
}

#[test]
fn an_error_anywhere_in_a_write_loses_nothing_that_was_acknowledged() {
    for after in 0..40 {
        let (disk, clock) = (FakeDisk::default(), Arc::new(ManualClock::new()));
        let store = disk.open(&clock).unwrap();
        let mut acknowledged = BTreeMap::new();
        disk.fail(after, io::ErrorKind::Other);
        for number in 0..u8::MAX {
            let name = (number % 4).to_string();
            match store.put(&fake_ip(&name), &[number], None) {
                Ok(_) => acknowledged.insert(name, vec![number]),
                Err(StoreError::Unavailable(_)) => break,
                Err(error) => panic!("{error:?}"),
            };
        }
        assert_eq!(values(&store), acknowledged, "fault after {after}");
        disk.mend();
        store.put(&fake_ip("next"), b"", None).unwrap();
        acknowledged.insert("next".into(), Vec::new());
        drop(store);
        let store = disk.open(&clock).unwrap();
        assert_eq!(values(&store), acknowledged, "fault after {after}");
    }
}

/// Whatever was written when the power went, and whether or not the last writes before it reached the disk.
#[test]
fn a_power_cut_anywhere_loses_nothing_that_was_acknowledged() {
    let (disk, clock) = (FakeDisk::default(), Arc::new(ManualClock::new()));
    let store = disk.open(&clock).unwrap();
    let image = disk.lock().bytes.clone();
    disk.lock().journal.clear();
    // What there is when so much of the journal has been done.
    let mut states = vec![(0, BTreeMap::new())];
    for number in 0..8u8 {
        let name = (number % 3).to_string();
        store.put(&fake_ip(&name), &[number; 300], None).unwrap();
        states.push((disk.lock().journal.len(), values(&store)));
    }
    let journal = disk.lock().journal.clone();
    for cut in 0..=journal.len() {
        let done = states.partition_point(|(at, _)| *at <= cut);
        let allowed: Vec<_> = states[done - 1..].iter().take(2).collect();
        let synced = journal[..cut]
            .iter()
            .rposition(|action| matches!(action, Action::Sync));
        let synced = synced.map_or(0, |at| at + 1);
        // All that was written, all but one that was not synced yet, and only what was synced.
        for lost in (synced..=cut)
            .map(|at| at..at + 1)
            .chain(iter::once(synced..cut))
        {
            let mut bytes = image.clone();
            for (at, action) in journal[..cut].iter().enumerate() {
                if !lost.contains(&at) || matches!(action, Action::SetLen(_)) {
                    action.apply(&mut bytes);
                }
            }
            let after = FakeDisk::default();
            after.lock().bytes = bytes;
            let store = after.open(&clock);
            let found = values(&store.expect("a power cut damages nothing"));
            let is_allowed = allowed.iter().any(|(_, state)| *state == found);
            assert!(is_allowed, "cut at {cut}, lost {lost:?}: {found:?}");
        }
    }
}

#[test]
fn a_file_that_somebody_else_opened_in_between_is_not_written() {
    let (disk, clock) = (FakeDisk::default(), Arc::new(ManualClock::new()));
    let store = disk.open(&clock).unwrap();
    disk.fail(0, io::ErrorKind::Other);
    store.put(&fake_ip("a"), b"1", None).unwrap_err();
    disk.mend();
    let other = disk.open(&clock).unwrap();
    other.put(&fake_ip("a"), b"2", None).unwrap();
    drop(other);
    let error = store.put(&fake_ip("a"), b"3", None).unwrap_err();
    assert!(error.to_string().contains("another process"), "{error}");
    drop(store);
    let store = disk.open(&clock).unwrap();
    let expected = BTreeMap::from([("a".into(), b"2".to_vec())]);
    assert_eq!(values(&store), expected);
}
