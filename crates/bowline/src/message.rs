//! Received messages.

use std::fmt;
use std::ops::Deref;

use bowline_core::ids::LaneIndex;
use bowline_core::ids::MessageNumber;
use bowline_core::message as core;
use bowline_core::time::Timestamp;
use bytes::Bytes;

use crate::connection::Connection;

/// A received message, which derefs to its bytes.
///
/// Small messages share memory with others that arrived about the same time; to keep one for long, take
/// its bytes with [`into_bytes`](Self::into_bytes).
#[derive(Clone)]
pub struct Message {
    core: core::Message,
    connection: Connection,
    user_data: i64,
}

impl Message {
    pub(crate) const fn new(core: core::Message, connection: Connection, user_data: i64) -> Self {
        Self {
            core,
            connection,
            user_data,
        }
    }

    /// The bytes, to keep. Without a copy from 4 KiB on.
    pub fn into_bytes(self) -> Bytes {
        self.core.into_bytes()
    }

    /// The bytes, never with a copy: a small message keeps the memory of those that arrived with it. For
    /// readers that are done with it soon.
    pub fn into_shared_bytes(self) -> Bytes {
        self.core.into_shared_bytes()
    }

    /// The connection that it came in on.
    pub const fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The number that the application had attached to the connection when this message was read.
    pub const fn user_data(&self) -> i64 {
        self.user_data
    }

    /// The number that the sender gave it, counted per lane from 1.
    pub const fn number(&self) -> MessageNumber {
        self.core.number()
    }

    /// The lane that it came in.
    pub const fn lane(&self) -> LaneIndex {
        self.core.lane()
    }

    /// Whether it was sent reliably.
    pub const fn is_reliable(&self) -> bool {
        self.core.is_reliable()
    }

    /// When its last piece arrived, on the clock of [`Sockets::now`](crate::Sockets::now).
    pub const fn received_at(&self) -> Timestamp {
        self.core.received_at()
    }
}

impl Deref for Message {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.core
    }
}

impl AsRef<[u8]> for Message {
    fn as_ref(&self) -> &[u8] {
        &self.core
    }
}

impl fmt::Debug for Message {
    /// Tells the size, not the bytes: messages end up in logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("connection", &self.connection.id())
            .field("message", &self.core)
            .finish()
    }
}
