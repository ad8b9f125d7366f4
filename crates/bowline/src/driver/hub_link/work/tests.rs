//! What the client of a hub hears too late, or not at all.

use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;

use bowline_core::availability::Availability;

use super::*;
use crate::builder::ServiceMode;
use crate::driver::limits::MAX_STATUS_EVENTS;
use crate::events::Event;
use crate::hub::HubConfig;
use crate::sockets::Sockets;

fn sockets() -> Sockets {
    let builder = Sockets::builder().service(ServiceMode::Manual);
    builder.build().expect("an interface")
}

#[test]
fn regression_after_a_panic_of_the_application_another_thread_attends() {
    let sockets = sockets();
    let inner = sockets.inner();
    inner.link.lock().is_attended = true;
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let _attending = Attending(inner);
        panic!("as a signaling of the application may");
    }));
    assert!(panicked.is_err());
    assert!(!inner.link.lock().is_attended);
}

/// Signs in where nobody is; which desk that is.
fn sign_in(sockets: &Sockets) -> u64 {
    let config = HubConfig::new("127.0.0.1:9", "str:hub").expect("it is well-formed");
    sockets.sign_in(config);
    sockets.inner().link.lock().desks
}

fn retrying() -> HubEvent {
    HubEvent::Availability {
        availability: Availability::Retrying,
        text: "nobody there".into(),
    }
}

#[test]
fn regression_news_of_a_hub_that_was_left_change_nothing() {
    let sockets = sockets();
    let inner = sockets.inner();
    let desk = sign_in(&sockets);
    inner.hear_hub(desk, retrying());
    let status = sockets.authentication();
    assert_eq!(status.availability, Availability::Retrying);
    sockets.sign_out();
    inner.hear_hub(desk, retrying());
    let status = sockets.authentication();
    assert_eq!(status.availability, Availability::CannotTry);
    // Nor does what was meant as a certificate count against the next hub.
    sign_in(&sockets);
    inner.hear_hub(desk, HubEvent::Certificate(vec![1]));
    inner.hear_hub(desk, retrying());
    assert_ne!(
        sockets.authentication().availability,
        Availability::Retrying
    );
    assert!(!inner.hub.lock().is_certified_by_hub);
}

#[test]
fn regression_a_dial_that_ends_after_its_desk_is_hung_up() {
    let sockets = sockets();
    let inner = sockets.inner();
    let desk = sign_in(&sockets);
    let address = "127.0.0.1:9".parse().expect("an address");
    let pin = HubConfig::new("127.0.0.1:9", "str:hub").expect("it is well-formed");
    let config = settings().expect("they are in range");
    let slot = inner.connect_hub(address, config, &pin.pin.expect());
    let slot = slot.expect("nobody has to be there");
    sockets.sign_out();
    inner.take_dialled(desk, address, Arc::clone(&slot));
    assert!(slot.state.lock().open().is_err(), "it was closed");
}

#[test]
fn regression_whoever_finds_the_client_started_waits_for_the_certificate() {
    let config = HubConfig::new("127.0.0.1:9", "str:hub").expect("it is well-formed");
    let builder = Sockets::builder().service(ServiceMode::Manual).hub(config);
    let sockets = builder.build().expect("an interface");
    let inner = sockets.inner();
    // Another thread has started the client, and has come no further than to attend.
    inner.link.lock().is_attended = true;
    inner.start_hub(false);
    let availability = sockets.hub_status().expect("there is a hub").availability;
    assert_eq!(availability, Availability::Waiting);
    assert!(inner.hub.lock().endpoint.awaits_certificate());
}

#[test]
fn regression_who_resets_its_identity_has_no_session_any_more() {
    let sockets = sockets();
    let inner = sockets.inner();
    let desk = sign_in(&sockets);
    let address = "127.0.0.1:9".parse().expect("an address");
    inner.at_desk(desk, |desk| {
        desk.status.session = 7;
        desk.status.seen_address = Some(address);
        desk.status.hub_address = Some(address);
    });
    sockets.reset_identity(None);
    let status = sockets.hub_status().expect("there is a hub");
    assert_eq!(status.session, 0);
    assert_eq!((status.seen_address, status.hub_address), (None, None));
}

#[test]
fn limit_max_status_events() {
    let sockets = sockets();
    let inner = sockets.inner();
    let desk = sign_in(&sockets);
    for round in 0..MAX_STATUS_EVENTS * 2 {
        let availability = match round % 2 {
            0 => Availability::Retrying,
            _ => Availability::Attempting,
        };
        let text = String::new();
        inner.hear_hub(desk, HubEvent::Availability { availability, text });
    }
    assert_eq!(sockets.waiting_events(), MAX_STATUS_EVENTS);
    let last = sockets.events().last();
    let Some(Event::AuthenticationChanged { status, .. }) = last else {
        panic!("{last:?}");
    };
    assert_eq!(status, sockets.authentication());
}

#[test]
fn regression_a_name_that_is_looked_up_slowly_is_left_after_a_while() {
    let sockets = sockets();
    let inner = sockets.inner();
    let desk = sign_in(&sockets);
    inner.at_desk(desk, |desk| {
        desk.targets.clear();
        desk.line = Line::Asking {
            name: "hub.example.com".to_owned(),
            port: 9,
            until: inner.clock.now(),
        };
    });
    inner.attend_link();
    let status = sockets.hub_status().expect("there is a hub");
    assert_eq!(status.availability, Availability::Retrying);
    assert_eq!(status.text, "the name of the hub is not resolved in time");
}
