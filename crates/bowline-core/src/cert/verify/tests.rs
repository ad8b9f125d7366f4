use std::string::ToString;
use std::vec;

use super::*;
use crate::cert::authority::Authority;
use crate::cert::keypair::KeyPair;
use crate::crypto::keys::SigningKey;
use crate::crypto::rustcrypto::provider;

const NOW: u32 = 1_795_239_151;

fn pair(n: u8) -> KeyPair {
    KeyPair::new(&provider(), SigningKey::from_seed([n; 32]))
}

fn spec(about: u8) -> CertSpec {
    CertSpec {
        key: *pair(about).public().as_bytes(),
        identity: None,
        app_ids: vec![],
        pops: vec![],
        addresses: vec![],
        created_unix_secs: NOW - 100,
        expiry_unix_secs: NOW + 100,
    }
}

fn sign(by: u8, about: u8, change: impl FnOnce(&mut CertSpec)) -> SignedCertificate {
    let crypto = provider();
    let mut spec = spec(about);
    change(&mut spec);
    let authority = Authority::new(&crypto, pair(by).private().clone());
    SignedCertificate::from_message(authority.issue(&crypto, &spec)).unwrap()
}

/// The certificate of server 9, signed by key 2.
fn leaf(change: impl FnOnce(&mut CertSpec)) -> SignedCertificate {
    sign(2, 9, |spec| {
        spec.identity = Some(Identity::str("server").unwrap());
        spec.app_ids = vec![AppId::new(440)];
        spec.pops = vec!["fra".parse().unwrap()];
        spec.addresses = vec!["192.0.2.7".parse().unwrap()];
        change(spec);
    })
}

/// A store with root 1, and these certificates of authorities.
fn store(authorities: &[SignedCertificate]) -> CertStore {
    let crypto = provider();
    let mut store = CertStore::new();
    store.add_root(&crypto, pair(1).public()).unwrap();
    for authority in authorities {
        store
            .add_authority(&crypto, &authority.to_message())
            .unwrap();
    }
    store
}

fn demands() -> Demands {
    Demands {
        now: UnixTime::new(NOW.into()),
        app: Some(AppId::new(440)),
        pop: Some("fra".parse().unwrap()),
        identity: Some(Identity::str("server").unwrap()),
        address: Some("192.0.2.7".parse().unwrap()),
    }
}

/// What is told about the leaf under key 2, with a key ID as `[n]`.
fn told(store: &CertStore, leaf: &SignedCertificate, demands: &Demands) -> String {
    let mut text = match verify(store, &provider(), leaf, demands) {
        Ok(chain) => return std::format!("good, {} above it", chain.len()),
        Err(error) => error.to_string(),
    };
    for n in 1..10 {
        text = text.replace(&pair(n).id().to_string(), &std::format!("[{n}]"));
    }
    text
}

#[test]
fn good_certificate_is_good_for_its_chain() {
    let store = store(&[sign(1, 2, |_| {})]);
    let chain = verify(&store, &provider(), &leaf(|_| {}), &demands()).unwrap();
    let keys: Vec<_> = chain.iter().map(|link| (link.key, link.signer)).collect();
    let [root, middle] = [1, 2].map(|n| pair(n).id());
    assert_eq!(keys, [(middle, Some(root)), (root, None)]);
}

#[test]
fn every_limit_of_the_certificate_is_told_with_its_key() {
    let store = store(&[sign(1, 2, |_| {})]);
    let told = |change: fn(&mut Demands)| {
        let mut demands = demands();
        change(&mut demands);
        told(&store, &leaf(|_| {}), &demands)
    };
    assert_eq!(told(|_| {}), "good, 2 above it");
    assert_eq!(
        told(|demands| demands.app = Some(AppId::new(570))),
        "key [9] is not for app 570, only for 440"
    );
    assert_eq!(
        told(|demands| demands.pop = Some("ams".parse().unwrap())),
        "key [9] is not for data center ams, only for fra"
    );
    assert_eq!(
        told(|demands| demands.identity = Some(Identity::str("anna").unwrap())),
        "key [9] is not that of str:anna, but of str:server"
    );
    assert_eq!(
        told(|demands| demands.address = Some("192.0.2.8".parse().unwrap())),
        "key [9] is not for address 192.0.2.8, only for 192.0.2.7"
    );
    let mapped = |demands: &mut Demands| demands.address = "::ffff:192.0.2.7".parse().ok();
    assert_eq!(told(mapped), "good, 2 above it");
}

#[test]
fn every_limit_of_an_authority_is_told_with_its_key() {
    let told =
        |change: fn(&mut CertSpec)| told(&store(&[sign(1, 2, change)]), &leaf(|_| {}), &demands());
    assert_eq!(
        told(|spec| spec.app_ids = vec![AppId::new(570), AppId::new(730)]),
        "key [2] is not for app 440, only for 570, 730"
    );
    assert_eq!(
        told(|spec| spec.pops = vec!["ams".parse().unwrap()]),
        "key [2] is not for data center fra, only for ams"
    );
    assert_eq!(
        told(|spec| spec.expiry_unix_secs = NOW - 1),
        "key [2] is good until 2026-11-21 05:32:30 UTC only, which is before \
         2026-11-21 05:32:31 UTC"
    );
}

#[test]
fn clock_counts_at_the_end_and_not_at_the_beginning() {
    let store = store(&[sign(1, 2, |spec| spec.expiry_unix_secs = NOW + 1000)]);
    let told = |now: u32| {
        let mut demands = demands();
        demands.now = UnixTime::new(now.into());
        told(&store, &leaf(|_| {}), &demands)
    };
    assert_eq!(told(0), "good, 2 above it");
    assert_eq!(told(NOW + 100), "good, 2 above it");
    assert_eq!(
        told(NOW + 101),
        "key [9] is good until 2026-11-21 05:34:11 UTC only, which is before \
         2026-11-21 05:34:12 UTC"
    );
}

#[test]
fn untrusted_authorities_are_told_with_the_cause() {
    let signed_by = "the certificate of key [9] is signed by key [2], which is not trusted: ";
    let told = |store: &CertStore| {
        let told = told(store, &leaf(|_| {}), &demands());
        told.strip_prefix(signed_by).unwrap_or(&told).to_string()
    };
    assert_eq!(
        told(&store(&[])),
        "key [2] is not known: neither as a root nor by a certificate"
    );
    assert_eq!(
        told(&store(&[sign(3, 2, |_| {})])),
        "key [3] is not known: neither as a root nor by a certificate"
    );
    let mut forged = sign(3, 2, |_| {}).to_message();
    forged.ca_key_id = Some(pair(1).id().get());
    let forged = SignedCertificate::from_message(forged).unwrap();
    assert_eq!(
        told(&store(&[forged])),
        "the signature of key [1] on the certificate of key [2] does not hold"
    );
    let mut revoked = store(&[sign(1, 3, |_| {}), sign(3, 2, |_| {})]);
    revoked.revoke(&provider(), pair(3).id()).unwrap();
    assert_eq!(told(&revoked), "key [3] was revoked");
    let mut own = store(&[sign(1, 2, |_| {})]);
    own.revoke(&provider(), pair(9).id()).unwrap();
    assert_eq!(told(&own), "key [9] was revoked");
    let for_app = |id| move |spec: &mut CertSpec| spec.app_ids = vec![AppId::new(id)];
    assert_eq!(
        told(&store(&[sign(1, 3, for_app(1)), sign(3, 2, for_app(2))])),
        "nothing is both in the scope of key [2] and in that of key [3] above it"
    );
    let circle = [sign(2, 3, |_| {}), sign(3, 2, |_| {})];
    assert!(told(&store(&circle)).ends_with("in a circle or has more than 4 links"));
    let long = [(1, 6), (6, 5), (5, 4), (4, 3), (3, 2)].map(|(by, about)| sign(by, about, |_| {}));
    assert!(told(&store(&long)).ends_with("in a circle or has more than 4 links"));
    assert_eq!(
        told(&store(&long[1..])),
        told(&store(&[sign(6, 2, |_| {})]))
    );
}

#[test]
fn bad_signatures_and_useless_certificates_are_told() {
    let store = store(&[sign(1, 2, |_| {})]);
    let told = |leaf: &SignedCertificate| told(&store, leaf, &demands());
    let changed = |change: fn(&mut crate::wire::pb::CertificateSigned)| {
        let mut message = leaf(|_| {}).to_message();
        change(&mut message);
        SignedCertificate::from_message(message).unwrap()
    };
    assert_eq!(
        told(&changed(|message| message.ca_signature = Some(vec![1; 64]))),
        "the signature of key [2] on the certificate of key [9] does not hold"
    );
    assert_eq!(
        told(&changed(|message| message.ca_signature = None)),
        "the certificate of key [9] is signed by nobody"
    );
    assert_eq!(
        told(&leaf(|spec| spec.app_ids = vec![])),
        "the certificate of key [9] has an identity and no app: peers refuse that"
    );
    assert_eq!(
        told(&leaf(|spec| spec.identity = None)),
        "key [9] is not that of str:server, but of nobody in particular"
    );
}

#[test]
fn scope_permits_what_lies_within_and_names_what_does_not() {
    let scope = Scope::new(
        Restriction::from_list([AppId::new(440)]),
        Restriction::from_list(["fra".parse().unwrap()]),
        NOW.into(),
    );
    let told = |change: fn(&mut CertSpec)| {
        let mut spec = spec(9);
        spec.expiry_unix_secs = NOW;
        change(&mut spec);
        scope.permit(&spec).map_err(|limit| limit.to_string())
    };
    let no = |text: &str| Err(text.to_string());
    assert_eq!(told(|_| {}), Ok(()));
    assert_eq!(
        told(|spec| spec.app_ids = vec![AppId::new(440), AppId::new(1)]),
        no("not for app 1, only for 440")
    );
    assert_eq!(
        told(|spec| spec.pops = vec!["ams".parse().unwrap()]),
        no("not for data center ams, only for fra")
    );
    let late = told(|spec| spec.expiry_unix_secs = NOW + 1).unwrap_err();
    assert!(
        late.starts_with("good until 2026-11-21 05:32:31 UTC only"),
        "{late}"
    );
    assert_eq!(Scope::UNLIMITED.permit(&spec(9)), Ok(()));
}
