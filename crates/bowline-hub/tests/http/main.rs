//! The HTTP side of a hub that runs, asked over real sockets by a client that is not always polite.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod decisions;
mod keys;
mod limits;
#[path = "../support/mod.rs"]
mod support;
#[path = "../world/mod.rs"]
mod world;

use std::io::Read as _;
use std::io::Write as _;
use std::net::SocketAddr;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use bowline_core::availability::Availability;
use bowline_core::cert::authority::KeyId;
use bowline_core::hub::HubEvent;
use bowline_hub::http::HttpError;
use bowline_hub::http::HttpServer;
use bowline_hub::http::HttpSettings;
use bowline_hub::http::METRICS;
use bowline_hub::http::NetworkConfig;
use bowline_hub::hub::Policy;
use bowline_hub::keys::HubKeys;
use bowline_hub::namespace::Namespace;
use bowline_hub::operator::Operator;
use bowline_hub::operator::Publisher;
use bowline_hub::server::NoChecker;
use bowline_hub::server::Running;
use bowline_hub::server::Setup;
use bowline_hub::store::LocalStore;
use bowline_hub::store::Store;
use bowline_hub::store::SystemClock;
use serde_json::Value;
use serde_json::json;
use zeroize::Zeroizing;

use self::support::Client;
use self::support::signal;

const TOKEN: &str = "a token of some length";

/// A hub and its HTTP side.
struct Place {
    http: HttpServer,
    hub: Running,
    operator: Arc<Operator>,
    network: NetworkConfig,
}

/// An answer: its status, its headers in small letters, its body.
#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Place {
    fn new() -> Self {
        let keys = HubKeys::generate(&bowline::cert::default_crypto()).unwrap();
        let store = LocalStore::in_memory(Arc::new(SystemClock::new()));
        Self::at(0, &keys, Arc::new(store))
    }

    /// One that has been there before.
    fn at(port: u16, keys: &HubKeys, store: Arc<dyn Store>) -> Self {
        let mut server = world::server(|| Setup {
            listen: vec![SocketAddr::from(([127, 0, 0, 1], port))],
            keys: keys.clone(),
            policy: Policy {
                dev: Some(Namespace::new(["str:dev-"]).unwrap()),
                blocked: vec!["str:dev-eve".parse().unwrap()],
                ..Policy::default()
            },
            checker: Arc::new(NoChecker),
        });
        let crypto = bowline::cert::default_crypto();
        let publisher = Publisher::new(&[], &[KeyId::new(7)], keys, &crypto);
        let operator = Operator::open(&mut server, store, publisher, NetworkConfig::default());
        let operator = Arc::new(operator.unwrap());
        let hub = server.spawn(Box::new(drop)).unwrap();
        let network = NetworkConfig::default();
        let http = HttpServer::start(
            settings(Some(TOKEN)),
            Arc::clone(&operator),
            None,
            network.clone(),
        );
        Self {
            http: http.unwrap(),
            hub,
            operator,
            network,
        }
    }

    fn client(&self, identity: &str) -> Client {
        let mut client = Client::dev(self.hub.local_addrs()[0], self.hub.key(), identity);
        client.until(Availability::Current);
        client
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.http.local_addr()).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(30)))
            .unwrap();
        stream
    }

    fn ask(&self, method: &str, path: &str, headers: &str, body: &str) -> Answer {
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: hub\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
        );
        let mut stream = self.connect();
        // It may answer before it has read all.
        let _ = stream.write_all(request.as_bytes());
        read(&mut stream)
    }

    fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, "", "")
    }

    fn admin(&self, method: &str, path: &str, body: &str) -> Answer {
        let token = format!("Authorization: Bearer {TOKEN}\r\n");
        self.ask(method, path, &token, body)
    }

    fn json(&self, path: &str) -> Value {
        self.json_of("GET", path, "")
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        self.json_of("POST", path, &body.to_string())
    }

    fn json_of(&self, method: &str, path: &str, body: &str) -> Value {
        let answer = self.admin(method, path, body);
        assert_eq!(answer.status, 200, "{answer:?}");
        serde_json::from_str(&answer.body).unwrap()
    }
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        let start = format!("{name}: ");
        self.head
            .lines()
            .find_map(|line| line.strip_prefix(start.as_str()))
    }
}

fn settings(token: Option<&str>) -> HttpSettings {
    HttpSettings {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        admin_token: token.map(|token| Zeroizing::new(token.as_bytes().to_vec())),
    }
}

/// The status of an answer to those who have no token.
fn get_at(address: SocketAddr, path: &str) -> u16 {
    let mut stream = TcpStream::connect(address).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    read(&mut stream).status
}

/// What comes until the end of the connection; status 0 if that is nothing.
fn read(stream: &mut TcpStream) -> Answer {
    let mut bytes = Vec::new();
    // A connection that is reset has said what it had to say.
    let _ = stream.read_to_end(&mut bytes);
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    Answer {
        status: status.unwrap_or(0),
        head: head
            .lines()
            .map(|line| match line.split_once(": ") {
                Some((name, value)) => format!("{}: {value}\n", name.to_lowercase()),
                None => format!("{line}\n"),
            })
            .collect(),
        body: body.to_owned(),
    }
}

#[test]
fn a_hub_that_lives_says_so_until_it_stops() {
    let place = Place::new();
    assert_eq!(place.get("/healthz").status, 200);
    assert_eq!(place.get("/readyz").status, 200);
    drop(place.hub);
    let ask = |path| get_at(place.http.local_addr(), path);
    assert_eq!(ask("/healthz"), 200);
    assert_eq!(ask("/readyz"), 503);
    assert_eq!(ask("/metrics"), 503);
}

#[test]
fn metrics_tell_all_that_is_counted() {
    let place = Place::new();
    let mut anna = place.client("str:dev-anna");
    let mut ben = place.client("str:dev-ben");
    let to = "str:dev-ben".parse().unwrap();
    let sent = signal("str:dev-anna", "str:dev-ben");
    anna.machine.send_signal(&to, &sent).unwrap();
    anna.turn();
    ben.until_event(|event| matches!(event, HubEvent::Signal { .. }).then_some(()));
    let answer = place.get("/metrics");
    assert_eq!(answer.status, 200);
    assert!(
        answer
            .header("content-type")
            .unwrap()
            .starts_with("text/plain; version=0.0.4")
    );
    for metric in METRICS {
        let kind = format!("# TYPE {} {}\n", metric.name, metric.kind.as_str());
        assert!(answer.body.contains(&kind), "{}", metric.name);
    }
    for line in [
        "bowline_hub_sessions 2\n",
        "bowline_hub_sign_ins_total{method=\"dev\"} 2\n",
        "bowline_hub_sign_ins_total{method=\"resume\"} 0\n",
        "bowline_hub_signals_carried_total 1\n",
    ] {
        assert!(answer.body.contains(line), "{line} {}", answer.body);
    }
}

#[test]
fn only_the_operator_sees_sessions() {
    let place = Place::new();
    for path in [
        "/admin/standing",
        "/admin/sessions",
        "/admin/blocks",
        "/admin/revoked",
    ] {
        assert_eq!(place.admin("GET", path, "").status, 200);
        for headers in [
            "",
            "Authorization: Bearer\r\n",
            "Authorization: Bearer wrong token of length\r\n",
            "Authorization: Basic YTpi\r\n",
            &format!("Authorization: {TOKEN}\r\n"),
            &format!("Cookie: token={TOKEN}\r\n"),
        ] {
            let answer = place.ask("GET", path, headers, "");
            assert_eq!(answer.status, 401, "{headers}");
            assert!(
                answer
                    .header("www-authenticate")
                    .unwrap()
                    .starts_with("Bearer")
            );
        }
        let in_query = format!("{path}?token={}", TOKEN.replace(' ', "+"));
        assert_eq!(place.get(&in_query).status, 401);
    }
    for (path, body) in [
        ("kick", json!({"app": 480, "identity": "str:dev-anna"})),
        ("block", json!({"identity": "str:dev-anna"})),
        ("unblock", json!({"identity": "str:dev-anna"})),
        ("revoke", json!({"key": "1"})),
        ("unrevoke", json!({"key": "1"})),
    ] {
        let path = format!("/admin/{path}");
        assert_eq!(place.ask("POST", &path, "", &body.to_string()).status, 401);
        // What it says is not looked at either.
        assert_eq!(place.ask("POST", &path, "", "nonsense").status, 401);
    }
    assert_eq!(place.json("/admin/blocks")["blocks"], json!([]));
}

#[test]
fn without_a_token_there_is_nothing_for_operators() {
    let place = Place::new();
    let operator = Arc::clone(&place.operator);
    let http = HttpServer::start(settings(None), operator, None, NetworkConfig::default()).unwrap();
    for (path, status) in [("/", 404), ("/admin/standing", 404), ("/healthz", 200)] {
        assert_eq!(get_at(http.local_addr(), path), status, "{path}");
    }
}

#[test]
fn sessions_are_told_by_pages_and_without_addresses() {
    let place = Place::new();
    let names = ["str:dev-anna", "str:dev-ben", "str:dev-cleo"];
    let _clients = names.map(|name| place.client(name));
    let (mut after, mut seen) = ("0".to_owned(), Vec::new());
    loop {
        let page = place.json(&format!("/admin/sessions?after={after}&limit=1"));
        for session in page["sessions"].as_array().unwrap() {
            assert_eq!(session["app"], 480);
            assert_eq!(session["method"], "dev");
            let key = session["key"].as_str().unwrap();
            key.parse::<u64>().unwrap();
            assert!(session["since_unix_secs"].as_u64().unwrap() > 1_700_000_000);
            assert!(!session.to_string().contains("127.0"), "{session}");
            seen.push(session["identity"].as_str().unwrap().to_owned());
        }
        match page["next"].as_str() {
            Some(next) => after = next.to_owned(),
            None => break,
        }
    }
    seen.sort();
    assert_eq!(seen, names);
    for bad in ["?limit=0", "?limit=501", "?after=x", "?limit", "?page=2"] {
        let answer = place.admin("GET", &format!("/admin/sessions{bad}"), "");
        assert_eq!(answer.status, 400, "{bad}");
    }
}

#[test]
fn the_operator_ends_a_session() {
    let place = Place::new();
    let mut anna = place.client("str:dev-anna");
    let kick = |identity: &str| {
        let body = json!({"app": 480, "identity": identity}).to_string();
        let answer = place.admin("POST", "/admin/kick", &body);
        assert_eq!(answer.status, 200, "{answer:?}");
        serde_json::from_str::<Value>(&answer.body).unwrap()["kicked"].clone()
    };
    assert_eq!(kick("str:dev-nobody"), false);
    assert_eq!(kick("str:dev-anna"), true);
    anna.until_event(|event| match event {
        HubEvent::Availability { text, .. } if text.contains("operator") => Some(()),
        _ => None,
    });
    assert_eq!(place.json("/admin/standing")["sessions"], 0);
}

#[test]
fn requests_that_make_no_sense_are_told_what_does() {
    let place = Place::new();
    for (body, word) in [
        ("", "expected"),
        ("{}", "app"),
        ("[]", "expected an object"),
        (
            r#"{"app": "x", "identity": "str:anna"}"#,
            "expected a whole number",
        ),
        (r#"{"app": 480}"#, "identity"),
        (r#"{"app": -1, "identity": "str:anna"}"#, "expected"),
        (r#"{"app": 480, "identity": "anna"}"#, "no identity"),
        (
            r#"{"app": 4294967295, "identity": "str:anna"}"#,
            "4294967295 is no game",
        ),
        (
            r#"{"app": 480, "identity": "str:anna", "for": 5}"#,
            "unknown field",
        ),
    ] {
        let answer = place.admin("POST", "/admin/kick", body);
        assert_eq!(answer.status, 400, "{body}");
        assert!(answer.body.contains(word), "{body}: {}", answer.body);
        assert!(!answer.body.contains("struct"), "{}", answer.body);
    }
    for (method, path, status) in [
        ("POST", "/metrics", 405),
        ("DELETE", "/admin/sessions", 405),
        ("GET", "/admin/kick", 405),
        ("PUT", "/", 405),
        ("GET", "/admin", 404),
        ("GET", "/../etc/passwd", 404),
        ("GET", "/%2e%2e/secret", 404),
    ] {
        let answer = place.admin(method, path, "");
        assert_eq!(answer.status, status, "{method} {path}");
        let is_sentence = answer.body.contains(' ') && answer.body.ends_with('\n');
        assert!(is_sentence, "{method} {path}: {}", answer.body);
    }
}

#[test]
fn the_page_runs_its_own_script_only() {
    let place = Place::new();
    let answer = place.get("/");
    assert_eq!(answer.status, 200);
    assert!(answer.body.contains("<title>Bowline hub</title>"));
    let policy = answer.header("content-security-policy").unwrap();
    assert!(
        policy.starts_with("default-src 'none'; script-src 'sha256-"),
        "{policy}"
    );
    assert!(
        !policy.contains("unsafe") && !policy.contains("*"),
        "{policy}"
    );
    assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

#[test]
fn the_network_config_has_a_tag() {
    let place = Place::new();
    assert_eq!(place.get("/v1/netconfig").status, 404);
    place.network.publish(b"signed one".to_vec());
    let first = place.get("/v1/netconfig");
    assert_eq!((first.status, first.body.as_str()), (200, "signed one"));
    let tag = first.header("etag").unwrap();
    for known in [
        tag.to_owned(),
        format!("\"other\", W/{tag}"),
        "*".to_owned(),
    ] {
        let again = place.ask(
            "GET",
            "/v1/netconfig",
            &format!("If-None-Match: {known}\r\n"),
            "",
        );
        assert_eq!((again.status, again.body.as_str()), (304, ""), "{known}");
        assert_eq!(again.header("etag"), Some(tag));
    }
    place.network.publish(b"signed two".to_vec());
    let next = place.ask(
        "GET",
        "/v1/netconfig",
        &format!("If-None-Match: {tag}\r\n"),
        "",
    );
    assert_eq!((next.status, next.body.as_str()), (200, "signed two"));
}

#[test]
fn what_keeps_the_http_side_from_starting_is_told() {
    let place = Place::new();
    let start = |settings| {
        let operator = Arc::clone(&place.operator);
        HttpServer::start(settings, operator, None, NetworkConfig::default())
    };
    let error = start(settings(Some("short"))).unwrap_err();
    assert!(matches!(error, HttpError::ShortToken(5)), "{error}");
    let taken = HttpSettings {
        listen: place.http.local_addr(),
        ..settings(None)
    };
    let error = start(taken).unwrap_err();
    let address = place.http.local_addr().to_string();
    assert!(error.to_string().contains(&address), "{error}");
    assert!(!format!("{:?}", settings(Some(TOKEN))).contains(TOKEN));
}
