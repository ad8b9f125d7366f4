//! The local store, in memory and on disk: the suite for all stores, and random histories against a map.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bowline_core::time::Span;
use proptest::prelude::*;

use super::*;

/// A place for a file, which is cleared away afterwards.
#[derive(Debug)]
pub(super) struct Scratch(PathBuf);

impl Scratch {
    pub(super) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("bowline-hub-store-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    pub(super) fn folder(&self) -> &PathBuf {
        &self.0
    }

    pub(super) fn file(&self) -> PathBuf {
        self.0.join("hub.redb")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_store_in_memory_conforms() {
    conformance::check(&|clock| Arc::new(LocalStore::in_memory(clock)));
}

#[test]
fn a_store_on_disk_conforms() {
    let scratch = Scratch::new();
    let count = AtomicU32::new(0);
    conformance::check(&|clock| {
        let number = count.fetch_add(1, Ordering::Relaxed);
        let file = scratch.folder().join(number.to_string());
        Arc::new(LocalStore::open(&file, clock).unwrap())
    });
}

#[test]
fn buckets_have_their_places() {
    for (place, bucket) in Bucket::ALL.into_iter().enumerate() {
        assert_eq!(bucket as usize, place);
    }
}

/// What is done to a store, with keys and revisions by number.
#[derive(Clone, Debug)]
enum Step {
    Create(u8, u8, Option<u8>),
    Put(u8, u8, Option<u8>),
    /// Whether the revision is the right one.
    Update(u8, u8, bool, Option<u8>),
    Delete(u8, bool),
    Renew(u8, bool, u8),
    Pass(u8),
    Reopen,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let key = 0..6u8;
    let ttl = proptest::option::of(1..20u8);
    let step = prop_oneof![
        (key.clone(), any::<u8>(), ttl.clone()).prop_map(|(k, v, t)| Step::Create(k, v, t)),
        (key.clone(), any::<u8>(), ttl.clone()).prop_map(|(k, v, t)| Step::Put(k, v, t)),
        (key.clone(), any::<u8>(), any::<bool>(), ttl)
            .prop_map(|(k, v, right, t)| Step::Update(k, v, right, t)),
        (key.clone(), any::<bool>()).prop_map(|(k, right)| Step::Delete(k, right)),
        (key, any::<bool>(), 1..20u8).prop_map(|(k, right, t)| Step::Renew(k, right, t)),
        (1..10u8).prop_map(Step::Pass),
        Just(Step::Reopen),
    ];
    proptest::collection::vec(step, 0..60)
}

/// What a store should hold.
#[derive(Debug, Default)]
struct Model {
    entries: BTreeMap<u8, Held>,
    /// What a watcher should have seen.
    changes: Vec<(u8, Option<u8>)>,
    /// In seconds.
    now: u64,
}

#[derive(Clone, Copy, Debug)]
struct Held {
    value: u8,
    revision: Revision,
    ttl: Option<u8>,
    /// In seconds.
    end: Option<u64>,
}

impl Model {
    fn written(&mut self, key: u8, value: u8, revision: Revision, ttl: Option<u8>) {
        let held = Held {
            value,
            revision,
            ttl,
            end: ttl.map(|ttl| self.now + u64::from(ttl)),
        };
        self.entries.insert(key, held);
        self.changes.push((key, Some(value)));
    }

    fn deleted(&mut self, key: u8) {
        self.entries.remove(&key);
        self.changes.push((key, None));
    }

    fn pass(&mut self, secs: u8) {
        self.now += u64::from(secs);
        let is_over = |end: &u64| *end <= self.now;
        let entries = self.entries.iter();
        let over = entries.filter_map(|(key, held)| Some((held.end.filter(is_over)?, *key)));
        let mut over: Vec<_> = over.collect();
        over.sort_unstable();
        for (_, key) in over {
            self.deleted(key);
        }
    }

    /// Leases here are shorter than the grace, so each begins anew with a start.
    fn restart(&mut self) {
        for held in self.entries.values_mut() {
            held.end = held.ttl.map(|ttl| self.now + u64::from(ttl));
        }
    }
}

struct Pair {
    bucket: Bucket,
    clock: Arc<ManualClock>,
    /// None for memory.
    scratch: Option<Scratch>,
    store: Option<LocalStore>,
    watch: Option<Box<dyn Watch>>,
    model: Model,
}

impl Pair {
    fn new(bucket: Bucket, scratch: Option<Scratch>) -> Self {
        let mut pair = Self {
            bucket,
            clock: Arc::new(ManualClock::new()),
            scratch,
            store: None,
            watch: None,
            model: Model::default(),
        };
        pair.open();
        pair
    }

    fn open(&mut self) {
        self.watch = None;
        self.store = None;
        let store = match &self.scratch {
            Some(scratch) => LocalStore::open(&scratch.file(), self.clock.clone()).unwrap(),
            None => LocalStore::in_memory(self.clock.clone()),
        };
        let all = Prefix::all(self.bucket);
        let revision = store.list(&all).unwrap().revision;
        self.watch = Some(store.watch(&all, revision).unwrap());
        self.store = Some(store);
        self.model.changes.clear();
    }

    fn reopen(&mut self) {
        if self.scratch.is_some() {
            self.open();
            self.model.restart();
        }
    }

    fn step(&mut self, step: &Step) {
        let bucket = self.bucket;
        let key = |number: u8| Key::new(bucket, &["k", &number.to_string()]).unwrap();
        let secs = |ttl: Option<u8>| ttl.map(|ttl| Span::from_secs(ttl.into()));
        let store = self.store.as_ref().unwrap();
        let held = |number| self.model.entries.get(&number).copied();
        let revision = |number, right| match held(number) {
            Some(held) if right => held.revision,
            _ => Revision::new(u64::MAX),
        };
        let check = |number, right, result: &Result<Revision, StoreError>| match held(number) {
            None => assert!(matches!(result, Err(StoreError::Missing { .. }))),
            Some(_) if right => assert!(result.is_ok()),
            Some(_) => assert!(matches!(result, Err(StoreError::Conflict { .. }))),
        };
        match *step {
            Step::Create(number, value, ttl) => {
                let result = store.create(&key(number), &[value], secs(ttl));
                match held(number) {
                    Some(_) => assert!(matches!(result, Err(StoreError::Exists { .. }))),
                    None => self.model.written(number, value, result.unwrap(), ttl),
                }
            }
            Step::Put(number, value, ttl) => {
                let revision = store.put(&key(number), &[value], secs(ttl)).unwrap();
                self.model.written(number, value, revision, ttl);
            }
            Step::Update(number, value, right, ttl) => {
                let expected = revision(number, right);
                let result = store.update(&key(number), &[value], expected, secs(ttl));
                check(number, right, &result);
                if let Ok(revision) = result {
                    self.model.written(number, value, revision, ttl);
                }
            }
            Step::Delete(number, right) => {
                let result = store.delete(&key(number), revision(number, right));
                check(number, right, &result);
                if result.is_ok() {
                    self.model.deleted(number);
                }
            }
            Step::Renew(number, right, ttl) => {
                let ttl_span = Span::from_secs(ttl.into());
                let result = store.renew(&key(number), revision(number, right), ttl_span);
                check(number, right, &result);
                if let (Ok(revision), Some(held)) = (result, held(number)) {
                    self.model.written(number, held.value, revision, Some(ttl));
                }
            }
            Step::Pass(secs) => {
                self.clock.advance(Span::from_secs(secs.into()));
                self.model.pass(secs);
            }
            Step::Reopen => self.reopen(),
        }
        self.compare();
    }

    fn compare(&mut self) {
        let number = |key: &Key| key.segments()[1].parse::<u8>().unwrap();
        let watch = self.watch.as_mut().unwrap();
        let changes = std::iter::from_fn(|| watch.next(Duration::ZERO).unwrap());
        let changes: Vec<_> = changes
            .map(|change| match change.kind {
                ChangeKind::Written(value) => (number(&change.key), Some(value[0])),
                ChangeKind::Deleted | ChangeKind::Expired => (number(&change.key), None),
            })
            .collect();
        assert_eq!(changes, std::mem::take(&mut self.model.changes));
        let store = self.store.as_ref().unwrap();
        let listing = store.list(&Prefix::all(self.bucket)).unwrap();
        let listed = listing.entries.iter().map(|(key, entry)| {
            let held = store.get(key).unwrap();
            assert_eq!(held.as_ref(), Some(entry));
            (number(key), entry.value[0], entry.revision)
        });
        let held = self.model.entries.iter();
        let held = held.map(|(key, held)| (*key, held.value, held.revision));
        assert!(listed.eq(held), "{listing:?} is not {:?}", self.model);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_store_in_memory_does_what_a_map_does(steps in steps()) {
        let mut pair = Pair::new(Bucket::Presence, None);
        steps.iter().for_each(|step| pair.step(step));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20))]

    #[test]
    fn a_store_on_disk_does_what_a_map_does(steps in steps()) {
        let mut pair = Pair::new(Bucket::FakeIp, Some(Scratch::new()));
        steps.iter().for_each(|step| pair.step(step));
    }
}
