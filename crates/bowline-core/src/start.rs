//! Connections that begin with high numbers, as if they had been busy for years.
//!
//! Packets, messages and bytes are counted in 64 bits, and only the low bits of most numbers cross the
//! wire. What happens where those wrap takes 2^16 to 2^48 packets to see, unless one begins there. Both
//! ends have to begin at the same numbers. Present in tests and with the feature `test-support` only.

use crate::connection::Connection;
use crate::endpoint::Endpoint;
use crate::ids::MessageNumber;
use crate::ids::PacketNumber;
use crate::ids::StreamPos;

/// Where both directions of a connection begin, as one end sees it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct StartNumbers {
    /// What we send.
    pub sent: FlowStart,
    /// What the peer sends.
    pub received: FlowStart,
}

/// Where one direction begins.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FlowStart {
    /// The first data packet; at least 2.
    pub packet: PacketNumber,
    /// The first message of each lane; at least 1.
    pub message: MessageNumber,
    /// The first byte of each lane's stream; at least 1.
    pub stream: StreamPos,
}

impl StartNumbers {
    /// The same numbers as the other end sees them.
    #[must_use]
    pub const fn swapped(self) -> Self {
        Self {
            sent: self.received,
            received: self.sent,
        }
    }
}

impl FlowStart {
    /// What a peer of version 10 or later begins with.
    pub const FIRST: Self = Self {
        packet: PacketNumber::new(2),
        message: MessageNumber::new(1),
        stream: StreamPos::FIRST,
    };

    /// The packet before the first, for which the handshake stands.
    pub const fn handshake(self) -> PacketNumber {
        PacketNumber::new(self.packet.get().saturating_sub(1))
    }

    /// The message number before the first.
    pub const fn last_message(self) -> MessageNumber {
        MessageNumber::new(self.message.get().saturating_sub(1))
    }
}

impl Default for FlowStart {
    fn default() -> Self {
        Self::FIRST
    }
}

impl Endpoint {
    /// Lets all later connections begin with these numbers.
    pub fn set_start_numbers(&mut self, numbers: StartNumbers) {
        self.host_mut().start = Some(numbers);
    }
}

impl Connection {
    /// Begins where the endpoint says. Nothing was sent or received yet.
    #[must_use]
    pub(crate) fn with_start_numbers(mut self) -> Self {
        self.start_packets();
        self.start_lanes(0);
        if let Some(StartNumbers { received, .. }) = self.host.start {
            let last = received.last_message();
            self.receiver.start_lanes(last, received.stream);
        }
        self
    }

    /// The numbers of packets, whatever the version of the peer.
    pub(crate) fn start_packets(&mut self) {
        if let Some(StartNumbers { sent, received }) = self.host.start {
            self.sender.start_packets(sent.packet);
            self.receiver.set_handshake_packet(received.handshake());
        }
    }

    /// The numbers of the lanes that we send in, from lane `from` on.
    pub(crate) fn start_lanes(&mut self, from: usize) {
        if let Some(numbers) = self.host.start {
            let last = numbers.sent.last_message();
            self.sender.start_lanes(from, last, numbers.sent.stream);
        }
    }
}
