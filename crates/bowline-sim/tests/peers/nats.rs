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

/// Whether packets get through both NATs without a relay.
///
/// - A mapping that is the same for everybody is what the STUN server told. With two such, each side opens its own NAT
///   by sending to what the other was told.
/// - If one side has another port towards the peer than it was told, it can reach the peer, unless that one's NAT lets
///   in only what comes from a port that was sent to: nobody knows this port before.
/// - If both have, one of the NATs must let anybody in through the port that was told. The answer comes from yet another
///   port, which the other NAT must let in. And one of the two must keep its port when the peer's changes, or each would
///   chase the other for ever.
pub(crate) fn is_direct(a: Kind, b: Kind) -> bool {
    use NatBehaviour::{AddressAndPortDependent, EndpointIndependent};
    let is_told = |(mapping, _): Kind| mapping == EndpointIndependent;
    let is_open = |(_, filtering): Kind| filtering == EndpointIndependent;
    let lets_other_ports_in = |(_, filtering): Kind| filtering != AddressAndPortDependent;
    let keeps_its_port = |(mapping, _): Kind| mapping != AddressAndPortDependent;
    match (is_told(a), is_told(b)) {
        (true, true) => true,
        (true, false) => lets_other_ports_in(a),
        (false, true) => lets_other_ports_in(b),
        (false, false) => {
            let can_begin =
                is_open(a) && lets_other_ports_in(b) || is_open(b) && lets_other_ports_in(a);
            can_begin && (keeps_its_port(a) || keeps_its_port(b))
        }
    }
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

/// The cell of the page that tells of these two: its table has a row and a column for each of [`kinds`], in that order.
fn on_the_page(row: usize, column: usize) -> &'static str {
    const PAGE: &str = include_str!("../../../../docs/nat-matrix.md");
    let (_, table) = PAGE.split_once("<!-- theory -->\n").unwrap();
    let line = table.lines().nth(2 + row).unwrap();
    line.split('|').nth(2 + column).unwrap().trim()
}

#[test]
fn the_page_says_the_same() {
    for (row, a) in kinds().into_iter().enumerate() {
        for (column, b) in kinds().into_iter().enumerate() {
            let expected = if is_direct(a, b) { "direct" } else { "relay" };
            assert_eq!(on_the_page(row, column), expected, "{a:?} {b:?}");
        }
    }
}

#[test]
fn every_pair_of_nats_that_can_be_crossed_is_and_no_other() {
    for (index, a) in kinds().into_iter().enumerate() {
        for (other, b) in kinds().into_iter().enumerate() {
            let seed = (index * 100 + other) as u64;
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
    for (index, a) in kinds().into_iter().enumerate() {
        for (other, b) in kinds().into_iter().enumerate() {
            let seed = (index * 100 + other) as u64;
            let (mut world, alice, bob) = world_of(seed, [a, b], true);
            let ours = world.connect_p2p(alice, bob, port()).unwrap();
            let theirs = meet(&mut world, ours, secs(8));
            talk(&mut world, (ours, theirs));
        }
    }
}
