//! What applications say to each other.

use bowline_core::ids::LaneIndex;
use bowline_core::message::{Freshness, Outgoing, SendFlags};
use bowline_core::rng::Rng;
use bowline_core::time::Span;
use bytes::Bytes;

use crate::host::Conn;
use crate::swarm::{Feature, Scenario, magnitude};

/// Most messages in one step, and in a burst.
const MAX_MESSAGES: (u32, u32) = (12, 120);
/// How many messages are poured through one lane, and their size: by the time that the first half has
/// arrived over a link without losses, a sender dares to have as much under way as a window takes.
const BULK: (u32, usize) = (40, 100_000);
/// Keys that are used.
const KEYS: u32 = 5;
/// Sizes at which something changes: empty, the longest whose size needs no further byte, what fits one
/// packet, the largest that go unreliably here and at the peer, the largest there are, and one more.
const EDGES: &[u32] = &[
    0, 1, 31, 32, 33, 100, 127, 128, 1_099, 1_200, 1_239, 1_240, 1_279, 1_280, 1_300, 4_095, 4_096,
    16_499, 16_500, 16_501, 26_000, 65_535, 524_287, 524_288, 524_289,
];

impl Scenario<'_> {
    /// Sends some messages, here and there.
    pub(super) fn talk(&mut self) {
        if self.once_in(20) {
            // All at once through one connection.
            if let Some(conn) = self.any_end() {
                self.say(conn, MAX_MESSAGES.1);
            }
            return;
        }
        for _ in 0..self.rng.below(MAX_MESSAGES.0) {
            if let Some(conn) = self.any_end() {
                self.say(conn, 2);
            }
        }
    }

    /// Sends more through one lane than its window takes.
    pub(super) fn pour(&mut self) {
        let Some(conn) = self.any_end() else {
            return;
        };
        for _ in 0..BULK.0 {
            let data = payload(&mut self.rng, BULK.1);
            let _ = self.world.send(conn, SendFlags::RELIABLE, &data);
        }
    }

    /// Sends up to so many messages.
    fn say(&mut self, conn: Conn, most: u32) {
        for _ in 0..=self.rng.below(most) {
            let len = self.size();
            let data = payload(&mut self.rng, len);
            let lanes = if self.has(Feature::Lanes) { 7 } else { 1 };
            let lane = LaneIndex::new(self.rng.below(lanes) as u8);
            let flags = SendFlags::from_bits(self.rng.below(16) as u8);
            let mut message = if self.once_in(2) {
                Outgoing::new(lane, flags, &data)
            } else {
                Outgoing::new(lane, flags, Bytes::copy_from_slice(&data))
            };
            message.freshness = self.freshness();
            // A full buffer, no such lane, a connection that has ended: all part of it.
            let _ = self.world.send_message(conn, message);
        }
    }

    fn size(&mut self) -> usize {
        let rng = &mut self.rng;
        let usual = magnitude(rng, 1, 1_500);
        if !self.features.has(Feature::Sizes) {
            return usual as usize;
        }
        let len = match rng.below(40) {
            0 => EDGES[rng.below(EDGES.len() as u32) as usize],
            1 => magnitude(rng, 1, 200_000),
            2..8 => EDGES[rng.below(18) as usize],
            8..14 => magnitude(rng, 1, 20_000),
            _ => usual,
        };
        len as usize
    }

    fn freshness(&mut self) -> Freshness {
        if !self.has(Feature::Freshness) {
            return Freshness::default();
        }
        let deadline = (self.rng.below(2) == 0)
            .then(|| Span::from_micros(u64::from(magnitude(&mut self.rng, 1, 500_000))));
        let key = (self.rng.below(2) == 0).then(|| u64::from(self.rng.below(KEYS)));
        Freshness { deadline, key }
    }
}

/// `len` bytes that differ from message to message.
fn payload(rng: &mut Rng, len: usize) -> Vec<u8> {
    let pattern = rng.bytes::<32>();
    let mut bytes: Vec<u8> = pattern.iter().copied().cycle().take(len).collect();
    // No two parts of it are alike, so that none can stand in for another.
    for (index, block) in bytes.chunks_mut(pattern.len()).enumerate() {
        for (byte, mark) in block.iter_mut().zip(index.to_le_bytes()) {
            *byte ^= mark;
        }
    }
    bytes
}
