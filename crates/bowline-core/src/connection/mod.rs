//! One connection, from its first packet to its last, without any input or output of its own.
//!
//! Inputs are [`Input`]s with the time at which they happen; [`Connection::handle`] is the one door
//! for them, and the methods named after commands are shorthand for it. Outputs are polled: packets
//! ([`Connection::poll_transmit`]), events for the application ([`Connection::poll_event`]), news for
//! the endpoint ([`Connection::poll_endpoint`]) and the next deadline ([`Connection::poll_timeout`]).
//!
//! **The drain rule**: after each input poll all outputs until they are dry, then feed the next.
//!
//! `state` holds the states, `receive` takes packets in, `transmit` sends them, `close` ends things,
//! `liveness` watches the peer; the halves that move messages are `crate::send` and `crate::recv`.

mod close;
mod command;
mod configure;
mod detail;
#[cfg(any(test, feature = "test-support"))]
mod forge;
mod info;
mod input;
mod liveness;
mod memory;
mod outbox;
mod path;
mod ping;
mod pipe;
mod probe;
mod receive;
mod recording;
mod reorder;
mod sealed_close;
mod state;
mod timers;
mod transmit;
mod within;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;

use serde::Deserialize;
use serde::Serialize;

use crate::cert::check::VerifiedPeer;
use crate::config::Config;
use crate::counters::DropCounters;
use crate::crypto::key_update::ConnectionKeys;
use crate::crypto::packet::SessionKeys;
use crate::end_reason::EndReason;
use crate::event::Event;
use crate::event::ToEndpoint;
use crate::extensions::Extension;
use crate::extensions::ExtensionSet;
use crate::handshake::Origin;
use crate::handshake::SharedHost;
use crate::handshake::WallClock;
use crate::handshake::client::Dialing;
use crate::handshake::server::Deciding;
use crate::handshake::session::Agreed;
use crate::identity::Identity;
use crate::ids::ConnectionId;
use crate::ids::PacketNumber;
use crate::limits;
use crate::p2p::Party;
use crate::pipe::Pipe;
use crate::recv::Receiver;
use crate::send::Sender;
use crate::stats::LinkStats;
use crate::stats::PingTracker;
use crate::stats::StatsExchange;
use crate::time::Timestamp;

pub use crate::rate::trace::RateChange;
pub use crate::rate::trace::RateDecision;
pub use info::ConnectionInfo;
pub use info::LaneStatus;
pub use info::RealTimeStatus;
pub use info::SendCapacity;
pub use input::Command;
pub use input::DatagramBytes;
pub use input::Input;
pub use input::Reply;
pub use recording::FlightCopy;
pub use recording::FlightRecording;
pub use recording::FrameSummary;
pub use recording::InputSummary;
pub use recording::PacketSummary;
pub use recording::Played;
pub use recording::Recorded;
pub use recording::Recording;
pub use recording::RecordingOptions;
pub use recording::SentSummary;
pub use recording::StateChange;
pub use recording::Verdict;
pub use recording::replay;
pub use state::ConnectionState;

pub(crate) use liveness::Liveness;
pub(crate) use outbox::Outbox;
pub(crate) use path::Path;
pub(crate) use recording::Plan;
pub(crate) use recording::Recorder;
pub(crate) use recording::StreamHeaders;
pub(crate) use sealed_close::CloseProgress;
pub(crate) use state::End;
pub(crate) use state::Stage;
pub(crate) use state::State;

/// A connection. See the module's documentation for how to drive it.
#[derive(Debug)]
pub struct Connection {
    pub(crate) host: SharedHost,
    pub(crate) config: Arc<Config>,
    pub(crate) id: ConnectionId,
    pub(crate) origin: Origin,
    pub(crate) peer: Peer,
    pub(crate) state: State,
    pub(crate) end: Option<Box<End>>,
    pub(crate) keys: Option<ConnectionKeys>,
    pub(crate) path: Path,
    pub(crate) sender: Sender,
    pub(crate) receiver: Receiver,
    pub(crate) liveness: Liveness,
    pub(crate) telemetry: Telemetry,
    pub(crate) outbox: Outbox,
    /// In place of packets, if the other end is in this process.
    pub(crate) pipe: Option<Box<Pipe>>,
    /// What there is besides if signals have brought the two together.
    pub(crate) party: Option<Box<Party>>,
    pub(crate) recorder: Recorder,
    /// The time of the last input.
    pub(crate) now: Timestamp,
}

/// What is known of the other side.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Peer {
    pub(crate) id: Option<ConnectionId>,
    /// `None` until the handshake tells.
    pub(crate) identity: Option<Identity>,
    /// Who a peer without an identity is taken to be: its address.
    pub(crate) address: core::net::SocketAddr,
    pub(crate) authenticated: bool,
    /// The key of the certificate that a dialled peer has shown of whom something was expected. Of no use to who plays a
    /// recording.
    #[serde(skip)]
    pub(crate) key: Option<Box<[u8; 32]>>,
    pub(crate) version: u32,
    pub(crate) clock: WallClock,
    /// What both have agreed on beyond GNS.
    pub(crate) extensions: ExtensionSet,
    /// It has shown that it has keys: by its answer, or by a packet that decrypts.
    pub(crate) has_keys: bool,
}

/// What is measured and counted.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Telemetry {
    pub(crate) link: LinkStats,
    pub(crate) ping: PingTracker,
    pub(crate) exchange: StatsExchange,
    pub(crate) drops: DropCounters,
    /// When the last data packet was sent.
    pub(crate) last_sent: Option<Timestamp>,
}

/// What a connection starts from, whatever its origin.
pub(crate) struct Start {
    pub(crate) host: SharedHost,
    pub(crate) config: Arc<Config>,
    pub(crate) id: ConnectionId,
    pub(crate) address: core::net::SocketAddr,
    pub(crate) clock: WallClock,
    /// What the peer cannot know.
    pub(crate) luck: u64,
}

impl Connection {
    /// We dial: the first packet goes out with the next poll.
    pub(crate) fn dial(now: Timestamp, start: Start, dialing: Dialing) -> Self {
        let mut connection = Self::new(now, start, Origin::Dial, State::Dialing(Box::new(dialing)));
        connection.outbox.push_state(Event::StateChanged {
            old: ConnectionState::None,
            new: ConnectionState::Connecting,
        });
        connection.start_attempt(now);
        connection
    }

    /// A peer dials, and has passed all checks: the application decides.
    pub(crate) fn incoming(
        now: Timestamp,
        start: Start,
        deciding: Deciding,
        remote_id: ConnectionId,
        identity: Identity,
        peer: &VerifiedPeer,
    ) -> Self {
        let state = State::Deciding(Box::new(deciding));
        let mut connection = Self::new(now, start, Origin::Listen, state);
        connection.outbox.push_state(Event::StateChanged {
            old: ConnectionState::None,
            new: ConnectionState::Connecting,
        });
        connection.peer.id = Some(remote_id);
        connection.peer.identity = Some(identity);
        connection.peer.authenticated = peer.authenticated;
        connection.set_peer_version(peer.crypt.protocol_version());
        connection
    }

    /// One end of a pair that is made in one process: connected from the start, and nothing is told of
    /// that. Without keys, as a pipe.
    pub(crate) fn paired(
        now: Timestamp,
        start: Start,
        remote_id: ConnectionId,
        identity: Identity,
        keys: Option<SessionKeys>,
    ) -> Self {
        let mut connection = Self::new(
            now,
            start,
            Origin::Pair,
            State::Connected { answered: None },
        );
        connection.peer.id = Some(remote_id);
        connection.peer.identity = Some(identity);
        connection.liveness.on_received(now);
        let telemetry = &mut connection.telemetry;
        telemetry.link.connected(now);
        if keys.is_some() {
            telemetry.exchange.connected(now, &telemetry.link);
        } else {
            telemetry.ping.add_sample(now, 0);
            connection.pipe = Some(Box::new(Pipe::new(now, &connection.config)));
        }
        let first = connection.sender.next_number();
        connection.keys = keys.map(|keys| ConnectionKeys::new(now, first, keys, None));
        connection
    }

    /// One that signals begin; no way for packets is known.
    pub(crate) fn signaled(now: Timestamp, start: Start, state: State) -> Self {
        let mtu_bytes = start.config.mtu_bytes();
        let mut connection = Self::new(now, start, Origin::Signal, state);
        connection.path = Path::between_peers(mtu_bytes);
        connection.outbox.push_state(Event::StateChanged {
            old: ConnectionState::None,
            new: ConnectionState::Connecting,
        });
        connection
    }

    fn new(now: Timestamp, start: Start, origin: Origin, state: State) -> Self {
        let handshake = handshake_packet(limits::PROTOCOL_VERSION);
        let mut sender = Sender::new(now, &start.config, handshake.next());
        sender.set_luck(start.luck);
        let connection = Self {
            path: Path::direct(start.config.mtu_bytes()),
            sender,
            receiver: Receiver::new(&start.config, handshake),
            liveness: Liveness::new(now),
            telemetry: Telemetry {
                link: LinkStats::new(now),
                ping: PingTracker::new(),
                exchange: StatsExchange::new(),
                drops: DropCounters::new(),
                last_sent: None,
            },
            peer: Peer {
                id: None,
                identity: None,
                address: start.address,
                authenticated: false,
                key: None,
                version: limits::PROTOCOL_VERSION,
                clock: start.clock,
                extensions: ExtensionSet::NONE,
                has_keys: false,
            },
            host: start.host,
            config: start.config,
            id: start.id,
            origin,
            state,
            end: None,
            keys: None,
            outbox: Outbox::default(),
            pipe: None,
            party: None,
            recorder: Recorder::default(),
            now,
        };
        #[cfg(any(test, feature = "test-support"))]
        let connection = connection.with_start_numbers();
        connection
    }

    /// The next event for the application.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.outbox.pop_event()
    }

    /// Whether [`Self::poll_event`] or [`Self::poll_endpoint`] has something to say.
    pub fn has_news(&self) -> bool {
        self.outbox.has_news()
    }

    /// The next thing that the endpoint should know.
    pub fn poll_endpoint(&mut self) -> Option<ToEndpoint> {
        self.outbox.pop_to_endpoint()
    }

    /// Our name for the connection: its handle here, and the address of the peer's packets.
    pub const fn id(&self) -> ConnectionId {
        self.id
    }

    /// The ID that the peer gave the connection, once it is known.
    pub const fn remote_id(&self) -> Option<ConnectionId> {
        self.peer.id
    }

    /// The state.
    pub const fn state(&self) -> ConnectionState {
        self.state.public()
    }

    /// Packets that were refused, by reason.
    pub const fn drops(&self) -> &DropCounters {
        &self.telemetry.drops
    }

    /// When each received message that waits to be read arrived, the oldest first.
    pub fn arrivals(&self) -> impl DoubleEndedIterator<Item = Timestamp> + '_ {
        self.receiver.arrivals()
    }

    /// How many received messages wait to be read.
    pub fn queued_messages(&self) -> usize {
        self.receiver.queued_messages()
    }

    /// How many bytes the received messages have that wait to be read.
    pub const fn queued_bytes(&self) -> usize {
        self.receiver.queued_bytes()
    }

    /// Moves to another state and tells.
    pub(crate) fn set_state(&mut self, new: State) {
        let old = core::mem::replace(&mut self.state, new).public();
        let new = self.state.public();
        if old == new {
            return;
        }
        tracing::debug!(id = %self.id, %old, %new, "state changed");
        self.log_end_or_beginning(new);
        if !self.state.is_active() && !self.is_finding_route() {
            self.telemetry.link.disconnected(self.now);
            self.telemetry.exchange.stop();
        }
        if self.receives_no_more() {
            self.give_window_back();
        }
        self.outbox.push_state(Event::StateChanged { old, new });
        if old == ConnectionState::Connecting {
            self.outbox.push_to_endpoint(ToEndpoint::Decided);
        }
        let is_between_peers = self.party.is_some() || self.origin == Origin::InProcess;
        if is_between_peers && new.is_closed() && !old.is_closed() {
            self.outbox.push_to_endpoint(ToEndpoint::Over);
        }
        if new == ConnectionState::Dead {
            self.outbox.push_to_endpoint(ToEndpoint::Dead);
        }
    }

    /// What an operator reads: connections made, and how they ended. No addresses, no identities.
    fn log_end_or_beginning(&self, new: ConnectionState) {
        match new {
            ConnectionState::Connected => {
                let extensions = self.peer.extensions;
                tracing::info!(id = %self.id, %extensions, "connected");
            }
            ConnectionState::ClosedByPeer | ConnectionState::ProblemDetectedLocally => {
                let reason = self
                    .end
                    .as_ref()
                    .map_or(EndReason::INVALID, |end| end.reason);
                tracing::info!(id = %self.id, %reason, state = %new, "connection ended");
            }
            ConnectionState::None
            | ConnectionState::Connecting
            | ConnectionState::FindingRoute
            | ConnectionState::FinWait
            | ConnectionState::Linger
            | ConnectionState::Dead => {}
        }
    }

    /// Keys are there: data flows from now on.
    pub(crate) fn set_connected(&mut self, now: Timestamp, agreed: Agreed, state: State) {
        self.install_keys(now, agreed);
        self.begin_connected(now, state);
    }

    /// Keys are there.
    pub(crate) fn install_keys(&mut self, now: Timestamp, agreed: Agreed) {
        let first = self.sender.next_number();
        self.keys = Some(ConnectionKeys::new(now, first, agreed.keys, agreed.update));
        self.peer.extensions = agreed.extensions;
        if agreed.extensions.contains(Extension::ReceiveWindow) {
            self.receiver.use_window(&self.config);
        }
        if agreed.extensions.contains(Extension::PathMtu) {
            self.path.let_grow(self.config.mtu_search_max_bytes());
        }
    }

    /// Data flows from now on.
    pub(crate) fn begin_connected(&mut self, now: Timestamp, state: State) {
        self.liveness.on_received(now);
        self.telemetry.link.connected(now);
        self.telemetry.exchange.connected(now, &self.telemetry.link);
        self.set_state(state);
        // Lanes may have been set up while the peer's version was not known.
        if self
            .check_peer_knows_lanes(now, self.sender.lanes())
            .is_err()
        {
            tracing::debug!(id = %self.id, "lanes were set up for a peer that knows none");
        }
    }

    /// The peer's version decides whether its handshake counts as packet 1 (from version 10 on).
    pub(crate) fn set_peer_version(&mut self, version: u32) {
        self.peer.version = version;
        let handshake = handshake_packet(version);
        self.sender.set_first_packet(handshake.next());
        self.receiver.set_handshake_packet(handshake);
        #[cfg(any(test, feature = "test-support"))]
        self.start_packets();
    }

    /// A text for the application and the peer; cut to what crosses the wire.
    pub(crate) fn close_text(text: &str) -> String {
        let mut end = text.len().min(limits::MAX_CLOSE_TEXT);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.get(..end).unwrap_or("").into()
    }
}

impl Clone for Connection {
    /// A copy in the same state, with the same keys: for replay and exploration. Only one of the two
    /// may go on talking to a real peer. A running recording stays with the original.
    fn clone(&self) -> Self {
        Self {
            host: self.host.clone(),
            config: self.config.clone(),
            id: self.id,
            origin: self.origin,
            peer: self.peer.clone(),
            state: self.state.clone(),
            end: self.end.clone(),
            keys: self.keys.clone(),
            path: self.path.clone(),
            sender: self.sender.clone(),
            receiver: self.receiver.clone(),
            liveness: self.liveness.clone(),
            telemetry: self.telemetry.clone(),
            outbox: self.outbox.clone(),
            pipe: self.pipe.clone(),
            party: self.party.clone(),
            recorder: Recorder::default(),
            now: self.now,
        }
    }
}

/// The packet number that the handshake stands for, by the peer's version.
const fn handshake_packet(version: u32) -> PacketNumber {
    PacketNumber::new(if version >= 10 { 1 } else { 0 })
}

#[cfg(test)]
mod tests;
