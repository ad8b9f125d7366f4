use bowline_core::connection::ConnectionState;
use bowline_core::end_reason::EndReason;
use bowline_core::message::SendFlags;
use bowline_core::time::{Span, Timestamp};
use bowline_sim::{Conn, HostConfig, World, deterministic};

use crate::support::{Two, connected, entered, far, ms, secs};

/// How long after `since` the connection was given up.
fn given_up(world: &World, conn: Conn, since: Timestamp) -> Span {
    assert_eq!(world.info(conn).end_reason, EndReason::MISC_TIMEOUT);
    entered(world, conn, ConnectionState::ProblemDetectedLocally).since(since)
}

#[test]
fn an_idle_connection_notices_that_its_peer_vanished() {
    for seed in 0..5 {
        deterministic(seed, |world| {
            let (ours, theirs) = connected(world, HostConfig::default());
            world.run_for(secs(1));
            let last_heard = world.now();
            world.kill(theirs.host);
            world.run_for(secs(30));
            // Silent for 10 s, then the reply to the keepalive is missed, then 10 s more (wire.md 7.4).
            let took = given_up(world, ours, last_heard);
            assert!((secs(19)..ms(21_600)).contains(&took), "{took}\n{world:?}");
        });
    }
}

#[test]
fn a_busy_connection_notices_sooner() {
    for seed in 0..5 {
        deterministic(seed, |world| {
            world.set_links(far());
            let (ours, theirs) = connected(world, HostConfig::default());
            busy(world, ours, secs(2));
            let vanished = world.now();
            world.kill(theirs.host);
            busy(world, ours, secs(15));
            let took = given_up(world, ours, vanished);
            assert!((secs(10)..ms(11_600)).contains(&took), "{took}\n{world:?}");
        });
    }
}

/// A reliable message every 50 ms, as long as they are taken.
fn busy(world: &mut World, conn: Conn, span: Span) {
    let end = world.now() + span;
    while world.now() < end {
        // Refused once the connection has ended.
        let _ = world.send(conn, SendFlags::RELIABLE, b"still there?");
        world.run_for(ms(50));
    }
}

#[test]
fn the_configured_timeout_counts() {
    deterministic(40, |world| {
        let mut config = HostConfig::default();
        config.connection.set_timeout_connected(secs(3)).unwrap();
        let (ours, theirs) = connected(world, config);
        busy(world, ours, secs(1));
        let vanished = world.now();
        world.kill(theirs.host);
        busy(world, ours, secs(8));
        let took = given_up(world, ours, vanished);
        assert!((secs(3)..ms(4_600)).contains(&took), "{took}\n{world:?}");
    });
}

#[test]
fn an_idle_minute_is_survived_with_few_packets() {
    deterministic(41, |world| {
        world.set_links(far());
        let (ours, theirs) = connected(world, HostConfig::default());
        world.run_for(secs(2));
        let count = |world: &World| {
            let up = world.link_counters(ours.host, theirs.host);
            let down = world.link_counters(theirs.host, ours.host);
            up.sent + down.sent
        };
        let before = count(world);
        world.run_for(secs(60));
        assert_eq!(world.state(ours), ConnectionState::Connected);
        assert_eq!(world.state(theirs), ConnectionState::Connected);
        // A keepalive and its answer every 10 s; statistics at 30 s.
        let packets = count(world) - before;
        assert!((10..=24).contains(&packets), "{packets} packets\n{world:?}");
        world.send(theirs, SendFlags::RELIABLE, b"awake").unwrap();
        world.wait_for_delivery(theirs, secs(1)).unwrap();
    });
}

#[test]
fn an_outage_shorter_than_the_timeout_is_survived_without_traffic_too() {
    deterministic(42, |world| {
        let (ours, theirs) = connected(world, HostConfig::default());
        // The first packets of a new connection want an answer; after that there is no traffic.
        world.run_for(ms(100));
        world.set_connected(ours.host, theirs.host, false);
        world.run_for(secs(18));
        world.set_connected(ours.host, theirs.host, true);
        world.run_for(secs(30));
        assert_eq!(world.state(ours), ConnectionState::Connected, "{world:?}");
        assert_eq!(world.state(theirs), ConnectionState::Connected);
    });
}

#[test]
fn one_way_silence_ends_both_ends() {
    deterministic(43, |world| {
        world.set_links(far());
        let (ours, theirs) = connected(world, HostConfig::default());
        let down = world.link(theirs.host, ours.host).down();
        world.set_link(theirs.host, ours.host, down);
        busy(world, ours, secs(30));
        // The one that hears nothing says so; the other one hears it.
        assert_eq!(world.state(ours), ConnectionState::ProblemDetectedLocally);
        assert_eq!(world.state(theirs), ConnectionState::ClosedByPeer);
        assert_eq!(world.info(theirs).end_reason, EndReason::MISC_TIMEOUT);
    });
}

#[test]
fn a_new_connection_follows_one_that_was_given_up() {
    deterministic(44, |world| {
        let two = Two::new(world, HostConfig::default());
        let (first, theirs) = world.connect_pair(two.client, two.address).unwrap();
        world.close(first, EndReason::APP_GENERIC, "", false);
        world.close(theirs, EndReason::APP_GENERIC, "", false);
        let (second, _) = world.connect_pair(two.client, two.address).unwrap();
        world.send(second, SendFlags::RELIABLE, b"again").unwrap();
        world.wait_for_delivery(second, secs(1)).unwrap();
        world.run_for(secs(10));
        assert_eq!(world.state(first), ConnectionState::Dead);
        assert_eq!(world.state(second), ConnectionState::Connected);
    });
}
