//! Messages on their way in and out.

use alloc::vec::Vec;
use core::fmt;
use core::ops::{BitOr, Deref};

use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::ids::LaneIndex;
use crate::ids::MessageNumber;
use crate::time::Span;
use crate::time::Timestamp;

/// From this size on a received message keeps the buffer that it was assembled in when it is turned
/// into [`Bytes`]; smaller ones are copied, so that a small message never pins a large buffer.
const SHARE_FROM: usize = 4096;

/// How a message is sent. The numbers are GNS's `k_nSteamNetworkingSend_*`.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub struct SendFlags(u8);

impl SendFlags {
    /// May be lost, and may arrive out of order.
    pub const UNRELIABLE: Self = Self(0);
    /// Does not wait for company, and hurries what waits already.
    pub const NO_NAGLE: Self = Self(1);
    /// Dropped rather than queued if it would wait for more than 200 ms.
    pub const NO_DELAY: Self = Self(4);
    /// Arrives exactly once and in order within its lane.
    pub const RELIABLE: Self = Self(8);
    /// Unreliable, without waiting for company.
    pub const UNRELIABLE_NO_NAGLE: Self = Self(1);
    /// Unreliable, now or not at all.
    pub const UNRELIABLE_NO_DELAY: Self = Self(5);
    /// Reliable, without waiting for company.
    pub const RELIABLE_NO_NAGLE: Self = Self(9);

    /// The flags of GNS's number; bits that we do not know are ignored.
    pub const fn from_bits(bits: u8) -> Self {
        Self(bits & (Self::NO_NAGLE.0 | Self::NO_DELAY.0 | Self::RELIABLE.0))
    }

    /// GNS's number.
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Whether all of `flags` are set.
    pub const fn contains(self, flags: Self) -> bool {
        self.0 & flags.0 == flags.0
    }

    /// Whether the message is reliable.
    pub const fn is_reliable(self) -> bool {
        self.contains(Self::RELIABLE)
    }
}

impl BitOr for SendFlags {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// How long an unreliable message is worth sending. The default sets no bound.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub struct Freshness {
    /// The age from which on the message is dropped rather than sent.
    pub deadline: Option<Span>,
    /// What the message tells the newest of: it takes the place of one with the same key that waits in
    /// the same lane.
    pub key: Option<u64>,
}

impl Freshness {
    /// Whether nothing bounds the worth of the message.
    pub const fn is_unbounded(&self) -> bool {
        self.deadline.is_none() && self.key.is_none()
    }
}

/// A message to send.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Outgoing<'a> {
    /// The lane, which must be configured.
    pub lane: LaneIndex,
    /// Reliable or not, and how urgent.
    pub flags: SendFlags,
    /// How long it is worth sending; must be unbounded if it is reliable.
    #[serde(default)]
    pub freshness: Freshness,
    /// The bytes.
    pub payload: Payload<'a>,
}

impl<'a> Outgoing<'a> {
    /// A message that is worth sending however late.
    pub fn new(lane: LaneIndex, flags: SendFlags, payload: impl Into<Payload<'a>>) -> Self {
        Self {
            lane,
            flags,
            freshness: Freshness::default(),
            payload: payload.into(),
        }
    }
}

/// The bytes of a message to send.
#[derive(Clone, Debug)]
pub enum Payload<'a> {
    /// Copied when accepted.
    Borrowed(&'a [u8]),
    /// Kept by reference when large, so that it is not copied on the way to the packets.
    Shared(Bytes),
}

impl Payload<'_> {
    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        match self {
            Self::Borrowed(bytes) => bytes,
            Self::Shared(bytes) => bytes,
        }
    }

    /// How many bytes there are.
    pub fn len(&self) -> usize {
        self.as_slice().len()
    }

    /// Whether the message is empty, which is allowed.
    pub fn is_empty(&self) -> bool {
        self.as_slice().is_empty()
    }
}

impl<'a> From<&'a [u8]> for Payload<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::Borrowed(bytes)
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for Payload<'a> {
    fn from(bytes: &'a [u8; N]) -> Self {
        Self::Borrowed(bytes)
    }
}

impl<'a> From<&'a Vec<u8>> for Payload<'a> {
    fn from(bytes: &'a Vec<u8>) -> Self {
        Self::Borrowed(bytes)
    }
}

impl From<Bytes> for Payload<'_> {
    fn from(bytes: Bytes) -> Self {
        Self::Shared(bytes)
    }
}

impl Serialize for Payload<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.as_slice())
    }
}

impl<'de> Deserialize<'de> for Payload<'_> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = Vec::<u8>::deserialize(deserializer)?;
        Ok(Self::Shared(Bytes::from(bytes)))
    }
}

/// A received message. Derefs to its bytes.
#[derive(Clone, Deserialize, Serialize)]
pub struct Message {
    pub(crate) data: Bytes,
    pub(crate) number: MessageNumber,
    pub(crate) received_at: Timestamp,
    pub(crate) lane: LaneIndex,
    pub(crate) reliable: bool,
}

impl Message {
    /// The number that the sender gave it, counted per lane from 1.
    pub const fn number(&self) -> MessageNumber {
        self.number
    }

    /// The lane that it came in.
    pub const fn lane(&self) -> LaneIndex {
        self.lane
    }

    /// Whether it was sent reliably.
    pub const fn is_reliable(&self) -> bool {
        self.reliable
    }

    /// When its last piece arrived.
    pub const fn received_at(&self) -> Timestamp {
        self.received_at
    }

    /// The bytes, to keep. From 4 KiB on without a copy; smaller messages are copied, because their
    /// buffer is shared with others.
    pub fn into_bytes(self) -> Bytes {
        if self.data.len() < SHARE_FROM {
            return Bytes::copy_from_slice(&self.data);
        }
        self.data
    }

    /// The bytes, never with a copy: a small message keeps the buffer that it shares with others.
    pub fn into_shared_bytes(self) -> Bytes {
        self.data
    }
}

impl Deref for Message {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.data
    }
}

impl AsRef<[u8]> for Message {
    fn as_ref(&self) -> &[u8] {
        &self.data
    }
}

impl fmt::Debug for Message {
    /// Tells the size, not the bytes: messages end up in logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("number", &self.number.get())
            .field("lane", &self.lane.get())
            .field("reliable", &self.reliable)
            .field("len", &self.data.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_have_gns_numbers() {
        assert_eq!(SendFlags::RELIABLE_NO_NAGLE.bits(), 9);
        assert_eq!(SendFlags::UNRELIABLE_NO_DELAY.bits(), 5);
        assert!((SendFlags::RELIABLE | SendFlags::NO_NAGLE).is_reliable());
        assert_eq!(SendFlags::from_bits(0xFF).bits(), 13);
    }

    #[test]
    fn a_payload_survives_serialisation() {
        let text = serde_json::to_string(&Outgoing {
            lane: LaneIndex::new(3),
            flags: SendFlags::UNRELIABLE,
            freshness: Freshness {
                deadline: Some(Span::from_millis(50)),
                key: Some(7),
            },
            payload: Payload::Borrowed(b"abc"),
        })
        .unwrap();
        let back: Outgoing<'_> = serde_json::from_str(&text).unwrap();
        assert_eq!(back.payload.as_slice(), b"abc");
        assert_eq!(back.lane.get(), 3);
        assert_eq!(back.freshness.deadline, Some(Span::from_millis(50)));
        assert_eq!(back.freshness.key, Some(7));
    }

    #[test]
    fn a_recording_from_before_deadlines_is_read() {
        let text = r#"{"lane":0,"flags":8,"payload":[1]}"#;
        let back: Outgoing<'_> = serde_json::from_str(text).unwrap();
        assert!(back.freshness.is_unbounded());
    }
}
