//! Settings by their own methods, with types and units.

use core::net::IpAddr;

use crate::cert::check::AuthPolicy;
use crate::config::Config;
use crate::config::ConfigError;
use crate::config::ConfigKey;
use crate::config::ConfigValue;
use crate::config::table::MAX_RATE;
use crate::config::table::MIN_RATE;
use crate::crypto::cipher_negotiation::EncryptionPolicy;
use crate::time::Span;

macro_rules! size {
    ($(#[doc = $doc:literal])* $set:ident, $get:ident, $key:ident) => {
        $(#[doc = $doc])*
        ///
        /// # Errors
        /// If the value is out of range; the error tells the range.
        pub fn $set(&mut self, value: usize) -> Result<&mut Self, ConfigError> {
            self.set(ConfigKey::$key, whole(value as u64))
        }

        /// The value set by the method named like it.
        pub const fn $get(&self) -> usize {
            self.int(ConfigKey::$key).unsigned_abs() as usize
        }
    };
}

macro_rules! millis {
    ($(#[doc = $doc:literal])* $set:ident, $get:ident, $key:ident) => {
        $(#[doc = $doc])*
        ///
        /// # Errors
        /// If the value is out of range; the error tells the range, in milliseconds.
        pub fn $set(&mut self, value: impl Into<Span>) -> Result<&mut Self, ConfigError> {
            self.set(ConfigKey::$key, whole(value.into().as_micros().div_ceil(1000)))
        }

        /// The value set by the method named like it.
        pub const fn $get(&self) -> Span {
            Span::from_millis(self.int(ConfigKey::$key).unsigned_abs() as u64)
        }
    };
}

/// A value for [`Config::set`]; what no setting can hold is out of every range.
fn whole(value: u64) -> ConfigValue {
    ConfigValue::Int64(i64::try_from(value).unwrap_or(i64::MAX))
}

impl Config {
    millis! {
        /// How long the handshake may take, and the application to accept (10 s). Whole milliseconds.
        set_timeout_initial, timeout_initial, TimeoutInitial
    }
    millis! {
        /// How long a connected peer may be silent (10 s). Whole milliseconds.
        set_timeout_connected, timeout_connected, TimeoutConnected
    }
    size! {
        /// How many bytes may wait to be sent (512 KiB).
        set_send_buffer, send_buffer_bytes, SendBufferSize
    }
    size! {
        /// How many received bytes may wait to be read, and how many a lane may hold out of order (1 MiB).
        set_recv_buffer, recv_buffer_bytes, RecvBufferSize
    }
    size! {
        /// How many received messages may wait to be read (1000).
        set_recv_buffer_messages, recv_buffer_messages, RecvBufferMessages
    }
    size! {
        /// The largest message taken from the peer (512 KiB).
        set_recv_max_message, recv_max_message_bytes, RecvMaxMessageSize
    }
    size! {
        /// How far a peer may at most send ahead of what is missing, if it does not run GNS (29 MiB).
        set_recv_window_max, recv_window_max_bytes, RecvWindowMax
    }
    size! {
        /// The largest UDP payload sent (1300, at least 200).
        set_mtu, mtu_bytes, MtuPacketSize
    }
    size! {
        /// The largest UDP payload that packets to a peer of ours grow to where the path takes it (1472, which is
        /// an Ethernet frame; at most 8952, a jumbo frame; 1255 or less: they do not grow). Has no effect on a packet size that was set by `set_mtu`.
        set_mtu_search_max, mtu_search_max_bytes, MtuSearchMax
    }

    size! {
        /// How many bytes the flight recorder may keep of what happened last (0, which is none; else 64 KiB
        /// at least, whatever is set).
        set_record_bytes, record_bytes, RecordBytes
    }

    /// How much the windows of all connections may grow beyond what each begins with: a setting of the
    /// interface.
    pub const fn recv_window_total_bytes(&self) -> usize {
        self.int(ConfigKey::RecvWindowTotal).unsigned_abs() as usize
    }

    /// How long a small message waits for company (5 ms, at most 20 ms).
    ///
    /// # Errors
    /// If the value is out of range; the error tells the range, in microseconds.
    pub fn set_nagle(&mut self, value: impl Into<Span>) -> Result<&mut Self, ConfigError> {
        self.set(ConfigKey::NagleTime, whole(value.into().as_micros()))
    }

    /// How long a small message waits for company.
    pub const fn nagle(&self) -> Span {
        Span::from_micros(self.int(ConfigKey::NagleTime).unsigned_abs() as u64)
    }

    /// Whether small reliable messages may ride again before they are known to be lost (they may).
    ///
    /// # Errors
    /// If the setting is locked.
    pub fn set_armours_small_messages(&mut self, value: bool) -> Result<&mut Self, ConfigError> {
        self.set(ConfigKey::ArmourSmallMessages, whole(u64::from(value)))
    }

    /// Whether small reliable messages may ride again before they are known to be lost.
    pub const fn armours_small_messages(&self) -> bool {
        self.int(ConfigKey::ArmourSmallMessages) > 0
    }

    /// How many segments are taken from one packet (1300, at least 1).
    ///
    /// # Errors
    /// If the value is out of range; the error tells the range.
    pub fn set_max_segments_per_packet(&mut self, value: u32) -> Result<&mut Self, ConfigError> {
        self.set(ConfigKey::RecvMaxSegmentsPerPacket, whole(u64::from(value)))
    }

    /// How many segments are taken from one packet.
    pub const fn max_segments_per_packet(&self) -> u32 {
        self.int(ConfigKey::RecvMaxSegmentsPerPacket).unsigned_abs()
    }

    /// The bounds of the sending rate in bytes per second of UDP payload; `None` is no bound, which is
    /// the default. With both the same the rate is pinned: no congestion control, as in GNS.
    ///
    /// # Errors
    /// If a rate is out of range (1024 to 256 MiB/s), or the lower bound above the upper one.
    pub fn set_send_rate(
        &mut self,
        min_bytes_per_sec: Option<u64>,
        max_bytes_per_sec: Option<u64>,
    ) -> Result<&mut Self, ConfigError> {
        if let (Some(min), Some(max)) = (min_bytes_per_sec, max_bytes_per_sec)
            && min > max
        {
            return Err(ConfigError::RatesCrossed { min, max });
        }
        let mut changed = self.clone();
        let min = min_bytes_per_sec.map_or(ConfigValue::Int64(MIN_RATE), whole);
        let max = max_bytes_per_sec.map_or(ConfigValue::Int64(MAX_RATE), whole);
        changed.set(ConfigKey::SendRateMin, min)?;
        changed.set(ConfigKey::SendRateMax, max)?;
        *self = changed;
        Ok(self)
    }

    /// The bounds of the sending rate, least and greatest. If they are crossed, which can happen when
    /// they come from different levels, the lower one counts for both, as in GNS.
    pub const fn send_rate_bytes_per_sec(&self) -> (Option<u64>, Option<u64>) {
        let min = self.int(ConfigKey::SendRateMin).unsigned_abs() as u64;
        let max = self.int(ConfigKey::SendRateMax).unsigned_abs() as u64;
        let max = if max < min { min } else { max };
        let lower = if min == MIN_RATE.unsigned_abs() && min != max {
            None
        } else {
            Some(min)
        };
        let upper = if max == MAX_RATE.unsigned_abs() && min != max {
            None
        } else {
            Some(max)
        };
        (lower, upper)
    }

    /// Whether packets are encrypted ([`EncryptionPolicy::Required`]).
    pub fn set_encryption(&mut self, policy: EncryptionPolicy) -> &mut Self {
        let number = match policy {
            EncryptionPolicy::Required => 0,
            EncryptionPolicy::Preferred => 1,
            EncryptionPolicy::Avoided => 2,
            EncryptionPolicy::Off => 3,
        };
        self.set(ConfigKey::Unencrypted, number)
            .expect("within the range")
    }

    /// Whether packets are encrypted.
    pub fn encryption(&self) -> EncryptionPolicy {
        EncryptionPolicy::from_config(self.int(ConfigKey::Unencrypted))
            .expect("its range has been checked")
    }

    /// Whether peers without a trusted certificate are welcome ([`AuthPolicy::Allow`]).
    pub fn set_auth(&mut self, policy: AuthPolicy) -> &mut Self {
        self.set(ConfigKey::IpAllowWithoutAuth, auth_number(policy))
            .expect("within the range")
    }

    /// Whether peers without a trusted certificate are welcome.
    pub const fn auth(&self) -> AuthPolicy {
        AuthPolicy::from_config(self.int(ConfigKey::IpAllowWithoutAuth))
    }

    /// The same for peers on this machine; the more welcoming of the two counts
    /// ([`AuthPolicy::Allow`]).
    pub fn set_auth_localhost(&mut self, policy: AuthPolicy) -> &mut Self {
        self.set(ConfigKey::IpLocalHostAllowWithoutAuth, auth_number(policy))
            .expect("within the range")
    }

    /// Whether peers on this machine are welcome without a trusted certificate.
    pub const fn auth_localhost(&self) -> AuthPolicy {
        AuthPolicy::from_config(self.int(ConfigKey::IpLocalHostAllowWithoutAuth))
    }

    /// Whether the peer at `ip` is welcome without a trusted certificate: from the loopback addresses
    /// of this machine (127.0.0.0/8 and ::1) the more welcoming of [`Self::auth`] and
    /// [`Self::auth_localhost`] counts, on both sides.
    // GNS e707b3a: steamnetworkingsockets_udp.cpp, GetIPAllowWithoutAuth, AllowRemoteUnsignedCert.
    pub fn auth_for(&self, ip: IpAddr) -> AuthPolicy {
        if ip.to_canonical().is_loopback() {
            self.auth().max(self.auth_localhost())
        } else {
            self.auth()
        }
    }
}

const fn auth_number(policy: AuthPolicy) -> i32 {
    match policy {
        AuthPolicy::Refuse => 0,
        AuthPolicy::AllowAndLog => 1,
        AuthPolicy::Allow => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_out_of_range_are_refused_with_the_range() {
        let mut config = Config::new();
        let error = config.set_mtu(100).map(|_| ()).unwrap_err();
        assert!(alloc::format!("{error}").ends_with("must be 200 to 1300"));
        assert!(config.set_mtu(200).is_ok());
        assert!(config.set_send_rate(Some(2048), Some(1024)).is_err());
        assert!(config.set_send_rate(Some(0), None).is_err());
        assert!(config.set_nagle(Span::from_millis(21)).is_err());
        assert!(config.set_send_buffer(usize::MAX).is_err());
        assert_eq!(config.mtu_bytes(), 200);
        assert_eq!(config.send_rate_bytes_per_sec(), (None, None));
    }

    #[test]
    fn rates_at_the_ends_of_their_range_are_no_bounds() {
        let rates = |min, max| {
            let mut config = Config::new();
            config.set(ConfigKey::SendRateMin, min).unwrap();
            config.set(ConfigKey::SendRateMax, max).unwrap();
            config.send_rate_bytes_per_sec()
        };
        assert_eq!(rates(MIN_RATE, MAX_RATE), (None, None));
        assert_eq!(rates(262_144, MAX_RATE), (Some(262_144), None));
        assert_eq!(rates(262_144, 262_144), (Some(262_144), Some(262_144)));
        assert_eq!(
            rates(500_000, 262_144),
            (Some(500_000), Some(500_000)),
            "crossed"
        );
    }

    #[test]
    fn the_defaults_are_those_of_the_limits() {
        use crate::limits;
        let config = Config::new();
        assert_eq!(config.timeout_initial(), limits::TIMEOUT_INITIAL);
        assert_eq!(config.timeout_connected(), limits::TIMEOUT_CONNECTED);
        assert_eq!(config.send_buffer_bytes(), limits::SEND_BUFFER);
        assert_eq!(config.recv_buffer_bytes(), limits::RECV_BUFFER);
        assert_eq!(config.recv_buffer_messages(), limits::RECV_BUFFER_MESSAGES);
        assert_eq!(config.recv_max_message_bytes(), limits::MAX_MESSAGE);
        assert_eq!(config.nagle(), limits::NAGLE_TIME);
        assert_eq!(config.mtu_bytes(), limits::MAX_DATAGRAM);
        assert_eq!(config.mtu_search_max_bytes(), limits::ETHERNET_DATAGRAM);
        assert_eq!(
            config.max_segments_per_packet(),
            limits::MAX_SEGMENTS_PER_PACKET
        );
        assert_eq!(config.encryption(), EncryptionPolicy::Required);
        assert_eq!(config.auth(), AuthPolicy::Allow);
    }
}
