//! What must be delivered: the promise that a connection makes about messages, without any of its
//! mechanics.
//!
//! Reliable messages arrive exactly once and in order within their lane. Unreliable ones arrive at
//! most once, in any order unless the receiver asked for theirs. None is ever altered, and none arrives
//! that was not sent, or that another one has replaced.

mod sequence;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use bowline_core::ids::{LaneIndex, MessageNumber};
use sha2::{Digest, Sha256};

pub(crate) use self::sequence::SequenceModel;

/// The messages of one direction of a connection: what went in and what came out.
#[derive(Clone, Debug, Default)]
pub struct DeliveryModel {
    lanes: BTreeMap<LaneIndex, LaneModel>,
    counts: DeliveryCounts,
}

/// How many messages went in and came out.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct DeliveryCounts {
    /// Reliable messages accepted for sending.
    pub reliable_sent: u64,
    /// Reliable messages received.
    pub reliable_received: u64,
    /// Unreliable messages accepted for sending.
    pub unreliable_sent: u64,
    /// Unreliable messages received.
    pub unreliable_received: u64,
}

impl fmt::Display for DeliveryCounts {
    /// Such as `14 of 15 reliable and 3 of 6 unreliable received`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            reliable_sent,
            reliable_received,
            unreliable_sent,
            unreliable_received,
        } = self;
        write!(f, "{reliable_received} of {reliable_sent} reliable and ")?;
        write!(
            f,
            "{unreliable_received} of {unreliable_sent} unreliable received"
        )
    }
}

/// How a delivery broke the promise.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DeliveryError {
    /// A message arrived whose number was never sent in this lane, or not with this reliability.
    #[error("message {} was never sent", .0.get())]
    NeverSent(MessageNumber),
    /// The bytes are not those that were sent.
    #[error("message {} was altered", .0.get())]
    Altered(MessageNumber),
    /// A reliable message arrived before its turn, or again.
    #[error("reliable message {} arrived where {} was due", got.get(), due.get())]
    OutOfOrder {
        /// The message that should have come.
        due: MessageNumber,
        /// The one that came.
        got: MessageNumber,
    },
    /// An unreliable message arrived a second time.
    #[error("unreliable message {} arrived twice", .0.get())]
    Twice(MessageNumber),
    /// An unreliable message arrived after a newer one, where the receiver wants them in order.
    #[error("unreliable message {} arrived after {}", got.get(), newest.get())]
    Backwards {
        /// The newest before.
        newest: MessageNumber,
        /// The one that came.
        got: MessageNumber,
    },
}

impl DeliveryModel {
    /// Takes note of a message that was accepted for sending. One that took over the number of another
    /// has replaced it: the other one may not arrive any more.
    pub fn sent(&mut self, lane: LaneIndex, number: MessageNumber, reliable: bool, data: &[u8]) {
        let lane = self.lanes.entry(lane).or_default();
        let print = Fingerprint::of(data);
        if reliable {
            self.counts.reliable_sent += 1;
            lane.reliable_due.push_back((number, print));
        } else {
            self.counts.unreliable_sent += 1;
            lane.unreliable.insert(number, (print, false));
        }
    }

    /// Takes note of a message that arrived.
    ///
    /// # Errors
    /// If it should not have arrived, or not like this.
    pub fn received(
        &mut self,
        lane: LaneIndex,
        number: MessageNumber,
        reliable: bool,
        data: &[u8],
    ) -> Result<(), DeliveryError> {
        let lane = self.lanes.entry(lane).or_default();
        // A sender may send reliably what need not be: now and then in a long unreliable run.
        if reliable && !lane.unreliable.contains_key(&number) {
            self.counts.reliable_received += 1;
            lane.reliable(number, data)
        } else {
            self.counts.unreliable_received += 1;
            lane.unreliable(number, data)
        }
    }

    /// Whether an unreliable message has arrived.
    pub fn has_arrived(&self, lane: LaneIndex, number: MessageNumber) -> bool {
        let lane = self.lanes.get(&lane);
        let message = lane.and_then(|lane| lane.unreliable.get(&number));
        message.is_some_and(|(_, arrived)| *arrived)
    }

    /// How many reliable messages are still on their way.
    pub fn reliable_due(&self) -> usize {
        self.lanes
            .values()
            .map(|lane| lane.reliable_due.len())
            .sum()
    }

    /// How many messages went in and came out.
    pub const fn counts(&self) -> DeliveryCounts {
        self.counts
    }
}

#[derive(Clone, Debug, Default)]
struct LaneModel {
    reliable_due: VecDeque<(MessageNumber, Fingerprint)>,
    /// Each unreliable message sent, and whether it arrived.
    unreliable: BTreeMap<MessageNumber, (Fingerprint, bool)>,
}

impl LaneModel {
    fn reliable(&mut self, number: MessageNumber, data: &[u8]) -> Result<(), DeliveryError> {
        let Some((due, print)) = self.reliable_due.front().copied() else {
            return Err(DeliveryError::NeverSent(number));
        };
        if due != number {
            return Err(DeliveryError::OutOfOrder { due, got: number });
        }
        self.reliable_due.pop_front();
        print.check(number, data)
    }

    fn unreliable(&mut self, number: MessageNumber, data: &[u8]) -> Result<(), DeliveryError> {
        let Some((print, arrived)) = self.unreliable.get_mut(&number) else {
            return Err(DeliveryError::NeverSent(number));
        };
        if *arrived {
            return Err(DeliveryError::Twice(number));
        }
        *arrived = true;
        print.check(number, data)
    }
}

/// Stands for the bytes of a message, so that the model need not keep them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Fingerprint {
    len: usize,
    hash: [u8; 32],
}

impl Fingerprint {
    fn of(data: &[u8]) -> Self {
        Self {
            len: data.len(),
            hash: Sha256::digest(data).into(),
        }
    }

    fn check(self, number: MessageNumber, data: &[u8]) -> Result<(), DeliveryError> {
        if self == Self::of(data) {
            Ok(())
        } else {
            Err(DeliveryError::Altered(number))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LANE: LaneIndex = LaneIndex::ZERO;

    fn number(value: u64) -> MessageNumber {
        MessageNumber::new(value)
    }

    fn model(reliable: bool) -> DeliveryModel {
        let mut model = DeliveryModel::default();
        model.sent(LANE, number(1), reliable, b"one");
        model.sent(LANE, number(2), reliable, b"two");
        model
    }

    #[test]
    fn reliable_messages_come_once_and_in_order() {
        let mut ok = model(true);
        assert_eq!(ok.received(LANE, number(1), true, b"one"), Ok(()));
        assert_eq!(ok.reliable_due(), 1);
        assert_eq!(ok.received(LANE, number(2), true, b"two"), Ok(()));
        let again = ok.received(LANE, number(2), true, b"two");
        assert_eq!(again, Err(DeliveryError::NeverSent(number(2))));

        let (due, got) = (number(1), number(2));
        let early = model(true).received(LANE, got, true, b"two");
        assert_eq!(early, Err(DeliveryError::OutOfOrder { due, got }));
    }

    #[test]
    fn unreliable_messages_come_at_most_once_in_any_order() {
        let mut ok = model(false);
        assert_eq!(ok.received(LANE, number(2), false, b"two"), Ok(()));
        assert_eq!(ok.received(LANE, number(1), false, b"one"), Ok(()));
        let again = ok.received(LANE, number(1), false, b"one");
        assert_eq!(again, Err(DeliveryError::Twice(number(1))));
        assert_eq!(ok.reliable_due(), 0);
        assert_eq!(ok.counts().unreliable_received, 3);
    }

    #[test]
    fn an_unreliable_message_may_come_reliably_once() {
        let mut ok = model(false);
        assert_eq!(ok.received(LANE, number(1), true, b"one"), Ok(()));
        assert_eq!(ok.counts().unreliable_received, 1);
        let again = ok.received(LANE, number(1), true, b"one");
        assert_eq!(again, Err(DeliveryError::Twice(number(1))));
    }

    #[test]
    fn altered_messages_and_strangers_are_noticed() {
        let altered = model(true).received(LANE, number(1), true, b"0ne");
        assert_eq!(altered, Err(DeliveryError::Altered(number(1))));
        let stranger = model(false).received(LaneIndex::new(1), number(1), false, b"one");
        assert_eq!(stranger, Err(DeliveryError::NeverSent(number(1))));
        let not_reliable = model(true).received(LANE, number(1), false, b"one");
        assert_eq!(not_reliable, Err(DeliveryError::NeverSent(number(1))));
    }
}
