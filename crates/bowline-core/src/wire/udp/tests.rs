use std::string::ToString;
use std::vec;

use proptest::prelude::*;

use super::*;

#[derive(serde::Deserialize)]
struct Recorded {
    from: String,
    hex: String,
}

/// One whole session between two GNS programs, as it was on the wire.
fn recorded_session() -> Vec<(String, Vec<u8>)> {
    let text = include_str!("../../../testdata/handshake_trace.json");
    let packets: Vec<Recorded> = serde_json::from_str(text).unwrap();
    packets
        .into_iter()
        .map(|packet| (packet.from, bytes(&packet.hex)))
        .collect()
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(core::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

fn encoded(packet: &UdpPacket<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    match packet {
        UdpPacket::Data(datagram) => out.extend_from_slice(datagram),
        UdpPacket::ChallengeRequest(packet) => packet.encode(&mut out),
        UdpPacket::ChallengeReply(packet) => packet.encode(&mut out),
        UdpPacket::ConnectRequest(packet) => packet.encode(&mut out),
        UdpPacket::ConnectOk(packet) => packet.encode(&mut out),
        UdpPacket::ConnectionClosed(packet) => packet.encode(&mut out),
        UdpPacket::NoConnection(packet) => packet.encode(&mut out),
    }
    out
}

fn padded_to_512(head: &str) -> Vec<u8> {
    let mut datagram = bytes(head);
    datagram.resize(512, 0);
    datagram
}

fn id(value: u32) -> Option<ConnectionId> {
    Some(ConnectionId::new(value))
}

fn closed(text: &str) -> ConnectionClosed {
    ConnectionClosed {
        to: id(0xA431_882B),
        from: id(0x2BCD_E7F3),
        reason: EndReason::LIBRARY_SHUTDOWN,
        text: text.to_string(),
        rejection: None,
    }
}

#[test]
fn recorded_session_parses_and_encodes_back() {
    let (client, server) = (
        ConnectionId::new(0x9439_4786),
        ConnectionId::new(0x2CEC_2B2F),
    );
    let mut kinds = Vec::new();
    for (from, datagram) in recorded_session() {
        let packet = parse(&datagram).unwrap();
        assert_eq!(encoded(&packet), datagram);
        let (kind, named) = match packet {
            UdpPacket::Data(datagram) => {
                let to = crate::wire::data_header::peek_to(datagram).unwrap();
                assert_eq!(to, if from == "client" { server } else { client });
                continue;
            }
            UdpPacket::ChallengeRequest(packet) => ("challenge", packet.connection_id),
            UdpPacket::ChallengeReply(packet) => ("cookie", packet.connection_id),
            UdpPacket::ConnectRequest(packet) => {
                assert_eq!(packet.cert.cert.as_ref().map(Vec::len), Some(68));
                assert_eq!(packet.crypt.info.as_ref().map(Vec::len), Some(49));
                assert_eq!(packet.crypt.signature.as_ref().map(Vec::len), Some(64));
                assert_eq!(packet.ping_est_ms, Some(0));
                assert_eq!(packet.identity, RequestIdentity::default());
                ("connect", packet.client_connection_id)
            }
            UdpPacket::ConnectOk(packet) => {
                assert_eq!(packet.server_connection_id, server);
                assert_eq!(packet.delay_time_us, Some(1861));
                ("ok", packet.client_connection_id)
            }
            UdpPacket::ConnectionClosed(packet) => {
                assert_eq!(packet.to, Some(server));
                assert_eq!(packet.reason, EndReason::APP_GENERIC);
                assert_eq!(packet.text, "Application closed connection");
                ("closed", packet.from.unwrap())
            }
            UdpPacket::NoConnection(packet) => ("none", packet.to.unwrap()),
        };
        assert_eq!(named, client);
        kinds.push(kind);
    }
    assert_eq!(kinds, ["challenge", "cookie", "connect", "ok", "closed"]);
}

#[test]
fn challenge_as_captured() {
    let datagram = padded_to_512("20 1000 0DED02A0EA 191838EF7DBA020000 200D");
    let expected = ChallengeRequest {
        connection_id: ConnectionId::new(0xEAA0_02ED),
        my_timestamp: 3_000_000_002_072,
        protocol_version: 13,
    };
    assert_eq!(parse(&datagram), Ok(UdpPacket::ChallengeRequest(expected)));
    assert_eq!(encoded(&UdpPacket::ChallengeRequest(expected)), datagram);
}

#[test]
fn challenge_reply_as_captured() {
    let datagram = bytes("21 0D2B8831A4 11DFA74823A1972289 19017B61FAE8000000 200D");
    let expected = ChallengeReply {
        connection_id: ConnectionId::new(0xA431_882B),
        challenge: 0x8922_97A1_2348_A7DF,
        your_timestamp: 0xE8_FA61_7B01,
        protocol_version: 13,
        finds_by_connection_id: false,
    };
    assert_eq!(parse(&datagram), Ok(UdpPacket::ChallengeReply(expected)));
    assert_eq!(encoded(&UdpPacket::ChallengeReply(expected)), datagram);
}

#[test]
fn no_connection_as_captured() {
    let both = NoConnection {
        to: id(0xA431_882B),
        from: id(0x2BCD_E7F3),
    };
    let datagram = bytes("25 15F3E7CD2B 1D2B8831A4");
    assert_eq!(parse(&datagram), Ok(UdpPacket::NoConnection(both)));
    assert_eq!(encoded(&UdpPacket::NoConnection(both)), datagram);
    let from_only = NoConnection {
        to: None,
        from: id(0x5566_7788),
    };
    let datagram = bytes("25 1588776655");
    assert_eq!(parse(&datagram), Ok(UdpPacket::NoConnection(from_only)));
    let with_zero = bytes("25 1588776655 1D00000000");
    assert_eq!(parse(&with_zero), Ok(UdpPacket::NoConnection(from_only)));
}

#[test]
fn connection_closed_has_the_captured_layout() {
    let text = "thirty-one bytes of plain text.";
    let datagram = encoded(&UdpPacket::ConnectionClosed(closed(text)));
    assert_eq!(datagram.len(), 512);
    assert_eq!(datagram[..5], bytes("24 2E00 121F"));
    assert_eq!(datagram[36..49], bytes("18B717 252B8831A4 2DF3E7CD2B"));
    assert!(datagram[49..].iter().all(|byte| *byte == 0));
    assert_eq!(
        parse(&datagram),
        Ok(UdpPacket::ConnectionClosed(closed(text)))
    );
}

#[test]
fn close_with_a_text_that_is_not_utf8_stays_a_close() {
    let datagram = padded_to_512("24 0900 1202FF41 2501000200");
    let Ok(UdpPacket::ConnectionClosed(packet)) = parse(&datagram) else {
        panic!("must parse");
    };
    assert_eq!(packet.text, "\u{FFFD}A");
    assert_eq!((packet.to, packet.from), (id(0x0002_0001), None));
    assert_eq!(packet.reason, EndReason::INVALID);
}

#[test]
fn limit_close_text_is_cut_between_characters() {
    let long = "ä".repeat(100);
    let datagram = encoded(&UdpPacket::ConnectionClosed(closed(&long)));
    let Ok(UdpPacket::ConnectionClosed(packet)) = parse(&datagram) else {
        panic!("must parse");
    };
    assert_eq!(packet.text, "ä".repeat(63));

    // What a peer sends too long is cut as well: 300 bytes, none of them UTF-8.
    let mut datagram = bytes("24 2F01 12AC02");
    datagram.extend_from_slice(&[0xFF; 300]);
    datagram.resize(512, 0);
    let Ok(UdpPacket::ConnectionClosed(packet)) = parse(&datagram) else {
        panic!("must parse");
    };
    assert_eq!(packet.text, "\u{FFFD}".repeat(42));

    let datagram = encoded(&UdpPacket::ConnectionClosed(closed("seen\0unseen")));
    assert_eq!(
        parse(&datagram),
        Ok(UdpPacket::ConnectionClosed(closed("seen")))
    );
}

#[test]
fn padded_packets_need_their_padding() {
    let whole = padded_to_512("20 1000 0DED02A0EA 191838EF7DBA020000 200D");
    assert_eq!(parse(&whole[..511]), Err(DropReason::BadPadding));
    let no_message = padded_to_512("20 0000 0DED02A0EA");
    assert_eq!(parse(&no_message), Err(DropReason::BadPadding));
    let longer_than_datagram = padded_to_512("20 FE01 0DED02A0EA");
    assert_eq!(parse(&longer_than_datagram), Err(DropReason::BadPadding));
    let mut noisy = whole.clone();
    noisy[19..].fill(0xAB);
    assert_eq!(parse(&noisy), parse(&whole));
}

#[test]
fn ids_that_must_be_there_are_required() {
    let without = padded_to_512("20 0900 191838EF7DBA020000");
    assert_eq!(parse(&without), Err(DropReason::BadMessage));
    let zero = padded_to_512("20 0500 0D00000000");
    assert_eq!(parse(&zero), Err(DropReason::BadMessage));
    let half_zero = padded_to_512("20 0500 0D00000100");
    assert!(parse(&half_zero).is_ok());
    assert_eq!(
        parse(&bytes("21 11DFA74823A1972289")),
        Err(DropReason::BadMessage)
    );
    assert_eq!(parse(&bytes("22 0D01000100")), Err(DropReason::BadMessage));
    assert_eq!(
        parse(&bytes("23 2D01000100 0D00000000")),
        Err(DropReason::BadMessage)
    );
}

#[test]
fn connect_ok_without_server_id_still_parses() {
    let Ok(UdpPacket::ConnectOk(packet)) = parse(&bytes("23 0D01000100")) else {
        panic!("must parse, so that the client can fail with a reason");
    };
    assert_eq!(packet.server_connection_id, ConnectionId::new(0));
    assert_eq!(packet.cert, pb::CertificateSigned::default());
}

#[test]
fn unknown_fields_are_skipped() {
    let datagram = bytes("25 1588776655 C03E01 BA3E0161");
    assert!(matches!(parse(&datagram), Ok(UdpPacket::NoConnection(_))));
}

#[test]
fn kinds_are_told_by_the_first_byte() {
    assert_eq!(parse(&[0x80, 0, 0, 0]), Err(DropReason::TooShort));
    assert_eq!(
        parse(&[0xFF; 5]),
        Ok(UdpPacket::Data(&[0xFF, 0xFF, 0xFF, 0xFF, 0xFF]))
    );
    assert!(is_legacy_broadcast(&[0xFF; 5]));
    assert!(!is_legacy_broadcast(&[0xFF, 0xFF, 0xFF]));
    for kind in (0..0x20).chain(0x26..0x80) {
        assert_eq!(parse(&[kind, 0, 0, 0, 0]), Err(DropReason::UnknownKind));
    }
}

#[test]
fn our_own_field_of_the_reply_comes_back() {
    let reply = ChallengeReply {
        connection_id: ConnectionId::new(0x0001_0001),
        challenge: 7,
        your_timestamp: 8,
        protocol_version: 13,
        finds_by_connection_id: true,
    };
    let datagram = encoded(&UdpPacket::ChallengeReply(reply));
    assert_eq!(parse(&datagram), Ok(UdpPacket::ChallengeReply(reply)));
}

fn identity() -> impl Strategy<Value = RequestIdentity> {
    let binary = prop::option::of(any::<[u8; 18]>()).prop_map(|ip| {
        ip.map(|ip| pb::IdentityLegacyBinary {
            ipv6_and_port: Some(ip.to_vec()),
            ..Default::default()
        })
    });
    (any::<Option<String>>(), binary, any::<Option<u64>>()).prop_map(
        |(identity_string, legacy_identity_binary, legacy_steam_id)| RequestIdentity {
            identity_string,
            legacy_identity_binary,
            legacy_steam_id,
        },
    )
}

fn cert() -> impl Strategy<Value = pb::CertificateSigned> {
    (any::<Option<Vec<u8>>>(), any::<Option<u64>>()).prop_map(|(cert, ca_key_id)| {
        pb::CertificateSigned {
            cert,
            ca_key_id,
            ..Default::default()
        }
    })
}

fn crypt() -> impl Strategy<Value = pb::SessionCryptInfoSigned> {
    (any::<Option<Vec<u8>>>(), any::<Option<Vec<u8>>>())
        .prop_map(|(info, signature)| pb::SessionCryptInfoSigned { info, signature })
}

proptest! {
    #[test]
    fn connect_request_comes_back(
        client in 1u32..,
        challenge: u64,
        my_timestamp: Option<u64>,
        ping_est_ms: Option<u32>,
        (cert, crypt, identity) in (cert(), crypt(), identity()),
    ) {
        let request = UdpPacket::ConnectRequest(Box::new(ConnectRequest {
            client_connection_id: ConnectionId::new(client),
            challenge,
            cert,
            my_timestamp,
            ping_est_ms,
            crypt,
            identity,
        }));
        let datagram = encoded(&request);
        prop_assert_eq!(parse(&datagram), Ok(request));
    }

    #[test]
    fn connect_ok_comes_back(
        client in 1u32..,
        server: u32,
        your_timestamp: Option<u64>,
        delay_time_us: Option<u32>,
        (cert, crypt, identity) in (cert(), crypt(), identity()),
    ) {
        let ok = UdpPacket::ConnectOk(Box::new(ConnectOk {
            client_connection_id: ConnectionId::new(client),
            server_connection_id: ConnectionId::new(server),
            your_timestamp,
            delay_time_us,
            cert,
            crypt,
            identity,
        }));
        let datagram = encoded(&ok);
        prop_assert_eq!(parse(&datagram), Ok(ok));
    }

    #[test]
    fn close_comes_back(to in prop::option::of(1u32..), from in prop::option::of(1u32..), code: u32, text: String, rejection: Option<u32>) {
        let packet = ConnectionClosed {
            to: to.map(ConnectionId::new),
            from: from.map(ConnectionId::new),
            reason: EndReason::new(code),
            text,
            rejection: rejection.map(Rejection::from_code),
        };
        let expected = ConnectionClosed { text: cut_text(&packet.text).into(), ..packet.clone() };
        prop_assert!(expected.text.len() <= MAX_CLOSE_TEXT);
        let datagram = encoded(&UdpPacket::ConnectionClosed(packet));
        prop_assert_eq!(datagram.len(), 512);
        prop_assert_eq!(parse(&datagram), Ok(UdpPacket::ConnectionClosed(expected)));
    }

    #[test]
    fn what_is_seen_of_a_request_at_a_glance_is_what_it_says(
        kind in 0x21u8..0x24,
        request in (1u32.., any::<u64>(), cert(), crypt(), identity()),
        at: prop::sample::Index,
        damage: Option<u8>,
    ) {
        let (client, challenge, cert, crypt, identity) = request;
        let mut datagram = encoded(&UdpPacket::ConnectRequest(Box::new(ConnectRequest {
            client_connection_id: ConnectionId::new(client),
            challenge,
            cert,
            my_timestamp: Some(5),
            ping_est_ms: Some(6),
            crypt,
            identity,
        })));
        prop_assert_eq!(
            peek_request(&datagram),
            Some(Ok((ConnectionId::new(client), challenge)))
        );
        let at = at.index(datagram.len());
        if let Some(byte) = damage {
            datagram[at] = byte;
        } else {
            datagram[0] = kind;
        }
        match (parse(&datagram), peek_request(&datagram)) {
            (Ok(UdpPacket::ConnectRequest(packet)), seen) => {
                let said = (packet.client_connection_id, packet.challenge);
                // Groups are not skipped at a glance.
                prop_assert!(seen == Some(Ok(said)) || seen == Some(Err(DropReason::BadMessage)));
            }
            (Ok(_), seen) => prop_assert_eq!(seen, None),
            // At a glance less is wrong.
            (Err(_), _) => {}
        }
    }

    #[test]
    fn any_bytes_are_survived(kind in 0x1Fu8..0x28, mut datagram in prop::collection::vec(any::<u8>(), 0..600)) {
        let _ = (parse(&datagram), peek_request(&datagram));
        if let Some(first) = datagram.first_mut() {
            *first = kind;
        }
        let _ = (parse(&datagram), peek_request(&datagram));
    }

    #[test]
    fn damaged_packets_are_survived(which in 0usize..8, at: prop::sample::Index, byte: u8, cut: prop::sample::Index) {
        let (_, mut datagram) = recorded_session().swap_remove(which);
        let at = at.index(datagram.len());
        datagram[at] = byte;
        let _ = parse(&datagram);
        let _ = parse(&datagram[..cut.index(datagram.len())]);
    }
}

#[test]
fn padding_starts_at_the_datagram_not_at_the_buffer() {
    let mut out = vec![0xEE; 100];
    closed("bye").encode(&mut out);
    assert_eq!(out.len(), 612);
    assert!(parse(&out[100..]).is_ok());
}
