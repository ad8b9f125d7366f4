//! `bowline replay` as a user runs it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Output;
use std::process::Stdio;
use std::time::Duration;
use std::time::Instant;

use bowline::Config;
use bowline::ConnectionState;
use bowline::EndReason;
use bowline::Event;
use bowline::SendFlags;
use bowline::Sockets;
use bowline::recorder::RecordingOptions;
use serde_json::Value;

const SECRET: &str = "for the two of us";

/// A recording of a connection over loopback, in a file.
fn recorded(name: &str, options: RecordingOptions) -> PathBuf {
    let mut config = Config::new();
    config.set_record_bytes(1 << 20).unwrap();
    let server = Sockets::new().unwrap();
    let client = Sockets::builder().config(config).build().unwrap();
    let listener = server.listen("127.0.0.1:0".parse().unwrap()).unwrap();
    let connection = client.connect(listener.local_addr()).unwrap();
    let end = Instant::now() + Duration::from_secs(20);
    let mut echoed = 0;
    let group = server.poll_group();
    connection
        .send(SECRET.as_bytes(), SendFlags::RELIABLE)
        .unwrap();
    while echoed < 20 {
        assert!(Instant::now() < end, "{echoed} echoes in time");
        server.wait(Duration::from_millis(5));
        while let Some(event) = server.next_event() {
            if let Event::ConnectionChanged(change) = event
                && change.is_request()
            {
                change.connection.set_poll_group(Some(&group)).unwrap();
                change.connection.accept().unwrap();
            }
        }
        while let Some(message) = group.receive() {
            let back = message.connection();
            back.send(&message, SendFlags::RELIABLE_NO_NAGLE).unwrap();
        }
        while connection.receive().unwrap().is_some() {
            echoed += 1;
            connection
                .send(SECRET.as_bytes(), SendFlags::RELIABLE_NO_NAGLE)
                .unwrap();
        }
    }
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let mut file = fs::File::create(&path).unwrap();
    connection.dump_recording(options, &mut file).unwrap();
    path
}

fn replay(path: &Path, more: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bowline"))
        .arg("replay")
        .arg(path)
        .args(more)
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn a_recording_is_told_in_words() {
    let path = recorded("words.bowlrec", RecordingOptions::default());
    let output = replay(&path, &[]);
    let told = text(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    assert!(told.contains("without messages, without keys, without addresses"));
    assert!(told.contains("setting RecordBytes = 1048576"), "{told}");
    assert!(told.contains(" s  received #"), "{told}");
    assert!(told.contains(" s  sent #"), "{told}");
    assert!(told.contains("application sends 17 B reliably"), "{told}");
    assert!(told.contains("\nbit-exact: "), "{told}");
    assert!(!told.contains(SECRET), "{told}");
    let short = text(&replay(&path, &["--summary"]).stdout);
    assert!(!short.contains("received #") && short.contains("bit-exact"));
}

#[test]
fn a_recording_is_told_in_json() {
    let options = RecordingOptions {
        payloads: true,
        keys: true,
        addresses: true,
    };
    let path = recorded("json.bowlrec", options);
    let output = replay(&path, &["--json"]);
    assert!(output.status.success(), "{output:?}");
    let lines: Vec<Value> = text(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines[0]["event"], "recording");
    assert_eq!(lines[0]["keys"], true);
    assert_eq!(lines[1]["event"], "step");
    let result = lines.last().unwrap();
    assert_eq!(result["event"], "result");
    assert_eq!(result["exact"], true);
    assert_eq!(result["equal"], result["datagrams"]);
    assert!(result["sent"].as_u64().unwrap() >= 20, "{result}");
}

#[test]
fn a_client_that_is_thrown_out_leaves_a_recording() {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("of-servers/made");
    let _ = fs::remove_dir_all(&directory);
    let server = Sockets::new().unwrap();
    let listener = server.listen("127.0.0.1:0".parse().unwrap()).unwrap();
    let client = Command::new(env!("CARGO_BIN_EXE_bowline"))
        .args(["client", &listener.local_addr().to_string()])
        .args(["--send", SECRET, "--set", "RecordBytes=65536"])
        .arg("--record-payloads")
        .arg("--recordings")
        .arg(&directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let end = Instant::now() + Duration::from_secs(20);
    let mut is_thrown_out = false;
    while !is_thrown_out {
        assert!(Instant::now() < end, "a client in time");
        server.wait(Duration::from_millis(5));
        while let Some(Event::ConnectionChanged(change)) = server.next_event() {
            let connection = &change.connection;
            if change.is_request() {
                connection.accept().unwrap();
            } else if change.new == ConnectionState::Connected {
                let reason = EndReason::APP_EXCEPTION_GENERIC;
                connection.close(reason, "out", false).unwrap();
                is_thrown_out = true;
            }
        }
    }
    let output = client.wait_with_output().unwrap();
    assert!(!output.status.success(), "{output:?}");
    let files = fs::read_dir(&directory).unwrap();
    let [file] = &files.map(Result::unwrap).collect::<Vec<_>>()[..] else {
        panic!("not one recording");
    };
    let output = replay(&file.path(), &[]);
    let told = text(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    assert!(told.contains("with messages, without keys"), "{told}");
    assert!(told.contains("setting RecordBytes = 65536"), "{told}");
    assert!(told.contains("Connected -> ClosedByPeer"), "{told}");
}

#[test]
fn what_is_no_recording_is_refused_in_one_line() {
    let path = recorded("cut.bowlrec", RecordingOptions::default());
    let file = fs::read(&path).unwrap();
    fs::write(&path, &file[..file.len() / 2]).unwrap();
    let output = replay(&path, &[]);
    assert!(!output.status.success());
    let error = text(&output.stderr);
    assert!(error.contains("was cut off or altered"), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
    let missing = replay(Path::new("there is none"), &[]);
    assert!(!missing.status.success());
    assert!(text(&missing.stderr).contains("there is none"));
}
