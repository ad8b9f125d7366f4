//! What every store does, whatever is behind it.
//!
//! ```text
//! conformance::check(&|clock| Arc::new(MyStore::new(clock)));
//! ```
//!
//! Each case has a store of its own, made by the given function with the given clock, empty. A case that does not hold panics.
//! No case sleeps: time is what the [`ManualClock`] says.

use std::sync::Arc;
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use bowline_core::time::Span;

use crate::limits::MAX_BUS_MESSAGE_LEN;
use crate::limits::MAX_LOG_RECORD_LEN;
use crate::limits::MAX_VALUE_LEN;
use crate::store::Bucket;
use crate::store::Change;
use crate::store::ChangeKind;
use crate::store::Key;
use crate::store::Log;
use crate::store::ManualClock;
use crate::store::Prefix;
use crate::store::Revision;
use crate::store::Store;
use crate::store::StoreError;
use crate::store::Subject;
use crate::store::Watch;

mod decisions;
mod leases;
mod watching;

/// Makes an empty store that reads the time from a clock.
pub type Make<'a> = &'a dyn Fn(Arc<ManualClock>) -> Arc<dyn Store>;

/// Runs all cases.
///
/// # Panics
/// If the store does not do what [`Store`] says.
pub fn check(make: Make<'_>) {
    for bucket in [Bucket::Presence, Bucket::FakeIp] {
        let case = || Case::new(make, bucket);
        what_was_written_is_read(&case());
        a_lost_update_is_refused(&case());
        a_deleted_key_is_gone_and_can_be_created(&case());
        of_two_racing_creates_one_wins(&case());
        of_racing_updates_none_is_lost(&case());
        keys_are_listed_in_order(&case());
        the_largest_value_fits(&case());
        watching::a_watcher_sees_all_changes_from_its_revision_on(&case());
        watching::a_watcher_starts_again_where_it_was(&case());
        watching::a_listing_and_a_watch_leave_no_gap(&case());
        watching::a_watcher_that_waits_is_woken(&case());
        leases::an_expired_lease_is_gone_and_seen(&case());
        leases::a_renewed_lease_lives_on(&case());
        leases::an_expired_lease_cannot_be_renewed(&case());
        leases::a_write_replaces_the_life_of_before(&case());
        leases::a_date_that_steps_ends_no_lease(&case());
        leases::a_clock_that_jumps_ends_leases_once(&case());
        leases::a_clock_that_steps_back_revives_nothing(&case());
        watching::a_watcher_that_is_behind_is_told(&case());
    }
    let case = || Case::new(make, Bucket::Policy);
    decisions::blocks_are_kept_until_they_end_or_are_forgotten(&case());
    decisions::kicks_are_kept_as_long_as_they_matter(&case());
    decisions::revoked_keys_are_kept_until_they_are_forgotten(&case());
    let case = Case::new(make, Bucket::Nodes);
    buckets_are_apart(&case);
    messages_reach_those_who_subscribe(&case);
    records_are_numbered_and_read_back(&case);
}

struct Case {
    store: Arc<dyn Store>,
    clock: Arc<ManualClock>,
    bucket: Bucket,
}

const SECOND: Option<Span> = Some(Span::from_secs(1));

impl Case {
    fn new(make: Make<'_>, bucket: Bucket) -> Self {
        let clock = Arc::new(ManualClock::new());
        Self {
            store: make(clock.clone()),
            clock,
            bucket,
        }
    }

    fn key(&self, segments: &[&str]) -> Key {
        Key::new(self.bucket, segments).expect("segments of a test")
    }

    fn create(&self, key: &Key, value: &[u8]) -> Revision {
        let created = self.store.create(key, value, None);
        created.expect("nothing is there")
    }

    fn value(&self, key: &Key) -> Option<Vec<u8>> {
        let entry = self.store.get(key).expect("the store can be asked");
        entry.map(|entry| entry.value.to_vec())
    }

    fn watch_all(&self, after: Revision) -> Box<dyn Watch> {
        let watch = self.store.watch(&Prefix::all(self.bucket), after);
        watch.expect("the store can be asked")
    }

    /// Where an empty bucket begins, which need not be zero.
    fn start(&self) -> Revision {
        let listing = self.store.list(&Prefix::all(self.bucket));
        listing.expect("the store can be asked").revision
    }

    fn missing(key: &Key) -> StoreError {
        StoreError::Missing { key: key.clone() }
    }
}

fn seen(watch: &mut dyn Watch) -> Vec<(String, ChangeKind)> {
    let mut last = Revision::ZERO;
    std::iter::from_fn(|| watch.next(Duration::ZERO).expect("nothing was missed"))
        .map(|change: Change| {
            assert!(change.revision > last, "in order");
            last = change.revision;
            (change.key.path().to_owned(), change.kind)
        })
        .collect()
}

fn written(path: &str, value: &[u8]) -> (String, ChangeKind) {
    (path.to_owned(), ChangeKind::Written(value.into()))
}

fn what_was_written_is_read(case: &Case) {
    let key = case.key(&["a", "str:anna"]);
    assert_eq!(case.value(&key), None);
    let created = case.create(&key, b"1");
    assert!(created > Revision::ZERO);
    let entry = case.store.get(&key).expect("asked").expect("there");
    assert_eq!((&*entry.value, entry.revision), (&b"1"[..], created));
    let error = case.store.create(&key, b"2", None);
    let exists = StoreError::Exists {
        key: key.clone(),
        found: created,
    };
    assert_eq!(error, Err(exists));
    let put = case.store.put(&key, b"3", None).expect("taken");
    assert!(put > created);
    assert_eq!(case.value(&key).as_deref(), Some(&b"3"[..]));
    case.store.put(&case.key(&["b"]), b"", None).expect("taken");
    assert_eq!(case.value(&case.key(&["b"])).as_deref(), Some(&b""[..]));
}

fn a_lost_update_is_refused(case: &Case) {
    let key = case.key(&["a"]);
    let read = case.create(&key, b"1");
    let found = case
        .store
        .update(&key, b"2", read, None)
        .expect("as expected");
    let conflict = StoreError::Conflict {
        key: key.clone(),
        expected: read,
        found,
    };
    let lost = case.store.update(&key, b"3", read, None);
    assert_eq!(lost, Err(conflict.clone()));
    assert_eq!(case.store.delete(&key, read), Err(conflict.clone()));
    let renewed = case.store.renew(&key, read, Span::from_secs(1));
    assert_eq!(renewed, Err(conflict));
    assert_eq!(case.value(&key).as_deref(), Some(&b"2"[..]));
    let nothing = case.key(&["nothing"]);
    let error = case.store.update(&nothing, b"", read, None);
    assert_eq!(error, Err(Case::missing(&nothing)));
}

fn a_deleted_key_is_gone_and_can_be_created(case: &Case) {
    let key = case.key(&["a"]);
    let first = case.create(&key, b"1");
    let deleted = case.store.delete(&key, first).expect("as expected");
    assert!(deleted > first);
    assert_eq!(case.value(&key), None);
    assert_eq!(case.store.delete(&key, first), Err(Case::missing(&key)));
    let second = case.create(&key, b"2");
    assert!(second > deleted);
    let stale = case.store.update(&key, b"3", first, None);
    assert!(matches!(stale, Err(StoreError::Conflict { .. })));
}

fn of_two_racing_creates_one_wins(case: &Case) {
    for round in 0..20 {
        let key = case.key(&["race", &round.to_string()]);
        let barrier = Barrier::new(2);
        let create = |value: &'static [u8]| {
            barrier.wait();
            case.store.create(&key, value, None)
        };
        let results = thread::scope(|scope| {
            let other = scope.spawn(|| create(b"other"));
            [create(b"one"), other.join().expect("no panic")]
        });
        let [winner, loser] = match results {
            [Ok(revision), Err(error)] => [(Ok(revision), &b"one"[..]), (Err(error), b"other")],
            [Err(error), Ok(revision)] => [(Ok(revision), &b"other"[..]), (Err(error), b"one")],
            both => panic!("exactly one wins: {both:?}"),
        };
        let found = winner.0.expect("of the winner");
        let key = key.clone();
        assert_eq!(case.value(&key).as_deref(), Some(winner.1));
        assert_eq!(loser.0, Err(StoreError::Exists { key, found }));
    }
}

fn of_racing_updates_none_is_lost(case: &Case) {
    const EACH: u8 = 25;
    let key = case.key(&["counter"]);
    case.create(&key, &[0]);
    let count = || {
        let mut done = 0;
        while done < EACH {
            let entry = case.store.get(&key).expect("asked").expect("there");
            let next = [entry.value[0] + 1];
            match case.store.update(&key, &next, entry.revision, None) {
                Ok(_) => done += 1,
                Err(StoreError::Conflict { .. }) => {}
                Err(error) => panic!("{error}"),
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(count);
        }
    });
    assert_eq!(case.value(&key), Some(vec![4 * EACH]));
}

fn keys_are_listed_in_order(case: &Case) {
    for segments in [
        &["b"][..],
        &["a", "2"],
        &["a", "10"],
        &["a"],
        &["ab", "1"],
        &["a", "1", "x"],
    ] {
        case.create(&case.key(segments), b"");
    }
    let list = |prefix: &Prefix| {
        let listing = case.store.list(prefix).expect("asked");
        let paths = listing.entries.iter().map(|(key, _)| key.path().to_owned());
        paths.collect::<Vec<_>>()
    };
    let prefix = Prefix::new(case.bucket, &["a"]).expect("a name");
    assert_eq!(list(&prefix), ["a/1/x", "a/10", "a/2"]);
    let all = ["a", "a/1/x", "a/10", "a/2", "ab/1", "b"];
    assert_eq!(list(&Prefix::all(case.bucket)), all);
}

fn the_largest_value_fits(case: &Case) {
    let (key, largest) = (case.key(&["a"]), vec![0x5a; MAX_VALUE_LEN + 1]);
    let revision = case.create(&key, &largest[1..]);
    assert_eq!(case.value(&key).as_deref(), Some(&largest[1..]));
    let too_large = Err(StoreError::TooLarge {
        what: "bytes of a value",
        size: MAX_VALUE_LEN + 1,
        max: MAX_VALUE_LEN,
    });
    let (store, other) = (&case.store, case.key(&["b"]));
    assert_eq!(store.update(&key, &largest, revision, None), too_large);
    assert_eq!(store.put(&key, &largest, None), too_large);
    assert_eq!(store.create(&other, &largest, None), too_large);
    assert_eq!(case.value(&key).as_deref(), Some(&largest[1..]));
}

fn buckets_are_apart(case: &Case) {
    for bucket in Bucket::ALL {
        let key = Key::new(bucket, &["a"]).expect("a name");
        let name = bucket.name().as_bytes();
        case.store.create(&key, name, None).expect("nothing there");
    }
    for bucket in Bucket::ALL {
        let listing = case.store.list(&Prefix::all(bucket)).expect("asked");
        let [(key, entry)] = &listing.entries[..] else {
            panic!("{bucket} has one key: {listing:?}");
        };
        assert_eq!(key.bucket(), bucket);
        assert_eq!(&*entry.value, bucket.name().as_bytes());
    }
}

fn messages_reach_those_who_subscribe(case: &Case) {
    let [ours, others] = ["1", "2"].map(|node| Subject::new(&["sig", node]).expect("a name"));
    let store = &case.store;
    store.publish(&ours, b"to nobody").expect("taken");
    let mut one = store.subscribe(&ours).expect("room");
    let mut two = store.subscribe(&ours).expect("room");
    store.publish(&ours, b"1").expect("taken");
    store.publish(&others, b"2").expect("taken");
    let largest = vec![3; MAX_BUS_MESSAGE_LEN];
    store.publish(&ours, &largest).expect("taken");
    for subscription in [&mut one, &mut two] {
        let mut next = || subscription.next(Duration::ZERO).expect("asked");
        assert_eq!(next().as_deref(), Some(&b"1"[..]));
        assert_eq!(next().as_deref(), Some(&largest[..]));
        assert_eq!(next(), None);
        assert_eq!(subscription.dropped(), 0);
    }
    let message = thread::scope(|scope| {
        let waiting = scope.spawn(|| one.next(Duration::from_secs(30)));
        store.publish(&ours, b"4").expect("taken");
        waiting.join().expect("no panic")
    });
    let message = message.expect("asked").expect("within 30 s");
    assert_eq!(&*message, b"4");
}

fn records_are_numbered_and_read_back(case: &Case) {
    let (store, log) = (&case.store, Log::Audit);
    assert_eq!(store.read_log(log, 0, 10), Ok(vec![]));
    let first = store.append(log, &[b"a", b"b"]).expect("taken");
    let second = store.append(log, &[b"c"]).expect("taken");
    assert_eq!(second, first + 2);
    let read = |from, max| {
        let records = store.read_log(log, from, max).expect("asked");
        let bytes = records.iter().map(|record| record.bytes.to_vec());
        bytes.collect::<Vec<_>>()
    };
    assert_eq!(read(0, 10), [b"a", b"b", b"c"]);
    assert_eq!(read(first + 1, 1), [b"b"]);
    assert_eq!(read(second + 1, 10), Vec::<Vec<u8>>::new());
    let too_long = [0; MAX_LOG_RECORD_LEN + 1];
    let error = store.append(log, &[b"d", &too_long]);
    assert!(matches!(error, Err(StoreError::TooLarge { .. })));
    assert_eq!(read(0, 10).len(), 3, "all or none");
}
