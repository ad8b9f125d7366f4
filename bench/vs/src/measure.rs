//! Clocks, memory, and how often which value occurred.

use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};

/// Nanoseconds of a clock that all processes of this machine share.
pub(crate) fn now_ns() -> u64 {
    clock_ns(ClockId::Monotonic)
}

/// Nanoseconds of processor time that this process has used, in all its threads.
pub(crate) fn cpu_ns() -> u64 {
    clock_ns(ClockId::ProcessCPUTime)
}

/// Memory in use that is not swapped out, in KiB. 0 where it cannot be told.
pub(crate) fn rss_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let value = line.and_then(|rest| rest.split_whitespace().next());
    value.and_then(|value| value.parse().ok()).unwrap_or(0)
}

fn clock_ns(id: ClockId) -> u64 {
    let time = clock_gettime(id);
    time.tv_sec.unsigned_abs() * 1_000_000_000 + time.tv_nsec.unsigned_abs()
}

/// Counts of values, in buckets that are 1/64 of their value wide.
#[derive(Clone, Debug, Default)]
pub(crate) struct Histogram {
    counts: Vec<u64>,
    count: u64,
    sum: u128,
    max: u64,
}

/// Buckets per doubling, as a power of two.
const STEP_BITS: u32 = 6;

impl Histogram {
    /// Counts a value.
    pub(crate) fn record(&mut self, value: u64) {
        let bucket = bucket_of(value);
        if bucket >= self.counts.len() {
            self.counts.resize(bucket + 1, 0);
        }
        self.counts[bucket] += 1;
        self.count += 1;
        self.sum += u128::from(value);
        self.max = self.max.max(value);
    }

    /// The value that `per_mille` of a thousand values do not exceed; `None` if there is none.
    pub(crate) fn quantile(&self, per_mille: u64) -> Option<u64> {
        let rank = (self.count * per_mille).div_ceil(1000).max(1);
        let mut seen = 0;
        let bucket = self.counts.iter().position(|count| {
            seen += count;
            seen >= rank
        })?;
        Some(top_of(bucket).min(self.max))
    }

    /// Nanoseconds as microseconds: `{"n", "mean", "p50", "p99", "p999", "max"}`, or null.
    pub(crate) fn json_us(&self) -> Value {
        let us = |ns: Option<u64>| ns.map(|ns| ns as f64 / 1e3);
        if self.count == 0 {
            return Value::Null;
        }
        json!({
            "n": self.count,
            "mean": self.sum as f64 / self.count as f64 / 1e3,
            "p50": us(self.quantile(500)),
            "p99": us(self.quantile(990)),
            "p999": us(self.quantile(999)),
            "max": us(Some(self.max)),
        })
    }
}

fn bucket_of(value: u64) -> usize {
    let shift = (u64::BITS - value.leading_zeros()).saturating_sub(STEP_BITS + 1);
    (u64::from(shift << STEP_BITS) + (value >> shift)) as usize
}

/// The greatest value of a bucket.
fn top_of(bucket: usize) -> u64 {
    let shift = (bucket >> STEP_BITS).saturating_sub(1);
    let step = (bucket - (shift << STEP_BITS)) as u64;
    (step << shift) + ((1 << shift) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_join_without_gaps_and_are_narrow() {
        let mut value = 0u64;
        while value < 1 << 50 {
            let bucket = bucket_of(value);
            let top = top_of(bucket);
            assert!(top >= value && top - value <= value >> STEP_BITS, "{value}");
            assert_eq!(bucket_of(top), bucket);
            assert_eq!(bucket_of(top + 1), bucket + 1);
            value = value * 5 / 4 + 1;
        }
    }

    #[test]
    fn quantiles_are_those_of_the_sorted_values() {
        let mut histogram = Histogram::default();
        for value in (1..=1000).rev() {
            histogram.record(value);
        }
        for (per_mille, exact) in [(1, 1), (500, 500), (990, 990), (1000, 1000)] {
            let told = histogram.quantile(per_mille).unwrap();
            assert!(
                told >= exact && told - exact <= exact >> STEP_BITS,
                "{told}"
            );
        }
        assert_eq!(Histogram::default().quantile(500), None);
    }

    #[test]
    fn one_value_is_every_quantile() {
        let mut histogram = Histogram::default();
        histogram.record(123_456);
        let json = histogram.json_us();
        for key in ["p50", "p99", "p999", "max", "mean"] {
            assert_eq!(json[key].as_f64(), Some(123.456), "{key}");
        }
        assert!(Histogram::default().json_us().is_null());
    }

    #[test]
    fn clocks_go_forward() {
        let (now, cpu) = (now_ns(), cpu_ns());
        assert!(now > 0 && now_ns() >= now && cpu_ns() >= cpu && rss_kb() > 0);
    }
}
