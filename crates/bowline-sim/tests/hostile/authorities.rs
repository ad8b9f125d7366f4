//! Class 7 where the endpoint asks for certificates of an authority that it trusts.

use bowline_core::cert::authority::Authority;
use bowline_core::cert::check::AuthPolicy;
use bowline_core::cert::issue::CertSpec;
use bowline_core::cert::keypair::PublicKey;
use bowline_core::config::Config;
use bowline_core::counters::DropReason;
use bowline_core::crypto::kdf::Role;
use bowline_core::crypto::keys::SigningKey;
use bowline_core::crypto::rustcrypto;
use bowline_core::endpoint::EndpointConfig;
use bowline_core::identity::Identity;
use bowline_core::ids::AppId;
use bowline_core::pop::PopId;
use bowline_core::wire::pb;
use bowline_sim::scripted::{Alterations, Script, ScriptedPeer, Stage};

/// The authority that the endpoint trusts.
fn authority() -> Authority {
    Authority::new(&rustcrypto::provider(), SigningKey::from_seed([1; 32]))
}

/// An endpoint that takes only peers with a certificate.
fn strict() -> Stage {
    let crypto = rustcrypto::provider();
    let mut endpoint = EndpointConfig::new(crypto.clone());
    let root = PublicKey::new(*authority().public()).unwrap();
    endpoint.trusted.add_root(&crypto, root).unwrap();
    let mut config = Config::new();
    config.set_auth(AuthPolicy::Refuse);
    Stage::new(endpoint, config)
}

/// A client with a certificate of `signer`, as it should be until it is changed.
fn certified(signer: &Authority, change: impl FnOnce(&mut CertSpec)) -> Script {
    let crypto = rustcrypto::provider();
    let key = SigningKey::from_seed([2; 32]);
    let now = Stage::listening().unix_secs() as u32;
    let mut spec = CertSpec {
        key: key.public(&crypto),
        identity: Some(Identity::str("anna").unwrap()),
        app_ids: vec![AppId::new(0)],
        pops: Vec::new(),
        addresses: Vec::new(),
        created_unix_secs: now - 10,
        expiry_unix_secs: now + 10,
    };
    change(&mut spec);
    let signed = signer.issue(&crypto, &spec);
    Script {
        certificate: Some((key, signed)),
        ..Script::default()
    }
}

#[test]
fn class_07_a_good_certificate_passes_where_one_is_asked_for() {
    let mut stage = strict();
    let script = certified(&authority(), |_| {});
    let mut peer = ScriptedPeer::new(Role::Client, 1, script);
    let id = stage.connect(&mut peer);
    assert!(stage.info(id).authenticated);
    assert_eq!(
        stage.info(id).identity,
        Some(Identity::str("anna").unwrap())
    );
}

#[test]
fn class_07_no_other_certificate_passes_where_one_is_asked_for() {
    let now = Stage::listening().unix_secs() as u32;
    let stranger = Authority::new(&rustcrypto::provider(), SigningKey::from_seed([9; 32]));
    let other_key = SigningKey::from_seed([3; 32]).public(&rustcrypto::provider());
    let tampered = |alter: fn(&mut pb::CertificateSigned)| Script {
        alter: Alterations::default().signed_certificate(alter),
        ..certified(&authority(), |_| {})
    };
    let bad_cert = DropReason::BadCertificate;
    let cases = [
        ("nobody's", Script::default(), DropReason::BadIdentity),
        ("a stranger's", certified(&stranger, |_| {}), bad_cert),
        (
            "expired",
            certified(&authority(), |spec| spec.expiry_unix_secs = now - 1),
            bad_cert,
        ),
        (
            "expired long ago",
            certified(&authority(), |spec| spec.expiry_unix_secs = 1),
            bad_cert,
        ),
        (
            "for another app",
            certified(&authority(), |spec| spec.app_ids = vec![AppId::new(7)]),
            bad_cert,
        ),
        (
            "for no app",
            certified(&authority(), |spec| spec.app_ids.clear()),
            bad_cert,
        ),
        (
            "for nobody",
            certified(&authority(), |spec| spec.identity = None),
            DropReason::BadIdentity,
        ),
        (
            "for another key",
            certified(&authority(), |spec| spec.key = other_key),
            DropReason::BadCrypt,
        ),
        (
            "signed by nobody",
            tampered(|cert| cert.ca_signature = None),
            bad_cert,
        ),
        (
            "signed by an unknown key",
            tampered(|cert| cert.ca_key_id = Some(5)),
            bad_cert,
        ),
        (
            "signed with a bit too many",
            tampered(|cert| flip(&mut cert.ca_signature)),
            bad_cert,
        ),
        ("changed since it was signed", tampered(rename), bad_cert),
    ];
    for (what, script, reason) in cases {
        let mut stage = strict();
        let mut peer = ScriptedPeer::new(Role::Client, 1, script);
        assert_eq!(stage.try_connect(&mut peer), None, "{what}");
        let drops = stage.endpoint.drops();
        assert_eq!(
            (drops.of(reason), drops.total()),
            (1, 1),
            "{what}: {drops:?}"
        );
    }
}

fn flip(bytes: &mut Option<Vec<u8>>) {
    if let Some(last) = bytes.as_mut().and_then(|bytes| bytes.last_mut()) {
        *last ^= 1;
    }
}

/// Anna calls herself Anne.
fn rename(cert: &mut pb::CertificateSigned) {
    if let Some(bytes) = &mut cert.cert {
        while let Some(at) = bytes.windows(4).position(|four| four == b"anna") {
            bytes[at + 3] = b'e';
        }
    }
}

/// What the protocol does not check (wire.md 3.7 and 3.8): the day of issue, data centers and addresses.
#[test]
fn class_07_what_gns_does_not_check_is_not_checked() {
    let now = Stage::listening().unix_secs() as u32;
    let cases = [
        certified(&authority(), |spec| spec.created_unix_secs = now + 5),
        certified(&authority(), |spec| {
            spec.pops = vec![PopId::new(0x0061_6263)]
        }),
        certified(&authority(), |spec| {
            spec.addresses = vec![[192, 0, 2, 1].into()]
        }),
    ];
    for (n, script) in (0..).zip(cases) {
        let mut peer = ScriptedPeer::new(Role::Client, n, script);
        assert!(strict().try_connect(&mut peer).is_some(), "case {n}");
    }
}
