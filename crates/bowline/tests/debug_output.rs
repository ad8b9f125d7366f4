//! Debug output by level and source. In a binary of its own, because a process has one log.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod support;

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::time::Duration;

use bowline::ConfigKey;
use bowline::DebugLevel;
use bowline::DebugSource;
use bowline::EndReason;
use bowline::SendFlags;
use bowline::clear_debug_output;
use bowline::set_debug_output;

use support::LIMIT;
use support::Pair;
use support::wait_message;
use support::wait_until;

type Line = (DebugLevel, DebugSource, String);

/// There is one output per process, so the tests take turns.
static TURN: Mutex<()> = Mutex::new(());

fn turn() -> MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Sets an output that keeps every line.
fn keep(level: DebugLevel) -> Arc<Mutex<Vec<Line>>> {
    let lines = Arc::<Mutex<Vec<Line>>>::default();
    let kept = Arc::clone(&lines);
    set_debug_output(level, move |level, source, text| {
        kept.lock().unwrap().push((level, source, text.to_owned()));
    })
    .unwrap();
    lines
}

/// A message from the client to the server.
fn exchange(pair: &Pair) {
    let sent = pair.dialled.send(b"hello", SendFlags::RELIABLE_NO_NAGLE);
    sent.unwrap();
    wait_message(&pair.server, &pair.accepted);
}

#[test]
fn lines_come_down_to_the_level_that_was_asked_for() {
    let _turn = turn();
    let lines = keep(DebugLevel::Msg);
    drop(Pair::new());
    clear_debug_output();
    let told = lines.lock().unwrap();
    let connected = told.iter().filter(|(level, source, text)| {
        *level == DebugLevel::Msg
            && *source == DebugSource::General
            && text.starts_with("connected id=")
    });
    assert_eq!(connected.count(), 2, "{told:?}");
    assert!(told.iter().all(|(level, ..)| *level <= DebugLevel::Msg));
}

#[test]
fn a_level_that_nothing_reaches_is_silence() {
    let _turn = turn();
    let lines = keep(DebugLevel::Bug);
    drop(Pair::new());
    clear_debug_output();
    assert_eq!(*lines.lock().unwrap(), []);
}

#[test]
fn an_output_that_was_cleared_is_not_called() {
    let _turn = turn();
    let lines = keep(DebugLevel::Everything);
    clear_debug_output();
    let before = lines.lock().unwrap().len();
    drop(Pair::new());
    assert_eq!(lines.lock().unwrap().len(), before);
}

#[test]
fn an_output_replaces_the_one_before() {
    let _turn = turn();
    let former = keep(DebugLevel::Msg);
    let lines = keep(DebugLevel::Msg);
    drop(Pair::new());
    clear_debug_output();
    assert_eq!(*former.lock().unwrap(), []);
    assert!(!lines.lock().unwrap().is_empty());
}

#[test]
fn sources_are_turned_up_per_connection() {
    let _turn = turn();
    for (source, key) in [
        (DebugSource::Message, ConfigKey::LogLevelMessage),
        (DebugSource::PacketDecode, ConfigKey::LogLevelPacketDecode),
        (DebugSource::AckRtt, ConfigKey::LogLevelAckRtt),
    ] {
        let pair = Pair::new();
        let lines = keep(DebugLevel::Everything);
        let count = || {
            let lines = lines.lock().unwrap();
            lines.iter().filter(|(_, from, _)| *from == source).count()
        };
        exchange(&pair);
        assert_eq!(count(), 0, "{source} is quiet by default");
        pair.dialled.set_config(key, 6).unwrap();
        wait_until(|| {
            exchange(&pair);
            count() > 0
        });
        clear_debug_output();
        let id = format!(" id={}", pair.dialled.id());
        for (level, from, text) in lines.lock().unwrap().iter() {
            if *from == source {
                assert_eq!(*level, DebugLevel::Verbose);
                assert!(text.contains(&id), "only that connection: {text}");
            } else {
                assert_eq!(*from, DebugSource::General, "{text}");
            }
        }
    }
}

#[test]
fn the_output_may_use_the_library() {
    let _turn = turn();
    let pair = Pair::new();
    let connection = pair.dialled.clone();
    let sockets = pair.client.clone();
    let (called, calls) = mpsc::channel();
    set_debug_output(DebugLevel::Everything, move |_, _, _| {
        connection
            .send(b"from the output", SendFlags::RELIABLE_NO_NAGLE)
            .ok();
        connection.info().ok();
        sockets.poll();
        called.send(()).ok();
    })
    .unwrap();
    pair.accepted
        .set_config(ConfigKey::LogLevelPacketDecode, 8)
        .unwrap();
    exchange(&pair);
    wait_message(&pair.server, &pair.accepted);
    calls.recv_timeout(LIMIT).unwrap();
    clear_debug_output();
}

#[test]
fn the_output_may_replace_and_clear_itself() {
    let _turn = turn();
    let calls = Arc::<AtomicUsize>::default();
    let counted = Arc::clone(&calls);
    set_debug_output(DebugLevel::Msg, move |_, _, _| {
        counted.fetch_add(1, Ordering::Relaxed);
        clear_debug_output();
    })
    .unwrap();
    drop(Pair::new());
    wait_until(|| calls.load(Ordering::Relaxed) > 0);
    clear_debug_output();
}

#[test]
fn limit_lines_that_wait_for_a_slow_output() {
    let _turn = turn();
    let (go_on, gate) = mpsc::channel::<()>();
    let (told, lines) = mpsc::channel();
    let mut waited = false;
    set_debug_output(DebugLevel::Everything, move |_, _, text| {
        if !waited {
            waited = true;
            gate.recv_timeout(LIMIT).ok();
        }
        told.send(text.to_owned()).ok();
    })
    .unwrap();
    for _ in 0..5000 {
        tracing::debug!(target: "bowline::test", "a line");
    }
    go_on.send(()).unwrap();
    clear_debug_output();
    let lines: Vec<String> = lines.iter().collect();
    assert!(lines.len() <= 4096 + 3, "{}", lines.len());
    let lost = lines.iter().find(|line| line.contains("lines were lost"));
    assert!(lost.is_some(), "it is told that lines are missing");
}

#[test]
fn other_libraries_lines_are_not_ours() {
    let _turn = turn();
    let lines = keep(DebugLevel::Everything);
    tracing::error!(target: "somebody", "not ours");
    tracing::error!(target: "bowline::test", answer = 42, "ours");
    clear_debug_output();
    let lines = lines.lock().unwrap();
    assert!(lines.iter().all(|(_, _, text)| text != "not ours"));
    let ours = (
        DebugLevel::Error,
        DebugSource::General,
        "ours answer=42".to_owned(),
    );
    assert!(lines.contains(&ours), "{lines:?}");
}

#[test]
fn a_connection_can_be_closed_from_the_output() {
    let _turn = turn();
    let pair = Pair::new();
    let connection = pair.accepted.clone();
    set_debug_output(DebugLevel::Everything, move |_, _, _| {
        connection.close(EndReason::APP_GENERIC, "", false).ok();
    })
    .unwrap();
    tracing::debug!(target: "bowline::test", "a line");
    wait_until(|| {
        pair.client.wait(Duration::from_millis(1));
        pair.dialled.state().is_closed()
    });
    clear_debug_output();
}

#[test]
fn an_output_that_panics_takes_nothing_else_along() {
    let _turn = turn();
    set_debug_output(DebugLevel::Msg, |_, _, text| panic!("cannot take {text:?}")).unwrap();
    let pair = Pair::new();
    exchange(&pair);
    let lines = keep(DebugLevel::Error);
    tracing::error!(target: "bowline::test", "still told");
    clear_debug_output();
    let lines = lines.lock().unwrap();
    assert!(
        lines.iter().any(|(_, _, text)| text == "still told"),
        "{lines:?}"
    );
    assert!(
        lines
            .iter()
            .any(|(_, _, text)| text == "the debug output has panicked")
    );
}
