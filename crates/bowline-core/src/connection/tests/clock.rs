//! Class 40: clocks that wrap, that are near their end, and that go back.

use super::*;

/// Where counters of ticks wrap, in microseconds: milliseconds of 31 and 32 bits (24.8 and 49.7 days),
/// microseconds of 32 and 48 bits, the time in cookies (16 bits of 1.05 s), and 53 bits of a `double`.
const WRAPS_US: [u64; 6] = [
    (1 << 31) * 1_000,
    (1 << 32) * 1_000,
    1 << 32,
    1 << 48,
    1 << 36,
    1 << 53,
];

/// Both ends send for a while, and find what they measure to be what it is.
fn talk(pair: &mut Pair, (client, server): (ConnectionId, ConnectionId)) {
    for n in 0..40u8 {
        let now = pair.now;
        let flags = SendFlags::RELIABLE_NO_NAGLE;
        pair.client.send(now, client, 0, &[n; 2_000], flags);
        pair.server.send(now, server, 0, &[n; 2_000], flags);
        pair.run(Span::from_millis(50));
    }
    let now = pair.now;
    for (side, id) in [(&mut pair.client, client), (&mut pair.server, server)] {
        let received = side.received(now, id);
        assert_eq!(received.len(), 40);
        let status = side.connections[&id].status(now);
        assert_eq!(status.state, ConnectionState::Connected);
        let ping = status.ping_ms.unwrap();
        assert!((19..=40).contains(&ping), "{ping} ms");
        assert!(received.iter().all(|message| message.received_at() <= now));
    }
}

#[test]
fn class_40_connections_are_made_and_live_across_every_wrap_of_ticks() {
    for wrap in WRAPS_US {
        // The wrap comes at each step of the handshake in turn, and then in the midst of traffic.
        for before_ms in [5, 15, 25, 35, 45, 1_000] {
            let start = Timestamp::from_micros(wrap) - Span::from_millis(before_ms);
            let mut pair = Pair::starting_at(start, Config::new());
            let ids = pair.connect(Config::new());
            talk(&mut pair, ids);
            assert!(pair.now.as_micros() > wrap);
        }
    }
}

#[test]
fn class_40_an_idle_connection_outlives_a_wrap() {
    for wrap in WRAPS_US {
        let start = Timestamp::from_micros(wrap) - Span::from_secs(60);
        let mut pair = Pair::starting_at(start, Config::new());
        let ids = pair.connect(Config::new());
        pair.run(Span::from_secs(120));
        talk(&mut pair, ids);
    }
}

#[test]
fn class_40_there_is_no_trouble_an_hour_before_the_end_of_time() {
    let start = Timestamp::NEVER - Span::from_secs(3_600);
    let mut pair = Pair::starting_at(start, Config::new());
    let ids = pair.connect(Config::new());
    talk(&mut pair, ids);
    let (client, server) = ids;
    let now = pair.now;
    let connection = pair.client.connections.get_mut(&client).unwrap();
    connection.close(now, EndReason::new(1001), "", false);
    pair.run(Span::from_secs(10));
    assert_eq!(pair.server.state(server), ConnectionState::ClosedByPeer);
    assert_eq!(pair.client.state(client), ConnectionState::None);
}

#[test]
fn class_40_inputs_from_the_past_happen_now() {
    let (mut pair, client, server) = Pair::connected();
    talk(&mut pair, (client, server));
    let latest = pair.now;
    for back in [
        Span::from_micros(1),
        Span::from_secs(5),
        Span::from_secs(1 << 30),
    ] {
        let past = latest - back;
        let flags = SendFlags::RELIABLE_NO_NAGLE;
        let connection = pair.client.connections.get_mut(&client).unwrap();
        let message = Outgoing::new(LaneIndex::ZERO, flags, Payload::Borrowed(b"late"));
        connection.send(past, message).unwrap();
        connection.handle_timeout(past);
        let mut buf = TransmitBuf::new(10);
        while connection.poll_transmit(past, &mut buf).is_some() {
            buf.clear();
        }
        // Nothing is due in the past, where it would be asked for again and again.
        assert!(connection.poll_timeout().is_some_and(|(at, _)| at > latest));
        let status = connection.status(past);
        assert!(status.ping_ms.is_some_and(|ms| ms <= 40));
    }
    pair.run(Span::from_secs(5));
    // The packets above were thrown away: they came again.
    let received = pair.server.received(pair.now, server);
    assert_eq!(received.len(), 3);
    talk(&mut pair, (client, server));
}

#[test]
fn class_40_a_clock_that_stepped_back_catches_up_and_nothing_is_lost() {
    for back in [Span::from_millis(3), Span::from_secs(1), Span::from_secs(8)] {
        let (mut pair, client, server) = Pair::connected();
        talk(&mut pair, (client, server));
        pair.client_sends(client, b"before", SendFlags::RELIABLE_NO_NAGLE);
        pair.now = pair.now - back;
        pair.client_sends(client, b"after", SendFlags::RELIABLE_NO_NAGLE);
        pair.run(back + Span::from_secs(1));
        assert_eq!(pair.server.received(pair.now, server).len(), 2, "{back:?}");
        talk(&mut pair, (client, server));
        // A handshake over the step, cookie and all.
        let dialled = pair.dial(Config::new());
        pair.run(Span::from_millis(25));
        pair.now = pair.now - back;
        pair.run(back + Span::from_secs(3));
        assert_eq!(
            pair.client.state(dialled),
            ConnectionState::Connected,
            "{back:?}"
        );
    }
}
