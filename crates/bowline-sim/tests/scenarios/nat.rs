//! Hosts behind NATs: who can reach whom, and how the real protocol fares there.

use std::net::SocketAddr;

use bowline_core::connection::ConnectionState;
use bowline_core::end_reason::EndReason;
use bowline_core::message::SendFlags;
use bowline_sim::{
    Conn, HostConfig, HostId, NatBehaviour, NatConfig, NatId, PortAllocation, World, deterministic,
};

use crate::support::{PORT, far, ms, payload, secs};

/// Mapping and filtering.
type Kind = (NatBehaviour, NatBehaviour);

/// All nine kinds of NATs.
fn kinds() -> Vec<Kind> {
    let all = NatBehaviour::ALL.into_iter();
    let with_all = |mapping| NatBehaviour::ALL.map(|filtering| (mapping, filtering));
    all.flat_map(with_all).collect()
}

fn host(world: &mut World, name: &str) -> HostId {
    world.add_host(name, HostConfig::default())
}

fn behind(world: &mut World, name: &str, config: NatConfig) -> (NatId, HostId) {
    let nat = world.add_nat(&format!("{name}'s router"), config);
    (nat, world.add_host_behind(nat, name, HostConfig::default()))
}

/// A server that anybody can reach, and a player behind a NAT.
fn server_and_player(world: &mut World, config: NatConfig) -> (SocketAddr, NatId, HostId) {
    world.set_links(far());
    let server = host(world, "server");
    let (nat, player) = behind(world, "player", config);
    (world.listen(server, PORT), nat, player)
}

/// Updates both ways and some reliable messages, for `seconds`.
fn play(world: &mut World, (ours, theirs): (Conn, Conn), seconds: u64) {
    let mut rng = world.rng("play");
    for _ in 0..seconds * 10 {
        for conn in [ours, theirs] {
            let update = payload(&mut rng, 200);
            // Refused once the connection has ended.
            let _ = world.send(conn, SendFlags::UNRELIABLE_NO_NAGLE, &update);
            let _ = world.send(conn, SendFlags::RELIABLE, b"chat");
        }
        world.run_for(ms(100));
    }
}

fn all_is_well(world: &mut World, (ours, theirs): (Conn, Conn)) {
    for conn in [ours, theirs] {
        world.wait_for_delivery(conn, secs(5)).unwrap();
        assert_eq!(world.state(conn), ConnectionState::Connected, "{world:?}");
    }
}

fn both_timed_out(world: &World, (ours, theirs): (Conn, Conn)) {
    for conn in [ours, theirs] {
        assert!(world.state(conn).is_closed(), "{world:?}");
        assert_eq!(world.info(conn).end_reason, EndReason::MISC_TIMEOUT);
    }
}

/// What came to a raw socket: who sent it.
fn senders(world: &mut World, host: HostId, port: u16) -> Vec<SocketAddr> {
    world.run_for(ms(200));
    let inbox = world.raw_inbox(host, port).into_iter();
    inbox.map(|datagram| datagram.from).collect()
}

/// RFC 4787, sections 4.1 and 5, from the outside: what remote hosts see and who gets through.
#[test]
fn each_kind_of_nat_shows_and_lets_in_what_it_should() {
    for (mapping, filtering) in kinds() {
        let config = NatConfig::new(mapping, filtering);
        deterministic(400, |world| {
            let [a, b] = ["a", "b"].map(|name| host(world, name));
            let remotes = [(a, 1001), (a, 1002), (b, 1001)];
            let addresses = remotes.map(|(host, port)| world.open_raw(host, port));
            let (nat, inside) = behind(world, "inside", config);
            let mut outside = Vec::new();
            for ((host, port), address) in remotes.into_iter().zip(addresses) {
                world.send_raw(inside, 5000, address, b"out");
                outside.extend(senders(world, host, port));
            }
            assert!(
                outside
                    .iter()
                    .all(|from| from.ip() == world.nat_address(nat))
            );
            let is_same = [outside[0] == outside[1], outside[0] == outside[2]];

            // Another socket has sent to the first remote only. Who may answer?
            world.send_raw(inside, 6000, addresses[0], b"out");
            let to = senders(world, a, 1001)[0];
            let mut let_in = Vec::new();
            for (host, port) in remotes {
                world.send_raw(host, port, to, b"in");
                let_in.push(senders(world, inside, 6000).len());
            }

            let is_shared = match mapping {
                NatBehaviour::EndpointIndependent => [true, true],
                NatBehaviour::AddressDependent => [true, false],
                NatBehaviour::AddressAndPortDependent => [false, false],
            };
            assert_eq!(is_same, is_shared, "{config}");
            let is_allowed = match filtering {
                NatBehaviour::EndpointIndependent => [1, 1, 1],
                NatBehaviour::AddressDependent => [1, 1, 0],
                NatBehaviour::AddressAndPortDependent => [1, 0, 0],
            };
            assert_eq!(let_in, is_allowed, "{config}");
        });
    }
}

/// Two hosts that have learned their outside addresses from a third, and send to each other: 81 pairs
/// of NATs, and exactly those pairs work of which the RFCs say so (RFC 5128, section 3.3).
#[test]
fn holes_can_be_punched_where_they_should() {
    use NatBehaviour::{AddressAndPortDependent, AddressDependent, EndpointIndependent};

    for a in &kinds() {
        for b in &kinds() {
            let works = deterministic(401, |world| punch(world, *a, *b));
            // The first datagram gets in, and the answer to where it came from gets back.
            let gets_in = |from: &Kind, to: &Kind| match to {
                (_, EndpointIndependent) => true,
                (EndpointIndependent, AddressDependent) => true,
                (EndpointIndependent, AddressAndPortDependent) => from.0 == EndpointIndependent,
                (AddressDependent | AddressAndPortDependent, _) => false,
            };
            let gets_back = |from: &Kind, to: &Kind| {
                from.0 == EndpointIndependent || to.1 != AddressAndPortDependent
            };
            let expected = gets_in(a, b) && gets_back(b, a) || gets_in(b, a) && gets_back(a, b);
            assert_eq!(works, expected, "{a:?} with {b:?}");
        }
    }
}

/// Whether two hosts behind such NATs come to talk to each other.
fn punch(world: &mut World, a: Kind, b: Kind) -> bool {
    let helper = host(world, "helper");
    let helper_address = world.open_raw(helper, 3478);
    let hosts = [("anna", a), ("bert", b)].map(|(name, (mapping, filtering))| {
        let config = NatConfig::new(mapping, filtering).ports(PortAllocation::Random);
        behind(world, name, config).1
    });
    let outside = hosts.map(|host| {
        world.send_raw(host, 5000, helper_address, b"who am I?");
        senders(world, helper, 3478)[0]
    });
    let mut answered = false;
    for _ in 0..3 {
        for (host, to) in hosts.into_iter().zip([outside[1], outside[0]]) {
            world.send_raw(host, 5000, to, b"ask");
        }
        for _ in 0..2 {
            world.run_for(ms(10));
            for host in hosts {
                for datagram in world.raw_inbox(host, 5000) {
                    answered |= datagram.bytes == b"answer";
                    if datagram.bytes == b"ask" {
                        world.send_raw(host, 5000, datagram.from, b"answer");
                    }
                }
            }
        }
    }
    answered
}

#[test]
fn a_player_behind_any_kind_of_nat_plays_for_a_minute() {
    for ((mapping, filtering), seed) in kinds().into_iter().zip(410..) {
        let config = NatConfig::new(mapping, filtering);
        deterministic(seed, |world| {
            let config = config.lifetime(secs(15)).ports(PortAllocation::Random);
            let (address, nat, player) = server_and_player(world, config);
            let pair = world.connect_pair(player, address).unwrap();
            play(world, pair, 30);
            all_is_well(world, pair);
            // Nobody says anything, but keepalives go every 10 s and keep the mapping.
            world.run_for(secs(30));
            play(world, pair, 5);
            all_is_well(world, pair);
            let counters = world.nat_counters(nat);
            assert_eq!((counters.mappings, counters.expired), (1, 0), "{world:?}");
            assert_eq!(counters.filtered + counters.unmapped, 0);
        });
    }
}

#[test]
fn many_players_share_one_nat() {
    for config in [NatConfig::PORT_RESTRICTED, NatConfig::SYMMETRIC] {
        deterministic(420, |world| {
            let (address, nat, first) = server_and_player(world, config);
            let mut pairs = vec![world.connect_pair(first, address).unwrap()];
            for n in 0..7 {
                // All dial from the same port inside.
                let player = world.add_host_behind(nat, &format!("{n}"), HostConfig::default());
                pairs.push(world.connect_pair(player, address).unwrap());
            }
            for pair in &pairs {
                play(world, *pair, 2);
            }
            for pair in pairs {
                all_is_well(world, pair);
            }
            assert_eq!(world.nat_counters(nat).mappings, 8);
        });
    }
}

/// The server knows a connection by its ID and by the address that it comes from, both. When a NAT
/// forgets its mappings, the player comes from another port: a stranger, whose packets are dropped
/// without an answer. Both ends notice by timeout; dialling anew works at once.
#[test]
fn a_nat_that_rebinds_ends_connections_by_timeout() {
    for ((mapping, filtering), seed) in kinds().into_iter().zip(430..) {
        let config = NatConfig::new(mapping, filtering);
        deterministic(seed, |world| {
            let (address, nat, player) = server_and_player(world, config);
            let pair = world.connect_pair(player, address).unwrap();
            play(world, pair, 10);
            let received = world.deliveries(pair.0).unwrap().counts().reliable_received;
            world.rebind_nat(nat);
            play(world, pair, 50);
            both_timed_out(world, pair);
            let after = world.deliveries(pair.0).unwrap().counts().reliable_received;
            // What had left the NAT before still arrived.
            assert!(after <= received + 2, "{received} then {after}");
            assert_eq!(world.nat_counters(nat).mappings, 2);
            assert!(world.nat_counters(nat).unmapped > 0);

            let pair = world.connect_pair(player, address).unwrap();
            play(world, pair, 2);
            all_is_well(world, pair);
        });
    }
}

#[test]
fn a_provider_that_gives_another_address_ends_connections_by_timeout() {
    deterministic(440, |world| {
        let (address, nat, player) = server_and_player(world, NatConfig::FULL_CONE);
        let pair = world.connect_pair(player, address).unwrap();
        play(world, pair, 2);
        let before = world.nat_address(nat);
        assert_ne!(world.change_nat_address(nat), before);
        play(world, pair, 40);
        both_timed_out(world, pair);
        let pair = world.connect_pair(player, address).unwrap();
        play(world, pair, 2);
        all_is_well(world, pair);
    });
}

/// A lifetime below the keepalive interval: the mapping of a silent connection expires. If the new
/// one has the same port nobody notices; if not, the connection is lost.
#[test]
fn a_mapping_that_expires_in_silence_matters_if_its_port_changes() {
    for (ports, survives) in [
        (PortAllocation::Preserving, true),
        (PortAllocation::Random, false),
        (PortAllocation::Sequential, false),
    ] {
        deterministic(441, |world| {
            let config = NatConfig::PORT_RESTRICTED.lifetime(secs(5)).ports(ports);
            let (address, nat, player) = server_and_player(world, config);
            let pair = world.connect_pair(player, address).unwrap();
            play(world, pair, 2);
            world.run_for(secs(60));
            assert!(world.nat_counters(nat).expired > 0);
            if survives {
                play(world, pair, 2);
                all_is_well(world, pair);
            } else {
                both_timed_out(world, pair);
            }
        });
    }
}

#[test]
fn what_is_under_way_when_a_mapping_is_forgotten_is_lost() {
    deterministic(442, |world| {
        world.set_links(far());
        let outside = host(world, "outside");
        let there = world.open_raw(outside, 1);
        let (nat, inside) = behind(world, "inside", NatConfig::FULL_CONE);
        world.send_raw(inside, 5000, there, b"out");
        let from = senders(world, outside, 1)[0];
        world.send_raw(outside, 1, from, b"in");
        world.run_for(ms(20));
        world.rebind_nat(nat);
        assert_eq!(senders(world, inside, 5000), []);
        assert_eq!(world.nat_counters(nat).unmapped, 1);
    });
}

#[test]
fn private_addresses_mean_nothing_outside() {
    deterministic(443, |world| {
        let outside = host(world, "outside");
        let (nat, inside) = behind(world, "inside", NatConfig::FULL_CONE);
        let (_, other) = behind(world, "other", NatConfig::FULL_CONE);
        let private = world.open_raw(inside, 1);
        assert_eq!(private.ip().to_string(), "192.168.0.2");
        for stranger in [outside, other] {
            world.send_raw(stranger, 1, private, b"hello?");
        }
        assert_eq!(senders(world, inside, 1), []);
        // The next door knows it, without the NAT.
        let neighbour = world.add_host_behind(nat, "neighbour", HostConfig::default());
        world.send_raw(neighbour, 1, private, b"hello");
        let address = world.address(neighbour);
        assert_eq!(senders(world, inside, 1), [(address, 1).into()]);
        assert_eq!(world.nat_counters(nat).outward, 0);
    });
}

/// A server at home: what goes out of its port opens it to everybody, if the NAT is of that kind.
#[test]
fn a_server_behind_a_full_cone_can_be_reached() {
    for (config, is_reached) in [
        (NatConfig::FULL_CONE, true),
        (NatConfig::PORT_RESTRICTED, false),
    ] {
        deterministic(444, |world| {
            world.set_links(far());
            let player = host(world, "player");
            let (nat, server) = behind(world, "server", config);
            world.listen(server, PORT);
            let anywhere = SocketAddr::from(([10, 99, 0, 1], 9));
            world.send_raw(server, PORT, anywhere, b"open up");
            let address = (world.nat_address(nat), PORT).into();
            let result = world.connect_pair(player, address);
            assert_eq!(result.is_ok(), is_reached);
            if let Ok(pair) = result {
                play(world, pair, 5);
                all_is_well(world, pair);
            }
        });
    }
}

#[test]
fn neighbours_reach_each_other_from_outside_only_by_hairpin() {
    for has_hairpin in [true, false] {
        deterministic(445, |world| {
            let config = NatConfig::FULL_CONE.hairpin(has_hairpin);
            let (nat, server) = behind(world, "server", config);
            let player = world.add_host_behind(nat, "player", HostConfig::default());
            let inside = world.listen(server, PORT);
            world.send_raw(server, PORT, ([10, 99, 0, 1], 9).into(), b"open up");

            let outside = (world.nat_address(nat), PORT).into();
            let result = world.connect_pair(player, outside);
            assert_eq!(result.is_ok(), has_hairpin);
            let counters = world.nat_counters(nat);
            assert_eq!(counters.hairpinned > 0, has_hairpin);
            assert_eq!(counters.not_hairpinned > 0, !has_hairpin);
            if let Ok(pair) = result {
                play(world, pair, 2);
                all_is_well(world, pair);
            }
            let pair = world.connect_pair(player, inside).unwrap();
            play(world, pair, 2);
            all_is_well(world, pair);
        });
    }
}

/// A home router behind the provider's NAT.
#[test]
fn a_player_behind_two_nats_plays() {
    deterministic(446, |world| {
        world.set_links(far());
        let server = host(world, "server");
        let address = world.listen(server, PORT);
        let provider = world.add_nat("provider", NatConfig::SYMMETRIC);
        let homes = ["first", "second"].map(|name| {
            let home = world.add_nat_behind(provider, name, NatConfig::PORT_RESTRICTED);
            (
                home,
                world.add_host_behind(home, name, HostConfig::default()),
            )
        });
        let pairs = homes.map(|(_, player)| world.connect_pair(player, address).unwrap());
        for pair in pairs {
            play(world, pair, 20);
            all_is_well(world, pair);
        }
        assert_eq!(world.nat_counters(provider).mappings, 2);
        assert_eq!(world.nat_counters(homes[0].0).mappings, 1);
        let story = format!("{world:?}");
        for part in [
            "nat provider at 10.0.0.2: ",
            "maps 192.168.1.2:49152 to 192.168.0.2:49152",
        ] {
            assert!(story.contains(part), "{part:?} is missing in:\n{story}");
        }
        // Only one of the two loses its mappings.
        world.rebind_nat(homes[0].0);
        play(world, pairs[0], 40);
        both_timed_out(world, pairs[0]);
        all_is_well(world, pairs[1]);
    });
}
