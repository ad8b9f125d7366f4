//! One library under test, behind the few calls that the scenarios need.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

/// A library under test: one interface that listens, dials and carries messages.
///
/// Calls that cannot fail in a sound scenario panic with the library's own words.
pub trait Host: fmt::Debug + Send {
    /// Starts to listen on 127.0.0.1 and returns the address.
    fn listen(&mut self, options: &Options) -> SocketAddr;

    /// Dials `to`; the connection comes up later, see [`Host::changes`].
    fn connect(&mut self, to: SocketAddr, options: &Options) -> Link;

    /// Takes an incoming connection that is in [`State::Connecting`].
    fn accept(&mut self, link: Link);

    /// Closes or rejects a connection; `reason` 0 leaves the choice to the library.
    fn close(&mut self, link: Link, reason: i32, text: &str, linger: bool);

    /// Queues a message and returns its number on its lane.
    ///
    /// # Errors
    /// [`SendRefused::Full`] when the send buffer has no room now, and
    /// [`SendRefused::Other`] with the library's words for all else.
    fn send(&mut self, link: Link, message: &Outgoing<'_>) -> Result<u64, SendRefused>;

    /// Sends what waits for more data to share a packet with.
    fn flush(&mut self, link: Link);

    /// Appends the messages that have arrived, at most about a hundred a call.
    fn receive(&mut self, link: Link, into: &mut Vec<Received>);

    /// Configures the lanes to send on.
    fn configure_lanes(&mut self, link: Link, lanes: &[Lane]);

    /// Appends the state changes since the last call, oldest first.
    ///
    /// Also gives the library its chance to run: call it often.
    fn changes(&mut self, into: &mut Vec<Change>);

    /// What the library says about a connection; state [`State::None`] once the handle is gone.
    fn info(&self, link: Link) -> Info;

    /// Current measurements of a connection.
    fn status(&self, link: Link) -> Status;

    /// How long a message that is queued on this lane now would wait, as the library reckons.
    fn queue_time(&self, link: Link, lane: u16) -> Duration;
}

/// Handle of a connection within one [`Host`].
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Link(pub u64);

/// Connection state in the words and numbers of GNS (`ESteamNetworkingConnectionState`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[allow(missing_docs, reason = "the names are those of GNS")]
pub enum State {
    Dead,
    Linger,
    FinWait,
    None,
    Connecting,
    FindingRoute,
    Connected,
    ClosedByPeer,
    ProblemDetectedLocally,
}

/// Settings of a connection or of a listen socket; `None` keeps the library's default.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Lower and upper clamp of the send rate, in bytes per second.
    pub send_rate: Option<u32>,
    /// Most bytes that may wait for being sent.
    pub send_buffer: Option<u32>,
    /// Most bytes that may wait for being read.
    pub recv_buffer: Option<u32>,
    /// Most messages that may wait for being read.
    pub recv_buffer_messages: Option<u32>,
    /// Limit for connecting, in milliseconds.
    pub timeout_initial_ms: Option<u32>,
    /// Limit for silence, in milliseconds.
    pub timeout_connected_ms: Option<u32>,
    /// How long a small message waits for company, in microseconds.
    pub nagle_time_us: Option<u32>,
    /// Largest UDP payload, in bytes.
    pub mtu: Option<u32>,
    /// GNS's `Unencrypted`: 0 never, 1 allowed, 2 preferred, 3 required.
    pub unencrypted: Option<u32>,
    /// GNS's `SendTimeSincePreviousPacket`: 0 no, 1 yes.
    pub time_since_previous: Option<u32>,
}

/// A message to send.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// Contents.
    pub data: &'a [u8],
    /// Index of the lane.
    pub lane: u16,
    /// Delivered exactly once and in order, or at most once.
    pub reliable: bool,
    /// Goes out now instead of waiting for company.
    pub no_nagle: bool,
}

impl<'a> Outgoing<'a> {
    /// A reliable message on lane 0.
    pub fn reliable(data: &'a [u8]) -> Self {
        Self {
            data,
            lane: 0,
            reliable: true,
            no_nagle: false,
        }
    }

    /// An unreliable message on lane 0.
    pub fn unreliable(data: &'a [u8]) -> Self {
        Self {
            data,
            lane: 0,
            reliable: false,
            no_nagle: false,
        }
    }

    /// The same on another lane.
    pub fn on_lane(self, lane: u16) -> Self {
        Self { lane, ..self }
    }

    /// The same without the wait for company.
    pub fn no_nagle(self) -> Self {
        Self {
            no_nagle: true,
            ..self
        }
    }
}

/// Why a message was not taken.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SendRefused {
    /// The send buffer has no room now.
    Full,
    /// Anything else, in the library's words.
    Other(String),
}

/// A message that arrived.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Received {
    /// Contents.
    pub data: Vec<u8>,
    /// Number that the sender gave it on its lane.
    pub number: u64,
    /// Index of the lane.
    pub lane: u16,
    /// Whether it was sent reliably.
    pub reliable: bool,
}

/// Priority and weight of a lane, in GNS's terms: the lower number goes first.
#[derive(Clone, Copy, Debug)]
pub struct Lane {
    /// Strict order between lanes.
    pub priority: i32,
    /// Share among lanes of one priority.
    pub weight: u16,
}

/// A connection went from one state to another.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Change {
    /// Which connection.
    pub link: Link,
    /// The state before.
    pub old: State,
    /// The state after.
    pub new: State,
    /// It came in through a listen socket of this host.
    pub incoming: bool,
}

/// What a library tells about a connection.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Info {
    /// Current state.
    pub state: State,
    /// End reason, 0 while there is none.
    pub end_reason: i32,
    /// Text that came with the end.
    pub end_text: String,
    /// Identity of the other side, as text.
    pub identity: String,
    /// Address of the other side.
    pub remote: Option<SocketAddr>,
    /// Whether the packets are encrypted.
    pub encrypted: bool,
    /// Whether a certificate authority vouches for the identity.
    pub authenticated: bool,
}

impl Info {
    /// What is known about a handle that the library does not know, or no longer.
    pub fn unknown() -> Self {
        Self {
            state: State::None,
            end_reason: 0,
            end_text: String::new(),
            identity: String::new(),
            remote: None,
            encrypted: false,
            authenticated: false,
        }
    }
}

/// Measurements of a connection.
#[derive(Clone, Copy, Debug)]
pub struct Status {
    /// Round-trip time in milliseconds, -1 when unknown.
    pub ping_ms: i32,
    /// Share of packets that arrived here, 0 to 1, negative when unknown.
    pub quality_local: f32,
    /// Share of packets that arrived there, 0 to 1, negative when unknown.
    pub quality_remote: f32,
    /// Largest deviation of a packet's arrival, in microseconds, -1 when unknown.
    pub max_jitter_us: i32,
    /// Bytes sent per second of late.
    pub out_bytes_per_sec: f32,
    /// Bytes received per second of late.
    pub in_bytes_per_sec: f32,
    /// Bytes of reliable messages that wait for being sent.
    pub pending_reliable_bytes: usize,
    /// Bytes of unreliable messages that wait for being sent.
    pub pending_unreliable_bytes: usize,
    /// Bytes of reliable messages sent and not acknowledged yet.
    pub unacked_reliable_bytes: usize,
}
