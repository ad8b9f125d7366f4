//! What the model of a GNS receiver has to say about what it is sent.

use std::fmt;

use bowline_core::ids::{LaneIndex, PacketNumber};
use bowline_core::time::Timestamp;

/// Something in the traffic that GNS would not have liked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Finding {
    /// When the packet arrived.
    pub at: Timestamp,
    /// The packet.
    pub packet: PacketNumber,
    /// The lane of the frame.
    pub lane: LaneIndex,
    /// What it was.
    pub kind: FindingKind,
}

/// What GNS would have done about it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum FindingKind {
    /// Ended the connection.
    Fatal(&'static str),
    /// Not acknowledged the packet, so that all reliable data in it comes again.
    Refused(Refusal),
    /// Ignored a part of the packet.
    Ignored(&'static str),
    /// Nothing wrong, but something was lost that another receiver might have kept.
    Costly(Cost),
}

/// Why a packet is not acknowledged although it was received.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Refusal {
    /// A segment ends this many bytes after the first undelivered byte: the limit is 1 MiB.
    Window {
        /// Bytes from the first undelivered one to the end of the segment.
        bytes: u64,
    },
    /// A segment opens a new hole although there are 30.
    Holes {
        /// How many there are.
        holes: usize,
    },
    /// A segment splits a hole although there are 20.
    SplitHoles {
        /// How many there are.
        holes: usize,
    },
    /// More than 1300 segments in a packet.
    Segments,
    /// An acknowledgement of a packet that was never sent.
    AckOfUnsent,
}

/// What is lost without anybody's fault.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Cost {
    /// The packet number jumped by 100 or more: packets that are late cannot be received any more.
    Lurch {
        /// The size of the jump.
        jump: u64,
    },
    /// Too many gaps: received packets will be reported as lost.
    GapsMerged,
    /// Too many pieces of unreliable messages: this message was given up.
    MessageGivenUp(u64),
}

impl Finding {
    /// Whether a sender that respects the limits of a GNS receiver avoids this. Costs are not: the
    /// network alone can bring them about.
    pub const fn is_violation(&self) -> bool {
        match self.kind {
            FindingKind::Fatal(_) | FindingKind::Refused(_) | FindingKind::Ignored(_) => true,
            FindingKind::Costly(_) => false,
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            at,
            packet,
            lane,
            kind,
        } = self;
        write!(
            f,
            "{at} packet {} lane {}: {kind:?}",
            packet.get(),
            lane.get()
        )
    }
}
