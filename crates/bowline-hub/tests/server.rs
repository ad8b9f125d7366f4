//! A hub and its clients on real sockets, in one process.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod support;

use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use bowline::cert::SignedCertificate;
use bowline_core::availability::Availability;
use bowline_core::hub::HubEvent;
use bowline_core::hub::HubLogin;
use bowline_core::hub::Refusal;
use bowline_hub::hub::Check;
use bowline_hub::hub::Notice;
use bowline_hub::hub::Policy;
use bowline_hub::hub::Verdict;
use bowline_hub::keys::HubKeys;
use bowline_hub::namespace::Namespace;
use bowline_hub::server::Checker;
use bowline_hub::server::NoChecker;
use bowline_hub::server::Running;
use bowline_hub::server::Server;
use bowline_hub::server::Setup;
use zeroize::Zeroizing;

use self::support::APP;
use self::support::Client;
use self::support::signal;

fn space(prefix: &str) -> Option<Namespace> {
    Some(Namespace::new([prefix]).unwrap())
}

fn setup(checker: Arc<dyn Checker>) -> Setup {
    Setup {
        listen: vec!["127.0.0.1:0".parse().unwrap()],
        keys: HubKeys::generate(&bowline::cert::default_crypto()).unwrap(),
        policy: Policy {
            dev: space("str:dev-"),
            hook: space("str:hook-"),
            ..Policy::default()
        },
        checker,
    }
}

fn start(setup: Setup) -> (Running, mpsc::Receiver<Notice>) {
    let (sender, notices) = mpsc::channel();
    let on_notice = Box::new(move |notice| drop(sender.send(notice)));
    let server = Server::new(setup).unwrap();
    (server.spawn(on_notice).unwrap(), notices)
}

fn dev(hub: &Running, identity: &str) -> Client {
    Client::dev(hub.local_addrs()[0], hub.key(), identity)
}

#[test]
fn clients_sign_in_get_certificates_and_exchange_signals() {
    let setup = setup(Arc::new(NoChecker));
    let authority = setup.keys.authority.public();
    let (hub, notices) = start(setup);
    let mut anna = dev(&hub, "str:dev-anna");
    let mut ben = dev(&hub, "str:dev-ben");
    let crypto = bowline::cert::default_crypto();
    for client in [&mut anna, &mut ben] {
        client.until(Availability::Current);
        let signed = client.until_event(|event| match event {
            HubEvent::Certificate(bytes) => Some(SignedCertificate::from_bytes(bytes).unwrap()),
            _ => None,
        });
        assert!(signed.is_signed_by(&crypto, authority.as_bytes()));
    }
    let sent = signal("str:dev-anna", "str:dev-ben");
    let to = "str:dev-ben".parse().unwrap();
    anna.machine.send_signal(&to, &sent).unwrap();
    anna.turn();
    let from = ben.until_event(|event| match event {
        HubEvent::Signal { from, payload } if *payload == sent => Some(from.clone()),
        _ => None,
    });
    assert_eq!(from, "str:dev-anna");
    let standing = hub.handle().standing().unwrap();
    assert_eq!((standing.sessions, standing.connections), (2, 2));
    assert_eq!(standing.counters.signals_carried, 1);
    assert!(matches!(notices.recv(), Ok(Notice::SignedIn { .. })));
}

#[test]
fn whoever_is_kicked_or_pins_another_key_is_out() {
    let (hub, _notices) = start(setup(Arc::new(NoChecker)));
    let mut anna = dev(&hub, "str:dev-anna");
    anna.until(Availability::Current);
    let name = "str:dev-anna".parse().unwrap();
    assert_eq!(hub.handle().kick(APP, &name).unwrap().sessions, 1);
    assert_eq!(hub.handle().kick(APP, &name).unwrap().sessions, 0);
    anna.until(Availability::Failed);
    let other = bowline::cert::generate_key_pair().unwrap();
    let mut ben = Client::dev(hub.local_addrs()[0], other.public(), "str:dev-ben");
    ben.until(Availability::Retrying);
    assert_eq!(hub.handle().standing().unwrap().sessions, 0);
    let handle = hub.handle().clone();
    drop(hub);
    assert!(handle.standing().is_err(), "it has stopped");
}

/// Says yes to some, panics about others, and takes too long about a third.
struct Moody;

impl Checker for Moody {
    fn check(&self, check: &Check) -> Verdict {
        match &*check.credential {
            b"panic" => panic!("as wanted"),
            b"slow" => std::thread::sleep(Duration::from_millis(300)),
            _ => {}
        }
        Verdict::Good {
            identity: "str:hook-carl".parse().unwrap(),
            expiry_unix_secs: None,
        }
    }
}

#[test]
fn a_check_that_takes_long_or_panics_stalls_nobody() {
    let (hub, notices) = start(setup(Arc::new(Moody)));
    let ticket = |text: &str| {
        let login = HubLogin::Hook(Zeroizing::new(text.as_bytes().to_vec()));
        Client::new(hub.local_addrs()[0], hub.key(), login, None)
    };
    let mut panics = ticket("panic");
    panics.until(Availability::Retrying);
    assert!(notices.iter().any(|notice| {
        matches!(notice, Notice::Refused { reason, .. } if reason == Refusal::Unavailable)
    }));
    let mut slow = ticket("slow");
    slow.until(Availability::Attempting);
    let mut anna = dev(&hub, "str:dev-anna");
    anna.until(Availability::Current);
    slow.until(Availability::Current);
}
