//! Named reasons for refusing a packet, and how often each occurred.
//!
//! Whoever refuses a packet returns a [`DropReason`], so that forgetting to count does not compile.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use serde::Deserialize;
use serde::Deserializer;
use serde::Serialize;
use serde::Serializer;

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
    /// A frame of a kind of which its packet had enough.
    RepeatedFrame = "repeated_frame",
    /// The receive buffer is full, or too fragmented.
    ReceiveBufferFull = "receive_buffer_full",
    /// An unreliable segment larger than any message may be.
    OversizeSegment = "oversize_segment",
    /// An unreliable message that came after a newer one of its lane, where the application wants them in
    /// order.
    LateMessage = "late_message",
    /// A text that is no candidate over UDP.
    BadCandidate = "bad_candidate",
    /// A candidate with a name of multicast DNS in place of its address.
    MdnsCandidate = "mdns_candidate",
    /// A candidate at whose address nobody can be reached, or nobody should be.
    RefusedCandidate = "refused_candidate",
    /// More candidates of a peer, or pairs with them, than allowed.
    TooManyCandidates = "too_many_candidates",
    /// A STUN message that nobody here expects.
    UnexpectedStun = "unexpected_stun",
    /// A connectivity check for, or from, somebody else.
    WrongIceUser = "wrong_ice_user",
    /// From an address, or to one, that was never a candidate.
    UnknownSource = "unknown_source",
    /// An extension frame that was not negotiated, or another broken frame: the connection ends.
    BrokenFrame = "broken_frame",
    /// Too much waited already for a connection that the application kept busy.
    ConnectionBusy = "connection_busy",
    /// Not a valid STUN message.
    BadStun = "bad_stun",
    /// More attributes in a STUN message than allowed.
    TooManyAttributes = "too_many_attributes",
    /// The fingerprint of a STUN message does not hold.
    BadFingerprint = "bad_fingerprint",
    /// The integrity of a STUN message does not hold, or is missing where it must not.
    BadIntegrity = "bad_integrity",
    /// An answer to a request that was not made, or is over.
    UnknownTransaction = "unknown_transaction",
    /// Relayed data from somebody whom nobody asked the relay to let through.
    NotPermitted = "not_permitted",
    /// A signal that is not from the peer of its connection.
    SignalFromAnother = "signal_from_another",
    /// A signal for another identity.
    SignalForAnother = "signal_for_another",
    /// A signal for a connection that was not made by signals.
    SignalForAnotherKind = "signal_for_another_kind",
    /// A request of a peer whom we have asked as well, and who is to answer.
    CrossedRequest = "crossed_request",
    /// A signal before we have an identity.
    NoIdentity = "no_identity",
    /// Neither side may look for a way to the other.
    NoTransport = "no_transport",
    /// A message on a connection of a session, without the header that says its channel.
    BadSessionHeader = "bad_session_header",
}

/// How often each [`DropReason`] occurred.
///
/// Takes memory for those that did: most connections never refuse anything, and few for more than one reason.
#[derive(Clone, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct DropCounters(#[serde(with = "as_list")] Option<Box<Occurred>>);

/// Those that did, in order; behind a pointer, since most connections have none.
#[derive(Clone, Default, Eq, PartialEq)]
struct Occurred(Vec<(DropReason, u64)>);

impl DropCounters {
    /// All zero.
    pub const fn new() -> Self {
        Self(None)
    }

    /// Adds one.
    pub fn count(&mut self, reason: DropReason) {
        self.count_many(reason, 1);
    }

    /// How often `reason` occurred.
    pub fn of(&self, reason: DropReason) -> u64 {
        let found = self.iter().find(|(known, _)| *known == reason);
        found.map_or(0, |(_, count)| count)
    }

    /// All of them together.
    pub fn total(&self) -> u64 {
        self.iter().fold(0, |sum, (_, n)| sum.saturating_add(n))
    }

    /// Adds another set of counters to this one.
    pub fn add(&mut self, other: &Self) {
        for (reason, count) in other.iter() {
            self.count_many(reason, count);
        }
    }

    /// The reasons that occurred, with how often.
    pub fn iter(&self) -> impl Iterator<Item = (DropReason, u64)> + '_ {
        let occurred = self.0.iter().flat_map(|occurred| &occurred.0);
        occurred.copied()
    }

    fn count_many(&mut self, reason: DropReason, more: u64) {
        let list = &mut self.0.get_or_insert_default().0;
        match list.binary_search_by_key(&(reason as usize), |(known, _)| *known as usize) {
            Ok(place) => {
                if let Some((_, count)) = list.get_mut(place) {
                    *count = count.saturating_add(more);
                }
            }
            Err(place) => {
                list.reserve_exact(1);
                list.insert(place, (reason, more));
            }
        }
    }
}

/// Written as the list of all counters, whether or not any is above zero.
mod as_list {
    use super::*;

    type Counts = [u64; DropReason::ALL.len()];

    pub(super) fn serialize<S: Serializer>(
        counts: &Option<Box<Occurred>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let mut all: Counts = [0; DropReason::ALL.len()];
        for (reason, count) in counts.iter().flat_map(|counts| &counts.0) {
            if let Some(slot) = all.get_mut(*reason as usize) {
                *slot = *count;
            }
        }
        crate::serde_array::serialize(&all, serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Box<Occurred>>, D::Error> {
        let all: Counts = crate::serde_array::deserialize(deserializer)?;
        let all = DropReason::ALL.iter().copied().zip(all);
        let list: Vec<_> = all.filter(|(_, count)| *count > 0).collect();
        Ok((!list.is_empty()).then(|| Box::new(Occurred(list))))
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
    fn counters_that_took_no_memory_are_written_like_others() {
        let mut counters = DropCounters::new();
        let zeros = std::format!("[{}0]", "0,".repeat(DropReason::ALL.len() - 1));
        assert_eq!(serde_json::to_string(&counters).unwrap(), zeros);
        let again = serde_json::from_str::<DropCounters>(&zeros).unwrap();
        assert!(again.0.is_none());
        counters.add(&again);
        assert!(counters.0.is_none());
        counters.count(DropReason::TooLong);
        let text = serde_json::to_string(&counters).unwrap();
        let mut again = serde_json::from_str::<DropCounters>(&text).unwrap();
        assert_eq!(again, counters);
        again.add(&counters);
        assert_eq!((again.of(DropReason::TooLong), again.total()), (2, 2));
    }

    #[test]
    fn reasons_come_in_the_order_of_the_list_and_take_what_they_need() {
        let mut counters = DropCounters::new();
        for reason in DropReason::ALL.iter().rev().chain(DropReason::ALL.iter()) {
            counters.count(*reason);
        }
        assert!(
            counters
                .iter()
                .eq(DropReason::ALL.iter().map(|reason| (*reason, 2)))
        );
        let mut one = DropCounters::new();
        one.count(DropReason::TooLong);
        assert_eq!(one.0.unwrap().0.capacity(), 1);
    }

    #[test]
    fn positions_follow_the_list() {
        for (position, reason) in DropReason::ALL.iter().enumerate() {
            assert_eq!(*reason as usize, position);
        }
    }
}
