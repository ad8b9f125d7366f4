//! Who vouches for whom.

use bowline::cert::{
    AppId, Authority, CertStore, CertificateRequest, KeyPair, SignedCertificate, default_crypto,
    generate_key_pair,
};
use bowline::{Config, ConnectionState, DropReason, EndReason};
use bowline_interop::courier::Roads;
use bowline_interop::gns_p2p::Event;
use bowline_interop::host::State;

use crate::messages::exchange;
use crate::room::{ANNA, Asks, BEN, BOTH, Ends, PORT, Room, name};

/// A stock GNS peer cannot even present what somebody else than its maker has signed: it does not look into a
/// certificate whose signer it does not know, and compares its own name with that of none.
#[test]
fn gns_takes_no_certificate_of_our_authority() {
    let operator = Operator::new();
    let mut room = Room::new();
    room.theirs.request_certificate();
    let request = room.theirs_tell(|event| match event {
        Event::Request(bytes) => Some(bytes.clone()),
        _ => None,
    });
    let request = CertificateRequest::from_bytes(&request).expect("GNS asks as we do");
    assert_eq!(request.identity, Some(name(BEN)));
    let signed = operator.sign(request);
    room.theirs.set_certificate(&signed.to_bytes());
    let refused = room.theirs_tell(|event| match event {
        Event::Certificate(error) => Some(error.clone()),
        _ => None,
    });
    assert!(refused.contains("We are 'str:ben'"), "{refused:?}");
    let ends = room.connect(Asks::Gns);
    assert!(!ends.ours.info().unwrap().authenticated);
}

/// GNS trusts its maker only, and connects all the same.
#[test]
fn our_certificate_is_one_that_gns_cannot_check() {
    let operator = Operator::new();
    for asks in BOTH {
        let mut room = Room::new();
        let signed = operator.sign(room.ours.certificate_request());
        room.ours.set_certificate(&signed).unwrap();
        room.ask(asks);
        let theirs = room.theirs_in(State::Connected);
        assert_eq!((theirs.peer.as_str(), theirs.vouched), (ANNA, false));
        let ends = Ends {
            ours: room.ours_in(ConnectionState::Connected).connection,
            theirs: theirs.link,
        };
        exchange(&mut room, &ends);
    }
}

/// A request without a good certificate is dropped and counted, so that strangers do not learn who is there.
#[test]
fn who_trusts_somebody_takes_no_peer_without_a_certificate() {
    let operator = Operator::new();
    let mut room = operator.room();
    room.theirs.listen(PORT, false);
    room.call(Config::new());
    let ended = room.ours_in(ConnectionState::ProblemDetectedLocally);
    assert_eq!(ended.info.end_reason, EndReason::REMOTE_BAD_CERT);
    let theirs = room.theirs_in(State::ClosedByPeer);
    assert_eq!(theirs.reason, 4003, "{}", theirs.text);

    room.theirs.set("TimeoutInitial", "1500");
    room.ask(Asks::Gns);
    let theirs = room.theirs_in(State::ProblemDetectedLocally);
    assert_eq!(theirs.reason, 5003, "{}", theirs.text);
    assert!(room.take_ours(ConnectionState::Connecting).is_none());
    assert!(room.ours.drops().of(DropReason::BadCertificate) >= 2);
}

/// Somebody who vouches.
struct Operator {
    root: KeyPair,
}

impl Operator {
    fn new() -> Self {
        let root = generate_key_pair().expect("the system has randomness");
        Self { root }
    }

    /// One in which we trust this operator.
    fn room(&self) -> Room {
        let mut store = CertStore::new();
        store
            .add_root(&default_crypto(), self.root.public())
            .expect("a sound key");
        Room::built(1, Roads::default(), |builder| builder.trust(store))
    }

    fn sign(&self, mut request: CertificateRequest) -> SignedCertificate {
        // GNS is of app 0 unless it is told another.
        request.app_ids = vec![AppId::new(0)];
        let crypto = default_crypto();
        let authority = Authority::new(&crypto, self.root.private().clone());
        let signed = authority.issue(&crypto, &request.spec(1, u32::MAX));
        SignedCertificate::from_message(signed).expect("just made")
    }
}
