//! Poll groups hand messages out in the order in which they arrived, whatever their connection.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod support;

use std::time::Duration;
use std::time::Instant;

use bowline::Connection;
use bowline::EndReason;
use bowline::PairKind;
use bowline::PollGroup;
use bowline::PollGroupError;
use bowline::SendFlags;
use bowline::Sockets;

use support::LIMIT;
use support::connect;
use support::listen;
use support::manual;

/// Three pipes: ends to send by, and ends to read from.
fn three(sockets: &Sockets) -> (Vec<Connection>, Vec<Connection>) {
    let pipe = |_| sockets.socket_pair(PairKind::Pipe, None, None).unwrap();
    (0..3).map(pipe).unzip()
}

fn send(connection: &Connection, text: &str) {
    let flags = SendFlags::RELIABLE;
    connection.send(text.as_bytes(), flags).unwrap();
    // Arrivals are told apart by their time.
    std::thread::sleep(Duration::from_micros(5));
}

fn read(group: &PollGroup, max: usize) -> String {
    let mut messages = Vec::new();
    assert!(group.receive_batch(&mut messages, max) <= max);
    let texts = messages
        .iter()
        .map(|message| String::from_utf8_lossy(message));
    texts.collect::<Vec<_>>().join("")
}

#[test]
fn messages_come_in_order_of_arrival() {
    let sockets = manual();
    let (ends, grouped) = three(&sockets);
    let group = sockets.poll_group();
    for connection in &grouped {
        connection.set_poll_group(Some(&group)).unwrap();
    }
    for (to, text) in [
        (0, "a"),
        (1, "b"),
        (0, "c"),
        (2, "d"),
        (2, "e"),
        (0, "f"),
        (1, "g"),
    ] {
        send(&ends[to], text);
    }
    assert_eq!(read(&group, 3), "abc");
    send(&ends[1], "h");
    assert_eq!(read(&group, 100), "defgh");
    assert!(group.receive().is_none());
}

#[test]
fn packets_of_several_peers_that_come_together_keep_their_order() {
    let server = manual();
    let listener = listen(&server);
    let clients: Vec<_> = (0..3).map(|_| Sockets::new().unwrap()).collect();
    let ends = clients
        .iter()
        .map(|client| connect(&server, client, listener.local_addr()));
    let (accepted, dialled): (Vec<_>, Vec<_>) = ends.unzip();
    let group = server.poll_group();
    for connection in &accepted {
        connection.set_poll_group(Some(&group)).unwrap();
    }
    // Nobody reads the server's socket meanwhile, so that all of it comes in one batch.
    for text in ["a", "b", "c", "d"] {
        for (index, end) in dialled.iter().enumerate() {
            let text = format!("{text}{index} ");
            let flags = SendFlags::UNRELIABLE_NO_NAGLE;
            end.send(text.as_bytes(), flags).unwrap();
        }
    }
    let mut texts = String::new();
    let end = Instant::now() + LIMIT;
    while texts.len() < 36 && Instant::now() < end {
        server.wait(Duration::from_millis(10));
        texts += &read(&group, 100);
    }
    assert_eq!(texts, "a0 a1 a2 b0 b1 b2 c0 c1 c2 d0 d1 d2 ");
}

#[test]
fn who_joins_brings_its_messages_to_where_they_belong() {
    let sockets = manual();
    let (ends, grouped) = three(&sockets);
    let group = sockets.poll_group();
    grouped[0].set_poll_group(Some(&group)).unwrap();
    for (to, text) in [(0, "a"), (1, "b"), (0, "c"), (1, "d"), (2, "e")] {
        send(&ends[to], text);
    }
    grouped[1].set_poll_group(Some(&group)).unwrap();
    grouped[2].set_poll_group(Some(&group)).unwrap();
    assert_eq!(read(&group, 100), "abcde");
    // Into the same group anew.
    send(&ends[0], "f");
    send(&ends[1], "g");
    grouped[0].set_poll_group(Some(&group)).unwrap();
    assert_eq!(read(&group, 100), "fg");
}

#[test]
fn who_leaves_takes_its_messages_along() {
    let sockets = manual();
    let (ends, grouped) = three(&sockets);
    let (group, other) = (sockets.poll_group(), sockets.poll_group());
    for connection in &grouped {
        connection.set_poll_group(Some(&group)).unwrap();
    }
    for (to, text) in [(0, "a"), (1, "b"), (0, "c"), (2, "d")] {
        send(&ends[to], text);
    }
    grouped[0].set_poll_group(Some(&other)).unwrap();
    grouped[2].set_poll_group(None).unwrap();
    assert_eq!(read(&group, 100), "b");
    assert_eq!(read(&other, 100), "ac");
    assert_eq!(&*grouped[2].receive().unwrap().unwrap(), b"d");
    send(&ends[1], "e");
    grouped[1].close(EndReason::APP_GENERIC, "", false).unwrap();
    assert_eq!(read(&group, 100), "", "a closed connection has no messages");
}

#[test]
fn messages_read_past_the_group_are_not_counted_twice() {
    let sockets = manual();
    let (ends, grouped) = three(&sockets);
    let group = sockets.poll_group();
    for connection in &grouped {
        connection.set_poll_group(Some(&group)).unwrap();
    }
    for (to, text) in [(0, "a"), (1, "b"), (0, "c"), (1, "d")] {
        send(&ends[to], text);
    }
    assert_eq!(&*grouped[0].receive().unwrap().unwrap(), b"a");
    send(&ends[0], "e");
    assert_eq!(read(&group, 100), "bcde");
    for text in ["f", "g"] {
        send(&ends[0], text);
    }
    assert_eq!(&*grouped[0].receive().unwrap().unwrap(), b"f");
    assert_eq!(&*grouped[0].receive().unwrap().unwrap(), b"g");
    assert!(!group.wait(Duration::ZERO));
    assert!(group.receive().is_none());
    send(&ends[0], "h");
    assert!(group.wait(Duration::ZERO));
    assert_eq!(read(&group, 100), "h");
}

#[test]
fn a_dropped_group_leaves_its_connections_open() {
    let sockets = manual();
    let (ends, grouped) = three(&sockets);
    let group = sockets.poll_group();
    grouped[0].set_poll_group(Some(&group)).unwrap();
    send(&ends[0], "a");
    drop(group);
    assert_eq!(&*grouped[0].receive().unwrap().unwrap(), b"a");
}

#[test]
fn a_group_that_has_ended_takes_no_connections_and_ends_waits() {
    let sockets = Sockets::new().unwrap();
    let (ends, grouped) = three(&sockets);
    let group = sockets.poll_group();
    grouped[0].set_poll_group(Some(&group)).unwrap();
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| group.wait(Duration::from_secs(3600)));
        group.end();
        assert!(!waiter.join().unwrap());
    });
    let refused = grouped[1].set_poll_group(Some(&group));
    assert_eq!(refused, Err(PollGroupError::Ended));
    send(&ends[0], "a");
    assert!(!group.wait(Duration::from_secs(3600)));
    assert!(group.receive().is_none());
    assert!(grouped[0].receive().unwrap().is_some());
}
