//! The stats message that a data packet may carry in clear: connection quality, and requests for
//! an acknowledgement.
//!
//! GNS e707b3a: steamnetworkingsockets_messages_udp.proto, `CMsgSteamSockets_UDP_Stats`.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ops::BitOr;

use prost::Message;

use crate::counters::DropReason;
use crate::wire::pb;
use crate::wire::varint;

/// What a stats message says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UdpStats {
    /// Measurements of the sender; for display only. They are large, and few packets have them.
    pub quality: Option<Box<pb::ConnectionQuality>>,
    /// What the sender asks for.
    pub flags: StatsFlags,
}

impl UdpStats {
    /// A message of flags alone.
    pub const fn request(flags: StatsFlags) -> Self {
        Self {
            quality: None,
            flags,
        }
    }

    /// Reads a message, without its length.
    ///
    /// Measurements ask for an acknowledgement even if the flag is missing, so here it is set then.
    ///
    /// # Errors
    /// [`DropReason::BadDataHeader`] if it is no valid protobuf message.
    #[inline]
    pub fn parse(blob: &[u8]) -> Result<Self, DropReason> {
        match blob {
            // Nearly all that there are.
            [FLAGS_KEY, flags @ 0..=0x7F] => Ok(Self::request(StatsFlags(u32::from(*flags)))),
            _ => Self::parse_any(blob),
        }
    }

    fn parse_any(blob: &[u8]) -> Result<Self, DropReason> {
        let message = pb::UdpStats::decode(blob).map_err(|_| DropReason::BadDataHeader)?;
        let flags = StatsFlags(message.flags.unwrap_or(0));
        let implied = match message.stats {
            Some(_) => StatsFlags::ACK_REQUEST,
            None => StatsFlags::NONE,
        };
        Ok(Self {
            quality: message.stats.map(Box::new),
            flags: flags | implied,
        })
    }

    /// Appends the message, without its length. Flags that the measurements imply are left out.
    pub fn encode(&self, out: &mut Vec<u8>) {
        if let Some(quality) = &self.quality {
            let stats = pb::UdpStats {
                stats: Some(**quality),
                flags: None,
            };
            stats.encode(out).expect("a Vec grows as needed");
        }
        if !self.flags_are_implied() {
            out.push(FLAGS_KEY);
            varint::encode(out, u64::from(self.flags.0));
        }
    }

    /// How many bytes [`Self::encode`] appends.
    pub fn encoded_len(&self) -> usize {
        let quality = self.quality.as_ref().map_or(0, |quality| {
            let stats = pb::UdpStats {
                stats: Some(**quality),
                flags: None,
            };
            stats.encoded_len()
        });
        if self.flags_are_implied() {
            quality
        } else {
            let flags = varint::encoded_len(u64::from(self.flags.0));
            quality.saturating_add(1).saturating_add(flags)
        }
    }

    fn flags_are_implied(&self) -> bool {
        match self.quality {
            Some(_) => StatsFlags::ACK_REQUEST.contains(self.flags),
            None => self.flags == StatsFlags::NONE,
        }
    }
}

/// A set of requests. Bits without a name are kept and mean nothing.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct StatsFlags(u32);

impl StatsFlags {
    /// Nothing is asked for.
    pub const NONE: Self = Self(0);
    /// Acknowledge within the usual delay. GNS e707b3a: `ACK_REQUEST_E2E`.
    pub const ACK_REQUEST: Self = Self(2);
    /// Acknowledge at once. GNS e707b3a: `ACK_REQUEST_IMMEDIATE`.
    pub const ACK_REQUEST_IMMEDIATE: Self = Self(4);
    /// Sent over a path that is not the primary one (P2P only). GNS e707b3a: `NOT_PRIMARY_TRANSPORT_E2E`.
    pub const NOT_PRIMARY_TRANSPORT: Self = Self(16);

    /// Whether all of `other` are in this set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The bits as on the wire.
    pub const fn bits(self) -> u32 {
        self.0
    }
}

impl BitOr for StatsFlags {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// Field 3, varint.
const FLAGS_KEY: u8 = 3 << 3;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encoded(stats: UdpStats) -> Vec<u8> {
        let mut out = Vec::new();
        stats.encode(&mut out);
        assert_eq!(out.len(), stats.encoded_len());
        out
    }

    #[test]
    fn requests_as_captured() {
        let ack = StatsFlags::ACK_REQUEST;
        assert_eq!(encoded(UdpStats::request(ack)), [0x18, 0x02]);
        let probe = ack | StatsFlags::ACK_REQUEST_IMMEDIATE;
        assert_eq!(encoded(UdpStats::request(probe)), [0x18, 0x06]);
        assert_eq!(UdpStats::parse(&[0x18, 0x06]), Ok(UdpStats::request(probe)));
        let longer = UdpStats::parse(&[0x18, 0x86, 0x00]);
        assert_eq!(longer, Ok(UdpStats::request(probe)));
        assert!(encoded(UdpStats::default()).is_empty());
    }

    #[test]
    fn quality_implies_the_ack_request() {
        let captured = [
            0x0A, 0x11, 0x0A, 0x0F, 0x08, 0x00, 0x10, 0x00, 0x18, 0x2F, 0x20, 0x94, 0x01, 0x28,
            0x01, 0x30, 0x00, 0x38, 0x00,
        ];
        let stats = UdpStats::parse(&captured).unwrap();
        assert_eq!(stats.flags, StatsFlags::ACK_REQUEST);
        let instantaneous = stats.quality.as_ref().unwrap().instantaneous.unwrap();
        assert_eq!(instantaneous.in_packets_per_sec_x10, Some(47));
        assert_eq!(instantaneous.in_bytes_per_sec, Some(148));
        assert_eq!(instantaneous.ping_ms, Some(1));
        assert_eq!(instantaneous.peak_jitter_usec, None);
        assert_eq!(encoded(stats), captured);
    }

    #[test]
    fn quality_keeps_further_flags() {
        let stats = UdpStats {
            quality: Some(Box::default()),
            flags: StatsFlags::ACK_REQUEST | StatsFlags::ACK_REQUEST_IMMEDIATE,
        };
        assert_eq!(encoded(stats.clone()), [0x0A, 0x00, 0x18, 0x06]);
        assert_eq!(UdpStats::parse(&[0x0A, 0x00, 0x18, 0x06]), Ok(stats));
    }

    #[test]
    fn a_request_does_not_allocate() {
        let mut out = Vec::with_capacity(2);
        let before = (out.as_ptr(), out.capacity());
        UdpStats::request(StatsFlags::ACK_REQUEST).encode(&mut out);
        assert_eq!((out.as_ptr(), out.capacity()), before);
    }

    #[test]
    fn broken_message_is_a_bad_header() {
        assert_eq!(UdpStats::parse(&[0x18]), Err(DropReason::BadDataHeader));
        assert_eq!(UdpStats::parse(&[0x0A, 9]), Err(DropReason::BadDataHeader));
    }

    proptest! {
        #[test]
        fn comes_back(flags: u32, quality: Option<(Option<u32>, Option<u64>)>) {
            let quality = quality.map(|(ping_ms, packets_sent)| Box::new(pb::ConnectionQuality {
                instantaneous: Some(pb::InstantaneousStats { ping_ms, ..Default::default() }),
                lifetime: Some(pb::LifetimeStats { packets_sent, ..Default::default() }),
            }));
            let implied = if quality.is_some() { StatsFlags::ACK_REQUEST } else { StatsFlags::NONE };
            let stats = UdpStats { quality, flags: StatsFlags(flags) };
            let expected = UdpStats { flags: stats.flags | implied, ..stats.clone() };
            let parsed = UdpStats::parse(&encoded(stats)).unwrap();
            prop_assert_eq!(parsed, expected);
        }

        #[test]
        fn any_bytes_are_survived(blob in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = UdpStats::parse(&blob);
        }
    }
}
