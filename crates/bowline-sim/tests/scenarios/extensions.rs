//! What peers of ours agree on beyond the original, and of that closes inside the encryption; refusals
//! that tell the cause (docs/extensions.md).

use std::cell::RefCell;
use std::rc::Rc;

use bowline_core::cert::check::AuthPolicy;
use bowline_core::connection::ConnectionState;
use bowline_core::counters::DropReason;
use bowline_core::end_reason::{EndReason, Rejection};
use bowline_core::extensions::{Extension, ExtensionSet};
use bowline_core::ids::{AppId, ConnectionId};
use bowline_core::message::SendFlags;
use bowline_core::wire::udp;
use bowline_sim::{Chance, Conn, Datagram, HostConfig, Verdict, World, deterministic};

use crate::support::{Two, connected, drops, far, ms, payload, secs};

/// First byte of ConnectionClosed (wire.md 1.1).
const CLOSED: u8 = 0x24;
const NO_CONNECTION: u8 = 0x25;

/// A close that anybody could write who has seen a packet of the connection.
fn forged_close(to: ConnectionId, from: ConnectionId) -> Vec<u8> {
    let mut bytes = Vec::new();
    let packet = udp::ConnectionClosed {
        to: Some(to),
        from: Some(from),
        reason: EndReason::new(1666),
        text: "forged".into(),
        rejection: None,
    };
    packet.encode(&mut bytes);
    bytes
}

fn forged_no_connection(to: ConnectionId, from: ConnectionId) -> Vec<u8> {
    let mut bytes = Vec::new();
    let packet = udp::NoConnection {
        to: Some(to),
        from: Some(from),
    };
    packet.encode(&mut bytes);
    bytes
}

/// Replaces every data packet to `victim` by a forged close, or every `n`th one.
fn forge(world: &mut World, victim: Conn, peer: Conn, n: u32) {
    let (to, from) = (victim.id, peer.id);
    let mut count = 0;
    let id = to.get().to_le_bytes();
    world.set_filter(move |_, datagram: &mut Datagram| {
        if datagram.bytes.get(1..5) == Some(&id[..]) && datagram.bytes[0] & 0x80 != 0 {
            count += 1;
            if count % n == 0 {
                datagram.bytes = match count / n % 2 {
                    0 => forged_close(to, from),
                    _ => forged_no_connection(to, from),
                };
            }
        }
        Verdict::Pass
    });
}

/// Remembers the first byte of every datagram.
fn kinds(world: &mut World) -> Rc<RefCell<Vec<u8>>> {
    let seen = Rc::new(RefCell::new(Vec::new()));
    let log = Rc::clone(&seen);
    world.set_filter(move |_, datagram| {
        log.borrow_mut().push(datagram.bytes[0]);
        Verdict::Pass
    });
    seen
}

#[test]
fn both_ends_know_what_was_agreed() {
    deterministic(60, |world| {
        let (ours, theirs) = connected(world, HostConfig::default());
        assert_eq!(world.info(ours).extensions, ExtensionSet::ALL);
        assert_eq!(world.info(theirs).extensions, ExtensionSet::ALL);
    });
    for gone in Extension::ALL {
        deterministic(61, |world| {
            let without = HostConfig {
                extensions: ExtensionSet::ALL.without(gone),
                ..HostConfig::default()
            };
            let server = world.add_host("server", without.clone());
            let client = world.add_host("client", HostConfig::default());
            let address = world.listen(server, 1);
            let (ours, theirs) = world.connect_pair(client, address).unwrap();
            assert_eq!(world.info(ours).extensions, without.extensions);
            assert_eq!(world.info(theirs).extensions, without.extensions);
        });
    }
}

#[test]
fn a_close_leaves_nothing_unencrypted_behind() {
    deterministic(62, |world| {
        let (ours, theirs) = connected(world, HostConfig::default());
        world.run_for(secs(1));
        let seen = kinds(world);
        world.close(ours, EndReason::new(1042), "good night", false);
        world.run_for(ms(10));
        let info = world.info(theirs);
        assert_eq!(info.state, ConnectionState::ClosedByPeer);
        let said = (info.end_reason.code(), &info.end_text[..]);
        assert_eq!(said, (1042, "good night"));
        world.close(theirs, EndReason::APP_GENERIC, "", false);
        world.run_for(secs(6));
        assert_eq!(world.state(ours), ConnectionState::Dead);
        assert_eq!(world.state(theirs), ConnectionState::Dead);
        let seen = seen.borrow();
        assert!(seen.iter().all(|kind| kind & 0x80 != 0), "{seen:x?}");
        // The close, its acknowledgement, and a last word when the handle goes.
        assert_eq!(seen.len(), 3);
    });
}

#[test]
fn forged_closes_do_not_end_a_connection_that_lives() {
    for seed in 0..5 {
        deterministic(seed, |world| {
            world.set_links(far().loss(Chance::percent(2)));
            let (ours, theirs) = connected(world, HostConfig::default());
            world.run_for(secs(1));
            forge(world, ours, theirs, 3);
            for n in 0..200_u32 {
                let flags = SendFlags::RELIABLE_NO_NAGLE;
                world.send(theirs, flags, &n.to_le_bytes()).unwrap();
                world.send(ours, flags, &n.to_le_bytes()).unwrap();
                world.run_for(ms(100));
            }
            world.wait_for_delivery(theirs, secs(10)).unwrap();
            world.wait_for_delivery(ours, secs(10)).unwrap();
            assert_eq!(world.state(ours), ConnectionState::Connected);
            assert!(drops(world, ours, DropReason::UnsealedClose) > 50);
        });
    }
}

#[test]
fn without_the_extension_a_forged_close_ends_a_connection() {
    deterministic(73, |world| {
        let config = HostConfig {
            extensions: ExtensionSet::NONE,
            ..HostConfig::default()
        };
        let (ours, theirs) = connected(world, config);
        world.run_for(secs(1));
        forge(world, ours, theirs, 1);
        world
            .send(theirs, SendFlags::RELIABLE_NO_NAGLE, b"hello")
            .unwrap();
        world.run_for(ms(100));
        assert_eq!(world.state(ours), ConnectionState::ClosedByPeer);
    });
}

#[test]
fn an_outage_with_nothing_but_forged_closes_is_survived() {
    deterministic(63, |world| {
        let (ours, theirs) = connected(world, HostConfig::default());
        world.run_for(secs(1));
        // Every packet is taken for 9 s, and a forged close comes instead: as bad as an outage, no worse.
        forge(world, ours, theirs, 1);
        for _ in 0..90 {
            let _ = world.send(theirs, SendFlags::RELIABLE_NO_NAGLE, b"hello?");
            world.run_for(ms(100));
        }
        world.clear_filter();
        world.wait_for_delivery(theirs, secs(5)).unwrap();
        assert_eq!(world.state(ours), ConnectionState::Connected);
    });
}

#[test]
fn a_peer_that_lost_its_keys_is_found_out() {
    deterministic(64, |world| {
        let (ours, theirs) = connected(world, HostConfig::default());
        world.run_for(secs(2));
        let start = world.now();
        // All that comes from there says that there is no connection: a peer that began anew.
        forge(world, ours, theirs, 1);
        let ended = |world: &mut World| world.state(ours).is_closed();
        for _ in 0..20 {
            let _ = world.send(ours, SendFlags::RELIABLE_NO_NAGLE, b"there?");
            let _ = world.send(theirs, SendFlags::RELIABLE_NO_NAGLE, b"who?");
            world.run_for(ms(500));
        }
        world
            .wait_for("the loss to be found", secs(15), ended)
            .unwrap();
        let took = world.now().since(start);
        assert!((secs(10)..secs(13)).contains(&took), "{took}");
        let info = world.info(ours);
        assert_eq!(info.state, ConnectionState::ClosedByPeer);
        assert_eq!(info.end_reason, EndReason::MISC_PEER_SENT_NO_CONNECTION);
    });
}

#[test]
fn a_lost_close_is_sent_again() {
    for seed in 0..20 {
        deterministic(seed, |world| {
            world.set_links(far().loss(Chance::percent(30)));
            let (ours, theirs) = connected(world, HostConfig::default());
            world.run_for(secs(1));
            world.close(ours, EndReason::new(1007), "gone", false);
            let closed = |world: &mut World| world.state(theirs).is_closed();
            world.wait_for("the close", secs(5), closed).unwrap();
            assert_eq!(world.info(theirs).end_reason.code(), 1007);
        });
    }
}

#[test]
fn limit_repetitions_of_a_close_that_nobody_acknowledges() {
    deterministic(65, |world| {
        let (ours, theirs) = connected(world, HostConfig::default());
        world.run_for(secs(1));
        world.kill(theirs.host);
        let before = world.link_counters(ours.host, theirs.host).sent;
        world.close(ours, EndReason::new(1007), "gone", false);
        world.run_for(secs(10));
        assert_eq!(world.state(ours), ConnectionState::Dead);
        // At 0, 0.1, 0.3, 0.7, 1.5 and 3.1 s.
        let sent = world.link_counters(ours.host, theirs.host).sent - before;
        assert_eq!(sent, 6);
    });
}

#[test]
fn both_close_at_once_and_fall_silent() {
    deterministic(66, |world| {
        world.set_links(far());
        let (ours, theirs) = connected(world, HostConfig::default());
        world.run_for(secs(1));
        let seen = kinds(world);
        world.close(ours, EndReason::new(1001), "mine", false);
        world.close(theirs, EndReason::new(1002), "thine", false);
        world.run_for(secs(6));
        assert_eq!(world.state(ours), ConnectionState::Dead);
        assert_eq!(world.state(theirs), ConnectionState::Dead);
        let seen = seen.borrow();
        // Each close, perhaps once more before the answer is there, and each answer.
        assert!((4..=8).contains(&seen.len()), "{seen:x?}");
        assert!(!seen.contains(&CLOSED) && !seen.contains(&NO_CONNECTION));
    });
}

#[test]
fn linger_delivers_and_then_closes_sealed() {
    for seed in 0..5 {
        deterministic(seed, |world| {
            world.set_links(far().loss(Chance::percent(10)));
            let (ours, theirs) = connected(world, HostConfig::default());
            world.run_for(secs(1));
            let seen = kinds(world);
            let mut rng = world.rng("messages");
            for _ in 0..50 {
                let data = payload(&mut rng, 3000);
                world.send(ours, SendFlags::RELIABLE, &data).unwrap();
            }
            world.close(ours, EndReason::new(1001), "bye", true);
            world.wait_for_delivery(ours, secs(10)).unwrap();
            let closed = |world: &mut World| world.state(theirs).is_closed();
            world.wait_for("the close", secs(10), closed).unwrap();
            assert_eq!(world.info(theirs).end_reason.code(), 1001);
            assert!(!seen.borrow().contains(&CLOSED));
        });
    }
}

#[test]
fn a_server_that_closes_before_the_client_has_keys_is_heard() {
    for seed in 0..10 {
        deterministic(seed, |world| {
            world.set_links(far().loss(Chance::percent(20)));
            let two = Two::new(world, HostConfig::default());
            let ours = world.connect(two.client, two.address).unwrap();
            let accepted = |world: &mut World| !world.connections(two.server).is_empty();
            world.wait_for("the request", secs(8), accepted).unwrap();
            let theirs = world.connections(two.server)[0];
            world.close(theirs, EndReason::new(1303), "full", false);
            let closed = |world: &mut World| world.state(ours).is_closed();
            world.wait_for("the refusal", secs(5), closed).unwrap();
            assert_eq!(world.info(ours).end_reason.code(), 1303);
        });
    }
}

/// Connects a client with `client` settings to a server with `server` settings, and waits 2 s.
fn refused(world: &mut World, server: HostConfig, client: HostConfig) -> Conn {
    let server = world.add_host("server", server);
    let client = world.add_host("client", client);
    let address = world.listen(server, 1);
    let conn = world.connect(client, address).unwrap();
    world.run_for(secs(2));
    conn
}

#[test]
fn a_refusal_tells_the_cause_if_the_server_is_set_to() {
    let other_game = HostConfig {
        app_id: AppId::new(480),
        ..HostConfig::default()
    };
    for explains_rejections in [false, true] {
        deterministic(70, |world| {
            let server = HostConfig {
                explains_rejections,
                ..HostConfig::default()
            };
            let conn = refused(world, server, other_game.clone());
            let info = world.info(conn);
            if explains_rejections {
                assert_eq!(info.state, ConnectionState::ClosedByPeer);
                assert_eq!(info.end_reason, EndReason::REMOTE_BAD_CERT);
                assert_eq!(info.rejection, Some(Rejection::BadCertificate));
                assert_eq!(info.end_text, "Cert is not for app 0, but for 480");
            } else {
                assert_eq!(info.state, ConnectionState::Connecting);
            }
        });
    }
}

#[test]
fn strangers_are_told_that_they_are() {
    deterministic(71, |world| {
        let mut server = HostConfig {
            explains_rejections: true,
            ..HostConfig::default()
        };
        server.connection.set_auth(AuthPolicy::Refuse);
        let conn = refused(world, server, HostConfig::default());
        let info = world.info(conn);
        assert_eq!(info.end_reason, EndReason::REMOTE_BAD_CERT);
        assert_eq!(info.rejection, Some(Rejection::BadIdentity));
    });
}
