//! GNS's utilities: the clock, and what is told of relays, distances and fake addresses, which is for now
//! that there are none.
//!
//! Direct connections need none of those. Their functions answer as those of the open GNS do, which has no
//! relays either, so that a program written for them behaves the same.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use bowline_core::address::PeerAddr;
use bowline_core::availability::Availability;
use bowline_core::identity::Identity;
use bowline_core::pop::PopId;
use bowline_core::time::Timestamp;
use bowline_io::clock::Clock;

/// How far access to relays has come.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct RelayStatus {
    /// All in all.
    pub availability: Availability,
    /// Whether distances are being measured now.
    pub is_measuring: bool,
    /// Whether it is known which relays there are.
    pub network_config: Availability,
    /// Whether any relay can be reached.
    pub any_relay: Availability,
    /// The same in words.
    pub text: String,
}

/// Where a host is, as its distances to known points of the network. Travels between hosts as text.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct PingLocation(());

/// A text that is no [`PingLocation`] that this version understands.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not a ping location that this version understands")]
pub struct PingLocationError;

/// Why there is no estimate of a ping.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PingError {
    /// It was measured, and there is no way.
    #[error("there is no route")]
    Failed,
    /// Nothing has been measured.
    #[error("nothing has been measured")]
    Unknown,
}

/// Why an address does not tell whom it stands for.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FakeIpError {
    /// Nothing hands out fake addresses.
    #[error("fake addresses are not available")]
    Disabled,
}

impl PingError {
    /// GNS's number, which stands in the place of the milliseconds.
    pub const fn number(self) -> i32 {
        match self {
            Self::Failed => -1,
            Self::Unknown => -2,
        }
    }
}

/// The time on the clock of [`Message::received_at`](crate::Message::received_at), which is the same for
/// all of the process; see [`Sockets::now`](crate::Sockets::now).
pub fn local_timestamp() -> Timestamp {
    Clock::new().now()
}

/// Begins to set up access to relays, if it is not there, and tells how far it is.
pub fn init_relay_access() -> RelayStatus {
    relay_status()
}

/// How far access to relays is.
pub fn relay_status() -> RelayStatus {
    RelayStatus {
        availability: Availability::CannotTry,
        is_measuring: false,
        network_config: Availability::CannotTry,
        any_relay: Availability::CannotTry,
        text: "relays are not supported yet".to_owned(),
    }
}

/// Where this host is, and how old the measurement is; `None` if it was not measured.
pub const fn local_ping_location() -> Option<(PingLocation, Duration)> {
    None
}

/// Whether measured distances are at most `max_age` old; begins to measure if not.
pub const fn check_ping_data(_max_age: Duration) -> bool {
    false
}

/// An estimate of the ping between two hosts in milliseconds.
///
/// # Errors
/// If it is not known, or known that there is no way.
pub const fn estimate_ping_between(_a: &PingLocation, _b: &PingLocation) -> Result<u32, PingError> {
    Err(PingError::Unknown)
}

/// An estimate of the ping between this host and another in milliseconds.
///
/// # Errors
/// As [`estimate_ping_between`].
pub const fn estimate_ping_from_here(_remote: &PingLocation) -> Result<u32, PingError> {
    Err(PingError::Unknown)
}

/// The ping to a point of presence by the best route in milliseconds, and by which other one that
/// goes, if any.
///
/// # Errors
/// As [`estimate_ping_between`].
pub const fn ping_to_pop(_pop: PopId) -> Result<(u32, Option<PopId>), PingError> {
    Err(PingError::Unknown)
}

/// The ping to a point of presence without a relay in between, in milliseconds.
///
/// # Errors
/// As [`estimate_ping_between`].
pub const fn direct_ping_to_pop(_pop: PopId) -> Result<u32, PingError> {
    Err(PingError::Unknown)
}

/// The points of presence that are known.
pub const fn pops() -> Vec<PopId> {
    Vec::new()
}

/// Whom a fake address stands for.
///
/// # Errors
/// If it stands for nobody who is known.
pub const fn identity_of_fake_ip(_addr: &PeerAddr) -> Result<Identity, FakeIpError> {
    Err(FakeIpError::Disabled)
}

impl fmt::Display for PingLocation {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}

impl FromStr for PingLocation {
    type Err = PingLocationError;

    fn from_str(_: &str) -> Result<Self, PingLocationError> {
        Err(PingLocationError)
    }
}

#[cfg(test)]
mod tests {
    use bowline_core::result_code::ResultCode;

    use super::*;
    use crate::result::ToResult;

    #[test]
    fn relay_status_reads_as_without_relays() {
        for status in [relay_status(), init_relay_access()] {
            assert_eq!(status.availability, Availability::CannotTry);
            assert_eq!(status.network_config, Availability::CannotTry);
            assert_eq!(status.any_relay, Availability::CannotTry);
            assert!(!status.is_measuring && !status.text.is_empty());
        }
    }

    #[test]
    fn nothing_is_known_of_distances() {
        let here = PingLocation::default();
        assert_eq!(local_ping_location(), None);
        assert!(!check_ping_data(Duration::MAX));
        assert_eq!(estimate_ping_between(&here, &here), Err(PingError::Unknown));
        assert_eq!(estimate_ping_from_here(&here), Err(PingError::Unknown));
        assert_eq!(ping_to_pop(PopId::DEV), Err(PingError::Unknown));
        assert_eq!(direct_ping_to_pop(PopId::DEV), Err(PingError::Unknown));
        assert_eq!(pops(), []);
        assert_eq!(PingError::Unknown.number(), -2);
        assert_eq!(PingError::Failed.number(), -1);
    }

    #[test]
    fn ping_locations_have_no_text() {
        assert_eq!(PingLocation::default().to_string(), "");
        for text in ["", "iad=10,fra=90", "é"] {
            assert_eq!(text.parse::<PingLocation>(), Err(PingLocationError));
        }
    }

    #[test]
    fn fake_addresses_are_disabled() {
        let addr = "169.254.1.1:2000".parse().unwrap();
        let found = identity_of_fake_ip(&addr);
        assert_eq!(found, Err(FakeIpError::Disabled));
        assert_eq!(found.result(), ResultCode::Disabled);
    }
}
