//! A world with two peers, a server, and signals that always arrive.

use std::net::{IpAddr, SocketAddr};

use bowline_core::endpoint::SocketId;
use bowline_core::ice::gather::{
    GatherConfig, GatherInput, Gatherer, Interface, LocalNews, TurnServer,
};
use bowline_core::ice::{
    CandidateTypes, IceAgent, IceConfig, IceEvent, IceTransmit, RouteKind, credentials,
};
use bowline_core::ids::ConnectionId;
use bowline_core::stun::is_stun;
use bowline_sim::stun_server::{StunServer, StunServerConfig};
use bowline_sim::{
    Datagram, DropReason, HostConfig, HostId, LinkConfig, NatConfig, NatId, Span, World,
};

/// The port of a peer's socket.
pub(crate) const PORT: u16 = 5000;
const STUN_PORT: u16 = 3478;
/// The first of the ports that the TURN server gives out.
const RELAY_PORT: u16 = 49_152;
const RELAY_PORTS: u16 = 8;
/// How often things are looked at.
const TICK: Span = Span::from_millis(1);
/// How long a signal is under way.
const SIGNAL: Span = Span::from_millis(40);
const SOCKET: SocketId = SocketId::new(1);

pub(crate) struct Peer {
    pub(crate) host: HostId,
    pub(crate) id: ConnectionId,
    pub(crate) agent: IceAgent,
    pub(crate) gatherer: Gatherer,
    pub(crate) selected: Option<(SocketAddr, RouteKind)>,
    /// Everything that the peer was told.
    pub(crate) signalled: Vec<String>,
    pub(crate) events: Vec<IceEvent>,
    pub(crate) drops: Vec<DropReason>,
    /// What the signals still bring to the other side.
    outgoing: Vec<(Span, IceEvent)>,
}

pub(crate) struct Stage<'a> {
    pub(crate) world: &'a mut World,
    pub(crate) peers: [Peer; 2],
    pub(crate) server: StunServer,
    pub(crate) server_host: HostId,
    pub(crate) nat: Option<NatId>,
    pub(crate) has_turn: bool,
    pub(crate) packets: u64,
}

/// Where a peer is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place {
    Public,
    Behind(NatConfig),
    /// Behind the NAT of the other.
    WithTheOther,
}

pub(crate) const fn ms(ms: u64) -> Span {
    Span::from_millis(ms)
}

impl<'a> Stage<'a> {
    /// Two peers that will look for each other with all candidates that `masks` allow.
    pub(crate) fn new(
        world: &'a mut World,
        places: [Place; 2],
        masks: [i32; 2],
        has_turn: bool,
    ) -> Self {
        world.set_links(LinkConfig::PERFECT.latency(ms(10)));
        let server_host = world.add_host("server", HostConfig::default());
        let address = world.open_raw(server_host, STUN_PORT);
        for port in 0..RELAY_PORTS {
            world.open_raw(server_host, RELAY_PORT + port);
        }
        let IpAddr::V4(relay) = address.ip() else {
            panic!("the simulated networks have IPv4 addresses");
        };
        let server = StunServer::new(StunServerConfig {
            address,
            relay_ipv4: Some(relay),
            relay_ipv6: None,
            ..StunServerConfig::default()
        });
        let mut nat: Option<NatId> = None;
        let mut hosts = Vec::new();
        for (name, place) in ["anna", "ben"].into_iter().zip(places) {
            hosts.push(match place {
                Place::Public => world.add_host(name, HostConfig::default()),
                Place::Behind(config) => {
                    let own = world.add_nat(&format!("nat of {name}"), config);
                    nat = Some(own);
                    world.add_host_behind(own, name, HostConfig::default())
                }
                Place::WithTheOther => {
                    world.add_host_behind(nat.unwrap(), name, HostConfig::default())
                }
            });
        }
        let peer = |index: usize| Peer::new(world, hosts[index], index, masks[index]);
        let peers = [peer(0), peer(1)];
        let mut stage = Self {
            world,
            peers,
            server,
            server_host,
            nat,
            has_turn,
            packets: 0,
        };
        stage.start(masks, address);
        stage
    }

    fn start(&mut self, masks: [i32; 2], server: SocketAddr) {
        let now = self.world.now();
        let turn = TurnServer {
            server,
            user: "anna".into(),
            password: "secret".into(),
        };
        for (peer, mask) in self.peers.iter_mut().zip(masks) {
            let address = self.world.open_raw(peer.host, PORT);
            let interface = Interface {
                socket: SOCKET,
                address,
            };
            peer.gatherer.set_interfaces(now, &[interface]);
            let config = GatherConfig {
                mask: CandidateTypes::from_enable(mask),
                stun: vec![server],
                turn: self.has_turn.then(|| turn.clone()).into_iter().collect(),
                failures: Vec::new(),
            };
            peer.gatherer.want(now, peer.id, config);
        }
    }

    /// Lets time pass.
    pub(crate) fn run_for(&mut self, span: Span) {
        let end = self.world.now() + span;
        while self.world.now() < end {
            self.tick();
        }
    }

    /// Lets time pass until both use the same way, or for so long.
    pub(crate) fn run_until_agreed(&mut self, limit: Span) -> Option<RouteKind> {
        let end = self.world.now() + limit;
        while self.world.now() < end && self.agreed().is_none() {
            self.tick();
        }
        self.agreed()
    }

    /// The kind of the way, if both have selected one that is the same kind of way.
    pub(crate) fn agreed(&self) -> Option<RouteKind> {
        let [a, b] = &self.peers;
        let ((_, kind), (_, other)) = (a.selected?, b.selected?);
        match (kind, other) {
            (RouteKind::Relayed, RouteKind::Relayed) | (RouteKind::Local, RouteKind::Local) => {
                Some(kind)
            }
            (RouteKind::Relayed, _) | (_, RouteKind::Relayed) => None,
            // The world here is 10.0.0.0/24, which who lives there takes for a network of his own.
            (RouteKind::Local | RouteKind::Direct, RouteKind::Local | RouteKind::Direct) => {
                Some(RouteKind::Direct)
            }
        }
    }

    pub(crate) fn tick(&mut self) {
        self.world.run_for(TICK);
        self.serve();
        for index in 0..2 {
            self.receive(index);
            self.work(index);
        }
        self.signal();
    }

    /// The server answers.
    fn serve(&mut self) {
        let now = self.world.now();
        let ports = (RELAY_PORT..RELAY_PORT + RELAY_PORTS).chain([STUN_PORT]);
        for port in ports {
            for datagram in self.world.raw_inbox(self.server_host, port) {
                for answer in self.server.handle(now, &datagram) {
                    let Datagram { from, to, bytes } = answer;
                    self.world
                        .send_raw(self.server_host, from.port(), to, &bytes);
                }
            }
        }
    }

    fn receive(&mut self, index: usize) {
        let now = self.world.now();
        let peer = &mut self.peers[index];
        for Datagram { from, bytes, .. } in self.world.raw_inbox(peer.host, PORT) {
            let input = peer.gatherer.handle_datagram(now, SOCKET, from, &bytes);
            let taken = match input {
                Ok(GatherInput::Handled) => Ok(()),
                Err(reason) => Err(reason),
                Ok(GatherInput::NotMine) => {
                    let local = peer.gatherer.host(SOCKET).unwrap();
                    assert!(is_stun(&bytes));
                    peer.agent.handle_stun(now, local, from, &bytes)
                }
                Ok(GatherInput::Relayed {
                    local,
                    peer: from,
                    payload,
                }) => peer.agent.handle_stun(now, local, from, &bytes[payload]),
            };
            peer.drops.extend(taken.err());
        }
    }

    /// Timers, news, events and packets of a peer.
    fn work(&mut self, index: usize) {
        let now = self.world.now();
        let peer = &mut self.peers[index];
        if peer.gatherer.poll_timeout().is_some_and(|at| at <= now) {
            peer.gatherer.handle_timeout(now);
        }
        if peer.agent.poll_timeout().is_some_and(|at| at <= now) {
            peer.agent.handle_timeout(now);
        }
        loop {
            while let Some((_, news)) = peer.gatherer.poll_event() {
                match news {
                    LocalNews::Added(candidate) => peer.agent.add_local(now, candidate),
                    LocalNews::Removed(local) => peer.agent.remove_local(now, local),
                    LocalNews::Failed(failure) => peer.agent.note_failure(now, failure),
                    LocalNews::Done => {}
                }
            }
            let Some(event) = peer.agent.poll_event() else {
                break;
            };
            peer.on_event(self.world, event);
        }
        let mut bytes = Vec::new();
        while let Some(IceTransmit { local, to }) = peer.agent.poll_transmit(&mut bytes) {
            let mut wrapped = Vec::new();
            if peer.gatherer.socket_of(local).is_some() {
                self.world.send_raw(peer.host, PORT, to, &bytes);
                self.packets += 1;
            } else if let Some((_, relay)) = peer.gatherer.wrap(local, to, &bytes, &mut wrapped) {
                self.world.send_raw(peer.host, PORT, relay, &wrapped);
                self.packets += 1;
            }
            bytes.clear();
        }
        while let Some((_, to)) = peer.gatherer.poll_transmit(&mut bytes) {
            self.world.send_raw(peer.host, PORT, to, &bytes);
            bytes.clear();
        }
    }

    /// Brings what is to be told to the other side.
    fn signal(&mut self) {
        let now = self.world.now();
        let age = self.world.age();
        for index in 0..2 {
            let (id, due) = {
                let peer = &mut self.peers[index];
                let (due, later): (Vec<_>, Vec<_>) =
                    peer.outgoing.drain(..).partition(|(at, _)| *at <= age);
                peer.outgoing = later;
                (peer.id, due)
            };
            let other = &mut self.peers[1 - index];
            for (_, event) in due {
                match event {
                    IceEvent::SignalAuth(password) => {
                        let ufrag = credentials::ufrag(id);
                        other.agent.set_remote_credentials(now, ufrag, &password);
                    }
                    IceEvent::SignalCandidate(text) => {
                        other.drops.extend(other.agent.add_remote(now, &text).err());
                    }
                    IceEvent::Selected { .. } | IceEvent::Lost | IceEvent::Permit { .. } => {}
                }
            }
        }
    }

    /// All that a peer tried and what came of it.
    pub(crate) fn story(&self, index: usize) -> String {
        let entries = self.peers[index].agent.story().entries();
        entries.map(|entry| format!("{entry}\n")).collect()
    }
}

impl Peer {
    fn new(world: &World, host: HostId, index: usize, mask: i32) -> Self {
        let mut rng = world.rng(&format!("peer {index}"));
        let id = rng.connection_id();
        let config = IceConfig {
            id,
            controlling: index == 1,
            mask: CandidateTypes::from_enable(mask),
            password: credentials::password(&mut rng),
            tie_breaker: rng.u64(),
            rng: rng.child("agent"),
        };
        Self {
            host,
            id,
            agent: IceAgent::new(world.now(), config),
            gatherer: Gatherer::new(rng.child("gatherer")),
            selected: None,
            signalled: Vec::new(),
            events: Vec::new(),
            drops: Vec::new(),
            outgoing: Vec::new(),
        }
    }

    fn on_event(&mut self, world: &World, event: IceEvent) {
        match &event {
            IceEvent::SignalAuth(text) | IceEvent::SignalCandidate(text) => {
                self.signalled.push(text.clone());
                self.outgoing.push((world.age() + SIGNAL, event.clone()));
            }
            IceEvent::Selected { remote, kind, .. } => self.selected = Some((*remote, *kind)),
            IceEvent::Lost => self.selected = None,
            IceEvent::Permit { local, remote } => {
                self.gatherer.permit(world.now(), *local, *remote);
            }
        }
        self.events.push(event);
    }
}
