//! Two endpoints whose connections come about by signals, between a STUN and TURN server and whoever may forge.

mod side;
mod step;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use arbitrary::Unstructured;
use bowline_core::config::{Config, ConfigKey};
use bowline_core::connection::Connection;
use bowline_core::end_reason::EndReason;
use bowline_core::ids::{ConnectionId, LaneIndex};
use bowline_core::message::{Outgoing, SendFlags};
use bowline_core::p2p::signal::{ReliableMessage, Signal, SignalKind, Unsupported};
use bowline_core::time::{Span, Timestamp};
use bowline_sim::stun_server::{StunServer, StunServerConfig};
use bowline_sim::{ConnectionState, Datagram};

use self::side::{Sent, Side, identity};
use self::step::{ForgedSignal, Step};
use crate::crypto::QuickCrypto;
use crate::script::steps;
use crate::story::tell;

/// Plays a script of calls, signals, packets, interfaces and time on two endpoints; half of the scripts let somebody
/// forge, change and repeat what goes between them.
///
/// No timer runs idle, and no connection holds more than it may. When all is closed nothing is remembered; and unless
/// somebody forged, or there was but a relay, the two connect once more and a message gets through.
pub fn peers(data: &[u8]) {
    let mut bytes = Unstructured::new(data);
    let setup = bytes.arbitrary::<u8>().unwrap_or(0);
    let mut stage = Stage::new(setup);
    for step in steps(&mut bytes, MAX_STEPS, Step::read) {
        stage.play(step);
    }
    stage.end();
}

const MAX_STEPS: usize = 200;
/// What is under way beyond that is lost, the oldest first.
const MAX_UNDER_WAY: usize = 256;
/// So many signals are remembered, to be sent again.
const MAX_SAID: usize = 32;
/// How long what is sent is under way once the script is over.
const LATENCY: Span = Span::from_millis(5);
/// Longer than any connection lingers, or waits for a peer that is silent.
const END: Span = Span::from_secs(90);
/// What an endpoint may hold when all is over: names of servers, and accounts at relays.
const MAX_KEPT: usize = 16 * 1024;

struct Stage {
    now: Timestamp,
    sides: [Side; 2],
    server: StunServer,
    packets: Vec<Datagram>,
    signals: Vec<(usize, Vec<u8>)>,
    said: Vec<Vec<u8>>,
    is_evil: bool,
    by_relay_alone: bool,
    /// What each endpoint held before anything happened.
    held: [usize; 2],
}

impl Stage {
    fn new(setup: u8) -> Self {
        let now = Timestamp::from_micros(1_000_000);
        let crypto = QuickCrypto::new();
        let relay = Ipv4Addr::new(203, 0, 113, 1);
        let server = StunServer::new(StunServerConfig {
            address: SocketAddr::new(IpAddr::V4(relay), 3478),
            relay_ipv4: Some(relay),
            account: Some(("player".into(), "secret".into())),
            ..StunServerConfig::default()
        });
        let sides = [0, 1].map(|index| Side::new(now, index, setup >> 1, &crypto));
        let held = [0, 1].map(|index: usize| sides[index].endpoint.memory_bytes());
        let mut stage = Self {
            now,
            sides,
            server,
            packets: Vec::new(),
            signals: Vec::new(),
            said: Vec::new(),
            is_evil: setup & 1 != 0,
            by_relay_alone: is_by_relay_alone(setup >> 1),
            held,
        };
        for side in [0, 1] {
            stage.on(side, |side, now| side.set_interfaces(now, 1));
        }
        stage
    }

    fn play(&mut self, step: Step) {
        tell(format_args!("{} {step:?}", self.now));
        match step {
            Step::Connect {
                side,
                port,
                symmetric,
            } => self.on(side, |side, now| side.connect(now, port, symmetric)),
            Step::Accept { side } => self.each(side, 1, |connection, now| {
                // Most are not waiting for it.
                let _ = connection.accept(now);
            }),
            Step::Close { side, linger } => self.each(side, 1, |connection, now| {
                connection.close(now, EndReason::APP_GENERIC, "bye", linger);
            }),
            Step::Send { side, len } => self.each(side, 1, |connection, now| {
                send(connection, now, usize::from(len));
            }),
            Step::Interfaces { side, mask } => {
                self.on(side, |side, now| side.set_interfaces(now, mask));
            }
            Step::Signals { count } => self.carry_signals(usize::from(count)),
            Step::LoseSignals { count } => {
                let count = usize::from(count).min(self.signals.len());
                self.signals.drain(..count);
            }
            Step::Packets { count } => self.carry_packets(usize::from(count)),
            Step::LosePackets { count } => {
                let count = usize::from(count).min(self.packets.len());
                self.packets.drain(..count);
            }
            Step::RepeatPacket { which } => {
                if let Some(packet) = pick(&self.packets, which).cloned() {
                    self.packets.push(packet);
                }
            }
            Step::RepeatSignal { to, which } => {
                if let Some(signal) = pick(&self.said, which).cloned() {
                    self.signals.push((to, signal));
                }
            }
            Step::Wait { ms } => self.wait(Span::from_millis(u64::from(ms)), false),
            forged if self.is_evil => self.play_forged(forged),
            _ => {}
        }
        self.check();
    }

    /// The same of somebody who forges.
    fn play_forged(&mut self, step: Step) {
        match step {
            Step::AlterSignal {
                to,
                which,
                at,
                with,
            } => {
                if let Some(mut signal) = pick(&self.said, which).cloned() {
                    let at = usize::from(at) % signal.len().max(1);
                    signal
                        .get_mut(at)
                        .into_iter()
                        .for_each(|byte| *byte ^= with);
                    self.signals.push((to, signal));
                }
            }
            Step::AlterPacket { which, at, with } => {
                let which = usize::from(which) % self.packets.len().max(1);
                if let Some(packet) = self.packets.get_mut(which) {
                    let at = usize::from(at) % packet.bytes.len().max(1);
                    packet
                        .bytes
                        .get_mut(at)
                        .into_iter()
                        .for_each(|byte| *byte ^= with);
                }
            }
            Step::RawSignal { to, bytes } => self.signals.push((to, bytes)),
            Step::ForgeSignal(forged) => self.forge(forged),
            Step::RawPacket {
                to,
                socket,
                from,
                addressed,
                bytes,
            } => self.throw(to, socket, from, addressed, bytes),
            _ => {}
        }
    }

    /// Something happens to an end; what comes of it is under way then.
    fn on(&mut self, side: usize, act: impl FnOnce(&mut Side, Timestamp)) {
        let now = self.now;
        act(&mut self.sides[side], now);
        let Sent { packets, signals } = self.sides[side].drain(now);
        for (to, signal) in signals {
            if self.said.len() >= MAX_SAID {
                self.said.remove(0);
            }
            self.said.push(signal.clone());
            self.signals.extend(to.map(|to| (to, signal)));
        }
        self.packets.extend(packets);
        let beyond = self.packets.len().saturating_sub(MAX_UNDER_WAY);
        self.packets.drain(..beyond);
        let beyond = self.signals.len().saturating_sub(MAX_UNDER_WAY);
        self.signals.drain(..beyond);
    }

    /// Something happens to so many connections of an end.
    fn each(&mut self, side: usize, count: usize, act: impl Fn(&mut Connection, Timestamp)) {
        let ids: Vec<_> = self.sides[side].ids().take(count).collect();
        self.on(side, |side, now| {
            for id in ids {
                if let Some(connection) = side.connection_mut(id) {
                    act(connection, now);
                }
            }
        });
    }

    fn carry_signals(&mut self, count: usize) {
        let count = count.min(self.signals.len());
        let carried: Vec<_> = self.signals.drain(..count).collect();
        for (to, bytes) in carried {
            self.on(to, |side, now| side.signalled(now, bytes));
        }
    }

    fn carry_packets(&mut self, count: usize) {
        let count = count.min(self.packets.len());
        let carried: Vec<_> = self.packets.drain(..count).collect();
        for packet in carried {
            let is_servers = packet.to.ip() == IpAddr::V4(Ipv4Addr::new(203, 0, 113, 1));
            if is_servers {
                self.packets.extend(self.server.handle(self.now, &packet));
            } else if let Some(to) = (0..2).find(|side| self.sides[*side].has(packet.to)) {
                self.on(to, |side, now| side.arrive(now, &packet));
            }
        }
    }

    /// Time passes. What is under way arrives only if the network is `calm`.
    fn wait(&mut self, span: Span, calm: bool) {
        let end = self.now + span;
        while self.now < end {
            let timers = self.sides.iter().filter_map(Side::next_timer);
            let mut next = timers.min().unwrap_or(end).max(self.now);
            if calm && !(self.packets.is_empty() && self.signals.is_empty()) {
                next = next.min(self.now + LATENCY);
            }
            self.now = next.min(end);
            if calm {
                self.carry_signals(usize::MAX);
                self.carry_packets(usize::MAX);
            }
            for side in [0, 1] {
                self.on(side, Side::expire);
            }
        }
        self.check();
    }

    /// A signal that says that it is the peer's, and is near what the peer would say.
    fn forge(&mut self, forged: ForgedSignal) {
        let ForgedSignal {
            to,
            from_other,
            from_id,
            to_id,
            ice_enabled,
            kind,
            ack,
            first,
            texts,
        } = forged;
        let from = if from_other { to } else { 1 - to };
        let theirs = self.sides[1 - to].ids().next();
        let ours = self.sides[to].ids().next();
        let id = |known: Option<ConnectionId>, told: u8| match told {
            0 => None,
            1..=200 => known,
            other => Some(ConnectionId::new(u32::from(other) * 0x0001_0001)),
        };
        let known = pick(&self.said, kind).and_then(|said| Signal::parse(said).ok());
        let kind = match kind % 4 {
            0 => SignalKind::None,
            1 => SignalKind::Closed {
                reason: EndReason::new(u32::from(kind) * 40),
                text: texts.first().cloned().unwrap_or_default(),
            },
            _ => known.map_or(SignalKind::None, |signal| signal.kind),
        };
        let messages = texts.into_iter().map(|text| match text.len() % 3 {
            0 => ReliableMessage::Auth { password: text },
            1 => ReliableMessage::Candidate(text),
            _ => ReliableMessage::Candidate(format!("candidate:1 0 udp 7 {text} 5 typ host")),
        });
        let signal = Signal {
            from_identity: identity(from),
            from_id: id(theirs, from_id),
            to_identity: None,
            to_id: id(ours, to_id),
            ice_enabled,
            kind,
            ack,
            first_reliable: first,
            reliable: messages.collect(),
            has_unsupported: Unsupported::default(),
        };
        let mut bytes = Vec::new();
        signal.encode(&mut bytes);
        self.signals.push((to, bytes));
    }

    /// A packet from anywhere; `addressed` puts the number of a connection where data has it.
    fn throw(&mut self, to: usize, socket: u8, from: u8, addressed: bool, mut bytes: Vec<u8>) {
        if let (true, Some(id)) = (addressed, self.sides[to].ids().next())
            && let Some(header) = bytes.first_chunk_mut::<5>()
        {
            header[0] |= 0x80;
            header[1..].copy_from_slice(&id.get().to_le_bytes());
        }
        let from = match from % 4 {
            0 => self.sides[1 - to].address(socket),
            1 => SocketAddr::from(([203, 0, 113, 1], 3478)),
            2 => SocketAddr::from(([203, 0, 113, 1], 49_152 + u16::from(from))),
            _ => SocketAddr::from(([192, 168, from, 1], u16::from(from))),
        };
        let packet = Datagram {
            from,
            to: self.sides[to].address(socket),
            bytes,
        };
        self.on(to, |side, now| side.arrive(now, &packet));
    }

    fn check(&self) {
        for side in &self.sides {
            side.check();
        }
    }

    /// All is closed, and forgotten in the end. Then the two meet once more.
    fn end(&mut self) {
        for side in [0, 1] {
            self.each(side, usize::MAX, |connection, now| {
                connection.close(now, EndReason::APP_GENERIC, "the end", false);
            });
        }
        self.packets.clear();
        self.signals.clear();
        self.wait(END, true);
        for (side, held) in self.sides.iter().zip(self.held) {
            assert_eq!(side.ids().count(), 0, "a connection that does not end");
            assert_eq!(side.endpoint.connections(), 0, "one that is remembered");
            let kept = side.endpoint.memory_bytes().saturating_sub(held);
            assert!(kept <= MAX_KEPT, "{kept} bytes are kept");
        }
        // A relay that was silent often is not asked again for minutes.
        if self.is_evil || self.by_relay_alone {
            return;
        }
        for side in [0, 1] {
            self.on(side, |side, now| side.meet(now));
        }
        self.on(0, |side, now| side.connect(now, 0, false));
        self.wait(Span::from_secs(8), true);
        let ids = [0, 1].map(|side: usize| self.sides[side].ids().next());
        for (side, id) in self.sides.iter().zip(ids) {
            let state = id.map(|id| side.state(id));
            assert_eq!(state, Some(ConnectionState::Connected), "they do not meet");
        }
        let before = self.sides[1].received;
        self.each(0, 1, |connection, now| send(connection, now, 5_000));
        self.wait(Span::from_secs(2), true);
        assert!(self.sides[1].received > before, "nothing gets through");
    }
}

fn send(connection: &mut Connection, now: Timestamp, len: usize) {
    let data = vec![7; len];
    let message = Outgoing::new(LaneIndex::ZERO, SendFlags::RELIABLE, &data);
    // Refused in most states.
    let _ = connection.send(now, message);
}

fn pick<T>(all: &[T], which: u8) -> Option<&T> {
    all.get(usize::from(which) % all.len().max(1))
}

const fn is_by_relay_alone(setup: u8) -> bool {
    setup & 6 == 6
}

/// The settings of both ends.
fn config(setup: u8) -> Arc<Config> {
    let mut config = Config::new();
    let servers = "203.0.113.1:3478";
    if setup & 1 != 0 {
        config.set_stun_servers(servers).expect("it can be read");
    }
    if setup & 2 != 0 {
        let accounts = [("player", "secret")];
        let set = config.set_turn_servers(servers, &accounts);
        set.expect("it can be read");
    }
    if is_by_relay_alone(setup) {
        let set = config.set(ConfigKey::P2pTransportIceEnable, 1);
        set.expect("a mask that is allowed");
    }
    Arc::new(config)
}
