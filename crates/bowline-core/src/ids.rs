//! The numbers that name things, each its own type so that none is taken for another.

use core::fmt;

use serde::{Deserialize, Serialize};

/// One side's name for a connection, chosen at random by that side.
///
/// On the wire a packet carries the *receiver's* ID. Both 16-bit halves of an ID that we choose are
/// nonzero: GNS refuses a server ID whose low half is zero (`GNS e707b3a: steamnetworkingsockets_udp.cpp`).
#[derive(Clone, Copy, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub struct ConnectionId(u32);

impl ConnectionId {
    /// Wraps the wire value.
    pub const fn new(value: u32) -> Self {
        Self(value)
    }

    /// The wire value.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// Whether both 16-bit halves are nonzero, as required of IDs that we hand out.
    pub const fn is_well_formed(self) -> bool {
        self.0 & 0xFFFF != 0 && self.0 >> 16 != 0
    }
}

impl fmt::Debug for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

/// The full number of a data packet: +1 per packet, never reused.
#[derive(
    Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize,
)]
pub struct PacketNumber(u64);

impl PacketNumber {
    /// Wraps a full packet number.
    pub const fn new(value: u64) -> Self {
        Self(value)
    }

    /// The full number.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The number of the next packet.
    pub const fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }

    /// What the header carries of it.
    pub const fn to_wire(self) -> WirePacketNumber {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the header carries the low 16 bits"
        )]
        WirePacketNumber(self.0 as u16)
    }
}

/// The low 16 bits of a packet number, as carried in the data header.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct WirePacketNumber(u16);

impl WirePacketNumber {
    /// Wraps the wire value.
    pub const fn new(value: u16) -> Self {
        Self(value)
    }

    /// The wire value.
    pub const fn get(self) -> u16 {
        self.0
    }

    /// The full number nearest to `highest`, the highest number accepted so far; `None` if it would
    /// lie before the first packet.
    ///
    /// GNS e707b3a: steamnetworkingsockets_connections.cpp, `ExpandWirePacketNumberAndCheck`.
    pub const fn expand(self, highest: PacketNumber) -> Option<PacketNumber> {
        let gap = self.0.wrapping_sub(highest.to_wire().0).cast_signed();
        match highest.0.checked_add_signed(gap as i64) {
            Some(number) => Some(PacketNumber(number)),
            None => None,
        }
    }
}

/// The number of a message within its lane, shared by reliable and unreliable messages, from 1.
#[derive(
    Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize,
)]
pub struct MessageNumber(u64);

impl MessageNumber {
    /// Before the first message of a lane.
    pub const NONE: Self = Self(0);

    /// Wraps a message number.
    pub const fn new(value: u64) -> Self {
        Self(value)
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The number of the next message.
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// Which lane of a connection, from 0. The wire allows 0 to 255.
#[derive(
    Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize,
)]
pub struct LaneIndex(u8);

impl LaneIndex {
    /// The lane that every connection has.
    pub const ZERO: Self = Self(0);

    /// Wraps a lane index.
    pub const fn new(value: u8) -> Self {
        Self(value)
    }

    /// The index.
    pub const fn get(self) -> u8 {
        self.0
    }

    /// The index for use with slices.
    pub const fn as_usize(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for LaneIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A byte's position in the reliable stream of a lane. The first byte has position 1.
#[derive(
    Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize,
)]
pub struct StreamPos(u64);

impl StreamPos {
    /// The position of the first byte of a stream (GNS reserves 0).
    pub const FIRST: Self = Self(1);

    /// Wraps a stream position.
    pub const fn new(value: u64) -> Self {
        Self(value)
    }

    /// The position as a number.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The position `bytes` further on.
    pub const fn advance(self, bytes: u64) -> Self {
        Self(self.0.saturating_add(bytes))
    }

    /// How many bytes from `earlier` to here; zero if `earlier` is further on.
    pub const fn bytes_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// One way for packets to reach the peer. A connection knows its paths only by this.
#[derive(
    Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize,
)]
pub struct PathId(u8);

impl PathId {
    /// The path that a directly dialled or accepted connection starts with.
    pub const DIRECT: Self = Self(0);
    /// The one between peers that found each other by signals.
    pub const PEER: Self = Self(1);

    /// Wraps a path number.
    pub const fn new(value: u8) -> Self {
        Self(value)
    }

    /// The number.
    pub const fn get(self) -> u8 {
        self.0
    }
}

/// One end of ours for packets between peers: a socket, or an address that a relay lends us. Given out by
/// the endpoint, and never again for another end.
#[derive(
    Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize,
)]
pub struct LocalId(u32);

impl LocalId {
    /// Wraps a number.
    pub const fn new(value: u32) -> Self {
        Self(value)
    }

    /// The number.
    pub const fn get(self) -> u32 {
        self.0
    }
}

/// What a connection between peers is for: as a port, but of an identity rather than of an address.
///
/// GNS e707b3a: steamnetworkingsockets_p2p.h; applications have 0 to 65535, the rest is reserved.
#[derive(
    Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize,
)]
pub struct VirtualPort(u32);

impl VirtualPort {
    /// The one of the Messages API.
    pub const MESSAGES: Self = Self(0x7FFF_FFFF);
    /// The one of packets to identities, as the legacy API has them.
    pub const PACKETS: Self = Self(0x7FFF_FFFE);

    /// The port of that number, if there is one: they end at 0x7FFFFFFF.
    pub const fn new(value: u32) -> Option<Self> {
        if value <= Self::MESSAGES.0 {
            Some(Self(value))
        } else {
            None
        }
    }

    /// The number.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl From<u16> for VirtualPort {
    fn from(port: u16) -> Self {
        Self(u32::from(port))
    }
}

impl fmt::Display for VirtualPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The game. 0 unless the application sets one; peers with another are refused.
#[derive(
    Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize,
)]
pub struct AppId(u32);

impl fmt::Display for AppId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl AppId {
    /// No game of its own but a service for all of them: peers of every game are let in. An unsigned certificate names
    /// no game then; a signed one names this, and is of use only to who dials a service
    /// ([`Endpoint::connect_unnamed`](crate::endpoint::Endpoint::connect_unnamed)).
    pub const ANY: Self = Self(u32::MAX);

    /// Wraps an app ID.
    pub const fn new(value: u32) -> Self {
        Self(value)
    }

    /// The number.
    pub const fn get(self) -> u32 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wire_packet_number_expands_to_the_nearest() {
        let expand = |wire: u16, highest: u64| {
            WirePacketNumber::new(wire)
                .expand(PacketNumber::new(highest))
                .map(PacketNumber::get)
        };
        assert_eq!(expand(2, 1), Some(2));
        assert_eq!(expand(0x0001, 0xFFFF), Some(0x1_0001));
        assert_eq!(expand(0xFFFF, 0x1_0001), Some(0xFFFF));
        assert_eq!(expand(0xFFF0, 1), None);
        assert_eq!(expand(0x7FFF, 0), Some(0x7FFF));
        assert_eq!(expand(0x8000, 0x1_0000), Some(0x8000));
    }

    #[test]
    fn connection_id_needs_both_halves() {
        assert!(ConnectionId::new(0x0001_0001).is_well_formed());
        assert!(!ConnectionId::new(0x0001_0000).is_well_formed());
        assert!(!ConnectionId::new(0x0000_0001).is_well_formed());
    }
}
