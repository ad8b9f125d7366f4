//! The program as a process: how it starts, what it says, how it ends.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod life;
mod store;
#[path = "../support/mod.rs"]
#[allow(dead_code, reason = "each test uses a part of it")]
mod support;

use std::fs;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Read as _;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Output;
use std::process::Stdio;
use std::time::Duration;
use std::time::Instant;

use bowline::cert::PublicKey;
use bowline_core::availability::Availability;
use bowline_core::hub::Goodbye;
use bowline_core::hub::HubEvent;

use self::support::Client;

/// A folder that goes with the test.
struct Folder(PathBuf);

/// A hub that runs, and ends with the test.
struct Hub {
    process: Child,
    log: BufReader<std::process::ChildStderr>,
    address: SocketAddr,
    key: PublicKey,
}

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("bowline-hub-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Settings for developers, and what else they say.
    fn config(&self, port: u16, more: &str) -> PathBuf {
        let text = format!(
            "listen = ['127.0.0.1:{port}']\ndata = 'data'\n{more}\n\
             [sign_in.dev]\nidentities = ['str:dev-']\n"
        );
        let file = self.file("hub.toml");
        fs::write(&file, text).unwrap();
        file
    }

    /// Settings for a hub that has run once, so that its keys and its store are there.
    fn with_store(&self) -> PathBuf {
        let config = self.config(0, JSON);
        let hub = Hub::start(&config);
        hub.signal("TERM");
        hub.end();
        assert!(self.file("data/hub.redb").exists());
        config
    }

    /// The program, run by somebody who has all of the folder's data and may do with it what its permissions say: not by
    /// root, who may do everything.
    fn program_that_permissions_bind(&self) -> Command {
        let probe = self.file("probe");
        fs::write(&probe, "").unwrap();
        fs::set_permissions(&probe, fs::Permissions::from_mode(0o400)).unwrap();
        if fs::OpenOptions::new().write(true).open(&probe).is_err() {
            return program();
        }
        give(&self.file("data"));
        // Where everybody can run it. A copy that was just written could be busy.
        let (whole, here) = (env!("CARGO_BIN_EXE_bowline-hub"), self.file("program"));
        if fs::hard_link(whole, &here).is_err() {
            fs::copy(whole, &here).unwrap();
        }
        let mut command = Command::new(here);
        command.uid(NOBODY).gid(NOBODY);
        command
    }
}

/// Makes a file or folder, and all that is in it, nobody's.
fn give(path: &Path) {
    std::os::unix::fs::chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            give(&entry.unwrap().path());
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl Hub {
    fn start(config: &Path) -> Self {
        let end = Instant::now() + Duration::from_secs(20);
        loop {
            match Self::try_start(config) {
                Ok(hub) => return hub,
                // While there was no hub another test may have been given its port.
                Err(line) => assert!(
                    line.contains("cannot listen") && Instant::now() < end,
                    "{line}"
                ),
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Fails with the line that it says if it does not start.
    fn try_start(config: &Path) -> Result<Self, String> {
        let mut process = program()
            .arg("--config")
            .arg(config)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(process.stderr.take().unwrap());
        let line = first_line(&mut log);
        let Ok(told) = serde_json::from_str::<serde_json::Value>(&line) else {
            process.wait().unwrap();
            return Err(line);
        };
        let hub = Self {
            process,
            log,
            address: told["listen"].as_str().unwrap().parse().unwrap(),
            key: told["key"].as_str().unwrap().parse().unwrap(),
        };
        assert_eq!(told["key_id"], hub.key.id().to_string());
        Ok(hub)
    }

    fn signal(&self, name: &str) {
        let id = self.process.id().to_string();
        let kill = Command::new("kill").args(["-s", name, &id]).status();
        assert!(kill.unwrap().success());
    }

    /// Waits until it has ended well, and returns the rest of its log.
    fn end(mut self) -> String {
        assert!(self.process.wait().unwrap().success());
        let mut rest = String::new();
        self.log.read_to_string(&mut rest).unwrap();
        rest
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Who has no rights of its own.
const NOBODY: u32 = 65_534;
const JSON: &str = "[log]\nformat = 'json'\nlevel = 'debug'";

fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_bowline-hub"))
}

fn first_line(from: &mut impl BufRead) -> String {
    let mut line = String::new();
    from.read_line(&mut line).unwrap();
    line
}

fn run(args: &[&str]) -> Output {
    program().args(args).output().unwrap()
}

/// Its exit code, and the one line that it said.
fn failure(output: &Output) -> (i32, String) {
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(text.trim_end().lines().count(), 1, "{text}");
    assert!(!text.contains("panicked"), "{text}");
    (output.status.code().unwrap(), text)
}

fn start_fails(config: &Path) -> (i32, String) {
    failure(&run(&["--config", config.to_str().unwrap()]))
}

#[test]
fn a_hub_says_goodbye_ends_soon_and_knows_its_clients_when_it_is_back() {
    let folder = Folder::new("restart");
    let hub = Hub::start(&folder.config(0, JSON));
    let (address, key) = (hub.address, hub.key);
    let mut anna = Client::dev(address, key, "str:dev-anna");
    anna.until(Availability::Current);
    let start = Instant::now();
    hub.signal("TERM");
    anna.until(Availability::Previously);
    let reason = Goodbye::Draining.to_string();
    assert!(
        anna.events.iter().any(|event| {
            matches!(event, HubEvent::Availability { text, .. } if *text == reason)
        })
    );
    let log = hub.end();
    let took = start.elapsed();
    // Well before systemd would lose patience, on a busy machine too.
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert!(log.contains("str:dev-anna") && log.contains("has stopped"));
    assert!(!log.contains("127.0.0.1"), "{log}");
    // On the same port, with the same keys.
    let again = Hub::start(&folder.config(address.port(), JSON));
    assert_eq!(again.key, key);
    anna.until(Availability::Current);
    again.signal("INT");
    let log = again.end();
    assert!(
        log.contains("signed in") && !log.contains("127.0.0.1"),
        "{log}"
    );
}

#[test]
fn a_hub_for_development_tells_what_a_client_needs() {
    let mut process = program()
        .args(["--dev", "--listen", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let line = first_line(&mut BufReader::new(process.stdout.take().unwrap()));
    let value = |name: &str| {
        let rest = line.split_once(name).unwrap().1;
        rest.split_whitespace().next().unwrap().to_owned()
    };
    let address = value("BOWLINE_HUB=").parse().unwrap();
    let key = format!("ssh-ed25519 {}", value("BOWLINE_HUB_KEY="));
    let key = key.parse().unwrap();
    let mut anna = Client::dev(address, key, "str:anna");
    anna.until(Availability::Current);
    process.kill().unwrap();
    process.wait().unwrap();
    let (code, text) = failure(&run(&["--dev", "--listen", "0.0.0.0:0"]));
    assert_eq!(code, 2);
    assert!(text.contains("--insecure-dev"), "{text}");
}

#[test]
fn settings_that_are_wrong_are_told_with_the_place() {
    let folder = Folder::new("settings");
    let good = folder.config(0, "");
    let output = run(&["--check", "--config", good.to_str().unwrap()]);
    assert!(output.status.success());
    assert!(!folder.file("data").exists(), "a check makes nothing");
    let bad = folder.config(0, "lsten = 1");
    let (code, text) = start_fails(&bad);
    assert_eq!(code, 2);
    assert!(text.contains("hub.toml:3: lsten: unknown field"), "{text}");
    let text = "listen = ['0.0.0.0:0']\ndata = 'data'\n[sign_in.dev]\nidentities = ['str:dev-']";
    fs::write(&bad, text).unwrap();
    for args in [&["--config"][..], &["--check", "--config"]] {
        let args = [args, &[bad.to_str().unwrap()]].concat();
        let (code, text) = failure(&run(&args));
        assert!(code == 2 && text.contains("sign_in.dev"), "{code}: {text}");
    }
    let (code, text) = failure(&run(&[]));
    assert_eq!(code, 2);
    assert!(text.contains("--config"), "{text}");
    let (code, _) = failure(&run(&["--config", "/nowhere/hub.toml"]));
    assert_eq!(code, 2);
}

#[test]
fn an_address_in_use_is_told() {
    let taken = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let folder = Folder::new("taken");
    let (code, text) = start_fails(&folder.config(port, ""));
    assert_eq!(code, 1);
    assert!(text.contains(&format!("127.0.0.1:{port}")), "{text}");
}

#[test]
fn keys_are_shown_replaced_and_refused_if_others_may_read_them() {
    let folder = Folder::new("keys");
    let config = folder.config(0, "");
    let config = config.to_str().unwrap();
    let shown = || {
        let output = run(&["keys", "show", "--config", config]);
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    };
    let first = shown();
    assert!(first.starts_with("identity"), "{first}");
    assert_eq!(shown(), first);
    assert!(
        run(&["keys", "next", "authority", "--config", config])
            .status
            .success()
    );
    assert!(shown().contains("+authority"));
    assert!(
        run(&["keys", "promote", "authority", "--config", config])
            .status
            .success()
    );
    let output = run(&["keys", "promote", "authority", "--config", config]);
    let (code, text) = failure(&output);
    assert!(code == 1 && text.contains("no next key"), "{text}");
    let file = folder.file("data/keys/identity.pem");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let (code, text) = start_fails(Path::new(config));
    assert!(
        code == 1 && text.contains("identity.pem: others may read"),
        "{text}"
    );
}

#[test]
fn regression_a_hub_whose_own_key_is_revoked_does_not_start() {
    let folder = Folder::new("revoked");
    let config = folder.config(0, "");
    let output = run(&["keys", "show", "--config", config.to_str().unwrap()]);
    let shown = String::from_utf8(output.stdout).unwrap();
    for name in ["identity", "authority", "config"] {
        let line = shown.lines().find(|line| line.starts_with(name)).unwrap();
        let id = line.split_whitespace().nth(1).unwrap();
        let (code, text) =
            start_fails(&folder.config(0, &format!("[network]\nrevoked = ['{id}']")));
        assert_eq!(code, 2, "{text}");
        assert!(
            text.contains(id) && text.contains(&format!("{name}.pem")),
            "{text}"
        );
    }
}

#[test]
fn http_is_served_as_the_settings_say() {
    let folder = Folder::new("http");
    let token = folder.file("admin.token");
    fs::write(&token, "a token of some length, which nobody guesses").unwrap();
    fs::set_permissions(&token, fs::Permissions::from_mode(0o600)).unwrap();
    let http = "[http]\nlisten = '127.0.0.1:0'\nadmin_token_file = 'admin.token'";
    let mut hub = Hub::start(&folder.config(0, &format!("{JSON}\n{http}")));
    let told: serde_json::Value = serde_json::from_str(&first_line(&mut hub.log)).unwrap();
    let address: SocketAddr = told["listen"].as_str().unwrap().parse().unwrap();
    let ask = |path: &str, headers: &str| {
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n{headers}\r\n");
        std::io::Write::write_all(&mut stream, request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    };
    assert!(ask("/readyz", "").starts_with("HTTP/1.1 200"));
    assert!(ask("/v1/netconfig", "").starts_with("HTTP/1.1 200"));
    // Who does not show the token is told of, once in a while, without what it shows.
    for _ in 0..20 {
        let answer = ask("/admin/standing", "Authorization: Bearer guessed\r\n");
        assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    }
    hub.signal("TERM");
    let log = hub.end();
    let told = log.lines().filter(|line| line.contains("admin token"));
    assert!((1..20).contains(&told.count()), "{log}");
    assert!(log.contains("WARN"), "{log}");
    assert!(
        !log.contains("guessed") && !log.contains("127.0.0.1"),
        "{log}"
    );
}

#[test]
fn regression_keys_of_tokens_that_cannot_be_fetched_are_told_at_the_start() {
    let folder = Folder::new("jwks");
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = nobody.local_addr().unwrap().port();
    drop(nobody);
    let jwt = format!(
        "[sign_in.jwt]\nissuer = 'a'\naudience = 'b'\nidentities = ['str:id-']\n\
         jwks = {{ url = 'http://127.0.0.1:{port}/keys' }}"
    );
    // It starts all the same.
    let mut hub = Hub::start(&folder.config(0, &format!("{JSON}\n{jwt}")));
    let line = first_line(&mut hub.log);
    assert!(line.contains("WARN") && line.contains("/keys"), "{line}");
    assert!(line.contains("cannot be fetched"), "{line}");
    hub.signal("TERM");
    hub.end();
}

#[test]
fn regression_files_that_hold_no_key_or_certificate_are_found_by_a_check() {
    let folder = Folder::new("no-keys");
    fs::write(folder.file("jwks.json"), "{\"keys\": []}").unwrap();
    fs::write(folder.file("ca.pem"), "<html>").unwrap();
    let url = "{ url = 'http://127.0.0.1:1/keys' }\nca_file = 'ca.pem'";
    for (jwks, file) in [("{ file = 'jwks.json' }", "jwks.json"), (url, "ca.pem")] {
        let jwt = format!(
            "[sign_in.jwt]\nissuer = 'a'\naudience = 'b'\nidentities = ['str:id-']\njwks = {jwks}"
        );
        let config = folder.config(0, &jwt);
        let (code, text) = failure(&run(&["--check", "--config", config.to_str().unwrap()]));
        assert!(code == 2 && text.contains(file), "{code}: {text}");
    }
}

#[test]
fn regression_a_short_admin_token_is_found_by_a_check() {
    let folder = Folder::new("token");
    let token = folder.file("admin.token");
    let config = folder.config(
        0,
        "[http]\nlisten = '127.0.0.1:0'\nadmin_token_file = 'admin.token'",
    );
    for content in ["short", "", "\n\n"] {
        fs::write(&token, content).unwrap();
        fs::set_permissions(&token, fs::Permissions::from_mode(0o600)).unwrap();
        let (code, text) = start_fails(&config);
        assert!(code == 2 && text.contains("admin.token"), "{code}: {text}");
        let (code, text) = failure(&run(&["--check", "--config", config.to_str().unwrap()]));
        assert!(code == 2 && text.contains("admin.token"), "{code}: {text}");
    }
    assert!(!folder.file("data").exists(), "nothing was made");
}
