//! Tests that need to set what applications cannot.

use std::time::Duration;
use std::time::Instant;

use bowline_core::config::Config;
use bowline_core::connection::ConnectionState;
use bowline_core::identity::Identity;
use bowline_io::interfaces::Loopback;

use super::*;
use crate::builder::ServiceMode;
use crate::builder::ThreadStart;
use crate::driver::lobby::Service;
use crate::error::ConnectError;
use crate::events::Event;
use crate::sockets::Sockets;

/// An interface on which no connection is made while `max_events` events wait to be read.
fn bounded(max_events: usize) -> Sockets {
    bounded_as(Identity::anonymous(), max_events)
}

/// The same, of somebody.
pub(super) fn bounded_as(identity: Identity, max_events: usize) -> Sockets {
    let mut config = EndpointConfig::new(bowline_io::crypto::default_provider());
    config.identity = identity;
    let told = Told::all(max_events);
    let (inner, further) = Inner::new(
        config,
        Config::new(),
        told,
        1,
        Loopback::IfAlone,
        Shortcuts::Always,
    )
    .unwrap();
    Sockets::start(inner, further, ServiceMode::Manual, ThreadStart::default()).unwrap()
}

/// Polls both until an event of `of` is there.
fn next_event(of: &Sockets, other: &Sockets) -> Event {
    let end = Instant::now() + Duration::from_secs(5);
    loop {
        other.poll();
        of.poll();
        if let Some(event) = of.next_event() {
            return event;
        }
        assert!(Instant::now() < end, "no event in time");
    }
}

#[test]
fn limit_events_of_outgoing_connections() {
    let sockets = bounded(3);
    let silent = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let addr = silent.local_addr().unwrap();
    for _ in 0..3 {
        sockets.connect(addr).unwrap();
    }
    let refused = sockets.connect(addr).unwrap_err();
    assert!(matches!(refused, ConnectError::TooManyEvents));
    assert!(sockets.next_event().is_some());
    sockets.connect(addr).unwrap();
    assert_eq!(sockets.events().count(), 3);
}

#[test]
fn limit_events_of_incoming_connections() {
    let server = bounded(2);
    let client = bounded(100);
    let listener = server.listen("127.0.0.1:0".parse().unwrap()).unwrap();
    for _ in 0..3 {
        client.connect(listener.local_addr()).unwrap();
    }
    // Two wait at the server, the third is refused without the server's application hearing of it.
    let refused = loop {
        if let Event::ConnectionChanged(change) = next_event(&client, &server)
            && change.new == ConnectionState::ClosedByPeer
        {
            break change;
        }
    };
    assert_eq!(refused.info.end_reason, EndReason::APP_GENERIC);
    assert_eq!(refused.info.end_text, receive::REFUSED);
    let mut known = server.inner().hub.lock().slots();
    known.retain(|slot| slot.refused);
    for slot in known {
        assert!(server.connection(slot.id).is_none(), "nobody heard of it");
    }
    assert_eq!(server.events().count(), 2);
}

#[test]
fn last_words_are_sent_while_another_thread_sends() {
    let server = bounded(100);
    let client = bounded(100);
    let listener = server.listen("127.0.0.1:0".parse().unwrap()).unwrap();
    client.connect(listener.local_addr()).unwrap();
    let Event::ConnectionChanged(request) = next_event(&server, &client) else {
        panic!("the first event is a request");
    };
    request.connection.accept().unwrap();
    while !matches!(
        next_event(&client, &server),
        Event::ConnectionChanged(change) if change.new == ConnectionState::Connected
    ) {}
    for slot in client.inner().hub.lock().slots() {
        // As if it were in the middle of it.
        assert!(slot.transmitting.take());
    }
    client.reset_identity(None);
    let closed = loop {
        if let Event::ConnectionChanged(change) = next_event(&server, &client)
            && change.new == ConnectionState::ClosedByPeer
        {
            break change;
        }
    };
    assert_eq!(closed.info.end_text, "the identity was reset");
}

/// Polls until the service thread does this.
fn poll_until(sockets: &Sockets, service: fn(Service) -> bool) {
    let end = Instant::now() + Duration::from_secs(5);
    while !service(sockets.inner().lobby.lock().service) {
        sockets.poll();
        assert!(Instant::now() < end, "the service thread does not follow");
    }
}

fn await_service_driving(sockets: &Sockets) {
    let end = Instant::now() + Duration::from_secs(5);
    while sockets.inner().lobby.lock().service != Service::Driving {
        assert!(Instant::now() < end, "the service thread does not drive");
        std::thread::yield_now();
    }
}

#[test]
fn the_service_thread_steps_back_while_the_application_polls_all_the_time() {
    let sockets = Sockets::new().unwrap();
    await_service_driving(&sockets);
    poll_until(&sockets, |service| {
        matches!(service, Service::Watching { .. })
    });
    await_service_driving(&sockets);
}

#[test]
fn a_wait_without_a_timeout_is_a_poll() {
    let sockets = Sockets::new().unwrap();
    await_service_driving(&sockets);
    let end = Instant::now() + Duration::from_secs(5);
    while sockets.inner().lobby.lock().service == Service::Driving {
        // Less than a microsecond is none, too.
        assert!(!sockets.wait(Duration::from_nanos(1)));
        assert!(
            Instant::now() < end,
            "the service thread does not step back"
        );
    }
}

#[test]
fn a_poll_now_and_then_leaves_the_service_thread_at_work() {
    let sockets = Sockets::new().unwrap();
    await_service_driving(&sockets);
    for _ in 0..3 {
        sockets.poll();
        assert!(!sockets.inner().lobby.is_let_go());
        std::thread::sleep(2 * Duration::from(limits::WAIT_GRACE));
    }
    assert_eq!(sockets.inner().lobby.lock().service, Service::Driving);
}

fn with_four_threads() -> Sockets {
    Sockets::builder().service_threads(4).build().unwrap()
}

/// How many connections each of four threads looks after.
fn connections_by_thread(sockets: &Sockets) -> [usize; 4] {
    let mut counts = [0; 4];
    for slot in sockets.inner().hub.lock().slots() {
        let mut shards = sockets.inner().shards.ids();
        counts[shards.position(|shard| shard == slot.shard).unwrap()] += 1;
    }
    counts
}

#[test]
fn dialled_connections_go_to_the_service_threads_in_turn() {
    let client = with_four_threads();
    let silent = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    for _ in 0..8 {
        client.connect(silent.local_addr().unwrap()).unwrap();
    }
    assert_eq!(connections_by_thread(&client), [2; 4]);
}

#[test]
fn clients_are_spread_over_the_service_threads() {
    let server = with_four_threads();
    let client = bounded(limits::MAX_EVENTS);
    let listener = server.listen("127.0.0.1:0".parse().unwrap()).unwrap();
    // Each from an address of its own, since the client does not look at what the server answers.
    for _ in 0..64 {
        client.connect(listener.local_addr()).unwrap();
    }
    let end = Instant::now() + Duration::from_secs(5);
    while server.connection_count() < 64 {
        let count = server.connection_count();
        assert!(Instant::now() < end, "{count} came in");
        client.poll();
    }
    let counts = connections_by_thread(&server);
    if cfg!(any(target_os = "android", target_os = "linux")) {
        // That one of four gets none of 64 has a chance of 1 in 25 million.
        assert!(counts.iter().all(|count| *count > 0), "{counts:?}");
    } else {
        assert_eq!(counts, [64, 0, 0, 0]);
    }
}
