//! The flight recorder over real sockets.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use bowline::Config;
use bowline::ConfigKey;
use bowline::Connection;
use bowline::ConnectionState;
use bowline::EndReason;
use bowline::PairKind;
use bowline::SendFlags;
use bowline::Sockets;
use bowline::recorder::Recording;
use bowline::recorder::RecordingDirectory;
use bowline::recorder::RecordingError;
use bowline::recorder::RecordingFileError;
use bowline::recorder::RecordingOptions;
use bowline::recorder::StateChange;
use support::Pair;
use support::wait_state;
use support::wait_until;

const SECRET: &[u8] = b"not for any file";

fn recording_config() -> Config {
    let mut config = Config::new();
    config.set_record_bytes(1 << 20).unwrap();
    config
}

/// Both send to each other, a fifth of the packets is lost, and all arrives.
fn talk(pair: &Pair) {
    for sockets in [&pair.server, &pair.client] {
        sockets
            .set_config(ConfigKey::FakePacketLossSend, 20.0)
            .unwrap();
    }
    for _ in 0..30 {
        let data = SECRET.repeat(40);
        pair.dialled.send(&data, SendFlags::RELIABLE).unwrap();
        pair.accepted.send(&data, SendFlags::UNRELIABLE).unwrap();
    }
    let mut received = 0;
    wait_until(|| {
        while pair.accepted.receive().unwrap().is_some() {
            received += 1;
        }
        received == 30
    });
}

fn file(connection: &Connection, options: RecordingOptions) -> Vec<u8> {
    let mut file = Vec::new();
    connection.dump_recording(options, &mut file).unwrap();
    file
}

/// A directory of its own for each test, empty.
fn directory(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if path.exists() {
        fs::remove_dir_all(&path).unwrap();
    }
    fs::create_dir_all(&path).unwrap();
    path
}

fn files(directory: &Path) -> Vec<Vec<u8>> {
    let entries = fs::read_dir(directory).unwrap();
    entries
        .map(|entry| {
            let path = entry.unwrap().path();
            assert_eq!(path.extension().unwrap(), "bowlrec");
            fs::read(path).unwrap()
        })
        .collect()
}

#[test]
fn a_recording_over_sockets_plays_back_to_the_bit() {
    let pair = Pair::with(recording_config());
    talk(&pair);
    for bits in 0..8 {
        let options = RecordingOptions {
            payloads: bits & 1 > 0,
            keys: bits & 2 > 0,
            addresses: bits & 4 > 0,
        };
        for connection in [&pair.dialled, &pair.accepted] {
            let file = file(connection, options);
            let shows = file.windows(SECRET.len()).any(|part| part == SECRET);
            assert_eq!(shows, options.payloads);
            let recording = Recording::parse(&file).unwrap();
            assert_eq!(recording.options(), options);
            assert!(recording.faithful().is_exact(), "{recording:?}");
            let mut lines = Vec::new();
            let begin = recording.begins_at();
            let verdict = recording.play(|played| lines.extend(played.lines(begin)));
            assert!(verdict.is_exact(), "{options:?}: {verdict:?}");
            assert!(verdict.datagrams > 10, "{verdict:?}");
            assert!(lines.iter().any(|line| line.contains("received #")));
        }
    }
}

#[test]
fn an_altered_or_shortened_file_is_refused() {
    let pair = Pair::with(recording_config());
    pair.dialled.send(b"hello", SendFlags::RELIABLE).unwrap();
    pair.dialled.flush().unwrap();
    let file = file(&pair.dialled, RecordingOptions::default());
    for at in (0..file.len()).step_by(7) {
        let mut altered = file.clone();
        altered[at] ^= 1;
        assert!(Recording::parse(&altered).is_err(), "byte {at}");
        assert!(Recording::parse(&file[..at]).is_err(), "{at} bytes");
    }
    let cut_off = &file[..file.len() - 1];
    let error = Recording::parse(cut_off).unwrap_err();
    assert_eq!(error, RecordingFileError::Altered);
}

#[test]
fn a_connection_that_does_not_record_says_so() {
    let pair = Pair::new();
    let options = RecordingOptions::default();
    let error = pair.dialled.recording(options).unwrap_err();
    assert_eq!(error, RecordingError::NotRecording);
    pair.dialled
        .close(EndReason::APP_GENERIC, "", false)
        .unwrap();
    let error = pair.dialled.recording(options).unwrap_err();
    assert!(matches!(error, RecordingError::NoSuchConnection(_)));
    let sockets = Sockets::builder()
        .config(recording_config())
        .build()
        .unwrap();
    let (pipe, _other) = sockets.socket_pair(PairKind::Pipe, None, None).unwrap();
    pipe.send(b"hello", SendFlags::RELIABLE).unwrap();
    let error = pipe.recording(options).unwrap_err();
    assert_eq!(error, RecordingError::NotRecording);
}

#[test]
fn recording_begins_and_ends_with_the_setting() {
    let pair = Pair::new();
    let options = RecordingOptions::default();
    let key = ConfigKey::RecordBytes;
    pair.dialled.set_config(key, 1 << 16).unwrap();
    pair.dialled.send(b"hello", SendFlags::RELIABLE).unwrap();
    pair.dialled.flush().unwrap();
    assert!(pair.dialled.recording(options).unwrap().inputs() > 0);
    pair.dialled.set_config(key, 0).unwrap();
    pair.dialled.flush().unwrap();
    let error = pair.dialled.recording(options).unwrap_err();
    assert_eq!(error, RecordingError::NotRecording);
}

/// A server that keeps recordings in `path`, at most `max_files`.
fn keeping(path: &Path, max_files: usize) -> Sockets {
    let directory = RecordingDirectory::new(path).max_files(max_files);
    Sockets::builder()
        .config(recording_config())
        .recordings(directory)
        .build()
        .unwrap()
}

/// The client connects, says something, and closes with this reason; the server hears of it.
fn visit(server: &Sockets, client: &Sockets, reason: EndReason) {
    let listener = support::listen(server);
    let (accepted, dialled) = support::connect(server, client, listener.local_addr());
    dialled.send(SECRET, SendFlags::RELIABLE_NO_NAGLE).unwrap();
    support::wait_message(server, &accepted);
    dialled.close(reason, "so it is", false).unwrap();
    wait_state(server, ConnectionState::ClosedByPeer);
    accepted.close(EndReason::APP_GENERIC, "", false).unwrap();
}

/// The last change of state in a recording.
fn end(recording: &Recording) -> StateChange {
    let mut ends = Vec::new();
    let verdict = recording.play(|played| ends.extend(played.state.clone()));
    assert!(verdict.is_exact(), "{verdict:?}");
    ends.pop().unwrap()
}

#[test]
fn an_abnormal_end_leaves_a_file_and_a_normal_one_does_not() {
    let path = directory("ends");
    let (server, client) = (keeping(&path, 4), Sockets::new().unwrap());
    visit(&server, &client, EndReason::new(1_007));
    visit(&server, &client, EndReason::new(2_042));
    drop(server);
    let files = files(&path);
    assert_eq!(files.len(), 1);
    let recording = Recording::parse(&files[0]).unwrap();
    let end = end(&recording);
    assert_eq!(end.new, ConnectionState::ClosedByPeer);
    assert_eq!(end.reason, Some(EndReason::new(2_042)));
    assert_eq!(end.text, "********");
}

#[test]
fn limit_files_of_an_interface() {
    let path = directory("limit");
    let (server, client) = (keeping(&path, 2), Sockets::new().unwrap());
    let mut seen = BTreeSet::new();
    for (count, reason) in (1..).zip(2_000..2_004) {
        visit(&server, &client, EndReason::new(reason));
        // One after another: what ends while as many are on their way as are kept is left out.
        wait_until(|| {
            let entries = fs::read_dir(&path).unwrap();
            let names = entries.map(|entry| entry.unwrap().path());
            seen.extend(names.filter(|path| path.extension().unwrap() == "bowlrec"));
            seen.len() == count
        });
    }
    drop(server);
    let ends = files(&path).into_iter().map(|file| {
        let recording = Recording::parse(&file).unwrap();
        end(&recording).reason.unwrap().code()
    });
    let mut ends: Vec<u32> = ends.collect();
    ends.sort_unstable();
    assert_eq!(ends, [2_002, 2_003], "the newest ones");
}
