//! Who is let in by signals: `docs/trust.md` has the table.

use std::time::SystemTime;
use std::time::UNIX_EPOCH;

use bowline::AuthPolicy;
use bowline::Config;
use bowline::Connection;
use bowline::ConnectionState;
use bowline::DropReason;
use bowline::EndReason;
use bowline::SignalError;
use bowline::Sockets;
use bowline::cert::AppId;
use bowline::cert::Authority;
use bowline::cert::CertStore;
use bowline::cert::KeyPair;
use bowline::cert::SignedCertificate;
use bowline::cert::default_crypto;
use bowline::cert::generate_key_pair;

use crate::room::Player;
use crate::room::Room;

const APP: u32 = 480;

fn store(root: &KeyPair) -> CertStore {
    let mut store = CertStore::new();
    store.add_root(&default_crypto(), root.public()).unwrap();
    store
}

/// Has the root vouch for who the player says that it is.
fn certify(root: &KeyPair, player: &Sockets) {
    let crypto = default_crypto();
    let mut request = player.certificate_request();
    request.app_ids = vec![AppId::new(APP)];
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let now = u32::try_from(now.as_secs()).unwrap();
    let authority = Authority::new(&crypto, root.private().clone());
    let signed = authority.issue(&crypto, &request.spec(now, now + 3600));
    let signed = SignedCertificate::from_message(signed).unwrap();
    player.set_certificate(&signed).unwrap();
}

fn room() -> (Room, [Player; 2]) {
    Room::with(["anna", "ben"], |builder| builder.app_id(APP))
}

fn is_proven(end: &Connection) -> bool {
    end.info().unwrap().authenticated
}

#[test]
fn without_an_authority_everybody_is_let_in_and_nobody_is_proven() {
    let root = generate_key_pair().unwrap();
    for has_certificates in [false, true] {
        let (mut room, [anna, ben]) = room();
        if has_certificates {
            certify(&root, &anna.sockets);
            certify(&root, &ben.sockets);
        }
        let ends = room.connect(&anna, &ben);
        assert!(!ends.iter().any(is_proven));
    }
}

#[test]
fn with_an_authority_who_has_its_certificate_is_proven() {
    let root = generate_key_pair().unwrap();
    let (mut room, [anna, ben]) = room();
    for player in [&anna, &ben] {
        certify(&root, &player.sockets);
        player.sockets.set_trust(store(&root));
    }
    let ends = room.connect(&anna, &ben);
    assert!(ends.iter().all(is_proven));
}

/// Settings for connections by address make no difference.
#[test]
fn with_an_authority_a_request_without_its_certificate_meets_silence() {
    let (root, other) = (generate_key_pair().unwrap(), generate_key_pair().unwrap());
    for shown in [None, Some(&other)] {
        let mut config = Config::new();
        config.set_auth(AuthPolicy::Allow);
        let (room, [anna, ben]) = Room::with(["anna", "ben"], |builder| {
            builder.app_id(APP).config(config.clone())
        });
        if let Some(other) = shown {
            certify(other, &anna.sockets);
        }
        ben.sockets.set_trust(store(&root));
        let _listener = ben.sockets.listen_p2p(7).unwrap();
        let _dialled = anna.call(&ben, 7);
        let refused = ben.hear(&room.first_signal());
        assert_eq!(
            refused,
            Err(SignalError::Dropped(DropReason::BadCertificate))
        );
        assert_eq!(ben.sockets.connection_count(), 0);
        assert_eq!(ben.sockets.waiting_events(), 0);
    }
}

#[test]
fn with_an_authority_an_answer_without_its_certificate_ends_the_connection() {
    let root = generate_key_pair().unwrap();
    let (mut room, [anna, ben]) = room();
    certify(&root, &anna.sockets);
    anna.sockets.set_trust(store(&root));
    let _listener = ben.sockets.listen_p2p(7).unwrap();
    let _dialled = anna.call(&ben, 7);
    let _accepted = room.accept(&ben);
    let ended = room.wait_state(&anna, ConnectionState::ProblemDetectedLocally);
    assert_eq!(ended.info.end_reason, EndReason::REMOTE_BAD_CERT);
    let told = room.wait_state(&ben, ConnectionState::ClosedByPeer);
    assert_eq!(told.info.end_reason, EndReason::REMOTE_BAD_CERT);
}
