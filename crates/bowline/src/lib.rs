//! Game networking: encrypted, message-oriented connections over UDP, wire-compatible with Valve's
//! GameNetworkingSockets.
//!
//! A [`Sockets`] is where everything begins: it listens and connects. A [`Connection`] sends and receives
//! [`Message`]s, reliable or not, each whole or not at all. What happens to connections is told by
//! [`Event`]s. No call blocks but [`Sockets::wait`] and [`PollGroup::wait`].
//!
//! # A server and a client
//!
//! ```
//! use std::time::Duration;
//!
//! use bowline::{ConnectionState, EndReason, Event, SendFlags, Sockets};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // Both would be programs of their own.
//! let server = Sockets::new()?;
//! let client = Sockets::new()?;
//! let listener = server.listen("127.0.0.1:0".parse()?)?;
//! let connection = client.connect(listener.local_addr())?;
//! // May be sent at once: it goes out when the server has accepted.
//! connection.send(b"hello", SendFlags::RELIABLE_NO_NAGLE)?;
//!
//! // The server's loop. A poll group receives from all clients at once.
//! let clients = server.poll_group();
//! let greeting = loop {
//!     server.wait(Duration::from_millis(10));
//!     while let Some(Event::ConnectionChanged(change)) = server.next_event() {
//!         if change.is_request() {
//!             change.connection.set_poll_group(Some(&clients))?;
//!             change.connection.accept()?;
//!         } else if change.is_ended() {
//!             change.connection.close(EndReason::APP_GENERIC, "", false)?;
//!         }
//!     }
//!     if let Some(message) = clients.receive() {
//!         break message;
//!     }
//! };
//! assert_eq!(&*greeting, b"hello");
//! greeting.connection().send(b"welcome", SendFlags::RELIABLE_NO_NAGLE)?;
//!
//! // The client's loop.
//! let answer = loop {
//!     client.wait(Duration::from_millis(10));
//!     for _event in client.events() {}
//!     if let Some(message) = connection.receive()? {
//!         break message;
//!     }
//! };
//! assert_eq!(&*answer, b"welcome");
//!
//! // With linger, what was sent reliably still arrives.
//! connection.close(EndReason::APP_GENERIC, "bye", true)?;
//! assert_eq!(connection.state(), ConnectionState::None);
//! # Ok(())
//! # }
//! ```
//!
//! # Who does the work
//!
//! By default a service thread looks after sockets and timers. A thread that calls [`Sockets::wait`]
//! takes over from it for that time, so that a message goes from the network to its reader without a
//! hand-over between threads. With [`ServiceMode::Manual`] there is no thread, and [`Sockets::poll`],
//! called from the game's own loop, does everything. [`Sockets::wait_handle`] fits either into an event
//! loop of another library.
//!
//! A server that one processor is not enough for may have more threads
//! ([`SocketsBuilder::service_threads`]): on Linux the kernel spreads its clients over them.
//!
//! All handles may be used from any thread.
//!
//! # Sending
//!
//! [`SendFlags`] say whether a message is reliable, and how urgent. Without `NO_NAGLE` a small message
//! waits up to 5 ms for company, so that several share a packet; `NO_DELAY` drops an unreliable message
//! that would wait for more than 200 ms. Several *lanes* ([`Connection::configure_lanes`]) keep urgent messages
//! from waiting behind large ones.
//!
//! Sending never blocks. A full buffer is [`SendError::BufferFull`], which tells how long until there is
//! room; [`Event::Writable`] tells when there is:
//!
//! ```
//! use bowline::{Connection, SendError, SendFlags};
//!
//! fn send_snapshot(connection: &Connection, snapshot: &[u8]) {
//!     match connection.send(snapshot, SendFlags::UNRELIABLE_NO_NAGLE) {
//!         Ok(_number) => {}
//!         // The next snapshot will do.
//!         Err(SendError::BufferFull { .. }) => {}
//!         // The event that tells why has come or is about to.
//!         Err(error) => eprintln!("not sent: {error}"),
//!     }
//! }
//! ```
//!
//! [`Connection::send_capacity`] tells before sending how much fits and how long it will wait. An unreliable
//! message may have a deadline, after which it is not sent, and a key, under which a newer one takes its
//! place in the queue: see [`SendOptions`]. A receiver that wants no old state after newer has late messages
//! dropped with [`Connection::set_sequenced`].
//!
//! # Peers
//!
//! A peer whose address nobody knows, since it is a player behind a router, is connected to by its identity
//! ([`Sockets::connect_p2p`]). The application carries a few small messages between the two; [`signaling`] tells how,
//! and shows it.
//!
//! Who is signed in to a [`hub`] needs nothing but the identity ([`Sockets::connect_peer`]): it carries those messages, and
//! has a certificate for everybody.
//!
//! Who wants no connections to take care of sends [`Messages`] to identities: sessions come and go by themselves.
//!
//! # Settings
//!
//! [`Config`] holds them; each setter checks its range. [`ConfigKey`] names them all, for setting by key or
//! by text. They can be set for the process ([`global_config`]), for an interface, a listener and a
//! connection, before and while these live; what is not set comes from the next wider level.
//!
//! ```
//! use std::time::Duration;
//!
//! use bowline::{Config, Identity, ServiceMode, Sockets};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut config = Config::new();
//! config
//!     .set_timeout_connected(Duration::from_secs(5))?
//!     .set_send_buffer(2 * 1024 * 1024)?;
//! let sockets = Sockets::builder()
//!     .identity(Identity::str("player-7")?)
//!     .app_id(480)
//!     .config(config)
//!     .service(ServiceMode::Manual)
//!     .build()?;
//! assert!(!sockets.poll());
//! # Ok(())
//! # }
//! ```
//!
//! # What it logs
//!
//! The library logs by `tracing`: connections made and lost at INFO, changes of state at DEBUG, what
//! concerns single packets at TRACE. Packets, messages, acknowledgements and gaps have targets of their
//! own ([`DebugSource`]) and are logged for the connections whose [`ConfigKey::LogLevelMessage`] and the
//! like say so. Without a subscriber of `tracing`, [`set_debug_output`] hands all of it to a function:
//!
//! ```
//! use bowline::{ConfigKey, DebugLevel, Sockets, clear_debug_output, set_debug_output};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! set_debug_output(DebugLevel::Verbose, |level, source, text| {
//!     eprintln!("{level} {source}: {text}");
//! })?;
//! let sockets = Sockets::new()?;
//! sockets.set_config(ConfigKey::LogLevelPacketDecode, DebugLevel::Verbose.number())?;
//! clear_debug_output();
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

mod batch;
mod builder;
mod busy;
pub mod cert;
mod config;
mod connection;
mod debug_output;
mod description;
mod driver;
mod error;
mod events;
mod flush;
pub mod global_config;
mod handle;
pub mod hub;
mod info_flags;
mod line_limit;
mod listener;
mod message;
mod messages;
mod packets;
mod peers;
mod poll_group;
pub mod recorder;
mod result;
mod send_options;
pub mod signaling;
mod sockets;
pub mod story;
mod trust;
pub mod utils;
mod waker;

pub use bowline_core::address::FakeIpType;
pub use bowline_core::address::PeerAddr;
pub use bowline_core::address::PeerAddrError;
pub use bowline_core::availability::Availability;
pub use bowline_core::cert::check::AuthPolicy;
pub use bowline_core::cert::credentials::CredentialsError;
pub use bowline_core::cert::expect::Expect;
pub use bowline_core::config::CallbackToken;
pub use bowline_core::config::Change;
pub use bowline_core::config::Config;
pub use bowline_core::config::ConfigError;
pub use bowline_core::config::ConfigKey;
pub use bowline_core::config::ConfigScope;
pub use bowline_core::config::ConfigSpec;
pub use bowline_core::config::ConfigType;
pub use bowline_core::config::ConfigValue;
pub use bowline_core::config::LaneConfig;
pub use bowline_core::config::ServersError;
pub use bowline_core::config::WaitsFor;
pub use bowline_core::connection::ConnectionState;
pub use bowline_core::connection::LaneStatus;
pub use bowline_core::connection::RealTimeStatus;
pub use bowline_core::connection::SendCapacity;
pub use bowline_core::counters::DropCounters;
pub use bowline_core::counters::DropReason;
pub use bowline_core::crypto::Crypto;
pub use bowline_core::crypto::cipher_negotiation::EncryptionPolicy;
pub use bowline_core::crypto::key_update::KeyLimits;
pub use bowline_core::crypto::packet::KeyEpoch;
pub use bowline_core::debug::DebugLevel;
pub use bowline_core::debug::DebugSource;
pub use bowline_core::end_reason::EndReason;
pub use bowline_core::end_reason::Rejection;
pub use bowline_core::endpoint::AuthenticationStatus;
pub use bowline_core::endpoint::Shard;
pub use bowline_core::extensions::Extension;
pub use bowline_core::extensions::ExtensionSet;
pub use bowline_core::ice::CandidateTypes;
pub use bowline_core::identity::Identity;
pub use bowline_core::identity::IdentityError;
pub use bowline_core::identity::IdentityKind;
pub use bowline_core::ids::ConnectionId;
pub use bowline_core::ids::LaneIndex;
pub use bowline_core::ids::MessageNumber;
pub use bowline_core::ids::VirtualPort;
pub use bowline_core::limits::MAX_MESSAGE;
pub use bowline_core::message::Payload;
pub use bowline_core::message::SendFlags;
pub use bowline_core::pop::PopId;
pub use bowline_core::pop::PopIdError;
pub use bowline_core::result_code::ResultCode;
pub use bowline_core::stats::ArmourStats;
pub use bowline_core::stats::LossStats;
pub use bowline_core::stun::uri::ServerListError;
pub use bowline_core::time::Span;
pub use bowline_core::time::Timestamp;

pub use crate::batch::BatchMessage;
pub use crate::batch::OnFailure;
pub use crate::batch::Unsent;
pub use crate::batch::UnsentReason;
pub use crate::builder::ServiceMode;
pub use crate::builder::SocketsBuilder;
pub use crate::connection::Connection;
pub use crate::debug_output::DebugOutputError;
pub use crate::debug_output::clear_debug_output;
pub use crate::debug_output::set_debug_output;
pub use crate::driver::PairKind;
pub use crate::error::AcceptError;
pub use crate::error::BuildError;
pub use crate::error::ConnectError;
pub use crate::error::ConnectP2pError;
pub use crate::error::ConnectWithinError;
pub use crate::error::LaneError;
pub use crate::error::ListenError;
pub use crate::error::ListenP2pError;
pub use crate::error::NoSuchConnection;
pub use crate::error::PairError;
pub use crate::error::PollGroupError;
pub use crate::error::SendError;
pub use crate::error::SettingError;
pub use crate::error::SignalError;
pub use crate::error::StatusError;
pub use crate::events::ConnectionEvent;
pub use crate::events::ConnectionInfo;
pub use crate::events::Event;
pub use crate::handle::WaitHandle;
pub use crate::info_flags::InfoFlags;
pub use crate::listener::Listener;
pub use crate::listener::ListenerId;
pub use crate::listener::PeerListener;
pub use crate::message::Message;
pub use crate::messages::Messages;
pub use crate::messages::MessagesSendError;
pub use crate::messages::NoSession;
pub use crate::messages::NotDelivered;
pub use crate::messages::SessionInfo;
pub use crate::messages::SessionMessage;
pub use crate::packets::P2pSessionError;
pub use crate::packets::PacketKind;
pub use crate::packets::Packets;
pub use crate::packets::PacketsSession;
pub use crate::poll_group::PollGroup;
pub use crate::result::ToResult;
pub use crate::send_options::SendOptions;
pub use crate::sockets::Sockets;
pub use crate::waker::Waker;

pub use bytes::Bytes;

/// Compiles and runs what the README shows.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;

/// Compiles what the page on delivery shows.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/delivery.md")]
struct DeliveryPage;

/// Compiles what the page on sending shows.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/sending.md")]
struct SendingPage;

/// Compiles and runs what the page on peers shows.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/p2p.md")]
struct P2pPage;

/// Compiles and runs what the page on messages to identities shows.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/messages.md")]
struct MessagesPage;

/// Compiles what the page on hubs shows.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/hub-client.md")]
struct HubClientPage;

/// Compiles and runs what the page on packets to identities shows.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/packets.md")]
struct PacketsPage;

/// Compiles what the page on certificates shows.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/certificates.md")]
struct CertificatesPage;

/// Compiles and runs what the page on the flight recorder shows.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/flight-recorder.md")]
struct FlightRecorderPage;
