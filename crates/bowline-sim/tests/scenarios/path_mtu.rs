//! Packets grow to what the path takes, and shrink when it takes less.

use std::cell::Cell;
use std::rc::Rc;

use bowline_core::extensions::{Extension, ExtensionSet};
use bowline_core::limits;
use bowline_core::message::SendFlags;
use bowline_core::time::Span;
use bowline_sim::{Chance, Conn, HostConfig, LinkConfig, Verdict, World, deterministic};

use crate::support::{connected, ms, payload, secs};

/// 10 Mbit/s, 50 ms there and back, no larger datagrams than `mtu`.
fn path(mtu: usize) -> LinkConfig {
    LinkConfig::PERFECT
        .latency(ms(25))
        .rate(1_250_000, 64 * 1024)
        .mtu(mtu)
}

/// 200 Mbit/s, 2 ms there and back, no larger datagrams than `mtu`.
fn local(mtu: usize) -> LinkConfig {
    LinkConfig::PERFECT
        .latency(ms(1))
        .rate(25_000_000, 512 * 1024)
        .mtu(mtu)
}

/// Hosts that look for jumbo frames.
fn jumbo() -> HostConfig {
    let mut config = HostConfig::default();
    let most = limits::MAX_GROWN_DATAGRAM;
    config.connection.set_mtu_search_max(most).unwrap();
    config
}

/// Keeps the send buffer full for a while.
fn bulk(world: &mut World, conn: Conn, span: Span) {
    let mut rng = world.rng("bulk");
    let end = world.now() + span;
    while world.now() < end {
        let data = payload(&mut rng, 32_000);
        while world.send(conn, SendFlags::RELIABLE, &data).is_ok() {}
        world.run_for(ms(10));
    }
}

fn packet_bytes(world: &World, conn: Conn) -> usize {
    world.status(conn).unwrap().packet_bytes
}

#[test]
fn packets_take_the_size_that_the_path_takes() {
    // What link packets carry over IPv4 without its header and that of UDP.
    for (link, found) in [
        (1280, 1200),
        (1400, 1300),
        (1480, 1452),
        (1500, 1472),
        (9000, 1472),
    ] {
        deterministic(link as u64, |world| {
            world.set_links(path(link - 28));
            let (ours, theirs) = connected(world, HostConfig::default());
            assert_eq!(packet_bytes(world, ours), 1255);
            bulk(world, ours, secs(8));
            assert_eq!(packet_bytes(world, ours), found, "{link}");
            assert_eq!(packet_bytes(world, theirs), 1255, "it has sent nothing");
            world.wait_for_delivery(ours, secs(5)).unwrap();
        });
    }
}

#[test]
fn packets_take_the_size_of_larger_frames() {
    for (frame, found) in [(1500, 1472), (4470, 4422), (8896, 8848), (9000, 8952)] {
        deterministic(frame as u64, |world| {
            world.set_links(local(frame - 28));
            let (ours, _) = connected(world, jumbo());
            bulk(world, ours, secs(1));
            assert_eq!(packet_bytes(world, ours), found, "{frame}");
            world.wait_for_delivery(ours, secs(1)).unwrap();
        });
    }
}

/// So that little waits long behind a probe.
#[test]
fn a_slow_sender_asks_for_no_size_that_takes_long() {
    for (rate, found) in [(100_000, 1255), (1_250_000, 4422), (10_000_000, 8952)] {
        deterministic(rate, |world| {
            world.set_links(local(8972));
            let mut config = jumbo();
            let pinned = Some(rate);
            config.connection.set_send_rate(pinned, pinned).unwrap();
            let (ours, _) = connected(world, config);
            bulk(world, ours, secs(2));
            assert_eq!(packet_bytes(world, ours), found, "{rate} B/s");
        });
    }
}

#[test]
fn packets_shrink_while_the_rate_is_low() {
    deterministic(13, |world| {
        world.set_links(local(8972));
        let (ours, _) = connected(world, jumbo());
        bulk(world, ours, secs(1));
        assert_eq!(packet_bytes(world, ours), 8952);
        for (rate, size) in [(Some(1_000_000), 4422), (Some(100_000), 1472), (None, 8952)] {
            let mut config = jumbo().connection;
            config.set_send_rate(rate, rate).unwrap();
            world.set_config(ours, config);
            bulk(world, ours, secs(1));
            assert_eq!(packet_bytes(world, ours), size, "{rate:?} B/s");
        }
        world.wait_for_delivery(ours, secs(1)).unwrap();
    });
}

#[test]
fn packets_shrink_when_a_path_takes_no_larger_frames_any_more() {
    deterministic(8, |world| {
        world.set_links(local(8972));
        let (ours, _) = connected(world, jumbo());
        bulk(world, ours, secs(1));
        assert_eq!(packet_bytes(world, ours), 8952);
        world.set_links(local(1472));
        bulk(world, ours, secs(3));
        assert_eq!(packet_bytes(world, ours), 1472);
        world.wait_for_delivery(ours, secs(1)).unwrap();
    });
}

#[test]
fn limit_a_large_packet_holds_no_more_messages_than_the_peer_takes() {
    deterministic(9, |world| {
        world.set_links(local(8972));
        let mut config = jumbo();
        // A packet brings more messages than wait to be read by default.
        config.connection.set_recv_buffer_messages(5_000).unwrap();
        let (ours, _) = connected(world, config);
        bulk(world, ours, secs(1));
        world.wait_for_delivery(ours, secs(1)).unwrap();
        assert_eq!(packet_bytes(world, ours), 8952);
        for _ in 0..5_000 {
            world.send(ours, SendFlags::UNRELIABLE, b"").unwrap();
        }
        world.run_for(secs(1));
        let counts = world.deliveries(ours).unwrap().counts();
        assert_eq!(counts.unreliable_received, 5_000);
    });
}

/// Where few packets fill the window, the one that closes it has to ask for an ack.
#[test]
fn large_unreliable_packets_do_not_wait_for_acks_that_nobody_asked_for() {
    deterministic(10, |world| {
        let near = Span::from_micros(50);
        world.set_links(local(8972).latency(near).rate(100_000_000, 512 * 1024));
        let (ours, _) = connected(world, jumbo());
        bulk(world, ours, ms(300));
        world.wait_for_delivery(ours, secs(1)).unwrap();
        assert_eq!(packet_bytes(world, ours), 8952);
        for _ in 0..500 {
            while world.send(ours, SendFlags::UNRELIABLE, &[7; 1100]).is_ok() {}
            world.run_for(ms(1));
        }
        // A tenth of what the link takes in that time.
        let counts = world.deliveries(ours).unwrap().counts();
        assert!(counts.unreliable_received > 5_000_000 / 1100, "{counts:?}");
    });
}

#[test]
fn a_path_that_takes_everything_loses_nothing_to_probes() {
    deterministic(1, |world| {
        world.set_links(path(1472));
        let (ours, theirs) = connected(world, HostConfig::default());
        bulk(world, ours, secs(3));
        assert_eq!(packet_bytes(world, ours), 1472);
        assert_eq!(world.link_counters(ours.host, theirs.host).too_big, 0);
    });
}

#[test]
fn a_size_that_does_not_pass_costs_three_probes_a_minute_and_no_speed() {
    deterministic(2, |world| {
        world.set_links(path(1372));
        let (ours, theirs) = connected(world, HostConfig::default());
        bulk(world, ours, secs(10));
        assert_eq!(packet_bytes(world, ours), 1300);
        assert_eq!(world.link_counters(ours.host, theirs.host).too_big, 3);
        bulk(world, ours, secs(60));
        assert_eq!(world.link_counters(ours.host, theirs.host).too_big, 6);
    });
}

#[test]
fn packets_shrink_when_the_path_takes_less_and_grow_again() {
    for seed in 0..2 {
        deterministic(seed, |world| {
            world.set_links(path(1472));
            let (ours, _) = connected(world, HostConfig::default());
            bulk(world, ours, secs(3));
            assert_eq!(packet_bytes(world, ours), 1472);
            // A black hole.
            world.set_links(path(1230));
            bulk(world, ours, secs(5));
            assert_eq!(packet_bytes(world, ours), 1200);
            world.wait_for_delivery(ours, secs(5)).unwrap();
            // What is found out only when the rest of the search is over.
            world.set_links(path(1472));
            bulk(world, ours, secs(65));
            assert_eq!(packet_bytes(world, ours), 1472);
        });
    }
}

/// While small messages arrive in between, no timeout tells of the black hole.
#[test]
fn a_black_hole_is_found_between_small_messages() {
    deterministic(5, |world| {
        world.set_links(path(1472));
        let (ours, _) = connected(world, HostConfig::default());
        bulk(world, ours, secs(3));
        world.set_links(path(1230));
        let end = world.now() + secs(5);
        let mut rng = world.rng("mixed");
        while world.now() < end {
            let data = payload(&mut rng, 32_000);
            let _ = world.send(ours, SendFlags::RELIABLE, &data);
            let update = payload(&mut rng, 100);
            let _ = world.send(ours, SendFlags::UNRELIABLE_NO_NAGLE, &update);
            world.run_for(ms(10));
        }
        assert_eq!(packet_bytes(world, ours), 1200);
        world.wait_for_delivery(ours, secs(5)).unwrap();
    });
}

/// A probe that is under way when the settings change tells nothing of the path under the new ones.
#[test]
fn settings_change_while_a_probe_is_under_way() {
    deterministic(14, |world| {
        world.set_links(path(1472).latency(ms(100)));
        let probes = Rc::new(Cell::new(0));
        let seen = Rc::clone(&probes);
        world.set_filter(move |_, datagram| {
            seen.set(seen.get() + usize::from(datagram.bytes.len() == 1400));
            Verdict::Pass
        });
        let (ours, _) = connected(world, HostConfig::default());
        while probes.get() == 0 {
            bulk(world, ours, ms(10));
        }
        assert_eq!(packet_bytes(world, ours), 1300);
        for (set, most, found) in [(1000, 1472, 955), (1300, 1300, 1300), (1300, 1452, 1452)] {
            let mut config = HostConfig::default().connection;
            config.set_mtu(set).unwrap();
            config.set_mtu_search_max(most).unwrap();
            world.set_config(ours, config);
            assert_eq!(packet_bytes(world, ours), found.min(1255));
            bulk(world, ours, secs(3));
            assert_eq!(packet_bytes(world, ours), found);
        }
        world.wait_for_delivery(ours, secs(3)).unwrap();
    });
}

#[test]
fn loss_does_not_keep_packets_small() {
    for (seed, percent) in [(0, 1), (1, 5), (2, 10), (3, 20)] {
        deterministic(seed, |world| {
            world.set_links(path(1472).loss(Chance::percent(percent)));
            let (ours, _) = connected(world, HostConfig::default());
            bulk(world, ours, secs(70));
            assert_eq!(packet_bytes(world, ours), 1472, "{percent} % of loss");
            world.wait_for_delivery(ours, secs(20)).unwrap();
        });
    }
}

/// The largest datagram on the wire, while `config` is what both ends have.
fn largest(config: &HostConfig) -> usize {
    deterministic(6, |world| {
        world.set_links(path(1472));
        let largest = Rc::new(Cell::new(0));
        let seen = Rc::clone(&largest);
        world.set_filter(move |_, datagram| {
            seen.set(seen.get().max(datagram.bytes.len()));
            Verdict::Pass
        });
        let (ours, _) = connected(world, config.clone());
        bulk(world, ours, secs(4));
        largest.get()
    })
}

#[test]
fn limit_a_gns_peer_gets_no_packet_that_it_would_not_send() {
    let open = HostConfig {
        extensions: ExtensionSet::NONE,
        ..HostConfig::default()
    };
    assert!(largest(&open) <= 1255);
}

#[test]
fn limit_packets_keep_a_size_that_was_set() {
    let mut small = HostConfig::default();
    small.connection.set_mtu(1000).unwrap();
    assert!(largest(&small) <= 1000);
    let without = HostConfig {
        extensions: ExtensionSet::ALL.without(Extension::PathMtu),
        ..HostConfig::default()
    };
    assert!(largest(&without) <= 1255);
    assert_eq!(largest(&HostConfig::default()), 1472);
}

/// Nothing but probes is larger than what the path was found to take, and small talk sends none.
#[test]
fn small_talk_sends_no_probe() {
    deterministic(7, |world| {
        world.set_links(path(1472));
        let (ours, theirs) = connected(world, HostConfig::default());
        for _ in 0..100 {
            for conn in [ours, theirs] {
                world.send(conn, SendFlags::RELIABLE, &[7; 2000]).unwrap();
            }
            world.run_for(ms(33));
        }
        for conn in [ours, theirs] {
            assert_eq!(packet_bytes(world, conn), 1255);
        }
    });
}

/// Sends a small reliable message now and then.
fn talk(world: &mut World, conn: Conn, span: Span) {
    let end = world.now() + span;
    while world.now() < end {
        world.send(conn, SendFlags::RELIABLE, &[7; 300]).unwrap();
        world.run_for(ms(33));
    }
}

#[test]
fn an_outage_leaves_messages_of_small_talk_whole() {
    for (seed, outage) in [(0, 2), (1, 5), (2, 8)] {
        deterministic(seed, |world| {
            world.set_links(path(1472));
            let (ours, theirs) = connected(world, HostConfig::default());
            talk(world, ours, secs(2));
            world.set_links(path(1472).loss(Chance::percent(100)));
            talk(world, ours, secs(outage));
            world.set_links(path(1472));
            world.wait_for_delivery(ours, secs(10)).unwrap();
            talk(world, ours, ms(200));
            assert!(packet_bytes(world, ours) >= 1255, "{outage} s");
            world.wait_for_delivery(ours, secs(1)).unwrap();
            world.run_for(secs(1));
            let sent = |world: &World| world.link_counters(ours.host, theirs.host).sent;
            let before = sent(world);
            let whole = [7; 1200];
            world
                .send(ours, SendFlags::UNRELIABLE_NO_NAGLE, &whole)
                .unwrap();
            world.run_for(ms(40));
            assert_eq!(sent(world) - before, 1, "{outage} s");
        });
    }
}

/// How many round trips of [`path`] go by until packets of `conn` have the base size, while `load` goes on.
fn round_trips(world: &mut World, conn: Conn, load: impl Fn(&mut World, Conn)) -> u64 {
    let start = world.now();
    while packet_bytes(world, conn) != 1200 {
        load(world, conn);
        assert!(world.now().since(start) < secs(10));
    }
    world.now().since(start).as_millis().div_ceil(50)
}

#[test]
fn a_route_that_takes_less_stops_bulk_for_a_moment_only() {
    deterministic(11, |world| {
        world.set_links(path(1472));
        let (ours, _) = connected(world, HostConfig::default());
        bulk(world, ours, secs(3));
        assert_eq!(packet_bytes(world, ours), 1472);
        world.set_links(path(1230));
        let took = round_trips(world, ours, |world, conn| bulk(world, conn, ms(10)));
        assert!(took <= 10, "{took} round trips");
        bulk(world, ours, secs(2));
        assert_eq!(packet_bytes(world, ours), 1200);
        world.wait_for_delivery(ours, secs(2)).unwrap();
    });
}

/// Of each message the first packets are lost and the last one arrives.
#[test]
fn a_route_that_takes_less_stops_small_talk_for_a_moment_only() {
    for (seed, flags) in [(0, SendFlags::RELIABLE), (1, SendFlags::UNRELIABLE)] {
        deterministic(seed, |world| {
            let talk = |world: &mut World, conn: Conn| {
                world.send(conn, flags, &[7; 3000]).unwrap();
                world.run_for(ms(33));
            };
            world.set_links(path(1472));
            let (ours, _) = connected(world, HostConfig::default());
            (0..30).for_each(|_| talk(world, ours));
            assert_eq!(packet_bytes(world, ours), 1255);
            world.set_links(path(1230));
            let took = round_trips(world, ours, talk);
            assert!(took <= 6, "{took} round trips");
            (0..30).for_each(|_| talk(world, ours));
            assert_eq!(packet_bytes(world, ours), 1200);
            world.wait_for_delivery(ours, secs(1)).unwrap();
        });
    }
}
