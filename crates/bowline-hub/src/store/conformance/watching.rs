//! Watchers.

use std::thread;
use std::time::Duration;

use bowline_core::time::Span;

use super::Case;
use super::SECOND;
use super::seen;
use super::written;
use crate::limits::MAX_VALUE_LEN;
use crate::limits::MAX_WATCH_HISTORY;
use crate::store::Bucket;
use crate::store::ChangeKind;
use crate::store::Prefix;
use crate::store::Revision;
use crate::store::StoreError;
use crate::store::Watch;

pub(super) fn a_watcher_sees_all_changes_from_its_revision_on(case: &Case) {
    let start = case.start();
    let prefix = Prefix::new(case.bucket, &["a"]).expect("a name");
    let mut watch = case.store.watch(&prefix, start).expect("asked");
    assert_eq!(watch.next(Duration::ZERO), Ok(None));
    let (inside, outside) = (case.key(&["a", "1"]), case.key(&["b", "1"]));
    let first = case.create(&inside, b"1");
    let other = case.create(&outside, b"2");
    let second = case
        .store
        .update(&inside, b"3", first, None)
        .expect("as expected");
    case.store.delete(&outside, other).expect("as expected");
    case.store.delete(&inside, second).expect("as expected");
    let deleted = ("a/1".to_owned(), ChangeKind::Deleted);
    let all = [written("a/1", b"1"), written("a/1", b"3"), deleted];
    assert_eq!(seen(watch.as_mut()), all);
    let mut later = case.store.watch(&prefix, first).expect("asked");
    assert_eq!(seen(later.as_mut()), all[1..]);
}

pub(super) fn a_watcher_starts_again_where_it_was(case: &Case) {
    let mut watch = case.watch_all(case.start());
    let keys = ["a", "b", "c"].map(|name| case.key(&[name]));
    for key in &keys {
        case.create(key, b"");
    }
    let first = watch
        .next(Duration::ZERO)
        .expect("asked")
        .expect("a change");
    assert_eq!(first.key, keys[0]);
    drop(watch);
    case.store.put(&keys[0], b"again", None).expect("taken");
    let mut watch = case.watch_all(first.revision);
    let rest = [written("b", b""), written("c", b""), written("a", b"again")];
    assert_eq!(seen(watch.as_mut()), rest);
}

pub(super) fn a_listing_and_a_watch_leave_no_gap(case: &Case) {
    const KEYS: usize = 200;
    let (listed, watched) = thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0..KEYS {
                case.create(&case.key(&[&number.to_string()]), b"");
            }
        });
        let listing = case.store.list(&Prefix::all(case.bucket)).expect("asked");
        let mut watch = case.watch_all(listing.revision);
        let mut watched = 0;
        while listing.entries.len() + watched < KEYS {
            let change = watch.next(Duration::from_secs(30)).expect("asked");
            change.expect("within 30 s");
            watched += 1;
        }
        (listing.entries.len(), watched)
    });
    assert_eq!(listed + watched, KEYS);
}

pub(super) fn a_watcher_that_waits_is_woken(case: &Case) {
    let mut watch = case.watch_all(case.start());
    let change = thread::scope(|scope| {
        let waiting = scope.spawn(|| watch.next(Duration::from_secs(30)));
        case.create(&case.key(&["a"]), b"1");
        waiting.join().expect("no panic")
    });
    let change = change.expect("asked").expect("within 30 s");
    assert_eq!(change.kind, ChangeKind::Written(b"1"[..].into()));
}

pub(super) fn a_watcher_that_is_behind_is_told(case: &Case) {
    let start = case.start();
    let mut watch = case.watch_all(start);
    let key = case.key(&["a"]);
    // A disk would take its time over so many; leases that run out are changes, too.
    for number in 0..=MAX_WATCH_HISTORY / 64 {
        for _ in 0..4 {
            let created = case
                .store
                .put(&key, &vec![number as u8; MAX_VALUE_LEN / 2], SECOND);
            created.expect("taken");
        }
        if watch_is_behind(watch.as_mut(), start, case.bucket) {
            let listing = case.store.list(&Prefix::all(case.bucket)).expect("asked");
            let mut watch = case.watch_all(listing.revision);
            assert_eq!(seen(watch.as_mut()), []);
            case.clock.advance(Span::from_secs(1));
            let expired = ("a".to_owned(), ChangeKind::Expired);
            assert_eq!(seen(watch.as_mut()), [expired]);
            return;
        }
        watch = case.watch_all(start);
    }
    panic!("a store keeps some changes for watchers, not all");
}

fn watch_is_behind(watch: &mut dyn Watch, start: Revision, bucket: Bucket) -> bool {
    let behind = StoreError::Behind {
        bucket,
        after: start,
    };
    match watch.next(Duration::ZERO) {
        Ok(Some(_)) => false,
        Ok(None) => panic!("there are changes"),
        Err(error) => {
            assert_eq!(error, behind);
            assert_eq!(watch.next(Duration::ZERO), Err(behind), "and ever after");
            true
        }
    }
}
