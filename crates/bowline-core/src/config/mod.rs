//! How a connection behaves: limits, rates and timeouts.
//!
//! [`Config`] holds values that are valid together; each setter checks its range, so that
//! nothing inside has to. The ranges and defaults are GNS's (wire.md 9), except that rates have no
//! limit unless one is set.

use core::fmt;

use crate::cert::check::AuthPolicy;
use crate::crypto::cipher_negotiation::EncryptionPolicy;
use crate::limits;
use crate::time::Span;

/// The settings of a connection, fixed when it is made unless a method of it says otherwise.
#[derive(Clone, Debug)]
pub struct Config {
    timeout_initial: Span,
    timeout_connected: Span,
    send_buffer_bytes: usize,
    recv_buffer_bytes: usize,
    recv_buffer_messages: usize,
    recv_max_message_bytes: usize,
    max_segments_per_packet: u32,
    min_rate_bytes_per_sec: Option<u64>,
    max_rate_bytes_per_sec: Option<u64>,
    nagle: Span,
    mtu_bytes: usize,
    encryption: EncryptionPolicy,
    auth: AuthPolicy,
}

/// A value that is out of its range.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{name} is {value}: it must be {min} to {max}")]
pub struct ConfigError {
    /// The name of the setting.
    pub name: &'static str,
    /// The value that was given.
    pub value: u64,
    /// The least value.
    pub min: u64,
    /// The greatest value.
    pub max: u64,
}

const BUFFER_RANGE: (u64, u64) = (4 * 1024, 256 * 1024 * 1024);
const RATE_RANGE: (u64, u64) = (1024, 100 * 1024 * 1024 * 1024);

macro_rules! setter {
    ($(#[doc = $doc:literal])* $set:ident, $get:ident: usize, $range:expr) => {
        $(#[doc = $doc])*
        ///
        /// # Errors
        /// If the value is out of range; the error tells the range.
        pub fn $set(&mut self, value: usize) -> Result<&mut Self, ConfigError> {
            in_range(stringify!($get), value as u64, $range)?;
            self.$get = value;
            Ok(self)
        }

        /// The value set by the method named like it.
        pub const fn $get(&self) -> usize {
            self.$get
        }
    };
    ($(#[doc = $doc:literal])* $set:ident, $get:ident: Span, $range:expr) => {
        $(#[doc = $doc])*
        ///
        /// # Errors
        /// If the value is out of range; the error tells the range, in microseconds.
        pub fn $set(&mut self, value: impl Into<Span>) -> Result<&mut Self, ConfigError> {
            let value = value.into();
            in_range(stringify!($get), value.as_micros(), $range)?;
            self.$get = value;
            Ok(self)
        }

        /// The value set by the method named like it.
        pub const fn $get(&self) -> Span {
            self.$get
        }
    };
}

impl Config {
    /// The defaults.
    pub const fn new() -> Self {
        Self {
            timeout_initial: limits::TIMEOUT_INITIAL,
            timeout_connected: limits::TIMEOUT_CONNECTED,
            send_buffer_bytes: limits::SEND_BUFFER,
            recv_buffer_bytes: limits::RECV_BUFFER,
            recv_buffer_messages: limits::RECV_BUFFER_MESSAGES,
            recv_max_message_bytes: limits::MAX_MESSAGE,
            max_segments_per_packet: limits::MAX_SEGMENTS_PER_PACKET,
            min_rate_bytes_per_sec: None,
            max_rate_bytes_per_sec: None,
            nagle: limits::NAGLE_TIME,
            mtu_bytes: limits::MAX_DATAGRAM,
            encryption: EncryptionPolicy::Required,
            auth: AuthPolicy::Allow,
        }
    }

    setter! {
        /// How long the handshake may take, and the application to accept (10 s).
        set_timeout_initial, timeout_initial: Span, (0, u32::MAX as u64 * 1000)
    }
    setter! {
        /// How long a connected peer may be silent (10 s).
        set_timeout_connected, timeout_connected: Span, (0, u32::MAX as u64 * 1000)
    }
    setter! {
        /// How many bytes may wait to be sent (512 KiB).
        set_send_buffer, send_buffer_bytes: usize, BUFFER_RANGE
    }
    setter! {
        /// How many received bytes may wait to be read, and how many a lane may hold out of order (1 MiB).
        set_recv_buffer, recv_buffer_bytes: usize, BUFFER_RANGE
    }
    setter! {
        /// How many received messages may wait to be read (1000).
        set_recv_buffer_messages, recv_buffer_messages: usize, (2, 1 << 24)
    }
    setter! {
        /// The largest message taken from the peer (512 KiB).
        set_recv_max_message, recv_max_message_bytes: usize, (64, BUFFER_RANGE.1)
    }
    setter! {
        /// How long a small message waits for company (5 ms, at most 20 ms).
        set_nagle, nagle: Span, (0, 20_000)
    }
    setter! {
        /// The largest UDP payload sent (1300, at least 200).
        set_mtu, mtu_bytes: usize, (limits::MIN_MTU as u64, limits::MAX_DATAGRAM as u64)
    }

    /// How many segments are taken from one packet (1300, at least 1).
    ///
    /// # Errors
    /// If the value is out of range; the error tells the range.
    pub fn set_max_segments_per_packet(&mut self, value: u32) -> Result<&mut Self, ConfigError> {
        let range = (1, u64::from(limits::MAX_SEGMENTS_PER_PACKET));
        in_range("max_segments_per_packet", u64::from(value), range)?;
        self.max_segments_per_packet = value;
        Ok(self)
    }

    /// How many segments are taken from one packet.
    pub const fn max_segments_per_packet(&self) -> u32 {
        self.max_segments_per_packet
    }

    /// The bounds of the sending rate in bytes per second of UDP payload; `None` is no bound, which is
    /// the default. With both the same the rate is pinned: no congestion control, as in GNS.
    ///
    /// # Errors
    /// If a rate is out of range (1024 to 100 GiB/s), or the lower bound above the upper one.
    pub fn set_send_rate(
        &mut self,
        min_bytes_per_sec: Option<u64>,
        max_bytes_per_sec: Option<u64>,
    ) -> Result<&mut Self, ConfigError> {
        if let Some(max) = max_bytes_per_sec {
            in_range("max_rate_bytes_per_sec", max, RATE_RANGE)?;
        }
        if let Some(min) = min_bytes_per_sec {
            let top = max_bytes_per_sec.unwrap_or(RATE_RANGE.1);
            in_range("min_rate_bytes_per_sec", min, (RATE_RANGE.0, top))?;
        }
        self.min_rate_bytes_per_sec = min_bytes_per_sec;
        self.max_rate_bytes_per_sec = max_bytes_per_sec;
        Ok(self)
    }

    /// The bounds of the sending rate, least and greatest.
    pub const fn send_rate_bytes_per_sec(&self) -> (Option<u64>, Option<u64>) {
        (self.min_rate_bytes_per_sec, self.max_rate_bytes_per_sec)
    }

    /// Whether packets are encrypted ([`EncryptionPolicy::Required`]).
    pub const fn set_encryption(&mut self, policy: EncryptionPolicy) -> &mut Self {
        self.encryption = policy;
        self
    }

    /// Whether packets are encrypted.
    pub const fn encryption(&self) -> EncryptionPolicy {
        self.encryption
    }

    /// Whether peers without a trusted certificate are welcome ([`AuthPolicy::Allow`]).
    pub const fn set_auth(&mut self, policy: AuthPolicy) -> &mut Self {
        self.auth = policy;
        self
    }

    /// Whether peers without a trusted certificate are welcome.
    pub const fn auth(&self) -> AuthPolicy {
        self.auth
    }
}

impl Default for Config {
    fn default() -> Self {
        Self::new()
    }
}

fn in_range(name: &'static str, value: u64, (min, max): (u64, u64)) -> Result<(), ConfigError> {
    if value < min || value > max {
        return Err(ConfigError {
            name,
            value,
            min,
            max,
        });
    }
    Ok(())
}

/// A lane as the sender sees it. The peer needs no configuration and is told nothing of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, serde::Deserialize, serde::Serialize)]
pub struct LaneConfig {
    /// Lanes with a lower number go first, strictly.
    pub priority: i32,
    /// The share of the bandwidth among lanes of the same priority; at least 1.
    pub weight: u16,
}

impl LaneConfig {
    /// A lane with this priority (lower first) and weight.
    pub const fn new(priority: i32, weight: u16) -> Self {
        Self { priority, weight }
    }
}

impl Default for LaneConfig {
    fn default() -> Self {
        Self::new(0, 1)
    }
}

impl fmt::Display for LaneConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "priority {}, weight {}", self.priority, self.weight)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_out_of_range_are_refused_with_the_range() {
        let mut config = Config::new();
        let error = config.set_mtu(100).map(|_| ()).unwrap_err();
        assert_eq!((error.min, error.max, error.value), (200, 1300, 100));
        assert!(config.set_mtu(200).is_ok());
        assert!(config.set_send_rate(Some(2048), Some(1024)).is_err());
        assert!(config.set_send_rate(Some(0), None).is_err());
        assert!(config.set_nagle(Span::from_millis(21)).is_err());
        assert_eq!(config.mtu_bytes(), 200);
    }
}
