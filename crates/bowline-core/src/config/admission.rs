//! How much work strangers may cause a listener, from the settings.

use crate::config::Config;
use crate::config::ConfigKey;

/// Limits for those who want to connect, 0 is no limit.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct AdmissionLimits {
    /// Cookies handed out.
    pub(crate) challenges_per_sec: u32,
    /// Those of one network while more than half of all are in use.
    pub(crate) network_challenges_per_sec: u32,
    /// Requests with good cookies from one network.
    pub(crate) network_requests_per_sec: u32,
    /// Failed requests of one network in a minute, after which it has to wait while more than half of the
    /// signatures are in use.
    pub(crate) network_failures_per_min: u32,
    /// Signatures checked and keys exchanged.
    pub(crate) signatures_per_sec: u32,
    /// Whether all of this holds for peers on this machine, too.
    pub(crate) loopback: bool,
}

impl Config {
    /// The limits for those who want to connect.
    pub(crate) const fn admission_limits(&self) -> AdmissionLimits {
        AdmissionLimits {
            challenges_per_sec: self.int(ConfigKey::LimitChallenges).unsigned_abs(),
            network_challenges_per_sec: self.int(ConfigKey::LimitNetworkChallenges).unsigned_abs(),
            network_requests_per_sec: self.int(ConfigKey::LimitNetworkRequests).unsigned_abs(),
            network_failures_per_min: self.int(ConfigKey::LimitNetworkFailures).unsigned_abs(),
            signatures_per_sec: self.int(ConfigKey::LimitSignatures).unsigned_abs(),
            loopback: self.int(ConfigKey::LimitLoopback) != 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ConfigScope;
    use crate::limits;

    #[test]
    fn the_defaults_are_those_of_the_limits() {
        let expected = AdmissionLimits {
            challenges_per_sec: limits::CHALLENGES_PER_SECOND,
            network_challenges_per_sec: limits::NETWORK_CHALLENGES_PER_SECOND,
            network_requests_per_sec: limits::NETWORK_REQUESTS_PER_SECOND,
            network_failures_per_min: limits::NETWORK_FAILURES_PER_MINUTE,
            signatures_per_sec: limits::SIGNATURES_PER_SECOND,
            loopback: false,
        };
        assert_eq!(Config::new().admission_limits(), expected);
    }

    #[test]
    fn every_value_reaches_its_field() {
        let mut config = Config::at(ConfigScope::Interface);
        for (value, key) in [
            (1, ConfigKey::LimitChallenges),
            (2, ConfigKey::LimitNetworkChallenges),
            (3, ConfigKey::LimitNetworkRequests),
            (4, ConfigKey::LimitNetworkFailures),
            (5, ConfigKey::LimitSignatures),
            (1, ConfigKey::LimitLoopback),
        ] {
            config.set(key, value).unwrap();
        }
        let expected = AdmissionLimits {
            challenges_per_sec: 1,
            network_challenges_per_sec: 2,
            network_requests_per_sec: 3,
            network_failures_per_min: 4,
            signatures_per_sec: 5,
            loopback: true,
        };
        assert_eq!(config.admission_limits(), expected);
    }
}
