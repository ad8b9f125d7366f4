//! Certificates of members.

use bowline_core::cert::certificate::Certificate;
use bowline_core::cert::signed::SignedCertificate;

use super::*;
use crate::limits::CERTIFICATE_BURST;

fn request() -> CertificateRequest {
    CertificateRequest::new(key(5).public())
}

fn certificate(bytes: &[u8]) -> Certificate {
    let signed = SignedCertificate::from_bytes(bytes).unwrap();
    let crypto = rustcrypto::provider();
    let authority = Authority::new(&crypto, SigningKey::from_seed([1; 32]));
    assert!(signed.is_signed_by(&crypto, authority.public()));
    Certificate::parse(signed.to_message().cert()).unwrap()
}

#[test]
fn a_certificate_comes_with_the_welcome_and_later_again() {
    let mut desk = Desk::new(dev());
    let wants = Hello {
        certificate_request: Some(request().to_bytes()),
        ..hello(Method::Dev, Some("str:dev-anna"))
    };
    desk.hello(1, wants);
    let first = certificate(&desk.welcome(1).certificate.unwrap());
    assert_eq!(first.identity(), Some(&identity("str:dev-anna")));
    assert_eq!(first.app_ids(), [APP]);
    assert_eq!(first.key(), key(5).public().as_bytes());
    let now = UNIX_US / 1_000_000;
    assert_eq!(
        u64::from(first.expiry_unix_secs().unwrap()),
        now + 24 * 3600
    );
    desk.now += Span::from_secs(3600);
    desk.say(1, &ToHub::Certificate(request().to_bytes()));
    let got = desk.got(1);
    let [FromHub::Certificate(bytes)] = &got[..] else {
        panic!("{got:?}");
    };
    assert_eq!(
        u64::from(certificate(bytes).expiry_unix_secs().unwrap()),
        now + 25 * 3600
    );
    assert_eq!(desk.hub.counters().certificates, 2);
    assert_eq!(desk.hub.list(0, 1)[0].key, Some(key(5).public().id()));
}

#[test]
fn nobody_gets_a_certificate_for_what_it_is_not() {
    let asks = |change: &dyn Fn(&mut CertificateRequest)| {
        let mut request = request();
        change(&mut request);
        request.to_bytes()
    };
    let cases = [
        asks(&|request| request.identity = Some(identity("str:dev-ben"))),
        asks(&|request| request.app_ids = vec![AppId::new(570)]),
        asks(&|request| request.pops = vec!["fra".parse().unwrap()]),
        asks(&|request| request.addresses = vec![[192, 0, 2, 1].into()]),
        vec![0xff; 40],
    ];
    let mut desk = Desk::new(dev());
    for (number, bytes) in (1..).zip(cases) {
        let wants = Hello {
            certificate_request: Some(bytes.clone()),
            ..hello(Method::Dev, Some("str:dev-anna"))
        };
        desk.hello(number, wants);
        assert_eq!(desk.refusal(number), Refusal::Certificate);
        let later = 100 + number;
        desk.member(later, "str:dev-anna");
        desk.say(later, &ToHub::Certificate(bytes));
        assert_eq!(desk.goodbye(later), Some(Goodbye::Malformed));
        desk.now += Span::from_secs(1);
    }
    assert_eq!(desk.hub.counters().certificates, 0);
}

#[test]
fn whose_credential_has_expired_gets_no_further_certificate() {
    let (mut desk, _) = Desk::with_token_for_a_minute();
    desk.now += Span::from_secs(61);
    desk.say(1, &ToHub::Certificate(request().to_bytes()));
    assert_eq!(desk.goodbye(1), Some(Goodbye::Expired));
}

#[test]
fn limit_certificates_of_a_session_even_if_it_signs_in_anew() {
    let mut desk = Desk::new(dev());
    for session in 0..10 {
        desk.member(session, "str:dev-anna");
        for _ in 0..10 {
            desk.say(session, &ToHub::Certificate(request().to_bytes()));
        }
    }
    let issued = desk.hub.counters().certificates;
    assert_eq!(issued, u64::from(CERTIFICATE_BURST));
    desk.now += Span::from_secs(10);
    desk.say(9, &ToHub::Certificate(request().to_bytes()));
    assert_eq!(desk.hub.counters().certificates, issued + 1);
}

#[test]
fn regression_an_address_that_is_asked_for_is_in_no_log() {
    let mut desk = Desk::new(dev());
    let mut asked = request();
    asked.identity = Some(identity("ip:203.0.113.5"));
    let wants = Hello {
        certificate_request: Some(asked.to_bytes()),
        ..hello(Method::Dev, Some("str:dev-anna"))
    };
    desk.hello(1, wants);
    assert_eq!(desk.refusal(1), Refusal::Certificate);
    let notices = format!("{:?}", desk.notices);
    assert!(notices.contains("another identity"), "{notices}");
    assert!(!notices.contains("203.0.113.5"), "{notices}");
}

#[test]
fn regression_nobody_gets_a_certificate_that_passes_for_a_service() {
    // All games are served.
    let mut desk = Desk::new(dev());
    let request = CertificateRequest::new(key(6).public()).to_bytes();
    let of_all_games = Hello {
        app: AppId::ANY,
        certificate_request: Some(request),
        ..hello(Method::Dev, Some("str:dev-anna"))
    };
    desk.hello(1, of_all_games);
    assert_eq!(desk.refusal(1), Refusal::App);
}
