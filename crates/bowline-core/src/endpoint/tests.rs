use alloc::vec;

use proptest::prelude::*;

use super::*;
use crate::config::ConfigKey;
use crate::config::ConfigScope;
use crate::connection::ConnectionState;
use crate::crypto::kdf::Role;
use crate::crypto::rustcrypto;
use crate::end_reason::EndReason;
use crate::error::ConnectError;
use crate::handshake::session::Session;
use crate::limits;
use crate::pair::Pair;
use crate::pair::SOCKET;
use crate::rng::Rng;
use crate::time::Span;
use crate::transmit::TransmitBuf;
use crate::wire::data_header;
use crate::wire::udp;
use crate::wire::udp::UdpPacket;

mod floods;
mod rejections;
mod versions;

const NOW: Timestamp = Timestamp::from_micros(5_000_000);

fn route(remote: &str) -> Route {
    Route {
        socket: SOCKET,
        remote: remote.parse().unwrap(),
    }
}

fn server() -> Endpoint {
    let config = EndpointConfig::new(rustcrypto::provider());
    let mut endpoint = Endpoint::new(config, [9; 32], NOW, 1_700_000_000);
    endpoint.listen(SOCKET, Arc::new(Config::new()));
    endpoint
}

fn feed(
    endpoint: &mut Endpoint,
    at: Timestamp,
    from: Route,
    data: &[u8],
) -> (DatagramEvent, Vec<u8>) {
    let mut reply = Vec::new();
    let event = endpoint.handle_datagram(at, from, None, data, &mut reply);
    (event, reply)
}

fn challenge_request(id: u32) -> Vec<u8> {
    let mut out = Vec::new();
    let packet = udp::ChallengeRequest {
        connection_id: ConnectionId::new(id),
        my_timestamp: 1,
        protocol_version: 13,
    };
    packet.encode(&mut out);
    out
}

/// The connect request of a real client, with the cookie of an answer put in.
fn connect_request(id: u32, challenge: u64) -> Vec<u8> {
    let mut out = Vec::new();
    request_of(id, challenge).encode(&mut out);
    out
}

fn request_of(id: u32, challenge: u64) -> udp::ConnectRequest {
    let config = EndpointConfig::new(rustcrypto::provider());
    let host = Host {
        crypto: config.crypto,
        identity: config.identity,
        app: config.app_id,
        store: config.trusted,
        extensions: config.extensions,
        key_limits: config.key_limits,
        key: config.key,
        credentials: None,
        start: None,
    };
    let mut rng = Rng::from_seed([4; 32]);
    let client = ConnectionId::new(id);
    let policy = Config::new().encryption();
    let mut session = Session::new(&host, &mut rng, client, Role::Client, policy);
    let crypt = session.offer(&host);
    udp::ConnectRequest {
        client_connection_id: client,
        challenge,
        cert: session.cert().clone(),
        my_timestamp: Some(1),
        ping_est_ms: None,
        crypt,
        identity: udp::RequestIdentity::default(),
    }
}

fn cookie_for(endpoint: &mut Endpoint, at: Timestamp, from: Route, id: u32) -> u64 {
    let (event, reply) = feed(endpoint, at, from, &challenge_request(id));
    assert!(matches!(event, DatagramEvent::Reply));
    match udp::parse(&reply).unwrap() {
        UdpPacket::ChallengeReply(reply) => {
            assert!(reply.finds_by_connection_id);
            reply.challenge
        }
        other => panic!("{other:?}"),
    }
}

fn dropped(event: &DatagramEvent) -> Option<DropReason> {
    match event {
        DatagramEvent::Dropped(reason) => Some(*reason),
        DatagramEvent::Reply
        | DatagramEvent::Handled
        | DatagramEvent::Forward { .. }
        | DatagramEvent::Incoming(_) => None,
    }
}

#[test]
fn a_cookie_is_good_for_its_address_its_id_and_a_while() {
    let mut endpoint = server();
    let alice = route("10.0.0.1:1000");
    let cookie = cookie_for(&mut endpoint, NOW, alice, 0x11_0001);
    let request = connect_request(0x11_0001, cookie);
    for other in ["10.0.0.1:1001", "10.0.0.2:1000", "[::1]:1000"] {
        let (event, reply) = feed(&mut endpoint, NOW, route(other), &request);
        assert_eq!(dropped(&event), Some(DropReason::BadChallenge));
        assert!(reply.is_empty());
    }
    let other_id = connect_request(0x11_0002, cookie);
    let (event, _) = feed(&mut endpoint, NOW, alice, &other_id);
    assert_eq!(dropped(&event), Some(DropReason::BadChallenge));
    let late = NOW + Span::from_millis(4_500);
    let (event, _) = feed(&mut endpoint, late, alice, &request);
    assert_eq!(dropped(&event), Some(DropReason::StaleChallenge));
    let soon = NOW + Span::from_secs(3);
    let (event, _) = feed(&mut endpoint, soon, alice, &request);
    assert!(matches!(event, DatagramEvent::Incoming(_)));
}

#[test]
fn cookies_survive_one_change_of_the_key() {
    let mut endpoint = server();
    let alice = route("10.0.0.1:1000");
    let before = NOW + Span::from_secs(59);
    let cookie = cookie_for(&mut endpoint, before, alice, 0x11_0001);
    let after = NOW + Span::from_secs(61);
    cookie_for(&mut endpoint, after, alice, 0x11_0002);
    let request = connect_request(0x11_0001, cookie);
    let (event, _) = feed(&mut endpoint, after, alice, &request);
    assert!(matches!(event, DatagramEvent::Incoming(_)));
}

#[test]
fn limit_spoofed_sources_leave_no_state_and_get_no_more_than_they_sent() {
    let mut endpoint = server();
    for n in 0..2000u16 {
        let from = route(&alloc::format!("10.1.{}.{}:99", n / 256, n % 256));
        let request = challenge_request(0x11_0001 + u32::from(n));
        let (_, reply) = feed(&mut endpoint, NOW, from, &request);
        assert!(reply.len() < request.len() / 10);
    }
    assert_eq!(endpoint.connections(), 0);
}

#[test]
fn limit_challenges_per_second() {
    let mut endpoint = server();
    let request = challenge_request(0x11_0001);
    let mut answered = 0;
    for ms in 0..1000u32 {
        let at = NOW + Span::from_millis(u64::from(ms));
        for n in 0..200 {
            // As if from everywhere.
            let [_, a, b, c] = (ms * 200 + n).to_be_bytes();
            let from = route(&alloc::format!("{}.{c}.{b}.1:1000", 11 + a));
            let (event, _) = feed(&mut endpoint, at, from, &request);
            answered += u32::from(matches!(event, DatagramEvent::Reply));
        }
    }
    let burst = limits::CHALLENGES_PER_SECOND / 20;
    let most = limits::CHALLENGES_PER_SECOND + burst;
    assert!((most - burst..=most).contains(&answered), "{answered}");
    let dropped = endpoint.drops().of(DropReason::Overload);
    assert_eq!(dropped, 200_000 - u64::from(answered));
}

#[test]
fn limit_pending_accepts() {
    let mut endpoint = server();
    let listener = endpoint.listeners.get_mut(&SOCKET).unwrap();
    listener.pending = limits::MAX_PENDING_ACCEPTS;
    let from = route("10.0.0.1:1000");
    let cookie = cookie_for(&mut endpoint, NOW, from, 0x11_0001);
    let (event, _) = feed(
        &mut endpoint,
        NOW,
        from,
        &connect_request(0x11_0001, cookie),
    );
    assert_eq!(dropped(&event), Some(DropReason::Overload));
}

#[test]
fn no_recording_begins_with_an_answer_that_names_who_we_are() {
    let mut endpoint = server();
    let mut config = Config::at(ConfigScope::Interface);
    config.set_record_bytes(1 << 20).unwrap();
    endpoint.listen(SOCKET, Arc::new(config));
    let from = route("10.0.0.1:1000");
    let cookie = cookie_for(&mut endpoint, NOW, from, 0x11_0001);
    let request = connect_request(0x11_0001, cookie);
    let (event, _) = feed(&mut endpoint, NOW, from, &request);
    let DatagramEvent::Incoming(mut connection) = event else {
        panic!("a good request");
    };
    connection.accept(NOW).unwrap();
    connection.close(NOW, EndReason::APP_GENERIC, "", false);
    connection.handle_timeout(NOW);
    assert!(!connection.is_recording(), "the answer waits");
    let mut buf = TransmitBuf::new(1);
    while connection.poll_transmit(NOW, &mut buf).is_some() {
        buf.clear();
    }
    connection.handle_timeout(NOW);
    assert!(connection.is_recording(), "the answer is gone");
}

#[test]
fn limit_pending_accepts_of_one_source() {
    let mut endpoint = server();
    let mut config = Config::at(ConfigScope::Interface);
    for other in [ConfigKey::LimitSignatures, ConfigKey::LimitNetworkRequests] {
        config.set(other, 0).unwrap();
    }
    endpoint.listen(SOCKET, Arc::new(config));
    let mut ask = |remote: &str, id: u32| {
        let from = route(remote);
        let cookie = cookie_for(&mut endpoint, NOW, from, id);
        let request = connect_request(id, cookie);
        let (event, _) = feed(&mut endpoint, NOW, from, &request);
        dropped(&event)
    };
    for id in 0..limits::MAX_PENDING_PER_SOURCE as u32 {
        assert_eq!(ask("10.0.0.1:1000", 0x11_0001 + id), None, "{id}");
    }
    let refused = ask("10.0.0.1:1001", 0x22_0001);
    assert_eq!(refused, Some(DropReason::SourceOverload));
    assert_eq!(ask("10.0.0.2:1000", 0x22_0002), None);
    for id in 1..400 {
        assert_eq!(ask("127.0.0.1:1000", 0x33_0000 + id), None, "loopback");
    }
}

#[test]
fn what_nobody_waits_for_is_dropped_with_its_reason() {
    let mut endpoint = server();
    let from = route("10.0.0.1:1000");
    let cases: [(&[u8], DropReason); 6] = [
        (&[0x20; 4], DropReason::TooShort),
        (&[0x80; 1301], DropReason::TooLong),
        (&[0x7F; 20], DropReason::UnknownKind),
        (&[0x20; 511], DropReason::BadPadding),
        (&[0x81; 40], DropReason::UnknownConnection),
        (&[0xFF; 40], DropReason::LegacyBroadcast),
    ];
    for (bytes, reason) in cases {
        let (event, reply) = feed(&mut endpoint, NOW, from, bytes);
        assert_eq!(dropped(&event), Some(reason));
        assert!(reply.is_empty());
        assert_eq!(endpoint.drops().of(reason), 1);
    }
}

#[test]
fn an_unknown_close_is_answered() {
    let mut endpoint = server();
    let mut packet = Vec::new();
    let closed = udp::ConnectionClosed {
        to: Some(ConnectionId::new(5)),
        from: Some(ConnectionId::new(6)),
        reason: EndReason::APP_GENERIC,
        text: "".into(),
        rejection: None,
    };
    closed.encode(&mut packet);
    let (event, reply) = feed(&mut endpoint, NOW, route("10.0.0.1:1000"), &packet);
    assert!(matches!(event, DatagramEvent::Reply));
    let expected = udp::NoConnection {
        to: Some(ConnectionId::new(6)),
        from: Some(ConnectionId::new(5)),
    };
    assert_eq!(
        udp::parse(&reply).unwrap(),
        UdpPacket::NoConnection(expected)
    );
}

#[test]
fn several_connections_share_a_socket_to_a_server_of_ours() {
    let mut pair = Pair::new();
    let (first, _) = pair.connect(Config::new());
    let (second, _) = pair.connect(Config::new());
    assert_ne!(first, second);
    assert_eq!(pair.client.state(first), ConnectionState::Connected);
}

#[test]
fn an_address_is_not_dialled_again_too_soon() {
    let mut pair = Pair::new();
    pair.lose = alloc::boxed::Box::new(|_, _, _| true);
    let id = pair.dial(Config::new());
    let to_server = route("127.0.0.1:2000");
    assert!(!pair.client.endpoint.can_dial(pair.now, to_server));
    let now = pair.now;
    let connection = pair.client.connections.get_mut(&id).unwrap();
    connection.close(now, EndReason::APP_GENERIC, "", false);
    pair.run(Span::from_millis(5_900));
    assert!(!pair.client.endpoint.can_dial(pair.now, to_server));
    pair.run(Span::from_millis(200));
    assert!(pair.client.endpoint.can_dial(pair.now, to_server));
}

#[test]
fn bad_addresses_are_refused() {
    let mut endpoint = server();
    for bad in ["10.0.0.1:0", "0.0.0.0:5", "[::]:5", "224.0.0.1:5"] {
        let config = Arc::new(Config::new());
        let error = endpoint.connect(NOW, route(bad), config).unwrap_err();
        assert_eq!(error, ConnectError::BadAddress, "{bad}");
    }
}

#[test]
fn every_length_of_every_first_byte_is_survived() {
    let (mut pair, client, server) = Pair::connected();
    let now = pair.now;
    let ids = [client, server];
    for first in 0..=255u8 {
        for len in (0..64).chain((64..1500).step_by(101)) {
            let mut bytes = vec![0x5A; len];
            if let Some(slot) = bytes.first_mut() {
                *slot = first;
            }
            for id in ids {
                // As if it were for the connection, so that it gets past the routing.
                if let Some(slot) = bytes.get_mut(1..5) {
                    slot.copy_from_slice(&id.get().to_le_bytes());
                }
                for side in [&mut pair.client, &mut pair.server] {
                    let _ = feed(&mut side.endpoint, now, route("127.0.0.1:1000"), &bytes);
                    for connection in side.connections.values_mut() {
                        connection.handle_datagram(
                            now,
                            &DatagramMeta::default(),
                            &mut bytes.clone(),
                        );
                    }
                }
            }
        }
    }
    assert_eq!(pair.client.state(client), ConnectionState::Connected);
    assert_eq!(pair.server.state(server), ConnectionState::Connected);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn arbitrary_datagrams_never_panic(
        datagrams in prop::collection::vec((0u8..8, prop::collection::vec(any::<u8>(), 0..600)), 1..20),
    ) {
        let mut endpoint = server();
        for (kind, mut bytes) in datagrams {
            if let Some(first) = bytes.first_mut() {
                *first = [0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x80, *first][usize::from(kind)];
            }
            let _ = feed(&mut endpoint, NOW, route("10.0.0.1:1000"), &bytes);
        }
        prop_assert_eq!(endpoint.connections(), 0);
    }

    #[test]
    fn arbitrary_plaintexts_never_panic(
        plaintexts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 1..30),
    ) {
        // Behind the cipher: what an authenticated but hostile peer can send.
        let (mut pair, client, server) = Pair::connected();
        let now = pair.now;
        for plaintext in plaintexts {
            let connection = pair.client.connections.get_mut(&client).unwrap();
            let packet = connection.seal_for_test(&plaintext);
            let receiver = pair.server.connections.get_mut(&server).unwrap();
            receiver.handle_datagram(now, &DatagramMeta::default(), &mut packet.clone());
            pair.drain();
        }
        pair.run(Span::from_secs(1));
    }
}
