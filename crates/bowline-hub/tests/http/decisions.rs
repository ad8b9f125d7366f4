//! Whom the operator sends away or keeps out, now and after a restart.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;
use std::time::Instant;

use bowline_core::availability::Availability;
use bowline_core::hub::HubEvent;
use bowline_core::time::Span;
use bowline_hub::keys::HubKeys;
use bowline_hub::limits::MAX_BLOCK_SECS;
use bowline_hub::limits::MAX_BLOCK_TEXT;
use bowline_hub::limits::MAX_HTTP_BODY;
use bowline_hub::store::Entry;
use bowline_hub::store::Key;
use bowline_hub::store::Listing;
use bowline_hub::store::LocalStore;
use bowline_hub::store::Log;
use bowline_hub::store::Prefix;
use bowline_hub::store::Record;
use bowline_hub::store::Revision;
use bowline_hub::store::Store;
use bowline_hub::store::StoreError;
use bowline_hub::store::Subject;
use bowline_hub::store::Subscription;
use bowline_hub::store::SystemClock;
use bowline_hub::store::Watch;
use serde_json::Value;
use serde_json::json;

use crate::Place;
use crate::TOKEN;
use crate::support::Client;

/// A file that goes with the test.
struct File(PathBuf);

impl File {
    fn new(name: &str) -> Self {
        let name = format!("bowline-hub-{name}-{}.redb", std::process::id());
        Self(std::env::temp_dir().join(name))
    }

    fn open(&self) -> Arc<dyn Store> {
        Arc::new(LocalStore::open(&self.0, Arc::new(SystemClock::new())).unwrap())
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// A store whose writes fail, or take their time.
struct Odd {
    store: LocalStore,
    /// Whether what is at this path may be written.
    on_write: Box<dyn Fn(&str) -> Result<(), StoreError> + Send + Sync>,
}

impl Odd {
    fn new(on_write: impl Fn(&str) -> Result<(), StoreError> + Send + Sync + 'static) -> Self {
        Self {
            store: LocalStore::in_memory(Arc::new(SystemClock::new())),
            on_write: Box::new(on_write),
        }
    }
}

impl fmt::Debug for Odd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.store.fmt(f)
    }
}

impl Store for Odd {
    fn get(&self, key: &Key) -> Result<Option<Entry>, StoreError> {
        self.store.get(key)
    }

    fn create(&self, key: &Key, value: &[u8], ttl: Option<Span>) -> Result<Revision, StoreError> {
        (self.on_write)(key.path())?;
        self.store.create(key, value, ttl)
    }

    fn update(
        &self,
        key: &Key,
        value: &[u8],
        expected: Revision,
        ttl: Option<Span>,
    ) -> Result<Revision, StoreError> {
        (self.on_write)(key.path())?;
        self.store.update(key, value, expected, ttl)
    }

    fn put(&self, key: &Key, value: &[u8], ttl: Option<Span>) -> Result<Revision, StoreError> {
        (self.on_write)(key.path())?;
        self.store.put(key, value, ttl)
    }

    fn delete(&self, key: &Key, expected: Revision) -> Result<Revision, StoreError> {
        (self.on_write)(key.path())?;
        self.store.delete(key, expected)
    }

    fn list(&self, prefix: &Prefix) -> Result<Listing, StoreError> {
        self.store.list(prefix)
    }

    fn watch(&self, prefix: &Prefix, after: Revision) -> Result<Box<dyn Watch>, StoreError> {
        self.store.watch(prefix, after)
    }

    fn publish(&self, subject: &Subject, message: &[u8]) -> Result<(), StoreError> {
        self.store.publish(subject, message)
    }

    fn subscribe(&self, subject: &Subject) -> Result<Box<dyn Subscription>, StoreError> {
        self.store.subscribe(subject)
    }

    fn append(&self, log: Log, records: &[&[u8]]) -> Result<u64, StoreError> {
        self.store.append(log, records)
    }

    fn read_log(&self, log: Log, from: u64, max: usize) -> Result<Vec<Record>, StoreError> {
        self.store.read_log(log, from, max)
    }
}

fn keys() -> HubKeys {
    HubKeys::generate(&bowline::cert::default_crypto()).unwrap()
}

/// Goes on until it is told something with this in it.
fn until_told(client: &mut Client, words: &str) {
    client.until_event(|event| match event {
        HubEvent::Availability { text, .. } if text.contains(words) => Some(()),
        _ => None,
    });
}

/// Goes on until it has a second session.
fn until_again(client: &mut Client) {
    let is_session = |event: &&HubEvent| matches!(event, HubEvent::SignedIn { .. });
    let end = Instant::now() + Duration::from_secs(20);
    while client.events.iter().filter(is_session).count() < 2 {
        assert!(Instant::now() < end, "{:?}", client.events);
        client.turn();
    }
}

/// Somebody who tries to sign in, and is told that.
fn is_told(place: &Place, identity: &str, words: &str) {
    let (address, key) = (place.hub.local_addrs()[0], place.hub.key());
    until_told(&mut Client::dev(address, key, identity), words);
}

fn blocked(place: &Place) -> Vec<String> {
    let page = place.json("/admin/blocks");
    let blocks = page["blocks"].as_array().unwrap().iter();
    let identities = blocks.map(|block| block["identity"].as_str().unwrap().to_owned());
    identities.collect()
}

#[test]
fn who_is_blocked_is_out_until_that_is_taken_back() {
    let place = Place::new();
    let mut anna = place.client("str:dev-anna");
    let _ben = place.client("str:dev-ben");
    let block =
        json!({"identity": "str:dev-anna", "seconds": 3600, "text": "for \u{e4} \"reason\""});
    let answer = place.post("/admin/block", &block);
    assert_eq!(answer, json!({"blocked": true, "sessions_ended": 1}));
    until_told(&mut anna, "blocked: for \u{e4} \"reason\"");
    let standing = place.json("/admin/standing");
    assert_eq!(
        (&standing["sessions"], &standing["blocks"]),
        (&json!(1), &json!(1))
    );
    is_told(&place, "str:dev-anna", "for \u{e4} \"reason\"");
    let listed = place.json("/admin/blocks");
    let one = &listed["blocks"][0];
    assert_eq!(
        (&one["identity"], &listed["next"]),
        (&json!("str:dev-anna"), &Value::Null)
    );
    let [since, until] = ["since_unix_secs", "until_unix_secs"].map(|at| one[at].as_u64().unwrap());
    assert_eq!(until - since, 3600);
    let unblock = |identity: &str| place.post("/admin/unblock", &json!({"identity": identity}));
    let taken_back =
        |was, by_settings| json!({"unblocked": was, "blocked_by_settings": by_settings});
    assert_eq!(unblock("str:dev-anna"), taken_back(true, false));
    assert_eq!(unblock("str:dev-anna"), taken_back(false, false));
    assert_eq!(unblock("str:dev-eve"), taken_back(false, true));
    place.client("str:dev-anna");
    assert_eq!(place.json("/admin/standing")["blocks"], 0);
    let answer = place.get("/metrics");
    assert!(
        answer
            .body
            .contains("bowline_hub_refusals_total{reason=\"blocked\"} 1\n")
    );
}

#[test]
fn a_block_ends_by_itself() {
    let place = Place::new();
    let block = json!({"identity": "str:dev-anna", "seconds": 1});
    place.post("/admin/block", &block);
    let end = Instant::now() + Duration::from_secs(20);
    while !blocked(&place).is_empty() {
        assert!(Instant::now() < end);
        std::thread::sleep(Duration::from_millis(50));
    }
    place.client("str:dev-anna");
}

#[test]
fn blocks_are_told_by_pages() {
    let place = Place::new();
    let mut names = ["str:dev-a/b", "str:dev-c d", "steamid:76561197960287930"];
    for name in names {
        place.post("/admin/block", &json!({"identity": name}));
        // Again, with another end: it is the same block.
        place.post("/admin/block", &json!({"identity": name, "seconds": null}));
    }
    let (mut after, mut seen) = (String::new(), Vec::new());
    loop {
        let page = place.json(&format!("/admin/blocks?after={after}&limit=1"));
        for block in page["blocks"].as_array().unwrap() {
            assert_eq!(block["until_unix_secs"], Value::Null);
            seen.push(block["identity"].as_str().unwrap().to_owned());
        }
        match page["next"].as_str() {
            Some(next) => after = next.to_owned(),
            None => break,
        }
    }
    names.sort_unstable();
    seen.sort();
    assert_eq!(seen, names);
    for bad in ["?limit=0", "?limit=501", "?limit", "?page=2"] {
        let answer = place.admin("GET", &format!("/admin/blocks{bad}"), "");
        assert_eq!(answer.status, 400, "{bad}");
        assert!(answer.body.contains("expected ?after="), "{}", answer.body);
    }
}

#[test]
fn blocks_and_kicks_outlast_a_restart() {
    let (file, keys) = (File::new("decisions"), keys());
    let first = Place::at(0, &keys, file.open());
    let address = first.hub.local_addrs()[0];
    let mut anna = first.client("str:dev-anna");
    let mut ben = first.client("str:dev-ben");
    let mut cleo = first.client("str:dev-cleo");
    first.hub.handle().abort();
    drop(first);
    // While they are away, and would come back by what they got.
    let second = Place::at(0, &keys, file.open());
    second.post(
        "/admin/block",
        &json!({"identity": "str:dev-anna", "text": "why"}),
    );
    let kick = json!({"app": 480, "identity": "str:dev-ben"});
    assert_eq!(second.post("/admin/kick", &kick)["kicked"], false);
    drop(second);
    let third = Place::at(address.port(), &keys, file.open());
    assert_eq!(blocked(&third), ["str:dev-anna"]);
    until_told(&mut anna, "why");
    assert_ne!(anna.machine.availability(), Availability::Current);
    let refusals = |reason: &str| third.json("/admin/standing")["refusals"][reason].clone();
    // Refused by what it has, it signs in anew, as everybody may here.
    ben.until_event(|event| match event {
        HubEvent::Availability { text, .. } => text.contains("operator has ended").then_some(()),
        _ => None,
    });
    ben.until(Availability::Current);
    assert_eq!(refusals("credential"), 1);
    until_again(&mut cleo);
    assert_eq!(refusals("credential"), 1, "nobody else");
    // What was taken back stays so as well.
    third.post("/admin/unblock", &json!({"identity": "str:dev-anna"}));
    drop(third);
    let fourth = Place::at(0, &keys, file.open());
    assert!(blocked(&fourth).is_empty());
    fourth.client("str:dev-anna");
}

#[test]
fn a_store_that_is_full_is_told_and_the_session_ends_all_the_same() {
    let store = Odd::new(|path| match path {
        // What is told about the network fits still.
        "network" => Ok(()),
        _ => Err(StoreError::Full("no space left on device".to_owned())),
    });
    let place = Place::at(0, &keys(), Arc::new(store));
    let mut anna = place.client("str:dev-anna");
    let mut ben = place.client("str:dev-ben");
    for (path, body) in [
        ("/admin/block", json!({"identity": "str:dev-anna"})),
        (
            "/admin/kick",
            json!({"app": 480, "identity": "str:dev-ben"}),
        ),
    ] {
        let answer = place.admin("POST", path, &body.to_string());
        assert_eq!(answer.status, 500);
        let why = "it is done, but the next start of the hub knows nothing of it: \
                   the store is full: no space left on device\n";
        assert_eq!(answer.body, why);
    }
    until_told(&mut anna, "blocked");
    until_told(&mut ben, "operator");
    is_told(&place, "str:dev-anna", "blocked");
    let answer = place.admin("POST", "/admin/revoke", &json!({"key": "5"}).to_string());
    assert_eq!(answer.status, 500);
    assert!(
        answer
            .body
            .starts_with("nothing was done: the store is full"),
        "{}",
        answer.body
    );
}

#[test]
fn regression_a_disk_that_hangs_keeps_nobody_from_asking_how_the_hub_stands() {
    let disk = Arc::new(Mutex::new(()));
    let of_store = Arc::clone(&disk);
    let store = Odd::new(move |_| {
        drop(of_store.lock().unwrap());
        Ok(())
    });
    let place = Place::at(0, &keys(), Arc::new(store));
    let hung = disk.lock().unwrap();
    std::thread::scope(|scope| {
        let posts = (0..6).map(|number| {
            let body = json!({"identity": format!("str:dev-{number}")}).to_string();
            let place = &place;
            scope.spawn(move || place.admin("POST", "/admin/block", &body).status)
        });
        let posts: Vec<_> = posts.collect();
        for post in posts {
            assert_eq!(post.join().unwrap(), 503);
        }
    });
    for path in ["/readyz", "/metrics"] {
        assert_eq!(place.get(path).status, 200, "{path}");
    }
    // The first is blocked already, whatever the disk does.
    assert_eq!(place.json("/admin/standing")["blocks"], 1);
    drop(hung);
    let again = json!({"identity": "str:dev-0"});
    assert_eq!(place.post("/admin/block", &again)["blocked"], true);
}

#[test]
fn decisions_that_make_no_sense_are_told_what_does() {
    let place = Place::new();
    let block = |rest: &str| format!(r#"{{"identity": "str:dev-anna"{rest}}}"#);
    let seconds = |seconds: &str| block(&format!(r#", "seconds": {seconds}"#));
    let text = |text: &str| block(&format!(r#", "text": "{text}""#));
    let cases = [
        ("", "expected {\"identity\": \"str:anna\""),
        ("nonsense", "expected {"),
        ("{}", "missing field `identity`"),
        (r#"{"identity": "anna"}"#, "\"anna\" is no identity"),
        (r#"{"identity": ""}"#, "is no identity"),
        (r#"{"identity": 7}"#, "invalid type"),
        (
            r#"{"identity": "ip:192.0.2.1"}"#,
            "nobody signs in as an address",
        ),
        (&seconds("-1"), "invalid value"),
        (&seconds("1.5"), "invalid type"),
        (&seconds("\"60\""), "invalid type"),
        (
            &seconds("0"),
            "expected 1 to 315360000 seconds, or none for ever, not 0",
        ),
        (&seconds(&(MAX_BLOCK_SECS + 1).to_string()), "expected 1 to"),
        (&seconds("18446744073709551616"), "expected"),
        (
            &text(&"x".repeat(MAX_BLOCK_TEXT + 1)),
            "at most 100 bytes, not 101",
        ),
        (&text("a\\nb"), "a text of one line"),
        (&block(r#", "app": 480"#), "unknown field `app`"),
    ];
    for (body, words) in cases {
        let answer = place.admin("POST", "/admin/block", body);
        assert_eq!(answer.status, 400, "{body}");
        assert!(answer.body.contains(words), "{body}: {}", answer.body);
    }
    for body in [
        "",
        r#"{"identity": "anna"}"#,
        r#"{"identity": "str:anna", "seconds": 5}"#,
    ] {
        let answer = place.admin("POST", "/admin/unblock", body);
        assert_eq!(answer.status, 400, "{body}");
    }
    assert!(blocked(&place).is_empty());
    let most = seconds(&MAX_BLOCK_SECS.to_string());
    assert_eq!(place.admin("POST", "/admin/block", &most).status, 200);
    let long = block(&" ".repeat(MAX_HTTP_BODY));
    assert_eq!(place.admin("POST", "/admin/block", &long).status, 413);
}

#[test]
fn a_body_that_says_it_is_no_json_is_refused() {
    let place = Place::new();
    let with_type = |kind: &str| {
        let headers = format!("Authorization: Bearer {TOKEN}\r\nContent-Type: {kind}\r\n");
        let body = json!({"identity": "str:dev-anna"}).to_string();
        place.ask("POST", "/admin/block", &headers, &body)
    };
    for bad in ["application/x-www-form-urlencoded", "text/plain"] {
        let answer = with_type(bad);
        assert_eq!(answer.status, 415, "{bad}");
        assert!(answer.body.contains("curl --json"), "{}", answer.body);
    }
    assert!(blocked(&place).is_empty());
    assert_eq!(with_type("application/json; charset=utf-8").status, 200);
}
