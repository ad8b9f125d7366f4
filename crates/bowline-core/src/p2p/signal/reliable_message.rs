//! A message inside of signals that must arrive: what ICE has to tell.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use prost::Message as _;

use crate::counters::DropReason;
use crate::limits::MAX_SIGNAL_CANDIDATE;
use crate::limits::MAX_SIGNAL_PASSWORD;
use crate::wire::pb;

/// One message of the reliable stream (`CMsgICERendezvous`).
#[derive(Clone, Eq, PartialEq)]
pub enum ReliableMessage {
    /// The sender's ICE password; again if it changes.
    Auth {
        /// The password (`pwd_frag`), at most [`MAX_SIGNAL_PASSWORD`] bytes.
        password: String,
    },
    /// An address where the sender may be reached, in the text form of ICE, at most
    /// [`MAX_SIGNAL_CANDIDATE`] bytes.
    Candidate(String),
    /// Something that this version does not know or cannot read. It has a number like all others.
    Unknown,
}

impl ReliableMessage {
    /// How many bytes of a signal it takes.
    pub fn encoded_len(&self) -> usize {
        let text = match self {
            Self::Auth { password } => password.len(),
            Self::Candidate(candidate) => candidate.len(),
            Self::Unknown => return OUTER_OVERHEAD,
        };
        // Text, its field in the message of ICE, that in the reliable message, that in the signal.
        let message = (0..2).fold(field_len(text), |len, _| field_len(len));
        field_len(message)
    }

    /// Heap in bytes.
    pub(crate) const fn heap_bytes(&self) -> usize {
        match self {
            Self::Auth { password } => password.capacity(),
            Self::Candidate(candidate) => candidate.capacity(),
            Self::Unknown => 0,
        }
    }

    pub(super) fn parse(bytes: &[u8]) -> Result<Self, DropReason> {
        let message = pb::RendezvousReliable::decode(bytes).map_err(|_| DropReason::BadMessage)?;
        let Some(ice) = message.ice else {
            return Ok(Self::Unknown);
        };
        Ok(match (ice.auth, ice.add_candidate) {
            (Some(auth), None) => {
                let password = text(auth.pwd_frag, MAX_SIGNAL_PASSWORD);
                password.map_or(Self::Unknown, |password| Self::Auth { password })
            }
            (None, Some(add)) => {
                let candidate = text(add.candidate, MAX_SIGNAL_CANDIDATE);
                candidate.map_or(Self::Unknown, Self::Candidate)
            }
            // Nobody sends both.
            (None, None) | (Some(_), Some(_)) => Self::Unknown,
        })
    }

    pub(super) fn to_wire(&self) -> Vec<u8> {
        let ice = match self {
            Self::Auth { password } => pb::IceRendezvous {
                auth: Some(pb::IceAuth {
                    pwd_frag: Some(password.clone().into_bytes()),
                }),
                ..Default::default()
            },
            Self::Candidate(candidate) => pb::IceRendezvous {
                add_candidate: Some(pb::IceCandidate {
                    candidate: Some(candidate.clone().into_bytes()),
                }),
                ..Default::default()
            },
            Self::Unknown => return Vec::new(),
        };
        pb::RendezvousReliable { ice: Some(ice) }.encode_to_vec()
    }
}

impl fmt::Debug for ReliableMessage {
    /// Shows no password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auth { .. } => f.debug_struct("Auth").finish_non_exhaustive(),
            Self::Candidate(text) => f.debug_tuple("Candidate").field(text).finish(),
            Self::Unknown => f.write_str("Unknown"),
        }
    }
}

/// Tag and length of an empty field.
const OUTER_OVERHEAD: usize = 2;

/// A field of one byte of tag with `len` bytes.
fn field_len(len: usize) -> usize {
    prost::length_delimiter_len(len)
        .saturating_add(1)
        .saturating_add(len)
}

fn text(bytes: Option<Vec<u8>>, longest: usize) -> Option<String> {
    let bytes = bytes.filter(|bytes| !bytes.is_empty() && bytes.len() <= longest)?;
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_is_what_a_signal_grows_by() {
        for len in [1, 50, 118, 119, 120, 121, 122, 123, 124, 130, 500] {
            for message in [
                ReliableMessage::Unknown,
                ReliableMessage::Candidate("c".repeat(len)),
                ReliableMessage::Auth {
                    password: "p".repeat(len),
                },
            ] {
                let with = pb::Rendezvous {
                    reliable_messages: Vec::from([message.to_wire()]),
                    ..Default::default()
                };
                assert_eq!(with.encoded_len(), message.encoded_len(), "{message:?}");
            }
        }
    }

    #[test]
    fn what_cannot_be_read_keeps_its_place() {
        let read = |ice| {
            let bytes = pb::RendezvousReliable { ice: Some(ice) }.encode_to_vec();
            ReliableMessage::parse(&bytes)
        };
        let candidate = |candidate: &[u8]| pb::IceCandidate {
            candidate: Some(candidate.to_vec()),
        };
        let auth = |password: &[u8]| pb::IceAuth {
            pwd_frag: Some(password.to_vec()),
        };
        let only_candidate = |text: &[u8]| pb::IceRendezvous {
            add_candidate: Some(candidate(text)),
            auth: None,
        };
        let only_auth = |text: &[u8]| pb::IceRendezvous {
            add_candidate: None,
            auth: Some(auth(text)),
        };
        for unreadable in [
            pb::IceRendezvous::default(),
            only_candidate(b""),
            only_candidate(b"\xFF"),
            only_auth(b"\xFF"),
            pb::IceRendezvous {
                add_candidate: Some(candidate(b"a")),
                auth: Some(auth(b"b")),
            },
        ] {
            assert_eq!(read(unreadable), Ok(ReliableMessage::Unknown));
        }
        assert_eq!(ReliableMessage::parse(b""), Ok(ReliableMessage::Unknown));
        assert_eq!(
            ReliableMessage::parse(b"\x0A\x05"),
            Err(DropReason::BadMessage)
        );
    }

    #[test]
    fn limit_texts_of_ice() {
        let candidate = |len| ReliableMessage::Candidate("c".repeat(len));
        let auth = |len| ReliableMessage::Auth {
            password: "p".repeat(len),
        };
        for (message, kept) in [
            (candidate(MAX_SIGNAL_CANDIDATE), true),
            (candidate(MAX_SIGNAL_CANDIDATE + 1), false),
            (auth(MAX_SIGNAL_PASSWORD), true),
            (auth(MAX_SIGNAL_PASSWORD + 1), false),
        ] {
            let read = ReliableMessage::parse(&message.to_wire());
            let expected = if kept {
                message
            } else {
                ReliableMessage::Unknown
            };
            assert_eq!(read, Ok(expected));
        }
    }
}
