//! Leases and clocks.

use bowline_core::time::Span;
use bowline_core::time::Timestamp;

use super::Case;
use super::SECOND;
use super::seen;
use super::written;
use crate::store::ChangeKind;
use crate::store::Clock;
use crate::store::Prefix;
use crate::store::StoreError;

pub(super) fn an_expired_lease_is_gone_and_seen(case: &Case) {
    let mut watch = case.watch_all(case.start());
    let key = case.key(&["a"]);
    let created = case
        .store
        .create(&key, b"1", SECOND)
        .expect("nothing there");
    case.clock.advance(Span::from_micros(999_999));
    assert!(case.value(&key).is_some());
    case.clock.advance(Span::from_micros(1));
    let expired = ("a".to_owned(), ChangeKind::Expired);
    assert_eq!(seen(watch.as_mut()), [written("a", b"1"), expired]);
    assert_eq!(case.value(&key), None);
    let listing = case.store.list(&Prefix::all(case.bucket)).expect("asked");
    assert_eq!(listing.entries, []);
    assert!(listing.revision > created);
    case.create(&key, b"2");
    assert_eq!(seen(watch.as_mut()), [written("a", b"2")]);
}

pub(super) fn a_renewed_lease_lives_on(case: &Case) {
    let key = case.key(&["a"]);
    let mut watch = case.watch_all(case.start());
    let mut revision = case
        .store
        .create(&key, b"1", SECOND)
        .expect("nothing there");
    for _ in 0..5 {
        case.clock.advance(Span::from_millis(900));
        let renewed = case.store.renew(&key, revision, Span::from_secs(1));
        let renewed = renewed.expect("alive");
        assert!(renewed > revision, "a renewal is a write");
        revision = renewed;
    }
    assert_eq!(case.value(&key).as_deref(), Some(&b"1"[..]));
    assert_eq!(seen(watch.as_mut()), vec![written("a", b"1"); 6]);
    case.clock.advance(Span::from_secs(1));
    assert_eq!(case.value(&key), None);
}

pub(super) fn an_expired_lease_cannot_be_renewed(case: &Case) {
    let key = case.key(&["a"]);
    let revision = case
        .store
        .create(&key, b"1", SECOND)
        .expect("nothing there");
    case.clock.advance(Span::from_secs(1));
    let renewed = case.store.renew(&key, revision, Span::from_secs(1));
    assert_eq!(renewed, Err(Case::missing(&key)));
    assert_eq!(case.store.delete(&key, revision), Err(Case::missing(&key)));
    case.create(&key, b"of somebody else");
    let renewed = case.store.renew(&key, revision, Span::from_secs(1));
    assert!(matches!(renewed, Err(StoreError::Conflict { .. })));
}

pub(super) fn a_write_replaces_the_life_of_before(case: &Case) {
    let [longer, lasting, shorter] = ["a", "b", "c"].map(|name| case.key(&[name]));
    for key in [&longer, &lasting] {
        case.store.create(key, b"", SECOND).expect("nothing there");
    }
    case.create(&shorter, b"");
    let (store, minute) = (&case.store, Some(Span::from_secs(60)));
    store.put(&longer, b"", minute).expect("taken");
    store.put(&lasting, b"", None).expect("taken");
    store.put(&shorter, b"", SECOND).expect("taken");
    let alive = || [&longer, &lasting, &shorter].map(|key| case.value(key).is_some());
    case.clock.advance(Span::from_secs(1));
    assert_eq!(alive(), [true, true, false]);
    case.clock.advance(Span::from_secs(60));
    assert_eq!(alive(), [false, true, false]);
}

pub(super) fn a_date_that_steps_ends_no_lease(case: &Case) {
    let key = case.key(&["a"]);
    case.store.create(&key, b"", SECOND).expect("nothing there");
    let date = case.clock.unix_micros();
    for other in [0, date / 2, date * 2, u64::MAX] {
        case.clock.set_unix_micros(other);
        assert!(case.value(&key).is_some(), "date {other}");
        let other_key = case.key(&["b", &other.to_string()]);
        let created = case.store.create(&other_key, b"", SECOND);
        created.expect("nothing there");
    }
    case.clock.set_unix_micros(date);
    case.clock.advance(Span::from_secs(1));
    let listing = case.store.list(&Prefix::all(case.bucket)).expect("asked");
    assert_eq!(listing.entries, [], "all end by the clock that never steps");
}

pub(super) fn a_clock_that_jumps_ends_leases_once(case: &Case) {
    for (name, secs) in [("c", 3), ("a", 1), ("b", 2), ("d", 4)] {
        let ttl = Some(Span::from_secs(secs));
        let created = case.store.create(&case.key(&[name]), b"", ttl);
        created.expect("nothing there");
    }
    case.create(&case.key(&["e"]), b"");
    let mut watch = case.watch_all(case.start());
    case.clock.advance(Span::from_secs(1_000_000_000));
    let expired = ["a", "b", "c", "d"].map(|name| (name.to_owned(), ChangeKind::Expired));
    assert_eq!(seen(watch.as_mut()), expired, "in the order of their ends");
    assert_eq!(seen(watch.as_mut()), []);
    assert!(case.value(&case.key(&["e"])).is_some());
}

pub(super) fn a_clock_that_steps_back_revives_nothing(case: &Case) {
    let (short, long) = (case.key(&["a"]), case.key(&["b"]));
    case.store
        .create(&short, b"", SECOND)
        .expect("nothing there");
    let minute = Some(Span::from_secs(60));
    case.store
        .create(&long, b"", minute)
        .expect("nothing there");
    let start = case.clock.now();
    case.clock.advance(Span::from_secs(2));
    assert_eq!(case.value(&short), None);
    case.clock.set_now(Timestamp::ZERO);
    assert_eq!(case.value(&short), None);
    assert!(case.value(&long).is_some());
    case.clock.set_now(start + Span::from_secs(60));
    assert_eq!(case.value(&long), None);
}
