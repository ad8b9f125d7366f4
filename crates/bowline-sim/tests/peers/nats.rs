//! Peers behind NATs of all kinds, who know a STUN server, and perhaps a TURN server.

use bowline_sim::{ConnectionState, EndReason, HostId, LinkConfig, NatBehaviour, NatConfig, World};

use crate::support::{ACCOUNT, meet, ms, port, secs, serve_stun, story, talk, with};

/// Mapping and filtering (RFC 4787).
type Kind = (NatBehaviour, NatBehaviour);

fn kinds() -> Vec<Kind> {
    let all = NatBehaviour::ALL.into_iter();
    let with_all = |mapping| NatBehaviour::ALL.map(|filtering| (mapping, filtering));
    all.flat_map(with_all).collect()
}

fn nat((mapping, filtering): Kind) -> NatConfig {
    NatConfig::new(mapping, filtering)
}

/// Whether packets get through both NATs without a relay, as the page says. Its table has a row and a column for each
/// of [`kinds`], in that order.
pub(crate) fn is_direct(a: Kind, b: Kind) -> bool {
    const PAGE: &str = include_str!("../../../../docs/nat-matrix.md");
    let place = |kind| kinds().iter().position(|each| *each == kind).unwrap();
    let (_, table) = PAGE.split_once("<!-- theory -->\n").unwrap();
    let row = table.lines().nth(2 + place(a)).unwrap();
    let cell = row.split('|').nth(2 + place(b)).unwrap().trim();
    assert!(["direct", "relay"].contains(&cell), "{cell:?}");
    cell == "direct"
}

fn behind(world: &mut World, name: &str, kind: Kind, servers: &Servers) -> HostId {
    let router = world.add_nat(&format!("{name}'s router"), nat(kind));
    let host = with(name, |config| {
        config.set_stun_servers(&servers.list).unwrap();
        if servers.has_turn {
            config.set_turn_servers(&servers.list, &[ACCOUNT]).unwrap();
        }
    });
    let host = world.add_host_behind(router, name, host);
    world.open_peer_socket(host);
    host
}

struct Servers {
    list: String,
    has_turn: bool,
}

fn world_of(seed: u64, kinds: [Kind; 2], has_turn: bool) -> (World, HostId, HostId) {
    let mut world = World::new(seed);
    world.set_links(LinkConfig::PERFECT.latency(ms(20)));
    let (_, address, _) = serve_stun(&mut world);
    let servers = Servers {
        list: address.to_string(),
        has_turn,
    };
    let alice = behind(&mut world, "alice", kinds[0], &servers);
    let bob = behind(&mut world, "bob", kinds[1], &servers);
    world.listen_p2p(bob, port()).unwrap();
    (world, alice, bob)
}

#[test]
fn every_pair_of_nats_that_can_be_crossed_is_and_no_other() {
    for (row, a) in kinds().into_iter().enumerate() {
        for (column, b) in kinds().into_iter().enumerate() {
            let seed = (row * 100 + column) as u64;
            let (mut world, alice, bob) = world_of(seed, [a, b], false);
            let ours = world.connect_p2p(alice, bob, port()).unwrap();
            if is_direct(a, b) {
                let theirs = meet(&mut world, ours, secs(8));
                talk(&mut world, (ours, theirs));
                continue;
            }
            world.run_for(secs(12));
            let info = world.info(ours);
            let text = story(&world, ours);
            assert_ne!(
                info.state,
                ConnectionState::Connected,
                "{a:?} {b:?}\n{text}"
            );
            assert_eq!(info.end_reason, EndReason::MISC_P2P_NAT_FIREWALL, "{text}");
        }
    }
}

#[test]
fn with_a_relay_every_pair_of_nats_is_crossed() {
    for (row, a) in kinds().into_iter().enumerate() {
        for (column, b) in kinds().into_iter().enumerate() {
            let seed = (row * 100 + column) as u64;
            let (mut world, alice, bob) = world_of(seed, [a, b], true);
            let ours = world.connect_p2p(alice, bob, port()).unwrap();
            let theirs = meet(&mut world, ours, secs(8));
            talk(&mut world, (ours, theirs));
        }
    }
}
