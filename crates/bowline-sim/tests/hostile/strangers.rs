//! Classes 1 to 4 and 6: what reaches an endpoint before anybody has proved an address.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use bowline_core::counters::DropReason;
use bowline_core::end_reason::EndReason;
use bowline_core::ids::ConnectionId;
use bowline_core::limits;
use bowline_core::time::Span;
use bowline_core::wire::udp;
use bowline_sim::scripted::{Heard, Outcome, Script, ScriptedPeer, Stage};

use crate::memory::held_bytes;
use crate::support::{address, talk};

/// Bytes that look random and are the same every time.
fn noise(len: usize, seed: u32) -> Vec<u8> {
    let mut state = seed | 1;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..len).map(|_| next()).collect()
}

fn replies_of(stage: &mut Stage, from: SocketAddr, datagram: &[u8]) -> (Outcome, usize) {
    let (outcome, sent) = stage.inject(from, datagram);
    let bytes = sent.iter().map(|datagram| datagram.bytes.len()).sum();
    (outcome, bytes)
}

#[test]
fn class_01_every_length_of_every_first_byte_from_a_stranger() {
    let mut stage = Stage::listening();
    let from = address("203.0.113.5:999");
    let (mut sent, mut replied) = (0, 0);
    for fill in [None, Some(1), Some(2)] {
        for len in 0..=1500_usize {
            let mut datagram = fill.map_or_else(|| vec![0; len], |seed| noise(len, seed));
            for first in 0..=u8::MAX {
                if let Some(byte) = datagram.first_mut() {
                    *byte = first;
                }
                let (outcome, bytes) = replies_of(&mut stage, from, &datagram);
                assert!(bytes <= len, "{bytes} bytes for {first:02x} of {len}");
                sent += 1;
                match outcome {
                    Outcome::Dropped(_) => {}
                    Outcome::Replied => replied += 1,
                    other => panic!("{first:02x} of {len}: {other:?}"),
                }
            }
        }
    }
    let drops = stage.endpoint.drops();
    assert_eq!(drops.total() + replied, sent, "each was counted");
    assert_eq!(
        drops.of(DropReason::TooShort),
        3 * 256 * 5 + 3 * 128 * 2,
        "and data below 7 bytes"
    );
    let too_long = 1500 - limits::MAX_DATAGRAM as u64;
    assert_eq!(drops.of(DropReason::TooLong), 3 * 256 * too_long);
    assert_eq!(stage.endpoint.connections(), 0);
}

#[test]
fn class_01_every_length_of_every_first_byte_from_where_a_connection_is() {
    let mut talk = talk();
    let id = talk.id.get().to_le_bytes();
    let from = talk.stage.peer_address;
    for len in 0..=1500_usize {
        let mut datagram = noise(len, len as u32);
        // For the connection, as far as that can be said.
        for (byte, of_id) in datagram.iter_mut().skip(1).zip(id) {
            *byte = of_id;
        }
        for first in 0..=u8::MAX {
            if let Some(byte) = datagram.first_mut() {
                *byte = first;
            }
            let (outcome, bytes) = replies_of(&mut talk.stage, from, &datagram);
            assert!(bytes <= len.max(limits::MIN_PADDED_DATAGRAM), "{outcome:?}");
        }
    }
    assert_eq!(talk.stage.endpoint.connections(), 1);
    talk.assert_still_works();
}

/// A client's connect request with a cookie that is good, for connections that nobody has made yet.
fn fresh_request(stage: &mut Stage, peer: &mut ScriptedPeer) -> Vec<u8> {
    let start = peer.start(stage.now());
    let (_, sent) = stage.inject(stage.peer_address, &start);
    let mut answers = peer.handle(stage.now(), &sent[0].bytes);
    answers.remove(0)
}

#[test]
fn class_02_a_request_that_is_cut_anywhere_makes_no_connection() {
    let mut stage = Stage::listening();
    let mut peer = ScriptedPeer::client(1);
    let request = fresh_request(&mut stage, &mut peer);
    let from = stage.peer_address;
    for len in 0..request.len() {
        let (outcome, bytes) = replies_of(&mut stage, from, &request[..len]);
        assert_eq!(bytes, 0, "cut to {len}");
        let Outcome::Dropped(reason) = outcome else {
            panic!("cut to {len}: {outcome:?}");
        };
        let expected = [
            DropReason::TooShort,
            DropReason::BadMessage,
            DropReason::BadCertificate,
            DropReason::BadCrypt,
        ];
        assert!(expected.contains(&reason), "cut to {len}: {reason}");
    }
    assert_eq!(stage.endpoint.connections(), 0);
    let (outcome, _) = replies_of(&mut stage, from, &request);
    assert!(
        matches!(outcome, Outcome::Incoming(_)),
        "all of it makes one"
    );
}

/// What a datagram becomes when bytes are put behind it, which are further fields.
fn with_field(stage: &mut Stage, peer: &mut ScriptedPeer, field: &[u8]) -> Outcome {
    let mut request = fresh_request(stage, peer);
    request.extend_from_slice(field);
    replies_of(stage, stage.peer_address, &request).0
}

#[test]
fn class_02_fields_that_are_no_protobuf_are_refused() {
    let mut stage = Stage::listening();
    let mut peer = ScriptedPeer::client(1);
    let nested = vec![0x9B; 900];
    let broken: [&[u8]; 9] = [
        // Keys and values that never end, or are longer than any number.
        &[0xFF; 20],
        &[
            0x28, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01,
        ],
        &[0x80],
        // Lengths beyond the packet, beyond 32 bits and beyond 64.
        &[0x22, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F],
        &[
            0x22, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01,
        ],
        &[0x22, 0x7F],
        // Field 0, a wire type that does not exist, and groups within groups without end.
        &[0x00, 0x00],
        &[0x0F, 0x00],
        &nested,
    ];
    for field in broken {
        let outcome = with_field(&mut stage, &mut peer, field);
        assert_eq!(
            outcome,
            Outcome::Dropped(DropReason::BadMessage),
            "{field:?}"
        );
    }
    assert_eq!(stage.endpoint.connections(), 0);
}

#[test]
fn class_02_fields_that_nobody_knows_and_fields_that_come_twice_are_taken() {
    let fields: [&[u8]; 4] = [
        // Unknown: a number, a text, 64 bits.
        &[0xA0, 0x06, 0x05],
        &[0xA2, 0x06, 0x03, b'a', b'b', b'c'],
        &[0xA1, 0x06, 1, 2, 3, 4, 5, 6, 7, 8],
        // The timestamp again: the last one counts.
        &[0x29, 1, 2, 3, 4, 5, 6, 7, 8],
    ];
    for field in fields {
        let mut stage = Stage::listening();
        let mut peer = ScriptedPeer::client(1);
        let outcome = with_field(&mut stage, &mut peer, field);
        assert!(
            matches!(outcome, Outcome::Incoming(_)),
            "{field:?}: {outcome:?}"
        );
    }
    // The cookie again, with another value.
    let mut stage = Stage::listening();
    let mut peer = ScriptedPeer::client(1);
    let outcome = with_field(&mut stage, &mut peer, &[0x11, 1, 2, 3, 4, 5, 6, 7, 8]);
    let refused = [DropReason::BadChallenge, DropReason::StaleChallenge];
    assert!(
        refused
            .iter()
            .any(|reason| outcome == Outcome::Dropped(*reason))
    );
}

#[test]
fn class_02_padded_packets_lie_about_their_length_in_vain() {
    let mut stage = Stage::listening();
    let from = address("203.0.113.5:999");
    let honest = ScriptedPeer::client(1).start(stage.now());
    let real = u16::from_le_bytes([honest[1], honest[2]]);
    for claimed in 0..=u16::MAX {
        if claimed == real {
            continue;
        }
        let mut lie = honest.clone();
        lie[1..3].copy_from_slice(&claimed.to_le_bytes());
        let (outcome, bytes) = replies_of(&mut stage, from, &lie);
        // Shorter ones may end between two fields; what is missing then is not needed for an answer.
        assert!(bytes <= lie.len());
        let fits = (1..=509).contains(&claimed);
        assert!(
            fits || outcome == Outcome::Dropped(DropReason::BadPadding),
            "{claimed}"
        );
    }
    let (outcome, _) = replies_of(&mut stage, from, &honest[..511]);
    assert_eq!(outcome, Outcome::Dropped(DropReason::BadPadding));
    assert_eq!(stage.endpoint.connections(), 0);
}

/// 200,000 datagrams from as many sources: nothing of them may be left.
#[test]
fn class_03_a_flood_of_spoofed_sources_leaves_no_state() {
    let mut stage = Stage::listening();
    let mut peer = ScriptedPeer::client(1);
    let challenge = peer.start(stage.now());
    let request = peer.connect_request(stage.now(), 0x1234_5678_9ABC_DEF0);
    let flood = |stage: &mut Stage, n: u32| {
        let from = SocketAddr::new(IpAddr::V4(Ipv4Addr::from(n * 85_899)), n as u16 | 1);
        let far = u128::from(n) << 64 | 1;
        let from_v6 = SocketAddr::new(IpAddr::V6(Ipv6Addr::from(far)), 1);
        for from in [from, from_v6] {
            for datagram in [&challenge, &request] {
                let (outcome, bytes) = replies_of(stage, from, datagram);
                assert!(bytes <= datagram.len());
                assert!(matches!(outcome, Outcome::Dropped(_) | Outcome::Replied));
            }
        }
    };
    // Each kind of refusal is counted, which takes memory when the first occurs.
    let mut flooded = 0;
    while stage.endpoint.drops().of(DropReason::Overload) == 0 {
        flood(&mut stage, flooded);
        flooded += 1;
    }
    let before = held_bytes();
    for n in flooded..50_000 {
        flood(&mut stage, n);
    }
    assert_eq!(
        held_bytes() - before,
        0,
        "bytes per source that proved nothing"
    );
    assert_eq!(stage.endpoint.connections(), 0);
    assert_eq!(stage.connections().count(), 0);
    // More questions than are answered in a second were dropped, and that is over after it.
    assert!(stage.endpoint.drops().of(DropReason::Overload) > 0);
    stage.advance_alone(Span::from_secs(2));
    stage.connect(&mut peer);
}

#[test]
fn class_04_no_reply_is_larger_than_what_drew_it() {
    let mut stage = Stage::listening();
    let mut peer = ScriptedPeer::client(1);
    let id = ConnectionId::new(0x0001_0001);
    let encode = |write: &dyn Fn(&mut Vec<u8>)| {
        let mut out = Vec::new();
        write(&mut out);
        out
    };
    let closed = |to, from| udp::ConnectionClosed {
        to,
        from,
        reason: EndReason::new(1000),
        text: String::new(),
        rejection: None,
    };
    let no_connection = udp::NoConnection {
        to: Some(id),
        from: Some(id),
    };
    let drawn = [
        // What is answered: a question for a cookie, and a close.
        (peer.start(stage.now()), true),
        (encode(&|out| closed(Some(id), Some(id)).encode(out)), true),
        (encode(&|out| closed(None, Some(id)).encode(out)), true),
        (encode(&|out| closed(Some(id), None).encode(out)), true),
        // And what is not.
        (peer.connect_request(stage.now(), 77), false),
        (encode(&|out| no_connection.encode(out)), false),
        ([&[0x80][..], &[1; 1000]].concat(), false),
        (vec![0xFF; 100], false),
    ];
    for (n, (datagram, is_answered)) in (1_u16..).zip(drawn) {
        let from = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), n);
        let (_, bytes) = replies_of(&mut stage, from, &datagram);
        assert_eq!(bytes > 0, is_answered, "datagram {n}");
        assert!(
            bytes * 10 <= datagram.len(),
            "{bytes} bytes for {}",
            datagram.len()
        );
    }
}

#[test]
fn class_04_a_stranger_who_quotes_a_connection_gets_no_more() {
    let mut talk = talk();
    let id = talk.id;
    // Somebody else's packets, from another address.
    let data = talk.peer.send_unreliable(crate::support::LANE, b"x");
    let close = talk.peer.close(EndReason::new(1000), "");
    let request = talk.peer.connect_request(talk.stage.now(), 1);
    let question = talk.peer.start(talk.stage.now());
    for datagram in [data, close, request, question] {
        let from = address("198.51.100.7:4000");
        let (outcome, bytes) = replies_of(&mut talk.stage, from, &datagram);
        assert_ne!(outcome, Outcome::Forwarded(id));
        assert!(bytes * 10 <= datagram.len(), "{outcome:?}");
    }
    talk.peer
        .set_next_message(crate::support::LANE, crate::support::message(1));
    talk.assert_still_works();
}

/// Brings as many clients through the handshake as the endpoint takes, each from its own port.
fn flood(stage: &mut Stage, ip: IpAddr, clients: u16) -> usize {
    let mut taken = 0;
    for n in 0..clients {
        stage.peer_address = SocketAddr::new(ip, 1000 + n);
        let mut peer = ScriptedPeer::client(u64::from(n) + 10);
        taken += usize::from(stage.try_connect(&mut peer).is_some());
    }
    taken
}

#[test]
fn class_06_one_source_cannot_take_the_room_of_all() {
    let mut stage = Stage::listening();
    stage.accepts = false;
    let most = limits::MAX_PENDING_PER_SOURCE;
    let v4 = address("203.0.113.5:1").ip();
    let from_address = flood(&mut stage, v4, most as u16 + 20);
    assert!(from_address <= most, "{from_address} from one address");
    // All of a network of 64 bits is one source.
    let mut from_network = 0;
    for host in 0..20_u128 {
        let ip = Ipv6Addr::from((0x2001_0DB8_0000_0001_u128 << 64) | (host + 1));
        from_network += flood(&mut stage, IpAddr::V6(ip), 15);
    }
    assert!(from_network <= most, "{from_network} from one network");
    let drops = stage.endpoint.drops();
    let refused = [
        DropReason::SourceOverload,
        DropReason::NetworkOverload,
        DropReason::SignatureOverload,
    ];
    let refused: u64 = refused.iter().map(|reason| drops.of(*reason)).sum();
    let taken = from_address + from_network;
    assert_eq!(refused as usize, most + 20 + 300 - taken, "{drops:?}");
    assert_eq!(stage.endpoint.connections(), taken);
    // Others still get in, once there is time again to check signatures.
    stage.advance_alone(Span::from_secs(1));
    let others = flood(&mut stage, address("198.51.100.7:1").ip(), 3);
    assert_eq!(others, 3);
}

#[test]
fn class_06_connections_that_nobody_accepts_end_and_make_room() {
    let mut stage = Stage::listening();
    stage.accepts = false;
    let ip = address("203.0.113.5:1").ip();
    let most = limits::MAX_PENDING_PER_SOURCE as u16;
    let taken = flood(&mut stage, ip, most + 5);
    let told = stage.advance_alone(Span::from_secs(11));
    let ids: Vec<ConnectionId> = stage.connections().collect();
    assert_eq!(ids.len(), taken);
    for id in &ids {
        assert_eq!(stage.info(*id).end_reason, EndReason::MISC_TIMEOUT);
    }
    assert!(told.iter().all(|datagram| datagram.bytes.len() <= 512));
    assert_eq!(told.len(), taken, "each client is told once");
    // The application lets go of them, and they are forgotten.
    for id in ids {
        let _ = stage.with(id, |connection, now| {
            connection.close(now, EndReason::new(1000), "", false);
        });
    }
    stage.advance_alone(Span::from_secs(6));
    assert_eq!(stage.endpoint.connections(), 0);
    assert_eq!(flood(&mut stage, ip, 3), 3);
}

#[test]
fn class_06_the_same_request_a_thousand_times_is_one_connection() {
    let mut stage = Stage::listening();
    stage.accepts = false;
    let mut peer = ScriptedPeer::new(
        bowline_core::crypto::kdf::Role::Client,
        1,
        Script::default(),
    );
    let request = fresh_request(&mut stage, &mut peer);
    let from = stage.peer_address;
    for n in 0..1000 {
        let (outcome, bytes) = replies_of(&mut stage, from, &request);
        assert_eq!(matches!(outcome, Outcome::Incoming(_)), n == 0);
        assert_eq!(bytes, 0, "the application has not decided");
    }
    assert_eq!(stage.endpoint.connections(), 1);
    assert!(
        peer.take_heard()
            .iter()
            .all(|heard| matches!(heard, Heard::ChallengeReply(_)))
    );
}
