//! What is left of the controller while nothing is sent: an idle connection is to cost little, and what
//! was learned of its path is to be kept.

use alloc::boxed::Box;

use serde::Deserialize;
use serde::Serialize;

use crate::rate::tide::Bounds;
use crate::rate::tide::GROWTH_AFTER_SILENCE;
use crate::rate::tide::Mode;
use crate::rate::tide::Tide;
use crate::rate::tide::pace::Haste;
use crate::rate::tide::pace::LastRound;
use crate::rate::trace::RateChange;
use crate::time::Timestamp;

/// A controller that has nothing to do.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Resting {
    bounds: Bounds,
    /// `None` where the path was never found.
    path: Option<Box<KnownPath>>,
}

/// What is kept of a path: enough to go on where the flow was.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
struct KnownPath {
    window: u64,
    base_us: u64,
    bytes_per_sec: u64,
    /// Millionths.
    loss: u64,
}

impl Resting {
    /// Nothing is known.
    pub(crate) fn new(min: Option<u64>, max: Option<u64>) -> Self {
        Self {
            bounds: Bounds::new(min, max),
            path: None,
        }
    }

    /// What is left of a controller that knows its path, without loss.
    #[cfg(test)]
    pub(crate) fn on_path(window: u64, base_us: u64, bytes_per_sec: u64) -> Self {
        let path = KnownPath {
            window,
            base_us,
            bytes_per_sec,
            loss: 0,
        };
        Self {
            path: Some(Box::new(path)),
            ..Self::new(None, None)
        }
    }

    /// Other bounds of the rate, in bytes per second.
    pub(crate) fn set_bounds(&mut self, min: Option<u64>, max: Option<u64>) {
        self.bounds = Bounds::new(min, max);
    }

    /// What was known of the path is of no use any more.
    pub(crate) fn leave_way(&mut self) {
        self.path = None;
    }

    /// The controller as it goes on at `now`.
    pub(crate) fn wake(&self, now: Timestamp) -> Tide {
        let mut tide = Tide::new(now, self.bounds);
        let Some(path) = self.path.as_deref() else {
            return tide;
        };
        tide.mode = Mode::Run;
        tide.window = path.window;
        tide.base.reset(now, path.base_us);
        tide.bandwidth.reset(now, path.bytes_per_sec);
        tide.loss.set(path.loss);
        tide.drain.restart(now);
        tide.law.restart(GROWTH_AFTER_SILENCE);
        // The first burst leaves at the known rate, and not above.
        tide.last = LastRound {
            queue_us: 0,
            rtt_us: path.base_us,
            haste: Haste::None,
        };
        tide
    }

    /// The most heap in bytes.
    pub(crate) const HEAP_BOUND: usize = size_of::<KnownPath>();

    /// Heap in bytes.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.path.as_ref().map_or(0, |_| Self::HEAP_BOUND)
    }
}

impl Tide {
    /// Packets go another way from now on: it is found out from the start how much that takes.
    pub(crate) fn leave_way(&mut self, now: Timestamp) {
        let trace = core::mem::take(&mut self.trace);
        *self = Self::new(now, self.bounds);
        self.trace = trace;
        self.note(now, RateChange::NewWay);
    }

    /// What is to be kept of it while nothing is sent.
    pub(crate) fn rest(&self) -> Resting {
        let path = match &self.mode {
            Mode::Startup(_) => None,
            Mode::Run | Mode::Compete(_) => self.base.us().map(|base_us| {
                Box::new(KnownPath {
                    window: self.window,
                    base_us,
                    bytes_per_sec: self.bandwidth.bytes_per_sec(),
                    loss: self.loss.share(),
                })
            }),
        };
        Resting {
            bounds: self.bounds,
            path,
        }
    }
}
