//! What messages to identities can refuse.

use bowline_core::end_reason::EndReason;
use bowline_core::limits::MAX_MESSAGE;
use bowline_core::messages as core;
use bowline_core::messages::PlanError;
use bowline_core::messages::limits::MAX_UNRELIABLE_PACKET;
use bowline_core::result_code::ResultCode;

use crate::error::ConnectP2pError;
use crate::error::SendError;
use crate::result::ToResult;

/// Why a message to an identity was not taken. Nothing of it was sent or queued.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MessagesSendError {
    /// The identity names nobody.
    #[error("the identity of the peer names nobody")]
    NoPeer,
    /// The identity is the interface's own. What a program has to say to itself it need not send.
    #[error("the peer is this interface itself: nothing is sent to oneself")]
    ToSelf,
    /// The message is larger than any message may be, or than the send buffer.
    #[error("a message of {len} bytes is too large: the limit is {max}")]
    TooLarge {
        /// Its size in bytes.
        len: usize,
        /// The largest size in bytes.
        max: usize,
    },
    /// Nothing carries signals to the peer: no hub was signed in to ([`Sockets::sign_in`](crate::Sockets::sign_in)), and no
    /// signaling is set ([`Sockets::set_signaling`](crate::Sockets::set_signaling)).
    #[error("nothing carries signals to the peer: sign in to a hub, or set a signaling")]
    NoSignaling,
    /// The session has failed, of which an event has told or is about to.
    #[error("the session has failed: close it, or send with a restart")]
    Broken,
    /// There are as many sessions as there may be.
    #[error("too many sessions")]
    TooManySessions,
    /// No connection to the peer can be begun.
    #[error(transparent)]
    Connect(#[from] ConnectP2pError),
    /// The connection does not take it now: its send buffer is full, or it had to go at once and could not.
    #[error(transparent)]
    Refused(SendError),
}

impl From<PlanError> for MessagesSendError {
    fn from(error: PlanError) -> Self {
        match error {
            PlanError::Broken => Self::Broken,
            PlanError::TooMany => Self::TooManySessions,
        }
    }
}

/// As `SendMessageToUser` says it.
impl ToResult for MessagesSendError {
    fn result(&self) -> ResultCode {
        match *self {
            // As of `SendError`: to GNS there is no room for it now.
            Self::TooLarge { len, max } if len <= MAX_MESSAGE && max != MAX_UNRELIABLE_PACKET => {
                ResultCode::LimitExceeded
            }
            Self::NoPeer | Self::ToSelf | Self::TooLarge { .. } => ResultCode::InvalidParam,
            Self::NoSignaling => ResultCode::Fail,
            Self::Broken => ResultCode::ConnectFailed,
            Self::TooManySessions => ResultCode::LimitExceeded,
            Self::Connect(ref error) => error.result(),
            Self::Refused(ref error) => error.result(),
        }
    }
}

/// Why it is not known that all has arrived that was sent reliably to a peer.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum NotDelivered {
    /// The time was over before, or waits were ended by [`Sockets::shut_down`](crate::Sockets::shut_down).
    #[error("{bytes} bytes have not arrived in time")]
    TimedOut {
        /// So many have not, counted as by [`RealTimeStatus`](crate::RealTimeStatus): with a few for each message that say its
        /// channel and size. 0 if the connection had just ended, and what that is to the session was not known yet.
        bytes: usize,
    },
    /// The session has failed, now or before, and this side has not closed it since.
    #[error("the session has failed: {text}")]
    Broken {
        /// Why the connection has ended.
        reason: EndReason,
        /// The same in words.
        text: String,
    },
    /// This side has closed the session meanwhile, by another thread.
    #[error("the session was closed meanwhile")]
    Closed,
}

/// There is no session with this peer, or none that could be what was asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("there is no such session with this peer")]
pub struct NoSession;

impl From<core::NoSession> for NoSession {
    fn from(_: core::NoSession) -> Self {
        Self
    }
}

impl ToResult for NoSession {
    fn result(&self) -> ResultCode {
        ResultCode::NoConnection
    }
}
