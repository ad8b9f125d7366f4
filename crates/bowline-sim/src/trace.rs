//! A fingerprint of everything that happened, to hold one run against another.

use std::fmt;

use bowline_core::time::{Span, Timestamp};
use sha2::{Digest, Sha256};

/// The fingerprint of a run: equal for equal runs.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct TraceHash([u8; 32]);

impl TraceHash {
    /// The bytes of the hash.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for TraceHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for TraceHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Hashes what happens, and remembers where the hash stood after each second, so that two runs
/// that differ can be told when they parted.
#[derive(Clone, Debug)]
pub(crate) struct Trace {
    hash: Sha256,
    records: u64,
    next_mark: Timestamp,
    marks: Vec<(Timestamp, TraceHash)>,
}

impl Trace {
    pub(crate) fn new(start: Timestamp) -> Self {
        Self {
            hash: Sha256::new(),
            records: 0,
            next_mark: start + MARK_EVERY,
            marks: Vec::new(),
        }
    }

    /// Takes down that `what` happened. Each part goes in with its length, so that no two
    /// different records look alike.
    pub(crate) fn record(&mut self, now: Timestamp, what: &[&[u8]]) {
        if now >= self.next_mark {
            self.marks.push((now, self.digest()));
            self.next_mark = now + MARK_EVERY;
        }
        self.records += 1;
        self.hash.update(now.as_micros().to_le_bytes());
        for part in what {
            self.hash.update((part.len() as u64).to_le_bytes());
            self.hash.update(part);
        }
    }

    pub(crate) fn digest(&self) -> TraceHash {
        TraceHash(self.hash.clone().finalize().into())
    }

    pub(crate) const fn records(&self) -> u64 {
        self.records
    }

    /// The last time at which both were still the same, if they are not the same now.
    pub(crate) fn parted_after(&self, other: &Self) -> Option<Timestamp> {
        if self.digest() == other.digest() {
            return None;
        }
        let same = self
            .marks
            .iter()
            .zip(&other.marks)
            .take_while(|(a, b)| a == b);
        Some(same.last().map_or(Timestamp::ZERO, |(mark, _)| mark.0))
    }
}

const MARK_EVERY: Span = Span::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Timestamp {
        Timestamp::ZERO + Span::from_millis(ms)
    }

    #[test]
    fn records_do_not_run_into_each_other() {
        let mut a = Trace::new(Timestamp::ZERO);
        let mut b = a.clone();
        a.record(at(1), &[b"ab", b"c"]);
        b.record(at(1), &[b"a", b"bc"]);
        assert_ne!(a.digest(), b.digest());
    }

    #[test]
    fn tells_when_two_runs_parted() {
        let mut a = Trace::new(Timestamp::ZERO);
        let mut b = a.clone();
        for ms in (0..5000).step_by(100) {
            a.record(at(ms), &[b"x"]);
            b.record(at(ms), &[if ms == 3500 { b"y" } else { b"x" }]);
            if ms < 3500 {
                assert_eq!(a.parted_after(&b), None);
            }
        }
        assert_eq!(a.parted_after(&b), Some(at(3000)));
        assert_eq!(a.records(), 50);
    }
}
