//! Two endpoints and the wire between them: the simulator's idea without its comforts.
//!
//! A fuzzer wants thousands of runs in a second, so here is no trace, no story, no model of a link, and
//! the ciphers are the [`QuickCrypto`]. What is left is what finds bugs: the real endpoints and
//! connections, a clock that only moves when something happens, and datagrams that lie in the open for
//! a script to lose, repeat, alter and swap.
//!
//! Deliveries are held against a [`DeliveryModel`] and timers must get somewhere, as in the simulator.
//! From the first packet on that a script makes up with the right keys, nothing is promised any more
//! about messages ([`Arena::taint`]); that nothing panics, runs idle or outlives its end still is.

mod rest;
mod side;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use bowline_core::config::Config;
use bowline_core::connection::{Connection, ConnectionState};
use bowline_core::crypto::key_update::KeyLimits;
use bowline_core::end_reason::EndReason;
use bowline_core::error::{ConnectError, SendError};
use bowline_core::extensions::ExtensionSet;
use bowline_core::ids::ConnectionId;
use bowline_core::ids::MessageNumber;
use bowline_core::limits::MAX_UNRELIABLE_SEND;
use bowline_core::message::Outgoing;
use bowline_core::time::{Span, Timestamp};
use bowline_sim::DeliveryModel;

use crate::crypto::QuickCrypto;
use crate::story::tell;

pub use side::Side;

/// Which of the two ends: 0 dials first, both listen.
pub type End = usize;

/// What both ends are made of.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The settings of all connections.
    pub config: Config,
    /// What end 0 and end 1 offer beyond GNS.
    pub extensions: [ExtensionSet; 2],
    /// When keys are replaced.
    pub key_limits: KeyLimits,
    /// Whether connections that come in are accepted at once.
    pub accepts: bool,
    /// Whether messages are read as soon as they are there.
    pub reads: bool,
}

impl Default for Setup {
    /// All extensions, default settings, accepts and reads at once.
    fn default() -> Self {
        Self {
            config: Config::new(),
            extensions: [ExtensionSet::ALL; 2],
            key_limits: KeyLimits::DEFAULT,
            accepts: true,
            reads: true,
        }
    }
}

/// A datagram on its way.
#[derive(Clone, Debug)]
pub struct Datagram {
    /// When it arrives.
    pub due: Timestamp,
    /// Where it comes from.
    pub from: SocketAddr,
    /// Where it goes to.
    pub to: SocketAddr,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// Two endpoints and what is between them.
#[derive(Debug)]
pub struct Arena {
    /// What time it is.
    pub now: Timestamp,
    /// How long a datagram takes.
    pub latency: Span,
    /// The ends.
    pub sides: [Side; 2],
    /// The datagrams on their way to each end, in no order.
    pub wires: [Vec<Datagram>; 2],
    /// The last datagrams that each end sent, in a ring.
    pub sent: [Vec<Datagram>; 2],
    /// For sealing packets that no connection knows of.
    pub crypto: QuickCrypto,
    setup: Setup,
    flows: BTreeMap<(End, ConnectionId), DeliveryModel>,
    tainted: bool,
    may_fail: bool,
    events: u32,
    restarts: u8,
}

/// Datagrams that are kept for replay, per end.
const KEPT: usize = 64;
/// Datagrams on their way to one end; more are lost.
const MAX_ON_WIRE: usize = 4096;
/// Datagrams and timers in the life of an arena: a script with so many runs in circles.
const MAX_EVENTS: u32 = 2_000_000;

impl Arena {
    /// Two ends that have not met.
    pub fn new(setup: Setup) -> Self {
        let now = Timestamp::from_micros(1_000_000);
        let crypto = QuickCrypto::new();
        let sides = [0, 1].map(|end| Side::new(now, end, 0, &crypto, &setup));
        Self {
            now,
            latency: Span::from_millis(10),
            sides,
            wires: [Vec::new(), Vec::new()],
            sent: [Vec::new(), Vec::new()],
            crypto,
            setup,
            flows: BTreeMap::new(),
            tainted: false,
            may_fail: false,
            events: 0,
            restarts: 0,
        }
    }

    /// Two ends with a connection between them, and its two IDs.
    ///
    /// # Panics
    /// If they do not connect within a second.
    pub fn connected(setup: Setup) -> (Self, [ConnectionId; 2]) {
        let mut arena = Self::new(Setup {
            accepts: true,
            ..setup
        });
        let client = arena.dial(0).expect("nothing is dialled yet");
        arena.run_for(Span::from_secs(1));
        let state = |end: End, id| arena.sides[end].state(id);
        assert_eq!(state(0, client), ConnectionState::Connected);
        let server = arena.sides[0]
            .connection(client)
            .and_then(|c| c.info().remote_id);
        let server = server.expect("a connected peer has an ID");
        assert_eq!(state(1, server), ConnectionState::Connected);
        (arena, [client, server])
    }

    /// Dials the other end from a fresh socket.
    ///
    /// # Errors
    /// If the endpoint refuses.
    pub fn dial(&mut self, end: End) -> Result<ConnectionId, ConnectError> {
        let (now, config) = (self.now, Arc::new(self.setup.config.clone()));
        let remote = self.sides[1 - end].listening();
        let id = self.sides[end].dial(now, remote, config)?;
        self.drain(end, id);
        Ok(id)
    }

    /// Sends a message and notes it in the model.
    ///
    /// # Errors
    /// If the connection refuses or is not there.
    pub fn send(
        &mut self,
        end: End,
        id: ConnectionId,
        message: Outgoing<'_>,
    ) -> Result<MessageNumber, SendError> {
        let (lane, flags) = (message.lane, message.flags);
        let data = message.payload.as_slice().to_vec();
        let now = self.now;
        let Some(connection) = self.sides[end].connection_mut(id) else {
            return Err(SendError::WrongState(ConnectionState::Dead));
        };
        let result = connection.send(now, message);
        tell(format_args!(
            "{now} end {end}, {id}: sends {} bytes, {flags:?}, lane {lane}: {result:?}",
            data.len()
        ));
        if let Ok(number) = result {
            let reliable = flags.is_reliable() || data.len() > MAX_UNRELIABLE_SEND;
            let flow = self.flows.entry((end, id)).or_default();
            flow.sent(lane, number, reliable, &data);
        }
        self.drain(end, id);
        result
    }

    /// Has a connection do something, and sees to what comes of it. `None` if it is not there.
    pub fn feed<T>(
        &mut self,
        end: End,
        id: ConnectionId,
        input: impl FnOnce(&mut Connection, Timestamp) -> T,
    ) -> Option<T> {
        let now = self.now;
        let result = input(self.sides[end].connection_mut(id)?, now);
        self.drain(end, id);
        Some(result)
    }

    /// Takes up to `count` messages that wait to be read.
    pub fn receive(&mut self, end: End, id: ConnectionId, count: usize) {
        for _ in 0..count {
            if !self.read_one(end, id) {
                break;
            }
        }
        self.drain(end, id);
    }

    /// A datagram arrives at an end, whoever sent it.
    pub fn arrive(&mut self, end: End, datagram: &Datagram) {
        self.count_event();
        let now = self.now;
        tell(format_args!("{now} end {end} gets {}", describe(datagram)));
        let (touched, reply) = self.sides[end].arrive(now, datagram);
        if let Some(bytes) = reply {
            self.transmit(end, datagram.to, datagram.from, bytes);
        }
        if let Some(id) = touched {
            self.drain(end, id);
        }
    }

    /// An end forgets everything, as after a crash, and listens again at the same address.
    pub fn restart(&mut self, end: End) {
        self.restarts = self.restarts.wrapping_add(1);
        let (now, generation) = (self.now, self.restarts);
        let old = &self.sides[end];
        tell(format_args!("{now} end {end} starts anew"));
        let mut fresh = Side::new(now, end, generation, &self.crypto, &self.setup);
        fresh.skip_sockets(old);
        self.sides[end] = fresh;
    }

    /// From now on a peer may have told lies: deliveries promise nothing any more.
    pub fn taint(&mut self) {
        if !self.tainted {
            tell(format_args!("{} from here on peers lie", self.now));
        }
        self.tainted = true;
    }

    /// Settings may be such that a peer exceeds them, which ends its connection.
    pub const fn allow_failures(&mut self) {
        self.may_fail = true;
    }

    /// Whether a peer may have told lies.
    pub const fn is_tainted(&self) -> bool {
        self.tainted
    }

    /// Lets time pass.
    pub fn run_for(&mut self, span: Span) {
        let end = self.now + span;
        while self.step(end) {}
        self.now = self.now.max(end);
    }

    /// Lets the next thing happen, if there is one before `end`.
    pub fn step(&mut self, end: Timestamp) -> bool {
        let Some(next) = self.next_event().filter(|at| *at <= end) else {
            return false;
        };
        self.now = self.now.max(next);
        for end in [0, 1] {
            self.deliver_due(end);
            self.expire_due(end);
        }
        true
    }

    /// When something happens next by itself.
    pub fn next_event(&self) -> Option<Timestamp> {
        let arrivals = self.wires.iter().flatten().map(|datagram| datagram.due);
        let timers = self.sides.iter().filter_map(Side::next_timer);
        arrivals.chain(timers).min()
    }

    fn deliver_due(&mut self, end: End) {
        let now = self.now;
        let wire = &mut self.wires[end];
        let mut due: Vec<Datagram> = wire.extract_if(.., |d| d.due <= now).collect();
        due.sort_by_key(|datagram| datagram.due);
        for datagram in due {
            self.arrive(end, &datagram);
        }
    }

    fn expire_due(&mut self, end: End) {
        let now = self.now;
        self.sides[end].expire_endpoint(now);
        for id in self.sides[end].due(now) {
            self.count_event();
            let before = self.sides[end].outputs;
            let kind = self.sides[end]
                .connection(id)
                .and_then(Connection::poll_timeout);
            let kind = kind.map(|(_, kind)| kind);
            tell(format_args!("{now} end {end}, {id}: timer {kind:?}"));
            if let Some(connection) = self.sides[end].connection_mut(id) {
                connection.handle_timeout(now);
            }
            self.drain(end, id);
            let came_of_it = self.sides[end].outputs > before;
            self.sides[end].check_progress(now, id, came_of_it);
        }
    }

    /// The drain rule: polls all outputs of a connection until they are dry.
    fn drain(&mut self, end: End, id: ConnectionId) {
        let now = self.now;
        loop {
            for (from, to, bytes) in self.sides[end].poll(now, id) {
                self.transmit(end, from, to, bytes);
            }
            self.check_failures(end);
            let reads = self.sides[end].reads(id);
            if !reads || !self.read_one(end, id) {
                break;
            }
        }
        self.sides[end].bury(id);
    }

    /// Between peers that keep to the protocol a connection ends by being closed or for want of
    /// packets, never over a packet.
    fn check_failures(&mut self, end: End) {
        for reason in std::mem::take(&mut self.sides[end].failures) {
            let silent = [
                EndReason::MISC_TIMEOUT,
                EndReason::REMOTE_TIMEOUT,
                EndReason::MISC_PEER_SENT_NO_CONNECTION,
            ];
            let is_fair = self.tainted || self.may_fail || silent.contains(&reason);
            assert!(is_fair, "a connection failed for {reason}");
        }
    }

    fn transmit(&mut self, end: End, from: SocketAddr, to: SocketAddr, bytes: Vec<u8>) {
        let datagram = Datagram {
            due: self.now + self.latency,
            from,
            to,
            bytes,
        };
        tell(format_args!(
            "{} end {end} sends {}",
            self.now,
            describe(&datagram)
        ));
        let kept = &mut self.sent[end];
        if kept.len() == KEPT {
            kept.remove(0);
        }
        kept.push(datagram.clone());
        let wire = &mut self.wires[1 - end];
        if wire.len() < MAX_ON_WIRE {
            wire.push(datagram);
        }
    }

    /// Takes one message and holds it against the model. Says whether there was one.
    fn read_one(&mut self, end: End, id: ConnectionId) -> bool {
        let now = self.now;
        let Some(connection) = self.sides[end].connection_mut(id) else {
            return false;
        };
        let Some(message) = connection.receive(now) else {
            return false;
        };
        let peer = connection.info().remote_id;
        let (lane, number) = (message.lane(), message.number().get());
        tell(format_args!(
            "{now} end {end}, {id}: reads message {number} of lane {lane}"
        ));
        self.sides[end].outputs += 1;
        if !self.tainted {
            let sender = (1 - end, peer.expect("who sends messages has an ID"));
            let flow = self.flows.entry(sender).or_default();
            let (lane, number) = (message.lane(), message.number());
            if let Err(error) = flow.received(lane, number, message.is_reliable(), &message) {
                panic!(
                    "end {end}, connection {id}, lane {}: {error}",
                    message.lane()
                );
            }
        }
        true
    }

    fn count_event(&mut self) {
        self.events += 1;
        assert!(self.events < MAX_EVENTS, "this goes on for ever");
    }
}

/// A datagram in a story.
fn describe(datagram: &Datagram) -> String {
    let Datagram {
        from, to, bytes, ..
    } = datagram;
    let head = &bytes[..bytes.len().min(7)];
    format!("{} bytes {head:02x?} from {from} to {to}", bytes.len())
}
