//! What the messages of the demo look like, and checking those that arrive.
//!
//! A message is a header and a filling that follows from the header, so that a receiver can tell
//! whether every byte is as it was sent.

use std::time::Instant;

use serde::Serialize;

use crate::cmd::bench::Histogram;

/// The kinds of messages.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub(crate) enum Kind {
    /// What a player does. Unreliable, from client to server.
    Update = 1,
    /// A line of chat. Reliable, from client to server.
    Chat = 2,
    /// How the world looks. Unreliable, from server to client.
    Snapshot = 3,
    /// A level file. Reliable, from server to client.
    Level = 4,
}

/// The number of the server as a sender. Clients count from 0.
pub(crate) const SERVER: u32 = u32::MAX;

const HEADER: usize = 24;

/// What was sent in one direction.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub(crate) struct Sent {
    pub(crate) unreliable: u64,
    pub(crate) reliable: u64,
    pub(crate) bytes: u64,
}

/// What arrived in one direction.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub(crate) struct Received {
    /// Different unreliable messages.
    pub(crate) unreliable: u64,
    /// Reliable messages in their order.
    pub(crate) reliable: u64,
    /// Bytes of both.
    pub(crate) bytes: u64,
    /// Messages that had arrived before.
    pub(crate) repeated: u64,
    /// Reliable messages that came before an earlier one.
    pub(crate) disordered: u64,
    /// Messages that are not as they were sent.
    pub(crate) damaged: u64,
}

/// What one side has received from one sender.
#[derive(Debug)]
pub(crate) struct Inbox {
    from: u32,
    kinds: [Kind; 2],
    next_reliable: u64,
    /// One bit for each unreliable message that has arrived.
    seen: Vec<u64>,
    pub(crate) received: Received,
    /// How long unreliable messages were under way, in nanoseconds.
    pub(crate) delay: Histogram,
}

#[derive(Clone, Copy, Debug)]
struct Header {
    kind: Kind,
    number: u64,
    sent_ns: u64,
}

impl Kind {
    /// Whether it is sent reliably.
    pub(crate) const fn is_reliable(self) -> bool {
        match self {
            Self::Chat | Self::Level => true,
            Self::Update | Self::Snapshot => false,
        }
    }

    /// Bytes of a message.
    pub(crate) const fn size(self) -> usize {
        match self {
            Self::Update => 200,
            Self::Chat => 80,
            Self::Snapshot => 600,
            Self::Level => 100 * 1024,
        }
    }

    /// Messages per second; the level is sent once.
    pub(crate) const fn hz(self) -> f64 {
        match self {
            Self::Update | Self::Snapshot => 30.0,
            Self::Chat => 2.0,
            Self::Level => 0.0,
        }
    }
}

impl Sent {
    pub(crate) const fn count(&mut self, kind: Kind) {
        if kind.is_reliable() {
            self.reliable += 1;
        } else {
            self.unreliable += 1;
        }
        self.bytes += kind.size() as u64;
    }
}

/// Makes a message.
pub(crate) fn compose(kind: Kind, from: u32, number: u64, epoch: Instant) -> Vec<u8> {
    let mut message = vec![0; kind.size()];
    let sent_ns = epoch.elapsed().as_nanos() as u64;
    message[0] = kind as u8;
    message[4..8].copy_from_slice(&from.to_le_bytes());
    message[8..16].copy_from_slice(&number.to_le_bytes());
    message[16..HEADER].copy_from_slice(&sent_ns.to_le_bytes());
    let mut filling = Filling::new(kind, from, number);
    for chunk in message[HEADER..].chunks_mut(8) {
        chunk.copy_from_slice(&filling.next()[..chunk.len()]);
    }
    message
}

impl Inbox {
    /// For messages of these kinds from this sender.
    pub(crate) fn new(from: u32, kinds: [Kind; 2]) -> Self {
        Self {
            from,
            kinds,
            next_reliable: 0,
            seen: Vec::new(),
            received: Received::default(),
            delay: Histogram::default(),
        }
    }

    /// Checks and counts a message that has arrived.
    pub(crate) fn take(&mut self, message: &[u8], is_reliable: bool, epoch: Instant) {
        let now_ns = epoch.elapsed().as_nanos() as u64;
        let header = self
            .check(message)
            .filter(|header| header.kind.is_reliable() == is_reliable);
        let Some(header) = header else {
            self.received.damaged += 1;
            return;
        };
        if is_reliable {
            self.take_reliable(header.number, message.len());
        } else if self.take_unreliable(header.number, message.len()) {
            self.delay.record(now_ns.saturating_sub(header.sent_ns));
        }
    }

    fn take_reliable(&mut self, number: u64, len: usize) {
        if number < self.next_reliable {
            self.received.repeated += 1;
            return;
        }
        if number > self.next_reliable {
            self.received.disordered += 1;
        }
        self.next_reliable = number + 1;
        self.received.reliable += 1;
        self.received.bytes += len as u64;
    }

    fn take_unreliable(&mut self, number: u64, len: usize) -> bool {
        let (word, bit) = ((number / 64) as usize, 1 << (number % 64));
        if word >= self.seen.len() {
            self.seen.resize(word + 1, 0);
        }
        let is_new = self.seen[word] & bit == 0;
        if is_new {
            self.seen[word] |= bit;
            self.received.unreliable += 1;
            self.received.bytes += len as u64;
        } else {
            self.received.repeated += 1;
        }
        is_new
    }

    /// The header, if every byte is as it was sent.
    fn check(&self, message: &[u8]) -> Option<Header> {
        let (header, mut rest) = message.split_first_chunk::<HEADER>()?;
        let kind = self
            .kinds
            .into_iter()
            .find(|kind| *kind as u8 == header[0])?;
        let word = |at: usize| u64::from_le_bytes(std::array::from_fn(|i| header[at + i]));
        let (number, sent_ns) = (word(8), word(16));
        let is_sender = word(0) >> 32 == u64::from(self.from);
        // No run of the demo comes near this; it keeps a damaged number from growing the list.
        if message.len() != kind.size() || !is_sender || number > u64::from(u32::MAX) {
            return None;
        }
        let mut filling = Filling::new(kind, self.from, number);
        while !rest.is_empty() {
            let expected = filling.next();
            let (chunk, after) = rest.split_at(rest.len().min(8));
            if chunk != &expected[..chunk.len()] {
                return None;
            }
            rest = after;
        }
        Some(Header {
            kind,
            number,
            sent_ns,
        })
    }
}

/// Bytes that look random and follow from the header. SplitMix64 (Steele, Lea, Flood 2014).
struct Filling(u64);

impl Filling {
    fn new(kind: Kind, from: u32, number: u64) -> Self {
        Self(number << 40 ^ u64::from(from) << 8 ^ kind as u64)
    }

    fn next(&mut self) -> [u8; 8] {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ mixed >> 31).to_le_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inbox() -> Inbox {
        Inbox::new(3, [Kind::Update, Kind::Chat])
    }

    fn take(inbox: &mut Inbox, kind: Kind, number: u64) {
        let epoch = Instant::now();
        let message = compose(kind, 3, number, epoch);
        inbox.take(&message, kind.is_reliable(), epoch);
    }

    #[test]
    fn messages_have_the_size_of_their_kind_and_are_accepted() {
        let mut inbox = Inbox::new(SERVER, [Kind::Snapshot, Kind::Level]);
        let epoch = Instant::now();
        for kind in [Kind::Snapshot, Kind::Level] {
            let message = compose(kind, SERVER, 0, epoch);
            assert_eq!(message.len(), kind.size());
            inbox.take(&message, kind.is_reliable(), epoch);
        }
        let received = inbox.received;
        assert_eq!(
            (received.reliable, received.unreliable, received.damaged),
            (1, 1, 0)
        );
        assert_eq!(received.bytes, 600 + 102_400);
    }

    #[test]
    fn every_changed_byte_is_noticed() {
        let mut inbox = inbox();
        let epoch = Instant::now();
        let message = compose(Kind::Chat, 3, 0, epoch);
        // The time (16..24) and the padding (1..4) mean nothing to the check.
        for at in [0, 4, 7, 15, 24, 50, 79] {
            let mut changed = message.clone();
            changed[at] ^= 0x40;
            inbox.take(&changed, true, epoch);
        }
        inbox.take(&message[..79], true, epoch);
        inbox.take(&[], true, epoch);
        inbox.take(&message, false, epoch);
        assert_eq!(inbox.received.damaged, 10);
        assert_eq!(inbox.received.reliable, 0);
    }

    #[test]
    fn order_and_repetition_of_reliable_messages_are_watched() {
        let mut inbox = inbox();
        for number in [0, 1, 1, 3, 2] {
            take(&mut inbox, Kind::Chat, number);
        }
        let received = inbox.received;
        assert_eq!(
            (received.reliable, received.repeated, received.disordered),
            (3, 2, 1)
        );
    }

    #[test]
    fn unreliable_messages_may_come_in_any_order_but_count_once() {
        let mut inbox = inbox();
        for number in [100, 5, 100, 64] {
            take(&mut inbox, Kind::Update, number);
        }
        let received = inbox.received;
        assert_eq!(
            (received.unreliable, received.repeated, received.disordered),
            (3, 1, 0)
        );
        assert_eq!(inbox.delay.summary_us().unwrap().n, 3);
    }
}
