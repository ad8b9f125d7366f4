//! How peers meet: signals that get lost, doubled and late, both at once, and ways of several kinds.

use std::cell::Cell;
use std::rc::Rc;

use bowline_core::error::ConnectP2pError;
use bowline_sim::{
    AcceptPolicy, ConnectionState, EndReason, SignalConfig, VirtualPort, deterministic,
};

use crate::support::{meet, ms, named, port, secs, story, talk, two, two_as, with};

#[test]
fn two_peers_in_one_network_meet_and_talk() {
    let (mut world, alice, bob) = two(1);
    let ours = world.connect_p2p(alice, bob, port()).unwrap();
    assert_eq!(world.state(ours), ConnectionState::Connecting);
    let theirs = meet(&mut world, ours, secs(2));
    assert_eq!(theirs.host, bob);
    let identity = world.info(ours).identity.unwrap();
    assert_eq!(identity.to_string(), "str:bob");
    assert_eq!(
        world.info(theirs).identity.unwrap().to_string(),
        "str:alice"
    );
    talk(&mut world, (ours, theirs));
}

/// The goal: in a local network 60 ms after the first signal can travel.
#[test]
fn a_direct_connection_in_a_local_network_takes_less_than_60_ms_beyond_its_signals() {
    let (mut world, alice, bob) = two(2);
    world.set_links(bowline_sim::LinkConfig::PERFECT.latency(ms(1)));
    let signals = SignalConfig {
        latency: ms(0),
        ..SignalConfig::default()
    };
    world.set_signals(signals);
    let start = world.now();
    let ours = world.connect_p2p(alice, bob, port()).unwrap();
    meet(&mut world, ours, secs(2));
    let took = world.now().since(start);
    assert!(took < ms(60), "{took}");
}

#[test]
fn signals_that_are_lost_doubled_late_and_out_of_order_delay_a_connection_and_no_more() {
    for seed in 0..200 {
        let (mut world, alice, bob) = two(seed);
        world.set_signals(SignalConfig {
            latency: ms(50),
            jitter: ms(400),
            loss_percent: 30,
            twice_percent: 30,
        });
        let ours = world.connect_p2p(alice, bob, port()).unwrap();
        let theirs = meet(&mut world, ours, secs(18));
        talk(&mut world, (ours, theirs));
        assert_eq!(world.connections(alice).len(), 1);
        assert_eq!(
            world.connections(bob).len(),
            1,
            "one request, one connection"
        );
    }
}

#[test]
fn two_who_ask_each_other_at_once_have_one_connection_if_both_are_symmetric() {
    for seed in 0..200 {
        let symmetric = |name: &str| {
            with(name, |config| {
                config.set_symmetric_connect(true).unwrap();
            })
        };
        let (mut world, alice, bob) = two_as(seed, symmetric("alice"), symmetric("bob"));
        world.listen_p2p(alice, port()).unwrap();
        world.set_signals(SignalConfig {
            jitter: ms(100),
            loss_percent: 20,
            ..SignalConfig::default()
        });
        let ours = world.connect_p2p(alice, bob, port()).unwrap();
        world.run_for(ms(seed % 40));
        let theirs = match world.connect_p2p(bob, alice, port()) {
            Ok(theirs) => theirs,
            // The request of the first was there already, and accepted.
            Err(ConnectP2pError::AlreadyConnected(id)) => bowline_sim::Conn { host: bob, id },
            Err(error) => panic!("seed {seed}: {error}"),
        };
        let met = meet(&mut world, ours, secs(18));
        assert_eq!(met, theirs, "seed {seed}");
        talk(&mut world, (ours, theirs));
        let counts = [alice, bob].map(|host| world.connections(host).len());
        assert_eq!(counts, [1, 1], "seed {seed}");
    }
}

/// The one that becomes the server begins anew, with another password, and nothing is to be lost by that.
#[test]
fn two_who_ask_each_other_at_once_do_not_wait_for_each_other() {
    let symmetric = |name: &str| {
        with(name, |config| {
            config.set_symmetric_connect(true).unwrap();
        })
    };
    for seed in 0..50 {
        let (mut world, alice, bob) = two_as(seed, symmetric("alice"), symmetric("bob"));
        world.listen_p2p(alice, port()).unwrap();
        let start = world.now();
        let ours = world.connect_p2p(alice, bob, port()).unwrap();
        world.run_for(ms(5));
        world.connect_p2p(bob, alice, port()).unwrap();
        meet(&mut world, ours, secs(5));
        let took = world.now().since(start);
        // Two signals of 20 ms, the wait for candidates, and packets of 5 ms.
        assert!(
            took < ms(250),
            "seed {seed}: {took}\n{}",
            story(&world, ours)
        );
    }
}

#[test]
fn two_who_ask_each_other_at_once_have_two_connections_if_neither_is_symmetric() {
    let (mut world, alice, bob) = two(3);
    world.listen_p2p(alice, port()).unwrap();
    let first = world.connect_p2p(alice, bob, port()).unwrap();
    let second = world.connect_p2p(bob, alice, port()).unwrap();
    let ends = [first, second].map(|conn| (conn, meet(&mut world, conn, secs(3))));
    talk(&mut world, ends[0]);
    talk(&mut world, ends[1]);
    assert_eq!(world.connections(alice).len(), 2);
}

#[test]
fn a_request_that_waits_is_accepted_by_asking_the_same_peer() {
    let symmetric = |name: &str| {
        with(name, |config| {
            config.set_symmetric_connect(true).unwrap();
        })
    };
    let (mut world, alice, bob) = two_as(4, symmetric("alice"), symmetric("bob"));
    world.set_accept_policy(bob, AcceptPolicy::ByHand);
    let ours = world.connect_p2p(alice, bob, port()).unwrap();
    world.run_for(ms(200));
    let waiting = world.connections(bob);
    assert_eq!(waiting.len(), 1);
    let theirs = world.connect_p2p(bob, alice, port()).unwrap();
    assert_eq!(theirs, waiting[0]);
    assert_eq!(meet(&mut world, ours, secs(2)), theirs);
}

#[test]
fn the_application_has_ten_seconds_to_decide() {
    let (mut world, alice, bob) = two(5);
    world.set_accept_policy(bob, AcceptPolicy::ByHand);
    let ours = world.connect_p2p(alice, bob, port()).unwrap();
    world.run_for(secs(8));
    let theirs = world.connections(bob)[0];
    assert_eq!(world.state(theirs), ConnectionState::Connecting);
    world.accept(theirs).unwrap();
    assert_eq!(meet(&mut world, ours, secs(2)), theirs);
    talk(&mut world, (ours, theirs));

    let late = world.connect_p2p(alice, bob, port()).unwrap();
    world.run_for(secs(11));
    let info = world.info(late);
    assert_eq!(info.state, ConnectionState::ProblemDetectedLocally);
    assert_eq!(info.end_reason, EndReason::MISC_TIMEOUT);
}

#[test]
fn what_may_not_be_asked_is_refused_with_the_reason() {
    let (mut world, alice, bob) = two(6);
    let nobody = world.add_host("nobody", bowline_sim::HostConfig::default());
    let refused = world.connect_p2p(nobody, bob, port()).unwrap_err();
    assert_eq!(refused, ConnectP2pError::NoIdentity);
    let refused = world.connect_p2p(alice, nobody, port()).unwrap_err();
    assert_eq!(refused, ConnectP2pError::NoPeer);
    let offline = with("carol", |config| {
        config
            .set(bowline_sim::ConfigKey::P2pTransportIceEnable, 0)
            .unwrap();
    });
    let carol = world.add_host("carol", offline);
    let refused = world.connect_p2p(carol, bob, port()).unwrap_err();
    assert_eq!(refused, ConnectP2pError::NoTransport);
}

#[test]
fn a_port_that_nobody_listens_on_is_answered_by_silence() {
    let (mut world, alice, bob) = two(7);
    let ours = world.connect_p2p(alice, bob, VirtualPort::from(8)).unwrap();
    world.run_for(secs(11));
    assert_eq!(world.info(ours).end_reason, EndReason::MISC_TIMEOUT);
    assert!(world.connections(bob).is_empty());
    let dropped = world.drops(bob);
    assert!(dropped.of(bowline_sim::DropReason::NotListening) > 10);
}

#[test]
fn the_same_world_twice_is_the_same_to_the_last_byte() {
    deterministic(8, |world| {
        let alice = world.add_host("alice", named("alice"));
        let bob = world.add_host("bob", named("bob"));
        for host in [alice, bob] {
            world.open_peer_socket(host);
        }
        world.listen_p2p(bob, port()).unwrap();
        let ours = world.connect_p2p(alice, bob, port()).unwrap();
        meet(world, ours, secs(2));
        world.run_for(secs(30));
    });
}

/// Who asks is often there before the other is, and the first request is lost. When the other asks, too, and turns out to
/// be the one who answers, it need not wait for the request to be sent again by the clock.
#[test]
fn regression_a_request_that_was_lost_is_sent_again_when_the_peer_asks() {
    for seed in 0..40 {
        let symmetric = |name| {
            with(name, |config| {
                config.set_symmetric_connect(true).unwrap();
            })
        };
        let (mut world, alice, bob) = two_as(seed, symmetric("alice"), symmetric("bob"));
        world.listen_p2p(alice, port()).unwrap();
        let is_lost = Rc::new(Cell::new(true));
        let lost = Rc::clone(&is_lost);
        world.set_signal_filter(move |_, _| !lost.get());
        let ours = world.connect_p2p(alice, bob, port()).unwrap();
        world.run_for(ms(200));
        is_lost.set(false);
        let theirs = world.connect_p2p(bob, alice, port()).unwrap();
        world.run_for(ms(200));
        for conn in [ours, theirs] {
            let state = world.state(conn);
            assert_eq!(
                state,
                ConnectionState::Connected,
                "seed {seed}\n{}\n{}",
                story(&world, ours),
                story(&world, theirs)
            );
        }
    }
}
