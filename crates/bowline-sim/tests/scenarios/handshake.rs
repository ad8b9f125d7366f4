use std::cell::RefCell;
use std::rc::Rc;

use bowline_core::connection::ConnectionState;
use bowline_core::crypto::cipher_negotiation::EncryptionPolicy;
use bowline_core::end_reason::EndReason;
use bowline_core::identity::Identity;
use bowline_core::ids::AppId;
use bowline_core::message::SendFlags;
use bowline_sim::{AcceptPolicy, Datagram, HostConfig, Verdict, World, deterministic};

use crate::support::{Two, connected, entered, far, ms, secs};

/// First bytes of the handshake packets (wire.md 1.1).
const CHALLENGE_REQUEST: u8 = 0x20;
const CHALLENGE_REPLY: u8 = 0x21;
const CONNECT_REQUEST: u8 = 0x22;
const CONNECT_OK: u8 = 0x23;

#[test]
fn two_hosts_connect_and_echo() {
    deterministic(1, |world| {
        world.set_links(far());
        let named = |name| HostConfig {
            identity: Identity::str(name).unwrap(),
            ..HostConfig::default()
        };
        let server = world.add_host("server", named("sue"));
        let client = world.add_host("client", named("carl"));
        let address = world.listen(server, 1);
        let (ours, theirs) = world.connect_pair(client, address).unwrap();
        assert_eq!(
            world.info(ours).identity,
            Some(Identity::str("sue").unwrap())
        );
        assert_eq!(
            world.info(theirs).identity,
            Some(Identity::str("carl").unwrap())
        );
        assert!(world.info(ours).encrypted);

        world
            .send(ours, SendFlags::RELIABLE_NO_NAGLE, b"hello")
            .unwrap();
        world.wait_for_delivery(ours, secs(1)).unwrap();
        let heard = world.receive(theirs).unwrap();
        world
            .send(theirs, SendFlags::UNRELIABLE_NO_NAGLE, &heard.data)
            .unwrap();
        world.run_for(ms(51));
        let echo = world.receive(ours).unwrap();
        assert_eq!((&echo.data[..], echo.reliable), (&b"hello"[..], false));
        // Two round trips for the handshake, one for the echo.
        assert!(world.age() < ms(310), "{}", world.age());
    });
}

#[test]
fn the_packets_of_the_handshake_are_those_of_gns() {
    let mut world = World::new(2);
    let seen = Rc::new(RefCell::new(Vec::new()));
    let log = Rc::clone(&seen);
    world.set_filter(move |_, datagram| {
        log.borrow_mut()
            .push((datagram.bytes[0], datagram.bytes.len()));
        Verdict::Pass
    });
    connected(&mut world, HostConfig::default());
    let kinds: Vec<u8> = seen
        .borrow()
        .iter()
        .map(|(kind, _)| *kind)
        .take(4)
        .collect();
    assert_eq!(
        kinds,
        [
            CHALLENGE_REQUEST,
            CHALLENGE_REPLY,
            CONNECT_REQUEST,
            CONNECT_OK
        ]
    );
    assert_eq!(seen.borrow()[0].1, 512);
}

#[test]
fn the_handshake_survives_the_loss_of_each_of_its_packets() {
    for kind in [
        CHALLENGE_REQUEST,
        CHALLENGE_REPLY,
        CONNECT_REQUEST,
        CONNECT_OK,
    ] {
        for losses in 1..=3 {
            deterministic(3, |world| {
                let mut left = losses;
                world.set_filter(move |_, datagram| lose(datagram, kind, &mut left));
                let (ours, theirs) = connected(world, HostConfig::default());
                let start = entered(world, ours, ConnectionState::Connecting);
                let took = entered(world, ours, ConnectionState::Connected).since(start);
                // A retry every 500 ms (wire.md 1.4).
                assert!(took >= ms(500 * losses), "{kind:#x}: {took}");
                assert!(took < ms(500 * losses + 100), "{kind:#x}: {took}");
                world.send(theirs, SendFlags::RELIABLE, b"x").unwrap();
                world.wait_for_delivery(theirs, secs(1)).unwrap();
            });
        }
    }
}

fn lose(datagram: &Datagram, kind: u8, left: &mut u64) -> Verdict {
    if datagram.bytes[0] != kind || *left == 0 {
        return Verdict::Pass;
    }
    *left -= 1;
    Verdict::Drop
}

#[test]
fn handshake_packets_that_come_twice_make_one_connection() {
    deterministic(4, |world| {
        let twice = bowline_sim::Chance::ALWAYS;
        world.set_links(far().duplicate(twice, ms(120)));
        let (ours, theirs) = connected(world, HostConfig::default());
        world.send(ours, SendFlags::RELIABLE, b"one").unwrap();
        world.wait_for_delivery(ours, secs(1)).unwrap();
        world.run_for(secs(2));
        assert_eq!(world.connections(theirs.host), [theirs]);
        assert_eq!(world.state(theirs), ConnectionState::Connected);
    });
}

#[test]
fn nobody_answers() {
    deterministic(5, |world| {
        let two = Two::new(world, HostConfig::default());
        world.kill(two.server);
        let conn = world.connect(two.client, two.address).unwrap();
        world.run_for(secs(11));
        let failed = entered(world, conn, ConnectionState::ProblemDetectedLocally);
        let start = entered(world, conn, ConnectionState::Connecting);
        assert_eq!(failed.since(start), secs(10));
        assert_eq!(world.info(conn).end_reason, EndReason::MISC_TIMEOUT);
        // One every 500 ms, and one to say that it gave up.
        assert_eq!(world.link_counters(two.client, two.server).sent, 21);
    });
}

#[test]
fn the_application_does_not_decide_in_time() {
    deterministic(6, |world| {
        let two = Two::new(world, HostConfig::default());
        world.set_accept_policy(two.server, AcceptPolicy::ByHand);
        let conn = world.connect(two.client, two.address).unwrap();
        world.run_for(secs(1));
        let [incoming] = world.incoming(two.server)[..] else {
            panic!("one connection should wait\n{world:?}");
        };
        world.run_for(secs(10));
        let failed = entered(world, incoming, ConnectionState::ProblemDetectedLocally);
        let start = entered(world, incoming, ConnectionState::Connecting);
        assert_eq!(failed.since(start), secs(10));
        assert!(world.incoming(two.server).is_empty());
        // The client gives up by itself at the same time, or hears of it.
        assert!(world.state(conn).is_closed());
        assert_eq!(world.info(conn).end_reason, EndReason::MISC_TIMEOUT);
    });
}

#[test]
fn the_application_accepts_late() {
    deterministic(7, |world| {
        world.set_links(far());
        let two = Two::new(world, HostConfig::default());
        world.set_accept_policy(two.server, AcceptPolicy::ByHand);
        let ours = world.connect(two.client, two.address).unwrap();
        world.run_for(secs(7));
        let theirs = world.incoming(two.server)[0];
        assert_eq!(world.accept(theirs), Ok(()));
        world.send(theirs, SendFlags::RELIABLE, b"welcome").unwrap();
        world.wait_for_delivery(theirs, secs(2)).unwrap();
        assert_eq!(world.state(ours), ConnectionState::Connected);
        assert!(world.accept(theirs).is_err());
    });
}

#[test]
fn a_refused_client_learns_why() {
    deterministic(8, |world| {
        let two = Two::new(world, HostConfig::default());
        world.set_accept_policy(two.server, AcceptPolicy::ByHand);
        let ours = world.connect(two.client, two.address).unwrap();
        world.run_for(ms(100));
        let theirs = world.incoming(two.server)[0];
        world.close(theirs, EndReason::new(1234), "server full", false);
        world.run_for(ms(100));
        assert_eq!(world.state(ours), ConnectionState::ClosedByPeer);
        let info = world.info(ours);
        assert_eq!(
            (info.end_reason.code(), &info.end_text[..]),
            (1234, "server full")
        );
    });
}

#[test]
fn hosts_of_different_games_do_not_meet() {
    deterministic(9, |world| {
        let server = world.add_host("server", HostConfig::default());
        let app_id = AppId::new(480);
        let other = HostConfig {
            app_id,
            ..HostConfig::default()
        };
        let client = world.add_host("client", other);
        let address = world.listen(server, 1);
        let conn = world.connect(client, address).unwrap();
        world.run_for(secs(11));
        assert_eq!(world.info(conn).end_reason, EndReason::MISC_TIMEOUT);
        assert!(world.connections(server).is_empty());
    });
}

#[test]
fn ciphers_without_anything_in_common_end_the_attempt() {
    deterministic(10, |world| {
        let with = |policy| {
            let mut config = HostConfig::default();
            config.connection.set_encryption(policy);
            config
        };
        let server = world.add_host("server", with(EncryptionPolicy::Required));
        let client = world.add_host("client", with(EncryptionPolicy::Off));
        let address = world.listen(server, 1);
        // Who waits for both ends learns of it at once, and not after the limit.
        let stuck = world.connect_pair(client, address).unwrap_err();
        assert!(stuck.to_string().starts_with("an end closed"), "{stuck}");
        assert!(world.age() < secs(1), "{}", world.age());
        world.run_for(secs(1));
        let conn = world.connections(client)[0];
        assert_eq!(world.info(conn).end_reason, EndReason::REMOTE_BAD_CRYPT);
    });
}
