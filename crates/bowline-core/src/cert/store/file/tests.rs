use std::string::ToString;
use std::vec;

use proptest::prelude::*;

use super::*;
use crate::cert::authority::Authority;
use crate::cert::issue::CertSpec;
use crate::cert::keypair::KeyPair;
use crate::crypto::keys::SigningKey;
use crate::crypto::rustcrypto::provider;
use crate::identity::Identity;
use crate::ids::AppId;

const ROOT: &str = include_str!("../../../../testdata/cert/certtool_root.txt");
const INTERMEDIATE: &str = include_str!("../../../../testdata/cert/certtool_intermediate.txt");

fn pair(n: u8) -> KeyPair {
    KeyPair::new(&provider(), SigningKey::from_seed([n; 32]))
}

fn sign(by: u8, about: u8, change: impl FnOnce(&mut CertSpec)) -> String {
    let crypto = provider();
    let mut spec = CertSpec {
        key: *pair(about).public().as_bytes(),
        identity: None,
        app_ids: vec![AppId::new(440)],
        pops: vec![],
        addresses: vec![],
        created_unix_secs: 1,
        expiry_unix_secs: 100,
    };
    change(&mut spec);
    let authority = Authority::new(&crypto, pair(by).private().clone());
    let message = authority.issue(&crypto, &spec);
    SignedCertificate::from_message(message).unwrap().to_text()
}

fn roots(text: &str) -> Result<Vec<KeyId>, TrustFileError> {
    CertStore::new().add_roots_from_text(&provider(), text)
}

#[test]
fn roots_are_lines_with_keys_and_certificates_that_signed_themselves() {
    let crypto = provider();
    let mut store = CertStore::new();
    let line = pair(1).public().to_line("our root");
    let text = [&*line, "# another:", &sign(2, 2, |_| {})].join("\n");
    let ids = store.add_roots_from_text(&crypto, &text).unwrap();
    assert_eq!(ids, [pair(2).id(), pair(1).id()]);
    assert_eq!(store.scope(pair(1).id()), Some(&Scope::UNLIMITED));
    let limited = store.scope(pair(2).id()).unwrap();
    assert!(limited.apps().allows(AppId::new(440)) && !limited.apps().allows(AppId::new(1)));
    assert!(limited.is_expired(101) && !limited.is_expired(100));
}

#[test]
fn files_of_the_original_are_taken() {
    let crypto = provider();
    let mut store = CertStore::new();
    let root = store.add_roots_from_text(&crypto, ROOT).unwrap();
    let middle = store
        .add_authorities_from_text(&crypto, INTERMEDIATE)
        .unwrap();
    let chain = store.chain(middle[0]);
    assert_eq!(
        chain.iter().map(|link| link.key).collect::<Vec<_>>(),
        [middle[0], root[0]]
    );
}

#[test]
fn what_is_no_root_is_refused() {
    let key = pair(2).id();
    assert_eq!(
        roots(&sign(1, 2, |_| {})),
        Err(TrustFileError::NoRoot { key })
    );
    let forever = sign(2, 2, |spec| spec.expiry_unix_secs = 0);
    assert_eq!(
        roots(&forever),
        Err(CertError::AuthorityWithoutExpiry.into())
    );
    let somebody = sign(2, 2, |spec| spec.identity = Identity::str("x").ok());
    assert_eq!(
        roots(&somebody),
        Err(CertError::AuthorityWithIdentity.into())
    );
    assert_eq!(roots("\n# nothing\n"), Err(TrustFileError::Empty));
    assert_eq!(roots("ssh-ed25519 AAAA"), Err(KeyError::Malformed.into()));
    let low_order = std::format!(
        "ssh-ed25519 {}",
        "AAAAC3NzaC1lZDI1NTE5AAAAIA".to_string() + &"A".repeat(42)
    );
    assert_eq!(roots(&low_order), Err(KeyError::BadPoint.into()));
    let text = sign(2, 2, |_| {});
    let cut = roots(&text[..60]).unwrap_err().to_string();
    assert!(cut.ends_with("has no end: is the file cut off?"), "{cut}");
}

#[test]
fn revoked_keys_are_listed_by_id() {
    let crypto = provider();
    let mut store = CertStore::new();
    let text = "# lost in May\nID7450383920208656505 # the laptop\n\n 12 \n";
    assert_eq!(store.revoke_from_text(&crypto, text), Ok(2));
    assert!(store.is_revoked(KeyId::new(12)));
    assert!(store.is_revoked(KeyId::new(7_450_383_920_208_656_505)));
    let error = store.revoke_from_text(&crypto, "1\nID-1").unwrap_err();
    let expected = "line 2: \"ID-1\" is not the ID of a key, which is a decimal number";
    assert_eq!(error.to_string(), expected);
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics(
        text in "(-----BEGIN STEAMDATAGRAM CERT-----|-----END STEAMDATAGRAM CERT-----|Ii4I|ssh-ed25519 AAAA|ID|[0-9]|\n|\\PC){0,30}",
    ) {
        let crypto = provider();
        let mut store = CertStore::new();
        let _: Result<_, _> = store.add_roots_from_text(&crypto, &text);
        let _: Result<_, _> = store.add_authorities_from_text(&crypto, &text);
        let _: Result<_, _> = store.revoke_from_text(&crypto, &text);
    }

    #[test]
    fn listed_ids_are_revoked(ids in proptest::collection::vec(any::<u64>(), 0..20)) {
        let crypto = provider();
        let mut store = CertStore::new();
        let text: String = ids.iter().map(|id| std::format!("ID{id}\r\n")).collect();
        prop_assert_eq!(store.revoke_from_text(&crypto, &text), Ok(ids.len()));
        prop_assert!(ids.iter().all(|id| store.is_revoked(KeyId::new(*id))));
    }
}
