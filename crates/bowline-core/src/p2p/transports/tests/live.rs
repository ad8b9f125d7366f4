//! Two connections between which there are two transports, packet by packet.

use alloc::boxed::Box;

use super::*;
use crate::connection::Connection;
use crate::crypto::kdf::Role;
use crate::handshake::session::Session;
use crate::ids::LaneIndex;
use crate::ids::PathId;
use crate::ids::VirtualPort;
use crate::message::Outgoing;
use crate::message::SendFlags;
use crate::p2p::Party;
use crate::p2p::Ports;
use crate::pair::Pair;
use crate::rng::Rng;
use crate::transmit::DatagramMeta;
use crate::transmit::TransmitBuf;

/// Two ends that are connected, made into ends of a connection between peers that has these transports.
struct Ends {
    now: Timestamp,
    ends: [Connection; 2],
    /// One-way delay of ICE and of the relay; `None` if nothing gets through.
    delays: [Option<u64>; 2],
    under_way: Vec<(Timestamp, usize, Via, Vec<u8>)>,
    /// Data packets by kind.
    sent: [usize; 2],
}

impl Ends {
    fn new(delays: [Option<u64>; 2]) -> Self {
        let (mut pair, ours, theirs) = Pair::connected();
        let now = pair.now;
        let mut ends = [
            pair.client.connections.remove(&ours).unwrap(),
            pair.server.connections.remove(&theirs).unwrap(),
        ];
        for (connection, role) in ends.iter_mut().zip([Role::Client, Role::Server]) {
            let port = VirtualPort::from(1);
            let ports = Ports {
                local: port,
                remote: port,
            };
            let mut rng = Rng::from_seed([7; 32]);
            let policy = connection.config.encryption();
            let session = Session::new(&connection.host, &mut rng, connection.id, role, policy);
            let party = Party::new(now, role, ports, Some(session), rng);
            connection.path = crate::connection::Path::between_peers(1300);
            connection.party = Some(Box::new(party));
        }
        Self {
            now,
            ends,
            delays,
            under_way: Vec::new(),
            sent: [0; 2],
        }
    }

    fn offer(&mut self, kind: Kind) {
        for connection in &mut self.ends {
            connection.offer_transport(self.now, kind, route(kind), None);
        }
    }

    fn taken(&self) -> [Option<Via>; 2] {
        [0, 1].map(|end| self.ends[end].party.as_ref().unwrap().way.via())
    }

    /// Lets so many milliseconds pass, one by one.
    fn pass(&mut self, ms: u64) {
        for _ in 0..ms {
            self.now += Span::from_millis(1);
            let due = self.under_way.extract_if(.., |(at, ..)| *at <= self.now);
            for (_, to, via, mut bytes) in due.collect::<Vec<_>>() {
                let meta = DatagramMeta {
                    path: PathId::PEER,
                    ecn: None,
                    via: Some(via),
                };
                self.ends[to].handle_datagram(self.now, &meta, &mut bytes);
            }
            for from in [0, 1] {
                self.poll(from);
            }
        }
    }

    fn poll(&mut self, from: usize) {
        let connection = &mut self.ends[from];
        if connection
            .poll_timeout()
            .is_some_and(|(at, _)| at <= self.now)
        {
            connection.handle_timeout(self.now);
        }
        let mut buf = TransmitBuf::new(8);
        while let Some(transmit) = connection.poll_transmit(self.now, &mut buf) {
            let via = transmit.via.unwrap();
            let kind = usize::from(via == route(RELAY).via);
            for packet in buf.datagrams(&transmit) {
                self.sent[kind] += 1;
                if let Some(delay) = self.delays[kind] {
                    let at = self.now + Span::from_millis(delay);
                    self.under_way.push((at, 1 - from, via, packet.to_vec()));
                }
            }
            buf.clear();
        }
        while connection.poll_event().is_some() {}
        while connection.poll_endpoint().is_some() {}
        while connection.receive(self.now).is_some() {}
    }

    fn send(&mut self, bytes: usize) {
        let data = alloc::vec![7; bytes];
        let message = Outgoing::new(LaneIndex::ZERO, SendFlags::RELIABLE, &data);
        self.ends[0].send(self.now, message).unwrap();
    }

    fn ping_ms(&self) -> Option<u32> {
        self.ends[0].telemetry.ping.smoothed_ms()
    }
}

/// A better transport that comes later is asked after, answers, and is taken by both; what was measured of the
/// first one is forgotten, and nothing is lost.
#[test]
fn both_ends_move_to_the_better_transport_and_measure_it_anew() {
    let mut ends = Ends::new([Some(10), Some(100)]);
    ends.offer(RELAY);
    ends.send(50_000);
    ends.pass(3_000);
    assert_eq!(ends.taken(), [Some(route(RELAY).via); 2]);
    assert!(ends.ping_ms() >= Some(200));
    ends.offer(ICE);
    ends.pass(1_500);
    assert_eq!(ends.taken(), [Some(route(ICE).via); 2]);
    let relayed = ends.sent[1];
    ends.send(300_000);
    ends.pass(2_000);
    assert!(ends.ping_ms() <= Some(25), "{:?}", ends.ping_ms());
    assert!(ends.ends[0].sender.smoothed_rtt() <= Some(Span::from_millis(30)));
    assert!(ends.ends[0].sender.is_drained());
    // The relay is not used for it, and is asked after now and then.
    assert!(ends.sent[1] - relayed <= 12, "{:?}", ends.sent);
    ends.pass(30_000);
    assert!(ends.sent[1] - relayed >= 6, "{:?}", ends.sent);
}

/// What is taken falls silent: the other one takes its place, and what was under way is sent again.
#[test]
fn a_spare_transport_takes_the_place_of_one_that_falls_silent() {
    let mut ends = Ends::new([Some(10), Some(100)]);
    ends.offer(RELAY);
    ends.offer(ICE);
    ends.pass(3_000);
    assert_eq!(ends.taken(), [Some(route(ICE).via); 2]);
    ends.delays[0] = None;
    ends.send(50_000);
    ends.pass(5_000);
    assert_eq!(ends.taken(), [Some(route(RELAY).via); 2]);
    ends.pass(5_000);
    assert!(ends.ends[0].sender.is_drained());
    assert!(ends.ends.iter().all(|end| end.state.is_active()));
}
