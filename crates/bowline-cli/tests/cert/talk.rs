//! Servers and clients that show the certificates of `bowline cert`.

use std::io::BufRead;
use std::io::BufReader;
use std::process::Child;
use std::process::Command;
use std::process::Output;
use std::process::Stdio;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use bowline::cert::AppId;
use bowline::cert::Authority;
use bowline::cert::CertificateRequest;
use bowline::cert::KeyPair;
use bowline::cert::SignedCertificate;
use bowline::cert::default_crypto;
use serde_json::Value;

use crate::desk::Desk;

/// No test waits longer for a line.
const LIMIT: Duration = Duration::from_secs(20);
/// Nobody gets in without a certificate, not even from this host.
const STRICT: &str = "--set IP_AllowWithoutAuth=0 --set IPLocalHost_AllowWithoutAuth=0";
/// What the hosts of the tests trust.
const TRUST: &str = "--app 480 --trust root.cert --trust daily.cert";

/// In 2023.
const LONG_AGO: u32 = 1_700_000_000;

/// A desk with a server and a client of the same operator, of different authorities.
fn two_hosts(name: &str) -> Desk {
    let desk = Desk::with_server(name);
    desk.good("request anna --identity str:anna --app 480,570");
    desk.good("sign anna.req --ca-key root.key --ca-cert root.cert --as-requested -o anna.cert");
    desk
}

/// The arguments of a host that shows the certificate of this name.
fn host(name: &str) -> String {
    format!("{TRUST} {STRICT} --key {name}.key --cert {name}.cert")
}

/// A third host: the certificate is signed by that authority, with these options.
fn third(desk: &Desk, request: &str, sign: &str) {
    desk.good(&format!("request mallory --identity str:mallory {request}"));
    desk.good(&format!(
        "sign mallory.req --as-requested -o mallory.cert {sign}"
    ));
}

#[test]
fn two_hosts_prove_to_each_other_who_they_are() {
    let desk = two_hosts("two-hosts");
    let server = Server::start(&desk, &host("server"));
    let key = desk.read("server.pub");
    let expectations = [
        "",
        "--expect str:server-1",
        &format!("--expect={}", key.trim()),
    ];
    for expect in expectations {
        let expect = expect.split_once('=').map_or_else(
            || expect.split_whitespace().map(str::to_owned).collect(),
            |(option, key)| vec![option.to_owned(), key.to_owned()],
        );
        let output = server.client(&format!("--json {}", host("anna")), &expect);
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        let lines = json_lines(&text);
        let connected = event(&lines, "connected");
        assert_eq!(connected["identity"], "str:server-1");
        assert_eq!(connected["authenticated"], true);
        assert_eq!(
            connected["extensions"],
            serde_json::json!(["sealed_close", "key_update", "receive_window", "path_mtu"])
        );
        assert_eq!(event(&lines, "message")["text"], "hello");
        let connected = server.next_event("connected");
        assert_eq!(connected["identity"], "str:anna");
        assert_eq!(connected["authenticated"], true);
    }
}

#[test]
fn people_are_told_who_is_authenticated() {
    let desk = two_hosts("told");
    let server = Server::start(&desk, "--app 480 --key server.key --cert server.cert");
    let told = |options: &str| {
        let output = server.client(options, &[]);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    let text = told(TRUST);
    assert!(
        text.contains("encrypted, authenticated as str:server-1;"),
        "{text}"
    );
    assert!(
        text.contains("extensions: sealed_close, key_update"),
        "{text}"
    );
    let text = told("--app 480");
    assert!(
        text.contains("says it is str:server-1, not authenticated"),
        "{text}"
    );
}

#[test]
fn a_server_other_than_the_expected_one_gets_nothing() {
    let desk = two_hosts("unexpected");
    let server = Server::start(&desk, &host("server"));
    desk.good("keygen other");
    let other = desk.read("other.pub");
    for (expect, told) in [
        (
            "str:server-2",
            "Expected str:server-2, found str:server-1".to_owned(),
        ),
        (
            other.trim(),
            format!(
                "Expected key {}, found key {}",
                desk.id("other"),
                desk.id("server")
            ),
        ),
    ] {
        let expect = ["--expect".to_owned(), expect.to_owned()];
        let output = server.client(&host("anna"), &expect);
        let complaint = refused(&output);
        assert!(complaint.contains(&told), "{complaint}");
        let closed = server.next_event("closed");
        assert_eq!(closed["reason"], 4003, "{closed}");
    }
    server.assert_no_message();
}

#[test]
fn a_third_host_does_not_get_in_and_is_told_why() {
    for case in cases() {
        let desk = two_hosts(&format!("refused-client-{}", case.name));
        let shown = (case.prepare)(&desk);
        let server = Server::start(&desk, &format!("{} --explain-rejections", host("server")));
        let output = server.client(&shown, &[]);
        let complaint = refused(&output);
        for part in (case.told)(&desk) {
            assert!(
                complaint.contains(&part),
                "{}: no {part} in {complaint}",
                case.name
            );
        }
        server.assert_no_message();
        // The others go on.
        assert!(server.client(&host("anna"), &[]).status.success());
    }
}

#[test]
fn a_third_host_is_no_server_either() {
    for case in cases() {
        let desk = two_hosts(&format!("refused-server-{}", case.name));
        let shown = (case.prepare)(&desk);
        let server = Server::start(&desk, &shown);
        let output = server.client(&host("anna"), &[]);
        let complaint = refused(&output);
        for part in (case.told)(&desk) {
            assert!(
                complaint.contains(&part),
                "{}: no {part} in {complaint}",
                case.name
            );
        }
        server.assert_no_message();
    }
}

#[test]
fn a_revoked_host_is_refused() {
    let desk = two_hosts("revoked");
    desk.write("revoked.txt", format!("{} # lost\n", desk.id("anna")));
    let options = format!(
        "{} --revoked revoked.txt --explain-rejections",
        host("server")
    );
    let server = Server::start(&desk, &options);
    let complaint = refused(&server.client(&host("anna"), &[]));
    assert!(complaint.contains("revoked"), "{complaint}");
    assert!(complaint.contains(&desk.id("anna")), "{complaint}");
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let desk = two_hosts("unusable");
    desk.write("empty.txt", "\n");
    let expired = |request: &mut CertificateRequest| {
        request.identity = Some("str:server-1".parse().unwrap());
        request.app_ids = vec![AppId::new(480)];
    };
    desk.write(
        "old.cert",
        issue(&desk, "daily", "server", expired, LONG_AGO),
    );
    for (options, told) in [
        ("--trust empty.txt", "empty.txt: there is neither"),
        ("--trust nowhere.cert", "cannot read nowhere.cert"),
        ("--revoked server.pub", "server.pub: line 1"),
        ("--key server.cert", "server.cert"),
        ("--cert server.cert", "no private key"),
        (
            "--app 480 --key anna.key --cert server.cert",
            "but ours is key",
        ),
        (
            "--app 570 --key server.key --cert server.cert",
            "not for app 570",
        ),
        (
            "--app 480 --key server.key --cert old.cert",
            "the certificate expired at 2023-11-14 22:13:20 UTC, and it is 20",
        ),
        (
            "--app 480 --key server.key --cert server.cert --identity str:bob",
            "for str:server-1, but we are str:bob",
        ),
    ] {
        let line = format!("client 127.0.0.1:9 --send x {options}");
        let output = command(&desk, &line).output().unwrap();
        let complaint = refused_by(&output);
        assert!(complaint.contains(told), "{options}: {complaint}");
    }
    let output = command(&desk, "client 127.0.0.1:9 --expect nobody").output();
    assert_eq!(output.unwrap().status.code(), Some(2));
}

/// A host that does not get in.
struct Case {
    name: &'static str,
    /// Makes its files, and returns its options.
    prepare: fn(&Desk) -> String,
    /// What the complaint about it names.
    told: fn(&Desk) -> Vec<String>,
}

fn cases() -> [Case; 5] {
    [
        Case {
            name: "without",
            prepare: |_| format!("{TRUST} --identity str:mallory"),
            told: |_| vec!["Unsigned certs are not allowed".into()],
        },
        Case {
            name: "other-authority",
            prepare: |desk| {
                desk.good("ca evil");
                third(desk, "--app 480", "--ca-key evil.key");
                format!("{TRUST} --key mallory.key --cert mallory.cert")
            },
            told: |desk| {
                vec![
                    "authority of certificate is unknown".into(),
                    format!("key {}", desk.id("mallory")),
                    format!("signed by {}", desk.id("evil")),
                ]
            },
        },
        Case {
            name: "other-app",
            prepare: |desk| {
                third(desk, "--app 570", "--ca-key root.key");
                format!(
                    "{} --app 570 --key mallory.key --cert mallory.cert",
                    TRUST.replace("--app 480", "")
                )
            },
            told: |_| vec!["Cert is not for app 480, but for 570".into()],
        },
        Case {
            name: "expired-authority",
            prepare: |desk| {
                desk.good("keygen old");
                desk.write("old.cert", issue(desk, "root", "old", |_| {}, LONG_AGO));
                third(desk, "--app 480", "--ca-key old.key");
                desk.write(
                    "daily.cert",
                    desk.read("daily.cert") + &desk.read("old.cert"),
                );
                format!("{TRUST} --key mallory.key --cert mallory.cert")
            },
            told: |desk| {
                vec![
                    "authority of certificate has expired".into(),
                    "2023-11-14 22:13:20 UTC".into(),
                    format!("key {}", desk.id("old")),
                ]
            },
        },
        Case {
            name: "authority-of-other-app",
            prepare: |desk| {
                desk.good("intermediate narrow --ca-key root.key --app 570");
                third(desk, "--app 480", "--ca-key narrow.key");
                desk.write(
                    "daily.cert",
                    desk.read("daily.cert") + &desk.read("narrow.cert"),
                );
                format!("{TRUST} --key mallory.key --cert mallory.cert")
            },
            told: |desk| vec![format!("key {}, is not for app 480", desk.id("narrow"))],
        },
    ]
}

/// A certificate that ends at some time, which `bowline cert sign` would not make.
fn issue(
    desk: &Desk,
    authority: &str,
    holder: &str,
    change: fn(&mut CertificateRequest),
    expiry: u32,
) -> String {
    let crypto = default_crypto();
    let key = KeyPair::from_pem(&crypto, &desk.read(&format!("{authority}.key"))).unwrap();
    let holder = desk.read(&format!("{holder}.pub")).parse().unwrap();
    let mut request = CertificateRequest::new(holder);
    change(&mut request);
    let authority = Authority::new(&crypto, key.private().clone());
    let signed = authority.issue(&crypto, &request.spec(1, expiry));
    SignedCertificate::from_message(signed).unwrap().to_text()
}

/// A server that runs beside the test.
pub(crate) struct Server<'a> {
    desk: &'a Desk,
    child: Child,
    lines: mpsc::Receiver<String>,
    pub(crate) addr: String,
}

impl<'a> Server<'a> {
    pub(crate) fn start(desk: &'a Desk, options: &str) -> Self {
        let line = format!("server --bind 127.0.0.1:0 --json {options}");
        let mut child = command(desk, &line)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let mut server = Self {
            desk,
            child,
            lines,
            addr: String::new(),
        };
        server.addr = server.next_event("listening")["addr"]
            .as_str()
            .unwrap()
            .into();
        server
    }

    /// Runs a client that says hello.
    fn client(&self, options: &str, more: &[String]) -> Output {
        let line = format!("client {} --send hello --timeout 5 {options}", self.addr);
        command(self.desk, &line).args(more).output().unwrap()
    }

    /// The next event of this kind; others are skipped.
    pub(crate) fn next_event(&self, kind: &str) -> Value {
        loop {
            let line = self.lines.recv_timeout(LIMIT).expect("a further line");
            let value: Value = serde_json::from_str(&line).unwrap();
            if value["event"] == kind {
                return value;
            }
        }
    }

    /// No message has come, and nothing that did not end.
    fn assert_no_message(&self) {
        for line in self.lines.try_iter() {
            assert!(!line.contains("\"message\""), "{line}");
        }
    }
}

impl Drop for Server<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn command(desk: &Desk, line: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bowline"));
    command.args(line.split_whitespace()).current_dir(&desk.0);
    command
}

/// The complaint of a client that did not get through, by the reason of bad certificates.
fn refused(output: &Output) -> String {
    let complaint = refused_by(output);
    assert!(complaint.contains("(reason 4003)"), "{complaint}");
    complaint
}

/// The complaint of a command that ends with 1, and shows no message.
fn refused_by(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn json_lines(text: &str) -> Vec<Value> {
    let parsed = text.lines().map(serde_json::from_str);
    parsed.collect::<Result<_, _>>().unwrap()
}

fn event<'a>(lines: &'a [Value], kind: &str) -> &'a Value {
    let found = lines.iter().find(|line| line["event"] == kind);
    found.unwrap_or_else(|| panic!("no {kind} in {lines:?}"))
}
