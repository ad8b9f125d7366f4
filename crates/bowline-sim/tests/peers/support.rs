//! What the scenarios of peers share.

use std::cell::RefCell;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;

use bowline_core::config::Config;
use bowline_sim::stun_server::{StunServer, StunServerConfig};
use bowline_sim::{
    Conn, ConnectionState, HostConfig, HostId, Identity, LinkConfig, Span, VirtualPort, World,
};

/// The virtual port that is listened on.
pub(crate) fn port() -> VirtualPort {
    VirtualPort::from(7)
}

pub(crate) const fn ms(millis: u64) -> Span {
    Span::from_millis(millis)
}

pub(crate) const fn secs(secs: u64) -> Span {
    Span::from_secs(secs)
}

/// A host known by its name.
pub(crate) fn named(name: &str) -> HostConfig {
    HostConfig {
        identity: format!("str:{name}").parse::<Identity>().unwrap(),
        ..HostConfig::default()
    }
}

/// The same with other settings.
pub(crate) fn with(name: &str, set: impl FnOnce(&mut Config)) -> HostConfig {
    let mut config = named(name);
    set(&mut config.connection);
    config
}

/// Two hosts in one network, 5 ms apart, of which the second listens.
pub(crate) fn two(seed: u64) -> (World, HostId, HostId) {
    two_as(seed, named("alice"), named("bob"))
}

pub(crate) fn two_as(seed: u64, alice: HostConfig, bob: HostConfig) -> (World, HostId, HostId) {
    let mut world = World::new(seed);
    world.set_links(LinkConfig::PERFECT.latency(ms(5)));
    let alice = world.add_host("alice", alice);
    let bob = world.add_host("bob", bob);
    for host in [alice, bob] {
        world.open_peer_socket(host);
    }
    world.listen_p2p(bob, port()).unwrap();
    (world, alice, bob)
}

/// Waits until both ends are connected; returns the other end.
pub(crate) fn meet(world: &mut World, conn: Conn, limit: Span) -> Conn {
    let both = |world: &World| {
        let peer = world.peer_of(conn)?;
        let up = |conn| world.state(conn) == ConnectionState::Connected;
        (up(conn) && up(peer)).then_some(peer)
    };
    let waited = world.wait_for("both peers to be connected", limit, |world| {
        both(world).is_some()
    });
    if let Err(stuck) = waited {
        panic!("{stuck}\n{}", story(world, conn));
    }
    both(world).unwrap()
}

/// Messages both ways arrive.
pub(crate) fn talk(world: &mut World, ends: (Conn, Conn)) {
    for conn in [ends.0, ends.1] {
        for size in [1, 1_000, 50_000] {
            let data = vec![size as u8; size];
            world
                .send(conn, bowline_sim::SendFlags::RELIABLE, &data)
                .unwrap();
        }
    }
    for conn in [ends.0, ends.1] {
        world.wait_for_delivery(conn, secs(10)).unwrap();
    }
    world.verify().unwrap();
}

/// How a connection came about, or did not.
pub(crate) fn story(world: &World, conn: Conn) -> String {
    let entries = world.connection(conn).map(|connection| connection.story());
    let lines = entries.into_iter().flatten();
    lines
        .map(|entry| format!("  {} {}\n", entry.at, entry.what))
        .collect()
}

/// The account at [`serve_stun`].
pub(crate) const ACCOUNT: (&str, &str) = ("player", "secret");

/// A host that is a STUN and TURN server, and its address.
pub(crate) fn serve_stun(world: &mut World) -> (HostId, SocketAddr, Rc<RefCell<StunServer>>) {
    let host = world.add_host("stun", HostConfig::default());
    let address = SocketAddr::new(world.address(host), 3478);
    let IpAddr::V4(ip) = address.ip() else {
        panic!("IPv4 expected")
    };
    let (user, password) = ACCOUNT;
    let server = StunServer::new(StunServerConfig {
        address,
        relay_ipv4: Some(ip),
        account: Some((user.into(), password.into())),
        ..StunServerConfig::default()
    });
    let server = Rc::new(RefCell::new(server));
    let serving = Rc::clone(&server);
    world.serve(host, move |now, datagram| {
        serving.borrow_mut().handle(now, datagram)
    });
    (host, address, server)
}
