//! Two agents with nothing but a delay between them.

mod bad_input;
mod choice;
mod limits;

use std::collections::BTreeMap;
use std::string::String;
use std::vec::Vec;

use super::*;
use crate::counters::DropReason;
use crate::ice::pair::PairKey;
use crate::ice::story::What;
use crate::stun::Builder;
use crate::stun::Class;
use crate::stun::IntegrityKey;
use crate::stun::Message;
use crate::stun::Method;
use crate::stun::TransactionId;
use crate::time::Timestamp;

const START: Timestamp = Timestamp::from_micros(1_000_000);

/// What an agent sent.
#[derive(Clone, Debug)]
struct Packet {
    at: Timestamp,
    from: SocketAddr,
    to: SocketAddr,
    bytes: Vec<u8>,
}

struct Side {
    agent: IceAgent,
    sockets: BTreeMap<LocalId, SocketAddr>,
    password: String,
    candidates: Vec<String>,
    selected: Option<PairKey>,
    events: Vec<IceEvent>,
    drops: Vec<DropReason>,
}

/// Two agents, of which number 1 is controlling, and the packets between them.
struct Duo {
    now: Timestamp,
    sides: [Side; 2],
    flying: Vec<(Timestamp, Packet)>,
    sent: Vec<Packet>,
    latency: Span,
    is_lost: fn(&Packet, usize) -> bool,
}

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn config(id: u32, controlling: bool) -> IceConfig {
    let mut rng = Rng::from_seed([id as u8; 32]);
    IceConfig {
        id: ConnectionId::new(id),
        controlling,
        mask: CandidateTypes::ALL,
        password: credentials::password(&mut rng),
        tie_breaker: u64::from(id),
        rng,
    }
}

fn host(base: u32, at: &str) -> LocalCandidate {
    LocalCandidate {
        base: LocalId::new(base),
        kind: CandidateKind::Host,
        address: address(at),
        base_address: address(at),
        preference: 65_535 - base as u16,
        server_port: 0,
    }
}

impl Side {
    fn new(config: IceConfig) -> Self {
        Self {
            agent: IceAgent::new(START, config),
            sockets: BTreeMap::new(),
            password: String::new(),
            candidates: Vec::new(),
            selected: None,
            events: Vec::new(),
            drops: Vec::new(),
        }
    }

    fn add(&mut self, now: Timestamp, candidate: LocalCandidate) {
        self.sockets.insert(candidate.base, candidate.base_address);
        self.agent.add_local(now, candidate);
    }

    fn drain(&mut self, now: Timestamp) -> Vec<Packet> {
        while let Some(event) = self.agent.poll_event() {
            match &event {
                IceEvent::SignalAuth(password) => {
                    self.password.clone_from(password);
                    self.candidates.clear();
                }
                IceEvent::SignalCandidate(text) => self.candidates.push(text.clone()),
                IceEvent::Selected { local, remote, .. } => self.selected = Some((*local, *remote)),
                IceEvent::Lost => self.selected = None,
                IceEvent::Permit { .. } => {}
            }
            self.events.push(event);
        }
        let mut packets = Vec::new();
        loop {
            let mut bytes = Vec::new();
            let Some(IceTransmit { local, to }) = self.agent.poll_transmit(&mut bytes) else {
                break;
            };
            let from = self.sockets[&local];
            packets.push(Packet {
                at: now,
                from,
                to,
                bytes,
            });
        }
        packets
    }

    fn count(&self, is_it: impl Fn(&What) -> bool) -> usize {
        let entries = self.agent.story().entries();
        entries.filter(|entry| is_it(&entry.what)).count()
    }
}

impl Duo {
    fn new(configs: [IceConfig; 2]) -> Self {
        Self {
            now: START,
            sides: configs.map(Side::new),
            flying: Vec::new(),
            sent: Vec::new(),
            latency: Span::from_millis(1),
            is_lost: |_, _| false,
        }
    }

    /// Each with one socket, in one network, and not yet heard of the other.
    fn on_a_lan() -> Self {
        let mut duo = Self::new([config(0x0001_0001, false), config(0x0002_0002, true)]);
        duo.sides[0].add(START, host(1, "192.168.1.2:1000"));
        duo.sides[1].add(START, host(1, "192.168.1.3:2000"));
        duo
    }

    /// Tells side `to` what the other one wants it to know.
    fn signal(&mut self, to: usize) {
        let now = self.now;
        self.drain();
        let [a, b] = &mut self.sides;
        let (from, to) = if to == 0 { (b, a) } else { (a, b) };
        let ufrag = credentials::ufrag(from.agent.id);
        to.agent.set_remote_credentials(now, ufrag, &from.password);
        for candidate in &from.candidates {
            if let Err(reason) = to.agent.add_remote(now, candidate) {
                to.drops.push(reason);
            }
        }
        self.drain();
    }

    fn introduce(&mut self) {
        self.signal(0);
        self.signal(1);
    }

    fn drain(&mut self) {
        for side in &mut self.sides {
            for packet in side.drain(self.now) {
                let number = self.sent.len();
                self.sent.push(packet.clone());
                // No private network reaches into the world, nor the world into one.
                let crosses =
                    types::is_private(packet.from.ip()) != types::is_private(packet.to.ip());
                if !crosses && !(self.is_lost)(&packet, number) {
                    self.flying.push((self.now + self.latency, packet));
                }
            }
        }
    }

    /// When something happens next.
    fn next(&self) -> Option<Timestamp> {
        let timeouts = self
            .sides
            .iter()
            .filter_map(|side| side.agent.poll_timeout());
        let arrivals = self.flying.iter().map(|(at, _)| *at);
        timeouts.chain(arrivals).min()
    }

    fn run_for(&mut self, span: Span) {
        let end = self.now + span;
        self.drain();
        while let Some(next) = self.next().filter(|next| *next <= end) {
            assert!(
                next > self.now || !self.flying.is_empty(),
                "spins at {next}"
            );
            self.now = self.now.max(next);
            self.step();
        }
        self.now = end;
    }

    fn step(&mut self) {
        let now = self.now;
        let (arrived, flying): (Vec<_>, Vec<_>) =
            self.flying.drain(..).partition(|(at, _)| *at <= now);
        self.flying = flying;
        for (_, packet) in arrived {
            self.deliver(&packet);
        }
        for side in &mut self.sides {
            if side.agent.poll_timeout().is_some_and(|at| at <= now) {
                side.agent.handle_timeout(now);
            }
        }
        self.drain();
    }

    fn deliver(&mut self, packet: &Packet) {
        for side in &mut self.sides {
            let socket = side.sockets.iter().find(|(_, at)| **at == packet.to);
            let Some(local) = socket.map(|(local, _)| *local) else {
                continue;
            };
            let taken = side
                .agent
                .handle_stun(self.now, local, packet.from, &packet.bytes);
            side.drops.extend(taken.err());
        }
    }

    /// Both use the same pair: which.
    fn agreed(&self) -> Option<(SocketAddr, SocketAddr)> {
        let [(a, to_a), (b, to_b)] = [&self.sides[0], &self.sides[1]].map(|side| {
            let (local, remote) = side
                .selected
                .unwrap_or_else(|| (LocalId::new(0), address("0.0.0.0:0")));
            (side.sockets.get(&local).copied(), remote)
        });
        let (a, b) = (a?, b?);
        (a == to_b && b == to_a).then_some((a, b))
    }

    /// A request of one side to the other, as an honest agent would write it, but for `change`.
    fn request(&self, from: usize, change: impl FnOnce(&mut Builder<'_>)) -> Vec<u8> {
        let (from, to) = (&self.sides[from], &self.sides[1 - from]);
        let mut bytes = Vec::new();
        let id = TransactionId::from_bytes([9; 12]);
        let mut builder = Builder::new(&mut bytes, Class::Request, Method::Binding, id);
        let (ours, theirs) = (from.agent.ufrag(), to.agent.ufrag());
        builder
            .username(&std::format!("{theirs}:{ours}"))
            .priority(1);
        change(&mut builder);
        let key = IntegrityKey::short_term(&to.password);
        builder.integrity(&key).fingerprint();
        bytes
    }
}

#[test]
fn two_hosts_in_one_network_find_each_other_in_a_few_round_trips() {
    let mut duo = Duo::on_a_lan();
    duo.introduce();
    duo.run_for(Span::from_millis(10));
    let (a, b) = (address("192.168.1.2:1000"), address("192.168.1.3:2000"));
    assert_eq!(duo.agreed(), Some((a, b)));
    for side in &duo.sides {
        let (_, kind) = side.agent.selected().unwrap();
        assert_eq!(kind, RouteKind::Local);
        assert_eq!(side.drops, []);
        let summary = side.agent.summary();
        assert_eq!((summary.pairs, summary.local.host_private), (1, 1));
        assert!(!summary.remote.none() && !summary.remote.has_public());
        let rtt = side.events.iter().find_map(|event| match event {
            IceEvent::Selected { rtt, .. } => *rtt,
            _ => None,
        });
        assert_eq!(rtt, Some(Span::from_millis(2)));
    }
}

#[test]
fn a_check_with_an_old_password_is_not_waited_for() {
    let mut duo = Duo::on_a_lan();
    duo.drain();
    // The peer has begun anew since: what it told before comes first, and in the same signal.
    let ufrag = credentials::ufrag(duo.sides[1].agent.id);
    let candidates = duo.sides[1].candidates.clone();
    let agent = &mut duo.sides[0].agent;
    agent.set_remote_credentials(START, ufrag, "before");
    for candidate in candidates {
        agent.add_remote(START, &candidate).unwrap();
    }
    duo.introduce();
    duo.run_for(Span::from_millis(10));
    let (a, b) = (address("192.168.1.2:1000"), address("192.168.1.3:2000"));
    assert_eq!(duo.agreed(), Some((a, b)));
}

#[test]
fn the_password_is_told_before_any_candidate() {
    let mut duo = Duo::on_a_lan();
    duo.drain();
    for side in &duo.sides {
        let [
            IceEvent::SignalAuth(password),
            IceEvent::SignalCandidate(text),
        ] = &side.events[..]
        else {
            panic!("{:?}", side.events);
        };
        assert!(password.len() >= 22);
        assert!(text.starts_with("candidate:") && text.ends_with("typ host"));
    }
}

#[test]
fn nothing_is_sent_before_the_peer_is_known() {
    let mut duo = Duo::on_a_lan();
    duo.run_for(Span::from_secs(60));
    assert_eq!(duo.sent.len(), 0);
    let line = "candidate:1 0 udp 1 192.168.1.3 2000 typ host";
    duo.sides[0].agent.add_remote(duo.now, line).unwrap();
    duo.run_for(Span::from_secs(60));
    assert_eq!(duo.sent.len(), 0);
}

#[test]
fn a_side_that_knows_nothing_yet_is_found_by_checks_alone() {
    let mut duo = Duo::on_a_lan();
    // The controlling side has what the controlled one signalled, and its own signal is slow.
    duo.signal(1);
    duo.run_for(Span::from_millis(100));
    assert_eq!(duo.agreed(), None);
    assert!(duo.sides[1].selected.is_some());
    let peer = address("192.168.1.3:2000");
    assert!(duo.sides[0].agent.knows(LocalId::new(1), peer));
    let is_reflexive = |what: &What| {
        matches!(
            what,
            What::RemoteAdded {
                kind: CandidateKind::PeerReflexive,
                ..
            }
        )
    };
    assert_eq!(duo.sides[0].count(is_reflexive), 1);
    duo.signal(0);
    duo.run_for(Span::from_millis(10));
    assert!(duo.agreed().is_some());
    // What came by signal says what the candidate is.
    assert_eq!(duo.sides[0].agent.summary().remote.host_private, 1);
    assert_eq!(duo.sides[0].agent.summary().remote.reflexive, 0);
}

#[test]
fn lost_checks_are_sent_again() {
    let mut duo = Duo::on_a_lan();
    duo.is_lost = |_, number| number < 6;
    duo.introduce();
    duo.run_for(Span::from_secs(5));
    assert!(duo.agreed().is_some());
}

#[test]
fn regression_a_check_that_the_peers_nat_dropped_goes_again_once_the_peers_comes() {
    let mut duo = Duo::on_a_lan();
    // Here the first check comes before the other side has sent any.
    duo.is_lost = |_, number| number == 0;
    duo.signal(0);
    duo.run_for(Span::from_millis(5));
    duo.signal(1);
    duo.run_for(Span::from_millis(25));
    assert!(duo.agreed().is_some(), "400 ms until the check is repeated");
    let checks = duo.sent.iter().filter(|packet| packet.from.port() == 1000);
    assert!(checks.count() <= 5);
}

#[test]
fn a_pair_whose_check_was_lost_altogether_is_tried_again() {
    let mut duo = Duo::on_a_lan();
    duo.is_lost = |packet, _| packet.at < START + Span::from_secs(6);
    duo.introduce();
    duo.run_for(Span::from_secs(6));
    let has_failed = |what: &What| matches!(what, What::Failed(_));
    assert!(duo.sides[1].count(has_failed) > 0);
    duo.run_for(Span::from_secs(2));
    assert!(duo.agreed().is_some());
}

#[test]
fn an_idle_way_costs_a_check_every_few_seconds_and_lasts() {
    let mut duo = Duo::on_a_lan();
    duo.introduce();
    duo.run_for(Span::from_secs(1));
    let before = duo.sent.len();
    duo.run_for(Span::from_secs(600));
    // Each side asks every twelve to eighteen seconds, and answers as often.
    let sent = duo.sent.len() - before;
    assert!((133..=204).contains(&sent), "{sent} packets in ten minutes");
    let times: Vec<u64> = duo.sent[before..]
        .iter()
        .filter(|packet| packet.from.port() == 1000)
        .map(|packet| packet.at.since(START).as_millis() % 5_000)
        .collect();
    assert!(times.windows(2).any(|pair| pair[0] != pair[1]), "no jitter");
    assert!(duo.agreed().is_some());
    let is_lost = |what: &What| matches!(what, What::Lost(_));
    assert_eq!(duo.sides[0].count(is_lost) + duo.sides[1].count(is_lost), 0);
}

#[test]
fn a_new_beginning_takes_new_passwords_and_roles() {
    let mut duo = Duo::on_a_lan();
    duo.introduce();
    duo.run_for(Span::from_secs(1));
    let old = duo.sides[0].password.clone();
    for (side, controlling) in duo.sides.iter_mut().zip([true, false]) {
        let password = credentials::password(&mut side.agent.rng);
        side.agent.restart(duo.now, controlling, password);
    }
    duo.drain();
    assert_eq!(duo.agreed(), None);
    assert_ne!(duo.sides[0].password, old);
    assert_eq!(duo.sides[0].candidates.len(), 1);
    duo.introduce();
    duo.run_for(Span::from_millis(100));
    assert!(duo.agreed().is_some());
    assert!(duo.sides[0].agent.is_controlling() && !duo.sides[1].agent.is_controlling());
}

#[test]
fn what_is_printed_for_debugging_shows_no_password() {
    let duo = Duo::on_a_lan();
    let config = config(0x0003_0003, true);
    let printed = std::format!("{config:?} {:?}", duo.sides[0].agent);
    assert!(!printed.contains(&config.password));
    let event = duo.sides[0].agent.clone().poll_event().unwrap();
    let IceEvent::SignalAuth(password) = &event else {
        panic!("no password");
    };
    assert!(!printed.contains(password));
    assert!(!std::format!("{event:?}").contains(password));
}
