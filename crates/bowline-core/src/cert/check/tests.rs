use alloc::string::ToString;

use proptest::prelude::*;
use prost::Message;

use super::*;
use crate::cert::authority::Authority;
use crate::cert::issue::{CertSpec, issue_unsigned};
use crate::cert::keypair::PublicKey;
use crate::cert::session::{SessionOffer, sign_session};
use crate::crypto::cipher_negotiation::Cipher;
use crate::crypto::keys::SigningKey;
use crate::crypto::rustcrypto::provider;
use crate::pop::PopId;

mod texts;

const NOW: u32 = 1_000_000;
const APP: AppId = AppId::new(440);
const OTHER_APP: AppId = AppId::new(570);

/// A peer that passes, until a test spoils something.
struct Case {
    crypto: Crypto,
    store: CertStore,
    now_unix_secs: Option<u64>,
    policy: AuthPolicy,
    cert: pb::CertificateSigned,
    crypt: pb::SessionCryptInfoSigned,
    expected_identity: Identity,
    expected_version: Option<u32>,
}

impl Case {
    fn unsigned(identity: &Identity) -> Self {
        let crypto = provider();
        let bytes = issue_unsigned(&*peer_key().ready(&crypto), identity, APP);
        let mut case = Self::with_cert(pb::CertificateSigned {
            cert: Some(bytes),
            ..pb::CertificateSigned::default()
        });
        case.expected_identity = identity.clone();
        case
    }

    /// A peer called anna with a certificate of an authority that we trust.
    fn signed() -> Self {
        Self::signed_with(|_| {})
    }

    fn signed_with(change: impl FnOnce(&mut CertSpec)) -> Self {
        let crypto = provider();
        let authority = Authority::new(&crypto, SigningKey::from_seed([1; 32]));
        let mut spec = CertSpec {
            key: peer_key().public(&crypto),
            identity: Some(anna()),
            app_ids: Vec::from([APP]),
            pops: Vec::new(),
            addresses: Vec::new(),
            created_unix_secs: NOW - 10,
            expiry_unix_secs: NOW + 10,
        };
        change(&mut spec);
        let mut case = Self::with_cert(authority.issue(&crypto, &spec));
        case.store
            .add_root(&crypto, public(authority.public()))
            .unwrap();
        case.policy = AuthPolicy::Refuse;
        case.expected_identity = anna();
        case
    }

    fn with_cert(cert: pb::CertificateSigned) -> Self {
        let crypto = provider();
        let offer = SessionOffer {
            exchange_key: [9; 32],
            nonce: 5,
            ciphers: &[Cipher::Aes256Gcm],
            extensions: None,
        };
        Self {
            crypt: sign_session(&*peer_key().ready(&crypto), &offer),
            crypto,
            store: CertStore::new(),
            now_unix_secs: Some(NOW.into()),
            policy: AuthPolicy::Allow,
            cert,
            expected_identity: Identity::anonymous(),
            expected_version: None,
        }
    }

    /// Replaces the key exchange by a changed one with a good signature.
    fn with_info(mut self, change: impl FnOnce(&mut pb::SessionCryptInfo)) -> Self {
        let mut info = pb::SessionCryptInfo::decode(self.crypt.info()).unwrap();
        change(&mut info);
        self.sign_info(info.encode_to_vec());
        self
    }

    fn sign_info(&mut self, info: Vec<u8>) {
        self.crypt.signature = Some(peer_key().sign(&self.crypto, &info).to_vec());
        self.crypt.info = Some(info);
    }

    /// Changes an unsigned certificate.
    fn with_message(mut self, change: impl FnOnce(&mut pb::Certificate)) -> Self {
        let mut message = pb::Certificate::decode(self.cert.cert()).unwrap();
        change(&mut message);
        self.cert.cert = Some(message.encode_to_vec());
        self
    }

    fn check(&self) -> Result<VerifiedPeer, PeerRefused> {
        check_peer(&PeerCheck {
            crypto: &self.crypto,
            store: &self.store,
            now_unix_secs: self.now_unix_secs,
            app: APP,
            policy: self.policy,
            cert: &self.cert,
            crypt: &self.crypt,
            expected_identity: &self.expected_identity,
            expected_version: self.expected_version,
        })
    }

    fn code(&self) -> u32 {
        self.check()
            .err()
            .map_or(0, |refused| refused.reason.code())
    }
}

fn peer_key() -> SigningKey {
    SigningKey::from_seed([2; 32])
}

fn anna() -> Identity {
    Identity::str("anna").unwrap()
}

fn source() -> SocketAddr {
    "192.0.2.7:5000".parse().unwrap()
}

fn public(bytes: &[u8; 32]) -> PublicKey {
    PublicKey::new(*bytes).unwrap()
}

#[test]
fn unsigned_anonymous_peer_passes() {
    let mut case = Case::unsigned(&Identity::anonymous());
    case.expected_identity = Identity::ip(source());
    let peer = case.check().unwrap();
    assert_eq!(peer.identity, Some(Identity::anonymous()));
    assert!(!peer.authenticated);
    assert_eq!(peer.cert_bytes, case.cert.cert());
    assert_eq!(peer.crypt_bytes, case.crypt.info());
    assert_eq!((peer.crypt.nonce(), peer.crypt.protocol_version()), (5, 13));
    assert_eq!(peer.crypt.exchange_key(), Ok([9; 32]));
}

#[test]
fn signed_peer_is_authenticated() {
    let peer = Case::signed().check().unwrap();
    assert!(peer.authenticated);
    assert_eq!(peer.identity, Some(anna()));
}

#[test]
fn rule_1_both_parts_must_be_there() {
    let mut case = Case::unsigned(&Identity::anonymous());
    case.cert.cert = None;
    assert_eq!(case.code(), 4002);
    let mut case = Case::unsigned(&Identity::anonymous());
    case.crypt.info = None;
    assert_eq!(case.code(), 4002);
}

#[test]
fn rule_2_bad_signature_of_authority_counts_as_none() {
    let spoil: [fn(&mut Case); 6] = [
        |case| case.cert.ca_signature = Some([0; 64].to_vec()),
        |case| case.cert.ca_signature = Some(Vec::new()),
        |case| case.cert.ca_key_id = Some(7),
        |case| case.store = CertStore::new(),
        |case| case.now_unix_secs = Some(u64::from(NOW) + 11),
        |case| case.now_unix_secs = None,
    ];
    for spoil in spoil {
        for (policy, code) in [
            (AuthPolicy::Refuse, 4003),
            (AuthPolicy::AllowAndLog, 0),
            (AuthPolicy::Allow, 0),
        ] {
            let mut case = Case::signed();
            spoil(&mut case);
            case.policy = policy;
            assert_eq!(case.code(), code);
            assert!(case.check().is_err() || !case.check().unwrap().authenticated);
        }
    }
}

#[test]
fn rule_3_certificate_must_parse() {
    let mut case = Case::unsigned(&Identity::anonymous());
    case.cert.cert = Some(Vec::from([0xFF]));
    assert_eq!(case.code(), 4002);
}

#[test]
fn rule_4_named_certificate_must_be_the_peers_and_name_an_app() {
    let case = Case::unsigned(&anna()).with_message(|m| m.identity_string = Some("anna".into()));
    assert_eq!(case.code(), 4003, "malformed");

    let mut case = Case::unsigned(&anna());
    assert_eq!(case.code(), 0);
    case.expected_identity = Identity::str("bert").unwrap();
    assert_eq!(case.code(), 4003, "somebody else's");

    let case = Case::unsigned(&anna()).with_message(|m| m.app_ids.clear());
    assert_eq!(case.code(), 4003, "no app");
    let case = Case::unsigned(&Identity::anonymous()).with_message(|m| m.app_ids.clear());
    assert_eq!(case.code(), 0, "no app is fine for the unnamed");
    let case = Case::unsigned(&Identity::anonymous()).with_message(|m| {
        m.identity_string = None;
        m.legacy_identity_binary = None;
    });
    assert_eq!(case.code(), 0, "no identity at all");
}

#[test]
fn rule_4_signed_certificate_without_name_is_for_anonymous_game_servers() {
    let server = || Identity::steam_id(1 << 56 | 4 << 52 | 77).unwrap();
    let signed = |pops: &[PopId], expected: Identity| {
        let mut case = Case::signed_with(|spec| {
            spec.identity = None;
            spec.pops = pops.to_vec();
        });
        case.expected_identity = expected;
        case.code()
    };
    let pop = [PopId::new(0x0069_6164)];
    assert_eq!(signed(&pop, server()), 0);
    assert_eq!(signed(&[], server()), 4003);
    assert_eq!(signed(&pop, anna()), 4003);
    assert_eq!(signed(&pop, Identity::ip(source())), 4003);
    let mut nameless = Case::signed_with(|spec| {
        spec.identity = None;
        spec.pops = pop.to_vec();
    });
    nameless.expected_identity = server();
    let peer = nameless.check().unwrap();
    assert!(!peer.authenticated, "nobody vouches for the name");

    // A bogus signature does not make it unsigned again (wire.md 0.12).
    let mut case = Case::unsigned(&Identity::anonymous());
    case.cert.ca_signature = Some([0; 64].to_vec());
    assert_eq!(case.code(), 4003);
    let mut case = Case::unsigned(&anna());
    case.cert.ca_signature = Some([0; 64].to_vec());
    assert_eq!(case.code(), 0);
}

#[test]
fn rule_5_app_must_be_ours_signed_or_not() {
    let case = Case::unsigned(&Identity::anonymous())
        .with_message(|m| m.app_ids = Vec::from([OTHER_APP.get()]));
    assert_eq!(case.code(), 4003);
    let case = Case::unsigned(&Identity::anonymous())
        .with_message(|m| m.app_ids = Vec::from([OTHER_APP.get(), APP.get()]));
    assert_eq!(case.code(), 0);
    assert_eq!(
        Case::signed_with(|spec| spec.app_ids = Vec::from([OTHER_APP])).code(),
        4003
    );
}

#[test]
fn rule_5_scope_of_the_authority_must_hold_our_app() {
    let crypto = provider();
    let root = Authority::new(&crypto, SigningKey::from_seed([1; 32]));
    let below = Authority::new(&crypto, SigningKey::from_seed([3; 32]));
    for (apps, code) in [(Vec::from([OTHER_APP]), 4003), (Vec::new(), 0)] {
        let spec = |key, identity, app_ids| CertSpec {
            key,
            identity,
            app_ids,
            pops: Vec::new(),
            addresses: Vec::new(),
            created_unix_secs: NOW - 10,
            expiry_unix_secs: NOW + 10,
        };
        let leaf = spec(peer_key().public(&crypto), Some(anna()), Vec::from([APP]));
        let mut case = Case::with_cert(below.issue(&crypto, &leaf));
        case.expected_identity = anna();
        case.store.add_root(&crypto, public(root.public())).unwrap();
        let middle = root.issue(&crypto, &spec(*below.public(), None, apps));
        case.store.add_authority(&crypto, &middle).unwrap();
        assert_eq!(case.code(), code);
    }
}

#[test]
fn rule_6_unsigned_needs_permission() {
    for (policy, code) in [
        (AuthPolicy::Refuse, 4003),
        (AuthPolicy::AllowAndLog, 0),
        (AuthPolicy::Allow, 0),
    ] {
        let mut case = Case::unsigned(&anna());
        case.policy = policy;
        assert_eq!(case.code(), code);
    }
}

#[test]
fn rule_7_certificate_key_must_have_signed_the_key_exchange() {
    let case = || Case::unsigned(&Identity::anonymous());
    let mut other = case();
    other.crypt.info.as_mut().unwrap()[5] ^= 1;
    assert_eq!(other.code(), 4002, "changed bytes");
    for signature in [
        None,
        Some(Vec::new()),
        Some([0; 63].to_vec()),
        Some([0; 64].to_vec()),
    ] {
        let mut case = case();
        case.crypt.signature = signature;
        assert_eq!(case.code(), 4002);
    }
    assert_eq!(case().with_message(|m| m.key_type = Some(0)).code(), 4002);
    assert_eq!(
        case()
            .with_message(|m| m.key_data = Some([9; 33].to_vec()))
            .code(),
        4002
    );
    // Everything about the identity is looked at first.
    let case = Case::unsigned(&anna()).with_message(|m| {
        m.key_type = Some(0);
        m.app_ids = Vec::from([OTHER_APP.get()]);
    });
    assert_eq!(case.code(), 4003);
}

#[test]
fn rule_8_version_must_be_recent_and_the_one_claimed_before() {
    let case = |version| {
        Case::unsigned(&Identity::anonymous()).with_info(|m| m.protocol_version = version)
    };
    assert_eq!(case(None).code(), 4006);
    assert_eq!(case(Some(7)).code(), 4006);
    assert_eq!(case(Some(8)).code(), 0);
    assert_eq!(case(Some(99)).code(), 0);
    let mut claimed = case(Some(12));
    claimed.expected_version = Some(13);
    assert_eq!(claimed.code(), 4006);
    claimed.expected_version = Some(12);
    assert_eq!(claimed.code(), 0);

    let mut case = Case::unsigned(&Identity::anonymous());
    case.sign_info(Vec::from([0xFF]));
    assert_eq!(case.code(), 4002, "does not parse");
}

#[test]
fn exchange_key_is_not_judged_yet() {
    let case = Case::unsigned(&Identity::anonymous()).with_info(|m| {
        m.key_type = Some(0);
        m.key_data = Some(Vec::new());
    });
    let peer = case.check().unwrap();
    assert_eq!(
        peer.crypt.exchange_key().unwrap_err().reason,
        EndReason::REMOTE_BAD_CRYPT
    );
}

#[test]
fn refusal_reads_well() {
    let refused = Case::unsigned(&anna()).with_info(|m| m.protocol_version = Some(7));
    assert_eq!(
        refused.check().unwrap_err().to_string(),
        "Peer speaks protocol version 7, at least 8 is needed (4006)"
    );
}

#[test]
fn unnamed_peers_are_known_by_their_address() {
    let address = Identity::ip(source());
    for named in [
        None,
        Some(Identity::anonymous()),
        Some("ip:127.0.0.1:9".parse().unwrap()),
    ] {
        for (in_cert, in_packet) in [(named.clone(), None), (None, named.clone())] {
            let ask =
                |policy| request_identity(in_cert.clone(), in_packet.clone(), source(), policy);
            assert_eq!(ask(AuthPolicy::Allow), Ok(address.clone()));
            assert_eq!(ask(AuthPolicy::AllowAndLog), Ok(address.clone()));
            assert_eq!(ask(AuthPolicy::Refuse), Err(DropReason::BadIdentity));
        }
    }
}

#[test]
fn address_as_identity_must_come_from_a_certificate() {
    let address: Identity = "ip:198.51.100.1".parse().unwrap();
    let ask =
        |in_cert, in_packet| request_identity(in_cert, in_packet, source(), AuthPolicy::Allow);
    assert_eq!(ask(Some(address.clone()), None), Ok(address.clone()));
    assert_eq!(ask(None, Some(address)), Err(DropReason::BadIdentity));
    assert_eq!(ask(None, Some(anna())), Ok(anna()));
    assert_eq!(
        ask(Some(anna()), Some(Identity::str("bert").unwrap())),
        Ok(anna())
    );
}

#[test]
fn identity_in_packet_does_not_matter_if_the_certificate_has_one() {
    let malformed = || Err(IdentityError::Prefix);
    let ask =
        |case: &Case, in_packet| peer_identity(&case.cert, in_packet, source(), AuthPolicy::Allow);
    let named = Case::unsigned(&anna());
    assert_eq!(ask(&named, malformed()), Ok(anna()));
    let unnamed = Case::unsigned(&anna()).with_message(|m| {
        m.identity_string = None;
        m.legacy_identity_binary = None;
    });
    assert_eq!(ask(&unnamed, malformed()), Err(DropReason::BadIdentity));
    assert_eq!(ask(&unnamed, Ok(Some(anna()))), Ok(anna()));
    let wrong = Case::unsigned(&anna()).with_message(|m| m.identity_string = Some("x".into()));
    assert_eq!(ask(&wrong, Ok(None)), Err(DropReason::BadIdentity));
    let broken = Case::with_cert(pb::CertificateSigned {
        cert: Some(Vec::from([0xFF])),
        ..pb::CertificateSigned::default()
    });
    assert_eq!(ask(&broken, Ok(None)), Err(DropReason::BadCertificate));
}

#[test]
fn more_permissive_policy_is_the_greater_one() {
    assert!(AuthPolicy::Refuse < AuthPolicy::AllowAndLog);
    assert!(AuthPolicy::AllowAndLog < AuthPolicy::Allow);
    let policies = [-1, 0, 1, 2, 3].map(AuthPolicy::from_config);
    assert_eq!(
        policies[1..4],
        [
            AuthPolicy::Refuse,
            AuthPolicy::AllowAndLog,
            AuthPolicy::Allow
        ]
    );
    assert_eq!(
        (policies[0], policies[4]),
        (AuthPolicy::Refuse, AuthPolicy::Allow)
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn damaged_handshakes_never_panic_or_authenticate(
        in_cert in any::<bool>(), at in any::<proptest::sample::Index>(), mask in 1..=u8::MAX,
    ) {
        let mut case = Case::signed();
        let bytes = if in_cert { &mut case.cert.cert } else { &mut case.crypt.info };
        let bytes = bytes.as_mut().unwrap();
        let at = at.index(bytes.len());
        bytes[at] ^= mask;
        prop_assert!(case.check().is_err());
        case.policy = AuthPolicy::Allow;
        prop_assert!(!case.check().is_ok_and(|peer| peer.authenticated));
    }

    #[test]
    fn arbitrary_handshakes_never_panic(
        cert in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..100)),
        ca_signature in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..70)),
        info in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..100)),
        signature in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..70)),
    ) {
        let mut case = Case::signed();
        case.cert = pb::CertificateSigned { cert, ca_signature, ..pb::CertificateSigned::default() };
        case.crypt = pb::SessionCryptInfoSigned { info, signature };
        case.policy = AuthPolicy::Allow;
        prop_assert!(case.check().is_err());
    }
}
