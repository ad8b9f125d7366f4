mod adverse;
mod clock;
mod delivery;
mod extensions;
mod lanes;
mod order;
mod runs;
mod windows;

use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;

use super::*;
use crate::config::LaneConfig;
use crate::counters::DropReason;
use crate::end_reason::EndReason;
use crate::error::SendError;
use crate::event::TimerKind;
use crate::ids::LaneIndex;
use crate::message::Outgoing;
use crate::message::Payload;
use crate::message::SendFlags;
use crate::pair::Pair;
use crate::time::Span;
use crate::transmit::TransmitBuf;

#[test]
fn the_handshake_takes_two_round_trips_and_names_the_peers() {
    let (pair, client, server) = Pair::connected();
    let lens: Vec<usize> = pair
        .log
        .iter()
        .take(4)
        .map(|(_, bytes)| bytes.len())
        .collect();
    assert_eq!(lens[0], 512);
    assert!(lens[1] < 40 && lens[2] < 260 && lens[3] < 260, "{lens:?}");
    let info = pair.client.connections[&client].info();
    assert_eq!(info.identity.unwrap().to_string(), "ip:127.0.0.1:2000");
    assert!(info.encrypted && !info.authenticated);
    let info = pair.server.connections[&server].info();
    assert_eq!(info.identity.unwrap().to_string(), "ip:127.0.0.1:1000");
    assert_eq!(
        pair.client.connections[&client].status(pair.now).ping_ms,
        Some(20)
    );
}

#[test]
fn messages_of_both_kinds_arrive() {
    let (mut pair, client, server) = Pair::connected();
    let large = vec![7; 100_000];
    pair.client_sends(client, b"one", SendFlags::RELIABLE);
    pair.client_sends(client, b"two", SendFlags::UNRELIABLE_NO_NAGLE);
    pair.client_sends(client, &large, SendFlags::RELIABLE);
    pair.client_sends(client, &[9; 5000], SendFlags::UNRELIABLE);
    pair.run(Span::from_secs(3));
    let got = pair.server.received(pair.now, server);
    assert_eq!(got.len(), 4);
    assert!(got.iter().any(|m| **m == *b"one" && m.number().get() == 1));
    assert!(got.iter().any(|m| **m == *b"two" && !m.is_reliable()));
    assert!(got.iter().any(|m| **m == large[..]));
    assert!(got.iter().any(|m| **m == [9; 5000]));
    let status = pair.client.connections[&client].status(pair.now);
    assert_eq!(
        status.pending_reliable_bytes + status.unacked_reliable_bytes,
        0
    );
}

#[test]
fn nagle_gathers_small_messages_and_flush_sends_them() {
    let (mut pair, client, _) = Pair::connected();
    pair.run(Span::from_secs(1));
    let before = pair.log.len();
    pair.client_sends(client, b"a", SendFlags::RELIABLE);
    pair.client_sends(client, b"b", SendFlags::RELIABLE);
    assert_eq!(pair.log.len(), before, "both wait");
    let (at, kind) = pair.client.connections[&client].poll_timeout().unwrap();
    assert_eq!(
        (at.since(pair.now), kind),
        (Span::from_millis(5), TimerKind::Nagle)
    );
    let now = pair.now;
    let connection = pair.client.connections.get_mut(&client).unwrap();
    connection.flush(now).unwrap();
    pair.drain();
    assert_eq!(pair.log.len(), before + 1, "one packet for both");
}

#[test]
fn a_full_packet_has_gns_size_and_runs_are_equal() {
    let (mut pair, client, _) = Pair::connected();
    let now = pair.now;
    pair.client
        .send(now, client, 0, &[1; 10_000], SendFlags::RELIABLE);
    let connection = pair.client.connections.get_mut(&client).unwrap();
    let mut buf = TransmitBuf::new(20);
    let transmit = connection.poll_transmit(now, &mut buf).unwrap();
    assert_eq!(transmit.segment_size, 1255);
    assert!(transmit.datagrams() >= 2);
}

#[test]
fn lost_packets_are_repaired_within_about_a_round_trip() {
    let (mut pair, client, server) = Pair::connected();
    pair.run(Span::from_secs(1));
    pair.lose =
        Box::new(|by_client, bytes, count| by_client && bytes.len() > 1000 && count % 7 == 3);
    pair.client_sends(client, &vec![5; 12_000], SendFlags::RELIABLE_NO_NAGLE);
    // One way 10 ms, back 10 ms and at most 3 ms of hold, again 10 ms.
    pair.run(Span::from_millis(60));
    let got = pair.server.received(pair.now, server);
    assert_eq!(got.len(), 1);
    assert!(pair.server.connections[&server].drops().total() == 0);
}

#[test]
fn a_lost_tail_is_repaired_by_the_timer() {
    let (mut pair, client, server) = Pair::connected();
    pair.run(Span::from_secs(1));
    let sent = pair.log.iter().filter(|(by_client, _)| *by_client).count();
    pair.lose = Box::new(move |by_client, _, count| by_client && count == sent);
    pair.client_sends(client, &[5; 1100], SendFlags::RELIABLE_NO_NAGLE);
    pair.run(Span::from_millis(200));
    assert_eq!(pair.server.received(pair.now, server).len(), 1);
}

#[test]
fn every_packet_of_the_handshake_may_be_lost() {
    for lost in 0..4 {
        let mut pair = Pair::new();
        let rules: [fn(bool, &[u8], usize) -> bool; 4] = [
            |by_client, _, count| by_client && count == 0,
            |by_client, _, count| !by_client && count == 0,
            |by_client, _, count| by_client && count == 1,
            |by_client, _, count| !by_client && count == 1,
        ];
        pair.lose = Box::new(rules[lost]);
        let client = pair.dial(Config::new());
        pair.run(Span::from_millis(700));
        assert_eq!(
            pair.client.state(client),
            ConnectionState::Connected,
            "packet {lost}"
        );
    }
}

#[test]
fn close_reaches_the_peer_with_reason_and_text() {
    let (mut pair, client, server) = Pair::connected();
    let now = pair.now;
    let connection = pair.client.connections.get_mut(&client).unwrap();
    connection.close(now, EndReason::new(1234), "good bye", false);
    pair.run(Span::from_millis(50));
    let info = pair.server.connections[&server].info();
    assert_eq!(info.state, ConnectionState::ClosedByPeer);
    assert_eq!(
        (info.end_reason.code(), &info.end_text[..]),
        (1234, "good bye")
    );
    pair.run(Span::from_secs(6));
    assert!(
        pair.client.connections.is_empty(),
        "forgotten after FinWait"
    );
    assert_eq!(pair.client.endpoint.connections(), 0);
}

#[test]
fn linger_delivers_before_it_closes() {
    let (mut pair, client, server) = Pair::connected();
    pair.client_sends(client, &vec![3; 200_000], SendFlags::RELIABLE);
    let now = pair.now;
    let connection = pair.client.connections.get_mut(&client).unwrap();
    connection.close(now, EndReason::new(1001), "", true);
    assert_eq!(connection.state(), ConnectionState::Linger);
    pair.run(Span::from_secs(4));
    assert_eq!(pair.server.state(server), ConnectionState::ClosedByPeer);
    assert_eq!(pair.server.received(pair.now, server).len(), 1);
}

#[test]
fn a_silent_peer_is_lost_and_an_idle_one_is_kept() {
    let (mut pair, client, server) = Pair::connected();
    pair.run(Span::from_secs(60));
    assert_eq!(pair.client.state(client), ConnectionState::Connected);
    assert_eq!(pair.server.state(server), ConnectionState::Connected);
    pair.lose = Box::new(|_, _, _| true);
    pair.run(Span::from_secs(25));
    let info = pair.client.connections[&client].info();
    assert_eq!(info.end_reason, EndReason::MISC_TIMEOUT);
    assert_eq!(info.state, ConnectionState::ProblemDetectedLocally);
}

#[test]
fn idle_connections_send_little() {
    let (mut pair, _, _) = Pair::connected();
    pair.run(Span::from_secs(5));
    let before = pair.log.len();
    pair.run(Span::from_secs(60));
    let sent = pair.log.len() - before;
    assert!(sent <= 26, "{sent} packets in a minute");
}

#[test]
fn nobody_answers() {
    let mut pair = Pair::new();
    pair.lose = Box::new(|_, _, _| true);
    let client = pair.dial(Config::new());
    pair.run(Span::from_secs(11));
    let info = pair.client.connections[&client].info();
    assert_eq!(info.end_reason, EndReason::MISC_TIMEOUT);
    let attempts = pair
        .log
        .iter()
        .filter(|(_, bytes)| bytes[0] == 0x20)
        .count();
    assert_eq!(attempts, 20);
}

#[test]
fn an_undecided_connection_times_out() {
    let mut pair = Pair::new();
    pair.server.accepts = false;
    let client = pair.dial(Config::new());
    pair.run(Span::from_secs(11));
    assert_ne!(pair.client.state(client), ConnectionState::Connected);
    let (_, server) = pair.server.connections.first_key_value().unwrap();
    assert_eq!(server.info().end_reason, EndReason::MISC_TIMEOUT);
}

#[test]
fn sends_are_refused_with_the_reason() {
    let (mut pair, client, _) = Pair::connected();
    let now = pair.now;
    let connection = pair.client.connections.get_mut(&client).unwrap();
    let mut send = |lane: u8, len: usize| {
        let payload = vec![0; len];
        connection.send(
            now,
            Outgoing::new(
                LaneIndex::new(lane),
                SendFlags::RELIABLE,
                Payload::Borrowed(&payload),
            ),
        )
    };
    let max = 512 * 1024;
    assert_eq!(
        send(0, max + 1),
        Err(SendError::TooLarge { len: max + 1, max })
    );
    let lane = LaneIndex::new(1);
    assert_eq!(send(1, 1), Err(SendError::NoSuchLane { lane, lanes: 1 }));
    assert!(send(0, max).is_ok());
    let full = send(0, 10).unwrap_err();
    assert!(matches!(
        full,
        SendError::BufferFull {
            limit_bytes: 524_288,
            wait: Some(_),
            ..
        }
    ));
    connection.close(now, EndReason::new(0), "", false);
    assert!(matches!(
        connection.flush(now),
        Err(SendError::WrongState(ConnectionState::FinWait))
    ));
}

#[test]
fn lanes_keep_their_order_and_share() {
    let (mut pair, client, server) = Pair::connected();
    let now = pair.now;
    let connection = pair.client.connections.get_mut(&client).unwrap();
    let lanes = [
        LaneConfig::new(1, 1),
        LaneConfig::new(0, 1),
        LaneConfig::new(0, 3),
    ];
    connection.configure_lanes(now, &lanes).unwrap();
    for n in 0..30u8 {
        for lane in 0..3 {
            pair.client
                .send(now, client, lane, &[n; 1000], SendFlags::RELIABLE);
        }
    }
    pair.run(Span::from_secs(2));
    let got = pair.server.received(pair.now, server);
    assert_eq!(got.len(), 90);
    for lane in 0..3 {
        let order: Vec<u8> = got
            .iter()
            .filter(|m| m.lane().get() == lane)
            .map(|m| m[0])
            .collect();
        assert_eq!(order, (0..30).collect::<Vec<u8>>());
    }
    let first_of_lane_0 = got.iter().position(|m| m.lane().get() == 0).unwrap();
    assert!(
        first_of_lane_0 >= 57,
        "the worse priority comes last: {first_of_lane_0}"
    );
}

#[test]
fn limit_queue_of_an_application_that_never_reads() {
    let mut config = Config::new();
    config.set_recv_buffer_messages(10).unwrap();
    let mut pair = Pair::with(config);
    let (client, server) = pair.connect(Config::new());
    for n in 0..50u8 {
        pair.client_sends(client, &[n; 100], SendFlags::RELIABLE);
    }
    pair.run(Span::from_secs(5));
    assert_eq!(pair.server.connections[&server].queued_messages(), 10);
    let mut seen = Vec::new();
    for _ in 0..100 {
        seen.extend(pair.server.received(pair.now, server).iter().map(|m| m[0]));
        pair.run(Span::from_millis(100));
    }
    assert_eq!(seen, (0..50).collect::<Vec<u8>>());
}

#[test]
fn limit_peer_that_never_acknowledges() {
    let (mut pair, client, _) = Pair::connected();
    pair.lose = Box::new(|by_client, _, _| !by_client);
    for _ in 0..200 {
        let now = pair.now;
        let connection = pair.client.connections.get_mut(&client).unwrap();
        let _ = connection.send(
            now,
            Outgoing::new(
                LaneIndex::ZERO,
                SendFlags::UNRELIABLE,
                Payload::Borrowed(&[0; 1000]),
            ),
        );
        pair.run(Span::from_millis(20));
    }
    let connection = &pair.client.connections[&client];
    assert!(connection.status(pair.now).pending_unreliable_bytes <= 512 * 1024);
}

impl Connection {
    /// A packet with this plaintext, whatever it says. Its number is used up.
    pub(crate) fn seal_for_test(&mut self, plaintext: &[u8]) -> Vec<u8> {
        let number = self.sender.next_number();
        let mut packet = Vec::new();
        let to = self.peer.id.unwrap();
        crate::wire::data_header::write(&mut packet, to, number.to_wire(), None, None);
        let body = packet.len();
        packet.extend_from_slice(plaintext);
        let keys = self.keys.as_ref().unwrap();
        keys.send.seal(number, &mut packet, body);
        self.sender.on_packet_sent(self.now, packet.len(), 0, false);
        packet
    }
}

#[test]
fn a_broken_frame_ends_the_connection() {
    let (mut pair, client, server) = Pair::connected();
    let connection = pair.client.connections.get_mut(&client).unwrap();
    let mut packet = connection.seal_for_test(&[0x60]);
    let now = pair.now;
    let server = pair.server.connections.get_mut(&server).unwrap();
    server.handle_datagram(now, &crate::transmit::DatagramMeta::default(), &mut packet);
    assert_eq!(server.info().end_reason, EndReason::MISC_INTERNAL_ERROR);
    assert_eq!(server.drops().of(DropReason::BrokenFrame), 1);
}

#[test]
fn a_replayed_packet_changes_nothing() {
    let (mut pair, client, server) = Pair::connected();
    pair.client_sends(client, b"once", SendFlags::RELIABLE_NO_NAGLE);
    let mut packet = pair.log.last().unwrap().1.clone();
    pair.run(Span::from_millis(100));
    let now = pair.now;
    let connection = pair.server.connections.get_mut(&server).unwrap();
    connection.handle_datagram(now, &crate::transmit::DatagramMeta::default(), &mut packet);
    assert_eq!(connection.drops().of(DropReason::DuplicatePacket), 1);
    assert_eq!(pair.server.received(now, server).len(), 1);
}

#[test]
fn a_recorded_run_replays_bit_exactly() {
    let (mut pair, client, _) = Pair::connected();
    let connection = pair.client.connections.get_mut(&client).unwrap();
    let start = connection.record(1 << 20);
    let before = pair.log.len();
    for n in 0..20u8 {
        pair.client_sends(client, &vec![n; 700 * usize::from(n)], SendFlags::RELIABLE);
        pair.run(Span::from_millis(7));
    }
    pair.run(Span::from_secs(1));
    let connection = pair.client.connections.get_mut(&client).unwrap();
    let recording = connection.take_recording().unwrap();
    assert!(!recording.is_full());
    // Through serialisation, as a file would.
    let text = serde_json::to_string(&recording.into_inputs()).unwrap();
    let mut sent = Vec::new();
    replay(start, serde_json::from_str(&text).unwrap(), |_, bytes| {
        sent.push(bytes.to_vec())
    });
    let original: Vec<Vec<u8>> = pair.log[before..]
        .iter()
        .filter(|(by_client, _)| *by_client)
        .map(|(_, bytes)| bytes.clone())
        .collect();
    assert!(original.len() > 20);
    assert!(
        sent == original,
        "{} packets replayed of {}",
        sent.len(),
        original.len()
    );
}

#[test]
fn memory_of_an_idle_connection() {
    assert!(
        size_of::<Connection>() <= 2560,
        "{}",
        size_of::<Connection>()
    );
}

#[test]
fn a_sender_that_fills_the_window_asks_for_acks_at_once() {
    let mut config = Config::new();
    config
        .set_send_rate(Some(60_000_000), Some(60_000_000))
        .unwrap();
    config.set_send_buffer(4 << 20).unwrap();
    let mut pair = Pair::new();
    let (client, _) = pair.connect(config);
    let before = pair.log.len();
    for _ in 0..8 {
        pair.client_sends(client, &vec![1; 400_000], SendFlags::RELIABLE);
    }
    pair.run(Span::from_millis(100));
    let asked = pair.log[before..]
        .iter()
        .filter(|(by_client, bytes)| *by_client && bytes[0] == 0x81 && bytes[7..10] == [2, 0x18, 6])
        .count();
    assert!(
        (8..60).contains(&asked),
        "{asked} of {} packets ask",
        pair.log.len() - before
    );
}

#[test]
fn messages_of_both_sides_need_no_packets_for_acks() {
    for flags in [SendFlags::RELIABLE_NO_NAGLE, SendFlags::UNRELIABLE_NO_NAGLE] {
        let (mut pair, client, server) = Pair::connected();
        pair.run(Span::from_secs(1));
        let before = pair.log.len();
        for _ in 0..20 {
            pair.client_sends(client, &[1; 200], flags);
            pair.run(pair.latency);
            assert_eq!(pair.server.received(pair.now, server).len(), 1);
            pair.server.send(pair.now, server, 0, &[2; 200], flags);
            pair.run(pair.latency);
            assert_eq!(pair.client.received(pair.now, client).len(), 1);
        }
        assert_eq!(pair.log.len() - before, 40, "{flags:?}");
    }
}

#[test]
fn a_stream_of_one_side_is_acknowledged_now_and_then() {
    let (mut pair, client, _) = Pair::connected();
    pair.run(Span::from_secs(1));
    let before = pair.log.len();
    for _ in 0..60 {
        pair.client_sends(client, &[1; 200], SendFlags::UNRELIABLE_NO_NAGLE);
        pair.run(Span::from_millis(33));
    }
    let acks = pair.log[before..]
        .iter()
        .filter(|(by_client, _)| !by_client);
    let acks = acks.count();
    assert!((4..12).contains(&acks), "{acks} in two seconds");
    let status = pair.client.connections[&client].status(pair.now);
    assert!(
        status.pending_unreliable_bytes == 0,
        "the window stays open"
    );
}
