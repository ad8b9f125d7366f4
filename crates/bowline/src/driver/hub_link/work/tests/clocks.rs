//! Clocks that are wrong.

use bowline_core::cert::authority::Authority;
use bowline_core::crypto::keys::SigningKey;
use bowline_core::hub::FromHub;
use bowline_core::hub::Welcome;

use super::*;
use crate::cert::SignedCertificate;
use crate::cert::default_crypto;

/// The hub lets it in, with a certificate.
fn let_in(sockets: &Sockets, desk: u64, certificate: Vec<u8>) {
    let inner = sockets.inner();
    let now = inner.clock.now();
    let welcome = FromHub::Welcome(Welcome {
        identity: "str:anna".parse().expect("an identity"),
        session: 7,
        unix_ms: 5,
        seen_address: None,
        config_revision: 0,
        resume: Vec::new(),
        certificate: Some(certificate),
        max_signal: 1000,
    });
    inner.at_desk(desk, |desk| {
        desk.client.on_connected(now, [8; 32]);
        desk.client.on_message(now, &welcome.encode());
    });
    inner.attend_link();
}

/// For whom that is, signed by somebody, with so many seconds since it has expired.
fn expired(sockets: &Sockets, since: u64) -> Vec<u8> {
    certificate(sockets, Clock::unix_seconds() - since)
}

fn certificate(sockets: &Sockets, expiry: u64) -> Vec<u8> {
    let crypto = default_crypto();
    let expiry = u32::try_from(expiry).expect("a date of this century");
    let mut request = sockets.certificate_request();
    request.identity = Some("str:anna".parse().expect("an identity"));
    let authority = Authority::new(&crypto, SigningKey::from_seed([3; 32]));
    let signed = authority.issue(&crypto, &request.spec(expiry - 3600, expiry));
    let signed = SignedCertificate::from_message(signed).expect("it was just issued");
    signed.to_bytes()
}

#[test]
fn regression_a_wrong_clock_signs_nobody_out_for_good() {
    let sockets = sockets();
    let desk = sign_in(&sockets);
    let_in(&sockets, desk, expired(&sockets, 10));
    let status = sockets.hub_status().expect("there is a hub");
    assert_eq!(status.availability, Availability::Retrying);
    assert!(status.text.contains("the clock of the hub"), "{status:?}");
    assert!(status.text.contains("expired at"), "{status:?}");
    let status = sockets.authentication();
    assert_eq!(status.availability, Availability::Retrying);
    assert!(sockets.inner().hub.lock().endpoint.awaits_certificate());
    let next = sockets
        .inner()
        .at_desk(desk, |desk| desk.client.poll_timeout());
    assert!(matches!(next, Some(Some(_))), "it is tried again");
    // What was made wrongly does not get better.
    let sockets = self::sockets();
    let desk = sign_in(&sockets);
    let_in(&sockets, desk, vec![1]);
    let status = sockets.hub_status().expect("there is a hub");
    assert_eq!(status.availability, Availability::Failed);
}

#[test]
fn regression_a_wrong_clock_of_the_hub_ends_no_session_while_the_certificate_of_before_is_good() {
    let sockets = sockets();
    let inner = sockets.inner();
    let desk = sign_in(&sockets);
    let good = certificate(&sockets, Clock::unix_seconds() + 3600);
    let_in(&sockets, desk, good);
    let stands = || sockets.hub_status().expect("there is a hub").availability;
    assert_eq!(stands(), Availability::Current);
    let later = FromHub::Certificate(expired(&sockets, 10)).encode();
    inner.at_desk(desk, |desk| {
        desk.client.on_message(inner.clock.now(), &later);
    });
    inner.attend_link();
    assert_eq!(stands(), Availability::Current);
    let next = inner.at_desk(desk, |desk| desk.client.poll_timeout());
    assert!(matches!(next, Some(Some(_))), "another one is asked for");
}
