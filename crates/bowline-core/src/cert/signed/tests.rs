use std::string::ToString;
use std::vec;

use proptest::prelude::*;

use super::*;
use crate::cert::authority::Authority;
use crate::cert::issue::CertSpec;
use crate::cert::keypair::KeyPair;
use crate::cert::keypair::PublicKey;
use crate::cert::store::CertStore;
use crate::crypto::rustcrypto::provider;
use crate::identity::Identity;
use crate::ids::AppId;

const KEYPAIR: &str = include_str!("../../../testdata/cert/certtool_keypair.txt");
const ROOT: &str = include_str!("../../../testdata/cert/certtool_root.txt");
const INTERMEDIATE: &str = include_str!("../../../testdata/cert/certtool_intermediate.txt");
const LEAF: &str = include_str!("../../../testdata/cert/certtool_leaf_one_line.txt");

fn read(text: &str) -> SignedCertificate {
    SignedCertificate::from_text(text).unwrap()
}

fn refused(message: pb::CertificateSigned) -> SignedCertificateError {
    SignedCertificate::from_bytes(&message.encode_to_vec()).unwrap_err()
}

fn public(bytes: &[u8; 32]) -> PublicKey {
    PublicKey::new(*bytes).unwrap()
}

#[test]
fn certificates_of_the_original_read_and_are_written_as_they_were() {
    let crypto = provider();
    let root = read(ROOT);
    assert_eq!(root.id().get(), 1_531_766_963_343_971_972);
    assert!(root.is_self_signed(&crypto));
    assert!(ROOT.starts_with(&root.to_text()));
    let intermediate = read(INTERMEDIATE);
    assert!(INTERMEDIATE.contains(&intermediate.to_text()));
    assert_eq!(intermediate.signer(), Some(root.id()));
    assert!(intermediate.is_signed_by(&crypto, root.certificate().key()));
    assert!(!intermediate.is_self_signed(&crypto));
    let cert = intermediate.certificate();
    assert_eq!(cert.app_ids(), [440, 570].map(AppId::new));
    let pops: Vec<_> = cert.pops().iter().map(ToString::to_string).collect();
    assert_eq!(pops, ["fra", "dev2"]);
    let life = cert.expiry_unix_secs().unwrap() - cert.created_unix_secs().unwrap();
    assert_eq!(life, 1000 * 86_400);
    let key = KeyPair::from_pem(&crypto, INTERMEDIATE).unwrap();
    assert_eq!(key.public().as_bytes(), cert.key());
}

#[test]
fn chain_of_the_original_leads_to_its_root() {
    let crypto = provider();
    let leaf = read(LEAF);
    let mut store = CertStore::new();
    store
        .add_root(&crypto, public(read(ROOT).certificate().key()))
        .unwrap();
    store
        .add_authority(&crypto, &read(INTERMEDIATE).to_message())
        .unwrap();
    let now = leaf.certificate().created_unix_secs().map(u64::from);
    let scope = store.check(&crypto, &leaf.to_message(), now).unwrap();
    assert!(scope.apps().allows(AppId::new(570)) && !scope.apps().allows(AppId::new(730)));
}

#[test]
fn what_the_original_would_have_signed_is_what_we_sign() {
    let crypto = provider();
    let key = KeyPair::from_pem(&crypto, KEYPAIR).unwrap();
    let authority = Authority::new(&crypto, key.private().clone());
    let cert = read(INTERMEDIATE);
    let ours = authority.issue(
        &crypto,
        &CertSpec {
            key: *cert.certificate().key(),
            identity: None,
            app_ids: cert.certificate().app_ids().to_vec(),
            pops: cert.certificate().pops().to_vec(),
            addresses: vec![],
            created_unix_secs: cert.certificate().created_unix_secs().unwrap(),
            expiry_unix_secs: cert.certificate().expiry_unix_secs().unwrap(),
        },
    );
    // Ed25519 has one signature per key and message, so this compares all of it.
    assert_eq!(ours, cert.to_message());
}

#[test]
fn base64_alone_reads() {
    let bytes = read(ROOT).to_bytes();
    let text = crate::cert::text::encode_base64(&bytes);
    assert_eq!(read(&text).to_bytes(), bytes);
}

#[test]
fn unsigned_certificates_read_and_are_signed_by_nobody() {
    let crypto = provider();
    let mut message = read(ROOT).to_message();
    message.ca_signature = None;
    message.ca_key_id = None;
    let cert = SignedCertificate::from_message(message.clone()).unwrap();
    assert_eq!(cert.signer(), None);
    assert!(!cert.is_self_signed(&crypto));
    assert_eq!(cert.to_message(), message);
}

#[test]
fn private_key_is_kept_apart_and_shows_nowhere() {
    let mut message = read(ROOT).to_message();
    message.private_key_data = Some(vec![77; 32]);
    let cert = SignedCertificate::from_message(message).unwrap();
    assert_eq!(cert.private().unwrap().seed(), &[77; 32]);
    assert!(!std::format!("{cert:?}").contains("77, 77"));
    assert_eq!(cert.to_message(), read(ROOT).to_message());
}

#[test]
fn bad_certificates_are_refused_with_the_cause() {
    let good = read(ROOT).to_message();
    let changed = |change: fn(&mut pb::CertificateSigned)| {
        let mut message = good.clone();
        change(&mut message);
        refused(message)
    };
    let cert = SignedCertificateError::Cert;
    assert_eq!(changed(|m| m.cert = None), cert(CertError::Malformed));
    assert_eq!(
        changed(|m| m.cert = Some(vec![0xFF])),
        cert(CertError::Malformed)
    );
    assert_eq!(changed(|m| m.cert = Some(vec![])), cert(CertError::KeyType));
    assert_eq!(
        changed(|m| m.ca_signature = Some(vec![0; 63])),
        cert(CertError::NoSignature)
    );
    assert_eq!(
        changed(|m| m.private_key_data = Some(vec![0; 64])),
        SignedCertificateError::PrivateKey(64)
    );
    assert_eq!(
        SignedCertificate::from_bytes(&vec![0; MAX_CERT_BYTES + 1]).unwrap_err(),
        SignedCertificateError::Text(TextError::TooLong {
            len: MAX_CERT_BYTES + 1,
            limit: MAX_CERT_BYTES
        })
    );
    for text in ["", "hello", KEYPAIR, &ROOT[..100]] {
        assert!(SignedCertificate::from_text(text).is_err(), "{text}");
    }
}

#[test]
fn every_truncation_is_refused_or_unsigned() {
    let whole = read(ROOT).to_bytes();
    for len in 0..whole.len() {
        if let Ok(cert) = SignedCertificate::from_bytes(&whole[..len]) {
            assert_eq!(cert.signer(), None, "{len}");
        }
    }
}

#[test]
fn no_bit_can_be_changed_below_the_signature() {
    let crypto = provider();
    let whole = read(ROOT);
    let key = *whole.certificate().key();
    for at in 0..whole.bytes.len() * 8 {
        let mut cert = whole.clone();
        cert.bytes[at / 8] ^= 1 << (at % 8);
        assert!(!cert.is_signed_by(&crypto, &key), "bit {at}");
    }
}

/// An attacker who may make up the certificate's key picks one for which any signature holds.
#[test]
fn keys_of_low_order_sign_nothing() {
    let crypto = provider();
    let mut cert = read(ROOT);
    for point in ["01", "00"] {
        let mut key = [0; 32];
        key[0] = point.parse().unwrap();
        let mut signature = [0; 64];
        signature[..32].copy_from_slice(&key);
        cert.signed = Some((KeyId::of(&key), signature));
        assert!(!cert.is_signed_by(&crypto, &key));
    }
}

proptest! {
    #[test]
    fn both_forms_round_trip(seed: [u8; 32], name in "[a-z]{1,31}", apps: Vec<u32>, expiry: u32) {
        let crypto = provider();
        let pair = KeyPair::new(&crypto, SigningKey::from_seed(seed));
        let authority = Authority::new(&crypto, pair.private().clone());
        let message = authority.issue(&crypto, &CertSpec {
            key: *pair.public().as_bytes(),
            identity: Some(Identity::str(&name).unwrap()),
            app_ids: apps.into_iter().map(AppId::new).collect(),
            pops: vec![],
            addresses: vec!["::1".parse().unwrap()],
            created_unix_secs: 0,
            expiry_unix_secs: expiry,
        });
        let cert = SignedCertificate::from_message(message.clone()).unwrap();
        prop_assert_eq!(read(&cert.to_text()).to_message(), message.clone());
        let again = SignedCertificate::from_bytes(&cert.to_bytes()).unwrap();
        prop_assert_eq!(again.to_message(), message);
        prop_assert!(cert.is_self_signed(&crypto));
    }

    #[test]
    fn arbitrary_input_never_panics(
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        text in "(-----BEGIN STEAMDATAGRAM CERT-----|Ii4I|=|-|\\PC){0,40}",
    ) {
        let _: Result<_, _> = SignedCertificate::from_bytes(&bytes);
        let _: Result<_, _> = SignedCertificate::from_text(&text);
    }
}
