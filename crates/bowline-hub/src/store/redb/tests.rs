//! The file: what is in it after a restart, a crash, an error; and what is no store of ours.

use std::sync::Arc;
use std::thread;

use super::*;
use crate::store::Key;
use crate::store::LocalStore;
use crate::store::Log;
use crate::store::ManualClock;
use crate::store::Prefix;
use crate::store::Store;
use crate::store::tests::Scratch;

mod faults;

fn key(bucket: Bucket, name: &str) -> Key {
    Key::new(bucket, &[name]).unwrap()
}

fn fake_ip(name: &str) -> Key {
    key(Bucket::FakeIp, name)
}

fn open(path: &Path, clock: &Arc<ManualClock>) -> Result<LocalStore, StoreError> {
    LocalStore::open(path, clock.clone())
}

fn open_new(scratch: &Scratch) -> (LocalStore, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new());
    (open(&scratch.file(), &clock).unwrap(), clock)
}

#[test]
fn what_must_last_outlasts_a_restart_and_nothing_else() {
    let scratch = Scratch::new();
    let (store, clock) = open_new(&scratch);
    for bucket in Bucket::ALL {
        let name = bucket.name().as_bytes();
        store.put(&key(bucket, "a"), name, None).unwrap();
    }
    store.append(Log::Audit, &[b"1", b"2"]).unwrap();
    drop(store);
    let store = open(&scratch.file(), &clock).unwrap();
    for bucket in Bucket::ALL {
        let entry = store.get(&key(bucket, "a")).unwrap();
        let expected = bucket.is_durable().then(|| bucket.name().as_bytes());
        assert_eq!(entry.as_ref().map(|entry| &*entry.value), expected);
    }
    assert_eq!(store.append(Log::Audit, &[b"3"]), Ok(2));
    let records = store.read_log(Log::Audit, 0, 9).unwrap();
    let bytes: Vec<_> = records.iter().map(|record| &*record.bytes).collect();
    assert_eq!(bytes, [b"1", b"2", b"3"]);
}

#[test]
fn no_revision_comes_twice() {
    let scratch = Scratch::new();
    let (mut store, clock) = open_new(&scratch);
    let mut last = Revision::ZERO;
    for _ in 0..3 {
        for bucket in [Bucket::Presence, Bucket::FakeIp] {
            let key = key(bucket, "a");
            let revision = store.put(&key, b"", Some(Span::from_secs(1))).unwrap();
            assert!(revision > last);
        }
        clock.advance(Span::from_secs(1));
        last = store.list(&Prefix::all(Bucket::FakeIp)).unwrap().revision;
        drop(store);
        store = open(&scratch.file(), &clock).unwrap();
    }
}

#[test]
fn a_lease_that_ran_out_while_the_hub_was_down_has_a_grace() {
    let scratch = Scratch::new();
    let (store, clock) = open_new(&scratch);
    let hour = Span::from_secs(3600);
    store.create(&fake_ip("hour"), b"", Some(hour)).unwrap();
    let second = Some(Span::from_secs(1));
    store.create(&fake_ip("second"), b"", second).unwrap();
    drop(store);
    clock.advance(Span::from_secs(7200));
    let store = open(&scratch.file(), &clock).unwrap();
    let is_there = |name| store.get(&fake_ip(name)).unwrap().is_some();
    assert!(is_there("hour") && is_there("second"));
    clock.advance(Span::from_secs(1));
    assert!(!is_there("second"), "never longer than its life");
    clock.advance(RESTART_GRACE.saturating_sub(Span::from_secs(2)));
    assert!(is_there("hour"));
    clock.advance(Span::from_secs(1));
    assert!(!is_there("hour"));
}

#[test]
fn a_date_that_steps_between_runs_makes_no_lease_longer() {
    let scratch = Scratch::new();
    let (store, clock) = open_new(&scratch);
    let hour = Span::from_secs(3600);
    store.create(&fake_ip("a"), b"", Some(hour)).unwrap();
    drop(store);
    clock.set_unix_micros(0);
    let store = open(&scratch.file(), &clock).unwrap();
    assert!(store.get(&fake_ip("a")).unwrap().is_some());
    clock.advance(hour);
    assert_eq!(store.get(&fake_ip("a")), Ok(None));
}

#[test]
fn what_ran_out_does_not_come_back() {
    let scratch = Scratch::new();
    let (store, clock) = open_new(&scratch);
    let hour = Span::from_secs(3600);
    store.create(&fake_ip("a"), b"", Some(hour)).unwrap();
    clock.advance(hour);
    assert_eq!(store.get(&fake_ip("a")), Ok(None));
    drop(store);
    let store = open(&scratch.file(), &clock).unwrap();
    assert_eq!(store.get(&fake_ip("a")), Ok(None));
}

#[test]
fn a_second_opener_is_refused() {
    let scratch = Scratch::new();
    let (store, clock) = open_new(&scratch);
    let error = open(&scratch.file(), &clock).unwrap_err();
    let path = scratch.file();
    assert_eq!(error, StoreError::InUse { path });
    assert!(error.to_string().contains("hub.redb is in use"), "{error}");
    store.put(&fake_ip("a"), b"", None).unwrap();
    drop(store);
    open(&scratch.file(), &clock).unwrap();
}

#[test]
fn of_racing_first_starts_at_most_one_gets_the_file() {
    let scratch = Scratch::new();
    let clock = Arc::new(ManualClock::new());
    let results: Vec<_> = thread::scope(|scope| {
        let start = || scope.spawn(|| open(&scratch.file(), &clock));
        let starts: Vec<_> = (0..4).map(|_| start()).collect();
        starts
            .into_iter()
            .map(|start| start.join().unwrap())
            .collect()
    });
    let mut stores = Vec::new();
    for result in results {
        match result {
            Ok(store) => stores.push(store),
            Err(StoreError::InUse { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
    assert!(stores.len() <= 1, "never two");
}

#[test]
fn a_first_start_that_was_cut_short_is_made_again() {
    let scratch = Scratch::new();
    let half = scratch.folder().join("hub.redb.new");
    fs::write(&half, [0; 10_000]).unwrap();
    let (store, _) = open_new(&scratch);
    store.put(&fake_ip("a"), b"", None).unwrap();
    assert!(!half.exists());
}

#[test]
fn an_empty_file_is_taken_for_new() {
    let scratch = Scratch::new();
    fs::write(scratch.file(), []).unwrap();
    let (store, _) = open_new(&scratch);
    store.put(&fake_ip("a"), b"", None).unwrap();
}

#[test]
fn what_is_no_store_is_refused_and_left_alone() {
    let scratch = Scratch::new();
    let clock = Arc::new(ManualClock::new());
    for content in [&b"[hub]\nname = 1\n"[..], &[0; 5000], &[0xff; 1 << 20]] {
        fs::write(scratch.file(), content).unwrap();
        let error = open(&scratch.file(), &clock).unwrap_err();
        assert!(matches!(error, StoreError::Corrupt { .. }), "{error:?}");
        let file = scratch.file().display().to_string();
        assert!(error.to_string().contains(&file), "{error}");
        assert_eq!(fs::read(scratch.file()).unwrap(), content);
    }
    let error = open(scratch.folder(), &clock).unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
    let nowhere = scratch.folder().join("nowhere/hub.redb");
    let error = open(&nowhere, &clock).unwrap_err();
    assert!(error.to_string().contains("nowhere"), "{error}");
}

#[test]
fn a_database_of_something_else_is_refused() {
    let scratch = Scratch::new();
    let clock = Arc::new(ManualClock::new());
    let other: TableDefinition<'_, &str, &str> = TableDefinition::new("fakeip");
    let database = Database::create(scratch.file()).unwrap();
    let transaction = database.begin_write().unwrap();
    transaction.open_table(other).unwrap();
    transaction.commit().unwrap();
    drop(database);
    let error = open(&scratch.file(), &clock).unwrap_err();
    assert!(
        error.to_string().contains("not the store of a hub"),
        "{error}"
    );
}

#[test]
fn a_file_of_a_later_version_is_refused() {
    let scratch = Scratch::new();
    let (store, clock) = open_new(&scratch);
    drop(store);
    let database = Database::open(scratch.file()).unwrap();
    let transaction = database.begin_write().unwrap();
    let set = |version: u64| {
        transaction
            .open_table(META)
            .unwrap()
            .insert(FORMAT, version)
            .map(drop)
    };
    set(2).unwrap();
    transaction.commit().unwrap();
    drop(database);
    let error = open(&scratch.file(), &clock).unwrap_err();
    let (path, found, known) = (scratch.file(), 2, 1);
    assert_eq!(error, StoreError::UnknownFormat { path, found, known });
}

#[test]
fn a_damaged_file_is_refused_or_whole() {
    let scratch = Scratch::new();
    let (store, clock) = open_new(&scratch);
    let names: Vec<_> = (0..50).map(|number| number.to_string()).collect();
    for name in &names {
        store.put(&fake_ip(name), &[7; 500], None).unwrap();
    }
    drop(store);
    let whole = fs::read(scratch.file()).unwrap();
    let used = whole.iter().rposition(|byte| *byte != 0).unwrap();
    let mut refused = 0;
    let mut check = |content: &[u8], what: &str| {
        fs::write(scratch.file(), content).unwrap();
        match open(&scratch.file(), &clock) {
            Ok(store) => {
                let listing = store.list(&Prefix::all(Bucket::FakeIp)).unwrap();
                assert_eq!(listing.entries.len(), names.len(), "{what}");
                let is_right = |(_, entry): &(Key, Entry)| *entry.value == [7; 500];
                assert!(listing.entries.iter().all(is_right), "{what}");
            }
            Err(StoreError::Corrupt { .. }) => refused += 1,
            Err(error) => panic!("{what}: {error:?}"),
        }
    };
    for place in (0..400).chain((400..used).step_by(used / 150)) {
        let mut content = whole.clone();
        content[place] ^= 0x10;
        check(&content, &format!("byte {place} of {used}"));
    }
    for len in (1..whole.len()).step_by(whole.len() / 20) {
        check(&whole[..len], &format!("cut to {len}"));
    }
    assert!(refused > 20, "{refused}");
}
