//! Everything that can happen to a connection, as data.
//!
//! One enum for all of it is what makes a recorded run replayable and a connection explorable: same
//! seed, same inputs at the same times, same bytes out.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use serde::Deserialize;
use serde::Deserializer;
use serde::Serialize;
use serde::Serializer;

use crate::config::Config;
use crate::config::LaneConfig;
use crate::counters::DropReason;
use crate::end_reason::EndReason;
use crate::event::ToConnection;
use crate::ids::LaneIndex;
use crate::ids::MessageNumber;
use crate::message::Message;
use crate::message::Outgoing;
use crate::pipe::Piped;
use crate::transmit::DatagramMeta;
use crate::transmit::ProbeFailure;

/// Something that happens to a connection.
#[derive(Debug, Deserialize, Serialize)]
#[non_exhaustive]
pub enum Input<'a> {
    /// A datagram came in. It is decrypted in place.
    Datagram {
        /// What is known besides the bytes.
        meta: DatagramMeta,
        /// The bytes.
        data: DatagramBytes<'a>,
    },
    /// A deadline has passed.
    Timeout,
    /// The application wants something.
    Command(Command<'a>),
    /// A rendezvous signal came in.
    Signal(DatagramBytes<'a>),
    /// The other end of a pipe hands something over.
    Piped(Piped),
    /// The endpoint answers.
    Endpoint(ToConnection),
    /// A datagram came in that was dropped unread; a recording keeps only why, for the count.
    Dropped(DropReason),
    /// Packets are asked for: [`crate::connection::Connection::poll_transmit`] with room for so many.
    Transmit {
        /// How many datagrams one run may have.
        max_datagrams: usize,
    },
    /// A signal is asked for, and there is one: [`crate::connection::Connection::poll_signal`].
    PollSignal,
    /// A packet that asks whether the path takes its size was not sent.
    ProbeUnsent(ProbeFailure),
}

/// What an application can ask of a connection.
#[derive(Debug, Deserialize, Serialize)]
#[non_exhaustive]
pub enum Command<'a> {
    /// Accept an incoming connection.
    Accept,
    /// End it.
    Close {
        /// The code for the peer.
        reason: EndReason,
        /// The text for the peer; at most 127 bytes of it are sent.
        text: String,
        /// Deliver what was sent reliably first.
        linger: bool,
    },
    /// Send a message.
    Send(Outgoing<'a>),
    /// Let queued messages wait for company no longer.
    Flush,
    /// Set lanes.
    ConfigureLanes(Vec<LaneConfig>),
    /// Drop unreliable messages on arrival that are older than one already received, or stop to.
    SetSequenced {
        /// In this lane; `None` for all lanes.
        lane: Option<LaneIndex>,
        /// Whether to drop them.
        sequenced: bool,
    },
    /// Take the oldest received message.
    Receive,
    /// Go by other settings from now on.
    Configure(Arc<Config>),
    /// Something was refused that needs so many bytes of the send buffer: tell when they are free.
    AwaitRoom(usize),
}

/// What a command yields.
#[derive(Debug)]
#[non_exhaustive]
pub enum Reply {
    /// Nothing besides having been done.
    Done,
    /// The message was accepted, under this number.
    Sent(MessageNumber),
    /// The oldest message, if there is one.
    Received(Option<Message>),
}

/// The bytes of a datagram: somebody's buffer, or an own copy after a replay was loaded.
pub enum DatagramBytes<'a> {
    /// In the buffer that it was received into.
    Borrowed(&'a mut [u8]),
    /// A copy.
    Owned(Vec<u8>),
}

impl DatagramBytes<'_> {
    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        match self {
            Self::Borrowed(bytes) => bytes,
            Self::Owned(bytes) => bytes,
        }
    }

    /// The bytes, to decrypt in place.
    pub fn as_mut_slice(&mut self) -> &mut [u8] {
        match self {
            Self::Borrowed(bytes) => bytes,
            Self::Owned(bytes) => bytes,
        }
    }
}

impl Serialize for DatagramBytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.as_slice())
    }
}

impl<'de> Deserialize<'de> for DatagramBytes<'_> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::deserialize(deserializer).map(Self::Owned)
    }
}

impl fmt::Debug for DatagramBytes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.as_slice().len())
    }
}
