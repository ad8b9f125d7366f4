//! What a client hears whose request was refused, on servers that are set to tell.
//!
//! Only who has brought a good cookie hears anything, so the answer goes to whom it is for. It is a
//! ConnectionClosed, which is never longer than the ChallengeRequest that drew the cookie; GNS clients
//! show its reason and text, ours the typed cause besides (docs/extensions.md).

use alloc::borrow::Cow;
use alloc::vec::Vec;

use crate::cert::check::PeerRefused;
use crate::counters::DropReason;
use crate::end_reason::EndReason;
use crate::end_reason::Rejection;
use crate::endpoint::DatagramEvent;
use crate::endpoint::Endpoint;
use crate::ids::ConnectionId;
use crate::limits;
use crate::time::Span;
use crate::time::Timestamp;
use crate::wire::udp;

/// Why a request was refused: what is counted, and what may be told.
#[derive(Debug)]
pub(super) struct Refused {
    drop: DropReason,
    /// What the checks of certificate and key exchange say; they know best.
    peer: Option<PeerRefused>,
}

/// Whether causes are told, and how many were in this second.
#[derive(Clone, Debug)]
pub(super) struct Rejections {
    are_told: bool,
    second: Timestamp,
    told: u32,
}

impl Rejections {
    pub(super) const fn new(now: Timestamp, are_told: bool) -> Self {
        Self {
            are_told,
            second: now,
            told: 0,
        }
    }

    pub(super) const fn are_told(&self) -> bool {
        self.are_told
    }

    fn may_tell(&mut self, now: Timestamp) -> bool {
        if now.since(self.second) >= Span::from_secs(1) {
            self.second = now;
            self.told = 0;
        }
        let may = self.are_told && self.told < limits::MAX_REJECTIONS_PER_SECOND;
        self.told += u32::from(may);
        may
    }
}

impl Endpoint {
    /// A request whose cookie was good is refused.
    pub(super) fn reject(
        &mut self,
        now: Timestamp,
        client: ConnectionId,
        refused: Refused,
        reply: &mut Vec<u8>,
    ) -> Result<DatagramEvent, DropReason> {
        let Some(rejection) = rejection_of(refused.drop) else {
            return Err(refused.drop);
        };
        if !self.rejections.may_tell(now) {
            return Err(refused.drop);
        }
        self.drops.count(refused.drop);
        let (reason, text) = refused.told(rejection);
        let answer = udp::ConnectionClosed {
            to: Some(client),
            from: None,
            reason,
            text: text.into(),
            rejection: Some(rejection),
        };
        answer.encode(reply);
        Ok(DatagramEvent::Reply)
    }
}

impl Refused {
    /// Whether the request was bad, rather than the time for it.
    pub(super) const fn is_fault_of_peer(&self) -> bool {
        matches!(
            self.drop,
            DropReason::BadMessage
                | DropReason::BadIdentity
                | DropReason::BadCertificate
                | DropReason::BadCrypt
                | DropReason::OldProtocol
        )
    }

    fn told(self, rejection: Rejection) -> (EndReason, Cow<'static, str>) {
        if let Some(peer) = self.peer {
            return (peer.reason, peer.text);
        }
        match rejection {
            Rejection::NotListening => (EndReason::MISC_GENERIC, "Nothing listens here".into()),
            Rejection::ServerFull => (EndReason::MISC_GENERIC, "The server is full".into()),
            Rejection::TooManyFromAddress => (
                EndReason::MISC_GENERIC,
                "Too many connections from your address".into(),
            ),
            Rejection::BadIdentity => (
                EndReason::REMOTE_BAD_CERT,
                "Your identity is malformed or not allowed".into(),
            ),
            Rejection::BadCertificate => (
                EndReason::REMOTE_BAD_CERT,
                "Your certificate failed to parse".into(),
            ),
            Rejection::BadKeyExchange => (
                EndReason::REMOTE_BAD_CRYPT,
                "Your key exchange was refused".into(),
            ),
            Rejection::OldProtocol => (
                EndReason::REMOTE_BAD_PROTOCOL_VERSION,
                "Your protocol version is too old".into(),
            ),
            Rejection::Other(_) => (EndReason::MISC_GENERIC, "Refused".into()),
        }
    }
}

impl From<DropReason> for Refused {
    fn from(drop: DropReason) -> Self {
        Self { drop, peer: None }
    }
}

impl From<PeerRefused> for Refused {
    fn from(peer: PeerRefused) -> Self {
        Self {
            drop: peer.drop_reason(),
            peer: Some(peer),
        }
    }
}

/// The cause that is told for a counted one; `None` for those that a request cannot have, and for those that
/// pass: who is told does not try again.
const fn rejection_of(drop: DropReason) -> Option<Rejection> {
    Some(match drop {
        DropReason::NotListening => Rejection::NotListening,
        DropReason::Overload => Rejection::ServerFull,
        DropReason::SourceOverload => Rejection::TooManyFromAddress,
        DropReason::BadIdentity => Rejection::BadIdentity,
        DropReason::BadCertificate => Rejection::BadCertificate,
        DropReason::BadCrypt => Rejection::BadKeyExchange,
        DropReason::OldProtocol => Rejection::OldProtocol,
        _ => return None,
    })
}
