//! What a hub wants done, asks and tells.

use std::fmt;
use std::sync::Arc;

use bowline_core::hub::Goodbye;
use bowline_core::hub::Method;
use bowline_core::hub::Refusal;
use bowline_core::hub::Role;
use bowline_core::identity::Identity;
use bowline_core::ids::AppId;
use bowline_core::ids::ConnectionId;

/// What the hub wants done.
pub enum Output {
    /// A message for a client, reliable.
    Send {
        /// Whom it is for.
        client: ConnectionId,
        /// Its bytes, which may be those of many.
        bytes: Arc<[u8]>,
    },
    /// The connection is to be closed once all has been sent.
    Close {
        /// Whose.
        client: ConnectionId,
        /// For people.
        text: String,
    },
    /// Somebody else has to say whether a credential is good: [`Hub::on_verdict`](super::Hub::on_verdict).
    Check(Check),
    /// Something that an operator may want to know of.
    Notice(Notice),
}

/// A question about a credential.
#[derive(Clone, Eq, PartialEq)]
pub struct Check {
    /// Whose.
    pub client: ConnectionId,
    /// What kind of credential: [`Method::Jwt`] or [`Method::Hook`].
    pub method: Method,
    /// The credential.
    pub credential: Vec<u8>,
    /// Which game it is for.
    pub app: AppId,
    /// What the client wants to be.
    pub role: Role,
    /// Who the client says it is, if it does.
    pub wanted_identity: Option<Identity>,
}

/// The answer to a question about a credential.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// It is good.
    Good {
        /// For whom.
        identity: Identity,
        /// Until when, in seconds since 1970; `None` if it does not say.
        expiry_unix_secs: Option<u64>,
    },
    /// It is not, and why.
    Bad(Refusal, String),
}

/// Something that happened, for logs. Names no address.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Notice {
    /// Somebody is in.
    SignedIn {
        /// Which session.
        session: u64,
        /// Who.
        identity: Identity,
        /// Of which game.
        app: AppId,
        /// How.
        method: Method,
    },
    /// Somebody is not let in.
    Refused {
        /// Why.
        reason: Refusal,
        /// More about it, for the operator: it may say what the client is not told.
        text: String,
    },
    /// A session is over.
    Ended {
        /// Which session.
        session: u64,
        /// Who.
        identity: Identity,
        /// Why, if the hub ended it.
        reason: Option<Goodbye>,
    },
}

/// For people.
impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SignedIn {
                identity,
                app,
                method,
                ..
            } => write!(f, "{identity} signed in ({method}, app {app})"),
            Self::Refused { reason, text } => write!(f, "refused somebody: {reason}: {text}"),
            Self::Ended {
                identity,
                reason: Some(reason),
                ..
            } => write!(f, "{identity} was signed out: {reason}"),
            Self::Ended { identity, .. } => write!(f, "{identity} is gone"),
        }
    }
}

/// Without the bytes of messages: a welcome holds what its client comes back with.
impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Send { client, bytes } => {
                write!(f, "Send({client:?}, {} bytes)", bytes.len())
            }
            Self::Close { client, text } => f
                .debug_struct("Close")
                .field("client", client)
                .field("text", text)
                .finish(),
            Self::Check(check) => f.debug_tuple("Check").field(check).finish(),
            Self::Notice(notice) => f.debug_tuple("Notice").field(notice).finish(),
        }
    }
}

/// Without what proves the identity.
impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Check")
            .field("client", &self.client)
            .field("method", &self.method)
            .field("app", &self.app)
            .field("role", &self.role)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regression_what_a_client_comes_back_with_is_not_told() {
        let output = Output::Send {
            client: ConnectionId::new(0x0001_0001),
            bytes: (*b"a secret").into(),
        };
        let told = format!("{output:?}");
        assert!(
            told.starts_with("Send(") && told.ends_with("8 bytes)"),
            "{told}"
        );
        assert!(!told.contains("97, 32"), "{told}");
    }
}
