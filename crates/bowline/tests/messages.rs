//! Sending and receiving, over real sockets on loopback.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod support;

use std::time::Duration;
use std::time::Instant;

use bowline::Bytes;
use bowline::Config;
use bowline::ConnectionState;
use bowline::EndReason;
use bowline::Event;
use bowline::LaneConfig;
use bowline::LaneError;
use bowline::LaneIndex;
use bowline::NoSuchConnection;
use bowline::PairKind;
use bowline::PollGroupError;
use bowline::SendError;
use bowline::SendFlags;
use bowline::Sockets;

use support::LIMIT;
use support::Pair;
use support::connect;
use support::listen;
use support::wait_event;
use support::wait_message;
use support::wait_state;

#[test]
fn large_messages_arrive_whole() {
    let pair = Pair::new();
    let bytes: Vec<u8> = (0..300_000u32).map(|i| (i % 251) as u8).collect();
    let shared = Bytes::from(bytes.clone());
    pair.dialled
        .send_bytes(LaneIndex::ZERO, shared, SendFlags::RELIABLE)
        .unwrap();
    let message = wait_message(&pair.server, &pair.accepted);
    assert!(*message == bytes[..]);
    assert!(message.into_bytes() == bytes);
}

#[test]
fn an_empty_message_is_a_message() {
    let pair = Pair::new();
    pair.dialled
        .send(b"", SendFlags::RELIABLE_NO_NAGLE)
        .unwrap();
    assert!(wait_message(&pair.server, &pair.accepted).is_empty());
}

#[test]
fn a_message_without_hurry_goes_out_when_nagle_says_so() {
    let pair = Pair::new();
    let start = Instant::now();
    pair.dialled.send(b"later", SendFlags::RELIABLE).unwrap();
    assert_eq!(&*wait_message(&pair.server, &pair.accepted), b"later");
    let waited = start.elapsed();
    assert!(
        waited >= Duration::from_millis(4),
        "went out after {waited:?}"
    );
}

#[test]
fn flush_hurries_what_waits() {
    let mut config = Config::new();
    config.set_nagle(Duration::from_millis(20)).unwrap();
    let pair = Pair::with(config);
    // The scheduler may take its time once, but hardly five times.
    let best = (0..5)
        .map(|_| {
            let start = Instant::now();
            pair.dialled.send(b"now", SendFlags::RELIABLE).unwrap();
            pair.dialled.flush_out().unwrap();
            wait_message(&pair.server, &pair.accepted);
            start.elapsed()
        })
        .min();
    assert!(best.unwrap() < Duration::from_millis(20), "{best:?}");
}

#[test]
fn messages_sent_before_the_connection_stands_are_delivered() {
    let server = Sockets::new().unwrap();
    let client = Sockets::new().unwrap();
    let listener = listen(&server);
    let dialled = client.connect(listener.local_addr()).unwrap();
    dialled.send(b"early", SendFlags::RELIABLE).unwrap();
    let no_delay = dialled.send(b"now or never", SendFlags::UNRELIABLE_NO_DELAY);
    assert_eq!(no_delay, Err(SendError::NotNow));
    let request = wait_state(&server, ConnectionState::Connecting);
    request.connection.accept().unwrap();
    assert_eq!(&*wait_message(&server, &request.connection), b"early");
}

#[test]
fn refused_sends_say_why() {
    let pair = Pair::new();
    let too_large = vec![0; 512 * 1024 + 1];
    assert_eq!(
        pair.dialled.send(&too_large, SendFlags::RELIABLE),
        Err(SendError::TooLarge {
            len: 512 * 1024 + 1,
            max: 512 * 1024
        })
    );
    let lane = LaneIndex::new(1);
    assert_eq!(
        pair.dialled.send_on(lane, b"x", SendFlags::RELIABLE),
        Err(SendError::NoSuchLane { lane, lanes: 1 })
    );
}

#[test]
fn a_full_buffer_refuses_and_says_when_there_is_room() {
    let mut config = Config::new();
    config.set_send_buffer(16 * 1024).unwrap();
    config
        .set_send_rate(Some(1_000_000), Some(1_000_000))
        .unwrap();
    let pair = Pair::with(config);
    let chunk = [0; 8 * 1024];
    let refused = (0..1000).find_map(|_| pair.dialled.send(&chunk, SendFlags::RELIABLE).err());
    let Some(SendError::BufferFull {
        queued_bytes,
        limit_bytes,
        ..
    }) = refused
    else {
        panic!("{refused:?}");
    };
    assert_eq!(limit_bytes, 16 * 1024);
    assert!(queued_bytes > 8 * 1024);
    wait_event(&pair.client, |event| {
        matches!(event, Event::Writable(connection) if connection == pair.dialled).then_some(())
    });
    pair.dialled.send(&chunk, SendFlags::RELIABLE).unwrap();
}

#[test]
fn lanes_can_be_set_up_and_used() {
    let pair = Pair::new();
    let lanes = [
        LaneConfig::new(0, 1),
        LaneConfig::new(1, 3),
        LaneConfig::new(1, 1),
    ];
    pair.dialled.configure_lanes(&lanes).unwrap();
    assert_eq!(
        pair.dialled.configure_lanes(&lanes[..1]),
        Err(LaneError::CannotReduce {
            configured: 3,
            asked: 1
        })
    );
    assert_eq!(
        pair.dialled.configure_lanes(&[]),
        Err(LaneError::BadCount(0))
    );
    for lane in 0..3 {
        let lane = LaneIndex::new(lane);
        let number = pair
            .dialled
            .send_on(lane, &[lane.get()], SendFlags::RELIABLE)
            .unwrap();
        assert_eq!(number.get(), 1);
    }
    let mut seen = [false; 3];
    for _ in 0..3 {
        let message = wait_message(&pair.server, &pair.accepted);
        assert_eq!(*message, [message.lane().get()]);
        seen[message.lane().as_usize()] = true;
    }
    assert_eq!(seen, [true; 3]);
    assert!(pair.dialled.lane_status(LaneIndex::new(2)).is_ok());
    assert!(pair.dialled.lane_status(LaneIndex::new(3)).is_err());
}

#[test]
fn a_poll_group_receives_from_all_its_connections() {
    let server = Sockets::new().unwrap();
    let client = Sockets::new().unwrap();
    let listener = listen(&server);
    let group = server.poll_group();
    let ends: Vec<_> = (0..4)
        .map(|_| connect(&server, &client, listener.local_addr()))
        .collect();
    for (accepted, _) in &ends {
        accepted.set_poll_group(Some(&group)).unwrap();
    }
    for round in 0..10u8 {
        for (number, (_, dialled)) in ends.iter().enumerate() {
            let bytes = [number as u8, round];
            dialled.send(&bytes, SendFlags::RELIABLE_NO_NAGLE).unwrap();
        }
    }
    let mut messages = Vec::new();
    let end = Instant::now() + LIMIT;
    while messages.len() < 40 {
        assert!(Instant::now() < end);
        group.wait(Duration::from_millis(20));
        let before = messages.len();
        let count = group.receive_batch(&mut messages, 7);
        assert!(count <= 7);
        assert_eq!(messages.len(), before + count);
    }
    assert!(group.receive().is_none());
    for (number, (accepted, _)) in ends.iter().enumerate() {
        let own = messages
            .iter()
            .filter(|message| message.connection() == accepted);
        let rounds: Vec<_> = own
            .map(|message| {
                assert_eq!(message[0], number as u8);
                message[1]
            })
            .collect();
        assert_eq!(rounds, (0..10).collect::<Vec<_>>());
    }
}

#[test]
fn unread_messages_move_with_the_connection() {
    let pair = Pair::new();
    let one = pair.server.poll_group();
    let other = pair.server.poll_group();
    pair.accepted.set_poll_group(Some(&one)).unwrap();
    for byte in 0..3 {
        pair.dialled
            .send(&[byte], SendFlags::RELIABLE_NO_NAGLE)
            .unwrap();
    }
    assert!(one.wait(LIMIT));
    assert_eq!(*one.receive().unwrap(), [0]);
    pair.accepted.set_poll_group(Some(&other)).unwrap();
    assert!(one.receive().is_none());
    assert!(other.wait(LIMIT));
    assert_eq!(*other.receive().unwrap(), [1]);
    drop(other);
    assert_eq!(*wait_message(&pair.server, &pair.accepted), [2]);
}

#[test]
fn unread_messages_and_members_of_a_group_can_be_asked_for() {
    let sockets = Sockets::new().unwrap();
    let (one, other) = sockets.socket_pair(PairKind::Pipe, None, None).unwrap();
    let group = sockets.poll_group();
    one.set_poll_group(Some(&group)).unwrap();
    assert!(group.contains(&one) && !group.contains(&other));
    for byte in 0..3 {
        other.send(&[byte], SendFlags::RELIABLE).unwrap();
    }
    assert_eq!(one.unread_messages(), Ok(3));
    assert_eq!(*group.receive().unwrap(), [0]);
    assert_eq!(one.unread_messages(), Ok(2));
    assert_eq!(other.unread_messages(), Ok(0));
    one.close(EndReason::APP_GENERIC, "", false).unwrap();
    assert_eq!(one.unread_messages(), Err(NoSuchConnection));
    assert!(!group.contains(&one));
}

#[test]
fn a_poll_group_of_another_interface_is_refused() {
    let pair = Pair::new();
    let foreign = pair.client.poll_group();
    let refused = pair.accepted.set_poll_group(Some(&foreign));
    assert_eq!(refused, Err(PollGroupError::ForeignPollGroup));
    pair.accepted.set_poll_group(None).unwrap();
}

/// The service thread sends for these connections, too, since the peers keep it busy with acknowledging.
#[test]
fn what_was_flushed_out_arrives_although_the_connection_is_closed_at_once() {
    let server = Sockets::new().unwrap();
    let client = Sockets::new().unwrap();
    let listener = listen(&server);
    for _ in 0..500 {
        let (accepted, dialled) = connect(&server, &client, listener.local_addr());
        for _ in 0..3 {
            accepted
                .send(b"busy", SendFlags::UNRELIABLE_NO_NAGLE)
                .unwrap();
        }
        dialled.send(b"last words", SendFlags::RELIABLE).unwrap();
        dialled.flush_out().unwrap();
        dialled.close(EndReason::APP_GENERIC, "", false).unwrap();
        assert_eq!(dialled.flush_out(), Err(NoSuchConnection.into()));
        let end = Instant::now() + LIMIT;
        while accepted.state() == ConnectionState::Connected {
            assert!(Instant::now() < end);
            server.wait(Duration::from_millis(1));
            server.events().for_each(drop);
        }
        let message = accepted
            .receive()
            .unwrap()
            .expect("it was sent before the end");
        assert_eq!(&*message, b"last words");
        accepted.close(EndReason::APP_GENERIC, "", false).unwrap();
    }
}

#[test]
fn status_tells_what_is_pending() {
    let mut config = Config::new();
    config.set_send_rate(Some(10_000), Some(10_000)).unwrap();
    let pair = Pair::with(config);
    pair.dialled
        .send(&[0; 100_000], SendFlags::RELIABLE)
        .unwrap();
    let status = pair.dialled.status().unwrap();
    assert_eq!(status.state, ConnectionState::Connected);
    assert!(status.pending_reliable_bytes > 0);
}

#[test]
fn messages_sent_while_connecting_are_numbered_and_arrive() {
    let (server, client) = (Sockets::new().unwrap(), Sockets::new().unwrap());
    let listener = listen(&server);
    let dialled = client.connect(listener.local_addr()).unwrap();
    for number in 1..=3 {
        let sent = dialled.send(&[number], SendFlags::RELIABLE).unwrap();
        assert_eq!(sent.get(), u64::from(number));
    }
    let request = wait_state(&server, ConnectionState::Connecting).connection;
    request.accept().unwrap();
    for number in 1..=3 {
        let message = wait_message(&server, &request);
        assert_eq!(*message, [number]);
        assert_eq!(message.number().get(), u64::from(number));
    }
}

#[test]
fn an_unreliable_message_of_many_packets_goes_reliably() {
    let pair = Pair::new();
    let flags = SendFlags::UNRELIABLE_NO_NAGLE;
    for (len, reliable) in [(16_500, false), (16_501, true)] {
        pair.dialled.send(&vec![0; len], flags).unwrap();
        let message = wait_message(&pair.server, &pair.accepted);
        assert_eq!((message.len(), message.is_reliable()), (len, reliable));
    }
}
