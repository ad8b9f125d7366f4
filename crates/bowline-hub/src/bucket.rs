//! Limits of how often something may happen.

use bowline_core::time::Span;
use bowline_core::time::Timestamp;

/// How many tokens come in, and how many there may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate {
    pub(crate) per_sec: u32,
    pub(crate) burst: u32,
}

/// Tokens that come in at a steady rate. All that is kept is when there will be as many as there may be.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Bucket {
    full_at: Timestamp,
}

impl Bucket {
    /// Takes tokens if there are so many.
    pub(crate) fn take(&mut self, now: Timestamp, rate: Rate, count: u32) -> bool {
        let cost = |tokens: u32| {
            Span::from_micros(u64::from(tokens) * 1_000_000 / u64::from(rate.per_sec.max(1)))
        };
        let full_at = self.full_at.max(now) + cost(count);
        if full_at.since(now) > cost(rate.burst) {
            return false;
        }
        self.full_at = full_at;
        true
    }

    /// When nothing of it was used.
    pub(crate) const fn full_at(&self) -> Timestamp {
        self.full_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_allowed_and_then_the_rate() {
        let rate = Rate {
            per_sec: 10,
            burst: 40,
        };
        let mut bucket = Bucket::default();
        let start = Timestamp::from_micros(5_000_000);
        let count =
            |bucket: &mut Bucket, now| (0..1000).filter(|_| bucket.take(now, rate, 1)).count();
        assert_eq!(count(&mut bucket, start), 40);
        assert_eq!(count(&mut bucket, start + Span::from_millis(500)), 5);
        assert_eq!(count(&mut bucket, start + Span::from_secs(100)), 40);
        assert!(
            !bucket.take(start + Span::from_secs(1000), rate, 41),
            "more than there ever are"
        );
    }
}
