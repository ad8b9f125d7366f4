//! How connections between peers end, while they look for each other and later.

use bowline_sim::{ConnectionState, EndReason, SignalConfig, Verdict, VirtualPort};

use crate::support::{meet, ms, port, secs, two, two_as, with};

const BYE: EndReason = EndReason::new(1234);

#[test]
fn a_peer_that_is_refused_hears_the_reason() {
    let (mut world, alice, bob) = two(1);
    world.set_accept_policy(bob, bowline_sim::AcceptPolicy::ByHand);
    let ours = world.connect_p2p(alice, bob, port()).unwrap();
    world.run_for(ms(200));
    let theirs = world.connections(bob)[0];
    world.close(theirs, BYE, "no room", false);
    world.run_for(ms(200));
    let info = world.info(ours);
    assert_eq!(info.state, ConnectionState::ClosedByPeer);
    assert_eq!((info.end_reason, &*info.end_text), (BYE, "no room"));
}

/// Neither packets nor every signal arrives: the close is told until the peer says that it knows.
#[test]
fn a_peer_that_no_packet_reaches_hears_of_the_end_by_signals() {
    let mut heard = 0;
    for seed in 0..100 {
        let (mut world, alice, bob) = two(seed);
        world.set_filter(|_, _| Verdict::Drop);
        let ours = world.connect_p2p(alice, bob, port()).unwrap();
        world.run_for(secs(1));
        let theirs = world.connections(bob)[0];
        assert_eq!(world.state(ours), ConnectionState::FindingRoute);
        assert_eq!(world.state(theirs), ConnectionState::FindingRoute);
        world.set_signals(SignalConfig {
            loss_percent: 25,
            ..SignalConfig::default()
        });
        world.close(ours, BYE, "gone", false);
        world.run_for(secs(5));
        let info = world.info(theirs);
        if info.state == ConnectionState::ClosedByPeer {
            assert_eq!((info.end_reason, &*info.end_text), (BYE, "gone"));
            heard += 1;
        }
    }
    // One in 256 loses all four.
    assert!(heard >= 97, "{heard} of 100");
}

#[test]
fn without_a_way_both_say_what_was_missing() {
    let (mut world, alice, bob) = two(2);
    world.set_filter(|_, _| Verdict::Drop);
    let ours = world.connect_p2p(alice, bob, port()).unwrap();
    world.run_for(secs(1));
    let theirs = world.connections(bob)[0];
    world.run_for(secs(11));
    let codes = [ours, theirs].map(|conn| world.info(conn).end_reason);
    // The first to give up tells the other one.
    let missing = [
        EndReason::MISC_P2P_RENDEZVOUS,
        EndReason::MISC_P2P_NAT_FIREWALL,
    ];
    assert!(codes.iter().all(|code| missing.contains(code)), "{codes:?}");
}

#[test]
fn regression_packets_to_an_identity_have_failed_after_their_time_however_late_they_are_accepted() {
    let patient = |name: &str| {
        with(name, |config| {
            config.set_timeout_initial(secs(20)).unwrap();
        })
    };
    for (port, whole) in [(VirtualPort::PACKETS, true), (VirtualPort::from(8), false)] {
        let (mut world, alice, bob) = two_as(9, patient("alice"), patient("bob"));
        world.listen_p2p(bob, port).unwrap();
        world.set_filter(|_, _| Verdict::Drop);
        world.set_accept_policy(bob, bowline_sim::AcceptPolicy::ByHand);
        let ours = world.connect_p2p(alice, bob, port).unwrap();
        world.run_for(secs(15));
        let theirs = world.connections(bob)[0];
        world.accept(theirs).unwrap();
        world.run_for(ms(4_900));
        assert_eq!(world.state(ours), ConnectionState::FindingRoute);
        world.run_for(ms(600));
        for conn in [ours, theirs] {
            assert_eq!(world.info(conn).state.is_closed(), whole);
        }
    }
}

#[test]
fn a_connection_that_stands_needs_no_signals_to_end() {
    let (mut world, alice, bob) = two(3);
    let ours = world.connect_p2p(alice, bob, port()).unwrap();
    let theirs = meet(&mut world, ours, secs(2));
    world.run_for(secs(1));
    let before = world.signal_counters().sent;
    world.close(ours, BYE, "done", false);
    world.run_for(secs(6));
    assert_eq!(world.info(theirs).end_reason, BYE);
    assert_eq!(world.signal_counters().sent, before);
    assert_eq!(world.state(ours), ConnectionState::Dead);
}

#[test]
fn a_peer_whose_network_is_gone_gives_up_after_ten_seconds_and_says_so_by_signals() {
    let (mut world, alice, bob) = two(4);
    let ours = world.connect_p2p(alice, bob, port()).unwrap();
    let theirs = meet(&mut world, ours, secs(2));
    world.close_peer_socket(bob);
    world.run_for(secs(9));
    assert_eq!(world.state(theirs), ConnectionState::Connected);
    world.run_for(secs(2));
    let info = world.info(theirs);
    assert_eq!(info.state, ConnectionState::ProblemDetectedLocally);
    assert_eq!(info.end_reason, EndReason::MISC_TIMEOUT);
    // Anybody might have sent that signal, so it is not believed before the peer has been asked.
    assert_eq!(world.state(ours), ConnectionState::Connected);
    world.run_for(secs(12));
    let info = world.info(ours);
    assert_eq!(info.state, ConnectionState::ClosedByPeer);
    assert_eq!(info.end_reason, EndReason::MISC_PEER_SENT_NO_CONNECTION);
}

#[test]
fn peers_that_no_packet_reaches_any_more_notice() {
    let (mut world, alice, bob) = two(4);
    let ours = world.connect_p2p(alice, bob, port()).unwrap();
    let theirs = meet(&mut world, ours, secs(2));
    world.set_filter(|_, _| Verdict::Drop);
    world.run_for(secs(40));
    for conn in [ours, theirs] {
        let info = world.info(conn);
        assert!(info.state.is_closed(), "{}", info.state);
        let told = EndReason::MISC_PEER_SENT_NO_CONNECTION;
        assert!([EndReason::MISC_TIMEOUT, told].contains(&info.end_reason));
    }
}

#[test]
fn a_silent_connection_sends_next_to_nothing() {
    let (mut world, alice, bob) = two(5);
    let ours = world.connect_p2p(alice, bob, port()).unwrap();
    meet(&mut world, ours, secs(2));
    world.run_for(secs(60));
    let signals = world.signal_counters().sent;
    let packets = world.link_counters(alice, bob).sent;
    world.run_for(secs(600));
    assert_eq!(world.signal_counters().sent, signals);
    let sent = world.link_counters(alice, bob).sent - packets;
    assert!(sent < 600, "{sent} packets in ten minutes");
    world.verify().unwrap();
}
