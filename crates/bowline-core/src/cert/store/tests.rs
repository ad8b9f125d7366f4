use alloc::string::String;
use alloc::vec;

use super::*;
use crate::cert::authority::{Authority, STEAM_ROOT};
use crate::cert::issue::CertSpec;
use crate::cert::keypair::PublicKey;
use crate::cert::scope::Restriction;
use crate::cert::signed::SignedCertificate;
use crate::crypto::keys::SigningKey;
use crate::crypto::rustcrypto::provider;
use crate::identity::Identity;
use crate::ids::AppId;
use crate::pop::PopId;

const NOW: u32 = 1_000_000;

/// An authority whose key is `n` over and over.
fn authority(n: u8) -> Authority {
    Authority::new(&provider(), SigningKey::from_seed([n; 32]))
}

fn spec(key: [u8; 32]) -> CertSpec {
    CertSpec {
        key,
        identity: None,
        app_ids: Vec::new(),
        pops: Vec::new(),
        addresses: Vec::new(),
        created_unix_secs: NOW - 100,
        expiry_unix_secs: NOW + 100,
    }
}

/// A certificate of authority `about`, signed by authority `by`.
fn link(by: u8, about: u8, change: impl FnOnce(&mut CertSpec)) -> pb::CertificateSigned {
    let mut spec = spec(*authority(about).public());
    change(&mut spec);
    authority(by).issue(&provider(), &spec)
}

fn leaf(by: u8, change: impl FnOnce(&mut CertSpec)) -> pb::CertificateSigned {
    let mut spec = spec([0xEE; 32]);
    spec.identity = Some(Identity::str("anna").unwrap());
    change(&mut spec);
    authority(by).issue(&provider(), &spec)
}

/// A store that trusts authority 1 and has these certificates.
fn store(certs: &[pb::CertificateSigned]) -> CertStore {
    let crypto = provider();
    let mut store = CertStore::new();
    for cert in certs {
        store.add_authority(&crypto, cert).unwrap();
    }
    store
        .add_root(&crypto, public(authority(1).public()))
        .unwrap();
    store
}

fn check(store: &CertStore, cert: &pb::CertificateSigned) -> Result<Scope, CertError> {
    store.check(&provider(), cert, Some(NOW.into())).cloned()
}

fn apps(ids: &[u32]) -> Vec<AppId> {
    ids.iter().copied().map(AppId::new).collect()
}

fn public(bytes: &[u8; 32]) -> PublicKey {
    PublicKey::new(*bytes).unwrap()
}

#[test]
fn root_vouches_for_a_leaf_without_limits() {
    assert_eq!(check(&store(&[]), &leaf(1, |_| {})), Ok(Scope::UNLIMITED));
}

#[test]
fn chain_is_followed_whatever_the_order_of_its_certificates() {
    let mut certs = [link(1, 2, |_| {}), link(2, 3, |_| {})];
    assert!(check(&store(&certs), &leaf(3, |_| {})).is_ok());
    certs.reverse();
    assert!(check(&store(&certs), &leaf(3, |_| {})).is_ok());
}

#[test]
fn scopes_intersect_down_the_chain() {
    let certs = [
        link(1, 2, |spec| {
            spec.app_ids = apps(&[1, 2, 3]);
            spec.expiry_unix_secs = NOW + 50;
        }),
        link(2, 3, |spec| {
            spec.app_ids = apps(&[2, 3, 4]);
            spec.pops = vec![PopId::new(9)];
        }),
    ];
    let scope = check(&store(&certs), &leaf(3, |_| {})).unwrap();
    assert_eq!(scope.apps(), &Restriction::from_list(apps(&[2, 3])));
    assert_eq!(scope.pops(), &Restriction::from_list([PopId::new(9)]));
    assert!(!scope.is_expired(u64::from(NOW) + 50) && scope.is_expired(u64::from(NOW) + 51));
}

#[test]
fn chain_whose_scopes_exclude_everything_is_not_trusted() {
    let certs = [
        link(1, 2, |spec| spec.app_ids = apps(&[1])),
        link(2, 3, |spec| spec.app_ids = apps(&[2])),
    ];
    assert_eq!(
        check(&store(&certs), &leaf(3, |_| {})),
        Err(CertError::UntrustedAuthority)
    );
}

#[test]
fn expiry_of_leaf_and_of_any_authority_counts() {
    let at = |now: u32, certs: &[pb::CertificateSigned], leaf: &pb::CertificateSigned| {
        let store = store(certs);
        store.check(&provider(), leaf, Some(now.into())).map(|_| ())
    };
    let short = |spec: &mut CertSpec| spec.expiry_unix_secs = NOW;
    assert_eq!(at(NOW, &[], &leaf(1, short)), Ok(()));
    assert_eq!(at(NOW + 1, &[], &leaf(1, short)), Err(CertError::Expired));
    let certs = [link(1, 2, short), link(2, 3, |_| {})];
    assert_eq!(at(NOW, &certs, &leaf(3, |_| {})), Ok(()));
    assert_eq!(
        at(NOW + 1, &certs, &leaf(3, |_| {})),
        Err(CertError::AuthorityExpired)
    );
    let never = leaf(1, |spec| spec.expiry_unix_secs = 0);
    assert_eq!(at(NOW, &[], &never), Err(CertError::Expired));
}

#[test]
fn leaf_from_the_future_is_taken_as_in_the_original() {
    let cert = leaf(1, |spec| spec.created_unix_secs = NOW + 50);
    assert!(check(&store(&[]), &cert).is_ok());
}

#[test]
fn no_date_no_trust() {
    let store = store(&[]);
    let checked = store.check(&provider(), &leaf(1, |_| {}), None);
    assert_eq!(checked, Err(CertError::NoDate));
}

#[test]
fn unknown_untrusted_and_forged_are_told_apart() {
    let store_2_3 = store(&[link(2, 3, |_| {})]);
    assert_eq!(
        check(&store_2_3, &leaf(9, |_| {})),
        Err(CertError::UnknownAuthority)
    );
    assert_eq!(
        check(&store_2_3, &leaf(3, |_| {})),
        Err(CertError::UntrustedAuthority)
    );
    let mut forged = leaf(9, |_| {});
    forged.ca_key_id = Some(authority(1).key_id().get());
    assert_eq!(check(&store_2_3, &forged), Err(CertError::BadSignature));
    let mut unsigned = leaf(1, |_| {});
    unsigned.ca_signature = None;
    assert_eq!(check(&store_2_3, &unsigned), Err(CertError::NoSignature));

    let mut forged_link = link(9, 3, |_| {});
    forged_link.ca_key_id = Some(authority(1).key_id().get());
    let store = store(&[forged_link]);
    assert_eq!(
        check(&store, &leaf(3, |_| {})),
        Err(CertError::UntrustedAuthority)
    );
}

#[test]
fn newest_valid_certificate_of_a_key_counts() {
    let older = link(1, 2, |spec| spec.app_ids = apps(&[1]));
    let newer = link(1, 2, |spec| {
        spec.app_ids = apps(&[2]);
        spec.created_unix_secs = NOW;
    });
    let newest_but_untrusted = link(9, 2, |spec| spec.created_unix_secs = NOW + 1);
    let scope = check(
        &store(&[newest_but_untrusted, newer, older]),
        &leaf(2, |_| {}),
    )
    .unwrap();
    assert_eq!(scope.apps(), &Restriction::from_list(apps(&[2])));
}

#[test]
fn self_signed_and_circular_certificates_lead_nowhere() {
    let alone = store(&[link(5, 5, |_| {})]);
    assert_eq!(
        check(&alone, &leaf(5, |_| {})),
        Err(CertError::UntrustedAuthority)
    );
    let circle = [link(5, 6, |_| {}), link(6, 5, |_| {})];
    assert_eq!(
        check(&store(&circle), &leaf(5, |_| {})),
        Err(CertError::UntrustedAuthority)
    );
    let [first, second] = circle;
    let entered = store(&[first, second, link(1, 6, |_| {})]);
    assert!(check(&entered, &leaf(5, |_| {})).is_ok());
    assert!(check(&entered, &leaf(6, |_| {})).is_ok());
}

#[test]
fn revoked_keys_vouch_for_nothing_and_are_vouched_for_by_nobody() {
    let crypto = provider();
    let mut store = store(&[link(1, 2, |_| {}), link(2, 3, |_| {})]);
    store.revoke(&crypto, KeyId::of(&[0xEE; 32])).unwrap();
    assert_eq!(check(&store, &leaf(3, |_| {})), Err(CertError::Revoked));
    let other = leaf(3, |spec| spec.key = [0xDD; 32]);
    assert!(check(&store, &other).is_ok());
    store.revoke(&crypto, authority(2).key_id()).unwrap();
    assert_eq!(check(&store, &other), Err(CertError::UntrustedAuthority));
    store.revoke(&crypto, authority(1).key_id()).unwrap();
    assert_eq!(
        check(&store, &leaf(1, |_| {})),
        Err(CertError::UntrustedAuthority)
    );
}

#[test]
fn unfit_certificates_do_not_enter() {
    let add = |cert: &pb::CertificateSigned| CertStore::new().add_authority(&provider(), cert);
    assert_eq!(add(&leaf(1, |_| {})), Err(CertError::AuthorityWithIdentity));
    let forever = link(1, 2, |spec| spec.expiry_unix_secs = 0);
    assert_eq!(add(&forever), Err(CertError::AuthorityWithoutExpiry));
    let mut unsigned = link(1, 2, |_| {});
    unsigned.ca_signature = Some(vec![0; 63]);
    assert_eq!(add(&unsigned), Err(CertError::NoSignature));
    assert_eq!(
        add(&pb::CertificateSigned::default()),
        Err(CertError::NoSignature)
    );
    assert_eq!(add(&link(1, 2, |_| {})), Ok(authority(2).key_id()));
}

#[test]
fn root_of_the_original_can_be_trusted() {
    let mut store = CertStore::new();
    let id = store.add_root(&provider(), public(&STEAM_ROOT)).unwrap();
    assert_eq!(store.scope(id), Some(&Scope::UNLIMITED));
}

#[test]
fn one_text_holds_roots_and_authorities_in_any_order() {
    let crypto = provider();
    let text = |cert: &pb::CertificateSigned| {
        SignedCertificate::from_message(cert.clone())
            .unwrap()
            .to_text()
    };
    let key = public(authority(4).public()).to_line("ID4");
    let certs = [link(2, 3, |_| {}), link(1, 2, |_| {}), link(1, 1, |_| {})];
    let file = certs.iter().map(text).collect::<String>() + "# by hand\n" + &key;
    let mut store = CertStore::new();
    let added = store.add_from_text(&crypto, &file).unwrap();
    let ids = [3, 2, 1, 4].map(|n| authority(n).key_id());
    assert_eq!(added, ids);
    assert!(ids.iter().all(|id| store.scope(*id).is_some()));
    // Whom no root vouches for is not trusted, wherever it stands.
    let mut store = CertStore::new();
    let added = store.add_from_text(&crypto, &text(&certs[0])).unwrap();
    assert_eq!(store.scope(added[0]), None);
    assert_eq!(
        store.add_from_text(&crypto, "nothing"),
        Err(TrustFileError::Empty)
    );
}

#[test]
fn limit_max_ca_chain() {
    let certs: Vec<_> = (1..)
        .zip(2..=6)
        .map(|(by, about)| link(by, about, |_| {}))
        .collect();
    let store = store(&certs);
    let longest = u8::try_from(MAX_CA_CHAIN).unwrap() + 1;
    assert!(check(&store, &leaf(longest, |_| {})).is_ok());
    assert_eq!(
        check(&store, &leaf(longest + 1, |_| {})),
        Err(CertError::UntrustedAuthority)
    );
}

#[test]
fn limit_max_ca_certs() {
    let crypto = provider();
    let mut store = CertStore::new();
    let cert = |n: usize| {
        link(1, 2, |spec| {
            spec.app_ids = apps(&[u32::try_from(n).unwrap() + 1])
        })
    };
    for n in 0..MAX_CA_CERTS {
        store.add_authority(&crypto, &cert(n)).unwrap();
    }
    assert_eq!(
        store.add_authority(&crypto, &cert(MAX_CA_CERTS)),
        Err(CertError::StoreFull)
    );
    assert!(
        store.add_authority(&crypto, &cert(0)).is_ok(),
        "known already"
    );
}

#[test]
fn limit_max_revoked_keys() {
    let crypto = provider();
    let mut store = CertStore::new();
    for n in 0..MAX_REVOKED_KEYS as u64 {
        store.revoke(&crypto, KeyId::new(n)).unwrap();
    }
    assert_eq!(
        store.revoke(&crypto, KeyId::new(u64::MAX)),
        Err(CertError::StoreFull)
    );
    let again = store.revoke(&crypto, KeyId::new(0));
    assert_eq!(again, Ok(()), "revoked already");
}

#[test]
fn regression_what_is_said_of_a_limited_authority_does_not_widen_it() {
    let limited = |spec: &mut CertSpec| spec.app_ids = apps(&[480]);
    let store = store(&[link(1, 2, limited)]);
    let intermediate = public(authority(2).public());
    let before = store.scope(intermediate.id()).cloned();
    let beside = store.beside(&provider(), &[intermediate], &[]);
    assert_eq!(beside.scope(intermediate.id()).cloned(), before);
    assert!(before.unwrap().is_expired(u64::from(NOW) + 101));
}
