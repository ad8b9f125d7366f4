//! Certificates, whom they make us trust, and the texts that they are kept in.

use std::sync::OnceLock;

use arbitrary::{Result, Unstructured};
use bowline_core::cert::authority::{Authority, AuthorityCert, KeyId};
use bowline_core::cert::certificate::Certificate;
use bowline_core::cert::date::UnixTime;
use bowline_core::cert::issue::CertSpec;
use bowline_core::cert::keypair::{KeyPair, PublicKey};
use bowline_core::cert::request::CertificateRequest;
use bowline_core::cert::session::SessionCrypt;
use bowline_core::cert::signed::SignedCertificate;
use bowline_core::cert::store::CertStore;
use bowline_core::cert::text;
use bowline_core::cert::verify::{Demands, verify};
use bowline_core::crypto::Crypto;
use bowline_core::crypto::keys::SigningKey;
use bowline_core::identity::Identity;
use bowline_core::ids::AppId;
use bowline_core::limits::MAX_CA_CHAIN;
use bowline_core::pop::PopId;
use bowline_core::wire::pb;
use prost::Message as _;

use crate::crypto::QuickCrypto;

/// Authorities in a made-up world.
const KEYS: usize = 7;
/// Most certificates in it.
const MAX_CERTS: u8 = 24;
/// Some time in it.
const NOW: u32 = 1_800_000_000;

/// Parses certificates, requests and key exchanges from bytes; what was parsed, and is written again,
/// parses to the same. Then makes authorities vouch for each other in circles, chains and forgeries: a
/// key is trusted exactly if a chain of bounded length leads to a root.
pub fn cert(data: &[u8]) {
    let Some((mode, rest)) = data.split_first() else {
        return;
    };
    if *mode & 1 == 0 {
        raw(rest);
    } else {
        // Fails only for want of bytes.
        let _ = chains(&mut Unstructured::new(rest));
    }
}

fn raw(data: &[u8]) {
    let crypto = QuickCrypto::new().provider();
    if let Ok(cert) = Certificate::parse(data) {
        assert!(cert.key().len() == 32);
    }
    // A peer's half of a key exchange may hold anything.
    if let Ok(session) = SessionCrypt::parse(data) {
        let _ = session.exchange_key();
        let _ = (session.ciphers(), session.extensions());
    }
    if let Ok(request) = CertificateRequest::from_bytes(data) {
        let again = CertificateRequest::from_bytes(&request.to_bytes());
        assert_eq!(again, Ok(request));
    }
    let Ok(signed) = SignedCertificate::from_bytes(data) else {
        return;
    };
    check_signed(&crypto, &signed);
}

fn check_signed(crypto: &Crypto, signed: &SignedCertificate) {
    let again = SignedCertificate::from_bytes(&signed.to_bytes()).expect("it was parsed before");
    assert_eq!(again.to_bytes(), signed.to_bytes());
    let text = SignedCertificate::from_text(&signed.to_text()).expect("it was written by us");
    assert_eq!(text.to_bytes(), signed.to_bytes());
    let mut store = CertStore::new();
    // Nobody is trusted by what he says of himself.
    if store.add_authority(crypto, &signed.to_message()).is_ok() {
        assert_eq!(store.scope(signed.id()), None);
        assert!(store.distrust(signed.id()).is_some());
    }
}

fn chains(u: &mut Unstructured<'_>) -> Result<()> {
    let crypto = QuickCrypto::new().provider();
    let mut store = CertStore::new();
    let mut made = Vec::new();
    for _ in 0..u.int_in_range(1..=MAX_CERTS)? {
        if u.is_empty() {
            break;
        }
        let key = u.int_in_range(0..=KEYS - 1)?;
        match u.int_in_range(0..=9_u8)? {
            0 => {
                let public = PublicKey::new(*keys()[key].public()).expect("they were chosen so");
                // Refusals are part of it.
                let _ = store.add_root(&crypto, public);
            }
            1 if u.ratio(1, 4)? => {
                let _ = store.revoke(&crypto, keys()[key].key_id());
            }
            2 => {
                let signed = issue(u, &crypto, key)?;
                if let Ok(signed) = SignedCertificate::from_message(signed) {
                    let _ = store.add_root_certificate(&crypto, &signed);
                }
            }
            _ => {
                let signed = issue(u, &crypto, key)?;
                let _ = store.add_authority(&crypto, &signed);
                made.push(signed);
            }
        }
        check_store(&store);
    }
    let now = u64::from(NOW);
    for signed in &made {
        let verdict = store.check(&crypto, signed, Some(now)).cloned();
        let Ok(signed) = SignedCertificate::from_message(signed.clone()) else {
            assert!(verdict.is_err(), "malformed and trusted");
            continue;
        };
        check_signed(&crypto, &signed);
        let verified = verify(&store, &crypto, &signed, &demands(u)?);
        if verified.is_ok() {
            assert!(verdict.is_ok(), "what we verify, a peer takes");
        }
        if verdict.is_ok() {
            let signer = signed.signer().expect("it has a signature");
            assert!(store.scope(signer).is_some(), "signed by a stranger");
        }
    }
    Ok(())
}

/// Trust has a reason, and distrust too.
fn check_store(store: &CertStore) {
    for authority in keys() {
        let key = authority.key_id();
        let chain = store.chain(key);
        match (store.scope(key), store.distrust(key)) {
            (Some(scope), None) => {
                assert!(!scope.is_nothing(), "trusted for nothing");
                assert!(!store.is_revoked(key), "revoked and trusted");
                assert!(chain.len() <= MAX_CA_CHAIN + 1, "a chain without end");
                let last = chain.last().expect("a trusted key has a chain");
                assert_eq!(last.signer, None, "a chain that ends before a root");
                assert!(chain.iter().all(|link| !store.is_revoked(link.key)));
            }
            (None, Some(_)) => assert!(chain.is_empty()),
            (scope, why) => panic!("{key}: trusted for {scope:?} and distrusted for {why:?}"),
        }
    }
}

/// A certificate of one of the authorities for another, or something like it.
fn issue(u: &mut Unstructured<'_>, crypto: &Crypto, key: usize) -> Result<pb::CertificateSigned> {
    let signer = &keys()[u.int_in_range(0..=KEYS - 1)?];
    let small = |u: &mut Unstructured<'_>| u.int_in_range(0..=3_u32);
    let spec = CertSpec {
        key: *keys()[key].public(),
        identity: if u.ratio(1, 8)? {
            Identity::str("somebody").ok()
        } else {
            None
        },
        app_ids: (0..small(u)?)
            .map(|_| Ok(AppId::new(small(u)?)))
            .collect::<Result<_>>()?,
        pops: (0..small(u)?)
            .map(|_| Ok(PopId::new(small(u)?)))
            .collect::<Result<_>>()?,
        addresses: Vec::new(),
        created_unix_secs: small(u)?,
        expiry_unix_secs: if u.ratio(1, 8)? {
            small(u)?
        } else {
            NOW + small(u)?
        },
    };
    let mut signed = signer.issue(crypto, &spec);
    if u.ratio(1, 8)? {
        // Some byte of it is another: of its signature, of what is signed, of the signer's name.
        let mut bytes = signed.encode_to_vec();
        let at = u.int_in_range(0..=bytes.len() - 1)?;
        bytes[at] ^= u.arbitrary::<u8>()?;
        signed = pb::CertificateSigned::decode(&bytes[..]).unwrap_or(signed);
    }
    // Whether it could be an authority's is asked here too.
    let _ = AuthorityCert::parse(&signed);
    Ok(signed)
}

fn demands(u: &mut Unstructured<'_>) -> Result<Demands> {
    Ok(Demands {
        now: UnixTime::new(u64::from(NOW)),
        app: u
            .arbitrary::<Option<u8>>()?
            .map(|app| AppId::new(u32::from(app))),
        pop: u
            .arbitrary::<Option<u8>>()?
            .map(|pop| PopId::new(u32::from(pop))),
        identity: None,
        address: None,
    })
}

fn keys() -> &'static [Authority] {
    static KEYS_MADE: OnceLock<Vec<Authority>> = OnceLock::new();
    KEYS_MADE.get_or_init(|| {
        let crypto = QuickCrypto::new().provider();
        let keys = signing_keys().iter().cloned();
        keys.map(|key| Authority::new(&crypto, key)).collect()
    })
}

/// Keys that are points on the curve: trust asks for that, whoever does the signatures.
pub(super) fn signing_keys() -> &'static [SigningKey] {
    static KEYS_MADE: OnceLock<Vec<SigningKey>> = OnceLock::new();
    KEYS_MADE.get_or_init(|| {
        let crypto = QuickCrypto::new().provider();
        let all = (0..=u8::MAX).map(|seed| SigningKey::from_seed([seed; 32]));
        let usable = all.filter(|key| PublicKey::new(key.public(&crypto)).is_ok());
        usable.take(KEYS).collect()
    })
}

/// Reads a text as each of the files that there are: keys, certificates, requests, trust, revocations.
/// What was read, and is written again, reads the same.
pub fn cert_text(data: &[u8]) {
    let file = String::from_utf8_lossy(data);
    let crypto = QuickCrypto::new().provider();
    if let Ok(blocks) = text::blocks(&file) {
        for block in blocks {
            if let Ok(bytes) = block.decode() {
                let again = text::armor("X", &bytes, "\n");
                let again = text::block(&again, "X").and_then(|block| block.decode());
                assert_eq!(again.as_deref(), Ok(&*bytes));
            }
        }
    }
    if let Ok(bytes) = text::decode_base64(&file) {
        let again = text::decode_base64(&text::encode_base64(&bytes));
        assert_eq!(again.as_deref(), Ok(&*bytes));
    }
    if let Ok(pair) = KeyPair::from_pem(&crypto, &file) {
        let again = KeyPair::from_pem(&crypto, &pair.to_pem()).expect("it was written by us");
        assert_eq!(again.public(), pair.public());
    }
    if let Ok(key) = file.parse::<PublicKey>() {
        assert_eq!(key.to_line("comment").parse(), Ok(key));
        assert_eq!(key.id(), KeyId::of(key.as_bytes()));
    }
    if let Ok(signed) = SignedCertificate::from_text(&file) {
        check_signed(&crypto, &signed);
    }
    if let Ok(request) = CertificateRequest::from_text(&file) {
        assert_eq!(
            CertificateRequest::from_text(&request.to_text()),
            Ok(request)
        );
    }
    trust_files(&crypto, &file);
}

fn trust_files(crypto: &Crypto, file: &str) {
    if let Ok(added) = CertStore::new().add_roots_from_text(crypto, file) {
        assert!(!added.is_empty());
    }
    let mut store = CertStore::new();
    // Refusals are part of it; what was taken before one stays, and has its reasons.
    let _ = store.add_from_text(crypto, file);
    let _ = store.add_authorities_from_text(crypto, file);
    let _ = store.revoke_from_text(crypto, file);
    check_store(&store);
}
