//! Messages at fixed rates.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::{STAMP, write_stamp};
use crate::options::Rate;
use crate::peer::{Kind, Peer};

/// Messages of one kind, numbered and stamped, each at its time.
#[derive(Clone, Debug)]
pub(super) struct Stream {
    kind: Kind,
    message: Vec<u8>,
    number: u64,
    period_ns: u64,
    next_ns: u64,
}

impl Stream {
    /// The first message is due at `first_ns`.
    pub(super) fn new(kind: Kind, rate: Rate, first_ns: u64) -> Self {
        Self {
            kind,
            message: vec![0; rate.size.max(STAMP)],
            number: 0,
            period_ns: ((1e9 / rate.hz) as u64).max(1),
            next_ns: first_ns,
        }
    }

    /// When the next message is due.
    pub(super) const fn next_ns(&self) -> u64 {
        self.next_ns
    }

    /// The message that is due, if one is. Those that were missed altogether are left out.
    pub(super) fn due(&mut self, now_ns: u64) -> Option<(Kind, &[u8])> {
        let late_ns = now_ns.checked_sub(self.next_ns)?;
        self.next_ns += self.period_ns * (late_ns / self.period_ns + 1);
        write_stamp(&mut self.message, now_ns, self.number);
        self.number += 1;
        Some((self.kind, &self.message))
    }
}

/// What the clients send: each at its own phase, evenly spread.
#[derive(Debug)]
pub(super) struct Uplink {
    streams: Vec<(u64, Stream)>,
    /// When which stream is due, soonest first.
    due: BinaryHeap<Reverse<(u64, usize)>>,
}

impl Uplink {
    pub(super) fn new(kinds: &[(Kind, Rate)], connections: &[u64], now_ns: u64) -> Self {
        let mut streams = Vec::new();
        for &(kind, rate) in kinds {
            for (index, &connection) in connections.iter().enumerate() {
                let phase = index as f64 / connections.len() as f64;
                let first_ns = now_ns + (1e9 / rate.hz * phase) as u64;
                streams.push((connection, Stream::new(kind, rate, first_ns)));
            }
        }
        let due = streams.iter().enumerate();
        let due = due.map(|(index, (_, stream))| Reverse((stream.next_ns(), index)));
        Self {
            due: due.collect(),
            streams,
        }
    }

    /// Sends what is due. Tells how many messages that were, and when the next is due.
    pub(super) fn send_due(&mut self, now_ns: u64, peer: &mut impl Peer) -> (u64, u64) {
        let mut count = 0;
        while let Some(mut top) = self.due.peek_mut() {
            let Reverse((due_ns, index)) = *top;
            let (connection, stream) = &mut self.streams[index];
            let Some((kind, message)) = stream.due(now_ns) else {
                return (count, due_ns);
            };
            // What is refused is missing at the receiver, which counts.
            peer.send(*connection, kind, message);
            count += 1;
            *top = Reverse((stream.next_ns(), index));
        }
        (count, u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate {
        hz: 100.0,
        size: 20,
    };
    const PERIOD_NS: u64 = 10_000_000;

    #[test]
    fn a_stream_keeps_its_phase_and_leaves_out_what_it_missed() {
        let mut stream = Stream::new(Kind::Reliable, RATE, 5);
        assert!(stream.due(4).is_none());
        assert!(stream.due(6).is_some());
        assert_eq!(stream.next_ns(), 5 + PERIOD_NS);
        assert!(stream.due(7 + 3 * PERIOD_NS).is_some());
        assert_eq!(stream.next_ns(), 5 + 4 * PERIOD_NS);
        assert_eq!(stream.number, 2);
    }

    #[test]
    fn clients_spread_over_the_period() {
        let uplink = Uplink::new(&[(Kind::Reliable, RATE)], &[1, 2, 3, 4], 100);
        let phases: Vec<_> = uplink
            .streams
            .iter()
            .map(|(_, s)| s.next_ns() - 100)
            .collect();
        assert_eq!(phases, [0, PERIOD_NS / 4, PERIOD_NS / 2, PERIOD_NS * 3 / 4]);
    }
}
