//! Named reasons for refusing a packet, and how often each occurred.
//!
//! Whoever refuses a packet returns a [`DropReason`], so that forgetting to count does not compile.

use core::fmt;

use serde::Deserialize;
use serde::Serialize;

macro_rules! drop_reasons {
    ($($(#[doc = $doc:literal])* $name:ident = $text:literal,)*) => {
        /// Why a packet, or a part of one, was not taken.
        #[derive(
            Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize,
        )]
        #[non_exhaustive]
        pub enum DropReason {
            $($(#[doc = $doc])* $name,)*
        }

        impl DropReason {
            /// Every reason, in the order of the counters.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The name under which it is counted, in snake case.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

drop_reasons! {
    /// Shorter than the smallest packet there is.
    TooShort = "too_short",
    /// Longer than any packet may be.
    TooLong = "too_long",
    /// The first byte names no packet kind.
    UnknownKind = "unknown_kind",
    /// A padded packet without its padding, or with a length that does not fit.
    BadPadding = "bad_padding",
    /// Not a valid protobuf message, or a required field is missing or zero.
    BadMessage = "bad_message",
    /// Legacy broadcast of the Source engine.
    LegacyBroadcast = "legacy_broadcast",
    /// A packet kind that only the other role may send.
    WrongRole = "wrong_role",
    /// Nothing listens here.
    NotListening = "not_listening",
    /// No connection with that ID, or not from that address.
    UnknownConnection = "unknown_connection",
    /// The cookie is too old.
    StaleChallenge = "stale_challenge",
    /// The cookie is not ours, or for another address.
    BadChallenge = "bad_challenge",
    /// Too many challenges, pending connections or connections.
    Overload = "overload",
    /// Too many pending connections or connections of one source.
    SourceOverload = "source_overload",
    /// Too many requests from one network.
    NetworkOverload = "network_overload",
    /// Too many signatures to check.
    SignatureOverload = "signature_overload",
    /// More than its connection's share, while the socket received more than could be handled.
    UnfairShare = "unfair_share",
    /// The identity is malformed or not allowed.
    BadIdentity = "bad_identity",
    /// The certificate was refused before the application heard of the connection.
    BadCertificate = "bad_certificate",
    /// The signed key exchange was refused before the application heard of the connection.
    BadCrypt = "bad_crypt",
    /// The peer's protocol version is too old.
    OldProtocol = "old_protocol",
    /// The connection is not in a state that takes this packet.
    WrongState = "wrong_state",
    /// A handshake packet for another attempt.
    WrongAttempt = "wrong_attempt",
    /// The statistics or time field of a data packet is broken.
    BadDataHeader = "bad_data_header",
    /// Already received, or too old to tell.
    DuplicatePacket = "duplicate_packet",
    /// The packet number lies before the first packet.
    BadPacketNumber = "bad_packet_number",
    /// The packet does not decrypt.
    DecryptFailed = "decrypt_failed",
    /// An unencrypted close of a connection whose peers close inside the encryption.
    UnsealedClose = "unsealed_close",
    /// Acknowledges a packet that was never sent.
    AckOfUnsent = "ack_of_unsent",
    /// More segments in a packet than allowed.
    TooManySegments = "too_many_segments",
    /// The receive buffer is full, or too fragmented.
    ReceiveBufferFull = "receive_buffer_full",
    /// An unreliable segment larger than any message may be.
    OversizeSegment = "oversize_segment",
    /// An unreliable message that came after a newer one of its lane, where the application wants them in
    /// order.
    LateMessage = "late_message",
    /// An extension frame that was not negotiated, or another broken frame: the connection ends.
    BrokenFrame = "broken_frame",
    /// Too much waited already for a connection that the application kept busy.
    ConnectionBusy = "connection_busy",
}

/// How often each [`DropReason`] occurred.
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize)]
pub struct DropCounters(#[serde(with = "crate::serde_array")] [u64; DropReason::ALL.len()]);

impl DropCounters {
    /// All zero.
    pub const fn new() -> Self {
        Self([0; DropReason::ALL.len()])
    }

    /// Adds one.
    pub fn count(&mut self, reason: DropReason) {
        if let Some(slot) = self.0.get_mut(reason as usize) {
            *slot = slot.saturating_add(1);
        }
    }

    /// How often `reason` occurred.
    pub fn of(&self, reason: DropReason) -> u64 {
        self.0.get(reason as usize).copied().unwrap_or(0)
    }

    /// All of them together.
    pub fn total(&self) -> u64 {
        self.0.iter().fold(0, |sum, n| sum.saturating_add(*n))
    }

    /// Adds another set of counters to this one.
    pub fn add(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            *mine = mine.saturating_add(*theirs);
        }
    }

    /// The reasons that occurred, with how often.
    pub fn iter(&self) -> impl Iterator<Item = (DropReason, u64)> + '_ {
        DropReason::ALL
            .iter()
            .copied()
            .zip(self.0)
            .filter(|(_, n)| *n > 0)
    }
}

impl Default for DropCounters {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for DropCounters {
    /// Only the reasons that occurred, by name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(self.iter().map(|(reason, n)| (reason.name(), n)))
            .finish()
    }
}

impl fmt::Display for DropReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_by_name() {
        let mut counters = DropCounters::new();
        counters.count(DropReason::BrokenFrame);
        counters.count(DropReason::BrokenFrame);
        assert_eq!(counters.of(DropReason::BrokenFrame), 2);
        assert_eq!(counters.total(), 2);
        let shown = std::format!("{counters:?}");
        assert_eq!(shown, r#"{"broken_frame": 2}"#);
        let mut seen = counters.iter();
        assert_eq!(seen.next(), Some((DropReason::BrokenFrame, 2)));
        assert_eq!(seen.next(), None);
    }

    #[test]
    fn positions_follow_the_list() {
        for (position, reason) in DropReason::ALL.iter().enumerate() {
            assert_eq!(*reason as usize, position);
        }
    }
}
