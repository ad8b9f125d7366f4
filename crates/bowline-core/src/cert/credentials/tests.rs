use std::string::ToString;
use std::vec;
use std::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::cert::authority::Authority;
use crate::cert::issue::CertSpec;
use crate::crypto::rustcrypto::provider;

const NOW: u32 = 1_000_000;

fn spec() -> CertSpec {
    CertSpec {
        key: SigningKey::from_seed([7; 32]).public(&provider()),
        identity: Some("str:anna".parse().unwrap()),
        app_ids: vec![AppId::new(480)],
        pops: Vec::new(),
        addresses: Vec::new(),
        created_unix_secs: NOW - 100,
        expiry_unix_secs: NOW + 200,
    }
}

fn issue(change: impl FnOnce(&mut CertSpec)) -> pb::CertificateSigned {
    let mut spec = spec();
    change(&mut spec);
    let crypto = provider();
    Authority::new(&crypto, SigningKey::from_seed([1; 32])).issue(&crypto, &spec)
}

fn take(bytes: &[u8], key: Option<u8>, identity: &str) -> Result<Credentials, CredentialsError> {
    let key = key.map(|n| SigningKey::from_seed([n; 32]));
    let holder = Holder {
        crypto: &provider(),
        key: key.as_ref(),
        identity: &identity.parse().unwrap(),
        app: AppId::new(480),
        now_unix_secs: NOW.into(),
    };
    Credentials::new(bytes, &holder)
}

fn refused(change: impl FnOnce(&mut CertSpec)) -> CredentialsError {
    let bytes = issue(change).encode_to_vec();
    take(&bytes, Some(7), "str:anna").unwrap_err()
}

#[test]
fn takes_what_fits_us() {
    let bytes = issue(|_| {}).encode_to_vec();
    let own = take(&bytes, Some(7), "str:anna").unwrap();
    assert_eq!(own.expiry_unix_secs(), u64::from(NOW) + 200);
    assert_eq!(own.renewal_unix_secs(0), u64::from(NOW) + 100);
    assert!(take(&bytes, Some(7), "ip:::1").is_ok());
}

#[test]
fn each_mismatch_has_its_error_and_names_both_sides() {
    let wrong = refused(|spec| spec.identity = Some("str:bob".parse().unwrap()));
    assert_eq!(
        wrong.to_string(),
        "the certificate is for str:bob, but we are str:anna"
    );
    let wrong = refused(|spec| spec.identity = None);
    assert!(matches!(
        wrong,
        CredentialsError::IdentityMismatch { cert: None, .. }
    ));
    let wrong = refused(|spec| spec.key = [9; 32]);
    assert!(matches!(wrong, CredentialsError::KeyMismatch { .. }));
    let app = AppId::new(480);
    let wrong = refused(|spec| spec.app_ids = vec![AppId::new(1)]);
    assert_eq!(wrong, CredentialsError::WrongApp { app });
    let wrong = refused(|spec| spec.expiry_unix_secs = NOW - 1);
    assert_eq!(
        wrong.to_string(),
        "the certificate expired at 1970-01-12 13:46:39 UTC, and it is 1970-01-12 13:46:40 UTC"
    );
}

#[test]
fn what_is_no_signed_certificate_is_refused() {
    let taken = |bytes: &[u8]| take(bytes, Some(7), "str:anna").unwrap_err();
    let good = issue(|_| {}).encode_to_vec();
    assert_eq!(
        taken(&good[..good.len() - 1]),
        CredentialsError::Cert(CertError::Malformed)
    );
    let unsigned = pb::CertificateSigned {
        ca_signature: None,
        ..issue(|_| {})
    };
    assert_eq!(
        taken(&unsigned.encode_to_vec()),
        CredentialsError::Cert(CertError::NoSignature)
    );
    let large = issue(|spec| spec.app_ids = (1..500).map(AppId::new).collect());
    assert!(matches!(
        taken(&large.encode_to_vec()),
        CredentialsError::TooLarge { max, .. } if max == MAX_OWN_CERT_BYTES
    ));
}

#[test]
fn a_private_key_may_come_with_it() {
    let with_key = |key: Vec<u8>| {
        let mut signed = issue(|_| {});
        signed.private_key_data = Some(key);
        signed.encode_to_vec()
    };
    let good = with_key(vec![7; 32]);
    let own = take(&good, None, "str:anna").unwrap();
    assert_eq!(own.signed().private_key_data, None, "it is not for peers");
    assert!(take(&good, Some(7), "str:anna").is_ok());
    assert_eq!(
        take(&good, Some(8), "str:anna").unwrap_err(),
        CredentialsError::PrivateKeyMismatch
    );
    assert_eq!(
        take(&with_key(vec![7; 31]), None, "str:anna").unwrap_err(),
        CredentialsError::BadPrivateKey { len: 31 }
    );
    let without = issue(|_| {}).encode_to_vec();
    assert_eq!(
        take(&without, None, "str:anna").unwrap_err(),
        CredentialsError::NoPrivateKey
    );
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _: Result<Credentials, CredentialsError> = take(&bytes, None, "ip:::1");
    }
}
