//! The command as a user runs it.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "a test may panic, in its helpers too"
)]

mod bench;

use std::io::BufRead;
use std::io::BufReader;
use std::io::Write;
use std::net::UdpSocket;
use std::process::Child;
use std::process::ChildStdin;
use std::process::Command;
use std::process::Output;
use std::process::Stdio;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use bowline::EndReason;
use bowline::LaneConfig;
use bowline::LaneIndex;
use bowline::SendFlags;
use bowline::Sockets;
use serde_json::Value;

/// No test waits longer for a line.
const LIMIT: Duration = Duration::from_secs(20);

#[test]
fn a_short_demo_passes() {
    let output = run(&["demo", "--clients", "2", "--secs", "1", "--json"]);
    let lines = json_lines(&output.stdout);
    let [.., result, identities] = &lines[..] else {
        panic!("{lines:#?}");
    };
    assert!(output.status.success(), "{lines:#?}");
    assert_eq!(result["event"], "result");
    assert_eq!(result["passed"], true);
    assert_eq!(result["clients"].as_array().unwrap().len(), 2);
    assert_eq!(result["clients"][1]["down"]["received"]["reliable"], 1);
    assert_eq!(lines[0]["event"], "start");
    assert_eq!(identities["event"], "identities");
    assert_eq!(identities["passed"], true);
    assert_eq!(identities["identities"]["lines_received"], 30);
    assert_eq!(identities["identities"]["calls"][2]["to"], "anna");
}

#[test]
fn a_demo_without_terminal_prints_one_table_and_the_verdict() {
    let output = run(&["demo", "--clients", "1", "--secs", "0.5"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    assert_eq!(text.matches("player-1").count(), 1, "{text}");
    assert_eq!(text.matches("PASSED").count(), 2, "{text}");
    assert!(text.contains("carl called anna: connected in "), "{text}");
    assert!(!text.contains('\x1b'), "{text}");
}

#[test]
fn a_sent_text_is_echoed_and_both_sides_end_well() {
    let server = Running::server(&["--echo"]);
    let output = run(&["client", &server.addr, "--send", "hello there", "--json"]);
    assert!(output.status.success(), "{output:?}");
    let lines = json_lines(&output.stdout);
    let events = lines.iter().map(|line| line["event"].as_str().unwrap());
    assert_eq!(
        events.collect::<Vec<_>>(),
        ["connecting", "connected", "message", "closed"]
    );
    assert_eq!(lines[1]["encrypted"], true);
    assert_eq!(
        (&lines[2]["text"], &lines[2]["reliable"]),
        (&"hello there".into(), &true.into())
    );
    assert!(lines[2]["round_trip_ms"].as_f64().unwrap() > 0.0);

    assert_eq!(server.next_event("message")["text"], "hello there");
    let closed = server.next_event("closed");
    assert_eq!(
        (&closed["by"], &closed["reason"]),
        (&"peer".into(), &1000.into())
    );
    assert_eq!(closed["text"], "the client is done");
    server.end();
}

#[test]
fn an_echo_comes_on_its_lane_with_its_reliability() {
    let server = Running::server(&[]);
    let sockets = Sockets::new().unwrap();
    let connection = sockets.connect(server.addr.parse().unwrap()).unwrap();
    connection
        .configure_lanes(&[LaneConfig::default(); 4])
        .unwrap();
    let sent = [
        (3, SendFlags::RELIABLE, vec![3; 100_000]),
        (0, SendFlags::UNRELIABLE, vec![0; 10]),
        (2, SendFlags::UNRELIABLE, vec![2; 5000]),
        (1, SendFlags::RELIABLE, Vec::new()),
    ];
    for (lane, flags, bytes) in &sent {
        connection
            .send_on(LaneIndex::new(*lane), bytes, *flags)
            .unwrap();
    }
    let mut echoes = Vec::new();
    let end = Instant::now() + LIMIT;
    while echoes.len() < sent.len() && Instant::now() < end {
        sockets.wait(Duration::from_millis(20));
        connection.receive_batch(&mut echoes, 4).unwrap();
    }
    echoes.sort_by_key(|echo| echo.lane().get());
    let got = echoes
        .iter()
        .map(|echo| (echo.lane().get(), echo.is_reliable(), echo.len()));
    let expected = [
        (0, false, 10),
        (1, true, 0),
        (2, false, 5000),
        (3, true, 100_000),
    ];
    assert_eq!(got.collect::<Vec<_>>(), expected);
    server.end();
}

#[test]
fn lines_of_standard_input_are_sent_and_their_echoes_printed() {
    let server = Running::server(&[]);
    let mut client = start(&["client", &server.addr]);
    let mut input = client.stdin.take().unwrap();
    input.write_all("one\ntwo\r\nthree".as_bytes()).unwrap();
    drop(input);
    let output = client.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let echoes = text
        .lines()
        .map(|line| line.split_whitespace().nth(1).unwrap());
    assert_eq!(
        echoes.collect::<Vec<_>>(),
        ["one", "two", "three"],
        "{text}"
    );
    server.end();
}

#[test]
fn a_line_that_is_too_long_is_told_and_the_others_are_sent() {
    let server = Running::server(&[]);
    let mut client = Running::client(&server.addr, &[]);
    let mut input = client.input.take().unwrap();
    input.write_all(&vec![b'x'; 600_000]).unwrap();
    input.write_all(b"\nshort\n").unwrap();
    let dropped = client.next_event("dropped");
    assert_eq!(dropped["bytes"], 600_000);
    assert!(
        dropped["why"].as_str().unwrap().contains("524288"),
        "{dropped}"
    );
    assert_eq!(client.next_event("message")["text"], "short");
    drop(input);
    client.end();
    server.end();
}

#[test]
fn a_chat_is_relayed_to_the_others() {
    let server = Running::server(&["--chat"]);
    let alice = Running::client(&server.addr, &["--chat"]);
    alice.next_event("connected");
    let bob = Running::client(&server.addr, &["--chat"]);
    bob.next_event("connected");
    let arrival = alice.next_event("message")["text"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(arrival.ends_with("is here"), "{arrival}");
    writeln!(bob.input.as_ref().unwrap(), "hi").unwrap();
    let line = alice.next_event("message")["text"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(line.ends_with(": hi"), "{line}");
    bob.end();
    let departure = alice.next_event("message")["text"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(departure.ends_with("has left"), "{departure}");
    alice.end();
    server.end();
}

#[test]
fn a_server_that_stops_tells_its_clients() {
    let server = Running::server(&[]);
    let mut client = Running::client(&server.addr, &[]);
    client.next_event("connected");
    server.end();
    let error = client.next_event("error")["error"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(
        error.contains("closed the connection: the server stops (reason 1000)"),
        "{error}"
    );
    assert_eq!(client.child.wait().unwrap().code(), Some(1));
}

#[test]
fn a_client_that_crashes_leaves_a_recording() {
    let directory = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("of-clients");
    let _ = std::fs::remove_dir_all(&directory);
    let server = Running::server(&["--recordings", directory.to_str().unwrap()]);
    let sockets = Sockets::new().unwrap();
    for (text, reason) in [
        ("in order", EndReason::APP_GENERIC),
        ("not in order", EndReason::APP_EXCEPTION_GENERIC),
    ] {
        let connection = sockets.connect(server.addr.parse().unwrap()).unwrap();
        connection
            .send(text.as_bytes(), SendFlags::RELIABLE)
            .unwrap();
        assert_eq!(server.next_event("message")["text"], text);
        connection.close(reason, text, false).unwrap();
        assert_eq!(server.next_event("closed")["text"], text);
    }
    server.end();
    let files = std::fs::read_dir(&directory).unwrap();
    let [file] = &files.map(Result::unwrap).collect::<Vec<_>>()[..] else {
        panic!("not one recording");
    };
    let output = run(&["replay", file.path().to_str().unwrap()]);
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{told}");
    assert!(told.contains("setting RecordBytes = 1048576"), "{told}");
    assert!(told.contains("Connected -> ClosedByPeer"), "{told}");
    assert!(!told.contains("order"), "{told}");
}

#[test]
fn a_taken_port_is_an_error() {
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap().to_string();
    let output = run(&["server", "--bind", &addr]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        text,
        format!("error: cannot start the server: {addr} is in use\n")
    );
}

#[test]
fn a_bad_address_is_an_error_that_shows_a_good_one() {
    let output = run(&["client", "127.0.0.1"]);
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("127.0.0.1:27015"), "{text}");
}

#[test]
fn nobody_there_is_a_timeout() {
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let addr = silent.local_addr().unwrap().to_string();
    let start = Instant::now();
    let output = run(&["client", &addr, "--send", "x", "--timeout", "0.5"]);
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "{:?}",
        start.elapsed()
    );
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(
        text.contains(&format!("{addr} did not answer within 0.5 s")),
        "{text}"
    );
    assert!(text.contains("5003"), "{text}");
}

#[cfg(unix)]
#[test]
fn an_interrupt_closes_with_a_word() {
    let server = Running::server(&[]);
    let mut client = Running::client(&server.addr, &[]);
    client.next_event("connected");
    client.interrupt();
    assert_eq!(client.child.wait().unwrap().code(), Some(0));
    assert_eq!(server.next_event("closed")["text"], "the client is done");
    server.end();
}

#[cfg(unix)]
#[test]
fn an_interrupt_before_the_connection_stands_is_no_success() {
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let addr = silent.local_addr().unwrap().to_string();
    let mut client = Running::client(&addr, &["--send", "x"]);
    client.next_event("connecting");
    client.interrupt();
    let error = client.next_event("error");
    assert_eq!(
        error["error"],
        format!("interrupted before {addr} answered")
    );
    assert_eq!(client.child.wait().unwrap().code(), Some(1));
}

/// A program that runs beside the test.
struct Running {
    child: Child,
    input: Option<ChildStdin>,
    lines: mpsc::Receiver<String>,
    addr: String,
}

impl Running {
    fn server(options: &[&str]) -> Self {
        let mut server =
            Self::start(&[&["server", "--bind", "127.0.0.1:0", "--json"], options].concat());
        server.addr = server.next_event("listening")["addr"]
            .as_str()
            .unwrap()
            .to_owned();
        server
    }

    fn client(addr: &str, options: &[&str]) -> Self {
        Self::start(&[&["client", addr, "--json"], options].concat())
    }

    fn start(args: &[&str]) -> Self {
        let mut child = start(args);
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self {
            child,
            input,
            lines,
            addr: String::new(),
        }
    }

    fn next_line(&self) -> String {
        self.lines
            .recv_timeout(LIMIT)
            .expect("a further line of output")
    }

    /// The next event of this kind; others are skipped.
    fn next_event(&self, kind: &str) -> Value {
        loop {
            let value: Value = serde_json::from_str(&self.next_line()).unwrap();
            if value["event"] == kind {
                return value;
            }
        }
    }

    #[cfg(unix)]
    fn interrupt(&self) {
        let pid = self.child.id().to_string();
        let status = Command::new("kill").args(["-INT", &pid]).status();
        assert!(status.unwrap().success());
    }

    /// Ends its input, and expects it to exit without an error.
    fn end(mut self) {
        drop(self.input.take());
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // After a failed test; otherwise it has exited.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bowline"));
    command
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn start(args: &[&str]) -> Child {
    command(args).stderr(Stdio::inherit()).spawn().unwrap()
}

/// Runs to the end, with a standard input that stays open meanwhile.
fn run(args: &[&str]) -> Output {
    let mut child = command(args).spawn().unwrap();
    let input = child.stdin.take();
    let output = child.wait_with_output().unwrap();
    drop(input);
    output
}

fn json_lines(bytes: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(bytes).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}
