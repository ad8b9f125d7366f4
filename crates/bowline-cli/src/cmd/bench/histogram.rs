//! How often which value occurred, at a fixed relative precision.

use serde::Serialize;

/// Counts of values, in buckets that are 1/128 of their value wide.
#[derive(Clone, Debug, Default)]
pub(crate) struct Histogram {
    counts: Vec<u64>,
    count: u64,
    sum: u128,
    max: u64,
}

/// What is told of a histogram of nanoseconds, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Summary {
    pub(crate) n: u64,
    pub(crate) mean: f64,
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) p999: f64,
    pub(crate) p9999: f64,
    pub(crate) max: f64,
}

const STEP_BITS: u32 = 7;
const STEPS: u64 = 1 << STEP_BITS;

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

    /// The value below or at which `per_mille` of a thousand values are; `None` if there is none.
    pub(crate) fn quantile(&self, per_mille: u64) -> Option<u64> {
        self.quantile_of(per_mille, 1_000)
    }

    fn quantile_of(&self, part: u64, whole: u64) -> Option<u64> {
        let wanted = (u128::from(self.count) * u128::from(part)).div_ceil(whole.into());
        let wanted = u64::try_from(wanted).ok()?.max(1);
        let mut seen = 0;
        for (bucket, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return Some(top_of(bucket).min(self.max));
            }
        }
        None
    }

    /// What is told of it; `None` (JSON: null) if nothing was counted. Values are nanoseconds.
    pub(crate) fn summary_us(&self) -> Option<Summary> {
        let us = |ns: u64| ns as f64 / 1e3;
        Some(Summary {
            n: self.count,
            mean: self.sum as f64 / self.count as f64 / 1e3,
            p50: us(self.quantile(500)?),
            p99: us(self.quantile(990)?),
            p999: us(self.quantile(999)?),
            p9999: us(self.quantile_of(9_999, 10_000)?),
            max: us(self.max),
        })
    }
}

fn bucket_of(value: u64) -> usize {
    let bits = u64::BITS - value.leading_zeros();
    let shift = bits.saturating_sub(STEP_BITS + 1);
    (u64::from(shift) * STEPS + (value >> shift)) as usize
}

/// The greatest value of a bucket.
fn top_of(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    let shift = (bucket / STEPS).saturating_sub(1);
    let step = bucket - shift * STEPS;
    (step << shift) + ((1 << shift) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_lies_in_its_bucket() {
        let mut value = 0u64;
        while value < 1 << 50 {
            let top = top_of(bucket_of(value));
            assert!(
                top >= value && top - value <= value / STEPS,
                "{value} {top}"
            );
            assert_eq!(bucket_of(top), bucket_of(value));
            assert_eq!(bucket_of(top + 1), bucket_of(value) + 1);
            value = value * 5 / 4 + 1;
        }
    }

    #[test]
    fn quantiles_are_within_a_percent() {
        let mut histogram = Histogram::default();
        for value in 1..=100_000u64 {
            histogram.record(value * 1000);
        }
        let summary = histogram.summary_us().unwrap();
        assert_eq!((summary.n, summary.max), (100_000, 100_000.0));
        for (told, is) in [
            (summary.p50, 5e4),
            (summary.p99, 9.9e4),
            (summary.p999, 9.99e4),
            (summary.p9999, 9.999e4),
        ] {
            assert!((told / is - 1.0).abs() < 0.01, "{told} {is}");
        }
        assert!((summary.mean / 50_000.5 - 1.0).abs() < 1e-9);
    }

    #[test]
    fn nothing_counted_is_null() {
        let json = serde_json::to_value(Histogram::default().summary_us()).unwrap();
        assert!(json.is_null());
    }
}
