//! How fast to send: round-trip times, a congestion controller, and a pacer that spreads packets.
//!
//! [`Controller`] decides how many bytes may be in flight and at which rate they leave. With a least
//! and a greatest rate that are equal it is pinned: that is GNS's behaviour, which has no congestion
//! control. Otherwise a window is learned from acks and losses and clamped to the configured bounds.

pub(crate) mod new_reno;
pub(crate) mod pacer;
pub(crate) mod rtt;

use serde::Deserialize;
use serde::Serialize;

use crate::rate::new_reno::NewReno;
use crate::time::Span;
use crate::time::Timestamp;

/// The part that decides how much may be in flight and how fast it leaves.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) enum Controller {
    /// A fixed rate whatever happens, in bytes per second.
    Pinned(u64),
    /// A window learned from acks and losses.
    NewReno(NewReno),
}

/// What an ack told about one packet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Delivered {
    pub(crate) sent_at: Timestamp,
    pub(crate) bytes: u64,
    /// Whether there was nothing more to send when it left.
    pub(crate) app_limited: bool,
}

impl Controller {
    /// The controller for these bounds in bytes per second.
    pub(crate) const fn new(min: Option<u64>, max: Option<u64>) -> Self {
        match (min, max) {
            (Some(min), Some(max)) if min == max => Self::Pinned(max),
            _ => Self::NewReno(NewReno::new(min, max)),
        }
    }

    /// How many bytes may be in flight.
    pub(crate) fn window_bytes(&self) -> u64 {
        match self {
            Self::Pinned(_) => u64::MAX,
            Self::NewReno(reno) => reno.window_bytes(),
        }
    }

    /// The rate to pace at, in bytes per second; `None` while nothing is known.
    pub(crate) fn rate_bytes_per_sec(&self, srtt: Option<Span>) -> Option<u64> {
        match self {
            Self::Pinned(rate) => Some(*rate),
            Self::NewReno(reno) => reno.rate_bytes_per_sec(srtt),
        }
    }

    /// Packets arrived.
    pub(crate) fn on_delivered(&mut self, packet: Delivered, srtt: Option<Span>) {
        match self {
            Self::Pinned(_) => {}
            Self::NewReno(reno) => reno.on_delivered(packet, srtt),
        }
    }

    /// A packet sent at `sent_at` was lost.
    pub(crate) fn on_lost(&mut self, now: Timestamp, sent_at: Timestamp, srtt: Option<Span>) {
        match self {
            Self::Pinned(_) => {}
            Self::NewReno(reno) => reno.on_lost(now, sent_at, srtt),
        }
    }

    /// Nothing was acknowledged for a whole retransmission timeout, and not for the first time.
    pub(crate) fn on_blackout(&mut self, now: Timestamp, srtt: Option<Span>) {
        match self {
            Self::Pinned(_) => {}
            Self::NewReno(reno) => reno.on_blackout(now, srtt),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_bounds_pin_the_rate() {
        let mut pinned = Controller::new(Some(5000), Some(5000));
        pinned.on_lost(Timestamp::ZERO, Timestamp::ZERO, None);
        assert_eq!(pinned.rate_bytes_per_sec(None), Some(5000));
        assert!(matches!(
            Controller::new(Some(1), Some(2)),
            Controller::NewReno(_)
        ));
    }
}
