//! A network without delay, with servers, clients and peers.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use bowline_core::rng::Rng;
use bowline_core::stun::AddressFamily;
use bowline_core::turn::{TurnClient, TurnConfig, TurnInput, TurnState};
use bowline_sim::stun_server::{StunServer, StunServerConfig};
use bowline_sim::{Datagram, Span, Timestamp};

/// A client at an address, and what it got from whom.
pub(crate) struct Side {
    pub(crate) address: SocketAddr,
    pub(crate) client: TurnClient,
    pub(crate) received: Vec<(SocketAddr, Vec<u8>)>,
}

/// Clients, servers and peers without clients, in a network without delay.
pub(crate) struct Net {
    pub(crate) now: Timestamp,
    pub(crate) servers: Vec<(SocketAddr, StunServer)>,
    pub(crate) sides: Vec<Side>,
    /// What came to addresses that are nobody else's.
    peers: BTreeMap<SocketAddr, Vec<(SocketAddr, Vec<u8>)>>,
    /// Datagrams that clients have sent.
    pub(crate) sent: u64,
    /// Times that a client was woken.
    woken: u64,
    /// Of a hundred datagrams, how many are lost.
    pub(crate) loss_pct: u32,
    luck: Rng,
}

impl Net {
    pub(crate) fn new(config: StunServerConfig) -> Self {
        Self {
            now: Timestamp::ZERO + Span::from_secs(1),
            servers: vec![(config.address, StunServer::new(config))],
            sides: Vec::new(),
            peers: BTreeMap::new(),
            sent: 0,
            woken: 0,
            loss_pct: 0,
            luck: Rng::from_seed([9; 32]),
        }
    }

    /// A network with one client that has an allocation.
    pub(crate) fn allocated() -> Self {
        let mut net = Self::new(StunServerConfig::default());
        net.add(AddressFamily::Ipv4);
        net.run_for(Span::ZERO);
        assert!(matches!(net.state(0), TurnState::Allocated { .. }));
        net
    }

    /// Adds a client that begins at once, with the credentials of the default server.
    pub(crate) fn add(&mut self, family: AddressFamily) -> usize {
        self.add_as("anna", "secret", family)
    }

    pub(crate) fn add_as(&mut self, user: &str, password: &str, family: AddressFamily) -> usize {
        let index = self.sides.len();
        let config = TurnConfig {
            server: self.servers[0].0,
            user: user.into(),
            password: String::from(password).into(),
            family,
        };
        let mut client = TurnClient::new(config, Rng::from_seed([index as u8; 32]));
        client.start(self.now);
        self.sides.push(Side {
            address: SocketAddr::from(([203, 0, 113, 7 + index as u8], 4000)),
            client,
            received: Vec::new(),
        });
        index
    }

    pub(crate) fn server(&mut self) -> &mut StunServer {
        &mut self.servers[0].1
    }

    pub(crate) fn client(&mut self) -> &mut TurnClient {
        &mut self.sides[0].client
    }

    pub(crate) fn state(&self, side: usize) -> TurnState {
        self.sides[side].client.state()
    }

    pub(crate) fn relayed(&self, side: usize) -> SocketAddr {
        match self.state(side) {
            TurnState::Allocated { relayed, .. } => relayed,
            state => panic!("{state:?}"),
        }
    }

    pub(crate) fn permit(&mut self, side: usize, peer: SocketAddr) {
        let now = self.now;
        let permitted = self.sides[side].client.permit(now, peer);
        permitted.expect("the peer is of the right family");
        self.flush();
    }

    /// Sends through the relay.
    pub(crate) fn send(&mut self, side: usize, peer: SocketAddr, data: &[u8]) {
        let Side {
            address, client, ..
        } = &mut self.sides[side];
        let mut bytes = Vec::new();
        let wrapped = client.wrap(peer, data, &mut bytes);
        wrapped.expect("the peer is permitted");
        let (from, to) = (*address, client.server());
        self.deliver(Datagram { from, to, bytes });
        self.run_for(Span::ZERO);
    }

    /// A peer without a client sends to a relayed address.
    pub(crate) fn send_from(&mut self, peer: SocketAddr, to: SocketAddr, data: &[u8]) {
        self.deliver(Datagram {
            from: peer,
            to,
            bytes: data.to_vec(),
        });
    }

    pub(crate) fn received(&mut self, side: usize) -> Vec<(SocketAddr, Vec<u8>)> {
        std::mem::take(&mut self.sides[side].received)
    }

    pub(crate) fn arrived(&mut self, peer: SocketAddr) -> Vec<(SocketAddr, Vec<u8>)> {
        self.peers.remove(&peer).unwrap_or_default()
    }

    /// Lets time pass, with all that happens in it.
    pub(crate) fn run_for(&mut self, span: Span) {
        let end = self.now + span;
        loop {
            self.flush();
            let deadlines = self.sides.iter().filter_map(|s| s.client.poll_timeout());
            let Some(next) = deadlines.min().filter(|next| *next <= end) else {
                break;
            };
            self.now = self.now.max(next);
            for side in &mut self.sides {
                if side.client.poll_timeout().is_some_and(|at| at <= self.now) {
                    self.woken += 1;
                    side.client.handle_timeout(self.now);
                }
            }
            assert!(self.woken < 100_000, "a client spins");
        }
        self.now = end;
    }

    /// Carries what clients have to say, until nobody has.
    fn flush(&mut self) {
        for index in 0..self.sides.len() {
            loop {
                let side = &mut self.sides[index];
                let mut bytes = Vec::new();
                let Some(to) = side.client.poll_transmit(&mut bytes) else {
                    break;
                };
                self.sent += 1;
                assert!(self.sent < 100_000, "a client floods");
                let from = side.address;
                self.deliver(Datagram { from, to, bytes });
            }
        }
    }

    fn deliver(&mut self, datagram: Datagram) {
        let mut under_way = vec![datagram];
        while let Some(datagram) = under_way.pop() {
            if self.luck.below(100) < self.loss_pct {
                continue;
            }
            let to = datagram.to;
            if let Some(side) = self.sides.iter_mut().find(|side| side.address == to) {
                let input = side.client.handle_datagram(self.now, &datagram.bytes);
                if let Ok(TurnInput::Data { peer, payload }) = input {
                    side.received.push((peer, datagram.bytes[payload].to_vec()));
                }
                continue;
            }
            let servers = self.servers.iter_mut();
            let found = servers
                .into_iter()
                .find(|(address, _)| address.ip() == to.ip());
            match found {
                Some((_, server)) => under_way.extend(server.handle(self.now, &datagram)),
                None => {
                    let peer = self.peers.entry(to).or_default();
                    peer.push((datagram.from, datagram.bytes));
                }
            }
        }
    }
}
