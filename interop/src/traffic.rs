//! Planned messages, sent and checked on both ends.

use std::time::{Duration, Instant};

use crate::host::{Link, Outgoing, Received, SendRefused};
use crate::pair::{Ends, Pair, Side};

/// A message that a scenario means to send; its contents follow from `id` and `size`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Planned {
    /// Tells the message from the others of its plan.
    pub id: u64,
    /// Length in bytes.
    pub size: usize,
    /// Index of the lane.
    pub lane: u16,
    /// Delivered exactly once and in order, or at most once.
    pub reliable: bool,
}

/// What came of a plan.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Message numbers that the sender was given, in the order of the plan.
    pub numbers: Vec<u64>,
    /// What arrived, in the order of arrival.
    pub received: Vec<Received>,
}

/// Plans `sizes.len()` messages on lane 0.
pub fn plan(reliable: bool, sizes: impl IntoIterator<Item = usize>) -> Vec<Planned> {
    let ids = 1..;
    ids.zip(sizes)
        .map(|(id, size)| Planned {
            id,
            size,
            lane: 0,
            reliable,
        })
        .collect()
}

/// Sends `up` from client to server and `down` the other way, at once, and collects.
///
/// Ends when all has arrived, or when all reliable messages have and nothing new came
/// for half a second.
///
/// # Panics
/// When that takes longer than `limit`, or when a library refuses a message.
pub fn exchange(
    pair: &mut Pair,
    ends: Ends,
    up: &[Planned],
    down: &[Planned],
    limit: Duration,
) -> (Outcome, Outcome) {
    let mut up = Flow::new(up);
    let mut down = Flow::new(down);
    let start = Instant::now();
    while !(up.is_done() && down.is_done()) {
        pair.pump();
        up.step(&mut pair.client, ends.client, &mut pair.server, ends.server);
        down.step(&mut pair.server, ends.server, &mut pair.client, ends.client);
        assert!(
            start.elapsed() < limit,
            "after {limit:?}: up {}, down {}; client {:?}, server {:?}",
            up.progress(),
            down.progress(),
            pair.client.host.info(ends.client),
            pair.server.host.info(ends.server),
        );
        if up.is_idle() && down.is_idle() {
            std::thread::sleep(Duration::from_micros(200));
        }
    }
    (up.outcome, down.outcome)
}

/// Checks that the reliable messages of each lane arrived all, once, unharmed and in order.
///
/// # Panics
/// When they did not.
pub fn assert_reliable_intact(plan: &[Planned], outcome: &Outcome) {
    let lanes = plan
        .iter()
        .map(|planned| planned.lane)
        .max()
        .map_or(0, |lane| lane + 1);
    for lane in 0..lanes {
        let of_lane = |item: &&Planned| item.reliable && item.lane == lane;
        let wanted: Vec<_> = plan.iter().filter(of_lane).collect();
        let got: Vec<_> = outcome
            .received
            .iter()
            .filter(|m| m.reliable && m.lane == lane)
            .collect();
        assert_eq!(got.len(), wanted.len(), "reliable messages on lane {lane}");
        for (position, (planned, message)) in wanted.iter().zip(&got).enumerate() {
            assert!(
                message.data == payload(planned.id, planned.size),
                "message {position} of lane {lane} ({} bytes) arrived as {} other bytes",
                planned.size,
                message.data.len(),
            );
        }
        let ascending = got.windows(2).all(|two| two[0].number < two[1].number);
        assert!(ascending, "message numbers do not ascend on lane {lane}");
    }
}

/// Checks that what arrived of the unreliable messages is unharmed, and returns how many
/// different ones that are.
///
/// # Panics
/// When a message arrived that was not sent, or arrived twice.
pub fn unreliable_arrived(plan: &[Planned], outcome: &Outcome) -> usize {
    let mut missing: Vec<_> = plan.iter().filter(|planned| !planned.reliable).collect();
    let planned = missing.len();
    for message in outcome.received.iter().filter(|message| !message.reliable) {
        let is_it = |planned: &&Planned| {
            planned.lane == message.lane
                && planned.size == message.data.len()
                && payload(planned.id, planned.size) == message.data
        };
        let at = missing.iter().position(is_it).unwrap_or_else(|| {
            panic!(
                "an unreliable message of {} bytes came unsent or twice",
                message.data.len()
            )
        });
        missing.remove(at);
    }
    planned - missing.len()
}

/// The bytes of a planned message: unlike those of any other id.
pub fn payload(id: u64, size: usize) -> Vec<u8> {
    // Any odd factor mixes; this one is 2^64 divided by the golden ratio.
    let mut state = id.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut bytes = Vec::with_capacity(size + 8);
    while bytes.len() < size {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(size);
    bytes
}

/// One direction of an exchange.
struct Flow<'a> {
    plan: &'a [Planned],
    outcome: Outcome,
    reliable_missing: usize,
    last_arrival: Instant,
    idle: bool,
}

impl<'a> Flow<'a> {
    fn new(plan: &'a [Planned]) -> Self {
        Self {
            plan,
            outcome: Outcome::default(),
            reliable_missing: plan.iter().filter(|planned| planned.reliable).count(),
            last_arrival: Instant::now(),
            idle: true,
        }
    }

    fn step(&mut self, from: &mut Side, from_link: Link, to: &mut Side, to_link: Link) {
        let sent = self.send(from, from_link);
        let before = self.outcome.received.len();
        to.host.receive(to_link, &mut self.outcome.received);
        let news = &self.outcome.received[before..];
        self.idle = !sent && news.is_empty();
        if !self.idle {
            self.last_arrival = Instant::now();
        }
        let reliable = news.iter().filter(|message| message.reliable).count();
        self.reliable_missing = self
            .reliable_missing
            .checked_sub(reliable)
            .expect("no more reliable messages arrive than were sent");
    }

    /// Sends as much as fits, but at most a few, so that both directions get their turn.
    fn send(&mut self, from: &mut Side, link: Link) -> bool {
        let mut sent = false;
        for planned in self.plan.iter().skip(self.outcome.numbers.len()).take(32) {
            let data = payload(planned.id, planned.size);
            let message = Outgoing {
                data: &data,
                lane: planned.lane,
                reliable: planned.reliable,
                no_nagle: false,
            };
            match from.host.send(link, &message) {
                Ok(number) => self.outcome.numbers.push(number),
                Err(SendRefused::Full) => return sent,
                Err(SendRefused::Other(text)) => panic!("{planned:?} was refused: {text}"),
            }
            sent = true;
        }
        sent
    }

    fn is_done(&self) -> bool {
        let all = self.outcome.received.len() == self.plan.len();
        let quiet = || self.last_arrival.elapsed() > Duration::from_millis(500);
        self.outcome.numbers.len() == self.plan.len()
            && self.reliable_missing == 0
            && (all || quiet())
    }

    fn is_idle(&self) -> bool {
        self.idle
    }

    fn progress(&self) -> String {
        let (sent, received) = (self.outcome.numbers.len(), self.outcome.received.len());
        format!("{sent} sent and {received} received of {}", self.plan.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_of_different_ids_differ() {
        for size in [8, 9, 1000] {
            assert_eq!(payload(1, size).len(), size);
            assert_ne!(payload(1, size), payload(2, size));
            assert_eq!(payload(3, size), payload(3, size));
        }
    }

    #[test]
    #[should_panic(expected = "came unsent or twice")]
    fn a_doubled_unreliable_message_is_noticed() {
        let plan = plan(false, [100]);
        let message = Received {
            data: payload(1, 100),
            number: 1,
            lane: 0,
            reliable: false,
        };
        let outcome = Outcome {
            numbers: vec![1],
            received: vec![message.clone(), message],
        };
        unreliable_arrived(&plan, &outcome);
    }

    #[test]
    #[should_panic(expected = "arrived as 100 other bytes")]
    fn swapped_reliable_messages_are_noticed() {
        let plan = plan(true, [100, 100]);
        let message = |id| Received {
            data: payload(id, 100),
            number: id,
            lane: 0,
            reliable: true,
        };
        let outcome = Outcome {
            numbers: vec![1, 2],
            received: vec![message(2), message(1)],
        };
        assert_reliable_intact(&plan, &outcome);
    }
}
