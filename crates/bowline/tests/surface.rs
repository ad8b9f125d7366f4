//! The smaller functions: user data, names, batches, callbacks, texts, clocks.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod support;

use std::time::Duration;
use std::time::Instant;

use bowline::BatchMessage;
use bowline::Config;
use bowline::Connection;
use bowline::ConnectionState;
use bowline::EndReason;
use bowline::Event;
use bowline::Identity;
use bowline::LaneIndex;
use bowline::Message;
use bowline::NoSuchConnection;
use bowline::OnFailure;
use bowline::PairKind;
use bowline::Payload;
use bowline::SendError;
use bowline::SendFlags;
use bowline::SendOptions;
use bowline::Sockets;
use bowline::UnsentReason;

use support::Pair;
use support::connect;
use support::listen;
use support::manual;
use support::wait_message;
use support::wait_state;
use support::wait_until;

fn pipe(sockets: &Sockets) -> (Connection, Connection) {
    sockets.socket_pair(PairKind::Pipe, None, None).unwrap()
}

#[test]
fn user_data_reaches_queued_messages_but_not_queued_events() {
    let pair = Pair::new();
    assert_eq!(pair.accepted.user_data(), Ok(-1));
    pair.accepted.set_user_data(1).unwrap();
    for _ in 0..2 {
        let flags = SendFlags::RELIABLE_NO_NAGLE;
        pair.dialled.send(b"x", flags).unwrap();
    }
    let first = wait_message(&pair.server, &pair.accepted);
    assert_eq!(first.user_data(), 1);
    pair.dialled
        .close(EndReason::APP_GENERIC, "", true)
        .unwrap();
    // The event may come a moment after the state.
    wait_until(|| pair.accepted.state() == ConnectionState::ClosedByPeer);
    wait_until(|| pair.server.waiting_events() > 0);
    pair.accepted.set_user_data(2).unwrap();
    let second = wait_message(&pair.server, &pair.accepted);
    assert_eq!(second.user_data(), 2, "it was queued under the old number");
    let closed = wait_state(&pair.server, ConnectionState::ClosedByPeer);
    assert_eq!(closed.info.user_data, 1, "that is what it was then");
    assert_eq!(pair.accepted.info().unwrap().user_data, 2);
    pair.accepted
        .close(EndReason::APP_GENERIC, "", false)
        .unwrap();
    assert_eq!(pair.accepted.user_data(), Err(NoSuchConnection));
    assert_eq!(pair.accepted.set_user_data(3), Err(NoSuchConnection));
}

#[test]
fn names_are_cut_between_characters_and_shown() {
    let sockets = manual();
    let (one, other) = pipe(&sockets);
    assert_eq!(one.name().unwrap(), "");
    one.set_name(&"n".repeat(40)).unwrap();
    assert_eq!(one.name().unwrap(), "n".repeat(31));
    one.set_name(&"ä".repeat(20)).unwrap();
    assert_eq!(one.name().unwrap(), "ä".repeat(15));
    let description = one.info().unwrap().description;
    assert!(description.ends_with(&format!(" pipe '{}'", "ä".repeat(15))));
    one.set_name("").unwrap();
    assert!(one.info().unwrap().description.ends_with(" pipe"));
    other.close(EndReason::APP_GENERIC, "", false).unwrap();
    assert_eq!(other.set_name("x"), Err(NoSuchConnection));
    assert_eq!(other.name(), Err(NoSuchConnection));
    assert!(other.info().is_err());
}

#[test]
fn info_tells_security_and_place_from_the_start() {
    let server = Sockets::new().unwrap();
    let client = Sockets::new().unwrap();
    let listener = listen(&server);
    let dialled = client.connect(listener.local_addr()).unwrap();
    let info = dialled.info().unwrap();
    assert_eq!(
        info.flags.bits(),
        11,
        "nothing is known yet, but it is near"
    );
    let (id, addr) = (dialled.id().get(), listener.local_addr());
    assert_eq!(info.description, format!("#{id} UDP invalid@{addr}"));
    let request = wait_state(&server, ConnectionState::Connecting);
    request.connection.accept().unwrap();
    wait_state(&client, ConnectionState::Connected);
    let info = dialled.info().unwrap();
    assert_eq!(info.flags.bits(), 9);
    assert_eq!(info.description, format!("#{id} UDP {addr}"));
    assert_eq!((info.remote_pop, info.pop_relay), (0, 0));
}

#[test]
fn a_listener_tells_its_address() {
    let sockets = Sockets::new().unwrap();
    let listener = sockets.listen("[::]:0".parse().unwrap()).unwrap();
    assert!(listener.local_addr().ip().is_unspecified());
    assert_ne!(listener.local_addr().port(), 0);
    let local = listen(&sockets);
    assert_eq!(local.local_addr().ip().to_string(), "127.0.0.1");
}

/// They end up in logs, and were a picture of all that the interface holds.
#[test]
fn regression_handles_show_what_they_stand_for_and_nothing_else() {
    let sockets = manual();
    let listener = listen(&sockets);
    let peers = sockets.listen_p2p(7).unwrap();
    let shown = [
        format!("{listener:?}"),
        format!("{peers:?}"),
        format!("{sockets:?}"),
    ];
    for (text, part) in shown.iter().zip(["127.0.0.1:", "VirtualPort(7)", "Manual"]) {
        assert!(text.contains(part) && text.len() < 200, "{text}");
    }
    #[cfg(unix)]
    {
        let handle = format!("{:?}", sockets.wait_handle().unwrap());
        assert_eq!(handle, "WaitHandle { mode: Manual, .. }");
    }
}

#[test]
fn a_batch_tells_of_each_message_and_gives_back_what_failed() {
    let sockets = manual();
    let (one, other) = pipe(&sockets);
    let (stale, _) = pipe(&sockets);
    stale.close(EndReason::APP_GENERIC, "", false).unwrap();
    let lane = LaneIndex::new(9);
    let batch = || {
        let message = |to: &Connection, text| BatchMessage::new(to, text, SendFlags::RELIABLE);
        vec![
            message(&one, "a"),
            message(&stale, "b"),
            BatchMessage::new(&one, "c", SendOptions::reliable().lane(lane)),
            message(&other, "d"),
            message(&one, "e"),
            message(&stale, "f"),
        ]
    };
    let outcomes = |on_failure| {
        let results = sockets.send_batch(batch(), on_failure);
        let told = results.into_iter().map(|result| match result {
            Ok(number) => Ok(number.get()),
            Err(unsent) => {
                assert!(!unsent.message.data.is_empty());
                Err(unsent.reason)
            }
        });
        told.collect::<Vec<_>>()
    };
    let no_lane = UnsentReason::Failed(SendError::NoSuchLane { lane, lanes: 1 });
    let gone = UnsentReason::Failed(SendError::NoSuchConnection(NoSuchConnection));
    let skipped = UnsentReason::NotAttempted;
    let expected = [
        Ok(1),
        Err(gone),
        Err(no_lane),
        Ok(1),
        Err(skipped),
        Err(skipped),
    ];
    assert_eq!(outcomes(OnFailure::Stop), expected);
    let expected = [Ok(2), Err(gone), Err(no_lane), Ok(2), Ok(3), Err(gone)];
    assert_eq!(outcomes(OnFailure::Continue), expected);
    let mut read = Vec::new();
    other.receive_batch(&mut read, 10).unwrap();
    let texts: Vec<_> = read.iter().map(|message| &message[..]).collect();
    assert_eq!(texts, [b"a", b"a", b"e"]);
    assert!(sockets.send_batch(Vec::new(), OnFailure::Stop).is_empty());
}

#[test]
fn a_refused_message_of_a_batch_is_given_back_to_be_sent_later() {
    let sockets = manual();
    let mut config = Config::new();
    config.set_recv_buffer_messages(2).unwrap();
    config.set_send_buffer(4096).unwrap();
    let pair = sockets.socket_pair_with(PairKind::Pipe, None, None, config);
    let (one, other) = pair.unwrap();
    let mut waiting: Vec<_> = (0_u8..20)
        .map(|i| BatchMessage::new(&one, vec![i; 1000], SendFlags::RELIABLE))
        .collect();
    let mut seen = Vec::new();
    while seen.len() < 20 {
        let results = sockets.send_batch(std::mem::take(&mut waiting), OnFailure::Stop);
        let failed = results.into_iter().filter_map(Result::err);
        waiting.extend(failed.map(|unsent| unsent.message));
        let message = other.receive().unwrap().unwrap();
        seen.push(message[0]);
    }
    assert_eq!(seen, (0..20).collect::<Vec<_>>(), "nothing lost, in order");
}

#[test]
fn the_messages_of_a_batch_share_packets() {
    let pair = Pair::new();
    let sent = || {
        let text = pair.dialled.detailed_status().unwrap();
        let line = text.lines().find(|line| line.contains("KiB")).unwrap();
        let packets = line.split_whitespace().nth(1).unwrap();
        packets.parse::<u64>().unwrap()
    };
    let before = sent();
    let message = |_| BatchMessage::new(&pair.dialled, "tiny", SendFlags::RELIABLE_NO_NAGLE);
    let batch = (0..50).map(message).collect();
    let results = pair.client.send_batch(batch, OnFailure::Stop);
    assert!(results.iter().all(Result::is_ok));
    for number in 1..=50 {
        let message = wait_message(&pair.server, &pair.accepted);
        assert_eq!(message.number().get(), number);
    }
    assert!(sent() - before < 10, "{} packets", sent() - before);
}

#[test]
fn callbacks_are_handed_every_event_and_may_use_the_interface() {
    let server = Sockets::new().unwrap();
    let client = Sockets::new().unwrap();
    let listener = listen(&server);
    let dialled = client.connect(listener.local_addr()).unwrap();
    let mut states = Vec::new();
    wait_until(|| {
        server.run_callbacks(|event| {
            if let Event::ConnectionChanged(change) = event {
                states.push((change.old, change.new));
                if change.is_request() {
                    change.connection.accept().unwrap();
                }
            }
        });
        dialled.state() == ConnectionState::Connected
    });
    while server.run_callbacks(|event| {
        if let Event::ConnectionChanged(change) = event {
            states.push((change.old, change.new));
        }
    }) > 0
    {}
    let (none, connecting) = (ConnectionState::None, ConnectionState::Connecting);
    let connected = ConnectionState::Connected;
    assert_eq!(states, [(none, connecting), (connecting, connected)]);
}

#[test]
fn what_a_callback_causes_is_for_the_next_call() {
    let sockets = manual();
    let (one, other) = pipe(&sockets);
    let (third, _) = pipe(&sockets);
    one.close(EndReason::APP_GENERIC, "", false).unwrap();
    let mut ends = [other, third].into_iter();
    let closing = |_| {
        if let Some(end) = ends.next() {
            end.close(EndReason::APP_GENERIC, "", false).unwrap();
        }
    };
    assert_eq!(sockets.run_callbacks(closing), 2);
    assert_eq!(sockets.run_callbacks(|_| {}), 3);
    assert_eq!(sockets.run_callbacks(|_| {}), 0);
}

#[test]
fn the_detailed_status_has_all_its_parts() {
    let pair = Pair::new();
    pair.dialled
        .send(b"x", SendFlags::RELIABLE_NO_NAGLE)
        .unwrap();
    wait_message(&pair.server, &pair.accepted);
    let text = pair.dialled.detailed_status().unwrap();
    for part in [
        "End-to-end connection: connected",
        "Current rates:",
        "Ping:",
        "Quality:",
        "Bytes buffered: ",
        "Lane 0: ",
        "Lifetime stats:",
        "Totals",
        "OutOfOrder",
        "Ping histogram",
        "Connection quality histogram not available",
        "Latency variance histogram",
        "No rate stats received from remote host",
        "Dropped here: 0",
    ] {
        assert!(text.contains(part), "{part:?} is missing:\n{text}");
    }
    pair.accepted
        .close(EndReason::from_app(1500), "bye", false)
        .unwrap();
    wait_state(&pair.client, ConnectionState::ClosedByPeer);
    let text = pair.dialled.detailed_status().unwrap();
    let first = "End-to-end connection: closed by remote host, reason code 1500.  (bye)";
    assert_eq!(text.lines().next(), Some(first));
    pair.dialled
        .close(EndReason::APP_GENERIC, "", false)
        .unwrap();
    assert_eq!(pair.dialled.detailed_status(), Err(NoSuchConnection));
}

#[test]
fn now_starts_beyond_30_days_and_never_goes_back() {
    let sockets = manual();
    let mut last = sockets.now();
    assert!(last.as_micros() >= 24 * 3600 * 30 * 1_000_000);
    for _ in 0..10_000 {
        let now = sockets.now();
        assert!(now >= last);
        last = now;
    }
    let other = manual();
    assert!(other.now() >= last, "all interfaces have the same clock");
}

#[test]
fn no_delay_drops_what_would_wait_for_more_than_200_ms() {
    let mut config = Config::new();
    config.set_send_rate(Some(100_000), Some(100_000)).unwrap();
    let server = Sockets::new().unwrap();
    let client = Sockets::builder().config(config).build().unwrap();
    let listener = listen(&server);
    let (accepted, dialled) = connect(&server, &client, listener.local_addr());
    dialled
        .send(&[1; 10_000], SendFlags::RELIABLE_NO_NAGLE)
        .unwrap();
    let soon = dialled.send(b"soon", SendFlags::UNRELIABLE_NO_DELAY);
    assert!(soon.is_ok(), "100 ms are fine: {soon:?}");
    dialled
        .send(&[2; 40_000], SendFlags::RELIABLE_NO_NAGLE)
        .unwrap();
    let late = dialled.send(b"late", SendFlags::UNRELIABLE_NO_DELAY);
    assert_eq!(late, Err(SendError::NotNow));
    let reliable = SendFlags::RELIABLE | SendFlags::NO_DELAY;
    let number = dialled.send(b"must", reliable).unwrap();
    assert_eq!(
        number.get(),
        4,
        "reliable ones are never dropped, refused ones not numbered"
    );
    let began = Instant::now();
    let mut texts = Vec::new();
    while texts.last().is_none_or(|text| text != b"must") {
        let message = wait_message(&server, &accepted);
        texts.push(message[..message.len().min(4)].to_vec());
    }
    assert!(
        began.elapsed() > Duration::from_millis(200),
        "the queue was long"
    );
    assert!(texts.iter().any(|text| text == b"soon"));
    assert!(!texts.iter().any(|text| text == b"late"));
}

#[test]
fn messages_of_one_connection_go_together_and_their_reader_knows_the_peer() {
    let sockets = Sockets::new().unwrap();
    let guest = Identity::str("guest").unwrap();
    let (host, reader) = sockets
        .socket_pair(PairKind::Loopback, None, Some(guest.clone()))
        .unwrap();
    let unknown = SendOptions::reliable().lane(LaneIndex::new(7));
    let messages = [
        ("one", SendOptions::reliable()),
        ("two", unknown),
        ("three", SendOptions::reliable()),
    ];
    let send = |on_failure| {
        let mut rest = messages.iter();
        let next = || {
            rest.next()
                .map(|(text, options)| (text.as_bytes().into(), *options))
        };
        let mut results = Vec::new();
        let sent = host.send_each(on_failure, next, |result| results.push(result));
        sent.map(|()| results)
    };
    let results = send(OnFailure::Stop).unwrap();
    assert_eq!(results.len(), 2, "nothing is asked for behind the failure");
    assert_eq!(results[0].as_ref().unwrap().get(), 1);
    assert!(matches!(results[1], Err(SendError::NoSuchLane { .. })));
    let results = send(OnFailure::Continue).unwrap();
    assert!(results[0].is_ok() && results[1].is_err() && results[2].is_ok());
    host.flush().unwrap();

    let mut received = Vec::new();
    while received.len() < 3 {
        sockets.wait(Duration::from_millis(10));
        reader.receive_batch(&mut received, 10).unwrap();
    }
    assert_eq!(received[0].connection().peer(), Some(&guest));
    let places: Vec<_> = received.iter().map(|message| message.as_ptr()).collect();
    let bytes: Vec<_> = received
        .into_iter()
        .map(Message::into_shared_bytes)
        .collect();
    let shared: Vec<_> = bytes.iter().map(|bytes| bytes.as_ptr()).collect();
    assert_eq!(shared, places, "nothing is copied");
    assert_eq!(bytes, ["one", "one", "three"]);
    host.close(EndReason::APP_GENERIC, "", false).unwrap();
    assert_eq!(send(OnFailure::Stop), Err(NoSuchConnection));
}

#[test]
fn messages_are_asked_for_one_by_one_until_one_is_refused() {
    let sockets = manual();
    let (one, other) = pipe(&sockets);
    let unknown = SendOptions::reliable().lane(LaneIndex::new(7));
    let list = [SendOptions::reliable(), unknown, SendOptions::reliable()];
    let told = |on_failure| {
        let mut left = list.iter();
        let next = || left.next().map(|options| (Payload::from(b"x"), *options));
        let mut told = Vec::new();
        let sent = one.send_each(on_failure, next, |sent| told.push(sent.is_ok()));
        (sent, told, left.len())
    };
    assert_eq!(told(OnFailure::Stop), (Ok(()), vec![true, false], 1));
    assert_eq!(
        told(OnFailure::Continue),
        (Ok(()), vec![true, false, true], 0)
    );
    let mut read = Vec::new();
    assert_eq!(other.receive_batch(&mut read, 10), Ok(3));
    one.close(EndReason::APP_GENERIC, "", false).unwrap();
    assert_eq!(
        told(OnFailure::Stop),
        (Err(NoSuchConnection), Vec::new(), 3)
    );
}
