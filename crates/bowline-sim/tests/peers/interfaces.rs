//! Addresses that come and go while peers are connected: a cable that is pulled, another network, another address
//! in the same one. A host looks at its interfaces every three seconds, so that it learns of a change up to
//! that much later.

use std::cell::Cell;
use std::net::IpAddr;
use std::rc::Rc;

use bowline_sim::{
    Conn, ConnectionState, Family, HostId, LinkConfig, NatBehaviour, NatConfig, SendFlags, Span,
    Timestamp, Verdict, World,
};

use crate::support::{meet, ms, named, port, secs, serve_stun, story, talk, with};

/// How long a host may take to notice.
const LOOK: u64 = 3_000;
/// How long after that data may be under way.
const PATIENCE: Span = secs(3);
const SEEDS: u64 = 12;
const FAMILIES: [Family; 2] = [Family::V4, Family::V6];

/// Two peers and the addresses that they have.
struct Stage {
    world: World,
    hosts: [HostId; 2],
    addresses: [Vec<IpAddr>; 2],
    /// The address that data of each left from last.
    last: [Rc<Cell<Option<IpAddr>>>; 2],
}

impl Stage {
    /// So many addresses of a family for each.
    fn new(seed: u64, family: Family, counts: [usize; 2]) -> Self {
        let mut world = World::new(seed);
        world.set_links(LinkConfig::PERFECT.latency(ms(15)));
        let hosts = ["alice", "bob"].map(|name| world.add_host(name, named(name)));
        Self::with(world, hosts, family, counts)
    }

    fn with(mut world: World, hosts: [HostId; 2], family: Family, counts: [usize; 2]) -> Self {
        let mut addresses = [Vec::new(), Vec::new()];
        for (who, host) in hosts.into_iter().enumerate() {
            addresses[who].extend((0..counts[who]).map(|_| world.add_address(host, family)));
            world.set_peer_ways(host, &addresses[who]);
        }
        world.listen_p2p(hosts[1], port()).unwrap();
        Self {
            world,
            hosts,
            addresses,
            last: Default::default(),
        }
    }

    fn connect(&mut self) -> [Conn; 2] {
        let [alice, bob] = self.hosts;
        let ours = self.world.connect_p2p(alice, bob, port()).unwrap();
        let theirs = meet(&mut self.world, ours, secs(5));
        // A better way may be found after the first.
        self.world.run_for(secs(2));
        let last = self.last.clone();
        let addresses = self.addresses.clone();
        self.world.set_filter(move |_, datagram| {
            let from = datagram.from.ip();
            let is_data = datagram.bytes.first().is_some_and(|byte| byte & 0x80 != 0);
            for (addresses, last) in addresses.iter().zip(&last) {
                if is_data && addresses.contains(&from) {
                    last.set(Some(from));
                }
            }
            Verdict::Pass
        });
        talk(&mut self.world, (ours, theirs));
        [ours, theirs]
    }

    /// Takes the address away that data of `who` leaves from.
    fn cut(&mut self, who: usize) {
        let address = self.last[who].get().expect("it has sent");
        self.addresses[who].retain(|known| *known != address);
        self.world.cut_address(self.hosts[who], address);
    }

    fn add(&mut self, who: usize, family: Family) {
        let address = self.world.add_address(self.hosts[who], family);
        self.addresses[who].push(address);
    }

    fn look(&mut self, who: usize) {
        let (host, addresses) = (self.hosts[who], &self.addresses[who]);
        self.world.set_peer_ways(host, addresses);
    }

    /// Has both send, and `who` look at its interfaces `later`. Tells how long it took until both had what was sent.
    fn recover(&mut self, who: usize, later: Span, ends: [Conn; 2]) -> Span {
        let since = self.world.now();
        for conn in ends {
            let sent = self.world.send(conn, SendFlags::RELIABLE, b"still there?");
            assert!(sent.is_ok());
        }
        self.world.run_for(later);
        self.look(who);
        for conn in ends {
            let arrived = self.world.wait_for_delivery(conn, PATIENCE);
            if let Err(stuck) = arrived {
                let stories = ends.map(|end| story(&self.world, end));
                panic!("{stuck}\n{}\n{}", stories[0], stories[1]);
            }
        }
        let took = self.world.now().since(since);
        self.world.run_for(secs(40));
        for conn in ends {
            assert_eq!(self.world.state(conn), ConnectionState::Connected);
        }
        talk(&mut self.world, (ends[0], ends[1]));
        took
    }
}

/// Between nothing and all that a look may be late, by the seed.
fn lateness(seed: u64) -> Span {
    ms(seed * 977 % LOOK)
}

fn slowest(times: &mut Timestamp, took: Span) {
    *times = (*times).max(Timestamp::ZERO + took);
}

#[test]
fn what_went_over_an_interface_that_is_gone_goes_over_another() {
    for family in FAMILIES {
        for who in 0..2 {
            let mut worst = Timestamp::ZERO;
            for seed in 0..SEEDS {
                let mut stage = Stage::new(seed, family, [2, 2]);
                let ends = stage.connect();
                stage.cut(who);
                let took = stage.recover(who, lateness(seed), ends);
                slowest(&mut worst, took);
            }
            assert!(worst <= Timestamp::ZERO + secs(5), "{family:?}: {worst}");
        }
    }
}

#[test]
fn another_address_takes_the_place_of_the_only_one() {
    for family in FAMILIES {
        for who in 0..2 {
            for seed in 0..SEEDS {
                let mut stage = Stage::new(seed, family, [1, 1]);
                let ends = stage.connect();
                stage.cut(who);
                stage.add(who, family);
                stage.recover(who, lateness(seed), ends);
            }
        }
    }
}

#[test]
fn an_interface_that_appears_takes_over_from_one_that_goes() {
    for family in FAMILIES {
        for who in 0..2 {
            for seed in 0..SEEDS {
                let mut stage = Stage::new(seed, family, [1, 2]);
                let ends = stage.connect();
                stage.add(who, family);
                stage.look(who);
                stage.world.run_for(ms(seed * 200));
                stage.cut(who);
                stage.recover(who, lateness(seed), ends);
            }
        }
    }
}

/// From Wi-Fi to mobile that has the other family only.
#[test]
fn a_host_moves_to_the_other_family() {
    for (from, to) in [(Family::V4, Family::V6), (Family::V6, Family::V4)] {
        for who in 0..2 {
            for seed in 0..SEEDS {
                let mut stage = Stage::new(seed, from, [1, 1]);
                for host in 0..2 {
                    if host != who {
                        stage.add(host, to);
                        stage.look(host);
                    }
                }
                let ends = stage.connect();
                stage.cut(who);
                stage.add(who, to);
                stage.recover(who, lateness(seed), ends);
            }
        }
    }
}

#[test]
fn both_may_move_at_the_same_time() {
    for family in FAMILIES {
        for seed in 0..SEEDS {
            let mut stage = Stage::new(seed, family, [1, 1]);
            let ends = stage.connect();
            for who in 0..2 {
                stage.cut(who);
                stage.add(who, family);
            }
            stage.look(1);
            stage.recover(0, lateness(seed), ends);
        }
    }
}

/// Each lets in only whom it has sent to: the new mapping has to be told by signals.
#[test]
fn behind_nats_the_new_address_is_told() {
    for who in 0..2 {
        for seed in 0..SEEDS {
            let mut world = World::new(seed);
            world.set_links(LinkConfig::PERFECT.latency(ms(15)));
            let (_, server, _) = serve_stun(&mut world);
            let hosts = ["alice", "bob"].map(|name| {
                let restricted = NatConfig::new(
                    NatBehaviour::EndpointIndependent,
                    NatBehaviour::AddressAndPortDependent,
                );
                let nat = world.add_nat(&format!("{name}'s router"), restricted);
                let servers = server.to_string();
                let host = with(name, |config| {
                    config.set_stun_servers(&servers).unwrap();
                });
                world.add_host_behind(nat, name, host)
            });
            let mut stage = Stage::with(world, hosts, Family::V4, [1, 1]);
            let ends = stage.connect();
            stage.cut(who);
            stage.add(who, Family::V4);
            stage.recover(who, lateness(seed), ends);
        }
    }
}

/// An address that comes back before anybody has looked was never gone.
#[test]
fn a_look_that_finds_nothing_new_changes_nothing() {
    let mut stage = Stage::new(1, Family::V4, [2, 2]);
    let ends = stage.connect();
    let before = ends.map(|end| story(&stage.world, end));
    for who in 0..2 {
        stage.look(who);
    }
    stage.world.run_for(secs(5));
    assert_eq!(ends.map(|end| story(&stage.world, end)), before);
}

/// Without any address a connection waits, and goes on if one comes before it counts as lost.
#[test]
fn a_host_may_be_without_any_network_for_a_while() {
    for (gone_secs, is_lost) in [(6, false), (25, true)] {
        let mut stage = Stage::new(1, Family::V4, [1, 1]);
        let [ours, theirs] = stage.connect();
        stage.cut(0);
        stage.look(0);
        stage.world.run_for(secs(gone_secs));
        stage.add(0, Family::V4);
        stage.look(0);
        if is_lost {
            stage.world.run_for(secs(10));
            assert!(stage.world.state(ours).is_closed());
            assert!(stage.world.state(theirs).is_closed());
        } else {
            stage.recover(0, Span::ZERO, [ours, theirs]);
        }
    }
}

/// Of two requests that cross one is dropped, with the addresses in it. Where they are many, the peer had to wait a
/// second for them to come again.
#[test]
fn regression_who_answers_a_crossing_request_tells_everything_again() {
    for seed in 0..SEEDS {
        let mut world = World::new(seed);
        world.set_links(LinkConfig::PERFECT.latency(ms(15)));
        let hosts = ["alice", "bob"].map(|name| {
            let host = with(name, |config| {
                config.set_symmetric_connect(true).unwrap();
            });
            let host = world.add_host(name, host);
            let addresses = [(); 6].map(|()| world.add_address(host, Family::V6));
            world.set_peer_ways(host, &addresses);
            world.listen_p2p(host, port()).unwrap();
            host
        });
        let [alice, bob] = hosts;
        let ours = world.connect_p2p(alice, bob, port()).unwrap();
        let theirs = world.connect_p2p(bob, alice, port()).unwrap();
        world.run_for(ms(500));
        for conn in [ours, theirs] {
            assert_eq!(world.state(conn), ConnectionState::Connected);
            let story = story(&world, conn);
            let knows = story.contains("the peer's password is known");
            assert!(knows, "seed {seed}\n{story}");
        }
    }
}
