//! What a hostile peer, a hostile network or a careless application must not achieve.

use super::*;
use crate::transmit::DatagramMeta;

/// Everything that a connection has to send now.
fn sent(connection: &mut Connection, now: Timestamp) -> Vec<Vec<u8>> {
    let mut buf = TransmitBuf::new(10);
    let mut out = Vec::new();
    while let Some(transmit) = connection.poll_transmit(now, &mut buf) {
        out.extend(buf.datagrams(&transmit).map(<[u8]>::to_vec));
        buf.clear();
    }
    out
}

fn small_queue() -> (Pair, ConnectionId, ConnectionId) {
    let mut config = Config::new();
    config.set_recv_buffer_messages(2).unwrap();
    let mut pair = Pair::with(config);
    let (client, server) = pair.connect(Config::new());
    (pair, client, server)
}

#[test]
fn a_refused_packet_cannot_be_played_again() {
    let (mut pair, client, server) = small_queue();
    let now = pair.now;
    // Three unreliable messages; the queue takes two, so the packet is not acknowledged.
    let frames = [0x30, 1, 0, 0, 0, 1, b'a', 0x20, 1, b'b', 0x27, b'c'];
    let connection = pair.client.connections.get_mut(&client).unwrap();
    let packet = connection.seal_for_test(&frames);
    let connection = pair.server.connections.get_mut(&server).unwrap();
    let meta = DatagramMeta::default();
    connection.handle_datagram(now, &meta, &mut packet.clone());
    assert_eq!(pair.server.received(now, server).len(), 2);
    let connection = pair.server.connections.get_mut(&server).unwrap();
    connection.handle_datagram(now, &meta, &mut packet.clone());
    assert_eq!(connection.drops().of(DropReason::DuplicatePacket), 1);
    assert_eq!(pair.server.received(now, server).len(), 0);
}

#[test]
fn an_application_that_does_not_read_does_not_lose_the_connection() {
    let (mut pair, client, server) = small_queue();
    let now = pair.now;
    let frames = [0x37, 1, 0, 0, 0, b'a'];
    for _ in 0..limits::MAX_PACKET_NUMBER_JUMP + 10 {
        let connection = pair.client.connections.get_mut(&client).unwrap();
        let mut packet = connection.seal_for_test(&frames);
        let connection = pair.server.connections.get_mut(&server).unwrap();
        connection.handle_datagram(now, &DatagramMeta::default(), &mut packet);
    }
    assert_eq!(pair.server.state(server), ConnectionState::Connected);
}

#[test]
fn a_steady_unreliable_flow_is_never_held_up() {
    let (mut pair, client, server) = Pair::connected();
    for n in 0..120 {
        pair.client_sends(client, &[1; 1000], SendFlags::UNRELIABLE_NO_NAGLE);
        pair.run(Span::from_millis(16));
        let status = pair.client.connections[&client].status(pair.now);
        assert_eq!(status.pending_unreliable_bytes, 0, "message {n}");
    }
    pair.run(Span::from_millis(50));
    assert_eq!(pair.server.received(pair.now, server).len(), 120);
}

#[test]
fn probes_go_out_although_the_window_is_full() {
    let (mut pair, client, server) = Pair::connected();
    pair.run(Span::from_secs(1));
    pair.lose = Box::new(|_, _, _| true);
    pair.client_sends(client, &[5; 30_000], SendFlags::RELIABLE_NO_NAGLE);
    // The second probe is lost too, which shrinks the window below what is in flight.
    pair.run(Span::from_millis(200));
    pair.lose = Box::new(|_, _, _| false);
    pair.run(Span::from_millis(360));
    assert_eq!(pair.server.received(pair.now, server).len(), 1);
}

#[test]
fn limit_acks_are_not_repeated_while_a_gap_is_young() {
    let (mut pair, client, _) = Pair::connected();
    pair.run(Span::from_secs(1));
    let now = pair.now;
    let connection = pair.client.connections.get_mut(&client).unwrap();
    sent(connection, now);
    let acks = &mut connection.receiver.acks;
    for n in 10..60 {
        acks.on_received(now - Span::from_secs(1), PacketNumber::new(2 * n));
    }
    acks.on_received(now, PacketNumber::new(200));
    let message = Outgoing::new(
        LaneIndex::ZERO,
        SendFlags::UNRELIABLE_NO_NAGLE,
        Payload::Borrowed(&[0; 1200]),
    );
    connection.send(now, message).unwrap();
    let packets = sent(connection, now);
    assert!(packets.len() <= 2, "{} packets", packets.len());
    assert_eq!(connection.status(now).pending_unreliable_bytes, 0);
}

#[test]
fn limit_statistics_fit_the_smallest_packets() {
    let mut config = Config::new();
    config.set_mtu(limits::MIN_MTU).unwrap();
    let mut pair = Pair::with(config.clone());
    let (client, server) = pair.connect(config);
    let now = pair.now;
    let connection = pair.client.connections.get_mut(&client).unwrap();
    for ms in (0..400).cycle().take(40_000) {
        connection.telemetry.link.ping_sample(ms);
    }
    connection.telemetry.link.sent(now, 1_000_000, 1 << 40);
    for _ in 0..150 {
        pair.client_sends(client, &[1; 1500], SendFlags::RELIABLE);
        pair.run(Span::from_secs(1));
        pair.server.received(pair.now, server);
    }
    let longest = pair.log.iter().skip(4).map(|(_, bytes)| bytes.len()).max();
    let full = pair.client.connections[&client].path.full_packet();
    assert!(longest.unwrap() <= full, "{longest:?}");
    assert_eq!(pair.server.connections[&server].drops().total(), 0);
    let exchange = &pair.client.connections[&client].telemetry.exchange;
    assert_eq!(
        exchange.next_deadline().map(|at| at > pair.now),
        Some(true),
        "what does not fit is not tried for ever"
    );
}

#[test]
fn news_of_the_state_is_never_crowded_out() {
    let mut config = Config::new();
    config.set_send_buffer(4096).unwrap();
    let mut pair = Pair::new();
    let (client, _) = pair.connect(config);
    let mut now = pair.now;
    let connection = pair.client.connections.get_mut(&client).unwrap();
    while connection.poll_event().is_some() {}
    for _ in 0..100 {
        for _ in 0..2 {
            let _ = connection.send(
                now,
                Outgoing::new(
                    LaneIndex::ZERO,
                    SendFlags::UNRELIABLE_NO_NAGLE,
                    Payload::Borrowed(&[0; 4000]),
                ),
            );
        }
        now += Span::from_millis(1100);
        sent(connection, now);
    }
    connection.close(now, EndReason::new(1000), "", false);
    let events: Vec<Event> = core::iter::from_fn(|| connection.poll_event()).collect();
    assert!(events.contains(&Event::Writable));
    assert!(matches!(
        events.last(),
        Some(Event::StateChanged {
            new: ConnectionState::FinWait,
            ..
        })
    ));
}

#[test]
fn several_messages_may_go_at_once_or_never() {
    let (mut pair, client, server) = Pair::connected();
    pair.run(Span::from_secs(1));
    let now = pair.now;
    for _ in 0..3 {
        let flags = SendFlags::UNRELIABLE_NO_DELAY;
        pair.client.send(now, client, 0, &[1; 100], flags);
    }
    pair.run(Span::from_millis(50));
    assert_eq!(pair.server.received(pair.now, server).len(), 3);
}

#[test]
fn limit_answers_of_a_closed_connection() {
    let (mut pair, client, server) = Pair::connected();
    let now = pair.now;
    let connection = pair.client.connections.get_mut(&client).unwrap();
    let packets: Vec<_> = (0..50).map(|_| connection.seal_for_test(&[])).collect();
    let connection = pair.server.connections.get_mut(&server).unwrap();
    connection.close(now, EndReason::new(1000), "", false);
    let mut answers = sent(connection, now).len();
    for mut packet in packets {
        connection.handle_datagram(now, &DatagramMeta::default(), &mut packet);
        answers += sent(connection, now).len();
    }
    assert!((2..=3).contains(&answers), "{answers} answers");
}

#[test]
fn the_round_trip_that_a_client_tells_is_used() {
    let (pair, _, server) = Pair::connected();
    let rtt = pair.server.connections[&server].sender.smoothed_rtt();
    assert_eq!(rtt, Some(Span::from_millis(21)));
}

/// The server's side of a connection that lingers: its reliable data is not acknowledged.
fn lingering() -> (Pair, ConnectionId, ConnectionId) {
    let (mut pair, client, server) = Pair::connected();
    pair.lose = Box::new(|by_client, _, _| !by_client);
    let now = pair.now;
    pair.server
        .send(now, server, 0, &[1; 100], SendFlags::RELIABLE);
    let connection = pair.server.connections.get_mut(&server).unwrap();
    connection.close(now, EndReason::new(1000), "", true);
    assert_eq!(connection.state(), ConnectionState::Linger);
    (pair, client, server)
}

#[test]
fn short_numbers_far_ahead_do_not_break_a_linger() {
    let (mut pair, client, server) = lingering();
    // Stream position 2^24 and message 40,000, both in their shortest form: the lane has seen neither.
    for frames in [&[0x47, 0, 0, 0, b'r'][..], &[0x27, 0x40, 0x9C, b'u']] {
        let connection = pair.client.connections.get_mut(&client).unwrap();
        let mut packet = connection.seal_for_test(frames);
        let connection = pair.server.connections.get_mut(&server).unwrap();
        connection.handle_datagram(pair.now, &DatagramMeta::default(), &mut packet);
        assert_eq!(connection.state(), ConnectionState::Linger, "{frames:?}");
    }
}

#[test]
fn limit_linger_with_a_peer_that_lives_and_acknowledges_nothing() {
    let (mut pair, client, server) = lingering();
    pair.lose = Box::new(|_, _, _| true);
    for second in 0..60 {
        assert_eq!(
            pair.server.state(server),
            ConnectionState::Linger,
            "after {second} s"
        );
        let connection = pair.client.connections.get_mut(&client).unwrap();
        let mut packet = connection.seal_for_test(&[]);
        let connection = pair.server.connections.get_mut(&server).unwrap();
        connection.handle_datagram(pair.now, &DatagramMeta::default(), &mut packet);
        pair.run(Span::from_secs(1));
    }
    assert_eq!(pair.server.state(server), ConnectionState::FinWait);
}

#[test]
fn limit_unreliable_messages_lost_in_a_row() {
    let (mut pair, client, server) = Pair::connected();
    pair.lose = Box::new(|by_client, _, _| by_client);
    for _ in 0..120 {
        for _ in 0..100 {
            pair.client_sends(client, &[1], SendFlags::UNRELIABLE);
        }
        pair.run(Span::from_millis(60));
    }
    pair.lose = Box::new(|_, _, _| false);
    pair.client_sends(client, b"at last", SendFlags::RELIABLE);
    pair.run(Span::from_secs(5));
    assert_eq!(pair.server.state(server), ConnectionState::Connected);
    let got = pair.server.received(pair.now, server);
    assert!(got.iter().any(|message| **message == *b"at last"));
    let reliable = got.iter().filter(|message| message.is_reliable());
    assert_eq!(reliable.count(), 2, "one of the run, and the last");
}
