//! The order of packets: restored where it is broken, and the times between them told to the peer.

use super::*;
use crate::config::ConfigKey;
use crate::config::ConfigScope;
use crate::extensions::ExtensionSet;
use crate::transmit::DatagramMeta;
use crate::wire::data_header::DataHeader;

/// A connected pair that has been quiet for a moment; the server has this window.
fn with_window(us: i32) -> (Pair, ConnectionId, ConnectionId) {
    let mut config = Config::at(ConfigScope::Interface);
    let key = ConfigKey::OutOfOrderCorrectionWindow;
    config.set(key, us).unwrap();
    let mut pair = Pair::with(config);
    let mut config = Config::new();
    // No congestion control, so that losses do not make the sender wait.
    let rate = Some(10_000_000);
    config.set_send_rate(rate, rate).unwrap();
    let (client, server) = pair.connect(config);
    pair.run(Span::from_secs(1));
    (pair, client, server)
}

/// What the client sends when each of these messages has a packet of its own.
fn packets(pair: &mut Pair, client: ConnectionId, messages: &[&[u8]]) -> Vec<Vec<u8>> {
    packets_with(pair, client, messages, SendFlags::UNRELIABLE_NO_NAGLE)
}

fn packets_with(
    pair: &mut Pair,
    client: ConnectionId,
    messages: &[&[u8]],
    flags: SendFlags,
) -> Vec<Vec<u8>> {
    let now = pair.now;
    let mut packets = Vec::new();
    for message in messages {
        pair.client.send(now, client, 0, message, flags);
        let connection = pair.client.connections.get_mut(&client).unwrap();
        let mut buf = TransmitBuf::new(10);
        while let Some(transmit) = connection.poll_transmit(now, &mut buf) {
            packets.extend(buf.datagrams(&transmit).map(<[u8]>::to_vec));
            buf.clear();
        }
    }
    assert_eq!(packets.len(), messages.len());
    packets
}

fn arrive(pair: &mut Pair, server: ConnectionId, packet: &[u8]) {
    let now = pair.now;
    let connection = pair.server.connections.get_mut(&server).unwrap();
    connection.handle_datagram(now, &DatagramMeta::default(), &mut packet.to_vec());
}

fn read(pair: &mut Pair, server: ConnectionId) -> Vec<Vec<u8>> {
    let messages = pair.server.received(pair.now, server);
    messages.iter().map(|message| message.to_vec()).collect()
}

#[test]
fn swapped_packets_of_one_batch_are_put_right_without_waiting() {
    let (mut pair, client, server) = with_window(1000);
    let packets = packets(&mut pair, client, &[b"a", b"b", b"c", b"d"]);
    for index in [1, 2, 0, 3] {
        arrive(&mut pair, server, &packets[index]);
    }
    assert_eq!(read(&mut pair, server), [b"a", b"b", b"c", b"d"]);
    let drops = pair.server.connections[&server].drops();
    assert_eq!(drops.total(), 0);
}

#[test]
fn a_lost_packet_delays_the_next_by_the_window_and_no_longer() {
    let (mut pair, client, server) = with_window(1000);
    let packets = packets(&mut pair, client, &[b"a", b"b", b"c"]);
    arrive(&mut pair, server, &packets[1]);
    pair.run(Span::from_micros(600));
    arrive(&mut pair, server, &packets[2]);
    let deadline = pair.server.connections[&server].poll_timeout().unwrap();
    let left = Span::from_micros(400);
    assert_eq!(deadline, (pair.now + left, TimerKind::Reorder));
    pair.run(Span::from_micros(399));
    assert_eq!(read(&mut pair, server).len(), 0);
    pair.run(Span::from_micros(1));
    assert_eq!(read(&mut pair, server), [b"b", b"c"]);
    // What was missing is late, but not lost, and the gap is no reason to wait any more.
    arrive(&mut pair, server, &packets[0]);
    assert_eq!(read(&mut pair, server), [b"a"]);
}

#[test]
fn without_a_window_nothing_waits() {
    let (mut pair, client, server) = with_window(0);
    let packets = packets(&mut pair, client, &[b"a", b"b"]);
    arrive(&mut pair, server, &packets[1]);
    assert_eq!(read(&mut pair, server), [b"b"]);
    arrive(&mut pair, server, &packets[0]);
    assert_eq!(read(&mut pair, server), [b"a"]);
}

#[test]
fn a_packet_that_waits_is_not_taken_twice() {
    let (mut pair, client, server) = with_window(1000);
    let packets = packets(&mut pair, client, &[b"a", b"b"]);
    for index in [1, 1, 0, 1] {
        arrive(&mut pair, server, &packets[index]);
    }
    assert_eq!(read(&mut pair, server), [b"a", b"b"]);
    let drops = pair.server.connections[&server].drops();
    assert_eq!(drops.of(DropReason::DuplicatePacket), 2);
}

#[test]
fn a_forged_packet_makes_nothing_wait() {
    let (mut pair, client, server) = with_window(50_000);
    let mut packets = packets(&mut pair, client, &[b"a", b"b", b"c"]);
    let last = packets[2].len() - 1;
    packets[2][last] ^= 1;
    arrive(&mut pair, server, &packets[2]);
    let drops = pair.server.connections[&server].drops();
    assert_eq!(drops.of(DropReason::DecryptFailed), 1);
    arrive(&mut pair, server, &packets[0]);
    assert_eq!(read(&mut pair, server), [b"a"]);
}

/// A packet waits for a lost one while the client closes, between peers that agreed on `extensions`.
fn close_behind_a_gap(extensions: ExtensionSet) -> (Pair, ConnectionId) {
    let (mut pair, client, server) = with_window(50_000);
    let packets = packets(&mut pair, client, &[b"a", b"b"]);
    arrive(&mut pair, server, &packets[1]);
    let now = pair.now;
    let connection = pair.server.connections.get_mut(&server).unwrap();
    connection.peer.extensions = extensions;
    let connection = pair.client.connections.get_mut(&client).unwrap();
    connection.peer.extensions = extensions;
    connection.close(now, EndReason::APP_GENERIC, "bye", false);
    (pair, server)
}

#[test]
fn an_unencrypted_close_comes_after_what_waited_and_waits_for_nothing() {
    let (mut pair, server) = close_behind_a_gap(ExtensionSet::NONE);
    pair.run(Span::from_millis(10));
    assert_eq!(pair.server.state(server), ConnectionState::ClosedByPeer);
    assert_eq!(read(&mut pair, server), [b"b"]);
}

#[test]
fn an_encrypted_close_keeps_its_place() {
    let (mut pair, server) = close_behind_a_gap(ExtensionSet::ALL);
    pair.run(Span::from_millis(49));
    assert_eq!(pair.server.state(server), ConnectionState::Connected);
    pair.run(Span::from_millis(1));
    assert_eq!(pair.server.state(server), ConnectionState::ClosedByPeer);
    assert_eq!(read(&mut pair, server), [b"b"]);
}

#[test]
fn limit_packets_that_wait() {
    let (mut pair, client, server) = with_window(50_000);
    let messages: Vec<[u8; 1]> = (0..=limits::MAX_REORDER_HELD as u8 + 1)
        .map(|n| [n])
        .collect();
    let messages: Vec<&[u8]> = messages.iter().map(|m| &m[..]).collect();
    let packets = packets(&mut pair, client, &messages);
    // The first is lost. When no more may wait, all go through, in order.
    for packet in &packets[1..=limits::MAX_REORDER_HELD] {
        arrive(&mut pair, server, packet);
    }
    assert_eq!(read(&mut pair, server).len(), 0);
    arrive(&mut pair, server, &packets[limits::MAX_REORDER_HELD + 1]);
    assert_eq!(read(&mut pair, server), messages[1..]);
}

/// When the acknowledgement of a reliable message is due, whose packet came after a lost one.
fn ack_due_behind_a_gap(window_us: i32) -> Span {
    let (mut pair, client, server) = with_window(window_us);
    let flags = SendFlags::RELIABLE_NO_NAGLE;
    let packets = packets_with(&mut pair, client, &[b"lost", b"here"], flags);
    let arrival = pair.now;
    arrive(&mut pair, server, &packets[1]);
    pair.run(Span::from_micros(1000));
    let acks = &pair.server.connections[&server].receiver.acks;
    acks.due().unwrap().since(arrival)
}

#[test]
fn waiting_does_not_delay_acknowledgements() {
    assert_eq!(ack_due_behind_a_gap(1000), ack_due_behind_a_gap(0));
}

/// How long each message of a steady flow took to the server, with every 100th packet lost.
fn delays(window_us: i32, spacing_us: u64) -> Vec<u64> {
    let (mut pair, client, server) = with_window(window_us);
    let mut delays = Vec::new();
    for number in 1..=2000u32 {
        let sent = pair.now.as_micros();
        pair.lose = Box::new(move |by_client, _, _| by_client && number % 100 == 0);
        let flags = SendFlags::UNRELIABLE_NO_NAGLE;
        pair.client_sends(client, &sent.to_le_bytes(), flags);
        pair.run(Span::from_micros(spacing_us));
        for message in pair.server.received(pair.now, server) {
            let sent = u64::from_le_bytes(message[..8].try_into().unwrap());
            delays.push(message.received_at().as_micros() - sent);
        }
    }
    delays
}

#[test]
fn losses_cost_a_flow_little_time() {
    for (spacing_us, mean_us) in [(100, 60), (1_000, 12), (16_000, 12)] {
        let (without, with) = (delays(0, spacing_us), delays(1000, spacing_us));
        assert_eq!(
            without.iter().max(),
            Some(&10_000),
            "the latency of the path"
        );
        let most = with.iter().max();
        assert!((10_999..=11_001).contains(most.unwrap()), "and the window");
        let added: u64 = with.iter().map(|us| us - 10_000).sum();
        let mean = added / with.len() as u64;
        assert!(mean <= mean_us, "{spacing_us}: {mean}");
    }
}

/// Headers of the data packets that the client has sent since the log was cleared.
fn client_headers(pair: &Pair) -> Vec<DataHeader<'_>> {
    let packets = pair.log.iter().filter(|(by_client, _)| *by_client);
    packets
        .map(|(_, bytes)| DataHeader::parse(bytes).unwrap().0)
        .collect()
}

fn timed(value: i32) -> Config {
    let mut config = Config::new();
    let key = ConfigKey::SendTimeSincePreviousPacket;
    config.set(key, value).unwrap();
    config
}

#[test]
fn time_since_the_previous_packet_is_told_and_gives_jitter() {
    let mut pair = Pair::new();
    let (client, server) = pair.connect(timed(1));
    pair.run(Span::from_secs(1));
    pair.client_sends(client, b"first", SendFlags::UNRELIABLE_NO_NAGLE);
    pair.log.clear();
    pair.run(Span::from_micros(16_000));
    pair.client_sends(client, b"second", SendFlags::UNRELIABLE_NO_NAGLE);
    pair.run(Span::from_micros(8_000));
    // The path gets slower by 3 ms between the two.
    pair.latency = Span::from_millis(13);
    pair.client_sends(client, b"third", SendFlags::UNRELIABLE_NO_NAGLE);
    let times: Vec<_> = client_headers(&pair)
        .iter()
        .map(|header| header.time_since_prev_16us)
        .collect();
    assert_eq!(times, [Some(1_000), Some(500)]);
    pair.run(Span::from_millis(100));
    let status = pair.server.connections[&server].status(pair.now);
    assert_eq!(status.max_jitter_us, Some(3_000));
    // The other side does not tell, so nothing is known of it.
    let status = pair.client.connections[&client].status(pair.now);
    assert_eq!(status.max_jitter_us, None);
}

#[test]
fn time_since_the_previous_packet_is_told_only_if_asked_for_and_recent() {
    for (value, pause_ms, expected) in [
        (-1, 20, None),
        (0, 20, None),
        (1, 251, None),
        (1, 250, Some(15_625)),
    ] {
        let mut pair = Pair::new();
        let (client, _) = pair.connect(timed(value));
        pair.run(Span::from_secs(1));
        pair.client_sends(client, b"first", SendFlags::UNRELIABLE_NO_NAGLE);
        pair.log.clear();
        pair.run(Span::from_millis(pause_ms));
        pair.client_sends(client, b"second", SendFlags::UNRELIABLE_NO_NAGLE);
        let headers = client_headers(&pair);
        let last = headers.last().unwrap();
        assert_eq!(last.time_since_prev_16us, expected, "{value} {pause_ms}");
    }
}

#[test]
fn time_since_the_previous_packet_is_not_told_to_old_peers() {
    let mut pair = Pair::new();
    let (client, _) = pair.connect(timed(1));
    pair.run(Span::from_secs(1));
    let connection = pair.client.connections.get_mut(&client).unwrap();
    connection.peer.version = 11;
    pair.log.clear();
    pair.client_sends(client, b"first", SendFlags::UNRELIABLE_NO_NAGLE);
    pair.client_sends(client, b"second", SendFlags::UNRELIABLE_NO_NAGLE);
    let headers = client_headers(&pair);
    assert!(headers.len() >= 2);
    let last = &headers[headers.len() - 2..];
    assert!(
        last.iter()
            .all(|header| header.time_since_prev_16us.is_none())
    );
}

#[test]
fn a_packet_with_the_time_and_statistics_is_read_back() {
    let mut pair = Pair::new();
    let (client, server) = pair.connect(timed(1));
    // Statistics are due within some seconds; packets flow all the while.
    for _ in 0..400 {
        pair.client_sends(client, &[7; 3000], SendFlags::RELIABLE_NO_NAGLE);
        pair.run(Span::from_millis(100));
        pair.server.received(pair.now, server);
    }
    let both = pair.log.iter().filter(|(by_client, bytes)| {
        *by_client
            && DataHeader::parse(bytes).is_ok_and(|(header, _)| {
                header.stats.is_some() && header.time_since_prev_16us.is_some()
            })
    });
    assert!(both.count() > 0);
    assert_eq!(pair.server.connections[&server].drops().total(), 0);
    let longest = pair.log.iter().map(|(_, bytes)| bytes.len()).max();
    assert_eq!(longest, Some(1255));
}
