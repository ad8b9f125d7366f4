//! Game networking: encrypted message-oriented connections over UDP, wire-compatible with GameNetworkingSockets.
#![forbid(unsafe_code)]

mod builder;
mod connection;
mod driver;
mod error;
mod events;
mod handle;
mod listener;
mod message;
mod poll_group;
mod sockets;

pub use bowline_core::cert::check::AuthPolicy;
pub use bowline_core::config::ConfigError;
pub use bowline_core::config::ConnectionConfig;
pub use bowline_core::config::LaneConfig;
pub use bowline_core::connection::ConnectionState;
pub use bowline_core::connection::LaneStatus;
pub use bowline_core::connection::RealTimeStatus;
pub use bowline_core::counters::DropCounters;
pub use bowline_core::counters::DropReason;
pub use bowline_core::crypto::Crypto;
pub use bowline_core::crypto::cipher_negotiation::EncryptionPolicy;
pub use bowline_core::end_reason::EndReason;
pub use bowline_core::identity::Identity;
pub use bowline_core::ids::ConnectionId;
pub use bowline_core::ids::LaneIndex;
pub use bowline_core::ids::MessageNumber;
pub use bowline_core::message::SendFlags;
pub use bowline_core::time::Span;
pub use bowline_core::time::Timestamp;

pub use crate::builder::ServiceMode;
pub use crate::builder::SocketsBuilder;
pub use crate::connection::Connection;
pub use crate::error::AcceptError;
pub use crate::error::BuildError;
pub use crate::error::ConnectError;
pub use crate::error::LaneError;
pub use crate::error::ListenError;
pub use crate::error::NoSuchConnection;
pub use crate::error::PollGroupError;
pub use crate::error::SendError;
pub use crate::events::ConnectionEvent;
pub use crate::events::ConnectionInfo;
pub use crate::events::Event;
pub use crate::handle::WaitHandle;
pub use crate::listener::Listener;
pub use crate::listener::ListenerId;
pub use crate::message::Message;
pub use crate::poll_group::PollGroup;
pub use crate::sockets::Sockets;

pub use bytes::Bytes;
