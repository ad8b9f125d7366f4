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
    /// Key exchange, cipher choice or the signature over them failed.
    pub const REMOTE_BAD_CRYPT: Self = Self(4002);
    /// The remote certificate, identity or app ID was refused.
    pub const REMOTE_BAD_CERT: Self = Self(4003);
    /// The remote protocol version is too old or contradicts itself.
    pub const REMOTE_BAD_PROTOCOL_VERSION: Self = Self(4006);
    /// A failure without a number of its own.
    pub const MISC_GENERIC: Self = Self(5001);
    /// A broken packet from the peer, or a broken state here.
    pub const MISC_INTERNAL_ERROR: Self = Self(5002);
    /// The peer fell silent, or never answered.
    pub const MISC_TIMEOUT: Self = Self(5003);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn application_codes_are_kept_or_replaced() {
        assert_eq!(EndReason::from_app(0), EndReason::APP_GENERIC);
        assert_eq!(EndReason::from_app(1234).code(), 1234);
        assert_eq!(EndReason::from_app(2999).code(), 2999);
        assert_eq!(EndReason::from_app(3000), EndReason::APP_OUT_OF_RANGE);
        assert_eq!(EndReason::from_app(7), EndReason::APP_OUT_OF_RANGE);
    }
}
