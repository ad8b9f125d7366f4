//! Ways that stop to work, ways that only seem to, and what a connection does meanwhile.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;

use bowline_core::connection::replay;
use bowline_sim::{
    Config, Conn, ConnectionState, Datagram, Family, HostId, LinkConfig, SendFlags, Span, Verdict,
    World,
};

use crate::support::{ACCOUNT, meet, ms, port, secs, serve_stun, story, talk, two, with};

/// Data packets have bit 7 set; nothing of STUN has.
fn is_data(datagram: &Datagram) -> bool {
    datagram
        .bytes
        .first()
        .is_some_and(|first| first & 0x80 != 0)
}

/// Checks pass, and packets do not: what waits to be sent must not keep the timer busy.
#[test]
fn a_route_that_lets_only_checks_through_keeps_no_timer_busy() {
    let (mut world, alice, bob) = two(1);
    world.set_filter(|_, datagram| match is_data(datagram) {
        true => Verdict::Drop,
        false => Verdict::Pass,
    });
    let ours = world.connect_p2p(alice, bob, port()).unwrap();
    world.run_for(ms(100));
    for size in [10, 1_000, 20_000] {
        let _ = world.send(ours, SendFlags::RELIABLE, &vec![7; size]);
        let _ = world.send(ours, SendFlags::UNRELIABLE, &vec![7; size / 20 + 1]);
    }
    world.run_for(secs(5));
    assert_eq!(world.state(ours), ConnectionState::FindingRoute);
    world.verify().unwrap();
    world.run_for(secs(8));
    assert!(world.state(ours).is_closed());
    world.verify().unwrap();
}

/// What was sent while a way was looked for arrives when there is one.
#[test]
fn messages_that_are_sent_while_a_way_is_looked_for_arrive() {
    let (mut world, alice, bob) = two(2);
    let ours = world.connect_p2p(alice, bob, port()).unwrap();
    for size in [10, 1_000, 200_000] {
        world
            .send(ours, SendFlags::RELIABLE, &vec![7; size])
            .unwrap();
    }
    meet(&mut world, ours, secs(2));
    world.wait_for_delivery(ours, secs(10)).unwrap();
    world.verify().unwrap();
}

fn relayed(world: &mut World) -> [HostId; 2] {
    world.set_links(LinkConfig::PERFECT.latency(ms(20)));
    let (_, address, _) = serve_stun(world);
    let list = address.to_string();
    ["alice", "bob"].map(|name| {
        let host = with(name, |config| {
            config.set_stun_servers(&list).unwrap();
            config.set_turn_servers(&list, &[ACCOUNT]).unwrap();
        });
        let host = world.add_host(name, host);
        world.open_peer_socket(host);
        host
    })
}

/// The direct way breaks; the relay is still there, and is taken before the connection counts as lost.
#[test]
fn a_way_that_breaks_gives_way_to_another() {
    break_after(secs(5));
}

/// What a relay is to let through it forgets when nothing passes. The peer's checks do not arrive then.
#[test]
fn regression_a_way_that_breaks_after_ten_minutes_gives_way_to_the_relay() {
    break_after(secs(600));
}

fn break_after(time: Span) {
    for seed in 0..10 {
        let mut world = World::new(seed);
        let [alice, bob] = relayed(&mut world);
        world.listen_p2p(bob, port()).unwrap();
        let ours = world.connect_p2p(alice, bob, port()).unwrap();
        let theirs = meet(&mut world, ours, secs(3));
        world.run_for(time);
        talk(&mut world, (ours, theirs));
        cut_between(&mut world, [alice, bob]);
        for conn in [ours, theirs] {
            world
                .send(conn, SendFlags::RELIABLE, b"still there?")
                .unwrap();
        }
        for conn in [ours, theirs] {
            let arrived = world.wait_for_delivery(conn, secs(15));
            assert!(arrived.is_ok(), "seed {seed}\n{}", story(&world, conn));
        }
        world.run_for(secs(60));
        for conn in [ours, theirs] {
            assert_eq!(world.state(conn), ConnectionState::Connected);
        }
        talk(&mut world, (ours, theirs));
    }
}

/// A packet size that is chosen while two peers look for each other, or later, directly or by a relay.
#[test]
fn regression_another_packet_size_leaves_peers_connected() {
    for (seed, is_relayed) in [(1, false), (2, true)] {
        let mut world = World::new(seed);
        let [alice, bob] = relayed(&mut world);
        if is_relayed {
            cut_between(&mut world, [alice, bob]);
        }
        world.listen_p2p(bob, port()).unwrap();
        let ours = world.connect_p2p(alice, bob, port()).unwrap();
        resize(&mut world, ours, 1_100);
        let theirs = meet(&mut world, ours, secs(5));
        for size in [1_200, 600, 1_300] {
            for conn in [ours, theirs] {
                resize(&mut world, conn, size);
                let long = vec![7; 20_000];
                world.send(conn, SendFlags::RELIABLE, &long).unwrap();
            }
            for conn in [ours, theirs] {
                let arrived = world.wait_for_delivery(conn, secs(5));
                assert!(arrived.is_ok(), "{size}\n{}", story(&world, conn));
            }
        }
    }
}

/// Nothing passes between the two themselves any more.
fn cut_between(world: &mut World, hosts: [HostId; 2]) {
    let ends = hosts.map(|host| world.address(host));
    let is_end = move |address: SocketAddr| ends.contains(&address.ip());
    world.set_filter(
        move |_, datagram| match is_end(datagram.from) && is_end(datagram.to) {
            true => Verdict::Drop,
            false => Verdict::Pass,
        },
    );
}

fn resize(world: &mut World, conn: Conn, bytes: usize) {
    let mut config = Config::clone(world.connection(conn).unwrap().config());
    config.set_mtu(bytes).unwrap();
    world.set_config(conn, config);
}

/// The recorded end sends the same bytes again.
#[test]
fn a_recording_of_peers_that_meet_is_the_same_to_the_last_byte() {
    let mut world = World::new(3);
    let [alice, bob] = relayed(&mut world);
    world.listen_p2p(bob, port()).unwrap();
    let ours = world.connect_p2p(alice, bob, port()).unwrap();
    let before = world.record(ours, 16 << 20).unwrap();
    let from = world.address(alice);
    let sent = Rc::new(RefCell::new(Vec::new()));
    let wire = Rc::clone(&sent);
    world.set_filter(move |_, datagram| {
        if datagram.from.ip() == from && datagram.to.port() != 3478 {
            wire.borrow_mut().push(datagram.bytes.clone());
        }
        Verdict::Pass
    });
    let theirs = meet(&mut world, ours, secs(3));
    talk(&mut world, (ours, theirs));
    world.run_for(secs(12));
    let recording = world.take_recording(ours).unwrap();
    assert!(!recording.is_full());
    let mut again = Vec::new();
    let copy = replay(before, recording.into_inputs(), |_, bytes| {
        again.push(bytes.to_vec());
    });
    assert_eq!(copy.state(), ConnectionState::Connected);
    let sent = sent.borrow();
    // What goes by the relay is wrapped by the endpoint, and was not looked at.
    let direct = sent.iter().filter(|bytes| again.contains(bytes)).count();
    assert_eq!(direct, sent.len(), "of {} replayed", again.len());
}

/// What a silent connection between peers holds beyond one by address, the tables of the endpoint left out: with one
/// address, with one of each family, and with a relay besides.
#[test]
fn limit_memory_of_peers_that_fell_silent() {
    let (world, alice, bob) = two(4);
    assert_silent_peers_hold_at_most(1_280, world, [alice, bob]);
    let (mut world, alice, bob) = two(4);
    for host in [alice, bob] {
        let both = [Family::V4, Family::V6].map(|family| world.add_address(host, family));
        world.set_peer_ways(host, &both);
    }
    assert_silent_peers_hold_at_most(1_536, world, [alice, bob]);
    let mut world = World::new(4);
    let [alice, bob] = relayed(&mut world);
    world.listen_p2p(bob, port()).unwrap();
    assert_silent_peers_hold_at_most(1_792, world, [alice, bob]);
}

fn assert_silent_peers_hold_at_most(most: usize, mut world: World, [alice, bob]: [HostId; 2]) {
    let address = world.listen(bob, 27_015);
    let (direct, other) = world.connect_pair(alice, address).unwrap();
    let ours = world.connect_p2p(alice, bob, port()).unwrap();
    let theirs = meet(&mut world, ours, secs(3));
    for _ in 0..10 {
        world.run_for(secs(30));
        for conn in [ours, theirs, direct, other] {
            world.send(conn, SendFlags::UNRELIABLE, b"hello").unwrap();
        }
    }
    world.run_for(secs(90));
    // After each keepalive a connection holds the keys that it has expanded for that, until its next timer.
    let mut least = [usize::MAX; 3];
    for _ in 0..60 {
        world.run_for(secs(1));
        for (least, conn) in least.iter_mut().zip([ours, theirs, direct]) {
            *least = (*least).min(world.connection(conn).unwrap().memory_bytes());
        }
    }
    let [ours, theirs, direct] = least;
    for bytes in [ours, theirs] {
        let more = bytes - direct;
        assert!(more <= most, "{more} bytes more than {direct}");
    }
}
