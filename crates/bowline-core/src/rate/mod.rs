//! How fast to send: round-trip times, a congestion controller, and a pacer that spreads packets.
//!
//! [`Controller`] decides how many bytes may be in flight and at which rate they leave. With a least
//! and a greatest rate that are equal it is pinned: that is GNS's behaviour, which has no congestion
//! control. Otherwise [`Tide`] learns a window from acks, within the configured bounds.

pub(crate) mod pacer;
pub(crate) mod rtt;
pub(crate) mod sampler;
pub(crate) mod tide;
pub(crate) mod trace;

use alloc::boxed::Box;

use serde::Deserialize;
use serde::Serialize;

use crate::limits;
use crate::rate::sampler::SentMark;
use crate::rate::tide::Resting;
use crate::rate::tide::Tide;
use crate::rate::trace::RateDecision;
use crate::rate::trace::Trace;
use crate::time::Span;
use crate::time::Timestamp;

/// What a packet counts as where a window is counted in packets.
const PACKET: u64 = limits::MAX_DATAGRAM as u64;
/// The least window: RFC 9002 section 7.2.
const MIN_WINDOW: u64 = 2 * PACKET;
/// Bound of the window: far above what any path needs, far below overflow.
const MAX_WINDOW: u64 = 1 << 32;
/// Round trip assumed while none was measured; GNS e707b3a: `SNP_InitializeConnection` uses 200 ms.
const UNKNOWN_RTT: Span = Span::from_millis(200);

/// The part that decides how much may be in flight and how fast it leaves.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) enum Controller {
    /// A fixed rate whatever happens, in bytes per second.
    Pinned(u64),
    /// Nothing is to be sent, or nothing was yet.
    Resting(Resting),
    /// A window learned from acks.
    Tide(Box<Tide>),
}

/// What an ack told, all packets together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Acked {
    pub(crate) now: Timestamp,
    /// A round-trip time, the peer's delay taken off.
    pub(crate) rtt: Option<Span>,
    /// How many packets are newly known to have arrived, and their bytes.
    pub(crate) packets: u64,
    pub(crate) bytes: u64,
    /// How many are newly known to be lost.
    pub(crate) lost_packets: u64,
    /// How many arrived that were told to be lost before; they are among those that arrived, too.
    pub(crate) undone_packets: u64,
    /// The newest of those that arrived.
    pub(crate) newest: Option<Newest>,
    /// Bytes under way before.
    pub(crate) flight: u64,
}

/// The newest packet that is newly known to have arrived.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Newest {
    pub(crate) sent_at: Timestamp,
    pub(crate) mark: SentMark,
}

impl Acked {
    /// Nothing yet, of an ack that comes with `flight` bytes under way.
    pub(crate) const fn new(now: Timestamp, flight: u64) -> Self {
        Self {
            now,
            rtt: None,
            packets: 0,
            bytes: 0,
            lost_packets: 0,
            undone_packets: 0,
            newest: None,
            flight,
        }
    }
}

impl Controller {
    /// The controller for these bounds in bytes per second.
    pub(crate) fn new(min: Option<u64>, max: Option<u64>) -> Self {
        match (min, max) {
            (Some(min), Some(max)) if min == max => Self::Pinned(max),
            _ => Self::Resting(Resting::new(min, max)),
        }
    }

    /// There is something to send.
    pub(crate) fn wake(&mut self, now: Timestamp) {
        if let Self::Resting(resting) = self {
            *self = Self::Tide(Box::new(resting.wake(now)));
        }
    }

    /// There is nothing to send, and has not been for long.
    pub(crate) fn rest(&mut self) {
        if let Self::Tide(tide) = self {
            *self = Self::Resting(tide.rest());
        }
    }

    /// Other bounds in bytes per second. What was learned of the path is kept, unless the rate was or
    /// becomes a fixed one.
    pub(crate) fn set_bounds(&mut self, min: Option<u64>, max: Option<u64>) {
        match (&mut *self, Self::new(min, max)) {
            (Self::Tide(old), Self::Resting(_)) => old.set_bounds(min, max),
            (Self::Resting(old), Self::Resting(_)) => old.set_bounds(min, max),
            (_, new) => *self = new,
        }
    }

    /// How many bytes may be in flight.
    pub(crate) fn window_bytes(&self) -> u64 {
        match self {
            Self::Pinned(_) => u64::MAX,
            Self::Resting(resting) => resting.wake(Timestamp::ZERO).window_bytes(),
            Self::Tide(tide) => tide.window_bytes(),
        }
    }

    /// How many bytes may be in flight when what must not wait is to go.
    pub(crate) fn urgent_window_bytes(&self) -> u64 {
        match self {
            // A fixed rate is one for everything.
            Self::Pinned(_) | Self::Resting(_) => 0,
            Self::Tide(tide) => tide.urgent_window_bytes(),
        }
    }

    /// How many of a million packets the path loses without a queue, as far as is known.
    pub(crate) fn usual_loss(&self) -> u64 {
        match self {
            Self::Pinned(_) | Self::Resting(_) => 0,
            Self::Tide(tide) => tide.usual_loss(),
        }
    }

    /// Whether the next packet measures the path, so that its ack must not be late.
    pub(crate) fn is_measuring(&self) -> bool {
        match self {
            Self::Pinned(_) | Self::Resting(_) => false,
            Self::Tide(tide) => tide.is_measuring(),
        }
    }

    /// The rate to pace at, in bytes per second; `None` while nothing is known.
    pub(crate) fn rate_bytes_per_sec(&self, srtt: Option<Span>) -> Option<u64> {
        match self {
            Self::Pinned(rate) => Some(*rate),
            Self::Resting(resting) => resting.wake(Timestamp::ZERO).rate_bytes_per_sec(srtt),
            Self::Tide(tide) => tide.rate_bytes_per_sec(srtt),
        }
    }

    /// A packet leaves with `flight` bytes under way before it, and with nothing more to send behind it
    /// if `app_limited`. Returns what is to be remembered of it.
    pub(crate) fn on_sent(&mut self, now: Timestamp, flight: u64, app_limited: bool) -> SentMark {
        match self {
            Self::Pinned(_) | Self::Resting(_) => SentMark::APP_LIMITED,
            Self::Tide(tide) => tide.on_sent(now, flight, app_limited),
        }
    }

    /// A message left that bulk had to stand back for.
    pub(crate) const fn on_outranked(&mut self, now: Timestamp) {
        match self {
            Self::Pinned(_) | Self::Resting(_) => {}
            Self::Tide(tide) => tide.on_outranked(now),
        }
    }

    /// Takes in what an ack told.
    pub(crate) fn on_ack(&mut self, ack: &Acked) {
        match self {
            Self::Pinned(_) | Self::Resting(_) => {}
            Self::Tide(tide) => tide.on_ack(ack),
        }
    }

    /// Nothing was acknowledged for a whole timeout, and not for the first time.
    pub(crate) fn on_silence(&mut self, now: Timestamp) {
        match self {
            Self::Pinned(_) | Self::Resting(_) => {}
            Self::Tide(tide) => tide.on_silence(now),
        }
    }

    /// Packets go another way from now on, of which nothing is known.
    pub(crate) fn leave_way(&mut self, now: Timestamp) {
        match self {
            Self::Pinned(_) => {}
            Self::Resting(resting) => resting.leave_way(),
            Self::Tide(tide) => tide.leave_way(now),
        }
    }

    /// What was decided lately, the oldest first.
    pub(crate) fn decisions(&self) -> impl Iterator<Item = RateDecision> + '_ {
        self.trace().into_iter().flat_map(Trace::iter)
    }

    /// The most heap in bytes.
    pub(crate) const HEAP_BOUND: usize = size_of::<Tide>() + Trace::HEAP_BOUND;

    /// Heap in bytes.
    pub(crate) fn heap_bytes(&self) -> usize {
        match self {
            Self::Pinned(_) => 0,
            Self::Resting(resting) => resting.heap_bytes(),
            Self::Tide(tide) => size_of::<Tide>() + tide.trace().heap_bytes(),
        }
    }

    fn trace(&self) -> Option<&Trace> {
        match self {
            Self::Pinned(_) | Self::Resting(_) => None,
            Self::Tide(tide) => Some(tide.trace()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_bounds_pin_the_rate() {
        let mut pinned = Controller::new(Some(5000), Some(5000));
        pinned.on_silence(Timestamp::ZERO);
        assert_eq!(pinned.rate_bytes_per_sec(None), Some(5000));
        assert_eq!(pinned.window_bytes(), u64::MAX);
        pinned.set_bounds(Some(1), Some(2));
        assert!(matches!(pinned, Controller::Resting(_)));
    }

    #[test]
    fn an_idle_controller_takes_little_and_knows_what_it_knew() {
        let mut controller = Controller::new(None, None);
        assert_eq!(controller.heap_bytes(), 0);
        let first = controller.window_bytes();
        controller.wake(Timestamp::ZERO);
        assert_eq!(controller.window_bytes(), first);
        controller.rest();
        assert_eq!(controller.heap_bytes(), 0, "nothing was learned");
        let mut tide = tide::tests::running();
        tide.set_bounds(None, Some(1_000_000));
        let (window, rate) = (tide.window_bytes(), tide.rate_bytes_per_sec(None));
        controller = Controller::Tide(Box::new(tide));
        controller.rest();
        assert!(controller.heap_bytes() <= 64);
        assert_eq!(controller.window_bytes(), window);
        assert_eq!(controller.rate_bytes_per_sec(None), rate);
        let now = Timestamp::from_micros(1_000_000_000);
        controller.wake(now);
        assert_eq!(controller.window_bytes(), window);
        assert_eq!(controller.rate_bytes_per_sec(None), rate);
    }
}
