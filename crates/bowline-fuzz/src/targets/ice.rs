//! ICE: what peers tell each other, and what two agents make of anything that can happen to them.

mod step;

use std::collections::BTreeMap;
use std::net::SocketAddr;

use arbitrary::{Arbitrary, Unstructured};
use bowline_core::ice::{
    Candidate, CandidateKind, CandidateTypes, IceAgent, IceConfig, IceEvent, LocalCandidate,
    credentials,
};
use bowline_core::ids::{ConnectionId, LocalId};
use bowline_core::limits;
use bowline_core::rng::Rng;
use bowline_core::stun::{Builder, Class, IntegrityKey, Method, TransactionId};
use bowline_core::time::{Span, Timestamp};

use self::step::{Forged, Step};
use crate::script::steps;

/// Parses a candidate. What is shown parses to the same, and an agent that is told it stays within its bounds.
pub fn ice_candidate(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for text in [text.clone(), format!("candidate:{text}").into()] {
        if let Ok(candidate) = Candidate::parse(&text) {
            assert_eq!(Candidate::parse(&candidate.to_string()), Ok(candidate));
        }
    }
    let mut side = Side::new(0, CandidateTypes::ALL);
    side.open(0, Timestamp::ZERO);
    let mut refused = 0;
    for line in text.lines().take(100) {
        refused += usize::from(side.agent.add_remote(Timestamp::ZERO, line).is_err());
    }
    let remote = side.agent.summary().remote;
    let told = remote.host_private + remote.host_public + remote.reflexive + remote.relayed;
    assert!(told + refused <= 100 && told <= limits::MAX_REMOTE_CANDIDATES);
}

/// Plays a script of sockets, signals, packets and time on two agents. Half of the scripts have an evil peer
/// that knows the passwords.
///
/// No timer runs idle; nothing is sent to where nobody can be reached, nor from a socket that is to be hidden; all
/// stays within its bounds. Unless a peer was evil, both use the same pair in the end.
pub fn ice_agent(data: &[u8]) {
    let mut bytes = Unstructured::new(data);
    let mut stage = Stage::new(&mut bytes);
    for step in steps(&mut bytes, MAX_STEPS, Step::read) {
        stage.play(step);
    }
    stage.end();
}

/// Texts to begin with.
pub(super) fn seeds() -> Vec<Vec<u8>> {
    [
        "candidate:33915281 0 udp 2130706431 192.168.1.7 50123 typ host",
        "candidate:842163049 1 udp 1677729535 2001:db8::7 46154 typ srflx raddr 10.0.0.7 rport 46154 generation 0",
        "candidate:1 1 udp 1 4f0ba1a8-90ed.local 5 typ relay",
        "candidate:1 0 udp 1 10.0.0.1 5 typ prflx",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}

const MAX_STEPS: usize = 256;
const SOCKETS: u8 = 4;

struct Side {
    agent: IceAgent,
    types: CandidateTypes,
    index: u8,
    next_id: u32,
    sockets: BTreeMap<LocalId, SocketAddr>,
    relays: Vec<LocalId>,
    password: String,
    candidates: Vec<String>,
    selected: Option<(LocalId, SocketAddr)>,
    rng: Rng,
}

struct Packet {
    from: SocketAddr,
    to: SocketAddr,
    bytes: Vec<u8>,
}

struct Stage {
    now: Timestamp,
    sides: [Side; 2],
    flying: Vec<Packet>,
    is_evil: bool,
}

impl Side {
    fn new(index: u8, types: CandidateTypes) -> Self {
        let id = ConnectionId::new(0x0001_0001 * (u32::from(index) + 1));
        let mut rng = Rng::from_seed([index; 32]);
        let config = IceConfig {
            id,
            controlling: index == 1,
            mask: types,
            password: credentials::password(&mut rng),
            tie_breaker: rng.u64(),
            rng: rng.child("agent"),
        };
        Self {
            agent: IceAgent::new(Timestamp::ZERO, config),
            types,
            index,
            next_id: 0,
            sockets: BTreeMap::new(),
            relays: Vec::new(),
            password: String::new(),
            candidates: Vec::new(),
            selected: None,
            rng,
        }
    }

    fn id(&self) -> ConnectionId {
        ConnectionId::new(0x0001_0001 * (u32::from(self.index) + 1))
    }

    /// The address of a socket or, from [`SOCKETS`] on, of a relay.
    fn address(&self, number: u8) -> SocketAddr {
        let number = number % (2 * SOCKETS);
        if number < SOCKETS {
            ([192, 168, number, 10 + self.index], 5000).into()
        } else {
            ([192, 168, 100 + number, 10 + self.index], 5000).into()
        }
    }

    fn open(&mut self, number: u8, now: Timestamp) {
        let address = self.address(number);
        if self.sockets.values().any(|known| *known == address) {
            return;
        }
        self.next_id += 1;
        let base = LocalId::new(self.next_id);
        self.sockets.insert(base, address);
        let is_relay = number % (2 * SOCKETS) >= SOCKETS;
        if is_relay {
            self.relays.push(base);
        }
        let kind = if is_relay {
            CandidateKind::Relayed
        } else {
            CandidateKind::Host
        };
        let candidate = LocalCandidate {
            base,
            kind,
            address,
            base_address: address,
            preference: 65_535 - u16::from(number),
            server_port: 0,
        };
        self.agent.add_local(now, candidate);
    }

    fn close(&mut self, number: u8, now: Timestamp) {
        let address = self.address(number);
        let local = self.sockets.iter().find(|(_, known)| **known == address);
        if let Some(local) = local.map(|(local, _)| *local) {
            self.agent.remove_local(now, local);
            self.sockets.remove(&local);
        }
    }

    fn drain(&mut self) -> Vec<Packet> {
        let mut events = 0;
        while let Some(event) = self.agent.poll_event() {
            events += 1;
            assert!(events <= limits::MAX_ICE_EVENTS + 2);
            match event {
                IceEvent::SignalAuth(password) => {
                    self.password = password;
                    self.candidates.clear();
                }
                IceEvent::SignalCandidate(text) => {
                    Candidate::parse(&text).expect("what we tell can be read");
                    self.candidates.push(text);
                }
                IceEvent::Selected { local, remote, .. } => self.selected = Some((local, remote)),
                IceEvent::Lost => self.selected = None,
                IceEvent::Permit { local, .. } => assert!(self.relays.contains(&local)),
            }
        }
        let mut packets = Vec::new();
        let mut bytes = Vec::new();
        while let Some(sent) = self.agent.poll_transmit(&mut bytes) {
            let bytes = std::mem::take(&mut bytes);
            assert!(!sent.to.ip().is_multicast() && !sent.to.ip().is_unspecified());
            assert!(sent.to.port() != 0 && !sent.to.ip().is_loopback());
            let is_hidden = self.types.hides_host() && !self.relays.contains(&sent.local);
            assert!(!is_hidden, "sent from a hidden socket");
            let from = *self.sockets.get(&sent.local).expect("the socket is there");
            packets.push(Packet {
                from,
                to: sent.to,
                bytes,
            });
        }
        assert!(packets.len() <= limits::MAX_ICE_PACKETS);
        packets
    }
}

impl Stage {
    fn new(bytes: &mut Unstructured<'_>) -> Self {
        let flags = u8::arbitrary(bytes).unwrap_or(0);
        let types = |hides| {
            if hides {
                CandidateTypes::RELAY
            } else {
                CandidateTypes::ALL
            }
        };
        let sides = [
            Side::new(0, types(flags & 2 != 0)),
            Side::new(1, types(flags & 4 != 0)),
        ];
        Self {
            now: Timestamp::from_micros(1),
            sides,
            flying: Vec::new(),
            is_evil: flags & 1 != 0,
        }
    }

    fn play(&mut self, step: Step) {
        let now = self.now;
        match step {
            Step::Open { side, socket } => {
                self.sides[usize::from(side)].open(socket % SOCKETS, now)
            }
            Step::Lend { side, relay } => {
                self.sides[usize::from(side)].open(SOCKETS + relay % SOCKETS, now);
            }
            Step::Close { side, socket } => self.sides[usize::from(side)].close(socket, now),
            Step::Signal { to } => self.signal(usize::from(to)),
            Step::Deliver { count } => self.deliver(usize::from(count)),
            Step::Lose { count } => {
                let count = usize::from(count).min(self.flying.len());
                self.flying.drain(..count);
            }
            Step::Repeat => {
                if let Some(Packet { from, to, bytes }) = self.flying.first() {
                    let (from, to, bytes) = (*from, *to, bytes.clone());
                    self.flying.push(Packet { from, to, bytes });
                }
            }
            Step::Wait { ms } => self.pass(Span::from_millis(u64::from(ms)), false),
            Step::Data { side, socket, from } => {
                let from = self.sides[1 - usize::from(side)].address(from);
                let side = &mut self.sides[usize::from(side)];
                let address = side.address(socket);
                let local = side.sockets.iter().find(|(_, known)| **known == address);
                if let Some(local) = local.map(|(local, _)| *local) {
                    side.agent.on_data_received(now, local, from);
                }
            }
            Step::Doubt { side } => {
                self.sides[usize::from(side)].agent.doubt(now);
            }
            Step::Restart { side, controlling } => {
                let side = &mut self.sides[usize::from(side)];
                let password = credentials::password(&mut side.rng);
                side.agent.restart(now, controlling, password);
            }
            Step::Tell { side, text } if self.is_evil => {
                let _ = self.sides[usize::from(side)].agent.add_remote(now, &text);
            }
            Step::Password { side, text } if self.is_evil => {
                let agent = &mut self.sides[usize::from(side)].agent;
                agent.set_remote_credentials(now, text.clone(), &text);
            }
            Step::Alter { at, bit } if self.is_evil => {
                if let Some(packet) = self.flying.first_mut() {
                    let at = usize::from(at) % packet.bytes.len();
                    packet.bytes[at] ^= 1 << (bit % 8);
                }
            }
            Step::Forge(forged) if self.is_evil => self.forge(&forged),
            Step::Tell { .. } | Step::Password { .. } | Step::Alter { .. } | Step::Forge(_) => {}
        }
        self.drain();
    }

    /// A message of a peer that knows the passwords.
    fn forge(&mut self, forged: &Forged) {
        let (to, peer) = (usize::from(forged.to), 1 - usize::from(forged.to));
        let class = match forged.class % 4 {
            0 => Class::Success,
            1 => Class::Error,
            2 => Class::Indication,
            _ => Class::Request,
        };
        let key = match class {
            Class::Request | Class::Indication => &self.sides[to].password,
            Class::Success | Class::Error => &self.sides[peer].password,
        };
        let ufrags = [to, peer].map(|index| credentials::ufrag(self.sides[index].id()));
        let mut bytes = Vec::new();
        let id = TransactionId::from_bytes(forged.id);
        let mut builder = Builder::new(&mut bytes, class, Method::Binding, id);
        builder.username(&ufrags.join(":"));
        if let Some(priority) = forged.priority {
            builder.priority(priority);
        }
        if let Some(number) = forged.controlling {
            builder.ice_controlling(number);
        }
        if let Some(number) = forged.controlled {
            builder.ice_controlled(number);
        }
        if forged.use_candidate {
            builder.use_candidate();
        }
        if let Some(code) = forged.error {
            builder.error_code(300 + code % 400, "");
        }
        if let Some((kind, value)) = &forged.extra {
            builder.attribute(*kind, &value[..value.len().min(1000)]);
        }
        builder
            .integrity(&IntegrityKey::short_term(key))
            .fingerprint();
        let from = (forged.from, forged.port).into();
        let to = self.sides[to].address(forged.socket);
        self.flying.insert(0, Packet { from, to, bytes });
        self.deliver(1);
    }

    fn signal(&mut self, to: usize) {
        self.drain();
        let now = self.now;
        let [a, b] = &mut self.sides;
        let (from, to) = if to == 0 { (b, a) } else { (a, b) };
        let ufrag = credentials::ufrag(from.id());
        to.agent.set_remote_credentials(now, ufrag, &from.password);
        for text in &from.candidates {
            let _ = to.agent.add_remote(now, text);
        }
        self.drain();
    }

    fn deliver(&mut self, count: usize) {
        let count = count.min(self.flying.len());
        for packet in self.flying.drain(..count).collect::<Vec<_>>() {
            for side in &mut self.sides {
                let local = side.sockets.iter().find(|(_, at)| **at == packet.to);
                if let Some(local) = local.map(|(local, _)| *local) {
                    let _ = side
                        .agent
                        .handle_stun(self.now, local, packet.from, &packet.bytes);
                }
            }
        }
    }

    /// Lets time pass; `delivers` whatever is sent, at once.
    fn pass(&mut self, span: Span, delivers: bool) {
        let end = self.now + span;
        loop {
            if delivers {
                let count = self.flying.len();
                self.deliver(count);
                self.drain();
                if !self.flying.is_empty() {
                    // An answer takes a moment, or an evil peer could have two of them talk for ever.
                    self.now += Span::from_micros(100);
                    if self.now < end {
                        continue;
                    }
                }
            }
            let deadlines = self
                .sides
                .iter()
                .filter_map(|side| side.agent.poll_timeout());
            let Some(next) = deadlines.min().filter(|next| *next <= end) else {
                break;
            };
            self.now = self.now.max(next);
            for side in &mut self.sides {
                side.agent.handle_timeout(self.now);
                let again = side.agent.poll_timeout();
                assert!(
                    again.is_none_or(|again| again > self.now),
                    "a timer runs idle"
                );
            }
            self.drain();
        }
        self.now = self.now.max(end);
    }

    fn drain(&mut self) {
        for side in &mut self.sides {
            self.flying.extend(side.drain());
        }
        // What nobody fetches is lost, as in a socket.
        let excess = self.flying.len().saturating_sub(1000);
        self.flying.drain(..excess);
    }

    /// The faults end.
    fn end(&mut self) {
        for side in &mut self.sides {
            side.open(0, self.now);
            side.open(SOCKETS, self.now);
        }
        self.drain();
        self.signal(0);
        self.signal(1);
        self.pass(Span::from_secs(90), true);
        if self.is_evil {
            return;
        }
        let [a, b] = &self.sides;
        let (Some((local_a, to_b)), Some((local_b, to_a))) = (a.selected, b.selected) else {
            panic!("no way: {:?} {:?}", a.agent, b.agent);
        };
        assert_eq!(a.sockets.get(&local_a), Some(&to_a));
        assert_eq!(b.sockets.get(&local_b), Some(&to_b));
        assert_ne!(a.agent.is_controlling(), b.agent.is_controlling());
    }
}
