//! The clock of a request over UDP, which loses packets.

use serde::Deserialize;
use serde::Serialize;

use crate::stun::TransactionId;
use crate::time::Span;
use crate::time::Timestamp;

/// A request that waits for its answer. Who has it keeps the message itself, or makes it anew.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Transaction {
    id: TransactionId,
    started: Timestamp,
    last_sent: Timestamp,
    /// How often the request was sent, the first time included.
    sent: u8,
}

/// What is to be done when the deadline of a request has passed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TransactionStep {
    /// Send the same message again.
    Retransmit,
    /// There was no answer to any of them.
    Failed,
}

impl Transaction {
    /// A request that is sent now for the first time.
    pub const fn new(now: Timestamp, id: TransactionId) -> Self {
        Self {
            id,
            started: now,
            last_sent: now,
            sent: 1,
        }
    }

    /// What its answer is known by.
    pub const fn id(&self) -> TransactionId {
        self.id
    }

    /// When it was sent for the first time.
    pub const fn started(&self) -> Timestamp {
        self.started
    }

    /// How often it was sent. Only the answer to one that was sent once measures a round trip.
    pub const fn sent(&self) -> u8 {
        self.sent
    }

    /// When [`Self::on_timeout`] has something to say.
    pub fn next_deadline(&self) -> Timestamp {
        self.last_sent + self.wait().unwrap_or(LAST_WAIT)
    }

    /// What to do now, if the deadline has passed. However late the clock is, what was sent gets its time to be
    /// answered.
    pub fn on_timeout(&mut self, now: Timestamp) -> Option<TransactionStep> {
        if now < self.next_deadline() {
            return None;
        }
        if self.wait().is_none() {
            return Some(TransactionStep::Failed);
        }
        self.sent += 1;
        self.last_sent = now;
        Some(TransactionStep::Retransmit)
    }

    /// How long after the last time it is sent again, if it is.
    fn wait(&self) -> Option<Span> {
        WAITS.get(usize::from(self.sent).checked_sub(1)?).copied()
    }
}

/// What lies between one time that the message leaves and the next: at 0, 0.4, 1.0, 1.9 and 3.25 s.
///
/// GNS e707b3a: steamnetworkingsockets_stun.cpp, as observed (p2p.md 8.5). RFC 8489, section 6.2.1, doubles the
/// distance and takes 39.5 s to fail; a game that looks for a path has no such time.
const WAITS: [Span; 4] = [
    Span::from_millis(400),
    Span::from_millis(600),
    Span::from_millis(900),
    Span::from_millis(1_350),
];
/// After the last time, how long an answer is waited for: until 5.3 s.
const LAST_WAIT: Span = Span::from_millis(2_050);

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    const ID: TransactionId = TransactionId::from_bytes([1; 12]);

    #[test]
    fn a_request_leaves_five_times_and_fails() {
        let start = Timestamp::from_micros(7_000_000);
        let mut transaction = Transaction::new(start, ID);
        let mut steps = Vec::new();
        while steps
            .last()
            .is_none_or(|(_, step)| *step != TransactionStep::Failed)
        {
            let now = transaction.next_deadline();
            assert_eq!(transaction.on_timeout(now - Span::from_micros(1)), None);
            let step = transaction.on_timeout(now).unwrap();
            steps.push((now.since(start).as_millis(), step));
        }
        let again = TransactionStep::Retransmit;
        let expected = [
            (400, again),
            (1_000, again),
            (1_900, again),
            (3_250, again),
            (5_300, TransactionStep::Failed),
        ];
        assert_eq!(steps, expected);
        assert_eq!(transaction.sent(), 5);
    }

    #[test]
    fn what_a_late_clock_sends_gets_its_time() {
        let mut transaction = Transaction::new(Timestamp::ZERO, ID);
        let late = Timestamp::ZERO + Span::from_secs(60);
        let step = transaction.on_timeout(late);
        assert_eq!(step, Some(TransactionStep::Retransmit));
        assert_eq!(transaction.on_timeout(late), None);
        assert_eq!(transaction.next_deadline(), late + Span::from_millis(600));
        assert_eq!(
            (transaction.sent(), transaction.started()),
            (2, Timestamp::ZERO)
        );
    }
}
