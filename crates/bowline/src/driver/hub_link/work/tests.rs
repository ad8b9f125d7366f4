//! What the client of a hub hears too late, or not at all.

mod clocks;

use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::sync::mpsc;
use std::time::Duration;
use std::time::Instant;

use bowline_core::availability::Availability;
use bowline_core::end_reason::EndReason;
use bowline_core::hub::NackReason;
use bowline_core::hub::NetworkConfig;
use bowline_core::hub::NetworkConfigError;
use bowline_core::ids::ConnectionId;
use bowline_core::ids::VirtualPort;

use super::*;
use crate::builder::ServiceMode;
use crate::driver::hub_link::network::Known;
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
    sign_in_at(sockets, "127.0.0.1:9")
}

fn sign_in_at(sockets: &Sockets, address: &str) -> u64 {
    let config = HubConfig::new(address, "str:hub").expect("it is well-formed");
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

/// A connection that the desk believes to be that to its hub.
fn line_up(sockets: &Sockets, desk: u64) -> Arc<Slot> {
    let inner = sockets.inner();
    let address = "127.0.0.1:9".parse().expect("an address");
    let pin = HubConfig::new("127.0.0.1:9", "str:hub").expect("it is well-formed");
    let config = settings().expect("they are in range");
    let slot = inner.connect_hub(address, config, &pin.pin.expect());
    let slot = slot.expect("nobody has to be there");
    inner.at_desk(desk, |desk| desk.line = Line::Up(Arc::clone(&slot)));
    slot
}

/// Does one thing while another thread is in the midst of the other, which hangs up that connection.
fn meanwhile(
    slot: &Slot,
    begin: impl FnOnce() + Send,
    is_begun: impl Fn() -> bool,
    then: impl FnOnce(),
) {
    std::thread::scope(|scope| {
        let (holds, held) = mpsc::channel();
        let (release, released) = mpsc::channel::<()>();
        scope.spawn(move || {
            let state = slot.state.lock();
            holds.send(()).expect("it is waited for");
            let _ = released.recv();
            drop(state);
        });
        held.recv().expect("it is locked");
        scope.spawn(begin);
        let since = Instant::now();
        while !is_begun() {
            assert!(
                since.elapsed() < Duration::from_secs(20),
                "it does not begin"
            );
            std::thread::sleep(Duration::from_millis(1));
        }
        then();
        drop(release);
    });
}

#[test]
fn regression_who_resets_its_identity_undoes_nothing_that_was_begun_since() {
    let sockets = sockets();
    let inner = sockets.inner();
    let desk = sign_in(&sockets);
    let slot = line_up(&sockets, desk);
    let stands = || sockets.hub_status().expect("there is a hub").availability;
    meanwhile(
        &slot,
        || inner.reset_hub(),
        || stands() == Availability::NeverTried,
        || inner.want_hub(),
    );
    assert_eq!(stands(), Availability::Waiting);
    assert!(inner.hub.lock().endpoint.awaits_certificate());
}

#[test]
fn regression_who_signs_out_leaves_the_next_hub_alone() {
    let sockets = sockets();
    let inner = sockets.inner();
    let desk = sign_in(&sockets);
    let slot = line_up(&sockets, desk);
    inner.hub.lock().is_certified_by_hub = true;
    meanwhile(
        &slot,
        || sockets.sign_out(),
        || sockets.hub_status().is_none(),
        || {
            sign_in_at(&sockets, "127.0.0.1:10");
        },
    );
    let hub = inner.hub.lock();
    assert!(hub.endpoint.awaits_certificate());
    assert!(hub.is_certified_by_hub, "by the former one, as before");
}

#[test]
fn regression_signals_of_the_client_before_are_nobodys() {
    let sockets = sockets();
    let inner = sockets.inner();
    let desk = sign_in(&sockets);
    inner.at_desk(desk, |desk| {
        desk.sent.push_back((1, ConnectionId::new(0x0001_0007)));
        desk.client.reject("somebody else");
    });
    let own = inner.hub.lock().endpoint.identity().clone();
    inner.link.lock().given_name = Some(own);
    sockets.init_authentication();
    let left = inner.at_desk(desk, |desk| desk.sent.len());
    assert_eq!(left, Some(0), "numbers begin with 1 again");
}

#[test]
fn a_call_ends_if_the_hub_will_never_carry_its_signals() {
    let builder = Sockets::builder().service(ServiceMode::Manual);
    let me = "str:anna".parse().expect("an identity");
    let sockets = builder.identity(me).build().expect("an interface");
    let inner = sockets.inner();
    let desk = sign_in(&sockets);
    let cases = [
        (NackReason::RateLimited, EndReason::INVALID),
        (NackReason::Forbidden, EndReason::LOCAL_RIGHTS),
        (NackReason::TooLarge, EndReason::MISC_INTERNAL_ERROR),
        (NackReason::NotYours, EndReason::MISC_INTERNAL_ERROR),
        (NackReason::Malformed, EndReason::MISC_INTERNAL_ERROR),
    ];
    for (number, (reason, expected)) in (1..).zip(cases) {
        let peer = format!("str:ben-{number}").parse().expect("an identity");
        let port = VirtualPort::from(7_u16);
        let call = sockets.connect_peer(&peer, port).expect("it waits");
        inner.at_desk(desk, |desk| desk.sent.push_back((number, call.id())));
        let reason = Some(reason);
        inner.hear_hub(desk, HubEvent::SignalRefused { number: 99, reason });
        assert_eq!(
            call.info().expect("it is there").end_reason,
            EndReason::INVALID
        );
        inner.hear_hub(desk, HubEvent::SignalRefused { number, reason });
        let info = call.info().expect("it is there");
        assert_eq!(info.end_reason, expected, "{reason:?}: {}", info.end_text);
    }
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

#[test]
fn regression_what_a_session_left_to_do_does_not_keep_its_line() {
    let sockets = sockets();
    let inner = sockets.inner();
    let desk = sign_in(&sockets);
    let slot = line_up(&sockets, desk);
    // A thread has come no further than to attend, and the hub has taken us for somebody else.
    inner.link.lock().is_attended = true;
    inner.at_desk(desk, |desk| desk.client.reject("somebody else"));
    let own = inner.hub.lock().endpoint.identity().clone();
    inner.link.lock().given_name = Some(own);
    sockets.init_authentication();
    assert!(slot.state.lock().open().is_err(), "it is hung up");
}

#[test]
fn regression_a_signal_of_a_hub_that_was_left_is_not_taken() {
    let sockets = sockets();
    let inner = sockets.inner();
    let signal = || HubEvent::Signal {
        from: "str:ben".into(),
        payload: vec![0xff; 9],
    };
    let dropped = || {
        let hub = inner.hub.lock();
        hub.endpoint.drops().total()
    };
    let left = sign_in(&sockets);
    inner.hear_hub(left, signal());
    assert_eq!(dropped(), 1, "it was looked at");
    let desk = sign_in_at(&sockets, "127.0.0.1:10");
    inner.hear_hub(left, signal());
    assert_eq!(dropped(), 1);
    inner.hear_hub(desk, signal());
    assert_eq!(dropped(), 2);
}

fn network(revision: u64) -> HubEvent {
    HubEvent::Network(NetworkConfig {
        revision,
        ..NetworkConfig::default()
    })
}

fn follows_network(sockets: &Sockets) -> bool {
    sockets.inner().hub.lock().endpoint.follows_network()
}

fn revision(sockets: &Sockets) -> u64 {
    let status = sockets.hub_status().expect("there is a hub");
    status.network_revision
}

#[test]
fn regression_who_signs_out_trusts_whom_the_application_does() {
    let sockets = sockets();
    let inner = sockets.inner();
    let desk = sign_in(&sockets);
    inner.hear_hub(desk, network(7));
    assert_eq!(revision(&sockets), 7);
    assert!(follows_network(&sockets));
    sockets.reset_identity(None);
    assert_eq!(revision(&sockets), 7, "it is the same hub");
    assert!(follows_network(&sockets));
    sockets.sign_out();
    assert!(!follows_network(&sockets));
    // It is known all the same, so that nothing older is taken.
    sign_in(&sockets);
    assert_eq!(revision(&sockets), 0);
    let link = inner.link.lock();
    let config = &link.desk.as_ref().expect("there is a hub").config;
    let known = Known::of(link.network.as_ref(), config);
    assert_eq!((known.revision, known.followed()), (7, 0));
}

#[test]
fn regression_who_signs_in_while_another_thread_signs_out_follows_the_network_anew() {
    let sockets = sockets();
    let inner = sockets.inner();
    let desk = sign_in(&sockets);
    inner.hear_hub(desk, network(7));
    std::thread::scope(|scope| {
        let mut hub = inner.hub.lock();
        drop(inner.drop_hub());
        let other = scope.spawn(|| sign_in(&sockets));
        // It comes to the lock of the endpoint meanwhile.
        std::thread::sleep(Duration::from_millis(100));
        assert!(inner.link.lock().unfollow());
        hub.endpoint.set_network(inner.clock.now(), None);
        drop(hub);
        other.join().expect("it does not panic");
    });
    assert!(!follows_network(&sockets));
    assert_eq!(revision(&sockets), 0, "what is not followed is not told");
}

#[test]
fn regression_hubs_of_one_name_have_networks_of_their_own() {
    let sockets = sockets();
    let inner = sockets.inner();
    let desk = sign_in(&sockets);
    inner.hear_hub(desk, network(7));
    sign_in(&sockets);
    assert_eq!(revision(&sockets), 7, "the same hub");
    sign_in_at(&sockets, "127.0.0.1:10");
    assert_eq!(revision(&sockets), 0);
    assert!(!follows_network(&sockets));
}

#[test]
fn regression_what_was_wrong_with_the_network_is_forgotten_once_it_is_right() {
    let sockets = sockets();
    let inner = sockets.inner();
    let desk = sign_in(&sockets);
    let error = || {
        let status = sockets.hub_status().expect("there is a hub");
        status.network_error
    };
    inner.hear_hub(desk, network(7));
    let (revision, known) = (6, 7);
    let older = NetworkConfigError::Older { revision, known };
    inner.hear_hub(desk, HubEvent::NetworkRefused(older));
    assert_eq!(error(), Some(older));
    inner.hear_hub(desk, HubEvent::NetworkKnown);
    assert_eq!(error(), None);
    inner.hear_hub(desk, HubEvent::NetworkRefused(older));
    sockets.reset_identity(None);
    assert_eq!(error(), None, "nobody has said so to whom we are now");
}

#[test]
fn regression_who_asks_for_messages_again_signs_in_again() {
    let config = HubConfig::new("127.0.0.1:9", "str:hub").expect("it is well-formed");
    let builder = Sockets::builder().service(ServiceMode::Manual).hub(config);
    let sockets = builder.build().expect("an interface");
    let availability = || sockets.hub_status().expect("there is a hub").availability;
    sockets.messages().expect("an identity is not needed yet");
    assert_ne!(availability(), Availability::NeverTried);
    sockets.reset_identity(None);
    assert_eq!(availability(), Availability::NeverTried);
    sockets.messages().expect("an identity is not needed yet");
    assert_ne!(availability(), Availability::NeverTried);
}
