//! Pretended bad networks, through the settings of an interface, and marks for routers.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "a test may panic, in its helpers too"
)]

mod support;

use std::thread;
use std::time::Duration;
use std::time::Instant;

use bowline::ConfigKey;
use bowline::Connection;
use bowline::ConnectionState;
use bowline::Event;
use bowline::SendFlags;
use bowline::ServiceMode;
use bowline::Sockets;
use bowline_core::transmit::Ecn;
use bowline_io::udp::RecvBatch;
use bowline_io::udp::UdpSocket;

use crate::support::LIMIT;
use crate::support::LOOPBACK;
use crate::support::Pair;
use crate::support::listen;
use crate::support::wait_state;
use crate::support::wait_until;

/// Interfaces of which some must be polled, connected to each other.
struct Driven {
    server: Sockets,
    client: Sockets,
    polled: Vec<Sockets>,
    accepted: Connection,
    dialled: Connection,
}

impl Driven {
    fn new(server: ServiceMode, client: ServiceMode) -> Self {
        let make = |mode| Sockets::builder().service(mode).build().unwrap();
        let (server, client) = ((make(server), server), (make(client), client));
        let polled: Vec<_> = [&server, &client]
            .into_iter()
            .filter(|(_, mode)| *mode == ServiceMode::Manual)
            .map(|(sockets, _)| sockets.clone())
            .collect();
        let listener = listen(&server.0);
        let dialled = client.0.connect(listener.local_addr()).unwrap();
        let mut accepted = None;
        let is_connected = |connection: &Connection| {
            connection
                .info()
                .is_ok_and(|info| info.state == ConnectionState::Connected)
        };
        let end = Instant::now() + LIMIT;
        while !(accepted.as_ref().is_some_and(is_connected) && is_connected(&dialled)) {
            assert!(Instant::now() < end, "not connected in time");
            for sockets in &polled {
                sockets.poll();
            }
            while let Some(event) = server.0.next_event() {
                if let Event::ConnectionChanged(change) = event
                    && change.is_request()
                {
                    change.connection.accept().unwrap();
                    accepted = Some(change.connection);
                }
            }
            thread::sleep(Duration::from_micros(200));
        }
        Self {
            server: server.0,
            client: client.0,
            polled,
            accepted: accepted.unwrap(),
            dialled,
        }
    }

    /// How long a message takes to the server. Interfaces with a thread get no help from this one.
    fn one_way(&self) -> Duration {
        let start = Instant::now();
        self.dialled
            .send(b"over there", SendFlags::RELIABLE_NO_NAGLE)
            .unwrap();
        while self.accepted.receive().unwrap().is_none() {
            assert!(start.elapsed() < LIMIT, "no message in time");
            for sockets in &self.polled {
                sockets.poll();
            }
            thread::sleep(Duration::from_micros(100));
        }
        start.elapsed()
    }
}

#[test]
fn lag_delays_what_is_sent_and_received_whoever_drives() {
    use ServiceMode::Manual;
    use ServiceMode::Thread;
    for (server, client) in [(Thread, Thread), (Manual, Thread), (Thread, Manual)] {
        let pair = Driven::new(server, client);
        pair.client
            .set_config(ConfigKey::FakePacketLagSend, 70)
            .unwrap();
        assert!(pair.one_way() >= Duration::from_millis(70));
        pair.server
            .set_config(ConfigKey::FakePacketLagRecv, 60)
            .unwrap();
        let took = pair.one_way();
        assert!(took >= Duration::from_millis(130), "{took:?}");
        assert!(took < Duration::from_secs(2), "{took:?}");
        // The settings go, and so does the lag; what it delayed comes out first.
        thread::sleep(Duration::from_millis(150));
        pair.client
            .unset_config(ConfigKey::FakePacketLagSend)
            .unwrap();
        pair.server
            .unset_config(ConfigKey::FakePacketLagRecv)
            .unwrap();
        let quick = (0..20).map(|_| pair.one_way()).min();
        assert!(quick < Some(Duration::from_millis(60)), "{quick:?}");
    }
}

#[test]
fn an_application_that_waits_sees_the_lag_to_the_millisecond() {
    let pair = Pair::new();
    pair.server
        .set_config(ConfigKey::FakePacketLagRecv, 30)
        .unwrap();
    let mut best = Duration::MAX;
    for _ in 0..10 {
        let start = Instant::now();
        pair.dialled
            .send(b"x", SendFlags::UNRELIABLE_NO_NAGLE)
            .unwrap();
        while pair.accepted.receive().unwrap().is_none() {
            assert!(start.elapsed() < LIMIT, "no message in time");
            pair.server.wait(Duration::from_secs(1));
        }
        best = best.min(start.elapsed());
    }
    let expected = Duration::from_millis(30)..Duration::from_millis(40);
    assert!(expected.contains(&best), "{best:?}");
}

#[test]
fn total_loss_hits_handshakes_and_can_be_lifted() {
    let (server, client) = (Sockets::new().unwrap(), Sockets::new().unwrap());
    let listener = listen(&server);
    client
        .set_config(ConfigKey::FakePacketLossSend, 100.0)
        .unwrap();
    let dialled = client.connect(listener.local_addr()).unwrap();
    thread::sleep(Duration::from_millis(700));
    assert!(server.next_event().is_none(), "nothing came through");
    client.unset_config(ConfigKey::FakePacketLossSend).unwrap();
    server
        .set_config(ConfigKey::FakePacketLossRecv, 100.0)
        .unwrap();
    thread::sleep(Duration::from_millis(700));
    assert!(server.next_event().is_none(), "nothing came in");
    server.unset_config(ConfigKey::FakePacketLossRecv).unwrap();
    let request = wait_state(&server, ConnectionState::Connecting);
    request.connection.accept().unwrap();
    let connected = wait_state(&client, ConnectionState::Connected);
    assert_eq!(connected.connection, dialled);
}

/// Sends numbered messages from the client and returns those that arrive within the time.
fn numbers(pair: &Pair, count: u32, size: usize, flags: SendFlags, time: Duration) -> Vec<u32> {
    let mut got = Vec::new();
    let mut sent = 0u32;
    let end = Instant::now() + time;
    while Instant::now() < end && got.len() < count as usize {
        let mut message = vec![0; size];
        message[..4].copy_from_slice(&sent.to_le_bytes());
        if sent < count && pair.dialled.send(&message, flags).is_ok() {
            sent += 1;
        }
        if sent == count {
            pair.server.wait(Duration::from_millis(5));
        }
        while let Some(message) = pair.accepted.receive().unwrap() {
            got.push(u32::from_le_bytes(message[..4].try_into().unwrap()));
        }
    }
    got
}

#[test]
fn reliable_messages_survive_all_of_it_at_once() {
    let pair = Pair::new();
    for (key, value) in [
        ("FakePacketLoss", 10),
        ("FakePacketReorder", 20),
        ("FakePacketDup", 20),
        ("FakePacketLag", 5),
    ] {
        for direction in ["Send", "Recv"] {
            let key: ConfigKey = format!("{key}_{direction}").parse().unwrap();
            pair.client.set_config(key, value).unwrap();
        }
    }
    for key in [
        ConfigKey::FakePacketJitterSendAvg,
        ConfigKey::FakePacketJitterRecvAvg,
    ] {
        pair.client.set_config(key, 3.0).unwrap();
    }
    let flags = SendFlags::RELIABLE;
    let got = numbers(&pair, 300, 1000, flags, LIMIT * 2);
    assert_eq!(got, (0..300).collect::<Vec<_>>());
}

#[test]
fn duplicates_on_the_network_are_none_for_the_application() {
    let pair = Pair::new();
    pair.client
        .set_config(ConfigKey::FakePacketDupSend, 100.0)
        .unwrap();
    let flags = SendFlags::UNRELIABLE_NO_NAGLE;
    let mut got = numbers(&pair, 100, 100, flags, Duration::from_secs(2));
    thread::sleep(Duration::from_millis(30));
    assert!(pair.accepted.receive().unwrap().is_none());
    got.sort_unstable();
    assert_eq!(got, (0..100).collect::<Vec<_>>());
}

/// The order in which unreliable messages arrive when every fifth packet comes after all others, at a
/// receiver that waits so long for missing ones.
///
/// One thread drives both ends, and the receiver finds all packets at once: however long a busy machine
/// lets that thread wait, none comes later than any window.
fn order_with_window(us: i32) -> Vec<u32> {
    let late = Duration::from_millis(20);
    let pair = Driven::new(ServiceMode::Manual, ServiceMode::Manual);
    let window = ConfigKey::OutOfOrderCorrectionWindow;
    pair.server.set_config(window, us).unwrap();
    pair.client
        .set_config(ConfigKey::FakePacketReorderTime, late.as_millis() as i32)
        .unwrap();
    for number in 0..30u32 {
        let percent = if number % 5 == 0 { 100.0 } else { 0.0 };
        pair.client
            .set_config(ConfigKey::FakePacketReorderSend, percent)
            .unwrap();
        let flags = SendFlags::UNRELIABLE_NO_NAGLE;
        pair.dialled.send(&number.to_le_bytes(), flags).unwrap();
    }
    thread::sleep(late);
    pair.client.poll();
    let mut order = Vec::new();
    wait_until(|| {
        pair.server.poll();
        while let Some(message) = pair.accepted.receive().unwrap() {
            order.push(u32::from_le_bytes(message[..].try_into().unwrap()));
        }
        order.len() == 30
    });
    order
}

#[test]
fn the_correction_window_restores_the_order() {
    let without = order_with_window(0);
    assert!(!without.is_sorted(), "six of 30 were late");
    assert!(order_with_window(50_000).into_iter().eq(0..30));
}

#[test]
fn jitter_is_known_where_the_peer_tells_its_times() {
    let pair = Pair::new();
    let key = ConfigKey::SendTimeSincePreviousPacket;
    pair.dialled.set_config(key, 1).unwrap();
    let flags = SendFlags::UNRELIABLE_NO_NAGLE;
    let got = numbers(&pair, 50, 100, flags, Duration::from_secs(5));
    assert_eq!(got.len(), 50);
    let jitter = |connection: &Connection| connection.status().unwrap().max_jitter_us;
    assert!(jitter(&pair.accepted).is_some());
    let forgets = (0..50).any(|_| jitter(&pair.accepted).is_none());
    assert!(forgets, "reading begins anew");
    assert_eq!(jitter(&pair.dialled), None);
}

#[test]
fn what_exceeds_the_rate_is_lost() {
    for key in [
        ConfigKey::FakeRateLimitSendRate,
        ConfigKey::FakeRateLimitRecvRate,
    ] {
        let pair = Pair::new();
        let start = Instant::now();
        pair.client.set_config(key, 20_000).unwrap();
        pair.server.set_config(key, 20_000).unwrap();
        let flags = SendFlags::UNRELIABLE_NO_NAGLE;
        let got = numbers(&pair, 300, 1000, flags, Duration::from_secs(1));
        let most = 16_384.0 + 1_300.0 + 20_000.0 * start.elapsed().as_secs_f64();
        let arrived = got.len() as f64 * 1000.0;
        assert!(arrived <= most, "{key}: {arrived} of {most}");
        assert!(arrived >= 10_000.0, "{key}: {arrived}");
    }
}

#[test]
fn the_end_of_an_interface_or_listener_does_not_wait_for_the_lag() {
    let pair = Pair::new();
    pair.client
        .set_config(ConfigKey::FakePacketLagSend, 4000)
        .unwrap();
    drop((pair.dialled, pair.client));
    let closed = wait_state(&pair.server, ConnectionState::ClosedByPeer);
    assert_eq!(closed.connection, pair.accepted);

    let pair = Pair::new();
    pair.server
        .set_config(ConfigKey::FakePacketLagSend, 4000)
        .unwrap();
    pair.listener.unwrap().close();
    let closed = wait_state(&pair.client, ConnectionState::ClosedByPeer);
    assert_eq!(closed.connection, pair.dialled);
}

/// The marks of the first packets of a dial with that setting.
fn mark_of(setting: i32, lag_ms: i32) -> Option<Ecn> {
    let socket = UdpSocket::bind(LOOPBACK.parse().unwrap(), false).unwrap();
    let client = Sockets::new().unwrap();
    client.set_config(ConfigKey::Ecn, setting).unwrap();
    client
        .set_config(ConfigKey::FakePacketLagSend, lag_ms)
        .unwrap();
    client.connect(socket.local_addr()).unwrap();
    let mut batch = RecvBatch::new(1);
    wait_until(|| socket.recv(&mut batch).unwrap() > 0);
    batch.iter_mut().next().unwrap().1
}

#[test]
fn packets_carry_the_mark_that_was_set_and_none_by_default() {
    for lag_ms in [0, 1] {
        assert_eq!(mark_of(-1, lag_ms), None);
        assert_eq!(mark_of(0, lag_ms), None);
        assert_eq!(mark_of(1, lag_ms), Some(Ecn::Ect1));
        assert_eq!(mark_of(2, lag_ms), Some(Ecn::Ect0));
    }
}

#[test]
fn marked_connections_work() {
    let pair = Pair::new();
    pair.client.set_config(ConfigKey::Ecn, 2).unwrap();
    pair.server.set_config(ConfigKey::Ecn, 1).unwrap();
    let flags = SendFlags::RELIABLE;
    let got = numbers(&pair, 200, 1000, flags, LIMIT);
    assert_eq!(got, (0..200).collect::<Vec<_>>());
}
