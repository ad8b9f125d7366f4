//! Startup: the window doubles about once per round trip, until the path is found.
//!
//! Once per round trip a train of packets leaves four times as fast. If it arrives more slowly than it
//! left, the spacing tells the rate of the bottleneck before any queue is full.

use serde::Deserialize;
use serde::Serialize;

use crate::rate::PACKET;
use crate::rate::tide::round::Finished;
use crate::rate::tide::round::scale;
use crate::time::Timestamp;

/// Most packets in a train.
const TRAIN: u64 = 16;
/// Packets between first and last that a measurement needs.
const LEAST_TRAIN: u64 = 6;
/// Limited rounds without a quarter more rate that end it.
const STALLED_ROUNDS: u32 = 3;
/// Round-trip times running with a queue that end it.
const QUEUED_SAMPLES: u32 = 2;

/// State while in startup.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(super) struct Startup {
    best_rate: u64,
    stalled_rounds: u32,
    queued_samples: u32,
    /// Packets of the train that have not left.
    train_left: u64,
    first: Option<Arrived>,
    /// The window that the path holds, by the last train.
    cap: Option<u64>,
}

/// A packet of a train arrived.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(super) struct Arrived {
    pub(super) sent_at: Timestamp,
    pub(super) at: Timestamp,
    /// Bytes that had arrived in all with it.
    pub(super) delivered: u64,
}

impl Startup {
    /// Whether a packet that leaves now belongs to a train.
    pub(super) const fn takes_into_train(&mut self) -> bool {
        let takes = self.train_left > 0;
        self.train_left = self.train_left.saturating_sub(1);
        takes
    }

    /// Bytes of the train that have not left; they may leave beyond the window.
    pub(super) const fn train_bytes(&self) -> u64 {
        self.train_left * PACKET
    }

    /// Takes in the arrival of a packet of a train on a path with this base.
    pub(super) fn on_train(&mut self, arrived: Arrived, base_us: u64) {
        let Some(first) = self.first else {
            self.first = Some(arrived);
            return;
        };
        let bytes = arrived.delivered - first.delivered;
        if bytes < LEAST_TRAIN * PACKET {
            return;
        }
        let sending = arrived.sent_at.since(first.sent_at).as_micros();
        let arriving = arrived.at.since(first.at).as_micros();
        self.cap = (arriving * 7 > sending * 10).then(|| scale(bytes, base_us, arriving));
    }

    /// Takes in a round-trip time; says whether there have been enough with a queue.
    pub(super) const fn on_rtt(&mut self, queue_us: u64, target_us: u64, base_us: u64) -> bool {
        let allowed = if target_us > base_us / 16 {
            target_us
        } else {
            base_us / 16
        };
        self.queued_samples = if queue_us > allowed {
            self.queued_samples + 1
        } else {
            0
        };
        self.queued_samples >= QUEUED_SAMPLES
    }

    /// Takes in a round and starts the next train; says whether the rate has stopped growing.
    pub(super) fn on_round(&mut self, round: &Finished, window: u64) -> bool {
        if round.rate >= self.best_rate / 4 * 5 {
            self.best_rate = round.rate;
            self.stalled_rounds = 0;
        } else if round.limited {
            self.stalled_rounds += 1;
        }
        self.train_left = TRAIN.min(window / 2 / PACKET);
        self.first = None;
        self.stalled_rounds >= STALLED_ROUNDS
    }

    /// Whether the last round brought no growth.
    pub(super) const fn is_stalled(&self) -> bool {
        self.stalled_rounds > 0
    }

    /// The window that the path holds, if a train told.
    pub(super) const fn cap(&self) -> Option<u64> {
        self.cap
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rate::tide::tests::round;

    fn train(gap_sent_us: u64, gap_arrived_us: u64) -> Option<u64> {
        let mut startup = Startup::default();
        for n in 0..10 {
            let arrived = Arrived {
                sent_at: Timestamp::from_micros(n * gap_sent_us),
                at: Timestamp::from_micros(50_000 + n * gap_arrived_us),
                delivered: n * PACKET,
            };
            startup.on_train(arrived, 50_000);
        }
        startup.cap()
    }

    #[test]
    fn a_train_that_arrives_more_slowly_tells_what_the_path_holds() {
        assert_eq!(train(500, 1000), Some(50 * PACKET));
        assert_eq!(train(900, 1000), None);
    }

    #[test]
    fn ends_when_the_rate_does_not_grow_and_not_for_lack_of_data() {
        let mut startup = Startup::default();
        let mut unused = round(1_000_000, 0);
        unused.limited = false;
        assert!(!startup.on_round(&round(1_000_000, 0), 100_000));
        for _ in 0..10 {
            assert!(!startup.on_round(&unused, 100_000));
        }
        let ends: alloc::vec::Vec<bool> = (0..3)
            .map(|_| startup.on_round(&round(1_100_000, 0), 100_000))
            .collect();
        assert_eq!(ends, [false, false, true]);
    }

    #[test]
    fn trains_leave_once_per_round() {
        let mut startup = Startup::default();
        startup.on_round(&round(1_000_000, 0), 20 * PACKET);
        let of_train = (0..20).filter(|_| startup.takes_into_train()).count();
        assert_eq!(of_train, 10);
        assert_eq!(startup.train_bytes(), 0);
    }
}
