//! What a choice depends on besides the transports.

use crate::config::Config;
use crate::p2p::transports::Kind;
use crate::time::Timestamp;

/// What a choice depends on besides the transports.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    /// This side chooses.
    pub(crate) is_choosing: bool,
    /// Since when a choice is possible.
    pub(crate) since: Timestamp,
    /// What is added to the ping of ICE, in milliseconds.
    pub(crate) ice_penalty_ms: u32,
    /// The same for relays.
    #[cfg(test)]
    pub(crate) relay_penalty_ms: u32,
}

impl Rules {
    pub(crate) const fn new(is_choosing: bool, since: Timestamp, config: &Config) -> Self {
        Self {
            is_choosing,
            since,
            ice_penalty_ms: config.ice_penalty_ms(),
            #[cfg(test)]
            relay_penalty_ms: config.relay_penalty_ms(),
        }
    }

    pub(super) const fn penalty_ms(&self, kind: Kind) -> u32 {
        match kind {
            Kind::Ice => self.ice_penalty_ms,
            #[cfg(test)]
            Kind::Relay => self.relay_penalty_ms,
        }
    }
}
