//! Counts by bucket, fine enough to read percentiles from.
//!
//! GNS keeps a list of samples for its percentiles. The buckets here are subdivisions of those that it
//! reports, so one small array answers both questions in constant memory.

use serde::Deserialize;
use serde::Serialize;

/// How many samples fell into each of `N` adjoining ranges.
///
/// The table of upper bounds is not stored: every call is given the same one. Bounds are inclusive and
/// ascending; a last bound of `u32::MAX` makes the last range open.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Histogram<const N: usize>(#[serde(with = "crate::serde_array")] [u32; N]);

impl<const N: usize> Histogram<N> {
    pub(super) const fn new() -> Self {
        Self([0; N])
    }

    /// Counts one sample. A value above the last bound counts as that bound.
    pub(super) fn add(&mut self, upper: &[u32; N], value: u32) {
        let bucket = upper.partition_point(|&bound| bound < value);
        if let Some(count) = self.0.get_mut(bucket.min(N.saturating_sub(1))) {
            *count = count.saturating_add(1);
        }
    }

    /// All samples.
    pub(super) fn total(&self) -> u64 {
        self.0.iter().map(|&count| u64::from(count)).sum()
    }

    /// The samples within `low..=high`, which must fall on bounds; `None` if there are none, as the
    /// wire leaves out empty buckets.
    pub(super) fn within(&self, upper: &[u32; N], low: u32, high: u32) -> Option<u32> {
        let sum = upper
            .iter()
            .zip(&self.0)
            .filter(|(bound, _)| (low..=high).contains(*bound))
            .fold(0_u32, |sum, (_, &count)| sum.saturating_add(count));
        (sum > 0).then_some(sum)
    }

    /// The value that `percent` of the samples do not exceed, interpolated within its bucket; `None`
    /// with fewer than `min_samples`. In the open bucket: the least value of it.
    pub(super) fn percentile(
        &self,
        upper: &[u32; N],
        percent: u64,
        min_samples: u64,
    ) -> Option<u32> {
        let total = self.total();
        if total == 0 || total < min_samples {
            return None;
        }
        let mut rank = total.saturating_mul(percent).div_ceil(100).clamp(1, total);
        // One past the bucket's lower neighbour; the first bucket starts at 0.
        let mut first = 0_u32;
        for (&bound, &count) in upper.iter().zip(&self.0) {
            let count = u64::from(count);
            if rank <= count {
                return Some(interpolate(first, bound, rank, count));
            }
            rank -= count;
            first = bound.saturating_add(1);
        }
        None
    }
}

/// The `rank`th of `count` samples spread evenly over `first..=last`.
fn interpolate(first: u32, last: u32, rank: u64, count: u64) -> u32 {
    if last == u32::MAX {
        return first;
    }
    let values = u64::from(last.saturating_sub(first)) + 1;
    let step = rank.saturating_mul(values).div_ceil(count.max(1));
    u32::try_from(u64::from(first) + step.clamp(1, values) - 1).unwrap_or(last)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const UPPER: [u32; 4] = [0, 10, 20, u32::MAX];

    #[test]
    fn bounds_are_inclusive() {
        let mut histogram = Histogram::new();
        for value in [0, 1, 10, 11, 20, 21, u32::MAX] {
            histogram.add(&UPPER, value);
        }
        assert_eq!(histogram.0, [1, 2, 2, 2]);
        assert_eq!(histogram.total(), 7);
        assert_eq!(histogram.within(&UPPER, 0, 10), Some(3));
        assert_eq!(histogram.within(&UPPER, 21, u32::MAX), Some(2));
        assert_eq!(Histogram::new().within(&UPPER, 0, u32::MAX), None);
    }

    #[test]
    fn percentiles_interpolate_and_need_enough_samples() {
        let mut histogram = Histogram::new();
        for value in 1..=10 {
            histogram.add(&UPPER, value);
        }
        assert_eq!(histogram.percentile(&UPPER, 50, 10), Some(5));
        assert_eq!(histogram.percentile(&UPPER, 100, 10), Some(10));
        assert_eq!(histogram.percentile(&UPPER, 1, 10), Some(1));
        assert_eq!(histogram.percentile(&UPPER, 50, 11), None);

        let mut open = Histogram::new();
        open.add(&UPPER, 5_000);
        assert_eq!(open.percentile(&UPPER, 50, 1), Some(21));
    }

    proptest! {
        #[test]
        fn percentile_lies_in_the_bucket_of_the_true_one(
            mut values in prop::collection::vec(0_u32..40, 1..100),
            percent in 1_u64..=100,
        ) {
            let mut histogram = Histogram::new();
            for &value in &values {
                histogram.add(&UPPER, value);
            }
            values.sort_unstable();
            let rank = (values.len() * percent as usize).div_ceil(100);
            let bucket = |value| UPPER.partition_point(|&bound| bound < value);
            let read = histogram.percentile(&UPPER, percent, 1).unwrap();
            prop_assert_eq!(bucket(read), bucket(values[rank - 1]));
        }
    }
}
