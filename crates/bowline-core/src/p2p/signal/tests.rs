use std::format;

use proptest::collection::vec as vec_of;
use proptest::option::of as option_of;
use proptest::prelude::*;

use super::*;
use crate::limits::MAX_CLOSE_TEXT;

fn signal() -> Signal {
    Signal {
        from_identity: "str:anna".parse().unwrap(),
        from_id: Some(ConnectionId::new(0x0001_0002)),
        to_identity: Some("str:ben".into()),
        to_id: None,
        ice_enabled: true,
        kind: SignalKind::None,
        ack: Some(0),
        first_reliable: Some(1),
        reliable: Vec::from([
            ReliableMessage::Auth {
                password: "secret".into(),
            },
            ReliableMessage::Candidate(
                "candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host".into(),
            ),
            ReliableMessage::Unknown,
        ]),
        has_unsupported: Unsupported::default(),
    }
}

fn request() -> SignalKind {
    SignalKind::ConnectRequest(Box::new(ConnectRequest {
        crypt: pb::SessionCryptInfoSigned {
            info: Some(Vec::from(*b"info")),
            signature: Some(Vec::from([7; 64])),
        },
        cert: pb::CertificateSigned {
            cert: Some(Vec::from(*b"cert")),
            ..Default::default()
        },
        to_virtual_port: Some(7),
        from_virtual_port: None,
        from_fakeip: None,
    }))
}

fn encoded(signal: &Signal) -> Vec<u8> {
    let mut out = Vec::new();
    signal.encode(&mut out);
    out
}

fn wire(change: impl FnOnce(&mut pb::Rendezvous)) -> Vec<u8> {
    let mut message = pb::Rendezvous {
        from_identity: Some(Vec::from(*b"str:anna")),
        ..Default::default()
    };
    change(&mut message);
    message.encode_to_vec()
}

#[test]
fn a_signal_comes_back() {
    let mut sent = signal();
    assert_eq!(Signal::parse(&encoded(&sent)), Ok(sent.clone()));
    sent.kind = request();
    assert_eq!(Signal::parse(&encoded(&sent)), Ok(sent.clone()));
    sent.kind = SignalKind::Closed {
        reason: EndReason::new(1000),
        text: String::new(),
    };
    assert_eq!(Signal::parse(&encoded(&sent)), Ok(sent));
}

#[test]
fn every_truncation_is_refused_or_read() {
    let whole = encoded(&Signal {
        kind: request(),
        ..signal()
    });
    let mut read = 0;
    for len in 0..whole.len() {
        match Signal::parse(&whole[..len]) {
            Ok(_) => read += 1,
            Err(reason) => assert!(matches!(
                reason,
                DropReason::BadMessage | DropReason::BadIdentity
            )),
        }
    }
    assert!(read > 0, "fields that come last may be missing");
}

#[test]
fn the_sender_must_be_somebody() {
    for from in [
        None,
        Some(&b""[..]),
        Some(b"anna"),
        Some(b"str:\xFF"),
        Some(b"ip:169.254.1.2:3000"),
        Some(b"ip:169.254.0.0"),
    ] {
        let bytes = wire(|message| message.from_identity = from.map(Vec::from));
        assert_eq!(Signal::parse(&bytes), Err(DropReason::BadIdentity));
    }
    let bytes = wire(|message| message.from_identity = Some(Vec::from(*b"ip:169.253.1.2:3000")));
    assert!(Signal::parse(&bytes).is_ok());
}

#[test]
fn a_malformed_receiver_is_ignored() {
    let read = |to: &[u8]| {
        let bytes = wire(|message| message.to_identity = Some(to.to_vec()));
        Signal::parse(&bytes).unwrap().to_identity
    };
    assert_eq!(read(b"str:\xFF"), None);
    assert_eq!(read(b"nobody").as_deref(), Some("nobody"));
    assert_eq!(
        read(b"ip:169.254.1.2:3000").as_deref(),
        Some("ip:169.254.1.2:3000")
    );
}

#[test]
fn a_request_has_both_halves_of_its_keys() {
    let whole = pb::RendezvousRequest {
        crypt: Some(pb::SessionCryptInfoSigned::default()),
        cert: Some(pb::CertificateSigned::default()),
        ..Default::default()
    };
    let read = |request: pb::RendezvousRequest| {
        let ok = pb::RendezvousOk {
            crypt: request.crypt.clone(),
            cert: request.cert.clone(),
        };
        let request = Signal::parse(&wire(|message| message.connect_request = Some(request)));
        let ok = Signal::parse(&wire(|message| message.connect_ok = Some(ok)));
        (
            request.map(|signal| signal.kind),
            ok.map(|signal| signal.kind),
        )
    };
    assert!(matches!(
        read(whole.clone()),
        (
            Ok(SignalKind::ConnectRequest(_)),
            Ok(SignalKind::ConnectOk(_))
        )
    ));
    let refused = (Err(DropReason::BadMessage), Err(DropReason::BadMessage));
    let no_cert = pb::RendezvousRequest {
        cert: None,
        ..whole.clone()
    };
    assert_eq!(read(no_cert), refused);
    let no_crypt = pb::RendezvousRequest {
        crypt: None,
        ..whole
    };
    assert_eq!(read(no_crypt), refused);
}

#[test]
fn the_kind_that_ends_more_wins() {
    let bytes = wire(|message| {
        message.connect_ok = Some(pb::RendezvousOk::default());
        message.connection_closed = Some(pb::RendezvousClosed {
            debug: Some(Vec::from(*b"a\xFFb")),
            reason_code: Some(1234),
        });
    });
    let SignalKind::Closed { reason, text } = Signal::parse(&bytes).unwrap().kind else {
        panic!("a close is a close");
    };
    assert_eq!((reason.code(), &*text), (1234, "a\u{FFFD}b"));
}

#[test]
fn a_close_has_a_text_and_the_word_of_no_connection_none() {
    let debug = |reason, text: &str| {
        let closed = Signal {
            kind: SignalKind::Closed {
                reason,
                text: text.into(),
            },
            ..signal()
        };
        let message = pb::Rendezvous::decode(&encoded(&closed)[..]).unwrap();
        message.connection_closed.unwrap().debug
    };
    assert_eq!(debug(EndReason::APP_GENERIC, "").as_deref(), Some(&b""[..]));
    assert_eq!(
        debug(EndReason::APP_GENERIC, "bye").as_deref(),
        Some(&b"bye"[..])
    );
    assert_eq!(debug(NO_CONNECTION, "bye"), None);
}

#[test]
fn zero_is_no_id_of_a_sender_and_is_nobodys_at_the_receiver() {
    let bytes = wire(|message| {
        message.from_connection_id = Some(0);
        message.to_connection_id = Some(0);
    });
    let signal = Signal::parse(&bytes).unwrap();
    assert_eq!(signal.from_id, None);
    assert_eq!(signal.to_id, Some(ConnectionId::new(0)));
}

#[test]
fn what_we_do_not_support_is_noted() {
    let bytes = wire(|message| {
        message.sdr_routes = Some(Vec::from([1; 10]));
        message.ack_peer_routes_revision = Some(3);
        message.hosted_server_ticket = Some(Vec::new());
        message.application_messages = Vec::from([Vec::new(), Vec::from([0xFF])]);
    });
    let expected = Unsupported {
        sdr_routes: true,
        ack_peer_routes: true,
        hosted_server_ticket: true,
        application_messages: 2,
    };
    assert_eq!(Signal::parse(&bytes).unwrap().has_unsupported, expected);
    assert!(expected.any() && !Unsupported::default().any());
}

#[test]
fn unknown_fields_are_skipped_and_the_last_of_a_field_counts() {
    let mut bytes = encoded(&signal());
    // Field 500, of each wire type that there is.
    bytes.extend_from_slice(&[0xA0, 0x1F, 5]);
    bytes.extend_from_slice(&[0xA2, 0x1F, 2, 9, 9]);
    bytes.extend_from_slice(&[0xA5, 0x1F, 1, 2, 3, 4]);
    bytes.extend_from_slice(&[0xA1, 0x1F, 1, 2, 3, 4, 5, 6, 7, 8]);
    // A second acknowledgement.
    bytes.extend_from_slice(&[11 << 3, 77]);
    let expected = Signal {
        ack: Some(77),
        ..signal()
    };
    assert_eq!(Signal::parse(&bytes), Ok(expected));
}

#[test]
fn messages_that_come_twice_are_merged() {
    let half = |request| wire(|message| message.connect_request = Some(request));
    let mut bytes = half(pb::RendezvousRequest {
        crypt: Some(pb::SessionCryptInfoSigned::default()),
        to_virtual_port: Some(1),
        from_virtual_port: Some(2),
        ..Default::default()
    });
    bytes.extend(half(pb::RendezvousRequest {
        cert: Some(pb::CertificateSigned::default()),
        to_virtual_port: Some(3),
        ..Default::default()
    }));
    let SignalKind::ConnectRequest(request) = Signal::parse(&bytes).unwrap().kind else {
        panic!("two halves are a request");
    };
    assert_eq!(
        (request.to_virtual_port, request.from_virtual_port),
        (Some(3), Some(2))
    );
}

#[test]
fn limit_signal_bytes() {
    let with_ticket = |len: usize| {
        wire(|message| message.hosted_server_ticket = Some(Vec::from_iter((0..len).map(|_| 0))))
    };
    let overhead = with_ticket(16_000).len() - 16_000;
    let largest = with_ticket(MAX_SIGNAL - overhead);
    assert_eq!(largest.len(), MAX_SIGNAL);
    assert!(Signal::parse(&largest).is_ok());
    let larger = with_ticket(MAX_SIGNAL - overhead + 1);
    assert_eq!(Signal::parse(&larger), Err(DropReason::TooLong));
}

#[test]
fn limit_reliable_messages_of_a_signal() {
    let sent = Signal {
        reliable: (0..MAX_SIGNAL_MESSAGES + 1)
            .map(|n| ReliableMessage::Candidate(format!("{n}")))
            .collect(),
        ..signal()
    };
    let read = Signal::parse(&encoded(&sent)).unwrap();
    assert_eq!(read.reliable, sent.reliable[..MAX_SIGNAL_MESSAGES]);
}

#[test]
fn limit_texts_of_a_signal() {
    let long = "x".repeat(MAX_SIGNAL_FAKE_IP + 1);
    let mut request = request();
    let SignalKind::ConnectRequest(inner) = &mut request else {
        panic!("it is a request");
    };
    inner.from_fakeip = Some(long[1..].into());
    let whole = Signal {
        to_identity: Some("y".repeat(MAX_IDENTITY_UNKNOWN)),
        kind: request.clone(),
        ..signal()
    };
    assert_eq!(Signal::parse(&encoded(&whole)), Ok(whole.clone()));
    let SignalKind::ConnectRequest(inner) = &mut request else {
        panic!("it is a request");
    };
    inner.from_fakeip = Some(long);
    let too_long = Signal {
        to_identity: Some("y".repeat(MAX_IDENTITY_UNKNOWN + 1)),
        kind: request.clone(),
        ..signal()
    };
    let read = Signal::parse(&encoded(&too_long)).unwrap();
    assert_eq!(read.to_identity, None);
    let SignalKind::ConnectRequest(inner) = read.kind else {
        panic!("it is a request");
    };
    assert_eq!(inner.from_fakeip, None);
    let bytes = wire(|message| {
        message.connection_closed = Some(pb::RendezvousClosed {
            debug: Some(Vec::from([b'z'; 1000])),
            reason_code: Some(1),
        });
    });
    let SignalKind::Closed { text, .. } = Signal::parse(&bytes).unwrap().kind else {
        panic!("it is a close");
    };
    assert_eq!(text.len(), MAX_CLOSE_TEXT);
}

fn any_bytes() -> impl Strategy<Value = Option<Vec<u8>>> {
    option_of(vec_of(any::<u8>(), 0..80))
}

prop_compose! {
    fn any_crypt()(info in any_bytes(), signature in any_bytes()) -> pb::SessionCryptInfoSigned {
        pb::SessionCryptInfoSigned { info, signature }
    }
}

prop_compose! {
    fn any_cert()(
        cert in any_bytes(), ca_key_id in any::<Option<u64>>(), ca_signature in any_bytes(),
    ) -> pb::CertificateSigned {
        pb::CertificateSigned { cert, ca_key_id, ca_signature, ..Default::default() }
    }
}

prop_compose! {
    fn any_request()(
        crypt in any_crypt(),
        cert in any_cert(),
        to_virtual_port in any::<Option<u32>>(),
        from_virtual_port in any::<Option<u32>>(),
        from_fakeip in option_of("[ -~]{0,32}"),
    ) -> ConnectRequest {
        ConnectRequest { crypt, cert, to_virtual_port, from_virtual_port, from_fakeip }
    }
}

fn any_kind() -> impl Strategy<Value = SignalKind> {
    prop_oneof![
        Just(SignalKind::None),
        any_request().prop_map(|request| SignalKind::ConnectRequest(Box::new(request))),
        (any_crypt(), any_cert())
            .prop_map(|(crypt, cert)| SignalKind::ConnectOk(Box::new(ConnectOk { crypt, cert }))),
        (0_u32..9999, "[ -~]{0,127}").prop_map(|(reason, text)| SignalKind::Closed {
            reason: EndReason::new(reason),
            text,
        }),
    ]
}

fn any_reliable() -> impl Strategy<Value = ReliableMessage> {
    prop_oneof![
        "\\PC{1,60}".prop_map(|password| ReliableMessage::Auth { password }),
        "\\PC{1,120}".prop_map(ReliableMessage::Candidate),
        Just(ReliableMessage::Unknown),
    ]
}

prop_compose! {
    fn any_signal()(
        name in "[a-z]{0,20}",
        from_id in option_of(1_u32..),
        to_identity in option_of("\\PC{0,30}"),
        to_id in any::<Option<u32>>(),
        ice_enabled in any::<bool>(),
        kind in any_kind(),
        ack in any::<Option<u32>>(),
        first_reliable in any::<Option<u32>>(),
        reliable in vec_of(any_reliable(), 0..10),
    ) -> Signal {
        Signal {
            from_identity: Identity::str(&name).unwrap(),
            from_id: from_id.map(ConnectionId::new),
            to_identity,
            to_id: to_id.map(ConnectionId::new),
            ice_enabled,
            kind,
            ack,
            first_reliable,
            reliable,
            has_unsupported: Unsupported::default(),
        }
    }
}

proptest! {
    #[test]
    fn signals_round_trip(signal in any_signal()) {
        prop_assert_eq!(Signal::parse(&encoded(&signal)), Ok(signal));
    }

    #[test]
    fn changed_signals_never_panic_and_read_stably(
        signal in any_signal(), changes in vec_of((any::<prop::sample::Index>(), any::<u8>()), 0..4),
    ) {
        let mut bytes = encoded(&signal);
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(mut read) = Signal::parse(&bytes) {
            // What is not written is not read again.
            read.has_unsupported = Unsupported::default();
            if let SignalKind::Closed { reason: NO_CONNECTION, text } = &mut read.kind {
                text.clear();
            }
            prop_assert_eq!(Signal::parse(&encoded(&read)), Ok(read));
        }
    }
}
