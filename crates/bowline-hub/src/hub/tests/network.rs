//! What clients are told about the network.

use bowline_core::hub::NetworkConfig;

use super::*;

fn signed(revision: u64) -> SignedBody {
    revoking(revision, Vec::new())
}

fn revoking(revision: u64, revoked: Vec<KeyId>) -> SignedBody {
    let config = NetworkConfig {
        revision,
        revoked,
        ..NetworkConfig::default()
    };
    config
        .sign(&rustcrypto::provider(), key(5).private())
        .unwrap()
}

fn revisions(desk: &mut Desk, number: u32) -> Vec<u64> {
    let trusted = [key(5).public()];
    let told = desk.got(number).into_iter().filter_map(|message| {
        let FromHub::Config { revision, body } = message else {
            return None;
        };
        let config = NetworkConfig::verify(&body.unwrap(), &rustcrypto::provider(), &trusted);
        assert_eq!(config.unwrap().revision, revision);
        Some(revision)
    });
    told.collect()
}

#[test]
fn clients_are_told_about_the_network_with_their_welcome_and_when_it_changes() {
    let mut desk = Desk::new(dev());
    assert_eq!(desk.member(1, "str:dev-anna").config_revision, 0);
    assert!(revisions(&mut desk, 1).is_empty());
    desk.hub.announce(3, signed(3));
    desk.drain();
    assert_eq!(revisions(&mut desk, 1), [3]);
    desk.hello(2, hello(Method::Dev, Some("str:dev-ben")));
    let got = desk.got[&client(2)].clone();
    assert!(matches!(&got[0], FromHub::Welcome(welcome) if welcome.config_revision == 3));
    assert_eq!(revisions(&mut desk, 2), [3]);
    desk.connect(3);
    desk.hub.announce(4, signed(4));
    desk.drain();
    assert_eq!(revisions(&mut desk, 1), [4]);
    assert_eq!(revisions(&mut desk, 2), [4]);
    assert_eq!(desk.got(3), [], "a stranger is told nothing");
}

#[test]
fn regression_a_revoked_key_gets_no_certificate() {
    let mut desk = Desk::new(dev());
    let request = CertificateRequest::new(key(6).public()).to_bytes();
    let asking = Hello {
        certificate_request: Some(request.clone()),
        ..hello(Method::Dev, Some("str:dev-anna"))
    };
    desk.hello(1, asking.clone());
    assert!(desk.welcome(1).certificate.is_some());
    desk.hub
        .announce(1, revoking(1, vec![key(6).public().id()]));
    desk.drain();
    desk.say(1, &ToHub::Certificate(request));
    assert_eq!(desk.goodbye(1), Some(Goodbye::Malformed));
    desk.hello(2, asking.clone());
    assert_eq!(desk.refusal(2), Refusal::Certificate);
    let other = CertificateRequest::new(key(7).public()).to_bytes();
    let with_another_key = Hello {
        certificate_request: Some(other),
        ..asking.clone()
    };
    desk.hello(3, with_another_key);
    desk.drain();
    let got = desk.got(3);
    assert!(matches!(&got[0], FromHub::Welcome(welcome) if welcome.certificate.is_some()));
    // It may be taken back.
    desk.hub.announce(2, signed(2));
    desk.drain();
    desk.now += Span::from_secs(1);
    desk.hello(4, asking);
    let got = desk.got(4);
    assert!(matches!(&got[0], FromHub::Welcome(welcome) if welcome.certificate.is_some()));
}
