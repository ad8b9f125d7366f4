//! Raw sockets: scenarios that speak a protocol of their own, beside the real one or against it.

use std::net::SocketAddr;

use bowline_core::connection::ConnectionState;
use bowline_core::counters::DropReason;
use bowline_sim::{HostConfig, deterministic};

use crate::support::{Two, connected, far, ms};

#[test]
fn one_raw_socket_talks_to_many() {
    deterministic(300, |world| {
        world.set_links(far());
        let hosts = ["a", "b", "c"].map(|name| world.add_host(name, HostConfig::default()));
        let [a, b, c] = hosts;
        let addresses = hosts.map(|host| world.open_raw(host, 4000));
        world.send_raw(a, 4000, addresses[1], b"to b");
        world.send_raw(a, 4000, addresses[2], b"to c");
        world.send_raw(c, 4000, addresses[0], b"to a");
        world.run_for(ms(49));
        assert_eq!(world.raw_inbox(b, 4000), []);
        world.run_for(ms(1));
        for (host, from, bytes) in [(b, 0, b"to b"), (c, 0, b"to c"), (a, 2, b"to a")] {
            let inbox = world.raw_inbox(host, 4000);
            assert_eq!(inbox.len(), 1);
            assert_eq!(inbox[0].from, addresses[from]);
            assert_eq!(inbox[0].bytes, bytes);
        }
        assert_eq!(world.raw_inbox(b, 4001), []);
    });
}

#[test]
fn a_raw_socket_speaks_to_a_real_endpoint_and_from_beside_it() {
    deterministic(301, |world| {
        let (ours, theirs) = connected(world, HostConfig::default());
        let server = SocketAddr::new([10, 0, 0, 1].into(), crate::support::PORT);
        let before = world.drops(theirs.host).of(DropReason::TooShort);
        // From a port of its own, and from the one that the endpoint has.
        world.send_raw(ours.host, 9, server, b"x");
        world.send_raw(ours.host, 49_152, server, b"y");
        world.run_for(ms(1));
        let dropped = world.drops(theirs.host).of(DropReason::TooShort) - before;
        assert_eq!(dropped, 2);
        assert_eq!(world.state(ours), ConnectionState::Connected);
    });
}

#[test]
fn a_false_sender_draws_answers_to_the_address_it_shows() {
    deterministic(302, |world| {
        let two = Two::new(world, HostConfig::default());
        let liar = world.add_host("liar", HostConfig::default());
        let victim = world.open_raw(two.client, 7);
        let echo = world.open_raw(two.server, 7);
        world.send_spoofed(liar, victim, echo, b"hello");
        world.run_for(ms(1));
        let inbox = world.raw_inbox(two.server, 7);
        assert_eq!(inbox[0].from, victim);
        assert_eq!(world.link_counters(liar, two.server).sent, 1);
        assert_eq!(world.link_counters(two.client, two.server).sent, 0);
    });
}

#[test]
fn a_raw_socket_that_nobody_reads_overflows() {
    deterministic(303, |world| {
        let two = Two::new(world, HostConfig::default());
        let sink = world.open_raw(two.server, 7);
        for _ in 0..300 {
            world.send_raw(two.client, 7, sink, &[0; 1000]);
        }
        world.kill(two.client);
        world.send_raw(two.client, 7, sink, b"from the grave");
        world.run_for(ms(1));
        assert_eq!(world.raw_inbox(two.server, 7).len(), 212);
        assert_eq!(world.overflowed(two.server), 88);
    });
}
