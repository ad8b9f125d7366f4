//! What is known of the path over longer times: least round-trip time, greatest delivery rate, and the
//! loss that is there without a queue.

use serde::Deserialize;
use serde::Serialize;

use crate::rate::tide::round::Finished;
use crate::rate::tide::round::scale;
use crate::time::Span;
use crate::time::Timestamp;

/// The least round-trip time is that of this epoch and the one before.
const RTT_EPOCH: Span = Span::from_secs(10);
/// The greatest rate is that of this epoch and the one before: at least so long...
const RATE_EPOCH: Span = Span::from_secs(1);
/// ...and so many round trips.
const RATE_EPOCH_ROUNDS: u64 = 10;
/// Millionths.
pub(super) const MILLION: u64 = 1_000_000;
/// More than this share is not taken for loss that is just there.
const GREATEST_LOSS: u64 = 400_000;
/// Packets that the first estimate of the loss takes; ten are too few on a path that loses one in five.
const FIRST_GROUP: u64 = 48;
/// Packets that each further one takes.
const GROUP: u64 = 256;
/// A group raises the estimate towards no more than this above it.
const GREATEST_STEP: u64 = 50_000;

/// The least round-trip time.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct BaseRtt {
    present_us: u64,
    previous_us: u64,
    since: Timestamp,
}

impl BaseRtt {
    pub(super) const fn new() -> Self {
        Self {
            present_us: u64::MAX,
            previous_us: u64::MAX,
            since: Timestamp::ZERO,
        }
    }

    pub(super) fn on_rtt(&mut self, now: Timestamp, rtt_us: u64) {
        if now.since(self.since) >= RTT_EPOCH {
            self.since = now;
            self.previous_us = self.present_us;
            self.present_us = u64::MAX;
        }
        self.present_us = self.present_us.min(rtt_us);
    }

    /// The path has changed: this is its round-trip time from now on.
    pub(super) const fn reset(&mut self, now: Timestamp, rtt_us: u64) {
        self.present_us = rtt_us;
        self.previous_us = u64::MAX;
        self.since = now;
    }

    /// `None` before the first measurement.
    pub(super) fn us(&self) -> Option<u64> {
        let least = self.present_us.min(self.previous_us);
        (least < u64::MAX).then_some(least)
    }
}

/// The greatest delivery rate.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(super) struct Bandwidth {
    present: u64,
    previous: u64,
    since: Timestamp,
}

impl Bandwidth {
    /// A sample that counts.
    pub(super) fn on_sample(&mut self, bytes_per_sec: u64) {
        self.present = self.present.max(bytes_per_sec);
    }

    /// Idle rounds do not make an epoch pass, so what is known is kept while nothing is sent.
    pub(super) fn on_round(&mut self, round: &Finished) {
        let rounds = Span::from_micros(round.rtt_min_us * RATE_EPOCH_ROUNDS);
        if round.limited && round.now.since(self.since) >= RATE_EPOCH.max(rounds) {
            self.since = round.now;
            self.previous = self.present;
            self.present = round.rate;
        }
    }

    /// All that was known is wrong.
    pub(super) const fn reset(&mut self, now: Timestamp, bytes_per_sec: u64) {
        self.present = bytes_per_sec;
        self.previous = 0;
        self.since = now;
    }

    /// Bytes per second; 0 before the first measurement.
    pub(super) fn bytes_per_sec(&self) -> u64 {
        self.present.max(self.previous)
    }
}

/// The loss that is there without a queue.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(super) struct BaseLoss {
    /// Millionths; `None` before the first estimate.
    share: Option<u64>,
    packets: u64,
    lost: u64,
}

impl BaseLoss {
    /// Learns from a round with no more queue than there should be.
    pub(super) fn on_round(&mut self, round: &Finished) {
        self.packets += round.packets();
        self.lost += round.lost;
        let needed = self.share.map_or(FIRST_GROUP, |_| GROUP);
        if self.packets < needed {
            return;
        }
        let seen = scale(self.lost, MILLION, self.packets);
        let share = match self.share {
            None => seen,
            Some(known) if seen < known => known - (known - seen) / 4,
            Some(known) => known + (seen - known).min(GREATEST_STEP) / 16,
        };
        self.set(share);
    }

    pub(super) fn set(&mut self, share: u64) {
        self.share = Some(share.min(GREATEST_LOSS));
        (self.packets, self.lost) = (0, 0);
    }

    pub(super) const fn is_known(&self) -> bool {
        self.share.is_some()
    }

    /// Millionths.
    pub(super) fn share(&self) -> u64 {
        self.share.unwrap_or(0)
    }

    /// What has to be sent so that so much arrives.
    pub(super) fn gross(&self, bytes: u64) -> u64 {
        scale(bytes, MILLION, MILLION - self.share())
    }
}
