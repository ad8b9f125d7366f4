//! Signals of live GNS hosts: see `testdata/signals`.

use crate::cert::certificate::Certificate;
use crate::crypto::vectors::hex_vec;

use super::*;

/// Reads the signal, and finds the same in what we write of it.
fn read(hex: &str) -> Signal {
    let bytes = hex_vec(hex);
    let signal = Signal::parse(&bytes).unwrap();
    let mut again = Vec::new();
    signal.encode(&mut again);
    assert_eq!(Signal::parse(&again), Ok(signal.clone()));
    assert_eq!(
        pb::Rendezvous::decode(&again[..]),
        pb::Rendezvous::decode(&bytes[..]),
        "the same fields"
    );
    assert!(!signal.has_unsupported.any());
    signal
}

fn connect_request() -> Signal {
    read(include_str!(
        "../../../testdata/signals/connect_request.hex"
    ))
}

fn connect_ok() -> Signal {
    read(include_str!("../../../testdata/signals/connect_ok.hex"))
}

/// Both begin with the password, and go on with host candidates.
fn assert_first_messages(signal: &Signal) {
    assert_eq!(signal.first_reliable, Some(1));
    let Some((ReliableMessage::Auth { password }, candidates)) = signal.reliable.split_first()
    else {
        panic!("no password comes first: {:?}", signal.reliable);
    };
    assert!(!password.is_empty());
    assert!(!candidates.is_empty());
    for candidate in candidates {
        let ReliableMessage::Candidate(text) = candidate else {
            panic!("{candidate:?} is no candidate");
        };
        assert!(text.starts_with("candidate:") && text.ends_with(" typ host"));
    }
}

fn identity_of(cert: &pb::CertificateSigned) -> Option<Identity> {
    let cert = Certificate::parse(cert.cert()).unwrap();
    cert.identity().cloned()
}

#[test]
fn a_request_of_gns() {
    let signal = connect_request();
    let SignalKind::ConnectRequest(request) = &signal.kind else {
        panic!("not a request: {signal:?}");
    };
    assert_eq!(signal.from_identity, "str:anna".parse().unwrap());
    assert_eq!(signal.to_identity.as_deref(), Some("str:ben"));
    assert!(signal.from_id.is_some_and(ConnectionId::is_well_formed));
    assert_eq!((signal.to_id, signal.ice_enabled), (None, true));
    assert_eq!(
        (request.to_virtual_port, request.from_virtual_port),
        (Some(7), Some(7))
    );
    assert_eq!(signal.ack, Some(0));
    assert_eq!(
        identity_of(&request.cert),
        Some(signal.from_identity.clone())
    );
    assert_eq!(request.crypt.signature().len(), 64);
    assert_first_messages(&signal);
}

#[test]
fn an_answer_of_gns() {
    let (request, signal) = (connect_request(), connect_ok());
    let SignalKind::ConnectOk(ok) = &signal.kind else {
        panic!("not an answer: {signal:?}");
    };
    assert_eq!(signal.to_id, request.from_id);
    assert!(signal.from_id.is_some_and(ConnectionId::is_well_formed));
    assert_eq!(identity_of(&ok.cert), Some(signal.from_identity.clone()));
    assert_first_messages(&signal);
}

#[test]
fn a_late_candidate_of_gns() {
    let signal = read(include_str!("../../../testdata/signals/candidate.hex"));
    assert_eq!(signal.kind, SignalKind::None);
    assert_eq!(
        (signal.from_id, signal.to_id),
        (connect_request().from_id, connect_ok().from_id)
    );
    let already = connect_request().reliable.len();
    assert_eq!(
        signal.first_reliable,
        u32::try_from(already).ok().map(|already| already + 1)
    );
    let [ReliableMessage::Candidate(text)] = &signal.reliable[..] else {
        panic!("{:?} is not one candidate", signal.reliable);
    };
    assert!(text.contains(" 203.0.113.9 ") && text.contains(" typ srflx"));
}

#[test]
fn an_acknowledgement_of_gns() {
    let signal = read(include_str!(
        "../../../testdata/signals/acknowledgement.hex"
    ));
    assert_eq!(signal.kind, SignalKind::None);
    let sent = u32::try_from(connect_ok().reliable.len()).ok();
    assert_eq!((signal.ack, signal.first_reliable), (sent, None));
}

#[test]
fn a_close_of_gns_and_its_answer() {
    let signal = read(include_str!("../../../testdata/signals/close.hex"));
    let reason = EndReason::new(1234);
    let text = "not today".into();
    assert_eq!(signal.kind, SignalKind::Closed { reason, text });
    assert!(signal.from_id.is_some() && signal.to_id.is_some());
    let signal = read(include_str!("../../../testdata/signals/no_connection.hex"));
    let reason = NO_CONNECTION;
    let text = String::new();
    assert_eq!(signal.kind, SignalKind::Closed { reason, text });
}
