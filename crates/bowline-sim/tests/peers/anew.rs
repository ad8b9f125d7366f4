//! Peers that crash, come back with other keys, and ask for what the other side still takes for alive.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use bowline_core::p2p::signal::{Signal, SignalKind};
use bowline_sim::{
    AcceptPolicy, Chance, Conn, ConnectionState, EndReason, HostId, LinkConfig, SendFlags, Verdict,
    World,
};

use crate::support::{meet, ms, port, secs, story, talk, two_as, with};

/// Two between whom there is to be one connection, and both listen.
fn symmetric(seed: u64) -> (World, HostId, HostId) {
    let named = |name: &str| {
        with(name, |config| {
            config.set_symmetric_connect(true).unwrap();
        })
    };
    let (mut world, alice, bob) = two_as(seed, named("alice"), named("bob"));
    world.listen_p2p(alice, port()).unwrap();
    (world, alice, bob)
}

/// Bob's process dies and comes back.
fn crash(world: &mut World, bob: HostId) {
    world.restart(bob);
    world.open_peer_socket(bob);
    world.listen_p2p(bob, port()).unwrap();
}

/// Requests that the application of a host has not decided upon.
fn waiting(world: &World, host: HostId) -> Vec<Conn> {
    let mut conns = world.connections(host);
    conns.retain(|conn| {
        let connection = world.connection(*conn);
        connection.is_some_and(|connection| connection.awaits_decision())
    });
    conns
}

/// Requests of Bob's, as they are sent.
fn tap_requests(world: &mut World) -> Rc<RefCell<Vec<Vec<u8>>>> {
    let heard = Rc::new(RefCell::new(Vec::new()));
    let tap = Rc::clone(&heard);
    world.set_signal_filter(move |_, bytes| {
        let signal = Signal::parse(bytes).unwrap();
        let is_request = matches!(signal.kind, SignalKind::ConnectRequest(_));
        if is_request && signal.from_identity.to_string() == "str:bob" {
            tap.borrow_mut().push(bytes.clone());
        }
        true
    });
    heard
}

/// Requests of Bob's for so many connections that he had with Alice, which somebody has kept.
fn with_the_past(seed: u64, calls: usize) -> (World, [HostId; 2], Vec<Vec<u8>>) {
    let (mut world, alice, bob) = symmetric(seed);
    let heard = tap_requests(&mut world);
    for _ in 0..calls {
        let first = world.connect_p2p(bob, alice, port()).unwrap();
        let other_end = meet(&mut world, first, secs(2));
        world.close(first, EndReason::APP_GENERIC, "", false);
        world.run_for(secs(1));
        world.close(other_end, EndReason::APP_GENERIC, "", false);
        world.run_for(secs(10));
    }
    let old = heard.borrow().clone();
    assert!(old.len() >= calls);
    (world, [alice, bob], old)
}

/// The same, and the two have another connection.
fn with_old_requests(seed: u64, calls: usize) -> (World, [HostId; 2], Conn, Vec<Vec<u8>>) {
    let (mut world, [alice, bob], old) = with_the_past(seed, calls);
    let ours = world.connect_p2p(alice, bob, port()).unwrap();
    meet(&mut world, ours, secs(2));
    world.run_for(secs(1));
    (world, [alice, bob], ours, old)
}

#[test]
fn regression_a_peer_that_has_crashed_is_let_in_again_at_once() {
    for seed in 0..20 {
        let (mut world, alice, bob) = symmetric(seed);
        let ours = world.connect_p2p(alice, bob, port()).unwrap();
        meet(&mut world, ours, secs(2));
        world.run_for(ms(500 * seed));
        crash(&mut world, bob);
        let theirs = world.connect_p2p(bob, alice, port()).unwrap();
        let start = world.now();
        let again = meet(&mut world, theirs, secs(9));
        let took = world.now().since(start);
        assert!(took < secs(3), "{took}\n{}", story(&world, theirs));
        let info = world.info(ours);
        assert_eq!(info.state, ConnectionState::ProblemDetectedLocally);
        assert_eq!(info.end_reason, EndReason::MISC_TIMEOUT);
        assert_eq!(&*info.end_text, "The peer has begun anew");
        talk(&mut world, (theirs, again));
    }
}

#[test]
fn regression_a_peer_that_has_crashed_while_it_asked_may_ask_again() {
    for seed in 0..20 {
        let (mut world, alice, bob) = symmetric(seed);
        world.set_accept_policy(alice, AcceptPolicy::ByHand);
        world.connect_p2p(bob, alice, port()).unwrap();
        world.run_for(ms(300 * (seed + 1)));
        let first = waiting(&world, alice);
        assert_eq!(first.len(), 1);
        crash(&mut world, bob);
        let theirs = world.connect_p2p(bob, alice, port()).unwrap();
        let is_asked_again =
            |world: &mut World| waiting(world, alice).iter().any(|it| *it != first[0]);
        world
            .wait_for("another request", secs(4), is_asked_again)
            .unwrap();
        assert_eq!(&*world.info(first[0]).end_text, "The peer has begun anew");
        for conn in waiting(&world, alice) {
            world.accept(conn).unwrap();
        }
        let again = meet(&mut world, theirs, secs(2));
        talk(&mut world, (theirs, again));
    }
}

#[test]
fn a_request_that_is_played_again_takes_no_place_of_one_that_waits() {
    let (mut world, [alice, bob], old) = with_the_past(1, 1);
    world.set_accept_policy(alice, AcceptPolicy::ByHand);
    let theirs = world.connect_p2p(bob, alice, port()).unwrap();
    world.run_for(ms(300));
    let asked = waiting(&world, alice);
    for step in 0..80 {
        world.inject_signal(alice, &old[step % old.len()]);
        world.run_for(ms(100));
    }
    assert_eq!(waiting(&world, alice), asked);
    world.accept(asked[0]).unwrap();
    assert_eq!(meet(&mut world, theirs, secs(2)), asked[0]);
}

#[test]
fn a_request_that_is_played_again_draws_a_probe_and_ends_nothing() {
    let (mut world, [alice, bob], ours, old) = with_old_requests(1, 1);
    let count = world.connections(alice).len();
    let before = world.link_counters(alice, bob).sent;
    for _ in 0..100 {
        world.inject_signal(alice, &old[0]);
        world.run_for(ms(20));
    }
    let sent = world.link_counters(alice, bob).sent - before;
    assert!((1..=4).contains(&sent), "{sent} packets");
    assert_eq!(world.connections(alice).len(), count);
    let theirs = world.peer_of(ours).unwrap();
    talk(&mut world, (ours, theirs));
}

/// Whoever has kept requests does not take the 10 s from a connection that a network may be away, also with many that
/// nobody has seen here since.
#[test]
fn regression_requests_that_are_played_again_and_again_make_no_outage_an_end() {
    for calls in [1, 12] {
        let (mut world, [alice, _], ours, old) = with_old_requests(2, calls);
        let is_away = Rc::new(Cell::new(false));
        let away = Rc::clone(&is_away);
        world.set_filter(move |_, _| match away.get() {
            true => Verdict::Drop,
            false => Verdict::Pass,
        });
        for step in 0..200 {
            is_away.set((50..120).contains(&step));
            world.inject_signal(alice, &old[step % old.len()]);
            world.run_for(ms(100));
        }
        assert_eq!(world.state(ours), ConnectionState::Connected);
        let theirs = world.peer_of(ours).unwrap();
        talk(&mut world, (ours, theirs));
    }
}

/// What the program that has ended sent last is under way for longer than the first request of the one that comes after
/// it.
#[test]
fn regression_a_peer_that_was_heard_of_after_its_successor_is_let_in_all_the_same() {
    let (mut world, alice, bob) = symmetric(4);
    world.set_links(LinkConfig::PERFECT.latency(ms(300)));
    let ours = world.connect_p2p(alice, bob, port()).unwrap();
    let theirs = meet(&mut world, ours, secs(4));
    world.run_for(secs(2));
    world
        .send(theirs, SendFlags::RELIABLE, b"the last")
        .unwrap();
    world.run_for(ms(100));
    crash(&mut world, bob);
    let theirs = world.connect_p2p(bob, alice, port()).unwrap();
    let again = meet(&mut world, theirs, secs(9));
    assert_eq!(&*world.info(ours).end_text, "The peer has begun anew");
    talk(&mut world, (theirs, again));
}

#[test]
fn a_request_that_is_forged_draws_nothing() {
    let (mut world, [alice, bob], ours, old) = with_old_requests(3, 1);
    let before = world.link_counters(alice, bob).sent;
    for byte in 0..50u8 {
        let mut signal = Signal::parse(&old[0]).unwrap();
        if let SignalKind::ConnectRequest(request) = &mut signal.kind {
            request.crypt.signature = Some(vec![byte; 64]);
        }
        let mut forged = Vec::new();
        signal.encode(&mut forged);
        world.inject_signal(alice, &forged);
        world.run_for(ms(100));
    }
    let sent = world.link_counters(alice, bob).sent - before;
    assert!(sent <= 2, "{sent} packets");
    assert_eq!(world.state(ours), ConnectionState::Connected);
}

/// Two devices have one name, and the second asks in vain: the first is well, also by a network that loses much.
#[test]
fn a_peer_that_loses_packets_is_not_taken_for_dead() {
    for seed in 0..50 {
        let (mut world, [alice, _], ours, old) = with_old_requests(seed, 1);
        world.set_links(
            LinkConfig::PERFECT
                .latency(ms(50))
                .loss(Chance::percent(30)),
        );
        world.inject_signal(alice, &old[0]);
        world.run_for(secs(4));
        let state = world.state(ours);
        assert_eq!(state, ConnectionState::Connected, "seed {seed}");
    }
}
