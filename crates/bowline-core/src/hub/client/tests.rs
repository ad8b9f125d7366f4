//! A client and the words of a hub.

use std::collections::BTreeSet;
use std::string::String;
use std::vec;
use std::vec::Vec;

use zeroize::Zeroizing;

use super::*;
use crate::crypto::keys::SigningKey;
use crate::crypto::rustcrypto;
use crate::hub::Goodbye;
use crate::hub::Method;
use crate::hub::NackReason;
use crate::hub::Refusal;
use crate::hub::Refused;
use crate::hub::Welcome;
use crate::hub::limits::HUB_RENEW_RETRY;

mod network;
mod regressions;

const START: Timestamp = Timestamp::from_micros(1_000_000);
const HUB_KEY: [u8; 32] = [8; 32];

struct Desk {
    client: HubClient,
    now: Timestamp,
    events: Vec<HubEvent>,
}

fn config(login: HubLogin) -> HubClientConfig {
    HubClientConfig {
        app: AppId::new(480),
        role: Role::User,
        login,
        identity: Some("str:dev-anna".parse().unwrap()),
        version: "test".into(),
    }
}

fn welcome() -> Welcome {
    Welcome {
        identity: "str:dev-anna".parse().unwrap(),
        session: 7,
        unix_ms: 5,
        seen_address: None,
        config_revision: 0,
        resume: b"for coming back".to_vec(),
        certificate: Some(vec![1, 2, 3]),
        max_signal: 1000,
    }
}

fn refused(reason: Refusal, retry_after: Span) -> FromHub {
    FromHub::Refused(Refused {
        reason: Some(reason),
        text: "so it is".into(),
        retry_after,
    })
}

impl Desk {
    fn new(login: HubLogin) -> Self {
        let rng = Rng::from_seed([4; 32]);
        Self {
            client: HubClient::new(config(login), rustcrypto::provider(), rng),
            now: START,
            events: Vec::new(),
        }
    }

    /// Connected, and with its hello said.
    fn greeting() -> (Self, Hello) {
        let mut desk = Self::new(HubLogin::Dev);
        desk.client.start(Some(vec![9]));
        let hello = desk.greet();
        (desk, hello)
    }

    fn signed_in() -> Self {
        let (mut desk, _) = Self::greeting();
        desk.hear(&FromHub::Welcome(welcome()));
        assert_eq!(desk.actions(), []);
        desk
    }

    fn greet(&mut self) -> Hello {
        assert_eq!(self.actions(), [HubAction::Connect]);
        self.client.on_connected(self.now, HUB_KEY);
        match self.said().pop() {
            Some(ToHub::Hello(hello)) => hello,
            other => panic!("{other:?}"),
        }
    }

    fn hear(&mut self, message: &FromHub) {
        self.client.on_message(self.now, &message.encode());
    }

    fn actions(&mut self) -> Vec<HubAction> {
        core::iter::from_fn(|| self.client.poll_action()).collect()
    }

    fn said(&mut self) -> Vec<ToHub> {
        let actions = self.actions().into_iter();
        let said = actions.map(|action| match action {
            HubAction::Send(bytes) => ToHub::parse(&bytes).unwrap(),
            other => panic!("{other:?}"),
        });
        said.collect()
    }

    /// How it stood, one after the other, since this was asked last.
    fn stood(&mut self) -> Vec<Availability> {
        self.events
            .extend(core::iter::from_fn(|| self.client.poll_event()));
        let events = core::mem::take(&mut self.events).into_iter();
        let stood = events.filter_map(|event| match event {
            HubEvent::Availability { availability, .. } => Some(availability),
            _ => None,
        });
        stood.collect()
    }

    /// Waits for the next attempt: how long that took.
    fn wait(&mut self) -> Span {
        let next = self.client.poll_timeout().unwrap();
        let waited = next.since(self.now);
        self.now = self.now.max(next);
        self.client.handle_timeout(self.now);
        waited
    }
}

#[test]
fn a_client_signs_in_and_tells_each_step_once() {
    let (mut desk, hello) = Desk::greeting();
    assert_eq!(hello.method, Ok(Method::Dev));
    assert_eq!(hello.certificate_request, Some(vec![9]));
    desk.hear(&FromHub::Welcome(welcome()));
    let events: Vec<HubEvent> = core::iter::from_fn(|| desk.client.poll_event()).collect();
    let certificate = HubEvent::Certificate(vec![1, 2, 3]);
    assert!(events.contains(&certificate));
    let is_in = |event: &HubEvent| matches!(event, HubEvent::SignedIn { session: 7, .. });
    assert!(events.iter().any(is_in));
    desk.events = events;
    let expected = [
        Availability::Waiting,
        Availability::Attempting,
        Availability::Current,
    ];
    assert_eq!(desk.stood(), expected);
    // Asked again, nothing happens.
    desk.client.start(None);
    assert_eq!(desk.actions(), []);
    desk.client.stop();
    assert_eq!(desk.actions(), [HubAction::Disconnect]);
    assert_eq!(desk.stood(), [Availability::NeverTried]);
}

#[test]
fn a_lost_hub_is_looked_for_again_and_knows_the_client() {
    let mut desk = Desk::signed_in();
    desk.stood();
    desk.client.on_disconnected(desk.now, "silence");
    assert_eq!(desk.stood(), [Availability::Previously]);
    assert!(desk.wait() <= HUB_RETRY);
    let hello = desk.greet();
    assert_eq!(hello.method, Ok(Method::Resume));
    assert_eq!(hello.credential, b"for coming back");
    desk.hear(&FromHub::Welcome(welcome()));
    assert_eq!(
        desk.stood(),
        [Availability::Retrying, Availability::Current]
    );
}

#[test]
fn a_hub_that_does_not_know_the_client_any_more_is_shown_the_credential() {
    let mut desk = Desk::signed_in();
    desk.client.on_disconnected(desk.now, "silence");
    desk.wait();
    desk.greet();
    desk.hear(&refused(Refusal::Credential, Span::ZERO));
    assert_eq!(desk.actions(), [HubAction::Disconnect]);
    desk.wait();
    assert_eq!(desk.greet().method, Ok(Method::Dev));
}

#[test]
fn regression_a_busy_hub_does_not_cost_a_client_what_it_got_for_coming_back() {
    let mut desk = Desk::signed_in();
    desk.client.on_disconnected(desk.now, "silence");
    desk.wait();
    desk.greet();
    desk.hear(&refused(Refusal::Busy, Span::from_secs(5)));
    assert_eq!(desk.actions(), [HubAction::Disconnect]);
    assert!(desk.wait() >= Span::from_secs(5));
    assert_eq!(desk.greet().method, Ok(Method::Resume));
}

#[test]
fn regression_another_credential_is_shown_the_next_time() {
    let mut desk = Desk::signed_in();
    let token = Zeroizing::new(String::from("of another account"));
    desk.client.set_login(HubLogin::Jwt(token));
    desk.client.on_disconnected(desk.now, "silence");
    desk.wait();
    assert_eq!(desk.greet().credential, b"of another account");
}

#[test]
fn pauses_double_and_differ() {
    let mut waits: Vec<Vec<u64>> = Vec::new();
    for seed in 0..20 {
        let rng = Rng::from_seed([seed; 32]);
        let mut desk = Desk::new(HubLogin::Dev);
        desk.client = HubClient::new(config(HubLogin::Dev), rustcrypto::provider(), rng);
        desk.client.start(None);
        let one = (0..10).map(|_| {
            assert_eq!(desk.actions(), [HubAction::Connect]);
            desk.client.on_disconnected(desk.now, "nobody there");
            desk.wait().as_millis()
        });
        waits.push(one.collect());
    }
    for attempt in 0..10 {
        let at: BTreeSet<u64> = waits.iter().map(|one| one[attempt]).collect();
        let longest = 1000 << attempt.min(6);
        assert!(at.len() > 15 && at.iter().all(|wait| *wait < longest));
        assert!(*at.last().unwrap() > longest / 2);
    }
}

#[test]
fn a_hub_that_does_not_answer_is_given_up_for_a_while() {
    let (mut desk, _) = Desk::greeting();
    assert_eq!(desk.wait(), HUB_SIGN_IN_TIMEOUT);
    assert_eq!(desk.actions(), [HubAction::Disconnect]);
    desk.wait();
    assert_eq!(desk.actions(), [HubAction::Connect]);
}

#[test]
fn a_refusal_for_good_is_not_argued_with() {
    let (mut desk, _) = Desk::greeting();
    desk.hear(&refused(Refusal::Blocked, Span::ZERO));
    let events: Vec<HubEvent> = core::iter::from_fn(|| desk.client.poll_event()).collect();
    let Some(HubEvent::Availability { availability, text }) = events.last() else {
        panic!("{events:?}");
    };
    assert_eq!(*availability, Availability::Failed);
    assert_eq!(text, "the operator has blocked this identity: so it is");
    assert_eq!(desk.client.poll_timeout(), None);
    desk.actions();
    // Until the application wants it, or has something else to show.
    desk.client.start(None);
    assert_eq!(desk.greet().method, Ok(Method::Dev));
    desk.hear(&refused(Refusal::Expired, Span::ZERO));
    desk.actions();
    let token = Zeroizing::new(String::from("another"));
    desk.client.set_login(HubLogin::Jwt(token));
    assert_eq!(desk.greet().credential, b"another");
}

#[test]
fn a_busy_hub_is_asked_again_when_it_says() {
    let (mut desk, _) = Desk::greeting();
    desk.hear(&refused(Refusal::Busy, Span::from_secs(5)));
    let waited = desk.wait();
    assert!(waited >= Span::from_secs(5) && waited <= Span::from_secs(6));
}

#[test]
fn who_has_signed_in_elsewhere_does_not_fight_for_it() {
    for reason in [Goodbye::Superseded, Goodbye::Kicked] {
        let mut desk = Desk::signed_in();
        desk.hear(&FromHub::Goodbye {
            reason: Some(reason),
            text: "elsewhere".into(),
            retry_after: Span::ZERO,
        });
        assert_eq!(desk.client.availability(), Availability::Failed);
        assert_eq!(desk.client.poll_timeout(), None);
        desk.actions();
        desk.client.start(None);
        assert_eq!(
            desk.greet().method,
            Ok(Method::Dev),
            "not by what it got before"
        );
    }
}

#[test]
fn a_hub_that_shuts_down_is_left_and_looked_for_when_it_says() {
    let mut desk = Desk::signed_in();
    desk.hear(&FromHub::Goodbye {
        reason: Some(Goodbye::Draining),
        text: String::new(),
        retry_after: Span::from_secs(60),
    });
    assert_eq!(desk.actions(), [HubAction::Disconnect]);
    assert!(desk.wait() >= Span::from_secs(60));
    assert_eq!(desk.greet().method, Ok(Method::Resume));
}

#[test]
fn keys_prove_and_are_not_sent() {
    let shared = HubLogin::SharedKey {
        name: "main".into(),
        key: Zeroizing::new(b"a secret key".to_vec()),
    };
    let server = HubLogin::GameServerKey(SigningKey::from_seed([6; 32]));
    for (login, len) in [(shared, 32), (server, 64)] {
        let mut desk = Desk::new(login.clone());
        assert!(!std::format!("{:?}", desk.client.config).contains("97, 32"));
        desk.client.start(None);
        let hello = desk.greet();
        assert_ne!(hello.credential, b"a secret key");
        let mut proofs = BTreeSet::new();
        for nonce in [[1; 32], [2; 32]] {
            desk.hear(&FromHub::Challenge(nonce));
            let said = desk.said();
            let [ToHub::Proof(proof)] = &said[..] else {
                panic!("{said:?}");
            };
            assert_eq!(proof.len(), len);
            let crypto = rustcrypto::provider();
            let expected = login.prove(&crypto, &hello.statement(&HUB_KEY, &nonce));
            assert_eq!(Some(proof), expected.as_ref());
            proofs.insert(proof.clone());
        }
        assert_eq!(proofs.len(), 2);
    }
    // Who has no key proves nothing.
    let (mut desk, _) = Desk::greeting();
    desk.hear(&FromHub::Challenge([1; 32]));
    assert_eq!(desk.actions(), [HubAction::Disconnect]);
}

#[test]
fn a_hub_that_takes_the_client_for_somebody_else_is_left() {
    let (mut desk, _) = Desk::greeting();
    let other = Welcome {
        identity: "str:dev-ben".parse().unwrap(),
        ..welcome()
    };
    desk.hear(&FromHub::Welcome(other));
    assert_eq!(desk.actions(), [HubAction::Disconnect]);
    assert!(!desk.client.availability().is_current());
}

#[test]
fn signals_go_out_and_come_in_while_signed_in() {
    let mut desk = Desk::signed_in();
    while desk.client.poll_event().is_some() {}
    let ben: Identity = "str:dev-ben".parse().unwrap();
    assert_eq!(desk.client.send_signal(&ben, b"signal"), Ok(1));
    assert_eq!(desk.client.send_signal(&ben, b"signal"), Ok(2));
    let said = desk.said();
    let ToHub::Signal(signal) = &said[1] else {
        panic!("{said:?}");
    };
    assert_eq!((signal.number, &*signal.peer), (2, "str:dev-ben"));
    let error = desk.client.send_signal(&ben, &[0; 1001]).unwrap_err();
    assert_eq!(
        error,
        HubSendError::TooLarge {
            len: 1001,
            limit: 1000
        }
    );
    desk.hear(&FromHub::Nack {
        number: 2,
        reason: Some(NackReason::RateLimited),
    });
    desk.hear(&FromHub::Signal(HubSignal {
        number: 0,
        peer: "str:dev-ben".into(),
        payload: b"back".to_vec(),
    }));
    let expected = [
        HubEvent::SignalRefused {
            number: 2,
            reason: Some(NackReason::RateLimited),
        },
        HubEvent::Signal {
            from: "str:dev-ben".into(),
            payload: b"back".to_vec(),
        },
    ];
    let events: Vec<HubEvent> = core::iter::from_fn(|| desk.client.poll_event()).collect();
    assert_eq!(events, expected);
    desk.client.on_disconnected(desk.now, "silence");
    let error = desk.client.send_signal(&ben, b"signal").unwrap_err();
    assert_eq!(error, HubSendError::NotSignedIn);
}

#[test]
fn a_certificate_is_renewed_now_or_with_the_next_sign_in() {
    let mut desk = Desk::signed_in();
    desk.client.renew(vec![8]);
    assert_eq!(desk.said(), [ToHub::Certificate(vec![8])]);
    desk.client.on_disconnected(desk.now, "silence");
    desk.client.renew(vec![7]);
    desk.wait();
    assert_eq!(desk.greet().certificate_request, Some(vec![7]));
}

#[test]
fn nonsense_and_words_out_of_turn_do_no_harm() {
    let mut desk = Desk::signed_in();
    desk.hear(&FromHub::Welcome(welcome()));
    desk.hear(&refused(Refusal::Blocked, Span::ZERO));
    desk.hear(&FromHub::Challenge([0; 32]));
    desk.hear(&FromHub::Unknown);
    assert_eq!(desk.actions(), []);
    assert!(desk.client.availability().is_current());
    desk.client.on_message(desk.now, &[0xff; 9]);
    assert_eq!(desk.actions(), [HubAction::Disconnect]);
    // After that nothing is listened to.
    desk.hear(&FromHub::Welcome(welcome()));
    desk.hear(&FromHub::Signal(HubSignal {
        number: 0,
        peer: "str:dev-ben".into(),
        payload: Vec::new(),
    }));
    desk.client.on_connected(desk.now, HUB_KEY);
    assert_eq!(desk.actions(), []);
}

#[test]
fn a_certificate_is_renewed_before_it_expires_and_asked_for_until_it_comes() {
    for (left, earliest, latest) in [
        (
            Span::from_secs(24 * 3600),
            24 * 3600 - 9000,
            24 * 3600 - 7200,
        ),
        (Span::from_secs(60), 35, 40),
    ] {
        let mut desk = Desk::signed_in();
        desk.client.on_certificate_taken(desk.now, left);
        let waited = desk.wait();
        assert!(waited >= Span::from_secs(earliest), "{waited:?}");
        assert!(waited <= Span::from_secs(latest), "{waited:?}");
        assert_eq!(desk.said(), [ToHub::Certificate(vec![9])]);
        let waited = desk.wait();
        assert!(waited >= HUB_RENEW_RETRY && waited <= HUB_RENEW_RETRY * 2);
        assert_eq!(desk.said(), [ToHub::Certificate(vec![9])]);
        desk.hear(&FromHub::Certificate(vec![4]));
        desk.client.on_certificate_taken(desk.now, left);
        assert!(desk.wait() >= Span::from_secs(earliest));
    }
}

#[test]
fn a_welcome_without_a_certificate_is_asked_for_one() {
    let (mut desk, _) = Desk::greeting();
    desk.hear(&FromHub::Welcome(Welcome {
        certificate: None,
        ..welcome()
    }));
    assert_eq!(desk.said(), [ToHub::Certificate(vec![9])]);
}

#[test]
fn who_is_taken_for_somebody_else_gives_up_and_says_so() {
    let (mut desk, _) = Desk::greeting();
    desk.stood();
    desk.hear(&FromHub::Welcome(Welcome {
        identity: "str:dev-ben".parse().unwrap(),
        ..welcome()
    }));
    assert_eq!(desk.actions(), [HubAction::Disconnect]);
    let event = desk.client.poll_event();
    let Some(HubEvent::Availability { availability, text }) = event else {
        panic!("{event:?}");
    };
    assert_eq!(availability, Availability::Failed);
    assert_eq!(text, "the hub takes us for str:dev-ben, not str:dev-anna");
    assert_eq!(desk.client.poll_timeout(), None);
}
