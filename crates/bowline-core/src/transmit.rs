//! What passes between a connection and whatever owns the sockets.
//!
//! A connection never sees a socket. It is told on which [`PathId`] a datagram came in
//! ([`DatagramMeta`]), and says on which one its own are to go out ([`Transmit`]). A connection by address
//! has one route, which its owner knows; between peers that found each other by signals each datagram says
//! its way itself ([`Via`]).

use alloc::vec::Vec;
use core::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::ids::LocalId;
use crate::ids::PathId;

/// What is known about a received datagram besides its bytes.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct DatagramMeta {
    /// The path that it came in on.
    pub path: PathId,
    /// The explicit congestion notification bits, where the platform tells them.
    pub ecn: Option<Ecn>,
    /// The way that it came, if its connection has several; `None` for a connection by address.
    pub via: Option<Via>,
}

/// The way of a datagram between peers that found each other by signals.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Via {
    /// Our end: a socket, or an address that a relay lends us.
    pub local: LocalId,
    /// The peer's end, or what its NAT makes of it.
    pub remote: SocketAddr,
}

/// Explicit congestion notification (RFC 3168), the low two bits of the traffic class.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum Ecn {
    /// ECN-capable, code point ECT(1).
    Ect1 = 0b01,
    /// ECN-capable, code point ECT(0).
    Ect0 = 0b10,
    /// Congestion experienced.
    Ce = 0b11,
}

/// A run of datagrams to send: `len` bytes of the [`TransmitBuf`], cut every `segment_size` bytes.
///
/// Only the last datagram of a run may be shorter, which is what generic segmentation offload takes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[must_use = "datagrams that are not sent are lost"]
pub struct Transmit {
    /// The path that they go out on.
    pub path: PathId,
    /// The way that they take, if the connection has several; `None` for a connection by address.
    pub via: Option<Via>,
    /// Where they start in the buffer.
    pub start: usize,
    /// How many bytes they have together.
    pub len: usize,
    /// The size of each but the last.
    pub segment_size: usize,
    /// The congestion notification bits to set.
    pub ecn: Option<Ecn>,
    /// It is one datagram that must not be cut into fragments on its way: it asks whether the path takes
    /// its size. Whoever cannot send it like that sends it not at all and says so
    /// ([`Input::ProbeUnsent`](crate::connection::Input::ProbeUnsent)).
    pub is_probe: bool,
}

/// Why a probe of the path was not sent.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum ProbeFailure {
    /// The system knows that the path does not take its size.
    TooLong,
    /// Nothing could be sent at that moment, or not to there; that says nothing of the size.
    NotNow,
    /// The system cannot keep it from being cut into fragments, and will not be able to.
    Unmarked,
}

impl Transmit {
    /// How many datagrams these are.
    pub const fn datagrams(&self) -> usize {
        if self.segment_size == 0 {
            return 0;
        }
        self.len.div_ceil(self.segment_size)
    }
}

/// The buffer that outgoing datagrams are written to. Reused, so that sending does not allocate.
#[derive(Debug)]
pub struct TransmitBuf {
    bytes: Vec<u8>,
    max_datagrams: usize,
}

impl TransmitBuf {
    /// A buffer that takes up to `max_datagrams` datagrams in one [`Transmit`].
    pub const fn new(max_datagrams: usize) -> Self {
        Self {
            bytes: Vec::new(),
            max_datagrams,
        }
    }

    /// Forgets what was written, keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
    }

    /// The datagrams of `transmit`, back to back.
    pub fn bytes(&self, transmit: &Transmit) -> &[u8] {
        self.bytes
            .get(transmit.start..transmit.start.saturating_add(transmit.len))
            .unwrap_or(&[])
    }

    /// The datagrams of `transmit`, one by one.
    pub fn datagrams(&self, transmit: &Transmit) -> impl Iterator<Item = &[u8]> {
        self.bytes(transmit).chunks(transmit.segment_size.max(1))
    }

    /// How many datagrams one [`Transmit`] may hold.
    pub const fn max_datagrams(&self) -> usize {
        self.max_datagrams
    }

    /// Bytes written so far.
    pub const fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether nothing is written.
    pub const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Where the packet builder writes.
    pub(crate) const fn bytes_mut(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transmit_is_cut_into_its_datagrams() {
        let mut buf = TransmitBuf::new(4);
        buf.bytes_mut().extend_from_slice(b"xxaaabbbc");
        let transmit = Transmit {
            path: PathId::DIRECT,
            via: None,
            start: 2,
            len: 7,
            segment_size: 3,
            ecn: None,
            is_probe: false,
        };
        assert_eq!(transmit.datagrams(), 3);
        let parts: Vec<_> = buf.datagrams(&transmit).collect();
        assert_eq!(parts, [&b"aaa"[..], b"bbb", b"c"]);
    }
}
