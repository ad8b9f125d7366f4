//! Hosts that pause, crash, move, and whose clocks jump; links that carry one way only.

use bowline_core::availability::Availability;
use bowline_core::cert::authority::Authority;
use bowline_core::cert::check::AuthPolicy;
use bowline_core::cert::issue::CertSpec;
use bowline_core::cert::keypair::PublicKey;
use bowline_core::cert::signed::SignedCertificate;
use bowline_core::cert::store::CertStore;
use bowline_core::config::Config;
use bowline_core::connection::ConnectionState;
use bowline_core::counters::DropReason;
use bowline_core::crypto::keys::SigningKey;
use bowline_core::crypto::rustcrypto;
use bowline_core::end_reason::EndReason;
use bowline_core::ids::AppId;
use bowline_core::message::SendFlags;
use bowline_sim::{Conn, HostConfig, HostId, World, deterministic};

use crate::support::{Two, connected, far, ms, secs};

/// A reliable message every 50 ms from each end, as long as they are taken.
fn busy(world: &mut World, conns: [Conn; 2], seconds: u64) {
    for _ in 0..seconds * 20 {
        for conn in conns {
            // Refused once the connection has ended, or when too much waits.
            let _ = world.send(conn, SendFlags::RELIABLE, b"still there?");
        }
        world.run_for(ms(50));
    }
}

fn delivered_both_ways(world: &mut World, conns: [Conn; 2]) {
    for conn in conns {
        world.send(conn, SendFlags::RELIABLE, b"after all").unwrap();
        world.wait_for_delivery(conn, secs(5)).unwrap();
        assert_eq!(world.state(conn), ConnectionState::Connected, "{world:?}");
    }
}

#[test]
fn one_way_loss_shorter_than_the_timeout_is_survived() {
    for seed in 0..4 {
        deterministic(seed, |world| {
            world.set_links(far());
            let (ours, theirs) = connected(world, HostConfig::default());
            busy(world, [ours, theirs], 2);
            world.set_connected_one_way(theirs.host, ours.host, false);
            busy(world, [ours, theirs], 5);
            world.set_connected_one_way(theirs.host, ours.host, true);
            delivered_both_ways(world, [ours, theirs]);
        });
    }
}

#[test]
fn a_short_pause_delays_and_loses_nothing_reliable() {
    for seed in 0..4 {
        deterministic(seed, |world| {
            world.set_links(far());
            let (ours, theirs) = connected(world, HostConfig::default());
            busy(world, [ours, theirs], 2);
            world.pause(theirs.host);
            let received = world.deliveries(ours).unwrap().counts().reliable_received;
            busy(world, [ours, theirs], 5);
            let meanwhile = world.deliveries(ours).unwrap().counts().reliable_received;
            assert_eq!(meanwhile, received);
            world.resume(theirs.host);
            delivered_both_ways(world, [ours, theirs]);
            assert_eq!(world.overflowed(theirs.host), 0);
        });
    }
}

/// Long enough for the peer to give up: it says so, and who wakes hears it before its own timers
/// count, because what waits in the socket comes first.
#[test]
fn who_sleeps_too_long_wakes_to_a_closed_connection() {
    deterministic(320, |world| {
        world.set_links(far());
        let (ours, theirs) = connected(world, HostConfig::default());
        busy(world, [ours, theirs], 2);
        world.pause(theirs.host);
        busy(world, [ours, theirs], 40);
        assert_eq!(world.info(ours).end_reason, EndReason::MISC_TIMEOUT);
        world.resume(theirs.host);
        assert_eq!(
            world.state(theirs),
            ConnectionState::ClosedByPeer,
            "{world:?}"
        );
        assert_eq!(world.info(theirs).end_reason, EndReason::MISC_TIMEOUT);
    });
}

/// A pause of hours, with no word from the peer, because it was cut off as well.
#[test]
fn who_sleeps_for_hours_and_hears_nothing_gives_up() {
    deterministic(321, |world| {
        let (ours, theirs) = connected(world, HostConfig::default());
        busy(world, [ours, theirs], 2);
        world.pause(theirs.host);
        world.set_connected(ours.host, theirs.host, false);
        world.run_for(secs(3 * 3600));
        world.resume(theirs.host);
        world.run_for(secs(40));
        assert_eq!(
            world.info(theirs).end_reason,
            EndReason::MISC_TIMEOUT,
            "{world:?}"
        );
        assert!(world.state(theirs).is_closed());
    });
}

#[test]
fn a_paused_host_has_room_for_so_much_only() {
    deterministic(322, |world| {
        let (ours, theirs) = connected(world, HostConfig::default());
        busy(world, [ours, theirs], 1);
        world.pause(theirs.host);
        let (port, server) = (crate::support::PORT, world.address(theirs.host));
        for _ in 0..300 {
            world.send_raw(ours.host, 9, (server, port).into(), &[0x7F; 1000]);
        }
        world.send(ours, SendFlags::RELIABLE, b"no room").unwrap();
        world.run_for(ms(500));
        assert_eq!(world.overflowed(theirs.host), 88, "{world:?}");
        let story = format!("{world:?}");
        assert!(story.contains("server at 10.0.0.1, paused"), "{story}");
        world.resume(theirs.host);
        delivered_both_ways(world, [ours, theirs]);
        let handled = world.drops(theirs.host).of(DropReason::UnknownKind);
        assert_eq!(handled, 212);
    });
}

/// The server has forgotten the client, and a stranger is told nothing: the client waits in vain.
#[test]
fn a_crashed_server_is_noticed_by_timeout() {
    deterministic(323, |world| {
        world.set_links(far());
        let two = Two::new(world, HostConfig::default());
        let (ours, theirs) = world.connect_pair(two.client, two.address).unwrap();
        busy(world, [ours, theirs], 2);
        let crashed = world.now();
        world.restart(two.server);
        assert_eq!(world.state(theirs), ConnectionState::Dead);
        world.listen(two.server, crate::support::PORT);
        world
            .wait_for("the client to notice", secs(30), |world| {
                let _ = world.send(ours, SendFlags::RELIABLE, b"still there?");
                world.state(ours).is_closed()
            })
            .unwrap();
        assert_eq!(world.info(ours).end_reason, EndReason::MISC_TIMEOUT);
        let took = world.now().since(crashed);
        assert!((secs(10)..secs(22)).contains(&took), "{took}\n{world:?}");
        // From another port at once.
        let (again, peer) = world.connect_pair(two.client, two.address).unwrap();
        delivered_both_ways(world, [again, peer]);
    });
}

/// Nothing listens there any more, and the operating system's answer does not count.
#[test]
fn a_server_that_does_not_come_back_is_not_found() {
    deterministic(324, |world| {
        let two = Two::new(world, HostConfig::default());
        world.connect_pair(two.client, two.address).unwrap();
        world.restart(two.server);
        let ours = world.connect(two.client, two.address).unwrap();
        world.run_for(secs(15));
        assert_eq!(world.info(ours).end_reason, EndReason::MISC_TIMEOUT);
        assert_eq!(world.state(ours), ConnectionState::ProblemDetectedLocally);
    });
}

/// The same address and port, another connection: the server must take it although it knows that
/// route, and the old connection ends by timeout.
#[test]
fn a_crashed_client_comes_back_from_the_same_port() {
    for seed in 0..4 {
        deterministic(seed, |world| {
            world.set_links(far());
            let two = Two::new(world, HostConfig::default());
            let (ours, old) = world.connect_pair(two.client, two.address).unwrap();
            busy(world, [ours, old], 2);
            world.restart(two.client);
            let (again, new) = world.connect_pair(two.client, two.address).unwrap();
            assert_ne!(old, new);
            busy(world, [again, new], 30);
            assert!(world.state(old).is_closed(), "{world:?}");
            delivered_both_ways(world, [again, new]);
        });
    }
}

#[test]
fn a_restarted_host_has_other_keys_and_ids() {
    deterministic(325, |world| {
        let two = Two::new(world, HostConfig::default());
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..5 {
            let ours = world.connect_from(two.client, 50_000, two.address).unwrap();
            assert!(seen.insert(ours.id), "{} comes again", ours.id);
            world.run_for(ms(10));
            assert_eq!(world.state(ours), ConnectionState::Connected);
            world.restart(two.client);
            assert_eq!(world.state(ours), ConnectionState::Dead);
            assert_eq!(world.receive(ours), None);
        }
    });
}

/// Without path change, an address is part of a connection: who moves is not heard any more, and
/// hears nothing. Both ends notice by timeout, and the client can dial anew.
#[test]
fn who_moves_to_another_address_loses_its_connections() {
    deterministic(326, |world| {
        world.set_links(far());
        let two = Two::new(world, HostConfig::default());
        let (ours, theirs) = world.connect_pair(two.client, two.address).unwrap();
        busy(world, [ours, theirs], 2);
        let before = world.address(two.client);
        let after = world.change_address(two.client);
        assert_ne!(before, after);
        let received = |world: &World| {
            let count = |conn| world.deliveries(conn).unwrap().counts().reliable_received;
            (count(ours), count(theirs))
        };
        world.run_for(ms(100));
        let in_time = received(world);
        busy(world, [ours, theirs], 30);
        assert_eq!(received(world), in_time);
        for conn in [ours, theirs] {
            assert!(world.state(conn).is_closed());
            assert_eq!(
                world.info(conn).end_reason,
                EndReason::MISC_TIMEOUT,
                "{world:?}"
            );
        }
        let (again, peer) = world.connect_pair(two.client, two.address).unwrap();
        delivered_both_ways(world, [again, peer]);
    });
}

/// By the clock nothing was heard for hours, but a peer is given up only when replies stay out that
/// were asked for since: it is asked, and answers.
#[test]
fn a_clock_that_jumps_ahead_costs_no_connection() {
    let jumps = [ms(500), secs(5), secs(60), secs(3600), secs(50 * 86_400)];
    for (ahead, seed) in jumps.into_iter().zip(0..) {
        for is_busy in [true, false] {
            deterministic(seed, |world| {
                world.set_links(far());
                let (ours, theirs) = connected(world, HostConfig::default());
                busy(world, [ours, theirs], 2);
                if !is_busy {
                    world.run_for(secs(12));
                }
                world.step_clock(theirs.host, ahead);
                busy(world, [ours, theirs], if is_busy { 30 } else { 0 });
                world.run_for(secs(30));
                delivered_both_ways(world, [ours, theirs]);
            });
        }
    }
}

/// Time stands still for the protocol until the clock has caught up. Drivers see to it that no clock
/// goes back; where one does all the same, nothing breaks, and later all is as before.
#[test]
fn a_clock_that_jumps_back_is_survived() {
    for (back, seed) in [ms(1), ms(500), secs(5), secs(3600)].into_iter().zip(0..) {
        deterministic(seed, |world| {
            world.set_links(far());
            let (ours, theirs) = connected(world, HostConfig::default());
            busy(world, [ours, theirs], 2);
            world.step_clock_back(theirs.host, back);
            busy(world, [ours, theirs], 10);
            if back < secs(10) {
                delivered_both_ways(world, [ours, theirs]);
            }
            world.step_clock(theirs.host, back);
            busy(world, [ours, theirs], 30);
            delivered_both_ways(world, [ours, theirs]);
        });
    }
}

/// Cookies and timeouts go by the monotonic clock; the calendar may jump by years.
#[test]
fn a_calendar_that_jumps_does_not_matter_without_certificates() {
    for secs_ahead in [-100_000_000_000, -3600, 3600, 1_000_000_000] {
        deterministic(327, |world| {
            let two = Two::new(world, HostConfig::default());
            let (ours, theirs) = world.connect_pair(two.client, two.address).unwrap();
            let before = world.unix_secs(two.server);
            world.step_calendar(two.server, secs_ahead);
            assert_eq!(
                world.unix_secs(two.server),
                before.saturating_add_signed(secs_ahead)
            );
            busy(world, [ours, theirs], 2);
            delivered_both_ways(world, [ours, theirs]);
        });
    }
}

const APP: AppId = AppId::new(480);

/// Gives a host a certificate for an hour.
fn certify(world: &mut World, host: HostId, identity: &str) {
    let crypto = rustcrypto::provider();
    let authority = Authority::new(&crypto, SigningKey::from_seed([9; 32]));
    let created = u32::try_from(world.unix_secs(host)).unwrap();
    world.with_endpoint(host, |endpoint, now| {
        let mut store = CertStore::new();
        let root = PublicKey::new(*authority.public()).unwrap();
        store.add_root(&crypto, root).unwrap();
        endpoint.set_trust(store);
        endpoint.certificate_request();
        let spec = CertSpec {
            key: *endpoint.public_key().unwrap().as_bytes(),
            identity: Some(identity.parse().unwrap()),
            app_ids: vec![APP],
            pops: Vec::new(),
            addresses: Vec::new(),
            created_unix_secs: created,
            expiry_unix_secs: created + 3600,
        };
        let signed = SignedCertificate::from_message(authority.issue(&crypto, &spec)).unwrap();
        endpoint.set_certificate(now, &signed.to_bytes()).unwrap();
    });
}

/// A server with a certificate, and a client that wants one to be shown.
fn certified(world: &mut World) -> Two {
    world.set_links(far());
    let config = HostConfig {
        app_id: APP,
        ..HostConfig::default()
    };
    let two = Two::new(world, config);
    certify(world, two.server, "str:server");
    let store = world.with_endpoint(two.server, |endpoint, _| endpoint.trust().clone());
    world.with_endpoint(two.client, |endpoint, _| endpoint.set_trust(store));
    let mut wary = Config::new();
    wary.set_auth(AuthPolicy::Refuse);
    world.configure(two.client, wary);
    two
}

/// Connections that exist go on whatever the calendar says. New ones are refused while it says that the
/// peer's certificate has expired, and made again when it has been set right. One that is not valid
/// yet is taken, as by the original (wire.md 3.8).
#[test]
fn a_calendar_that_jumps_counts_for_certificates() {
    deterministic(330, |world| {
        let two = certified(world);
        let (ours, theirs) = world.connect_pair(two.client, two.address).unwrap();
        world.step_calendar(two.client, 2 * 3600);
        let refused = world.connect(two.client, two.address).unwrap();
        world.run_for(secs(15));
        let reason = world.info(refused).end_reason;
        assert_eq!(reason, EndReason::REMOTE_BAD_CERT, "{world:?}");
        delivered_both_ways(world, [ours, theirs]);
        for ahead in [-2 * 3600, -2 * 3600] {
            world.step_calendar(two.client, ahead);
            let pair = world.connect_pair(two.client, two.address).unwrap();
            delivered_both_ways(world, [pair.0, pair.1]);
        }
    });
}

/// Whoever's own calendar passes the end of its certificate shows none, also when the calendar goes
/// back: it asks for another one, with the same key.
#[test]
fn a_calendar_that_jumps_ends_the_own_certificate_until_there_is_another() {
    deterministic(332, |world| {
        let two = certified(world);
        let status = |world: &mut World| {
            world.with_endpoint(two.server, |endpoint, _| {
                endpoint.authentication().availability
            })
        };
        assert_eq!(status(world), Availability::Current);
        world.step_calendar(two.server, 2 * 3600);
        assert_eq!(status(world), Availability::Previously);
        world.step_calendar(two.server, -2 * 3600);
        let refused = world.connect(two.client, two.address).unwrap();
        world.run_for(secs(1));
        assert!(world.state(refused).is_closed(), "{world:?}");
        certify(world, two.server, "str:server");
        let pair = world.connect_pair(two.client, two.address).unwrap();
        delivered_both_ways(world, [pair.0, pair.1]);
    });
}
