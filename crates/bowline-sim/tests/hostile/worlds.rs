//! A scripted peer on a host of a simulated network: what strangers elsewhere can do to its connection.

use bowline_core::connection::ConnectionState;
use bowline_core::crypto::kdf::Role;
use bowline_core::end_reason::EndReason;
use bowline_core::extensions::{Extension, ExtensionSet};
use bowline_core::message::SendFlags;
use bowline_core::time::Span;
use bowline_core::wire::udp;
use bowline_sim::scripted::{Script, ScriptedPeer};
use bowline_sim::{Chance, Conn, HostConfig, HostId, LinkConfig, World};

use std::net::SocketAddr;

use crate::support::LANE;

const PORT: u16 = 4000;

/// A server, and a scripted client on another host that is connected to it.
struct Net {
    world: World,
    peer: ScriptedPeer,
    host: HostId,
    server: SocketAddr,
    /// The server's end.
    conn: Conn,
}

impl Net {
    fn new(seed: u64, links: LinkConfig, extensions: ExtensionSet) -> Self {
        let mut world = World::new(seed);
        world.set_links(links);
        let server = world.add_host("server", HostConfig::default());
        let address = world.listen(server, 27_015);
        let host = world.add_host("scripted", HostConfig::default());
        world.open_raw(host, PORT);
        let script = Script {
            extensions,
            ..Script::default()
        };
        let peer = ScriptedPeer::new(Role::Client, seed, script);
        let conn = Conn {
            host: server,
            id: peer.id(),
        };
        let mut net = Self {
            world,
            peer,
            host,
            server: address,
            conn,
        };
        while !net.peer.is_connected() {
            let first = net.peer.start(net.world.now());
            net.send(vec![first]);
            net.run(Span::from_millis(500));
        }
        net.conn = net.world.connections(server)[0];
        net
    }

    fn send(&mut self, datagrams: Vec<Vec<u8>>) {
        for datagram in datagrams {
            self.world.send_raw(self.host, PORT, self.server, &datagram);
        }
    }

    /// Lets time pass while the peer answers what arrives.
    fn run(&mut self, span: Span) {
        let end = self.world.now() + span;
        while self.world.now() < end {
            self.world.run_for(Span::from_millis(1));
            for datagram in self.world.raw_inbox(self.host, PORT) {
                let answers = self.peer.handle(self.world.now(), &datagram.bytes);
                self.send(answers);
            }
        }
    }
}

#[test]
fn class_24_a_network_that_doubles_and_swaps_packets_changes_nothing() {
    let links = LinkConfig::PERFECT
        .latency(Span::from_millis(20))
        .jitter_out_of_order(Span::from_millis(15))
        .duplicate(Chance::percent(30), Span::from_millis(7))
        .loss(Chance::percent(10));
    let mut net = Net::new(5, links, ExtensionSet::NONE);
    for n in 0..100u8 {
        let datagrams = net.peer.send_reliable(LANE, &[n; 500]);
        net.send(datagrams);
        net.world
            .send(net.conn, SendFlags::RELIABLE, &[n; 500])
            .unwrap();
        net.run(Span::from_millis(5));
    }
    while net.peer.unacked_packets() > 0 {
        let again = net.peer.resend();
        net.send(again);
        net.run(Span::from_millis(200));
    }
    net.run(Span::from_secs(5));
    let order: Vec<u8> = (0..100).collect();
    let mut received = Vec::new();
    while let Some(message) = net.world.receive(net.conn) {
        assert_eq!(message.data.len(), 500);
        received.push(message.data[0]);
    }
    assert_eq!(received, order);
    let heard = net.peer.take_messages();
    let heard: Vec<u8> = heard.iter().map(|message| message.data[0]).collect();
    assert_eq!(heard, order);
}

/// Who knows both connection IDs and both addresses can end a connection of a GNS peer (wire.md 8.3); not
/// one whose ends close inside the encryption.
#[test]
fn class_27_a_forged_close_ends_no_connection_that_seals_its_own() {
    let sealed = ExtensionSet::NONE.with(Extension::SealedClose);
    for (extensions, survives) in [(ExtensionSet::NONE, false), (sealed, true)] {
        let links = LinkConfig::PERFECT.latency(Span::from_millis(10));
        let mut net = Net::new(6, links, extensions);
        // The server knows by a packet that the client has keys.
        let hello = net.peer.send_unreliable(LANE, b"hello");
        net.send(vec![hello]);
        net.run(Span::from_millis(100));
        let mallory = net.world.add_host("mallory", HostConfig::default());
        let own_address = net.world.open_raw(net.host, PORT);
        let (to, from) = (Some(net.conn.id), Some(net.peer.id()));
        let mut closed = Vec::new();
        udp::ConnectionClosed {
            to,
            from,
            reason: EndReason::new(1000),
            text: String::new(),
            rejection: None,
        }
        .encode(&mut closed);
        let mut gone = Vec::new();
        udp::NoConnection { to, from }.encode(&mut gone);
        for datagram in [&closed, &gone] {
            let server = net.server;
            net.world
                .send_spoofed(mallory, own_address, server, datagram);
        }
        net.run(Span::from_secs(2));
        let state = net.world.state(net.conn);
        assert_eq!(state == ConnectionState::Connected, survives, "{state}");
        // The same from its own address says nothing to anybody.
        let mut other = Net::new(7, links, extensions);
        let stranger = other.world.add_host("stranger", HostConfig::default());
        let server = other.server;
        other.world.send_raw(stranger, PORT, server, &closed);
        other.run(Span::from_millis(100));
        assert_eq!(other.world.state(other.conn), ConnectionState::Connected);
    }
}
