//! Why a connection ended, as the number that crosses the wire and the APIs.

use core::fmt;

use serde::{Deserialize, Serialize};

/// The reason code of a closed connection, with GNS's ranges and numbers.
///
/// | range | meaning |
/// |---|---|
/// | 1000..=1999 | the application ended it in the normal way |
/// | 2000..=2999 | the application ended it in an exceptional way |
/// | 3000..=3999 | a problem on this side |
/// | 4000..=4999 | a problem of the remote host |
/// | 5000..=5999 | anything else |
///
/// A peer may send any number; it is kept as it is.
/// GNS e707b3a: steamnetworkingtypes.h, `ESteamNetConnectionEnd`.
#[derive(Clone, Copy, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub struct EndReason(u32);

impl EndReason {
    /// No reason: the connection has not ended.
    pub const INVALID: Self = Self(0);
    /// Closed by the application without a reason of its own.
    pub const APP_GENERIC: Self = Self(1000);
    /// Stands for an application's code that was out of range.
    pub const APP_OUT_OF_RANGE: Self = Self(1999);
    /// Closed by the application as an exception, without a reason of its own.
    pub const APP_EXCEPTION_GENERIC: Self = Self(2000);
    /// The library shut down with the connection open.
    pub const LIBRARY_SHUTDOWN: Self = Self(2999);
    /// This host is not allowed to use the network, or does not want to.
    pub const LOCAL_OFFLINE_MODE: Self = Self(3001);
    /// Hardly any relay can be reached from here.
    pub const LOCAL_MANY_RELAY_CONNECTIVITY: Self = Self(3002);
    /// A hosted server has lost its own relay.
    pub const LOCAL_HOSTED_SERVER_PRIMARY_RELAY: Self = Self(3003);
    /// It is not known which relays there are.
    pub const LOCAL_NETWORK_CONFIG: Self = Self(3004);
    /// This host lacks the right to do it.
    pub const LOCAL_RIGHTS: Self = Self(3005);
    /// No public address of this host is known, and there is no relay.
    pub const LOCAL_ICE_NO_PUBLIC_ADDRESSES: Self = Self(3006);
    /// The peer fell silent, and the fault seems to be on its side.
    pub const REMOTE_TIMEOUT: Self = Self(4001);
    /// Key exchange, cipher choice or the signature over them failed.
    pub const REMOTE_BAD_CRYPT: Self = Self(4002);
    /// The remote certificate, identity or app ID was refused.
    pub const REMOTE_BAD_CERT: Self = Self(4003);
    /// The remote protocol version is too old or contradicts itself.
    pub const REMOTE_BAD_PROTOCOL_VERSION: Self = Self(4006);
    /// The peer knows no public address of its own, and there is no relay.
    pub const REMOTE_ICE_NO_PUBLIC_ADDRESSES: Self = Self(4007);
    /// A failure without a number of its own.
    pub const MISC_GENERIC: Self = Self(5001);
    /// A broken packet from the peer, or a broken state here.
    pub const MISC_INTERNAL_ERROR: Self = Self(5002);
    /// The peer fell silent, or never answered.
    pub const MISC_TIMEOUT: Self = Self(5003);
    /// The service that hosts find each other by cannot be reached.
    pub const MISC_STEAM_CONNECTIVITY: Self = Self(5005);
    /// The server does not reach the client through any relay.
    pub const MISC_NO_RELAY_SESSIONS_TO_CLIENT: Self = Self(5006);
    /// The hosts did not find each other.
    pub const MISC_P2P_RENDEZVOUS: Self = Self(5008);
    /// The hosts found each other, and no packet gets through: a firewall or an address translation.
    pub const MISC_P2P_NAT_FIREWALL: Self = Self(5009);
    /// The peer says that it has no such connection.
    pub const MISC_PEER_SENT_NO_CONNECTION: Self = Self(5010);

    /// Keeps a code as it came.
    pub const fn new(code: u32) -> Self {
        Self(code)
    }

    /// The code that goes out when an application passes `code`: 0 becomes the generic one, and what
    /// is outside the application's ranges becomes [`Self::APP_OUT_OF_RANGE`].
    pub const fn from_app(code: u32) -> Self {
        match code {
            0 => Self::APP_GENERIC,
            1000..=2999 => Self(code),
            _ => Self::APP_OUT_OF_RANGE,
        }
    }

    /// The number.
    pub const fn code(self) -> u32 {
        self.0
    }
}

impl fmt::Debug for EndReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EndReason({})", self.0)
    }
}

impl fmt::Display for EndReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Why a server refused to connect, as it tells clients if it is set to: the number that goes with the
/// [`EndReason`] and the text of the refusal (docs/extensions.md).
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[non_exhaustive]
pub enum Rejection {
    /// 1: nothing listens at this address any more.
    NotListening,
    /// 2: the server has as many connections as it may have.
    ServerFull,
    /// 3: the client's address has as many connections as it may have.
    TooManyFromAddress,
    /// 4: the identity is malformed or not allowed.
    BadIdentity,
    /// 5: the certificate is not good enough, or for another app.
    BadCertificate,
    /// 6: the signed key exchange is not good.
    BadKeyExchange,
    /// 7: the protocol version is too old.
    OldProtocol,
    /// A number that this version does not know.
    Other(u32),
}

impl Rejection {
    /// The number on the wire.
    pub const fn code(self) -> u32 {
        match self {
            Self::NotListening => 1,
            Self::ServerFull => 2,
            Self::TooManyFromAddress => 3,
            Self::BadIdentity => 4,
            Self::BadCertificate => 5,
            Self::BadKeyExchange => 6,
            Self::OldProtocol => 7,
            Self::Other(code) => code,
        }
    }

    /// The rejection of a number on the wire.
    pub const fn from_code(code: u32) -> Self {
        match code {
            1 => Self::NotListening,
            2 => Self::ServerFull,
            3 => Self::TooManyFromAddress,
            4 => Self::BadIdentity,
            5 => Self::BadCertificate,
            6 => Self::BadKeyExchange,
            7 => Self::OldProtocol,
            _ => Self::Other(code),
        }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotListening => f.write_str("nothing listens there any more"),
            Self::ServerFull => f.write_str("the server is full"),
            Self::TooManyFromAddress => f.write_str("too many connections from this address"),
            Self::BadIdentity => f.write_str("the identity is malformed or not allowed"),
            Self::BadCertificate => f.write_str("the certificate was refused"),
            Self::BadKeyExchange => f.write_str("the key exchange was refused"),
            Self::OldProtocol => f.write_str("the protocol version is too old"),
            Self::Other(code) => write!(f, "refused for reason {code}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;

    #[test]
    fn application_codes_are_kept_or_replaced() {
        assert_eq!(EndReason::from_app(0), EndReason::APP_GENERIC);
        assert_eq!(EndReason::from_app(1234).code(), 1234);
        assert_eq!(EndReason::from_app(2999).code(), 2999);
        assert_eq!(EndReason::from_app(3000), EndReason::APP_OUT_OF_RANGE);
        assert_eq!(EndReason::from_app(7), EndReason::APP_OUT_OF_RANGE);
    }

    #[test]
    fn rejections_keep_their_numbers() {
        for code in 0..10 {
            assert_eq!(Rejection::from_code(code).code(), code);
        }
        let full = Rejection::from_code(2).to_string();
        assert_eq!(full, "the server is full");
    }
}
