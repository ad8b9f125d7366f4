//! What a client wants of its owner, and tells it.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::net::SocketAddr;

use crate::availability::Availability;
use crate::hub::NackReason;
use crate::hub::NetworkConfig;
use crate::hub::NetworkConfigError;
use crate::identity::Identity;

/// What the owner of a client is to do.
#[derive(Clone, Eq, PartialEq)]
pub enum HubAction {
    /// Connect to the hub.
    Connect,
    /// Close the connection to the hub, if there is one.
    Disconnect,
    /// Send this to the hub, reliable.
    Send(Vec<u8>),
}

/// Without what is sent, which may prove an identity.
impl fmt::Debug for HubAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect => f.write_str("Connect"),
            Self::Disconnect => f.write_str("Disconnect"),
            Self::Send(bytes) => write!(f, "Send({} bytes)", bytes.len()),
        }
    }
}

/// What a client hears from its hub.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum HubEvent {
    /// It is somebody.
    SignedIn {
        /// Who.
        identity: Identity,
        /// The number of the session, for support.
        session: u64,
        /// Where the hub sees it.
        seen_address: Option<SocketAddr>,
        /// The hub's time, in milliseconds since 1970.
        unix_ms: u64,
    },
    /// The hub has signed a certificate ([`SignedCertificate`](crate::cert::signed::SignedCertificate)).
    Certificate(Vec<u8>),
    /// The operator says something new about the network, and it is to be believed.
    Network(NetworkConfig),
    /// The operator says of the network what is known already.
    NetworkKnown,
    /// What the hub says about the network is not taken, and why.
    NetworkRefused(NetworkConfigError),
    /// A peer has sent a signal.
    Signal {
        /// Who, as the hub vouches.
        from: String,
        /// The signal.
        payload: Vec<u8>,
    },
    /// A signal was not carried.
    SignalRefused {
        /// Its number ([`HubClient::send_signal`](crate::hub::HubClient::send_signal)).
        number: u32,
        /// Why; `None` for a reason that only newer hubs have.
        reason: Option<NackReason>,
    },
    /// It stands differently with the hub than before, or something else than before went wrong.
    Availability {
        /// How.
        availability: Availability,
        /// Why, for people.
        text: String,
    },
}

/// Why a signal cannot be sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum HubSendError {
    /// The client is not signed in at the moment.
    #[error("not signed in to the hub")]
    NotSignedIn,
    /// Too many signals wait to be sent.
    #[error("too many signals wait to be sent to the hub")]
    TooMany,
    /// More bytes than the hub carries.
    #[error("a signal of {len} bytes is larger than the {limit} that the hub carries")]
    TooLarge {
        /// Its length in bytes.
        len: usize,
        /// The limit.
        limit: usize,
    },
}
